//! `astout simulate` as people use it.

use std::process::{Command, Output};

fn simulate(arguments: &[&str]) -> (i32, String) {
    let Output { status, stdout, stderr } =
        Command::new(env!("CARGO_BIN_EXE_astout")).arg("simulate").args(arguments).output().unwrap();
    (status.code().unwrap(), String::from_utf8([stdout, stderr].concat()).unwrap())
}

#[test]
fn settings_are_shown_side_by_side_with_a_recommendation() {
    let dir = tempfile::tempdir().unwrap();
    let day = dir.path().join("short.json");
    std::fs::write(&day, r#"{"agents": 4, "duration_s": 5400}"#).unwrap();
    let csv = dir.path().join("rows.csv");
    let (code, text) = simulate(&[
        day.to_str().unwrap(),
        "--policy",
        "progressive",
        "--policy",
        "predictive:target=2.5",
        "--seeds",
        "1-2",
        "--csv",
        csv.to_str().unwrap(),
    ]);
    assert_eq!(code, 0, "{text}");
    for word in [
        "short: 4 agents",
        "progressive",
        "predictive:target=2.5",
        "worst hour",
        "hour",
        "###",
        "numbers dialled",
        "Take ",
    ] {
        assert!(text.contains(word), "{word} in\n{text}");
    }
    let rows = std::fs::read_to_string(&csv).unwrap();
    let mut rows = rows.lines();
    assert_eq!(
        rows.next().unwrap(),
        "scenario,policy,seed,staffed_s,talk_s,wrap_s,idle_s,occupancy,utilization,dials,cancels,live_answers,connects,\
         abandoned,abandon_rate,amd_false_drop,mean_wait_s,p90_wait_s,connects_per_agent_hour,dials_per_connect,\
         worst_hour_rate,max_running_rate,peak_channels"
    );
    let rows: Vec<&str> = rows.collect();
    assert_eq!(rows.len(), 4);
    assert!(rows[0].starts_with("short,progressive,1,21600.000,"), "{}", rows[0]);
    assert!(rows.iter().all(|row| row.split(',').count() == 23));
}

#[test]
fn programs_get_json_or_csv_and_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let day = dir.path().join("day.json");
    std::fs::write(&day, r#"{"agents": 2, "duration_s": 600}"#).unwrap();
    let common = [day.to_str().unwrap(), "--policy", "progressive", "--seeds", "1"];
    let (code, text) = simulate(&[&common[..], &["--json"]].concat());
    assert_eq!(code, 0, "{text}");
    let json: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(json[0]["policies"][0]["policy"], "progressive");
    assert_eq!(json[0]["policies"][0]["abandon_rate"], 0.0);
    let (code, text) = simulate(&[&common[..], &["--csv", "-"]].concat());
    assert_eq!((code, text.lines().count()), (0, 2), "{text}");
}

#[test]
fn mistakes_are_told_with_what_to_do() {
    let dir = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = dir.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let good = file("good.json", r#"{"agents": 1, "duration_s": 60}"#);
    let wrong = file("wrong.json", r#"{"agents": 1, "p_humans": 0.3}"#);
    let log = file("astout.result", "{}\n");
    for (arguments, code, words) in [
        (&[][..], 64, &["SCENARIO"][..]),
        (&["/nowhere.json"], 74, &["cannot read /nowhere.json"]),
        (&[&wrong], 65, &["wrong.json", "unknown field `p_humans`", "p_human"]),
        (&[&good, "--policy", "lucky"], 64, &["lucky", "progressive, power:R"]),
        (&[&good, "--seeds", "9-1"], 64, &["--seeds 9-1", "1-6"]),
        (&["--from-results", &log], 64, &["--agents N"]),
        (&["--from-results", &log, "--agents", "3"], 65, &["at least 100"]),
    ] {
        let (got, text) = simulate(arguments);
        assert_eq!(got, code, "{arguments:?}: {text}");
        for word in words {
            assert!(text.contains(word), "{word} in\n{text}");
        }
    }
}

#[test]
fn help_has_examples_and_every_policy() {
    let (code, text) = simulate(&["--help"]);
    assert_eq!(code, 0);
    for word in
        ["Examples:", "--from-results", "power:R", "predictive:KEY=VALUE", "min-ring", "--csv", "--seeds"]
    {
        assert!(text.contains(word), "{word} in\n{text}");
    }
}
