//! Revocation, from lists that are passed in: nothing is fetched (F43, F57).

use jiff::Timestamp;
use webpki::{
    CertRevocationList, Error, ExpirationPolicy, OwnedCertRevocationList, RevocationCheckDepth,
    RevocationOptionsBuilder, UnknownStatusPolicy,
};
use x509_cert::crl::CertificateList;
use x509_cert::der::Decode as _;

use super::certificate::time;
use super::chain::Chain;

/// Lists in one verification. Each is asked about each chain.
const LISTS: usize = 64;

/// Certificate revocation lists, unverified until a chain is held against them.
#[derive(Debug, Default)]
pub struct RevocationLists(Vec<List>);

#[derive(Debug)]
struct List {
    list: CertRevocationList<'static>,
    /// From when until when it is up to date.
    window: (Timestamp, Timestamp),
}

/// What is known of a chain's certificates, the root excepted: it vouches for itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Status {
    /// None was revoked, and why that is known.
    Good(String),
    /// One was revoked.
    Revoked,
    /// It is not known, and why.
    Unknown(String),
}

impl RevocationLists {
    /// Adds a list, PEM (`X509 CRL`) or DER.
    pub fn add(&mut self, file: &[u8]) -> Result<(), RevocationListError> {
        if self.0.len() >= LISTS {
            return Err(RevocationListError::Many { limit: LISTS });
        }
        let unreadable = |reason: String| RevocationListError::Unreadable { reason };
        let der = if file.trim_ascii_start().starts_with(b"-----BEGIN ") {
            let block = pem::parse(file).map_err(|error| unreadable(error.to_string()))?;
            if block.tag() != "X509 CRL" {
                return Err(unreadable("expected X509 CRL in PEM".to_owned()));
            }
            block.into_contents()
        } else {
            file.to_vec()
        };
        let list = OwnedCertRevocationList::from_der(&der)
            .map_err(|error| unreadable(error.to_string()))?;
        let parsed =
            CertificateList::from_der(&der).map_err(|error| unreadable(error.to_string()))?;
        let body = parsed.tbs_cert_list;
        // That there is no end, as RFC 5280 section 4.1.2.5 lets certificates say, would make an old
        // list hide every later revocation for ever.
        let end = body
            .next_update
            .map(time)
            .filter(|end| *end < Timestamp::MAX);
        self.0.push(List {
            list: list.into(),
            window: (
                time(body.this_update),
                end.ok_or(RevocationListError::Endless)?,
            ),
        });
        Ok(())
    }

    /// What is known of a chain at a time.
    pub(super) fn status(&self, chain: &Chain, now: Timestamp) -> Status {
        // A list that is out of date still says whom it names. Each is asked alone: of several lists
        // of one authority only the first would be.
        let mut unusable = None;
        for one in &self.0 {
            match asked(chain, &[&one.list], UnknownStatusPolicy::Allow) {
                Ok(()) => {}
                Err(Error::CertRevoked) => return Status::Revoked,
                Err(other) => unusable = Some(other),
            }
        }
        if let Some(error) = unusable {
            return Status::Unknown(format!("a revocation list cannot be used: {error}"));
        }
        let certificates = chain.certificates();
        let below = certificates.len().saturating_sub(1).max(1);
        let mut below = certificates.iter().take(below);
        let Some(named) = below.find(|one| one.names_revocation_service()) else {
            return Status::Good("no certificate names a place to ask".to_owned());
        };
        let current = |one: &&List| one.window.0 <= now && now <= one.window.1;
        let current: Vec<_> = self.0.iter().filter(current).map(|one| &one.list).collect();
        if current.is_empty() {
            let reason = match self.0.len() {
                0 => "no revocation list was given",
                _ => "every revocation list is out of date",
            };
            return Status::Unknown(format!("{reason}, and {} may be revoked", named.subject()));
        }
        match asked(chain, &current, UnknownStatusPolicy::Deny) {
            Ok(()) => Status::Good("on no revocation list".to_owned()),
            Err(Error::CertRevoked) => Status::Revoked,
            Err(error) => Status::Unknown(format!(
                "the revocation lists do not cover every certificate: {error}"
            )),
        }
    }
}

fn asked(
    chain: &Chain,
    lists: &[&CertRevocationList<'_>],
    unknown: UnknownStatusPolicy,
) -> Result<(), Error> {
    let Ok(options) = RevocationOptionsBuilder::new(lists) else {
        // There is no list to ask.
        return Ok(());
    };
    let options = options
        .with_depth(RevocationCheckDepth::Chain)
        .with_status_policy(unknown)
        // The chain is held against them at a moment when it was valid; `window` is asked of now.
        .with_expiration_policy(ExpirationPolicy::Ignore)
        .build();
    chain.verify(Some(options))
}

/// Why a file is no list.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RevocationListError {
    /// It cannot be read.
    #[error("no certificate revocation list: {}", reason.escape_debug())]
    Unreadable {
        /// What is wrong.
        reason: String,
    },
    /// It does not say until when it is up to date.
    #[error(
        "the revocation list names no time of its next update that ever comes: expected nextUpdate before the year 9999"
    )]
    Endless,
    /// There are too many.
    #[error("more than {limit} revocation lists")]
    Many {
        /// How many there may be.
        limit: usize,
    },
}
