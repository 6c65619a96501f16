//! Previews: who gets which contact, for how long, and what comes of a go, a skip, silence and whatever comes between.

use std::collections::BTreeSet;

use astout::engine::preview::MOST;
use astout::engine::{Effect, Input, Options};
use astout::model::codes::{CampaignStatus, Outcome};
use astout::model::dialing::NextTry;
use astout::model::event::{Change, Noun, OutEvent};
use astout::model::ids::{CampaignUuid, DialingUuid, DlUuid};
use astout::model::number::NumberIndex;
use astout::model::policy::Policy;
use astout::model::preview::{Agent, Answer, Ask, Preview, PreviewEnd};
use astout::model::refusal::Refusal;

use crate::explain::{explained, gate};
use crate::pbx::fate;
use crate::world::{Running, World, millis, secs};

const PREVIEW: [(&str, &str); 1] = [("DialMode", "4")];
const ANSWERED: &str = "answered, and the application ends";
const BUSY: &str = "Busy() of a Local channel";

fn agent(name: &str) -> Agent {
    Agent::from_fields(&[("Agent", name)].into_iter().collect()).unwrap()
}

fn next(campaign: CampaignUuid, name: &str) -> Ask {
    Ask::Next { campaign, agent: agent(name), timeout: None }
}

const fn go(preview: DialingUuid) -> Ask {
    Ask::Go { preview, number: None }
}

const fn skip(preview: DialingUuid) -> Ask {
    Ask::Skip { preview, later: None, reason: None }
}

/// Asks, where the answer comes at once.
fn answer(world: &mut World, ask: Ask) -> Result<Answer, Refusal> {
    let asked = world.ask(ask);
    world.answers.get(&asked).cloned().unwrap()
}

fn shown(world: &mut World, campaign: CampaignUuid, name: &str) -> Preview {
    match answer(world, next(campaign, name)) {
        Ok(Answer::Kept(preview)) => *preview,
        other => panic!("{other:?}"),
    }
}

fn refused(world: &mut World, ask: Ask) -> String {
    answer(world, ask).unwrap_err().to_string()
}

/// What was told of a preview: each change, and at its end what became of it.
fn told(world: &World, preview: DialingUuid) -> Vec<(Change, Option<PreviewEnd>)> {
    let told = |(_, effect): &(_, Effect)| match effect {
        Effect::Publish(OutEvent::Preview { change, preview: of, end }) if of.uuid == preview => {
            Some((*change, end.clone()))
        }
        _ => None,
    };
    world.log.iter().filter_map(told).collect()
}

fn ends_as(world: &World, preview: DialingUuid, end: PreviewEnd) {
    let expected = [(Change::Create, None), (Change::Delete, Some(end))];
    assert_eq!(told(world, preview), expected);
    assert!(world.records.kept.values().all(|kept| *kept != preview), "it is kept no longer");
}

#[test]
fn nobody_is_dialled_before_an_agent_says_go_and_then_he_is_as_by_any_other_claim() {
    let mut world = World::new();
    world.every_call(&fate(ANSWERED), secs(1), secs(10));
    let Running { campaign, .. } = world.running(&PREVIEW, 2);
    world.advance(secs(5));
    assert!(world.originated().is_empty());
    let preview = shown(&mut world, campaign, "PJSIP/100");
    assert_eq!((preview.index.get(), preview.dl.number(preview.index).unwrap().as_str()), (1, "300000"));
    assert_eq!(preview.tm_expire.since(world.now().wall), secs(60));
    world.advance(secs(5));
    assert!(world.originated().is_empty());

    assert_eq!(answer(&mut world, go(preview.uuid)), Ok(Answer::Dialled(preview.uuid)));

    assert_eq!(world.originated(), [preview.uuid], "the dialing has the preview's uuid");
    let (_, attempt) = world.attempts().remove(0);
    assert_eq!(attempt.variables.iter().collect::<Vec<_>>(), [("ASTOUT_AGENT", "PJSIP/100")]);
    ends_as(&world, preview.uuid, PreviewEnd::Dialled);
    world.advance(secs(100));
    assert_eq!(world.outcomes(), [Outcome::Answered]);
    assert_eq!(world.ending(preview.uuid).dialing.attempt.try_count, 1);
    // A second go is one too many.
    let again = refused(&mut world, go(preview.uuid));
    assert!(again.starts_with(&format!("Uuid: \"{}\" is not allowed", preview.uuid)), "{again}");
    assert_eq!(world.originated().len(), 1);
}

