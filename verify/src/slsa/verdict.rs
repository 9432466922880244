//! Provenance in its several documents, and the answer about it.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;

use bulla_model::{Bundle, Digest, Envelope, Identity, Limits, Statement};

use super::artifact::SlsaArtifact;
use super::builders::Builders;
use super::check::{self, Checks, SlsaCheck, Stop};
use super::judge::{self, Said};
use super::{cloud_build, npm};
use crate::candidate::Refusal;
use crate::cause::Cause;
use crate::evidence::{Attestation, Evidence};
use crate::signature::examine;
use crate::trust::Trust;
use crate::verdict::Decision;
use crate::verified::Verified;

/// What provenance must say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Expected {
    /// The source: `github.com/OWNER/REPO` or a URI.
    pub source: String,
    /// The branch that was built.
    pub branch: Option<String>,
    /// The tag that was built.
    pub tag: Option<String>,
    /// A version, perhaps shortened, that the tag is of.
    pub versioned_tag: Option<String>,
    /// The builder, perhaps with its version.
    pub builder_id: Option<String>,
    /// Inputs of a build that a person started.
    pub inputs: BTreeMap<String, String>,
}

/// Provenance as it comes.
#[derive(Clone, Debug)]
pub enum Provenance {
    /// Sigstore bundles or envelopes; one that fits is enough.
    Attestations(Vec<Attestation>),
    /// What npm's registry says of a package: its provenance and its own word that it was published.
    Npm {
        /// The document, `{"attestations": […]}`.
        document: Vec<u8>,
        /// What is expected of the package.
        expected: npm::NpmExpectation,
    },
    /// What `gcloud artifacts docker images describe --show-provenance --format json` writes.
    CloudBuild(Vec<u8>),
}

/// What is asked, with everything the answer may depend on.
#[derive(Clone, Copy)]
#[expect(missing_debug_implementations, reason = "holds a callback")]
pub struct ProvenanceQuestion<'a> {
    /// The artifacts, all of which the provenance must be about.
    pub artifacts: &'a [SlsaArtifact],
    /// The provenance.
    pub provenance: &'a Provenance,
    /// What it must say.
    pub expected: &'a Expected,
    /// The builders that are known.
    pub builders: &'a Builders,
    /// Keys and trusted roots.
    pub trust: &'a Trust,
    /// The time to judge at.
    pub now: Timestamp,
    /// Bounds.
    pub limits: &'a Limits,
    /// Asked between attestations; `true` ends the work with "could not find out".
    pub cancelled: &'a dyn Fn() -> bool,
}

/// The answer.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SlsaVerdict {
    /// The answer.
    pub decision: Decision,
    /// Why it is not "allow".
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<Cause>,
    /// The builder, as the verified statement names it; the verifier, for a summary.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub builder: Option<String>,
    /// The ref that was built.
    #[serde(rename = "ref", skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// The commit that was built, as the certificate says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// Who signed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signer: Option<Identity>,
    /// What was checked, in order, the last being the one that failed.
    pub checks: Vec<SlsaCheck>,
    /// Digest of the verified statement.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub statement: Option<Digest>,
    /// The verified statement as it was signed, if everything asked about it holds.
    #[serde(skip)]
    pub payload: Option<Vec<u8>>,
}

impl SlsaVerdict {
    /// The process exit code: 0 only for "allow".
    pub fn exit_code(&self) -> u8 {
        match (self.decision, self.cause) {
            (Decision::Allow, None) => 0,
            (_, Some(cause)) => cause.exit_code(),
            (_, None) => 70,
        }
    }

    /// The same answer if something may be missing from what was looked at: a "no" then is none.
    #[must_use]
    pub fn unless_complete(mut self) -> Self {
        if self.cause.is_some() {
            self.settle(Some(Cause::Undetermined));
        }
        self
    }

    /// Sets the answer.
    pub(super) fn settle(&mut self, cause: Option<Cause>) {
        self.cause = cause;
        self.decision = match cause {
            None => Decision::Allow,
            Some(Cause::Undetermined) => Decision::Undetermined,
            Some(_) => Decision::Deny,
        };
        self.payload = self.payload.take().filter(|_| cause.is_none());
    }

