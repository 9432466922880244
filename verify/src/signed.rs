//! Verdicts without a policy: is there a signature, or an attestation of a type, by this signer?

mod missing;

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde_json::Value;

use bulla_model::predicate::{cosign, is_cyclonedx, is_spdx, model_signing};
use bulla_model::{Digest, Identity, Limits, Statement};

use crate::candidate::{Candidate, Refusal};
use crate::cause::Cause;
use crate::code::Code;
use crate::directory::difference;
use crate::eligible::{refused, show_digests, show_subjects};
use crate::evidence::Evidence;
use crate::expected::{ExpectedClaim, ExpectedSigner, show_annotations};
use crate::referenced::follow;
use crate::signature::{examine, is_type};
use crate::signature_report::SignatureReport;
use crate::trust::Trust;
use crate::verdict::{Finding, Outcome, Report, Severity, Verdict};
use crate::verified::{SignedTime, Verified};

use missing::{Gap, missing, others};

const CHECK: &str = "signature";
/// What is expected of a document by reference.
const DOCUMENT: &str = "the document whose digest was signed";

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
    let examined = examine(
        question.evidence,
        question.trust,
        question.now,
        question.limits,
        question.cancelled,
    );
    // What was found before a deadline may be enough: nothing found later could take it back.
    let (candidates, ended) = match examined {
        Ok(candidates) => (candidates, None),
        Err(cancelled) => {
            let ended = cancelled.to_string();
            (cancelled.candidates, Some(ended))
        }
    };
    let candidates = with_documents(question, candidates);
    let mut signatures = judge(question, &candidates, ended.as_deref(), &mut report);
    let attestations = signatures.iter().filter(|one| one.counts).count();
    let (decision, cause) = report.decision();
    report.findings.sort_by_key(|finding| finding.severity);
    signatures.sort_by_key(|signature| !signature.counts);
    Verdict {
        checkpoint: None,
        fresh_until: None,
        decision,
        cause,
        subject: question
            .evidence
            .artifact
            .clone()
            .unwrap_or_else(|| Digest::sha256(b"")),
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
        vulnerabilities: Vec::new(),
        signatures,
    }
}

/// Where a bill of materials is asked for, one that a statement refers to is an answer, too.
fn with_documents(question: &SignedQuestion<'_>, mut candidates: Vec<Candidate>) -> Vec<Candidate> {
    if matches!(question.claim, ExpectedClaim::Attestation(uri) if is_cyclonedx(uri) || is_spdx(uri))
    {
        candidates.append(&mut follow(&candidates, question.evidence, question.limits));
    }
    candidates
}

/// What counts, whatever was signed.
struct Counted {
    signer: Identity,
    time: SignedTime,
    document: Option<Digest>,
}

fn judge(
    question: &SignedQuestion<'_>,
    candidates: &[Candidate],
    ended: Option<&str>,
    report: &mut Report,
) -> Vec<SignatureReport> {
    let mut reports = Vec::new();
    let covering = question.evidence.covering();
    if covering.is_empty() {
        let message = "the evidence names no artifact";
        let finding = Finding::new(Code::EvidenceIncomplete, CHECK, message);
        report.findings.push(finding);
        report.check(CHECK, Outcome::Failed(Cause::Undetermined), "no artifact");
        return reports;
    }
    let mut causes = Vec::new();
    let mut notes = Vec::new();
    let mut counted: Vec<Counted> = Vec::new();
    for candidate in candidates.iter().filter(|one| is_asked(question, one)) {
        let (signature, answer) = one(question, &covering, candidate);
        reports.push(signature);
        match answer {
            Ok(one) => counted.push(one),
            Err((cause, finding)) => {
                causes.push(cause);
                let finding = finding.at(candidate.manifest(), "");
                notes.push(finding.severity(Severity::Note));
            }
        }
    }
    // Several signatures by one signer are one (F28).
    let signers: BTreeSet<&Identity> = counted.iter().map(|one| &one.signer).collect();
    let threshold = question.signer.threshold();
    // What proves most about the time speaks for all.
    let first = counted.iter().min_by_key(|one| {
        let time = one.time.existed_by();
        (time.is_none(), !one.time.is_proven(), time)
    });
    if let Some(first) = first
        && signers.len() >= threshold
    {
        report.check(
            CHECK,
            Outcome::Ok,
            summary(question, &counted, first, signers.len()),
        );
        return reports;
    }
    for signature in &mut reports {
        signature.counts = false;
    }
    if !counted.is_empty() {
        causes.push(Cause::Untrusted);
    }
    if let Some(ended) = ended {
        let finding = Finding::new(Code::EvidenceIncomplete, CHECK, ended);
        report.findings.push(finding.hint("raise --timeout"));
        report.check(CHECK, Outcome::Failed(Cause::Undetermined), "deadline");
    } else {
        let gap = Gap {
            causes: &causes,
            signers: signers.len(),
            notes: &notes,
            others: others(question, &covering, candidates),
        };
        missing(question, report, &gap);
    }
    report.findings.append(&mut notes);
    let mut unusable = question.evidence.notes_of_unusable(CHECK);
    report.findings.append(&mut unusable);
    reports
}

