//! What a policy hardly means is said: one doubt for each kind, and none about a sound policy.

use bulla_model::Limits;
use bulla_verify::Policy;
use jiff::Timestamp;

use crate::kit::World;
use crate::kit::policy::key as kit_key;

/// What is said after one change.
fn doubts(path: &str, from: &str, to: &str) -> Vec<String> {
    let mut world = World::empty();
    world.edit(path, from, to);
    said(&world)
}

fn said(world: &World) -> Vec<String> {
    // The last step of the tests' policy asks for nothing.
    let mut told = all_said(world);
    told.retain(|text| !text.ends_with("needs no provenance"));
    told
}

fn all_said(world: &World) -> Vec<String> {
    let policy = Policy::parse(&world.files, &Limits::default()).unwrap();
    let now: Timestamp = "2026-06-01T00:00:00Z".parse().unwrap();
    let doubts = policy.doubts(now).into_iter();
    doubts
        .map(|doubt| format!("{}: {}", doubt.place, doubt.text))
        .collect()
}

#[track_caller]
fn one(found: &[String], expected: &str) {
    assert_eq!(found, [expected]);
}

#[test]
fn a_sound_policy_raises_none() {
    assert!(
        said(&World::empty()).is_empty(),
        "{:?}",
        said(&World::empty())
    );
}

#[test]
fn what_is_added_to_no_step() {
    let text = "no step into `prod` is of the tiers and kinds that this is for";
    for rule in [
        "kinds: [hotfix]",
        "tiers: [none]",
        "tiers: [none], kinds: [promote]",
    ] {
        let mut world = World::empty();
        world.edit("release.yaml", "tiers:\n", "tiers:\n  none: {}\n");
        let with = format!("tighten:\n  - {{to: prod, {rule}, require: {{}}}}\nedges:\n");
        world.edit("release.yaml", "edges:\n", &with);
        one(&said(&world), &format!("release.yaml:20:5: {text}"));
    }
    let service = "tier: low\ntighten: [{to: prod, kinds: [hotfix], require: {}}]\n";
    let found = doubts("services/wiki.yaml", "tier: low\n", service);
    one(&found, &format!("services/wiki.yaml:3:11: {text}"));
    // Nobody could give what the base adds.
    let more = "tighten: [{to: prod, require: {approvals: {threshold: 4, roles: [release-manager]}}}]\nedges:\n";
    let found = doubts("release.yaml", "edges:\n", more);
    one(
        &found,
        "release.yaml:18:43: 4 approvals are needed and 3 persons may give one",
    );
}

#[test]
fn levels_that_no_builder_reaches() {
    let rule = "provenance: {by: [builder]}\n  - from";
    let asked = rule.replace('}', ", level: 3}");
    let text = "release.yaml:22:19: `builders` trusts nobody up to level 3";
    one(&doubts("release.yaml", rule, &asked), text);
    for (level, exists) in [(2, true), (3, false)] {
        let row = format!("builders: [{{id: x, by: [builder], level: {level}}}]\nhistory");
        let mut world = World::empty();
        world.edit("release.yaml", rule, &asked);
        world.edit("release.yaml", "history", &row);
        assert_eq!(said(&world).len(), usize::from(exists), "{level}");
    }
    let summed = asked.replace(
        "level: 3",
        "level: 3, buildVsa: {by: [tester], verifier: v, resources: [r]}",
    );
    assert!(doubts("release.yaml", rule, &summed).is_empty());
}

#[test]
fn thresholds_that_nobody_can_meet() {
    let found = doubts("release.yaml", "threshold: 2", "threshold: 4");
    one(
        &found,
        "release.yaml:36:18: 4 approvals are needed and 3 persons may give one",
    );
    // One of three holders promotes, another builds: one is left.
    let mut world = World::empty();
    let people = String::from_utf8(world.files.people.clone().unwrap().bytes).unwrap();
    let (persons, machines) = people.split_once("machines:\n").unwrap();
    let mut keys = machines.lines().filter(|line| line.contains("key: "));
    let (ci, gate) = (keys.next().unwrap(), keys.next().unwrap());
    let gate_key = gate.replace("    - ", "      - ");
    let ci_key = ci.replace("    - ", "      - ");
    let persons = persons
        .replacen(
            "    identities:\n",
            &format!("    identities:\n{gate_key}\n"),
            1,
        )
        .replace(
            "    emails: [bob@acme.example]\n    identities:\n",
            &format!("    emails: [bob@acme.example]\n    identities:\n{ci_key}\n"),
        );
    world.files.people.as_mut().unwrap().bytes = persons.into_bytes();
    let found = said(&world);
    one(
        &found,
        "release.yaml:36:18: 2 approvals are needed and 1 persons may give one, whoever promotes or builds left out",
    );
}

