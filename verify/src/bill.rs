//! What bills of materials list: package URLs and licences, as they are written.
//!
//! Only members that rules need are read. What stands in the place of a name or licence and is no
//! text says nothing, so that it is missed where it is asked for.

use std::collections::BTreeSet;

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;

use bulla_model::predicate::{is_cyclonedx, is_spdx};
use bulla_model::{Statement, json};

/// What a bill of materials lists.
#[derive(Debug, Default)]
pub(crate) struct Bill {
    pub(crate) parts: Vec<Part>,
    /// That more of it is in another document, which nobody reads here.
    pub(crate) elsewhere: Option<String>,
    /// Whether licences are where they are read; those of SPDX 3 are not.
    pub(crate) tells_licenses: bool,
    /// Whether only what has a package URL is a part, as in SPDX 3: then none is no empty list.
    pub(crate) is_graph: bool,
}

/// One thing that it lists.
#[derive(Debug, Default)]
pub(crate) struct Part {
    pub(crate) name: String,
    pub(crate) purls: Vec<String>,
    /// Expressions, identifiers and names, all of which apply.
    pub(crate) licenses: Vec<String>,
    /// What is told beside them, and stands back where it is asked which licences it has.
    pub(crate) told_too: Vec<String>,
    /// Whether something stands where a licence does that is none.
    pub(crate) is_odd: bool,
    /// Whether it is somebody's work that comes with a licence: the artifact itself is not asked for
    /// its own, a file or an operating system only if it says one.
    pub(crate) has_license: bool,
}

/// Whether a statement is a bill of materials.
pub(crate) fn is_bill(statement: &Statement) -> bool {
    let kind = statement.predicate_type().as_str();
    is_cyclonedx(kind) || is_spdx(kind)
}

impl Bill {
    /// What a statement lists; nothing if it is another statement.
    pub(crate) fn read(statement: &Statement) -> Result<Self, String> {
        if !is_bill(statement) {
            return Ok(Self::default());
        }
        let text = statement.predicate_json().unwrap_or_default();
        let document: Document = json::part(text.as_bytes()).map_err(|error| error.to_string())?;
        let kind = statement.predicate_type().as_str();
        // A context makes it SPDX 3, whatever else is beside it.
        let packages = document.packages.is_some() && document.context.is_none();
        if is_spdx(kind) && !packages && document.graph.is_none() {
            return Err("has no list of packages that this version knows".to_owned());
        }
        let mut found = match document.graph {
            Some(graph) => in_graph(document.context.as_ref(), graph)?,
            None => Self {
                tells_licenses: document.context.is_none(),
                ..Self::default()
            },
        };
        found.refer(document.external_references);
        let others = document.external_document_refs.unwrap_or_default();
        if !others.is_empty() {
            found.refers("externalDocumentRefs");
        }
        let own = document.metadata.and_then(|metadata| metadata.component);
        found.own(own);
        found.components(document.components.unwrap_or_default());
        let described = described(document.describes, document.relationships);
        let listed = document.packages.unwrap_or_default().into_iter();
        found
            .parts
            .extend(listed.map(|one| one.read(described.as_deref())));
        Ok(found)
    }

    /// Every package URL.
    pub(crate) fn purls(&self) -> impl Iterator<Item = &str> {
        let parts = self.parts.iter();
        parts.flat_map(|part| part.purls.iter().map(String::as_str))
    }

    /// The artifact itself, as CycloneDX describes it.
    fn own(&mut self, component: Option<Component>) {
        let Some(mut component) = component else {
            return;
        };
        self.refer(component.external_references.take());
        self.components(component.components.take().unwrap_or_default());
        let own = component.read();
        self.parts.push(Part {
            has_license: false,
            ..own
        });
    }

    fn components(&mut self, mut left: Vec<Component>) {
        while let Some(mut component) = left.pop() {
            self.refer(component.external_references.take());
            left.extend(component.components.take().unwrap_or_default());
            self.parts.push(component.read());
        }
    }

