//! Talks to Asterisk: what the engine decides goes out as AMI actions, what happens there comes in as its inputs.

pub mod connection;
pub mod errand;
pub mod extensions;
pub mod interpreter;
pub mod originate;
pub mod queues;
pub mod translate;

use std::sync::Arc;

use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::warn;

use crate::crash::{self, Point};
use crate::engine::dialing::CallEvent;
use crate::engine::{Input, calling, window};
use crate::model::dialing::Attempt;
use crate::model::fields::Fields;
use crate::model::ids::DialingUuid;
use crate::model::time::Timestamp;
use connection::{CHANNEL_CAPACITY, ConnectionOptions, FromAsterisk, ToAsterisk};
use interpreter::{Interpreter, Output, Tag};

/// The classes of events that the dialer needs: FullyBooted, calls, and the agents of queues.
pub const EVENTS: &str = "system,call,agent";

/// The class of the events of dialplans and AMI clients of Asterisk's, where these are taken too.
pub const USER_EVENTS: &str = "user";

/// What the driver asks for.
#[derive(Debug)]
pub enum Order {
    /// Send the Originate of a committed attempt.
    Originate(Arc<Attempt>),
    /// Hang up a dialing's channel.
    Hangup(DialingUuid),
    /// Have a dialing's channel go on at a place of the dialplan: its context, extension and priority.
    Redirect(DialingUuid, [String; 3]),
    /// Ask for a dialing's channel.
    Probe(DialingUuid),
    /// Ask for all channels.
    Scan,
    /// Follow the agents of a queue.
    WatchQueue(String),
}

/// By which it is asked whether interpreter and connection turn.
#[derive(Debug, Clone)]
pub struct Pulse {
    beats: mpsc::Sender<oneshot::Sender<()>>,
}

impl Pulse {
    /// Ends once both have come to it: they turn. At once where they have ended.
    pub async fn beat(&self) {
        let (beat, answer) = oneshot::channel();
        if self.beats.send(beat).await.is_ok() {
            drop(answer.await);
        }
    }
}

/// Starts the connection and its interpreter; both end with `stop`, or when the ends that are given back are dropped.
/// `wall` tells the time of day: an Originate whose campaign's window has closed on its way here is not sent. Contacts that
/// UserEvents bring go to `contacts`, as far as there is room.
pub fn start(
    options: ConnectionOptions,
    wall: impl Fn() -> Timestamp + Send + Sync + 'static,
    contacts: Option<mpsc::Sender<Fields>>,
    tasks: &TaskTracker,
    stop: CancellationToken,
) -> (mpsc::UnboundedSender<Order>, mpsc::Receiver<Input>, Pulse) {
    let (beats, taken_beats) = mpsc::channel(1);
    let (orders, taken_orders) = mpsc::unbounded_channel();
    let (inputs, given_inputs) = mpsc::channel(4096);
    let (commands, taken_commands) = mpsc::channel(1024);
    let (out, from_asterisk) = mpsc::channel(CHANNEL_CAPACITY);
    tasks.spawn(connection::run(options, taken_commands, out, stop));
    let interpreter = Interpreter::default();
    let shell = Shell { interpreter, origin: Instant::now(), wall, commands, inputs, contacts };
    tasks.spawn(shell.run(taken_orders, from_asterisk, taken_beats));
    (orders, given_inputs, Pulse { beats })
}

/// The loop around the [`Interpreter`].
struct Shell<W> {
    interpreter: Interpreter,
    origin: Instant,
    wall: W,
    commands: mpsc::Sender<ToAsterisk<Tag>>,
    inputs: mpsc::Sender<Input>,
    contacts: Option<mpsc::Sender<Fields>>,
}

