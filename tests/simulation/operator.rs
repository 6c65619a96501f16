//! The operators: what they set up at the start, what they do meanwhile, and what they were told is done.

use astout::daemon::handle::{Request, RequestError, Write};
use astout::engine::Options;
use astout::model::dialing::NextTry;
use astout::model::event::Noun;
use astout::model::fields::Fields;
use astout::model::policy::Policy;
use astout::model::refusal::NounKind;
use fastrand::Rng;
use tokio::sync::oneshot;
use uuid::Uuid;

use crate::simulation::{Due, Simulation, millis};

/// What an operator waits for.
pub(crate) struct Asked {
    create: bool,
    answer: oneshot::Receiver<Result<Noun, RequestError>>,
}

/// What an operator does in mid-campaign.
#[derive(Debug, Clone)]
pub(crate) enum Deed {
    /// Asks for a status of the campaign in that place.
    Status(usize, &'static str),
    Withdraw,
    NewContact,
    DeleteContact,
    UpdatePlan,
    DeletePlan,
    UpdateDestination,
}

/// See the module.
pub(crate) struct Operator {
    pub(crate) options: Options,
    pub(crate) hangs_up_orphans: bool,
    chance: Rng,
    pub(crate) plans: Vec<Uuid>,
    pub(crate) dlmas: Vec<Uuid>,
    pub(crate) dests: Vec<Uuid>,
    pub(crate) dls: Vec<Uuid>,
    pub(crate) campaigns: Vec<Uuid>,
    numbers: u32,
    /// Whether plans have caps on attempts, and some contacts a number of another's.
    caps: bool,
    /// The last number of each list.
    last: [Option<String>; 2],
}

/// What can be dialled, by technology and trunk: the first digits of numbers that do this and that.
const LOCAL: [&str; 18] = [
    "10310", "10599", "12050", "13099", "10000", "00520", "02040", "2", "3", "4", "5", "6", "705", "740",
    "8", "9017", "9034", "9018",
];
const SIPP: [&str; 7] = ["2001", "2001", "180", "404", "486", "503", "603"];

impl Operator {
    pub(crate) fn new(rng: &mut Rng) -> Self {
        let options = Options {
            max_channels: if rng.bool() { rng.u32(1..4) } else { rng.u32(2..12) },
            calls_per_second: if rng.bool() { rng.u32(1..6) } else { rng.u32(5..50) },
            max_unanswered: 10,
            policy: Policy::default(),
            on_unknown: NextTry::default(),
            preview_timeout: std::time::Duration::from_secs(60),
        };
        Self {
            options,
            hangs_up_orphans: rng.u8(..4) == 0,
            chance: rng.fork(),
            plans: Vec::new(),
            dlmas: Vec::new(),
            dests: Vec::new(),
            dls: Vec::new(),
            campaigns: Vec::new(),
            numbers: 0,
            caps: rng.u8(..3) == 0,
            last: [None, None],
        }
    }

    fn uuid(&mut self) -> Uuid {
        Uuid::from_u128(self.chance.u128(..))
    }

    /// A number of some kind, unlike every other but where caps are tried.
    fn number(&mut self, sip: bool) -> String {
        if let Some(last) =
            self.last[usize::from(sip)].clone().filter(|_| self.caps && self.chance.u8(..3) == 0)
        {
            return last;
        }
        self.numbers += 1;
        let kinds: &[&str] = if sip { &SIPP } else { &LOCAL };
        let kind = kinds[self.chance.usize(..kinds.len())];
        let number = format!("{kind}{:04}", self.numbers);
        self.last[usize::from(sip)] = Some(number.clone());
        number
    }

