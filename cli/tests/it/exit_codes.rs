//! Every exit code of every command that verifies, as the table in `docs/guide.md` has them.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bulla_cli::Exit;
use bulla_model::predicate::{approval, promotion};
use serde_json::{Value, json};

use crate::evidence::released;
use crate::sandbox::Sandbox;

/// One run: what is typed, how it ends, and a piece of what is said.
type Row<'a> = (&'a str, i32, &'a str);

/// Runs every row; the codes that were seen.
fn check(sandbox: &Sandbox, command: &str, rows: &[Row<'_>]) -> Vec<i32> {
    let mut seen = BTreeSet::new();
    for (arguments, code, said) in rows {
        let answer = sandbox.run(&format!("{command} {arguments}"));
        let all = format!("{}{}", answer.data, answer.talk);
        assert_eq!(answer.code, *code, "{command} {arguments}\n{all}");
        assert!(all.contains(said), "{command} {arguments}: {said}\n{all}");
        seen.insert(*code);
    }
    seen.into_iter().collect()
}

/// An attestation in a layout: the manifest that attaches it, its bundle, and what it states.
struct Attached {
    manifest: Value,
    bundle: Value,
    statement: Value,
}

/// Makes the layout `to` of `image`, with the attestations that `change` keeps, as it leaves them.
fn copied(sandbox: &Sandbox, to: &str, change: impl Fn(&mut Attached) -> bool) {
    let read = |descriptor: &Value| -> Value {
        let digest = descriptor["digest"].as_str().unwrap();
        let blobs = sandbox.path("image/blobs/sha256");
        let bytes = std::fs::read(blobs.join(digest.trim_start_matches("sha256:"))).unwrap();
        serde_json::from_slice(&bytes).unwrap()
    };
    let write = |value: &Value, like: &Value| -> Value {
        let kind = like["mediaType"].as_str().unwrap();
        let (_, descriptor) = sandbox.blob(value.to_string().as_bytes(), kind);
        serde_json::from_str(&descriptor).unwrap()
    };
    let mut index: Value = serde_json::from_str(&sandbox.read("image/index.json")).unwrap();
    let entries = index["manifests"].as_array_mut().unwrap();
    entries.retain_mut(|entry| {
        let manifest = read(entry);
        if manifest["subject"].is_null() {
            return true;
        }
        let bundle = read(&manifest["layers"][0]);
        let payload = bundle["dsseEnvelope"]["payload"].as_str().unwrap();
        let payload = STANDARD.decode(payload).unwrap();
        let mut attached = Attached {
            statement: serde_json::from_slice(&payload).unwrap(),
            manifest,
            bundle,
        };
        let stays = change(&mut attached);
        attached.manifest["layers"][0] = write(&attached.bundle, &attached.manifest["layers"][0]);
        *entry = write(&attached.manifest, &entry.clone());
        stays
    });
    let blobs = sandbox.path(to).join("blobs/sha256");
    std::fs::create_dir_all(&blobs).unwrap();
    for entry in std::fs::read_dir(sandbox.path("image/blobs/sha256")).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), blobs.join(entry.file_name())).unwrap();
    }
    let marker = sandbox.read("image/oci-layout");
    sandbox.write(&format!("{to}/oci-layout"), &marker);
    sandbox.write(&format!("{to}/index.json"), &index.to_string());
}

/// Changes the payload, which says the same, and keeps the signature.
fn tamper(bundle: &mut Value) {
    let payload = bundle["dsseEnvelope"]["payload"].as_str().unwrap();
    let payload = STANDARD.decode(payload).unwrap();
    bundle["dsseEnvelope"]["payload"] = STANDARD.encode([&payload[..], b"\n"].concat()).into();
}

