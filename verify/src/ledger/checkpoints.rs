//! Checkpoints by the ledger's owner, and those that nobody here can read.

use serde_json::Value;

use bulla_model::predicate::{Checkpoint, Predicate as _, checkpoint};
use bulla_model::{Digest, Scope, Statement};

use super::revocations::is_any_version;
use crate::candidate::Candidate;
use crate::policy::{IdentityRule, Matched};
use crate::question::Question;
use crate::verified::{SignedTime, Verified};

/// What the owner signed for one ledger.
#[derive(Debug, Default)]
pub(super) struct Checkpoints {
    /// Each once, newest first.
    pub(super) readable: Vec<Verified<Checkpoint>>,
    unreadable: Vec<Unreadable>,
}

/// A checkpoint by the owner that cannot be used.
#[derive(Clone, Debug)]
pub(super) struct Unreadable {
    pub(super) payload: Digest,
    pub(super) manifest: Option<Digest>,
    /// Why.
    pub(super) because: String,
    /// As far as it can be told.
    serial: Option<u64>,
}

impl Checkpoints {
    /// The checkpoints of this ledger by its owner. Strangers' are passed over, those of other
    /// ledgers too, and those of a time that has not come.
    pub(super) fn among<'a>(
        question: &Question<'_>,
        scope: &Scope,
        candidates: impl Iterator<Item = &'a Candidate>,
    ) -> Self {
        let owners = question.anchor.and_then(|anchor| anchor.ledger());
        let owners = owners.map_or(&[][..], |ledger| ledger.owners());
        let now = question.now;
        let mut out = Self::default();
        let statements = candidates.filter_map(|candidate| candidate.outcome().ok());
        for statement in statements {
            let (signer, time) = (statement.signer(), statement.time());
            let is = |rule: &IdentityRule| rule.matches(signer, time, now) == Matched::Yes;
            let kind = statement.value().predicate_type().as_str();
            let later = matches!(time, SignedTime::Claimed(_)) && time.contradicts(now, true);
            if !is_any_version(kind, checkpoint::TYPE) || later || !owners.iter().any(is) {
                continue;
            }
            match read(statement) {
                Ok(checkpoint) if checkpoint.value().scope != *scope => {}
                Ok(_) if time.contradicts(now, true) => {
                    let because = "its word about the time contradicts the proof of it";
                    out.add(statement, because);
                }
                Ok(checkpoint) => out.readable.push(checkpoint),
                // Whoever writes to two ledgers must not hold up one with the other.
                Err(_) if !is_about(statement.value(), scope) => {}
                Err(because) => out.add(statement, &because),
            }
        }
        out.readable
            .sort_by_key(|one| (std::cmp::Reverse(one.value().serial), one.payload().clone()));
        out.readable.dedup_by(|a, b| a.payload() == b.payload());
        out.unreadable.sort_by(|a, b| a.payload.cmp(&b.payload));
        out.unreadable.dedup_by(|a, b| a.payload == b.payload);
        out
    }

    fn add(&mut self, statement: &Verified<Statement>, because: &str) {
        let because: String = because.chars().take(200).collect();
        let json = statement.value().predicate_json().unwrap_or_default();
        let said: Value = serde_json::from_str(json).unwrap_or_default();
        self.unreadable.push(Unreadable {
            payload: statement.payload().clone(),
            manifest: statement.manifest().cloned(),
            because: because.escape_debug().to_string(),
            serial: said.get("serial").and_then(Value::as_u64),
        });
    }

    /// Those that cannot be read and that no later one took the place of.
    pub(super) fn open(&self) -> impl Iterator<Item = &Unreadable> {
        let newest = self.readable.first().map(|newest| newest.value().serial);
        self.unreadable
            .iter()
            .filter(move |one| one.serial.is_none_or(|serial| newest <= Some(serial)))
    }
}

fn read(statement: &Verified<Statement>) -> Result<Verified<Checkpoint>, String> {
    let kind = statement.value().predicate_type().as_str();
    if !Checkpoint::TYPES.contains(&kind) {
        return Err(kind.to_owned());
    }
    let read = statement.predicate::<Checkpoint>();
    read.map_err(|error| error.to_string())
}

/// Whether its subject is this ledger: that does not change between versions.
fn is_about(statement: &Statement, scope: &Scope) -> bool {
    statement.is_about(&[scope.digest()])
}
