//! sigstore-conformance: `verify-bundle`.
//!
//! <https://github.com/sigstore/sigstore-conformance/blob/a73de49/docs/cli_protocol.md>

use std::path::{Path, PathBuf};

use bulla_model::{Bundle, BundleContent, Digest, Statement};
use bulla_verify::{
    Attestation, Decision, Evidence, ExpectedClaim, ExpectedSigner, Pattern, PublicKey,
    SignedQuestion, Trust, verify_signed,
};
use clap::{Args, Subcommand};
use jiff::Timestamp;

use crate::Failure;
use crate::commands::Context;
use crate::failure::FailureKind;
use crate::join::file;
use crate::trust::Known;

/// What the suite asks.
#[derive(Debug, Subcommand)]
pub(super) enum Action {
    /// Verify a bundle
    VerifyBundle(VerifyBundle),
}

#[derive(Debug, Args)]
pub(super) struct VerifyBundle {
    #[arg(long)]
    staging: bool,
    #[arg(long)]
    bundle: PathBuf,
    #[arg(
        long,
        required_unless_present = "key",
        requires = "certificate_oidc_issuer"
    )]
    certificate_identity: Option<String>,
    #[arg(long, requires = "certificate_identity")]
    certificate_oidc_issuer: Option<String>,
    #[arg(long, conflicts_with = "certificate_identity")]
    key: Option<PathBuf>,
    #[arg(long)]
    trusted_root: Option<PathBuf>,
    #[arg(value_name = "FILE_OR_DIGEST")]
    artifact: PathBuf,
}

pub(super) fn run(action: Action, context: &Context) -> Result<(), Failure> {
    match action {
        Action::VerifyBundle(arguments) => verify_bundle(&arguments, context),
    }
}

fn verify_bundle(arguments: &VerifyBundle, context: &Context) -> Result<(), Failure> {
    let limits = &context.limits;
    let now = Timestamp::now();
    let root = match &arguments.trusted_root {
        Some(path) => file::read(path, limits.configuration_bytes)?,
        None => instance(arguments.staging).trusted_root().to_vec(),
    };
    let (keys, signer) = signer(arguments, context)?;
    let trust = Trust::new(keys, &[root], now, limits)
        .map_err(|error| Failure::new(FailureKind::Configuration, error))?;
    let bytes = file::read(&arguments.bundle, limits.bundle_bytes)?;
    let claim = claim(&bytes, context)?;
    let evidence = Evidence {
        artifact: Some(artifact(&arguments.artifact)?),
        attestations: vec![Attestation::bundle(bytes, None)],
        ..Evidence::default()
    };
    let name = arguments.artifact.to_string_lossy();
    let verdict = verify_signed(&SignedQuestion {
        name: &name,
        evidence: &evidence,
        trust: &trust,
        signer: &signer,
        claim: &claim,
        now,
        limits,
        cancelled: &|| false,
    });
    if verdict.decision == Decision::Allow {
        return Ok(());
    }
    let refused = Failure::new(FailureKind::InvalidSignature, "not verified");
    Err(verdict.findings.iter().fold(refused, |failure, finding| {
        failure.with_detail(format_args!(
            "{}: {}",
            finding.code.as_str(),
            finding.message
        ))
    }))
}

fn instance(staging: bool) -> Known {
    if staging {
        Known::Staging
    } else {
        Known::PublicGood
    }
}

fn signer(
    arguments: &VerifyBundle,
    context: &Context,
) -> Result<(Vec<PublicKey>, ExpectedSigner), Failure> {
    if let Some(path) = &arguments.key {
        let wrong = |reason: &dyn std::fmt::Display| {
            Failure::new(
                FailureKind::Input,
                format_args!("{}: {reason}", path.display()),
            )
        };
        let pem = file::read(path, context.limits.configuration_bytes)?;
        let pem = std::str::from_utf8(&pem).map_err(|error| wrong(&error))?;
        let key = PublicKey::from_pem(pem).map_err(|error| wrong(&error))?;
        let signer = ExpectedSigner::Key(key.id().clone());
        return Ok((vec![key], signer));
    }
    match (
        &arguments.certificate_identity,
        &arguments.certificate_oidc_issuer,
    ) {
        (Some(subject), Some(issuer)) => Ok((
            Vec::new(),
            ExpectedSigner::Certificate {
                issuer: Pattern::Exact(issuer.clone()),
                subject: Pattern::Exact(subject.clone()),
            },
        )),
        _ => Err(Failure::usage("no signer given")),
    }
}

/// The suite accepts any statement, so the claim is the one the bundle makes.
fn claim(bytes: &[u8], context: &Context) -> Result<ExpectedClaim, Failure> {
    let wrong = |error: &dyn std::fmt::Display| Failure::new(FailureKind::Input, error);
    let limits = &context.limits;
    let bundle = Bundle::parse(bytes.to_vec(), limits).map_err(|error| wrong(&error))?;
    let BundleContent::Dsse(envelope) = bundle.content() else {
        return Ok(ExpectedClaim::Signature);
    };
    let statement = Statement::parse(envelope.payload(), limits).map_err(|error| wrong(&error))?;
    let kind = statement.predicate_type().as_str().to_owned();
    Ok(ExpectedClaim::Attestation(kind))
}

/// A digest only if it is written as one and no such path exists.
fn artifact(argument: &Path) -> Result<Digest, Failure> {
    let digest = argument
        .to_str()
        .and_then(|text| text.parse::<Digest>().ok())
        .filter(|digest| digest.algorithm() == bulla_model::Algorithm::Sha256);
    match digest {
        Some(digest) if argument.symlink_metadata().is_err() => Ok(digest),
        _ => file::digest(argument),
    }
}
