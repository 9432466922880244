//! What bills of materials may list: packages and licences.

use std::sync::Arc;

use serde_json::{Value, json};

use bulla_model::predicate::{CYCLONEDX, SPDX, reference};
use bulla_model::{Digest, ResourceDescriptor};
use bulla_verify::{Cause, Code, Document, Outcome, Verdict};

use crate::gates::{asking, outcome, refused, require};
use crate::kit::{World, assert_exit, assert_found, codes, hour, payload, show};

pub(crate) const DENIED: &str = "sbom: {by: [builder], deny: {packages: ['pkg:npm/event-stream@3.3.6', 'pkg:npm/@evil/*'], licenses: [AGPL-*, unknown]}}";
pub(crate) const ALLOWED: &str = "sbom: {by: [builder], licenses: {allow: [MIT, Apache-2.0]}}";

pub(crate) fn component(purl: &str, license: &str) -> Value {
    json!({"type": "library", "name": "x", "purl": purl, "licenses": [{"expression": license}]})
}

pub(crate) fn cyclonedx(components: &[Value]) -> Value {
    json!({"bomFormat": "CycloneDX", "specVersion": "1.6", "components": components})
}

fn package(purl: &str, declared: &str, concluded: &str) -> Value {
    json!({
        "SPDXID": format!("SPDXRef-{}", purl.len()), "name": "x",
        "licenseDeclared": declared, "licenseConcluded": concluded,
        "externalRefs": [{"referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl", "referenceLocator": purl}],
    })
}

fn spdx(packages: &[Value]) -> Value {
    json!({"spdxVersion": "SPDX-2.3", "packages": packages})
}

/// The step into dev, at hour 10, with these bills by the builder.
fn listing(rule: &str, bills: &[(&str, &Value)]) -> Verdict {
    judged(rule, |world| {
        for (kind, bill) in bills {
            world.attest("builder", kind, bill);
        }
    })
}

fn judged(rule: &str, change: impl Fn(&mut World)) -> Verdict {
    let mut world = asking(rule);
    world.take("builder sbom");
    change(&mut world);
    world.now = hour(10);
    world.judge("dev", None).0
}

fn good() -> Value {
    cyclonedx(&[component("pkg:npm/left-pad@1.3.0", "MIT")])
}

pub(crate) fn with_package(purl: &str) -> Verdict {
    listing(
        DENIED,
        &[(CYCLONEDX, &cyclonedx(&[component(purl, "MIT")]))],
    )
}

pub(crate) fn with_license(license: &str) -> Verdict {
    let bill = cyclonedx(&[component("pkg:npm/left-pad@1.3.0", license)]);
    listing(ALLOWED, &[(CYCLONEDX, &bill)])
}

#[test]
fn denied_packages_are_found_in_both_formats_and_wherever_they_stand() {
    for (purl, exit) in [
        ("pkg:npm/left-pad@1.3.0", 0),
        ("pkg:npm/event-stream@3.3.4", 0),
        ("pkg:npm/event-stream@3.3.6", 1),
        ("pkg:npm/event-stream@3.3.6?vcs_url=x", 1),
        ("pkg:NPM/event-stream@3.3.6", 1),
        ("pkg:npm/%40evil/anything@1", 1),
        ("pkg:npm/Event-Stream@3.3.6", 1),
        ("pkg:npm/@Evil/anything@1", 1),
        // Of a version that is not told it may be that one.
        ("pkg:npm/event-stream", 1),
    ] {
        let nested = json!({"type": "library", "name": "outer", "licenses": [{"license": {"id": "MIT"}}],
            "components": [component(purl, "MIT")]});
        let mut own = good();
        own["metadata"] = json!({"component": {"type": "container", "name": "x", "purl": purl}});
        for (kind, bill) in [
            (CYCLONEDX, cyclonedx(&[component(purl, "MIT")])),
            (CYCLONEDX, cyclonedx(&[nested])),
            (CYCLONEDX, own),
            (SPDX, spdx(&[package(purl, "MIT", "NOASSERTION")])),
        ] {
            let verdict = listing(DENIED, &[(kind, &bill)]);
            assert_exit(&verdict, exit);
            assert_eq!(
                codes(&verdict).contains(&Code::PackageDenied),
                exit == 1,
                "{purl}"
            );
        }
    }
    let finding = with_package("pkg:npm/@evil/a@1");
    let finding = finding
        .findings
        .iter()
        .find(|it| it.code == Code::PackageDenied);
    assert_eq!(
        finding.and_then(|it| it.found.as_deref()),
        Some("pkg:npm/@evil/a@1")
    );
}

