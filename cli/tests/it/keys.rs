//! Keys of every kind, and keys that are not in files.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::sandbox::{PASSWORD, Sandbox};

const CLAIM: &str = "--type https://example.test/p --predicate p.json --bundle out.json artifact";
const CHECK: &str = "--type https://example.test/p --bundle out.json artifact";

fn sandbox() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write("artifact", "an artifact");
    sandbox.write("p.json", "{}");
    sandbox
}

#[test]
fn every_kind_of_key_signs_what_is_then_verified() {
    for kind in [
        "ecdsa-p256",
        "ecdsa-p384",
        "ecdsa-p521",
        "ed25519",
        "ml-dsa-44",
        "ml-dsa-65",
        "ml-dsa-87",
        "rsa-2048",
    ] {
        let sandbox = sandbox();
        sandbox.done(&format!("key generate --no-password --type {kind}"));
        let public = sandbox.done("key public --key bulla.key").data;
        assert_eq!(public, sandbox.read("bulla.pub"), "{kind}");
        sandbox.done(&format!("attest --key bulla.key {CLAIM}"));
        sandbox.done(&format!("verify --key bulla.pub {CHECK}"));
        sandbox.write("artifact", "another artifact");
        let answer = sandbox.run(&format!("verify --key bulla.pub {CHECK}"));
        assert_eq!(answer.code, 13, "{kind}: {}{}", answer.data, answer.talk);
    }
}

#[test]
fn a_scheme_the_key_does_not_know_is_refused() {
    let sandbox = sandbox();
    sandbox.done("key generate --no-password");
    let answer = sandbox.run(&format!(
        "attest --key bulla.key --key-scheme rsa-pss-sha256 {CLAIM}"
    ));
    assert_eq!(answer.code, 2);
    assert!(
        answer
            .talk
            .contains("ecdsa-p256 keys do not sign with rsa-pss-sha256"),
        "{}",
        answer.talk
    );
}

#[test]
fn a_scheme_asked_for_is_used() {
    let sandbox = sandbox();
    sandbox.done("key generate --no-password --type rsa-2048");
    sandbox.done(&format!(
        "attest --key bulla.key --key-scheme rsa-pss-sha256 {CLAIM}"
    ));
    // Verifiers expect the key's usual scheme: another is theirs to allow.
    let answer = sandbox.run(&format!("verify --key bulla.pub {CHECK}"));
    assert_eq!(answer.code, 12, "{}{}", answer.data, answer.talk);
}

/// An API server that hands out one Secret, to whoever has the token.
fn api_server(secret: String, token: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut bytes = Vec::new();
            let mut part = [0; 1024];
            while !bytes.windows(4).any(|end| end == b"\r\n\r\n") {
                let count = stream.read(&mut part).unwrap();
                bytes.extend_from_slice(&part[..count]);
            }
            let asked = String::from_utf8(bytes).unwrap();
            let known = asked.contains(&format!("authorization: Bearer {token}\r\n"));
            let there = asked.starts_with("GET /api/v1/namespaces/release/secrets/signing ");
            let (status, body) = match (known, there) {
                (true, true) => (200, secret.as_str()),
                (true, false) => (404, r#"{"message": "secrets not found"}"#),
                (false, _) => (401, r#"{"message": "Unauthorized"}"#),
            };
            let head = format!(
                "HTTP/1.1 {status} X\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
                body.len()
            );
            drop(stream.write_all(format!("{head}{body}").as_bytes()));
        }
    });
    address
}

fn kubeconfig(address: &str, user: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: ci\n\
         contexts:\n- name: ci\n  context: {{cluster: local, user: builder, namespace: x}}\n\
         clusters:\n- name: local\n  cluster: {{server: 'http://{address}'}}\n\
         users:\n- name: builder\n  user: {user}\n"
    )
}

