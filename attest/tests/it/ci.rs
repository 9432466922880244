//! Build facts from environments and from runs.

use std::collections::{BTreeMap, BTreeSet};

use bulla_attest::ci::{CI_SYSTEMS, CiError, CiSystem, GitSource, RunError, RunRecord, Variables};
use bulla_attest::claim;
use bulla_model::predicate::Provenance;
use bulla_model::{Digest, Limits, ResourceDescriptor, Statement};
use jiff::Timestamp;
use proptest::prelude::*;
use serde_json::Value;

use crate::fixture;

fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn environment(system: &str) -> Variables {
    String::from_utf8(fixture(&format!("ci/{system}.env")))
        .unwrap()
        .lines()
        .filter_map(|line| line.split_once('='))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

fn github() -> Variables {
    environment("github")
}

fn detect(variables: &Variables) -> &'static CiSystem {
    CiSystem::detect(variables).unwrap().unwrap()
}

fn statement(provenance: &Provenance) -> Value {
    let subject = ResourceDescriptor::named("registry.example.test/pay/api", Digest::sha256(b"x"));
    let issued_at = time("2026-11-21T22:31:07Z");
    let payload = claim::provenance(&[subject], issued_at, provenance).unwrap();
    let parsed = Statement::parse(&payload, &Limits::default()).unwrap();
    assert_eq!(Provenance::of(&parsed).unwrap(), *provenance);
    serde_json::from_slice(&payload).unwrap()
}

#[test]
fn a_job_yields_the_provenance_of_its_platform() {
    for system in CI_SYSTEMS {
        let variables = environment(system.name);
        assert_eq!(detect(&variables).name, system.name);
        let facts = system.build_facts(&variables).unwrap();
        let source = &facts.resolved_dependencies[0];
        assert!(source.uri.as_deref().unwrap().starts_with("git+"));
        assert!(source.digest.value("gitCommit").is_some());
        let value = statement(&facts.into());
        assert!(
            !value.to_string().contains("not-a-real-token"),
            "{}",
            system.name
        );
        insta::assert_json_snapshot!(format!("{}_job", system.name), value);
    }
}

#[test]
fn every_variable_that_is_needed_is_named_when_it_is_missing() {
    let mut needed = BTreeMap::new();
    for system in CI_SYSTEMS {
        let whole = environment(system.name);
        let names: &mut Vec<String> = needed.entry(system.name).or_default();
        for name in whole.keys().filter(|name| *name != system.marker) {
            let mut variables = whole.clone();
            variables.remove(name);
            match system.build_facts(&variables) {
                Err(CiError::Missing { name: missing }) => {
                    assert_eq!(missing, name);
                    names.push(name.clone());
                }
                Err(other) => panic!("{}: {other}", system.name),
                Ok(_) => {}
            }
        }
    }
    insta::assert_json_snapshot!(needed);
}

