//! Certificates, for looking at: RFC 5280, with the claims Fulcio adds.

use bulla_model::{CertificateIdentity, Digest};
use der::Decode as _;
use jiff::Timestamp;
use serde::Serialize;
use x509_cert::Certificate;
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::ext::pkix::{BasicConstraints, SubjectAltName};

/// What a certificate says. Nothing of it is verified.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DecodedCertificate {
    /// Digest of the certificate.
    pub digest: Digest,
    /// Distinguished name of whom it is for, RFC 4514; often empty.
    pub subject: String,
    /// Distinguished name of whom it is from.
    pub issuer: String,
    /// Its number, hexadecimal.
    pub serial: String,
    /// The first moment at which it is valid.
    pub not_before: Option<Timestamp>,
    /// The last moment at which it is valid.
    pub not_after: Option<Timestamp>,
    /// Addresses, URIs and names it is for.
    pub alternative_names: Vec<String>,
    /// Digest of the public key, SPKI DER.
    pub key_id: Digest,
    /// Whether it may sign other certificates.
    pub authority: bool,
    /// Issuer, subject and claims, if it is one of Fulcio's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub identity: Option<CertificateIdentity>,
}

impl DecodedCertificate {
    /// Decodes DER; `None` if it is no certificate.
    pub fn of_der(der: &[u8]) -> Option<Self> {
        use der::Encode as _;
        let certificate = Certificate::from_der(der).ok()?;
        let body = &certificate.tbs_certificate;
        let time = |time: x509_cert::time::Time| {
            let seconds = i64::try_from(time.to_unix_duration().as_secs()).ok()?;
            Timestamp::from_second(seconds).ok()
        };
        let names = body.get::<SubjectAltName>().ok().flatten();
        let names = names.map_or_else(Vec::new, |(_, names)| names.0);
        let constraints = body.get::<BasicConstraints>().ok().flatten();
        let spki = body.subject_public_key_info.to_der().ok()?;
        Some(Self {
            digest: Digest::sha256(der),
            subject: body.subject.to_string(),
            issuer: body.issuer.to_string(),
            serial: hex::encode(body.serial_number.as_bytes()),
            not_before: time(body.validity.not_before),
            not_after: time(body.validity.not_after),
            alternative_names: names.iter().filter_map(name).collect(),
            key_id: Digest::sha256(&spki),
            authority: constraints.is_some_and(|(_, constraints)| constraints.ca),
            identity: bulla_verify::claimed_identity(der),
        })
    }

    /// Whom it is for, in one line.
    pub fn holder(&self) -> String {
        match &self.identity {
            Some(identity) => format!("{} ({})", identity.subject, identity.issuer),
            None if self.subject.is_empty() => self.alternative_names.join(", "),
            None => self.subject.clone(),
        }
    }
}

fn name(name: &GeneralName) -> Option<String> {
    match name {
        GeneralName::Rfc822Name(text)
        | GeneralName::DnsName(text)
        | GeneralName::UniformResourceIdentifier(text) => Some(text.to_string()),
        GeneralName::DirectoryName(name) => Some(name.to_string()),
        // Fulcio writes user names of private issuers so.
        GeneralName::OtherName(other) => other
            .value
            .decode_as::<String>()
            .ok()
            .map(|value| format!("{value} ({})", other.type_id)),
        _ => None,
    }
}
