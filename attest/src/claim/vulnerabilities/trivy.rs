//! Trivy's JSON reports, schema version 2,
//! <https://github.com/aquasecurity/trivy/blob/v0.59.1/pkg/types/report.go>.

use std::collections::BTreeMap;

use bulla_model::{Limits, json};
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::{ClaimError, Found, Told, time};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Report {
    schema_version: u64,
    #[serde(default)]
    created_at: Option<String>,
    #[serde(default)]
    trivy: Option<Program>,
    #[serde(default)]
    results: Option<Vec<Target>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Program {
    #[serde(default)]
    version: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Target {
    #[serde(default)]
    vulnerabilities: Option<Vec<Vulnerability>>,
    #[serde(default)]
    experimental_modified_findings: Option<Vec<IgnoredAny>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Vulnerability {
    #[serde(rename = "VulnerabilityID")]
    id: String,
    pkg_name: String,
    #[serde(default)]
    pkg_identifier: Option<Identifier>,
    #[serde(default)]
    installed_version: Option<String>,
    #[serde(default)]
    fixed_version: Option<String>,
    #[serde(default)]
    severity: Option<String>,
    #[serde(default)]
    severity_source: Option<String>,
    #[serde(default, rename = "CVSS")]
    cvss: Option<BTreeMap<String, Scores>>,
}

#[derive(Deserialize)]
struct Identifier {
    #[serde(default, rename = "PURL")]
    purl: Option<String>,
}

#[derive(Deserialize)]
struct Scores {
    #[serde(default, rename = "V2Score")]
    v2: Option<f64>,
    #[serde(default, rename = "V3Score")]
    v3: Option<f64>,
    #[serde(default, rename = "V40Score")]
    v4: Option<f64>,
}

pub(super) fn read(document: &[u8], limits: &Limits) -> Result<Told, ClaimError> {
    let report: Report = json::read(document, limits.bundle_bytes, limits.json_depth)?;
    if report.schema_version != 2 {
        return Err(ClaimError::ScanFormat);
    }
    let targets = report.results.unwrap_or_default();
    let ignored = targets.iter().map(|target| {
        let left_out = target.experimental_modified_findings.as_ref();
        left_out.map_or(0, Vec::len)
    });
    let ignored = ignored.sum();
    let found = targets
        .into_iter()
        .filter_map(|target| target.vulnerabilities);
    Ok(Told {
        scanner: "pkg:github/aquasecurity/trivy",
        version: report.trivy.and_then(|trivy| trivy.version),
        database: None,
        ended: time(report.created_at),
        found: found.flatten().map(Vulnerability::found).collect(),
        ignored,
    })
}

impl Vulnerability {
    fn found(self) -> Found {
        let fixed = self.fixed_version.unwrap_or_default();
        let fixed = fixed.split(',').map(str::trim);
        let word = self.severity.filter(|word| word != "UNKNOWN");
        let severities = match word {
            Some(word) => {
                let source = self.severity_source.unwrap_or_else(|| "trivy".to_owned());
                vec![(source, word)]
            }
            // Where nobody rates it, the scores do.
            None => scores(self.cvss.unwrap_or_default()),
        };
        // Ids of vendors are those of advisories, which are of many vulnerabilities at once.
        Found {
            id: self.id,
            aliases: Vec::new(),
            severities,
            package: self.pkg_identifier.and_then(|identifier| identifier.purl),
            name: self.pkg_name,
            version: self.installed_version.unwrap_or_default(),
            fixed: Some(
                fixed
                    .filter(|text| !text.is_empty())
                    .map(str::to_owned)
                    .collect(),
            ),
        }
    }
}

fn scores(cvss: BTreeMap<String, Scores>) -> Vec<(String, String)> {
    let mut said = Vec::new();
    for scores in cvss.into_values() {
        let versions = [
            ("CVSSv4", scores.v4),
            ("CVSSv3", scores.v3),
            ("CVSSv2", scores.v2),
        ];
        // The latest version that somebody scored by.
        let latest = versions
            .into_iter()
            .find_map(|(method, score)| Some((method, score?)));
        said.extend(latest.map(|(method, score)| (method.to_owned(), score.to_string())));
    }
    said
}
