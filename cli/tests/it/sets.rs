//! Release sets: several images of one service, promoted at once.

use serde_json::{Value, json};

use crate::edges::{company, digest_of, proven, refused};
use crate::registries::registry;
use crate::sandbox::Sandbox;

mod files;
mod recovery;

/// The company, with one approval between staging and prod in place of time, and four builds.
fn line() -> Sandbox {
    let sandbox = company();
    let rules = sandbox.read("policy/release.yaml").replace(
        "soak: {in: staging, min: 1s, by: [deployer]}",
        "approvals: {threshold: 1, exclude: [promoter]}",
    );
    sandbox.write("policy/release.yaml", &rules);
    for tag in ["1.0", "1.1", "1.2", "1.3"] {
        proven(&sandbox, &format!("image:{tag}"), "pay");
    }
    sandbox
}

/// Promotes these together through dev and staging, approves them and promotes them into prod; what
/// the last promotion reports.
fn released(sandbox: &Sandbox, images: &str) -> Value {
    sandbox.done(&format!("promote {images} --to dev --key ci.key"));
    sandbox.done(&format!("promote {images} --to staging --key ci.key"));
    sandbox.done(&format!("approve {images} --to prod --key alice.key --yes"));
    let promote = format!("promote {images} --to prod --key ci.key --output json");
    sandbox.done(&promote).json()
}

#[track_caller]
fn shown(text: &str, part: &str) {
    assert!(text.contains(part), "{part}: {text}");
}

fn verified(sandbox: &Sandbox, image: &str) -> Value {
    let report = sandbox.done(&format!("verify --env prod {image} --output json"));
    report.json()["verdicts"][0]["verdict"].clone()
}

/// Takes the last entries away that the layout's list has gained, but for this many.
fn keep_entries(sandbox: &Sandbox, count: usize) {
    let mut index: Value = serde_json::from_str(&sandbox.read("image/index.json")).unwrap();
    index["manifests"].as_array_mut().unwrap().truncate(count);
    sandbox.write("image/index.json", &index.to_string());
}

fn entries(sandbox: &Sandbox) -> usize {
    let index: Value = serde_json::from_str(&sandbox.read("image/index.json")).unwrap();
    index["manifests"].as_array().unwrap().len()
}

#[test]
fn several_images_take_every_step_together() {
    let sandbox = line();
    sandbox.write(
        "train.txt",
        "# release 7\nimage:1.0 # the api\n\nimage:1.1\n",
    );
    sandbox.write("web.txt", "image:1.1");
    let dry = sandbox.done("promote --set train.txt --to dev --key ci.key --dry-run");
    assert!(dry.data.contains("nothing was signed"), "{}", dry.data);
    let dev = sandbox.done("promote --set train.txt --to dev --key ci.key");
    assert!(dev.data.contains("2 together into dev"), "{}", dev.data);
    let twice = sandbox.run("promote image:1.1 --set train.txt --to staging --key ci.key");
    refused(&twice, 2, "named twice");
    sandbox.done("promote image:1.0 --set web.txt --to staging --key ci.key");
    sandbox.done("verify --env staging image:1.0 image:1.1");
    // What was never let in anywhere is told to go together too.
    let never = sandbox.run("promote image:1.2 image:1.3 --to staging --key ci.key");
    assert_eq!(never.code, 10, "{}{}", never.data, never.talk);
    let hint = format!("@{} --to dev", digest_of(&sandbox, "1.3"));
    assert!(never.data.contains(&hint), "{hint}: {}", never.data);
}

