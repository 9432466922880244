//! Policies and anchors as files. JSON is YAML too.

use serde_json::{Map, Value, json};

use bulla_model::Limits;
use bulla_verify::{Policy as Parsed, PolicyFiles};

use super::evidence::{at, pem};
use super::said::{address, builder_of, clusters, environment, kind, repository_of, service_name};
use super::world::{Anchor, Edge, Exclusion, Known, Policy, Require, Tighten};
use crate::kit::policy::file;

/// The current version, with those before it that are there.
pub(super) fn files(policies: &[Policy]) -> PolicyFiles {
    let mut each = each(policies).into_iter();
    let mut current = each.next().unwrap();
    let before = each.zip(&policies[1..]);
    current.predecessors = before
        .filter(|(_, policy)| policy.loaded)
        .map(|(files, _)| files)
        .collect();
    current
}

/// Every version by itself, the current one first.
pub(super) fn each(policies: &[Policy]) -> Vec<PolicyFiles> {
    let mut history = Vec::new();
    let mut all: Vec<_> = policies[1..]
        .iter()
        .map(|policy| version(policy, &[]))
        .collect();
    for (files, policy) in all.iter().zip(&policies[1..]) {
        let digest = Parsed::parse(files, &Limits::default()).unwrap().digest();
        let mut entry = json!({"version": policy.version, "digest": digest});
        if let Some(until) = policy.until {
            entry["until"] = json!(at(until).to_string());
        }
        history.push(entry);
    }
    all.insert(0, version(&policies[0], &history));
    all
}

fn version(policy: &Policy, history: &[Value]) -> PolicyFiles {
    let services = policy.services.iter().enumerate().map(|(number, service)| {
        let name = service_name(number);
        let tighten = service.tighten.iter().map(tighten);
        let text = json!({
            "service": name,
            "tier": format!("t{}", service.tier),
            "sources": [repository_of(number)],
            "tighten": tighten.collect::<Vec<_>>(),
        });
        file(&format!("services/{name}.yaml"), text.to_string())
    });
    PolicyFiles {
        base: file("release.yaml", base(policy, history).to_string()),
        services: services.collect(),
        people: Some(file("people.yaml", people(policy).to_string())),
        predecessors: Vec::new(),
        signatures: Vec::new(),
    }
}

fn named(all: impl Iterator<Item = (String, Value)>) -> Value {
    Value::Object(all.collect::<Map<_, _>>())
}

fn base(policy: &Policy, history: &[Value]) -> Value {
    let places = policy.places.iter().enumerate().map(|(place, rule)| {
        let freshness = rule.freshness.map_or(json!("none"), |(promote, admit)| {
            json!({"promote": format!("{promote}m"), "admit": format!("{admit}m")})
        });
        let value = json!({
            "uri": environment(place), "audience": clusters(&rule.audience),
            "freshness": freshness,
        });
        (format!("e{place}"), value)
    });
    let allow = |is: bool| if is { "allow" } else { "deny" };
    let tiers = policy.tiers.iter().enumerate().map(|(number, tier)| {
        let value = json!({
            "claimedTime": allow(tier.claims), "draftPredicates": allow(tier.drafts),
        });
        (format!("t{number}"), value)
    });
    let identities = policy.identities.iter().enumerate();
    let identities = identities.map(|(name, rules)| (format!("i{name}"), keys(rules)));
    let edges: Vec<_> = policy.edges.iter().map(edge).collect();
    let mut base = json!({
        "apiVersion": "bulla.dev/policy/v0.1",
        "name": "release",
        "version": policy.version,
        "environments": named(places),
        "tiers": named(tiers),
        "identities": named(identities),
        "edges": edges,
        "tighten": policy.tighten.iter().map(tighten).collect::<Vec<_>>(),
        "history": history,
    });
    if let Some(rule) = &policy.revocations {
        base["revocations"] = json!({
            "by": names(&rule.by),
            "lift": {"by": names(&rule.lift), "threshold": rule.threshold},
        });
    }
    if let Some(by) = &policy.freezes {
        base["freezes"] = json!({"by": names(by)});
    }
    base
}

fn names(names: &[usize]) -> Vec<String> {
    names.iter().map(|name| format!("i{name}")).collect()
}

