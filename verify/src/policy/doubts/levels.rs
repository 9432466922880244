//! Levels that no builder reaches.

use super::Doubt;
use crate::policy::Policy;

/// What is asked of builds, and whether any builder could meet it.
pub(super) fn doubt(policy: &Policy, doubts: &mut Vec<Doubt>) {
    for rule in policy.required().filter_map(|it| it.provenance.as_ref()) {
        let Some(wanted) = rule.level.filter(|_| rule.build_vsa.is_none()) else {
            continue;
        };
        if !policy
            .builders
            .iter()
            .any(|builder| builder.level >= wanted)
        {
            let text = format!("`builders` trusts nobody up to level {wanted}");
            doubts.push(Doubt::new(&rule.place, text));
        }
    }
}