/// Who promotes may be one of two, who builds is one of them: the builder alone is left out in the best
/// case.
#[test]
fn whoever_does_both_is_left_out_once() {
    let mut world = World::empty();
    for (identity, extra) in [("builder", ""), ("promoter", "alice")] {
        let own = kit_key("bob");
        let mut rules = format!("  {identity}:\n    - key: {own}\n");
        if !extra.is_empty() {
            rules = format!("{rules}    - key: {}\n", kit_key(extra));
        }
        let old = format!("  {identity}:\n    - key: {}\n", kit_key(identity));
        world.edit("release.yaml", &old, &rules);
    }
    assert!(said(&world).is_empty(), "{:?}", said(&world));
    world.edit("release.yaml", "threshold: 2", "threshold: 3");
    one(
        &said(&world),
        "release.yaml:37:18: 3 approvals are needed and 2 persons may give one, whoever promotes or builds left out",
    );
}

#[test]
fn a_person_without_a_key_that_is_valid_gives_no_approval() {
    let mut world = World::empty();
    for name in ["bob", "carol"] {
        let line = format!(
            "  {name}:\n    roles: [release-manager]\n    emails: [{name}@acme.example]\n    identities:\n      - key: "
        );
        world.edit(
            "people.yaml",
            &line,
            &line.replace("- key", "- notAfter: 2026-01-01T00:00:00Z\n        key"),
        );
    }
    let found = said(&world);
    one(
        &found,
        "release.yaml:36:18: 2 approvals are needed and 1 persons may give one",
    );
}

#[test]
fn roles_that_nobody_holds() {
    let found = doubts(
        "release.yaml",
        "roles: [release-manager]",
        "roles: [release-manager, sre]",
    );
    one(&found, "release.yaml:36:18: nobody holds the role `sre`");
}

#[test]
fn a_service_that_asks_for_more_than_there_are() {
    let tighten = "tier: high\ntighten:\n  - to: prod\n    require: {approvals: {threshold: 5}}\n";
    let found = doubts("services/pay-api.yaml", "tier: high\n", tighten);
    one(
        &found,
        "services/pay-api.yaml:5:26: 5 approvals are needed for `pay-api` and 4 persons may give one",
    );
}

#[test]
fn reviews_that_nobody_can_give() {
    let hotfix = "edges:\n  - {from: dev, to: prod, kind: hotfix, by: [promoter], require: {provenance: {by: [builder]}}, reviewWithin: 2d, reviewRoles: [lead]}\n";
    let found = doubts("release.yaml", "edges:\n", hotfix);
    assert_eq!(
        found,
        [
            "release.yaml:19:5: nobody holds the role `lead`",
            "release.yaml:19:5: nobody could give the review: it takes a person who did not promote",
        ]
    );
}

#[test]
fn environments_without_a_way_in() {
    let found = doubts(
        "release.yaml",
        "  - to: dev\n",
        "  - to: dev\n    from: prod\n",
    );
    assert!(
        found
            .iter()
            .any(|text| text.ends_with("no way leads from a build into `dev`")),
        "{found:?}"
    );
    assert!(
        found
            .iter()
            .any(|text| text.ends_with("the step begins in `staging`, where nothing ever is")),
        "{found:?}"
    );
    assert!(
        found
            .iter()
            .any(|text| text.ends_with("no step lets `wiki` of tier `low` in anywhere")),
        "{found:?}"
    );
    // Back and out are no ways in.
    let found = doubts(
        "release.yaml",
        "environments:\n",
        "environments:\n  lab: {uri: 'env://acme/pay/lab', freshness: none}\n",
    );
    one(
        &found,
        "release.yaml:5:14: no way leads from a build into `lab`",
    );
}

#[test]
fn a_tier_that_no_step_is_for() {
    let mut world = World::empty();
    world.edit(
        "release.yaml",
        "  - to: dev\n",
        "  - to: dev\n    tiers: [high]\n",
    );
    let found = said(&world);
    one(
        &found,
        "services/wiki.yaml:1:10: no step lets `wiki` of tier `low` in anywhere",
    );
}