fn keys(rules: &[Known]) -> Value {
    let rule = |known: &Known| {
        let mut rule = json!({"key": pem(known.key)});
        if let Some(from) = known.from {
            rule["notBefore"] = json!(at(from).to_string());
        }
        if let Some(until) = known.until {
            rule["notAfter"] = json!(at(until).to_string());
        }
        rule
    };
    rules.iter().map(rule).collect()
}

fn people(policy: &Policy) -> Value {
    let people = policy.people.iter().enumerate().map(|(person, rule)| {
        let roles: Vec<_> = rule.roles.iter().map(|role| format!("r{role}")).collect();
        let value = json!({
            "roles": roles, "emails": [address(person)], "identities": keys(&rule.keys),
        });
        (format!("p{person}"), value)
    });
    let machines = policy.machines.iter().enumerate();
    let machines = machines.map(|(machine, rules)| (format!("m{machine}"), keys(rules)));
    json!({"people": named(people), "machines": named(machines)})
}

fn edge(edge: &Edge) -> Value {
    let mut value = json!({
        "to": format!("e{}", edge.step.to),
        "kind": kind(edge.step.kind),
        "by": names(&edge.by),
        "require": require(&edge.require),
    });
    if let Some(from) = edge.step.from {
        value["from"] = json!(format!("e{from}"));
    }
    if let Some(tier) = edge.tier {
        value["tiers"] = json!([format!("t{tier}")]);
    }
    if let Some(review) = &edge.review {
        value["reviewWithin"] = json!(format!("{}m", review.within));
        value["overdueReview"] = json!(if review.denies { "deny" } else { "warn" });
        if let Some(role) = review.role {
            value["reviewRoles"] = json!([format!("r{role}")]);
        }
    }
    value
}

fn tighten(rule: &Tighten) -> Value {
    let mut value = json!({
        "to": format!("e{}", rule.to),
        "standing": rule.standing,
        "require": require(&rule.require),
    });
    if let Some(tier) = rule.tier {
        value["tiers"] = json!([format!("t{tier}")]);
    }
    if let Some(one) = rule.kind {
        value["kinds"] = json!([kind(one)]);
    }
    if let Some(since) = rule.since {
        value["effectiveFrom"] = json!(at(since).to_string());
    }
    value
}

fn require(rules: &Require) -> Value {
    let mut value = json!({});
    let aged = |mut value: Value, age: Option<i64>| {
        if let Some(age) = age {
            value["maxAge"] = json!(format!("{age}m"));
        }
        value
    };
    if let Some(rule) = &rules.provenance {
        let builders: Vec<_> = rule.builder.iter().map(|one| builder_of(*one)).collect();
        value["provenance"] = json!({"by": names(&rule.by), "builders": builders});
    }
    if let Some(rule) = &rules.sbom {
        value["sbom"] = aged(json!({"by": names(&rule.by)}), rule.max_age);
    }
    if let Some(rule) = &rules.tests {
        value["tests"] = aged(json!({"by": names(&rule.by)}), rule.max_age);
    }
    if let Some(rule) = &rules.soak {
        value["soak"] = json!({
            "in": format!("e{}", rule.place),
            "min": format!("{}m", rule.min),
            "from": if rule.from_promotion { "promotion" } else { "deployment" },
            "by": names(&rule.by),
            "healthy": rule.healthy,
        });
    }
    if let Some(age) = rules.age {
        value["promotionAge"] = json!({"max": format!("{age}m")});
    }
    if let Some(rule) = &rules.approvals {
        let exclude = rule.exclude.iter().map(|one| match one {
            Exclusion::Author => "author",
            Exclusion::Builder => "builder",
            Exclusion::Promoter => "promoter",
            Exclusion::Requester => "requester",
        });
        let of = rule.role.iter().map(|one| format!("r{one}"));
        let approvals = json!({
            "threshold": rule.threshold, "roles": of.collect::<Vec<_>>(),
            "exclude": exclude.collect::<Vec<_>>(),
        });
        value["approvals"] = aged(approvals, rule.max_age);
    }
    value
}

pub(super) fn anchor(anchor: &Anchor) -> Vec<u8> {
    let mut value = json!({
        "apiVersion": "bulla.dev/anchor/v0.1",
        "owners": {"threshold": 1, "keys": [pem(super::policies::KEEPER)]},
        "environments": [],
        "audience": clusters(&anchor.audience),
        "ledger": {"by": keys(&anchor.owners)},
    });
    if let Some(minimum) = anchor.minimum {
        value["minimum"] = json!({"release": minimum});
    }
    value.to_string().into_bytes()
}
