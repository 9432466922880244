//! Steps 5 and 9: promotions, which of them decides, forks and retirements.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use super::super::world::{Body, Edge, IMAGE, Kind, Link, Place, Policy, Promotion, Thing};
use super::who::{Match, Time, named};
use super::{Cause, Given, Report, Seen, best, best_known};

mod review;
mod walk;

/// A promotion that may be judged.
#[derive(Clone, Copy)]
pub(super) struct Said<'a> {
    pub(super) seen: &'a Seen<'a>,
    pub(super) promotion: &'a Promotion,
}

struct All<'a> {
    given: &'a Given<'a>,
    service: usize,
    /// Newest first.
    verified: Vec<Said<'a>>,
    revoked: Vec<Said<'a>>,
    wrong: Vec<(Cause, &'static str)>,
}

struct Retirement<'a> {
    said: Said<'a>,
    cause: Option<Cause>,
    listed: bool,
}

impl Retirement<'_> {
    fn cause(&self) -> Option<Cause> {
        match self.cause {
            None if self.listed => Some(Cause::Undetermined),
            cause => cause,
        }
    }
}

/// The head, where one holds.
pub(super) fn judge<'a>(
    given: &'a Given<'a>,
    service: usize,
    report: &mut Report,
) -> Option<Said<'a>> {
    let all = gather(given, service);
    all.head(given.world.asked, true, None, report)
}

/// The head that a step goes on from, with what it follows itself.
pub(super) fn before<'a>(
    given: &'a Given<'a>,
    service: usize,
    (kind, from): (Kind, Place),
    report: &mut Report,
) -> Option<(Said<'a>, Vec<(Promotion, Time)>)> {
    let all = gather(given, service);
    let mut there = all.verified.iter();
    let was_there = |said: &Said<'_>| {
        let step = said.promotion.step;
        step.to == from && step.kind != Kind::Retire
    };
    if kind == Kind::Rollback && !there.any(was_there) {
        report.fail("promotion", "never-there", given.soft(Cause::Denied));
        return None;
    }
    let mut of_this_set = Report::default();
    let head = all.head(from, false, Some(&[IMAGE]), &mut of_this_set);
    let Some(head) = head else {
        let mut unsaid = Report::default();
        if all.head(from, false, None, &mut unsaid).is_some() {
            report.fail("promotion", "set-mismatch", given.soft(Cause::Denied));
        } else {
            report.take(of_this_set);
        }
        return None;
    };
    report.take(of_this_set);
    let before = all.behind(&[head.seen.link]);
    Some((head, before))
}

impl<'a> All<'a> {
    fn head(
        &self,
        asked: Place,
        is_ours: bool,
        of: Option<&[Thing]>,
        report: &mut Report,
    ) -> Option<Said<'a>> {
        let all = self;
        let given = self.given;
        let retirements = all.retirements();
        let mut nearest: Option<((bool, u8), Report)> = None;
        let is_way = |said: &Said<'_>| {
            said.promotion.step.to == asked
                && said.promotion.step.kind != Kind::Retire
                && of.is_none_or(|set| said.seen.subjects == set)
        };
        let ways = all.verified.iter().filter(|said| is_way(said));
        for head in ways {
            let mut attempt = Report::default();
            if is_ours {
                all.meant_here(*head, &mut attempt);
            }
            let walked = all.walk(*head, Some(&retirements), &mut attempt);
            if is_ours && walked.contains(&head.seen.link) {
                all.standing(*head, &mut attempt);
            }
            all.forks(*head, &mut attempt);
            if attempt.failed.is_empty() {
                all.retired(*head, &retirements, &walked, &mut attempt);
            }
            let Some(cause) = attempt.overall() else {
                report.take(attempt);
                return Some(*head);
            };
            let distance = match cause {
                Cause::NotYet => 0,
                Cause::Undetermined => 1,
                cause => cause as u8 + 2,
            };
            let distance = (!all.is_promoter(*head), distance);
            if nearest.as_ref().is_none_or(|(held, _)| distance < *held) {
                nearest = Some((distance, attempt));
            }
        }
        let mut revoked = all.revoked.iter();
        let taken_back = revoked.any(|said| is_way(said) && all.is_promoter(*said));
        if let Some((_, attempt)) = nearest.filter(|((stranger, _), _)| !(*stranger && taken_back))
        {
            report.take(attempt);
            return None;
        }
        let cause = if taken_back {
            report.tell("revoked", "note", "promotion");
            Cause::Expired
        } else if all.verified.is_empty() {
            best(all.wrong.iter().map(|(cause, _)| *cause))
        } else {
            Cause::Denied
        };
        report.fail("promotion", "promotion-missing", given.soft(cause));
        report.notes("promotion", &all.wrong);
        None
    }
}

