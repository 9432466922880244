//! Verdicts: the answer, why, and what it rests on.

use jiff::Timestamp;
use serde::Serialize;

use bulla_model::predicate::approval::PolicyBinding;
use bulla_model::predicate::promotion::Slot;
use bulla_model::{Digest, EdgeKind, Environment, Identity, Person, Service, Tier};

use crate::cause::Cause;
use crate::code::Code;
use crate::ledger::SeenCheckpoint;
use crate::policy::Place;
use crate::require::FoundVulnerability;
use crate::signature_report::SignatureReport;
use crate::step_review::StepReview;

/// The answer to "may this artifact be here?".
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Verdict {
    /// The answer.
    pub decision: Decision,
    /// Why it is not "allow".
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<Cause>,
    /// The artifact asked about.
    pub subject: Digest,
    /// The environment asked about, if one was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub environment: Option<Environment>,
    /// The service, computed from verified provenance.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service: Option<Service>,
    /// The service's tier.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tier: Option<Tier>,
    /// The policy applied.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy: Option<PolicyBinding>,
    /// The time the question was asked for.
    pub now: Timestamp,
    /// What was checked, in order.
    pub checks: Vec<Check>,
    /// Everything worth saying.
    pub findings: Vec<Finding>,
    /// The promotions walked, first one first.
    pub steps: Vec<Step>,
    /// How many attestations were verified; without a policy, how many of them count.
    pub attestations: usize,
    /// The persons whose approvals counted, sorted.
    pub persons: Vec<Person>,
    /// What scanners found that the policy denies, and what became of it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub vulnerabilities: Vec<FoundVulnerability>,
    /// The newest checkpoint of the ledger, to be remembered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub checkpoint: Option<SeenCheckpoint>,
    /// Until when that checkpoint is fresh enough, the owners' word on the policy good, and no standing
    /// rule begins: nobody may keep the answer for longer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fresh_until: Option<Timestamp>,
    /// Without a policy: the signatures looked at, those that count first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub signatures: Vec<SignatureReport>,
}

impl Verdict {
    /// The process exit code: 0 only for "allow".
    pub fn exit_code(&self) -> u8 {
        match (self.decision, self.cause) {
            (Decision::Allow, None) => 0,
            (_, Some(cause)) => cause.exit_code(),
            // An answer without a reason is not one anybody may act on.
            (_, None) => 70,
        }
    }

    /// The first error, which speaks for the whole in one-line messages.
    pub fn leading(&self) -> Option<&Finding> {
        self.findings
            .iter()
            .find(|finding| finding.severity == Severity::Error)
    }
}

/// The three answers. "Undetermined" is enforced as a denial and reported as what it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Decision {
    /// Yes.
    Allow,
    /// No.
    Deny,
    /// Could not find out.
    Undetermined,
}

/// Something that was checked.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Check {
    /// Its name, for example `approvals`.
    pub name: &'static str,
    /// The step it belongs to, as the policy names the destination.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub step: Option<String>,
    /// What it said.
    pub outcome: Outcome,
    /// What it saw, for people.
    pub summary: String,
    /// The rule, if the policy has one for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub place: Option<Place>,
}

/// What a check said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// Satisfied.
    Ok,
    /// Not satisfied.
    Failed(Cause),
}

/// Something worth saying about the artifact, with its place.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Finding {
    /// The stable code.
    pub code: Code,
    /// How bad it is.
    pub severity: Severity,
    /// The check it belongs to.
    pub check: &'static str,
    /// What is wrong, one line.
    pub message: String,
    /// What was expected.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expected: Option<String>,
    /// What was found.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub found: Option<String>,
    /// The place in the policy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub place: Option<Place>,
    /// Referrer manifest of the statement it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub manifest: Option<Digest>,
    /// JSON pointer into that statement.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pointer: Option<&'static str>,
    /// The command that would help.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// The persons each of whom could help, where somebody has to.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub waits_for: Vec<Person>,
}

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// The reason for a denial.
    Error,
    /// Worth knowing; changes nothing.
    Warning,
    /// Explains an error.
    Note,
}

impl Finding {
    pub(crate) fn new(code: Code, check: &'static str, message: impl Into<String>) -> Self {
        Self {
            code,
            severity: Severity::Error,
            check,
            message: message.into(),
            expected: None,
            found: None,
            place: None,
            manifest: None,
            pointer: None,
            hint: None,
            waits_for: Vec::new(),
        }
    }

    pub(crate) fn severity(mut self, severity: Severity) -> Self {
        self.severity = severity;
        self
    }

    pub(crate) fn expected(mut self, expected: impl Into<String>) -> Self {
        self.expected = Some(expected.into());
        self
    }

    pub(crate) fn found(mut self, found: impl Into<String>) -> Self {
        self.found = Some(found.into());
        self
    }

