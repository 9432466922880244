//! Places: which image of a service holds an environment, as far as its repository's tags say.
//!
//! Nothing here decides what is allowed. A place that could not be found out only means that two
//! promotions may claim the same one. Verifiers see that as a fork where both are about the artifact
//! at hand and follow the same promotion; two that follow none, or are of unrelated images, they
//! cannot tell apart.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bulla_model::predicate::checkpoint::SlotHead;
use bulla_model::predicate::promotion::Slot;
use bulla_model::predicate::{Predicate as _, Promotion};
use bulla_model::{Bundle, Descriptor, Environment, Limits, Service, Statement, Tag};
use bulla_registry::{Store as _, Target as Selector};
use bulla_verify::{Cause, Code, Decision, Evidence, Step, Verdict};
use futures_util::{StreamExt as _, stream};
use jiff::Timestamp;

use super::follow::{self, Followed};
use super::image::{self, OpenImage, names_an_image};
use super::rules::Rules;
use super::{evidence, ledger, verdict};
use crate::Failure;
use crate::commands::Context;
use crate::target::Target;

/// Tags looked at, those that sort last first. Stops a repository that collects tags from making
/// each promotion a walk through all of them.
const TAGS: usize = 256;
/// Images looked at side by side: what is slow about a registry is the way to it.
pub(super) const AT_ONCE: usize = 8;

/// Whose place is asked for.
#[derive(Clone, Copy)]
#[expect(
    missing_debug_implementations,
    reason = "the rules hold a policy whole"
)]
pub struct Asked<'a> {
    /// Settings and limits.
    pub context: &'a Context,
    /// The policy.
    pub rules: &'a Arc<Rules>,
    /// The service.
    pub service: &'a Service,
    /// The environment, as the policy names it.
    pub environment: &'a str,
    /// The time to judge at.
    pub now: Timestamp,
}

/// An image that was promoted into the environment.
#[derive(Clone, Debug)]
pub struct Holder {
    /// Where it is.
    pub descriptor: Descriptor,
    /// Its promotion into the environment, the newest that holds.
    pub step: Step,
}

/// What was found out about an image.
struct Looked {
    found: Option<Found>,
    /// Whether all that is beside it could be looked at.
    is_whole: bool,
}

/// What an image that was promoted into the environment is there now.
enum Found {
    /// It holds a place.
    Holds(Box<Holder>),
    /// It went out of service, by the step that has this place.
    WentOut(SlotHead),
}

