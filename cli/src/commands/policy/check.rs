//! `bulla policy check`: what is wrong with a policy, and what it hardly means.

use bulla_model::Limits;
use bulla_verify::{Owned, owned};
use jiff::Timestamp;
use serde::Serialize;

use crate::join::rules::{Rules, Source};
use crate::render::{Cell, Page, Report, shorten};

/// What a policy holds, and what is odd about it.
#[derive(Serialize)]
pub(super) struct CheckReport {
    name: String,
    version: u64,
    services: usize,
    environments: usize,
    steps: usize,
    persons: usize,
    /// Which owners signed it; absent where no anchor names owners.
    #[serde(skip_serializing_if = "Option::is_none")]
    signatures: Option<Signatures>,
    warnings: Vec<String>,
    sources: Vec<Source>,
}

impl CheckReport {
    pub(super) fn of(rules: &Rules, now: Timestamp, limits: &Limits) -> Self {
        let policy = &rules.policy;
        let relayed = rules.anchor.iter();
        let relayed = relayed.flat_map(|anchor| policy.relay_doubts(anchor));
        let doubts = policy.doubts(now).into_iter().chain(relayed);
        Self {
            name: policy.name().to_owned(),
            version: policy.version(),
            services: policy.services().count(),
            environments: policy.environments().count(),
            steps: policy.edges().len(),
            persons: policy.people().len(),
            signatures: Signatures::of(rules, now, limits),
            warnings: doubts
                .map(|doubt| format!("{}: {}", doubt.place, doubt.text))
                .collect(),
            sources: rules.sources.clone(),
        }
    }
}

impl Report for CheckReport {
    fn human(&self, page: &mut Page) {
        page.labelled(
            &Cell::good("ok"),
            &format!(
                "{} v{}: {} environments, {} steps, {} services, {} persons",
                self.name, self.version, self.environments, self.steps, self.services, self.persons
            ),
        );
        for source in &self.sources {
            page.row(
                1,
                [
                    source.what.into(),
                    source.path.as_str().into(),
                    shorten(&source.digest).into(),
                ],
            );
        }
        if let Some(signatures) = &self.signatures
            && (signatures.required || signatures.by > 0)
        {
            page.indented(1, signatures.line());
            for reason in &signatures.refused {
                page.indented(2, reason.as_str());
            }
            if signatures.required && !signatures.enough {
                let warning = "the anchor demands signatures, so this policy allows nothing";
                page.labelled(&Cell::attention("warning:"), warning);
            }
        }
        for warning in &self.warnings {
            page.labelled(&Cell::attention("warning:"), warning);
        }
    }
}

/// What the anchor's owners signed of the files at hand.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Signatures {
    by: usize,
    threshold: usize,
    required: bool,
    /// Whether it counts where it is required.
    enough: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    not_after: Option<Timestamp>,
    /// Why others do not count.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    refused: Vec<String>,
}

impl Signatures {
    fn of(rules: &Rules, now: Timestamp, limits: &Limits) -> Option<Self> {
        let anchor = rules.anchor.as_ref()?;
        let environments = rules.policy.environments();
        let mut each =
            environments.map(|(_, rule)| owned(&rules.policy, anchor, &rule.uri, now, limits));
        // The one that fewest signed: each has to be.
        let first = each.next()?;
        let count = |owned: &Owned| owned.best().map_or(0, |best| best.by.len());
        let owned = each.fold(first, |least, next| {
            if count(&next) < count(&least) {
                next
            } else {
                least
            }
        });
        let best = owned.best();
        Some(Self {
            by: best.map_or(0, |best| best.by.len()),
            threshold: anchor.threshold(),
            required: anchor.must_sign(),
            enough: owned.is_enough(anchor.threshold()),
            not_after: best.map(|best| best.said.not_after),
            refused: owned.reasons().map(str::to_owned).collect(),
        })
    }

    fn line(&self) -> String {
        let until = self.not_after;
        let until = until.map_or_else(String::new, |until| format!(", good until {until}"));
        let (by, threshold) = (self.by, self.threshold);
        format!("signed by {by} owners, {threshold} needed{until}")
    }
}
