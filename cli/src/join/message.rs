//! Signatures over the bytes of a file, as `cosign sign-blob` makes them.

use std::io::Read as _;
use std::path::Path;

use bulla_attest::{Blob, BlobHasher, HashedBlob, Signer as _};
use bulla_model::{Algorithm, Bundle};
use bulla_verify::Evidence;

use super::artifact::LocalFile;
use super::sealer::Sealer;
use super::{blocking, file, seal};
use crate::Failure;
use crate::commands::Context;
use crate::failure::FailureKind;

/// Signs a file's bytes. It is read once to be hashed, or held where the key's scheme signs the whole
/// of it; the new signature is recorded and verified as every other is.
pub async fn sign(
    context: &Context,
    signer: &Sealer,
    local: &LocalFile,
) -> Result<Bundle, Failure> {
    let scheme = signer.signer().schemes().blob;
    let mut evidence = Evidence {
        artifact: Some(local.digest.clone()),
        ..Evidence::default()
    };
    let path = local.path.clone();
    if let Some(hasher) = BlobHasher::new(scheme) {
        let (hashed, digests) = blocking(move || {
            let digests = file::digests(&path, [Algorithm::Sha384, Algorithm::Sha512])?;
            Ok((hash(&path, hasher)?, digests))
        })
        .await?;
        evidence.digests = digests.to_vec();
        let blob = Blob::hashed(&hashed);
        unchanged(&blob, local)?;
        return seal::seal_blob(context, signer, blob, evidence).await;
    }
    let bytes = blocking(move || file::read(&path, file::WHOLE_BYTES)).await?;
    let blob = Blob::new(&bytes)?;
    unchanged(&blob, local)?;
    evidence.content = Some(bytes.clone().into());
    seal::seal_blob(context, signer, blob, evidence).await
}

/// Only what was looked at before may be signed.
fn unchanged(blob: &Blob<'_>, local: &LocalFile) -> Result<(), Failure> {
    if blob.digest() == local.digest {
        return Ok(());
    }
    Err(Failure::new(
        FailureKind::File,
        format_args!("{} was changed while it was read", local.path.display()),
    ))
}

fn hash(path: &Path, mut hasher: BlobHasher) -> Result<HashedBlob, Failure> {
    let failed = |error: std::io::Error| Failure::file("read", path, &error);
    let mut file = file::open(path).map_err(failed)?;
    let mut buffer = vec![0; 1 << 18];
    loop {
        let count = file.read(&mut buffer).map_err(failed)?;
        match buffer.get(..count) {
            Some([]) | None => return Ok(hasher.finish()?),
            Some(part) => hasher.update(part),
        }
    }
}
