//! Instants as Bulla's own statements write them.
//!
//! RFC 3339, <https://www.rfc-editor.org/rfc/rfc3339#section-5.6>, with a capital `T` and `Z` and
//! no leap second. Readers of dates differ in what else they take, so nothing else is taken here.

use jiff::Timestamp;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

/// The form, for messages.
const EXPECTED: &str = "expected an instant such as 2026-11-21T22:31:07Z, from 1970 on";

/// Reads an instant.
pub(crate) fn read<'de, D: Deserializer<'de>>(input: D) -> Result<Timestamp, D::Error> {
    let text = String::deserialize(input)?;
    parse(&text).ok_or_else(|| {
        let start: String = text.chars().take(40).collect();
        D::Error::custom(format_args!("`{start}` is no instant: {EXPECTED}"))
    })
}

/// Reads an instant that may be absent, which `null` is not.
pub(crate) fn present<'de, D: Deserializer<'de>>(input: D) -> Result<Option<Timestamp>, D::Error> {
    read(input).map(Some)
}

fn parse(text: &str) -> Option<Timestamp> {
    let (local, rest) = text.split_at_checked(19)?;
    let (fraction, offset) = rest.split_at(rest.find(['Z', '+', '-'])?);
    let has_fraction = match fraction.strip_prefix('.') {
        Some(digits) => {
            (1..=9).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit())
        }
        None => fraction.is_empty(),
    };
    let has_offset = match offset.strip_prefix(['+', '-']) {
        Some(offset) => is_shaped(offset, "00:00") && &offset[..2] <= "23" && &offset[3..] <= "59",
        None => offset == "Z",
    };
    let is_instant = is_local(local) && local >= "1970" && has_fraction && has_offset;
    let time: Timestamp = is_instant.then(|| text.parse().ok())??;
    (time >= Timestamp::UNIX_EPOCH).then_some(time)
}

/// Whether this is a date and a time of day, `2026-11-21T22:31:07`; there may be no such day.
pub(crate) fn is_local(text: &str) -> bool {
    is_shaped(text, "0000-00-00T00:00:00")
        && &text[11..13] <= "23"
        && &text[14..16] <= "59"
        && &text[17..] <= "59"
}

/// Whether the text is this shape, in which each `0` stands for any digit.
pub(crate) fn is_shaped(text: &str, shape: &str) -> bool {
    text.len() == shape.len()
        && text
            .bytes()
            .zip(shape.bytes())
            .all(|(found, wanted)| match wanted {
                b'0' => found.is_ascii_digit(),
                _ => found == wanted,
            })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_have_one_form() {
        for text in [
            "2026-11-21T22:31:07Z",
            "2026-11-21T22:31:07.123456789Z",
            "2026-11-21T22:31:07+01:00",
            "2024-02-29T00:00:00-23:59",
        ] {
            assert!(parse(text).is_some(), "{text}");
        }
        for text in [
            "",
            "Z",
            "2026-11-21",
            "2026-11-21T22:31Z",
            "2026-11-21t22:31:07Z",
            "2026-11-21 22:31:07Z",
            "2026-11-21T22:31:07z",
            "2026-11-21T22:31:60Z",
            "2026-11-21T24:00:00Z",
            "2026-11-21T22:31:07",
            "2026-11-21T22:31:07.Z",
            "2026-11-21T22:31:07.1234567890Z",
            "2026-11-21T22:31:07,5Z",
            "2026-11-21T22:31:07+24:00",
            "2026-11-21T22:31:07+0100",
            "2026-11-21T22:31:07+01:00[Europe/Berlin]",
            "2026-02-30T00:00:00Z",
            "1969-12-31T23:59:59Z",
            "+002026-11-21T22:31:07Z",
            "９026-11-21T22:31:07Z",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
