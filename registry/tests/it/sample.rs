//! Images and bundles to store.

use bulla_model::{Bundle, Descriptor, Envelope, EnvelopeSignature, ImageIndex, media_type};
use bulla_registry::Store;
use bulla_registry::legacy::{LegacyKind, NewLegacyLayer};
use jiff::Timestamp;
use serde_json::json;

/// A bundle whose bytes depend on `name`; its signature is no signature.
pub(crate) fn bundle(name: &str) -> Bundle {
    let statement = json!({
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": name, "digest": {"sha256": "ab".repeat(32)}}],
        "predicateType": "https://example.test/predicate/v1",
        "predicate": {"name": name},
    });
    let signature = EnvelopeSignature {
        key_id: None,
        signature: name.as_bytes().to_vec(),
    };
    let envelope = Envelope::new(
        statement.to_string().into_bytes(),
        "application/vnd.in-toto+json",
        vec![signature],
    );
    Bundle::with_public_key(&envelope, "hint").unwrap()
}

/// A legacy signature that depends on `name`; it is no signature.
pub(crate) fn legacy(name: &str) -> NewLegacyLayer {
    NewLegacyLayer {
        kind: LegacyKind::Signature,
        media_type: "application/vnd.dev.cosign.simplesigning.v1+json",
        bytes: name.as_bytes().to_vec(),
        annotations: [("dev.cosignproject.cosign/signature", name)]
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .into(),
    }
}

/// A moment in the past.
pub(crate) fn created() -> Timestamp {
    "2026-08-01T10:00:00Z".parse().unwrap()
}

/// Stores an image of one layer, without a tag.
pub(crate) async fn image<S: Store>(store: &S, layer: &[u8]) -> Descriptor {
    let config = br#"{"architecture":"amd64","os":"linux"}"#.to_vec();
    let config_descriptor = Descriptor::of(media_type::IMAGE_CONFIG, &config);
    let layer_descriptor = Descriptor::of(media_type::LAYER_TAR, layer);
    store.put_blob(config).await.unwrap();
    store.put_blob(layer.to_vec()).await.unwrap();
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": media_type::IMAGE_MANIFEST,
        "config": config_descriptor,
        "layers": [layer_descriptor],
    });
    store
        .put_manifest(
            manifest.to_string().as_bytes(),
            media_type::IMAGE_MANIFEST,
            None,
        )
        .await
        .unwrap()
}

/// Stores an index over two images, without a tag; returns it and its children.
pub(crate) async fn index<S: Store>(store: &S) -> (Descriptor, Vec<Descriptor>) {
    let mut children = Vec::new();
    for architecture in ["amd64", "arm64"] {
        children.push(image(store, architecture.as_bytes()).await);
    }
    let bytes = serde_json::to_vec(&ImageIndex::new(children.clone())).unwrap();
    let index = store
        .put_manifest(&bytes, media_type::IMAGE_INDEX, None)
        .await
        .unwrap();
    (index, children)
}
