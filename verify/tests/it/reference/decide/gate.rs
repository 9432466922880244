//! What step 6 says of a step that is not taken yet.

use super::super::world::{Before, Binding, IMAGE, Step, Target};
use super::requirements::{self, Taken};
use super::who::{Match, Time, named};
use super::{Cause, Given, Report, chain};

pub(super) fn judge(given: &Given<'_>, service: usize, before: &Before, report: &mut Report) {
    let policy = given.current();
    let tier = policy.services[service].tier;
    let to = given.world.asked;
    let edges = policy.edges.iter().filter(|edge| {
        edge.step.to == to
            && edge.step.kind == before.kind
            && edge.tier.is_none_or(|only| only == tier)
            && (before.from.is_none() || before.from == edge.step.from)
    });
    let [edge] = edges.collect::<Vec<_>>()[..] else {
        report.fail("promotion", "edge-unknown", Cause::Denied);
        return;
    };
    let mut subjects = &[IMAGE][..];
    let mut previous = Vec::new();
    let mut behind = Vec::new();
    if let Some(from) = edge.step.from {
        let found = chain::before(given, service, (edge.step.kind, from), report);
        let Some((head, before)) = found else {
            return;
        };
        subjects = head.seen.subjects;
        previous.push(head.seen.link);
        behind = before;
    }
    let audience = &policy.places[to].audience;
    let mut targets = given.edges.iter();
    if targets.any(|target| is_this(given, target, (edge.step, audience, service), subjects)) {
        report.fail("revocations", "revoked", Cause::Expired);
    }
    let now = Time {
        proof: None,
        word: Some(given.now),
    };
    let signer = (before.promoter, now);
    match named(given.world, 0, &edge.by, signer.0, signer.1) {
        Match::Yes => report.passed = true,
        Match::Late | Match::No => report.fail("promoter", "signer-untrusted", Cause::Denied),
    }
    let binding = Binding {
        version: policy.version,
        of: Some((0, service)),
    };
    let taken = Taken {
        version: 0,
        service,
        step: edge.step,
        audience,
        subjects,
        binding: &binding,
        previous: &previous,
        signer,
        at: given.now,
        is_next: true,
        before: behind,
    };
    requirements::judge_all(given, &taken, edge, report);
}

/// Whether a target of kind edge is the step's own.
fn is_this(
    given: &Given<'_>,
    target: &Target,
    (its, clusters, of): (Step, &[usize], usize),
    about: &[usize],
) -> bool {
    let Target::Edge {
        step,
        audience,
        service,
        subjects,
    } = target
    else {
        return false;
    };
    let reached = about.iter().any(|one| given.covering.contains(one));
    let has = |one: &usize| about.contains(one) || (reached && given.covering.contains(one));
    *step == its
        && (audience.is_empty() || audience == clusters)
        && service.is_none_or(|service| service == of)
        && (subjects.is_empty() || subjects.iter().any(has))
}
