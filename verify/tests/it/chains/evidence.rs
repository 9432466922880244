//! Evidence that is not all there is, and junk beside it.

use bulla_model::envelope;

use super::story::{stories, verify, with};
use crate::kit::{Signer, World, payload};

stories! {
    "evidence-cut-off", "Step 11: what else is said",
        "What holds stays allowed when referrers were cut off, and that is told.",
        0 EvidenceIncomplete => verify("dev", with(World::journey(), |world| world.truncated = true));
    "evidence-not-fetched", "Step 11: what else is said",
        "What holds stays allowed when referrers could not be fetched, and that is told.",
        0 EvidenceIncomplete => verify("dev", with(World::journey(), |world| {
            world.unavailable.push("one referrer: answered 500".to_owned());
        }));
    "evidence-unusable", "Step 11: what else is said",
        "What can be no evidence is noted and leaves nothing incomplete.",
        10 SbomMissing StatementUnusable => verify("prod", with(World::journey(), |world| {
            world.take("builder sbom");
            world.unusable.push("one referrer: its manifest is broken".to_owned());
        }));
    "evidence-may-be-missing", "Absence and the newest",
        "A requirement that fails may be met by what was not fetched.",
        3 SbomMissing EvidenceIncomplete => verify("prod", with(World::journey(), |world| {
            world.take("builder sbom");
            world.unavailable.push("one referrer: answered 500".to_owned());
        }));
    "service-may-be-named-by-what-is-missing", "Step 4: the service",
        "Without provenance, while evidence is incomplete, the service is not known.",
        3 ProvenanceMissing => verify("prod", with(World::journey(), |world| {
            world.take("builder provenance");
            world.truncated = true;
        }));
    "promotion-may-be-missing", "Step 5: promotions",
        "A promotion may be among what was cut off.",
        3 PromotionMissing => verify("prod", with(World::approved(), |world| world.truncated = true));
    "junk-beside-what-holds", "Step 2: verified statements",
        "Whoever may push changes no answer: what is allowed.",
        0 => verify("prod", flooded(World::journey()));
    "junk-beside-what-is-missing", "Step 5: promotions",
        "Whoever may push changes no answer: what is not there.",
        10 PromotionMissing => verify("dev", flooded(World::built()));
    "junk-beside-what-waits", "Approvals",
        "Whoever may push changes no answer: what waits.",
        4 ApprovalsMissing => verify("prod", flooded(with(World::staged(), |world| drop(world.promote("prod")))));
}

/// Beside everything, the same by a stranger, under a borrowed name, and broken off.
fn flooded(mut world: World) -> World {
    let mallory = Signer::named("mallory");
    let builder = Signer::named("builder").key_id().hint();
    for entry in world.evidence.clone() {
        let bytes = payload(&entry.bundle);
        world.add("mallory copies", mallory.seal(&bytes));
        let forged = mallory.seal_as(&bytes, envelope::IN_TOTO, &builder);
        world.add("mallory as builder", forged);
        world.add(
            "broken off",
            entry.bundle[..entry.bundle.len() / 2].to_vec(),
        );
    }
    world.add("junk", b"junk".to_vec());
    world
}
