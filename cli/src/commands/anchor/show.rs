//! `bulla anchor show`: what this verifier is told out of band.

use std::collections::BTreeMap;

use bulla_model::{Digest, Environment, KeyId};
use bulla_verify::policy::IdentityRule;
use bulla_verify::relay::RelayRule;
use bulla_verify::{Anchor, LedgerRule};
use serde::Serialize;

use super::Read;
use crate::args::anchor::Show;
use crate::commands::Context;
use crate::render::{Page, Report};
use crate::{Exit, Failure};

pub(super) fn run(arguments: &Show, context: &Context) -> Result<Exit, Failure> {
    let read = Read::local(arguments.anchor.as_deref(), context)?;
    context.printer.report(&ShowReport::of(&read.anchor))?;
    Ok(Exit::Success)
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ShowReport {
    name: String,
    version: u64,
    digest: Digest,
    #[serde(skip_serializing_if = "Option::is_none")]
    previous: Option<Digest>,
    threshold: usize,
    owners: Vec<KeyId>,
    must_sign: bool,
    environments: Vec<Environment>,
    audience: Vec<String>,
    /// The lowest version of each policy that is acceptable.
    minimum: BTreeMap<String, u64>,
    ledger: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ledger_location: Option<String>,
    relays: Vec<String>,
}

impl ShowReport {
    fn of(anchor: &Anchor) -> Self {
        let ledger = anchor.ledger().into_iter().flat_map(LedgerRule::owners);
        let location = anchor.ledger().and_then(LedgerRule::location);
        Self {
            name: anchor.name().to_owned(),
            version: anchor.version(),
            digest: anchor.digest().clone(),
            previous: anchor.previous().cloned(),
            threshold: anchor.threshold(),
            owners: anchor.owners().iter().map(|key| key.id().clone()).collect(),
            must_sign: anchor.must_sign(),
            environments: anchor.environments().to_vec(),
            audience: anchor.audience().to_vec(),
            minimum: anchor.minimums().clone(),
            ledger: ledger.map(IdentityRule::describe).collect(),
            ledger_location: location.map(ToOwned::to_owned),
            relays: anchor.relays().iter().map(RelayRule::tell).collect(),
        }
    }
}

impl Report for ShowReport {
    fn human(&self, page: &mut Page) {
        page.line(format!("anchor {}, version {}", self.name, self.version));
        let mut row = |label: &str, text: String| page.row(1, [label.into(), text.into()]);
        row("digest", self.digest.to_string());
        if let Some(previous) = &self.previous {
            row("previous", previous.to_string());
        }
        let (threshold, count) = (self.threshold, self.owners.len());
        row("threshold", format!("{threshold} of {count} owners"));
        for owner in &self.owners {
            row("owner", owner.to_string());
        }
        let unsigned = if self.must_sign { "refused" } else { "allowed" };
        row("unsigned policies", unsigned.to_owned());
        let environments = self.environments.iter().map(ToString::to_string);
        let or_any = |texts: Vec<String>| {
            if texts.is_empty() {
                "any".to_owned()
            } else {
                texts.join(", ")
            }
        };
        row("environments", or_any(environments.collect()));
        row("audience", or_any(self.audience.clone()));
        for (policy, version) in &self.minimum {
            row("minimum", format!("{policy}: version {version}"));
        }
        for owner in &self.ledger {
            row("ledger of", owner.clone());
        }
        if let Some(location) = &self.ledger_location {
            row("ledger at", location.clone());
        }
        for relay in &self.relays {
            let relay = relay.strip_prefix("relay of ").unwrap_or(relay);
            row("relay of", relay.to_owned());
        }
    }
}
