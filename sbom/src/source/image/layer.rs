//! One layer: what it adds, hides and keeps.

use std::collections::BTreeMap;
use std::io::{BufReader, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use ::tar::EntryType;
use bulla_model::Digest;

use super::LayerInput;
use super::inflate::{self, Inflated};
use super::path_log::{Mark, PathLog};
use super::tar::{Archive, Fault, Member};
use crate::source::view::Content;
use crate::source::{SourceError, TarFault, Wanted, jar, path, program};
use crate::{Options, Unknown};

/// What all layers' threads share.
pub(super) struct Shared<'a> {
    pub(super) wanted: &'a Wanted<'a>,
    pub(super) options: &'a Options<'a>,
    files: AtomicU64,
    kept_bytes: AtomicU64,
    stopped: AtomicBool,
}

impl<'a> Shared<'a> {
    pub(super) fn new(wanted: &'a Wanted<'a>, options: &'a Options<'a>) -> Self {
        Self {
            wanted,
            options,
            files: AtomicU64::new(0),
            kept_bytes: AtomicU64::new(0),
            stopped: AtomicBool::new(false),
        }
    }

    /// Makes the other threads give up.
    pub(super) fn stop(&self) {
        self.stopped.store(true, Ordering::Relaxed);
    }

    pub(super) fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Relaxed)
    }

    /// `bytes` are those of the path and the link, which are kept for every file.
    fn count_file(&self, bytes: u64) -> Result<(), SourceError> {
        let limit = self.options.limits.files;
        let before = self.files.fetch_add(1, Ordering::Relaxed);
        if before >= limit as u64 {
            return Err(SourceError::TooManyFiles { limit });
        }
        self.count_bytes(bytes)
    }

    fn count_bytes(&self, bytes: u64) -> Result<(), SourceError> {
        let limit = self.options.limits.catalog_bytes;
        let before = self.kept_bytes.fetch_add(bytes, Ordering::Relaxed);
        if before.saturating_add(bytes) > limit {
            return Err(SourceError::KeptBytes { limit });
        }
        Ok(())
    }

    fn count_kept(&self, path: &str, size: u64) -> Result<(), SourceError> {
        let limit = self.options.limits.catalog_file_bytes;
        if size > limit {
            return Err(SourceError::FileBytes {
                path: path.to_owned(),
                size,
                limit,
            });
        }
        self.count_bytes(size)
    }
}

/// What one layer says.
#[derive(Debug, Default)]
pub(super) struct Scan {
    /// Every path but whiteouts, in order.
    pub(super) paths: PathLog,
    /// Files kept and links, by their place in `paths`: a path can occur twice.
    pub(super) details: BTreeMap<usize, Detail>,
    /// Paths this layer deletes from those below.
    pub(super) whiteouts: Vec<String>,
    /// Directories whose contents in the layers below are deleted.
    pub(super) opaque: Vec<String>,
    pub(super) unknowns: Vec<Unknown>,
}

/// What is worth knowing about a path beyond that it is there.
#[derive(Debug)]
pub(super) enum Detail {
    Kept(Content),
    SymbolicLink(String),
    HardLink(String),
}

/// Reads a layer to its end and checks its digests.
pub(super) fn scan(
    layer: &LayerInput,
    diff_id: &Digest,
    shared: &Shared<'_>,
) -> Result<Scan, SourceError> {
    check_media_type(layer)?;
    let reader = BufReader::with_capacity(inflate::BUFFER, Inflated::open(layer, shared)?);
    let mut archive = Archive::new(reader);
    let mut scan = Scan::default();
    let outcome = scan.read(&mut archive, shared);
    outcome.map_err(|stop| match stop {
        Stop::Source(error) => error,
        Stop::Fault(Fault::Io(error)) => inflate::from_io(layer, error),
        Stop::Fault(Fault::Tar(fault)) => SourceError::Tar {
            layer: layer.digest.clone(),
            fault,
        },
    })?;
    archive.into_inner().into_inner().finish(diff_id)?;
    Ok(scan)
}

