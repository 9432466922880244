//! Nothing that comes from outside makes a reader panic, and what is read is written the same.

use std::fmt::{Debug, Display};
use std::str::FromStr;

use bulla_model::evidence_pack::EvidencePack;
use bulla_model::in_toto::{Metadata, artifact_path, is_path_pattern};
use bulla_model::{
    Bundle, Digest, Envelope, EnvelopeSignature, Environment, KeyId, Limits, Manifest,
    PinnedReference, PredicateType, Purl, Reference, Repository, Service, Statement, Tag, json,
};
use proptest::prelude::*;

use crate::files::{bytes, root};

/// A text that is read says itself again, and that is read as the same.
fn comes_back<T: FromStr + Display + PartialEq + Debug>(text: &str) {
    if let Ok(value) = text.parse::<T>() {
        let again = value.to_string().parse::<T>().ok();
        assert_eq!(again.as_ref(), Some(&value), "{text:?}");
    }
}

fn every_word(text: &str) {
    comes_back::<Digest>(text);
    comes_back::<Environment>(text);
    comes_back::<KeyId>(text);
    comes_back::<PinnedReference>(text);
    comes_back::<PredicateType>(text);
    comes_back::<Purl>(text);
    comes_back::<Reference>(text);
    comes_back::<Repository>(text);
    comes_back::<Service>(text);
    comes_back::<Tag>(text);
}

fn every_document(document: &[u8]) {
    let limits = Limits::default();
    drop(json::check(
        document,
        limits.bundle_bytes,
        limits.json_depth,
    ));
    drop(Bundle::parse(document.to_vec(), &limits));
    drop(Envelope::parse(document, &limits));
    drop(EvidencePack::parse(document, &limits));
    drop(Manifest::parse(document.to_vec(), &limits));
    drop(Metadata::parse(document, &limits));
    drop(Statement::parse(document, &limits));
}

/// Words with their separators, so that most of a text is nearly right.
fn nearly_right() -> impl Strategy<Value = String> {
    let pieces = prop::sample::select(vec![
        "registry.example.test",
        "localhost:5000",
        "pay",
        "api",
        "A",
        "1.8.2",
        "env:",
        "//",
        "/",
        ":",
        "@",
        "sha256:",
        "pkg:",
        "deb",
        "npm",
        "%40",
        "%2F",
        "%zz",
        "?",
        "arch=amd64",
        "&",
        "#",
        "..",
        "-",
        "_",
        "+",
        "é",
        "\u{202e}",
        "\0",
        " ",
        "3f1c9a023f1c9a023f1c9a023f1c9a023f1c9a023f1c9a023f1c9a023f1c9a02",
    ]);
    prop::collection::vec(pieces, 0..10).prop_map(|pieces| pieces.concat())
}

fn documents() -> Vec<Vec<u8>> {
    let statement = bytes(&root().join("testdata/predicates/promotion/v1/valid/step.json"));
    let signature = EnvelopeSignature {
        key_id: None,
        signature: vec![1; 64],
    };
    let envelope = Envelope::new(
        statement.clone(),
        "application/vnd.in-toto+json",
        vec![signature],
    );
    let bundle = Bundle::with_public_key(&envelope, "hint").unwrap();
    let manifest = br#"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"mediaType":"application/vnd.oci.empty.v1+json","digest":"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a","size":2},"layers":[],"annotations":null}"#;
    let layout = bytes(&root().join("testdata/verify/in-toto/traditional/root.layout"));
    vec![
        statement,
        bundle.bytes().to_vec(),
        manifest.to_vec(),
        layout,
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn any_text_is_read_or_refused(text in any::<String>()) {
        every_word(&text);
    }

    #[test]
    fn nearly_right_texts_are_read_or_refused(text in nearly_right()) {
        every_word(&text);
    }

    #[test]
    fn any_bytes_are_read_or_refused(document in prop::collection::vec(any::<u8>(), 0..400)) {
        every_document(&document);
    }

    #[test]
    fn f26_a_path_in_its_one_spelling_stays_as_it_is(
        pieces in prop::collection::vec(prop::sample::select(vec!["a", "..", ".", "/", "\\", "b c", "https://", "é", ""]), 0..9),
    ) {
        if let Some(path) = artifact_path(&pieces.concat()) {
            prop_assert_eq!(artifact_path(&path), Some(path.clone()));
            prop_assert!(is_path_pattern(&path), "{:?}", path);
        }
    }

    #[test]
    fn mutated_documents_are_read_or_refused(
        which in 0..4_usize,
        at in any::<prop::sample::Index>(),
        cut in 0..40_usize,
        put in prop::sample::select(vec!["", "null", "{}", "[[", "\"\"", "-1", "1e999", "\u{feff}", "\"a\":1,", "\\ud800"]),
    ) {
        let document = documents().remove(which);
        let start = at.index(document.len());
        let end = document.len().min(start + cut);
        every_document(&[&document[..start], put.as_bytes(), &document[end..]].concat());
    }
}

#[test]
fn the_documents_that_are_mutated_are_read_as_they_are() {
    let limits = Limits::default();
    let [statement, bundle, manifest, layout] = <[Vec<u8>; 4]>::try_from(documents()).unwrap();
    Statement::parse(&statement, &limits).unwrap();
    Bundle::parse(bundle, &limits).unwrap();
    Manifest::parse(manifest, &limits).unwrap();
    Metadata::parse(&layout, &limits).unwrap();
}