    pub(crate) fn place(mut self, place: &Place) -> Self {
        self.place = Some(place.clone());
        self
    }

    pub(crate) fn at(mut self, manifest: Option<&Digest>, pointer: &'static str) -> Self {
        self.manifest = manifest.cloned();
        self.pointer = Some(pointer);
        self
    }

    pub(crate) fn waits_for(mut self, persons: Vec<Person>) -> Self {
        self.waits_for = persons;
        self
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

/// A promotion on the way.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Step {
    /// Where to, as the policy names it.
    pub environment: String,
    /// What kind of step.
    pub kind: EdgeKind,
    /// When, as far as anything says.
    pub at: Timestamp,
    /// Payload digest of the promotion.
    pub promotion: Digest,
    /// All that took the step together, sorted: the artifact, or an index that lists it, is one.
    pub subjects: Vec<Digest>,
    /// Its place among the promotions of the service there.
    pub slot: Slot,
    /// Who approved it.
    pub approved_by: Vec<Person>,
    /// Who signed the promotion.
    pub by: Identity,
    /// The release's version, as the promotion says it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// The change tickets that the promotion names, sorted.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tickets: Vec<String>,
    /// Payload digests of the promotions it follows; none for an entry.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub previous: Vec<Digest>,
    /// How its review stands, where the policy asks for one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub review: Option<StepReview>,
}

impl Step {
    /// How many others took the step with the artifact.
    pub fn others(&self) -> usize {
        self.subjects.len().saturating_sub(1)
    }
}

/// Collects checks and findings and turns them into an answer.
#[derive(Debug, Default)]
pub(crate) struct Report {
    pub(crate) checks: Vec<Check>,
    pub(crate) findings: Vec<Finding>,
    pub(crate) steps: Vec<Step>,
    pub(crate) persons: std::collections::BTreeSet<Person>,
    pub(crate) vulnerabilities: Vec<FoundVulnerability>,
    pub(crate) checkpoint: Option<SeenCheckpoint>,
    pub(crate) fresh_until: Option<Timestamp>,
}

impl Report {
    pub(crate) fn check(
        &mut self,
        name: &'static str,
        outcome: Outcome,
        summary: impl Into<String>,
    ) -> &mut Check {
        self.checks.push(Check {
            name,
            step: None,
            outcome,
            summary: summary.into(),
            place: None,
        });
        self.checks.last_mut().expect("because one was just pushed")
    }

    pub(crate) fn causes(&self) -> Vec<Cause> {
        let failed = |check: &Check| match check.outcome {
            Outcome::Ok => None,
            Outcome::Failed(cause) => Some(cause),
        };
        self.checks.iter().filter_map(failed).collect()
    }

    pub(crate) fn decision(&self) -> (Decision, Option<Cause>) {
        // What nobody needed is told, and is no reason.
        let failed = |name: &str| {
            let mut checks = self.checks.iter().filter(|check| check.name == name);
            checks.any(|check| match check.outcome {
                Outcome::Ok => false,
                Outcome::Failed(cause) => cause != Cause::NotYet,
            })
        };
        let revoked = |finding: &Finding| finding.code == Code::Revoked && failed(finding.check);
        match Cause::overall(&self.causes()) {
            // What a verified revocation took away goes before everything else; only while nothing
            // but more approvals is missing, another one helps.
            Some(cause) if cause != Cause::NotYet && self.findings.iter().any(revoked) => {
                (Decision::Deny, Some(Cause::Expired))
            }
            None if self.checks.is_empty() => (Decision::Deny, Some(Cause::Nothing)),
            None => (Decision::Allow, None),
            Some(Cause::Undetermined) => (Decision::Undetermined, Some(Cause::Undetermined)),
            Some(cause) => (Decision::Deny, Some(cause)),
        }
    }

    pub(crate) fn absorb(&mut self, mut other: Self) {
        self.checks.append(&mut other.checks);
        self.findings.append(&mut other.findings);
        self.steps.append(&mut other.steps);
        self.persons.append(&mut other.persons);
        self.vulnerabilities.append(&mut other.vulnerabilities);
        self.checkpoint = other.checkpoint.or(self.checkpoint.take());
        if let Some(until) = other.fresh_until {
            self.holds_until(until);
        }
    }

    /// Nobody may keep the answer for longer.
    pub(crate) fn holds_until(&mut self, until: Timestamp) {
        let before = self.fresh_until.unwrap_or(until);
        self.fresh_until = Some(before.min(until));
    }
}

/// Whether a text may stand in a command that is going to be typed: there is no place in it for
/// what a shell would understand.
pub(crate) fn is_plain(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b":/._-+".contains(&byte);
    !text.is_empty() && !text.starts_with('-') && text.bytes().all(plain)
}
