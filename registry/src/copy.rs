//! Copies an image with everything that refers to it, by digest.
//!
//! Order is what makes an interrupted copy harmless: blobs, then the manifests that name them,
//! then referrers, and only then the tag. Running it again continues.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use bulla_model::{Descriptor, Digest, Manifest, ReferrerList, Tag};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};

use crate::{Store, StoreError, Target, legacy};

/// What to copy beside the image.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CopyOptions {
    /// Whether referrers come along: those of the image, of each part of an index, and theirs;
    /// and what cosign keeps under `sha256-….sig`, `.att` and `.sbom`.
    pub referrers: bool,
    /// The tag that names the copy when all of it is there.
    pub tag: Option<Tag>,
    /// How many blobs are copied at once.
    pub jobs: usize,
}

impl Default for CopyOptions {
    fn default() -> Self {
        Self {
            referrers: true,
            tag: None,
            jobs: 4,
        }
    }
}

/// What [`copy`] did.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CopyReport {
    /// Blobs and manifests written, in order.
    pub copied: Vec<Descriptor>,
    /// Those that were taken over within the registry, without a transfer.
    pub mounted: Vec<Descriptor>,
    /// Those that were there already.
    pub skipped: Vec<Descriptor>,
    /// Layers that may not be distributed, which are never in registries.
    pub left_out: Vec<Descriptor>,
    /// How many of the manifests refer to another one.
    pub referrers: usize,
}

/// Copies the manifest or index with this digest, its parts, blobs and referrers.
pub async fn copy<F: Store, T: Store>(
    from: &F,
    to: &T,
    digest: &Digest,
    options: &CopyOptions,
) -> Result<CopyReport, StoreError> {
    let plan = Plan::make(from, digest, options).await?;
    let mut report = CopyReport {
        left_out: plan.left_out.clone(),
        referrers: plan.referrers.len(),
        ..CopyReport::default()
    };
    copy_blobs(from, to, &plan, options, &mut report).await?;
    // Parts come before the index that names them, and subjects before their referrers.
    for manifest in plan.parts.iter().rev() {
        put_part(to, manifest, &mut report).await?;
    }
    for (manifest, place) in &plan.referrers {
        match place {
            Some((tag, subject)) => put_tagged(to, manifest, tag, subject, &mut report).await?,
            None => put_referrer(to, manifest, &mut report).await?,
        }
    }
    if let (Some(tag), Some(root)) = (&options.tag, plan.parts.first()) {
        to.put_manifest(root.bytes(), root.media_type(), Some(tag))
            .await?;
    }
    Ok(report)
}

/// Everything that belongs to a copy.
#[derive(Default)]
struct Plan {
    /// The image or index first, then its parts.
    parts: Vec<Manifest>,
    /// Referrers, each after its subject, with the tag it is kept under if it has one, and the
    /// digest that the tag is named after.
    referrers: Vec<(Manifest, Option<(Tag, Digest)>)>,
    blobs: BTreeMap<Digest, Descriptor>,
    left_out: Vec<Descriptor>,
    seen: BTreeSet<Digest>,
    bytes: u64,
}

impl Plan {
    async fn make<F: Store>(
        from: &F,
        digest: &Digest,
        options: &CopyOptions,
    ) -> Result<Self, StoreError> {
        let mut plan = Self::default();
        let mut waiting = VecDeque::from([digest.clone()]);
        while let Some(digest) = waiting.pop_front() {
            let Some(manifest) = plan.read(from, &digest).await? else {
                continue;
            };
            waiting.extend(plan.contents(&manifest, from)?);
            plan.parts.push(manifest);
        }
        if options.referrers {
            let subjects = plan.parts.iter().map(|part| part.digest().clone());
            let subjects = subjects.collect();
            plan.add_referrers(from, subjects).await?;
        }
        Ok(plan)
    }

    /// Follows referrers, and referrers of those, level by level.
    async fn add_referrers<F: Store>(
        &mut self,
        from: &F,
        mut subjects: Vec<Digest>,
    ) -> Result<(), StoreError> {
        for _ in 0..REFERRER_LEVELS {
            let mut next = Vec::new();
            for subject in &subjects {
                for (digest, tag) in referring(from, subject).await? {
                    let Some(manifest) = self.read(from, &digest).await? else {
                        continue;
                    };
                    // An index among the referrers is copied, but what it lists is another image.
                    let _elsewhere = self.contents(&manifest, from)?;
                    let place = tag.map(|tag| (tag, subject.clone()));
                    self.referrers.push((manifest, place));
                    next.push(digest);
                }
            }
            if next.is_empty() {
                return Ok(());
            }
            subjects = next;
        }
        Ok(())
    }

