//! Release sets: three images of one service take every step together, with one approval for all.
//! Whoever asks about one of them judges the gates for that one.

use bulla_model::{Digest, EdgeKind, SubjectSet};
use bulla_verify::{Code, QuestionError, StepRequest, Verdict, judge_step};
use jiff::SignedDuration;
use serde_json::json;

use crate::kit::{Entry, Signer, World, assert_exit, assert_found, codes, hour, nonce, show};

mod carried;

/// A world for each image: they share the statements about all of them and nothing else.
struct Train(Vec<World>);

fn digest(name: &str) -> Digest {
    Digest::sha256(name.as_bytes())
}

fn sorted(names: &[&str]) -> Vec<Digest> {
    let set: SubjectSet = names.iter().copied().map(digest).collect();
    set.iter().cloned().collect()
}

/// Built, described and tested; it is hour 1.
fn built(name: &str, base: impl Fn() -> World) -> World {
    let mut world = base();
    world.evidence.clear();
    world.ledger.clear();
    world.artifact = digest(name);
    world.now = hour(0);
    world.provenance();
    world.sbom();
    world.tests();
    world.now = hour(1);
    world
}

impl Train {
    fn of(names: &[&str], base: impl Fn() -> World) -> Self {
        let mut worlds: Vec<_> = names.iter().map(|name| built(name, &base)).collect();
        for world in &mut worlds {
            world.set = sorted(names);
        }
        Self(worlds)
    }

    fn built() -> Self {
        Self::of(&["api", "web", "chart"], World::empty)
    }

    fn at(mut self, hours: i64) -> Self {
        for world in &mut self.0 {
            world.now = hour(hours);
        }
        self
    }

    /// Attaches the last statement of the first image to the others.
    fn share(&mut self) {
        let (first, others) = self.0.split_first_mut().unwrap();
        let last: &Entry = first.evidence.last().unwrap();
        for world in others {
            world.evidence.push(last.clone());
        }
    }

    fn promoted(mut self, to: &str) -> Self {
        self.0[0].promote(to);
        self.share();
        self
    }

    fn approved(mut self, who: &str, to: &str) -> Self {
        self.0[0].approve(who, to);
        self.share();
        self
    }

    /// In staging since hour 2, approved for prod; it is hour 4.
    fn approved_by_two() -> Self {
        let train = Self::built().promoted("dev").at(2).promoted("staging");
        let train = train.at(3).approved("alice", "prod");
        train.approved("carol", "prod").at(4)
    }

    /// Approved by two and in prod since hour 4; it is hour 24.
    fn promoted_into_prod(self) -> Self {
        let train = self.promoted("dev").at(2).promoted("staging").at(3);
        let train = train.approved("alice", "prod").approved("carol", "prod");
        train.at(4).promoted("prod").at(24)
    }

    /// In prod since hour 4; it is hour 24.
    fn in_prod() -> Self {
        Self::approved_by_two().promoted("prod").at(24)
    }
}

/// What a step into prod of these says to the api, of three that came into staging together, all of
/// which were approved.
pub(crate) fn with_another(names: usize) -> Verdict {
    let mut train = Train::approved_by_two();
    train.0[0].set = sorted(&["api", "web", "chart"][..names]);
    train.0[0].judge("prod", None).0
}

#[test]
fn a_set_goes_into_prod_with_one_approval_for_all() {
    let train = Train::in_prod();
    for world in &train.0 {
        let verdict = world.verify("prod");
        assert_exit(&verdict, 0);
        assert_eq!(verdict.steps.len(), 3);
        for step in &verdict.steps {
            assert_eq!(step.subjects, world.set);
            assert_eq!(step.others(), 2);
        }
        assert_eq!(verdict.persons.len(), 2);
        let (_, draft) = world.judge("prod", None);
        assert_eq!(
            draft.unwrap().already,
            Some(verdict.steps[2].promotion.clone())
        );
    }
    // The same image with one more would be another release.
    let mut more = train.0.into_iter().next().unwrap();
    more.set = sorted(&["api", "web"]);
    more.now = hour(1);
    let (_, draft) = more.judge("dev", None);
    assert_eq!(
        draft.unwrap().already,
        None,
        "into the first, any set may go"
    );
}

