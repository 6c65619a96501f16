//! Create, update, delete and read, and what each refuses.

use super::*;
use NounKind::{Campaign, Destination, Dl, Dlma, Plan};

const ABSENT: &str = "00000000-0000-4000-8000-000000000000";

#[tokio::test]
async fn every_field_of_every_noun_reads_back() {
    let mut lab = lab().await;
    let plan = [
        ("Name", "é \"x\" 'y'"),
        ("Detail", "d"),
        ("Variable", "A=1, \"2\""),
        ("DialMode", "2"),
        ("DialTimeout", "1000"),
        ("CallerId", "<100>"),
        ("DlEndHandle", "0"),
        ("RetryDelay", "7"),
        ("TechName", "PJSIP/"),
        ("TrunkName", "trunk"),
        ("ServiceLevel", "3"),
        ("AbandonTarget", "2.5"),
        ("AbandonWindow", "calls"),
        ("AbandonAfter", "3"),
        ("MinRing", "20"),
        ("CountAmdFalsePositives", "1"),
        ("ContactCap", "3/1d 7/7d"),
        ("NumberCap", "10/1d"),
        ("CallingHours", "mon-fri 08:00-21:00, sat 10:00-18:00"),
        ("Holidays", "12-25, 2026-04-03"),
        ("MaxRetry1", "1"),
        ("MaxRetry2", "2"),
        ("MaxRetry8", "8"),
    ];
    let Noun::Plan(plan) = lab.create(Plan, &plan).await.unwrap() else { panic!() };
    assert_eq!(lab.store.plan(plan.uuid).await.unwrap().as_ref(), Some(&plan));
    assert_eq!(lab.store.plans().await.unwrap(), std::slice::from_ref(&plan));
    let dlma = [("Name", "n"), ("Detail", "d"), ("Variable", "B=2")];
    let Noun::Dlma(dlma) = lab.create(Dlma, &dlma).await.unwrap() else { panic!() };
    assert_eq!(lab.store.dlma(dlma.uuid).await.unwrap().as_ref(), Some(&dlma));
    assert_eq!(lab.store.dlmas().await.unwrap(), std::slice::from_ref(&dlma));
    let dest = [
        ("Name", "n"),
        ("Detail", "d"),
        ("Type", "1"),
        ("Application", "Queue"),
        ("Data", "sales"),
        ("Variable", "C=3"),
    ];
    let Noun::Destination(dest) = lab.create(Destination, &dest).await.unwrap() else { panic!() };
    assert_eq!(lab.store.destination(dest.uuid).await.unwrap().as_ref(), Some(&dest));
    let dest = [("Exten", "100"), ("Context", "in"), ("Priority", "2")];
    let Noun::Destination(dest) = lab.create(Destination, &dest).await.unwrap() else { panic!() };
    assert_eq!(lab.store.destinations().await.unwrap()[1], dest);
    let parts = [plan.uuid.to_string(), dlma.uuid.to_string(), dest.uuid.to_string()];
    let campaign = [
        ("Name", "n"),
        ("Detail", "d"),
        ("Plan", &parts[0]),
        ("Dlma", &parts[1]),
        ("Dest", &parts[2]),
        ("Weight", "5"),
        ("ScMode", "1"),
        ("ScTimeStart", "09:00:00"),
        ("ScTimeEnd", "17:00:00"),
        ("ScDateStart", "2026-01-01"),
        ("ScDateEnd", "2026-12-31"),
        ("ScDateList", "2026-01-03, 2026-01-10"),
        ("ScDateListExcept", "2026-12-24"),
        ("ScDayList", "1, 2, 3, 4, 5"),
        ("ScTimezone", "Asia/Kathmandu"),
    ];
    let Noun::Campaign(campaign) = lab.create(Campaign, &campaign).await.unwrap() else { panic!() };
    assert_eq!(lab.store.campaign(campaign.uuid).await.unwrap().as_ref(), Some(&campaign));
    assert_eq!(lab.store.campaigns().await.unwrap(), std::slice::from_ref(&campaign));
    let dl = [
        ("DlmaUuid", parts[1].as_str()),
        ("Name", "n"),
        ("Detail", "d"),
        ("UKey", "k"),
        ("UData", "u"),
        ("Email", "e"),
        ("TimeZone", "Asia/Kathmandu"),
        ("Variable", "D=4"),
        ("Number1", "001"),
        ("Number8", "+8"),
    ];
    let Noun::Dl(dl) = lab.create(Dl, &dl).await.unwrap() else { panic!() };
    assert_eq!(lab.store.dl(dl.uuid).await.unwrap().as_ref(), Some(&dl));
    let lab = lab.reopened().await;
    assert_eq!(lab.recovered.plans, [plan]);
    assert_eq!(lab.recovered.dlmas, [dlma]);
    assert_eq!(lab.recovered.destinations.len(), 2);
    assert_eq!(lab.recovered.campaigns, [campaign]);
}

