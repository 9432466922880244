//! Which licences a component may have.

use std::fmt;

use spdx::expression::{ExprNode, Operator};
use spdx::{AdditionItem, Expression, LicenseItem, LicenseReq};

use crate::license_expression::{NO_LICENSES, PREFIXES, parse};
use crate::pattern::Pattern;

/// The word for licences that nobody told, or told in words of their own.
const UNKNOWN: &str = "unknown";

/// A licence in a policy: an SPDX identifier, a pattern over those, `LicenseRef-NAME` or `unknown`.
#[derive(Clone, Debug)]
pub struct LicensePattern {
    text: String,
    meaning: Meaning,
}

#[derive(Clone, Debug)]
enum Meaning {
    Unknown,
    Named(Named),
    Like {
        like: Pattern,
        /// The same in lower case, for what documents name.
        folded: Pattern,
    },
}

/// An identifier without what it says of later versions.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Named {
    base: String,
    or_later: bool,
    list: List,
}

/// Whose name it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum List {
    Spdx,
    /// Of SPDX too; those of the GNU project say of later versions in their names.
    Gnu,
    /// The document's own, `LicenseRef-NAME`.
    Document,
}

impl LicensePattern {
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let meaning = if text == UNKNOWN {
            Meaning::Unknown
        } else if text.contains('*') {
            let like = Pattern::Glob(text.to_owned());
            let listed = spdx::identifiers::LICENSES.iter().map(|one| one.name);
            let mut listed = listed.filter(|name| !NO_LICENSES.contains(name));
            let known = is_of_document(text) || listed.any(|name| like.matches(name));
            if !known {
                return Err(format!("no SPDX identifier is like `{text}`"));
            }
            let folded = Pattern::Glob(text.to_ascii_lowercase());
            Meaning::Like { like, folded }
        } else {
            let expression = parse(text);
            let mut requirements = expression.iter().flat_map(Expression::requirements);
            match (requirements.next(), requirements.next()) {
                (Some(one), None) if one.req.addition.is_none() => {
                    Meaning::Named(Named::of(&one.req.license))
                }
                _ => {
                    return Err(format!(
                        "`{text}` is no SPDX identifier, `LicenseRef-NAME` or `{UNKNOWN}`"
                    ));
                }
            }
        };
        Ok(Self {
            text: text.to_owned(),
            meaning,
        })
    }

    /// Whether somebody who has this licence has one of these. With an exception one may do more, so
    /// that it is not looked at; other additions are words of their own.
    fn allows(&self, found: &LicenseReq) -> bool {
        if matches!(found.addition, Some(AdditionItem::Other(_))) {
            return matches!(self.meaning, Meaning::Unknown);
        }
        let named = Named::of(&found.license);
        match &self.meaning {
            Meaning::Unknown => false,
            // Whoever may take a later version may take this one.
            Meaning::Named(own) => own.base == named.base && (named.or_later || !own.or_later),
            // What a document calls its own may end like anything.
            Meaning::Like { like, .. } => {
                (named.list != List::Document || is_of_document(&self.text)) && named.is_like(like)
            }
        }
    }

    /// Whether this licence is meant, of that version or later, with an exception or without.
    fn denies(&self, found: &LicenseReq) -> bool {
        let named = Named::of(&found.license);
        match &self.meaning {
            Meaning::Unknown => matches!(found.addition, Some(AdditionItem::Other(_))),
            Meaning::Named(own) => {
                let mut bases = named.in_documents();
                own.base == named.base || bases.any(|base| base.eq_ignore_ascii_case(&own.base))
            }
            Meaning::Like { like, folded } => {
                let mut bases = named.in_documents();
                let is_like = |base: &str| folded.matches(&base.to_ascii_lowercase());
                named.is_like(like) || bases.any(is_like)
            }
        }
    }

    fn is_unknown(&self) -> bool {
        matches!(self.meaning, Meaning::Unknown)
    }
}

