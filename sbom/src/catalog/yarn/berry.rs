//! The syntax since version 2: YAML.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{Entry, Origin, Read, split};
use crate::catalog::yaml;

/// The newest version of the file that is known.
const VERSION: u64 = 8;

/// Whether a file is in this syntax.
pub(super) fn is_it(text: &str) -> bool {
    text.lines().any(|line| line.trim_end() == "__metadata:")
}

pub(super) fn read(text: &str) -> Result<Read, String> {
    let mut file: BTreeMap<String, Locked> = yaml::read(text)?;
    let metadata = file.remove("__metadata").unwrap_or_default();
    let version = metadata
        .version
        .and_then(|version| version.parse::<u64>().ok());
    let mut read = Read::default();
    if version.is_none_or(|version| version > VERSION) {
        read.doubt = Some("its version is newer than what is known".to_owned());
    }
    let mut nameless = 0usize;
    for (key, locked) in file {
        match entry(&key, locked) {
            Some(entry) => read.entries.push(entry),
            None => nameless = nameless.saturating_add(1),
        }
    }
    if nameless > 0 {
        let reason = format!("{nameless} entries say no name and version");
        let newer = read.doubt.take().map(|newer| format!("{newer}; {reason}"));
        read.doubt = Some(newer.unwrap_or(reason));
    }
    Ok(read)
}

#[derive(Default, Deserialize)]
struct Locked {
    version: Option<String>,
    /// `name@npm:1.0.0`, `name@workspace:folder`.
    resolution: Option<String>,
    #[serde(default)]
    dependencies: BTreeMap<String, String>,
}

fn entry(key: &str, locked: Locked) -> Option<Entry> {
    let resolution = locked.resolution?;
    let (name, place) = split(&resolution)?;
    let is_project = ["workspace:", "link:", "portal:"]
        .iter()
        .any(|kind| place.starts_with(kind));
    let version = match locked.version {
        // Projects have `0.0.0-use.local`, which is none.
        Some(version) if !is_project && !version.is_empty() => version,
        _ if is_project => String::new(),
        _ => return None,
    };
    // A patched package is the one that was patched.
    let kinds = ["npm:", "patch:", "file:"];
    let is_usual = is_project || kinds.iter().any(|kind| place.starts_with(kind));
    let origin = if is_usual {
        Origin::Usual
    } else {
        Origin::of(place).unwrap_or_default()
    };
    Some(Entry {
        descriptors: key.split(", ").map(str::to_owned).collect(),
        name: name.to_owned(),
        version,
        origin,
        integrity: None,
        resolved: None,
        needs: locked.dependencies.into_iter().collect(),
    })
}
