//! Classic in-toto: layouts that were followed, and every way in which they were not.

mod world;

use std::collections::BTreeMap;

use bulla_model::in_toto::Metadata;
use bulla_model::{Digest, Limits};
use bulla_verify::PublicKey;
use bulla_verify::in_toto::{Inspected, LayoutKey};
use serde_json::{Value, json};

use crate::kit::Signer;
pub(crate) use world::Chain;
use world::{NOW, artifacts, assert_ends, file, key_id, keys, link, signed, step};

macro_rules! recorded {
    ($name:literal) => {
        include_bytes!(concat!("../../../testdata/verify/in-toto/", $name)).to_vec()
    };
}

/// in-toto's demonstration: a layout and links of the reference implementation.
fn traditional() -> (Vec<u8>, Chain) {
    let files = [
        (
            "clone.776a00e2.link",
            recorded!("traditional/clone.776a00e2.link"),
        ),
        (
            "update-version.776a00e2.link",
            recorded!("traditional/update-version.776a00e2.link"),
        ),
        (
            "package.2f89b927.link",
            recorded!("traditional/package.2f89b927.link"),
        ),
    ];
    let mut chain = recorded(&recorded!("traditional/alice.pub"), files);
    chain.now = "2022-11-20T00:00:00Z";
    (recorded!("traditional/root.layout"), chain)
}

/// The demonstration with what its inspection would have seen, so that nothing is left open.
pub(crate) fn traditional_inspected() -> (Vec<u8>, Chain) {
    let (layout, mut chain) = traditional();
    let link = Metadata::parse(&chain.files["package.2f89b927.link"], &Limits::default()).unwrap();
    let bulla_model::in_toto::MetadataContent::Link(package) = link.content() else {
        panic!("a link");
    };
    let seen = Inspected {
        materials: package.products.clone(),
        products: package.products.clone(),
    };
    chain.inspected.insert("untar".to_owned(), seen);
    (layout, chain)
}

/// The same in envelopes, without the inspection.
pub(crate) fn enveloped() -> (Vec<u8>, Chain) {
    let files = [
        (
            "clone-dsse.776a00e2.link",
            recorded!("envelope/clone-dsse.776a00e2.link"),
        ),
        (
            "update-version-dsse.776a00e2.link",
            recorded!("envelope/update-version-dsse.776a00e2.link"),
        ),
        (
            "package-dsse.2f89b927.link",
            recorded!("envelope/package-dsse.2f89b927.link"),
        ),
    ];
    let chain = recorded(&recorded!("envelope/alice.pub"), files);
    (recorded!("envelope/root.layout"), chain)
}

fn recorded<const N: usize>(key: &[u8], files: [(&str, Vec<u8>); N]) -> Chain {
    Chain {
        keys: vec![PublicKey::from_pem(std::str::from_utf8(key).unwrap()).unwrap()],
        links: BTreeMap::new(),
        files: files.map(|(name, bytes)| (name.to_owned(), bytes)).into(),
        ..Chain::followed()
    }
}

#[test]
fn layouts_of_other_implementations_are_verified() {
    let (layout, chain) = enveloped();
    let verdict = chain.judged_as(&layout);
    assert_ends(&verdict, 0, "", "");
    assert_eq!(verdict.steps.len(), 3);

    let (layout, mut chain) = traditional();
    assert_ends(
        &chain.judged_as(&layout),
        3,
        "inspection",
        "not run: `tar xzf demo-project.tar.gz`",
    );
    (_, chain) = traditional_inspected();
    assert_ends(&chain.judged_as(&layout), 0, "", "");
    chain.now = NOW;
    assert_ends(&chain.judged_as(&layout), 14, "expiry", "2022-12-02");
}

#[test]
fn a_changed_layout_or_link_is_accepted_only_if_it_says_the_same() {
    for (layout, mut chain) in [enveloped(), traditional()] {
        let seen = Inspected {
            materials: artifacts(&[]),
            products: artifacts(&[]),
        };
        chain.inspected.insert("untar".to_owned(), seen);
        assert_ends(&chain.judged_as(&layout), 0, "", "");
        let limits = Limits::default();
        let of =
            |bytes: &[u8]| Metadata::parse(bytes, &limits).map(|one| one.signed_bytes().to_vec());
        for at in (0..layout.len()).step_by(89) {
            let mut changed = layout.clone();
            changed[at] ^= 0x20;
            if chain.judged_as(&changed).exit_code() == 0 {
                assert_eq!(of(&changed), of(&layout), "byte {at}");
            }
        }
        for (name, link) in chain.files.clone() {
            for at in (0..link.len()).step_by(61) {
                let mut changed = link.clone();
                changed[at] ^= 0x01;
                let mut chain = chain.clone();
                chain.files.insert(name.clone(), changed.clone());
                if chain.judged_as(&layout).exit_code() == 0 {
                    assert_eq!(of(&changed), of(&link), "{name}, byte {at}");
                }
            }
        }
    }
}

