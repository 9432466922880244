//! What is asked about: files, digests and images.

use std::path::Path;

use bulla_model::{Algorithm, Digest};
use bulla_verify::slsa::SlsaArtifact;

use crate::Failure;
use crate::commands::Context;
use crate::join::file;
use crate::join::image::{self, OpenImage};
use crate::target::Target;

/// The digests that provenance may name a file by.
const ALGORITHMS: [Algorithm; 2] = [Algorithm::Sha256, Algorithm::Sha512];

/// An artifact, and the image it is, if it is one that was opened.
pub(super) struct Named {
    pub(super) artifact: SlsaArtifact,
    pub(super) image: Option<OpenImage>,
}

/// Finds out what an argument names. An image in a registry that is named by its digest is looked
/// at only if what is attached to it is needed.
pub(super) async fn named(
    text: &str,
    needs_attached: bool,
    context: &Context,
) -> Result<Named, Failure> {
    let alone = |digest: Digest| Named {
        artifact: SlsaArtifact::new(vec![digest]),
        image: None,
    };
    if !Path::new(text).exists()
        && let Ok(digest) = text.parse::<Digest>()
    {
        return Ok(alone(digest));
    }
    let target = Target::parse(text)?;
    match &target {
        Target::File(path) => Ok(Named {
            artifact: SlsaArtifact::new(file::digests(path, ALGORITHMS)?.to_vec()),
            image: None,
        }),
        Target::Registry(reference) if !needs_attached && reference.digest().is_some() => {
            let digest = reference.digest().cloned();
            digest.map(alone).ok_or_else(|| Failure::usage("no digest"))
        }
        _ => {
            let image = image::open(context, &target).await?;
            let artifact = SlsaArtifact::new(vec![image.descriptor.digest.clone()]);
            Ok(Named {
                artifact,
                image: Some(image),
            })
        }
    }
}
