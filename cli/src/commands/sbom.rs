//! `bulla sbom`: what is inside, as a document and as a summary.

mod score;

use std::time::Instant;

use bulla_model::Digest;
use bulla_sbom::format::{Lifecycle, Metadata, Subject, cyclonedx, spdx};
use bulla_sbom::source::{Directory, Source};
use bulla_sbom::{Inventory, Options, Progress, catalog};
use bulla_verify::Cause;
use jiff::Timestamp;
use serde::Serialize;

use crate::args::sbom::{Action, Arguments, SbomFormat};
use crate::commands::Context;
use crate::failure::FailureKind;
use crate::join::image::{self, OpenImage};
use crate::join::{blocking, layers};
use crate::output::write_atomic;
use crate::render::{Cell, Page, Report, shorten};
use crate::target::Target;
use crate::{Exit, Failure};

/// Lists the target, writes the document, and says what was found.
pub async fn run(arguments: Arguments, context: &Context) -> Result<Exit, Failure> {
    if let Some(Action::Score(arguments)) = &arguments.action {
        return score::run(arguments, context);
    }
    let started = Instant::now();
    let Some(target) = &arguments.target else {
        return Err(Failure::new(FailureKind::Usage, "nothing to list is named"));
    };
    let target = Target::parse(target)?;
    let Described {
        source,
        subject,
        created,
        image,
    } = source(&target, &arguments, context).await?;
    let progress = context.printer.progress(&format!("reading {target}"));
    let mut options = Options::default();
    options.limits.clone_from(&context.limits);
    let inventory = blocking(move || {
        let report = |step: Progress| match step {
            Progress::Bytes(bytes) => progress.advance(bytes),
            Progress::Cataloging => progress.say("listing packages"),
            _ => {}
        };
        let options = Options {
            progress: Some(&report),
            ..options
        };
        Ok(catalog(source.as_ref(), &options)?)
    })
    .await?;
    // A folder without a system in it is a source tree.
    let lifecycle = if image.is_none() && inventory.operating_system.is_none() {
        Lifecycle::PreBuild
    } else {
        Lifecycle::PostBuild
    };
    drop(image);
    let mut metadata = Metadata::new(env!("CARGO_PKG_VERSION"), lifecycle);
    metadata.timestamp = source_date(context)?.or(created);
    metadata.authors.clone_from(&arguments.author);
    metadata.supplier.clone_from(&arguments.supplier);
    let (document, format) = match arguments.format {
        SbomFormat::CyclonedxJson => (
            cyclonedx::write(&inventory, &subject, &metadata),
            "CycloneDX 1.6",
        ),
        SbomFormat::SpdxJson => (spdx::write(&inventory, &subject, &metadata), "SPDX 2.3"),
    };
    let mut summary = Summary::of(&inventory, &subject, &document);
    summary.format = format;
    match &arguments.out {
        None => context.printer.data(&document)?,
        Some(path) => {
            write_atomic(path, &document)?;
            summary.file = Some(path.display().to_string());
        }
    }
    summary.seconds = started.elapsed().as_secs_f64();
    context.printer.summary(&summary, arguments.out.is_some())?;
    // The document is there, and says itself that it is incomplete.
    if arguments.strict && !inventory.unknowns.is_empty() {
        return Ok(Exit::of_cause(Cause::Denied));
    }
    Ok(Exit::Success)
}

/// What is read, what it is called, and when it says it was made.
struct Described {
    source: Box<dyn Source + Send>,
    subject: Subject,
    created: Option<Timestamp>,
    /// The image, which may live in a folder that goes away with it.
    image: Option<OpenImage>,
}

async fn source(
    target: &Target,
    arguments: &Arguments,
    context: &Context,
) -> Result<Described, Failure> {
    if let Target::Directory(path) = target {
        let absolute = std::path::absolute(path).unwrap_or_else(|_| path.clone());
        let name = absolute
            .file_name()
            .and_then(|name| name.to_str())
            .unwrap_or("/");
        return Ok(Described {
            source: Box::new(Directory::new(path)),
            subject: Subject::directory(name),
            created: None,
            image: None,
        });
    }
    let open = image::open(context, target).await?;
    let image = layers::image(&open, arguments.platform.as_deref()).await?;
    let subject = Subject::image(&open.name, image.manifest_digest())
        .map_err(|error| Failure::new(FailureKind::Input, error))?
        .with_image(&image);
    let created = image.created();
    Ok(Described {
        source: Box::new(image),
        subject,
        created,
        image: Some(open),
    })
}

