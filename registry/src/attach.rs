//! Attaches a Sigstore bundle to a digest, exactly as cosign v3 does.
//!
//! Implements cosign's bundle specification (the registry part),
//! <https://github.com/sigstore/cosign/blob/v3.0.4/specs/BUNDLE_SPEC.md>: one artifact manifest
//! for each bundle, whose subject is the digest, pushed by its own digest.

use bulla_model::{
    Annotations, Bundle, BundleContent, Descriptor, Digest, Limits, Manifest, ReferrerList,
    Statement, media_type,
};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use jiff::Timestamp;
use serde::Serialize;

use crate::{Store, StoreError, bundles};

/// What [`attach`] did.
#[derive(Clone, Debug, PartialEq)]
pub struct Attached {
    /// The manifest that refers to the subject.
    pub descriptor: Descriptor,
    /// Whether it was there before, so that nothing was written.
    pub existed: bool,
}

/// Attaches a bundle to `subject`, so that [`Store::referrers`] lists it when this returns.
///
/// `subject` describes the manifest as [`Store::resolve`] gives it; `created` goes into the
/// manifest in UTC and whole seconds. Attaching the same bytes twice is one referrer.
pub async fn attach<S: Store>(
    store: &S,
    subject: &Descriptor,
    bundle: &Bundle,
    created: Timestamp,
) -> Result<Attached, StoreError> {
    let layer = Descriptor::of(media_type::BUNDLE, bundle.bytes());
    let annotations = annotations(bundle, created, store.limits());
    if let Some(descriptor) = existing(store, subject, &layer, &annotations).await? {
        return Ok(Attached {
            descriptor,
            existed: true,
        });
    }
    store.put_blob(EMPTY_CONFIG.to_vec()).await?;
    store.put_blob(bundle.bytes().to_vec()).await?;
    let bytes = artifact_manifest(subject, &layer, annotations);
    let descriptor = store
        .put_manifest(&bytes, media_type::IMAGE_MANIFEST, None)
        .await?;
    Ok(Attached {
        descriptor,
        existed: false,
    })
}

/// Looks for a referrer that already carries these bundle bytes.
async fn existing<S: Store>(
    store: &S,
    subject: &Descriptor,
    layer: &Descriptor,
    annotations: &Annotations,
) -> Result<Option<Descriptor>, StoreError> {
    // Without the blob there can be no manifest with it: one request instead of many.
    if !store.has_blob(&layer.digest).await? {
        return Ok(None);
    }
    let ReferrerList { referrers, .. } = store.referrers(&subject.digest).await?;
    let candidates = referrers
        .into_iter()
        .map(|referrer| referrer.descriptor)
        .filter(bundles::may_be_bundle)
        .filter(|descriptor| {
            let listed = descriptor.annotations.get(PREDICATE_TYPE);
            listed.is_none() || listed == annotations.get(PREDICATE_TYPE)
        });
    let manifests = stream::iter(candidates)
        .map(|descriptor| async move { store.manifest(&descriptor.digest).await })
        .buffered(CONCURRENCY);
    let found = manifests.try_filter(|manifest| {
        let same = is_about(manifest, &subject.digest)
            && bundles::bundle_layer(manifest).is_some_and(|own| own.digest == layer.digest);
        std::future::ready(same)
    });
    let mut found = std::pin::pin!(found);
    Ok(found
        .try_next()
        .await?
        .map(|manifest| manifest.descriptor()))
}

fn is_about(manifest: &Manifest, subject: &Digest) -> bool {
    manifest.subject().is_some_and(|s| s.digest == *subject)
}

fn annotations(bundle: &Bundle, created: Timestamp, limits: &Limits) -> Annotations {
    let content = match bundle.content() {
        BundleContent::Dsse(_) => "dsse-envelope",
        BundleContent::Message { .. } => "message-signature",
    };
    let mut annotations = Annotations::new();
    annotations.insert(CONTENT.to_owned(), content.to_owned());
    if let Some(predicate_type) = predicate_type(bundle, limits) {
        annotations.insert(PREDICATE_TYPE.to_owned(), predicate_type);
    }
    annotations.insert(CREATED.to_owned(), whole_seconds(created).to_string());
    annotations
}

