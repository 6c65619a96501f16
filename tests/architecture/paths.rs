//! The paths that a Rust source names: `use` trees unfolded, paths in code, `crate`, `self` and `super` resolved.
//! Comments and literals are not read. This is no parser: it knows as much of Rust as naming a path takes.

/// A path and the line where it starts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NamedPath {
    pub(crate) line: usize,
    /// `["std", "net"]`; with `ours`, from the root of the crate. A glob is a last segment `*`.
    pub(crate) segments: Vec<String>,
    /// Whether it leads into this crate: it began with `crate`, `self` or `super`.
    pub(crate) ours: bool,
    /// Whether it stands in a `use`.
    pub(crate) imported: bool,
}

struct Token {
    text: String,
    line: usize,
}

impl Token {
    fn is_name(&self) -> bool {
        self.text.starts_with(|first: char| first.is_alphabetic() || first == '_')
    }
}

/// All paths of more than one segment, and a bare `use crate`. `module` is where the file stands: `["ami", "codec"]`.
pub(crate) fn read(module: &[&str], source: &str) -> Vec<NamedPath> {
    let tokens = tokens(source);
    let mut here: Vec<String> = module.iter().map(ToString::to_string).collect();
    let mut paths = Vec::new();
    let mut depth = 0_usize;
    let mut inline_modules: Vec<usize> = Vec::new();
    let mut in_use = false;
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        let text = |ahead: usize| tokens.get(at + ahead).map(|token| token.text.as_str());
        match token.text.as_str() {
            "{" => depth += 1,
            "}" => {
                if inline_modules.last() == Some(&depth) {
                    inline_modules.pop();
                    here.pop();
                }
                depth = depth.saturating_sub(1);
            }
            ";" => in_use = false,
            "use" => in_use = true,
            "mod" if text(2) == Some("{") => {
                here.push(text(1).unwrap_or_default().to_string());
                depth += 1;
                inline_modules.push(depth);
                at += 2;
            }
            _ if token.is_name() => {
                let mut found = Vec::new();
                let end = tree(&tokens, at, &mut Vec::new(), &mut found);
                found.retain(|(_, path)| path.len() > 1 || (in_use && path[0] == "crate"));
                paths.extend(found.into_iter().map(|(line, path)| resolve(&here, line, path, in_use)));
                at = end;
                continue;
            }
            _ => {}
        }
        at += 1;
    }
    paths
}

/// Unfolds the path or use tree that starts at `at`; returns the index behind it.
fn tree(
    tokens: &[Token],
    mut at: usize,
    before: &mut Vec<String>,
    found: &mut Vec<(usize, Vec<String>)>,
) -> usize {
    let text = |at: usize| tokens.get(at).map(|token| token.text.as_str());
    let line = tokens.get(at).map_or(0, |token| token.line);
    let grown = before.len();
    loop {
        match tokens.get(at) {
            Some(token) if token.text == "{" && at > 0 && text(at - 1) == Some("::") => {
                at += 1;
                while text(at).is_some_and(|text| text != "}") {
                    let next = if text(at) == Some(",") { at + 1 } else { tree(tokens, at, before, found) };
                    at = next.max(at + 1);
                }
                before.truncate(grown);
                return at + 1;
            }
            Some(token) if token.is_name() || token.text == "*" => before.push(token.text.clone()),
            _ => break,
        }
        at += 1;
        match text(at) {
            Some("::") => at += 1,
            Some("as") => {
                at += 2;
                break;
            }
            _ => break,
        }
    }
    found.push((line, before.clone()));
    before.truncate(grown);
    at
}

fn resolve(here: &[String], line: usize, path: Vec<String>, imported: bool) -> NamedPath {
    let ours = matches!(path[0].as_str(), "crate" | "self" | "super");
    if !ours {
        return NamedPath { line, segments: path, ours, imported };
    }
    let mut segments: Vec<String> = if path[0] == "crate" { Vec::new() } else { here.to_vec() };
    for segment in path {
        match segment.as_str() {
            "crate" | "self" => {}
            "super" => {
                segments.pop();
            }
            _ => segments.push(segment),
        }
    }
    NamedPath { line, segments, ours, imported }
}

/// Names, `::` and single marks; no comments, literals or lifetimes.
fn tokens(source: &str) -> Vec<Token> {
    let text: Vec<char> = source.chars().collect();
    let mut tokens = Vec::new();
    let (mut at, mut line) = (0, 1);
    while at < text.len() {
        let start = at;
        let rest = &text[at..];
        match rest {
            ['/', '/', ..] => at += rest.iter().position(|&c| c == '\n').unwrap_or(rest.len()),
            ['/', '*', ..] => at += block_comment(rest),
            ['"', ..] => at += quoted(rest, '"'),
            ['\'', '\\', ..] | ['\'', _, '\'', ..] => at += quoted(rest, '\''),
            ['\'', ..] => at += 1 + name_length(&rest[1..]),
            [':', ':', ..] => {
                tokens.push(Token { text: "::".into(), line });
                at += 2;
            }
            [first, ..] if first.is_alphanumeric() || *first == '_' => {
                at += literal_with_prefix(rest).unwrap_or_else(|| {
                    let raw = if rest.starts_with(&['r', '#']) { 2 } else { 0 };
                    let length = raw + name_length(&rest[raw..]);
                    tokens.push(Token { text: rest[raw..length].iter().collect(), line });
                    length
                });
            }
            [mark, ..] => {
                if !mark.is_whitespace() {
                    tokens.push(Token { text: mark.to_string(), line });
                }
                at += 1;
            }
            [] => {}
        }
        line += text[start..at].iter().filter(|&&c| c == '\n').count();
    }
    tokens
}

fn name_length(text: &[char]) -> usize {
    text.iter().position(|c| !c.is_alphanumeric() && *c != '_').unwrap_or(text.len())
}

/// The length of `r"…"`, `br#"…"#`, `b"…"`, `b'…'`, `c"…"`, where one starts here.
fn literal_with_prefix(text: &[char]) -> Option<usize> {
    let prefix: String = text.iter().take_while(|c| matches!(c, 'r' | 'b' | 'c')).collect();
    let rest = text.get(prefix.len()..)?;
    match prefix.as_str() {
        "b" if rest.first() == Some(&'\'') => Some(1 + quoted(rest, '\'')),
        "b" | "c" if rest.first() == Some(&'"') => Some(1 + quoted(rest, '"')),
        "r" | "br" | "cr" => {
            let hashes = rest.iter().take_while(|&&c| c == '#').count();
            if rest.get(hashes) != Some(&'"') {
                return None;
            }
            let close: Vec<char> = std::iter::once('"').chain(std::iter::repeat_n('#', hashes)).collect();
            let body = &rest[hashes + 1..];
            let length = body.windows(close.len()).position(|window| window == close)? + close.len();
            Some(prefix.len() + hashes + 1 + length)
        }
        _ => None,
    }
}

fn quoted(text: &[char], quote: char) -> usize {
    let mut at = 1;
    while let Some(&c) = text.get(at) {
        match c {
            '\\' => at += 2,
            _ if c == quote => return at + 1,
            _ => at += 1,
        }
    }
    text.len()
}

fn block_comment(text: &[char]) -> usize {
    let (mut at, mut depth) = (0, 0);
    while at < text.len() {
        match &text[at..] {
            ['/', '*', ..] => (depth, at) = (depth + 1, at + 2),
            ['*', '/', ..] => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            return at;
        }
    }
    at
}