#[tokio::test]
async fn every_column_of_a_noun_is_written() {
    let lab = lab().await;
    let mut conn = lab.foreign().await;
    for (columns, save, ours) in [
        ("SELECT name FROM pragma_table_info('plan')", <crate::model::plan::Plan as row::Stored>::SAVE, ""),
        (
            "SELECT name FROM pragma_table_info('dl_list_ma')",
            <crate::model::dlma::Dlma as row::Stored>::SAVE,
            "",
        ),
        (
            "SELECT name FROM pragma_table_info('destination')",
            <crate::model::destination::Destination as row::Stored>::SAVE,
            "",
        ),
        (
            "SELECT name FROM pragma_table_info('campaign')",
            <crate::model::campaign::Campaign as row::Stored>::SAVE,
            "",
        ),
        (
            "SELECT name FROM pragma_table_info('dl_list')",
            <crate::model::dl::Dl as row::Stored>::SAVE,
            "id last_end put_off_until put_off_by",
        ),
    ] {
        let rows = query(columns).fetch_all(&mut conn).await.unwrap();
        assert!(rows.len() > 5);
        for row in rows {
            let column: String = row.try_get(0).unwrap();
            let written = save.contains(&format!("?1 ->> '{column}'"));
            assert!(written != ours.split(' ').any(|name| name == column), "{column}: {save}");
        }
    }
}

#[tokio::test]
async fn an_update_changes_what_it_names_and_keeps_the_rest() {
    let mut lab = lab().await;
    let uuid = uuid_of(&lab.create(Plan, &[("Name", "a"), ("RetryDelay", "7")]).await.unwrap());
    lab.now = seconds(1);
    let updated = lab.update(Plan, &[("Uuid", &uuid), ("Name", "b")]).await.unwrap();
    let Noun::Plan(plan) = updated else { panic!() };
    assert_eq!((plan.name.as_deref(), plan.retry_delay_s), (Some("b"), 7));
    assert_eq!(plan.tm_update, Some(seconds(1)));
    assert_eq!(lab.store.plan(plan.uuid).await.unwrap(), Some(plan));
    for kind in [Plan, Dlma, Destination, Campaign, Dl] {
        let refusal = lab.update(kind, &[("Uuid", ABSENT)]).await.unwrap_err();
        assert!(matches!(refusal, Refusal::NoSuch { field: "Uuid", noun, .. } if noun == kind), "{refusal}");
        let missing = lab.update(kind, &[]).await.unwrap_err().to_string();
        assert!(missing.starts_with("Uuid: missing"), "{missing}");
    }
}

