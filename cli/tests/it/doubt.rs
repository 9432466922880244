//! What cannot be looked at is not taken for nothing by those who ask what is where.

use serde_json::{Value, json};

use crate::company::{COMMIT, provenance};
use crate::registries::refusing_registry;
use crate::sandbox::{Answer, Sandbox};

const RULES: &str = "apiVersion: bulla.dev/policy/v0.1
name: release
version: 1
environments:
  dev: {uri: 'env://acme/pay/dev', freshness: none}
  prod: {uri: 'env://acme/pay/prod', freshness: none}
tiers:
  high: {claimedTime: allow}
identities:
  ci: {ci}
edges:
  - {to: dev, by: [ci], require: {provenance: {by: [ci]}}}
  - {from: dev, to: prod, by: [ci], require: {provenance: {by: [ci]}}}
  - {from: prod, to: prod, kind: rollback, by: [ci], require: {}}
";

/// A company whose images are in `place`; `1.0` was promoted into dev and prod, `1.1` was built.
fn company(place: &str) -> Sandbox {
    let sandbox = Sandbox::new().with_image().with_keys(&["alice", "ci"]);
    sandbox.write_policy(RULES, &[("alice", "")], &["ci"]);
    sandbox.add_release("1.1");
    let service = sandbox.read("policy/services/pay.yaml");
    let name = if place == "image" { "oci:image" } else { place };
    let images = format!("{service}images: [\"{name}\"]\n");
    sandbox.write("policy/services/pay.yaml", &images);
    for tag in ["1.0", "1.1"] {
        if place != "image" {
            sandbox.done(&format!("copy image:{tag} {place}:{tag}"));
        }
        sandbox.attest_build(&format!("{place}:{tag}"), &provenance("pay", COMMIT), "");
    }
    for to in ["dev", "prod"] {
        sandbox.done(&format!("promote {place}:1.0 --to {to} --key ci.key"));
    }
    sandbox
}

/// Takes away the contents of what is beside this image, or any, where its type ends like this;
/// answers of how many.
fn lose(sandbox: &Sandbox, image: Option<&str>, predicate_type: &str) -> usize {
    let read = |path: &str| -> Value { serde_json::from_str(&sandbox.read(path)).unwrap() };
    let blob = |descriptor: &Value| {
        let digest = descriptor["digest"].as_str().unwrap();
        format!("image/blobs/{}", digest.replace(':', "/"))
    };
    let mut lost = 0;
    for entry in read("image/index.json")["manifests"].as_array().unwrap() {
        let manifest = read(&blob(entry));
        let label = manifest["annotations"]["dev.sigstore.bundle.predicateType"].as_str();
        let is_beside = image.is_none_or(|image| manifest["subject"]["digest"] == image);
        if is_beside && label.is_some_and(|label| label.ends_with(predicate_type)) {
            std::fs::remove_file(sandbox.path(&blob(&manifest["layers"][0]))).unwrap();
            lost += 1;
        }
    }
    lost
}

/// What `status` says of the service when it could not find out.
fn doubtful(sandbox: &Sandbox) -> (String, Value) {
    let shown = sandbox.run("status");
    assert_eq!(shown.code, 3, "{}{}", shown.data, shown.talk);
    assert!(shown.data.contains("not known: pay: "), "{}", shown.data);
    let told = sandbox.run("status --output json");
    assert_eq!(told.code, 3);
    (shown.data, told.json()["services"][0].clone())
}

fn says(answer: &Answer, code: i32, text: &str) {
    let all = format!("{}{}", answer.data, answer.talk);
    assert_eq!(answer.code, code, "{all}");
    assert!(all.contains(text), "{text}: {all}");
}

/// The row of the service in a table.
fn row(shown: &str) -> Vec<&str> {
    let mut lines = shown.lines().map(str::trim);
    let row = lines.find(|line| line.starts_with("pay ")).unwrap();
    row.split_whitespace().collect()
}

#[test]
fn a_promotion_that_cannot_be_read_is_not_taken_for_none() {
    let sandbox = company("image");
    assert_eq!(lose(&sandbox, None, "/promotion/v1"), 2);
    let (shown, service) = doubtful(&sandbox);
    assert_eq!(row(&shown), ["pay", "?", "?"], "{shown}");
    assert_eq!(service["held"], json!({}));
    assert_eq!(service["unknown"], json!(["dev", "prod"]));

    let promote = "promote image:1.1 --to dev --key ci.key";
    let promoted = sandbox.run(&format!("{promote} --output json"));
    says(&promoted, 0, "what is in dev now is not known");
    says(&promoted, 0, "name what is replaced with --replaces");
    assert_eq!(promoted.json()["unknown"], true, "{}", promoted.data);
    let approve = "approve image:1.1 --to prod --key alice.key --yes --output json";
    let approved = sandbox.run(approve);
    says(&approved, 0, "what is in prod now is not known");
    assert_eq!(approved.json()["changes"]["unknown"], true);
    assert!(!approved.talk.contains("the first"), "{}", approved.talk);
    let back = sandbox.run("rollback image:1.1 --env prod --key ci.key");
    says(&back, 3, "no image of pay is known to be in prod");
}

