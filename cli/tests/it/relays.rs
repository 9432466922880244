//! Reviews passed on by a relay, from a platform that answers as GitHub's and GitLab's documents say,
//! and from one that does not.

use serde_json::{Value, json};

use crate::company::provenance;
use crate::sandbox::{Answer, Sandbox};

mod platform;

use platform::{
    BASE, EVENTS, HEAD, MERGE, PROJECT, PULL, PULLS, Platform, REVIEWS, TOKEN, account, compare,
    github, gitlab, gitlab_path, patch, review,
};

const RULES: &str = "apiVersion: bulla.dev/policy/v0.1
name: release
version: 1
environments:
  dev: {uri: 'env://acme/pay/dev', freshness: none}
  prod: {uri: 'env://acme/pay/prod', freshness: none}
tiers:
  high: {claimedTime: allow, relayedApprovals: allow}
identities:
  ci: {ci}
edges:
  - to: dev
    by: [ci]
    require: {provenance: {by: [ci]}}
  - from: dev
    to: prod
    by: [ci]
    require:
      provenance: {by: [ci]}
      approvals: {threshold: 2, exclude: [builder, promoter], maxAge: 7d}
";

/// In dev, under a policy where alice has account 17 and bob 19; the digest of the image.
fn company() -> (Sandbox, String) {
    let sandbox = Sandbox::new()
        .with_image()
        .with_keys(&["alice", "bob", "ci", "owner", "relay", "other"]);
    let account = |id: u64| format!("accounts: [{{platform: code.example.test, id: {id}}}], ");
    let people = [("alice", &*account(17)), ("bob", &*account(19))];
    sandbox.write_policy(RULES, &people, &["ci"]);
    anchor(&sandbox, "http://127.0.0.1:1");
    sandbox.attest_build("image:1.0", &provenance("pay", HEAD), "");
    sandbox.done("promote image:1.0 --to dev --key ci.key");
    let index: Value = serde_json::from_str(&sandbox.read("image/index.json")).unwrap();
    let entries = index["manifests"].as_array().unwrap();
    let named = entries
        .iter()
        .find(|entry| entry["annotations"]["org.opencontainers.image.ref.name"] == "1.0");
    let digest = named.unwrap()["digest"].as_str().unwrap().to_owned();
    (sandbox, digest)
}

