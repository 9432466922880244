//! `bulla status` and `bulla chain`: what is where, how it came there, and what it waits for.

use bulla_model::Digest;
use serde_json::Value;

use crate::serve::world::World;

/// Three releases of one service: in prod, in dev, and built.
fn world() -> World {
    let world = World::new(&["old", "new", "built"]);
    world.tag(&["old", "new", "built"]);
    name_repository(&world);
    world.promote("old", &["dev", "prod"]);
    world.promote("new", &["dev"]);
    world.promote("built", &[]);
    world
}

fn name_repository(world: &World) {
    let service = "service: pay-api\ntier: high\nsources: [\"https://github.com/acme/pay\"]\n\
                   images: [\"oci:layout\"]\n";
    std::fs::write(world.path("policy/services/pay-api.yaml"), service).unwrap();
}

fn json(world: &World, arguments: &[&str]) -> Value {
    let rest = ["--policy", "policy", "--output", "json"];
    let output = world.bulla(&[arguments, &rest[..]].concat());
    serde_json::from_slice(&output.stdout).unwrap()
}

fn text(world: &World, arguments: &[&str]) -> String {
    let output = world.bulla(&[arguments, &["--policy", "policy"][..]].concat());
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn status_says_what_is_where_and_whom_the_next_step_waits_for() {
    let world = world();
    let report = json(&world, &["status"]);
    assert_eq!(report["environments"], serde_json::json!(["dev", "prod"]));
    let service = &report["services"][0];
    assert_eq!(service["service"], "pay-api");
    let image = |name: &str| World::target(name);
    assert_eq!(service["held"]["dev"]["image"], image("new").as_str());
    assert_eq!(service["held"]["prod"]["image"], image("old").as_str());
    assert_eq!(service["held"]["prod"]["approvedBy"][0], "alice");
    let next = service["next"].as_array().unwrap();
    assert_eq!(next.len(), 1, "{service:#}");
    assert_eq!(next[0]["to"], "prod");
    assert_eq!(next[0]["waitsFor"], serde_json::json!(["alice"]));
    assert_eq!(next[0]["missing"][0], "approvals 0 of 1");
    assert!(
        next[0]["command"]
            .as_str()
            .unwrap()
            .contains("bulla approve")
    );

    let shown = text(&world, &["status"]);
    assert!(shown.contains("prod: approvals 0 of 1 (alice)"), "{shown}");
    assert!(text(&world, &["status", "--mine", "alice"]).contains("pay-api"));
    // Bob's build is not his to approve, nor does he hold the role.
    let bob = text(&world, &["status", "--mine", "bob@acme.example"]);
    assert!(bob.contains("nothing waits for you"), "{bob}");
    for wrong in [&["status", "--mine", "mallory"][..], &["status", "payroll"]] {
        let output = world.try_bulla(&[wrong, &["--policy", "policy"][..]].concat());
        assert_eq!(output.status.code(), Some(2), "{wrong:?}");
    }

    let approve = ["approve", "--to", "prod", "--yes", "--key", "alice.key"];
    let new = image("new");
    world.bulla(&[&approve[..], &["--policy", "policy", &new]].concat());
    let next = &json(&world, &["status", "pay-api"])["services"][0]["next"][0];
    assert_eq!(next["decision"], "allow");
    assert_eq!(next["command"], format!("bulla promote {new} --to prod"));
    let promote = [
        "promote",
        "--to",
        "prod",
        "--key",
        "promoter.key",
        "--release",
        "1.8.2",
    ];
    world.bulla(&[&promote[..], &["--policy", "policy", &new]].concat());
    let service = &json(&world, &["status"])["services"][0];
    assert_eq!(service["held"]["prod"]["version"], "1.8.2");
    assert_eq!(service["next"], serde_json::json!([]));
}

#[test]
fn status_tells_what_may_not_be_where_it_is_any_more() {
    let world = world();
    // Without its predecessor at hand, what was decided under the earlier version does not hold.
    world.write_policy(2);
    name_repository(&world);
    let shown = text(&world, &["status"]);
    let fallen = format!("in prod: {} [policy-unknown]", World::target("old"));
    assert!(shown.contains(&fallen), "{shown}");
}

#[test]
fn status_does_not_take_what_it_cannot_read_for_nothing() {
    let world = world();
    let blobs = world.path("layout/blobs/sha256");
    std::fs::remove_file(blobs.join(World::digest("new").hex())).unwrap();
    let output = world.try_bulla(&["status", "--policy", "policy"]);
    let shown = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(3), "{shown}");
    assert!(shown.contains("not known:"), "{shown}");
}

