//! `bulla attest`: claims about images and files, signed and attached.

use std::collections::BTreeSet;

use bulla_attest::claim::{self, TestReport};
use bulla_model::{Digest, Limits, Subject};
use bulla_registry::legacy::NewLegacyLayer;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use jiff::Timestamp;

use crate::args::attest::Arguments;
use crate::commands::Context;
use crate::commands::published::{Published, write_bundles};
use crate::join::artifact::{self, Artifact};
use crate::join::image::OpenImage;
use crate::join::kept::Beside;
use crate::join::referenced::Document;
use crate::join::seal::Sealed;
use crate::join::sealer::{Purpose, Sealer};
use crate::join::{file, legacy, provenance, publish, scanned, seal};
use crate::{Exit, Failure};

/// Makes one statement for each claim, about all targets, and attaches it to each image; beside
/// files it is written.
pub async fn run(arguments: Arguments, context: &Context) -> Result<Exit, Failure> {
    publish::check(context, &arguments.publish, &arguments.signing)?;
    let targets = publish::targets(context, &arguments.targets, &arguments.publish)?;
    let artifacts = artifact::open_all(context, &targets, false).await?;
    let subjects = subjects(&arguments, &artifacts)?;
    let mut claims = claims(&arguments, context, &subjects)?;
    let documents = documents(&arguments, context)?;
    let images: Vec<&OpenImage> = artifacts.iter().filter_map(Artifact::image).collect();
    for claim in &claims {
        for image in &images {
            scanned::must_be_of(image, &claim.images).await?;
        }
    }
    let roots = &arguments.roots.trusted_root;
    let signer = Sealer::open(context, &arguments.signing, roots, Purpose::Claim).await?;
    if arguments.publish.legacy {
        legacy::possible(&signer)?;
    }
    for document in &documents {
        let first = images.first().ok_or_else(no_registry)?;
        let payload = document.statement(&subjects, Timestamp::now(), signer.identity(), first)?;
        let note = Some("by reference".to_owned());
        let images = BTreeSet::new();
        claims.insert(
            0,
            Claim {
                payload,
                note,
                images,
            },
        );
    }
    let sealed: Vec<(Sealed, Option<String>)> = stream::iter(claims)
        .map(|claim| async {
            let sealed = seal::seal(context, &signer, claim.payload).await?;
            Ok::<_, Failure>((sealed, claim.note))
        })
        .buffered(AT_ONCE)
        .try_collect()
        .await?;
    let mut published = Published::default();
    for (one, note) in &sealed {
        published.add(one, note.clone());
    }
    let sealed: Vec<Sealed> = sealed.into_iter().map(|(one, _)| one).collect();
    let layers = legacy_layers(&arguments, context, &signer, &sealed)?;
    write(
        &arguments,
        &artifacts,
        &sealed,
        &mut published,
        &context.limits,
    )?;
    for image in &images {
        for document in &documents {
            document.store(image).await?;
        }
        attach(image, &sealed, &layers, &mut published).await?;
    }
    context.printer.report(&published)?;
    Ok(Exit::Success)
}

/// A statement to be signed, and what is worth saying about it.
struct Claim {
    payload: Vec<u8>,
    note: Option<String>,
    /// What it says itself that it is about, if it does.
    images: BTreeSet<Digest>,
}

/// The statements in cosign's older form, if that is asked for: made and verified before anything is
/// published.
fn legacy_layers(
    arguments: &Arguments,
    context: &Context,
    signer: &Sealer,
    sealed: &[Sealed],
) -> Result<Vec<NewLegacyLayer>, Failure> {
    if !arguments.publish.legacy {
        return Ok(Vec::new());
    }
    let layers = sealed.iter();
    layers
        .map(|one| legacy::attestation(signer, one, &context.limits))
        .collect()
}

/// Attaches every statement to an image, and adds the older forms to its legacy tag.
async fn attach(
    image: &OpenImage,
    sealed: &[Sealed],
    layers: &[NewLegacyLayer],
    published: &mut Published,
) -> Result<(), Failure> {
    let mut attached = stream::iter(sealed)
        .map(|one| async move { Ok::<_, Failure>((one, seal::publish(image, one).await?)) })
        .buffered(AT_ONCE);
    while let Some((one, attached)) = attached.try_next().await? {
        published.attached(image, one, &attached);
    }
    // One tag holds them all, so one goes after the other.
    for layer in layers {
        published.legacy(image, &legacy::publish(image, layer).await?);
    }
    Ok(())
}

/// Writes the bundles to the file that was named, or beside each file they are about.
fn write(
    arguments: &Arguments,
    artifacts: &[Artifact],
    sealed: &[Sealed],
    published: &mut Published,
    limits: &Limits,
) -> Result<(), Failure> {
    let sealed: Vec<&Sealed> = sealed.iter().collect();
    if let Some(file) = &arguments.publish.bundle {
        return write_bundles(file, &sealed);
    }
    for artifact in artifacts {
        if let Some(path) = artifact.path() {
            published.keep(artifact, path, Beside::Listed, &sealed, limits)?;
        }
    }
    Ok(())
}

