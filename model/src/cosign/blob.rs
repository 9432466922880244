//! The file `cosign sign-blob --bundle` wrote before Sigstore bundles.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::materials::{CosignMaterials, certificates_of};
use super::{BUNDLE, CERTIFICATE, CHAIN, CosignError, CosignLayer, DSSE, SIGNATURE};
use crate::envelope::decode_base64;
use crate::{Bundle, Digest, Envelope, Limits, json};

/// A blob's signature with what cosign stored beside it, unverified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CosignBlob {
    /// The signature; where `attest-blob` wrote it, the envelope's document.
    pub signature: Vec<u8>,
    /// Certificates, the log's promise, a timestamp.
    pub materials: CosignMaterials,
    /// The same as texts, as layers have them.
    annotations: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wire {
    base64_signature: String,
    #[serde(default)]
    cert: Option<String>,
    #[serde(default)]
    rekor_bundle: Option<Box<RawValue>>,
}

impl CosignBlob {
    /// Reads `{"base64Signature": …, "cert": …, "rekorBundle": …}`, cosign v2.5's
    /// `LocalSignedPayload`,
    /// <https://github.com/sigstore/cosign/blob/v2.5.0/pkg/cosign/fetch.go>. `cert` may also be the
    /// public key, which is not believed: keys are what the verifier brings.
    pub fn parse(bytes: &[u8], limits: &Limits) -> Result<Self, CosignError> {
        let what = "no signature file of cosign's";
        let wire: Wire = json::read(bytes, limits.bundle_bytes, limits.json_depth)
            .map_err(|error| CosignError::Json { what, error })?;
        let mut annotations = BTreeMap::new();
        if let Some(text) = wire.cert.filter(|text| !text.is_empty()) {
            let text = pem_of(&text);
            if !is_public_key(&text) {
                annotations = certificates(&text, "cert")?;
            }
        }
        if let Some(raw) = wire.rekor_bundle.filter(|raw| raw.get() != "null") {
            annotations.insert(BUNDLE.to_owned(), raw.get().to_owned());
        }
        Ok(Self {
            signature: decode_base64(wire.base64_signature.trim()).ok_or(
                CosignError::Annotation {
                    name: SIGNATURE,
                    expected: "base64",
                },
            )?,
            materials: CosignMaterials::of_annotations(&annotations, limits)?,
            annotations,
        })
    }

    /// A signature, base64 in one line or several or its bytes, and what stands in files of their own: the
    /// certificate and those above it, PEM or base64 of PEM, and an RFC 3161 timestamp response, DER.
    pub fn detached(
        signature: &[u8],
        certificate: Option<&str>,
        chain: Option<&str>,
        timestamp: Option<Vec<u8>>,
    ) -> Result<Self, CosignError> {
        let text = std::str::from_utf8(signature).ok();
        let text = text.map(|text| text.trim().replace(['\r', '\n'], ""));
        let decoded = text
            .filter(|text| !text.is_empty())
            .and_then(|text| decode_base64(&text));
        let signature = decoded.unwrap_or_else(|| signature.to_vec());
        if signature.is_empty() {
            return Err(CosignError::NoSignature);
        }
        let mut found = Vec::new();
        if let Some(text) = certificate {
            found = certificates_of(&pem_of(text), "certificate")?;
            if let Some(text) = chain {
                found.append(&mut certificates_of(&pem_of(text), "chain")?);
            }
        }
        Ok(Self {
            signature,
            materials: CosignMaterials {
                certificates: found,
                promise: None,
                timestamp,
            },
            annotations: BTreeMap::new(),
        })
    }

    /// The same as a layer, byte for byte, if it is an attestation: an envelope stands where the
    /// signature would be.
    pub fn attestation(&self, limits: &Limits) -> Option<Result<CosignLayer, CosignError>> {
        Envelope::parse(&self.signature, limits).ok()?;
        let (document, annotations) = (self.signature.clone(), self.annotations.clone());
        Some(CosignLayer::new(DSSE, document, annotations, limits))
    }

    /// The same as a Sigstore bundle about the blob with this digest.
    pub fn to_bundle(&self, blob: &Digest, limits: &Limits) -> Result<Bundle, CosignError> {
        self.materials.message_bundle(blob, &self.signature, limits)
    }
}

