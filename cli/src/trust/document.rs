//! Trusted roots in files: one document, several with one to a line, or inside a client trust
//! configuration.
//!
//! `gh attestation trusted-root` writes one to a line, and clients are given
//! [`ClientTrustConfig`](https://github.com/sigstore/protobuf-specs/blob/v0.5.0/protos/sigstore_trustroot.proto)
//! with services beside the root. A document that nobody could be believed by is refused here,
//! where the file is known, and not where the first signature fails.

use std::path::Path;

use bulla_attest::sigstore::ClientTrustConfig;
use bulla_model::Limits;
use bulla_verify::Trust;
use jiff::Timestamp;
use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::Failure;
use crate::failure::FailureKind;
use crate::join::file;

/// Reads the trusted roots in a file, at least one, each as it was written.
pub(crate) fn read(path: &Path, limits: &Limits) -> Result<Vec<Vec<u8>>, Failure> {
    let bytes = file::read(path, limits.configuration_bytes)?;
    let refused = |line: Option<usize>, reason: &dyn std::fmt::Display| {
        let line = line.map_or_else(String::new, |line| format!(":{line}"));
        Failure::new(
            FailureKind::Configuration,
            format_args!("{}{line}: {reason}", path.display()),
        )
        .with_hint("bulla trust show --trusted-root FILE shows whom a file trusts")
    };
    let Some(lines) = lines(&bytes) else {
        let root = root(&bytes, limits).map_err(|reason| refused(None, &reason))?;
        return Ok(vec![root]);
    };
    if lines.len() > MOST {
        let reason = format_args!("more than {MOST} trusted roots in one file");
        return Err(refused(None, &reason));
    }
    let roots = lines
        .into_iter()
        .map(|(number, line)| root(line, limits).map_err(|reason| refused(Some(number), &reason)));
    roots.collect()
}

/// The documents of a file with one to a line, each with its line; `None` if it is one document.
fn lines(bytes: &[u8]) -> Option<Vec<(usize, &[u8])>> {
    let lines = (1..).zip(bytes.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii));
    let lines: Vec<_> = lines.filter(|(_, line)| !line.is_empty()).collect();
    // The lines of a document written over several lines are no documents.
    let each = |(_, line): &(usize, &[u8])| serde_json::from_slice::<IgnoredAny>(line).is_ok();
    (lines.len() > 1 && lines.iter().all(each)).then_some(lines)
}

/// The trusted root that a document is or holds, once it was found to be usable.
fn root(bytes: &[u8], limits: &Limits) -> Result<Vec<u8>, String> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Named {
        media_type: String,
    }
    let is_configuration = serde_json::from_slice::<Named>(bytes)
        .is_ok_and(|document| document.media_type.contains(".clienttrustconfig"));
    let root = if is_configuration {
        let both = ClientTrustConfig::parse(bytes, limits).map_err(|error| error.to_string())?;
        both.trusted_root
    } else {
        bytes.to_vec()
    };
    // Nothing starts after this time, so that everything in it is read.
    let roots = std::slice::from_ref(&root);
    match Trust::new([], roots, Timestamp::MAX, limits) {
        Ok(_) => Ok(root),
        Err(error) => Err(error.to_string()),
    }
}

/// Trusted roots in one file. Stops a file of many small ones from taking the time of each.
const MOST: usize = 32;
