//! What is in the file: every shape that people have, and what is no file to import.

use std::fs;

use crate::list::{contacts, daemon_with_list, file, import, import_piped, query};

#[test]
fn what_the_file_holds_is_in_the_list_as_it_was() {
    let (daemon, dlma) = daemon_with_list();
    let text = "\u{feff}Name;Phone;Phone 2;UKey;E-Mail;Town\r\n\
                \"Müller; \"\"Ann\"\"\";+49228123;300;k1;ann@example.org;Köln\r\n\
                \u{1f600} ; 301 ;;;;\r\n";
    let path = file(&daemon, "leads.csv", text);
    let (code, said) = import(&daemon, &dlma, &path, &["--delimiter", ";", "--variables"]);
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("2 rows: 2 imported"), "{said}");
    let rows =
        query(&daemon, "SELECT name, number_1, number_2, ukey, email, variables FROM dl_list ORDER BY id");
    assert_eq!(
        rows,
        [
            ["Müller; \"Ann\"", "+49228123", "300", "k1", "ann@example.org", "{\"Town\":\"Köln\"}"],
            ["\u{1f600}", "301", "", "", "", ""],
        ]
    );
}

#[test]
fn a_column_of_time_zones_says_by_whose_clock_contacts_are_called() {
    let (daemon, dlma) = daemon_with_list();
    let text = "Phone,Time Zone\n300,Europe/Berlin\n301,\n302,Mars/Olympus\n";
    let path = file(&daemon, "leads.csv", text);
    let (code, said) = import(&daemon, &dlma, &path, &[]);
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("3 rows: 2 imported, 1 refused") && said.contains("TimeZone 1"), "{said}");
    let rows = query(&daemon, "SELECT number_1, time_zone FROM dl_list ORDER BY id");
    assert_eq!(rows, [["300", "Europe/Berlin"], ["301", ""]]);
    let refused = fs::read_to_string(daemon.path("leads.csv.refused.csv")).unwrap();
    assert!(refused.contains("a time zone by its IANA name"), "{refused}");
}

#[test]
fn rows_that_are_refused_are_kept_with_line_and_reason_and_can_be_mended() {
    let (daemon, dlma) = daemon_with_list();
    let text = b"name,number1\nann,300\nbob,3 00\nM\xfcller,301\ncleo,112\ndan,302,x\n,\neve,303\n";
    let path = file(&daemon, "leads.csv", text);
    let (code, said) = import(&daemon, &dlma, &path, &[]);
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("7 rows: 2 imported, 5 refused"), "{said}");
    for kind in ["Number1 2", "denied number 1", "not UTF-8 1", "columns 1", "iconv -f WINDOWS-1252"] {
        assert!(said.contains(kind), "{kind} in\n{said}");
    }
    let refused = daemon.path("leads.csv.refused.csv");
    let kept = fs::read(&refused).unwrap();
    let kept = String::from_utf8_lossy(&kept);
    let lines: Vec<&str> = kept.lines().collect();
    assert_eq!(lines[0], "name,number1,astout_line,astout_refused");
    for (line, begins, why) in [
        (1, "bob,3 00,3,", "1 to 32 digits"),
        (2, "M\u{fffd}ller,301,4,", "iconv"),
        (3, "cleo,112,5,", "emergency"),
        (4, "dan,302,x,6,", "3 columns, the header 2"),
        (5, ",,7,", "at least one of Number1 to Number8"),
    ] {
        assert!(lines[line].starts_with(begins) && lines[line].contains(why), "{}", lines[line]);
    }
    fs::write(
        &refused,
        kept.replace("3 00", "300").replace("112", "1120").replace("M\u{fffd}ller", "Müller"),
    )
    .unwrap();
    let (code, said) = import(&daemon, &dlma, &refused, &[]);
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("5 rows: 3 imported"), "{said}");
}

