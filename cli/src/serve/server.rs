//! From a review to an answer.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant};

use bulla_model::{Digest, PinnedReference, Reference, ReferenceError};
use bulla_registry::{AnyStore, Layout, Target as Selector};
use bulla_verify::{Decision, Verdict};
use futures_util::future::join_all;
use jiff::Timestamp;
use tokio::sync::Semaphore;

use super::flight::{FlightError, Flights, Source};
use super::journal::Journal;
use super::judgement::Judgement;
use super::message::{self, Judged};
use super::metrics::Metrics;
use super::pin;
use super::review::{Answer, Review};
use super::rules::Current;
use super::workload::Work;
use crate::Failure;
use crate::args::decide::DecideArguments;
use crate::commands::Context;
use crate::failure::FailureKind;
use crate::join::{evidence, image, ledger, verdict};
use crate::target::Target;
use crate::workload::ImageUse;

/// What a server is told.
#[derive(Clone, Debug)]
pub struct Options {
    /// The environment, as the policy names it.
    pub environment: String,
    /// A layout that images are looked up in by digest, instead of their registries.
    pub layout: Option<PathBuf>,
    /// Whether an image must be named by digest.
    pub require_digest: bool,
    /// How long a yes is remembered.
    pub lifetime: Duration,
    /// What decisions rest on.
    pub decide: DecideArguments,
}

/// Answers reviews.
#[derive(Debug)]
pub struct Server {
    /// Counts since the start.
    pub metrics: Metrics,
    /// The log.
    pub journal: Journal,
    /// What it was told.
    pub options: Options,
    context: Arc<Context>,
    current: RwLock<Arc<Current>>,
    flights: Arc<Flights<Key, Judgement>>,
    verifying: Semaphore,
    draining: AtomicBool,
    /// By place.
    marks: Mutex<HashMap<String, Mark>>,
}

/// What an answer depends on: the image, the rules, and the ledger as it is; the environment is the
/// server's.
type Key = (PinnedReference, Digest, Option<Digest>);

/// When a ledger was asked, and what stands for what it answered.
type Mark = Arc<tokio::sync::Mutex<Option<(Instant, Option<Digest>)>>>;

impl Server {
    /// Reads what decisions rest on.
    pub async fn new(context: Context, options: Options) -> Result<Arc<Self>, Failure> {
        let context = Arc::new(context);
        let current = Current::load(&context, &options.decide, &options.environment).await?;
        let lifetime = options.lifetime;
        let keep = move |judgement: &Judgement| match judgement.decision {
            Decision::Allow => judgement.within(lifetime, Timestamp::now()),
            // Whoever asks for the missing approval should not wait for it long.
            Decision::Deny => lifetime.min(DENIAL),
            Decision::Undetermined => Duration::ZERO,
        };
        Ok(Arc::new(Self {
            metrics: Metrics::default(),
            journal: Journal::new(context.printer.clone()),
            options,
            context,
            current: RwLock::new(Arc::new(current)),
            flights: Arc::new(Flights::new(REMEMBERED, FLYING, keep)),
            verifying: Semaphore::new(VERIFYING),
            draining: AtomicBool::new(false),
            marks: Mutex::default(),
        }))
    }

    /// Answers a review before `deadline`.
    pub async fn answer(self: &Arc<Self>, review: &Review, deadline: Instant) -> Answer {
        let started = Instant::now();
        let environment = self.options.environment.as_str();
        let mut judged = Vec::new();
        let answer = match Work::of(review) {
            Err(error) => {
                let code = "workload-not-understood";
                message::refusal(&review.uid, environment, code, &error.to_string())
            }
            Ok(Work::Nothing { because }) => message::nothing(&review.uid, environment, because),
            Ok(Work::Images { new, unchanged }) => {
                judged = self.judge_all(&new, deadline).await;
                message::answer(review, environment, &judged, &unchanged)
            }
        };
        let unknown = !answer.allowed
            && judged
                .iter()
                .any(|image| image.judgement.decision == Decision::Undetermined)
            && judged
                .iter()
                .all(|image| image.judgement.decision != Decision::Deny);
        let metrics = &self.metrics;
        match (answer.allowed, unknown) {
            (true, _) => metrics.allowed.count(),
            (false, true) => metrics.undetermined.count(),
            (false, false) => metrics.denied.count(),
        }
        // What is only tried brings nothing in.
        if answer.allowed && !review.dry_run {
            let exceptions = judged.iter().flat_map(|image| &image.judgement.exceptions);
            metrics.exceptions.count(exceptions);
        }
        let took = started.elapsed();
        metrics.took(took);
        self.journal
            .decided(review, environment, &judged, &answer, took);
        answer
    }

