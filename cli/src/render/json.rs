//! JSON for programs, safe to show on a terminal.

use std::fmt::Write as _;

use serde::Serialize;

use crate::escape::is_unsafe;

/// Pretty JSON with a final line feed. Characters that change the display are written as `\uXXXX`,
/// which a parser reads as the same text.
pub fn to_json<T: Serialize + ?Sized>(value: &T) -> String {
    let json = serde_json::to_string_pretty(value)
        .expect("because reports have text keys and no maps else");
    let mut safe = String::with_capacity(json.len() + 1);
    let mut units = [0_u16; 2];
    for character in json.chars() {
        if character != '\n' && is_unsafe(character) {
            for unit in character.encode_utf16(&mut units) {
                write!(safe, "\\u{unit:04x}").expect("because writing to a string cannot fail");
            }
        } else {
            safe.push(character);
        }
    }
    safe.push('\n');
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_is_the_same_and_the_display_is_safe() {
        let text = "a\u{202e}b\u{9b}c\u{e0041}\n\"";
        let json = to_json(text);
        assert!(!json.trim_end().chars().any(is_unsafe), "{json}");
        assert_eq!(serde_json::from_str::<String>(&json).unwrap(), text);
    }
}
