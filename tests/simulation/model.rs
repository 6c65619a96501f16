//! The reference model: a small account of its own of what was committed, dialled and written, and what must hold of
//! it at every step. The truth of a call is the dial log of the sandbox; the daemon is never asked.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use astout::engine::Options;
use astout::model::campaign::Campaign;
use astout::model::codes::{CampaignStatus, DialResult, DialingStatus, Outcome};
use astout::model::dialing::{Attempt, Ending};
use astout::model::dl::Dl;
use astout::model::event::Noun;
use astout::model::ids::{CampaignUuid, DialingUuid, DlUuid, PlanUuid};
use astout::model::plan::Plan;
use astout::model::time::Timestamp;
use astout::sandbox::dial_log::{Entry, What};
use astout::store::{Command, Done, Recovered};

use crate::simulation::{millis, secs};
use crate::tally::Tally;

/// An event is heard so much later at most, where nothing is wrong but that it was delayed.
const LATE_AT_MOST: Duration = millis(900);

/// A call as the sandbox says that it was.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub(crate) dialled: Duration,
    pub(crate) fate: String,
    pub(crate) answered: Option<Duration>,
    /// When, and the hangup cause; none where no channel was made, or the PBX lost it.
    pub(crate) ended: Option<(Duration, Option<u32>)>,
    /// The PBX lost it.
    pub(crate) lost: bool,
    /// It was carried out when its dialing had ended already.
    late: bool,
    /// It lived when the daemon was killed.
    outlived: bool,
}

/// A dialing as it was committed.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) dl: DlUuid,
    /// Its number, and when it was claimed by the wall clock.
    addr: String,
    at: Timestamp,
    campaign: CampaignUuid,
    place: usize,
    pub(crate) claimed: Duration,
    /// When the link had come up by which it was to be sent.
    linked: Duration,
    written: bool,
    pub(crate) call: Option<Call>,
    decided: Option<Duration>,
    /// That it was answered is committed.
    noted_as_answered: bool,
    /// The number of its line, and what it says.
    pub(crate) end: Option<(i64, Outcome)>,
    status: i64,
    /// A channel was seen, so it may have rung.
    had_channel: bool,
}

/// A contact's account.
#[derive(Debug, Default)]
pub(crate) struct Contact {
    open: Option<DialingUuid>,
    answered: bool,
    pub(crate) tries: [u32; 8],
    /// When its last try ended, and how.
    last_end: Option<Timestamp>,
    last: Option<Outcome>,
    /// The place of the number that failed last by a fault of the trunk or ours, and how often.
    faults: Option<(usize, u32)>,
}

impl Contact {
    /// How long after its last try it is left alone, in seconds.
    fn rest(&self, plan: &Plan) -> u32 {
        let own = match self.last {
            Some(Outcome::Busy) => plan.retry.busy.as_ref(),
            Some(Outcome::Failed) => plan.retry.failed.as_ref(),
            _ => None,
        };
        let delays = own.map(ToString::to_string);
        let delays: Vec<u32> =
            delays.iter().flat_map(|text| text.split(' ')).map(|delay| delay.parse().unwrap()).collect();
        let tries: u32 = self.tries.iter().sum();
        let place = (tries.max(1) as usize).min(delays.len());
        delays.get(place.wrapping_sub(1)).copied().unwrap_or(plan.retry_delay_s)
    }

    /// How many tries the number at that place gets in all.
    fn allowed(&self, plan: &Plan, place: usize) -> u32 {
        let faults = self.faults.filter(|(number, _)| *number == place).map_or(0, |(_, faults)| faults);
        plan.max_retry.0[place] + faults.min(self.tries[place]).min(plan.retry.trunk_faults)
    }
}

