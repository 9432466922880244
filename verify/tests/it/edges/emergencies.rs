//! Hotfixes and broken glass, and their reviews.

use jiff::SignedDuration;
use serde_json::json;

use bulla_model::{Digest, EdgeKind};
use bulla_verify::{Cause, Code, Decision, Outcome, ReviewRequest, ReviewState, StepReview};

use super::{broken_glass, in_prod, world};
use crate::kit::{self, Signer, World, assert_exit, assert_found, codes, hour, show};

#[test]
fn to_take_an_approval_back_makes_nobody_a_reviewer() {
    let mut world = world();
    let security = format!(
        "identities:\n  security:\n    - key: {}\n",
        kit::policy::key("security")
    );
    world.edit("release.yaml", "identities:\n", &security);
    let rule = "revocations: {by: [security]}\nhistory: []";
    world.edit("release.yaml", "history: []", rule);
    let rule = "reviewWithin: 1h\n    overdueReview: deny";
    world.edit("release.yaml", "reviewWithin: 24h", rule);
    world.promote("dev");
    world.now = hour(2);
    world.approve_step("alice", EdgeKind::BreakGlass, "prod");
    let approval = Digest::sha256(&kit::payload(&world.evidence.last().unwrap().bundle));
    world.approve_step("carol", EdgeKind::BreakGlass, "prod");
    let promotion = world.take_step(EdgeKind::BreakGlass, "prod", |_| {});
    world.now = hour(3);
    world.review("alice", &promotion, "accepted");
    world.now = hour(10);
    for revoked in [false, true] {
        if revoked {
            world.revoke(
                "security",
                &[json!({"kind": "attestation", "payload": approval})],
            );
        }
        let verdict = world.verify("prod");
        assert_exit(&verdict, 1);
        assert_found(&verdict, Code::ReviewerInvolved);
    }
    world.review("bob", &promotion, "accepted");
    assert_exit(&world.verify("prod"), 0);
}

#[test]
fn a_hotfix_takes_the_shorter_way_only_under_its_own_rule() {
    let mut world = world();
    world.promote("dev");
    world.now = hour(2);
    assert_exit(&world.step(EdgeKind::Promote, "prod").0, 1);
    let (verdict, draft) = world.step(EdgeKind::Hotfix, "prod");
    assert_exit(&verdict, 0);
    assert_eq!(
        draft.unwrap().review_within,
        Some(SignedDuration::from_hours(48))
    );
    world.take_step(EdgeKind::Hotfix, "prod", |_| {});
    world.now = hour(3);
    let verdict = world.verify("prod");
    assert_exit(&verdict, 0);
    assert!(!codes(&verdict).contains(&Code::ReviewOverdue));
    world.now = hour(51);
    let verdict = world.verify("prod");
    assert_exit(&verdict, 0);
    assert_found(&verdict, Code::ReviewOverdue);
}

#[test]
fn a_hotfix_without_a_reason_is_unusable() {
    let mut world = world();
    world.promote("dev");
    world.now = hour(2);
    world.take_step(EdgeKind::Hotfix, "prod", |said| said.reason = None);
    let verdict = world.verify("prod");
    assert!(verdict.exit_code() != 0);
    assert_found(&verdict, Code::StatementUnusable);
}

#[test]
fn an_emergency_names_its_incident_and_has_its_approvals() {
    let (world, _) = broken_glass("reviewWithin: 24h", |_| {});
    assert_exit(&world.verify("prod"), 0);
    let (world, _) = broken_glass("reviewWithin: 24h", |said| said.tickets.clear());
    let verdict = world.verify("prod");
    assert_exit(&verdict, 1);
    assert_found(&verdict, Code::IncidentMissing);
    let (mut world, _) = broken_glass("reviewWithin: 24h", |_| {});
    world.take("alice approval");
    assert_exit(&world.verify("prod"), 4);
}

#[test]
fn an_overdue_review_warns_or_denies_as_the_policy_says() {
    for (rules, exit) in [
        ("reviewWithin: 24h", 0),
        ("reviewWithin: 24h\n    overdueReview: warn", 0),
        ("reviewWithin: 24h\n    overdueReview: deny", 1),
    ] {
        let (mut world, promotion) = broken_glass(rules, |_| {});
        world.now = hour(26);
        let verdict = world.verify("prod");
        assert_exit(&verdict, 0);
        assert!(!codes(&verdict).contains(&Code::ReviewOverdue));
        // Whoever keeps the answer has to know when it ends.
        let ends = (exit == 1).then(|| hour(26));
        assert_eq!(verdict.fresh_until, ends);
        world.now = hour(27);
        let verdict = world.verify("prod");
        assert_exit(&verdict, exit);
        assert_found(&verdict, Code::ReviewOverdue);
        world.review("bob", &promotion, "accepted");
        let verdict = world.verify("prod");
        assert_exit(&verdict, 0);
        assert!(
            !codes(&verdict).contains(&Code::ReviewOverdue),
            "{}",
            show(&verdict)
        );
    }
}