/// `SOURCE_DATE_EPOCH`: the time to write instead of any other, for reproducible documents.
fn source_date(context: &Context) -> Result<Option<Timestamp>, Failure> {
    let Some(text) = context.environment().text("SOURCE_DATE_EPOCH")? else {
        return Ok(None);
    };
    let seconds = text
        .parse::<i64>()
        .ok()
        .and_then(|second| Timestamp::from_second(second).ok());
    seconds.map(Some).ok_or_else(|| {
        Failure::new(
            FailureKind::Configuration,
            format_args!("SOURCE_DATE_EPOCH is `{text}`, expected seconds since 1970"),
        )
    })
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Summary {
    subject: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    digest: Option<Digest>,
    #[serde(skip_serializing_if = "Option::is_none")]
    platform: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    operating_system: Option<String>,
    packages: usize,
    by_kind: Vec<Count>,
    layers: usize,
    unknowns: Vec<Unread>,
    document: Digest,
    format: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<String>,
    seconds: f64,
}

#[derive(Serialize)]
struct Count {
    kind: String,
    packages: usize,
}

#[derive(Serialize)]
struct Unread {
    path: String,
    reason: String,
}

impl Summary {
    fn of(inventory: &Inventory, subject: &Subject, document: &[u8]) -> Self {
        let counts = inventory.count_by_kind().into_iter();
        let unknowns = inventory.unknowns.iter();
        Self {
            subject: subject.name.clone(),
            digest: subject.digest.clone(),
            platform: subject.platform.clone(),
            operating_system: inventory
                .operating_system
                .as_ref()
                .map(|os| os.pretty_name.clone()),
            packages: inventory.packages.len(),
            by_kind: counts
                .map(|(kind, packages)| Count { kind, packages })
                .collect(),
            layers: subject.layers.len(),
            unknowns: unknowns
                .map(|one| Unread {
                    path: one.path.clone(),
                    reason: one.reason.clone(),
                })
                .collect(),
            document: Digest::sha256(document),
            format: "CycloneDX 1.6",
            file: None,
            seconds: 0.0,
        }
    }
}

impl Report for Summary {
    fn human(&self, page: &mut Page) {
        let parts = [self.platform.as_deref(), self.operating_system.as_deref()];
        let mut head = vec![Cell::strong(&self.subject)];
        head.extend(parts.into_iter().flatten().map(Cell::from));
        page.cells(1, head);
        let counts: Vec<String> = self
            .by_kind
            .iter()
            .map(|count| format!("{} {}", count.packages, count.kind))
            .collect();
        let counts = if counts.is_empty() {
            String::new()
        } else {
            format!("  ({})", counts.join(", "))
        };
        let layers = match self.layers {
            0 => String::new(),
            1 => "   1 layer".to_owned(),
            several => format!("   {several} layers"),
        };
        let packages = match self.packages {
            1 => "1 package".to_owned(),
            several => format!("{several} packages"),
        };
        let found = format!("{packages}{counts}{layers}");
        page.indented(1, found);
        if !self.unknowns.is_empty() {
            page.indented(
                1,
                Cell::attention(format!("{} files could not be read", self.unknowns.len())),
            );
            for unread in self.unknowns.iter().take(SHOWN) {
                page.row(2, [Cell::from(&unread.path), Cell::faint(&unread.reason)]);
            }
        }
        let file = self
            .file
            .as_deref()
            .map_or_else(String::new, |file| format!("wrote {file}  "));
        let digest = shorten(&self.document);
        page.indented(
            1,
            format!("{file}{}  {digest}   {:.1} s", self.format, self.seconds),
        );
    }
}

/// Unreadable files named in the summary; the document has them all.
const SHOWN: usize = 5;
