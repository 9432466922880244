//! Promotion records of Kubernetes' image promoter, kpromo: the image was copied into a repository.
//!
//! A record is its signer's word about one copy. It says nothing of approvals or gates, and not that
//! the repository still has the image.

use std::fmt;

use jiff::SignedDuration;
use serde::Deserialize;

use bulla_model::predicate::{PromotionRecord, promotion_record};
use bulla_model::{PredicateError, Repository};

use crate::cause::Cause;
use crate::code::Code;
use crate::eligible::Wanted;
use crate::pattern::Pattern;
use crate::policy::{Age, Parts, Place, PolicyError, Scope, Value, pattern};
use crate::question::Context;
use crate::require::{Requirement, StepAtHand, any_of, at_most, failed};
use crate::verdict::{Finding, Outcome, Report};

const CHECK: &str = "promotion-record";

/// A record that the image was copied into one of some repositories.
#[derive(Clone, Debug)]
pub struct PromotionRecordRule {
    /// Identities that may sign it.
    pub by: Vec<String>,
    /// Repositories it was copied into.
    pub destinations: Vec<Pattern>,
    /// Repositories it was copied from; empty means any, and also a record that does not say.
    pub sources: Vec<Pattern>,
    /// How old it may be.
    pub max_age: Option<SignedDuration>,
    /// Where it is written.
    pub place: Place,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Wire {
    by: Vec<String>,
    destinations: Vec<String>,
    #[serde(default)]
    sources: Option<Vec<String>>,
    #[serde(default)]
    max_age: Option<Age>,
}

impl Requirement for PromotionRecordRule {
    type Wire = Wire;

    fn read(wire: Wire, place: Place, scope: &Scope<'_>) -> Result<Self, PolicyError> {
        let lists = [
            ("destinations", Some(&wire.destinations)),
            ("sources", wire.sources.as_ref()),
        ];
        for (name, list) in lists {
            if list.is_some_and(|list| list.is_empty() || list.iter().any(String::is_empty)) {
                let reason = format!(
                    "`{name}` names nothing: name a repository, such as registry.example.com/pay/**"
                );
                return Err(PolicyError::Rule { place, reason });
            }
        }
        let patterns = |list: &[String]| list.iter().map(|text| pattern(text)).collect();
        Ok(Self {
            by: scope.names(wire.by, &place)?,
            destinations: patterns(&wire.destinations),
            sources: wire.sources.as_deref().map_or_else(Vec::new, patterns),
            max_age: wire.max_age.map(|age| age.0),
            place,
        })
    }

    fn parts(&self) -> Option<Parts<'_>> {
        let parts = vec![
            ("by", Value::any(&self.by)),
            ("destinations", Value::any(&self.destinations)),
            ("sources", Value::limit(&self.sources)),
            ("maxAge", Value::AtMost(self.max_age)),
        ];
        let place = &self.place;
        Some(Parts { place, parts })
    }

    fn judge(&self, context: &Context<'_>, step: &StepAtHand<'_>, report: &mut Report) {
        judge(context, step, self, report);
    }
}

impl fmt::Display for PromotionRecordRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (by, place) = (self.by.join(" or "), &self.place);
        let (to, from) = (
            any_of(&self.destinations, ""),
            any_of(&self.sources, "anywhere"),
        );
        let age = at_most(self.max_age);
        write!(
            f,
            "promotion record signed by {by}, from {from} into {to}, {age}   [{place}]"
        )
    }
}

impl PromotionRecordRule {
    /// What of a record does not fit, and what it should be; nothing if it is of such a copy.
    fn misses(&self, record: &PromotionRecord) -> Option<(String, String)> {
        let fits = |patterns: &[Pattern], repository: &Repository| {
            let repository = repository.to_string();
            patterns.iter().any(|pattern| pattern.matches(&repository))
        };
        if !fits(&self.destinations, record.destination()) {
            let found = format!("into {}", record.destination());
            return Some((found, format!("into {}", any_of(&self.destinations, ""))));
        }
        let from = record.source();
        if self.sources.is_empty() || from.is_some_and(|from| fits(&self.sources, from)) {
            return None;
        }
        let found = from.map_or_else(
            || "it does not say from where".to_owned(),
            |from| format!("from {from}"),
        );
        Some((found, format!("from {}", any_of(&self.sources, ""))))
    }
}

fn judge(
    context: &Context<'_>,
    step: &StepAtHand<'_>,
    rule: &PromotionRecordRule,
    report: &mut Report,
) {
    let wanted = Wanted::new(
        context,
        CHECK,
        (&[promotion_record::TYPE], &rule.by),
        step.at,
    )
    .no_older_than(rule.max_age);
    let mut eligible = wanted.among(context.candidates);
    for statement in &eligible.statements {
        let (cause, finding) = match statement.value().predicate::<PromotionRecord>() {
            Ok(record) => match rule.misses(&record) {
                None => {
                    let summary = format!("copied into {}", record.destination());
                    report.check(CHECK, Outcome::Ok, summary).place = Some(rule.place.clone());
                    return;
                }
                Some((found, expected)) => {
                    (Cause::Denied, mismatch().found(found).expected(expected))
                }
            },
            // By somebody who is named: no stranger's statement speaks louder.
            Err(error) => (Cause::Denied, unusable(&error)),
        };
        eligible.causes.push(cause);
        eligible.findings.push(
            finding
                .place(&rule.place)
                .at(statement.manifest(), "/predicate"),
        );
    }
    let message = "no promotion record that counts";
    let finding = Finding::new(Code::PromotionRecordMissing, CHECK, message)
        .expected(format!(
            "into {}, signed by {}",
            any_of(&rule.destinations, ""),
            rule.by.join(" or ")
        ))
        .place(&rule.place)
        .hint(format!(
            "what is there: bulla tree {}",
            context.question.name
        ));
    report.findings.push(finding);
    report.findings.append(&mut eligible.findings);
    let outcome = failed(context, Cause::best(eligible.causes));
    report.check(CHECK, outcome, "none").place = Some(rule.place.clone());
}

fn mismatch() -> Finding {
    let message = "a promotion record is of another copy";
    Finding::new(Code::PromotionRecordMismatch, CHECK, message)
}

fn unusable(error: &PredicateError) -> Finding {
    Finding::new(Code::StatementUnusable, CHECK, error.to_string())
}
