//! Through a running daemon: who hears of it, who may, and what happens to a file that was there before.

use std::time::{Duration, Instant};

use crate::list::{contacts, daemon_with_list, file, import, number, query, said, start};
use crate::support::ami::{Client, PATIENCE, header};
use crate::support::daemon::Daemon;

#[test]
fn an_import_is_one_event_a_batch_and_none_a_contact() {
    let (daemon, dlma) = daemon_with_list();
    let mut client = daemon.client();
    let rows: String = (0..300).map(|row| format!("client {row},{}\n", 1000 + row)).collect();
    let path = file(&daemon, "leads.csv", format!("name,number1\n{rows}nobody,x\n"));
    let (code, said) = import(&daemon, &dlma, &path, &[]);
    assert_eq!(code, 0, "{said}");
    let mut events = 0;
    loop {
        let event = client.event(PATIENCE).unwrap();
        // That of the list itself may come late.
        if !header(&event, "Event").starts_with("OutDlList") {
            continue;
        }
        assert_eq!(header(&event, "Event"), "OutDlListImport", "{event:?}");
        assert_eq!(header(&event, "DlmaUuid"), dlma);
        assert_eq!(header(&event, "File"), "leads.csv");
        events += 1;
        if header(&event, "Finished") == "1" {
            let counts = ["Rows", "Imported", "Refused", "Duplicates"].map(|name| header(&event, name));
            assert_eq!(counts, ["301", "300", "1", "0"]);
            break;
        }
    }
    assert!(events < 30, "{events} events");
    assert_eq!(client.list("OutDlListShow", &[("DlmaUuid", &dlma), ("Count", "1000")]).len(), 300);
}

#[test]
fn a_ukey_is_in_a_list_once_whichever_way_it_comes() {
    let (daemon, dlma) = daemon_with_list();
    let mut client = daemon.client();
    let one = [("DlmaUuid", dlma.as_str()), ("Number1", "300"), ("UKey", "a")];
    client.create("OutDlListCreate", &one);
    let path = file(&daemon, "leads.csv", "number1,ukey\n300,a\n301,b\n302,b\n303,\n304,\n");
    let (code, said) = import(&daemon, &dlma, &path, &[]);
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("5 rows: 3 imported, 2 duplicates"), "{said}");
    let refused = client.action("OutDlListCreate", &[one[0], one[1], ("UKey", "b")]);
    assert!(header(&refused, "Message").contains("UKey: \"b\" is taken"), "{refused:?}");
    let other = client.create("OutDlmaCreate", &[("Name", "other")]);
    let (code, said) = import(&daemon, &other, &path, &[]);
    assert!(code == 0 && said.contains("4 imported, 1 duplicates"), "{said}");
}

#[test]
fn a_file_that_was_imported_is_refused_unless_it_is_wanted_again() {
    let (daemon, dlma) = daemon_with_list();
    let path = file(&daemon, "leads.csv", "name,number1\nann,300\n");
    assert_eq!(import(&daemon, &dlma, &path, &[]).0, 0);
    let copy = file(&daemon, "copy.csv", "name,number1\nann,300\n");
    let (code, said) = import(&daemon, &dlma, &copy, &[]);
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("leads.csv") && said.contains("--again"), "{said}");
    assert_eq!(import(&daemon, &dlma, &copy, &["--again"]).0, 0);
    assert_eq!(contacts(&daemon), 2);
}

#[test]
fn a_list_that_is_not_there_is_named() {
    let (daemon, _) = daemon_with_list();
    let path = file(&daemon, "leads.csv", "name,number1\nann,300\n");
    let nobody = "11111111-1111-1111-1111-111111111111";
    let (code, said) = import(&daemon, nobody, &path, &[]);
    assert_eq!(code, 1, "{said}");
    assert!(said.contains(nobody) && said.contains("names no dlma"), "{said}");
}

#[test]
fn where_the_refused_rows_cannot_be_kept_it_stops_and_goes_on_without_losing_one() {
    let (daemon, dlma) = daemon_with_list();
    let path = file(&daemon, "leads.csv", "name,number1\nann,300\nbob,x\n");
    let (code, said) = import(&daemon, &dlma, &path, &["--refused", "/nowhere/at/all.csv"]);
    assert_eq!(code, 74, "{said}");
    assert!(said.contains("/nowhere/at/all.csv") && said.contains("the same command goes on"), "{said}");
    let kept = daemon.path("kept.csv");
    let (code, said) = import(&daemon, &dlma, &path, &["--refused", kept.to_str().unwrap()]);
    assert_eq!(code, 0, "{said}");
    let kept = std::fs::read_to_string(kept).unwrap();
    assert!(kept.contains("bob,x,3,"), "{kept}");
    assert_eq!(contacts(&daemon), 1);
}

