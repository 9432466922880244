//! A policy as a flat list of facts, so that two can be compared.

use std::collections::{BTreeMap, BTreeSet};

use bulla_model::EdgeKind;

use super::parts::{Below, lines, set};
use super::{Effect, Value};
use crate::policy::place::Place;
use crate::policy::rules::{
    EdgeRule, EnvironmentRule, Freshness, ReviewRule, ServiceRule, TightenRule,
};
use crate::policy::{
    BuilderRule, IdentityRule, LOWEST_LEVEL, Policy, RevocationsRule, show_duration,
};

/// By subject and rule.
pub(super) type Facts = BTreeMap<(String, String), Fact>;

/// One thing a policy says.
#[derive(Debug)]
pub(super) struct Fact {
    pub(super) value: Value,
    pub(super) place: Option<Place>,
}

/// Everything a policy says, but for what it says about earlier versions.
pub(super) fn facts(policy: &Policy) -> Facts {
    let mut facts = Facts::new();
    let mut own = Below::about(&mut facts, "policy".to_owned());
    own.put("", Value::There(Effect::Changed, String::new()), None);
    own.put("name", Value::Word(policy.name.clone()), None);
    own.put("version", Value::Word(policy.version.to_string()), None);
    for (name, rule) in &policy.environments {
        environment(
            &mut Below::about(&mut facts, format!("environment {}", plain(name))),
            rule,
        );
    }
    for (name, rule) in &policy.tiers {
        let mut of = Below::about(&mut facts, format!("tier {name}"));
        of.put("", Value::There(Effect::Changed, String::new()), None);
        of.put("claimedTime", Value::Lets(rule.claimed_time), None);
        of.put(
            "relayedApprovals",
            Value::Lets(rule.relayed_approvals),
            None,
        );
        of.put("draftPredicates", Value::Lets(rule.draft_predicates), None);
    }
    for (name, rules) in &policy.identities {
        let mut of = Below::about(&mut facts, format!("identity {}", plain(name)));
        // The same name may sign what lets in and what keeps out: promotions, and revocations.
        signers(&mut of, rules);
    }
    for rule in &policy.edges {
        edge(&mut Below::about(&mut facts, step(policy, rule)), rule);
    }
    let mut base = Below::about(&mut facts, "every step".to_owned());
    tightened(&mut base, policy, &policy.tighten);
    let mut table = Below::about(&mut facts, "builders".to_owned());
    for rule in &policy.builders {
        builder(&mut table, rule);
    }
    if let Some(rule) = &policy.revocations {
        revocations(
            &mut Below::about(&mut facts, "revocations".to_owned()),
            rule,
        );
    }
    for (name, rule) in &policy.services {
        service(
            &mut Below::about(&mut facts, format!("service {name}")),
            policy,
            rule,
        );
    }
    for (name, rule) in &policy.people.persons {
        let mut of = Below::about(&mut facts, format!("person {name}"));
        // Who is known may approve, and is also kept from approving his own.
        signers(&mut of, &rule.identities);
        of.put("roles", Value::Any(set(&rule.roles)), None);
        // Whose work it is, if an address is known, and nobody may approve it if none is.
        of.put("emails", Value::Words(set(&rule.emails)), None);
        of.put("accounts", Value::Words(set(&rule.accounts)), None);
    }
    for (name, rules) in &policy.people.machines {
        let mut of = Below::about(&mut facts, format!("machine {}", plain(name)));
        signers(&mut of, rules);
    }
    facts
}

fn signers(of: &mut Below<'_>, rules: &[IdentityRule]) {
    let place = rules.first().map(IdentityRule::place);
    of.put("", Value::There(Effect::Changed, String::new()), place);
    let signers = rules.iter().map(IdentityRule::tell).collect();
    of.put("signers", Value::Words(signers), place);
}

fn environment(of: &mut Below<'_>, rule: &EnvironmentRule) {
    let EnvironmentRule {
        uri,
        audience,
        freshness,
        place,
    } = rule;
    let place = Some(place);
    of.put("", Value::There(Effect::Changed, uri.to_string()), place);
    of.put("uri", Value::Word(uri.to_string()), place);
    of.put("audience", Value::Limit(set(audience)), place);
    if let Freshness::Within { promote, admit } = freshness {
        let text = "a checkpoint is needed".to_owned();
        of.put("freshness", Value::There(Effect::Tightened, text), place);
        of.put("freshness.promote", Value::AtMost(Some(*promote)), place);
        of.put("freshness.admit", Value::AtMost(Some(*admit)), place);
    }
}

/// A name as it stands in a subject or a rule: of another kind than `prod`, in quotes, so that no two
/// of them read the same.
fn plain(name: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    if name.bytes().all(is_plain) {
        name.to_owned()
    } else {
        format!("{name:?}")
    }
}

