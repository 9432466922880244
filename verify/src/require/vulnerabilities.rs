//! Vulnerabilities: what the newest scans found, less what somebody who may cleared or waived.
//!
//! Absence of news is no good news here: of what speaks for the artifact the time has to be known,
//! and what speaks against it counts whatever may be wrong with its time.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use bulla_model::predicate::openvex::VexStatus;
use bulla_model::predicate::vulns::ScanResult;
use bulla_model::{Digest, EdgeKind, Person, Purl, PurlParts};

use crate::cause::Cause;
use crate::code::Code;
use crate::question::Context;
use crate::require::{StepAtHand, failed};
use crate::verdict::{Finding, Outcome, Report, is_plain};

#[cfg(test)]
mod copies;
mod rating;
mod rule;
mod scans;
mod vex;
mod waivers;

pub use rating::Rating;
pub use rule::{VulnerabilitiesRule, WaiversRule};

use scans::{Scan, Scans};
use vex::{Cleared, Vex};
use waivers::Waivers;

const CHECK: &str = "vulnerabilities";
/// How many vulnerabilities are told one by one.
const TOLD: usize = 8;
/// How many a verdict holds.
const LISTED: usize = 1024;

/// A vulnerability that the policy denies, as the scans that count say it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FoundVulnerability {
    /// Its id.
    pub id: String,
    /// Its other ids, sorted.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub aliases: Vec<String>,
    /// How bad it is; nothing if nobody can tell, which counts as critical.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub severity: Option<Rating>,
    /// The package that has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub package: Option<String>,
    /// The versions that fix it, as far as anybody says.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub fixed_versions: Vec<String>,
    /// What became of it.
    pub outcome: VulnerabilityOutcome,
}

/// What became of a vulnerability.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum VulnerabilityOutcome {
    /// It stands.
    Denied,
    /// OpenVEX clears it.
    Cleared(VexStatus),
    /// These persons waive it.
    Waived(Vec<Person>),
}

/// A vulnerability as the scans that count say it.
struct Found {
    id: String,
    /// Every id of it, in lower case.
    keys: BTreeSet<String>,
    aliases: BTreeSet<String>,
    rating: Option<Rating>,
    packages: Vec<PurlParts>,
    package: Option<String>,
    /// `None` if somebody does not say which versions fix it.
    fixed: Option<Vec<String>>,
    scanner: String,
    manifest: Option<Digest>,
}

/// Each vulnerability that the newest scans found, however old they are, by its id in lower case, with
/// the worst severity that was told and `None` for an unknown one; cleared and waived ones too.
/// `None` without a scan by a signer whom any rule takes one of.
pub(crate) fn known(context: &Context<'_>) -> Option<BTreeMap<String, Option<Rating>>> {
    let policy = context.policy;
    let rules = policy
        .required()
        .filter_map(|require| require.vulnerabilities.as_ref());
    let mut known: Option<BTreeMap<String, Option<Rating>>> = None;
    for rule in rules {
        let rule = VulnerabilitiesRule {
            max_age: None,
            ..rule.clone()
        };
        let whole = Context {
            own: context.bearing,
            against: context.bearing,
            ..*context
        };
        let scans = Scans::of(&whole, context.question.now, &rule);
        if !scans.is_scanned {
            continue;
        }
        let known = known.get_or_insert_default();
        for found in united(&scans).into_values() {
            known
                .entry(found.id.to_lowercase())
                .and_modify(|held| *held = held.zip(found.rating).map(|(a, b)| a.max(b)))
                .or_insert(found.rating);
        }
    }
    known
}