#[test]
fn a_chain_that_was_followed_is_allowed() {
    let mut chain = Chain::followed();
    chain.ends(0, "", "");
    chain.products = vec![("app.tar".to_owned(), vec![Digest::sha256(b"tar")])];
    chain.ends(0, "", "");
    let verdict = chain.judged();
    assert_eq!(verdict.steps[1].signers.len(), 2);
    assert_eq!(verdict.notes, Vec::<String>::new());
    assert_eq!(
        Chain::followed().judged().notes.len(),
        1,
        "no file was compared"
    );
}

#[test]
fn every_owner_must_have_signed() {
    let mut chain = Chain::followed();
    chain.keys = vec![Signer::named("mallory").public()];
    chain.ends(11, "signature", "none by this key");
    chain.keys = ["olivia", "oscar"]
        .map(|name| Signer::named(name).public())
        .to_vec();
    chain.ends(11, "signature", "");
    chain.owners = vec!["oscar", "olivia"];
    chain.ends(0, "", "");
    chain.keys.clear();
    chain.ends(11, "signature", "none was given");

    let chain = Chain::followed();
    let mut layout: Value =
        serde_json::from_slice(&signed(&chain.layout, &["olivia"], false)).unwrap();
    layout["signed"]["steps"][1]["threshold"] = json!(1);
    let layout = serde_json::to_vec(&layout).unwrap();
    assert_ends(&chain.judged_as(&layout), 12, "signature", "does not match");
    let link = signed(&link("write", &[], &[]), &["olivia"], false);
    assert_ends(&chain.judged_as(&link), 12, "layout", "a link");
}

#[test]
fn a_layout_ends_when_it_says() {
    let mut chain = Chain::followed();
    chain.now = "2026-12-31T23:59:59Z";
    chain.ends(0, "", "");
    chain.now = "2027-01-01T00:00:00Z";
    chain.ends(14, "expiry", "ends at 2027-01-01T00:00:00Z");
}

#[test]
fn links_count_for_the_keys_of_their_step() {
    let mut chain = Chain::followed();
    chain.links.remove(&file("write", "alice"));
    chain.ends(10, "links", "0");

    let mut chain = Chain::followed();
    chain.links.get_mut(&file("write", "alice")).unwrap().1 = "bob";
    chain.ends(11, "links", "0");

    let mut chain = Chain::followed();
    let mut broken: Value =
        serde_json::from_slice(&signed(&link("write", &[], &[]), &["alice"], false)).unwrap();
    broken["signed"]["products"] = json!({"src/app.py": {"sha256": "00".repeat(32)}});
    let bytes = serde_json::to_vec(&broken).unwrap();
    chain.files.insert(file("write", "alice"), bytes);
    chain.ends(12, "links", "0");

    // A link of another step under this step's name.
    let mut chain = Chain::followed();
    chain.link("write", "alice")["name"] = json!("review");
    chain.ends(13, "links", "0");

    // Somebody whom the step does not name, though the layout knows the key.
    let mut chain = Chain::followed();
    chain.links.remove(&file("build", "carol"));
    chain.put("alice", link("build", &[("src/app.py", "v1")], &[]));
    chain.ends(10, "links", "1");
}

