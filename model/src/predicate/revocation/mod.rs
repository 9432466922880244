//! Revocations: something that was signed no longer holds.
//!
//! Defined in `docs/predicates/revocation.md`, version 1. Every other statement that cannot be
//! understood is unusable; a revocation is not, because to pass over it would be to allow what it
//! takes back. See [`Revocation::reach`]. Whoever verifies has to treat one that cannot even be read
//! in the same way, if the security owner signed it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::check::{ADDRESS, Checks, TEXT, unknown};
use super::{Predicate, own};
use crate::{PredicateError, Scope, ScopeKind, Statement};

mod target;

pub use target::{Range, RevokedSigner, Target, UnknownTarget};

/// The type's URI.
pub const TYPE: &str = crate::ours!("revocation/v1");

/// The members a reader of version 1 understands.
pub const MEMBERS: &[&str] = &["scope", "targets", "reason", "references", "issuedAt"];

/// Targets of one revocation. Stops a statement that is compared with everything without end.
pub const TARGETS: usize = 1024;

/// A revocation, or the lifting of earlier ones. It holds from when it is known, for good. The
/// subject is the ledger's scope, or artifacts that are themselves targets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Revocation {
    /// The ledger it is kept in.
    pub scope: Scope,
    /// What is taken back: one target at least. Lifts stand alone, because they need a threshold of
    /// their own.
    pub targets: Vec<Target>,
    /// Why.
    pub reason: String,
    /// Where more is said, for example advisories.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub references: Vec<String>,
    /// When it was given.
    #[serde(deserialize_with = "crate::instant::read")]
    pub issued_at: Timestamp,
    /// Members a reader must understand.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub crit: Vec<String>,
}

/// How much a revocation takes back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reach<'a> {
    /// These targets, all of which are understood.
    Targets(&'a [Target]),
    /// Perhaps more than its targets say: nobody here knows what, so it may be anything.
    Undetermined {
        /// The target or member that is not understood, cut short.
        because: String,
    },
}

impl Revocation {
    /// How much it takes back. Fails closed: an unknown target, or a critical member that is not
    /// understood, leaves the whole of it open.
    pub fn reach(&self) -> Reach<'_> {
        let target = self.targets.iter().find_map(|target| match target {
            Target::Unknown(target) => Some(target.kind()),
            _ => None,
        });
        match target.or_else(|| unknown(&self.crit, MEMBERS)) {
            Some(because) => Reach::Undetermined { because },
            None => Reach::Targets(&self.targets),
        }
    }

    /// Whether it lifts earlier revocations instead of taking something back.
    pub fn is_lift(&self) -> bool {
        self.targets
            .iter()
            .all(|target| matches!(target, Target::Lift { .. }))
    }
}

impl Predicate for Revocation {
    const TYPES: &'static [&'static str] = &[TYPE];

    fn from_json(_kind: &str, json: &str) -> serde_json::Result<Self> {
        own::read(json)
    }

    fn check(&self, statement: &Statement) -> Result<(), PredicateError> {
        let checks = Checks::new(TYPE, statement);
        checks.items("/predicate/crit", &self.crit)?;
        if self.scope.kind() != ScopeKind::Ledger {
            let expected = format!("`{}`", ScopeKind::Ledger);
            return Err(checks.refuse("/predicate/scope", expected));
        }
        if !(1..=TARGETS).contains(&self.targets.len()) {
            let expected = format!("1 to {TARGETS} targets");
            return Err(checks.refuse("/predicate/targets", expected));
        }
        let lifts = |target: &Target| matches!(target, Target::Lift { .. });
        if self.targets.iter().any(lifts) && !self.is_lift() {
            let expected = "lifts alone, or none";
            return Err(checks.refuse("/predicate/targets", expected));
        }
        for (index, target) in self.targets.iter().enumerate() {
            target.check(&checks, &format!("/predicate/targets/{index}"))?;
        }
        self.check_subjects(&checks)?;
        checks.text("/predicate/reason", &self.reason, TEXT)?;
        checks.items("/predicate/references", &self.references)?;
        for (index, reference) in self.references.iter().enumerate() {
            let pointer = format_args!("/predicate/references/{index}");
            checks.text(pointer, reference, ADDRESS)?;
        }
        Ok(())
    }
}

impl Revocation {
    /// It is found beside its subjects, so they have to be what it is about.
    fn check_subjects(&self, checks: &Checks<'_>) -> Result<(), PredicateError> {
        let scope = self.scope.digest();
        let alone = checks.subjects().count() == 1;
        for (index, digest) in checks.subjects().enumerate() {
            let is_target = |digest: &_| {
                self.targets.iter().any(
                    |target| matches!(target, Target::Subject { digest: revoked } if revoked == digest),
                )
            };
            let fits = digest.is_some_and(|one| (alone && one == scope) || is_target(&one));
            if !fits {
                let expected = format!("{} alone, or a subject that is a target", self.scope);
                return Err(checks.refuse(format_args!("/subject/{index}"), expected));
            }
        }
        Ok(())
    }
}
