//! `bulla init`: what it writes works, believes nothing, and overwrites nothing.

use bulla_attest::PrivateKey;
use bulla_model::Digest;
use serde_json::json;

use crate::sandbox::{Answer, Sandbox};

const SOURCE: &str = "--source https://github.com/acme/pay";

/// A key made from its name, so that every run sees the same.
fn key(sandbox: &Sandbox, name: &str) {
    let seed = Digest::sha256(name.as_bytes());
    let der = format!("302e020100300506032b657004220420{}", seed.hex());
    let key = PrivateKey::from_pkcs8(&hex::decode(der).unwrap()).unwrap();
    sandbox.write(&format!("{name}.key"), &key.to_pem());
    sandbox.write(&format!("{name}.pub"), &key.public_key().to_pem());
}

fn with_keys() -> Sandbox {
    let sandbox = Sandbox::new();
    key(&sandbox, "alice");
    key(&sandbox, "ci");
    sandbox
}

/// Every file below a folder, as one text.
fn all(sandbox: &Sandbox, folder: &str) -> String {
    let mut waiting = vec![sandbox.path(folder)];
    let mut files = Vec::new();
    while let Some(path) = waiting.pop() {
        for entry in std::fs::read_dir(path).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                waiting.push(path);
            } else {
                files.push(path);
            }
        }
    }
    files.sort();
    let root = sandbox.path(folder);
    let text = |path: std::path::PathBuf| {
        let name = path.strip_prefix(&root).unwrap().display().to_string();
        let text = std::fs::read_to_string(&path).unwrap();
        format!("=== {}\n{text}", name.replace('\\', "/"))
    };
    files.into_iter().map(text).collect()
}

#[test]
fn a_policy_is_begun_without_anything_else() {
    let sandbox = with_keys();
    let keys = "--owner-key alice.pub --ci-key ci.pub";
    let told = sandbox.done(&format!("policy init alone {SOURCE} {keys}"));
    assert!(
        told.data.contains("policy check --policy alone/policy"),
        "{}",
        told.data
    );
    sandbox.done(&format!("init new {SOURCE} {keys}"));
    assert_eq!(all(&sandbox, "alone/policy"), all(&sandbox, "new/policy"));
    assert!(!all(&sandbox, "alone").contains("=== anchor.yaml"));
    sandbox.done("policy check --policy alone/policy");
    let again = sandbox.run(&format!("policy init alone {SOURCE} {keys}"));
    assert_eq!(again.code, 2, "{}", again.talk);
}

#[test]
fn the_files_for_github_read_well() {
    let sandbox = with_keys();
    sandbox.done(&format!(
        "init new {SOURCE} --owner-key alice.pub --ci-key ci.pub"
    ));
    insta::assert_snapshot!(all(&sandbox, "new"));
}

#[test]
fn the_pipeline_for_gitlab_reads_well() {
    let sandbox = with_keys();
    sandbox.done(&format!(
        "init new {SOURCE} --owner-key alice.pub --ci gitlab"
    ));
    let pipeline = sandbox.read("new/.gitlab/bulla.yml");
    let parsed: serde_json::Value = serde_saphyr::from_str(&pipeline).unwrap();
    assert_eq!(parsed["prod"]["environment"]["name"], "prod");
    insta::assert_snapshot!(pipeline);
}

#[test]
fn the_report_says_what_was_written_and_what_comes_next() {
    let sandbox = with_keys();
    let answer = sandbox.done(&format!("init {SOURCE} --owner-key alice.pub"));
    insta::assert_snapshot!(answer.data);
}

#[test]
fn what_is_written_is_a_policy_in_every_shape() {
    for (number, arguments) in [
        "--owner-key alice.pub",
        "--owner-key alice.pub --owner-key ci.pub",
        "--owner-key alice.pub --ci-key ci.pub --env one",
        "--owner-key alice.pub --env a,b,c,d,e --service on --org true",
        "--owner-key alice.pub --env on,off,no,1",
    ]
    .into_iter()
    .enumerate()
    {
        let sandbox = with_keys();
        let folder = format!("new{number}");
        sandbox.done(&format!("init {folder} {SOURCE} {arguments}"));
        let checked = sandbox.done(&format!(
            "policy check --policy {folder}/policy --anchor {folder}/anchor.yaml --output json"
        ));
        assert_eq!(checked.json()["warnings"], json!([]), "{arguments}");
        let pipeline = sandbox.read(&format!("{folder}/.github/workflows/bulla.yml"));
        let pipeline: serde_json::Value = serde_saphyr::from_str(&pipeline).unwrap();
        let choices = &pipeline["on"]["workflow_dispatch"]["inputs"]["to"]["options"];
        assert!(!choices.as_array().unwrap().is_empty(), "{choices}");
        let settings = sandbox
            .command("policy check")
            .current_dir(sandbox.path(&folder))
            .output()
            .unwrap();
        assert!(
            settings.status.success(),
            "bulla.yaml points at them: {arguments}"
        );
    }
}

