//! sigstore-conformance: `verify-bundle` and `sign-bundle`.
//!
//! <https://github.com/sigstore/sigstore-conformance/blob/a73de49/docs/cli_protocol.md>

use std::path::{Path, PathBuf};

use bulla_attest::{Blob, sign_blob_backed};
use bulla_model::{Bundle, BundleContent, Digest, Identity, Statement};
use bulla_verify::{
    Attestation, Decision, Evidence, ExpectedClaim, ExpectedSigner, Pattern, PublicKey,
    SignedQuestion, Trust, verify_signed,
};
use clap::{Args, Parser, Subcommand};
use jiff::Timestamp;

use crate::Failure;
use crate::args::signing::SigningArguments;
use crate::commands::Context;
use crate::failure::FailureKind;
use crate::join::sealer::{Purpose, Sealer};
use crate::join::{file, seal};
use crate::output::write_atomic;
use crate::trust::Known;

/// What the suite asks.
#[derive(Debug, Subcommand)]
pub(super) enum Action {
    /// Verify a bundle
    VerifyBundle(VerifyBundle),
    /// Sign an artifact or a statement
    SignBundle(SignBundle),
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

#[derive(Debug, Args)]
pub(super) struct SignBundle {
    #[arg(long)]
    staging: bool,
    /// The artifact is an in-toto statement
    #[arg(long)]
    in_toto: bool,
    #[arg(long)]
    identity_token: String,
    #[arg(long)]
    bundle: PathBuf,
    #[arg(long)]
    trusted_root: Option<String>,
    #[arg(long)]
    signing_config: Option<String>,
    artifact: PathBuf,
}

/// The arguments of `bulla sign` that the suite's are told in.
#[derive(Debug, Parser)]
struct Signing {
    #[command(flatten)]
    signing: SigningArguments,
}

pub(super) async fn run(action: Action, context: &Context) -> Result<(), Failure> {
    match action {
        Action::VerifyBundle(arguments) => verify_bundle(&arguments, context),
        Action::SignBundle(arguments) => sign_bundle(&arguments, context).await,
    }
}

fn verify_bundle(arguments: &VerifyBundle, context: &Context) -> Result<(), Failure> {
    let limits = &context.limits;
    let root = match &arguments.trusted_root {
        Some(path) => file::read(path, limits.configuration_bytes)?,
        None => instance(arguments.staging).trusted_root().to_vec(),
    };
    let (keys, signer) = signer(arguments, context)?;
    let bundle = file::read(&arguments.bundle, limits.bundle_bytes)?;
    let artifact = artifact(&arguments.artifact)?;
    judge(context, bundle, artifact, &[root], keys, &signer)
}

/// Everything that is signed is verified as the suite would before it is handed out.
async fn sign_bundle(arguments: &SignBundle, context: &Context) -> Result<(), Failure> {
    let limits = &context.limits;
    let mut words = vec![
        "sign-bundle".to_owned(),
        "--yes".to_owned(),
        format!("--identity-token={}", arguments.identity_token),
    ];
    words.push(match &arguments.signing_config {
        Some(path) => format!("--signing-config={path}"),
        None => format!("--instance={}", instance(arguments.staging).name()),
    });
    let signing = Signing::try_parse_from(words)
        .map_err(Failure::usage)?
        .signing;
    let roots: Vec<String> = arguments.trusted_root.iter().cloned().collect();
    let sealer = Sealer::open(context, &signing, &roots, Purpose::Claim).await?;
    let bytes = file::read(&arguments.artifact, limits.bundle_bytes)?;
    let bundle = if arguments.in_toto {
        seal::seal(context, &sealer, bytes).await?.bundle
    } else {
        let blob = Blob::new(&bytes)?;
        let bundle = sign_blob_backed(blob, sealer.signer(), sealer.backing(), limits).await?;
        let Identity::Certificate(holder) = sealer.identity() else {
            return Err(Failure::usage("the suite signs with certificates"));
        };
        let signer = ExpectedSigner::Certificate {
            issuer: Pattern::Exact(holder.issuer.clone()),
            subject: Pattern::Exact(holder.subject.clone()),
        };
        let made = bundle.bytes().to_vec();
        let digest = Digest::sha256(&bytes);
        judge(context, made, digest, sealer.roots(), Vec::new(), &signer)?;
        bundle
    };
    write_atomic(&arguments.bundle, bundle.bytes())
}

/// Whether the signer signed the artifact.
fn judge(
    context: &Context,
    bundle: Vec<u8>,
    artifact: Digest,
    roots: &[Vec<u8>],
    keys: Vec<PublicKey>,
    signer: &ExpectedSigner,
) -> Result<(), Failure> {
    let limits = &context.limits;
    let now = Timestamp::now();
    let trust = Trust::new(keys, roots, now, limits)
        .map_err(|error| Failure::new(FailureKind::Configuration, error))?;
    let claim = claim(&bundle, context)?;
    let name = artifact.to_string();
    let evidence = Evidence {
        artifact: Some(artifact),
        attestations: vec![Attestation::bundle(bundle, None)],
        ..Evidence::default()
    };
    let verdict = verify_signed(&SignedQuestion {
        name: &name,
        evidence: &evidence,
        trust: &trust,
        signer,
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