#[test]
fn licences_are_those_a_licensee_may_choose() {
    for (license, exit) in [
        ("MIT", 0),
        ("GPL-3.0-only OR MIT", 0),
        ("GPL-3.0-only AND MIT", 1),
        ("Apache-2.0 WITH LLVM-exception", 0),
        ("see LICENCE.txt", 1),
        ("", 1),
    ] {
        let verdict = with_license(license);
        assert_exit(&verdict, exit);
        assert_eq!(
            codes(&verdict).contains(&Code::LicenseDenied),
            exit == 1,
            "{license}"
        );
        let bill = spdx(&[package("pkg:npm/x@1", "GPL-2.0-only", license)]);
        assert_exit(&listing(ALLOWED, &[(SPDX, &bill)]), exit);
    }
    // What was concluded stands for what was declared.
    for (declared, concluded, exit) in [
        ("MIT", "NOASSERTION", 0),
        ("MIT", "NONE", 1),
        ("NOASSERTION", "NOASSERTION", 1),
    ] {
        let bill = spdx(&[package("pkg:npm/x@1", declared, concluded)]);
        assert_exit(&listing(ALLOWED, &[(SPDX, &bill)]), exit);
    }
}

#[test]
fn what_says_no_licence_is_unknown_and_several_are_all_in_force() {
    for (licenses, exit) in [
        (
            json!([{"license": {"id": "MIT"}}, {"license": {"name": "Apache-2.0"}}]),
            0,
        ),
        (
            json!([{"license": {"id": "MIT"}}, {"license": {"id": "ISC"}}]),
            1,
        ),
        (json!([{"license": {"name": "The Example Licence"}}]), 1),
        (json!([{"license": {}}]), 1),
        (json!([{}]), 1),
        (json!([]), 1),
        (json!(null), 1),
        (json!("MIT"), 1),
        (json!([{"license": {"id": 7}}]), 1),
    ] {
        let mut part = component("pkg:npm/x@1", "MIT");
        part["licenses"] = licenses;
        let verdict = listing(ALLOWED, &[(CYCLONEDX, &cyclonedx(&[part]))]);
        assert_exit(&verdict, exit);
    }
    // Files and operating systems are what things are made of; they are asked if they say one.
    for (licenses, exit) in [
        (json!([]), 0),
        (json!([{"license": {"id": "ISC"}}]), 1),
        (json!([{}]), 1),
    ] {
        for kind in ["file", "operating-system"] {
            let part = json!({"type": kind, "name": "x", "licenses": licenses});
            let verdict = listing(ALLOWED, &[(CYCLONEDX, &cyclonedx(&[part]))]);
            assert_exit(&verdict, exit);
        }
    }
}

#[test]
fn no_text_hides_a_denied_licence_beside_it() {
    let denied = "sbom: {by: [builder], deny: {licenses: [AGPL-*]}}";
    for (declared, concluded, exit) in [
        ("AGPL-3.0-only", "NONE", 1),
        ("AGPL-3.0-only", "MIT", 1),
        ("AGPL-3.0-only OR MIT", "MIT", 0),
        ("NONE", "MIT", 0),
    ] {
        let bill = spdx(&[package("pkg:npm/x@1", declared, concluded)]);
        assert_exit(&listing(denied, &[(SPDX, &bill)]), exit);
    }
    let denies_unknown = denied.replace("AGPL-*", "AGPL-*, unknown");
    let bill = spdx(&[package("pkg:npm/x@1", "NONE", "MIT")]);
    assert_exit(&listing(&denies_unknown, &[(SPDX, &bill)]), 0);
    for (licenses, exit) in [
        (
            json!([{"expression": "MIT", "license": {"id": "AGPL-3.0-only"}}]),
            1,
        ),
        (json!([{"license": {"id": "", "name": "AGPL-3.0-only"}}]), 1),
        (
            json!([{"license": {"id": "MIT", "name": "AGPL-3.0-only"}}]),
            1,
        ),
        (json!([{"license": {"id": "AGPL-3.0-only"}}, "MIT"]), 1),
        // What is no licence may have been meant as any.
        (json!([{"license": {"id": "MIT"}}, "MIT"]), 3),
        (json!("AGPL-3.0-only"), 3),
        (json!([{"license": {"id": ["AGPL-3.0-only"]}}]), 3),
        (
            json!([{"license": {"id": "MIT", "name": "MIT License"}}]),
            0,
        ),
        (json!(null), 0),
    ] {
        let mut part = component("pkg:npm/x@1", "MIT");
        part["licenses"] = licenses;
        let bill = cyclonedx(&[part]);
        assert_exit(&listing(denied, &[(CYCLONEDX, &bill)]), exit);
    }
}

