//! Provenance: from the CI system's variables, or from a file.

use std::path::Path;

use bulla_attest::ci::CiSystem;
use bulla_attest::claim;
use bulla_model::predicate::{Provenance, slsa_provenance};
use bulla_model::{Statement, Subject};
use jiff::Timestamp;

use super::file;
use crate::Failure;
use crate::commands::Context;

/// A provenance statement about these subjects.
pub fn statement(
    context: &Context,
    source: Option<&Path>,
    subjects: &[Subject],
    now: Timestamp,
) -> Result<Vec<u8>, Failure> {
    match source {
        None => {
            let variables = context.environment().texts();
            let system = CiSystem::detect(&variables)?.ok_or_else(|| {
                Failure::usage("no CI system was recognised that could say how this was built")
                    .with_hint("bulla run -o provenance.json -- COMMAND records a build here")
                    .with_hint("pass what it wrote: --provenance=provenance.json")
            })?;
            let facts = system.build_facts(&variables)?;
            Ok(claim::provenance(subjects, now, &Provenance::from(facts))?)
        }
        Some(path) => from_file(context, path, subjects, now)
            .map_err(|failure| failure.with_detail(path.display())),
    }
}

/// A file with a statement, of which the predicate is taken, or with a predicate.
fn from_file(
    context: &Context,
    path: &Path,
    subjects: &[Subject],
    now: Timestamp,
) -> Result<Vec<u8>, Failure> {
    let limits = &context.limits;
    let bytes = file::read(path, limits.bundle_bytes)?;
    if let Ok(statement) = Statement::parse(&bytes, limits) {
        // Reading it as provenance refuses statements of another type.
        Provenance::of(&statement)
            .map_err(|error| Failure::usage(format_args!("no SLSA provenance: {error}")))?;
        let predicate = statement.predicate_json().unwrap_or("{}").as_bytes();
        let kind = statement.predicate_type();
        return Ok(claim::custom(subjects, now, kind, predicate, limits)?);
    }
    let kind = claim::predicate_type(slsa_provenance::TYPE)?;
    Ok(claim::custom(subjects, now, &kind, &bytes, limits)?)
}
