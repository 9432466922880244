//! Statements: which predicate holds for which subjects.
//!
//! Implements the in-toto attestation framework v1.1, `Statement` v1,
//! <https://github.com/in-toto/attestation/blob/v1.1.0/spec/v1/statement.md>; v0.1 is read because
//! cosign writes it.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::json::{self, JsonError};
use crate::predicate::Predicate;
use crate::{Digest, Limits, ResourceDescriptor};

/// The `_type` of the statements Bulla writes.
pub const STATEMENT_V1: &str = "https://in-toto.io/Statement/v1";
/// The older `_type` that is read too.
pub const STATEMENT_V0_1: &str = "https://in-toto.io/Statement/v0.1";
/// The subject annotation that says when a statement with a standard predicate was issued.
pub const ISSUED_AT: &str = crate::ours!("issuedAt");

/// A subject: a resource with at least one digest.
pub type Subject = ResourceDescriptor;

/// A statement as read from signed bytes. The bytes stay with the envelope.
#[derive(Clone, Debug)]
pub struct Statement {
    subjects: Vec<Subject>,
    predicate_type: PredicateType,
    predicate: Option<Arc<RawValue>>,
}

impl Statement {
    /// Reads a statement: its `_type` is checked, subjects and digests are counted, and every
    /// subject has a digest.
    pub fn parse(payload: &[u8], limits: &Limits) -> Result<Self, StatementError> {
        let wire: Wire = json::read(payload, limits.bundle_bytes, limits.json_depth)?;
        if wire.kind != STATEMENT_V1 && wire.kind != STATEMENT_V0_1 {
            return Err(StatementError::Type {
                found: wire.kind.chars().take(100).collect(),
            });
        }
        if wire.subject.is_empty() {
            return Err(StatementError::NoSubject);
        }
        if wire.subject.len() > limits.subjects {
            return Err(StatementError::Subjects {
                limit: limits.subjects,
                found: wire.subject.len(),
            });
        }
        for (index, subject) in wire.subject.iter().enumerate() {
            if subject.digest.is_empty() {
                return Err(StatementError::NoDigest { index });
            }
            if subject.digest.len() > limits.digests_per_subject {
                return Err(StatementError::Digests {
                    index,
                    limit: limits.digests_per_subject,
                });
            }
        }
        Ok(Self {
            subjects: wire.subject,
            predicate_type: wire.predicate_type.parse()?,
            predicate: wire
                .predicate
                .filter(|raw| raw.get() != "null")
                .map(Arc::from),
        })
    }

    /// The subjects, in order.
    pub fn subjects(&self) -> &[Subject] {
        &self.subjects
    }

    /// The type of the predicate.
    pub fn predicate_type(&self) -> &PredicateType {
        &self.predicate_type
    }

    /// The predicate as it stands in the signed bytes.
    pub fn predicate_json(&self) -> Option<&str> {
        self.predicate.as_deref().map(RawValue::get)
    }

    /// The statement that would say of one subject by value what another statement says by naming a
    /// document. Whoever makes it answers for the document being the one that was named.
    pub fn by_value(
        subject: Subject,
        predicate_type: PredicateType,
        document: Option<Arc<RawValue>>,
    ) -> Self {
        Self {
            subjects: vec![subject],
            predicate_type,
            predicate: document,
        }
    }

    /// Whether some subject is the thing with these digests. Names do not count.
    pub fn is_about(&self, digests: &[Digest]) -> bool {
        self.subjects
            .iter()
            .any(|subject| subject.digest.names(digests))
    }

    /// The sorted, unique SHA-256 digests of the subjects; `None` if a subject has none.
    pub fn subject_set(&self) -> Option<SubjectSet> {
        self.subjects
            .iter()
            .map(|subject| subject.digest.sha256())
            .collect::<Option<_>>()
            .map(SubjectSet)
    }

    /// When the statement says it was issued, if all subjects that say so agree.
    pub fn issued_at_annotation(&self) -> Option<Timestamp> {
        let mut times = self
            .subjects
            .iter()
            .filter_map(|subject| subject.annotations.get(ISSUED_AT))
            .map(|value| {
                value
                    .as_str()
                    .and_then(|text| text.parse::<Timestamp>().ok())
            });
        let first = times.next()??;
        times.all(|time| time == Some(first)).then_some(first)
    }

    /// Reads the predicate as type `P`; the statement's predicate type must be one of `P`'s.
    pub fn predicate<P: Predicate>(&self) -> Result<P, PredicateError> {
        if !P::TYPES.contains(&self.predicate_type.as_str()) {
            return Err(PredicateError::OtherType {
                expected: P::TYPES[0],
                found: self.predicate_type.clone(),
            });
        }
        let raw = self.predicate.as_deref().ok_or(PredicateError::Absent)?;
        let kind = self.predicate_type.as_str();
        let predicate = P::from_json(kind, raw.get()).map_err(|error| PredicateError::Shape {
            kind: P::TYPES[0],
            reason: error.to_string().chars().take(200).collect(),
        })?;
        predicate.check(self)?;
        Ok(predicate)
    }
}

