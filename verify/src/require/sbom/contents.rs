//! What a bill of materials may list.
//!
//! Every one that counts is judged, not the newest alone: what an artifact contains does not change,
//! two of them may describe different parts of it, and none may hide what another one tells. One that
//! was wrong is revoked.

use bulla_model::{Digest, Purl, Statement};
use serde::Deserialize;

use super::CHECK;
use super::license::{LicensePattern, LicenseRule};
use super::package::PackagePattern;
use crate::bill::{Bill, Part};
use crate::code::Code;
use crate::package::Package;
use crate::policy::Place;
use crate::verdict::Finding;
use crate::verified::Verified;

/// How many components are told.
const SHOWN: usize = 8;

/// What there may be.
#[derive(Clone, Debug, Default)]
pub struct ContentsRule {
    /// Packages that may not be there.
    pub packages: Vec<PackagePattern>,
    /// Licences that may, and may not.
    pub licenses: LicenseRule,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(super) struct DenyWire {
    packages: Vec<String>,
    licenses: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct LicensesWire {
    allow: Vec<String>,
}

impl ContentsRule {
    pub(super) fn read(
        deny: Option<DenyWire>,
        licenses: Option<LicensesWire>,
    ) -> Result<Self, String> {
        if deny
            .as_ref()
            .is_some_and(|deny| deny.packages.is_empty() && deny.licenses.is_empty())
        {
            return Err("`deny` denies nothing: name `packages` or `licenses`".to_owned());
        }
        if licenses
            .as_ref()
            .is_some_and(|licenses| licenses.allow.is_empty())
        {
            return Err("`allow` is empty: no licence would be allowed".to_owned());
        }
        let deny = deny.unwrap_or_default();
        let packages = deny.packages.iter().map(|text| PackagePattern::parse(text));
        let read = |texts: Vec<String>| {
            let patterns = texts.iter().map(|text| LicensePattern::parse(text));
            patterns.collect::<Result<Vec<_>, _>>()
        };
        Ok(Self {
            packages: packages.collect::<Result<_, _>>()?,
            licenses: LicenseRule {
                allow: licenses.map_or(Ok(Vec::new()), |licenses| read(licenses.allow))?,
                deny: read(deny.licenses)?,
            },
        })
    }

    pub(super) fn is_empty(&self) -> bool {
        self.packages.is_empty() && self.licenses.is_empty()
    }
}

/// What bills of materials say against the rule.
#[derive(Default)]
pub(super) struct Judged {
    pub(super) denied: Vec<Finding>,
    /// Why it cannot be told whether one says something against it.
    pub(super) doubts: Vec<Finding>,
}

impl Judged {
    pub(super) fn bill(
        &mut self,
        rule: &ContentsRule,
        place: &Place,
        statement: &Verified<Statement>,
    ) {
        let bill = match Bill::read(statement.value()) {
            Ok(bill) => bill,
            Err(because) => {
                self.doubt(&format!("cannot be read: {because}"), statement.manifest());
                return;
            }
        };
        if let Some(elsewhere) = &bill.elsewhere {
            self.doubt(elsewhere, statement.manifest());
        }
        if !rule.licenses.is_empty() && !bill.tells_licenses {
            let because = "tells licences in a way that this version does not read";
            self.doubt(because, statement.manifest());
        }
        let mut packages = Told::new(Code::PackageDenied, "lists packages that are denied");
        let mut licenses = Told::new(
            Code::LicenseDenied,
            "lists components with licences that are not allowed",
        );
        self.unnamed(rule, &bill, statement.manifest());
        for part in &bill.parts {
            for text in part.purls.iter().filter(|_| !rule.packages.is_empty()) {
                let package = text.parse::<Purl>().ok().map(|purl| Package::of(&purl));
                let is_denied = package.as_ref().is_some_and(|found| denies(rule, found));
                packages.add_if(is_denied, text);
                if !is_denied && package.is_none_or(|found| found.is_unclear()) {
                    let because = format!("lists `{}`, which names no package", shown(text));
                    self.doubt(&because, statement.manifest());
                }
            }
            if bill.tells_licenses && part.has_license && !rule.licenses.is_empty() {
                if part.is_odd {
                    let name = shown(part.purls.first().unwrap_or(&part.name));
                    let because = format!("tells a licence of `{name}` that cannot be read");
                    self.doubt(&because, statement.manifest());
                }
                let refused = refused(&rule.licenses, part);
                licenses.add_if(refused.is_some(), &refused.unwrap_or_default());
            }
        }
        for told in [packages, licenses] {
            let finding = told.finding(place);
            self.denied
                .extend(finding.map(|it| it.at(statement.manifest(), "/predicate")));
        }
    }

    /// What has no package URL is told by its name alone.
    fn unnamed(&mut self, rule: &ContentsRule, bill: &Bill, manifest: Option<&Digest>) {
        if rule.packages.is_empty() {
            return;
        }
        let lists = bill.is_graph || !bill.parts.is_empty();
        if lists && bill.purls().next().is_none() {
            self.doubt("has no package URL of anything", manifest);
            return;
        }
        let mut unnamed = bill.parts.iter();
        let may_be = |name: &str| rule.packages.iter().any(|pattern| pattern.may_be(name));
        let found =
            unnamed.find(|part| part.has_license && part.purls.is_empty() && may_be(&part.name));
        if let Some(part) = found {
            let because = format!("lists `{}` without a package URL", shown(&part.name));
            self.doubt(&because, manifest);
        }
    }

    /// That it cannot be told, and why; each bill of materials once or twice is enough.
    pub(super) fn doubt(&mut self, because: &str, manifest: Option<&Digest>) {
        if self.doubts.len() < SHOWN {
            let message = format!("a bill of materials {because}");
            let finding = Finding::new(Code::ComponentUnknown, CHECK, message);
            self.doubts.push(finding.at(manifest, "/predicate"));
        }
    }
}

fn denies(rule: &ContentsRule, found: &Package) -> bool {
    rule.packages.iter().any(|pattern| pattern.matches(found))
}

/// The component with its licence, if it may not be there.
fn refused(rule: &LicenseRule, part: &Part) -> Option<String> {
    let name = part.purls.first().unwrap_or(&part.name);
    let said = |license: &str| format!("{} ({})", shown(name), shown(license));
    if part.licenses.is_empty() {
        return (!rule.accepts_unknown()).then(|| said("unknown"));
    }
    let mut licenses = part.licenses.iter();
    let mut too = part.told_too.iter();
    licenses
        .find(|text| !rule.accepts(text))
        .or_else(|| too.find(|text| rule.denies(text)))
        .map(|text| said(text))
}

/// What is told of components that may not be there: the first of them, and how many.
struct Told {
    code: Code,
    message: &'static str,
    first: Vec<String>,
    count: usize,
}

impl Told {
    fn new(code: Code, message: &'static str) -> Self {
        Self {
            code,
            message,
            first: Vec::new(),
            count: 0,
        }
    }

    fn add_if(&mut self, is_denied: bool, what: &str) {
        if is_denied {
            self.count = self.count.saturating_add(1);
            if self.first.len() < SHOWN {
                self.first.push(shown(what));
            }
        }
    }

    fn finding(self, place: &Place) -> Option<Finding> {
        let more = self.count.checked_sub(self.first.len())?;
        if self.count == 0 {
            return None;
        }
        let mut found = self.first.join(", ");
        if more > 0 {
            found = format!("{found} and {more} more");
        }
        let message = format!("the bill of materials {}", self.message);
        let finding = Finding::new(self.code, CHECK, message);
        Some(finding.found(found).place(place))
    }
}

fn shown(text: &str) -> String {
    text.chars().take(120).collect()
}
