//! Verdicts without a policy: is there a signature, or an attestation of a type, by this signer?

use jiff::Timestamp;

use bulla_model::predicate::cosign;
use bulla_model::{Identity, KeyId, Limits};

use crate::candidate::Candidate;
use crate::cause::Cause;
use crate::code::Code;
use crate::eligible::{refused, show_digests};
use crate::evidence::Evidence;
use crate::pattern::Pattern;
use crate::signature::{examine, is_type};
use crate::trust::Trust;
use crate::verdict::{Finding, Outcome, Report, Severity, Verdict};
use crate::verified::Verified;

const CHECK: &str = "signature";

/// Who must have signed. There is no "anybody".
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ExpectedSigner {
    /// The holder of this key.
    Key(KeyId),
    /// The holder of a certificate for this identity.
    Certificate {
        /// The OIDC issuer.
        issuer: Pattern,
        /// The subject.
        subject: Pattern,
    },
}

impl ExpectedSigner {
    fn matches(&self, signer: &Identity) -> bool {
        match (self, signer) {
            (Self::Key(expected), Identity::Key { key_id }) => expected == key_id,
            (Self::Certificate { issuer, subject }, Identity::Certificate(certificate)) => {
                issuer.matches(&certificate.issuer) && subject.matches(&certificate.subject)
            }
            _ => false,
        }
    }
}

impl std::fmt::Display for ExpectedSigner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Key(key) => write!(f, "key {}", key.short()),
            Self::Certificate { issuer, subject } => write!(f, "{subject} ({issuer})"),
        }
    }
}

/// What must have been signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ExpectedClaim {
    /// The artifact itself: cosign's empty claim. Other attestations are not signatures.
    Signature,
    /// An attestation of this predicate type.
    Attestation(String),
}

/// What is asked, with everything the answer may depend on.
#[derive(Clone, Copy)]
#[expect(missing_debug_implementations, reason = "holds a callback")]
pub struct SignedQuestion<'a> {
    /// The artifact as people write it, for hints; never believed.
    pub name: &'a str,
    /// What was found beside it.
    pub evidence: &'a Evidence,
    /// Keys and trusted roots.
    pub trust: &'a Trust,
    /// Who must have signed.
    pub signer: &'a ExpectedSigner,
    /// What must have been signed.
    pub claim: &'a ExpectedClaim,
    /// The time to judge at.
    pub now: Timestamp,
    /// Bounds.
    pub limits: &'a Limits,
    /// Asked between attestations; `true` ends the work with "could not find out".
    pub cancelled: &'a dyn Fn() -> bool,
}

/// Decides whether the signer signed the claim about the artifact. Answers "could not find out"
/// if the evidence names no artifact.
pub fn verify_signed(question: &SignedQuestion<'_>) -> Verdict {
    let mut report = Report::default();
    let mut attestations = 0;
    let examined = examine(
        question.evidence,
        question.trust,
        question.now,
        question.limits,
        question.cancelled,
    );
    match examined {
        Ok(candidates) => {
            attestations = candidates
                .iter()
                .filter(|candidate| candidate.outcome().is_ok())
                .count();
            judge(question, &candidates, &mut report);
        }
        Err(cancelled) => {
            let finding = Finding::new(Code::EvidenceIncomplete, CHECK, cancelled.to_string());
            report.findings.push(finding.hint("raise --timeout"));
            report.check(CHECK, Outcome::Failed(Cause::Undetermined), "deadline");
        }
    }
    let (decision, cause) = report.decision();
    report.findings.sort_by_key(|finding| finding.severity);
    let nothing = bulla_model::Digest::sha256(b"");
    Verdict {
        decision,
        cause,
        subject: question.evidence.artifact.clone().unwrap_or(nothing),
        environment: None,
        service: None,
        tier: None,
        policy: None,
        now: question.now,
        checks: report.checks,
        findings: report.findings,
        steps: Vec::new(),
        attestations,
        persons: Vec::new(),
    }
}

