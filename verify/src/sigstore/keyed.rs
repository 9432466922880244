//! Records of signatures by bare keys. The signature itself was verified before.

use bulla_model::Bundle;
use jiff::Timestamp;

use super::body::{Facts, Verifier};
use super::entry::Promise;
use super::root::Root;
use super::{Roots, content, not_after};
use crate::candidate::Refusal;
use crate::records::Records;
use crate::scheme::Message;

impl Roots {
    /// Verifies every log entry and timestamp of a bundle whose signature this key made.
    pub(crate) fn records_of_key(
        &self,
        bundle: &Bundle,
        message: Message<'_>,
        spki: &[u8],
        now: Timestamp,
    ) -> Result<Records, Refusal> {
        self.first(|root| {
            let verify = |root: &Root, now| root.records_of_key(bundle, message, spki, now);
            verify(root, now)
                .map_err(|refusal| root.or_stranger(refusal, bundle))
                .map_err(|refusal| {
                    root.or_later(refusal, bundle, |whole| {
                        verify(whole, Timestamp::MAX).is_ok()
                    })
                })
        })
    }
}

impl Root {
    fn records_of_key(
        &self,
        bundle: &Bundle,
        message: Message<'_>,
        spki: &[u8],
        now: Timestamp,
    ) -> Result<Records, Refusal> {
        let facts = Facts {
            content: content(bundle, message),
            signature: bundle.signature(),
            verifier: Verifier::Key(spki),
        };
        let records = Records {
            trusted_root: Some(self.digest.clone()),
            log_entries: bundle
                .entries()
                .iter()
                .map(|entry| self.entry(entry, &facts, bundle.version(), Promise::Unverified))
                .collect::<Result<_, _>>()?,
            timestamps: self.timestamps(bundle)?,
        };
        not_after(&records, now)?;
        self.logged_in_time(bundle.entries(), &records)?;
        Ok(records)
    }
}
