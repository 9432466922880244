//! The levels that a promotion's summaries may claim: those that the step's own rules asked for and
//! found.
//!
//! A level is claimed as it was asked for, not as it was found: every provenance that counts reaches
//! it, so that nobody raises it by hiding one or by adding another.

use jiff::Timestamp;

use super::level::Reached;
use super::{among, fits};
use crate::policy::Policy;
use crate::question::Context;
use crate::require::{Requirements, coverage};

const SOURCE: &str = "SLSA_SOURCE_LEVEL_";

/// The highest level of each track that these requirements ask for and provenance reaches.
///
/// A build level counts by the policy's word on the builder only: another's summary is that other's
/// to show. A source level counts where base or edge ask for it: a service's own file also says whose
/// word on the source it takes.
pub(crate) fn proven(
    context: &Context<'_>,
    at: Timestamp,
    requirements: &[&Requirements],
) -> Vec<String> {
    let (mut build, mut source) = (None, None);
    for requirement in requirements {
        let Some(rule) = &requirement.provenance else {
            continue;
        };
        if rule.level.is_none() && rule.source_vsa.is_none() {
            continue;
        }
        let reached = coverage::find(context, rule.coverage, |context| {
            let eligible = among(context, at, rule);
            let fitting = eligible.statements.iter();
            let fitting = fitting.filter_map(|one| fits(context, at, one, rule).ok());
            fitting.min()
        });
        // What is weakest of all platforms is what the whole reaches.
        let Some(reached) = reached.and_then(|each| each.into_iter().max()) else {
            continue;
        };
        if reached == Reached::Built {
            build = build.max(rule.level);
        }
        if let Some(wanted) = &rule.source_vsa
            && is_of_base(context.policy, requirement)
        {
            let levels = wanted.levels.iter();
            let numbers = levels.filter_map(|level| level.strip_prefix(SOURCE)?.parse::<u8>().ok());
            source = source.max(numbers.max());
        }
    }
    let build = build.map(|level| format!("SLSA_BUILD_LEVEL_{level}"));
    let source = source.map(|level| format!("{SOURCE}{level}"));
    build.into_iter().chain(source).collect()
}

fn is_of_base(policy: &Policy, requirement: &Requirements) -> bool {
    let mut base = policy.required_by_base();
    base.any(|own| std::ptr::eq(own, requirement))
}