/// See the module.
pub(crate) struct Model {
    calls_per_second: usize,
    max_channels: usize,
    pub(crate) rows: BTreeMap<DialingUuid, Row>,
    pub(crate) contacts: BTreeMap<DlUuid, Contact>,
    /// Calls of the PBX by their number, as long as they live.
    live: BTreeMap<u64, DialingUuid>,
    restarts: Vec<Duration>,
    /// The last line that was committed, and the last that is whole in the log.
    pub(crate) last_seq: i64,
    in_log: i64,
    originated: VecDeque<Duration>,
    hung_up: BTreeSet<DialingUuid>,
    /// Nouns that operators were told are there.
    pub(crate) promised: BTreeSet<String>,
    pub(crate) campaigns: BTreeMap<CampaignUuid, Campaign>,
    plans: BTreeMap<PlanUuid, Plan>,
    dls: BTreeMap<DlUuid, Dl>,
    pub(crate) linked: bool,
    linked_since: Duration,
    /// Troubles so far: their begins and ends; and those that last.
    pub(crate) troubles: u64,
    lasting: u32,
    /// Spans in which something could go unseen.
    unseen: Vec<(Duration, Duration)>,
    blind_since: Option<Duration>,
    pub(crate) blind_serial: u64,
    losing_since: Option<Duration>,
}

fn uuid(text: &str) -> Option<DialingUuid> {
    text.parse().ok()
}

impl Model {
    pub(crate) fn new(options: &Options) -> Self {
        Self {
            calls_per_second: options.calls_per_second as usize,
            max_channels: options.max_channels as usize,
            rows: BTreeMap::new(),
            contacts: BTreeMap::new(),
            live: BTreeMap::new(),
            restarts: Vec::new(),
            last_seq: 0,
            in_log: 0,
            originated: VecDeque::new(),
            hung_up: BTreeSet::new(),
            promised: BTreeSet::new(),
            campaigns: BTreeMap::new(),
            plans: BTreeMap::new(),
            dls: BTreeMap::new(),
            linked: false,
            linked_since: Duration::ZERO,
            troubles: 0,
            lasting: 0,
            unseen: Vec::new(),
            blind_since: Some(Duration::ZERO),
            blind_serial: 0,
            losing_since: None,
        }
    }

    // ---- what could be seen

    pub(crate) fn trouble_begins(&mut self) {
        self.troubles += 1;
        self.lasting += 1;
    }

    pub(crate) fn trouble_ends(&mut self) {
        self.troubles += 1;
        self.lasting -= 1;
    }

    /// The desk hears that the link is up.
    pub(crate) fn link_up(&mut self, now: Duration) {
        self.linked = true;
        self.linked_since = now;
    }

    /// From now on something may go unseen.
    pub(crate) fn blind(&mut self, now: Duration) {
        self.blind_serial += 1;
        self.blind_since.get_or_insert(now);
    }

    /// The link was up for a while, if nothing has come since.
    pub(crate) fn seeing(&mut self, now: Duration, serial: u64) {
        if serial == self.blind_serial && self.linked {
            self.unseen.extend(self.blind_since.take().map(|since| (since, now)));
        }
    }

    pub(crate) fn loses(&mut self, now: Duration) {
        self.losing_since.get_or_insert(now);
    }

    pub(crate) fn no_longer_loses(&mut self, from: Duration) {
        self.unseen.extend(self.losing_since.take().map(|since| (since, from)));
    }

    /// Whether everything between was seen.
    fn seen(&self, from: Duration, to: Duration) -> bool {
        let spans = self.unseen.iter().copied();
        let lasting =
            [self.blind_since, self.losing_since].into_iter().flatten().map(|since| (since, Duration::MAX));
        !spans.chain(lasting).any(|(since, until)| since <= to && from <= until)
    }

    pub(crate) fn killed(&mut self, now: Duration, tally: &mut Tally) {
        self.troubles += 1;
        self.linked = false;
        self.blind(now);
        self.originated.clear();
        for dialing in self.live.values() {
            if let Some(row) = self.rows.get_mut(dialing)
                && row.end.is_none()
                && let Some(call) = &mut row.call
            {
                call.outlived = true;
                tally.count("calls alive at a kill");
            }
        }
    }

