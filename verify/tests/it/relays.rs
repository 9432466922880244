//! Relays: reviews from other platforms, passed on by whom the anchor names, and whatever looks like it.

use bulla_model::predicate::Approval;
use bulla_model::predicate::approval::{ApprovalDecision, OnBehalfOf};
use bulla_model::{Digest, EdgeKind};
use bulla_verify::{Anchor, Code, Policy, ReviewRequest, Verdict};
use serde_json::json;

use crate::edges;
use crate::kit::{self, Signer, World, assert_exit, assert_found, codes, hour, payload, show};

mod files;

/// What a relay says of a review by account 17 at hour 2.
pub(crate) fn review() -> OnBehalfOf {
    OnBehalfOf {
        platform: "code.example.test".into(),
        account_id: "17".into(),
        review_url: "https://code.example.test/acme/deploy/pull/7#pullrequestreview-1".into(),
        commit: "9c1e44d09c1e44d09c1e44d09c1e44d09c1e44d0".into(),
        file: Some("prod/pay-api.yaml".into()),
        reviewed_at: Some(hour(2)),
    }
}

fn anchor(key: &str) -> String {
    let owner = kit::policy::key("owner");
    let relay = kit::policy::key(key);
    format!(
        r#"apiVersion: bulla.dev/anchor/v0.1
owners: {{threshold: 1, keys: [{owner}]}}
environments: []
relays:
  - platform: code.example.test
    repositories: ["https://code.example.test/acme/deploy"]
    files: ["prod/*.yaml"]
    environments: ["env://acme/pay/prod"]
    by: [{{key: {relay}}}]
"#
    )
}

/// In staging, under a policy that takes relayed approvals: alice has account 17, carol 19, dave,
/// who manages no releases, 20.
pub(crate) fn world() -> World {
    world_but(|_| {})
}

/// The same with another policy.
fn world_but(change: impl FnOnce(&mut World)) -> World {
    let mut world = World::empty();
    world.edit(
        "release.yaml",
        "high: {claimedTime: allow}",
        "high: {claimedTime: allow, relayedApprovals: allow}",
    );
    for (name, id) in [("alice", 17), ("carol", 19), ("dave", 20)] {
        let emails = format!("    emails: [{name}@acme.example]\n");
        let accounts =
            format!("{emails}    accounts: [{{platform: code.example.test, id: {id}}}]\n");
        world.edit("people.yaml", &emails, &accounts);
    }
    world.anchor = Some(anchor("relay"));
    // Somebody else's key may be known for other reasons.
    world.more_keys.push(Signer::named("mallory").public());
    change(&mut world);
    world.provenance();
    world.sbom();
    world.tests();
    world.into_staging()
}

/// The relay passes a review on, after a change of what it says.
pub(crate) fn relay(world: &mut World, who: &str, change: impl Fn(&mut Approval, &mut OnBehalfOf)) {
    world.approve_with(who, "prod", |said| {
        let mut review = review();
        change(said, &mut review);
        said.on_behalf_of = Some(review);
    });
}

/// Promoted at hour 4; it is hour 24.
pub(crate) fn promoted(mut world: World) -> World {
    world.now = hour(4);
    world.promote("prod");
    world.now = hour(24);
    world
}

/// Carol approves herself, and a relay passes on what account 17 said.
pub(crate) fn passed_on(who: &str, change: impl Fn(&mut Approval, &mut OnBehalfOf)) -> World {
    let mut world = world();
    world.approve("carol", "prod");
    relay(&mut world, who, change);
    promoted(world)
}

fn said(change: impl Fn(&mut OnBehalfOf)) -> Verdict {
    passed_on("relay", |_, review| change(review)).verify("prod")
}

#[track_caller]
fn refused(verdict: &Verdict, exit: u8, code: Code) {
    assert_found(verdict, code);
    assert_exit(verdict, exit);
}

#[test]
fn a_review_that_a_named_relay_passes_on_counts_as_its_person() {
    let verdict = said(|_| {});
    assert_exit(&verdict, 0);
    let text = show(&verdict);
    assert!(text.contains("2 of 2: alice, carol"), "{text}");
    // Without the fragment it is the same review.
    let page = "https://code.example.test/acme/deploy/pull/7";
    assert_exit(&said(|review| review.review_url = page.into()), 0);
}

