//! Evidence packs: whole journeys, and what happens to whoever changes a byte.

#![expect(clippy::print_stdout, reason = "a test that is skipped says so")]

use bulla_model::{Digest, ImageIndex, media_type};
use bulla_registry::{Layout, Store as _};
use serde_json::{Value, json};

use crate::company::{COMMIT, provenance};
use crate::sandbox::{Answer, Sandbox};

const NOW: &str = "2090-01-01T00:00:00Z";
const BLOBS: &str = "blobs/sha256/";

/// `alice` owns the policy and approves, `ci` builds and promotes.
pub(crate) fn company() -> Sandbox {
    Sandbox::new()
        .with_image()
        .with_keys(&["alice", "ci"])
        .initialised()
}

/// Built, listed, and in dev.
pub(crate) fn built(sandbox: &Sandbox, image: &str) {
    built_with(sandbox, image, "");
}

/// The same; `how` are more arguments for the attestations of the build.
fn built_with(sandbox: &Sandbox, image: &str, how: &str) {
    sandbox.attest_build(image, &provenance("pay", COMMIT), how);
    sandbox.done("sbom image:1.0 -o sbom.json");
    sandbox.done(&format!(
        "attest {image} --sbom sbom.json --key ci.key {how}"
    ));
    sandbox.done(&format!("promote {image} --to dev --key ci.key"));
}

/// The whole way into prod.
pub(crate) fn released() -> Sandbox {
    let sandbox = company();
    built(&sandbox, "image:1.0");
    let unasked = sandbox.run("approve image:1.0 --to prod --key alice.key");
    assert_eq!(unasked.code, 2, "nobody was asked: {}", unasked.talk);
    assert!(
        unasked.talk.contains("hint: say yes in advance"),
        "{}",
        unasked.talk
    );
    sandbox.done("approve image:1.0 --to prod --key alice.key --yes --state seen.json");
    assert!(
        sandbox.read("seen.json").contains("\"policies\""),
        "the policy is remembered"
    );
    sandbox.done("promote image:1.0 --to prod --key ci.key");
    sandbox
}

fn packed(sandbox: &Sandbox) -> Answer {
    sandbox.done("evidence pack image:1.0 --env prod -o pack.tar --output json")
}

#[test]
fn a_release_is_packed_and_replayed_from_the_pack_alone() {
    let sandbox = released();
    let pack = packed(&sandbox).json();
    assert_eq!(pack["verdict"]["decision"], "allow");
    for name in ["image", "policy", "anchor.yaml", "bulla.yaml"] {
        std::fs::rename(sandbox.path(name), sandbox.path(&format!("{name}.away"))).unwrap();
    }
    let replayed = sandbox.run("evidence verify pack.tar --output json");
    assert_eq!(replayed.code, 0, "{}", replayed.talk);
    let replayed = replayed.json();
    assert_eq!(replayed["verdict"], pack["verdict"]);
    assert_eq!(replayed["digest"], pack["digest"]);
    assert_eq!(replayed["differences"], json!([]));
    assert_eq!(replayed["verdict"]["persons"], json!(["alice"]));
}

#[test]
fn a_pack_by_itself_proves_only_that_it_agrees_with_itself() {
    let sandbox = released();
    let pack = packed(&sandbox).json();
    let alone = sandbox.run("evidence verify pack.tar --output json").json();
    assert_eq!(alone["proves"], "self-consistency");
    let told = sandbox.run("evidence verify pack.tar");
    assert!(
        told.data
            .contains("only self-consistent: policy came with the pack"),
        "{}",
        told.data
    );
    let digest = pack["policyDigest"].as_str().unwrap();
    assert!(
        told.data.contains(digest),
        "the policy's digest is shown whole"
    );
    let pinned = format!("evidence verify pack.tar --policy-digest {digest}");
    assert_eq!(
        sandbox.run(&format!("{pinned} --output json")).json()["proves"],
        "verdict"
    );
    assert!(!sandbox.run(&pinned).data.contains("self-consistent"));
    let own =
        sandbox.run("evidence verify pack.tar --policy policy --anchor anchor.yaml --output json");
    assert_eq!(own.code, 0, "{}", own.talk);
    assert_eq!(own.json()["proves"], "verdict");
    assert_eq!(
        own.json()["trust"][0],
        json!({"what": "policy", "digest": digest, "from": "caller"})
    );
    assert_eq!(own.json()["trust"][1]["from"], "caller");
}

