//! Step 8: what a step takes, as of the time it was taken.

use std::collections::BTreeSet;

use super::super::world::{
    Approval, Approvals, Binding, Body, Edge, Event, Evidence, Exclusion, Link, Minute, Place,
    Policy, Promotion, Provenance, Require, Soak, Step, Thing,
};
use super::people::Actor;
use super::who::{Match, Time, named};
use super::{Cause, Given, Report, Seen, Wanted, best, best_known};

/// A step as it was taken.
pub(super) struct Taken<'a> {
    pub(super) version: usize,
    pub(super) service: usize,
    pub(super) step: Step,
    pub(super) audience: &'a [usize],
    pub(super) subjects: &'a [Thing],
    pub(super) binding: &'a Binding,
    pub(super) previous: &'a [Link],
    pub(super) signer: (usize, Time),
    pub(super) at: Minute,
    /// Whether it is about to be taken.
    pub(super) is_next: bool,
    /// The promotions it follows, directly or not.
    pub(super) before: Vec<(Promotion, Time)>,
}

/// The edge's, what its version of the policy adds, and freezes.
pub(super) fn judge_all(given: &Given<'_>, taken: &Taken<'_>, edge: &Edge, report: &mut Report) {
    let policy = taken.policy(given);
    let tier = policy.services[taken.service].tier;
    let surely_before = |since| {
        if taken.is_next {
            !policy.tiers[tier].claims && given.now < since
        } else {
            taken.signer.1.proof.is_some_and(|proof| proof < since)
        }
    };
    let added = policy.added(taken.service);
    let added = added.filter(|rule| rule.is_about(taken.step, tier));
    let added = added.filter(|rule| !rule.since.is_some_and(surely_before));
    let rules: Vec<_> = std::iter::once(&edge.require)
        .chain(added.map(|rule| &rule.require))
        .collect();
    for rule in &rules {
        judge(given, taken, rule, report);
    }
    let approvals = rules.iter().filter_map(|rule| rule.approvals.as_ref());
    let approvals: Vec<_> = approvals.collect();
    super::freeze::judge(given, taken, &approvals, report);
}

pub(super) fn judge(given: &Given<'_>, taken: &Taken<'_>, rules: &Require, report: &mut Report) {
    if let Some(rule) = &rules.provenance {
        provenance(given, taken, rule, report);
    }
    if let Some(rule) = &rules.sbom {
        sbom(given, taken, rule, report);
    }
    if let Some(rule) = &rules.tests {
        tests(given, taken, rule, report);
    }
    if let Some(rule) = &rules.soak {
        soak(given, taken, rule, report);
    }
    if let Some(rule) = &rules.approvals {
        approvals(given, taken, rule, report);
    }
    if let Some(max) = rules.age {
        let issued = taken.signer.1.issued();
        let young = issued.is_some_and(|issued| taken.at - issued <= max);
        report.passed = true;
        if !taken.is_next && !young {
            report.fail("promotionAge", "promotion-expired", Cause::Expired);
        }
    }
}

impl Taken<'_> {
    fn policy<'c>(&self, given: &'c Given<'_>) -> &'c Policy {
        &given.world.policies[self.version]
    }

    fn wanted<'b>(
        &self,
        given: &Given<'_>,
        by: &'b [usize],
        max_age: Option<Minute>,
    ) -> Wanted<'b> {
        let policy = self.policy(given);
        Wanted {
            version: self.version,
            by,
            claims: policy.tiers[policy.services[self.service].tier].claims,
            at: self.at,
            max_age,
        }
    }
}