#[test]
fn no_two_agents_get_the_same_contact_and_no_other_campaign_dials_it() {
    let mut world = World::new();
    let Running { campaign, dlma, dest, .. } = world.running(&PREVIEW, 3);
    world.latency = Box::new(|| millis(20));
    let asked: Vec<_> = ["a", "b"].map(|name| world.ask(next(campaign, name))).to_vec();
    world.advance(secs(1));
    let kept: Vec<_> = asked.iter().map(|asked| world.answers[asked].clone().unwrap()).collect();
    let [Answer::Kept(a), Answer::Kept(b)] = &kept[..] else { panic!("{kept:?}") };
    assert_ne!(a.dl.uuid, b.dl.uuid);
    let plan = world.plan(&[]);
    let other = world.campaign(plan, dlma, dest, &[]);
    world.advance(secs(1));
    world.request(other, CampaignStatus::Start);
    world.advance(secs(30));
    let dialled: Vec<DlUuid> = world.attempts().iter().map(|(_, attempt)| attempt.dl.uuid).collect();
    assert_eq!(dialled.len(), 1);
    assert!(dialled[0] != a.dl.uuid && dialled[0] != b.dl.uuid);
    // A third finds nobody.
    let asked = world.ask(next(campaign, "c"));
    world.advance(secs(1));
    let Err(Refusal::NoContact(why)) = &world.answers[&asked] else { panic!() };
    assert_eq!(why, "agents are looking at all that are due, 2 in this list");
    // Once they are free the other campaign goes on with them.
    world.ask(Ask::Skip { preview: a.uuid, later: Some(secs(0)), reason: None });
    world.advance(secs(5));
    assert_eq!(world.originated().len(), 2);
}

#[test]
fn a_skip_is_no_try_and_the_contact_comes_behind_the_others() {
    let mut world = World::new();
    let Running { campaign, .. } = world.running(&[("DialMode", "4"), ("RetryDelay", "90")], 2);
    let first = shown(&mut world, campaign, "a");

    let reason = Some("not today".to_owned());
    let skipped = Ask::Skip { preview: first.uuid, later: None, reason: reason.clone() };
    assert_eq!(answer(&mut world, skipped), Ok(Answer::Skipped));

    ends_as(&world, first.uuid, PreviewEnd::Skipped { reason });
    assert_eq!(world.records.dl(first.dl.uuid).trycnt, 0);
    let second = shown(&mut world, campaign, "a");
    assert_ne!(second.dl.uuid, first.dl.uuid);
    let later = Ask::Skip { preview: second.uuid, later: Some(secs(10)), reason: None };
    assert_eq!(answer(&mut world, later), Ok(Answer::Skipped));
    let why = refused(&mut world, next(campaign, "a"));
    assert!(
        why.starts_with("no contact: Due: by its plan's retry delay its next contact is due at"),
        "{why}"
    );
    world.advance(secs(10));
    let looks_long = Ask::Next { campaign, agent: agent("a"), timeout: Some(secs(600)) };
    let Ok(Answer::Kept(again)) = answer(&mut world, looks_long) else { panic!() };
    assert_eq!(again.dl.uuid, second.dl.uuid, "as it was said");
    world.advance(secs(80));
    assert_eq!(shown(&mut world, campaign, "b").dl.uuid, first.dl.uuid, "by the plan's RetryDelay");
    assert!(world.outcomes().is_empty() && world.originated().is_empty());
    // Without a delay it is due at once, and others come first.
    let mut world = World::new();
    let Running { campaign, .. } = world.running(&[("DialMode", "4"), ("RetryDelay", "0")], 2);
    let first = shown(&mut world, campaign, "a");
    answer(&mut world, skip(first.uuid)).unwrap();
    assert_ne!(shown(&mut world, campaign, "a").dl.uuid, first.dl.uuid);
}