#[test]
fn a_world_that_somebody_made_up_is_not_believed() {
    let real = released();
    let digest = packed(&real).json()["policyDigest"]
        .as_str()
        .unwrap()
        .to_owned();
    let mallory = released();
    packed(&mallory);
    std::fs::rename(real.path("policy"), mallory.path("real")).unwrap();
    let alone = mallory.run("evidence verify pack.tar");
    assert_eq!(alone.code, 0);
    assert!(
        alone.data.contains("anybody could have made it"),
        "{}",
        alone.data
    );
    let pinned = mallory.run(&format!(
        "evidence verify pack.tar --policy-digest {digest}"
    ));
    assert_eq!(pinned.code, 11, "{}", pinned.data);
    assert!(pinned.data.contains("another policy") && !pinned.data.contains("allowed"));
    let own = mallory.run("evidence verify pack.tar --policy real --output json");
    assert_eq!(own.code, 11, "{}", own.data);
    assert_eq!(own.json()["verdict"]["decision"], "deny");
    let otherwise = own.json()["recordedOtherwise"][0].clone();
    assert_eq!(otherwise["part"], "decision");
    assert_eq!(otherwise["recorded"], "allow");
}

#[test]
fn the_policy_digest_covers_who_may_approve() {
    let sandbox = released();
    let digest = packed(&sandbox).json()["policyDigest"]
        .as_str()
        .unwrap()
        .to_owned();
    let people = sandbox.read("policy/people.yaml");
    sandbox.write(
        "policy/people.yaml",
        &people.replace("emails: []", "emails: [a@b.example]"),
    );
    packed(&sandbox);
    let answer = sandbox.run(&format!(
        "evidence verify pack.tar --policy-digest {digest}"
    ));
    assert_eq!(answer.code, 11, "{}", answer.data);
}

#[test]
fn a_refusal_can_be_packed_and_is_replayed_as_one() {
    let sandbox = company();
    built(&sandbox, "image:1.0");
    let judged = sandbox.run("verify image:1.0 --env prod");
    assert!(judged.code != 0);
    let explained = sandbox.run("verify image:1.0 --env prod --explain").data;
    for text in [
        "#1  ",
        "FAIL: ",
        "because",
        "promotion-missing",
        "none into prod",
    ] {
        assert!(explained.contains(text), "{text}: {explained}");
    }
    assert_eq!(packed(&sandbox).json()["verdict"]["decision"], "deny");
    let replayed = sandbox.run("evidence verify pack.tar");
    assert_eq!(replayed.code, judged.code, "{}", replayed.data);
    assert!(replayed.data.contains("denied"), "{}", replayed.data);
}

#[test]
fn the_same_question_at_the_same_time_gives_the_same_bytes() {
    let sandbox = released();
    let pack = |to: &str| {
        sandbox.done(&format!(
            "evidence pack image:1.0 --env prod -o {to} --at {NOW}"
        ));
        std::fs::read(sandbox.path(to)).unwrap()
    };
    let first = pack("one.tar");
    std::fs::rename(sandbox.path("image"), sandbox.path("elsewhere")).unwrap();
    std::fs::create_dir(sandbox.path("deeper")).unwrap();
    std::fs::rename(sandbox.path("elsewhere"), sandbox.path("deeper/image")).unwrap();
    sandbox.done(&format!(
        "evidence pack oci:deeper/image:1.0 --env prod -o two.tar --at {NOW}"
    ));
    assert!(first == std::fs::read(sandbox.path("two.tar")).unwrap());
    let verified = sandbox.run("evidence verify one.tar --output json").json();
    assert_eq!(verified["now"], NOW);
    assert_eq!(verified["digest"], Digest::sha256(&first).to_string());
}

