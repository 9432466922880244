//! SPDX 2.3 as JSON, written; as [tag-value](tag_value) the same document.
//!
//! <https://spdx.github.io/spdx-spec/v2.3/>. What CycloneDX has a place for and SPDX 2 has not, stands
//! in `sourceInfo` and comments: where a package was found, by whom, and whether it is only declared.

pub(super) mod document;
pub(super) mod license;
pub(super) mod package;
pub mod tag_value;

use uuid::Uuid;

use self::document::{CreationInfo, Document, Relationship};
use self::license::Texts;
use super::{Lifecycle, Metadata, Subject};
use crate::{Inventory, Package, Scope};

/// The document as indented JSON with a line feed at its end. The same arguments give the same bytes.
///
/// The namespace holds a name-based UUID (RFC 9562, version 5) over the subject's digest and
/// everything the document says.
pub fn write(inventory: &Inventory, subject: &Subject, metadata: &Metadata) -> Vec<u8> {
    let document = document(inventory, subject, metadata);
    let mut bytes = json(&document, serde_json::to_vec_pretty);
    bytes.push(b'\n');
    bytes
}

/// What is written, in whatever way.
fn document(inventory: &Inventory, subject: &Subject, metadata: &Metadata) -> Document {
    let mut texts = Texts::default();
    let mut packages = vec![package::subject(subject)];
    let system = inventory.operating_system.as_ref();
    packages.extend(system.map(package::operating_system));
    let listed = inventory.packages.iter();
    packages.extend(listed.map(|one| package::package(one, &mut texts)));
    let mut document = Document {
        spdx_version: "SPDX-2.3",
        data_license: "CC0-1.0",
        id: DOCUMENT,
        name: subject.name.clone(),
        namespace: None,
        creation_info: creation(metadata),
        comment: Some(comment(inventory, metadata)),
        packages,
        has_extracted_licensing_infos: texts.extracted(),
        relationships: relationships(inventory),
    };
    let mut content = subject
        .digest
        .as_ref()
        .map(ToString::to_string)
        .unwrap_or_default()
        .into_bytes();
    content.push(b'\n');
    content.extend(json(&document, serde_json::to_vec));
    let id = Uuid::new_v5(&NAMESPACE, &content);
    document.namespace = Some(format!("https://bulla.dev/sbom/spdx/{id}"));
    document
}

pub(super) fn creation(metadata: &Metadata) -> CreationInfo {
    let authors = metadata.authors.iter();
    let authors = authors.map(|name| format!("Organization: {name}"));
    let tool = format!("Tool: bulla-{}", metadata.tool_version);
    let unknown = "when it was made is not known: SOURCE_DATE_EPOCH says it";
    CreationInfo {
        created: metadata.timestamp.map_or_else(
            || "1970-01-01T00:00:00Z".to_owned(),
            // Whole seconds, clause 6.9.
            |time| time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        ),
        creators: std::iter::once(tool).chain(authors).collect(),
        comment: metadata.timestamp.is_none().then_some(unknown),
    }
}

/// What could not be read, and when in its life the subject was listed.
pub(super) fn comment(inventory: &Inventory, metadata: &Metadata) -> String {
    let phase = match metadata.lifecycle {
        Lifecycle::PreBuild => "listed before it was built",
        Lifecycle::Build => "listed while it was built",
        Lifecycle::PostBuild => "listed as it was built",
    };
    let unknowns = inventory.unknowns.iter();
    let unknowns = unknowns.map(|one| format!("not read: {}: {}", one.path, one.reason));
    let whole = match inventory.unknowns.len() {
        0 => "complete as far as the catalogers go".to_owned(),
        1 => "incomplete: 1 file could not be read".to_owned(),
        count => format!("incomplete: {count} files could not be read"),
    };
    let lines: Vec<_> = [phase.to_owned(), whole]
        .into_iter()
        .chain(unknowns)
        .collect();
    lines.join("\n")
}

fn relationships(inventory: &Inventory) -> Vec<Relationship> {
    let relate = |from: &str, kind, to: &str| Relationship {
        from: from.to_owned(),
        kind,
        to: to.to_owned(),
    };
    let mut all = vec![relate(DOCUMENT, "DESCRIBES", package::SUBJECT)];
    if inventory.operating_system.is_some() {
        all.push(relate(package::SUBJECT, "CONTAINS", package::SYSTEM));
    }
    for one in &inventory.packages {
        let id = package::id(&one.purl);
        all.push(match one.scope {
            Scope::Required => relate(package::SUBJECT, "CONTAINS", &id),
            Scope::Optional => relate(&id, "OPTIONAL_DEPENDENCY_OF", package::SUBJECT),
            Scope::Excluded => relate(&id, "DEV_DEPENDENCY_OF", package::SUBJECT),
        });
        all.extend(needs(one).map(|to| relate(&id, "DEPENDS_ON", &to)));
    }
    all.sort();
    all
}

fn needs(package: &Package) -> impl Iterator<Item = String> {
    package.dependencies.iter().map(package::id)
}

fn json(document: &Document, write: fn(&Document) -> serde_json::Result<Vec<u8>>) -> Vec<u8> {
    write(document).expect("because structures of strings are always JSON")
}

const DOCUMENT: &str = "SPDXRef-DOCUMENT";

/// What a field says that says nothing.
pub(super) const NO_ASSERTION: &str = "NOASSERTION";

/// The namespace of Bulla's documents: the version 5 UUID of the URL `https://bulla.dev/sbom`.
pub(super) const NAMESPACE: Uuid = Uuid::from_u128(0x456c_5937_7625_5164_bbea_ebc4_530c_4e17);
