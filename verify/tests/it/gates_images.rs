//! The images that a build began with.

use serde_json::{Value, json};

use bulla_model::predicate::slsa_provenance;
use bulla_model::{Digest, ResourceDescriptor};
use bulla_verify::{Cause, Code, Outcome, Verdict};

use crate::gates::{asking, outcome, refused, require};
use crate::kit::{World, assert_exit, assert_found, codes, hour, provenance};

pub(crate) const BASES: &str =
    "baseImages: {by: [builder], allow: ['docker.io/library/*', 'registry.example.test/base/**']}";

pub(crate) fn base() -> Digest {
    Digest::sha256(b"base")
}

pub(crate) fn used(uri: &str) -> Value {
    json!({"uri": uri, "digest": {"sha256": base().hex()}})
}

/// Provenance of the kit that names these besides its source.
pub(crate) fn naming(images: &[Value]) -> Value {
    let mut said = provenance("https://github.com/acme/pay", &["dave@acme.example"]);
    let all = said["buildDefinition"]["resolvedDependencies"]
        .as_array_mut()
        .unwrap();
    all.extend(images.iter().cloned());
    said
}

/// The same as `BuildKit` writes it in version 0.2.
fn naming_v0_2(images: &[Value]) -> Value {
    let mut materials = vec![
        json!({"uri": "git+https://github.com/acme/pay", "digest": {"sha1": "9c1e44d09c1e44d09c1e44d09c1e44d09c1e44d0"}}),
    ];
    materials.extend(images.iter().cloned());
    json!({"builder": {"id": "https://example.test/builder"}, "buildType": "https://mobyproject.org/buildkit@v1", "materials": materials})
}

fn judged(rule: &str, change: impl Fn(&mut World)) -> Verdict {
    let mut world = asking(rule);
    world.take("builder provenance");
    change(&mut world);
    world.now = hour(10);
    world.judge("dev", None).0
}

pub(crate) fn built_on(images: &[&str]) -> Verdict {
    let images: Vec<_> = images.iter().map(|uri| used(uri)).collect();
    judged(BASES, |world| {
        world.attest("builder", slsa_provenance::TYPE, &naming(&images));
    })
}

#[test]
fn every_image_that_a_build_used_is_allowed() {
    for (uris, exit) in [
        (&["pkg:docker/alpine@3.20"][..], 0),
        (
            &[
                "pkg:docker/alpine@3.20",
                "pkg:docker/registry.example.test/base/go/dev@1",
            ],
            0,
        ),
        (
            &["pkg:docker/alpine@3.20", "pkg:docker/mallory/alpine@3.20"],
            1,
        ),
        (&["pkg:docker/alpine.example.test/library/alpine@3.20"], 1),
        (&["oci://registry.example.test/based/go"], 1),
        (&["pkg:oci/alpine@3"], 1),
    ] {
        let verdict = built_on(uris);
        assert_exit(&verdict, exit);
        assert_eq!(
            codes(&verdict).contains(&Code::BaseImageDenied),
            exit == 1,
            "{uris:?}"
        );
        let images: Vec<_> = uris.iter().map(|uri| used(uri)).collect();
        let verdict = judged(BASES, |world| {
            world.attest("builder", slsa_provenance::TYPE_V0_2, &naming_v0_2(&images));
        });
        assert_exit(&verdict, exit);
    }
    // Without a digest nobody knows which image it was.
    let unpinned = naming(&[json!({"uri": "pkg:docker/alpine@3.20"})]);
    let verdict = judged(BASES, |world| {
        world.attest("builder", slsa_provenance::TYPE, &unpinned);
    });
    assert_exit(&verdict, 1);
    assert_found(&verdict, Code::BaseImageDenied);
}

#[test]
fn digests_are_compared_where_they_are_listed() {
    for (digest, exit) in [(base(), 0), (Digest::sha256(b"other"), 1)] {
        for allow in ["", "allow: ['docker.io/library/*'], "] {
            let rule = format!("baseImages: {{by: [builder], {allow}digests: ['{digest}']}}");
            let said = naming(&[used("pkg:docker/alpine@3.20")]);
            let verdict = judged(&rule, |world| {
                world.attest("builder", slsa_provenance::TYPE, &said);
            });
            assert_exit(&verdict, exit);
        }
        let rule =
            format!("baseImages: {{by: [builder], allow: [docker.io/x], digests: ['{digest}']}}");
        let said = naming(&[used("pkg:docker/alpine@3.20")]);
        assert_exit(
            &judged(&rule, |world| {
                world.attest("builder", slsa_provenance::TYPE, &said);
            }),
            1,
        );
    }
}

