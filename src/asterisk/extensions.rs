//! A dialplan file of the user's own, looked at before Asterisk gets it: every mistake that would cost a call, with its line.
//! What an application makes of its data is Asterisk's to know.

use std::collections::BTreeMap;

use crate::model::node;

/// Something that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    /// Its line, from 1.
    pub line: usize,
    /// What is wrong, and what is allowed.
    pub text: String,
}

/// What a file that is right by itself holds.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Extensions {
    /// The contexts that it makes.
    pub contexts: Vec<String>,
    /// Contexts that it goes to and does not make, each with the first line that does: Asterisk has to have them.
    pub elsewhere: BTreeMap<String, usize>,
}

/// Reads a file.
///
/// # Errors
/// Everything that is wrong with it.
pub fn read(text: &str) -> Result<Extensions, Vec<Mistake>> {
    let mut reader = Reader::default();
    let mut in_comment = false;
    for (place, line) in text.lines().enumerate() {
        reader.line = place + 1;
        let line = uncommented(line, &mut in_comment);
        reader.take(line.trim());
    }
    if in_comment {
        reader.mistake("a comment that began with ;-- has no --; at its end");
    }
    let Reader { mistakes, found, .. } = reader;
    if !mistakes.is_empty() {
        return Err(mistakes);
    }
    let Found { contexts, references, .. } = found;
    let mut elsewhere = BTreeMap::new();
    for (context, line) in references {
        if context != node::CONTEXT && !contexts.contains(&context) {
            elsewhere.entry(context).or_insert(line);
        }
    }
    Ok(Extensions { contexts, elsewhere })
}

/// The line without what is commented out: behind a `;` that no backslash stands before, and between `;--` and `--;`.
fn uncommented(line: &str, in_comment: &mut bool) -> String {
    let (mut kept, mut rest) = (String::new(), line);
    loop {
        if *in_comment {
            let Some((_, after)) = rest.split_once("--;") else { return kept };
            (*in_comment, rest) = (false, after);
            continue;
        }
        let Some(at) = rest.find(';') else { return kept + rest };
        let (before, after) = (&rest[..at], &rest[at..]);
        if let Some(before) = before.strip_suffix('\\') {
            kept.push_str(before);
            kept.push(';');
            rest = &after[1..];
        } else if after.starts_with(";--") && !after.starts_with(";---") {
            kept.push_str(before);
            (*in_comment, rest) = (true, &after[3..]);
        } else {
            return kept + before;
        }
    }
}

#[derive(Default)]
struct Found {
    contexts: Vec<String>,
    references: Vec<(String, usize)>,
    /// Where each priority of each extension was first given.
    priorities: BTreeMap<(String, String, String), usize>,
}

#[derive(Default)]
struct Reader {
    line: usize,
    mistakes: Vec<Mistake>,
    found: Found,
    context: Option<String>,
    /// The extension of the line before, and its priority.
    last: Option<(String, u32)>,
}

impl Reader {
    fn mistake(&mut self, text: impl Into<String>) {
        self.mistakes.push(Mistake { line: self.line, text: text.into() });
    }

    fn take(&mut self, line: &str) {
        if line.is_empty() {
            return;
        }
        if line.starts_with('#') {
            return self
                .mistake(format!("{line:?}: what it brings cannot be checked; allowed: its lines, here"));
        }
        if let Some(header) = line.strip_prefix('[') {
            return self.begin(header);
        }
        let Some((key, value)) = line.split_once('=') else {
            return self.mistake(format!("{line:?} is neither [context] nor key => value"));
        };
        let (key, value) = (key.trim().to_ascii_lowercase(), value.strip_prefix('>').unwrap_or(value).trim());
        let Some(context) = self.context.clone() else {
            return self.mistake(format!("{key} stands in no context; allowed: behind a line [context]"));
        };
        if context.eq_ignore_ascii_case("globals") {
            return self.brackets(value);
        }
        match key.as_str() {
            "exten" => match value.split_once(',') {
                Some((exten, rest)) => self.step(&context, exten.trim(), rest, true),
                None => self.mistake("exten => takes extension,priority,application"),
            },
            "same" => match self.last.clone() {
                Some((exten, _)) => self.step(&context, &exten, value, false),
                None => self.mistake("same => has no exten => before it in this context"),
            },
            "include" => self.refer(value.split(',').next().unwrap_or_default()),
            "ignorepat" | "switch" | "lswitch" | "eswitch" | "autohints" => {}
            other => {
                let known = "exten, same, include, ignorepat, switch, lswitch, eswitch, autohints";
                self.mistake(format!("{other:?} is nothing that a context has; allowed: {known}"));
            }
        }
    }

