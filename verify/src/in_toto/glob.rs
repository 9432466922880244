//! Patterns over paths of artifacts, in one grammar (F27).
//!
//! The grammar is that of Python's `fnmatch.fnmatchcase`, 3.8 to 3.13, which the reference
//! implementation uses and <https://docs.python.org/3/library/fnmatch.html> describes: `*` any run
//! of characters, also over `/`; `?` any one; `[seq]` one of these, `[!seq]` one that is not, where
//! `a-z` is a range and a first `]` stands for itself; a `[` that is never closed, a `^` and a
//! backslash stand for themselves. A pattern matches the whole path.

/// A compiled pattern.
#[derive(Clone, Debug)]
pub(super) struct Glob(Vec<Token>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Token {
    Any,
    Run,
    Literal(char),
    Set {
        negated: bool,
        singles: Vec<char>,
        ranges: Vec<(char, char)>,
    },
}

/// Characters of a pattern. Stops one that is all cost.
pub(super) const MAX_PATTERN: usize = 4096;

impl Glob {
    /// Every text is a pattern, unless it is too long.
    pub(super) fn new(pattern: &str) -> Option<Self> {
        let pattern: Vec<char> = pattern.chars().take(MAX_PATTERN + 1).collect();
        if pattern.len() > MAX_PATTERN {
            return None;
        }
        let mut tokens = Vec::new();
        let mut rest = pattern.as_slice();
        while let Some((first, after)) = rest.split_first() {
            rest = after;
            tokens.push(match first {
                '*' if tokens.last() == Some(&Token::Run) => continue,
                '*' => Token::Run,
                '?' => Token::Any,
                '[' => match set(after) {
                    Some((token, length)) => {
                        rest = after.get(length..).unwrap_or_default();
                        token
                    }
                    None => Token::Literal('['),
                },
                other => Token::Literal(*other),
            });
        }
        Some(Self(tokens))
    }

    /// Whether the whole path matches. Costs at most the product of both lengths: only the last
    /// run is ever tried again, which is enough because a run takes every character.
    pub(super) fn matches(&self, path: &str) -> bool {
        let text: Vec<char> = path.chars().collect();
        let (mut token, mut at) = (0_usize, 0_usize);
        let mut retry: Option<(usize, usize)> = None;
        loop {
            match (self.0.get(token), text.get(at)) {
                (None, None) => return true,
                (Some(Token::Run), _) => {
                    retry = Some((token, at));
                    token += 1;
                    continue;
                }
                (Some(one), Some(character)) if one.takes(*character) => {
                    token += 1;
                    at += 1;
                    continue;
                }
                _ => {}
            }
            match retry {
                Some((run, from)) if from < text.len() => {
                    retry = Some((run, from + 1));
                    token = run + 1;
                    at = from + 1;
                }
                _ => return false,
            }
        }
    }
}

impl Token {
    fn takes(&self, character: char) -> bool {
        match self {
            Self::Any => true,
            Self::Run => false,
            Self::Literal(literal) => *literal == character,
            Self::Set {
                negated,
                singles,
                ranges,
            } => {
                let inside = singles.contains(&character)
                    || ranges
                        .iter()
                        .any(|(from, to)| (from..=to).contains(&&character));
                inside != *negated
            }
        }
    }
}

/// Reads what follows a `[`: the set, and its length up to and with its `]`.
fn set(after: &[char]) -> Option<(Token, usize)> {
    let mut end = usize::from(after.first() == Some(&'!'));
    // A `]` that stands first is one of the set.
    if after.get(end) == Some(&']') {
        end += 1;
    }
    while *after.get(end)? != ']' {
        end += 1;
    }
    let mut chunks = chunks(after.get(..end)?);
    drop_empty_ranges(&mut chunks);
    // Only now: where an empty range stood before it, Python takes a later `!` for the first.
    let first = chunks
        .first_mut()
        .filter(|chunk| chunk.first() == Some(&'!'));
    let negated = first.map(|chunk| chunk.remove(0)).is_some();
    let mut singles = Vec::new();
    let mut ranges = Vec::new();
    for chunk in &chunks {
        singles.extend(chunk);
    }
    // Between two chunks stands a range, from the last of one to the first of the next.
    for (from, to) in chunks.iter().zip(chunks.iter().skip(1)) {
        match (from.last(), to.first()) {
            (Some(from), Some(to)) => ranges.push((*from, *to)),
            _ => singles.push('-'),
        }
    }
    let token = Token::Set {
        negated,
        singles,
        ranges,
    };
    Some((token, end + 1))
}

/// Splits a set at the hyphens that make ranges: not one that stands first or last, nor one right
/// after a range.
fn chunks(members: &[char]) -> Vec<Vec<char>> {
    let mut chunks: Vec<Vec<char>> = Vec::new();
    let mut begin = 0_usize;
    let mut look = if members.first() == Some(&'!') {
        2
    } else {
        1_usize
    };
    while let Some(found) = members
        .get(look..)
        .and_then(|rest| rest.iter().position(|one| *one == '-'))
    {
        let hyphen = look + found;
        chunks.push(members.get(begin..hyphen).unwrap_or_default().to_vec());
        begin = hyphen + 1;
        look = hyphen + 3;
    }
    match (members.get(begin..), chunks.last_mut()) {
        (Some(rest), _) if !rest.is_empty() => chunks.push(rest.to_vec()),
        (_, Some(last)) => last.push('-'),
        _ => {}
    }
    chunks
}

/// A range that runs backwards takes nothing, and its ends go with it.
fn drop_empty_ranges(chunks: &mut Vec<Vec<char>>) {
    for index in (1..chunks.len()).rev() {
        let (Some(from), Some(to)) = (
            chunks.get(index - 1).and_then(|chunk| chunk.last()),
            chunks.get(index).and_then(|chunk| chunk.first()),
        ) else {
            continue;
        };
        if from > to {
            let removed = chunks.remove(index);
            if let Some(previous) = chunks.get_mut(index - 1) {
                previous.pop();
                previous.extend(removed.into_iter().skip(1));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, path: &str) -> bool {
        Glob::new(pattern).unwrap().matches(path)
    }

    #[test]
    fn f27_an_exclamation_mark_negates_and_a_caret_is_a_caret() {
        assert!(matches("[!x]oo", "foo") && !matches("[!x]oo", "xoo"));
        assert!(matches("[^x]oo", "^oo") && matches("[^x]oo", "xoo"));
        assert!(!matches("[^x]oo", "foo"));
    }

    #[test]
    fn f27_patterns_mean_what_python_says() {
        // [pattern, path, what Python 3.11's fnmatch.fnmatchcase says]; see the README beside it.
        let vectors = include_str!("../../../testdata/verify/in-toto/fnmatch.json");
        let vectors: Vec<(String, String, bool)> = serde_json::from_str(vectors).unwrap();
        assert!(vectors.len() > 500);
        for (pattern, path, expected) in vectors {
            assert_eq!(matches(&pattern, &path), expected, "{pattern:?} {path:?}");
        }
    }

    #[test]
    fn hostile_patterns_are_bounded() {
        assert!(!matches(&"*a".repeat(1000), &"a".repeat(999)));
        assert!(!matches(
            &format!("{}b", "*a".repeat(1000)),
            &"a".repeat(4000)
        ));
        assert!(Glob::new(&"*".repeat(MAX_PATTERN + 1)).is_none());
    }
}