/// Everything that an environment's policy can answer, and every code but that of a panic.
#[test]
fn exit_codes_of_verify() {
    let sandbox = released();
    copied(&sandbox, "bare", |_| false);
    copied(&sandbox, "unpromoted", |one| {
        let says = one.statement.to_string();
        one.statement["predicateType"] != promotion::TYPE || !says.contains("pay/prod")
    });
    copied(&sandbox, "unapproved", |one| {
        one.statement["predicateType"] != approval::TYPE
    });
    copied(&sandbox, "tampered", |one| {
        tamper(&mut one.bundle);
        true
    });
    let index: Value = serde_json::from_str(&sandbox.read("image/index.json")).unwrap();
    let image = index["manifests"][0].clone();
    // Another image: the same files under another configuration.
    let digest = image["digest"].as_str().unwrap();
    let manifest = sandbox.read(&digest.replace("sha256:", "image/blobs/sha256/"));
    let mut manifest: Value = serde_json::from_str(&manifest).unwrap();
    manifest["annotations"] = json!({"another": "image"});
    let kind = image["mediaType"].as_str().unwrap();
    let (_, other) = sandbox.blob(manifest.to_string().as_bytes(), kind);
    let other: Value = serde_json::from_str(&other).unwrap();
    copied(&sandbox, "foreign", |one| {
        one.manifest["subject"] = other.clone();
        true
    });
    let mut index: Value = serde_json::from_str(&sandbox.read("foreign/index.json")).unwrap();
    let mut tagged = other;
    tagged["annotations"] = image["annotations"].clone();
    index["manifests"][0] = tagged;
    sandbox.write("foreign/index.json", &index.to_string());
    let anchor = sandbox.read("anchor.yaml");
    sandbox.write("later.yaml", &anchor.replace("release: 1", "release: 2"));
    let policy = sandbox.read("policy/release.yaml");
    let builder = policy.split_once("builder:").unwrap().1;
    let key = builder.split('\n').nth(3).unwrap().trim();
    let ended = policy.replace(
        "    - key: |",
        "    - notAfter: 2020-01-01T00:00:00Z\n      key: |",
    );
    for name in ["people.yaml", "services/pay.yaml"] {
        let text = sandbox.read(&format!("policy/{name}"));
        sandbox.write(&format!("ended/{name}"), &text);
        sandbox.write(&format!("strange/{name}"), &text.replace(key, STRANGER));
    }
    sandbox.write("ended/release.yaml", &ended);
    sandbox.write("strange/release.yaml", &policy.replace(key, STRANGER));
    let seen = check(
        &sandbox,
        "verify --env prod",
        &[
            ("image:1.0", 0, "allowed"),
            ("unpromoted:1.0", 1, "not promoted into prod"),
            ("absent:1.0", 2, "absent"),
            ("127.0.0.1:1/app:1", 3, "could not find out"),
            ("unapproved:1.0", 4, "0 of 1 approvals"),
            ("bare:1.0", 10, "nothing signed was found"),
            (
                "image:1.0 --policy strange",
                11,
                "by nobody the policy trusts",
            ),
            ("tampered:1.0", 12, "is invalid"),
            ("foreign:1.0", 13, "about another subject"),
            ("image:1.0 --policy ended", 14, "valid at another time"),
            (
                "image:1.0 --anchor later.yaml",
                14,
                "older than the anchor allows",
            ),
        ],
    );
    let all = Exit::ALL.map(|exit| i32::from(exit.code()));
    let other = [Exit::Internal, Exit::Interrupted].map(|exit| i32::from(exit.code()));
    let all: Vec<i32> = all
        .into_iter()
        .filter(|code| !other.contains(code))
        .collect();
    assert_eq!(seen, all);
}

/// The same answers about a file, a folder and an image, by one signer's key.
#[test]
fn exit_codes_of_verify_by_a_signer() {
    let sandbox = Sandbox::new().with_image().with_key();
    sandbox.done("key generate --out other");
    for folder in ["model", "changed"] {
        sandbox.write(&format!("{folder}/weights"), folder);
    }
    sandbox.write("art.bin", "one");
    sandbox.write("changed.bin", "two");
    sandbox.done("sign --key bulla.key art.bin");
    sandbox.done("sign --key bulla.key model");
    sandbox.done("sign --key bulla.key image:1.0 --bundle image.json");
    for (name, signed) in [
        ("art.bin", "art.bin.sigstore.json"),
        ("model", "model.sigstore.json"),
        ("image:1.0", "image.json"),
    ] {
        let mut bundle: Value = serde_json::from_str(&sandbox.read(signed)).unwrap();
        tamper(&mut bundle);
        sandbox.write("forged.json", &bundle.to_string());
        sandbox.write("cut.json", &sandbox.read(signed)[..100]);
        let seen = check(
            &sandbox,
            &format!("verify {name}"),
            &[
                ("--key bulla.pub", 0, "allowed"),
                (
                    "--key bulla.pub --bundle cut.json",
                    2,
                    "cut.json: no attestation",
                ),
                ("", 2, "say what makes an image good"),
                (
                    "--key bulla.pub --type cyclonedx",
                    10,
                    "nothing signed was found",
                ),
                ("--key other.pub", 11, "nobody"),
                ("--key bulla.pub --bundle forged.json", 12, "invalid"),
            ],
        );
        assert_eq!(seen, [0, 2, 10, 11, 12]);
    }
    check(
        &sandbox,
        "verify --key bulla.pub",
        &[
            (
                "--bundle art.bin.sigstore.json changed.bin",
                13,
                "another subject",
            ),
            (
                "--bundle model.sigstore.json changed",
                13,
                "another subject",
            ),
            (
                "--bundle art.bin.sigstore.json image:1.0",
                13,
                "another subject",
            ),
            (
                "art.bin --bundle art.bin.sigstore.json changed.bin absent.bin",
                2,
                "absent.bin",
            ),
        ],
    );
}

