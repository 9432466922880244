//! Policies that are older, newer or others, stolen promoters' keys, and questions that cannot be asked.

use bulla_model::predicate::promotion::GateResult;
use bulla_verify::State;

use super::story::{anchored, evidence, prod_says, step, stories, verify, with};
use crate::kit::{self, World, hour};

stories! {
    "environment-unknown", "The outcome",
        "A question about an environment that the policy does not have cannot be asked.",
        2 => verify("qa", World::journey());
    "environment-of-others", "The outcome",
        "The anchor lists environments, and this is not one of them.",
        2 => verify("prod", anchored(World::journey(), "environments: [\"env://acme/pay/dev\"]"));
    "environment-of-the-anchor", "The outcome",
        "An environment that the anchor lists can be asked about.",
        0 => verify("dev", anchored(World::journey(), "environments: [\"env://acme/pay/dev\"]"));
    "environment-by-its-uri", "Inputs",
        "An environment is named by a short name or a URI of the policy.",
        0 => verify("env://acme/pay/prod", World::journey());
    "policy-with-an-unknown-field", "Inputs",
        "A policy with an unknown field is not read.",
        2 => verify("prod", with(World::journey(), |world| world.edit("release.yaml", "history: []", "history: []\nfreeze: true")));
    "policy-with-an-unlisted-predecessor", "Inputs",
        "An earlier version that `history` does not list is not read.",
        2 => verify("prod", with(World::journey(), |world| {
            world.next_policy();
            world.edit("release.yaml", "history: [{", "history: []\n# [{");
        }));
    "anchor-of-another-cluster", "6.2 The promotion",
        "The anchor's audience and that of the promotion share an id.",
        1 AudienceMismatch => verify("prod", anchored(World::journey(), "environments: []\naudience: [prod-us-1]"));
    "anchor-of-this-cluster", "6.2 The promotion",
        "What it follows went to other clusters, and has to.",
        0 => verify("prod", anchored(World::journey(), "environments: []\naudience: [prod-eu-1]"));
    "policy-below-the-anchor-s-minimum", "Step 1: the policy's age",
        "The version is not below the anchor's minimum.",
        14 PolicyRollback => verify("prod", anchored(World::journey(), "environments: []\nminimum: {release: 4}"));
    "policy-older-than-seen", "Step 1: the policy's age",
        "The version is not below one that was seen.",
        14 PolicyRollback => verify("dev", {
            let mut world = World::empty();
            world.edit("release.yaml", "version: 3", "version: 2");
            world.provenance();
            world.promote("dev");
            world.state = Some(seen());
            world
        });
    "policy-other-than-seen", "Step 1: the policy's age",
        "The same version has the digest that was seen.",
        1 PolicyEquivocation => verify("dev", {
            let mut world = World::empty();
            world.edit("release.yaml", "threshold: 2", "threshold: 1");
            world.provenance();
            world.promote("dev");
            world.state = Some(seen());
            world
        });
    "policy-as-seen", "Step 1: the policy's age",
        "The policy that was seen is fine.",
        0 => verify("prod", with(World::journey(), |world| world.state = Some(seen())));
    "anchor-older-than-rotated", "Step 1: the policy's age",
        "The anchor is not below one that its owners put in its place.",
        14 PolicyRollback => verify("prod", with(rotated("version: 1"), |world| world.state = Some(rotated_to(2))));
    "anchor-other-than-rotated", "Step 1: the policy's age",
        "The same version of the anchor has the digest that was put in place.",
        1 PolicyEquivocation => verify("prod", with(rotated("version: 2"), |world| world.state = Some(rotated_to(2))));
    "anchor-written-anew-after-a-rotation", "Step 1: the policy's age",
        "A higher version of the anchor is its administrator's own.",
        0 => verify("prod", with(rotated("version: 3"), |world| world.state = Some(rotated_to(2))));
    "anchor-of-another-name-than-rotated", "Step 1: the policy's age",
        "Anchors are known by their names.",
        0 => verify("prod", with(rotated("name: other"), |world| world.state = Some(rotated_to(2))));
    "policy-succeeded", "6.2 The promotion",
        "A step is judged by the version it names, whatever a later one asks for.",
        0 => verify("prod", successor(|_| {}));
    "policy-succeeded-and-not-loaded", "6.2 The promotion",
        "`history` lists the version, and its files are not at hand.",
        3 PolicyNotLoaded => verify("prod", successor(|world| world.files.predecessors.clear()));
    "policy-of-another-name", "6.2 The promotion",
        "The policy that a promotion names is this one or one before it.",
        1 PolicyUnknown => verify("prod", prod_says(|said| said.policy.name = "other".into()));
    "policy-swapped", "6.2 The promotion",
        "A promotion under another policy of the same version does not count.",
        1 PolicyUnknown => verify("prod", with(World::journey(), |world| world.edit("release.yaml", "threshold: 2", "threshold: 1")));
    "policy-steps-back", "6.1 Links",
        "No step names an older version than the one before.",
        1 PolicyRollback => verify("staging", steps_back());
    "policy-over", "Who signed",
        "Under an earlier version nobody signs after its end.",
        14 KeyExpired => verify("prod", late_under_an_old_one("T13:00:00Z"));
    "policy-not-over", "Who signed",
        "Until its end an earlier version may be named.",
        0 => verify("prod", late_under_an_old_one("T14:00:00Z"));
    "promoter-replaced", "Who signed",
        "A key that the current version dropped signs nothing new under an old one.",
        14 KeyExpired => verify("dev", {
            let mut world = World::built();
            world.promote("dev");
            world.next_policy();
            let (old, new) = (kit::policy::key("promoter"), kit::policy::key("promoter-2"));
            world.edit("release.yaml", &old, &new);
            world.edit("people.yaml", &old, &new);
            world.now = hour(48);
            world
        });
    "promoter-s-key-stolen", "Approvals",
        "Whoever has the promoter's key alone makes up no approvals.",
        4 ApprovalsMissing => verify("prod", with(World::staged(), |world| {
            world.approve("promoter", "prod");
            world.promote_with("prod", |said| {
                for gate in &mut said.gates {
                    gate.result = GateResult::Passed;
                }
            });
        }));
    "promoter-s-key-stolen-and-ended", "Who signed",
        "A key that has ended backdates nothing, also under a version that knew no end.",
        14 KeyExpired => verify("prod", {
            let mut world = World::journey();
            world.take("promoter promotion prod");
            let mut stolen = world.promotion(world.judge("prod", None).1.unwrap());
            world.next_policy();
            let ended = "  promoter:\n    - notAfter: 2026-03-02T12:30:00Z\n      key: ";
            world.edit("release.yaml", "  promoter:\n    - key: ", ended);
            world.now = hour(48);
            stolen.issued_at = hour(3);
            world.seal_promotion("promoter", "prod", &stolen, &[kit::image()]);
            world
        });
    "promoted-by-the-builder", "6.2 The promotion",
        "The edge's `by` matches whoever promotes.",
        11 SignerUntrusted => verify("dev", with(World::built(), |world| {
            world.promote("dev");
            world.sign_over("promoter promotion dev", "builder");
        }));
    "promoted-by-a-stranger", "Step 5: promotions",
        "What a stranger signed is not verified, and no promotion.",
        11 PromotionMissing SignerUntrusted => verify("dev", with(World::built(), |world| {
            world.promote("dev");
            world.sign_over("promoter promotion dev", "mallory");
        }));
    "stranger-speaks-for-the-promoter", "Step 5: promotions",
        "The promoter's attempt is the answer before a stranger's.",
        4 ApprovalsMissing => verify("prod", with(World::staged(), |world| {
            world.now = hour(4);
            world.promote("prod");
            let mut loud = kit::promotion_in(&world.evidence.last().unwrap().bundle);
            loud.slot.sequence = 99;
            world.seal_promotion("builder", "prod", &loud, &[kit::image()]);
        }));
    "before-a-step-by-another-promoter", "6.2 The promotion",
        "Before a step the promoter is one whom the edge names.",
        1 SignerUntrusted => {
            let mut told = step("prod", World::approved());
            told.asked = super::story::Asked::Step {
                to: "prod", from: None, kind: bulla_model::EdgeKind::Promote, promoter: Some("builder"),
            };
            told
        };
}

