//! What steps may take besides the kit's own requirements: one good chain, then one change.

use bulla_model::EdgeKind;
use bulla_model::predicate::Promotion;
use bulla_verify::{Cause, Code, Outcome, Policy, StepRequest, Verdict};

use crate::kit::{Signer, World, assert_exit, assert_found, codes, hour, show};

/// Built, and the step into dev takes this besides.
pub(crate) fn asking(requirement: &str) -> World {
    let mut world = World::built();
    require(&mut world, requirement);
    world
}

/// The step into dev takes this besides.
pub(crate) fn require(world: &mut World, requirement: &str) {
    let first = "      provenance: {by: [builder]}\n  - from: dev";
    let with = format!("      provenance: {{by: [builder]}}\n      {requirement}\n  - from: dev");
    world.edit("release.yaml", first, &with);
}

/// The outcome of this check.
#[track_caller]
pub(crate) fn outcome(verdict: &Verdict, check: &str) -> Outcome {
    let mut checks = verdict.checks.iter();
    let found = checks.find(|one| one.name == check);
    found
        .unwrap_or_else(|| panic!("no {check}: {}", show(verdict)))
        .outcome
}

/// What the policy is refused for.
pub(crate) fn refused(requirement: &str) -> String {
    let world = asking(requirement);
    let error = Policy::parse(&world.files, &world.limits).unwrap_err();
    error.to_string()
}

pub(crate) const TICKETS: &str = "tickets: {patterns: ['CHG-*'], regex: ['OPS-[0-9]+'], min: 2}";

pub(crate) fn ticketed(tickets: &[&str]) -> Verdict {
    let mut world = asking(TICKETS);
    world.promote_with("dev", |said| name(said, tickets));
    world.verify("dev")
}

pub(crate) fn name(said: &mut Promotion, tickets: &[&str]) {
    said.tickets = tickets.iter().map(|&text| text.to_owned()).collect();
}

#[test]
fn a_promotion_names_as_many_tickets_as_are_asked_for() {
    for tickets in [
        &["CHG-1", "CHG-2"][..],
        &["CHG-1", "OPS-7"],
        &["A", "CHG-1", "OPS-7"],
    ] {
        assert_exit(&ticketed(tickets), 0);
    }
    for tickets in [
        &[][..],
        &["CHG-1"],
        &["CHG-1", "OPS-x"],
        &["CHG-1", "chg-2"],
        &["CHG-1", "XCHG-2"],
        &["CHG-1", "OPS-7/../8"],
        &["CHG-1", "CHG-2/x"],
    ] {
        let verdict = ticketed(tickets);
        assert_exit(&verdict, 1);
        assert_found(&verdict, Code::TicketMissing);
        assert_eq!(
            outcome(&verdict, "tickets"),
            Outcome::Failed(Cause::Denied),
            "{tickets:?}"
        );
    }
}

#[test]
fn one_ticket_named_twice_is_one() {
    let mut world = asking(TICKETS);
    world.promote_with("dev", |said| name(said, &["CHG-1", "CHG-1"]));
    let verdict = world.verify("dev");
    // A list with one text twice is none of version 1; what cannot be read is no promotion.
    assert!(verdict.exit_code() != 0, "{}", show(&verdict));
    // Of version 0 it is, and counts once.
    world.redraft("promoter");
    let verdict = world.verify("dev");
    assert_exit(&verdict, 1);
    assert_found(&verdict, Code::TicketMissing);
}

#[test]
fn before_a_step_the_tickets_are_those_it_would_name() {
    let world = asking(TICKETS);
    let promoter = Signer::named("promoter").identity();
    let judge = |tickets: Option<&[String]>| {
        let request = StepRequest {
            to: "dev",
            from: None,
            kind: EdgeKind::Promote,
            promoter: Some(&promoter),
            tickets,
            set: None,
            names: None,
        };
        world.judge_request(&request).0
    };
    let both = ["CHG-1".to_owned(), "CHG-2".to_owned()];
    assert_exit(&judge(Some(&both)), 0);
    assert_exit(&judge(Some(&both[..1])), 1);
    // Whoever approves does not know them yet.
    let verdict = judge(None);
    assert_exit(&verdict, 4);
    let found = verdict
        .findings
        .iter()
        .find(|it| it.code == Code::TicketMissing);
    let hint = found.and_then(|it| it.hint.as_deref()).unwrap_or_default();
    assert!(hint.contains("--ticket TICKET"), "{hint}");
}

#[test]
fn what_may_be_missing_changes_nothing_about_tickets() {
    let mut world = asking(TICKETS);
    world.promote_with("dev", |said| name(said, &["CHG-1"]));
    world.truncated = true;
    assert_exit(&world.verify("dev"), 1);
    // Neither does a stranger who promotes the same with a ticket, nor a copy.
    world.truncated = false;
    let honest = world.evidence.last().cloned().unwrap();
    let mut said = crate::kit::promotion_in(&honest.bundle);
    name(&mut said, &["CHG-1", "CHG-2"]);
    let subjects = [world.artifact.clone()];
    world.seal_promotion("mallory", "dev", &said, &subjects);
    world.add("copy", honest.bundle);
    let verdict = world.verify("dev");
    assert_exit(&verdict, 1);
    assert_found(&verdict, Code::TicketMissing);
}

#[test]
fn tickets_are_judged_by_the_version_that_the_promotion_names() {
    let mut world = World::built();
    world.promote("dev");
    let old = world.files.clone();
    let digest = Policy::parse(&old, &world.limits).unwrap().digest();
    require(&mut world, TICKETS);
    world.edit("release.yaml", "version: 3", "version: 4");
    let history = format!("history: [{{version: 3, digest: \"{digest}\"}}]");
    world.edit("release.yaml", "history: []", &history);
    world.files.predecessors.push(old);
    world.now = hour(5);
    assert_exit(&world.verify("dev"), 0);
    assert!(!codes(&world.verify("dev")).contains(&Code::TicketMissing));
    let mut anew = World::built();
    anew.files = world.files.clone();
    anew.promote("dev");
    assert_exit(&anew.verify("dev"), 1);
}

#[test]
fn rules_about_tickets_that_ask_for_nothing_are_refused() {
    for (rule, reason) in [
        ("tickets: {min: 0}", "`min` is 0"),
        ("tickets: {regex: ['(']}", "no regular expression"),
        ("tickets: {pattern: x}", "unknown field"),
    ] {
        let error = refused(rule);
        assert!(error.contains(reason), "{error}");
        assert!(error.starts_with("release.yaml:"), "{error}");
    }
}
