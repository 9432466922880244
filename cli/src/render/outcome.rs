//! Answers for programs.

use bulla_verify::Verdict;
use serde::{Serialize, Serializer};

use crate::Failure;
use crate::printer::ErrorBody;

/// Writes an answer as the member `verdict`, or why there is none as `error`: for a field that is
/// flattened.
pub fn outcome<S: Serializer>(
    outcome: &Result<Verdict, Failure>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    enum Outcome<'a> {
        Verdict(&'a Verdict),
        Error(ErrorBody<'a>),
    }
    match outcome {
        Ok(verdict) => Outcome::Verdict(verdict).serialize(serializer),
        Err(failure) => Outcome::Error(ErrorBody::of(failure)).serialize(serializer),
    }
}