impl<W: Fn() -> Timestamp> Shell<W> {
    /// Runs until the other side of a channel is gone: the daemon is stopping.
    async fn run(
        mut self,
        mut orders: mpsc::UnboundedReceiver<Order>,
        mut from_asterisk: mpsc::Receiver<FromAsterisk<Tag>>,
        mut beats: mpsc::Receiver<oneshot::Sender<()>>,
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
                    Some(Order::Originate(attempt)) if self.is_too_late(&attempt) => {
                        vec![Output::Input(Input::Call(attempt.uuid, CallEvent::WindowClosed))]
                    }
                    Some(order) => self.interpreter.order(order),
                    None => return,
                },
                Some(beat) = beats.recv() => {
                    if self.commands.send(ToAsterisk::Beat(beat)).await.is_err() {
                        return;
                    }
                    continue;
                }
                () = sleep_until(wake), if deadline.is_some() => self.interpreter.tick(self.origin.elapsed()),
            };
            for output in outputs {
                crash::at_if(Point::BeforeOriginateWrite, || {
                    matches!(output, Output::Submit(_, Tag::Originate(_)))
                });
                crash::at_if(Point::AfterAck, || {
                    matches!(output, Output::Input(Input::Call(_, CallEvent::Queued)))
                });
                let alive = match output {
                    Output::Submit(action, tag) => {
                        self.commands.send(ToAsterisk::Submit { action, tag }).await.is_ok()
                    }
                    Output::SubmitList(action, tag) => {
                        self.commands.send(ToAsterisk::SubmitList { action, tag }).await.is_ok()
                    }
                    Output::Input(input) => self.inputs.send(input).await.is_ok(),
                    Output::Contact(fields) => {
                        self.bring(fields);
                        true
                    }
                };
                if !alive {
                    return;
                }
            }
        }
    }

    /// Calls never wait for contacts.
    fn bring(&self, fields: Fields) {
        if let Some(Err(TrySendError::Full(_))) = self.contacts.as_ref().map(|to| to.try_send(fields)) {
            warn!("a UserEvent OutDlCreate came while too many wait: its contact was not made");
        }
    }

    /// Judged once more just before it is sent: this process may have been held up since it was decided.
    fn is_too_late(&self, attempt: &Attempt) -> bool {
        let now = (self.wall)();
        !window::is_open(&attempt.capsule.campaign.schedule, now) || !calling::is_hour_of(attempt, now)
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::model::campaign::Campaign;
    use crate::model::destination::Destination;
    use crate::model::dialing::Capsule;
    use crate::model::dl::Dl;
    use crate::model::dlma::Dlma;
    use crate::model::ids::{CampaignUuid, CapsuleUuid, DestinationUuid, DlUuid, DlmaUuid, PlanUuid};
    use crate::model::number::NumberIndex;
    use crate::model::plan::Plan;
    use crate::model::policy::Policy;

    /// An attempt of a campaign with a window from 9 to 17 UTC, by a plan of these fields.
    fn attempt(plan: &[(&str, &str)]) -> Arc<Attempt> {
        let (id, policy, now) = (Uuid::nil(), Policy::default(), Timestamp::from_micros(0));
        let schedule = [("ScMode", "1"), ("ScTimeStart", "09:00:00"), ("ScTimeEnd", "17:00:00")];
        let schedule = schedule.into_iter().collect();
        let place = [("Exten", "100"), ("Context", "in")].into_iter().collect();
        let capsule = Capsule {
            uuid: CapsuleUuid::new(id),
            campaign: Campaign::create(CampaignUuid::new(id), &schedule, now).unwrap(),
            plan: Plan::create(
                PlanUuid::new(id),
                &plan.iter().copied().chain([("TechName", "PJSIP")]).collect(),
                &policy,
                now,
            )
            .unwrap(),
            dlma: Dlma::create(DlmaUuid::new(id), &[("", ""); 0].into_iter().collect(), now).unwrap(),
            destination: Destination::create(DestinationUuid::new(id), &place, &policy, now).unwrap(),
            failovers: Vec::new(),
        };
        let number = [("Number1", "300")].into_iter().collect();
        let dl = Dl::create(DlUuid::new(id), DlmaUuid::new(id), &number, &policy, now).unwrap();
        let index = NumberIndex::all().next().unwrap();
        Arc::new(Attempt::new((DialingUuid::new(id), id), Arc::new(capsule), dl, index, now).unwrap())
    }

    async fn told(wall: &str, plan: &[(&str, &str)]) -> CallEvent {
        let wall: Timestamp = wall.parse().unwrap();
        let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
        let (orders, mut inputs, _pulse) =
            start(ConnectionOptions::default(), move || wall, None, &tasks, stop.clone());
        orders.send(Order::Originate(attempt(plan))).unwrap();
        loop {
            if let Input::Call(_, event) = inputs.recv().await.unwrap() {
                stop.cancel();
                return event;
            }
        }
    }

    #[tokio::test]
    async fn an_originate_whose_window_has_closed_on_its_way_is_not_sent() {
        assert_eq!(told("2026-11-17T17:00:00Z", &[]).await, CallEvent::WindowClosed);
        assert!(
            matches!(told("2026-11-17T16:59:59Z", &[]).await, CallEvent::NotSent(_)),
            "nobody is connected"
        );
    }

    #[tokio::test]
    async fn nor_is_one_whose_callees_hour_is_over() {
        let hours = [("CallingHours", "mon-fri 08:00-16:00")];
        assert_eq!(told("2026-11-17T16:00:00Z", &hours).await, CallEvent::WindowClosed);
        assert!(matches!(told("2026-11-17T15:59:59Z", &hours).await, CallEvent::NotSent(_)));
        let holiday = [("Holidays", "11-17")];
        assert_eq!(told("2026-11-17T15:59:59Z", &holiday).await, CallEvent::WindowClosed);
    }
}