#[test]
fn two_accounts_passed_on_by_one_relay_are_two_persons() {
    let mut world = world();
    relay(&mut world, "relay", |_, _| {});
    relay(&mut world, "relay", |said, review| {
        review.account_id = "19".into();
        said.nonce = Some(kit::nonce("once more"));
    });
    assert_exit(&promoted(world).verify("prod"), 0);
}

#[test]
fn one_person_counts_once_however_the_yes_came() {
    for direct in ["alice", "alice-laptop"] {
        let mut world = world();
        world.approve(direct, "prod");
        relay(&mut world, "relay", |_, _| {});
        // Said again, at another time and of another review.
        world.now += jiff::SignedDuration::from_mins(5);
        relay(&mut world, "relay", |_, review| {
            review.review_url = "https://code.example.test/acme/deploy/pull/8".into();
        });
        refused(&promoted(world).verify("prod"), 4, Code::ApprovalsMissing);
    }
}

#[test]
fn where_the_tier_takes_no_relayed_approvals_none_counts() {
    let allowed = "claimedTime: allow, relayedApprovals: allow";
    for rule in [
        "claimedTime: allow",
        "claimedTime: allow, relayedApprovals: deny",
    ] {
        let mut world = world_but(|world| world.edit("release.yaml", allowed, rule));
        world.approve("carol", "prod");
        relay(&mut world, "relay", |_, _| {});
        refused(&promoted(world).verify("prod"), 1, Code::ApprovalRelayed);
    }
}

#[test]
fn the_version_that_a_step_names_says_whether_its_tier_takes_relays() {
    let mut world = passed_on("relay", |_, _| {});
    world.next_policy();
    let allowed = "claimedTime: allow, relayedApprovals: allow";
    world.edit("release.yaml", allowed, "claimedTime: allow");
    assert_exit(&world.verify("prod"), 0);
    // And the other way round: what a later one allows, the one that is named did not.
    let mut world = world_but(|world| world.edit("release.yaml", allowed, "claimedTime: allow"));
    world.approve("carol", "prod");
    relay(&mut world, "relay", |_, _| {});
    let mut world = promoted(world);
    world.next_policy();
    world.edit(
        "release.yaml",
        "claimedTime: allow}\n  low",
        &format!("{allowed}}}\n  low"),
    );
    refused(&world.verify("prod"), 1, Code::ApprovalRelayed);
}

#[test]
fn whom_the_anchor_does_not_name_passes_nothing_on() {
    // A stranger changes no answer; nor does a machine of the policy.
    for who in ["mallory", "promoter", "tester"] {
        let verdict = passed_on(who, |_, _| {}).verify("prod");
        refused(&verdict, 4, Code::RelayUnknown);
    }
    let mut world = passed_on("relay", |_, _| {});
    world.anchor = None;
    world.more_keys.push(Signer::named("relay").public());
    refused(&world.verify("prod"), 4, Code::RelayUnknown);
    world.anchor = Some(anchor("other-relay"));
    refused(&world.verify("prod"), 4, Code::RelayUnknown);
    // Nor does a person, whom the policy knows and the anchor does not.
    let verdict = passed_on("bob", |_, _| {}).verify("prod");
    refused(&verdict, 1, Code::RelayUnknown);
}

#[test]
fn a_person_is_no_relay_even_if_the_anchor_says_so() {
    for who in ["bob", "alice"] {
        let mut world = passed_on(who, |_, _| {});
        world.anchor = Some(anchor(who));
        refused(&world.verify("prod"), 1, Code::RelayUnknown);
    }
    // One whose key is over neither.
    let mut world = world_but(|world| {
        let bob = format!("- key: {}\n", kit::policy::key("bob"));
        let ended = format!("{bob}        notAfter: 2026-03-02T10:00:00Z\n");
        world.edit("people.yaml", &bob, &ended);
        world.anchor = Some(anchor("bob"));
    });
    world.approve("carol", "prod");
    relay(&mut world, "bob", |_, _| {});
    refused(&promoted(world).verify("prod"), 4, Code::KeyExpired);
}

