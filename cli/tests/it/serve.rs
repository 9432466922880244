//! The admission server, asked as an API server asks.

mod exceptions;
mod ledger;
mod running;
mod tags;
pub(crate) mod world;

use std::path::Path;

use serde_json::{Value, json};

use running::{Running, client, pod, review, write_certificate};
use world::World;

fn message(response: &Value) -> &str {
    assert_eq!(response["allowed"], false, "{response}");
    response["status"]["message"].as_str().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_that_walked_the_chain_is_allowed_and_others_are_not() {
    let world = World::new(&["good", "halfway", "unsigned"]);
    world.promote("good", &["dev", "prod"]);
    world.promote("halfway", &["dev"]);
    let server = Running::start(&world, &[]);

    let allowed = server.ask(&pod(&[&World::reference("good")])).await;
    assert_eq!(allowed["allowed"], true, "{allowed}");
    let warnings = allowed["warnings"].as_array().unwrap();
    assert!(
        warnings
            .iter()
            .any(|warning| warning.as_str().unwrap().contains("revocations-unproven")),
        "{allowed}"
    );
    assert!(
        warnings
            .iter()
            .all(|warning| warning.as_str().unwrap().chars().count() <= 120)
    );
    assert_eq!(allowed["auditAnnotations"]["environment"], "prod");

    let halfway = server.ask(&pod(&[&World::reference("halfway")])).await;
    let digest = World::digest("halfway");
    let text = message(&halfway);
    let expected = format!("pay-api {digest} is not allowed in prod [promotion-missing] decision ");
    assert!(text.starts_with(&expected), "{text}");
    let why = format!("bulla why registry.example.test/pay/api@{digest} --env prod");
    assert!(text.ends_with(&why), "{text}");
    assert_eq!(halfway["status"]["code"], 403);

    let unsigned = server.ask(&pod(&[&World::reference("unsigned")])).await;
    assert!(
        message(&unsigned).contains("[provenance-missing]"),
        "{unsigned}"
    );

    let both = pod(&[&World::reference("good"), &World::reference("unsigned")]);
    let both = server.ask(&both).await;
    assert!(message(&both).contains(&World::digest("unsigned").to_string()));
    assert!(!message(&both).contains(&World::digest("good").to_string()));

    let logged = server.events("decision", 4);
    let id = logged[1]["images"][0]["decision"].as_str().unwrap();
    assert!(text.contains(&format!("decision {id};")), "{text}");
    assert_eq!(logged[1]["user"], "system:serviceaccount:pay:deployer");

    let output = world.try_bulla(&[
        "why",
        &World::target("halfway"),
        "--env",
        "prod",
        "--policy",
        "policy",
    ]);
    let said = String::from_utf8_lossy(&output.stdout);
    assert_ne!(output.status.code(), Some(0), "{said}");
    assert!(
        said.starts_with("not allowed in prod  promotion-missing"),
        "{said}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn images_are_judged_where_they_are_kept() {
    let world = World::new(&["good", "unsigned"]);
    world.promote("good", &["dev", "prod"]);
    let host = crate::registries::registry();
    for name in ["good", "unsigned"] {
        let there = format!("{host}/pay/api:{name}");
        world.bulla(&["copy", &World::target(name), &there]);
    }
    let pinned = |name: &str| format!("{host}/pay/api@{}", World::digest(name));
    let server = Running::start_with(&world, &[]);
    let response = server.ask(&pod(&[&pinned("good")])).await;
    assert_eq!(response["allowed"], true, "{response}");
    let response = server.ask(&pod(&[&pinned("unsigned")])).await;
    assert!(message(&response).contains("[provenance-missing]"));
    let response = server.ask(&pod(&[&pinned("absent")])).await;
    assert!(message(&response).contains("[image-not-found]"));
    let tag = format!("{host}/pay/api:good");
    let response = server.ask(&pod(&[&tag])).await;
    assert!(message(&response).contains("[image-not-pinned]"));

    let lenient = Running::start_with(&world, &["--require-digest=false"]);
    let response = lenient.ask(&pod(&[&tag])).await;
    assert_eq!(response["allowed"], true, "{response}");
    let warnings = response["warnings"].to_string();
    assert!(warnings.contains("a tag can move"), "{warnings}");
    let moved = format!("{host}/pay/api:unsigned");
    let response = lenient.ask(&pod(&[&moved])).await;
    assert!(message(&response).contains(&World::digest("unsigned").to_string()));
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_who_ask_the_same_share_one_verification() {
    let world = World::new(&["good"]);
    world.promote("good", &["dev", "prod"]);
    let server = Running::start(&world, &[]);
    let reference = World::reference("good");
    let review = pod(&[&reference, &reference]);
    let asked: Vec<_> = (0..200).map(|_| server.ask(&review)).collect();
    for response in futures_util::future::join_all(asked).await {
        assert_eq!(response["allowed"], true, "{response}");
    }
    assert_eq!(server.counter("bulla_verifications_total").await, 1);
    let shared = server.counter("bulla_verifications_shared_total").await;
    let remembered = server.counter("bulla_cache_hits_total").await;
    assert_eq!(shared + remembered, 199);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_remembered_when_told_so() {
    let world = World::new(&["good"]);
    world.promote("good", &["dev", "prod"]);
    let server = Running::start(&world, &["--cache-ttl", "0s"]);
    for _ in 0..2 {
        let response = server.ask(&pod(&[&World::reference("good")])).await;
        assert_eq!(response["allowed"], true, "{response}");
    }
    assert_eq!(server.counter("bulla_verifications_total").await, 2);
    assert_eq!(server.counter("bulla_cache_entries").await, 0);
}

/// Every image an object names, found without knowing its kind; init containers first.
fn images(object: &Value) -> Vec<String> {
    match object {
        Value::Object(fields) => {
            let mut fields: Vec<_> = fields.iter().collect();
            fields.sort_by_key(|(name, _)| *name != "initContainers");
            let images = fields.into_iter().flat_map(|(name, value)| match value {
                Value::String(image) if name == "image" => vec![image.clone()],
                _ if name == "metadata" => Vec::new(),
                value => images(value),
            });
            images.collect()
        }
        Value::Array(values) => values.iter().flat_map(images).collect(),
        _ => Vec::new(),
    }
}

/// Replays recorded requests from a folder; answers how many there were.
async fn replay(server: &Running, folder: &Path) -> usize {
    let mut count = 0;
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "json"))
        .collect();
    files.sort();
    for path in files {
        let recorded: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        let asked = recorded["path"].as_str().unwrap();
        let asked = asked.replace("/mutate", "/validate");
        let review = &recorded["review"];
        let response = server.ask_at(&asked, review).await;
        let name = path.display();
        let request = &review["request"];
        let old = images(&request["oldObject"]);
        let new: Vec<_> = images(&request["object"])
            .into_iter()
            .filter(|image| !old.contains(image))
            .collect();
        if request["subResource"] == "scale" {
            assert_eq!(response["allowed"], true, "{name}: {response}");
        } else {
            let text = message(&response);
            assert_eq!(text.lines().count(), new.len(), "{name}: {text}");
            for (line, image) in text.lines().zip(new) {
                let code = if image.contains("@sha256:") {
                    "[image-not-found]"
                } else {
                    "[image-not-pinned]"
                };
                assert!(line.contains(code), "{name}: {line}");
            }
        }
        count += 1;
    }
    count
}

#[expect(clippy::print_stdout, reason = "says what was not tested")]
#[tokio::test(flavor = "multi_thread")]
async fn recorded_requests_are_answered() {
    let world = World::new(&["good"]);
    let server = Running::start(&world, &[]);
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    assert_eq!(replay(&server, &root.join("testdata/admission")).await, 8);
    let corpus = root.join("../shared/corpora/admission");
    if corpus.is_dir() {
        let first = replay(&server, &corpus.join("k8s-1.20.2")).await;
        let second = replay(&server, &corpus.join("k8s-1.20.2-patched")).await;
        assert_eq!(first + second, 49);
    } else {
        println!("SKIPPED the whole corpus: ../shared is not here");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_way_to_bring_in_an_image_is_judged() {
    let world = World::new(&["good", "unsigned"]);
    world.promote("good", &["dev", "prod"]);
    let server = Running::start(&world, &[]);
    let (good, unsigned) = (World::reference("good"), World::reference("unsigned"));
    let containers = json!([{"name": "c", "image": good}]);
    let with = |field: &str, value: Value| {
        let mut spec = json!({"containers": containers});
        spec[field] = value;
        spec
    };
    let bad = json!([{"name": "b", "image": unsigned}]);
    for spec in [
        with("initContainers", bad.clone()),
        with("ephemeralContainers", bad.clone()),
        with(
            "volumes",
            json!([{"name": "v", "image": {"reference": unsigned}}]),
        ),
    ] {
        let response = server
            .ask(&review("", "v1", "Pod", json!({"spec": spec})))
            .await;
        assert!(message(&response).contains("[provenance-missing]"));
    }
    let template = json!({"spec": {"containers": bad}});
    let cron = json!({"spec": {"jobTemplate": {"spec": {"template": template}}}});
    let response = server.ask(&review("batch", "v1", "CronJob", cron)).await;
    assert!(message(&response).contains("[provenance-missing]"));

    // Since Kubernetes 1.23 the subresource carries the whole pod.
    let old = with("ephemeralContainers", json!([]));
    let mut asked = review(
        "",
        "v1",
        "Pod",
        json!({"spec": with("ephemeralContainers", bad)}),
    );
    asked["request"]["operation"] = json!("UPDATE");
    asked["request"]["subResource"] = json!("ephemeralcontainers");
    asked["request"]["oldObject"] = json!({"apiVersion": "v1", "kind": "Pod", "spec": old});
    let response = server.ask(&asked).await;
    assert!(message(&response).contains("[provenance-missing]"));
    asked["request"]["oldObject"] = asked["request"]["object"].clone();
    let response = server.ask(&asked).await;
    assert_eq!(response["allowed"], true, "{response}");
    let unchanged = response["auditAnnotations"]["unchanged"].as_str().unwrap();
    assert!(unchanged.contains(&unsigned), "{response}");

    let rollout = json!({"spec": {"template": {"spec": {"containers": containers}}}});
    let response = server
        .ask(&review("argoproj.io", "v1alpha1", "Rollout", rollout))
        .await;
    assert!(message(&response).contains("[workload-not-understood]"));
    let mut deletion = pod(&[&unsigned]);
    deletion["request"]["operation"] = json!("DELETE");
    assert_eq!(server.ask(&deletion).await["allowed"], true);
    let mut dry = pod(&[&unsigned]);
    dry["request"]["dryRun"] = json!(true);
    assert_eq!(server.ask(&dry).await["allowed"], false);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_review_is_refused_and_the_server_lives_on() {
    let world = World::new(&["good"]);
    let server = Running::start(&world, &[]);
    let good = pod(&["a.test/x"]).to_string();
    let twice = good.replacen('{', r#"{"kind":"AdmissionReview","#, 1);
    let old = good.replace("k8s.io/v1", "k8s.io/v1beta1");
    let deep = "[".repeat(100_000);
    for body in [
        "",
        "{",
        "null",
        "[]",
        "{}",
        &twice,
        &old,
        &deep,
        "\u{feff}{}",
    ] {
        let response = server.post("/validate", body.to_owned()).await;
        assert_eq!(response.status(), 400, "{}", &body[..body.len().min(80)]);
        assert!(response.text().await.unwrap().starts_with("bulla: "));
    }
    let bytes = server.post("/validate", vec![0xff, 0xfe, 0x00]).await;
    assert_eq!(bytes.status(), 400);
    let large = server.post("/validate", vec![b' '; (3 << 20) + 1]).await;
    assert_eq!(large.status(), 413);
    let url = format!("{}/validate", server.url);
    for (kind, body) in [("text/plain", good.as_str()), ("application/yaml", "a: b")] {
        let request = server.client.post(&url).header("content-type", kind);
        let response = request.body(body.to_owned()).send().await.unwrap();
        assert_eq!(response.status(), 415, "{kind}");
    }
    let response = server.client.post(&url).body(good).send().await.unwrap();
    assert_eq!(response.status(), 415, "no content type");
    assert_eq!(server.text("/validate").await.0, 405);
    assert_eq!(server.text("/else").await.0, 404);

    let mut shape = pod(&["a.test/x"]);
    shape["request"]["kind"] = json!(7);
    let response = server.ask(&shape).await;
    assert!(message(&response).contains("[review-malformed]"));
    for object in [json!(null), json!({}), json!([]), json!({"spec": 1})] {
        let mut asked = pod(&["a.test/x"]);
        asked["request"]["object"] = object;
        let response = server.ask(&asked).await;
        assert!(message(&response).contains("[workload-not-understood]"));
    }
    for image in [
        "nginx",
        "library/nginx:1",
        "A.test/X Y",
        "a.test/x@sha256:00",
    ] {
        let response = server.ask(&pod(&[image])).await;
        let text = message(&response);
        assert!(text.contains("[image-reference-malformed]"), "{text}");
    }
    let response = server.ask(&pod(&["a.test/\u{1b}[2J\n"])).await;
    let text = message(&response);
    assert!(!text.contains(['\u{1b}', '\n']), "{text:?}");
    assert_eq!(server.text("/readyz").await.0, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn not_knowing_in_time_is_a_refusal_that_says_so() {
    let world = World::new(&["good"]);
    world.promote("good", &["dev", "prod"]);
    let server = Running::start(&world, &[]);
    let asked = pod(&[&World::reference("good")]);
    let response = server.ask_at("/validate?timeout=500ms", &asked).await;
    assert!(
        message(&response).contains("could not be checked for prod [deadline]"),
        "{response}"
    );
    assert_eq!(response["status"]["code"], 503);
    assert_eq!(
        server.ask(&asked).await["allowed"],
        true,
        "nothing bad is remembered"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_does_not_answer_is_a_refusal() {
    let world = World::new(&["good"]);
    let server = Running::start_with(&world, &["--timeout", "2s", "--plain-http", "127.0.0.1:9"]);
    let image = format!("127.0.0.1:9/pay/api@{}", World::digest("good"));
    let response = server.ask(&pod(&[&image])).await;
    let text = message(&response);
    assert!(text.contains("could not be checked for prod"), "{text}");
    assert_eq!(response["status"]["reason"], "ServiceUnavailable");

    // A statement that is listed and cannot be read may be the one that matters.
    world.promote("good", &["dev", "prod"]);
    let server = Running::start(&world, &["--cache-ttl", "0s"]);
    let asked = pod(&[&World::reference("good")]);
    assert_eq!(server.ask(&asked).await["allowed"], true);
    let blobs = std::fs::read_dir(world.path("layout/blobs/sha256")).unwrap();
    for blob in blobs.map(|entry| entry.unwrap().path()) {
        let text = std::fs::read_to_string(&blob).unwrap();
        if text.contains("dsseEnvelope") {
            std::fs::remove_file(&blob).unwrap();
        }
    }
    let response = server.ask(&asked).await;
    assert_eq!(response["status"]["code"], 503, "{response}");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_who_sends_slowly_keeps_nobody_waiting() {
    let world = World::new(&["good"]);
    let server = Running::start(&world, &["--max-requests", "1"]);
    let start = futures_util::stream::once(async { Ok::<_, std::io::Error>("{") });
    let never = futures_util::stream::pending();
    let body = reqwest::Body::wrap_stream(futures_util::StreamExt::chain(start, never));
    let slow = server.post("/validate?timeout=3s", body);
    let other = async {
        while server.counter("bulla_requests_in_progress").await == 0 {
            tokio::task::yield_now().await;
        }
        let body = pod(&["a.test/x"]).to_string();
        server.post("/validate", body).await.status()
    };
    let (slow, refused) = futures_util::future::join(slow, other).await;
    assert_eq!(refused, 503, "there is one place, and it is taken");
    assert_eq!(slow.status(), 408);
    let response = server.ask(&pod(&["a.test/x"])).await;
    assert_eq!(response["allowed"], false, "the place is free again");
}

#[tokio::test(flavor = "multi_thread")]
async fn health_and_counters_are_served() {
    let world = World::new(&["good"]);
    let server = Running::start(&world, &[]);
    for path in ["/livez", "/healthz", "/readyz"] {
        assert_eq!(server.text(path).await, (200, "ok\n".to_owned()), "{path}");
    }
    server.ask(&pod(&["a.test/x:1"])).await;
    let denied = r#"bulla_admission_reviews_total{result="denied"}"#;
    assert_eq!(server.counter(denied).await, 1);
    assert_eq!(server.counter("bulla_admission_seconds_count").await, 1);
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn policy_and_certificate_are_read_again_and_never_go_back() {
    let world = World::new(&["good"]);
    let server = Running::start(&world, &[]);
    world.write_policy(2);
    let certificate = write_certificate(&world);
    server.signal("HUP");
    let reloaded = server.events("reloaded", 2);
    assert!(
        reloaded[0]["detail"]
            .as_str()
            .unwrap()
            .starts_with("policy release v2"),
        "{reloaded:?}"
    );
    let trusting = client(certificate);
    let ready = || trusting.get(format!("{}/readyz", server.url)).send();
    let response = ready().await.unwrap();
    assert_eq!(response.status(), 200, "the new certificate is used");
    world.write_policy(1);
    std::fs::write(world.path("tls.crt"), "no certificate").unwrap();
    server.signal("HUP");
    let kept = server.events("not reloaded", 2);
    assert!(
        kept[0]["detail"]
            .as_str()
            .unwrap()
            .contains("went back from version 2 to 1"),
        "{kept:?}"
    );
    let response = ready().await.unwrap();
    assert_eq!(response.status(), 200, "the one before stays");
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn an_anchor_is_read_again_and_never_goes_back() {
    let world = World::new(&["good"]);
    let key = json!(std::fs::read_to_string(world.path("alice.pub")).unwrap());
    let write = |more: &str| {
        let anchor = format!(
            "apiVersion: bulla.dev/anchor/v0.1\nowners: {{threshold: 1, keys: [{key}]}}\n\
             environments: []\n{more}"
        );
        std::fs::write(world.path("anchor.yaml"), anchor).unwrap();
    };
    write("version: 2\n");
    let server = Running::start(&world, &["--anchor", "anchor.yaml"]);
    // The same version is its administrator's to change.
    write("version: 2\naudience: [a]\n");
    server.signal("HUP");
    server.event("reloaded");
    write("");
    server.signal("HUP");
    let kept = server.events("not reloaded", 1);
    let detail = kept[0]["detail"].as_str().unwrap();
    assert!(
        detail.contains("the anchor went back from version 2 to 1"),
        "{detail}"
    );
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn what_was_answered_under_other_persons_is_asked_again() {
    let world = World::new(&["good"]);
    world.promote("good", &["dev", "prod"]);
    let server = Running::start(&world, &[]);
    let review = pod(&[&World::reference("good")]);
    assert_eq!(server.ask(&review).await["allowed"], true);
    // Nobody is left who could approve; the base and the services' files stay as they are.
    std::fs::write(world.path("policy/people.yaml"), "people: {}\n").unwrap();
    server.signal("HUP");
    server.event("reloaded");
    assert_eq!(server.ask(&review).await["allowed"], false);
}

#[cfg(unix)]
#[test]
fn it_ends_when_asked_to() {
    let world = World::new(&["good"]);
    for signal in ["TERM", "INT"] {
        let mut server = Running::start(&world, &[]);
        server.signal(signal);
        assert!(server.ended().success(), "SIG{signal}");
        server.event("shutting down");
    }
}

#[test]
fn a_server_that_was_told_too_little_or_nonsense_does_not_start() {
    let world = World::new(&["good"]);
    // What is found rather than told does not count.
    std::fs::write(world.path("bulla.yaml"), "policy: policy\n").unwrap();
    let told = ["serve", "--insecure-http", "--listen", "127.0.0.1:0"];
    let policy = ["--env", "prod", "--policy", "policy"];
    for (arguments, expected) in [
        (
            [&told[..], &["--policy", "policy"]].concat(),
            "no environment given",
        ),
        ([&told[..], &["--env", "prod"]].concat(), "no policy given"),
        (
            [&told[..], &["--env", "moon", "--policy", "policy"]].concat(),
            "the policy has no environment `moon`",
        ),
        (
            [&["serve"], &policy[..]].concat(),
            "API servers speak TLS only",
        ),
        (
            [
                &["serve", "--insecure-http", "--listen", "0.0.0.0:0"],
                &policy[..],
            ]
            .concat(),
            "loopback",
        ),
        (
            [&told[..], &policy[..], &["--cache-ttl", "1h"]].concat(),
            "0s to 5m",
        ),
        (
            [&told[..], &policy[..], &["--layout", "layout:x"]].concat(),
            "expected oci:DIR",
        ),
        (
            [
                &[
                    "serve",
                    "--tls-cert",
                    "bulla.yaml",
                    "--tls-key",
                    "bulla.yaml",
                ],
                &policy[..],
            ]
            .concat(),
            "no certificate with its key",
        ),
    ] {
        let output = world.try_bulla(&arguments);
        let talk = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {talk}");
        assert!(talk.contains(expected), "{arguments:?}: {talk}");
    }
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn a_policy_that_its_owners_did_not_sign_takes_nobody_s_place() {
    let world = World::new(&["good"]);
    world.write_policy(2);
    let key = std::fs::read_to_string(world.path("alice.pub")).unwrap();
    let anchor = json!({
        "apiVersion": "bulla.dev/anchor/v0.1",
        "owners": {"threshold": 1, "keys": [key], "mustSign": true},
        "environments": ["env://acme/pay/dev", "env://acme/pay/prod"],
    });
    std::fs::write(world.path("anchor.yaml"), anchor.to_string()).unwrap();
    let sign = [
        "policy",
        "sign",
        "--policy",
        "policy",
        "--anchor",
        "anchor.yaml",
        "--yes",
    ];
    world.bulla(&[&sign[..], &["--key", "alice.key"]].concat());
    world.promote("good", &["dev", "prod"]);
    let server = Running::start(&world, &["--anchor", "anchor.yaml"]);
    let review = pod(&[&World::reference("good")]);
    assert_eq!(server.ask(&review).await["allowed"], true);
    let before = std::fs::read_to_string(world.path("policy/release.yaml")).unwrap();
    world.write_policy(999);
    server.signal("HUP");
    let kept = server.event("not reloaded");
    assert!(
        kept["detail"].as_str().unwrap().contains("did not sign"),
        "{kept}"
    );
    assert_eq!(server.ask(&review).await["allowed"], true);
    // What was signed comes back, whatever stood in its place meanwhile.
    std::fs::write(world.path("policy/release.yaml"), before).unwrap();
    let people = world.path("policy/people.yaml");
    let text = std::fs::read_to_string(&people).unwrap();
    std::fs::write(&people, format!("{text}# somebody came\n")).unwrap();
    world.bulla(&[&sign[..], &["--key", "alice.key"]].concat());
    server.signal("HUP");
    server.event("reloaded");
    assert_eq!(server.ask(&review).await["allowed"], true);
}
