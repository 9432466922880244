//! Predicates: what statements say.
//!
//! One file for each type and one row in [`KNOWN`]. Standard predicates keep members they do not
//! know; ours check `crit` instead, so that nothing a signer found essential is skipped.

use serde::de::DeserializeOwned;

use crate::PredicateError;

pub mod approval;
pub mod cosign;
pub mod link;
pub mod model_signing;
pub mod promotion;
pub mod reference;
mod sbom;
pub mod slsa_provenance;
pub mod test_result;
pub mod vsa;
pub mod witness;

pub use approval::Approval;
pub use model_signing::ModelSigning;
pub use promotion::Promotion;
pub use reference::Reference;
pub use sbom::SbomKind;
pub use slsa_provenance::Provenance;
pub use test_result::TestResult;
pub use vsa::Vsa;

/// A type of predicate.
pub trait Predicate: DeserializeOwned {
    /// The type's URIs: the one written first, then others that mean the same.
    const TYPES: &'static [&'static str];

    /// Checks what the shape alone cannot say.
    fn check(&self) -> Result<(), PredicateError> {
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
        alias: "custom",
        uri: "https://cosign.sigstore.dev/attestation/v1",
    },
    Known {
        alias: "cyclonedx",
        uri: CYCLONEDX,
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
        uri: "https://openvex.dev/ns",
    },
    Known {
        alias: "promotion",
        uri: promotion::TYPE,
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
        uri: "https://in-toto.io/attestation/vulns/v0.2",
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

/// Refuses any name in `crit` that is not among the fields this reader understands.
fn check_critical(crit: &[String], understood: &[&str]) -> Result<(), PredicateError> {
    match crit
        .iter()
        .find(|name| !understood.contains(&name.as_str()))
    {
        Some(name) => Err(PredicateError::Critical {
            name: name.chars().take(64).collect(),
        }),
        None => Ok(()),
    }
}
