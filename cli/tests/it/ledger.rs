//! What was taken back, from the command line: the ledger in a layout of its own.

use std::path::Path;

use bulla_model::predicate::checkpoint;
use bulla_model::{Digest, Limits, Scope};
use bulla_registry::{Layout, Store as _, read_bundles};
use serde_json::{Value, json};

use crate::company::{COMMIT, provenance};
use crate::sandbox::Sandbox;

mod around;
mod contents;
mod forks;
mod freeze;
mod retired;
mod veto;

/// `alice` owns everything and approves, `ci` builds and promotes. Prod is as fresh as can be
/// demanded.
fn company() -> Sandbox {
    let sandbox = Sandbox::new()
        .with_image()
        .with_keys(&["alice", "ci"])
        .initialised();
    let key = json!(sandbox.read("alice.pub")).to_string();
    let policy = sandbox.read("policy/release.yaml");
    let (before, prod) = policy.split_once("  prod:").unwrap();
    let prod = prod.replacen("freshness: none", "freshness: {promote: 1h, admit: 24h}", 1);
    let policy = format!("{before}  prod:{prod}");
    let identities = format!("identities:\n  security:\n    - key: {key}\n");
    assert!(
        policy.contains("identities:\n") && policy.contains("admit"),
        "{policy}"
    );
    let policy = policy.replacen("identities:\n", &identities, 1);
    sandbox.write(
        "policy/release.yaml",
        &format!("{policy}\nrevocations: {{by: [security]}}\n"),
    );
    let anchor = sandbox.read("anchor.yaml");
    sandbox.write(
        "anchor.yaml",
        &format!("{anchor}\nledger: {{by: [{{key: {key}}}], location: \"oci:ledger\"}}\n"),
    );
    sandbox
}

/// The whole way into prod, with a checkpoint.
fn released() -> Sandbox {
    let sandbox = company();
    let written = sandbox
        .done("checkpoint --first --key alice.key --state keeper.json --output json")
        .json();
    assert_eq!(written["serial"], 1);
    release(&sandbox, "image:1.0");
    sandbox
}

/// The whole way of an image into prod, with the bill of materials of the one image there is.
fn release(sandbox: &Sandbox, image: &str) {
    sandbox.attest_build(image, &provenance("pay", COMMIT), "");
    for step in [
        "sbom image:1.0 -o sbom.json",
        "attest IMAGE --sbom sbom.json --key ci.key",
        "promote IMAGE --to dev --key ci.key",
        "approve IMAGE --to prod --key alice.key --yes",
        "promote IMAGE --to prod --key ci.key",
    ] {
        sandbox.done(&step.replace("IMAGE", image));
    }
}

fn verified(sandbox: &Sandbox, code: i32) -> Value {
    let answer = sandbox.run("verify --env prod image:1.0 --state seen.json --output json");
    assert_eq!(answer.code, code, "{}{}", answer.data, answer.talk);
    answer.json()["verdicts"][0]["verdict"].clone()
}

fn codes(verdict: &Value) -> Vec<String> {
    let findings = verdict["findings"].as_array().unwrap();
    let code = |finding: &Value| finding["code"].as_str().unwrap().to_owned();
    findings.iter().map(code).collect()
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        if from.is_dir() {
            copy(&from, &to);
        } else {
            std::fs::copy(&from, &to).unwrap();
        }
    }
}

/// Takes referrers with this text out of a layout, as a registry could.
fn hide(layout: &Path, subject: &Digest, text: &str) {
    let layout = Layout::open(layout, &Limits::default()).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    runtime.unwrap().block_on(async {
        let mut hidden = 0;
        for referrer in layout.referrers(subject).await.unwrap().referrers {
            let digest = referrer.descriptor.digest;
            let manifest = layout.manifest(&digest).await.unwrap();
            if String::from_utf8_lossy(manifest.bytes()).contains(text) {
                layout.delete_manifest(&digest).await.unwrap();
                hidden += 1;
            }
        }
        assert!(hidden > 0, "no {text}");
    });
}

