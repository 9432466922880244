//! Links and folders on disk.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use bulla_model::in_toto::Artifacts;
use bulla_model::{DigestSet, Limits};

use crate::Failure;
use crate::failure::FailureKind;
use crate::join::{directory, file};

/// The links of a folder by name, and those of layouts that stand for steps, `STEP.KEYID.link`, in
/// the folders `STEP.KEYID` beside them. Nothing else is read.
pub(super) fn links(folder: &Path, limits: &Limits) -> Result<BTreeMap<String, Vec<u8>>, Failure> {
    let mut links = BTreeMap::new();
    let mut total = 0_u64;
    let mut open = vec![(folder.to_owned(), String::new(), 0_usize)];
    while let Some((folder, prefix, depth)) = open.pop() {
        let failed = |error: std::io::Error| Failure::file("read", &folder, &error);
        for entry in fs::read_dir(&folder).map_err(failed)? {
            let path = entry.map_err(failed)?.path();
            let name = path.file_name().and_then(|name| name.to_str());
            let Some(step) = name.and_then(|name| name.strip_suffix(".link")) else {
                continue;
            };
            if !path.is_file() {
                continue;
            }
            let bytes = file::read(&path, limits.bundle_bytes)?;
            total = total.saturating_add(bytes.len() as u64);
            if links.len() >= MAX_LINKS || total > limits.evidence_bytes {
                return Err(Failure::new(
                    FailureKind::Unavailable,
                    format_args!(
                        "more than {MAX_LINKS} links or {} bytes of them",
                        limits.evidence_bytes
                    ),
                )
                .with_hint("pass a folder with the links of this layout alone: --links DIR"));
            }
            let inside = folder.join(step);
            if depth < MAX_DEPTH && inside.is_dir() {
                open.push((inside, format!("{prefix}{step}/"), depth.saturating_add(1)));
            }
            links.insert(format!("{prefix}{step}.link"), bytes);
        }
    }
    Ok(links)
}

/// The files of a folder with their digests, without those that the reference implementation
/// leaves out when it records one.
pub(super) fn artifacts(folder: &Path) -> Result<Artifacts, Failure> {
    let files = directory::read(folder, &[])?.files;
    let kept: BTreeMap<String, DigestSet> = files
        .into_iter()
        .filter(|(path, _)| !path.split('/').any(is_left_out))
        .map(|(path, digest)| (path, digest.into()))
        .collect();
    kept.try_into().map_err(|error| {
        Failure::new(
            FailureKind::Input,
            format_args!("{}: {error}", folder.display()),
        )
    })
}

/// `*.link*`, `.git`, `*.pyc` and `*~`: `ARTIFACT_EXCLUDE_PATTERNS` of in-toto 3.1.0.
fn is_left_out(name: &str) -> bool {
    name == ".git"
        || name.contains(".link")
        || name.strip_suffix(".pyc").is_some()
        || name.ends_with('~')
}

/// Links of one verification. Stops a folder that is all links.
const MAX_LINKS: usize = 10_000;

/// Folders in one another. Deeper than any layout is followed.
const MAX_DEPTH: usize = 9;
