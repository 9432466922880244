//! The ledger: where revocations and checkpoints are kept, and what is there.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bulla_model::{Digest, Limits, Repository, Scope, Tag, media_type, scope};
use bulla_registry::{AnyStore, Attached, Layout, Store as _, StoreError, attach, read_bundles};
use bulla_verify::{Attestation, Evidence, Ledger};
use jiff::Timestamp;
use tokio::sync::Mutex as AsyncMutex;

use super::image::OpenImage;
use super::rules::Rules;
use super::seal::Sealed;
use super::{bills, evidence, remote};
use crate::Failure;
use crate::commands::Context;

/// How long an answer of a ledger is used again: for many images in one run, and for a server, whose
/// remembered answers follow a newer ledger after this time.
pub const AGE: Duration = Duration::from_secs(5);
/// How long a server's remembered answers wait for the ledger before they are used without it.
const PATIENCE: Duration = Duration::from_secs(1);
/// How many answers are kept: one server asks few ledgers.
const ANSWERS: usize = 64;

/// Answers of ledgers, by place and scope.
#[derive(Debug, Default)]
pub struct Answers(Mutex<HashMap<Key, Arc<AsyncMutex<Answer>>>>);

/// Place and scope.
type Key = (String, Scope);

/// What a ledger answered.
#[derive(Debug, Default)]
struct Answer {
    /// When it was asked, and what came.
    last: Option<(Instant, Arc<Ledger>)>,
    /// When it was last asked in vain.
    failed: Option<Instant>,
}

impl Answers {
    /// The answer of this ledger, one question for everybody who asks at the same time.
    fn of(&self, key: Key) -> Arc<AsyncMutex<Answer>> {
        let mut answers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if answers.len() >= ANSWERS && !answers.contains_key(&key) {
            // Who waits for one keeps it.
            answers.retain(|_, answer| {
                let answer = answer.try_lock();
                answer.map_or(true, |answer| answer.fresh().is_some())
            });
        }
        if answers.len() >= ANSWERS && !answers.contains_key(&key) {
            // Whoever goes through many ledgers asks again for the one at hand.
            let asked = answers.iter().filter_map(|(key, answer)| {
                let (since, _) = answer.try_lock().ok()?.last.clone()?;
                Some((since, key.clone()))
            });
            let Some((_, oldest)) = asked.min_by_key(|(since, _)| *since) else {
                return Arc::default();
            };
            answers.remove(&oldest);
        }
        Arc::clone(answers.entry(key).or_default())
    }
}

impl Answer {
    fn fresh(&self) -> Option<Arc<Ledger>> {
        let (since, ledger) = self.last.as_ref()?;
        (since.elapsed() < AGE).then(|| Arc::clone(ledger))
    }

    async fn ask(&mut self, store: &AnyStore, scope: &Scope) -> Result<Arc<Ledger>, Failure> {
        match self.fresh() {
            Some(ledger) => Ok(ledger),
            None => self.ask_anew(store, scope).await,
        }
    }

    async fn ask_anew(&mut self, store: &AnyStore, scope: &Scope) -> Result<Arc<Ledger>, Failure> {
        let since = Instant::now();
        // Also an answer that nobody waits for any longer came too late.
        self.failed = Some(since);
        let ledger = Arc::new(collect(store, scope).await?);
        (self.last, self.failed) = (Some((since, Arc::clone(&ledger))), None);
        Ok(ledger)
    }
}

/// Where an environment's ledger is, and its scope; `None` where nobody owns one.
async fn find(
    context: &Context,
    rules: &Rules,
    environment: &str,
    place: Option<&AnyStore>,
) -> Result<Option<(Option<AnyStore>, Scope)>, Failure> {
    let rule = rules.policy.environment(environment);
    let Some((_, rule)) = rule.filter(|_| rules.has_ledger()) else {
        return Ok(None);
    };
    let store = match &rules.ledger {
        Some(named) => Some(named_store(context, named, Layout::open).await?),
        None => place.cloned(),
    };
    Ok(Some((store, Scope::ledger_of(&rule.uri))))
}

/// Adds what the environment's ledger holds: one list of referrers. A ledger that nobody owns and
/// nobody may write to is not asked.
///
/// A list that cannot be had is a failure: what is not listed may be a revocation.
pub async fn add<'a>(
    context: &Context,
    rules: &Rules,
    environment: &str,
    place: impl Into<Option<&'a AnyStore>>,
    mut evidence: Evidence,
) -> Result<Evidence, Failure> {
    let Some((store, scope)) = find(context, rules, environment, place.into()).await? else {
        return Ok(evidence);
    };
    let Some(store) = store else {
        // Files have no place of their own.
        let line = "nobody said where it is";
        evidence.ledger.unavailable.push(line.to_owned());
        return Ok(evidence);
    };
    let answer = context.ledgers.of((store.name(), scope.clone()));
    let ledger = answer.lock().await.ask(&store, &scope).await?;
    evidence.ledger = Ledger::clone(&ledger);
    Ok(evidence)
}

