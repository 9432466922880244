//! Components that were taken back, and the bills of materials that list them.

use bulla_model::predicate::revocation::Target;
use bulla_model::{Digest, Purl, Statement};

use super::revocations::{Revocations, Taken};
use crate::bill::{Bill, is_bill};
use crate::candidate::Candidate;
use crate::eligible::match_any;
use crate::evidence::Evidence;
use crate::package::Package;
use crate::policy::Matched;
use crate::question::Question;
use crate::reached::Reached;
use crate::referenced::names_documents;
use crate::verified::Verified;

/// What the bills of materials say of revoked components.
#[derive(Debug, Default)]
pub(super) struct Components<'a> {
    /// The revocation of one that the artifact contains, and its package URL.
    pub(super) taken: Option<(&'a Taken, String)>,
    /// Why it cannot be told whether it contains one.
    pub(super) doubt: Option<Doubt>,
}

/// Why a bill of materials does not tell.
#[derive(Debug)]
pub(super) struct Doubt {
    pub(super) message: String,
    /// The manifest of the bill of materials.
    pub(super) manifest: Option<Digest>,
}

impl Revocations {
    /// Looks for revoked components of the artifact. Only whom the policy names says what is in it:
    /// strangers may list whatever they like. What such a list hides by being illegible, or by not
    /// being at hand, is not passed over.
    pub(super) fn of_component(
        &self,
        question: &Question<'_>,
        candidates: &[Candidate],
        reached: &Reached,
    ) -> Components<'_> {
        let mut out = Components::default();
        let wanted: Vec<(&Taken, &Purl)> = self
            .in_force()
            .iter()
            .flat_map(|taken| taken.targets.iter().map(move |target| (taken, target)))
            .filter_map(|(taken, target)| match target {
                Target::Component { purl } => Some((taken, purl)),
                _ => None,
            })
            .collect();
        if wanted.is_empty() {
            return out;
        }
        let policy = question.policy;
        let names: Vec<String> = policy.identities.keys().cloned().collect();
        let counts = |statement: &Verified<Statement>| {
            let (signer, time) = (statement.signer(), statement.time());
            reached.is_subject_of(statement.value())
                && match_any(policy, policy, &names, signer, time, question.now) != Matched::No
        };
        let covering = question.evidence.covering();
        // What is said of a part by naming a document is followed for nobody.
        let is_elsewhere = |statement: &Statement| {
            !Evidence::is_about(statement, &covering) && names_documents(statement, question.limits)
        };
        if question.evidence.is_incomplete() {
            let message =
                "a component was revoked, and not everything beside the artifact is there";
            out.doubt = Some(Doubt::new(message, None));
        }
        for candidate in candidates {
            let listed = match (candidate.outcome(), &candidate.referring) {
                (Ok(statement), _) if counts(statement) && is_elsewhere(statement.value()) => {
                    Err("it is beside a part of the artifact, and referred to only".to_owned())
                }
                (Ok(statement), _) if counts(statement) => Bill::read(statement.value()),
                (Err(refusal), Some(bill)) if counts(bill) && is_bill(bill.value()) => {
                    Err(refusal.to_string())
                }
                _ => continue,
            };
            let because = match listed {
                Ok(listed) => {
                    let (purls, odd) = read(listed.purls());
                    let found = purls.into_iter().find_map(|found| {
                        let (taken, _) = wanted.iter().find(|(_, purl)| is(purl, &found))?;
                        Some((*taken, found.as_str().to_owned()))
                    });
                    if found.is_some() {
                        out.taken = found;
                        return out;
                    }
                    odd.map(|odd| format!("lists `{odd}`, which names no package"))
                        .or(listed.elsewhere)
                }
                Err(because) => Some(format!("cannot be read: {because}")),
            };
            if let Some(because) = because {
                let message = format!("a component was revoked, and a bill of materials {because}");
                out.doubt = Some(Doubt::new(&message, candidate.manifest()));
            }
        }
        out
    }
}

/// Package URLs, and the first text that is none, or may have been meant as another.
fn read<'t>(texts: impl Iterator<Item = &'t str>) -> (Vec<Purl>, Option<String>) {
    let mut odd = None;
    let mut purls = Vec::new();
    for text in texts {
        let purl = text.parse::<Purl>().ok();
        let is_clear = purl
            .as_ref()
            .is_some_and(|purl| !Package::of(purl).is_unclear());
        purls.extend(purl);
        if !is_clear && odd.is_none() {
            let text: String = text.chars().take(100).collect();
            odd = Some(text.escape_debug().to_string());
        }
    }
    (purls, odd)
}

impl Doubt {
    fn new(message: &str, manifest: Option<&Digest>) -> Self {
        Self {
            message: message.to_owned(),
            manifest: manifest.cloned(),
        }
    }
}

fn is(wanted: &Purl, found: &Purl) -> bool {
    let (wanted, found) = (Package::of(wanted), Package::of(found));
    wanted.kind == found.kind
        && wanted.path == found.path
        && (wanted.version.is_none() || wanted.version == found.version)
}