#[test]
fn a_preview_is_over_with_its_time_and_the_contact_is_free_again() {
    let mut world = World::new();
    let Running { campaign, .. } = world.running(&PREVIEW, 1);
    let preview = shown(&mut world, campaign, "a");
    world.advance(millis(59_900));
    assert_eq!(told(&world, preview.uuid).len(), 1);
    world.advance(millis(200));
    ends_as(&world, preview.uuid, PreviewEnd::Expired);
    let late = refused(&mut world, go(preview.uuid));
    assert!(late.contains("whose time is not over"), "{late}");
    assert!(refused(&mut world, skip(preview.uuid)).contains("whose time is not over"));
    assert!(world.originated().is_empty());
    // Nobody has decided on it: it is where it was. An agent may say how long he looks.
    let asked = Ask::Next { campaign, agent: agent("b"), timeout: Some(secs(5)) };
    let Ok(Answer::Kept(again)) = answer(&mut world, asked) else { panic!() };
    assert_eq!(again.dl.uuid, preview.dl.uuid);
    world.advance(secs(6));
    ends_as(&world, again.uuid, PreviewEnd::Expired);
    // A wall clock that is set changes nothing about it.
    let third = shown(&mut world, campaign, "c");
    world.jump_wall(86_400);
    world.advance(secs(30));
    assert_eq!(told(&world, third.uuid).len(), 1);
}

#[test]
fn an_agent_has_one_contact_and_whoever_asks_again_is_told_of_it_again() {
    let mut world = World::new();
    let Running { campaign, .. } = world.running(&PREVIEW, 3);
    let preview = shown(&mut world, campaign, "a");
    world.advance(secs(50));
    assert_eq!(shown(&mut world, campaign, "a"), preview, "and it lasts no longer");
    let Running { campaign: other, .. } = world.running(&PREVIEW, 3);
    let why = refused(&mut world, next(other, "a"));
    assert!(
        why.starts_with(&format!("Agent: a has preview {} of campaign {campaign}", preview.uuid)),
        "{why}"
    );
    // Two at once of one agent are one.
    world.latency = Box::new(|| millis(20));
    let asked = [world.ask(next(other, "b")), world.ask(next(other, "b"))];
    world.advance(secs(1));
    assert!(world.answers[&asked[0]].is_ok());
    let why = world.answers[&asked[1]].clone().unwrap_err().to_string();
    assert!(why.starts_with("Agent: a contact is being looked for already for b"), "{why}");
}

#[test]
fn a_campaign_that_is_stopped_paused_or_changed_shows_nobody_any_more() {
    let changes: [fn(&mut World, Running); 5] = [
        |world, of| world.request(of.campaign, CampaignStatus::Stop),
        |world, of| world.request(of.campaign, CampaignStatus::Pause),
        |world, of| world.request(of.campaign, CampaignStatus::StoppingForcedly),
        |world, of| world.update_plan(of.plan, &[("DialMode", "2"), ("TechName", "")]),
        |world, of| {
            let other = world.dlma().to_string();
            world.update_campaign(of.campaign, &[("Dlma", &other)]);
        },
    ];
    for change in changes {
        let mut world = World::new();
        let running = world.running(&PREVIEW, 2);
        let preview = shown(&mut world, running.campaign, "a");

        change(&mut world, running);

        ends_as(&world, preview.uuid, PreviewEnd::Released);
        assert!(refused(&mut world, go(preview.uuid)).contains("whose time is not over"));
        refused(&mut world, next(running.campaign, "a"));
        world.advance(secs(10));
        assert!(world.originated().is_empty());
    }
}

#[test]
fn a_go_whose_campaign_is_stopped_before_it_is_committed_is_refused_and_no_try() {
    let mut world = World::new();
    let Running { campaign, .. } = world.running(&PREVIEW, 1);
    let preview = shown(&mut world, campaign, "a");
    world.latency = Box::new(|| millis(20));
    world.request(campaign, CampaignStatus::Stop);
    let asked = world.ask(go(preview.uuid));
    world.advance(secs(1));
    // The claim stood behind the stop, and got nobody.
    assert!(world.answers[&asked].is_err());
    assert!(world.originated().is_empty() && world.records.kept.is_empty());
    assert_eq!(world.records.dl(preview.dl.uuid).trycnt, 0);
}

