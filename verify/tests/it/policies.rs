//! Policies, anchors and states that must not be read as something else.

use bulla_model::Limits;
use bulla_verify::{Anchor, Policy, PolicyFiles, State};
use insta::assert_snapshot;

use crate::kit::{World, policy};

/// What is said about the policy after one change.
fn refusal(path: &str, from: &str, to: &str) -> String {
    let mut world = World::empty();
    world.edit(path, from, to);
    said(&world.files)
}

fn said(files: &PolicyFiles) -> String {
    match Policy::parse(files, &Limits::default()) {
        Ok(policy) => format!("accepted as version {}", policy.version()),
        Err(error) => error.to_string(),
    }
}

#[test]
fn the_policy_of_the_tests_is_accepted() {
    assert_snapshot!(said(&policy::files()), @"accepted as version 3");
}

#[test]
fn f21_unknown_fields_are_refused_with_their_place() {
    assert_snapshot!(refusal("release.yaml", "claimedTime: allow}\n  low", "claimedTimes: allow}\n  low"), @"release.yaml:9:10: unknown field `claimedTimes`, expected one of claimedTime, relayedApprovals, draftPredicates");
    assert_snapshot!(refusal("release.yaml", "    by: [promoter]\n    require:\n      provenance: {by: [builder]}\n  - from: dev", "    by: [promoter]\n    requires:\n      provenance: {by: [builder]}\n  - from: dev"), @"release.yaml:21:5: unknown field `requires`, expected one of from, to, kind, tiers, by, require, reviewWithin, reviewRoles, overdueReview");
    assert_snapshot!(refusal("services/pay-api.yaml", "tier: high", "tier: high\nloosen: []"), @"services/pay-api.yaml:3:1: unknown field `loosen`, expected one of service, tier, sources, images, owners, tighten");
    assert_snapshot!(refusal("people.yaml", "  dave:\n", "  dave:\n    subjectRegExp: x\n"), @"people.yaml:19:5: unknown field `subjectRegExp`, expected one of roles, emails, accounts, identities");
}

#[test]
fn names_that_mean_nothing_are_refused() {
    assert_snapshot!(refusal("release.yaml", "by: [tester]", "by: [testers]"), @"release.yaml:29:14: no identity `testers`: expected one of `builder`, `promoter`, `tester`");
    assert_snapshot!(refusal("release.yaml", "- from: dev\n", "- from: devel\n"), @"release.yaml:23:5: no environment `devel`: expected one of `dev`, `prod`, `staging`");
    assert_snapshot!(refusal("release.yaml", "tiers: [low]", "tiers: [lower]"), @"release.yaml:37:5: no tier `lower`: expected one of `high`, `low`");
    assert_snapshot!(refusal("services/wiki.yaml", "tier: low", "tier: lower"), @"services/wiki.yaml:2:7: no tier `lower`: expected one of `high`, `low`");
    assert_snapshot!(refusal("release.yaml", "env://acme/pay/dev", "dev"), @"release.yaml:5:14: `dev` is no environment: expected `env://org/app-scope/name`");
    assert_snapshot!(refusal("release.yaml", "high: {claimedTime: allow}", "high: {claimedTime: yes}"), @"release.yaml:9:23: unknown variant `yes`, expected one of allow, deny");
    assert_snapshot!(refusal("release.yaml", "apiVersion: bulla.dev/policy/v0.1", "apiVersion: bulla.dev/policy/v9"), @"release.yaml:1:13: expected `apiVersion: bulla.dev/policy/v0.1`");
}

#[test]
fn what_contradicts_itself_is_refused() {
    assert_snapshot!(refusal("release.yaml", "tiers: [low]", "tiers: [low, high]"), @"release.yaml:37:5: the same step is already ruled at release.yaml:30:5");
    assert_snapshot!(refusal("release.yaml", "  - from: dev\n", "  - from: staging\n"), @"release.yaml:23:5: `from` and `to` are both `staging`");
    assert_snapshot!(refusal("release.yaml", "env://acme/pay/dev", "env://acme/pay/prod"), @"release.yaml:7:15: two environments have the URI `env://acme/pay/prod`");
    assert_snapshot!(refusal("services/wiki.yaml", "service: wiki", "service: pay-api"), @"services/wiki.yaml:1:10: service `pay-api` is already described at services/pay-api.yaml:1:10");
    assert_snapshot!(refusal("services/wiki.yaml", "sources: [\"https://github.com/acme/wiki\"]", "sources: []"), @"services/wiki.yaml:1:10: `sources` is empty: a service is known by its source repositories");
    assert_snapshot!(refusal("release.yaml", "version: 3", "version: 0"), @"release.yaml:3:10: versions begin at 1");
    assert_snapshot!(refusal("release.yaml", "by: [tester]", "by: []"), @"release.yaml:29:14: `by` is empty: name at least one identity");
    assert_snapshot!(refusal("release.yaml", "maxAge: 72h", "maxAge: 0h"), @"release.yaml:29:37: `0h` is no length of time: expected for example `90s`, `10m`, `72h` or `30d`");
}

