//! Talks to Asterisk: what the engine decides goes out as AMI actions, what happens there comes in as its inputs.

pub mod connection;
pub mod originate;
pub mod queues;
pub mod translate;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{debug, info, warn};

use crate::ami::{Message, MessageBuilder, NoAnswer};
use crate::engine::Input;
use crate::engine::dialing::CallEvent;
use crate::model::dialing::Attempt;
use crate::model::ids::DialingUuid;
use connection::{CHANNEL_CAPACITY, ConnectionOptions, FromAsterisk, ToAsterisk};
use queues::Queues;

/// The classes of events that the dialer needs: FullyBooted, calls, and the agents of queues.
pub const EVENTS: &str = "system,call,agent";
/// How long after a login Asterisk may take to boot.
const BOOT: Duration = Duration::from_secs(30);

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

/// What an answer is the answer to.
#[derive(Debug)]
enum Tag {
    Originate(DialingUuid),
    Hangup(DialingUuid),
    Probe(DialingUuid),
    Scan,
    Queue(String),
    CoreStatus,
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
    let interpreter = Interpreter {
        commands,
        inputs,
        queues: Queues::default(),
        up: false,
        ready: false,
        boot: None,
        late: false,
        told: BTreeSet::new(),
    };
    tasks.spawn(interpreter.run(taken_orders, from_asterisk));
    (orders, given_inputs)
}

/// Stands between the engine's words and AMI's.
struct Interpreter {
    commands: mpsc::Sender<ToAsterisk<Tag>>,
    inputs: mpsc::Sender<Input>,
    queues: Queues,
    /// Logged in.
    up: bool,
    /// Logged in, and the engine has been told which start of Asterisk this is. What was claimed before that is not
    /// sent: its record names another start, with which it would be thought to have ended.
    ready: bool,
    /// Logged in, and waiting for FullyBooted until then.
    boot: Option<Instant>,
    /// A ping was missed: nothing is sent that cannot be taken back.
    late: bool,
    /// What was complained of since the login.
    told: BTreeSet<String>,
}

/// The other side of a channel is gone: the daemon is stopping.
struct Stopped;

impl Interpreter {
    async fn run(
        mut self,
        mut orders: mpsc::UnboundedReceiver<Order>,
        mut from_asterisk: mpsc::Receiver<FromAsterisk<Tag>>,
    ) {
        loop {
            let boot = self.boot.unwrap_or_else(|| Instant::now() + BOOT);
            let done = tokio::select! {
                told = from_asterisk.recv() => match told {
                    Some(told) => self.told(told).await,
                    None => Err(Stopped),
                },
                order = orders.recv() => match order {
                    Some(order) => self.order(order).await,
                    None => Err(Stopped),
                },
                () = sleep_until(boot), if self.boot.is_some() => {
                    self.boot = None;
                    self.submit(originate::core_status(), Tag::CoreStatus).await
                }
            };
            if done.is_err() {
                return;
            }
        }
    }

    async fn order(&mut self, order: Order) -> Result<(), Stopped> {
        match order {
            Order::Originate(attempt) => {
                let dialing = attempt.uuid;
                if !self.ready {
                    let why = "not connected to Asterisk".to_owned();
                    return self.input(Input::Call(dialing, CallEvent::NotSent(why))).await;
                }
                self.input(Input::Call(dialing, CallEvent::Sent)).await?;
                self.submit(originate::originate(&attempt), Tag::Originate(dialing)).await
            }
            Order::Hangup(dialing) => self.submit(originate::hangup(dialing), Tag::Hangup(dialing)).await,
            Order::Probe(dialing) => self.submit_list(originate::probe(dialing), Tag::Probe(dialing)).await,
            Order::Scan => self.submit_list(originate::scan(), Tag::Scan).await,
            Order::WatchQueue(queue) => {
                self.submit_list(originate::queue_status(&queue), Tag::Queue(queue)).await
            }
        }
    }

    async fn told(&mut self, told: FromAsterisk<Tag>) -> Result<(), Stopped> {
        match told {
            FromAsterisk::Up { banner } => {
                debug!(banner, "logged in to Asterisk");
                self.up = true;
                self.late = false;
                self.told.clear();
                self.boot = Some(Instant::now() + BOOT);
                Ok(())
            }
            FromAsterisk::FullyBooted(_) => {
                self.boot = None;
                self.submit(originate::core_status(), Tag::CoreStatus).await
            }
            FromAsterisk::Down { .. } => {
                self.up = false;
                self.ready = false;
                self.boot = None;
                self.queues.clear();
                self.input(Input::LinkDown).await
            }
            FromAsterisk::PingMissed { missed } => {
                if !self.late {
                    warn!(missed, "Asterisk does not answer a ping: nothing is dialled until it does");
                }
                self.late = true;
                self.ready = false;
                self.input(Input::LinkDown).await
            }
            FromAsterisk::PingAnswered { .. } => {
                if std::mem::take(&mut self.late) {
                    info!("Asterisk answers again");
                    self.submit(originate::core_status(), Tag::CoreStatus).await?;
                }
                Ok(())
            }
            FromAsterisk::Event(event) => {
                if let Some(agents) = self.queues.event(&event) {
                    self.input(agents).await?;
                }
                match translate::call_event(&event) {
                    Some(input) => self.input(input).await,
                    None => Ok(()),
                }
            }
            FromAsterisk::Response { tag, message } => self.response(tag, &message).await,
            FromAsterisk::List { tag, items, .. } => self.list(tag, &items).await,
            FromAsterisk::NoAnswer { tag, why } => self.no_answer(tag, &why).await,
            FromAsterisk::Stray(message) => {
                debug!(?message, "a response that nobody waits for");
                Ok(())
            }
            FromAsterisk::Gap { lost } => {
                warn!(lost, "events of Asterisk were lost in an overload: asking for the channels anew");
                self.order(Order::Scan).await?;
                for queue in self.queues.names() {
                    self.order(Order::WatchQueue(queue)).await?;
                }
                Ok(())
            }
        }
    }

