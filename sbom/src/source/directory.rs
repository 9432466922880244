//! A directory, or one file, as a source.

use std::fs;
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::program::Program;
use super::view::{Content, File, View};
use super::{Source, SourceError, SourceKind, Wanted, jar, path, program};
use crate::{Options, Unknown};

/// A directory: a checkout, or the root of a file system. Symbolic links are never followed out of it.
#[derive(Clone, Debug)]
pub struct Directory {
    root: PathBuf,
}

/// One file: a program, an archive, a list of packages. What else lies beside it is not looked at.
#[derive(Clone, Debug)]
pub struct SingleFile {
    path: PathBuf,
}

impl SingleFile {
    /// Names a file; it is read later.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }
}

impl Source for SingleFile {
    fn kind(&self) -> SourceKind {
        SourceKind::Directory
    }

    fn read(&self, wanted: &Wanted<'_>, options: &Options<'_>) -> Result<View, SourceError> {
        let path = fs::canonicalize(&self.path).map_err(|source| fault("", source))?;
        // It is called what the caller calls it, not what a link leads to.
        let name = self.path.file_name().or_else(|| path.file_name());
        let name = name.unwrap_or_default().to_string_lossy();
        let mut walk = Walk::of(Path::new(""), wanted, options);
        walk.only_marked = false;
        walk.file(&path, &name)?;
        // A list of nothing would say that nothing is in it.
        if walk.view.files.is_empty() && walk.view.unknowns.is_empty() {
            walk.unknown(&name, "nothing here knows what is in such a file");
        }
        Ok(walk.view)
    }
}

impl Directory {
    /// Names a directory; it is read later.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }
}

impl Source for Directory {
    fn kind(&self) -> SourceKind {
        SourceKind::Directory
    }

    fn read(&self, wanted: &Wanted<'_>, options: &Options<'_>) -> Result<View, SourceError> {
        let root = fs::canonicalize(&self.root).map_err(|source| fault("", source))?;
        let mut walk = Walk::of(&root, wanted, options);
        while let Some(directory) = walk.pending.pop() {
            walk.directory(&directory)?;
        }
        walk.view.unknowns.sort();
        Ok(walk.view)
    }
}

struct Walk<'a> {
    root: &'a Path,
    wanted: &'a Wanted<'a>,
    options: &'a Options<'a>,
    view: View,
    files: usize,
    kept_bytes: u64,
    pending: Vec<String>,
    /// Whether programs are only looked for among files that are marked as such.
    only_marked: bool,
}

impl<'a> Walk<'a> {
    fn of(root: &'a Path, wanted: &'a Wanted<'a>, options: &'a Options<'a>) -> Self {
        Self {
            root,
            wanted,
            options,
            view: View::default(),
            files: 0,
            kept_bytes: 0,
            pending: vec![String::new()],
            only_marked: true,
        }
    }

    fn directory(&mut self, directory: &str) -> Result<(), SourceError> {
        let listing = match fs::read_dir(self.root.join(directory)) {
            Ok(listing) => listing,
            // A folder below the root that may not be listed leaves a gap, which is said.
            Err(error) if !directory.is_empty() => {
                self.unknown(
                    directory,
                    &format!("directory could not be listed: {error}"),
                );
                return Ok(());
            }
            Err(error) => return Err(fault(directory, error)),
        };
        for entry in listing {
            let entry = entry.map_err(|source| fault(directory, source))?;
            self.files = self.files.saturating_add(1);
            if self.files > self.options.limits.files {
                return Err(SourceError::TooManyFiles {
                    limit: self.options.limits.files,
                });
            }
            let kind = entry
                .file_type()
                .map_err(|source| fault(directory, source))?;
            let name = entry.file_name();
            let file = path::join(directory, &name.to_string_lossy());
            if kind.is_dir() {
                if name != ".git" {
                    self.pending.push(file);
                }
            } else if kind.is_symlink() {
                self.link(&entry.path(), &file)?;
            } else if kind.is_file() {
                self.file(&entry.path(), &file)?;
            }
        }
        Ok(())
    }

