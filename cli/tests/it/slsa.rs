//! `bulla slsa verify`: which form of provenance is believed of what.

use serde_json::{Value, json};

use crate::sandbox::{Answer, Sandbox};

const QUESTION: &str = "--source-uri github.com/ramonpetgrave64/gundam-visor \
    --builder-id https://github.com/actions/runner/github-hosted --trusted-root root.json \
    --at 2026-06-01T00:00:00Z \
    sha512:8d9d7972f676516c75014aa074e11ae604d98f0b64ec6725a61e2838ff3dab162118fa71433fb31e1550d30bd0dec9d086ce032b94457b583900c507acf39c40";
const KEYS: &str = "--registry-keys keys.json";

/// A package's attestations, its provenance alone, and a list that does not say what is in it.
fn sandbox() -> Sandbox {
    let sandbox = Sandbox::new();
    let listed = include_str!("../../../testdata/slsa/npm.json");
    sandbox.write("npm.json", listed);
    let list: Value = serde_json::from_str(listed).unwrap();
    let is_provenance = |one: &&Value| one["predicateType"] == "https://slsa.dev/provenance/v1";
    let mut all = list["attestations"].as_array().unwrap().iter();
    let bundle = &all.find(is_provenance).unwrap()["bundle"];
    sandbox.write("alone.json", &bundle.to_string());
    let untyped = json!({"attestations": [{"bundle": bundle}]});
    sandbox.write("untyped.json", &untyped.to_string());
    let typed = "https://slsa.dev/provenance/v1";
    let single = json!({"attestations": [{"bundle": bundle, "predicateType": typed}]});
    sandbox.write("single.json", &single.to_string());
    let described = include_str!("../../../testdata/slsa/cloud-build.json");
    sandbox.write("described.json", described);
    let keys = include_str!("../../../testdata/slsa/npm-keys.json");
    sandbox.write("keys.json", keys);
    let root = include_str!("../../../testdata/verify/sigstore/public.trusted_root.json");
    sandbox.write("root.json", root);
    sandbox
}

fn ask(sandbox: &Sandbox, command: &str, file: &str, more: &str) -> Answer {
    sandbox.run(&format!(
        "slsa {command} --provenance {file} {more} {QUESTION}"
    ))
}

#[test]
fn a_package_is_believed_with_its_registrys_word_only() {
    let sandbox = sandbox();
    for command in ["verify", "verify-npm-package"] {
        let answer = ask(&sandbox, command, "npm.json", KEYS);
        assert_eq!(answer.code, 0, "{}{}", answer.data, answer.talk);
        // One attestation of the pair, with and without its type.
        for file in ["single.json", "untyped.json"] {
            let answer = ask(&sandbox, command, file, KEYS);
            assert_eq!(answer.code, 12, "{file}: {}{}", answer.data, answer.talk);
        }
    }
    for flag in [KEYS, "--package-name x", "--package-version 1"] {
        for file in ["alone.json", "described.json"] {
            let answer = ask(&sandbox, "verify", file, flag);
            assert_eq!(answer.code, 2, "{flag} {file}: {}", answer.talk);
            let reason = format!("{file} is not what npm's registry says of a package");
            assert!(answer.talk.contains(&reason), "{}", answer.talk);
        }
    }
    let answer = ask(&sandbox, "verify-npm-package", "alone.json", "");
    assert_eq!(answer.code, 2, "{}", answer.talk);
    let answer = ask(&sandbox, "verify-npm-package", "npm.json", "");
    assert_eq!(answer.code, 2, "{}", answer.talk);
    assert!(
        answer.talk.contains("--registry-keys FILE"),
        "{}",
        answer.talk
    );
    let answer = sandbox.run(&format!("slsa verify-npm-package {KEYS} {QUESTION}"));
    assert_eq!(answer.code, 2, "{}", answer.talk);
    assert!(answer.talk.contains("--provenance FILE"), "{}", answer.talk);
}

#[test]
fn where_no_root_is_given_an_instance_is_believed() {
    let sandbox = sandbox();
    let question = QUESTION.replace("--trusted-root root.json", "");
    for (instance, code, name) in [
        ("", 0, "public-good (embedded)"),
        ("--instance public-good", 0, "public-good (embedded)"),
        ("--instance github", 11, "github (embedded)"),
    ] {
        let answer = sandbox.run(&format!(
            "slsa verify --provenance npm.json {KEYS} {instance} {question} --output json"
        ));
        assert_eq!(
            answer.code, code,
            "{instance}: {}{}",
            answer.data, answer.talk
        );
        let sources = answer.json()["sources"].to_string();
        assert!(sources.contains(name), "{instance}: {sources}");
    }
    let summary = "slsa verify-vsa --attestation alone.json --verifier-id https://v.example.test \
        --resource-uri pkg:oci/app --subject-digest sha256:00 --output json";
    let identity = "--certificate-identity a --certificate-oidc-issuer b --instance staging";
    let answer = sandbox.run(&format!("{summary} {identity}"));
    let sources = answer.json()["sources"].to_string();
    assert!(sources.contains("staging (embedded)"), "{sources}");
    // With a key nobody's certificates count, and what was typed is not passed over.
    let key = sandbox.run(&format!("{summary} --key k.pub --instance staging"));
    assert_eq!(key.code, 2, "{}", key.talk);
    for part in ["--key", "--instance", "cannot be used with"] {
        assert!(key.talk.contains(part), "{part}: {}", key.talk);
    }
    let certificate = "--certificate-identity a --certificate-oidc-issuer b";
    for (about_keys, others) in [
        ("--public-key-id x", "--instance staging"),
        ("--public-key-id x", certificate),
        (
            "--public-key-signing-hash-algo sha256",
            "--instance staging",
        ),
        ("--public-key-signing-hash-algo sha256", certificate),
    ] {
        let answer = sandbox.run(&format!("{summary} {about_keys} {others}"));
        assert_eq!(answer.code, 2, "{about_keys} {others}: {}", answer.talk);
        let (name, other) = (about_keys.split(' ').next(), others.split(' ').next());
        for part in [name.unwrap(), other.unwrap(), "cannot be used with"] {
            assert!(answer.talk.contains(part), "{part}: {}", answer.talk);
        }
    }
}