#[test]
fn a_relay_by_itself_approves_nothing() {
    let mut world = world();
    world.approve("carol", "prod");
    world.approve("relay", "prod");
    refused(&promoted(world).verify("prod"), 4, Code::ApproverUnknown);
}

#[test]
fn a_relay_speaks_for_its_platform_repositories_files_and_environments_alone() {
    let changes: [fn(&mut OnBehalfOf); 11] = [
        |review| review.platform = "github.com".into(),
        |review| review.platform = "https://code.example.test".into(),
        |review| review.review_url = "https://code.example.test/mallory/deploy/pull/7".into(),
        |review| review.review_url = "https://evil.test/acme/deploy/pull/7".into(),
        |review| review.review_url = "https://code.example.test/acme/deploy".into(),
        |review| review.review_url = "https://code.example.test/acme/deploy/x/pull/7".into(),
        |review| review.file = None,
        |review| review.file = Some("staging/pay-api.yaml".into()),
        |review| review.file = Some("x/prod/pay-api.yaml".into()),
        |review| review.commit = "9c1e44d0".into(),
        |review| review.commit = "HEAD".into(),
    ];
    for change in changes {
        refused(&said(change), 1, Code::RelayUnknown);
    }
    let mut world = passed_on("relay", |_, _| {});
    world.anchor = world
        .anchor
        .map(|text| text.replace("/pay/prod", "/pay/staging"));
    refused(&world.verify("prod"), 1, Code::RelayUnknown);
}

#[test]
fn a_relay_speaks_for_the_kinds_of_steps_that_it_names() {
    let with = |kinds: &str| {
        let mut world = passed_on("relay", |_, _| {});
        let named = format!("env://acme/pay/prod\"]\n    kinds: {kinds}\n");
        let text = anchor("relay").replace("env://acme/pay/prod\"]\n", &named);
        assert!(text.contains("kinds"), "{text}");
        world.anchor = Some(text);
        world.verify("prod")
    };
    assert_exit(&with("[promote]"), 0);
    assert_exit(&with("[hotfix, promote]"), 0);
    assert_exit(&with("[]"), 0);
    refused(&with("[hotfix, break-glass]"), 1, Code::RelayUnknown);
}

#[test]
fn what_relays_may_pass_on_and_is_hardly_meant_is_told() {
    let told = |edit: fn(&mut World), change: fn(String) -> String| {
        let mut world = edges::world();
        let relayed = "high: {claimedTime: allow, relayedApprovals: allow}";
        world.edit("release.yaml", "high: {claimedTime: allow}", relayed);
        edit(&mut world);
        let anchor = Anchor::parse(
            "anchor.yaml",
            change(anchor("relay")).as_bytes(),
            &world.limits,
        );
        let policy = Policy::parse(&world.files, &world.limits).unwrap();
        let doubts = policy.relay_doubts(&anchor.unwrap());
        doubts
            .iter()
            .map(|doubt| format!("{}: {}", doubt.place, doubt.text))
            .collect::<Vec<_>>()
    };
    let doubts = told(|_| {}, |anchor| anchor);
    let about =
        |doubts: &[String], text: &str| doubts.iter().filter(|one| one.contains(text)).count();
    assert!(about(&doubts, "names no `kinds`") > 0, "{doubts:?}");
    assert!(about(&doubts, "a review of any age") > 0, "{doubts:?}");
    assert!(
        doubts.iter().any(|one| one.starts_with("anchor.yaml:5:")),
        "{doubts:?}"
    );
    let named = told(
        |_| {},
        |anchor| {
            anchor.replace(
                "env://acme/pay/prod\"]\n",
                "env://acme/pay/prod\"]\n    kinds: [promote]\n",
            )
        },
    );
    assert_eq!(about(&named, "names no `kinds`"), 0, "{named:?}");
    // Where nothing that is passed on counts, nothing is said.
    let denied = told(
        |world| {
            world.edit(
                "release.yaml",
                "relayedApprovals: allow",
                "relayedApprovals: deny",
            );
        },
        |anchor| anchor,
    );
    assert_eq!(denied, Vec::<String>::new());
    let elsewhere = told(|_| {}, |anchor| anchor.replace("/pay/prod", "/pay/nowhere"));
    assert_eq!(elsewhere, Vec::<String>::new());
}

