//! What a CycloneDX document tells, 1.2 to 1.7 in JSON.
//! <https://cyclonedx.org/docs/1.7/json/>

use std::collections::{BTreeMap, BTreeSet};

use bulla_model::{Purl, json};
use serde::Deserialize;

use super::check::Check;
use super::facts::{Facts, Part, Trait, is_cpe, is_instant, is_told};
use super::license::Licenses;

mod component;
mod required;
mod signature;

use component::{Component, LicenseChoice};
use signature::Signature;

pub(super) fn read(document: &[u8]) -> serde_json::Result<Facts> {
    let document: Document = json::part(document)?;
    let mut facts = Facts::default();
    structure(&document, &mut facts);
    provenance(&document, &mut facts);
    let is_complete = |one: &Composition| one.aggregate.as_deref() == Some("complete");
    let compositions = document.compositions.as_deref().unwrap_or_default();
    let whole = compositions
        .iter()
        .any(|one| is_complete(one) && one.is_of_all());
    facts.put(Check::DeclaredComplete, whole);
    let signature = document.signature.as_ref().map(Signature::halves);
    facts.put_halves(Check::Signature, signature.unwrap_or_default());
    let components = document.components();
    if !components.is_empty() {
        dependencies(&document, &components, &mut facts);
    }
    let is_1_6 = document.is_at_least(1, 6);
    facts.parts = components.iter().map(|one| one.part(is_1_6)).collect();
    Ok(facts)
}

fn structure(document: &Document, facts: &mut Facts) {
    let version = document.spec_version.as_deref().unwrap_or_default();
    let is_named = document.bom_format.as_deref() == Some("CycloneDX");
    facts.put(Check::Specification, is_named);
    facts.put(Check::SpecificationVersion, VERSIONS.contains(&version));
    facts.put(Check::FileFormat, true);
    let is_whole = is_named && VERSIONS.contains(&version) && required::are_there(document);
    facts.put(Check::RequiredMembers, is_whole);
    let serial = document.serial_number.as_deref().unwrap_or_default();
    facts.put(Check::Namespace, serial.starts_with("urn:uuid:"));
}

fn provenance(document: &Document, facts: &mut Facts) {
    let none = Metadata::default();
    let metadata = document.metadata.as_ref().unwrap_or(&none);
    let time = metadata.timestamp.as_deref().unwrap_or_default();
    facts.put(Check::Timestamp, is_instant(time));
    let authors = metadata.authors.as_deref().unwrap_or_default();
    facts.put(Check::Authors, authors.iter().any(Contact::is_known));
    let tools = metadata.tools.iter().flat_map(Tools::all);
    facts.put_halves(
        Check::Tool,
        tools.map(Tool::halves).max().unwrap_or_default(),
    );
    let supplier = metadata.supplier.as_ref();
    facts.put(
        Check::Supplier,
        supplier.is_some_and(Organization::is_known),
    );
    let phases = metadata.lifecycles.as_deref().unwrap_or_default();
    let phases = phases
        .iter()
        .filter_map(|one| one.phase.as_deref().or(one.name.as_deref()));
    let known = |phase: &str| PHASES.contains(&phase.trim().to_ascii_lowercase().as_str());
    facts.put(Check::Lifecycle, phases.into_iter().any(known));
    let licenses = metadata.licenses.as_deref().unwrap_or_default();
    let licenses = Licenses::of(licenses.iter().filter_map(LicenseChoice::text));
    facts.put(Check::DataLicense, licenses.is_told && licenses.is_valid);
    let primary = metadata.component.as_ref();
    let primary = primary.and_then(|one| one.bom_ref.as_ref());
    facts.put(Check::PrimaryComponent, is_told(primary));
}

/// Of the artifact and what it depends on directly, those that depend on something at all, and for how
/// many of them a composition says that this is all.
fn dependencies(document: &Document, components: &[&Component], facts: &mut Facts) {
    let refs = components.iter().filter_map(|one| one.bom_ref.as_deref());
    let refs: BTreeSet<&str> = refs.collect();
    let mut edges: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for one in document.dependencies.as_deref().unwrap_or_default() {
        let on = one.depends_on.as_deref().unwrap_or_default().iter();
        let on = on.map(String::as_str).filter(|to| refs.contains(to));
        if let Some(from) = one.reference.as_deref() {
            edges.entry(from).or_default().extend(on);
        }
    }
    let metadata = document.metadata.as_ref();
    let primary = metadata.and_then(|one| one.component.as_ref()?.bom_ref.as_deref());
    let none = BTreeSet::new();
    let direct = |from: &str| edges.get(from).unwrap_or(&none);
    let mut asked: BTreeSet<&str> = BTreeSet::new();
    if let Some(primary) = primary.filter(|one| !one.trim().is_empty()) {
        asked.insert(primary);
        asked.extend(direct(primary));
    }
    asked.retain(|one| !direct(one).is_empty());
    let compositions = document.compositions.as_deref().unwrap_or_default();
    let complete = compositions
        .iter()
        .filter(|one| one.aggregate.as_deref() == Some("complete"));
    let listed = complete.flat_map(|one| one.dependencies.as_deref().unwrap_or_default());
    let listed: BTreeSet<&str> = listed.map(String::as_str).collect();
    let have = asked.iter().filter(|one| listed.contains(*one)).count();
    facts.put_share(Check::DependenciesComplete, have, asked.len());
}

