//! Rotation of the anchor: the owners of both say so, and no older one comes back.

use bulla_model::{Digest, Envelope, EnvelopeSignature, Limits, envelope};
use bulla_verify::anchor::{PAYLOAD_TYPE, Rotation, RotationError};
use bulla_verify::policy::Effect;
use bulla_verify::{Anchor, Cause, Code, Memory, State};

use crate::kit::policy::key;
use crate::kit::{Signer, World, assert_exit, assert_found, codes};

const OLD: [&str; 3] = ["olivia", "oscar", "otto"];
/// `otto` left, and `nina` came.
const NEW: [&str; 3] = ["olivia", "oscar", "nina"];

fn text(owners: &[&str], threshold: usize, more: &str) -> String {
    let keys: Vec<_> = owners.iter().map(|name| key(name)).collect();
    format!(
        "apiVersion: bulla.dev/anchor/v0.1\nowners: {{threshold: {threshold}, keys: [{}]}}\n\
         environments: []\n{more}",
        keys.join(", ")
    )
}

fn anchor(text: &str) -> Anchor {
    Anchor::parse("anchor.yaml", text.as_bytes(), &Limits::default()).unwrap()
}

/// The next anchor's text.
fn after(old: &str, owners: &[&str], threshold: usize, version: u64) -> String {
    let previous = Digest::sha256(old.as_bytes());
    let more = format!("version: {version}\nprevious: \"{previous}\"\n");
    text(owners, threshold, &more)
}

fn signed_as(kind: &str, payload: &str, who: &[&str]) -> Vec<u8> {
    let signatures = who.iter().map(|name| EnvelopeSignature {
        key_id: Some(Signer::named(name).key_id().hint()),
        signature: Signer::named(name).signature(kind, payload.as_bytes()),
    });
    Envelope::new(payload.as_bytes().to_vec(), kind, signatures.collect()).to_json()
}

fn signed(payload: &str, who: &[&str]) -> Vec<u8> {
    signed_as(PAYLOAD_TYPE, payload, who)
}

fn rotated(old: &str, new: &str, signatures: &[u8]) -> Result<Rotation, RotationError> {
    let limits = Limits::default();
    anchor(old).rotate(&anchor(new), new.as_bytes(), signatures, &limits)
}

#[track_caller]
fn assert_refused(old: &str, new: &str, signatures: &[u8], cause: Option<Cause>) -> RotationError {
    let error = rotated(old, new, signatures).unwrap_err();
    assert_eq!(error.cause(), cause, "{error}");
    error
}

#[test]
fn two_of_three_owners_of_both_anchors_rotate_it() {
    let old = text(&OLD, 2, "");
    let new = after(&old, &NEW, 2, 2);
    // Two keys that are in both are enough for both.
    let rotation = rotated(&old, &new, &signed(&new, &["olivia", "oscar"])).unwrap();
    assert_eq!((rotation.old.by.len(), rotation.new.by.len()), (2, 2));
    let rotation = rotated(&old, &new, &signed(&new, &["olivia", "otto", "nina"])).unwrap();
    assert_eq!((rotation.old.by.len(), rotation.new.by.len()), (2, 2));
    // Alone, one says it for both.
    let old = text(&["olivia"], 1, "");
    let new = after(&old, &["olivia"], 1, 2);
    rotated(&old, &new, &signed(&new, &["olivia"])).unwrap();
}

#[test]
fn the_owners_of_the_old_and_of_the_new_anchor_have_to_sign() {
    let old = text(&OLD, 2, "");
    let new = after(&old, &["olivia", "nina", "noah"], 2, 2);
    let denied = Some(Cause::Denied);
    let error = assert_refused(
        &old,
        &new,
        &signed(&new, &["olivia", "nina", "noah"]),
        denied,
    );
    assert!(error.to_string().contains("replaced"), "{error}");
    let error = assert_refused(
        &old,
        &new,
        &signed(&new, &["olivia", "otto", "oscar"]),
        denied,
    );
    assert!(error.to_string().contains("the new anchor"), "{error}");
    // An anchor that anybody wrote, signed by those whom it lists.
    let theirs = after(&old, &["mallory"], 1, 2);
    assert_refused(
        &old,
        &theirs,
        &signed(&theirs, &["mallory"]),
        Some(Cause::Untrusted),
    );
    rotated(&old, &new, &signed(&new, &["olivia", "otto", "nina"])).unwrap();
}

