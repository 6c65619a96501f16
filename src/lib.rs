//! astout: an outbound dialer beside Asterisk.
//!
//! The rooms, from the floor up; a room imports only from lower floors, and rooms on one floor never import
//! each other, but that boot reads config, and cli both (`tests/architecture.rs` fails on a breach):
//!
//! | floor | room | what lives there |
//! |---|---|---|
//! | 0 | [`model`] | the nouns: ids, campaign, plan, destination, dlma, dl, dialing, codes, policy, events |
//! | 0 | [`ami`] | the Asterisk Manager Interface, both ends, without IO and without a dialer's words |
//! | 1 | [`engine`] | decides: campaigns, dialings, selection, limits; pure, time is a parameter |
//! | 1 | [`crash`] | where tests can make the daemon die; nothing in a release |
//! | 2 | [`asterisk`] | talks to Asterisk: the connection, its events in the engine's words, the agents of queues |
//! | 2 | [`store`] | remembers: SQLite, one writer with group commit, a file per table |
//! | 2 | [`result_log`] | appends the lines of ended attempts to `astout.result`, each once |
//! | 2 | [`disk`] | watches the room on disk, and keeps a ballast for when there is none |
//! | 2 | [`sandbox`] | a PBX that speaks AMI and rings nobody: for tests, the demo, rehearsals |
//! | 2 | [`simworld`] | the simulated world of `astout simulate`: callees, agents, virtual time; no sockets |
//! | 2 | [`check`] | the independent reader: do the records say that the promises held? |
//! | 3 | [`daemon`] | drives: owns the engine, carries out its effects, serves the doors' requests |
//! | 4 | [`manager`] | door: the AMI server, its actions and events, and the `out …` command lines |
//! | 4 | [`agi`] | door: FastAGI and UserEvents, for the dialplan: `OutDlCreate`, and agents' previews |
//! | 5 | [`boot`] | wires the above, and the order of start and stop |
//! | 5 | [`config`] | `astout.toml`: load and check; read by boot only |
//! | 5 | [`cli`] | one file per subcommand |

pub mod agi;
pub mod ami;
pub mod asterisk;
pub mod boot;
pub mod check;
pub mod cli;
pub mod config;
pub mod crash;
pub mod daemon;
pub mod disk;
pub mod engine;
pub mod manager;
pub mod model;
pub mod result_log;
pub mod sandbox;
pub mod simworld;
pub mod store;
