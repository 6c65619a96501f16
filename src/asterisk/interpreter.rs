//! Stands between the engine's words and AMI's, sans IO: what the driver orders and what the connection tells go in, and
//! actions to send and inputs for the engine come out, in their order. Time is a parameter.

use std::collections::BTreeSet;
use std::time::Duration;

use tracing::{debug, info, warn};

use super::connection::FromAsterisk;
use super::queues::{Question, Queues};
use super::{Order, originate, translate};
use crate::ami::{Message, MessageBuilder, NoAnswer};
use crate::engine::Input;
use crate::engine::dialing::CallEvent;
use crate::model::fields::Fields;
use crate::model::ids::DialingUuid;

/// How long after a login Asterisk may take to boot.
const BOOT: Duration = Duration::from_secs(30);
/// How long after it said that it shuts down an Asterisk that is still there is asked again: a shutdown in order waits
/// for its calls, and can be called off.
const SHUTDOWN: Duration = Duration::from_secs(5);

/// What an answer is the answer to.
#[derive(Debug)]
pub enum Tag {
    /// An Originate.
    Originate(DialingUuid),
    /// A Hangup.
    Hangup(DialingUuid),
    /// A Redirect.
    Redirect(DialingUuid),
    /// A look for one channel.
    Probe(DialingUuid),
    /// A look for all channels.
    Scan,
    /// A look at a queue's agents.
    Queue(Question),
    /// The question which start of Asterisk this is.
    CoreStatus,
}

/// What comes out.
#[derive(Debug)]
pub enum Output {
    /// Send an action.
    Submit(MessageBuilder, Tag),
    /// Send an action that answers with a list.
    SubmitList(MessageBuilder, Tag),
    /// Tell the engine.
    Input(Input),
    /// A UserEvent asks for a contact of these fields.
    Contact(Fields),
}

/// See the module.
#[derive(Debug, Default)]
pub struct Interpreter {
    queues: Queues,
    /// Logged in.
    up: bool,
    /// Logged in, and the engine has been told which start of Asterisk this is. What was claimed before that is not
    /// sent: its record names another start, with which it would be thought to have ended.
    ready: bool,
    /// Logged in, and waiting for FullyBooted until then.
    boot: Option<Duration>,
    /// A ping was missed: nothing is sent that cannot be taken back.
    late: bool,
    /// Asterisk shuts down: nothing is sent, for it would be refused.
    leaving: bool,
    /// What was complained of since the login.
    told: BTreeSet<String>,
    out: Vec<Output>,
}

impl Interpreter {
    /// When [`Interpreter::tick`] is due.
    pub fn next_deadline(&self) -> Option<Duration> {
        self.boot.into_iter().chain(self.queues.next_deadline()).min()
    }

    /// Time has passed: an Asterisk that never says that it is booted, or that it goes on, is asked all the same. And what
    /// events have told of queues is checked.
    #[must_use]
    pub fn tick(&mut self, now: Duration) -> Vec<Output> {
        if self.boot.is_some_and(|at| at <= now) {
            self.boot = None;
            self.submit(originate::core_status(), Tag::CoreStatus);
        }
        self.ask_about_queues(now);
        std::mem::take(&mut self.out)
    }

    /// The driver orders something.
    #[must_use]
    pub fn order(&mut self, order: Order) -> Vec<Output> {
        self.carry_out(order);
        std::mem::take(&mut self.out)
    }

    /// The connection tells something.
    #[must_use]
    pub fn told(&mut self, now: Duration, told: FromAsterisk<Tag>) -> Vec<Output> {
        self.hear(now, told);
        self.ask_about_queues(now);
        std::mem::take(&mut self.out)
    }

    fn carry_out(&mut self, order: Order) {
        match order {
            Order::Originate(attempt) => {
                let dialing = attempt.uuid;
                if !self.ready {
                    let why = "not connected to Asterisk".to_owned();
                    return self.input(Input::Call(dialing, CallEvent::NotSent(why)));
                }
                self.input(Input::Call(dialing, CallEvent::Sent));
                self.submit(originate::originate(&attempt), Tag::Originate(dialing));
            }
            Order::Hangup(dialing) => self.submit(originate::hangup(dialing), Tag::Hangup(dialing)),
            Order::Redirect(dialing, place) => {
                self.submit(originate::redirect(dialing, &place), Tag::Redirect(dialing));
            }
            Order::Probe(dialing) => self.submit_list(originate::probe(dialing), Tag::Probe(dialing)),
            Order::Scan => self.submit_list(originate::scan(), Tag::Scan),
            Order::WatchQueue(queue) => self.ask(Question::Status(queue)),
        }
    }

