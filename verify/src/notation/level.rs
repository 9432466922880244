//! Levels: which validations are enforced, which only said.

use serde::Serialize;

/// What is validated, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Validation {
    /// The signature is over these bytes and this artifact. Always enforced.
    Integrity,
    /// A trusted identity signed.
    Authenticity,
    /// It was signed while the certificates were valid.
    AuthenticTimestamp,
    /// The artifact is within the time its signer meant it for.
    Expiry,
    /// The signer is still trusted.
    Revocation,
}

impl Validation {
    /// Every validation, in the order of [`Level`]'s actions.
    pub const ALL: [Self; 5] = [
        Self::Integrity,
        Self::Authenticity,
        Self::AuthenticTimestamp,
        Self::Expiry,
        Self::Revocation,
    ];

    /// Its name in policies.
    pub fn name(self) -> &'static str {
        match self {
            Self::Integrity => "integrity",
            Self::Authenticity => "authenticity",
            Self::AuthenticTimestamp => "authenticTimestamp",
            Self::Expiry => "expiry",
            Self::Revocation => "revocation",
        }
    }
}

/// What a failed validation does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// It refuses the signature.
    Enforce,
    /// It is said.
    Log,
    /// Nothing is validated.
    Skip,
}

impl Action {
    /// Its name in policies.
    pub fn name(self) -> &'static str {
        match self {
            Self::Enforce => "enforce",
            Self::Log => "log",
            Self::Skip => "skip",
        }
    }

    pub(super) fn named(name: &str) -> Option<Self> {
        [Self::Enforce, Self::Log, Self::Skip]
            .into_iter()
            .find(|action| action.name() == name)
    }
}

/// A level, with what the policy changed about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Level {
    name: &'static str,
    /// In the order of [`Validation::ALL`].
    actions: [Action; 5],
}

impl Level {
    /// The level with this name: `strict`, `permissive`, `audit` or `skip`.
    pub(super) fn named(name: &str) -> Option<Self> {
        use Action::{Enforce, Log, Skip};
        let levels = [
            ("strict", [Enforce; 5]),
            ("permissive", [Enforce, Enforce, Log, Log, Log]),
            ("audit", [Enforce, Log, Log, Log, Log]),
            (SKIP, [Skip; 5]),
        ];
        let mut levels = levels.into_iter();
        let (name, actions) = levels.find(|(own, _)| *own == name)?;
        Some(Self { name, actions })
    }

    /// The same with another action; the reason if the specification does not allow it.
    pub(super) fn with(mut self, validation: &str, action: &str) -> Result<Self, &'static str> {
        if self.is_skip() {
            return Err("the level skip has nothing to override");
        }
        let mut all = self.actions.iter_mut().zip(Validation::ALL);
        let (own, validation) = all
            .find(|(_, known)| known.name() == validation)
            .ok_or("it names none of authenticity, authenticTimestamp, expiry and revocation")?;
        let action = Action::named(action).ok_or("it is none of enforce, log and skip")?;
        if validation == Validation::Integrity {
            return Err("integrity is always enforced");
        }
        if action == Action::Skip && validation != Validation::Revocation {
            return Err("only revocation can be skipped");
        }
        *own = action;
        Ok(self)
    }

    /// Its name.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Whether nothing is verified at all.
    pub fn is_skip(&self) -> bool {
        self.name == SKIP
    }

    /// What a failed validation does.
    pub fn action(&self, validation: Validation) -> Action {
        let all = Validation::ALL.iter().zip(self.actions);
        let mut own = all.filter(|(known, _)| **known == validation);
        own.next().map_or(Action::Enforce, |(_, action)| action)
    }
}

const SKIP: &str = "skip";
