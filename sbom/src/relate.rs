//! Makes one package of what several files say about it.

use std::collections::{BTreeMap, BTreeSet};

use bulla_model::{Purl, PurlParts};

use crate::catalog::{Cataloger, Found};
use crate::{Package, Presence, Unknown};

/// Merges findings by package URL and turns edges between positions into edges between packages.
pub(crate) fn merge(
    findings: impl Iterator<Item = (&'static dyn Cataloger, Found)>,
) -> (Vec<Package>, Vec<Unknown>) {
    let mut merged = BTreeMap::<Purl, Package>::new();
    let mut unknowns = Vec::new();
    let mut owners = BTreeMap::<String, Purl>::new();
    let mut yielding = BTreeSet::new();
    for (cataloger, found) in findings {
        if cataloger.yields() {
            yielding.insert(cataloger.name());
        }
        unknowns.extend(found.unknowns);
        let purls: Vec<Purl> = found
            .packages
            .iter()
            .map(|package| package.purl.clone())
            .collect();
        for mut package in found.packages {
            package.found_by.insert(cataloger.name());
            match merged.get_mut(&package.purl) {
                Some(known) => known.merge(package),
                None => {
                    merged.insert(package.purl.clone(), package);
                }
            }
        }
        for (from, to) in found.edges {
            if let (Some(from), Some(to)) = (purls.get(from), purls.get(to)) {
                connect(&mut merged, from, to);
            }
        }
        let owned = found.owned.into_iter();
        owners.extend(owned.filter_map(|(owner, path)| Some((path, purls.get(owner)?.clone()))));
    }
    unite(&mut merged);
    merged.retain(|_, package| {
        let mut places = package.locations.iter();
        !package.found_by.is_subset(&yielding)
            || !places.all(|place| owners.contains_key(&place.path))
    });
    for (owner, part) in parts(&merged, &owners) {
        connect(&mut merged, &owner, &part);
    }
    (merged.into_values().collect(), unknowns)
}

/// Makes one package of what a lock file says is from somewhere, and what is installed and does not
/// know where it is from.
fn unite(packages: &mut BTreeMap<Purl, Package>) {
    let from_somewhere = |parts: &PurlParts| {
        let mut keys = parts.qualifiers.keys();
        keys.any(|key| ORIGINS.contains(&key.as_str()))
    };
    let mut declared = Vec::new();
    for package in packages.values() {
        // Most have no qualifier, and are not taken apart.
        if package.presence == Presence::Declared && package.purl.as_str().contains('?') {
            let mut parts = package.purl.parts();
            if from_somewhere(&parts) {
                let origins = |key: &String| ORIGINS.contains(&key.as_str());
                parts.qualifiers.retain(|key, _| !origins(key));
                declared.extend(parts.build().ok().map(|bare| (package.purl.clone(), bare)));
            }
        }
    }
    // What two lock files have from two places is one of them, and nobody knows which.
    let mut of = BTreeMap::<&Purl, usize>::new();
    for (_, bare) in &declared {
        let count = of.entry(bare).or_default();
        *count = count.saturating_add(1);
    }
    let is_installed = |bare: &Purl| {
        let package = packages.get(bare);
        package.is_some_and(|package| package.presence == Presence::Installed)
    };
    let pairs = declared.iter();
    let pairs = pairs.filter(|(_, bare)| of.get(bare) == Some(&1) && is_installed(bare));
    let same: BTreeMap<Purl, Purl> = pairs.cloned().collect();
    for (declared, installed) in &same {
        if let Some(declared) = packages.remove(declared)
            && let Some(installed) = packages.get_mut(installed)
        {
            // The package URL of what is installed does not tell where it is from.
            let mut origins = declared.purl.parts().qualifiers;
            let origin = ["vcs_url", "download_url"]
                .into_iter()
                .find_map(|key| origins.remove(key));
            installed.merge(declared);
            installed.distribution = installed.distribution.take().or(origin);
        }
    }
    if same.is_empty() {
        return;
    }
    for package in packages.values_mut() {
        let needs = std::mem::take(&mut package.dependencies).into_iter();
        let needs = needs.map(|need| same.get(&need).cloned().unwrap_or(need));
        package.dependencies = needs.filter(|need| *need != package.purl).collect();
    }
}

/// Qualifiers that say where a package is from.
const ORIGINS: [&str; 3] = ["download_url", "repository_url", "vcs_url"];

fn connect(packages: &mut BTreeMap<Purl, Package>, from: &Purl, to: &Purl) {
    if from != to
        && let Some(package) = packages.get_mut(from)
    {
        package.dependencies.insert(to.clone());
    }
}

/// Packages that came inside others, as Python distributions come inside Debian packages: the
/// outer one depends on the inner one, so that nobody counts them as installed twice by hand.
fn parts(packages: &BTreeMap<Purl, Package>, owners: &BTreeMap<String, Purl>) -> Vec<(Purl, Purl)> {
    let inside = |package: &Package| -> Vec<(Purl, Purl)> {
        let owner = |location: &crate::Location| owners.get(&location.path).cloned();
        let found = package.locations.iter().filter_map(owner);
        found.map(|owner| (owner, package.purl.clone())).collect()
    };
    packages.values().flat_map(inside).collect()
}