#[test]
fn nothing_is_overwritten_and_nothing_is_left_half_done() {
    let sandbox = with_keys();
    sandbox.write("new/policy/people.yaml", "mine");
    let arguments = format!("init new {SOURCE} --owner-key alice.pub");
    let answer = sandbox.run(&arguments);
    assert_eq!(answer.code, 2);
    assert!(
        answer.talk.contains("new/policy/people.yaml"),
        "{}",
        answer.talk
    );
    assert_eq!(all(&sandbox, "new"), "=== policy/people.yaml\nmine");
    std::fs::remove_file(sandbox.path("new/policy/people.yaml")).unwrap();
    sandbox.done(&arguments);
    let before = all(&sandbox, "new");
    let again = sandbox.run(&arguments);
    assert_eq!(again.code, 2);
    assert_eq!(again.talk.matches("new/").count(), 6, "{}", again.talk);
    assert_eq!(all(&sandbox, "new"), before);
}

#[test]
fn a_newcomer_without_a_key_is_told_how_to_make_one() {
    let sandbox = Sandbox::new();
    let answer = sandbox.run(&format!("init {SOURCE}"));
    assert_eq!(answer.code, 2);
    assert!(
        answer
            .talk
            .contains("hint: make a key pair first: bulla key generate")
    );
    assert_eq!(sandbox.names(), [""; 0]);
    let sandbox = sandbox.with_key();
    sandbox.done(&format!("init {SOURCE}"));
    assert!(sandbox.read("policy/people.yaml").contains("  owner:\n"));
    let secret = sandbox.run(&format!("init other {SOURCE} --owner-key bulla.key"));
    assert_eq!(secret.code, 2);
    assert!(secret.talk.contains("bulla key public"), "{}", secret.talk);
}

#[test]
fn somebody_alone_with_one_key_can_walk_the_whole_way() {
    let sandbox = Sandbox::new().with_image().with_key();
    sandbox.done(&format!("init {SOURCE} --env dev,prod"));
    let provenance = json!({
        "buildDefinition": {
            "buildType": "https://example.test/build/v1",
            "externalParameters": {},
            "resolvedDependencies": [{
                "uri": "git+https://github.com/acme/pay@refs/heads/main",
                "digest": {"gitCommit": "9c1e44d09c1e44d09c1e44d09c1e44d09c1e44d0"},
            }],
        },
        "runDetails": {"builder": {"id": "https://example.test/builder"}},
    });
    sandbox.write("provenance.json", &provenance.to_string());
    sandbox.done(
        "attest image:1.0 --predicate provenance.json --type slsaprovenance1 --key bulla.key",
    );
    sandbox.done("sbom image:1.0 --out sbom.json");
    sandbox.done("attest image:1.0 --sbom sbom.json --key bulla.key");
    sandbox.done("promote image:1.0 --to dev --key bulla.key");
    let early = sandbox
        .command("promote image:1.0 --to prod --key bulla.key")
        .env("BULLA_PASSWORD", crate::sandbox::PASSWORD)
        .output()
        .unwrap();
    assert_eq!(early.status.code(), Some(4), "an approval is missing");
    sandbox.done("approve image:1.0 --to prod --key bulla.key --yes");
    sandbox.done("promote image:1.0 --to prod --key bulla.key");
    sandbox.done("verify image:1.0 --env prod");
}

#[test]
fn the_source_is_read_from_git_and_marked_as_unconfirmed() {
    let sandbox = with_keys();
    sandbox.write(
        "repo/.git/config",
        "[core]\n\tbare = false\n[remote \"origin\"]\n\turl = git@github.com:acme/pay.git\n\tfetch = x\n",
    );
    let answer = sandbox
        .done("init repo --owner-key alice.pub --output json")
        .json();
    assert_eq!(
        answer["unconfirmed"][0]["value"],
        "git@github.com:acme/pay.git"
    );
    let service = sandbox.read("repo/policy/services/pay.yaml");
    assert!(
        service.contains(
            "# unconfirmed: read from the remote `origin` of git\nsources: [\"https://github.com/acme/pay\"]"
        ),
        "{service}"
    );
    let answer = sandbox.run("init empty --owner-key alice.pub");
    assert_eq!(answer.code, 2);
    assert!(answer.talk.contains("--source"), "{}", answer.talk);
}