#[test]
fn forged_values_are_refused() {
    for (system, name, value) in [
        (
            "gitlab",
            "CI_PROJECT_URL",
            "https://user:pw@gitlab.example.test/a/b",
        ),
        ("gitlab", "CI_RUNNER_VERSION", "1/../../mallory/x"),
        (
            "gitlab",
            "CI_COMMIT_SHA",
            "9C1E44D0B6E9D1F3C2A4B5968778695A4B3C2D1E",
        ),
        ("gitlab", "CI_JOB_STARTED_AT", "yesterday"),
        ("gitlab", "CI_COMMIT_BRANCH", "a\nb"),
        ("gitlab", "CI_RUNNER_ID", "1?x"),
        ("buildkite", "BUILDKITE_COMMIT", "HEAD"),
        ("buildkite", "BUILDKITE_ORGANIZATION_SLUG", "acme/../evil"),
        ("buildkite", "BUILDKITE_REPO", "/var/lib/git/pay"),
        ("buildkite", "BUILDKITE_BUILD_URL", "javascript:x"),
        ("circleci", "CIRCLE_PROJECT_ID", "a/b"),
        (
            "circleci",
            "CIRCLE_REPOSITORY_URL",
            "https://git.example.test/x?token=abc",
        ),
        (
            "azure",
            "SYSTEM_COLLECTIONURI",
            "https://dev.example.test/?x=/",
        ),
        ("azure", "SYSTEM_TEAMPROJECTID", "Web Shop"),
        (
            "azure",
            "BUILD_REPOSITORY_URI",
            "https://h.test/glpat-0123456789abcdefghij/x",
        ),
        ("jenkins", "GIT_URL", "file:///srv/git/pay"),
        (
            "jenkins",
            "BUILD_URL",
            "https://jenkins.example.test/job/x#y",
        ),
        ("tekton", "TEKTON_TASK", "$(context.task.name)"),
        ("tekton", "TEKTON_BUILDER_ID", "cluster-1"),
        ("tekton", "CHAINS_GIT_COMMIT", "main"),
    ] {
        let mut variables = environment(system);
        let system = detect(&variables);
        variables.insert(name.to_owned(), value.to_owned());
        assert!(
            matches!(
                system.build_facts(&variables),
                Err(CiError::Malformed { name: found, .. }) if found == name
            ),
            "{name}={value}"
        );
    }
}

#[test]
fn an_error_about_a_repository_does_not_show_its_token() {
    let mut variables = environment("jenkins");
    let url = "https://git.example.test/x?access_token=hunter2";
    variables.insert("GIT_URL".to_owned(), url.to_owned());
    let error = detect(&variables).build_facts(&variables).unwrap_err();
    assert!(!error.to_string().contains("hunter2"), "{error}");
}

#[test]
fn an_incomplete_or_forged_github_environment_is_refused() {
    let system = detect(&github());
    for name in [
        "GITHUB_EVENT_NAME",
        "GITHUB_REF",
        "GITHUB_REPOSITORY",
        "GITHUB_REPOSITORY_ID",
        "GITHUB_REPOSITORY_OWNER_ID",
        "GITHUB_RUN_ATTEMPT",
        "GITHUB_RUN_ID",
        "GITHUB_SERVER_URL",
        "GITHUB_SHA",
        "GITHUB_WORKFLOW_REF",
        "RUNNER_ENVIRONMENT",
    ] {
        let mut variables = github();
        variables.remove(name);
        assert_eq!(
            system.build_facts(&variables).unwrap_err(),
            CiError::Missing { name }
        );
    }
    for (name, value) in [
        ("GITHUB_SHA", "main"),
        ("GITHUB_RUN_ID", "1/../2"),
        ("GITHUB_SERVER_URL", "https://user:pw@github.com"),
        ("GITHUB_SERVER_URL", "http://github.com"),
        ("GITHUB_REPOSITORY", "acme/pay/../other"),
        (
            "GITHUB_WORKFLOW_REF",
            "mallory/pay/.github/workflows/x.yml@refs/heads/main",
        ),
        (
            "GITHUB_WORKFLOW_REF",
            "acme/payroll/.github/workflows/x.yml@refs/heads/main",
        ),
        ("GITHUB_WORKFLOW_REF", "acme/pay/.github/workflows/x.yml"),
        ("GITHUB_REF", "refs/heads/a b"),
        ("RUNNER_ENVIRONMENT", ""),
    ] {
        let mut variables = github();
        variables.insert(name.to_owned(), value.to_owned());
        assert!(
            matches!(
                system.build_facts(&variables),
                Err(CiError::Malformed { name: found, .. }) if found == name
            ),
            "{name}={value}"
        );
    }
}

#[test]
fn only_a_job_that_says_so_belongs_to_a_system() {
    assert!(CiSystem::detect(&Variables::new()).unwrap().is_none());
    for (name, value) in [("GITHUB_ACTIONS", "false"), ("JENKINS_URL", "")] {
        let variables = BTreeMap::from([(name.to_owned(), value.to_owned())]);
        assert!(CiSystem::detect(&variables).unwrap().is_none());
    }
    assert!(CI_SYSTEMS.is_sorted_by_key(|system| system.name));
}

