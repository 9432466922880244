//! Which layer brought a package.
//!
//! The metadata of most packages is a file of their own, and the layer that holds it brought them. A
//! database of a distribution is one file, which each layer that installs something writes again: its
//! earlier versions are read too.

use std::collections::{BTreeMap, BTreeSet};

use bulla_model::Purl;

use super::{CATALOGERS, Cataloger, Context};
use crate::Package;

/// Corrects the layers of packages that stood in an earlier version of a database already.
pub(super) fn attribute(packages: &mut [Package], context: &Context<'_>) {
    let first = first_seen(context);
    for package in packages {
        let accumulates = |cataloger: &&&dyn Cataloger| {
            let mut places = package.locations.iter();
            package.found_by.contains(cataloger.name())
                && places.any(|place| cataloger.accumulates(&place.path))
        };
        if CATALOGERS.iter().find(accumulates).is_some()
            && let Some(layer) = first.get(&package.purl)
        {
            package.layer = Some(*layer);
        }
    }
}

/// The layer since which a package has always been in its database.
fn first_seen(context: &Context<'_>) -> BTreeMap<Purl, usize> {
    let mut first = BTreeMap::<Purl, usize>::new();
    // The oldest are left out where there are absurdly many: packages then seem newer than they are.
    let stages: Vec<usize> = context.view.stages().into_iter().collect();
    let stages = stages.iter().rev().take(STAGES).rev();
    for layer in stages {
        let view = context.view.as_of(*layer);
        let context = Context {
            view: &view,
            ..*context
        };
        let databases = CATALOGERS.iter().filter(|cataloger| {
            let mut paths = view.files().keys();
            paths.any(|path| cataloger.accumulates(path))
        });
        let found = databases.flat_map(|cataloger| cataloger.catalog(&context).packages);
        let there: BTreeSet<Purl> = found.map(|package| package.purl).collect();
        // What was removed and is installed again later was brought by the later layer.
        first.retain(|purl, _| there.contains(purl));
        for purl in there {
            first.entry(purl).or_insert(*layer);
        }
    }
    first
}

/// Versions of databases that are read.
const STAGES: usize = 128;
