//! Summaries of promotions: generic verifiers read no other statement.
//!
//! They come after the promotion, so that none speaks of a promotion that is not there. Each names it
//! among its inputs: whoever runs the command again sees which are missing, and adds those.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bulla_attest::claim;
use bulla_model::predicate::vsa::{self, Verifier, VsaResult};
use bulla_model::predicate::{Promotion, Vsa};
use bulla_model::{Bundle, Digest, Identity, Limits, ResourceDescriptor, Statement};
use bulla_registry::Store as _;
use bulla_verify::{Attestation, examine};
use jiff::Timestamp;

use super::image::OpenImage;
use super::rules::Rules;
use super::sealer::Sealer;
use super::set::{Judged, ReleaseSet};
use super::{blocking, evidence, seal};
use crate::Failure;
use crate::commands::Context;
use crate::render::shorten;

/// What summaries are made with.
#[derive(Clone, Copy, Debug)]
pub struct Summaries<'a> {
    /// The command's context.
    pub context: &'a Context,
    /// All that took the step.
    pub set: &'a ReleaseSet,
    /// What the gate found out about each; without, no level is claimed.
    pub judged: &'a [Judged],
    /// Who signs.
    pub signer: &'a Sealer,
    /// When.
    pub now: Timestamp,
}

/// One that is to be made: a member or a platform of one, and the levels it reaches.
struct New<'a> {
    image: OpenImage,
    levels: &'a [String],
}

impl<'a> Summaries<'a> {
    /// Seals a summary of each image and one of each platform, for a promotion that is new.
    pub async fn publish(&self, promotion: &Promotion, payload: &Digest) -> Result<(), Failure> {
        let all = self.all(promotion).await?;
        self.seal(promotion, payload, &all).await
    }

    /// Seals those that are missing beside a promotion from before, and says so; answers whether any was.
    pub async fn finish(&self, rules: &Arc<Rules>, payload: &Digest) -> Result<bool, Failure> {
        let Some(first) = self.set.members.first() else {
            return Ok(false);
        };
        let beside = evidence::beside(first, &first.descriptor.digest).await?;
        let mut attestations = beside.attestations.iter();
        let limits = &self.context.limits;
        let Some(promotion) = attestations.find_map(|one| read(one, payload, limits)) else {
            return Ok(false);
        };
        let mut missing = Vec::new();
        for new in self.all(&promotion).await? {
            if !self.is_there(rules, &new.image, payload).await? {
                missing.push(new);
            }
        }
        self.seal(&promotion, payload, &missing).await?;
        if !missing.is_empty() {
            let what = match missing.len() {
                1 => "1 summary".to_owned(),
                count => format!("{count} summaries"),
            };
            let promotion = shorten(payload);
            let line = format!("{what} of {promotion} had been missing: attached now");
            self.context.printer.warn(line);
        }
        Ok(!missing.is_empty())
    }

    /// The members and their platforms.
    async fn all(&self, promotion: &Promotion) -> Result<Vec<New<'a>>, Failure> {
        let mut all = Vec::new();
        for (at, image) in self.set.members.iter().enumerate() {
            let draft = self.judged.get(at).and_then(|one| one.draft.as_ref());
            // Levels are of the policy that they were judged under.
            let draft = draft.filter(|draft| draft.policy == promotion.policy);
            let levels = draft.map_or(&[][..], |draft| &draft.levels);
            let parts = platforms(image).await?;
            let itself = image.part(image.descriptor.clone());
            let images = std::iter::once(itself).chain(parts);
            all.extend(images.map(|image| New { image, levels }));
        }
        Ok(all)
    }

    async fn seal(
        &self,
        promotion: &Promotion,
        payload: &Digest,
        all: &[New<'_>],
    ) -> Result<(), Failure> {
        for (done, new) in all.iter().enumerate() {
            let (image, summary) = (&new.image, summary(promotion, payload, new.levels));
            let one = async {
                let digest = image.descriptor.digest.clone();
                let subject = ResourceDescriptor::named(&image.name, digest);
                let statement = claim::vsa(&[subject], self.now, &summary)?;
                let sealed = seal::seal(self.context, self.signer, statement).await?;
                seal::publish(image, &sealed).await
            };
            one.await.map_err(|failure: Failure| {
                failure.with_detail(format_args!(
                    "the promotion is attached, and {done} of {} summaries that were missing: run \
                     the command again, for {}",
                    all.len(),
                    self.set.names()
                ))
            })?;
        }
        Ok(())
    }

    /// Whether this promoter's summary is beside the image. Where not all can be read it may be, and
    /// one more does no harm.
    async fn is_there(
        &self,
        rules: &Arc<Rules>,
        image: &OpenImage,
        payload: &Digest,
    ) -> Result<bool, Failure> {
        let digest = image.descriptor.digest.clone();
        let mut beside = evidence::beside(image, &digest).await?;
        let (rules, payload) = (Arc::clone(rules), payload.clone());
        let (limits, now) = (self.context.limits.clone(), self.now);
        let promoter = self.signer.identity().clone();
        blocking(move || {
            // Most of what is there needs no look at its signature.
            let held = &mut beside.attestations;
            held.retain(|one| says(one, &digest, &payload, &limits));
            let examined = examine(&beside, &rules.trust, now, &limits, &|| false);
            let candidates = examined.unwrap_or_else(|cancelled| cancelled.candidates);
            let mut verified = candidates.iter().filter_map(|one| one.outcome().ok());
            Ok(verified.any(|statement| is_same(statement.signer(), &promoter)))
        })
        .await
    }
}

