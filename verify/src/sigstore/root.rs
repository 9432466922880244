//! A trusted root, prepared once for many verifications.

use std::sync::OnceLock;

use bulla_model::{Digest, Limits};
use jiff::Timestamp;
use sigstore_crypto::Keyring;
use sigstore_trust_root::{CertificateAuthority, TrustedRoot};
use sigstore_types::{Sha256Hash, TimeRange, TsaAuthority};
use sigstore_verify::Verifier;
use x509_cert::Certificate;
use x509_cert::der::Decode as _;
use x509_cert::time::Time;

use super::issued::Chains;
use super::operators::Operators;
use super::refusal::cut;
use super::vouched::{self, Anchor};
use crate::TrustError;

/// Everything one `trusted_root.json` lets us verify as of the time it was prepared for.
pub(super) struct Root {
    pub(super) digest: Digest,
    /// The document as received, and its bounds.
    document: (Vec<u8>, Limits),
    /// The same with nothing dropped, once somebody asked for it.
    whole: OnceLock<Option<Box<Self>>>,
    /// The document, without what was dropped.
    pub(super) material: TrustedRoot,
    pub(super) verifier: Verifier,
    pub(super) keys: Keyring,
    pub(super) logs: Vec<Log>,
    pub(super) authorities: Vec<Authority>,
    /// Certificates of the authorities that issue certificates.
    pub(super) anchors: Vec<Anchor>,
    /// How its certificate authorities hang together.
    pub(super) chains: Chains,
    /// Key ids of every log the document names, at whatever time.
    pub(super) named: Vec<Vec<u8>>,
    /// Whether it belongs to an instance without any log, as GitHub's for private repositories:
    /// then timestamps alone say when, and certificates carry no proof of their publication.
    pub(super) without_logs: bool,
    /// Whether it names no certificate log, so that no certificate can show its publication.
    pub(super) without_certificate_logs: bool,
}

/// A transparency log.
pub(super) struct Log {
    pub(super) id: Sha256Hash,
    pub(super) url: String,
    /// Who runs it.
    pub(super) operator: Option<String>,
    /// From when until when its key is believed.
    pub(super) window: Option<TimeRange>,
}

/// A timestamp authority.
pub(super) struct Authority {
    pub(super) name: String,
    pub(super) certificate: Digest,
    /// Who runs it.
    pub(super) operator: Option<String>,
    pub(super) tsa: TsaAuthority,
}

impl Root {
    /// Reads a document; material that starts after `now` is dropped.
    pub(super) fn new(bytes: &[u8], now: Timestamp, limits: &Limits) -> Result<Self, TrustError> {
        bulla_model::json::check(bytes, limits.configuration_bytes, limits.json_depth)?;
        let text = std::str::from_utf8(bytes).map_err(|_| TrustError::Encoding)?;
        let unusable = |reason: String| TrustError::Root {
            reason: cut(&reason),
        };
        let operators = Operators::of(text).map_err(|error| unusable(error.to_string()))?;
        let mut root = TrustedRoot::from_json(text).map_err(|error| unusable(error.to_string()))?;
        if !MEDIA_TYPES.contains(&root.media_type.as_str()) {
            let [usual, ..] = MEDIA_TYPES;
            let found = cut(&root.media_type);
            return Err(unusable(format!("mediaType is {found}, expected {usual}")));
        }
        let nobody = root.certificate_authorities.is_empty()
            && root.timestamp_authorities.is_empty()
            && root.tlogs.is_empty()
            && root.ctlogs.is_empty();
        if nobody {
            let text = "it names no certificate authority, no log and no timestamp authority";
            return Err(unusable(text.to_owned()));
        }
        let without_certificate_logs = root.ctlogs.is_empty();
        let without_logs = root.tlogs.is_empty()
            && root.ctlogs.is_empty()
            && !root.timestamp_authorities.is_empty();
        let named = root
            .tlogs
            .iter()
            .map(|log| log.log_id.key_id.as_bytes().to_vec())
            .collect();
        let started = |start: Option<Timestamp>| start.is_none_or(|start| start <= now);
        root.tlogs
            .retain(|log| started(log.public_key.valid_for.map(|w| w.start)));
        root.ctlogs
            .retain(|log| started(log.public_key.valid_for.map(|w| w.start)));
        root.certificate_authorities
            .retain_mut(bound_by_certificates);
        root.certificate_authorities
            .retain(|ca| started(ca.valid_for.map(|w| w.start)));
        root.timestamp_authorities
            .retain(|tsa| started(tsa.valid_for.map(|w| w.start)));
        let verifier = Verifier::new(&root).map_err(|error| unusable(error.to_string()))?;
        let keys = root
            .rekor_keys()
            .map_err(|error| unusable(error.to_string()))?;
        let mut logs = Vec::new();
        for log in &root.tlogs {
            let id = Sha256Hash::try_from(log.log_id.key_id.as_bytes())
                .map_err(|error| unusable(error.to_string()))?;
            logs.push(Log {
                id,
                url: log.base_url.clone(),
                operator: operators.of_log(log.log_id.key_id.as_bytes()),
                window: log.public_key.valid_for,
            });
        }
        Ok(Self {
            digest: Digest::sha256(bytes),
            document: (bytes.to_vec(), limits.clone()),
            whole: OnceLock::new(),
            verifier,
            keys,
            logs,
            authorities: authorities(&root, &operators),
            anchors: vouched::anchors(&root),
            chains: Chains::of(&root),
            material: root,
            named,
            without_logs,
            without_certificate_logs,
        })
    }
}

