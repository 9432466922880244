//! What a trusted root or signing configuration says, for showing.

use bulla_model::Digest;
use jiff::Timestamp;
use serde::Serialize;
use sigstore_trust_root::{
    ServiceConfiguration, ServiceEndpoint, ServiceSelector, SigningConfig, TimeRange, TrustedRoot,
};

use crate::Failure;
use crate::failure::FailureKind;

/// A trusted root, taken apart.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RootDescription {
    /// Digest of the document.
    pub(crate) digest: Digest,
    /// Who issues certificates.
    pub(crate) certificate_authorities: Vec<AuthorityDescription>,
    /// Logs of signatures.
    pub(crate) logs: Vec<LogDescription>,
    /// Logs of certificates.
    pub(crate) certificate_logs: Vec<LogDescription>,
    /// Who issues timestamps.
    pub(crate) timestamp_authorities: Vec<AuthorityDescription>,
}

/// A certificate or timestamp authority.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AuthorityDescription {
    /// Where it is.
    pub(crate) uri: Option<String>,
    /// Organization and common name, as the document says.
    pub(crate) name: Option<String>,
    /// Digests of its certificates, the issuing one first.
    pub(crate) certificates: Vec<Digest>,
    /// When it is trusted.
    pub(crate) valid_for: Window,
}

/// A log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct LogDescription {
    /// Where it is.
    pub(crate) url: String,
    /// Its key id, in hex.
    pub(crate) key_id: String,
    /// Algorithm and encoding of its key.
    pub(crate) key_details: String,
    /// When its key is trusted.
    pub(crate) valid_for: Window,
}

/// A stretch of time; an absent end is open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Window {
    /// From when, inclusive.
    pub(crate) start: Option<Timestamp>,
    /// Until when, inclusive.
    pub(crate) end: Option<Timestamp>,
}

impl Window {
    fn of(range: Option<&TimeRange>) -> Self {
        Self {
            start: range.map(|range| range.start),
            end: range.and_then(|range| range.end),
        }
    }

    /// Whether `now` is in it.
    pub(crate) fn holds(&self, now: Timestamp) -> bool {
        self.start.is_none_or(|start| start <= now) && self.end.is_none_or(|end| now <= end)
    }
}

impl std::fmt::Display for Window {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let day = |time: Timestamp| time.strftime("%Y-%m-%d").to_string();
        match (self.start.map(day), self.end.map(day)) {
            (None, None) => f.write_str("always"),
            (Some(start), None) => write!(f, "since {start}"),
            (None, Some(end)) => write!(f, "until {end}"),
            (Some(start), Some(end)) => write!(f, "{start} to {end}"),
        }
    }
}

/// A signing configuration, taken apart.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ServicesDescription {
    /// Digest of the document.
    pub(crate) digest: Digest,
    /// Certificate authorities, identity providers, logs and timestamp authorities.
    pub(crate) services: Vec<ServiceDescription>,
    /// How many logs are signed to.
    pub(crate) logs: String,
    /// How many timestamps are taken.
    pub(crate) timestamps: String,
}

/// A service to sign with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ServiceDescription {
    /// What it is.
    pub(crate) kind: &'static str,
    /// Where it is.
    pub(crate) url: String,
    /// Major version of its interface.
    pub(crate) api_version: u32,
    /// Who runs it.
    pub(crate) operator: Option<String>,
    /// When it may be used.
    pub(crate) valid_for: Window,
}