#[test]
fn an_owner_who_signs_twice_is_one() {
    let old = text(&OLD, 2, "");
    let new = after(&old, &OLD, 2, 2);
    let twice = signed(&new, &["olivia", "olivia", "mallory"]);
    assert_refused(&old, &new, &twice, Some(Cause::Denied));
    // Another's name on one's own signature is nobody's.
    let payload = new.as_bytes().to_vec();
    let made = |hint: &str| EnvelopeSignature {
        key_id: Some(Signer::named(hint).key_id().hint()),
        signature: Signer::named("olivia").signature(PAYLOAD_TYPE, &payload),
    };
    let both = vec![made("olivia"), made("oscar")];
    let both = Envelope::new(payload.clone(), PAYLOAD_TYPE, both).to_json();
    assert_refused(&old, &new, &both, Some(Cause::Denied));
}

#[test]
fn what_was_signed_is_this_file_as_an_anchor() {
    let old = text(&OLD, 2, "");
    let new = after(&old, &NEW, 2, 2);
    let who = ["olivia", "oscar"];
    // The same meaning in other bytes, and the other way round.
    let other = format!("{new}# another\n");
    let invalid = Some(Cause::Invalid);
    assert_refused(&old, &other, &signed(&new, &who), invalid);
    assert_refused(&old, &new, &signed(&other, &who), invalid);
    assert_refused(
        &old,
        &new,
        &signed_as(envelope::IN_TOTO, &new, &who),
        invalid,
    );
    // Signatures moved under this file are over the other one.
    let moved = Envelope::parse(&signed(&other, &who), &Limits::default()).unwrap();
    let moved = moved.signatures().to_vec();
    let moved = Envelope::new(new.as_bytes().to_vec(), PAYLOAD_TYPE, moved);
    assert_refused(&old, &new, &moved.to_json(), invalid);
    // And what is no envelope, or too much of one.
    assert_refused(&old, &new, b"{}", None);
    let names = ["olivia"; 257];
    assert_refused(&old, &new, &signed(&new, &names), None);
    assert_refused(&old, &new, &vec![b' '; (2 << 20) + 1], None);
}

#[test]
fn versions_go_up_by_one_from_the_very_anchor_that_is_named() {
    let old = text(&OLD, 2, "version: 2\n");
    let who = ["olivia", "oscar"];
    let at = |version| after(&old, &NEW, 2, version);
    for (version, cause) in [(1, Cause::Expired), (2, Cause::Expired), (4, Cause::Denied)] {
        assert_refused(&old, &at(version), &signed(&at(version), &who), Some(cause));
    }
    rotated(&old, &at(3), &signed(&at(3), &who)).unwrap();
    // Each step by itself: owners who left do not vouch for what comes after them.
    let fourth = after(&at(3), &["nina", "noah"], 2, 4);
    assert_refused(
        &at(3),
        &fourth,
        &signed(&fourth, &["otto", "nina", "noah"]),
        Some(Cause::Denied),
    );
    rotated(
        &at(3),
        &fourth,
        &signed(&fourth, &["oscar", "nina", "noah"]),
    )
    .unwrap();
    // What the same owners signed for another verifier.
    let elsewhere = text(&OLD, 2, "version: 2\naudience: [elsewhere]\n");
    let other = after(&elsewhere, &NEW, 2, 3);
    assert_refused(
        &old,
        &other,
        &signed(&other, &who),
        Some(Cause::OtherSubject),
    );
    let silent = text(&NEW, 2, "version: 3\n");
    assert_refused(
        &old,
        &silent,
        &signed(&silent, &who),
        Some(Cause::OtherSubject),
    );
    let named = format!("{}name: cluster-b\n", at(3));
    assert_refused(
        &old,
        &named,
        &signed(&named, &who),
        Some(Cause::OtherSubject),
    );
}

