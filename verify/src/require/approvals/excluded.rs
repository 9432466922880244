//! Exclusions: who had a hand in the release, and may not approve it.

use std::collections::BTreeMap;

use bulla_model::predicate::{Provenance, slsa_provenance};
use bulla_model::{Identity, Person, ResourceDescriptor};

use super::{ApprovalsRule, Exclusion};
use crate::policy::Actor;
use crate::question::Context;
use crate::require::{ProvenanceRule, StepAtHand, provenance};
use crate::verified::{SignedTime, Verified};

/// Who may not approve, and whether somebody stands behind an exclusion whom nobody knows.
pub(super) struct Excluded {
    pub(super) persons: BTreeMap<Person, Exclusion>,
    pub(super) unknown: Option<(Exclusion, String)>,
    /// The signers behind the exclusions, persons or not.
    pub(super) hands: Vec<(Exclusion, Identity)>,
}

pub(super) fn excluded(
    context: &Context<'_>,
    step: &StepAtHand<'_>,
    rule: &ApprovalsRule,
) -> Excluded {
    let mut out = Excluded {
        persons: BTreeMap::new(),
        unknown: None,
        hands: Vec::new(),
    };
    let builds = provenance_used(context, step);
    for exclusion in &rule.exclude {
        match exclusion {
            Exclusion::Builder => {
                if builds.is_empty() {
                    out.unknown = Some((*exclusion, "no provenance".to_owned()));
                }
                for build in &builds {
                    out.exclude(context, *exclusion, build.signer(), build.time());
                }
            }
            Exclusion::Promoter | Exclusion::Requester => {
                if let Some((promoter, time)) = step.promoter {
                    out.exclude(context, *exclusion, promoter, time);
                }
            }
            Exclusion::Author => out.exclude_authors(context, &builds),
        }
    }
    out
}

impl Excluded {
    fn exclude(
        &mut self,
        context: &Context<'_>,
        exclusion: Exclusion,
        who: &Identity,
        time: SignedTime,
    ) {
        self.hands.push((exclusion, who.clone()));
        match context
            .question
            .policy
            .people
            .actor(who, time, context.question.now)
        {
            Actor::Person(person) => {
                self.persons.entry(person).or_insert(exclusion);
            }
            Actor::Machine(_) => {}
            Actor::OutOfTime | Actor::Unknown => self.unknown = Some((exclusion, who.to_string())),
        }
    }

    fn exclude_authors(&mut self, context: &Context<'_>, builds: &[Verified<Provenance>]) {
        if builds.is_empty() {
            self.unknown = Some((Exclusion::Author, "no provenance".to_owned()));
        }
        for build in builds {
            let authors = build.value().source().and_then(authors_of);
            let authors = authors.unwrap_or_default();
            if authors.is_empty() {
                self.unknown = Some((Exclusion::Author, "provenance names no author".to_owned()));
            }
            for author in authors {
                match context.question.policy.people.by_email(&author) {
                    Some(person) => {
                        self.persons
                            .entry(person.clone())
                            .or_insert(Exclusion::Author);
                    }
                    None => self.unknown = Some((Exclusion::Author, author)),
                }
            }
        }
    }
}

/// The authors' addresses that Bulla's provenance notes beside the source; none if one of them
/// cannot be read, since whoever is left out could approve.
fn authors_of(source: &ResourceDescriptor) -> Option<Vec<String>> {
    let listed = source
        .annotations
        .get(slsa_provenance::AUTHORS)?
        .as_array()?;
    listed
        .iter()
        .map(|value| value.as_str().map(ToOwned::to_owned))
        .collect()
}

/// Every provenance that could have counted; whoever signed one of them built the artifact.
fn provenance_used(context: &Context<'_>, step: &StepAtHand<'_>) -> Vec<Verified<Provenance>> {
    let rule = ProvenanceRule::any(provenance::builders(context.policy));
    let whole = Context {
        own: context.bearing,
        ..*context
    };
    provenance::among(&whole, step.at, &rule).statements
}