fn judge(
    context: &Context<'_>,
    step: &StepAtHand<'_>,
    rule: &VulnerabilitiesRule,
    report: &mut Report,
) {
    let scans = Scans::of(context, step.at, rule);
    let vex = Vex::of(context, step.at, rule);
    let waivers = Waivers::of(context, step, rule);
    let sifted = Sifted::of(&scans, rule, &vex, &waivers, report);
    if scans.is_scanned && scans.unreadable.is_empty() && sifted.standing.is_empty() {
        // "Newest" cannot be known while something may be missing, of whatever age it may be.
        let outcome = if context.question.evidence.is_incomplete() {
            Outcome::Failed(Cause::Undetermined)
        } else {
            Outcome::Ok
        };
        report.check(CHECK, outcome, sifted.passed(rule)).place = Some(rule.place.clone());
        return;
    }
    let mut findings = Vec::new();
    let cause = if !sifted.standing.is_empty() {
        stand(
            context,
            step,
            rule,
            &sifted.standing,
            (&vex, &waivers),
            &mut findings,
        );
        Cause::Denied
    } else if !scans.unreadable.is_empty() {
        Cause::Denied
    } else {
        missing(context, rule, &scans, &mut findings)
    };
    let summary = sifted.failed(&scans);
    let told = scans.unreadable.into_iter().take(TOLD);
    report.findings.extend(findings.into_iter().chain(told));
    report.check(CHECK, failed(context, cause), summary).place = Some(rule.place.clone());
}

/// What was found, by what became of it.
struct Sifted {
    total: usize,
    /// What stands, the worst first, with why what looks like a clearance does not help.
    standing: Vec<(Found, Option<String>)>,
    cleared: usize,
    waived: usize,
}

impl Sifted {
    fn of(
        scans: &Scans<'_>,
        rule: &VulnerabilitiesRule,
        vex: &Vex,
        waivers: &Waivers,
        report: &mut Report,
    ) -> Self {
        let found = united(scans);
        let distinct: BTreeSet<_> = found
            .keys()
            .map(|(id, _, package, _)| (id, package))
            .collect();
        let mut sifted = Self {
            total: distinct.len(),
            standing: Vec::new(),
            cleared: 0,
            waived: 0,
        };
        for one in found.into_values() {
            let unfixed = one.fixed.as_ref().is_some_and(Vec::is_empty);
            if one.counts_as() < rule.deny || (rule.fixed_only && unfixed) {
                continue;
            }
            // A waiver first: unlike a clearance it rests on nothing that may be missing.
            let (outcome, why) = if let Some(persons) = waivers.covers(&one) {
                let persons = persons.into_iter().cloned().collect();
                (VulnerabilityOutcome::Waived(persons), None)
            } else {
                match vex.clears(&one) {
                    Cleared::Yes(status) => (VulnerabilityOutcome::Cleared(status), None),
                    Cleared::No(why) => (VulnerabilityOutcome::Denied, why),
                }
            };
            if report.vulnerabilities.len() < LISTED {
                report.vulnerabilities.push(one.listed(&outcome));
            }
            match outcome {
                VulnerabilityOutcome::Denied => sifted.standing.push((one, why)),
                VulnerabilityOutcome::Cleared(_) => {
                    sifted.cleared = sifted.cleared.saturating_add(1);
                }
                VulnerabilityOutcome::Waived(_) => {
                    sifted.waived = sifted.waived.saturating_add(1);
                }
            }
        }
        let standing = &mut sifted.standing;
        standing.sort_by_key(|(one, _)| {
            let worst_first = std::cmp::Reverse(one.counts_as());
            (worst_first, one.id.clone(), one.package.clone())
        });
        sifted
    }

    fn passed(&self, rule: &VulnerabilitiesRule) -> String {
        let mut summary = match self.total {
            0 => "nothing found".to_owned(),
            total => format!("nothing {} or worse among {total} found", rule.deny),
        };
        for (count, what) in [
            (self.cleared, "cleared by OpenVEX"),
            (self.waived, "waived"),
        ] {
            if count > 0 {
                summary = format!("{summary}, {count} {what}");
            }
        }
        summary
    }

