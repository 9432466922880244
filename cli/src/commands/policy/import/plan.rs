//! Who becomes which identity and person, and what is asked where.

use std::collections::{BTreeMap, BTreeSet};

use super::gaps::Gap;
use super::patterns::Matching;
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
}

/// A named identity.
#[derive(Debug)]
pub(super) struct Known {
    pub(super) name: String,
    pub(super) ways: Vec<Way>,
}

/// Somebody whose approval counts.
#[derive(Debug)]
pub(super) struct Person {
    pub(super) name: String,
    pub(super) roles: BTreeSet<String>,
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
        let mut plan = Self::default();
        let mut names = BTreeSet::from([NOBODY.to_owned()]);
        let several = asked.len() > 1;
        for one in asked {
            let name = unused(&one.name, "policy", &mut names);
            plan.service(name, one, several);
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
                all.push(("approvals", self.approvals(&name, &role, clause)));
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
        self.services.push(Service {
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
    fn approvals(&mut self, service: &str, role: &str, clause: &Clause) -> String {
        for attestor in &clause.attestors {
            if !attestor.ways.is_empty() {
                let name = self.name(service, attestor);
                self.person(name, role, &attestor.ways);
            }
        }
        format!(
            "approvals: {{threshold: {}, roles: [{role}], exclude: []}}",
            clause.threshold.max(1)
        )
    }

    /// Whoever shares a key with another is the same person: nobody may count twice.
    fn person(&mut self, name: String, role: &str, ways: &[Way]) {
        let same = |person: &Person| {
            let mut own = person.ways.iter();
            own.any(|way| ways.iter().any(|other| known_by(way) == known_by(other)))
        };
        let mut next = Person {
            name,
            roles: BTreeSet::from([role.to_owned()]),
            ways: ways.to_vec(),
        };
        let (met, mut apart): (Vec<_>, Vec<_>) = std::mem::take(&mut self.persons)
            .into_iter()
            .partition(same);
        for person in met.into_iter().rev() {
            next.name = person.name;
            next.roles.extend(person.roles);
            let added: Vec<_> = std::mem::replace(&mut next.ways, person.ways);
            next.ways.extend(added);
        }
        next.ways = distinct(&next.ways);
        apart.push(next);
        self.persons = apart;
    }

    /// The names of those who can be somebody; nobody, if none can.
    fn names(&mut self, service: &str, attestors: &[Attestor]) -> Vec<String> {
        let mut names = Vec::new();
        for attestor in attestors.iter().filter(|one| !one.ways.is_empty()) {
            let name = self.name(service, attestor);
            if !names.contains(&name) {
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
        let texts: Vec<_> = ways.iter().map(known_by).collect();
        let same = |known: &&Known| known.ways.iter().map(known_by).collect::<Vec<_>>() == texts;
        if let Some(known) = self.identities.iter().find(same) {
            return known.name.clone();
        }
        let mut taken: BTreeSet<_> = self.identities.iter().map(|one| one.name.clone()).collect();
        taken.insert(NOBODY.to_owned());
        let wanted = match attestor.name.as_str() {
            "" => format!("{service}-signer"),
            name => format!("{service}-{name}"),
        };
        let name = unused(&wanted, "signer", &mut taken);
        self.identities.push(Known {
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

/// What tells a signer from others, whatever is asked about the time.
fn known_by(way: &Way) -> (&str, Option<&Matching>) {
    match way {
        Way::Key { pem, .. } => (pem, None),
        Way::Certificate { issuer, subject } => (issuer, Some(subject)),
    }
}

/// Each once, in order.
fn distinct(ways: &[Way]) -> Vec<Way> {
    let mut ways = ways.to_vec();
    ways.sort();
    ways.dedup_by(|a, b| known_by(a) == known_by(b));
    ways
}

/// A name that nobody has: as wanted, or with a number.
fn unused(wanted: &str, otherwise: &str, names: &mut BTreeSet<String>) -> String {
    let wanted = if wanted.is_empty() { otherwise } else { wanted };
    let mut name = wanted.to_owned();
    let mut number = 2_usize;
    while !names.insert(name.clone()) {
        name = format!("{wanted}-{number}");
        number = number.saturating_add(1);
    }
    name
}
