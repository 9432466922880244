//! Revocations: which of them count, and which of those were lifted.

use std::borrow::Borrow;
use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde_json::Value;

use bulla_model::predicate::revocation::{Reach, Revocation, Target};
use bulla_model::predicate::{Predicate as _, revocation};
use bulla_model::{Digest, Identity, Person, Scope, Statement};

use super::checkpoints::Listed;
use super::named::{Names, could};
use super::reach::{Signing, is_of_signer};
use crate::candidate::Candidate;
use crate::eligible::match_any;
use crate::policy::{Actor, Matched, Policy, RevocationsRule};
use crate::question::Question;
use crate::verified::{SignedTime, Verified, best_copies};

/// Revocations by who may revoke.
#[derive(Debug, Default)]
pub(super) struct Revocations {
    in_force: Vec<Taken>,
    /// Those nobody here understands, and why.
    open: Vec<(Taken, String)>,
    /// Payload digests of all of them, lifts included.
    held: BTreeSet<Digest>,
}

/// One revocation.
#[derive(Clone, Debug)]
pub(super) struct Taken {
    pub(super) targets: Vec<Target>,
    pub(super) payload: Digest,
    pub(super) manifest: Option<Digest>,
    /// When it was given, by the earlier of proof and word; `None` if it cannot be read.
    pub(super) since: Option<Timestamp>,
    reason: String,
}

impl Taken {
    /// Why, in its own words, cut short.
    pub(super) fn reason(&self) -> String {
        let reason: String = self.reason.chars().take(200).collect();
        reason.escape_debug().to_string()
    }

    pub(super) fn describe(&self) -> String {
        let reason: String = self.reason.chars().take(200).collect();
        format!("{reason} (revocation {})", self.payload)
    }
}

/// A lift by somebody who may.
struct Lift {
    signer: Identity,
    time: SignedTime,
    when: Signing,
    lifted: Vec<Digest>,
    /// Whether the ledger's owner has seen it.
    listed: bool,
}

/// The rule that says who may lift, and the version of the policy that it is of. A version without
/// one leaves that of the last version that had one: to drop the section is no lift.
#[derive(Clone, Copy)]
struct Lifting<'a> {
    policy: &'a Policy,
    rule: &'a RevocationsRule,
}

impl<'a> Lifting<'a> {
    fn of(policy: &'a Policy) -> Option<Self> {
        let of = |policy: &'a Policy| {
            let rule = policy.revocations()?;
            Some(Self { policy, rule })
        };
        let earlier = || policy.predecessors.iter().filter_map(of);
        of(policy).or_else(|| earlier().max_by_key(|one| one.policy.version))
    }
}

/// A statement of this kind, read.
struct Read<'a> {
    statement: &'a Verified<Statement>,
    said: Result<Verified<Revocation>, String>,
    listed: Option<Timestamp>,
}

impl Borrow<Verified<Statement>> for Read<'_> {
    fn borrow(&self) -> &Verified<Statement> {
        self.statement
    }
}

impl<'a> Read<'a> {
    fn of(statement: &'a Verified<Statement>, listed: &Listed<'_>) -> Self {
        let kind = statement.value().predicate_type().as_str();
        let said = if Revocation::TYPES.contains(&kind) {
            let read = statement.predicate::<Revocation>();
            read.map_err(|error| error.to_string())
        } else {
            Err(kind.to_owned())
        };
        Self {
            statement,
            said,
            listed: listed.get(statement.payload()).copied(),
        }
    }

    fn is_of(&self, scope: &Scope) -> bool {
        match &self.said {
            Ok(said) => said.value().scope == *scope,
            Err(_) => !is_of_another(self.statement.value(), scope),
        }
    }

    /// Whether this copy is by somebody who may say it. A revocation outlives the key it was signed
    /// with. So does a lift that is proven, or that the ledger's owner listed; of any other only the
    /// key says that it is from before its end, and then whoever stole the key could lift.
    fn counts(&self, question: &Question<'_>, lifting: Lifting<'_>) -> bool {
        let (policy, now) = (question.policy, question.now);
        let (signer, time) = (self.statement.signer(), self.statement.time());
        let by: Names = |policy| policy.revocations().map(|rule| rule.by.as_slice());
        let lift_by: Names = |policy| policy.revocations().map(|rule| rule.lift_by.as_slice());
        let to_come = matches!(time, SignedTime::Claimed(_)) && time.contradicts(now, true);
        let may_lift = || {
            let names = &lifting.rule.lift_by;
            let may = match_any(lifting.policy, policy, names, signer, time, now);
            !to_come
                && (may == Matched::Yes
                    || (self.listed.is_some() && could(policy, lift_by, signer, time, now)))
        };
        let may_revoke = || could(policy, by, signer, time, now);
        match &self.said {
            Ok(said) => match said.value().reach() {
                Reach::Targets(_) if said.value().is_lift() => may_lift(),
                Reach::Targets(_) => may_revoke(),
                Reach::Undetermined { .. } => may_revoke() || may_lift(),
            },
            Err(_) => may_revoke() || may_lift(),
        }
    }
}

