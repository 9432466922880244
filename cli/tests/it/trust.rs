//! `bulla trust`, against TUF repositories in folders.

mod copy;
mod repository;

use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use crate::sandbox::{Answer, Sandbox};
use repository::{Repository, contents};

/// A sandbox with a repository that nobody introduced yet.
fn world() -> (Sandbox, Repository) {
    let sandbox = Sandbox::new();
    let root = trusted_root("https://fulcio.example.test");
    let repository = Repository::new(&sandbox.path("mirror"), &root);
    (sandbox, repository)
}

/// The public-good root with the second authority somewhere else: recognisable, and readable.
fn trusted_root(uri: &str) -> Vec<u8> {
    let embedded = bulla_cli::trust::Known::PublicGood.trusted_root();
    let mut document: Value = serde_json::from_slice(embedded).unwrap();
    document["certificateAuthorities"][1]["uri"] = uri.into();
    serde_json::to_vec(&document).unwrap()
}

fn introduced() -> (Sandbox, Repository) {
    let (sandbox, repository) = world();
    init(&sandbox, &repository, "");
    (sandbox, repository)
}

fn init(sandbox: &Sandbox, repository: &Repository, more: &str) {
    let answer = try_init(sandbox, repository, more);
    assert_eq!(answer.code, 0, "{}", answer.talk);
}

fn try_init(sandbox: &Sandbox, repository: &Repository, more: &str) -> Answer {
    let root = repository.root(1);
    sandbox.run(&format!(
        "trust init --mirror {} --root {} {more}",
        repository.url(),
        root.display()
    ))
}

fn update(sandbox: &Sandbox, repository: &Repository) -> Answer {
    sandbox.run(&format!("trust update --instance {}", repository.url()))
}

/// Where the second authority of the instance is, and where the root was found.
fn shown(sandbox: &Sandbox, repository: &Repository) -> Result<(String, String), Answer> {
    let url = repository.url();
    let answer = sandbox.run(&format!("trust show --output json --instance {url}"));
    if answer.code != 0 {
        return Err(answer);
    }
    let root = &answer.json()["trustedRoots"][0];
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    Ok((
        text(&root["certificateAuthorities"][1]["uri"]),
        text(&root["source"]["path"]),
    ))
}

/// The one copy of a repository that is here.
fn copied(sandbox: &Sandbox) -> PathBuf {
    let folder = std::fs::read_dir(sandbox.path(".cache/bulla/tuf")).unwrap();
    let entries: Vec<_> = folder.map(|entry| entry.unwrap().path()).collect();
    assert_eq!(entries.len(), 1, "nothing is left beside it: {entries:?}");
    entries[0].join("metadata.json")
}

/// Changes one file of the copy.
fn change(sandbox: &Sandbox, file: &str, with: impl FnOnce(Vec<u8>) -> Vec<u8>) {
    let path = copied(sandbox);
    let mut copy: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    let before = copy["files"][file].as_str().unwrap();
    let after = STANDARD.encode(with(STANDARD.decode(before).unwrap()));
    assert_ne!(before, after);
    copy["files"][file] = after.into();
    std::fs::write(path, copy.to_string()).unwrap();
}

#[test]
fn an_introduced_instance_is_used_without_its_mirror() {
    let (sandbox, repository) = introduced();
    std::fs::remove_dir_all(sandbox.path("mirror")).unwrap();
    let (uri, from) = shown(&sandbox, &repository).ok().unwrap();
    assert_eq!(uri, "https://fulcio.example.test");
    assert!(from.ends_with("(refreshed by TUF)"), "{from}");
    let answer = update(&sandbox, &repository);
    assert_eq!(answer.code, 3, "{}", answer.talk);
}

#[test]
fn an_instance_nobody_introduced_is_not_used() {
    let (sandbox, repository) = world();
    for answer in [
        update(&sandbox, &repository),
        shown(&sandbox, &repository).err().unwrap(),
    ] {
        assert_eq!(answer.code, 2);
        assert!(answer.talk.contains("bulla trust init"), "{}", answer.talk);
    }
    assert_eq!(sandbox.run("trust show --instance nonsense").code, 2);
}

