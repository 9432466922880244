//! Timestamp countersignatures: RFC 3161 tokens over a signature, under roots of a trust store.
//!
//! `sigstore-tsa` verifies tokens of authorities whose certificate is known beforehand and whose
//! key is of an elliptic curve. Here the token brings its certificates, and most authorities have
//! RSA keys, so the CMS around it (RFC 5652) is checked here, with `cms` for its structure, our one
//! table of schemes for the signature and `rustls-webpki` for the chain.

use bulla_model::{Algorithm, Digest};
use cms::cert::CertificateChoices;
use cms::content_info::ContentInfo;
use cms::signed_data::{SignedData, SignerIdentifier, SignerInfo};
use jiff::Timestamp;
use rustls_pki_types::{CertificateDer, UnixTime};
use webpki::{ALL_VERIFICATION_ALGS, EndEntityCert, KeyUsage, anchor_from_trusted_cert};
use x509_cert::attr::Attribute;
use x509_cert::der::asn1::{OctetString, SetOfVec};
use x509_cert::der::oid::ObjectIdentifier;
use x509_cert::der::{Any, Decode as _, Encode as _, Reader as _, SliceReader};
use x509_cert::ext::pkix::SubjectKeyIdentifier;
use x509_cert::spki::AlgorithmIdentifierOwned;

use super::certificate::{Certificate, Purpose};
use super::chain::Chain;
use super::stamp::Stamp;
use crate::scheme::{Checked, KeyKind, Message, SignatureScheme};

/// Certificates inside one token. Stops tokens that only cost time.
const CERTIFICATES: usize = 16;

/// A countersignature that holds.
#[derive(Debug)]
pub(super) struct Countersignature {
    /// The earliest and the latest moment it may mean.
    pub(super) range: (Timestamp, Timestamp),
    /// The authority's chain.
    pub(super) chain: Chain,
}

/// Verifies a token over a signature; the reason if it does not hold.
pub(super) fn verify(
    token: &[u8],
    signature: &[u8],
    roots: &[&Certificate],
) -> Result<Countersignature, String> {
    let data = signed_data(token)?;
    let info: OctetString = data
        .encap_content_info
        .econtent
        .as_ref()
        .and_then(|content| content.decode_as().ok())
        .ok_or("it has no content")?;
    let info = info.as_bytes();
    let certificates = certificates(&data)?;
    let [signer] = data.signer_infos.0.as_slice() else {
        return Err("expected one signer".to_owned());
    };
    let leaf = certificates
        .iter()
        .find(|one| is_signer(one, &signer.sid))
        .ok_or("the certificate of its signer is not in it")?;
    signed_attributes(signer, info, leaf)?;
    let stamp = Stamp::read(info)?;
    let imprint = hash(&stamp.imprint.algorithm).ok_or("its digest is of no known algorithm")?;
    if Digest::of(imprint, signature).to_bytes() != stamp.imprint.digest.as_bytes() {
        return Err("it is about another signature".to_owned());
    }
    let chain = chain(leaf, &certificates, roots, stamp.time)?;
    let range = stamp
        .time
        .checked_sub(stamp.accuracy)
        .ok()
        .zip(stamp.time.checked_add(stamp.accuracy).ok())
        .ok_or("its time is out of range")?;
    Ok(Countersignature { range, chain })
}

fn signed_data(token: &[u8]) -> Result<SignedData, String> {
    let content = ContentInfo::from_der(token).map_err(|error| format!("no CMS: {error}"))?;
    if content.content_type != SIGNED_DATA {
        return Err("it is not signed".to_owned());
    }
    let signed: SignedData = content
        .content
        .decode_as()
        .map_err(|error| format!("no CMS: {error}"))?;
    if signed.encap_content_info.econtent_type != TST_INFO {
        return Err("what is signed is no timestamp".to_owned());
    }
    Ok(signed)
}

fn certificates(signed: &SignedData) -> Result<Vec<Certificate>, String> {
    let choices = signed.certificates.as_ref().map(|set| set.0.as_slice());
    let choices = choices.unwrap_or_default();
    if choices.len() > CERTIFICATES {
        return Err(format!("more than {CERTIFICATES} certificates"));
    }
    let read = |choice: &CertificateChoices| match choice {
        CertificateChoices::Certificate(certificate) => {
            let der = certificate.to_der().map_err(|error| error.to_string())?;
            Certificate::from_der(&der)
        }
        CertificateChoices::Other(_) => Err("a certificate of another kind".to_owned()),
    };
    choices.iter().map(read).collect()
}