#[test]
fn a_key_pair_in_a_secret_of_kubernetes_signs_and_verifies() {
    let sandbox = sandbox();
    sandbox.done("key generate --out pair");
    let entry = |bytes: &str| STANDARD.encode(bytes);
    let secret = serde_json::json!({ "kind": "Secret", "data": {
        "cosign.key": entry(&sandbox.read("pair.key")),
        "cosign.pub": entry(&sandbox.read("pair.pub")),
        "cosign.password": entry(PASSWORD),
    }});
    let address = api_server(secret.to_string(), "cluster-token");
    sandbox.write(
        ".kube/config",
        &kubeconfig(&address, "{token: cluster-token}"),
    );
    // No password is given: the Secret has it.
    let answer = sandbox.run(&format!("attest --key k8s://release/signing {CLAIM}"));
    assert_eq!(answer.code, 0, "{}", answer.talk);
    let answer = sandbox.run(&format!("verify --key k8s://release/signing {CHECK}"));
    assert_eq!(answer.code, 0, "{}", answer.talk);
    let answer = sandbox.run("key public --key k8s://release/signing");
    assert_eq!(answer.data, sandbox.read("pair.pub"));

    let answer = sandbox.run("key public --key k8s://release/other");
    assert_eq!(answer.code, 3);
    assert!(answer.talk.contains("404"), "{}", answer.talk);
    sandbox.write(".kube/config", &kubeconfig(&address, "{token: wrong}"));
    let answer = sandbox.run("key public --key k8s://release/signing");
    assert!(answer.talk.contains("401") && !answer.talk.contains("wrong"));
}

#[cfg(unix)]
#[test]
fn a_credential_program_of_the_kubeconfig_is_run() {
    use std::os::unix::fs::PermissionsExt as _;
    let sandbox = sandbox();
    sandbox.done("key generate --out pair");
    let secret =
        serde_json::json!({ "data": { "cosign.pub": STANDARD.encode(sandbox.read("pair.pub")) } });
    let address = api_server(secret.to_string(), "from-the-program");
    sandbox.write(
        ".kube/login",
        "#!/bin/sh\necho \"{\\\"status\\\": {\\\"token\\\": \\\"$1\\\"}}\"\n",
    );
    std::fs::set_permissions(
        sandbox.path(".kube/login"),
        std::fs::Permissions::from_mode(0o755),
    )
    .unwrap();
    let exec = "{exec: {apiVersion: client.authentication.k8s.io/v1, command: ./login, args: [from-the-program]}}";
    sandbox.write(".kube/config", &kubeconfig(&address, exec));
    let answer = sandbox.run("key public --key k8s://release/signing");
    assert_eq!(answer.data, sandbox.read("pair.pub"), "{}", answer.talk);
    let answer = sandbox.run(&format!("attest --key k8s://release/signing {CLAIM}"));
    assert_eq!(answer.code, 2);
    assert!(
        answer.talk.contains("no entry cosign.key"),
        "{}",
        answer.talk
    );
}

#[test]
fn clusters_that_cannot_be_trusted_are_not_asked() {
    let sandbox = sandbox();
    let answer = sandbox.run("key public --key k8s://release/signing");
    assert!(
        answer.talk.contains("no cluster is configured"),
        "{}",
        answer.talk
    );
    let config = kubeconfig("127.0.0.1:1", "{token: t}").replace(
        "cluster: {server",
        "cluster: {insecure-skip-tls-verify: true, server",
    );
    sandbox.write(".kube/config", &config);
    let answer = sandbox.run("key public --key k8s://release/signing");
    assert_eq!(answer.code, 2);
    assert!(
        answer.talk.contains("skips TLS verification"),
        "{}",
        answer.talk
    );
    let config = kubeconfig("kubernetes.example.test", "{token: t}");
    sandbox.write(".kube/config", &config);
    let answer = sandbox.run("key public --key k8s://release/signing");
    assert_eq!(answer.code, 2);
    assert!(answer.talk.contains("without TLS"), "{}", answer.talk);
}

#[test]
fn a_kubeconfig_that_cannot_be_read_shows_no_token() {
    let sandbox = sandbox();
    for config in [
        "users:\n- name: me\n  user: {token: [hunter2]}\n",
        "users:\n- name: me\n  user: {token: hunter2\ncontexts: 1\n",
    ] {
        sandbox.write(".kube/config", config);
        let answer = sandbox.run("key public --key k8s://release/signing");
        assert_eq!(answer.code, 2);
        assert!(answer.talk.contains("is no kubeconfig"), "{}", answer.talk);
        assert!(!answer.talk.contains("hunter2"), "{}", answer.talk);
    }
}

