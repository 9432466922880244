//! `bulla notation verify`.

use std::collections::BTreeMap;
use std::sync::Arc;

use bulla_model::notation::{ENVELOPE_BYTES, EnvelopeForm, is_signature, signature_layer};
use bulla_model::{Descriptor, Digest, Limits, ReferrerList};
use bulla_registry::{AnyStore, Store as _, StoreError, StoreErrorKind};
use bulla_verify::notation::{
    NotationQuestion, NotationSignature, NotationVerdict, PolicyStatement, RevocationLists,
    TrustStores, verify_notation,
};
use jiff::Timestamp;

use super::report::NotationReport;
use crate::args::notation::Verify;
use crate::commands::Context;
use crate::join::blocking;
use crate::join::image::{self, OpenImage};
use crate::join::notation::{Places, revocation_lists};
use crate::target::Target;
use crate::{Exit, Failure};

/// Everything signatures are held against.
struct Standard {
    artifact: Descriptor,
    statement: PolicyStatement,
    stores: TrustStores,
    lists: RevocationLists,
    annotations: BTreeMap<String, String>,
    now: Timestamp,
    limits: Limits,
}

/// Verifies signatures and ends with the code of the answer.
pub(super) async fn run(arguments: Verify, context: &Context) -> Result<Exit, Failure> {
    let limits = &context.limits;
    let mut sources = Vec::new();
    let places = Places::of(&arguments)?;
    let policy = places.policy(limits, &mut sources)?;
    let annotations = annotations(&arguments.user_metadata)?;
    let target = Target::parse(&arguments.image)?;
    let scope = scope(&target, arguments.scope.as_deref())?;
    let statement = policy.statement_for(&scope).cloned();
    let mut examined = Examined::default();
    let image = image::open(context, &target).await?;
    // What the registry said about the manifest is not asked again: its bytes decide (F09).
    let artifact = image
        .store
        .manifest(&image.descriptor.digest)
        .await?
        .descriptor();
    if let Some(statement) = statement.clone().filter(|one| !one.level().is_skip()) {
        let standard = Arc::new(Standard {
            artifact: artifact.clone(),
            stores: places.stores(&statement, limits, &mut sources)?,
            lists: revocation_lists(&arguments.revocation_list, limits, &mut sources)?,
            statement,
            annotations,
            now: arguments.at.unwrap_or_else(Timestamp::now),
            limits: limits.clone(),
        });
        examined = examine(&image, &standard, arguments.max_signatures.into()).await?;
    }
    let verdict = NotationVerdict::new(
        artifact.digest,
        statement.as_ref(),
        examined.signatures,
        examined.incomplete,
    );
    let report = NotationReport {
        image: image.pinned.clone(),
        scope,
        sources,
        unavailable: examined.unavailable,
        verdict,
        explain: arguments.explain,
    };
    context.printer.report(&report)?;
    Ok(report.exit())
}

/// The repository as which an image is judged. What a registry holds is judged as what it is.
fn scope(target: &Target, given: Option<&str>) -> Result<String, Failure> {
    match (target, given) {
        (Target::Registry(_), Some(_)) => Err(Failure::usage(
            "--scope is for layouts and archives: an image in a registry is judged by its own name",
        )),
        (Target::Registry(reference), None) => Ok(reference.repository().to_string()),
        (_, Some(scope)) => Ok(scope.to_owned()),
        (_, None) => Ok(String::new()),
    }
}

fn annotations(texts: &[String]) -> Result<BTreeMap<String, String>, Failure> {
    let mut all = BTreeMap::new();
    for text in texts {
        let pair = text.split_once('=').filter(|(name, _)| !name.is_empty());
        let (name, value) = pair.ok_or_else(|| {
            Failure::usage(format_args!("--user-metadata {text}: expected KEY=VALUE"))
        })?;
        if all.insert(name.to_owned(), value.to_owned()).is_some() {
            return Err(Failure::usage(format_args!(
                "--user-metadata {name} is given twice"
            )));
        }
    }
    Ok(all)
}

