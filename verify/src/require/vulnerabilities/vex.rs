//! OpenVEX: who says that a finding does not concern the artifact, and whether that still stands.

use std::collections::BTreeMap;

use jiff::Timestamp;

use bulla_model::predicate::OpenVex;
use bulla_model::predicate::openvex::{self, VexProduct, VexStatement, VexStatus};
use bulla_model::{Algorithm, Digest, Purl, PurlParts, Statement};

use super::scans::speaks_against;
use super::{CHECK, Found, VulnerabilitiesRule};
use crate::candidate::Candidate;
use crate::eligible::Wanted;
use crate::question::Context;
use crate::signature::is_type;
use crate::verdict::Finding;
use crate::verified::Verified;

/// What VEX documents say, by the lower-case ids of vulnerabilities.
#[derive(Default)]
pub(super) struct Vex {
    clearing: BTreeMap<String, Vec<Said>>,
    blaming: BTreeMap<String, Vec<Said>>,
    /// When documents by somebody who is named were issued that nobody can read.
    unreadable: Vec<Option<Timestamp>>,
    /// What was taken back and would clear something.
    revoked: Vec<(Said, Finding)>,
}

/// One statement of a document.
#[derive(Clone)]
struct Said {
    name: String,
    status: VexStatus,
    /// When it was known; of what speaks against, nothing if that is not known.
    at: Option<Timestamp>,
    products: Vec<Product>,
}

/// A product that is the artifact, or may be.
#[derive(Clone)]
struct Product {
    /// Whether it surely is.
    certain: bool,
    /// The components of it that are meant; `None` is one that is no package URL. Without any, all.
    components: Vec<Option<PurlParts>>,
}

/// What a finding comes to.
pub(super) enum Cleared {
    /// It is cleared.
    Yes(VexStatus),
    /// It is not, and why something that looks like it does not help.
    No(Option<String>),
}

impl Vex {
    pub(super) fn of(context: &Context<'_>, at: Timestamp, rule: &VulnerabilitiesRule) -> Self {
        let mut vex = Self::default();
        if rule.vex.is_empty() {
            return vex;
        }
        let wanted = Wanted {
            check: CHECK,
            types: &[openvex::TYPE],
            by: &rule.vex,
            policy: context.policy,
            current: context.question.policy,
            tier: context.tier_rule,
            covering: context.covering,
            at,
            now: context.question.now,
            max_age: None,
        };
        for statement in wanted.among(context.candidates).statements {
            vex.hear(context, statement);
        }
        for candidate in context.candidates {
            let kind = candidate.claimed_type();
            if kind.is_some_and(|kind| is_type(kind, openvex::TYPE)) {
                match candidate.outcome() {
                    Ok(said) if speaks_against(context, &rule.vex, said, at) => {
                        vex.hear_against(context, said);
                    }
                    Ok(_) => {}
                    Err(_) => vex.hear_revoked(context, &wanted, candidate),
                }
            }
        }
        vex
    }

    /// What a document that counts says for the artifact.
    fn hear(&mut self, context: &Context<'_>, statement: &Verified<Statement>) {
        for said in clearing(context, statement) {
            let key = said.name.to_ascii_lowercase();
            self.clearing.entry(key).or_default().push(said);
        }
    }

    /// What a document says against it, whatever may be wrong with its time.
    fn hear_against(&mut self, context: &Context<'_>, statement: &Verified<Statement>) {
        let (time, now) = (statement.time(), context.question.now);
        let Ok(document) = statement.predicate::<OpenVex>() else {
            let word = time.word().filter(|word| time.may_tell_of(*word, now));
            return self.unreadable.push(word);
        };
        for said in &document.value().statements {
            if matches!(said.status, VexStatus::NotAffected | VexStatus::Fixed) {
                continue;
            }
            let at = document.value().known_at(said).or(time.word());
            let blame = Said {
                name: said.vulnerability.name.clone(),
                status: said.status,
                at: at.filter(|at| time.may_tell_of(*at, now)),
                products: products(context.covering, said),
            };
            let names = std::iter::once(&said.vulnerability.name);
            for name in names.chain(&said.vulnerability.aliases) {
                let key = name.to_ascii_lowercase();
                self.blaming.entry(key).or_default().push(blame.clone());
            }
        }
    }

    fn hear_revoked(&mut self, context: &Context<'_>, wanted: &Wanted<'_>, one: &Candidate) {
        let Some((statement, finding)) = wanted.missed(one) else {
            return;
        };
        let said = clearing(context, statement).into_iter();
        self.revoked
            .extend(said.map(|said| (said, finding.clone())));
    }

    /// What is known of a finding.
    pub(super) fn clears(&self, found: &Found) -> Cleared {
        let mut why = None;
        for key in &found.keys {
            for said in self.clearing.get(key).into_iter().flatten() {
                if !said.products.iter().any(|one| one.surely_has(found)) {
                    why.get_or_insert_with(|| {
                        format!("OpenVEX says {} of something else", said.status.as_str())
                    });
                    continue;
                }
                match self.taken_back(said, found) {
                    None => return Cleared::Yes(said.status),
                    Some(reason) => why = Some(reason),
                }
            }
        }
        Cleared::No(why)
    }

