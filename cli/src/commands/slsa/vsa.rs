//! `bulla slsa verify-vsa`.

use std::path::Path;

use bulla_model::Limits;
use bulla_verify::slsa::{VsaKey, VsaQuestion, verify_vsa};
use bulla_verify::{ExpectedSigner, Pattern, PublicKey, Trust};
use jiff::Timestamp;

use super::provenance::finish;
use super::wanted;
use crate::args::slsa::VerifyVsa;
use crate::commands::Context;
use crate::failure::FailureKind;
use crate::join::{blocking, documents, key, rules};
use crate::trust::instance;
use crate::{Exit, Failure};

/// Verifies a summary and ends with the code of the answer.
pub(super) async fn run(arguments: VerifyVsa, context: &Context) -> Result<Exit, Failure> {
    let now = arguments.trust.at.unwrap_or_else(Timestamp::now);
    let mut sources = Vec::new();
    // A key needs nobody else's word; a certificate needs somebody's who issues them.
    let roots = if arguments.key.is_some() {
        rules::trusted_roots(context, &arguments.trust.trusted_root, &mut sources)?
    } else {
        let found = instance(context, &wanted(&arguments.trust, now)).await?;
        sources.extend(found.sources);
        found.trusted_roots
    };
    let (key, signer) = signer(&arguments, context).await?;
    let keys: Vec<PublicKey> = key.iter().map(|key| key.key().clone()).collect();
    let trust = Trust::new(keys, &roots, now, &context.limits)
        .map_err(|error| Failure::new(FailureKind::Configuration, error))?;
    let attestation = attestation(&arguments.attestation, &context.limits)?;
    let limits = context.limits.clone();
    let print = arguments.print_attestation;
    let names = arguments.subject_digest.clone();
    let verdict = blocking(move || {
        Ok(verify_vsa(&VsaQuestion {
            attestation: &attestation,
            trust: &trust,
            key: key.as_ref(),
            signer: &signer,
            digests: &arguments.subject_digest,
            verifier: &arguments.verifier_id,
            resource: &arguments.resource_uri,
            levels: &arguments.verified_level,
            now,
            limits: &limits,
        }))
    })
    .await?;
    finish(context, names, sources, verdict, print)
}

/// The one document in the file. One that is cut off was named by mistake: that is no tampering.
fn attestation(path: &Path, limits: &Limits) -> Result<Vec<u8>, Failure> {
    let mut documents = documents::read(&[path.to_owned()], limits)?;
    match (documents.pop(), documents.is_empty()) {
        (Some(only), true) => Ok(only.bytes),
        _ => Err(Failure::new(
            FailureKind::Input,
            format_args!("{}: more than one attestation", path.display()),
        )
        .with_hint("pass a file that holds one summary: --attestation FILE")),
    }
}

/// Who must have signed; saying nothing is an error.
async fn signer(
    arguments: &VerifyVsa,
    context: &Context,
) -> Result<(Option<VsaKey>, ExpectedSigner), Failure> {
    if let Some(location) = &arguments.key {
        let pem = key::verifying_pem(context, location).await?;
        let wrong = |reason: &dyn std::fmt::Display| {
            Failure::new(FailureKind::Input, format_args!("{location}: {reason}"))
        };
        let pem = std::str::from_utf8(&pem).map_err(|_| wrong(&"no PEM file"))?;
        let key = PublicKey::from_pem(pem).map_err(|error| wrong(&error))?;
        let signer = ExpectedSigner::Key(key.id().clone());
        let id = arguments.public_key_id.clone();
        let hash = arguments.public_key_signing_hash_algo.as_deref();
        let key = VsaKey::new(key, id, hash).map_err(|error| wrong(&error))?;
        return Ok((Some(key), signer));
    }
    match (
        &arguments.certificate_identity,
        &arguments.certificate_oidc_issuer,
    ) {
        (Some(subject), Some(issuer)) => Ok((
            None,
            ExpectedSigner::Certificate {
                issuer: Pattern::Exact(issuer.clone()),
                subject: Pattern::Exact(subject.clone()),
            },
        )),
        _ => Err(
            Failure::usage("say who must have signed the summary").with_hint(
                "pass --key FILE, or --certificate-identity with --certificate-oidc-issuer",
            ),
        ),
    }
}
