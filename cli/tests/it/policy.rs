//! Testing a policy, comparing two, and adding a service.

use serde_json::Value;

use crate::sandbox::Answer;
use crate::serve::world::World;

/// A world with a policy, its next version, and packs of an image that is in prod and of one in dev.
fn world() -> World {
    let world = World::new(&["one", "two"]);
    world.promote("one", &["dev", "prod"]);
    world.promote("two", &["dev"]);
    for (name, pack) in [("one", "one.tar"), ("two", "two.tar")] {
        let target = World::target(name);
        let pack = [
            "evidence", "pack", &target, "--env", "prod", "--policy", "policy", "-o", pack,
        ];
        world.bulla(&pack);
    }
    world
}

fn run(world: &World, arguments: &str) -> Answer {
    let arguments: Vec<_> = arguments.split_whitespace().collect();
    Answer::of(&world.try_bulla(&arguments))
}

fn write(world: &World, path: &str, text: &str) {
    let path = world.path(path);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

fn edit(world: &World, path: &str, from: &str, to: &str) {
    let text = std::fs::read_to_string(world.path(path)).unwrap();
    assert!(text.contains(from), "`{from}` is not in {path}");
    write(world, path, &text.replace(from, to));
}

const CASES: &str = "apiVersion: bulla.dev/policy-test/v0.1
cases:
  - name: prod has what was approved
    pack: ../../one.tar
    env: prod
    expect: {decision: allow, exit: 0, codes: [], warnings: [revocations-unproven]}
  - name: prod has nothing else
    pack: ../../two.tar
    expect: {decision: deny, exit: 1, codes: [promotion-missing]}
  - name: without approval nothing enters prod
    pack: ../../two.tar
    to: prod
    expect: {exit: 4, codes: [approvals-missing]}
  - name: an image in a layout
    image: oci:../../layout@DIGEST
    env: dev
    expect: {decision: allow}
";

fn cases() -> String {
    CASES.replace("DIGEST", &World::digest("two").to_string())
}

#[test]
fn a_policy_answers_as_its_tests_expect() {
    let world = world();
    write(&world, "policy/tests/prod.yaml", &cases());
    // The tests beside the policy are no part of it.
    let answer = run(&world, "policy test --policy policy");
    assert_eq!(answer.code, 0, "{}{}", answer.data, answer.talk);
    assert!(answer.data.contains("4 cases: 4 passed"), "{}", answer.data);

    // A policy that lets one person's absence pass is caught, with what is another.
    edit(
        &world,
        "policy/release.yaml",
        "approvals: {threshold: 1, roles: [release-manager], maxAge: 7d}",
        "{}",
    );
    edit(&world, "policy/release.yaml", "      {}\n", "");
    let answer = run(
        &world,
        "policy test policy/tests/prod.yaml --policy policy --output json",
    );
    assert_eq!(answer.code, 1, "{}{}", answer.data, answer.talk);
    let report = answer.json();
    let case = &report["cases"][2];
    assert_eq!(case["outcome"], "failed", "{report}");
    assert_eq!(case["differences"][0]["part"], "exit");
    assert_eq!(case["differences"][0]["expected"], "4");
    let told = run(&world, "policy test policy/tests --policy policy");
    assert!(
        told.data
            .contains("FAIL  without approval nothing enters prod"),
        "{}",
        told.data
    );
    assert!(
        told.data.contains("expected approvals-missing"),
        "{}",
        told.data
    );
}

#[test]
fn results_are_written_for_ci_systems() {
    let world = world();
    let wrong = cases().replace("exit: 4", "exit: 0").replace(
        "- name: prod has nothing else",
        "- name: \"<nothing> & \\\"else\\\"\"",
    );
    let wrong = wrong.replacen("one.tar", "none.tar", 1);
    write(&world, "tests/a.yaml", &wrong.replace("../../", "../"));
    let answer = run(&world, "policy test tests --policy policy --form junit");
    assert_eq!(answer.code, 2, "a pack is not there: {}", answer.talk);
    assert!(answer.data.starts_with("<?xml"), "{}", answer.data);
    for part in [
        "tests=\"4\" failures=\"1\" errors=\"1\"",
        "name=\"&lt;nothing&gt; &amp; &quot;else&quot;\"",
        "file=\"tests/a.yaml\" line=\"10\"",
        "<failure message=\"exit: expected 0, found 4\"/>",
        "<error message=\"failed to read",
    ] {
        assert!(answer.data.contains(part), "{part}: {}", answer.data);
    }
}

#[test]
fn cases_that_would_always_pass_are_refused() {
    let world = World::new(&["one"]);
    for (from, to, said) in [
        (
            "expect: {decision: allow}",
            "expect: {}",
            "`expect` is empty",
        ),
        (
            "codes: [approvals-missing]",
            "codes: [approval-missing]",
            "`approval-missing` is no code",
        ),
        ("    env: dev\n", "", "an image needs `env` or `to`"),
        (
            "    env: dev\n",
            "    env: dev\n    to: prod\n",
            "one of them",
        ),
        (
            "    env: dev\n",
            "    env: dev\n    from: dev\n",
            "say where `to`",
        ),
        (
            "image: oci",
            "pack: x\n    image: oci",
            "expected `pack` or `image`",
        ),
        ("exit: 4", "exits: 4", "unknown field `exits`"),
        ("policy-test/v0.1", "policy-test/v9", "expected `apiVersion"),
    ] {
        let cases = cases();
        assert!(cases.contains(from), "{from}");
        write(&world, "tests/a.yaml", &cases.replace(from, to));
        let answer = run(&world, "policy test tests --policy policy");
        assert_eq!(answer.code, 2, "{to}: {}{}", answer.data, answer.talk);
        assert!(answer.talk.contains(said), "{said}: {}", answer.talk);
        assert!(answer.talk.contains("tests/a.yaml:"), "{}", answer.talk);
    }
    std::fs::remove_file(world.path("tests/a.yaml")).unwrap();
    for none in [
        "policy test tests --policy policy",
        "policy test --policy policy",
    ] {
        let answer = run(&world, none);
        assert_eq!(answer.code, 2, "no case is no success: {}", answer.talk);
        assert!(
            answer.talk.contains("policy test --help"),
            "{}",
            answer.talk
        );
    }
}

#[test]
fn a_changed_pack_is_no_evidence() {
    let world = world();
    write(&world, "tests/a.yaml", &cases().replace("../../", "../"));
    let mut bytes = std::fs::read(world.path("one.tar")).unwrap();
    let at = bytes.len() / 2;
    bytes[at] ^= 1;
    std::fs::write(world.path("one.tar"), bytes).unwrap();
    let answer = run(&world, "policy test tests --policy policy --output json");
    assert_eq!(answer.code, 12, "{}", answer.talk);
    assert_eq!(answer.json()["cases"][0]["outcome"], "not-judged");
}

#[test]
fn what_a_change_of_the_policy_changes_is_told() {
    let world = world();
    let copy = |to: &str| {
        for file in ["release.yaml", "people.yaml", "services/pay-api.yaml"] {
            let text = std::fs::read_to_string(world.path(&format!("policy/{file}"))).unwrap();
            write(&world, &format!("{to}/{file}"), &text);
        }
    };
    copy("next");
    let same = run(&world, "policy diff policy next --evidence one.tar");
    assert_eq!(same.code, 0, "{}", same.talk);
    assert!(
        same.data.contains("the rules are the same") && same.data.contains("0 newly refused"),
        "{}",
        same.data
    );

    edit(&world, "next/release.yaml", "threshold: 1", "threshold: 2");
    edit(&world, "next/release.yaml", "version: 1", "version: 2");
    let answer = run(
        &world,
        "policy diff policy next --evidence one.tar --evidence two.tar --output json",
    );
    assert_eq!(answer.code, 0, "{}", answer.talk);
    let report = answer.json();
    let changes = report["changes"].as_array().unwrap();
    let find = |rule: &str| changes.iter().find(|it| it["rule"] == rule).unwrap();
    assert_eq!(find("approvals.threshold")["effect"], "tightened");
    assert_eq!(find("approvals.threshold")["text"], "1 -> 2");
    assert_eq!(find("history")["effect"], "tightened");
    let verdicts = report["verdicts"].as_array().unwrap();
    assert_eq!(verdicts[0]["effect"], "newly-refused", "{report}");
    assert_eq!(verdicts[0]["after"]["codes"][0], "policy-unknown");
    assert_eq!(verdicts[1]["effect"], "same");

    // With the old version in its history it stays: what was promoted is judged as it was then.
    copy("next/history/v1");
    let digest = report["old"]["digest"].as_str().unwrap();
    let history = format!("history: [{{version: 1, digest: \"{digest}\"}}]");
    edit(&world, "next/release.yaml", "history: []", &history);
    let answer = run(
        &world,
        "policy diff policy next --evidence one.tar --output json",
    );
    assert_eq!(
        answer.json()["verdicts"][0]["effect"],
        "same",
        "{}",
        answer.data
    );
    let back = run(&world, "policy diff next policy --output json");
    let changes = back.json()["changes"].clone();
    let changes: Vec<Value> = serde_json::from_value(changes).unwrap();
    assert!(
        changes
            .iter()
            .any(|it| it["rule"] == "approvals.threshold" && it["effect"] == "loosened")
    );

    let page = run(
        &world,
        "policy diff policy next --evidence one.tar --form markdown",
    )
    .data;
    assert!(
        page.contains(
            "| tightened | `step dev -> prod` | `approvals.threshold` | `1 -> 2` | `release.yaml:"
        ),
        "{page}"
    );
    let missing = run(&world, "policy diff policy next --evidence none.tar");
    assert_eq!(missing.code, 2, "{}{}", missing.data, missing.talk);
    // An image has to be told apart from a pack by its environment.
    let image = format!(
        "policy diff policy next --evidence {}",
        World::target("one")
    );
    assert_eq!(run(&world, &image).code, 2);
    let answer = run(&world, &format!("{image} --env prod --output json"));
    assert_eq!(
        answer.json()["verdicts"][0]["effect"],
        "same",
        "{}",
        answer.data
    );
}

#[test]
fn a_service_is_added_whole_or_not_at_all() {
    let world = World::new(&["one"]);
    let add = "policy add-service wiki --policy policy";
    let answer = run(
        &world,
        &format!("{add} --source https://github.com/acme/wiki --image oci:layout --owner alice"),
    );
    assert_eq!(answer.code, 0, "{}", answer.talk);
    assert!(
        answer
            .data
            .contains("next: bulla policy check --policy policy"),
        "{}",
        answer.data
    );
    let text = std::fs::read_to_string(world.path("policy/services/wiki.yaml")).unwrap();
    assert_eq!(
        text,
        "service: \"wiki\"\ntier: \"high\"\nsources:\n  - \"https://github.com/acme/wiki\"\nimages:\n  - \"oci:layout\"\nowners:\n  - \"alice\"\n"
    );
    let checked = run(&world, "policy check --policy policy --output json").json();
    assert_eq!(checked["services"], 2);
    assert_eq!(
        checked["warnings"].as_array().unwrap().len(),
        0,
        "{checked}"
    );

    // It is never overwritten, whatever the file is called.
    let again = run(
        &world,
        &format!("{add} --source https://github.com/acme/wiki2"),
    );
    assert_eq!(again.code, 2);
    assert!(
        again.talk.contains("services/wiki.yaml:1:10"),
        "{}",
        again.talk
    );
    assert_eq!(
        std::fs::read_to_string(world.path("policy/services/wiki.yaml")).unwrap(),
        text
    );
    write(
        &world,
        "policy/services/docs.yaml",
        "service: handbook\ntier: high\nsources: [\"https://github.com/acme/handbook\"]\n",
    );
    let taken = run(
        &world,
        "policy add-service docs --policy policy --source https://github.com/acme/docs",
    );
    assert_eq!(taken.code, 2);
    assert!(taken.talk.contains("never overwritten"), "{}", taken.talk);

    // What the policy does not hold with is not written; what it hardly means is said.
    let tier = run(
        &world,
        "policy add-service shop --policy policy --tier low --source https://github.com/acme/shop",
    );
    assert_eq!(tier.code, 2);
    assert!(tier.talk.contains("no tier `low`"), "{}", tier.talk);
    assert!(!world.path("policy/services/shop.yaml").exists());
    let shadow = run(
        &world,
        "policy add-service shop --policy policy --source https://github.com/acme/* --owner zoe",
    );
    assert_eq!(shadow.code, 0);
    for said in ["neither's", "`zoe`, an owner of `shop`"] {
        assert!(shadow.data.contains(said), "{said}: {}", shadow.data);
    }
}

#[test]
fn a_check_warns_of_what_nobody_can_meet() {
    let world = World::new(&["one"]);
    edit(
        &world,
        "policy/release.yaml",
        "threshold: 1",
        "threshold: 2",
    );
    let answer = run(&world, "policy check --policy policy");
    assert_eq!(answer.code, 0);
    let said = "2 approvals are needed and 1 persons may give one";
    assert!(answer.data.contains(said), "{}", answer.data);
}

#[test]
fn an_answer_that_nobody_has_is_neither_yes_nor_no() {
    let world = world();
    for file in ["release.yaml", "people.yaml", "services/pay-api.yaml"] {
        let text = std::fs::read_to_string(world.path(&format!("policy/{file}"))).unwrap();
        write(&world, &format!("next/{file}"), &text);
    }
    // The pack was made where nobody may revoke, so it does not say what was revoked.
    let revocations = "revocations: {by: [promoter]}\nhistory: []";
    edit(&world, "next/release.yaml", "history: []", revocations);
    let diff = "policy diff policy next --evidence one.tar";
    let report = run(&world, &format!("{diff} --output json")).json();
    let digest = report["old"]["digest"].as_str().unwrap();
    let history = format!("history: [{{version: 1, digest: \"{digest}\"}}]");
    edit(&world, "next/release.yaml", "history: []", &history);
    for file in ["release.yaml", "people.yaml", "services/pay-api.yaml"] {
        let text = std::fs::read_to_string(world.path(&format!("policy/{file}"))).unwrap();
        write(&world, &format!("next/history/v1/{file}"), &text);
    }
    edit(
        &world,
        "next/release.yaml",
        "version: 1\nenv",
        "version: 2\nenv",
    );
    let answer = run(&world, &format!("{diff} --output json"));
    assert_eq!(answer.code, 3, "{}{}", answer.data, answer.talk);
    let verdict = answer.json()["verdicts"][0].clone();
    assert_eq!(verdict["effect"], "not-judged", "{verdict}");
    assert_eq!(verdict["before"]["decision"], "allow", "{verdict}");
    let told = run(&world, diff);
    assert!(
        told.data.contains("0 newly refused, 1 not judged"),
        "{}",
        told.data
    );
    // What cannot be read is not judged either.
    let missing = run(
        &world,
        "policy diff policy next --evidence none.tar --output json",
    );
    assert_eq!(missing.json()["verdicts"][0]["effect"], "not-judged");
    // An environment that only one of them has is an answer.
    std::fs::remove_dir_all(world.path("next/history")).unwrap();
    let text = std::fs::read_to_string(world.path("policy/release.yaml")).unwrap();
    let text = text.replace("  dev: {", "  devel: {");
    let text = text
        .replace("to: dev", "to: devel")
        .replace("from: dev", "from: devel");
    write(&world, "next/release.yaml", &text);
    let answer = run(&world, &format!("{diff} --env dev --output json"));
    assert_eq!(answer.code, 0, "{}{}", answer.data, answer.talk);
    assert_eq!(answer.json()["verdicts"][0]["effect"], "newly-refused");
}
