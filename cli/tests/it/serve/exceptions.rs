//! What is admitted around the normal gates is seen: warnings, audit annotations, counters.

use std::time::{Duration, Instant};

use serde_json::Value;

use super::running::{Running, pod};
use super::world::World;

/// The ways around the gates; the one into dev leads on by the normal step.
const AROUND: &str = r"  - from: dev
    to: prod
    kind: break-glass
    by: [promoter]
    require:
      provenance: {by: [builder]}
    reviewWithin: 2d
    overdueReview: deny
  - from: dev
    to: prod
    kind: hotfix
    by: [promoter]
    require:
      provenance: {by: [builder]}
    reviewWithin: 8s
  - to: dev
    kind: hotfix
    by: [promoter]
    require:
      provenance: {by: [builder]}
    reviewWithin: 2d
history: []
";

fn world(images: &[&str]) -> World {
    let world = World::new(images);
    let path = world.path("policy/release.yaml");
    let base = std::fs::read_to_string(&path).unwrap();
    std::fs::write(path, base.replacen("history: []\n", AROUND, 1)).unwrap();
    world
}

impl World {
    fn go_around(&self, name: &str, to: &str, kind: &str, more: &[&str]) {
        let step = ["promote", "--to", to, "--kind", kind, "--reason", "down"];
        let rest = ["--key", "promoter.key", "--policy", "policy"];
        self.bulla(&[&step[..], more, &rest, &[&Self::target(name)]].concat());
    }

    fn accept(&self, name: &str) {
        let review = ["review", "--env", "prod", "--outcome", "accepted", "--yes"];
        let rest = [
            "--notes", "rightly", "--key", "bob.key", "--policy", "policy",
        ];
        self.bulla(&[&review[..], &rest, &[&Self::target(name)]].concat());
    }
}

/// The one warning about a step around the gates, if there is one.
fn around(response: &Value) -> Option<String> {
    assert_eq!(response["allowed"], true, "{response}");
    let warnings = response["warnings"].as_array().unwrap();
    let warnings = warnings.iter().map(|warning| warning.as_str().unwrap());
    let mut told: Vec<_> = warnings
        .filter(|warning| {
            assert!(warning.chars().count() <= 120, "{warning}");
            warning.contains(" runs by ") || warning.contains("[review-")
        })
        .collect();
    assert!(told.len() < 2, "{told:?}");
    told.pop().map(ToOwned::to_owned)
}

fn kept(response: &Value) -> Option<&str> {
    response["auditAnnotations"]["exceptions"].as_str()
}

