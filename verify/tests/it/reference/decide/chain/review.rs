//! Step 7: reviews.

use std::collections::BTreeSet;

use super::super::people::Actor;
use super::super::{Cause, Report, Seen};
use super::{All, Said};
use crate::reference::world::{Body, Review};

impl<'a> All<'a> {
    /// Step 7.
    pub(super) fn review(&self, said: Said<'a>, claims: bool, rule: &Review, report: &mut Report) {
        let given = self.given;
        let mut told = Vec::new();
        let mut outcomes = BTreeSet::new();
        for seen in given.seen.iter().filter(|seen| seen.refused.is_none()) {
            let Body::Review {
                promotion,
                accepted,
            } = seen.body
            else {
                continue;
            };
            if *promotion != said.seen.link || seen.subjects != said.seen.subjects {
                continue;
            }
            if !accepted && self.rejects(said, rule, seen) {
                outcomes.insert(false);
                continue;
            }
            match self.reviewer(said, claims, rule, seen) {
                Ok(()) => {
                    outcomes.insert(true);
                }
                Err(finding) => told.push(finding),
            }
        }
        let denies = |open: Cause| if rule.denies { Some(open) } else { None };
        if outcomes.contains(&false) {
            if rule.denies {
                report.fail("review", "review-rejected", Cause::Denied);
                return;
            }
            report.tell("review-rejected", "warning", "review");
        }
        if outcomes.contains(&true) {
            report.passed = true;
            if given.world.incomplete() && rule.denies {
                report.failed.push(("review", Cause::Undetermined));
            }
            return;
        }
        for (code, severity) in told {
            report.tell(code, severity, "review");
        }
        let at = said.seen.time.existed().unwrap_or(given.now);
        if given.now <= at + rule.within {
            report.passed = true;
            if given.world.incomplete() && rule.denies {
                report.failed.push(("review", Cause::Undetermined));
            }
        } else if let Some(cause) = denies(given.soft(Cause::Denied)) {
            report.fail("review", "review-overdue", cause);
        } else {
            report.passed = true;
            report.tell("review-overdue", "warning", "review");
        }
    }

    fn reviewer(
        &self,
        said: Said<'a>,
        claims: bool,
        rule: &Review,
        seen: &Seen<'_>,
    ) -> Result<(), (&'static str, &'static str)> {
        let given = self.given;
        let Actor::Person(person) = given.actor(seen.key, seen.time) else {
            return Err(("reviewer-unknown", "note"));
        };
        let roles = &given.current().people[person].roles;
        if rule.role.is_some_and(|role| !roles.contains(&role)) {
            return Err(("reviewer-unknown", "warning"));
        }
        match given.actor(said.seen.key, said.seen.time) {
            Actor::Late | Actor::Unknown => return Err(("separation-unknown", "warning")),
            Actor::Person(other) if other == person => {
                return Err(("reviewer-involved", "warning"));
            }
            Actor::Person(_) | Actor::Machine => {}
        }
        if self.had_a_hand(said, person) {
            return Err(("reviewer-involved", "warning"));
        }
        let timely = given.timely(seen.time, true, claims, given.now, None);
        timely.map_err(|(_, code)| (code, "warning"))
    }

    /// A no counts with keys that are over, at whatever time.
    fn rejects(&self, said: Said<'a>, rule: &Review, seen: &Seen<'_>) -> bool {
        let given = self.given;
        given.anybody(seen.key).any(|person| {
            let roles = &given.current().people[person].roles;
            let promoter = given.actor(said.seen.key, said.seen.time);
            rule.role.is_none_or(|role| roles.contains(&role))
                && promoter != Actor::Person(person)
                && !self.had_a_hand(said, person)
        })
    }

    /// Whether this person approved the step, or signed a copy of it.
    fn had_a_hand(&self, said: Said<'a>, person: usize) -> bool {
        let given = self.given;
        let approved = given.seen.iter().any(|approval| {
            let Body::Approval(it) = approval.body else {
                return false;
            };
            it.approves
                && it.step == said.promotion.step
                && it.audience == said.promotion.audience
                && approval.subjects == said.seen.subjects
                && (approval.refused.is_none() || approval.revoked)
                && given.anybody(approval.key).any(|one| one == person)
        });
        let signed = given.seen.iter().any(|copy| {
            copy.link == said.seen.link
                && (copy.refused.is_none() || copy.revoked)
                && given.anybody(copy.key).any(|one| one == person)
        });
        approved || signed
    }
}
