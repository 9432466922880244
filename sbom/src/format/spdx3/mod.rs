//! SPDX 3.0.1 as JSON-LD, written.
//!
//! <https://spdx.github.io/spdx-spec/v3.0.1/>, the profiles core, software and simpleLicensing. What is
//! said of a package is what [SPDX 2.3](super::spdx) says, and what that has no place for: how complete
//! relationships are, scopes, repositories, addresses of suppliers, and who supplies the subject.
//! `SpdxDocument` names no elements: in JSON-LD they are those of the graph.

mod agent;
mod element;
mod license;
mod package;
mod relationship;

use std::collections::{BTreeMap, BTreeSet};

use bulla_model::Digest;
use uuid::Uuid;

use self::element::{CreationInfo, Document, Element, Kind, Node};
use super::spdx;
use super::{Lifecycle, Metadata, Subject};
use crate::Inventory;

/// The document as indented JSON with a line feed at its end. The same arguments give the same bytes.
///
/// Identifiers begin with a name-based UUID (RFC 9562, version 5) over the subject's digest and
/// everything the document says. Elements stand in the order of their identifiers.
pub fn write(inventory: &Inventory, subject: &Subject, metadata: &Metadata) -> Vec<u8> {
    let nameless = Graph::new(String::new()).document(inventory, subject, metadata);
    let digest = subject.digest.as_ref().map(ToString::to_string);
    let mut content = digest.unwrap_or_default().into_bytes();
    content.push(b'\n');
    content.extend(json(&nameless, serde_json::to_vec));
    let id = Uuid::new_v5(&spdx::NAMESPACE, &content);
    let base = format!("https://bulla.dev/sbom/spdx/{id}");
    let document = Graph::new(base).document(inventory, subject, metadata);
    let mut bytes = json(&document, serde_json::to_vec_pretty);
    bytes.push(b'\n');
    bytes
}

/// Elements by their identifiers.
struct Graph {
    base: String,
    elements: BTreeMap<String, Element>,
}

impl Graph {
    fn new(base: String) -> Self {
        Self {
            base,
            elements: BTreeMap::new(),
        }
    }

    fn document(
        mut self,
        inventory: &Inventory,
        subject: &Subject,
        metadata: &Metadata,
    ) -> Document {
        let creation = self.creation(metadata);
        self.packages(inventory, subject, metadata);
        self.relationships(inventory);
        let root = self.id(package::SUBJECT);
        let elements = self.elements.keys().cloned().collect();
        let bom = self.add(
            "Sbom",
            Kind::Sbom {
                sbom_type: [match metadata.lifecycle {
                    Lifecycle::PreBuild => "source",
                    Lifecycle::Build => "build",
                    Lifecycle::PostBuild => "analyzed",
                }],
                profile_conformance: PROFILES,
                root_element: [root],
                element: elements,
            },
            Some(&subject.name),
        );
        let data_license = self.expression("CC0-1.0", BTreeSet::new());
        let document = Kind::Document {
            data_license,
            profile_conformance: PROFILES,
            root_element: [bom],
        };
        let id = self.add("Document", document, Some(&subject.name));
        if let Some(document) = self.elements.get_mut(&id) {
            document.comment = Some(spdx::comment(inventory, metadata));
        }
        let elements = self.elements.into_values().map(Node::Element);
        Document {
            context: "https://spdx.org/rdf/3.0.1/spdx-context.jsonld",
            graph: std::iter::once(Node::Creation(creation))
                .chain(elements)
                .collect(),
        }
    }

    fn creation(&mut self, metadata: &Metadata) -> CreationInfo {
        let spdx_2 = spdx::creation(metadata);
        let name = format!("bulla-{}", metadata.tool_version);
        let tool = self.add("Tool", Kind::Tool, Some(&name));
        let authors = metadata.authors.iter();
        let mut authors: Vec<_> = authors.map(|name| self.organization(name)).collect();
        // Somebody must have made it, and a tool is nobody.
        if authors.is_empty() {
            authors.push(self.add("Maker", Kind::SoftwareAgent, Some(&name)));
        }
        CreationInfo {
            id: element::CREATION,
            kind: "CreationInfo",
            spec_version: "3.0.1",
            created: spdx_2.created,
            created_by: authors,
            created_using: [tool],
            comment: spdx_2.comment,
        }
    }

    /// The identifier of what has this name in the document.
    fn id(&self, name: &str) -> String {
        format!("{}#SPDXRef-{name}", self.base)
    }

    /// Adds an element, unless it is there; tells its identifier.
    fn add(&mut self, local: &str, kind: Kind, name: Option<&str>) -> String {
        let id = self.id(local);
        let element = Element::new(id.clone(), kind, name.map(str::to_owned));
        self.elements.entry(id.clone()).or_insert(element);
        id
    }
}

/// A name for each text. It is long, because of two elements with one name only one would stay.
fn named(kind: &str, text: &str) -> String {
    let digest = Digest::sha256(text.as_bytes());
    let digest = digest.hex().get(..32).unwrap_or_default();
    format!("{kind}-{digest}")
}

fn json(document: &Document, write: fn(&Document) -> serde_json::Result<Vec<u8>>) -> Vec<u8> {
    write(document).expect("because structures of strings are always JSON")
}

const PROFILES: [&str; 3] = ["core", "software", "simpleLicensing"];
