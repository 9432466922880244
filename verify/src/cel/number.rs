//! Whole numbers as they are written.

use super::ExpressionError;
use super::ast::At;

pub(super) fn no_number(digits: &str, at: At) -> ExpressionError {
    ExpressionError::new(at, format!("`{digits}` is no number of 64 bits"))
}

pub(super) fn whole(text: &str) -> Option<i64> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", text),
    };
    match hexadecimal(digits) {
        Some(hex) => i64::from_str_radix(&format!("{sign}{hex}"), 16).ok(),
        None => text.parse().ok(),
    }
}

pub(super) fn unsigned(text: &str) -> Option<u64> {
    match hexadecimal(text) {
        Some(hex) => u64::from_str_radix(hex, 16).ok(),
        None => text.parse().ok(),
    }
}

fn hexadecimal(digits: &str) -> Option<&str> {
    digits
        .strip_prefix("0x")
        .or_else(|| digits.strip_prefix("0X"))
}
