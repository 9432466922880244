//! What lock files of several ecosystems have in common.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bulla_model::{Algorithm, Digest};

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
