//! What our own statements have in common: bounds, order, and members that agree.
//!
//! Signed statements may be hostile too: a stolen key signs anything. Each bound is also in the
//! JSON Schemas of `docs/predicates`.

use std::collections::BTreeMap;
use std::fmt::Display;

use jiff::Timestamp;
use serde_json::value::RawValue;

use super::approval::PolicyBinding;
use crate::{Algorithm, Digest, Edge, Place, PredicateError, Scope, ScopeKind, Statement, scope};

/// Characters of a name, version, ticket or other short text. Stops pages flooded by one of them.
pub(in crate::predicate) const WORD: usize = 256;
/// Characters of a URL, the length that everything on the way takes.
pub(in crate::predicate) const ADDRESS: usize = 2048;
/// Characters of a reason or a note. Stops a statement that drowns what people have to read.
pub(in crate::predicate) const TEXT: usize = 4096;
/// Items of any list. Stops lists that are compared with other lists without end.
pub(in crate::predicate) const ITEMS: usize = 4096;
/// Highest number: the last that every JSON reader reads exactly (RFC 8259, section 6). Stops two
/// readers from seeing two sequences in one statement.
pub(in crate::predicate) const NUMBER: u64 = (1 << 53) - 1;

/// Checks one statement.
pub(super) struct Checks<'a> {
    kind: &'static str,
    statement: &'a Statement,
}

type Checked = Result<(), PredicateError>;

impl<'a> Checks<'a> {
    pub(super) fn new(kind: &'static str, statement: &'a Statement) -> Self {
        Self { kind, statement }
    }

    pub(super) fn refuse(&self, pointer: impl Display, expected: impl Display) -> PredicateError {
        PredicateError::Shape {
            kind: self.kind,
            reason: format!("{pointer}: expected {expected}"),
        }
    }

    /// Refuses any name in `crit` that is not among the members this reader understands.
    pub(super) fn critical(&self, crit: &[String], understood: &[&str]) -> Checked {
        self.items("/predicate/crit", crit)?;
        if let Some(name) = unknown(crit, understood) {
            return Err(PredicateError::Critical { name });
        }
        // Whoever calls a member critical and misspells it must not be read as if it said nothing.
        let said: BTreeMap<&str, &RawValue> = self
            .statement
            .predicate_json()
            .and_then(|json| serde_json::from_str(json).ok())
            .unwrap_or_default();
        match crit.iter().find(|name| !said.contains_key(name.as_str())) {
            Some(_) => Err(self.refuse("/predicate/crit", "names of members that are there")),
            None => Ok(()),
        }
    }

    /// A text that is not empty.
    pub(super) fn text(&self, pointer: impl Display, text: &str, limit: usize) -> Checked {
        match text.chars().nth(limit) {
            None if !text.is_empty() => Ok(()),
            _ => Err(self.refuse(pointer, format_args!("1 to {limit} characters"))),
        }
    }

    pub(super) fn texts(&self, pointer: &str, texts: &[String]) -> Checked {
        self.sorted(pointer, texts)?;
        texts
            .iter()
            .try_for_each(|text| self.text(pointer, text, WORD))
    }

    pub(super) fn optional(&self, pointer: &str, text: Option<&str>, limit: usize) -> Checked {
        text.map_or(Ok(()), |text| self.text(pointer, text, limit))
    }

    /// A sequence, version or serial.
    pub(super) fn number(&self, pointer: &str, number: u64) -> Checked {
        if (1..=NUMBER).contains(&number) {
            Ok(())
        } else {
            Err(self.refuse(pointer, format_args!("a whole number from 1 to {NUMBER}")))
        }
    }

    pub(super) fn items<T>(&self, pointer: impl Display, items: &[T]) -> Checked {
        if items.len() <= ITEMS {
            Ok(())
        } else {
            Err(self.refuse(pointer, format_args!("at most {ITEMS} items")))
        }
    }

    /// A list with one order, in which nothing occurs twice: it is a set.
    pub(super) fn sorted<T: Ord>(&self, pointer: impl Display, items: &[T]) -> Checked {
        self.items(&pointer, items)?;
        if items.is_sorted_by(|before, after| before < after) {
            Ok(())
        } else {
            Err(self.refuse(pointer, "items that are sorted, each once"))
        }
    }

