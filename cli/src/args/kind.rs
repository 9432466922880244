//! Kinds of steps, as they are typed.

use bulla_model::EdgeKind;
use clap::ValueEnum;

/// Kinds of steps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Kind {
    /// The normal step.
    #[default]
    Promote,
    /// A fix on a shorter way.
    Hotfix,
    /// Outside the normal gates, in an emergency.
    BreakGlass,
    /// From outside the chain.
    Import,
    /// Out of service.
    Retire,
    /// Back to what ran before.
    Rollback,
}

impl From<Kind> for EdgeKind {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Promote => Self::Promote,
            Kind::Hotfix => Self::Hotfix,
            Kind::BreakGlass => Self::BreakGlass,
            Kind::Import => Self::Import,
            Kind::Retire => Self::Retire,
            Kind::Rollback => Self::Rollback,
        }
    }
}
