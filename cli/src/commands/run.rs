//! `bulla run`: a command, and a record of what it used and made.

use std::collections::BTreeSet;

use bulla_attest::ci::RunRecord;
use bulla_attest::claim;
use bulla_model::Subject;
use bulla_model::predicate::Provenance;
use jiff::Timestamp;

use crate::args::run::Arguments;
use crate::commands::Context;
use crate::commands::published::Published;
use crate::join::build::{self, Files};
use crate::join::sealer::{Prepared, Purpose, Sealer};
use crate::join::{consent, image, key, seal};
use crate::output::write_atomic;
use crate::render::to_json;
use crate::target::Target;
use crate::{Exit, Failure};

/// Runs the command; if it fails, its exit code is this one's and nothing is claimed.
///
/// What could fail without the command, fails before it.
pub async fn run(arguments: Arguments, context: &Context) -> Result<Exit, Failure> {
    let attach = match &arguments.attach {
        None => None,
        Some(target) => {
            let target = Target::parse(target)?;
            Some((target, prepare(&arguments, context).await?))
        }
    };
    let directory = context.environment().directory();
    let materials = build::hash_matches(&arguments.materials)?;
    let before = build::hash_matches(&arguments.products)?;
    let source = build::git_source(context.environment(), directory);
    let started_on = now();
    // What signs for the build is not the build's to have.
    let withheld = match &attach {
        None => Vec::new(),
        Some(_) => key::secret_variables(context, &arguments.signing.key)?,
    };
    let exit_code = build::run(&arguments.command, directory, &withheld).await?;
    let record = RunRecord {
        command: arguments
            .command
            .iter()
            .map(|part| part.to_string_lossy().into_owned())
            .collect(),
        exit_code,
        builder_id: arguments.builder.clone(),
        source,
        materials: build::descriptors(&materials),
        environment: context.environment().texts(),
        shown_variables: arguments.variables.iter().cloned().collect::<BTreeSet<_>>(),
        started_on,
        finished_on: now(),
    };
    if exit_code != 0 {
        context.printer.say(format!(
            "  the command ended with exit code {exit_code}: nothing is claimed"
        ));
        return Ok(Exit::Child(u8::try_from(exit_code).unwrap_or(1)));
    }
    let products = products(&arguments, &before)?;
    write(&arguments, context, &record, &products)?;
    if let Some((target, signer)) = attach {
        let signer = match signer {
            Signing::Ready(signer) => signer,
            Signing::Uncertified(prepared) => {
                Box::new(prepared.finish(context, &arguments.signing).await?)
            }
        };
        // The command may have made the image, so it is looked for now.
        let image = image::open(context, &target).await?.writable()?;
        let subject = Subject::named(&image.name, image.descriptor.digest.clone());
        let provenance = Provenance::from(record.build_facts()?);
        let payload = claim::provenance(&[subject], now(), &provenance)?;
        let sealed = seal::seal(context, &signer, payload).await?;
        let mut published = Published::default();
        published.add(&sealed, None);
        published.attached(&image, &sealed, &seal::publish(&image, &sealed).await?);
        context.printer.report(&published)?;
    }
    Ok(Exit::Success)
}

/// What signs after the build.
enum Signing {
    Ready(Box<Sealer>),
    /// The certificate is asked for after the build: it ends after minutes, a build need not.
    Uncertified(Box<Prepared>),
}

async fn prepare(arguments: &Arguments, context: &Context) -> Result<Signing, Failure> {
    let signing = &arguments.signing;
    let roots = &arguments.roots.trusted_root;
    let prepared = Sealer::prepare(context, signing, roots, Purpose::Claim).await?;
    if !prepared.is_certified() {
        let ready = prepared.finish(context, signing).await?;
        return Ok(Signing::Ready(Box::new(ready)));
    }
    if !signing.yes {
        consent::somebody(context)?;
    }
    Ok(Signing::Uncertified(Box::new(prepared)))
}

/// The files the command made or changed. Asking for products and getting none is an error.
fn products(arguments: &Arguments, before: &Files) -> Result<Vec<Subject>, Failure> {
    let mut after = build::hash_matches(&arguments.products)?;
    let found = after.len();
    after.retain(|name, digest| before.get(name) != Some(digest));
    if after.is_empty() && !arguments.products.is_empty() {
        return Err(Failure::usage("the command made none of the products")
            .with_detail(format_args!("patterns: {}", arguments.products.join(", ")))
            .with_detail(format_args!(
                "{found} files match, none was made or changed"
            )));
    }
    Ok(build::descriptors(&after))
}

fn write(
    arguments: &Arguments,
    context: &Context,
    record: &RunRecord,
    products: &[Subject],
) -> Result<(), Failure> {
    if let Some(path) = &arguments.out {
        let provenance = Provenance::from(record.build_facts()?);
        let bytes = if products.is_empty() {
            to_json(&provenance).into_bytes()
        } else {
            claim::provenance(products, now(), &provenance)?
        };
        write_atomic(path, &bytes)?;
        let count = products.len();
        context.printer.say(format!(
            "  wrote {}  unsigned, {count} products",
            path.display()
        ));
    }
    if let (Some(path), Some(step)) = (&arguments.link, &arguments.step) {
        write_atomic(path, &claim::link(products, now(), &record.link(step)?)?)?;
        context.printer.say(format!(
            "  wrote {}  unsigned link of step {step}",
            path.display()
        ));
    }
    Ok(())
}

/// Statements carry whole seconds.
fn now() -> Timestamp {
    let now = Timestamp::now();
    Timestamp::from_second(now.as_second()).unwrap_or(now)
}