    /// Finds the bytes of the verified statement among the documents it came in.
    pub(super) fn with_payload<'a>(
        mut self,
        documents: impl IntoIterator<Item = &'a [u8]>,
        limits: &Limits,
    ) -> Self {
        if self.cause.is_none() {
            let envelopes = documents.into_iter().filter_map(|bytes| {
                let bundle = Bundle::parse(bytes.to_vec(), limits).ok();
                let envelope = bundle.and_then(|bundle| bundle.envelope().cloned());
                envelope.or_else(|| Envelope::parse(bytes, limits).ok())
            });
            let wanted = self.statement.as_ref();
            let found = envelopes
                .into_iter()
                .find(|envelope| Some(&envelope.payload_digest()) == wanted);
            self.payload = found.map(|envelope| envelope.payload().to_vec());
        }
        self
    }

    pub(super) fn of(
        checks: Vec<SlsaCheck>,
        verified: Option<(&Verified<Statement>, Said)>,
    ) -> Self {
        let cause = check::cause(&checks);
        let (statement, said) = verified.unzip();
        let said = said.unwrap_or_default();
        let mut verdict = Self {
            decision: Decision::Deny,
            cause,
            builder: said.builder,
            reference: said.reference,
            commit: said.commit,
            signer: statement.map(|statement| statement.signer().clone()),
            checks,
            statement: statement.map(|statement| statement.payload().clone()),
            payload: None,
        };
        verdict.settle(cause);
        verdict
    }
}

/// Decides whether provenance proves what is expected of the artifacts.
pub fn verify_provenance(question: &ProvenanceQuestion<'_>) -> SlsaVerdict {
    match question.provenance {
        Provenance::Attestations(attestations) => best_of(question, attestations.clone()),
        Provenance::Npm { document, expected } => npm::verify(question, document, expected),
        Provenance::CloudBuild(document) => cloud_build::verify(question, document),
    }
}

/// The answer of the attestation that fits, else of the one that came nearest.
pub(super) fn best_of(
    question: &ProvenanceQuestion<'_>,
    attestations: Vec<Attestation>,
) -> SlsaVerdict {
    let evidence = Evidence {
        attestations,
        ..Evidence::default()
    };
    let examined = examine(
        &evidence,
        question.trust,
        question.now,
        question.limits,
        question.cancelled,
    );
    // One that fits is enough, also if the deadline came before the others were looked at.
    let (candidates, ended) = match examined {
        Ok(candidates) => (candidates, None),
        Err(cancelled) => {
            let ended = cancelled.to_string();
            (cancelled.candidates, Some(ended))
        }
    };
    let outcomes = candidates.iter().map(|candidate| candidate.outcome());
    let documents = evidence.attestations.iter().map(Attestation::bytes);
    let verdict = nearest(outcomes.map(|outcome| judge_one(question, outcome)))
        .with_payload(documents, question.limits);
    match ended {
        Some(ended) if verdict.cause.is_some() => {
            let mut checks = Checks::default();
            let expected = "an end in time";
            let _ = checks.fail::<()>("deadline", Cause::Undetermined, expected, ended);
            SlsaVerdict::of(checks.into_list(), None)
        }
        _ => verdict,
    }
}

/// Judges one statement, or says why there is none.
pub(super) fn judge_one(
    question: &ProvenanceQuestion<'_>,
    outcome: Result<&Verified<Statement>, &Refusal>,
) -> SlsaVerdict {
    let mut checks = Checks::default();
    let statement = match signed(&mut checks, outcome) {
        Ok(statement) => statement,
        Err(Stop) => return SlsaVerdict::of(checks.into_list(), None),
    };
    let said = judge::judge(question, statement, &mut checks).unwrap_or_default();
    SlsaVerdict::of(checks.into_list(), Some((statement, said)))
}

/// The first check of every list.
pub(super) fn signed<'a>(
    checks: &mut Checks,
    outcome: Result<&'a Verified<Statement>, &Refusal>,
) -> Result<&'a Verified<Statement>, Stop> {
    const NAME: &str = "signature";
    match outcome {
        Ok(statement) => {
            checks.step(
                NAME,
                true,
                Cause::Invalid,
                "a valid signature",
                statement.signer().to_string(),
            )?;
            Ok(statement)
        }
        Err(refusal) => checks.fail(
            NAME,
            refusal.cause(),
            "a valid signature",
            refusal.to_string(),
        ),
    }
}

/// The first that is allowed, else the one whose cause is nearest to it.
pub(super) fn nearest(verdicts: impl Iterator<Item = SlsaVerdict>) -> SlsaVerdict {
    let mut best: Option<SlsaVerdict> = None;
    for verdict in verdicts {
        if verdict.cause.is_none() {
            return verdict;
        }
        let nearer = best.as_ref().is_none_or(|held| {
            let causes = [held.cause, verdict.cause].into_iter().flatten();
            held.cause != verdict.cause && Some(Cause::best(causes)) == verdict.cause
        });
        if nearer {
            best = Some(verdict);
        }
    }
    best.unwrap_or_else(|| {
        let mut checks = Checks::default();
        let _ = checks.fail::<()>("signature", Cause::Nothing, "provenance", "none");
        SlsaVerdict::of(checks.into_list(), None)
    })
}
