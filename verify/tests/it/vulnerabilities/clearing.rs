//! OpenVEX: what clears a finding, and what takes that back.

use serde_json::{Value, json};

use bulla_model::Digest;
use bulla_verify::Code;

use super::{RULE, assert_denied, document, found, found_in, world};
use crate::kit::{World, assert_exit, assert_found, hour, image, index, index_entry};

const ID: &str = "CVE-2026-1";
const OPENVEX: &str = "https://openvex.dev/ns/v0.2.0";

/// What clears it, about the image as the statement says.
fn cleared() -> Value {
    json!({
        "vulnerability": {"name": ID},
        "status": "not_affected",
        "justification": "vulnerable_code_not_present",
    })
}

fn said(status: &str) -> Value {
    json!({"vulnerability": {"name": ID}, "status": status})
}

/// Cleared with this changed.
fn but(pointer: &str, value: Value) -> Value {
    let mut said = cleared();
    said[pointer] = value;
    said
}

fn dirty() -> World {
    let mut world = world(RULE);
    let package = "pkg:npm/%40acme/a@1.2?arch=x";
    let mut result = found_in(ID, "high", package, &[]);
    result["annotations"][0]["aliases"] = json!(["GHSA-aaaa-bbbb-cccc"]);
    world.scan(&[result]);
    world
}

#[track_caller]
fn assert_one(statement: &Value, exit: u8) {
    let mut world = dirty();
    world.vex("vexer", &json!([statement]));
    assert_eq!(world.gate().exit_code(), exit, "{statement}");
    // By a stranger it clears nothing.
    let mut world = dirty();
    world.vex("scanner", &json!([statement]));
    assert_exit(&world.gate(), 1);
}

#[test]
fn a_reason_clears_and_a_status_alone_does_not() {
    assert_one(&cleared(), 0);
    assert_one(&said("fixed"), 0);
    assert_one(&said("not_affected"), 1);
    assert_one(&said("affected"), 1);
    assert_one(&said("under_investigation"), 1);
    assert_one(&but("justification", json!("we_like_it")), 1);
    assert_one(&but("justification", json!("component_not_present")), 0);
    let mut words = said("not_affected");
    words["impact_statement"] = json!(" ");
    assert_one(&words, 1);
    words["impact_statement"] = json!("never called");
    assert_one(&words, 0);
    assert_one(&but("status", json!("fine")), 1);
}

#[test]
fn the_vulnerability_is_the_one_that_was_found() {
    assert_one(&but("vulnerability", json!("cve-2026-1")), 0);
    assert_one(
        &but("vulnerability", json!({"name": "GHSA-aaaa-bbbb-cccc"})),
        0,
    );
    assert_one(&but("vulnerability", json!({"name": "CVE-2026-2"})), 1);
    // An advisory may be of many: as an alias it clears none of them.
    let advisory = json!({"name": "CVE-2026-2", "aliases": [ID]});
    assert_one(&but("vulnerability", advisory), 1);
}

#[test]
fn a_product_is_known_by_its_digest_alone() {
    let (own, other) = (image(), Digest::sha256(b"another image"));
    let purl = |digest: &Digest| format!("pkg:oci/api@sha256%3A{}", digest.hex());
    for (product, exit) in [
        (json!({"@id": purl(&own)}), 0),
        (json!(purl(&own)), 0),
        (
            json!({"@id": "https://acme.example/api", "identifiers": {"purl": purl(&own)}}),
            0,
        ),
        (json!({"hashes": {"sha-256": own.hex()}}), 0),
        (
            json!({"@id": purl(&own), "hashes": {"sha-256": own.hex()}}),
            0,
        ),
        (json!({"@id": purl(&other)}), 1),
        (json!({"hashes": {"sha-256": other.hex()}}), 1),
        (json!({"hashes": {"sha-256": "7"}}), 1),
        (json!({"hashes": {"sha-512": own.hex()}}), 1),
        (
            json!({"@id": purl(&own), "hashes": {"sha-256": other.hex()}}),
            1,
        ),
        (json!({"@id": "pkg:oci/api"}), 1),
        (json!("registry.example.test/pay/api"), 1),
        (json!({}), 1),
    ] {
        assert_one(&but("products", json!([product])), exit);
    }
    assert_one(&but("products", json!(null)), 0);
}

#[test]
fn a_component_is_the_package_that_was_found() {
    let own = json!({"sha-256": image().hex()});
    for (components, exit) in [
        (json!([]), 0),
        (json!([{"@id": "pkg:npm/%40acme/a@1.2"}]), 0),
        (json!([{"@id": "pkg:npm/%40acme/a"}]), 0),
        (
            json!([{"identifiers": {"purl": "pkg:npm/%40acme/a@1.2?arch=x"}}]),
            0,
        ),
        (
            json!([{"@id": "pkg:npm/b@1"}, {"@id": "pkg:npm/%40acme/a@1.2"}]),
            0,
        ),
        (json!([{"@id": "pkg:npm/%40acme/a@1.3"}]), 1),
        (json!([{"@id": "pkg:npm/%40acme/a@1.2?arch=y"}]), 1),
        (json!([{"@id": "pkg:npm/a@1.2"}]), 1),
        (json!([{"@id": "a"}]), 1),
    ] {
        let product = json!({"hashes": own, "subcomponents": components});
        assert_one(&but("products", json!([product])), exit);
    }
    // Of what is found in no package nobody can say that it is this one.
    let mut world = world(RULE);
    world.scan(&[found(ID, "high")]);
    let product = json!({"hashes": own, "subcomponents": [{"@id": "pkg:npm/%40acme/a"}]});
    world.vex("vexer", &json!([but("products", json!([product]))]));
    assert_exit(&world.gate(), 1);
}

