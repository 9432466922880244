//! `bulla slsa verify`.

use std::collections::BTreeMap;
use std::path::Path;

use bulla_verify::slsa::{
    Builders, Expected, Provenance, ProvenanceQuestion, SlsaArtifact, SlsaVerdict,
    verify_provenance,
};
use bulla_verify::{Attestation, PolicyFile, PublicKey, Trust};
use jiff::Timestamp;

use super::report::SlsaReport;
use super::{artifacts, document, wanted};
use crate::args::slsa::Verify;
use crate::commands::Context;
use crate::failure::FailureKind;
use crate::join::rules::Source;
use crate::join::{blocking, evidence, file, verdict};
use crate::settings::row;
use crate::trust::instance;
use crate::{Exit, Failure};

/// Verifies provenance and ends with the code of the answer. Of a package of npm's registry
/// nothing but what that registry says of it is believed.
pub(super) async fn run(
    arguments: Verify,
    is_package: bool,
    context: &Context,
) -> Result<Exit, Failure> {
    let now = arguments.trust.at.unwrap_or_else(Timestamp::now);
    let expected = expected(&arguments)?;
    let mut sources = Vec::new();
    let builders = builders(&arguments, context, &mut sources)?;
    let given = arguments
        .provenance
        .as_deref()
        .map(|path| document::read(path, &arguments, is_package, context))
        .transpose()?;
    if is_package && given.is_none() {
        let text = "nothing is attached to packages of npm's registry";
        return Err(
            Failure::usage(text).with_hint("pass the package's attestations: --provenance FILE")
        );
    }
    let (artifacts, attached) = collect(&arguments, given.is_none(), context).await?;
    let provenance = given.unwrap_or(Provenance::Attestations(attached.attestations));
    let found = instance(context, &wanted(&arguments.trust, now)).await?;
    sources.extend(found.sources);
    let roots = found.trusted_roots;
    let trust = Trust::new(keys(&provenance), &roots, now, &context.limits)
        .map_err(|error| Failure::new(FailureKind::Configuration, error))?;
    let limits = context.limits.clone();
    let verdict = blocking(move || {
        Ok(verify_provenance(&ProvenanceQuestion {
            artifacts: &artifacts,
            provenance: &provenance,
            expected: &expected,
            builders: &builders,
            trust: &trust,
            now,
            limits: &limits,
            cancelled: &verdict::deadline(limits.deadline),
        }))
    })
    .await?;
    let verdict = if attached.incomplete {
        verdict.unless_complete()
    } else {
        verdict
    };
    finish(
        context,
        arguments.artifacts,
        sources,
        verdict,
        arguments.print_provenance,
    )
}

/// Reports the answer, and writes the verified statement if that was asked for.
pub(super) fn finish(
    context: &Context,
    names: Vec<String>,
    sources: Vec<Source>,
    verdict: SlsaVerdict,
    print: bool,
) -> Result<Exit, Failure> {
    let payload = verdict.payload.clone();
    let report = SlsaReport {
        artifacts: names,
        sources,
        verdict,
    };
    if !print {
        context.printer.report(&report)?;
        return Ok(report.exit());
    }
    let verified = payload.is_some();
    context.printer.summary(&report, !verified)?;
    if let Some(mut payload) = payload {
        payload.push(b'\n');
        context.printer.data(&payload)?;
    }
    Ok(report.exit())
}

fn expected(arguments: &Verify) -> Result<Expected, Failure> {
    let mut inputs = BTreeMap::new();
    for input in &arguments.build_workflow_input {
        let (name, value) = input.split_once('=').ok_or_else(|| {
            Failure::usage(format_args!(
                "--build-workflow-input {input}: expected KEY=VALUE"
            ))
        })?;
        if inputs.insert(name.to_owned(), value.to_owned()).is_some() {
            return Err(Failure::usage(format_args!(
                "--build-workflow-input: `{name}` is given twice"
            )));
        }
    }
    Ok(Expected {
        source: arguments.source.clone(),
        branch: arguments.branch.clone(),
        tag: arguments.tag.clone(),
        versioned_tag: arguments.versioned_tag.clone(),
        // Other tools' scripts pass an empty id for none.
        builder_id: arguments.builder_id.clone().filter(|id| !id.is_empty()),
        inputs,
    })
}

fn builders(
    arguments: &Verify,
    context: &Context,
    sources: &mut Vec<Source>,
) -> Result<Builders, Failure> {
    let mut named: Vec<(String, String)> = arguments
        .builders
        .iter()
        .map(|path| (path.clone(), "command line".to_owned()))
        .collect();
    if named.is_empty() {
        let setting = context.settings.text(&row::BUILDERS, None)?;
        named.extend(setting.map(|setting| (setting.value, setting.origin.to_string())));
    }
    let mut files = Vec::new();
    for (path, origin) in named {
        let bytes = file::read(Path::new(&path), context.limits.configuration_bytes)?;
        sources.push(Source {
            what: "builders",
            path: path.clone(),
            origin,
            digest: bulla_model::Digest::sha256(&bytes),
        });
        files.push(PolicyFile { path, bytes });
    }
    Builders::load(&files, &context.limits)
        .map_err(|error| Failure::new(FailureKind::Configuration, error))
}

/// What is attached to the images asked about.
#[derive(Default)]
struct Attached {
    attestations: Vec<Attestation>,
    incomplete: bool,
}

async fn collect(
    arguments: &Verify,
    needs_attached: bool,
    context: &Context,
) -> Result<(Vec<SlsaArtifact>, Attached), Failure> {
    let mut artifacts = Vec::new();
    let mut attached = Attached::default();
    for text in &arguments.artifacts {
        let named = artifacts::named(text, needs_attached, context).await?;
        artifacts.push(named.artifact);
        if !needs_attached {
            continue;
        }
        let image = named.image.ok_or_else(|| {
            Failure::usage(format_args!("nothing is attached to {text}"))
                .with_hint("name the file that holds its provenance: --provenance FILE")
        })?;
        let _progress = context.printer.progress("collecting attestations");
        let evidence = evidence::attestations(&image, arguments.index.as_ref()).await?;
        attached.incomplete |= evidence.is_incomplete();
        attached.attestations.extend(evidence.attestations);
    }
    Ok((artifacts, attached))
}

fn keys(provenance: &Provenance) -> Vec<PublicKey> {
    match provenance {
        Provenance::Npm { expected, .. } => {
            expected.keys.iter().map(|key| key.key().clone()).collect()
        }
        _ => Vec::new(),
    }
}