#[test]
fn who_has_the_approvals_of_all_still_passes_each_gate_alone() {
    // The promoter looked away: the web was never tested.
    let mut train = Train::built();
    train.0[1].take("tester tests");
    let mut train = train.promoted("dev").at(2).promoted("staging");
    assert_exit(&train.0[0].verify("staging"), 0);
    let untested = train.0[1].verify("staging");
    assert_exit(&untested, 10);
    assert_found(&untested, Code::TestsMissing);
    assert_exit(&train.0[2].verify("staging"), 0);
    // Nor does it go on from there, whatever the others have.
    train.0[1].now = hour(3);
    let (verdict, draft) = train.0[1].judge("prod", None);
    assert!(
        draft.is_none() && verdict.exit_code() == 10,
        "{}",
        show(&verdict)
    );
}

#[test]
fn whoever_wrote_one_of_them_approves_it_for_none_of_their_own() {
    let mut train = Train::built();
    train.0[1].take("builder provenance");
    let by_alice = crate::kit::provenance("https://github.com/acme/pay", &["alice@acme.example"]);
    let when = hour(0);
    let kind = bulla_model::predicate::slsa_provenance::TYPE;
    train.0[1].attest_at("builder", kind, &by_alice, Some(when));
    let train = train.promoted("dev").at(2).promoted("staging");
    let train = train.at(3).approved("alice", "prod");
    let train = train
        .approved("carol", "prod")
        .at(4)
        .promoted("prod")
        .at(24);
    assert_exit(&train.0[0].verify("prod"), 0);
    let own = train.0[1].verify("prod");
    assert_exit(&own, 1);
    assert_found(&own, Code::ApproverIsAuthor);
}

#[test]
fn an_approval_is_of_exactly_the_set() {
    for names in [
        &["api"][..],
        &["api", "web"],
        &["api", "web", "other"],
        &["api", "chart", "other", "web"],
    ] {
        let mut train = Train::approved_by_two();
        let world = &mut train.0[0];
        world.set = sorted(names);
        // Nobody is helped to a step of another set,
        let (verdict, draft) = world.judge("prod", None);
        assert_exit(&verdict, 1);
        assert_found(&verdict, Code::SetMismatch);
        assert!(draft.is_none());
        // and one that is made all the same joins nothing and nobody approved it.
        world.set = sorted(&["api", "web", "chart"]);
        let (_, draft) = world.judge("prod", Some(&Signer::named("promoter").identity()));
        let said = world.promotion(draft.unwrap());
        world.seal_promotion("promoter", "prod", &said, &sorted(names));
        world.now = hour(24);
        let verdict = world.verify("prod");
        assert_exit(&verdict, 1);
        assert_found(&verdict, Code::ChainBroken);
        assert_found(&verdict, Code::ApprovalsMissing);
        assert_found(&verdict, Code::SubjectMismatch);
    }
}

#[test]
fn what_came_together_goes_on_together_and_what_came_alone_alone() {
    // Three came, one is to go on.
    let verdict = with_another(1);
    assert_exit(&verdict, 1);
    let leading = verdict.leading().unwrap();
    assert_eq!(leading.code, Code::SetMismatch);
    assert!(
        leading.message.contains("together with 2 others"),
        "{}",
        leading.message
    );
    assert!(
        leading
            .hint
            .as_ref()
            .unwrap()
            .contains("promote them together")
    );
    // What is not at hand may be the promotion that is missing.
    let mut train = Train::approved_by_two();
    train.0[0].set = sorted(&["api"]);
    train.0[0].truncated = true;
    assert_exit(&train.0[0].judge("prod", None).0, 3);
    // Each came alone, all are to go on.
    let mut alone = built("api", World::empty).into_staging();
    alone.set = sorted(&["api", "web"]);
    let (verdict, draft) = alone.judge("prod", None);
    assert_exit(&verdict, 1);
    assert!(draft.is_none());
    assert!(
        verdict.leading().unwrap().message.ends_with("alone"),
        "{}",
        show(&verdict)
    );
    // Who came both ways goes on both ways.
    let mut both = Train::approved_by_two().0.remove(0);
    both.set.clear();
    both.now = hour(4);
    both.promote("dev");
    both.now = hour(5);
    both.promote("staging");
    both.now = hour(6);
    assert!(both.judge("prod", None).1.is_some());
    both.set = sorted(&["api", "web", "chart"]);
    assert_exit(&both.judge("prod", None).0, 0);
}