#[test]
fn what_is_new_is_fetched_through_new_roots() {
    let (sandbox, mut repository) = introduced();
    repository.rotate(true);
    repository.rotate(true);
    repository.version = 2;
    repository.trusted_root = trusted_root("https://new.example.test");
    repository.publish();
    let answer = update(&sandbox, &repository);
    assert_eq!(answer.code, 0, "{}", answer.talk);
    assert!(answer.data.contains("changed"), "{}", answer.data);
    let (uri, _) = shown(&sandbox, &repository).ok().unwrap();
    assert_eq!(uri, "https://new.example.test");
}

#[test]
fn f58_a_root_that_the_old_keys_did_not_sign_is_refused() {
    let (sandbox, mut repository) = introduced();
    repository.rotate(false);
    let answer = update(&sandbox, &repository);
    assert_eq!(answer.code, 12, "{}", answer.talk);
    assert!(answer.talk.contains("threshold"), "{}", answer.talk);
}

#[test]
fn f35_versions_never_go_back_whoever_signs_them() {
    let (sandbox, mut repository) = introduced();
    let old = contents(&sandbox.path("mirror"));
    repository.version = 2;
    repository.trusted_root = trusted_root("https://new.example.test");
    repository.publish();
    assert_eq!(update(&sandbox, &repository).code, 0);
    // The mirror serves its first version again, all signatures valid.
    std::fs::remove_dir_all(sandbox.path("mirror")).unwrap();
    for (path, bytes) in old {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }
    let answer = update(&sandbox, &repository);
    assert_eq!(answer.code, 12, "{}", answer.talk);
    assert!(answer.talk.contains("rollback"), "{}", answer.talk);
    let (uri, _) = shown(&sandbox, &repository).ok().unwrap();
    assert_eq!(uri, "https://new.example.test", "what was verified stays");
}

#[test]
fn f18_a_root_without_a_threshold_is_refused() {
    for threshold in [0, 3] {
        let (sandbox, mut repository) = world();
        repository.root_threshold = threshold;
        repository.publish_root();
        let answer = try_init(&sandbox, &repository, "");
        assert_eq!(answer.code, 2, "threshold {threshold}: {}", answer.talk);
        assert!(answer.talk.contains("no TUF root"), "{}", answer.talk);
    }
}

#[test]
fn f45_malformed_metadata_is_refused_without_a_crash() {
    let malformed: [&[u8]; 7] = [
        b"",
        b"null",
        b"{}",
        br#"{"signed":null,"signatures":null}"#,
        br#"{"signed":{"_type":"timestamp","version":-1},"signatures":[{}]}"#,
        br#"{"signed":{"_type":"timestamp","version":1e99,"meta":[]},"signatures":[]}"#,
        b"\xff\xfe",
    ];
    for bytes in malformed {
        let (sandbox, repository) = introduced();
        std::fs::write(sandbox.path("mirror/timestamp.json"), bytes).unwrap();
        let answer = update(&sandbox, &repository);
        assert_eq!(answer.code, 12, "{bytes:?}: {}", answer.talk);
        assert!(shown(&sandbox, &repository).is_ok());
    }
}

#[test]
fn f59_a_cache_that_was_written_to_is_not_believed() {
    let poisoned = trusted_root("https://evil.example.test");
    for file in [
        "targets/trusted_root.json",
        "timestamp.json",
        "targets.json",
    ] {
        let (sandbox, repository) = introduced();
        change(&sandbox, file, |bytes| {
            if file.starts_with("targets/") {
                return poisoned.clone();
            }
            let text = String::from_utf8(bytes).unwrap();
            let changed = text.replacen("\"version\":1", "\"version\":7", 1);
            changed.into_bytes()
        });
        let answer = shown(&sandbox, &repository).err().unwrap();
        assert_eq!(answer.code, 12, "{file}: {}", answer.talk);
        assert_eq!(update(&sandbox, &repository).code, 0, "{file}");
        assert!(shown(&sandbox, &repository).is_ok(), "{file}");
    }
}

