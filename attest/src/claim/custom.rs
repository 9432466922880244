//! Claims of any type from a predicate file.
//!
//! Aliases and the shape of `custom` are those of `cosign attest --type`, see
//! `pkg/cosign/attestation` of <https://github.com/sigstore/cosign/tree/v3.0.2>.

use bulla_model::predicate::{
    Approval, Checkpoint, Deployment, Freeze, Incident, KNOWN, OpenVex, Promotion, Provenance,
    Review, Revocation, SbomKind, SignedPolicy, TestResult, Vsa, Vulns, Waiver, approval,
    checkpoint, deployment, draft, freeze, incident, is_cyclonedx, is_spdx, link, openvex, own,
    policy, promotion, review, revocation, slsa_provenance, test_result, vsa, vulns, waiver,
};
use bulla_model::{Limits, PredicateError, PredicateType, Statement, Subject, json, statement};
use jiff::Timestamp;
use serde::Serialize;

use super::sbom::{detect_sbom, sbom, verbatim};
use super::{ClaimError, write_dated};

/// cosign's type for anything at all, as text.
const CUSTOM: &str = "https://cosign.sigstore.dev/attestation/v1";

/// The predicate type behind an alias or URI.
pub fn predicate_type(text: &str) -> Result<PredicateType, ClaimError> {
    if let Some(known) = KNOWN.iter().find(|known| known.alias == text) {
        return Ok(known.uri.parse()?);
    }
    text.parse().map_err(|_| ClaimError::Alias {
        found: text.chars().take(100).collect(),
        known: KNOWN
            .iter()
            .map(|known| known.alias)
            .collect::<Vec<_>>()
            .join(", "),
    })
}

/// Any claim: the file is the predicate, exactly as it is.
///
/// It has to be a JSON object, of the right shape where Bulla knows the type; SBOM types need a
/// document of their format. Under cosign's `custom` type any text is wrapped as
/// `{"Data": text, "Timestamp": issued_at}`.
pub fn custom(
    subjects: &[Subject],
    issued_at: Timestamp,
    kind: &PredicateType,
    file: &[u8],
    limits: &Limits,
) -> Result<Vec<u8>, ClaimError> {
    let uri = kind.as_str();
    if uri == CUSTOM {
        let data = std::str::from_utf8(file).map_err(|_| ClaimError::Text)?;
        return write_dated(subjects, issued_at, kind, &Custom { data, issued_at });
    }
    if is_cyclonedx(uri) || is_spdx(uri) {
        let found = detect_sbom(file, limits)?;
        if is_cyclonedx(uri) != (found == SbomKind::CycloneDx) {
            return Err(ClaimError::SbomType {
                expected: kind.clone(),
                found,
            });
        }
        return sbom(subjects, issued_at, file, limits);
    }
    json::check(
        file,
        limits.bundle_bytes,
        limits.json_depth.saturating_sub(1),
    )?;
    let predicate = verbatim(file)?;
    match predicate.get().bytes().next() {
        Some(b'{') => {}
        Some(b'[') => return Err(ClaimError::Object { found: "an array" }),
        _ => return Err(ClaimError::Object { found: "a scalar" }),
    }
    // Bulla's own predicates say themselves when they were issued.
    let payload = if own::is_own(uri) {
        statement::write(subjects, kind, &predicate)?
    } else {
        write_dated(subjects, issued_at, kind, &predicate)?
    };
    if let Some((_, shape)) = SHAPES.iter().find(|(known, _)| *known == uri) {
        shape(&Statement::parse(&payload, limits)?)?;
    }
    Ok(payload)
}

type Shape = fn(&Statement) -> Result<(), PredicateError>;

/// Types whose shape is checked, so that a slip in a hand-written file is found before signing.
const SHAPES: &[(&str, Shape)] = &[
    (approval::TYPE, |s| s.predicate::<Approval>().map(drop)),
    (checkpoint::TYPE, |s| s.predicate::<Checkpoint>().map(drop)),
    (deployment::TYPE, |s| s.predicate::<Deployment>().map(drop)),
    (draft::APPROVAL, |s| s.predicate::<Approval>().map(drop)),
    (draft::PROMOTION, |s| s.predicate::<Promotion>().map(drop)),
    (freeze::TYPE, |s| s.predicate::<Freeze>().map(drop)),
    (incident::TYPE, |s| s.predicate::<Incident>().map(drop)),
    (link::TYPE, |s| s.predicate::<link::Link>().map(drop)),
    (openvex::TYPE, |s| s.predicate::<OpenVex>().map(drop)),
    (policy::TYPE, |s| s.predicate::<SignedPolicy>().map(drop)),
    (promotion::TYPE, |s| s.predicate::<Promotion>().map(drop)),
    (review::TYPE, |s| s.predicate::<Review>().map(drop)),
    (revocation::TYPE, |s| s.predicate::<Revocation>().map(drop)),
    (slsa_provenance::TYPE, |s| Provenance::of(s).map(drop)),
    (slsa_provenance::TYPE_V0_2, |s| Provenance::of(s).map(drop)),
    (test_result::TYPE, |s| s.predicate::<TestResult>().map(drop)),
    (vsa::TYPE, |s| s.predicate::<Vsa>().map(drop)),
    (vulns::TYPE, |s| s.predicate::<Vulns>().map(drop)),
    (waiver::TYPE, |s| s.predicate::<Waiver>().map(drop)),
];

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Custom<'a> {
    data: &'a str,
    #[serde(rename = "Timestamp")]
    issued_at: Timestamp,
}
