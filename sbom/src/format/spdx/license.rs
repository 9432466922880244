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
pub(in crate::format) struct Texts(BTreeMap<String, String>);

impl Texts {
    /// All of these licences, together.
    pub(in crate::format) fn declared(&mut self, licenses: &BTreeSet<License>) -> String {
        let several = licenses.len() > 1;
        let all = licenses.iter().map(|license| match license {
            License::Id(id) => {
                self.named(id);
                id.clone()
            }
            License::Expression(expression) => {
                self.named(expression);
                // Parts that may be chosen from stay together.
                if several {
                    format!("({expression})")
                } else {
                    expression.clone()
                }
            }
            License::Name(text) => self.reference(text),
        });
        let all: Vec<_> = all.collect();
        if all.is_empty() {
            NO_ASSERTION.to_owned()
        } else {
            all.join(" AND ")
        }
    }

    /// Every reference of a document needs a text in it, clause 10; where a package names one without
    /// its text, that is all there is to say.
    fn named(&mut self, expression: &str) {
        let is_part =
            |character: char| character.is_ascii_alphanumeric() || "-.".contains(character);
        let words = expression.split(|character: char| !is_part(character));
        for word in words.filter(|word| word.starts_with("LicenseRef-")) {
            let text = format!("{word} is named by a package, without its text");
            self.0.entry(word.to_owned()).or_insert(text);
        }
    }

    fn reference(&mut self, text: &str) -> String {
        let words = text.split(|character: char| !character.is_ascii_alphanumeric());
        let words: Vec<_> = words.filter(|word| !word.is_empty()).take(6).collect();
        let digest = Digest::sha256(text.as_bytes());
        let digest = digest.hex().get(..DIGITS).unwrap_or_default();
        let id = format!("LicenseRef-{}-{digest}", words.join("-"));
        let id = id.replace("--", "-");
        self.0.insert(id.clone(), text.to_owned());
        id
    }

    pub(in crate::format) fn extracted(self) -> Vec<ExtractedLicense> {
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

/// Digits of the digest in a reference: nobody finds another text with the same ones.
const DIGITS: usize = 32;
