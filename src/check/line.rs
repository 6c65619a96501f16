//! One line of the result log by itself: is it whole, and does it agree with itself?

use serde_json::{Map, Value};

use super::clock::Clock;

/// Every key that every line has: those of the mission's example, and ours.
pub(super) const KEYS: [&str; 39] = [
    "seq",
    "result_version",
    "dialing_uuid",
    "camp_uuid",
    "plan_uuid",
    "dlma_uuid",
    "dest_uuid",
    "dl_list_uuid",
    "dial_exten",
    "dial_context",
    "dial_priority",
    "dial_application",
    "dial_data",
    "dest_variables",
    "dial_type",
    "uuid",
    "dial_channel",
    "dial_addr",
    "dial_index",
    "dial_trycnt",
    "dl_variables",
    "channelid",
    "otherchannelid",
    "dial_timeout",
    "dlma_variables",
    "plan_variables",
    "callerid",
    "variables",
    "outcome",
    "disposition",
    "tm_dialing",
    "channel_name",
    "res_dial",
    "res_dial_detail",
    "tm_dial_begin",
    "tm_dial_end",
    "tm_hangup",
    "res_hangup",
    "res_hangup_detail",
];

/// In the order in which they have to be, where they are there.
const TIMES: [&str; 4] = ["tm_dialing", "tm_dial_begin", "tm_dial_end", "tm_hangup"];

/// A line that is a JSON object with a number and a dialing.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) seq: i64,
    pub(super) dialing: String,
    pub(super) fields: Map<String, Value>,
}

impl Line {
    /// # Errors
    /// Why it is none.
    pub(super) fn read(bytes: &[u8]) -> Result<Self, String> {
        let fields: Map<String, Value> =
            serde_json::from_slice(bytes).map_err(|why| format!("is no whole JSON object: {why}"))?;
        let seq = fields.get("seq").and_then(Value::as_i64).ok_or("has no seq")?;
        let dialing = fields.get("dialing_uuid").and_then(Value::as_str).ok_or("has no dialing_uuid")?;
        Ok(Self { seq, dialing: dialing.to_owned(), fields })
    }

    /// Everything that is wrong with it, whatever the records say.
    pub(super) fn wrongs(&self, clock: &Clock) -> Vec<String> {
        let mut wrongs = Vec::new();
        let missing: Vec<&str> = KEYS.into_iter().filter(|key| !self.fields.contains_key(*key)).collect();
        if !missing.is_empty() {
            return vec![format!("lacks {}", missing.join(", "))];
        }
        for (key, same) in [("channelid", "dialing_uuid"), ("uuid", "dl_list_uuid")] {
            if self.fields[key] != self.fields[same] {
                wrongs.push(format!("{key} is {}, {same} is {}", self.fields[key], self.fields[same]));
            }
        }
        if self.fields["result_version"] != 1 {
            wrongs.push(format!(
                "result_version {} is not known to this program",
                self.fields["result_version"]
            ));
        }
        wrongs.extend(self.wrong_outcome());
        wrongs.extend(self.wrong_times(clock));
        wrongs
    }

    /// The contract's table of outcomes, as far as a line tells what came before it.
    fn wrong_outcome(&self) -> Option<String> {
        let (outcome, dial) = (self.fields["outcome"].as_str(), self.fields["res_dial"].as_i64());
        let (Some(outcome), Some(dial)) = (outcome, dial) else {
            return Some(format!(
                "outcome {} or res_dial {} is of the wrong kind",
                self.fields["outcome"], self.fields["res_dial"]
            ));
        };
        let Some(cause) = self.fields["res_hangup"].as_i64() else {
            return Some(format!("res_hangup {} is no number", self.fields["res_hangup"]));
        };
        let fits = match outcome {
            "answered" => dial == 4,
            "busy" => dial == 5,
            "congestion" => dial == 8,
            "noanswer" => dial == 3 || (dial == 0 && [18, 19].contains(&cause)),
            "rejected" => dial == 0 && cause == 21,
            "failed" => dial == 0 && ![17, 18, 19, 21, 34, 42].contains(&cause),
            "window-closed" => dial == 0,
            // Nobody saw the end, or it was given up: what had been seen until then stands, but for an answer.
            "unknown" | "pbx-restart" | "withdrawn" => [0, 3, 5, 8].contains(&dial),
            _ => return Some(format!("outcome \"{outcome}\" is not in the table")),
        };
        (!fits).then(|| format!("outcome {outcome} does not go with res_dial {dial} and res_hangup {cause}"))
    }

