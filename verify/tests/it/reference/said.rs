//! Statements of a world as in-toto statements.

use std::collections::BTreeSet;
use std::sync::{LazyLock, Mutex};

use serde_json::{Value, json};

use bulla_model::predicate::{
    CYCLONEDX, approval, checkpoint, deployment, draft, freeze, promotion, review, revocation,
    slsa_provenance, test_result,
};
use bulla_model::{Digest, ResourceDescriptor, Scope, statement};

use super::evidence::{Ruled, at, is_own, key_id, thing};
use super::world::{Binding, Body, Event, Kind, Link, State, Statement, Step, Target, Window};
use crate::kit::{self, ledger::scope};

/// The bytes that are signed. Links are digests of what was said before.
pub(super) fn payload(ruled: &Ruled, said: &Statement, digests: &[Digest]) -> Vec<u8> {
    let (kind, mut predicate) = predicate(ruled, said, digests);
    // Names do not count; they set statements apart that would be the same bytes otherwise.
    let place = digests.len();
    let things = said.subjects.iter().map(|one| ResourceDescriptor {
        name: Some(format!("statement {place}")),
        ..ResourceDescriptor::of(thing(*one))
    });
    let mut subjects: Vec<_> = things.collect();
    if subjects.is_empty() {
        let other = match &said.body {
            Body::Checkpoint(one) => one.other_ledger,
            Body::Freeze(one) => one.other_ledger,
            _ => false,
        };
        subjects.push(if other { other_scope() } else { scope() }.subject());
    }
    if let Some(word) = said.word {
        let word = json!(at(word).to_string());
        if is_own(&said.body) {
            predicate["issuedAt"] = word;
        } else {
            for subject in &mut subjects {
                let annotation = (statement::ISSUED_AT.to_owned(), word.clone());
                subject.annotations.extend([annotation]);
            }
        }
    }
    match &said.body {
        Body::Approval(one) if !one.draft => {
            predicate["nonce"] = json!(kit::nonce(&format!("{place}")));
        }
        Body::Review { .. } => predicate["nonce"] = json!(kit::nonce(&format!("{place}"))),
        _ => {}
    }
    statement::write(&subjects, &kind.parse().unwrap(), &predicate).unwrap()
}

fn predicate(ruled: &Ruled, said: &Statement, digests: &[Digest]) -> (&'static str, Value) {
    match &said.body {
        Body::Provenance {
            repositories,
            builder,
            authors,
        } => (
            slsa_provenance::TYPE,
            provenance(repositories, *builder, authors.as_deref()),
        ),
        Body::Sbom { empty } => {
            let component = json!({"type": "library", "name": "zlib"});
            let components = if *empty {
                json!([])
            } else {
                json!([component])
            };
            let list = json!({
                "bomFormat": "CycloneDX", "specVersion": "1.6", "components": components,
            });
            (CYCLONEDX, list)
        }
        Body::Tests { failed } => {
            let result = if *failed { "FAILED" } else { "PASSED" };
            (
                test_result::TYPE,
                json!({"result": result, "configuration": []}),
            )
        }
        Body::Deployment {
            place,
            audience,
            service,
            event,
        } => {
            let event = match event {
                Event::Started => "started",
                Event::Succeeded => "succeeded",
                Event::Failed => "failed",
                Event::RolledBack => "rolled-back",
            };
            let to = json!({"uri": environment(*place), "audience": clusters(audience)});
            let said =
                json!({"service": service_name(*service), "event": event, "environment": to});
            (deployment::TYPE, said)
        }
        Body::Approval(one) => {
            let mut said = json!({
                "decision": if one.approves { "approve" } else { "reject" },
                "service": service_name(one.service),
                "edge": edge(one.step, &one.audience),
                "policy": binding(ruled, &one.policy),
                "previous": links(&one.previous, digests),
                "notAfter": at(one.not_after).to_string(),
            });
            if one.relayed {
                said["onBehalfOf"] = json!({
                    "platform": "git.example.test", "accountId": "7",
                    "reviewUrl": "https://git.example.test/r/1", "commit": "9c1e44d0",
                });
            }
            let kind = if one.draft {
                draft::APPROVAL
            } else {
                approval::TYPE
            };
            (kind, said)
        }
        Body::Promotion(one) => {
            let kind = if one.draft {
                draft::PROMOTION
            } else {
                promotion::TYPE
            };
            (kind, step_taken(ruled, one, digests))
        }
        Body::Review {
            promotion,
            accepted,
        } => {
            let outcome = if *accepted { "accepted" } else { "rejected" };
            let said = json!({"promotion": digests[*promotion], "outcome": outcome});
            (review::TYPE, said)
        }
        Body::Revocation { targets } => {
            let targets: Vec<_> = targets.iter().map(|one| target(one, digests)).collect();
            let said = json!({"scope": scope(), "targets": targets, "reason": "it was bad"});
            (revocation::TYPE, said)
        }
        Body::Checkpoint(one) => (checkpoint::TYPE, sealed(ruled, one, digests)),
        Body::Freeze(one) => (freeze::TYPE, calendar(one, digests)),
    }
}

