//! `bulla sign`.

use clap::Args;

use super::annotation::{Annotation, annotation};
use super::cosign::CosignSignArguments;
use super::signing::{RootArguments, SigningArguments};

/// Sign images, files and directories, so that others can verify who vouched for them
#[derive(Debug, Args)]
#[command(
    before_help = "Example: bulla sign --key bulla.key registry.example.com/pay/api@sha256:3f1c…"
)]
pub struct Arguments {
    /// Images, files, patterns of files in quotes, directories: HOST/REPO@DIGEST, oci:DIR:TAG, 'dist/*.tar.gz', model/
    #[arg(required_unless_present = "from_buildx", value_name = "TARGET")]
    pub targets: Vec<String>,
    /// Of an index, sign each platform too
    #[arg(long, short)]
    pub recursive: bool,
    /// Sign this along with images and files, as cosign does; again for more
    #[arg(long = "annotations", short = 'a', value_name = "KEY=VALUE", value_parser = annotation, conflicts_with = "message")]
    pub annotations: Vec<Annotation>,
    /// Sign the bytes of files, as cosign sign-blob does, instead of a statement about them
    #[arg(long, help_heading = BYTES, conflicts_with_all = NO_MESSAGE)]
    pub message: bool,
    /// With --message, also write the signature alone, base64, to this file
    #[arg(long, value_name = "FILE", help_heading = BYTES, requires = "message", conflicts_with_all = NO_MESSAGE)]
    pub output_signature: Option<std::path::PathBuf>,
    /// With --message, also write the signer's certificate, PEM, to this file
    #[arg(long, value_name = "FILE", help_heading = BYTES, requires = "message", conflicts_with_all = NO_MESSAGE)]
    pub output_certificate: Option<std::path::PathBuf>,
    /// The key.
    #[command(flatten)]
    pub signing: SigningArguments,
    /// What the new signature is checked with.
    #[command(flatten)]
    pub roots: RootArguments,
    /// Where and how.
    #[command(flatten)]
    pub publish: PublishArguments,
}

const BYTES: &str = "Bytes of files";
/// What --message does not go with, nor what requires it: beside them it is not asked for.
const NO_MESSAGE: [&str; 4] = ["recursive", "legacy", "from_buildx", "annotations"];

/// Where signed statements go.
#[derive(Debug, Args)]
#[command(next_help_heading = "Where signatures go")]
pub struct PublishArguments {
    /// Write what was signed to this file: the signature of one artifact, attestations one to a line
    #[arg(long, value_name = "FILE")]
    pub bundle: Option<std::path::PathBuf>,
    /// Also add it to the .sig or .att tag that podman, skopeo, bootc and Kyverno read
    #[arg(long)]
    pub legacy: bool,
    /// Take the images from what `docker buildx --metadata-file` wrote
    #[arg(long, value_name = "FILE")]
    pub from_buildx: Option<std::path::PathBuf>,
    /// Flags of cosign's with the same meaning.
    #[command(flatten)]
    pub cosign: CosignSignArguments,
}