#[test]
fn an_image_is_revoked_hidden_and_lifted() {
    let sandbox = released();
    let verdict = verified(&sandbox, 0);
    assert_eq!(verdict["checkpoint"]["serial"], 1);
    assert!(sandbox.read("seen.json").contains("ledger://"));
    // A verdict that rests on a checkpoint is packed with it.
    sandbox.done("evidence pack image:1.0 --env prod -o pack.tar");
    sandbox.done("evidence verify pack.tar");
    copy(&sandbox.path("ledger"), &sandbox.path("before"));

    let refused = sandbox.run("revoke image:1.0 --reason x --key ci.key --yes");
    assert_eq!(refused.code, 2, "{}", refused.talk);
    assert!(refused.talk.contains("does not let"), "{}", refused.talk);
    let unasked = sandbox.run("revoke image:1.0 --reason x --key alice.key --state keeper.json");
    assert_eq!(unasked.code, 2, "{}", unasked.talk);
    let revoked = sandbox.done(
        "revoke image:1.0 --reason leaks --key alice.key --state keeper.json --yes --output json",
    );
    let revoked = revoked.json();
    assert_eq!(revoked["checkpoint"], 2);
    let verdict = verified(&sandbox, 14);
    assert!(codes(&verdict).contains(&"revoked".to_owned()), "{verdict}");
    let why = sandbox.run("why --env prod image:1.0");
    assert_eq!(why.code, 14);
    assert!(
        why.data.contains("the artifact was revoked: leaks"),
        "{}",
        why.data
    );
    let promoted = sandbox.run("promote image:1.0 --to prod --key ci.key");
    assert_eq!(promoted.code, 14, "{}", promoted.data);

    // A registry that hides it is caught by the checkpoint.
    let scope: Scope = revoked["scope"].as_str().unwrap().parse().unwrap();
    let image = sandbox.done("tree image:1.0 --output json").json();
    let image: Digest = image["nodes"][0]["digest"]
        .as_str()
        .unwrap()
        .parse()
        .unwrap();
    copy(&sandbox.path("ledger"), &sandbox.path("whole"));
    hide(&sandbox.path("image"), &image, "revocation/v1");
    verified(&sandbox, 14);
    hide(
        &sandbox.path("ledger"),
        &scope.descriptor().digest,
        "revocation/v1",
    );
    let verdict = verified(&sandbox, 3);
    assert_eq!(verdict["decision"], "undetermined");
    assert!(codes(&verdict).contains(&"revocation-unknown".to_owned()));

    // One that hides both is caught by whoever saw the checkpoint.
    let swap = |name: &str| {
        std::fs::remove_dir_all(sandbox.path("ledger")).unwrap();
        copy(&sandbox.path(name), &sandbox.path("ledger"));
    };
    swap("before");
    let verdict = verified(&sandbox, 14);
    assert!(codes(&verdict).contains(&"checkpoint-rollback".to_owned()));
    let forked = sandbox.run("checkpoint --key alice.key --state seen.json");
    assert_eq!(forked.code, 12, "{}", forked.talk);

    swap("whole");
    let payload = revoked["payload"].as_str().unwrap();
    sandbox.done(&format!(
        "revoke --lift {payload} --reason mistaken --key alice.key --state keeper.json --yes"
    ));
    let verdict = verified(&sandbox, 0);
    assert_eq!(verdict["checkpoint"]["serial"], 3);
}