/// Writes a statement: these are the bytes to sign.
pub fn write<P: Serialize>(
    subjects: &[Subject],
    predicate_type: &PredicateType,
    predicate: &P,
) -> Result<Vec<u8>, StatementError> {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Out<'a, P> {
        #[serde(rename = "_type")]
        kind: &'static str,
        subject: &'a [Subject],
        predicate_type: &'a PredicateType,
        predicate: &'a P,
    }
    if subjects.is_empty() {
        return Err(StatementError::NoSubject);
    }
    if let Some(index) = subjects
        .iter()
        .position(|subject| subject.digest.is_empty())
    {
        return Err(StatementError::NoDigest { index });
    }
    serde_json::to_vec(&Out {
        kind: STATEMENT_V1,
        subject: subjects,
        predicate_type,
        predicate,
    })
    .map_err(|error| StatementError::Write {
        reason: error.to_string(),
    })
}

/// The sorted, unique SHA-256 digests of the subjects of a statement.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SubjectSet(BTreeSet<Digest>);

impl SubjectSet {
    /// Whether this digest is in the set.
    pub fn contains(&self, digest: &Digest) -> bool {
        self.0.contains(digest)
    }

    /// The digests, sorted.
    pub fn iter(&self) -> impl Iterator<Item = &Digest> {
        self.0.iter()
    }

    /// How many digests the set has.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether the set is empty, which it never is for a statement.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl FromIterator<Digest> for SubjectSet {
    fn from_iter<I: IntoIterator<Item = Digest>>(digests: I) -> Self {
        Self(digests.into_iter().collect())
    }
}

/// The type of a predicate: a URI.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PredicateType(String);

impl PredicateType {
    /// The URI.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for PredicateType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for PredicateType {
    type Err = StatementError;

    fn from_str(text: &str) -> Result<Self, StatementError> {
        let scheme = text
            .split_once(':')
            .map(|(scheme, _)| scheme)
            .unwrap_or_default();
        let is_uri = scheme
            .bytes()
            .next()
            .is_some_and(|b| b.is_ascii_alphabetic())
            && scheme
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.'))
            && text.len() <= 1024
            && text.bytes().all(|b| b.is_ascii_graphic());
        if is_uri {
            Ok(Self(text.to_owned()))
        } else {
            Err(StatementError::PredicateType {
                found: text.chars().take(100).collect(),
            })
        }
    }
}

impl TryFrom<String> for PredicateType {
    type Error = StatementError;

    fn try_from(text: String) -> Result<Self, StatementError> {
        text.parse()
    }
}

impl From<PredicateType> for String {
    fn from(value: PredicateType) -> Self {
        value.0
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wire {
    #[serde(rename = "_type")]
    kind: String,
    subject: Vec<Subject>,
    predicate_type: String,
    #[serde(default)]
    predicate: Option<Box<RawValue>>,
}

/// Why bytes are no statement.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StatementError {
    /// It is not JSON of the right shape.
    #[error("no in-toto statement: {0}")]
    Json(#[from] JsonError),
    /// The `_type` is neither v1 nor v0.1.
    #[error("no in-toto statement: `_type` is `{}`, expected `{STATEMENT_V1}`", found.escape_debug())]
    Type {
        /// What was found, cut short.
        found: String,
    },
    /// It is about nothing.
    #[error("statement without a subject")]
    NoSubject,
    /// A subject has no digest.
    #[error("subject {index} has no digest (/subject/{index}/digest)")]
    NoDigest {
        /// Index of the subject, from 0.
        index: usize,
    },
    /// There are too many subjects.
    #[error("{found} subjects, the limit is {limit}")]
    Subjects {
        /// The limit.
        limit: usize,
        /// The number found.
        found: usize,
    },
    /// A subject has too many digests.
    #[error("subject {index} has more than {limit} digests (/subject/{index}/digest)")]
    Digests {
        /// Index of the subject, from 0.
        index: usize,
        /// The limit.
        limit: usize,
    },
    /// The predicate type is no URI.
    #[error("`{}` is no predicate type: expected a URI", found.escape_debug())]
    PredicateType {
        /// What was found, cut short.
        found: String,
    },
    /// The predicate cannot be written as JSON.
    #[error("failed to write the statement: {reason}")]
    Write {
        /// What the serialiser said.
        reason: String,
    },
}

/// Why a predicate cannot be read as the type asked for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PredicateError {
    /// The statement carries another type.
    #[error("predicate type is `{found}`, expected `{expected}`")]
    OtherType {
        /// The preferred URI of the type asked for.
        expected: &'static str,
        /// The type of the statement.
        found: PredicateType,
    },
    /// There is no predicate.
    #[error("the statement has no predicate")]
    Absent,
    /// The JSON does not have the shape of the type.
    #[error("malformed predicate {kind}: {}", reason.escape_debug())]
    Shape {
        /// The preferred URI of the type asked for.
        kind: &'static str,
        /// What is wrong, cut short.
        reason: String,
    },
    /// The predicate demands understanding of a field this reader does not know.
    #[error("the predicate marks `{}` as critical, which this version does not understand", name.escape_debug())]
    Critical {
        /// The name listed in `crit`, cut short.
        name: String,
    },
}