#[test]
fn one_rule_of_the_anchor_has_to_allow_the_whole_review() {
    let rule = |platform: &str, environment: &str| {
        let relay = kit::policy::key("relay");
        format!(
            "  - platform: {platform}\n    repositories: [\"https://{platform}/acme/deploy\"]\n    \
             files: [\"prod/*.yaml\"]\n    environments: [\"env://acme/pay/{environment}\"]\n    \
             by: [{{key: {relay}}}]\n"
        )
    };
    let anchored = |rules: [String; 2]| {
        let mut world = passed_on("relay", |_, _| {});
        let text = anchor("relay");
        let (head, _) = text.split_once("  - platform").unwrap();
        world.anchor = Some(format!("{head}{}", rules.concat()));
        world.verify("prod")
    };
    let (here, elsewhere) = ("code.example.test", "github.com");
    let verdict = anchored([rule(here, "staging"), rule(elsewhere, "prod")]);
    refused(&verdict, 1, Code::RelayUnknown);
    let verdict = anchored([rule(here, "staging"), rule(here, "prod")]);
    assert_exit(&verdict, 0);
}

#[test]
fn an_account_of_nobody_is_nobody() {
    for id in ["18", "017", "+17", "-17", "17.0", "0", "alice"] {
        let verdict = said(|review| review.account_id = id.into());
        refused(&verdict, 4, Code::ApproverUnknown);
    }
}

#[test]
fn persons_are_looked_up_in_the_current_list() {
    let mut world = passed_on("relay", |_, _| {});
    let account = "accounts: [{platform: code.example.test, id: 17}]";
    world.edit("people.yaml", account, "accounts: []");
    refused(&world.verify("prod"), 4, Code::ApproverUnknown);
    let mut world = passed_on("relay", |_, _| {});
    world.edit(
        "people.yaml",
        account,
        "accounts: [{platform: github.com, id: 17}]",
    );
    refused(&world.verify("prod"), 4, Code::ApproverUnknown);
}

#[test]
fn a_leaver_s_account_passes_on_nothing_new() {
    let account = "{platform: code.example.test, id: 17}";
    // Reviewed at hour 2, passed on at hour 3.
    for (end, exit) in [("11:00:00Z", 4), ("11:59:00Z", 4), ("12:00:01Z", 0)] {
        let mut world = passed_on("relay", |_, _| {});
        let ended = account.replace('}', &format!(", notAfter: 2026-03-02T{end}}}"));
        world.edit("people.yaml", account, &ended);
        let verdict = world.verify("prod");
        assert_exit(&verdict, exit);
        assert_eq!(exit == 4, codes(&verdict).contains(&Code::ApproverUnknown));
    }
}

#[test]
fn roles_and_exclusions_hold_for_whom_a_relay_speaks_for() {
    let verdict = said(|review| review.account_id = "20".into());
    refused(&verdict, 1, Code::ApproverUnknown);
    let mut world = world_but(|world| {
        let emails = "emails: [alice@acme.example]";
        world.edit(
            "people.yaml",
            emails,
            "emails: [alice@acme.example, a@acme.example]",
        );
        world.edit(
            "people.yaml",
            "emails: [dave@acme.example]",
            "emails: [d@acme.example]",
        );
        world.edit("people.yaml", "a@acme.example", "dave@acme.example");
    });
    world.approve("carol", "prod");
    relay(&mut world, "relay", |_, _| {});
    refused(&promoted(world).verify("prod"), 1, Code::ApproverIsAuthor);
}

