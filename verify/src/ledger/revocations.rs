//! Revocations: which of them count, and which of those were lifted.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde_json::Value;

use bulla_model::predicate::revocation::{Reach, Revocation, Target};
use bulla_model::predicate::{Predicate as _, revocation};
use bulla_model::{Digest, Identity, Person, Scope, Statement};

use super::reach::{Signing, is_of_signer};
use crate::candidate::Candidate;
use crate::eligible::match_any;
use crate::policy::{Actor, Matched, Policy, RevocationsRule};
use crate::question::Question;
use crate::verified::{SignedTime, Verified};

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
}

impl Revocations {
    /// Reads all of them. Strangers' are passed over, and so are those of other ledgers.
    pub(super) fn among<'a>(
        question: &Question<'_>,
        scope: &Scope,
        candidates: impl Iterator<Item = &'a Candidate>,
    ) -> Self {
        let mut out = Self::default();
        let Some(rule) = question.policy.revocations() else {
            return out;
        };
        let mut lifts = Vec::new();
        for candidate in candidates {
            let is_revocation = candidate
                .claimed_type()
                .is_some_and(|kind| is_any_version(kind.as_str(), revocation::TYPE));
            if let (true, Ok(statement)) = (is_revocation, candidate.outcome()) {
                out.add(question, rule, scope, statement, &mut lifts);
            }
        }
        out.lift(question, rule, &lifts);
        out
    }

    fn add(
        &mut self,
        question: &Question<'_>,
        rule: &RevocationsRule,
        scope: &Scope,
        statement: &Verified<Statement>,
        lifts: &mut Vec<Lift>,
    ) {
        let (policy, now) = (question.policy, question.now);
        let (signer, time) = (statement.signer(), statement.time());
        // A revocation outlives the key it was signed with; a lift must be of somebody who may now.
        let may_revoke = could_revoke(policy, rule, signer, time, now);
        let may_lift = match_any(policy, policy, &rule.lift_by, signer, time, now) == Matched::Yes
            && !time.contradicts(now, true);
        if !may_revoke && !may_lift {
            return;
        }
        let mut taken = Taken {
            targets: Vec::new(),
            payload: statement.payload().clone(),
            manifest: statement.manifest().cloned(),
            since: None,
            reason: String::new(),
        };
        let kind = statement.value().predicate_type().as_str();
        let read = if Revocation::TYPES.contains(&kind) {
            let read = statement.value().predicate::<Revocation>();
            read.map_err(|error| error.to_string())
        } else {
            Err(kind.to_owned())
        };
        let said = match read {
            Err(because) => {
                if !is_of_another(statement.value(), scope) {
                    self.hold(taken, &because);
                }
                return;
            }
            Ok(said) if said.scope != *scope => return,
            Ok(said) => said,
        };
        match said.reach() {
            Reach::Undetermined { because } => self.hold(taken, &because),
            Reach::Targets(targets) if said.is_lift() => {
                if may_lift {
                    self.held.insert(taken.payload);
                    lifts.push(Lift {
                        signer: signer.clone(),
                        time,
                        when: Signing::of(statement),
                        lifted: targets.iter().filter_map(lifted).cloned().collect(),
                    });
                }
            }
            Reach::Targets(targets) if may_revoke => {
                taken.targets = targets.to_vec();
                taken.since = Some(time.not_older_than().unwrap_or(said.issued_at));
                taken.reason.clone_from(&said.reason);
                if self.held.insert(taken.payload.clone()) {
                    self.in_force.push(taken);
                }
            }
            Reach::Targets(_) => {}
        }
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
            let people = question.policy.people();
            let actor = people.actor(&lift.signer, lift.time, question.now);
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

    /// Those nobody here understands, and why.
    pub(super) fn open(&self) -> &[(Taken, String)] {
        &self.open
    }

    /// Payload digests of all that are at hand, lifts and what was lifted included, sorted.
    pub(super) fn held(&self) -> impl Iterator<Item = &Digest> {
        self.held.iter()
    }
}

/// Whether somebody could revoke when this was signed. Whoever could stays the author of it: that a
/// key ended, or that a later version of the policy names another owner, is no lift. Nothing but the
/// key may say when; whoever steals an ended one can revoke, and nothing worse.
fn could_revoke(
    policy: &Policy,
    rule: &RevocationsRule,
    signer: &Identity,
    time: SignedTime,
    now: Timestamp,
) -> bool {
    let then = time.existed_by();
    let matched = |policy: &Policy, names: &[String]| {
        let matched = match_any(policy, policy, names, signer, time, then.unwrap_or(now));
        match (matched, then) {
            // Where nothing says when, it may have been in time.
            (Matched::OutOfTime, None) => Matched::Yes,
            (matched, _) => matched,
        }
    };
    let until = |version: u64| {
        let mut history = policy.history.iter();
        let entry = history.find(|entry| entry.version == version)?;
        entry.until
    };
    let could_before = |before: &Policy| {
        let in_time = until(before.version).zip(then);
        in_time.is_none_or(|(until, then)| then <= until)
            && before
                .revocations
                .as_ref()
                .is_some_and(|rule| matched(before, &rule.by) == Matched::Yes)
    };
    // Where the current version knows the signer, its word on the key is the last one.
    match matched(policy, &rule.by) {
        Matched::Yes => true,
        Matched::OutOfTime => false,
        Matched::No => policy.predecessors.iter().any(could_before),
    }
}

/// Whether what cannot be read at least says that it belongs to another ledger.
fn is_of_another(statement: &Statement, scope: &Scope) -> bool {
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
