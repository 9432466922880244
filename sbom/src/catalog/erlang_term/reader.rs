//! The structure of terms: brackets, commas and what stands between them.

use std::str::Chars;

use super::{Language, Term};

/// Levels. Stops files that exhaust the stack.
const DEPTH: usize = 64;
/// Terms of one file, of which a large lock file has thirty thousand. Stops many small things from
/// filling the memory.
const TERMS: usize = 1_000_000;

pub(super) struct Refused(pub(super) &'static str);

pub(super) struct Reader<'a> {
    pub(super) rest: Chars<'a>,
    pub(super) language: Language,
    terms: usize,
}

impl<'a> Reader<'a> {
    pub(super) fn new(text: &'a str, language: Language) -> Self {
        Self {
            rest: text.chars(),
            language,
            terms: 0,
        }
    }

    pub(super) fn file(&mut self) -> Result<Vec<Term>, Refused> {
        let mut terms = Vec::new();
        loop {
            self.skip();
            match (self.language, terms.is_empty()) {
                _ if self.rest.as_str().is_empty() => return Ok(terms),
                (Language::Elixir, false) => return Err(Refused("more than one term")),
                _ => terms.push(self.term(0)?),
            }
            if self.language == Language::Erlang {
                self.expect(".", "a term does not end with a full stop")?;
            }
        }
    }

    fn term(&mut self, depth: usize) -> Result<Term, Refused> {
        self.terms = self.terms.saturating_add(1);
        if depth >= DEPTH {
            return Err(Refused("terms are nested too deeply"));
        }
        if self.terms > TERMS {
            return Err(Refused("too many terms"));
        }
        self.skip();
        let erlang = self.language == Language::Erlang;
        let map = if erlang { "#{" } else { "%{" };
        if self.eat(map) {
            return self.map(depth.saturating_add(1));
        }
        match self.peek() {
            Some('{') => Ok(Term::Tuple(self.sequence('}', depth)?)),
            Some('[') => Ok(Term::List(self.sequence(']', depth)?)),
            Some('"') => Ok(Term::Text(self.texts()?)),
            Some('\'') if erlang => Ok(Term::Atom(self.quoted()?)),
            Some('<') if erlang => Ok(Term::Text(self.binary()?)),
            Some('$') if erlang => self.character(),
            Some(':') if !erlang => self.atom(),
            Some(letter) if letter.is_ascii_digit() || letter == '-' => Ok(self.number()),
            Some(letter) if letter.is_lowercase() || !erlang => self.word(),
            _ => Err(Refused("no term")),
        }
    }

    /// Terms up to a closing bracket. In Elixir, `key: value` is a pair.
    fn sequence(&mut self, close: char, depth: usize) -> Result<Vec<Term>, Refused> {
        self.rest.next();
        let mut terms = Vec::new();
        while !self.closes(close) {
            let term = self.term(depth.saturating_add(1))?;
            let term = if self.keyword(&term) {
                Term::Tuple(vec![as_key(term), self.term(depth.saturating_add(2))?])
            } else {
                term
            };
            terms.push(term);
            self.separate(close)?;
        }
        Ok(terms)
    }

    fn map(&mut self, depth: usize) -> Result<Term, Refused> {
        let mut pairs = Vec::new();
        while !self.closes('}') {
            let key = self.term(depth)?;
            let key = if self.keyword(&key) {
                as_key(key)
            } else {
                self.expect("=>", "a key of a map has no value")?;
                key
            };
            pairs.push((key, self.term(depth)?));
            self.separate('}')?;
        }
        Ok(Term::Map(pairs))
    }

    /// Whether what was read is the key of a pair, by the colon behind it.
    fn keyword(&mut self, term: &Term) -> bool {
        let may = matches!(term, Term::Atom(_) | Term::Text(_));
        let follows = |next: char| next.is_whitespace();
        let rest = self.rest.as_str().strip_prefix(':');
        let is = may
            && self.language == Language::Elixir
            && rest.is_some_and(|rest| rest.starts_with(follows));
        is && self.eat(":")
    }

    fn atom(&mut self) -> Result<Term, Refused> {
        self.rest.next();
        if self.peek() == Some('"') {
            return Ok(Term::Atom(self.quoted()?));
        }
        self.word()
    }

    pub(super) fn word(&mut self) -> Result<Term, Refused> {
        let is_part = |letter: char| letter.is_alphanumeric() || "_@?!".contains(letter);
        let mut name = self.take(is_part);
        // Names of modules have several parts; a full stop at the end is Erlang's.
        while self.language == Language::Elixir && !name.is_empty() && self.eat(".") {
            name.push('.');
            name.push_str(&self.take(is_part));
        }
        (!name.is_empty())
            .then_some(Term::Atom(name))
            .ok_or(Refused("no term"))
    }

    /// Spaces and comments.
    pub(super) fn skip(&mut self) {
        let comment = match self.language {
            Language::Erlang => '%',
            Language::Elixir => '#',
        };
        loop {
            self.rest = self.rest.as_str().trim_start().chars();
            if self.peek() != Some(comment) {
                return;
            }
            self.take(|letter| letter != '\n');
        }
    }

    fn closes(&mut self, close: char) -> bool {
        self.skip();
        self.eat(close.encode_utf8(&mut [0; 4]))
    }

    fn separate(&mut self, close: char) -> Result<(), Refused> {
        self.skip();
        if self.peek() == Some(close) {
            return Ok(());
        }
        self.expect(",", "terms are not separated")
    }

    pub(super) fn expect(&mut self, text: &str, reason: &'static str) -> Result<(), Refused> {
        self.skip();
        self.eat(text).then_some(()).ok_or(Refused(reason))
    }

    pub(super) fn eat(&mut self, text: &str) -> bool {
        let rest = self.rest.as_str().strip_prefix(text);
        rest.inspect(|rest| self.rest = rest.chars()).is_some()
    }

    pub(super) fn peek(&self) -> Option<char> {
        self.rest.clone().next()
    }

    pub(super) fn take(&mut self, is_part: impl Fn(char) -> bool) -> String {
        self.take_at_most(usize::MAX, is_part)
    }

    pub(super) fn take_at_most(&mut self, most: usize, is_part: impl Fn(char) -> bool) -> String {
        let text = self.rest.as_str();
        let taken = text
            .chars()
            .take(most)
            .take_while(|letter| is_part(*letter));
        let taken: String = taken.collect();
        self.rest = text.get(taken.len()..).unwrap_or_default().chars();
        taken
    }
}

/// `"name": value` and `name: value` have an atom for a key.
fn as_key(term: Term) -> Term {
    match term {
        Term::Text(name) => Term::Atom(name),
        other => other,
    }
}
