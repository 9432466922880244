//! The few lines that tell a person what a document holds.

use std::collections::BTreeMap;

use super::cyclonedx::Outline;

/// Counts and names of a document.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Summary {
    /// `CycloneDX 1.6`.
    pub format: String,
    /// `urn:uuid:...`.
    pub serial_number: Option<String>,
    /// When it was made, as written.
    pub timestamp: Option<String>,
    /// Name of what it is about.
    pub subject: Option<String>,
    /// Version of what it is about.
    pub subject_version: Option<String>,
    /// The operating system, as its component names it for people.
    pub operating_system: Option<String>,
    /// Components, without operating systems.
    pub components: usize,
    /// Components by the type of their package URL, most first; `other` have none.
    pub by_kind: Vec<(String, usize)>,
    /// Whether every composition claims to be complete; `None` without compositions.
    pub is_complete: Option<bool>,
    /// What Bulla could not read, as `path: reason`.
    pub unknowns: Vec<String>,
}

impl Summary {
    /// Counts a document.
    pub fn of(document: &Outline) -> Self {
        let mut counts = BTreeMap::<&str, usize>::new();
        let mut components = 0usize;
        let mut operating_system = None;
        for component in document.all_components() {
            if component.kind == "operating-system" {
                let named = component.description.clone().unwrap_or_else(|| {
                    [Some(&component.name), component.version.as_ref()]
                        .into_iter()
                        .flatten()
                        .map(String::as_str)
                        .collect::<Vec<_>>()
                        .join(" ")
                });
                operating_system.get_or_insert(named);
                continue;
            }
            components = components.saturating_add(1);
            *counts
                .entry(component.purl_kind().unwrap_or("other"))
                .or_default() += 1;
        }
        let mut by_kind: Vec<_> = counts
            .into_iter()
            .map(|(kind, count)| (kind.to_owned(), count))
            .collect();
        by_kind.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        let subject = document.metadata.component.as_ref();
        let aggregates = &document.aggregates;
        Self {
            format: format!("CycloneDX {}", document.spec_version),
            serial_number: document.serial_number.clone(),
            timestamp: document.metadata.timestamp.clone(),
            subject: subject.map(|subject| subject.name.clone()),
            subject_version: subject.and_then(|subject| subject.version.clone()),
            operating_system,
            components,
            by_kind,
            is_complete: (!aggregates.is_empty())
                .then(|| aggregates.iter().all(|aggregate| aggregate == "complete")),
            unknowns: document
                .metadata
                .properties
                .iter()
                .filter(|property| property.name == "bulla:unknown")
                .filter_map(|property| property.value.clone())
                .collect(),
        }
    }
}