    fn refers(&mut self, member: &str) {
        let line = || format!("refers to another one, which is not looked at (`{member}`)");
        self.elsewhere.get_or_insert_with(line);
    }

    fn refer(&mut self, references: Option<Vec<Elsewhere>>) {
        let mut references = references.into_iter().flatten();
        if references.any(|one| one.kind.as_deref() == Some("bom")) {
            self.refers("externalReferences");
        }
    }
}

/// The package URLs of SPDX 3: elements lie in one list, or within each other. What the names of
/// their members mean is said by the context, so that only SPDX's own is believed.
/// <https://spdx.github.io/spdx-spec/v3.0.1/serializations/>
fn in_graph(context: Option<&Value>, graph: Vec<Value>) -> Result<Bill, String> {
    let context = context.and_then(Value::as_str);
    if !context.is_some_and(|context| context.starts_with("https://spdx.org/rdf/3.")) {
        return Err("gives its members meanings of its own (`@context`)".to_owned());
    }
    let mut found = Bill {
        is_graph: true,
        ..Bill::default()
    };
    let mut left = graph;
    while let Some(value) = left.pop() {
        match value {
            Value::Array(items) => left.extend(items),
            Value::Object(mut members) => {
                let kind = members.get("externalIdentifierType");
                let is_purl = kind.and_then(Value::as_str) == Some("packageUrl");
                let identifier = is_purl.then(|| members.remove("identifier")).flatten();
                let own = members.remove("software_packageUrl");
                for url in identifier.into_iter().chain(own) {
                    let Value::String(url) = url else {
                        return Err("has a package URL that is no text".to_owned());
                    };
                    found.parts.push(Part {
                        purls: vec![url],
                        ..Part::default()
                    });
                }
                let imported = members.get("import").and_then(Value::as_array);
                if imported.is_some_and(|list| !list.is_empty()) {
                    found.refers("import");
                }
                left.extend(members.into_iter().map(|(_, value)| value));
            }
            _ => {}
        }
    }
    Ok(found)
}

/// The one package of SPDX 2 that the document says it is about: the artifact itself. Where there
/// are several none is.
fn described(
    describes: Perhaps<Vec<String>>,
    relationships: Perhaps<Vec<Relationship>>,
) -> Option<String> {
    let relationships = relationships.known().unwrap_or_default().into_iter();
    let related = relationships.filter_map(|one| match one.kind.as_deref()? {
        "DESCRIBES" if one.from.as_deref() == Some(DOCUMENT) => one.to,
        "DESCRIBED_BY" if one.to.as_deref() == Some(DOCUMENT) => one.from,
        _ => None,
    });
    let mut all: BTreeSet<String> = describes.known().unwrap_or_default().into_iter().collect();
    all.extend(related);
    let first = all.pop_first();
    first.filter(|_| all.is_empty())
}

const DOCUMENT: &str = "SPDXRef-DOCUMENT";

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Document {
    components: Option<Vec<Component>>,
    metadata: Option<Metadata>,
    external_references: Option<Vec<Elsewhere>>,
    packages: Option<Vec<Package>>,
    external_document_refs: Option<Vec<IgnoredAny>>,
    #[serde(rename = "documentDescribes")]
    describes: Perhaps<Vec<String>>,
    relationships: Perhaps<Vec<Relationship>>,
    #[serde(rename = "@context")]
    context: Option<Value>,
    #[serde(rename = "@graph")]
    graph: Option<Vec<Value>>,
}

/// A value of the expected form, or any other.
#[derive(Deserialize)]
#[serde(untagged)]
enum Perhaps<T> {
    Known(T),
    Other(IgnoredAny),
}

impl<T> Default for Perhaps<T> {
    fn default() -> Self {
        Self::Other(IgnoredAny)
    }
}