#[test]
fn the_newest_word_decides_and_doubt_is_against() {
    let blame = |when: Option<i64>, status: &str| {
        let mut said = said(status);
        if let Some(when) = when {
            said["timestamp"] = json!(hour(when).to_string());
        }
        said
    };
    let clear = but("timestamp", json!(hour(1).to_string()));
    for (other, exit) in [
        (blame(Some(0), "affected"), 0),
        (blame(Some(1), "affected"), 1),
        (blame(Some(2), "affected"), 1),
        (blame(Some(2), "under_investigation"), 1),
        (blame(None, "affected"), 1),
    ] {
        let mut world = dirty();
        world.vex("vexer", &json!([clear, other]));
        assert_eq!(world.gate().exit_code(), exit, "{other}");
        let mut world = dirty();
        world.vex("vexer", &json!([clear]));
        world.vex("vexer", &json!([other]));
        assert_eq!(world.gate().exit_code(), exit, "{other}");
        // Strangers take nothing back.
        let mut world = dirty();
        world.vex("vexer", &json!([clear]));
        world.vex("scanner", &json!([other]));
        assert_exit(&world.gate(), 0);
    }
    // About something else it takes nothing back; about something unnamed it may.
    let other = json!({"hashes": {"sha-256": Digest::sha256(b"another image").hex()}});
    for (products, exit) in [(json!([other]), 0), (json!(["pkg:oci/api"]), 1)] {
        let mut world = dirty();
        let mut said = blame(Some(2), "affected");
        said["products"] = products;
        world.vex("vexer", &json!([clear, said]));
        assert_exit(&world.gate(), exit);
    }
    // An alias is enough to take it back.
    let mut world = dirty();
    let mut said = blame(Some(2), "affected");
    said["vulnerability"] = json!({"name": "X-1", "aliases": ["GHSA-AAAA-bbbb-cccc"]});
    world.vex("vexer", &json!([clear, said]));
    assert_denied(&world.gate(), Code::VulnerabilitiesFound);
}

#[test]
fn a_document_without_a_time_clears_nothing_and_takes_back_anything() {
    let mut undated = document(hour(2), &json!([cleared()]));
    undated.as_object_mut().unwrap().remove("timestamp");
    let mut world = dirty();
    world.attest_at("vexer", OPENVEX, &undated, None);
    assert_exit(&world.gate(), 1);
    undated["statements"] = json!([said("affected")]);
    let mut world = dirty();
    world.vex("vexer", &json!([cleared()]));
    assert_exit(&world.gate(), 0);
    world.attest_at("vexer", OPENVEX, &undated, None);
    assert_denied(&world.gate(), Code::VulnerabilitiesFound);
}

#[test]
fn a_document_nobody_can_read_takes_back_what_it_may() {
    for (kind, document) in [
        (
            "https://openvex.dev/ns/v9.9.9",
            document(hour(2), &json!([])),
        ),
        (OPENVEX, json!({"@context": "https://openvex.dev/ns"})),
        (
            OPENVEX,
            json!({"@context": "https://acme.example", "statements": []}),
        ),
    ] {
        let mut world = dirty();
        world.vex("vexer", &json!([cleared()]));
        world.attest("vexer", kind, &document);
        assert_denied(&world.gate(), Code::VulnerabilitiesFound);
        world.now = hour(3);
        world.vex("vexer", &json!([cleared()]));
        assert_exit(&world.gate(), 0);
    }
}

#[test]
fn a_word_from_after_its_signature_clears_nothing() {
    let mut world = dirty();
    world.now = hour(4);
    let later = but("timestamp", json!(hour(4).to_string()));
    let document = document(hour(2), &json!([later]));
    world.attest_at("vexer", OPENVEX, &document, Some(hour(2)));
    assert_exit(&world.gate(), 1);
}

#[test]
fn a_word_about_the_index_is_one_about_the_image_it_lists() {
    let mut world = dirty();
    let list = index(&[index_entry(&image())]);
    let product = json!({"hashes": {"sha-256": list.digest().hex()}});
    world.vex("vexer", &json!([but("products", json!([product]))]));
    assert_exit(&world.gate(), 1);
    world.indexes.push(list);
    assert_exit(&world.gate(), 0);
}

#[test]
fn nothing_clears_where_the_policy_names_nobody() {
    let mut world = world("{by: [scanner]}");
    world.scan(&[found(ID, "high")]);
    world.vex("vexer", &json!([cleared()]));
    world.waive("alice", &[ID]);
    let verdict = world.gate();
    assert_denied(&verdict, Code::VulnerabilitiesFound);
    assert_found(&verdict, Code::VulnerabilitiesFound);
}