#[test]
fn checkpoints_are_renewed_and_pruned() {
    let sandbox = released();
    let run = |more: &str| {
        sandbox
            .done(&format!(
                "checkpoint --key alice.key --state keeper.json --output json {more}"
            ))
            .json()
    };
    let fresh = run("--renew 1h");
    assert_eq!(
        (&fresh["serial"], &fresh["payload"]),
        (&json!(1), &Value::Null)
    );
    let latest = run("--renew 1h --latest image:1.0");
    assert_eq!(
        (&latest["serial"], &latest["slots"]),
        (&json!(2), &json!(2))
    );
    verified(&sandbox, 0);
    let pruned = run("--keep 0");
    assert_eq!(
        (&pruned["serial"], &pruned["slots"]),
        (&json!(3), &json!(2))
    );
    assert_eq!(pruned["removed"], 1);
    verified(&sandbox, 0);
    let refused = sandbox.run("checkpoint --key ci.key --state keeper.json");
    assert_eq!(refused.code, 2);
    assert!(refused.talk.contains("ledger's owner"), "{}", refused.talk);
    let elsewhere = sandbox.run("checkpoint ledger://acme/other --key alice.key");
    assert_eq!(elsewhere.code, 2, "{}", elsewhere.talk);
}

#[test]
fn everything_that_can_be_taken_back_has_its_flag() {
    let sandbox = released();
    let digest = Digest::sha256(b"x");
    for what in [
        format!("--attestation {digest}"),
        "--signer ci.pub --from 2090-01-01T00:00:00Z".to_owned(),
        format!("--signer {digest}"),
        "--signer a@x.example --signer-issuer https://issuer.example".to_owned(),
        "--builder https://example.test/other --builder-version runner=1".to_owned(),
        "--component pkg:deb/debian/bash@5.2-1".to_owned(),
        "--edge ..dev --service other".to_owned(),
        "--edge dev..prod image:1.0".to_owned(),
    ] {
        sandbox.done(&format!(
            "revoke {what} --reason x --key alice.key --state keeper.json --yes"
        ));
    }
    // The build key's word about time is nothing, and the step into prod was taken before its veto.
    let verdict = verified(&sandbox, 14);
    assert!(codes(&verdict).contains(&"revoked".to_owned()));
    for (what, message) in [
        ("", "nothing was named"),
        (
            "--until 2090-01-01T00:00:00Z image:1.0",
            "are about --signer or --builder",
        ),
        ("--edge prod", "expected FROM..TO"),
        ("--edge dev..moon", "no environment `moon`"),
        ("--builder x --builder-version y", "expected NAME=VERSION"),
        (
            "--component pkg:deb/debian/bash?arch=amd64",
            "without qualifiers",
        ),
        (
            "--scope ledger://acme/other image:1.0",
            "no environment of ledger://acme/other",
        ),
    ] {
        let answer = sandbox.run(&format!("revoke {what} --reason x --key alice.key --yes"));
        assert_eq!(answer.code, 2, "{what}: {}", answer.talk);
        assert!(answer.talk.contains(message), "{what}: {}", answer.talk);
    }
}

/// What the newest checkpoint of a ledger says.
fn newest(layout: &Path, scope: &Scope) -> Value {
    let layout = Layout::open(layout, &Limits::default()).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    let set = runtime
        .unwrap()
        .block_on(read_bundles(&layout, &scope.descriptor().digest));
    let payloads = set.unwrap().bundles.into_iter().map(|one| {
        let bundle = bulla_model::Bundle::parse(one.bytes, &Limits::default()).unwrap();
        let payload = bundle.envelope().unwrap().payload().to_vec();
        serde_json::from_slice::<Value>(&payload).unwrap()
    });
    let is = |said: &Value| said["predicateType"] == checkpoint::TYPE;
    let checkpoints = payloads.filter(is).map(|said| said["predicate"].clone());
    checkpoints
        .max_by_key(|said| said["serial"].as_u64())
        .unwrap()
}

fn the_scope() -> Scope {
    "ledger://acme/pay".parse().unwrap()
}