#[tokio::test]
async fn what_is_deleted_is_not_there_any_more_and_keeps_its_uuid() {
    let mut lab = lab().await;
    let dest: &[(&str, &str)] = &[("Exten", "1"), ("Context", "in")];
    for (kind, pairs) in [(Plan, &[][..]), (Dlma, &[]), (Destination, dest), (Campaign, &[])] {
        let uuid = Uuid::new_v4().to_string();
        let mut pairs = pairs.to_vec();
        pairs.push(("Uuid", &uuid));
        assert_eq!(uuid_of(&lab.create(kind, &pairs).await.unwrap()), uuid);
        assert_eq!(lab.create(kind, &pairs).await, Err(Refusal::Taken { uuid: uuid.clone() }));
        lab.delete(kind, &uuid).await.unwrap();
        let again = lab.delete(kind, &uuid).await.unwrap_err();
        assert!(matches!(again, Refusal::NoSuch { field: "Uuid", .. }), "{again}");
        assert_eq!(lab.create(kind, &pairs).await, Err(Refusal::Taken { uuid }));
    }
    assert!(lab.store.plans().await.unwrap().is_empty());
    assert!(lab.store.dlmas().await.unwrap().is_empty());
    assert!(lab.store.destinations().await.unwrap().is_empty());
    assert!(lab.store.campaigns().await.unwrap().is_empty());
    assert!(lab.create(NounKind::Dialing, &[]).await.is_err());
    assert!(lab.update(NounKind::Dialing, &[]).await.is_err());
    assert!(lab.delete(NounKind::Dialing, ABSENT).await.is_err());
}

#[tokio::test]
async fn a_campaign_names_parts_that_are_there() {
    let mut lab = lab().await;
    let uuid = uuid_of(&lab.create(Campaign, &[]).await.unwrap());
    for (field, noun) in [("Plan", Plan), ("Dlma", Dlma), ("Dest", Destination)] {
        let refusal = lab.create(Campaign, &[(field, ABSENT)]).await.unwrap_err();
        assert_eq!(refusal, Refusal::NoSuch { noun, field, uuid: ABSENT.into() });
        assert_eq!(lab.update(Campaign, &[("Uuid", &uuid), (field, ABSENT)]).await, Err(refusal));
    }
    assert!(lab.create(Campaign, &[("Status", "0")]).await.is_ok());
    let refusal = lab.create(Campaign, &[("Status", "1")]).await.unwrap_err().to_string();
    assert!(refusal.starts_with("Status"), "{refusal}");
}

#[tokio::test]
async fn a_campaign_starts_with_all_that_dialing_needs() {
    let mut lab = lab().await;
    let plan = uuid_of(&lab.create(Plan, &[("DialMode", "0")]).await.unwrap());
    let dlma = uuid_of(&lab.create(Dlma, &[]).await.unwrap());
    let dest = uuid_of(&lab.create(Destination, &[("Exten", "1"), ("Context", "in")]).await.unwrap());
    let uuid = uuid_of(&lab.create(Campaign, &[]).await.unwrap());
    let mut refused = Vec::new();
    for part in [("Name", "x"), ("Plan", &plan), ("Dlma", &dlma), ("Dest", &dest)] {
        let start = lab.update(Campaign, &[("Uuid", &uuid), ("Status", "1"), part]).await;
        refused.push(start.unwrap_err().to_string());
        // Nothing of a refused request is written.
        let campaign = lab.store.campaign(uuid.parse().unwrap()).await.unwrap().unwrap();
        assert_eq!((campaign.name, campaign.dest), (None, None));
        lab.update(Campaign, &[("Uuid", &uuid), part]).await.unwrap();
        lab.update(Campaign, &[("Uuid", &uuid), ("Name", "")]).await.unwrap();
    }
    for (refusal, says) in
        refused.iter().zip(["Plan: missing", "Dlma: missing", "Dest: missing", "Plan: \"", ""])
    {
        assert!(refusal.starts_with(says), "{refusal}");
    }
    for (change, says) in
        [(("TechName", ""), "TechName"), (("TechName", "PJSIP"), "DialMode 0 is no dialing")]
    {
        lab.update(Plan, &[("Uuid", &plan), change]).await.unwrap();
        let refusal =
            lab.update(Campaign, &[("Uuid", &uuid), ("Status", "1")]).await.unwrap_err().to_string();
        assert!(refusal.starts_with("Plan") && refusal.contains(says), "{refusal}");
    }
    lab.update(Plan, &[("Uuid", &plan), ("DialMode", "1")]).await.unwrap();
    let started =
        lab.update(Campaign, &[("Uuid", &uuid), ("Status", "1"), ("Name", "spring")]).await.unwrap();
    let Noun::Campaign(campaign) = started else { panic!() };
    assert_eq!((campaign.status, campaign.name.as_deref()), (CampaignStatus::Starting, Some("spring")));
    // What it dials by can be changed, but not taken away.
    assert!(lab.update(Plan, &[("Uuid", &plan), ("RetryDelay", "1")]).await.is_ok());
    for change in [("TechName", ""), ("DialMode", "0")] {
        let refusal = lab.update(Plan, &[("Uuid", &plan), change]).await.unwrap_err().to_string();
        assert!(refusal.starts_with(change.0), "{refusal}");
    }
    assert!(lab.update(Campaign, &[("Uuid", &uuid), ("Dest", "")]).await.is_err());
    let refusal = lab.update(Campaign, &[("Uuid", &uuid), ("Status", "99")]).await.unwrap_err().to_string();
    assert!(refusal.starts_with("Status"), "{refusal}");
    // Stopping needs nothing but the campaign.
    let stopping = lab.update(Campaign, &[("Uuid", &uuid), ("Status", "0"), ("Plan", "")]).await.unwrap();
    let Noun::Campaign(campaign) = stopping else { panic!() };
    assert_eq!((campaign.status, campaign.plan), (CampaignStatus::Stopping, None));
    let refusal = lab.update(Campaign, &[("Uuid", &uuid), ("Status", "2")]).await.unwrap_err();
    assert!(matches!(refusal, Refusal::Status(_)), "{refusal}");
}

