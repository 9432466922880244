//! Looking ahead and waiting: `simulate`, `promote --wait` and `promote --all`.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::Stdio;

use serde_json::Value;

use crate::sandbox::Answer;
use crate::serve::world::World;

fn run(world: &World, arguments: &str) -> Answer {
    let arguments: Vec<_> = arguments.split_whitespace().collect();
    Answer::of(&world.try_bulla(&arguments))
}

/// An image in dev that one person approved for prod.
fn approved() -> World {
    let world = World::new(&["one", "two"]);
    world.promote("one", &["dev"]);
    approve(&world, "one");
    world
}

fn approve(world: &World, name: &str) {
    let target = World::target(name);
    let approve = [
        "approve",
        "--to",
        "prod",
        "--yes",
        "--key",
        "alice.key",
        "--policy",
        "policy",
    ];
    world.bulla(&[&approve[..], &["--valid-for", "2h", &target]].concat());
}

fn hours(number: i64) -> jiff::Timestamp {
    jiff::Timestamp::now() + jiff::SignedDuration::from_hours(number)
}

#[test]
fn the_answer_at_another_time_is_told() {
    let world = approved();
    let target = World::target("one");
    let ask = |rest: &str| run(&world, &format!("simulate {target} --policy policy {rest}"));
    let now = ask("--to prod --output json");
    assert_eq!(now.code, 0, "{}{}", now.data, now.talk);
    assert_eq!(now.json()["answers"][0]["decision"], "allow");
    // The approval runs out; that it was there is not forgotten, and nothing was signed.
    let later = hours(3);
    let later = ask(&format!("--to prod --at {later} --output json"));
    assert_eq!(later.code, 14, "{}{}", later.data, later.talk);
    assert_eq!(later.json()["answers"][0]["codes"][0], "approvals-missing");
    let (a, b) = (hours(1), hours(3));
    let both = ask(&format!("--to prod --at {a} --at {b}"));
    assert_eq!(both.code, 14);
    assert!(
        both.data.contains("allowed") && both.data.contains("denied"),
        "{}",
        both.data
    );
    assert_eq!(ask("--env prod").code, 1, "it is not in prod yet");
    assert_eq!(ask("--env dev").code, 0);
    assert_eq!(ask("").code, 2, "nobody said what for");
    let before = ask("--env dev --at 2020-01-01T00:00:00Z");
    assert_ne!(before.code, 0, "nothing was there then");
}

#[test]
fn the_times_at_which_the_answer_changes_are_found() {
    let before = hours(2);
    let world = approved();
    let after = hours(2);
    let target = World::target("one");
    let end = hours(48);
    let found = run(
        &world,
        &format!("simulate {target} --to prod --policy policy --until {end} --output json"),
    );
    assert_eq!(found.code, 0, "{}{}", found.data, found.talk);
    let answers = found.json()["answers"].clone();
    let answers: Vec<Value> = serde_json::from_value(answers).unwrap();
    assert_eq!(answers.len(), 2, "{answers:?}");
    assert_eq!(answers[1]["exit"], 14);
    // To the second: the approval was for two hours.
    let at: jiff::Timestamp = answers[1]["at"].as_str().unwrap().parse().unwrap();
    let just = jiff::SignedDuration::from_secs(1);
    assert!(at >= before - just && at <= after + just, "{at}");
    let ask = |at: jiff::Timestamp| {
        run(
            &world,
            &format!("simulate {target} --to prod --policy policy --at {at}"),
        )
        .code
    };
    assert_eq!((ask(at - just), ask(at)), (0, 14));
    let backwards = run(
        &world,
        &format!("simulate {target} --to prod --policy policy --until 2020-01-01T00:00:00Z"),
    );
    assert_eq!(backwards.code, 2);
}

#[test]
fn a_promotion_waits_for_what_is_missing() {
    let world = World::new(&["one"]);
    world.promote("one", &["dev"]);
    let target = World::target("one");
    let promote = format!("promote {target} --to prod --policy policy --key promoter.key");
    // The time is over: the same answer as without waiting.
    let started = std::time::Instant::now();
    let over = run(&world, &format!("{promote} --wait=2s"));
    assert_eq!(over.code, 4, "{}{}", over.data, over.talk);
    assert!(started.elapsed() >= std::time::Duration::from_secs(2));
    assert!(
        over.talk.contains("waiting: ") && over.talk.contains("alice"),
        "{}",
        over.talk
    );
    assert!(over.data.contains("approvals-missing"), "{}", over.data);
    assert_eq!(run(&world, &format!("{promote} --wait=never")).code, 2);

    let arguments: Vec<_> = format!("{promote} --wait=2m --output json")
        .split_whitespace()
        .map(str::to_owned)
        .collect();
    let mut waiting = world.command();
    let mut waiting = waiting
        .args(arguments)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // Only when it says that it waits, so that it does.
    let mut talk = BufReader::new(waiting.stderr.take().unwrap());
    let mut line = String::new();
    while !line.contains("waiting: ") {
        line.clear();
        assert_ne!(talk.read_line(&mut line).unwrap(), 0, "it ended");
    }
    approve(&world, "one");
    let answer = Answer::of(&waiting.wait_with_output().unwrap());
    assert_eq!(answer.code, 0, "{}{}", answer.data, answer.talk);
    assert!(answer.json()["promotion"].is_string(), "{}", answer.data);

    // What is denied is not waited for.
    let stranger = promote
        .replace("promoter.key", "bob.key")
        .replace("--to prod", "--to dev");
    let denied = run(&world, &format!("{stranger} --wait=2m"));
    assert!(denied.code != 0 && denied.code != 4, "{}", denied.data);
    assert!(!denied.talk.contains("waiting: "), "{}", denied.talk);
}

