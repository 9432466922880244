//! tuf-conformance: `init`, `refresh`, `download`.
//!
//! <https://github.com/theupdateframework/tuf-conformance/blob/eec841c/CLIENT-CLI.md>

use std::path::PathBuf;

use bulla_model::Digest;
use clap::{Args, Subcommand};
use jiff::Timestamp;

use crate::Failure;
use crate::commands::Context;
use crate::failure::FailureKind;
use crate::join::{file, http};
use crate::trust::Mirror;
use crate::trust::tuf::{Client, TufError, check_root};

/// What the suite asks, and where.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[arg(long)]
    metadata_dir: PathBuf,
    #[arg(long)]
    metadata_url: Option<String>,
    #[arg(long)]
    target_name: Vec<String>,
    #[arg(long)]
    target_dir: Option<PathBuf>,
    #[arg(long)]
    target_base_url: Option<String>,
    /// The time to judge expiry at, instead of now
    #[arg(long)]
    at: Option<Timestamp>,
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Trust a root
    Init { root: PathBuf },
    /// Bring the metadata up to date
    Refresh,
    /// Bring the metadata up to date and fetch targets
    Download,
}

pub(super) async fn run(arguments: Arguments, context: Context) -> Result<(), Failure> {
    let root_file = arguments.metadata_dir.join("root.json");
    let limit = context.limits.configuration_bytes;
    if let Action::Init { root } = &arguments.action {
        let bytes = file::read(root, limit)?;
        check_root(&bytes).map_err(|error| refused(&error))?;
        return crate::output::write_atomic(&root_file, &bytes);
    }
    let missing = |flag: &str| Failure::usage(format_args!("{flag} is missing"));
    let mirror = |text: Option<&String>, flag| Mirror::parse(text.ok_or_else(|| missing(flag))?);
    let metadata = mirror(arguments.metadata_url.as_ref(), "--metadata-url")?;
    let targets = arguments
        .target_base_url
        .is_some()
        .then(|| mirror(arguments.target_base_url.as_ref(), "--target-base-url"))
        .transpose()?;
    let root = file::read(&root_file, limit)?;
    let now = arguments.at.unwrap_or_else(Timestamp::now);
    let mut client = Client::open(
        &metadata,
        targets.as_ref(),
        &http::client(&context)?,
        &root,
        &arguments.metadata_dir,
    )
    .map_err(|error| refused(&error))?;
    client.refresh(now).await.map_err(|error| refused(&error))?;
    if let Action::Download = arguments.action {
        let folder = arguments
            .target_dir
            .ok_or_else(|| missing("--target-dir"))?;
        for name in &arguments.target_name {
            let bytes = client
                .target(name, now)
                .await
                .map_err(|error| refused(&error))?;
            // One name, one file, below the folder whatever the name is.
            let path = folder.join(format!("{}.target", Digest::sha256(name.as_bytes()).hex()));
            // What is there already is left alone, its time too.
            if file::read(&path, bytes.len() as u64).ok().as_ref() != Some(&bytes) {
                crate::output::write_atomic(&path, &bytes)?;
            }
        }
    }
    Ok(())
}

fn refused(error: &TufError) -> Failure {
    Failure::new(FailureKind::Tampered, error)
}