#[test]
fn a_revocation_is_listed_by_the_checkpoint_that_is_written_with_it() {
    let sandbox = released();
    let revoked = sandbox
        .done("revoke image:1.0 --reason x --key alice.key --state keeper.json --yes --output json")
        .json();
    let said = newest(&sandbox.path("ledger"), &the_scope());
    assert_eq!(said["serial"], 2);
    assert_eq!(said["revocations"], json!([revoked["payload"]]));
}

#[test]
fn whoever_writes_checkpoints_says_what_came_before() {
    let sandbox = released();
    let first = newest(&sandbox.path("ledger"), &the_scope());
    assert_eq!(first["serial"], 1);
    let seen: Value = serde_json::from_str(&sandbox.read("keeper.json")).unwrap();
    let digest = seen["checkpoints"]["ledger://acme/pay"]["digest"].clone();
    let digest = digest.as_str().unwrap();
    for (what, code, message) in [
        ("checkpoint", 2, "nothing says what the last checkpoint"),
        // A file that remembers nothing is no memory.
        (
            "checkpoint --state new.json",
            2,
            "nothing says what the last checkpoint",
        ),
        // Nor does looking at an image make one.
        (
            "checkpoint --state new.json --latest image:1.0",
            2,
            "nothing says what the last checkpoint",
        ),
        (
            "revoke image:1.0 --reason x --yes",
            2,
            "nothing says what the last checkpoint",
        ),
        ("checkpoint --first", 2, "has checkpoint 1 already"),
        ("checkpoint --after 1", 2, "SERIAL@sha256:HEX"),
        (
            &format!("checkpoint --after 2@{digest}"),
            12,
            "was seen before",
        ),
        (
            &format!("checkpoint --after 1@{}", Digest::sha256(b"x")),
            12,
            "was seen before",
        ),
    ] {
        let answer = sandbox.run(&format!("{what} --key alice.key"));
        assert_eq!(answer.code, code, "{what}: {}", answer.talk);
        assert!(answer.talk.contains(message), "{what}: {}", answer.talk);
    }
    // Nothing of this was written.
    assert_eq!(newest(&sandbox.path("ledger"), &the_scope()), first);
    verified(&sandbox, 0);
    sandbox.done(&format!("checkpoint --after 1@{digest} --key alice.key"));
    let said = newest(&sandbox.path("ledger"), &the_scope());
    assert_eq!(
        (&said["serial"], &said["previous"]),
        (&json!(2), &json!(digest))
    );
    // In an emergency the revocation alone goes ahead, and the next checkpoint lists it.
    let alone = "revoke image:1.0 --reason x --key alice.key --yes --no-checkpoint";
    let alone = sandbox.run(alone);
    assert_eq!(alone.code, 0, "{}", alone.talk);
    assert!(
        alone.talk.contains("no checkpoint lists it"),
        "{}",
        alone.talk
    );
    verified(&sandbox, 14);
    sandbox.done("checkpoint --key alice.key --state keeper.json");
    let said = newest(&sandbox.path("ledger"), &the_scope());
    assert_eq!(said["revocations"].as_array().unwrap().len(), 1);
}

