//! SARIF 2.1.0, for code scanning.
//!
//! <https://docs.oasis-open.org/sarif/sarif/v2.1.0/os/sarif-v2.1.0-os.html>

use std::collections::BTreeMap;

use bulla_model::Digest;
use bulla_verify::{Finding, Severity};
use serde_json::{Map, Value, json};

use super::super::report::{Judged, VerifyReport};
use super::address::Checkout;
use super::{Remark, answer, details, facts, reason, remarks, severity};
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
    let checkout = Checkout::of(report);
    let mut known = BTreeMap::new();
    let results: Vec<Value> = found
        .iter()
        .map(|one| one.result(&names, &checkout, &mut known))
        .collect();
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
            "results": results,
        }],
    });
    to_json(&document)
}

/// One result.
struct Found<'a> {
    judged: &'a Judged,
    told: Told<'a>,
}

enum Told<'a> {
    Finding(&'a Finding),
    Remark(Remark),
    /// The answer is no yes, and nothing else says why.
    NotAllowed,
}

impl<'a> Found<'a> {
    fn all(judged: &'a Judged) -> Vec<Self> {
        let findings = judged.outcome.iter().flat_map(|verdict| &verdict.findings);
        let mut all: Vec<_> = findings.map(Told::Finding).collect();
        let is_error = |one: &Told<'_>| matches!(one, Told::Finding(finding) if finding.severity == Severity::Error);
        if judged.exit(false) != Exit::Success && !all.iter().any(is_error) {
            all.push(Told::NotAllowed);
        }
        all.extend(remarks(judged).into_iter().map(Told::Remark));
        all.into_iter().map(|told| Self { judged, told }).collect()
    }

    fn finding(&self) -> Option<&'a Finding> {
        match self.told {
            Told::Finding(finding) => Some(finding),
            Told::Remark(_) | Told::NotAllowed => None,
        }
    }

    fn rule(&self) -> (&'static str, &'static str) {
        match &self.told {
            Told::Finding(finding) => (finding.code.as_str(), finding.code.about()),
            Told::Remark(remark) => (remark.id, remark.about),
            Told::NotAllowed => NOT_ALLOWED,
        }
    }

    fn result(
        &self,
        rules: &[&str],
        checkout: &Checkout<'_>,
        known: &mut BTreeMap<String, usize>,
    ) -> Value {
        let (id, _) = self.rule();
        let (level, text) = match &self.told {
            Told::Finding(finding) => (finding.severity, finding.message.clone()),
            Told::Remark(remark) => (remark.severity, remark.text.clone()),
            Told::NotAllowed => (Severity::Error, self.why()),
        };
        // Of equal results the second is another one.
        let print = self.fingerprint(id, checkout);
        let count = known.entry(print.clone()).or_insert(0);
        *count = count.saturating_add(1);
        let print = format!("{print}:{count}");
        json!({
            "ruleId": id,
            "ruleIndex": rules.binary_search(&id).ok(),
            "level": severity(level),
            "message": {"text": message(&text)},
            "locations": [self.location(checkout)],
            // GitHub knows the first key alone.
            "partialFingerprints": {"primaryLocationLineHash": print, "bulla/v1": print},
            "properties": self.properties(),
        })
    }

    fn why(&self) -> String {
        let mut text = format!("{}: {}", answer(self.judged), reason(self.judged));
        for detail in self
            .judged
            .outcome
            .as_ref()
            .err()
            .iter()
            .flat_map(|one| details(one))
        {
            text.push_str("; ");
            text.push_str(&detail);
        }
        text
    }

    /// The place in the policy, if one is known, else what was asked about.
    fn location(&self, checkout: &Checkout<'_>) -> Value {
        let image = self.judged.image.as_deref();
        let name = escape(image.unwrap_or(&self.judged.target));
        let logical = json!([{"fullyQualifiedName": name, "kind": "resource"}]);
        let place = self.finding().and_then(|finding| finding.place.as_ref());
        let file = place.and_then(|place| Some((place, checkout.rule(place.file())?)));
        let physical = match file {
            Some((place, uri)) => json!({
                "artifactLocation": {"uri": uri},
                "region": {"startLine": place.line(), "startColumn": place.column()},
            }),
            None => json!({
                "artifactLocation": {"uri": checkout.artifact(self.judged)},
                "region": {"startLine": 1},
            }),
        };
        json!({"physicalLocation": physical, "logicalLocations": logical})
    }

    /// The same for the same finding about the same image, wherever the line moved and whatever the
    /// message counts.
    fn fingerprint(&self, id: &str, checkout: &Checkout<'_>) -> String {
        let finding = self.finding();
        let place = finding.and_then(|one| one.place.as_ref());
        let parts = [
            checkout.artifact(self.judged),
            id.to_owned(),
            finding.map_or("", |finding| finding.check).to_owned(),
            place.map_or("", |place| place.file()).to_owned(),
            finding
                .and_then(|one| one.pointer)
                .unwrap_or_default()
                .to_owned(),
        ];
        Digest::sha256(parts.join("\0").as_bytes()).hex().to_owned()
    }

    fn properties(&self) -> Value {
        let mut properties = Map::new();
        properties.insert("target".to_owned(), json!(self.judged.target));
        if let Some(image) = &self.judged.image {
            properties.insert("image".to_owned(), json!(image));
        }
        if let Some(finding) = self.finding() {
            properties.insert("check".to_owned(), json!(finding.check));
            for (name, value) in facts(finding) {
                properties.insert(name.to_owned(), json!(value));
            }
        }
        Value::Object(properties)
    }
}

/// A plain text message, in which brackets would be links (section 3.11.6) and braces stand for
/// arguments (section 3.11.5).
fn message(text: &str) -> String {
    let mut out = String::new();
    for character in escape(text).chars() {
        match character {
            '\\' | '[' | ']' => out.push('\\'),
            '{' | '}' => out.push(character),
            _ => {}
        }
        out.push(character);
    }
    out
}
