//! Worlds as evidence: policies as files, statements as signed bundles, recorded by a log of ours.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use bulla_model::{Digest, Limits, envelope};
use bulla_verify::{
    Anchor, Attestation, Evidence, Ledger, Policy, PolicyFiles, Question, State, StepRequest,
    Trust, Verdict, judge_step, verify_environment,
};

use super::decide::{Answer, Order};
use super::said;
use super::text;
use super::world::{self, Body, Copy, INDEX, Key, Minute, OTHER, Thing, World};
use crate::kit::{self, Signer};

/// A policy with what was read of it; worlds share policies, because reading them takes long.
pub(super) struct Ruled {
    pub(super) policies: Vec<world::Policy>,
    pub(super) bindings: BTreeMap<(usize, usize), Digest>,
    pub(super) digest: Digest,
    parsed: Policy,
    /// Without and with the ledger's owner.
    trust: [Trust; 2],
}

pub(super) fn at(minute: Minute) -> Timestamp {
    let start: Timestamp = "2026-03-02T00:00:00Z".parse().unwrap();
    start + SignedDuration::from_mins(minute)
}

/// A key with what is written of it.
struct Known {
    signer: Signer,
    id: String,
    hint: String,
    pem: String,
}

pub(super) fn key_id(key: Key) -> &'static str {
    &SIGNERS[key].id
}

pub(super) fn pem(key: Key) -> &'static str {
    &SIGNERS[key].pem
}

static SIGNERS: LazyLock<Vec<Known>> = LazyLock::new(|| {
    let keys = 0..super::policies::KEYS;
    let signers = keys.map(|key| Signer::named(&format!("reference {key}")));
    signers
        .map(|signer| Known {
            id: signer.key_id().to_string(),
            hint: signer.key_id().hint(),
            pem: signer.pem(),
            signer,
        })
        .collect()
});

pub(super) fn thing(thing: Thing) -> Digest {
    match thing {
        INDEX => THE_INDEX.digest().clone(),
        OTHER => Digest::sha256(b"another image"),
        _ => kit::image(),
    }
}

static THE_INDEX: LazyLock<bulla_model::Manifest> =
    LazyLock::new(|| kit::index(&[kit::index_entry(&kit::image())]));

impl Ruled {
    pub(super) fn new(policies: Vec<world::Policy>) -> Self {
        let limits = Limits::default();
        let files = text::files(&policies);
        let parsed = Policy::parse(&files, &limits).unwrap();
        let mut bindings = BTreeMap::new();
        let each: Vec<PolicyFiles> = text::each(&policies);
        for (version, files) in each.iter().enumerate() {
            for (service, file) in files.services.iter().enumerate() {
                let mut lines: Vec<_> = [&files.base, file]
                    .map(|file| (file.path.clone(), Digest::sha256(&file.bytes)))
                    .into();
                lines.sort();
                let lines = lines.iter();
                let lines = lines.map(|(path, digest)| format!("{}  {path}\n", digest.hex()));
                let digest = Digest::sha256(lines.collect::<String>().as_bytes());
                bindings.insert((version, service), digest);
            }
        }
        let owner = SIGNERS[super::policies::KEEPER].signer.public();
        let trust = [None, Some(owner)].map(|owner| {
            let keys = parsed.keys().into_iter().chain(owner);
            let end = at(1_000_000);
            Trust::new(keys, &[kit::log::root()], end, &limits).unwrap()
        });
        Self {
            policies,
            bindings,
            digest: parsed.digest(),
            parsed,
            trust,
        }
    }
}

fn bundle(copy: &Copy, payload: &[u8]) -> Vec<u8> {
    let mut signature = SIGNERS[copy.key]
        .signer
        .signature(envelope::IN_TOTO, payload);
    if copy.broken {
        signature[9] ^= 1;
    }
    let hint = &SIGNERS[copy.key].hint;
    let Some(seen) = copy.proof else {
        return kit::wrap(payload, envelope::IN_TOTO, signature, hint);
    };
    kit::log::recorded(payload, &signature, (hint, pem(copy.key)), at(seen))
}

