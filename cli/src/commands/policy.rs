//! `bulla policy`: is it a policy, what does it mean, and who says so?

mod sign;

use bulla_model::{Limits, Role};
use bulla_verify::policy::{EdgeRule, Freshness, ReviewRule};
use bulla_verify::{Owned, Policy, owned};
use jiff::Timestamp;
use serde::Serialize;

use crate::args::policy::{Action, Arguments};
use crate::commands::Context;
use crate::join::rules::{Rules, Source};
use crate::render::{Cell, Page, Report, shorten};
use crate::{Exit, Failure};

/// Checks or explains a policy.
pub async fn run(arguments: Arguments, context: &Context) -> Result<Exit, Failure> {
    let now = Timestamp::now();
    match arguments.action {
        Action::Check(arguments) => {
            let rules = Rules::load(context, &arguments.decide, now)?;
            context
                .printer
                .report(&CheckReport::of(&rules, now, &context.limits))?;
        }
        Action::Explain(arguments) => {
            let rules = Rules::load(context, &arguments.decide, now)?;
            context.printer.report(&Explanation::of(&rules.policy))?;
        }
        Action::Sign(arguments) => return sign::run(*arguments, context).await,
    }
    Ok(Exit::Success)
}

#[derive(Serialize)]
struct CheckReport {
    name: String,
    version: u64,
    services: usize,
    environments: usize,
    steps: usize,
    persons: usize,
    /// Which owners signed it; absent where no anchor names owners.
    #[serde(skip_serializing_if = "Option::is_none")]
    signatures: Option<Signatures>,
    warnings: Vec<String>,
    sources: Vec<Source>,
}

/// What the anchor's owners signed of the files at hand.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Signatures {
    by: usize,
    threshold: usize,
    required: bool,
    /// Whether it counts where it is required.
    enough: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    not_after: Option<Timestamp>,
    /// Why others do not count.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    refused: Vec<String>,
}

impl Signatures {
    fn of(rules: &Rules, now: Timestamp, limits: &Limits) -> Option<Self> {
        let anchor = rules.anchor.as_ref()?;
        let environments = rules.policy.environments();
        let mut each =
            environments.map(|(_, rule)| owned(&rules.policy, anchor, &rule.uri, now, limits));
        // The one that fewest signed: each has to be.
        let first = each.next()?;
        let count = |owned: &Owned| owned.best().map_or(0, |best| best.by.len());
        let owned = each.fold(first, |least, next| {
            if count(&next) < count(&least) {
                next
            } else {
                least
            }
        });
        let best = owned.best();
        Some(Self {
            by: best.map_or(0, |best| best.by.len()),
            threshold: anchor.threshold(),
            required: anchor.must_sign(),
            enough: owned.is_enough(anchor.threshold()),
            not_after: best.map(|best| best.said.not_after),
            refused: owned.reasons().map(str::to_owned).collect(),
        })
    }

    fn line(&self) -> String {
        let until = self.not_after;
        let until = until.map_or_else(String::new, |until| format!(", good until {until}"));
        let (by, threshold) = (self.by, self.threshold);
        format!("signed by {by} owners, {threshold} needed{until}")
    }
}

impl CheckReport {
    fn of(rules: &Rules, now: Timestamp, limits: &Limits) -> Self {
        let policy = &rules.policy;
        Self {
            name: policy.name().to_owned(),
            version: policy.version(),
            services: policy.services().count(),
            environments: policy.environments().count(),
            steps: policy.edges().len(),
            persons: policy.people().len(),
            signatures: Signatures::of(rules, now, limits),
            warnings: warnings(policy),
            sources: rules.sources.clone(),
        }
    }
}

/// What is allowed but hardly meant.
fn warnings(policy: &Policy) -> Vec<String> {
    let mut out = Vec::new();
    for edge in policy.edges() {
        if let Some(rule) = &edge.require.approvals {
            let able = policy.people().holders(&rule.roles).len();
            if able < rule.threshold {
                out.push(format!(
                    "{}: {} approvals are needed and {able} persons may give one",
                    rule.place, rule.threshold
                ));
            }
        }
        if edge.require.provenance.is_none() {
            out.push(format!("{}: the step needs no provenance", edge.place));
        }
    }
    if policy.services().count() == 0 {
        out.push("no service is described, so nothing can be allowed".to_owned());
    }
    out
}

