//! What lock files of several ecosystems have in common.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bulla_model::{Algorithm, Digest};

use crate::address;

/// The digests of an `integrity` value, Subresource Integrity (W3C, 2016); SHA-1 proves nothing and
/// is left out.
pub(super) fn integrity(text: &str) -> impl Iterator<Item = Digest> {
    text.split_whitespace().filter_map(|part| {
        let (algorithm, value) = part.split_once('-')?;
        let algorithm: Algorithm = algorithm.parse().ok()?;
        let value = value.split('?').next().unwrap_or_default();
        Digest::new(algorithm, &hex::encode(STANDARD.decode(value).ok()?)).ok()
    })
}

/// Versions under one name that edges lead to, of those that a lock file does not tell apart: a file
/// that names one package very often costs no more than one that does not.
pub(super) const VERSIONS: usize = 64;

/// The value of the qualifier `vcs_url`, a download location of SPDX 2.3 clause 7.7 without a user or
/// password: `git+https://git.example.test/pay@0123abc#client`.
pub(super) fn vcs_url(
    tool: &str,
    address: &str,
    revision: Option<&str>,
    subdirectory: Option<&str>,
) -> String {
    let address = address::without_secret(address);
    let prefix = format!("{tool}+");
    let address = address.strip_prefix(&prefix).unwrap_or(&address);
    let revision = revision.map(|revision| format!("@{revision}"));
    let folder = subdirectory.map(|folder| format!("#{folder}"));
    let (revision, folder) = (revision.unwrap_or_default(), folder.unwrap_or_default());
    format!("{prefix}{address}{revision}{folder}")
}