#[test]
fn nobody_reviews_what_they_had_a_hand_in() {
    for (who, code) in [
        ("alice", Some(Code::ReviewerInvolved)),
        ("alice-laptop", Some(Code::ReviewerInvolved)),
        ("builder", Some(Code::ReviewerUnknown)),
        ("bob", None),
    ] {
        let (mut world, promotion) = broken_glass("reviewWithin: 24h", |_| {});
        world.now = hour(40);
        let reviewer = Signer::named(who).identity();
        let judged = world.judge_review(&ReviewRequest {
            environment: Some("prod"),
            promotion: None,
            reviewer: &reviewer,
        });
        assert_eq!(judged.1.is_some(), code.is_none(), "{who}");
        world.review(who, &promotion, "accepted");
        let verdict = world.verify("prod");
        assert_eq!(
            codes(&verdict).contains(&Code::ReviewOverdue),
            code.is_some(),
            "{who}"
        );
        if let Some(code) = code {
            assert_found(&verdict, code);
            assert_exit(&judged.0, 1);
            assert_found(&judged.0, code);
        } else {
            let draft = judged.1.unwrap();
            assert_eq!(draft.promotion, promotion);
            assert_eq!(draft.tickets, ["INC-77"]);
        }
    }
}

#[test]
fn whoever_promoted_by_hand_does_not_review_it_either() {
    let mut world = world();
    let bob = format!("  promoter:\n    - key: {}\n", kit::policy::key("bob"));
    world.edit("release.yaml", "  promoter:\n", &bob);
    world.promote("dev");
    world.now = hour(2);
    world.approve_step("alice", EdgeKind::BreakGlass, "prod");
    let mut said = world.promotion(world.step(EdgeKind::BreakGlass, "prod").1.unwrap());
    said.reason = Some("payments fail".to_owned());
    said.tickets = vec!["INC-77".to_owned()];
    let promotion = world.seal_promotion("bob", "prod", &said, &[kit::image()]);
    world.now = hour(40);
    world.review("bob", &promotion, "accepted");
    assert_found(&world.verify("prod"), Code::ReviewerInvolved);
    world.review("carol", &promotion, "accepted");
    assert!(!codes(&world.verify("prod")).contains(&Code::ReviewOverdue));
}

#[test]
fn whoever_signed_the_promotion_too_does_not_review_it() {
    let mut world = world();
    let rule = "reviewWithin: 24h\n    overdueReview: deny";
    world.edit("release.yaml", "reviewWithin: 24h", rule);
    let bob = format!("  promoter:\n    - key: {}\n", kit::policy::key("bob"));
    world.edit("release.yaml", "  promoter:\n", &bob);
    world.promote("dev");
    world.now = hour(2);
    world.approve_step("alice", EdgeKind::BreakGlass, "prod");
    let mut said = world.promotion(world.step(EdgeKind::BreakGlass, "prod").1.unwrap());
    said.reason = Some("payments fail".to_owned());
    said.tickets = vec!["INC-77".to_owned()];
    let promotion = world.seal_promotion("bob", "prod", &said, &[kit::image()]);
    let copy = world.seal_promotion("promoter", "prod", &said, &[kit::image()]);
    assert_eq!(copy, promotion);
    world.now = hour(40);
    world.review("bob", &promotion, "accepted");
    let verdict = world.verify("prod");
    assert_exit(&verdict, 1);
    assert_found(&verdict, Code::ReviewerInvolved);
    world.review("carol", &promotion, "accepted");
    assert_exit(&world.verify("prod"), 0);
}

#[test]
fn a_review_that_does_not_count_is_told_once_however_often_it_is_attached() {
    let (mut world, promotion) = broken_glass("reviewWithin: 24h", |_| {});
    world.review("alice", &promotion, "accepted");
    let review = world.evidence.last().unwrap().bundle.clone();
    for copy in 0..20 {
        world.add(&format!("copy {copy}"), review.clone());
    }
    let found = codes(&world.verify("prod"));
    let told = found.iter().filter(|code| **code == Code::ReviewerInvolved);
    assert_eq!(told.count(), 1, "{found:?}");
}

