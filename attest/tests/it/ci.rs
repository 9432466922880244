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

fn github() -> Variables {
    String::from_utf8(fixture("ci/github.env"))
        .unwrap()
        .lines()
        .filter_map(|line| line.split_once('='))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
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
fn a_github_job_yields_github_provenance() {
    let variables = github();
    let system = CiSystem::detect(&variables).unwrap();
    assert_eq!(system.name, "github");
    let facts = system.build_facts(&variables).unwrap();
    let value = statement(&facts.into());
    assert!(!value.to_string().contains(&variables["GITHUB_TOKEN"]));
    insta::assert_json_snapshot!(value);
}

#[test]
fn an_incomplete_or_forged_github_environment_is_refused() {
    let system = CiSystem::detect(&github()).unwrap();
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
fn only_a_job_that_says_so_is_a_github_job() {
    assert!(CiSystem::detect(&Variables::new()).is_none());
    let variables = BTreeMap::from([("GITHUB_ACTIONS".to_owned(), "false".to_owned())]);
    assert!(CiSystem::detect(&variables).is_none());
    assert!(CI_SYSTEMS.is_sorted_by_key(|system| system.name));
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
    fn no_value_makes_the_detectors_panic(at in 0_usize..16, value in any::<String>()) {
        let mut variables = github();
        let name = variables.keys().nth(at % variables.len()).unwrap().clone();
        variables.insert(name, value);
        if let Some(system) = CiSystem::detect(&variables) {
            let _ = system.build_facts(&variables).is_ok();
        }
    }
}
