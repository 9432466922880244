//! The algorithm of `docs/spec/promotion-chain.md` once more, over plain values. Written from that page
//! alone, as plainly as it can be said, to be compared with what Bulla answers. Nothing of
//! `bulla-verify` is used here, and nothing that decides is shared with it.

use std::collections::BTreeSet;

use super::world::{Body, IMAGE, INDEX, Known, Link, Minute, Place, Policy, Target, Thing, World};
use who::{Match, Time, named};

mod chain;
mod freeze;
mod gate;
mod ledger;
mod people;
mod requirements;
mod service;
mod slot;
mod who;

/// What was signed as digests and keys are ordered; the order decides between equals.
pub(super) struct Order {
    pub(super) statements: Vec<String>,
    pub(super) keys: Vec<String>,
}

/// In the order of what the best of several candidates was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Cause {
    Denied,
    Expired,
    OtherSubject,
    Untrusted,
    Invalid,
    Nothing,
    Undetermined,
    NotYet,
}

pub(super) type Finding = (&'static str, &'static str, &'static str);

/// The answer: decision, exit code, and each code with its severity and check.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) decision: &'static str,
    pub(super) exit: u8,
    pub(super) findings: BTreeSet<Finding>,
}

#[derive(Clone, Default)]
struct Report {
    passed: bool,
    failed: Vec<(&'static str, Cause)>,
    findings: BTreeSet<Finding>,
}

/// A copy of a statement, once its signature has been looked at.
#[derive(Clone)]
struct Seen<'a> {
    link: Link,
    key: usize,
    time: Time,
    subjects: &'a [Thing],
    body: &'a Body,
    refused: Option<(Cause, &'static str)>,
    revoked: bool,
}

struct Given<'a> {
    world: &'a World,
    order: &'a Order,
    seen: Vec<Seen<'a>>,
    /// Digests that stand for the artifact.
    covering: Vec<Thing>,
    calendars: freeze::Calendars<'a>,
    /// Retirements that have to be at hand: environment, subjects, promotion.
    retired: Vec<&'a (Place, Vec<Thing>, Link)>,
    /// Targets of kind edge that are in force.
    edges: Vec<&'a Target>,
    now: i64,
}

pub(super) fn decide(world: &World, order: &Order) -> Answer {
    let mut covering = vec![IMAGE];
    covering.extend(world.index_received.then_some(INDEX));
    let mut given = Given {
        world,
        order,
        seen: look(world, false),
        covering,
        calendars: freeze::Calendars::default(),
        retired: Vec::new(),
        edges: Vec::new(),
        now: world.now,
    };
    let mut report = Report::default();
    age(world, &mut report);
    let checkpoint = ledger::judge(&mut given, &mut report);
    if let Some(service) = service::service(&given, &mut report) {
        if let Some(before) = &world.before {
            gate::judge(&given, service, before, &mut report);
        } else if let Some(head) = chain::judge(&given, service, &mut report)
            && let Some(checkpoint) = checkpoint
        {
            slot::judge(&given, service, &head, &checkpoint, &mut report);
        }
    }
    if world.truncated || world.unavailable {
        report.tell("evidence-incomplete", "warning", "evidence");
    }
    report.answer()
}

/// Step 1.
fn age(world: &World, report: &mut Report) {
    let version = world.policies[0].version;
    let minimum = world.anchor.as_ref().and_then(|anchor| anchor.minimum);
    if minimum.is_some_and(|minimum| version < minimum) {
        report.fail("policy", "policy-rollback", Cause::Expired);
    }
    match world.state.as_ref().and_then(|state| state.policy) {
        Some((seen, _)) if version < seen => {
            report.fail("policy", "policy-rollback", Cause::Expired);
        }
        Some((seen, same)) if version == seen && !same => {
            report.fail("policy", "policy-equivocation", Cause::Denied);
        }
        _ => {}
    }
}

