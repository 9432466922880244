//! What is asked about: files, digests and images.

use std::io::Read as _;
use std::path::Path;

use bulla_model::{Algorithm, Digest, Hasher};
use bulla_verify::slsa::SlsaArtifact;

use crate::Failure;
use crate::commands::Context;
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
            artifact: SlsaArtifact::new(digests(path)?),
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

fn digests(path: &Path) -> Result<Vec<Digest>, Failure> {
    let failed = |error: std::io::Error| Failure::file("read", path, &error);
    let mut file = std::fs::File::open(path).map_err(failed)?;
    let mut hashers = ALGORITHMS.map(Hasher::new);
    let mut piece = vec![0; 1 << 18];
    loop {
        let length = file.read(&mut piece).map_err(failed)?;
        match piece.get(..length) {
            Some(bytes) if !bytes.is_empty() => {
                for hasher in &mut hashers {
                    hasher.update(bytes);
                }
            }
            _ => return Ok(hashers.into_iter().map(Hasher::finish).collect()),
        }
    }
}