    fn contact(&mut self) -> Vec<(String, String)> {
        let place = self.chance.usize(..self.dlmas.len());
        // One list has the numbers of one trunk.
        let sip = place == 1;
        let mut fields = vec![("DlmaUuid".to_owned(), self.dlmas[place].to_string())];
        for index in 1..=self.chance.usize(1..4) {
            fields.push((format!("Number{index}"), self.number(sip)));
        }
        fields
    }
}

impl Simulation {
    /// What is there before the first call.
    pub(crate) async fn set_up(&mut self) {
        let mut chance = self.operator.chance.fork();
        self.advance(millis(1)).await;
        for (tech, trunk) in [("Local/", "astout-demo"), ("PJSIP/", "sipp")] {
            let uuid = self.operator.uuid();
            self.operator.plans.push(uuid);
            let tries = [chance.u32(1..4), chance.u32(0..3), chance.u32(0..2)].map(|tries| tries.to_string());
            let (timeout, delay) = (chance.u32(700..7000).to_string(), chance.u32(0..4).to_string());
            let mode = if chance.bool() { "1" } else { "2" };
            let caps = [
                format!("{}/{}s 3/40s", chance.u32(1..4), chance.u32(1..15)),
                format!("{}/{}s", chance.u32(1..4), chance.u32(1..15)),
            ];
            let caps = if self.operator.caps { caps } else { [String::new(), String::new()] };
            self.create(
                NounKind::Plan,
                uuid,
                &[
                    ("ContactCap", &caps[0]),
                    ("NumberCap", &caps[1]),
                    ("TechName", tech),
                    ("TrunkName", trunk),
                    ("DialMode", mode),
                    ("DialTimeout", &timeout),
                    ("RetryDelay", &delay),
                    ("MaxRetry1", &tries[0]),
                    ("MaxRetry2", &tries[1]),
                    ("MaxRetry3", &tries[2]),
                    ("RetryDelayBusy", "1 3"),
                    ("RetryDelayFailed", &delay),
                    ("TrunkFaultRetries", if mode == "1" { "1" } else { "0" }),
                ],
            );
        }
        for _ in 0..2 {
            let uuid = self.operator.uuid();
            self.operator.dlmas.push(uuid);
            self.create(NounKind::Dlma, uuid, &[("Name", "a list")]);
        }
        let dests: [&[(&str, &str)]; 4] = [
            &[("Type", "1"), ("Application", "Queue"), ("Data", "sales")],
            &[("Type", "1"), ("Application", "Park")],
            &[("Type", "0"), ("Context", "astout-dest"), ("Exten", "show"), ("Priority", "1")],
            &[("Type", "0"), ("Context", "astout-dest"), ("Exten", "hold"), ("Priority", "1")],
        ];
        for dest in dests {
            let uuid = self.operator.uuid();
            self.operator.dests.push(uuid);
            self.create(NounKind::Destination, uuid, dest);
        }
        for _ in 0..chance.usize(2..8) {
            self.new_contact();
        }
        self.advance(millis(1500)).await;
        for _ in 0..chance.usize(1..4) {
            let uuid = self.operator.uuid();
            self.operator.campaigns.push(uuid);
            // A list belongs to a trunk, and so to a plan; several campaigns may share it.
            let place = chance.usize(..2);
            let (plan, dlma) = (self.operator.plans[place], self.operator.dlmas[place]);
            let dest = self.operator.dests[chance.usize(..self.operator.dests.len())];
            let [plan, dlma, dest] = [plan, dlma, dest].map(|uuid| uuid.to_string());
            let weight = chance.u32(1..5).to_string();
            let fields = [("Plan", &*plan), ("Dlma", &*dlma), ("Dest", &*dest), ("Weight", &*weight)];
            self.create(NounKind::Campaign, uuid, &fields);
        }
        self.advance(millis(1500)).await;
        let Operator { plans, dlmas, dests, dls, campaigns, .. } = &self.operator;
        let made = [plans, dlmas, dests, dls, campaigns].iter().map(|made| made.len()).sum::<usize>();
        assert_eq!(self.model.promised.len(), made, "what is set up is there");
        for place in 0..self.operator.campaigns.len() {
            self.after(millis(chance.u64(..2000)), Due::Deed(Deed::Status(place, "1")));
        }
    }

    fn new_contact(&mut self) {
        let uuid = self.operator.uuid();
        let fields = self.operator.contact();
        self.operator.dls.push(uuid);
        self.request(NounKind::Dl, Write::Create(uuid), fields.into_iter().collect());
    }