#[test]
fn what_shuts_a_gate_is_told_in_the_words_of_an_explanation() {
    let mut world = World::new();
    let Running { campaign, .. } = world.running(&PREVIEW, 2);
    let preview = shown(&mut world, campaign, "a");
    world.link_down();
    for ask in [go(preview.uuid), next(campaign, "b")] {
        let why = refused(&mut world, ask);
        assert!(why.starts_with("Asterisk: not connected"), "{why}");
    }
    world.link_up("first start");
    world.feed(Input::Hold(true));
    for ask in [go(preview.uuid), next(campaign, "b")] {
        assert!(refused(&mut world, ask).starts_with("Records: "));
    }
    world.feed(Input::Hold(false));
    // It is shown all the time, and a go goes once the gates are open.
    assert_eq!(answer(&mut world, go(preview.uuid)), Ok(Answer::Dialled(preview.uuid)));
    world.feed(Input::Drain);
    assert!(refused(&mut world, next(campaign, "b")).starts_with("Daemon: "));
    // Outside of its window, and by another mode.
    let mut world = World::new();
    world.set_wall("2026-01-01T08:00:00Z");
    world.link_up("first start");
    let (plan, dlma, dest) = (world.plan(&PREVIEW), world.dlma(), world.anywhere());
    world.dls(dlma, 1);
    let office = [("ScMode", "1"), ("ScTimeStart", "09:00:00"), ("ScTimeEnd", "17:00:00")];
    let campaign = world.campaign(plan, dlma, dest, &office);
    assert!(refused(&mut world, next(campaign, "a")).starts_with("Status: 0 (stop)"));
    world.advance_to("2026-01-01T16:59:30Z");
    let preview = shown(&mut world, campaign, "a");
    world.advance(secs(31));
    ends_as(&world, preview.uuid, PreviewEnd::Released);
    world.update_plan(plan, &[("DialMode", "1")]);
    let why = refused(&mut world, next(campaign, "a"));
    assert!(why.ends_with("allowed: a campaign whose plan has DialMode 4 (preview), not 1"), "{why}");
    let nobody = CampaignUuid::new(uuid::Uuid::nil());
    assert!(refused(&mut world, next(nobody, "a")).starts_with("CampaignUuid: "));
}

#[test]
fn channels_that_are_taken_refuse_a_go_and_calls_a_second_have_it_wait() {
    let options = |max_channels, calls_per_second| Options {
        max_channels,
        calls_per_second,
        max_unanswered: 10,
        policy: Policy::default(),
        on_unknown: NextTry::default(),
        preview_timeout: secs(60),
    };
    let mut world = World::with(options(1, 10));
    world.every_call(&fate(ANSWERED), secs(1), secs(10_000));
    let Running { campaign, .. } = world.running(&PREVIEW, 2);
    let [a, b] = ["a", "b"].map(|name| shown(&mut world, campaign, name));
    answer(&mut world, go(a.uuid)).unwrap();
    assert!(refused(&mut world, go(b.uuid)).starts_with("Channels: 1 calls"));
    // Whoever asks for a contact may find a channel by the time that he says go.
    let Running { campaign, .. } = world.running(&PREVIEW, 1);
    shown(&mut world, campaign, "c");

    let mut world = World::with(options(10, 1));
    let Running { campaign, .. } = world.running(&PREVIEW, 3);
    let all = ["a", "b", "c"].map(|name| shown(&mut world, campaign, name));
    let asked = all.each_ref().map(|preview| world.ask(go(preview.uuid)));
    assert_eq!(world.originated(), [all[0].uuid]);
    assert!(refused(&mut world, go(all[1].uuid)).contains("is being dialled; allowed: one go a preview"));
    world.advance(millis(1_500));
    assert_eq!(world.originated(), [all[0].uuid, all[1].uuid], "who has said it first goes first");
    world.advance(secs(1));
    assert_eq!(world.originated().len(), 3);
    assert!(asked.iter().all(|asked| world.answers[asked].is_ok()));
    assert_eq!(world.outcomes().len() + world.records.open.len(), 3);
}

