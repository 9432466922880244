//! Steps out of service that the ledger's owner listed: a registry cannot leave them out.

use serde_json::json;

use bulla_model::Digest;
use bulla_model::EdgeKind::{Promote, Retire};
use bulla_model::predicate::checkpoint::Retired;
use bulla_verify::Code;

use crate::kit::{World, assert_exit, assert_found, codes, hour, image};

const STEPS: &str = r"edges:
  - {to: prod, kind: retire, by: [promoter], require: {}}
  - {to: prod, kind: rollback, by: [promoter], require: {}}
  - {to: staging, kind: retire, by: [promoter], require: {approvals: {threshold: 1, roles: [release-manager]}}}
";

const STEP_OUT: &str = "promoter promotion retire";

/// In staging and approved for prod, under a policy with these steps and a ledger; it is hour 4.
pub(crate) fn in_staging() -> World {
    let mut world = World::owned(1);
    world.edit("release.yaml", "edges:\n", STEPS);
    world.approved_by_two()
}

/// In prod since hour 4; it is hour 24.
pub(crate) fn in_prod() -> World {
    in_staging().promoted()
}

/// Writes a checkpoint of now that lists this step out of service.
pub(crate) fn list(world: &mut World, serial: u64, environment: &str, step: &Digest) -> Digest {
    list_about(world, ("keeper", serial), environment, step, &image())
}

pub(crate) fn list_about(
    world: &mut World,
    (who, serial): (&str, u64),
    environment: &str,
    step: &Digest,
    subject: &Digest,
) -> Digest {
    let environment = format!("env://acme/pay/{environment}").parse().unwrap();
    let listed = Retired {
        environment,
        retirement: step.clone(),
        subjects: vec![subject.clone()],
    };
    world.checkpoint_with(who, serial, |said| {
        said.retired = vec![listed.clone()];
        said.crit = vec!["retired".to_owned()];
    })
}

/// Retired in prod at hour 24, which the owner listed an hour later; it is hour 26.
pub(crate) fn retired() -> World {
    let mut world = in_prod();
    let step = world.take_step(Retire, "prod", |_| {});
    world.now = hour(25);
    list(&mut world, 1, "prod", &step);
    world.now = hour(26);
    world
}

/// The same, as it was before.
pub(crate) fn hidden() -> World {
    let mut world = retired();
    world.take(STEP_OUT);
    world
}

/// Retired in staging at hour 4 with alice's approval, which the owner listed; it is hour 5.
pub(crate) fn retired_in_staging() -> World {
    let mut world = in_staging();
    world.approve_step("alice", Retire, "staging");
    let step = world.take_step(Retire, "staging", |_| {});
    list(&mut world, 1, "staging", &step);
    world.now = hour(5);
    world
}

/// The same, and promoted into prod an hour later all the same.
pub(crate) fn retired_on_the_way() -> World {
    let mut world = in_staging();
    let mut late = world.promotion(world.step(Promote, "prod").1.unwrap());
    let before = world.evidence.len();
    world = retired_in_staging();
    assert!(world.evidence.len() > before);
    late.issued_at = world.now;
    world.seal_promotion("promoter", "prod", &late, &[image()]);
    world
}

fn assert_retired(world: &World, environment: &str, exit: u8) {
    let verdict = world.verify(environment);
    assert_exit(&verdict, exit);
    assert_eq!(codes(&verdict).contains(&Code::PromotionRetired), exit != 0);
}

#[test]
fn a_hidden_retirement_is_missed() {
    assert_retired(&retired(), "prod", 1);
    assert_retired(&hidden(), "prod", 3);
    // Where it was is no matter of the steps before.
    assert_exit(&hidden().verify("staging"), 0);
    // What no checkpoint lists, nobody can miss.
    let mut world = hidden();
    world.hide("checkpoint");
    world.checkpoint(1);
    assert_retired(&world, "prod", 0);
    // What is another image's concerns nobody here, and an older promotion stays.
    let mut world = hidden();
    world.hide("checkpoint");
    let (step, other) = (Digest::sha256(b"their step"), Digest::sha256(b"theirs"));
    list_about(&mut world, ("keeper", 1), "prod", &step, &other);
    assert_retired(&world, "prod", 0);
    // So does what went out of where it is not asked about.
    let mut world = hidden();
    world.hide("checkpoint");
    list(&mut world, 1, "prod-us", &step);
    assert_retired(&world, "prod", 0);
}

#[test]
fn only_the_ledger_s_owner_lists_retirements() {
    let mut world = in_staging();
    let step = Digest::sha256(b"made up");
    list_about(&mut world, ("security", 1), "staging", &step, &image());
    assert_exit(&world.verify("staging"), 0);
    list(&mut world, 1, "staging", &step);
    assert_retired(&world, "staging", 3);
}

