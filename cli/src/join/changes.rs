//! What a step would change in an environment: the release there now against the one that is to come.
//!
//! All of it is for the person who is asked. It is read from verified statements by signers whom the
//! policy names, except for versions, which promotions and images say, and the number of commits,
//! which the work tree at hand counts.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use bulla_model::Digest;
use bulla_verify::{Contents, Evidence, Rating, StepDraft, Verdict};
use serde::Serialize;

use super::image::OpenImage;
use super::slot::{self, Asked, Holder};
use super::{build, labels, ledger, verdict};
use crate::Failure;

/// What would change.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Changes {
    /// What the environment has now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<Release>,
    /// Whether what it has now could not be found out; if not, no `from` is none at all.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub unknown: bool,
    /// What would come.
    pub to: Release,
    /// By repository.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub commits: Vec<Commits>,
    /// `None` unless both have a bill of materials.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub packages: Option<Packages>,
    /// `None` unless both were scanned.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vulnerabilities: Option<Vulnerabilities>,
    /// Tickets of the promotions that brought the release here, sorted.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tickets: Vec<String>,
}

/// An image, and what it is called.
#[derive(Debug, Serialize)]
pub struct Release {
    /// Its digest.
    pub digest: Digest,
    /// Its version, as its promotion or the image says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
}

/// The commits of one repository.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Commits {
    /// The repository.
    pub repository: String,
    /// What is there now was built from; nothing, or several, where it is not one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// What is to come was built from.
    pub to: String,
    /// How many come, if the work tree at hand knows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub count: Option<u64>,
    /// How many go: more than none where it is a step back, or another branch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lost: Option<u64>,
}

/// Packages that differ.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub struct Packages {
    /// In both, with other versions: before, after.
    pub changed: BTreeMap<String, (BTreeSet<String>, BTreeSet<String>)>,
    /// With their versions.
    pub added: BTreeMap<String, BTreeSet<String>>,
    /// With their versions.
    pub removed: BTreeMap<String, BTreeSet<String>>,
}

/// Vulnerabilities that only one of both has, with their severity.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub struct Vulnerabilities {
    /// What comes.
    pub added: BTreeMap<String, Option<Rating>>,
    /// What goes.
    pub removed: BTreeMap<String, Option<Rating>>,
    /// What both have, with another severity: before, after.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub changed: BTreeMap<String, (Option<Rating>, Option<Rating>)>,
}

/// Finds what the step of the draft would change. Whatever cannot be found out is left out, with a
/// warning if it could not be looked for.
pub async fn of(
    asked: &Asked<'_>,
    image: &OpenImage,
    evidence: &Arc<Evidence>,
    (draft, judged): (&StepDraft, &Verdict),
) -> Result<Changes, Failure> {
    let images = std::slice::from_ref(image);
    let found = Box::pin(asked.search(images)).await;
    let held = found.and_then(|found| {
        let newest = slot::newest(&found.holders)?;
        Ok((newest.cloned(), found.is_whole))
    });
    let (held, unknown) = match held {
        Ok((held, is_whole)) => {
            if !is_whole {
                asked.warn_of_doubt(images, held.is_some(), "");
            }
            let unknown = held.is_none() && !is_whole;
            (held, unknown)
        }
        Err(error) => {
            let place = draft.edge.to.uri.name();
            let message = error.message();
            let printer = &asked.context.printer;
            printer.warn(format!("what is in {place} now is not known: {message}"));
            (None, true)
        }
    };
    let (mut changes, after) = coming(asked, image, evidence, judged).await?;
    changes.unknown = unknown;
    if let Some(held) = held {
        Box::pin(against(asked, image, held, &after, &mut changes)).await;
    }
    Ok(changes)
}

/// The same for a member of a set, whose places are those of all members. Where several share a
/// repository, nothing says which of what is there now it takes the place of.
pub async fn of_member(
    asked: &Asked<'_>,
    (image, places): (&OpenImage, &[&str]),
    evidence: &Arc<Evidence>,
    step: (&StepDraft, &Verdict),
) -> Result<Changes, Failure> {
    let shared = places.iter().filter(|place| **place == image.place());
    if shared.count() < 2 {
        return of(asked, image, evidence, step).await;
    }
    let (mut changes, _) = coming(asked, image, evidence, step.1).await?;
    changes.unknown = true;
    Ok(changes)
}

