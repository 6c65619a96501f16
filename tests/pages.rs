//! The pages of `docs/tutorial`, run as they stand there on a real Asterisk: their dialplan, scripts, settings and actions
//! are taken from the page, and the result lines compared with what it says.
#![expect(clippy::unwrap_used, reason = "a test that panics has failed")]

mod support;

use std::fs::{self, OpenOptions, Permissions};
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, UdpSocket};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::mpsc::{self, Receiver};

use serde_json::Value;
use support::ami::{Client, PATIENCE, header};
use support::daemon::Daemon;
use support::lab::Lab;

/// A page's code blocks: language and text, in their order.
fn blocks(page: &str) -> Vec<(String, String)> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/tutorial").join(page);
    let (text, mut blocks, mut open) = (fs::read_to_string(path).unwrap(), Vec::new(), None);
    for line in text.lines() {
        match (line.strip_prefix("```"), &mut open) {
            (Some(language), None) => open = Some((language.to_owned(), String::new())),
            (Some(_), Some(_)) => blocks.extend(open.take()),
            (None, Some((_, text))) => *text += &format!("{line}\n"),
            (None, None) => {}
        }
    }
    blocks
}

/// What a page talks of, and what this machine has in its place.
fn here(text: &str, lab: &Lab, places: &[(&str, &str)]) -> String {
    let run = lab.get("ASTERISK_RUN");
    let everywhere = [
        ("/var/spool/asterisk", format!("{run}/spool")),
        ("transport-udp", "lab".to_owned()),
        ("sip.example.com:5060", lab.get("SIPP_SIP").to_owned()),
    ];
    let text = everywhere.iter().fold(text.to_owned(), |text, (from, to)| text.replace(from, to));
    places.iter().fold(text, |text, (from, to)| text.replace(from, to))
}

/// What is left once a page has been followed to its end.
struct Followed {
    /// Somebody who has looked at Asterisk meanwhile.
    admin: Client,
    daemon: Daemon,
    lab: Lab,
}

/// Does all that a page says.
fn follow(page: &str, lab: Lab, places: &[(&str, &str)]) -> Followed {
    let blocks: Vec<_> =
        blocks(page).into_iter().map(|(language, text)| (language, here(&text, &lab, places))).collect();
    let of = |language: &'static str| {
        blocks.iter().filter(move |(found, _)| found == language).map(|(_, text)| text.as_str())
    };
    let run = lab.get("ASTERISK_RUN").to_owned();
    for script in of("python") {
        let name = script.lines().nth(1).unwrap().trim_start_matches("# ");
        let path = format!("{run}/agi/{name}");
        fs::write(&path, script).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o755)).unwrap();
    }
    for text in of("ini") {
        let (file, text) = text.split_once('\n').unwrap();
        match file {
            "; astout_extensions_custom.conf" => {
                fs::write(format!("{run}/dialplan/astout_extensions_custom.conf"), text).unwrap();
            }
            "; pjsip.conf" => {
                let path = format!("{}/pjsip.conf", lab.get("ASTERISK_CONF"));
                let mut file = OpenOptions::new().append(true).open(path).unwrap();
                write!(file, "\n{text}").unwrap();
                lab.cli("module reload res_pjsip.so");
            }
            "; manager.conf" => {
                let path = format!("{}/manager.conf", lab.get("ASTERISK_CONF"));
                assert!(fs::read_to_string(path).unwrap().contains(text), "the lab has it");
            }
            other => panic!("{page}: what is {other}?"),
        }
    }
    let dialplan = format!("[dialplan]\ndirectory = \"{run}/dialplan\"\n");
    let daemon = Daemon::start(&lab, &of("toml").fold(dialplan, |all, more| all + more));
    let reloaded = daemon.cli(&["reload"]);
    assert!(reloaded.status.success(), "{}", String::from_utf8_lossy(&reloaded.stderr));
    let (mut client, admin) = (daemon.client(), lab.admin());
    for action in of("text").flat_map(|text| text.split("\n\n")) {
        let headers: Vec<_> = action.lines().map(|line| line.split_once(": ").unwrap()).collect();
        let ("Action", name) = headers[0] else { panic!("{page}: {action}") };
        let reply = client.done(name, &headers[1..]);
        assert_eq!(header(&reply, "Warning"), "", "{page}: {action}");
    }
    client.wait_for("the end of the campaign", |event| {
        header(event, "Event") == "OutCampaignUpdate" && header(event, "Status") == "0"
    });
    let (lines, expected): (_, Vec<Value>) =
        (daemon.results(), of("json").map(|text| serde_json::from_str(text).unwrap()).collect());
    for expected in &expected {
        let line = lines.iter().find(|line| line["dial_addr"] == expected["dial_addr"]);
        let line = line.unwrap_or_else(|| panic!("{page}: no line of {expected}"));
        for (key, value) in expected.as_object().unwrap() {
            assert_eq!(line[key], *value, "{page}: {key} in {line}");
        }
    }
    assert!(!expected.is_empty(), "{page} says what comes of it");
    daemon.check();
    Followed { admin, daemon, lab }
}

