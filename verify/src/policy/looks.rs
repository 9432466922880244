//! What of the evidence a policy looks at, so that the rest need not be fetched.

use bulla_model::Identity;
use bulla_model::predicate::vsa;

use super::Policy;
use crate::require::{ConditionRule, Coverage, Requirements};

impl Policy {
    /// Whether any step takes a bill of materials, in this version or an earlier one, or a component
    /// can be revoked.
    pub(crate) fn takes_sboms(&self) -> bool {
        self.knows_revocations()
            || self.sbom_signers().next().is_some()
            || self.predecessors.iter().any(Self::takes_sboms)
    }

    /// Whether a bill of materials by this signer could count for some step, in this version or an
    /// earlier one, whenever it was signed; of whoever is named at all, a revoked component counts.
    pub(crate) fn takes_sboms_of(&self, signer: &Identity) -> bool {
        let mut named = self.identities.values().flatten();
        if self.knows_revocations() && named.any(|rule| rule.is_of(signer)) {
            return true;
        }
        let by = self.sbom_signers();
        let mut rules = by.filter_map(|name| self.identities.get(name)).flatten();
        rules.any(|rule| rule.is_of(signer))
            || self
                .predecessors
                .iter()
                .any(|policy| policy.takes_sboms_of(signer))
    }

    /// Whether any requirement asks about each platform of an image, in this version or an earlier one:
    /// then what is beside the platforms is evidence too.
    pub fn asks_about_platforms(&self) -> bool {
        self.required().any(Requirements::ask_about_platforms)
            || self.predecessors.iter().any(Self::asks_about_platforms)
    }

    /// The same of provenance.
    pub(crate) fn asks_for_builds_of_platforms(&self) -> bool {
        let asks = |require: &Requirements| {
            let rule = require.provenance.as_ref();
            rule.is_some_and(|rule| rule.coverage != Coverage::Index)
        };
        self.required().any(asks)
            || self
                .predecessors
                .iter()
                .any(Self::asks_for_builds_of_platforms)
    }

    /// Whether any requirement reads verification summaries, in this version or an earlier one.
    /// Where none does, no verdict on an environment or a step depends on one: promotions are judged
    /// by their own signatures, and the summaries that `promote` writes beside them are for others.
    pub fn takes_summaries(&self) -> bool {
        self.required().any(|require| {
            let provenance = require.provenance.as_ref();
            let conditions = require.conditions.iter().flat_map(|rule| &rule.all);
            provenance.is_some_and(|rule| rule.source_vsa.is_some() || rule.build_vsa.is_some())
                || conditions
                    .flat_map(ConditionRule::types)
                    .any(|kind| kind == vsa::TYPE)
        }) || self.predecessors.iter().any(Self::takes_summaries)
    }

    /// The identities whose bills of materials some requirement looks at.
    fn sbom_signers(&self) -> impl Iterator<Item = &String> {
        self.required().flat_map(|require| {
            let sbom = require.sbom.iter().flat_map(|rule| &rule.by);
            let conditions = require.conditions.iter().flat_map(|rule| &rule.all);
            let of_bills = conditions.filter(|rule| rule.is_about_bills());
            sbom.chain(of_bills.flat_map(|rule| &rule.by))
        })
    }
}
