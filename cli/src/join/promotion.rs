//! New promotions: sealed and attached, with the summaries that generic verifiers read.

use bulla_attest::claim;
use bulla_model::predicate::promotion::{Input, Slot};
use bulla_model::predicate::vsa::{Verifier, VsaResult};
use bulla_model::predicate::{Promotion, Vsa};
use bulla_model::{Digest, EdgeKind, Manifest, ResourceDescriptor};
use bulla_registry::Store as _;
use bulla_verify::StepDraft;
use jiff::Timestamp;

use super::image::OpenImage;
use super::seal;
use super::sealer::Sealer;
use super::set::{Judged, ReleaseSet};
use crate::Failure;
use crate::commands::Context;

/// A promotion that was judged and is to be sealed.
#[derive(Clone, Debug)]
pub struct NewPromotion<'a> {
    /// What it binds.
    pub draft: &'a StepDraft,
    /// Its place in the environment.
    pub slot: Slot,
    /// The release's version, for people.
    pub version: Option<String>,
    /// Why.
    pub reason: Option<String>,
    /// Change tickets, the incident among them; sorted.
    pub tickets: Vec<String>,
    /// When it was decided.
    pub now: Timestamp,
    /// Until when it holds.
    pub not_after: Option<Timestamp>,
}

/// Seals one promotion of all of the set and attaches it to each; answers its payload digest.
pub async fn publish(
    context: &Context,
    set: &ReleaseSet,
    judged: &[Judged],
    signer: &Sealer,
    new: &NewPromotion<'_>,
) -> Result<Digest, Failure> {
    // With each image comes what the decision about it rests on.
    let drafts = judged.iter().map(|one| one.draft.as_ref());
    let inputs = drafts.map(|draft| draft.map_or(&[][..], |draft| &draft.inputs));
    let members: Vec<_> = set.members.iter().zip(inputs).collect();
    let (draft, now) = (new.draft, new.now);
    let promotion = Promotion {
        service: draft.service.clone(),
        tier: draft.tier.clone(),
        version: new.version.clone(),
        edge: draft.edge.clone(),
        chain: draft.chain.clone(),
        slot: new.slot.clone(),
        policy: draft.policy.clone(),
        reason: new.reason.clone(),
        tickets: new.tickets.clone(),
        inputs: draft.inputs.clone(),
        gates: draft.gates.clone(),
        issued_at: now,
        not_after: new.not_after,
        crit: Vec::new(),
    };
    let payload = claim::promotion(&set.subjects(), &promotion)?;
    // What goes out of service has passed nothing that generic verifiers ask about.
    if draft.edge.kind != EdgeKind::Retire {
        // Generic verifiers read only the summary, so it comes first: whoever sees the promotion
        // sees both.
        for (image, inputs) in &members {
            summarise(context, image, signer, (&summary(draft, inputs, now), now)).await?;
        }
    }
    let sealed = seal::seal(context, signer, payload).await?;
    for (done, (image, _)) in members.iter().enumerate() {
        let attached = seal::publish(image, &sealed).await;
        attached.map_err(|failure| set.unfinished(failure, done))?;
    }
    Ok(sealed.payload)
}

/// Seals a summary for the image and one for each platform.
async fn summarise(
    context: &Context,
    image: &OpenImage,
    signer: &Sealer,
    (summary, now): (&Vsa, Timestamp),
) -> Result<(), Failure> {
    let digest = &image.descriptor.digest;
    let manifest = image.store.manifest(digest).await?;
    let subject = ResourceDescriptor::named(&image.name, digest.clone());
    for subject in std::iter::once(subject).chain(platforms(&image.name, &manifest)) {
        let payload = claim::vsa(&[subject], now, summary)?;
        let sealed = seal::seal(context, signer, payload).await?;
        seal::publish(image, &sealed).await?;
    }
    Ok(())
}

/// The platform manifests of an index.
fn platforms(name: &str, manifest: &Manifest) -> Vec<ResourceDescriptor> {
    let Some(index) = manifest.index() else {
        return Vec::new();
    };
    let runnable = index
        .manifests
        .iter()
        .filter(|entry| !entry.is_buildkit_attestation());
    runnable
        .map(|entry| ResourceDescriptor::named(name, entry.digest.clone()))
        .collect()
}

fn summary(draft: &StepDraft, inputs: &[Input], now: Timestamp) -> Vsa {
    let environment = draft.edge.to.uri.clone();
    Vsa {
        verifier: Verifier {
            id: format!(
                "https://bulla.dev/promoter/{}",
                environment.as_str().trim_start_matches("env://")
            ),
            version: [("bulla".to_owned(), env!("CARGO_PKG_VERSION").to_owned())].into(),
        },
        time_verified: Some(now),
        resource_uri: format!("{environment}#{}", draft.service),
        policy: ResourceDescriptor {
            uri: Some(format!(
                "https://bulla.dev/policy/{}/{}",
                draft.policy.name, draft.policy.version
            )),
            ..ResourceDescriptor::of(draft.policy.digest.clone())
        },
        input_attestations: inputs
            .iter()
            .map(|input| ResourceDescriptor::of(input.payload.clone()))
            .collect(),
        verification_result: VsaResult::Passed,
        verified_levels: vec![format!(
            "BULLA_PROMOTED_TO_{}",
            environment.name().to_uppercase().replace(['-', '.'], "_")
        )],
        dependency_levels: std::collections::BTreeMap::new(),
        slsa_version: Some("1.1".to_owned()),
        extra: std::collections::BTreeMap::new(),
    }
}
