//! The lines of a go.mod, as the parser of Go reads them.
//!
//! Go Modules Reference, <https://go.dev/ref/mod#go-mod-file-lexical>, and `modfile` of
//! golang.org/x/mod v0.36. Raw strings are read, as the reference says; `modfile` refuses them.

/// A directive with its arguments, and whether a comment says that nothing of the main module needs
/// it itself.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Statement {
    pub(super) line: usize,
    pub(super) verb: String,
    pub(super) arguments: Vec<String>,
    pub(super) indirect: bool,
}

/// The statements, those in blocks each with the directive of their block, and the numbers of the
/// lines that cannot be read.
pub(super) fn parse(text: &str) -> (Vec<Statement>, Vec<usize>) {
    let mut statements = Vec::new();
    let mut unread = Vec::new();
    let mut block: Option<(usize, String)> = None;
    for (line, text) in (1..).zip(text.split('\n')) {
        let Some((tokens, comment)) = tokens(text) else {
            unread.push(line);
            continue;
        };
        let mut statement = |verb: &str, arguments: &[Token]| {
            statements.push(Statement {
                line,
                verb: verb.to_owned(),
                arguments: arguments.iter().map(|token| token.text.clone()).collect(),
                indirect: is_indirect(comment),
            });
        };
        match (&block, tokens.as_slice()) {
            (_, []) => {}
            (Some(_), [end]) if end.is_sign(")") => block = None,
            (Some((_, verb)), arguments) => statement(verb, arguments),
            (None, [verb, start]) if start.is_sign("(") => block = Some((line, verb.text.clone())),
            (None, [_, start, end]) if start.is_sign("(") && end.is_sign(")") => {}
            (None, [verb, arguments @ ..]) => statement(&verb.text, arguments),
        }
    }
    unread.extend(block.map(|(line, _)| line));
    (statements, unread)
}

struct Token {
    text: String,
    quoted: bool,
}

impl Token {
    fn is_sign(&self, sign: &str) -> bool {
        !self.quoted && self.text == sign
    }
}

/// The tokens of a line and its comment; `None` if it has something that is none.
fn tokens(line: &str) -> Option<(Vec<Token>, &str)> {
    let mut tokens = Vec::new();
    let mut rest = line.trim_start_matches(SPACES);
    while let Some(first) = rest.chars().next() {
        if let Some(comment) = rest.strip_prefix("//") {
            return Some((tokens, comment));
        }
        let (token, after) = match first {
            '"' | '`' => string(rest)?,
            '(' | ')' | '[' | ']' | '{' | '}' | ',' => word(rest, first.len_utf8())?,
            _ => word(rest, end_of_word(rest))?,
        };
        tokens.push(token);
        rest = after.trim_start_matches(SPACES);
    }
    Some((tokens, ""))
}

const SPACES: [char; 3] = [' ', '\t', '\r'];

fn word(text: &str, end: usize) -> Option<(Token, &str)> {
    let (word, rest) = text.split_at_checked(end)?;
    // Other quotes stand for nothing, so that Go can give them a meaning.
    let readable = !word.is_empty() && !word.contains(['"', '\'', '`']) && !word.contains("/*");
    let token = Token {
        text: word.to_owned(),
        quoted: false,
    };
    readable.then_some((token, rest))
}

fn end_of_word(text: &str) -> usize {
    let ends = |c: char| c.is_whitespace() || c.is_control() || "()[]{},".contains(c);
    let word = text.split(ends).next().unwrap_or_default();
    let comment = word.find("//");
    comment.unwrap_or(word.len())
}

/// A quoted string. Of the escapes of Go only those that a path can need are read.
fn string(text: &str) -> Option<(Token, &str)> {
    let mut value = String::new();
    let mut characters = text.char_indices();
    let (_, quote) = characters.next()?;
    loop {
        let (at, character) = characters.next()?;
        if character == quote {
            let rest = text.get(at.checked_add(quote.len_utf8())?..)?;
            let token = Token {
                text: value,
                quoted: true,
            };
            return Some((token, rest));
        }
        let escaped = character == '\\' && quote == '"';
        value.push(if escaped {
            characters
                .next()
                .map(|(_, next)| next)
                .filter(|next| "\"\\".contains(*next))?
        } else {
            character
        });
    }
}

fn is_indirect(comment: &str) -> bool {
    let mut words = comment.split_whitespace();
    matches!(
        (words.next(), words.next()),
        (Some("indirect"), None) | (Some("indirect;"), Some(_))
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn show(text: &str) -> Vec<String> {
        let (statements, unread) = parse(text);
        let statements = statements.into_iter().map(|one| {
            let indirect = if one.indirect { " indirect" } else { "" };
            format!("{} {} {:?}{indirect}", one.line, one.verb, one.arguments)
        });
        let unread = unread.into_iter().map(|line| format!("{line} unread"));
        statements.chain(unread).collect()
    }

    #[test]
    fn lines_and_blocks_are_statements() {
        let text = "module \"example.test/a b\" // indirect\r\n\
            // go 1.0\n\
            require (\n\
            \ta.test/x v1.0.0\n\n\
            \t`a.test/y` v1.0.0// indirect\n\
            \ta.test/z v1.0.0 // indirect; for tests\n\
            \ta.test/w v1.0.0 // indirectly\n\
            )\n\
            exclude ( ) // none\n\
            replace a.test/x => \"..\\\\x\"\n\
            retract [v1.0.0, v1.1.0]";
        assert_eq!(
            show(text),
            [
                r#"1 module ["example.test/a b"] indirect"#,
                r#"4 require ["a.test/x", "v1.0.0"]"#,
                r#"6 require ["a.test/y", "v1.0.0"] indirect"#,
                r#"7 require ["a.test/z", "v1.0.0"] indirect"#,
                r#"8 require ["a.test/w", "v1.0.0"]"#,
                r#"11 replace ["a.test/x", "=>", "..\\x"]"#,
                r#"12 retract ["[", "v1.0.0", ",", "v1.1.0", "]"]"#,
            ]
        );
    }

    #[test]
    fn what_is_no_line_is_not_read() {
        for line in [
            "module \"a",
            "module `a",
            "module \"a\\n\"",
            "module 'a'",
            "module a\"b\"",
            "module /* a */ b",
            "module \u{7}",
            "require (",
        ] {
            assert_eq!(show(line), ["1 unread"], "{line}");
        }
        // A quoted parenthesis opens nothing.
        assert_eq!(show("x \"(\""), [r#"1 x ["("]"#]);
    }
}