fn anchor(sandbox: &Sandbox, api: &str) {
    let here = api.trim_start_matches("http://");
    sandbox.write(
        "bulla.yaml",
        &format!("policy: policy\nanchor: anchor.yaml\nplain-http: ['{here}']\n"),
    );
    let pem = sandbox.read("owner.pub").replace('\n', "\\n");
    let relay = sandbox.identity("relay");
    sandbox.write(
        "anchor.yaml",
        &format!(
            "apiVersion: bulla.dev/anchor/v0.1
owners: {{threshold: 1, keys: [\"{pem}\"]}}
environments: []
relays:
  - platform: code.example.test
    api: {api}
    repositories: ['https://code.example.test/acme/deploy']
    files: ['prod/**']
    environments: ['env://acme/pay/prod']
    by: {relay}
"
        ),
    );
}

/// Passes on what the platform says of a request; the token is never shown.
fn pass_on(sandbox: &Sandbox, platform: &Platform, url: &str, more: &str) -> Answer {
    anchor(sandbox, &platform.url);
    let output = sandbox
        .command(&format!(
            "approve image:1.0 --to prod --review {url} --key relay.key --yes {more}"
        ))
        .env("GITHUB_TOKEN", TOKEN)
        .env("CI_JOB_TOKEN", TOKEN)
        .output()
        .unwrap();
    let answer = Answer::of(&output);
    for text in [&answer.data, &answer.talk] {
        assert!(!text.contains(TOKEN), "{text}");
        assert!(!text.contains('\u{1b}'), "{text:?}");
    }
    answer
}

/// How many statements there are beside the image.
fn attached(sandbox: &Sandbox) -> usize {
    std::fs::read_dir(sandbox.path("image/blobs/sha256"))
        .unwrap()
        .count()
}

#[test]
fn reviews_of_a_pull_request_become_approvals_once() {
    let (sandbox, digest) = company();
    let platform = github(&digest);
    let answer = pass_on(&sandbox, &platform, PULL, "--output json");
    assert_eq!(answer.code, 0, "{}", answer.talk);
    let said = answer.json();
    let persons: Vec<_> = said["signed"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| &one["person"])
        .collect();
    assert_eq!(persons, ["alice", "bob"]);
    assert_eq!(
        (&said["commit"], &said["file"]),
        (&json!(HEAD), &json!("prod/pay.yaml"))
    );
    assert!(
        said["approvals"]
            .as_str()
            .unwrap()
            .contains("2 of 2: alice, bob"),
        "{said}"
    );
    assert!(
        answer.talk.contains("for alice   account 17 (user17)"),
        "{}",
        answer.talk
    );
    assert!(
        answer.talk.contains(&format!("{PULL}#pullrequestreview-2")),
        "{}",
        answer.talk
    );
    let asked = platform.asked.lock().unwrap().clone();
    assert!(
        asked
            .iter()
            .all(|head| head.contains(&format!("authorization: Bearer {TOKEN}")))
    );
    // Again nothing is signed, and with a fragment it is the same request.
    let before = attached(&sandbox);
    let url = format!("{PULL}#pullrequestreview-4");
    let again = pass_on(&sandbox, &platform, &url, "--output json");
    assert_eq!(again.code, 0, "{}", again.talk);
    assert_eq!(again.json()["already"], json!(["alice", "bob"]));
    assert_eq!(attached(&sandbox), before);
    sandbox.done("promote image:1.0 --to prod --key ci.key");
    sandbox.done("verify image:1.0 --env prod");
    // Evidence packs hold the anchor, without which nobody would be a relay.
    sandbox.done("evidence pack image:1.0 --env prod -o pack.tar");
    let replayed = sandbox.run("evidence verify pack.tar");
    assert_eq!(replayed.code, 0, "{}{}", replayed.data, replayed.talk);
    // A verifier whose anchor names another does not count them.
    let text = sandbox.read("anchor.yaml");
    let other = text.replace(&sandbox.identity("relay"), &sandbox.identity("other"));
    sandbox.write("other.yaml", &other);
    let refused = sandbox.run("verify image:1.0 --env prod --anchor other.yaml");
    assert_eq!(refused.code, 4, "{}", refused.data);
}

#[test]
fn approvals_of_a_merge_request_become_approvals_once() {
    let (sandbox, digest) = company();
    let platform = gitlab(&digest);
    let answer = pass_on(&sandbox, &platform, MERGE, "--output json");
    assert_eq!(answer.code, 0, "{}", answer.talk);
    assert_eq!(answer.json()["signed"].as_array().unwrap().len(), 2);
    let asked = platform.asked.lock().unwrap().clone();
    assert!(
        asked
            .iter()
            .all(|head| head.contains(&format!("job-token: {TOKEN}")))
    );
    let again = pass_on(&sandbox, &platform, MERGE, "--output json");
    assert_eq!(
        again.json()["already"],
        json!(["alice", "bob"]),
        "{}",
        again.talk
    );
    sandbox.done("promote image:1.0 --to prod --key ci.key");
    sandbox.done("verify image:1.0 --env prod");
}

/// What comes of a pull request after a change: exit code, and for whom was signed.
#[track_caller]
fn changed(platform: &Platform, sandbox: &Sandbox, url: &str) -> (i32, Vec<String>, String) {
    let answer = pass_on(sandbox, platform, url, "--output json");
    let mut signed = Vec::new();
    if !answer.data.is_empty() {
        let said = answer.json();
        let persons = said["signed"].as_array().into_iter().flatten();
        signed.extend(persons.map(|one| one["person"].as_str().unwrap().to_owned()));
    }
    (
        answer.code,
        signed,
        format!("{}{}", answer.data, answer.talk),
    )
}

#[test]
fn reviews_that_are_no_yes_to_the_commit_are_left_out() {
    let early = (jiff::Timestamp::now() - jiff::SignedDuration::from_mins(30)).to_string();
    let cases: &[(&str, &str, Value, &str)] = &[
        (REVIEWS, "/3/state", json!("DISMISSED"), "dismissed"),
        (
            REVIEWS,
            "/3/state",
            json!("CHANGES_REQUESTED"),
            "asked for changes",
        ),
        (
            REVIEWS,
            "/3/state",
            json!("SOMETHING_NEW"),
            "asked for changes",
        ),
        (
            REVIEWS,
            "/3/commit_id",
            json!(BASE),
            "reviewed another commit",
        ),
        (
            REVIEWS,
            "/3/commit_id",
            json!(null),
            "reviewed another commit",
        ),
        (REVIEWS, "/3/user/type", json!("Bot"), "is no user"),
        (REVIEWS, "/3/user/id", json!(5), "opened the request"),
        (REVIEWS, "/3/user/id", json!(20), "nobody's account"),
        (REVIEWS, "/3/submitted_at", json!(null), "does not say when"),
        (
            REVIEWS,
            "/3/submitted_at",
            json!("2026-01-01T00:00:00Z"),
            "before it was changed",
        ),
    ];
    for (path, pointer, value, reason) in cases {
        let (sandbox, digest) = company();
        let platform = github(&digest);
        platform.set(
            EVENTS,
            200,
            &json!([
                {"event": "labeled", "created_at": early},
                {"event": "base_ref_changed", "created_at": "2026-02-01T00:00:00Z"},
            ]),
        );
        platform.change(path, |body| {
            *body.pointer_mut(pointer).unwrap() = value.clone();
        });
        let (code, signed, text) = changed(&platform, &sandbox, PULL);
        assert_eq!(
            (code, signed),
            (0, vec!["alice".to_owned()]),
            "{pointer} {value}: {text}"
        );
        assert!(text.contains(reason), "{reason}: {text}");
    }
}

#[test]
fn a_request_that_is_not_about_the_image_signs_nothing() {
    let (sandbox, digest) = company();
    let before = attached(&sandbox);
    let compared = compare();
    let longer = format!("{digest}ab");
    let cases: &[(&str, &str, Value, i32, &str)] = &[
        (
            &compared,
            "/files/1/filename",
            json!("staging/pay.yaml"),
            1,
            "to no file",
        ),
        (
            &compared,
            "/files/1/patch",
            json!(patch(&longer)),
            1,
            "to no file",
        ),
        (
            &compared,
            "/files/1/patch",
            json!(format!(" {digest}\n-{digest}")),
            1,
            "to no file",
        ),
        (
            &compared,
            "/files/1/patch",
            json!(null),
            3,
            "changes more than",
        ),
        (
            PULLS,
            "/base/ref",
            json!("staging"),
            1,
            "goes into staging, not into main",
        ),
        (
            PULLS,
            "/state",
            json!("closed"),
            1,
            "closed without being merged",
        ),
        (
            PULLS,
            "/base/repo/full_name",
            json!("mallory/deploy"),
            3,
            "another pull request",
        ),
        (PULLS, "/number", json!(8), 3, "another pull request"),
        (PULLS, "/head/sha", json!("HEAD"), 3, "no whole commits"),
        (PULLS, "/user/id", json!("5"), 3, "malformed answer"),
        (REVIEWS, "/0/user/id", json!(-17), 3, "malformed answer"),
        (REVIEWS, "/0/user/id", json!("17"), 3, "malformed answer"),
        (REVIEWS, "/0/user/id", json!(0), 3, "malformed answer"),
    ];
    for (path, pointer, value, expected, reason) in cases {
        let platform = github(&digest);
        platform.change(path, |body| {
            *body.pointer_mut(pointer).unwrap() = value.clone();
        });
        let (code, signed, text) = changed(&platform, &sandbox, PULL);
        assert_eq!(
            (code, signed.len()),
            (*expected, 0),
            "{pointer} {value}: {text}"
        );
        assert!(text.contains(reason), "{reason}: {text}");
    }
    // What the author writes around it may change after the review.
    let platform = github(&digest);
    platform.change(PULLS, |body| {
        body["body"] = json!(format!("deploys {digest}"));
    });
    platform.change(&compared, |body| {
        body["files"][1]["patch"] = json!("+digest: other");
    });
    let (code, signed, text) = changed(&platform, &sandbox, PULL);
    assert_eq!((code, signed.len()), (1, 0), "{text}");
    // Nobody approved yet.
    let platform = github(&digest);
    platform.set(REVIEWS, 200, &json!([]));
    let (code, _, text) = changed(&platform, &sandbox, PULL);
    assert_eq!(code, 4, "{text}");
    assert_eq!(attached(&sandbox), before, "nothing was signed");
}

#[test]
fn a_merged_pull_request_may_be_passed_on_and_lists_have_pages() {
    let (sandbox, digest) = company();
    let platform = github(&digest);
    platform.change(PULLS, |body| {
        body["state"] = json!("closed");
        body["merged"] = json!(true);
    });
    let comment = review(9, &account(21, "User"), "COMMENTED");
    let second = REVIEWS
        .replace("page=1", "page=2")
        .replace("per_page=2", "per_page=1");
    platform.set(REVIEWS, 200, &json!(vec![comment.clone(); 100]));
    platform.set(
        &second,
        200,
        &json!([review(1, &account(17, "User"), "APPROVED")]),
    );
    let (code, signed, text) = changed(&platform, &sandbox, PULL);
    assert_eq!((code, signed), (0, vec!["alice".to_owned()]), "{text}");
    // One that does not end is no answer.
    for page in 1..=11 {
        let path = REVIEWS.replace("&page=1", &format!("&page={page}"));
        platform.set(&path, 200, &json!(vec![comment.clone(); 100]));
    }
    let (code, _, text) = changed(&platform, &sandbox, PULL);
    assert_eq!(code, 3, "{text}");
    assert!(text.contains("1000 entries or more"), "{text}");
}

#[test]
fn approvals_from_before_the_newest_version_are_left_out() {
    let (sandbox, digest) = company();
    let before = attached(&sandbox);
    let approvals = gitlab_path("/merge_requests/7/approvals");
    let request = gitlab_path("/merge_requests/7");
    let versions = gitlab_path("/merge_requests/7/versions?per_page=100&page=1");
    let compared = gitlab_path(&format!(
        "/repository/compare?from={BASE}&to={HEAD}&straight=true"
    ));
    let both = |value: Value| {
        json!([
            {"user": {"id": 17, "username": "user17"}, "approved_at": value},
        ])
    };
    let cases: &[(&str, &str, Value, i32, &str)] = &[
        (
            &approvals,
            "/approved_by",
            both(json!("2026-01-02T00:00:00Z")),
            4,
            "before it was changed",
        ),
        (
            &approvals,
            "/approved_by",
            both(json!(null)),
            4,
            "does not say when",
        ),
        (
            &approvals,
            "/approved_by",
            json!([]),
            4,
            "no review counts yet",
        ),
        (
            &request,
            "/state",
            json!("closed"),
            1,
            "neither open nor merged",
        ),
        (
            &request,
            "/target_branch",
            json!("staging"),
            1,
            "goes into staging",
        ),
        (
            &request,
            "/project_id",
            json!(4),
            3,
            "another merge request",
        ),
        (&request, "/sha", json!(BASE), 3, "newest version"),
        (&versions, "", json!([]), 3, "newest version"),
        (&compared, "/compare_timeout", json!(true), 4, ""),
        (
            &compared,
            "/diffs/0/new_path",
            json!("staging/pay.yaml"),
            1,
            "to no file",
        ),
        (
            PROJECT,
            "/path_with_namespace",
            json!("mallory/deploy"),
            3,
            "another merge request",
        ),
    ];
    for (path, pointer, value, expected, reason) in cases {
        let platform = gitlab(&digest);
        if *pointer == "/compare_timeout" {
            platform.set(path, 200, &json!({"compare_timeout": true, "diffs": []}));
            let (code, _, text) = changed(&platform, &sandbox, MERGE);
            assert_eq!(code, 3, "{text}");
            continue;
        }
        platform.change(path, |body| {
            *body.pointer_mut(pointer).unwrap() = value.clone();
        });
        let answer = pass_on(&sandbox, &platform, MERGE, "");
        let text = format!("{}{}", answer.data, answer.talk);
        assert_eq!(answer.code, *expected, "{pointer} {value}: {text}");
        assert!(text.contains(reason), "{reason}: {text}");
    }
    assert_eq!(attached(&sandbox), before, "nothing was signed");
}

#[test]
fn a_platform_that_does_not_answer_is_no_answer() {
    let (sandbox, digest) = company();
    let before = attached(&sandbox);
    for (status, body) in [
        (
            401,
            json!({"message": format!("bad credentials {TOKEN}")}).to_string(),
        ),
        (
            403,
            json!({"message": "API rate limit exceeded"}).to_string(),
        ),
        (404, json!({"message": "Not Found\u{1b}[2J"}).to_string()),
        (429, String::new()),
        (500, "oops".to_owned()),
        (302, String::new()),
        (200, "[]".to_owned()),
        (200, "{".to_owned()),
        (
            200,
            format!("{{\"number\": 7, \"number\": 7{}}}", ", \"x\": 1"),
        ),
        (200, " ".repeat((4 << 20) + 1)),
        (200, "[".repeat(1000)),
    ] {
        let platform = github(&digest);
        platform.set(PULLS, status, &body);
        let (code, signed, text) = changed(&platform, &sandbox, PULL);
        assert_eq!((code, signed.len()), (3, 0), "{status}: {text}");
    }
    for path in [REVIEWS, EVENTS, &compare()] {
        let platform = github(&digest);
        platform.set(path, 404, &"");
        let (code, _, text) = changed(&platform, &sandbox, PULL);
        assert_eq!(code, 3, "{text}");
    }
    assert_eq!(attached(&sandbox), before, "nothing was signed");
}

#[test]
fn only_whom_the_anchor_names_passes_on_and_only_what_it_may() {
    let (sandbox, digest) = company();
    let before = attached(&sandbox);
    let platform = github(&digest);
    for (url, key) in [
        ("https://code.example.test/mallory/deploy/pull/7", "relay"),
        ("https://evil.test/acme/deploy/pull/7", "relay"),
        ("https://code.example.test/acme/deploy", "relay"),
        (PULL, "other"),
        (PULL, "alice"),
    ] {
        anchor(&sandbox, &platform.url);
        let answer = sandbox.run(&format!(
            "approve image:1.0 --to prod --review {url} --key {key}.key --yes"
        ));
        assert_eq!(answer.code, 2, "{url} {key}: {}", answer.talk);
        assert!(
            answer.talk.contains("the anchor names no relay"),
            "{}",
            answer.talk
        );
    }
    let text = sandbox.read("anchor.yaml");
    sandbox.write("plain.yaml", text.split("relays:").next().unwrap());
    for anchor in ["plain.yaml", "anchor.yaml"] {
        let asked = platform.asked.lock().unwrap().len();
        let environment = if anchor == "plain.yaml" {
            "prod"
        } else {
            "dev"
        };
        let answer = sandbox.run(&format!(
            "approve image:1.0 --to {environment} --review {PULL} --key relay.key --yes --anchor {anchor}"
        ));
        assert_eq!(answer.code, 2, "{}", answer.talk);
        assert_eq!(
            platform.asked.lock().unwrap().len(),
            asked,
            "nobody was asked"
        );
    }
    // Nobody said yes to signing.
    let answer = sandbox.run(&format!(
        "approve image:1.0 --to prod --review {PULL} --key relay.key"
    ));
    assert_eq!(answer.code, 2, "{}", answer.talk);
    assert!(
        answer.talk.contains("say yes in advance"),
        "{}",
        answer.talk
    );
    assert_eq!(attached(&sandbox), before, "nothing was signed");
}

#[test]
fn a_token_goes_to_no_port_of_this_machine_that_only_an_anchor_names() {
    let (sandbox, digest) = company();
    let platform = github(&digest);
    anchor(&sandbox, &platform.url);
    sandbox.write("bulla.yaml", "policy: policy\nanchor: anchor.yaml\n");
    let here = platform.url.trim_start_matches("http://");
    let (host, _) = here.split_once(':').unwrap();
    let pass_on = |named: &str| {
        let approve =
            format!("approve image:1.0 --to prod --review {PULL} --key relay.key --yes {named}");
        let mut command = sandbox.command(&approve);
        Answer::of(&command.env("GITHUB_TOKEN", TOKEN).output().unwrap())
    };
    for named in [
        String::new(),
        format!("--plain-http {host}:1"),
        format!("--plain-http {host}"),
    ] {
        let refused = pass_on(&named);
        assert_eq!(refused.code, 2, "{named}: {}", refused.talk);
        assert!(
            refused.talk.contains("would be sent a token"),
            "{}",
            refused.talk
        );
        assert!(
            platform.asked.lock().unwrap().is_empty(),
            "nobody was asked"
        );
    }
    let answer = pass_on(&format!("--plain-http {here}"));
    assert_eq!(answer.code, 0, "{}", answer.talk);
}

#[test]
fn a_review_is_of_one_image_and_of_its_platform() {
    let (sandbox, digest) = company();
    let platform = github(&digest);
    anchor(&sandbox, &platform.url);
    // As somebody's own approval of all of them it would count for whoever holds the key.
    let several =
        format!("approve image:1.0 image:1.1 --to prod --review {PULL} --key relay.key --yes");
    let answer = sandbox.run(&several);
    assert_eq!(answer.code, 2, "{}", answer.talk);
    assert!(answer.talk.contains("one image"), "{}", answer.talk);
    // A token of one kind of platform goes to none of the other.
    for (anchored, url) in [
        (
            "github.com",
            "https://github.com/acme/deploy/-/merge_requests/7",
        ),
        ("gitlab.com", "https://gitlab.com/acme/deploy/pull/7"),
    ] {
        let with = sandbox
            .read("anchor.yaml")
            .replace("code.example.test", anchored);
        sandbox.write("anchor.yaml", &with);
        let answer = sandbox.run(&format!(
            "approve image:1.0 --to prod --review {url} --key relay.key --yes"
        ));
        assert_eq!(answer.code, 2, "{}", answer.talk);
        assert!(answer.talk.contains("no address"), "{}", answer.talk);
        let back = sandbox
            .read("anchor.yaml")
            .replace(anchored, "code.example.test");
        sandbox.write("anchor.yaml", &back);
    }
}

#[test]
fn one_entry_of_the_anchor_has_to_allow_all_of_it() {
    let (sandbox, digest) = company();
    let platform = github(&digest);
    anchor(&sandbox, &platform.url);
    // The relay may pass on reviews of other files, somebody else those of this one.
    let whole = sandbox.read("anchor.yaml");
    let (head, entry) = whole.split_once("  - platform").unwrap();
    let others = entry.replace("prod/**", "other/**");
    let theirs = entry.replace(&sandbox.identity("relay"), &sandbox.identity("alice"));
    assert!(theirs != entry && others != entry);
    sandbox.write(
        "anchor.yaml",
        &format!("{head}  - platform{theirs}  - platform{others}"),
    );
    let before = attached(&sandbox);
    let answer = sandbox
        .command(&format!(
            "approve image:1.0 --to prod --review {PULL} --key relay.key --yes"
        ))
        .env("GITHUB_TOKEN", TOKEN)
        .output()
        .unwrap();
    let answer = Answer::of(&answer);
    assert_eq!(answer.code, 2, "{}", answer.talk);
    assert!(answer.talk.contains("names no relay"), "{}", answer.talk);
    assert_eq!(attached(&sandbox), before);
}