#[tokio::test]
async fn a_transition_happens_from_its_status_only() {
    let mut lab = lab().await;
    let capsule = lab.campaign(&[]).await;
    let campaign = capsule.campaign.uuid;
    let (from, to) = (CampaignStatus::Starting, CampaignStatus::Start);
    assert!(matches!(lab.run(Command::Transition { campaign, from, to }).await, Done::NotMoved));
    let (from, to) = (CampaignStatus::Start, CampaignStatus::Stopping);
    lab.now = seconds(3);
    let Done::Moved { campaign, .. } = lab.run(Command::Transition { campaign, from, to }).await else {
        panic!()
    };
    assert_eq!((campaign.status, campaign.tm_update), (CampaignStatus::Stopping, Some(seconds(3))));
    assert_eq!(lab.store.campaign(campaign.uuid).await.unwrap(), Some(campaign));
}

#[tokio::test]
async fn what_a_running_campaign_uses_cannot_be_deleted() {
    let mut lab = lab().await;
    let capsule = lab.campaign(&[]).await;
    let dl = lab.contact(&capsule, &[("Number1", "1")]).await.to_string();
    let idle = lab.contact(&capsule, &[("Number1", "2")]).await.to_string();
    let attempt = lab.claim_one(&capsule).await;
    let campaign = capsule.campaign.uuid.to_string();
    let parts = [
        (Plan, capsule.plan.uuid.to_string()),
        (Dlma, capsule.dlma.uuid.to_string()),
        (Destination, capsule.destination.uuid.to_string()),
        (Campaign, campaign.clone()),
    ];
    for (kind, uuid) in parts.iter().chain([&(Dl, dl.clone())]) {
        let refusal = lab.delete(*kind, uuid).await.unwrap_err();
        let named = matches!(&refusal, Refusal::InUse { campaign: c, name, status: 1 }
            if *c == campaign && name == "spring");
        assert!(named, "{kind}: {refusal}");
    }
    lab.delete(Dl, &idle).await.unwrap();
    // Stopped by hand with a call still open: the list and the campaign are kept, by the open dialing alone.
    lab.sql("UPDATE campaign SET status = 0").await.unwrap();
    for (kind, uuid) in [&parts[1], &parts[3]] {
        let refusal = lab.delete(*kind, uuid).await.unwrap_err();
        assert!(matches!(&refusal, Refusal::InUse { campaign: c, .. } if *c == campaign), "{refusal}");
    }
    lab.finish(&attempt, Outcome::Busy).await;
    for (kind, uuid) in [(Dl, &dl)].into_iter().chain(parts.iter().map(|(kind, uuid)| (*kind, uuid))) {
        lab.delete(kind, uuid).await.unwrap();
    }
}

