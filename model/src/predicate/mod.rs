//! Predicates: what statements say.
//!
//! One file for each type and one row in [`KNOWN`]. Standard predicates keep members they do not
//! know; ours check `crit` instead, so that nothing a signer found essential is skipped.

use serde::de::DeserializeOwned;

use crate::{PredicateError, Statement};

pub mod approval;
mod check;
pub mod checkpoint;
pub mod cosign;
pub mod deployment;
pub mod draft;
pub mod freeze;
pub mod incident;
pub mod link;
pub mod model_signing;
pub mod openvex;
pub mod own;
pub mod policy;
pub mod promotion;
pub mod promotion_record;
pub mod reference;
pub mod review;
pub mod revocation;
mod sbom;
pub mod slsa_provenance;
pub mod test_result;
pub mod vsa;
pub mod vulns;
pub mod waiver;
pub mod witness;

pub use approval::Approval;
pub use checkpoint::Checkpoint;
pub use deployment::Deployment;
pub use freeze::Freeze;
pub use incident::Incident;
pub use model_signing::ModelSigning;
pub use openvex::OpenVex;
pub use policy::SignedPolicy;
pub use promotion::Promotion;
pub use promotion_record::PromotionRecord;
pub use reference::Reference;
pub use review::Review;
pub use revocation::Revocation;
pub use sbom::SbomKind;
pub use slsa_provenance::Provenance;
pub use test_result::TestResult;
pub use vsa::Vsa;
pub use vulns::Vulns;
pub use waiver::Waiver;

/// A type of predicate.
pub trait Predicate: DeserializeOwned {
    /// The type's URIs: the one written first, then others that mean the same.
    const TYPES: &'static [&'static str];

    /// Reads the JSON of a predicate of this type, which is one of [`Predicate::TYPES`].
    fn from_json(_kind: &str, json: &str) -> serde_json::Result<Self> {
        crate::json::part(json.as_bytes())
    }

    /// Checks what the shape alone cannot say, for the statement it was read from.
    fn check(&self, _statement: &Statement) -> Result<(), PredicateError> {
        Ok(())
    }
}

/// CycloneDX bills of materials; the predicate is the document.
pub const CYCLONEDX: &str = "https://cyclonedx.org/bom";
/// SPDX documents; the predicate is the document.
pub const SPDX: &str = "https://spdx.dev/Document";

/// A predicate type with the short name the command line accepts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Known {
    /// The short name.
    pub alias: &'static str,
    /// The URI.
    pub uri: &'static str,
}

/// Every predicate type with a short name, sorted by it. cosign's aliases are among them.
pub const KNOWN: &[Known] = &[
    Known {
        alias: "approval",
        uri: approval::TYPE,
    },
    Known {
        alias: "checkpoint",
        uri: checkpoint::TYPE,
    },
    Known {
        alias: "custom",
        uri: "https://cosign.sigstore.dev/attestation/v1",
    },
    Known {
        alias: "cyclonedx",
        uri: CYCLONEDX,
    },
    Known {
        alias: "deployment",
        uri: deployment::TYPE,
    },
    Known {
        alias: "freeze",
        uri: freeze::TYPE,
    },
    Known {
        alias: "incident",
        uri: incident::TYPE,
    },
    Known {
        alias: "link",
        uri: link::TYPE,
    },
    Known {
        alias: "model-signing",
        uri: model_signing::TYPE,
    },
    Known {
        alias: "openvex",
        uri: openvex::TYPE,
    },
    Known {
        alias: "policy",
        uri: policy::TYPE,
    },
    Known {
        alias: "promotion",
        uri: promotion::TYPE,
    },
    Known {
        alias: "promotion-record",
        uri: promotion_record::TYPE,
    },
    Known {
        alias: "reference",
        uri: reference::TYPE,
    },
    Known {
        alias: "release",
        uri: "https://in-toto.io/attestation/release/v0.1",
    },
    Known {
        alias: "review",
        uri: review::TYPE,
    },
    Known {
        alias: "revocation",
        uri: revocation::TYPE,
    },
    Known {
        alias: "scai",
        uri: "https://in-toto.io/attestation/scai/v0.3",
    },
    Known {
        alias: "slsaprovenance",
        uri: slsa_provenance::TYPE_V0_2,
    },
    Known {
        alias: "slsaprovenance02",
        uri: slsa_provenance::TYPE_V0_2,
    },
    Known {
        alias: "slsaprovenance1",
        uri: slsa_provenance::TYPE,
    },
    Known {
        alias: "spdx",
        uri: SPDX,
    },
    Known {
        alias: "spdxjson",
        uri: SPDX,
    },
    Known {
        alias: "test-result",
        uri: test_result::TYPE,
    },
    Known {
        alias: "vsa",
        uri: vsa::TYPE,
    },
    Known {
        alias: "vuln",
        uri: "https://cosign.sigstore.dev/attestation/vuln/v1",
    },
    Known {
        alias: "vulns",
        uri: vulns::TYPE,
    },
    Known {
        alias: "waiver",
        uri: waiver::TYPE,
    },
    Known {
        alias: "witness-collection",
        uri: witness::TYPE,
    },
];

/// Whether this predicate type is a CycloneDX document in one of its spellings.
pub fn is_cyclonedx(uri: &str) -> bool {
    uri == CYCLONEDX
        || uri
            .strip_prefix(CYCLONEDX)
            .is_some_and(|rest| rest.starts_with("/v1."))
}

/// Whether this predicate type is an SPDX document in one of its spellings.
pub fn is_spdx(uri: &str) -> bool {
    uri == SPDX
        || uri
            .strip_prefix(SPDX)
            .is_some_and(|rest| rest.starts_with("/v"))
}
