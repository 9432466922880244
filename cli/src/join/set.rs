//! Release sets: several images of one service that take a step together.
//!
//! One statement is about all of them and is attached to each, with the same bytes. Each is judged
//! by itself, with what is beside it: a verifier that is asked about one of them does the same.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use bulla_model::predicate::promotion::{Gate, GateResult, INPUTS, Input};
use bulla_model::{Bundle, Digest, Identity, Limits, ResourceDescriptor, SubjectSet};
use bulla_registry::attach;
use bulla_verify::{Decision, Evidence, Outcome, SetPromotions, StepDraft, Verdict};
use jiff::Timestamp;
use serde::Serialize;

use super::image::{self, OpenImage};
use super::rules::Rules;
use super::verdict::{self, StepName, Together};
use super::{artifact, file, ledger};
use crate::commands::Context;
use crate::failure::FailureKind;
use crate::render::{Cell, Page, shorten};
use crate::target::Target;
use crate::{Exit, Failure};

/// The images that were typed, and those that the file lists.
pub fn names(
    images: &[String],
    file: Option<&Path>,
    limits: &Limits,
) -> Result<Vec<String>, Failure> {
    let mut names = images.to_vec();
    if let Some(path) = file {
        names.extend(listed(path, limits)?);
    }
    if names.is_empty() {
        return Err(Failure::usage("the file lists no image"));
    }
    if names.len() > limits.subjects {
        return Err(Failure::usage(format_args!(
            "{} images, and a statement is of at most {}",
            names.len(),
            limits.subjects
        )));
    }
    Ok(names)
}

/// Bytes of a line. What is no name of an image is told, and must not fill the terminal.
const LINE: usize = 4096;

fn listed(path: &Path, limits: &Limits) -> Result<Vec<String>, Failure> {
    let bytes = file::read(path, limits.manifest_bytes)?;
    let text = String::from_utf8(bytes).map_err(|_| {
        let message = format_args!("{} is no text", path.display());
        Failure::new(FailureKind::Input, message)
    })?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    if let Some(at) = text.lines().position(|line| line.len() > LINE) {
        let line = at.saturating_add(1);
        let message = format_args!("{}:{line}: longer than {LINE} bytes", path.display());
        return Err(Failure::new(FailureKind::Input, message));
    }
    let lines = text.lines().map(|line| {
        // A folder may have the sign in its name; what comes after a space is no name.
        let mut signs = line.match_indices('#').map(|(at, _)| at);
        let comment = signs.find(|at| {
            let before = line.get(..*at).unwrap_or_default();
            before.chars().next_back().is_none_or(char::is_whitespace)
        });
        let end = comment.unwrap_or(line.len());
        line.get(..end).unwrap_or_default().trim().to_owned()
    });
    Ok(lines.filter(|line| !line.is_empty()).collect())
}

/// Images that take a step together; one alone is a set too.
#[derive(Debug)]
pub struct ReleaseSet {
    /// Its members, each once.
    pub members: Vec<OpenImage>,
    /// Their digests.
    pub digests: SubjectSet,
    /// What to type to mean all of them.
    names: String,
}

impl ReleaseSet {
    /// Opens everything that was named.
    pub async fn open(context: &Context, names: &[String]) -> Result<Self, Failure> {
        let mut members = Vec::new();
        for name in names {
            let image = image::open(context, &Target::parse(name)?).await?;
            members.push(image.writable()?);
        }
        Self::of(members).await
    }

    /// The set of these images. What one of them covers already is no member beside it.
    pub async fn of(members: Vec<OpenImage>) -> Result<Self, Failure> {
        let mut digests = BTreeSet::new();
        for image in &members {
            if !digests.insert(image.descriptor.digest.clone()) {
                return Err(Failure::usage(format_args!(
                    "{} is named twice",
                    image.pinned
                )));
            }
        }
        if members.len() > 1 {
            for image in &members {
                for part in artifact::platforms(image).await? {
                    if digests.contains(&part.descriptor.digest) {
                        return Err(Failure::usage(format_args!(
                            "{} is part of {}",
                            part.descriptor.digest, image.pinned
                        ))
                        .with_hint("leave it away: what lets an index in lets its platforms in"));
                    }
                }
            }
        }
        let names: Vec<_> = members.iter().map(|image| image.pinned.as_str()).collect();
        Ok(Self {
            names: names.join(" "),
            digests: digests.into_iter().collect(),
            members,
        })
    }

    /// What to type to mean all of them.
    pub fn names(&self) -> &str {
        &self.names
    }