#[tokio::test]
async fn contacts_are_listed_a_list_at_a_time_in_pages() {
    let mut lab = lab().await;
    let one = lab.campaign(&[]).await;
    let two = lab.campaign(&[]).await;
    let mut first = Vec::new();
    for _ in 0..5 {
        first.push(lab.contact(&one, &[("Number1", "1")]).await);
        lab.contact(&two, &[("Number1", "1")]).await;
    }
    let uuids = |dls: Vec<crate::model::dl::Dl>| dls.into_iter().map(|dl| dl.uuid).collect::<Vec<_>>();
    let list = Some(one.dlma.uuid);
    assert_eq!(uuids(lab.store.dls(list, 2, None).await.unwrap()), first[..2]);
    assert_eq!(uuids(lab.store.dls(list, 9, Some(first[1])).await.unwrap()), first[2..]);
    assert_eq!(lab.store.dls(None, 7, None).await.unwrap().len(), 7);
    assert_eq!(lab.store.dls(None, 7, Some(first[4])).await.unwrap().len(), 1);
    // A deleted list takes its contacts out of sight.
    lab.sql("UPDATE campaign SET status = 0").await.unwrap();
    lab.delete(Dlma, &one.dlma.uuid.to_string()).await.unwrap();
    assert!(lab.store.dls(list, 9, None).await.unwrap().is_empty());
    assert_eq!(lab.store.dls(None, 99, None).await.unwrap().len(), 5);
    assert_eq!(lab.store.dl(first[0]).await.unwrap(), None);
    let refusal = lab.update(Dl, &[("Uuid", &first[0].to_string())]).await.unwrap_err();
    assert!(matches!(refusal, Refusal::NoSuch { .. }), "{refusal}");
}

#[tokio::test]
async fn a_list_has_a_view_of_its_own_for_peoples_own_sql() {
    let mut lab = lab().await;
    let uuid = "0a1b2c3d-0000-4000-8000-000000000001";
    lab.create(Dlma, &[("Uuid", uuid)]).await.unwrap();
    let other = lab.campaign(&[]).await;
    lab.contact(&other, &[("Number1", "1")]).await;
    let contact = [("DlmaUuid", uuid), ("Number1", "1")];
    let gone = uuid_of(&lab.create(Dl, &contact).await.unwrap());
    lab.create(Dl, &contact).await.unwrap();
    lab.delete(Dl, &gone).await.unwrap();
    assert_eq!(lab.number("SELECT count(*) FROM \"0a1b2c3d_0000_4000_8000_000000000001\"").await, 1);
    lab.delete(Dlma, uuid).await.unwrap();
    assert!(lab.sql("SELECT 1 FROM \"0a1b2c3d_0000_4000_8000_000000000001\"").await.is_err());
}

#[tokio::test]
async fn a_contact_needs_a_list_and_a_key_of_its_own() {
    let mut lab = lab().await;
    let list = uuid_of(&lab.create(Dlma, &[]).await.unwrap());
    let other = uuid_of(&lab.create(Dlma, &[]).await.unwrap());
    let missing = lab.create(Dl, &[("Number1", "1")]).await.unwrap_err().to_string();
    assert!(missing.starts_with("DlmaUuid: missing"), "{missing}");
    let refusal = lab.create(Dl, &[("Number1", "1"), ("DlmaUuid", ABSENT)]).await.unwrap_err();
    assert!(matches!(refusal, Refusal::NoSuch { noun: Dlma, field: "DlmaUuid", .. }), "{refusal}");
    let keyed = |list| [("Number1", "1"), ("DlmaUuid", list), ("UKey", "k")];
    let first = uuid_of(&lab.create(Dl, &keyed(&list)).await.unwrap());
    let taken = Refusal::UkeyTaken { ukey: "k".into() };
    assert_eq!(lab.create(Dl, &keyed(&list)).await, Err(taken.clone()));
    lab.create(Dl, &keyed(&other)).await.unwrap();
    let second = uuid_of(&lab.create(Dl, &[("Number1", "1"), ("DlmaUuid", &list)]).await.unwrap());
    assert_eq!(lab.update(Dl, &[("Uuid", &second), ("UKey", "k")]).await, Err(taken));
    assert!(lab.update(Dl, &[("Uuid", &first), ("UKey", "k")]).await.is_ok());
    lab.delete(Dl, &first).await.unwrap();
    assert!(lab.update(Dl, &[("Uuid", &second), ("UKey", "k")]).await.is_ok());
}

