//! The parts of an SPDX 3.0.1 document that are written.

use std::collections::BTreeSet;

use serde::Serialize;

#[derive(Serialize)]
pub(super) struct Document {
    #[serde(rename = "@context")]
    pub(super) context: &'static str,
    #[serde(rename = "@graph")]
    pub(super) graph: Vec<Node>,
}

#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum Node {
    Creation(CreationInfo),
    Element(Element),
}

/// Who made the elements, when and how. It is no element and has no address outside.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct CreationInfo {
    #[serde(rename = "@id")]
    pub(super) id: &'static str,
    #[serde(rename = "type")]
    pub(super) kind: &'static str,
    pub(super) spec_version: &'static str,
    pub(super) created: String,
    pub(super) created_by: Vec<String>,
    pub(super) created_using: [String; 1],
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) comment: Option<&'static str>,
}

/// What all elements have; what is empty is left out.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Element {
    spdx_id: String,
    #[serde(flatten)]
    kind: Kind,
    creation_info: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) description: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) comment: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) verified_using: Vec<Part>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) external_identifier: Vec<Part>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) external_ref: Vec<Part>,
}

impl Element {
    pub(super) fn new(spdx_id: String, kind: Kind, name: Option<String>) -> Self {
        Self {
            spdx_id,
            kind,
            creation_info: CREATION,
            name,
            description: None,
            comment: None,
            verified_using: Vec::new(),
            external_identifier: Vec::new(),
            external_ref: Vec::new(),
        }
    }
}

/// What an element is, and what only that has.
#[derive(Serialize)]
#[serde(tag = "type", rename_all_fields = "camelCase")]
pub(super) enum Kind {
    #[serde(rename = "SpdxDocument")]
    Document {
        data_license: String,
        profile_conformance: [&'static str; 3],
        root_element: [String; 1],
    },
    #[serde(rename = "software_Sbom")]
    Sbom {
        #[serde(rename = "software_sbomType")]
        sbom_type: [&'static str; 1],
        profile_conformance: [&'static str; 3],
        root_element: [String; 1],
        element: Vec<String>,
    },
    Tool,
    SoftwareAgent,
    Organization,
    Agent,
    #[serde(rename = "software_Package")]
    Package(Box<Package>),
    #[serde(rename = "simplelicensing_LicenseExpression")]
    Expression {
        #[serde(rename = "simplelicensing_licenseExpression")]
        expression: String,
        #[serde(
            rename = "simplelicensing_customIdToUri",
            skip_serializing_if = "Vec::is_empty"
        )]
        texts: Vec<Part>,
    },
    #[serde(rename = "simplelicensing_SimpleLicensingText")]
    LicensingText {
        #[serde(rename = "simplelicensing_licenseText")]
        text: String,
    },
    Relationship(Relationship),
    #[serde(rename = "LifecycleScopedRelationship")]
    Scoped {
        #[serde(flatten)]
        relationship: Relationship,
        scope: &'static str,
    },
}

#[derive(Serialize)]
pub(super) struct Package {
    #[serde(rename = "software_primaryPurpose")]
    pub(super) purpose: String,
    #[serde(
        rename = "software_packageVersion",
        skip_serializing_if = "Option::is_none"
    )]
    pub(super) version: Option<String>,
    #[serde(
        rename = "software_packageUrl",
        skip_serializing_if = "Option::is_none"
    )]
    pub(super) purl: Option<String>,
    #[serde(
        rename = "software_downloadLocation",
        skip_serializing_if = "Option::is_none"
    )]
    pub(super) download: Option<String>,
    #[serde(rename = "software_homePage", skip_serializing_if = "Option::is_none")]
    pub(super) homepage: Option<String>,
    #[serde(
        rename = "software_sourceInfo",
        skip_serializing_if = "Option::is_none"
    )]
    pub(super) source: Option<String>,
    #[serde(rename = "suppliedBy", skip_serializing_if = "Option::is_none")]
    pub(super) supplier: Option<String>,
    #[serde(rename = "originatedBy", skip_serializing_if = "Vec::is_empty")]
    pub(super) originators: Vec<String>,
}

#[derive(Serialize)]
pub(super) struct Relationship {
    #[serde(rename = "relationshipType")]
    pub(super) kind: &'static str,
    pub(super) from: String,
    pub(super) to: BTreeSet<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) completeness: Option<&'static str>,
}

/// A part of an element, which has no identifier of its own.
#[derive(Serialize)]
#[serde(tag = "type", rename_all_fields = "camelCase")]
pub(super) enum Part {
    Hash {
        algorithm: String,
        hash_value: String,
    },
    ExternalIdentifier {
        external_identifier_type: &'static str,
        identifier: String,
    },
    ExternalRef {
        external_ref_type: &'static str,
        locator: [String; 1],
    },
    DictionaryEntry {
        key: String,
        value: String,
    },
}

/// The name of the creation of everything, within the document.
pub(super) const CREATION: &str = "_:creationInfo";
