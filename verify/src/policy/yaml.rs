//! YAML as everything of ours is written in it.

use serde::de::DeserializeOwned;

/// Reads one document.
///
/// Comments are read over: with them, the library refuses more than 96 lines of them in a row.
pub fn from_yaml<T: DeserializeOwned>(text: &str) -> Result<T, serde_saphyr::Error> {
    let options = serde_saphyr::options! { emit_comments: false };
    serde_saphyr::from_str_with_options(text, options)
}