/// Step 2: whose signatures can be verified are those whom policy, predecessors or anchor name.
fn look(world: &World, ledger: bool) -> Vec<Seen<'_>> {
    let mut named: Vec<&Known> = Vec::new();
    for policy in world.policies.iter().filter(|policy| policy.loaded) {
        named.extend(policy.identities.iter().flatten());
        named.extend(policy.people.iter().flat_map(|person| &person.keys));
        named.extend(policy.machines.iter().flatten());
    }
    named.extend(world.anchor.iter().flat_map(|anchor| &anchor.owners));
    let known: BTreeSet<_> = named.into_iter().map(|known| known.key).collect();
    let copies = world.copies.iter().filter(|copy| copy.in_ledger == ledger);
    copies
        .map(|copy| {
            let said = &world.statements[copy.of];
            let refused = if !known.contains(&copy.key) {
                Some((Cause::Untrusted, "signer-untrusted"))
            } else if copy.broken {
                Some((Cause::Invalid, "signature-invalid"))
            } else if copy.proof.is_some_and(|proof| proof > world.now) {
                Some((Cause::Expired, "too-late"))
            } else {
                None
            };
            Seen {
                link: copy.of,
                key: copy.key,
                time: Time {
                    proof: copy.proof,
                    word: said.word,
                },
                subjects: &said.subjects,
                body: &said.body,
                refused,
                revoked: false,
            }
        })
        .collect()
}

impl Given<'_> {
    fn is_about(&self, seen: &Seen<'_>) -> bool {
        seen.subjects.iter().any(|one| self.covering.contains(one))
    }

    fn current(&self) -> &Policy {
        &self.world.policies[0]
    }

    fn soft(&self, cause: Cause) -> Cause {
        if self.world.incomplete() {
            Cause::Undetermined
        } else {
            cause
        }
    }

    /// Step 8: whether a statement may count, by signer and time, under a version of the policy.
    fn may_count(&self, seen: &Seen<'_>, rule: &Wanted<'_>) -> Result<(), (Cause, &'static str)> {
        if seen.revoked || seen.refused.is_none() {
            if !self.is_about(seen) {
                return Err((Cause::OtherSubject, "subject-mismatch"));
            }
            match named(self.world, rule.version, rule.by, seen.key, seen.time) {
                Match::Yes => {}
                Match::Late => return Err((Cause::Expired, "key-expired")),
                Match::No => return Err((Cause::Untrusted, "signer-untrusted")),
            }
            self.timely(seen.time, false, rule.claims, rule.at, rule.max_age)?;
        }
        seen.refused.map_or(Ok(()), Err)
    }

    fn timely(
        &self,
        time: Time,
        own: bool,
        claims: bool,
        at: i64,
        max_age: Option<i64>,
    ) -> Result<(), (Cause, &'static str)> {
        if time.contradicts(self.now, own) {
            return Err((Cause::Denied, "time-mismatch"));
        }
        if time.proof.is_none() && !claims {
            return Err((Cause::Denied, "time-unproven"));
        }
        if !time.there(at) {
            return Err((Cause::Denied, "too-late"));
        }
        let young = |limit| time.issued().is_some_and(|issued| at - issued <= limit);
        if max_age.is_some_and(|limit| !young(limit)) {
            return Err((Cause::Expired, "statement-stale"));
        }
        Ok(())
    }

    /// Those that may count, each once, and what is wrong with the others.
    fn eligible(
        &self,
        rule: &Wanted<'_>,
        kind: impl Fn(&Body) -> bool,
    ) -> (Vec<&Seen<'_>>, Vec<(Cause, &'static str)>) {
        let mut good = Vec::new();
        let mut wrong = Vec::new();
        for seen in self.seen.iter().filter(|seen| kind(seen.body)) {
            match self.may_count(seen, rule) {
                Ok(()) => good.push(seen),
                Err(what) => wrong.push(what),
            }
        }
        (best_known(good), wrong)
    }

    /// Step 8: what speaks against the artifact if it says no, each once, with the earliest time that
    /// any copy gives it.
    fn against(
        &self,
        rule: &Wanted<'_>,
        kind: impl Fn(&Body) -> bool,
    ) -> Vec<(&Seen<'_>, Option<Minute>)> {
        let early = |time: Time| match (time.proof, time.word) {
            (Some(proof), Some(word)) => Some(proof.min(word)),
            (proof, word) => proof.or(word),
        };
        let before = rule.at < self.now;
        let mut told: Vec<(&Seen<'_>, Option<Minute>)> = Vec::new();
        for seen in self.seen.iter().filter(|seen| kind(seen.body)) {
            let time = seen.time;
            let later = time.word.is_some() && early(time).is_some_and(|at| at > rule.at + 1);
            if seen.refused.is_some() || !self.is_about(seen) || (before && later) {
                continue;
            }
            match named(self.world, rule.version, rule.by, seen.key, time) {
                Match::Yes => {}
                Match::Late if !before => {}
                Match::Late | Match::No => continue,
            }
            let mut held = told.iter_mut();
            let held = held.find(|(held, _)| held.link == seen.link && held.key == seen.key);
            match held {
                Some((_, since)) => *since = [*since, early(time)].into_iter().flatten().min(),
                None => told.push((seen, early(time))),
            }
        }
        told
    }
}

