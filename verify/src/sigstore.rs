//! The only place where the `sigstore-*` crates are used to verify.
//!
//! Certificates, transparency log entries and timestamps are checked by `sigstore-verify`; bare
//! signatures are [`crate::scheme`]'s. `sigstore-verify`
//! reads the wall clock to refuse what lies in its future; so that a verdict depends on `now`
//! alone, trust material that starts after `now` is dropped here and verified times after `now`
//! are refused here.

use jiff::Timestamp;
use sigstore_crypto::{CertificateInfo, FulcioCiClaims};
use sigstore_trust_root::TrustedRoot;
use sigstore_types::{DerCertificate, DerPublicKey, Sha256Hash, SignatureContent};
use sigstore_verify::{
    PublicKeyVerificationPolicy, VerificationPolicy, VerificationResult, Verifier,
};

use bulla_model::{BuildClaims, Bundle, CertificateIdentity, Digest, Identity, KeyId, Limits};

use crate::TrustError;
use crate::candidate::Refusal;
use crate::scheme::KeyKind;

/// Trusted roots, each prepared once for many verifications.
pub(crate) struct Roots {
    verifiers: Vec<Root>,
}

struct Root {
    verifier: Verifier,
    /// Key ids of every log the document names, at whatever time.
    logs: Vec<Vec<u8>>,
}

impl std::fmt::Debug for Roots {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Roots")
            .field("count", &self.verifiers.len())
            .finish()
    }
}

/// What a verified signature proves besides its bytes.
pub(crate) struct Proof {
    pub(crate) signer: Identity,
    /// The earliest authenticated time, if any.
    pub(crate) existed_by: Option<Timestamp>,
}

impl Roots {
    /// Prepares trusted roots (`trusted_root.json`); material that starts after `now` is dropped.
    pub(crate) fn new(
        documents: &[Vec<u8>],
        now: Timestamp,
        limits: &Limits,
    ) -> Result<Self, TrustError> {
        let mut verifiers = Vec::new();
        for bytes in documents {
            bulla_model::json::check(bytes, limits.configuration_bytes, limits.json_depth)?;
            let text = std::str::from_utf8(bytes).map_err(|_| TrustError::Encoding)?;
            let mut root = TrustedRoot::from_json(text).map_err(|error| TrustError::Root {
                reason: cut(&error.to_string()),
            })?;
            let logs = root
                .tlogs
                .iter()
                .map(|log| log.log_id.key_id.as_bytes().to_vec())
                .collect();
            let started = |start: Option<Timestamp>| start.is_none_or(|start| start <= now);
            root.tlogs
                .retain(|log| started(log.public_key.valid_for.map(|w| w.start)));
            root.ctlogs
                .retain(|log| started(log.public_key.valid_for.map(|w| w.start)));
            root.certificate_authorities
                .retain(|ca| started(ca.valid_for.map(|w| w.start)));
            root.timestamp_authorities
                .retain(|tsa| started(tsa.valid_for.map(|w| w.start)));
            let verifier = Verifier::new(&root).map_err(|error| TrustError::Root {
                reason: cut(&error.to_string()),
            })?;
            verifiers.push(Root { verifier, logs });
        }
        Ok(Self { verifiers })
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.verifiers.is_empty()
    }

    /// Verifies a keyless bundle about the artifact with this digest; any identity will do, the
    /// policy looks at it afterwards.
    pub(crate) fn verify_keyless(
        &self,
        bundle: &Bundle,
        artifact: &Digest,
        now: Timestamp,
    ) -> Result<Proof, Refusal> {
        let result = self.first_success(bundle, artifact, &VerificationPolicy::any_identity())?;
        let times = times(&result, now)?;
        // Times proven by a log or authority are what makes a short-lived certificate usable.
        let existed_by = times.ok_or_else(|| Refusal::invalid("no verified time"))?;
        if !result.certificate_verified() {
            return Err(Refusal::invalid("the certificate was not verified"));
        }
        Ok(Proof {
            signer: identity(&result)?,
            existed_by: Some(existed_by),
        })
    }

    /// Verifies a key-signed bundle that carries log entries or timestamps.
    pub(crate) fn verify_with_key(
        &self,
        bundle: &Bundle,
        artifact: &Digest,
        spki: &[u8],
        now: Timestamp,
    ) -> Result<Proof, Refusal> {
        let policy = PublicKeyVerificationPolicy::new(DerPublicKey::new(spki.to_vec()));
        let result = self.first_success(bundle, artifact, &policy)?;
        let existed_by = times(&result, now)?;
        Ok(Proof {
            signer: Identity::Key {
                key_id: KeyId::of_spki(spki),
            },
            existed_by,
        })
    }