/// What belongs to a flag that cannot be there is refused as well, and not passed over.
#[test]
fn flags_that_would_say_nothing_are_wrong_usage() {
    let sandbox = Sandbox::new();
    let by = "--certificate-identity a --certificate-oidc-issuer https://i.example.test";
    let digest = bulla_model::Digest::sha256(b"");
    for (command, flag) in [
        ("verify --env prod --threshold 2 image:1.0", "--threshold"),
        (
            &*format!("verify {by} --threshold 2 image:1.0"),
            "--threshold",
        ),
        (
            "verify --env prod --allow-legacy-schemes image:1.0",
            "--allow-legacy-schemes",
        ),
        (
            &*format!("verify {by} --allow-legacy-schemes a.txt"),
            "--allow-legacy-schemes",
        ),
        (
            "verify --env prod --certificate c.pem image:1.0",
            "--certificate",
        ),
        (
            "verify --env prod --certificate c.pem --certificate-chain c.pem image:1.0",
            "--certificate-chain",
        ),
        (
            "verify --env prod --rfc3161-timestamp t.tsr image:1.0",
            "--rfc3161-timestamp",
        ),
        (
            "verify --key k.pub --manifests m.yaml --certificate c.pem",
            "--certificate",
        ),
        (
            &*format!("verify --key k.pub --index {digest} --skip-kind Job image:1.0"),
            "--skip-kind",
        ),
        (
            &*format!("verify --key k.pub --index {digest} --layout oci:a image:1.0"),
            "--layout",
        ),
        ("simulate image:1.0 --env prod --from staging", "--from"),
        ("simulate image:1.0 --env prod --kind hotfix", "--kind"),
        (
            "sign a.txt --key k --recursive --output-signature a.sig",
            "--output-signature",
        ),
        (
            "sign a.txt --key k -a k=v --output-certificate a.pem",
            "--output-certificate",
        ),
    ] {
        let answer = sandbox.run(command);
        assert_eq!(answer.code, 2, "{command}: {}", answer.talk);
        let refused = answer.talk.contains("cannot be used with");
        assert!(
            refused && answer.talk.contains(flag),
            "{command}: {}",
            answer.talk
        );
    }
}

#[test]
fn exit_codes_of_slsa_verify() {
    let sandbox = Sandbox::new();
    let list = include_str!("../../../testdata/slsa/npm.json");
    let list: Value = serde_json::from_str(list).unwrap();
    let typed = |one: &&Value| one["predicateType"] == "https://slsa.dev/provenance/v1";
    let found = list["attestations"].as_array().unwrap().iter().find(typed);
    let mut bundle = found.unwrap()["bundle"].clone();
    let text = bundle.to_string();
    sandbox.write("own.json", &text);
    sandbox.write("cut.json", &text[..300]);
    tamper(&mut bundle);
    sandbox.write("forged.json", &bundle.to_string());
    let root = include_str!("../../../testdata/verify/sigstore/public.trusted_root.json");
    sandbox.write("root.json", root);
    let own = "--provenance own.json";
    let builder = "--builder-id https://github.com/actions/runner/github-hosted";
    let source = "--source-uri github.com/ramonpetgrave64/gundam-visor";
    let digest = "sha512:8d9d7972f676516c75014aa074e11ae604d98f0b64ec6725a61e2838ff3dab162118fa71433fb31e1550d30bd0dec9d086ce032b94457b583900c507acf39c40";
    let other = digest.replace("8d9d", "9d9d");
    let ask = |parts: [&str; 4]| parts.join(" ");
    let rows = [
        (ask([own, builder, source, digest]), 0, "VERIFIED"),
        (
            ask([own, builder, "--source-uri github.com/a/b", digest]),
            1,
            "denied by policy",
        ),
        (
            ask(["--provenance cut.json", builder, source, digest]),
            2,
            "cut.json: no attestation",
        ),
        (ask(["", builder, source, digest]), 2, "--provenance FILE"),
        (
            ask([own, builder, source, "127.0.0.1:1/a:1"]),
            3,
            "could not find out",
        ),
        (
            ask([own, "--builder-id https://github.com/a/b", source, digest]),
            11,
            "nobody",
        ),
        (
            ask(["--provenance forged.json", builder, source, digest]),
            12,
            "is invalid",
        ),
        (ask([own, builder, source, &other]), 13, "another subject"),
    ];
    let rows: Vec<Row<'_>> = rows
        .iter()
        .map(|(text, code, said)| (text.as_str(), *code, *said))
        .collect();
    let seen = check(&sandbox, "slsa verify --trusted-root root.json", &rows);
    // 4 is of policies with approvals, and 14 of npm's registry keys; an image without provenance:
    assert_eq!(seen, [0, 1, 2, 3, 11, 12, 13]);
    let sandbox = sandbox.with_image();
    let bare = ask(["--trusted-root root.json", builder, source, "image:1.0"]);
    check(
        &sandbox,
        "slsa verify",
        &[(&bare, 10, "nothing signed was found")],
    );
}

