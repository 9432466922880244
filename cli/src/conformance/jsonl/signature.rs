//! Bare signatures.

use bulla_verify::{PublicKey, SignatureScheme};

use super::{Answer, Request};

/// `sig-verify`: whether the key made the signature. Ed25519 is strict whatever `rule` says.
pub(super) fn verify(request: &Request<'_>) -> Answer {
    let Some(name) = request.text("alg") else {
        return Answer::No;
    };
    let Some(scheme) = SignatureScheme::named(name) else {
        return Answer::Skip;
    };
    let holds = || {
        let key = PublicKey::from_spki(&request.hex("spki_der_hex")?).ok()?;
        let (message, signature) = (request.hex("msg_hex")?, request.hex("sig_hex")?);
        Some(key.made(scheme, &message, &signature))
    };
    Answer::of(holds().unwrap_or(false))
}
