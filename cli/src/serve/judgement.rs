//! Judgements: what is remembered of a verdict.

use std::time::Duration;

use bulla_verify::{Code, Decision, Finding, ReviewState, Severity, Verdict};
use jiff::Timestamp;

use super::exception::Exception;
use crate::Failure;
use crate::failure::FailureKind;

/// What was found out about one image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judgement {
    /// The answer.
    pub decision: Decision,
    /// The code of the finding that speaks for the whole; `allowed` if there is none.
    pub code: &'static str,
    /// What that finding says.
    pub reason: String,
    /// The service, if verified provenance names one.
    pub service: Option<String>,
    /// The policy: name, version and digest.
    pub policy: Option<String>,
    /// What is worth knowing all the same.
    pub warnings: Vec<String>,
    /// The steps around the normal gates that it rests on.
    pub exceptions: Vec<Exception>,
    /// Until when it may be remembered at most: a checkpoint is no longer fresh then, or a review due.
    pub until: Option<Timestamp>,
}

impl Judgement {
    /// Sums up a verdict.
    pub fn of_verdict(verdict: &Verdict) -> Self {
        let leading = verdict.leading();
        let code = match (verdict.decision, leading) {
            (Decision::Allow, _) => "allowed",
            (_, Some(finding)) => finding.code.as_str(),
            (Decision::Deny, None) => "denied",
            (Decision::Undetermined, None) => "could-not-find-out",
        };
        let exceptions = Exception::of(verdict);
        let warnings = verdict.findings.iter().filter(|finding| {
            finding.severity == Severity::Warning && !is_said(finding, &exceptions)
        });
        let ends = exceptions.iter().filter_map(Exception::ends);
        let until = ends.chain(verdict.fresh_until).min();
        Self {
            decision: verdict.decision,
            code,
            reason: leading.map_or_else(String::new, |finding| finding.message.clone()),
            service: verdict.service.as_ref().map(ToString::to_string),
            policy: verdict
                .policy
                .as_ref()
                .map(|policy| format!("{} v{} {}", policy.name, policy.version, policy.digest)),
            warnings: warnings
                .map(|finding| format!("{} [{}]", finding.message, finding.code))
                .collect(),
            exceptions,
            until,
        }
    }

    /// How long it may be remembered, out of this time.
    pub fn within(&self, lifetime: Duration, now: Timestamp) -> Duration {
        let left = self.until.map(|until| until.duration_since(now));
        // A span that is over is none.
        left.map_or(lifetime, |left| {
            lifetime.min(left.try_into().unwrap_or(Duration::ZERO))
        })
    }

    /// What a failure to reach a verdict means.
    pub fn of_failure(failure: &Failure) -> Self {
        let (decision, code) = match failure.kind() {
            FailureKind::NotFound => (Decision::Deny, "image-not-found"),
            FailureKind::Tampered | FailureKind::InvalidSignature => {
                (Decision::Deny, "evidence-tampered")
            }
            FailureKind::Internal => (Decision::Undetermined, "internal-error"),
            FailureKind::Usage | FailureKind::Configuration => (Decision::Deny, "misconfigured"),
            _ => (Decision::Undetermined, "could-not-find-out"),
        };
        Self::without_verdict(decision, code, failure.message().to_owned())
    }

    /// A refusal before anything was looked up.
    pub fn refused(code: &'static str, reason: String) -> Self {
        Self::without_verdict(Decision::Deny, code, reason)
    }

    /// The time was over.
    pub fn late() -> Self {
        let reason = "the time for an answer was over; try again".to_owned();
        Self::without_verdict(Decision::Undetermined, "deadline", reason)
    }

    /// Too much is asked at the same time.
    pub fn busy() -> Self {
        let reason = "too many verifications at the same time; try again".to_owned();
        Self::without_verdict(Decision::Undetermined, "busy", reason)
    }

    /// The verification itself broke.
    pub fn broken() -> Self {
        let reason = "the verification broke off; see the log of bulla serve".to_owned();
        Self::without_verdict(Decision::Undetermined, "internal-error", reason)
    }

    fn without_verdict(decision: Decision, code: &'static str, reason: String) -> Self {
        Self {
            decision,
            code,
            reason,
            service: None,
            policy: None,
            warnings: Vec::new(),
            exceptions: Vec::new(),
            until: None,
        }
    }
}

/// Whether the warnings about exceptions say what the finding does, and by which step.
fn is_said(finding: &Finding, exceptions: &[Exception]) -> bool {
    let state = match finding.code {
        Code::ReviewOverdue => ReviewState::Overdue,
        Code::ReviewRejected => ReviewState::Rejected,
        _ => return false,
    };
    let mut reviews = exceptions.iter().filter_map(|one| one.review);
    reviews.any(|review| review.state == state)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_remembered_for_longer_than_its_checkpoint_is_fresh() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let minute = Duration::from_mins(1);
        let mut judgement = Judgement::late();
        assert_eq!(judgement.within(minute, at(100)), minute);
        for (until, left) in [(200, 60), (130, 30), (100, 0), (50, 0)] {
            judgement.until = Some(at(until));
            let left = Duration::from_secs(left);
            assert_eq!(judgement.within(minute, at(100)), left, "{until}");
        }
    }

    #[test]
    fn no_failure_is_a_yes_and_only_clear_ones_are_a_no() {
        for (kind, decision) in [
            (FailureKind::NotFound, Decision::Deny),
            (FailureKind::Tampered, Decision::Deny),
            (FailureKind::Usage, Decision::Deny),
            (FailureKind::Unavailable, Decision::Undetermined),
            (FailureKind::Internal, Decision::Undetermined),
            (FailureKind::Interrupted, Decision::Undetermined),
        ] {
            let judgement = Judgement::of_failure(&Failure::new(kind, "x"));
            assert_eq!(judgement.decision, decision, "{kind:?}");
        }
    }
}