#[test]
fn exit_codes_of_slsa_verify_vsa() {
    let sandbox = Sandbox::new();
    let summary = include_str!("../../../testdata/slsa/vsa.json");
    sandbox.write("own.json", summary);
    sandbox.write("cut.json", &summary[..100]);
    sandbox.write(
        "two.json",
        &format!("{0}\n{0}\n", summary.replace('\n', "")),
    );
    let mut forged: Value = serde_json::from_str(summary).unwrap();
    let signature = forged["signatures"][0]["sig"].as_str().unwrap();
    let mut bytes = STANDARD.decode(signature).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    forged["signatures"][0]["sig"] = STANDARD.encode(bytes).into();
    sandbox.write("forged.json", &forged.to_string());
    sandbox.write(
        "vsa.pub",
        include_str!("../../../testdata/slsa/vsa.pub.pem"),
    );
    let sandbox = sandbox.with_key();
    let known = "--key vsa.pub --public-key-id keystore://76574:prod:vsa_signing_public_key";
    let (verifier, subject) = (
        "--verifier-id https://bcid.corp.google.com/verifier/bcid_package_enforcer/v0.1",
        "--subject-digest gce_image_id:8970095005306000053",
    );
    let own = "--attestation own.json";
    let ask = |parts: [&str; 4]| parts.join(" ");
    let rows = [
        (ask([own, known, verifier, subject]), 0, "VERIFIED"),
        (
            ask([
                own,
                known,
                verifier,
                &format!("{subject} --verified-level SLSA_BUILD_LEVEL_4"),
            ]),
            1,
            "denied by policy",
        ),
        (
            ask(["--attestation cut.json", known, verifier, subject]),
            2,
            "cut.json: no attestation: line 1",
        ),
        (
            ask(["--attestation two.json", known, verifier, subject]),
            2,
            "more than one attestation",
        ),
        (
            ask(["--attestation none.json", known, verifier, subject]),
            2,
            "failed to read none.json",
        ),
        (
            ask([own, "--key bulla.pub", verifier, subject]),
            11,
            "nobody",
        ),
        (
            ask([own, known, "--verifier-id https://example.test", subject]),
            11,
            "nobody",
        ),
        (
            ask(["--attestation forged.json", known, verifier, subject]),
            12,
            "is invalid",
        ),
        (
            ask([own, known, verifier, "--subject-digest gce_image_id:1"]),
            13,
            "another subject",
        ),
    ];
    let rows: Vec<Row<'_>> = rows
        .iter()
        .map(|(text, code, said)| (text.as_str(), *code, *said))
        .collect();
    let resource = "--resource-uri gce_image://gke-node-images:gke-12615-gke1418000-cos-101-17162-463-29-c-cgpv1-pre";
    let seen = check(&sandbox, &format!("slsa verify-vsa {resource}"), &rows);
    assert_eq!(seen, [0, 1, 2, 11, 12, 13]);
}

/// The table is for people too.
#[test]
fn the_guide_has_every_exit_code() {
    let guide = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/guide.md");
    let guide = std::fs::read_to_string(guide).unwrap();
    for exit in Exit::ALL {
        let row = format!("| {} | {}", exit.code(), exit.meaning());
        assert!(guide.contains(&row), "{row}");
    }
}

/// Run as a process of its own by the test below, because it ends.
#[test]
#[ignore = "ends the process"]
#[expect(clippy::exit, reason = "it stands for the program's main function")]
fn a_process_that_panics() {
    let broken =
        std::iter::from_fn(|| -> Option<OsString> { panic!("no\u{1b}[31m such argument") });
    std::process::exit(bulla_cli::run(broken).code().into());
}

#[test]
fn f12_a_panic_ends_the_process_with_70_and_says_so() {
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "exit_codes::a_process_that_panics"])
        .args(["--ignored", "--nocapture"])
        .output()
        .unwrap();
    let talk = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(70), "{talk}");
    assert!(
        talk.contains("error: internal error: no\\u{1b}[31m such argument"),
        "{talk}"
    );
    assert!(talk.contains("please report it"), "{talk}");
}

/// The line of a public key that nobody here has.
const STRANGER: &str = "MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=";
