//! Steps other than into the next environment: back, out, around the gates; and soak before them.

mod emergencies;
mod retired;
mod soak;

use jiff::SignedDuration;
use serde_json::json;

use bulla_model::predicate::{Approval, Promotion, approval, deployment, review};
use bulla_model::{Digest, EdgeKind, ResourceDescriptor, SubjectSet};
use bulla_verify::{Code, StepDraft, StepRequest, Verdict};

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
    pub(crate) fn into_prod(self) -> Self {
        let mut world = self.into_staging();
        world.approve("alice", "prod");
        world.approve("carol", "prod");
        world.now = hour(4);
        world.promote("prod");
        world.now = hour(24);
        world
    }

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
        self.review_with(who, promotion, outcome, |_| {});
    }

    fn review_with(
        &mut self,
        who: &str,
        promotion: &Digest,
        outcome: &str,
        change: impl Fn(&mut serde_json::Value),
    ) {
        let mut predicate = json!({
            "promotion": promotion, "outcome": outcome,
            "issuedAt": self.now.to_string(), "nonce": kit::nonce(who),
        });
        change(&mut predicate);
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
    world().into_prod()
}

/// The same where no step takes tests, of which the newest is not known while something may be missing.
pub(crate) fn untested() -> World {
    without_tests(world())
}

fn without_tests(mut world: World) -> World {
    let tests = "      tests: {by: [tester], maxAge: 72h}\n";
    world.edit("release.yaml", tests, "");
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
    soaking_after(World::built(), soak)
}

pub(crate) fn soaking_untested(soak: &str) -> World {
    soaking_after(without_tests(World::built()), soak)
}

fn soaking_after(mut world: World, soak: &str) -> World {
    let deployer = format!(
        "identities:\n  deployer:\n    - key: {}\n",
        kit::policy::key("deployer")
    );
    world.edit("release.yaml", "identities:\n", &deployer);
    let text = "      approvals: {threshold: 2, roles: [release-manager], maxAge: 7d}";
    world.edit("release.yaml", text, &format!("      soak: {soak}"));
    world.into_staging()
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
    retirable(world(), require)
}

fn retirable(mut world: World, require: &str) -> World {
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
    let mut world = untested().into_prod();
    world.truncated = true;
    let verdict = world.verify("prod");
    assert_exit(&verdict, 3);
    assert_found(&verdict, Code::EvidenceIncomplete);
    assert_exit(&world.verify("staging"), 0);
    world.truncated = false;
    world.unavailable = vec!["one".to_owned()];
    assert_exit(&world.verify("prod"), 3);
    // Nor on the way there.
    let mut world = retirable(untested(), "{}");
    world.truncated = true;
    assert_exit(&world.verify("staging"), 3);
    assert_exit(&world.verify("dev"), 0);
    // A retirement that is there is enough.
    let mut world = untested().into_prod();
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