impl Asked<'_> {
    /// The place after the one that is held now.
    pub async fn next(&self, image: &OpenImage, replaces: Option<&str>) -> Result<Slot, Failure> {
        self.next_of(std::slice::from_ref(image), replaces).await
    }

    /// The same, looked for in the repositories of several images.
    pub async fn next_of(
        &self,
        images: &[OpenImage],
        replaces: Option<&str>,
    ) -> Result<Slot, Failure> {
        if let Some(name) = replaces {
            return Ok(after(&self.replaced(name).await?));
        }
        let mut holders = Vec::new();
        let mut out: Option<SlotHead> = None;
        for one in self.looked_at(images).await? {
            match one.found {
                Some(Found::Holds(holder)) => holders.push(*holder),
                Some(Found::WentOut(head)) => {
                    out = out.into_iter().chain([head]).max_by_key(|one| one.sequence);
                }
                None => {}
            }
        }
        sort(&mut holders);
        let held = newest(&holders)?.map(|holder| &holder.step);
        let sequence = held.map_or(0, |held| held.slot.sequence);
        // Who takes something out takes its place.
        if let Some(out) = out.filter(|out| out.sequence > sequence) {
            return Ok(Slot {
                sequence: out.sequence.saturating_add(1),
                previous: Some(out.head),
            });
        }
        let first = Slot {
            sequence: 1,
            previous: None,
        };
        Ok(held.map_or(first, after))
    }

    /// The images of these images' repositories that were promoted into the environment, newest
    /// first.
    pub async fn holders_of(&self, images: &[OpenImage]) -> Result<Vec<Holder>, Failure> {
        Ok(self.search(images).await?.0)
    }

    /// The same, and whether everything beside the images that were looked at could be looked at.
    pub async fn search(&self, images: &[OpenImage]) -> Result<(Vec<Holder>, bool), Failure> {
        let looked = self.looked_at(images).await?;
        let is_whole = looked.iter().all(|one| one.is_whole);
        let holders = looked.into_iter().filter_map(|one| match one.found {
            Some(Found::Holds(holder)) => Some(*holder),
            Some(Found::WentOut(_)) | None => None,
        });
        let mut holders: Vec<_> = holders.collect();
        sort(&mut holders);
        Ok((holders, is_whole))
    }

    async fn looked_at(&self, images: &[OpenImage]) -> Result<Vec<Looked>, Failure> {
        let mut seen = BTreeSet::new();
        let mut looked = Vec::new();
        for image in images {
            if seen.insert(image.place()) {
                looked.extend(self.looked_at_one(image).await?);
            }
        }
        Ok(looked)
    }

    async fn looked_at_one(&self, image: &OpenImage) -> Result<Vec<Looked>, Failure> {
        let descriptors = tagged(
            self.context,
            image,
            None,
            ": name what is replaced with --replaces",
        )
        .await;
        let judged: Vec<_> = stream::iter(descriptors)
            .map(|descriptor| self.look(image, descriptor))
            .buffered(AT_ONCE)
            .collect()
            .await;
        judged.into_iter().collect()
    }

    async fn look(&self, image: &OpenImage, descriptor: Descriptor) -> Result<Looked, Failure> {
        let part = image.part(descriptor);
        let collected = match evidence::attestations(&part, None).await {
            Ok(collected) => collected,
            Err(error) => {
                self.context.printer.warn(format!(
                    "{} cannot be looked at: {}",
                    part.pinned,
                    error.message()
                ));
                return Ok(Looked {
                    found: None,
                    is_whole: false,
                });
            }
        };
        let is_whole = !collected.is_incomplete();
        let found = self.find(part, collected).await?;
        Ok(Looked { found, is_whole })
    }

    async fn find(&self, part: OpenImage, collected: Evidence) -> Result<Option<Found>, Failure> {
        let Some((_, rule)) = self.rules.policy.environment(self.environment) else {
            return Ok(None);
        };
        if !claimed(&collected, &self.context.limits).contains(&rule.uri) {
            return Ok(None);
        }
        let followed = Followed::Rules(Arc::clone(self.rules));
        let collected = follow::add(&part.evidence, collected, followed, self.now).await?;
        let (judged, collected) = self.judge(&part, collected).await?;
        if let Some(step) = held(self.rules, self.service, self.environment, &judged) {
            let descriptor = part.descriptor;
            return Ok(Some(Found::Holds(Box::new(Holder { descriptor, step }))));
        }
        let mut findings = judged.findings.iter();
        if !findings.any(|finding| finding.code == Code::PromotionRetired) {
            return Ok(None);
        }
        let (rules, now, limits) = (self.rules, self.now, &self.context.limits);
        let found = verdict::retirements(rules, collected, self.environment, now, limits).await?;
        let found = found.into_iter().filter(|one| !one.is_contested);
        let ours = found.map(|one| one.head);
        let ours = ours.filter(|head| head.service == *self.service);
        let last = ours.max_by_key(|head| head.sequence);
        Ok(last.map(Found::WentOut))
    }

    async fn judge(
        &self,
        image: &OpenImage,
        collected: Evidence,
    ) -> Result<(Verdict, Arc<Evidence>), Failure> {
        let (context, place) = (self.context, &image.evidence);
        let collected = ledger::add(context, self.rules, self.environment, place, collected);
        let collected = Arc::new(collected.await?);
        let judged = verdict::environment(
            self.rules,
            Arc::clone(&collected),
            &image.pinned,
            self.environment,
            self.now,
            &self.context.limits,
        );
        Ok((judged.await?, collected))
    }

    /// The step of an image that the caller named.
    async fn replaced(&self, replaced: &str) -> Result<Step, Failure> {
        let image = image::open(self.context, &Target::parse(replaced)?).await?;
        let collected = evidence::collect(&image, None, self.rules, self.now).await?;
        let (judged, _) = self.judge(&image, collected).await?;
        held(self.rules, self.service, self.environment, &judged).ok_or_else(|| {
            Failure::usage(format_args!(
                "{} holds no place of {} in {}",
                image.pinned, self.service, self.environment
            ))
            .with_hint(format_args!(
                "bulla verify --env {} {}",
                self.environment, image.pinned
            ))
        })
    }
}