impl<T> Perhaps<T> {
    fn known(self) -> Option<T> {
        match self {
            Self::Known(value) => Some(value),
            Self::Other(_) => None,
        }
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Metadata {
    component: Option<Component>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Component {
    #[serde(rename = "type")]
    kind: Perhaps<String>,
    name: Perhaps<String>,
    purl: Option<String>,
    licenses: Option<Perhaps<Vec<Perhaps<LicenseChoice>>>>,
    components: Option<Vec<Self>>,
    external_references: Option<Vec<Elsewhere>>,
}

impl Component {
    fn read(self) -> Part {
        let kind = self.kind.known().unwrap_or_default();
        let mut part = Part {
            name: self.name.known().unwrap_or_default(),
            purls: self.purl.into_iter().collect(),
            ..Part::default()
        };
        for choice in told(self.licenses, &mut part.is_odd).unwrap_or_default() {
            let choice = told(Some(choice), &mut part.is_odd).unwrap_or_default();
            choice.tell(&mut part);
        }
        let is_bare = part.licenses.is_empty() && !part.is_odd;
        part.has_license = !(is_bare && WITHOUT.contains(&kind.as_str()));
        part
    }
}

/// Kinds of components that tools list for what they are made of.
const WITHOUT: &[&str] = &["file", "operating-system"];

/// What is there; if that is something else it is odd.
fn told<T>(value: Option<Perhaps<T>>, is_odd: &mut bool) -> Option<T> {
    let value = value?.known();
    *is_odd |= value.is_none();
    value
}

/// One entry of CycloneDX's `licenses`.
#[derive(Default, Deserialize)]
#[serde(default)]
struct LicenseChoice {
    expression: Option<Perhaps<String>>,
    license: Option<Perhaps<License>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct License {
    id: Option<Perhaps<String>>,
    name: Option<Perhaps<String>>,
}

impl LicenseChoice {
    /// The first text is the licence, empty if there is none; it should be the only one.
    fn tell(self, part: &mut Part) {
        let is_odd = &mut part.is_odd;
        let license = told(self.license, is_odd).unwrap_or_default();
        let all = [self.expression, license.id, license.name];
        let all = all.map(|text| told(text, is_odd).unwrap_or_default());
        let mut texts = all.into_iter().filter(|text| !text.trim().is_empty());
        part.licenses.push(texts.next().unwrap_or_default());
        part.told_too.extend(texts);
    }
}

/// An external reference of CycloneDX.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Elsewhere {
    #[serde(rename = "type")]
    kind: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Package {
    #[serde(rename = "SPDXID")]
    id: Perhaps<String>,
    name: Perhaps<String>,
    license_concluded: Option<Perhaps<String>>,
    license_declared: Option<Perhaps<String>>,
    external_refs: Option<Vec<ExternalReference>>,
}

impl Package {
    fn read(self, described: Option<&str>) -> Part {
        let references = self.external_refs.unwrap_or_default().into_iter();
        let urls = references
            .filter(|one| {
                let kind = one.reference_type.as_deref();
                kind.is_some_and(|kind| PURL_TYPES.contains(&kind))
            })
            .filter_map(|one| one.reference_locator);
        let id = self.id.known();
        // What was concluded is said instead of what was declared, where anything was.
        let mut is_odd = false;
        let mut said = |text| told(text, &mut is_odd).filter(|text: &String| text != "NOASSERTION");
        let (concluded, declared) = (said(self.license_concluded), said(self.license_declared));
        let mut licenses = concluded.into_iter().chain(declared);
        Part {
            name: self.name.known().unwrap_or_default(),
            purls: urls.collect(),
            licenses: licenses.next().into_iter().collect(),
            told_too: licenses.collect(),
            is_odd,
            has_license: id.is_none() || id.as_deref() != described,
        }
    }
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct ExternalReference {
    reference_type: Option<String>,
    reference_locator: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Relationship {
    #[serde(rename = "spdxElementId")]
    from: Option<String>,
    #[serde(rename = "relationshipType")]
    kind: Option<String>,
    #[serde(rename = "relatedSpdxElement")]
    to: Option<String>,
}

/// What SPDX 2 calls a package URL: the name, or the URI that the name stands for.
/// <https://spdx.github.io/spdx-spec/v2.3/external-repository-identifiers/>
const PURL_TYPES: &[&str] = &["purl", "http://spdx.org/rdf/references/purl"];
