//! Talks to Asterisk: what the engine decides goes out as AMI actions, what happens there comes in as its inputs.

pub mod connection;
pub mod interpreter;
pub mod originate;
pub mod queues;
pub mod translate;

use std::sync::Arc;

use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::engine::Input;
use crate::model::dialing::Attempt;
use crate::model::ids::DialingUuid;
use connection::{CHANNEL_CAPACITY, ConnectionOptions, FromAsterisk, ToAsterisk};
use interpreter::{Interpreter, Output, Tag};

/// The classes of events that the dialer needs: FullyBooted, calls, and the agents of queues.
pub const EVENTS: &str = "system,call,agent";

/// What the driver asks for.
#[derive(Debug)]
pub enum Order {
    /// Send the Originate of a committed attempt.
    Originate(Arc<Attempt>),
    /// Hang up a dialing's channel.
    Hangup(DialingUuid),
    /// Ask for a dialing's channel.
    Probe(DialingUuid),
    /// Ask for all channels.
    Scan,
    /// Follow the agents of a queue.
    WatchQueue(String),
}

/// Starts the connection and its interpreter; both end with `stop`, or when the ends that are given back are dropped.
pub fn start(
    options: ConnectionOptions,
    tasks: &TaskTracker,
    stop: CancellationToken,
) -> (mpsc::UnboundedSender<Order>, mpsc::Receiver<Input>) {
    let (orders, taken_orders) = mpsc::unbounded_channel();
    let (inputs, given_inputs) = mpsc::channel(4096);
    let (commands, taken_commands) = mpsc::channel(1024);
    let (out, from_asterisk) = mpsc::channel(CHANNEL_CAPACITY);
    tasks.spawn(connection::run(options, taken_commands, out, stop));
    let shell = Shell { interpreter: Interpreter::default(), origin: Instant::now(), commands, inputs };
    tasks.spawn(shell.run(taken_orders, from_asterisk));
    (orders, given_inputs)
}

/// The loop around the [`Interpreter`].
struct Shell {
    interpreter: Interpreter,
    origin: Instant,
    commands: mpsc::Sender<ToAsterisk<Tag>>,
    inputs: mpsc::Sender<Input>,
}

impl Shell {
    /// Runs until the other side of a channel is gone: the daemon is stopping.
    async fn run(
        mut self,
        mut orders: mpsc::UnboundedReceiver<Order>,
        mut from_asterisk: mpsc::Receiver<FromAsterisk<Tag>>,
    ) {
        loop {
            let deadline = self.interpreter.next_deadline().map(|at| self.origin + at);
            let wake = deadline.unwrap_or_else(Instant::now);
            let outputs = tokio::select! {
                told = from_asterisk.recv() => match told {
                    Some(told) => self.interpreter.told(self.origin.elapsed(), told),
                    None => return,
                },
                order = orders.recv() => match order {
                    Some(order) => self.interpreter.order(order),
                    None => return,
                },
                () = sleep_until(wake), if deadline.is_some() => self.interpreter.tick(self.origin.elapsed()),
            };
            for output in outputs {
                let alive = match output {
                    Output::Submit(action, tag) => {
                        self.commands.send(ToAsterisk::Submit { action, tag }).await.is_ok()
                    }
                    Output::SubmitList(action, tag) => {
                        self.commands.send(ToAsterisk::SubmitList { action, tag }).await.is_ok()
                    }
                    Output::Input(input) => self.inputs.send(input).await.is_ok(),
                };
                if !alive {
                    return;
                }
            }
        }
    }
}