fn summary(
    question: &SignedQuestion<'_>,
    counted: &[Counted],
    first: &Counted,
    signers: usize,
) -> String {
    let of = if counted.len() == 1 { "" } else { "one " };
    let when = match first.time.existed_by() {
        Some(time) if first.time.is_proven() => format!(", {of}proven to exist by {time}"),
        Some(time) => format!(", {of}at {time} by its own word"),
        None => ", at a time nothing tells".to_owned(),
    };
    let when = match &first.document {
        Some(document) => format!("{when}, by reference to {document}"),
        None => when,
    };
    let counts = match counted.len() {
        1 => "1 signature".to_owned(),
        count => format!("{count} signatures"),
    };
    if question.signer.threshold() > 1 {
        return format!("{counts} by {signers} different keys{when}");
    }
    format!("{counts} by {}{when}", first.signer)
}

/// Whether a candidate claims to be what is asked for.
fn is_asked(question: &SignedQuestion<'_>, candidate: &Candidate) -> bool {
    let is = |wanted: &str| {
        candidate
            .claimed_type()
            .is_some_and(|kind| is_type(kind, wanted))
    };
    if question.evidence.files.is_some() {
        // The digest of a directory does not hold the names of its files; the signed list does.
        return is(model_signing::TYPE)
            && match question.claim {
                ExpectedClaim::Signature | ExpectedClaim::Anything => true,
                ExpectedClaim::Attestation(uri) => is(uri),
                // The name and annotations are of an image or a file.
                ExpectedClaim::SignatureAs(_) | ExpectedClaim::Annotated { .. } => false,
            };
    }
    let of_artifact = candidate.signature().is_some();
    match question.claim {
        ExpectedClaim::Signature | ExpectedClaim::Annotated { name: None, .. } => {
            of_artifact || is(cosign::TYPE)
        }
        ExpectedClaim::SignatureAs(_) | ExpectedClaim::Annotated { name: Some(_), .. } => {
            of_artifact
        }
        ExpectedClaim::Attestation(uri) => is(uri),
        ExpectedClaim::Anything => true,
    }
}

type Answer = Result<Counted, (Cause, Finding)>;

fn one(
    question: &SignedQuestion<'_>,
    covering: &[Digest],
    candidate: &Candidate,
) -> (SignatureReport, Answer) {
    let kind = candidate
        .claimed_type()
        .map(bulla_model::PredicateType::as_str);
    let refusal = match (candidate.signature(), candidate.outcome()) {
        (Some(Ok(verified)), _) => {
            let mut report = SignatureReport::of(verified, None);
            let claim = verified.value();
            report.docker_reference.clone_from(&claim.docker_reference);
            let mut own = covering.to_vec();
            own.extend(question.evidence.digests.iter().cloned());
            let answer = about(&mut report, own.contains(&claim.subject), covering, || {
                claim.subject.to_string()
            })
            .and_then(|()| named(question, &mut report, claim.docker_reference.as_deref()))
            .and_then(|()| annotated(question, &mut report, &[&claim.annotations]))
            .and_then(|()| signed(question, &mut report, verified));
            return (report, answer);
        }
        (None, Ok(verified)) => {
            let mut report = SignatureReport::of(verified, kind);
            let statement = verified.value();
            // The list of a directory's files is compared as a whole.
            let is_about = question.evidence.files.is_some()
                || question.evidence.is_subject_of(statement, covering);
            if let Some(document) = verified.document() {
                report.check("document", true, DOCUMENT, document.to_string());
            }
            let annotations = annotations_of(statement, covering);
            let answer = listed(question, &mut report, statement)
                .and_then(|()| about(&mut report, is_about, covering, || show_subjects(statement)))
                .and_then(|()| annotated(question, &mut report, &annotations))
                .and_then(|()| signed(question, &mut report, verified));
            return (report, answer);
        }
        (Some(Err(refusal)), _) | (None, Err(refusal)) => refusal,
    };
    if let Some(verified) = &candidate.referring {
        return without_document(question, covering, verified, refusal);
    }
    let report = SignatureReport::refused(candidate.manifest(), kind, refusal);
    let finding = refused(CHECK, refusal, candidate.manifest());
    (report, Err((refusal.cause(), finding)))
}

/// A reference by somebody whose document says nothing: it counts for nothing, and why is the
/// answer only if it would have counted.
fn without_document(
    question: &SignedQuestion<'_>,
    covering: &[Digest],
    verified: &Verified<Statement>,
    refusal: &Refusal,
) -> (SignatureReport, Answer) {
    let statement = verified.value();
    let mut report = SignatureReport::of(verified, Some(statement.predicate_type().as_str()));
    let is_about = question.evidence.is_subject_of(statement, covering);
    let answer = about(&mut report, is_about, covering, || show_subjects(statement))
        .and_then(|()| signed(question, &mut report, verified))
        .and_then(|_| {
            report.counts = false;
            report.check("document", false, DOCUMENT, refusal.to_string());
            Err((
                refusal.cause(),
                refused(CHECK, refusal, verified.manifest()),
            ))
        });
    (report, answer)
}

