//! How the daemon is told from outside to end, or to read its configuration anew: by signals, and by the command line.

use tokio::sync::{mpsc, oneshot, watch};

/// In what manner it ends. A later one is more urgent, and may come while an earlier one is under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Manner {
    /// Nothing more is dialled; it ends with the last call, however long that takes.
    Drain,
    /// Nothing more is dialled; what rings is waited for, for a while. Calls that are up stay up.
    InOrder,
    /// Nothing more is dialled, and every call is hung up.
    HangUp,
    /// Only what is being written is waited for, and only a moment.
    Now,
}

/// Tells everybody who has a clone of it that the daemon is to end. Nobody can take it back.
#[derive(Debug, Clone)]
pub struct Stop {
    manner: watch::Sender<Option<Manner>>,
}

impl Default for Stop {
    fn default() -> Self {
        Self { manner: watch::Sender::new(None) }
    }
}

impl Stop {
    /// Asks for the end, unless a more urgent one is asked for already.
    pub fn request(&self, manner: Manner) {
        self.manner.send_if_modified(|asked| {
            let more = *asked < Some(manner);
            if more {
                *asked = Some(manner);
            }
            more
        });
    }

    /// What is asked for.
    pub fn manner(&self) -> Option<Manner> {
        *self.manner.borrow()
    }

    /// Waits until something more urgent than `than` is asked for.
    pub async fn more_urgent(&self, than: Option<Manner>) -> Manner {
        loop {
            let mut asked = self.manner.subscribe();
            // The sender is ours: it cannot be gone.
            if let Ok(asked) = asked.wait_for(|asked| *asked > than).await
                && let Some(manner) = *asked
            {
                return manner;
            }
        }
    }
}

/// Whether a new configuration was taken up; if not, what is wrong with it.
pub type Reloaded = Result<(), String>;

/// What the local command line may tell the daemon.
#[derive(Debug, Clone)]
pub struct Control {
    /// That it is to end.
    pub stop: Stop,
    reload: mpsc::Sender<oneshot::Sender<Reloaded>>,
}

impl Control {
    /// With where it is taken that the configuration is to be read anew, and the answer goes.
    pub fn new() -> (Self, mpsc::Receiver<oneshot::Sender<Reloaded>>) {
        let (reload, asked) = mpsc::channel(1);
        (Self { stop: Stop::default(), reload }, asked)
    }

    /// Has the configuration read anew; ends once that is taken up, or is not.
    ///
    /// # Errors
    /// What is wrong with it: the running one stays.
    pub async fn reload(&self) -> Reloaded {
        let stopping = || "astout is stopping".to_owned();
        let (told, answer) = oneshot::channel();
        self.reload.send(told).await.map_err(|_| stopping())?;
        answer.await.map_err(|_| stopping())?
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_more_urgent_end_is_heard_of_and_a_less_urgent_one_changes_nothing() {
        let stop = Stop::default();
        stop.request(Manner::InOrder);
        assert_eq!(stop.more_urgent(None).await, Manner::InOrder);
        stop.request(Manner::Drain);
        assert_eq!(stop.manner(), Some(Manner::InOrder));
        stop.request(Manner::Now);
        assert_eq!(stop.more_urgent(Some(Manner::InOrder)).await, Manner::Now);
    }
}
