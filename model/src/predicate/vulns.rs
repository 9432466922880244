//! Vulnerability scans.
//!
//! Implements in-toto vulns v0.2,
//! <https://github.com/in-toto/attestation/blob/v1.1.0/spec/predicates/vulns_02.md>.
//!
//! What it leaves to annotations, Bulla writes with the names of [`annotation`], one object for
//! each result, and one result for each package.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Predicate;
use super::check::{ADDRESS, Checks, WORD};
use crate::descriptor::or_null;
use crate::{PredicateError, Purl, Statement, json};

/// The type's URI.
pub const TYPE: &str = "https://in-toto.io/attestation/vulns/v0.2";

/// Results of one scan. Stops a scan that is compared with other documents without end.
pub const RESULTS: usize = 16_384;
/// Severities, annotations and aliases of one result.
pub const ITEMS: usize = 64;

/// Names of annotations that Bulla writes and reads.
pub mod annotation {
    /// The package, as a package URL.
    pub const PACKAGE: &str = "package";
    /// Its name, as the scanner calls it.
    pub const NAME: &str = "name";
    /// Its version.
    pub const VERSION: &str = "version";
    /// The versions that fix it; an empty list says that none is known.
    pub const FIXED_VERSIONS: &str = "fixedVersions";
    /// Other ids of the same vulnerability.
    pub const ALIASES: &str = "aliases";
}

/// When a statement says that its scan was made, also where the rest of it cannot be read.
pub fn scanned_at(statement: &Statement) -> Option<Timestamp> {
    #[derive(Deserialize)]
    struct Dated {
        metadata: Value,
    }
    let dated: Dated = json::part(statement.predicate_json()?.as_bytes()).ok()?;
    let time = |name| -> Option<Timestamp> { dated.metadata.get(name)?.as_str()?.parse().ok() };
    latest_known([time("scanFinishedOn"), time("scanStartedOn")])
}

/// Some programs write a year before computers for "not known".
fn latest_known(times: [Option<Timestamp>; 2]) -> Option<Timestamp> {
    let mut known = times.into_iter().flatten();
    known.find(|time| *time > Timestamp::UNIX_EPOCH)
}

/// A scan.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Vulns {
    /// What scanned, and what it found.
    pub scanner: Scanner,
    /// When.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<ScanMetadata>,
    /// Everything else, as it came.
    #[serde(flatten)]
    pub extra: BTreeMap<String, Value>,
}

/// What scanned, and what it found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Scanner {
    /// URI of the scanner.
    pub uri: String,
    /// Its version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// The database it looked things up in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub db: Option<ScannerDatabase>,
    /// What it found. Left out it would say nothing, so it has to be there, also empty.
    pub result: Vec<ScanResult>,
    /// Everything else, as it came.
    #[serde(flatten)]
    pub extra: BTreeMap<String, Value>,
}

/// The database of a scanner.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ScannerDatabase {
    /// URI of the database.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uri: Option<String>,
    /// Its version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// When it was last brought up to date, as it is written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_update: Option<String>,
    /// Everything else, as it came.
    #[serde(flatten)]
    pub extra: BTreeMap<String, Value>,
}

/// When a scan was made.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ScanMetadata {
    /// When it began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scan_started_on: Option<Timestamp>,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scan_finished_on: Option<Timestamp>,
    /// Everything else, as it came.
    #[serde(flatten)]
    pub extra: BTreeMap<String, Value>,
}

/// One vulnerability.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ScanResult {
    /// Its id, for example `CVE-2026-1234`.
    pub id: String,
    /// How bad it is, by several methods.
    #[serde(default, deserialize_with = "or_null")]
    pub severity: Vec<ScanSeverity>,
    /// What else is said.
    #[serde(
        default,
        deserialize_with = "or_null",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub annotations: Vec<BTreeMap<String, Value>>,
    /// Everything else, as it came.
    #[serde(flatten)]
    pub extra: BTreeMap<String, Value>,
}

/// How bad it is, by one method.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ScanSeverity {
    /// The method, for example `CVSSv3`.
    #[serde(default, deserialize_with = "or_null")]
    pub method: String,
    /// What it says: a text by the specification, a number by some who write it.
    #[serde(default)]
    pub score: Value,
}

impl Vulns {
    /// When the scan ended, else when it began.
    pub fn scanned_at(&self) -> Option<Timestamp> {
        let metadata = self.metadata.as_ref()?;
        latest_known([metadata.scan_finished_on, metadata.scan_started_on])
    }
}

impl ScanResult {
    /// Other ids of the same vulnerability.
    pub fn aliases(&self) -> impl Iterator<Item = &str> {
        let lists = self.said(annotation::ALIASES).filter_map(Value::as_array);
        lists.flatten().filter_map(Value::as_str)
    }

    /// The packages that have it, as far as package URLs name them.
    pub fn packages(&self) -> impl Iterator<Item = Purl> {
        let texts = self.said(annotation::PACKAGE).filter_map(Value::as_str);
        texts.filter_map(|text| text.parse().ok())
    }

    /// The package as people call it.
    pub fn package_name(&self) -> Option<&str> {
        let first = |name| self.said(name).find_map(Value::as_str);
        first(annotation::PACKAGE).or_else(|| first(annotation::NAME))
    }

    /// The versions that fix it: none known if the list is empty, nothing said if there is none.
    pub fn fixed_versions(&self) -> Option<Vec<&str>> {
        let mut lists = self.said(annotation::FIXED_VERSIONS).peekable();
        lists.peek()?;
        let mut versions = Vec::new();
        for list in lists {
            for version in list.as_array()? {
                versions.push(version.as_str()?);
            }
        }
        Some(versions)
    }

    fn said(&self, name: &str) -> impl Iterator<Item = &Value> {
        let name = name.to_owned();
        let annotations = self.annotations.iter();
        annotations.filter_map(move |annotation| annotation.get(&name))
    }
}

impl Predicate for Vulns {
    const TYPES: &'static [&'static str] = &[TYPE];

    fn check(&self, statement: &Statement) -> Result<(), PredicateError> {
        let checks = Checks::new(TYPE, statement);
        checks.text("/predicate/scanner/uri", &self.scanner.uri, ADDRESS)?;
        let at_most = |pointer: &str, found: usize, most: usize| {
            let expected = format_args!("at most {most} items");
            (found <= most)
                .then_some(())
                .ok_or_else(|| checks.refuse(pointer, expected))
        };
        let results = &self.scanner.result;
        at_most("/predicate/scanner/result", results.len(), RESULTS)?;
        for result in results {
            checks.text("/predicate/scanner/result/id", &result.id, WORD)?;
            let said = result.severity.len().max(result.annotations.len());
            let pointer = "/predicate/scanner/result/annotations";
            at_most(pointer, said.max(result.aliases().count()), ITEMS)?;
            result
                .aliases()
                .try_for_each(|alias| checks.text(pointer, alias, WORD))?;
        }
        Ok(())
    }
}
