//! Where the releases of a service are: for each environment the one that is there, and for each step
//! what it still takes.
//!
//! Looked for among the images that tags of the service's repository name, each of which is fetched
//! once and judged for every environment that a promotion about it names.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bulla_model::{Descriptor, EdgeKind, Environment, Service, SubjectSet};
use bulla_verify::policy::{EdgeRule, Policy, ServiceRule};
use bulla_verify::{Cause, Code, Decision, Evidence, Pattern, Step, Verdict};
use futures_util::{StreamExt as _, stream};
use jiff::Timestamp;

use super::follow::{self, Followed};
use super::image::{self, OpenImage};
use super::remedy::StepWords;
use super::rules::Rules;
use super::slot::{self, AT_ONCE, Holder};
use super::verdict::{self, StepName, Together};
use super::{evidence, ledger, lists, platforms};
use crate::Failure;
use crate::commands::Context;
use crate::failure::FailureKind;
use crate::target::Target;

/// What is asked.
#[derive(Clone, Copy)]
#[expect(
    missing_debug_implementations,
    reason = "the rules hold a policy whole"
)]
pub struct Estate<'a> {
    /// Settings and limits.
    pub context: &'a Context,
    /// Policy, anchor, trust and state.
    pub rules: &'a Arc<Rules>,
    /// The time to judge at.
    pub now: Timestamp,
}

/// A service, and where its releases are.
#[derive(Clone, Debug)]
pub struct Standing {
    /// By the policy's name of the environment: the release there.
    pub held: BTreeMap<String, Release>,
    /// Environments about which not everything could be looked at: where nothing is held something
    /// may be, and what is held may be followed by another release.
    pub unknown: BTreeSet<String>,
    /// What somebody who may do so promoted, and what may not be there any more.
    pub fallen: Vec<Fallen>,
    /// Steps that could be taken next, in the order of the policy.
    pub next: Vec<Next>,
    /// What could not be found out.
    pub problems: Vec<String>,
    /// That there are more tags than are looked at, where an environment is unknown for that.
    pub beyond: Vec<String>,
}

/// A release in an environment.
#[derive(Clone, Debug)]
pub struct Release {
    /// What to type to mean exactly this.
    pub image: String,
    /// The promotion that let it in.
    pub step: Step,
    /// Why it may not stay, if it may not.
    pub code: Option<Code>,
}

/// A release whose promotion does not hold.
#[derive(Clone, Debug)]
pub struct Fallen {
    /// The environment, as the policy names it.
    pub environment: String,
    /// What to type to mean exactly this.
    pub image: String,
    /// Why it may not be there.
    pub code: Code,
}

/// A step that could be taken.
#[derive(Clone, Debug)]
pub struct Next {
    /// Where from.
    pub from: String,
    /// Where to.
    pub to: String,
    /// The release; of a set the image that lacks something.
    pub image: String,
    /// Everything that takes the step, as it is typed; of a set what was found.
    pub members: Vec<String>,
    /// What the gates say now; nothing if others of the set were not found.
    pub verdict: Option<Verdict>,
    /// How many others of the set were not found.
    pub unknown: usize,
    /// The command that takes it, with everything that takes the step together; of a set whose others
    /// were not found with a word for them.
    pub command: String,
}

/// The environments, each after those that ordinary steps into it come from, as far as the steps do
/// not go round.
pub fn in_order(policy: &Policy) -> Vec<String> {
    let mut waiting: Vec<_> = policy.environments().collect();
    let mut order = Vec::new();
    while !waiting.is_empty() {
        let waits = |uri: &Environment| {
            let mut into = policy.edges().iter();
            into.any(|edge| {
                edge.to == *uri
                    && edge.kind == EdgeKind::Promote
                    && waiting.iter().any(|(_, other)| {
                        other.uri != *uri && Some(&other.uri) == edge.from.as_ref()
                    })
            })
        };
        let free = waiting.iter().position(|(_, rule)| !waits(&rule.uri));
        let (name, _) = waiting.remove(free.unwrap_or(0));
        order.push(name.to_owned());
    }
    order
}

/// An image that promotions were found about.
struct Candidate {
    image: OpenImage,
    evidence: Arc<Evidence>,
    /// Where promotions claim that it is.
    claimed: BTreeSet<Environment>,
}

/// The images of a service's repositories that any promotion claims to be about.
#[derive(Default)]
struct Looked {
    candidates: Vec<Candidate>,
    /// What could not be looked at.
    problems: Vec<String>,
    /// That there are more tags than are looked at.
    beyond: Vec<String>,
}