#[test]
fn power_dialing() {
    follow("power-dialing.md", Lab::up("page-power"), &[]);
}

#[test]
fn transfer_to_the_dialplan() {
    let mut followed = follow("dialplan.md", Lab::up("page-dialplan"), &[]);
    let step = followed.admin.wait_for("the first step", |event| {
        header(event, "Context") == "tutorial-ani" && header(event, "Application") == "NoOp"
    });
    assert_eq!(header(&step, "AppData"), "ANI: 10, offer: spring");
}

#[test]
fn human_or_machine() {
    let mut followed = follow("human-or-machine.md", Lab::up("page-amd"), &[]);
    let connected = followed.admin.wait_for("an agent", |event| header(event, "Event") == "AgentConnect");
    let lines = followed.daemon.results();
    let human = lines.iter().find(|line| line["res_amd"] == "HUMAN").unwrap();
    assert_eq!(
        header(&connected, "Uniqueid"),
        human["channelid"].as_str().unwrap(),
        "the human got the agent"
    );
}

#[test]
fn outbound_with_a_trunk() {
    follow("trunk.md", Lab::up("page-trunk"), &[]);
}

/// A SIP peer that takes every message; gives what it got.
fn sms_gateway() -> (String, Receiver<String>) {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap().to_string();
    let (got, messages) = mpsc::channel();
    std::thread::spawn(move || {
        let mut packet = [0; 4096];
        while let Ok((length, from)) = socket.recv_from(&mut packet) {
            let message = String::from_utf8_lossy(&packet[..length]).into_owned();
            let head = message.split("\r\n\r\n").next().unwrap_or_default();
            let back = ["Via", "From", "To", "Call-ID", "CSeq"];
            let headers =
                head.lines().filter(|line| back.contains(&line.split(':').next().unwrap_or_default()));
            let headers: String = headers.map(|line| format!("{line}\r\n")).collect();
            let answer = format!("SIP/2.0 202 Accepted\r\n{headers}Content-Length: 0\r\n\r\n");
            if socket.send_to(answer.as_bytes(), from).is_err() || got.send(message).is_err() {
                return;
            }
        }
    });
    (address, messages)
}

#[test]
fn an_sms() {
    let (gateway, messages) = sms_gateway();
    follow("sms.md", Lab::up("page-sms"), &[("sms.example.com:5060", &gateway)]);
    let message = messages.recv_timeout(PATIENCE).unwrap();
    assert!(message.starts_with(&format!("MESSAGE sip:4915550100@{gateway} SIP/2.0\r\n")), "{message}");
    assert!(message.ends_with("\r\n\r\nHello Ann, your parcel is here"), "{message}");
}