    /// Why a clearance does not stand: something as new says otherwise.
    fn taken_back(&self, said: &Said, found: &Found) -> Option<String> {
        let as_new = |at: &Option<Timestamp>| at.is_none_or(|at| Some(at) >= said.at);
        if self.unreadable.iter().any(as_new) {
            return Some("a newer OpenVEX document cannot be read".to_owned());
        }
        let mut blaming = found
            .keys
            .iter()
            .filter_map(|key| self.blaming.get(key))
            .flatten();
        let blame = blaming.find(|blame| {
            as_new(&blame.at) && blame.products.iter().any(|one| one.may_have(found))
        })?;
        let status = blame.status.as_str();
        Some(format!("OpenVEX says {status} since, or as late"))
    }

    /// The first clearance of this finding that was taken back by a revocation.
    pub(super) fn revoked(&self, found: &Found) -> Option<Finding> {
        let mut revoked = self.revoked.iter();
        let would_clear = |said: &Said| {
            found.keys.contains(&said.name.to_ascii_lowercase())
                && said.products.iter().any(|one| one.surely_has(found))
        };
        revoked
            .find(|(said, _)| would_clear(said))
            .map(|(_, finding)| finding.clone())
    }
}

/// The statements of a document that clear something, and whose time is known.
fn clearing(context: &Context<'_>, statement: &Verified<Statement>) -> Vec<Said> {
    let (time, now) = (statement.time(), context.question.now);
    let Ok(document) = statement.predicate::<OpenVex>() else {
        return Vec::new();
    };
    if time.existed_by().is_none() {
        return Vec::new();
    }
    let statements = document.value().statements.iter();
    statements
        .filter(|said| is_reasoned(said))
        .filter_map(|said| {
            let at = document.value().known_at(said).or(time.word())?;
            time.may_tell_of(at, now).then(|| Said {
                name: said.vulnerability.name.clone(),
                status: said.status,
                at: Some(at),
                products: products(context.covering, said),
            })
        })
        .collect()
}

/// Whether a statement clears, with the reason that takes.
fn is_reasoned(said: &VexStatement) -> bool {
    let known = |text: &String| openvex::JUSTIFICATIONS.contains(&text.as_str());
    let words = said.impact_statement.as_ref();
    match said.status {
        VexStatus::Fixed => true,
        VexStatus::NotAffected => {
            said.justification.as_ref().is_some_and(known)
                || words.is_some_and(|words| !words.trim().is_empty())
        }
        VexStatus::Affected | VexStatus::UnderInvestigation => false,
    }
}

/// The products that are the artifact or may be: not those that name another digest.
fn products(covering: &[Digest], said: &VexStatement) -> Vec<Product> {
    if said.products.is_empty() {
        // What the in-toto statement is about, which was looked at.
        let certain = true;
        return vec![Product {
            certain,
            components: Vec::new(),
        }];
    }
    let named = said.products.iter();
    named
        .filter_map(|product| {
            let digests = digests(product);
            let is_it = digests.iter().all(|digest| {
                let digest = digest.as_ref();
                digest.is_some_and(|digest| covering.contains(digest))
            });
            // Only a digest is believed: names are chosen by whoever writes them.
            let certain = !digests.is_empty() && is_it;
            (certain || digests.is_empty()).then(|| Product {
                certain,
                components: product.subcomponents.iter().map(package).collect(),
            })
        })
        .collect()
}

/// The SHA-256 digests a product names: `None` for one that is none.
fn digests(product: &VexProduct) -> Vec<Option<Digest>> {
    let hashes = product.hashes.iter();
    let hashes = hashes.filter_map(|(name, value)| {
        let name = name.to_ascii_lowercase();
        let is_sha256 = name == "sha-256" || name == "sha256";
        is_sha256.then(|| Digest::new(Algorithm::Sha256, &value.to_ascii_lowercase()).ok())
    });
    let purls = product.names.iter().filter_map(|text| {
        let purl: Purl = text.parse().ok()?;
        let version = (purl.kind() == "oci").then(|| purl.parts().version)??;
        let is_digest = version.starts_with("sha256:");
        is_digest.then(|| version.parse::<Digest>().ok())
    });
    hashes.chain(purls).collect()
}

fn package(component: &VexProduct) -> Option<PurlParts> {
    let mut names = component.names.iter();
    names.find_map(|text| Some(text.parse::<Purl>().ok()?.parts()))
}

impl Product {
    fn surely_has(&self, found: &Found) -> bool {
        let in_one = |package: &PurlParts| {
            let mut known = self.components.iter().flatten();
            known.any(|component| is_within(component, package))
        };
        self.certain
            && (self.components.is_empty()
                || (!found.packages.is_empty()
                    && found
                        .packages
                        .iter()
                        .map(Purl::parts)
                        .all(|one| in_one(&one))))
    }

    fn may_have(&self, found: &Found) -> bool {
        let is_same = |component: &Option<PurlParts>| match component {
            None => true,
            Some(component) => found.packages.iter().map(Purl::parts).any(|package| {
                package.kind == component.kind
                    && package.namespace == component.namespace
                    && package.name == component.name
            }),
        };
        self.components.is_empty()
            || found.packages.is_empty()
            || self.components.iter().any(is_same)
    }
}

/// Whether a package is the one that a component names, in everything that the component says.
fn is_within(component: &PurlParts, package: &PurlParts) -> bool {
    let same = |said: &Option<String>, found: &Option<String>| said.is_none() || said == found;
    let mut qualifiers = component.qualifiers.iter();
    component.kind == package.kind
        && component.namespace == package.namespace
        && component.name == package.name
        && same(&component.version, &package.version)
        && same(&component.subpath, &package.subpath)
        && qualifiers.all(|(key, value)| package.qualifiers.get(key) == Some(value))
}
