//! How old a promotion may grow: asked at every moment of what is in an environment.

use std::fmt;

use jiff::SignedDuration;
use serde::Deserialize;

use crate::cause::Cause;
use crate::code::Code;
use crate::policy::{Age, Parts, Place, PolicyError, Scope, Value, show_duration};
use crate::question::Context;
use crate::require::{Requirement, StepAtHand, at_most};
use crate::typed;
use crate::verdict::{Finding, Outcome, Report};

const CHECK: &str = "promotionAge";

/// How old a promotion may be. When it is made it has no age, so only a rule that is standing asks for
/// it.
#[derive(Clone, Debug)]
pub struct PromotionAgeRule {
    /// The greatest age.
    pub max: SignedDuration,
    /// Where it is written.
    pub place: Place,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Wire {
    max: Age,
}

impl Requirement for PromotionAgeRule {
    type Wire = Wire;

    fn read(wire: Wire, place: Place, _: &Scope<'_>) -> Result<Self, PolicyError> {
        let Age(max) = wire.max;
        if max.is_zero() {
            let reason = "`max` is 0: nothing could ever be there".to_owned();
            return Err(PolicyError::Rule { place, reason });
        }
        Ok(Self { max, place })
    }

    fn parts(&self) -> Option<Parts<'_>> {
        let parts = vec![("max", Value::AtMost(Some(self.max)))];
        let place = &self.place;
        Some(Parts { place, parts })
    }

    fn judge(&self, context: &Context<'_>, step: &StepAtHand<'_>, report: &mut Report) {
        judge(context, step, self, report);
    }
}

impl fmt::Display for PromotionAgeRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "promotion {}   [{}]",
            at_most(Some(self.max)),
            self.place
        )
    }
}

fn judge(
    context: &Context<'_>,
    step: &StepAtHand<'_>,
    rule: &PromotionAgeRule,
    report: &mut Report,
) {
    let limit = show_duration(rule.max);
    let Some((_, time)) = step.promoter else {
        // Nobody has promoted it yet.
        let check = report.check(CHECK, Outcome::Ok, format!("new, at most {limit}"));
        check.place = Some(rule.place.clone());
        return;
    };
    let issued = time.not_older_than();
    let age = issued.map(|issued| step.at.duration_since(issued).max(SignedDuration::ZERO));
    if let Some(age) = age.filter(|age| *age <= rule.max) {
        // What was judged once holds for ever.
        let end = issued.and_then(|issued| issued.checked_add(rule.max).ok());
        if let Some(end) = end.filter(|_| step.at == context.question.now) {
            report.holds_until(end);
        }
        let summary = format!("{} old, at most {limit}", show_duration(age));
        report.check(CHECK, Outcome::Ok, summary).place = Some(rule.place.clone());
        return;
    }
    let to = step.edge.to.uri.name();
    let message = match age {
        Some(age) => format!(
            "promoted into {to} {} ago, at most {limit} allowed",
            show_duration(age)
        ),
        None => format!("the promotion into {to} does not say how old it is"),
    };
    let again = step.command(context, typed::bring(context, &step.edge.to.uri));
    let finding = Finding::new(Code::PromotionExpired, CHECK, message)
        .place(&rule.place)
        .hint(again);
    report.findings.push(finding);
    let check = report.check(CHECK, Outcome::Failed(Cause::Expired), "too old");
    check.place = Some(rule.place.clone());
}
