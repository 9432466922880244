//! The journey beyond the normal way: soak, rollback, hotfix, break-glass and its review.

use serde_json::{Value, json};

use crate::company::{COMMIT, provenance};
use crate::sandbox::{Answer, Sandbox};

/// A company with a policy for every kind of step, and a layout with four releases of one service.
pub(crate) fn company() -> Sandbox {
    let sandbox = Sandbox::new()
        .with_image()
        .with_keys(&["alice", "bob", "ci", "deployer"]);
    let managers = ["alice", "bob"].map(|name| (name, "roles: [release-manager], "));
    sandbox.write_policy(RULES, &managers, &["ci", "deployer"]);
    let service = sandbox.read("policy/services/pay.yaml") + "images: [\"oci:image\"]\n";
    sandbox.write("policy/services/pay.yaml", &service);
    for release in ["1.1", "1.2", "1.3"] {
        sandbox.add_release(release);
    }
    sandbox
}

const RULES: &str = "apiVersion: bulla.dev/policy/v0.1
name: release
version: 1
environments:
  dev: {uri: 'env://acme/pay/dev', freshness: none}
  staging: {uri: 'env://acme/pay/staging', freshness: none}
  canary: {uri: 'env://acme/pay/canary', freshness: none}
  prod: {uri: 'env://acme/pay/prod', freshness: none}
tiers:
  high: {claimedTime: allow}
identities:
  ci: {ci}
  deployer: {deployer}
edges:
  - to: dev
    by: [ci]
    require: {provenance: {by: [ci]}}
  - {from: dev, to: staging, by: [ci], require: {}}
  - from: staging
    to: canary
    by: [ci]
    require:
      soak: {in: staging, min: 24h, by: [deployer]}
  - from: staging
    to: prod
    by: [ci]
    require:
      soak: {in: staging, min: 1s, by: [deployer]}
  - to: prod
    kind: rollback
    by: [ci]
    require:
      approvals: {threshold: 1, exclude: [promoter]}
  - from: dev
    to: prod
    kind: hotfix
    by: [ci]
    require: {}
    reviewWithin: 48h
  - from: dev
    to: prod
    kind: break-glass
    by: [ci]
    require:
      approvals: {threshold: 1, exclude: [promoter]}
    reviewWithin: 5d
    overdueReview: deny
";

/// Built and in dev.
fn built(sandbox: &Sandbox, image: &str) {
    proven(sandbox, image, "pay");
    sandbox.done(&format!("promote {image} --to dev --key ci.key"));
}

/// Built from one of the company's repositories.
pub(crate) fn proven(sandbox: &Sandbox, image: &str, repository: &str) {
    sandbox.attest_build(image, &provenance(repository, COMMIT), "");
}

/// The whole normal way into prod.
pub(crate) fn released(sandbox: &Sandbox, image: &str) -> Value {
    built(sandbox, image);
    sandbox.done(&format!("promote {image} --to staging --key ci.key"));
    sandbox.done(&format!(
        "deploy record {image} --env staging --event succeeded --key deployer.key --workload apps/v1/Deployment/pay/api"
    ));
    std::thread::sleep(std::time::Duration::from_millis(2100));
    sandbox
        .done(&format!(
            "promote {image} --to prod --key ci.key --release {image} --output json"
        ))
        .json()
}

/// The steps of what is allowed in prod.
fn steps(sandbox: &Sandbox, image: &str) -> Vec<Value> {
    let report = sandbox
        .done(&format!("verify --env prod {image} --output json"))
        .json();
    let steps = report["verdicts"][0]["verdict"]["steps"].clone();
    serde_json::from_value(steps).unwrap_or_else(|error| panic!("{error}: {report}"))
}

#[track_caller]
pub(crate) fn refused(answer: &Answer, exit: i32, said: &str) {
    assert_eq!(answer.code, exit, "{}{}", answer.data, answer.talk);
    let all = format!("{}{}", answer.data, answer.talk);
    assert!(all.contains(said), "{said}: {all}");
}

