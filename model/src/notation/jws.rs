//! JWS envelopes: flattened JSON of RFC 7515 with the Notary Project's headers.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jiff::Timestamp;
use serde::Deserialize;

use super::attributes::{Header, NotationAlgorithm, cut};
use super::{ENVELOPE_BYTES, NotationError, Parts};
use crate::{Limits, json};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wire {
    payload: String,
    protected: String,
    header: Unprotected,
    signature: String,
}

#[derive(Deserialize)]
struct Unprotected {
    #[serde(default)]
    x5c: Vec<String>,
    #[serde(default, rename = "io.cncf.notary.timestampSignature")]
    timestamp: Option<String>,
    #[serde(default, rename = "io.cncf.notary.signingAgent")]
    signing_agent: Option<String>,
}

/// Others may be there too; those in `crit` are looked at by name.
#[derive(Deserialize)]
struct Protected {
    alg: String,
    #[serde(default)]
    cty: Option<String>,
    #[serde(default)]
    crit: Vec<String>,
    #[serde(default, rename = "io.cncf.notary.signingScheme")]
    scheme: Option<String>,
    #[serde(default, rename = "io.cncf.notary.signingTime")]
    signing_time: Option<Timestamp>,
    #[serde(default, rename = "io.cncf.notary.authenticSigningTime")]
    authentic_signing_time: Option<Timestamp>,
    #[serde(default, rename = "io.cncf.notary.expiry")]
    expiry: Option<Timestamp>,
    #[serde(default, rename = "io.cncf.notary.verificationPlugin")]
    plugin: Option<String>,
    #[serde(default, rename = "io.cncf.notary.verificationPluginMinVersion")]
    plugin_version: Option<String>,
}

pub(super) fn read(bytes: &[u8], limits: &Limits) -> Result<Parts, NotationError> {
    let wire: Wire = json::read(bytes, ENVELOPE_BYTES, limits.json_depth)?;
    let url = |name, text: &str| {
        URL_SAFE_NO_PAD
            .decode(text)
            .map_err(|_| NotationError::Base64 { name })
    };
    let standard = |name, text: &str| {
        STANDARD
            .decode(text)
            .map_err(|_| NotationError::Base64 { name })
    };
    let protected: Protected = json::read(
        &url("protected", &wire.protected)?,
        ENVELOPE_BYTES,
        limits.json_depth,
    )?;
    let algorithm = NotationAlgorithm::of_name(&protected.alg).ok_or(NotationError::Algorithm {
        found: cut(&protected.alg),
    })?;
    let header = Header {
        content_type: protected.cty,
        critical: protected.crit,
        scheme: protected.scheme,
        signing_time: protected.signing_time,
        authentic_signing_time: protected.authentic_signing_time,
        expiry: protected.expiry,
        plugin: protected.plugin,
        plugin_version: protected.plugin_version,
    };
    let certificates = wire.header.x5c.iter();
    Ok(Parts {
        signed: format!("{}.{}", wire.protected, wire.payload).into_bytes(),
        signature: url("signature", &wire.signature)?,
        attributes: header.settle(algorithm)?,
        payload: url("payload", &wire.payload)?,
        certificates: certificates
            .map(|text| standard("x5c", text))
            .collect::<Result<_, _>>()?,
        timestamp: wire
            .header
            .timestamp
            .map(|text| standard(super::attributes::TIMESTAMP, &text))
            .transpose()?,
        signing_agent: wire.header.signing_agent,
    })
}