#[test]
fn a_threshold_counts_keys_that_agree() {
    let mut chain = Chain::followed();
    chain.link("build", "carol")["products"]["dist/app.tar"]["sha256"] = json!("11".repeat(32));
    chain.ends(1, "agreement", "do not");

    // One is enough: the first that the layout names speaks, and the other is told.
    chain.layout["steps"][1]["threshold"] = json!(1);
    chain.ends(0, "", "");
    assert!(chain.judged().notes[0].contains("is the one that counts"));

    // One key under two ids is one key.
    let mut chain = Chain::followed();
    let mut twice = chain.layout["keys"][&key_id("bob")].clone();
    let other = "ab".repeat(32);
    twice["keyid"] = json!(other);
    chain.layout["keys"][&other] = twice;
    chain.layout["steps"][1]["pubkeys"] = json!([key_id("bob"), other]);
    let copy = chain.links[&file("build", "bob")].clone();
    chain.links.insert("build.abababab.link".to_owned(), copy);
    chain.ends(10, "links", "1");
    // So is one that a step names twice.
    chain.layout["steps"][1]["pubkeys"] = json!([key_id("bob"), key_id("bob")]);
    chain.ends(10, "links", "1");
}

#[test]
fn keys_are_used_as_the_layout_says_or_not_at_all() {
    for (member, value) in [("keytype", "rsa"), ("scheme", "ed25519ph"), ("scheme", "")] {
        let mut chain = Chain::followed();
        chain.layout["keys"][&key_id("alice")][member] = json!(value);
        chain.ends(11, "links", "0");
    }
    let mut chain = Chain::followed();
    chain.layout["keys"][&key_id("alice")]["keyval"]["public"] = json!({"e": "01", "n": "ff"});
    chain.ends(11, "links", "0");
    assert!(chain.judged().notes[0].contains("OpenPGP"));
    let mut chain = Chain::followed();
    chain.layout["keys"] = keys(&["bob", "carol"]);
    chain.ends(11, "links", "0");
    assert!(LayoutKey::new(PublicKey::from_pem(P384).unwrap()).is_ok());
}

const P384: &str = "-----BEGIN PUBLIC KEY-----
MHYwEAYHKoZIzj0CAQYFK4EEACIDYgAEP8KQHqKA3QhiGQS6jlfoTXJlGTGcXxd2
ItmmqU/y8uryUNsXnV0nWloCsObK0XAMrMD1iWvHYMSDV14PP0vawLN+jfV7lrc5
IJwy1aFhPlerISgwe3OgrKJdFkn8LGu2
-----END PUBLIC KEY-----";

#[test]
fn rules_hold_or_the_step_is_denied() {
    let mut chain = Chain::followed();
    for builder in ["bob", "carol"] {
        chain.link("build", builder)["materials"]["src/app.py"]["sha256"] = json!("22".repeat(32));
    }
    chain.ends(1, "materials", "`src/app.py`");

    let mut chain = Chain::followed();
    chain.link("write", "alice")["products"]["malware"] = json!({"sha256": "22".repeat(32)});
    chain.ends(1, "products", "`malware`");

    let mut chain = Chain::followed();
    chain.layout["steps"][1]["expected_products"] = json!([["REQUIRE", "dist/app.zip"]]);
    chain.ends(1, "products", "no such artifact");
}

#[test]
fn f26_another_spelling_of_a_path_is_the_same_path() {
    // A rule forbids `src/secret`; whoever writes calls it otherwise.
    for spelling in [
        "./src/secret",
        "src//secret",
        "x/../src/secret",
        "src\\secret",
    ] {
        let mut chain = Chain::followed();
        let products = json!([["DISALLOW", "src/secret"], ["ALLOW", "*"]]);
        chain.layout["steps"][0]["expected_products"] = products;
        chain.ends(0, "", "");
        chain.link("write", "alice")["products"][spelling] = json!({"sha256": "22".repeat(32)});
        chain.ends(1, "products", "`src/secret`");
    }
    let mut chain = Chain::followed();
    chain.link("write", "alice")["products"]["./src/app.py"] = json!({"sha256": "22".repeat(32)});
    chain.ends(12, "links", "0");
    chain.layout["steps"][0]["expected_products"] = json!([["DISALLOW", "./src/secret"]]);
    chain.put("alice", link("write", &[], &[("src/app.py", "v1")]));
    chain.ends(12, "products", "DISALLOW ./src/secret");
}

#[test]
fn f27_negation_has_one_meaning() {
    let mut chain = Chain::followed();
    chain.link("write", "alice")["products"] = json!({"foo": {"sha256": "22".repeat(32)}});
    chain.layout["steps"][1] = step("build", &["bob"], 1, &json!([]), &json!([]));
    for (pattern, exit) in [("[!x]oo", 1), ("[^x]oo", 0)] {
        chain.layout["steps"][0]["expected_products"] = json!([["DISALLOW", pattern]]);
        let check = if exit == 0 { "" } else { "products" };
        chain.ends(exit, check, "");
    }
}