fn causes(wrong: &[(Cause, &'static str)]) -> impl Iterator<Item = Cause> {
    wrong.iter().map(|(cause, _)| *cause)
}

fn provenance(given: &Given<'_>, taken: &Taken<'_>, rule: &Provenance, report: &mut Report) {
    let wanted = taken.wanted(given, &rule.by, None);
    let (good, mut wrong) = given.eligible(&wanted, |body| matches!(body, Body::Provenance { .. }));
    for seen in good {
        let Body::Provenance { builder, .. } = seen.body else {
            continue;
        };
        if rule.builder.is_none_or(|wanted| wanted == *builder) {
            report.passed = true;
            return;
        }
        wrong.push((Cause::Denied, "provenance-mismatch"));
    }
    let cause = given.soft(best(causes(&wrong)));
    report.fail("provenance", "provenance-missing", cause);
    for (_, code) in &wrong {
        let own = *code == "provenance-mismatch";
        report.tell(code, if own { "error" } else { "note" }, "provenance");
    }
}

fn sbom(given: &Given<'_>, taken: &Taken<'_>, rule: &Evidence, report: &mut Report) {
    let wanted = taken.wanted(given, &rule.by, rule.max_age);
    let (good, mut wrong) = given.eligible(&wanted, |body| matches!(body, Body::Sbom { .. }));
    for seen in good {
        if matches!(seen.body, Body::Sbom { empty: false }) {
            report.passed = true;
            return;
        }
        wrong.push((Cause::Denied, "sbom-empty"));
    }
    let cause = given.soft(best(causes(&wrong)));
    report.fail("sbom", "sbom-missing", cause);
    for (_, code) in &wrong {
        let own = *code == "sbom-empty";
        report.tell(code, if own { "error" } else { "note" }, "sbom");
    }
}

fn tests(given: &Given<'_>, taken: &Taken<'_>, rule: &Evidence, report: &mut Report) {
    let wanted = taken.wanted(given, &rule.by, rule.max_age);
    let kind = |body: &Body| matches!(body, Body::Tests { .. });
    let (good, wrong) = given.eligible(&wanted, kind);
    let failed = |seen: &Seen<'_>| matches!(seen.body, Body::Tests { failed: true });
    // Each with its time, and whether it failed: whatever is eligible, and every failure that is not
    // surely too old.
    let mut runs: Vec<(Option<Minute>, bool)> = Vec::new();
    for (told, since) in given.against(&wanted, kind) {
        let best = good
            .iter()
            .find(|seen| seen.link == told.link && seen.key == told.key);
        let too_old = |since: Minute| rule.max_age.is_some_and(|limit| wanted.at - since > limit);
        match best {
            Some(_) if failed(told) => runs.push((since, true)),
            Some(seen) => runs.push((seen.time.issued(), false)),
            None if failed(told) && !since.is_some_and(too_old) => runs.push((since, true)),
            None => {}
        }
    }
    let newest = runs.iter().filter_map(|(time, _)| *time).max();
    let mut counting = runs
        .iter()
        .filter(|(time, _)| time.is_none() || *time == newest);
    if runs.is_empty() {
        let cause = given.soft(best(causes(&wrong)));
        report.fail("tests", "tests-missing", cause);
        report.notes("tests", &wrong);
    } else if counting.any(|(_, failed)| *failed) {
        report.fail("tests", "tests-failed", Cause::Denied);
    } else if given.world.incomplete() {
        report.failed.push(("tests", Cause::Undetermined));
    } else {
        report.passed = true;
    }
}

fn soak(given: &Given<'_>, taken: &Taken<'_>, rule: &Soak, report: &mut Report) {
    let clusters = &taken.policy(given).places[rule.place].audience;
    let happened = |seen: &Seen<'_>, events: &[Event], service: Option<usize>| {
        let Body::Deployment {
            place,
            audience,
            service: of,
            event,
        } = seen.body
        else {
            return false;
        };
        let meant = clusters.is_empty()
            || audience.is_empty()
            || audience.iter().any(|one| clusters.contains(one));
        *place == rule.place
            && meant
            && events.contains(event)
            && service.is_none_or(|service| service == *of)
    };
    let wanted = taken.wanted(given, &rule.by, None);
    let (good, wrong) = given.eligible(&wanted, |body| matches!(body, Body::Deployment { .. }));
    let mut successes: Vec<_> = good
        .into_iter()
        .filter(|seen| happened(seen, &[Event::Succeeded], Some(taken.service)))
        .filter(|seen| !seen.time.contradicts(given.now, true))
        .filter_map(|seen| seen.time.existed())
        .collect();
    successes.sort_unstable();
    let broke = given.seen.iter().filter(|seen| {
        seen.refused.is_none()
            && given.is_about(seen)
            && happened(seen, &[Event::Failed, Event::RolledBack], None)
            && seen.time.there(taken.at)
            && named(given.world, taken.version, &rule.by, seen.key, seen.time) != Match::No
    });
    let broke = best_known(broke.collect()).into_iter();
    let broken = broke
        .map(|seen| seen.time.existed().unwrap_or(taken.at))
        .max();
    let broken = broken.filter(|_| rule.healthy);
    let into = |place: Place| {
        let before = taken.before.iter();
        before.filter(move |(one, _)| one.step.to == place)
    };
    let promoted = into(rule.place)
        .filter_map(|(_, time)| time.existed())
        .max();
    let again = broken.map(|broken| successes.iter().copied().find(|one| *one > broken));
    if again == Some(None) {
        report.fail("soak", "soak-broken", given.soft(Cause::Denied));
        return;
    }
    let begun = if rule.from_promotion {
        promoted
    } else {
        let mut since = successes.iter().copied();
        since.find(|one| promoted.is_none_or(|promoted| *one >= promoted))
    };
    let Some(begun) = begun else {
        let cause = match best(causes(&wrong)) {
            Cause::Nothing => Cause::NotYet,
            cause => cause,
        };
        report.fail("soak", "soak-missing", given.soft(cause));
        report.notes("soak", &wrong);
        return;
    };
    let start = again.flatten().map_or(begun, |again| begun.max(again));
    if taken.at - start < rule.min {
        report.fail("soak", "soak-short", given.soft(Cause::NotYet));
    } else if rule.healthy && given.world.incomplete() {
        report.failed.push(("soak", Cause::Undetermined));
    } else {
        report.passed = true;
    }
}

/// Whom a rule keeps from approving, in its order, and whether all of them are known.
fn excluded(
    given: &Given<'_>,
    taken: &Taken<'_>,
    rule: &Approvals,
) -> (Vec<(&'static str, usize)>, bool) {
    let policy = taken.policy(given);
    let tightened = policy.services.iter().flat_map(|service| &service.tighten);
    let tightened = policy.tighten.iter().chain(tightened);
    let rules = policy.edges.iter().map(|edge| &edge.require);
    let rules = rules.chain(tightened.map(|rule| &rule.require));
    let by: Vec<_> = rules
        .filter_map(|require| require.provenance.as_ref())
        .flat_map(|rule| rule.by.clone())
        .collect();
    let wanted = taken.wanted(given, &by, None);
    let (built, _) = given.eligible(&wanted, |body| matches!(body, Body::Provenance { .. }));
    let mut persons = Vec::new();
    let mut known = true;
    let mut signer = |code, actor| match actor {
        Actor::Person(person) => persons.push((code, person)),
        Actor::Machine => {}
        Actor::Late | Actor::Unknown => known = false,
    };
    let mut authors = Vec::new();
    let mut told = true;
    for exclusion in &rule.exclude {
        match exclusion {
            Exclusion::Promoter | Exclusion::Requester => {
                signer(
                    "approver-is-promoter",
                    given.actor(taken.signer.0, taken.signer.1),
                );
            }
            Exclusion::Builder => {
                told &= !built.is_empty();
                for seen in &built {
                    signer("approver-is-builder", given.actor(seen.key, seen.time));
                }
            }
            Exclusion::Author => {
                told &= !built.is_empty();
                for seen in &built {
                    let Body::Provenance { authors: said, .. } = seen.body else {
                        continue;
                    };
                    let said = said.as_deref().unwrap_or_default();
                    told &= !said.is_empty();
                    told &= said.iter().all(|one| *one < given.current().people.len());
                    authors.extend(said.iter().copied());
                }
            }
        }
    }
    let code = |exclusion: &Exclusion| match exclusion {
        Exclusion::Author => "approver-is-author",
        Exclusion::Builder => "approver-is-builder",
        Exclusion::Promoter | Exclusion::Requester => "approver-is-promoter",
    };
    persons.extend(authors.into_iter().map(|one| ("approver-is-author", one)));
    let place = |told: &str| rule.exclude.iter().position(|one| code(one) == told);
    persons.sort_by_key(|(code, _)| place(code));
    (persons, known && told)
}

/// Why an approval is not a person's yes: its code, and the cause if that is definite. Or whose.
fn approves(
    given: &Given<'_>,
    taken: &Taken<'_>,
    rule: &Approvals,
    excluded: &[(&'static str, usize)],
    seen: &Seen<'_>,
    said: &Approval,
) -> Result<usize, (&'static str, Option<Cause>)> {
    let person = match given.actor(seen.key, seen.time) {
        Actor::Person(person) => person,
        Actor::Late => return Err(("key-expired", None)),
        Actor::Machine | Actor::Unknown if said.relayed => return Err(("relay-unknown", None)),
        Actor::Machine | Actor::Unknown => return Err(("approver-unknown", None)),
    };
    if seen.subjects != taken.subjects {
        return Err(("subject-mismatch", None));
    }
    if said.step != taken.step || said.audience != taken.audience {
        return Err(("approval-mismatch", None));
    }
    if !said.approves {
        return Err(("approval-rejected", None));
    }
    let policy = taken.policy(given);
    let tier = &policy.tiers[policy.services[taken.service].tier];
    if said.draft && !tier.drafts {
        return Err(("draft-predicate", Some(Cause::Denied)));
    }
    if said.service != taken.service
        || said.policy != *taken.binding
        || said.previous != taken.previous
    {
        return Err(("approval-mismatch", Some(Cause::Denied)));
    }
    given
        .timely(seen.time, true, tier.claims, taken.at, rule.max_age)
        .map_err(|(cause, code)| (code, Some(cause)))?;
    if taken.at >= said.not_after {
        return Err(("statement-stale", Some(Cause::Expired)));
    }
    if said.relayed {
        return Err(("approval-relayed", Some(Cause::Denied)));
    }
    let roles = &given.current().people[person].roles;
    if rule.role.is_some_and(|role| !roles.contains(&role)) {
        return Err(("approver-unknown", Some(Cause::Denied)));
    }
    match excluded.iter().find(|(_, other)| *other == person) {
        Some((code, _)) => Err((code, Some(Cause::Denied))),
        None => Ok(person),
    }
}

/// How many persons count for a rule, and whether all whom it excludes are known.
pub(super) fn counted(given: &Given<'_>, taken: &Taken<'_>, rule: &Approvals) -> (usize, bool) {
    let (kept_out, known) = excluded(given, taken, rule);
    let persons: BTreeSet<_> = given
        .seen
        .iter()
        .filter(|seen| seen.refused.is_none())
        .filter_map(|seen| match seen.body {
            Body::Approval(said) => approves(given, taken, rule, &kept_out, seen, said).ok(),
            _ => None,
        })
        .collect();
    (persons.len(), known)
}

fn approvals(given: &Given<'_>, taken: &Taken<'_>, rule: &Approvals, report: &mut Report) {
    let (kept_out, known) = excluded(given, taken, rule);
    let mut persons = BTreeSet::new();
    let mut told: Vec<(&'static str, bool)> = Vec::new();
    let mut definite = Vec::new();
    let mut counting = BTreeSet::new();
    let good = given.seen.iter().filter(|seen| {
        matches!(seen.body, Body::Approval(_)) && seen.refused.is_none() && !seen.revoked
    });
    let best_copies = best_known(good.collect());
    for seen in &given.seen {
        let Body::Approval(said) = seen.body else {
            continue;
        };
        let is_best = best_copies.iter().any(|best| std::ptr::eq(*best, seen));
        if let (Some((_, code)), false) = (seen.refused, seen.revoked) {
            told.push((code, code == "signature-invalid"));
            continue;
        }
        let of_another_step = said.step != taken.step || said.audience != taken.audience;
        match approves(given, taken, rule, &kept_out, seen, said) {
            Ok(_) if seen.revoked => told.push(("revoked", false)),
            Ok(person) => {
                persons.insert(person);
                counting.insert((seen.link, seen.key));
            }
            Err((code, cause)) => {
                let other = code == "approval-mismatch" && of_another_step;
                told.push((code, other));
                let cause = cause.filter(|_| is_best && !seen.revoked);
                definite.extend(cause.map(|cause| ((seen.link, seen.key), cause)));
            }
        }
    }
    let enough = known && persons.len() >= rule.threshold;
    for (code, is_note) in &told {
        let note = *code != "approval-rejected" && (enough || *is_note);
        report.tell(code, if note { "note" } else { "warning" }, "approvals");
    }
    if !known {
        report.fail("approvals", "separation-unknown", given.soft(Cause::Denied));
    } else if enough {
        report.passed = true;
    } else {
        let definite = definite.iter().filter(|(key, _)| !counting.contains(key));
        let definite: Vec<_> = definite.map(|(_, cause)| *cause).collect();
        let cause = if definite.is_empty() {
            Cause::NotYet
        } else {
            best(definite)
        };
        report.fail("approvals", "approvals-missing", given.soft(cause));
    }
}