/// Certificates stand as PEM, or as base64 of PEM.
fn pem_of(text: &str) -> String {
    let decoded = decode_base64(text.trim()).and_then(|bytes| String::from_utf8(bytes).ok());
    decoded.unwrap_or_else(|| text.to_owned())
}

fn is_public_key(text: &str) -> bool {
    pem::parse_many(text)
        .is_ok_and(|blocks| matches!(blocks.as_slice(), [only] if only.tag() == "PUBLIC KEY"))
}

/// The first certificate and those above it, as annotations.
fn certificates(text: &str, name: &'static str) -> Result<BTreeMap<String, String>, CosignError> {
    let found = certificates_of(text, name)?;
    let mut texts = found
        .into_iter()
        .map(|der| pem::encode(&pem::Pem::new("CERTIFICATE", der)));
    let mut annotations = BTreeMap::new();
    if let Some(first) = texts.next() {
        annotations.insert(CERTIFICATE.to_owned(), first);
    }
    let above: String = texts.collect();
    if !above.is_empty() {
        annotations.insert(CHAIN.to_owned(), above);
    }
    Ok(annotations)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_file_becomes_a_bundle_about_the_blob() {
        let bytes = br#"{"base64Signature":"AQI=","cert":"LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCkFRSUQKLS0tLS1FTkQgQ0VSVElGSUNBVEUtLS0tLQo=","rekorBundle":{"SignedEntryTimestamp":"AQI=","Payload":{"body":"eyJhcGlWZXJzaW9uIjoiMC4wLjEiLCJraW5kIjoiaGFzaGVkcmVrb3JkIn0=","integratedTime":1,"logIndex":7,"logID":"00"}}}"#;
        let blob = CosignBlob::parse(bytes, &Limits::default()).unwrap();
        assert_eq!(blob.signature, [1, 2]);
        assert_eq!(blob.materials.certificates, [vec![1, 2, 3]]);
        let digest = Digest::sha256(b"blob");
        let bundle = blob.to_bundle(&digest, &Limits::default()).unwrap();
        assert_eq!(bundle.named_digest(), Some(digest));
        assert_eq!(bundle.entries()[0].integrated_time, Some(1));
        CosignBlob::parse(br#"{"base64Signature":"?"}"#, &Limits::default()).unwrap_err();
        CosignBlob::parse(br#"{"cert":""}"#, &Limits::default()).unwrap_err();
    }

    #[test]
    fn a_detached_signature_is_base64_or_raw() {
        for bytes in [b"AQI=\n".as_slice(), b"AQ\r\nI=\n", b"AQ\nI=", &[1, 2]] {
            let blob = CosignBlob::detached(bytes, None, None, None).unwrap();
            assert_eq!(blob.signature, [1, 2]);
        }
        CosignBlob::detached(b"AQI=", Some("no certificate"), None, None).unwrap_err();
        assert_eq!(
            CosignBlob::detached(b"", None, None, None),
            Err(CosignError::NoSignature)
        );
    }

    #[test]
    fn an_envelope_where_the_signature_would_be_is_an_attestation_byte_for_byte() {
        use base64::Engine as _;
        let limits = Limits::default();
        let document = br#"{ "payloadType":"t","payload":"e30=","signatures":[{"sig":"AQI="}] }"#;
        let text = base64::engine::general_purpose::STANDARD.encode(document);
        let file = format!(r#"{{"base64Signature":"{text}","cert":"{KEY}"}}"#);
        let blob = CosignBlob::parse(file.as_bytes(), &limits).unwrap();
        assert!(
            blob.materials.certificates.is_empty(),
            "a key is no certificate"
        );
        let layer = blob.attestation(&limits).unwrap().unwrap();
        assert_eq!(layer.bytes(), document);
        let bundle = layer.to_bundle(&limits).unwrap();
        assert_eq!(bundle.envelope_document(), Some(&Digest::sha256(document)));
        let blob = CosignBlob::detached(b"AQI=", None, None, None).unwrap();
        assert!(blob.attestation(&limits).is_none());
    }

    /// Base64 of `-----BEGIN PUBLIC KEY-----`, three bytes, and its end.
    const KEY: &str =
        "LS0tLS1CRUdJTiBQVUJMSUMgS0VZLS0tLS0KQVFJRAotLS0tLUVORCBQVUJMSUMgS0VZLS0tLS0K";
}