#[test]
fn what_is_found_may_be_followed_by_what_cannot_be_read() {
    let sandbox = company("image");
    // The only thing beside the image that nobody promoted, as far as it can be read.
    let index: Value = serde_json::from_str(&sandbox.read("image/index.json")).unwrap();
    let built = index["manifests"][1]["digest"].as_str().unwrap();
    assert_eq!(lose(&sandbox, Some(built), "/provenance/v1"), 1);

    let (shown, service) = doubtful(&sandbox);
    assert!(service["held"]["prod"].is_object(), "{service:#}");
    assert_eq!(service["unknown"], json!(["dev", "prod"]));
    assert_eq!(row(&shown)[2], "?", "{shown}");

    sandbox.add_release("1.2");
    sandbox.attest_build("image:1.2", &provenance("pay", COMMIT), "");
    let promoted = sandbox.run("promote image:1.2 --to dev --key ci.key --output json");
    says(&promoted, 0, "what is in dev now may be another one");
    assert!(promoted.json()["unknown"].is_null(), "{}", promoted.data);
    let approved = sandbox.run("approve image:1.2 --to prod --key alice.key --yes --output json");
    says(&approved, 0, "what is in prod now may be another one");
    assert!(approved.json()["changes"]["from"].is_object());
}

#[test]
fn a_registry_that_fails_leaves_open_what_is_where() {
    let (host, refusing) = refusing_registry();
    let sandbox = company(&format!("{host}/pay/api"));
    sandbox.done(&format!("promote {host}/pay/api:1.1 --to dev --key ci.key"));
    let whole = sandbox.done("status --output json").json();
    let service = &whole["services"][0];
    assert!(service["held"]["prod"].is_object(), "{whole:#}");
    assert!(service["unknown"].is_null(), "{whole:#}");
    let digest = service["held"]["prod"]["image"].as_str().unwrap();
    let (_, digest) = digest.rsplit_once('@').unwrap();
    // The list of what is beside the image, a tag that names it, and the list of tags.
    for path in [
        &format!("/referrers/{digest}"),
        "/manifests/1.0",
        "/tags/list",
    ] {
        refusing.lock().unwrap().reads = Some(path.to_owned());
        let (shown, service) = doubtful(&sandbox);
        assert_eq!(service["unknown"], json!(["dev", "prod"]), "{path}");
        assert!(service["held"]["prod"].is_null(), "{path}: {service:#}");
        let row = row(&shown);
        assert!(row.contains(&"?") && !row.contains(&"-"), "{path}: {shown}");
        let image = format!("{host}/pay/api:1.1");
        let approved = sandbox.run(&format!("approve {image} --to prod --key alice.key --yes"));
        says(&approved, 0, "what is in prod now is not known");
    }
    let promoted = sandbox.run(&format!(
        "promote {host}/pay/api:1.1 --to prod --key ci.key"
    ));
    says(&promoted, 0, "what is in prod now is not known");
}

#[test]
fn more_tags_than_are_looked_at_leave_open_what_was_not_found() {
    let sandbox = company("image");
    let mut index: Value = serde_json::from_str(&sandbox.read("image/index.json")).unwrap();
    let entries = index["manifests"].as_array_mut().unwrap();
    let mut built = entries[1].clone();
    let nightly = (0..256).map(|number| format!("nightly-{number}"));
    for name in nightly.chain(["0.9".to_owned()]) {
        built["annotations"]["org.opencontainers.image.ref.name"] = json!(name);
        entries.push(built.clone());
    }
    sandbox.write("image/index.json", &index.to_string());
    let (shown, service) = doubtful(&sandbox);
    assert!(shown.contains("tags of"), "{shown}");
    assert_eq!(service["held"], json!({}));
    assert_eq!(service["unknown"], json!(["dev", "prod"]));

    // Whoever is found is there: tags that nobody looks at are no reason to doubt it.
    sandbox.done("promote image:nightly-9 --to dev --key ci.key");
    sandbox.done("promote image:nightly-9 --to prod --key ci.key");
    let told = sandbox.run("status --output json");
    says(&told, 0, "tags of");
    assert!(told.json()["services"][0]["unknown"].is_null());
}
