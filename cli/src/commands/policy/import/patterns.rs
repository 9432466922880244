//! Texts, wildcards and regular expressions as patterns of Bulla's: anchored, `*` for any run without
//! a slash, `**` for any run. Only what means the same, or less, becomes one.

/// A text or a pattern, as a policy writes it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Matching {
    Exact(String),
    Pattern(String),
}

impl Matching {
    /// For lists in which a star makes a pattern. An exact text with a star cannot be said there.
    pub(super) fn in_a_list(self) -> Result<String, &'static str> {
        match self {
            Self::Exact(text) if text.contains('*') => Err("a star that stands for itself"),
            Self::Exact(text) | Self::Pattern(text) => Ok(text),
        }
    }
}

/// A pattern, and how it is narrower than what it was made of.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Translated {
    pub(super) matching: Matching,
    pub(super) narrower: Vec<&'static str>,
}

/// Kyverno's wildcards: `*` is any run, slashes included, `?` any character.
pub(super) fn wildcard(text: &str) -> Result<Matching, &'static str> {
    if text.contains("{{") {
        return Err("a variable, which is known only in the cluster");
    }
    if text.contains('?') {
        return Err("`?` for any one character, which no pattern can say");
    }
    if !text.contains('*') {
        return spoken(Matching::Exact(text.to_owned()));
    }
    let mut out = String::new();
    for part in text.split_inclusive('*') {
        match part.strip_suffix('*') {
            Some("") if out.ends_with('*') => {}
            Some(before) => {
                out.push_str(before);
                out.push_str("**");
            }
            None => out.push_str(part),
        }
    }
    spoken(Matching::Pattern(out))
}

/// A regular expression of Go's that is matched anywhere in a text.
pub(super) fn regular_expression(text: &str) -> Result<Translated, &'static str> {
    let mut narrower = Vec::new();
    let (begun, rest) = match text.strip_prefix('^') {
        Some(rest) => (true, rest),
        None => (text.starts_with(".*"), text),
    };
    let (ended, rest) = ended(rest);
    if !begun || !(ended || ends_in_any(rest)) {
        narrower.push("it is not anchored there, and matches the whole text here");
    }
    let mut scan = Scan {
        rest: rest.chars().collect(),
        out: String::new(),
        wild: false,
        starred: false,
    };
    scan.rest.reverse();
    while let Some(next) = scan.rest.pop() {
        if scan.one(next)? {
            narrower.push("a dot stands for any character there, and for itself here");
        }
    }
    narrower.dedup();
    let matching = match (scan.wild, scan.starred) {
        (true, true) => return Err("a star that stands for itself beside one that does not"),
        (true, false) => Matching::Pattern(scan.out),
        (false, _) => Matching::Exact(scan.out),
    };
    let matching = spoken(matching)?;
    Ok(Translated { matching, narrower })
}

/// A closing `$` that no backslash takes the meaning from.
fn ended(text: &str) -> (bool, &str) {
    match text.strip_suffix('$') {
        Some(rest) if rest.chars().rev().take_while(|c| *c == '\\').count() % 2 == 0 => {
            (true, rest)
        }
        _ => (false, text),
    }
}

fn ends_in_any(text: &str) -> bool {
    text.strip_suffix(".*")
        .is_some_and(|rest| rest.chars().rev().take_while(|c| *c == '\\').count() % 2 == 0)
}

/// Refuses what everybody would be.
fn spoken(matching: Matching) -> Result<Matching, &'static str> {
    match &matching {
        Matching::Exact(text) if text.is_empty() => Err("it names nobody"),
        Matching::Pattern(text) if text.bytes().all(|b| matches!(b, b'*' | b'/')) => {
            Err("it matches everybody")
        }
        _ => Ok(matching),
    }
}

/// What is left of an expression, back to front, and the pattern so far.
struct Scan {
    rest: Vec<char>,
    out: String,
    wild: bool,
    starred: bool,
}