#[test]
fn what_was_retired_and_came_back_stays_as_long_as_all_is_there() {
    let mut world = retired();
    for who in ["bob", "carol"] {
        world.approve(who, "prod");
    }
    world.promote("prod");
    assert_retired(&world, "prod", 0);
    world.take(STEP_OUT);
    assert_retired(&world, "prod", 3);
}

#[test]
fn what_a_listed_retirement_rests_on_cannot_be_left_out_either() {
    let world = retired_in_staging();
    assert_retired(&world, "staging", 1);
    let mut world = retired_in_staging();
    let approvals = world.take("alice approval");
    world.evidence.extend(approvals.into_iter().take(1));
    assert_retired(&world, "staging", 3);
    // Nor can a copy that was recorded much later take its place.
    let mut world = retired();
    world.now = hour(40);
    world.prove(STEP_OUT, hour(30));
    let verdict = world.verify("prod");
    assert_exit(&verdict, 3);
    assert_found(&verdict, Code::PromotionRetired);
}

#[test]
fn nothing_goes_on_from_where_a_hidden_retirement_took_it_out() {
    assert_retired(&retired_on_the_way(), "prod", 1);
    let mut world = retired_on_the_way();
    world.take(STEP_OUT);
    assert_retired(&world, "prod", 3);
    // A later record of it does not make the step from there an earlier one.
    let mut world = retired_on_the_way();
    world.now = hour(9);
    world.prove(STEP_OUT, hour(8));
    assert_retired(&world, "prod", 3);
    // Nor is the step taken.
    let before = |world: &World| world.step(Promote, "prod").0;
    assert_exit(&before(&retired_in_staging()), 1);
    let mut world = retired_in_staging();
    world.take(STEP_OUT);
    let verdict = before(&world);
    assert_exit(&verdict, 3);
    assert_found(&verdict, Code::PromotionRetired);
}

#[test]
fn a_listed_retirement_is_over_when_it_is_taken_back_by_its_digest() {
    for mut world in [retired(), hidden()] {
        let step = retired().digest_of(STEP_OUT);
        let target = json!({"kind": "attestation", "payload": step});
        let taken = world.revoke("security", &[target]);
        assert_retired(&world, "prod", 0);
        world.revoke("carol", &[json!({"kind": "lift", "payload": taken})]);
        let verdict = world.verify("prod");
        assert_found(&verdict, Code::PromotionRetired);
    }
    // Whose signer was taken back nobody can tell of one that is not there.
    let mut world = hidden();
    let by_promoter = crate::ledger_hostile::of_key("mallory");
    world.revoke("security", &[by_promoter]);
    assert_retired(&world, "prod", 3);
}

#[test]
fn a_listed_retirement_that_is_refused_here_leaves_the_answer_open() {
    let mut world = in_prod();
    world.now = hour(25);
    let step = world.take_step(Retire, "prod", |said| said.tier = "low".parse().unwrap());
    world.checkpoint(1);
    assert_retired(&world, "prod", 0);
    world.hide("checkpoint");
    list(&mut world, 1, "prod", &step);
    assert_retired(&world, "prod", 3);
}

#[test]
fn the_step_that_takes_it_out_takes_the_place() {
    let mut world = retired();
    let step = world.digest_of(STEP_OUT);
    world.hide("checkpoint");
    let head = crate::ledger_decided::head(2, step.clone());
    world.checkpoint_with("keeper", 2, |said| said.slots = vec![head.clone()]);
    assert_retired(&world, "prod", 1);
    for who in ["bob", "carol"] {
        world.approve(who, "prod");
    }
    world.now = hour(27);
    world.promote_with("prod", |said| {
        said.slot.sequence = 3;
        said.slot.previous = Some(step.clone());
    });
    assert_exit(&world.verify("prod"), 0);
}

#[test]
fn whoever_writes_the_next_checkpoint_is_told_what_went_out() {
    let world = retired();
    let found = world.retirements("prod");
    let [one] = &found[..] else {
        panic!("{found:?}")
    };
    assert_eq!(one.said.retirement, world.digest_of(STEP_OUT));
    assert_eq!(one.said.subjects, [image()]);
    assert!(one.is_certain && !one.is_contested);
    assert!(world.retirements("staging").is_empty());
    // A refused one changes nothing, so nobody has to hold it.
    let mut world = retired_in_staging();
    assert_eq!(world.retirements("staging").len(), 1);
    world.take("alice approval");
    assert!(world.retirements("staging").is_empty());
    world.truncated = true;
    let open = world.retirements("staging");
    assert!(open.iter().all(|one| !one.is_certain) && open.len() == 1);
}