fn is_signer(certificate: &Certificate, id: &SignerIdentifier) -> bool {
    let body = &certificate.parsed().tbs_certificate;
    match id {
        SignerIdentifier::IssuerAndSerialNumber(id) => {
            body.issuer == id.issuer && body.serial_number == id.serial_number
        }
        SignerIdentifier::SubjectKeyIdentifier(id) => {
            matches!(body.get::<SubjectKeyIdentifier>(), Ok(Some((_, own))) if own == *id)
        }
    }
}

/// Checks the attributes that are signed in place of the content, and their signature.
fn signed_attributes(signer: &SignerInfo, info: &[u8], leaf: &Certificate) -> Result<(), String> {
    let attributes = signer.signed_attrs.as_ref().ok_or("nothing is signed")?;
    let one = |oid: ObjectIdentifier| {
        let mut found = attributes.iter().filter(|one: &&Attribute| one.oid == oid);
        match (found.next(), found.next()) {
            (Some(attribute), None) if attribute.values.len() == 1 => attribute.values.get(0),
            _ => None,
        }
    };
    let kind = one(CONTENT_TYPE).and_then(|value| value.decode_as::<ObjectIdentifier>().ok());
    if kind != Some(TST_INFO) {
        return Err("its signed content type is not that of a timestamp".to_owned());
    }
    let algorithm = hash(&signer.digest_alg).ok_or("its digest is of no known algorithm")?;
    let digest = one(MESSAGE_DIGEST).and_then(|value| value.decode_as::<OctetString>().ok());
    let own = Digest::of(algorithm, info).to_bytes();
    if digest.as_ref().map(OctetString::as_bytes) != Some(own.as_slice()) {
        return Err("its signed digest is that of other content".to_owned());
    }
    let named = one(SIGNING_CERTIFICATE).ok_or("it does not name its signer's certificate")?;
    if !names(named, leaf).unwrap_or(false) {
        return Err("it names another certificate than its signer's".to_owned());
    }
    // RFC 5652, section 5.4: what is signed is the set, with the tag of one.
    let set = attributes.iter().cloned().collect::<Vec<_>>();
    let set = SetOfVec::try_from(set)
        .and_then(|set| set.to_der())
        .map_err(|error| error.to_string())?;
    let scheme = scheme(&signer.signature_algorithm, algorithm, leaf)?;
    match scheme.check(leaf.spki(), Message::of(&set), signer.signature.as_bytes()) {
        Checked::Good => Ok(()),
        Checked::Bad | Checked::NotAtHand => Err("its signature does not verify".to_owned()),
    }
}

/// Whether `SigningCertificateV2` (RFC 5035, section 3) names this certificate first.
fn names(value: &Any, leaf: &Certificate) -> Option<bool> {
    let mut outer = SliceReader::new(value.value()).ok()?;
    let ids: Any = outer.decode().ok()?;
    let mut ids = SliceReader::new(ids.value()).ok()?;
    let first: Any = ids.decode().ok()?;
    let mut first = SliceReader::new(first.value()).ok()?;
    let mut member: Any = first.decode().ok()?;
    let mut algorithm = Algorithm::Sha256;
    if let Ok(other) = member.decode_as::<AlgorithmIdentifierOwned>() {
        algorithm = hash(&other)?;
        member = first.decode().ok()?;
    }
    let digest: OctetString = member.decode_as().ok()?;
    Some(Digest::of(algorithm, leaf.der()).to_bytes() == digest.as_bytes())
}

/// The scheme of a signature by this certificate's key.
fn scheme(
    algorithm: &AlgorithmIdentifierOwned,
    digest: Algorithm,
    leaf: &Certificate,
) -> Result<SignatureScheme, String> {
    let kind = KeyKind::of_spki(leaf.spki())?;
    let known = SIGNATURES.iter().find(|(oid, _)| *oid == algorithm.oid);
    let (_, own) = known.ok_or_else(|| format!("signatures of algorithm {}", algorithm.oid))?;
    let hash = own.unwrap_or(digest);
    let family = match kind {
        KeyKind::Rsa => "rsa-pkcs1",
        KeyKind::EcdsaP256 => "ecdsa-p256",
        KeyKind::EcdsaP384 => "ecdsa-p384",
        KeyKind::EcdsaP521 => "ecdsa-p521",
        _ => return Err("a key of another kind than RSA and ECDSA".to_owned()),
    };
    SignatureScheme::named(&format!("{family}-{hash}")).ok_or_else(|| format!("{family}-{hash}"))
}