#[test]
fn f18_a_threshold_of_none_is_refused() {
    assert_snapshot!(refusal("release.yaml", "threshold: 2", "threshold: 0"), @"release.yaml:36:18: `threshold` is 0: leave `approvals` out instead");
    assert_snapshot!(refusal("release.yaml", "threshold: 2", "threshold: -1"), @"release.yaml:36:30: invalid u64");
}

#[test]
fn one_key_or_address_belongs_to_one_person() {
    let (bob, carol) = (policy::key("bob"), policy::key("carol"));
    assert_snapshot!(refusal("people.yaml", &carol, &bob), @"people.yaml:17:9: the identity belongs to somebody else too (people.yaml:12:9)");
    let builder = policy::key("builder");
    assert_snapshot!(refusal("people.yaml", &builder, &bob), @"people.yaml:24:7: the identity belongs to somebody else too (people.yaml:12:9)");
    assert_snapshot!(refusal("people.yaml", "carol@acme.example", "Bob@acme.example"), @"people.yaml:1:1: `Bob@acme.example` is listed for `bob` and for `carol`");
}

#[test]
fn identities_that_would_be_anybody_are_refused() {
    let tester = format!("key: {}", policy::key("tester"));
    let identity = |text: &str| refusal("release.yaml", &tester, text);
    assert_snapshot!(identity("{issuer: \"https://i.example.test\", subjectPattern: \"**\"}"), @"release.yaml:15:7: `subjectPattern` matches everybody");
    assert_snapshot!(identity("{subject: \"a@acme.example\"}"), @"release.yaml:15:7: `issuer` is missing: a subject says nothing without it");
    assert_snapshot!(identity("{issuer: \"https://i.example.test\"}"), @"release.yaml:15:7: expected `subject` or `subjectPattern`, one of them");
    assert_snapshot!(identity("{issuer: \"https://i.example.test\", subject: a, subjectPattern: \"a*\"}"), @"release.yaml:15:7: expected `subject` or `subjectPattern`, one of them");
    assert_snapshot!(identity("{issuer: \"https://i.example.test\", subject: a, notAfter: 2026-01-01T00:00:00Z}"), @"release.yaml:15:7: `notBefore` and `notAfter` are for keys");
    assert_snapshot!(identity("{key: \"no key\"}"), @"release.yaml:15:7: no usable public key: not PEM (malformedframing)");
    assert_snapshot!(identity(&format!("{{notBefore: 2026-02-01T00:00:00Z, notAfter: 2026-01-01T00:00:00Z, {tester}}}")), @"release.yaml:15:7: the window from 2026-02-01T00:00:00Z until 2026-01-01T00:00:00Z never opens");
    assert_snapshot!(identity("{}"), @"release.yaml:15:7: expected `key`, or `issuer` and `subject`");
}

#[test]
fn yaml_is_read_strictly() {
    assert_snapshot!(refusal("release.yaml", "version: 3", "version: 3\nversion: 4"), @"release.yaml:4:1: duplicate mapping key: version");
    assert_snapshot!(refusal("services/wiki.yaml", "wiki\"]\n", "wiki\"]\n---\nservice: other\n"), @"services/wiki.yaml:5:1: multiple YAML documents detected");
    let bomb = "a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c]\ne: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d]\nf: &f [*e,*e,*e,*e,*e,*e,*e,*e,*e]\nname: *f\n";
    let mut files = policy::files();
    files.base.bytes = bomb.as_bytes().to_vec();
    assert_snapshot!(said(&files), @"release.yaml:1:1: unknown field `a`, expected one of apiVersion, name, version, environments, tiers, identities, edges, tighten, builders, revocations, freezes, history");
    let bomb = bomb.replace("\nname: *f", "\nhistory: *f");
    let base = String::from_utf8(policy::files().base.bytes).unwrap();
    files.base.bytes = base.replace("history: []\n", &bomb).into_bytes();
    assert_snapshot!(said(&files), @"release.yaml:42:1: unknown field `a`, expected one of apiVersion, name, version, environments, tiers, identities, edges, tighten, builders, revocations, freezes, history");
    files.base.bytes = format!("name: {}", "[".repeat(100_000)).into_bytes();
    assert_snapshot!(said(&files), @"release.yaml:1:7: expected string scalar");
    files.base.bytes = vec![0xff, 0xfe];
    assert_snapshot!(said(&files), @"release.yaml: not UTF-8");
    files.base.bytes = vec![b'#'; 1 + (1 << 20)];
    assert_snapshot!(said(&files), @"release.yaml: 1048577 bytes, the limit is 1048576");
    files.base.bytes = Vec::new();
    assert_snapshot!(said(&files), @"release.yaml:1:1: unexpected end of input");
}

#[test]
fn comments_may_be_long() {
    let comment = "    # Why, at length.\n".repeat(300);
    let edge = "edges:\n";
    let told = refusal("release.yaml", edge, &format!("{edge}{comment}"));
    assert_eq!(told, "accepted as version 3");
}

