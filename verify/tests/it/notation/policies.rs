//! Trust policies and trust stores.

use bulla_model::Limits;
use bulla_verify::notation::{RevocationLists, TrustPolicy, TrustStores};
use serde_json::{Value, json};

use super::world::{Case, authority_params};
use super::{ROOT, acme};

fn refused_policy(change: impl FnOnce(&mut Value)) -> String {
    let mut policy = json!({"version": "1.0", "trustPolicies": [Case::strict(ROOT).statement]});
    change(&mut policy);
    TrustPolicy::parse(policy.to_string().as_bytes(), &Limits::default())
        .unwrap_err()
        .to_string()
}

#[test]
fn f21_policies_are_understood_whole_or_refused() {
    let statement = |name: &'static str, value: Value| {
        refused_policy(move |policy| policy["trustPolicies"][0][name] = value)
    };
    let unknown = statement("trustedIdentity", json!([]));
    assert!(unknown.contains("unknown field"), "{unknown}");
    let version = refused_policy(|policy| policy["version"] = "2.0".into());
    assert_eq!(version, "trust policy of version `2.0`, expected 1.0");
    let none = refused_policy(|policy| policy["trustPolicies"] = json!([]));
    assert!(none.starts_with("expected 1 to"), "{none}");
    let twice = refused_policy(|policy| {
        let own = policy["trustPolicies"][0].clone();
        policy["trustPolicies"].as_array_mut().unwrap().push(own);
    });
    assert!(twice.contains("same name"), "{twice}");
    let scope = refused_policy(|policy| {
        let mut own = policy["trustPolicies"][0].clone();
        own["name"] = "other".into();
        policy["trustPolicies"].as_array_mut().unwrap().push(own);
    });
    assert!(scope.contains("has the scope `*` too"), "{scope}");
    for (name, value, reason) in [
        ("name", json!(""), "no name"),
        ("registryScopes", json!([]), "registryScopes is empty"),
        ("registryScopes", json!(["*", "a.test/b"]), "stands alone"),
        ("registryScopes", json!(["a.test/*"]), "scope `a.test/*`"),
        (
            "registryScopes",
            json!(["https://a.test/b"]),
            "scope `https",
        ),
        (
            "registryScopes",
            json!(["a.test/b:1"]),
            "scope `a.test/b:1`",
        ),
        ("registryScopes", json!(["a.test"]), "scope `a.test`"),
        ("trustStores", json!([]), "needs trustStores"),
        ("trustStores", json!(["ca"]), "trust store `ca`"),
        ("trustStores", json!(["x:y"]), "trust store `x:y`"),
        ("trustStores", json!(["ca:../y"]), "trust store `ca:../y`"),
        ("trustStores", json!(["ca:.."]), "trust store `ca:..`"),
        ("trustedIdentities", json!([]), "needs trustStores"),
        (
            "trustedIdentities",
            json!(["*", "x509.subject: C=US"]),
            "stands alone",
        ),
        (
            "trustedIdentities",
            json!(["C=US, ST=WA, O=acme"]),
            "expected `x509.subject",
        ),
        (
            "trustedIdentities",
            json!(["x509.subject: C=US, O=acme"]),
            "`ST` is missing",
        ),
        (
            "trustedIdentities",
            json!([
                "x509.subject: C=US,ST=WA,O=a,CN=b",
                "x509.subject: C=US,ST=WA,O=a"
            ]),
            "overlaps",
        ),
        (
            "signatureVerification",
            json!({"level": "loose"}),
            "level `loose`",
        ),
        (
            "signatureVerification",
            json!({"level": "strict", "override": {"integrity": "log"}}),
            "always enforced",
        ),
        (
            "signatureVerification",
            json!({"level": "strict", "override": {"expiry": "skip"}}),
            "only revocation",
        ),
        (
            "signatureVerification",
            json!({"level": "strict", "override": {"other": "log"}}),
            "it names none",
        ),
        (
            "signatureVerification",
            json!({"level": "skip", "override": {"expiry": "log"}}),
            "nothing to override",
        ),
        (
            "signatureVerification",
            json!({"level": "strict", "verifyTimestamp": "never"}),
            "verifyTimestamp `never`",
        ),
        (
            "signatureVerification",
            json!({"level": "skip"}),
            "the level skip has neither",
        ),
    ] {
        let found = statement(name, value.clone());
        assert!(found.contains(reason), "{name} {value}: {found}");
    }
}

#[test]
fn the_statement_that_names_the_repository_applies() {
    let statement = |name: &str, scopes: Value| {
        let mut own = Case::strict(ROOT).statement;
        own["name"] = name.into();
        own["registryScopes"] = scopes;
        own
    };
    let named = statement("named", json!(["a.test/b", "a.test:5000/b"]));
    let policy = |statements: &[Value]| {
        let text = json!({"version": "1.0", "trustPolicies": statements}).to_string();
        TrustPolicy::parse(text.as_bytes(), &Limits::default()).unwrap()
    };
    let both = policy(&[statement("all", json!(["*"])), named.clone()]);
    let applied = |repository| {
        both.statement_for(repository)
            .map(|one| one.name().to_owned())
    };
    assert_eq!(applied("a.test/b").unwrap(), "named");
    assert_eq!(applied("a.test:5000/b").unwrap(), "named");
    assert_eq!(applied("a.test/b/c").unwrap(), "all");
    assert!(policy(&[named]).statement_for("a.test/c").is_none());
}

#[test]
fn stores_hold_authorities_and_lists_say_when_they_end() {
    let name = |text: &str| {
        let mut statement = Case::strict(ROOT).statement;
        statement["trustStores"] = json!([text]);
        let text = json!({"version": "1.0", "trustPolicies": [statement]}).to_string();
        let policy = TrustPolicy::parse(text.as_bytes(), &Limits::default()).unwrap();
        policy.statement_for("a.test/b").unwrap().stores()[0].clone()
    };
    let (ca, tsa) = (name("ca:x"), name("tsa:x"));
    let (root, leaf) = acme();
    let between = root.issue(authority_params("between"));
    let mut stores = TrustStores::default();
    assert!(stores.add(&ca, &between.chain[0]).is_ok());
    assert!(stores.add(&tsa, &root.chain[0]).is_ok());
    assert_eq!((stores.count(&ca), stores.count(&tsa)), (1, 1));
    let refused = |stores: &mut TrustStores, store, file: &[u8]| {
        stores.add(store, file).unwrap_err().to_string()
    };
    assert!(refused(&mut stores, &ca, &leaf.chain[0]).contains("neither an authority's"));
    assert!(refused(&mut stores, &tsa, &between.chain[0]).contains("not the root"));
    assert!(refused(&mut stores, &ca, b"junk").contains("no certificate"));
    let key = b"-----BEGIN PUBLIC KEY-----\nAA==\n-----END PUBLIC KEY-----\n";
    assert!(refused(&mut stores, &ca, key).contains("expected CERTIFICATE"));
    let mut lists = RevocationLists::default();
    assert!(
        lists
            .add(b"junk")
            .unwrap_err()
            .to_string()
            .starts_with("no certificate revocation")
    );
    for _ in 0..64 {
        lists.add(&root.list(&[], 2026)).unwrap();
    }
    let many = lists.add(&root.list(&[], 2026)).unwrap_err().to_string();
    assert_eq!(many, "more than 64 revocation lists");
}