/// Whether a pattern is over what documents call their own licences.
fn is_of_document(text: &str) -> bool {
    PREFIXES.iter().any(|prefix| text.starts_with(prefix))
}

impl fmt::Display for LicensePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Named {
    fn of(license: &LicenseItem) -> Self {
        let (id, or_later) = match license {
            LicenseItem::Spdx { id, or_later } => (id, *or_later),
            LicenseItem::Other(reference) => {
                return Self {
                    base: reference.to_string(),
                    or_later: false,
                    list: List::Document,
                };
            }
        };
        let mut base = id.name;
        let mut later = or_later;
        if id.is_gnu() {
            // `GPL-2.0-with-classpath-exception` was replaced by an expression.
            base = base.split("-with-").next().unwrap_or(base);
            if let Some(cut) = base.strip_suffix("-or-later") {
                (base, later) = (cut, true);
            }
            base = base.strip_suffix("-only").unwrap_or(base);
            if let Some(cut) = base.strip_suffix('+') {
                (base, later) = (cut, true);
            }
        }
        Self {
            base: base.to_owned(),
            or_later: later,
            list: if id.is_gnu() { List::Gnu } else { List::Spdx },
        }
    }

    /// What a document's own name is compared with, letter case aside: itself, and what it is in the
    /// other document that it names.
    fn in_documents(&self) -> impl Iterator<Item = &str> {
        let own = (self.list == List::Document).then_some(self.base.as_str());
        let within = own.and_then(|base| Some(base.split_once(':')?.1));
        own.into_iter().chain(within)
    }

    /// How patterns may have been meant: as SPDX writes it now, and as it was written.
    fn is_like(&self, like: &Pattern) -> bool {
        let base = &self.base;
        let endings: &[&str] = match (self.list, self.or_later) {
            (List::Gnu, true) => &["", "+", "-or-later"],
            (List::Gnu, false) => &["", "-only"],
            (_, true) => &["", "+"],
            (_, false) => &[""],
        };
        let mut endings = endings.iter();
        endings.any(|ending| like.matches(&format!("{base}{ending}")))
    }
}

/// Which licences there may be.
#[derive(Clone, Debug, Default)]
pub struct LicenseRule {
    /// Those that are allowed; empty means any that is not denied.
    pub allow: Vec<LicensePattern>,
    /// Those that are not.
    pub deny: Vec<LicensePattern>,
}

impl LicenseRule {
    pub(super) fn is_empty(&self) -> bool {
        self.allow.is_empty() && self.deny.is_empty()
    }

    /// Whether a component with this text for a licence may be there: whether its licensee can
    /// choose licences that may.
    pub(super) fn accepts(&self, text: &str) -> bool {
        let Some(accepted) = parse(text).and_then(|known| self.choose(&known)) else {
            return self.accepts_unknown() && !self.denies_word_of(text);
        };
        accepted
    }

    /// Whether a text that is no expression names a licence that is denied. What is around it cannot
    /// be read, so that nobody knows what else a licensee may choose.
    fn denies_word_of(&self, text: &str) -> bool {
        let is_word = |letter: char| letter.is_ascii_alphanumeric() || ".+-".contains(letter);
        // With the document that a licence is of, and without.
        let words = text.split(|letter| !is_word(letter));
        let words = words.chain(text.split(|letter| !is_word(letter) && letter != ':'));
        // As it stands, or without what does not belong to it.
        let words = words.flat_map(|word| [word, word.trim_matches(['.', '-', '+', ':'])]);
        let mut words = words.filter_map(parse);
        words.any(|word| {
            let mut found = word.requirements();
            found.any(|one| self.deny.iter().any(|license| license.denies(&one.req)))
        })
    }

    /// Whether a text that was told beside a component's licence names one that is denied.
    pub(super) fn denies(&self, text: &str) -> bool {
        let named = self.deny.iter().filter(|license| !license.is_unknown());
        let rule = Self {
            allow: Vec::new(),
            deny: named.cloned().collect(),
        };
        !rule.accepts(text)
    }

