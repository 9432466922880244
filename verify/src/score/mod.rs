//! How much a bill of materials tells, as a number from 0 to 10 and as what would raise it.
//!
//! Computed from the document alone, in whole numbers, so that everybody comes to the same.
//! `docs/sbom-score.md` has the rules.

use std::fmt;

use bulla_model::predicate::{SbomKind, is_cyclonedx, is_spdx};
use bulla_model::{Limits, Statement, json};

mod check;
mod cyclonedx;
mod facts;
mod license;
mod points;
mod spdx;
mod value;

pub use check::{Category, Check};
pub use value::{Score, ScoreError};

/// What a bill of materials is worth.
#[derive(Clone, Debug)]
pub struct Quality {
    /// All of it together.
    pub score: Score,
    /// How many components were looked at.
    pub components: usize,
    /// Each category, in order.
    pub categories: Vec<CategoryScore>,
    /// What would raise the score, what raises it most first.
    pub fixes: Vec<Fix>,
}

/// A part of the score.
#[derive(Clone, Debug)]
pub struct CategoryScore {
    /// Which.
    pub category: Category,
    /// What its checks come to.
    pub score: Score,
    /// Its checks, without those that the document is not asked for.
    pub checks: Vec<CheckScore>,
}

/// What one check came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CheckScore {
    /// Which.
    pub check: Check,
    /// How many meet it: components, or parts of what is asked of the document.
    pub have: u64,
    /// Of how many.
    pub of: u64,
}

/// Something that would raise the score.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fix {
    /// The check that is not met.
    pub check: Check,
    /// How many components do not meet it; `None` if it is about the document.
    pub missing: Option<u64>,
    /// The first of them.
    pub first: Vec<String>,
    /// What the score loses by it, in hundredths.
    pub lost: u64,
}

impl fmt::Display for Fix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.check.todo())?;
        let Some(missing) = self.missing else {
            return Ok(());
        };
        let noun = if missing == 1 {
            "component"
        } else {
            "components"
        };
        write!(f, " ({missing} {noun}: {}", self.first.join(", "))?;
        if missing > self.first.len() as u64 {
            f.write_str(", …")?;
        }
        f.write_str(")")
    }
}

/// Why a document has no score.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QualityError {
    /// It is not the strict JSON that is read, or too large.
    #[error(transparent)]
    Json(#[from] json::JsonError),
    /// What is in it has another form than its format gives it.
    #[error("is not the {kind} that it says it is: {reason}")]
    Form {
        /// The format it says.
        kind: SbomKind,
        /// What is wrong.
        reason: String,
    },
    /// It is of a format that has no score.
    #[error("is neither CycloneDX nor SPDX 2 in JSON")]
    Format,
}

impl Quality {
    /// Of a document, which may come from anywhere.
    pub fn of_document(document: &[u8], limits: &Limits) -> Result<Self, QualityError> {
        let (bytes, depth) = (limits.document_bytes, limits.json_depth);
        let kind = SbomKind::recognise(document, bytes, depth)?;
        Self::of(document, kind.ok_or(QualityError::Format)?)
    }

    /// Of what a statement says; its type tells the format.
    pub(crate) fn of_statement(statement: &Statement) -> Result<Self, QualityError> {
        let kind = statement.predicate_type().as_str();
        let document = statement.predicate_json().unwrap_or_default().as_bytes();
        if is_cyclonedx(kind) {
            Self::of(document, SbomKind::CycloneDx)
        } else if is_spdx(kind) {
            Self::of(document, SbomKind::Spdx2)
        } else {
            Err(QualityError::Format)
        }
    }

    /// Of strict JSON.
    fn of(document: &[u8], kind: SbomKind) -> Result<Self, QualityError> {
        let facts = match kind {
            SbomKind::CycloneDx => cyclonedx::read(document),
            SbomKind::Spdx2 => spdx::read(document),
            SbomKind::Spdx3 => return Err(QualityError::Format),
        };
        let facts = facts.map_err(|error| {
            let reason = error.to_string().chars().take(200).collect();
            QualityError::Form { kind, reason }
        })?;
        Ok(points::weigh(&facts))
    }
}