#[test]
fn a_package_without_a_url_may_be_a_denied_one() {
    let denied = "sbom: {by: [builder], deny: {packages: ['pkg:npm/event-stream@3.3.6', 'pkg:npm/@evil/*']}}";
    let named = |name: &str| json!({"type": "library", "name": name});
    for (name, exit) in [
        ("event-stream", 3),
        ("Event-Stream", 3),
        ("@evil/anything", 3),
        ("other", 0),
    ] {
        let bill = cyclonedx(&[component("pkg:npm/x@1", "MIT"), named(name)]);
        assert_exit(&listing(denied, &[(CYCLONEDX, &bill)]), exit);
    }
    // A list without any says nothing of packages.
    let verdict = listing(denied, &[(CYCLONEDX, &cyclonedx(&[named("other")]))]);
    assert_exit(&verdict, 3);
    assert_found(&verdict, Code::ComponentUnknown);
}

#[test]
fn the_artifact_is_not_asked_for_its_own_licence() {
    let mut bill = good();
    bill["metadata"] = json!({"component": {"type": "container", "name": "pay"}});
    assert_exit(&listing(ALLOWED, &[(CYCLONEDX, &bill)]), 0);
    // What is in it is, wherever it stands.
    bill["metadata"]["component"]["components"] = json!([component("pkg:npm/y@1", "ISC")]);
    assert_exit(&listing(ALLOWED, &[(CYCLONEDX, &bill)]), 1);

    let own = json!({"SPDXID": "SPDXRef-image", "name": "pay", "licenseDeclared": "NOASSERTION"});
    let describes = |id: &str| json!({"spdxElementId": "SPDXRef-DOCUMENT", "relationshipType": "DESCRIBES", "relatedSpdxElement": id});
    let other = package("pkg:npm/x@1", "MIT", "NOASSERTION");
    let mut bill = spdx(&[own.clone(), other.clone()]);
    assert_exit(&listing(ALLOWED, &[(SPDX, &bill)]), 1);
    bill["relationships"] = json!([describes("SPDXRef-image")]);
    assert_exit(&listing(ALLOWED, &[(SPDX, &bill)]), 0);
    // A document that says so of everything excuses nothing.
    bill["documentDescribes"] = json!(["SPDXRef-11"]);
    assert_exit(&listing(ALLOWED, &[(SPDX, &bill)]), 1);
}

#[test]
fn a_version_that_ends_up_in_the_name_leaves_the_answer_open() {
    let odd = "pkg:npm/event-stream@github:a/event-stream";
    let verdict = with_package(odd);
    assert_exit(&verdict, 3);
    assert_found(&verdict, Code::ComponentUnknown);
    // Where no package is asked for, none has to be told.
    for odd in [odd, "pkg:npm/", "left-pad"] {
        let bill = cyclonedx(&[component(odd, "MIT")]);
        assert_exit(&listing(ALLOWED, &[(CYCLONEDX, &bill)]), 0);
    }
}

