//! Steps other than into the next environment: back, out, around the gates; and soak before them.

use jiff::SignedDuration;
use serde_json::json;

use bulla_model::predicate::{Approval, Promotion, approval, deployment, review};
use bulla_model::{Digest, EdgeKind, ResourceDescriptor, SubjectSet};
use bulla_verify::{Cause, Code, Outcome, ReviewRequest, StepDraft, StepRequest, Verdict};

use crate::kit::{self, Signer, World, assert_exit, assert_found, codes, hour, show};

/// The steps of these tests, beside those of the kit's policy.
const STEPS: &str = r"edges:
  - to: prod
    kind: rollback
    by: [promoter]
    require:
      approvals: {threshold: 1, roles: [release-manager]}
  - {to: prod, kind: retire, by: [promoter], require: {}}
  - from: dev
    to: prod
    kind: hotfix
    by: [promoter]
    require: {provenance: {by: [builder]}}
    reviewWithin: 48h
  - from: dev
    to: prod
    kind: break-glass
    by: [promoter]
    require:
      approvals: {threshold: 1, roles: [release-manager]}
    reviewWithin: 24h
";

/// A world whose policy has these steps; built, it is hour 1.
pub(crate) fn world() -> World {
    let mut world = World::built();
    world.edit("release.yaml", "edges:\n", STEPS);
    world
}

impl World {
    pub(crate) fn step(&self, kind: EdgeKind, to: &str) -> (Verdict, Option<StepDraft>) {
        let promoter = Signer::named("promoter").identity();
        let set: SubjectSet = self.subjects().into_iter().collect();
        self.judge_request(&StepRequest {
            to,
            from: None,
            kind,
            promoter: Some(&promoter),
            tickets: None,
            set: Some(&set),
            names: None,
        })
    }

    /// Takes a step of this kind, allowed or not, after a change.
    pub(crate) fn take_step(
        &mut self,
        kind: EdgeKind,
        to: &str,
        change: impl Fn(&mut Promotion),
    ) -> Digest {
        let (verdict, draft) = self.step(kind, to);
        let draft = draft.unwrap_or_else(|| panic!("{}", show(&verdict)));
        let mut said = self.promotion(draft);
        if matches!(kind, EdgeKind::Hotfix | EdgeKind::BreakGlass) {
            said.reason = Some("payments fail".to_owned());
            said.tickets = vec!["INC-77".to_owned()];
        }
        change(&mut said);
        self.seal_promotion("promoter", &format!("{kind} {to}"), &said, &self.subjects())
    }

    pub(crate) fn approve_step(&mut self, who: &str, kind: EdgeKind, to: &str) {
        self.approve_step_with(who, kind, to, |_| {});
    }

    pub(crate) fn approve_step_with(
        &mut self,
        who: &str,
        kind: EdgeKind,
        to: &str,
        change: impl Fn(&mut Approval),
    ) {
        let (verdict, draft) = self.step(kind, to);
        let draft = draft.unwrap_or_else(|| panic!("{}", show(&verdict)));
        let mut approval = Approval {
            decision: approval::ApprovalDecision::Approve,
            service: draft.service,
            edge: draft.edge,
            policy: draft.policy,
            previous: draft.chain.previous,
            issued_at: self.now,
            not_after: self.now + SignedDuration::from_hours(24),
            nonce: Some(kit::nonce(who)),
            reason: None,
            on_behalf_of: None,
            crit: Vec::new(),
        };
        change(&mut approval);
        let subject = ResourceDescriptor::of(self.artifact.clone());
        let predicate = serde_json::to_value(&approval).unwrap();
        self.attest_about(who, approval::TYPE, &predicate, &[subject]);
    }

    pub(crate) fn review(&mut self, who: &str, promotion: &Digest, outcome: &str) {
        let predicate = json!({
            "promotion": promotion, "outcome": outcome,
            "issuedAt": self.now.to_string(), "nonce": kit::nonce(who),
        });
        let subject = ResourceDescriptor::of(self.artifact.clone());
        self.attest_about(who, review::TYPE, &predicate, &[subject]);
    }

    /// Says what happened in staging now.
    pub(crate) fn deployed(&mut self, who: &str, event: &str) {
        self.deployed_with(who, event, |_| {});
    }