    async fn response(&mut self, tag: Tag, message: &Message) -> Result<(), Stopped> {
        match tag {
            Tag::Originate(dialing) => {
                self.input(Input::Call(dialing, translate::originate_answer(message))).await
            }
            Tag::CoreStatus => {
                let epoch = translate::epoch(message).unwrap_or_else(|| {
                    let said = message.get("Message").unwrap_or_default();
                    warn!(%said, "Asterisk does not say when it was started: its restarts go unnoticed; \
                          give the AMI user the class system or reporting");
                    String::new()
                });
                self.ready = true;
                self.input(Input::LinkUp { epoch }).await
            }
            // An answer in words where a list was asked for.
            Tag::Probe(dialing) if said(message).contains("No such channel") => {
                self.input(Input::Call(dialing, CallEvent::Gone)).await
            }
            Tag::Probe(_) => {
                self.complain("Asterisk does not tell of a channel", &said(message));
                Ok(())
            }
            Tag::Scan => {
                self.complain("Asterisk does not list its channels", &said(message));
                self.input(Input::Live(None)).await
            }
            Tag::Queue(queue) => {
                self.complain(&format!("Asterisk does not tell of the queue {queue}"), &said(message));
                let none = self.queues.status(&queue, &[]);
                self.input(none).await
            }
            Tag::Hangup(dialing) => {
                debug!(%dialing, success = message.is_success(), "hangup asked for");
                Ok(())
            }
        }
    }

    async fn list(&mut self, tag: Tag, items: &[Message]) -> Result<(), Stopped> {
        match tag {
            Tag::Probe(dialing) => self.input(Input::Call(dialing, translate::probe_answer(items))).await,
            Tag::Scan => self.input(Input::Live(Some(translate::live_channels(items)))).await,
            Tag::Queue(queue) => {
                let agents = self.queues.status(&queue, items);
                let what = format!("Asterisk has no queue {queue}: its campaigns dial nobody");
                if matches!(agents, Input::Agents { free: None, .. }) {
                    self.complain(&what, "");
                } else {
                    self.told.remove(&what);
                }
                self.input(agents).await
            }
            Tag::Originate(_) | Tag::Hangup(_) | Tag::CoreStatus => Ok(()),
        }
    }

    async fn no_answer(&mut self, tag: Tag, why: &NoAnswer) -> Result<(), Stopped> {
        match tag {
            Tag::Originate(dialing) if why.was_sent() => {
                self.input(Input::Call(dialing, CallEvent::Unanswered)).await
            }
            Tag::Originate(dialing) => {
                self.input(Input::Call(dialing, CallEvent::NotSent(why.to_string()))).await
            }
            Tag::Scan => self.input(Input::Live(None)).await,
            Tag::CoreStatus if self.up => self.submit(originate::core_status(), Tag::CoreStatus).await,
            Tag::Queue(queue) if self.up => {
                self.submit_list(originate::queue_status(&queue), Tag::Queue(queue)).await
            }
            // A probe is repeated by the call that asked; the rest is asked anew once the link is up.
            Tag::Probe(_) | Tag::Hangup(_) | Tag::CoreStatus | Tag::Queue(_) => Ok(()),
        }
    }

    /// Says it once a link.
    fn complain(&mut self, what: &str, said: &str) {
        if self.told.insert(what.to_owned()) {
            warn!(said, "{what}");
        }
    }

    async fn input(&self, input: Input) -> Result<(), Stopped> {
        self.inputs.send(input).await.map_err(|_| Stopped)
    }

    async fn submit(&self, action: MessageBuilder, tag: Tag) -> Result<(), Stopped> {
        self.commands.send(ToAsterisk::Submit { action, tag }).await.map_err(|_| Stopped)
    }

    async fn submit_list(&self, action: MessageBuilder, tag: Tag) -> Result<(), Stopped> {
        self.commands.send(ToAsterisk::SubmitList { action, tag }).await.map_err(|_| Stopped)
    }
}

/// What an error says.
fn said(message: &Message) -> String {
    message.get("Message").unwrap_or_default().trim().to_owned()
}