    /// Reads what decisions rest on again. What cannot be read, or would go back to an older
    /// policy, changes nothing and is told.
    pub async fn reload(&self) {
        let options = &self.options;
        let next = Current::load(&self.context, &options.decide, &options.environment).await;
        let current = self.current();
        let next = next.and_then(|next| current.may_become(&next).map(|()| next));
        match next {
            Ok(next) => {
                if next.basis != current.basis {
                    self.journal.event("reloaded", &next.describe());
                }
                next.rules.inherit(&current.rules);
                // Taken also when nothing changed: trust material becomes valid as time passes.
                *self.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(next);
            }
            Err(failure) => {
                self.metrics.reload_failures.count();
                self.journal.event("not reloaded", failure.message());
            }
        }
    }

    /// What decisions rest on now.
    pub fn current(&self) -> Arc<Current> {
        let current = self.current.read();
        Arc::clone(&current.unwrap_or_else(PoisonError::into_inner))
    }

    /// The longest that anything may take.
    pub fn longest(&self) -> Duration {
        self.context.limits.deadline
    }

    /// Whether new requests should go elsewhere.
    pub fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }

    /// Asks for new requests to go elsewhere.
    pub fn drain(&self) {
        self.draining.store(true, Ordering::Relaxed);
    }

    /// The counters as text, while this many requests wait for their answer.
    pub fn metrics_text(&self, waiting: usize) -> String {
        let environment = &self.options.environment;
        let remembered = self.flights.remembered();
        self.metrics.to_text(environment, remembered, waiting)
    }

    /// Judges each reference once, all of them at the same time.
    async fn judge_all(self: &Arc<Self>, images: &[ImageUse], deadline: Instant) -> Vec<Judged> {
        let mut texts: Vec<&str> = Vec::new();
        for image in images {
            if !texts.contains(&image.text.as_str()) {
                texts.push(&image.text);
            }
        }
        let judge = |text| {
            let judge = tokio::time::timeout_at(deadline.into(), self.judge(text));
            async move {
                let late = || unseen(text, Judgement::late());
                judge.await.unwrap_or_else(|_| late())
            }
        };
        join_all(texts.into_iter().map(judge)).await
    }

    async fn judge(self: &Arc<Self>, text: &str) -> Judged {
        let reference = match pin::read(text, self.options.require_digest) {
            Ok(reference) => reference,
            Err(error) => {
                let judgement = Judgement::refused(error.code(), error.to_string());
                return unseen(text, judgement);
            }
        };
        let digest = match reference.digest() {
            Some(digest) => digest.clone(),
            None => match self.resolve(&reference).await {
                Ok(digest) => digest,
                Err(failure) => return unseen(text, Judgement::of_failure(&failure)),
            },
        };
        let pinned = reference.repository().pinned(digest.clone());
        let current = self.current();
        let ledger = self.ledger(&pinned, &current).await;
        let key = (pinned.clone(), current.basis.clone(), ledger);
        let verify = || Arc::clone(self).verify(pinned.clone(), current);
        let (mut judgement, remembered) = match self.flights.answer(key, verify).await {
            Ok((judgement, Source::Own)) => (judgement, false),
            Ok((judgement, Source::Shared)) => {
                self.metrics.shared.count();
                (judgement, false)
            }
            Ok((judgement, Source::Remembered)) => {
                self.metrics.remembered.count();
                (judgement, true)
            }
            Err(FlightError::Broken) => (Judgement::broken(), false),
            Err(FlightError::Busy) => (Judgement::busy(), false),
        };
        if reference.digest().is_none() {
            let warning = format!(
                "a tag can move, judged {} [image-not-pinned]",
                digest.short()
            );
            judgement.warnings.push(warning);
        }
        Judged {
            image: text.to_owned(),
            reference: pinned.to_string(),
            name: reference.repository().to_string(),
            digest: Some(digest),
            judgement,
            remembered,
        }
    }

    /// What stands for the ledger, so that no answer outlives what was revoked or sealed since. It
    /// is asked for by one request, while the others wait.
    async fn ledger(&self, pinned: &PinnedReference, current: &Current) -> Option<Digest> {
        if !current.rules.has_ledger() {
            return None;
        }
        let named = current.rules.ledger.clone();
        let mark = self.mark_of(named.unwrap_or_else(|| pinned.repository().to_string()));
        let mut mark = mark.lock().await;
        if let Some((since, digest)) = mark.as_ref()
            && since.elapsed() < ledger::AGE
        {
            return digest.clone();
        }
        let since = Instant::now();
        let digest = self.mark(pinned, current).await;
        *mark = Some((since, digest.clone()));
        digest
    }

    fn mark_of(&self, place: String) -> Mark {
        let mut marks = self.marks.lock().unwrap_or_else(PoisonError::into_inner);
        if marks.len() >= MARKS && !marks.contains_key(&place) {
            marks.clear();
        }
        Arc::clone(marks.entry(place).or_default())
    }

    async fn mark(&self, pinned: &PinnedReference, current: &Current) -> Option<Digest> {
        let place = match &self.options.layout {
            Some(directory) => Layout::open(directory, &self.context.limits)
                .map(AnyStore::Layout)
                .ok()?,
            None => image::evidence_place(&self.context, pinned.repository())
                .await
                .ok()?,
        };
        let environment = self.options.environment.as_str();
        ledger::mark(&self.context, &current.rules, environment, &place).await
    }

    /// The digest that a tag means now.
    async fn resolve(&self, reference: &Reference) -> Result<Digest, Failure> {
        if self.options.layout.is_some() {
            return Err(Failure::usage(
                "a layout is asked by digest, and the reference has none",
            ));
        }
        let target = Target::Registry(reference.clone());
        let image = image::open(&self.context, &target).await?;
        Ok(image.descriptor.digest)
    }

    async fn verify(self: Arc<Self>, pinned: PinnedReference, current: Arc<Current>) -> Judgement {
        self.metrics.verifications.count();
        let limit = self.longest();
        match tokio::time::timeout(limit, self.verdict(&pinned, &current)).await {
            Err(_) => Judgement::late(),
            Ok(Err(failure)) => Judgement::of_failure(&failure),
            Ok(Ok(verdict)) => Judgement::of_verdict(&verdict),
        }
    }

    /// The same as `bulla verify --env`.
    async fn verdict(
        &self,
        pinned: &PinnedReference,
        current: &Current,
    ) -> Result<Verdict, Failure> {
        let closed = |error| Failure::new(FailureKind::Internal, error);
        let _permit = self.verifying.acquire().await.map_err(closed)?;
        let unreadable = |error: ReferenceError| Failure::usage(error);
        let name = pinned.to_string();
        let target = match &self.options.layout {
            Some(directory) => Target::Layout {
                directory: directory.clone(),
                selector: Some(Selector::Digest(pinned.digest().clone())),
            },
            None => Target::Registry(name.parse().map_err(unreadable)?),
        };
        let image = image::open(&self.context, &target).await?;
        if image.descriptor.digest != *pinned.digest() {
            let found = format_args!("{name} is {} there", image.descriptor.digest);
            return Err(Failure::new(FailureKind::Tampered, found));
        }
        let (rules, now) = (&current.rules, Timestamp::now());
        let environment = self.options.environment.as_str();
        let evidence = evidence::collect(&image, None, rules, now).await?;
        let asked = (environment, now);
        let told = ledger::all_of(&self.context, rules, asked, &image, evidence);
        let evidence = Arc::new(told.await?);
        verdict::environment(
            rules,
            evidence,
            &name,
            &self.options.environment,
            now,
            &self.context.limits,
        )
        .await
    }
}

/// An image that was not looked at, or whose digest is not known.
fn unseen(text: &str, judgement: Judgement) -> Judged {
    let reference: Option<Reference> = text.parse().ok();
    let digest = reference.as_ref().and_then(Reference::digest).cloned();
    let repository = reference.map(|reference| reference.repository().clone());
    let pinned = repository.clone().zip(digest.clone());
    let pinned = pinned.map(|(repository, digest)| repository.pinned(digest).to_string());
    Judged {
        image: text.to_owned(),
        reference: pinned.unwrap_or_else(|| text.to_owned()),
        name: repository.map_or_else(|| text.to_owned(), |repository| repository.to_string()),
        digest,
        judgement,
        remembered: false,
    }
}

/// The longest that a denial is remembered.
const DENIAL: Duration = Duration::from_secs(5);
/// Ledgers whose answers are told apart: one, where it is named.
const MARKS: usize = 1024;
/// Answers remembered: about 10 MiB.
const REMEMBERED: usize = 10_000;
/// Different verifications that run or wait.
const FLYING: usize = 1024;
/// Verifications that run at the same time.
const VERIFYING: usize = 32;
