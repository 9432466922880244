//! Times: claimed, proven, too early, too late, and taken for others.

use super::story::{into_prod, prod_says, ruled, step, stories, verify, with};
use crate::edges::soaking;
use crate::kit::{self, World, hour};
use crate::ledger_hostile::of_key;

stories! {
    "time-claimed", "6.2 The promotion",
        "A time is proven unless the tier takes claims.",
        1 TimeUnproven => verify("dev", strict(false));
    "time-proven", "6.2 The promotion",
        "What a log of the trusted root promised is proven.",
        0 => verify("dev", strict(true));
    "time-of-a-log-nobody-trusts", "Step 2: verified statements",
        "Without a trusted root a record proves nothing.",
        1 TimeUnproven => verify("dev", with(strict(true), |world| world.roots.clear()));
    "promotion-of-the-future", "6.2 The promotion",
        "A claimed time is not later than `now`.",
        1 TimeMismatch => verify("prod", prod_says(|said| said.issued_at = hour(25)));
    "promotion-backdated", "Words",
        "A word of our own statements lies no more than ten minutes before the proof.",
        1 TimeMismatch => verify("prod", with(World::journey(), |world| world.prove("promoter promotion prod", hour(20))));
    "promotion-proven-later-than-now", "Step 2: verified statements",
        "What is proven only later than `now` is no evidence yet.",
        14 PromotionMissing TooLate => verify("dev", with(World::built(), |world| {
            world.promote("dev");
            world.prove("promoter promotion dev", hour(1));
            world.now = hour(0);
        }));
    "key-ended-after-signing-by-its-word", "Who signed",
        "A claimed time and `now` both have to be in the key's window.",
        14 KeyExpired => verify("dev", ended(false));
    "key-ended-after-signing-proven", "Who signed",
        "A proven time in the key's window is enough.",
        0 => verify("dev", ended(true));
    "key-ended-before-signing", "Who signed",
        "A proven time after the key's end is out of time.",
        14 KeyExpired => verify("dev", {
            let mut world = until("2026-03-02T09:30:00Z");
            world.provenance();
            world.now = hour(1);
            world.promote("dev");
            world.prove("promoter promotion dev", hour(1));
            world.now = hour(24);
            world
        });
    "old-evidence-recorded-anew", "Step 8: requirements",
        "A later record of an old statement makes it no younger.",
        14 TestsMissing => verify("staging", {
            let mut world = old_tests();
            world.prove("tester tests", hour(2));
            world
        });
    "old-evidence-copied-with-a-later-record", "Step 8: requirements",
        "Of copies of one statement, one with a later record takes the place of none.",
        0 => verify("staging", with(World::staged(), |world| {
            world.now = hour(24);
            world.copy_proven("tester tests", hour(20));
        }));
    "record-taken-away", "Step 8: requirements",
        "A copy without its record takes the place of none that has one.",
        0 => verify("dev", with(strict(true), |world| {
            let recorded = world.take("promoter promotion dev").remove(0);
            let bare = kit::Signer::named("promoter").seal(&kit::payload(&recorded.bundle));
            world.evidence.push(recorded);
            world.add("promoter promotion dev, bare", bare);
        }));
    "soak-backdated", "Soak",
        "A deployment proven long after its word is contradictory and soaks nothing.",
        4 SoakMissing => step("prod", {
            let mut world = soaking("{in: staging, min: 24h, by: [deployer]}");
            world.now = hour(3);
            world.deployed("deployer", "succeeded");
            let name = world.evidence.last().unwrap().name.clone();
            world.prove(&name, hour(99));
            world.now = hour(100);
            world
        });
    "stolen-key-backdates-an-approval", "Approvals",
        "An approval proven only after the step was not there.",
        1 ApprovalsMissing => verify("prod", with(into_prod(World::staged(), &["alice", "carol"]), |world| {
            world.prove("carol approval", hour(20));
        }));
    "signer-revoked-and-claimed-before", "3.4 What is taken back",
        "That it was before the span only a proof says.",
        14 Revoked => verify("prod", compromised(false));
    "signer-revoked-and-proven-before", "3.4 What is taken back",
        "What is proven to be from before the span is not reached.",
        0 => verify("prod", compromised(true));
}

/// In dev where the tier takes no claims.
fn strict(proven: bool) -> World {
    let mut world = World::empty();
    world.edit(
        "release.yaml",
        "high: {claimedTime: allow}",
        "high: {claimedTime: deny}",
    );
    world.provenance();
    if proven {
        world.prove("builder provenance", hour(0));
    }
    world.now = hour(1);
    world.promote("dev");
    if proven {
        world.prove("promoter promotion dev", hour(1));
    }
    world.now = hour(2);
    world
}

/// The promoter's key ends.
fn until(end: &str) -> World {
    let mut world = World::empty();
    let text = format!("  promoter:\n    - notAfter: {end}\n      key: ");
    world.edit("release.yaml", "  promoter:\n    - key: ", &text);
    world
}

/// Promoted into dev before the key's end; it is a day later.
fn ended(proven: bool) -> World {
    let mut world = until("2026-03-02T12:30:00Z");
    world.provenance();
    world.now = hour(1);
    world.promote("dev");
    if proven {
        world.prove("promoter promotion dev", hour(1));
    }
    world.now = hour(24);
    world
}

/// Staging with tests that ran long before.
fn old_tests() -> World {
    let mut world = ruled("release.yaml", "maxAge: 72h", "maxAge: 1h");
    world.now = hour(3);
    world
}

/// The builder's key was stolen at hour 20, after all it made here.
fn compromised(proven: bool) -> World {
    let mut world = World::checked();
    if proven {
        for name in ["builder provenance", "builder sbom"] {
            world.prove(name, hour(0));
        }
    }
    let mut target = of_key("builder");
    target["notBefore"] = serde_json::json!(hour(20).to_string());
    world.revoke("security", &[target]);
    world
}