#[test]
fn no_bill_hides_what_another_one_tells() {
    let bad = cyclonedx(&[component("pkg:npm/event-stream@3.3.6", "MIT")]);
    // Older or newer, in whatever format.
    for (first, second) in [(&good(), &bad), (&bad, &good())] {
        let verdict = judged(DENIED, |world| {
            world.attest_at("builder", CYCLONEDX, first, Some(hour(1)));
            world.attest_at("builder", CYCLONEDX, second, Some(hour(5)));
        });
        assert_exit(&verdict, 1);
        assert_found(&verdict, Code::PackageDenied);
    }
    // A stranger's says nothing, and neither does one about something else.
    let verdict = judged(DENIED, |world| {
        world.attest("builder", CYCLONEDX, &good());
        world.attest("mallory", CYCLONEDX, &bad);
        world.attest("tester", CYCLONEDX, &bad);
        let other = ResourceDescriptor::of(Digest::sha256(b"another image"));
        world.attest_about("builder", CYCLONEDX, &bad, &[other]);
        let copy = world.evidence.first().cloned().unwrap();
        world.add("copy", copy.bundle);
    });
    assert_exit(&verdict, 0);
    // What is only a stranger's is no bill of materials.
    let verdict = judged(DENIED, |world| world.attest("mallory", CYCLONEDX, &good()));
    assert_exit(&verdict, 11);
    assert_found(&verdict, Code::SbomMissing);
    // One that is too old for the rule is not looked at, and one of another format neither.
    let aged = DENIED.replace("deny:", "maxAge: 6h, formats: [cyclonedx], deny:");
    let verdict = judged(&aged, |world| {
        world.attest_at("builder", CYCLONEDX, &good(), Some(hour(5)));
        world.attest_at("builder", CYCLONEDX, &bad, Some(hour(1)));
        let bill = spdx(&[package("pkg:npm/event-stream@3.3.6", "MIT", "MIT")]);
        world.attest_at("builder", SPDX, &bill, Some(hour(5)));
    });
    assert_exit(&verdict, 0);
}

#[test]
fn a_graph_without_package_urls_is_no_yes() {
    let graph = json!({"@context": "https://spdx.org/rdf/3.0.1/spdx-context.jsonld",
        "@graph": [{"type": "software_Package", "name": "event-stream"}]});
    let verdict = listing(
        "sbom: {by: [builder], deny: {packages: ['pkg:npm/event-stream']}}",
        &[(CYCLONEDX, &good()), (SPDX, &graph)],
    );
    assert_exit(&verdict, 3);
    assert_found(&verdict, Code::ComponentUnknown);
}

#[test]
fn what_cannot_be_told_is_no_yes() {
    let odd = cyclonedx(&[component("pkg:npm/", "MIT")]);
    let mut elsewhere = good();
    elsewhere["externalReferences"] = json!([{"type": "bom", "url": "urn:cdx:x/1"}]);
    let graph = json!({"@context": "https://spdx.org/rdf/3.0.1/spdx-context.jsonld",
        "@graph": [{"type": "software_Package", "software_packageUrl": "pkg:npm/x@1"}]});
    let text = json!("SPDXVersion: SPDX-2.3");
    for (kind, bill) in [
        (CYCLONEDX, &odd),
        (CYCLONEDX, &elsewhere),
        (SPDX, &graph),
        (SPDX, &text),
    ] {
        let verdict = listing(DENIED, &[(CYCLONEDX, &good()), (kind, bill)]);
        assert_exit(&verdict, 3);
        assert_found(&verdict, Code::ComponentUnknown);
        // Where nothing is denied, one that counts is enough.
        assert_exit(
            &listing(
                "sbom: {by: [builder]}",
                &[(CYCLONEDX, &good()), (kind, bill)],
            ),
            0,
        );
    }
    // Doubt about one does not undo what another one tells.
    let bad = cyclonedx(&[component("pkg:npm/event-stream@3.3.6", "MIT")]);
    assert_exit(&listing(DENIED, &[(CYCLONEDX, &odd), (CYCLONEDX, &bad)]), 1);
}

#[test]
fn a_bill_that_is_not_at_hand_may_list_anything() {
    let bytes = cyclonedx(&[component("pkg:npm/event-stream@3.3.6", "MIT")]).to_string();
    let digest = Digest::sha256(bytes.as_bytes());
    let named =
        json!({"mediaType": "application/vnd.cyclonedx+json", "digest": {"sha256": digest.hex()}});
    let predicate = json!({"attester": {"id": "x:y"}, "references": [named]});
    let with = |who: &str, document: Option<Document>| {
        judged(DENIED, |world| {
            world.attest("builder", CYCLONEDX, &good());
            world.attest(who, reference::TYPE, &predicate);
            world
                .documents
                .extend(document.clone().map(|it| (digest.clone(), it)));
        })
    };
    let there = Document::Bytes(Arc::from(bytes.as_bytes()));
    assert_exit(&with("builder", Some(there.clone())), 1);
    let other = Document::Bytes(Arc::from(good().to_string().as_bytes()));
    for gone in [
        None,
        Some(other),
        Some(Document::Unavailable("404".to_owned())),
    ] {
        let verdict = with("builder", gone.clone());
        assert_exit(&verdict, 3);
        assert_found(&verdict, Code::ComponentUnknown);
        assert_exit(&with("mallory", gone), 0);
    }
    assert_exit(&with("mallory", Some(there)), 0);
}