#[test]
fn a_number_is_chosen_among_those_that_have_a_try_left() {
    let mut world = World::new();
    let (plan, dlma, dest) = (
        world.plan(&[("DialMode", "4"), ("MaxRetry2", "0"), ("RetryDelay", "0")]),
        world.dlma(),
        world.anywhere(),
    );
    world.dl(dlma, &[("Number1", "300"), ("Number2", "301"), ("Number4", "303")]);
    let campaign = world.campaign(plan, dlma, dest, &[]);
    world.link_up("first start");
    world.request(campaign, CampaignStatus::Start);
    world.every_call(&fate(BUSY), secs(1), secs(1));
    let preview = shown(&mut world, campaign, "a");
    let at = |number| Ask::Go { preview: preview.uuid, number: NumberIndex::new(number) };
    for number in [2, 3, 8] {
        let why = refused(&mut world, at(number));
        let expected =
            format!("Number: \"{number}\" is not allowed; allowed: 1, 4 (its numbers that have a try left)");
        assert_eq!(why, expected);
    }
    answer(&mut world, at(4)).unwrap();
    world.advance(secs(10));
    let attempt = &world.ending(preview.uuid).dialing.attempt;
    assert_eq!((attempt.index.get(), attempt.addr.as_str(), attempt.try_count), (4, "303", 1));
    let tries = world.records.contacts[0].dl.tries.0;
    assert_eq!((tries[0], tries[3]), (0, 1));
    assert_eq!(shown(&mut world, campaign, "a").index.get(), 1, "the next is as ever");
}

#[test]
fn a_number_that_the_policy_denies_is_refused_and_costs_no_try() {
    let mut world = World::new();
    let Running { campaign, .. } = world.running(&PREVIEW, 1);
    let preview = shown(&mut world, campaign, "a");
    let policy = Policy { denied_prefixes: vec!["30".into()], ..Policy::default() };
    world.feed(Input::Options(Options { policy, ..world.options.clone() }));
    assert!(refused(&mut world, go(preview.uuid)).starts_with("Policy: "));
    assert!(world.outcomes().is_empty() && world.originated().is_empty());
}

#[test]
fn a_contact_that_changes_is_told_of_and_one_that_is_gone_is_released() {
    let mut world = World::new();
    let Running { campaign, dlma, .. } = world.running(&PREVIEW, 2);
    let preview = shown(&mut world, campaign, "a");
    let set = |world: &mut World, uuid: DlUuid, fields: &'static [(&str, &str)]| {
        let now = world.now().wall;
        world.operate(move |records| {
            let contact = records.contacts.iter_mut().find(|contact| contact.dl.uuid == uuid).unwrap();
            let fields = fields.iter().copied().collect();
            contact.dl = contact.dl.updated(&fields, &Policy::default(), now).unwrap();
            (Change::Update, Noun::Dl(contact.dl.clone()))
        });
    };
    set(&mut world, preview.dl.uuid, &[("Number1", "399")]);
    assert_eq!(told(&world, preview.uuid), [(Change::Create, None), (Change::Update, None)]);
    answer(&mut world, go(preview.uuid)).unwrap();
    assert_eq!(world.attempts()[0].1.addr.as_str(), "399");
    let held = shown(&mut world, campaign, "b");
    set(&mut world, held.dl.uuid, &[("Status", "2")]);
    ends_as(&world, held.uuid, PreviewEnd::Released);
    world.dl(dlma, &[("Number1", "500")]);
    let gone = shown(&mut world, campaign, "b");
    let uuid = gone.dl.uuid;
    world.operate(move |records| {
        let contact = records.contacts.iter_mut().find(|contact| contact.dl.uuid == uuid).unwrap();
        contact.dl.in_use = false;
        (Change::Delete, Noun::Dl(contact.dl.clone()))
    });
    ends_as(&world, gone.uuid, PreviewEnd::Released);
    assert_eq!(world.originated().len(), 1);
}