impl Scan {
    /// Takes one element; true if it is a dot that is read as itself.
    fn one(&mut self, next: char) -> Result<bool, &'static str> {
        match next {
            '\\' => match self.rest.pop() {
                Some(escaped) if escaped.is_ascii_punctuation() => self.literal(escaped)?,
                _ => return Err("a class of characters"),
            },
            '.' => {
                if self.rest.last() == Some(&'*') {
                    self.rest.pop();
                    self.lazy();
                    self.run(true);
                } else {
                    self.literal('.')?;
                    return Ok(true);
                }
            }
            '[' => self.class()?,
            '(' | ')' | '|' => return Err("a group or a choice"),
            '{' | '}' | '+' | '?' | '*' => return Err("a repetition"),
            '^' | '$' => return Err("an anchor in the middle"),
            other => self.literal(other)?,
        }
        Ok(false)
    }

    fn literal(&mut self, text: char) -> Result<(), &'static str> {
        if matches!(self.rest.last(), Some('*' | '+' | '?' | '{')) {
            return Err("a repetition that is not of any character");
        }
        self.starred |= text == '*';
        self.out.push(text);
        Ok(())
    }

    /// `[^/]*`, or one character in brackets.
    fn class(&mut self) -> Result<(), &'static str> {
        let ahead: String = self.rest.iter().rev().take(4).collect();
        if ahead == "^/]*" {
            self.rest.truncate(self.rest.len().saturating_sub(4));
            self.lazy();
            self.run(false);
            return Ok(());
        }
        let mut ahead = ahead.chars();
        match (ahead.next(), ahead.next()) {
            (Some(one), Some(']')) if !matches!(one, '^' | '\\' | ']' | '[') => {
                self.rest.truncate(self.rest.len().saturating_sub(2));
                self.literal(one)
            }
            _ => Err("a class of characters"),
        }
    }

    /// A question mark after a repetition changes what is captured, not what matches.
    fn lazy(&mut self) {
        if self.rest.last() == Some(&'?') {
            self.rest.pop();
        }
    }

    fn run(&mut self, any: bool) {
        self.wild = true;
        // Two runs without a slash are not one with; beside a run of anything they add nothing.
        let before = self.out.trim_end_matches('*').len();
        let stars = self.out.len() - before;
        self.out.truncate(before);
        let any = any || stars > 1;
        self.out.push_str(if any { "**" } else { "*" });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exact(text: &str) -> Matching {
        Matching::Exact(text.to_owned())
    }

    fn pattern(text: &str) -> Matching {
        Matching::Pattern(text.to_owned())
    }

    #[test]
    fn wildcards_cross_slashes() {
        assert_eq!(wildcard("a@b"), Ok(exact("a@b")));
        assert_eq!(wildcard("https://h/*"), Ok(pattern("https://h/**")));
        assert_eq!(wildcard("a**b*c"), Ok(pattern("a**b**c")));
        for text in ["*", "**", "*/*", "a?b", "{{ x }}", ""] {
            assert!(wildcard(text).is_err(), "{text}");
        }
    }

    #[test]
    fn expressions_that_are_patterns_become_them() {
        for (text, expected, narrower) in [
            (r"^https://h\.io/a$", exact("https://h.io/a"), 0),
            (r"^https://h\.io/.*$", pattern("https://h.io/**"), 0),
            (r"^https://h\.io/.*", pattern("https://h.io/**"), 0),
            (r".*@acme\.example$", pattern("**@acme.example"), 0),
            (r"^https://h\.io/[^/]*/x$", pattern("https://h.io/*/x"), 0),
            (r"^a[^/]*[^/]*b$", pattern("a*b"), 0),
            (r"^a[^/]*.*b$", pattern("a**b"), 0),
            (r"^a.*[^/]*b$", pattern("a**b"), 0),
            (r"^a.*?b$", pattern("a**b"), 0),
            (r"^a[.]b$", exact("a.b"), 0),
            (r"^a\*b$", exact("a*b"), 0),
            (r"^a.b$", exact("a.b"), 1),
            (r"a\.b", exact("a.b"), 1),
            (r"@acme.example$", exact("@acme.example"), 2),
        ] {
            let read = regular_expression(text).unwrap_or_else(|why| panic!("{text}: {why}"));
            assert_eq!(read.matching, expected, "{text}");
            assert_eq!(read.narrower.len(), narrower, "{text}: {:?}", read.narrower);
        }
    }

    #[test]
    fn expressions_that_would_let_in_more_are_refused() {
        for text in [
            "", "^$", ".*", "^.*$", "^.+$", "a.+", "(a|b)", "a|b", "a+", "a?b", "ab*", r"\d",
            r"a\", "[ab]", "[^/]+", "[^a]*", "a{2}", "a^b", "a$b", "(?i)a", r"^a\*.*$", r"^\.*$",
            "[]]", "a.?b",
        ] {
            assert!(regular_expression(text).is_err(), "{text}");
        }
    }
}
