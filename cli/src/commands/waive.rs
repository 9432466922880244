//! `bulla waive`: a person answers for findings of one image being overlooked for a while.

use std::collections::BTreeSet;
use std::sync::Arc;

use bulla_attest::claim;
use bulla_model::predicate::Waiver;
use bulla_model::{Digest, Environment, ResourceDescriptor};
use bulla_registry::{Store as _, Target as Selector};
use bulla_verify::policy::Actor;
use bulla_verify::{Check, FoundVulnerability, Outcome, SignedTime, Verdict, VulnerabilityOutcome};
use jiff::Timestamp;
use serde::Serialize;

use crate::args::waive::Arguments;
use crate::commands::Context;
use crate::join::image::{self, OpenImage};
use crate::join::rules::Rules;
use crate::join::sealer::{Prepared, Purpose, Sealer};
use crate::join::verdict::StepName;
use crate::join::{consent, identity_token, ledger, seal, step, verdict};
use crate::render::{Cell, Page, Report, shorten};
use crate::target::Target;
use crate::{Exit, Failure};

/// The gate, as promotions and waivers name it.
const GATE: &str = "vulnerabilities";
/// How many vulnerabilities a verdict lists at most.
const LISTED: usize = 1024;
/// How many of those that are there are told to who named another.
const TOLD: usize = 16;
/// How many platforms of an index are shown.
const SHOWN: usize = 16;

/// Signs a waiver and attaches it to the image.
pub async fn run(arguments: Arguments, context: &Context) -> Result<Exit, Failure> {
    let now = step::whole_second(Timestamp::now());
    let not_after = end(&arguments, now)?;
    let rules = Arc::new(Rules::load(context, &arguments.decide, now)?);
    let environments = environments(&arguments, &rules)?;
    allowed(&rules, &environments, now, not_after)?;
    let image = image::open(context, &Target::parse(&arguments.target)?)
        .await?
        .writable()?;
    let before = gates(&arguments, context, &rules, &image, now).await?;
    known(&arguments.findings, &before)?;
    // As with approvals, nobody logs in before it is clear what is to be signed.
    let prepared = Sealer::prepare(
        context,
        &arguments.signing,
        &arguments.decide.trusted_root,
        Purpose::Decision,
    )
    .await?;
    confirm(
        &arguments,
        context,
        &before,
        &rules,
        &prepared,
        (now, not_after),
    )?;
    let known = prepared.identity().is_some();
    let signer = prepared.finish(context, &arguments.signing).await?;
    if !known {
        person(context, &rules, signer.identity(), now);
    }
    let waiver = Waiver {
        gate: GATE.to_owned(),
        findings: step::sorted(&arguments.findings),
        environments: environments.into_iter().collect(),
        reason: arguments.reason.clone(),
        tickets: step::sorted(&arguments.tickets),
        issued_at: now,
        not_after,
        nonce: claim::nonce()?,
        crit: Vec::new(),
    };
    let subject = ResourceDescriptor::named(&image.name, image.descriptor.digest.clone());
    let payload = claim::own(&[subject], &waiver)?;
    let sealed = seal::seal(context, &signer, payload).await?;
    let attached = seal::publish(&image, &sealed).await?;
    let after = gates(&arguments, context, &rules, &image, now).await?;
    let said = after.iter().filter_map(|(name, verdict)| {
        let check = gate(verdict)?;
        Some(GateReport {
            environment: name.clone(),
            passed: check.outcome == Outcome::Ok,
            said: check.summary.clone(),
        })
    });
    context.printer.report(&WaiveReport {
        image: image.pinned.clone(),
        findings: waiver.findings,
        not_after,
        payload: sealed.payload,
        manifest: attached.descriptor.digest,
        gates: said.collect(),
    })?;
    Ok(Exit::Success)
}

fn end(arguments: &Arguments, now: Timestamp) -> Result<Timestamp, Failure> {
    let end = match (&arguments.length, arguments.until) {
        (Some(length), _) => step::until(now, length)?,
        (None, until) => step::whole_second(until.unwrap_or(now)),
    };
    if end <= now {
        return Err(Failure::usage(format_args!(
            "{end} is over: name a later time"
        )));
    }
    Ok(end)
}

fn environments(arguments: &Arguments, rules: &Rules) -> Result<BTreeSet<Environment>, Failure> {
    let known = |name: &String| {
        let rule = rules.policy.environment(name);
        rule.map(|(_, rule)| rule.uri.clone()).ok_or_else(|| {
            let names: Vec<_> = rules.policy.environments().map(|(name, _)| name).collect();
            let name = name.escape_debug();
            Failure::usage(format_args!("the policy has no environment `{name}`"))
                .with_hint(format_args!("expected one of {}", names.join(", ")))
        })
    };
    arguments.environments.iter().map(known).collect()
}

