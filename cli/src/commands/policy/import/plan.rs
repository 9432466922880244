//! Who becomes which identity and person, and what is asked where.

use std::collections::{BTreeMap, BTreeSet};

use super::gaps::Gap;
use super::names::Names;
use super::patterns::Matching;
use super::persons::{Approvals, Person, Roll, known_by};
use super::rules::{Asked, Attestor, Claim, ClaimKind, Clause, Way};
use super::yaml::{list, quoted};

/// The identity that nobody has: issuers are URLs.
pub(super) const NOBODY: &str = "not-translated";

/// A policy's contents, ready to be written.
#[derive(Debug, Default)]
pub(super) struct Plan {
    pub(super) identities: Vec<Known>,
    pub(super) persons: Vec<Person>,
    pub(super) services: Vec<Service>,
    /// What none of these can say.
    pub(super) gaps: Vec<Gap>,
}

/// A named identity.
#[derive(Debug)]
pub(super) struct Known {
    pub(super) name: String,
    pub(super) ways: Vec<Way>,
}

/// A service with a tier of its own.
#[derive(Debug)]
pub(super) struct Service {
    pub(super) name: String,
    pub(super) places: Vec<String>,
    pub(super) images: Vec<String>,
    pub(super) claimed_time: bool,
    /// Who may promote.
    pub(super) by: Vec<String>,
    /// Requirements, of each kind one: `sbom: {by: [builder]}`.
    pub(super) require: Vec<String>,
    /// Those beyond the first of a kind.
    pub(super) more: Vec<String>,
    pub(super) denied: Vec<Gap>,
}

impl Plan {
    pub(super) fn of(asked: Vec<Asked>) -> Self {
        let mut making = Making {
            names: Names::without(NOBODY),
            ..Making::default()
        };
        let mut names = Names::without(NOBODY);
        let several = asked.len() > 1;
        for one in asked {
            let name = names.unused(&one.name, "policy");
            making.service(name, one, several);
        }
        let mut plan = making.plan;
        let roll = Roll::of(&making.approvals);
        plan.persons = roll.persons;
        plan.gaps = roll.narrower;
        for (service, gap) in roll.denied {
            if let Some(service) = plan.services.get_mut(service) {
                service.denied.push(gap.clone());
            }
            plan.gaps.push(gap);
        }
        plan
    }

    /// Whether something stands for what could not be said.
    pub(super) fn names_nobody(&self) -> bool {
        self.services.iter().any(|service| {
            let texts = service.require.iter().chain(&service.more);
            !service.denied.is_empty()
                || service.by.iter().any(|name| name == NOBODY)
                || texts.into_iter().any(|text| text.contains(NOBODY))
        })
    }
}

/// A plan, and what is needed while it is made.
#[derive(Default)]
struct Making {
    plan: Plan,
    /// Of identities.
    names: Names,
    /// The identity of these ways.
    known: BTreeMap<Vec<(String, Option<Matching>)>, String>,
    approvals: Vec<Approvals>,
}

impl Making {
    /// Where there are several, who signs provenance for one of them speaks for that one alone: whoever
    /// the base lets sign it speaks for all.
    fn service(&mut self, name: String, asked: Asked, several: bool) {
        let claimed_time = asked.takes_words_for_time();
        let claims = asked.claims.iter().flat_map(|claim| &claim.signed);
        let promoters = asked.signed.first().or_else(|| claims.clone().next());
        let by = promoters.map_or_else(
            || vec![NOBODY.to_owned()],
            |clause| self.names(&name, &clause.attestors),
        );
        let mut all = Vec::new();
        for claim in &asked.claims {
            all.extend(self.claim(&name, claim));
        }
        // Which service an image is of is what its provenance says.
        if !all.iter().any(|(kind, _)| *kind == "provenance") {
            all.insert(
                0,
                ("provenance", format!("provenance: {{by: {}}}", list(&by))),
            );
        }
        for (number, clause) in asked.signed.iter().enumerate() {
            if number > 0 || clause.threshold > 1 {
                let role = format!("{name}-signer-{}", number + 1);
                all.push(("approvals", self.approvals(&name, role, clause)));
            }
        }
        let (mut require, mut more) = (BTreeMap::new(), Vec::new());
        for (kind, text) in all {
            if several && kind == "provenance" {
                more.push(text);
                continue;
            }
            let first = require.entry(kind).or_insert_with(|| text.clone());
            if *first != text {
                more.push(text);
            }
        }
        let mut seen = BTreeSet::new();
        more.retain(|text| seen.insert(text.clone()));
        let order = [
            "provenance",
            "sbom",
            "tests",
            "vulnerabilities",
            "approvals",
        ];
        self.plan.services.push(Service {
            name,
            places: asked.places,
            images: asked.images,
            claimed_time,
            by,
            require: order
                .iter()
                .filter_map(|kind| require.remove(kind))
                .collect(),
            more,
            denied: asked.denied,
        });
    }

