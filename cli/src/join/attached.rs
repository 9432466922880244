//! What is attached to an image, decoded and not verified.

use bulla_model::{Digest, Manifest, Referrer};
use bulla_registry::{AnyStore, Store as _, StoreError, read_bundle};

use crate::Failure;

/// The referrers of a digest, numbered from 1 in the order of their digests.
#[derive(Debug)]
pub struct AttachedList {
    /// The referrers.
    pub entries: Vec<AttachedEntry>,
    /// Whether entries beyond the limit were left out.
    pub truncated: bool,
}

/// One referrer.
#[derive(Debug)]
pub struct AttachedEntry {
    /// Its number, from 1.
    pub number: usize,
    /// What the list says about it.
    pub referrer: Referrer,
    /// What it holds.
    pub content: AttachedContent,
}

/// What a referrer holds.
#[derive(Debug)]
pub enum AttachedContent {
    /// A Sigstore bundle, as received.
    Bundle {
        /// The artifact manifest.
        manifest: Manifest,
        /// The bundle's bytes.
        bytes: Vec<u8>,
    },
    /// Something else.
    Other,
    /// It could not be read.
    Unreadable(StoreError),
}

/// Lists what refers to a digest and reads the bundles among it.
pub async fn list(store: &AnyStore, digest: &Digest) -> Result<AttachedList, Failure> {
    let list = store.referrers(digest).await?;
    let mut referrers = list.referrers;
    referrers.sort_by(|a, b| a.descriptor.digest.cmp(&b.descriptor.digest));
    let mut entries = Vec::new();
    for (index, referrer) in referrers.into_iter().enumerate() {
        let content = match read_bundle(store, digest, &referrer).await {
            Ok(Some(bundle)) => AttachedContent::Bundle {
                manifest: bundle.manifest,
                bytes: bundle.bytes,
            },
            Ok(None) => AttachedContent::Other,
            Err(error) => AttachedContent::Unreadable(error),
        };
        entries.push(AttachedEntry {
            number: index.saturating_add(1),
            referrer,
            content,
        });
    }
    Ok(AttachedList {
        entries,
        truncated: list.truncated,
    })
}
