//! Simple signing payloads: "this digest, under this name".
//!
//! <https://github.com/containers/image/blob/v5.36.0/docs/containers-signature.5.md>, with the
//! type cosign gives them.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::CosignError;
use crate::{Digest, Limits, json};

/// The only type cosign writes.
pub(super) const TYPE: &str = "cosign container image signature";

/// What a signature of an image says, unverified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SimpleSigning {
    /// The image.
    pub digest: Digest,
    /// The name it was signed under, for example `registry.example/app`; may be empty.
    pub docker_reference: String,
    /// What the signer added, `cosign sign -a KEY=VALUE`.
    pub optional: BTreeMap<String, serde_json::Value>,
}

#[derive(Deserialize)]
struct Wire {
    critical: Critical,
    #[serde(default)]
    optional: Option<BTreeMap<String, serde_json::Value>>,
}

// What is critical must be understood, so members nobody here knows are refused.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Critical {
    identity: Identity,
    image: Image,
    #[serde(rename = "type")]
    kind: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Identity {
    #[serde(default, rename = "docker-reference")]
    docker_reference: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Image {
    // The second spelling stands in cosign's specification; its code never wrote it.
    #[serde(rename = "docker-manifest-digest", alias = "Docker-manifest-digest")]
    digest: Digest,
}

impl SimpleSigning {
    /// Reads a payload.
    pub fn parse(bytes: &[u8], limits: &Limits) -> Result<Self, CosignError> {
        let wire: Wire =
            json::read(bytes, limits.bundle_bytes, limits.json_depth).map_err(|error| {
                CosignError::Json {
                    what: "no simple signing payload",
                    error,
                }
            })?;
        if wire.critical.kind != TYPE {
            return Err(CosignError::Type {
                found: wire.critical.kind.chars().take(100).collect(),
            });
        }
        Ok(Self {
            digest: wire.critical.image.digest,
            docker_reference: wire.critical.identity.docker_reference,
            optional: wire.optional.unwrap_or_default(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn payload(image: &str, kind: &str, more: &str) -> Vec<u8> {
        format!(
            r#"{{"critical":{{"identity":{{"docker-reference":"r.example/app"}},"image":{{{image}}},"type":"{kind}"{more}}},"optional":null}}"#
        )
        .into_bytes()
    }

    #[test]
    fn a_payload_names_an_image_and_its_reference() {
        let digest = Digest::sha256(b"image");
        for name in ["docker-manifest-digest", "Docker-manifest-digest"] {
            let bytes = payload(&format!(r#""{name}":"{digest}""#), TYPE, "");
            let read = SimpleSigning::parse(&bytes, &Limits::default()).unwrap();
            assert_eq!(read.digest, digest);
            assert_eq!(read.docker_reference, "r.example/app");
        }
    }

    #[test]
    fn what_is_critical_and_unknown_is_refused() {
        let digest = Digest::sha256(b"image");
        let image = format!(r#""docker-manifest-digest":"{digest}""#);
        let twice = format!(r#"{image},"Docker-manifest-digest":"{digest}""#);
        for bytes in [
            payload(&image, "atomic container signature", ""),
            payload(&image, TYPE, r#","expires":"2020""#),
            payload(&twice, TYPE, ""),
            payload(r#""docker-manifest-digest":"sha256:00""#, TYPE, ""),
            payload("", TYPE, ""),
        ] {
            SimpleSigning::parse(&bytes, &Limits::default()).unwrap_err();
        }
    }
}