fn gather<'a>(given: &'a Given<'a>, service: usize) -> All<'a> {
    let mut good = Vec::new();
    let mut wrong = Vec::new();
    let mut revoked = Vec::new();
    for seen in &given.seen {
        let Body::Promotion(promotion) = seen.body else {
            continue;
        };
        let said = Said { seen, promotion };
        if seen.revoked {
            revoked.extend(given.is_about(seen).then_some(said));
        } else if let Some(refused) = seen.refused {
            wrong.push(refused);
        } else if !given.is_about(seen) {
            wrong.push((Cause::OtherSubject, "subject-mismatch"));
        } else {
            good.push(seen);
        }
    }
    let mut verified: Vec<_> = best_known(good)
        .into_iter()
        .filter_map(|seen| match seen.body {
            Body::Promotion(promotion) => Some(Said { seen, promotion }),
            _ => None,
        })
        .collect();
    verified.sort_by_key(|said| {
        let one = said.promotion;
        (
            Reverse((one.slot, one.sequence, said.seen.time.word)),
            &given.order.statements[said.seen.link],
            &given.order.keys[said.seen.key],
        )
    });
    All {
        given,
        service,
        verified,
        revoked,
        wrong,
    }
}

/// Which of the versions a promotion was decided under.
enum Version {
    Known(usize),
    NotLoaded,
    Unknown,
}

impl<'a> All<'a> {
    fn version(&self, said: Said<'_>) -> Version {
        let policies = self.given.world.policies.iter().enumerate();
        let binding = &said.promotion.policy;
        for (index, policy) in policies {
            if policy.version == binding.version {
                if !policy.loaded {
                    return Version::NotLoaded;
                }
                if binding.of == Some((index, self.service)) {
                    return Version::Known(index);
                }
            }
        }
        Version::Unknown
    }

    fn edge(&self, version: usize, said: Said<'_>) -> Option<&'a Edge> {
        let policy: &Policy = &self.given.world.policies[version];
        let tier = policy.services[self.service].tier;
        let mut edges = policy.edges.iter();
        edges.find(|edge| {
            edge.step == said.promotion.step && edge.tier.is_none_or(|only| only == tier)
        })
    }

    fn signer(&self, version: usize, edge: &Edge, said: Said<'_>) -> Match {
        let seen = said.seen;
        named(self.given.world, version, &edge.by, seen.key, seen.time)
    }

    fn is_promoter(&self, said: Said<'_>) -> bool {
        let Version::Known(version) = self.version(said) else {
            return false;
        };
        let edge = self.edge(version, said);
        edge.is_some_and(|edge| self.signer(version, edge, said) != Match::No)
    }

    fn find(&self, link: Link) -> Option<Said<'a>> {
        let signed = self.verified.iter().filter(|said| said.seen.link == link);
        let order = |said: &&Said<'_>| (!self.is_promoter(**said), said.seen.time.doubt());
        signed.min_by_key(order).copied()
    }