/// A signed directory has the files that its statement lists, and no others.
fn listed(
    question: &SignedQuestion<'_>,
    report: &mut SignatureReport,
    statement: &Statement,
) -> Result<(), (Cause, Finding)> {
    let Some(files) = &question.evidence.files else {
        return Ok(());
    };
    let expected = "the files that were signed";
    let Some(found) = difference(statement, files, &question.evidence.left_out) else {
        let found = format!("{} files", files.len());
        report.check("files", true, expected, found);
        return Ok(());
    };
    report.check("files", false, expected, found.clone());
    let finding = Finding::new(Code::SubjectMismatch, CHECK, "other files were signed")
        .expected(expected)
        .found(found);
    Err((Cause::OtherSubject, finding))
}

fn about(
    report: &mut SignatureReport,
    is_about: bool,
    covering: &[Digest],
    found: impl Fn() -> String,
) -> Result<(), (Cause, Finding)> {
    let expected = show_digests(covering);
    if report.check("subject", is_about, &expected, found()) {
        return Ok(());
    }
    let message = "it is about another artifact";
    let finding = Finding::new(Code::SubjectMismatch, CHECK, message)
        .expected(expected)
        .found(found());
    Err((Cause::OtherSubject, finding))
}

/// O7: readers of old signatures compare the name an image was signed under.
fn named(
    question: &SignedQuestion<'_>,
    report: &mut SignatureReport,
    name: Option<&str>,
) -> Result<(), (Cause, Finding)> {
    let (ExpectedClaim::SignatureAs(expected)
    | ExpectedClaim::Annotated {
        name: Some(expected),
        ..
    }) = question.claim
    else {
        return Ok(());
    };
    let found = name.unwrap_or("no name").to_owned();
    if report.check(
        "docker-reference",
        name == Some(expected),
        expected,
        found.clone(),
    ) {
        return Ok(());
    }
    let finding = Finding::new(Code::SubjectMismatch, CHECK, "signed under another name")
        .expected(expected.clone())
        .found(found);
    Err((Cause::OtherSubject, finding))
}

/// The annotations of the statement's subjects that are the artifact; others say nothing about it.
fn annotations_of<'a>(
    statement: &'a Statement,
    covering: &[Digest],
) -> Vec<&'a BTreeMap<String, Value>> {
    let subjects = statement.subjects().iter();
    subjects
        .filter(|subject| {
            let mut digests = covering.iter();
            digests.any(|digest| subject.digest.known(digest.algorithm()).as_ref() == Some(digest))
        })
        .map(|subject| &subject.annotations)
        .collect()
}

/// What a signer added counts only as a whole: of the one subject that was asked about.
fn annotated(
    question: &SignedQuestion<'_>,
    report: &mut SignatureReport,
    found: &[&BTreeMap<String, Value>],
) -> Result<(), (Cause, Finding)> {
    let ExpectedClaim::Annotated { annotations, .. } = question.claim else {
        return Ok(());
    };
    let carries = |carried: &&BTreeMap<String, Value>| {
        annotations
            .iter()
            .all(|(name, value)| carried.get(name).and_then(Value::as_str) == Some(value))
    };
    let expected = show_annotations(annotations);
    let shown = found.first().map_or_else(String::new, |carried| {
        let texts = carried
            .iter()
            .filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned())));
        show_annotations(&texts.take(SHOWN).collect::<Vec<_>>())
    });
    if report.check(
        "annotations",
        found.iter().any(carries),
        &expected,
        shown.clone(),
    ) {
        return Ok(());
    }
    let message = "signed with other annotations";
    let finding = Finding::new(Code::SubjectMismatch, CHECK, message)
        .expected(expected)
        .found(shown);
    Err((Cause::OtherSubject, finding))
}

/// Annotations of a signature that a refusal shows.
const SHOWN: usize = 16;

fn signed<T>(
    question: &SignedQuestion<'_>,
    report: &mut SignatureReport,
    verified: &Verified<T>,
) -> Answer {
    let mut expected = question.signer.to_string();
    let mut found = verified.signer().to_string();
    let mut message = "signed by somebody else";
    if let Some(claims) = question.signer.other_claims(verified.signer()) {
        (expected, found) = claims;
        message = "the certificate of this identity claims something else";
    }
    let matches = question.signer.matches(verified.signer());
    if !report.check("signer", matches, &expected, found.clone()) {
        let finding = Finding::new(Code::SignerUntrusted, CHECK, message)
            .expected(expected)
            .found(found);
        return Err((Cause::Untrusted, finding));
    }
    let own = report
        .predicate_type
        .as_ref()
        .is_some_and(|kind| bulla_model::predicate::own::is_own(kind));
    if verified.time().contradicts(question.now, own) {
        let message = "its word about the time contradicts the proof of it, or the clock";
        report.check("time", false, "word and proof agree", message.to_owned());
        let finding = Finding::new(Code::TimeMismatch, CHECK, message);
        return Err((Cause::Invalid, finding));
    }
    report.counts = true;
    Ok(Counted {
        signer: verified.signer().clone(),
        time: verified.time(),
        document: verified.document().cloned(),
    })
}