#[test]
fn an_anchor_that_says_something_unknown_is_none() {
    let parse = |more: &str| {
        let text = text(&OLD, 2, more);
        Anchor::parse("anchor.yaml", text.as_bytes(), &Limits::default())
    };
    for more in [
        "versions: 2\n",
        "version: 0\n",
        "version: -1\n",
        "previous: none\n",
        "name: A\n",
        "name: \"\"\n",
    ] {
        let error = parse(more).unwrap_err().to_string();
        assert!(error.starts_with("anchor.yaml:"), "{error}");
    }
    let plain = parse("").unwrap();
    assert_eq!((plain.name(), plain.version()), ("anchor", 1));
}

#[test]
fn an_anchor_that_was_replaced_lets_nothing_in() {
    let mut world = World::built();
    world.promote("dev");
    let old = text(&OLD, 2, "");
    let new = after(&old, &NEW, 2, 2);
    let mut state = State::default();
    assert!(state.remember_anchor(&anchor(&new)));
    assert!(!state.remember_anchor(&anchor(&old)));
    let written = State::parse(&state.to_json(), &Limits::default()).unwrap();
    assert_eq!(written, state);
    world.state = Some(written);
    world.anchor = Some(new.clone());
    assert_exit(&world.verify("dev"), 0);
    world.anchor = Some(old.clone());
    let verdict = world.verify("dev");
    assert_exit(&verdict, 14);
    assert_found(&verdict, Code::PolicyRollback);
    let (step, _) = world.judge("dev", Some(&Signer::named("promoter").identity()));
    assert_found(&step, Code::PolicyRollback);
    // Its version with other content, for which nobody signed.
    world.anchor = Some(format!("{new}# mine\n"));
    let verdict = world.verify("dev");
    assert_exit(&verdict, 1);
    assert_found(&verdict, Code::PolicyEquivocation);
    // The file is its administrator's: a higher version is one, and another name another anchor.
    world.anchor = Some(text(&["mallory"], 1, "version: 3\n"));
    assert_exit(&world.verify("dev"), 0);
    world.anchor = Some(format!("{old}name: other\n"));
    assert_exit(&world.verify("dev"), 0);
    // Where nothing was rotated, nothing is remembered.
    world.state = Some(State::default());
    world.anchor = Some(format!("{old}# mine\n"));
    let verdict = world.verify("dev");
    assert_exit(&verdict, 0);
    assert!(!codes(&verdict).contains(&Code::PolicyEquivocation));
}

#[test]
fn a_fork_of_one_version_is_told_from_a_rollback() {
    let old = text(&OLD, 2, "");
    let (one, other) = (after(&old, &NEW, 2, 2), after(&old, &OLD, 1, 2));
    let mut state = State::default();
    state.remember_anchor(&anchor(&one));
    let seen = anchor(&one).digest().clone();
    assert_eq!(
        state.compare_anchor(&anchor(&other)),
        Memory::Different { seen }
    );
    assert_eq!(
        state.compare_anchor(&anchor(&old)),
        Memory::Older { seen: 2 }
    );
}

#[test]
fn what_another_anchor_changes_is_told() {
    let old = text(&OLD, 2, "minimum: {release: 3}\naudience: [a]\n");
    let new = text(&NEW, 1, "minimum: {release: 2, other: 1}\n");
    let changes = anchor(&old).changes_to(&anchor(&new));
    let told: Vec<_> = changes
        .iter()
        .map(|change| (change.rule.as_str(), change.effect))
        .collect();
    assert_eq!(
        told,
        [
            ("audience", Effect::Loosened),
            ("minimum.\"other\"", Effect::Tightened),
            ("minimum.\"release\"", Effect::Loosened),
            ("owners.keys", Effect::Changed),
            ("owners.threshold", Effect::Loosened),
        ]
    );
    let keys = &changes[3].text;
    assert!(
        keys.contains(&format!("+{}", Signer::named("nina").key_id())),
        "{keys}"
    );
    assert!(
        keys.contains(&format!("-{}", Signer::named("otto").key_id())),
        "{keys}"
    );
    assert!(anchor(&old).changes_to(&anchor(&old)).is_empty());
}
