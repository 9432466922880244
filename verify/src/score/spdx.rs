//! What an SPDX 2 document tells, in JSON. <https://spdx.github.io/spdx-spec/v2.3/>

use bulla_model::{Purl, json};
use serde::Deserialize;

use super::check::Check;
use super::facts::{Facts, Part, Trait, is_cpe, is_instant, is_told};
use super::license::Licenses;

pub(super) fn read(document: &[u8]) -> serde_json::Result<Facts> {
    let document: Document = json::part(document)?;
    let mut facts = Facts::default();
    let version = document.spdx_version.as_deref().unwrap_or_default();
    let version = version.strip_prefix("SPDX-");
    facts.put(Check::Specification, version.is_some());
    let is_known = version.is_some_and(|version| VERSIONS.contains(&version));
    facts.put(Check::SpecificationVersion, is_known);
    facts.put(Check::FileFormat, true);
    facts.put(Check::RequiredMembers, is_known && document.is_whole());
    facts.put(Check::Namespace, is_told(document.namespace.as_ref()));
    let data = Licenses::of(document.data_license.as_deref().into_iter());
    facts.put(Check::DataLicense, data.is_told && data.is_valid);
    let info = document.creation_info.as_ref();
    let time = info.and_then(|one| one.created.as_deref());
    facts.put(Check::Timestamp, time.is_some_and(is_instant));
    let creators = info.and_then(|one| one.creators.as_deref());
    let creators = creators.unwrap_or_default();
    facts.put(
        Check::Authors,
        creators.iter().any(|text| is_somebody(text)),
    );
    let tools = creators
        .iter()
        .filter_map(|text| text.strip_prefix("Tool:"));
    facts.put_halves(
        Check::Tool,
        tools.map(tool_halves).max().unwrap_or_default(),
    );
    facts.put(Check::PrimaryComponent, document.is_about_something());
    for check in [Check::Supplier, Check::Lifecycle, Check::DeclaredComplete] {
        facts.put_beyond(check);
    }
    let packages = document.packages.iter().flatten();
    facts.parts = packages.map(Package::part).collect();
    Ok(facts)
}

const VERSIONS: &[&str] = &["2.1", "2.2", "2.3"];

const PURPOSES: &[&str] = &[
    "APPLICATION",
    "ARCHIVE",
    "CONTAINER",
    "DEVICE",
    "FILE",
    "FIRMWARE",
    "FRAMEWORK",
    "INSTALL",
    "LIBRARY",
    "OPERATING_SYSTEM",
    "OTHER",
    "SOURCE",
];

/// `Person: NAME (MAIL)` or `Organization: NAME (MAIL)`.
fn is_somebody(text: &str) -> bool {
    let name = ["Person:", "Organization:"]
        .iter()
        .find_map(|word| text.trim().strip_prefix(word));
    name.is_some_and(|name| !name.split('(').next().unwrap_or_default().trim().is_empty())
}

