//! `bulla attest`: claims about images and files, signed and attached.

use std::path::Path;

use bulla_attest::claim::{self, TestReport};
use bulla_model::{Digest, Subject};
use bulla_registry::Attached;
use jiff::Timestamp;
use serde::Serialize;

use crate::args::attest::Arguments;
use crate::commands::Context;
use crate::join::image::OpenImage;
use crate::join::seal::Sealed;
use crate::join::sealer::{Purpose, Sealer};
use crate::join::{file, image, provenance, seal};
use crate::output::write_atomic;
use crate::render::{Cell, Page, Report, shorten};
use crate::target::Target;
use crate::{Exit, Failure};

/// Makes one statement for each claim, about all targets, and attaches it to each image.
pub async fn run(arguments: Arguments, context: &Context) -> Result<Exit, Failure> {
    let (images, subjects) = subjects(&arguments, context).await?;
    let claims = claims(&arguments, context, &subjects)?;
    let signer = Sealer::open(
        context,
        &arguments.signing,
        &arguments.roots.trusted_root,
        Purpose::Claim,
    )
    .await?;
    let mut sealed = Vec::new();
    let mut published = Published::default();
    for claim in claims {
        let one = seal::seal(context, &signer, claim.payload).await?;
        published.add(&one, claim.note);
        sealed.push(one);
    }
    write_bundles(arguments.publish.bundle.as_deref(), &sealed)?;
    for image in &images {
        for one in &sealed {
            published.attached(image, one, &seal::publish(image, one).await?);
        }
    }
    context.printer.report(&published)?;
    Ok(Exit::Success)
}

/// A statement to be signed, and what is worth saying about it.
struct Claim {
    payload: Vec<u8>,
    note: Option<String>,
}

/// Opens the images and hashes the files the claims are about.
async fn subjects(
    arguments: &Arguments,
    context: &Context,
) -> Result<(Vec<OpenImage>, Vec<Subject>), Failure> {
    let mut images = Vec::new();
    let mut subjects = Vec::new();
    for target in &arguments.targets {
        match Target::parse(target)? {
            Target::File(path) => {
                let name = path
                    .file_name()
                    .and_then(|name| name.to_str())
                    .unwrap_or("file");
                subjects.push(Subject::named(name, file::digest(&path)?));
            }
            target => {
                let image = image::open(context, &target).await?.writable()?;
                subjects.push(Subject::named(&image.name, image.descriptor.digest.clone()));
                images.push(image);
            }
        }
    }
    if images.is_empty() && arguments.publish.bundle.is_none() {
        return Err(
            Failure::usage("a file has no place to attach an attestation to")
                .with_hint("write it beside the file: --bundle FILE.sigstore.json"),
        );
    }
    Ok((images, subjects))
}

fn claims(
    arguments: &Arguments,
    context: &Context,
    subjects: &[Subject],
) -> Result<Vec<Claim>, Failure> {
    let limits = &context.limits;
    let now = Timestamp::now();
    let mut claims = Vec::new();
    for path in &arguments.sbom {
        let document = file::read(path, limits.bundle_bytes)?;
        let payload = claim::sbom(subjects, now, &document, limits)
            .map_err(|error| Failure::from(error).with_detail(path.display()))?;
        claims.push(Claim {
            payload,
            note: None,
        });
    }
    if let Some(source) = &arguments.provenance {
        let payload = provenance::statement(context, source.as_deref(), subjects, now)?;
        claims.push(Claim {
            payload,
            note: None,
        });
    }
    if !arguments.test_results.is_empty() {
        claims.push(test_results(&arguments.test_results, subjects, now)?);
    }
    if let (Some(path), Some(kind)) = (&arguments.predicate, &arguments.kind) {
        let predicate = file::read(path, limits.bundle_bytes)?;
        let kind = claim::predicate_type(kind)?;
        let payload = claim::custom(subjects, now, &kind, &predicate, limits)
            .map_err(|error| Failure::from(error).with_detail(path.display()))?;
        claims.push(Claim {
            payload,
            note: None,
        });
    }
    Ok(claims)
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
    })
}

/// Writes the bundles to a file, one to a line if there are several.
pub(super) fn write_bundles(path: Option<&Path>, sealed: &[Sealed]) -> Result<(), Failure> {
    let Some(path) = path else { return Ok(()) };
    let mut bytes = Vec::new();
    for one in sealed {
        bytes.extend_from_slice(one.bundle.bytes());
        bytes.push(b'\n');
    }
    write_atomic(path, &bytes)
}

/// What was signed, and where it was attached.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Published {
    signed: Vec<Signed>,
    attached: Vec<AttachedTo>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Signed {
    predicate_type: String,
    payload: Digest,
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct AttachedTo {
    target: String,
    predicate_type: String,
    payload: Digest,
    manifest: Digest,
    existed: bool,
}

impl Published {
    pub(super) fn add(&mut self, sealed: &Sealed, note: Option<String>) {
        self.signed.push(Signed {
            predicate_type: sealed.predicate_type.as_str().to_owned(),
            payload: sealed.payload.clone(),
            note,
        });
    }

    pub(super) fn attached(&mut self, image: &OpenImage, sealed: &Sealed, attached: &Attached) {
        self.attached.push(AttachedTo {
            target: image.pinned.clone(),
            predicate_type: sealed.predicate_type.as_str().to_owned(),
            payload: sealed.payload.clone(),
            manifest: attached.descriptor.digest.clone(),
            existed: attached.existed,
        });
    }
}

impl Report for Published {
    fn human(&self, page: &mut Page) {
        for signed in &self.signed {
            page.row(
                1,
                [
                    Cell::good("signed"),
                    Cell::from(&signed.predicate_type),
                    Cell::from(shorten(&signed.payload)),
                    Cell::from(signed.note.as_deref().unwrap_or_default()),
                ],
            );
        }
        let mut last = None;
        for attached in &self.attached {
            if last == Some(&attached.target) {
                continue;
            }
            last = Some(&attached.target);
            let count = self
                .attached
                .iter()
                .filter(|other| other.target == attached.target)
                .count();
            let noun = if count == 1 {
                "attestation"
            } else {
                "attestations"
            };
            page.indented(1, format!("attached {count} {noun} to {}", attached.target));
        }
    }
}