    fn failed(&self, scans: &Scans<'_>) -> String {
        if self.standing.is_empty() {
            return match (scans.unreadable.is_empty(), scans.stale.is_empty()) {
                (false, _) => "a scan cannot be read".to_owned(),
                (true, false) => "too old".to_owned(),
                (true, true) => "none".to_owned(),
            };
        }
        let count = |rating: Option<Rating>| {
            let standing = self.standing.iter();
            let count = standing.filter(|(one, _)| one.rating == rating).count();
            let word = rating.map_or("of unknown severity", Rating::as_str);
            (count > 0).then(|| format!("{count} {word}"))
        };
        let ratings = Rating::ALL.iter().rev().map(|rating| Some(*rating));
        let parts: Vec<_> = ratings.chain([None]).filter_map(count).collect();
        parts.join(", ")
    }
}

/// One wording of a finding: id, every id, package and package URLs. A scan that gives the same
/// vulnerability other ids or packages is another wording, which has to be cleared on its own: what
/// it adds must not make a clearance fit that another one lacks.
type Wording = (String, BTreeSet<String>, Option<String>, BTreeSet<String>);

/// What the scans that count found, all of them together: for each wording the worst.
fn united(scans: &Scans<'_>) -> BTreeMap<Wording, Found> {
    let mut united: BTreeMap<_, Found> = BTreeMap::new();
    for scan in &scans.counted {
        for result in &scan.said.scanner.result {
            let found = Found::of(scan, result);
            let packages = result.packages().map(|purl| purl.to_string());
            let key = (
                found.id.to_ascii_lowercase(),
                found.keys.clone(),
                found.package.clone(),
                packages.collect(),
            );
            if let Some(held) = united.get_mut(&key) {
                held.unite(found);
            } else {
                united.insert(key, found);
            }
        }
    }
    united
}

impl Found {
    fn of(scan: &Scan<'_>, result: &ScanResult) -> Self {
        let aliases: BTreeSet<String> = result.aliases().map(ToOwned::to_owned).collect();
        let keys = aliases.iter().chain([&result.id]);
        let fixed = result.fixed_versions();
        Self {
            id: result.id.clone(),
            keys: keys.map(|id| id.to_ascii_lowercase()).collect(),
            aliases,
            rating: Rating::of(result),
            packages: result.packages().map(|purl| Purl::parts(&purl)).collect(),
            package: result.package_name().map(ToOwned::to_owned),
            fixed: fixed.map(|list| list.into_iter().map(ToOwned::to_owned).collect()),
            scanner: scan.said.scanner.uri.clone(),
            manifest: scan.statement.manifest().cloned(),
        }
    }

    /// Adds what another scan says of the same in the same words.
    fn unite(&mut self, other: Self) {
        // Who cannot tell says the worst.
        self.rating = self.rating.zip(other.rating).map(|(a, b)| a.max(b));
        let both = self.fixed.take().zip(other.fixed);
        self.fixed = both.map(|(own, more)| own.into_iter().chain(more).collect());
    }

    /// What nobody can tell is as bad as can be.
    fn counts_as(&self) -> Rating {
        self.rating.unwrap_or(Rating::Critical)
    }

    fn listed(&self, outcome: &VulnerabilityOutcome) -> FoundVulnerability {
        let fixed: BTreeSet<_> = self.fixed.iter().flatten().cloned().collect();
        FoundVulnerability {
            id: self.id.clone(),
            aliases: self.aliases.iter().cloned().collect(),
            severity: self.rating,
            package: self.package.clone(),
            fixed_versions: fixed.into_iter().collect(),
            outcome: outcome.clone(),
        }
    }

    fn describe(&self) -> String {
        let severity = match self.rating {
            Some(rating) => rating.to_string(),
            None => "unknown, which counts as critical".to_owned(),
        };
        let package = self.package.as_deref().unwrap_or("an unknown package");
        format!("{} ({severity}) in {package}", self.id)
    }

