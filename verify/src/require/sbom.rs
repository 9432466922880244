//! A bill of materials, and what it may list.

use std::fmt;

use jiff::{SignedDuration, Timestamp};
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};

use bulla_model::predicate::{CYCLONEDX, SPDX, is_cyclonedx};
use bulla_model::{Statement, json};

use crate::against;
use crate::cause::Cause;
use crate::code::Code;
use crate::eligible::Wanted;
use crate::policy::{Age, Parts, Place, PolicyError, Scope, Value};
use crate::question::Context;
use crate::require::{Coverage, Requirement, StepAtHand, any_of, at_most, failed};
use crate::score::{Quality, Score};
use crate::verdict::{Finding, Outcome, Report};
use crate::verified::Verified;

mod contents;
mod license;
mod listed;
mod package;

pub use contents::ContentsRule;
use contents::{DenyWire, Judged, LicensesWire};
pub use license::{LicensePattern, LicenseRule};
pub(crate) use listed::listed;
pub use package::PackagePattern;

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
    /// The score it has to reach.
    pub score: Option<Score>,
    /// What it may list.
    pub contents: ContentsRule,
    /// What of an image it has to be about.
    pub coverage: Coverage,
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
    #[serde(default)]
    score: Option<Score>,
    #[serde(default)]
    deny: Option<DenyWire>,
    #[serde(default)]
    licenses: Option<LicensesWire>,
    #[serde(default)]
    coverage: Coverage,
}

impl Requirement for SbomRule {
    type Wire = Wire;

    fn read(wire: Wire, place: Place, scope: &Scope<'_>) -> Result<Self, PolicyError> {
        let refused = |reason| PolicyError::Rule {
            place: place.clone(),
            reason,
        };
        let contents = ContentsRule::read(wire.deny, wire.licenses).map_err(refused)?;
        if wire.score == Some(Score::NONE) {
            return Err(refused(
                "every score is at least 0: ask for more, or leave it out".to_owned(),
            ));
        }
        Ok(Self {
            contents,
            by: scope.names(wire.by, &place)?,
            formats: wire.formats,
            max_age: wire.max_age.map(|age| age.0),
            score: wire.score,
            coverage: wire.coverage,
            place,
        })
    }

