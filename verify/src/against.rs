//! What somebody who is named says against the artifact. It counts whatever may be wrong with its
//! time: only of what speaks for the artifact the time has to be known.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use bulla_model::Statement;

use crate::candidate::{Candidate, Refusal};
use crate::eligible::match_any;
use crate::evidence::Evidence;
use crate::policy::Matched;
use crate::question::Context;
use crate::signature::is_type;
use crate::verified::{SignedTime, Verified};

/// A statement by somebody who is named, in or out of time, however often it is attached.
pub(crate) struct Against<'a> {
    /// The best known copy.
    pub(crate) statement: &'a Verified<Statement>,
    /// When it was made at the latest, by what no copy can change: its signer's word, or the
    /// earliest proof.
    pub(crate) since: Option<Timestamp>,
}

impl Against<'_> {
    /// Whether it is surely older than that: what says no time may be of any.
    pub(crate) fn is_old(&self, max_age: Option<SignedDuration>, at: Timestamp) -> bool {
        is_old(self.since, max_age, at)
    }
}

/// Whether something is surely older than that.
pub(crate) fn is_old(
    since: Option<Timestamp>,
    max_age: Option<SignedDuration>,
    at: Timestamp,
) -> bool {
    let age = since.map(|since| at.duration_since(since));
    age.zip(max_age).is_some_and(|(age, limit)| age > limit)
}

/// When a statement was made at the latest, as far as this copy says.
pub(crate) fn since(statement: &Verified<Statement>) -> Option<Timestamp> {
    let time = statement.time();
    [time.word(), time.existed_by()].into_iter().flatten().min()
}

/// The statements of these types that speak against the artifact, if they say no: the copies of
/// each as one, in the order in which they came.
pub(crate) fn told<'a>(
    context: &Context<'a>,
    types: &[&str],
    by: &[String],
    at: Timestamp,
) -> Vec<Against<'a>> {
    let mut told: Vec<Against<'a>> = Vec::new();
    let mut places = BTreeMap::new();
    for candidate in context.candidates {
        let Ok(statement) = candidate.outcome() else {
            continue;
        };
        let kind = statement.value().predicate_type();
        let is_wanted = types.iter().any(|wanted| is_type(kind, wanted));
        if !is_wanted || !speaks_against(context, by, statement, at) {
            continue;
        }
        let since = since(statement);
        let place = places
            .entry((statement.payload(), statement.signer()))
            .or_insert(told.len());
        match told.get_mut(*place) {
            None => told.push(Against { statement, since }),
            Some(held) => {
                held.since = [held.since, since].into_iter().flatten().min();
                if statement.doubt() < held.statement.doubt() {
                    held.statement = statement;
                }
            }
        }
    }
    told
}

/// Documents that somebody who is named refers to, in statements that may count against the artifact,
/// and why they say nothing: they are gone, or others are in their place.
pub(crate) fn not_at_hand<'a>(
    context: &Context<'a>,
    types: &[&str],
    by: &[String],
    (at, max_age): (Timestamp, Option<SignedDuration>),
) -> Vec<(&'a Candidate, &'a Refusal)> {
    // The statement that refers was taken back, and with it what it would have said.
    let candidates = context.candidates.iter();
    let taken = candidates.clone().filter_map(|one| one.voided.as_ref());
    let taken: BTreeSet<_> = taken.map(|one| (one.payload(), one.signer())).collect();
    let mut gone = Vec::new();
    let mut old = BTreeSet::new();
    for candidate in candidates {
        let (Some(referring), Err(refusal)) = (&candidate.referring, candidate.outcome()) else {
            continue;
        };
        let kind = referring.value().predicate_type();
        let key = (referring.payload(), referring.signer());
        if !types.iter().any(|wanted| is_type(kind, wanted))
            || taken.contains(&key)
            || !speaks_against(context, by, referring, at)
        {
            continue;
        }
        if is_old(since(referring), max_age, at) {
            old.insert(key);
        }
        gone.push((key, candidate, refusal));
    }
    // A copy without its record is as old as any other.
    gone.retain(|(key, ..)| !old.contains(key));
    let gone = gone.into_iter();
    gone.map(|(_, candidate, refusal)| (candidate, refusal))
        .collect()
}

/// Whether what a statement says against the artifact counts: by somebody who is named, and not
/// known to be of a later time than it is judged at. Its own word about an earlier time is believed
/// here, and a record of a copy changes nothing.
pub(crate) fn speaks_against(
    context: &Context<'_>,
    by: &[String],
    statement: &Verified<Statement>,
    at: Timestamp,
) -> bool {
    let (question, time) = (context.question, statement.time());
    // What is at hand now is there now, and nobody knows when something without a word was made.
    let since = time
        .word()
        .min(time.existed_by())
        .filter(|_| at < question.now);
    let there = since.is_none_or(|since| SignedTime::Claimed(since).was_there(at));
    if !there || !Evidence::is_about(statement.value(), context.against) {
        return false;
    }
    let (policy, who) = (context.policy, statement.signer());
    let named = match_any(policy, question.policy, by, who, time, question.now);
    // A key of another time stops what is to come. It evicts nothing that runs: its thief could
    // write any date.
    named == Matched::Yes || (at >= question.now && named != Matched::No)
}