/// The predicate type of the statement inside; absent if it holds no statement.
fn predicate_type(bundle: &Bundle, limits: &Limits) -> Option<String> {
    let statement = Statement::parse(bundle.envelope()?.payload(), limits).ok()?;
    Some(statement.predicate_type().as_str().to_owned())
}

fn whole_seconds(time: Timestamp) -> Timestamp {
    Timestamp::from_second(time.as_second()).unwrap_or(time)
}

/// Members in the order in which cosign writes them.
fn artifact_manifest(
    subject: &Descriptor,
    layer: &Descriptor,
    annotations: Annotations,
) -> Vec<u8> {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Out<'a> {
        schema_version: u32,
        media_type: &'a str,
        config: Pointer<'a>,
        layers: [Pointer<'a>; 1],
        annotations: Annotations,
        subject: Pointer<'a>,
        artifact_type: &'a str,
    }
    let config = Descriptor::of(media_type::EMPTY, EMPTY_CONFIG);
    let out = Out {
        schema_version: 2,
        media_type: media_type::IMAGE_MANIFEST,
        // cosign repeats the artifact type here; the specification does not ask for it.
        config: Pointer {
            artifact_type: Some(media_type::BUNDLE),
            ..Pointer::to(&config)
        },
        layers: [Pointer::to(layer)],
        annotations,
        subject: Pointer::to(subject),
        artifact_type: media_type::BUNDLE,
    };
    serde_json::to_vec(&out).expect("because texts and numbers always serialise")
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Pointer<'a> {
    media_type: &'a str,
    size: u64,
    digest: &'a Digest,
    #[serde(skip_serializing_if = "Option::is_none")]
    artifact_type: Option<&'a str>,
}

impl<'a> Pointer<'a> {
    fn to(descriptor: &'a Descriptor) -> Self {
        Self {
            media_type: &descriptor.media_type,
            size: descriptor.size,
            digest: &descriptor.digest,
            artifact_type: None,
        }
    }
}

/// The bytes of the empty configuration, image specification v1.1.1.
const EMPTY_CONFIG: &[u8] = b"{}";
const CONTENT: &str = "dev.sigstore.bundle.content";
pub(crate) const PREDICATE_TYPE: &str = "dev.sigstore.bundle.predicateType";
const CREATED: &str = "org.opencontainers.image.created";
/// Manifests read at once while looking for an earlier attachment.
const CONCURRENCY: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_manifest_is_byte_for_byte_what_cosign_writes() {
        let subject = Descriptor::of(media_type::IMAGE_MANIFEST, b"subject");
        let layer = Descriptor::of(media_type::BUNDLE, b"bundle");
        let mut annotations = Annotations::new();
        annotations.insert(CONTENT.to_owned(), "dsse-envelope".to_owned());
        let bytes = artifact_manifest(&subject, &layer, annotations);
        let expected = format!(
            concat!(
                r#"{{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","#,
                r#""config":{{"mediaType":"application/vnd.oci.empty.v1+json","size":2,"#,
                r#""digest":"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a","#,
                r#""artifactType":"application/vnd.dev.sigstore.bundle.v0.3+json"}},"#,
                r#""layers":[{{"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json","size":6,"digest":"{}"}}],"#,
                r#""annotations":{{"dev.sigstore.bundle.content":"dsse-envelope"}},"#,
                r#""subject":{{"mediaType":"application/vnd.oci.image.manifest.v1+json","size":7,"digest":"{}"}},"#,
                r#""artifactType":"application/vnd.dev.sigstore.bundle.v0.3+json"}}"#
            ),
            layer.digest, subject.digest
        );
        assert_eq!(String::from_utf8(bytes).unwrap(), expected);
    }

    #[test]
    fn created_is_in_whole_seconds() {
        let time: Timestamp = "2026-08-01T10:00:00.999Z".parse().unwrap();
        assert_eq!(whole_seconds(time).to_string(), "2026-08-01T10:00:00Z");
    }
}
