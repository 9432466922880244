//! Whether the certificates between a root and those it vouches for were issued by that root.
//!
//! `sigstore-verify` takes every certificate of an authority for an anchor, whoever issued it. Here
//! only the last one ends a path, and the others are found out to lead there: the library builds the
//! path once for each certificate that signs others, and what it showed is remembered.

use std::collections::BTreeSet;
use std::sync::Mutex;

use jiff::Timestamp;
use rustls_pki_types::{CertificateDer, TrustAnchor, UnixTime};
use sigstore_crypto::WEBPKI_VERIFICATION_ALGS;
use sigstore_trust_root::TrustedRoot;
use webpki::{EndEntityCert, KeyUsage};

use super::vouched::CODE_SIGNING;
use crate::candidate::Refusal;

/// The authorities of a document.
pub(super) struct Chains {
    chains: Vec<Chain>,
    /// Certificates (DER) that are known to lead to the last one of their chain.
    shown: Mutex<BTreeSet<Vec<u8>>>,
}

/// An authority: what ends its paths, and the certificates below.
struct Chain {
    top: TrustAnchor<'static>,
    below: Vec<Below>,
}

struct Below {
    der: CertificateDer<'static>,
    subject: Vec<u8>,
}

impl Chains {
    /// Those of a document. One that cannot be read vouches for nobody.
    pub(super) fn of(root: &TrustedRoot) -> Self {
        let chains = root.certificate_authorities.iter().filter_map(|ca| {
            let mut chain: Vec<CertificateDer<'static>> = ca
                .cert_chain
                .certificates
                .iter()
                .map(|one| CertificateDer::from(one.raw_bytes.as_bytes().to_vec()))
                .collect();
            let top = chain.pop()?;
            let top = webpki::anchor_from_trusted_cert(&top).ok()?.to_owned();
            let below = chain.into_iter().filter_map(|der| {
                let subject = webpki::anchor_from_trusted_cert(&der).ok()?;
                let subject = subject.subject.as_ref().to_vec();
                Some(Below { der, subject })
            });
            Some(Chain {
                top,
                below: below.collect(),
            })
        });
        Self {
            chains: chains.collect(),
            shown: Mutex::default(),
        }
    }

    /// Refuses a certificate (DER) whose issuer no root issued.
    pub(super) fn check(&self, certificate: &[u8], at: Timestamp) -> Result<(), Refusal> {
        let der = CertificateDer::from(certificate);
        let leaf = EndEntityCert::try_from(&der)
            .map_err(|error| Refusal::invalid(&format!("malformed certificate: {error}")))?;
        if self.is_shown(leaf.issuer()) || self.show(&leaf, at) {
            return Ok(());
        }
        Err(Refusal::Untrusted {
            signer: "a certificate".to_owned(),
            reason: "its issuer stands in the trusted root, but no root issued that one".to_owned(),
        })
    }

    /// Whether every certificate of this name leads to the end of its chain.
    fn is_shown(&self, issuer: &[u8]) -> bool {
        let Ok(shown) = self.shown.lock() else {
            return false;
        };
        let below = self.chains.iter().flat_map(|chain| &chain.below);
        below
            .filter(|below| below.subject == issuer)
            .all(|below| shown.contains(below.der.as_ref()))
    }

    /// Builds a path from the certificate to the end of some chain, and remembers it.
    fn show(&self, leaf: &EndEntityCert<'_>, at: Timestamp) -> bool {
        let Ok(seconds) = u64::try_from(at.as_second()) else {
            return false;
        };
        let at = UnixTime::since_unix_epoch(std::time::Duration::from_secs(seconds));
        self.chains.iter().any(|chain| {
            let below: Vec<_> = chain.below.iter().map(|below| below.der.clone()).collect();
            // The signer's own usage was checked; authorities need not name any.
            let usage = KeyUsage::required_if_present(CODE_SIGNING);
            let top = std::slice::from_ref(&chain.top);
            let algorithms = WEBPKI_VERIFICATION_ALGS;
            let Ok(path) = leaf.verify_for_usage(algorithms, top, &below, at, usage, None, None)
            else {
                return false;
            };
            if let Ok(mut shown) = self.shown.lock() {
                shown.extend(
                    path.intermediate_certificates()
                        .map(|one| one.der().to_vec()),
                );
            }
            true
        })
    }
}