#[test]
fn reviewers_hold_the_roles_that_are_asked_for() {
    let rules = "reviewWithin: 24h\n    reviewRoles: [security]";
    let (mut world, promotion) = broken_glass(rules, |_| {});
    world.edit(
        "people.yaml",
        "roles: [release-manager]\n    emails: [carol",
        "roles: [security]\n    emails: [carol",
    );
    world.now = hour(40);
    world.review("bob", &promotion, "accepted");
    assert_found(&world.verify("prod"), Code::ReviewerUnknown);
    world.review("carol", &promotion, "accepted");
    assert!(!codes(&world.verify("prod")).contains(&Code::ReviewOverdue));
}

#[test]
fn a_review_is_of_the_promotion_it_names() {
    let (mut world, _) = broken_glass("reviewWithin: 24h", |_| {});
    world.now = hour(40);
    world.review("bob", &Digest::sha256(b"another"), "accepted");
    assert_found(&world.verify("prod"), Code::ReviewOverdue);
}

#[test]
fn a_rejected_review_ends_no_deadline_and_denies_where_an_overdue_one_does() {
    let warn = "reviewWithin: 24h";
    let deny = "reviewWithin: 24h\n    overdueReview: deny";
    for (rules, now, accepted, exit, overdue) in [
        (warn, 10, false, 0, false),
        (warn, 40, false, 0, true),
        (warn, 40, true, 0, false),
        (deny, 10, false, 1, false),
        (deny, 40, false, 1, false),
        (deny, 40, true, 1, false),
    ] {
        let (mut world, promotion) = broken_glass(rules, |_| {});
        world.now = hour(now);
        world.review("bob", &promotion, "rejected");
        if accepted {
            world.review("carol", &promotion, "accepted");
        }
        let verdict = world.verify("prod");
        assert_exit(&verdict, exit);
        assert_found(&verdict, Code::ReviewRejected);
        let found = codes(&verdict).contains(&Code::ReviewOverdue);
        assert_eq!(found, overdue, "{rules} {now}");
    }
}

#[test]
fn the_step_says_how_its_review_stands_and_the_answer_stays_what_it_was() {
    use ReviewState::{Accepted, Open, Overdue, Rejected};
    let warn = "reviewWithin: 24h";
    let deny = "reviewWithin: 24h\n    overdueReview: deny";
    for (now, reviews, state) in [
        (3, &[][..], Open),
        (26, &[], Open),
        (27, &[], Overdue),
        (10, &[("bob", "accepted")], Accepted),
        (40, &[("bob", "accepted")], Accepted),
        // Whose review does not count changes nothing.
        (10, &[("alice", "accepted")], Open),
        (
            40,
            &[("alice", "accepted"), ("builder", "accepted")],
            Overdue,
        ),
        (10, &[("alice", "rejected")], Open),
        (10, &[("bob", "rejected")], Rejected),
        (40, &[("bob", "rejected"), ("carol", "accepted")], Rejected),
    ] {
        for rules in [warn, deny] {
            let (mut world, promotion) = broken_glass(rules, |_| {});
            world.now = hour(now);
            for (who, outcome) in reviews {
                world.review(who, &promotion, outcome);
            }
            let verdict = world.verify("prod");
            let denied = rules == deny && matches!(state, Overdue | Rejected);
            assert_exit(&verdict, u8::from(denied));
            let [entry, head] = &verdict.steps[..] else {
                panic!("{}", show(&verdict));
            };
            assert_eq!((entry.kind, entry.review), (EdgeKind::Promote, None));
            let due = hour(26);
            assert_eq!(
                head.review,
                Some(StepReview { due, state }),
                "{rules} {now}"
            );
            let written = serde_json::to_value(&verdict.steps).unwrap();
            let said = json!({"due": due.to_string(), "state": state.as_str()});
            assert_eq!(written[1]["review"], said);
            assert!(written[0].get("review").is_none(), "{written}");
        }
    }
}

#[test]
fn a_hotfix_has_a_review_where_its_rule_asks_for_one() {
    for asked in [true, false] {
        let mut world = world();
        if !asked {
            world.edit("release.yaml", "    reviewWithin: 48h\n", "");
        }
        world.promote("dev");
        world.now = hour(2);
        world.take_step(EdgeKind::Hotfix, "prod", |_| {});
        world.now = hour(3);
        let verdict = world.verify("prod");
        assert_exit(&verdict, 0);
        let due = hour(50);
        let state = ReviewState::Open;
        let review = asked.then_some(StepReview { due, state });
        assert_eq!(verdict.steps.last().unwrap().review, review);
    }
}

