//! Waivers: persons who answer for a finding being overlooked for a while.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use bulla_model::predicate::{Predicate as _, Waiver};
use bulla_model::{Digest, Environment, Identity, Person};

use super::{CHECK, Found, VulnerabilitiesRule, WaiversRule};
use crate::code::Code;
use crate::eligible::{judge_time, match_any, refused};
use crate::evidence::Evidence;
use crate::policy::{Actor, Matched, show_duration};
use crate::question::Context;
use crate::require::StepAtHand;
use crate::verdict::{Finding, Severity};
use crate::verified::Verified;

/// Who waived what, by the lower-case ids of findings.
#[derive(Default)]
pub(super) struct Waivers {
    threshold: usize,
    persons: BTreeMap<String, BTreeSet<Person>>,
    /// Why others do not count. One entry for each, however often it is attached.
    refused: BTreeMap<Key, Refused>,
    /// Those that were taken back and would count otherwise.
    revoked: BTreeMap<Key, Refused>,
}

/// One payload by one signer.
type Key = (Digest, Identity);

/// A waiver that does not count.
struct Refused {
    ids: BTreeSet<String>,
    /// Whether it is about the artifact.
    is_about: bool,
    finding: Finding,
}

impl Waivers {
    pub(super) fn of(
        context: &Context<'_>,
        step: &StepAtHand<'_>,
        rule: &VulnerabilitiesRule,
    ) -> Self {
        let mut waivers = Self::default();
        let Some(rule) = &rule.waivers else {
            return waivers;
        };
        waivers.threshold = rule.threshold;
        let into = &step.edge.to.uri;
        for candidate in context.candidates {
            let kind = candidate.claimed_type();
            if kind.is_none_or(|kind| !Waiver::TYPES.contains(&kind.as_str())) {
                continue;
            }
            let taken_back = candidate.outcome().err();
            let statement = candidate.outcome().ok().or(candidate.voided.as_ref());
            let Some(statement) = statement else { continue };
            let Ok(waiver) = statement.predicate::<Waiver>() else {
                continue;
            };
            let is_about = Evidence::is_about(statement.value(), context.covering);
            if waiver.value().gate != CHECK {
                continue;
            }
            let ids = waiver.value().findings.iter();
            let ids: BTreeSet<String> = ids.map(|id| id.to_ascii_lowercase()).collect();
            let judged = judge(context, rule, (into, step.at), &waiver, is_about);
            let key = (waiver.payload().clone(), waiver.signer().clone());
            match (judged, taken_back) {
                (Ok(person), None) => {
                    for id in ids {
                        let persons = waivers.persons.entry(id).or_default();
                        persons.insert(person.clone());
                    }
                }
                (Ok(_), Some(refusal)) => {
                    let finding = refused(CHECK, refusal, candidate.manifest());
                    let finding = finding.severity(Severity::Note);
                    let refused = Refused {
                        ids,
                        is_about,
                        finding,
                    };
                    waivers.revoked.entry(key).or_insert(refused);
                }
                (Err(finding), _) => {
                    let finding = finding.at(candidate.manifest(), "/predicate");
                    let refused = Refused {
                        ids,
                        is_about,
                        finding,
                    };
                    waivers.refused.entry(key).or_insert(refused);
                }
            }
        }
        waivers
    }

    /// The persons who waive a finding, if they are enough.
    pub(super) fn covers(&self, found: &Found) -> Option<BTreeSet<&Person>> {
        let persons = self.given(found);
        (self.threshold > 0 && persons.len() >= self.threshold).then_some(persons)
    }

    /// How many of how many waive it, where some do and they are not enough.
    pub(super) fn short(&self, found: &Found) -> Option<String> {
        let given = self.given(found).len();
        (given > 0).then(|| format!("{given} of {} waive it", self.threshold))
    }

    /// Why waivers of this finding do not count, those about the artifact first: whoever may attach
    /// copies has many of others.
    pub(super) fn refused<'s>(&'s self, found: &'s Found) -> impl Iterator<Item = &'s Finding> {
        let own = self.refused.values().filter(|one| one.is_about);
        let others = self.refused.values().filter(|one| !one.is_about);
        let all = own.chain(others).filter(|one| one.names(found));
        all.map(|one| &one.finding)
    }

    /// The first waiver of this finding that was taken back by a revocation.
    pub(super) fn revoked(&self, found: &Found) -> Option<&Finding> {
        let mut revoked = self.revoked.values();
        revoked.find(|one| one.names(found)).map(|one| &one.finding)
    }

    fn given(&self, found: &Found) -> BTreeSet<&Person> {
        let persons = found.keys.iter().filter_map(|key| self.persons.get(key));
        persons.flatten().collect()
    }
}

impl Refused {
    fn names(&self, found: &Found) -> bool {
        found.keys.iter().any(|key| self.ids.contains(key))
    }
}

/// The person whose waiver counts here and then.
fn judge(
    context: &Context<'_>,
    rule: &WaiversRule,
    (into, at): (&Environment, Timestamp),
    waiver: &Verified<Waiver>,
    is_about: bool,
) -> Result<Person, Finding> {
    let said = waiver.value();
    let unusable = |message: String| {
        let finding = Finding::new(Code::WaiverUnusable, CHECK, message);
        finding.severity(Severity::Note)
    };
    let person = signer(context, rule, waiver).map_err(unusable)?;
    if !is_about {
        let message = format!("{person}'s waiver is about something else");
        return Err(unusable(message));
    }
    let unusable = |message: String| unusable(message).severity(Severity::Warning);
    if !said.environments.contains(into) {
        let message = format!("{person}'s waiver is for another environment");
        return Err(unusable(message).expected(into.to_string()));
    }
    let (time, now, tier) = (waiver.time(), context.question.now, context.tier_rule);
    if let Some((_, _, reason)) = judge_time(time, true, tier, at, now, None) {
        return Err(unusable(format!(
            "{person}'s waiver does not count: {reason}"
        )));
    }
    if time.existed_by().is_none() {
        return Err(unusable(format!(
            "nothing says when {person}'s waiver was given"
        )));
    }
    let term = said.not_after.duration_since(said.issued_at);
    if term > rule.max_term {
        let message = format!("{person}'s waiver is given for too long");
        return Err(unusable(message)
            .expected(format!("at most {}", show_duration(rule.max_term)))
            .found(show_duration(term)));
    }
    if at >= said.not_after {
        let message = format!("{person}'s waiver could be used until {}", said.not_after);
        let finding = Finding::new(Code::WaiverExpired, CHECK, message);
        return Err(finding.severity(Severity::Warning));
    }
    Ok(person)
}

/// The person behind a waiver, if it is one who may give it. Persons are those of now.
fn signer(
    context: &Context<'_>,
    rule: &WaiversRule,
    waiver: &Verified<Waiver>,
) -> Result<Person, String> {
    let question = context.question;
    let people = &question.policy.people;
    let (who, time, now) = (waiver.signer(), waiver.time(), question.now);
    let person = match people.actor(who, time, now) {
        Actor::Person(person) => person,
        Actor::OutOfTime => return Err("a waiver by a key of another time".to_owned()),
        Actor::Machine(_) | Actor::Unknown => {
            return Err("a waiver by no person the policy knows".to_owned());
        }
    };
    let named = rule.by.is_empty()
        || match_any(context.policy, question.policy, &rule.by, who, time, now) == Matched::Yes;
    if named && people.holds_one_of(&person, &rule.roles) {
        Ok(person)
    } else {
        Err(format!("{person} may not waive"))
    }
}
