//! Signed policies: what the owners did not publish decides nothing, where the anchor says so.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use bulla_model::predicate::policy;
use bulla_model::{Scope, statement};
use bulla_verify::{Code, PolicyFile};

use crate::kit::policy::key;
use crate::kit::{Signer, World, assert_exit, assert_found, codes, hour};

fn scope() -> Scope {
    "policy://acme/pay/release".parse().unwrap()
}

/// What an owner would sign of the files at hand, as it is written.
pub(crate) fn published(world: &World) -> Value {
    let parsed = world.parsed();
    json!({
        "scope": scope().as_str(),
        "name": parsed.name(),
        "version": parsed.version(),
        "digest": parsed.digest().to_string(),
        "files": serde_json::to_value(parsed.files()).unwrap(),
        "issuedAt": world.now.to_string(),
        "notAfter": (world.now + SignedDuration::from_hours(24)).to_string(),
    })
}

pub(crate) fn bundle(who: &str, predicate: &Value) -> Vec<u8> {
    seal(who, &scope(), predicate)
}

fn seal(who: &str, scope: &Scope, predicate: &Value) -> Vec<u8> {
    let kind = policy::TYPE.parse().unwrap();
    let text = statement::write(&[scope.subject()], &kind, predicate).unwrap();
    Signer::named(who).seal(&text)
}

pub(crate) fn add(world: &mut World, bundle: Vec<u8>) {
    let path = format!("signatures/{}.json", world.files.signatures.len());
    world.files.signatures.push(PolicyFile {
        path,
        bytes: bundle,
    });
}

pub(crate) fn sign(world: &mut World, who: &str) {
    let bundle = bundle(who, &published(world));
    add(world, bundle);
}

/// The whole journey at hour 24, for a verifier whose anchor wants two of three owners.
pub(crate) fn demanded() -> World {
    let mut world = World::journey();
    let keys = ["olivia", "oscar", "otto"].map(key).join(", ");
    world.anchor = Some(format!(
        "apiVersion: bulla.dev/anchor/v0.1\nowners: {{threshold: 2, keys: [{keys}], mustSign: true}}\n\
         environments: [\"env://acme/pay/prod\"]\n"
    ));
    world
}

/// The same with a policy that two owners signed.
pub(crate) fn signed() -> World {
    let mut world = demanded();
    sign(&mut world, "olivia");
    sign(&mut world, "oscar");
    world
}

/// Refused with this code and exit, before a step and for what is there.
#[track_caller]
fn assert_refused(world: &World, code: Code, exit: u8) {
    let verdict = world.verify("prod");
    assert_exit(&verdict, exit);
    assert_found(&verdict, code);
    let (step, _) = world.judge("prod", Some(&Signer::named("promoter").identity()));
    assert_found(&step, code);
}

#[test]
fn what_enough_owners_signed_decides() {
    let verdict = signed().verify("prod");
    assert_exit(&verdict, 0);
    let check = verdict.checks.iter().find(|check| check.name == "policy");
    assert!(
        check
            .unwrap()
            .summary
            .starts_with("signed by 2 owners, 2 needed")
    );
    // Nobody keeps the answer for longer than the owners' word is good.
    assert_eq!(verdict.fresh_until, Some(hour(48)));
}

#[test]
fn without_the_demand_signatures_are_not_asked_for() {
    let mut world = demanded();
    let anchor = world.anchor.take().unwrap();
    world.anchor = Some(anchor.replace(", mustSign: true", ""));
    let verdict = world.verify("prod");
    assert_exit(&verdict, 0);
    assert!(!codes(&verdict).contains(&Code::PolicyUnsigned));
}

#[test]
fn policy_unsigned_nobody_signed_or_too_few_or_others() {
    assert_refused(&demanded(), Code::PolicyUnsigned, 10);
    let mut one = demanded();
    sign(&mut one, "olivia");
    assert_refused(&one, Code::PolicyUnsigned, 1);
    // The same owner twice is one owner, whether the bytes differ or not.
    sign(&mut one, "olivia");
    let mut later = published(&one);
    later["notAfter"] = json!(hour(90).to_string());
    add(&mut one, bundle("olivia", &later));
    assert_refused(&one, Code::PolicyUnsigned, 1);
    let mut strangers = demanded();
    sign(&mut strangers, "mallory");
    sign(&mut strangers, "promoter");
    assert_refused(&strangers, Code::PolicyUnsigned, 11);
}

#[test]
fn two_owners_who_signed_other_bytes_did_not_sign_together() {
    let mut world = demanded();
    sign(&mut world, "olivia");
    let mut other = published(&world);
    other["notAfter"] = json!(hour(90).to_string());
    add(&mut world, bundle("oscar", &other));
    assert_refused(&world, Code::PolicyUnsigned, 1);
    // A third who agrees with one of them makes two.
    add(&mut world, bundle("otto", &other));
    assert_exit(&world.verify("prod"), 0);
}