    // ---- the records

    /// The daemon has started on these records: they are what was committed.
    pub(crate) fn recovered(&self, recovered: &Recovered) {
        let open: Vec<_> =
            self.rows.iter().filter(|(_, row)| row.end.is_none()).map(|(uuid, _)| *uuid).collect();
        let mut found: Vec<_> = recovered.open_dialings.iter().map(|open| open.attempt.uuid).collect();
        found.sort_unstable();
        assert_eq!(found, open, "the open dialings after a start are those that were committed");
        assert_eq!(recovered.last_seq, self.last_seq, "the last line after a start");
        assert!(recovered.logged_seq <= self.in_log, "P4: line {} is not in the log", recovered.logged_seq);
    }

    /// After a start lines behind this one are written.
    pub(crate) fn resumed(&mut self, after: i64) {
        assert_eq!(after, self.in_log, "P4: what the log has is found at a start");
        // What was decided and not committed is forgotten with the one who decided.
        self.rows.values_mut().filter(|row| row.end.is_none()).for_each(|row| row.decided = None);
    }

    /// The store has answered: that is committed.
    pub(crate) fn committed(&mut self, now: Duration, command: &Command, done: &Done, tally: &mut Tally) {
        match (command, done) {
            (Command::Claim(order), Done::Claimed(claimed)) => {
                for (attempt, _) in &claimed.dialings {
                    let (dialing, dl, place) = (attempt.uuid, attempt.dl.uuid, attempt.index.place());
                    self.judge_caps(attempt, tally);
                    let contact = self.contacts.entry(dl).or_default();
                    assert_eq!(contact.open, None, "P3: contact {dl} is claimed as {dialing} and is open");
                    assert!(!contact.answered, "contact {dl} is claimed and was answered before");
                    let plan = &attempt.capsule.plan;
                    let rest = secs(contact.rest(plan).into());
                    let rested = contact.last_end.is_none_or(|end| end.plus(rest) <= attempt.tm_create);
                    assert!(rested, "{dl} is claimed less than {rest:?} after {:?}", contact.last_end);
                    let allowed = contact.allowed(plan, place);
                    assert!(
                        attempt.try_count <= allowed,
                        "try {} of {allowed}: {dialing}",
                        attempt.try_count
                    );
                    contact.tries[place] += 1;
                    assert_eq!(attempt.try_count, contact.tries[place], "which try {dialing} is");
                    contact.open = Some(dialing);
                    let row = Row {
                        dl,
                        addr: attempt.addr.to_string(),
                        at: attempt.tm_create,
                        campaign: order.campaign,
                        place,
                        claimed: now,
                        linked: self.linked_since,
                        written: false,
                        call: None,
                        decided: None,
                        noted_as_answered: false,
                        end: None,
                        status: 0,
                        had_channel: false,
                    };
                    assert!(self.rows.insert(dialing, row).is_none(), "P2: {dialing} was claimed before");
                }
                let open = self.rows.values().filter(|row| row.end.is_none()).count();
                assert!(open <= self.max_channels, "P8: {open} open, {} channels", self.max_channels);
            }
            (Command::Finish(ending), Done::Finished { seq, line, .. }) => {
                assert_eq!(*seq, self.last_seq + 1, "P4: lines are numbered without gaps");
                self.last_seq = *seq;
                self.finished(now, ending, *seq, line, tally);
            }
            (Command::Finish(ending), Done::AlreadyFinished) => {
                let row = &self.rows[&ending.dialing.attempt.uuid];
                assert!(row.end.is_some(), "an end is refused where there was none");
            }
            (Command::Progress(dialing, progress), Done::Noted) => {
                let answered = progress.res_dial == DialResult::Answered;
                self.rows.get_mut(dialing).into_iter().for_each(|row| row.noted_as_answered |= answered);
            }
            (command, Done::Stored { noun, .. }) => self.stored(command, noun),
            (_, Done::Moved { campaign, next }) => {
                for moved in [Some(campaign), next.as_ref()].into_iter().flatten() {
                    self.campaigns.insert(moved.uuid, moved.clone());
                }
            }
            _ => {}
        }
    }

