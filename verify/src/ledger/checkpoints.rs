//! Checkpoints by the ledger's owner, and those that nobody here can read.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::Value;

use bulla_model::predicate::checkpoint::{self, SlotHead};
use bulla_model::predicate::{Checkpoint, Predicate as _};
use bulla_model::{Digest, Scope, Statement};

use super::revocations::is_any_version;
use crate::candidate::Candidate;
use crate::policy::{IdentityRule, Matched};
use crate::question::Question;
use crate::verified::{SignedTime, Verified, best_copies};

/// What the ledger's owner listed, and since when.
pub(super) type Listed<'a> = BTreeMap<&'a Digest, Timestamp>;

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
        let statements = candidates.filter_map(|candidate| candidate.outcome().ok());
        Self::of(owners, question.now, scope, statements)
    }

    fn of<'a>(
        owners: &[IdentityRule],
        now: Timestamp,
        scope: &Scope,
        statements: impl Iterator<Item = &'a Verified<Statement>>,
    ) -> Self {
        let mut out = Self::default();
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
                Ok(_) if is_ahead(time, now) => {
                    let because = "its word about the time is later than the proof of it";
                    out.add(statement, because);
                }
                Ok(checkpoint) => out.readable.push(checkpoint),
                // Whoever writes to two ledgers must not hold up one with the other.
                Err(_) if !is_about(statement.value(), scope) => {}
                Err(because) => out.add(statement, &because),
            }
        }
        best_copies(&mut out.readable);
        // Of two owners one is enough.
        out.readable.sort_by_key(|one| {
            let serial = std::cmp::Reverse(one.value().serial);
            (serial, one.payload().clone(), one.doubt())
        });
        out.readable.dedup_by(|a, b| a.payload() == b.payload());
        out.unreadable.sort_by(|a, b| a.payload.cmp(&b.payload));
        out.unreadable.dedup_by(|a, b| a.payload == b.payload);
        // What somebody adds to a copy takes nothing from the others.
        let readable = &out.readable;
        out.unreadable
            .retain(|one| readable.iter().all(|other| one.payload != *other.payload()));
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

    /// Payload digests of the revocations and lifts that the owner has seen, and when first.
    pub(super) fn listed(&self) -> Listed<'_> {
        let mut listed = Listed::new();
        for said in self.readable.iter().map(Verified::value) {
            for digest in &said.revocations {
                let first = listed.entry(digest).or_insert(said.issued_at);
                *first = said.issued_at.min(*first);
            }
        }
        listed
    }

    /// Payload digests of the calendars of freezes that the owner has seen, and when first.
    pub(super) fn freezes(&self) -> Listed<'_> {
        let mut listed = Listed::new();
        for said in self.readable.iter().map(Verified::value) {
            if let Some(head) = &said.freeze {
                let first = listed.entry(&head.digest).or_insert(said.issued_at);
                *first = said.issued_at.min(*first);
            }
        }
        listed
    }

    /// The heads of slots, the newest checkpoint's first, then those of the one it names as its
    /// predecessor, as far as these are at hand. What was pruned and somebody put back is not reached:
    /// between it and the newest one another may have decided otherwise.
    pub(super) fn heads(&self) -> impl Iterator<Item = &SlotHead> {
        let previous = |one: &&Verified<Checkpoint>| {
            let named = one.value().previous.as_ref()?;
            let mut earlier = self.readable.iter();
            let serial = one.value().serial;
            earlier.find(|it| it.payload() == named && it.value().serial < serial)
        };
        let line = std::iter::successors(self.readable.first(), previous);
        line.flat_map(|one| &one.value().slots)
    }

    /// Those that cannot be read and that no later one took the place of.
    pub(super) fn open(&self) -> impl Iterator<Item = &Unreadable> {
        let newest = self.readable.first().map(|newest| newest.value().serial);
        self.unreadable
            .iter()
            .filter(move |one| one.serial.is_none_or(|serial| newest <= Some(serial)))
    }
}

