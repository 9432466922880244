//! Answers as documents for other programs: SARIF, JUnit XML, Markdown.

use serde_json::Value;

use crate::serve::world::World;

/// What `verify --env prod` writes about images, and how it ends.
fn written(world: &World, form: &str, images: &[&str], more: &[&str]) -> (String, i32) {
    let targets: Vec<String> = images.iter().map(|name| World::target(name)).collect();
    let targets: Vec<&str> = targets.iter().map(String::as_str).collect();
    let verify = ["verify", "--env", "prod", "--policy", "policy"];
    let output = world.try_bulla(&[&verify[..], &["--output", form], more, &targets].concat());
    let text = String::from_utf8(output.stdout).unwrap();
    (text, output.status.code().unwrap())
}

#[test]
fn each_form_says_what_the_exit_code_says() {
    let world = World::new(&["good", "early", "unsigned"]);
    world.promote("good", &["dev", "prod"]);
    world.promote("early", &["dev"]);
    for (images, failures, errors) in [
        (&["good"][..], 0, 0),
        (&["unsigned"], 1, 0),
        (&["early"], 1, 0),
        (&["good", "unsigned"], 1, 0),
        (&["absent"], 0, 1),
    ] {
        let (_, expected) = written(&world, "json", images, &[]);
        for form in ["sarif", "junit", "markdown", "human"] {
            let (text, exit) = written(&world, form, images, &[]);
            assert_eq!(exit, expected, "{form} {images:?}");
            if form != "human" {
                assert_eq!(text, written(&world, form, images, &[]).0, "{form}");
            }
        }
        let (page, _) = written(&world, "markdown", images, &[]);
        let first = page.lines().next().unwrap();
        assert!(first.starts_with("### bulla verify: "), "{page}");
        assert_eq!(
            first == "### bulla verify: allowed",
            expected == 0,
            "{page}"
        );
        assert_eq!(first.ends_with("denied"), failures > 0, "{page}");
        let (xml, _) = written(&world, "junit", images, &[]);
        let has = |what: &str| xml.contains(what);
        assert_eq!(has("<failure "), failures > 0, "{xml}");
        assert_eq!(has("<error "), errors > 0, "{xml}");
        let (text, _) = written(&world, "sarif", images, &[]);
        let document: Value = serde_json::from_str(&text).unwrap();
        let results = document["runs"][0]["results"].as_array().unwrap();
        let is_error = |result: &&Value| result["level"] == "error";
        assert_eq!(
            results.iter().any(|one| is_error(&one)),
            expected != 0,
            "{text}"
        );
        let rules = document["runs"][0]["tool"]["driver"]["rules"]
            .as_array()
            .unwrap();
        for result in results {
            let index = result["ruleIndex"].as_u64().unwrap();
            let rule = &rules[usize::try_from(index).unwrap()];
            assert_eq!(rule["id"], result["ruleId"]);
            assert!(
                !rule["shortDescription"]["text"]
                    .as_str()
                    .unwrap()
                    .is_empty()
            );
            let place = &result["locations"][0]["physicalLocation"];
            assert!(place["artifactLocation"]["uri"].is_string(), "{text}");
        }
    }
    // A dry run ends with 0 and says the same.
    let (text, exit) = written(&world, "junit", &["unsigned"], &["--audit"]);
    assert_eq!((exit, text.contains("<failure ")), (0, true));
}

/// Takes the approvals away that are attached to images of the layout.
fn without_approvals(world: &World) {
    let path = world.path("layout/index.json");
    let mut index: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    let entries = index["manifests"].as_array_mut().unwrap();
    let before = entries.len();
    entries.retain(|entry| {
        let digest = entry["digest"].as_str().unwrap().replace("sha256:", "");
        let blob = world.path("layout/blobs/sha256").join(digest);
        let text = std::fs::read_to_string(blob).unwrap();
        !text.contains("https://bulla.dev/approval/v1")
    });
    assert!(entries.len() < before);
    std::fs::write(path, index.to_string()).unwrap();
}