    /// No more attempts in a period than its plan's caps say, of the contact and of the number.
    fn judge_caps(&self, attempt: &Attempt, tally: &mut Tally) {
        let calling = &attempt.capsule.plan.calling;
        let own = |row: &&Row| row.dl == attempt.dl.uuid;
        let of_number = |row: &&Row| row.addr == attempt.addr.as_str();
        for (field, text) in calling.set() {
            for cap in text.split(' ') {
                let (most, period) = cap.split_once('/').unwrap();
                let period = secs(period.strip_suffix('s').unwrap().parse().unwrap());
                let counts = |row: &&Row| {
                    let withdrawn = matches!(row.end, Some((_, Outcome::Withdrawn))) && !row.had_channel;
                    let whose = if field == "ContactCap" { own(row) } else { of_number(row) };
                    whose && !withdrawn && row.at.plus(period) > attempt.tm_create
                };
                let made = self.rows.values().filter(counts).count() + 1;
                let most: usize = most.parse().unwrap();
                assert!(made <= most, "attempt {made} by {field} {cap}: {}", attempt.uuid);
                if made == most {
                    tally.count("attempts that use up a cap");
                }
            }
        }
    }

    fn stored(&mut self, command: &Command, noun: &Noun) {
        if matches!(command, Command::Delete { .. }) {
            self.promised.remove(&uuid_of(noun));
        }
        match noun {
            Noun::Campaign(campaign) => {
                if campaign.status == CampaignStatus::StoppingForcedly {
                    let forced = |(uuid, row): (&DialingUuid, &Row)| {
                        (row.campaign == campaign.uuid && row.end.is_none()).then_some(*uuid)
                    };
                    self.hung_up.extend(self.rows.iter().filter_map(forced));
                }
                self.campaigns.insert(campaign.uuid, campaign.clone());
            }
            Noun::Plan(plan) => drop(self.plans.insert(plan.uuid, plan.clone())),
            Noun::Dl(dl) => drop(self.dls.insert(dl.uuid, dl.clone())),
            Noun::Dlma(_) | Noun::Destination(_) | Noun::Dialing(_) => {}
        }
    }

    /// Whether no campaign dials.
    pub(crate) fn is_stopped(&self) -> bool {
        self.campaigns.values().all(|campaign| campaign.status == CampaignStatus::Stop)
    }

    /// Every campaign that can dial was started and has ended by itself: nobody on its list was forgotten.
    pub(crate) fn everybody_is_through(&self) {
        for campaign in self.campaigns.values() {
            let plan = campaign.plan.and_then(|plan| self.plans.get(&plan)).filter(|plan| plan.in_use);
            let Some(plan) = plan else { continue };
            for dl in self.dls.values().filter(|dl| dl.in_use && Some(dl.dlma_uuid) == campaign.dlma) {
                let contact = self.contacts.get(&dl.uuid);
                let tries = contact.map(|contact| contact.tries).unwrap_or_default();
                let allowed = |place: usize| {
                    contact.map_or(plan.max_retry.0[place], |contact| contact.allowed(plan, place))
                };
                let left = |place: usize| dl.numbers.0[place].is_some() && tries[place] < allowed(place);
                let through = contact.is_some_and(|contact| contact.answered) || !(0..8).any(left);
                assert!(through, "contact {} was forgotten after {tries:?}, by plan {plan:?}", dl.uuid);
            }
        }
    }

