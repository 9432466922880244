//! Trusted roots from files: what holds one, and what only looks like it.

use serde_json::{Value, json};

use crate::sandbox::{Answer, Sandbox};

const SIGNER: &str = "--certificate-identity dev@example.com \
    --certificate-oidc-issuer http://127.0.0.1:15103 --type slsaprovenance1 art.bin";
const CONFIGURATION: &str = "application/vnd.dev.sigstore.clienttrustconfig.v0.1+json";

/// A file with a keyless bundle beside it, and the root that it is verified with.
fn sandbox() -> (Sandbox, Value) {
    let sandbox = Sandbox::new();
    sandbox.write("art.bin", "artifact one\n");
    let testdata = concat!(env!("CARGO_MANIFEST_DIR"), "/../testdata/interop/sigstore");
    let bundle = format!("{testdata}/sigstore-python.rekor1.sigstore.json");
    std::fs::copy(bundle, sandbox.path("art.bin.sigstore.json")).unwrap();
    let root = std::fs::read(format!("{testdata}/trusted_root.json")).unwrap();
    (sandbox, serde_json::from_slice(&root).unwrap())
}

#[test]
fn a_root_is_read_from_every_document_that_holds_one() {
    let (sandbox, root) = sandbox();
    let public = include_str!("../../../testdata/verify/sigstore/public.trusted_root.json");
    let public: Value = serde_json::from_str(public).unwrap();
    let both =
        json!({"mediaType": CONFIGURATION, "trustedRoot": root, "signingConfig": {"a": "b"}});
    sandbox.write("root.json", &format!("{root:#}"));
    sandbox.write("both.json", &format!("{both:#}"));
    sandbox.write("first.jsonl", &format!("{root}\n{public}\n"));
    sandbox.write("last.jsonl", &format!("{public}\n\n{root}\n"));
    sandbox.write("other.jsonl", &format!("{public}\n{public}\n"));
    for (flag, code) in [
        ("--trusted-root root.json", 0),
        ("--trusted-root both.json", 0),
        ("--trust-config both.json", 0),
        ("--trusted-root first.jsonl", 0),
        ("--trusted-root last.jsonl", 0),
        ("--trusted-root other.jsonl", 11),
    ] {
        let answer = sandbox.run(&format!("verify {flag} {SIGNER}"));
        assert_eq!(answer.code, code, "{flag}: {}{}", answer.data, answer.talk);
    }
    // A setting is as good as the flag; what is only a trusted root comes first.
    let set = |settings: &[(&str, &str)]| {
        let mut command = sandbox.command(&format!("verify {SIGNER}"));
        command.envs(settings.iter().copied());
        Answer::of(&command.output().unwrap()).code
    };
    assert_eq!(set(&[]), 11);
    assert_eq!(set(&[("BULLA_TRUST_CONFIG", "both.json")]), 0);
    let other = ("BULLA_TRUSTED_ROOT", "other.jsonl");
    assert_eq!(set(&[("BULLA_TRUST_CONFIG", "both.json"), other]), 11);
    sandbox.write("own.yaml", "trust-config: both.json\n");
    let answer = sandbox.run(&format!("verify --config own.yaml {SIGNER}"));
    assert_eq!(answer.code, 0, "{}{}", answer.data, answer.talk);
    // Nearer is what a variable names, as a flag would be.
    let mut command = sandbox.command(&format!("verify --config own.yaml {SIGNER}"));
    command.env("BULLA_INSTANCE", "public-good");
    assert_eq!(Answer::of(&command.output().unwrap()).code, 11);
    // Nor is anything recorded at the instance of a file where another one is named.
    let private = "https://tuf.example.test";
    let sign = "sign art.bin --config own.yaml --identity-token e30.e30.e30 --yes";
    let mut named = sandbox.command(sign);
    named.env("BULLA_INSTANCE", private);
    let named = Answer::of(&named.output().unwrap());
    let typed = sandbox.run(&format!("{sign} --instance {private}"));
    for answer in [named, typed] {
        assert!(answer.talk.contains(private), "{}", answer.talk);
        assert!(!answer.talk.contains("both.json"), "{}", answer.talk);
    }
    let answer = sandbox.run(sign);
    assert!(answer.talk.contains("both.json"), "{}", answer.talk);
    let answer = sandbox.run("trust show --trusted-root last.jsonl --output json");
    let shown = &answer.json()["trustedRoots"];
    assert_eq!(shown.as_array().unwrap().len(), 2, "{shown}");
}

#[test]
fn what_is_no_root_is_refused_by_the_name_of_its_file() {
    let (sandbox, root) = sandbox();
    let mut other = root.clone();
    other["mediaType"] = "application/x-nonsense".into();
    let empty = json!({"mediaType": root["mediaType"]});
    let inside = json!({"mediaType": CONFIGURATION, "trustedRoot": empty, "signingConfig": {}});
    sandbox.write("other.json", &other.to_string());
    sandbox.write("empty.json", &empty.to_string());
    sandbox.write("inside.json", &inside.to_string());
    sandbox.write("second.jsonl", &format!("{root}\n{empty}\n"));
    sandbox.write("cut.json", &format!("{root:#}")[..400]);
    sandbox.write("many.jsonl", &format!("{root}\n").repeat(33));
    for (file, reason) in [
        ("other.json", "other.json: unusable trusted root: mediaType"),
        (
            "empty.json",
            "empty.json: unusable trusted root: it names no",
        ),
        (
            "inside.json",
            "inside.json: unusable trusted root: it names no",
        ),
        ("second.jsonl", "second.jsonl:2: unusable trusted root"),
        ("cut.json", "cut.json: no trusted root"),
        ("many.jsonl", "many.jsonl: more than 32 trusted roots"),
    ] {
        for command in [
            format!("verify --trusted-root {file} {SIGNER}"),
            format!("trust show --trusted-root {file}"),
        ] {
            let answer = sandbox.run(&command);
            assert_eq!(answer.code, 2, "{command}: {}", answer.data);
            assert!(answer.talk.contains(reason), "{command}: {}", answer.talk);
        }
    }
}
