//! The platforms of an image: what runs of it, each a thing of its own.

use std::collections::{BTreeMap, BTreeSet};

use bulla_model::{Descriptor, Digest, Manifest};

use crate::evidence::Evidence;
use crate::verdict::is_plain;

/// Platforms that are looked at one by one. Stops an index that lists very many from having each rule
/// judged for each of them.
const PLATFORMS: usize = 64;
/// Entries of indexes that are looked at on the way.
const ENTRIES: usize = 65_536;
/// Bytes of a platform's name that are shown.
const NAME: usize = 40;

/// What of an artifact can run: the platforms that it lists, or itself if it lists none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Platforms {
    each: Vec<Platform>,
    doubt: Option<String>,
}

/// One platform.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Platform {
    /// Its manifest.
    pub digest: Digest,
    /// What the index calls it, such as `linux/arm64`; its digest where that is nothing to be shown.
    pub name: String,
}

impl Platforms {
    /// The platforms of the artifact, as the received indexes list them.
    pub(crate) fn of(evidence: &Evidence) -> Self {
        Self::within(evidence, ENTRIES)
    }

    fn within(evidence: &Evidence, entries: usize) -> Self {
        let mut platforms = Self::default();
        let held = evidence.indexes.iter().filter(|one| one.index().is_some());
        let held: BTreeMap<&Digest, &Manifest> = held.map(|one| (one.digest(), one)).collect();
        let (mut left, mut done) = (entries, BTreeSet::new());
        let mut found: BTreeMap<Digest, String> = BTreeMap::new();
        let mut open: Vec<&Digest> = evidence.artifact.iter().collect();
        while let Some(digest) = open.pop() {
            let list = held.get(digest).and_then(|one| one.index());
            let Some(list) = list.filter(|_| done.insert(digest)) else {
                continue;
            };
            for entry in &list.manifests {
                let Some(fewer) = left.checked_sub(1) else {
                    let line = format!("its indexes have more than {entries} entries");
                    platforms.doubt = Some(line);
                    break;
                };
                left = fewer;
                if held.contains_key(&entry.digest) {
                    open.push(&entry.digest);
                } else if entry.is_index() {
                    let line = || format!("the index {} in it is not at hand", entry.digest);
                    platforms.doubt.get_or_insert_with(line);
                } else if !runs_nowhere(entry) {
                    let name = found.entry(entry.digest.clone()).or_default();
                    if name.is_empty() {
                        *name = called(entry);
                    }
                }
            }
        }
        if found.len() > PLATFORMS {
            let line = format!("it lists {} platforms, more than {PLATFORMS}", found.len());
            platforms.doubt = Some(line);
        }
        if found.is_empty() && platforms.doubt.is_none() {
            // An image, or an index that lists nothing: whatever is said has to be said of itself.
            let own = evidence.artifact.iter();
            found.extend(own.map(|own| (own.clone(), String::new())));
        }
        platforms.each = named(found.into_iter().take(PLATFORMS));
        platforms
    }

    /// Each, sorted by digest.
    pub fn each(&self) -> &[Platform] {
        &self.each
    }

    /// Why there may be more, if there may.
    pub fn doubt(&self) -> Option<&str> {
        self.doubt.as_deref()
    }
}

/// BuildKit's attestations stand among the platforms. Who runs an image looks at the platform only, so
/// that the label alone makes nothing invisible.
fn runs_nowhere(entry: &Descriptor) -> bool {
    let unknown = |text: &str| text == "unknown";
    let platform = entry.platform.as_ref();
    entry.is_buildkit_attestation()
        && platform.is_some_and(|it| unknown(&it.os) && unknown(&it.architecture))
}

/// What the index calls it. Nobody believes it, so that it need not be clear.
fn called(entry: &Descriptor) -> String {
    let name = entry.platform.as_ref().map(ToString::to_string);
    name.filter(|name| is_plain(name) && name.len() <= NAME)
        .unwrap_or_default()
}

