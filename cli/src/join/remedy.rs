//! What would let an image into an environment: the shortest way there from where it is, as commands.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use bulla_model::{Digest, EdgeKind, Environment, SubjectSet, Tier};
use bulla_registry::{Store as _, Target as Selector};
use bulla_verify::policy::{EdgeRule, Policy};
use bulla_verify::{Code, Decision, Evidence, Finding, Severity, Verdict};
use jiff::Timestamp;
use serde::Serialize;

use super::image::OpenImage;
use super::ledger;
use super::rules::Rules;
use super::verdict::{self, StepName, Together};
use crate::Failure;
use crate::commands::Context;
use crate::failure::FailureKind;

/// Something that has to be done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Remedy {
    /// The command, as it can be typed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
    /// By whom, or what to do where no command does it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// Environments, and the subjects of the promotion into each.
type Held = BTreeMap<Environment, Vec<Digest>>;

/// What is asked about.
#[derive(Clone, Copy)]
#[expect(
    missing_debug_implementations,
    reason = "the rules hold a policy whole"
)]
pub struct Refused<'a> {
    /// Settings and limits.
    pub context: &'a Context,
    /// Policy, anchor, trust and state.
    pub rules: &'a Arc<Rules>,
    /// The image.
    pub image: &'a OpenImage,
    /// What is beside it.
    pub evidence: &'a Arc<Evidence>,
    /// The environment it may not be in, as the policy names it.
    pub environment: &'a str,
    /// The time to judge at.
    pub now: Timestamp,
}

impl Refused<'_> {
    /// What it takes, first things first: for the next step whatever is missing now, for those after it
    /// the approvals. Nothing for what is allowed.
    pub async fn remedies(&self, judged: &Verdict) -> Vec<Remedy> {
        if judged.decision == Decision::Allow {
            return Vec::new();
        }
        // That another environment could not be asked about takes nothing from this answer.
        match self.way(judged).await {
            Ok(Some(remedies)) => remedies,
            Ok(None) | Err(_) => of_errors(judged),
        }
    }

    async fn told_of(&self, environment: &str) -> Result<Arc<Evidence>, Failure> {
        let (context, rules) = (self.context, self.rules);
        ledger::told_of(
            context,
            rules,
            (environment, self.now),
            self.image,
            self.evidence,
        )
        .await
    }

    async fn way(&self, judged: &Verdict) -> Result<Option<Vec<Remedy>>, Failure> {
        // What was taken back is not promoted once more.
        if errors(judged).any(is_revocation) {
            return Ok(None);
        }
        let policy = &self.rules.policy;
        let target = policy.environment(self.environment);
        let (Some(tier), Some((_, target))) = (&judged.tier, target) else {
            return Ok(None);
        };
        let held = self.held().await?;
        let Some(way) = shortest(policy, tier, &held, &target.uri) else {
            return Ok(None);
        };
        let mut remedies = Vec::new();
        let set = self.together(&held, way.first().copied());
        let Some(names) = self.written(&set).await else {
            return Ok(Some(elsewhere(&set)));
        };
        for (at, edge) in way.into_iter().enumerate() {
            let step = StepWords::of(policy, edge);
            let besides = policy.tighten().iter();
            let besides = besides.filter(|rule| rule.is_about(&edge.to, edge.kind, tier));
            let mut required = besides.map(|rule| &rule.require).chain([&edge.require]);
            let mut asks_ticket = required.any(|require| require.tickets.is_some());
            if at == 0 {
                let name = StepName {
                    kind: EdgeKind::Promote,
                    to: &step.to,
                    from: step.from.as_deref(),
                    tickets: None,
                    together: (set.len() > 1).then_some(Together {
                        set: &set,
                        names: &names,
                    }),
                };
                let asked = verdict::step(
                    self.rules,
                    self.told_of(&step.to).await?,
                    &self.image.pinned,
                    name,
                    None,
                    self.now,
                    &self.context.limits,
                );
                let (judged, _) = asked.await?;
                asks_ticket |= errors(&judged).any(|it| it.code == Code::TicketMissing);
                for remedy in of_step(&judged, &step.command("approve", &names)) {
                    add(&mut remedies, remedy);
                }
            } else if let Some(rule) = &edge.require.approvals {
                let roles: Vec<_> = rule.roles.iter().map(ToString::to_string).collect();
                let who = if roles.is_empty() {
                    "persons".to_owned()
                } else {
                    roles.join(" or ")
                };
                remedies.push(Remedy {
                    command: Some(step.command("approve", &names)),
                    note: Some(format!("by {} of {who}", rule.threshold)),
                });
            }
            let mut promote = step.command("promote", &names);
            if asks_ticket {
                promote.push_str(" --ticket TICKET");
            }
            remedies.push(Remedy {
                command: Some(promote),
                note: None,
            });
        }
        Ok(Some(remedies))
    }

    /// What goes on together from where the image is: all that was promoted there with it.
    fn together(&self, held: &Held, first: Option<&EdgeRule>) -> SubjectSet {
        let from = first.and_then(|edge| edge.from.as_ref());
        let own = &self.image.descriptor.digest;
        let there = from.and_then(|from| held.get(from));
        let there = there.filter(|subjects| subjects.contains(own));
        let subjects = there.map_or(std::slice::from_ref(own), Vec::as_slice);
        subjects.iter().cloned().collect()
    }

    /// What to type to mean all of them; nothing if some are not in this image's repository.
    async fn written(&self, set: &SubjectSet) -> Option<String> {
        if set.len() == 1 {
            return Some(self.image.pinned.clone());
        }
        let mut names = Vec::new();
        for digest in set.iter() {
            let wanted = Selector::Digest(digest.clone());
            self.image.store.resolve(&wanted).await.ok()?;
            names.push(format!("{}@{digest}", self.image.place()));
        }
        Some(names.join(" "))
    }

    /// The environments that the image may be in now, with what came there by the same promotion. Of
    /// those that this verifier does not speak for nothing is known; the step from there says what
    /// is missing.
    async fn held(&self) -> Result<Held, Failure> {
        let mut held = Held::new();
        for (name, rule) in self.rules.policy.environments() {
            if name == self.environment {
                continue;
            }
            let asked = verdict::environment(
                self.rules,
                self.told_of(name).await?,
                &self.image.pinned,
                name,
                self.now,
                &self.context.limits,
            );
            match asked.await {
                Ok(judged) if judged.decision != Decision::Allow => {}
                Ok(judged) => {
                    let step = judged.steps.last();
                    let subjects = step.map(|step| step.subjects.clone());
                    held.insert(rule.uri.clone(), subjects.unwrap_or_default());
                }
                Err(failure) if failure.kind() == FailureKind::Usage => {
                    held.insert(rule.uri.clone(), Vec::new());
                }
                Err(failure) => return Err(failure),
            }
        }
        Ok(held)
    }
}

