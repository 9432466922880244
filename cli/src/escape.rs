//! Makes text from outside safe to show.
//!
//! A package name, an annotation or a registry's answer may hold sequences that move the cursor,
//! hide text or turn its direction. [`escape`] is the only way such text reaches a terminal.

use std::borrow::Cow;

/// Writes control, direction and invisible characters as `\u{…}`, everything else as it is.
///
/// The result is one line: a line feed becomes `\n`.
pub fn escape(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_unsafe) {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        match character {
            '\n' => safe.push_str("\\n"),
            '\r' => safe.push_str("\\r"),
            '\t' => safe.push_str("\\t"),
            _ if is_unsafe(character) => safe.extend(character.escape_unicode()),
            _ => safe.push(character),
        }
    }
    Cow::Owned(safe)
}

/// Whether a character can change how its neighbours are shown.
pub fn is_unsafe(character: char) -> bool {
    character.is_control()
        || matches!(character,
            // Direction marks, embeddings, overrides and isolates.
            '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
            // Characters without a width, line and paragraph separators, tags.
            | '\u{ad}' | '\u{34f}' | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200d}'
            | '\u{2028}' | '\u{2029}' | '\u{2060}'..='\u{2065}' | '\u{206a}'..='\u{206f}'
            | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{fff0}'..='\u{fffb}'
            | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}'
            // Letters and symbols that look like a space.
            | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{2800}' | '\u{3164}' | '\u{ffa0}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordinary_text_is_not_touched() {
        assert!(matches!(escape("Größe 3 µm, 東京"), Cow::Borrowed(_)));
    }

    #[test]
    fn sequences_that_change_the_display_are_shown() {
        assert_eq!(escape("a\u{1b}[31mb"), "a\\u{1b}[31mb");
        assert_eq!(escape("user\u{202e}txt.exe"), "user\\u{202e}txt.exe");
        assert_eq!(escape("one\ntwo\u{9b}"), "one\\ntwo\\u{9b}");
        assert_eq!(escape("pay\u{200b}api"), "pay\\u{200b}api");
        assert_eq!(escape("pay\u{3164}api"), "pay\\u{3164}api");
        for invisible in "\u{34f}\u{180e}\u{206a}\u{2800}\u{fe0f}\u{e0100}".chars() {
            assert!(is_unsafe(invisible), "{invisible:?}");
        }
    }
}
