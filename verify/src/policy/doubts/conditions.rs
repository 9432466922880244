//! Conditions that let in more than was meant.

use super::{Doubt, added};
use crate::policy::Policy;
use crate::policy::rules::EdgeRule;

/// Patterns that look for a part of a text: patterns elsewhere in a policy match the whole.
pub(super) fn doubt(policy: &Policy, edge: &EdgeRule, doubts: &mut Vec<Doubt>) {
    let services = added(policy, edge).map(|(_, require)| require);
    let all = std::iter::once(&edge.require).chain(services);
    let conditions = all.filter_map(|require| require.conditions.as_ref());
    for rule in conditions.flat_map(|conditions| &conditions.all) {
        for pattern in rule.words.unanchored() {
            let text = format!(
                "`{}` finds `{}` anywhere in a text: begin the pattern with ^ and end it with $",
                rule.name,
                pattern.escape_debug()
            );
            doubts.push(Doubt::new(&rule.place, text));
        }
        if rule.words.only_denies() {
            let text = format!(
                "`{}` lets in whatever `deny` does not find, and what is misspelt finds nothing: say in `allow` what has to be there",
                rule.name
            );
            doubts.push(Doubt::new(&rule.place, text));
        }
    }
}