/// Refuses what would count nowhere: a waiver that is given for too long, or where nobody waives.
fn allowed(
    rules: &Rules,
    environments: &BTreeSet<Environment>,
    now: Timestamp,
    not_after: Timestamp,
) -> Result<(), Failure> {
    let services = rules.policy.services();
    let own = services.flat_map(|(_, service)| &service.tighten);
    let tightened = rules.policy.tighten().iter().chain(own);
    let tightened = tightened.map(|rule| (&rule.to, &rule.require));
    let edges = rules.policy.edges().iter();
    let asked = edges.map(|edge| (&edge.to, &edge.require)).chain(tightened);
    let terms = asked.filter_map(|(to, require)| {
        let waivers = require.vulnerabilities.as_ref()?.waivers.as_ref()?;
        environments.contains(to).then_some(waivers.max_term)
    });
    let Some(longest) = terms.max() else {
        return Err(
            Failure::usage("the policy lets nobody waive vulnerabilities there")
                .with_hint("bulla policy explain says what each step takes"),
        );
    };
    if not_after.duration_since(now) > longest {
        return Err(Failure::usage(format_args!(
            "the policy takes waivers for at most {longest:#}"
        )));
    }
    Ok(())
}

/// Refuses ids that no gate knows: a slip of the pen would be signed, and overlook nothing.
fn known(ids: &[String], gates: &[(String, Verdict)]) -> Result<(), Failure> {
    let found = || {
        gates
            .iter()
            .flat_map(|(_, verdict)| &verdict.vulnerabilities)
    };
    // Where there is more than a verdict lists, nobody knows all of it.
    if gates
        .iter()
        .any(|(_, verdict)| verdict.vulnerabilities.len() >= LISTED)
    {
        return Ok(());
    }
    let is_unknown = |id: &&String| !found().any(|one| has_id(one, id));
    let Some(unknown) = ids.iter().find(is_unknown) else {
        return Ok(());
    };
    let failure = Failure::usage(format_args!(
        "no scan that counts finds {} there, or nothing asks for it to be waived",
        unknown.escape_debug()
    ));
    let there: BTreeSet<String> = found()
        .filter(|one| one.outcome == VulnerabilityOutcome::Denied)
        .map(|one| {
            let package = one.package.as_deref().unwrap_or("an unknown package");
            format!("{} in {package}", one.id)
        })
        .collect();
    let more = there.len().saturating_sub(TOLD);
    let failure = if there.is_empty() {
        failure.with_hint("attach a scan first: bulla attest IMAGE --vulns REPORT")
    } else {
        there.iter().take(TOLD).fold(failure, Failure::with_detail)
    };
    Err(match more {
        0 => failure,
        more => failure.with_detail(format_args!("and {more} more")),
    })
}

fn has_id(found: &FoundVulnerability, id: &str) -> bool {
    let mut ids = std::iter::once(&found.id).chain(&found.aliases);
    ids.any(|known| known.eq_ignore_ascii_case(id))
}

/// What the gate of each environment says now, of an index also of each of its platforms.
async fn gates(
    arguments: &Arguments,
    context: &Context,
    rules: &Arc<Rules>,
    image: &OpenImage,
    now: Timestamp,
) -> Result<Vec<(String, Verdict)>, Failure> {
    let mut verdicts = Vec::new();
    let (platforms, index) = (platforms(context, image).await?, &image.descriptor.digest);
    for name in &arguments.environments {
        for (platform, image) in std::iter::once((None, image)).chain(
            platforms
                .iter()
                .map(|(platform, image)| (Some(platform), image)),
        ) {
            let parts = (image, platform.map(|_| index));
            let collected = ledger::beside_part(context, rules, name, parts, now).await?;
            let edge = StepName {
                kind: arguments.kind.into(),
                to: name,
                from: arguments.from.as_deref(),
                tickets: None,
                together: None,
            };
            let limits = &context.limits;
            let (verdict, _) =
                verdict::step(rules, collected, &image.pinned, edge, None, now, limits).await?;
            let place = match platform {
                Some(platform) => format!("{name} {platform}"),
                None => name.clone(),
            };
            verdicts.push((place, verdict));
        }
    }
    Ok(verdicts)
}

/// The platforms of an index, each with its name: what is about the index is about them.
async fn platforms(
    context: &Context,
    image: &OpenImage,
) -> Result<Vec<(String, OpenImage)>, Failure> {
    let manifest = image.store.manifest(&image.descriptor.digest).await?;
    let entries = manifest.index().map_or(&[][..], |index| &index.manifests);
    let mut runnable = entries.iter().filter(|one| !one.is_buildkit_attestation());
    let mut platforms = Vec::new();
    for entry in runnable.by_ref().take(SHOWN) {
        let name = match &entry.platform {
            Some(platform) => platform.to_string(),
            None => shorten(&entry.digest),
        };
        let selector = Selector::Digest(entry.digest.clone());
        let descriptor = image.store.resolve(&selector).await?;
        platforms.push((name, image.part(descriptor)));
    }
    if runnable.next().is_some() {
        let line = format!("only the first {SHOWN} platforms are shown");
        context.printer.warn(line);
    }
    Ok(platforms)
}