    pub(super) fn some_sorted<T: Ord>(&self, pointer: impl Display, items: &[T]) -> Checked {
        if items.is_empty() {
            return Err(self.refuse(pointer, "at least one item"));
        }
        self.sorted(pointer, items)
    }

    /// A digest that others compare: with several algorithms one thing would have several names.
    pub(super) fn sha256(&self, pointer: impl Display, digest: &Digest) -> Checked {
        if digest.algorithm() == Algorithm::Sha256 {
            Ok(())
        } else {
            Err(self.refuse(pointer, "a sha256 digest"))
        }
    }

    pub(super) fn sha256_set(&self, pointer: &str, digests: &[Digest]) -> Checked {
        self.sorted(pointer, digests)?;
        digests
            .iter()
            .try_for_each(|digest| self.sha256(pointer, digest))
    }

    /// A statement that could never be used was meant to say something else.
    pub(super) fn window(&self, issued_at: Timestamp, not_after: Timestamp) -> Checked {
        if issued_at < not_after {
            Ok(())
        } else {
            Err(self.refuse("/predicate/notAfter", "a time later than `issuedAt`"))
        }
    }

    pub(super) fn place(&self, pointer: &str, place: &Place) -> Checked {
        let pointer = format!("{pointer}/audience");
        self.sorted(&pointer, &place.audience)?;
        place
            .audience
            .iter()
            .try_for_each(|cluster| self.text(&pointer, cluster, WORD))
    }

    pub(super) fn edge(&self, pointer: &str, edge: &Edge) -> Checked {
        self.place(&format!("{pointer}/to"), &edge.to)
    }

    pub(super) fn policy(&self, pointer: &str, policy: &PolicyBinding) -> Checked {
        self.text(format_args!("{pointer}/name"), &policy.name, WORD)?;
        if policy.version > NUMBER {
            let pointer = format!("{pointer}/version");
            return Err(self.refuse(pointer, format_args!("a whole number up to {NUMBER}")));
        }
        self.sha256(format_args!("{pointer}/digest"), &policy.digest)
    }

    /// Every subject has a sha256 digest, and none is a scope; or there is one subject, which is a
    /// scope of one of these kinds.
    pub(super) fn about(&self, kinds: &[ScopeKind]) -> Checked {
        for (index, subject) in self.statement.subjects().iter().enumerate() {
            let Some(digest) = subject.digest.sha256() else {
                return Err(self.refuse(format_args!("/subject/{index}/digest"), "a sha256 digest"));
            };
            let name = subject.name.as_deref().unwrap_or_default();
            if !scope::is_claimed(name) {
                continue;
            }
            let alone = self.statement.subjects().len() == 1;
            let fits = name.parse::<Scope>().is_ok_and(|scope| {
                alone && kinds.contains(&scope.kind()) && scope.digest() == digest
            });
            if !fits {
                let pointer = format!("/subject/{index}");
                let named: Vec<_> = kinds.iter().map(|kind| format!("`{kind}`")).collect();
                let expected = if named.is_empty() {
                    "artifacts, no scope".to_owned()
                } else {
                    format!("artifacts, or {} alone with its digest", named.join(" or "))
                };
                return Err(self.refuse(pointer, expected));
            }
        }
        Ok(())
    }

    /// The only subject is this scope, which is of this kind.
    pub(super) fn is_about_scope(&self, scope: &Scope, kind: ScopeKind) -> Checked {
        if scope.kind() != kind {
            return Err(self.refuse("/predicate/scope", format_args!("`{kind}`")));
        }
        match self.statement.subjects() {
            [one] if one.digest.sha256() == Some(scope.digest()) => Ok(()),
            _ => Err(self.refuse("/subject", format_args!("{scope} alone, with its digest"))),
        }
    }

    /// The SHA-256 digests of the subjects.
    pub(super) fn subjects(&self) -> impl Iterator<Item = Option<Digest>> {
        let subjects = self.statement.subjects().iter();
        subjects.map(|subject| subject.digest.sha256())
    }
}

/// The first name in `crit` that nobody here understands, cut short.
pub(super) fn unknown(crit: &[String], understood: &[&str]) -> Option<String> {
    crit.iter()
        .find(|name| !understood.contains(&name.as_str()))
        .map(|name| name.chars().take(64).collect())
}
