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
        "people.yaml",
        "    emails: [bob@acme.example]\n",
        "    emails: [bob@acme.example]\n    accounts: [{platform: github.com, id: 17}]\n",
        "changed person bob accounts: +account 17 on github.com",
        "changed person bob accounts: -account 17 on github.com",
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
        "tier: low\ntighten: [{to: prod, standing: true, require: {promotionAge: {max: 30d}}}]\n",
        "tightened service wiki into prod: added: more is required at every moment: promotion at most 720h old",
        "loosened service wiki into prod: removed: more is required at every moment: promotion at most 720h old",
    ),
    (
        "services/wiki.yaml",
        "tier: low\n",
        "tier: low\ntighten: [{to: prod, require: {approvals: {threshold: 1}}}]\n",
        "tightened service wiki into prod: added: more is required: 1 approvals by distinct persons (anybody the policy knows), not by author, builder, promoter, requester, of any age",
        "loosened service wiki into prod: removed: more is required: 1 approvals by distinct persons (anybody the policy knows), not by author, builder, promoter, requester, of any age",
    ),
    (
        BASE,
        "sbom: {by: [builder], maxAge: 30d}",
        "sbom: {by: [builder], maxAge: 30d, score: 7.5}",
        "tightened step dev -> staging sbom.score: any -> 7.5",
        "loosened step dev -> staging sbom.score: 7.5 -> any",
    ),
    (
        BASE,
        "edges:\n",
        "tighten: [{to: dev, kinds: [promote], tiers: [low], standing: true, require: {sbom: {by: [builder]}}}]\nedges:\n",
        "tightened every step into dev (promote) for low: added: more is required at every moment: sbom signed by builder, any format, of any age, any score",
        "loosened every step into dev (promote) for low: removed: more is required at every moment: sbom signed by builder, any format, of any age, any score",
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
fn levels_of_builders_say_which_way_they_go() {
    let with = |level: u8, rule: &str| {
        let mut world = World::empty();
        let row = format!("builders: [{{id: x, by: [builder], level: {level}}}]\nedges:\n");
        world.edit(BASE, "edges:\n", &row);
        let plain = "provenance: {by: [builder]}\n  - from";
        let rule = plain.replace('}', &format!("{rule}}}"));
        world.edit(BASE, plain, &rule);
        world
    };
    let vsa = ", level: 3, buildVsa: {by: [tester], verifier: v, resources: [r]}";
    let step = "step build -> dev provenance";
    for (old, new, text) in [
        (
            with(2, ""),
            with(3, ""),
            "loosened builders x by builder: +SLSA_BUILD_LEVEL_3".to_owned(),
        ),
        (
            with(3, ""),
            with(2, ""),
            "tightened builders x by builder: -SLSA_BUILD_LEVEL_3".to_owned(),
        ),
        (
            with(3, ""),
            with(3, ", level: 3"),
            format!("tightened {step}.level: 1 -> 3"),
        ),
        (
            with(3, ", level: 3"),
            with(3, ", level: 2"),
            format!("loosened {step}.level: 3 -> 2"),
        ),
        (
            with(3, ", level: 3"),
            with(3, vsa),
            format!("loosened {step}.buildVsa: added: a summary of r by v, signed by tester"),
        ),
        (
            with(3, vsa),
            with(3, &vsa.replace("[r]", "[r, s]")),
            format!("changed {step}.buildVsa.resources: +s"),
        ),
    ] {
        assert_eq!(told(&old, &new), [text]);
    }
}

#[test]
fn when_a_rule_is_asked_says_which_way_it_goes() {
    let with = |when: &str| {
        let mut world = World::empty();
        let rule = format!("tighten: [{{to: dev, {when} require: {{}}}}]\nedges:\n");
        world.edit(BASE, "edges:\n", &rule);
        world
    };
    let [none, early, late] = [
        "",
        "effectiveFrom: 2026-03-01T00:00:00Z,",
        "effectiveFrom: 2026-04-01T00:00:00Z,",
    ]
    .map(with);
    let subject = "every step into dev";
    let times = ("2026-03-01T00:00:00Z", "2026-04-01T00:00:00Z");
    for (old, new, text) in [
        (
            &early,
            &late,
            format!(
                "loosened {subject}.effectiveFrom: {} -> {}",
                times.0, times.1
            ),
        ),
        (
            &late,
            &early,
            format!(
                "tightened {subject}.effectiveFrom: {} -> {}",
                times.1, times.0
            ),
        ),
        (
            &none,
            &early,
            format!(
                "changed {subject}.effectiveFrom: with its version -> {}",
                times.0
            ),
        ),
        (
            &none,
            &with("standing: true,"),
            format!("tightened {subject}.standing: +at every moment"),
        ),
        (
            &with("standing: true,"),
            &none,
            format!("loosened {subject}.standing: -at every moment"),
        ),
    ] {
        assert_eq!(told(old, new), [text]);
    }
}

#[test]
fn a_step_a_service_and_a_person_come_and_go_whole() {
    let edge = "edges:\n  - {from: dev, to: prod, kind: hotfix, by: [promoter], require: {approvals: {threshold: 1}}, reviewWithin: 2d}\n";
    let found = changes("release.yaml", "edges:\n", edge);
    assert_eq!(
        found,
        [
            "loosened step dev -> prod (hotfix) : added: signed by promoter; 1 approvals by distinct persons (anybody the policy knows), not by author, builder, promoter, requester, of any age; review within 2 d"
        ]
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

/// What is said of earlier versions.
fn history(old: &World, new: &World) -> Vec<(Effect, String)> {
    let read = |world: &World| Policy::parse(&world.files, &Limits::default()).unwrap();
    let changes = read(old).changes_to(&read(new)).into_iter();
    let changes = changes.filter(|change| change.rule == "history");
    changes.map(|change| (change.effect, change.text)).collect()
}

#[track_caller]
fn one_about(found: &[(Effect, String)], effect: Effect, text: &str) {
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0].0, effect, "{found:?}");
    assert!(found[0].1.contains(text), "{text}: {found:?}");
}

#[test]
fn what_is_said_of_earlier_versions_is_compared() {
    let old = World::empty();
    let mut next = World::empty();
    next.next_policy();
    assert_eq!(history(&old, &next), []);
    assert_eq!(history(&next, &next), []);

    // A version that nobody knew, with loose rules of its own.
    let mut foreign = World::empty();
    foreign.edit("release.yaml", "version: 3", "version: 2");
    foreign.edit("release.yaml", "threshold: 2", "threshold: 1");
    let digest = Policy::parse(&foreign.files, &Limits::default())
        .unwrap()
        .digest();
    let mut with = World::empty();
    with.next_policy();
    let more = format!("history: [{{version: 2, digest: \"{digest}\"}}, ");
    with.edit("release.yaml", "history: [", &more);
    let said = format!("+version 2 ({digest}) without end, without its files");
    one_about(&history(&old, &with), Effect::Loosened, &said);
    let mut loaded = World::empty();
    loaded.files = with.files.clone();
    loaded.files.predecessors.push(foreign.files);
    let said = format!("+version 2 ({digest}) without end");
    one_about(&history(&old, &loaded), Effect::Loosened, &said);
    one_about(&history(&with, &loaded), Effect::Loosened, "-> without end");
    one_about(
        &history(&loaded, &with),
        Effect::Tightened,
        "without its files",
    );
    // It is gone, and so is what was promoted under it. The new version is none of the entries that go.
    let gone = history(&loaded, &next);
    assert!(
        gone.iter()
            .any(|(effect, text)| *effect == Effect::Tightened
                && text.starts_with(&format!("-version 2 ({digest})"))),
        "{gone:?}"
    );

    // An end that comes, moves and goes.
    let end = |at: &str| {
        let mut world = World::empty();
        world.files = loaded.files.clone();
        let entry = format!("version: 2, digest: \"{digest}\"");
        let ended = format!("{entry}, until: {at}");
        world.edit("release.yaml", &entry, &ended);
        world
    };
    let (early, late) = (end("2026-01-01T00:00:00Z"), end("2027-01-01T00:00:00Z"));
    let moved = |old: &World, new: &World| {
        let found = history(old, new).into_iter();
        let mut found = found.filter(|(_, text)| text.starts_with("version 2 "));
        found.next().unwrap()
    };
    let (effect, text) = moved(&early, &late);
    assert_eq!(effect, Effect::Changed);
    assert!(
        text.ends_with("until 2026-01-01T00:00:00Z -> until 2027-01-01T00:00:00Z"),
        "{text}"
    );
    let (effect, text) = moved(&late, &loaded);
    assert_eq!(effect, Effect::Changed);
    assert!(
        text.ends_with("until 2027-01-01T00:00:00Z -> without end"),
        "{text}"
    );
}

#[test]
fn what_lets_in_and_keeps_out_by_the_same_word_has_no_direction() {
    // Whoever may promote may revoke by the same name.
    let mut both = World::empty();
    both.edit(
        "release.yaml",
        "  tester:\n",
        "  tester:\n    - {issuer: 'https://i.test', subject: ci}\n",
    );
    for (found, sign) in [
        (told(&World::empty(), &both), '+'),
        (told(&both, &World::empty()), '-'),
    ] {
        let expected = format!("changed identity tester signers: {sign}ci (https://i.test)");
        assert_eq!(found, [expected]);
    }
    // Who says that it runs also says that it broke, unless only the first is asked for.
    let soak = |by: &str, healthy: bool| {
        let mut world = World::empty();
        let rule = format!(
            "tests: {{by: [tester], maxAge: 72h}}\n      soak: {{in: dev, min: 1h, by: [{by}], healthy: {healthy}}}"
        );
        world.edit("release.yaml", "tests: {by: [tester], maxAge: 72h}", &rule);
        world
    };
    for (healthy, effect) in [(true, "changed"), (false, "tightened")] {
        let found = told(&soak("tester, builder", healthy), &soak("tester", healthy));
        assert_eq!(
            found,
            [format!("{effect} step dev -> staging soak.by: -builder")]
        );
    }
}

#[test]
fn no_two_signers_read_the_same() {
    let with = |signer: &str| {
        let mut world = World::empty();
        let signer = format!("  tester:\n    - {signer}\n");
        world.edit("release.yaml", "  tester:\n", &signer);
        world
    };
    let exact = with("{issuer: 'https://i.test', subject: '*@acme.example'}");
    let like = with("{issuer: 'https://i.test', subjectPattern: '*@acme.example'}");
    assert_eq!(
        told(&exact, &like),
        [
            "changed identity tester signers: +like *@acme.example (https://i.test) -*@acme.example (https://i.test)"
        ]
    );
    let odd = with("{issuer: 'https://i.test', subject: 'like *@acme.example'}");
    assert_eq!(told(&odd, &like).len(), 1);
    // A key is told whole: eight digits of its id can be made to agree.
    let found = changes(
        "release.yaml",
        "  tester:\n    - key: ",
        "  tester:\n    - notAfter: 2026-05-31T00:00:00Z\n      key: ",
    );
    let id = found[0].rsplit_once("-key sha256:").unwrap().1;
    assert_eq!(id.len(), 64, "{found:?}");
}

#[test]
fn a_name_with_a_dot_hides_no_rule() {
    let dotted = |tighten: &str| {
        let mut world = World::empty();
        let base = String::from_utf8(world.files.base.bytes.clone()).unwrap();
        let base = base
            .replace("\n  prod: {", "\n  eu.prod: {")
            .replace("to: prod", "to: eu.prod")
            .replace("from: prod", "from: eu.prod");
        world.files.base.bytes = base.into_bytes();
        let text = format!("tier: low\n{tighten}");
        world.edit("services/wiki.yaml", "tier: low\n", &text);
        world
    };
    let without = dotted("");
    let with = dotted("tighten: [{to: eu.prod, require: {approvals: {threshold: 1}}}]\n");
    let gone = told(&with, &without);
    assert_eq!(gone.len(), 1, "{gone:?}");
    assert!(
        gone[0].starts_with("loosened service wiki into \"eu.prod\": removed: "),
        "{gone:?}"
    );
    let come = told(&without, &with);
    assert_eq!(come.len(), 1, "{come:?}");
    assert!(
        come[0].starts_with("tightened service wiki into \"eu.prod\": added: "),
        "{come:?}"
    );
}

#[test]
fn a_step_for_other_tiers_tells_what_it_takes() {
    let mut new = World::empty();
    new.edit(
        "release.yaml",
        "  low: {claimedTime",
        "  top: {claimedTime: deny}\n  low: {claimedTime",
    );
    let old = Policy::parse(&new.files, &Limits::default()).unwrap();
    new.edit("release.yaml", "tiers: [high]", "tiers: [high, top]");
    new.edit("release.yaml", "threshold: 2", "threshold: 1");
    let new = Policy::parse(&new.files, &Limits::default()).unwrap();
    let changes = old.changes_to(&new).into_iter();
    let steps: Vec<_> = changes
        .filter(|it| it.subject.starts_with("step"))
        .collect();
    let find = |effect: Effect, text: &str| {
        let mut steps = steps.iter();
        steps.any(|step| step.effect == effect && step.text.contains(text))
    };
    assert_eq!(steps.len(), 2, "{steps:?}");
    assert!(
        find(Effect::Tightened, "2 approvals by distinct persons"),
        "{steps:?}"
    );
    assert!(
        find(Effect::Loosened, "1 approvals by distinct persons"),
        "{steps:?}"
    );
}

#[test]
fn conditions_are_compared_as_what_they_say() {
    let with = |all: &[(&str, &str)]| {
        let mut world = World::empty();
        let rule = |(name, cel): &(&str, &str)| {
            format!("{{name: {name}, type: vsa, by: [tester], maxAge: 2d, cel: '{cel}'}}")
        };
        let all: Vec<_> = all.iter().map(rule).collect();
        let to = format!("conditions: [{}]\n      approvals: {{", all.join(", "));
        world.edit("release.yaml", "approvals: {", &to);
        world
    };
    let one = with(&[("a", "predicate.x > 1")]);
    let two = with(&[("b", "predicate.y"), ("a", "predicate.x > 1")]);
    let other = with(&[("a", "predicate.x > 0")]);
    let step = "step staging -> prod for high conditions";
    let told = |old: &World, new: &World| told(old, new).join("|");
    assert_eq!(
        told(&World::empty(), &one),
        format!("tightened {step}: added: conditions: a")
    );
    assert_eq!(
        told(&one, &World::empty()),
        format!("loosened {step}: removed: conditions: a")
    );
    let said = |name: &str, cel: &str| {
        format!(
            "{name}: some https://slsa.dev/verification_summary/v1 signed by tester, at most 48h old fulfils {cel}"
        )
    };
    assert_eq!(
        told(&one, &two),
        format!("tightened {step}.all: +{}", said("b", "predicate.y"))
    );
    assert_eq!(
        told(&two, &one),
        format!("loosened {step}.all: -{}", said("b", "predicate.y"))
    );
    // Which way another expression goes, nobody can tell.
    let (old, new) = (said("a", "predicate.x > 1"), said("a", "predicate.x > 0"));
    assert_eq!(
        told(&one, &other),
        format!("changed {step}.all: +{new} -{old}")
    );
    // One line for each in what explains a policy.
    let policy = two.parsed();
    let lines = policy.edges()[2].require.describe();
    let lines: Vec<_> = lines
        .iter()
        .filter(|line| line.contains("fulfils"))
        .collect();
    assert_eq!(lines.len(), 2);
    assert!(lines[0].starts_with(&said("b", "predicate.y")), "{lines:?}");
    assert!(lines[0].contains("   [release.yaml:"), "{lines:?}");
}

#[test]
fn records_of_copies_are_compared_part_by_part() {
    let with = |rule: &str| {
        let mut world = World::empty();
        let to = format!("promotionRecord: {{by: [tester], {rule}}}\n      approvals: {{");
        world.edit("release.yaml", "approvals: {", &to);
        world
    };
    let step = "step staging -> prod for high promotionRecord";
    let narrow = with("destinations: [r.example.test/a]");
    for (rule, effect, what) in [
        (
            "destinations: [r.example.test/a, r.example.test/b]",
            "loosened",
            ".destinations: +r.example.test/b",
        ),
        (
            "destinations: [r.example.test/a], sources: [s.example.test/*]",
            "tightened",
            ".sources: any -> s.example.test/*",
        ),
        (
            "destinations: [r.example.test/a], maxAge: 1d",
            "tightened",
            ".maxAge: any age -> 24 h",
        ),
    ] {
        assert_eq!(
            told(&narrow, &with(rule)).join("|"),
            format!("{effect} {step}{what}")
        );
    }
}
