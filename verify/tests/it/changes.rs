//! What another policy in the place of one changes, and which way.

use bulla_model::Limits;
use bulla_verify::Policy;
use bulla_verify::policy::Effect;

use crate::kit::World;

/// The changes that one change of a file makes, history aside.
fn changes(path: &str, from: &str, to: &str) -> Vec<String> {
    let mut new = World::empty();
    new.edit(path, from, to);
    told(&World::empty(), &new)
}

fn told(old: &World, new: &World) -> Vec<String> {
    let read = |world: &World| Policy::parse(&world.files, &Limits::default()).unwrap();
    let changes = read(old).changes_to(&read(new)).into_iter();
    let changes = changes.filter(|change| change.rule != "history");
    changes
        .map(|change| {
            let effect = match change.effect {
                Effect::Tightened => "tightened",
                Effect::Loosened => "loosened",
                Effect::Changed => "changed",
            };
            format!(
                "{effect} {} {}: {}",
                change.subject, change.rule, change.text
            )
        })
        .collect()
}

#[test]
fn the_same_policy_changes_nothing() {
    assert!(told(&World::empty(), &World::empty()).is_empty());
    // A comment is another digest and no other rule.
    assert!(changes("release.yaml", "edges:\n", "edges: # the ways\n").is_empty());
}

const BASE: &str = "release.yaml";

/// File, what is there, what takes its place, and what is said of that and of the way back.
const CHANGES: &[(&str, &str, &str, &str, &str)] = &[
    (
        BASE,
        "threshold: 2",
        "threshold: 3",
        "tightened step staging -> prod for high approvals.threshold: 2 -> 3",
        "loosened step staging -> prod for high approvals.threshold: 3 -> 2",
    ),
    (
        BASE,
        "maxAge: 7d",
        "maxAge: 8d",
        "loosened step staging -> prod for high approvals.maxAge: 7 d -> 8 d",
        "tightened step staging -> prod for high approvals.maxAge: 8 d -> 7 d",
    ),
    (
        BASE,
        ", maxAge: 7d",
        "",
        "loosened step staging -> prod for high approvals.maxAge: 7 d -> any age",
        "tightened step staging -> prod for high approvals.maxAge: any age -> 7 d",
    ),
    (
        BASE,
        "roles: [release-manager]",
        "roles: [release-manager, sre]",
        "loosened step staging -> prod for high approvals.roles: +sre",
        "tightened step staging -> prod for high approvals.roles: -sre",
    ),
    (
        BASE,
        "roles: [release-manager], ",
        "",
        "loosened step staging -> prod for high approvals.roles: release-manager -> any",
        "tightened step staging -> prod for high approvals.roles: any -> release-manager",
    ),
    (
        BASE,
        "{threshold: 2,",
        "{exclude: [promoter], threshold: 2,",
        "loosened step staging -> prod for high approvals.exclude: -author -builder -requester",
        "tightened step staging -> prod for high approvals.exclude: +author +builder +requester",
    ),
    (
        BASE,
        "by: [tester]",
        "by: [tester, builder]",
        "changed step dev -> staging tests.by: +builder",
        "changed step dev -> staging tests.by: -builder",
    ),
    (
        BASE,
        "by: [tester]",
        "by: [promoter]",
        "changed step dev -> staging tests.by: +promoter -tester",
        "changed step dev -> staging tests.by: +tester -promoter",
    ),
    (
        BASE,
        "low: {claimedTime: allow}",
        "low: {claimedTime: deny}",
        "tightened tier low claimedTime: allow -> deny",
        "loosened tier low claimedTime: deny -> allow",
    ),
    (
        BASE,
        "      tests: {by: [tester], maxAge: 72h}\n",
        "",
        "loosened step dev -> staging tests: removed: newest test result signed by tester passed, at most 72h old",
        "tightened step dev -> staging tests: added: newest test result signed by tester passed, at most 72h old",
    ),
    (
        BASE,
        "audience: [prod-eu-1], ",
        "",
        "loosened environment prod audience: prod-eu-1 -> any",
        "tightened environment prod audience: any -> prod-eu-1",
    ),
    (
        BASE,
        "[prod-eu-1], freshness: none",
        "[prod-eu-1], freshness: {promote: 1h, admit: 24h}",
        "tightened environment prod freshness: added: a checkpoint is needed",
        "loosened environment prod freshness: removed: a checkpoint is needed",
    ),
    (
        BASE,
        "builders: [\"https://example.test/builder\"]",
        "builders: []",
        "loosened step staging -> prod for high provenance.builders: https://example.test/builder -> any",
        "tightened step staging -> prod for high provenance.builders: any -> https://example.test/builder",
    ),
    (
        "people.yaml",
        "  dave:\n",
        "  dave:\n    roles: [release-manager]\n",
        "loosened person dave roles: +release-manager",
        "tightened person dave roles: -release-manager",
    ),
    (
        "people.yaml",
        "[bob@acme.example]",
        "[bob@acme.example, bob@home.example]",
        "changed person bob emails: +bob@home.example",
        "changed person bob emails: -bob@home.example",
    ),
    (
        "services/wiki.yaml",
        "tier: low",
        "tier: high",
        "changed service wiki tier: low -> high",
        "changed service wiki tier: high -> low",
    ),
    (
        "services/wiki.yaml",
        "wiki\"]",
        "wiki\", \"https://github.com/acme/docs\"]",
        "changed service wiki sources: +https://github.com/acme/docs",
        "changed service wiki sources: -https://github.com/acme/docs",
    ),
    (
        "services/wiki.yaml",
        "tier: low\n",
        "tier: low\ntighten: [{to: prod, require: {approvals: {threshold: 1}}}]\n",
        "tightened service wiki into prod: added: more is required",
        "loosened service wiki into prod: removed: more is required",
    ),
];