    fn begin(&mut self, header: &str) {
        (self.context, self.last) = (Some(String::new()), None);
        let Some((name, _)) = header.split_once(']') else {
            return self.mistake(format!("[{header} has no ] at its end"));
        };
        let name = name.trim();
        if name.is_empty() {
            self.mistake("[] has no name");
        } else if name.eq_ignore_ascii_case("general") {
            self.mistake("[general] belongs to extensions.conf; allowed: contexts, and [globals]");
        } else if name.eq_ignore_ascii_case(node::CONTEXT) {
            self.mistake(format!("[{name}] is made by astout itself; allowed: another name"));
        } else if !self.found.contexts.iter().any(|known| known == name) {
            self.found.contexts.push(name.to_owned());
        }
        self.context = Some(name.to_owned());
    }

    /// `priority,application(data)` of an extension.
    fn step(&mut self, context: &str, exten: &str, rest: &str, is_new: bool) {
        if exten.is_empty() {
            return self.mistake("the extension has no name");
        }
        let before = self.last.take().filter(|(last, _)| last == exten).map(|(_, priority)| priority);
        let (priority, run) = rest.split_once(',').unwrap_or((rest, ""));
        let (priority, label) = match priority.trim().split_once('(') {
            None => (priority.trim(), None),
            Some((priority, label)) => match label.split_once(')') {
                Some((label, more)) => (priority, Some((label.to_owned(), more))),
                None => return self.mistake(format!("label ({label} has no ) at its end")),
            },
        };
        self.last = Some((exten.to_owned(), before.unwrap_or_default()));
        if priority.eq_ignore_ascii_case("hint") {
            return;
        }
        let (word, more) = priority.split_once('+').unwrap_or((priority, ""));
        let more: u32 = more.trim().parse().unwrap_or_default();
        let number = match (word.trim(), before) {
            ("n" | "next", Some(last)) => last + 1,
            ("n" | "next", None) if is_new => {
                return self.mistake(format!(
                    "the first priority of extension {exten} is {priority}; allowed: a number"
                ));
            }
            ("n" | "next", None) => 1,
            ("s" | "same", last) => last.unwrap_or(1),
            (word, _) => match word.parse() {
                Ok(number) if number > 0 => number,
                _ => {
                    return self
                        .mistake(format!("priority {word:?}; allowed: a number from 1, n, s or hint"));
                }
            },
        } + more;
        self.last = Some((exten.to_owned(), number));
        self.only_once(context, exten, &number.to_string(), "priority");
        if let Some((label, _)) = label {
            self.only_once(context, exten, &label, "label");
        }
        self.application(run.trim());
    }

    fn only_once(&mut self, context: &str, exten: &str, what: &str, kind: &str) {
        let key = (context.to_owned(), exten.to_owned(), what.to_owned());
        match self.found.priorities.get(&key) {
            Some(first) => {
                let text = format!(
                    "{kind} {what} of extension {exten} in [{context}] is there already, in line {first}"
                );
                self.mistake(text);
            }
            None => _ = self.found.priorities.insert(key, self.line),
        }
    }

    fn application(&mut self, run: &str) {
        let (name, data) = run.split_once('(').unwrap_or((run, ")"));
        if name.trim().is_empty() {
            return self.mistake("there is no application");
        }
        let Some(data) = data.trim_end().strip_suffix(')') else {
            return self.mistake(format!("{name}( has no ) at its end"));
        };
        self.brackets(data);
        match name.trim().to_ascii_lowercase().as_str() {
            "goto" | "gosub" => self.target(data),
            "gotoif" | "gosubif" | "gotoiftime" => {
                if let Some(targets) = outside(data, '?').map(|at| &data[at + 1..]) {
                    let (yes, no) = outside(targets, ':')
                        .map_or((targets, ""), |at| (&targets[..at], &targets[at + 1..]));
                    self.target(yes);
                    self.target(no);
                }
            }
            _ => {}
        }
    }

    /// `context,extension,priority`; with fewer parts it is of the same context.
    fn target(&mut self, target: &str) {
        let target = target.split_once('(').map_or(target, |(target, _)| target);
        if let [context, _, _] = target.split(',').collect::<Vec<_>>()[..] {
            self.refer(context);
        }
    }

    /// What is only known when it runs cannot be checked.
    fn refer(&mut self, context: &str) {
        let context = context.trim();
        if !context.is_empty() && !context.contains('$') {
            self.found.references.push((context.to_owned(), self.line));
        }
    }

    /// `${…}` and `$[…]` end in their order.
    fn brackets(&mut self, text: &str) {
        let mut open = Vec::new();
        let mut before = ' ';
        for c in text.chars() {
            match (before, c) {
                ('$', '{') => open.push('}'),
                ('$', '[') => open.push(']'),
                (_, '{') if open.last() == Some(&'}') => open.push('}'),
                (_, '[') if open.last() == Some(&']') => open.push(']'),
                (_, c) if open.last() == Some(&c) => _ = open.pop(),
                (_, '}' | ']') if open.contains(&c) => {
                    return self.mistake(format!(
                        "{c} comes before the {} that is still open",
                        open[open.len() - 1]
                    ));
                }
                _ => {}
            }
            before = c;
        }
        if let Some(missing) = open.pop() {
            self.mistake(format!("a ${} has no {missing}", if missing == '}' { '{' } else { '[' }));
        }
    }
}