#[test]
fn a_job_that_shows_two_systems_belongs_to_neither() {
    let mut variables = github();
    variables.extend(environment("gitlab"));
    assert_eq!(
        CiSystem::detect(&variables).unwrap_err(),
        CiError::Ambiguous {
            markers: ["GITHUB_ACTIONS", "GITLAB_CI"]
        }
    );
}

fn record() -> RunRecord {
    RunRecord {
        command: ["make", "release", "TOKEN=hunter2"]
            .map(str::to_owned)
            .to_vec(),
        exit_code: 0,
        builder_id: "https://bulla.dev/builders/local".to_owned(),
        source: Some(GitSource {
            url: Some("https://me:hunter2@git.example.test/acme/pay.git".to_owned()),
            commit: "9c1e44d0b6e9d1f3c2a4b5968778695a4b3c2d1e".to_owned(),
            dirty: true,
            authors: vec![
                "Alice@acme.example".to_owned(),
                "alice@acme.example".to_owned(),
            ],
        }),
        materials: vec![
            ResourceDescriptor::named("src/main.c", Digest::sha256(b"main")),
            ResourceDescriptor::named("Makefile", Digest::sha256(b"make")),
        ],
        environment: [
            ("LANG", "C"),
            ("API_TOKEN", "hunter2"),
            ("HOME", "/home/me"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into(),
        shown_variables: BTreeSet::from(["LANG", "API_TOKEN", "UNSET"].map(str::to_owned)),
        started_on: time("2026-11-21T22:30:00Z"),
        finished_on: time("2026-11-21T22:31:00Z"),
    }
}

#[test]
fn a_run_yields_provenance_without_secrets() {
    let value = statement(&record().build_facts().unwrap().into());
    assert!(!value.to_string().contains("hunter2"));
    assert!(!value.to_string().contains("/home/me"));
    insta::assert_json_snapshot!(value);
}

#[test]
fn a_run_yields_a_link_even_when_it_failed() {
    let mut record = record();
    record.exit_code = 2;
    assert_eq!(
        record.build_facts().unwrap_err(),
        RunError::Failed { exit_code: 2 }
    );
    let link = record.link("build").unwrap();
    let text = serde_json::to_string(&link).unwrap();
    assert!(!text.contains("hunter2"), "{text}");
    assert_eq!(link.byproducts["return-value"], 2);
    assert_eq!(link.command[2], "TOKEN=[redacted]");
    assert_eq!(link.materials.len(), 3);
}

#[test]
fn the_order_in_which_files_were_found_does_not_matter() {
    let mut other = record();
    other.materials.reverse();
    assert_eq!(other.build_facts(), record().build_facts());
}

#[test]
fn impossible_records_are_refused() {
    let refused = |change: fn(&mut RunRecord)| {
        let mut record = record();
        change(&mut record);
        record.build_facts().unwrap_err().to_string()
    };
    assert_eq!(refused(|r| r.command.clear()), "no command was run");
    assert!(refused(|r| r.finished_on = Timestamp::UNIX_EPOCH).contains("before its start"));
    assert_eq!(
        refused(|r| r.materials.push(ResourceDescriptor::default())),
        "material 2 has no digest"
    );
    assert_eq!(
        refused(|r| r.source.as_mut().unwrap().commit = "HEAD\n".to_owned()),
        r"`HEAD\n` is no Git commit id"
    );
}

proptest! {
    #[test]
    fn no_value_makes_the_detectors_panic(at in 0_usize..32, value in any::<String>()) {
        for system in CI_SYSTEMS {
            let mut variables = environment(system.name);
            let name = variables.keys().nth(at % variables.len()).unwrap().clone();
            variables.insert(name, value.clone());
            let _ = CiSystem::detect(&variables).is_ok();
            let _ = system.build_facts(&variables).is_ok();
        }
    }
}