/// Adds what the environment's ledger holds, and the bills of materials that its revocations ask for.
pub async fn all_of(
    context: &Context,
    rules: &Arc<Rules>,
    (environment, now): (&str, Timestamp),
    image: &OpenImage,
    evidence: Evidence,
) -> Result<Evidence, Failure> {
    let mut told = add(context, rules, environment, &image.evidence, evidence).await?;
    bills::add(image, rules, (environment, now), &mut told).await?;
    Ok(told)
}

/// The same evidence, with what this environment's ledger holds: for a question about several.
pub async fn told_of(
    context: &Context,
    rules: &Arc<Rules>,
    (environment, now): (&str, Timestamp),
    image: &OpenImage,
    evidence: &Arc<Evidence>,
) -> Result<Arc<Evidence>, Failure> {
    if !rules.has_ledger() {
        return Ok(Arc::clone(evidence));
    }
    let own = Evidence::clone(evidence);
    let told = all_of(context, rules, (environment, now), image, own);
    Ok(Arc::new(told.await?))
}

/// What is beside an image and in the environment's ledger.
pub async fn beside(
    context: &Context,
    rules: &Arc<Rules>,
    environment: &str,
    image: &OpenImage,
    now: Timestamp,
) -> Result<Arc<Evidence>, Failure> {
    beside_part(context, rules, environment, (image, None), now).await
}

/// The same, with what is beside an index that lists the image.
pub async fn beside_part(
    context: &Context,
    rules: &Arc<Rules>,
    environment: &str,
    (image, index): (&OpenImage, Option<&Digest>),
    now: Timestamp,
) -> Result<Arc<Evidence>, Failure> {
    let collected = evidence::collect(image, index, rules, now).await?;
    let told = all_of(context, rules, (environment, now), image, collected);
    Ok(Arc::new(told.await?))
}

/// What stands for the ledger as it is now, asked anew, so that an answer under another one is not used; `None`
/// where there is none. A ledger that does not answer is as it was: how long that may be is the
/// business of who remembers.
pub async fn mark(
    context: &Context,
    rules: &Rules,
    environment: &str,
    place: &AnyStore,
) -> Option<Digest> {
    let found = find(context, rules, environment, Some(place)).await;
    let (store, scope) = found.ok().flatten()?;
    let store = store?;
    let answer = context.ledgers.of((store.name(), scope.clone()));
    let asked = tokio::time::timeout(PATIENCE, async {
        let mut answer = answer.lock().await;
        if answer.failed.is_none_or(|since| since.elapsed() >= AGE) {
            // What went wrong is told by whoever verifies anew.
            drop(answer.ask_anew(&store, &scope).await);
        }
        answer.last.as_ref().map(|(_, ledger)| Arc::clone(ledger))
    });
    let ledger = if let Ok(ledger) = asked.await {
        ledger?
    } else {
        let answer = answer.try_lock().ok()?;
        Arc::clone(&answer.last.as_ref()?.1)
    };
    let mut lines: Vec<String> = ledger.unavailable.clone();
    let held = ledger.attestations.iter();
    lines.extend(held.map(|one| Digest::sha256(one.bytes()).to_string()));
    lines.sort();
    Some(Digest::sha256(lines.join("\n").as_bytes()))
}

/// Opens the ledger: what was named, else where the target's attestations are.
pub async fn open(context: &Context, rules: &Rules, place: &AnyStore) -> Result<AnyStore, Failure> {
    match &rules.ledger {
        Some(named) => named_store(context, named, Layout::open).await,
        None => Ok(place.clone()),
    }
}

/// Opens a ledger that has to be named, to read it.
pub async fn open_named(context: &Context, rules: &Rules) -> Result<AnyStore, Failure> {
    match &rules.ledger {
        Some(named) => named_store(context, named, Layout::open).await,
        None => Err(unnamed()),
    }
}

fn unnamed() -> Failure {
    Failure::usage("nobody said where the ledger is")
        .with_hint("pass --ledger HOST/REPO, or set `ledger: {location: …}` in the anchor")
}

/// Opens a ledger to write to; without a target beside it, it has to be named.
pub async fn open_to_write(
    context: &Context,
    rules: &Rules,
    place: Option<&AnyStore>,
) -> Result<AnyStore, Failure> {
    match (&rules.ledger, place) {
        (Some(named), _) => named_store(context, named, Layout::create).await,
        (None, Some(place)) => Ok(place.clone()),
        (None, None) => Err(unnamed()),
    }
}