#[test]
fn a_line_of_ten_megabytes_is_refused_and_the_rest_taken() {
    let (daemon, dlma) = daemon_with_list();
    let text = format!("name,number1\nann,300\n{},301\nbob,302\n", "x".repeat(10_000_000));
    let path = file(&daemon, "leads.csv", text);
    let (code, said) = import(&daemon, &dlma, &path, &[]);
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("3 rows: 2 imported, 1 refused (too long 1)"), "{said}");
}

#[test]
fn what_is_no_file_to_import_is_told_with_what_to_do_and_writes_nothing() {
    let (daemon, dlma) = daemon_with_list();
    for (text, code, told) in [
        ("", 65, "is empty"),
        ("\n\r\n", 65, "no column looks like a number"),
        ("name,number1\n", 65, "0 rows: 0 imported"),
        ("customer,town\nann,Bonn\n", 65, "\"customer\", \"town\""),
        ("name;number1\nann;300\n", 65, "--delimiter ';'"),
        ("phone,tel\n300,301\n", 65, "--map number1=phone"),
        ("name,number1\nann,x\n", 65, "1 rows: 0 imported, 1 refused (Number1 1)"),
    ] {
        let path = file(&daemon, "odd.csv", text);
        let (is, said) = import(&daemon, &dlma, &path, &[]);
        assert_eq!(is, code, "{text:?}: {said}");
        assert!(said.contains(told), "{text:?}: {said}");
    }
    let path = file(&daemon, "utf16.csv", b"\xff\xfen\0a\0m\0e\0");
    let (code, said) = import(&daemon, &dlma, &path, &[]);
    assert!(code == 65 && said.contains("UTF-16"), "{said}");
    let quote = [&b"name,number1\nann,300\n\"bob"[..], &vec![b'\n'; 20_000_000]].concat();
    let path = file(&daemon, "quote.csv", quote);
    let (code, said) = import(&daemon, &dlma, &path, &[]);
    assert!(code == 65 && said.contains("line 3") && said.contains("quote not closed"), "{said}");
    assert_eq!(contacts(&daemon), 0);
}

#[test]
fn a_quote_that_is_never_closed_is_named_by_its_line_and_nothing_behind_it_is_taken() {
    let (daemon, dlma) = daemon_with_list();
    let rest: String = (0..2000).map(|row| format!("client {row},{}\n", 2000 + row)).collect();
    let text = format!("name,number1\nok,1010201\n\"b,1010202\n{rest}");
    let path = file(&daemon, "open.csv", &text);
    for more in [&[][..], &["--dry-run"]] {
        let (code, said) = import(&daemon, &dlma, &path, more);
        assert!(code == 65 && said.contains("line 3: a quote is opened here"), "{code} {said}");
        assert_eq!(contacts(&daemon), 0, "a file is read through before anything of it is taken");
    }
    // What comes through a pipe is taken as it comes: what stands before may stay, and is counted.
    let (code, said) = import_piped(&daemon, &dlma, &format!("name,number1\n{rest}\"b,1\n{rest}"), &[]);
    assert!(code == 65 && said.contains("line 2002: a quote is opened here"), "{code} {said}");
    assert!(said.contains(&format!("; {} rows are done with, and stay", contacts(&daemon))), "{said}");
    let closed = text.replace("1010202\n", "\nclosed\",1010202\n");
    let (code, said) = import(&daemon, &dlma, &file(&daemon, "closed.csv", closed), &["--map", "name="]);
    assert!(code == 0 && said.contains("2002 rows: 2002 imported"), "{said}");
}