/// A step as people say it: `step staging -> prod`.
fn step(policy: &Policy, edge: &EdgeRule) -> String {
    let name = |uri| plain(policy.name_of(uri).unwrap_or_default());
    let from = edge.from.as_ref().map_or_else(|| "build".to_owned(), name);
    let mut text = format!("step {from} -> {}", name(&edge.to));
    if edge.kind != EdgeKind::Promote {
        text = format!("{text} ({})", edge.kind);
    }
    if !edge.tiers.is_empty() {
        let tiers: Vec<_> = set(&edge.tiers).into_iter().collect();
        text = format!("{text} for {}", tiers.join(", "));
    }
    text
}

fn edge(of: &mut Below<'_>, rule: &EdgeRule) {
    let EdgeRule {
        from: _,
        to: _,
        kind,
        tiers: _,
        by,
        require,
        review,
        place,
    } = rule;
    // What goes out of service is let in nowhere.
    let coming = match kind {
        EdgeKind::Retire => Effect::Changed,
        _ => Effect::Loosened,
    };
    let mut text = format!("signed by {}", by.join(" or "));
    for line in lines(require) {
        text = format!("{text}; {line}");
    }
    if let Some(rule) = review {
        text = format!("{text}; review within {}", show_duration(rule.within));
    }
    of.put("", Value::There(coming, text), Some(place));
    of.put("by", Value::Any(set(by)), Some(place));
    of.requirements(require, place);
    if let Some(rule) = review {
        self::review(of, rule);
    }
}

/// The levels that a builder reaches. One more rule may lower what another one says.
fn builder(of: &mut Below<'_>, rule: &BuilderRule) {
    let BuilderRule {
        id,
        by,
        level,
        place,
    } = rule;
    let by: Vec<_> = set(by).into_iter().collect();
    let levels = (LOWEST_LEVEL..=*level).map(|level| format!("SLSA_BUILD_LEVEL_{level}"));
    let levels = Value::Any(levels.collect());
    of.put(&format!("{id} by {}", by.join(" or ")), levels, Some(place));
}

fn review(of: &mut Below<'_>, rule: &ReviewRule) {
    let ReviewRule {
        within,
        roles,
        overdue_denies,
        place,
    } = rule;
    let within = Value::AtMost(Some(*within));
    let text = format!("within {within}");
    of.put("review", Value::There(Effect::Tightened, text), Some(place));
    of.put("review.within", within, Some(place));
    of.put("review.roles", Value::Limit(set(roles)), Some(place));
    of.put("review.overdue", Value::Lets(!overdue_denies), Some(place));
}

fn revocations(of: &mut Below<'_>, rule: &RevocationsRule) {
    let RevocationsRule {
        by,
        lift_by,
        lift_threshold,
        place,
    } = rule;
    let place = Some(place);
    let text = format!("by {}", by.join(" or "));
    of.put("", Value::There(Effect::Changed, text), place);
    of.put("by", Value::Words(set(by)), place);
    of.put("lift.by", Value::Any(set(lift_by)), place);
    of.put("lift.threshold", Value::Count(*lift_threshold), place);
}

fn service(of: &mut Below<'_>, policy: &Policy, rule: &ServiceRule) {
    let ServiceRule {
        tier,
        sources,
        images,
        owners,
        tighten,
        file: _,
        place,
    } = rule;
    let at = Some(place);
    // A service whose sources another one claims too takes them from it.
    of.put(
        "",
        Value::There(Effect::Changed, format!("tier {tier}")),
        at,
    );
    of.put("tier", Value::Word(tier.to_string()), at);
    of.put("sources", Value::Words(set(sources)), at);
    of.put("images", Value::Words(set(images)), at);
    of.put("owners", Value::Words(set(owners)), at);
    tightened(of, policy, tighten);
}

/// What is added to steps, each below its number among those about the same ones.
fn tightened(of: &mut Below<'_>, policy: &Policy, rules: &[TightenRule]) {
    let mut named: BTreeMap<String, usize> = BTreeMap::new();
    for rule in rules {
        let TightenRule {
            to,
            tiers,
            kinds,
            effective_from,
            standing,
            require,
            place,
        } = rule;
        let mut name = format!("into {}", plain(policy.name_of(to).unwrap_or_default()));
        let words = |texts: BTreeSet<String>| texts.into_iter().collect::<Vec<_>>().join(", ");
        if !kinds.is_empty() {
            name = format!("{name} ({})", words(set(kinds)));
        }
        if !tiers.is_empty() {
            name = format!("{name} for {}", words(set(tiers)));
        }
        let number = named.entry(name.clone()).or_default();
        *number = number.saturating_add(1);
        of.prefix = match *number {
            1 => name,
            more => format!("{name} ({more})"),
        };
        let at = Some(place);
        let when = rule
            .when()
            .map_or_else(String::new, |when| format!(" {when}"));
        let lines: Vec<_> = lines(require).collect();
        let text = format!("more is required{when}: {}", lines.join("; "));
        of.put("", Value::There(Effect::Tightened, text), at);
        of.put("effectiveFrom", Value::From(*effective_from), at);
        let standing = standing.then_some("at every moment");
        of.put("standing", Value::Out(set(standing)), at);
        of.requirements(require, place);
    }
    of.prefix.clear();
}
