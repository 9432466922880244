//! Directories: every file below them, hashed.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use bulla_model::{Bundle, Digest, KeyMaterial};

use super::file;
use crate::Failure;
use crate::failure::FailureKind;

/// A directory to be signed.
#[derive(Debug)]
pub struct LocalDirectory {
    /// Where it is.
    pub path: PathBuf,
    /// Its name, without the folders it is in.
    pub name: String,
    /// Its files by path with `/`, with their SHA-256 digests.
    pub files: BTreeMap<String, Digest>,
    /// What at its top was left out.
    pub left_out: Vec<String>,
}

/// Hashes the files of a directory, without what is called one of `ignored` at its top. What is neither file nor directory is refused: a symbolic link
/// could be another file tomorrow.
pub fn read(path: &Path, ignored: &[&str]) -> Result<LocalDirectory, Failure> {
    let absolute = path
        .canonicalize()
        .map_err(|error| Failure::file("read", path, &error))?;
    let name = absolute.file_name().and_then(|name| name.to_str());
    let name = name.unwrap_or("directory").to_owned();
    let mut files = BTreeMap::new();
    let mut left_out = Vec::new();
    let mut open = vec![(path.to_owned(), String::new())];
    while let Some((folder, prefix)) = open.pop() {
        let failed = |error: std::io::Error| Failure::file("read", &folder, &error);
        for entry in fs::read_dir(&folder).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let kind = entry.file_type().map_err(failed)?;
            let path = entry.path();
            let text = entry.file_name().into_string().map_err(|_| {
                Failure::new(
                    FailureKind::Input,
                    format_args!("{} is not UTF-8", path.display()),
                )
            })?;
            let known = kind.is_dir() || kind.is_file();
            if known && prefix.is_empty() && ignored.contains(&text.as_str()) {
                left_out.push(text);
                continue;
            }
            let name = format!("{prefix}{text}");
            if kind.is_dir() && open.len() < FILES {
                open.push((path, format!("{name}/")));
            } else if kind.is_file() {
                if files.len() >= FILES {
                    return Err(Failure::new(
                        FailureKind::Unavailable,
                        format_args!("more than {FILES} files below {}", folder.display()),
                    ));
                }
                files.insert(name, file::digest(&path)?);
            } else if kind.is_dir() {
                return Err(Failure::new(
                    FailureKind::Unavailable,
                    format_args!("more than {FILES} folders below {}", folder.display()),
                ));
            } else {
                return Err(Failure::new(
                    FailureKind::Input,
                    format_args!("{} is neither a file nor a folder", path.display()),
                )
                .with_hint("replace the link by what it points to, or leave it out"));
            }
        }
    }
    Ok(LocalDirectory {
        path: path.to_owned(),
        name,
        files,
        left_out,
    })
}

/// The bundle with the hint that model-signing compares: the hash of the key's PEM text, where
/// others write that of its DER. The signature does not cover it.
pub fn with_hint(bundle: Bundle, pem: &str) -> Result<Bundle, Failure> {
    let bare = matches!(bundle.key(), KeyMaterial::PublicKey { .. })
        && bundle.log_entries() == 0
        && bundle.timestamps() == 0;
    match bundle.envelope() {
        Some(envelope) if bare => {
            let hint = Digest::sha256(pem.as_bytes());
            Bundle::with_public_key(envelope, hint.hex())
                .map_err(|error| Failure::new(FailureKind::Internal, error))
        }
        _ => Ok(bundle),
    }
}

/// Files of one directory. Stops a tree that never ends; more would not fit into a bundle.
const FILES: usize = 100_000;

#[cfg(test)]
mod tests {
    use bulla_attest::claim::IGNORED;

    use super::*;

    #[test]
    fn every_file_is_listed_except_git_s_own() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::create_dir_all(at("a/.git")).unwrap();
        fs::create_dir_all(at(".git")).unwrap();
        for name in ["z", "a/b", "a/.git/kept", ".git/config", ".gitignore"] {
            fs::write(at(name), name).unwrap();
        }
        let directory = read(folder.path(), IGNORED).unwrap();
        let names: Vec<_> = directory.files.keys().map(String::as_str).collect();
        assert_eq!(names, ["a/.git/kept", "a/b", "z"]);
        assert_eq!(directory.files["a/b"], Digest::sha256(b"a/b"));
    }

    #[cfg(unix)]
    #[test]
    fn a_link_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let link = folder.path().join("link");
        std::os::unix::fs::symlink("/etc/hostname", link).unwrap();
        let failure = read(folder.path(), IGNORED).unwrap_err();
        assert!(failure.message().contains("neither a file nor a folder"));
    }
}