impl Revocations {
    /// Reads all of them. Strangers' are passed over, and so are those of other ledgers. What the
    /// ledger's owner `listed` was there, whoever's key has ended since.
    pub(super) fn among<'a>(
        question: &Question<'_>,
        scope: &Scope,
        candidates: impl Iterator<Item = &'a Candidate>,
        listed: &Listed<'_>,
    ) -> Self {
        let Some(lifting) = Lifting::of(question.policy) else {
            return Self::default();
        };
        let is_revocation = |one: &&Verified<Statement>| {
            is_any_version(one.value().predicate_type().as_str(), revocation::TYPE)
        };
        let statements = candidates.filter_map(|candidate| candidate.outcome().ok());
        let read = statements
            .filter(is_revocation)
            .map(|statement| Read::of(statement, listed))
            .filter(|read| read.is_of(scope) && read.counts(question, lifting));
        let (mut out, lifts) = Self::of_copies(read.collect());
        out.lift(question, lifting.rule, &lifts);
        out
    }

    /// Each once: of copies the one that was recorded first.
    fn of_copies(mut read: Vec<Read<'_>>) -> (Self, Vec<Lift>) {
        let mut out = Self::default();
        best_copies(&mut read);
        read.sort_by_key(|read| (read.statement.payload().clone(), read.statement.doubt()));
        let lifts = read.iter().filter_map(|read| out.add(read)).collect();
        (out, lifts)
    }

    fn add(&mut self, read: &Read<'_>) -> Option<Lift> {
        let statement = read.statement;
        let mut taken = Taken {
            targets: Vec::new(),
            payload: statement.payload().clone(),
            manifest: statement.manifest().cloned(),
            since: None,
            reason: String::new(),
        };
        let said = match &read.said {
            Ok(said) => said.value(),
            Err(because) => {
                self.hold(taken, because);
                return None;
            }
        };
        match said.reach() {
            Reach::Undetermined { because } => self.hold(taken, &because),
            Reach::Targets(targets) if said.is_lift() => {
                self.held.insert(taken.payload);
                return Some(Lift {
                    signer: statement.signer().clone(),
                    time: statement.time(),
                    when: Signing::of(statement).seen(read.listed),
                    lifted: targets.iter().filter_map(lifted).cloned().collect(),
                    listed: read.listed.is_some(),
                });
            }
            Reach::Targets(targets) => {
                taken.targets = targets.to_vec();
                let since = statement.time().not_older_than();
                taken.since = Some(since.unwrap_or(said.issued_at));
                taken.reason.clone_from(&said.reason);
                if self.held.insert(taken.payload.clone()) {
                    self.in_force.push(taken);
                }
            }
        }
        None
    }

    fn hold(&mut self, taken: Taken, because: &str) {
        let because: String = because.chars().take(200).collect();
        if self.held.insert(taken.payload.clone()) {
            self.open.push((taken, because.escape_debug().to_string()));
        }
    }

    /// Takes away what enough persons lifted. Who was ever revoked lifts nothing from that time,
    /// also not the revocation of oneself.
    fn lift(&mut self, question: &Question<'_>, rule: &RevocationsRule, lifts: &[Lift]) {
        let targets: Vec<&Target> = self.in_force.iter().flat_map(|one| &one.targets).collect();
        let is_revoked = |lift: &&Lift| {
            let mut targets = targets.iter();
            targets.any(|target| is_of_signer(target, &lift.signer, lift.when))
        };
        let mut lifters: BTreeMap<&Digest, (usize, BTreeSet<Person>)> = BTreeMap::new();
        for lift in lifts.iter().filter(|lift| !is_revoked(lift)) {
            let actor = actor(question, lift);
            for digest in &lift.lifted {
                let (count, persons) = lifters.entry(digest).or_default();
                *count = count.saturating_add(1);
                if let Actor::Person(person) = &actor {
                    persons.insert(person.clone());
                }
            }
        }
        // One lift is one whoever gave it; that two are of two persons has to be known.
        let is_lifted = |payload: &Digest| {
            lifters.get(payload).is_some_and(|(count, persons)| {
                let found = if rule.lift_threshold == 1 {
                    *count
                } else {
                    persons.len()
                };
                found >= rule.lift_threshold
            })
        };
        self.in_force = std::mem::take(&mut self.in_force)
            .into_iter()
            .filter(|taken| !is_lifted(&taken.payload))
            .collect();
        self.open.retain(|(taken, _)| !is_lifted(&taken.payload));
    }

    /// Those in force.
    pub(super) fn in_force(&self) -> &[Taken] {
        &self.in_force
    }

    /// Whether one takes back a component, or nobody knows that it does not.
    pub(super) fn take_components(&self) -> bool {
        let is_component = |target: &Target| matches!(target, Target::Component { .. });
        !self.open.is_empty()
            || self
                .in_force
                .iter()
                .any(|taken| taken.targets.iter().any(is_component))
    }

    /// Those nobody here understands, and why.
    pub(super) fn open(&self) -> &[(Taken, String)] {
        &self.open
    }

    /// Payload digests of all that are at hand, lifts and what was lifted included, sorted.
    pub(super) fn held(&self) -> impl Iterator<Item = &Digest> {
        self.held.iter()
    }
}

