//! Step 6: from a promotion to all it follows.

use std::collections::BTreeSet;

use super::super::requirements::{self, Taken};
use super::super::who::{Match, Time};
use super::super::{Cause, Report, best};
use super::{All, Retirement, Said, Version, covers, names};
use crate::reference::world::{Edge, Kind, Link, Promotion, Tighten};

impl<'a> All<'a> {
    /// Step 6; answers which promotions were walked and judged to their end. Without retirements, of
    /// one of them, by itself.
    pub(super) fn walk(
        &self,
        said: Said<'a>,
        retirements: Option<&[Retirement<'a>]>,
        report: &mut Report,
    ) -> BTreeSet<Link> {
        let mut seen = BTreeSet::new();
        let mut judged = BTreeSet::new();
        self.step(said, retirements, &mut seen, &mut judged, report);
        judged
    }

    /// What the current version asks at every moment.
    pub(super) fn standing(&self, said: Said<'a>, report: &mut Report) -> Option<()> {
        let (at, taken) = (self.given.now, self.taken(said, 0)?);
        let taken = Taken { at, ..taken };
        for rule in self.added(0, said) {
            if rule.standing && rule.since.is_none_or(|since| since <= at) {
                requirements::judge(self.given, &taken, &rule.require, report);
            }
        }
        Some(())
    }

    /// What a version adds to a step, for the tier that the service has there.
    fn added(&self, version: usize, said: Said<'a>) -> impl Iterator<Item = &'a Tighten> {
        let policy = &self.given.world.policies[version];
        let tier = policy.services[self.service].tier;
        let step = said.promotion.step;
        let added = policy.added(self.service);
        added.filter(move |rule| rule.is_about(step, tier))
    }

    /// Its own requirements, and those of the current version that reach it.
    fn required(
        &self,
        said: Said<'a>,
        (version, leads_in): (usize, bool),
        edge: &Edge,
        report: &mut Report,
    ) -> Option<()> {
        let given = self.given;
        let surely_before = |since| said.seen.time.proof.is_some_and(|proof| proof < since);
        let taken = self.taken(said, version)?;
        requirements::judge_all(given, &taken, edge, report);
        if version == 0 || !leads_in {
            return Some(());
        }
        let taken = self.taken(said, 0)?;
        for rule in self.added(0, said) {
            if rule.since.is_some_and(|since| !surely_before(since)) {
                requirements::judge(given, &taken, &rule.require, report);
            }
        }
        Some(())
    }

    fn step(
        &self,
        said: Said<'a>,
        retirements: Option<&[Retirement<'a>]>,
        seen: &mut BTreeSet<Link>,
        judged: &mut BTreeSet<Link>,
        report: &mut Report,
    ) {
        if !seen.insert(said.seen.link) {
            return;
        }
        let one = said.promotion;
        if one.step.from.is_none() || one.previous.is_empty() {
            let entry = one.step.from.is_none()
                && one.previous.is_empty()
                && one.first.is_none()
                && one.sequence == 1;
            if !entry {
                report.fail("promotion", "chain-broken", Cause::Denied);
            }
        } else {
            let (mut highest, mut all) = (0, true);
            for link in &one.previous {
                let Some(before) = self.find(*link) else {
                    if retirements.is_some() || !self.is_revoked(*link) {
                        self.missing(*link, report);
                    }
                    all = false;
                    continue;
                };
                highest = highest.max(before.promotion.sequence);
                Self::link(said, before, retirements, report);
                if retirements.is_some() {
                    self.step(before, retirements, seen, judged, report);
                }
            }
            if one.sequence <= highest || (all && one.sequence != highest + 1) {
                report.fail("promotion", "chain-broken", Cause::Denied);
            }
        }
        if self.judge(said, retirements.is_some(), report).is_some() {
            judged.insert(said.seen.link);
        }
    }

    fn is_revoked(&self, link: Link) -> bool {
        let mut revoked = self.revoked.iter();
        revoked.any(|said| said.seen.link == link && self.is_promoter(*said))
    }

    fn missing(&self, link: Link, report: &mut Report) {
        let cause = if self.is_revoked(link) {
            report.tell("revoked", "note", "promotion");
            Cause::Expired
        } else if self.given.world.incomplete() {
            Cause::Undetermined
        } else {
            match best(self.wrong.iter().map(|(cause, _)| *cause)) {
                Cause::Nothing => Cause::Denied,
                cause => cause,
            }
        };
        report.fail("promotion", "chain-broken", cause);
        report.notes("promotion", &self.wrong);
    }

    /// Step 6.1, one link.
    fn link(
        said: Said<'a>,
        before: Said<'a>,
        retirements: Option<&[Retirement<'a>]>,
        report: &mut Report,
    ) {
        let (one, other) = (said.promotion, before.promotion);
        if one.policy.version < other.policy.version {
            report.fail("promotion", "policy-rollback", Cause::Denied);
        }
        let back = one.step.kind == Kind::Rollback;
        if back && other.step.to != one.step.to {
            report.fail("promotion", "never-there", Cause::Denied);
            return;
        }
        let over = retirements.unwrap_or_default().iter().filter(|retirement| {
            let by_then = said.seen.time.existed();
            let time = retirement.said.seen.time;
            let by_word = |at| retirement.listed && time.issued().is_some_and(|word| word <= at);
            let by_then = by_then.is_none_or(|at| time.there(at) || by_word(at));
            covers(retirement.said, before)
                && by_then
                && !names(retirement.said.promotion, said.seen.link)
        });
        let over = over.filter_map(|one| match one.cause {
            None if back => Some(Cause::Denied),
            _ => one.cause(),
        });
        if let Some(cause) = over.min() {
            report.fail("promotion", "promotion-retired", cause);
        }
        let there = said.seen.time.existed();
        let whole = other.step.kind != Kind::Retire
            && one.step.from == Some(other.step.to)
            && one.first == Some(other.first.unwrap_or(before.seen.link))
            && said.seen.subjects == before.seen.subjects
            && there.is_none_or(|at| before.seen.time.there(at));
        if !whole {
            report.fail("promotion", "chain-broken", Cause::Denied);
        }
    }

    /// Step 6.2. Nothing where what comes after is not judged.
    fn judge(&self, said: Said<'a>, leads_in: bool, report: &mut Report) -> Option<()> {
        let (given, one) = (self.given, said.promotion);
        let mut denied = |code| {
            report.fail("promotion", code, Cause::Denied);
            None
        };
        if one.service != self.service {
            return denied("service-mismatch");
        }
        let version = match self.version(said) {
            Version::Known(version) => version,
            Version::Unknown => return denied("policy-unknown"),
            Version::NotLoaded => {
                report.fail("promotion", "policy-not-loaded", Cause::Undetermined);
                return None;
            }
        };
        let policy = &given.world.policies[version];
        let tier = policy.services[self.service].tier;
        let Some(edge) = self.edge(version, said) else {
            return denied("edge-unknown");
        };
        match self.signer(version, edge, said) {
            Match::Yes => {}
            Match::Late => {
                report.fail("promotion", "key-expired", Cause::Expired);
                return None;
            }
            Match::No => {
                report.fail("promotion", "signer-untrusted", Cause::Untrusted);
                return None;
            }
        }
        if one.tier != tier {
            return denied("tier-mismatch");
        }
        if one.draft && !policy.tiers[tier].drafts {
            return denied("draft-predicate");
        }
        if one.audience != policy.places[one.step.to].audience {
            return denied("audience-mismatch");
        }
        let claims = policy.tiers[tier].claims;
        if let Err((cause, code)) = given.timely(said.seen.time, true, claims, given.now, None) {
            report.fail("promotion", code, cause);
            return None;
        }
        if one.not_after.is_some_and(|end| given.now >= end) {
            report.fail("promotion", "promotion-expired", Cause::Expired);
        }
        report.passed = true;
        self.required(said, (version, leads_in), edge, report)?;
        if one.step.kind == Kind::BreakGlass && !one.ticket {
            report.fail("promotion", "incident-missing", Cause::Denied);
        }
        if let Some(rule) = &edge.review {
            self.review(said, claims, rule, report);
        }
        Some(())
    }

    fn taken(&self, said: Said<'a>, version: usize) -> Option<Taken<'a>> {
        let one = said.promotion;
        Some(Taken {
            version,
            service: self.service,
            step: one.step,
            audience: &one.audience,
            subjects: said.seen.subjects,
            binding: &one.policy,
            previous: &one.previous,
            signer: (said.seen.key, said.seen.time),
            at: said.seen.time.existed()?,
            is_next: false,
            before: self.behind(&one.previous),
        })
    }

    /// These, and all that they follow.
    pub(super) fn behind(&self, links: &[Link]) -> Vec<(Promotion, Time)> {
        let mut before = Vec::new();
        let mut waiting = links.to_vec();
        let mut known = BTreeSet::new();
        while let Some(link) = waiting.pop() {
            if let (true, Some(found)) = (known.insert(link), self.find(link)) {
                before.push((found.promotion.clone(), found.seen.time));
                waiting.extend(&found.promotion.previous);
            }
        }
        before
    }
}
