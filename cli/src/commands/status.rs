//! `bulla status`: what is where, and what it waits for.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bulla_model::{Digest, Identity, Person, Service, Tier};
use bulla_verify::policy::ServiceRule;
use bulla_verify::{Code, Decision, Outcome, Verdict};
use futures_util::{StreamExt as _, stream};
use jiff::Timestamp;
use serde::Serialize;

use crate::args::status::Arguments;
use crate::commands::Context;
use crate::join::estate::{self, Estate, Next, Release, Standing};
use crate::join::rules::{Rules, Source};
use crate::render::{Cell, Page, Report, count, shorten, sources};
use crate::{Exit, Failure};

/// Looks at the services, several at a time. Ends with "could not find out" if of one of them not
/// everything is known.
pub async fn run(arguments: Arguments, context: &Context) -> Result<Exit, Failure> {
    let now = arguments.at.unwrap_or_else(Timestamp::now);
    let rules = Arc::new(Rules::load(context, &arguments.decide, now)?);
    let wanted = wanted(&arguments, &rules)?;
    let mine = arguments.mine.as_ref().map(|name| person(name, &rules));
    let mine = mine.transpose()?;
    let estate = Estate {
        context,
        rules: &rules,
        now,
    };
    let mut services: Vec<ServiceReport> = {
        let _progress = context.printer.progress("looking");
        stream::iter(wanted)
            .map(|(service, rule)| async move {
                let standing = estate.standing(service, rule).await;
                ServiceReport::new(service, rule, standing)
            })
            .buffered(AT_ONCE)
            .collect()
            .await
    };
    if let Some(person) = &mine {
        for service in &mut services {
            service.next.retain(|next| next.waits_for.contains(person));
        }
        services.retain(|service| !service.next.is_empty() || !service.problems.is_empty());
    }
    let environments = estate::in_order(&rules.policy);
    let report = StatusReport {
        sources: rules.sources.clone(),
        environments,
        is_filtered: mine.is_some(),
        services,
    };
    context.printer.report(&report)?;
    let unknown = report.services.iter().any(|it| !it.problems.is_empty());
    Ok(if unknown {
        Exit::Undetermined
    } else {
        Exit::Success
    })
}

/// Of what may not be where it was promoted to, what people are shown of each service.
const FALLEN: usize = 3;
/// Of what could not be found out, what people are shown of each service.
const PROBLEMS: usize = 5;
/// Services looked at side by side: what is slow about a registry is the way to it.
const AT_ONCE: usize = 8;

fn wanted<'r>(
    arguments: &Arguments,
    rules: &'r Rules,
) -> Result<Vec<(&'r Service, &'r ServiceRule)>, Failure> {
    let known = || rules.policy.services();
    if arguments.services.is_empty() {
        return Ok(known().collect());
    }
    let find = |name: &String| {
        let found = known().find(|(service, _)| service.as_str() == name);
        found.ok_or_else(|| {
            let names: Vec<_> = known().map(|(service, _)| service.to_string()).collect();
            Failure::usage(format_args!(
                "the policy has no service `{}`",
                name.escape_debug()
            ))
            .with_hint(format_args!("one of {}", names.join(", ")))
        })
    };
    arguments.services.iter().map(find).collect()
}

