//! `bulla sign`: a statement that says no more than that its signer vouches for an artifact.

mod messages;

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
    let sealed: Vec<Seals> = stream::iter(&artifacts)
        .map(|artifact| seal_one(context, &signer, artifact, arguments.publish.legacy))
        .buffered(AT_ONCE)
        .try_collect()
        .await?;
    let mut published = Published::default();
    for (artifact, seals) in artifacts.iter().zip(&sealed) {
        published.add(&seals.sealed, note(artifact, artifacts.len()));
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
) -> Result<Seals, Failure> {
    let now = Timestamp::now();
    let payload = match artifact {
        Artifact::Image(image) => {
            claim::signature(&[Subject::of(image.descriptor.digest.clone())], now)?
        }
        Artifact::File(file) => {
            claim::signature(&[Subject::named(&file.name, file.digest.clone())], now)?
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
        Some(image) if legacy => Some(legacy::signature(context, signer, image).await?),
        _ => None,
    };
    Ok(Seals { sealed, legacy })
}

fn check(arguments: &Arguments, artifacts: &[Artifact]) -> Result<(), Failure> {
    if arguments.publish.bundle.is_some() && artifacts.len() > 1 {
        return Err(
            Failure::usage("--bundle holds the signature of one artifact").with_hint(
                "leave it away: signatures of files are written beside them, as FILE.sigstore.json",
            ),
        );
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

/// Which artifact a signature is of, where there are several.
fn note(artifact: &Artifact, count: usize) -> Option<String> {
    (count > 1).then(|| artifact.label())
}

/// Artifacts signed, or published, at the same time.
const AT_ONCE: usize = 8;
