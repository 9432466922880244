//! The dependency graph, every component reachable from the subject.

use std::collections::{BTreeMap, BTreeSet};

use super::document::Dependency;
use crate::Package;

/// Edges of all components, sorted. The subject depends on what nothing else depends on, and on
/// one package of each cycle that is reached from nowhere else.
pub(super) fn dependencies(root: &str, others: &[String], packages: &[Package]) -> Vec<Dependency> {
    let edges: BTreeMap<&str, Vec<&str>> = packages
        .iter()
        .map(|package| {
            let targets = package
                .dependencies
                .iter()
                .map(bulla_model::Purl::as_str)
                .collect();
            (package.purl.as_str(), targets)
        })
        .collect();
    let mut top: BTreeSet<&str> = others.iter().map(String::as_str).collect();
    top.extend(entry_points(&edges));
    let mut list: Vec<Dependency> = vec![dependency(root, top)];
    list.extend(others.iter().map(|other| dependency(other, [])));
    list.extend(edges.into_iter().map(|(from, to)| dependency(from, to)));
    list.sort_by(|a, b| a.reference.cmp(&b.reference));
    list
}

fn dependency<'a>(from: &str, to: impl IntoIterator<Item = &'a str>) -> Dependency {
    Dependency {
        reference: from.to_owned(),
        depends_on: to.into_iter().map(str::to_owned).collect(),
    }
}

/// The least set of packages from which all others are reached, but for the choice within cycles.
fn entry_points<'a>(edges: &BTreeMap<&'a str, Vec<&'a str>>) -> Vec<&'a str> {
    let targets: BTreeSet<&str> = edges.values().flatten().copied().collect();
    let mut points: Vec<&str> = edges
        .keys()
        .copied()
        .filter(|package| !targets.contains(package))
        .collect();
    let mut reached = BTreeSet::new();
    for point in &points {
        reach(point, edges, &mut reached);
    }
    for package in edges.keys().copied() {
        if !reached.contains(package) {
            points.push(package);
            reach(package, edges, &mut reached);
        }
    }
    points
}

fn reach<'a>(
    start: &'a str,
    edges: &BTreeMap<&'a str, Vec<&'a str>>,
    reached: &mut BTreeSet<&'a str>,
) {
    let mut pending = vec![start];
    while let Some(package) = pending.pop() {
        if reached.insert(package) {
            pending.extend(edges.get(package).into_iter().flatten().copied());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cycles_are_entered_once() {
        let edges = BTreeMap::from([
            ("a", vec!["b"]),
            ("b", vec!["c"]),
            ("c", vec!["b"]),
            ("x", vec!["y"]),
            ("y", vec!["x"]),
        ]);
        assert_eq!(entry_points(&edges), ["a", "x"]);
    }
}