#[test]
fn no_more_contacts_are_looked_at_than_there_may_be() {
    let mut world = World::new();
    let Running { campaign, .. } = world.running(&PREVIEW, MOST + 1);
    for place in 0..MOST {
        world.ask(next(campaign, &format!("agent{place}")));
    }
    assert!(world.answers.values().all(Result::is_ok));
    let why = refused(&mut world, next(campaign, "another"));
    assert!(why.starts_with("Agent: 1000 contacts are being looked at; allowed: once one of them"), "{why}");
}

#[test]
fn a_queue_waits_for_no_agent_and_a_supervisor_sees_its_agents() {
    let mut world = World::new();
    world.pbx.queues.insert("sales".to_owned(), 0);
    let (plan, dlma, dest) = (world.plan(&PREVIEW), world.dlma(), world.queue("sales"));
    world.dls(dlma, 1);
    let campaign = world.campaign(plan, dlma, dest, &[]);
    world.link_up("first start");
    world.request(campaign, CampaignStatus::Start);
    assert_eq!(world.count(|effect| *effect == Effect::WatchQueue("sales".into())), 1);
    assert_eq!(world.held_by(campaign).len(), 1, "by its mode alone");
    let preview = shown(&mut world, campaign, "a");
    answer(&mut world, go(preview.uuid)).unwrap();
    assert_eq!(world.originated(), [preview.uuid]);
}

#[test]
fn what_is_not_written_is_said_and_goes_on_once_it_can_be() {
    let mut world = World::new();
    let Running { campaign, .. } = world.running(&PREVIEW, 2);
    let (a, b) = (shown(&mut world, campaign, "a"), shown(&mut world, campaign, "b"));
    world.store_works = false;
    for ask in [next(campaign, "c"), go(a.uuid), skip(b.uuid)] {
        assert_eq!(refused(&mut world, ask), "not written");
    }
    // Time runs out all the same, and the contacts come back once that can be written.
    world.advance(secs(70));
    assert_eq!(world.records.kept.len(), 2);
    world.store_works = true;
    world.advance(secs(2));
    ends_as(&world, a.uuid, PreviewEnd::Expired);
    ends_as(&world, b.uuid, PreviewEnd::Expired);
    let again = shown(&mut world, campaign, "c");
    answer(&mut world, go(again.uuid)).unwrap();
    assert_eq!(world.originated(), [again.uuid]);
    assert_eq!(world.records.open.len() + world.outcomes().len(), 1);
}

#[test]
fn a_daemon_that_dies_leaves_nobody_kept_and_nobody_is_dialled_twice() {
    let mut world = World::new();
    let Running { campaign, .. } = world.running(&PREVIEW, 1);
    let preview = shown(&mut world, campaign, "a");
    world.restart_daemon();
    world.link_up("first start");
    world.advance(secs(5));
    assert!(refused(&mut world, go(preview.uuid)).starts_with("Uuid: "));
    let again = shown(&mut world, campaign, "b");
    assert_eq!(again.dl.uuid, preview.dl.uuid);
    answer(&mut world, go(again.uuid)).unwrap();
    world.restart_daemon();
    world.link_up("first start");
    world.advance(secs(100));
    assert_eq!(world.originated(), [again.uuid]);
    assert_eq!(world.outcomes().len(), 1);
}

#[test]
fn an_explanation_says_who_looks_at_a_contact_and_until_when() {
    let mut world = World::new();
    let Running { campaign, .. } = world.running(&PREVIEW, 1);
    let held = world.held_by(campaign);
    let words = "DialMode 4 (preview): a contact is dialled when an agent who looks at it says go".to_owned();
    assert_eq!(held, [("Mode", words)]);
    let preview = shown(&mut world, campaign, "PJSIP/100");
    let told = explained(&world, campaign, preview.dl.uuid);
    let contact = gate(&told, "Contact");
    assert!(contact.holds);
    assert_eq!(
        contact.saw,
        format!(
            "agent PJSIP/100 looks at it until {}: preview {} of campaign {campaign}",
            preview.tm_expire, preview.uuid
        )
    );
    assert_eq!(contact.next, Some(preview.tm_expire));
    assert_eq!(world.engine.previews().map(|preview| preview.uuid).collect::<Vec<_>>(), [preview.uuid]);
}

