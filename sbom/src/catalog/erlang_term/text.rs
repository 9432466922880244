//! What terms are made of in the end: numbers, characters, strings and binaries.

use super::reader::{Reader, Refused};
use super::{Language, Term};

impl Reader<'_> {
    pub(super) fn number(&mut self) -> Term {
        let mut text = String::new();
        while let Some(next) = self.peek() {
            let after = self.rest.as_str().chars().nth(1);
            let is_part = match next {
                '.' => after.is_some_and(|after| after.is_ascii_digit()),
                '-' | '+' => text.is_empty() || text.ends_with(['e', 'E']),
                next => next.is_ascii_alphanumeric() || next == '_' || next == '#',
            };
            if !is_part {
                break;
            }
            text.push(next);
            self.rest.next();
        }
        Term::Number(text)
    }

    pub(super) fn character(&mut self) -> Result<Term, Refused> {
        self.rest.next();
        let letter = match self.rest.next() {
            Some('\\') => self.escaped()?,
            other => other,
        };
        let letter = letter.ok_or(Refused("no character"))?;
        Ok(Term::Number(u32::from(letter).to_string()))
    }

    /// `<<"text">>`, `<<"text"/utf8>>`, `<<116,101>>`.
    pub(super) fn binary(&mut self) -> Result<String, Refused> {
        self.expect("<<", "no binary")?;
        let mut bytes = Vec::new();
        loop {
            self.skip();
            if self.eat(">>") {
                return Ok(String::from_utf8_lossy(&bytes).into_owned());
            }
            if self.peek() == Some('"') {
                bytes.extend(self.texts()?.into_bytes());
                self.eat("/utf8");
            } else {
                let byte = self.take(|letter| letter.is_ascii_digit());
                bytes.push(
                    byte.parse()
                        .map_err(|_| Refused("a binary of other parts"))?,
                );
            }
            self.skip();
            if !self.eat(",") && !self.rest.as_str().starts_with(">>") {
                return Err(Refused("a binary of other parts"));
            }
        }
    }

    /// A string; Erlang joins those that follow each other, and breaks long ones so.
    pub(super) fn texts(&mut self) -> Result<String, Refused> {
        let mut text = self.quoted()?;
        while self.language == Language::Erlang {
            self.skip();
            if self.peek() != Some('"') {
                break;
            }
            text.push_str(&self.quoted()?);
        }
        Ok(text)
    }

    /// What stands between quotes like the one that comes first.
    pub(super) fn quoted(&mut self) -> Result<String, Refused> {
        let quote = self.rest.next();
        let mut text = String::new();
        loop {
            match self.rest.next() {
                None => return Err(Refused("a text does not end")),
                next if next == quote => return Ok(text),
                Some('\\') => text.extend(self.escaped()?),
                Some('#') if self.language == Language::Elixir && self.peek() == Some('{') => {
                    return Err(Refused("a text is computed"));
                }
                Some(letter) => text.push(letter),
            }
        }
    }

    /// The character that an escape stands for; none for a line that goes on.
    fn escaped(&mut self) -> Result<Option<char>, Refused> {
        let wrong = Refused("no character");
        let letter = match self.rest.next().ok_or(Refused("a text does not end"))? {
            '\n' if self.language == Language::Elixir => return Ok(None),
            'n' => '\n',
            't' => '\t',
            'r' => '\r',
            's' => ' ',
            'a' if self.language == Language::Elixir => '\u{7}',
            'b' => '\u{8}',
            'v' => '\u{b}',
            'f' => '\u{c}',
            'e' => '\u{1b}',
            'd' => '\u{7f}',
            'x' => return self.code(2).map(Some).ok_or(wrong),
            'u' if self.language == Language::Elixir => {
                return self.code(4).map(Some).ok_or(wrong);
            }
            digit if digit.is_digit(8) && self.language == Language::Erlang => {
                let more = self.take_at_most(2, |letter| letter.is_digit(8));
                let code = u32::from_str_radix(&format!("{digit}{more}"), 8);
                return code.ok().and_then(char::from_u32).map(Some).ok_or(wrong);
            }
            '0' => '\0',
            other => other,
        };
        Ok(Some(letter))
    }

    /// `{1F600}`, or digits without brackets.
    fn code(&mut self, most: usize) -> Option<char> {
        let bracket = self.eat("{");
        let most = if bracket { 6 } else { most };
        let digits = self.take_at_most(most, |letter| letter.is_ascii_hexdigit());
        if bracket && !self.eat("}") {
            return None;
        }
        char::from_u32(u32::from_str_radix(&digits, 16).ok()?)
    }
}
