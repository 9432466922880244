//! Grype's JSON reports,
//! <https://github.com/anchore/grype/blob/v0.90.0/grype/presenter/models/document.go>.

use bulla_model::{Limits, json};
use serde::Deserialize;
use serde_json::Value;

use super::{ClaimError, Found, Told, digests, named, time};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Report {
    matches: Vec<Match>,
    #[serde(default)]
    ignored_matches: Option<Vec<Match>>,
    descriptor: Descriptor,
    #[serde(default)]
    source: Option<Value>,
}

#[derive(Deserialize)]
struct Descriptor {
    name: String,
    #[serde(default)]
    version: Option<String>,
    #[serde(default)]
    timestamp: Option<String>,
    #[serde(default)]
    db: Option<Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Match {
    vulnerability: Vulnerability,
    #[serde(default)]
    related_vulnerabilities: Option<Vec<Related>>,
    artifact: Artifact,
}

#[derive(Deserialize)]
struct Related {
    id: String,
}

#[derive(Deserialize)]
struct Vulnerability {
    id: String,
    #[serde(default)]
    severity: Option<String>,
    #[serde(default)]
    cvss: Option<Vec<Cvss>>,
    #[serde(default)]
    fix: Option<Fix>,
}

#[derive(Deserialize)]
struct Cvss {
    #[serde(default)]
    version: Option<String>,
    #[serde(default)]
    metrics: Option<Metrics>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Metrics {
    #[serde(default)]
    base_score: Option<f64>,
}

#[derive(Deserialize)]
struct Fix {
    #[serde(default)]
    state: Option<String>,
    #[serde(default)]
    versions: Option<Vec<String>>,
}

#[derive(Deserialize)]
struct Artifact {
    name: String,
    #[serde(default)]
    version: Option<String>,
    #[serde(default)]
    purl: Option<String>,
}

pub(super) fn read(document: &[u8], limits: &Limits) -> Result<Told, ClaimError> {
    let report: Report = json::read(document, limits.bundle_bytes, limits.json_depth)?;
    let descriptor = report.descriptor;
    if descriptor.name != "grype" {
        return Err(ClaimError::ScanFormat);
    }
    // Where it stands has changed over the versions.
    let built = descriptor.db.as_ref().and_then(|db| {
        let places = [db.pointer("/status/built"), db.get("built")];
        let mut texts = places.into_iter().flatten().filter_map(Value::as_str);
        texts.next().map(str::to_owned)
    });
    // Who writes an ignore file may not waive: what it left out was found all the same.
    let ignored = report.ignored_matches.unwrap_or_default();
    let count = ignored.len();
    let found = report.matches.into_iter().chain(ignored);
    Ok(Told {
        scanner: "pkg:github/anchore/grype",
        version: descriptor.version,
        database: built,
        ended: time(descriptor.timestamp),
        found: found.map(Match::found).collect(),
        ignored: count,
        images: digests(
            report.source.as_ref(),
            &[
                "/target/imageID",
                "/target/manifestDigest",
                "/target/repoDigests",
            ],
        ),
    })
}

impl Match {
    fn found(self) -> Found {
        let own = self.vulnerability.id;
        let related = self.related_vulnerabilities.unwrap_or_default();
        let ids = std::iter::once(own.clone()).chain(related.into_iter().map(|one| one.id));
        let (id, aliases) = named(ids.collect()).unwrap_or((own, Vec::new()));
        let word = self.vulnerability.severity;
        let word = word.filter(|word| !word.is_empty() && word != "Unknown");
        let severities = match word {
            Some(word) => vec![("grype".to_owned(), word)],
            None => scores(self.vulnerability.cvss.unwrap_or_default()),
        };
        let fix = self.vulnerability.fix.and_then(Fix::known);
        Found {
            id,
            aliases,
            severities,
            package: self.artifact.purl.filter(|purl| !purl.is_empty()),
            name: self.artifact.name,
            version: self.artifact.version.unwrap_or_default(),
            fixed: fix,
        }
    }
}

impl Fix {
    /// The versions. That there is none says only a state, as none may be known.
    fn known(self) -> Option<Vec<String>> {
        let versions = self.versions.unwrap_or_default();
        let is_none = matches!(self.state.as_deref(), Some("not-fixed" | "wont-fix"));
        (is_none || !versions.is_empty()).then_some(versions)
    }
}

/// Where nobody rates it, the scores do.
fn scores(cvss: Vec<Cvss>) -> Vec<(String, String)> {
    let scores = cvss.into_iter().filter_map(|one| {
        let version = one.version.unwrap_or_default();
        Some((
            format!("CVSSv{version}"),
            one.metrics?.base_score?.to_string(),
        ))
    });
    scores.collect()
}