async fn named_store(
    context: &Context,
    named: &str,
    layout: fn(&Path, &Limits) -> Result<Layout, StoreError>,
) -> Result<AnyStore, Failure> {
    if let Some(directory) = named.strip_prefix("oci:") {
        let begun = "bulla checkpoint --first begins a ledger";
        let layout = layout(Path::new(directory), &context.limits)
            .map_err(|error| Failure::from(error).with_hint(begun))?;
        return Ok(AnyStore::Layout(layout));
    }
    let repository: Repository = named.parse().map_err(|error| {
        Failure::usage(format_args!(
            "`{}` is no ledger: {error}",
            named.escape_debug()
        ))
        .with_hint("expected a repository, HOST/REPO, or oci:DIR")
    })?;
    remote::store(context, &repository).await
}

/// Reads everything in the ledger of this scope.
pub async fn collect(store: &AnyStore, scope: &Scope) -> Result<Ledger, Failure> {
    let set = read_bundles(store, &scope.descriptor().digest).await?;
    let mut ledger = Ledger::default();
    if set.truncated {
        let line = format!(
            "more than {} statements",
            store.limits().referrers_per_digest
        );
        ledger.unavailable.push(line);
    }
    for (referrer, error) in &set.failed {
        if !error.is_unusable() {
            let line = format!("{}: {error}", referrer.descriptor.digest);
            ledger.unavailable.push(line);
        }
    }
    for bundle in set.bundles {
        let manifest = Some(bundle.manifest.digest().clone());
        let attestation = Attestation::bundle(bundle.bytes, manifest);
        ledger.attestations.push(attestation);
    }
    Ok(ledger)
}

/// Refuses what readers pass over because it is too large: it would be in force for nobody. Readers
/// have limits of their own, so the usual ones decide.
fn readable(bytes: usize) -> Result<(), Failure> {
    let most = Limits::default().bundle_bytes;
    if bytes as u64 <= most {
        return Ok(());
    }
    Err(Failure::usage(format_args!(
        "the signed statement has {bytes} bytes, and verifiers read {most}"
    ))
    .with_hint("say it in several statements with fewer targets and references each"))
}

/// Puts a sealed statement into the ledger, and makes the ledger if this is its first.
pub async fn publish(
    store: &AnyStore,
    scope: &Scope,
    sealed: &Sealed,
) -> Result<Attached, Failure> {
    readable(sealed.bundle.bytes().len())?;
    store.put_blob(scope::BLOB.to_vec()).await?;
    // Named, so that no registry clears it away as forgotten.
    let tag: Option<Tag> = format!("bulla-scope-{}", scope.digest().hex()).parse().ok();
    let manifest = scope.manifest();
    let described = store
        .put_manifest(&manifest, media_type::IMAGE_MANIFEST, tag.as_ref())
        .await?;
    Ok(attach(store, &described, &sealed.bundle, Timestamp::now()).await?)
}

/// Removes referrers that newer ones took the place of; answers how many went.
pub async fn prune(store: &AnyStore, superseded: &[Digest]) -> usize {
    let mut gone = 0usize;
    for digest in superseded {
        match store.delete_manifest(digest).await {
            Ok(()) => gone = gone.saturating_add(1),
            // Many registries delete nothing; then the list grows.
            Err(error) => tracing::debug!(%digest, %error, "checkpoint kept"),
        }
    }
    gone
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_put_into_a_ledger_that_no_verifier_reads() {
        let most = usize::try_from(Limits::default().bundle_bytes).unwrap();
        readable(most).unwrap();
        readable(most + 1).unwrap_err();
    }

    #[test]
    fn the_answer_from_longest_ago_makes_room_for_another_ledger() {
        let environment: bulla_model::Environment = "env://acme/pay/prod".parse().unwrap();
        let key = |name: usize| (name.to_string(), Scope::ledger_of(&environment));
        let (answers, begin) = (Answers::default(), Instant::now());
        for name in 0..ANSWERS {
            let since = begin + Duration::from_millis(name as u64);
            let answer = answers.of(key(name));
            answer.try_lock().unwrap().last = Some((since, Arc::default()));
        }
        let added = answers.of(key(ANSWERS));
        assert!(Arc::ptr_eq(&added, &answers.of(key(ANSWERS))));
        let is_kept = |name| answers.of(key(name)).try_lock().unwrap().last.is_some();
        assert!(is_kept(1) && is_kept(ANSWERS - 1) && !is_kept(0));
    }
}