/// What a verifier remembers of the tests' policy.
fn seen() -> State {
    let mut state = State::default();
    state.remember(&World::empty().parsed());
    state
}

/// The journey, for a verifier whose anchor says this.
fn rotated(line: &str) -> World {
    anchored(World::journey(), &format!("environments: []\n{line}"))
}

/// A state that saw an anchor of this version put in place.
fn rotated_to(version: u64) -> State {
    let line = format!("version: {version}\naudience: [prod-eu-1]");
    let mut state = State::default();
    state.remember_anchor(&rotated(&line).read_anchor().unwrap());
    state
}

/// The journey, after which a version 4 asks for more.
fn successor(change: impl FnOnce(&mut World)) -> World {
    let mut world = World::journey();
    world.next_policy();
    world.edit("release.yaml", "threshold: 2", "threshold: 3");
    change(&mut world);
    world
}

/// Into dev under version 4, and on into staging under the laxer version 3.
fn steps_back() -> World {
    let lax =
        "      sbom: {by: [builder], maxAge: 30d}\n      tests: {by: [tester], maxAge: 72h}\n";
    let mut old = World::empty();
    old.edit("release.yaml", lax, "");
    old.provenance();
    old.now = hour(1);
    old.promote("dev");
    old.now = hour(2);
    let mut laxly = old.promotion(old.judge("staging", None).1.unwrap());
    let mut world = World::empty();
    world.files = old.files;
    world.next_policy();
    evidence(&mut world);
    world.now = hour(1);
    let first = world.promote("dev");
    world.now = hour(2);
    laxly.chain.first = Some(first.clone());
    laxly.chain.previous = vec![first];
    world.seal_promotion("promoter", "staging", &laxly, &[kit::image()]);
    world
}

/// Promoted into prod at hour 5, an hour after 13:00, under a version that ends then.
fn late_under_an_old_one(end: &str) -> World {
    let mut world = World::journey();
    world.take("promoter promotion prod");
    world.now = hour(5);
    let old = world.promotion(world.judge("prod", None).1.unwrap());
    world.next_policy();
    let until = format!("history: [{{until: 2026-03-02{end}, ");
    world.edit("release.yaml", "history: [{", &until);
    world.edit("release.yaml", "threshold: 2", "threshold: 3");
    world.seal_promotion("promoter", "prod", &old, &[kit::image()]);
    world
}
