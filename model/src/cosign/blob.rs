//! The file `cosign sign-blob --bundle` wrote before Sigstore bundles.

use serde::Deserialize;
use serde_json::Value;

use super::materials::{CosignMaterials, LogPromise, certificates_of};
use super::{CosignError, SIGNATURE};
use crate::envelope::decode_base64;
use crate::{Bundle, Digest, Limits, json};

/// A blob's signature with what cosign stored beside it, unverified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CosignBlob {
    /// The signature.
    pub signature: Vec<u8>,
    /// Certificates and the log's promise.
    pub materials: CosignMaterials,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wire {
    base64_signature: String,
    #[serde(default)]
    cert: Option<String>,
    #[serde(default)]
    rekor_bundle: Option<Value>,
}

impl CosignBlob {
    /// Reads `{"base64Signature": …, "cert": …, "rekorBundle": …}`.
    pub fn parse(bytes: &[u8], limits: &Limits) -> Result<Self, CosignError> {
        let what = "no signature file of cosign's";
        let wire: Wire = json::read(bytes, limits.bundle_bytes, limits.json_depth)
            .map_err(|error| CosignError::Json { what, error })?;
        let certificates = match wire.cert.filter(|text| !text.is_empty()) {
            None => Vec::new(),
            Some(text) => certificates_of(&pem_of(&text), "cert")?,
        };
        let promise = match wire.rekor_bundle {
            None | Some(Value::Null) => None,
            Some(value) => Some(LogPromise::parse(value.to_string().as_bytes(), limits)?),
        };
        Self::new(&wire.base64_signature, certificates, promise)
    }

    /// A signature and a certificate from two files: base64 or raw bytes, and PEM.
    pub fn detached(
        signature: &[u8],
        certificate: Option<&str>,
        chain: Option<&str>,
    ) -> Result<Self, CosignError> {
        let mut certificates = Vec::new();
        if let Some(text) = certificate {
            certificates = certificates_of(&pem_of(text), "certificate")?;
            if let Some(text) = chain {
                certificates.append(&mut certificates_of(text, "chain")?);
            }
        }
        let materials = CosignMaterials {
            certificates,
            ..CosignMaterials::default()
        };
        let text = std::str::from_utf8(signature).ok().map(str::trim);
        let decoded = text.filter(|text| !text.is_empty()).and_then(decode_base64);
        let signature = decoded.unwrap_or_else(|| signature.to_vec());
        Ok(Self {
            signature,
            materials,
        })
    }

    fn new(
        signature: &str,
        certificates: Vec<Vec<u8>>,
        promise: Option<LogPromise>,
    ) -> Result<Self, CosignError> {
        Ok(Self {
            signature: decode_base64(signature.trim()).ok_or(CosignError::Annotation {
                name: SIGNATURE,
                expected: "base64",
            })?,
            materials: CosignMaterials {
                certificates,
                promise,
                timestamp: None,
            },
        })
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
        for bytes in [b"AQI=\n".as_slice(), &[1, 2]] {
            let blob = CosignBlob::detached(bytes, None, None).unwrap();
            assert_eq!(blob.signature, [1, 2]);
        }
        CosignBlob::detached(b"AQI=", Some("no certificate"), None).unwrap_err();
    }
}