#[test]
fn chain_shows_the_way_and_where_it_ends() {
    let world = world();
    let old = World::target("old");
    let report = json(&world, &["chain", &old]);
    let steps = report["steps"].as_array().unwrap();
    let names: Vec<_> = steps.iter().map(|it| it["environment"].clone()).collect();
    assert_eq!(names, ["dev", "prod"]);
    assert_eq!(steps[1]["previous"][0], steps[0]["promotion"]);
    assert_eq!(report["environments"][1]["head"], steps[1]["promotion"]);

    let tree = text(&world, &["chain", &old]);
    assert!(tree.contains("└─ dev"), "{tree}");
    assert!(tree.contains("   └─ prod"), "{tree}");
    assert!(tree.contains("approved by alice"), "{tree}");
    let table = text(&world, &["chain", &old, "--form", "table"]);
    assert!(!table.contains('└'), "{table}");
    let chart = text(&world, &["chain", &old, "--form", "mermaid"]);
    assert!(chart.starts_with("flowchart LR\n"), "{chart}");
    assert!(
        chart.contains("build --> p0\n") && chart.contains("p0 --> p1\n"),
        "{chart}"
    );

    let new = World::target("new");
    let tree = text(&world, &["chain", &new]);
    assert!(
        tree.contains("prod  not allowed  promotion-missing"),
        "{tree}"
    );
    let chart = text(&world, &["chain", &new, "--form", "mermaid"]);
    assert!(
        chart.contains("[\"prod<br/>promotion-missing\"]"),
        "{chart}"
    );
    let built = json(&world, &["chain", &World::target("built")]);
    assert_eq!(built["steps"], serde_json::json!([]));
}

#[test]
fn the_commands_of_status_work_as_they_are_where_two_steps_lead_into_one_environment() {
    let world = World::new(&["new"]);
    world.tag(&["new"]);
    name_repository(&world);
    let path = world.path("policy/release.yaml");
    let second = "environments:\n  second dev: {uri: \"env://acme/eu/dev\", freshness: none}";
    let step = "edges:\n  - {from: second dev, to: prod, by: [promoter], require: {}}";
    let policy = std::fs::read_to_string(&path).unwrap();
    let policy = policy.replacen("environments:", second, 1);
    std::fs::write(&path, policy.replacen("edges:", step, 1)).unwrap();
    world.promote("new", &["dev"]);
    for signer in ["--yes --key alice.key", "--key promoter.key"] {
        let next = json(&world, &["status"])["services"][0]["next"][0].take();
        let command = next["command"].as_str().unwrap();
        let (_, command) = command.split_once("bulla ").unwrap();
        assert!(command.ends_with(" --to prod --from dev"), "{command}");
        let typed = format!("{command} {signer} --policy policy");
        world.bulla(&typed.split(' ').collect::<Vec<_>>());
    }
    let service = &json(&world, &["status"])["services"][0];
    assert!(service["held"]["prod"].is_object(), "{service:#}");
}

const PROMOTION: &str = "/promotion/v1";
const SUMMARY: &str = "https://slsa.dev/verification_summary/v1";

/// Takes the contents of what is beside images away, where they are of a type that ends like this;
/// answers of how many.
fn lose(world: &World, predicate_type: &str) -> usize {
    let blobs = world.path("layout/blobs/sha256");
    let read = |path: &std::path::Path| -> Value {
        serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
    };
    let index = read(&world.path("layout/index.json"));
    let mut lost = 0;
    for entry in index["manifests"].as_array().unwrap() {
        let digest: Digest = entry["digest"].as_str().unwrap().parse().unwrap();
        let manifest = read(&blobs.join(digest.hex()));
        let label = &manifest["annotations"]["dev.sigstore.bundle.predicateType"];
        if label
            .as_str()
            .is_some_and(|label| label.ends_with(predicate_type))
        {
            let bundle = manifest["layers"][0]["digest"].as_str().unwrap();
            let bundle: Digest = bundle.parse().unwrap();
            std::fs::remove_file(blobs.join(bundle.hex())).unwrap();
            lost += 1;
        }
    }
    lost
}

