//! JSON with comments and commas after the last item, as people may write settings.
//!
//! RFC 8259 and what Bun accepts in `bun.lock`, <https://bun.com/docs/pm/lockfile>: comments of one line
//! and of several, and one comma before a closing bracket. Whatever else is no JSON stays as it is, so
//! that the parser refuses it.

use bulla_model::{JsonError, json};
use serde::de::DeserializeOwned;

use super::{LIST_DEPTH, ListFile};

/// What a file is read as.
pub(super) fn read<T: DeserializeOwned>(list: ListFile<'_>) -> Result<T, JsonError> {
    let plain = plain(list.json());
    json::read_last_wins(&plain, plain.len() as u64, LIST_DEPTH)
}

/// The same in JSON. Nothing moves to another line, so that errors are told where they are.
fn plain(bytes: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(bytes.len());
    // The last byte that means something, and where a comma that may be one too many stands.
    let (mut last, mut comma) = (b'{', None);
    let mut rest = bytes;
    while let [first, after @ ..] = rest {
        let length = match (first, after) {
            (b'"', _) => string(rest),
            (b'/', [b'/', ..]) => rest.iter().position(|byte| *byte == b'\n'),
            (b'/', [b'*', inside @ ..]) => inside
                .windows(2)
                .position(|pair| pair == b"*/")
                .map(|end| end.saturating_add(4)),
            _ => Some(1),
        };
        let is_comment = matches!((first, after), (b'/', [b'/' | b'*', ..]));
        let end = length.unwrap_or(rest.len()).min(rest.len());
        let (token, following) = rest.split_at(end);
        rest = following;
        if is_comment {
            let is_open = length.is_none() && after.first() == Some(&b'*');
            if is_open {
                plain.extend_from_slice(token);
            } else {
                plain.push(b' ');
                plain.extend(token.iter().filter(|byte| **byte == b'\n'));
            }
            continue;
        }
        if !first.is_ascii_whitespace() {
            if let (b']' | b'}', Some(place)) = (first, comma)
                && let Some(byte) = plain.get_mut(place)
            {
                *byte = b' ';
            }
            let follows_item = !matches!(last, b'[' | b'{' | b',' | b':');
            comma = (*first == b',' && follows_item).then_some(plain.len());
            last = *first;
        }
        plain.extend_from_slice(token);
    }
    plain
}

/// The length of a string with its quotes; `None` if it does not end.
fn string(bytes: &[u8]) -> Option<usize> {
    let mut escaped = false;
    let end = bytes.iter().skip(1).position(|byte| {
        let ends = *byte == b'"' && !escaped;
        escaped = *byte == b'\\' && !escaped;
        ends
    })?;
    Some(end.saturating_add(2))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_last_commas_go_and_strings_stay() {
        for (text, expected) in [
            ("[1, /* , */ ] // end", "[1    ]  "),
            (r#"{"a": 1,}"#, r#"{"a": 1 }"#),
            (
                r#"{"//": "/*,]", "\",}": ",]",}"#,
                r#"{"//": "/*,]", "\",}": ",]" }"#,
            ),
            ("[1, // one\n]", "[1   \n]"),
            ("/*\n*/[]", " \n[]"),
        ] {
            assert_eq!(String::from_utf8(plain(text.as_bytes())).unwrap(), expected);
        }
    }

    #[test]
    fn what_is_no_comma_too_many_stays_wrong() {
        for text in [
            "[,]",
            "{,}",
            "[1,,]",
            "{\"a\":,}",
            "[1] /* open",
            "[\"open",
            "[1 / 2]",
            "/",
            "/*/",
        ] {
            let plain = plain(text.as_bytes());
            assert!(
                serde_json::from_slice::<serde_json::Value>(&plain).is_err(),
                "{text}"
            );
        }
    }
}