/// The manifests that an index lists, and those of indexes in it. One that is not there, as in a copy
/// of some platforms, is a platform of the index all the same.
async fn platforms(image: &OpenImage) -> Result<Vec<OpenImage>, Failure> {
    let mut seen = BTreeSet::from([image.descriptor.digest.clone()]);
    let mut open = vec![image.descriptor.digest.clone()];
    let mut parts = Vec::new();
    while let Some(digest) = open.pop() {
        let manifest = match image.store.manifest(&digest).await {
            Ok(manifest) => manifest,
            Err(error) if error.is_not_found() && digest != image.descriptor.digest => continue,
            Err(error) => return Err(error.into()),
        };
        let entries = manifest.index().map_or(&[][..], |index| &index.manifests);
        for entry in entries {
            let is_new = !entry.is_buildkit_attestation() && seen.insert(entry.digest.clone());
            if !is_new || parts.len() >= image.store.limits().subjects {
                continue;
            }
            if entry.is_index() {
                open.push(entry.digest.clone());
            }
            parts.push(image.part(entry.clone()));
        }
    }
    Ok(parts)
}

/// The promotion with this payload, if it is what an attestation holds.
fn read(attestation: &Attestation, payload: &Digest, limits: &Limits) -> Option<Promotion> {
    let bundle = Bundle::parse(attestation.bytes().to_vec(), limits).ok()?;
    let envelope = bundle.envelope()?;
    if envelope.payload_digest() != *payload {
        return None;
    }
    let statement = Statement::parse(envelope.payload(), limits).ok()?;
    statement.predicate().ok()
}

/// Whether an attestation says to be a summary of this promotion of this image.
fn says(attestation: &Attestation, image: &Digest, payload: &Digest, limits: &Limits) -> bool {
    let bundle = Bundle::parse(attestation.bytes().to_vec(), limits).ok();
    let envelope = bundle.as_ref().and_then(Bundle::envelope);
    let statement = envelope.and_then(|held| Statement::parse(held.payload(), limits).ok());
    let Some(statement) = statement.filter(|one| one.predicate_type().as_str() == vsa::TYPE) else {
        return false;
    };
    let names = |one: &ResourceDescriptor, digest: &Digest| {
        one.digest.known(digest.algorithm()).as_ref() == Some(digest)
    };
    let mut subjects = statement.subjects().iter();
    let said = statement.predicate::<Vsa>().ok();
    subjects.any(|subject| names(subject, image))
        && said.is_some_and(|said| {
            let mut inputs = said.input_attestations.iter();
            inputs.any(|input| names(input, payload))
        })
}

/// Whether both are of one signer: certificates differ from run to run in what else they say.
fn is_same(one: &Identity, other: &Identity) -> bool {
    match (one, other) {
        (Identity::Certificate(one), Identity::Certificate(other)) => {
            (&one.issuer, &one.subject) == (&other.issuer, &other.subject)
        }
        _ => one == other,
    }
}

/// What a promotion says, in the words of SLSA.
fn summary(promotion: &Promotion, payload: &Digest, levels: &[String]) -> Vsa {
    let environment = &promotion.edge.to.uri;
    let id = environment.as_str().trim_start_matches("env://");
    let policy = &promotion.policy;
    let promoted = environment.name().to_uppercase().replace(['-', '.'], "_");
    let inputs: BTreeSet<_> = promotion
        .inputs
        .iter()
        .map(|input| &input.payload)
        .collect();
    let inputs = inputs.into_iter().chain([payload]);
    Vsa {
        verifier: Verifier {
            id: format!("https://bulla.dev/promoter/{id}"),
            version: [("bulla".to_owned(), env!("CARGO_PKG_VERSION").to_owned())].into(),
        },
        time_verified: Some(promotion.issued_at),
        resource_uri: format!("{environment}#{}", promotion.service),
        policy: ResourceDescriptor {
            uri: Some(format!(
                "https://bulla.dev/policy/{}/{}",
                policy.name, policy.version
            )),
            ..ResourceDescriptor::of(policy.digest.clone())
        },
        input_attestations: inputs.cloned().map(ResourceDescriptor::of).collect(),
        verification_result: VsaResult::Passed,
        verified_levels: [format!("BULLA_PROMOTED_TO_{promoted}")]
            .into_iter()
            .chain(levels.iter().cloned())
            .collect(),
        dependency_levels: BTreeMap::new(),
        slsa_version: Some("1.2".to_owned()),
        extra: BTreeMap::new(),
    }
}
