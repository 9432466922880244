//! Patterns over identities. Always anchored: a pattern that should match a part must say so.
//!
//! Grammar: `*` matches any run of characters except `/`, `**` any run at all, everything else
//! itself. There is no escape; identities that contain a star are matched exactly.

use std::fmt;

use crate::regular::{Patterns, Regular};

/// A pattern, or an exact text.
#[derive(Clone, Debug)]
pub enum Pattern {
    /// The text itself.
    Exact(String),
    /// The grammar above.
    Glob(String),
    /// A regular expression, from [`Pattern::regex`].
    Regex(AnchoredRegex),
}

/// A regular expression that must match the whole text.
#[derive(Clone, Debug)]
pub struct AnchoredRegex {
    source: String,
    regex: Regular,
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Exact(a), Self::Exact(b)) | (Self::Glob(a), Self::Glob(b)) => a == b,
            (Self::Regex(a), Self::Regex(b)) => a.source == b.source,
            _ => false,
        }
    }
}

impl Eq for Pattern {}

impl Pattern {
    /// A regular expression in the syntax of the `regex` crate, without look-around and linear in
    /// time. It must match the whole text, as with cosign's flags, whose own match is not anchored.
    pub fn regex(source: &str) -> Result<Self, PatternError> {
        Self::regex_among(source, &Patterns::new())
    }

    /// The same, as one of those that a policy has.
    pub(crate) fn regex_among(source: &str, patterns: &Patterns) -> Result<Self, PatternError> {
        let build = |text: &str, patterns: &Patterns| {
            let built = patterns.build(text);
            built.map_err(|reason| PatternError { reason })
        };
        // Alone first: `a)|(?:.*` is none, but would close the group that anchors it.
        build(source, &Patterns::new())?;
        let regex = build(&format!("^(?:{source})$"), patterns)?;
        Ok(Self::Regex(AnchoredRegex {
            source: source.to_owned(),
            regex,
        }))
    }

    /// Whether the whole text matches.
    pub fn matches(&self, text: &str) -> bool {
        match self {
            Self::Exact(exact) => exact == text,
            Self::Glob(glob) => glob_matches(glob, text.as_bytes()),
            Self::Regex(anchored) => anchored.regex.is_match(text),
        }
    }

    /// Whether some text may match both: yes also where finding out takes too long.
    pub fn may_meet(&self, other: &Self) -> bool {
        self.meets(other, &mut Effort::new(1 << 20)).unwrap_or(true)
    }

    /// Whether some text matches both; nothing if there is no effort left to find out. Of regular
    /// expressions only exact texts are known.
    pub(crate) fn meets(&self, other: &Self, left: &mut Effort) -> Option<bool> {
        match (self, other) {
            (Self::Exact(a), Self::Exact(b)) => left.spend(1).then(|| a == b),
            (Self::Glob(a), Self::Exact(b) | Self::Glob(b)) | (Self::Exact(a), Self::Glob(b)) => {
                if !begin_alike(a, b, left)? {
                    return Some(false);
                }
                let meet = || match (self, other) {
                    (Self::Exact(text), pattern) | (pattern, Self::Exact(text)) => {
                        pattern.matches(text)
                    }
                    _ => globs_meet(&tokens(a), &tokens(b)),
                };
                left.spend_pairs(a.len(), b.len()).then(meet)
            }
            (Self::Exact(text), Self::Regex(regex)) | (Self::Regex(regex), Self::Exact(text)) => {
                let cost = (text.len(), regex.source.len());
                let is_match = || regex.regex.is_match(text);
                left.spend_pairs(cost.0, cost.1).then(is_match)
            }
            (Self::Regex(_), _) | (_, Self::Regex(_)) => left.spend(1).then(|| self == other),
        }
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Exact(text) | Self::Glob(text) => text,
            Self::Regex(anchored) => &anchored.source,
        })
    }
}

/// Why a text is no regular expression.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no regular expression: {}", reason.escape_debug())]
pub struct PatternError {
    reason: String,
}

enum Token {
    Literal(u8),
    /// Any run; `true` when it may cross a slash.
    Run(bool),
}