#[test]
fn what_follows_two_checkpoints_of_one_serial_lists_what_either_did() {
    let sandbox = released();
    copy(&sandbox.path("ledger"), &sandbox.path("twin"));
    sandbox.write("twin.json", &sandbox.read("keeper.json"));
    let one = format!("--attestation {}", Digest::sha256(b"one"));
    let other = format!("--attestation {}", Digest::sha256(b"other"));
    sandbox.done(&format!(
        "revoke {one} --reason x --key alice.key --state keeper.json --yes"
    ));
    sandbox.done(&format!(
        "revoke {other} --reason x --key alice.key --state twin.json --ledger oci:twin --yes"
    ));
    // Somebody brings both together, but not the second one's revocation.
    let open = |name: &str| Layout::open(&sandbox.path(name), &Limits::default()).unwrap();
    let (ledger, twin) = (open("ledger"), open("twin"));
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    runtime.unwrap().block_on(async {
        let set = read_bundles(&twin, &the_scope().descriptor().digest).await;
        for bundle in set.unwrap().bundles {
            let said =
                bulla_model::Bundle::parse(bundle.bytes.clone(), &Limits::default()).unwrap();
            let payload = said.envelope().unwrap().payload().to_vec();
            if String::from_utf8(payload)
                .unwrap()
                .contains("checkpoint/v1")
            {
                ledger.put_blob(bundle.bytes).await.unwrap();
                let (bytes, kind) = (bundle.manifest.bytes(), bundle.manifest.media_type());
                ledger.put_manifest(bytes, kind, None).await.unwrap();
            }
        }
    });
    let verdict = verified(&sandbox, 1);
    assert!(codes(&verdict).contains(&"checkpoint-equivocation".to_owned()));
    sandbox.done("checkpoint --key alice.key --state keeper.json");
    let said = newest(&sandbox.path("ledger"), &the_scope());
    assert_eq!(said["serial"], 3);
    assert_eq!(said["revocations"].as_array().unwrap().len(), 2, "{said}");
    let seen: Value = serde_json::from_str(&sandbox.read("keeper.json")).unwrap();
    assert_eq!(seen["checkpoints"]["ledger://acme/pay"]["version"], 3);
}

/// Takes the bytes of the ledger's statements with this text away, as a store that lost them.
fn lose(sandbox: &Sandbox, text: &str) -> usize {
    lose_from(sandbox, "ledger", text)
}

fn lose_from(sandbox: &Sandbox, layout: &str, text: &str) -> usize {
    let blobs = sandbox.path(&format!("{layout}/blobs/sha256"));
    let mut lost = 0;
    for entry in std::fs::read_dir(blobs).unwrap() {
        let path = entry.unwrap().path();
        let bytes = std::fs::read_to_string(&path).unwrap_or_default();
        let is_bundle = bytes.contains("dsseEnvelope");
        let payload = is_bundle.then(|| {
            let bundle =
                bulla_model::Bundle::parse(bytes.clone().into_bytes(), &Limits::default()).unwrap();
            String::from_utf8(bundle.envelope().unwrap().payload().to_vec()).unwrap()
        });
        if payload.is_some_and(|payload| payload.contains(text)) {
            std::fs::remove_file(path).unwrap();
            lost += 1;
        }
    }
    lost
}

#[test]
fn a_ledger_that_cannot_be_read_whole_is_no_answer_and_nothing_follows_it() {
    let sandbox = released();
    let other = Digest::sha256(b"another image's statement");
    sandbox.done(&format!(
        "revoke --attestation {other} --reason x --key alice.key --no-checkpoint --yes"
    ));
    verified(&sandbox, 0);
    assert_eq!(lose(&sandbox, "revocation/v1"), 1);
    // The checkpoint lists nothing, so that only the reading of the ledger tells.
    let verdict = verified(&sandbox, 3);
    assert!(codes(&verdict).contains(&"evidence-incomplete".to_owned()));
    let refused = sandbox.run("checkpoint --key alice.key --state keeper.json");
    assert_eq!(refused.code, 3, "{}", refused.talk);
    assert!(refused.talk.contains("not whole"), "{}", refused.talk);
    assert_eq!(newest(&sandbox.path("ledger"), &the_scope())["serial"], 1);
    // What is revoked all the same is in force, and the missing checkpoint is told.
    let revoked = "revoke image:1.0 --reason x --key alice.key --state keeper.json --yes";
    let revoked = sandbox.run(revoked);
    assert_eq!(revoked.code, 3, "{}{}", revoked.data, revoked.talk);
    assert!(revoked.data.contains("revoked"), "{}", revoked.data);
    verified(&sandbox, 14);
}

