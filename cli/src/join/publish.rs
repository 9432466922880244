//! Targets a build named, and bundles beside files.

use std::path::{Path, PathBuf};

use bulla_attest::ci::built_images;

use super::file;
use crate::Failure;
use crate::args::sign::PublishArguments;
use crate::commands::Context;

/// The targets that were typed, and those a build wrote down.
pub fn targets(
    context: &Context,
    typed: &[String],
    arguments: &PublishArguments,
) -> Result<Vec<String>, Failure> {
    let mut targets = typed.to_vec();
    if let Some(path) = &arguments.from_buildx {
        let document = file::read(path, context.limits.bundle_bytes)?;
        let images = built_images(&document, &context.limits)
            .map_err(|error| Failure::from(error).with_detail(path.display()))?;
        let mut seen = std::collections::BTreeSet::new();
        for image in images {
            // Several tags of one repository are one image.
            let name = image.name.split('@').next().unwrap_or_default();
            let repository = match name.rsplit_once(':') {
                Some((repository, tag)) if !tag.contains('/') => repository,
                _ => name,
            };
            if seen.insert((repository.to_owned(), image.digest.clone())) {
                targets.push(format!("docker://{repository}@{}", image.digest));
            }
        }
    }
    Ok(targets)
}

/// The file beside a file or directory: its name and an ending more.
pub fn beside(path: &Path, ending: &str) -> PathBuf {
    // `model/` and `model` are the same directory.
    let mut name = path.components().as_path().as_os_str().to_owned();
    name.push(ending);
    name.into()
}