fn gate(verdict: &Verdict) -> Option<&Check> {
    verdict.checks.iter().rev().find(|check| check.name == GATE)
}

/// Shows what would be overlooked, and asks.
fn confirm(
    arguments: &Arguments,
    context: &Context,
    before: &[(String, Verdict)],
    rules: &Rules,
    prepared: &Prepared,
    (now, not_after): (Timestamp, Timestamp),
) -> Result<(), Failure> {
    let mut page = Page::default();
    for (name, verdict) in before {
        let said = gate(verdict).map_or("not judged", |check| &check.summary);
        page.indented(1, format!("{name}   {GATE}: {said}"));
        for id in &arguments.findings {
            overlooked(&mut page, id, verdict);
        }
        other_words(&mut page, &arguments.findings, verdict);
    }
    page.indented(
        1,
        format!("to be used until {not_after}   {}", arguments.reason),
    );
    if arguments.signing.yes {
        context.printer.note(page);
    } else {
        context.printer.announce(page);
    }
    let who = match prepared.identity() {
        Some(identity) => person(context, rules, &identity, now),
        None => identity_token::announced(context, &arguments.signing.identity)?,
    };
    if arguments.signing.yes {
        return Ok(());
    }
    if !context.environment().terminals().input {
        return Err(
            Failure::usage("nobody is there to ask, so nothing was signed")
                .with_hint("say yes in advance: --yes"),
        );
    }
    let who = crate::escape::escape(&who);
    consent::ask(&format!("waive as {who}? [y/N] "))
}

/// A row for each package that has it.
fn overlooked(page: &mut Page, id: &str, verdict: &Verdict) {
    let is_it = |one: &&FoundVulnerability| has_id(one, id);
    let mut found = verdict.vulnerabilities.iter().filter(is_it).peekable();
    if found.peek().is_none() {
        let row = [
            Cell::attention("--"),
            id.into(),
            "denied by no scan that counts".into(),
        ];
        page.row(2, row);
    }
    for one in found {
        let severity = one
            .severity
            .map_or("of unknown severity", |one| one.as_str());
        let package = one.package.as_deref().unwrap_or_default();
        let fixed = if one.fixed_versions.is_empty() {
            "no fix is known".to_owned()
        } else {
            format!("fixed in {}", one.fixed_versions.join(" or "))
        };
        page.row(
            2,
            [
                Cell::attention("!!"),
                one.id.as_str().into(),
                severity.into(),
                package.into(),
                fixed.as_str().into(),
            ],
        );
    }
}

/// What other scans may mean the same by, and goes on standing: a waiver names what it overlooks, so that
/// no scan adds to it.
fn other_words(page: &mut Page, ids: &[String], verdict: &Verdict) {
    let is_named = |one: &FoundVulnerability| ids.iter().any(|id| has_id(one, id));
    let all = &verdict.vulnerabilities;
    let named: Vec<_> = all.iter().filter(|one| is_named(one)).collect();
    let shares = |one: &FoundVulnerability| {
        let mut own = std::iter::once(&one.id).chain(&one.aliases);
        own.any(|id| named.iter().any(|other| has_id(other, id)))
    };
    let stands = all
        .iter()
        .filter(|one| one.outcome == VulnerabilityOutcome::Denied && !is_named(one));
    for one in stands.filter(|one| shares(one)) {
        let package = one.package.as_deref().unwrap_or_default();
        page.row(
            2,
            [
                Cell::attention("--"),
                one.id.as_str().into(),
                "another scan's word for it, not waived".into(),
                package.into(),
                "to waive it too, name it with --finding".into(),
            ],
        );
    }
}

/// What the policy calls an identity; says so if it knows no person with it.
fn person(
    context: &Context,
    rules: &Rules,
    identity: &bulla_model::Identity,
    now: Timestamp,
) -> String {
    let time = SignedTime::Claimed(now);
    if let Actor::Person(person) = rules.policy.people().actor(identity, time, now) {
        return person.to_string();
    }
    context.printer.warn(format!(
        "the policy knows no person with {identity}: this will not count"
    ));
    identity.to_string()
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct WaiveReport {
    image: String,
    findings: Vec<String>,
    not_after: Timestamp,
    payload: Digest,
    manifest: Digest,
    gates: Vec<GateReport>,
}

#[derive(Serialize)]
struct GateReport {
    environment: String,
    passed: bool,
    said: String,
}

impl Report for WaiveReport {
    fn human(&self, page: &mut Page) {
        let findings = self.findings.join(", ");
        page.indented(
            1,
            format!(
                "waived  {findings} until {}  {}",
                self.not_after,
                shorten(&self.payload)
            ),
        );
        for gate in &self.gates {
            let passed = if gate.passed {
                Cell::good("ok")
            } else {
                Cell::attention("--")
            };
            page.row(
                2,
                [
                    passed,
                    gate.environment.as_str().into(),
                    gate.said.as_str().into(),
                ],
            );
        }
    }
}
