//! `bulla sign --message`: signatures over the bytes of files, for whoever used `cosign sign-blob`.

use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bulla_model::{Bundle, BundleContent, Digest};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use serde::Serialize;

use super::AT_ONCE;
use crate::args::sign::Arguments;
use crate::commands::Context;
use crate::join::artifact::{Artifact, LocalFile};
use crate::join::kept::{self, Beside};
use crate::join::message;
use crate::join::sealer::{Purpose, Sealer};
use crate::output::write_atomic;
use crate::render::{Cell, Page, Report, shorten};
use crate::{Exit, Failure};

/// Signs each file; the bundle is written beside it, or where the arguments say.
pub(super) async fn run(
    arguments: &Arguments,
    context: &Context,
    artifacts: &[Artifact],
) -> Result<Exit, Failure> {
    let files = files(arguments, artifacts)?;
    let roots = &arguments.roots.trusted_root;
    let signer = Sealer::open(context, &arguments.signing, roots, Purpose::Claim).await?;
    let certificate = signer.backing().certificate.as_ref();
    if arguments.output_certificate.is_some() && certificate.is_none() {
        return Err(Failure::usage("a key signs without a certificate")
            .with_hint("leave --output-certificate away: bulla key public writes the public key"));
    }
    let bundles: Vec<Bundle> = stream::iter(&files)
        .map(|file| message::sign(context, &signer, file))
        .buffered(AT_ONCE)
        .try_collect()
        .await?;
    let mut report = SignedFiles::default();
    for (file, bundle) in files.iter().zip(&bundles) {
        let path = if let Some(path) = &arguments.publish.bundle {
            let mut bytes = bundle.bytes().to_vec();
            bytes.push(b'\n');
            write_atomic(path, &bytes)?;
            path.clone()
        } else {
            kept::add(&file.path, Beside::Alone, &[bundle], &context.limits)?
        };
        report.add(file, &path);
        if let (Some(path), BundleContent::Message { signature, .. }) =
            (&arguments.output_signature, bundle.content())
        {
            // Without a newline, as cosign writes it.
            write_atomic(path, STANDARD.encode(signature).as_bytes())?;
            report.add(file, path);
        }
        if let (Some(path), Some(chain)) = (&arguments.output_certificate, certificate) {
            write_atomic(path, chain.leaf_pem().as_bytes())?;
            report.add(file, path);
        }
    }
    context.printer.report(&report)?;
    Ok(Exit::Success)
}

/// The files, if there is nothing else, and one alone where one file is written.
fn files<'a>(
    arguments: &Arguments,
    artifacts: &'a [Artifact],
) -> Result<Vec<&'a LocalFile>, Failure> {
    let mut files = Vec::new();
    for artifact in artifacts {
        let Artifact::File(file) = artifact else {
            return Err(Failure::usage(format_args!(
                "--message signs the bytes of files, and {} is none",
                artifact.label()
            ))
            .with_hint("leave --message away"));
        };
        files.push(file);
    }
    let outputs = [&arguments.output_signature, &arguments.output_certificate];
    if files.len() > 1 && outputs.iter().any(|path| path.is_some()) {
        return Err(Failure::usage(
            "--output-signature and --output-certificate hold what belongs to one file",
        )
        .with_hint("leave them away: bundles hold both, and are written beside the files"));
    }
    Ok(files)
}

/// What was signed, and what was written.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct SignedFiles {
    signed: Vec<SignedFile>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct SignedFile {
    target: String,
    digest: Digest,
    files: Vec<PathBuf>,
}

impl SignedFiles {
    fn add(&mut self, file: &LocalFile, written: &Path) {
        let target = file.path.display().to_string();
        match self.signed.last_mut() {
            Some(last) if last.target == target => last.files.push(written.to_owned()),
            _ => self.signed.push(SignedFile {
                target,
                digest: file.digest.clone(),
                files: vec![written.to_owned()],
            }),
        }
    }
}

impl Report for SignedFiles {
    fn human(&self, page: &mut Page) {
        for file in &self.signed {
            page.row(
                1,
                [
                    Cell::good("signed"),
                    Cell::from(&file.target),
                    Cell::from(shorten(&file.digest)),
                ],
            );
        }
        for path in self.signed.iter().flat_map(|file| &file.files) {
            page.indented(1, format!("wrote {}", path.display()));
        }
    }

    /// The same names as for statements.
    fn outputs(&self) -> Vec<(&'static str, String)> {
        let bundles: Vec<_> = self
            .signed
            .iter()
            .filter_map(|file| file.files.first())
            .map(|path| path.display().to_string())
            .collect();
        let Some(first) = bundles.first().cloned() else {
            return Vec::new();
        };
        let digest = self.signed.first().map(|file| file.digest.to_string());
        vec![
            ("digest", digest.unwrap_or_default()),
            ("bundle", first),
            ("bundles", serde_json::json!(bundles).to_string()),
        ]
    }
}