    fn remedy(&self) -> String {
        let fixed: BTreeSet<&str> = self.fixed.iter().flatten().map(String::as_str).collect();
        let fixed: Vec<_> = fixed.into_iter().take(4).collect();
        match (&self.fixed, fixed.is_empty()) {
            (None, _) => "whether a version fixes it is not said".to_owned(),
            (Some(_), true) => "no version fixes it".to_owned(),
            (Some(_), false) => format!("fixed in {}", fixed.join(" or ")),
        }
    }
}

/// Tells the worst of what stands, each with what would help.
fn stand(
    context: &Context<'_>,
    step: &StepAtHand<'_>,
    rule: &VulnerabilitiesRule,
    standing: &[(Found, Option<String>)],
    (vex, waivers): (&Vex, &Waivers),
    findings: &mut Vec<Finding>,
) {
    for (found, why) in standing.iter().take(TOLD) {
        let why = why.clone().or_else(|| waivers.short(found));
        let why = why.map_or_else(String::new, |why| format!("; {why}"));
        let message = format!("{}: {}{why}", found.describe(), found.remedy());
        let hint = match &rule.waivers {
            Some(_) => format!("upgrade it{}", waive_hint(context, step, &found.id)),
            None => "upgrade it, build and scan anew".to_owned(),
        };
        let finding = Finding::new(Code::VulnerabilitiesFound, CHECK, message)
            .found(format!("by {}", found.scanner))
            .place(&rule.place)
            .at(found.manifest.as_ref(), "/predicate/scanner/result")
            .hint(hint);
        findings.push(finding);
        let refused = waivers.refused(found).take(TOLD).cloned();
        let revoked = waivers
            .revoked(found)
            .cloned()
            .or_else(|| vex.revoked(found));
        findings.extend(refused.chain(revoked));
    }
    // What was taken back decides the exit code, so that one of those that are not told is.
    let mut untold = standing.iter().skip(TOLD).map(|(found, _)| found);
    findings.extend(untold.find_map(|found| {
        let waived = waivers.revoked(found).cloned();
        waived.or_else(|| vex.revoked(found))
    }));
    if let Some(more) = standing.len().checked_sub(TOLD).filter(|more| *more > 0) {
        let message = format!("{more} more vulnerabilities that the policy denies");
        let finding = Finding::new(Code::VulnerabilitiesFound, CHECK, message);
        findings.push(finding.place(&rule.place));
    }
}

/// How to waive it, unless the id holds what a shell would understand: scanners write what others
/// chose.
fn waive_hint(context: &Context<'_>, step: &StepAtHand<'_>, id: &str) -> String {
    if !is_plain(id) {
        return " or waive it".to_owned();
    }
    let (name, edge) = (context.question.name, step.edge);
    let into = &edge.to.uri;
    let from = edge.from.as_ref().map(|from| format!(" --from {from}"));
    let kind = match edge.kind {
        EdgeKind::Promote => String::new(),
        kind => format!(" --kind {kind}"),
    };
    format!(
        ", or: bulla waive {name} --env {into}{}{kind} --finding {id} --for 30d --reason TEXT --key KEY",
        from.unwrap_or_default()
    )
}

/// Tells that no scan speaks for the artifact.
fn missing(
    context: &Context<'_>,
    rule: &VulnerabilitiesRule,
    scans: &Scans<'_>,
    findings: &mut Vec<Finding>,
) -> Cause {
    let hint = format!(
        "bulla attest {} --vulns scan.json --key KEY",
        context.question.name
    );
    if let Some(stale) = scans.stale.first() {
        findings.push(
            stale
                .clone()
                .place(&rule.place)
                .hint(format!("scan again: {hint}")),
        );
        return Cause::Expired;
    }
    let finding = Finding::new(
        Code::ScanMissing,
        CHECK,
        "no vulnerability scan that counts",
    );
    findings.push(finding.place(&rule.place).hint(hint));
    findings.extend(scans.notes.iter().cloned());
    Cause::best(scans.causes.iter().copied())
}