    fn finished(&mut self, now: Duration, ending: &Ending, seq: i64, line: &str, tally: &mut Tally) {
        let dialing = ending.dialing.attempt.uuid;
        let outcome = ending.outcome;
        let line: serde_json::Value = serde_json::from_str(line).expect("P4: a line is JSON");
        assert_eq!(line["seq"], seq);
        assert_eq!(line["dialing_uuid"], dialing.to_string());
        assert_eq!(line["outcome"], outcome.as_str());
        let row = self.rows.get_mut(&dialing).expect("P4: a line without a row");
        assert_eq!(row.end, None, "P4: {dialing} has ended before");
        row.end = Some((seq, outcome));
        row.status = ending.dialing.progress.status.code();
        row.had_channel = ending.dialing.progress.channel_name.is_some();
        let contact = self.contacts.entry(row.dl).or_default();
        assert_eq!(contact.open.take(), Some(dialing), "the contact's open dialing is the one that ends");
        contact.answered |= outcome == Outcome::Answered;
        if outcome != Outcome::Withdrawn || row.status != DialingStatus::None.code() {
            contact.last_end = Some(ending.tm_end);
            contact.last = Some(outcome);
        }
        if ending.fault {
            let before =
                contact.faults.filter(|(place, _)| *place == row.place).map_or(0, |(_, faults)| faults);
            contact.faults = Some((row.place, before + 1));
        }
        if outcome == Outcome::Withdrawn {
            contact.tries[row.place] -= 1;
        }
        tally.count(outcome.as_str());
        self.judge(now, dialing, ending, tally);
    }

    /// Whether the line says what was.
    fn judge(&self, now: Duration, dialing: DialingUuid, ending: &Ending, tally: &mut Tally) {
        let row = &self.rows[&dialing];
        let (outcome, decided) = (ending.outcome, row.decided.unwrap_or(now));
        let cause = ending.dialing.progress.res_hangup.map(|cause| cause.0);
        let was =
            || format!("{dialing}: outcome {outcome:?}, cause {cause:?}, decided at {decided:?}; {row:?}");
        let call = row.call.as_ref();
        let answered = call.is_some_and(|call| call.answered.is_some());
        if outcome == Outcome::Answered {
            assert!(answered, "answered, and nobody did: {}", was());
        }
        assert!(!row.noted_as_answered || outcome == Outcome::Answered, "its answer is forgotten: {}", was());
        if let Some(call) = call {
            let lives = call.ended.is_none_or(|(at, _)| at > decided);
            assert!(
                !lives || call.dialled + millis(2200) > decided,
                "P6: it lives, and is given up: {}",
                was()
            );
        }
        let clear = self.seen(row.claimed, now);
        if outcome == Outcome::Unknown {
            assert!(!clear, "unknown, and nothing was in the way: {}", was());
        }
        if outcome == Outcome::PbxRestart {
            let restarted =
                self.restarts.iter().any(|at| (row.linked.saturating_sub(secs(1))..=decided).contains(at));
            assert!(restarted, "pbx-restart, and there was none: {}", was());
        }
        let given_up = self.hung_up.contains(&dialing);
        // Not wanted any more, or refused: it was never sent.
        if call.is_none() {
            let unsent = matches!(outcome, Outcome::Withdrawn) || matches!(row.status, 11);
            assert!(!clear || unsent, "not dialled, and nothing was in the way: {}", was());
            return;
        }
        let Some((call, (ended, truth))) = call.and_then(|call| Some((call, call.ended?))) else { return };
        let end_seen = self.seen(ended.saturating_sub(secs(1)), now)
            && call.dialled + secs(1) <= ended
            && ended <= decided;
        if call.lost || !(clear || end_seen) {
            return;
        }
        tally.count(if clear {
            "calls whose whole life was seen"
        } else {
            "calls of which the end was seen"
        });
        if call.outlived && end_seen {
            tally.count("calls followed on after a kill, their end seen");
        }
        let expected = expected(call);
        let as_expected = outcome == expected || (given_up && outcome == Outcome::Withdrawn && !answered);
        assert!(as_expected, "{expected:?} is expected: {}", was());
        assert_eq!(cause, truth, "the hangup cause: {}", was());
        self.judge_times(row, call, ending);
    }

