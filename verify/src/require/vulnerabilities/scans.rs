//! Which scans count: the newest of each scanner, and whatever may be as new.
//!
//! What a scan says for the artifact counts only if it could count for any rule: a good signer, a
//! good time. What it says against it counts by the word of anybody who is named, whatever may be
//! wrong with its time. Scans are ordered by the times that stand in what was signed, which nobody
//! moves by recording a copy anew or by taking a record off one.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use bulla_model::predicate::{Vulns, vulns};
use bulla_model::{Digest, Identity, Statement};

use super::{CHECK, VulnerabilitiesRule};
use crate::against::{is_old, speaks_against};
use crate::cause::Cause;
use crate::code::Code;
use crate::eligible::Wanted;
use crate::policy::show_duration;
use crate::question::Context;
use crate::verdict::{Finding, Severity};
use crate::verified::Verified;

/// What of a scanner's words counts at the time judged.
#[derive(Default)]
pub(super) struct Scans<'a> {
    /// The scans whose results count.
    pub(super) counted: Vec<Scan<'a>>,
    /// What could not be read, by somebody who is named, and may be the newest.
    pub(super) unreadable: Vec<Finding>,
    /// Whether one is among them that speaks for the artifact.
    pub(super) is_scanned: bool,
    /// Those that would speak for it, but are too old.
    pub(super) stale: Vec<Finding>,
    /// Why others do not speak for it.
    pub(super) causes: Vec<Cause>,
    pub(super) notes: Vec<Finding>,
}

/// A scan.
pub(super) struct Scan<'a> {
    pub(super) statement: &'a Verified<Statement>,
    pub(super) said: Vulns,
    /// When it was made, by what was signed.
    at: Option<Timestamp>,
    /// Whether it speaks for the artifact.
    is_good: bool,
    /// From when its age is counted, if it does.
    since: Option<Timestamp>,
}

/// One payload by one signer, however often it is attached.
type Key<'a> = (&'a Digest, &'a Identity);

impl<'a> Scans<'a> {
    pub(super) fn of(context: &Context<'a>, at: Timestamp, rule: &'a VulnerabilitiesRule) -> Self {
        let mut scans = Self::default();
        let good = scans.good(context, at, rule);
        let (mut read, mut unreadable) = (Vec::new(), Vec::new());
        for (key, copies) in told(context, rule, at) {
            let Some(first) = copies.first() else {
                continue;
            };
            match first.predicate::<Vulns>() {
                Ok(said) if is_named(rule, said.value()) => {
                    let best = good.get(&key).copied();
                    read.push(scans.scan(context, (*first, &copies), said.value(), best));
                }
                Ok(_) => {}
                Err(error) => unreadable.push((*first, error.to_string())),
            }
        }
        // F36: an old clean scan must not hide a newer dirty one. One whose time nothing signed
        // says may be older or newer than any: it counts beside the newest, and makes none old.
        let mut newest: BTreeMap<String, Timestamp> = BTreeMap::new();
        for scan in read.iter().filter(|scan| scan.is_good) {
            if let Some(at) = scan.at {
                let held = newest.entry(scan.said.scanner.uri.clone()).or_insert(at);
                *held = at.max(*held);
            }
        }
        read.retain(|scan| match (scan.at, newest.get(&scan.said.scanner.uri)) {
            (Some(at), Some(newest)) => at >= *newest,
            _ => true,
        });
        for scan in read {
            scans.weigh(scan, rule, at);
        }
        for (statement, error) in unreadable {
            scans.weigh_unreadable(statement, error, rule, at, newest.values().min());
        }
        scans
    }

    /// Those that may speak for the artifact, with the best known copy of each.
    fn good(
        &mut self,
        context: &Context<'a>,
        at: Timestamp,
        rule: &'a VulnerabilitiesRule,
    ) -> BTreeMap<Key<'a>, &'a Verified<Statement>> {
        // The newest is looked for first: an old one must not be passed over for its age.
        let wanted = Wanted::new(context, CHECK, (&[vulns::TYPE], &rule.by), at);
        let mut eligible = wanted.among(context.candidates);
        self.causes.append(&mut eligible.causes);
        self.notes.append(&mut eligible.findings);
        let known = eligible.statements.into_iter();
        known
            .filter(|statement| statement.time().existed_by().is_some())
            .map(|statement| ((statement.payload(), statement.signer()), statement))
            .collect()
    }

