//! Named points at which a daemon can be made to die, for tests: what a SIGKILL at exactly that moment leaves behind.
//!
//! `ASTOUT_CRASH_AT=after_claim_commit:3` kills the process when it passes that point the third time. A third part
//! has it do something else there: `before_claim_commit:1:panic`, `…:hang`, which blocks the thread for ever, or
//! `…:pause`, which does so for two seconds.
//! Only builds with debug assertions have any of this; in a release every point is nothing.
//!
//! | point | where |
//! |---|---|
//! | `before_claim_commit` | contacts are claimed, and their dialings written: not committed |
//! | `after_claim_commit` | the same, committed and synced; nobody was told |
//! | `before_originate_write` | a committed attempt is about to be handed to the connection |
//! | `after_originate_write` | Asterisk has been sent the Originate, all of it |
//! | `after_ack` | Asterisk has accepted the Originate; nobody was told |
//! | `before_end_commit` | a dialing is closed, its line in the outbox: not committed |
//! | `after_end_commit` | the same, committed and synced; nobody was told |
//! | `mid_log_write` | half of a batch of lines is in the result log |
//! | `after_log_write` | the batch is in the result log, synced; its position is not committed |
//! | `after_reply` | a client has been sent the success of its `Out…Create`, all of it |
//! | `recovered` | a start has read what an earlier run left, and done nothing about it yet |

/// One of the points of the table above.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Point {
    /// `before_claim_commit`
    BeforeClaimCommit,
    /// `after_claim_commit`
    AfterClaimCommit,
    /// `before_originate_write`
    BeforeOriginateWrite,
    /// `after_originate_write`
    AfterOriginateWrite,
    /// `after_ack`
    AfterAck,
    /// `before_end_commit`
    BeforeEndCommit,
    /// `after_end_commit`
    AfterEndCommit,
    /// `mid_log_write`
    MidLogWrite,
    /// `after_log_write`
    AfterLogWrite,
    /// `after_reply`
    AfterReply,
    /// `recovered`
    Recovered,
}

/// Passes a point.
#[cfg_attr(not(debug_assertions), inline(always))]
pub fn at(point: Point) {
    at_last(point, || {});
}

/// Passes a point where `is_there`; asked only where it matters.
#[cfg_attr(not(debug_assertions), inline(always))]
pub fn at_if(point: Point, is_there: impl FnOnce() -> bool) {
    #[cfg(debug_assertions)]
    if armed::is_for(point) && is_there() {
        at(point);
    }
    #[cfg(not(debug_assertions))]
    let _ = (point, is_there);
}

/// Passes a point, and if it is where it ends, does `last` before.
#[cfg_attr(not(debug_assertions), inline(always))]
pub fn at_last(point: Point, last: impl FnOnce()) {
    #[cfg(debug_assertions)]
    armed::pass(point, last);
    #[cfg(not(debug_assertions))]
    let _ = (point, last);
}

#[cfg(debug_assertions)]
mod armed {
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::time::Duration;

    use rustix::process::{Signal, getpid, kill_process};

    use super::Point;

    /// What stands in `ASTOUT_CRASH_AT`.
    #[derive(Debug, PartialEq, Eq)]
    struct Armed {
        point: Point,
        passing: u64,
        how: How,
    }

    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    enum How {
        Kill,
        Panic,
        Hang,
        Pause,
    }

    /// How long a pause is.
    const PAUSE: Duration = Duration::from_secs(2);

    static ARMED: OnceLock<Option<Armed>> = OnceLock::new();
    static PASSED: AtomicU64 = AtomicU64::new(0);

    fn armed() -> Option<&'static Armed> {
        let read = || {
            let text = std::env::var("ASTOUT_CRASH_AT").ok()?;
            let armed = parse(&text);
            if armed.is_none() {
                // A test that breaks nothing would pass.
                tracing::error!("ASTOUT_CRASH_AT={text} names no point; see src/crash.rs");
                std::process::abort();
            }
            armed
        };
        ARMED.get_or_init(read).as_ref()
    }

    pub(super) fn is_for(point: Point) -> bool {
        armed().is_some_and(|armed| armed.point == point)
    }

    #[expect(clippy::panic, reason = "that is what was asked for")]
    pub(super) fn pass(point: Point, last: impl FnOnce()) {
        let Some(armed) = armed().filter(|armed| armed.point == point) else { return };
        if PASSED.fetch_add(1, Ordering::SeqCst) + 1 != armed.passing {
            return;
        }
        last();
        match armed.how {
            How::Kill => {
                if kill_process(getpid(), Signal::KILL).is_err() {
                    std::process::abort();
                }
                // Not one step more until it has come.
                std::thread::sleep(Duration::MAX);
            }
            How::Panic => panic!("the panic that ASTOUT_CRASH_AT asks for at {point:?}"),
            How::Hang => {
                tracing::warn!("hanging at {point:?}, as ASTOUT_CRASH_AT asks for");
                std::thread::sleep(Duration::MAX);
            }
            How::Pause => {
                tracing::warn!("pausing at {point:?}, as ASTOUT_CRASH_AT asks for");
                std::thread::sleep(PAUSE);
            }
        }
    }

    fn parse(text: &str) -> Option<Armed> {
        let mut parts = text.split(':');
        let point = match parts.next()? {
            "before_claim_commit" => Point::BeforeClaimCommit,
            "after_claim_commit" => Point::AfterClaimCommit,
            "before_originate_write" => Point::BeforeOriginateWrite,
            "after_originate_write" => Point::AfterOriginateWrite,
            "after_ack" => Point::AfterAck,
            "before_end_commit" => Point::BeforeEndCommit,
            "after_end_commit" => Point::AfterEndCommit,
            "mid_log_write" => Point::MidLogWrite,
            "after_log_write" => Point::AfterLogWrite,
            "after_reply" => Point::AfterReply,
            "recovered" => Point::Recovered,
            _ => return None,
        };
        let passing = parts.next()?.parse().ok().filter(|passing| *passing > 0)?;
        let how = match parts.next() {
            None | Some("kill") => How::Kill,
            Some("panic") => How::Panic,
            Some("hang") => How::Hang,
            Some("pause") => How::Pause,
            Some(_) => return None,
        };
        parts.next().is_none().then_some(Armed { point, passing, how })
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn a_point_has_its_passing_and_may_say_how() {
            let armed = |how| Some(Armed { point: Point::AfterAck, passing: 3, how });
            assert_eq!(parse("after_ack:3"), armed(How::Kill));
            assert_eq!(parse("after_ack:3:hang"), armed(How::Hang));
            for wrong in
                ["", "after_ack", "after_ack:0", "after_lunch:1", "after_ack:1:sing", "after_ack:1:kill:"]
            {
                assert_eq!(parse(wrong), None, "{wrong}");
            }
        }
    }
}
