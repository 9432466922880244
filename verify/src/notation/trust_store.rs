//! Trust stores: named collections of certificates, of which a policy names some.

use std::collections::BTreeMap;
use std::fmt;

use super::certificate::Certificate;
use super::chain::is_self_signed;

/// Certificates of one store.
const CERTIFICATES: usize = 1024;

/// What the certificates of a store vouch for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum StoreKind {
    /// Signers, through their authority (`ca`).
    Authority,
    /// Authorities that sign for others, and say when (`signingAuthority`).
    SigningAuthority,
    /// Timestamp authorities (`tsa`).
    Timestamping,
}

impl StoreKind {
    /// Its name in policies and folders.
    pub fn name(self) -> &'static str {
        match self {
            Self::Authority => "ca",
            Self::SigningAuthority => "signingAuthority",
            Self::Timestamping => "tsa",
        }
    }
}

/// Which store: `ca:acme-rockets`. The name is that of a folder, and never a way out of one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct StoreName {
    kind: StoreKind,
    name: String,
}

impl StoreName {
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (kind, name) = text.split_once(':')?;
        let kinds = [
            StoreKind::Authority,
            StoreKind::SigningAuthority,
            StoreKind::Timestamping,
        ];
        let kind = kinds.into_iter().find(|one| one.name() == kind)?;
        let plain = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
        let dots = name.chars().all(|c| c == '.');
        let own = !dots && name.len() <= 255 && name.chars().all(plain);
        own.then(|| Self {
            kind,
            name: name.to_owned(),
        })
    }

    /// What it vouches for.
    pub fn kind(&self) -> StoreKind {
        self.kind
    }

    /// Its own name, without its kind.
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl fmt::Display for StoreName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.kind.name(), self.name)
    }
}

/// The certificates of the stores a policy names.
#[derive(Clone, Debug, Default)]
pub struct TrustStores(BTreeMap<StoreName, Vec<Certificate>>);

impl TrustStores {
    /// Adds the certificates of one file, PEM or DER: authorities, or certificates that signed
    /// themselves; roots alone for timestamps.
    pub fn add(&mut self, store: &StoreName, file: &[u8]) -> Result<(), TrustStoreError> {
        let blocks = if file.trim_ascii_start().starts_with(b"-----BEGIN ") {
            let blocks = pem::parse_many(file).map_err(|error| TrustStoreError::Certificate {
                reason: error.to_string(),
            })?;
            if blocks.iter().any(|block| block.tag() != "CERTIFICATE") {
                let reason = "expected CERTIFICATE in PEM".to_owned();
                return Err(TrustStoreError::Certificate { reason });
            }
            blocks.into_iter().map(pem::Pem::into_contents).collect()
        } else {
            vec![file.to_vec()]
        };
        let held = self.0.entry(store.clone()).or_default();
        for der in &blocks {
            let certificate = Certificate::from_der(der)
                .map_err(|reason| TrustStoreError::Certificate { reason })?;
            let subject = certificate.subject();
            let root = is_self_signed(&certificate);
            match store.kind {
                StoreKind::Timestamping if !(root && certificate.is_authority()) => {
                    return Err(TrustStoreError::NoRoot { subject });
                }
                _ if !root && !certificate.is_authority() => {
                    return Err(TrustStoreError::Leaf { subject });
                }
                _ if held.len() >= CERTIFICATES => {
                    let limit = CERTIFICATES;
                    return Err(TrustStoreError::Many { limit });
                }
                _ => held.push(certificate),
            }
        }
        Ok(())
    }

    /// How many certificates a store has.
    pub fn count(&self, store: &StoreName) -> usize {
        self.0.get(store).map_or(0, Vec::len)
    }

    pub(super) fn certificates<'a>(
        &'a self,
        stores: impl Iterator<Item = &'a StoreName>,
    ) -> Vec<&'a Certificate> {
        stores
            .filter_map(|store| self.0.get(store))
            .flatten()
            .collect()
    }
}

/// Why a file has no place in a trust store.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TrustStoreError {
    /// It is no certificate.
    #[error("no certificate: {}", reason.escape_debug())]
    Certificate {
        /// What is wrong.
        reason: String,
    },
    /// It is neither an authority's nor its own root.
    #[error("the certificate of {} is neither an authority's nor signed by itself", subject.escape_debug())]
    Leaf {
        /// Whom it is for.
        subject: String,
    },
    /// Timestamp authorities are trusted by their roots.
    #[error("the certificate of {} is not the root of an authority", subject.escape_debug())]
    NoRoot {
        /// Whom it is for.
        subject: String,
    },
    /// The store has too many certificates.
    #[error("more than {limit} certificates in one trust store")]
    Many {
        /// How many it may have.
        limit: usize,
    },
}
