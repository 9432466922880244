//! Services that claim the same sources, and sources that no provenance names.

use super::Doubt;
use crate::pattern::{Effort, Pattern};
use crate::policy::place::Place;
use crate::policy::rules::ServiceRule;
use crate::policy::{Policy, Service};
use crate::require::provenance::{names_no_source, source_pattern};

/// Sources that belong to two services, or to none. Answers where it stopped, if it did.
pub(super) fn doubt(
    policy: &Policy,
    effort: &mut Effort,
    doubts: &mut Vec<Doubt>,
) -> Option<Place> {
    let services = policy.services.iter();
    let services: Vec<Claims<'_>> = services
        .map(|(name, rule)| Claims::of(name, rule))
        .collect();
    let speaks = base_speaks(policy);
    for (at, service) in services.iter().enumerate() {
        let rule = service.rule;
        for pattern in rule.sources.iter().filter(|it| names_no_source(it)) {
            doubts.push(Doubt::new(&rule.place, explain(pattern)));
        }
        // A builder of one service's own tells services of one repository apart.
        for earlier in services.iter().take(at).filter(|_| speaks) {
            let shared = match earlier.shared(service, effort) {
                Ok(shared) => shared,
                Err(place) => return Some(place),
            };
            if let Some((theirs, own)) = shared {
                let text = format!(
                    "`{own}` of `{}` and `{theirs}` of `{}` ({}) meet: what is built from such a \
                     source is neither's",
                    service.name, earlier.name, earlier.rule.place
                );
                doubts.push(Doubt::new(&rule.place, text));
            }
        }
    }
    None
}

/// A service, and its sources as they are compared beside those that are written.
struct Claims<'p> {
    name: &'p Service,
    rule: &'p ServiceRule,
    sources: Vec<(&'p Pattern, Pattern)>,
}

impl<'p> Claims<'p> {
    fn of(name: &'p Service, rule: &'p ServiceRule) -> Self {
        let sources = rule.sources.iter();
        let sources = sources.map(|it| (it, source_pattern(it))).collect();
        Self {
            name,
            rule,
            sources,
        }
    }

    /// The first two sources that one repository could be; where it stopped if there is no effort left.
    fn shared(&self, other: &Self, effort: &mut Effort) -> Result<Option<Pair<'p>>, Place> {
        for (theirs, one) in &self.sources {
            for (own, another) in &other.sources {
                let meet = one.meets(another, effort);
                if meet.ok_or_else(|| other.rule.place.clone())? {
                    return Ok(Some((*theirs, *own)));
                }
            }
        }
        Ok(None)
    }
}

type Pair<'p> = (&'p Pattern, &'p Pattern);

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
    let mut required = policy.required_by_base();
    required.any(|require| require.provenance.is_some())
}
