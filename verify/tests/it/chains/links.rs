//! Promotions that do not fit together: reordered, dropped, forked, carried elsewhere.

use bulla_model::Digest;

use super::story::{evidence, into_prod, prod_says, stories, verify, with};
use crate::kit::{self, World, hour, index, index_entry};

stories! {
    "list-reversed", "Step 2: verified statements",
        "The order of the registry's list decides nothing.",
        0 => verify("prod", with(World::journey(), |world| world.evidence.reverse()));
    "everything-twice", "Step 5: promotions",
        "Copies with the same payload and signer are one.",
        0 => verify("prod", with(World::journey(), |world| world.evidence.extend_from_within(..)));
    "copied-under-other-keys", "6.1 Links",
        "Of a promotion that several signed the promoter's is taken.",
        0 => verify("prod", with(World::journey(), |world| {
            let own = world.take("promoter promotion");
            world.evidence.extend(own.clone());
            world.sign_over("promoter promotion", "tester");
            world.evidence.extend(own);
        }));
    "link-dropped", "6.1 Links",
        "Each promotion that is followed is at hand.",
        1 ChainBroken => verify("prod", with(World::journey(), |world| drop(world.take("promoter promotion staging"))));
    "link-may-be-missing", "6.1 Links",
        "While evidence is incomplete, what is followed may be there, and its sequence too.",
        3 ChainBroken => verify("prod", with(World::journey(), |world| {
            world.take("promoter promotion staging");
            world.unavailable.push("one referrer: answered 500".to_owned());
        }));
    "sequence-too-low-for-what-is-there", "6.1 Links",
        "What is missing leaves no sequence open that what is there denies.",
        1 ChainBroken => verify("prod", with(prod_says(|said| said.chain.sequence = 2), |world| {
            world.unavailable.push("one referrer: answered 500".to_owned());
        }));
    "environment-skipped", "6.1 Links",
        "`from` is where the promotion that is followed went.",
        1 ChainBroken => verify("prod", with(World::approved(), |world| {
            let dev = world.digest_of("promoter promotion dev");
            world.promote_with("prod", |said| {
                said.chain.previous = vec![dev.clone()];
                said.chain.sequence = 2;
            });
        }));
    "sequence-too-high", "6.1 Links",
        "The sequence is one more than the highest of those before.",
        1 ChainBroken => verify("prod", prod_says(|said| said.chain.sequence = 7));
    "sequence-of-none", "Step 2: verified statements",
        "A predicate that its own rules refuse is unusable.",
        1 StatementUnusable => verify("prod", prod_says(|said| said.chain.sequence = 0));
    "first-of-another-release", "6.1 Links",
        "`first` is the entry of the same release.",
        1 ChainBroken => verify("prod", prod_says(|said| said.chain.first = Some(Digest::sha256(b"another"))));
    "previous-made-up", "6.1 Links",
        "Each of several promotions that are followed is at hand.",
        1 ChainBroken => verify("prod", prod_says(|said| {
            said.chain.previous.push(Digest::sha256(b"missing"));
            said.chain.previous.sort();
        }));
    "follows-nothing", "6.1 Links",
        "What follows nothing is an entry, and an entry comes from nowhere.",
        1 ChainBroken => verify("prod", prod_says(|said| said.chain.previous.clear()));
    "order-reversed", "6.1 Links",
        "What is followed was there when the promotion existed.",
        1 ChainBroken => verify("staging", with(World::built(), |world| {
            world.promote("dev");
            world.promote_with("staging", |said| said.issued_at = hour(0));
            world.now = hour(3);
        }));
    "subjects-change-on-the-way", "6.1 Links",
        "The subject sets are equal all along.",
        1 ChainBroken => verify("prod", with(World::approved(), |world| {
            let said = world.promotion(world.judge("prod", None).1.unwrap());
            let both = [kit::image(), Digest::sha256(b"another image")];
            world.seal_promotion("promoter", "prod", &said, &both);
        }));
    "fork-between-releases", "Step 9: forks and retirements",
        "Two promotions in one place about different artifacts are a fork.",
        1 ChainForked => verify("dev", forked(&[kit::image(), Digest::sha256(b"another")]));
    "fork-within-a-release", "Step 9: forks and retirements",
        "Two promotions in one place about the same artifact are told.",
        0 ChainForked => verify("dev", forked(&[kit::image()]));
    "fork-by-a-stranger", "Step 9: forks and retirements",
        "Only promoters fork a chain.",
        0 => verify("dev", with(World::built(), |world| {
            world.promote_with("dev", |said| said.slot.previous = Some(place()));
            let twin = kit::promotion_in(&world.evidence.last().unwrap().bundle);
            world.seal_promotion("builder", "dev", &twin, &[kit::image(), Digest::sha256(b"another")]);
        }));
    "another-environment", "6.2 The promotion",
        "A step that the policy does not have leads nowhere.",
        1 EdgeUnknown => verify("prod", prod_says(|said| said.edge.from = Some("env://acme/pay/dev".parse().unwrap())));
    "another-service", "6.2 The promotion",
        "The service is what provenance says, whatever the promotion says.",
        1 ServiceMismatch => verify("prod", prod_says(|said| said.service = "wiki".parse().unwrap()));
    "tier-laundered", "6.2 The promotion",
        "The tier is that of the service in the version that is named.",
        1 TierMismatch => verify("prod", prod_says(|said| said.tier = "low".parse().unwrap()));
    "tier-as-it-was", "6.2 The promotion",
        "A step is judged by the tier that the service had in the version it names.",
        0 => verify("prod", {
            let mut world = World::empty();
            world.edit("services/pay-api.yaml", "tier: high", "tier: low");
            evidence(&mut world);
            let mut world = into_prod(world.into_staging(), &[]);
            world.next_policy();
            world.edit("services/pay-api.yaml", "tier: low", "tier: high");
            world
        });
    "another-audience", "6.2 The promotion",
        "`to.audience` is the environment's.",
        1 AudienceMismatch => verify("prod", prod_says(|said| said.edge.to.audience = vec!["prod-us-1".into()]));
    "another-image", "Step 5: promotions",
        "A promotion of another image says nothing about this one.",
        13 SubjectMismatch => verify("dev", with(World::built(), |world| {
            let said = world.promotion(world.judge("dev", None).1.unwrap());
            world.seal_promotion("promoter", "dev", &said, &[Digest::sha256(b"another image")]);
        }));
    "evidence-of-another-image", "Step 8: requirements",
        "Provenance of another image says nothing about this one.",
        13 ProvenanceMissing SubjectMismatch => verify("prod", with(World::journey(), |world| world.artifact = Digest::sha256(b"another")));
    "platform-of-an-index", "Words",
        "What is said about an index counts for a platform that its bytes list.",
        0 => verify("staging", with(indexed(), |world| world.artifact = platform()));
    "platform-without-its-index", "Words",
        "A statement about an index counts for platforms only if the index was received.",
        13 => verify("staging", with(indexed(), |world| {
            world.artifact = platform();
            world.indexes.clear();
        }));
    "platform-of-another-index", "Words",
        "An index that does not list the artifact covers nothing.",
        13 SubjectMismatch => verify("staging", with(indexed(), |world| world.artifact = Digest::sha256(b"linux/s390x")));
    "index-of-a-platform", "Words",
        "A statement about a platform never counts for an index.",
        13 => verify("dev", with(World::journey(), |world| {
            let list = index(&[index_entry(&world.artifact)]);
            world.artifact = list.digest().clone();
            world.indexes = vec![list];
        }));
    "attestation-manifest-of-an-index", "Words",
        "What an index lists as BuildKit's attestation manifest is no platform of it.",
        13 SubjectMismatch => verify("staging", {
            let mut entry = index_entry(&platform());
            entry["annotations"] = serde_json::json!({"vnd.docker.reference.type": "attestation-manifest"});
            with(indexed_by(&[entry]), |world| world.artifact = platform())
        });
    "expired", "6.2 The promotion",
        "`now` is before `notAfter`.",
        14 PromotionExpired => verify("prod", prod_says(|said| said.not_after = Some(hour(24))));
    "draft-refused", "6.2 The promotion",
        "Version 0.1 counts unless the tier refuses drafts.",
        1 DraftPredicate => verify("dev", drafted("deny"));
    "draft-taken", "6.2 The promotion",
        "A chain may begin in version 0.1 and go on in version 1.",
        0 => verify("staging", with(drafted("allow"), |world| {
            world.now = hour(2);
            world.promote("staging");
        }));
    "critical-and-unknown", "Step 2: verified statements",
        "A name in `crit` that nobody knows makes a statement unusable.",
        1 StatementUnusable => verify("prod", prod_says(|said| said.crit = vec!["colour".into()]));
}

