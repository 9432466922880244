//! Numbers, and whether a tree holds them as they were written.

use serde_json::Number;

/// A number of a text of XML, and whether it is held exactly.
pub(super) fn parse(text: &str) -> Option<(Number, bool)> {
    let unsigned = text.strip_prefix('+').unwrap_or(text);
    let digits = unsigned.strip_prefix('-').unwrap_or(unsigned);
    let is_decimal = digits.bytes().all(|b| b.is_ascii_digit() || b == b'.')
        && digits.bytes().any(|b| b.is_ascii_digit())
        && digits.bytes().filter(|b| *b == b'.').count() <= 1;
    if !is_decimal || (unsigned.len() != text.len() && unsigned.starts_with('-')) {
        return None;
    }
    if let Ok(number) = unsigned.parse::<u64>() {
        return Some((number.into(), true));
    }
    if let Ok(number) = unsigned.parse::<i64>() {
        return Some((number.into(), true));
    }
    let number = Number::from_f64(unsigned.parse().ok()?)?;
    let exact = canonical(unsigned) == canonical(&number.to_string());
    Some((number, exact))
}

/// As XML writes a decimal: without an exponent.
pub(super) fn decimal(number: &Number) -> String {
    match (number.as_u64(), number.as_i64(), number.as_f64()) {
        // A whole one keeps its point: it was no integer.
        (None, None, Some(float)) if float.fract() == 0.0 => format!("{float}.0"),
        (None, None, Some(float)) => float.to_string(),
        _ => number.to_string(),
    }
}

/// Where in a JSON text, which was checked before, numbers are that are not held exactly.
pub(super) fn inexact(json: &[u8]) -> Vec<usize> {
    let mut found = Vec::new();
    let mut at = 0_usize;
    while let Some(byte) = json.get(at) {
        match byte {
            b'"' => at = after_string(json, at),
            b'-' | b'0'..=b'9' => {
                let rest = json.get(at..).unwrap_or_default();
                let length = rest.iter().take_while(|byte| is_of_number(**byte)).count();
                let token = rest.get(..length).unwrap_or_default();
                if !is_exact(token) {
                    found.push(at);
                }
                at = at.saturating_add(length.max(1));
            }
            _ => at = at.saturating_add(1),
        }
    }
    found
}

/// The place behind a string that begins at a place.
fn after_string(json: &[u8], start: usize) -> usize {
    let mut at = start.saturating_add(1);
    while let Some(byte) = json.get(at) {
        at = at.saturating_add(if *byte == b'\\' { 2 } else { 1 });
        if *byte == b'"' {
            break;
        }
    }
    at
}

fn is_of_number(byte: u8) -> bool {
    byte.is_ascii_digit() || b"+-.eE".contains(&byte)
}

fn is_exact(token: &[u8]) -> bool {
    // Up to 15 digits always are; most numbers are a line or a version.
    if token.len() <= 15 && token.iter().all(u8::is_ascii_digit) {
        return true;
    }
    let Ok(text) = std::str::from_utf8(token) else {
        return false;
    };
    let number = serde_json::from_str::<Number>(text);
    number.is_ok_and(|number| canonical(text) == canonical(&number.to_string()))
}

/// Sign, digits without zeros around them, and the power of ten of the last one.
fn canonical(text: &str) -> (bool, Vec<u8>, i64) {
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let mut power: i64 = exponent.parse().unwrap_or(i64::MAX);
    let negative = mantissa.starts_with('-');
    let fraction = mantissa.split_once('.').map_or(0, |(_, part)| part.len());
    power = power.saturating_sub(i64::try_from(fraction).unwrap_or(i64::MAX));
    let digits = mantissa.bytes().filter(u8::is_ascii_digit);
    let mut digits: Vec<u8> = digits.skip_while(|digit| *digit == b'0').collect();
    while digits.last() == Some(&b'0') {
        digits.pop();
        power = power.saturating_add(1);
    }
    if digits.is_empty() {
        return (false, digits, 0);
    }
    (negative, digits, power)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_held_is_found_and_nothing_else() {
        let places = |json: &str| inexact(json.as_bytes());
        for exact in [
            "1",
            "-1",
            "0.1",
            "1.50",
            "1e2",
            "100.0",
            "-0.0",
            "18446744073709551615",
            r#"{"a":"0.12345678901234567890","b\\\"9":[1,2.5]}"#,
            r#"["\\",7.50]"#,
        ] {
            assert_eq!(places(exact), Vec::<usize>::new(), "{exact}");
        }
        assert_eq!(places("18446744073709551617"), [0]);
        assert_eq!(places("[1, 0.12345678901234567890]"), [4]);
        assert_eq!(places(r#"{"1.":-12345678901234567.5}"#), [6]);
    }

    #[test]
    fn decimals_of_xml_are_numbers() {
        let parsed = |text| parse(text).map(|(number, exact)| (number.to_string(), exact));
        let exact = |text: &str| Some((text.to_owned(), true));
        assert_eq!(parsed("+1"), exact("1"));
        assert_eq!(parsed("-7"), exact("-7"));
        assert_eq!(parsed("007.50"), exact("7.5"));
        assert_eq!(parsed(".5"), exact("0.5"));
        assert_eq!(parsed("5."), exact("5.0"));
        assert_eq!(
            parsed("0.12345678901234567890").map(|one| one.1),
            Some(false)
        );
        for text in [
            "", "-", ".", "+-1", "1e3", "NaN", "inf", "1.2.3", "0x1", "1 2",
        ] {
            assert_eq!(parsed(text), None, "{text}");
        }
        assert_eq!(decimal(&Number::from_f64(1e-7).unwrap()), "0.0000001");
        assert_eq!(decimal(&Number::from_f64(10.0).unwrap()), "10.0");
        assert_eq!(decimal(&Number::from(3)), "3");
    }
}