#[test]
fn messages_escape_what_they_quote() {
    let text = refusal("release.yaml", "by: [tester]", "by: [\"\\e[2Jtester\"]");
    assert!(!text.contains('\u{1b}'), "{text:?}");
}

#[test]
fn a_history_lists_only_what_came_before_and_once() {
    let digest = "sha256:".to_owned() + &"0".repeat(64);
    let history = |text: &str| {
        refusal(
            "release.yaml",
            "history: []",
            &format!("history: [{}]", text.replace("DIGEST", &digest)),
        )
    };
    assert_snapshot!(history("{version: 3, digest: \"DIGEST\"}"), @"release.yaml:3:10: `history` lists version 3, which is not before version 3");
    assert_snapshot!(history("{version: 2, digest: \"DIGEST\"}, {version: 2, digest: \"DIGEST\"}"), @"release.yaml:3:10: `history` lists version 2 twice");
    assert_snapshot!(history("{version: 2, digest: \"DIGEST\"}"), @"accepted as version 3");
}

#[test]
fn a_predecessor_that_is_not_listed_is_refused() {
    let mut world = World::empty();
    world.next_policy();
    world.files.predecessors[0].base.bytes.push(b'\n');
    let text = said(&world.files);
    assert!(
        text.starts_with("release.yaml:1:1: `release` version 3 with digest sha256:"),
        "{text}"
    );
    assert!(
        text.ends_with("is not in the `history` of release.yaml"),
        "{text}"
    );
}

#[test]
fn what_is_bound_leaves_persons_and_other_services_out() {
    let pay = "pay-api".parse().unwrap();
    let digest = |world: &World| world.parsed().binding(&pay).unwrap().digest;
    let mut world = World::empty();
    let before = (digest(&world), world.parsed().digest());
    world.edit("people.yaml", "  dave:\n", "  dora:\n");
    assert_eq!((digest(&world), world.parsed().digest()), before);
    world.edit("services/wiki.yaml", "tier: low", "tier: high");
    assert_eq!(digest(&world), before.0);
    assert_ne!(world.parsed().digest(), before.1);
    world.edit("services/pay-api.yaml", "tier: high", "tier: low");
    assert_ne!(digest(&world), before.0);
}

fn anchor(text: &str) -> String {
    let text = text.replace("KEY", &policy::key("owner"));
    match Anchor::parse("anchor.yaml", text.as_bytes(), &Limits::default()) {
        Ok(anchor) => format!(
            "accepted, {} of {}",
            anchor.threshold(),
            anchor.owners().len()
        ),
        Err(error) => error.to_string(),
    }
}

#[test]
fn anchors_are_read_strictly() {
    let with = |owners: &str| {
        anchor(&format!(
            "apiVersion: bulla.dev/anchor/v0.1\nowners: {owners}\nenvironments: []\n"
        ))
    };
    assert_snapshot!(with("{threshold: 1, keys: [KEY]}"), @"accepted, 1 of 1");
    assert_snapshot!(with("{threshold: 0, keys: [KEY]}"), @"anchor.yaml:2:9: `threshold` is 0 with 1 keys");
    assert_snapshot!(with("{threshold: 2, keys: [KEY]}"), @"anchor.yaml:2:9: `threshold` is 2 with 1 keys");
    assert_snapshot!(with("{threshold: 2, keys: [KEY, KEY]}"), @"anchor.yaml:2:9: key 6947c1b2 is listed twice");
    assert_snapshot!(with("{threshold: 1, keys: [KEY], key: x}"), @"anchor.yaml:2:152: unknown field `key`, expected one of threshold, keys, mustSign");
    assert_snapshot!(anchor("apiVersion: v2\nowners: {threshold: 1, keys: [KEY]}\nenvironments: []\n"), @"anchor.yaml:1:13: expected `apiVersion: bulla.dev/anchor/v0.1`");
    assert_snapshot!(anchor("{}"), @"anchor.yaml:1:1: missing field `apiVersion`");
}

#[test]
fn states_are_read_strictly_and_only_grow() {
    let parse = |text: &str| State::parse(text.as_bytes(), &Limits::default());
    assert!(parse("{\"version\":1,\"policies\":{},\"policies\":{}}").is_err());
    assert!(parse("{\"version\":1,\"policies\":{},\"more\":1}").is_err());
    let mut state = State::default();
    let mut world = World::empty();
    assert!(state.remember(&world.parsed()));
    assert!(!state.remember(&world.parsed()), "nothing new");
    let remembered = state.to_json();
    assert_eq!(
        State::parse(&remembered, &Limits::default()).unwrap(),
        state
    );
    world.edit("release.yaml", "version: 3", "version: 2");
    assert!(!state.remember(&world.parsed()), "older");
    assert_eq!(state.to_json(), remembered);
    world.edit("release.yaml", "version: 2", "version: 5");
    assert!(state.remember(&world.parsed()));
}