    fn ask_about_queues(&mut self, now: Duration) {
        for question in self.queues.questions(now) {
            self.ask(question);
        }
    }

    fn ask(&mut self, question: Question) {
        match &question {
            Question::Status(queue) => self.submit_list(originate::queue_status(queue), Tag::Queue(question)),
            Question::Summary(queue) => {
                self.submit_list(originate::queue_summary(queue), Tag::Queue(question));
            }
            Question::Ready(queue) => self.submit(originate::queue_ready(queue), Tag::Queue(question)),
        }
    }

    fn hear(&mut self, now: Duration, told: FromAsterisk<Tag>) {
        match told {
            FromAsterisk::Up { banner } => {
                debug!(banner, "logged in to Asterisk");
                self.up = true;
                self.late = false;
                self.leaving = false;
                self.told.clear();
                self.boot = Some(now + BOOT);
            }
            FromAsterisk::FullyBooted(_) => {
                self.boot = None;
                self.submit(originate::core_status(), Tag::CoreStatus);
            }
            FromAsterisk::Down { .. } => {
                self.up = false;
                self.ready = false;
                self.boot = None;
                self.queues.clear();
                self.input(Input::LinkDown);
            }
            FromAsterisk::PingMissed { missed } => {
                if !self.late {
                    warn!(missed, "Asterisk does not answer a ping: nothing is dialled until it does");
                }
                self.late = true;
                self.ready = false;
                self.input(Input::LinkDown);
            }
            FromAsterisk::PingAnswered { .. } => {
                if std::mem::take(&mut self.late) {
                    info!("Asterisk answers again");
                    self.submit(originate::core_status(), Tag::CoreStatus);
                }
            }
            FromAsterisk::Event(event) => {
                if translate::tells_of_shutdown(&event) {
                    self.shuts_down(now);
                }
                if let Some(agents) = self.queues.event(now, &event) {
                    self.input(agents);
                }
                if let Some(input) = translate::call_event(&event) {
                    self.input(input);
                }
                if let Some(fields) = translate::contact(&event) {
                    self.out.push(Output::Contact(fields));
                }
            }
            FromAsterisk::Response { tag, message } => {
                let asked_how_it_is = matches!(tag, Tag::CoreStatus);
                if translate::refuses_for_shutdown(&message) {
                    self.shuts_down(now);
                    if asked_how_it_is {
                        return;
                    }
                }
                self.response(now, tag, &message);
            }
            FromAsterisk::List { tag, items, .. } => self.list(now, tag, &items),
            FromAsterisk::NoAnswer { tag, why } => self.no_answer(now, tag, &why),
            FromAsterisk::Stray(message) => {
                debug!(?message, "a response that nobody waits for");
            }
            FromAsterisk::Gap { lost } => {
                warn!(lost, "events of Asterisk were lost in an overload: asking for the channels anew");
                self.carry_out(Order::Scan);
                for queue in self.queues.names() {
                    self.carry_out(Order::WatchQueue(queue));
                }
            }
        }
    }

    /// Nothing is sent until it says that it runs: it would refuse it, and that would be a try of each.
    fn shuts_down(&mut self, now: Duration) {
        self.boot = Some(now + SHUTDOWN);
        self.ready = false;
        if !self.leaving {
            warn!("Asterisk is shutting down: nothing is dialled until it is up again");
            self.leaving = true;
            self.input(Input::LinkDown);
        }
    }