#[cfg(unix)]
#[test]
fn a_pair_is_written_whole_or_not_at_all() {
    for (taken, other) in [("bulla.pub", "bulla.key"), ("bulla.key", "bulla.pub")] {
        let sandbox = Sandbox::new();
        // It is not seen beforehand, and nothing can be written over it.
        std::os::unix::fs::symlink("nowhere", sandbox.path(taken)).unwrap();
        let answer = sandbox.run("key generate --no-password");
        assert_eq!(answer.code, 2, "{}", answer.talk);
        assert!(!sandbox.names().contains(&other.to_owned()), "{other}");
    }
}

#[cfg(unix)]
#[test]
fn a_build_and_a_key_program_do_not_get_the_secrets_of_signing() {
    use std::os::unix::fs::PermissionsExt as _;
    const SECRETS: [&str; 6] = [
        "BULLA_IDENTITY_TOKEN",
        "BULLA_PASSWORD",
        "BULLA_PIN",
        "COSIGN_PASSWORD",
        "COSIGN_PKCS11_PIN",
        "SIGSTORE_ID_TOKEN",
    ];
    let sandbox = Sandbox::new().with_image();
    sandbox.done("key generate --no-password");
    let mut command = sandbox.command("run --attach image:1.0 --key env://THE_KEY -- sh -c");
    command
        .arg("env > seen")
        .envs(SECRETS.map(|name| (name, "hunter2")))
        .env("BULLA_KEY", "pkcs11:token=t;object=o?pin-value=hunter2")
        .env("THE_KEY", sandbox.read("bulla.key"))
        .env("OTHER", "kept");
    let output = command.output().unwrap();
    let talk = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{talk}");
    let seen = sandbox.read("seen");
    assert!(seen.contains("OTHER=kept"), "{seen}");
    assert!(
        !seen.contains("hunter2") && !seen.contains("THE_KEY"),
        "{seen}"
    );

    let program = sandbox.path("bin/sigstore-kms-vendor");
    let text = format!("#!/bin/sh\nenv > {}\n", sandbox.path("told").display());
    sandbox.write("bin/sigstore-kms-vendor", &text);
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    let path = format!("{}:/usr/bin:/bin", sandbox.path("bin").display());
    sandbox
        .command("key public --key vendor://k")
        .env("PATH", path)
        .env("OTHER", "kept")
        .envs(SECRETS.map(|name| (name, "hunter2")))
        .output()
        .unwrap();
    let told = sandbox.read("told");
    assert!(
        told.contains("OTHER=kept") && !told.contains("hunter2"),
        "{told}"
    );
}

#[cfg(unix)]
#[test]
fn a_key_program_is_found_on_the_search_path_but_never_in_the_checkout() {
    use std::os::unix::fs::PermissionsExt as _;
    let sandbox = sandbox();
    sandbox.done("key generate --no-password --out pair");
    let pem = STANDARD.encode(sandbox.read("pair.pub"));
    sandbox.write(
        "bin/sigstore-kms-vendor",
        &format!("#!/bin/sh\necho '{{\"publicKey\": {{\"publicKeyPEM\": \"{pem}\"}}}}'\n"),
    );
    std::fs::set_permissions(
        sandbox.path("bin/sigstore-kms-vendor"),
        std::fs::Permissions::from_mode(0o755),
    )
    .unwrap();
    let with_path = |path: &str| {
        let mut command = sandbox.command("key public --key vendor://k");
        command
            .env("PATH", format!("{path}:/usr/bin:/bin"))
            .output()
            .unwrap()
    };
    let found = with_path(sandbox.path("bin").to_str().unwrap());
    assert_eq!(
        String::from_utf8(found.stdout).unwrap(),
        sandbox.read("pair.pub")
    );
    let relative = with_path("bin");
    assert_eq!(relative.status.code(), Some(2));
}
