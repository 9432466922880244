//! Making `trusted_root.json` and `signing_config.v0.2.json`.
//!
//! Formats: `dev.sigstore.trustroot.v1` of sigstore/protobuf-specs 0.5.1, as protobuf JSON.

use bulla_model::Digest;
use der::asn1::{Any, ObjectIdentifier};
use der::{Decode as _, Tag, Tagged as _};
use jiff::Timestamp;
use serde_json::{Map, Value, json};
use sigstore_crypto::KeyAlgorithm;
use sigstore_types::DerPublicKey;
use x509_cert::Certificate;

use super::spec::Service;
use crate::Failure;
use crate::failure::FailureKind;

/// Media type of trusted roots.
pub(crate) const TRUSTED_ROOT_TYPE: &str =
    "application/vnd.dev.sigstore.trustedroot+json;version=0.1";
/// Media type of signing configurations.
pub(crate) const SIGNING_CONFIG_TYPE: &str = "application/vnd.dev.sigstore.signingconfig.v0.2+json";

const ORGANIZATION: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.10");
const COMMON_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.3");

/// A certificate authority or timestamp authority from its PEM chain.
pub(crate) fn authority(service: &Service, pem: &[u8]) -> Result<Value, Failure> {
    let chain = certificates(service, pem)?;
    let wrong = |reason: &dyn std::fmt::Display| wrong(service, "certificate-chain", reason);
    let parsed: Result<Vec<_>, _> = chain.iter().map(|der| Certificate::from_der(der)).collect();
    let mut parsed = parsed.map_err(|error| wrong(&error))?;
    let root = parsed.pop().ok_or_else(|| wrong(&"no certificate"))?;
    // The window of the root is the widest that any of its certificates could be trusted in.
    let from = root.tbs_certificate.validity.not_before.to_system_time();
    let from = Timestamp::try_from(from).map_err(|error| wrong(&error))?;
    let start = service.start.unwrap_or(from);
    let certificates: Vec<Value> = chain.iter().map(|der| raw(der)).collect();
    let mut entry = json!({
        "subject": subject(&root),
        "uri": service.text,
        "certChain": {"certificates": certificates},
        "validFor": window(start, service.end),
    });
    add_operator(&mut entry, service);
    Ok(entry)
}

/// A transparency log or certificate log from its PEM key.
pub(crate) fn log(service: &Service, pem: &[u8]) -> Result<Value, Failure> {
    let wrong = |reason: &dyn std::fmt::Display| wrong(service, "public-key", reason);
    let text = std::str::from_utf8(pem).map_err(|error| wrong(&error))?;
    let key = DerPublicKey::from_pem(text.trim()).map_err(|error| wrong(&error))?;
    let algorithm = KeyAlgorithm::from_spki(&key).map_err(|error| wrong(&error))?;
    let details = details(algorithm, key.as_bytes().len())
        .ok_or_else(|| wrong(&"logs do not sign with keys of this kind"))?;
    let start = service
        .start
        .ok_or_else(|| wrong(&"a log's key needs start-time, from when it counts"))?;
    let key_id = match &service.origin {
        Some(origin) if algorithm == KeyAlgorithm::Ed25519 => note_key_id(origin, &key),
        _ => Digest::sha256(key.as_bytes()),
    };
    let key_id = hex::decode(key_id.hex()).expect("because a digest's hex is hex");
    let mut entry = json!({
        "baseUrl": service.text,
        "hashAlgorithm": "SHA2_256",
        "publicKey": {
            "rawBytes": base64(key.as_bytes()),
            "keyDetails": details,
            "validFor": window(start, service.end),
        },
        "logId": {"keyId": base64(&key_id)},
    });
    add_operator(&mut entry, service);
    Ok(entry)
}

/// The endpoint of a service, for a signing configuration.
pub(crate) fn endpoint(service: &Service, now: Timestamp) -> Value {
    let host = service.url.host_str().unwrap_or_default().to_owned();
    json!({
        "url": service.text,
        "majorApiVersion": service.api_version,
        "validFor": window(service.start.unwrap_or(now), service.end),
        "operator": service.operator.clone().unwrap_or(host),
    })
}

