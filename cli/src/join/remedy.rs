//! What would let an image into an environment: the shortest way there from where it is, as commands.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

use bulla_model::{EdgeKind, Environment, Limits, Tier};
use bulla_verify::policy::{EdgeRule, Policy};
use bulla_verify::{Decision, Evidence, Severity, Verdict};
use jiff::Timestamp;

use super::rules::Rules;
use super::verdict::{self, StepName};
use crate::Failure;

/// What is asked about.
#[derive(Clone, Copy)]
#[expect(
    missing_debug_implementations,
    reason = "the rules hold a policy whole"
)]
pub struct Refused<'a> {
    /// Policy, anchor, trust and state.
    pub rules: &'a Arc<Rules>,
    /// What there is about the image.
    pub evidence: &'a Arc<Evidence>,
    /// The image, as it is to be typed.
    pub image: &'a str,
    /// The environment it may not be in, as the policy names it.
    pub environment: &'a str,
    /// The time to judge at.
    pub now: Timestamp,
    /// Bounds.
    pub limits: &'a Limits,
}

impl Refused<'_> {
    /// The commands, first one first: for the next step whatever is missing now, for those after it
    /// what the policy asks of persons. Nothing for what is allowed.
    pub async fn commands(&self, judged: &Verdict) -> Result<Vec<String>, Failure> {
        let mut commands = Vec::new();
        if judged.decision == Decision::Allow {
            return Ok(commands);
        }
        let policy = &self.rules.policy;
        let target = policy.environment(self.environment);
        let (Some(tier), Some((_, target))) = (&judged.tier, target) else {
            add_hints(&mut commands, judged);
            return Ok(commands);
        };
        let held = self.held().await?;
        let Some(way) = shortest(policy, tier, &held, &target.uri) else {
            add_hints(&mut commands, judged);
            return Ok(commands);
        };
        for (at, edge) in way.iter().enumerate() {
            let name = |uri: &Environment| name_of(policy, uri).to_owned();
            let to = name(&edge.to);
            let from = edge.from.as_ref().map(name);
            if at == 0 {
                let step = StepName {
                    kind: EdgeKind::Promote,
                    to: &to,
                    from: from.as_deref(),
                };
                let evidence = Arc::clone(self.evidence);
                let asked = verdict::step(
                    self.rules,
                    evidence,
                    self.image,
                    step,
                    None,
                    self.now,
                    self.limits,
                );
                let (judged, _) = asked.await?;
                add_hints(&mut commands, &judged);
            } else if let Some(rule) = &edge.require.approvals {
                let roles: Vec<_> = rule.roles.iter().map(ToString::to_string).collect();
                let roles = if roles.is_empty() {
                    "any".to_owned()
                } else {
                    roles.join(" or ")
                };
                add(
                    &mut commands,
                    format!(
                        "bulla approve {} --to {to}   ({} of {roles})",
                        self.image, rule.threshold
                    ),
                );
            }
            add(
                &mut commands,
                format!("bulla promote {} --to {to}", self.image),
            );
        }
        Ok(commands)
    }

    /// The environments that the image may be in now. Of those that this verifier does not speak for
    /// nothing is known; the step from there says what is missing.
    async fn held(&self) -> Result<BTreeSet<Environment>, Failure> {
        let mut held = BTreeSet::new();
        for (name, rule) in self.rules.policy.environments() {
            if name == self.environment {
                continue;
            }
            let evidence = Arc::clone(self.evidence);
            let asked = verdict::environment(
                self.rules,
                evidence,
                self.image,
                name,
                self.now,
                self.limits,
            );
            match asked.await {
                Ok(judged) if judged.decision != Decision::Allow => {}
                Ok(_) => {
                    held.insert(rule.uri.clone());
                }
                Err(failure) if failure.kind() == crate::failure::FailureKind::Usage => {
                    held.insert(rule.uri.clone());
                }
                Err(failure) => return Err(failure),
            }
        }
        Ok(held)
    }
}

/// The fewest ordinary steps into an environment from one of those, or from the build.
fn shortest<'p>(
    policy: &'p Policy,
    tier: &Tier,
    held: &BTreeSet<Environment>,
    target: &Environment,
) -> Option<Vec<&'p EdgeRule>> {
    let mut seen = BTreeSet::from([target]);
    let mut waiting: VecDeque<(&Environment, Vec<&'p EdgeRule>)> =
        VecDeque::from([(target, Vec::new())]);
    while let Some((into, way)) = waiting.pop_front() {
        let steps = policy.edges().iter().filter(|edge| {
            edge.to == *into
                && edge.kind == EdgeKind::Promote
                && (edge.tiers.is_empty() || edge.tiers.contains(tier))
        });
        for edge in steps {
            let mut longer = vec![edge];
            longer.extend(&way);
            match &edge.from {
                None => return Some(longer),
                Some(from) if held.contains(from) => return Some(longer),
                Some(from) if seen.insert(from) => waiting.push_back((from, longer)),
                Some(_) => {}
            }
        }
    }
    None
}

fn name_of<'p>(policy: &'p Policy, uri: &'p Environment) -> &'p str {
    let mut named = policy.environments();
    let found = named.find(|(_, rule)| rule.uri == *uri);
    found.map_or_else(|| uri.name(), |(name, _)| name)
}

/// What the errors of a verdict say can be done.
fn add_hints(commands: &mut Vec<String>, verdict: &Verdict) {
    let errors = verdict.findings.iter();
    let errors = errors.filter(|finding| finding.severity == Severity::Error);
    for hint in errors.filter_map(|finding| finding.hint.clone()) {
        add(commands, hint);
    }
}

fn add(commands: &mut Vec<String>, command: String) {
    if !command.is_empty() && !commands.contains(&command) {
        commands.push(command);
    }
}
