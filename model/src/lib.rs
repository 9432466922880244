//! The field's words as types.
//!
//! | word | module | specification |
//! |---|---|---|
//! | `Digest`, `DigestSet` | [`digest`], [`digest_set`] | OCI image-spec v1.1.1, in-toto attestation v1.1 |
//! | `Reference`, `PinnedReference` | [`reference`] | OCI distribution-spec v1.1.1 |
//! | `Descriptor`, `Manifest`, `Referrer` | [`descriptor`], [`manifest`], [`referrer`] | OCI image-spec v1.1.1 |
//! | `Purl` | [`purl`] | package URL, ECMA-427 |
//! | `Statement`, `Subject`, `ResourceDescriptor` | [`statement`], [`resource`] | in-toto attestation v1.1 |
//! | `Envelope`, `Pae` | [`envelope`] | DSSE v1.0.2 |
//! | `Bundle` | [`bundle`] | Sigstore bundle v0.1 to v0.3 |
//! | bundles in answers of npm, GitHub and PyPI | [`attestation_list`] | each names its own |
//! | `CosignLayer`, `SimpleSigning` | [`cosign`] | cosign signature specification v2.5 |
//! | `NotationEnvelope` | [`notation`] | Notary Project signature specification |
//! | `Environment`, `Edge`, `Service`, `Person` | [`environment`], [`name`] | `docs/predicates` |
//! | `EvidencePack` | [`evidence_pack`] | `docs/evidence.md` |
//! | `Layout`, `StepLink` | [`in_toto`] | in-toto v1.0 |
//! | what witness puts beside signatures | [`witness`] | go-witness at ad20e39 |
//! | predicates | [`predicate`] | each module names its own |
//! | `Scope`, `Nonce` | [`scope`], [`nonce`] | `docs/predicates` |
//! | `Recurrence`, `LocalTime` | [`calendar`] | RFC 5545 |
//!
//! The crate knows no clock, file, environment or socket. Types that can be wrong have private
//! fields and one checked constructor, and deserialising goes through it. Bytes that are signed
//! are kept as they came: nothing here writes a received statement again.

/// Bulla's namespace; no other line of the crates that define predicates spells it.
macro_rules! ours {
    ($rest:literal) => {
        concat!("https://bulla.dev/", $rest)
    };
}
pub(crate) use ours;

pub mod attestation_list;
pub mod bundle;
pub mod calendar;
pub mod cosign;
pub mod descriptor;
pub mod digest;
pub mod digest_set;
pub mod envelope;
pub mod environment;
pub mod evidence_pack;
pub mod identity;
pub mod in_toto;
mod instant;
pub mod json;
pub mod limits;
pub mod manifest;
pub mod name;
pub mod nonce;
pub mod notation;
pub mod predicate;
pub mod purl;
pub mod reference;
pub mod referrer;
pub mod resource;
pub mod scope;
pub mod statement;
pub mod validity;
pub mod witness;

pub use bundle::{
    Bundle, BundleContent, BundleError, BundleVersion, InclusionProof, KeyMaterial, LogEntry,
};
pub use cosign::{
    CosignBlob, CosignError, CosignLayer, CosignMaterials, LogPromise, SimpleSigning,
};
pub use descriptor::{Annotations, Descriptor, Platform, media_type};
pub use digest::{Algorithm, Digest, DigestError, Hasher};
pub use digest_set::DigestSet;
pub use envelope::{Envelope, EnvelopeError, EnvelopeSignature, Pae};
pub use environment::{Edge, EdgeKind, Environment, EnvironmentError, Place};
pub use evidence_pack::{EvidencePack, EvidencePackError, PackFile, PackRole};
pub use identity::{BuildClaims, CertificateIdentity, Identity, KeyId};
pub use json::JsonError;
pub use limits::Limits;
pub use manifest::{ImageIndex, ImageManifest, Manifest, ManifestContent, ManifestError};
pub use name::{NameError, Person, Role, Service, Tier};
pub use nonce::{Nonce, NonceError};
pub use notation::{NotationEnvelope, NotationError};
pub use purl::{Purl, PurlBuilder, PurlError, PurlParts};
pub use reference::{PinnedReference, Reference, ReferenceError, Repository, Tag};
pub use referrer::{Referrer, ReferrerList};
pub use resource::ResourceDescriptor;
pub use scope::{Scope, ScopeError, ScopeKind};
pub use statement::{
    PredicateError, PredicateType, Statement, StatementError, Subject, SubjectSet,
};
pub use validity::{Validity, ValidityError};
pub use witness::{WitnessError, WitnessMaterials};
