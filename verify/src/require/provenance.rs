//! Provenance, and the service it proves.

use std::collections::BTreeSet;

use jiff::Timestamp;

use bulla_model::predicate::{Provenance, slsa_provenance};

use crate::cause::Cause;
use crate::code::Code;
use crate::eligible::{Eligible, Wanted};
use crate::pattern::Pattern;
use crate::question::Context;
use crate::require::failed;
use crate::verdict::{Finding, Outcome, Report};
use crate::verified::Verified;

mod depth;
mod level;
mod proven;
mod rule;
mod service;
mod source_vsa;

pub use level::BuildVsaRule;
use level::Reached;
pub(crate) use proven::proven;
pub use rule::ProvenanceRule;
use service::repository_of;
pub(crate) use service::{builders, names_no_source, service, source_pattern};
pub use source_vsa::SourceVsaRule;

const CHECK: &str = "provenance";
pub(crate) const TYPES: &[&str] = &[
    slsa_provenance::TYPE,
    slsa_provenance::TYPE_V0_2,
    slsa_provenance::TYPE_V1_0,
];

fn judge(context: &Context<'_>, at: Timestamp, rule: &ProvenanceRule, report: &mut Report) {
    let mut eligible = among(context, at, rule);
    let mut matching = Vec::new();
    for statement in eligible.statements.drain(..) {
        match fits(context, at, &statement, rule) {
            Ok(reached) => matching.push((reached, describe(statement.value()))),
            Err(finding) => {
                eligible.causes.push(Cause::Denied);
                eligible
                    .findings
                    .push(finding.at(statement.manifest(), "/predicate"));
            }
        }
    }
    // One that needs no summary of the artifact before those that do.
    matching.sort_by_key(|(reached, _)| *reached);
    if let Some((reached, summary)) = matching.into_iter().next() {
        // A summary that says that source or build failed may be missing.
        let rests_on_summary = rule.source_vsa.is_some() || reached == Reached::Summed;
        let hidden = rests_on_summary && context.question.evidence.is_incomplete();
        let outcome = if hidden {
            Outcome::Failed(Cause::Undetermined)
        } else {
            Outcome::Ok
        };
        report.check(CHECK, outcome, summary).place = Some(rule.place.clone());
        return;
    }
    let cause = Cause::best(eligible.causes);
    let finding = Finding::new(Code::ProvenanceMissing, CHECK, "no provenance that counts")
        .place(&rule.place)
        .hint(format!(
            "bulla attest {} --provenance --key KEY",
            context.question.name
        ));
    report.findings.push(finding);
    report.findings.append(&mut eligible.findings);
    report.check(CHECK, failed(context, cause), "none").place = Some(rule.place.clone());
}

/// The provenance statements that may count for this rule.
pub(crate) struct EligibleProvenance {
    pub(crate) statements: Vec<Verified<Provenance>>,
    /// Whether there is one that may count and cannot be read.
    pub(crate) has_unread: bool,
    pub(crate) causes: Vec<Cause>,
    pub(crate) findings: Vec<Finding>,
}

pub(crate) fn among(
    context: &Context<'_>,
    at: Timestamp,
    rule: &ProvenanceRule,
) -> EligibleProvenance {
    let wanted = Wanted::new(context, CHECK, (TYPES, &rule.by), at);
    read(wanted.among(context.candidates))
}

fn read(eligible: Eligible<'_>) -> EligibleProvenance {
    let mut out = EligibleProvenance {
        statements: Vec::new(),
        has_unread: false,
        causes: eligible.causes,
        findings: eligible.findings,
    };
    for statement in eligible.statements {
        match Provenance::of(statement.value()) {
            Ok(provenance) => out.statements.push(statement.with(provenance)),
            Err(error) => {
                out.has_unread = true;
                // By somebody who is named: no stranger's statement speaks louder.
                out.causes.push(Cause::Denied);
                let finding = Finding::new(Code::StatementUnusable, CHECK, error.to_string());
                out.findings
                    .push(finding.at(statement.manifest(), "/predicate"));
            }
        }
    }
    out
}

fn fits(
    context: &Context<'_>,
    at: Timestamp,
    statement: &Verified<Provenance>,
    rule: &ProvenanceRule,
) -> Result<Reached, Finding> {
    let provenance = statement.value();
    let demand = |patterns: &[Pattern], found: &str, what: &str| {
        if patterns.is_empty() || patterns.iter().any(|pattern| pattern.matches(found)) {
            return Ok(());
        }
        let expected: Vec<_> = patterns.iter().map(ToString::to_string).collect();
        Err(
            Finding::new(Code::ProvenanceMismatch, CHECK, format!("another {what}"))
                .expected(expected.join(", "))
                .found(found.chars().take(200).collect::<String>())
                .place(&rule.place),
        )
    };
    demand(
        &rule.build_types,
        &provenance.build_definition.build_type,
        "build type",
    )?;
    demand(
        &rule.builders,
        &provenance.run_details.builder.id,
        "builder",
    )?;
    depth::fits(statement, rule)?;
    if let Some(wanted) = &rule.source_vsa {
        source_vsa::fits(context, at, rule, wanted, statement)?;
    }
    level::fits(context, at, rule, statement)
}

fn describe(provenance: &Provenance) -> String {
    let builder = &provenance.run_details.builder.id;
    match source_of(provenance) {
        Some((repository, commit)) => {
            let commit: String = commit.chars().take(8).collect();
            format!("by {builder}, source {repository}@{commit}")
        }
        None => format!("by {builder}"),
    }
}

/// The source repository and its commit, if it names both.
fn source_of(provenance: &Provenance) -> Option<(String, String)> {
    let source = provenance.source()?;
    let digest = &source.digest;
    let commit = digest.value("gitCommit").or(digest.value("sha1"))?;
    Some((repository_of(source.uri.as_deref()?), commit.to_owned()))
}

/// Every source repository and commit that provenance names, by signers who may say so for any step
/// and at any time.
pub(crate) fn sources(context: &Context<'_>) -> BTreeSet<(String, String)> {
    let by = builders(context.policy);
    let statements = read(Wanted::of_anybody(context, TYPES, &by).among(context.candidates));
    let statements = statements.statements.iter();
    statements
        .filter_map(|statement| source_of(statement.value()))
        .collect()
}
