//! Patterns over identities. Always anchored: a pattern that should match a part must say so.
//!
//! Grammar: `*` matches any run of characters except `/`, `**` any run at all, everything else
//! itself. There is no escape; identities that contain a star are matched exactly.

use std::fmt;

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
    regex: regex::Regex,
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
        let build = |text: &str| {
            let built = regex::RegexBuilder::new(text).size_limit(1 << 20).build();
            built.map_err(|error| PatternError {
                reason: error
                    .to_string()
                    .lines()
                    .last()
                    .unwrap_or_default()
                    .to_owned(),
            })
        };
        // Alone first: `a)|(?:.*` is none, but would close the group that anchors it.
        build(source)?;
        let regex = build(&format!("^(?:{source})$"))?;
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

    /// Whether some text matches both. Of regular expressions only exact texts are known.
    pub fn meets(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Exact(text), pattern) | (pattern, Self::Exact(text)) => pattern.matches(text),
            (Self::Glob(a), Self::Glob(b)) => globs_meet(&tokens(a), &tokens(b)),
            (Self::Regex(_), _) | (_, Self::Regex(_)) => self == other,
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

/// Pairs of places in two patterns that are looked at: 4096 characters each. Stops a file of one pattern
/// from taking all memory.
const PAIRS: usize = 1 << 24;

/// Whether some text matches both: a walk over pairs of places in the two, each of them once. Patterns
/// that are too long for it are taken to be apart.
fn globs_meet(one: &[Token], other: &[Token]) -> bool {
    let width = other.len() + 1;
    if (one.len() + 1).saturating_mul(width) > PAIRS {
        return false;
    }
    let mut seen = vec![false; (one.len() + 1) * width];
    let mut waiting = vec![(0_usize, 0_usize)];
    while let Some((a, b)) = waiting.pop() {
        let at = a * width + b;
        if std::mem::replace(&mut seen[at], true) {
            continue;
        }
        match (one.get(a), other.get(b)) {
            (None, None) => return true,
            (Some(Token::Literal(x)), Some(Token::Literal(y))) => {
                if x == y {
                    waiting.push((a + 1, b + 1));
                }
            }
            (run, Some(Token::Literal(byte))) => {
                if let Some(Token::Run(crosses)) = run {
                    waiting.push((a + 1, b));
                    if *crosses || *byte != b'/' {
                        waiting.push((a, b + 1));
                    }
                }
            }
            (Some(Token::Literal(byte)), run) => {
                if let Some(Token::Run(crosses)) = run {
                    waiting.push((a, b + 1));
                    if *crosses || *byte != b'/' {
                        waiting.push((a + 1, b));
                    }
                }
            }
            // Whatever both may take more of, each may also end.
            (Some(Token::Run(_)), None) => waiting.push((a + 1, b)),
            (None, Some(Token::Run(_))) => waiting.push((a, b + 1)),
            (Some(Token::Run(_)), Some(Token::Run(_))) => {
                waiting.extend([(a + 1, b), (a, b + 1)]);
            }
        }
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

    #[test]
    fn patterns_meet_where_one_text_matches_both() {
        let meet = |a: &str, b: &str| {
            let [a, b] = [a, b].map(|text| Pattern::Glob(text.to_owned()));
            assert_eq!(a.meets(&b), b.meets(&a));
            a.meets(&b)
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
        assert!(Pattern::Exact("a/b".into()).meets(&Pattern::Glob("a/*".into())));
        assert!(!Pattern::Exact("a/b/c".into()).meets(&Pattern::Glob("a/*".into())));
        let long = "*a".repeat(2000);
        assert!(!meet(&format!("{long}x"), &format!("{long}y")));
    }

    #[test]
    fn hostile_patterns_cost_no_more_than_their_length() {
        let glob = "*a".repeat(200);
        assert!(!matches(&glob, &"a".repeat(5000).replace("aaaa", "aaab")));
    }
}