fn tokens(glob: &str) -> Vec<Token> {
    let glob = glob.as_bytes();
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(&byte) = glob.get(at) {
        if byte == b'*' {
            let stars = glob[at..].iter().take_while(|b| **b == b'*').count();
            tokens.push(Token::Run(stars > 1));
            at += stars;
        } else {
            tokens.push(Token::Literal(byte));
            at += 1;
        }
    }
    tokens
}

/// What comparing patterns may still cost, all of them together, so that no file of patterns keeps
/// anybody busy.
#[derive(Debug)]
pub(crate) struct Effort(u64);

impl Effort {
    pub(crate) const fn new(steps: u64) -> Self {
        Self(steps)
    }

    /// Takes so many steps; answers whether they were there.
    pub(crate) fn spend(&mut self, steps: u64) -> bool {
        let left = self.0.checked_sub(steps);
        self.0 = left.unwrap_or(0);
        left.is_some()
    }

    /// Takes a step for each pair of places in two texts.
    fn spend_pairs(&mut self, one: usize, other: usize) -> bool {
        let places = |length: usize| u64::try_from(length).unwrap_or(u64::MAX).saturating_add(1);
        self.spend(places(one).saturating_mul(places(other)))
    }
}

/// Whether what stands before the first star in both agrees, as far as both go.
fn begin_alike(one: &str, other: &str, left: &mut Effort) -> Option<bool> {
    let head = |text: &str| text.bytes().take_while(|byte| *byte != b'*').count();
    let length = head(one).min(head(other));
    let (one, other) = (one.as_bytes().iter(), other.as_bytes().iter());
    let same = one.zip(other).take(length);
    let same = same.take_while(|(a, b)| a == b).count();
    left.spend(u64::try_from(same).unwrap_or(u64::MAX).saturating_add(1))
        .then_some(same == length)
}

/// Whether some text matches both: from each pair of places in the two, where one more character or none
/// leads. `row[b]`: this place in the one and `b` in the other can be reached by the same text.
fn globs_meet(one: &[Token], other: &[Token]) -> bool {
    let mut row = vec![false; other.len() + 1];
    row[0] = true;
    for a in 0..=one.len() {
        let mut next = vec![false; other.len() + 1];
        for b in 0..=other.len() {
            if !row[b] {
                continue;
            }
            // Whatever both may take more of, each may also end.
            let (down, right) = match (one.get(a), other.get(b)) {
                (None, None) => return true,
                (Some(Token::Literal(x)), Some(Token::Literal(y))) => {
                    if x == y {
                        next[b + 1] = true;
                    }
                    continue;
                }
                (Some(Token::Run(crosses)), Some(Token::Literal(byte))) => {
                    (true, *crosses || *byte != b'/')
                }
                (Some(Token::Literal(byte)), Some(Token::Run(crosses))) => {
                    (*crosses || *byte != b'/', true)
                }
                (run, other) => (
                    matches!(run, Some(Token::Run(_))),
                    matches!(other, Some(Token::Run(_))),
                ),
            };
            if down {
                next[b] = true;
            }
            if right {
                row[b + 1] = true;
            }
        }
        row = next;
    }
    false
}

/// Time is bounded by pattern length times text length: one row of states per byte of the text.
fn glob_matches(glob: &str, text: &[u8]) -> bool {
    let tokens = tokens(glob);
    // `reached[i]`: the first i tokens can match what has been read.
    let mut reached = vec![false; tokens.len() + 1];
    reached[0] = true;
    spread(&tokens, &mut reached);
    for &byte in text {
        let mut next = vec![false; tokens.len() + 1];
        for (index, token) in tokens.iter().enumerate() {
            match token {
                Token::Literal(literal) if reached[index] && *literal == byte => {
                    next[index + 1] = true;
                }
                // A run that has begun may take one more byte.
                Token::Run(crosses) if reached[index + 1] && (*crosses || byte != b'/') => {
                    next[index + 1] = true;
                }
                Token::Literal(_) | Token::Run(_) => {}
            }
        }
        spread(&tokens, &mut next);
        reached = next;
    }
    reached[tokens.len()]
}