    /// A talk is as long as it was, however the clock was set meanwhile.
    fn judge_times(&self, row: &Row, call: &Call, ending: &Ending) {
        let progress = &ending.dialing.progress;
        let times = (progress.tm_dial_end, progress.tm_hangup, call.answered, call.ended);
        let (Some(picked_up), Some(hung_up), Some(answered), Some((ended, _))) = times else { return };
        if !self.seen(row.claimed, ended) {
            return;
        }
        let (said, was) = (hung_up.since(picked_up), ended - answered);
        assert!(said.abs_diff(was) < LATE_AT_MOST, "it lasted {was:?}, and its times say {said:?}: {row:?}");
    }

    // ---- the log

    /// These were handed to the log, which has them all now.
    pub(crate) fn logged(&mut self, lines: &[(i64, String)]) {
        for (seq, _) in lines {
            assert_eq!(*seq, self.in_log + 1, "P4: lines are written in order, once");
            self.in_log = *seq;
        }
        assert!(self.in_log <= self.last_seq, "P4: a line is written that is not committed");
    }

    /// So much was written of some lines, and no more.
    pub(crate) fn torn(&mut self, bytes: &[u8]) {
        self.in_log += bytes.iter().filter(|byte| **byte == b'\n').count() as i64;
    }

    /// The end of a dialing is announced.
    pub(crate) fn announced(&self, dialing: DialingUuid) {
        let (seq, _) = self.rows[&dialing].end.expect("announced and not committed");
        assert!(seq <= self.in_log, "announced before its line is written: {dialing}");
    }

    // ---- what is sent

    pub(crate) fn decided(&mut self, now: Duration, dialing: DialingUuid) {
        if let Some(row) = self.rows.get_mut(&dialing) {
            // Where it cannot be committed it is tried again, and not decided anew.
            row.decided.get_or_insert(now);
        }
    }

    /// The desk has an Originate sent.
    pub(crate) fn originates(&mut self, now: Duration, dialing: DialingUuid) {
        assert!(self.rows.contains_key(&dialing), "P1: {dialing} is sent and not committed");
        while self.originated.front().is_some_and(|at| *at + secs(1) <= now) {
            self.originated.pop_front();
        }
        self.originated.push_back(now);
        let count = self.originated.len();
        assert!(
            count <= self.calls_per_second,
            "P8: {count} calls in a second, {} allowed",
            self.calls_per_second
        );
    }

    /// An Originate is written to the socket.
    pub(crate) fn written(&mut self, now: Duration, dialing: DialingUuid) {
        let row = self.rows.get_mut(&dialing).expect("P1: an Originate without a row");
        assert!(!row.written, "P2: {dialing} is written twice");
        assert_eq!(row.end, None, "{dialing} is written at {now:?} and has ended");
        row.written = true;
    }

    pub(crate) fn may_be_hung_up(&mut self, dialing: DialingUuid) {
        self.hung_up.insert(dialing);
    }

    /// The PBX is asked to hang up a channel.
    pub(crate) fn asked_to_hang_up(&self, now: Duration, channel: &str) {
        let wanted = uuid(channel).is_some_and(|dialing| self.hung_up.contains(&dialing));
        assert!(wanted, "P7: {channel} is hung up at {now:?}, and nobody asked for it");
    }

    // ---- the truth

    /// The PBX says what happens.
    pub(crate) fn truth(&mut self, now: Duration, entry: &Entry, tally: &mut Tally) {
        let dialing = || entry.channelid.as_deref().and_then(uuid).expect("a channel of nobody");
        match entry.event {
            What::Dialled => self.dialled(now, dialing(), entry, tally),
            What::Answered => {
                if let Some(call) = self.call(dialing()) {
                    call.answered = Some(now);
                }
            }
            What::Ended => {
                let lost = entry.cause.is_none();
                self.live.remove(&entry.n);
                if let Some(call) = self.call(dialing()) {
                    call.ended = Some((now, entry.cause));
                    call.lost = lost && !matches!(call.fate.as_str(), "nochannel" | "clash");
                }
            }
            What::Restarted => self.restarts.push(now),
        }
    }