/// Two services in one layout, each with a release in dev; the one of `pay-api` is approved for prod.
fn services() -> World {
    let world = World::new(&["one", "two"]);
    for (name, source) in [("pay-api", "pay"), ("wiki", "wiki")] {
        let text = format!(
            "service: {name}\ntier: high\nsources: [\"https://github.com/acme/{source}\"]\nimages: [\"oci:layout\"]\n"
        );
        std::fs::write(world.path(&format!("policy/services/{name}.yaml")), text).unwrap();
    }
    world.promote("one", &["dev"]);
    let provenance = std::fs::read_to_string(world.path("provenance.json")).unwrap();
    let provenance = provenance.replace("github.com/acme/pay", "github.com/acme/wiki");
    std::fs::write(world.path("wiki.json"), provenance).unwrap();
    let target = World::target("two");
    let attest = [
        "attest",
        "--predicate",
        "wiki.json",
        "--type",
        "slsaprovenance1",
    ];
    world.bulla(&[&attest[..], &["--key", "builder.key", &target]].concat());
    let promote = [
        "promote",
        "--to",
        "dev",
        "--key",
        "promoter.key",
        "--policy",
        "policy",
    ];
    world.bulla(&[&promote[..], &[&target]].concat());
    world.tag(&["one", "two"]);
    approve(&world, "one");
    world
}

#[test]
fn every_release_that_may_move_is_moved() {
    let world = services();
    let all = "promote --all --from dev --to prod --policy policy --key promoter.key";
    let outcomes = |answer: &Answer| {
        let report = answer.json();
        let services = report["services"].as_array().unwrap().iter();
        services
            .map(|it| {
                (
                    it["service"].as_str().unwrap().to_owned(),
                    it["outcome"].as_str().unwrap().to_owned(),
                )
            })
            .collect::<Vec<_>>()
    };
    let line = |service: &str, outcome: &str| (service.to_owned(), outcome.to_owned());
    for (wrong, said) in [
        (all.replace("--from dev ", ""), "--from"),
        (
            all.replace("--from dev", "--from devel"),
            "no environment `devel`",
        ),
        (format!("{all} image:1.0"), "cannot be used with"),
    ] {
        let answer = run(&world, &wrong);
        assert_eq!(answer.code, 2, "{wrong}");
        assert!(answer.talk.contains(said), "{said}: {}", answer.talk);
    }
    let plan = run(&world, &format!("{all} --dry-run --output json"));
    assert_eq!(plan.code, 4, "{}{}", plan.data, plan.talk);
    assert_eq!(
        outcomes(&plan),
        [line("pay-api", "ready"), line("wiki", "not-yet")]
    );
    // The plan is shown, and nobody said yes to it.
    let unasked = run(&world, all);
    assert_eq!(unasked.code, 2);
    assert!(
        unasked.talk.contains("may move") && unasked.talk.contains("--yes"),
        "{}",
        unasked.talk
    );
    assert_eq!(
        run(
            &world,
            &format!("verify --env prod --policy policy {}", World::target("one"))
        )
        .code,
        1
    );

    let moved = run(&world, &format!("{all} --yes --output json"));
    assert_eq!(
        moved.code, 4,
        "one of the two waits: {}{}",
        moved.data, moved.talk
    );
    assert_eq!(
        outcomes(&moved),
        [line("pay-api", "promoted"), line("wiki", "not-yet")]
    );
    world.bulla(&[
        "verify",
        "--env",
        "prod",
        "--policy",
        "policy",
        &World::target("one"),
    ]);

    approve(&world, "two");
    let rest = run(&world, &format!("{all} --yes"));
    assert_eq!(rest.code, 0, "{}{}", rest.data, rest.talk);
    assert!(rest.data.contains("1 promoted"), "{}", rest.data);
    let again = run(&world, &format!("{all} --yes"));
    assert_eq!(again.code, 0);
    assert!(
        again.data.contains("nothing waits to be moved"),
        "{}",
        again.data
    );
}

