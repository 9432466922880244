//! What there is about one item: attached to an image, beside a file, or in the files given.

use std::path::Path;
use std::sync::Arc;

use bulla_attest::claim::IGNORED;
use bulla_model::predicate::{ModelSigning, model_signing};
use bulla_model::{Algorithm, Bundle, BundleContent, Digest, Limits, Statement};
use bulla_registry::{AnyStore, Store as _};
use bulla_verify::{Attestation, AttestationForm, Evidence};
use jiff::Timestamp;

use super::question::Asked;
use super::{inside, targets};
use crate::Failure;
use crate::args::verify::Arguments;
use crate::commands::Context;
use crate::failure::FailureKind;
use crate::join::cosign_file::{self, Detached};
use crate::join::documents::{self, Document};
use crate::join::image::OpenImage;
use crate::join::unsigned::{self, Unsigned};
use crate::join::{blocking, directory, evidence, file, follow, image, ledger, lists, platforms};
use crate::target::Target;

/// Whether what the ledger holds is among the evidence.
#[derive(Debug)]
pub(super) enum AtHand {
    /// It was asked, once: a second answer could be another.
    Yes,
    /// Not yet; it is there, if nothing else says where.
    Not(Option<Box<AnyStore>>),
}

/// Everything a verdict about one item rests on.
#[derive(Debug)]
pub(super) struct Gathered {
    /// What to type to mean exactly this.
    pub(super) name: String,
    /// The inputs of the verdict.
    pub(super) evidence: Evidence,
    /// Where attestations about it are, if it is an image.
    pub(super) ledger: AtHand,
    /// The files beside it that attestations were read from, as nobody named them.
    pub(super) beside: Vec<String>,
    /// The names of files that were looked for in vain.
    pub(super) absent: Option<String>,
    /// What was found that nobody signed, and that therefore counts for nothing.
    pub(super) unsigned: Vec<Unsigned>,
}

/// What was named for all items, read once.
#[derive(Debug)]
pub(super) struct Given {
    /// The documents of `--bundle`.
    pub(super) attestations: Vec<Document>,
    /// Those of `--document`, which statements refer to.
    pub(super) referred: Vec<bulla_verify::Document>,
}

/// Collects it.
pub(super) async fn gather(
    arguments: &Arguments,
    given: &Arc<Given>,
    target: &Target,
    (asked, now): (&Asked, Timestamp),
    context: &Context,
) -> Result<Gathered, Failure> {
    if let Some(artifact) = &arguments.artifact {
        let image = inside::open(context, target, artifact).await?;
        return about_image(arguments, given, image, (asked, now), context).await;
    }
    if let Target::File(path) = target {
        return about_file(arguments, given, path, target, &context.limits).await;
    }
    if let Target::Directory(path) = target {
        if arguments.signature.is_some() {
            return Err(Failure::usage("--signature is over one file, not a folder")
                .with_hint("pass the signed list of its files: --bundle FILE"));
        }
        return about_directory(given, path, target, &context.limits).await;
    }
    let image = image::open(context, target).await?;
    about_image(arguments, given, image, (asked, now), context).await
}

async fn about_image(
    arguments: &Arguments,
    given: &Given,
    image: OpenImage,
    (asked, now): (&Asked, Timestamp),
    context: &Context,
) -> Result<Gathered, Failure> {
    let artifact = image.descriptor.digest.clone();
    let named = !arguments.bundle.is_empty() || arguments.signature.is_some();
    let mut evidence = if named {
        let found = attestations(arguments, given, &artifact, &context.limits)?;
        let mut evidence = given_about(artifact.clone(), found);
        evidence::listed_by(&image, arguments.index.as_ref(), &mut evidence).await?;
        evidence
    } else {
        evidence::attestations(&image, arguments.index.as_ref()).await?
    };
    let mut is_asked = false;
    if let Asked::Environment { rules, name } = asked {
        lists::add(&image, rules, &mut evidence).await?;
        if !named {
            platforms::add(&image, rules, &mut evidence).await?;
            evidence = ledger::all_of(context, rules, (name, now), &image, evidence).await?;
            is_asked = true;
        }
    }
    follow::add_given(&given.referred, &mut evidence);
    if let Some(followed) = asked.follows() {
        evidence = follow::add(&image.evidence, evidence, followed, now).await?;
    }
    let mut unsigned = Vec::new();
    if unsigned::may_list(&image.descriptor) {
        let manifest = image.store.manifest(&artifact).await?;
        unsigned = unsigned::listed(&manifest);
    }
    Ok(Gathered {
        name: image.pinned,
        evidence,
        ledger: if is_asked {
            AtHand::Yes
        } else {
            AtHand::Not(Some(Box::new(image.evidence)))
        },
        beside: Vec::new(),
        absent: None,
        unsigned,
    })
}

