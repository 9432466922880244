//! Bills of materials beside the platforms of an index: a component that was revoked may be in any.

use bulla_model::predicate::revocation::{self, Target};
use bulla_model::predicate::{Revocation, is_cyclonedx, is_spdx};
use bulla_model::{Bundle, Digest, Limits, Statement};
use bulla_registry::Store as _;
use bulla_verify::{Attestation, AttestationForm, Evidence};

use super::evidence;
use super::image::OpenImage;
use crate::Failure;

/// Platforms whose bills of materials are looked at. Stops an index that has very many lists asked for.
const PLATFORMS: usize = 64;

/// Adds the bills of materials beside each platform of an index, where some revocation that is at
/// hand names a component, whoever signed it. Statements about a platform count for nothing else.
///
/// To be called when the ledger is there.
pub async fn add(image: &OpenImage, evidence: &mut Evidence) -> Result<(), Failure> {
    let limits = image.evidence.limits().clone();
    let mut attestations = evidence
        .ledger
        .attestations
        .iter()
        .chain(&evidence.attestations);
    if !attestations.any(|one| revokes_component(one, &limits)) {
        return Ok(());
    }
    let platforms = platforms(evidence);
    if platforms.len() > PLATFORMS {
        let line = format!("bills of materials beside more than {PLATFORMS} platforms");
        evidence.unavailable.push(line);
    }
    for platform in platforms.iter().take(PLATFORMS) {
        let beside = evidence::beside(image, platform).await?;
        evidence.truncated |= beside.truncated;
        evidence.unavailable.extend(beside.unavailable);
        let bills = beside.attestations.into_iter();
        evidence
            .attestations
            .extend(bills.filter(|one| is_bill(one, &limits)));
    }
    Ok(())
}

/// What the image lists that is no index itself.
fn platforms(evidence: &Evidence) -> Vec<Digest> {
    let reached = evidence.reached();
    let covering = evidence.covering();
    let is_index = |digest: &Digest| evidence.indexes.iter().any(|one| one.digest() == digest);
    let platforms = reached
        .digests()
        .filter(|digest| !covering.contains(digest) && !is_index(digest));
    platforms.cloned().collect()
}

fn statement(attestation: &Attestation, limits: &Limits) -> Option<Statement> {
    let AttestationForm::Bundle(bytes) = &attestation.form else {
        return None;
    };
    let bundle = Bundle::parse(bytes.clone(), limits).ok()?;
    Statement::parse(bundle.envelope()?.payload(), limits).ok()
}

fn revokes_component(attestation: &Attestation, limits: &Limits) -> bool {
    let said = statement(attestation, limits);
    let said = said.filter(|one| one.predicate_type().as_str() == revocation::TYPE);
    said.and_then(|one| one.predicate::<Revocation>().ok())
        .is_some_and(|said| {
            let mut targets = said.targets.iter();
            targets.any(|target| matches!(target, Target::Component { .. }))
        })
}

/// Whether it claims to be one; cosign's older layers are looked at by who verifies.
fn is_bill(attestation: &Attestation, limits: &Limits) -> bool {
    if matches!(attestation.form, AttestationForm::Cosign(_)) {
        return true;
    }
    statement(attestation, limits).is_some_and(|said| {
        let kind = said.predicate_type().as_str();
        is_cyclonedx(kind) || is_spdx(kind)
    })
}