#[test]
fn status_fetches_no_summaries_that_no_rule_reads_and_everything_else() {
    let world = world();
    let whole = json(&world, &["status"]);
    assert_eq!(lose(&world, SUMMARY), 3);
    assert_eq!(json(&world, &["status"]), whole);
    // Nothing else is taken for unneeded.
    assert_eq!(lose(&world, PROMOTION), 3);
    let output = world.try_bulla(&["status", "--policy", "policy"]);
    assert_eq!(output.status.code(), Some(3));
}

#[test]
fn status_fetches_the_summaries_that_a_rule_reads() {
    let world = World::new(&["new"]);
    world.tag(&["new"]);
    name_repository(&world);
    let path = world.path("policy/release.yaml");
    let policy = std::fs::read_to_string(&path).unwrap();
    let rule = format!(
        "      conditions: [{{name: passed, type: '{SUMMARY}', by: [promoter], match: all, \
         cel: 'predicate.verificationResult == \"PASSED\"'}}]\n      approvals:"
    );
    std::fs::write(&path, policy.replacen("      approvals:", &rule, 1)).unwrap();
    world.promote("new", &["dev", "prod"]);
    let service = &json(&world, &["status"])["services"][0];
    assert!(service["held"]["prod"].is_object(), "{service:#}");
    // What is not there may have been one that says otherwise.
    assert_eq!(lose(&world, SUMMARY), 2);
    let output = world.try_bulla(&["status", "--policy", "policy"]);
    let shown = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(3), "{shown}");
}

#[test]
fn what_a_list_calls_a_summary_is_hidden_as_if_it_were_left_out() {
    let world = world();
    let blobs = world.path("layout/blobs/sha256");
    let path = world.path("layout/index.json");
    let read = |path: &std::path::Path| -> Value {
        serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
    };
    // Another tool's list of what is beside the image, by whoever may write to the layout.
    let mut index = read(&path);
    let mut beside = Vec::new();
    for entry in index["manifests"].as_array().unwrap() {
        let digest: Digest = entry["digest"].as_str().unwrap().parse().unwrap();
        let manifest = read(&blobs.join(digest.hex()));
        let mut labels = manifest["annotations"].clone();
        let label = labels["dev.sigstore.bundle.predicateType"].as_str();
        if label.is_some_and(|label| label.ends_with(PROMOTION)) {
            labels["dev.sigstore.bundle.predicateType"] = SUMMARY.into();
            labels["more"] = "than the manifest says".into();
            beside.push(serde_json::json!({
                "mediaType": entry["mediaType"], "digest": entry["digest"], "size": entry["size"],
                "artifactType": manifest["artifactType"], "annotations": labels,
            }));
        }
    }
    let list = serde_json::json!({
        "schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json",
        "manifests": beside,
    })
    .to_string();
    let old = World::digest("old");
    std::fs::write(blobs.join(Digest::sha256(list.as_bytes()).hex()), &list).unwrap();
    let entry = serde_json::json!({
        "mediaType": "application/vnd.oci.image.index.v1+json", "size": list.len(),
        "digest": Digest::sha256(list.as_bytes()).to_string(),
        "annotations": {"org.opencontainers.image.ref.name": format!("sha256-{}", old.hex())},
    });
    index["manifests"].as_array_mut().unwrap().push(entry);
    std::fs::write(&path, index.to_string()).unwrap();
    // No other answer comes of it than of a list without them, and that only here.
    let service = &json(&world, &["status"])["services"][0];
    assert!(service["held"]["prod"].is_null(), "{service:#}");
    assert!(service["held"]["dev"].is_object(), "{service:#}");
    let verify = ["verify", "--env", "prod", "--policy", "policy"];
    world.bulla(&[&verify[..], &[&World::target("old")]].concat());
}