    fn deployed_with(&mut self, who: &str, event: &str, change: impl Fn(&mut serde_json::Value)) {
        let mut predicate = json!({
            "service": "pay-api", "event": event,
            "environment": {"uri": "env://acme/pay/staging"},
            "issuedAt": self.now.to_string(),
        });
        change(&mut predicate);
        let subject = ResourceDescriptor::of(self.artifact.clone());
        self.attest_about(who, deployment::TYPE, &predicate, &[subject]);
    }
}

/// In prod by the honest way at hour 4; it is hour 24.
pub(crate) fn in_prod() -> World {
    let mut world = world().into_staging();
    world.approve("alice", "prod");
    world.approve("carol", "prod");
    world.now = hour(4);
    world.promote("prod");
    world.now = hour(24);
    world
}

/// Broken into prod from dev at hour 2, approved by alice; the promotion's digest.
pub(crate) fn broken_glass(rules: &str, change: impl Fn(&mut Promotion)) -> (World, Digest) {
    let mut world = world();
    world.edit("release.yaml", "reviewWithin: 24h", rules);
    world.promote("dev");
    world.now = hour(2);
    world.approve_step("alice", EdgeKind::BreakGlass, "prod");
    let promotion = world.take_step(EdgeKind::BreakGlass, "prod", change);
    world.now = hour(3);
    (world, promotion)
}

/// In staging since hour 2, whose step into prod wants this soak and nothing else; it is hour 3.
pub(crate) fn soaking(soak: &str) -> World {
    let mut world = World::built();
    let deployer = format!(
        "identities:\n  deployer:\n    - key: {}\n",
        kit::policy::key("deployer")
    );
    world.edit("release.yaml", "identities:\n", &deployer);
    let text = "      approvals: {threshold: 2, roles: [release-manager], maxAge: 7d}";
    world.edit("release.yaml", text, &format!("      soak: {soak}"));
    world.into_staging()
}

const SOAK: &str = "{in: staging, min: 24h, by: [deployer]}";

fn into_prod(world: &World) -> Verdict {
    world.step(EdgeKind::Promote, "prod").0
}

#[test]
fn what_has_soaked_long_enough_goes_on_and_before_that_it_waits() {
    let mut world = soaking(SOAK);
    world.deployed("deployer", "started");
    world.deployed("deployer", "succeeded");
    for (now, exit) in [(3, 4), (26, 4), (27, 0), (1000, 0)] {
        world.now = hour(now);
        let verdict = into_prod(&world);
        assert_exit(&verdict, exit);
        assert_eq!(codes(&verdict).contains(&Code::SoakShort), exit == 4);
    }
    world.now = hour(26);
    let verdict = into_prod(&world);
    let hint = verdict.leading().unwrap().hint.clone().unwrap();
    assert!(
        hint.starts_with("soak until 2026-03-03T12:00:00Z"),
        "{hint}"
    );
    // The step is judged again as of the time it was taken, whatever came after.
    world.now = hour(27);
    world.promote("prod");
    world.now = hour(28);
    world.deployed("deployer", "failed");
    world.now = hour(40);
    assert_exit(&world.verify("prod"), 0);
}

#[test]
fn a_step_taken_before_the_soak_was_over_is_refused_for_ever() {
    let mut world = soaking(SOAK);
    world.deployed("deployer", "succeeded");
    world.now = hour(20);
    world.promote("prod");
    world.now = hour(1000);
    let verdict = world.verify("prod");
    assert_exit(&verdict, 4);
    assert_found(&verdict, Code::SoakShort);
}

#[test]
fn soak_needs_a_deployment_there_by_somebody_who_deploys() {
    let mut never = soaking(SOAK);
    never.now = hour(100);
    assert_exit(&into_prod(&never), 4);
    assert_found(&into_prod(&never), Code::SoakMissing);

    for (who, event, change) in [
        ("mallory", "succeeded", json!({})),
        ("builder", "succeeded", json!({})),
        ("deployer", "started", json!({})),
        (
            "deployer",
            "succeeded",
            json!({"environment": {"uri": "env://acme/pay/dev"}}),
        ),
        ("deployer", "succeeded", json!({"service": "wiki"})),
        ("deployer", "succeeded", json!({"crit": ["colour"]})),
    ] {
        let mut world = soaking(SOAK);
        world.deployed_with(who, event, |said| {
            for (name, value) in change.as_object().unwrap() {
                said[name] = value.clone();
            }
        });
        world.now = hour(100);
        let verdict = into_prod(&world);
        assert!(verdict.exit_code() != 0, "{who} {event} {change}");
        assert_found(&verdict, Code::SoakMissing);
    }
}