/// A rule about who may have said something, when, as judged at a time.
struct Wanted<'a> {
    version: usize,
    by: &'a [usize],
    claims: bool,
    at: i64,
    max_age: Option<i64>,
}

/// Of copies of one statement by one signer, the best known.
fn best_known<'a, 'b>(all: Vec<&'a Seen<'b>>) -> Vec<&'a Seen<'b>> {
    let mut best: Vec<&Seen<'_>> = Vec::new();
    for seen in all {
        let held = best
            .iter_mut()
            .find(|held| held.link == seen.link && held.key == seen.key);
        match held {
            Some(held) if seen.time.doubt() < held.time.doubt() => *held = seen,
            Some(_) => {}
            None => best.push(seen),
        }
    }
    best
}

impl Report {
    fn tell(&mut self, code: &'static str, severity: &'static str, check: &'static str) {
        self.findings.insert((code, severity, check));
    }

    fn fail(&mut self, check: &'static str, code: &'static str, cause: Cause) {
        self.tell(code, "error", check);
        self.failed.push((check, cause));
    }

    fn notes(&mut self, check: &'static str, wrong: &[(Cause, &'static str)]) {
        for (_, code) in wrong {
            self.tell(code, "note", check);
        }
    }

    fn take(&mut self, other: Self) {
        self.passed |= other.passed;
        self.failed.extend(other.failed);
        self.findings.extend(other.findings);
    }

    fn overall(&self) -> Option<Cause> {
        let open = |cause: &Cause| matches!(cause, Cause::Undetermined | Cause::NotYet);
        let causes: BTreeSet<_> = self.failed.iter().map(|(_, cause)| *cause).collect();
        let definite: Vec<_> = causes.iter().filter(|cause| !open(cause)).collect();
        match definite[..] {
            [] => causes.first().copied(),
            [one] => Some(*one),
            _ => Some(Cause::Denied),
        }
    }

    fn answer(self) -> Answer {
        let missed = |check: &str| {
            let mut failed = self.failed.iter();
            failed.any(|(name, cause)| *name == check && *cause != Cause::NotYet)
        };
        let mut findings = self.findings.iter();
        let revoked = findings.any(|(code, _, check)| *code == "revoked" && missed(check));
        let (decision, exit) = match self.overall() {
            None if self.passed => ("allow", 0),
            Some(cause) if cause != Cause::NotYet && revoked => ("deny", 14),
            Some(Cause::Undetermined) => ("undetermined", 3),
            Some(Cause::NotYet) => ("deny", 4),
            Some(Cause::Denied) => ("deny", 1),
            None | Some(Cause::Nothing) => ("deny", 10),
            Some(Cause::Untrusted) => ("deny", 11),
            Some(Cause::Invalid) => ("deny", 12),
            Some(Cause::OtherSubject) => ("deny", 13),
            Some(Cause::Expired) => ("deny", 14),
        };
        Answer {
            decision,
            exit,
            findings: self.findings,
        }
    }
}

/// The best of what was wrong with candidates.
fn best(causes: impl IntoIterator<Item = Cause>) -> Cause {
    causes.into_iter().min().unwrap_or(Cause::Nothing)
}
