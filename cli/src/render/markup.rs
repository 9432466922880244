//! Text from outside in documents with markup: it stays text.

use crate::escape::escape;

/// A text in an attribute or an element: no markup, and none of the characters that XML cannot hold.
pub fn xml_text(text: &str) -> String {
    let mut out = String::new();
    for character in escape(text).chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            other => out.push(other),
        }
    }
    out
}

/// A text in a cell of a table in Markdown, as code: platforms make no links, mentions or references
/// of what is in code, which a backslash before a character does not keep them from. The fence is
/// longer than any within.
pub fn code_span(text: &str) -> String {
    let text = escape(text).replace('|', "\\|");
    if text.trim().is_empty() {
        return String::new();
    }
    let (mut longest, mut run) = (0, 0);
    for character in text.chars() {
        run = if character == '`' { run + 1 } else { 0 };
        longest = longest.max(run);
    }
    let fence = "`".repeat(longest + 1);
    let edge = if text.starts_with('`') || text.ends_with('`') {
        " "
    } else {
        ""
    };
    format!("{fence}{edge}{text}{edge}{fence}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_from_outside_is_no_markup() {
        assert_eq!(
            xml_text("a<b c=\"]]>\">&\u{0}\u{ffff}\n"),
            "a&lt;b c=&quot;]]&gt;&quot;&gt;&amp;\\u{0}\u{fffd}\\n"
        );
        assert_eq!(code_span("@team <b> [x](y)"), "`@team <b> [x](y)`");
        assert_eq!(code_span("a|b\n| c"), "`a\\|b\\n\\| c`");
        assert_eq!(code_span("``x`"), "``` ``x` ```");
        assert_eq!(code_span(" "), "");
    }
}
