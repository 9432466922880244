//! Reads terms as Erlang and Elixir write them in files, without evaluating anything.
//!
//! Erlang: what `file:consult` reads, <https://www.erlang.org/docs/27/system/data_types.html>. Elixir: what
//! `inspect` writes, <https://hexdocs.pm/elixir/1.18.4/syntax-reference.html>. Deviations: no functions, no
//! improper lists, no interpolation, and of binaries only texts and bytes; what has them is refused.

mod reader;
mod text;

use reader::{Reader, Refused};

/// A term.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Term {
    /// `hex`, `:hex`.
    Atom(String),
    /// A string, or a binary that holds one.
    Text(String),
    /// As it is written; nobody counts with it.
    Number(String),
    Tuple(Vec<Term>),
    List(Vec<Term>),
    Map(Vec<(Term, Term)>),
}

/// Whose way of writing it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Language {
    /// Terms that each end with a full stop.
    Erlang,
    /// One term.
    Elixir,
}

impl Term {
    /// All terms of a text; the reason says in which line it is something else.
    pub(super) fn read(text: &str, language: Language) -> Result<Vec<Self>, String> {
        let mut reader = Reader::new(text, language);
        reader.file().map_err(|Refused(reason)| {
            let read = text.len().saturating_sub(reader.rest.as_str().len());
            let lines = text.get(..read).unwrap_or_default().matches('\n').count();
            format!("{reason}, line {}", lines.saturating_add(1))
        })
    }

    pub(super) fn as_atom(&self) -> Option<&str> {
        match self {
            Self::Atom(name) => Some(name),
            _ => None,
        }
    }

    pub(super) fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    pub(super) fn as_tuple(&self) -> Option<&[Self]> {
        match self {
            Self::Tuple(terms) => Some(terms),
            _ => None,
        }
    }

    pub(super) fn as_list(&self) -> Option<&[Self]> {
        match self {
            Self::List(terms) => Some(terms),
            _ => None,
        }
    }

