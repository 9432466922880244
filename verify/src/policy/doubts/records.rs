//! Records of copies into whatever registry.

use super::Doubt;
use crate::policy::Policy;

/// Destinations on any host: whoever signs a record chooses the rest of the name.
pub(super) fn doubt(policy: &Policy, doubts: &mut Vec<Doubt>) {
    let rules = policy.required();
    for rule in rules.filter_map(|require| require.promotion_record.as_ref()) {
        for destination in &rule.destinations {
            let text = destination.to_string();
            let host = text.split_once('/').map_or(text.as_str(), |(host, _)| host);
            if host.contains('*') {
                let text = format!("`{text}` is a repository on any host: name the registry");
                doubts.push(Doubt::new(&rule.place, text));
            }
        }
    }
}