#[test]
fn a_finding_points_at_the_line_of_the_policy() {
    let world = World::new(&["early"]);
    world.promote("early", &["dev", "prod"]);
    without_approvals(&world);
    let absolute = world.path("policy").canonicalize().unwrap();
    let absolute = absolute.to_str().unwrap();
    for policy in ["policy", "./policy/release.yaml", absolute] {
        let told = |form: &str| -> Value {
            let target = World::target("early");
            let verify = [
                "verify", "--env", "prod", "--policy", policy, "--output", form,
            ];
            let output = world.try_bulla(&[&verify[..], &[&target]].concat());
            serde_json::from_slice(&output.stdout).unwrap()
        };
        let verdict = told("json");
        let findings = verdict["verdicts"][0]["verdict"]["findings"]
            .as_array()
            .unwrap();
        let document = told("sarif");
        let results = document["runs"][0]["results"].as_array().unwrap();
        assert_eq!(findings.len(), results.len());
        let mut placed = 0;
        for (finding, result) in findings.iter().zip(results) {
            assert_eq!(finding["code"], result["ruleId"]);
            let place = &result["locations"][0]["physicalLocation"];
            let uri = place["artifactLocation"]["uri"].as_str().unwrap();
            let region = &place["region"];
            let Some(text) = finding["place"].as_str() else {
                assert_eq!((uri, &region["startLine"]), ("layout", &1.into()));
                continue;
            };
            placed += 1;
            let told = format!("{uri}:{}:{}", region["startLine"], region["startColumn"]);
            assert_eq!(told, format!("policy/{text}"));
            let file = std::fs::read_to_string(world.path(uri)).unwrap();
            let line = usize::try_from(region["startLine"].as_u64().unwrap()).unwrap();
            assert!(line <= file.lines().count(), "{told}");
        }
        assert!(placed > 0, "{verdict}");
    }
}

#[test]
fn a_call_that_fails_before_it_judges_writes_a_document_that_says_so() {
    let world = World::new(&["good"]);
    std::fs::write(world.path("none.yaml"), "apiVersion: v1\nkind: ConfigMap\n").unwrap();
    std::fs::write(world.path("broken.yaml"), "a: [").unwrap();
    let target = World::target("good");
    let calls: [&[&str]; 6] = [
        &["--env", "prod", &target],
        &["--env", "prod", "--policy", "absent", &target],
        &[
            "--env",
            "prod",
            "--policy",
            "policy",
            "--manifests",
            "none.yaml",
        ],
        &[
            "--env",
            "prod",
            "--policy",
            "policy",
            "--manifests",
            "broken.yaml",
        ],
        &[
            "--env",
            "prod",
            "--policy",
            "policy",
            "--no-such-flag",
            &target,
        ],
        &[
            "--env", "prod", "--policy", "policy", "--color", "red", &target,
        ],
    ];
    for call in calls {
        let told = |form: &str| {
            let output = world.try_bulla(&[&["verify"], call, &["--output", form]].concat());
            assert_eq!(output.status.code(), Some(2), "{call:?}");
            assert!(!output.stderr.is_empty(), "{call:?}");
            String::from_utf8(output.stdout).unwrap()
        };
        let document: Value = serde_json::from_str(&told("sarif")).unwrap();
        let run = &document["runs"][0];
        assert_eq!(run["invocations"][0]["executionSuccessful"], false);
        assert_eq!(run["invocations"][0]["exitCode"], 2);
        assert_eq!(run["results"].as_array().unwrap().len(), 1, "{call:?}");
        assert_eq!(run["results"][0]["ruleId"], "not-allowed");
        assert_eq!(run["results"][0]["level"], "error");
        let xml = told("junit");
        assert!(
            xml.contains("tests=\"1\" failures=\"0\" errors=\"1\""),
            "{xml}"
        );
        assert_eq!(xml.matches("<error ").count(), 1, "{xml}");
        let page = told("markdown");
        assert!(page.starts_with("### bulla verify: not judged\n"), "{page}");
    }
}

#[test]
fn other_commands_say_that_they_write_no_such_document_before_they_do_anything() {
    let world = World::new(&["good"]);
    for form in ["sarif", "junit", "markdown"] {
        let output = world.try_bulla(&["key", "generate", "--no-password", "--output", form]);
        assert_eq!(output.status.code(), Some(2));
        assert!(output.stdout.is_empty());
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(
            said.contains("is for the answers of bulla verify"),
            "{said}"
        );
    }
    assert!(!world.path("bulla.key").exists());
}

#[test]
fn the_next_step_of_a_pipeline_gets_the_answer() {
    let world = World::new(&["good", "unsigned"]);
    world.promote("good", &["dev", "prod"]);
    let (good, _) = written(&world, "gitlab", &["good"], &[]);
    let digest = World::digest("good");
    for line in [
        "BULLA_DECISION=allowed",
        "BULLA_EXIT=0",
        &format!("BULLA_DIGEST={digest}"),
    ] {
        assert!(good.lines().any(|own| own == line), "{good}");
    }
    let (bad, exit) = written(&world, "gitlab", &["unsigned"], &[]);
    assert!(
        bad.starts_with(&format!("BULLA_DECISION=denied\nBULLA_EXIT={exit}\n")),
        "{bad}"
    );
    assert!(bad.contains("BULLA_FINDING=provenance-missing"), "{bad}");
}