/// Who gave a lift: somebody of now, or of then, if the ledger's owner has seen it.
fn actor(question: &Question<'_>, lift: &Lift) -> Actor {
    let policy = question.policy;
    let then = lift.time.existed_by().filter(|_| lift.listed);
    let at = then.unwrap_or(question.now);
    let own = policy.people.actor(&lift.signer, lift.time, at);
    let earlier = policy.predecessors.iter().filter(|_| lift.listed);
    let mut earlier = earlier.map(|policy| policy.people.actor(&lift.signer, lift.time, at));
    match own {
        Actor::Person(_) => own,
        _ => earlier
            .find(|actor| matches!(actor, Actor::Person(_)))
            .unwrap_or(own),
    }
}

/// Whether what cannot be read at least says that it belongs to another ledger.
pub(super) fn is_of_another(statement: &Statement, scope: &Scope) -> bool {
    let json = statement.predicate_json().unwrap_or_default();
    let said: Value = serde_json::from_str(json).unwrap_or_default();
    let named = said.get("scope").and_then(Value::as_str);
    named.is_some_and(|named| named != scope.as_str())
}

fn lifted(target: &Target) -> Option<&Digest> {
    match target {
        Target::Lift { payload } => Some(payload),
        _ => None,
    }
}

/// Whether a predicate type is this one in some version.
pub(super) fn is_any_version(kind: &str, of: &str) -> bool {
    let name = |uri: &str| uri.rsplit_once('/').map(|(name, _)| name.to_owned());
    name(kind).is_some() && name(kind) == name(of)
}

#[cfg(test)]
mod tests {
    use bulla_model::{KeyId, Limits};
    use serde_json::json;

    use super::*;
    use crate::records::Records;
    use crate::sigstore::Proof;

    #[test]
    fn a_copy_without_its_record_makes_no_revocation_younger() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let scope: Scope = "ledger://acme/pay".parse().unwrap();
        let text = json!({
            "_type": "https://in-toto.io/Statement/v1",
            "subject": [{"name": scope, "digest": {"sha256": scope.digest().hex()}}],
            "predicateType": revocation::TYPE,
            "predicate": {
                "scope": scope, "reason": "x", "issuedAt": at(100).to_string(),
                "targets": [{"kind": "subject", "digest": Digest::sha256(b"image")}],
            },
        });
        let text = text.to_string();
        let copy = |time| {
            let statement = Statement::parse(text.as_bytes(), &Limits::default()).unwrap();
            let key_id = KeyId::of_spki(b"key");
            let proof = Proof {
                signer: Identity::Key { key_id },
                records: Records::default(),
                scheme: None,
                certificate: None,
            };
            Verified::new(statement, proof, time, Digest::sha256(b"it"), None)
        };
        let word = at(100);
        let copies = [
            SignedTime::Claimed(word),
            SignedTime::Proven(at(99), Some(word)),
            SignedTime::Proven(at(300), Some(word)),
        ];
        let copies = copies.map(copy);
        for turned in 0..copies.len() {
            let place = |place| &copies[(place + turned) % copies.len()];
            let read = (0..copies.len()).map(|at| Read::of(place(at), &Listed::new()));
            let (found, _) = Revocations::of_copies(read.collect());
            let since: Vec<_> = found.in_force().iter().map(|taken| taken.since).collect();
            assert_eq!(since, [Some(at(99))]);
        }
    }
}
