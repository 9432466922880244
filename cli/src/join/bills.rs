//! Bills of materials beside the platforms of an index: a component that was revoked may be in any.

use std::sync::Arc;

use bulla_model::predicate::revocation::{self, Target};
use bulla_model::predicate::{Revocation, is_cyclonedx, is_spdx, reference};
use bulla_model::{Bundle, Digest, Limits, Scope, Statement};
use bulla_registry::Store as _;
use bulla_verify::{Attestation, AttestationForm, Evidence};
use jiff::Timestamp;

use super::image::OpenImage;
use super::rules::Rules;
use super::{blocking, evidence, verdict};
use crate::Failure;

/// Platforms and indexes within an index whose bills of materials are looked at. Stops an index that has
/// very many lists asked for.
const PARTS: usize = 64;

/// Adds the bills of materials beside each platform of an index, where a revocation by somebody who may
/// revoke names a component. Statements about a platform count for nothing else. All platforms together
/// may have as many and as large ones as one image.
///
/// To be called when the ledger is there.
pub async fn add(
    image: &OpenImage,
    rules: &Arc<Rules>,
    (environment, now): (&str, Timestamp),
    evidence: &mut Evidence,
) -> Result<(), Failure> {
    let limits = image.evidence.limits().clone();
    let mut parts = parts(evidence);
    if rules.policy.asks_about_platforms() {
        // These are there already.
        let platforms = evidence.platforms();
        let is_there = |digest: &Digest| platforms.each().iter().any(|one| one.digest == *digest);
        parts.retain(|digest| !is_there(digest));
    }
    let Some((_, rule)) = rules.policy.environment(environment) else {
        return Ok(());
    };
    if parts.is_empty() || !claimed(evidence, &limits).await? {
        return Ok(());
    }
    // Anybody may claim that a component was taken back.
    let held = Arc::new(std::mem::take(evidence));
    let scope = Scope::ledger_of(&rule.uri);
    let asked = verdict::ledger(rules, Arc::clone(&held), &scope, now, &limits).await;
    *evidence = Arc::unwrap_or_clone(held);
    let (view, _) = asked?;
    if !view.takes_components {
        return Ok(());
    }
    if parts.len() > PARTS {
        let line = format!("bills of materials beside more than {PARTS} platforms");
        evidence.unavailable.push(line);
    }
    let (mut count, mut bytes) = (0usize, 0u64);
    for part in parts.iter().take(PARTS) {
        let beside = evidence::beside(image, part).await?;
        evidence.truncated |= beside.truncated;
        evidence.unavailable.extend(beside.unavailable);
        for one in beside.attestations {
            let size = one.bytes().len() as u64;
            if !may_be_bill(&one, &limits) {
                continue;
            }
            (count, bytes) = (count.saturating_add(1), bytes.saturating_add(size));
            if count > limits.referrers_per_digest || bytes > limits.evidence_bytes {
                let line = "more bills of materials beside platforms than are looked at";
                evidence.unavailable.push(line.to_owned());
                return Ok(());
            }
            evidence.attestations.push(one);
        }
    }
    Ok(())
}

/// What the image lists, however deep: platforms, and indexes of them.
fn parts(evidence: &Evidence) -> Vec<Digest> {
    let reached = evidence.reached();
    let covering = evidence.covering();
    let parts = reached
        .digests()
        .filter(|digest| !covering.contains(digest));
    parts.cloned().collect()
}

/// Whether anything claims that a component was taken back: most of the time nothing does, and nothing
/// has to be verified for it.
async fn claimed(evidence: &mut Evidence, limits: &Limits) -> Result<bool, Failure> {
    let (held, limits) = (std::mem::take(evidence), limits.clone());
    let (held, claimed) = blocking(move || {
        let own = held.attestations.iter();
        let mut all = held.ledger.attestations.iter().chain(own);
        let claimed = all.any(|one| may_revoke_component(one, &limits));
        Ok((held, claimed))
    })
    .await?;
    *evidence = held;
    Ok(claimed)
}

/// What an attestation says, as far as that can be told without verifying it.
enum Said {
    Statement(Statement),
    /// In another form than a bundle: whoever verifies will read it.
    Unread,
    Nothing,
}

fn said(attestation: &Attestation, limits: &Limits) -> Said {
    let AttestationForm::Bundle(bytes) = &attestation.form else {
        return Said::Unread;
    };
    let Ok(bundle) = Bundle::parse(bytes.clone(), limits) else {
        // An envelope without a bundle around it is kept in the same form.
        return Said::Unread;
    };
    let payload = bundle.envelope().map(bulla_model::Envelope::payload);
    let statement = payload.and_then(|it| Statement::parse(it, limits).ok());
    statement.map_or(Said::Nothing, Said::Statement)
}

fn may_revoke_component(attestation: &Attestation, limits: &Limits) -> bool {
    match said(attestation, limits) {
        Said::Unread => true,
        Said::Nothing => false,
        Said::Statement(one) => {
            let name = |kind: &str| kind.rsplit_once('/').map(|(name, _)| name.to_owned());
            let kind = one.predicate_type().as_str();
            if kind != revocation::TYPE {
                // Nobody here knows what another version of it names.
                return name(kind) == name(revocation::TYPE);
            }
            let said = one.predicate::<Revocation>().ok();
            let is_component = |target: &Target| matches!(target, Target::Component { .. });
            said.is_none_or(|said| said.targets.iter().any(is_component))
        }
    }
}

fn may_be_bill(attestation: &Attestation, limits: &Limits) -> bool {
    match said(attestation, limits) {
        Said::Unread => true,
        Said::Nothing => false,
        Said::Statement(one) => {
            let kind = one.predicate_type().as_str();
            is_cyclonedx(kind) || is_spdx(kind) || kind == reference::TYPE
        }
    }
}