    /// The subjects of a statement about all of them, in the order of their digests.
    pub fn subjects(&self) -> Vec<ResourceDescriptor> {
        let mut members: Vec<_> = self.members.iter().collect();
        members.sort_by(|a, b| a.descriptor.digest.cmp(&b.descriptor.digest));
        let subject = |image: &OpenImage| {
            ResourceDescriptor::named(&image.name, image.descriptor.digest.clone())
        };
        members.into_iter().map(subject).collect()
    }

    /// Judges every member by itself, with the set as what takes the step. Refused, as a call that
    /// cannot be meant, if they are of several services.
    pub async fn judge(
        &self,
        context: &Context,
        rules: &Arc<Rules>,
        step: StepName<'_>,
        promoter: Option<&Identity>,
        now: Timestamp,
    ) -> Result<Vec<Judged>, Failure> {
        let together = (self.members.len() > 1).then_some(Together {
            set: &self.digests,
            names: &self.names,
        });
        let step = StepName { together, ..step };
        let mut judged = Vec::new();
        for image in &self.members {
            let collected = ledger::beside(context, rules, step.to, image, now).await?;
            let (pinned, limits) = (&image.pinned, &context.limits);
            let promoter = promoter.cloned();
            let evidence = Arc::clone(&collected);
            let (verdict, draft) =
                verdict::step(rules, evidence, pinned, step, promoter, now, limits).await?;
            judged.push(Judged {
                image: pinned.clone(),
                evidence: collected,
                verdict,
                draft,
            });
        }
        of_one_service(&judged)?;
        Ok(judged)
    }

    /// Attaches to every member what promoters signed about this step of exactly this set and is
    /// beside some of them only: whoever attached it was interrupted. Answers the payload digests of
    /// what some member had lacked.
    ///
    /// A promotion that one of them knows to be taken back goes no further, nor does anything in the
    /// name of somebody who may not take the step.
    pub async fn complete(
        &self,
        context: &Context,
        rules: &Arc<Rules>,
        step: StepName<'_>,
        promoter: &Identity,
        now: Timestamp,
    ) -> Result<Vec<Digest>, Failure> {
        if self.members.len() < 2 {
            return Ok(Vec::new());
        }
        let (mut told, mut beside) = (Vec::new(), Vec::new());
        for image in &self.members {
            let collected = ledger::beside(context, rules, step.to, image, now).await?;
            let (own, limits) = (Arc::clone(&collected), &context.limits);
            let asked = (step, &self.digests, promoter);
            told.push(verdict::promotions_of(rules, own, asked, now, limits).await?);
            beside.push(collected);
        }
        let mut carried = Vec::new();
        for promotion in SetPromotions::join(told) {
            let attestations = beside.iter().flat_map(|evidence| &evidence.attestations);
            let mut copies =
                attestations.filter(|one| one.manifest.as_ref() == promotion.manifest());
            let bundle = copies.find_map(|one| {
                let bundle = Bundle::parse(one.bytes().to_vec(), &context.limits).ok()?;
                let said = Digest::sha256(bundle.envelope()?.payload());
                (said == *promotion.payload()).then_some(bundle)
            });
            let Some(bundle) = bundle else { continue };
            for image in &self.members {
                let attached = attach(&image.evidence, &image.descriptor, &bundle, now).await?;
                if attached.existed {
                    continue;
                }
                context.printer.warn(format!(
                    "{} was about {} too and is attached to it now",
                    shorten(promotion.payload()),
                    image.pinned
                ));
                carried.push(promotion.payload().clone());
            }
        }
        Ok(carried)
    }

    /// What says that the rest still has to be attached, and how: tags may have moved.
    pub fn unfinished(&self, failure: Failure, done: usize) -> Failure {
        let count = self.members.len();
        if count < 2 {
            return failure;
        }
        failure.with_detail(format_args!(
            "attached to {done} of {count} images: run the command again, for {}",
            self.names
        ))
    }
}

/// What was found out about a member.
#[derive(Debug)]
pub struct Judged {
    /// What to type to mean it.
    pub image: String,
    /// What is beside it.
    pub evidence: Arc<Evidence>,
    /// What its gates say.
    pub verdict: Verdict,
    /// What a statement about it would bind.
    pub draft: Option<StepDraft>,
}

impl Judged {
    /// Whether it may take the step.
    pub fn is_allowed(&self) -> bool {
        self.draft.is_some() && self.verdict.decision == Decision::Allow
    }
}

/// The exit of the whole: one refusal refuses it.
pub fn exit(judged: &[Judged]) -> Exit {
    let exits: Vec<_> = judged
        .iter()
        .map(|one| Exit::of_verdict(&one.verdict))
        .collect();
    Exit::overall(&exits)
}

