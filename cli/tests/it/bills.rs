//! `bulla sbom list`, `diff` and `explain`.

use serde_json::{Value, json};

use crate::sandbox::Sandbox;

fn component(name: &str, version: &str, license: &str) -> Value {
    json!({
        "type": "library", "bom-ref": name, "name": name, "version": version,
        "purl": format!("pkg:npm/{name}@{version}"), "licenses": [{"license": {"id": license}}],
    })
}

fn bill(components: &[Value]) -> String {
    let root = json!({"type": "application", "bom-ref": "root", "name": "pay", "version": "2"});
    json!({
        "bomFormat": "CycloneDX", "specVersion": "1.6", "metadata": {"component": root},
        "components": components,
        "dependencies": [
            {"ref": "root", "dependsOn": ["b"]}, {"ref": "b", "dependsOn": ["a", "b"]},
        ],
    })
    .to_string()
}

fn sandbox() -> Sandbox {
    let sandbox = Sandbox::new();
    let first = [
        component("a", "1.0.0", "MIT"),
        component("b", "1.0.0", "MIT"),
        component("gone|@team", "1.0.0", "MIT"),
        component("same", "1.0.0", "MIT"),
    ];
    sandbox.write("one.cdx.json", &bill(&first));
    let second = [
        component("a", "1.0.0", "MIT"),
        component("a", "2.0.0", "MIT"),
        component("b", "1.0.0", "Apache-2.0"),
        component("new\u{1b}[31m", "3.0.0", "MIT"),
        component("same", "1.0.0", "MIT"),
    ];
    sandbox.write("two.cdx.json", &bill(&second));
    sandbox
}

#[test]
fn a_difference_tells_versions_licences_and_what_came_and_went() {
    let sandbox = sandbox();
    let told = sandbox
        .done("sbom diff one.cdx.json two.cdx.json --output json")
        .json();
    assert_eq!(told["changed"].as_array().unwrap().len(), 2);
    assert_eq!(told["changed"][0]["name"], "a");
    assert_eq!(
        told["changed"][0]["versions"],
        json!({"from": ["1.0.0"], "to": ["1.0.0", "2.0.0"]})
    );
    assert_eq!(
        told["changed"][1]["licenses"],
        json!({"from": ["MIT"], "to": ["Apache-2.0"]})
    );
    assert_eq!(told["added"].as_array().unwrap().len(), 1);
    assert_eq!(told["removed"].as_array().unwrap().len(), 1);
    assert_eq!(told["same"], 1);
    let human = sandbox.done("sbom diff one.cdx.json two.cdx.json").data;
    assert!(human.contains("1.0.0 → 1.0.0, 2.0.0"), "{human}");
    assert!(
        human.contains("2 packages changed, 1 added, 1 removed, 1 the same"),
        "{human}"
    );
    assert!(!human.contains('\u{1b}'), "{human:?}");
    let notes = sandbox
        .done("sbom diff one.cdx.json two.cdx.json --form markdown")
        .data;
    assert!(
        notes.contains("| `gone\\|@team` | `npm` | `1.0.0` | `MIT` |"),
        "{notes}"
    );
    assert!(
        notes.contains("| `b` | `npm` | `1.0.0` | `1.0.0` | `MIT` → `Apache-2.0` |"),
        "{notes}"
    );
}

#[test]
fn what_a_pipeline_asks_about_fails_it() {
    let sandbox = sandbox();
    let code = |kind: &str, both: &str| {
        sandbox
            .run(&format!("sbom diff {both} --fail-on {kind}"))
            .code
    };
    for kind in ["added", "removed", "version", "license"] {
        assert_eq!(code(kind, "one.cdx.json two.cdx.json"), 1, "{kind}");
        assert_eq!(code(kind, "one.cdx.json one.cdx.json"), 0, "{kind}");
    }
    assert_eq!(code("anything", "one.cdx.json two.cdx.json"), 2);
}

#[test]
fn a_folder_is_compared_with_what_was_written_of_it_in_each_format() {
    let sandbox = Sandbox::new();
    let lock = "version = 4\n[[package]]\nname = \"pay\"\nversion = \"1.0.0\"\ndependencies = [\"tax\"]\n\
                [[package]]\nname = \"tax\"\nversion = \"1.0.0\"\n";
    sandbox.write("src/Cargo.lock", lock);
    sandbox.done("sbom dir:src -o pay.cdx.json");
    sandbox.done("sbom dir:src --format spdx-json -o pay.spdx.json");
    for file in ["pay.cdx.json", "pay.spdx.json"] {
        let told = sandbox
            .done(&format!("sbom diff {file} src --output json"))
            .json();
        assert_eq!(told["same"], 2, "{told}");
        assert_eq!(told["added"], json!([]));
        let listed = sandbox
            .done(&format!("sbom list {file} --output json"))
            .json();
        assert_eq!(listed["packages"].as_array().unwrap().len(), 2);
        assert_eq!(listed["packages"][1]["name"], "tax");
        assert_eq!(listed["packages"][1]["remarks"], json!(["declared"]));
        let told = sandbox
            .done(&format!("sbom explain {file} tax --output json"))
            .json();
        assert_eq!(told["packages"][0]["neededBy"], json!(["pay 1.0.0"]));
    }
}

