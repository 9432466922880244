//! OpenVEX: who says that a finding does not concern the artifact, and whether that still stands.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use jiff::Timestamp;

use bulla_model::predicate::OpenVex;
use bulla_model::predicate::openvex::{self, VexProduct, VexStatement, VexStatus};
use bulla_model::{Algorithm, Digest, Identity, Purl, PurlParts, Statement};

use super::{CHECK, Found, VulnerabilitiesRule};
use crate::against::speaks_against;
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
    /// Under every id; one statement may have thousands.
    blaming: BTreeMap<String, Vec<Rc<Said>>>,
    /// When documents by somebody who is named were issued that nobody can read.
    unreadable: Vec<Option<Timestamp>>,
    /// What was taken back and would clear something.
    revoked: BTreeMap<(Digest, Identity), (Vec<Said>, Finding)>,
}

/// One statement of a document.
struct Said {
    name: String,
    status: VexStatus,
    /// When it was known; of what speaks against, nothing if that is not known.
    at: Option<Timestamp>,
    products: Vec<Product>,
}

/// A product that is the artifact, or may be.
struct Product {
    /// The components of it that are meant, each by its package URLs. Without any, all.
    components: Vec<Vec<PurlParts>>,
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
        // Who clears the whole clears each platform of it.
        let wanted = Wanted {
            about: context.covering,
            ..Wanted::new(context, CHECK, (&[openvex::TYPE], &rule.vex), at)
        };
        for statement in wanted.among(context.candidates).statements {
            vex.hear(context, statement);
        }
        // Copies say the same, so one payload by one signer is heard once.
        let mut against: BTreeMap<_, Vec<&Verified<Statement>>> = BTreeMap::new();
        for candidate in context.candidates {
            let kind = candidate.claimed_type();
            if kind.is_some_and(|kind| is_type(kind, openvex::TYPE)) {
                match candidate.outcome() {
                    Ok(said) if speaks_against(context, &rule.vex, said, at) => {
                        let key = (said.payload(), said.signer());
                        against.entry(key).or_default().push(said);
                    }
                    Ok(_) => {}
                    Err(_) => vex.hear_revoked(context, &wanted, candidate),
                }
            }
        }
        for copies in against.values() {
            vex.hear_against(context, copies);
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
    fn hear_against(&mut self, context: &Context<'_>, copies: &[&Verified<Statement>]) {
        let now = context.question.now;
        let Some(statement) = copies.first() else {
            return;
        };
        let word = statement.time().word();
        // A time that cannot be is none.
        let can_be = |at: &Timestamp| {
            let mut times = copies.iter().map(|copy| copy.time());
            times.all(|time| time.may_tell_of(*at, now))
        };
        let Ok(document) = statement.predicate::<OpenVex>() else {
            return self.unreadable.push(word.filter(can_be));
        };
        for said in &document.value().statements {
            if matches!(said.status, VexStatus::NotAffected | VexStatus::Fixed) {
                continue;
            }
            let at = document.value().known_at(said).or(word);
            let blame = Rc::new(Said {
                name: said.vulnerability.name.clone(),
                status: said.status,
                at: at.filter(can_be),
                products: products(context.covering, said, may_be),
            });
            let names = std::iter::once(&said.vulnerability.name);
            let names = names.chain(&said.vulnerability.aliases);
            let keys: BTreeSet<_> = names.map(|name| name.to_ascii_lowercase()).collect();
            for key in keys {
                let held = self.blaming.entry(key).or_default();
                held.push(Rc::clone(&blame));
            }
        }
    }

    fn hear_revoked(&mut self, context: &Context<'_>, wanted: &Wanted<'_>, one: &Candidate) {
        let Some((statement, finding)) = wanted.missed(one) else {
            return;
        };
        let said = clearing(context, statement);
        let key = (statement.payload().clone(), statement.signer().clone());
        if !said.is_empty() {
            self.revoked.entry(key).or_insert((said, finding));
        }
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
        let mut revoked = self.revoked.values();
        let would_clear = |said: &Said| {
            found.keys.contains(&said.name.to_ascii_lowercase())
                && said.products.iter().any(|one| one.surely_has(found))
        };
        revoked
            .find(|(said, _)| said.iter().any(would_clear))
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
                products: products(context.covering, said, surely_is),
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

/// The products of a statement that are the artifact, by what is asked of each.
fn products(
    covering: &[Digest],
    said: &VexStatement,
    is_it: fn(&[Digest], &VexProduct) -> bool,
) -> Vec<Product> {
    if said.products.is_empty() {
        // What the in-toto statement is about, which was looked at.
        return vec![Product {
            components: Vec::new(),
        }];
    }
    let named = said.products.iter();
    named
        .filter(|product| is_it(covering, product))
        .map(|product| Product {
            components: product.subcomponents.iter().map(packages).collect(),
        })
        .collect()
}

/// Whether a product is the artifact by every digest it names. Names are chosen by whoever writes
/// them and never believed. The first of `covering` is the artifact, the others list it: of those a
/// qualifier may mean another part, and of an artifact that nothing lists, which may be an index.
fn surely_is(covering: &[Digest], product: &VexProduct) -> bool {
    let own = match covering {
        [own, _, ..] => std::slice::from_ref(own),
        _ => &[],
    };
    let digests = digests(product);
    let is_it = |(digest, is_part): &(Option<Digest>, bool)| {
        let believed = if *is_part { own } else { covering };
        digest
            .as_ref()
            .is_some_and(|digest| believed.contains(digest))
    };
    !digests.is_empty() && digests.iter().all(is_it)
}

/// Whether a product may be the artifact: by no digest, by one that is none, or by any that fits.
fn may_be(covering: &[Digest], product: &VexProduct) -> bool {
    let digests = digests(product);
    let fits = |digest: &Option<Digest>| match digest {
        Some(digest) => covering.contains(digest),
        None => true,
    };
    digests.is_empty() || digests.iter().any(|(digest, _)| fits(digest))
}

/// The SHA-256 digests a product names, `None` for one that is none, and whether only a part of
/// what has the digest is meant.
fn digests(product: &VexProduct) -> Vec<(Option<Digest>, bool)> {
    let purls: Vec<PurlParts> = packages(product);
    let is_part = purls.iter().any(|purl| !is_whole(purl));
    let purls = purls.iter().filter(|purl| purl.kind == "oci");
    let hashes = product.hashes.iter();
    let hashes = hashes.filter_map(|(name, value)| {
        let name = name.to_ascii_lowercase();
        let is_sha256 = name == "sha-256" || name == "sha256";
        is_sha256.then(|| Digest::new(Algorithm::Sha256, &value.to_ascii_lowercase()).ok())
    });
    let versions = purls.filter_map(|purl| {
        let version = purl.version.as_ref()?;
        let is_digest = version.starts_with("sha256:");
        is_digest.then(|| version.parse::<Digest>().ok())
    });
    hashes
        .chain(versions)
        .map(|digest| (digest, is_part))
        .collect()
}

/// Whether a package URL means all of what it names: qualifiers but for where it is kept, and a
/// path in it, choose a part.
fn is_whole(purl: &PurlParts) -> bool {
    let mut names = purl.qualifiers.keys();
    purl.subpath.is_none() && names.all(|name| name == "repository_url" || name == "tag")
}

fn packages(component: &VexProduct) -> Vec<PurlParts> {
    let names = component.names.iter();
    let purls = names.filter_map(|text| text.parse::<Purl>().ok());
    purls.map(|purl| purl.parts()).collect()
}

impl Product {
    fn surely_has(&self, found: &Found) -> bool {
        // A component by two names that are two packages is no one certain package.
        let is_it = |component: &Vec<PurlParts>, package: &PurlParts| {
            !component.is_empty() && component.iter().all(|one| is_within(one, package))
        };
        let in_one = |package: &PurlParts| self.components.iter().any(|one| is_it(one, package));
        self.components.is_empty()
            || (!found.packages.is_empty() && found.packages.iter().all(in_one))
    }

    fn may_have(&self, found: &Found) -> bool {
        let is_same = |component: &PurlParts| {
            found.packages.iter().any(|package| {
                package.kind == component.kind
                    && package.namespace == component.namespace
                    && package.name == component.name
            })
        };
        let may_be =
            |component: &Vec<PurlParts>| component.is_empty() || component.iter().any(is_same);
        self.components.is_empty()
            || found.packages.is_empty()
            || self.components.iter().any(may_be)
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