#[test]
fn one_approval_and_one_promotion_are_of_all_of_them() {
    let sandbox = line();
    let both = "image:1.0 image:1.1";
    sandbox.done(&format!("promote {both} --to dev --key ci.key"));
    sandbox.done(&format!("promote {both} --to staging --key ci.key"));
    let waiting = sandbox.run(&format!("promote {both} --to prod --key ci.key"));
    refused(&waiting, 4, "approvals 0 of 1");
    refused(
        &waiting,
        4,
        "none of the 2 goes into prod without the others",
    );
    let hint = format!("bulla approve oci:image@{}", digest_of(&sandbox, "1.0"));
    refused(&waiting, 4, &hint);
    let alone = sandbox.run("promote image:1.0 --to prod --key ci.key");
    refused(&alone, 1, "set-mismatch");
    refused(&alone, 1, "together with 1 other");
    let status = sandbox.done("status pay");
    assert!(status.data.contains(" +1"), "{}", status.data);

    let approved = sandbox.done(&format!("approve {both} --to prod --key alice.key --yes"));
    assert!(approved.data.contains("2 together"), "{}", approved.data);
    for tag in ["1.0", "1.1"] {
        shown(&approved.talk, &digest_of(&sandbox, tag));
    }
    let passed = approved.talk.matches("promotion   into staging").count();
    assert_eq!(passed, 2, "also what each has passed: {}", approved.talk);
    let promote = format!("promote {both} --to prod --key ci.key --output json");
    let report = sandbox.done(&promote).json();
    assert_eq!(report["members"].as_array().unwrap().len(), 2);
    for tag in ["1.0", "1.1"] {
        let verdict = verified(&sandbox, &format!("image:{tag}"));
        let step = &verdict["steps"][2];
        assert_eq!(step["promotion"], report["promotion"]);
        assert_eq!(step["approvedBy"], json!(["alice"]));
        assert_eq!(step["subjects"].as_array().unwrap().len(), 2);
        let said = sandbox.done(&format!("verify --env prod image:{tag}"));
        assert!(said.data.contains("prod, with 1 other"), "{}", said.data);
        let chain = sandbox.done(&format!("chain image:{tag}"));
        assert!(
            chain.data.contains("staging, with 1 other"),
            "{}",
            chain.data
        );
    }
    let again = sandbox.done(&promote).json();
    assert_eq!(again["already"], true);
    assert_eq!(again["promotion"], report["promotion"]);
    let why = sandbox
        .run("why image:1.0 --env canary --output json")
        .json();
    let told = why["answers"][0]["toAllow"].to_string();
    for tag in ["1.0", "1.1"] {
        assert!(told.contains(&digest_of(&sandbox, tag)), "{told}");
    }

    sandbox.done("evidence pack image:1.1 --env prod -o pack.tar");
    std::fs::remove_dir_all(sandbox.path("image")).unwrap();
    sandbox.done("evidence verify pack.tar");
}

#[test]
fn a_set_goes_back_to_the_set_before() {
    let sandbox = line();
    released(&sandbox, "image:1.0 image:1.1");
    let second = released(&sandbox, "image:1.2 image:1.3");
    sandbox.done("approve image:1.0 image:1.1 --to prod --kind rollback --key bob.key --yes");
    let back = sandbox.done("rollback pay --env prod --key ci.key --output json");
    assert_eq!(back.json()["members"].as_array().unwrap().len(), 2);
    for tag in ["1.0", "1.1"] {
        let verdict = verified(&sandbox, &format!("image:{tag}"));
        let step = verdict["steps"].as_array().unwrap().last().unwrap().clone();
        assert_eq!(step["kind"], "rollback");
        assert_eq!(
            step["slot"],
            json!({"sequence": 3, "previous": second["promotion"]})
        );
        assert_eq!(step["promotion"], back.json()["promotion"]);
    }
    let there = format!(
        "rollback image:1.2 --env prod --to {} --key ci.key",
        digest_of(&sandbox, "1.1")
    );
    assert!(sandbox.done(&there).data.contains("already in"));
}

#[test]
fn a_set_may_lie_in_several_repositories() {
    let sandbox = line();
    let host = registry();
    let (api, web) = (format!("{host}/pay/api:1.0"), format!("{host}/pay/web:1.1"));
    sandbox.done(&format!("copy image:1.0 {api}"));
    sandbox.done(&format!("copy image:1.1 {web}"));
    let both = format!("{api} {web}");
    let report = released(&sandbox, &both);
    for image in [&api, &web] {
        let verdict = verified(&sandbox, image);
        assert_eq!(verdict["steps"][2]["promotion"], report["promotion"]);
    }
    let subjects = sandbox.done(&format!("verify --env prod {both}"));
    assert_eq!(subjects.data.matches("prod, with 1 other").count(), 2);
}

