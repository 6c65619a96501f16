//! The fault matrix, cases 1 to 19: what the daemon can die of, and how it can be told to end. Each case on the sandbox
//! and, where an Asterisk has a part in it, on a real one; `astout check` at the end of each.
//!
//! | case | where |
//! |---|---|
//! | 1–8, 10 | `kills`: SIGKILL at named points (`src/crash.rs`) |
//! | 3–5, the times | `times`: those of calls that astout has not seen are the PBX's own |
//! | 11, 13, 14 | `standstill`: stopped, deadlocked, panicked; what systemd is told |
//! | 15 | `memory`: killed by the kernel for its memory |
//! | 12, 16–18 | `stops`: what it is told, by signals and on the command line |
//! | 19 | `upgrade`: an older schema with calls up, a newer one |
//! | 9 | `tests/torture.rs`: SIGKILL at random moments |

#![expect(clippy::unwrap_used, reason = "a failure is a failed test")]

mod fault;
mod kills;
mod memory;
mod standstill;
mod stops;
#[path = "../support/mod.rs"]
mod support;
mod times;
mod upgrade;