#[test]
fn an_old_failure_recorded_once_more_is_no_newer() {
    // Failed, recorded at once or not at all, and running again since hour 11.
    for recorded in [false, true] {
        let mut world = soaking(SOAK);
        world.now = hour(10);
        world.deployed("deployer", "failed");
        let honest = world.evidence.last().unwrap().clone();
        if recorded {
            world.record_only("deployer");
        }
        let failed = world.evidence.last().unwrap().clone();
        world.now = hour(11);
        world.deployed("deployer", "succeeded");
        // A stranger has the failure recorded once more, then takes the record off it.
        world.now = hour(30);
        world.evidence.push(failed);
        world.record_again("deployer");
        world.evidence.push(honest);
        world.now = hour(35);
        assert_exit(&into_prod(&world), 0);
        // What failed again since then is broken.
        world.now = hour(34);
        world.deployed("deployer", "failed");
        world.now = hour(35);
        let verdict = into_prod(&world);
        assert_exit(&verdict, 1);
        assert_found(&verdict, Code::SoakBroken);
    }
}

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
fn a_failure_ends_the_soak_and_the_next_success_begins_it_anew() {
    for event in ["failed", "rolled-back"] {
        let mut world = soaking(SOAK);
        world.deployed("deployer", "succeeded");
        world.now = hour(10);
        world.deployed("deployer", event);
        world.now = hour(100);
        let verdict = into_prod(&world);
        assert_exit(&verdict, 1);
        assert_found(&verdict, Code::SoakBroken);
        world.deployed("deployer", "succeeded");
        world.now = hour(123);
        assert_exit(&into_prod(&world), 4);
        world.now = hour(124);
        assert_exit(&into_prod(&world), 0);
    }
}

#[test]
fn a_stranger_s_failure_breaks_nothing_and_none_counts_where_health_is_not_asked_for() {
    let mut world = soaking(SOAK);
    world.deployed("deployer", "succeeded");
    world.now = hour(10);
    world.deployed("mallory", "failed");
    world.now = hour(100);
    assert_exit(&into_prod(&world), 0);
    let mut world = soaking("{in: staging, min: 24h, by: [deployer], healthy: false}");
    world.deployed("deployer", "succeeded");
    world.now = hour(100);
    world.deployed("deployer", "failed");
    assert_exit(&into_prod(&world), 0);
}

#[test]
fn that_nothing_failed_is_not_known_while_something_may_be_missing() {
    let mut world = soaking(SOAK);
    world.deployed("deployer", "succeeded");
    world.now = hour(100);
    world.truncated = true;
    assert_exit(&into_prod(&world), 3);
}

#[test]
fn the_promotion_into_the_environment_may_be_what_counts() {
    let mut world = soaking("{in: staging, min: 24h, from: promotion}");
    for (now, exit) in [(3, 4), (25, 4), (26, 0)] {
        world.now = hour(now);
        assert_exit(&into_prod(&world), exit);
    }
    let mut other = soaking("{in: prod, min: 24h, from: promotion}");
    other.now = hour(1000);
    assert_found(&into_prod(&other), Code::SoakMissing);
}

#[test]
fn soak_rules_that_could_not_be_judged_are_refused() {
    let world = soaking(SOAK);
    for (soak, reason) in [
        ("{in: staging, min: 24h}", "`by` is missing"),
        (
            "{in: staging, min: 24h, from: promotion, healthy: true}",
            "`healthy` needs `by`",
        ),
        (
            "{in: nowhere, min: 24h, by: [deployer]}",
            "no environment `nowhere`",
        ),
        (
            "{in: staging, min: 24h, by: [nobody]}",
            "no identity `nobody`",
        ),
        (
            "{in: staging, min: 0h, by: [deployer]}",
            "no length of time",
        ),
    ] {
        let mut files = world.files.clone();
        let text = String::from_utf8(files.base.bytes).unwrap();
        files.base.bytes = text.replace(SOAK, soak).into_bytes();
        let error = bulla_verify::Policy::parse(&files, &world.limits).unwrap_err();
        assert!(error.to_string().contains(reason), "{soak}: {error}");
    }
}

