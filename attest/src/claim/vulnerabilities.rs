//! Vulnerability scans, as in-toto vulns v0.2, and OpenVEX documents.
//!
//! <https://github.com/in-toto/attestation/blob/v1.1.0/spec/predicates/vulns_02.md>. A report is
//! brought into one form: a result for each vulnerability and package, with the severity that the
//! scanner settled on, the package, the versions that fix it, and its other ids.

mod grype;
mod osv;
mod trivy;

use std::collections::{BTreeMap, BTreeSet};

use bulla_model::predicate::vulns::{
    self, ITEMS, RESULTS, ScanMetadata, ScanResult, ScanSeverity, Scanner, ScannerDatabase, Vulns,
    annotation,
};
use bulla_model::predicate::{OpenVex, openvex};
use bulla_model::{Digest, Limits, PredicateError, Statement, Subject, json};
use jiff::Timestamp;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::{Value, json};

use super::sbom::verbatim;
use super::{ClaimError, known_type, write_dated};

/// Scanners whose reports are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScanFormat {
    /// `trivy … --format json`, schema version 2.
    Trivy,
    /// `grype … -o json`.
    Grype,
    /// `osv-scanner … --format json`.
    Osv,
}

/// A report, read.
#[derive(Clone, Debug, PartialEq)]
pub struct ScanReport {
    /// What it says.
    pub scan: Vulns,
    /// How many findings the scanner was told to leave out; they are in the statement all the same.
    pub ignored: usize,
    /// Digests of what was scanned, as far as it says them: of a manifest, an index or a configuration.
    pub images: BTreeSet<Digest>,
}

/// What every report says in its own words.
struct Told {
    scanner: &'static str,
    version: Option<String>,
    database: Option<String>,
    ended: Option<Timestamp>,
    found: Vec<Found>,
    ignored: usize,
    images: BTreeSet<Digest>,
}

/// A vulnerability in a package.
struct Found {
    id: String,
    aliases: Vec<String>,
    severities: Vec<(String, String)>,
    package: Option<String>,
    name: String,
    version: String,
    /// `None` if the report does not say.
    fixed: Option<Vec<String>>,
}

/// Reads a report; `format` is recognised where it is not named. `ended` is for reports that do not
/// say themselves when they were made.
pub fn scan_report(
    document: &[u8],
    format: Option<ScanFormat>,
    ended: Option<Timestamp>,
    limits: &Limits,
) -> Result<ScanReport, ClaimError> {
    let format = match format {
        Some(format) => format,
        None => recognise(document, limits)?,
    };
    let told = match format {
        ScanFormat::Trivy => trivy::read(document, limits)?,
        ScanFormat::Grype => grype::read(document, limits)?,
        ScanFormat::Osv => osv::read(document, limits)?,
    };
    let (ignored, images) = (told.ignored, told.images.clone());
    let scan = told.scan(ended)?;
    Ok(ScanReport {
        scan,
        ignored,
        images,
    })
}

/// The scanner a report is by: each has members that no other has.
fn recognise(document: &[u8], limits: &Limits) -> Result<ScanFormat, ClaimError> {
    #[derive(Deserialize)]
    struct Head {
        #[serde(default, rename = "SchemaVersion")]
        trivy: Option<IgnoredAny>,
        #[serde(default, rename = "Results")]
        targets: Option<Vec<IgnoredAny>>,
        #[serde(default)]
        matches: Option<IgnoredAny>,
        #[serde(default)]
        descriptor: Option<IgnoredAny>,
        #[serde(default)]
        results: Option<Vec<Value>>,
    }
    json::check(document, limits.bundle_bytes, limits.json_depth)?;
    let head: Head = json::part(document).map_err(|_| ClaimError::ScanFormat)?;
    let is_osv = |results: &Vec<Value>| {
        let mut results = results.iter();
        // An empty list may be that of any program.
        !results.as_slice().is_empty()
            && results.all(|one| one.get("source").is_some() && one.get("packages").is_some())
    };
    match (head.trivy, head.matches, head.descriptor, head.results) {
        // Without a target it may be of any of Trivy's scanners.
        (Some(_), None, None, None) if head.targets.is_none_or(|list| list.is_empty()) => {
            Err(ClaimError::ScanNothing)
        }
        (Some(_), None, None, None) => Ok(ScanFormat::Trivy),
        (None, Some(_), Some(_), None) => Ok(ScanFormat::Grype),
        (None, None, None, Some(results)) if is_osv(&results) => Ok(ScanFormat::Osv),
        _ => Err(ClaimError::ScanFormat),
    }
}

