//! Signers that could be two people, or a person and a machine: they count as nobody.

use super::Doubt;
use crate::pattern::Effort;
use crate::policy::place::Place;
use crate::policy::{IdentityRule, Policy};

/// Identities of different actors that one signer could match. Equal ones are refused when the file is
/// read.
///
/// Answers where it stopped, if it did.
pub(super) fn doubt(
    policy: &Policy,
    effort: &mut Effort,
    doubts: &mut Vec<Doubt>,
) -> Option<Place> {
    let persons = policy.people.persons.iter();
    let persons = persons.flat_map(|(name, rule)| {
        let rules = rule.identities.iter();
        rules.map(move |rule| (name.to_string(), rule))
    });
    let machines = policy.people.machines.iter();
    let machines = machines.flat_map(|(name, rules)| {
        let rules = rules.iter();
        rules.map(move |rule| (format!("the machine {name}"), rule))
    });
    let all: Vec<(String, &IdentityRule)> = persons.chain(machines).collect();
    for (at, (name, rule)) in all.iter().enumerate() {
        let before = all.iter().take(at);
        let others = before.filter(|(other, _)| other != name);
        for (other, earlier) in others {
            let Some(meet) = earlier.meets(rule, effort) else {
                return Some(rule.place().clone());
            };
            if !meet {
                continue;
            }
            let text = format!(
                "a signer could be both {other} and {name} ({}), and counts as nobody then",
                rule.describe()
            );
            doubts.push(Doubt::new(rule.place(), text));
        }
    }
    None
}