async fn counted(server: &Running, kind: &str, review: &str) -> u64 {
    let labels = format!(r#"{{environment="prod",kind="{kind}",review="{review}"}}"#);
    let name = format!("bulla_admission_exceptions_total{labels}");
    server.counter(&name).await
}

#[tokio::test(flavor = "multi_thread")]
async fn who_admits_broken_glass_is_told_until_it_was_reviewed() {
    let world = world(&["good", "glass"]);
    world.promote("good", &["dev", "prod"]);
    world.promote("glass", &["dev"]);
    let server = Running::start(&world, &["--cache-ttl", "0s"]);

    let good = server.ask(&pod(&[&World::reference("good")])).await;
    assert_eq!((around(&good), kept(&good)), (None, None));

    let glass = pod(&[&World::reference("glass")]);
    let refused = server.ask(&glass).await;
    assert_eq!(refused["allowed"], false);
    assert_eq!(kept(&refused), None);

    let forged = "INC-77, review accepted\u{1b}[2J";
    world.go_around("glass", "prod", "break-glass", &["--incident", forged]);
    let open = server.ask(&glass).await;
    let told = around(&open).unwrap();
    let by = "pay-api runs by break-glass INC-77??review?accepted…, review due 20";
    assert!(told.starts_with(by), "{told}");
    let text = kept(&open).unwrap();
    let by = " break-glass into=prod incident=INC-77??review?accepted??2J review=open reviewDue=20";
    assert!(text.contains(by), "{text}");
    let id = text.split(' ').next().unwrap();
    let decisions = open["auditAnnotations"]["decisions"].as_str().unwrap();
    assert!(
        decisions.starts_with(&format!("{id} allowed ")),
        "{decisions}"
    );
    assert_eq!(counted(&server, "break-glass", "open").await, 1);

    // Both images of one pod are one admission; what is only tried, or refused, is none.
    let both = pod(&[&World::reference("good"), &World::reference("glass")]);
    assert!(around(&server.ask(&both).await).is_some());
    let mut dry = glass.clone();
    dry["request"]["dryRun"] = true.into();
    assert!(around(&server.ask(&dry).await).is_some());
    let absent = pod(&[&World::reference("glass"), &World::reference("absent")]);
    let refused = server.ask(&absent).await;
    assert_eq!(refused["allowed"], false);
    assert!(
        !refused["warnings"].to_string().contains(" runs by "),
        "{refused}"
    );
    assert_eq!(counted(&server, "break-glass", "open").await, 2);

    world.accept("glass");
    let accepted = server.ask(&glass).await;
    assert_eq!(around(&accepted), None);
    let text = kept(&accepted).unwrap();
    assert!(text.contains(" review=accepted reviewDue="), "{text}");
    assert_eq!(counted(&server, "break-glass", "accepted").await, 1);
    assert_eq!(counted(&server, "break-glass", "open").await, 2);
    for state in ["none", "overdue", "rejected"] {
        assert_eq!(counted(&server, "break-glass", state).await, 0, "{state}");
        assert_eq!(counted(&server, "hotfix", state).await, 0, "{state}");
    }
}

/// Goes around the gates, and asks twice while the review is open; nothing if this machine needed
/// longer for that than the review has.
async fn remembered(world: &World, server: &Running, name: &str) -> Option<Value> {
    world.promote(name, &["dev"]);
    let hits = server.counter("bulla_cache_hits_total").await;
    world.go_around(name, "prod", "hotfix", &[]);
    let fix = pod(&[&World::reference(name)]);
    for _ in 0..2 {
        let told = around(&server.ask(&fix).await).unwrap();
        if told.starts_with("pay-api runs by hotfix, review overdue since 20") {
            return None;
        }
        let due = "pay-api runs by hotfix, review due 20";
        assert!(told.starts_with(due), "{told}");
    }
    (server.counter("bulla_cache_hits_total").await == hits + 1).then_some(fix)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_remembered_of_a_review_ends_with_its_deadline() {
    let names = ["fix-1", "fix-2", "fix-3", "fix-4", "fix-5"];
    let world = world(&names);
    let server = Running::start(&world, &["--cache-ttl", "5m"]);
    let mut fix = None;
    for name in names {
        fix = remembered(&world, &server, name).await;
        if fix.is_some() {
            break;
        }
    }
    let fix = fix.expect("an answer that is remembered while the review is open");
    let before = counted(&server, "hotfix", "overdue").await;
    let started = Instant::now();
    let response = loop {
        let response = server.ask(&fix).await;
        if !around(&response).unwrap().contains(" due ") {
            break response;
        }
        assert!(started.elapsed() < Duration::from_mins(1), "{response}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    };
    let told = around(&response).unwrap();
    let overdue = "pay-api runs by hotfix, review overdue since 20";
    assert!(told.starts_with(overdue), "{told}");
    let text = kept(&response).unwrap();
    assert!(
        text.contains(" hotfix into=prod review=overdue reviewDue="),
        "{text}"
    );
    assert_eq!(counted(&server, "hotfix", "overdue").await, before + 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_earlier_way_around_the_gates_is_told_while_it_waits_for_its_review() {
    let world = world(&["fast"]);
    world.promote("fast", &[]);
    world.go_around("fast", "dev", "hotfix", &["--ticket", "OPS-1"]);
    let target = World::target("fast");
    let approve = ["approve", "--to", "prod", "--yes", "--key", "alice.key"];
    world.bulla(&[&approve[..], &["--policy", "policy", &target]].concat());
    let promote = ["promote", "--to", "prod", "--key", "promoter.key"];
    world.bulla(&[&promote[..], &["--policy", "policy", &target]].concat());
    let server = Running::start(&world, &["--cache-ttl", "0s"]);
    let fast = pod(&[&World::reference("fast")]);
    let response = server.ask(&fast).await;
    let told = around(&response).unwrap();
    let by = "pay-api runs by hotfix OPS-1 into dev, review due 20";
    assert!(told.starts_with(by), "{told}");
    assert!(
        kept(&response)
            .unwrap()
            .contains(" into=dev incident=OPS-1 ")
    );

    let review = ["review", "--env", "dev", "--outcome", "accepted", "--yes"];
    let rest = ["--key", "bob.key", "--policy", "policy", &target];
    world.bulla(&[&review[..], &rest].concat());
    let response = server.ask(&fast).await;
    assert_eq!((around(&response), kept(&response)), (None, None));
}