    fn scan(
        &mut self,
        context: &Context<'a>,
        (statement, copies): (&'a Verified<Statement>, &[&'a Verified<Statement>]),
        said: &Vulns,
        best: Option<&'a Verified<Statement>>,
    ) -> Scan<'a> {
        let now = context.question.now;
        let at = said.scanned_at().or(statement.time().word());
        let can_be =
            |one: &&Verified<Statement>| at.is_none_or(|at| one.time().may_tell_of(at, now));
        let mut scan = Scan {
            statement,
            said: said.clone(),
            // A time that cannot be is none.
            at: at.filter(|_| copies.iter().all(can_be)),
            is_good: false,
            since: None,
        };
        match best {
            Some(best) if can_be(&best) => {
                let since = [at, best.time().not_older_than()].into_iter().flatten();
                scan.at = at;
                (scan.is_good, scan.since) = (true, since.min());
            }
            Some(_) => {
                self.causes.push(Cause::Denied);
                let message = "it says that the scan ended after it was signed";
                let finding = Finding::new(Code::TimeMismatch, CHECK, message);
                let finding = finding.at(statement.manifest(), "/predicate/metadata");
                self.notes.push(finding.severity(Severity::Note));
            }
            None => {}
        }
        scan
    }

    /// Looks at the age of one of the newest.
    fn weigh(&mut self, mut scan: Scan<'a>, rule: &VulnerabilitiesRule, at: Timestamp) {
        if let Some(limit) = rule.max_age.filter(|_| scan.is_good) {
            let age = scan.since.map(|since| at.duration_since(since));
            if age.is_none_or(|age| age > limit) {
                self.stale.push(too_old(scan.statement, age, limit));
                scan.is_good = false;
            }
        }
        if is_old(scan.at, rule.max_age, at) {
            return;
        }
        self.is_scanned |= scan.is_good;
        self.counted.push(scan);
    }

    /// What somebody who is named signed and nobody can read may be anything, unless every scanner
    /// that counts has said something since, or it is too old to matter.
    fn weigh_unreadable(
        &mut self,
        statement: &Verified<Statement>,
        error: String,
        rule: &VulnerabilitiesRule,
        at: Timestamp,
        oldest: Option<&Timestamp>,
    ) {
        let word = statement.time().word();
        let is_over = word
            .zip(oldest)
            .is_some_and(|(word, oldest)| word < *oldest);
        if is_over || is_old(word, rule.max_age, at) {
            return;
        }
        let finding = Finding::new(Code::StatementUnusable, CHECK, error).place(&rule.place);
        self.unreadable
            .push(finding.at(statement.manifest(), "/predicate"));
    }
}

/// Scans about the artifact by anybody who is named, in or out of time, that may have been there;
/// the copies of each.
fn told<'a>(
    context: &Context<'a>,
    rule: &VulnerabilitiesRule,
    at: Timestamp,
) -> BTreeMap<Key<'a>, Vec<&'a Verified<Statement>>> {
    let mut told: BTreeMap<Key<'a>, Vec<_>> = BTreeMap::new();
    for candidate in context.candidates {
        let Ok(statement) = candidate.outcome() else {
            continue;
        };
        let is_scan = statement.value().predicate_type().as_str() == vulns::TYPE;
        if is_scan && speaks_against(context, &rule.by, statement, at) {
            let key = (statement.payload(), statement.signer());
            told.entry(key).or_default().push(statement);
        }
    }
    told
}

fn is_named(rule: &VulnerabilitiesRule, said: &Vulns) -> bool {
    let mut scanners = rule.scanners.iter();
    rule.scanners.is_empty() || scanners.any(|pattern| pattern.matches(&said.scanner.uri))
}

fn too_old(
    statement: &Verified<Statement>,
    age: Option<SignedDuration>,
    limit: SignedDuration,
) -> Finding {
    let message = match age {
        None => "the scan does not say when it was made".to_owned(),
        Some(age) => format!(
            "the newest scan is {} old, at most {} allowed",
            show_duration(age),
            show_duration(limit)
        ),
    };
    Finding::new(Code::ScanStale, CHECK, message).at(statement.manifest(), "/predicate/metadata")
}
