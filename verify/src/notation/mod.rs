//! Signatures of the Notary Project against a trust policy and trust stores.
//!
//! Implements the Notary Project's trust store and trust policy specification, version 1.0 of the
//! policy for OCI artifacts,
//! <https://github.com/notaryproject/specifications/blob/d4b62b949228911bd5e62da4f5f8dd38682d293a/specs/trust-store-trust-policy.md>,
//! and the requirements on certificates of `signature-specification.md` beside it.
//!
//! Nothing is fetched, so whether a certificate was revoked is known from lists that are passed in,
//! or not at all; where it is not known and the policy enforces it, the answer is "could not find
//! out". Stricter than the specification: members of a policy that it does not know are refused,
//! chains with critical extensions that are not understood too, whole chains must be valid at some
//! common moment, and where extended usages are listed, code signing must be among them.

mod certificate;
mod chain;
mod countersignature;
mod judge;
mod level;
mod name;
mod policy;
mod revocation;
mod stamp;
mod trust_store;
mod verdict;

pub use judge::{NotationQuestion, verify_notation};
pub use level::{Action, Level, Validation};
pub use name::{DistinguishedName, NameError};
pub use policy::{PolicyStatement, TrustPolicy, TrustPolicyError};
pub use revocation::{RevocationListError, RevocationLists};
pub use trust_store::{StoreKind, StoreName, TrustStoreError, TrustStores};
pub use verdict::{NotationCheck, NotationOutcome, NotationSignature, NotationVerdict};