#[test]
fn what_an_image_says_about_itself_is_suggested_and_never_believed() {
    let sandbox = with_keys().with_image();
    key(&sandbox, "mallory");
    let provenance = json!({
        "buildDefinition": {
            "buildType": "https://example.test/build/v1\nidentities: {builder: []}",
            "externalParameters": {},
            "resolvedDependencies": [{
                "uri": "git+https://github.com/mallory/evil@refs/heads/main",
                "digest": {"gitCommit": "9c1e44d09c1e44d09c1e44d09c1e44d09c1e44d0"},
            }],
        },
        "runDetails": {"builder": {"id": "https://mallory.example.test/builder"}},
    });
    sandbox.write("provenance.json", &provenance.to_string());
    sandbox.done(
        "attest image:1.0 --predicate provenance.json --type slsaprovenance1 --key mallory.key",
    );
    let answer = sandbox
        .done("init new --from image:1.0 --owner-key alice.pub --ci-key ci.pub --output json")
        .json();
    let mut read: Vec<_> = answer["unconfirmed"]
        .as_array()
        .unwrap()
        .iter()
        .map(|guess| guess["what"].as_str().unwrap().to_owned())
        .collect();
    read.sort();
    assert_eq!(read, ["builder", "key", "source repository"]);
    let release = sandbox.read("new/policy/release.yaml");
    for line in release.lines().filter(|line| line.contains("mallory")) {
        let named = line.contains("uri: \"env://mallory/");
        assert!(named || line.trim_start().starts_with('#'), "{line}");
    }
    let marker = "environments:\n  # unconfirmed: read from an unverified attestation sha256:";
    assert!(release.contains(marker) && sandbox.read("new/anchor.yaml").contains(marker));
    assert!(release.contains("# builders: [\"https://mallory.example.test/builder\"]"));
    assert!(release.contains("# unconfirmed: read from an unverified attestation sha256:"));
    assert!(
        !release.contains("identities: {builder"),
        "no text breaks out of its comment"
    );
    let service = sandbox.read("new/policy/services/evil.yaml");
    assert!(service.contains("# unconfirmed: read from an unverified attestation sha256:"));
    // Its key is nobody's: with the suggestions as they are, nothing of mallory's is let in.
    let judged = sandbox.run("promote image:1.0 --to dev --key mallory.key --policy new/policy");
    assert_eq!(judged.code, 11, "{}{}", judged.data, judged.talk);
}

