//! `bulla evidence pack`.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use bulla_model::{Descriptor, Digest, Limits, PackRole};
use bulla_registry::{AnyStore, Store as _, archive};
use bulla_verify::Verdict;
use jiff::Timestamp;
use serde::Serialize;
use tokio::io::AsyncWriteExt as _;

use super::gather::{Judged, gather};
use super::open::Counting;
use super::{Contents, compare, largest, layout, replay};
use crate::args::evidence::Pack;
use crate::commands::Context;
use crate::failure::FailureKind;
use crate::join::follow::{self, Followed};
use crate::join::rules::{Rules, Source};
use crate::join::{blocking, evidence, image, ledger, lists, platforms, step, verdict};
use crate::output::{READABLE, partial};
use crate::render::{Cell, Page, Report, bytes, shorten, verdict as render};
use crate::target::Target;
use crate::{Exit, Failure};

/// Judges the image, makes sure the verdict can be reproduced, and writes the pack.
pub(super) async fn run(arguments: Pack, context: &Context) -> Result<Exit, Failure> {
    let limits = &context.limits;
    let now = match arguments.at {
        Some(at) => at,
        None => step::whole_second(Timestamp::now()),
    };
    let mut rules = Rules::load(context, &arguments.decide, now)?;
    // The state in the pack is the one that the verdict rests on.
    rules.settle(limits)?;
    let rules = Arc::new(rules);
    let image = image::open(context, &Target::parse(&arguments.target)?).await?;
    // Whoever judges the pack by rules of their own may take documents that these have no use for.
    let everybody = Followed::Everybody(Arc::clone(&rules));
    let mut collected = evidence::attestations(&image, arguments.index.as_ref()).await?;
    lists::add(&image, &rules, &mut collected).await?;
    platforms::add(&image, &rules, &mut collected).await?;
    let place = &image.evidence;
    let collected = follow::add(place, collected, everybody, now).await?;
    let told = ledger::all_of(context, &rules, (&arguments.env, now), &image, collected);
    let collected = Arc::new(told.await?);
    let kept = ledger::open(context, &rules, place).await?;
    // A local path would make the pack depend on where it was made.
    let name = format!("{}@{}", image.name, image.descriptor.digest);
    let verdict = verdict::environment(
        &rules,
        Arc::clone(&collected),
        &name,
        &arguments.env,
        now,
        limits,
    )
    .await?;
    let judged = Judged {
        image: &image,
        ledger: &kept,
        name: &name,
        rules: &rules,
        evidence: &collected,
        verdict: &verdict,
        with_layers: arguments.with_layers,
    };
    let contents = Arc::new(gather(&judged, limits).await?);
    reproduce(&contents, limits).await?;
    let progress = context.printer.progress("packing");
    let directory = tempfile::tempdir()
        .map_err(|error| Failure::file("make a folder in", &std::env::temp_dir(), &error))?;
    {
        let (contents, limits) = (Arc::clone(&contents), limits.clone());
        let directory = directory.path().to_owned();
        blocking(move || layout::write(&directory, &contents, &limits)).await?;
    }
    for layer in contents.document.current(PackRole::Layer) {
        copy_layer(&image.store, &layer.descriptor(), directory.path()).await?;
    }
    let limit = largest(arguments.with_layers, limits);
    let path = arguments.out.clone();
    let (digest, size) = blocking(move || write(directory.path(), &path, limit)).await?;
    drop(progress);
    context.printer.report(&PackReport {
        image: name,
        path: arguments.out,
        digest,
        size,
        files: contents.document.files.len(),
        left_out: contents.document.incomplete.left_out.clone(),
        policy_digest: contents.document.policy_digest(),
        sources: rules.sources.clone(),
        verdict,
    })?;
    Ok(Exit::Success)
}

/// A pack whose verdict cannot be reproduced here and now is worth nothing to anybody later.
async fn reproduce(contents: &Arc<Contents>, limits: &Limits) -> Result<(), Failure> {
    let (replayed, differences) = replayed(contents, limits).await?;
    match differences.first() {
        None => Ok(()),
        Some(first) => Err(Failure::new(
            FailureKind::Unavailable,
            "the verdict could not be reproduced from the pack, so none was written",
        )
        .with_detail(format_args!(
            "{}: {} at first, then {} ({:?})",
            first.part, first.recorded, first.replayed, replayed.decision
        ))
        .with_hint("try again, or raise --timeout")),
    }
}

/// Judges by the pack's own rules, at its own time, and compares with what it recorded.
pub(super) async fn replayed(
    contents: &Contents,
    limits: &Limits,
) -> Result<(Verdict, Vec<compare::Difference>), Failure> {
    let document = &contents.document;
    let rules = Arc::new(replay::rules(contents, document.now, limits)?);
    let evidence = Arc::new(replay::evidence(contents, limits)?);
    let verdict = verdict::environment(
        &rules,
        evidence,
        &document.image,
        document.environment.as_str(),
        document.now,
        limits,
    )
    .await?;
    let recorded = document.current(PackRole::Verdict).next();
    let recorded = recorded.map_or(&[][..], |file| contents.bytes(&file.digest));
    let differences = compare::differences(recorded, &verdict, limits)?;
    Ok((verdict, differences))
}

/// Copies a layer from the store into a layout; the store checks its digest.
async fn copy_layer(store: &AnyStore, layer: &Descriptor, directory: &Path) -> Result<(), Failure> {
    let path = layout::blob(directory, &layer.digest);
    let failed = |error: std::io::Error| Failure::file("write", &path, &error);
    let mut file = tokio::fs::File::create(&path).await.map_err(failed)?;
    let mut reader = store.open_blob(layer).await?;
    tokio::io::copy(&mut reader, &mut file)
        .await
        .map_err(|error| bulla_registry::StoreError::from_io(error, "layer"))?;
    file.flush().await.map_err(failed)
}

fn write(directory: &Path, path: &Path, limit: u64) -> Result<(Digest, u64), Failure> {
    let failed = |error: std::io::Error| Failure::file("write", path, &error);
    let file = Counting::over(partial(path, READABLE)?);
    let file = archive::pack(directory, file)?;
    let (digest, size) = (file.hasher.clone().finish(), file.size);
    if size > limit {
        return Err(Failure::new(
            FailureKind::Unavailable,
            format_args!("the pack has {size} bytes, the limit is {limit}"),
        ));
    }
    let file = file.into_inner();
    file.as_file().sync_all().map_err(failed)?;
    file.persist(path).map_err(|error| failed(error.error))?;
    Ok((digest, size))
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PackReport {
    image: String,
    path: PathBuf,
    digest: Digest,
    size: u64,
    files: usize,
    left_out: Vec<String>,
    policy_digest: Digest,
    sources: Vec<Source>,
    verdict: Verdict,
}

impl Report for PackReport {
    fn human(&self, page: &mut Page) {
        render(page, &self.image, &self.verdict, false);
        page.gap();
        for line in &self.left_out {
            page.labelled(&Cell::attention("left out:"), line);
        }
        let path = self.path.display().to_string();
        page.labelled(
            &Cell::good("wrote"),
            &format!(
                "{path}  {}  {} files  {}",
                bytes(self.size),
                self.files,
                shorten(&self.digest)
            ),
        );
        page.labelled(
            &Cell::strong("hint:"),
            &format!(
                "tell whoever verifies it the policy's digest by another way: bulla evidence verify {path} --policy-digest {}",
                self.policy_digest
            ),
        );
    }
}