#[test]
fn who_builds_or_promotes_passes_nothing_on() {
    for (who, code) in [
        ("builder", Code::ApproverIsBuilder),
        ("promoter", Code::ApproverIsPromoter),
    ] {
        let mut world = passed_on(who, |_, _| {});
        world.anchor = Some(anchor(who));
        refused(&world.verify("prod"), 1, code);
        // Unless the rule excludes nobody.
        let mut world = world_but(|world| {
            world.anchor = Some(anchor(who));
            world.edit(
                "release.yaml",
                "maxAge: 7d",
                "maxAge: 7d, exclude: [author]",
            );
        });
        world.approve("carol", "prod");
        relay(&mut world, who, |_, _| {});
        assert_exit(&promoted(world).verify("prod"), 0);
    }
}

#[test]
fn passing_a_review_on_makes_it_no_younger() {
    let age = "maxAge: 1h";
    let aged = |review: fn(&mut OnBehalfOf)| {
        let mut world = world_but(|world| world.edit("release.yaml", "maxAge: 7d", age));
        world.now = hour(4);
        world.approve("carol", "prod");
        relay(&mut world, "relay", |_, said| review(said));
        promoted(world).verify("prod")
    };
    refused(&aged(|_| {}), 14, Code::StatementStale);
    refused(
        &aged(|said| said.reviewed_at = None),
        14,
        Code::StatementStale,
    );
    assert_exit(&aged(|said| said.reviewed_at = Some(hour(3))), 0);
    // Nor does it tell of what comes later.
    refused(
        &aged(|said| said.reviewed_at = Some(hour(5))),
        1,
        Code::TimeMismatch,
    );
    // Where age does not matter, neither does when it was.
    let mut world = world_but(|world| world.edit("release.yaml", ", maxAge: 7d}", "}"));
    world.approve("carol", "prod");
    relay(&mut world, "relay", |_, review| review.reviewed_at = None);
    assert_exit(&promoted(world).verify("prod"), 0);
}

#[test]
fn a_relay_s_no_is_no_yes() {
    let world = passed_on("relay", |said, _| said.decision = ApprovalDecision::Reject);
    refused(&world.verify("prod"), 4, Code::ApprovalRejected);
}

#[test]
fn what_a_relay_said_of_other_things_changes_no_answer() {
    // Of another image, and of another step.
    let mut world = world();
    world.approve("carol", "prod");
    relay(&mut world, "relay", |_, _| {});
    let relayed = world.take("relay").remove(0);
    let statement = String::from_utf8(payload(&relayed.bundle)).unwrap();
    let moved = statement.replace(kit::image().hex(), Digest::sha256(b"other").hex());
    world.add(
        "relay approval",
        Signer::named("relay").seal(moved.as_bytes()),
    );
    refused(&promoted(world).verify("prod"), 4, Code::SubjectMismatch);
    let world = passed_on("relay", |said, _| said.edge.kind = EdgeKind::Hotfix);
    refused(&world.verify("prod"), 4, Code::ApprovalMismatch);
    let world = passed_on("relay", |said, _| said.policy.version = 2);
    refused(&world.verify("prod"), 1, Code::ApprovalMismatch);
}

#[test]
fn one_statement_speaks_for_one_account() {
    let mut world = world();
    relay(&mut world, "relay", |_, _| {});
    let relayed = world.take("relay").remove(0);
    let statement = String::from_utf8(payload(&relayed.bundle)).unwrap();
    let (_, said) = statement.split_once("\"onBehalfOf\":").unwrap();
    let said = &said[..=said.find('}').unwrap()];
    let other = said.replace("\"17\"", "\"19\"");
    for both in [
        format!("[{said},{other}]"),
        format!("{said},\"onBehalfOf\":{other}"),
        said.replace("\"17\"", "\"17\",\"accountId\":\"19\""),
        said.replace("\"17\"", "[\"17\",\"19\"]"),
    ] {
        let mut world = self::world();
        let statement = statement.replace(said, &both);
        world.add(
            "relay approval",
            Signer::named("relay").seal(statement.as_bytes()),
        );
        let verdict = promoted(world).verify("prod");
        assert_exit(&verdict, 4);
        assert!(verdict.persons.is_empty(), "{}", show(&verdict));
    }
}