/// Versions that have a schema for JSON.
const VERSIONS: &[&str] = &["1.2", "1.3", "1.4", "1.5", "1.6", "1.7"];

const PHASES: &[&str] = &[
    "design",
    "pre-build",
    "build",
    "post-build",
    "operations",
    "discovery",
    "decommission",
];

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    bom_format: Option<String>,
    spec_version: Option<String>,
    serial_number: Option<String>,
    metadata: Option<Metadata>,
    components: Option<Vec<Component>>,
    dependencies: Option<Vec<Dependency>>,
    compositions: Option<Vec<Composition>>,
    signature: Option<Signature>,
}

impl Document {
    /// The artifact, all components and those within them, each once, in the order they are written.
    fn components(&self) -> Vec<&Component> {
        let own = self
            .metadata
            .iter()
            .filter_map(|one| one.component.as_ref());
        let listed = self.components.iter().flatten();
        let mut left: Vec<&Component> = own.chain(listed).collect();
        left.reverse();
        let (mut all, mut seen) = (Vec::new(), BTreeSet::new());
        while let Some(one) = left.pop() {
            left.extend(one.components.iter().flatten().rev());
            if one.key().is_none_or(|key| seen.insert(key)) {
                all.push(one);
            }
        }
        all
    }

    fn is_at_least(&self, major: u32, minor: u32) -> bool {
        let version = self.spec_version.as_deref().unwrap_or_default();
        let numbers = version.split_once('.');
        let numbers = numbers.and_then(|(one, two)| Some((one.parse().ok()?, two.parse().ok()?)));
        numbers.is_some_and(|numbers: (u32, u32)| numbers >= (major, minor))
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Metadata {
    timestamp: Option<String>,
    authors: Option<Vec<Contact>>,
    tools: Option<Tools>,
    supplier: Option<Organization>,
    lifecycles: Option<Vec<Lifecycle>>,
    licenses: Option<Vec<LicenseChoice>>,
    component: Option<Component>,
}

#[derive(Deserialize)]
struct Contact {
    name: Option<String>,
    email: Option<String>,
    phone: Option<String>,
}

impl Contact {
    fn is_known(&self) -> bool {
        [&self.name, &self.email, &self.phone]
            .into_iter()
            .any(|text| is_told(text.as_ref()))
    }
}

#[derive(Deserialize)]
struct Organization {
    name: Option<String>,
    url: Option<Vec<String>>,
}

impl Organization {
    fn is_known(&self) -> bool {
        let url = self.url.as_ref().and_then(|all| all.first());
        is_told(self.name.as_ref()) || is_told(url)
    }
}

/// Up to 1.4 a list, then an object of lists.
#[derive(Deserialize)]
#[serde(untagged)]
enum Tools {
    List(Vec<Tool>),
    Kinds {
        #[serde(default)]
        components: Option<Vec<Tool>>,
        #[serde(default)]
        services: Option<Vec<Tool>>,
    },
}

impl Tools {
    fn all(&self) -> impl Iterator<Item = &Tool> {
        let (one, two) = match self {
            Self::List(all) => (Some(all), None),
            Self::Kinds {
                components,
                services,
            } => (components.as_ref(), services.as_ref()),
        };
        one.into_iter().chain(two).flatten()
    }
}

#[derive(Deserialize)]
struct Tool {
    name: Option<String>,
    version: Option<String>,
}

impl Tool {
    /// Name and version, a name, or neither: two halves, one or none.
    fn halves(&self) -> u8 {
        match (is_told(self.name.as_ref()), is_told(self.version.as_ref())) {
            (true, true) => 2,
            (true, false) => 1,
            _ => 0,
        }
    }
}

#[derive(Deserialize)]
struct Lifecycle {
    phase: Option<String>,
    name: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Dependency {
    #[serde(rename = "ref")]
    reference: Option<String>,
    depends_on: Option<Vec<String>>,
}

#[derive(Deserialize)]
struct Composition {
    aggregate: Option<String>,
    assemblies: Option<Vec<String>>,
    dependencies: Option<Vec<String>>,
    vulnerabilities: Option<Vec<String>>,
}

impl Composition {
    /// Whether it names nothing, and so is about the whole document.
    fn is_of_all(&self) -> bool {
        let lists = [&self.assemblies, &self.dependencies, &self.vulnerabilities];
        lists.into_iter().flatten().all(Vec::is_empty)
    }
}

impl Component {
    fn part(&self, is_1_6: bool) -> Part {
        let mut part = Part::new(self.label());
        part.set(Trait::Name, is_told(self.name.as_ref()));
        part.set(Trait::Version, is_told(self.version.as_ref()));
        part.set(
            Trait::Id,
            self.bom_ref.as_ref().is_some_and(|one| !one.is_empty()),
        );
        part.set(
            Trait::Supplier,
            is_told(self.supplier.as_ref().and_then(|one| one.name.as_ref())),
        );
        part.set(Trait::Purpose, component::is_kind(self.kind.as_deref()));
        part.set(Trait::SourceCode, self.tells_source());
        let purl = self
            .purl
            .as_deref()
            .is_some_and(|text| text.trim().parse::<Purl>().is_ok());
        part.set(
            Trait::Identifier,
            purl || self.cpe.as_deref().is_some_and(is_cpe),
        );
        part.set_hashes(self.hashes());
        let (concluded, declared) = self.licenses(is_1_6);
        part.set_licenses(&concluded, &declared);
        part
    }
}