/// How many services of a kind are used: `ANY`, `ALL` or `EXACT:N`.
pub(crate) fn selector(flag: &str, text: &str) -> Result<Value, Failure> {
    match text.split_once(':') {
        None if matches!(text, "ANY" | "ALL") => Ok(json!({"selector": text})),
        Some(("EXACT", count)) => match count.parse::<u32>() {
            Ok(count) if count > 0 => Ok(json!({"selector": "EXACT", "count": count})),
            _ => Err(Failure::usage(format_args!(
                "{flag} {text}: a count is a number above 0"
            ))),
        },
        _ => Err(Failure::usage(format_args!(
            "{flag} {text}: expected ANY, ALL or EXACT:N"
        ))),
    }
}

/// Adds entries to a document's list.
pub(crate) fn extend(document: &mut Map<String, Value>, list: &str, entries: Vec<Value>) {
    if let Value::Array(held) = document
        .entry(list)
        .or_insert_with(|| Value::Array(Vec::new()))
    {
        held.extend(entries);
    }
}

fn certificates(service: &Service, pem: &[u8]) -> Result<Vec<Vec<u8>>, Failure> {
    let wrong = |reason: &dyn std::fmt::Display| wrong(service, "certificate-chain", reason);
    let blocks = pem::parse_many(pem).map_err(|error| wrong(&error))?;
    if blocks.is_empty() {
        return Err(wrong(&"no certificate in it"));
    }
    blocks
        .into_iter()
        .map(|block| {
            if block.tag() == "CERTIFICATE" {
                Ok(block.into_contents())
            } else {
                Err(wrong(&format_args!("`{}` is no certificate", block.tag())))
            }
        })
        .collect()
}

/// What the format says of an authority's name. Some readers want both parts, so that one which is not there is
/// empty.
fn subject(certificate: &Certificate) -> Value {
    let (mut organization, mut common_name) = (None, None);
    let name = &certificate.tbs_certificate.subject;
    for part in name.0.iter().flat_map(|set| set.0.iter()) {
        let place = match part.oid {
            ORGANIZATION => &mut organization,
            COMMON_NAME => &mut common_name,
            _ => continue,
        };
        if place.is_none() {
            *place = text(&part.value);
        }
    }
    json!({
        "organization": organization.unwrap_or_default(),
        "commonName": common_name.unwrap_or_default(),
    })
}

/// An attribute of a name, of the kinds of string RFC 5280 lets authorities write.
fn text(value: &Any) -> Option<String> {
    match value.tag() {
        Tag::Utf8String | Tag::PrintableString | Tag::Ia5String => {
            String::from_utf8(value.value().to_vec()).ok()
        }
        _ => None,
    }
}

/// The algorithm and encoding of a key, by its name in `PublicKeyDetails`.
fn details(algorithm: KeyAlgorithm, spki_length: usize) -> Option<&'static str> {
    match algorithm {
        KeyAlgorithm::EcdsaP256 => Some("PKIX_ECDSA_P256_SHA_256"),
        KeyAlgorithm::EcdsaP384 => Some("PKIX_ECDSA_P384_SHA_384"),
        KeyAlgorithm::Ed25519 => Some("PKIX_ED25519"),
        // The modulus makes nearly all of an RSA key's length.
        KeyAlgorithm::Rsa => match spki_length {
            280..=310 => Some("PKIX_RSA_PKCS1V15_2048_SHA256"),
            410..=440 => Some("PKIX_RSA_PKCS1V15_3072_SHA256"),
            540..=570 => Some("PKIX_RSA_PKCS1V15_4096_SHA256"),
            _ => None,
        },
        _ => None,
    }
}

/// The key id of a checkpoint's signer: <https://c2sp.org/signed-note@v1.0.0>, uncut.
fn note_key_id(origin: &str, key: &DerPublicKey) -> Digest {
    let spki = key.as_bytes();
    let raw = spki
        .get(spki.len().saturating_sub(32)..)
        .unwrap_or_default();
    let mut named = origin.as_bytes().to_vec();
    named.extend_from_slice(b"\n\x01");
    named.extend_from_slice(raw);
    Digest::sha256(&named)
}

fn window(start: Timestamp, end: Option<Timestamp>) -> Value {
    match end {
        Some(end) => json!({"start": start.to_string(), "end": end.to_string()}),
        None => json!({"start": start.to_string()}),
    }
}

fn add_operator(entry: &mut Value, service: &Service) {
    if let (Some(operator), Some(entry)) = (&service.operator, entry.as_object_mut()) {
        entry.insert("operator".to_owned(), Value::String(operator.clone()));
    }
}

