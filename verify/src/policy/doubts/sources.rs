//! Services that claim the same sources, and sources that no provenance names.

use super::Doubt;
use crate::pattern::Pattern;
use crate::policy::Policy;
use crate::policy::rules::ServiceRule;
use crate::require::provenance::{names_no_source, source_pattern};

/// Sources that belong to two services, or to none.
pub(super) fn doubt(policy: &Policy, doubts: &mut Vec<Doubt>) {
    let services: Vec<_> = policy.services.iter().collect();
    for (at, (name, rule)) in services.iter().enumerate() {
        for pattern in rule.sources.iter().filter(|it| names_no_source(it)) {
            doubts.push(Doubt::new(&rule.place, explain(pattern)));
        }
        let before = services.iter().take(at);
        for (other, earlier) in before {
            let shared = shared(earlier, rule);
            // A builder of one service's own tells services of one repository apart.
            if let Some((theirs, own)) = shared.filter(|_| base_speaks(policy)) {
                let text = format!(
                    "`{own}` of `{name}` and `{theirs}` of `{other}` ({}) meet: what is built \
                     from such a source is neither's",
                    earlier.place
                );
                doubts.push(Doubt::new(&rule.place, text));
            }
        }
    }
}

/// What is wrong with a pattern that matches nothing.
fn explain(pattern: &Pattern) -> String {
    if pattern.to_string().contains("://") {
        format!(
            "`{pattern}` matches no source: they are compared without `.git` and `/` at their end"
        )
    } else {
        format!("`{pattern}` matches no source: they are URLs, like https://HOST/OWNER/REPO")
    }
}

/// Whether any step of the base takes provenance: its signers speak for every service.
fn base_speaks(policy: &Policy) -> bool {
    let mut steps = policy.edges.iter();
    steps.any(|edge| edge.require.provenance.is_some())
}

fn shared<'p>(one: &'p ServiceRule, other: &'p ServiceRule) -> Option<(&'p Pattern, &'p Pattern)> {
    let mut pairs = one.sources.iter().flat_map(|theirs| {
        let own = other.sources.iter();
        own.map(move |own| (theirs, own))
    });
    pairs.find(|(theirs, own)| source_pattern(theirs).meets(&source_pattern(own)))
}