#[test]
fn steps_that_could_not_be_taken_are_refused() {
    for (from, to, reason) in [
        (
            "kind: rollback",
            "from: dev\n    kind: rollback",
            "begins in the environment",
        ),
        (
            "kind: hotfix",
            "kind: import",
            "comes from outside the chain",
        ),
        ("    reviewWithin: 24h\n", "", "needs `reviewWithin`"),
        (
            "reviewWithin: 48h",
            "overdueReview: deny",
            "need `reviewWithin`",
        ),
        ("kind: hotfix", "kind: promote", "goes through the gates"),
        (
            "from: dev\n    to: prod\n    kind: hotfix",
            "from: prod\n    to: prod\n    kind: hotfix",
            "are both `prod`",
        ),
    ] {
        let world = world();
        let mut files = world.files.clone();
        let text = String::from_utf8(files.base.bytes).unwrap();
        assert!(text.contains(from), "{from}");
        files.base.bytes = text.replacen(from, to, 1).into_bytes();
        let error = bulla_verify::Policy::parse(&files, &world.limits).unwrap_err();
        assert!(error.to_string().contains(reason), "{to}: {error}");
    }
}

#[test]
fn a_rollback_follows_the_earlier_promotion_and_is_judged_by_its_own_rule() {
    let mut world = in_prod();
    let waiting = world.step(EdgeKind::Rollback, "prod").0;
    assert_exit(&waiting, 4);
    let hint = waiting.leading().unwrap().hint.clone().unwrap();
    assert!(hint.ends_with("--to prod --kind rollback"), "{hint}");
    world.approve_step("bob", EdgeKind::Rollback, "prod");
    world.now = hour(25);
    let (verdict, draft) = world.step(EdgeKind::Rollback, "prod");
    assert_exit(&verdict, 0);
    let draft = draft.unwrap();
    assert_eq!(
        draft.already, None,
        "what goes back was always there before"
    );
    assert_eq!(draft.edge.from.as_ref(), Some(&draft.edge.to.uri));
    world.take_step(EdgeKind::Rollback, "prod", |said| {
        said.slot.sequence = 3;
        said.slot.previous = Some(Digest::sha256(b"what it replaces"));
    });
    world.now = hour(48);
    let verdict = world.verify("prod");
    assert_exit(&verdict, 0);
    let kinds: Vec<_> = verdict.steps.iter().map(|step| step.kind).collect();
    assert_eq!(
        kinds,
        [
            EdgeKind::Promote,
            EdgeKind::Promote,
            EdgeKind::Promote,
            EdgeKind::Rollback
        ]
    );
    assert_eq!(verdict.steps[3].slot.sequence, 3);
}

#[test]
fn nothing_goes_back_to_where_it_never_was() {
    let mut world = world().into_staging();
    let (verdict, draft) = world.step(EdgeKind::Rollback, "prod");
    assert_exit(&verdict, 1);
    assert_found(&verdict, Code::NeverThere);
    assert!(draft.is_none());
    // Rollback abuse: the gate's key signs it all the same, after staging and after nothing.
    let mut said = world.promotion(world.step(EdgeKind::Promote, "prod").1.unwrap());
    said.edge.kind = EdgeKind::Rollback;
    said.edge.from = Some(said.edge.to.uri.clone());
    world.seal_promotion("promoter", "prod", &said, &[kit::image()]);
    let verdict = world.verify("prod");
    assert_exit(&verdict, 1);
    assert_found(&verdict, Code::NeverThere);

    world.take("promoter promotion prod");
    said.chain = bulla_model::predicate::promotion::Chain {
        first: None,
        previous: Vec::new(),
        sequence: 1,
    };
    world.seal_promotion("promoter", "prod", &said, &[kit::image()]);
    assert!(world.verify("prod").exit_code() != 0);
}

#[test]
fn a_rollback_without_its_approval_or_by_a_stranger_changes_nothing() {
    let mut world = world().into_staging();
    world.approve("alice", "prod");
    world.approve("carol", "prod");
    world.now = hour(4);
    world.promote_with("prod", |said| said.not_after = Some(hour(10)));
    world.now = hour(5);
    world.take_step(EdgeKind::Rollback, "prod", |_| {});
    // The earlier promotion is over, and the rollback does not bring it back.
    world.now = hour(24);
    let verdict = world.verify("prod");
    assert!(verdict.exit_code() != 0, "{}", show(&verdict));
    world.now = hour(6);
    let said = world.promotion(world.step(EdgeKind::Rollback, "prod").1.unwrap());
    world.seal_promotion("mallory", "prod", &said, &[kit::image()]);
    assert_exit(&world.verify("prod"), 0);
    assert_eq!(
        world.verify("prod").steps.len(),
        3,
        "the earlier promotion counts"
    );
}

