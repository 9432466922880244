//! Every kind of step, as it should be taken and as it should not.

use bulla_model::Digest;
use bulla_model::EdgeKind::{Hotfix, Import, Promote, Retire, Rollback};
use bulla_model::predicate::promotion::Chain;

use super::story::{into_prod, step, stories, take, verify, with};
use crate::edges::{
    broken_glass, in_prod, retirable_staging, soaking, soaking_untested, untested, world,
};
use crate::kit::{self, World, hour};

stories! {
    "entry", "6.1 Links",
        "The entry has no `from`, follows nothing and has sequence 1.",
        0 RevocationsUnproven => verify("dev", World::journey());
    "second-step", "6.1 Links",
        "What comes from an environment follows the promotion into it.",
        0 => verify("staging", World::journey());
    "journey", "6.1 Links",
        "Three steps, the last approved by two persons, and every link holds.",
        0 => verify("prod", World::journey());
    "journey-long-after", "Step 8: requirements",
        "Evidence is judged as of each promotion, so that growing old evicts nothing.",
        0 => verify("prod", with(World::journey(), |world| world.now = hour(24 * 365)));
    "before-the-entry", "Step 8: requirements",
        "Before a step its requirements are judged at `now`.",
        0 => step("dev", World::built());
    "before-the-last-step", "Approvals",
        "Two persons with the role approved exactly this step.",
        0 => step("prod", World::approved());
    "before-a-step-that-skips", "6.2 The promotion",
        "The policy has no step of this kind from there to there.",
        1 EdgeUnknown => {
            let mut told = step("prod", with(World::built(), |world| drop(world.promote("dev"))));
            told.asked = super::story::Asked::Step {
                to: "prod", from: Some("dev"), kind: Promote, promoter: Some("promoter"),
            };
            told
        };
    "before-a-step-of-other-subjects", "Step 5: promotions",
        "A step of the artifact alone goes on from no promotion of more.",
        1 SetMismatch => step("staging", with(World::built(), |world| {
            world.promote("dev");
            let said = kit::promotion_in(&world.take("promoter promotion")[0].bundle);
            let both = [kit::image(), Digest::sha256(b"another image")];
            world.seal_promotion("promoter", "dev", &said, &both);
        }));
    "nothing-promoted", "Step 5: promotions",
        "Without a promotion about the artifact into the environment it is not there.",
        10 PromotionMissing => verify("dev", World::built());
    "promoted-elsewhere", "Step 5: promotions",
        "A promotion into another environment speaks for that one alone.",
        1 PromotionMissing => verify("prod", World::staged());
    "hotfix", "Kinds of steps",
        "A hotfix is judged by its own rule, nothing of the normal step's.",
        0 => verify("prod", hotfix(|_| {}));
    "hotfix-review-overdue", "Step 7: reviews",
        "A review that is overdue warns, unless the policy says that it denies.",
        0 ReviewOverdue => verify("prod", with(hotfix(|_| {}), |world| world.now = hour(51)));
    "hotfix-without-a-reason", "Kinds of steps",
        "A hotfix of version 1 without a reason is unusable.",
        1 PromotionMissing StatementUnusable => verify("prod", hotfix(|world| {
            world.take("promoter promotion hotfix");
            world.take_step(Hotfix, "prod", |said| said.reason = None);
        }));
    "break-glass", "Kinds of steps",
        "An emergency has its own approvals and names its incident.",
        0 => verify("prod", broken_glass(WARN, |_| {}).0);
    "break-glass-without-an-incident", "6.2 The promotion",
        "`break-glass` has a ticket.",
        1 IncidentMissing => verify("prod", broken_glass(WARN, |said| said.tickets.clear()).0);
    "break-glass-without-its-approval", "Kinds of steps",
        "Going round the gates has requirements too.",
        4 ApprovalsMissing => verify("prod", with(broken_glass(WARN, |_| {}).0, |world| drop(world.take("alice approval"))));
    "review-accepted", "Step 7: reviews",
        "A review by a person who had no hand in it is accepted, also after the deadline.",
        0 => verify("prod", reviewed(DENY, &[("bob", "accepted")], 40));
    "review-due", "Step 7: reviews",
        "Until the deadline nothing is said.",
        0 => verify("prod", reviewed(DENY, &[], 26));
    "review-overdue-denies", "Step 7: reviews",
        "With `overdueReview: deny` an overdue review denies.",
        1 ReviewOverdue => verify("prod", reviewed(DENY, &[], 27));
    "review-rejected-warns", "Step 7: reviews",
        "A rejected review ends no deadline and warns.",
        0 ReviewRejected => verify("prod", reviewed(WARN, &[("bob", "rejected")], 10));
    "review-rejected-denies", "Step 7: reviews",
        "With `overdueReview: deny` one rejection denies, whoever else accepted.",
        1 ReviewRejected => verify("prod", reviewed(DENY, &[("bob", "rejected"), ("carol", "accepted")], 10));
    "review-by-an-approver", "Step 7: reviews",
        "Whoever approved the step does not review it, with whichever account.",
        0 ReviewerInvolved ReviewOverdue => verify("prod", reviewed(WARN, &[("alice-laptop", "accepted")], 27));
    "review-by-a-machine", "Step 7: reviews",
        "A reviewer is a person.",
        0 ReviewerUnknown ReviewOverdue => verify("prod", reviewed(WARN, &[("builder", "accepted")], 27));
    "review-may-be-missing", "Step 7: reviews",
        "That nobody rejected it is not known while evidence is incomplete.",
        3 EvidenceIncomplete => verify("prod", with(reviewed(DENY, &[("bob", "accepted")], 10), |world| world.truncated = true));
    "rollback", "Kinds of steps",
        "A rollback follows an earlier promotion into the same environment.",
        0 => verify("prod", rolled_back());
    "rollback-waits", "Kinds of steps",
        "A rollback has requirements of its own.",
        4 ApprovalsMissing => take(Rollback, "prod", in_prod());
    "rollback-never-there", "6.1 Links",
        "Before a rollback: nothing goes back to where it never was.",
        1 NeverThere => take(Rollback, "prod", world().into_staging());
    "rollback-never-there-signed", "6.1 Links",
        "A rollback follows promotions into its own environment, whoever signs it.",
        1 NeverThere => verify("prod", never_there());
    "rollback-without-its-approval", "6.1 Links",
        "What has ended is not brought back by a rollback that was not approved.",
        14 PromotionExpired ApprovalsMissing => verify("prod", {
            let mut world = into_prod(world().into_staging(), &["alice", "carol"]);
            world.take("promoter promotion prod");
            world.now = hour(4);
            world.promote_with("prod", |said| said.not_after = Some(hour(10)));
            world.now = hour(5);
            world.take_step(Rollback, "prod", |_| {});
            world.now = hour(24);
            world
        });
    "retired", "Step 9: forks and retirements",
        "What was taken out of service is no longer there.",
        1 PromotionRetired => verify("prod", retired());
    "retired-and-still-before", "Step 9: forks and retirements",
        "A retirement covers its own environment alone.",
        0 => verify("staging", retired());
    "retired-and-back", "Step 9: forks and retirements",
        "A promotion after the retirement is in again.",
        0 => verify("prod", with(retired(), |world| {
            for who in ["bob", "carol"] {
                world.approve(who, "prod");
            }
            world.promote("prod");
        }));
    "retired-by-a-stranger", "Step 9: forks and retirements",
        "Only the promoter's retirements count.",
        0 => verify("prod", with(retired(), |world| world.sign_over("promoter promotion retire", "builder")));
    "retired-and-rolled-back", "6.1 Links",
        "A promotion may not follow one that was retired by then.",
        1 PromotionRetired => verify("prod", {
            let mut world = retired();
            let mut other = in_prod();
            other.approve_step("bob", Rollback, "prod");
            other.now = hour(31);
            other.take_step(Rollback, "prod", |_| {});
            world.evidence.extend(other.evidence.drain(8..));
            world.now = hour(32);
            world
        });
    "retired-before-going-on", "6.1 Links",
        "Nothing goes on from an environment after it was retired there.",
        1 PromotionRetired => verify("prod", {
            let mut world = retirable_staging("{}");
            let before = world.promotion(world.judge("prod", None).1.unwrap());
            world.take_step(Retire, "staging", |_| {});
            world.now = hour(5);
            let late = bulla_model::predicate::Promotion { issued_at: hour(5), ..before };
            world.seal_promotion("promoter", "prod", &late, &[kit::image()]);
            world
        });
    "retired-after-going-on", "6.1 Links",
        "What went on before the retirement stays.",
        0 => verify("prod", with(retirable_staging("{}"), |world| {
            world.promote("prod");
            world.take_step(Retire, "staging", |_| {});
        }));
    "retirement-may-be-missing", "Step 9: forks and retirements",
        "That nothing was retired is not known while evidence is incomplete.",
        3 EvidenceIncomplete => verify("prod", with(untested().into_prod(), |world| world.truncated = true));
    "import", "Kinds of steps",
        "What comes from outside enters by a step of its own.",
        0 => verify("staging", imported());
    "import-without-a-rule", "6.2 The promotion",
        "A promotion binds the policy that it was made under.",
        1 PolicyUnknown => verify("staging", with(World::built(), |world| world.evidence = imported().evidence));
    "soak-over", "Soak",
        "It ran there for long enough.",
        0 => step("prod", soaked(&["started", "succeeded"], 28));
    "soak-short", "Soak",
        "Until then it is not yet.",
        4 SoakShort => step("prod", soaked(&["started", "succeeded"], 27));
    "soak-missing", "Soak",
        "A deployment that only began soaks nothing.",
        4 SoakMissing => step("prod", soaked(&["started"], 100));
    "soak-broken", "Soak",
        "A failure that no success followed denies.",
        1 SoakBroken => step("prod", soaked(&["succeeded", "failed"], 100));
    "soak-begun-anew", "Soak",
        "A success after a failure begins the soak anew.",
        0 => step("prod", soaked(&["succeeded", "failed", "succeeded"], 29));
    "soak-broken-by-a-stranger", "Soak",
        "Whoever does not deploy there breaks nothing.",
        0 => step("prod", with(soaked(&["succeeded"], 100), |world| world.deployed("tester", "failed")));
    "soak-before-the-promotion", "Soak",
        "A success from before the promotion into the environment begins nothing.",
        4 SoakMissing => step("prod", with(soaking(SOAK), |world| {
            world.now = hour(1);
            world.deployed("deployer", "succeeded");
            world.now = hour(100);
        }));
    "soak-may-be-broken", "Soak",
        "That nothing failed is not known while evidence is incomplete.",
        3 => step("prod", with(soaking_untested(SOAK), |world| {
            world.deployed("deployer", "succeeded");
            world.now = hour(100);
            world.truncated = true;
        }));
    "soak-from-the-promotion", "Soak",
        "With `from: promotion` the promotion into the environment begins it.",
        0 => step("prod", with(soaking("{in: staging, min: 24h, from: promotion}"), |world| world.now = hour(26)));
}