impl Estate<'_> {
    /// Looks at one service.
    pub async fn standing(&self, service: &Service, rule: &ServiceRule) -> Standing {
        let Looked {
            candidates,
            problems,
            beyond,
        } = self.candidates(rule).await;
        let mut standing = Standing {
            held: BTreeMap::new(),
            unknown: BTreeSet::new(),
            fallen: Vec::new(),
            next: Vec::new(),
            problems,
            beyond: Vec::new(),
        };
        let candidates = &candidates;
        self.hold(service, candidates, &mut standing).await;
        let environments = || self.rules.policy.environments().map(|(name, _)| name);
        let is_held = |name: &&str| standing.held.contains_key(*name);
        if !beyond.is_empty() && environments().all(|name| is_held(&name)) {
            for line in beyond {
                self.context.printer.warn(line);
            }
        } else if !beyond.is_empty() {
            let open = environments().filter(|name| !is_held(name));
            standing.unknown.extend(open.map(str::to_owned));
            standing.beyond = beyond;
        }
        let held = &standing.held;
        let mut steps = stream::iter(self.rules.policy.edges())
            .map(|edge| self.next(rule, edge, held, candidates))
            .buffered(AT_ONCE);
        while let Some(next) = steps.next().await {
            match next {
                Ok(next) => standing.next.extend(next),
                Err(failure) => standing.problems.push(failure.message().to_owned()),
            }
        }
        drop(steps);
        standing
    }

    /// Finds out which of the candidates each environment holds.
    async fn hold(&self, service: &Service, candidates: &[Candidate], standing: &mut Standing) {
        if !standing.problems.is_empty() {
            let all = self.rules.policy.environments();
            standing.unknown = all.map(|(name, _)| name.to_owned()).collect();
        }
        let mut holders = stream::iter(self.rules.policy.environments())
            .map(|(name, rule)| async move {
                let mut fallen = Vec::new();
                let place = (name, &rule.uri);
                let holder = self.holder(service, place, candidates, &mut fallen);
                (name, holder.await, fallen)
            })
            .buffered(AT_ONCE);
        while let Some((name, holder, fallen)) = holders.next().await {
            standing.fallen.extend(fallen);
            match holder {
                Ok(release) => {
                    let held = release.map(|release| (name.to_owned(), release));
                    standing.held.extend(held);
                }
                Err(failure) => {
                    standing.unknown.insert(name.to_owned());
                    standing.problems.push(failure.message().to_owned());
                }
            }
        }
    }

    async fn candidates(&self, rule: &ServiceRule) -> Looked {
        let mut looked = Looked::default();
        let mut is_anywhere = false;
        for pattern in &rule.images {
            let Pattern::Exact(repository) = pattern else {
                continue;
            };
            is_anywhere = true;
            if let Err(failure) = self.look_into(repository, &mut looked).await {
                looked.problems.push(failure.message().to_owned());
            }
        }
        if !is_anywhere {
            let text = "the policy names no repository of its images";
            looked.problems.push(text.to_owned());
        }
        looked
    }

    async fn look_into(&self, repository: &str, looked: &mut Looked) -> Result<(), Failure> {
        let target = Target::parse(repository)?;
        let (image, others) = image::open_any(self.context, &target).await?;
        let tagged = slot::tagged(&image, others).await;
        looked.problems.extend(tagged.missed);
        looked.beyond.extend(tagged.beyond);
        let mut candidates = stream::iter(tagged.descriptors)
            .map(|descriptor| self.candidate(&image, descriptor))
            .buffered(AT_ONCE);
        while let Some(candidate) = candidates.next().await {
            match candidate {
                Ok((candidate, problem)) => {
                    looked.candidates.extend(candidate);
                    looked.problems.extend(problem);
                }
                Err(failure) => looked.problems.push(failure.message().to_owned()),
            }
        }
        Ok(())
    }

    /// The image, if any promotion claims to be about it; and what beside it could not be looked at,
    /// which may be one.
    async fn candidate(
        &self,
        image: &OpenImage,
        descriptor: Descriptor,
    ) -> Result<(Option<Candidate>, Option<String>), Failure> {
        let image = image.part(descriptor);
        let collected = evidence::that_count(&image, self.rules).await?;
        let problem = slot::missing(&image, &collected);
        let limits = &self.context.limits;
        let claimed = slot::claimed(&collected, limits);
        let mut known = self.rules.policy.environments();
        if !known.any(|(_, rule)| claimed.contains(&rule.uri)) {
            return Ok((None, problem));
        }
        let mut collected = collected;
        lists::add(&image, self.rules, &mut collected).await?;
        platforms::add(&image, self.rules, &mut collected).await?;
        let followed = Followed::Rules(Arc::clone(self.rules));
        let evidence = follow::add(&image.evidence, collected, followed, self.now).await?;
        let candidate = Candidate {
            image,
            claimed: slot::claimed(&evidence, limits),
            evidence: Arc::new(evidence),
        };
        Ok((Some(candidate), problem))
    }

    async fn told_of(
        &self,
        candidate: &Candidate,
        environment: &str,
    ) -> Result<Arc<Evidence>, Failure> {
        let Candidate {
            image, evidence, ..
        } = candidate;
        ledger::told_of(
            self.context,
            self.rules,
            (environment, self.now),
            image,
            evidence,
        )
        .await
    }

    /// The release in an environment: the newest whose promotion holds.
    async fn holder(
        &self,
        service: &Service,
        (name, uri): (&str, &Environment),
        candidates: &[Candidate],
        fallen: &mut Vec<Fallen>,
    ) -> Result<Option<Release>, Failure> {
        let mut holders = Vec::new();
        let mut codes = BTreeMap::new();
        for candidate in candidates {
            if !candidate.claimed.contains(uri) {
                continue;
            }
            let judged = verdict::environment(
                self.rules,
                self.told_of(candidate, name).await?,
                &candidate.image.pinned,
                name,
                self.now,
                &self.context.limits,
            )
            .await?;
            if judged.decision == Decision::Undetermined {
                let image = &candidate.image.pinned;
                let why = judged.leading().map_or("", |leading| &leading.message);
                let text = format!("whether {image} may be in {name}: {why}");
                return Err(Failure::new(FailureKind::Unavailable, text));
            }
            let code = judged.leading().map(|leading| leading.code);
            if let Some(step) = slot::held(self.rules, service, name, &judged) {
                codes.insert(candidate.image.descriptor.digest.clone(), code);
                holders.push(Holder {
                    descriptor: candidate.image.descriptor.clone(),
                    step,
                });
                continue;
            }
            let ours = judged.service.as_ref() == Some(service);
            // What strangers sign about an image is no news about the service.
            let strange = matches!(judged.cause, Some(Cause::Untrusted | Cause::Invalid));
            if let (true, false, Some(code)) = (ours, strange, code) {
                fallen.push(Fallen {
                    environment: name.to_owned(),
                    image: candidate.image.pinned.clone(),
                    code,
                });
            }
        }
        slot::sort(&mut holders);
        let newest = slot::newest(&holders)?;
        let release = |holder: &Holder| {
            let mut same = candidates.iter();
            let candidate = same.find(|it| it.image.descriptor == holder.descriptor)?;
            Some(Release {
                image: candidate.image.pinned.clone(),
                step: holder.step.clone(),
                code: codes.get(&holder.descriptor.digest).copied().flatten(),
            })
        };
        Ok(newest.and_then(release))
    }

    /// What an ordinary step would take for the release that is where it begins, unless that release
    /// took it already.
    async fn next(
        &self,
        service: &ServiceRule,
        edge: &EdgeRule,
        held: &BTreeMap<String, Release>,
        candidates: &[Candidate],
    ) -> Result<Option<Next>, Failure> {
        let policy = &self.rules.policy;
        let name = |uri| policy.name_of(uri).map(str::to_owned);
        let is_for = edge.tiers.is_empty() || edge.tiers.contains(&service.tier);
        let names = edge.from.as_ref().and_then(name).zip(name(&edge.to));
        let Some((from, to)) = names.filter(|_| is_for && edge.kind == EdgeKind::Promote) else {
            return Ok(None);
        };
        let Some(release) = held.get(&from) else {
            return Ok(None);
        };
        let subjects = &release.step.subjects;
        let taken = held
            .get(&to)
            .is_some_and(|there| there.step.subjects == *subjects);
        let mut members = Vec::new();
        for digest in subjects {
            let mut same = candidates.iter();
            members.extend(same.find(|it| it.image.descriptor.digest == *digest));
        }
        if taken || members.is_empty() {
            return Ok(None);
        }
        let typed: Vec<_> = members.iter().map(|it| it.image.pinned.clone()).collect();
        let names = typed.join(" ");
        let words = StepWords::of(policy, edge);
        let unknown = subjects.len().saturating_sub(members.len());
        // Members may lie in repositories that the policy does not name, or have no tag.
        if unknown > 0 {
            return Ok(Some(Next {
                command: words.command("promote", &format!("{names} OTHERS")),
                image: release.image.clone(),
                from,
                to,
                members: typed,
                verdict: None,
                unknown,
            }));
        }
        let set: SubjectSet = subjects.iter().cloned().collect();
        let step = StepName {
            kind: EdgeKind::Promote,
            to: &to,
            from: Some(&from),
            tickets: None,
            together: (members.len() > 1).then_some(Together {
                set: &set,
                names: &names,
            }),
        };
        // Of several the one that lacks something speaks for all.
        let mut answer: Option<(String, Verdict)> = None;
        let mut are_there = true;
        for candidate in members {
            let image = &candidate.image.pinned;
            let (verdict, draft) = verdict::step(
                self.rules,
                self.told_of(candidate, &to).await?,
                image,
                step,
                None,
                self.now,
                &self.context.limits,
            )
            .await?;
            are_there &= draft.is_some_and(|draft| draft.already.is_some());
            let told = answer.as_ref();
            if told.is_none_or(|(_, told)| told.decision == Decision::Allow) {
                answer = Some((image.clone(), verdict));
            }
        }
        // It was there, and something newer or older took its place.
        let answer = answer.filter(|_| !are_there);
        Ok(answer.map(|(image, verdict)| Next {
            command: words.command("promote", &names),
            from,
            to,
            image,
            members: typed,
            verdict: Some(verdict),
            unknown,
        }))
    }
}
