//! Bundles inside what package registries and platforms deliver.
//!
//! | who | shape | specification |
//! |---|---|---|
//! | npm | `{"attestations": [{"predicateType", "bundle"}]}` | the registry's `/-/npm/v1/attestations` |
//! | GitHub | `{"attestations": [{"bundle"}]}` | REST API, "List attestations", version 2022-11-28 |
//! | PyPI | `{"version": 1, "attestation_bundles": [{"attestations": […]}]}`, or one of the inner objects | PEP 740, <https://peps.python.org/pep-0740/> |
//!
//! Nothing is verified. What is signed is carried over as it came; only PyPI's objects, which name
//! the parts of a bundle differently, get other JSON around them.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::descriptor::media_type;
use crate::json;
use crate::{Limits, envelope};

/// The bundles in a document of these shapes, in their order; `None` if it has another shape.
pub fn bundles(
    bytes: &[u8],
    limits: &Limits,
) -> Result<Option<Vec<Vec<u8>>>, AttestationListError> {
    let head: Head = match json::read(bytes, limits.bundle_bytes, limits.json_depth) {
        Ok(head) => head,
        // It may be an array, or something else that somebody else understands.
        Err(_) => return Ok(None),
    };
    let found = if head.attestations.is_some() {
        let list: List<'_> = of_shape(bytes)?;
        let given = list.attestations.into_iter().map(|entry| {
            let bundle = entry.bundle.filter(|bundle| bundle.get() != "null");
            let bundle = bundle.ok_or(AttestationListError::NoBundle)?;
            Ok(bundle.get().as_bytes().to_vec())
        });
        given.collect::<Result<Vec<_>, AttestationListError>>()?
    } else if head.attestation_bundles.is_some() {
        let provenance: PypiProvenance<'_> = of_shape(bytes)?;
        version(provenance.version)?;
        let attestations = provenance.attestation_bundles.into_iter();
        attestations
            .flat_map(|bundle| bundle.attestations)
            .map(|attestation| attestation.to_bundle())
            .collect::<Result<_, _>>()?
    } else if head.verification_material.is_some() && head.envelope.is_some() {
        vec![of_shape::<PypiAttestation<'_>>(bytes)?.to_bundle()?]
    } else {
        return Ok(None);
    };
    if found.len() > limits.referrers_per_digest {
        return Err(AttestationListError::TooMany {
            limit: limits.referrers_per_digest,
            found: found.len(),
        });
    }
    Ok(Some(found))
}

/// Which of the shapes it is, without looking into it.
#[derive(Deserialize)]
struct Head {
    #[serde(default)]
    attestations: Option<serde::de::IgnoredAny>,
    #[serde(default)]
    attestation_bundles: Option<serde::de::IgnoredAny>,
    #[serde(default)]
    verification_material: Option<serde::de::IgnoredAny>,
    #[serde(default)]
    envelope: Option<serde::de::IgnoredAny>,
}

#[derive(Deserialize)]
struct List<'a> {
    #[serde(borrow)]
    attestations: Vec<Entry<'a>>,
}

#[derive(Deserialize)]
struct Entry<'a> {
    #[serde(borrow, default)]
    bundle: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct PypiProvenance<'a> {
    version: u64,
    #[serde(borrow)]
    attestation_bundles: Vec<PypiBundle<'a>>,
}

#[derive(Deserialize)]
struct PypiBundle<'a> {
    #[serde(borrow)]
    attestations: Vec<PypiAttestation<'a>>,
}

#[derive(Deserialize)]
struct PypiAttestation<'a> {
    version: u64,
    #[serde(borrow)]
    verification_material: PypiMaterial<'a>,
    envelope: PypiEnvelope,
}

#[derive(Deserialize)]
struct PypiMaterial<'a> {
    certificate: String,
    #[serde(borrow)]
    transparency_entries: Vec<&'a RawValue>,
}

#[derive(Deserialize)]
struct PypiEnvelope {
    statement: String,
    signature: String,
}

impl PypiAttestation<'_> {
    fn to_bundle(&self) -> Result<Vec<u8>, AttestationListError> {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Out<'a> {
            media_type: &'static str,
            verification_material: Material<'a>,
            dsse_envelope: Dsse<'a>,
        }
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Material<'a> {
            certificate: Certificate<'a>,
            tlog_entries: &'a [&'a RawValue],
        }
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Certificate<'a> {
            raw_bytes: &'a str,
        }
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Dsse<'a> {
            payload: &'a str,
            payload_type: &'static str,
            signatures: [Signature<'a>; 1],
        }
        #[derive(Serialize)]
        struct Signature<'a> {
            sig: &'a str,
        }
        version(self.version)?;
        let out = Out {
            media_type: media_type::BUNDLE,
            verification_material: Material {
                certificate: Certificate {
                    raw_bytes: &self.verification_material.certificate,
                },
                tlog_entries: &self.verification_material.transparency_entries,
            },
            dsse_envelope: Dsse {
                payload: &self.envelope.statement,
                payload_type: envelope::IN_TOTO,
                signatures: [Signature {
                    sig: &self.envelope.signature,
                }],
            },
        };
        Ok(serde_json::to_vec(&out).expect("because strings always serialise"))
    }
}

