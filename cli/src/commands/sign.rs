//! `bulla sign`: a statement that says no more than that its signer vouches for an artifact.

mod messages;

use std::collections::BTreeMap;

use bulla_attest::{Signer as _, claim};
use bulla_model::Subject;
use bulla_registry::legacy::NewLegacyLayer;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use jiff::Timestamp;

use crate::args::sign::Arguments;
use crate::commands::Context;
use crate::commands::published::{Published, write_bundles};
use crate::join::artifact::{self, Artifact};
use crate::join::kept::Beside;
use crate::join::seal::{self, Sealed};
use crate::join::sealer::{Purpose, Sealer};
use crate::join::{directory, legacy, publish};
use crate::{Exit, Failure};

/// Signs each artifact: images get the signature attached, files and directories get it beside them.
///
/// Everything that can fail without the signature is done first, for all of them.
pub async fn run(arguments: Arguments, context: &Context) -> Result<Exit, Failure> {
    publish::check(context, &arguments.publish, &arguments.signing)?;
    let targets = publish::targets(context, &arguments.targets, &arguments.publish)?;
    let artifacts = artifact::open_all(context, &targets, arguments.recursive).await?;
    check(&arguments, &artifacts)?;
    if arguments.message {
        return messages::run(&arguments, context, &artifacts).await;
    }
    let roots = &arguments.roots.trusted_root;
    let signer = Sealer::open(context, &arguments.signing, roots, Purpose::Claim).await?;
    if arguments.publish.legacy {
        legacy::possible(&signer)?;
    }
    let annotations: BTreeMap<String, String> = arguments.annotations.iter().cloned().collect();
    let legacy = arguments.publish.legacy;
    let sealed: Vec<Seals> = stream::iter(&artifacts)
        .map(|artifact| seal_one(context, &signer, artifact, legacy, &annotations))
        .buffered(AT_ONCE)
        .try_collect()
        .await?;
    let mut published = Published::default();
    for (artifact, seals) in artifacts.iter().zip(&sealed) {
        published.add_of(&seals.sealed, artifact);
        match (&arguments.publish.bundle, artifact.path()) {
            (Some(file), None) => write_bundles(file, &[&seals.sealed])?,
            (Some(file), Some(_)) => published.write(artifact, file, &[&seals.sealed])?,
            (None, Some(path)) => {
                let sealed = [&seals.sealed];
                published.keep(artifact, path, Beside::Alone, &sealed, &context.limits)?;
            }
            (None, None) => {}
        }
    }
    let images = artifacts.iter().zip(&sealed);
    let images = images.filter_map(|(artifact, seals)| Some((artifact.image()?, seals)));
    let mut done = stream::iter(images.collect::<Vec<_>>())
        .map(|(image, seals)| async move {
            let attached = seal::publish(image, &seals.sealed).await?;
            let legacy = match &seals.legacy {
                Some(layer) => Some(legacy::publish(image, layer).await?),
                None => None,
            };
            Ok::<_, Failure>((image, seals, attached, legacy))
        })
        .buffered(AT_ONCE);
    while let Some((image, seals, attached, legacy)) = done.try_next().await? {
        published.attached(image, &seals.sealed, &attached);
        if let Some(added) = &legacy {
            published.legacy(image, added);
        }
    }
    context.printer.report(&published)?;
    Ok(Exit::Success)
}

/// The signatures of one artifact.
struct Seals {
    sealed: Sealed,
    legacy: Option<NewLegacyLayer>,
}

async fn seal_one(
    context: &Context,
    signer: &Sealer,
    artifact: &Artifact,
    legacy: bool,
    annotations: &BTreeMap<String, String>,
) -> Result<Seals, Failure> {
    let now = Timestamp::now();
    let payload = match artifact {
        Artifact::Image(image) => {
            let subject = Subject::of(image.descriptor.digest.clone());
            claim::signature(&[annotated(subject, annotations)], now)?
        }
        Artifact::File(file) => {
            let subject = Subject::named(&file.name, file.digest.clone());
            claim::signature(&[annotated(subject, annotations)], now)?
        }
        Artifact::Directory(directory) => {
            claim::directory(&directory.name, &directory.files, &[], now)?
        }
    };
    let mut sealed = seal::seal(context, signer, payload).await?;
    if let Artifact::Directory(_) = artifact {
        let pem = signer.signer().public_key().to_pem();
        sealed.bundle = directory::with_hint(sealed.bundle, &pem)?;
    }
    let legacy = match artifact.image() {
        Some(image) if legacy => {
            Some(legacy::signature(context, signer, image, annotations).await?)
        }
        _ => None,
    };
    Ok(Seals { sealed, legacy })
}

/// cosign writes what the signer adds beside the digest that it is about.
fn annotated(mut subject: Subject, annotations: &BTreeMap<String, String>) -> Subject {
    let added = annotations.iter();
    let added = added.map(|(name, value)| (name.clone(), value.as_str().into()));
    subject.annotations.extend(added);
    subject
}

fn check(arguments: &Arguments, artifacts: &[Artifact]) -> Result<(), Failure> {
    if arguments.publish.bundle.is_some() && artifacts.len() > 1 {
        return Err(
            Failure::usage("--bundle holds the signature of one artifact").with_hint(
                "leave it away: signatures of files are written beside them, as FILE.sigstore.json",
            ),
        );
    }
    let names: std::collections::BTreeSet<_> =
        arguments.annotations.iter().map(|(name, _)| name).collect();
    if names.len() < arguments.annotations.len() {
        return Err(Failure::usage(
            "an annotation is named twice: each has one value",
        ));
    }
    let directory = artifacts
        .iter()
        .find(|artifact| matches!(artifact, Artifact::Directory(_)));
    if let (false, Some(directory)) = (names.is_empty(), directory) {
        return Err(Failure::usage(format_args!(
            "the list of files of the folder {} has no place for annotations",
            directory.label()
        ))
        .with_hint("sign its files, or leave -a away"));
    }
    let local = artifacts.iter().find(|artifact| artifact.image().is_none());
    if let (true, Some(local)) = (arguments.publish.legacy, local) {
        return Err(Failure::usage(format_args!(
            "--legacy is about tags of images, and {} is none",
            local.label()
        )));
    }
    Ok(())
}

/// Artifacts signed, or published, at the same time.
const AT_ONCE: usize = 8;