/// Whether it was there long before the time that it gives itself. The other way round nothing is
/// wrong: anybody can have a signature recorded once more, later, and age counts from the word.
fn is_ahead(time: SignedTime, now: Timestamp) -> bool {
    let early = |by| time.not_older_than() == Some(by);
    time.contradicts(now, true) && time.existed_by().is_some_and(early)
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

#[cfg(test)]
mod tests {
    use bulla_model::{Identity, Limits};
    use serde_json::json;

    use super::*;
    use crate::anchor::Anchor;
    use crate::records::Records;
    use crate::sigstore::Proof;

    const KEY: &str = "-----BEGIN PUBLIC KEY-----\n    \
        MCowBQYDK2VwAyEAPUAXw+hDiVqStwqnTRt+vJyYLM8uxJaMwM1V8Sr0Zgw=\n    \
        -----END PUBLIC KEY-----\n";

    fn at(minute: i64) -> Timestamp {
        Timestamp::from_second(minute * 60).unwrap()
    }

    /// What of these copies of one checkpoint, which says that it is of minute 100, can be read.
    fn copies(times: &[SignedTime]) -> Checkpoints {
        let text = format!(
            "apiVersion: bulla.dev/anchor/v0.1\nowners: {{threshold: 1, keys: [\"{key}\"]}}\n\
             environments: []\nledger:\n  by:\n  - key: |\n    {block}",
            key = KEY.replace("\n    ", "\\n").replace('\n', "\\n"),
            block = KEY
                .replace("\n    ", "\n      ")
                .replacen("-----BEGIN", "  -----BEGIN", 1),
        );
        let anchor = Anchor::parse("anchor.yaml", text.as_bytes(), &Limits::default()).unwrap();
        let scope: Scope = "ledger://acme/pay".parse().unwrap();
        let statement = json!({
            "_type": "https://in-toto.io/Statement/v1",
            "subject": [{"name": scope, "digest": {"sha256": scope.digest().hex()}}],
            "predicateType": checkpoint::TYPE,
            "predicate": {
                "scope": scope, "serial": 1, "issuedAt": at(100).to_string(),
                "notAfter": at(900).to_string(), "revocations": [], "slots": [],
                "policyMin": [{"name": "release", "version": 1, "digest": Digest::sha256(b"policy")}],
            },
        });
        let bytes = statement.to_string().into_bytes();
        let owners = anchor.ledger().unwrap().owners();
        let key_id = owners[0].public_key().unwrap().id().clone();
        let verified = |(place, time): (usize, &SignedTime)| {
            let proof = Proof {
                signer: Identity::Key {
                    key_id: key_id.clone(),
                },
                records: Records::default(),
                scheme: None,
                certificate: None,
            };
            let statement = Statement::parse(&bytes, &Limits::default()).unwrap();
            let manifest = Some(Digest::sha256(&place.to_be_bytes()));
            Verified::new(statement, proof, *time, Digest::sha256(&bytes), manifest)
        };
        let all: Vec<_> = times.iter().enumerate().map(verified).collect();
        Checkpoints::of(owners, at(800), &scope, all.iter())
    }

    #[test]
    fn what_others_record_later_holds_up_no_checkpoint() {
        let word = Some(at(100));
        let late = SignedTime::Proven(at(700), word);
        let own = [
            SignedTime::Claimed(at(100)),
            SignedTime::Proven(at(101), word),
        ];
        for others in [vec![], vec![own[0]], vec![own[1]], own.to_vec()] {
            for times in [
                [&others[..], &[late]].concat(),
                [&[late], &others[..]].concat(),
            ] {
                let found = copies(&times);
                assert_eq!(found.open().count(), 0, "{times:?}");
                assert_eq!(found.readable.len(), 1, "{times:?}");
                // Age counts as if nobody had added anything.
                assert_eq!(found.readable[0].time().not_older_than(), word);
            }
        }
    }

    #[test]
    fn a_word_from_after_the_proof_is_not_believed() {
        let ahead = SignedTime::Proven(at(50), Some(at(100)));
        let found = copies(&[ahead]);
        assert_eq!((found.readable.len(), found.open().count()), (0, 1));
        // Without it nothing contradicts the word.
        for times in [
            [ahead, SignedTime::Claimed(at(100))],
            [SignedTime::Claimed(at(100)), ahead],
        ] {
            let found = copies(&times);
            assert_eq!((found.readable.len(), found.open().count()), (1, 0));
        }
    }

    #[test]
    fn of_copies_the_one_that_was_recorded_first_counts() {
        let word = Some(at(100));
        let times = [
            SignedTime::Claimed(at(100)),
            SignedTime::Proven(at(95), word),
            SignedTime::Proven(at(105), word),
        ];
        for turned in 0..times.len() {
            let turned: Vec<_> = (0..times.len())
                .map(|place| times[(place + turned) % times.len()])
                .collect();
            assert_eq!(copies(&turned).readable[0].time(), times[1]);
        }
    }
}