    fn first_success(
        &self,
        bundle: &Bundle,
        artifact: &Digest,
        policy: &impl sigstore_verify::Policy,
    ) -> Result<VerificationResult, Refusal> {
        let text = std::str::from_utf8(bundle.bytes())
            .map_err(|_| Refusal::invalid("the bundle is not UTF-8"))?;
        let parsed = sigstore_types::Bundle::from_json(text)
            .map_err(|error| Refusal::invalid(&error.to_string()))?;
        // Two readers of one document must not be played against each other.
        let same = match &parsed.content {
            SignatureContent::DsseEnvelope(envelope) => bundle
                .envelope()
                .is_some_and(|own| own.payload() == envelope.payload.as_bytes()),
            _ => bundle.envelope().is_none(),
        };
        if !same {
            return Err(Refusal::invalid("the bundle can be read in two ways"));
        }
        let digest = Sha256Hash::from_hex(artifact.hex())
            .map_err(|error| Refusal::invalid(&error.to_string()))?;
        let mut best: Option<Refusal> = None;
        for root in &self.verifiers {
            match root.verifier.verify(digest, &parsed, policy) {
                Ok(result) => return Ok(result),
                Err(error) => {
                    let refusal = root.refusal(&error, &parsed);
                    // With several roots, "not from this root" says less than "from it, but wrong".
                    if best
                        .as_ref()
                        .is_none_or(|held| matches!(held, Refusal::Untrusted { .. }))
                    {
                        best = Some(refusal);
                    }
                }
            }
        }
        Err(best.unwrap_or_else(|| Refusal::Untrusted {
            signer: "a certificate".to_owned(),
            reason: "no trusted root was given".to_owned(),
        }))
    }
}

impl Root {
    /// A log this root does not know is a stranger, not a forger, whatever check noticed it.
    fn refusal(&self, error: &sigstore_verify::Error, bundle: &sigstore_types::Bundle) -> Refusal {
        let entries = &bundle.verification_material.tlog_entries;
        let stranger = entries.iter().any(|entry| {
            !self
                .logs
                .iter()
                .any(|log| *log == entry.log_id.key_id.as_bytes())
        });
        match refusal(error) {
            Refusal::Invalid { reason } if stranger => Refusal::Untrusted {
                signer: "a certificate".to_owned(),
                reason,
            },
            other => other,
        }
    }
}

/// Checks a signature over exactly these bytes, with the scheme the key itself determines.
pub(crate) fn check_signature(
    spki: &[u8],
    message: &[u8],
    signature: &[u8],
) -> Result<(), Refusal> {
    let kind = KeyKind::of_spki(spki).map_err(|reason| Refusal::invalid(&reason))?;
    if kind.scheme().holds(spki, message, signature) {
        return Ok(());
    }
    Err(Refusal::invalid("the signature does not match"))
}

/// Reads a public key from PEM and makes sure it is one that signatures can be checked with.
pub(crate) fn read_public_key(pem: &str) -> Result<Vec<u8>, TrustError> {
    let wrong = |reason: String| TrustError::Key {
        reason: cut(&reason),
    };
    let key = DerPublicKey::from_pem(pem.trim()).map_err(|error| wrong(error.to_string()))?;
    KeyKind::of_spki(key.as_bytes()).map_err(wrong)?;
    Ok(key.as_bytes().to_vec())
}

fn identity(result: &VerificationResult) -> Result<Identity, Refusal> {
    let certificate = result
        .certificate()
        .ok_or_else(|| Refusal::invalid("no certificate in the result"))?;
    if certificate.identity.is_none() {
        return Err(Refusal::invalid("the certificate names no subject"));
    }
    let identity =
        named(certificate).ok_or_else(|| Refusal::invalid("the certificate names no issuer"))?;
    if let Some(claim) = contradiction(&certificate.ci_claims) {
        return Err(Refusal::invalid(&format!(
            "the certificate's old and new claims about the {claim} contradict each other"
        )));
    }
    Ok(Identity::Certificate(Box::new(identity)))
}

/// Who a certificate (DER) says it was issued to. Nothing is verified: this is for showing and for
/// suggestions, never for decisions.
pub fn claimed_identity(certificate: &[u8]) -> Option<CertificateIdentity> {
    let der = DerCertificate::new(certificate.to_vec());
    named(&sigstore_crypto::parse_certificate_info(&der).ok()?)
}

fn named(certificate: &CertificateInfo) -> Option<CertificateIdentity> {
    let claims = &certificate.ci_claims;
    let old = &claims.deprecated_github;
    // Certificates of 2022 carry the claims under their first numbers only.
    let either = |new: &Option<String>, old: &Option<String>| new.clone().or_else(|| old.clone());
    Some(CertificateIdentity {
        issuer: certificate.issuer.clone()?,
        subject: certificate.identity.as_ref()?.as_str().to_owned(),
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

/// The earliest verified time, none of which may lie after `now`.
fn times(result: &VerificationResult, now: Timestamp) -> Result<Option<Timestamp>, Refusal> {
    let all = result
        .verified_timestamps()
        .iter()
        .copied()
        .chain(result.integrated_time());
    let mut earliest = None;
    for time in all {
        if time > now {
            return Err(Refusal::invalid(&format!(
                "verified time {time} lies after {now}"
            )));
        }
        earliest = Some(earliest.map_or(time, |held: Timestamp| held.min(time)));
    }
    Ok(earliest)
}

fn refusal(error: &sigstore_verify::Error) -> Refusal {
    use sigstore_verify::{CertificateError, Error, TransparencyLogError};
    let reason = cut(&error.to_string());
    match error {
        Error::Certificate(
            CertificateError::ChainInvalid(_) | CertificateError::NoValidAuthority { .. },
        )
        | Error::TransparencyLog(TransparencyLogError::UnknownLog { .. }) => Refusal::Untrusted {
            signer: "a certificate".to_owned(),
            reason,
        },
        Error::Certificate(
            CertificateError::Expired { .. } | CertificateError::NotYetValid { .. },
        ) => Refusal::Expired { reason },
        _ => Refusal::Invalid { reason },
    }
}

fn cut(text: &str) -> String {
    text.chars().take(200).collect()
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