/// What is to come, beside nothing.
async fn coming(
    asked: &Asked<'_>,
    image: &OpenImage,
    evidence: &Arc<Evidence>,
    judged: &Verdict,
) -> Result<(Changes, Contents), Failure> {
    let limits = &asked.context.limits;
    let said = judged
        .steps
        .iter()
        .rev()
        .find_map(|step| step.version.clone());
    let version = match said {
        Some(version) => Some(version),
        None => labels::version(image, limits).await,
    };
    let to = Release {
        digest: image.descriptor.digest.clone(),
        version,
    };
    let after = contents(asked, Arc::clone(evidence)).await?;
    let steps = judged.steps.iter();
    let tickets: BTreeSet<String> = steps.flat_map(|step| step.tickets.clone()).collect();
    let changes = Changes {
        commits: commits(asked, None, &after),
        tickets: tickets.into_iter().collect(),
        from: None,
        unknown: false,
        to,
        packages: None,
        vulnerabilities: None,
    };
    Ok((changes, after))
}

/// Compares it with what is there now.
async fn against(
    asked: &Asked<'_>,
    image: &OpenImage,
    held: Holder,
    after: &Contents,
    changes: &mut Changes,
) {
    let limits = &asked.context.limits;
    let part = image.part(held.descriptor);
    let version = match held.step.version {
        Some(version) => Some(version),
        None => labels::version(&part, limits).await,
    };
    let (context, rules) = (asked.context, asked.rules);
    let collected = ledger::beside(context, rules, asked.environment, &part, asked.now).await;
    let before = match collected {
        Ok(collected) => contents(asked, collected).await,
        Err(error) => Err(error),
    };
    match before {
        Ok(before) => {
            changes.commits = commits(asked, Some(&before), after);
            changes.packages = Packages::between(&before, after);
            changes.vulnerabilities = Vulnerabilities::between(&before, after);
        }
        Err(error) => context.printer.warn(format!(
            "what is in {} now cannot be looked at: {}",
            asked.environment,
            error.message()
        )),
    }
    changes.from = Some(Release {
        digest: part.descriptor.digest,
        version,
    });
}

async fn contents(asked: &Asked<'_>, evidence: Arc<Evidence>) -> Result<Contents, Failure> {
    let (rules, limits) = (asked.rules, &asked.context.limits);
    verdict::contents(rules, evidence, asked.environment, asked.now, limits).await
}

fn commits(asked: &Asked<'_>, before: Option<&Contents>, after: &Contents) -> Vec<Commits> {
    let mut found = Vec::new();
    for (repository, to) in &after.sources {
        let of_it = |contents: &Contents| {
            let sources = contents.sources.iter();
            let commits = sources.filter(|(other, _)| other == repository);
            let mut commits = commits.map(|(_, commit)| commit.clone());
            let first = commits.next();
            // Of several nobody can say which one it was.
            first.filter(|_| commits.next().is_none())
        };
        let from = before.and_then(of_it);
        let environment = asked.context.environment();
        let count = from
            .as_deref()
            .and_then(|from| build::commits_between(environment, Path::new("."), (from, to)));
        found.push(Commits {
            repository: repository.clone(),
            to: to.clone(),
            from,
            count: count.map(|(gained, _)| gained),
            lost: count.map(|(_, lost)| lost),
        });
    }
    found
}

impl Packages {
    fn between(before: &Contents, after: &Contents) -> Option<Self> {
        let (before, after) = (before.packages.as_ref()?, after.packages.as_ref()?);
        let mut changes = Self::default();
        for (name, versions) in after {
            match before.get(name) {
                None => {
                    changes.added.insert(name.clone(), versions.clone());
                }
                Some(old) if old != versions => {
                    let both = (old.clone(), versions.clone());
                    changes.changed.insert(name.clone(), both);
                }
                Some(_) => {}
            }
        }
        let gone = before.iter().filter(|(name, _)| !after.contains_key(*name));
        changes
            .removed
            .extend(gone.map(|(name, versions)| (name.clone(), versions.clone())));
        Some(changes)
    }
}

impl Vulnerabilities {
    fn between(before: &Contents, after: &Contents) -> Option<Self> {
        let (before, after) = (
            before.vulnerabilities.as_ref()?,
            after.vulnerabilities.as_ref()?,
        );
        let only = |in_this: &BTreeMap<String, Option<Rating>>, other: &BTreeMap<_, _>| {
            let own = in_this.iter().filter(|(id, _)| !other.contains_key(*id));
            own.map(|(id, rating)| (id.clone(), *rating)).collect()
        };
        let both = before
            .iter()
            .filter_map(|(id, old)| Some((id, old, after.get(id)?)));
        let rated = both.filter(|(_, old, new)| old != new);
        Some(Self {
            added: only(after, before),
            removed: only(before, after),
            changed: rated
                .map(|(id, old, new)| (id.clone(), (*old, *new)))
                .collect(),
        })
    }
}
