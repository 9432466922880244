//! Documents that attestations refer to instead of holding them, and whether they are there.

use bulla_model::predicate::Reference;
use bulla_model::{Digest, Limits, Statement};
use bulla_registry::{AnyStore, Store as _};
use futures_util::{StreamExt as _, stream};
use serde::Serialize;

use crate::render::{Cell, Page, bytes, shorten};

/// A document as an unverified statement names it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ReferredDocument {
    digest: Digest,
    #[serde(skip_serializing_if = "Option::is_none")]
    media_type: Option<String>,
    /// Its size where the attestations are; absent if it is not there.
    #[serde(skip_serializing_if = "Option::is_none")]
    size: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<String>,
}

/// The documents a statement refers to, `Limits::references` at most; none if it is no reference.
pub(super) fn of(statement: &Statement, limits: &Limits) -> Vec<ReferredDocument> {
    let Ok(predicate) = statement.predicate::<Reference>() else {
        return Vec::new();
    };
    let document = |resource: bulla_model::ResourceDescriptor| {
        Some(ReferredDocument {
            digest: resource.digest.sha256()?,
            media_type: resource.media_type,
            size: None,
            problem: None,
        })
    };
    let documents = predicate.references.into_iter().filter_map(document);
    documents.take(limits.references).collect()
}

/// Looks for them, without reading them.
pub(super) async fn look<'a>(
    store: &AnyStore,
    documents: impl Iterator<Item = &'a mut ReferredDocument>,
) {
    let mut number = 0_usize;
    let each = documents.map(|document| {
        number = number.saturating_add(1);
        let beyond = number > LOOKED_FOR;
        async move {
            if beyond {
                document.problem = Some("not looked for: there are too many".to_owned());
                return;
            }
            match store.blob_size(&document.digest).await {
                Ok(Some(size)) => document.size = Some(size),
                Ok(None) => document.problem = Some(format!("not in {}", store.name())),
                Err(error) => document.problem = Some(error.to_string()),
            }
        }
    });
    stream::iter(each)
        .buffer_unordered(AT_ONCE)
        .for_each(|()| std::future::ready(()))
        .await;
}

impl ReferredDocument {
    pub(super) fn human(&self, page: &mut Page, level: usize) {
        let media_type = self.media_type.as_deref().unwrap_or("no media type");
        let size = self.size.map_or_else(String::new, bytes);
        let mut cells = vec![
            Cell::from("refers to"),
            Cell::from(media_type),
            Cell::faint(size),
            Cell::faint(shorten(&self.digest)),
        ];
        cells.extend(self.problem.as_ref().map(Cell::attention));
        page.cells(level, cells);
    }
}

/// Documents of one image that are looked for. Each is a request to the registry.
const LOOKED_FOR: usize = 64;
/// Documents asked for at once.
const AT_ONCE: usize = 8;