fn of_one_service(judged: &[Judged]) -> Result<(), Failure> {
    let services: BTreeSet<_> = judged
        .iter()
        .filter_map(|one| one.verdict.service.as_ref())
        .collect();
    if services.len() < 2 {
        return Ok(());
    }
    let names: Vec<_> = services.iter().map(ToString::to_string).collect();
    let mut failure = Failure::usage(format_args!(
        "the set is of several services: {}",
        names.join(", ")
    ))
    .with_hint("a promotion is of one service: take the step once for each");
    for one in judged {
        if let Some(service) = &one.verdict.service {
            failure = failure.with_detail(format_args!("{service}  {}", one.image));
        }
    }
    Err(failure)
}

/// What one statement about all of them binds; `None` if the step cannot be named for one of them.
/// Its inputs are those of all members, and a gate passed if it did for each.
pub fn settle(judged: &[Judged]) -> Result<Option<StepDraft>, Failure> {
    let drafts: Option<Vec<_>> = judged.iter().map(|one| one.draft.as_ref()).collect();
    drafts.map_or(Ok(None), |drafts| merged(&drafts))
}

fn merged(drafts: &[&StepDraft]) -> Result<Option<StepDraft>, Failure> {
    let Some((first, others)) = drafts.split_first() else {
        return Ok(None);
    };
    let mut all = StepDraft::clone(first);
    for other in others {
        let same = other.service == all.service
            && other.tier == all.tier
            && other.edge == all.edge
            && other.policy == all.policy
            && other.chain == all.chain;
        if !same {
            return Err(Failure::usage(
                "the images do not come from one promotion: what they would follow differs",
            )
            .with_hint("promote them together into the environment that the step comes from"));
        }
        all.inputs.extend(other.inputs.iter().cloned());
        // Two promotions of some members each are none of all.
        all.already = all
            .already
            .filter(|own| other.already.as_ref() == Some(own));
        all.kept.extend(other.kept.iter().cloned());
        for gate in &other.gates {
            merge(&mut all.gates, gate);
        }
    }
    bound(&mut all);
    Ok(Some(all))
}

/// Sorts the inputs, and leaves out what a statement has no room for: anybody can put more beside
/// many images. Promotions by promoters stay, because verifiers read the order of steps from them.
fn bound(draft: &mut StepDraft) {
    let inputs = &mut draft.inputs;
    let by_payload =
        |a: &Input, b: &Input| (&a.payload, &a.manifest).cmp(&(&b.payload, &b.manifest));
    inputs.sort_by(by_payload);
    inputs.dedup();
    if inputs.len() > INPUTS {
        inputs.dedup_by(|a, b| a.payload == b.payload);
        inputs.sort_by_key(|input| !draft.kept.contains(&input.payload));
        inputs.truncate(INPUTS);
        inputs.sort_by(by_payload);
    }
}

fn merge(gates: &mut Vec<Gate>, gate: &Gate) {
    match gates.iter_mut().find(|held| held.id == gate.id) {
        None => gates.push(gate.clone()),
        Some(held) => {
            if gate.result == GateResult::Failed {
                held.result = GateResult::Failed;
            }
            // What was seen of one member says nothing about the others.
            if held.observed != gate.observed {
                held.observed = None;
            }
        }
    }
}

/// A member, as reports tell it.
#[derive(Debug, Serialize)]
pub struct Member {
    /// What to type to mean it.
    pub image: String,
    /// What its gates say.
    pub verdict: Verdict,
}

impl From<Judged> for Member {
    fn from(judged: Judged) -> Self {
        Self {
            image: judged.image,
            verdict: judged.verdict,
        }
    }
}

/// A line for each member: the answer, the image, and what it lacks.
pub fn table(page: &mut Page, members: &[Member]) {
    for member in members {
        let answer = match member.verdict.decision {
            Decision::Allow => Cell::good("ok"),
            Decision::Deny => Cell::bad("FAIL"),
            Decision::Undetermined => Cell::attention("?"),
        };
        let checks = member.verdict.checks.iter();
        let mut lacks: Vec<_> = checks
            .filter(|check| check.outcome != Outcome::Ok)
            .map(|check| format!("{} {}", check.name, check.summary))
            .collect();
        lacks.dedup();
        page.row(
            1,
            [
                answer,
                Cell::from(&member.image),
                Cell::from(lacks.join("; ")),
            ],
        );
    }
}

/// Those that may not take the step.
pub fn refused(members: &[Member]) -> impl Iterator<Item = &Member> {
    let is_refused = |member: &&Member| member.verdict.decision != Decision::Allow;
    members.iter().filter(is_refused)
}

#[cfg(test)]
mod tests;