#[test]
fn a_stranger_s_set_changes_nothing() {
    let mut world = built("api", World::empty).into_staging();
    let before = world.judge("prod", None).0;
    world.set = sorted(&["api", "web"]);
    let promoter = Signer::named("promoter").identity();
    let (_, draft) = world.judge("dev", Some(&promoter));
    let mut said = world.promotion(draft.unwrap());
    said.edge.to.uri = "env://acme/pay/staging".parse().unwrap();
    said.slot.sequence = 99;
    world.seal_promotion("mallory", "staging", &said, &world.subjects());
    world.set.clear();
    let after = world.judge("prod", None).0;
    assert_eq!(before.exit_code(), after.exit_code());
    assert_eq!(codes(&before), codes(&after));
    // Where there is nothing but theirs, it is no set to go on with either.
    world.take("promoter promotion staging");
    let (verdict, draft) = world.judge("prod", None);
    assert!(draft.is_none());
    assert!(
        !codes(&verdict).contains(&Code::SetMismatch),
        "{}",
        show(&verdict)
    );
}

#[test]
fn two_sets_do_not_follow_the_same_promotion() {
    for (other, exit) in [(&["api", "web"][..], 1), (&["api", "web", "chart"], 0)] {
        let mut world = Train::in_prod().0.remove(0);
        let entry = world.take("promoter promotion prod").remove(0);
        let mut said = crate::kit::promotion_in(&entry.bundle);
        said.slot.sequence = 2;
        said.slot.previous = Some(digest("what was there"));
        let own = sorted(&["api", "web", "chart"]);
        world.seal_promotion("promoter", "prod", &said, &own);
        said.issued_at = said
            .issued_at
            .checked_sub(SignedDuration::from_secs(1))
            .unwrap();
        world.seal_promotion("promoter", "prod", &said, &sorted(other));
        let verdict = world.verify("prod");
        assert_exit(&verdict, exit);
        assert_found(&verdict, Code::ChainForked);
    }
}

#[test]
fn a_set_is_taken_out_of_service_as_a_set() {
    let mut train = Train::of(&["api", "web"], crate::edges::world);
    for (hours, to) in [(1, "dev"), (2, "staging")] {
        train = train.at(hours).promoted(to);
    }
    train = train
        .at(3)
        .approved("alice", "prod")
        .approved("carol", "prod");
    train = train.at(4).promoted("prod").at(24);
    // One alone cannot be: it did not come alone.
    train.0[0].set = sorted(&["api"]);
    let (verdict, draft) = train.0[0].step(EdgeKind::Retire, "prod");
    assert!(draft.is_none());
    assert_found(&verdict, Code::SetMismatch);
    train.0[0].set = sorted(&["api", "web"]);
    train.0[0].take_step(EdgeKind::Retire, "prod", |_| {});
    // Until it is beside the other one too, nobody who asks about that one knows of it.
    train = train.at(25);
    assert_exit(&train.0[0].verify("prod"), 1);
    assert_exit(&train.0[1].verify("prod"), 0);
    train.share();
    for world in &train.0 {
        let verdict = world.verify("prod");
        assert_exit(&verdict, 1);
        assert_found(&verdict, Code::PromotionRetired);
        let leading = verdict.leading().unwrap();
        let hint = leading.hint.as_deref().unwrap();
        assert!(hint.contains(" OTHERS --to prod"), "{hint}");
    }
    // Who asks about the set is told its names.
    let world = &train.0[0];
    let set: SubjectSet = world.set.iter().cloned().collect();
    let (verdict, _) = world.judge_request(&StepRequest {
        to: "prod",
        from: None,
        kind: EdgeKind::Retire,
        promoter: None,
        tickets: None,
        set: Some(&set),
        names: Some("api web"),
    });
    let shown = show(&verdict);
    assert!(shown.contains("bulla promote api web --to prod"), "{shown}");
}

#[test]
fn a_set_goes_back_as_a_set() {
    let mut train = Train::of(&["api", "web"], crate::edges::world);
    train = train.promoted("dev").at(2).promoted("staging").at(3);
    train = train.approved("alice", "prod").approved("carol", "prod");
    train = train.at(4).promoted("prod").at(24);
    train.0[0].approve_step("alice", EdgeKind::Rollback, "prod");
    let approval = train.0[0].evidence.pop().unwrap();
    // Approved for one alone, it is of another set.
    train.0[0].evidence.push(approval);
    let (verdict, _) = train.0[0].step(EdgeKind::Rollback, "prod");
    assert_exit(&verdict, 4);
    assert_found(&verdict, Code::SubjectMismatch);
    let said = bulla_model::Statement::parse(
        &crate::kit::payload(&train.0[0].evidence.pop().unwrap().bundle),
        &train.0[0].limits,
    );
    let said = said.unwrap();
    let predicate = serde_json::from_str(said.predicate_json().unwrap()).unwrap();
    let both = sorted(&["api", "web"]).into_iter();
    let both: Vec<_> = both.map(bulla_model::ResourceDescriptor::of).collect();
    train.0[0].attest_about("alice", said.predicate_type().as_str(), &predicate, &both);
    train.share();
    train.0[0].take_step(EdgeKind::Rollback, "prod", |said| {
        said.slot.sequence = 3;
    });
    train.share();
    for world in &train.0 {
        let verdict = world.verify("prod");
        assert_exit(&verdict, 0);
        let last = verdict.steps.last().unwrap();
        assert_eq!(last.kind, EdgeKind::Rollback);
        assert_eq!(last.subjects, world.set);
    }
}