#[tokio::test]
async fn contacts_that_are_written_together_are_checked_one_by_one() {
    let mut lab = lab().await;
    let dlma = lab.create(Dlma, &[]).await.unwrap();
    let Noun::Dlma(dlma) = dlma else { panic!() };
    let list = dlma.uuid.to_string();
    let own = Uuid::new_v4().to_string();
    let contacts: [&[(&str, &str)]; 8] = [
        &[("DlmaUuid", &list), ("Number1", "1"), ("UKey", "k")],
        &[("DlmaUuid", &list), ("Number1", "2"), ("UKey", "k")],
        &[("DlmaUuid", &list), ("Number1", "3"), ("Uuid", &own), ("Status", "2")],
        &[("DlmaUuid", &list), ("Number1", "4"), ("Uuid", &own)],
        &[("DlmaUuid", ABSENT), ("Number1", "5")],
        &[("DlmaUuid", &list)],
        &[("Number1", "7")],
        &[("DlmaUuid", &list), ("Number8", "8"), ("Variable", "A=1"), ("Name", "é"), ("UData", "u")],
    ];
    for contact in contacts {
        lab.submit(Command::Create { kind: Dl, uuid: Uuid::now_v7(), fields: fields(contact) });
    }
    let mut stored = Vec::new();
    for (place, refused) in
        [None, Some("UKey"), None, Some("Uuid"), Some("DlmaUuid"), Some("Number1"), Some("DlmaUuid"), None]
            .into_iter()
            .enumerate()
    {
        match (lab.next().await.done, refused) {
            (Done::Stored { noun: Noun::Dl(dl), .. }, None) => stored.push(dl),
            (Done::Refused(refusal), Some(field)) => {
                assert!(refusal.to_string().starts_with(field), "{place}: {refusal}");
            }
            (done, _) => panic!("{place}: {done:?}"),
        }
    }
    assert!(stored[1].held && stored[1].uuid.to_string() == own);
    assert_eq!(lab.store.dls(Some(dlma.uuid), 10, None).await.unwrap(), stored);
}

#[tokio::test]
async fn a_contact_that_a_door_asks_for_is_told_to_who_hears_all_before_the_door() {
    let mut lab = lab().await;
    let Noun::Dlma(dlma) = lab.create(Dlma, &[]).await.unwrap() else { panic!() };
    let contact = |dlma: &str| fields(&[("DlmaUuid", dlma), ("Number1", "1")]);
    let made = lab.store.create_contact(lab.now, Uuid::now_v7(), contact(&dlma.uuid.to_string()));
    let refused = lab.store.create_contact(lab.now, Uuid::now_v7(), contact(ABSENT));
    let Done::Stored { noun: Noun::Dl(answered), .. } = made.await.unwrap() else { panic!() };
    let told = lab.done.try_recv().unwrap();
    assert!(
        matches!(told, Committed { ticket: None, done: Done::Stored { noun: Noun::Dl(dl), .. } } if dl == answered)
    );
    assert!(matches!(refused.await.unwrap(), Done::Refused(_)));
    assert_eq!(lab.store.dls(Some(dlma.uuid), 10, None).await.unwrap(), [answered]);
}
