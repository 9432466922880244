//! Signatures and attestations as cosign stored them before bundles: layers with annotations.
//!
//! Implements cosign's signature specification as of v2.5,
//! <https://github.com/sigstore/cosign/blob/v2.5.0/specs/SIGNATURE_SPEC.md>, and the annotations of
//! `pkg/oci/static`. A layer is what was received and proves nothing; [`CosignLayer::to_bundle`]
//! says the same as a Sigstore bundle, which is then verified like any other.

mod blob;
mod materials;
mod simple_signing;

use std::collections::BTreeMap;

pub use blob::CosignBlob;
pub use materials::{CosignMaterials, LogPromise};
pub use simple_signing::SimpleSigning;

use crate::{Bundle, BundleError, Digest, Envelope, EnvelopeError, JsonError, Limits};

/// Media type of a signature layer: its bytes are a [`SimpleSigning`] payload.
pub const SIMPLE_SIGNING: &str = "application/vnd.dev.cosign.simplesigning.v1+json";
/// Media type of an attestation layer: its bytes are a DSSE envelope.
pub const DSSE: &str = "application/vnd.dsse.envelope.v1+json";
/// Media type of the layers of cosign's first attestation referrers, DSSE envelopes too.
pub const IN_TOTO: &str = crate::envelope::IN_TOTO;

/// Annotation: base64 of the signature over the layer's bytes; empty for envelopes.
pub const SIGNATURE: &str = "dev.cosignproject.cosign/signature";
/// Annotation: the signing certificate, PEM.
pub const CERTIFICATE: &str = "dev.sigstore.cosign/certificate";
/// Annotation: the certificates above it, PEM.
pub const CHAIN: &str = "dev.sigstore.cosign/chain";
/// Annotation: the log's promise to include the signature.
pub const BUNDLE: &str = "dev.sigstore.cosign/bundle";
/// Annotation: an RFC 3161 timestamp of the signature.
pub const TIMESTAMP: &str = "dev.sigstore.cosign/rfc3161timestamp";

/// Certificates of one chain. Fulcio's have at most four.
const CHAIN_LENGTH: usize = 10;

/// One layer of a `.sig` or `.att` tag, as received.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct CosignLayer {
    media_type: String,
    bytes: Vec<u8>,
    annotations: BTreeMap<String, String>,
}

impl CosignLayer {
    /// Takes a layer's bytes and the annotations of its descriptor. Other media types than those
    /// of signatures and attestations are refused, and what exceeds the limits of a bundle.
    pub fn new(
        media_type: &str,
        bytes: Vec<u8>,
        annotations: BTreeMap<String, String>,
        limits: &Limits,
    ) -> Result<Self, CosignError> {
        if ![SIMPLE_SIGNING, DSSE, IN_TOTO].contains(&media_type) {
            return Err(CosignError::MediaType {
                found: media_type.chars().take(100).collect(),
            });
        }
        let found = annotations
            .iter()
            .map(|(name, value)| name.len() + value.len())
            .sum::<usize>() as u64;
        // Annotations are part of a manifest, and as long as one at most.
        for (found, limit) in [
            (bytes.len() as u64, limits.bundle_bytes),
            (found, limits.manifest_bytes),
        ] {
            if found > limit {
                return Err(CosignError::Size { limit, found });
            }
        }
        Ok(Self {
            media_type: media_type.to_owned(),
            bytes,
            annotations,
        })
    }

    /// The media type its descriptor names.
    pub fn media_type(&self) -> &str {
        &self.media_type
    }

    /// The bytes as received: a payload or an envelope.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The annotations as received.
    pub fn annotations(&self) -> &BTreeMap<String, String> {
        &self.annotations
    }

    /// Whether it is a signature of an image rather than an attestation.
    pub fn is_signature(&self) -> bool {
        self.media_type == SIMPLE_SIGNING
    }

    /// What a signature layer says, unverified.
    pub fn payload(&self, limits: &Limits) -> Result<SimpleSigning, CosignError> {
        SimpleSigning::parse(&self.bytes, limits)
    }

    /// Certificates, log promise and timestamp of the annotations, unverified.
    pub fn materials(&self, limits: &Limits) -> Result<CosignMaterials, CosignError> {
        CosignMaterials::of_annotations(&self.annotations, limits)
    }

    /// The same as a Sigstore bundle of version 0.1, in which a log's promise may stand alone.
    /// Nothing is verified; what does not fit together is left for the verifier to refuse.
    pub fn to_bundle(&self, limits: &Limits) -> Result<Bundle, CosignError> {
        let materials = self.materials(limits)?;
        if self.is_signature() {
            let text = self
                .annotations
                .get(SIGNATURE)
                .filter(|text| !text.is_empty())
                .ok_or(CosignError::NoSignature)?;
            let signature =
                crate::envelope::decode_base64(text.trim()).ok_or(CosignError::Annotation {
                    name: SIGNATURE,
                    expected: "base64",
                })?;
            let digest = Digest::sha256(&self.bytes);
            return materials.message_bundle(&digest, &signature, limits);
        }
        let envelope = Envelope::parse(&self.bytes, limits)?;
        let bundle = materials.envelope_bundle(&envelope, limits)?;
        Ok(bundle.with_envelope_document(Digest::sha256(&self.bytes)))
    }
}