#[test]
fn f59_a_cache_of_somebody_elses_repository_is_not_believed() {
    let (sandbox, repository) = introduced();
    let evil = Repository::new(
        &sandbox.path("evil"),
        &trusted_root("https://evil.example.test"),
    );
    for name in [
        "timestamp.json",
        "1.snapshot.json",
        "1.targets.json",
        "1.root.json",
    ] {
        let theirs = std::fs::read(sandbox.path("evil").join(name)).unwrap();
        change(&sandbox, name.trim_start_matches("1."), |_| theirs);
    }
    change(&sandbox, "targets/trusted_root.json", |_| {
        evil.trusted_root.clone()
    });
    let answer = shown(&sandbox, &repository).err().unwrap();
    assert_eq!(answer.code, 12, "{}", answer.talk);
}

#[test]
fn expired_metadata_is_an_error_where_something_new_was_asked_for() {
    let (sandbox, mut repository) = introduced();
    repository.version = 2;
    repository.expires = "2026-01-01T00:00:00Z".to_owned();
    repository.publish();
    let answer = update(&sandbox, &repository);
    assert_eq!(answer.code, 3, "{}", answer.talk);
    assert!(
        answer.talk.contains("expired at 2026-01-01"),
        "{}",
        answer.talk
    );
}

#[test]
fn a_copy_that_expired_is_used_offline_and_says_so() {
    let (sandbox, repository) = world();
    let soon = jiff::Timestamp::now() + jiff::SignedDuration::from_secs(3);
    let mut repository = repository;
    repository.expires = soon.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    repository.publish();
    if try_init(&sandbox, &repository, "").code != 0 {
        // A machine this slow has proven that expired metadata is refused.
        return;
    }
    std::thread::sleep(std::time::Duration::from_secs(4));
    let url = repository.url();
    let answer = sandbox.run(&format!("trust show --instance {url}"));
    assert_eq!(answer.code, 0, "{}", answer.talk);
    assert!(answer.talk.contains("expired at"), "{}", answer.talk);
}

#[test]
fn another_introduction_does_not_replace_the_first_by_itself() {
    let (sandbox, first) = introduced();
    let root = trusted_root("https://second.example.test");
    let second = Repository::new(&sandbox.path("mirror"), &root);
    let answer = try_init(&sandbox, &second, "");
    assert_eq!(answer.code, 2, "{}", answer.talk);
    assert!(answer.talk.contains("--replace"), "{}", answer.talk);
    let (uri, _) = shown(&sandbox, &first).ok().unwrap();
    assert_eq!(uri, "https://fulcio.example.test");
    init(&sandbox, &second, "--replace");
    let (uri, _) = shown(&sandbox, &second).ok().unwrap();
    assert_eq!(uri, "https://second.example.test");
}

#[test]
fn an_introduction_that_leads_nowhere_leaves_nothing_behind() {
    let (sandbox, repository) = world();
    std::fs::remove_file(sandbox.path("mirror/timestamp.json")).unwrap();
    assert_eq!(try_init(&sandbox, &repository, "").code, 3);
    assert!(!sandbox.path(".config").exists());
    assert_eq!(contents(&sandbox.path(".cache")).len(), 0);
    let known = "trust init --mirror https://tuf-repo-cdn.sigstore.dev --root mirror/1.root.json";
    assert_eq!(sandbox.run(known).code, 2, "its root is embedded");
}

#[test]
fn in_ci_the_checkout_does_not_choose_the_instance() {
    let sandbox = Sandbox::new();
    sandbox.write("bulla.yaml", "instance: staging\n");
    let answer = sandbox.run("trust show");
    assert!(
        answer.data.contains("staging (embedded)"),
        "{}",
        answer.data
    );
    let output = sandbox.command("trust show").env("CI", "true").output();
    assert_eq!(Answer::of(&output.unwrap()).code, 2);
}