    /// Reads a manifest that has not been read before.
    async fn read<F: Store>(
        &mut self,
        from: &F,
        digest: &Digest,
    ) -> Result<Option<Manifest>, StoreError> {
        if !self.seen.insert(digest.clone()) {
            return Ok(None);
        }
        let manifest = from.manifest(digest).await?;
        let limit = from.limits().evidence_bytes;
        self.bytes = self.bytes.saturating_add(manifest.bytes().len() as u64);
        if self.bytes > limit {
            return Err(StoreError::TooLarge {
                what: "all manifests together".to_owned(),
                limit,
            });
        }
        Ok(Some(manifest))
    }

    /// Notes a manifest's blobs and returns its parts.
    fn contents<F: Store>(
        &mut self,
        manifest: &Manifest,
        from: &F,
    ) -> Result<Vec<Digest>, StoreError> {
        if let Some(index) = manifest.index() {
            return Ok(index
                .manifests
                .iter()
                .map(|part| part.digest.clone())
                .collect());
        }
        let Some(image) = manifest.image() else {
            return Ok(Vec::new());
        };
        let limit = from.limits().layers;
        if image.layers.len() > limit {
            return Err(StoreError::TooMany {
                what: "layers",
                limit,
            });
        }
        for blob in std::iter::once(&image.config).chain(&image.layers) {
            if may_be_distributed(blob) {
                self.blobs.insert(blob.digest.clone(), blob.clone());
            } else {
                self.left_out.push(blob.clone());
            }
        }
        Ok(Vec::new())
    }
}

/// Everything that refers to a digest: listed referrers and cosign's tags.
async fn referring<F: Store>(
    from: &F,
    subject: &Digest,
) -> Result<Vec<(Digest, Option<Tag>)>, StoreError> {
    let ReferrerList {
        referrers,
        truncated,
        others_truncated,
    } = from.referrers(subject).await?;
    if truncated || others_truncated {
        // A copy without some of them could be a copy without a revocation.
        return Err(StoreError::TooMany {
            what: "referrers",
            limit: from.limits().referrers_per_digest,
        });
    }
    let mut found: Vec<(Digest, Option<Tag>)> = referrers
        .into_iter()
        .map(|referrer| (referrer.descriptor.digest, None))
        .collect();
    for suffix in COSIGN_SUFFIXES {
        let Ok(tag) = format!("{}{suffix}", subject.referrers_tag()).parse::<Tag>() else {
            continue;
        };
        match from.resolve(&Target::Tag(tag.clone())).await {
            Ok(descriptor) => found.push((descriptor.digest, Some(tag))),
            Err(error) if error.is_not_found() => {}
            Err(error) => return Err(error),
        }
    }
    Ok(found)
}

enum Outcome {
    Copied,
    Mounted,
    Skipped,
}

async fn copy_blobs<F: Store, T: Store>(
    from: &F,
    to: &T,
    plan: &Plan,
    options: &CopyOptions,
    report: &mut CopyReport,
) -> Result<(), StoreError> {
    let blobs: Vec<Descriptor> = plan.blobs.values().cloned().collect();
    let mut done = stream::iter(blobs)
        .map(|blob| async move {
            let outcome = copy_blob(from, to, &blob).await?;
            Ok::<_, StoreError>((blob, outcome))
        })
        // In order, so that two runs report the same.
        .buffered(options.jobs.max(1));
    while let Some((blob, outcome)) = done.try_next().await? {
        match outcome {
            Outcome::Copied => report.copied.push(blob),
            Outcome::Mounted => report.mounted.push(blob),
            Outcome::Skipped => report.skipped.push(blob),
        }
    }
    Ok(())
}

async fn copy_blob<F: Store, T: Store>(
    from: &F,
    to: &T,
    blob: &Descriptor,
) -> Result<Outcome, StoreError> {
    if to.has_blob(&blob.digest).await? {
        return Ok(Outcome::Skipped);
    }
    if let Some(source) = from.mount_source()
        && to.mount_blob(&blob.digest, source).await?
    {
        return Ok(Outcome::Mounted);
    }
    let reader = from.open_blob(blob).await?;
    to.put_blob_stream(blob, reader).await?;
    Ok(Outcome::Copied)
}

