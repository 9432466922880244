//! lockfileVersion 1, of npm 5 and 6: packages lie in each other as their folders do.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::Entry;

/// A locked package, and what lies in its folder.
#[derive(Deserialize)]
pub(super) struct Nested {
    version: Option<String>,
    integrity: Option<String>,
    #[serde(default)]
    dev: bool,
    #[serde(default)]
    optional: bool,
    /// Names and ranges; `true` where nobody has looked.
    requires: Option<Value>,
    dependencies: Option<BTreeMap<String, Nested>>,
}

/// The same as version 2 and 3 say it: each package by its folder.
/// `None` if that takes far more than the file.
pub(super) fn flat(dependencies: BTreeMap<String, Nested>) -> Option<BTreeMap<String, Entry>> {
    let mut left = FOLDERS;
    let mut entries = BTreeMap::new();
    let mut pending = vec![(String::new(), dependencies)];
    while let Some((folder, dependencies)) = pending.pop() {
        for (name, nested) in dependencies {
            let key = format!("{folder}node_modules/{name}");
            left = left.checked_sub(key.len())?;
            if let Some(inner) = nested.dependencies {
                pending.push((format!("{key}/"), inner));
            }
            let requires = match nested.requires {
                Some(Value::Object(requires)) => Some(requires.into_iter().collect()),
                _ => None,
            };
            let text = nested.version.unwrap_or_default();
            // `npm:name@1.0.0` is another package under this name.
            let aliased = text
                .strip_prefix("npm:")
                .and_then(|text| text.rsplit_once('@'));
            let (aliased, text) = match aliased {
                Some((name, version)) => (Some(name.to_owned()), version.to_owned()),
                None => (None, text.clone()),
            };
            let is_version = text.starts_with(|first: char| first.is_ascii_digit());
            let entry = Entry {
                name: aliased,
                // What is not of a registry has its address there.
                version: Some(if is_version {
                    text.clone()
                } else {
                    String::new()
                }),
                resolved: (!is_version).then_some(text),
                integrity: nested.integrity,
                dev: nested.dev,
                optional: nested.optional,
                dependencies: requires,
                ..Entry::default()
            };
            entries.insert(key, entry);
        }
    }
    Some(entries)
}

/// Bytes of the names of all folders. Stops a long name from being repeated for all that lies in it.
const FOLDERS: usize = 256 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_name_is_not_repeated_for_all_that_lies_in_it() {
        let leaf = r#""a{at}": {"version": "1"}"#;
        let inner: Vec<String> = (0..40_000)
            .map(|at| leaf.replace("{at}", &at.to_string()))
            .collect();
        let long = "n".repeat(10_000);
        let text = format!(
            r#"{{"{long}": {{"dependencies": {{{}}}}}}}"#,
            inner.join(",")
        );
        let nested: BTreeMap<String, Nested> = serde_json::from_str(&text).unwrap();
        assert!(flat(nested).is_none());
        let nested = serde_json::from_str(&text.replace(&long, "n")).unwrap();
        assert_eq!(flat(nested).unwrap().len(), 40_001);
    }
}