#[test]
fn an_authority_without_an_end_can_be_trusted() {
    let sandbox = Sandbox::new();
    let mut params = rcgen::CertificateParams::new(Vec::new()).unwrap();
    // RFC 5280 section 4.1.2.5: 99991231235959Z means that there is none.
    let day = std::time::Duration::from_secs(24 * 60 * 60 - 1);
    params.not_after = rcgen::date_time_ymd(9999, 12, 31) + day;
    let key = rcgen::KeyPair::generate().unwrap();
    sandbox.write("ca.pem", &params.self_signed(&key).unwrap().pem());
    let authority = "url=https://ca.example.test,certificate-chain=ca.pem";
    sandbox.done(&format!(
        "trust create --fulcio {authority} --out root.json"
    ));
    let shown = sandbox.done("trust show --trusted-root root.json --output json");
    let authorities = &shown.json()["trustedRoots"][0]["certificateAuthorities"];
    assert_eq!(authorities.as_array().unwrap().len(), 1, "{}", shown.data);
}

#[test]
fn what_create_makes_can_be_shown_and_verified_with() {
    let sandbox = Sandbox::new().with_key();
    let chain = rcgen::generate_simple_self_signed(["ca.example.test".to_owned()]).unwrap();
    sandbox.write("ca.pem", &chain.cert.pem());
    let answer = sandbox.done(
        "trust create --fulcio url=https://ca.example.test,certificate-chain=ca.pem \
         --rekor url=https://log.example.test,public-key=bulla.pub,start-time=2026-01-01T00:00:00Z,end-time=2027-01-01T00:00:00Z,operator=us \
         --tsa url=https://tsa.example.test,certificate-chain=ca.pem \
         --oidc-provider url=https://id.example.test --tsa-config EXACT:1 \
         --out root.json --signing-config-out config.json",
    );
    assert!(answer.data.contains("config.json"), "{}", answer.data);
    let shown = sandbox
        .done("trust show --trusted-root root.json --signing-config config.json --output json")
        .json();
    let log = &shown["trustedRoots"][0]["logs"][0];
    assert_eq!(log["keyDetails"], "PKIX_ECDSA_P256_SHA_256");
    assert_eq!(log["validFor"]["end"], "2027-01-01T00:00:00Z");
    let services = shown["signingConfig"]["services"].as_array().unwrap();
    assert_eq!(services.len(), 4);
    assert_eq!(shown["signingConfig"]["timestamps"], "exactly 1");
    // What is there is kept when more is added.
    sandbox.done(
        "trust create --base-trusted-root root.json --out more.json \
         --ctfe url=https://ct.example.test,public-key=bulla.pub,start-time=2026-01-01T00:00:00Z",
    );
    let more = sandbox
        .done("trust show --trusted-root more.json --output json")
        .json();
    let root = &more["trustedRoots"][0];
    assert_eq!(root["logs"].as_array().unwrap().len(), 1);
    assert_eq!(root["certificateLogs"].as_array().unwrap().len(), 1);
}

#[test]
fn create_refuses_what_would_trust_the_wrong_thing() {
    let sandbox = Sandbox::new().with_key();
    let before = sandbox.names();
    for (arguments, reason) in [
        ("--out r.json", "trusts nobody"),
        (
            "--out r.json --fulcio url=https://ca.example.test,certificate-chain=bulla.pub",
            "is no certificate",
        ),
        (
            "--out r.json --rekor url=https://log.example.test,public-key=bulla.pub",
            "start-time",
        ),
        (
            "--out r.json --tsa url=https://tsa.example.test",
            "certificate-chain is missing",
        ),
        (
            "--signing-config-out c.json --tsa url=https://tsa.example.test --tsa-config EXACT:0",
            "above 0",
        ),
        (
            "--out r.json --base-trusted-root bulla.pub --tsa url=https://tsa.example.test,certificate-chain=x",
            "bulla.pub",
        ),
    ] {
        let answer = sandbox.run(&format!("trust create {arguments}"));
        assert_eq!(answer.code, 2, "{arguments}: {}", answer.talk);
        assert!(answer.talk.contains(reason), "{arguments}: {}", answer.talk);
    }
    assert_eq!(sandbox.names(), before, "nothing is written");
}

#[test]
fn an_instance_that_is_named_is_meant_whatever_a_setting_says() {
    let sandbox = Sandbox::new();
    for (line, code) in [("trust show", 2), ("trust show --instance public-good", 0)] {
        let mut command = sandbox.command(line);
        let output = command.env("BULLA_TRUSTED_ROOT", "missing.json").output();
        assert_eq!(output.unwrap().status.code(), Some(code), "{line}");
    }
}
