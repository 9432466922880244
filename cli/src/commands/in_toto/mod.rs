//! `bulla in-toto`: layouts, and whether they were followed.

mod files;
mod report;

use std::collections::BTreeMap;
use std::path::Path;

use bulla_model::{Algorithm, Digest, Limits, json};
use bulla_verify::PublicKey;
use bulla_verify::in_toto::{Inspected, LayoutKey, LayoutQuestion, verify_layout};
use jiff::Timestamp;

use self::report::LayoutReport;
use crate::args::in_toto::{Action, Arguments, Verify};
use crate::commands::Context;
use crate::failure::FailureKind;
use crate::join::{blocking, file, key, verdict};
use crate::{Exit, Failure};

/// Checks a layout and ends with the code of the answer.
pub async fn run(arguments: Arguments, context: &Context) -> Result<Exit, Failure> {
    match arguments.action {
        Action::Verify(arguments) => verify(*arguments, context).await,
    }
}

async fn verify(arguments: Verify, context: &Context) -> Result<Exit, Failure> {
    let now = arguments.at.unwrap_or_else(Timestamp::now);
    let limits = context.limits.clone();
    let mut keys = Vec::new();
    for location in &arguments.key {
        let pem = key::verifying_pem(context, location).await?;
        keys.push(layout_key(&pem, location)?);
    }
    let layout = layout(&arguments.layout, &limits)?;
    let parameters = pairs("--parameter", "NAME=VALUE", &arguments.parameter)?;
    let Verify {
        links,
        product,
        inspected,
        ..
    } = arguments;
    let verdict = blocking(move || {
        let links = files::links(&links, &limits)?;
        let products = products(&product)?;
        let inspected = folders(&inspected)?;
        Ok(verify_layout(&LayoutQuestion {
            layout: &layout,
            keys: &keys,
            links: &links,
            products: &products,
            inspected: &inspected,
            parameters: &parameters,
            now,
            limits: &limits,
            cancelled: &verdict::deadline(limits.deadline),
        }))
    })
    .await?;
    if let Some(reason) = verdict.unfilled() {
        // The layout is signed and whole: what is wrong is how it was asked about.
        return Err(Failure::usage(reason).with_hint("pass --parameter NAME=VALUE"));
    }
    let report = LayoutReport {
        layout: arguments.layout.display().to_string(),
        explain: arguments.explain,
        verdict,
    };
    context.printer.report(&report)?;
    Ok(report.exit())
}

/// Reads a layout. One that is cut off was named by mistake: that is no tampering.
fn layout(path: &Path, limits: &Limits) -> Result<Vec<u8>, Failure> {
    let bytes = file::read(path, limits.bundle_bytes)?;
    json::check(&bytes, limits.bundle_bytes, limits.json_depth).map_err(|error| {
        let text = format_args!("{}: no layout: {error}", path.display());
        Failure::new(FailureKind::Input, text).with_hint("expected JSON; is the file whole?")
    })?;
    Ok(bytes)
}

fn layout_key(pem: &[u8], location: &str) -> Result<LayoutKey, Failure> {
    let wrong = |reason: String| {
        Failure::new(FailureKind::Input, format_args!("{location}: {reason}"))
            .with_hint("pass a PEM public key: Ed25519, ECDSA on P-256, P-384 or P-521, or RSA")
    };
    let pem = std::str::from_utf8(pem).map_err(|_| wrong("no PEM file".to_owned()))?;
    let key = PublicKey::from_pem(pem).map_err(|error| wrong(error.to_string()))?;
    LayoutKey::new(key).map_err(wrong)
}

/// Files and their digests, by the name each should have among the products.
fn products(texts: &[String]) -> Result<Vec<(String, Vec<Digest>)>, Failure> {
    const ALGORITHMS: [Algorithm; 3] = [Algorithm::Sha256, Algorithm::Sha384, Algorithm::Sha512];
    let mut products = Vec::new();
    for text in texts {
        let whole = Path::new(text);
        let (name, path) = match text.split_once('=') {
            Some((name, path)) if !whole.exists() => (Some(name.to_owned()), Path::new(path)),
            _ => {
                let name = whole.file_name().and_then(|name| name.to_str());
                (name.map(str::to_owned), whole)
            }
        };
        let name = name.filter(|name| !name.is_empty()).ok_or_else(|| {
            Failure::usage(format_args!("--product {text}: the file has no name"))
                .with_hint("pass --product NAME=FILE")
        })?;
        products.push((name, file::digests(path, ALGORITHMS)?.to_vec()));
    }
    Ok(products)
}

fn folders(texts: &[String]) -> Result<BTreeMap<String, Inspected>, Failure> {
    const SHAPE: &str = "NAME=BEFORE,AFTER";
    let mut inspected = BTreeMap::new();
    for (name, folders) in pairs("--inspected", SHAPE, texts)? {
        let (before, after) = folders.split_once(',').ok_or_else(|| {
            Failure::usage(format_args!(
                "--inspected {name}={folders}: expected {SHAPE}"
            ))
        })?;
        let seen = Inspected {
            materials: files::artifacts(Path::new(before))?,
            products: files::artifacts(Path::new(after))?,
        };
        inspected.insert(name, seen);
    }
    Ok(inspected)
}

fn pairs(flag: &str, shape: &str, texts: &[String]) -> Result<BTreeMap<String, String>, Failure> {
    let mut pairs = BTreeMap::new();
    for text in texts {
        let (name, value) = text
            .split_once('=')
            .filter(|(name, _)| !name.is_empty())
            .ok_or_else(|| Failure::usage(format_args!("{flag} {text}: expected {shape}")))?;
        if pairs.insert(name.to_owned(), value.to_owned()).is_some() {
            return Err(Failure::usage(format_args!(
                "{flag}: `{name}` is given twice"
            )));
        }
    }
    Ok(pairs)
}
