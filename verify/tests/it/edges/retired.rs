//! What was retired stays out of service, whatever becomes of the emergency that the retirement follows.

use serde_json::json;

use bulla_model::{Digest, EdgeKind};
use bulla_verify::Decision;

use super::world;
use crate::kit::{self, World, assert_exit, hour};

/// Into prod through the gates, again by broken glass, and retired; it is hour 26. The digest of the
/// emergency, which ends at hour 30 by its own word where it `ends`.
fn retired(ends: bool) -> (World, Digest) {
    let mut world = world();
    let security = format!(
        "identities:\n  security:\n    - key: {}\n",
        kit::policy::key("security")
    );
    world.edit("release.yaml", "identities:\n", &security);
    let rule = "revocations: {by: [security]}\nhistory: []";
    world.edit("release.yaml", "history: []", rule);
    let rule = "reviewWithin: 24h\n    overdueReview: deny";
    world.edit("release.yaml", "reviewWithin: 24h", rule);
    let mut world = world.into_prod();
    let before = Digest::sha256(&kit::payload(&world.evidence.last().unwrap().bundle));
    world.approve_step("bob", EdgeKind::BreakGlass, "prod");
    let glass = world.take_step(EdgeKind::BreakGlass, "prod", |said| {
        said.slot.sequence = 2;
        said.slot.previous = Some(before.clone());
        said.not_after = ends.then(|| hour(30));
    });
    world.now = hour(25);
    let verdict = world.verify("prod");
    assert_eq!(verdict.steps.last().unwrap().promotion, glass);
    world.take_step(EdgeKind::Retire, "prod", |said| {
        assert_eq!(said.chain.previous, std::slice::from_ref(&glass));
    });
    world.now = hour(26);
    (world, glass)
}

#[test]
fn an_emergency_that_lapses_or_is_taken_back_ends_no_retirement() {
    type Event = fn(&mut World, &Digest);
    let events: [(&str, bool, Event); 6] = [
        ("nothing", false, |_, _| {}),
        ("overdue", false, |world, _| world.now = hour(60)),
        ("over", true, |world, _| world.now = hour(31)),
        ("rejected", false, |world, glass| {
            world.review("carol", glass, "rejected");
        }),
        ("taken back", false, |world, glass| {
            let target = json!({"kind": "attestation", "payload": glass});
            world.revoke("security", &[target]);
        }),
        ("its approval is left out", false, |world, _| {
            world.take("bob approval");
        }),
    ];
    for (event, ends, happens) in events {
        let (mut world, glass) = retired(ends);
        happens(&mut world, &glass);
        let verdict = world.verify("prod");
        assert_eq!(verdict.decision, Decision::Deny, "{event}");
        assert_exit(&world.verify("staging"), 0);
    }
}
