//! FastAGI without IO: what Asterisk sends as a call comes in, the commands that answer it, and their results.
//!
//! ```text
//! A: agi_network: yes                      one line a variable, then an empty one
//! A: agi_network_script: OutDlCreate
//! A: agi_arg_1: 6a1f6f3e-…
//! A:
//! C: SET VARIABLE "OUTSTATUS" "OK"         one command at a time
//! A: 200 result=1                          its result; HANGUP may come before it
//! ```
//!
//! Asterisk writes the values as they are. One that holds a line feed, a caller's name for one, begins a line that the
//! dialplan has not written: where that is no variable, or one that is there already, the call is refused whole.

/// The longest line that is taken, without its line feed.
pub const LONGEST_LINE: usize = 8 * 1024;
/// All lines of a call together, at most.
pub const LONGEST_CALL: usize = 64 * 1024;
/// The longest command: Asterisk reads 2048 bytes of one (`AGI_BUF_LEN` of `res/res_agi.c`).
const LONGEST_COMMAND: usize = 2000;

/// What a script was called with.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Call {
    /// The script, as the dialplan's `agi://host:port/SCRIPT` names it.
    pub script: String,
    /// The channel that runs it, for the log.
    pub channel: String,
    /// Its arguments, in order.
    pub arguments: Vec<String>,
}

/// Why what came is no call.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoCall {
    /// A line, or all together, is too long.
    #[error("more than {LONGEST_LINE} bytes in a line, or {LONGEST_CALL} in all")]
    TooLong,
    /// A line is no `agi_…: value`: somebody who is no Asterisk, or a line feed in an argument.
    #[error("a line that is no variable of AGI: is there a line feed in an argument?")]
    NotAVariable,
    /// A variable came twice.
    #[error("{0} came twice: is there a line feed in an argument?")]
    Twice(String),
    /// What came is not UTF-8.
    #[error("not UTF-8")]
    NotText,
}

/// Collects bytes to lines.
#[derive(Debug, Default)]
pub struct Lines {
    bytes: Vec<u8>,
    taken: usize,
}

impl Lines {
    /// Adds what has come.
    pub fn extend(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// The next whole line, without its end.
    ///
    /// # Errors
    /// Where it is too long, or not UTF-8.
    pub fn next_line(&mut self) -> Result<Option<String>, NoCall> {
        let Some(end) = self.bytes.iter().position(|byte| *byte == b'\n') else {
            return if self.bytes.len() > LONGEST_LINE { Err(NoCall::TooLong) } else { Ok(None) };
        };
        let mut line: Vec<u8> = self.bytes.drain(..=end).collect();
        self.taken += line.len();
        line.pop();
        if line.last() == Some(&b'\r') {
            line.pop();
        }
        if line.len() > LONGEST_LINE || self.taken > LONGEST_CALL {
            return Err(NoCall::TooLong);
        }
        String::from_utf8(line).map(Some).map_err(|_| NoCall::NotText)
    }
}

/// Collects the variables of a call.
#[derive(Debug, Default)]
pub struct Reading {
    seen: Vec<String>,
    call: Call,
    arguments: Vec<(usize, String)>,
}

impl Reading {
    /// Takes one line; gives the call with the empty line that ends it.
    ///
    /// # Errors
    /// Where it is no line of a call.
    pub fn line(&mut self, line: &str) -> Result<Option<Call>, NoCall> {
        if line.is_empty() {
            let mut arguments = std::mem::take(&mut self.arguments);
            arguments.sort_by_key(|(place, _)| *place);
            self.call.arguments = arguments.into_iter().map(|(_, value)| value).collect();
            return Ok(Some(std::mem::take(&mut self.call)));
        }
        // Without a value Asterisk writes no blank behind the colon.
        let (name, value) = line.split_once(':').ok_or(NoCall::NotAVariable)?;
        let value = value.strip_prefix(' ').unwrap_or(value);
        if !name.starts_with("agi_") {
            return Err(NoCall::NotAVariable);
        }
        if self.seen.iter().any(|seen| seen == name) {
            return Err(NoCall::Twice(name.to_owned()));
        }
        self.seen.push(name.to_owned());
        match name {
            "agi_network_script" => value.clone_into(&mut self.call.script),
            "agi_channel" => value.clone_into(&mut self.call.channel),
            _ => {
                let place = name.strip_prefix("agi_arg_").and_then(|place| place.parse().ok());
                self.arguments.extend(place.map(|place| (place, value.to_owned())));
            }
        }
        Ok(None)
    }
}

/// The command that sets a channel variable. What Asterisk could not read whole is cut, and control characters are blanks.
pub fn set_variable(name: &str, value: &str) -> String {
    let mut command = format!("SET VARIABLE {name} \"");
    for c in value.chars() {
        if command.len() + 8 > LONGEST_COMMAND {
            break;
        }
        match c {
            '"' | '\\' => command.extend(['\\', c]),
            c if c.is_control() => command.push(' '),
            c => command.push(c),
        }
    }
    command.push_str("\"\n");
    command
}

/// What a line says of a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// It was done.
    Done,
    /// It was not.
    Refused,
    /// The caller has hung up; the command's own answer is still to come.
    Hangup,
}