async fn put_part<T: Store>(
    to: &T,
    manifest: &Manifest,
    report: &mut CopyReport,
) -> Result<(), StoreError> {
    let target = Target::Digest(manifest.digest().clone());
    match to.resolve(&target).await {
        // A part with a subject has to be listed as well, which only putting it makes sure of.
        Ok(_) if manifest.subject().is_none() => report.skipped.push(manifest.descriptor()),
        Ok(_) => put_referrer(to, manifest, report).await?,
        Err(error) if error.is_not_found() => {
            to.put_manifest(manifest.bytes(), manifest.media_type(), None)
                .await?;
            report.copied.push(manifest.descriptor());
        }
        Err(error) => return Err(error),
    }
    Ok(())
}

async fn put_referrer<T: Store>(
    to: &T,
    manifest: &Manifest,
    report: &mut CopyReport,
) -> Result<(), StoreError> {
    if let Some(subject) = manifest.subject() {
        let list = to.referrers(&subject.digest).await?;
        let mut listed = list.referrers.iter();
        if listed.any(|listed| listed.descriptor.digest == *manifest.digest()) {
            report.skipped.push(manifest.descriptor());
            return Ok(());
        }
    }
    to.put_manifest(manifest.bytes(), manifest.media_type(), None)
        .await?;
    report.copied.push(manifest.descriptor());
    Ok(())
}

/// Puts what one of cosign's tags names. Such a tag is one manifest for all signatures of a digest,
/// and the destination may have signatures of its own: they stay, and those that it lacks are added.
async fn put_tagged<T: Store>(
    to: &T,
    manifest: &Manifest,
    tag: &Tag,
    subject: &Digest,
    report: &mut CopyReport,
) -> Result<(), StoreError> {
    match to.resolve(&Target::Tag(tag.clone())).await {
        Ok(there) if there.digest == *manifest.digest() => {
            report.skipped.push(manifest.descriptor());
            return Ok(());
        }
        Ok(_) => {}
        Err(error) if error.is_not_found() => {
            if manifest.subject().is_some() {
                to.put_manifest(manifest.bytes(), manifest.media_type(), Some(tag))
                    .await?;
                report.copied.push(manifest.descriptor());
                return Ok(());
            }
            let (bytes, kind) = (manifest.bytes(), manifest.media_type());
            if to.replace_tag(tag, None, bytes, kind).await? {
                report.copied.push(manifest.descriptor());
                return Ok(());
            }
            // Somebody else was first.
        }
        Err(error) => return Err(error),
    }
    let Some(image) = manifest.image() else {
        return Err(StoreError::malformed(
            format!("the manifest at {tag}"),
            "it is an index, and the destination has something else at this tag",
        ));
    };
    let added = legacy::extend(to, subject, tag.clone(), &image.layers).await?;
    if added.existed {
        report.skipped.push(added.manifest);
    } else {
        report.copied.push(added.manifest);
    }
    Ok(())
}

/// Layers that come from their maker's own servers only.
fn may_be_distributed(blob: &Descriptor) -> bool {
    let foreign = "application/vnd.docker.image.rootfs.foreign.diff.tar";
    let nondistributable = "application/vnd.oci.image.layer.nondistributable.v1.tar";
    !blob.media_type.starts_with(foreign) && !blob.media_type.starts_with(nondistributable)
}

/// Signatures, attestations and SBOMs as cosign keeps them without referrers.
const COSIGN_SUFFIXES: [&str; 3] = [".sig", ".att", ".sbom"];
/// Referrers of referrers of referrers; deeper ones are not evidence of anything here.
const REFERRER_LEVELS: usize = 3;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_not_be_distributed_is_known() {
        let blob = |media_type: &str| Descriptor::of(media_type, b"x");
        assert!(may_be_distributed(&blob(
            bulla_model::media_type::LAYER_GZIP
        )));
        for foreign in [
            "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
            "application/vnd.oci.image.layer.nondistributable.v1.tar+zstd",
        ] {
            assert!(!may_be_distributed(&blob(foreign)));
        }
    }
}
