//! A bill of materials.

use std::fmt;

use jiff::{SignedDuration, Timestamp};
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};

use bulla_model::predicate::{CYCLONEDX, SPDX, is_cyclonedx};
use bulla_model::{Statement, json};

use crate::cause::Cause;
use crate::code::Code;
use crate::eligible::Wanted;
use crate::policy::{Age, Parts, Place, PolicyError, Scope, Value};
use crate::question::Context;
use crate::require::{Requirement, StepAtHand, any_of, at_most, failed};
use crate::verdict::{Finding, Outcome, Report};

const CHECK: &str = "sbom";

/// A bill of materials.
#[derive(Clone, Debug)]
pub struct SbomRule {
    /// Identities that may sign it.
    pub by: Vec<String>,
    /// Formats; empty means any.
    pub formats: Vec<SbomFormat>,
    /// How old it may be.
    pub max_age: Option<SignedDuration>,
    /// Where it is written.
    pub place: Place,
}

/// Formats of bills of materials.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SbomFormat {
    /// CycloneDX.
    Cyclonedx,
    /// SPDX.
    Spdx,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Wire {
    by: Vec<String>,
    #[serde(default)]
    formats: Vec<SbomFormat>,
    #[serde(default)]
    max_age: Option<Age>,
}

impl Requirement for SbomRule {
    type Wire = Wire;

    fn read(wire: Wire, place: Place, scope: &Scope<'_>) -> Result<Self, PolicyError> {
        Ok(Self {
            by: scope.names(wire.by, &place)?,
            formats: wire.formats,
            max_age: wire.max_age.map(|age| age.0),
            place,
        })
    }

    fn parts(&self) -> Option<Parts<'_>> {
        let formats = self
            .formats
            .iter()
            .map(|one| format!("{one:?}").to_lowercase());
        let formats: Vec<_> = formats.collect();
        let parts = vec![
            ("by", Value::any(&self.by)),
            ("formats", Value::limit(&formats)),
            ("maxAge", Value::AtMost(self.max_age)),
        ];
        let place = &self.place;
        Some(Parts { place, parts })
    }

    fn judge(&self, context: &Context<'_>, step: &StepAtHand<'_>, report: &mut Report) {
        judge(context, step.at, self, report);
    }
}

impl fmt::Display for SbomRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (by, place) = (self.by.join(" or "), &self.place);
        let formats: Vec<_> = self.formats.iter().map(|one| format!("{one:?}")).collect();
        let formats = any_of(&formats, "any format");
        let age = at_most(self.max_age);
        write!(f, "sbom signed by {by}, {formats}, {age}   [{place}]")
    }
}

fn judge(context: &Context<'_>, at: Timestamp, rule: &SbomRule, report: &mut Report) {
    let uri = |format: SbomFormat| match format {
        SbomFormat::Cyclonedx => CYCLONEDX,
        SbomFormat::Spdx => SPDX,
    };
    let mut types: Vec<&str> = rule.formats.iter().map(|format| uri(*format)).collect();
    if types.is_empty() {
        types = vec![CYCLONEDX, SPDX];
    }
    let wanted = Wanted {
        check: CHECK,
        types: &types,
        by: &rule.by,
        policy: context.policy,
        current: context.question.policy,
        tier: context.tier_rule,
        covering: context.covering,
        at,
        now: context.question.now,
        max_age: rule.max_age,
    };
    let mut eligible = wanted.among(context.candidates);
    for statement in eligible.statements {
        match packages(statement.value()) {
            Some(count) if count > 0 => {
                let summary = match count {
                    1 => "1 package".to_owned(),
                    count => format!("{count} packages"),
                };
                let summary = match statement.document() {
                    Some(document) => format!("{summary}, by reference to {document}"),
                    None => summary,
                };
                report.check(CHECK, Outcome::Ok, summary).place = Some(rule.place.clone());
                return;
            }
            outcome => {
                eligible.causes.push(Cause::Denied);
                let message = match outcome {
                    Some(_) => "the bill of materials lists nothing",
                    None => "the bill of materials cannot be read",
                };
                let finding = Finding::new(Code::SbomEmpty, CHECK, message);
                eligible
                    .findings
                    .push(finding.at(statement.manifest(), "/predicate"));
            }
        }
    }
    // What a document would have said that somebody who is named refers to is not known.
    let cause = if eligible.causes.contains(&Cause::Undetermined) {
        Cause::Undetermined
    } else {
        Cause::best(eligible.causes)
    };
    let finding = Finding::new(Code::SbomMissing, CHECK, "no bill of materials that counts")
        .place(&rule.place)
        .hint(format!(
            "bulla attest {0} --sbom sbom.cdx.json --key KEY",
            context.question.name
        ));
    report.findings.push(finding);
    report.findings.append(&mut eligible.findings);
    report.check(CHECK, failed(context, cause), "none").place = Some(rule.place.clone());
}

/// How many packages a document lists; `None` if it is neither CycloneDX nor SPDX 2.
fn packages(statement: &Statement) -> Option<usize> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Head {
        #[serde(default)]
        bom_format: Option<String>,
        #[serde(default)]
        components: Option<Vec<IgnoredAny>>,
        #[serde(default)]
        spdx_version: Option<String>,
        #[serde(default)]
        packages: Option<Vec<IgnoredAny>>,
    }
    let text = statement.predicate_json()?;
    // cosign writes SPDX tag-value documents as one JSON string; there is nothing to count in it.
    let head: Head = json::part(text.as_bytes()).ok()?;
    // The type says which of the two it is; a document of the other kind is none of this type.
    if is_cyclonedx(statement.predicate_type().as_str()) {
        (head.bom_format.as_deref() == Some("CycloneDX")).then_some(())?;
        return Some(head.components.map_or(0, |list| list.len()));
    }
    head.spdx_version?;
    Some(head.packages.map_or(0, |list| list.len()))
}