#[test]
fn provenance_without_an_image_is_enough_only_where_the_policy_says_so() {
    let verdict = built_on(&[]);
    assert_exit(&verdict, 1);
    assert_found(&verdict, Code::BaseImageUnknown);
    let scratch = BASES.replace("]}", "], scratch: allow}");
    let with = |images: &[Value]| {
        judged(&scratch, |world| {
            world.attest("builder", slsa_provenance::TYPE, &naming(images));
        })
    };
    assert_exit(&with(&[]), 0);
    assert_exit(&with(&[used("pkg:docker/mallory/x@1")]), 1);
    // Nothing at all is no "none".
    let verdict = judged(&scratch, |world| {
        world.attest("mallory", slsa_provenance::TYPE, &naming(&[]));
    });
    assert_eq!(
        outcome(&verdict, "service"),
        Outcome::Failed(Cause::Untrusted)
    );
}

#[test]
fn no_provenance_hides_what_another_one_names() {
    let good = naming(&[used("pkg:docker/alpine@3.20")]);
    let bad = naming(&[used("pkg:docker/mallory/alpine@3.20")]);
    for (first, second) in [(&good, &bad), (&bad, &good)] {
        let verdict = judged(BASES, |world| {
            world.attest_at("builder", slsa_provenance::TYPE, first, Some(hour(1)));
            world.attest_at("builder", slsa_provenance::TYPE, second, Some(hour(5)));
        });
        assert_exit(&verdict, 1);
    }
    // Strangers, those who sign something else, and other images name nothing.
    let verdict = judged(BASES, |world| {
        world.attest("builder", slsa_provenance::TYPE, &good);
        world.attest("mallory", slsa_provenance::TYPE, &bad);
        world.attest("tester", slsa_provenance::TYPE, &bad);
        let other = ResourceDescriptor::of(Digest::sha256(b"another image"));
        world.attest_about("builder", slsa_provenance::TYPE, &bad, &[other]);
        let copy = world.evidence.last().cloned().unwrap();
        world.add("copy", copy.bundle);
    });
    assert_exit(&verdict, 0);
    // One that nobody can read may name any.
    let verdict = judged(BASES, |world| {
        world.attest("builder", slsa_provenance::TYPE, &good);
        world.attest(
            "builder",
            slsa_provenance::TYPE,
            &json!({"buildDefinition": 7}),
        );
    });
    assert_exit(&verdict, 1);
    assert_found(&verdict, Code::BaseImageUnknown);
}

#[test]
fn what_may_be_missing_may_name_any_image() {
    let with = |uri: &str| {
        let said = naming(&[used(uri)]);
        judged(BASES, |world| {
            world.attest("builder", slsa_provenance::TYPE, &said);
            world.truncated = true;
        })
    };
    assert_eq!(
        outcome(&with("pkg:docker/alpine@3.20"), "base-images"),
        Outcome::Failed(Cause::Undetermined)
    );
    assert_exit(&with("pkg:docker/mallory/x@1"), 1);
}

#[test]
fn what_entered_before_the_rule_stays() {
    let mut world = World::built();
    world.promote("dev");
    let old = world.files.clone();
    let digest = bulla_verify::Policy::parse(&old, &world.limits)
        .unwrap()
        .digest();
    require(&mut world, BASES);
    world.edit("release.yaml", "version: 3", "version: 4");
    world.edit(
        "release.yaml",
        "history: []",
        &format!("history: [{{version: 3, digest: \"{digest}\"}}]"),
    );
    world.files.predecessors.push(old);
    world.now = hour(2);
    assert_exit(&world.verify("dev"), 0);
    assert_exit(&world.judge("dev", None).0, 1);
}

#[test]
fn rules_that_allow_no_image_are_refused() {
    for (rule, reason) in [
        ("baseImages: {by: [builder]}", "it allows nothing"),
        ("baseImages: {by: [], allow: [x]}", "`by` is empty"),
        (
            "baseImages: {by: [builder], allow: [x], scratch: yes}",
            "scratch",
        ),
        ("baseImages: {by: [builder], digests: [x]}", ""),
        (
            "baseImages: {by: [builder], allow: [x], repositories: [y]}",
            "unknown field",
        ),
    ] {
        let error = refused(rule);
        assert!(error.contains(reason) || reason == "scratch", "{error}");
        assert!(error.starts_with("release.yaml:"), "{error}");
    }
}