const WARN: &str = "reviewWithin: 24h";
const DENY: &str = "reviewWithin: 24h\n    overdueReview: deny";
const SOAK: &str = "{in: staging, min: 24h, by: [deployer]}";

/// From dev straight into prod at hour 2; it is hour 3.
fn hotfix(change: impl FnOnce(&mut World)) -> World {
    let mut world = world();
    world.promote("dev");
    world.now = hour(2);
    world.take_step(Hotfix, "prod", |_| {});
    change(&mut world);
    world.now = hour(3);
    world
}

/// Broken into prod at hour 2, and reviewed by these.
fn reviewed(rules: &str, reviews: &[(&str, &str)], now: i64) -> World {
    let (mut world, promotion) = broken_glass(rules, |_| {});
    world.now = hour(now);
    for (who, outcome) in reviews {
        world.review(who, &promotion, outcome);
    }
    world
}

fn rolled_back() -> World {
    let mut world = in_prod();
    world.approve_step("bob", Rollback, "prod");
    world.now = hour(25);
    world.take_step(Rollback, "prod", |said| {
        said.slot.sequence = 3;
        said.slot.previous = Some(Digest::sha256(b"what it replaces"));
    });
    world.now = hour(48);
    world
}

fn never_there() -> World {
    let mut world = world().into_staging();
    let mut said = world.promotion(world.judge("prod", None).1.unwrap());
    said.edge.kind = Rollback;
    said.edge.from = Some(said.edge.to.uri.clone());
    said.chain = Chain {
        sequence: 3,
        ..said.chain
    };
    world.seal_promotion("promoter", "prod", &said, &[kit::image()]);
    world
}

/// In prod since hour 4, retired at hour 24; it is hour 30.
fn retired() -> World {
    let mut world = in_prod();
    world.take_step(Retire, "prod", |_| {});
    world.now = hour(30);
    world
}

fn imported() -> World {
    let import = "edges:\n  - {to: staging, kind: import, by: [promoter], require: {provenance: {by: [builder]}}}\n";
    let mut world = World::built();
    world.edit("release.yaml", "edges:\n", import);
    world.take_step(Import, "staging", |_| {});
    world
}

/// These happened in staging from hour 3 on, one an hour, where a day of soak is asked for.
fn soaked(events: &[&str], now: i64) -> World {
    let mut world = soaking(SOAK);
    for (hours, event) in (3..).zip(events) {
        world.now = hour(hours);
        world.deployed("deployer", event);
    }
    world.now = hour(now);
    world
}