#[test]
fn a_list_ends_as_ever_once_all_are_dialled() {
    let mut world = World::new();
    world.every_call(&fate(BUSY), millis(100), secs(1));
    let fields = [("DialMode", "4"), ("MaxRetry1", "1")];
    let Running { campaign, .. } = world.running(&fields, 2);
    for name in ["a", "b"] {
        assert_eq!(world.status(campaign), CampaignStatus::Start);
        let preview = shown(&mut world, campaign, name);
        world.advance(secs(30));
        answer(&mut world, go(preview.uuid)).unwrap();
        world.advance(secs(5));
    }
    assert_eq!(world.status(campaign), CampaignStatus::Stop);
    assert_eq!(world.outcomes(), [Outcome::Busy, Outcome::Busy]);
}

/// Agents, operators, a store that fails, a link that comes and goes: whatever they do, who is dialled was shown to an
/// agent who said go, once a preview, and nobody stays kept.
#[test]
fn whatever_happens_each_call_has_its_go_and_nobody_stays_kept() {
    for seed in 0..200 {
        let mut chance = fastrand::Rng::with_seed(seed);
        let mut world = World::new();
        world.every_call(&fate(BUSY), millis(300), secs(1));
        let Running { campaign, dlma, dest, .. } =
            world.running(&[("DialMode", "4"), ("RetryDelay", "1"), ("DlEndHandle", "0")], 6);
        // A campaign that dials by itself over the same list.
        let plan = world.plan(&[("RetryDelay", "1"), ("DlEndHandle", "0"), ("MaxRetry1", "2")]);
        let other = world.campaign(plan, dlma, dest, &[]);
        let latency = chance.u64(0..30);
        world.latency = Box::new(move || millis(latency));
        let mut said_go = BTreeSet::new();
        for _ in 0..60 {
            let seen: Vec<DialingUuid> = world.engine.previews().map(|preview| preview.uuid).collect();
            let one = (!seen.is_empty()).then(|| seen[chance.usize(..seen.len())]);
            match (chance.u32(..12), one) {
                (0..4, _) => {
                    let name = format!("agent{}", chance.u32(..4));
                    let timeout = Some(secs(chance.u64(1..6)));
                    world.ask(Ask::Next { campaign, agent: agent(&name), timeout });
                }
                (4..6, Some(preview)) => {
                    said_go.insert(preview);
                    world.ask(go(preview));
                }
                (6, Some(preview)) => {
                    world.ask(skip(preview));
                }
                (7, _) => world.store_works = chance.u32(..3) > 0,
                (8, _) if chance.bool() => world.link_down(),
                (8, _) => world.link_up("first start"),
                (9, _) => {
                    let of = if chance.bool() { campaign } else { other };
                    let to = [CampaignStatus::Start, CampaignStatus::Pause][chance.usize(..2)];
                    if matches!(
                        world.status(of),
                        CampaignStatus::Start | CampaignStatus::Pause | CampaignStatus::Stop
                    ) && world.status(of) != to
                        && (world.status(of), to) != (CampaignStatus::Stop, CampaignStatus::Pause)
                    {
                        world.request(of, to);
                    }
                }
                _ => {}
            }
            world.advance(millis(chance.u64(0..900)));
        }
        world.store_works = true;
        world.link_up("first start");
        world.advance(secs(120));
        assert!(world.records.kept.is_empty(), "seed {seed}: {:?}", world.records.kept);
        assert_eq!(world.engine.previews().count(), 0, "seed {seed}");
        assert_eq!(world.answers.len() as u64, world.asked(), "seed {seed}: each is answered");
        for (_, attempt) in world.attempts() {
            if attempt.capsule.campaign.uuid == campaign {
                assert!(said_go.contains(&attempt.uuid), "seed {seed}: dialled by itself");
            }
        }
    }
}
