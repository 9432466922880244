//! Evidence about an index, about each of its platforms, and about fewer.

use bulla_model::Digest;
use bulla_model::predicate::slsa_provenance;
use serde_json::{Value, json};

use super::story::{Told, into_prod, stories, verify, with};
use crate::kit::{self, World, hour, index, index_entry};
use crate::vulnerabilities::{found, world_with};

stories! {
    "coverage-of-each-platform", "Coverage",
        "With `platforms`, a statement about each platform counts.",
        0 => staged(SBOM, "platforms", |world| each(world, World::sbom));
    "coverage-without-one-platform", "Coverage",
        "With `platforms`, none of them may lack it.",
        10 SbomMissing => staged(SBOM, "platforms", |world| about(world, &arm64(), World::sbom));
    "coverage-by-the-index-alone", "Coverage",
        "With `platforms`, a statement about the index speaks for none of them.",
        10 SbomMissing => staged(SBOM, "platforms", World::sbom);
    "coverage-of-an-image-without-platforms", "Coverage",
        "An image that lists no platform is its own.",
        0 => {
            let mut world = ruled(SBOM, "platforms");
            world.provenance();
            world.tests();
            world.sbom();
            verify("staging", world.into_staging())
        };
    "coverage-of-one-platform-by-its-index", "Coverage",
        "With `platforms`, a platform that is asked about alone needs its own statement.",
        10 SbomMissing => told(staged(SBOM, "platforms", World::sbom), |world| world.artifact = arm64());
    "coverage-of-one-platform-by-itself", "Coverage",
        "With `platforms`, a platform that is asked about alone needs no other's statement.",
        0 => told(staged(SBOM, "platforms", |world| about(world, &arm64(), World::sbom)), |world| world.artifact = arm64());
    "coverage-either-by-the-index", "Coverage",
        "With `either`, a statement about the index counts.",
        0 => staged(SBOM, "either", World::sbom);
    "coverage-either-by-each-platform", "Coverage",
        "With `either`, so do statements about each platform.",
        0 => staged(SBOM, "either", |world| each(world, World::sbom));
    "coverage-either-by-one-platform", "Coverage",
        "With `either`, a statement about one of two platforms does not.",
        10 SbomMissing => staged(SBOM, "either", |world| about(world, &amd64(), World::sbom));
    "coverage-of-what-is-labelled-an-attestation", "Coverage",
        "What BuildKit's label is put on is a platform all the same, unless its platform is unknown.",
        10 SbomMissing => {
            let hidden = labelled(&Digest::sha256(b"linux/s390x"), "linux", "s390x");
            staged_with(SBOM, "platforms", hidden, |world| each(world, World::sbom))
        };
    "coverage-beside-attestation-manifests", "Coverage",
        "BuildKit's attestation manifests are no platforms.",
        0 => {
            let attestation = labelled(&Digest::sha256(b"attestation"), "unknown", "unknown");
            staged_with(SBOM, "platforms", attestation, |world| each(world, World::sbom))
        };
    "coverage-of-an-unknown-index", "Coverage",
        "While an index that is listed was not received, its platforms are not known.",
        3 EvidenceIncomplete => {
            let mut inner = index_entry(&Digest::sha256(b"inner"));
            inner["mediaType"] = json!("application/vnd.oci.image.index.v1+json");
            staged_with(SBOM, "platforms", inner, |world| each(world, World::sbom))
        };
    "coverage-of-platforms-within-an-unknown-index", "Coverage",
        "What is known to be missing is missing, whatever else is not known.",
        10 SbomMissing => {
            let mut inner = index_entry(&Digest::sha256(b"inner"));
            inner["mediaType"] = json!("application/vnd.oci.image.index.v1+json");
            staged_with(SBOM, "platforms", inner, |world| about(world, &amd64(), World::sbom))
        };
    "coverage-by-provenance-of-each-platform", "Coverage",
        "Where a rule takes provenance of platforms, each says which service it is.",
        0 => built(|world| each(world, World::provenance));
    "coverage-without-provenance-of-one-platform", "Coverage",
        "One of unknown origin is a failure.",
        10 ProvenanceMissing => told(built(|world| each(world, World::provenance)), |world| {
            let mut builds = world.take("builder provenance");
            world.evidence.extend(builds.pop());
        });
    "coverage-by-provenance-of-two-services", "Coverage",
        "Platforms of two services are none.",
        1 ServiceMismatch => told(built(|world| each(world, World::provenance)), |world| {
            let wiki = |world: &mut World| build(world, "https://github.com/acme/wiki", "dave@acme.example");
            about(world, &arm64(), wiki);
        });
    "coverage-authors-of-a-platform", "Coverage",
        "Who wrote what one platform was built from approves none.",
        1 ApproverIsAuthor ApprovalsMissing => {
            let world = built(|world| {
                about(world, &amd64(), World::provenance);
                about(world, &arm64(), |world| build(world, "https://github.com/acme/pay", "alice@acme.example"));
            });
            verify("prod", into_prod(world.world, &["alice", "carol"]))
        };
    "coverage-by-a-scan-of-each-platform", "Coverage",
        "A scan of each platform counts.",
        0 => scanned("platforms", |world| each(world, clean));
    "coverage-scan-of-the-index-speaks-against-platforms", "Coverage",
        "What is found in the index later is found in its platforms.",
        1 VulnerabilitiesFound => scanned("platforms", |world| {
            each(world, clean);
            world.now = hour(3);
            dirty(world);
        });
    "coverage-scan-of-a-platform-speaks-against-the-index", "Coverage",
        "With `either`, what is found in a platform later is found in the index.",
        1 VulnerabilitiesFound => scanned("either", |world| {
            clean(world);
            world.now = hour(3);
            about(world, &arm64(), dirty);
        });
    "coverage-scan-of-one-platform-clears-no-other", "Coverage",
        "A newer clean scan of one platform hides nothing that another's found.",
        1 VulnerabilitiesFound => scanned("platforms", |world| {
            each(world, clean);
            world.now = hour(3);
            about(world, &arm64(), dirty);
            world.now = hour(4);
            about(world, &amd64(), clean);
        });
}