/// PEP 740 has one version so far.
fn version(found: u64) -> Result<(), AttestationListError> {
    match found {
        1 => Ok(()),
        found => Err(AttestationListError::Version { found }),
    }
}

fn of_shape<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, AttestationListError> {
    json::part(bytes).map_err(|error| {
        let reason = error.to_string().chars().take(200).collect();
        AttestationListError::Shape { reason }
    })
}

/// Why a list of attestations cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AttestationListError {
    /// An entry has no bundle in it, at most an address.
    #[error("an attestation in the list comes without its bundle: expected `bundle`")]
    NoBundle,
    /// A member is missing or of another type.
    #[error("no list of attestations: {}", reason.escape_debug())]
    Shape {
        /// What is wrong, cut short.
        reason: String,
    },
    /// There are too many attestations.
    #[error("{found} attestations, the limit is {limit}")]
    TooMany {
        /// The limit.
        limit: usize,
        /// The number found.
        found: usize,
    },
    /// It is of a version of PEP 740 that is not known.
    #[error("attestation object of version {found}, expected 1")]
    Version {
        /// The version found.
        found: u64,
    },
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn read(document: &Value) -> Result<Option<Vec<Value>>, AttestationListError> {
        let found = bundles(document.to_string().as_bytes(), &Limits::default())?;
        let value = |bytes: Vec<u8>| serde_json::from_slice(&bytes).unwrap();
        Ok(found.map(|found| found.into_iter().map(value).collect()))
    }

    fn pypi(version: u64) -> Value {
        json!({
            "version": version,
            "verification_material": {
                "certificate": "AQI=",
                "transparency_entries": [{"logIndex": "7", "unknown": 1.50}],
            },
            "envelope": {"statement": "e30=", "signature": "AA=="},
        })
    }

    #[test]
    fn arrays_are_no_objects() {
        for text in [
            r#"{"version":1,"verification_material":["AA==",[]],"envelope":["e30=","AA=="]}"#,
            r#"{"attestations":[[{}]]}"#,
        ] {
            let error = bundles(text.as_bytes(), &Limits::default()).unwrap_err();
            assert!(
                matches!(error, AttestationListError::Shape { .. }),
                "{error}"
            );
        }
    }

    #[test]
    fn bundles_of_npm_and_github_are_taken_as_they_came() {
        let text = br#"{"attestations":[{"predicateType":"p","bundle":{ "a" : 1.0 }},{"bundle":{"b":2},"repository_id":1}]}"#;
        let found = bundles(text, &Limits::default()).unwrap().unwrap();
        assert_eq!(
            found,
            [br#"{ "a" : 1.0 }"#.to_vec(), br#"{"b":2}"#.to_vec()]
        );
        for without in [json!({"bundle_url": "u"}), json!({"bundle": null})] {
            let list = json!({"attestations": [without]});
            assert_eq!(read(&list), Err(AttestationListError::NoBundle));
        }
        assert_eq!(read(&json!({"attestations": []})).unwrap(), Some(vec![]));
    }

    #[test]
    fn objects_of_pypi_become_bundles() {
        let bundle = json!({
            "mediaType": media_type::BUNDLE,
            "verificationMaterial": {
                "certificate": {"rawBytes": "AQI="},
                "tlogEntries": [{"logIndex": "7", "unknown": 1.50}],
            },
            "dsseEnvelope": {
                "payload": "e30=",
                "payloadType": "application/vnd.in-toto+json",
                "signatures": [{"sig": "AA=="}],
            },
        });
        let alone = read(&pypi(1)).unwrap().unwrap();
        assert_eq!(alone, std::slice::from_ref(&bundle));
        let all = json!({
            "version": 1,
            "attestation_bundles": [
                {"publisher": {"kind": "GitHub"}, "attestations": [pypi(1)]},
                {"publisher": {"kind": "GitLab"}, "attestations": [pypi(1), pypi(1)]},
            ],
        });
        assert_eq!(read(&all).unwrap().unwrap(), vec![bundle; 3]);
        assert_eq!(
            read(&pypi(2)),
            Err(AttestationListError::Version { found: 2 })
        );
    }

    #[test]
    fn other_shapes_are_left_to_others_and_wrong_ones_refused() {
        for other in [
            json!({}),
            json!([]),
            json!({"verificationMaterial": {}}),
            json!("x"),
        ] {
            assert_eq!(read(&other).unwrap(), None, "{other}");
        }
        for wrong in [
            json!({"attestations": {}}),
            json!({"attestation_bundles": []}),
            json!({"verification_material": {}, "envelope": {}}),
        ] {
            let error = read(&wrong).unwrap_err();
            assert!(
                matches!(error, AttestationListError::Shape { .. }),
                "{wrong}: {error}"
            );
        }
        let limits = Limits {
            referrers_per_digest: 1,
            ..Limits::default()
        };
        let two = json!({"attestations": [{"bundle": {}}, {"bundle": {}}]}).to_string();
        let error = bundles(two.as_bytes(), &limits).unwrap_err();
        assert_eq!(error, AttestationListError::TooMany { limit: 1, found: 2 });
    }
}