impl Told {
    fn scan(self, ended: Option<Timestamp>) -> Result<Vulns, ClaimError> {
        let ended = self.ended.or(ended).ok_or(ClaimError::ScanTime)?;
        if self.found.len() > RESULTS {
            return Err(ClaimError::ScanResults {
                found: self.found.len(),
                limit: RESULTS,
            });
        }
        let database = self.database.map(|built| ScannerDatabase {
            last_update: Some(built),
            ..ScannerDatabase::default()
        });
        Ok(Vulns {
            scanner: Scanner {
                uri: self.scanner.to_owned(),
                version: self.version,
                db: database,
                result: self.found.into_iter().map(Found::result).collect(),
                extra: BTreeMap::new(),
            },
            metadata: Some(ScanMetadata {
                scan_started_on: Some(ended),
                scan_finished_on: Some(ended),
                extra: BTreeMap::new(),
            }),
            extra: BTreeMap::new(),
        })
    }
}

impl Found {
    fn result(mut self) -> ScanResult {
        let severity = self.severities.into_iter().take(ITEMS);
        let severity = severity.map(|(method, score)| ScanSeverity {
            method,
            score: score.into(),
        });
        self.aliases.sort();
        self.aliases.dedup();
        self.aliases.truncate(ITEMS);
        let mut said = BTreeMap::from([
            (annotation::NAME.to_owned(), json!(self.name)),
            (annotation::VERSION.to_owned(), json!(self.version)),
        ]);
        if let Some(fixed) = self.fixed {
            said.insert(annotation::FIXED_VERSIONS.to_owned(), json!(fixed));
        }
        if let Some(package) = self.package {
            said.insert(annotation::PACKAGE.to_owned(), json!(package));
        }
        if !self.aliases.is_empty() {
            said.insert(annotation::ALIASES.to_owned(), json!(self.aliases));
        }
        ScanResult {
            id: self.id,
            severity: severity.collect(),
            annotations: vec![said],
            extra: BTreeMap::new(),
        }
    }
}

/// One vulnerability under several ids: the CVE first, the others beside it. Ids of several CVEs
/// are not of one vulnerability, so the first stands alone.
fn named(ids: Vec<String>) -> Option<(String, Vec<String>)> {
    let is_cve = |id: &&String| id.starts_with("CVE-");
    let cves: BTreeSet<&String> = ids.iter().filter(is_cve).collect();
    let first = match cves.len() {
        0 => ids.first()?.clone(),
        1 => cves.first().map(|id| (*id).clone())?,
        _ => return Some((ids.first()?.clone(), Vec::new())),
    };
    let others = ids.into_iter().filter(|id| *id != first).collect();
    Some((first, others))
}

/// The digests that a report has at these places, alone or after the name of an image, singly or in lists.
fn digests(said: Option<&Value>, places: &[&str]) -> BTreeSet<Digest> {
    let found = places.iter().filter_map(|place| said?.pointer(place));
    let texts = found.flat_map(|value| match value {
        Value::Array(list) => list.iter().collect(),
        one => vec![one],
    });
    let texts = texts.filter_map(|text| text.as_str()?.rsplit('@').next());
    texts.filter_map(|text| text.parse().ok()).collect()
}

/// A time as a report writes it; what is no time, or the year one, is none.
fn time(text: Option<String>) -> Option<Timestamp> {
    let time: Timestamp = text?.parse().ok()?;
    (time > Timestamp::UNIX_EPOCH).then_some(time)
}

/// What a scanner found in the subjects: in-toto vulns v0.2.
pub fn vulnerabilities(
    subjects: &[Subject],
    issued_at: Timestamp,
    scan: &Vulns,
) -> Result<Vec<u8>, ClaimError> {
    let payload = write_dated(subjects, issued_at, &known_type(vulns::TYPE), scan)?;
    readable(&payload, |statement| {
        statement.predicate::<Vulns>().map(drop)
    })?;
    Ok(payload)
}

/// What an OpenVEX document says of the subjects: the document itself, byte for byte.
pub fn openvex(
    subjects: &[Subject],
    issued_at: Timestamp,
    document: &[u8],
    limits: &Limits,
) -> Result<Vec<u8>, ClaimError> {
    let depth = limits.json_depth.saturating_sub(1);
    json::check(document, limits.bundle_bytes, depth)?;
    let kind = known_type(openvex::TYPE);
    let payload = write_dated(subjects, issued_at, &kind, &verbatim(document)?)?;
    readable(&payload, |statement| {
        statement.predicate::<OpenVex>().map(drop)
    })?;
    Ok(payload)
}

/// Reads a statement once more: what no reader would take is not signed.
fn readable(
    payload: &[u8],
    shape: fn(&Statement) -> Result<(), PredicateError>,
) -> Result<(), ClaimError> {
    Ok(shape(&Statement::parse(payload, &Limits::default())?)?)
}
