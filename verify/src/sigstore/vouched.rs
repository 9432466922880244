//! Whether an authority of a trusted root issued a certificate: what can be known of it before
//! anything was signed with it, and so before `sigstore-verify` can be asked.

use jiff::Timestamp;
use rustls_pki_types::{CertificateDer, TrustAnchor, UnixTime};
use sigstore_crypto::WEBPKI_VERIFICATION_ALGS;
use sigstore_trust_root::TrustedRoot;
use sigstore_types::TimeRange;
use webpki::{EndEntityCert, KeyUsage};

use super::Roots;
use super::root::Root;
use crate::candidate::Refusal;

/// `id-kp-codeSigning`, RFC 5280 section 4.2.1.12.
pub(super) const CODE_SIGNING: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 3, 3];

/// A certificate of an authority, and from when until when it is believed.
pub(super) type Anchor = (TrustAnchor<'static>, Option<TimeRange>);

/// The certificates of every authority of a document. One that cannot be read vouches for nobody.
pub(super) fn anchors(root: &TrustedRoot) -> Vec<Anchor> {
    let mut all = Vec::new();
    for ca in &root.certificate_authorities {
        for certificate in &ca.cert_chain.certificates {
            let der = CertificateDer::from(certificate.raw_bytes.as_bytes());
            if let Ok(anchor) = webpki::anchor_from_trusted_cert(&der) {
                all.push((anchor.to_owned(), ca.valid_for));
            }
        }
    }
    all
}

impl Roots {
    /// Whether any of the roots has an authority that issued the certificate (DER), as of `at`.
    pub(crate) fn vouch(&self, certificate: &[u8], at: Timestamp) -> Result<(), Refusal> {
        self.first(|root| root.vouches(certificate, at))
    }
}

impl Root {
    fn vouches(&self, certificate: &[u8], at: Timestamp) -> Result<(), Refusal> {
        let malformed = |error| Refusal::invalid(&format!("malformed certificate: {error}"));
        let der = CertificateDer::from(certificate);
        let leaf = EndEntityCert::try_from(&der).map_err(malformed)?;
        let believed = self.anchors.iter();
        let believed = believed.filter(|(_, window)| window.is_none_or(|range| range.contains(at)));
        let anchors: Vec<_> = believed.map(|(anchor, _)| anchor.clone()).collect();
        let since_epoch = u64::try_from(at.as_second())
            .map_err(|_| Refusal::invalid("a certificate from before 1970"))?;
        leaf.verify_for_usage(
            WEBPKI_VERIFICATION_ALGS,
            &anchors,
            &[],
            UnixTime::since_unix_epoch(std::time::Duration::from_secs(since_epoch)),
            KeyUsage::required(CODE_SIGNING),
            None,
            None,
        )
        .map_err(|error| Refusal::Untrusted {
            signer: "a certificate".to_owned(),
            reason: format!("no authority of the trusted root issued it: {error}"),
        })?;
        self.chains.check(certificate, at)
    }
}
