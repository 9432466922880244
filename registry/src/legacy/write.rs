//! Adds layers to a legacy tag: signatures and attestations more, none less.
//!
//! A legacy tag is one manifest for all signatures of a digest, written anew with each of them. The
//! clients that invented it read, add and write, and the last writer wins. Here a writer checks
//! that the tag is as it was read, and then looks again until its layer has survived long enough
//! that nobody who read the older manifest can still be about to replace it (O1).

use std::time::{Duration, Instant};

use bulla_model::{Annotations, Descriptor, Digest, Manifest, Tag, media_type};
use serde_json::{Map, Value, json};

use super::{LegacyKind, TagPrefix};
use crate::{Store, StoreError, Target};

/// A layer to be added.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewLegacyLayer {
    /// Which tag it belongs to.
    pub kind: LegacyKind,
    /// Media type of the payload or envelope.
    pub media_type: &'static str,
    /// The payload or envelope.
    pub bytes: Vec<u8>,
    /// Signature, certificate and proofs.
    pub annotations: Annotations,
}

/// What [`add`] did.
#[derive(Clone, Debug, PartialEq)]
pub struct LegacyAdded {
    /// The tag that lists the layer.
    pub tag: Tag,
    /// The manifest the tag names now.
    pub manifest: Descriptor,
    /// Whether the layer was there before, so that nothing was written.
    pub existed: bool,
}

/// Adds a layer to the tag of `subject`, keeping every layer that is there. Adding the same layer
/// twice is one layer.
pub async fn add<S: Store>(
    store: &S,
    subject: &Digest,
    prefix: &TagPrefix,
    layer: &NewLegacyLayer,
) -> Result<LegacyAdded, StoreError> {
    let tag = layer.kind.tag(prefix, subject).ok_or_else(|| {
        StoreError::malformed(format!("{subject}"), "its legacy tag would be too long")
    })?;
    let mut entry = Descriptor::of(layer.media_type, &layer.bytes);
    entry.annotations.clone_from(&layer.annotations);
    store.put_blob(layer.bytes.clone()).await?;
    extend(store, subject, tag, &[entry]).await
}

/// Adds layers, whose blobs are there, to a legacy tag.
pub(crate) async fn extend<S: Store>(
    store: &S,
    subject: &Digest,
    tag: Tag,
    entries: &[Descriptor],
) -> Result<LegacyAdded, StoreError> {
    let mut written = false;
    let mut seen = 0_u32;
    let mut slowest = Duration::ZERO;
    let mut lost = None;
    for _ in 0..TRIES {
        let started = Instant::now();
        let current = read(store, &tag).await?;
        let missing: Vec<&Descriptor> = entries
            .iter()
            .filter(|entry| {
                current
                    .as_ref()
                    .is_none_or(|manifest| !holds(manifest, entry))
            })
            .collect();
        if let (Some(manifest), true) = (&current, missing.is_empty()) {
            seen = seen.saturating_add(1);
            if !written || seen >= SIGHTINGS {
                return Ok(LegacyAdded {
                    tag,
                    manifest: manifest.descriptor(),
                    existed: !written,
                });
            }
        } else {
            seen = 0;
            lost = missing.first().map(|entry| entry.digest.clone());
            let (bytes, config) = extended(current.as_ref(), &missing, &tag, store)?;
            store.put_blob(config).await?;
            let expected = current.as_ref().map(Manifest::digest);
            let kind = current
                .as_ref()
                .map_or(media_type::IMAGE_MANIFEST, Manifest::media_type);
            written |= store.replace_tag(&tag, expected, &bytes, kind).await?;
            slowest = slowest.max(started.elapsed());
        }
        // Another writer may hold an older manifest for about as long as we did.
        tokio::time::sleep(SETTLE.max(slowest.saturating_mul(2))).await;
    }
    Err(StoreError::NotListed {
        referrer: lost.unwrap_or_else(|| subject.clone()),
        subject: subject.clone(),
        store: store.name(),
        tries: TRIES,
    })
}