#[test]
fn policy_changed_files_that_were_not_signed_decide_nothing() {
    let change = |path: &str, from: &str, to: &str| {
        let mut world = signed();
        world.edit(path, from, to);
        world
    };
    // A person who was let in, a gate taken out, a service that was moved to another tier.
    let people = change(
        "people.yaml",
        "roles: [release-manager]\n    emails: [bob",
        "roles: []\n    emails: [bob",
    );
    assert_refused(&people, Code::PolicyChanged, 1);
    let base = change("release.yaml", "maxAge: 7d", "maxAge: 8d");
    assert_found(&base.verify("prod"), Code::PolicyChanged);
    let mut added = signed();
    let text = "service: other\ntier: low\nsources: [\"https://github.com/acme/other\"]\n";
    let file = crate::kit::policy::file("services/other.yaml", text.to_owned());
    added.files.services.push(file);
    assert_refused(&added, Code::PolicyChanged, 1);
    let mut gone = signed();
    gone.files.services.pop();
    assert_refused(&gone, Code::PolicyChanged, 1);
    // One that was renamed, with the same bytes.
    let mut renamed = signed();
    renamed.files.services[1].path = "services/wiki2.yaml".to_owned();
    assert_refused(&renamed, Code::PolicyChanged, 1);
}

#[test]
fn policy_expired_the_owners_word_ends() {
    let mut world = signed();
    world.now = hour(48) - SignedDuration::from_secs(1);
    assert_exit(&world.verify("prod"), 0);
    world.now = hour(48);
    assert_refused(&world, Code::PolicyExpired, 14);
}

#[test]
fn what_is_signed_for_later_or_for_others_does_not_count() {
    let with = |name: &str, value: Value| {
        let mut world = demanded();
        let mut predicate = published(&world);
        predicate[name] = value;
        for who in ["olivia", "oscar"] {
            let bundle = bundle(who, &predicate);
            add(&mut world, bundle);
        }
        world
    };
    let soon = hour(24) + SignedDuration::from_secs(61);
    assert_refused(
        &with("issuedAt", json!(soon.to_string())),
        Code::TooLate,
        14,
    );
    let skew: Timestamp = hour(24) + SignedDuration::from_secs(60);
    assert_exit(&with("issuedAt", json!(skew.to_string())).verify("prod"), 0);
    // Unknown members that a reader has to understand.
    assert_refused(
        &with("crit", json!(["quorum"])),
        Code::StatementUnusable,
        12,
    );
    // Another version of it, which says nothing about this one.
    assert_refused(&with("version", json!(2)), Code::PolicyUnsigned, 10);
}

#[test]
fn the_policy_of_another_app_is_not_this_one() {
    let mut world = demanded();
    let mut predicate = published(&world);
    let other: Scope = "policy://acme/shop/release".parse().unwrap();
    predicate["scope"] = json!(other.as_str());
    for who in ["olivia", "oscar"] {
        add(&mut world, seal(who, &other, &predicate));
    }
    assert_refused(&world, Code::PolicyUnsigned, 13);
}

#[test]
fn junk_beside_the_signatures_changes_nothing() {
    let mut world = signed();
    let before = format!("{:?}", world.verify("prod").checks);
    add(&mut world, b"{".to_vec());
    sign(&mut world, "mallory");
    let mut old = published(&world);
    old["version"] = json!(1);
    add(&mut world, bundle("otto", &old));
    let broken = world.files.signatures[0].bytes.clone();
    add(
        &mut world,
        crate::kit::tampered(&broken, "release.yaml", "release.yamk"),
    );
    let verdict = world.verify("prod");
    assert_exit(&verdict, 0);
    assert_eq!(format!("{:?}", verdict.checks), before);
}

#[test]
fn a_signature_that_was_tampered_with_is_no_owner_s() {
    let mut world = signed();
    let bundle = world.files.signatures[0].bytes.clone();
    world.files.signatures[0].bytes = crate::kit::tampered(&bundle, "release.yaml", "release.yamk");
    assert_refused(&world, Code::PolicyUnsigned, 1);
    let mut signatures = std::mem::take(&mut world.files.signatures);
    signatures.truncate(1);
    world.files.signatures = signatures;
    assert_refused(&world, Code::PolicyUnsigned, 12);
}

#[test]
fn the_persons_of_an_earlier_version_are_signed_too() {
    let mut world = demanded();
    let mut short = published(&world);
    short["notAfter"] = json!(hour(30).to_string());
    for who in ["olivia", "oscar"] {
        add(&mut world, bundle(who, &short));
    }
    world.next_policy();
    assert!(world.files.predecessors[0].people.is_some());
    sign(&mut world, "olivia");
    sign(&mut world, "otto");
    assert_exit(&world.verify("prod"), 0);
    // Who takes an earlier version away takes away what was revoked and retired under it.
    let history = std::mem::take(&mut world.files.predecessors);
    assert_refused(&world, Code::PolicyNotLoaded, 3);
    world.files.predecessors = history;
    // That the signatures of version 3 ended since is how it has to be.
    world.now = hour(40);
    assert_exit(&world.verify("prod"), 0);
    let people = world.files.predecessors[0].people.as_mut().unwrap();
    people.bytes.extend(b"# somebody else\n");
    assert_refused(&world, Code::PolicyUnsigned, 1);
    world.files.predecessors[0].people = None;
    assert_exit(&world.verify("prod"), 0);
}

