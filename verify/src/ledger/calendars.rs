//! Calendars of freezes: those by who may sign them, and which of them was there at a time.
//!
//! Each names the one before it, so from the newest one a line leads back. At a time that counts which
//! is the first of the line that certainly was there. Where it is open whether one was there already,
//! because nothing but its signer's word says when it was made, that one and those before it may have
//! been in force. What may not be genuine begins no line, and may have been in force beside one.

use std::collections::BTreeMap;

use bulla_model::predicate::checkpoint::FreezeHead;
use bulla_model::predicate::{Freeze, Predicate as _, freeze};
use bulla_model::{Digest, Scope, Statement};
use jiff::Timestamp;
use serde_json::Value;

use super::UnsureCalendar;
use super::checkpoints::{Checkpoints, Listed};
use super::named::{Names, could, ever, surely};
use super::revocations::{Revocations, is_any_version, is_of_another};
use crate::calendar::Budget;
use crate::candidate::Candidate;
use crate::question::Question;
use crate::reached::Reached;
use crate::verified::{SignedTime, Verified};

/// How many that may not be genuine are looked at for one step. Whoever has an ended key leaves the answer
/// open with a single one; more of them only take time.
const UNSURE: usize = 8;

/// What is there for one ledger.
#[derive(Debug)]
pub(crate) struct Calendars {
    held: BTreeMap<Digest, Calendar>,
    /// From each newest one that is surely genuine back to the first.
    lines: Vec<Line>,
    /// What a checkpoint lists and is not there.
    missing: Option<(FreezeHead, Option<Digest>)>,
    /// The same, if it was taken back: then nobody misses it.
    lost: Vec<Digest>,
    now: Timestamp,
    budget: Budget<'static>,
}

impl Default for Calendars {
    fn default() -> Self {
        Self {
            held: BTreeMap::new(),
            lines: Vec::new(),
            missing: None,
            lost: Vec::new(),
            now: Timestamp::default(),
            budget: Budget::of_verdict(),
        }
    }
}

/// A calendar by somebody who may sign it, or might have been allowed to.
#[derive(Debug)]
pub(crate) struct Calendar {
    pub(crate) payload: Digest,
    pub(crate) manifest: Option<Digest>,
    /// What it says, or why that cannot be read.
    pub(crate) said: Result<Verified<Freeze>, String>,
    serial: Option<u64>,
    previous: Option<Digest>,
    /// Before this it was not there: the earliest of all words and proofs, and not before what it
    /// names.
    early: Timestamp,
    /// By then it was there.
    proof: Option<Timestamp>,
    /// When its signer says.
    claim: Option<Timestamp>,
    /// Whether more than an ended key says that it is genuine.
    sure: bool,
    /// Whether every copy of it was taken back.
    revoked: bool,
}

#[derive(Debug, Default)]
struct Line {
    /// Newest first.
    links: Vec<Digest>,
    /// Whether it leads to the first one.
    whole: bool,
}

/// Which calendars may have been in force at a time.
#[derive(Debug, Default)]
pub(crate) struct Applying<'a> {
    /// Each of them once.
    pub(crate) calendars: Vec<&'a Calendar>,
    /// Whether there may have been none yet.
    pub(crate) none: bool,
    /// Why there may be others, with where that is said.
    pub(crate) doubts: Vec<(String, Option<Digest>)>,
    /// Two of one serial.
    pub(crate) twins: Option<(&'a Calendar, &'a Calendar)>,
}

/// When a step is judged.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment {
    pub(crate) at: Timestamp,
    /// Whether it is about to be taken: everything at hand is there.
    pub(crate) is_now: bool,
    /// Whether the word of a signer is taken for when something was there.
    pub(crate) claims: bool,
}

impl Moment {
    /// Times are whole seconds: what is of the same one was not there before.
    fn may_have_seen(self, early: Timestamp) -> bool {
        self.is_now || early < self.at
    }

    fn has_seen(self, by: Timestamp) -> bool {
        self.is_now || by < self.at
    }
}