    fn create(&mut self, kind: NounKind, uuid: Uuid, fields: &[(&str, &str)]) {
        self.request(kind, Write::Create(uuid), fields.iter().copied().collect());
    }

    fn update(&mut self, kind: NounKind, uuid: Uuid, field: (&str, &str)) {
        let uuid = uuid.to_string();
        self.request(kind, Write::Update, [("Uuid", uuid.as_str()), field].into_iter().collect());
    }

    fn request(&mut self, kind: NounKind, write: Write, fields: Fields) {
        let now = self.time();
        let Some(daemon) = &mut self.daemon else { return };
        let (reply, answer) = oneshot::channel();
        daemon.asked.push(Asked { create: matches!(write, Write::Create(_)), answer });
        let acts = daemon.desk.request(now, Request::Write { write, kind, fields, reply });
        self.perform(acts);
    }

    /// What operators are told now.
    pub(crate) fn hear_answers(&mut self) {
        let Some(daemon) = &mut self.daemon else { return };
        let model = &mut self.model;
        daemon.asked.retain_mut(|asked| match asked.answer.try_recv() {
            Ok(Ok(noun)) => {
                if asked.create {
                    model.promised(&noun);
                }
                false
            }
            Ok(Err(_)) => false,
            Err(oneshot::error::TryRecvError::Empty) => true,
            Err(oneshot::error::TryRecvError::Closed) => false,
        });
    }

    /// An operator does something; while the daemon is dead nobody hears it.
    pub(crate) fn deed(&mut self, deed: &Deed) {
        if self.daemon.is_none() {
            return;
        }
        self.trace.say(self.now, || format!("someone {deed:?}"));
        let any = |rng: &mut Rng, of: &[Uuid]| of.get(rng.usize(..of.len().max(1))).copied();
        match deed {
            Deed::Status(place, status) => {
                if let Some(campaign) = self.operator.campaigns.get(*place).copied() {
                    self.update(NounKind::Campaign, campaign, ("Status", status));
                }
            }
            Deed::Withdraw => self.withdraw(),
            Deed::NewContact => self.new_contact(),
            Deed::DeleteContact => {
                if let Some(dl) = any(&mut self.rng, &self.operator.dls) {
                    self.delete(NounKind::Dl, dl);
                }
            }
            Deed::DeletePlan => {
                if let Some(plan) = any(&mut self.rng, &self.operator.plans) {
                    self.delete(NounKind::Plan, plan);
                }
            }
            Deed::UpdatePlan => {
                let field = ["RetryDelay", "MaxRetry1", "MaxRetry2", "RetryDelayBusy", "TrunkFaultRetries"]
                    [self.rng.usize(..5)];
                let value = self.rng.u32(..4).to_string();
                let (field, value) = match field {
                    "TrunkFaultRetries" if self.operator.caps => {
                        ("ContactCap", format!("{}/9s", self.rng.u32(1..4)))
                    }
                    field => (field, value),
                };
                if let Some(plan) = any(&mut self.rng, &self.operator.plans) {
                    self.update(NounKind::Plan, plan, (field, &value));
                }
            }
            Deed::UpdateDestination => {
                if let Some(dest) = any(&mut self.rng, &self.operator.dests) {
                    self.update(NounKind::Destination, dest, ("Name", "another"));
                }
            }
        }
    }

    fn delete(&mut self, kind: NounKind, uuid: Uuid) {
        let fields = [("Uuid", uuid.to_string())].into_iter().collect();
        self.request(kind, Write::Delete, fields);
    }

    fn withdraw(&mut self) {
        let now = self.time();
        let Some(daemon) = &mut self.daemon else { return };
        let dialings: Vec<_> = daemon.desk.engine().dialings().map(|dialing| dialing.attempt.uuid).collect();
        let Some(dialing) = dialings.get(self.rng.usize(..dialings.len().max(1))).copied() else { return };
        let (reply, _nobody) = oneshot::channel();
        self.model.may_be_hung_up(dialing);
        let acts = daemon.desk.request(now, Request::Withdraw { dialing, reply });
        self.perform(acts);
    }
}
