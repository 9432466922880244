//! What provenance and bills of materials list, and the tickets of a promotion.

use bulla_model::Digest;
use bulla_model::predicate::{CYCLONEDX, slsa_provenance};
use serde_json::{Value, json};

use super::story::{Told, stories, verify, with};
use crate::gates::{TICKETS, asking, name};
use crate::gates_bills::{ALLOWED, DENIED, component, cyclonedx};
use crate::gates_images::{BASES, naming, used};
use crate::gates_scores;

stories! {
    "base-images-allowed", "Base images",
        "Every image that eligible provenance names is allowed.",
        0 => built_on(BASES, &["pkg:docker/alpine@3.20", "pkg:oci/go?repository_url=registry.example.test/base/go"]);
    "base-image-denied", "Base images",
        "One image that is not allowed denies, whatever the others are.",
        1 BaseImageDenied => built_on(BASES, &["pkg:docker/alpine@3.20", "pkg:docker/mallory/alpine@3.20"]);
    "base-image-without-digest", "Base images",
        "Without its digest an image is not known.",
        1 BaseImageDenied => built(BASES, &naming(&[json!({"uri": "pkg:docker/alpine@3.20"})]));
    "base-image-of-another-digest", "Base images",
        "Where `digests` are given the digest is one of them.",
        1 BaseImageDenied => {
            let other = Digest::sha256(b"other");
            let rule = format!("baseImages: {{by: [builder], allow: ['docker.io/**'], digests: ['{other}']}}");
            built_on(&rule, &["pkg:docker/alpine@3.20"])
        };
    "base-image-unknown", "Base images",
        "Provenance that names no image names none that is allowed.",
        1 BaseImageUnknown => built_on(BASES, &[]);
    "base-image-scratch", "Base images",
        "With `scratch: allow` none is needed.",
        0 => built_on(&BASES.replace("]}", "], scratch: allow}"), &[]);
    "base-image-may-be-missing", "Base images",
        "What holds is undetermined while provenance may be missing.",
        3 => {
            let mut told = built_on(BASES, &["pkg:docker/alpine@3.20"]);
            told.world.truncated = true;
            told
        };
    "package-denied", "Bills of materials",
        "A package that `deny.packages` names is found wherever it stands.",
        1 PackageDenied => listing(DENIED, &cyclonedx(&[json!({
            "type": "library", "name": "outer",
            "licenses": [{"license": {"id": "MIT"}}],
            "components": [component("pkg:npm/%40Evil/anything@1", "MIT")],
        })]));
    "package-of-another-version", "Bills of materials",
        "An entry with a version names that one alone.",
        0 => listing(DENIED, &cyclonedx(&[component("pkg:npm/event-stream@3.3.4", "MIT")]));
    "package-of-unknown-name", "Bills of materials",
        "A component without a package URL and with the name of a denied one leaves the answer open.",
        3 ComponentUnknown => listing(DENIED, &cyclonedx(&[json!({
            "type": "library", "name": "event-stream", "licenses": [{"license": {"id": "MIT"}}],
        })]));
    "license-denied", "Bills of materials",
        "Both licences of `AND` have to be accepted.",
        1 LicenseDenied => listing(ALLOWED, &cyclonedx(&[component("pkg:npm/left-pad@1.3.0", "MIT AND GPL-3.0-only")]));
    "license-chosen", "Bills of materials",
        "One licence of `OR` is enough.",
        0 => listing(ALLOWED, &cyclonedx(&[component("pkg:npm/left-pad@1.3.0", "GPL-3.0-only OR MIT")]));
    "license-unknown", "Bills of materials",
        "What is no expression is not accepted where licences are listed.",
        1 LicenseDenied => listing(ALLOWED, &cyclonedx(&[component("pkg:npm/left-pad@1.3.0", "see LICENCE.txt")]));
    "bill-may-be-missing", "Bills of materials",
        "Another bill of materials that was not fetched may list anything.",
        3 => {
            let mut told = listing(ALLOWED, &cyclonedx(&[component("pkg:npm/left-pad@1.3.0", "MIT")]));
            told.world.truncated = true;
            told
        };
    "score-reached", "Bills of materials",
        "A score is computed from the document, rounded down, and equal to the least is enough.",
        0 => listing("sbom: {by: [builder], score: 6.0}", &gates_scores::middling());
    "score-too-low", "Bills of materials",
        "A bill of materials below the score does not count.",
        1 SbomMissing SbomScoreLow => listing("sbom: {by: [builder], score: 6.1}", &gates_scores::middling());
    "score-of-a-better-one-missing", "Bills of materials",
        "A better bill of materials may not have been fetched.",
        3 SbomMissing SbomScoreLow => {
            let mut told = listing("sbom: {by: [builder], score: 6.1}", &gates_scores::middling());
            told.world.truncated = true;
            told
        };
    "tickets-enough", "Step 8: requirements",
        "A promotion names as many tickets of the right form as are asked for.",
        0 => ticketed(&["CHG-1", "OPS-7"]);
    "ticket-missing", "Step 8: requirements",
        "A ticket that matches neither a pattern nor the whole of an expression is none.",
        1 TicketMissing => ticketed(&["CHG-1", "OPS-7a"]);
    "ticket-named-twice", "Step 2: verified statements",
        "A promotion that names a ticket twice breaks the rules of its predicate.",
        12 PromotionMissing StatementUnusable => ticketed(&["CHG-1", "CHG-1"]);
    "ticket-missing-whatever-is-incomplete", "Step 8: requirements",
        "Tickets are in the promotion, and no evidence that was not fetched adds one.",
        1 TicketMissing => {
            let mut told = ticketed(&["CHG-1"]);
            told.world.truncated = true;
            told
        };
}

/// In dev by this provenance, where this is asked for besides.
fn built(rule: &str, provenance: &Value) -> Told {
    let mut world = asking(rule);
    world.take("builder provenance");
    world.attest("builder", slsa_provenance::TYPE, provenance);
    world.promote("dev");
    verify("dev", world)
}

fn built_on(rule: &str, images: &[&str]) -> Told {
    let images: Vec<_> = images.iter().map(|uri| used(uri)).collect();
    built(rule, &naming(&images))
}

/// In dev with this bill of materials.
fn listing(rule: &str, bill: &Value) -> Told {
    let mut world = asking(rule);
    world.take("builder sbom");
    world.attest("builder", CYCLONEDX, bill);
    world.promote("dev");
    verify("dev", world)
}

fn ticketed(tickets: &[&str]) -> Told {
    let world = with(asking(TICKETS), |world| {
        world.promote_with("dev", |said| name(said, tickets));
    });
    verify("dev", world)
}