impl Calendars {
    /// The calendars of this ledger. Strangers' are passed over, and those of other ledgers.
    pub(super) fn among<'a>(
        question: &Question<'_>,
        scope: &Scope,
        candidates: impl Iterator<Item = &'a Candidate>,
        checkpoints: &Checkpoints,
        (revocations, reached): (&Revocations, &Reached),
    ) -> Self {
        let mut out = Self {
            now: question.now,
            ..Self::default()
        };
        if !question.policy.knows_freezes() {
            return out;
        }
        let listed = checkpoints.freezes();
        for statement in candidates.filter_map(|candidate| candidate.outcome().ok()) {
            let kind = statement.value().predicate_type().as_str();
            if is_any_version(kind, freeze::TYPE)
                && let Some(one) = Calendar::of(question, scope, statement, &listed)
            {
                let seen = listed.get(statement.payload()).copied();
                let revoked = revocations.voids(statement, reached, seen).is_some();
                out.add(Calendar { revoked, ..one });
            }
        }
        out.look_for_listed(checkpoints, revocations);
        out.put_in_order();
        out
    }

    /// What the newest checkpoint lists has to be there. If that was taken back, then what an earlier
    /// one lists, unless a later calendar is there: what leads back from that tells of a gap.
    fn look_for_listed(&mut self, checkpoints: &Checkpoints, revocations: &Revocations) {
        let newest = checkpoints.readable.first();
        if newest.is_none_or(|newest| newest.value().freeze.is_none()) {
            return;
        }
        let mut first = None;
        for checkpoint in &checkpoints.readable {
            let Some(head) = &checkpoint.value().freeze else {
                continue;
            };
            let first = first.get_or_insert(&head.digest);
            let is_replaced = || {
                let top = self.tops().next().and_then(|top| top.serial);
                **first != head.digest && top > Some(head.serial)
            };
            match self.held.get(&head.digest) {
                Some(one) if one.revoked => {}
                Some(one) if one.serial == Some(head.serial) => return,
                None if revocations.of_payload(&head.digest) => self.lost.push(head.digest.clone()),
                _ if is_replaced() => return,
                _ => {
                    self.missing = Some((head.clone(), checkpoint.manifest().cloned()));
                    return;
                }
            }
        }
    }

    /// What names another was made after it, whatever it says itself.
    fn put_in_order(&mut self) {
        let mut order: Vec<_> = self.held.values().collect();
        order.sort_by_key(|one| one.serial);
        let order: Vec<_> = order.iter().map(|one| one.payload.clone()).collect();
        for payload in &order {
            let before = self.held.get(payload).and_then(|one| self.before(one));
            let before = before.map(|before| before.early);
            if let Some((one, before)) = self.held.get_mut(payload).zip(before) {
                one.early = one.early.max(before);
            }
        }
        self.lines = self.tops().map(|top| self.line(top)).collect();
    }

    /// The one that it took the place of. Numbers count down one by one.
    fn before(&self, one: &Calendar) -> Option<&Calendar> {
        let before = self.held.get(one.previous.as_ref()?)?;
        let next = before.serial?.checked_add(1);
        (next == one.serial).then_some(before)
    }

    /// Of copies together the earliest word counts and the earliest proof: whoever takes the record
    /// off one, or has it recorded once more, changes nothing.
    fn add(&mut self, one: Calendar) {
        let Some(held) = self.held.get_mut(&one.payload) else {
            self.held.insert(one.payload.clone(), one);
            return;
        };
        // A copy without a word had its record taken off: that says nothing.
        let early = [held.early, one.early].into_iter();
        let early = early.filter(|early| *early != Timestamp::MIN).min();
        held.early = early.unwrap_or(Timestamp::MIN);
        held.proof = held.proof.into_iter().chain(one.proof).min();
        held.claim = held.claim.into_iter().chain(one.claim).min();
        held.sure |= one.sure;
        held.revoked &= one.revoked;
        // The first by its manifest stands for all, whatever the order of the registry's list.
        if one.manifest < held.manifest {
            (held.manifest, held.said) = (one.manifest, one.said);
        }
    }

    /// Of those that are surely genuine the ones of the highest serial; none that was taken back.
    fn tops(&self) -> impl Iterator<Item = &Calendar> {
        let kept = || self.held.values().filter(|one| one.sure && !one.revoked);
        let highest = kept().filter_map(|one| one.serial).max();
        kept().filter(move |one| one.serial == highest && highest.is_some())
    }

    /// Those above them that may not be genuine. Whoever has an ended key can sign any number of these,
    /// with any serial and any time, so they only add to what may have been in force.
    fn unsure(&self) -> impl Iterator<Item = &Calendar> {
        let highest = self.tops().next().and_then(|top| top.serial);
        let kept = self.held.values().filter(|one| !one.sure && !one.revoked);
        kept.filter(move |one| one.serial > highest)
    }

    fn line(&self, top: &Calendar) -> Line {
        let mut line = Line::default();
        let mut next = Some(top);
        while let Some(one) = next {
            line.links.push(one.payload.clone());
            line.whole = one.serial == Some(1);
            next = self.before(one);
        }
        line
    }

    /// The newest ones that can be read.
    pub(super) fn newest(&self) -> Vec<Verified<Freeze>> {
        let read = |one: &Calendar| one.said.as_ref().ok().cloned();
        self.tops().filter_map(read).collect()
    }

    /// Payload digests of the newest ones that cannot.
    pub(super) fn unreadable(&self) -> Vec<Digest> {
        let nameless = self.nameless().filter(|one| one.sure);
        let unreadable = self.tops().chain(nameless).filter(|one| one.said.is_err());
        unreadable.map(|one| one.payload.clone()).collect()
    }

    /// Those that may not be genuine, and take part all the same.
    pub(super) fn doubtful(&self) -> Vec<UnsureCalendar> {
        let nameless = self.nameless().filter(|one| !one.sure);
        let all = self.unsure().chain(nameless);
        all.map(|one| UnsureCalendar {
            payload: one.payload.clone(),
            said: one.said.as_ref().ok().cloned(),
        })
        .collect()
    }

    /// Payload digests of those that were taken back.
    pub(super) fn revoked(&self) -> Vec<Digest> {
        let revoked = self.held.values().filter(|one| one.revoked);
        let revoked = revoked.map(|one| &one.payload);
        revoked.chain(&self.lost).cloned().collect()
    }

    /// What a checkpoint lists as in force and is not there.
    pub(super) fn missing(&self) -> Option<&FreezeHead> {
        self.missing.as_ref().map(|(head, _)| head)
    }

    /// Those that do not even say which place they take.
    fn nameless(&self) -> impl Iterator<Item = &Calendar> {
        let kept = self.held.values().filter(|one| !one.revoked);
        kept.filter(|one| one.serial.is_none())
    }

    /// What may be looked at for the whole verdict.
    pub(crate) fn budget(&self) -> &Budget<'static> {
        &self.budget
    }

    /// What may have been in force at this moment.
    pub(crate) fn at(&self, moment: Moment) -> Applying<'_> {
        let mut out = Applying::default();
        if let Some((head, manifest)) = &self.missing {
            let line = format!(
                "calendar {} ({}), which a checkpoint lists, is not there, or not by who may",
                head.serial, head.digest
            );
            out.doubts.push((line, manifest.clone()));
        }
        let may_have_seen = |one: &&Calendar| moment.may_have_seen(one.early);
        let nameless = || self.nameless().filter(may_have_seen);
        out.calendars.extend(nameless().filter(|one| one.sure));
        let mut tops = Vec::new();
        for line in &self.lines {
            tops.extend(self.follow(line, moment, &mut out));
        }
        let unsure = self.unsure().filter(may_have_seen);
        let unsure: Vec<_> = nameless().filter(|one| !one.sure).chain(unsure).collect();
        if unsure.len() > UNSURE {
            let message = format!("{} calendars may be genuine or not", unsure.len());
            let first = unsure.first().and_then(|one| one.manifest.clone());
            out.doubts.push((message, first));
        } else {
            out.calendars.extend(unsure);
        }
        out.none |= self.lines.is_empty();
        out.calendars.sort_by_key(|one| (one.serial, &one.payload));
        out.calendars.dedup_by_key(|one| &one.payload);
        tops.sort_by_key(|(one, is_certain)| (!is_certain, &one.payload));
        if let [(one, _), (other, is_certain), ..] = tops.as_slice() {
            // The certain ones come first.
            if *is_certain {
                out.twins = Some((*one, *other));
            } else {
                let message = format!("there may have been two of {}", one.name());
                out.doubts.push((message, one.manifest.clone()));
            }
        }
        out
    }

    /// Adds what of a line may have been in force. Answers its newest one if that may have been there,
    /// and whether it certainly was.
    fn follow<'a>(
        &'a self,
        line: &Line,
        moment: Moment,
        out: &mut Applying<'a>,
    ) -> Option<(&'a Calendar, bool)> {
        // Everything at hand is there now, and was there before what names it.
        let (mut by, mut top) = (self.now, None);
        let links = line.links.iter().filter_map(|link| self.held.get(link));
        for (one, place) in links.zip(0_usize..) {
            let claim = one.claim.filter(|_| moment.claims);
            by = one.proof.into_iter().chain(claim).fold(by, Timestamp::min);
            if one.revoked || !moment.may_have_seen(one.early) {
                continue;
            }
            out.calendars.push(one);
            let is_certain = moment.has_seen(by);
            if place == 0 {
                top = Some((one, is_certain));
            }
            if is_certain {
                return top;
            }
        }
        if line.whole {
            out.none = true;
            return top;
        }
        let last = line.links.last().and_then(|last| self.held.get(last));
        let name = last.map_or_else(String::new, |last| last.payload.to_string());
        let message = format!("the calendar that {name} took the place of is not there");
        out.doubts
            .push((message, last.and_then(|last| last.manifest.clone())));
        top
    }
}

