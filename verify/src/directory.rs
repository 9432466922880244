//! Signed directories: the files that a statement lists, and those that are there.

use std::collections::BTreeMap;

use bulla_model::predicate::ModelSigning;
use bulla_model::{Digest, Statement};

/// What differs between a verified list of files and those that are there, in a few words; none if
/// nothing does. `files` are digests by path with `/`, and `left_out` what else is there.
pub(crate) fn difference(
    statement: &Statement,
    files: &BTreeMap<String, Digest>,
    left_out: &[String],
) -> Option<String> {
    let signed = statement.predicate::<ModelSigning>();
    let listed = signed.and_then(|signed| {
        let files = signed.files()?;
        let digest = signed.digest()?;
        Ok((files, digest, signed.serialization.ignore_paths))
    });
    let (listed, digest, ignored) = match listed {
        Ok(listed) => listed,
        Err(error) => return Some(error.to_string()),
    };
    if !statement.is_about(&[digest]) {
        return Some("the subject is not the digest of the files that are listed".to_owned());
    }
    let differs = |name: &&String| files.get(*name).is_some_and(|own| listed[*name] != *own);
    let changed = listed.keys().filter(differs);
    let missing = listed.keys().filter(|name| !files.contains_key(*name));
    let more = left_out.iter().filter(|name| !ignored.contains(name));
    let added = files.keys().filter(|name| !listed.contains_key(*name));
    let added = added.chain(more);
    let groups = [
        named("changed", changed),
        named("missing", missing),
        named("added", added),
    ];
    let groups: Vec<String> = groups.into_iter().flatten().collect();
    (!groups.is_empty()).then(|| groups.join("; "))
}

fn named<'a>(what: &str, names: impl Iterator<Item = &'a String>) -> Option<String> {
    let names: Vec<&String> = names.collect();
    let shown: Vec<String> = names
        .iter()
        .take(SHOWN)
        .map(|name| name.chars().take(200).collect())
        .collect();
    let more = match names.len().saturating_sub(SHOWN) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    (!names.is_empty()).then(|| format!("{what}: {}{more}", shown.join(", ")))
}

/// Files of each kind that are named.
const SHOWN: usize = 5;

#[cfg(test)]
mod tests {
    use bulla_model::Limits;
    use serde_json::json;

    use super::*;

    #[test]
    fn what_the_signer_did_not_leave_out_is_missed() {
        let one = Digest::sha256(b"one");
        let all = Digest::sha256(&one.to_bytes());
        let statement = |ignored: &[&str]| {
            let text = json!({
                "_type": "https://in-toto.io/Statement/v1",
                "subject": [{"name": "model", "digest": {"sha256": all.hex()}}],
                "predicateType": "https://model_signing/signature/v1.0",
                "predicate": {
                    "resources": [{"name": "a", "algorithm": "sha256", "digest": one.hex()}],
                    "serialization": {"method": "files", "ignore_paths": ignored},
                },
            })
            .to_string();
            Statement::parse(text.as_bytes(), &Limits::default()).unwrap()
        };
        let files = BTreeMap::from([("a".to_owned(), one.clone())]);
        let left_out = [".git".to_owned()];
        assert_eq!(difference(&statement(&[]), &files, &[]), None);
        assert_eq!(difference(&statement(&[".git"]), &files, &left_out), None);
        let found = difference(&statement(&[".github"]), &files, &left_out);
        assert_eq!(found.as_deref(), Some("added: .git"));
    }

    #[test]
    fn the_order_of_the_names_is_the_signers() {
        let (one, two) = (Digest::sha256(b"one"), Digest::sha256(b"two"));
        let resource = |name: &str, digest: &Digest| json!({"name": name, "algorithm": "sha256", "digest": digest.hex()});
        let statement = |all: &Digest| {
            let text = json!({
                "_type": "https://in-toto.io/Statement/v1",
                "subject": [{"name": "model", "digest": {"sha256": all.hex()}}],
                "predicateType": "https://model_signing/signature/v1.0",
                "predicate": {
                    "resources": [resource("a/b", &two), resource("a-b", &one)],
                    "serialization": {"method": "files"},
                },
            })
            .to_string();
            Statement::parse(text.as_bytes(), &Limits::default()).unwrap()
        };
        let files = BTreeMap::from([
            ("a-b".to_owned(), one.clone()),
            ("a/b".to_owned(), two.clone()),
        ]);
        let over = |digests: [&Digest; 2]| Digest::sha256(&digests.map(Digest::to_bytes).concat());
        assert_eq!(
            difference(&statement(&over([&two, &one])), &files, &[]),
            None
        );
        let other = difference(&statement(&over([&one, &two])), &files, &[]);
        assert!(other.unwrap().contains("not the digest"));
    }
}