#[test]
fn what_cannot_be_a_set_is_refused_before_anything_is_signed() {
    let sandbox = line();
    sandbox.write(
        "policy/services/wiki.yaml",
        "service: wiki\ntier: high\nsources: [\"https://github.com/acme/wiki\"]\n",
    );
    sandbox.add_release("2.0");
    proven(&sandbox, "image:2.0", "wiki");
    let before = entries(&sandbox);
    let promote = |images: &str| sandbox.run(&format!("promote {images} --to dev --key ci.key"));
    refused(
        &promote("image:1.0 image:2.0"),
        2,
        "several services: pay, wiki",
    );
    refused(&promote("image:1.0 image:1.0"), 2, "named twice");
    sandbox.write("empty.txt", "# nothing\n");
    refused(&promote("--set empty.txt"), 2, "lists no image");
    refused(&promote(""), 2, "IMAGE");
    refused(&promote("image:1.0 file:bulla.yaml"), 2, "is no image");
    let file = promote("image:1.0 file:bulla.yaml");
    refused(&file, 2, "push it as an OCI artifact");
    let copy = "image:1.0 image:1.1 --copy-to oci:other:1.0";
    refused(&promote(copy), 2, "--copy-to copies one image");
    // One of them lacks what the step takes.
    sandbox.add_release("1.4");
    let lacking = promote("image:1.0 image:1.4");
    assert_eq!(lacking.code, 10, "{}{}", lacking.data, lacking.talk);
    assert!(lacking.data.contains("none of the 2"), "{}", lacking.data);
    assert_eq!(entries(&sandbox), before + 1);

    // An index and one of its platforms.
    let platform = digest_of(&sandbox, "1.0");
    let mut index: Value = serde_json::from_str(&sandbox.read("image/index.json")).unwrap();
    let list = index["manifests"].as_array().unwrap();
    let entry = list
        .iter()
        .find(|one| one["digest"] == platform.as_str())
        .unwrap();
    let kind = "application/vnd.oci.image.index.v1+json";
    let inner = json!({"schemaVersion": 2, "mediaType": kind, "manifests": [{
        "mediaType": entry["mediaType"], "digest": platform, "size": entry["size"],
    }]});
    let (_, descriptor) = sandbox.blob(inner.to_string().as_bytes(), kind);
    let mut entry: Value = serde_json::from_str(&descriptor).unwrap();
    entry["annotations"] = json!({"org.opencontainers.image.ref.name": "all"});
    index["manifests"].as_array_mut().unwrap().push(entry);
    sandbox.write("image/index.json", &index.to_string());
    refused(&promote("image:all image:1.0"), 2, "is part of oci:image@");
}

#[test]
fn a_review_names_all_that_was_promoted_together() {
    let sandbox = line();
    let both = "image:1.0 image:1.1";
    sandbox.done(&format!("promote {both} --to dev --key ci.key"));
    let hotfix = sandbox.done(&format!(
        "promote {both} --to prod --kind hotfix --reason totals --key ci.key"
    ));
    assert!(hotfix.data.contains("review:"), "{}", hotfix.data);
    let review = |images: &str| {
        let command = format!("review {images} --env prod --outcome accepted --key bob.key --yes");
        sandbox.run(&command)
    };
    refused(&review("image:1.0"), 2, "the promotion is of 2 images");
    let reviewed = review(both);
    assert_eq!(reviewed.code, 0, "{}{}", reviewed.data, reviewed.talk);
    for tag in ["1.0", "1.1"] {
        shown(&reviewed.talk, &digest_of(&sandbox, tag));
    }
    for tag in ["1.0", "1.1"] {
        let checks = verified(&sandbox, &format!("image:{tag}"))["checks"].to_string();
        assert!(checks.contains("accepted by bob"), "{checks}");
    }
}

#[test]
fn a_chart_is_a_member_like_an_image() {
    let sandbox = line();
    let config = sandbox.blob(b"{}", "application/vnd.cncf.helm.config.v1+json");
    let content = sandbox.blob(
        b"a chart",
        "application/vnd.cncf.helm.chart.content.v1.tar+gzip",
    );
    let kind = "application/vnd.oci.image.manifest.v1+json";
    let manifest = format!(
        r#"{{"schemaVersion":2,"mediaType":"{kind}","config":{},"layers":[{}]}}"#,
        config.1, content.1
    );
    let (_, descriptor) = sandbox.blob(manifest.as_bytes(), kind);
    let mut entry: Value = serde_json::from_str(&descriptor).unwrap();
    entry["annotations"] = json!({"org.opencontainers.image.ref.name": "chart"});
    let mut index: Value = serde_json::from_str(&sandbox.read("image/index.json")).unwrap();
    index["manifests"].as_array_mut().unwrap().push(entry);
    sandbox.write("image/index.json", &index.to_string());
    proven(&sandbox, "image:chart", "pay");
    released(&sandbox, "image:1.0 image:chart");
    let verdict = verified(&sandbox, "image:chart");
    assert_eq!(verdict["steps"][2]["subjects"].as_array().unwrap().len(), 2);
}

#[test]
fn a_set_moves_with_all_that_may_move() {
    let sandbox = line();
    let both = "image:1.0 image:1.1";
    sandbox.done(&format!("promote {both} --to dev --key ci.key"));
    sandbox.done(&format!("promote {both} --to staging --key ci.key"));
    let all = "promote --all --from staging --to prod --key ci.key --yes --output json";
    assert_eq!(sandbox.run(all).code, 4, "nobody has approved it");
    let wait = sandbox.run(&format!("promote {both} --to prod --key ci.key --wait=1s"));
    assert_eq!(wait.code, 4, "{}{}", wait.data, wait.talk);
    shown(&wait.talk, "waiting: 0 of 1 approvals");
    sandbox.done(&format!("approve {both} --to prod --key alice.key --yes"));
    let moved = sandbox.done(all).json();
    let service = &moved["services"][0];
    assert_eq!(service["outcome"], "promoted");
    assert_eq!(service["images"].as_array().unwrap().len(), 2);
    for tag in ["1.0", "1.1"] {
        let verdict = verified(&sandbox, &format!("image:{tag}"));
        assert_eq!(verdict["steps"][2]["promotion"], service["promotion"]);
    }
}