const SBOM: (&str, &str) = (
    "sbom: {by: [builder], maxAge: 30d}",
    "sbom: {by: [builder], maxAge: 30d, coverage: COVERAGE}",
);

fn amd64() -> Digest {
    Digest::sha256(b"linux/amd64")
}

fn arm64() -> Digest {
    Digest::sha256(b"linux/arm64")
}

fn platform(digest: &Digest, os: &str, architecture: &str) -> Value {
    let mut entry = index_entry(digest);
    entry["platform"] = json!({"os": os, "architecture": architecture});
    entry
}

/// The same under BuildKit's label.
fn labelled(digest: &Digest, os: &str, architecture: &str) -> Value {
    let mut entry = platform(digest, os, architecture);
    entry["annotations"] = json!({"vnd.docker.reference.type": "attestation-manifest"});
    entry
}

/// Nothing attested, under a policy where this rule has that coverage.
fn ruled((from, to): (&str, &str), coverage: &str) -> World {
    let mut world = World::empty();
    world.edit("release.yaml", from, &to.replace("COVERAGE", coverage));
    world
}

/// An index of two platforms, and whatever else it lists.
fn indexed(mut world: World, more: Option<Value>) -> World {
    let entries = [
        platform(&amd64(), "linux", "amd64"),
        platform(&arm64(), "linux", "arm64"),
    ];
    let entries: Vec<_> = entries.into_iter().chain(more).collect();
    let list = index(&entries);
    world.artifact = list.digest().clone();
    world.indexes = vec![list];
    world
}

/// In staging, with provenance and tests of the index, and these statements.
fn staged(rule: (&str, &str), coverage: &str, attest: impl FnOnce(&mut World)) -> Told {
    asked(indexed(ruled(rule, coverage), None), attest)
}

fn staged_with(
    rule: (&str, &str),
    coverage: &str,
    more: Value,
    attest: impl FnOnce(&mut World),
) -> Told {
    asked(indexed(ruled(rule, coverage), Some(more)), attest)
}

fn asked(mut world: World, attest: impl FnOnce(&mut World)) -> Told {
    world.provenance();
    world.tests();
    attest(&mut world);
    verify("staging", world.into_staging())
}

/// The same, after a change.
fn told(told: Told, change: impl FnOnce(&mut World)) -> Told {
    let world = with(told.world, change);
    Told { world, ..told }
}

/// In staging, where every rule takes provenance of each platform, with these statements.
fn built(attest: impl FnOnce(&mut World)) -> Told {
    let mut world = World::empty();
    let rules = [
        (
            "provenance: {by: [builder]}\n  - from: dev",
            "provenance: {by: [builder], coverage: platforms}\n  - from: dev",
        ),
        (
            "provenance: {by: [builder]}\n      sbom",
            "provenance: {by: [builder], coverage: platforms}\n      sbom",
        ),
        (
            "provenance: {by: [builder], buildTypes",
            "provenance: {by: [builder], coverage: platforms, buildTypes",
        ),
    ];
    for (from, to) in rules {
        world.edit("release.yaml", from, to);
    }
    let mut world = indexed(world, None);
    attest(&mut world);
    world.sbom();
    world.tests();
    verify("staging", world.into_staging())
}

fn build(world: &mut World, source: &str, author: &str) {
    let predicate = kit::provenance(source, &[author]);
    world.attest("builder", slsa_provenance::TYPE, &predicate);
}

/// In staging since hour 5, where scans have that coverage, with these from hour 2 on.
fn scanned(coverage: &str, scan: impl FnOnce(&mut World)) -> Told {
    let rule = format!("{{by: [scanner], maxAge: 24h, coverage: {coverage}}}");
    let mut world = world_with(&rule, |world| {
        let plain = std::mem::replace(world, World::empty());
        *world = indexed(plain, None);
    });
    scan(&mut world);
    world.now = hour(5);
    world.promote("staging");
    verify("staging", world)
}

fn clean(world: &mut World) {
    world.scan(&[]);
}

fn dirty(world: &mut World) {
    world.scan(&[found("CVE-2026-1", "critical")]);
}

/// Says something about a platform.
fn about(world: &mut World, platform: &Digest, attest: impl FnOnce(&mut World)) {
    let whole = std::mem::replace(&mut world.artifact, platform.clone());
    attest(world);
    world.artifact = whole;
}

fn each(world: &mut World, attest: impl Fn(&mut World)) {
    for platform in [amd64(), arm64()] {
        about(world, &platform, &attest);
    }
}