#[test]
fn a_review_is_of_all_that_was_promoted_together() {
    let mut train = Train::of(&["api", "web"], crate::edges::world);
    train = train.promoted("dev").at(2);
    let promotion = train.0[0].take_step(EdgeKind::Hotfix, "prod", |_| {});
    train.share();
    train = train.at(60);
    let review = |subjects: &[&str], who: &str, train: &mut Train| {
        let predicate = json!({
            "promotion": promotion, "outcome": "accepted",
            "issuedAt": hour(60).to_string(), "nonce": nonce(who),
        });
        let subjects = sorted(subjects).into_iter();
        let subjects: Vec<_> = subjects.map(bulla_model::ResourceDescriptor::of).collect();
        let kind = bulla_model::predicate::review::TYPE;
        train.0[0].attest_about(who, kind, &predicate, &subjects);
        train.share();
    };
    review(&["api"], "bob", &mut train);
    let overdue = train.0[0].verify("prod");
    assert_found(&overdue, Code::ReviewOverdue);
    let mut findings = overdue.findings.iter();
    let overdue = findings.find(|it| it.code == Code::ReviewOverdue).unwrap();
    let hint = overdue.hint.as_deref().unwrap();
    let told = "with those it came with: bulla review ";
    assert!(hint.starts_with(told), "no command as it is: {hint}");
    review(&["api", "web"], "bob", &mut train);
    for world in &train.0 {
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
fn one_that_is_revoked_takes_itself_back_and_its_promotion_all() {
    let base = || {
        let mut world = World::empty();
        let guarded = World::guarded(1);
        (world.files, world.anchor) = (guarded.files, guarded.anchor);
        world.more_keys = guarded.more_keys;
        world
    };
    let promoted = || {
        let train = Train::of(&["api", "web"], base);
        let mut train = train.promoted_into_prod();
        for world in &mut train.0 {
            world.checkpoint(1);
            assert_exit(&world.verify("prod"), 0);
        }
        train
    };
    let mut train = promoted();
    for world in &mut train.0 {
        world.revoke(
            "security",
            &[json!({"kind": "subject", "digest": digest("api")})],
        );
    }
    assert_exit(&train.0[0].verify("prod"), 14);
    assert_exit(&train.0[1].verify("prod"), 0);
    // Who promotes the set judges each, and one refusal is one of all; the other alone is refused none.
    assert_exit(&train.0[0].judge("staging", None).0, 14);
    assert_exit(&train.0[1].judge("staging", None).0, 0);
    let mut train = promoted();
    let head = train.0[0]
        .verify("prod")
        .steps
        .last()
        .unwrap()
        .promotion
        .clone();
    for world in &mut train.0 {
        world.revoke(
            "security",
            &[json!({"kind": "attestation", "payload": head})],
        );
        assert_exit(&world.verify("prod"), 14);
    }
}

#[test]
fn an_image_of_another_service_is_not_let_in_by_the_company_it_keeps() {
    let mut train = Train::built();
    train.0[2].take("builder provenance");
    let wiki = crate::kit::provenance("https://github.com/acme/wiki", &["dave@acme.example"]);
    let kind = bulla_model::predicate::slsa_provenance::TYPE;
    train.0[2].attest_at("builder", kind, &wiki, Some(hour(0)));
    let train = train.promoted("dev");
    assert_exit(&train.0[0].verify("dev"), 0);
    let verdict = train.0[2].verify("dev");
    assert_exit(&verdict, 1);
    assert_found(&verdict, Code::ServiceMismatch);
}

#[test]
fn what_is_not_in_the_set_is_not_asked_about() {
    let world = built("api", World::empty);
    let set: SubjectSet = sorted(&["web", "chart"]).into_iter().collect();
    let request = StepRequest {
        to: "dev",
        from: None,
        kind: EdgeKind::Promote,
        promoter: None,
        tickets: None,
        set: Some(&set),
        names: None,
    };
    let error = world
        .ask(|question| judge_step(question, &request))
        .unwrap_err();
    assert!(matches!(error, QuestionError::NotInSet { .. }), "{error}");
}
