//! Why an answer is not "allowed", as exit codes.

use serde::Serialize;

/// The reason behind a verdict, in the terms of the exit codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cause {
    /// Denied by policy: exit 1.
    Denied,
    /// Expired, stale or revoked: exit 14.
    Expired,
    /// About another subject: exit 13.
    OtherSubject,
    /// Signed by nobody trusted: exit 11.
    Untrusted,
    /// Tampering: exit 12.
    Invalid,
    /// Nothing signed was found: exit 10.
    Nothing,
    /// Could not find out: exit 3.
    Undetermined,
    /// Only approvals, a ticket, time to soak or the end of a freeze are missing: exit 4.
    NotYet,
}

impl Cause {
    /// The process exit code.
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Denied => 1,
            Self::Undetermined => 3,
            Self::NotYet => 4,
            Self::Nothing => 10,
            Self::Untrusted => 11,
            Self::Invalid => 12,
            Self::OtherSubject => 13,
            Self::Expired => 14,
        }
    }

    /// One line for people.
    pub fn describe(self) -> &'static str {
        match self {
            Self::Denied => "denied by policy",
            Self::Undetermined => "could not find out",
            Self::NotYet => {
                "not yet: only approvals, a ticket, time to soak or the end of a freeze are missing"
            }
            Self::Nothing => "nothing signed was found",
            Self::Untrusted => "signed, but by nobody the policy trusts",
            Self::Invalid => "a signature, certificate, log proof or timestamp is invalid",
            Self::OtherSubject => "the evidence is about another subject",
            Self::Expired => "expired, stale or revoked",
        }
    }

    /// How good a failed candidate still was; the best one speaks for its requirement, so that
    /// whoever can only push junk cannot change the answer.
    fn rank(self) -> u8 {
        match self {
            Self::Denied => 0,
            Self::Expired => 1,
            Self::OtherSubject => 2,
            Self::Untrusted => 3,
            Self::Invalid => 4,
            Self::Nothing => 5,
            Self::Undetermined | Self::NotYet => 6,
        }
    }

    /// How near an alternative that failed came to being allowed; lower is nearer.
    pub(crate) fn distance(self) -> u8 {
        match self {
            Self::NotYet => 0,
            Self::Undetermined => 1,
            other => other.rank().saturating_add(2),
        }
    }

    /// The cause of a requirement from those of its candidates.
    pub(crate) fn best(causes: impl IntoIterator<Item = Self>) -> Self {
        causes
            .into_iter()
            .min_by_key(|cause| cause.rank())
            .unwrap_or(Self::Nothing)
    }

    /// The cause of the whole from those of its failed requirements: definite failures first
    /// (their shared cause, else "denied"), then "could not find out", then "not yet".
    pub(crate) fn overall(causes: &[Self]) -> Option<Self> {
        let mut definite = causes
            .iter()
            .copied()
            .filter(|c| !matches!(c, Self::Undetermined | Self::NotYet));
        if let Some(first) = definite.next() {
            return Some(if definite.all(|cause| cause == first) {
                first
            } else {
                Self::Denied
            });
        }
        let has = |wanted: Self| causes.contains(&wanted).then_some(wanted);
        has(Self::Undetermined).or_else(|| has(Self::NotYet))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_candidate_speaks_for_its_requirement() {
        use Cause::{Denied, Expired, Invalid, Nothing, OtherSubject, Untrusted};
        assert_eq!(Cause::best([Invalid, Untrusted, Denied, Expired]), Denied);
        assert_eq!(
            Cause::best([Invalid, Untrusted, OtherSubject, Expired]),
            Expired
        );
        assert_eq!(Cause::best([Invalid, Untrusted]), Untrusted);
        assert_eq!(Cause::best([]), Nothing);
    }

    #[test]
    fn definite_failures_come_before_doubt_and_doubt_before_waiting() {
        use Cause::{Denied, Invalid, NotYet, Undetermined};
        assert_eq!(Cause::overall(&[]), None);
        assert_eq!(Cause::overall(&[NotYet, Undetermined]), Some(Undetermined));
        assert_eq!(
            Cause::overall(&[NotYet, Invalid, Undetermined]),
            Some(Invalid)
        );
        assert_eq!(Cause::overall(&[Invalid, Denied]), Some(Denied));
        assert_eq!(Cause::overall(&[Invalid, Invalid, NotYet]), Some(Invalid));
        assert_eq!(Cause::overall(&[NotYet]), Some(NotYet));
    }
}
