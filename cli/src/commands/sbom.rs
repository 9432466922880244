//! `bulla sbom`: what is inside, as a document and as a summary.

mod base;
mod bill;
mod convert;
mod diff;
mod explain;
mod list;
mod markdown;
mod score;
mod source;
mod summary;
mod validate;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Instant;

use bulla_sbom::format::{Lifecycle, Metadata, Subject, cyclonedx, spdx, spdx3};
use bulla_sbom::source::Source;
use bulla_sbom::{Inventory, Options, Progress, catalog};
use bulla_verify::Cause;
use jiff::Timestamp;

use self::source::{Described, Which};
use self::summary::{Summaries, Summary};
use crate::args::sbom::{Action, Arguments};
use crate::args::sbom_format::SbomFormat;
use crate::commands::Context;
use crate::failure::FailureKind;
use crate::join::blocking;
use crate::output::write_atomic;
use crate::printer::Format;
use crate::target::Target;
use crate::{Exit, Failure};

/// Lists the target, writes the document, and says what was found.
pub async fn run(arguments: Arguments, context: &Context) -> Result<Exit, Failure> {
    match &arguments.action {
        Some(Action::Convert(arguments)) => return convert::run(arguments, context),
        Some(Action::Diff(arguments)) => return diff::run(arguments, context).await,
        Some(Action::Explain(arguments)) => return explain::run(arguments, context).await,
        Some(Action::List(arguments)) => return list::run(arguments, context).await,
        Some(Action::Score(arguments)) => return score::run(arguments, context),
        Some(Action::Validate(arguments)) => return validate::run(arguments, context),
        None => {}
    }
    let Some(target) = &arguments.target else {
        return Err(Failure::new(FailureKind::Usage, "nothing to list is named"));
    };
    let target = Target::parse(target)?;
    let which = Which::of(arguments.platform.as_deref());
    let folder = match (which, &arguments.out) {
        (Which::All, None) => {
            let failure = Failure::usage("--platform all writes several documents");
            return Err(failure.with_hint("name a folder for them with -o"));
        }
        (Which::All, Some(folder)) => Some(folder),
        (Which::One(_), _) => None,
    };
    let opened = source::open(context, &target).await?;
    let mut documents = Vec::new();
    let mut names = BTreeSet::new();
    for described in opened
        .described(which, arguments.base.as_deref(), context)
        .await?
    {
        let out = match folder {
            None => arguments.out.clone(),
            Some(folder) => Some(in_folder(
                folder,
                &mut names,
                &described.subject,
                arguments.format.unwrap_or_default(),
            )?),
        };
        let summary = one(described, out.as_deref(), &target, &arguments, context).await?;
        documents.push(summary);
    }
    let is_whole = documents.iter().all(|one| one.unknowns.is_empty());
    let is_free = arguments.out.is_some();
    match (documents.as_slice(), which) {
        ([only], Which::One(_)) => context.printer.summary(only, is_free)?,
        _ => context.printer.summary(&Summaries { documents }, is_free)?,
    }
    // The documents are there, and say themselves that they are incomplete.
    if arguments.strict && !is_whole {
        return Ok(Exit::of_cause(Cause::Denied));
    }
    Ok(Exit::Success)
}

/// The file of one platform: `linux-amd64.cdx.json`, with a digest where there are several.
fn in_folder(
    folder: &Path,
    names: &mut BTreeSet<String>,
    subject: &Subject,
    format: SbomFormat,
) -> Result<PathBuf, Failure> {
    std::fs::create_dir_all(folder).map_err(|error| Failure::file("make", folder, &error))?;
    let plain = |character: char| {
        let is_plain = character.is_ascii_alphanumeric() || character == '.';
        if is_plain { character } else { '-' }
    };
    let platform = subject.platform.as_deref().unwrap_or("unknown");
    // Some systems take names in other letters for the same.
    let mut name: String = platform.to_ascii_lowercase().chars().map(plain).collect();
    if let Some(digest) = subject.digest.as_ref().filter(|_| names.contains(&name)) {
        name = format!("{name}-{}", digest.hex());
    }
    let file = folder.join(format!("{name}.{}", format.ending()));
    names.insert(name);
    Ok(file)
}

/// Lists one thing and writes its document.
async fn one(
    described: Described,
    out: Option<&Path>,
    target: &Target,
    arguments: &Arguments,
    context: &Context,
) -> Result<Summary, Failure> {
    let started = Instant::now();
    let Described {
        source,
        subject,
        created,
        is_built,
    } = described;
    let inventory = listed(source, target, context).await?;
    // A folder without a system in it is a source tree.
    let lifecycle = if is_built || inventory.operating_system.is_some() {
        Lifecycle::PostBuild
    } else {
        Lifecycle::PreBuild
    };
    let mut metadata = Metadata::new(env!("CARGO_PKG_VERSION"), lifecycle);
    metadata.timestamp = source_date(context)?.or(created);
    metadata.authors.clone_from(&arguments.author);
    metadata.supplier.clone_from(&arguments.supplier);
    let format = arguments.format.unwrap_or_default();
    let document = match format {
        SbomFormat::CyclonedxJson(version) => {
            metadata.cyclonedx = version;
            cyclonedx::write(&inventory, &subject, &metadata)
        }
        SbomFormat::CyclonedxXml(version) => {
            metadata.cyclonedx = version;
            let document = cyclonedx::write(&inventory, &subject, &metadata);
            in_xml(&document, context)?
        }
        SbomFormat::SpdxJson => spdx::write(&inventory, &subject, &metadata),
        SbomFormat::SpdxTagValue => spdx::tag_value::write(&inventory, &subject, &metadata),
        SbomFormat::Spdx3Json => spdx3::write(&inventory, &subject, &metadata),
    };
    let mut summary = Summary::of(&inventory, &subject, &document, format);
    match out {
        None if arguments.format.is_none() && is_for_a_person(context) => {
            let own = bill::own(&document, context)?;
            context.printer.report(&list::Listed::rows(&own))?;
        }
        None => context.printer.data(&document)?,
        Some(path) => {
            write_atomic(path, &document)?;
            summary.file = Some(path.display().to_string());
        }
    }
    summary.seconds = started.elapsed().as_secs_f64();
    Ok(summary)
}

/// What was just written, as XML.
fn in_xml(document: &[u8], context: &Context) -> Result<Vec<u8>, Failure> {
    let document = cyclonedx::Document::read_json(document, &context.limits)
        .map_err(|error| Failure::new(FailureKind::Internal, error))?;
    Ok(cyclonedx::xml::write(&document).bytes)
}

/// Whether somebody looks at what is printed, and nothing for programs was asked for.
fn is_for_a_person(context: &Context) -> bool {
    context.printer.format() == Format::Human && context.environment().terminals().output
}

async fn listed(
    source: Box<dyn Source + Send>,
    target: &Target,
    context: &Context,
) -> Result<Inventory, Failure> {
    let progress = context.printer.progress(&format!("reading {target}"));
    let mut options = Options::default();
    options.limits.clone_from(&context.limits);
    blocking(move || {
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
    .await
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
