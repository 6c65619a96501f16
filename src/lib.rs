//! astout: an outbound dialer beside Asterisk.
//!
//! The rooms, from the floor up; a room imports only from lower floors, and rooms on one floor never import
//! each other (`tests/architecture.rs` fails on a breach):
//!
//! | floor | room | what lives there |
//! |---|---|---|
//! | 0 | [`model`] | the nouns: ids, campaign, plan, destination, dlma, dl, dialing, codes, policy, events |
//! | 0 | [`ami`] | the Asterisk Manager Interface, both ends, without IO and without a dialer's words |
//! | 1 | [`engine`] | decides: campaigns, dialings, selection, limits; pure, time is a parameter |
//! | 2 | [`store`] | remembers: one writer task, a read-only pool, SQLite |

pub mod ami;
pub mod engine;
pub mod model;
pub mod store;
