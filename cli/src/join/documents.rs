//! Attestations in files: which documents a file holds, and what each of them is.
//!
//! A file is one JSON document, or one in each line (`*.intoto.jsonl`, what
//! `gh attestation download` writes). A document that is cut off or broken ends the command with its
//! place: it was named by somebody, who has to know that it was not read. Answers of npm, GitHub
//! and PyPI hold several attestations in one document.

use std::path::{Path, PathBuf};

use bulla_model::{Digest, Limits, attestation_list, json};
use bulla_verify::Attestation;

use super::{cosign_file, file};
use crate::Failure;
use crate::failure::FailureKind;

/// A document that holds signatures or attestations.
#[derive(Clone, Debug)]
pub struct Document {
    /// The file it was read from, as given.
    pub path: PathBuf,
    /// Its bytes as received.
    pub bytes: Vec<u8>,
}

/// Reads the documents of these files, of `Limits::evidence_bytes` in all.
pub fn read(files: &[PathBuf], limits: &Limits) -> Result<Vec<Document>, Failure> {
    let mut documents = Vec::new();
    let mut budget = limits.evidence_bytes;
    for path in files {
        let bytes = file::read(path, limits.bundle_bytes.min(budget))?;
        budget = budget.saturating_sub(bytes.len() as u64);
        let found = split(path, &bytes, limits)?;
        documents.extend(found.into_iter().map(|document| Document {
            path: path.clone(),
            bytes: document.to_vec(),
        }));
        if documents.len() > limits.referrers_per_digest {
            return Err(too_many(limits));
        }
    }
    Ok(documents)
}

/// The attestations in these documents. Those that sign a file's bytes without naming them need the
/// digest of the file.
pub fn attestations(
    documents: &[Document],
    artifact: &Digest,
    limits: &Limits,
) -> Result<Vec<Attestation>, Failure> {
    let mut found = Vec::new();
    for Document { path, bytes } in documents {
        let listed = attestation_list::bundles(bytes, limits).map_err(|error| {
            let text = format_args!("{}: {error}", path.display());
            Failure::new(FailureKind::Input, text)
        })?;
        match listed {
            Some(bundles) => {
                let bundles = bundles.into_iter();
                found.extend(bundles.map(|bytes| Attestation::bundle(bytes, None)));
            }
            None if cosign_file::is(bytes) => {
                found.push(cosign_file::read(path, bytes, artifact, limits)?);
            }
            None => found.push(Attestation::bundle(bytes.clone(), None)),
        }
        if found.len() > limits.referrers_per_digest {
            return Err(too_many(limits));
        }
    }
    Ok(found)
}

/// One document, or one in each line that is not empty.
fn split<'a>(path: &Path, bytes: &'a [u8], limits: &Limits) -> Result<Vec<&'a [u8]>, Failure> {
    let check = |document: &[u8]| json::check(document, limits.bundle_bytes, limits.json_depth);
    let broken = |error: &dyn std::fmt::Display| {
        Failure::new(
            FailureKind::Input,
            format_args!("{}: no attestation: {error}", path.display()),
        )
        .with_hint("expected JSON: one document, or one in each line; is the file whole?")
    };
    let Err(error) = check(bytes) else {
        return Ok(vec![bytes]);
    };
    // One more than there may be is enough to know that there are too many.
    let lines: Vec<(usize, &[u8])> = bytes
        .split(|byte| *byte == b'\n')
        .enumerate()
        .filter(|(_, line)| !line.trim_ascii().is_empty())
        .take(limits.referrers_per_digest.saturating_add(1))
        .collect();
    // Where the first line is no document, the file is one document over several lines.
    match lines.first() {
        Some((_, first)) if lines.len() > 1 && check(first).is_ok() => {}
        _ => return Err(broken(&error)),
    }
    if lines.len() > limits.referrers_per_digest {
        return Err(too_many(limits));
    }
    for (index, line) in &lines {
        if let Err(error) = check(line) {
            // A document of one line has one place in it that matters: the column.
            let number = index.saturating_add(1);
            let error = error.to_string();
            let error = error.strip_prefix("line 1, ").unwrap_or(&error);
            return Err(broken(&format_args!("line {number}, {error}")));
        }
    }
    Ok(lines.into_iter().map(|(_, line)| line).collect())
}

fn too_many(limits: &Limits) -> Failure {
    let limit = limits.referrers_per_digest;
    Failure::new(
        FailureKind::Unavailable,
        format_args!("more than {limit} attestations in files"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn splits(text: &str) -> Result<Vec<String>, Failure> {
        let found = split(Path::new("a.json"), text.as_bytes(), &Limits::default())?;
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        Ok(found.into_iter().map(text).collect())
    }

    #[test]
    fn a_file_is_one_document_or_one_in_each_line() {
        assert_eq!(splits("{\n\"a\":1\n}\n").unwrap(), ["{\n\"a\":1\n}\n"]);
        assert_eq!(
            splits("{\"a\":1}\r\n\n{\"b\":2}\n").unwrap(),
            ["{\"a\":1}\r", "{\"b\":2}"]
        );
    }

    #[test]
    fn more_lines_than_there_may_be_are_not_even_looked_at() {
        let limits = Limits::default();
        let most = "{}\n".repeat(limits.referrers_per_digest);
        assert_eq!(splits(&most).unwrap().len(), limits.referrers_per_digest);
        // What is broken beyond the limit is never reached.
        let failure = splits(&format!("{most}{{}}\n{{")).unwrap_err();
        assert_eq!(failure.kind(), FailureKind::Unavailable);
    }

    #[test]
    fn a_broken_file_is_refused_with_its_place() {
        for (text, place) in [
            ("{\"a\":1,\n\"b\":", "line 2, column 4"),
            ("{\"a\":1", "line 1, column 6"),
            ("{\"a\":1}\n\n{\"b\":2", "line 3, column 6"),
            // The column of a repeated name is before or after its colon, by serde_json's features.
            ("{\"a\":1}\n{\"b\":2,\"b\":3}\n", "line 2, column 1"),
            ("", "line 1, column 0"),
        ] {
            let failure = splits(text).unwrap_err();
            assert_eq!(failure.kind(), FailureKind::Input);
            assert!(
                failure.message().contains(place),
                "{text:?}: {}",
                failure.message()
            );
        }
    }
}
