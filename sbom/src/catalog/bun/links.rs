//! What packages and projects need, and how much.

use std::collections::BTreeSet;

use super::super::pnpm::reached;
use super::Needs;
use super::tree::Tree;
use crate::Scope;

/// Edges between positions of packages.
#[derive(Default)]
pub(super) struct Links {
    strong: BTreeSet<(usize, usize)>,
    /// What may be missing is no reason to need what it needs.
    weak: BTreeSet<(usize, usize)>,
    /// Of projects, for developing.
    developing: BTreeSet<(usize, usize)>,
    /// Where what is required, optional and only for developing begins.
    required: Vec<usize>,
    optional: Vec<usize>,
    excluded: Vec<usize>,
}

impl Links {
    pub(super) fn package(&mut self, from: usize, needs: &Needs, tree: &Tree<'_>) {
        let to = |name: &String| Some((from, tree.resolve(Some(from), name)?));
        self.strong.extend(needs.strong().filter_map(to));
        self.weak.extend(needs.weak().filter_map(to));
    }

    /// A project, which has no position if it has no name.
    pub(super) fn project(&mut self, project: Option<usize>, needs: &Needs, tree: &Tree<'_>) {
        let to = |name: &String| tree.resolve(project, name);
        let strong: Vec<_> = needs.strong().filter_map(to).collect();
        let weak: Vec<_> = needs.weak().filter_map(to).collect();
        let developing = needs.dev_dependencies.keys().filter_map(to);
        let developing: Vec<_> = developing.collect();
        if let Some(from) = project {
            let edge = |to: &usize| (from, *to);
            self.strong.extend(strong.iter().map(edge));
            self.weak.extend(weak.iter().map(edge));
            self.developing.extend(developing.iter().map(edge));
        }
        self.required.extend(project.into_iter().chain(strong));
        self.optional.extend(weak);
        self.excluded.extend(developing);
    }

    /// What each package is for.
    pub(super) fn scopes(&self) -> Scopes {
        let required = reached(&self.strong, self.required.clone());
        let weakly = self.weak.iter();
        let weakly = weakly.filter(|(from, _)| required.contains(from));
        let mut optional = self.optional.clone();
        optional.extend(weakly.map(|(_, to)| *to));
        let all: BTreeSet<_> = self.strong.union(&self.weak).copied().collect();
        Scopes {
            required,
            optional: reached(&all, optional),
            excluded: reached(&all, self.excluded.clone()),
        }
    }

    /// All edges, sorted.
    pub(super) fn all(self) -> BTreeSet<(usize, usize)> {
        let mut all = self.strong;
        all.extend(self.weak);
        all.extend(self.developing);
        all
    }
}

/// Positions by what they are for.
pub(super) struct Scopes {
    required: BTreeSet<usize>,
    optional: BTreeSet<usize>,
    excluded: BTreeSet<usize>,
}

impl Scopes {
    pub(super) fn of(&self, one: usize) -> Scope {
        if self.required.contains(&one) {
            Scope::Required
        } else if self.optional.contains(&one) {
            Scope::Optional
        } else if self.excluded.contains(&one) {
            Scope::Excluded
        } else {
            // Nobody asks for it: which it is nobody says.
            Scope::Required
        }
    }
}