    fn call(&mut self, dialing: DialingUuid) -> Option<&mut Call> {
        self.rows.get_mut(&dialing)?.call.as_mut()
    }

    fn dialled(&mut self, now: Duration, dialing: DialingUuid, entry: &Entry, tally: &mut Tally) {
        let row = self.rows.get_mut(&dialing).expect("P1: dialled without a row");
        assert!(row.written, "P1: {dialing} is dialled and was not written");
        assert!(row.call.is_none(), "P2: {dialing} is dialled twice");
        let late = row.end.is_some();
        if let Some((_, outcome)) = row.end {
            // It was looked for, twice, and given up; by then an operator may have wanted that.
            let looked_for = row.status == DialingStatus::Error.code();
            let unknown = matches!(outcome, Outcome::Unknown | Outcome::Withdrawn) && looked_for;
            assert!(unknown, "P1: {dialing} is dialled after its end, {outcome:?}");
            tally.count("calls carried out late");
        }
        row.call = Some(Call {
            dialled: now,
            fate: entry.fate.unwrap_or_default().to_owned(),
            answered: None,
            ended: None,
            lost: false,
            late,
            outlived: false,
        });
        let dl = row.dl;
        if !late {
            let known = |other: &&DialingUuid| {
                let row = &self.rows[*other];
                row.call.as_ref().is_some_and(|call| !call.late) && row.end.is_none()
            };
            let twice = self.live.values().filter(known).find(|other| self.rows[*other].dl == dl);
            assert_eq!(twice, None, "P3: contact {dl} is rung twice at once");
            let live = self.live.values().filter(known).count() + 1;
            assert!(live <= self.max_channels, "P8: {live} calls, {} channels", self.max_channels);
        }
        self.live.insert(entry.n, dialing);
    }

    /// So long ago the link came up. If nothing has come since, what was open then is settled or lives.
    pub(crate) fn settled(&self, now: Duration, up: Duration, troubles: u64) {
        if troubles != self.troubles || self.lasting > 0 {
            return;
        }
        for (dialing, row) in &self.rows {
            let lives = row.call.as_ref().is_some_and(|call| {
                // What has just ended may still be being written.
                call.ended.is_none_or(|(at, _)| at + millis(3500) > now)
            });
            assert!(
                row.end.is_some() || row.claimed > up || lives,
                "P5: {dialing} is open 10 s after the link came up, and has no channel; {row:?}"
            );
        }
    }

    /// An operator was told that this is there.
    pub(crate) fn promised(&mut self, noun: &Noun) {
        self.promised.insert(uuid_of(noun));
    }
}

fn uuid_of(noun: &Noun) -> String {
    match noun {
        Noun::Plan(plan) => plan.uuid.to_string(),
        Noun::Dlma(dlma) => dlma.uuid.to_string(),
        Noun::Destination(destination) => destination.uuid.to_string(),
        Noun::Dl(dl) => dl.uuid.to_string(),
        Noun::Campaign(campaign) => campaign.uuid.to_string(),
        Noun::Dialing(dialing) => dialing.attempt.uuid.to_string(),
    }
}

/// How a call ended, by what the sandbox says of it.
fn expected(call: &Call) -> Outcome {
    let cause = call.ended.and_then(|(_, cause)| cause).unwrap_or_default();
    match (call.answered, call.fate.as_str(), cause) {
        (Some(_), ..) => Outcome::Answered,
        // Nobody answered in time.
        (None, _, 18 | 19) => Outcome::NoAnswer,
        (None, "busy", _) => Outcome::Busy,
        (None, "congestion", _) => Outcome::Congestion,
        (None, "rejected", _) => Outcome::Rejected,
        (None, ..) => Outcome::Failed,
    }
}