#[test]
fn labels_and_older_signatures_are_noted() {
    let sandbox = with_keys().with_image();
    let labelled = json!({
        "architecture": "amd64", "os": "linux",
        "config": {"Labels": {
            "org.opencontainers.image.source": "https://github.com/acme/pay",
            "org.opencontainers.image.version": "1.8.2",
            "org.opencontainers.image.base.name": "registry.example.test/debian:12",
        }},
    });
    let digest = relabel(&sandbox, &labelled.to_string());
    let answer = sandbox
        .done("init new --from image:labelled --owner-key alice.pub --output json")
        .json();
    let values: Vec<_> = answer["unconfirmed"]
        .as_array()
        .unwrap()
        .iter()
        .map(|guess| guess["value"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(
        values,
        [
            "https://github.com/acme/pay".to_owned(),
            "1.8.2".to_owned(),
            "registry.example.test/debian:12".to_owned(),
            format!("sha256-{}.sig", digest.hex()),
        ]
    );
    let service = sandbox.read("new/policy/services/pay.yaml");
    assert!(
        service.contains("# base image: registry.example.test/debian:12"),
        "{service}"
    );
}

/// Adds an image with this configuration as `labelled`, and a tag as cosign keeps signatures.
fn relabel(sandbox: &Sandbox, config: &str) -> Digest {
    use bulla_model::{Descriptor, media_type};
    use bulla_registry::{Layout, Store as _};
    let layout = Layout::open(&sandbox.path("image"), &bulla_model::Limits::default()).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    runtime.block_on(async {
        layout.put_blob(config.as_bytes().to_vec()).await.unwrap();
        let put = async |tag: &str, extra: &str| {
            let manifest = json!({
                "schemaVersion": 2,
                "mediaType": media_type::IMAGE_MANIFEST,
                "config": Descriptor::of(media_type::IMAGE_CONFIG, config.as_bytes()),
                "layers": [],
                "annotations": {"for": extra},
            });
            let tag = tag.parse().unwrap();
            let bytes = manifest.to_string();
            let put = layout.put_manifest(bytes.as_bytes(), media_type::IMAGE_MANIFEST, Some(&tag));
            put.await.unwrap().digest
        };
        let digest = put("labelled", "image").await;
        put(&format!("sha256-{}.sig", digest.hex()), "signature").await;
        digest
    })
}

/// The text with everything from this line on taken out of its comments.
fn uncommented(text: &str, from: &str) -> String {
    let mut is_open = false;
    let line = |line: &str| {
        let inside = line.trim_start();
        is_open |= inside.strip_prefix("# ") == Some(from);
        let indent = &line[..line.len() - inside.len()];
        let text = inside.strip_prefix("# ").or(inside.strip_prefix('#'));
        match text.filter(|_| is_open) {
            Some(text) => format!("{indent}{text}\n"),
            None => format!("{line}\n"),
        }
    };
    text.lines().map(line).collect()
}

#[test]
fn the_job_that_renews_the_checkpoint_does_so_once_it_is_no_comment() {
    for (ci, file) in [
        ("github", ".github/workflows/bulla.yml"),
        ("gitlab", ".gitlab/bulla.yml"),
    ] {
        let sandbox = with_keys();
        key(&sandbox, "ledger");
        sandbox.done(&format!("init {SOURCE} --owner-key alice.pub --ci {ci}"));
        let pipeline = uncommented(&sandbox.read(file), "checkpoint:");
        let pipeline = pipeline.replace("  # schedule:", "  schedule:");
        let parsed: serde_json::Value = serde_saphyr::from_str(&pipeline).unwrap();
        let script = match ci {
            "github" => {
                let job = &parsed["jobs"]["checkpoint"];
                assert_eq!(job["if"], "github.event_name == 'schedule'");
                assert!(parsed["on"]["schedule"][0]["cron"].is_string());
                job["steps"].as_array().unwrap().last().unwrap()["run"].clone()
            }
            _ => parsed["checkpoint"]["script"][1].clone(),
        };
        let script = script.as_str().unwrap().trim();
        let run = |follows: &str| {
            let command = script.replace("\"$LEDGER\"", "oci:ledger");
            let command = command.replace("$FOLLOWS", follows);
            let arguments = command.strip_prefix("bulla ").unwrap();
            let mut command = sandbox.command(arguments);
            command.env("BULLA_LEDGER_KEY", sandbox.read("ledger.key"));
            Answer::of(&command.output().unwrap())
        };
        // Nobody owns the ledger of an anchor that was not touched.
        assert_eq!(run("--first").code, 2);
        let pem = sandbox.read("ledger.pub").replace('\n', "\n          ");
        let begun = "#         -----BEGIN PUBLIC KEY-----";
        let anchor = sandbox
            .read("anchor.yaml")
            .replace(begun, &format!("          {pem}"));
        sandbox.write("anchor.yaml", &uncommented_ledger(&anchor));
        assert_eq!(run("").code, 2, "nothing says what the last one was");
        let first = run("--first");
        assert_eq!(first.code, 0, "{}", first.talk);
        assert!(first.data.contains("checkpoint 1 of "), "{}", first.data);
        let again = run("");
        assert_eq!(again.code, 0, "{}", again.talk);
    }
}

fn uncommented_ledger(anchor: &str) -> String {
    let opened = uncommented(anchor, "ledger:");
    let (before, after) = opened
        .split_once("The lowest version of each policy")
        .unwrap();
    format!("{before}# The lowest version of each policy{after}")
}

#[test]
fn every_command_in_the_pipelines_exists() {
    let mut seen = 0;
    for template in ["github.yml", "gitlab.yml", "gitlab-promote.yml"] {
        let path = crate::layering::root().join("cli/templates").join(template);
        let text = std::fs::read_to_string(path).unwrap();
        let commands = text
            .lines()
            .map(|line| line.trim().trim_start_matches("- "));
        for command in commands.filter(|line| line.starts_with("bulla ")) {
            let words = command
                .split_whitespace()
                .map(|word| word.trim_matches('"'));
            bulla_cli::verbs::command()
                .try_get_matches_from(words)
                .unwrap_or_else(|error| panic!("{template}: {command}\n{error}"));
            seen += 1;
        }
    }
    assert!(seen >= 10, "{seen}");
}