#[test]
fn what_was_retired_is_no_longer_there_and_nothing_goes_back_to_it() {
    let mut world = in_prod();
    assert_exit(&world.verify("prod"), 0);
    world.take_step(EdgeKind::Retire, "prod", |_| {});
    world.now = hour(30);
    let verdict = world.verify("prod");
    assert_exit(&verdict, 1);
    assert_found(&verdict, Code::PromotionRetired);
    assert_exit(&world.verify("staging"), 0);
    assert_found(
        &world.step(EdgeKind::Rollback, "prod").0,
        Code::PromotionRetired,
    );
    // The gate's key signs the rollback all the same.
    let mut old = in_prod();
    old.approve_step("bob", EdgeKind::Rollback, "prod");
    old.now = hour(31);
    let rollback = old.promotion(old.step(EdgeKind::Rollback, "prod").1.unwrap());
    let approval = old.take("bob approval").remove(0);
    world.add("bob approval", approval.bundle);
    world.now = hour(32);
    world.seal_promotion("promoter", "rollback", &rollback, &[kit::image()]);
    let verdict = world.verify("prod");
    assert_exit(&verdict, 1);
    assert_found(&verdict, Code::PromotionRetired);
}

#[test]
fn a_retirement_covers_all_that_was_there_by_then_and_nothing_later() {
    let mut world = in_prod();
    world.approve_step("bob", EdgeKind::Rollback, "prod");
    let mut rollback = world.promotion(world.step(EdgeKind::Rollback, "prod").1.unwrap());
    world.take_step(EdgeKind::Rollback, "prod", |_| {});
    world.now = hour(26);
    let named = world.step(EdgeKind::Retire, "prod").1.unwrap();
    assert_eq!(named.chain.sequence, 5, "it names the rollback alone");
    world.take_step(EdgeKind::Retire, "prod", |said| said.inputs.clear());
    // Back on the normal way, in the same moment.
    let before = world.evidence.len();
    world.approve("bob", "prod");
    world.approve("carol", "prod");
    world.promote("prod");
    assert_exit(&world.verify("prod"), 0);
    world.evidence.truncate(before);

    world.now = hour(30);
    let verdict = world.verify("prod");
    assert_exit(&verdict, 1);
    assert_found(&verdict, Code::PromotionRetired);
    rollback.issued_at = world.now;
    world.seal_promotion("promoter", "rollback", &rollback, &[kit::image()]);
    let verdict = world.verify("prod");
    assert_exit(&verdict, 1);
    assert_found(&verdict, Code::PromotionRetired);
}

/// In staging, which somebody may retire under this rule, with the approvals for prod; it is hour 4.
pub(crate) fn retirable_staging(require: &str) -> World {
    let mut world = world();
    let retire =
        format!("edges:\n  - {{to: staging, kind: retire, by: [promoter], require: {require}}}\n");
    world.edit("release.yaml", "edges:\n", &retire);
    let mut world = world.into_staging();
    world.approve("alice", "prod");
    world.approve("carol", "prod");
    world.now = hour(4);
    world
}

#[test]
fn nothing_goes_on_from_what_was_retired_by_then() {
    let approved = "{approvals: {threshold: 1, roles: [release-manager]}}";
    for (require, wait, exit) in [("{}", 1, 1), (approved, 1, 0)] {
        let mut world = retirable_staging(require);
        let mut into_prod = world.promotion(world.step(EdgeKind::Promote, "prod").1.unwrap());
        world.take_step(EdgeKind::Retire, "staging", |_| {});
        world.now += SignedDuration::from_hours(wait);
        into_prod.issued_at = world.now;
        world.seal_promotion("promoter", "prod", &into_prod, &[kit::image()]);
        let verdict = world.verify("prod");
        assert_exit(&verdict, exit);
        assert_eq!(codes(&verdict).contains(&Code::PromotionRetired), exit == 1);
    }
    // What went on before stays, however soon after it staging was cleared.
    let mut world = retirable_staging("{}");
    world.promote("prod");
    world.take_step(EdgeKind::Retire, "staging", |_| {});
    assert_exit(&world.verify("prod"), 0);
    assert_exit(&world.verify("staging"), 1);
}

