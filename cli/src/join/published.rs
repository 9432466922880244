//! Whether the policy's owners published it, as far as the anchor asks for that.

use bulla_model::Limits;
use bulla_verify::{Anchor, Policy, State, owned};
use jiff::Timestamp;

use super::rules::Rules;
use crate::Failure;
use crate::failure::FailureKind;

/// What the owners of a policy have to do with its files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// No anchor asks.
    NotAsked,
    /// Enough of them signed these files, at this time by their word.
    Published(Timestamp),
    /// They did not.
    Unsigned,
}

impl Standing {
    /// Whether enough owners signed the policy, in the name of an environment that the anchor lists.
    pub(super) fn of(
        policy: &Policy,
        anchor: Option<&Anchor>,
        now: Timestamp,
        limits: &Limits,
    ) -> Self {
        let Some(anchor) = anchor.filter(|anchor| anchor.must_sign()) else {
            return Self::NotAsked;
        };
        let environments = policy.environments().map(|(_, rule)| &rule.uri);
        let ours = environments.filter(|uri| anchor.environments().contains(uri));
        let signed = ours.filter_map(|uri| {
            let owned = owned(policy, anchor, uri, now, limits);
            let enough = owned.is_enough(anchor.threshold());
            let best = owned.best().filter(|_| enough)?;
            Some(best.said.issued_at)
        });
        // Each scope is signed by itself, and what is remembered is held against all of them.
        signed.min().map_or(Self::Unsigned, Self::Published)
    }
}

impl Rules {
    /// Whether the policy is one that its owners published, as far as the anchor asks for that.
    pub fn is_published(&self) -> bool {
        self.published != Standing::Unsigned
    }

    /// Whether the owners signed other files of this version later, as far as was seen.
    pub fn is_older_than(&self, seen: &State) -> bool {
        match (self.published, seen.published(&self.policy)) {
            (Standing::Published(own), Some(seen)) => own < seen,
            _ => false,
        }
    }

    /// Refuses to sign anything on the word of a policy that its owners did not sign: what is signed
    /// cannot be taken back.
    pub fn must_be_published(&self) -> Result<(), Failure> {
        if self.is_published() {
            return Ok(());
        }
        let wrong = "the policy's owners did not sign these files, and the anchor demands it";
        Err(Failure::new(FailureKind::Configuration, wrong)
            .with_hint("bulla policy check says who signed what is there"))
    }

    /// Remembers the policy, and when its owners signed it; answers whether anything changed.
    pub fn remember_in(&self, state: &mut State) -> bool {
        let newer = state.remember(&self.policy);
        let signed = match self.published {
            Standing::Published(issued_at) => state.remember_published(&self.policy, issued_at),
            Standing::NotAsked | Standing::Unsigned => false,
        };
        newer || signed
    }
}
