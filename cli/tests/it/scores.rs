//! `bulla sbom score`.

use serde_json::{Value, json};

use crate::sandbox::Sandbox;

fn sandbox() -> Sandbox {
    let sandbox = Sandbox::new();
    let text = include_str!("../../../testdata/score/full.cdx.json");
    let mut document: Value = serde_json::from_str(text).unwrap();
    sandbox.write("full.json", text);
    document["components"][0]["hashes"] = json!([]);
    document["components"][0]["purl"] = json!("pkg:generic/\u{1b}[31mzlib@1.3.1");
    document["metadata"]["supplier"] = json!(null);
    sandbox.write("less.json", &document.to_string());
    sandbox
}

#[test]
fn a_score_says_what_would_raise_it() {
    let sandbox = sandbox();
    let full = sandbox
        .done("sbom score full.json --fail-below 10 --output json")
        .json();
    assert_eq!(full["score"], 10.0);
    assert_eq!(full["fixes"], json!([]));
    let less = sandbox.done("sbom score less.json --output json").json();
    assert_eq!(
        (&less["score"], &less["components"]),
        (&json!(9.3), &json!(2))
    );
    assert_eq!(less["fixes"][0]["check"], "strong-hash");
    assert_eq!(less["fixes"][0]["gain"], "0.45");
    assert_eq!(less["fixes"][0]["components"], 1);
    assert_eq!(
        less["categories"][2]["checks"][0],
        json!({"name": "strong-hash", "have": 1, "of": 2})
    );
    let human = sandbox.done("sbom score less.json").data;
    assert!(
        human.contains("9.3 of 10") && human.contains("+0.45"),
        "{human}"
    );
    assert!(
        human.contains("tell who supplies what the document is about"),
        "{human}"
    );
    assert!(!human.contains('\u{1b}'), "{human:?}");
}

#[test]
fn below_what_was_asked_for_it_fails() {
    let sandbox = sandbox();
    assert_eq!(sandbox.run("sbom score less.json --fail-below 9.3").code, 0);
    let below = sandbox.run("sbom score less.json --fail-below 9.4");
    assert_eq!(below.code, 1);
    assert!(below.data.contains("below 9.4"), "{}", below.data);
    for wrong in ["11", "7.55", "high"] {
        let arguments = format!("sbom score less.json --fail-below {wrong}");
        assert_eq!(sandbox.run(&arguments).code, 2, "{wrong}");
    }
}

#[test]
fn what_is_no_bill_of_materials_has_no_score() {
    let sandbox = sandbox();
    sandbox.write("other.json", "{}");
    sandbox.write("odd.json", r#"{"bomFormat":"CycloneDX","components":[7]}"#);
    for file in ["other.json", "odd.json", "missing.json"] {
        assert_eq!(sandbox.run(&format!("sbom score {file}")).code, 2, "{file}");
    }
    assert_eq!(sandbox.run("sbom").code, 2);
    assert_eq!(sandbox.run("sbom score").code, 2);
}

#[test]
fn strict_lists_end_with_1_where_a_file_could_not_be_read() {
    let sandbox = Sandbox::new();
    std::fs::create_dir(sandbox.path("app")).unwrap();
    sandbox.write("app/Cargo.lock", "version = 4\n");
    let list = |more: &str| sandbox.run(&format!("sbom dir:app --format spdx-json {more}"));
    let whole = list("--strict");
    assert_eq!(whole.code, 0, "{}", whole.talk);
    let document: Value = serde_json::from_str(&whole.data).unwrap();
    assert_eq!(document["spdxVersion"], "SPDX-2.3");
    sandbox.write("app/Cargo.lock", "nonsense");
    assert_eq!(list("").code, 0);
    let strict = list("--strict -o list.json");
    assert_eq!(strict.code, 1, "{}", strict.talk);
    assert!(sandbox.read("list.json").contains("not read: Cargo.lock"));
}