impl Root {
    /// Whether the document names a log whose key counts only from after the time it was prepared
    /// for.
    pub(super) fn begins_later(&self, log_id: &[u8]) -> bool {
        self.named.iter().any(|log| log == log_id)
            && !self.logs.iter().any(|log| log.id.as_bytes() == log_id)
    }

    /// The same document prepared for the end of time: nothing in it begins later.
    pub(super) fn whole(&self) -> Option<&Self> {
        let whole = self.whole.get_or_init(|| {
            let (bytes, limits) = &self.document;
            let whole = Self::new(bytes, Timestamp::MAX, limits);
            whole.ok().map(Box::new)
        });
        whole.as_deref()
    }
}

/// Narrows an authority's window to what its certificates say themselves: `sigstore-verify` takes
/// each of them for an anchor, and anchors never end (F15). One that cannot be read vouches for
/// nobody.
fn bound_by_certificates(ca: &mut CertificateAuthority) -> bool {
    let mut window = ca.valid_for;
    for certificate in &ca.cert_chain.certificates {
        let Some((not_before, not_after)) = validity(certificate.raw_bytes.as_bytes()) else {
            return false;
        };
        let held = window.unwrap_or(TimeRange::new(not_before, None));
        window = Some(TimeRange::new(
            held.start.max(not_before),
            Some(held.end.map_or(not_after, |end| end.min(not_after))),
        ));
    }
    ca.valid_for = window;
    // Nothing was ever issued where the windows do not meet.
    window.is_none_or(|window| window.end.is_none_or(|end| window.start <= end))
}

/// From when until when a certificate (DER) is valid. `99991231235959Z`, which says that it has no end
/// (RFC 5280 section 4.1.2.5), lies a day after the last moment that can be told here, and is taken
/// for that.
fn validity(certificate: &[u8]) -> Option<(Timestamp, Timestamp)> {
    let certificate = Certificate::from_der(certificate).ok()?;
    let validity = certificate.tbs_certificate.validity;
    let seconds = |time: Time| i64::try_from(time.to_unix_duration().as_secs()).ok();
    let not_before = Timestamp::from_second(seconds(validity.not_before)?).ok()?;
    let last = Timestamp::MAX.as_second();
    let not_after = Timestamp::from_second(seconds(validity.not_after)?.min(last)).ok()?;
    Some((not_before, not_after))
}

fn authorities(root: &TrustedRoot, operators: &Operators) -> Vec<Authority> {
    let mut all = Vec::new();
    for tsa in &root.timestamp_authorities {
        let chain: Vec<_> = tsa
            .cert_chain
            .certificates
            .iter()
            .map(|certificate| certificate.raw_bytes.clone())
            .collect();
        let (Some(leaf), Some(top)) = (chain.first().cloned(), chain.last().cloned()) else {
            continue;
        };
        let certificate = Digest::sha256(leaf.as_bytes());
        let subject = [&tsa.subject.organization, &tsa.subject.common_name];
        let subject: Vec<&str> = subject.into_iter().flatten().map(String::as_str).collect();
        let name = match &tsa.uri {
            Some(uri) if !uri.is_empty() => uri.clone(),
            _ if !subject.is_empty() => subject.join(" / "),
            _ => certificate.to_string(),
        };
        let between = chain.get(1..chain.len() - 1).unwrap_or_default().to_vec();
        all.push(Authority {
            name,
            operator: operators.of_authority(&certificate),
            certificate,
            tsa: TsaAuthority::new(leaf, between, top, tsa.valid_for),
        });
    }
    all
}