#[test]
fn where_a_rejection_may_be_missing_the_answer_says_so_and_not_the_review() {
    let (mut world, promotion) = broken_glass("reviewWithin: 24h\n    overdueReview: deny", |_| {});
    world.review("bob", &promotion, "accepted");
    world.truncated = true;
    let verdict = world.verify("prod");
    assert_eq!(verdict.decision, Decision::Undetermined);
    let review = verdict.steps.last().unwrap().review.unwrap();
    assert_eq!(review.state, ReviewState::Accepted);
}

#[test]
fn that_nobody_rejected_it_is_not_known_while_something_may_be_missing() {
    let (mut world, promotion) = broken_glass("reviewWithin: 24h\n    overdueReview: deny", |_| {});
    let reviewed = |world: &World| {
        let checks = world.verify("prod").checks;
        let review = checks.into_iter().find(|check| check.name == "review");
        review.unwrap().outcome
    };
    for accepted in [false, true] {
        if accepted {
            world.review("bob", &promotion, "accepted");
        }
        world.truncated = false;
        assert_eq!(reviewed(&world), Outcome::Ok);
        world.truncated = true;
        assert_eq!(reviewed(&world), Outcome::Failed(Cause::Undetermined));
    }
}

#[test]
fn whoever_approved_with_a_key_that_is_over_does_not_review_it_with_another() {
    let (mut world, promotion) = broken_glass("reviewWithin: 24h", |_| {});
    let key = format!("- key: {}", kit::policy::key("alice"));
    let over = key.replace("- key", "- notAfter: 2026-01-01T00:00:00Z\n        key");
    world.edit("people.yaml", &key, &over);
    world.review("alice-laptop", &promotion, "accepted");
    assert_found(&world.verify("prod"), Code::ReviewerInvolved);
}

#[test]
fn a_rejection_does_not_end_with_the_key_that_gave_it() {
    for who in ["bob", "alice"] {
        let rules = "reviewWithin: 24h\n    overdueReview: deny";
        let (mut world, promotion) = broken_glass(rules, |_| {});
        world.now = hour(10);
        world.review(who, &promotion, "rejected");
        world.review("carol", &promotion, "accepted");
        let key = format!("- key: {}", kit::policy::key(who));
        let over = key.replace("- key", "- notAfter: 2026-01-01T00:00:00Z\n        key");
        world.edit("people.yaml", &key, &over);
        let verdict = world.verify("prod");
        // Who approved it has no word in it, with whatever key.
        let counts = who == "bob";
        assert_eq!(
            codes(&verdict).contains(&Code::ReviewRejected),
            counts,
            "{who}"
        );
        assert!(!counts || verdict.exit_code() == 1, "{}", show(&verdict));
    }
}

#[test]
fn a_review_that_cannot_be_read_may_be_a_rejection() {
    for (rules, who, exit, told) in [
        ("reviewWithin: 24h\n    overdueReview: deny", "bob", 3, true),
        ("reviewWithin: 24h", "bob", 0, true),
        // Who has no word in it says nothing that way either.
        (
            "reviewWithin: 24h\n    overdueReview: deny",
            "alice",
            0,
            false,
        ),
        (
            "reviewWithin: 24h\n    overdueReview: deny",
            "mallory",
            0,
            false,
        ),
    ] {
        let (mut world, promotion) = broken_glass(rules, |_| {});
        world.now = hour(10);
        world.review("carol", &promotion, "accepted");
        world.review_with(who, &promotion, "rejected", |said| {
            said["crit"] = json!(["colour"]);
        });
        let verdict = world.verify("prod");
        assert_exit(&verdict, exit);
        assert_eq!(
            codes(&verdict).contains(&Code::StatementUnusable),
            told,
            "{who}"
        );
        // What is read and rejects says more.
        world.review("bob", &promotion, "rejected");
        let denied = u8::from(rules.contains("deny"));
        assert_exit(&world.verify("prod"), denied);
    }
}

#[test]
fn there_is_nothing_to_review_where_the_gates_were_passed() {
    let world = in_prod();
    let reviewer = Signer::named("bob").identity();
    let request = ReviewRequest {
        environment: Some("prod"),
        promotion: None,
        reviewer: &reviewer,
    };
    let (verdict, draft) = world.judge_review(&request);
    assert_exit(&verdict, 1);
    assert!(draft.is_none());
}