#[test]
fn a_daemon_that_is_stopped_in_the_middle_stops_at_once_and_the_next_one_goes_on() {
    let (mut daemon, dlma) = daemon_with_list();
    let rows: String = (0..20_000).map(|row| format!("client {row},{}\n", 1000 + row)).collect();
    let path = file(&daemon, "leads.csv", format!("name,number1\n{rows}"));
    let child = start(&daemon, &dlma, &path);
    let some = |daemon: &mut Daemon| {
        (number(daemon, "SELECT coalesce(max(rows), 0) FROM import") > 1000).then_some(())
    };
    daemon.poll("some rows", some);
    let since = Instant::now();
    assert!(daemon.stop().success());
    assert!(since.elapsed() < Duration::from_secs(15), "it waited for the import: {:?}", since.elapsed());
    let (code, text) = said(&child.wait_with_output().unwrap());
    assert_eq!(code, 69, "{text}");
    assert!(text.contains("the same command goes on"), "{text}");
    daemon.run();
    let (code, text) = import(&daemon, &dlma, &path, &[]);
    assert!(code == 0 && text.contains("20000 imported"), "{text}");
    assert_eq!(query(&daemon, "SELECT count(*), count(DISTINCT name) FROM dl_list"), [["20000", "20000"]]);
}

#[test]
fn two_who_import_the_same_file_at_once_bring_nobody_twice() {
    let (daemon, dlma) = daemon_with_list();
    let rows: String = (0..10_000).map(|row| format!("client {row},{}\n", 1000 + row)).collect();
    let path = file(&daemon, "leads.csv", format!("name,number1\n{rows}"));
    let both = [start(&daemon, &dlma, &path), start(&daemon, &dlma, &path)];
    let ended = both.map(|child| said(&child.wait_with_output().unwrap()));
    let mut codes = ended.each_ref().map(|(code, _)| *code);
    codes.sort_unstable();
    // The other one finds the file in use, or already imported.
    assert!(codes == [0, 69] || codes == [0, 1], "{ended:?}");
    assert_eq!(query(&daemon, "SELECT count(*), count(DISTINCT name) FROM dl_list"), [["10000", "10000"]]);
}

#[test]
fn an_ami_client_may_import_as_it_may_create() {
    let more = "[[manager.user]]\nname = \"reader\"\nsecret = \"readers-secret-of-the-tests\"\n\
                read = [\"all\"]\nwrite = [\"call\"]\n";
    let daemon = Daemon::start_beside("127.0.0.1:9", "user", "secret", more);
    let mut client = daemon.client();
    let dlma = client.create("OutDlmaCreate", &[("Name", "leads")]);
    let order = [("DlmaUuid", dlma.as_str()), ("File", "by hand")];
    let begun = client.done("OutDlListImport", &order);
    let import = header(&begun, "Import");
    let rows = [
        order[0],
        ("Import", &import),
        ("From", "0"),
        ("Columns", r#"["Name","Number1"]"#),
        ("Row", r#"["ann","300"]"#),
        ("Row", r#"["bob","112"]"#),
        ("Finish", "yes"),
    ];
    let done = client.done("OutDlListImportRows", &rows);
    let counts = ["Rows", "Imported", "Refused", "Finished"].map(|name| header(&done, name));
    assert_eq!(counts, ["2", "1", "1", "1"]);
    assert!(header(&done, "RefusedRow").contains("emergency"), "{done:?}");
    let again = client.action("OutDlListImportRows", &rows);
    assert!(!again.is_success(), "{again:?}");
    let wrong = [order[0], ("Import", &import), ("Columns", r#"["Number9"]"#)];
    let wrong = client.action("OutDlListImportRows", &wrong);
    assert!(header(&wrong, "Message").contains("Columns") && !wrong.is_success(), "{wrong:?}");
    let mut reader = Client::login(&daemon.address(), "reader", "readers-secret-of-the-tests");
    assert_eq!(header(&reader.action("OutDlListImport", &order), "Message"), "Permission denied");
    assert_eq!(number(&daemon, "SELECT count(*) FROM dl_list"), 1);
    assert_eq!(query(&daemon, "SELECT name FROM dl_list"), [["ann"]]);
}