fn raw(der: &[u8]) -> Value {
    json!({"rawBytes": base64(der)})
}

fn base64(bytes: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

fn wrong(service: &Service, key: &str, reason: &dyn std::fmt::Display) -> Failure {
    Failure::new(
        FailureKind::Input,
        format_args!("{} {}: {key}: {reason}", service.flag, service.text),
    )
}

#[cfg(test)]
mod tests {
    use super::super::spec::Kind;
    use super::*;

    #[test]
    fn a_logs_key_id_is_what_its_checkpoints_are_signed_under() {
        // The public-good instance's own entry, taken apart and made again.
        let root: Value =
            serde_json::from_slice(super::super::Known::PublicGood.trusted_root()).unwrap();
        for (at, origin) in [(0, ""), (1, ",origin=log2025-1.rekor.sigstore.dev")] {
            let theirs = &root["tlogs"][at];
            let body = theirs["publicKey"]["rawBytes"].as_str().unwrap();
            let pem = format!("-----BEGIN PUBLIC KEY-----\n{body}\n-----END PUBLIC KEY-----\n");
            let start = theirs["publicKey"]["validFor"]["start"].as_str().unwrap();
            let url = theirs["baseUrl"].as_str().unwrap();
            let text = format!("url={url},public-key=-,start-time={start}{origin}");
            let service = Service::parse("--rekor", Kind::Log, &text).unwrap();
            let mut ours = log(&service, pem.as_bytes()).unwrap();
            if let Some(operator) = theirs.get("operator") {
                ours["operator"] = operator.clone();
            }
            assert_eq!(&ours, theirs);
        }
    }

    #[test]
    fn an_authority_is_named_as_its_root_is() {
        // The public-good instance's own entries again.
        let root: Value =
            serde_json::from_slice(super::super::Known::PublicGood.trusted_root()).unwrap();
        for (list, at) in [("certificateAuthorities", 1), ("timestampAuthorities", 0)] {
            let theirs = &root[list][at];
            let chain: Vec<String> = theirs["certChain"]["certificates"]
                .as_array()
                .unwrap()
                .iter()
                .map(|held| held["rawBytes"].as_str().unwrap())
                .map(|body| {
                    format!("-----BEGIN CERTIFICATE-----\n{body}\n-----END CERTIFICATE-----\n")
                })
                .collect();
            let start = theirs["validFor"]["start"].as_str().unwrap();
            let url = theirs["uri"].as_str().unwrap();
            let text = format!("url={url},certificate-chain=-,start-time={start}");
            let service = Service::parse("--fulcio", Kind::Authority, &text).unwrap();
            let mut ours = authority(&service, chain.concat().as_bytes()).unwrap();
            if let Some(operator) = theirs.get("operator") {
                ours["operator"] = operator.clone();
            }
            assert_eq!(&ours, theirs);
        }
        let unnamed = rcgen::CertificateParams::new(Vec::new()).unwrap();
        let key = rcgen::KeyPair::generate().unwrap();
        let pem = unnamed.self_signed(&key).unwrap().pem();
        let text = "url=https://ca.example.test,certificate-chain=-";
        let service = Service::parse("--fulcio", Kind::Authority, text).unwrap();
        let ours = authority(&service, pem.as_bytes()).unwrap();
        assert_eq!(
            ours["subject"],
            json!({"organization": "", "commonName": "rcgen self signed cert"})
        );
    }

    #[test]
    fn a_key_that_starts_at_no_time_is_refused() {
        let service =
            Service::parse("--ctfe", Kind::Log, "url=https://a.test,public-key=-").unwrap();
        let pem = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAPUAXw+hDiVqStwqnTRt+vJyYLM8uxJaMwM1V8Sr0Zgw=\n-----END PUBLIC KEY-----\n";
        let failure = log(&service, pem.as_bytes()).unwrap_err();
        assert!(failure.message().contains("start-time"), "{failure:?}");
    }

    #[test]
    fn selectors_are_those_of_the_format() {
        assert_eq!(
            selector("--rekor-config", "ANY").unwrap()["selector"],
            "ANY"
        );
        assert_eq!(selector("--rekor-config", "EXACT:2").unwrap()["count"], 2);
        for text in ["", "any", "EXACT", "EXACT:0", "EXACT:x", "ALL:2"] {
            selector("--rekor-config", text).unwrap_err();
        }
    }
}
