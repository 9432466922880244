//! SARIF 2.1.0, for code scanning.
//!
//! <https://docs.oasis-open.org/sarif/sarif/v2.1.0/os/sarif-v2.1.0-os.html>

use std::collections::BTreeMap;
use std::fmt::Write as _;

use bulla_model::Digest;
use bulla_verify::{Finding, Severity};
use serde_json::{Map, Value, json};

use super::super::report::{Judged, VerifyReport};
use super::{answer, facts, reason};
use crate::Exit;
use crate::escape::escape;
use crate::render::to_json;

/// The rule of an answer that is no yes and has no finding that says why.
const NOT_ALLOWED: (&str, &str) = ("not-allowed", "The answer is not yes.");

/// The document: one run, a rule for each code that was found.
pub(in crate::commands::verify) fn sarif(report: &VerifyReport) -> String {
    let found: Vec<Found<'_>> = report.verdicts.iter().flat_map(Found::all).collect();
    let rules: BTreeMap<&str, &str> = found.iter().map(Found::rule).collect();
    let names: Vec<&str> = rules.keys().copied().collect();
    let described = rules
        .iter()
        .map(|(id, about)| json!({"id": id, "shortDescription": {"text": message(about)}}));
    let document = json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": "bulla",
                "version": env!("CARGO_PKG_VERSION"),
                "rules": described.collect::<Vec<_>>(),
            }},
            "invocations": [{
                "executionSuccessful": report.verdicts.iter().all(|one| one.outcome.is_ok()),
                "exitCode": report.exit,
            }],
            "columnKind": "unicodeCodePoints",
            "results": found.iter().map(|one| one.result(&names)).collect::<Vec<_>>(),
        }],
    });
    to_json(&document)
}

/// One result.
struct Found<'a> {
    judged: &'a Judged,
    /// None if the answer is no yes, and nothing else says why.
    finding: Option<&'a Finding>,
}

impl<'a> Found<'a> {
    fn all(judged: &'a Judged) -> Vec<Self> {
        let findings = judged.outcome.iter().flat_map(|verdict| &verdict.findings);
        let mut all: Vec<_> = findings
            .map(|finding| Self {
                judged,
                finding: Some(finding),
            })
            .collect();
        let is_error = |one: &Self| {
            let finding = one.finding;
            finding.is_some_and(|finding| finding.severity == Severity::Error)
        };
        if judged.exit(false) != Exit::Success && !all.iter().any(is_error) {
            all.push(Self {
                judged,
                finding: None,
            });
        }
        all
    }

    fn rule(&self) -> (&'static str, &'static str) {
        self.finding
            .map_or(NOT_ALLOWED, |one| (one.code.as_str(), one.code.about()))
    }

    fn result(&self, rules: &[&str]) -> Value {
        let (id, _) = self.rule();
        let level = match self.finding.map(|finding| finding.severity) {
            Some(Severity::Error) | None => "error",
            Some(Severity::Warning) => "warning",
            Some(Severity::Note) => "note",
        };
        let text = match self.finding {
            Some(finding) => finding.message.clone(),
            None => format!("{}: {}", answer(self.judged), reason(self.judged)),
        };
        json!({
            "ruleId": id,
            "ruleIndex": rules.binary_search(&id).ok(),
            "level": level,
            "message": {"text": message(&text)},
            "locations": [self.location()],
            "partialFingerprints": {"bulla/v1": self.fingerprint(id)},
            "properties": self.properties(),
        })
    }

    /// The place in the policy, if one is known, else what was asked about.
    fn location(&self) -> Value {
        let name = escape(self.target());
        let logical = json!([{"fullyQualifiedName": name, "kind": "resource"}]);
        let place = self.finding.and_then(|finding| finding.place.as_ref());
        let physical = match place {
            Some(place) => json!({
                "artifactLocation": {"uri": reference(place.file())},
                "region": {"startLine": place.line(), "startColumn": place.column()},
            }),
            None => json!({"artifactLocation": {"uri": self.address()}}),
        };
        json!({"physicalLocation": physical, "logicalLocations": logical})
    }

    fn target(&self) -> &str {
        let image = self.judged.image.as_deref();
        image.unwrap_or(&self.judged.target)
    }

    fn address(&self) -> String {
        match (&self.judged.image, self.target().split_once(':')) {
            (_, Some(("oci", path))) => format!("oci:{}", reference(path)),
            (Some(image), _) => format!("oci://{}", reference(image)),
            (None, _) => reference(self.target()),
        }
    }

    /// The same for the same finding about the same image, wherever the line moved.
    fn fingerprint(&self, id: &str) -> String {
        let finding = self.finding;
        let parts = [
            self.judged.target.as_str(),
            id,
            finding.map_or("", |finding| finding.check),
            finding
                .and_then(|one| one.place.as_ref())
                .map_or("", |place| place.file()),
            finding.and_then(|one| one.pointer).unwrap_or_default(),
            finding.map_or("", |finding| finding.message.as_str()),
        ];
        Digest::sha256(parts.join("\0").as_bytes()).hex().to_owned()
    }

    fn properties(&self) -> Value {
        let mut properties = Map::new();
        properties.insert("target".to_owned(), json!(self.judged.target));
        if let Some(finding) = self.finding {
            properties.insert("check".to_owned(), json!(finding.check));
            for (name, value) in facts(finding) {
                properties.insert(name.to_owned(), json!(value));
            }
        }
        Value::Object(properties)
    }
}

/// A plain text message, in which brackets would be links (section 3.11.6).
fn message(text: &str) -> String {
    let mut out = String::new();
    for character in escape(text).chars() {
        if matches!(character, '\\' | '[' | ']') {
            out.push('\\');
        }
        out.push(character);
    }
    out
}

/// A path as a reference of RFC 3986: what could be taken for a scheme, a query or a fragment is
/// written by its bytes.
fn reference(path: &str) -> String {
    let mut out = String::new();
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"/._-~+=@".contains(&byte) {
            out.push(char::from(byte));
        } else {
            write!(out, "%{byte:02X}").expect("because writing to a string cannot fail");
        }
    }
    out
}