#[test]
fn a_service_goes_forward_back_and_around_the_gates() {
    let sandbox = company();
    let first = released(&sandbox, "image:1.0");
    let waiting = sandbox.run("promote image:1.0 --to canary --key ci.key");
    refused(&waiting, 4, "soak-short");
    refused(&waiting, 4, "soak until ");

    let second = released(&sandbox, "image:1.1");
    let step = steps(&sandbox, "image:1.1").pop().unwrap();
    assert_eq!(step["slot"]["sequence"], 2, "found without being told");
    assert_eq!(step["slot"]["previous"], first["promotion"]);

    // Back, from promotions alone.
    let unapproved = sandbox.run("rollback image:1.1 --env prod --key ci.key");
    refused(&unapproved, 4, "approvals-missing");
    refused(&unapproved, 4, "--kind rollback");
    sandbox.done("approve image:1.0 --to prod --kind rollback --key alice.key --yes");
    let dry = sandbox.done("rollback image:1.1 --env prod --key ci.key --dry-run");
    assert!(dry.data.contains("nothing was signed"), "{}", dry.data);
    sandbox.done("rollback pay --env prod --key ci.key --incident INC-76");
    let step = steps(&sandbox, "image:1.0").pop().unwrap();
    assert_eq!(step["kind"], "rollback");
    assert_eq!(step["slot"]["sequence"], 3);
    assert_eq!(step["slot"]["previous"], second["promotion"]);
    assert_eq!(step["version"], "image:1.0", "what it was called before");
    assert_eq!(step["approvedBy"], json!(["alice"]));
    let again = sandbox.run("rollback pay --env prod --key ci.key");
    refused(&again, 2, "--to DIGEST");
    let there = format!(
        "rollback pay --env prod --to {} --key ci.key",
        digest_of(&sandbox, "1.0")
    );
    assert!(sandbox.done(&there).data.contains("already in"));

    // A hotfix, from dev straight into prod.
    built(&sandbox, "image:1.2");
    let hotfix = "promote image:1.2 --to prod --kind hotfix --key ci.key";
    refused(&sandbox.run(hotfix), 2, "needs its reason");
    sandbox.done(&format!("{hotfix} --reason typo"));
    let step = steps(&sandbox, "image:1.2").pop().unwrap();
    assert_eq!(
        (&step["kind"], &step["slot"]["sequence"]),
        (&json!("hotfix"), &json!(4))
    );

    // What never was there is nothing to go back to.
    built(&sandbox, "image:1.3");
    let digest = digest_of(&sandbox, "1.3");
    let never = sandbox.run(&format!(
        "rollback pay --env prod --to {digest} --key ci.key"
    ));
    refused(&never, 1, "never-there");
}

#[test]
fn an_emergency_is_approved_reasoned_and_reviewed_by_somebody_else() {
    let sandbox = company();
    built(&sandbox, "image:1.0");
    let glass = "promote image:1.0 --to prod --kind break-glass --key ci.key --reason down";
    refused(&sandbox.run(glass), 2, "--incident ID");
    let glass = format!("{glass} --incident INC-77");
    refused(&sandbox.run(&glass), 4, "--kind break-glass");
    sandbox.done("approve image:1.0 --to prod --kind break-glass --key alice.key --yes");
    let promoted = sandbox.done(&glass);
    assert!(promoted.data.contains("bulla review"), "{}", promoted.data);

    let review = "review image:1.0 --outcome accepted --notes fine --yes --key";
    refused(
        &sandbox.run(&format!("{review} alice.key")),
        1,
        "reviewer-involved",
    );
    refused(
        &sandbox.run(&format!("{review} ci.key")),
        1,
        "reviewer-unknown",
    );
    let unasked = sandbox.run("review image:1.0 --outcome accepted --key bob.key");
    refused(&unasked, 2, "say yes in advance");
    let checks = |sandbox: &Sandbox| {
        let report = sandbox
            .done("verify --env prod image:1.0 --output json")
            .json();
        report["verdicts"][0]["verdict"]["checks"].to_string()
    };
    assert!(
        checks(&sandbox).contains("due until "),
        "{}",
        checks(&sandbox)
    );
    let drawn = |way: &str| {
        for command in ["verify --env prod image:1.0", "chain image:1.0"] {
            let text = sandbox.done(command).data;
            assert!(text.contains(&format!(" prod ({way})")), "{text}");
        }
    };
    drawn("break-glass, review open");
    let accepted = sandbox.done(&format!("{review} bob.key"));
    assert!(accepted.data.contains("accepted"), "{}", accepted.data);
    assert!(
        checks(&sandbox).contains("accepted by bob"),
        "{}",
        checks(&sandbox)
    );
    drawn("break-glass");
    let explained = sandbox.done("policy explain").data;
    for line in [
        "a review within",
        "24h in staging since a deployment signed by deployer",
    ] {
        assert!(explained.contains(line), "{line}: {explained}");
    }
}

#[test]
fn a_deployment_is_recorded_as_it_happened() {
    let sandbox = company();
    let unknown =
        sandbox.run("deploy record image:1.0 --env dev --event started --key deployer.key");
    assert_eq!(
        unknown.code, 10,
        "whose release it is nobody knows: {}",
        unknown.data
    );
    built(&sandbox, "image:1.0");
    let record = |more: &str| {
        let command = format!("deploy record image:1.0 --key deployer.key {more}");
        sandbox.run(&command)
    };
    refused(
        &record("--env moon --event started"),
        2,
        "no environment `moon`",
    );
    refused(&record("--env dev --event exploded"), 2, "exploded");
    let early = record("--env prod --event rolled-back --reason slow --replaces image:1.1");
    assert_eq!(early.code, 0, "{}", early.talk);
    assert!(early.talk.contains("may not be in prod"), "{}", early.talk);
    let fine = record("--env dev --event succeeded --output json").json();
    let allowed = sandbox
        .done("verify --env dev image:1.0 --output json")
        .json();
    let step = &allowed["verdicts"][0]["verdict"]["steps"][0];
    assert_eq!(fine["promotion"], step["promotion"]);
}