    /// The requirements that a claim becomes: one for each set of attestors, any of whom will do, or
    /// for each attestor where more of them have to say it.
    fn claim(&mut self, service: &str, claim: &Claim) -> Vec<(&'static str, String)> {
        let mut lists = Vec::new();
        for clause in &claim.signed {
            if clause.threshold <= 1 {
                lists.push(self.names(service, &clause.attestors));
            } else {
                let each = clause.attestors.iter();
                lists.extend(each.map(|one| self.names(service, std::slice::from_ref(one))));
                // More than there are is more than anybody can give.
                if clause.threshold > clause.attestors.len() {
                    lists.push(vec![NOBODY.to_owned()]);
                }
            }
        }
        let requirements = lists.iter().map(|by| requirement(&claim.kind, by));
        requirements.collect()
    }

    /// So many persons with this role.
    fn approvals(&mut self, service: &str, role: String, clause: &Clause) -> String {
        let able = clause.attestors.iter().filter(|one| !one.ways.is_empty());
        let signers = able.map(|one| (self.name(service, one), distinct(&one.ways)));
        let signers = signers.collect();
        let text = format!(
            "approvals: {{threshold: {}, roles: [{role}], exclude: []}}",
            clause.threshold.max(1)
        );
        self.approvals.push(Approvals {
            service: self.plan.services.len(),
            role,
            threshold: clause.threshold,
            signers,
            unsaid: clause.unsaid.clone(),
        });
        text
    }

    /// The names of those who can be somebody; nobody, if none can.
    fn names(&mut self, service: &str, attestors: &[Attestor]) -> Vec<String> {
        let (mut names, mut seen) = (Vec::new(), BTreeSet::new());
        for attestor in attestors.iter().filter(|one| !one.ways.is_empty()) {
            let name = self.name(service, attestor);
            if seen.insert(name.clone()) {
                names.push(name);
            }
        }
        if names.is_empty() {
            names.push(NOBODY.to_owned());
        }
        names
    }

    /// The name of an identity, one for each that is different.
    fn name(&mut self, service: &str, attestor: &Attestor) -> String {
        let ways = distinct(&attestor.ways);
        let known = ways.iter().map(known_by);
        let known = known
            .map(|(text, subject)| (text.to_owned(), subject.cloned()))
            .collect();
        if let Some(name) = self.known.get(&known) {
            return name.clone();
        }
        let wanted = match attestor.name.as_str() {
            "" => format!("{service}-signer"),
            name => format!("{service}-{name}"),
        };
        let name = self.names.unused(&wanted, "signer");
        self.known.insert(known, name.clone());
        self.plan.identities.push(Known {
            name: name.clone(),
            ways,
        });
        name
    }
}

fn requirement(kind: &ClaimKind, by: &[String]) -> (&'static str, String) {
    let by = list(by);
    let texts = |name: &str, texts: &[String]| {
        if texts.is_empty() {
            return String::new();
        }
        let texts: Vec<_> = texts.iter().map(|text| quoted(text)).collect();
        format!(", {name}: [{}]", texts.join(", "))
    };
    match kind {
        ClaimKind::Provenance {
            builders,
            build_types,
        } => {
            let (builders, types) = (
                texts("builders", builders),
                texts("buildTypes", build_types),
            );
            (
                "provenance",
                format!("provenance: {{by: {by}{builders}{types}}}"),
            )
        }
        ClaimKind::Sbom { format } => ("sbom", format!("sbom: {{by: {by}, formats: [{format}]}}")),
        ClaimKind::Vulnerabilities { max_age } => {
            let age = max_age.as_ref();
            let age = age.map_or_else(String::new, |age| format!(", maxAge: {age}"));
            (
                "vulnerabilities",
                format!("vulnerabilities: {{by: {by}{age}}}"),
            )
        }
        ClaimKind::Tests => ("tests", format!("tests: {{by: {by}}}")),
    }
}

/// Each once, in order.
fn distinct(ways: &[Way]) -> Vec<Way> {
    let mut ways = ways.to_vec();
    ways.sort();
    ways.dedup_by(|a, b| known_by(a) == known_by(b));
    ways
}
