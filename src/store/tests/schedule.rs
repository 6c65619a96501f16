//! What a campaign's schedule does to its changes of status: judged when they are committed.

use super::*;
use crate::model::campaign::Campaign;
use CampaignStatus::{Start, Starting, Stop, Stopping};

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// A campaign that can dial, with a window from 9 to 17 UTC on each day, at that time.
async fn office(wall: &str) -> (Lab, CampaignUuid) {
    let mut lab = lab().await;
    let capsule = lab.campaign(&[]).await;
    let campaign = capsule.campaign.uuid;
    let uuid = campaign.to_string();
    for (from, to) in [(Start, Stopping), (Stopping, Stop)] {
        lab.run(Command::Transition { campaign, from, to }).await;
    }
    lab.now = at(wall);
    let office = [("Uuid", &*uuid), ("ScMode", "1"), ("ScTimeStart", "09:00:00"), ("ScTimeEnd", "17:00:00")];
    lab.update(NounKind::Campaign, &office).await.unwrap();
    (lab, campaign)
}

async fn moved(
    lab: &mut Lab,
    campaign: CampaignUuid,
    from: CampaignStatus,
    to: CampaignStatus,
) -> Option<Campaign> {
    match lab.run(Command::Transition { campaign, from, to }).await {
        Done::Moved { campaign, .. } => Some(campaign),
        Done::NotMoved => None,
        other => panic!("{other:?}"),
    }
}

async fn ask(lab: &mut Lab, campaign: CampaignUuid, status: &str) -> Result<Campaign, String> {
    let uuid = campaign.to_string();
    match lab.update(NounKind::Campaign, &[("Uuid", &uuid), ("Status", status)]).await {
        Ok(Noun::Campaign(campaign)) => Ok(campaign),
        Ok(other) => panic!("{other:?}"),
        Err(refusal) => Err(refusal.to_string()),
    }
}

#[tokio::test]
async fn a_schedules_start_is_made_once_a_window_and_not_outside_of_it() {
    let (mut lab, campaign) = office("2026-11-17T08:59:59Z").await;
    assert_eq!(moved(&mut lab, campaign, Stop, Starting).await, None);
    lab.now = at("2026-11-17T09:00:00Z");
    let started = moved(&mut lab, campaign, Stop, Starting).await.unwrap();
    assert_eq!((started.status, started.sc_served), (Starting, Some(at("2026-11-17T17:00:00Z"))));
    for (from, to) in [(Starting, Start), (Start, Stopping), (Stopping, Stop)] {
        moved(&mut lab, campaign, from, to).await.unwrap();
    }
    assert_eq!(moved(&mut lab, campaign, Stop, Starting).await, None);
    let mut lab = lab.reopened().await;
    assert_eq!(lab.recovered.campaigns[0].sc_served, Some(at("2026-11-17T17:00:00Z")));
    lab.now = at("2026-11-17T16:59:59Z");
    assert_eq!(moved(&mut lab, campaign, Stop, Starting).await, None);
    lab.now = at("2026-11-18T09:00:00Z");
    assert!(moved(&mut lab, campaign, Stop, Starting).await.is_some());
}

#[tokio::test]
async fn an_operators_stop_that_came_first_is_not_overruled() {
    let (mut lab, campaign) = office("2026-11-17T09:00:00Z").await;
    ask(&mut lab, campaign, "0").await.unwrap();
    assert_eq!(moved(&mut lab, campaign, Stop, Starting).await, None);
    assert_eq!(ask(&mut lab, campaign, "1").await.unwrap().status, Starting);
}

#[tokio::test]
async fn an_operators_start_outside_of_the_window_is_refused_and_nothing_is_written() {
    let (mut lab, campaign) = office("2026-11-17T17:00:00Z").await;
    let refusal = ask(&mut lab, campaign, "1").await.unwrap_err();
    assert!(refusal.contains("the next one opens at 2026-11-18T09:00:00"), "{refusal}");
    assert_eq!(lab.store.campaign(campaign).await.unwrap().unwrap().status, Stop);
}

#[tokio::test]
async fn a_schedules_start_of_a_campaign_that_lacks_something_is_not_made() {
    let (mut lab, campaign) = office("2026-11-17T10:00:00Z").await;
    lab.sql("UPDATE plan SET in_use = 0").await.unwrap();
    assert_eq!(moved(&mut lab, campaign, Stop, Starting).await, None);
}

#[tokio::test]
async fn a_database_of_before_takes_schedules_up() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("astout.sqlite3");
    let mut conn =
        SqliteConnectOptions::new().filename(&path).create_if_missing(true).connect().await.unwrap();
    sqlx::raw_sql(include_str!("../../../migrations/sqlite/0001_tables.sql"))
        .execute(&mut conn)
        .await
        .unwrap();
    let campaign = "INSERT INTO campaign (uuid, sc_mode, tm_create)
        VALUES ('00000000-0000-4000-8000-000000000001', 0, '2026-11-17T08:00:00.000000000Z')";
    query(campaign).execute(&mut conn).await.unwrap();
    // As the first version left it: with its one migration.
    let applied = "CREATE TABLE _sqlx_migrations (version BIGINT PRIMARY KEY, description TEXT NOT NULL,
        installed_on TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP, success BOOLEAN NOT NULL, checksum BLOB NOT NULL,
        execution_time BIGINT NOT NULL)";
    query(applied).execute(&mut conn).await.unwrap();
    let tables = include_str!("../../../migrations/sqlite/0001_tables.sql");
    let migration = sqlx::migrate::Migration::new(
        1,
        "tables".into(),
        sqlx::migrate::MigrationType::Simple,
        sqlx::SqlSafeStr::into_sql_str(tables),
        false,
    );
    query("INSERT INTO _sqlx_migrations VALUES (1, 'tables', '2026-01-01', 1, ?1, 1)")
        .bind(migration.checksum.to_vec())
        .execute(&mut conn)
        .await
        .unwrap();
    drop(conn);
    let mut lab = opened(directory).await;
    assert!(!lab.recovered.campaigns[0].schedule.is_on());
    let uuid = "00000000-0000-4000-8000-000000000001";
    lab.update(NounKind::Campaign, &[("Uuid", uuid), ("ScTimezone", "UTC")]).await.unwrap();
}