fn judge(question: &SignedQuestion<'_>, candidates: &[Candidate], report: &mut Report) {
    let wanted = match question.claim {
        ExpectedClaim::Signature => cosign::TYPE,
        ExpectedClaim::Attestation(uri) => uri.as_str(),
    };
    let covering = question.evidence.covering();
    if covering.is_empty() {
        let message = "the evidence names no artifact";
        let finding = Finding::new(Code::EvidenceIncomplete, CHECK, message);
        report.findings.push(finding);
        report.check(CHECK, Outcome::Failed(Cause::Undetermined), "no artifact");
        return;
    }
    let mut causes = Vec::new();
    let mut notes = Vec::new();
    let mut counted = Vec::new();
    for candidate in candidates {
        if candidate
            .claimed_type()
            .is_none_or(|kind| !is_type(kind, wanted))
        {
            continue;
        }
        match one(question, &covering, candidate) {
            Ok(statement) => counted.push(statement),
            Err((cause, finding)) => {
                causes.push(cause);
                notes.push(
                    finding
                        .at(candidate.manifest(), "")
                        .severity(Severity::Note),
                );
            }
        }
    }
    let counts = match counted.len() {
        1 => "1 signature".to_owned(),
        count => format!("{count} signatures"),
    };
    if let Some(first) = counted.first() {
        let when = match first.time().existed_by() {
            Some(time) if first.time().is_proven() => format!(", proven to exist by {time}"),
            Some(time) => format!(", at {time} by its own word"),
            None => ", at a time nothing tells".to_owned(),
        };
        report.check(
            CHECK,
            Outcome::Ok,
            format!("{counts} by {}{when}", first.signer()),
        );
        return;
    }
    let cause = Cause::best(causes);
    let cause = if question.evidence.is_incomplete() {
        Cause::Undetermined
    } else {
        cause
    };
    let what = match question.claim {
        ExpectedClaim::Signature => "signature".to_owned(),
        ExpectedClaim::Attestation(uri) => format!("attestation of type {uri}"),
    };
    let code = match cause {
        Cause::Invalid => Code::SignatureInvalid,
        Cause::OtherSubject => Code::SubjectMismatch,
        Cause::Undetermined => Code::EvidenceIncomplete,
        _ => Code::SignerUntrusted,
    };
    let finding = Finding::new(code, CHECK, format!("no {what} by {}", question.signer))
        .expected(question.signer.to_string())
        .hint(format!("bulla tree {} shows what there is", question.name));
    report.findings.push(finding);
    report.findings.append(&mut notes);
    report.check(CHECK, Outcome::Failed(cause), "none");
}

fn one<'a>(
    question: &SignedQuestion<'_>,
    covering: &[bulla_model::Digest],
    candidate: &'a Candidate,
) -> Result<&'a Verified<bulla_model::Statement>, (Cause, Finding)> {
    let statement = candidate.outcome().map_err(|refusal| {
        (
            refusal.cause(),
            refused(CHECK, refusal, candidate.manifest()),
        )
    })?;
    if !Evidence::is_about(statement.value(), covering) {
        let finding = Finding::new(
            Code::SubjectMismatch,
            CHECK,
            "the statement is about another artifact",
        )
        .expected(show_digests(covering));
        return Err((Cause::OtherSubject, finding));
    }
    if !question.signer.matches(statement.signer()) {
        let finding = Finding::new(Code::SignerUntrusted, CHECK, "signed by somebody else")
            .expected(question.signer.to_string())
            .found(statement.signer().to_string());
        return Err((Cause::Untrusted, finding));
    }
    let kind = statement.value().predicate_type().as_str();
    if statement
        .time()
        .contradicts(question.now, kind.starts_with("https://bulla.dev/"))
    {
        let message = "its word about the time contradicts the proof of it, or the clock";
        return Err((
            Cause::Invalid,
            Finding::new(Code::TimeMismatch, CHECK, message),
        ));
    }
    Ok(statement)
}