/// A page as faxes have it, black bars on white: a TIFF of one strip without compression.
fn page_of_a_fax() -> Vec<u8> {
    const WIDTH: u32 = 1728;
    const HEIGHT: u32 = 200;
    let mut tiff = b"II*\0\0\0\0\0".to_vec();
    for line in 0..HEIGHT {
        let ink = if line % 40 < 20 { 0xff } else { 0 };
        tiff.extend((0..WIDTH / 8).map(|byte| if byte < 40 { ink } else { 0 }));
    }
    let strip = u32::try_from(tiff.len()).unwrap() - 8;
    let resolutions = strip + 8;
    for number in [204_u32, 1, 98, 1] {
        tiff.extend(number.to_le_bytes());
    }
    let directory = u32::try_from(tiff.len()).unwrap();
    tiff[4..8].copy_from_slice(&directory.to_le_bytes());
    // Tag, type (3 short, 4 long, 5 fraction), value: the fields that a reader of faxes asks for.
    let fields: [(u16, u16, u32); 14] = [
        (254, 4, 2),
        (256, 4, WIDTH),
        (257, 4, HEIGHT),
        (258, 3, 1),
        (259, 3, 1),
        (262, 3, 0),
        (266, 3, 1),
        (273, 4, 8),
        (277, 3, 1),
        (278, 4, HEIGHT),
        (279, 4, strip),
        (282, 5, resolutions),
        (283, 5, resolutions + 8),
        (296, 3, 2),
    ];
    tiff.extend(u16::try_from(fields.len()).unwrap().to_le_bytes());
    for (tag, kind, value) in fields {
        tiff.extend(tag.to_le_bytes());
        tiff.extend(kind.to_le_bytes());
        tiff.extend(1_u32.to_le_bytes());
        tiff.extend(value.to_le_bytes());
    }
    tiff.extend([0; 4]);
    tiff
}

#[test]
fn a_fax() {
    let lab = Lab::up("page-fax");
    let folder = format!("{}/spool/fax", lab.get("ASTERISK_RUN"));
    fs::create_dir_all(&folder).unwrap();
    fs::write(format!("{folder}/offer.tif"), page_of_a_fax()).unwrap();
    let mut followed = follow("fax.md", lab, &[]);
    let sent = followed.admin.wait_for("FaxSent", |event| header(event, "UserEvent") == "FaxSent");
    let of = |name| header(&sent, name);
    assert_eq!([of("Number"), of("Status"), of("Pages")], ["4915550100", "SUCCESS", "1"]);
    let received = fs::read(format!("{}/spool/fax/in-4915550100.tif", followed.lab.get("ASTERISK_RUN")));
    assert!(received.unwrap().starts_with(b"II*\0"), "a page has come");
}

/// A mail server that takes one mail; gives it with its recipient.
fn mail_server() -> (String, Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (got, mails) = mpsc::channel();
    std::thread::spawn(move || {
        let (stream, _) = listener.accept()?;
        let (mut writer, mut mail, mut in_data) = (stream.try_clone()?, String::new(), false);
        writer.write_all(b"220 here\r\n")?;
        for line in BufReader::new(stream).lines() {
            let line = line?;
            let command = line.get(..4).unwrap_or_default().to_ascii_uppercase();
            match command.as_str() {
                _ if in_data && line != "." => mail += &format!("{line}\n"),
                _ if in_data => {
                    in_data = false;
                    writer.write_all(b"250 taken\r\n")?;
                    drop(got.send(std::mem::take(&mut mail)));
                }
                "DATA" => {
                    in_data = true;
                    writer.write_all(b"354 go on\r\n")?;
                }
                "QUIT" => return writer.write_all(b"221 bye\r\n"),
                _ => {
                    if command == "RCPT" {
                        mail += &format!("{line}\n");
                    }
                    writer.write_all(b"250 ok\r\n")?;
                }
            }
        }
        Ok::<(), std::io::Error>(())
    });
    (port.to_string(), mails)
}

#[test]
fn an_e_mail() {
    let (port, mails) = mail_server();
    let places = [("SMTP(\"127.0.0.1\", 25,", format!("SMTP(\"127.0.0.1\", {port},"))];
    follow("email.md", Lab::up("page-email"), &[(places[0].0, &places[0].1)]);
    let mail = mails.recv_timeout(PATIENCE).unwrap();
    for words in
        ["<ann@example.com>", "Subject: Spring offer", "Hello Ann,", "All at half price, until Sunday."]
    {
        assert!(mail.contains(words), "{words} in {mail}");
    }
}

#[test]
fn every_page_is_followed() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/tutorial");
    let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut pages: Vec<_> = names.filter(|name| name != "README.md").collect();
    pages.sort_unstable();
    let this = include_str!("pages.rs");
    for page in pages {
        assert!(this.contains(&format!("follow(\"{page}\"")), "no test follows {page}");
    }
}