fn provenance(repositories: &[usize], builder: usize, authors: Option<&[usize]>) -> Value {
    let source = |repository: &usize| {
        let mut source = json!({
            "uri": format!("git+{}@refs/heads/main", repository_of(*repository)),
            "digest": {"gitCommit": "9c1e44d09c1e44d09c1e44d09c1e44d09c1e44d0"},
        });
        if let Some(authors) = authors {
            let addresses: Vec<_> = authors.iter().map(|one| address(*one)).collect();
            source["annotations"] = json!({slsa_provenance::AUTHORS: addresses});
        }
        source
    };
    let sources: Vec<_> = repositories.iter().map(source).collect();
    json!({
        "buildDefinition": {
            "buildType": "https://example.test/build/v1",
            "externalParameters": {},
            "resolvedDependencies": sources,
        },
        "runDetails": {"builder": {"id": builder_of(builder)}},
    })
}

fn step_taken(ruled: &Ruled, one: &super::world::Promotion, digests: &[Digest]) -> Value {
    let mut chain = json!({
        "previous": links(&one.previous, digests), "sequence": one.sequence,
    });
    if let Some(first) = one.first {
        chain["first"] = json!(digests[first]);
    }
    let mut slot = json!({"sequence": one.slot});
    if let Some(previous) = one.slot_previous {
        slot["previous"] = json!(digests[previous]);
    }
    let inputs = one
        .inputs
        .iter()
        .map(|input| json!({"predicateType": test_result::TYPE, "payload": digests[*input]}));
    let mut said = json!({
        "service": service_name(one.service),
        "tier": format!("t{}", one.tier),
        "edge": edge(one.step, &one.audience),
        "chain": chain,
        "slot": slot,
        "policy": binding(ruled, &one.policy),
        "inputs": inputs.collect::<Vec<_>>(),
        "gates": [],
    });
    if !one.draft && matches!(one.step.kind, Kind::Hotfix | Kind::BreakGlass) {
        said["reason"] = json!("payments fail");
        if one.ticket {
            said["tickets"] = json!(["INC-77"]);
        }
    }
    if let Some(end) = one.not_after {
        said["notAfter"] = json!(at(end).to_string());
    }
    said
}

fn sealed(ruled: &Ruled, one: &super::world::Checkpoint, digests: &[Digest]) -> Value {
    let (version, same) = one.policy;
    let mut slots: Vec<_> = one.slots.clone();
    slots.sort_by_key(|slot| (slot.0, environment(slot.1)));
    let slots = slots.iter().map(|(service, place, sequence, head)| {
        json!({
            "service": service_name(*service), "environment": environment(*place),
            "sequence": sequence, "head": digests[*head],
        })
    });
    let ledger = if one.other_ledger {
        other_scope()
    } else {
        scope()
    };
    let mut said = json!({
        "scope": ledger,
        "serial": one.serial,
        "notAfter": at(one.not_after).to_string(),
        "policyMin": [{"name": "release", "version": version, "digest": policy_digest(ruled, same)}],
        "revocations": links(&one.revocations, digests),
        "slots": slots.collect::<Vec<_>>(),
    });
    if let Some(previous) = one.previous {
        said["previous"] = json!(digests[previous]);
    }
    if let Some((serial, calendar)) = one.freeze {
        said["freeze"] = json!({"serial": serial, "digest": digests[calendar]});
    }
    if !one.retired.is_empty() {
        let mut retired = one.retired.clone();
        retired.sort_by_key(|(place, _, link)| (environment(*place), digests[*link].clone()));
        let retired = retired.iter().map(|(place, subjects, link)| {
            let mut subjects: Vec<_> = subjects.iter().map(|one| thing(*one)).collect();
            subjects.sort();
            json!({
                "environment": environment(*place), "retirement": digests[*link],
                "subjects": subjects,
            })
        });
        said["retired"] = retired.collect();
        said["crit"] = json!(["retired"]);
    }
    if one.critical {
        said["crit"] = json!(["colour"]);
        said["colour"] = json!("red");
    }
    said
}

fn calendar(one: &super::world::Calendar, digests: &[Digest]) -> Value {
    let windows = one.windows.iter().map(|window| window_of(window, one));
    let ledger = if one.other_ledger {
        other_scope()
    } else {
        scope()
    };
    let mut said = json!({
        "scope": ledger,
        "windows": windows.collect::<Vec<_>>(),
        "notAfter": at(one.not_after).to_string(),
    });
    if let Some(serial) = one.serial {
        said["serial"] = json!(serial);
    }
    if let Some(previous) = one.previous {
        said["previous"] = json!(digests[previous]);
    }
    if one.critical {
        said["crit"] = json!(["colour"]);
        said["colour"] = json!("red");
    }
    said
}

