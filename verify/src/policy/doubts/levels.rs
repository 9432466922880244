//! Levels that no builder reaches, and scores that no document does.

use super::Doubt;
use crate::policy::Policy;
use crate::require::SbomFormat;
use crate::score::Score;

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
    for rule in policy.required().filter_map(|it| it.sbom.as_ref()) {
        let is_spdx = rule.formats == [SbomFormat::Spdx];
        if rule
            .score
            .is_some_and(|least| is_spdx && least > Score::MOST_OF_SPDX)
        {
            let text = format!(
                "no SPDX 2 document has a score above {}",
                Score::MOST_OF_SPDX
            );
            doubts.push(Doubt::new(&rule.place, text));
        }
    }
}