#[test]
fn files_must_be_products_of_the_last_step() {
    let mut chain = Chain::followed();
    for (name, content, found) in [
        ("app.tar", "tampered", "`dist/app.tar` with another digest"),
        ("other.tar", "tar", "no product of this name"),
        ("pp.tar", "tar", "no product of this name"),
    ] {
        chain.products = vec![(name.to_owned(), vec![Digest::sha256(content.as_bytes())])];
        chain.ends(13, "product", found);
    }
    chain.products = vec![("app.tar".to_owned(), Vec::new())];
    chain.ends(13, "product", "another digest");
}

#[test]
fn a_layout_that_cannot_be_meant_is_refused() {
    let refuse = |change: &dyn Fn(&mut Value), found: &str| {
        let mut chain = Chain::followed();
        change(&mut chain.layout);
        chain.ends(12, "layout", found);
    };
    refuse(
        &|layout| layout["steps"][0]["threshold"] = json!(0),
        "threshold",
    );
    refuse(
        &|layout| layout["steps"][1]["name"] = json!("write"),
        "occurs twice",
    );
    refuse(&|layout| layout["steps"][1]["name"] = json!(""), "empty");
    refuse(
        &|layout| layout["inspect"] = json!([{"name": "write", "run": []}]),
        "occurs twice",
    );
    refuse(
        &|layout| layout["steps"][0]["expected_products"] = json!([["PERMIT", "*"]]),
        "no artifact rule",
    );
    refuse(&|layout| layout["expires"] = json!("some day"), "");
    refuse(
        &|layout| layout["steps"] = json!(vec![json!({}); 1025]),
        "missing field",
    );
    refuse(
        &|layout| {
            let step = layout["steps"][0].clone();
            layout["steps"] = json!(vec![step; 1025]);
        },
        "the limit is 1024",
    );
    refuse(
        &|layout| layout["keys"][&key_id("bob")]["keyid"] = json!("other"),
        "another id",
    );
    let chain = Chain::followed();
    let twice = br#"{"signed": {"_type": "layout", "_type": "layout"}, "signatures": []}"#;
    assert_ends(&chain.judged_as(twice), 12, "layout", "occurs twice");
    let number = br#"{"signed": {"_type": "link", "name": "a", "byproducts": {"x": 1.5}}, "signatures": []}"#;
    assert_ends(&chain.judged_as(number), 12, "layout", "no integer");
    let both = br#"{"signed": {"_type": "layout"}, "signatures": [], "payload": "e30="}"#;
    assert_ends(&chain.judged_as(both), 12, "layout", "neither");
}

#[test]
fn weak_digests_alone_are_no_digests() {
    let mut chain = Chain::followed();
    chain.link("write", "alice")["products"] = json!({"src/app.py": {"md5": "00".repeat(16)}});
    chain.ends(12, "links", "0");
    assert!(chain.judged().notes[0].contains("no digest by sha256"));
}

#[test]
fn a_command_that_differs_is_told() {
    let mut chain = Chain::followed();
    chain.layout["steps"][0]["expected_command"] = json!(["vi", "src/app.py"]);
    chain.ends(0, "", "");
    assert!(chain.judged().notes[0].contains("the command was `make`, expected `vi src/app.py`"));
}

#[test]
fn inspections_are_judged_by_what_was_seen_and_never_run() {
    let mut chain = Chain::followed();
    chain.layout["inspect"] = json!([{
        "_type": "inspection", "name": "untar", "run": ["tar", "xf", "app.tar"],
        "expected_materials": [["MATCH", "app.tar", "WITH", "PRODUCTS", "IN", "dist", "FROM", "build"], ["DISALLOW", "*"]],
        "expected_products": [["MATCH", "*", "WITH", "PRODUCTS", "FROM", "write"], ["ALLOW", "app.tar"], ["DISALLOW", "*"]],
    }]);
    chain.ends(3, "inspection", "it was not run: `tar xf app.tar`");
    let mut seen = Inspected {
        materials: artifacts(&[("app.tar", "tar")]),
        products: artifacts(&[("app.tar", "tar"), ("src/app.py", "v1")]),
    };
    chain.inspected.insert("untar".to_owned(), seen.clone());
    chain.ends(0, "", "");
    seen.products = artifacts(&[("app.tar", "tar"), ("src/app.py", "v2")]);
    chain.inspected.insert("untar".to_owned(), seen.clone());
    chain.ends(1, "products", "`src/app.py`");
    seen.materials = artifacts(&[("app.tar", "other")]);
    chain.inspected.insert("untar".to_owned(), seen);
    chain.ends(1, "materials", "`app.tar`");
}