#[test]
fn a_service_that_cannot_be_looked_at_is_no_success() {
    let world = services();
    let text = "service: lost\ntier: high\nsources: [\"https://github.com/acme/lost\"]\nimages: [\"oci:gone\"]\n";
    std::fs::write(world.path("policy/services/lost.yaml"), text).unwrap();
    let all = "promote --all --from dev --to prod --policy policy --key promoter.key --yes";
    let answer = run(&world, &format!("{all} --output json"));
    assert_eq!(answer.code, 3, "{}{}", answer.data, answer.talk);
    let report = answer.json();
    let find = |name: &str| {
        let services = report["services"].as_array().unwrap().iter();
        services
            .clone()
            .find(|it| it["service"] == name)
            .unwrap()
            .clone()
    };
    assert_eq!(
        find("pay-api")["outcome"],
        "promoted",
        "it keeps no other from it"
    );
    assert_eq!(find("lost")["outcome"], "unknown");
}

#[test]
fn what_is_moved_together_is_judged_when_it_is_moved() {
    let all = "promote --all --from dev --to prod --policy policy --yes --output json";
    let world = services();
    approve(&world, "two");
    // A service whose images nobody names is left out.
    let text = "service: away\ntier: high\nsources: [\"https://github.com/acme/away\"]\n";
    std::fs::write(world.path("policy/services/away.yaml"), text).unwrap();
    let outcomes = |answer: &Answer| -> Vec<String> {
        let report = answer.json();
        let services = report["services"].as_array().unwrap().iter();
        services
            .map(|it| it["outcome"].as_str().unwrap().to_owned())
            .collect()
    };
    let base = std::fs::read_to_string(world.path("policy/release.yaml")).unwrap();
    let key = std::fs::read(world.path("promoter.key")).unwrap();
    // While it waits for the key, the policy becomes another one.
    let mut pause = std::time::Duration::from_millis(500);
    let answer = loop {
        std::fs::write(world.path("policy/release.yaml"), &base).unwrap();
        let mut child = world
            .command()
            .args(format!("{all} --key /dev/stdin").split_whitespace())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        std::thread::sleep(pause);
        let strict = base.replace("threshold: 1", "threshold: 2");
        std::fs::write(world.path("policy/release.yaml"), strict).unwrap();
        child.stdin.take().unwrap().write_all(&key).unwrap();
        let answer = Answer::of(&child.wait_with_output().unwrap());
        if answer.talk.contains("may move") {
            break answer;
        }
        // It was looked at too late to be planned.
        pause *= 2;
        assert!(pause < std::time::Duration::from_mins(1), "{}", answer.talk);
    };
    let moved = outcomes(&answer);
    assert!(!moved.contains(&"promoted".to_owned()), "{}", answer.data);

    std::fs::write(world.path("policy/release.yaml"), &base).unwrap();
    let answer = run(&world, &format!("{all} --key promoter.key"));
    assert_eq!(answer.code, 0, "{}{}", answer.data, answer.talk);
    assert_eq!(outcomes(&answer), ["left-out", "promoted", "promoted"]);
}

#[test]
fn what_was_promoted_is_copied_and_copied_again_after_a_crash() {
    let world = World::new(&["one"]);
    world.promote("one", &["dev"]);
    approve(&world, "one");
    let target = World::target("one");
    let promote = format!("promote {target} --to prod --policy policy --key promoter.key");
    // What is no place for an image is refused before anything is signed.
    let digest = World::digest("one");
    for wrong in [format!("oci:copy@{digest}"), "alice.pub".to_owned()] {
        let refused = run(&world, &format!("{promote} --copy-to {wrong}"));
        assert_eq!(refused.code, 2, "{}{}", refused.data, refused.talk);
    }
    let planned = run(&world, &format!("{promote} --dry-run"));
    assert!(planned.data.contains("dry run:"), "{}", planned.data);
    assert!(!planned.data.contains("already in"), "{}", planned.data);
    // Where the copy fails, the promotion is made all the same.
    std::fs::write(world.path("taken"), "").unwrap();
    let failed = run(&world, &format!("{promote} --copy-to oci:taken:1.8.2"));
    assert_eq!(failed.code, 2, "{}{}", failed.data, failed.talk);
    for _ in 0..2 {
        let again = run(&world, &format!("{promote} --copy-to oci:copy:1.8.2"));
        assert_eq!(again.code, 0, "{}{}", again.data, again.talk);
        assert!(again.data.contains("already in"), "{}", again.data);
        let there = [
            "verify",
            "--env",
            "prod",
            "--policy",
            "policy",
            "oci:copy:1.8.2",
        ];
        world.bulla(&there);
        // What an interrupted copy left behind is no whole one: its tag comes last.
        std::fs::remove_file(world.path("copy/index.json")).unwrap();
        let cut = World::digest("one").hex().to_owned();
        std::fs::remove_file(world.path("copy/blobs/sha256").join(cut)).unwrap();
        std::fs::write(
            world.path("copy/index.json"),
            "{\"schemaVersion\": 2, \"manifests\": []}",
        )
        .unwrap();
    }
    // What may not enter is not copied.
    let denied = promote
        .replace("--to prod", "--to dev")
        .replace("promoter.key", "bob.key");
    let denied = run(&world, &format!("{denied} --copy-to oci:never:1"));
    assert!(
        denied.code != 0 && !world.path("never").exists(),
        "{}",
        denied.data
    );
}