/// Only archives of files are layers; encrypted ones and attestations are not.
fn check_media_type(layer: &LayerInput) -> Result<(), SourceError> {
    let kind = layer
        .media_type
        .split(';')
        .next()
        .unwrap_or_default()
        .trim();
    let archive = kind.split(['.', '+']).any(|part| part == "tar");
    if archive && !kind.ends_with("+encrypted") {
        return Ok(());
    }
    let media_type = layer.media_type.chars().take(100).collect();
    Err(SourceError::MediaType {
        layer: layer.digest.clone(),
        media_type,
    })
}

/// Why reading ended early.
enum Stop {
    Source(SourceError),
    Fault(Fault),
}

impl From<SourceError> for Stop {
    fn from(error: SourceError) -> Self {
        Self::Source(error)
    }
}

impl From<Fault> for Stop {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl Scan {
    fn read(
        &mut self,
        archive: &mut Archive<BufReader<Inflated<'_>>>,
        shared: &Shared<'_>,
    ) -> Result<(), Stop> {
        while let Some(member) = archive.next()? {
            let named = member.path.len().saturating_add(member.link.len());
            shared.count_file(named as u64)?;
            let path = safe(&member.path)?;
            let (directory, name) = path::split(&path);
            if name == ".wh..wh..opq" {
                self.opaque.push(directory.to_owned());
            } else if name.starts_with(".wh..wh.") {
                // Bookkeeping of AUFS, no part of the file system.
            } else if let Some(hidden) = name.strip_prefix(".wh.") {
                self.whiteouts.push(path::join(directory, hidden));
            } else if !path.is_empty() {
                self.member(&path, &member, archive, shared)?;
            }
        }
        Ok(())
    }

    fn member(
        &mut self,
        path: &str,
        member: &Member,
        archive: &mut Archive<BufReader<Inflated<'_>>>,
        shared: &Shared<'_>,
    ) -> Result<(), Stop> {
        let detail = match member.kind {
            EntryType::Directory => {
                self.paths.push(path, Mark::Directory);
                return Ok(());
            }
            EntryType::Symlink => Some(Detail::SymbolicLink(
                String::from_utf8_lossy(&member.link).into_owned(),
            )),
            EntryType::Link => Some(Detail::HardLink(safe(&member.link)?)),
            EntryType::Regular | EntryType::Continuous => {
                keep(path, member, archive, shared)?.map(Detail::Kept)
            }
            _ if (shared.wanted.by_path)(path) => {
                self.unknowns.push(Unknown::new(path, "not a regular file"));
                None
            }
            _ => None,
        };
        let place = self.paths.push(path, Mark::Other);
        if let Some(detail) = detail {
            self.details.insert(place, detail);
        }
        Ok(())
    }
}

/// Keeps a wanted file, or what a program says of itself.
fn keep(
    path: &str,
    member: &Member,
    archive: &mut Archive<BufReader<Inflated<'_>>>,
    shared: &Shared<'_>,
) -> Result<Option<Content>, Stop> {
    let truncated = super::tar::truncated;
    if (shared.wanted.by_path)(path) {
        shared.count_kept(path, member.size)?;
        let mut bytes = Vec::new();
        archive
            .content(member.size)
            .read_to_end(&mut bytes)
            .map_err(truncated)?;
        return Ok(Some(Content::Whole(bytes.into())));
    }
    if jar::is_it(path) {
        let jar = jar::read(path, &mut archive.content(member.size)).map_err(truncated)?;
        let Some(jar) = jar else { return Ok(None) };
        shared.count_kept(path, jar.length())?;
        return Ok(Some(Content::Jar(Arc::new(jar))));
    }
    if !member.is_executable || member.size < program::HEAD as u64 {
        return Ok(None);
    }
    let mut content = archive.content(member.size);
    let mut head = [0; program::HEAD];
    content.read_exact(&mut head).map_err(truncated)?;
    if !program::is_program(&head) {
        return Ok(None);
    }
    let found = program::read(path, &head, member.size, &mut content).map_err(truncated)?;
    let Some(found) = found else { return Ok(None) };
    shared.count_kept(path, found.length())?;
    Ok(Some(Content::Program(Arc::new(found))))
}

/// A path below the root, or the fault that says it is none.
fn safe(raw: &[u8]) -> Result<String, Fault> {
    path::normalise(raw).ok_or_else(|| {
        let path = String::from_utf8_lossy(raw).chars().take(200).collect();
        Fault::Tar(TarFault::Path { path })
    })
}