/// Why a layer or a file of cosign's cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CosignError {
    /// An annotation is not what it has to be.
    #[error("annotation `{name}` is not {expected}")]
    Annotation {
        /// Its name.
        name: &'static str,
        /// What was expected.
        expected: &'static str,
    },
    /// The parts make no bundle.
    #[error(transparent)]
    Bundle(#[from] BundleError),
    /// There are too many certificates.
    #[error("{found} certificates in a chain, the limit is {limit}")]
    Chain {
        /// The limit.
        limit: usize,
        /// The number found.
        found: usize,
    },
    /// The attestation is no envelope.
    #[error(transparent)]
    Envelope(#[from] EnvelopeError),
    /// Something is not JSON of the right shape.
    #[error("{what}: {error}")]
    Json {
        /// Which part.
        what: &'static str,
        /// Why not.
        error: JsonError,
    },
    /// The layer is neither signature nor attestation.
    #[error("no signature or attestation of cosign's: media type `{}`", found.escape_debug())]
    MediaType {
        /// What was found, cut short.
        found: String,
    },
    /// A signature layer has no signature.
    #[error("the layer has no annotation `{SIGNATURE}`")]
    NoSignature,
    /// The layer or its annotations are too long.
    #[error("{found} bytes, the limit is {limit}")]
    Size {
        /// The limit in bytes.
        limit: u64,
        /// The length in bytes.
        found: u64,
    },
    /// The payload says something else than "this image".
    #[error("payload type is `{}`, expected `{}`", found.escape_debug(), simple_signing::TYPE)]
    Type {
        /// What was found, cut short.
        found: String,
    },
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{BundleContent, BundleVersion, EnvelopeSignature, KeyMaterial};

    const PROMISE: &str = r#"{"SignedEntryTimestamp":"AQI=","Payload":{"body":"eyJhcGlWZXJzaW9uIjoiMC4wLjEiLCJraW5kIjoiaGFzaGVkcmVrb3JkIn0=","integratedTime":1700000000,"logIndex":7,"logID":"00ff"}}"#;
    const CERTIFICATES: &str = "-----BEGIN CERTIFICATE-----\nAQID\n-----END CERTIFICATE-----\n";

    fn layer(kind: &str, bytes: &[u8], annotations: &[(&str, &str)]) -> CosignLayer {
        let annotations = annotations
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        CosignLayer::new(kind, bytes.to_vec(), annotations, &Limits::default()).unwrap()
    }

    #[test]
    fn a_signature_layer_says_the_same_as_a_bundle() {
        let annotations = [
            (SIGNATURE, "_-8="),
            (CERTIFICATE, CERTIFICATES),
            (CHAIN, CERTIFICATES),
            (BUNDLE, PROMISE),
            (TIMESTAMP, r#"{"SignedRFC3161Timestamp":"AAE="}"#),
        ];
        let layer = layer(SIMPLE_SIGNING, b"{}", &annotations);
        let bundle = layer.to_bundle(&Limits::default()).unwrap();
        assert_eq!(bundle.version(), BundleVersion::V0_1);
        assert_eq!((bundle.log_entries(), bundle.timestamps()), (1, 1));
        assert_eq!(*bundle.key(), KeyMaterial::Certificate(vec![1, 2, 3]));
        let BundleContent::Message {
            signature, digest, ..
        } = bundle.content()
        else {
            panic!("a signature is over bytes");
        };
        assert_eq!(*signature, [0xff, 0xef]);
        assert_eq!(hex::encode(digest), Digest::sha256(b"{}").hex());
        let json: serde_json::Value = serde_json::from_slice(bundle.bytes()).unwrap();
        let entry = &json["verificationMaterial"]["tlogEntries"][0];
        assert_eq!(entry["kindVersion"]["kind"], "hashedrekord");
        assert_eq!(entry["logIndex"], "7");
        assert_eq!(entry["logId"]["keyId"], "AP8=");
    }

    #[test]
    fn an_attestation_layer_keeps_the_signed_payload() {
        let signature = EnvelopeSignature {
            key_id: Some("k".into()),
            signature: vec![1],
        };
        let envelope = Envelope::new(b" {\"a\" : 1}".to_vec(), IN_TOTO, vec![signature]);
        let layer = layer(DSSE, &envelope.to_json(), &[(SIGNATURE, "")]);
        let bundle = layer.to_bundle(&Limits::default()).unwrap();
        assert_eq!(bundle.envelope(), Some(&envelope));
    }

    #[test]
    fn f41_what_is_no_layer_of_cosigns_or_too_much_is_refused() {
        let new = |kind: &str, annotation: String, limits: &Limits| {
            let annotations = BTreeMap::from([(CHAIN.to_owned(), annotation)]);
            CosignLayer::new(kind, b"{}".to_vec(), annotations, limits).map(|_| ())
        };
        let limits = Limits::default();
        new(SIMPLE_SIGNING, String::new(), &limits).unwrap();
        new("text/spdx+json", String::new(), &limits).unwrap_err();
        let long = "x".repeat(usize::try_from(limits.manifest_bytes).unwrap());
        new(DSSE, long, &limits).unwrap_err();
        let many = CERTIFICATES.repeat(CHAIN_LENGTH + 1);
        let chain = [
            (SIGNATURE, "AA=="),
            (CERTIFICATE, CERTIFICATES),
            (CHAIN, &many),
        ];
        let error = layer(SIMPLE_SIGNING, b"{}", &chain).to_bundle(&limits);
        assert_eq!(
            error.unwrap_err(),
            CosignError::Chain {
                limit: 10,
                found: 11
            }
        );
        let unsigned = layer(SIMPLE_SIGNING, b"{}", &[(SIGNATURE, "")]).to_bundle(&limits);
        assert_eq!(unsigned.unwrap_err(), CosignError::NoSignature);
    }
}