#[test]
fn other_tools_read_it_as_an_image() {
    let sandbox = released();
    packed(&sandbox);
    let verified = sandbox.run("verify oci-archive:pack.tar --env prod");
    assert_eq!(verified.code, 0, "{}{}", verified.data, verified.talk);
    sandbox.done("evidence pack image:1.0 --env prod -o full.tar --with-layers");
    assert_eq!(sandbox.run("evidence verify full.tar").code, 0);
    let archive = std::fs::File::open(sandbox.path("full.tar")).unwrap();
    tar::Archive::new(archive)
        .unpack(sandbox.path("full"))
        .unwrap();
    let listed = sandbox.done("sbom oci:full");
    assert!(listed.data.contains("bash"));
}

#[test]
fn skopeo_takes_the_image_out_of_a_pack_with_layers() {
    let sandbox = released();
    sandbox.done("evidence pack image:1.0 --env prod -o full.tar --with-layers");
    let outcome = std::process::Command::new("skopeo")
        .args([
            "copy",
            "--insecure-policy",
            "oci-archive:full.tar:image",
            "oci:out:1",
        ])
        .current_dir(sandbox.path("."))
        .output();
    let Ok(outcome) = outcome else {
        println!("SKIPPED skopeo_takes_the_image_out_of_a_pack_with_layers: no skopeo here");
        return;
    };
    assert!(outcome.status.success(), "{outcome:?}");
    assert!(sandbox.done("sbom out:1").data.contains("bash"));
}

