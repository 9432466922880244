//! Where files come from: a directory, or the layers of an image merged into one view.

mod directory;
mod error;
mod image;
mod jar;
mod links;
mod path;
mod program;
mod view;

use std::fmt;

pub use directory::{Directory, SingleFile};
pub use error::{SourceError, TarFault};
pub use image::{Image, ImageInput, LayerInput, LayerReader};
pub use jar::Jar;
pub use program::{GoBuild, KnownProgram, Program};
pub use view::{Content, File, View};

use crate::Options;

/// Something that holds files.
pub trait Source: fmt::Debug {
    /// What kind of thing it is; catalogers judge lock files by it.
    fn kind(&self) -> SourceKind;

    /// Reads it once and keeps the files that are wanted.
    fn read(&self, wanted: &Wanted<'_>, options: &Options<'_>) -> Result<View, SourceError>;
}

/// What a [`Source`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SourceKind {
    /// A directory of sources, or a root file system.
    Directory,
    /// A container image.
    Image,
}

/// Which files are kept.
#[derive(Clone, Copy)]
pub struct Wanted<'a> {
    /// Whether a file with this path (from the root, no leading slash) is wanted.
    pub by_path: &'a (dyn Fn(&str) -> bool + Sync),
    /// Whether of a wanted file all versions are kept, not only that of the last layer.
    pub accumulates: &'a (dyn Fn(&str) -> bool + Sync),
    /// Paths that are also wanted when symbolic links make another place of them.
    pub well_known: &'a [&'static str],
}

impl fmt::Debug for Wanted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wanted")
            .field("well_known", &self.well_known)
            .finish_non_exhaustive()
    }
}
