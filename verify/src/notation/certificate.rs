//! Certificates, and what the Notary Project wants of them.

use jiff::Timestamp;
use x509_cert::der::oid::ObjectIdentifier;
use x509_cert::der::{Any, Decode as _, Encode as _, Reader as _, SliceReader};
use x509_cert::ext::pkix::{
    AuthorityInfoAccessSyntax, BasicConstraints, CrlDistributionPoints, ExtendedKeyUsage, KeyUsage,
};
use x509_cert::time::Time;

use super::name::{DistinguishedName, NameError};

/// What a chain is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    CodeSigning,
    Timestamping,
}

/// A certificate as received.
#[derive(Clone, Debug)]
pub(super) struct Certificate {
    der: Vec<u8>,
    parsed: x509_cert::Certificate,
    spki: Vec<u8>,
    window: (Timestamp, Timestamp),
}

impl Certificate {
    pub(super) fn from_der(der: &[u8]) -> Result<Self, String> {
        let parsed =
            x509_cert::Certificate::from_der(der).map_err(|error| format!("no X.509: {error}"))?;
        let body = &parsed.tbs_certificate;
        let spki = body
            .subject_public_key_info
            .to_der()
            .map_err(|error| format!("its key: {error}"))?;
        let window = (
            time(body.validity.not_before),
            time(body.validity.not_after),
        );
        Ok(Self {
            der: der.to_vec(),
            spki,
            window,
            parsed,
        })
    }

    pub(super) fn der(&self) -> &[u8] {
        &self.der
    }

    pub(super) fn spki(&self) -> &[u8] {
        &self.spki
    }

    pub(super) fn parsed(&self) -> &x509_cert::Certificate {
        &self.parsed
    }

    /// First and last moment at which it is valid.
    pub(super) fn window(&self) -> (Timestamp, Timestamp) {
        self.window
    }

    pub(super) fn subject(&self) -> String {
        self.parsed.tbs_certificate.subject.to_string()
    }

    pub(super) fn name(&self) -> Result<DistinguishedName, NameError> {
        DistinguishedName::of_subject(&self.parsed.tbs_certificate.subject)
    }

    pub(super) fn is_self_issued(&self) -> bool {
        self.parsed.tbs_certificate.subject == self.parsed.tbs_certificate.issuer
    }

    pub(super) fn is_authority(&self) -> bool {
        let constraints = self.parsed.tbs_certificate.get::<BasicConstraints>();
        matches!(constraints, Ok(Some((_, constraints))) if constraints.ca)
    }

    /// The bytes that its issuer signed, as received.
    pub(super) fn signed(&self) -> Option<&[u8]> {
        let mut whole = SliceReader::new(&self.der).ok()?;
        whole
            .sequence(|inner| {
                let body = inner.tlv_bytes()?;
                let _algorithm = inner.tlv_bytes()?;
                let _signature = inner.tlv_bytes()?;
                Ok::<_, der::Error>(body)
            })
            .ok()
    }

    /// The content of its signature's `AlgorithmIdentifier`, without tag and length.
    pub(super) fn signature_algorithm(&self) -> Option<Vec<u8>> {
        let der = self.parsed.signature_algorithm.to_der().ok()?;
        let any = Any::from_der(&der).ok()?;
        Some(any.value().to_vec())
    }

    /// Whether it names a place where its revocation would be found.
    pub(super) fn names_revocation_service(&self) -> bool {
        let body = &self.parsed.tbs_certificate;
        let lists = !matches!(body.get::<CrlDistributionPoints>(), Ok(None));
        // What cannot be read may name one.
        let responders = match body.get::<AuthorityInfoAccessSyntax>() {
            Ok(None) => false,
            Ok(Some((_, access))) => access.0.iter().any(|one| one.access_method == OCSP),
            Err(_) => true,
        };
        lists || responders
    }