async fn about_file(
    arguments: &Arguments,
    given: &Arc<Given>,
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
        let mut evidence = given_about(digest, attestations);
        follow::add_given(&given.referred, &mut evidence);
        add_content(&path, &mut evidence, &limits)?;
        Ok(Gathered {
            name,
            evidence,
            ledger: AtHand::Not(None),
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

/// Whether one of these documents claims to sign the list of a folder's files. What it really signs
/// is verified later.
pub(super) fn lists_files(given: &[Document], limits: &Limits) -> bool {
    let lists = |document: &Document| {
        let bundle = Bundle::parse(document.bytes.clone(), limits).ok();
        let payload = bundle.as_ref().and_then(Bundle::envelope);
        let statement = payload.and_then(|it| Statement::parse(it.payload(), limits).ok());
        statement.is_some_and(|it| it.predicate_type().as_str() == model_signing::TYPE)
    };
    given.iter().any(lists)
}

/// A folder as a whole: the files in it, against a signed list of them.
async fn about_directory(
    given: &Arc<Given>,
    path: &Path,
    target: &Target,
    limits: &Limits,
) -> Result<Gathered, Failure> {
    let (given, limits) = (Arc::clone(given), limits.clone());
    let (path, name) = (path.to_owned(), target.to_string());
    blocking(move || {
        let mut beside = Vec::new();
        let read = directory::read(&path, IGNORED)?;
        let mut files = read.files;
        // The signature may lie in the folder that it is about.
        files.retain(|name, _| {
            !given
                .attestations
                .iter()
                .any(|one| is_same(&one.path, &path.join(name)))
        });
        let artifact = ModelSigning::digest_of(&files);
        let attestations = if given.attestations.is_empty() {
            beside = targets::beside(&path);
            documents::attestations(&documents::read(&beside, &limits)?, &artifact, &limits)?
        } else {
            documents::attestations(&given.attestations, &artifact, &limits)?
        };
        let mut evidence = given_about(artifact, attestations);
        evidence.files = Some(files);
        evidence.left_out = read.left_out;
        Ok(Gathered {
            name,
            evidence,
            ledger: AtHand::Not(None),
            beside: beside
                .iter()
                .map(|path| path.display().to_string())
                .collect(),
            absent: None,
            unsigned: Vec::new(),
        })
    })
    .await
}

fn is_same(one: &Path, other: &Path) -> bool {
    one.file_name() == other.file_name()
        && matches!((one.canonicalize(), other.canonicalize()), (Ok(one), Ok(other)) if one == other)
}

fn given_about(artifact: Digest, attestations: Vec<Attestation>) -> Evidence {
    Evidence {
        artifact: Some(artifact),
        attestations,
        ..Evidence::default()
    }
}

/// Adds what signatures over the file's own bytes may need: longer digests, and the bytes where
/// they are few. They have to be those of the digest that the answer is about.
fn add_content(path: &Path, evidence: &mut Evidence, limits: &Limits) -> Result<(), Failure> {
    let signs_bytes = |attestation: &Attestation| {
        let AttestationForm::Bundle(bytes) = &attestation.form else {
            return false;
        };
        Bundle::parse(bytes.clone(), limits)
            .is_ok_and(|bundle| matches!(bundle.content(), BundleContent::Message { .. }))
    };
    if !evidence.attestations.iter().any(signs_bytes) {
        return Ok(());
    }
    let changed = || {
        let text = format_args!("{} changed while it was read", path.display());
        Failure::new(FailureKind::File, text)
    };
    let all = [Algorithm::Sha256, Algorithm::Sha384, Algorithm::Sha512];
    let [first, longer @ ..] = file::digests(path, all)?;
    if evidence.artifact.as_ref() != Some(&first) {
        return Err(changed());
    }
    evidence.digests = longer.into();
    let length = path.metadata().map_or(u64::MAX, |metadata| metadata.len());
    if length <= file::WHOLE_BYTES {
        let bytes = file::read(path, file::WHOLE_BYTES)?;
        if !first.matches(&bytes) {
            return Err(changed());
        }
        evidence.content = Some(bytes.into());
    }
    Ok(())
}

/// The attestations in the files that were named.
fn attestations(
    arguments: &Arguments,
    given: &Given,
    artifact: &Digest,
    limits: &Limits,
) -> Result<Vec<Attestation>, Failure> {
    let mut found = documents::attestations(&given.attestations, artifact, limits)?;
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