/// What to do where nobody knows where all of a set is.
fn elsewhere(set: &SubjectSet) -> Vec<Remedy> {
    let digests: Vec<_> = set.iter().map(ToString::to_string).collect();
    vec![Remedy {
        command: None,
        note: Some(format!(
            "it goes on only with those it came with: name all of {}, each with its repository",
            digests.join(", ")
        )),
    }]
}

/// The fewest ordinary steps into an environment from one of those, or from the build.
fn shortest<'p>(
    policy: &'p Policy,
    tier: &Tier,
    held: &Held,
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
                Some(from) if held.contains_key(from) => return Some(longer),
                Some(from) if seen.insert(from) => waiting.push_back((from, longer)),
                Some(_) => {}
            }
        }
    }
    None
}

/// A step as it is typed.
pub(super) struct StepWords {
    from: Option<String>,
    to: String,
    /// Whether `to` alone says which step is meant.
    is_only: bool,
}

impl StepWords {
    pub(super) fn of(policy: &Policy, edge: &EdgeRule) -> Self {
        let name = |uri| policy.typed(uri).to_owned();
        let same = |other: &&EdgeRule| other.to == edge.to && other.kind == edge.kind;
        Self {
            from: edge.from.as_ref().map(name),
            to: name(&edge.to),
            is_only: policy.edges().iter().filter(same).count() == 1,
        }
    }

    pub(super) fn command(&self, verb: &str, image: &str) -> String {
        let from = self.from.as_ref().filter(|_| !self.is_only);
        let from = from.map_or_else(String::new, |from| format!(" --from {from}"));
        format!("bulla {verb} {image} --to {}{from}", self.to)
    }
}

/// What the errors about a step say can be done.
fn of_step(verdict: &Verdict, approve: &str) -> Vec<Remedy> {
    let mut remedies = Vec::new();
    // The command to promote says it.
    let findings = errors(verdict).filter(|finding| finding.code != Code::TicketMissing);
    for finding in findings {
        if finding.waits_for.is_empty() {
            remedies.extend(of_hint(finding));
            continue;
        }
        let persons: Vec<_> = finding.waits_for.iter().map(ToString::to_string).collect();
        remedies.push(Remedy {
            command: Some(approve.to_owned()),
            note: Some(format!("{}; by {}", finding.message, persons.join(" or "))),
        });
    }
    remedies
}

fn of_errors(verdict: &Verdict) -> Vec<Remedy> {
    let mut remedies = Vec::new();
    // As long as it is taken back, nothing else helps.
    let is_taken = errors(verdict).any(is_revocation);
    let errors = errors(verdict).filter(|it| !is_taken || is_revocation(it));
    for remedy in errors.filter_map(of_hint) {
        add(&mut remedies, remedy);
    }
    remedies
}

/// Whether the artifact itself was taken back, and not a statement about it.
fn is_revocation(finding: &Finding) -> bool {
    finding.code == Code::Revoked && finding.check == "revocations"
}

fn errors(verdict: &Verdict) -> impl Iterator<Item = &Finding> {
    let findings = verdict.findings.iter();
    findings.filter(|finding| finding.severity == Severity::Error)
}

fn of_hint(finding: &Finding) -> Option<Remedy> {
    let hint = finding.hint.clone().filter(|hint| !hint.is_empty())?;
    Some(if hint.starts_with("bulla ") {
        Remedy {
            command: Some(hint),
            note: None,
        }
    } else {
        Remedy {
            command: None,
            note: Some(hint),
        }
    })
}

fn add(remedies: &mut Vec<Remedy>, remedy: Remedy) {
    if !remedies.contains(&remedy) {
        remedies.push(remedy);
    }
}