#[test]
fn parameters_are_filled_in_where_they_are_given() {
    let mut chain = Chain::followed();
    chain.layout["steps"][1]["expected_products"] =
        json!([["REQUIRE", "dist/{name}.tar"], ["ALLOW", "*"]]);
    chain.ends(1, "products", "no such artifact");
    chain.parameters.insert("name".to_owned(), "app".to_owned());
    chain.ends(0, "", "");
    chain.layout["readme"] = json!("{other}");
    chain.ends(0, "", "");
    chain.layout["steps"][0]["expected_command"] = json!(["{other}"]);
    chain.ends(2, "parameters", "`other`, which was not given");
    assert!(chain.judged().unfilled().is_some());
}

/// A chain whose first step is a layout of alice's own.
fn delegated() -> Chain {
    let mut chain = Chain::followed();
    let inner = json!({
        "_type": "layout", "readme": "", "expires": "2026-06-01T00:00:00Z", "inspect": [],
        "keys": keys(&["dave"]),
        "steps": [step("type", &["dave"], 1, &json!([]), &json!([["ALLOW", "src/*"], ["DISALLOW", "*"]]))],
    });
    let name = file("write", "alice");
    chain.links.insert(name.clone(), (inner, "alice"));
    let below = format!(
        "{}/{}",
        name.trim_end_matches(".link"),
        file("type", "dave")
    );
    let typed = link("type", &[], &[("src/app.py", "v1")]);
    chain.links.insert(below, (typed, "dave"));
    chain
}

#[test]
fn a_layout_may_stand_for_a_step() {
    delegated().ends(0, "", "");
    let mut chain = delegated();
    let (name, _) = chain
        .links
        .iter()
        .find(|(name, _)| name.contains('/'))
        .unwrap();
    let name = name.clone();
    chain.links.get_mut(&name).unwrap().0["products"]["src/app.py"]["sha256"] =
        json!("33".repeat(32));
    chain.ends(1, "materials", "`src/app.py`");
    chain.links.get_mut(&name).unwrap().1 = "alice";
    chain.ends(11, "links", "0");
    let mut chain = delegated();
    chain.now = "2026-06-02T00:00:00Z";
    chain.ends(14, "expiry", "2026-06-01");
    let mut chain = delegated();
    chain.links.get_mut(&file("write", "alice")).unwrap().1 = "dave";
    chain.ends(11, "links", "0");
}

#[test]
fn layouts_that_lie_in_one_another_without_end_are_refused() {
    // The layout's own step is carried out by its owner with the layout itself, at every depth.
    let mut chain = Chain::followed();
    chain.layout["keys"] = keys(&["olivia"]);
    chain.layout["steps"] = json!([step("again", &["olivia"], 1, &json!([]), &json!([]))]);
    let name = file("again", "olivia");
    let folder = format!("{}/", name.trim_end_matches(".link"));
    for depth in 0..20 {
        let path = format!("{}{name}", folder.repeat(depth));
        chain.links.insert(path, (chain.layout.clone(), "olivia"));
    }
    chain.ends(3, "layout", "more");
}

#[test]
fn time_limits_end_in_doubt() {
    let chain = Chain::followed();
    let key = LayoutKey::new(Signer::named("olivia").public()).unwrap();
    let links = [("write", "alice"), ("build", "bob"), ("build", "carol")]
        .map(|(step, who)| (file(step, who), chain.links[&file(step, who)].clone()))
        .map(|(name, (link, who))| (name, signed(&link, &[who], false)));
    let verdict = bulla_verify::in_toto::verify_layout(&bulla_verify::in_toto::LayoutQuestion {
        layout: &signed(&chain.layout, &["olivia"], false),
        keys: &[key],
        links: &links.into(),
        products: &[],
        inspected: &BTreeMap::new(),
        parameters: &BTreeMap::new(),
        now: NOW.parse().unwrap(),
        limits: &Limits::default(),
        cancelled: &|| true,
    });
    assert_ends(&verdict, 3, "links", "0");
}