/// What Bulla answers, and the order of digests and keys that its inputs have.
pub(super) fn ask(ruled: &Ruled, world: &World) -> (Answer, Order) {
    let mut digests: Vec<Digest> = Vec::new();
    let mut payloads = Vec::new();
    for statement in &world.statements {
        let payload = said::payload(ruled, statement, &digests);
        digests.push(Digest::sha256(&payload));
        payloads.push(payload);
    }
    let received = |in_ledger: bool| -> Vec<Attestation> {
        let copies = world
            .copies
            .iter()
            .filter(|copy| copy.in_ledger == in_ledger);
        copies
            .map(|copy| {
                let bytes = bundle(copy, &payloads[copy.of]);
                let manifest = Digest::sha256(&bytes);
                Attestation::bundle(bytes, Some(manifest))
            })
            .collect()
    };
    let line = |is: bool| -> Vec<String> { is.then(|| "gone".to_owned()).into_iter().collect() };
    let evidence = Evidence {
        artifact: Some(kit::image()),
        indexes: world
            .index_received
            .then(|| THE_INDEX.clone())
            .into_iter()
            .collect(),
        attestations: received(false),
        ledger: Ledger {
            attestations: received(true),
            unavailable: line(world.ledger_unavailable),
        },
        truncated: world.truncated,
        unavailable: line(world.unavailable),
        ..Evidence::default()
    };
    let limits = Limits::default();
    let anchor = world
        .anchor
        .as_ref()
        .map(|anchor| Anchor::parse("anchor.yaml", &text::anchor(anchor), &limits).unwrap());
    let state = world.state.as_ref().map(|state| {
        let text = said::state(ruled, state, &digests).to_string();
        State::parse(text.as_bytes(), &limits).unwrap()
    });
    let question = Question {
        name: "registry.example.test/pay/api",
        evidence: &evidence,
        policy: &ruled.parsed,
        trust: &ruled.trust[usize::from(anchor.is_some())],
        anchor: anchor.as_ref(),
        state: state.as_ref(),
        now: at(world.now),
        limits: &limits,
        cancelled: &|| false,
    };
    let environment = format!("e{}", world.asked);
    let verdict = match &world.before {
        None => verify_environment(&question, &environment).unwrap(),
        Some(before) => {
            let from = before.from.map(|from| format!("e{from}"));
            let promoter = SIGNERS[before.promoter].signer.identity();
            let request = StepRequest {
                to: &environment,
                from: from.as_deref(),
                kind: serde_json::from_value(said::kind(before.kind).into()).unwrap(),
                promoter: Some(&promoter),
                tickets: Some(&[]),
                set: None,
                names: None,
            };
            judge_step(&question, &request).unwrap().0
        }
    };
    let order = Order {
        statements: digests.iter().map(ToString::to_string).collect(),
        keys: SIGNERS.iter().map(|one| one.id.clone()).collect(),
    };
    (answer(&verdict), order)
}

fn answer(verdict: &Verdict) -> Answer {
    let value = serde_json::to_value(verdict).unwrap();
    let word = |value: &Value| -> &'static str { said::word(value.as_str().unwrap()) };
    let findings = value["findings"].as_array().unwrap().iter();
    Answer {
        decision: word(&value["decision"]),
        exit: verdict.exit_code(),
        findings: findings
            .map(|one| {
                (
                    word(&one["code"]),
                    word(&one["severity"]),
                    word(&one["check"]),
                )
            })
            .collect(),
    }
}

/// Whether a statement is one of ours, which always says when it was made.
pub(super) fn is_own(body: &Body) -> bool {
    !matches!(
        body,
        Body::Provenance { .. } | Body::Sbom { .. } | Body::Tests { .. }
    )
}