    fn wrong_times(&self, clock: &Clock) -> Option<String> {
        let mut last: Option<(&str, &str)> = None;
        for key in TIMES {
            let time = match &self.fields[key] {
                Value::Null if key != "tm_dialing" => continue,
                Value::String(time) if is_time(time) => time.as_str(),
                other => {
                    return Some(format!(
                        "{key} {other} is no time of the form 2016-11-15T03:00:10.125931679Z"
                    ));
                }
            };
            // Texts of that form sort as the moments do.
            if let Some((earlier, before)) =
                last.filter(|(_, before)| time < *before && clock.orders(time, before))
            {
                return Some(format!("{key} {time} is before {earlier} {before}"));
            }
            last = Some((key, time));
        }
        None
    }
}

/// `2016-11-15T03:00:10.125931679Z`, to the digit.
pub(super) fn is_time(text: &str) -> bool {
    const FORM: &[u8; 30] = b"0000-00-00T00:00:00.000000000Z";
    text.len() == FORM.len()
        && text.bytes().zip(FORM).all(|(byte, form)| match form {
            b'0' => byte.is_ascii_digit(),
            form => byte == *form,
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(changes: &[(&str, Value)]) -> Line {
        let mut fields: Map<String, Value> =
            KEYS.iter().map(|key| ((*key).to_owned(), Value::Null)).collect();
        let whole = [
            ("seq", 1.into()),
            ("result_version", 1.into()),
            ("dialing_uuid", "d".into()),
            ("outcome", "busy".into()),
            ("res_dial", 5.into()),
            ("res_hangup", 17.into()),
            ("channelid", "d".into()),
            ("tm_dialing", "2016-11-15T03:00:10.125931679Z".into()),
        ];
        for (key, value) in whole.iter().chain(changes) {
            fields.insert((*key).to_owned(), value.clone());
        }
        Line::read(Value::Object(fields).to_string().as_bytes()).unwrap()
    }

    #[test]
    fn a_right_line_has_nothing_wrong() {
        assert_eq!(line(&[]).wrongs(&Clock::default()), Vec::<String>::new());
    }

    #[test]
    fn an_outcome_goes_with_its_results() {
        for (outcome, dial, cause, right) in [
            ("answered", 4, 16, true),
            ("answered", 0, 16, false),
            ("busy", 5, 0, true),
            ("noanswer", 3, 0, true),
            ("noanswer", 0, 19, true),
            ("noanswer", 0, 16, false),
            ("rejected", 0, 21, true),
            ("failed", 0, 21, false),
            ("failed", 0, 1, true),
            ("unknown", 5, 0, true),
            ("unknown", 4, 0, false),
            ("withdrawn", 7, 0, false),
            ("gone", 0, 0, false),
        ] {
            let line =
                line(&[("outcome", outcome.into()), ("res_dial", dial.into()), ("res_hangup", cause.into())]);
            assert_eq!(
                line.wrongs(&Clock::default()).is_empty(),
                right,
                "{outcome} {dial} {cause}: {:?}",
                line.wrongs(&Clock::default())
            );
        }
    }

    #[test]
    fn times_do_not_run_backwards_and_have_their_form() {
        let at = |second: u8| Value::from(format!("2016-11-15T03:00:{second}.125931679Z"));
        assert!(
            line(&[("tm_dial_begin", at(11)), ("tm_hangup", at(11))]).wrongs(&Clock::default()).is_empty()
        );
        assert!(
            line(&[("tm_dial_begin", at(12)), ("tm_hangup", at(11))]).wrongs(&Clock::default())[0]
                .contains("before")
        );
        assert!(line(&[("tm_hangup", "yesterday".into())]).wrongs(&Clock::default())[0].contains("no time"));
        assert!(line(&[("tm_dialing", Value::Null)]).wrongs(&Clock::default())[0].contains("no time"));
    }

    #[test]
    fn what_is_no_object_with_a_number_is_no_line() {
        for bytes in
            [&b"{\"seq\":1,\"dial"[..], b"", b"[]", b"{\"seq\":1}", b"{\"dialing_uuid\":\"d\"}", b"\xff"]
        {
            assert!(Line::read(bytes).is_err());
        }
    }
}