#[test]
fn a_pack_says_what_of_the_ledger_was_missing() {
    let sandbox = released();
    let other = Digest::sha256(b"another image's statement");
    sandbox.done(&format!(
        "revoke --attestation {other} --reason x --key alice.key --no-checkpoint --yes"
    ));
    lose(&sandbox, "revocation/v1");
    let packed = sandbox.run("evidence pack image:1.0 --env prod -o pack.tar");
    assert_eq!(packed.code, 0, "{}", packed.talk);
    assert!(
        packed.data.contains("could not find out"),
        "{}",
        packed.data
    );
    let replayed = sandbox.run("evidence verify pack.tar --output json");
    assert_eq!(replayed.code, 3, "{}{}", replayed.data, replayed.talk);
    let replayed = replayed.json();
    assert_eq!(replayed["differences"], json!([]), "{replayed}");
    assert_eq!(replayed["verdict"]["decision"], "undetermined");
}

#[test]
fn a_flood_hides_no_revocation() {
    let sandbox = released();
    let scope = the_scope().descriptor();
    let layout = Layout::open(&sandbox.path("ledger"), &Limits::default()).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let flood = async |artifact_type: &str| {
        for number in 0..Limits::default().referrers_per_digest {
            let manifest = json!({
                "schemaVersion": 2,
                "mediaType": "application/vnd.oci.image.manifest.v1+json",
                "artifactType": artifact_type,
                "config": {"mediaType": "application/vnd.oci.empty.v1+json", "size": 2,
                    "digest": Digest::sha256(b"{}").to_string()},
                "layers": [],
                "subject": scope,
                "annotations": {"number": number.to_string()},
            });
            let bytes = manifest.to_string().into_bytes();
            let kind = bulla_model::media_type::IMAGE_MANIFEST;
            layout.put_manifest(&bytes, kind, None).await.unwrap();
        }
    };
    // What can be no statement takes no place.
    runtime.block_on(flood("application/vnd.example.junk"));
    verified(&sandbox, 0);
    runtime.block_on(flood("application/vnd.dev.sigstore.bundle.v0.3+json"));
    let verdict = verified(&sandbox, 3);
    assert!(codes(&verdict).contains(&"evidence-incomplete".to_owned()));
    let refused = sandbox.run("checkpoint --key alice.key --state keeper.json");
    assert_eq!(refused.code, 3, "{}", refused.talk);
}

#[test]
fn a_veto_of_an_image_names_what_it_holds() {
    let sandbox = released();
    let what =
        "revoke --edge dev..prod image:1.0 --reason x --key alice.key --state keeper.json --yes";
    let said = sandbox.run(&format!("{what} --output json"));
    assert_eq!(said.code, 0, "{}", said.talk);
    // Nothing proves that the step into prod was taken before.
    let verdict = verified(&sandbox, 14);
    assert!(codes(&verdict).contains(&"revoked".to_owned()));
    let payload = said.json()["payload"].as_str().unwrap().to_owned();
    sandbox.done(&format!(
        "revoke --lift {payload} --reason x --key alice.key --state keeper.json --yes"
    ));
    verified(&sandbox, 0);
}

#[test]
fn without_a_place_no_ledger_was_asked() {
    let sandbox = released();
    let anchor = sandbox.read("anchor.yaml");
    let nowhere = anchor.replace(", location: \"oci:ledger\"", "");
    assert_ne!(anchor, nowhere);
    sandbox.write("anchor.yaml", &nowhere);
    sandbox.write("file.txt", "x");
    let asked = "verify --env prod file.txt --output json";
    let answer = sandbox.run(asked);
    let verdict = answer.json()["verdicts"][0]["verdict"].clone();
    let messages = verdict["findings"].to_string();
    assert!(
        messages.contains("nobody said where it is"),
        "{messages}{}",
        answer.talk
    );
    let named = sandbox.run(&format!("{asked} --ledger oci:ledger"));
    assert!(
        !named.data.contains("nobody said where it is"),
        "{}",
        named.data
    );
}