#[test]
fn each_rule_says_which_way_it_goes() {
    for (path, from, to, forth, back) in CHANGES.iter().copied() {
        let mut new = World::empty();
        new.edit(path, from, to);
        assert_eq!(told(&World::empty(), &new), [forth], "{from} to {to}");
        assert_eq!(told(&new, &World::empty()), [back], "{to} to {from}");
    }
}

#[test]
fn a_step_a_service_and_a_person_come_and_go_whole() {
    let edge = "edges:\n  - {from: dev, to: prod, kind: hotfix, by: [promoter], require: {approvals: {threshold: 1}}, reviewWithin: 2d}\n";
    let found = changes("release.yaml", "edges:\n", edge);
    assert_eq!(
        found,
        ["loosened step dev -> prod (hotfix) : added: signed by promoter"]
    );
    let mut without = World::empty();
    without
        .files
        .services
        .retain(|file| !file.path.contains("wiki"));
    let full = World::empty();
    assert_eq!(
        told(&full, &without),
        ["changed service wiki : removed: tier low"]
    );
    assert_eq!(
        told(&without, &full),
        ["changed service wiki : added: tier low"]
    );
    let found = changes(
        "people.yaml",
        "people:\n",
        "people:\n  zed: {identities: []}\n",
    );
    assert_eq!(found, ["changed person zed : added"]);
}

#[test]
fn a_key_that_ends_is_another_signer() {
    let found = changes(
        "release.yaml",
        "  tester:\n    - key: ",
        "  tester:\n    - notAfter: 2026-05-31T00:00:00Z\n      key: ",
    );
    assert_eq!(found.len(), 1);
    assert!(
        found[0].starts_with("changed identity tester signers: +key ")
            && found[0].contains("until 2026-05-31T00:00:00Z -key "),
        "{found:?}"
    );
}

#[test]
fn a_version_that_the_next_one_does_not_know_is_told_first() {
    let read = |world: &World| Policy::parse(&world.files, &Limits::default()).unwrap();
    let old = World::empty();
    let mut new = World::empty();
    new.next_policy();
    let rules = |new: &World| {
        let changes = read(&old).changes_to(&read(new));
        changes
            .iter()
            .map(|change| change.rule.clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(rules(&new), ["version"]);
    new.files.predecessors.clear();
    let changes = read(&old).changes_to(&read(&new));
    assert!(
        changes[0].text.contains("nobody can judge what names it"),
        "{changes:?}"
    );
    let mut new = World::empty();
    new.edit("release.yaml", "version: 3", "version: 4");
    let changes = read(&old).changes_to(&read(&new));
    assert_eq!(changes[0].effect, Effect::Tightened);
    assert!(
        changes[0]
            .text
            .contains("what was promoted under it is refused"),
        "{changes:?}"
    );
}

#[test]
fn what_is_said_of_earlier_versions_is_told() {
    let digest = "00".repeat(32);
    let listed =
        |until: &str| format!("history: [{{version: 2, digest: \"sha256:{digest}\"{until}}}]");
    let mut with = World::empty();
    with.edit("release.yaml", "history: []", &listed(""));
    let found = told(&World::empty(), &with);
    assert_eq!(
        found,
        [format!("changed policy history.v2: added: sha256:{digest}")]
    );
    let mut ended = World::empty();
    let until = ", until: 2026-03-01T00:00:00Z";
    ended.edit("release.yaml", "history: []", &listed(until));
    let found = told(&with, &ended);
    assert_eq!(found.len(), 1);
    assert!(
        found[0].ends_with("until 2026-03-01T00:00:00Z"),
        "{found:?}"
    );
    // That the next version lists the one before is no news.
    let mut next = World::empty();
    next.next_policy();
    assert_eq!(
        told(&World::empty(), &next),
        ["changed policy version: 3 -> 4"]
    );
}

#[test]
fn an_environment_may_have_a_point_in_its_name() {
    let dotted = |more: &str| {
        let mut world = World::empty();
        for (from, to) in [
            ("  prod: {uri", "  eu.prod: {uri"),
            ("to: prod", "to: eu.prod"),
        ] {
            world.edit("release.yaml", from, to);
        }
        world.edit(
            "services/wiki.yaml",
            "tier: low\n",
            &format!("tier: low\n{more}"),
        );
        world
    };
    let more = "tighten: [{to: eu.prod, require: {approvals: {threshold: 1}}}]\n";
    let found = told(&dotted(more), &dotted(""));
    assert_eq!(
        found,
        ["loosened service wiki into eu.prod: removed: more is required"]
    );
}

#[test]
fn keys_are_told_whole() {
    let key = crate::kit::policy::key;
    let found = changes("release.yaml", &key("tester"), &key("builder"));
    let id = crate::kit::Signer::named("builder").key_id().to_string();
    assert!(found.iter().any(|line| line.contains(&id)), "{found:?}");
}