/// What became of an image's signatures.
#[derive(Default)]
struct Examined {
    signatures: Vec<NotationSignature>,
    /// What could not be read, one line each.
    unavailable: Vec<String>,
    incomplete: bool,
}

/// Looks at an image's signatures, in the order of their digests, until one counts or there were
/// enough (F41).
async fn examine(
    image: &OpenImage,
    standard: &Arc<Standard>,
    most: usize,
) -> Result<Examined, Failure> {
    let store = &image.evidence;
    let subject = &standard.artifact.digest;
    let ReferrerList {
        mut referrers,
        truncated,
        ..
    } = store.referrers(subject).await?;
    referrers.sort_by(|a, b| a.descriptor.digest.cmp(&b.descriptor.digest));
    let mut examined = Examined {
        incomplete: truncated,
        ..Examined::default()
    };
    let mut count = 0_usize;
    for referrer in referrers {
        let entry = &referrer.descriptor;
        // Older lists leave the type out; the manifest has it.
        let listed = entry
            .artifact_type
            .as_deref()
            .filter(|kind| !kind.is_empty());
        if listed.is_some() && !is_signature(listed) {
            continue;
        }
        if count >= most {
            examined.incomplete = true;
            examined
                .unavailable
                .push(format!("more than {most} signatures: see --max-signatures"));
            break;
        }
        let signature = match read(store, subject, &entry.digest).await {
            Ok(None) => continue,
            Ok(Some(Ok((form, bytes)))) => {
                let (standard, manifest) = (Arc::clone(standard), entry.digest.clone());
                blocking(move || Ok(standard.verify(&manifest, form, &bytes))).await?
            }
            Ok(Some(Err(reason))) => NotationSignature::refused(&entry.digest, reason),
            Err(error) if listed.is_some() && is_no_signature(&error) => {
                NotationSignature::refused(&entry.digest, error.to_string())
            }
            Err(error) => {
                // Of what its list gives no type, nothing says that it would have been a signature.
                examined.incomplete |= !is_no_signature(&error);
                let place = &entry.digest;
                examined.unavailable.push(format!("{place}: {error}"));
                count = count.saturating_add(1);
                continue;
            }
        };
        count = count.saturating_add(1);
        let counts = signature.cause.is_none();
        examined.signatures.push(signature);
        if counts {
            break;
        }
    }
    Ok(examined)
}

/// Whether the store answered, and what it has can be no signature: junk that anybody who may push
/// can put beside an image, and that must not cast doubt on the rest. Unlike statements, signatures
/// take nothing back, so what is listed and not there is none either.
fn is_no_signature(error: &StoreError) -> bool {
    let kind = error.kind();
    error.is_unusable() || matches!(kind, StoreErrorKind::Absent | StoreErrorKind::Tampered)
}

impl Standard {
    fn verify(&self, manifest: &Digest, form: EnvelopeForm, bytes: &[u8]) -> NotationSignature {
        let question = NotationQuestion {
            artifact: &self.artifact,
            statement: &self.statement,
            stores: &self.stores,
            lists: &self.lists,
            annotations: &self.annotations,
            now: self.now,
            limits: &self.limits,
        };
        verify_notation(&question, manifest, form, bytes)
    }
}

type Envelope = (EnvelopeForm, Vec<u8>);

/// Reads the envelope of a signature; nothing if the manifest is of something else, and the reason
/// if it says it is one and is not.
async fn read(
    store: &AnyStore,
    subject: &Digest,
    digest: &Digest,
) -> Result<Option<Result<Envelope, String>>, StoreError> {
    let manifest = store.manifest(digest).await?;
    if !is_signature(manifest.artifact_type()) {
        return Ok(None);
    }
    let (layer, form) = match signature_layer(&manifest, subject) {
        Ok(found) => found,
        Err(error) => return Ok(Some(Err(error.to_string()))),
    };
    match store.blob(layer, ENVELOPE_BYTES).await {
        Ok(bytes) => Ok(Some(Ok((form, bytes)))),
        Err(error) if is_no_signature(&error) => Ok(Some(Err(error.to_string()))),
        Err(error) => Err(error),
    }
}
