//! Exit codes: how a pipeline tells one answer from another.

use std::process::ExitCode;

/// How the process ends. The numbers are part of the interface and never change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Exit {
    /// 0: allowed, done.
    Success,
    /// 1: denied by policy.
    Denied,
    /// 2: usage or configuration error.
    Usage,
    /// 3: could not find out: registry, network, time or size limit; trying again may help.
    Undetermined,
    /// 4: not yet: only approvals, a ticket, time to soak or the end of a freeze are missing.
    NotYet,
    /// 10: nothing signed was found.
    NothingSigned,
    /// 11: signed, but by nobody the policy trusts.
    Untrusted,
    /// 12: a signature, certificate, log proof or timestamp is invalid.
    Invalid,
    /// 13: the evidence is about another subject.
    OtherSubject,
    /// 14: expired, stale or revoked.
    Outdated,
    /// 70: internal error; a panic is never a success.
    Internal,
    /// 130: the user interrupted it.
    Interrupted,
    /// The code of a command that `bulla run` started.
    Child(u8),
}

impl Exit {
    /// Every answer with a number of its own, in the order of the numbers.
    pub const ALL: [Self; 12] = [
        Self::Success,
        Self::Denied,
        Self::Usage,
        Self::Undetermined,
        Self::NotYet,
        Self::NothingSigned,
        Self::Untrusted,
        Self::Invalid,
        Self::OtherSubject,
        Self::Outdated,
        Self::Internal,
        Self::Interrupted,
    ];

    /// The exit that a verdict stands for.
    pub fn of_verdict(verdict: &bulla_verify::Verdict) -> Self {
        Self::of_code(verdict.exit_code())
    }

    /// The exit of a refusal for this reason.
    pub fn of_cause(cause: bulla_verify::Cause) -> Self {
        Self::of_code(cause.exit_code())
    }

    fn of_code(code: u8) -> Self {
        Self::ALL
            .into_iter()
            .find(|exit| exit.code() == code)
            .unwrap_or(Self::Internal)
    }

    /// The code of several answers: what is wrong with the call itself first, then what was definitely
    /// refused (the shared code, else "denied"), then doubt, then waiting. No answer is an error.
    pub fn overall(exits: &[Self]) -> Self {
        let first = |wanted: Self| exits.contains(&wanted).then_some(wanted);
        let mut definite = exits.iter().copied().filter(|exit| {
            !matches!(
                exit,
                Self::Success
                    | Self::Usage
                    | Self::Undetermined
                    | Self::NotYet
                    | Self::Internal
                    | Self::Interrupted
            )
        });
        let shared = definite.next().map(|one| {
            if definite.all(|other| other == one) {
                one
            } else {
                Self::Denied
            }
        });
        if exits.is_empty() {
            return Self::Internal;
        }
        first(Self::Interrupted)
            .or_else(|| first(Self::Internal))
            .or_else(|| first(Self::Usage))
            .or(shared)
            .or_else(|| first(Self::Undetermined))
            .or_else(|| first(Self::NotYet))
            .unwrap_or(Self::Success)
    }

    /// The number the process ends with.
    pub fn code(self) -> u8 {
        match self {
            Self::Success => 0,
            Self::Denied => 1,
            Self::Usage => 2,
            Self::Undetermined => 3,
            Self::NotYet => 4,
            Self::NothingSigned => 10,
            Self::Untrusted => 11,
            Self::Invalid => 12,
            Self::OtherSubject => 13,
            Self::Outdated => 14,
            Self::Internal => 70,
            Self::Interrupted => 130,
            Self::Child(code) => code,
        }
    }

    /// What the number means, for people.
    pub fn meaning(self) -> &'static str {
        match self {
            Self::Success => "allowed, done",
            Self::Denied => "denied by policy",
            Self::Usage => "usage or configuration error",
            Self::Undetermined => {
                "could not find out: registry, network, time or size limit; trying again may help"
            }
            Self::NotYet => {
                "not yet: only approvals, a ticket, time to soak or the end of a freeze are missing"
            }
            Self::NothingSigned => "nothing signed was found",
            Self::Untrusted => "signed, but by nobody the policy trusts",
            Self::Invalid => {
                "a signature, certificate, log proof or timestamp is invalid (tampering)"
            }
            Self::OtherSubject => "the evidence is about another subject",
            Self::Outdated => "expired, stale or revoked",
            Self::Internal => "internal error",
            Self::Interrupted => "interrupted",
            Self::Child(_) => "the command that `bulla run` started failed",
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_those_the_documentation_promises() {
        let codes: Vec<u8> = Exit::ALL.iter().map(|exit| exit.code()).collect();
        assert_eq!(codes, [0, 1, 2, 3, 4, 10, 11, 12, 13, 14, 70, 130]);
    }

    #[test]
    fn several_answers_have_one_code() {
        use Exit::{
            Denied, Internal, Invalid, NotYet, NothingSigned, Success, Undetermined, Untrusted,
            Usage,
        };
        for (exits, expected) in [
            (vec![], Internal),
            (vec![Success, Success], Success),
            (vec![Success, Untrusted, Untrusted], Untrusted),
            (vec![Untrusted, NothingSigned, Success], Denied),
            (vec![Undetermined, Invalid], Invalid),
            (vec![NotYet, Undetermined], Undetermined),
            (vec![NotYet, Success], NotYet),
            (vec![Invalid, Usage], Usage),
            (vec![Usage, Internal, Invalid], Internal),
        ] {
            assert_eq!(Exit::overall(&exits), expected, "{exits:?}");
        }
    }
}
