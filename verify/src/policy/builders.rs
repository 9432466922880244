//! Builders, and the level of SLSA's build track that the policy's owner trusts each of them up to.
//!
//! These are the roots of trust of <https://slsa.dev/spec/v1.1/verifying-artifacts>: a level belongs to
//! signer and builder id together. The id alone is only what the signer says.

use jiff::Timestamp;
use serde::Deserialize;
use serde_saphyr::Spanned;

use bulla_model::Identity;

use super::identity::Matched;
use super::parse::{PolicyError, pattern, rule};
use super::place::Place;
use super::scope::Scope;
use crate::eligible::match_any;
use crate::pattern::Pattern;
use crate::policy::Policy;
use crate::verified::SignedTime;

/// The level of every provenance that is signed and well formed: that it exists.
pub(crate) const LOWEST: u8 = 1;
/// The highest level of the build track.
pub(crate) const HIGHEST: u8 = 3;

/// A builder.
#[derive(Clone, Debug)]
pub struct BuilderRule {
    /// The `builder.id` that provenance says.
    pub id: Pattern,
    /// Identities that sign for it.
    pub by: Vec<String>,
    /// The level it is trusted up to.
    pub level: u8,
    /// Where it is written.
    pub place: Place,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct BuilderWire {
    id: String,
    by: Vec<String>,
    level: u8,
}

impl Scope<'_> {
    pub(super) fn builders(
        &self,
        wires: Vec<Spanned<BuilderWire>>,
    ) -> Result<Vec<BuilderRule>, PolicyError> {
        let read = |wire: Spanned<BuilderWire>| {
            let place = self.place(wire.referenced);
            let wire = wire.value;
            if wire.id.is_empty() {
                let reason = "`id` is empty: write the `builder.id` that provenance has";
                return Err(rule(&place, reason.to_owned()));
            }
            if !(LOWEST..=HIGHEST).contains(&wire.level) {
                let reason = format!(
                    "`level` is {}: the build track of SLSA has {LOWEST} to {HIGHEST}",
                    wire.level
                );
                return Err(rule(&place, reason));
            }
            Ok(BuilderRule {
                id: pattern(&wire.id),
                by: self.names(wire.by, &place)?,
                level: wire.level,
                place,
            })
        };
        wires.into_iter().map(read).collect()
    }
}

impl Policy {
    /// The level of what this signer says that this builder built: the least of the rules that are about
    /// both, so that an exception counts wherever it is written.
    pub(crate) fn build_level(
        &self,
        current: &Self,
        builder: &str,
        (signer, time): (&Identity, SignedTime),
        now: Timestamp,
    ) -> u8 {
        let about = self.builders.iter().filter(|rule| {
            let matched = match_any(self, current, &rule.by, signer, time, now);
            rule.id.matches(builder) && matched == Matched::Yes
        });
        about.map(|rule| rule.level).min().unwrap_or(LOWEST)
    }
}
