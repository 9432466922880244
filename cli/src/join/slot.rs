//! Places: which image of a service holds an environment, as far as its repository's tags say.
//!
//! Nothing here decides what is allowed. A place that could not be found out is said, and only means
//! that two promotions may claim the same one. Verifiers see that as a fork where both are about the artifact
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

/// The images that were promoted into the environment.
#[derive(Clone, Debug)]
pub struct Search {
    /// Those that are there, newest first.
    pub holders: Vec<Holder>,
    /// The newest step that took one out of service.
    out: Option<SlotHead>,
    /// Whether every image, and all that is beside it, could be looked at. If not, what is there now
    /// may be another one than the newest of these.
    pub is_whole: bool,
}

/// A place, and how well it is known.
#[derive(Clone, Debug)]
pub struct Place {
    /// The place.
    pub slot: Slot,
    /// Whether nothing was found before it, and not everything could be looked at.
    pub is_unknown: bool,
}

/// What was found out about an image.
struct Looked {
    found: Option<Found>,
    /// Whether it, and all that is beside it, could be looked at.
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
    /// The place after the one that is held now, looked for in the repositories of these images.
    pub async fn next_of(
        &self,
        images: &[OpenImage],
        replaces: Option<&str>,
    ) -> Result<Place, Failure> {
        let known = |slot| Place {
            slot,
            is_unknown: false,
        };
        if let Some(name) = replaces {
            return Ok(known(after(&self.replaced(name).await?)));
        }
        let Search {
            holders,
            out,
            is_whole,
        } = self.search(images).await?;
        let held = newest(&holders)?.map(|holder| &holder.step);
        let sequence = held.map_or(0, |held| held.slot.sequence);
        // Who takes something out takes its place.
        let out = out.filter(|out| out.sequence > sequence);
        let is_found = held.is_some() || out.is_some();
        if !is_whole {
            self.warn_of_doubt(images, is_found, ": name what is replaced with --replaces");
        }
        if let Some(out) = out {
            return Ok(known(Slot {
                sequence: out.sequence.saturating_add(1),
                previous: Some(out.head),
            }));
        }
        let first = Slot {
            sequence: 1,
            previous: None,
        };
        Ok(Place {
            slot: held.map_or(first, after),
            is_unknown: !is_whole && !is_found,
        })
    }

    /// The images of these images' repositories that were promoted into the environment.
    pub async fn search(&self, images: &[OpenImage]) -> Result<Search, Failure> {
        let mut search = Search {
            holders: Vec::new(),
            out: None,
            is_whole: true,
        };
        let mut seen = BTreeSet::new();
        for image in images.iter().filter(|image| seen.insert(image.place())) {
            let tagged = tagged(image, None).await;
            for line in tagged.missed.iter().chain(&tagged.beyond) {
                search.is_whole = false;
                self.context.printer.warn(line);
            }
            let looked: Vec<_> = stream::iter(tagged.descriptors)
                .map(|descriptor| self.look(image, descriptor))
                .buffered(AT_ONCE)
                .collect()
                .await;
            for one in looked {
                let one = one?;
                search.is_whole &= one.is_whole;
                match one.found {
                    Some(Found::Holds(holder)) => search.holders.push(*holder),
                    Some(Found::WentOut(head)) => {
                        let heads = search.out.into_iter().chain([head]);
                        search.out = heads.max_by_key(|one| one.sequence);
                    }
                    None => {}
                }
            }
        }
        sort(&mut search.holders);
        Ok(search)
    }

    /// Says that not everything could be looked at, and what that may mean. `advice` ends it.
    pub fn warn_of_doubt(&self, images: &[OpenImage], is_found: bool, advice: &str) {
        let places: BTreeSet<_> = images.iter().map(OpenImage::place).collect();
        let places: Vec<_> = places.into_iter().collect();
        let (places, place) = (places.join(", "), self.environment);
        let what = if is_found {
            format!("what is in {place} now may be another one")
        } else {
            format!("what is in {place} now is not known")
        };
        let text = format!(
            "not all that is beside the images of {places} can be looked at: {what}{advice}"
        );
        self.context.printer.warn(text);
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
        if let Some(line) = missing(&part, &collected) {
            self.context.printer.warn(line);
            let found = self.find(part, collected).await?.found;
            let is_whole = false;
            return Ok(Looked { found, is_whole });
        }
        self.find(part, collected).await
    }

