//! `bulla anchor sign`: an owner says that this file takes the place of the anchor.

use std::collections::BTreeSet;

use bulla_attest::Signer as _;
use bulla_model::{Envelope, EnvelopeSignature, KeyId, Pae};
use bulla_verify::anchor::{PAYLOAD_TYPE, RotationError, signers_of};
use bulla_verify::{Anchor, PublicKey};
use serde::Serialize;

use super::{Read, put_changes};
use crate::args::anchor::Sign;
use crate::commands::Context;
use crate::escape::escape;
use crate::failure::FailureKind;
use crate::join::{consent, key};
use crate::lock::Lock;
use crate::output::write_atomic;
use crate::render::{Cell, Page, Report};
use crate::{Exit, Failure};

/// Adds a signature to those that are there, of the file's bytes as they are.
pub(super) async fn run(arguments: Sign, context: &Context) -> Result<Exit, Failure> {
    let old = Read::local(arguments.anchor.as_deref(), context)?;
    let new = Read::from(&arguments.new, context)?;
    old.anchor
        .precedes(&new.anchor)
        .map_err(|error| unfit(&error))?;
    let before = kept((&old.anchor, &new), context)?;
    let signer = key::signer(context, &arguments.key).await?;
    let own = signer.public_key().key_id();
    let owners = all_owners(&old.anchor, &new.anchor);
    if !owners.iter().any(|owner| *owner.id() == own) {
        return Err(Failure::usage(format_args!(
            "key {own} is no owner of either anchor: no verifier would count it"
        ))
        .with_hint("sign with a key that one of them lists under `owners`"));
    }
    let path = new.signatures_path();
    let count = |signatures: &[EnvelopeSignature]| {
        let envelope = Envelope::new(new.bytes.clone(), PAYLOAD_TYPE, signatures.to_vec());
        let json = envelope.to_json();
        let by = signers_of(&new.anchor, &new.bytes, &json, &owners, &context.limits);
        by.map(|by| (json, by)).map_err(|error| unfit(&error))
    };
    let is_own = |one: &EnvelopeSignature| one.key_id.as_deref() == Some(own.hint().as_str());
    if before.iter().any(is_own) {
        let (_, by) = count(&before)?;
        let report = SignReport::of(&old.anchor, &new.anchor, &by);
        context.printer.report(&report)?;
        return Ok(Exit::Success);
    }
    confirm(&arguments, context, (&old, &new), &own)?;
    let signature = signer.sign(&Pae::new(PAYLOAD_TYPE, &new.bytes)).await;
    let signature = signature?;
    // Another owner may have signed while this one was asked.
    let _lock = Lock::of(&path)?;
    let mut signatures = kept((&old.anchor, &new), context)?;
    signatures.retain(|one| !is_own(one));
    signatures.push(EnvelopeSignature {
        key_id: Some(own.hint()),
        signature,
    });
    let (json, by) = count(&signatures)?;
    if !by.contains(&own) {
        let wrong = "the new signature does not verify, so nothing was written";
        return Err(Failure::new(FailureKind::Input, wrong).with_hint("leave --key-scheme away"));
    }
    write_atomic(&path, &json)?;
    let mut report = SignReport::of(&old.anchor, &new.anchor, &by);
    report.file = Some(path.display().to_string());
    context.printer.report(&report)?;
    Ok(Exit::Success)
}

/// The signatures of owners that are there; what is none is left out.
fn kept(
    (old, new): (&Anchor, &Read),
    context: &Context,
) -> Result<Vec<EnvelopeSignature>, Failure> {
    let Some(bytes) = new.signatures(context)? else {
        return Ok(Vec::new());
    };
    let limits = &context.limits;
    let path = new.signatures_path();
    let owners = all_owners(old, &new.anchor);
    let again = |error: RotationError| {
        unfit(&error).with_hint(format_args!(
            "if the new anchor was changed since, it is signed anew: remove {}",
            path.display()
        ))
    };
    let by = signers_of(&new.anchor, &new.bytes, &bytes, &owners, limits).map_err(again)?;
    let envelope = Envelope::parse(&bytes, limits).map_err(|error| again(error.into()))?;
    let mut kept = Vec::new();
    for owner in owners.iter().filter(|owner| by.contains(owner.id())) {
        let own = envelope.signatures().iter().cloned();
        let own = own.filter(|one| one.key_id.as_deref() == Some(owner.id().hint().as_str()));
        // Of several by one key, one that holds.
        kept.extend(own.into_iter().find(|one| {
            let alone = Envelope::new(new.bytes.clone(), PAYLOAD_TYPE, vec![one.clone()]);
            let json = alone.to_json();
            signers_of(&new.anchor, &new.bytes, &json, &owners, limits)
                .is_ok_and(|by| !by.is_empty())
        }));
    }
    Ok(kept)
}

/// The owners of both, each once.
fn all_owners(old: &Anchor, new: &Anchor) -> Vec<PublicKey> {
    let joining = new.owners().iter();
    let joining = joining.filter(|key| !old.owners().contains(key));
    old.owners().iter().chain(joining).cloned().collect()
}

/// A file that cannot be signed as it is.
fn unfit(error: &RotationError) -> Failure {
    Failure::usage(error)
}

fn confirm(
    arguments: &Sign,
    context: &Context,
    (old, new): (&Read, &Read),
    own: &KeyId,
) -> Result<(), Failure> {
    let mut page = Page::default();
    let changes = old.anchor.changes_to(&new.anchor);
    put_changes(&mut page, (&old.anchor, &new.anchor), &changes);
    if arguments.yes {
        context.printer.note(page);
        return Ok(());
    }
    context.printer.announce(page);
    consent::answerable(context)?;
    consent::ask(&format!(
        "sign this as {}? [y/N] ",
        escape(&own.to_string())
    ))
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SignReport {
    version: u64,
    old: Side,
    new: Side,
    /// Where the signatures are; absent if the signer's was there already.
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<String>,
}

/// Which owners of one anchor signed.
#[derive(Serialize)]
struct Side {
    by: BTreeSet<KeyId>,
    threshold: usize,
}

impl Side {
    fn of(anchor: &Anchor, by: &BTreeSet<KeyId>) -> Self {
        let own = anchor.owners().iter().map(PublicKey::id);
        Self {
            by: own.filter(|id| by.contains(*id)).cloned().collect(),
            threshold: anchor.threshold(),
        }
    }
}

impl SignReport {
    fn of(old: &Anchor, new: &Anchor, by: &BTreeSet<KeyId>) -> Self {
        Self {
            version: new.version(),
            old: Side::of(old, by),
            new: Side::of(new, by),
            file: None,
        }
    }
}

impl Report for SignReport {
    fn human(&self, page: &mut Page) {
        let label = match self.file {
            Some(_) => "signed",
            None => "already signed",
        };
        page.labelled(
            &Cell::good(label),
            &format!("anchor version {}", self.version),
        );
        for (whose, side) in [("old", &self.old), ("new", &self.new)] {
            let (by, threshold) = (side.by.len(), side.threshold);
            page.indented(
                1,
                format!("by {by} owners of the {whose} anchor, {threshold} needed"),
            );
        }
        if let Some(file) = &self.file {
            page.indented(1, file.as_str());
        }
    }
}