/// Takes a trusted root apart.
pub(crate) fn trusted_root(bytes: &[u8]) -> Result<RootDescription, Failure> {
    let root = TrustedRoot::from_json(text(bytes)?).map_err(|error| malformed(&error))?;
    let authority = |uri: Option<String>,
                     subject: &sigstore_trust_root::trusted_root::CertificateSubject,
                     chain: &sigstore_trust_root::trusted_root::CertChain,
                     range: Option<&TimeRange>| {
        let name = [&subject.organization, &subject.common_name];
        let name = name.into_iter().flatten().map(String::as_str);
        let name: Vec<&str> = name.filter(|text| !text.is_empty()).collect();
        AuthorityDescription {
            uri,
            name: (!name.is_empty()).then(|| name.join(" / ")),
            certificates: chain
                .certificates
                .iter()
                .map(|entry| Digest::sha256(entry.raw_bytes.as_bytes()))
                .collect(),
            valid_for: Window::of(range),
        }
    };
    let log = |url: &str,
               id: &sigstore_types::LogId,
               key: &sigstore_trust_root::trusted_root::PublicKey| LogDescription {
        url: url.to_owned(),
        key_id: hex::encode(id.key_id.as_bytes()),
        key_details: key.key_details.as_str().to_owned(),
        valid_for: Window::of(key.valid_for.as_ref()),
    };
    Ok(RootDescription {
        digest: Digest::sha256(bytes),
        certificate_authorities: root
            .certificate_authorities
            .iter()
            .map(|ca| {
                let uri = Some(ca.uri.clone());
                authority(uri, &ca.subject, &ca.cert_chain, ca.valid_for.as_ref())
            })
            .collect(),
        logs: root
            .tlogs
            .iter()
            .map(|entry| log(&entry.base_url, &entry.log_id, &entry.public_key))
            .collect(),
        certificate_logs: root
            .ctlogs
            .iter()
            .map(|entry| log(&entry.base_url, &entry.log_id, &entry.public_key))
            .collect(),
        timestamp_authorities: root
            .timestamp_authorities
            .iter()
            .map(|tsa| {
                authority(
                    tsa.uri.clone(),
                    &tsa.subject,
                    &tsa.cert_chain,
                    tsa.valid_for.as_ref(),
                )
            })
            .collect(),
    })
}

/// Takes a signing configuration apart.
pub(crate) fn signing_config(bytes: &[u8]) -> Result<ServicesDescription, Failure> {
    let config = SigningConfig::from_json(text(bytes)?).map_err(|error| malformed(&error))?;
    let kinds: [(&'static str, &[ServiceEndpoint]); 4] = [
        ("certificates", &config.ca_urls),
        ("identities", &config.oidc_urls),
        ("log", &config.rekor_tlog_urls),
        ("timestamps", &config.tsa_urls),
    ];
    let services = kinds.into_iter().flat_map(|(kind, endpoints)| {
        endpoints.iter().map(move |endpoint| ServiceDescription {
            kind,
            url: endpoint.url.clone(),
            api_version: endpoint.major_api_version,
            operator: endpoint.operator.clone(),
            valid_for: Window::of(Some(&endpoint.valid_for)),
        })
    });
    Ok(ServicesDescription {
        digest: Digest::sha256(bytes),
        services: services.collect(),
        logs: selected(&config.rekor_tlog_config),
        timestamps: selected(&config.tsa_config),
    })
}

fn selected(rule: &ServiceConfiguration) -> String {
    match (rule.selector, rule.count) {
        (ServiceSelector::All, _) => "all".to_owned(),
        (ServiceSelector::Any, _) => "any one".to_owned(),
        (ServiceSelector::Exact, Some(count)) => format!("exactly {count}"),
        _ => "undefined".to_owned(),
    }
}

fn text(bytes: &[u8]) -> Result<&str, Failure> {
    std::str::from_utf8(bytes).map_err(|error| malformed(&error))
}

fn malformed(error: &dyn std::fmt::Display) -> Failure {
    Failure::new(FailureKind::Input, error)
}

#[cfg(test)]
mod tests {
    use super::super::Known;
    use super::*;

    #[test]
    fn every_embedded_document_can_be_shown() {
        for known in Known::ALL {
            let root = trusted_root(known.trusted_root()).unwrap();
            assert!(!root.certificate_authorities.is_empty(), "{known:?}");
            if let Some(config) = known.signing_config() {
                let services = signing_config(config).unwrap();
                assert!(services.services.len() >= 4, "{known:?}");
            }
        }
        let root = trusted_root(Known::PublicGood.trusted_root()).unwrap();
        let first = &root.logs[0];
        assert!(first.key_id.starts_with("c0d23d6ad406"), "{first:?}");
        assert_eq!(first.valid_for.to_string(), "since 2021-01-12");
        let retired = &root.certificate_authorities[0].valid_for;
        assert!(!retired.holds("2026-01-01T00:00:00Z".parse().unwrap()));
        assert!(retired.holds("2022-01-01T00:00:00Z".parse().unwrap()));
    }
}
