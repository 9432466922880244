//! An index that is edited: members Bulla does not know survive.
//!
//! Used for a layout's `index.json` and for the index behind a referrers tag. Implements the OCI
//! image specification v1.1.1,
//! <https://github.com/opencontainers/image-spec/blob/v1.1.1/image-index.md>.

use bulla_model::{Annotations, Descriptor, Limits, json, media_type};
use serde::Deserialize as _;
use serde_json::{Map, Value, json};

use crate::{Excerpt, StoreError};

/// An index as a JSON document.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct IndexDocument {
    members: Map<String, Value>,
}

impl IndexDocument {
    /// An index of nothing.
    pub(crate) fn empty() -> Self {
        let mut members = Map::new();
        members.insert("schemaVersion".to_owned(), json!(2));
        members.insert("mediaType".to_owned(), json!(media_type::IMAGE_INDEX));
        members.insert("manifests".to_owned(), json!([]));
        Self { members }
    }

    /// Reads an index; `what` names it in errors.
    pub(crate) fn parse(bytes: &[u8], what: &str, limits: &Limits) -> Result<Self, StoreError> {
        let document = Self::shaped(bytes, limits.manifest_bytes, what, limits)?;
        // Reading every entry now means that nothing half-understood is written back later.
        document.entries(what)?;
        Ok(document)
    }

    /// Reads an index that others write too. An entry that is not understood stays as it is: whoever
    /// can add one must not keep others from adding theirs.
    pub(crate) fn shared(bytes: &[u8], what: &str, limits: &Limits) -> Result<Self, StoreError> {
        Self::shaped(bytes, limits.manifest_bytes, what, limits)
    }

    /// The entries of an index of at most `largest` bytes that is only looked at, and whether all of
    /// it was understood. An entry that is no descriptor is left out: whoever can add one must not
    /// take away the others.
    pub(crate) fn listed(
        bytes: &[u8],
        largest: u64,
        what: &str,
        limits: &Limits,
    ) -> Result<(Vec<Descriptor>, bool), StoreError> {
        let document = Self::shaped(bytes, largest, what, limits)?;
        let entries: Vec<Descriptor> = document.readable().collect();
        let whole = entries.len() == document.values().len();
        Ok((entries, whole))
    }

    fn shaped(bytes: &[u8], largest: u64, what: &str, limits: &Limits) -> Result<Self, StoreError> {
        let wrong = |reason: &str| StoreError::malformed(what, reason);
        let members: Map<String, Value> =
            json::read(bytes, largest, limits.json_depth).map_err(|error| {
                StoreError::Malformed {
                    what: what.to_owned(),
                    reason: Excerpt::of(&error.to_string()),
                }
            })?;
        let document = Self { members };
        if document.members.get("schemaVersion") != Some(&json!(2)) {
            return Err(wrong("no index of schema version 2"));
        }
        if !matches!(
            document.members.get("manifests"),
            None | Some(Value::Null | Value::Array(_))
        ) || document.members.contains_key("layers")
            || document.members.contains_key("config")
        {
            return Err(wrong("no index: expected a list `manifests`"));
        }
        Ok(document)
    }

    /// The entries in their order.
    pub(crate) fn entries(&self, what: &str) -> Result<Vec<Descriptor>, StoreError> {
        self.values()
            .iter()
            .map(|value| {
                serde_json::from_value(value.clone())
                    .map_err(|error| StoreError::malformed(what, &error.to_string()))
            })
            .collect()
    }

    /// The entries that are descriptors, in their order.
    pub(crate) fn readable(&self) -> impl Iterator<Item = Descriptor> + '_ {
        self.values().iter().filter_map(descriptor)
    }

    /// Adds an entry at the end.
    pub(crate) fn push(&mut self, entry: &Descriptor) {
        self.values_mut().push(to_value(entry));
    }

    /// Adds an entry unless its digest is listed; fills in artifact type and annotations that a
    /// listed one lacks. Says whether anything changed.
    pub(crate) fn merge(&mut self, entry: &Descriptor) -> bool {
        let listed = self
            .values_mut()
            .iter_mut()
            // What only has the digest of a descriptor is none, and nobody would find it.
            .find(|value| descriptor(value).is_some_and(|listed| listed.digest == entry.digest))
            .and_then(Value::as_object_mut);
        let Some(listed) = listed else {
            self.push(entry);
            return true;
        };
        let mut changed = false;
        if let Some(artifact_type) = &entry.artifact_type
            && listed.get("artifactType").is_none_or(is_blank)
        {
            listed.insert("artifactType".to_owned(), json!(artifact_type));
            changed = true;
        }
        if !entry.annotations.is_empty() && listed.get("annotations").is_none_or(is_blank) {
            listed.insert("annotations".to_owned(), annotations(&entry.annotations));
            changed = true;
        }
        changed
    }

    /// Keeps only entries for which `keep` says so, and what is no descriptor. Says whether anything
    /// changed.
    pub(crate) fn retain(&mut self, mut keep: impl FnMut(&Descriptor) -> bool) -> bool {
        let values = self.values_mut();
        let before = values.len();
        values.retain(|value| descriptor(value).is_none_or(|entry| keep(&entry)));
        values.len() != before
    }

    /// Drops what is no descriptor by anybody's reading: the specification wants `digest` and `size`
    /// of each. Some clients go without `mediaType`. What is only not understood here, as a digest of another kind, stays.
    pub(crate) fn drop_junk(&mut self) {
        self.values_mut().retain(|value| {
            let digest = value.get("digest").and_then(Value::as_str);
            digest.is_some_and(|digest| digest.contains(':'))
                && value.get("size").is_some_and(Value::is_u64)
        });
    }

    /// Removes an annotation where it has this value. Says whether anything changed.
    pub(crate) fn remove_annotation(&mut self, name: &str, text: &str) -> bool {
        let mut changed = false;
        for entry in self
            .values_mut()
            .iter_mut()
            .filter_map(Value::as_object_mut)
        {
            let Some(annotations) = entry.get_mut("annotations").and_then(Value::as_object_mut)
            else {
                continue;
            };
            if annotations.get(name).and_then(Value::as_str) == Some(text) {
                annotations.remove(name);
                changed = true;
                if annotations.is_empty() {
                    entry.remove("annotations");
                }
            }
        }
        changed
    }

    /// The document's bytes.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        serde_json::to_vec(&self.members).expect("because a JSON value always serialises")
    }

    fn values(&self) -> &[Value] {
        self.members
            .get("manifests")
            .and_then(Value::as_array)
            .map_or(&[], Vec::as_slice)
    }

    fn values_mut(&mut self) -> &mut Vec<Value> {
        let manifests = self
            .members
            .entry("manifests")
            .and_modify(|value| {
                if value.is_null() {
                    *value = json!([]);
                }
            })
            .or_insert_with(|| json!([]));
        manifests
            .as_array_mut()
            .expect("because parsing admits only a list or null")
    }
}