    fn parts(&self) -> Option<Parts<'_>> {
        let formats = self
            .formats
            .iter()
            .map(|one| format!("{one:?}").to_lowercase());
        let formats: Vec<_> = formats.collect();
        let contents = &self.contents;
        let parts = vec![
            ("by", Value::any(&self.by)),
            ("formats", Value::limit(&formats)),
            ("maxAge", Value::AtMost(self.max_age)),
            ("score", Value::Score(self.score)),
            ("deny.packages", Value::demands(&contents.packages)),
            ("deny.licenses", Value::demands(&contents.licenses.deny)),
            ("licenses.allow", Value::limit(&contents.licenses.allow)),
            ("coverage", Value::Word(self.coverage.to_string())),
        ];
        let place = &self.place;
        Some(Parts { place, parts })
    }

    fn coverage(&self) -> Coverage {
        self.coverage
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
        write!(f, "sbom signed by {by}, {formats}, {age}")?;
        match self.score {
            Some(score) => write!(f, ", score {score} at least")?,
            None => f.write_str(", any score")?,
        }
        let rule = &self.contents;
        if !rule.packages.is_empty() {
            write!(f, ", without {}", any_of(&rule.packages, ""))?;
        }
        if !rule.licenses.allow.is_empty() {
            let allowed = any_of(&rule.licenses.allow, "");
            write!(f, ", licences {allowed} only")?;
        }
        if !rule.licenses.deny.is_empty() {
            write!(f, ", no licence {}", any_of(&rule.licenses.deny, ""))?;
        }
        write!(f, "{}   [{place}]", self.coverage.told())
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
    let wanted = Wanted::new(context, CHECK, (&types, &rule.by), at).no_older_than(rule.max_age);
    let mut eligible = wanted.among(context.candidates);
    let mut listed = None;
    for statement in &eligible.statements {
        match packages(statement.value()) {
            Some(count) if count > 0 => match reach(rule, statement) {
                Ok(score) => listed = listed.or_else(|| Some(summary(count, score, statement))),
                Err(finding) => {
                    eligible.causes.push(Cause::Denied);
                    eligible.findings.push(finding);
                }
            },
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
    if let Some(summary) = listed {
        let mut judged = Judged::default();
        if !rule.contents.is_empty() {
            for statement in &eligible.statements {
                judged.bill(&rule.contents, &rule.place, statement);
            }
            // What another one lists counts whatever may be wrong with its time.
            for other in against::told(context, &types, &rule.by, at) {
                let is_judged = |one: &&Verified<Statement>| {
                    (one.payload(), one.signer())
                        == (other.statement.payload(), other.statement.signer())
                };
                if !eligible.statements.iter().any(is_judged) && !other.is_old(rule.max_age, at) {
                    judged.bill(&rule.contents, &rule.place, other.statement);
                }
            }
            let gone = against::not_at_hand(context, &types, &rule.by, (at, rule.max_age));
            for (candidate, refusal) in gone {
                judged.doubt(&format!("is not at hand: {refusal}"), candidate.manifest());
            }
        }
        allowed(context, rule, judged, summary, report);
        return;
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

/// The score, where one is asked for, or that it is too low.
fn reach(rule: &SbomRule, statement: &Verified<Statement>) -> Result<Option<Score>, Finding> {
    let Some(least) = rule.score else {
        return Ok(None);
    };
    let finding = |message| {
        let finding = Finding::new(Code::SbomScoreLow, CHECK, message)
            .expected(format!("{least} at least"))
            .place(&rule.place);
        finding.at(statement.manifest(), "/predicate")
    };
    let quality = Quality::of_statement(statement.value())
        .map_err(|error| finding(format!("the bill of materials has no score: it {error}")))?;
    if quality.score >= least {
        return Ok(Some(quality.score));
    }
    let fixes = quality.fixes.iter().take(FIXES).map(ToString::to_string);
    let fixes: Vec<String> = fixes.collect();
    let finding = finding("the score of the bill of materials is too low".to_owned());
    let finding = finding.found(quality.score.to_string());
    Err(match fixes.as_slice() {
        [] => finding,
        fixes => finding.hint(format!("first {}", fixes.join("; "))),
    })
}

/// How much is told of what would raise a score.
const FIXES: usize = 3;

fn summary(count: usize, score: Option<Score>, statement: &Verified<Statement>) -> String {
    let mut summary = match count {
        1 => "1 package".to_owned(),
        count => format!("{count} packages"),
    };
    if let Some(score) = score {
        summary = format!("{summary}, score {score}");
    }
    match statement.document() {
        Some(document) => format!("{summary}, by reference to {document}"),
        None => summary,
    }
}

/// There is one; whether what it lists, and what any other lists, may be there.
fn allowed(
    context: &Context<'_>,
    rule: &SbomRule,
    mut judged: Judged,
    summary: String,
    report: &mut Report,
) {
    // Another one that lists what is denied may be missing.
    let hidden = !rule.contents.is_empty() && context.question.evidence.is_incomplete();
    let (outcome, summary) = if !judged.denied.is_empty() {
        // What was told is not taken back by what may be missing.
        (
            Outcome::Failed(Cause::Denied),
            "lists what is denied".to_owned(),
        )
    } else if !judged.doubts.is_empty() || hidden {
        (Outcome::Failed(Cause::Undetermined), summary)
    } else {
        (Outcome::Ok, summary)
    };
    report.findings.append(&mut judged.denied);
    report.findings.append(&mut judged.doubts);
    report.check(CHECK, outcome, summary).place = Some(rule.place.clone());
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