impl Calendar {
    fn of(
        question: &Question<'_>,
        scope: &Scope,
        statement: &Verified<Statement>,
        listed: &Listed<'_>,
    ) -> Option<Self> {
        let kind = statement.value().predicate_type().as_str();
        let said = if Freeze::TYPES.contains(&kind) {
            let read = statement.predicate::<Freeze>();
            read.map_err(|error| error.to_string())
        } else {
            Err(kind.to_owned())
        };
        let is_ours = match &said {
            Ok(said) => said.value().scope == *scope,
            Err(_) => !is_of_another(statement.value(), scope),
        };
        let names: Names = |policy| policy.freezes().map(|rule| rule.by.as_slice());
        let (policy, now) = (question.policy, question.now);
        let (signer, time) = (statement.signer(), statement.time());
        let seen = listed.get(statement.payload()).copied();
        // What the ledger's owner saw is theirs also if their key ended before, as is known since.
        let is_theirs = || match seen {
            Some(_) => ever(policy, names, signer, time, now),
            None => could(policy, names, signer, time, now),
        };
        if !is_ours || !is_theirs() {
            return None;
        }
        let (proof, word, claim) = match time {
            // Also of one that is proven the word counts where words do: anybody can take the proof off.
            SignedTime::Proven(proof, word) => (Some(proof), word, word),
            SignedTime::Claimed(word) => (None, Some(word), Some(word)),
            SignedTime::Unknown => (None, None, None),
        };
        let (serial, previous) = place(statement.value(), &said);
        let early = proof.into_iter().chain(word).min();
        Some(Self {
            payload: statement.payload().clone(),
            manifest: statement.manifest().cloned(),
            said: said.map_err(|because| {
                let because: String = because.chars().take(200).collect();
                because.escape_debug().to_string()
            }),
            serial,
            previous,
            // Whatever clocks say, it is here.
            early: early.unwrap_or(Timestamp::MIN).min(now),
            proof: proof.into_iter().chain(seen).min(),
            claim,
            sure: seen.is_some() || surely(policy, names, signer, time, now),
            revoked: false,
        })
    }

    /// Its name, for people.
    pub(crate) fn name(&self) -> String {
        match self.serial {
            Some(serial) => format!("calendar {serial}"),
            None => format!("calendar {}", self.payload),
        }
    }
}

/// Its serial and what it took the place of, as far as it says that in a form that can be read.
fn place(
    statement: &Statement,
    said: &Result<Verified<Freeze>, String>,
) -> (Option<u64>, Option<Digest>) {
    if let Ok(said) = said {
        let said = said.value();
        return (Some(said.serial), said.previous.clone());
    }
    let json = statement.predicate_json().unwrap_or_default();
    let said: Value = serde_json::from_str(json).unwrap_or_default();
    let previous = said.get("previous").and_then(Value::as_str);
    let serial = said.get("serial").and_then(Value::as_u64);
    (serial, previous.and_then(|text| text.parse().ok()))
}

#[cfg(test)]
mod tests;
