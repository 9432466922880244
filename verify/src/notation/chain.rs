//! Certificate chains: complete, in order, each signed by the next. `rustls-webpki` checks them.

use jiff::Timestamp;
use rustls_pki_types::{CertificateDer, UnixTime};
use webpki::{
    ALL_VERIFICATION_ALGS, EndEntityCert, KeyUsage, RevocationOptions, anchor_from_trusted_cert,
};

use super::certificate::{Certificate, Purpose};

/// A chain whose signatures and certificates were checked, from the leaf to its root. Whom it
/// belongs to, and when it was valid, is not decided here.
#[derive(Clone, Debug)]
pub(super) struct Chain {
    certificates: Vec<Certificate>,
    purpose: Purpose,
    window: (Timestamp, Timestamp),
}

impl Chain {
    /// Checks a chain: the leaf first, the root last.
    pub(super) fn new(certificates: Vec<Certificate>, purpose: Purpose) -> Result<Self, String> {
        let (leaf, above) = certificates.split_first().ok_or("no certificate")?;
        leaf.is_leaf(purpose)?;
        for (below, authority) in above.iter().enumerate() {
            authority.is_issuer(below, purpose)?;
        }
        let root = certificates.last().ok_or("no certificate")?;
        if !is_self_signed(root) {
            return Err("the chain does not end with a root that signed itself".to_owned());
        }
        let below = certificates.len().saturating_sub(1);
        if certificates.iter().take(below).any(is_self_signed) {
            return Err("another certificate than the last signed itself".to_owned());
        }
        let start = certificates.iter().map(|one| one.window().0).max();
        let end = certificates.iter().map(|one| one.window().1).min();
        let window = start.zip(end).ok_or("no certificate")?;
        if window.0 > window.1 {
            return Err("the certificates were never valid together".to_owned());
        }
        let chain = Self {
            certificates,
            purpose,
            window,
        };
        chain.verify(None).map_err(|error| error.to_string())?;
        Ok(chain)
    }

    /// Verifies the signatures up to the root, at a moment when all are valid, and asks about
    /// revocation if that is wanted.
    pub(super) fn verify(
        &self,
        revocation: Option<RevocationOptions<'_>>,
    ) -> Result<(), webpki::Error> {
        let root = CertificateDer::from(self.root().der());
        let anchors = [anchor_from_trusted_cert(&root)?];
        let leaf = CertificateDer::from(self.leaf().der());
        let leaf = EndEntityCert::try_from(&leaf)?;
        let between: Vec<CertificateDer<'_>> = self
            .between()
            .iter()
            .map(|one| CertificateDer::from(one.der()))
            .collect();
        // What the leaf must have was asked of it; authorities may limit what is below them.
        let usage = match self.purpose {
            Purpose::CodeSigning => KeyUsage::required_if_present(CODE_SIGNING),
            Purpose::Timestamping => KeyUsage::required_if_present(TIME_STAMPING),
        };
        let seconds = u64::try_from(self.window.0.as_second()).unwrap_or_default();
        let time = UnixTime::since_unix_epoch(std::time::Duration::from_secs(seconds));
        // The chain as it is given, not another one that can be made of its certificates.
        let same = |path: &webpki::VerifiedPath<'_>| {
            let own = self.between().iter().map(Certificate::der);
            let used = path.intermediate_certificates().map(webpki::Cert::der);
            if used.map(|der| der.to_vec()).eq(own.map(<[u8]>::to_vec)) {
                Ok(())
            } else {
                Err(webpki::Error::UnknownIssuer)
            }
        };
        leaf.verify_for_usage(
            ALL_VERIFICATION_ALGS,
            &anchors,
            &between,
            time,
            usage,
            revocation,
            Some(&same),
        )?;
        Ok(())
    }

    pub(super) fn certificates(&self) -> &[Certificate] {
        &self.certificates
    }

    pub(super) fn leaf(&self) -> &Certificate {
        self.certificates
            .first()
            .expect("because a chain is made of at least one certificate")
    }

    fn root(&self) -> &Certificate {
        self.certificates
            .last()
            .expect("because a chain is made of at least one certificate")
    }

    fn between(&self) -> &[Certificate] {
        self.certificates
            .get(1..self.certificates.len().saturating_sub(1))
            .unwrap_or_default()
    }

    /// When all of its certificates are valid.
    pub(super) fn window(&self) -> (Timestamp, Timestamp) {
        self.window
    }

    /// Whether all of its certificates are valid from one moment to another.
    pub(super) fn is_valid(&self, from: Timestamp, to: Timestamp) -> bool {
        self.window.0 <= from && to <= self.window.1
    }
}

/// Whether a certificate is its own issuer and its own key signed it. SHA-1 signs nothing.
pub(super) fn is_self_signed(certificate: &Certificate) -> bool {
    let der = CertificateDer::from(certificate.der());
    let (Ok(own), Some(signed), Some(algorithm), Some(signature)) = (
        EndEntityCert::try_from(&der),
        certificate.signed(),
        certificate.signature_algorithm(),
        certificate.parsed().signature.as_bytes(),
    ) else {
        return false;
    };
    let mut usable = ALL_VERIFICATION_ALGS
        .iter()
        .filter(|known| known.signature_alg_id().as_ref() == algorithm);
    certificate.is_self_issued()
        && usable.any(|known| own.verify_signature(*known, signed, signature).is_ok())
}

/// `id-kp-codeSigning`, the content of its DER.
const CODE_SIGNING: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 3, 3];
/// `id-kp-timeStamping`.
const TIME_STAMPING: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 3, 8];