    async fn find(&self, part: OpenImage, collected: Evidence) -> Result<Looked, Failure> {
        let whole = |found| Looked {
            found,
            is_whole: true,
        };
        let Some((_, rule)) = self.rules.policy.environment(self.environment) else {
            return Ok(whole(None));
        };
        if !claimed(&collected, &self.context.limits).contains(&rule.uri) {
            return Ok(whole(None));
        }
        let followed = Followed::Rules(Arc::clone(self.rules));
        let collected = follow::add(&part.evidence, collected, followed, self.now).await?;
        let (judged, collected) = self.judge(&part, collected).await?;
        if let Some(step) = held(self.rules, self.service, self.environment, &judged) {
            let descriptor = part.descriptor;
            let holder = Holder { descriptor, step };
            return Ok(whole(Some(Found::Holds(Box::new(holder)))));
        }
        let mut findings = judged.findings.iter();
        if !findings.any(|finding| finding.code == Code::PromotionRetired) {
            return Ok(Looked {
                found: None,
                is_whole: judged.decision != Decision::Undetermined,
            });
        }
        let (rules, now, limits) = (self.rules, self.now, &self.context.limits);
        let found = verdict::retirements(rules, collected, self.environment, now, limits).await?;
        let found = found.into_iter().filter(|one| !one.is_contested);
        let ours = found.map(|one| one.head);
        let ours = ours.filter(|head| head.service == *self.service);
        let last = ours.max_by_key(|head| head.sequence);
        Ok(whole(last.map(Found::WentOut)))
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

/// What the tags of a repository name.
pub(super) struct Tagged {
    /// Every image that was found, and the one at hand.
    pub(super) descriptors: Vec<Descriptor>,
    /// What of the tags could not be looked at, one line each.
    pub(super) missed: Vec<String>,
    /// That there are more tags than are looked at.
    pub(super) beyond: Option<String>,
}

/// Looks for them. `others` are the tags besides that of the image at hand, where they are listed
/// already.
pub(super) async fn tagged(image: &OpenImage, others: Option<Vec<Tag>>) -> Tagged {
    let (mut missed, mut beyond) = (Vec::new(), None);
    let mut found = BTreeMap::from([(image.descriptor.digest.clone(), image.descriptor.clone())]);
    let listed = match others {
        Some(others) => Ok(others),
        None => image.store.tags().await,
    };
    let mut tags = listed.unwrap_or_else(|error| {
        let text = format!("the tags of {} cannot be listed: {error}", image.name);
        missed.push(text);
        Vec::new()
    });
    tags.retain(names_an_image);
    if tags.len() > TAGS {
        beyond = Some(format!(
            "{} tags of {}, of which the last {TAGS} are looked at",
            tags.len(),
            image.name
        ));
        tags.drain(..tags.len() - TAGS);
    }
    let resolved: Vec<_> = stream::iter(tags)
        .map(|tag| async move {
            let found = image.store.resolve(&Selector::Tag(tag.clone())).await;
            (tag, found)
        })
        .buffered(AT_ONCE)
        .collect()
        .await;
    for (tag, outcome) in resolved {
        match outcome {
            Ok(descriptor) => {
                found.insert(descriptor.digest.clone(), descriptor);
            }
            // A tag that was taken away meanwhile names nothing, nor does one of what is no image.
            Err(error) if error.is_not_found() || error.is_unusable() => {
                tracing::debug!(%error, "tag left out");
            }
            Err(error) => missed.push(format!("{}:{tag} cannot be looked at: {error}", image.name)),
        }
    }
    Tagged {
        descriptors: found.into_values().collect(),
        missed,
        beyond,
    }
}

/// What says that not all that is beside an image could be looked at; nothing if all was.
pub(super) fn missing(image: &OpenImage, evidence: &Evidence) -> Option<String> {
    let first = match (evidence.unavailable.first(), evidence.truncated) {
        (Some(first), _) => first,
        (None, true) => "there is more than is looked at",
        (None, false) => return None,
    };
    let name = &image.pinned;
    Some(format!(
        "not all that is beside {name} can be looked at: {first}"
    ))
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
