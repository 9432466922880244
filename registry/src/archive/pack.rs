//! Writes an archive.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use tar::{Builder, EntryType, Header};

use crate::StoreError;
use crate::layout::{LOCK, TEMPORARY};

/// Writes a layout directory as a tar: names sorted, no times, owners or permissions of the
/// machine. Lock and temporary files are left out; links are refused.
pub fn pack<W: Write>(directory: &Path, writer: W) -> Result<W, StoreError> {
    let mut files = BTreeMap::new();
    collect(directory, "", &mut files, 0)?;
    let mut archive = Builder::new(writer);
    for (name, path) in files {
        let written = match path {
            None => append_directory(&mut archive, &name),
            Some(path) => append_file(&mut archive, &name, &path)?,
        };
        written.map_err(|source| StoreError::Stream {
            what: format!("archive, at {name}"),
            source,
        })?;
    }
    archive.into_inner().map_err(|source| StoreError::Stream {
        what: "archive".to_owned(),
        source,
    })
}

/// Finds files (with their path) and directories (without), by their name in the archive.
fn collect(
    directory: &Path,
    prefix: &str,
    files: &mut BTreeMap<String, Option<PathBuf>>,
    depth: usize,
) -> Result<(), StoreError> {
    for entry in fs::read_dir(directory).map_err(StoreError::io(directory))? {
        let entry = entry.map_err(StoreError::io(directory))?;
        let path = entry.path();
        let kind = entry.file_type().map_err(StoreError::io(&path))?;
        let file_name = entry.file_name();
        let odd = |reason: &str| StoreError::malformed(path.display().to_string(), reason);
        let own = file_name
            .to_str()
            .ok_or_else(|| odd("its name is not UTF-8"))?;
        if own == LOCK || own.starts_with(TEMPORARY) {
            continue;
        }
        let name = format!("{prefix}{own}");
        if kind.is_dir() && depth < DEPTH {
            collect(&path, &format!("{name}/"), files, depth.saturating_add(1))?;
            files.insert(format!("{name}/"), None);
        } else if kind.is_file() {
            files.insert(name, Some(path));
        } else {
            return Err(odd("layouts hold only files, and not this deep"));
        }
    }
    Ok(())
}

fn append_directory<W: Write>(archive: &mut Builder<W>, name: &str) -> io::Result<()> {
    let mut header = header(EntryType::Directory, 0o755, 0);
    archive.append_data(&mut header, name, io::empty())
}

fn append_file<W: Write>(
    archive: &mut Builder<W>,
    name: &str,
    path: &Path,
) -> Result<io::Result<()>, StoreError> {
    let file = File::open(path).map_err(StoreError::io(path))?;
    let size = file.metadata().map_err(StoreError::io(path))?.len();
    let mut header = header(EntryType::Regular, 0o644, size);
    Ok(archive.append_data(&mut header, name, file))
}

fn header(kind: EntryType, mode: u32, size: u64) -> Header {
    let mut header = Header::new_ustar();
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_size(size);
    header.set_mtime(0);
    header.set_uid(0);
    header.set_gid(0);
    header
}

/// `blobs`, an algorithm, and one more for what others add.
const DEPTH: usize = 3;
