//! `bulla verify`: the seals of images and files, for an environment or by one signer.

mod forms;
mod gather;
mod inside;
mod question;
mod report;
mod signer;
mod targets;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use futures_util::{StreamExt as _, stream};
use jiff::Timestamp;

use crate::args::verify::Arguments;
use crate::commands::Context;
use crate::join::{documents, follow};
use crate::printer::Form;
use crate::render::Report as _;
use crate::{Exit, Failure};
use gather::Given;
use question::Asked;
use report::{Judged, Shown, VerifyReport};
use targets::{Folders, Item};

/// Verifies everything named, several at a time, and ends with the code of the answer.
///
/// One item that cannot be verified never keeps the others from it.
pub async fn run(mut arguments: Arguments, context: &Context) -> Result<Exit, Failure> {
    arguments
        .decide
        .trusted_root
        .extend(arguments.trust_config.take());
    let now = arguments.at.unwrap_or_else(Timestamp::now);
    let asked = Asked::of(&arguments, context, now).await?;
    let given = Arc::new(Given {
        attestations: documents::read(&arguments.bundle, &context.limits)?,
        referred: follow::given(&arguments.document, &context.limits)?,
    });
    let folders = match &arguments.env {
        // A policy knows images and files, and no lists of them.
        Some(_) => Folders::Files,
        None if arguments.artifact.is_some() => Folders::Files,
        None if gather::lists_files(&given.attestations, &context.limits) => Folders::Whole,
        None => Folders::Signed,
    };
    let mut items = targets::in_manifests(
        &arguments.manifests,
        &arguments.skip_kind,
        arguments.layout.as_ref(),
    )?;
    items.extend(targets::expand(
        &arguments.targets,
        &aside(&arguments),
        folders,
    )?);
    targets::few(items.len())?;
    if arguments.signature.is_some() && items.len() != 1 {
        return Err(Failure::usage(format_args!(
            "--signature is over one file, and {} are named",
            items.len()
        ))
        .with_hint("verify one file at a time, or keep each signature in FILE.sigstore.json"));
    }
    let mut judged: Vec<Judged> = {
        let _progress = context.printer.progress("verifying");
        stream::iter(items)
            .map(|item| judge(item, &arguments, &asked, &given, context, now))
            .buffered(
                arguments
                    .cosign
                    .max_workers
                    .map_or_else(at_once, std::num::NonZero::get),
            )
            .collect()
            .await
    };
    if let [only] = judged.as_mut_slice()
        && only.places.is_empty()
        // A document that is not written reads like one without findings.
        && context.printer.format().form().is_none()
        && let Err(failure) = &only.outcome
    {
        return Err(failure.clone());
    }
    let shown = Shown {
        verbose: context.global.verbose > 0,
        explain: arguments.explain,
    };
    let report = VerifyReport::new(shown, asked.sources(), judged, arguments.audit)
        .called_in(context.environment().directory());
    context.printer.report(&report)?;
    Ok(report.exit())
}

/// The document of a call that failed before anything was judged.
pub fn not_judged(form: Form, failure: &Failure) -> Option<String> {
    let mut judged = Judged::named("bulla verify".to_owned());
    judged.outcome = Err(failure.clone());
    VerifyReport::new(Shown::default(), Vec::new(), vec![judged], false).document(form)
}

async fn judge(
    item: Item,
    arguments: &Arguments,
    asked: &Asked,
    given: &Arc<Given>,
    context: &Context,
    now: Timestamp,
) -> Judged {
    let mut judged = Judged::named(item.name);
    judged.places = item.places;
    judged.is_tag = item.is_tag;
    judged.outcome = match item.target {
        Err(failure) => Err(failure),
        Ok(target) => {
            match gather::gather(arguments, given, &target, (asked, now), context).await {
                Err(failure) => Err(failure),
                Ok(gathered) => {
                    let (ledger, evidence) = (gathered.ledger, gathered.evidence);
                    let verdict = asked
                        .judge(context, &gathered.name, ledger, evidence, now)
                        .await;
                    judged.image = Some(gathered.name);
                    judged.holds = arguments.artifact.is_some();
                    judged.beside = gathered.beside;
                    judged.named = arguments
                        .bundle
                        .iter()
                        .map(|path| path.display().to_string())
                        .collect();
                    judged.absent = gathered.absent;
                    judged.unsigned = gathered.unsigned;
                    verdict
                }
            }
        }
    };
    judged
}

/// The files named for another purpose than to be verified.
fn aside(arguments: &Arguments) -> Vec<&Path> {
    let single = [
        &arguments.signature,
        &arguments.certificate,
        &arguments.certificate_chain,
        &arguments.rfc3161_timestamp,
    ];
    let single = single.into_iter().flatten();
    let several = arguments.bundle.iter().chain(&arguments.document);
    several.chain(single).map(PathBuf::as_path).collect()
}

/// How many items are verified at the same time: enough to keep the processors busy while others
/// wait for their registry, and few enough not to be taken for an attack on it.
fn at_once() -> usize {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    cores.saturating_mul(2).clamp(4, 16)
}