#[test]
fn a_package_is_explained_by_name_and_package_url() {
    let sandbox = sandbox();
    for asked in ["a", "pkg:npm/a", "pkg:npm/a@1.0.0"] {
        let told = sandbox
            .done(&format!("sbom explain one.cdx.json {asked} --output json"))
            .json();
        let package = &told["packages"][0];
        assert_eq!(
            package["path"],
            json!(["pay", "b 1.0.0", "a 1.0.0"]),
            "{asked}"
        );
        assert_eq!(package["neededBy"], json!(["b 1.0.0"]));
    }
    let told = sandbox.run("sbom explain one.cdx.json on");
    assert_ne!(told.code, 0);
    assert!(told.talk.contains("gone"), "{}", told.talk);
    let human = sandbox.done("sbom explain one.cdx.json b").data;
    assert!(human.contains("needed by"), "{human}");
}

#[test]
fn what_is_no_bill_is_refused() {
    let sandbox = Sandbox::new();
    sandbox.write("x.json", r#"{"hello": 1}"#);
    let told = sandbox.run("sbom list x.json");
    assert_ne!(told.code, 0);
    assert!(
        told.talk.contains("neither CycloneDX nor SPDX"),
        "{}",
        told.talk
    );
    sandbox.write("y.json", r#"{"bomFormat": "CycloneDX", "bomFormat": "x"}"#);
    let told = sandbox.run("sbom list y.json");
    assert!(told.talk.contains("bomFormat"), "{}", told.talk);
}

#[test]
fn documents_are_judged_by_their_schemas() {
    let sandbox = Sandbox::new();
    sandbox.write(
        "Cargo.lock",
        "version = 4\n[[package]]\nname = \"pay\"\nversion = \"1.0.0\"\n",
    );
    let mut files = Vec::new();
    for format in [
        "cyclonedx-json@1.4",
        "cyclonedx-json@1.7",
        "cyclonedx-xml@1.5",
        "cyclonedx-xml",
        "spdx-json",
    ] {
        let ending = if format.contains("xml") {
            "xml"
        } else {
            "json"
        };
        let file = format!("{}.{ending}", format.replace('@', "-"));
        sandbox.done(&format!("sbom file:Cargo.lock --format {format} -o {file}"));
        files.push(file);
    }
    let told = sandbox
        .done(&format!("sbom validate {} --output json", files.join(" ")))
        .json();
    let judged = told["files"].as_array().unwrap();
    assert_eq!(judged.len(), files.len());
    assert!(judged.iter().all(|file| file["valid"] == true), "{told}");
    assert_eq!(judged[2]["standard"], "CycloneDX 1.5");
    // The one in XML says the same.
    let told = sandbox
        .done("sbom diff cyclonedx-xml.xml spdx-json.json --output json")
        .json();
    assert_eq!(told["same"], 1, "{told}");
    // So do those that no built-in schema judges.
    for (format, file) in [
        ("spdx-tag-value", "pay.spdx"),
        ("spdx-json@3.0.1", "pay.spdx3.json"),
    ] {
        sandbox.done(&format!("sbom file:Cargo.lock --format {format} -o {file}"));
        let told = sandbox.done(&format!("sbom diff cyclonedx-xml.xml {file} --output json"));
        assert_eq!(told.json()["same"], 1, "{format}");
        assert_eq!(
            sandbox.run(&format!("sbom validate {file}")).code,
            2,
            "{format}"
        );
    }
    let broken = sandbox
        .read("cyclonedx-json-1.7.json")
        .replace("\"library\"", "\"lib\u{1b}rary\"");
    sandbox.write("broken.json", &broken.replace('\u{1b}', "\\u001b"));
    let told = sandbox.run("sbom validate broken.json");
    assert_eq!(told.code, 1);
    assert!(told.data.contains("/components/0/type"), "{}", told.data);
    assert!(!told.data.contains('\u{1b}'), "{:?}", told.data);
    sandbox.write("other.json", "{}");
    assert_ne!(sandbox.run("sbom validate other.json").code, 0);
}

#[test]
fn documents_are_converted_and_what_is_lost_is_told() {
    let sandbox = Sandbox::new();
    sandbox.write(
        "Cargo.lock",
        "version = 4\n[[package]]\nname = \"pay\"\nversion = \"1.0.0\"\n",
    );
    sandbox.done("sbom file:Cargo.lock -o new.json");
    sandbox.done("sbom convert new.json --to xml -o new.xml");
    sandbox.done("sbom convert new.xml -o again.json");
    let parsed = |file: &str| -> Value { serde_json::from_str(&sandbox.read(file)).unwrap() };
    let (mut new, mut again) = (parsed("new.json"), parsed("again.json"));
    for one in [&mut new, &mut again] {
        one.as_object_mut().unwrap().remove("$schema");
    }
    assert_eq!(new, again);
    let told = sandbox.done("sbom convert new.json --spec-version 1.4 -o old.json");
    assert!(told.talk.contains("/metadata/lifecycles"), "{}", told.talk);
    // What is lost of each component is told once.
    let evidence = told.talk.matches("evidence/occurrences").count();
    assert_eq!(evidence, 1, "{}", told.talk);
    assert!(
        told.talk.contains("/components/*/evidence"),
        "{}",
        told.talk
    );
    assert_eq!(parsed("old.json")["specVersion"], "1.4");
    sandbox.done("sbom validate old.json new.xml again.json");
    let strict = sandbox.run("sbom convert new.json --spec-version 1.4 --strict -o strict.json");
    assert_eq!(strict.code, 1);
    assert_eq!(sandbox.read("strict.json"), sandbox.read("old.json"));
    assert_eq!(
        sandbox.run("sbom convert new.json --spec-version 2.0").code,
        2
    );
    sandbox.write("x.spdx.json", r#"{"spdxVersion": "SPDX-2.3"}"#);
    assert_ne!(sandbox.run("sbom convert x.spdx.json").code, 0);
}