/// A person of the policy, by name or address.
fn person(name: &str, rules: &Rules) -> Result<Person, Failure> {
    let people = rules.policy.people();
    let everybody = people.holders(&[]);
    let mut persons = everybody.iter();
    let found = persons.find(|person| person.as_str() == name).copied();
    let found = found.or_else(|| people.by_email(name)).cloned();
    found.ok_or_else(|| {
        let names: Vec<_> = everybody.iter().map(ToString::to_string).collect();
        Failure::usage(format_args!(
            "people.yaml has nobody called `{}`",
            name.escape_debug()
        ))
        .with_hint(format_args!("one of {}", names.join(", ")))
    })
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct StatusReport {
    sources: Vec<Source>,
    /// In the order in which releases pass them.
    environments: Vec<String>,
    #[serde(skip)]
    is_filtered: bool,
    services: Vec<ServiceReport>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ServiceReport {
    service: Service,
    tier: Tier,
    held: BTreeMap<String, HeldReport>,
    /// Environments about which not everything could be looked at, `held` or not.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    unknown: BTreeSet<String>,
    /// What was promoted by somebody who may, and may not be there any more.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    fallen: Vec<FallenReport>,
    next: Vec<NextReport>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    problems: Vec<String>,
}

#[derive(Serialize)]
struct FallenReport {
    environment: String,
    image: String,
    code: Code,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct HeldReport {
    image: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<String>,
    /// Why it may not stay, if it may not.
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<Code>,
    since: Timestamp,
    promotion: Digest,
    /// All that is there by it.
    subjects: Vec<Digest>,
    by: Identity,
    approved_by: Vec<Person>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct NextReport {
    from: String,
    to: String,
    image: String,
    /// Nothing where others of its set were not found, so that nobody could judge the step.
    #[serde(skip_serializing_if = "Option::is_none")]
    decision: Option<Decision>,
    /// What fails, or may not be known.
    missing: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    waits_for: Vec<Person>,
    /// The command that does it, or helps it along.
    #[serde(skip_serializing_if = "Option::is_none")]
    command: Option<String>,
}

impl ServiceReport {
    fn new(service: &Service, rule: &ServiceRule, standing: Standing) -> Self {
        let (held, fallen) = (standing.held.into_iter(), standing.fallen.into_iter());
        Self {
            service: service.clone(),
            tier: rule.tier.clone(),
            held: held.map(|(name, it)| (name, HeldReport::new(it))).collect(),
            fallen: fallen
                .map(|it| FallenReport {
                    environment: it.environment,
                    image: it.image,
                    code: it.code,
                })
                .collect(),
            next: standing.next.into_iter().map(NextReport::new).collect(),
            unknown: standing.unknown,
            problems: [standing.problems, standing.beyond].concat(),
        }
    }

    /// What people are shown of an environment.
    fn cell(&self, name: &str) -> Cell {
        match (self.held.get(name), self.unknown.contains(name)) {
            (Some(held), doubtful) => held.cell(doubtful),
            (None, true) => Cell::attention("?"),
            (None, false) => Cell::faint("-"),
        }
    }

    /// Whether there is something to say below the table.
    fn has_more(&self) -> bool {
        let mut next = self.next.iter();
        !self.fallen.is_empty()
            || !self.problems.is_empty()
            || next.any(|next| next.command.is_some())
    }
}

impl HeldReport {
    fn new(release: Release) -> Self {
        let Release { image, step, code } = release;
        Self {
            image,
            code,
            version: step.version,
            since: step.at,
            promotion: step.promotion,
            subjects: step.subjects,
            by: step.by,
            approved_by: step.approved_by,
        }
    }

    fn cell(&self, doubtful: bool) -> Cell {
        let mark = if doubtful { " ?" } else { "" };
        let name = self.name();
        match self.code {
            None if doubtful => Cell::attention(format!("{name}{mark}")),
            None => name.into(),
            Some(code) => Cell::bad(format!("{name} ({code}){mark}")),
        }
    }

    /// The release's version, else the beginning of its digest.
    fn name(&self) -> String {
        let digest = self.image.rsplit_once('@').map_or("", |(_, digest)| digest);
        let short = digest
            .parse()
            .map_or_else(|_| self.image.clone(), |it: Digest| shorten(&it));
        let name = self.version.clone().unwrap_or(short);
        match self.subjects.len() {
            0 | 1 => name,
            several => format!("{name} +{}", several.saturating_sub(1)),
        }
    }
}

impl NextReport {
    fn new(next: Next) -> Self {
        let Next {
            from,
            to,
            image,
            members: _,
            verdict,
            unknown,
            command,
        } = next;
        let Some(verdict) = verdict else {
            return Self {
                decision: None,
                missing: vec![format!("{} not found", count(unknown, "other"))],
                waits_for: Vec::new(),
                command: Some(format!("with those it came with: {command}")),
                from,
                to,
                image,
            };
        };
        let command = match verdict.decision {
            Decision::Allow => Some(command),
            _ => verdict.leading().and_then(|finding| finding.hint.clone()),
        };
        let waiting = verdict.findings.iter();
        let mut waits_for: Vec<Person> = waiting.flat_map(|it| it.waits_for.clone()).collect();
        waits_for.sort();
        waits_for.dedup();
        Self {
            decision: Some(verdict.decision),
            missing: missing(&verdict),
            waits_for,
            command,
            from,
            to,
            image,
        }
    }

    fn says(&self) -> String {
        if self.decision == Some(Decision::Allow) {
            return format!("{}: may go", self.to);
        }
        let persons: Vec<_> = self.waits_for.iter().map(ToString::to_string).collect();
        let persons = if persons.is_empty() {
            String::new()
        } else {
            format!(" ({})", persons.join(", "))
        };
        format!("{}: {}{persons}", self.to, self.missing.join("; "))
    }
}

fn missing(verdict: &Verdict) -> Vec<String> {
    let failed = verdict
        .checks
        .iter()
        .filter(|check| check.outcome != Outcome::Ok);
    let mut missing: Vec<String> = failed
        .map(|check| format!("{} {}", check.name, check.summary))
        .collect();
    missing.dedup();
    missing
}

impl Report for StatusReport {
    fn human(&self, page: &mut Page) {
        sources(page, &self.sources);
        let mut titles = vec![Cell::faint("service")];
        titles.extend(self.environments.iter().map(Cell::faint));
        titles.push(Cell::faint("next"));
        if self.services.is_empty() {
            let text = if self.is_filtered {
                "nothing waits for you"
            } else {
                "the policy has no services"
            };
            page.line(text);
            return;
        }
        page.gap();
        page.cells(1, titles);
        for service in &self.services {
            let mut cells = vec![Cell::strong(service.service.as_str())];
            cells.extend(self.environments.iter().map(|name| service.cell(name)));
            let mut next = service.next.iter();
            let cell = |next: &NextReport| {
                if next.decision == Some(Decision::Allow) {
                    Cell::good(next.says())
                } else {
                    Cell::attention(next.says())
                }
            };
            cells.push(next.next().map_or_else(|| Cell::from(""), cell));
            page.cells(1, cells);
            for more in next {
                let mut cells = vec![Cell::from(""); self.environments.len() + 1];
                cells.push(cell(more));
                page.cells(1, cells);
            }
        }
        if self.services.iter().any(ServiceReport::has_more) {
            page.gap();
        }
        for service in &self.services {
            for fallen in service.fallen.iter().take(FALLEN) {
                let text = format!(
                    "{} in {}: {} [{}]",
                    service.service, fallen.environment, fallen.image, fallen.code
                );
                page.labelled(&Cell::attention("not allowed:"), &text);
            }
            let more = service.problems.len().saturating_sub(PROBLEMS);
            let more = (more > 0).then(|| format!("and {more} more"));
            let problems = service.problems.iter().take(PROBLEMS);
            for problem in problems.chain(&more) {
                let text = format!("{}: {problem}", service.service);
                page.labelled(&Cell::attention("not known:"), &text);
            }
        }
        let mut commands = self.services.iter().flat_map(|service| &service.next);
        if let Some(command) = commands.find_map(|next| next.command.as_ref()) {
            page.labelled(&Cell::strong("hint:"), command);
        }
    }
}