/// Reads a line that comes after a command; `None` for one of a longer answer's.
pub fn answer(line: &str) -> Option<Answer> {
    let code = line.get(..3).filter(|code| code.bytes().all(|byte| byte.is_ascii_digit()));
    match (line, code) {
        ("HANGUP", _) => Some(Answer::Hangup),
        (_, Some("200")) => Some(Answer::Done),
        // A dash: what is wrong follows in further lines.
        (_, Some(_)) if line.as_bytes().get(3) != Some(&b'-') => Some(Answer::Refused),
        (_, Some(_) | None) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What comes of bytes that come in pieces of that size.
    fn read(text: &str, piece: usize) -> Result<Option<Call>, NoCall> {
        let (mut lines, mut reading) = (Lines::default(), Reading::default());
        for piece in text.as_bytes().chunks(piece) {
            lines.extend(piece);
            while let Some(line) = lines.next_line()? {
                if let Some(call) = reading.line(&line)? {
                    return Ok(Some(call));
                }
            }
        }
        Ok(None)
    }

    const CALL: &str = "agi_network: yes\nagi_network_script: OutDlCreate\nagi_channel: PJSIP/1-0\nagi_rdnis:\n\
        agi_arg_1: a\nagi_arg_2: 1:2\nagi_arg_3: \nagi_arg_10: x: y\n\n";

    #[test]
    fn a_call_is_read_however_its_bytes_come() {
        let whole = Call {
            script: "OutDlCreate".into(),
            channel: "PJSIP/1-0".into(),
            arguments: ["a", "1:2", "", "x: y"].map(str::to_owned).to_vec(),
        };
        for piece in [1, 2, 7, 1000] {
            assert_eq!(read(CALL, piece), Ok(Some(whole.clone())));
        }
        assert_eq!(read(&CALL.replace('\n', "\r\n"), 3), Ok(Some(whole)));
        assert_eq!(read(&CALL[..CALL.len() - 1], 5), Ok(None), "hung up half way");
    }

    #[test]
    fn what_a_line_feed_in_an_argument_could_bring_is_refused() {
        assert_eq!(read("agi_arg_1: x\ny\n\n", 9), Err(NoCall::NotAVariable));
        assert_eq!(read("agi_arg_1: x\nAction: Originate\n\n", 9), Err(NoCall::NotAVariable));
        let twice = read("agi_arg_1: x\nagi_arg_2: 1\nagi_arg_2: 2\n\n", 9);
        assert_eq!(twice, Err(NoCall::Twice("agi_arg_2".into())));
    }

    #[test]
    fn what_is_too_long_is_refused_before_it_is_kept() {
        assert_eq!(read(&"x".repeat(LONGEST_LINE + 2), 1000), Err(NoCall::TooLong));
        let many: String = (0..100_000).map(|place| format!("agi_arg_{place}: x\n")).collect();
        assert_eq!(read(&many, 1000), Err(NoCall::TooLong));
    }

    #[test]
    fn a_value_reaches_the_channel_as_it_is_or_harmlessly() {
        assert_eq!(set_variable("A", r#"say "x\y""#), "SET VARIABLE A \"say \\\"x\\\\y\\\"\"\n");
        assert_eq!(set_variable("A", "x\r\nHANGUP"), "SET VARIABLE A \"x  HANGUP\"\n");
        assert!(set_variable("A", &"\"ü".repeat(5000)).len() <= LONGEST_COMMAND);
    }

    #[test]
    fn answers_are_told_apart() {
        assert_eq!(answer("200 result=1"), Some(Answer::Done));
        assert_eq!(answer("HANGUP"), Some(Answer::Hangup));
        assert_eq!(answer("511 Command Not Permitted on a dead channel"), Some(Answer::Refused));
        assert_eq!(answer("520-Invalid command syntax.  Proper usage follows:"), None);
        assert_eq!(answer("520 End of proper usage."), Some(Answer::Refused));
    }
}