#[test]
fn an_index_is_packed_with_what_it_lists() {
    let sandbox = company();
    let layout = Layout::open(&sandbox.path("image"), &bulla_model::Limits::default()).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let index = runtime.block_on(async {
        let images = layout.images().await.unwrap();
        let index = ImageIndex::new(vec![images[0].descriptor.clone()]);
        let bytes = serde_json::to_vec(&index).unwrap();
        let tag = "multi".parse().unwrap();
        layout
            .put_manifest(&bytes, media_type::IMAGE_INDEX, Some(&tag))
            .await
            .unwrap()
    });
    built(&sandbox, "image:multi");
    let pack = sandbox
        .done("evidence pack image:multi --env dev -o pack.tar --output json")
        .json();
    assert_eq!(pack["verdict"]["decision"], "allow");
    assert_eq!(pack["verdict"]["subject"], index.digest.to_string());
    assert_eq!(sandbox.run("evidence verify pack.tar").code, 0);
    let roles: Vec<_> = document(&entries(&sandbox)).1["files"]
        .as_array()
        .unwrap()
        .iter()
        .map(|file| file["role"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(roles[..3], ["subject", "platform", "config"]);
    // The platform alone is covered through the index, which then belongs to its evidence.
    let platform = sandbox
        .done(&format!(
            "evidence pack image:1.0 --index {} --env dev -o platform.tar --output json",
            index.digest
        ))
        .json();
    assert_eq!(platform["verdict"]["decision"], "allow");
    assert_eq!(sandbox.run("evidence verify platform.tar").code, 0);
}

#[test]
fn layers_of_cosigns_older_tags_are_packed_with_their_annotations() {
    let sandbox = company();
    built_with(&sandbox, "image:1.0", "--legacy");
    let pack = sandbox
        .done("evidence pack image:1.0 --env dev -o pack.tar --output json")
        .json();
    assert_eq!(pack["verdict"]["decision"], "allow");
    let kinds: Vec<_> = document(&entries(&sandbox)).1["files"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|file| file["role"] == "attestation")
        .map(|file| file["mediaType"].as_str().unwrap().to_owned())
        .collect();
    let older = kinds
        .iter()
        .filter(|kind| *kind == "application/vnd.dsse.envelope.v1+json");
    assert_eq!(older.count(), 2, "{kinds:?}");
    let replayed = sandbox.run("evidence verify pack.tar --output json");
    assert_eq!(replayed.code, 0, "{}{}", replayed.data, replayed.talk);
    let replayed = replayed.json();
    assert_eq!(replayed["verdict"], pack["verdict"]);
    assert_eq!(replayed["verdict"]["attestations"], kinds.len());
}

#[test]
fn documents_that_only_others_have_a_use_for_are_packed_too() {
    let sandbox = company();
    built(&sandbox, "image:1.0");
    let text = json!({"bomFormat": "CycloneDX", "components": []}).to_string();
    let digest = Digest::sha256(text.as_bytes());
    let reference = json!({
        "attester": {"id": "https://example.test/scanner"},
        "references": [{
            "mediaType": "application/vnd.cyclonedx+json",
            "digest": {"sha256": digest.hex()},
        }],
    });
    sandbox.write("reference.json", &reference.to_string());
    // The policy takes no bill of materials of hers.
    sandbox.done("attest image:1.0 --type reference --predicate reference.json --key alice.key");
    sandbox.blob(text.as_bytes(), "application/vnd.cyclonedx+json");
    let pack = sandbox
        .done("evidence pack image:1.0 --env dev -o pack.tar --output json")
        .json();
    assert_eq!(pack["verdict"]["decision"], "allow");
    let files = document(&entries(&sandbox)).1["files"].clone();
    let files = files.as_array().unwrap();
    let found = files.iter().find(|file| file["role"] == "document");
    assert_eq!(found.unwrap()["digest"], digest.to_string());
    assert_eq!(sandbox.run("evidence verify pack.tar").code, 0);
}

#[test]
fn nothing_of_it_needs_a_network() {
    let sandbox = released();
    packed(&sandbox);
    let outcome = std::process::Command::new("unshare")
        .args(["--net", "--map-root-user", env!("CARGO_BIN_EXE_bulla")])
        .args(["evidence", "verify", "pack.tar"])
        .current_dir(sandbox.path("."))
        .output();
    match outcome {
        Ok(output) if !String::from_utf8_lossy(&output.stderr).contains("unshare") => {
            assert_eq!(output.status.code(), Some(0), "{output:?}");
        }
        _ => println!("SKIPPED nothing_of_it_needs_a_network: no namespaces without a network"),
    }
}

#[test]
fn a_pack_made_by_the_first_version_is_still_read() {
    let sandbox = Sandbox::new();
    let pack = crate::layering::root().join("testdata/evidence/allowed.tar");
    std::fs::copy(pack, sandbox.path("pack.tar")).unwrap();
    let answer =
        sandbox.run("evidence verify pack.tar --policy-digest sha256:934264ddfd8cab770baf8fe86e3238c70bea3c889d89dbe918eb541614ce4037 --output json");
    assert_eq!(answer.code, 0, "{}{}", answer.data, answer.talk);
    let answer = answer.json();
    assert_eq!(answer["proves"], "verdict");
    assert_eq!(answer["verdict"]["steps"].as_array().unwrap().len(), 2);
}

#[test]
fn every_changed_byte_is_found() {
    let sandbox = released();
    packed(&sandbox);
    let whole = std::fs::read(sandbox.path("pack.tar")).unwrap();
    let mut places = Vec::new();
    let mut archive = tar::Archive::new(whole.as_slice());
    for entry in archive.entries().unwrap() {
        let entry = entry.unwrap();
        let header = usize::try_from(entry.raw_header_position()).unwrap();
        // The name, the time, and a byte of the header that no tool reads.
        places.extend([header, header + 140, header + 511]);
        let start = usize::try_from(entry.raw_file_position()).unwrap();
        let length = usize::try_from(entry.size()).unwrap();
        if length > 0 {
            places.extend([start, start + length / 2, start + length - 1]);
            if length % 512 != 0 {
                places.push(start + length);
            }
        }
    }
    places.push(whole.len() - 1);
    assert!(places.len() > 100, "{}", places.len());
    for place in places {
        let mut changed = whole.clone();
        changed[place] ^= 1;
        refused(&sandbox, &changed, &format!("byte {place}"));
    }
    for length in [
        0,
        1,
        511,
        512,
        whole.len() / 2,
        whole.len() - 512,
        whole.len() - 1,
    ] {
        refused(&sandbox, &whole[..length], &format!("cut to {length}"));
    }
    refused(&sandbox, &[&whole[..], b"x"].concat(), "one byte more");
    refused(&sandbox, &[&whole[..], &whole[..]].concat(), "twice");
}

#[test]
fn removed_added_and_doubled_files_are_found() {
    let sandbox = released();
    packed(&sandbox);
    let whole = entries(&sandbox);
    let untouched = std::fs::read(sandbox.path("pack.tar")).unwrap();
    assert!(
        archive(&whole) == untouched,
        "what follows changes one thing only"
    );
    for at in 0..whole.len() {
        let mut fewer = whole.clone();
        let (name, _) = fewer.remove(at);
        refused(&sandbox, &archive(&fewer), &format!("without {name}"));
        let mut doubled = whole.clone();
        doubled.insert(at, whole[at].clone());
        refused(&sandbox, &archive(&doubled), &format!("{name} twice"));
    }
    let extra = Digest::sha256(b"extra");
    for (name, bytes) in [
        (format!("{BLOBS}{}", extra.hex()), b"extra".to_vec()),
        ("README".to_owned(), b"extra".to_vec()),
        ("blobs/sha512/".to_owned(), Vec::new()),
        ("../escaped".to_owned(), b"extra".to_vec()),
        ("/tmp-escaped".to_owned(), b"extra".to_vec()),
    ] {
        let mut more = whole.clone();
        more.push((name.clone(), bytes));
        refused(&sandbox, &archive(&more), &name);
    }
    assert!(!sandbox.path("../escaped").exists());
    let mut turned = whole.clone();
    turned.reverse();
    refused(&sandbox, &archive(&turned), "another order");
}

#[test]
fn links_and_entries_larger_than_the_archive_are_refused() {
    let sandbox = released();
    packed(&sandbox);
    let mut linked = tar::Builder::new(Vec::new());
    let mut link = tar::Header::new_ustar();
    link.set_entry_type(tar::EntryType::Symlink);
    link.set_size(0);
    linked
        .append_link(&mut link, "index.json", "/etc/hostname")
        .unwrap();
    refused(&sandbox, &linked.into_inner().unwrap(), "a link");
    let mut huge = tar::Header::new_ustar();
    huge.set_path("index.json").unwrap();
    huge.set_size(8 << 30);
    huge.set_cksum();
    let mut bytes = huge.as_bytes().to_vec();
    bytes.extend([0; 4096]);
    sandbox.write("changed.tar", "");
    std::fs::write(sandbox.path("changed.tar"), &bytes).unwrap();
    let answer = sandbox.run("evidence verify changed.tar");
    assert!([3, 12].contains(&answer.code), "{}", answer.talk);
    // Larger than any pack without layers; the file system stores nothing of it.
    let file = std::fs::File::create(sandbox.path("changed.tar")).unwrap();
    file.set_len(1 << 30).unwrap();
    let answer = sandbox.run("evidence verify changed.tar");
    assert_eq!(answer.code, 3, "{}", answer.talk);
    assert!(answer.talk.contains("--with-layers"), "{}", answer.talk);
    let answer = sandbox.run("evidence verify absent.tar");
    assert_eq!(answer.code, 2, "{}", answer.talk);
}

#[test]
fn a_verdict_that_does_not_follow_is_found_though_every_digest_fits() {
    let sandbox = company();
    built(&sandbox, "image:1.0");
    packed(&sandbox);
    let whole = entries(&sandbox);
    let recorded = verdict(&whole);
    // The same length, so that sizes stay true.
    let forged = recorded.replacen(r#""decision": "deny""#, r#""decision":"allow""#, 1);
    assert_ne!(forged, recorded);
    let pack = forge(whole, recorded.as_bytes(), forged.as_bytes());
    std::fs::write(sandbox.path("forged.tar"), archive(&pack)).unwrap();
    let answer = sandbox.run("evidence verify forged.tar --output json");
    assert_eq!(answer.code, 12, "{}", answer.talk);
    let answer = answer.json();
    assert_eq!(answer["proves"], "nothing");
    assert_eq!(
        answer["differences"],
        json!([{"part": "decision", "recorded": "allow", "replayed": "deny"}])
    );
    let told = sandbox.run("evidence verify forged.tar");
    assert!(told.data.contains("does not follow") && !told.data.contains("allowed"));
}

#[test]
fn a_policy_swapped_in_place_is_found_though_every_digest_fits() {
    let sandbox = released();
    let digest = packed(&sandbox).json()["policyDigest"]
        .as_str()
        .unwrap()
        .to_owned();
    let whole = entries(&sandbox);
    let policy = sandbox.read("policy/release.yaml");
    let other = policy.replacen("threshold: 1", "threshold: 2", 1);
    let pack = forge(whole, policy.as_bytes(), other.as_bytes());
    std::fs::write(sandbox.path("forged.tar"), archive(&pack)).unwrap();
    assert_eq!(sandbox.run("evidence verify forged.tar").code, 12);
    let pinned = sandbox.run(&format!(
        "evidence verify forged.tar --policy-digest {digest}"
    ));
    assert_eq!(pinned.code, 12, "{}", pinned.data);
}

#[test]
fn an_attestation_taken_out_changes_the_verdict() {
    let sandbox = released();
    packed(&sandbox);
    let whole = entries(&sandbox);
    let (before, mut text) = document(&whole);
    let files = text["files"].as_array_mut().unwrap();
    files.retain(|file| file["role"] != "attestation");
    let mut bytes = serde_json::to_vec_pretty(&text).unwrap();
    bytes.push(b'\n');
    let mut pack = forge(whole, &before, &bytes);
    let kept = pack.len();
    // Whoever takes a bundle out of the document has to take its bytes out too.
    let is_bundle = |bytes: &[u8]| bytes.starts_with(br#"{"mediaType":"application/vnd.dev"#);
    let leftover = archive(&pack);
    pack.retain(|(_, bytes)| !is_bundle(bytes));
    assert!(pack.len() < kept);
    refused(&sandbox, &leftover, "bundles left over");
    std::fs::write(sandbox.path("forged.tar"), archive(&pack)).unwrap();
    let answer = sandbox.run("evidence verify forged.tar --output json");
    assert_eq!(answer.code, 12, "{}", answer.talk);
    let parts: Vec<_> = answer.json()["differences"]
        .as_array()
        .unwrap()
        .iter()
        .map(|difference| difference["part"].as_str().unwrap().to_owned())
        .collect();
    assert!(parts.contains(&"decision".to_owned()), "{parts:?}");
}

#[track_caller]
fn refused(sandbox: &Sandbox, pack: &[u8], what: &str) {
    std::fs::write(sandbox.path("changed.tar"), pack).unwrap();
    let answer = sandbox.run("evidence verify changed.tar");
    assert_eq!(answer.code, 12, "{what}: {}{}", answer.data, answer.talk);
    assert!(!answer.data.contains("allowed"), "{what}: {}", answer.data);
}

type Entries = Vec<(String, Vec<u8>)>;

fn entries(sandbox: &Sandbox) -> Entries {
    let bytes = std::fs::read(sandbox.path("pack.tar")).unwrap();
    let mut archive = tar::Archive::new(bytes.as_slice());
    let read = |entry: std::io::Result<tar::Entry<'_, &[u8]>>| {
        let mut entry = entry.unwrap();
        let name = String::from_utf8(entry.path_bytes().into_owned()).unwrap();
        let mut bytes = Vec::new();
        std::io::Read::read_to_end(&mut entry, &mut bytes).unwrap();
        (name, bytes)
    };
    archive.entries().unwrap().map(read).collect()
}

/// An archive in the form packs are written in.
fn archive(entries: &Entries) -> Vec<u8> {
    let mut archive = tar::Builder::new(Vec::new());
    for (name, bytes) in entries {
        let mut header = tar::Header::new_ustar();
        let folder = name.ends_with('/');
        header.set_entry_type(if folder {
            tar::EntryType::Directory
        } else {
            tar::EntryType::Regular
        });
        header.set_mode(if folder { 0o755 } else { 0o644 });
        header.set_size(bytes.len() as u64);
        header.set_mtime(0);
        header.set_uid(0);
        header.set_gid(0);
        // Written by hand, because the library refuses names that lead out.
        let field = &mut header.as_old_mut().name;
        field[..name.len()].copy_from_slice(name.as_bytes());
        header.set_cksum();
        archive.append(&header, bytes.as_slice()).unwrap();
    }
    archive.into_inner().unwrap()
}

/// The index document: its bytes, and parsed.
fn document(entries: &Entries) -> (Vec<u8>, Value) {
    let found = entries.iter().find_map(|(_, bytes)| {
        let text: Value = serde_json::from_slice(bytes).ok()?;
        (text["apiVersion"] == "bulla.dev/evidence-pack/v0.1").then(|| (bytes.clone(), text))
    });
    found.unwrap()
}

fn verdict(entries: &Entries) -> String {
    let (_, document) = document(entries);
    let files = document["files"].as_array().unwrap();
    let file = files.iter().find(|file| file["role"] == "verdict").unwrap();
    let name = file["digest"].as_str().unwrap().replace("sha256:", BLOBS);
    let (_, bytes) = entries.iter().find(|(own, _)| *own == name).unwrap();
    String::from_utf8(bytes.clone()).unwrap()
}

/// Changes a blob, and with it every digest and size up to `index.json`, as somebody would who
/// wants to pass unnoticed.
fn forge(mut entries: Entries, from: &[u8], to: &[u8]) -> Entries {
    for (_, bytes) in &mut entries {
        if bytes == from {
            *bytes = to.to_vec();
        }
    }
    let wrong = |(name, bytes): &(String, Vec<u8>)| {
        let hex = name.strip_prefix(BLOBS).filter(|hex| !hex.is_empty())?;
        let digest = Digest::sha256(bytes);
        (digest.hex() != hex).then(|| (hex.to_owned(), digest.hex().to_owned(), bytes.len()))
    };
    while let Some((old, new, size)) = entries.iter().find_map(wrong) {
        for (name, bytes) in &mut entries {
            *name = name.replace(&old, &new);
            let Ok(text) = std::str::from_utf8(bytes) else {
                continue;
            };
            let mut parts = text.split(&old);
            let mut changed = parts.next().unwrap().to_owned();
            for part in parts {
                changed.push_str(&new);
                changed.push_str(&with_size(part, size));
            }
            *bytes = changed.into_bytes();
        }
    }
    entries.sort();
    entries
}

/// The text after a digest, with another size if one follows at once.
fn with_size(text: &str, size: usize) -> String {
    let Some((before, after)) = text.split_once("\"size\":") else {
        return text.to_owned();
    };
    let between = |c: char| c.is_whitespace() || matches!(c, '"' | ',');
    if !before.chars().all(between) {
        return text.to_owned();
    }
    let digits = after
        .trim_start()
        .trim_start_matches(|c: char| c.is_ascii_digit());
    let space = if after.starts_with(' ') { " " } else { "" };
    format!("{before}\"size\":{space}{size}{digits}")
}

/// A released image whose SBOM stands beside its attestation, in the layout.
fn released_by_reference() -> (Sandbox, String) {
    let sandbox = company();
    built(&sandbox, "image:1.0");
    // The SBOM by value goes; a reference to the same document comes.
    let tree = sandbox.done("tree image:1.0 --output json").json();
    let attached = tree["nodes"][0]["attached"].as_array().unwrap();
    let by_value = attached
        .iter()
        .find(|one| one["what"] == "https://cyclonedx.org/bom")
        .unwrap();
    let manifest = by_value["manifest"].as_str().unwrap();
    let index: Value = serde_json::from_str(&sandbox.read("image/index.json")).unwrap();
    let kept = index["manifests"].as_array().unwrap().iter();
    let kept: Vec<_> = kept.filter(|one| one["digest"] != manifest).collect();
    let index = json!({"schemaVersion": 2, "manifests": kept});
    sandbox.write("image/index.json", &index.to_string());
    let document = sandbox.read("sbom.json");
    let (digest, _) = sandbox.blob(document.as_bytes(), "application/vnd.cyclonedx+json");
    let predicate = json!({
        "attester": {"id": "https://example.test/attester"},
        "references": [{
            "mediaType": "application/vnd.cyclonedx+json",
            "downloadLocation": "https://example.test/sbom.json",
            "digest": {"sha256": digest.trim_start_matches("sha256:")},
        }],
    });
    sandbox.write("reference.json", &predicate.to_string());
    sandbox.done("attest image:1.0 --type reference --predicate reference.json --key ci.key");
    sandbox.done("approve image:1.0 --to prod --key alice.key --yes");
    sandbox.done("promote image:1.0 --to prod --key ci.key");
    (sandbox, digest)
}

#[test]
fn documents_by_reference_are_in_the_pack_and_judged_again_from_it() {
    let (sandbox, digest) = released_by_reference();
    let pack = packed(&sandbox).json();
    assert_eq!(pack["verdict"]["decision"], "allow");
    let verdict = pack["verdict"].to_string();
    assert!(
        verdict.contains(&format!("by reference to {digest}")),
        "{verdict}"
    );
    for name in ["image", "policy", "anchor.yaml", "bulla.yaml"] {
        std::fs::rename(sandbox.path(name), sandbox.path(&format!("{name}.away"))).unwrap();
    }
    let replayed = sandbox.run("evidence verify pack.tar");
    assert_eq!(replayed.code, 0, "{}{}", replayed.data, replayed.talk);
}

#[test]
fn a_document_that_was_not_there_is_not_there_in_the_pack_either() {
    let (sandbox, digest) = released_by_reference();
    let hex = digest.trim_start_matches("sha256:");
    let blob = format!("image/{BLOBS}{hex}");
    for (present, decision) in [(None, "undetermined"), (Some("{}"), "deny")] {
        match present {
            None => std::fs::remove_file(sandbox.path(&blob)).unwrap(),
            Some(text) => sandbox.write(&blob, text),
        }
        let pack = packed(&sandbox).json();
        assert_eq!(pack["verdict"]["decision"], decision, "{pack}");
        std::fs::rename(sandbox.path("image"), sandbox.path("image.away")).unwrap();
        let replayed = sandbox.run("evidence verify pack.tar --output json");
        let exit = if decision == "deny" { 12 } else { 3 };
        assert_eq!(replayed.code, exit, "{}{}", replayed.data, replayed.talk);
        std::fs::rename(sandbox.path("image.away"), sandbox.path("image")).unwrap();
    }
}
