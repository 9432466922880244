//! Who a certificate was issued to.

use bulla_model::{BuildClaims, CertificateIdentity, Identity};
use der::Decode as _;
use der::asn1::{ObjectIdentifier, Utf8StringRef};
use jiff::Timestamp;
use sigstore_crypto::{CertificateInfo, FulcioCiClaims};
use sigstore_types::DerCertificate;
use sigstore_verify::VerificationResult;
use x509_cert::Certificate;
use x509_cert::ext::pkix::SubjectAltName;
use x509_cert::ext::pkix::name::GeneralName;

use crate::candidate::Refusal;

/// The identity of a verified certificate. Only instances without logs leave out the issuer, as
/// GitHub's does for releases; then it is empty, which no exact issuer is.
pub(super) fn identity(
    result: &VerificationResult,
    leaf: &[u8],
    without_logs: bool,
) -> Result<Identity, Refusal> {
    let certificate = result
        .certificate()
        .ok_or_else(|| Refusal::invalid("no certificate in the result"))?;
    if certificate.issuer.is_none() && !without_logs {
        return Err(Refusal::invalid("the certificate names no issuer"));
    }
    let identity = named(certificate, leaf)
        .ok_or_else(|| Refusal::invalid("the certificate names no subject"))?;
    if let Some(claim) = contradiction(&certificate.ci_claims) {
        return Err(Refusal::invalid(&format!(
            "the certificate's old and new claims about the {claim} contradict each other"
        )));
    }
    Ok(Identity::Certificate(Box::new(identity)))
}

/// What a certificate says about itself. Nothing of it is verified.
#[derive(Clone, Debug)]
pub struct ClaimedCertificate {
    /// Who it was issued to.
    pub identity: CertificateIdentity,
    /// Its key, DER of a `SubjectPublicKeyInfo`.
    pub spki: Vec<u8>,
    /// From when it is valid.
    pub not_before: Timestamp,
    /// Until when it is valid.
    pub not_after: Timestamp,
}

/// Reads a certificate (DER). Nothing is verified: this is to find out early, before something is
/// signed with it, what will not verify.
pub fn claimed_certificate(certificate: &[u8]) -> Option<ClaimedCertificate> {
    let der = DerCertificate::new(certificate.to_vec());
    let read = sigstore_crypto::parse_certificate_info(&der).ok()?;
    Some(ClaimedCertificate {
        identity: named(&read, certificate).filter(|identity| !identity.issuer.is_empty())?,
        spki: read.public_key.as_bytes().to_vec(),
        not_before: read.not_before,
        not_after: read.not_after,
    })
}

/// Who a certificate (DER) says it was issued to. Nothing is verified: this is for showing and for
/// suggestions, never for decisions.
pub fn claimed_identity(certificate: &[u8]) -> Option<CertificateIdentity> {
    claimed_certificate(certificate).map(|read| read.identity)
}

/// Fulcio's `otherName` of users (`NAME!DOMAIN`), the one kind of subject that `sigstore-crypto` does
/// not read. A certificate has it alone: beside another subject it is not looked at.
fn user_name(leaf: &[u8]) -> Option<String> {
    const USER_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.57264.1.7");
    let certificate = Certificate::from_der(leaf).ok()?;
    let (_, names) = certificate
        .tbs_certificate
        .get::<SubjectAltName>()
        .ok()
        .flatten()?;
    match names.0.as_slice() {
        [GeneralName::OtherName(name)] if name.type_id == USER_NAME => {
            let text: Utf8StringRef<'_> = name.value.decode_as().ok()?;
            Some(text.as_str().to_owned()).filter(|text| !text.is_empty())
        }
        _ => None,
    }
}

fn named(certificate: &CertificateInfo, leaf: &[u8]) -> Option<CertificateIdentity> {
    let claims = &certificate.ci_claims;
    let old = &claims.deprecated_github;
    let subject = match &certificate.identity {
        Some(identity) => identity.as_str().to_owned(),
        None => user_name(leaf)?,
    };
    // Certificates of 2022 carry the claims under their first numbers only.
    let either = |new: &Option<String>, old: &Option<String>| new.clone().or_else(|| old.clone());
    Some(CertificateIdentity {
        issuer: certificate.issuer.clone().unwrap_or_default(),
        subject,
        source_repository: either(&claims.source_repository_uri, &old_repository(claims)),
        source_digest: either(&claims.source_repository_digest, &old.workflow_sha),
        source_ref: either(&claims.source_repository_ref, &old.workflow_ref),
        build_signer: claims.build_signer_uri.clone(),
        runner_environment: claims.runner_environment.clone(),
        deployment_environment: claims.deployment_environment.clone(),
        build: BuildClaims {
            build_signer_digest: claims.build_signer_digest.clone(),
            source_repository_id: claims.source_repository_identifier.clone(),
            source_owner: claims.source_repository_owner_uri.clone(),
            source_owner_id: claims.source_repository_owner_identifier.clone(),
            build_config: claims.build_config_uri.clone(),
            build_config_digest: claims.build_config_digest.clone(),
            build_trigger: either(&claims.build_trigger, &old.workflow_trigger),
            run_invocation: claims.run_invocation_uri.clone(),
            source_visibility: claims.source_repository_visibility_at_signing.clone(),
            workflow_name: old.workflow_name.clone(),
            token_subject: claims.token_subject.clone(),
        },
    })
}

/// The claim under its first number, which Fulcio only ever wrote for GitHub, as the URI it became.
fn old_repository(claims: &FulcioCiClaims) -> Option<String> {
    let repository = claims.deprecated_github.workflow_repository.as_ref()?;
    Some(format!("https://github.com/{repository}"))
}

/// A claim that a certificate carries twice, under its old and its new number, with two values.
fn contradiction(claims: &FulcioCiClaims) -> Option<&'static str> {
    let old = &claims.deprecated_github;
    let repository = old_repository(claims);
    [
        ("repository", &claims.source_repository_uri, &repository),
        (
            "commit",
            &claims.source_repository_digest,
            &old.workflow_sha,
        ),
        ("ref", &claims.source_repository_ref, &old.workflow_ref),
        ("trigger", &claims.build_trigger, &old.workflow_trigger),
    ]
    .into_iter()
    .find_map(|(name, new, old)| (new.is_some() && old.is_some() && new != old).then_some(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn claims_under_both_numbers_must_agree() {
        let mut claims = FulcioCiClaims::default();
        claims.deprecated_github.workflow_repository = Some("o/r".into());
        claims.deprecated_github.workflow_trigger = Some("push".into());
        assert_eq!(contradiction(&claims), None, "old ones alone");
        claims.source_repository_uri = Some("https://github.com/o/r".into());
        claims.build_trigger = Some("push".into());
        assert_eq!(contradiction(&claims), None);
        claims.build_trigger = Some("release".into());
        assert_eq!(contradiction(&claims), Some("trigger"));
        claims.source_repository_uri = Some("https://github.com/o/other".into());
        assert_eq!(contradiction(&claims), Some("repository"));
    }
}