/// What the claims are about.
fn subjects(arguments: &Arguments, artifacts: &[Artifact]) -> Result<Vec<Subject>, Failure> {
    let mut subjects = Vec::new();
    for artifact in artifacts {
        subjects.push(match artifact {
            Artifact::Image(image) => Subject::named(&image.name, image.descriptor.digest.clone()),
            Artifact::File(file) => Subject::named(&file.name, file.digest.clone()),
            Artifact::Directory(directory) => {
                let what = directory.path.display();
                return Err(Failure::usage(format_args!("{what} is a folder"))
                    .with_hint(format_args!("name its files: '{what}/*'"))
                    .with_hint("or sign it as a whole with bulla sign"));
            }
        });
    }
    if arguments.publish.legacy && artifacts.iter().all(|artifact| artifact.image().is_none()) {
        return Err(Failure::usage(
            "--legacy is about tags of images, and there is none",
        ));
    }
    Ok(subjects)
}

/// SBOMs that are named by their digest instead of standing in the statement.
fn documents(arguments: &Arguments, context: &Context) -> Result<Vec<Document>, Failure> {
    if !arguments.by_reference {
        return Ok(Vec::new());
    }
    let read = |path| Document::sbom(path, &context.limits);
    arguments.sbom.iter().map(|path| read(path)).collect()
}

fn no_registry() -> Failure {
    Failure::usage("--by-reference stores the SBOM beside an image, and there is none")
}

fn claims(
    arguments: &Arguments,
    context: &Context,
    subjects: &[Subject],
) -> Result<Vec<Claim>, Failure> {
    let limits = &context.limits;
    let now = Timestamp::now();
    let mut claims = Vec::new();
    let by_value = (!arguments.by_reference).then_some(&arguments.sbom);
    for path in by_value.into_iter().flatten() {
        let document = file::read(path, limits.bundle_bytes)?;
        let payload = claim::sbom(subjects, now, &document, limits)
            .map_err(|error| Failure::from(error).with_detail(path.display()))?;
        claims.push(Claim {
            payload,
            note: None,
            images: BTreeSet::new(),
        });
    }
    if let Some(source) = &arguments.provenance {
        let payload = provenance::statement(context, source.as_deref(), subjects, now)?;
        claims.push(Claim {
            payload,
            note: None,
            images: BTreeSet::new(),
        });
    }
    if !arguments.test_results.is_empty() {
        claims.push(test_results(&arguments.test_results, subjects, now)?);
    }
    for path in &arguments.vulns {
        claims.push(scan(arguments, path, subjects, now, limits)?);
    }
    for path in &arguments.vex {
        let document = file::read(path, limits.bundle_bytes)?;
        let payload = claim::openvex(subjects, now, &document, limits)
            .map_err(|error| Failure::from(error).with_detail(path.display()))?;
        claims.push(Claim {
            payload,
            note: None,
            images: BTreeSet::new(),
        });
    }
    if let (Some(path), Some(kind)) = (&arguments.predicate, &arguments.kind) {
        let predicate = file::read(path, limits.bundle_bytes)?;
        let kind = claim::predicate_type(kind)?;
        let payload = claim::custom(subjects, now, &kind, &predicate, limits)
            .map_err(|error| Failure::from(error).with_detail(path.display()))?;
        claims.push(Claim {
            payload,
            note: None,
            images: BTreeSet::new(),
        });
    }
    Ok(claims)
}

fn scan(
    arguments: &Arguments,
    path: &std::path::Path,
    subjects: &[Subject],
    now: Timestamp,
    limits: &Limits,
) -> Result<Claim, Failure> {
    let document = file::read(path, limits.bundle_bytes)?;
    let format = arguments.scan_format.map(Into::into);
    let report = claim::scan_report(&document, format, arguments.scanned_at, limits);
    let report = report.map_err(|error| {
        let unsaid = matches!(error, claim::ClaimError::ScanTime);
        let failure = Failure::from(error).with_detail(path.display());
        if unsaid {
            failure.with_hint("say it: --scanned-at 2026-11-21T22:31:07Z")
        } else {
            failure
        }
    })?;
    let ended = report.scan.scanned_at();
    if let Some(ended) = ended.filter(|ended| *ended > now) {
        return Err(
            Failure::usage(format_args!("a scan of {ended}, which is not yet"))
                .with_detail(path.display()),
        );
    }
    let mut note = format!("{} found", report.scan.scanner.result.len());
    if report.ignored > 0 {
        note = format!("{note}, {} of them ignored by the scanner", report.ignored);
    }
    let payload = claim::vulnerabilities(subjects, now, &report.scan)
        .map_err(|error| Failure::from(error).with_detail(path.display()))?;
    Ok(Claim {
        payload,
        note: Some(note),
        images: report.images,
    })
}

fn test_results(
    paths: &[std::path::PathBuf],
    subjects: &[Subject],
    now: Timestamp,
) -> Result<Claim, Failure> {
    let limits = claim::JunitLimits::default();
    let mut report = TestReport::default();
    for path in paths {
        let document = file::read(path, limits.bytes as u64)?;
        let name = path
            .file_name()
            .and_then(|name| name.to_str())
            .unwrap_or("report");
        report
            .read(name, &document, &limits)
            .map_err(|error| Failure::from(error).with_detail(path.display()))?;
    }
    let result = report.to_predicate(Vec::new(), None)?;
    let note = format!("{} ({} tests)", result.result, report.tests());
    let payload = claim::test_result(subjects, now, &result)?;
    Ok(Claim {
        payload,
        note: Some(note),
        images: BTreeSet::new(),
    })
}

/// Statements signed, or attached, at the same time.
const AT_ONCE: usize = 8;
