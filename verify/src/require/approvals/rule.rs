//! The rule on approvals, as policies write it.

use std::fmt;

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

use bulla_model::Role;

use crate::code::Code;
use crate::policy::{Age, Parts, Place, PolicyError, Scope, Value};
use crate::question::Context;
use crate::require::{Requirement, StepAtHand, any_of, at_most};
use crate::verdict::Report;

/// Approvals by persons.
#[derive(Clone, Debug)]
pub struct ApprovalsRule {
    /// How many distinct persons.
    pub threshold: usize,
    /// Roles of which each must hold one; empty means any person.
    pub roles: Vec<Role>,
    /// Who may not approve.
    pub exclude: Vec<Exclusion>,
    /// How old an approval may be.
    pub max_age: Option<SignedDuration>,
    /// Where it is written.
    pub place: Place,
}

/// Who may not approve.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Exclusion {
    /// Who wrote the change, as provenance names them.
    Author,
    /// Who signed the provenance.
    Builder,
    /// Who signs the promotion.
    Promoter,
    /// Who asked for it: the promotion's signer.
    Requester,
}

impl Exclusion {
    /// Who is excluded where a policy says nothing.
    pub const DEFAULT: &'static [Self] =
        &[Self::Author, Self::Builder, Self::Promoter, Self::Requester];

    /// How it is told of somebody who is excluded.
    pub(super) fn told(self) -> (Code, &'static str) {
        match self {
            Self::Author => (Code::ApproverIsAuthor, "wrote the change"),
            Self::Builder => (Code::ApproverIsBuilder, "built this artifact"),
            Self::Promoter | Self::Requester => (Code::ApproverIsPromoter, "promotes it"),
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Author => "author",
            Self::Builder => "builder",
            Self::Promoter => "promoter",
            Self::Requester => "requester",
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Wire {
    threshold: usize,
    #[serde(default)]
    roles: Vec<Role>,
    #[serde(default)]
    exclude: Option<Vec<Exclusion>>,
    #[serde(default)]
    max_age: Option<Age>,
}

impl Requirement for ApprovalsRule {
    type Wire = Wire;

    fn read(wire: Wire, place: Place, _: &Scope<'_>) -> Result<Self, PolicyError> {
        if wire.threshold == 0 {
            // F18: a threshold of none has been accepted as "satisfied".
            let reason = "`threshold` is 0: leave `approvals` out instead".into();
            return Err(PolicyError::Rule { place, reason });
        }
        Ok(Self {
            threshold: wire.threshold,
            roles: wire.roles,
            exclude: wire.exclude.unwrap_or_else(|| Exclusion::DEFAULT.to_vec()),
            max_age: wire.max_age.map(|age| age.0),
            place,
        })
    }

    fn parts(&self) -> Option<Parts<'_>> {
        let names = self.exclude.iter().map(|one| one.name());
        let parts = vec![
            ("threshold", Value::Count(self.threshold)),
            ("roles", Value::limit(&self.roles)),
            ("exclude", Value::Out(names.map(str::to_owned).collect())),
            ("maxAge", Value::AtMost(self.max_age)),
        ];
        let place = &self.place;
        Some(Parts { place, parts })
    }

    fn judge(&self, context: &Context<'_>, step: &StepAtHand<'_>, report: &mut Report) {
        super::judge(context, step, self, report);
    }
}

impl fmt::Display for ApprovalsRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let roles: Vec<_> = self.roles.iter().map(Role::as_str).collect();
        let roles = any_of(&roles, "anybody the policy knows");
        let names = self.exclude.iter().map(|one| one.name());
        let exclude = names.collect::<Vec<_>>().join(", ");
        let exclude = if exclude.is_empty() {
            "nobody excluded".to_owned()
        } else {
            format!("not by {exclude}")
        };
        let (threshold, age, place) = (self.threshold, at_most(self.max_age), &self.place);
        write!(
            f,
            "{threshold} approvals by distinct persons ({roles}), {exclude}, {age}   [{place}]"
        )
    }
}