    /// Of a list of pairs the first with this atom.
    pub(super) fn property(&self, name: &str) -> Option<&Self> {
        let pairs = self.as_list()?.iter().filter_map(Self::as_tuple);
        pairs.into_iter().find_map(|pair| match pair {
            [key, value] if key.as_atom() == Some(name) => Some(value),
            _ => None,
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn elixir(text: &str) -> Result<Vec<Term>, String> {
        Term::read(text, Language::Elixir)
    }

    fn erlang(text: &str) -> Result<Vec<Term>, String> {
        Term::read(text, Language::Erlang)
    }

    fn atom(name: &str) -> Term {
        Term::Atom(name.to_owned())
    }

    fn text(text: &str) -> Term {
        Term::Text(text.to_owned())
    }

    #[test]
    fn elixir_has_keywords_and_comments() {
        let read =
            elixir("# made\n%{\n  \"a\": {:hex, :\"b c\", [only: nil, x: \"\\u{e9}\\#\"]},\n}\n");
        let options = Term::List(vec![
            Term::Tuple(vec![atom("only"), atom("nil")]),
            Term::Tuple(vec![atom("x"), text("é#")]),
        ]);
        let tuple = Term::Tuple(vec![atom("hex"), atom("b c"), options]);
        assert_eq!(read, Ok(vec![Term::Map(vec![(atom("a"), tuple)])]));
        assert_eq!(elixir(""), Ok(vec![]));
        assert_eq!(
            elixir("%{\"k\" => Some.Module, 1 => :a}"),
            Ok(vec![Term::Map(vec![
                (text("k"), atom("Some.Module")),
                (Term::Number("1".to_owned()), atom("a")),
            ])])
        );
    }

    #[test]
    fn erlang_joins_texts_and_ends_terms_with_a_full_stop() {
        let read = erlang(
            "%% made\n{'A b',\"x\"\n \"y\",<<\"z\"/utf8>>,<<104, 105>>,<<>>}.\n[-1.5e-3,16#fF,$a,$\\n].",
        );
        let numbers = ["-1.5e-3", "16#fF", "97", "10"].map(|one| Term::Number(one.to_owned()));
        assert_eq!(
            read,
            Ok(vec![
                Term::Tuple(vec![
                    atom("A b"),
                    text("xy"),
                    text("z"),
                    text("hi"),
                    text("")
                ]),
                Term::List(numbers.to_vec()),
            ])
        );
        assert_eq!(
            erlang("#{a => \"\\x{e9}\\101\"}.").map(|terms| terms.len()),
            Ok(1)
        );
    }

    #[test]
    fn what_is_no_term_is_refused_with_its_line() {
        for (given, reason) in [
            ("[a]", "a term does not end with a full stop, line 1"),
            ("{a,\n b\n", "terms are not separated, line 3"),
            ("{a,", "no term, line 1"),
            ("\n\"a", "a text does not end, line 2"),
            ("<<1:16>>.", "a binary of other parts, line 1"),
            ("<<256>>.", "a binary of other parts, line 1"),
            (
                "fun() -> a end.",
                "a term does not end with a full stop, line 1",
            ),
            ("#{a}.", "a key of a map has no value, line 1"),
            ("\"\\x{d800}\".", "no character, line 1"),
            ("A.", "no term, line 1"),
        ] {
            assert_eq!(erlang(given), Err(reason.to_owned()), "{given}");
        }
        assert_eq!(
            elixir("[] []"),
            Err("more than one term, line 1".to_owned())
        );
        assert_eq!(
            elixir("\"#{System.halt()}\""),
            Err("a text is computed, line 1".to_owned())
        );
    }

    #[test]
    fn deep_nesting_is_refused() {
        let deep = |levels: usize| format!("{}{}.", "[".repeat(levels), "]".repeat(levels));
        assert!(erlang(&deep(64)).is_ok());
        for levels in [65, 100_000] {
            let refused = Err("terms are nested too deeply, line 1".to_owned());
            assert_eq!(erlang(&deep(levels)), refused);
        }
        assert!(elixir(&"[a: ".repeat(100_000)).is_err());
    }

    fn terms() -> impl Strategy<Value = Term> {
        let leaf = prop_oneof![
            "[a-z][a-zA-Z0-9_@]{0,8}".prop_map(Term::Atom),
            "[ -~äß\n]{0,12}".prop_map(Term::Text),
            "(-?[0-9]{1,9}|[0-9]{1,3}\\.[0-9]{1,3})".prop_map(Term::Number),
        ];
        leaf.prop_recursive(5, 64, 6, |inner| {
            let many = prop::collection::vec(inner.clone(), 0..6);
            prop_oneof![
                many.clone().prop_map(Term::Tuple),
                many.prop_map(Term::List),
                prop::collection::vec((inner.clone(), inner), 0..4).prop_map(Term::Map),
            ]
        })
    }

    fn write(term: &Term, language: Language) -> String {
        let all = |terms: &[Term]| -> String {
            let written: Vec<_> = terms.iter().map(|term| write(term, language)).collect();
            written.join(", ")
        };
        let (colon, sign) = match language {
            Language::Erlang => ("", "#"),
            Language::Elixir => (":", "%"),
        };
        match term {
            Term::Atom(name) => format!("{colon}{name}"),
            Term::Text(text) => {
                let escaped = text
                    .replace('\\', "\\\\")
                    .replace('"', "\\\"")
                    .replace('#', "\\#");
                format!("\"{escaped}\"")
            }
            Term::Number(number) => number.clone(),
            Term::Tuple(terms) => format!("{{{}}}", all(terms)),
            Term::List(terms) => format!("[{}]", all(terms)),
            Term::Map(pairs) => {
                let pair = |(key, value): &(Term, Term)| {
                    format!("{} => {}", write(key, language), write(value, language))
                };
                let pairs: Vec<_> = pairs.iter().map(pair).collect();
                format!("{sign}{{{}}}", pairs.join(","))
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn what_is_written_is_read_back(term in terms()) {
            let text = write(&term, Language::Elixir);
            prop_assert_eq!(elixir(&text), Ok(vec![term.clone()]), "{}", text);
            let text = format!("{} .", write(&term, Language::Erlang));
            prop_assert_eq!(erlang(&text), Ok(vec![term]), "{}", text);
        }

        #[test]
        fn random_texts_never_panic(text in "[\\[\\]{}<>\"'%#:,.$a-c0-2/\\\\ux \n=-]{0,40}") {
            for language in [Language::Erlang, Language::Elixir] {
                let _read = Term::read(&text, language);
            }
        }
    }
}