#[test]
fn soak_where_no_way_passes() {
    let soak = |to: &str| {
        format!(
            "approvals: {{threshold: 2, roles: [release-manager], maxAge: 7d}}\n      soak: {{in: {to}, min: 1h, by: [tester]}}"
        )
    };
    let line = "approvals: {threshold: 2, roles: [release-manager], maxAge: 7d}";
    assert!(doubts("release.yaml", line, &soak("dev")).is_empty());
    assert!(doubts("release.yaml", line, &soak("staging")).is_empty());
    let found = doubts("release.yaml", line, &soak("prod"));
    one(
        &found,
        "release.yaml:37:13: soak in `prod`, which no way into `prod` passes",
    );
}

#[test]
fn identities_that_nothing_names_or_that_are_over() {
    let found = doubts(
        "release.yaml",
        "tests: {by: [tester]",
        "tests: {by: [builder]",
    );
    assert_eq!(found.len(), 1);
    assert!(
        found[0].ends_with("no rule names the identity `tester`"),
        "{found:?}"
    );
    // Who signs the calendar of freezes is named by that rule.
    let found = doubts(
        "release.yaml",
        "edges:\n",
        "freezes: {by: [tester]}\nedges:\n",
    );
    assert!(found.is_empty(), "{found:?}");
    let found = doubts(
        "release.yaml",
        "  tester:\n    - key: ",
        "  tester:\n    - notAfter: 2026-05-31T00:00:00Z\n      key: ",
    );
    assert!(
        found[0].ends_with("no key of the identity `tester` is valid now"),
        "{found:?}"
    );
    let found = doubts(
        "release.yaml",
        "  tester:\n",
        "  tester:\n    - {issuer: token.example.test, subject: ci}\n",
    );
    assert!(
        found[0].ends_with("the issuer of `tester` is no URL, so this matches nobody"),
        "{found:?}"
    );
}

#[test]
fn owners_that_are_nobody() {
    let found = doubts(
        "services/wiki.yaml",
        "tier: low\n",
        "tier: low\nowners: [dave, zoe]\n",
    );
    one(
        &found,
        "services/wiki.yaml:1:10: `zoe`, an owner of `wiki`, is nobody the policy knows",
    );
}

#[test]
fn sources_of_two_services_or_of_none() {
    let wiki = "https://github.com/acme/wiki";
    let found = doubts("services/wiki.yaml", wiki, "https://github.com/acme/*");
    assert_eq!(found.len(), 1);
    assert!(
        found[0].contains(
            "`https://github.com/acme/*` of `wiki` and `https://github.com/acme/pay` of `pay-api`"
        ),
        "{found:?}"
    );
    let found = doubts(
        "services/wiki.yaml",
        wiki,
        "git+https://github.com/acme/pay.git",
    );
    assert!(found[0].contains("meet"), "{found:?}");
    let found = doubts("services/wiki.yaml", wiki, "github.com/acme/wiki");
    assert!(found[0].contains("they are URLs"), "{found:?}");
    let found = doubts(
        "services/wiki.yaml",
        wiki,
        "https://github.com/acme/wiki-*.git",
    );
    assert!(found[0].contains("without `.git`"), "{found:?}");
}

#[test]
fn signers_who_could_be_two() {
    let both = "people:\n  zed:\n    identities: [{issuer: 'https://i.test', subjectPattern: '*@acme.example'}]\n";
    let machine = "machines:\n  bot: [{issuer: 'https://i.test', subject: ci@acme.example}]\n";
    let mut world = World::empty();
    world.edit("people.yaml", "people:\n", both);
    world.edit("people.yaml", "machines:\n", machine);
    let found = said(&world);
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(
        found[0].contains("a signer could be both zed and the machine bot"),
        "{found:?}"
    );
    // What their certificates say keeps them apart.
    let apart = both.replace("subjectPattern", "runnerEnvironment: a, subjectPattern");
    let mut world = World::empty();
    world.edit("people.yaml", "people:\n", &apart);
    world.edit(
        "people.yaml",
        "machines:\n",
        &machine.replace("subject:", "runnerEnvironment: b, subject:"),
    );
    assert!(said(&world).is_empty());
}

#[test]
fn a_policy_without_services_allows_nothing() {
    let mut world = World::empty();
    world.files.services.clear();
    one(
        &said(&world),
        "release.yaml:1:1: no service is described, so nothing can be allowed",
    );
}