impl Report for CheckReport {
    fn human(&self, page: &mut Page) {
        page.labelled(
            &Cell::good("ok"),
            &format!(
                "{} v{}: {} environments, {} steps, {} services, {} persons",
                self.name, self.version, self.environments, self.steps, self.services, self.persons
            ),
        );
        for source in &self.sources {
            page.row(
                1,
                [
                    source.what.into(),
                    source.path.as_str().into(),
                    shorten(&source.digest).into(),
                ],
            );
        }
        if let Some(signatures) = &self.signatures
            && (signatures.required || signatures.by > 0)
        {
            page.indented(1, signatures.line());
            for reason in &signatures.refused {
                page.indented(2, reason.as_str());
            }
            if signatures.required && !signatures.enough {
                let warning = "the anchor demands signatures, so this policy allows nothing";
                page.labelled(&Cell::attention("warning:"), warning);
            }
        }
        for warning in &self.warnings {
            page.labelled(&Cell::attention("warning:"), warning);
        }
    }
}

#[derive(Serialize)]
struct Explanation {
    name: String,
    version: u64,
    lines: Vec<String>,
}

impl Explanation {
    fn of(policy: &Policy) -> Self {
        let mut lines = Vec::new();
        for (name, rule) in policy.environments() {
            let audience = if rule.audience.is_empty() {
                "any cluster".to_owned()
            } else {
                rule.audience.join(", ")
            };
            let freshness = match rule.freshness {
                Freshness::None => "revocations are not proven absent".to_owned(),
                Freshness::Within { promote, admit } => {
                    format!("a checkpoint at most {promote:#} old to promote, {admit:#} to admit")
                }
            };
            lines.push(format!(
                "environment {name}: {}, {audience}, {freshness}",
                rule.uri
            ));
        }
        lines.push(match policy.revocations() {
            None => "revocations: nobody may revoke".to_owned(),
            Some(rule) => format!(
                "revocations: by {}; lifted by {} of {}",
                rule.by.join(" or "),
                rule.lift_threshold,
                rule.lift_by.join(" or ")
            ),
        });
        for (tier, rule) in policy.tiers() {
            let word = |yes: bool| if yes { "count" } else { "do not count" };
            lines.push(format!(
                "tier {tier}: times that only a signer claims {}, relayed approvals {}, v0 predicates {}",
                word(rule.claimed_time), word(rule.relayed_approvals), word(rule.draft_predicates)
            ));
        }
        for (service, rule) in policy.services() {
            let sources: Vec<_> = rule.sources.iter().map(ToString::to_string).collect();
            lines.push(format!(
                "service {service}: tier {}, built from {}",
                rule.tier,
                sources.join(" or ")
            ));
            for (to, require) in &rule.tighten {
                let also = require.describe().into_iter();
                lines.extend(also.map(|line| format!("  into {} also {line}", to.name())));
            }
        }
        for edge in policy.edges() {
            lines.push(format!(
                "step {} ({}): {}, signed by {}",
                name_of(edge),
                edge.kind,
                tiers(edge),
                edge.by.join(" or ")
            ));
            let takes = edge.require.describe().into_iter();
            lines.extend(takes.map(|line| format!("  {line}")));
            lines.extend(edge.review.as_ref().map(review));
        }
        Self {
            name: policy.name().to_owned(),
            version: policy.version(),
            lines,
        }
    }
}

fn name_of(edge: &EdgeRule) -> String {
    format!(
        "{} -> {}",
        edge.from.as_ref().map_or("build", |from| from.name()),
        edge.to.name()
    )
}

fn tiers(edge: &EdgeRule) -> String {
    if edge.tiers.is_empty() {
        return "every tier".to_owned();
    }
    let names: Vec<_> = edge.tiers.iter().map(ToString::to_string).collect();
    format!("tier {}", names.join(" or "))
}

fn review(rule: &ReviewRule) -> String {
    let roles: Vec<_> = rule.roles.iter().map(Role::as_str).collect();
    let who = if roles.is_empty() {
        "anybody the policy knows".to_owned()
    } else {
        roles.join(" or ")
    };
    let overdue = if rule.overdue_denies {
        "after that it denies"
    } else {
        "after that it warns"
    };
    format!(
        "  a review within {:#} by {who}, not by whoever promoted or approved; {overdue}",
        rule.within
    )
}

impl Report for Explanation {
    fn human(&self, page: &mut Page) {
        page.line(Cell::strong(format!("{} v{}", self.name, self.version)));
        for line in &self.lines {
            page.indented(1, line.as_str());
        }
    }
}
