//! What there is about one item: attached to an image, beside a file, or in the files given.

use std::path::Path;
use std::sync::Arc;

use bulla_model::Limits;
use bulla_registry::Store as _;
use bulla_verify::{Attestation, Evidence};

use super::targets;
use crate::Failure;
use crate::args::verify::Arguments;
use crate::commands::Context;
use crate::join::cosign_file::{self, Detached};
use crate::join::documents::{self, Document};
use crate::join::unsigned::{self, Unsigned};
use crate::join::{blocking, evidence, file, image};
use crate::target::Target;

/// Everything a verdict about one item rests on.
#[derive(Debug)]
pub(super) struct Gathered {
    /// What to type to mean exactly this.
    pub(super) name: String,
    /// The inputs of the verdict.
    pub(super) evidence: Arc<Evidence>,
    /// The files beside it that attestations were read from, as nobody named them.
    pub(super) beside: Vec<String>,
    /// The names of files that were looked for in vain.
    pub(super) absent: Option<String>,
    /// What was found that nobody signed, and that therefore counts for nothing.
    pub(super) unsigned: Vec<Unsigned>,
}

/// Collects it. `given` are the documents of `--bundle`, read once for all items.
pub(super) async fn gather(
    arguments: &Arguments,
    given: &Arc<Vec<Document>>,
    target: &Target,
    context: &Context,
) -> Result<Gathered, Failure> {
    if let Target::File(path) = target {
        return about_file(arguments, given, path, target, &context.limits).await;
    }
    let image = image::open(context, target).await?;
    let artifact = image.descriptor.digest.clone();
    let named = !arguments.bundle.is_empty() || arguments.signature.is_some();
    let evidence = if named {
        let digest = artifact.clone();
        Evidence {
            artifact: Some(digest.clone()),
            attestations: attestations(arguments, given, &digest, &context.limits)?,
            ..Evidence::default()
        }
    } else {
        evidence::collect(&image, arguments.index.as_ref()).await?
    };
    let mut unsigned = Vec::new();
    if unsigned::may_list(&image.descriptor) {
        let manifest = image.store.manifest(&artifact).await?;
        unsigned = unsigned::listed(&manifest);
    }
    Ok(Gathered {
        name: image.pinned,
        evidence: Arc::new(evidence),
        beside: Vec::new(),
        absent: None,
        unsigned,
    })
}

async fn about_file(
    arguments: &Arguments,
    given: &Arc<Vec<Document>>,
    path: &Path,
    target: &Target,
    limits: &Limits,
) -> Result<Gathered, Failure> {
    let (arguments, given) = (arguments.clone(), Arc::clone(given));
    let (path, name, limits) = (path.to_owned(), target.to_string(), limits.clone());
    // Hashing a large file takes its time.
    blocking(move || {
        let digest = file::digest(&path)?;
        let named = !arguments.bundle.is_empty() || arguments.signature.is_some();
        let mut beside = Vec::new();
        let attestations = if named {
            attestations(&arguments, &given, &digest, &limits)?
        } else {
            beside = targets::beside(&path);
            documents::attestations(&documents::read(&beside, &limits)?, &digest, &limits)?
        };
        let nothing = !named && beside.is_empty();
        Ok(Gathered {
            name,
            evidence: Arc::new(Evidence {
                artifact: Some(digest),
                attestations,
                ..Evidence::default()
            }),
            beside: beside
                .iter()
                .map(|path| path.display().to_string())
                .collect(),
            absent: nothing.then(|| targets::names_beside(&path)),
            unsigned: Vec::new(),
        })
    })
    .await
}

/// The attestations in the files that were named.
fn attestations(
    arguments: &Arguments,
    given: &[Document],
    artifact: &bulla_model::Digest,
    limits: &Limits,
) -> Result<Vec<Attestation>, Failure> {
    let mut found = documents::attestations(given, artifact, limits)?;
    if let Some(signature) = &arguments.signature {
        let files = Detached {
            signature,
            certificate: arguments.certificate.as_deref(),
            chain: arguments.certificate_chain.as_deref(),
            timestamp: arguments.rfc3161_timestamp.as_deref(),
        };
        found.push(cosign_file::detached(files, artifact, limits)?);
    }
    Ok(found)
}
