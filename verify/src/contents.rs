//! What an artifact is made of, as far as signers whom the policy names say so: for people who compare
//! two releases. Nothing here decides anything.

use std::collections::{BTreeMap, BTreeSet};

use bulla_model::Service;

use crate::decide::{environment_rule, identify, know};
use crate::ledger::Purpose;
use crate::question::{Question, QuestionError};
use crate::require::{Rating, provenance, sbom, vulnerabilities};
use crate::verdict::Report;

/// What is known of an artifact. What was revoked is left out, as in every verdict.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Contents {
    /// The service; without one nothing else is known.
    pub service: Option<Service>,
    /// Source repositories and their commits, of all provenance.
    pub sources: BTreeSet<(String, String)>,
    /// Versions by package, such as `npm/left-pad`, of the newest bill of materials. `None` if there is
    /// none.
    pub packages: Option<BTreeMap<String, BTreeSet<String>>>,
    /// Vulnerabilities by id in lower case, of the newest scans; the severity is `None` if nobody can
    /// tell it. `None` if nobody scanned it.
    pub vulnerabilities: Option<BTreeMap<String, Option<Rating>>>,
}

/// Reads what verified statements say about the artifact, by the policy's identities, as of now.
pub fn contents(question: &Question<'_>, environment: &str) -> Result<Contents, QuestionError> {
    let (_, rule) = environment_rule(question, environment)?;
    let artifact = question.evidence.artifact.clone();
    let artifact = artifact.ok_or(QuestionError::NoArtifact)?;
    // What is wrong with it the gates say.
    let mut unsaid = Report::default();
    let asked = Some((rule, Purpose::Admit));
    let Some(known) = know(question, asked, artifact, &mut unsaid) else {
        return Ok(Contents::default());
    };
    let Some((service, tier, tier_rule)) = identify(question, &known, &mut unsaid) else {
        return Ok(Contents::default());
    };
    let context = known.context(question, (&service, &tier, tier_rule));
    Ok(Contents {
        sources: provenance::sources(&context),
        packages: sbom::listed(&context),
        vulnerabilities: vulnerabilities::known(&context),
        service: Some(service.clone()),
    })
}
