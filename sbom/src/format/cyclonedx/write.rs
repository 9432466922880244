//! Writes a document: sorted, and from its arguments alone.

use uuid::Uuid;

use super::document::{
    Bom, Component, Composition, Lifecycle as Phase, Metadata as MetadataObject, Named, Property,
    Tools,
};
use super::{Lifecycle, Metadata, Subject, component, graph, older};
use crate::Inventory;
use crate::format::completeness;

/// The document as indented JSON with a line feed at its end. The same arguments give the same bytes.
///
/// The serial number is a name-based UUID (RFC 9562, version 5) over the subject's digest and
/// everything the document says.
pub fn write(inventory: &Inventory, subject: &Subject, metadata: &Metadata) -> Vec<u8> {
    let root = component::subject(subject);
    let root_ref = root.bom_ref.clone().unwrap_or_default();
    let system = inventory
        .operating_system
        .as_ref()
        .map(component::operating_system);
    let others: Vec<String> = system
        .iter()
        .filter_map(|system| system.bom_ref.clone())
        .collect();
    let packages = inventory.packages.iter();
    let packages = packages.map(|package| component::package(package, subject));
    let version = metadata.cyclonedx;
    let mut bom = Bom {
        schema: version.schema(),
        format: "CycloneDX",
        spec_version: version.as_str(),
        serial_number: None,
        version: 1,
        metadata: describe(inventory, metadata, root),
        components: system.into_iter().chain(packages).collect(),
        dependencies: graph::dependencies(&root_ref, &others, &inventory.packages),
        compositions: compositions(inventory, &root_ref),
    };
    older::take_back(&mut bom, version);
    bom.serial_number = Some(serial_number(&bom, subject));
    let mut bytes = json(&bom, serde_json::to_vec_pretty);
    bytes.push(b'\n');
    bytes
}

/// How complete the list is, and of which packages it is known what they need.
fn compositions(inventory: &Inventory, root: &str) -> Vec<Composition> {
    let whole = completeness::whole(inventory);
    let named = |all: bool| {
        let packages = inventory.packages.iter();
        let packages = packages.filter(move |package| completeness::knows_needs(package) == all);
        packages.map(|package| package.purl.to_string())
    };
    let known = std::iter::once(root.to_owned()).chain(named(true));
    let of = |aggregate, dependencies| Composition {
        aggregate,
        dependencies,
    };
    let all = [
        of(whole, Vec::new()),
        of(whole, known.collect()),
        of("unknown", named(false).collect()),
    ];
    let mut all = Vec::from(all);
    all.retain(|one| one.aggregate != "unknown" || !one.dependencies.is_empty());
    all
}

fn describe(inventory: &Inventory, metadata: &Metadata, root: Component) -> MetadataObject {
    let unknown = |unknown: &crate::Unknown| Property {
        name: "bulla:unknown",
        value: format!("{}: {}", unknown.path, unknown.reason),
    };
    MetadataObject {
        timestamp: metadata.timestamp.map(|timestamp| timestamp.to_string()),
        lifecycles: vec![Phase {
            phase: match metadata.lifecycle {
                Lifecycle::PreBuild => "pre-build",
                Lifecycle::Build => "build",
                Lifecycle::PostBuild => "post-build",
            },
        }],
        tools: Tools::Components {
            components: vec![Component {
                kind: "application",
                name: "bulla".to_owned(),
                version: Some(metadata.tool_version.clone()),
                ..Component::default()
            }],
        },
        authors: metadata
            .authors
            .iter()
            .cloned()
            .map(|name| Named { name })
            .collect(),
        component: root,
        supplier: metadata.supplier.clone().map(|name| Named { name }),
        licenses: vec![component::data_license()],
        properties: inventory.unknowns.iter().map(unknown).collect(),
    }
}

fn serial_number(bom: &Bom, subject: &Subject) -> String {
    let mut content = subject
        .digest
        .as_ref()
        .map(ToString::to_string)
        .unwrap_or_default()
        .into_bytes();
    content.push(b'\n');
    content.extend(json(bom, serde_json::to_vec));
    Uuid::new_v5(&NAMESPACE, &content).urn().to_string()
}

fn json(bom: &Bom, write: fn(&Bom) -> serde_json::Result<Vec<u8>>) -> Vec<u8> {
    write(bom).expect("because structures of strings and numbers are always JSON")
}

/// The namespace of Bulla's documents: the version 5 UUID of the URL `https://bulla.dev/sbom`.
const NAMESPACE: Uuid = Uuid::from_u128(0x456c_5937_7625_5164_bbea_ebc4_530c_4e17);
