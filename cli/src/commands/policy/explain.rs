//! `bulla policy explain`: every rule in plain words.

use bulla_model::Role;
use bulla_verify::Policy;
use bulla_verify::policy::{EdgeRule, Freshness, ReviewRule, TightenRule};
use serde::Serialize;

use crate::render::{Cell, Page, Report};

/// Every rule, in lines.
#[derive(Serialize)]
pub(super) struct Explanation {
    name: String,
    version: u64,
    lines: Vec<String>,
}

impl Explanation {
    pub(super) fn of(policy: &Policy) -> Self {
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
        lines.push(match policy.freezes() {
            None => "freezes: nobody may freeze".to_owned(),
            Some(rule) => format!("freezes: calendars by {}", rule.by.join(" or ")),
        });
        for rule in policy.builders() {
            let by = rule.by.join(" or ");
            let (id, level) = (&rule.id, rule.level);
            lines.push(format!(
                "builder {id}, signed by {by}: SLSA build level {level}"
            ));
        }
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
            lines.extend(rule.tighten.iter().flat_map(added));
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
        if !policy.tighten().is_empty() {
            lines.push("every step".to_owned());
            lines.extend(policy.tighten().iter().flat_map(added));
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

/// What is required besides, with the steps it is for and when it is asked.
fn added(rule: &TightenRule) -> Vec<String> {
    let mut to = rule.to.name().to_owned();
    if !rule.kinds.is_empty() {
        let kinds: Vec<_> = rule.kinds.iter().map(ToString::to_string).collect();
        to = format!("{to} ({})", kinds.join(" or "));
    }
    if !rule.tiers.is_empty() {
        let tiers: Vec<_> = rule.tiers.iter().map(ToString::to_string).collect();
        to = format!("{to} for tier {}", tiers.join(" or "));
    }
    let when = rule
        .when()
        .map_or_else(String::new, |when| format!(", {when}:"));
    let lines = rule.require.describe().into_iter();
    lines
        .map(|line| format!("  into {to} also{when} {line}"))
        .collect()
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