/// `NAME-VERSION`, in which the version has a digit; two halves, one or none.
fn tool_halves(text: &str) -> u8 {
    let text = text.trim();
    match text.rsplit_once('-') {
        _ if text.is_empty() => 0,
        Some((name, version)) if version.contains(|one: char| one.is_ascii_digit()) => {
            if name.trim().is_empty() { 0 } else { 2 }
        }
        _ => 1,
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    spdx_version: Option<String>,
    #[serde(rename = "SPDXID")]
    id: Option<String>,
    name: Option<String>,
    data_license: Option<String>,
    #[serde(rename = "documentNamespace")]
    namespace: Option<String>,
    creation_info: Option<CreationInfo>,
    packages: Option<Vec<Package>>,
    #[serde(rename = "documentDescribes")]
    describes: Option<Vec<String>>,
    relationships: Option<Vec<Relationship>>,
}

impl Document {
    fn is_about_something(&self) -> bool {
        let kinds = ["DESCRIBES", "DESCRIBED_BY"];
        let mut related = self.relationships.iter().flatten();
        self.describes.as_ref().is_some_and(|all| !all.is_empty())
            || related.any(|one| {
                one.kind
                    .as_deref()
                    .is_some_and(|kind| kinds.contains(&kind))
            })
    }

    /// Whether the members are there that the schema requires, of what is read here; no more of the
    /// schema is looked at.
    fn is_whole(&self) -> bool {
        let texts = [&self.id, &self.name, &self.data_license];
        let info = self.creation_info.as_ref().is_some_and(|info| {
            let creators = info.creators.as_ref();
            info.created.is_some() && creators.is_some_and(|all| !all.is_empty())
        });
        let mut packages = self.packages.iter().flatten();
        let mut related = self.relationships.iter().flatten();
        texts.into_iter().all(|text| is_told(text.as_ref()))
            && info
            && packages.all(Package::is_whole)
            && related.all(|one| one.from.is_some() && one.to.is_some() && one.kind.is_some())
    }
}

#[derive(Deserialize)]
struct CreationInfo {
    created: Option<String>,
    creators: Option<Vec<String>>,
}

#[derive(Deserialize)]
struct Relationship {
    #[serde(rename = "spdxElementId")]
    from: Option<String>,
    #[serde(rename = "relationshipType")]
    kind: Option<String>,
    #[serde(rename = "relatedSpdxElement")]
    to: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Package {
    #[serde(rename = "SPDXID")]
    id: Option<String>,
    name: Option<String>,
    version_info: Option<String>,
    download_location: Option<String>,
    supplier: Option<String>,
    originator: Option<String>,
    source_info: Option<String>,
    primary_package_purpose: Option<String>,
    license_concluded: Option<String>,
    license_declared: Option<String>,
    checksums: Option<Vec<Checksum>>,
    external_refs: Option<Vec<ExternalReference>>,
}

impl Package {
    fn part(&self) -> Part {
        let mut part = Part::new(self.label());
        part.set(Trait::Name, is_told(self.name.as_ref()));
        part.set(Trait::Version, is_told(self.version_info.as_ref()));
        part.set(Trait::Id, is_told(self.id.as_ref()));
        let mut suppliers = [&self.supplier, &self.originator].into_iter().flatten();
        part.set(Trait::Supplier, suppliers.any(|text| is_somebody(text)));
        part.set(Trait::SourceCode, is_told(self.source_info.as_ref()));
        let purpose = self.primary_package_purpose.as_deref().unwrap_or_default();
        let purpose = purpose.replace('-', "_").to_ascii_uppercase();
        part.set(Trait::Purpose, PURPOSES.contains(&purpose.as_str()));
        part.set(
            Trait::Identifier,
            self.identifiers().any(ExternalReference::is_fine),
        );
        let hashes = self.checksums.iter().flatten();
        part.set_hashes(
            hashes.filter_map(|one| Some((one.algorithm.as_deref()?, one.value.as_deref()?))),
        );
        let concluded = Licenses::of(self.license_concluded.as_deref().into_iter());
        let declared = Licenses::of(self.license_declared.as_deref().into_iter());
        part.set_licenses(&concluded, &declared);
        part
    }

    fn label(&self) -> String {
        let purl = self.identifiers().find(|one| one.is_purl());
        let purl = purl.and_then(|one| one.locator.clone());
        purl.or_else(|| self.name.clone()).unwrap_or_default()
    }

    fn identifiers(&self) -> impl Iterator<Item = &ExternalReference> {
        self.external_refs.iter().flatten()
    }

    fn is_whole(&self) -> bool {
        let texts = [&self.id, &self.name, &self.download_location];
        let mut hashes = self.checksums.iter().flatten();
        let mut references = self.external_refs.iter().flatten();
        texts.into_iter().all(|text| is_told(text.as_ref()))
            && hashes.all(|one| one.algorithm.is_some() && one.value.is_some())
            && references.all(|one| one.kind.is_some() && one.locator.is_some())
    }
}

#[derive(Deserialize)]
struct Checksum {
    algorithm: Option<String>,
    #[serde(rename = "checksumValue")]
    value: Option<String>,
}

#[derive(Deserialize)]
struct ExternalReference {
    #[serde(rename = "referenceType")]
    kind: Option<String>,
    #[serde(rename = "referenceLocator")]
    locator: Option<String>,
}

impl ExternalReference {
    fn is_purl(&self) -> bool {
        let kind = self.kind.as_deref().unwrap_or_default();
        let name = kind.rsplit('/').next().unwrap_or_default();
        name.eq_ignore_ascii_case("purl")
    }

    /// Whether it is a package URL or CPE that can be read.
    fn is_fine(&self) -> bool {
        let text = self.locator.as_deref().unwrap_or_default();
        let kind = self.kind.as_deref().unwrap_or_default();
        let kind = kind.rsplit('/').next().unwrap_or_default();
        match kind {
            "cpe22Type" | "cpe23Type" => is_cpe(text),
            _ => self.is_purl() && text.trim().parse::<Purl>().is_ok(),
        }
    }
}
