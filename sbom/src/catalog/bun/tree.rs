//! Where packages of a lock file lie, and which of a name is meant from where.

use std::collections::BTreeMap;

/// Folders in folders in which a package is looked for, stops quadratic work.
const DEPTH: usize = 64;

/// Where packages lie: by the position of the one they lie in and their name.
#[derive(Default)]
pub(super) struct Tree<'a> {
    children: BTreeMap<(Option<usize>, &'a str), usize>,
    parents: BTreeMap<usize, usize>,
}

impl<'a> Tree<'a> {
    pub(super) fn of(indexes: &BTreeMap<&'a str, usize>) -> Self {
        let mut tree = Self::default();
        for (key, index) in indexes {
            let (above, name) = apart(key);
            let parent = indexes.get(above).copied();
            // What lies in something unknown is found by nobody else.
            if parent.is_none() && !above.is_empty() {
                continue;
            }
            tree.children.insert((parent, name), *index);
            tree.parents.extend(parent.map(|parent| (*index, parent)));
        }
        tree
    }

    /// Finds a package by name as Node does: what lies in the importer, then beside it, then above.
    pub(super) fn resolve(&self, importer: Option<usize>, name: &str) -> Option<usize> {
        let mut folder = importer;
        for _ in 0..DEPTH {
            if let Some(index) = self.children.get(&(folder, name)) {
                return Some(*index);
            }
            folder = self.parents.get(&folder?).copied();
        }
        self.children.get(&(None, name)).copied()
    }
}

/// The path of names above the last one, and that one.
fn apart(key: &str) -> (&str, &str) {
    let end = match key.rsplit_once('/') {
        None => return ("", key),
        Some((above, _)) => {
            let begin = above.rfind('/').map_or(0, |slash| slash.saturating_add(1));
            let has_scope = above.get(begin..).is_some_and(|part| part.starts_with('@'));
            if has_scope {
                begin
            } else {
                above.len().saturating_add(1)
            }
        }
    };
    let (above, name) = key.split_at_checked(end).unwrap_or(("", key));
    (above.strip_suffix('/').unwrap_or(above), name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_belong_to_the_name() {
        assert_eq!(apart("a"), ("", "a"));
        assert_eq!(apart("@s/a"), ("", "@s/a"));
        assert_eq!(apart("@s/a/b"), ("@s/a", "b"));
        assert_eq!(apart("a/@s/b"), ("a", "@s/b"));
        assert_eq!(apart("@s/a/@t/b"), ("@s/a", "@t/b"));
        assert_eq!(apart("/"), ("", ""));
    }
}
