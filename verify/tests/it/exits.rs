//! The exit code of every path.

use bulla_model::Digest;
use bulla_verify::{Cause, Decision, Verdict};

use crate::kit::{Signer, World, assert_exit, hour, payload, tampered};

fn dev(change: impl Fn(&mut World)) -> Verdict {
    let mut world = World::built();
    world.promote("dev");
    change(&mut world);
    world.verify("dev")
}

#[test]
fn every_path_has_its_code() {
    let resigned = |world: &mut World, by: &str| {
        for entry in &mut world.evidence {
            entry.bundle = Signer::named(by).seal(&payload(&entry.bundle));
        }
    };
    let paths: [(u8, Decision, Verdict); 9] = [
        (0, Decision::Allow, dev(|_| {})),
        (1, Decision::Deny, World::approved().verify("prod")),
        (
            3,
            Decision::Undetermined,
            dev(|world| {
                world.truncated = true;
                world.take("promoter");
            }),
        ),
        (4, Decision::Deny, World::staged().judge("prod", None).0),
        (10, Decision::Deny, dev(|world| world.evidence.clear())),
        (11, Decision::Deny, dev(|world| resigned(world, "mallory"))),
        (
            12,
            Decision::Deny,
            dev(|world| {
                for entry in &mut world.evidence {
                    entry.bundle =
                        tampered(&entry.bundle, "\"predicate\":{", "\"predicate\":{\"x\":1,");
                }
            }),
        ),
        (
            13,
            Decision::Deny,
            dev(|world| world.artifact = Digest::sha256(b"another")),
        ),
        (14, Decision::Deny, {
            let mut world = World::built();
            world.promote_with("dev", |said| said.not_after = Some(hour(2)));
            world.now = hour(2);
            world.verify("dev")
        }),
    ];
    for (exit, decision, verdict) in paths {
        assert_exit(&verdict, exit);
        assert_eq!(verdict.decision, decision, "{exit}");
        assert_eq!(verdict.cause.map_or(0, Cause::exit_code), exit);
        assert_eq!(
            verdict.leading().is_none(),
            exit == 0,
            "every no is explained"
        );
    }
}

#[test]
fn an_answer_without_a_reason_is_an_internal_error() {
    let mut verdict = dev(|_| {});
    verdict.decision = Decision::Deny;
    assert_eq!(verdict.exit_code(), 70);
    verdict.decision = Decision::Undetermined;
    assert_eq!(verdict.exit_code(), 70);
    verdict.decision = Decision::Allow;
    verdict.cause = Some(Cause::Expired);
    assert_eq!(verdict.exit_code(), 14, "a reason is never a success");
}

#[test]
fn different_failures_are_a_plain_denial() {
    let mut world = World::staged();
    let sbom = world.take("builder sbom").remove(0).bundle;
    assert_exit(&world.verify("staging"), 10);
    world.add("builder sbom", tampered(&sbom, "zlib", "bzip"));
    assert_exit(&world.verify("staging"), 12);
    world.take("tester tests");
    assert_exit(&world.verify("staging"), 1);
}

#[test]
fn a_missing_approval_is_not_yet_only_if_nothing_else_is_wrong() {
    let mut world = World::staged();
    assert_exit(&world.judge("prod", None).0, 4);
    world.approve_with("alice", "prod", |said| said.policy.version = 2);
    assert_exit(&world.judge("prod", None).0, 1);
    let mut world = World::staged();
    world.take("builder sbom");
    assert_exit(&world.judge("prod", None).0, 10);
    world.truncated = true;
    assert_exit(&world.judge("prod", None).0, 3);
}
