//! Identities that nothing names or that can sign nothing, and persons that do not exist.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::Doubt;
use crate::policy::Policy;

/// Names without use or meaning.
pub(super) fn doubt(policy: &Policy, now: Timestamp, doubts: &mut Vec<Doubt>) {
    let used = used(policy);
    for (name, rules) in &policy.identities {
        let Some(first) = rules.first() else {
            continue;
        };
        if !used.contains(name.as_str()) {
            let text = format!("no rule names the identity `{name}`");
            doubts.push(Doubt::new(first.place(), text));
        } else if !rules.iter().any(|rule| rule.is_usable(now)) {
            let text = format!("no key of the identity `{name}` is valid now");
            doubts.push(Doubt::new(first.place(), text));
        }
    }
    for (name, rules) in &policy.identities {
        for rule in rules.iter().filter(|rule| rule.is_nobody()) {
            let text = format!("the issuer of `{name}` is no URL, so this matches nobody");
            doubts.push(Doubt::new(rule.place(), text));
        }
    }
    for rule in policy.people.identities().filter(|rule| rule.is_nobody()) {
        let text = "the issuer is no URL, so this matches nobody";
        doubts.push(Doubt::new(rule.place(), text));
    }
    for (name, rule) in &policy.services {
        for owner in &rule.owners {
            if !policy.people.persons.contains_key(owner) {
                let text = format!("`{owner}`, an owner of `{name}`, is nobody the policy knows");
                doubts.push(Doubt::new(&rule.place, text));
            }
        }
    }
}

/// The identities that some rule names.
fn used(policy: &Policy) -> BTreeSet<&str> {
    let mut names: BTreeSet<&str> = policy.used.iter().map(String::as_str).collect();
    if let Some(rule) = &policy.revocations {
        let by = rule.by.iter().chain(&rule.lift_by);
        names.extend(by.map(String::as_str));
    }
    if let Some(rule) = &policy.freezes {
        names.extend(rule.by.iter().map(String::as_str));
    }
    names
}
