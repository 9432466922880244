//! The question about a layout, and its answer.

use std::collections::BTreeMap;

use bulla_model::in_toto::{Artifacts, Layout, Metadata, MetadataContent};
use bulla_model::{Digest, KeyId, Limits};
use jiff::Timestamp;
use serde::Serialize;

use super::check::{Checks, LayoutCheck};
use super::key::LayoutKey;
use super::rules::Flow;
use super::walk::{Place, Walk};
use crate::cause::Cause;
use crate::verdict::{Decision, Outcome};

/// What is asked, with everything the answer may depend on.
#[derive(Clone, Copy)]
#[expect(missing_debug_implementations, reason = "holds a callback")]
pub struct LayoutQuestion<'a> {
    /// The layout, in either wrapping.
    pub layout: &'a [u8],
    /// The keys of its owners, all of which must have signed it.
    pub keys: &'a [LayoutKey],
    /// Links by path: `STEP.KEYID.link`, of which the key id's first eight characters, and those of
    /// a step that is a layout itself below `STEP.KEYID/`.
    pub links: &'a BTreeMap<String, Vec<u8>>,
    /// Files, by name, that must be products of the last step.
    pub products: &'a [(String, Vec<Digest>)],
    /// What was in the folder before and after an inspection's command was run, by its name.
    pub inspected: &'a BTreeMap<String, Inspected>,
    /// What the layout's parameters stand for.
    pub parameters: &'a BTreeMap<String, String>,
    /// The time to judge at.
    pub now: Timestamp,
    /// Bounds.
    pub limits: &'a Limits,
    /// Asked between documents; `true` ends the work with "could not find out".
    pub cancelled: &'a dyn Fn() -> bool,
}

/// A folder before and after an inspection's command, which whoever asks says has succeeded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inspected {
    /// What was there before.
    pub materials: Artifacts,
    /// What is there after.
    pub products: Artifacts,
}

/// The answer.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LayoutVerdict {
    /// The answer.
    pub decision: Decision,
    /// Why it is not "allow".
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<Cause>,
    /// Digest of the layout, in the form that is signed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub layout: Option<Digest>,
    /// When the layout ends.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires: Option<Timestamp>,
    /// The steps whose links were found, in the layout's order.
    pub steps: Vec<StepReport>,
    /// What was checked, in order.
    pub checks: Vec<LayoutCheck>,
    /// What decided nothing and should be known.
    pub notes: Vec<String>,
}

/// A step and who carried it out.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StepReport {
    /// The step, with the folder of its layout.
    pub name: String,
    /// How many different keys had to agree.
    pub threshold: usize,
    /// The keys that did.
    pub signers: Vec<KeyId>,
    /// How many artifacts went in.
    pub materials: usize,
    /// How many came out.
    pub products: usize,
}

impl LayoutVerdict {
    /// The process exit code: 0 only for "allow", 2 where the parameters are wrong.
    pub fn exit_code(&self) -> u8 {
        if self.unfilled().is_some() {
            return 2;
        }
        match (self.decision, self.cause) {
            (Decision::Allow, None) => 0,
            (_, Some(cause)) => cause.exit_code(),
            (_, None) => 70,
        }
    }

    /// Why the parameters of the question do not fill in the layout, if they do not: then what was
    /// asked is wrong, whatever else was found.
    pub fn unfilled(&self) -> Option<&str> {
        let failed = |check: &&LayoutCheck| {
            check.name == PARAMETERS && matches!(check.outcome, Outcome::Failed(_))
        };
        Some(self.checks.iter().find(failed)?.found.as_str())
    }
}

/// The name of the check whether every parameter is filled in.
pub(super) const PARAMETERS: &str = "parameters";

/// Decides whether a layout was followed.
pub fn verify_layout(question: &LayoutQuestion<'_>) -> LayoutVerdict {
    let mut checks = Checks::default();
    let mut steps = Vec::new();
    let layout = signed_layout(question, &mut checks);
    if let Some((layout, _)) = &layout {
        let mut walk = Walk::new(question, &mut checks);
        let last = walk.supply_chain(layout, question.parameters, &Place::root());
        steps = walk.steps;
        if let Some(last) = last {
            products(question, &last, &mut checks);
        }
    }
    let cause = checks.cause();
    let (expires, digest) = layout
        .map(|(layout, digest)| (layout.expires, digest))
        .unzip();
    LayoutVerdict {
        decision: match cause {
            None => Decision::Allow,
            Some(Cause::Undetermined) => Decision::Undetermined,
            Some(_) => Decision::Deny,
        },
        cause,
        layout: digest,
        expires,
        steps,
        checks: checks.list,
        notes: checks.notes,
    }
}

/// The layout, if every key has signed it; nothing of another one is read.
fn signed_layout(question: &LayoutQuestion<'_>, checks: &mut Checks) -> Option<(Layout, Digest)> {
    let at = ("layout", "");
    let parsed = Metadata::parse(question.layout, question.limits);
    let metadata = match parsed {
        Ok(metadata) => metadata,
        Err(error) => {
            checks.step(at, false, Cause::Invalid, "a layout", error.to_string());
            return None;
        }
    };
    let MetadataContent::Layout(layout) = metadata.content() else {
        checks.step(at, false, Cause::Invalid, "a layout", "a link");
        return None;
    };
    let at = ("signature", "");
    if question.keys.is_empty() {
        checks.step(at, false, Cause::Untrusted, "a key", "none was given");
        return None;
    }
    let mut signed = true;
    for key in question.keys {
        let expected = format!("a signature by {}", key.key().id());
        signed &= match key.signed(&metadata) {
            Ok(()) => checks.step(at, true, Cause::Invalid, expected, "a valid one"),
            Err(Cause::Invalid) => checks.step(
                at,
                false,
                Cause::Invalid,
                expected,
                "one that does not match",
            ),
            Err(cause) => checks.step(at, false, cause, expected, "none by this key"),
        };
    }
    signed.then(|| ((**layout).clone(), metadata.payload_digest().clone()))
}

/// Compares files with the products of the last step.
fn products(question: &LayoutQuestion<'_>, last: &Flow, checks: &mut Checks) {
    if question.products.is_empty() {
        checks.note("no file was compared with the products: the layout was followed by somebody, to make whatever its last step says");
    }
    for (name, digests) in question.products {
        let below = format!("/{name}");
        let named = last
            .products
            .iter()
            .filter(|(path, _)| path == name || path.ends_with(&below));
        let mut found = "no product of this name".to_owned();
        let mut holds = false;
        for (path, set) in named {
            let compared: Vec<bool> = digests
                .iter()
                .filter_map(|digest| Some(set.known(digest.algorithm())? == *digest))
                .collect();
            holds |= !compared.is_empty() && compared.iter().all(|same| *same);
            found = if holds {
                format!("`{path}`")
            } else {
                format!("`{path}` with another digest")
            };
            if holds {
                break;
            }
        }
        let expected = "a product of the last step".to_owned();
        checks.step(
            ("product", name),
            holds,
            Cause::OtherSubject,
            expected,
            found,
        );
    }
}