fn window_of(window: &Window, calendar: &super::world::Calendar) -> Value {
    let names = |all: BTreeSet<String>| json!(all);
    let mut said = json!({
        "kind": if window.closed { "closed" } else { "open" },
        "environments": names(window.places.iter().map(|one| environment(*one)).collect()),
        "services": names(window.services.iter().map(|one| service_name(*one)).collect()),
        "start": at(window.from).strftime("%Y-%m-%dT%H:%M:%S").to_string(),
        "timeZone": if calendar.lost_zone { "Moon/Tranquility" } else { "UTC" },
        "duration": format!("PT{}M", window.until - window.from),
        "exemptKinds": names(window.exempt.iter().map(|one| kind(*one).to_owned()).collect()),
        "reason": "nobody is there",
    });
    if let Some(extra) = window.extra {
        said["extraApprovals"] = json!(extra);
    }
    said
}

fn target(target: &Target, digests: &[Digest]) -> Value {
    let span = |mut value: Value, from: &Option<i64>, until: &Option<i64>| {
        if let Some(from) = from {
            value["notBefore"] = json!(at(*from).to_string());
        }
        if let Some(until) = until {
            value["notAfter"] = json!(at(*until).to_string());
        }
        value
    };
    match target {
        Target::Subject(one) => json!({"kind": "subject", "digest": thing(*one)}),
        Target::Attestation(one) => json!({"kind": "attestation", "payload": digests[*one]}),
        Target::Lift(one) => json!({"kind": "lift", "payload": digests[*one]}),
        Target::Unknown => json!({"kind": "weather", "of": "today"}),
        Target::Signer { key, from, until } => span(
            json!({"kind": "signer", "signer": {"kind": "key", "keyId": key_id(*key)}}),
            from,
            until,
        ),
        Target::Builder {
            builder,
            from,
            until,
        } => span(
            json!({"kind": "builder", "id": builder_of(*builder)}),
            from,
            until,
        ),
        Target::Edge {
            step,
            audience,
            service,
            subjects,
        } => {
            let mut value = json!({"kind": "edge", "edge": edge(*step, audience)});
            if let Some(service) = service {
                value["service"] = json!(service_name(*service));
            }
            if !subjects.is_empty() {
                let subjects: Vec<_> = subjects.iter().map(|one| thing(*one)).collect();
                value["subjects"] = json!(subjects);
            }
            value
        }
    }
}

pub(super) fn state(ruled: &Ruled, state: &State, digests: &[Digest]) -> Value {
    let mut said = json!({"version": 1, "policies": {}, "checkpoints": {}});
    if let Some((version, same)) = state.policy {
        let seen = json!({"version": version, "digest": policy_digest(ruled, same)});
        said["policies"]["release"] = seen;
    }
    if let Some((serial, link)) = state.checkpoint {
        let digest = link.map_or_else(|| Digest::sha256(b"another"), |link| digests[link].clone());
        let seen = json!({"version": serial, "digest": digest});
        said["checkpoints"][scope().to_string()] = seen;
    }
    said
}

fn policy_digest(ruled: &Ruled, same: bool) -> Digest {
    if same {
        ruled.digest.clone()
    } else {
        Digest::sha256(b"another policy")
    }
}

fn binding(ruled: &Ruled, binding: &Binding) -> Value {
    let digest = match binding.of {
        Some(of) => ruled.bindings[&of].clone(),
        None => Digest::sha256(b"no policy"),
    };
    json!({"name": "release", "version": binding.version, "digest": digest})
}

fn links(links: &[Link], digests: &[Digest]) -> Value {
    let links: BTreeSet<_> = links.iter().map(|link| digests[*link].clone()).collect();
    json!(links)
}

fn edge(step: Step, audience: &[usize]) -> Value {
    let mut edge = json!({
        "kind": kind(step.kind),
        "to": {"uri": environment(step.to), "audience": clusters(audience)},
    });
    if let Some(from) = step.from {
        edge["from"] = json!(environment(from));
    }
    edge
}

fn other_scope() -> Scope {
    "ledger://acme/web".parse().unwrap()
}

pub(super) fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::Promote => "promote",
        Kind::Hotfix => "hotfix",
        Kind::BreakGlass => "break-glass",
        Kind::Rollback => "rollback",
        Kind::Retire => "retire",
        Kind::Import => "import",
    }
}

pub(super) fn environment(place: usize) -> String {
    format!("env://acme/pay/e{place}")
}

pub(super) fn clusters(audience: &[usize]) -> Vec<String> {
    audience.iter().map(|one| format!("c{one}")).collect()
}

pub(super) fn service_name(service: usize) -> String {
    format!("s{service}")
}

pub(super) fn repository_of(service: usize) -> String {
    format!("https://git.example.test/acme/r{service}")
}

pub(super) fn builder_of(builder: usize) -> String {
    format!("https://example.test/builder-{builder}")
}

pub(super) fn address(person: usize) -> String {
    format!("p{person}@acme.example")
}

/// Words of answers, each kept once: they are few.
pub(super) fn word(word: &str) -> &'static str {
    static WORDS: LazyLock<Mutex<BTreeSet<&'static str>>> = LazyLock::new(Mutex::default);
    let mut words = WORDS.lock().unwrap();
    if let Some(known) = words.get(word) {
        return known;
    }
    let kept: &'static str = Box::leak(word.to_owned().into_boxed_str());
    words.insert(kept);
    kept
}