pub(crate) fn digest_of(sandbox: &Sandbox, tag: &str) -> String {
    let index: Value = serde_json::from_str(&sandbox.read("image/index.json")).unwrap();
    let mut entries = index["manifests"].as_array().unwrap().iter();
    let named = entries.find(|one| one["annotations"]["org.opencontainers.image.ref.name"] == tag);
    named.unwrap()["digest"].as_str().unwrap().to_owned()
}

#[test]
fn what_is_asked_besides_says_of_whom_and_when() {
    let sandbox = company();
    let rules = sandbox.read("policy/release.yaml");
    let tickets = "require: {tickets: {patterns: ['CHG-*']}}";
    let added = format!(
        "builders: [{{id: https://b.example/**, by: [ci], level: 2}}]
tighten:
  - {{to: staging, kinds: [promote], effectiveFrom: 2026-01-01T00:00:00Z, {tickets}}}
  - {{to: staging, standing: true, {tickets}}}
edges:
"
    );
    sandbox.write("policy/release.yaml", &rules.replace("edges:\n", &added));
    built(&sandbox, "image:1.0");
    let promote = "promote image:1.0 --to staging --key ci.key";
    let told = sandbox.done("policy explain").data;
    for line in [
        "builder https://b.example/**, signed by ci: SLSA build level 2",
        "every step",
        "into staging (promote) also, of every step from 2026-01-01T00:00:00Z on: 1 ticket",
        "into staging also, at every moment: 1 ticket",
    ] {
        assert!(told.contains(line), "{line}: {told}");
    }
    refused(&sandbox.run(promote), 1, "ticket-missing");
    sandbox.done(&format!("{promote} --ticket CHG-1"));
    let shown = sandbox
        .done("verify image:1.0 --env staging --explain")
        .data;
    assert!(shown.contains("now: "), "{shown}");
}

#[test]
fn a_step_that_takes_a_ticket_is_refused_without_and_says_how() {
    let sandbox = company();
    let rules = sandbox.read("policy/release.yaml").replace(
        "{from: dev, to: staging, by: [ci], require: {}}",
        "{from: dev, to: staging, by: [ci], require: {tickets: {regex: ['CHG-[0-9]+']}}}",
    );
    sandbox.write("policy/release.yaml", &rules);
    let told = sandbox.done("policy explain").data;
    assert!(told.contains("1 ticket like CHG-[0-9]+"), "{told}");
    built(&sandbox, "image:1.0");
    let promote = "promote image:1.0 --to staging --key ci.key";
    refused(&sandbox.run(promote), 1, "ticket-missing");
    refused(&sandbox.run(promote), 1, "--ticket TICKET");
    refused(
        &sandbox.run(&format!("{promote} --ticket INC-7")),
        1,
        "INC-7",
    );
    let why = sandbox.run("why image:1.0 --env staging");
    assert!(why.data.contains("--ticket TICKET"), "{}", why.data);
    assert_eq!(
        why.data.matches("--ticket TICKET").count(),
        1,
        "{}",
        why.data
    );
    sandbox.done(&format!("{promote} --ticket CHG-7"));
    sandbox.done("verify --env staging image:1.0");
}

#[test]
fn a_condition_is_asked_of_what_the_pipeline_signs() {
    let sandbox = company();
    let condition = "conditions: [{name: looked at, type: 'https://example.test/looked-at/v1', by: [ci], \
         maxAge: 2d, cel: 'predicate.score >= 7 && step.to == \"staging\"'}]";
    let plain = "{from: dev, to: staging, by: [ci], require: {}}";
    let rules = sandbox.read("policy/release.yaml");
    let with = |condition: &str| {
        let asked = format!("{{from: dev, to: staging, by: [ci], require: {{{condition}}}}}");
        sandbox.write("policy/release.yaml", &rules.replace(plain, &asked));
    };
    with(&condition.replace("predicate.score", "predicat.score"));
    let slip = sandbox.run("policy check");
    refused(&slip, 2, "error: release.yaml:18:");
    refused(
        &slip,
        2,
        "in `cel`, line 1, column 1: no `predicat`: expected one of `predicate`",
    );
    with(condition);
    let told = sandbox.done("policy explain").data;
    let line = "looked at: some https://example.test/looked-at/v1 signed by ci";
    assert!(told.contains(line), "{told}");
    assert!(
        told.contains("fulfils predicate.score >= 7 && step.to == \"staging\""),
        "{told}"
    );
    built(&sandbox, "image:1.0");
    let promote = "promote image:1.0 --to staging --key ci.key";
    refused(&sandbox.run(promote), 10, "condition-missing");
    let look = |score: &str| {
        sandbox.write("looked.json", &format!("{{\"score\": {score}}}"));
        let kind = "--type https://example.test/looked-at/v1 --predicate looked.json";
        sandbox.done(&format!("attest image:1.0 {kind} --key ci.key"));
    };
    look("\"high\"");
    refused(&sandbox.run(promote), 1, "condition-error");
    refused(&sandbox.run(promote), 1, "string >= int means nothing");
    look("6.5");
    refused(&sandbox.run(promote), 1, "condition-failed");
    look("7");
    sandbox.done(promote);
    sandbox.done("verify --env staging image:1.0");
}