fn place() -> Digest {
    Digest::sha256(b"before")
}

/// Two promotions into dev, in one place; the second is about these.
fn forked(subjects: &[Digest]) -> World {
    let mut world = World::built();
    world.promote_with("dev", |said| said.slot.previous = Some(place()));
    let mut twin = kit::promotion_in(&world.evidence.last().unwrap().bundle);
    twin.slot.sequence = 2;
    world.seal_promotion("promoter", "dev", &twin, subjects);
    world
}

fn platform() -> Digest {
    Digest::sha256(b"linux/amd64")
}

/// An index of one platform, in staging.
fn indexed() -> World {
    indexed_by(&[index_entry(&platform())])
}

fn indexed_by(entries: &[serde_json::Value]) -> World {
    let list = index(entries);
    let mut world = World::empty();
    world.artifact = list.digest().clone();
    world.indexes = vec![list];
    evidence(&mut world);
    world.into_staging()
}

/// In dev by a promotion of version 0.1.
fn drafted(drafts: &str) -> World {
    let mut world = World::built();
    let tier = format!("high: {{claimedTime: allow, draftPredicates: {drafts}}}");
    world.edit("release.yaml", "high: {claimedTime: allow}", &tier);
    world.promote("dev");
    world.redraft("promoter");
    world
}