    pub(super) fn accepts_unknown(&self) -> bool {
        let denied = self.deny.iter().any(LicensePattern::is_unknown);
        let allowed = self.allow.is_empty() || self.allow.iter().any(LicensePattern::is_unknown);
        allowed && !denied
    }

    /// Either side of OR, both of AND; the expression comes in postfix order.
    fn choose(&self, expression: &Expression) -> Option<bool> {
        let mut held = Vec::new();
        for node in expression.iter() {
            let next = match node {
                ExprNode::Req(one) => {
                    let allowed = self.allow.is_empty()
                        || self.allow.iter().any(|license| license.allows(&one.req));
                    allowed && !self.deny.iter().any(|license| license.denies(&one.req))
                }
                ExprNode::Op(operator) => {
                    let (right, left) = (held.pop()?, held.pop()?);
                    match operator {
                        Operator::And => left && right,
                        Operator::Or => left || right,
                    }
                }
            };
            held.push(next);
        }
        held.pop().filter(|_| held.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::license_expression::LENGTH;

    fn rule(allow: &[&str], deny: &[&str]) -> LicenseRule {
        let read = |texts: &[&str]| {
            let patterns = texts
                .iter()
                .map(|text| LicensePattern::parse(text).unwrap());
            patterns.collect()
        };
        LicenseRule {
            allow: read(allow),
            deny: read(deny),
        }
    }

    #[test]
    fn a_licensee_chooses_among_what_is_allowed() {
        let rule = rule(
            &["MIT", "Apache-2.0", "GPL-2.0-only", "LicenseRef-Acme-*"],
            &[],
        );
        for (text, expected) in [
            ("MIT", true),
            ("mit", true),
            (" MIT ", true),
            ("MIT OR GPL-3.0-only", true),
            ("GPL-3.0-only OR MIT", true),
            ("MIT AND GPL-3.0-only", false),
            ("MIT AND Apache-2.0", true),
            ("(MIT OR GPL-3.0-only) AND Apache-2.0", true),
            ("MIT OR GPL-3.0-only AND BSD-3-Clause", true),
            ("(MIT OR GPL-3.0-only) AND BSD-3-Clause", false),
            ("Apache-2.0 WITH LLVM-exception", true),
            ("Apache-2.0+", true),
            ("GPL-2.0-or-later", true),
            ("GPL-2.0+", true),
            ("GPL-2.0", true),
            ("GPL-3.0-or-later", false),
            ("LicenseRef-Acme-EULA", true),
            ("LicenseRef-Other", false),
            ("DocumentRef-x:LicenseRef-Acme-EULA", false),
            ("MIT WITH AdditionRef-no-fishing", false),
            ("", false),
            ("NONE", false),
            ("NOASSERTION", false),
            ("MIT License", false),
            ("MIT OR", false),
            ("(MIT", false),
            ("()", false),
        ] {
            assert_eq!(rule.accepts(text), expected, "{text}");
        }
    }

    #[test]
    fn what_is_denied_is_so_in_every_spelling() {
        let one = rule(&[], &["GPL-3.0-only", "AGPL-*"]);
        for (text, expected) in [
            ("GPL-3.0-only", false),
            ("gpl-3.0-ONLY", false),
            ("GPL-3.0", false),
            ("GPL-3.0+", false),
            ("GPL-3.0-or-later", false),
            ("GPL-3.0-only WITH GCC-exception-3.1", false),
            ("GPL-3.0-with-GCC-exception", false),
            ("GPL-3.0-only OR MIT", true),
            ("GPL-3.0-only AND MIT", false),
            ("AGPL-3.0", false),
            ("AGPL-3.0-or-later", false),
            ("LGPL-3.0-only", true),
            ("GPL-2.0-only", true),
            ("something else", true),
            ("AGPL-3.0-only AND Foo", false),
            ("AGPL-3.0-only And MIT", false),
            ("agpl-3.0-only oR MIT", true),
            ("AGPL-3.0-only/MIT", false),
            ("(AGPL-3.0-only", false),
            ("AGPL-3.0-only WITH x", false),
            ("agpl-3.0-only\rAND MIT", false),
            ("agpl-3.0-only\u{a0}or MIT", true),
            ("see agpl-3.0, or ask.", false),
            ("AGPL-3.0-only++", false),
            ("+AGPL-3.0-only", false),
            ("AGPL-3.0-or-later+", false),
            ("MIT AND Foo", true),
        ] {
            assert_eq!(one.accepts(text), expected, "{text}");
        }
        let unknown = rule(&[], &["unknown"]);
        assert!(!unknown.accepts("something else") && !unknown.accepts_unknown());
        assert!(!unknown.accepts("MIT WITH AdditionRef-x"));
        assert!(
            unknown.accepts("LicenseRef-x"),
            "it is told, in the document"
        );
        let told = rule(&["unknown"], &["AGPL-*"]);
        assert!(told.accepts("something else") && !told.accepts("AGPL-3.0-only AND Foo"));
        let both = rule(&["*"], &["MIT"]);
        assert!(!both.accepts("MIT") && both.accepts("MIT OR ISC"));
        assert!(!both.accepts("something else"));
    }

    #[test]
    fn a_pattern_means_listed_identifiers_and_what_they_say_of_versions() {
        let only = rule(&["*-only"], &[]);
        for (text, expected) in [
            ("GPL-2.0-only", true),
            ("GPL-2.0", true),
            ("GPL-2.0-or-later", false),
            ("MIT", false),
            ("LicenseRef-mine-only", false),
        ] {
            assert_eq!(only.accepts(text), expected, "{text}");
        }
        let any = rule(&["*"], &[]);
        assert!(any.accepts("MIT") && !any.accepts("LicenseRef-mine"));
        let told = rule(&[], &["unknown"]);
        for text in ["NOASSERTION", "noassertion", "NOASSERTION AND MIT", "NONE"] {
            assert!(!any.accepts(text) && !told.accepts(text), "{text}");
        }
        let own = rule(&[], &["LicenseRef-*"]);
        assert!(!own.accepts("LicenseRef-mine") && own.accepts("MIT"));
        let one = rule(&[], &["LicenseRef-X"]);
        for text in [
            "LicenseRef-x",
            "licenseref-x",
            "DocumentRef-d:LicenseRef-X",
            "documentref-d:licenseref-x AND MIT",
            "DocumentRef-d:LicenseRef-X AND Foo",
        ] {
            assert!(!own.accepts(text) && !one.accepts(text), "{text}");
        }
        assert!(one.accepts("LicenseRef-y"));
    }

    #[test]
    fn only_licences_are_patterns() {
        for text in [
            "GPL3",
            "Apache 2.0",
            "MIT OR ISC",
            "",
            "Foo-*",
            "NOASSERTION",
            "NOASS*",
            "Apache-2.0 WITH LLVM-exception",
        ] {
            assert!(LicensePattern::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn hostile_expressions_cost_no_more_than_their_length() {
        let rule = rule(&["MIT"], &["GPL-*"]);
        for (text, expected) in [
            ("(".repeat(4000), false),
            ("MIT OR ".repeat(500), false),
            ("MIT AND ".repeat(500) + "MIT", true),
        ] {
            assert_eq!(rule.accepts(&text), expected);
        }
        assert!(!rule.accepts(&("(".repeat(1500) + "MIT" + &")".repeat(1500) + " AND ISC")));
        assert!(!rule.accepts(&format!("MIT OR {}", "x".repeat(LENGTH))));
        for (brackets, expected) in [(128, true), (129, false)] {
            let text = "(".repeat(brackets) + "MIT" + &")".repeat(brackets);
            assert_eq!(rule.accepts(&text), expected, "{brackets}");
        }
    }
}
