//! The signature within a document, in the JSON Signature Format: whether one is there with what it
//! takes to check it. It is not checked.

use serde::Deserialize;

use super::is_told;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Signature {
    algorithm: Option<String>,
    value: Option<String>,
    public_key: Option<Key>,
    certificate_path: Option<Vec<String>>,
    signers: Option<Vec<Self>>,
    chain: Option<Vec<Self>>,
}

#[derive(Deserialize)]
struct Key {
    n: Option<String>,
    e: Option<String>,
    crv: Option<String>,
    x: Option<String>,
}

impl Signature {
    /// How much of two halves is there: the value, and the key or certificates.
    pub(super) fn halves(&self) -> u8 {
        let lists = [&self.signers, &self.chain];
        let first = lists.into_iter().flatten().find_map(|all| all.first());
        // One level: signers have no signers.
        let one = first.filter(|_| self.algorithm.is_none()).unwrap_or(self);
        if !is_told(one.algorithm.as_ref()) || !is_told(one.value.as_ref()) {
            return 0;
        }
        let has_key = one.public_key.as_ref().is_some_and(|key| {
            let rsa = is_told(key.n.as_ref()) && is_told(key.e.as_ref());
            rsa || is_told(key.crv.as_ref()) && is_told(key.x.as_ref())
        });
        let has_path = one
            .certificate_path
            .as_ref()
            .is_some_and(|all| !all.is_empty());
        if has_key || has_path { 2 } else { 1 }
    }
}
