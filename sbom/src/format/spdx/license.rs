//! Declared licences as one expression; what is no SPDX expression becomes a reference to its text.
//!
//! SPDX 2.3, clauses 7.15 and 10, <https://spdx.github.io/spdx-spec/v2.3/>.

use std::collections::{BTreeMap, BTreeSet};

use bulla_model::Digest;

use super::NO_ASSERTION;
use super::document::ExtractedLicense;
use crate::License;

/// Texts that were referred to, by their identifiers.
#[derive(Default)]
pub(super) struct Texts(BTreeMap<String, String>);

impl Texts {
    /// All of these licences, together.
    pub(super) fn declared(&mut self, licenses: &BTreeSet<License>) -> String {
        let several = licenses.len() > 1;
        let all = licenses.iter().map(|license| match license {
            License::Id(id) => id.clone(),
            // Parts that may be chosen from stay together.
            License::Expression(expression) if several => format!("({expression})"),
            License::Expression(expression) => expression.clone(),
            License::Name(text) => self.reference(text),
        });
        let all: Vec<_> = all.collect();
        if all.is_empty() {
            NO_ASSERTION.to_owned()
        } else {
            all.join(" AND ")
        }
    }

    fn reference(&mut self, text: &str) -> String {
        let words = text.split(|character: char| !character.is_ascii_alphanumeric());
        let words: Vec<_> = words.filter(|word| !word.is_empty()).take(6).collect();
        let digest = Digest::sha256(text.as_bytes());
        let id = format!("LicenseRef-{}-{}", words.join("-"), digest.short());
        let id = id.replace("--", "-");
        self.0.insert(id.clone(), text.to_owned());
        id
    }

    pub(super) fn extracted(self) -> Vec<ExtractedLicense> {
        let texts = self.0.into_iter();
        texts
            .map(|(license_id, text)| ExtractedLicense {
                license_id,
                extracted_text: text.clone(),
                name: text,
            })
            .collect()
    }
}