    fn response(&mut self, now: Duration, tag: Tag, message: &Message) {
        match tag {
            Tag::Originate(dialing) => {
                self.input(Input::Call(dialing, translate::originate_answer(message)));
            }
            Tag::CoreStatus => {
                let epoch = translate::epoch(message).unwrap_or_else(|| {
                    let said = message.get("Message").unwrap_or_default();
                    warn!(%said, "Asterisk does not say when it was started: its restarts go unnoticed; \
                          give the AMI user the class system or reporting");
                    String::new()
                });
                if std::mem::take(&mut self.leaving) {
                    info!("Asterisk goes on");
                }
                self.ready = true;
                self.input(Input::LinkUp { epoch });
            }
            // An answer in words where a list was asked for.
            Tag::Probe(dialing) if said(message).contains("No such channel") => {
                self.input(Input::Call(dialing, CallEvent::Gone));
            }
            Tag::Probe(_) => {
                self.complain("Asterisk does not tell of a channel", &said(message));
            }
            Tag::Scan => {
                self.complain("Asterisk does not list its channels", &said(message));
                self.input(Input::Live(None));
            }
            Tag::Queue(Question::Status(queue)) => {
                self.complain(&format!("Asterisk does not tell of the queue {queue}"), &said(message));
                let none = self.queues.status(now, &queue, &[]);
                self.input(none);
            }
            Tag::Queue(question @ Question::Summary(_)) => self.queues.unanswered(now, &question),
            Tag::Queue(Question::Ready(queue)) => {
                let ready = translate::ready_agents(message);
                if ready.is_none() {
                    let what = "Asterisk does not tell which agents it leaves alone after a call: they count as free; give the \
                                AMI user the class call or reporting";
                    self.complain(what, &said(message));
                }
                let agents = self.queues.ready(now, &queue, ready);
                self.out.extend(agents.map(Output::Input));
            }
            Tag::Redirect(dialing) if !message.is_success() => {
                warn!(%dialing, said = said(message), "Asterisk does not send a callee on whom no agent takes: he waits on");
            }
            Tag::Redirect(dialing) => {
                let agents = self.queues.sent_away(now, &dialing.to_string());
                self.out.extend(agents.map(Output::Input));
            }
            Tag::Hangup(dialing) => {
                debug!(%dialing, success = message.is_success(), "hangup asked for");
            }
        }
    }

    fn list(&mut self, now: Duration, tag: Tag, items: &[Message]) {
        match tag {
            Tag::Probe(dialing) => self.input(Input::Call(dialing, translate::probe_answer(items))),
            Tag::Scan => self.input(Input::Live(Some(translate::live_channels(items)))),
            Tag::Queue(Question::Status(queue)) => {
                let agents = self.queues.status(now, &queue, items);
                let what = format!("Asterisk has no queue {queue}: its campaigns dial nobody");
                if matches!(agents, Input::Agents { agents: None, .. }) {
                    self.complain(&what, "");
                } else {
                    self.told.remove(&what);
                }
                self.input(agents);
            }
            Tag::Queue(Question::Summary(queue)) => {
                if let Some(question) = self.queues.summary(now, &queue, items) {
                    self.ask(question);
                }
            }
            Tag::Originate(_)
            | Tag::Hangup(_)
            | Tag::Redirect(_)
            | Tag::CoreStatus
            | Tag::Queue(Question::Ready(_)) => {}
        }
    }

    fn no_answer(&mut self, now: Duration, tag: Tag, why: &NoAnswer) {
        match tag {
            Tag::Originate(dialing) if why.was_sent() => {
                self.input(Input::Call(dialing, CallEvent::Unanswered));
            }
            Tag::Originate(dialing) => {
                self.input(Input::Call(dialing, CallEvent::NotSent(why.to_string())));
            }
            Tag::Scan => self.input(Input::Live(None)),
            Tag::CoreStatus if self.up => self.submit(originate::core_status(), Tag::CoreStatus),
            Tag::Queue(question @ Question::Status(_)) if self.up => self.ask(question),
            Tag::Queue(question) if self.up => self.queues.unanswered(now, &question),
            // A probe is repeated by the call that asked; the rest is asked anew once the link is up.
            Tag::Probe(_) | Tag::Hangup(_) | Tag::Redirect(_) | Tag::CoreStatus | Tag::Queue(_) => {}
        }
    }

    /// Says it once a link.
    fn complain(&mut self, what: &str, said: &str) {
        if self.told.insert(what.to_owned()) {
            warn!(said, "{what}");
        }
    }

    fn input(&mut self, input: Input) {
        self.out.push(Output::Input(input));
    }

    fn submit(&mut self, action: MessageBuilder, tag: Tag) {
        self.out.push(Output::Submit(action, tag));
    }

    fn submit_list(&mut self, action: MessageBuilder, tag: Tag) {
        self.out.push(Output::SubmitList(action, tag));
    }
}

/// What an error says.
fn said(message: &Message) -> String {
    message.get("Message").unwrap_or_default().trim().to_owned()
}