/// Names that tell them apart.
fn named(found: impl Iterator<Item = (Digest, String)>) -> Vec<Platform> {
    let found: Vec<_> = found.collect();
    let mut often: BTreeMap<String, usize> = BTreeMap::new();
    for (_, name) in &found {
        let count = often.entry(name.clone()).or_default();
        *count = count.saturating_add(1);
    }
    let name = |digest: &Digest, name: String| match often.get(&name) {
        Some(1) if !name.is_empty() => name,
        _ if name.is_empty() => digest.to_string(),
        _ => format!("{name} {digest}"),
    };
    let found = found.into_iter();
    found
        .map(|(digest, called)| Platform {
            name: name(&digest, called),
            digest,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use bulla_model::{Limits, media_type};
    use serde_json::{Value, json};

    use super::*;

    fn entry(content: &str, platform: Option<&str>) -> Value {
        let digest = Digest::sha256(content.as_bytes());
        let mut entry =
            json!({"mediaType": media_type::IMAGE_MANIFEST, "digest": digest, "size": 7});
        if let Some((os, architecture)) = platform.and_then(|text| text.split_once('/')) {
            entry["platform"] = json!({"os": os, "architecture": architecture});
        }
        entry
    }

    fn attestation(mut entry: Value) -> Value {
        entry["annotations"] = json!({"vnd.docker.reference.type": "attestation-manifest"});
        entry
    }

    fn index(entries: &[Value]) -> Manifest {
        let text = json!({"schemaVersion": 2, "manifests": entries});
        Manifest::parse(text.to_string().into_bytes(), &Limits::default()).unwrap()
    }

    fn platforms(indexes: &[&Manifest]) -> Platforms {
        Platforms::of(&Evidence {
            artifact: indexes.first().map(|one| one.digest().clone()),
            indexes: indexes.iter().copied().cloned().collect(),
            ..Evidence::default()
        })
    }

    fn names(platforms: &Platforms) -> BTreeSet<String> {
        let each = platforms.each().iter();
        each.map(|one| one.name.clone()).collect()
    }

    #[test]
    fn what_may_run_is_a_platform_under_any_label() {
        let hidden = attestation(entry("hidden", Some("linux/arm64")));
        let silent = attestation(entry("silent", None));
        let of_buildkit = attestation(entry("attestation", Some("unknown/unknown")));
        let found = platforms(&[&index(&[
            entry("one", Some("linux/amd64")),
            hidden,
            silent,
            of_buildkit,
            entry("unlabelled", Some("unknown/unknown")),
        ])]);
        assert_eq!(found.doubt(), None);
        let silent = Digest::sha256(b"silent").to_string();
        let expected = ["linux/amd64", "linux/arm64", "unknown/unknown", &silent];
        assert_eq!(names(&found), expected.map(str::to_owned).into());
        // Listed twice, it is what either says.
        let twice = [
            attestation(entry("one", Some("unknown/unknown"))),
            entry("one", Some("linux/amd64")),
        ];
        assert_eq!(platforms(&[&index(&twice)]).each().len(), 1);
    }

    #[test]
    fn what_an_image_without_platforms_runs_is_itself() {
        let image = Digest::sha256(b"image");
        let evidence = Evidence {
            artifact: Some(image.clone()),
            indexes: vec![index(&[entry("image", None), entry("other", None)])],
            ..Evidence::default()
        };
        let found = Platforms::of(&evidence);
        assert_eq!(found.each().len(), 1);
        assert_eq!(found.each()[0].digest, image);
        let empty = index(&[]);
        assert_eq!(platforms(&[&empty]).each()[0].digest, *empty.digest());
    }

    #[test]
    fn platforms_of_indexes_within_it_are_its_own() {
        let inner = index(&[entry("deep", Some("linux/amd64"))]);
        let listed = |kind| json!({"mediaType": kind, "digest": inner.digest(), "size": 7});
        let outer = |kind| index(&[listed(kind), entry("flat", Some("linux/arm64"))]);
        for kind in [media_type::IMAGE_INDEX, media_type::IMAGE_MANIFEST] {
            let found = platforms(&[&outer(kind), &inner]);
            let expected = ["linux/amd64", "linux/arm64"].map(str::to_owned);
            assert_eq!(names(&found), expected.into());
        }
        let found = platforms(&[&outer(media_type::IMAGE_INDEX)]);
        assert!(found.doubt().is_some_and(|why| why.contains("not at hand")));
        assert_eq!(names(&found).len(), 1);
    }

    #[test]
    fn names_tell_platforms_apart_and_show_nothing_odd() {
        let found = platforms(&[&index(&[
            entry("one", Some("linux/arm64")),
            entry("two", Some("linux/arm64")),
            entry("odd", Some("linux/\u{202e}64")),
        ])]);
        assert_eq!(names(&found).len(), 3);
        let shown = |name: &String| {
            name.bytes()
                .all(|byte| byte.is_ascii_graphic() || byte == b' ')
        };
        assert!(names(&found).iter().all(shown));
    }

    #[test]
    fn an_index_of_very_many_platforms_is_in_doubt() {
        let many = |count: usize| {
            let entries = (0..count).map(|number| entry(&number.to_string(), None));
            platforms(&[&index(&entries.collect::<Vec<_>>())])
        };
        assert_eq!(many(PLATFORMS).doubt(), None);
        let found = many(PLATFORMS + 1);
        assert!(
            found
                .doubt()
                .is_some_and(|why| why.contains("65 platforms"))
        );
        assert_eq!(found.each().len(), PLATFORMS);
        let evidence = Evidence {
            artifact: Some(
                index(&[entry("a", None), entry("b", None)])
                    .digest()
                    .clone(),
            ),
            indexes: vec![index(&[entry("a", None), entry("b", None)])],
            ..Evidence::default()
        };
        let found = Platforms::within(&evidence, 1);
        assert!(found.doubt().is_some_and(|why| why.contains("more than 1")));
    }
}