/// The chain from the signer to a root, at the time of the stamp, as `rustls-webpki` found it.
fn chain(
    leaf: &Certificate,
    certificates: &[Certificate],
    roots: &[&Certificate],
    time: Timestamp,
) -> Result<Chain, String> {
    let der = |one: &Certificate| CertificateDer::from(one.der().to_vec());
    let root_ders: Vec<_> = roots.iter().map(|root| der(root)).collect();
    let anchors = root_ders
        .iter()
        .map(|root| anchor_from_trusted_cert(root))
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| error.to_string())?;
    let between: Vec<_> = certificates.iter().map(der).collect();
    let leaf_der = der(leaf);
    let end = EndEntityCert::try_from(&leaf_der).map_err(|error| error.to_string())?;
    let seconds = u64::try_from(time.as_second()).map_err(|_| "it is from before 1970")?;
    let path = end
        .verify_for_usage(
            ALL_VERIFICATION_ALGS,
            &anchors,
            &between,
            UnixTime::since_unix_epoch(std::time::Duration::from_secs(seconds)),
            // Of the signer itself the usage is required below.
            KeyUsage::required_if_present(TIME_STAMPING),
            None,
            None,
        )
        .map_err(|error| format!("its authority is not trusted: {error}"))?;
    let mut ordered = vec![leaf.clone()];
    for one in path.intermediate_certificates() {
        ordered.push(Certificate::from_der(&one.der())?);
    }
    let anchor = path.anchor();
    let root = anchors.iter().position(|own| own == anchor);
    let root = root.and_then(|index| roots.get(index));
    let root = root.ok_or("its root is not trusted")?;
    ordered.push((*root).clone());
    let chain = Chain::new(ordered, Purpose::Timestamping)?;
    if !chain.is_valid(time, time) {
        return Err("its authority's certificates were not valid".to_owned());
    }
    Ok(chain)
}

fn hash(algorithm: &AlgorithmIdentifierOwned) -> Option<Algorithm> {
    let mut known = HASHES.iter();
    let (_, hash) = known.find(|(oid, _)| *oid == algorithm.oid)?;
    Some(*hash)
}

const fn oid(text: &str) -> ObjectIdentifier {
    ObjectIdentifier::new_unwrap(text)
}

const SIGNED_DATA: ObjectIdentifier = oid("1.2.840.113549.1.7.2");
const TST_INFO: ObjectIdentifier = oid("1.2.840.113549.1.9.16.1.4");
const CONTENT_TYPE: ObjectIdentifier = oid("1.2.840.113549.1.9.3");
const MESSAGE_DIGEST: ObjectIdentifier = oid("1.2.840.113549.1.9.4");
const SIGNING_CERTIFICATE: ObjectIdentifier = oid("1.2.840.113549.1.9.16.2.47");
const HASHES: [(ObjectIdentifier, Algorithm); 3] = [
    (oid("2.16.840.1.101.3.4.2.1"), Algorithm::Sha256),
    (oid("2.16.840.1.101.3.4.2.2"), Algorithm::Sha384),
    (oid("2.16.840.1.101.3.4.2.3"), Algorithm::Sha512),
];
/// Algorithms of signatures; the hash is that of the digest where they name none.
const SIGNATURES: [(ObjectIdentifier, Option<Algorithm>); 7] = [
    (oid("1.2.840.113549.1.1.1"), None),
    (oid("1.2.840.113549.1.1.11"), Some(Algorithm::Sha256)),
    (oid("1.2.840.113549.1.1.12"), Some(Algorithm::Sha384)),
    (oid("1.2.840.113549.1.1.13"), Some(Algorithm::Sha512)),
    (oid("1.2.840.10045.4.3.2"), Some(Algorithm::Sha256)),
    (oid("1.2.840.10045.4.3.3"), Some(Algorithm::Sha384)),
    (oid("1.2.840.10045.4.3.4"), Some(Algorithm::Sha512)),
];
/// `id-kp-timeStamping`, the content of its DER.
const TIME_STAMPING: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 3, 8];