#[test]
fn that_nothing_was_retired_is_not_known_while_something_may_be_missing() {
    let mut world = in_prod();
    world.truncated = true;
    let verdict = world.verify("prod");
    assert_exit(&verdict, 3);
    assert_found(&verdict, Code::EvidenceIncomplete);
    assert_exit(&world.verify("staging"), 0);
    world.truncated = false;
    world.unavailable = vec!["one".to_owned()];
    assert_exit(&world.verify("prod"), 3);
    // Nor on the way there.
    let mut world = retirable_staging("{}");
    world.truncated = true;
    assert_exit(&world.verify("staging"), 3);
    assert_exit(&world.verify("dev"), 0);
    // A retirement that is there is enough.
    let mut world = in_prod();
    world.take_step(EdgeKind::Retire, "prod", |_| {});
    world.truncated = true;
    assert_exit(&world.verify("prod"), 1);
}

#[test]
fn a_stranger_retires_nothing() {
    // Somebody whom the policy knows for something else is one, too.
    for who in ["mallory", "tester"] {
        let mut world = in_prod();
        let said = world.promotion(world.step(EdgeKind::Retire, "prod").1.unwrap());
        world.seal_promotion(who, "prod", &said, &[kit::image()]);
        assert_exit(&world.verify("prod"), 0);
        // Nor do they keep anybody from going back, as a promoter does even if that is refused.
        world.now = hour(25);
        world.approve_step("bob", EdgeKind::Rollback, "prod");
        world.take_step(EdgeKind::Rollback, "prod", |said| said.inputs.clear());
        let verdict = world.verify("prod");
        assert_exit(&verdict, 0);
        assert_eq!(verdict.steps.last().unwrap().kind, EdgeKind::Rollback);
    }
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

#[test]
fn what_comes_from_outside_enters_by_a_step_of_its_own() {
    let import = "edges:\n  - {to: staging, kind: import, by: [promoter], require: {provenance: {by: [builder]}}}\n";
    let mut world = World::built();
    world.edit("release.yaml", "edges:\n", import);
    world.take_step(EdgeKind::Import, "staging", |_| {});
    assert_exit(&world.verify("staging"), 0);
    let mut plain = World::built();
    plain.evidence.append(&mut world.evidence);
    assert_found(&plain.verify("staging"), Code::PolicyUnknown);
}

#[test]
fn a_deployment_from_before_the_promotion_soaks_nothing() {
    let mut world = soaking(SOAK);
    world.deployed_with("deployer", "succeeded", |said| {
        said["issuedAt"] = json!(hour(-1000).to_string());
    });
    world.now = hour(100);
    assert_found(&into_prod(&world), Code::SoakMissing);
    world.deployed("deployer", "succeeded");
    for (now, exit) in [(123, 4), (124, 0)] {
        world.now = hour(now);
        assert_exit(&into_prod(&world), exit);
    }
}

#[test]
fn what_broke_and_was_only_promoted_again_does_not_soak() {
    for soak in [
        SOAK,
        "{in: staging, min: 24h, by: [deployer], from: promotion, healthy: true}",
    ] {
        let mut world = soaking(soak);
        world.deployed("deployer", "succeeded");
        world.now = hour(10);
        world.deployed("deployer", "rolled-back");
        world.now = hour(20);
        world.promote("staging");
        world.now = hour(60);
        let verdict = into_prod(&world);
        assert_exit(&verdict, 1);
        assert_found(&verdict, Code::SoakBroken);
        world.deployed("deployer", "succeeded");
        for (now, exit) in [(83, 4), (84, 0)] {
            world.now = hour(now);
            assert_exit(&into_prod(&world), exit);
        }
    }
}

#[test]
fn a_deployment_of_the_future_soaks_nothing() {
    let mut world = soaking(SOAK);
    world.deployed_with("deployer", "succeeded", |said| {
        said["issuedAt"] = json!(hour(50).to_string());
    });
    world.now = hour(40);
    assert_found(&into_prod(&world), Code::SoakMissing);
}
