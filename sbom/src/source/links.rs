//! Symbolic links, followed as a process whose root is the image would follow them.

use std::collections::{BTreeMap, VecDeque};

/// Symbolic links by path; targets as they were written.
#[derive(Clone, Debug, Default)]
pub(crate) struct Links(BTreeMap<String, String>);

impl Links {
    pub(super) fn insert(&mut self, path: String, target: String) {
        self.0.insert(path, target);
    }

    /// Forgets the link at this path, and those below it; whether there were any.
    pub(super) fn remove(&mut self, path: &str) -> bool {
        let removed = self.0.remove(path).is_some();
        super::image::remove_below(&mut self.0, path) || removed
    }

    pub(super) fn contains(&self, path: &str) -> bool {
        self.0.contains_key(path)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &String> {
        self.0.keys()
    }

    /// Whether a link is on the way to this path, or at its end.
    pub(super) fn lead(&self, path: &str) -> bool {
        let mut folders = path.match_indices('/');
        let is_link = |folder: &str| self.0.contains_key(folder);
        !self.0.is_empty()
            && (is_link(path) || folders.any(|(end, _)| path.get(..end).is_some_and(is_link)))
    }

    /// The path with every link followed. `..` stops at the root, so nothing outside can be named.
    ///
    /// `None` for a loop.
    pub(super) fn resolve(&self, path: &str) -> Option<String> {
        let mut rest: VecDeque<String> = path.split('/').map(str::to_owned).collect();
        let mut resolved: Vec<String> = Vec::new();
        let mut followed = 0;
        while let Some(part) = rest.pop_front() {
            match part.as_str() {
                "" | "." => continue,
                ".." => {
                    resolved.pop();
                    continue;
                }
                _ => resolved.push(part),
            }
            let Some(target) = self.0.get(&resolved.join("/")) else {
                continue;
            };
            followed += 1;
            if followed > MOST_LINKS || rest.len() > MOST_PARTS {
                return None;
            }
            if target.starts_with('/') {
                resolved.clear();
            } else {
                resolved.pop();
            }
            for part in target.split('/').rev() {
                rest.push_front(part.to_owned());
            }
        }
        Some(resolved.join("/"))
    }
}

/// As many as Linux follows before it says `ELOOP`.
const MOST_LINKS: usize = 40;

/// Parts a path may grow to while links are followed: `PATH_MAX` of Linux, all of them one letter.
const MOST_PARTS: usize = 2048;

#[cfg(test)]
mod tests {
    use super::*;

    fn links(pairs: &[(&str, &str)]) -> Links {
        let mut links = Links::default();
        for (path, target) in pairs {
            links.insert((*path).to_owned(), (*target).to_owned());
        }
        links
    }

    #[test]
    fn relative_and_absolute_targets_are_followed() {
        let links = links(&[
            ("lib", "usr/lib"),
            ("usr/lib/a", "../../opt/a"),
            ("opt/a", "/srv"),
        ]);
        assert_eq!(links.resolve("lib/a/x").as_deref(), Some("srv/x"));
    }

    #[test]
    fn a_link_never_leaves_the_root() {
        let links = links(&[("a/escape", "../../../../etc")]);
        assert_eq!(
            links.resolve("a/escape/passwd").as_deref(),
            Some("etc/passwd")
        );
    }

    #[test]
    fn loops_end() {
        let links = links(&[("a", "b"), ("b", "a"), ("c", "c/c/c")]);
        assert_eq!(links.resolve("a/x"), None);
        assert_eq!(links.resolve("c"), None);
    }
}
