//! Signatures and attestations in cosign's older form, for readers that know no other: podman,
//! skopeo, bootc, Kyverno, policy-controller.

use bulla_attest::sigstore::CertificateChain;
use bulla_attest::{Blob, Signer as _, sign_blob};
use bulla_model::{Bundle, BundleContent, CosignLayer, Limits};
use bulla_registry::legacy::{self, LegacyAdded, LegacyLayerError, NewLegacyLayer};
use bulla_verify::{PublicKey, SignatureScheme};

use super::image::OpenImage;
use super::seal::{self, Sealed};
use super::sealer::Sealer;
use crate::Failure;
use crate::commands::Context;
use crate::failure::FailureKind;

/// Signs an image the old way: a payload that names its repository and its digest. Like every new
/// signature it is verified before anybody else sees it.
pub async fn signature(
    context: &Context,
    signer: &Sealer,
    image: &OpenImage,
) -> Result<NewLegacyLayer, Failure> {
    if signer.is_backed() {
        return Err(Failure::usage(
            "a signature in the older form is made with a key alone: with a certificate or records it could not be verified here before it is published",
        )
        .with_hint("leave --legacy away, or the services that record; bulla attest --legacy does both"));
    }
    let payload = legacy::simple_signing(&image.name, &image.descriptor.digest);
    let blob = Blob::new(&payload)?;
    let bundle = sign_blob(blob, signer.signer(), &context.limits).await?;
    check(&bundle, &payload, &signer.signer().public_key().to_pem())?;
    Ok(NewLegacyLayer::signature(payload, &bundle, "")?)
}

/// The attestation of a bundle that was verified, in the older form, which is verified as well.
pub fn attestation(
    signer: &Sealer,
    sealed: &Sealed,
    limits: &Limits,
) -> Result<NewLegacyLayer, Failure> {
    let certificate = signer.backing().certificate.as_ref();
    let chain = certificate.map(CertificateChain::authorities_pem);
    let chain = chain.unwrap_or_default();
    let layer = NewLegacyLayer::attestation(&sealed.bundle, &chain, limits)?;
    let received = CosignLayer::new(
        layer.media_type,
        layer.bytes.clone(),
        layer.annotations.clone(),
        limits,
    )
    .map_err(|error| Failure::new(FailureKind::Internal, error))?;
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

/// Verifies a new signature by other code than made it.
fn check(bundle: &Bundle, payload: &[u8], pem: &str) -> Result<(), Failure> {
    let unusable = |reason: &dyn std::fmt::Display| {
        let what = "the new signature does not verify, so nothing was published";
        Failure::new(FailureKind::Internal, format_args!("{what}: {reason}"))
    };
    let key = PublicKey::from_pem(pem).map_err(|error| unusable(&error))?;
    let BundleContent::Message { signature, .. } = bundle.content() else {
        return Err(unusable(&"it is over a statement"));
    };
    if SignatureScheme::all().any(|scheme| key.made(scheme, payload, signature)) {
        return Ok(());
    }
    Err(unusable(&"the key did not make it"))
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
        for algorithm in [KeyAlgorithm::EcdsaP256, KeyAlgorithm::Ed25519] {
            let key = PrivateKey::generate(algorithm).unwrap();
            let pem = key.public_key().to_pem();
            let other = PrivateKey::generate(algorithm)
                .unwrap()
                .public_key()
                .to_pem();
            let signer = AnySigner::from(MemorySigner::new(key));
            let blob = Blob::new(b"payload").unwrap();
            let bundle = runtime
                .block_on(sign_blob(blob, &signer, &Limits::default()))
                .unwrap();
            check(&bundle, b"payload", &pem).unwrap();
            let failure = check(&bundle, b"payload", &other).unwrap_err();
            assert_eq!(failure.kind().exit().code(), 70);
            check(&bundle, b"another", &pem).unwrap_err();
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