/// Every image that a tag of the repository names, and the one at hand. `others` are the tags besides
/// that one's, where they are listed already. `advice` ends the warning that there are too many.
pub(super) async fn tagged(
    context: &Context,
    image: &OpenImage,
    others: Option<Vec<Tag>>,
    advice: &str,
) -> Vec<Descriptor> {
    let mut found = BTreeMap::from([(image.descriptor.digest.clone(), image.descriptor.clone())]);
    let printer = &context.printer;
    let listed = match others {
        Some(others) => Ok(others),
        None => image.store.tags().await,
    };
    let mut tags = match listed {
        Ok(tags) => tags,
        Err(error) => {
            printer.warn(format!(
                "the tags of {} cannot be listed, so what was promoted there is not known: {error}",
                image.name
            ));
            Vec::new()
        }
    };
    tags.retain(names_an_image);
    if tags.len() > TAGS {
        printer.warn(format!(
            "{} tags of {}, of which the last {TAGS} are looked at{advice}",
            tags.len(),
            image.name
        ));
        tags.drain(..tags.len() - TAGS);
    }
    let resolved: Vec<_> = stream::iter(tags)
        .map(|tag| async move { image.store.resolve(&Selector::Tag(tag)).await })
        .buffered(AT_ONCE)
        .collect()
        .await;
    for outcome in resolved {
        match outcome {
            Ok(descriptor) => {
                found.insert(descriptor.digest.clone(), descriptor);
            }
            Err(error) => tracing::debug!(%error, "tag left out"),
        }
    }
    found.into_values().collect()
}

/// The step by which an image of this service is in the environment. What has expired since held
/// its place all the same.
pub(super) fn held(
    rules: &Rules,
    service: &Service,
    environment: &str,
    judged: &Verdict,
) -> Option<Step> {
    let (name, _) = rules.policy.environment(environment)?;
    let held = judged.decision == Decision::Allow || judged.cause == Some(Cause::Expired);
    let step = judged.steps.last()?;
    let ours = judged.service.as_ref() == Some(service) && step.environment == name;
    (held && ours).then(|| step.clone())
}

/// The place after this one.
pub fn after(held: &Step) -> Slot {
    Slot {
        sequence: held.slot.sequence.saturating_add(1),
        previous: Some(held.promotion.clone()),
    }
}

/// Newest first.
pub(super) fn sort(holders: &mut [Holder]) {
    holders.sort_by_key(|holder| std::cmp::Reverse((holder.step.slot.sequence, holder.step.at)));
}

/// The newest of them; images of one set share a promotion. Two that follow the same promotion are a
/// fork, which only people can resolve.
pub fn newest(holders: &[Holder]) -> Result<Option<&Holder>, Failure> {
    let Some(newest) = holders.first() else {
        return Ok(None);
    };
    let twin = holders[1..].iter().find(|other| {
        newest.step.slot.previous.is_some()
            && other.step.slot.previous == newest.step.slot.previous
            && other.step.promotion != newest.step.promotion
    });
    match twin {
        None => Ok(Some(newest)),
        Some(twin) => Err(Failure::usage(format_args!(
            "two images claim the same place in {}: {} and {}",
            newest.step.environment, newest.descriptor.digest, twin.descriptor.digest
        ))
        .with_hint("find out which one runs there, and name it with --replaces")),
    }
}

/// The environments that attestations claim to be promotions into; nothing is verified.
pub(super) fn claimed(evidence: &Evidence, limits: &Limits) -> BTreeSet<Environment> {
    let held = evidence.attestations.iter();
    let claims = held.filter_map(|attestation| {
        let bundle = Bundle::parse(attestation.bytes().to_vec(), limits).ok()?;
        let statement = Statement::parse(bundle.envelope()?.payload(), limits).ok()?;
        if !Promotion::TYPES.contains(&statement.predicate_type().as_str()) {
            return None;
        }
        let promotion = statement.predicate::<Promotion>().ok()?;
        Some(promotion.edge.to.uri)
    });
    claims.collect()
}
