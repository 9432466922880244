//! Words of expressions.

use super::ExpressionError;
use super::ast::At;

/// A word of an expression.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Token {
    /// A name, which may be a word that the language keeps for itself.
    Name(String),
    /// A whole number as it is written.
    Int(String),
    /// The same with a `u` after it.
    Uint(String),
    Double(f64),
    Text(String),
    /// An operator or a bracket.
    Sign(&'static str),
    End,
}

/// Every sign, longer ones before those that they begin with.
const SIGNS: &[&str] = &[
    "&&", "||", "==", "!=", "<=", ">=", "<", ">", "+", "-", "*", "/", "%", "!", "?", ":", ".", ",",
    "(", ")", "[", "]", "{", "}",
];

/// The words of an expression, each with its place; the last one is the end.
pub(super) fn words(text: &str) -> Result<Vec<(Token, At)>, ExpressionError> {
    let mut lexer = Lexer {
        rest: text,
        at: At { line: 1, column: 1 },
    };
    let mut words = Vec::new();
    loop {
        lexer.skip_blank();
        let at = lexer.at;
        let token = lexer.next(at)?;
        let is_end = token == Token::End;
        words.push((token, at));
        if is_end {
            return Ok(words);
        }
    }
}

struct Lexer<'t> {
    rest: &'t str,
    at: At,
}

impl<'t> Lexer<'t> {
    fn peek(&self) -> Option<char> {
        self.rest.chars().next()
    }

    fn take(&mut self) -> Option<char> {
        let char = self.peek()?;
        self.rest = self.rest.get(char.len_utf8()..).unwrap_or_default();
        if char == '\n' {
            self.at.line += 1;
            self.at.column = 1;
        } else {
            self.at.column += 1;
        }
        Some(char)
    }

    fn take_if(&mut self, prefix: &str) -> bool {
        let found = self.rest.starts_with(prefix);
        if found {
            for _ in prefix.chars() {
                self.take();
            }
        }
        found
    }

    fn take_while(&mut self, is: impl Fn(char) -> bool) -> &'t str {
        let all = self.rest;
        while self.peek().is_some_and(&is) {
            self.take();
        }
        let length = all.len().saturating_sub(self.rest.len());
        all.get(..length).unwrap_or_default()
    }

    fn skip_blank(&mut self) {
        loop {
            self.take_while(char::is_whitespace);
            if !self.rest.starts_with("//") {
                return;
            }
            self.take_while(|char| char != '\n');
        }
    }

    fn next(&mut self, at: At) -> Result<Token, ExpressionError> {
        let Some(char) = self.peek() else {
            return Ok(Token::End);
        };
        let is_point = char == '.' && {
            let second = self.rest.chars().nth(1);
            second.is_some_and(|char| char.is_ascii_digit())
        };
        if char.is_ascii_digit() || is_point {
            return self.number(at);
        }
        if let Some(text) = self.text(at)? {
            return Ok(Token::Text(text));
        }
        if char.is_ascii_alphabetic() || char == '_' {
            let is_part = |char: char| char.is_ascii_alphanumeric() || char == '_';
            return Ok(Token::Name(self.take_while(is_part).to_owned()));
        }
        match SIGNS.iter().find(|sign| self.take_if(sign)) {
            Some(sign) => Ok(Token::Sign(sign)),
            None => Err(ExpressionError::new(
                at,
                format!("`{}` means nothing here", char.escape_debug()),
            )),
        }
    }

    fn number(&mut self, at: At) -> Result<Token, ExpressionError> {
        let start = self.rest;
        let is_hex = self.rest.starts_with("0x") || self.rest.starts_with("0X");
        let mut is_double = false;
        if is_hex {
            self.take();
            self.take();
            self.take_while(|char| char.is_ascii_hexdigit());
        } else {
            let is_digit = |char: char| char.is_ascii_digit();
            self.take_while(is_digit);
            let mut next = self.rest.chars().skip(1);
            if self.peek() == Some('.') && next.next().is_some_and(is_digit) {
                is_double = true;
                self.take();
                self.take_while(is_digit);
            }
            if matches!(self.peek(), Some('e' | 'E')) {
                is_double = true;
                self.take();
                if matches!(self.peek(), Some('+' | '-')) {
                    self.take();
                }
                self.take_while(is_digit);
            }
        }
        let length = start.len().saturating_sub(self.rest.len());
        let digits = start.get(..length).unwrap_or_default().to_owned();
        let wrong = || ExpressionError::new(at, format!("`{digits}` is no number"));
        if is_double {
            let double: f64 = digits.parse().map_err(|_| wrong())?;
            return double
                .is_finite()
                .then_some(Token::Double(double))
                .ok_or_else(wrong);
        }
        if matches!(self.peek(), Some('u' | 'U')) {
            self.take();
            return Ok(Token::Uint(digits));
        }
        Ok(Token::Int(digits))
    }

    /// A text between quotes, if one begins here.
    fn text(&mut self, at: At) -> Result<Option<String>, ExpressionError> {
        let letters = self
            .rest
            .chars()
            .take_while(char::is_ascii_alphabetic)
            .take(3);
        let prefix: String = letters.collect();
        let after = self.rest.get(prefix.len()..).unwrap_or_default();
        let quoted = after.starts_with(['"', '\'']);
        let lower = prefix.to_ascii_lowercase();
        if !quoted || !matches!(lower.as_str(), "" | "r" | "b" | "br" | "rb") {
            return Ok(None);
        }
        if lower.contains('b') {
            let reason = "bytes are not supported: statements are JSON, which has none";
            return Err(ExpressionError::new(at, reason));
        }
        self.take_if(&prefix);
        let quote = ["\"\"\"", "'''", "\"", "'"]
            .into_iter()
            .find(|quote| self.take_if(quote))
            .unwrap_or("\"");
        let mut out = String::new();
        loop {
            if self.take_if(quote) {
                return Ok(Some(out));
            }
            let here = self.at;
            match self.take() {
                None => return Err(ExpressionError::new(at, "this text does not end")),
                Some('\n') if quote.len() == 1 => {
                    return Err(ExpressionError::new(
                        at,
                        "this text does not end on its line",
                    ));
                }
                Some('\\') if lower.is_empty() => out.push(self.escape(here)?),
                Some(char) => out.push(char),
            }
        }
    }

    fn escape(&mut self, at: At) -> Result<char, ExpressionError> {
        let wrong = || ExpressionError::new(at, "no escape of CEL begins here");
        let char = self.take().ok_or_else(wrong)?;
        let (radix, length) = match char {
            'a' => return Ok('\u{7}'),
            'b' => return Ok('\u{8}'),
            'f' => return Ok('\u{c}'),
            'n' => return Ok('\n'),
            'r' => return Ok('\r'),
            't' => return Ok('\t'),
            'v' => return Ok('\u{b}'),
            '\\' | '?' | '"' | '\'' | '`' => return Ok(char),
            'x' | 'X' => (16, 2),
            'u' => (16, 4),
            'U' => (16, 8),
            '0'..='3' => (8, 2),
            _ => return Err(wrong()),
        };
        let mut number = char.to_digit(4).filter(|_| radix == 8).unwrap_or(0);
        for _ in 0..length {
            let digit = self.take().and_then(|char| char.to_digit(radix));
            let more = number.checked_mul(radix).zip(digit);
            number = more
                .and_then(|(number, digit)| number.checked_add(digit))
                .ok_or_else(wrong)?;
        }
        char::from_u32(number).ok_or_else(wrong)
    }
}