#[test]
fn arguments_that_cannot_be_meant_are_64_and_files_that_cannot_be_read_74() {
    let (daemon, dlma) = daemon_with_list();
    let path = file(&daemon, "leads.csv", "name,mobile\nann,300\n");
    for wrong in [
        &["--map", "number1=phone"][..],
        &["--map", "number9=mobile"],
        &["--map", "mobile"],
        &["--delimiter", "ab"],
        &["--nonsense"],
    ] {
        let (code, said) = import(&daemon, &dlma, &path, wrong);
        assert_eq!(code, 64, "{wrong:?}: {said}");
    }
    assert_eq!(import(&daemon, "nonsense", &path, &[]).0, 64);
    assert_eq!(import(&daemon, &dlma, &daemon.path("nowhere.csv"), &[]).0, 74);
    assert_eq!(import(&daemon, &dlma, daemon.dir(), &[]).0, 74);
    let (code, said) = import(&daemon, &dlma, &path, &["--map", "number1=mobile", "--map", "ukey=mobile"]);
    assert_eq!(code, 0, "{said}");
    assert_eq!(query(&daemon, "SELECT number_1, ukey FROM dl_list"), [["300", "300"]]);
}

#[test]
fn a_dry_run_says_what_would_be_and_writes_nothing() {
    let (daemon, dlma) = daemon_with_list();
    let path = file(&daemon, "leads.csv", "name,number1,ukey\nann,300,a\nbob,301,a\ncleo,x,c\n");
    let (code, said) = import(&daemon, &dlma, &path, &["--dry-run"]);
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("3 rows: 1 would be imported, 1 duplicates"), "{said}");
    assert!(
        said.contains("line 3: UKey: \"a\" is taken by line 2") && said.contains("line 4: Number1"),
        "{said}"
    );
    assert!(!daemon.path("leads.csv.refused.csv").exists());
    assert_eq!((contacts(&daemon), query(&daemon, "SELECT * FROM import").len()), (0, 0));
}

#[test]
fn stdin_is_taken_and_the_summary_can_be_json() {
    let (daemon, dlma) = daemon_with_list();
    for _ in 0..2 {
        let (code, said) = import_piped(&daemon, &dlma, "name,number1\nann,300\nbob,x\n", &[]);
        assert_eq!(code, 0, "{said}");
        assert!(said.contains("line 3: Number1"), "{said}");
    }
    let (code, said) = import_piped(&daemon, &dlma, "number1,ukey\n300,a\nx,b\n300,a\n", &["--json"]);
    assert_eq!(code, 0, "{said}");
    let json = said.find('{').map(|start| &said[start..=said.rfind('}').unwrap()]).unwrap();
    let summary: serde_json::Value = serde_json::from_str(json).unwrap();
    for (key, value) in [("rows", 3), ("imported", 1), ("duplicates", 1), ("refused", 1)] {
        assert_eq!(summary[key], value, "{summary}");
    }
    assert_eq!(summary["refused_for"]["Number1"], 1);
    assert_eq!(contacts(&daemon), 3);
}

#[test]
fn a_list_may_be_named_by_the_beginning_of_its_uuid_while_a_daemon_runs() {
    let (mut daemon, dlma) = daemon_with_list();
    let path = file(&daemon, "leads.csv", "name,number1\nann,300\n");
    for (wrong, words) in [
        ("00000000", "--dlma 00000000: No such dlma"),
        ("abc", "its first 4 or more characters"),
        ("leads", "the first characters of one; `astout dlma list` shows them"),
    ] {
        let (code, said) = import(&daemon, wrong, &path, &[]);
        assert!(code != 0 && said.contains(words) && said.contains("`astout dlma list`"), "{code} {said}");
    }
    assert!(query(&daemon, "SELECT number_1 FROM dl_list").is_empty(), "nothing of it was written");
    let (code, said) = import(&daemon, &dlma[..13], &path, &[]);
    assert_eq!(code, 0, "{said}");
    assert_eq!(query(&daemon, "SELECT number_1 FROM dl_list"), [["300"]]);

    assert!(daemon.stop().success());
    let (code, said) = import(&daemon, &dlma[..13], &path, &[]);
    assert!(code == 69 && said.contains("give the whole uuid"), "{code} {said}");
}
