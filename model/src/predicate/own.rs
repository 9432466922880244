//! What can be said of every predicate of ours, whatever its type and version.

use jiff::Timestamp;
use serde::Deserialize;

use crate::Statement;

/// The namespace of the predicates defined here.
pub const NAMESPACE: &str = crate::ours!("");

/// Whether this predicate type is of our namespace.
pub fn is_own(uri: &str) -> bool {
    uri.starts_with(NAMESPACE)
}

/// Whether it is of a version 0.x, which may still change: `https://bulla.dev/approval/v0.1`.
pub fn is_draft(uri: &str) -> bool {
    is_own(uri)
        && uri
            .rsplit_once('/')
            .is_some_and(|(_, version)| version.starts_with("v0."))
}

/// When a statement of ours says it was issued. `None` if it is not ours or does not say.
pub fn issued_at(statement: &Statement) -> Option<Timestamp> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Issued {
        issued_at: Timestamp,
    }
    if !is_own(statement.predicate_type().as_str()) {
        return None;
    }
    let issued: Issued = serde_json::from_str(statement.predicate_json()?).ok()?;
    Some(issued.issued_at)
}