/// What a document says it is, the usual name first. Of another document, whatever it says,
/// nothing would be found here, and a root without material is a verifier that trusts nobody.
const MEDIA_TYPES: [&str; 4] = [
    "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
    "application/vnd.dev.sigstore.trustedroot+json;version=0.2",
    "application/vnd.dev.sigstore.trustedroot.v0.1+json",
    "application/vnd.dev.sigstore.trustedroot.v0.2+json",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_document_and_one_without_material_are_no_trusted_root() {
        let refused = |text: &str| {
            let error = Root::new(text.as_bytes(), Timestamp::UNIX_EPOCH, &Limits::default());
            error.err().expect("because nobody is named").to_string()
        };
        let another = refused(r#"{"mediaType":"application/x-nonsense","tlogs":[]}"#);
        assert!(
            another.contains("application/x-nonsense, expected"),
            "{another}"
        );
        for media_type in MEDIA_TYPES {
            let empty = refused(&format!(r#"{{"mediaType":"{media_type}","tlogs":[]}}"#));
            assert!(empty.contains("names no certificate authority"), "{empty}");
        }
        let text = include_str!("../../../testdata/verify/sigstore/public.trusted_root.json");
        let other = text.replace(MEDIA_TYPES[0], "application/x-nonsense");
        assert_ne!(text, other);
        refused(&other);
        // Who is believed later only is somebody.
        Root::new(text.as_bytes(), Timestamp::UNIX_EPOCH, &Limits::default()).unwrap();
    }

    #[test]
    fn f15_an_authority_ends_when_the_first_of_its_certificates_does() {
        let text = include_str!("../../../testdata/verify/sigstore/public.trusted_root.json");
        let mut root = TrustedRoot::from_json(text).unwrap();
        let open = root
            .certificate_authorities
            .iter_mut()
            .find(|ca| ca.valid_for.is_none_or(|window| window.end.is_none()))
            .unwrap();
        assert!(bound_by_certificates(open));
        let end = open.valid_for.unwrap().end.unwrap();
        let ends = open.cert_chain.certificates.iter().map(|certificate| {
            sigstore_crypto::parse_certificate_info(&certificate.raw_bytes)
                .unwrap()
                .not_after
        });
        assert_eq!(Some(end), ends.min());
        // A window that ends before stays.
        let early = TimeRange::new(Timestamp::UNIX_EPOCH, Some(Timestamp::UNIX_EPOCH));
        open.valid_for = Some(early);
        assert!(!bound_by_certificates(open), "nor here");
        assert_eq!(open.valid_for.unwrap().end, early.end);
        open.valid_for = Some(TimeRange::new(
            end + jiff::SignedDuration::from_hours(1),
            None,
        ));
        assert!(!bound_by_certificates(open), "windows that do not meet");
        open.valid_for = Some(early);
        let certificate = &mut open.cert_chain.certificates[0];
        certificate.raw_bytes = sigstore_types::DerCertificate::new(vec![0]);
        assert!(!bound_by_certificates(open));
    }

    #[test]
    fn an_authority_whose_certificates_have_no_end_is_believed_like_others() {
        let text = include_str!("../../../testdata/verify/sigstore/public.trusted_root.json");
        let mut root = TrustedRoot::from_json(text).unwrap();
        let ca = &mut root.certificate_authorities[0];
        let mut params = rcgen::CertificateParams::new(Vec::new()).unwrap();
        params.not_before = rcgen::date_time_ymd(2024, 1, 1);
        let day = std::time::Duration::from_secs(24 * 60 * 60 - 1);
        params.not_after = rcgen::date_time_ymd(9999, 12, 31) + day;
        let key = rcgen::KeyPair::generate().unwrap();
        let endless = params.self_signed(&key).unwrap();
        let text = String::from_utf8_lossy(endless.der());
        assert!(text.contains("99991231235959Z"), "RFC 5280 section 4.1.2.5");
        ca.cert_chain.certificates[0].raw_bytes =
            sigstore_types::DerCertificate::new(endless.der().to_vec());
        ca.cert_chain.certificates.truncate(1);
        ca.valid_for = None;
        assert!(bound_by_certificates(ca));
        let window = ca.valid_for.unwrap();
        assert_eq!(window.start, "2024-01-01T00:00:00Z".parse().unwrap());
        assert!(window.contains("9000-01-01T00:00:00Z".parse().unwrap()));
    }
}