    /// A wanted path that is a symbolic link is read where it leads, if that is below the root.
    fn link(&mut self, full: &Path, file: &str) -> Result<(), SourceError> {
        // Lists of packages name files behind links of folders.
        if let Ok(target) = fs::read_link(full) {
            let target = target.to_string_lossy().into_owned();
            self.view.links.insert(file.to_owned(), target);
        }
        if !(self.wanted.by_path)(file) {
            return Ok(());
        }
        match fs::canonicalize(full) {
            Ok(target) if !target.starts_with(self.root) => {
                self.unknown(file, "symbolic link leads out of the directory");
                Ok(())
            }
            Ok(target) if target.is_file() => self.file(&target, file),
            Ok(_) => Ok(()),
            Err(error) => {
                self.unknown(file, &format!("symbolic link leads nowhere: {error}"));
                Ok(())
            }
        }
    }

    fn file(&mut self, full: &Path, file: &str) -> Result<(), SourceError> {
        let content = if (self.wanted.by_path)(file) {
            self.whole(full, file)?
        } else if jar::is_it(file) {
            match fs::File::open(full).and_then(|mut opened| jar::read(file, &mut opened)) {
                Ok(Some(jar)) => {
                    self.count(jar.length())?;
                    Some(Content::Jar(Arc::new(jar)))
                }
                Ok(None) => None,
                Err(error) => {
                    self.unknown(file, &format!("archive could not be read: {error}"));
                    None
                }
            }
        } else if !self.only_marked || is_executable(full) {
            match program(full, file) {
                Ok(Some(found)) => {
                    self.count(found.length())?;
                    Some(Content::Program(Arc::new(found)))
                }
                Ok(None) => None,
                Err(error) => {
                    self.unknown(file, &format!("executable could not be read: {error}"));
                    None
                }
            }
        } else {
            None
        };
        if let Some(content) = content {
            self.view.files.insert(
                file.to_owned(),
                File {
                    content,
                    layer: None,
                    place: None,
                },
            );
        }
        Ok(())
    }

    /// Reads a wanted file, within the limits.
    fn whole(&mut self, full: &Path, file: &str) -> Result<Option<Content>, SourceError> {
        let limits = &self.options.limits;
        let mut bytes = Vec::new();
        let read = fs::File::open(full).and_then(|opened| {
            opened
                .take(limits.catalog_file_bytes.saturating_add(1))
                .read_to_end(&mut bytes)
        });
        if let Err(error) = read {
            self.unknown(file, &format!("file could not be read: {error}"));
            return Ok(None);
        }
        let size = bytes.len() as u64;
        if size > limits.catalog_file_bytes {
            let limit = limits.catalog_file_bytes;
            return Err(SourceError::FileBytes {
                path: file.to_owned(),
                size,
                limit,
            });
        }
        self.count(size)?;
        Ok(Some(Content::Whole(bytes.into())))
    }

    fn count(&mut self, kept: u64) -> Result<(), SourceError> {
        let limit = self.options.limits.catalog_bytes;
        self.kept_bytes = self.kept_bytes.saturating_add(kept);
        if self.kept_bytes > limit {
            return Err(SourceError::KeptBytes { limit });
        }
        Ok(())
    }

    fn unknown(&mut self, file: &str, reason: &str) {
        self.view.unknowns.push(Unknown::new(file, reason));
    }
}

fn program(full: &Path, path: &str) -> io::Result<Option<Program>> {
    let mut file = fs::File::open(full)?;
    let size = file.metadata()?.len();
    let mut head = Vec::with_capacity(program::HEAD);
    (&mut file)
        .take(program::HEAD as u64)
        .read_to_end(&mut head)?;
    if !program::is_program(&head) {
        return Ok(None);
    }
    program::read(
        path,
        &head,
        size,
        &mut BufReader::with_capacity(256 << 10, file),
    )
}

/// Whether the file is marked as a program; where there is no mark, every file may be one.
fn is_executable(full: &Path) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        full.metadata()
            .is_ok_and(|metadata| metadata.permissions().mode() & 0o111 != 0)
    }
    #[cfg(not(unix))]
    {
        full.is_file()
    }
}

fn fault(path: &str, source: io::Error) -> SourceError {
    SourceError::Directory {
        path: path.to_owned(),
        source,
    }
}