/// The company's set in two layouts, of which the policy names the first.
fn apart() -> Sandbox {
    let sandbox = line();
    for (image, layout) in [
        ("1.0", "api"),
        ("1.1", "web"),
        ("1.2", "api"),
        ("1.3", "web"),
    ] {
        sandbox.done(&format!("copy image:{image} oci:{layout}:{image}"));
    }
    std::fs::remove_dir_all(sandbox.path("image")).unwrap();
    let rules = sandbox.read("policy/services/pay.yaml");
    sandbox.write(
        "policy/services/pay.yaml",
        &rules.replace("oci:image", "oci:api"),
    );
    sandbox
}

#[test]
fn what_is_elsewhere_is_told_and_not_guessed() {
    let sandbox = apart();
    let both = "api:1.0 web:1.1";
    sandbox.done(&format!("promote {both} --to dev --key ci.key"));
    sandbox.done(&format!("promote {both} --to staging --key ci.key"));
    let status = sandbox.done("status pay");
    shown(&status.data, "1 other not found");
    shown(&status.data, "with those it came with: bulla promote");
    let all = "promote --all --from staging --to prod --key ci.key --yes";
    refused(&sandbox.run(all), 3, "1 image that it came with not found");
    let why = sandbox.run("why api:1.0 --env prod --output json").json();
    let told = why["answers"][0]["toAllow"].as_array().unwrap().clone();
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(told[0]["command"], Value::Null, "nothing that would fail");
    shown(
        &told[0].to_string(),
        "it goes on only with those it came with",
    );
}

#[test]
fn a_set_in_several_repositories_goes_back_too() {
    let sandbox = apart();
    released(&sandbox, "api:1.0 web:1.1");
    released(&sandbox, "api:1.2 web:1.3");
    let approve = "approve api:1.0 web:1.1 --to prod --kind rollback --key bob.key --yes";
    sandbox.done(approve);
    let half = sandbox.run("rollback api:1.2 --env prod --key ci.key");
    assert_ne!(half.code, 0);
    shown(&half.talk, "name an image of its repository too");
    sandbox.done("rollback api:1.2 web:1.3 --env prod --key ci.key");
    for image in ["api:1.0", "web:1.1"] {
        let verdict = verified(&sandbox, image);
        assert_eq!(
            verdict["steps"].as_array().unwrap().last().unwrap()["kind"],
            "rollback"
        );
    }
}

#[test]
fn the_approver_sees_what_changes_for_each() {
    let approve = |sandbox: &Sandbox, images: &str| {
        sandbox.done(&format!("promote {images} --to dev --key ci.key"));
        sandbox.done(&format!("promote {images} --to staging --key ci.key"));
        let approve = format!("approve {images} --to prod --key alice.key --yes --output json");
        let answer = sandbox.done(&approve);
        (answer.json(), answer.talk)
    };
    let sandbox = apart();
    let (first, talk) = approve(&sandbox, "api:1.0 web:1.1");
    shown(&talk, "1.1, the first");
    assert_eq!(first["members"][1]["changes"]["from"], Value::Null);
    assert_eq!(first["members"][1]["changes"]["unknown"], Value::Null);
    sandbox.done("promote api:1.0 web:1.1 --to prod --key ci.key");
    let (second, talk) = approve(&sandbox, "api:1.2 web:1.3");
    shown(&talk, "1.1 -> 1.3   oci:web@sha256:");
    shown(&talk, "commits     none of https://github.com/acme/pay");
    let changes = |at: usize| &second["members"][at]["changes"];
    assert_eq!(changes(0)["to"]["version"], "1.2");
    assert_eq!(changes(1)["from"]["version"], "1.1");

    // Which of two images of one repository each takes the place of is not guessed.
    let sandbox = line();
    released(&sandbox, "image:1.0 image:1.1");
    let (report, talk) = approve(&sandbox, "image:1.2 image:1.3");
    assert!(!talk.contains("the first"), "{talk}");
    assert_eq!(report["members"][0]["changes"]["unknown"], true);
    assert_eq!(report["members"][0]["changes"]["to"]["version"], "1.2");
}