    /// Checks what the specification wants of a leaf.
    pub(super) fn is_leaf(&self, purpose: Purpose) -> Result<(), String> {
        let body = &self.parsed.tbs_certificate;
        let constraints = body.get::<BasicConstraints>().map_err(unreadable)?;
        if constraints.is_some_and(|(_, constraints)| constraints.ca) {
            return Err("the signing certificate is one of an authority".to_owned());
        }
        let usage = self.key_usage(purpose)?;
        let others = usage.key_encipherment()
            || usage.data_encipherment()
            || usage.key_agreement()
            || usage.key_cert_sign()
            || usage.crl_sign()
            || usage.encipher_only()
            || usage.decipher_only();
        if !usage.digital_signature() || others {
            return Err("its key is not for digital signatures alone (keyUsage)".to_owned());
        }
        let extended = body.get::<ExtendedKeyUsage>().map_err(unreadable)?;
        match (purpose, extended) {
            (Purpose::CodeSigning, None) => Ok(()),
            (Purpose::CodeSigning, Some((_, usages))) => {
                let forbidden = |usage: &ObjectIdentifier| FORBIDDEN.contains(usage);
                if usages.0.contains(&CODE_SIGNING) && !usages.0.iter().any(forbidden) {
                    Ok(())
                } else {
                    Err("its key is not for signing code (extendedKeyUsage)".to_owned())
                }
            }
            (Purpose::Timestamping, Some((true, usages))) if usages.0 == [TIME_STAMPING] => Ok(()),
            (Purpose::Timestamping, _) => {
                Err("its key is not for timestamps alone (extendedKeyUsage, critical)".to_owned())
            }
        }
    }

    /// Checks what the specification wants of an authority with so many authorities below it.
    pub(super) fn is_issuer(&self, below: usize, purpose: Purpose) -> Result<(), String> {
        let body = &self.parsed.tbs_certificate;
        let wrong = |reason: &str| Err(format!("authority {}: {reason}", self.subject()));
        let constraints = body.get::<BasicConstraints>().map_err(unreadable)?;
        let Some((true, constraints)) = constraints.filter(|(_, one)| one.ca) else {
            return wrong("it is not marked as one (basicConstraints, critical)");
        };
        let longest = constraints.path_len_constraint.map(usize::from);
        if longest.is_some_and(|longest| longest < below) {
            return wrong("the chain below it is longer than it allows");
        }
        if !self.key_usage(purpose)?.key_cert_sign() {
            return wrong("its key is not for signing certificates (keyUsage)");
        }
        Ok(())
    }

    fn key_usage(&self, purpose: Purpose) -> Result<KeyUsage, String> {
        let usage = self.parsed.tbs_certificate.get::<KeyUsage>();
        match (usage.map_err(unreadable)?, purpose) {
            (Some((true, usage)), _) | (Some((false, usage)), Purpose::Timestamping) => Ok(usage),
            (Some((false, _)), _) => Err("keyUsage is not critical".to_owned()),
            (None, _) => Err(format!("{} has no keyUsage", self.subject())),
        }
    }
}

impl PartialEq for Certificate {
    fn eq(&self, other: &Self) -> bool {
        self.der == other.der
    }
}

fn unreadable(error: der::Error) -> String {
    format!("an extension cannot be read: {error}")
}

/// X.509's times are whole seconds since 1970. `99991231235959Z`, which says that there is no end
/// (RFC 5280, section 4.1.2.5), and the day before are later than any time here: they are the last.
pub(super) fn time(time: Time) -> Timestamp {
    let seconds = i64::try_from(time.to_unix_duration().as_secs()).unwrap_or(i64::MAX);
    Timestamp::from_second(seconds).unwrap_or(Timestamp::MAX)
}

const OCSP: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.48.1");
const CODE_SIGNING: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.3");
const TIME_STAMPING: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.8");
/// Usages a code signing certificate must not have: any, servers, clients, mail, timestamps, and
/// OCSP responders as the project's own tool has it.
const FORBIDDEN: [ObjectIdentifier; 6] = [
    ObjectIdentifier::new_unwrap("2.5.29.37.0"),
    ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.1"),
    ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.2"),
    ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.4"),
    TIME_STAMPING,
    ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.9"),
];
