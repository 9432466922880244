//! The indexes that an image consists of: what is revoked within one reaches it.

use std::collections::BTreeSet;

use bulla_model::{Descriptor, Digest, Manifest, media_type};
use bulla_registry::Store as _;
use bulla_verify::{Evidence, Reached};
use futures_util::{StreamExt as _, stream};

use super::image::OpenImage;
use super::rules::Rules;
use crate::Failure;
use crate::failure::FailureKind;

/// Manifests that are looked at for a verdict. Stops an index that lists very many, each of which is a
/// request.
const MANIFESTS: usize = 512;
/// Manifests that one revocation names: as many targets as it may have.
const TARGETS: usize = 1024;
/// Bytes of all indexes. Stops large indexes within one from filling the memory.
const INDEX_BYTES: usize = 16 << 20;
/// Requests at the same time.
const AT_ONCE: usize = 8;

/// Adds the image's own index and those within it, where the policy lets somebody revoke, because a
/// platform that was revoked takes them back too, or asks about each platform.
pub async fn add(image: &OpenImage, rules: &Rules, evidence: &mut Evidence) -> Result<(), Failure> {
    let policy = &rules.policy;
    if policy.knows_revocations() || policy.asks_about_platforms() {
        evidence.indexes.extend(within(image, MANIFESTS).await?);
    }
    Ok(())
}

/// What a revocation of the image has to name so that it reaches every part of it, in whatever way
/// that is asked for; the image first.
pub async fn covered(image: &OpenImage) -> Result<Vec<Digest>, Failure> {
    let own = &image.descriptor.digest;
    let reached: Reached = Evidence {
        artifact: Some(own.clone()),
        indexes: within(image, TARGETS).await?,
        ..Evidence::default()
    }
    .reached();
    if let Some(why) = reached.doubt() {
        return Err(Failure::new(
            FailureKind::Unavailable,
            format_args!(
                "what {} consists of is not known whole: {why}",
                image.pinned
            ),
        ));
    }
    let others = reached.digests().filter(|digest| *digest != own);
    Ok(std::iter::once(own).chain(others).cloned().collect())
}

/// Every index that the image is or lists, however deep. Their content tells what they are: a label
/// binds nobody who runs them.
async fn within(image: &OpenImage, most: usize) -> Result<Vec<Manifest>, Failure> {
    let mut found = Vec::new();
    if !image.descriptor.is_index() {
        return Ok(found);
    }
    let (mut bytes, mut seen) = (0usize, BTreeSet::new());
    let mut open = vec![image.descriptor.clone()];
    while !open.is_empty() {
        open.retain(|entry| seen.insert(entry.digest.clone()));
        if seen.len() > most {
            return Err(too_large(image, &format!("more than {most} manifests")));
        }
        let asked = stream::iter(std::mem::take(&mut open));
        let asked = asked.map(|entry| read(image, entry));
        let mut asked = asked.buffered(AT_ONCE);
        while let Some(manifest) = asked.next().await {
            let Some(manifest) = manifest? else { continue };
            let Some(list) = manifest.index() else {
                continue;
            };
            bytes = bytes.saturating_add(manifest.bytes().len());
            if bytes > INDEX_BYTES {
                return Err(too_large(
                    image,
                    &format!("indexes of more than {INDEX_BYTES} bytes"),
                ));
            }
            open.extend(list.manifests.iter().cloned());
            found.push(manifest);
        }
    }
    Ok(found)
}

/// A manifest; `None` for what does not call itself an index and is not there, or calls itself nothing
/// that could be run and is no manifest.
async fn read(image: &OpenImage, entry: Descriptor) -> Result<Option<Manifest>, Failure> {
    match image.store.manifest(&entry.digest).await {
        Ok(manifest) => Ok(Some(manifest)),
        Err(error) if error.is_not_found() && !entry.is_index() => Ok(None),
        Err(error) if error.is_unusable() && !entry.is_index() && !is_image(&entry) => Ok(None),
        // What was pushed there is nothing that whoever asks gave.
        Err(error) if error.is_unusable() => Err(Failure::new(FailureKind::Unavailable, error)),
        Err(error) => Err(error.into()),
    }
}

fn is_image(entry: &Descriptor) -> bool {
    let kind = entry.media_type.as_str();
    kind == media_type::IMAGE_MANIFEST || kind == media_type::DOCKER_MANIFEST
}

fn too_large(image: &OpenImage, what: &str) -> Failure {
    Failure::new(
        FailureKind::Unavailable,
        format_args!("{} lists {what}", image.pinned),
    )
    .with_hint("ask about each platform by its own digest")
}
