//! The parts of an SPDX 2.3 document that are written, in the order of the specification.

use serde::Serialize;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Document {
    pub(super) spdx_version: &'static str,
    pub(super) data_license: &'static str,
    #[serde(rename = "SPDXID")]
    pub(super) id: &'static str,
    pub(super) name: String,
    #[serde(rename = "documentNamespace", skip_serializing_if = "Option::is_none")]
    pub(super) namespace: Option<String>,
    pub(super) creation_info: CreationInfo,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) comment: Option<String>,
    pub(super) packages: Vec<Package>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) has_extracted_licensing_infos: Vec<ExtractedLicense>,
    pub(super) relationships: Vec<Relationship>,
}

#[derive(Serialize)]
pub(in crate::format) struct CreationInfo {
    pub(in crate::format) created: String,
    pub(in crate::format) creators: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::format) comment: Option<&'static str>,
}

/// A package; what is empty is left out.
#[derive(Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::format) struct Package {
    #[serde(rename = "SPDXID")]
    pub(in crate::format) id: String,
    pub(in crate::format) name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::format) version_info: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::format) supplier: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::format) originator: Option<String>,
    pub(in crate::format) download_location: String,
    pub(in crate::format) files_analyzed: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(in crate::format) checksums: Vec<Checksum>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::format) homepage: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::format) source_info: Option<String>,
    pub(in crate::format) license_concluded: String,
    pub(in crate::format) license_declared: String,
    pub(in crate::format) copyright_text: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::format) description: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::format) comment: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(in crate::format) external_refs: Vec<ExternalRef>,
    pub(in crate::format) primary_package_purpose: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::format) struct Checksum {
    pub(in crate::format) algorithm: &'static str,
    pub(in crate::format) checksum_value: String,
}

#[derive(Serialize)]
pub(in crate::format) struct ExternalRef {
    #[serde(rename = "referenceCategory")]
    pub(in crate::format) category: &'static str,
    #[serde(rename = "referenceType")]
    pub(in crate::format) kind: &'static str,
    #[serde(rename = "referenceLocator")]
    pub(in crate::format) locator: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::format) struct ExtractedLicense {
    pub(in crate::format) license_id: String,
    pub(in crate::format) extracted_text: String,
    pub(in crate::format) name: String,
}

#[derive(PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub(super) struct Relationship {
    #[serde(rename = "spdxElementId")]
    pub(super) from: String,
    #[serde(rename = "relationshipType")]
    pub(super) kind: &'static str,
    #[serde(rename = "relatedSpdxElement")]
    pub(super) to: String,
}