/// Where that character stands outside of `${…}` and `$[…]`.
fn outside(text: &str, wanted: char) -> Option<usize> {
    let mut depth = 0_usize;
    text.char_indices()
        .find(|(_, c)| {
            match c {
                '{' | '[' => depth += 1,
                '}' | ']' => depth = depth.saturating_sub(1),
                _ => {}
            }
            depth == 0 && *c == wanted
        })
        .map(|(at, _)| at)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `line: text` of everything that is wrong.
    fn mistakes(text: &str) -> Vec<String> {
        let mistakes = read(text).err().unwrap_or_default();
        mistakes.iter().map(|mistake| format!("{}: {}", mistake.line, mistake.text)).collect()
    }

    #[test]
    fn what_is_right_is_taken_and_says_which_contexts_asterisk_has_to_have() {
        let text = r#"
; the mission's example
[omnileads_custom]
exten => s,1,Verbose(2, omnileads custom dialplan)
same => n,Answer()
same => n,Playback(demo-congrats)
same => n,Hangup()

[ani](+)
exten => _X.,40000(ani),NoOp(ANI: ${EXTEN})  ; first
exten => _X.,n,Wait(0.25) ;-- a comment
over lines --; ; and more
exten => _X.,n,GotoIf($["${FOO:-1}" = "a\;b"]?omnileads_custom,s,1:other,s,1)
 same => n(end),Set(A=$[1+${LEN(${B})}])
 same => n,Gosub(sub,s,1(a,b))
 same => n,Goto(${WHERE},s,1)
 same => n,Goto(end)
 same => n+101,GotoIfTime(9:00-17:00,mon-fri,*,*?astout-custom,sales,1)
exten => 100,hint,PJSIP/100
include => day,9:00-17:00,mon-fri,*,*
[globals]
A=b
"#;
        let found = read(text).unwrap();
        assert_eq!(found.contexts, ["omnileads_custom", "ani", "globals"]);
        let elsewhere: Vec<_> = found.elsewhere.into_iter().collect();
        assert_eq!(elsewhere, [("day".to_owned(), 20), ("other".to_owned(), 13), ("sub".to_owned(), 15)]);
    }

    #[test]
    fn each_mistake_is_named_with_its_line() {
        for (text, mistake) in [
            ("exten => s,1,Answer()", "1: exten stands in no context"),
            ("[a\nexten => s,1,Answer()", "1: [a has no ] at its end"),
            ("[general]\nstatic = yes", "1: [general] belongs to extensions.conf"),
            ("\n[Astout-Custom]", "2: [Astout-Custom] is made by astout itself"),
            ("[a]\nexten => s,1,Answer(", "2: Answer( has no ) at its end"),
            ("[a]\nexten => s,1,NoOp(${A)", "2: a ${ has no }"),
            ("[a]\nexten => s,1,NoOp($[${A]})", "2: ] comes before the } that is still open"),
            ("[a]\nexten => s,1", "2: there is no application"),
            ("[a]\nexten => s", "2: exten => takes extension,priority,application"),
            ("[a]\nexten => s,x,NoOp()", "2: priority \"x\"; allowed: a number from 1, n, s or hint"),
            ("[a]\nexten => s,n,NoOp()", "2: the first priority of extension s is n"),
            ("[a]\nsame => n,NoOp()", "2: same => has no exten => before it"),
            ("[a]\nexten => s,1(x,NoOp()", "2: label (x has no ) at its end"),
            (
                "[a]\nexten => s,1,NoOp()\n[b]\n[a]\nexten => s,1,NoOp()",
                "5: priority 1 of extension s in [a] is there already, in line 2",
            ),
            (
                "[a]\nexten => s,1(x),NoOp()\nsame => n(x),NoOp()",
                "3: label x of extension s in [a] is there already",
            ),
            ("[a]\nextn => s,1,NoOp()", "2: \"extn\" is nothing that a context has"),
            ("[a]\nnonsense", "2: \"nonsense\" is neither [context] nor key => value"),
            ("#include \"x.conf\"", "1: \"#include \\\"x.conf\\\"\": what it brings cannot be checked"),
            ("[a]\n;-- never\nended", "3: a comment that began with ;-- has no --; at its end"),
        ] {
            let found = mistakes(text);
            assert!(found.iter().any(|found| found.starts_with(mistake)), "{text:?} gives {found:?}");
        }
    }
}
