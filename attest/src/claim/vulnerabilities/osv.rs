//! OSV-Scanner's JSON reports, <https://google.github.io/osv-scanner/output/>, with entries in the
//! OSV schema, <https://ossf.github.io/osv-schema/>.

use std::collections::BTreeSet;

use bulla_model::{Limits, json};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;

use super::{ClaimError, Found, Told, named};

#[derive(Deserialize)]
struct Report {
    results: Vec<Source>,
    #[serde(default)]
    errors: Option<IgnoredAny>,
}

#[derive(Deserialize)]
struct Source {
    packages: Vec<Scanned>,
}

#[derive(Deserialize)]
struct Scanned {
    package: Package,
    #[serde(default)]
    vulnerabilities: Option<Vec<Entry>>,
    #[serde(default)]
    groups: Option<Vec<Group>>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    #[serde(default)]
    version: Option<String>,
    #[serde(default)]
    ecosystem: Option<String>,
}

#[derive(Deserialize)]
struct Group {
    ids: Vec<String>,
    #[serde(default)]
    aliases: Option<Vec<String>>,
    #[serde(default)]
    max_severity: Option<String>,
}

#[derive(Deserialize)]
struct Entry {
    id: String,
    #[serde(default)]
    affected: Option<Vec<Affected>>,
    #[serde(default)]
    database_specific: Option<Value>,
}

#[derive(Deserialize)]
struct Affected {
    #[serde(default)]
    package: Option<AffectedPackage>,
    #[serde(default)]
    ranges: Option<Vec<Range>>,
}

#[derive(Deserialize)]
struct AffectedPackage {
    #[serde(default)]
    ecosystem: Option<String>,
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    purl: Option<String>,
}

#[derive(Deserialize)]
struct Range {
    #[serde(default, rename = "type")]
    kind: Option<String>,
    #[serde(default)]
    events: Option<Vec<Value>>,
}

pub(super) fn read(document: &[u8], limits: &Limits) -> Result<Told, ClaimError> {
    let report: Report = json::read(document, limits.bundle_bytes, limits.json_depth)?;
    if report.errors.is_some() {
        return Err(ClaimError::ScanFormat);
    }
    let scanned = report
        .results
        .into_iter()
        .flat_map(|source| source.packages);
    Ok(Told {
        scanner: "pkg:github/google/osv-scanner",
        version: None,
        database: None,
        ended: None,
        found: scanned.flat_map(Scanned::found).collect(),
        ignored: 0,
        images: BTreeSet::new(),
    })
}

/// An ecosystem without its release: `Debian:12` is one of `Debian`.
fn family(ecosystem: Option<&String>) -> Option<&str> {
    ecosystem?.split(':').next()
}

impl Scanned {
    fn found(self) -> Vec<Found> {
        let entries = self.vulnerabilities.unwrap_or_default();
        let mut groups = self.groups.unwrap_or_default();
        // What stands in no group is one of its own.
        let grouped: BTreeSet<String> = groups.iter().flat_map(|one| one.ids.clone()).collect();
        let alone = entries.iter().filter(|entry| !grouped.contains(&entry.id));
        groups.extend(alone.map(|entry| Group {
            ids: vec![entry.id.clone()],
            aliases: None,
            max_severity: None,
        }));
        let package = &self.package;
        let found = groups.into_iter().filter_map(|group| {
            let of_group = |entry: &&Entry| group.ids.contains(&entry.id);
            let members: Vec<&Entry> = entries.iter().filter(of_group).collect();
            let severities = group.severities(&members);
            let ids = group
                .ids
                .into_iter()
                .chain(group.aliases.unwrap_or_default());
            let (id, aliases) = named(ids.collect())?;
            Some(Found {
                id,
                aliases,
                severities,
                package: package.purl(&members),
                name: package.name.clone(),
                version: package.version.clone().unwrap_or_default(),
                fixed: package.fixed(&members),
            })
        });
        found.collect()
    }
}

impl Group {
    /// The highest score, else the words of the databases.
    fn severities(&self, members: &[&Entry]) -> Vec<(String, String)> {
        let score = self.max_severity.as_ref().filter(|score| !score.is_empty());
        if let Some(score) = score {
            return vec![("CVSS".to_owned(), score.clone())];
        }
        let words = members.iter().filter_map(|entry| {
            let word = entry
                .database_specific
                .as_ref()?
                .get("severity")?
                .as_str()?;
            let word = if word == "MODERATE" { "MEDIUM" } else { word };
            Some(("osv".to_owned(), word.to_owned()))
        });
        words.collect()
    }
}

impl Package {
    fn affected<'e>(&self, members: &[&'e Entry]) -> Vec<&'e Affected> {
        let affected = members.iter().filter_map(|entry| entry.affected.as_ref());
        let is_this = |one: &&Affected| {
            one.package.as_ref().is_some_and(|package| {
                package.name.as_ref() == Some(&self.name)
                    && family(package.ecosystem.as_ref()) == family(self.ecosystem.as_ref())
            })
        };
        affected.flatten().filter(is_this).collect()
    }

    fn fixed(&self, members: &[&Entry]) -> Option<Vec<String>> {
        let mut fixed = BTreeSet::new();
        let affected = self.affected(members);
        if affected.is_empty() {
            return None;
        }
        // A fix may be known by another word than a version: as a commit, or as what comes after the
        // last version that has it. Then it cannot be said that there is none.
        let mut is_told_else = false;
        let affected = affected.into_iter();
        for range in affected.filter_map(|one| one.ranges.as_ref()).flatten() {
            let is_commits = range.kind.as_deref() == Some("GIT");
            for event in range.events.iter().flatten() {
                match event.get("fixed").and_then(Value::as_str) {
                    Some(version) if !is_commits => {
                        fixed.insert(version.to_owned());
                    }
                    Some(_) => is_told_else = true,
                    None => is_told_else |= event.get("last_affected").is_some(),
                }
            }
        }
        (!fixed.is_empty() || !is_told_else).then(|| fixed.into_iter().collect())
    }

    /// The package URL, of the version found: as an entry writes it, else by the ecosystem where a
    /// name there is a name in package URLs.
    fn purl(&self, members: &[&Entry]) -> Option<String> {
        let version = self.version.as_deref().filter(|text| !text.is_empty());
        let mut affected = self.affected(members).into_iter();
        let said = affected.find_map(|one| one.package.as_ref()?.purl.clone());
        let mut parts = if let Some(text) = said {
            text.parse::<bulla_model::Purl>().ok()?.parts()
        } else {
            let kind = match self.ecosystem.as_deref()? {
                "crates.io" => "cargo",
                "Go" => "golang",
                "npm" => "npm",
                "NuGet" => "nuget",
                "PyPI" => "pypi",
                "RubyGems" => "gem",
                _ => return None,
            };
            let (namespace, name) = match self.name.rsplit_once('/') {
                Some((namespace, name)) => (Some(namespace.to_owned()), name.to_owned()),
                None => (None, self.name.clone()),
            };
            bulla_model::PurlParts {
                kind: kind.to_owned(),
                namespace,
                name,
                ..bulla_model::PurlParts::default()
            }
        };
        parts.version = version.map(str::to_owned);
        parts.build().ok().map(|purl| purl.to_string())
    }
}