/// The manifest a tag names; only a tag that is not there is none.
async fn read<S: Store>(store: &S, tag: &Tag) -> Result<Option<Manifest>, StoreError> {
    let descriptor = match store.resolve(&Target::Tag(tag.clone())).await {
        Err(error) if error.is_not_found() => return Ok(None),
        resolved => resolved?,
    };
    store.manifest(&descriptor.digest).await.map(Some)
}

fn holds(manifest: &Manifest, entry: &Descriptor) -> bool {
    manifest.image().is_some_and(|image| {
        image
            .layers
            .iter()
            .any(|layer| layer.digest == entry.digest && layer.annotations == entry.annotations)
    })
}

/// The manifest with these layers more, and its configuration. Members nobody here knows survive.
fn extended<S: Store>(
    current: Option<&Manifest>,
    entries: &[&Descriptor],
    tag: &Tag,
    store: &S,
) -> Result<(Vec<u8>, Vec<u8>), StoreError> {
    let mut document = match current {
        None => Map::from_iter([
            ("schemaVersion".to_owned(), json!(2)),
            ("mediaType".to_owned(), json!(media_type::IMAGE_MANIFEST)),
            ("layers".to_owned(), json!([])),
        ]),
        Some(manifest) if manifest.image().is_some() => {
            serde_json::from_slice(manifest.bytes()).expect("because a manifest is a JSON object")
        }
        Some(_) => {
            return Err(StoreError::malformed(
                format!("the tag {tag}"),
                "it names an index, which is not overwritten",
            ));
        }
    };
    let layers = document
        .entry("layers")
        .or_insert_with(|| json!([]))
        .as_array_mut()
        .ok_or_else(|| StoreError::malformed(format!("the tag {tag}"), "`layers` is no list"))?;
    let limit = store.limits().referrers_per_digest;
    if layers.len().saturating_add(entries.len()) > limit {
        return Err(StoreError::TooMany {
            what: "layers of signatures and attestations",
            limit,
        });
    }
    layers.extend(
        entries.iter().map(|entry| {
            serde_json::to_value(entry).expect("because a descriptor always serialises")
        }),
    );
    let config = config(layers);
    let kind = document
        .get("config")
        .and_then(|old| old.get("mediaType"))
        .and_then(Value::as_str)
        .unwrap_or(IMAGE_CONFIG);
    let described = Descriptor::of(kind, &config);
    document.insert(
        "config".to_owned(),
        serde_json::to_value(described).expect("because a descriptor always serialises"),
    );
    let bytes = serde_json::to_vec(&document).expect("because a JSON value always serialises");
    Ok((bytes, config))
}

/// An image configuration that names the layers, which are not compressed: what cosign writes, and
/// what readers of images insist on.
fn config(layers: &[Value]) -> Vec<u8> {
    let diff_ids: Vec<_> = layers
        .iter()
        .filter_map(|layer| layer.get("digest"))
        .collect();
    let history = vec![json!({ "created": NO_TIME }); diff_ids.len()];
    let config = json!({
        "architecture": "",
        "config": {},
        "created": NO_TIME,
        "history": history,
        "os": "",
        "rootfs": { "type": "layers", "diff_ids": diff_ids },
    });
    serde_json::to_vec(&config).expect("because a JSON value always serialises")
}

const IMAGE_CONFIG: &str = "application/vnd.oci.image.config.v1+json";
/// The time before all others in Go, which clients that keep no time write.
const NO_TIME: &str = "0001-01-01T00:00:00Z";
/// How often the tag is read, and written where the layer is not in it.
const TRIES: u32 = 60;
/// How often in a row the layer has to be seen once it was written.
const SIGHTINGS: u32 = 2;
/// The shortest pause between writing and looking.
const SETTLE: Duration = Duration::from_millis(60);
