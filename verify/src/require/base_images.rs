//! The images that a build began with, as verified provenance names them.
//!
//! Every eligible provenance is asked, and every image in it has to be allowed: those of earlier
//! stages, and what the build itself ran in, look no different there. It is the builder's word.

use std::fmt;

use bulla_model::predicate::Provenance;
use bulla_model::{Digest, ResourceDescriptor};
use serde::Deserialize;

use crate::cause::Cause;
use crate::code::Code;
use crate::pattern::Pattern;
use crate::policy::{Place, PolicyError, ProvenanceRule, Scope, pattern};
use crate::question::Context;
use crate::require::provenance::{self, EligibleProvenance};
use crate::require::{Coverage, Requirement, StepAtHand, any_of, failed};
use crate::verdict::{Finding, Outcome, Report};

mod image;

use image::{Image, image};

const CHECK: &str = "base-images";
/// How many images are told.
const SHOWN: usize = 8;

/// The images that a build may begin with.
#[derive(Clone, Debug)]
pub struct BaseImagesRule {
    /// Identities that may sign the provenance.
    pub by: Vec<String>,
    /// Repositories; empty means any.
    pub allow: Vec<Pattern>,
    /// Digests; empty means any.
    pub digests: Vec<Digest>,
    /// Whether provenance may name none.
    pub scratch: bool,
    /// What of an image it has to be about.
    pub coverage: Coverage,
    /// Where it is written.
    pub place: Place,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Wire {
    by: Vec<String>,
    #[serde(default)]
    allow: Vec<String>,
    #[serde(default)]
    digests: Vec<Digest>,
    #[serde(default)]
    scratch: Scratch,
    #[serde(default)]
    coverage: Coverage,
}

#[derive(Clone, Copy, Default, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Scratch {
    Allow,
    #[default]
    Deny,
}

impl Requirement for BaseImagesRule {
    type Wire = Wire;

    fn read(wire: Wire, place: Place, scope: &Scope<'_>) -> Result<Self, PolicyError> {
        if wire.allow.is_empty() && wire.digests.is_empty() {
            let reason = "it allows nothing: name repositories in `allow`, or `digests`".to_owned();
            return Err(PolicyError::Rule { place, reason });
        }
        Ok(Self {
            by: scope.names(wire.by, &place)?,
            allow: wire.allow.iter().map(|text| pattern(text)).collect(),
            digests: wire.digests,
            scratch: wire.scratch == Scratch::Allow,
            coverage: wire.coverage,
            place,
        })
    }

    fn coverage(&self) -> Coverage {
        self.coverage
    }

    fn judge(&self, context: &Context<'_>, step: &StepAtHand<'_>, report: &mut Report) {
        judge(context, step, self, report);
    }
}

impl fmt::Display for BaseImagesRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (by, place) = (self.by.join(" or "), &self.place);
        let allow = any_of(&self.allow, "anywhere");
        let digests = match self.digests.len() {
            0 => String::new(),
            count => format!(", one of {count} digests"),
        };
        let none = if self.scratch { ", or none" } else { "" };
        write!(
            f,
            "base images from {allow}{digests}{none}, in provenance signed by {by}{}   [{place}]",
            self.coverage.told()
        )
    }
}

impl BaseImagesRule {
    fn refuses(&self, image: &Image) -> Option<&'static str> {
        let Image::Known { repository, digest } = image else {
            return Some("is named in a way that does not tell which it is");
        };
        let is = |pattern: &Pattern| pattern.matches(repository);
        if !self.allow.is_empty() && !self.allow.iter().any(is) {
            return Some("is of a repository that is not allowed");
        }
        let is_listed = self.digests.is_empty() || self.digests.contains(digest);
        (!is_listed).then_some("has a digest that is not allowed")
    }
}

fn judge(context: &Context<'_>, step: &StepAtHand<'_>, rule: &BaseImagesRule, report: &mut Report) {
    let eligible = provenance::among(context, step.at, &ProvenanceRule::any(rule.by.clone()));
    let mut found = 0_usize;
    let mut refused = Vec::new();
    for statement in &eligible.statements {
        for dependency in dependencies(statement.value()) {
            let Some(image) = image(dependency) else {
                continue;
            };
            found = found.saturating_add(1);
            if let Some(why) = rule.refuses(&image) {
                let told = dependency
                    .uri
                    .as_deref()
                    .unwrap_or("an image without a name");
                refused.push((statement.manifest(), why, told));
            }
        }
    }
    if !refused.is_empty() {
        let findings = refused.iter().take(SHOWN).map(|(manifest, why, told)| {
            let finding = Finding::new(
                Code::BaseImageDenied,
                CHECK,
                format!("an image that the build used {why}"),
            );
            finding
                .expected(any_of(&rule.allow, "any repository"))
                .found(told.chars().take(200).collect::<String>())
                .place(&rule.place)
                .at(*manifest, "/predicate")
        });
        report.findings.extend(findings);
        let summary = format!("{} of {found} not allowed", refused.len());
        report
            .check(CHECK, Outcome::Failed(Cause::Denied), summary)
            .place = Some(rule.place.clone());
        return;
    }
    // What an unreadable one names is not known.
    let is_told = !eligible.statements.is_empty() && !eligible.has_unread;
    if is_told && (found > 0 || rule.scratch) {
        // Another provenance may name others.
        let outcome = if context.question.evidence.is_incomplete() {
            Outcome::Failed(Cause::Undetermined)
        } else {
            Outcome::Ok
        };
        let summary = match found {
            0 => "none".to_owned(),
            count => format!("{count} allowed"),
        };
        report.check(CHECK, outcome, summary).place = Some(rule.place.clone());
        return;
    }
    unknown(context, rule, eligible, report);
}

fn dependencies(provenance: &Provenance) -> &[ResourceDescriptor] {
    &provenance.build_definition.resolved_dependencies
}

/// No provenance names an image, or it cannot be told whether one does.
fn unknown(
    context: &Context<'_>,
    rule: &BaseImagesRule,
    eligible: EligibleProvenance,
    report: &mut Report,
) {
    let (cause, message) = if eligible.has_unread {
        (
            Cause::Denied,
            "a provenance cannot be read, and may name any base image",
        )
    } else if eligible.statements.is_empty() {
        let cause = Cause::best(eligible.causes);
        (cause, "no provenance that counts names a base image")
    } else {
        (Cause::Denied, "provenance names no base image")
    };
    let finding = Finding::new(Code::BaseImageUnknown, CHECK, message);
    report.findings.push(finding.place(&rule.place));
    report.findings.extend(eligible.findings);
    report.check(CHECK, failed(context, cause), "unknown").place = Some(rule.place.clone());
}
