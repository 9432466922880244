//! Verdicts: rules and evidence in, on a thread that may compute.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bulla_model::{Digest, EdgeKind, Identity, Limits, Scope, SubjectSet};
use bulla_verify::{
    Contents, Evidence, LedgerView, Question, QuestionError, Retirement, ReviewDraft,
    ReviewRequest, SeenCheckpoint, SetPromotions, SetRequest, StepDraft, StepRequest, Verdict,
    contents as contents_of, judge_review, judge_step, read_ledger, verify_environment,
};
use jiff::Timestamp;

use super::blocking;
use super::rules::Rules;
use crate::Failure;
use crate::failure::FailureKind;

/// Asks whether the artifact may be in an environment.
pub async fn environment(
    rules: &Arc<Rules>,
    evidence: Arc<Evidence>,
    name: &str,
    environment: &str,
    now: Timestamp,
    limits: &Limits,
) -> Result<Verdict, Failure> {
    let environment = environment.to_owned();
    let own = Arc::clone(rules);
    ask(rules, evidence, name, now, limits, move |question| {
        let verdict = verify_environment(question, &environment)?;
        Ok((own.saw(&verdict, question.limits), verdict))
    })
    .await
    .and_then(|(saw, verdict)| saw.map(|()| verdict))
}

/// A step as people name it.
#[derive(Clone, Copy, Debug)]
pub struct StepName<'a> {
    /// What kind.
    pub kind: EdgeKind,
    /// Where to.
    pub to: &'a str,
    /// Where from, if that was said.
    pub from: Option<&'a str>,
    /// The tickets that the promotion would name, if it is about to be signed.
    pub tickets: Option<&'a [String]>,
    /// All that takes it, if that is more than the image.
    pub together: Option<Together<'a>>,
}

/// A release set, of which the image is one.
#[derive(Clone, Copy, Debug)]
pub struct Together<'a> {
    /// Its digests.
    pub set: &'a SubjectSet,
    /// What to type to mean all of it.
    pub names: &'a str,
}

/// What is known beside an image about the promotions of a set by this step.
pub async fn promotions_of(
    rules: &Arc<Rules>,
    evidence: Arc<Evidence>,
    (step, set, promoter): (StepName<'_>, &SubjectSet, &Identity),
    now: Timestamp,
    limits: &Limits,
) -> Result<SetPromotions, Failure> {
    let (environment, kind) = (step.to.to_owned(), step.kind);
    let (set, promoter) = (set.clone(), promoter.clone());
    ask(rules, evidence, "", now, limits, move |question| {
        let request = SetRequest {
            environment: &environment,
            kind,
            set: &set,
            promoter: &promoter,
        };
        bulla_verify::promotions_of(question, &request)
    })
    .await
}

/// Asks whether a step may be taken, and what it would bind.
pub async fn step(
    rules: &Arc<Rules>,
    evidence: Arc<Evidence>,
    name: &str,
    step: StepName<'_>,
    promoter: Option<Identity>,
    now: Timestamp,
    limits: &Limits,
) -> Result<(Verdict, Option<StepDraft>), Failure> {
    let (to, from) = (step.to.to_owned(), step.from.map(ToOwned::to_owned));
    let kind = step.kind;
    let tickets = step.tickets.map(<[String]>::to_vec);
    let together = step
        .together
        .map(|it| (it.set.clone(), it.names.to_owned()));
    let own = Arc::clone(rules);
    ask(rules, evidence, name, now, limits, move |question| {
        let request = StepRequest {
            to: &to,
            from: from.as_deref(),
            kind,
            promoter: promoter.as_ref(),
            tickets: tickets.as_deref(),
            set: together.as_ref().map(|(set, _)| set),
            names: together.as_ref().map(|(_, names)| names.as_str()),
        };
        let (verdict, draft) = judge_step(question, &request)?;
        Ok((own.saw(&verdict, question.limits), (verdict, draft)))
    })
    .await
    .and_then(|(saw, judged)| saw.map(|()| judged))
}

/// Asks what the artifact is made of, by what the policy's signers say.
pub async fn contents(
    rules: &Arc<Rules>,
    evidence: Arc<Evidence>,
    environment: &str,
    now: Timestamp,
    limits: &Limits,
) -> Result<Contents, Failure> {
    let environment = environment.to_owned();
    ask(rules, evidence, "", now, limits, move |question| {
        contents_of(question, &environment)
    })
    .await
}

/// Asks what took the artifact out of service in an environment.
pub async fn retirements(
    rules: &Arc<Rules>,
    evidence: Arc<Evidence>,
    environment: &str,
    now: Timestamp,
    limits: &Limits,
) -> Result<Vec<Retirement>, Failure> {
    let environment = environment.to_owned();
    ask(rules, evidence, "", now, limits, move |question| {
        bulla_verify::retirements(question, &environment)
    })
    .await
}

/// Reads what the ledger in the evidence holds that counts.
pub async fn ledger(
    rules: &Arc<Rules>,
    evidence: Arc<Evidence>,
    scope: &Scope,
    now: Timestamp,
    limits: &Limits,
) -> Result<(LedgerView, Option<SeenCheckpoint>), Failure> {
    let scope = scope.clone();
    let view = ask(rules, evidence, "", now, limits, move |question| {
        let seen = question
            .state
            .and_then(|state| state.last_checkpoint(&scope));
        Ok(read_ledger(question, &scope).map(|view| (view, seen)))
    });
    view.await?
        .map_err(|error| Failure::new(FailureKind::Unavailable, error))
}

/// Asks what there is to review, and whether this person may do it.
pub async fn review(
    rules: &Arc<Rules>,
    evidence: Arc<Evidence>,
    name: &str,
    (environment, promotion): (Option<&str>, Option<&Digest>),
    reviewer: Identity,
    now: Timestamp,
    limits: &Limits,
) -> Result<(Verdict, Option<ReviewDraft>), Failure> {
    let (environment, promotion) = (environment.map(ToOwned::to_owned), promotion.cloned());
    ask(rules, evidence, name, now, limits, move |question| {
        let request = ReviewRequest {
            environment: environment.as_deref(),
            promotion: promotion.as_ref(),
            reviewer: &reviewer,
        };
        judge_review(question, &request)
    })
    .await
}

async fn ask<T: Send + 'static>(
    rules: &Arc<Rules>,
    evidence: Arc<Evidence>,
    name: &str,
    now: Timestamp,
    limits: &Limits,
    answer: impl FnOnce(&Question<'_>) -> Result<T, QuestionError> + Send + 'static,
) -> Result<T, Failure> {
    let (rules, name, limits) = (Arc::clone(rules), name.to_owned(), limits.clone());
    blocking(move || {
        let cancelled = deadline(limits.deadline);
        let seen = rules.seen(&limits)?;
        let question = Question {
            name: &name,
            evidence: &evidence,
            policy: &rules.policy,
            trust: &rules.trust,
            anchor: rules.anchor.as_ref(),
            state: seen.as_ref(),
            now,
            limits: &limits,
            cancelled: &cancelled,
        };
        answer(&question).map_err(|error| Failure::new(FailureKind::Usage, error))
    })
    .await
}

/// A callback that answers whether this much time has passed.
pub fn deadline(time: Duration) -> impl Fn() -> bool {
    let started = Instant::now();
    move || started.elapsed() > time
}
