//! Regular expressions of a policy, bounded by what they would take: memory before they are built,
//! work before they are asked.
//!
//! The `regex` crate is linear in the text, times the pattern, and a short pattern can be a large one:
//! `[a-z]{8000}`. So both are computed from the syntax first.

use std::cell::Cell;

use regex_syntax::hir::{Class, Hir, HirKind, Look};

/// Bytes of one pattern, as `regex` counts them when it builds it.
const SIZE: usize = 1 << 20;
/// Bytes of all patterns of a policy, about. Stops files of patterns that fill the memory.
const SIZE_OF_ALL: u64 = 16 << 20;
/// What a pattern takes that takes nothing else.
const LEAST: u64 = 8 << 10;
/// Bytes of what a pattern keeps of its work.
const CACHE: usize = 64 << 10;

/// What the patterns of a policy may still take, all of them together.
#[derive(Debug)]
pub(crate) struct Patterns {
    left: Cell<u64>,
}

impl Patterns {
    pub(crate) fn new() -> Self {
        Self {
            left: Cell::new(SIZE_OF_ALL),
        }
    }

    /// Builds a pattern, that may match anywhere in a text, or says why not.
    pub(crate) fn build(&self, source: &str) -> Result<Regular, String> {
        let last = |error: String| error.lines().last().unwrap_or_default().to_owned();
        let syntax = regex_syntax::Parser::new().parse(source);
        let syntax = syntax.map_err(|error| last(error.to_string()))?;
        let size = size(&syntax).max(LEAST);
        let left = self.left.get().checked_sub(size).ok_or_else(|| {
            let limit = SIZE_OF_ALL >> 20;
            format!("with the others of this policy it would take more than {limit} MiB")
        })?;
        let mut builder = regex::RegexBuilder::new(source);
        let built = builder.size_limit(SIZE).dfa_size_limit(CACHE).build();
        let regex = built.map_err(|error| last(error.to_string()))?;
        self.left.set(left);
        let looks = syntax.properties();
        let is_anchored = looks.look_set_prefix().contains(Look::Start)
            && looks.look_set_suffix().contains(Look::End);
        Ok(Regular {
            regex,
            parts: parts(&syntax),
            is_anchored,
        })
    }
}

/// A regular expression.
#[derive(Clone, Debug)]
pub(crate) struct Regular {
    regex: regex::Regex,
    /// What each byte of a text may be compared with.
    parts: u64,
    is_anchored: bool,
}

impl Regular {
    pub(crate) fn is_match(&self, text: &str) -> bool {
        self.regex.is_match(text)
    }

    /// Whether it matches only whole texts, by whichever of its branches.
    pub(crate) fn is_anchored(&self) -> bool {
        self.is_anchored
    }

    /// What it takes to look at a text: about one for each byte, and for eight comparisons.
    pub(crate) fn cost(&self, text: &str) -> u64 {
        let bytes = (text.len() as u64).saturating_add(16);
        bytes.saturating_add(bytes.saturating_mul(self.parts) / 8)
    }
}

/// How many states it has, at most, in which it can be at once.
fn parts(syntax: &Hir) -> u64 {
    folded(syntax, |_| 1)
}

/// How many bytes it takes, about: classes of characters become trees over the bytes of UTF-8.
fn size(syntax: &Hir) -> u64 {
    let states = folded(syntax, |class| match class {
        Class::Unicode(class) => {
            let ranges = class.ranges();
            let is_ascii = ranges.iter().all(|range| range.end().is_ascii());
            let tree = if is_ascii { 0 } else { 24 };
            (ranges.len() as u64).saturating_mul(2).saturating_add(tree)
        }
        Class::Bytes(class) => class.ranges().len() as u64,
    });
    states.saturating_mul(40)
}

/// The sum over all of it, with what a class counts. It is nested at most 250 deep.
fn folded(syntax: &Hir, class: fn(&Class) -> u64) -> u64 {
    let all = |parts: &[Hir]| {
        let parts = parts.iter().map(|part| folded(part, class));
        parts.fold(1, u64::saturating_add)
    };
    match syntax.kind() {
        HirKind::Empty | HirKind::Look(_) => 1,
        HirKind::Literal(literal) => literal.0.len() as u64,
        HirKind::Class(one) => class(one),
        HirKind::Repetition(repeated) => {
            let times = repeated.max.unwrap_or(repeated.min).max(1);
            let once = folded(&repeated.sub, class).saturating_add(1);
            once.saturating_mul(u64::from(times)).saturating_add(1)
        }
        HirKind::Capture(capture) => folded(&capture.sub, class).saturating_add(2),
        HirKind::Concat(parts) => all(parts),
        HirKind::Alternation(parts) => all(parts).saturating_add(parts.len() as u64),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn built(source: &str) -> Regular {
        Patterns::new().build(source).unwrap()
    }

    #[test]
    fn whole_texts_are_matched_only_where_every_branch_says_so() {
        for source in [
            "^a$", "^(a|b)$", "^a$|^b$", r"\Aa\z", "(^a$)", "^(a$|b$)", "^$",
        ] {
            assert!(built(source).is_anchored(), "{source}");
        }
        for source in [
            "a",
            "^a",
            "a$",
            "^main|release$",
            r"^release/.*\$",
            "^x(?m)$",
            "(?m)^x$",
            "^a*$|b",
            "(?:^a$)?",
        ] {
            assert!(!built(source).is_anchored(), "{source}");
        }
    }

    #[test]
    fn what_the_patterns_of_a_policy_take_is_bounded_together() {
        let patterns = Patterns::new();
        let large = "[a-z]{8000}N$";
        let many = (0..1000).take_while(|_| patterns.build(large).is_ok());
        let many = many.count();
        assert!((5..50).contains(&many), "{many}");
        let error = patterns.build(large).unwrap_err();
        assert!(error.contains("more than 16 MiB"), "{error}");
        // Small ones are not free.
        let patterns = Patterns::new();
        let many = (0..10_000).take_while(|_| patterns.build("a").is_ok());
        assert_eq!(many.count(), 2048);
        // What is too large alone takes nothing from the others.
        let patterns = Patterns::new();
        for source in ["(", r"[\w.-]{1,100}", "a{1000}{1000}"] {
            assert!(patterns.build(source).is_err(), "{source}");
        }
        assert_eq!(patterns.left.get(), SIZE_OF_ALL);
    }

    #[test]
    fn a_large_pattern_costs_more_than_a_small_one() {
        let text = "ab".repeat(50_000);
        assert!(built("a[ab]{3000}c").cost(&text) > 5_000_000);
        assert!(built("^refs/heads/(main|rel-[0-9]+)$").cost("refs/heads/main") < 300);
        assert!(built(r"^\w+$").cost("some-name") < 100);
    }
}
