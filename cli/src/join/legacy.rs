//! Signatures and attestations in cosign's older form, for readers that know no other: podman,
//! skopeo, bootc, Kyverno, policy-controller.

use std::collections::BTreeMap;

use bulla_attest::sigstore::{CertificateChain, LogVersion, Recorder};
use bulla_attest::{Blob, sign_blob, sign_blob_backed};
use bulla_model::{CosignLayer, Limits};
use bulla_registry::legacy::{self, LegacyAdded, LegacyLayerError, NewLegacyLayer};

use super::blocking;
use super::image::OpenImage;
use super::seal::{self, NewSignature, Sealed};
use super::sealer::Sealer;
use crate::Failure;
use crate::commands::Context;
use crate::failure::FailureKind;

/// Refuses, before anything is signed or recorded, what has no older form: there a certificate
/// counts only by the promise of a log with the API of Rekor v1.
pub fn possible(signer: &Sealer) -> Result<(), Failure> {
    let backing = signer.backing();
    if backing.certificate.is_none() {
        return Ok(());
    }
    let services = backing.recorder.as_ref().map(Recorder::services);
    let promised = services.is_some_and(|services| {
        let mut logs = services.logs.iter();
        logs.any(|log| log.version == LogVersion::V1)
    });
    if promised {
        return Ok(());
    }
    Err(Failure::usage(
        "a certificate counts in the older form only with the promise of a log, and no log that makes promises is used",
    )
    .with_hint("leave --legacy away, or record in a log with the API of Rekor v1: --rekor-url URL"))
}

/// Signs an image the old way: a payload that names its repository and its digest. Like every new
/// signature it is recorded where the signer's are, as far as the older form has a place for it, and
/// verified in that form before anybody else sees it.
pub async fn signature(
    context: &Context,
    signer: &Sealer,
    image: &OpenImage,
    annotations: &BTreeMap<String, String>,
) -> Result<NewLegacyLayer, Failure> {
    let limits = context.limits.clone();
    let payload = legacy::simple_signing(&image.name, &image.descriptor.digest, annotations);
    let blob = Blob::new(&payload)?;
    let backing = signer.backing().older();
    let bundle = if backing.certificate.is_some() || backing.recorder.is_some() {
        sign_blob_backed(blob, signer.signer(), &backing, &limits).await?
    } else {
        sign_blob(blob, signer.signer(), &limits).await?
    };
    let layer = NewLegacyLayer::signature(payload, &bundle, &authorities(signer))?;
    let expected = NewSignature::of(signer);
    let digest = image.descriptor.digest.clone();
    blocking(move || {
        expected.check(received(&layer, &limits)?, &digest, &limits)?;
        Ok(layer)
    })
    .await
}

/// The attestation of a bundle that was verified, in the older form, which is verified as well.
pub fn attestation(
    signer: &Sealer,
    sealed: &Sealed,
    limits: &Limits,
) -> Result<NewLegacyLayer, Failure> {
    let layer = NewLegacyLayer::attestation(&sealed.bundle, &authorities(signer), limits)?;
    let received = received(&layer, limits)?;
    seal::check_layer(signer, received, sealed, limits)?;
    Ok(layer)
}

/// Adds a layer to the image's tag, beside those that are there.
pub async fn publish(image: &OpenImage, layer: &NewLegacyLayer) -> Result<LegacyAdded, Failure> {
    let digest = &image.descriptor.digest;
    Ok(legacy::add(&image.evidence, digest, &image.tag_prefix, layer).await?)
}

impl From<LegacyLayerError> for Failure {
    fn from(error: LegacyLayerError) -> Self {
        match error {
            LegacyLayerError::NoTime => Self::new(FailureKind::Input, error)
                .with_hint("leave --legacy away, or name a timestamp authority"),
            _ => Self::new(FailureKind::Internal, error),
        }
    }
}

/// The certificates above the signer's, PEM; empty without a certificate.
fn authorities(signer: &Sealer) -> String {
    let certificate = signer.backing().certificate.as_ref();
    let chain = certificate.map(CertificateChain::authorities_pem);
    chain.unwrap_or_default()
}

/// A new layer as its readers will get it.
fn received(layer: &NewLegacyLayer, limits: &Limits) -> Result<CosignLayer, Failure> {
    CosignLayer::new(
        layer.media_type,
        layer.bytes.clone(),
        layer.annotations.clone(),
        limits,
    )
    .map_err(|error| Failure::new(FailureKind::Internal, error))
}

#[cfg(test)]
mod tests {
    use bulla_attest::{AnySigner, KeyAlgorithm, MemorySigner, PrivateKey, claim, sign_statement};
    use bulla_model::{Digest, Subject};
    use jiff::Timestamp;

    use super::*;

    #[test]
    fn f32_a_signature_another_key_made_is_not_published() {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        let limits = Limits::default();
        let image = Digest::sha256(b"image");
        let payload =
            legacy::simple_signing("registry.example.test/pay/api", &image, &BTreeMap::new());
        for algorithm in [KeyAlgorithm::EcdsaP256, KeyAlgorithm::Ed25519] {
            let signer = || {
                let key = PrivateKey::generate(algorithm).unwrap();
                Sealer::from(AnySigner::from(MemorySigner::new(key)))
            };
            let (own, other) = (signer(), signer());
            let blob = Blob::new(&payload).unwrap();
            let bundle = runtime
                .block_on(sign_blob(blob, own.signer(), &limits))
                .unwrap();
            let layer = NewLegacyLayer::signature(payload.clone(), &bundle, "").unwrap();
            let check = |by: &Sealer, about: &Digest| {
                let layer = received(&layer, &limits).unwrap();
                NewSignature::of(by).check(layer, about, &limits)
            };
            check(&own, &image).unwrap();
            let failure = check(&other, &image).unwrap_err();
            assert_eq!(failure.kind().exit().code(), 70);
            check(&own, &Digest::sha256(b"another")).unwrap_err();
        }
    }

    #[test]
    fn an_attestation_in_the_older_form_is_verified_before_it_is_published() {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        let limits = Limits::default();
        let signer = || {
            let key = PrivateKey::generate(KeyAlgorithm::EcdsaP256).unwrap();
            Sealer::from(AnySigner::from(MemorySigner::new(key)))
        };
        let (own, other) = (signer(), signer());
        let sealed = |by: &Sealer, about: &[u8]| {
            let subject = Subject::of(Digest::sha256(about));
            let payload = claim::signature(&[subject], Timestamp::UNIX_EPOCH).unwrap();
            let made = sign_statement(payload.clone(), by.signer(), &limits);
            Sealed {
                predicate_type: claim::predicate_type("custom").unwrap(),
                payload: Digest::sha256(&payload),
                bundle: runtime.block_on(made).unwrap(),
            }
        };
        let mut good = sealed(&own, b"image");
        attestation(&own, &good, &limits).unwrap();
        attestation(&own, &sealed(&other, b"image"), &limits).unwrap_err();
        good.payload = Digest::sha256(b"another");
        attestation(&own, &good, &limits).unwrap_err();
    }
}
