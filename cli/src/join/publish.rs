//! Targets a build named, and bundles beside files.

use std::path::{Path, PathBuf};

use bulla_attest::ci::built_images;

use super::file;
use super::sealer::Sealer;
use crate::Failure;
use crate::args::sign::PublishArguments;
use crate::args::signing::SigningArguments;
use crate::commands::Context;
use crate::settings::row;

/// cosign's `--use-signing-config` says whether an instance's services are used. Both answers are
/// compared with what else was said, and neither is passed over.
pub fn check(
    context: &Context,
    publish: &PublishArguments,
    signing: &SigningArguments,
) -> Result<(), Failure> {
    let Some(wanted) = publish.cosign.use_signing_config else {
        return Ok(());
    };
    let set =
        |row, typed: Option<&str>| Ok::<_, Failure>(context.settings.text(row, typed)?.is_some());
    let recording = &signing.recording;
    let configured = recording.signing_config.is_some()
        || recording.trust_config.is_some()
        || recording.instance.is_some()
        || set(&row::SIGNING_CONFIG, None)?
        || set(&row::TRUST_CONFIG, None)?;
    let authority = set(&row::FULCIO_URL, signing.identity.fulcio_url.as_deref())?;
    let keyed = !Sealer::is_certified(context, signing)?;
    let single = authority
        || !recording.rekor_url.is_empty()
        || !recording.timestamp_server_url.is_empty()
        || set(&row::REKOR_URL, None)?
        || set(&row::TIMESTAMP_SERVER_URL, None)?;
    match wanted {
        true if single => Err(Failure::usage(
            "--use-signing-config: services named one by one take the place of a configuration",
        )
        .with_hint("leave --use-signing-config away, or the services")),
        true if keyed && !configured => Err(Failure::usage(
            "--use-signing-config: with a key nothing is recorded unless an instance is named",
        )
        .with_hint("name it: --instance public-good, or --signing-config FILE")),
        false if configured => Err(Failure::usage(
            "--use-signing-config=false, and a configuration is named too",
        )
        .with_hint("leave one of both away; bulla settings shows what is set")),
        false if !keyed && !authority => Err(Failure::usage(
            "--use-signing-config=false: without a key and a configuration a certificate authority is needed",
        )
        .with_hint("name the services: --fulcio-url URL --rekor-url URL")),
        _ => Ok(()),
    }
}

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
