//! Layers on top of each other.
//!
//! OCI image specification v1.1.1, "Applying Changesets" and "Whiteouts",
//! <https://github.com/opencontainers/image-spec/blob/v1.1.1/layer.md#applying-changesets>.
//! Members are put where the symbolic links of the layers so far lead, as unpackers that resolve
//! parents inside the root do.

use std::collections::BTreeMap;
use std::ops::Bound;

use bulla_model::Digest;

use super::layer::{Detail, Scan};
use super::path_log::Mark;
use crate::Unknown;
use crate::source::links::Links;
use crate::source::view::{Content, File, View};
use crate::source::{Wanted, path};

/// The file system so far.
#[derive(Debug, Default)]
pub(super) struct Merge {
    files: BTreeMap<String, File>,
    earlier: BTreeMap<String, Vec<File>>,
    links: Links,
    /// Wanted paths that are hard links to files whose contents were not kept, with those files.
    unread: BTreeMap<String, String>,
    unknowns: BTreeMap<String, Unknown>,
    /// The directory last resolved, as members of one directory follow each other.
    directory: (String, String),
}

impl Merge {
    /// Puts a layer on top.
    pub(super) fn apply(&mut self, layer: (usize, &Digest), scan: Scan, wanted: &Wanted<'_>) {
        // Whiteouts hide what lower layers hold, wherever in the archive they stand.
        for path in &scan.whiteouts {
            let path = self.place(path);
            self.remove(&path);
        }
        for directory in &scan.opaque {
            let directory = self
                .links
                .resolve(directory)
                .unwrap_or_else(|| directory.clone());
            self.remove_children(&directory);
        }
        let Scan {
            paths,
            mut details,
            unknowns,
            ..
        } = scan;
        paths.for_each(|place, raw, mark| {
            let path = self.place(raw);
            match mark {
                Mark::Directory => self.directory_at(&path),
                Mark::Other => self.other_at(path, details.remove(&place), layer, wanted),
            }
        });
        for unknown in unknowns {
            let path = self.place(&unknown.path);
            self.unknowns.insert(path, unknown);
        }
    }

    /// Wanted paths that links lead to files not kept, with those files' places.
    pub(super) fn missing(&self, wanted: &Wanted<'_>) -> BTreeMap<String, String> {
        let mut missing = self.unread.clone();
        let linked = self
            .links
            .iter()
            .map(String::as_str)
            .filter(|path| (wanted.by_path)(path));
        for path in linked.chain(wanted.well_known.iter().copied()) {
            let Some(place) = self.links.resolve(path) else {
                continue;
            };
            if place != path && !(wanted.by_path)(&place) {
                missing.insert(path.to_owned(), place);
            }
        }
        missing
    }

    /// The result; files that were missing are shown under the paths where they were wanted.
    pub(super) fn into_view(mut self, missing: &BTreeMap<String, String>) -> View {
        for (path, place) in missing {
            match self.files.get(place).cloned() {
                Some(file) => {
                    self.files.insert(path.clone(), file);
                }
                // A directory is no package list, and a well-known path need not be there.
                None if self.links.contains(path) || self.unread.contains_key(path) => {
                    let unknown = Unknown::new(path, "link to something that is not in the image");
                    self.unknowns.insert(path.clone(), unknown);
                }
                None => {}
            }
        }
        let unknowns = self.unknowns.into_values().collect();
        View {
            files: self.files,
            earlier: self.earlier,
            links: self.links,
            unknowns,
        }
    }

    /// A directory replaces a file or link of that name, and keeps what is below.
    fn directory_at(&mut self, path: &str) {
        if self.links.contains(path) || self.files.contains_key(path) {
            self.remove(path);
        }
    }

    fn other_at(
        &mut self,
        path: String,
        detail: Option<Detail>,
        layer: (usize, &Digest),
        wanted: &Wanted<'_>,
    ) {
        // The target of a hard link is looked up first: it may lie below what the link replaces.
        let linked = match &detail {
            Some(Detail::HardLink(target)) => {
                let target = self.place(target);
                let file = self.files.get(&target).cloned();
                Some((target, file))
            }
            Some(Detail::Kept(_) | Detail::SymbolicLink(_)) | None => None,
        };
        let before = self.remove(&path);
        if (wanted.accumulates)(&path) {
            self.earlier.entry(path.clone()).or_default().extend(before);
        }
        match (detail, linked) {
            (Some(Detail::Kept(content)), _) => {
                let file = File {
                    content,
                    layer: Some(layer.1.clone()),
                    place: Some(layer.0),
                };
                self.files.insert(path, file);
            }
            (Some(Detail::SymbolicLink(target)), _) => {
                self.links.insert(path, target);
                self.directory = Default::default();
            }
            (_, Some((target, file))) => self.hard_link(path, target, file, wanted),
            (_, None) => {}
        }
    }

    /// Puts a second name of a file; what was wanted and not kept is remembered.
    fn hard_link(&mut self, path: String, target: String, file: Option<File>, wanted: &Wanted<'_>) {
        let is_wanted = (wanted.by_path)(&path);
        match file {
            Some(file) if is_wanted || !matches!(file.content, Content::Whole(_)) => {
                self.files.insert(path, file);
            }
            None if is_wanted => {
                self.unread.insert(path, target);
            }
            Some(_) | None => {}
        }
    }

    /// Where a member of an archive lies once links among its parents are followed.
    fn place(&mut self, raw: &str) -> String {
        let (directory, name) = path::split(raw);
        if directory.is_empty() {
            return name.to_owned();
        }
        if self.directory.0 != directory {
            let resolved = self
                .links
                .resolve(directory)
                .unwrap_or_else(|| directory.to_owned());
            self.directory = (directory.to_owned(), resolved);
        }
        path::join(&self.directory.1, name)
    }

    /// Removes a path and everything below; what was kept at the path itself.
    fn remove(&mut self, path: &str) -> Option<File> {
        let file = self.files.remove(path);
        self.unread.remove(path);
        self.unknowns.remove(path);
        self.remove_children(path);
        file
    }

    fn remove_children(&mut self, path: &str) {
        remove_below(&mut self.files, path);
        remove_below(&mut self.unread, path);
        remove_below(&mut self.unknowns, path);
        if self.links.remove(path) {
            self.directory = Default::default();
        }
    }
}

/// Removes the entries below a directory, not its own; whether there were any.
pub(in crate::source) fn remove_below<V>(map: &mut BTreeMap<String, V>, directory: &str) -> bool {
    if map.is_empty() {
        return false;
    }
    let prefix = if directory.is_empty() {
        String::new()
    } else {
        format!("{directory}/")
    };
    let mut removed = false;
    loop {
        let range = (Bound::Excluded(prefix.as_str()), Bound::Unbounded);
        let next = map.range::<str, _>(range).next().map(|(path, _)| path);
        let Some(path) = next.filter(|path| path.starts_with(&prefix)).cloned() else {
            return removed;
        };
        map.remove(&path);
        removed = true;
    }
}
