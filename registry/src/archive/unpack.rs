//! Reads an archive.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Component, Path, PathBuf};

use bulla_model::Limits;
use tar::{Archive, EntryType};

use crate::{Excerpt, StoreError};

/// Unpacks a tar of a layout into a directory that is empty.
///
/// Only plain files and directories with plain relative names are taken; links, devices, names
/// that lead out, and names that occur twice are errors. `Limits::files` bounds the entries,
/// `Limits::inflated_layer_bytes` the bytes in all. Digests are checked when the layout is read.
pub fn unpack<R: Read>(reader: R, directory: &Path, limits: &Limits) -> Result<(), StoreError> {
    let no_link = |name: &Path, _: EntryType, _: Option<&Path>| Err(neither(name));
    unpack_with(reader, directory, limits, no_link)
}

/// The same, handing every other entry to `link` with its kind and what it points to.
///
/// Links are never made, so nothing that is written can follow one.
pub(super) fn unpack_with<R: Read>(
    reader: R,
    directory: &Path,
    limits: &Limits,
    mut link: impl FnMut(&Path, EntryType, Option<&Path>) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let mut occupied = fs::read_dir(directory).map_err(StoreError::io(directory))?;
    if occupied.next().is_some() {
        return Err(StoreError::malformed(
            directory.display().to_string(),
            "it is not empty",
        ));
    }
    let mut archive = Archive::new(reader);
    let mut names = BTreeSet::new();
    let mut left = limits.inflated_layer_bytes;
    // Directories count too: a name can occur any number of times, and each makes some.
    for (seen, entry) in archive.entries().map_err(broken)?.enumerate() {
        let mut entry = entry.map_err(broken)?;
        if seen >= limits.files {
            return Err(StoreError::TooMany {
                what: "entries in an archive",
                limit: limits.files,
            });
        }
        let name = relative(&entry.path().map_err(broken)?)?;
        let path = directory.join(&name);
        match entry.header().entry_type() {
            EntryType::Directory => fs::create_dir_all(&path).map_err(StoreError::io(&path))?,
            EntryType::Regular => {
                once(&mut names, &name)?;
                left = left.checked_sub(entry.size()).ok_or(StoreError::TooLarge {
                    what: "the archive".to_owned(),
                    limit: limits.inflated_layer_bytes,
                })?;
                write(&mut entry, &path)?;
            }
            kind => {
                once(&mut names, &name)?;
                let target = entry.link_name().map_err(broken)?;
                link(&name, kind, target.as_deref())?;
            }
        }
    }
    Ok(())
}

fn once(names: &mut BTreeSet<PathBuf>, name: &Path) -> Result<(), StoreError> {
    if names.insert(name.to_owned()) {
        Ok(())
    } else {
        Err(refused(name, "it occurs twice"))
    }
}

/// Accepts `a/b` and `./a/b`, nothing that begins elsewhere or climbs.
pub(super) fn relative(name: &Path) -> Result<PathBuf, StoreError> {
    let mut path = PathBuf::new();
    for component in name.components() {
        match component {
            Component::CurDir => {}
            Component::Normal(part) => path.push(part),
            _ => return Err(refused(name, "its name leads out of the archive")),
        }
    }
    Ok(path)
}

fn write(entry: &mut impl Read, path: &Path) -> Result<(), StoreError> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).map_err(StoreError::io(parent))?;
    }
    // The directory was empty and no links are made in it, so this cannot lead elsewhere.
    let mut file = File::create_new(path).map_err(StoreError::io(path))?;
    io::copy(entry, &mut file).map_err(StoreError::io(path))?;
    Ok(())
}

fn broken(source: io::Error) -> StoreError {
    StoreError::Stream {
        what: "no readable archive".to_owned(),
        source,
    }
}

pub(super) fn neither(name: &Path) -> StoreError {
    refused(name, "it is neither a file nor a directory")
}

pub(super) fn refused(name: &Path, reason: &str) -> StoreError {
    StoreError::Malformed {
        what: format!("archive entry `{}`", Excerpt::of(&name.to_string_lossy())),
        reason: Excerpt::of(reason),
    }
}