    fn retirements(&self) -> Vec<Retirement<'a>> {
        let steps = self
            .verified
            .iter()
            .filter(|said| said.promotion.step.kind == Kind::Retire && self.is_promoter(**said));
        steps
            .map(|said| {
                let mut attempt = Report::default();
                self.walk(*said, None, &mut attempt);
                let cause = match attempt.overall() {
                    None => Some(Cause::Denied),
                    Some(Cause::Undetermined) => Some(Cause::Undetermined),
                    Some(_) => None,
                };
                let mut listed = self.given.retired.iter();
                Retirement {
                    said: *said,
                    cause,
                    listed: listed.any(|(_, _, link)| *link == said.seen.link),
                }
            })
            .collect()
    }

    fn meant_here(&self, said: Said<'_>, report: &mut Report) {
        let ours = self.given.world.anchor.iter();
        let ours: Vec<_> = ours.flat_map(|anchor| &anchor.audience).collect();
        let meant = &said.promotion.audience;
        let shared = meant.iter().any(|one| ours.contains(&one));
        if !ours.is_empty() && !meant.is_empty() && !shared {
            report.fail("promotion", "audience-mismatch", Cause::Denied);
        }
    }

    /// Step 9.
    fn forks(&self, head: Said<'a>, report: &mut Report) {
        let place = |said: Said<'_>| (said.promotion.step.to, said.promotion.slot_previous);
        let twins = self.verified.iter().filter(|other| {
            other.seen.link != head.seen.link
                && head.promotion.slot_previous.is_some()
                && place(**other) == place(head)
                && self.is_promoter(**other)
        });
        let twins: Vec<_> = twins.collect();
        if twins
            .iter()
            .any(|one| one.seen.subjects != head.seen.subjects)
        {
            report.fail("promotion", "chain-forked", Cause::Denied);
        } else if !twins.is_empty() {
            report.tell("chain-forked", "warning", "promotion");
        }
    }

    fn retired(
        &self,
        head: Said<'a>,
        retirements: &[Retirement<'a>],
        walked: &BTreeSet<Link>,
        report: &mut Report,
    ) {
        let over = retirements.iter().filter(|one| covers(one.said, head));
        if let Some(cause) = over.filter_map(Retirement::cause).min() {
            report.fail("promotion", "promotion-retired", cause);
            return;
        }
        let given = self.given;
        let missing = given.retired.iter().any(|(place, subjects, link)| {
            let mut way = self.verified.iter();
            subjects.iter().any(|one| given.covering.contains(one))
                && way.any(|said| {
                    walked.contains(&said.seen.link) && said.promotion.step.to == *place
                })
                && !retirements.iter().any(|held| held.said.seen.link == *link)
        });
        if missing {
            report.fail("promotion", "promotion-retired", Cause::Undetermined);
            return;
        }
        let world = self.given.world;
        let loaded = world.policies.iter().filter(|policy| policy.loaded);
        let edges = loaded.flat_map(|policy| &policy.edges);
        let retire = edges.filter(|edge| edge.step.kind == Kind::Retire);
        let places: BTreeSet<Place> = retire.map(|edge| edge.step.to).collect();
        let mut way = self.verified.iter();
        let hidden = way.any(|said| {
            walked.contains(&said.seen.link) && places.contains(&said.promotion.step.to)
        });
        if world.incomplete() && hidden {
            report.fail("promotion", "evidence-incomplete", Cause::Undetermined);
        }
    }
}

fn names(promotion: &Promotion, link: Link) -> bool {
    promotion.inputs.contains(&link)
        || promotion.previous.contains(&link)
        || promotion.slot_previous == Some(link)
}

fn covers(retirement: Said<'_>, other: Said<'_>) -> bool {
    let said = retirement.promotion;
    if said.step.to != other.promotion.step.to {
        return false;
    }
    if said.previous.contains(&other.seen.link) {
        return true;
    }
    let there = retirement.seen.time.existed();
    let there = there.is_none_or(|at| other.seen.time.there(at));
    let mut shared = retirement.seen.subjects.iter();
    shared.any(|one| other.seen.subjects.contains(one))
        && (there || names(said, other.seen.link))
        && !names(other.promotion, retirement.seen.link)
}
