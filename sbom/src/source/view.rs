//! The files that were kept of a source, under their final paths.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bulla_model::Digest;

use super::jar::Jar;
use super::links::Links;
use super::program::Program;
use crate::{Location, Unknown};

/// What a source holds of the files that were wanted: later layers have hidden what they replace.
#[derive(Clone, Debug, Default)]
pub struct View {
    pub(super) files: BTreeMap<String, File>,
    /// Of the files of which all versions are kept, those that later layers replaced, oldest first.
    pub(super) earlier: BTreeMap<String, Vec<File>>,
    pub(super) links: Links,
    pub(super) unknowns: Vec<Unknown>,
}

impl View {
    /// All kept files by path.
    pub fn files(&self) -> &BTreeMap<String, File> {
        &self.files
    }

    /// Positions of the layers whose lists of packages a later layer wrote again, in order.
    pub(crate) fn stages(&self) -> BTreeSet<usize> {
        let earlier = self.earlier.values().flatten();
        earlier.filter_map(|file| file.place).collect()
    }

    /// The lists of packages as they were on top of this layer, without any other file.
    pub(crate) fn as_of(&self, layer: usize) -> Self {
        let newest = |path: &String| {
            let earlier = self.earlier.get(path).into_iter().flatten();
            let is_there = |file: &&File| file.place.is_some_and(|place| place <= layer);
            earlier.chain(self.files.get(path)).rfind(is_there)
        };
        let files = self.earlier.keys();
        let files = files.filter_map(|path| Some((path.clone(), newest(path)?.clone())));
        Self {
            files: files.collect(),
            ..Self::default()
        }
    }

    /// The file at this path, through symbolic links.
    pub fn file(&self, path: &str) -> Option<&File> {
        if let Some(file) = self.files.get(path) {
            return Some(file);
        }
        self.files.get(&self.links.resolve(path)?)
    }

    /// Where the file that this path leads to is kept: lists of packages name files by links among
    /// their folders too.
    pub fn place(&self, path: &str) -> Option<String> {
        if self.files.contains_key(path) {
            return Some(path.to_owned());
        }
        if !self.links.lead(path) {
            return None;
        }
        let place = self.links.resolve(path);
        place.filter(|place| self.files.contains_key(place))
    }

    /// The text of the file at this path, invalid UTF-8 replaced.
    pub fn text(&self, path: &str) -> Option<Cow<'_, str>> {
        match &self.file(path)?.content {
            Content::Whole(bytes) => Some(String::from_utf8_lossy(bytes)),
            Content::Program(_) | Content::Jar(_) => None,
        }
    }

    /// What could not be read.
    pub fn unknowns(&self) -> &[Unknown] {
        &self.unknowns
    }
}

/// A file that was kept.
#[derive(Clone, Debug)]
pub struct File {
    /// What was kept of it.
    pub content: Content,
    /// The layer it is from, by the digest of its blob.
    pub layer: Option<Digest>,
    /// The position of that layer, from 0: one blob may be several layers.
    pub(crate) place: Option<usize>,
}

impl File {
    /// Where this file is, as evidence.
    pub fn location(&self, path: &str) -> Location {
        Location {
            path: path.to_owned(),
            layer: self.layer.clone(),
        }
    }
}

/// What was kept of a file.
#[derive(Clone, Debug)]
pub enum Content {
    /// All of it, because its path was wanted.
    Whole(Arc<[u8]>),
    /// What a program says of what it was made of.
    Program(Arc<Program>),
    /// What a Java archive says of itself.
    Jar(Arc<Jar>),
}