#[test]
fn a_stolen_relay_is_ended_or_revoked() {
    let mut world = passed_on("relay", |_, _| {});
    let by = format!("by: [{{key: {}", kit::policy::key("relay"));
    let ended = format!("{by}, notAfter: 2026-03-02T11:00:00Z");
    world.anchor = world.anchor.map(|text| text.replace(&by, &ended));
    refused(&world.verify("prod"), 4, Code::KeyExpired);
    let mut world = world_but(|world| {
        let security = kit::policy::key("security");
        let identities = format!("identities:\n  security:\n    - key: {security}\n");
        world.edit("release.yaml", "identities:\n", &identities);
        let rule = "revocations: {by: [security]}\nhistory: []";
        world.edit("release.yaml", "history: []", rule);
    });
    world.approve("carol", "prod");
    relay(&mut world, "relay", |_, _| {});
    let mut world = promoted(world);
    assert_exit(&world.verify("prod"), 0);
    let key = Signer::named("relay").key_id();
    let target = json!({"kind": "signer", "signer": {"kind": "key", "keyId": key}, "notBefore": hour(0).to_string()});
    world.revoke("security", &[target]);
    refused(&world.verify("prod"), 4, Code::Revoked);
}

#[test]
fn whoever_approved_by_relay_does_not_review_either() {
    // Bob reviews; alice may not, if a relay said that she approved, and may if a stranger did.
    for (relay, reviewer, is_involved) in [
        ("relay", "alice", true),
        ("relay", "bob", false),
        ("mallory", "alice", false),
    ] {
        let mut world = edges::world();
        world.edit(
            "people.yaml",
            "    emails: [alice@acme.example]\n",
            "    emails: [alice@acme.example]\n    accounts: [{platform: code.example.test, id: 17}]\n",
        );
        world.anchor = Some(anchor("relay"));
        world.more_keys.push(Signer::named("mallory").public());
        world.promote("dev");
        world.now = hour(2);
        world.approve_step("carol", EdgeKind::BreakGlass, "prod");
        world.approve_step_with(relay, EdgeKind::BreakGlass, "prod", |said| {
            said.on_behalf_of = Some(review());
        });
        let promotion = world.take_step(EdgeKind::BreakGlass, "prod", |_| {});
        world.now = hour(40);
        world.review(reviewer, &promotion, "accepted");
        let found = codes(&world.verify("prod")).contains(&Code::ReviewerInvolved);
        assert_eq!(found, is_involved, "{relay} {reviewer}");
        let identity = Signer::named(reviewer).identity();
        let judged = world.judge_review(&ReviewRequest {
            environment: Some("prod"),
            promotion: None,
            reviewer: &identity,
        });
        assert_eq!(judged.1.is_none(), is_involved, "{relay} {reviewer}");
    }
}

#[test]
fn a_relay_that_is_ended_still_says_who_approved_and_one_that_left_the_anchor_does_not() {
    let ended = anchor("relay").replace("}]\n", ", notAfter: 2026-03-02T10:00:00Z}]\n");
    let (gone, _) = ended.split_once("relays:").unwrap();
    for (anchor, is_involved) in [(ended.as_str(), true), (gone, false)] {
        let mut world = edges::world();
        world.edit(
            "people.yaml",
            "    emails: [alice@acme.example]\n",
            "    emails: [alice@acme.example]\n    accounts: [{platform: code.example.test, id: 17}]\n",
        );
        world.anchor = Some(anchor.to_owned());
        world.promote("dev");
        world.now = hour(2);
        world.approve_step("carol", EdgeKind::BreakGlass, "prod");
        world.approve_step_with("relay", EdgeKind::BreakGlass, "prod", |said| {
            said.on_behalf_of = Some(review());
        });
        let promotion = world.take_step(EdgeKind::BreakGlass, "prod", |_| {});
        world.now = hour(40);
        world.review("alice", &promotion, "accepted");
        let found = codes(&world.verify("prod")).contains(&Code::ReviewerInvolved);
        assert_eq!(found, is_involved, "{anchor}");
    }
}