#[test]
fn persons_who_left_are_not_put_back_with_an_earlier_signature() {
    let mut world = signed();
    let with_all = world.files.people.clone();
    world.edit(
        "people.yaml",
        "    roles: [release-manager]\n    emails: [bob",
        "    emails: [bob",
    );
    world.now = hour(25);
    sign(&mut world, "oscar");
    sign(&mut world, "otto");
    assert_exit(&world.verify("prod"), 0);
    let mut state = bulla_verify::State::default();
    state.remember(&world.parsed());
    assert!(state.remember_published(&world.parsed(), hour(25)));
    assert!(
        !state.remember_published(&world.parsed(), hour(24)),
        "older"
    );
    let parsed = bulla_verify::State::parse(&state.to_json(), &world.limits);
    assert_eq!(parsed.unwrap(), state);
    world.state = Some(state);
    assert_exit(&world.verify("prod"), 0);
    // The old file with its old signatures, the new ones beside them.
    world.files.people = with_all;
    assert_refused(&world, Code::PolicyRollback, 14);
    world.state = None;
    assert_refused(&world, Code::PolicyRollback, 14);
    // One owner alone replaces nothing.
    let oscar = world.files.signatures.remove(2);
    assert_exit(&world.verify("prod"), 0);
    // Who takes the new signatures away too meets the memory.
    let otto = world.files.signatures.remove(2);
    let mut state = bulla_verify::State::default();
    state.remember(&world.parsed());
    state.remember_published(&world.parsed(), hour(25));
    world.state = Some(state);
    assert_refused(&world, Code::PolicyRollback, 14);
    world.files.signatures.extend([oscar, otto]);
}

#[test]
fn a_demand_without_environments_is_refused() {
    let mut world = demanded();
    let anchor = world.anchor.take().unwrap();
    let anchor = anchor.replace("[\"env://acme/pay/prod\"]", "[]");
    let limits = bulla_model::Limits::default();
    let refused = bulla_verify::Anchor::parse("anchor.yaml", anchor.as_bytes(), &limits);
    assert!(refused.unwrap_err().to_string().contains("mustSign"));
}

#[test]
fn more_signatures_than_the_limit_are_not_looked_at() {
    let mut world = signed();
    world.limits.policy_signatures = 1;
    assert_refused(&world, Code::PolicyUnsigned, 1);
    world.limits.policy_signatures = 2;
    assert_exit(&world.verify("prod"), 0);
}

#[test]
fn more_owners_than_enough_bring_no_earlier_statement_back() {
    let mut world = signed();
    let first = published(&world);
    world.now = hour(25);
    // The same files, signed anew by as many as it takes, and seen.
    for who in ["olivia", "oscar"] {
        sign(&mut world, who);
    }
    let mut state = bulla_verify::State::default();
    state.remember(&world.parsed());
    state.remember_published(&world.parsed(), hour(25));
    world.state = Some(state);
    assert_exit(&world.verify("prod"), 0);
    add(&mut world, bundle("otto", &first));
    assert_exit(&world.verify("prod"), 0);
}

#[test]
fn a_policy_that_lacks_an_earlier_version_is_not_published() {
    let mut world = demanded();
    world.next_policy();
    sign(&mut world, "olivia");
    sign(&mut world, "otto");
    world.files.predecessors[0].people = None;
    let is_published = |world: &World| {
        let anchor = world.anchor.as_ref().unwrap();
        let anchor = bulla_verify::Anchor::parse("anchor.yaml", anchor.as_bytes(), &world.limits);
        let environment = "env://acme/pay/prod".parse().unwrap();
        let (policy, anchor) = (world.parsed(), anchor.unwrap());
        let owned = bulla_verify::owned(&policy, &anchor, &environment, world.now, &world.limits);
        owned.is_enough(anchor.threshold())
    };
    assert!(is_published(&world));
    world.files.predecessors.clear();
    assert!(!is_published(&world));
}

#[test]
fn another_policy_of_the_same_number_moves_no_remembered_time() {
    let mut world = signed();
    let mut state = bulla_verify::State::default();
    state.remember(&world.parsed());
    assert!(state.remember_published(&world.parsed(), hour(24)));
    world.edit("release.yaml", "maxAge: 7d", "maxAge: 8d");
    assert!(!state.remember_published(&world.parsed(), hour(90)));
    assert_eq!(state.published(&signed().parsed()), Some(hour(24)));
}
