//! The list that distroless images of Azure Linux have in the place of a database.
//!
//! One line for each package, as `rpm -qa` wrote it when the image was built: name, version and
//! release, times of installation and build, vendor, epoch, size, architecture, epoch as a number
//! and source package, with tabs between them.

use super::Entry;
use crate::catalog::{Context, Found, ListFile};

/// Where it is.
pub(super) const PATH: &str = "var/lib/rpmmanifest/container-manifest-2";

pub(super) fn read(list: ListFile<'_>, context: &Context<'_>, found: &mut Found) {
    let text = list.text();
    let mut malformed = 0usize;
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        match entry(line) {
            Some(entry) if entry.name == "gpg-pubkey" => {}
            Some(entry) => {
                found.add(list, entry.package(context.operating_system));
            }
            None => malformed = malformed.saturating_add(1),
        }
    }
    if malformed > 0 {
        let reason = format!("{malformed} lines are no package");
        found.unknown(list.path, &reason);
    }
}

fn entry(line: &str) -> Option<Entry> {
    let fields: Vec<_> = line.split('\t').map(str::trim).collect();
    let [name, version, _, _, vendor, epoch, _, architecture, ..] = fields[..] else {
        return None;
    };
    let (version, release) = version.rsplit_once('-')?;
    let said = |text: &str| {
        let says = !text.is_empty() && text != "(none)";
        says.then(|| text.to_owned())
    };
    Some(Entry {
        name: said(name)?,
        version: said(version)?,
        release: said(release)?,
        epoch: epoch.parse().ok(),
        architecture: said(architecture),
        source: fields.get(9).copied().and_then(said),
        supplier: said(vendor),
        ..Entry::default()
    })
}