#[test]
fn what_may_be_missing_may_list_anything() {
    let bad = cyclonedx(&[component("pkg:npm/event-stream@3.3.6", "MIT")]);
    let verdict = judged(DENIED, |world| {
        world.attest("builder", CYCLONEDX, &good());
        world
            .unavailable
            .push("sha256:… could not be fetched".to_owned());
    });
    assert_eq!(
        outcome(&verdict, "sbom"),
        Outcome::Failed(Cause::Undetermined)
    );
    let verdict = judged(DENIED, |world| {
        world.attest("builder", CYCLONEDX, &bad);
        world.truncated = true;
    });
    assert_exit(&verdict, 1);
}

#[test]
fn a_bill_that_was_wrong_is_revoked() {
    let mut world = World::guarded(1);
    require(&mut world, DENIED);
    let bad = cyclonedx(&[component("pkg:npm/event-stream@3.3.6", "MIT")]);
    world.now = hour(0);
    world.attest("builder", CYCLONEDX, &good());
    world.attest("builder", CYCLONEDX, &bad);
    let digest = Digest::sha256(&payload(&world.evidence.last().unwrap().bundle));
    world.now = hour(25);
    let denies = |world: &World| codes(&world.judge("dev", None).0).contains(&Code::PackageDenied);
    assert!(denies(&world));
    world.revoke(
        "security",
        &[json!({"kind": "attestation", "payload": digest})],
    );
    assert!(!denies(&world), "{}", show(&world.judge("dev", None).0));
}

#[test]
fn a_reference_that_was_taken_back_refers_to_nothing() {
    let mut world = World::guarded(1);
    require(&mut world, DENIED);
    world.now = hour(0);
    world.attest("builder", CYCLONEDX, &good());
    let good = world.take("builder sbom").pop().unwrap();
    world.add("builder sbom", good.bundle);
    let named = json!({"mediaType": "application/vnd.cyclonedx+json", "digest": {"sha256": "ab".repeat(32)}});
    let predicate = json!({"attester": {"id": "x:y"}, "references": [named]});
    world.attest("builder", reference::TYPE, &predicate);
    let digest = Digest::sha256(&payload(&world.evidence.last().unwrap().bundle));
    world.now = hour(25);
    let doubts =
        |world: &World| codes(&world.judge("dev", None).0).contains(&Code::ComponentUnknown);
    assert!(doubts(&world));
    world.revoke(
        "security",
        &[json!({"kind": "attestation", "payload": digest})],
    );
    assert!(!doubts(&world), "{}", show(&world.judge("dev", None).0));
}

#[test]
fn what_entered_stays_under_the_version_it_entered_by() {
    let mut world = World::built();
    world.promote("dev");
    let old = world.files.clone();
    let digest = bulla_verify::Policy::parse(&old, &world.limits)
        .unwrap()
        .digest();
    // The kit's own bill says no licence.
    require(&mut world, ALLOWED);
    world.edit("release.yaml", "version: 3", "version: 4");
    world.edit(
        "release.yaml",
        "history: []",
        &format!("history: [{{version: 3, digest: \"{digest}\"}}]"),
    );
    world.files.predecessors.push(old);
    world.now = hour(2);
    assert_exit(&world.verify("dev"), 0);
    assert_exit(&world.judge("dev", None).0, 1);
}

#[test]
fn rules_that_name_no_package_or_licence_are_refused() {
    for (rule, reason) in [
        ("deny: {packages: [left-pad]}", "no package URL"),
        ("deny: {packages: ['pkg:npm/x?arch=y']}", "qualifiers"),
        ("deny: {packages: ['pkg:pub/evil_*']}", "have no `*`"),
        ("deny: {licenses: [GPL3]}", "`GPL3` is no SPDX identifier"),
        (
            "deny: {licenses: ['Foo-*']}",
            "no SPDX identifier is like `Foo-*`",
        ),
        ("deny: {}", "`deny` denies nothing"),
        ("deny: {license: [MIT]}", "unknown field"),
        ("licenses: {allow: []}", "`allow` is empty"),
        ("licenses: {allow: ['MIT OR ISC']}", "is no SPDX identifier"),
    ] {
        let error = refused(&format!("sbom: {{by: [builder], {rule}}}"));
        assert!(error.contains(reason), "{error}");
        assert!(error.starts_with("release.yaml:"), "{error}");
    }
}
