//! The documents that statements refer to, fetched by their digests from where the statements are.

use std::path::PathBuf;
use std::sync::Arc;

use bulla_model::{Descriptor, Digest, Limits};
use bulla_registry::{AnyStore, Store as _, StoreError};
use bulla_verify::{
    Document, DocumentsQuestion, Evidence, ExpectedSigner, ReferredBy, Trust, documents_claimed,
    documents_named,
};
use futures_util::{StreamExt as _, stream};
use jiff::Timestamp;

use super::rules::Rules;
use super::{blocking, file, verdict};
use crate::Failure;

/// Whose references are followed.
#[derive(Clone, Debug)]
pub enum Followed {
    /// Theirs whose bills of materials these rules take.
    Rules(Arc<Rules>),
    /// Those first, and then everybody's, verified or not: for others, who have rules of their own.
    Everybody(Arc<Rules>),
    /// This signer's.
    Signer(Arc<Trust>, ExpectedSigner),
}

/// Looks in one repository for the documents that verified statements of the evidence refer to, and
/// adds what it finds: `Limits::document_bytes` in all, the smallest first, so that whoever names large blobs
/// keeps nobody's document out. Documents that are there already are not looked for, and no address
/// that a statement gives is ever asked.
///
/// A document that cannot be had is no failure: it matters only to those who need it.
pub async fn add(
    store: &AnyStore,
    evidence: Evidence,
    followed: Followed,
    now: Timestamp,
) -> Result<Evidence, Failure> {
    let limits = store.limits().clone();
    let bounds = limits.clone();
    let (mut evidence, named, rest) = blocking(move || {
        let (trust, by) = match &followed {
            Followed::Rules(rules) | Followed::Everybody(rules) => {
                (&rules.trust, ReferredBy::Policy(&rules.policy))
            }
            Followed::Signer(trust, signer) => (&**trust, ReferredBy::Signer(signer)),
        };
        let named = documents_named(&DocumentsQuestion {
            evidence: &evidence,
            trust,
            by,
            now,
            limits: &bounds,
            cancelled: &verdict::deadline(bounds.deadline),
        });
        let rest = match &followed {
            Followed::Everybody(_) => documents_claimed(&evidence, &bounds),
            Followed::Rules(_) | Followed::Signer(..) => Vec::new(),
        };
        Ok((evidence, named, rest))
    })
    .await?;
    for named in [named, rest] {
        look_for(store, &mut evidence, named, &limits).await;
    }
    Ok(evidence)
}

async fn look_for(
    store: &AnyStore,
    evidence: &mut Evidence,
    mut named: Vec<Digest>,
    limits: &Limits,
) {
    named.retain(|digest| !evidence.documents.contains_key(digest));
    let mut sizes: Vec<(Digest, Result<Option<u64>, StoreError>)> = stream::iter(named)
        .map(|digest| async move {
            let size = store.blob_size(&digest).await;
            (digest, size)
        })
        .buffered(AT_ONCE)
        .collect()
        .await;
    sizes.sort_by_key(|(_, size)| size.as_ref().ok().copied().flatten());
    let mut budget = left(evidence, limits);
    for (digest, size) in sizes {
        let document = match size {
            Err(error) => Document::Unavailable(error.to_string()),
            Ok(None) => Document::Unavailable(format!("it is not in {}", store.name())),
            Ok(Some(size)) if size > budget => Document::Unavailable(too_large(size, limits)),
            Ok(Some(size)) => {
                budget = budget.saturating_sub(size);
                fetch(store, &digest, size).await
            }
        };
        evidence.documents.insert(digest, document);
    }
}

async fn fetch(store: &AnyStore, digest: &Digest, size: u64) -> Document {
    let blob = Descriptor::new("application/octet-stream", digest.clone(), size);
    match store.blob(&blob, size).await {
        Ok(bytes) => Document::Bytes(bytes.into()),
        Err(StoreError::DigestMismatch { store, found, .. }) => {
            Document::Altered(format!("{store} has {found} under its digest"))
        }
        Err(error) => Document::Unavailable(error.to_string()),
    }
}

/// Reads documents that somebody has, `Limits::document_bytes` in all.
pub fn given(files: &[PathBuf], limits: &Limits) -> Result<Vec<Document>, Failure> {
    let mut budget = limits.document_bytes;
    let mut documents = Vec::new();
    for path in files {
        let bytes = file::read(path, budget)?;
        budget = budget.saturating_sub(bytes.len() as u64);
        documents.push(Document::Bytes(bytes.into()));
    }
    Ok(documents)
}

/// Adds documents that were given, under the digests they have.
pub fn add_given(documents: &[Document], evidence: &mut Evidence) {
    for document in documents {
        if let Document::Bytes(bytes) = document {
            let digest = Digest::sha256(bytes);
            evidence.documents.insert(digest, document.clone());
        }
    }
}

/// Bytes that may still be fetched.
fn left(evidence: &Evidence, limits: &Limits) -> u64 {
    let bytes = evidence.documents.values().map(|document| match document {
        Document::Bytes(bytes) => bytes.len() as u64,
        Document::Unavailable(_) | Document::Altered(_) => 0,
    });
    limits.document_bytes.saturating_sub(bytes.sum())
}

fn too_large(size: u64, limits: &Limits) -> String {
    format!(
        "it has {size} bytes, and all documents together may have {}",
        limits.document_bytes
    )
}

/// Documents asked for at once.
const AT_ONCE: usize = 8;