fn to_value(entry: &Descriptor) -> Value {
    serde_json::to_value(entry).expect("because a descriptor always serialises")
}

fn annotations(annotations: &Annotations) -> Value {
    serde_json::to_value(annotations).expect("because a map of texts always serialises")
}

fn descriptor(value: &Value) -> Option<Descriptor> {
    Descriptor::deserialize(value).ok()
}

fn is_blank(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Object(members) => members.is_empty(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<IndexDocument, StoreError> {
        IndexDocument::parse(text.as_bytes(), "index", &Limits::default())
    }

    #[test]
    fn unknown_members_survive_and_old_entries_are_completed() {
        let mut entry = Descriptor::of("m", b"x");
        let text = format!(
            r#"{{"schemaVersion":2,"x-top":1,"manifests":[{{"mediaType":"m","digest":"{}","size":1,"x-in":2}}]}}"#,
            entry.digest
        );
        let mut index = parse(&text).unwrap();
        assert!(!index.merge(&entry), "nothing to add");
        entry.artifact_type = Some("t".to_owned());
        entry.annotations.insert("a".to_owned(), "b".to_owned());
        assert!(index.merge(&entry));
        assert!(!index.merge(&entry), "merging twice changes nothing");
        let written = String::from_utf8(index.to_bytes()).unwrap();
        for kept in [
            r#""x-top":1"#,
            r#""x-in":2"#,
            r#""artifactType":"t""#,
            r#""a":"b""#,
        ] {
            assert!(written.contains(kept), "{written}");
        }
        assert_eq!(index.entries("index").unwrap().len(), 1);
    }

    #[test]
    fn an_entry_that_cannot_be_read_hides_no_other_and_stays_in_a_list_others_write() {
        let entry = Descriptor::of("m", b"x");
        let junk = format!(
            r#"{{"mediaType":"m","digest":"md5:00","size":1}},7,{{"digest":"{}"}}"#,
            entry.digest
        );
        let text = |ours: &str| format!(r#"{{"manifests":[{junk}{ours}],"schemaVersion":2}}"#);
        let ours = format!(
            r#",{{"digest":"{}","mediaType":"m","size":1}}"#,
            entry.digest
        );
        let limits = Limits::default();
        let read = IndexDocument::listed(text(&ours).as_bytes(), 1 << 20, "index", &limits);
        assert_eq!(read.unwrap(), (vec![entry.clone()], false));
        let strict = parse(&text(&ours));
        assert!(matches!(strict, Err(StoreError::Malformed { .. })));
        let mut index = IndexDocument::shared(text("").as_bytes(), "index", &limits).unwrap();
        assert!(
            index.merge(&entry),
            "junk with its digest does not stand for it"
        );
        assert!(!index.merge(&entry));
        assert!(index.readable().eq([entry.clone()]));
        assert!(index.retain(|listed| listed.digest != entry.digest));
        let same = |bytes: &[u8]| serde_json::from_slice::<Value>(bytes).unwrap();
        assert_eq!(same(&index.to_bytes()), same(text("").as_bytes()));
        // What nobody can read goes when something is written; what somebody may does not.
        index.drop_junk();
        let kept = json!([{"mediaType": "m", "digest": "md5:00", "size": 1}]);
        assert_eq!(same(&index.to_bytes())["manifests"], kept);
    }

    #[test]
    fn what_is_no_index_is_refused() {
        for text in [
            "",
            "[]",
            "{}",
            r#"{"schemaVersion":2,"manifests":{}}"#,
            r#"{"schemaVersion":2,"manifests":[{"digest":"sha256:00"}]}"#,
            r#"{"schemaVersion":2,"manifests":[],"layers":[]}"#,
            r#"{"schemaVersion":2,"manifests":[],"manifests":[]}"#,
        ] {
            assert!(
                matches!(parse(text), Err(StoreError::Malformed { .. })),
                "{text}"
            );
        }
        assert!(parse(r#"{"schemaVersion":2,"manifests":null}"#).is_ok());
    }
}