/// A run may also be empty.
fn spread(tokens: &[Token], reached: &mut [bool]) {
    for (index, token) in tokens.iter().enumerate() {
        if reached[index] && matches!(token, Token::Run(_)) {
            reached[index + 1] = true;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(glob: &str, text: &str) -> bool {
        Pattern::Glob(glob.to_owned()).matches(text)
    }

    #[test]
    fn patterns_are_anchored_at_both_ends() {
        // F23, F24: a pattern that matched anywhere let `evil.example/github.com/acme` in.
        assert!(matches(
            "https://github.com/acme/*",
            "https://github.com/acme/ci"
        ));
        assert!(!matches(
            "https://github.com/acme/*",
            "https://evil.example/https://github.com/acme/ci"
        ));
        assert!(!matches(
            "https://github.com/acme/ci",
            "https://github.com/acme/ci-evil"
        ));
        assert!(!matches("alice@acme.example", "malice@acme.example"));
        assert!(!matches(
            "alice@acme.example",
            "alice@acme.example.evil.example"
        ));
        assert!(!matches("a.c", "abc"), "a dot is a dot");
    }

    #[test]
    fn regular_expressions_are_anchored_too() {
        let pattern = Pattern::regex("https://github.com/acme/.*|bot").unwrap();
        assert!(pattern.matches("https://github.com/acme/ci") && pattern.matches("bot"));
        assert!(!pattern.matches("https://evil.example/https://github.com/acme/ci"));
        assert!(
            !pattern.matches("robot") && !pattern.matches("bots"),
            "each branch is anchored"
        );
        assert!(Pattern::regex("(").is_err());
    }

    #[test]
    fn one_star_stays_within_a_path_segment() {
        assert!(matches(
            "build.yml@refs/tags/v*",
            "build.yml@refs/tags/v1.2.3"
        ));
        assert!(!matches(
            "build.yml@refs/tags/v*",
            "build.yml@refs/tags/v1/x"
        ));
        assert!(matches("a/**/z", "a/b/c/z"));
        assert!(matches("a**z", "az"));
        assert!(matches("*", "") && !matches("*", "a/b") && matches("**", "a/b"));
        assert!(!matches("*a*b*c", "xaxb"), "the end must be reached");
    }

    fn meets(one: &Pattern, other: &Pattern) -> bool {
        one.meets(other, &mut Effort::new(1 << 26)).unwrap()
    }

    #[test]
    fn patterns_meet_where_one_text_matches_both() {
        let meet = |a: &str, b: &str| {
            let [a, b] = [a, b].map(|text| Pattern::Glob(text.to_owned()));
            assert_eq!(meets(&a, &b), meets(&b, &a));
            meets(&a, &b)
        };
        assert!(meet(
            "https://github.com/acme/*",
            "https://github.com/*/pay"
        ));
        assert!(meet("a/**", "**/z") && meet("*", "**") && meet("a*", "*a"));
        assert!(!meet(
            "https://github.com/acme/*",
            "https://github.com/acme/pay/*"
        ));
        assert!(!meet("a/*", "b/*") && !meet("*x", "*y") && !meet("a*b", "a/b"));
        let glob = Pattern::Glob("a/*".into());
        assert!(meets(&Pattern::Exact("a/b".into()), &glob));
        assert!(!meets(&Pattern::Exact("a/b/c".into()), &glob));
        let long = "*a".repeat(2000);
        assert!(!meet(&format!("{long}x"), &format!("{long}y")));
    }

    #[test]
    fn what_costs_too_much_to_compare_is_not_taken_to_be_apart() {
        let [one, other] = ["*a*", "*b*"].map(|text| Pattern::Glob(text.to_owned()));
        let mut left = Effort::new(20);
        assert_eq!(one.meets(&other, &mut left), Some(true));
        assert_eq!(one.meets(&other, &mut left), None);
        assert!(!left.spend(1), "what is over stays over");
        // Where the beginnings differ, little more than them is looked at.
        let tail = "*a".repeat(1000);
        let [one, other] = ["x/a", "x/b"].map(|head| Pattern::Glob(format!("{head}{tail}")));
        assert_eq!(one.meets(&other, &mut Effort::new(3)), Some(false));
    }

    #[test]
    fn hostile_patterns_cost_no_more_than_their_length() {
        let glob = "*a".repeat(200);
        assert!(!matches(&glob, &"a".repeat(5000).replace("aaaa", "aaab")));
    }
}
