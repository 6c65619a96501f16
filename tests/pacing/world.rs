//! The world by its published figures, and the predictive mode by what it promises in it.

use astout::simworld::scenario::Agents;
use astout::simworld::{Scenario, run};

use super::{days, scenario};

/// Scenario; occupancy, abandonment (both per cent) and dials of progressive; the same of power:2.
const PUBLISHED: [(&str, [f64; 3], [f64; 3]); 4] = [
    ("P1_5", [49.03, 0.0, 2632.0], [62.37, 5.54, 3549.0]),
    ("P2_20", [48.85, 0.0, 10561.0], [61.85, 0.17, 13448.0]),
    ("P3_100", [48.80, 0.0, 52834.0], [61.29, 0.0, 66359.0]),
    ("P5_20amd", [40.13, 0.0, 13300.0], [54.27, 0.01, 17976.0]),
];

#[test]
fn the_fixed_modes_come_to_the_published_figures() {
    for (name, progressive, power) in PUBLISHED {
        let scenario = scenario(name);
        for (policy, [occupancy, abandoned, dials]) in [("progressive", progressive), ("power:2", power)] {
            let days = days(&scenario, policy, 1..=6);
            let off = (days.occupancy * 100.0 - occupancy).abs();
            assert!(off <= 0.5, "{name} {policy}: {days:?}");
            assert!((days.abandon_rate * 100.0 - abandoned).abs() <= 0.2, "{name} {policy}: {days:?}");
            assert!((days.dials / dials - 1.0).abs() <= 0.01, "{name} {policy}: {days:?}");
        }
    }
}

#[test]
fn predictive_has_agents_talk_more_within_what_may_be_abandoned() {
    // Short of the goals of docs/pacing.md by what one seed may differ; those are measured in a release build.
    for (name, occupancy, seeds) in [("P1_5", 0.595, 1..=1), ("T_cold20", 0.62, 1..=3)] {
        let days = days(&scenario(name), "predictive", seeds);
        assert!(days.occupancy >= occupancy, "{name}: {days:?}");
        assert!(days.worst_day <= 0.03, "{name}: {days:?}");
    }
}

#[test]
fn a_restart_in_mid_day_costs_neither_the_cap_nor_what_was_learnt() {
    let policy = "predictive".parse().unwrap();
    let mut scenario = scenario("P1_5");
    scenario.duration_s = 14_400.0;
    let day = run(&scenario, &policy, 3, Some(7200.0));
    assert!(day.abandon_rate() <= 0.03, "{day:?}");
    assert!(day.seconds.occupancy() >= 0.58, "{day:?}");
}

#[test]
fn where_nobody_works_nobody_is_dialled() {
    let mut scenario = scenario("T_zero");
    for policy in ["progressive", "power:2", "predictive", "predictive:service-level=3"] {
        let whole = run(&scenario, &policy.parse().unwrap(), 1, None);
        assert!(whole.dials > 0, "{policy}");
        scenario.agents = Agents::Fixed(0);
        let nobody = run(&scenario, &policy.parse().unwrap(), 1, None);
        assert_eq!(nobody.dials, 0, "{policy}");
        scenario.agents = super::scenario("T_zero").agents;
    }
}

#[test]
fn nothing_is_given_up_before_it_has_rung_for_long() {
    let mut scenario = scenario("P1_5");
    scenario.duration_s = 3600.0;
    scenario.ring_timeout_s = 14.0;
    assert_eq!(run(&scenario, &"predictive".parse().unwrap(), 1, None).cancels, 0);
    scenario.ring_timeout_s = 28.0;
    assert!(run(&scenario, &"predictive".parse().unwrap(), 1, None).cancels > 0);
    assert_eq!(run(&scenario, &"predictive:min-ring=29".parse().unwrap(), 1, None).cancels, 0);
}

#[test]
fn the_same_seed_gives_the_same_row_on_every_machine() {
    let scenario = scenario("T_cold20");
    let rows: Vec<String> = ["progressive", "power:1.5", "predictive"]
        .map(|policy| run(&scenario, &policy.parse().unwrap(), 1, None).row())
        .into();
    assert_eq!(run(&scenario, &"predictive".parse().unwrap(), 1, None).row(), rows[2]);
    insta::assert_snapshot!("rows", rows.join("\n"));
}

#[test]
fn the_limits_of_the_line_hold() {
    let scenario =
        Scenario::parse(r#"{"agents": 30, "duration_s": 1800, "channels": 25, "cps": 2, "leads": 300}"#)
            .unwrap();
    for policy in ["power:3", "predictive"] {
        let day = run(&scenario, &policy.parse().unwrap(), 1, None);
        assert!(day.peak_channels <= 25, "{day:?}");
        assert_eq!(day.dials, 300, "{policy}");
        // Thirty seconds after its last number the campaign is over, and nobody waits for calls any more.
        assert!(day.seconds.staffed() < 30.0 * 1200.0, "{day:?}");
    }
}

#[test]
fn the_lead_of_a_call_that_was_given_up_goes_back() {
    let text = r#"{"name": "few", "agents": 5, "leads": 1500}"#;
    let policy = "predictive".parse().unwrap();
    let day = run(&Scenario::parse(text).unwrap(), &policy, 1, None);
    assert!(day.cancels > 0, "{day:?}");
    assert_eq!(day.dials - day.cancels, 1500);
}