#[test]
fn too_many_patterns_are_said_to_be_too_many() {
    let mut world = World::empty();
    // None of them meet, and each pair costs 16 million steps.
    let runs = "*a".repeat(2000);
    let patterns: Vec<_> = (0..20)
        .map(|at| format!("\"https://{runs}{at:02}\""))
        .collect();
    let (ours, theirs) = patterns.split_at(10);
    for (path, from, sources) in [
        (
            "services/wiki.yaml",
            "\"https://github.com/acme/wiki\"",
            ours,
        ),
        (
            "services/pay-api.yaml",
            "\"https://github.com/acme/pay\"",
            theirs,
        ),
    ] {
        world.edit(path, from, &sources.join(", "));
    }
    let found = said(&world);
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].contains("too many patterns"), "{found:?}");
}

#[test]
fn a_record_of_a_copy_into_any_registry() {
    let with = |pattern: &str| {
        let to = format!(
            "promotionRecord: {{by: [tester], destinations: ['{pattern}']}}\n      approvals: {{"
        );
        doubts("release.yaml", "approvals: {", &to)
    };
    for wide in ["**", "*/pay/api", "*.example.test/pay"] {
        let told =
            format!("release.yaml:36:24: `{wide}` is a repository on any host: name the registry");
        one(&with(wide), &told);
    }
    assert!(with("registry.example.test/**").is_empty());
}

#[test]
fn a_pattern_that_finds_a_part_of_a_text() {
    let with = |pattern: &str| {
        let to = format!(
            "conditions: [{{name: a, type: vsa, by: [tester], cel: 'predicate.x.matches(\"{pattern}\")'}}]\n      approvals: {{"
        );
        doubts("release.yaml", "approvals: {", &to)
    };
    one(
        &with("github.com/acme"),
        "release.yaml:36:20: `a` finds `github.com/acme` anywhere in a text: begin the pattern with ^ and end it with $",
    );
    assert!(with("^https://github.com/acme/.*$").is_empty());
}

#[test]
fn relayed_approvals_without_accounts() {
    let (from, to) = (
        "high: {claimedTime: allow}",
        "high: {claimedTime: allow, relayedApprovals: allow}",
    );
    one(
        &doubts("release.yaml", from, to),
        "release.yaml:1:1: tier `high` takes relayed approvals and nobody has `accounts`",
    );
    let mut world = World::empty();
    world.edit("release.yaml", from, to);
    let bob = "emails: [bob@acme.example]\n    identities:\n";
    let account = "accounts: [{platform: github.com, id: 17}]\n    identities:\n";
    world.edit("people.yaml", bob, account);
    assert!(said(&world).is_empty(), "{:?}", said(&world));
}

#[test]
fn a_step_needs_provenance_by_the_base_or_by_every_service() {
    let without = |world: &World| {
        let mut told = all_said(world);
        told.retain(|text| text.ends_with("needs no provenance"));
        told.len()
    };
    let mut world = World::empty();
    assert_eq!(without(&world), 1);
    // The other step into prod, for services that add it.
    let base = "      provenance: {by: [builder], buildTypes: [\"https://example.test/build/**\"], builders: [\"https://example.test/builder\"]}\n";
    world.edit("release.yaml", base, "");
    assert_eq!(without(&world), 2);
    let tighten =
        "tier: high\ntighten:\n  - to: prod\n    require: {provenance: {by: [builder]}}\n";
    world.edit("services/pay-api.yaml", "tier: high\n", tighten);
    assert_eq!(without(&world), 1);
    // One service of the tier that does not.
    let mut other = world.files.services[0].clone();
    other.path = "services/other.yaml".to_owned();
    other.bytes =
        b"service: other\ntier: high\nsources: [\"https://example.test/other\"]\n".to_vec();
    world.files.services.push(other);
    assert_eq!(without(&world), 2);
}

#[test]
fn scores_that_no_spdx_document_reaches() {
    let rule = "sbom: {by: [builder], maxAge: 30d}";
    for (more, doubted) in [
        ("formats: [spdx], score: 9.4", true),
        ("formats: [spdx], score: 9.3", false),
        ("formats: [spdx, cyclonedx], score: 10", false),
        ("score: 10", false),
    ] {
        let found = doubts(
            "release.yaml",
            rule,
            &rule.replace('}', &format!(", {more}}}")),
        );
        let text = "release.yaml:28:13: no SPDX 2 document has a score above 9.3";
        assert_eq!(
            found.contains(&text.to_owned()),
            doubted,
            "{more}: {found:?}"
        );
    }
}
