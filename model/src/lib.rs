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
//! | `Environment`, `Edge`, `Service`, `Person` | [`environment`], [`service`], [`person`] | `docs/predicates` |
//! | predicates | [`predicate`] | each module names its own |
//!
//! The crate knows no clock, file, environment or socket. Types that can be wrong have private
//! fields and one checked constructor, and deserialising goes through it. Bytes that are signed
//! are kept as they came: nothing here writes a received statement again.

pub mod digest;
pub mod limits;
pub mod purl;

pub use digest::{Algorithm, Digest, DigestError, Hasher};
pub use limits::Limits;
pub use purl::{Purl, PurlError};
