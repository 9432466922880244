//! Trivy's JSON reports, schema version 2,
//! <https://github.com/aquasecurity/trivy/blob/v0.59.1/pkg/types/report.go>.

use std::collections::BTreeMap;

use bulla_model::{Limits, json};
use serde::Deserialize;
use serde_json::Value;

use super::{ClaimError, Found, Told, digests, time};

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
    #[serde(default)]
    metadata: Option<Value>,
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
    experimental_modified_findings: Option<Vec<Modified>>,
    #[serde(default)]
    class: Option<String>,
}

/// What an ignore file or a VEX document left out.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Modified {
    #[serde(rename = "Type")]
    kind: String,
    finding: Value,
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
    if !targets.is_empty() && !targets.iter().any(Target::is_scanned) {
        return Err(ClaimError::ScanNothing);
    }
    let (mut found, mut ignored) = (Vec::new(), 0_usize);
    for target in targets {
        found.extend(target.vulnerabilities.unwrap_or_default());
        // Who writes an ignore file may not waive: what it left out was found all the same.
        let left_out = target.experimental_modified_findings.unwrap_or_default();
        for one in left_out {
            if one.kind == "vulnerability" {
                found.push(
                    Vulnerability::deserialize(one.finding).map_err(|_| ClaimError::ScanFormat)?,
                );
                ignored = ignored.saturating_add(1);
            }
        }
    }
    let found = found.into_iter();
    Ok(Told {
        scanner: "pkg:github/aquasecurity/trivy",
        version: report.trivy.and_then(|trivy| trivy.version),
        database: None,
        ended: time(report.created_at),
        found: found.map(Vulnerability::found).collect(),
        ignored,
        images: digests(report.metadata.as_ref(), &["/ImageID", "/RepoDigests"]),
    })
}

impl Target {
    /// Whether vulnerabilities were looked for: other scanners of Trivy report other classes.
    fn is_scanned(&self) -> bool {
        self.vulnerabilities.is_some()
            || matches!(self.class.as_deref(), Some("os-pkgs" | "lang-pkgs"))
    }
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
