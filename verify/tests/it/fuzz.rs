//! Nothing that comes from outside makes the verifier panic.

use proptest::prelude::*;

use bulla_model::{Digest, Limits};
use bulla_verify::{Anchor, Attestation, Evidence, Policy, State, Trust, examine};

use crate::kit::{Signer, World, hour, payload, policy};

/// A piece of a text replaced by something else.
fn mutated(bytes: &[u8], at: usize, cut: usize, put: &[u8]) -> Vec<u8> {
    let start = at % (bytes.len() + 1);
    let end = bytes.len().min(start + cut);
    [&bytes[..start], put, &bytes[end..]].concat()
}

fn edits() -> impl Strategy<Value = (usize, usize, Vec<u8>)> {
    let words = prop::sample::select(vec![
        "null",
        "{}",
        "[]",
        "\"\"",
        "-1",
        "1e999",
        "18446744073709551616",
        "\"\\ud800\"",
        "]",
        "}",
        "*a",
        "&a",
        "<<",
        ": ",
        "- ",
        "\n",
        "9999-12-31T23:59:59Z",
        "-009999-01-01T00:00:00Z",
    ]);
    let put = prop_oneof![
        words.prop_map(|word| word.as_bytes().to_vec()),
        prop::collection::vec(any::<u8>(), 0..8),
    ];
    (any::<usize>(), 0..40_usize, put)
}

fn look_at(bundle: Vec<u8>) {
    let limits = Limits::default();
    let evidence = Evidence {
        artifact: Some(Digest::sha256(b"x")),
        attestations: vec![Attestation::bundle(bundle, None)],
        ..Evidence::default()
    };
    let keys = ["builder", "promoter"].map(|name| Signer::named(name).public());
    let trust = Trust::new(keys, &[], hour(1), &limits).unwrap();
    let found = examine(&evidence, &trust, hour(1), &limits, &|| false).unwrap();
    assert_eq!(found.len(), 1);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn arbitrary_bytes_are_looked_at(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        look_at(bytes.clone());
        look_at(Signer::named("builder").seal(&bytes));
        let limits = Limits::default();
        let mut files = policy::files();
        files.base.bytes.clone_from(&bytes);
        drop(Policy::parse(&files, &limits));
        drop(Anchor::parse("a", &bytes, &limits));
        drop(State::parse(&bytes, &limits));
    }

    #[test]
    fn mutated_bundles_are_looked_at((at, cut, put) in edits()) {
        let mut world = World::empty();
        world.provenance();
        look_at(mutated(&world.evidence[0].bundle, at, cut, &put));
    }

    #[test]
    fn mutated_policies_are_read((at, cut, put) in edits()) {
        let files = policy::files();
        let limits = Limits::default();
        let mut changed = files.clone();
        changed.base.bytes = mutated(&files.base.bytes, at, cut, &put);
        drop(Policy::parse(&changed, &limits));
        let mut changed = files.clone();
        changed.services[0].bytes = mutated(&files.services[0].bytes, at, cut, &put);
        drop(Policy::parse(&changed, &limits));
        let mut changed = files.clone();
        let people = changed.people.as_mut().unwrap();
        people.bytes = mutated(&people.bytes, at, cut, &put);
        drop(Policy::parse(&changed, &limits));
        let mut state = State::default();
        state.remember(&Policy::parse(&files, &limits).unwrap());
        drop(State::parse(&mutated(&state.to_json(), at, cut, &put), &limits));
        let anchor = format!("apiVersion: bulla.dev/anchor/v0.1\nowners: {{threshold: 1, keys: [{}]}}\nenvironments: []\n", policy::key("owner"));
        drop(Anchor::parse("a", &mutated(anchor.as_bytes(), at, cut, &put), &limits));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Trusted signers may say anything, alone or beside their honest statement.
    #[test]
    fn mutated_statements_by_trusted_signers_are_judged(
        (at, cut, put) in edits(),
        which in 0..8_usize,
    ) {
        let mut world = World::journey();
        let who = ["builder", "builder", "tester", "promoter", "promoter", "alice", "carol", "promoter"][which];
        let honest = payload(&world.evidence[which].bundle);
        let changed = mutated(&honest, at, cut, &put);
        world.evidence[which].bundle = Signer::named(who).seal(&changed);
        drop(world.verify("prod"));
        drop(world.judge("prod", None));
        world.add("beside", Signer::named(who).seal(&honest));
        drop(world.verify("prod"));
    }
}
