//! Bad input: one clear message, its exit code, and nothing half-written.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;

use crate::sandbox::{Answer, PASSWORD, Sandbox};

/// Runs a command that has to fail; it has to leave everything as it was.
fn refused(sandbox: &Sandbox, arguments: &str, code: i32, message: &str) -> Answer {
    let before = sandbox.names();
    let answer = sandbox.run(arguments);
    assert_eq!(
        answer.code, code,
        "bulla {arguments}\n{}{}",
        answer.data, answer.talk
    );
    assert_eq!(answer.data, "", "errors are talk: {arguments}");
    assert!(
        answer.talk.contains(message),
        "bulla {arguments}\n{}",
        answer.talk
    );
    assert_eq!(
        sandbox.names(),
        before,
        "nothing is half-written: {arguments}"
    );
    answer
}

#[test]
fn bad_input_has_one_message_and_its_exit_code() {
    let sandbox = Sandbox::new().with_image().with_key();
    sandbox.write("bad.json", "{\"a\":1,");
    sandbox.write("not-sbom.json", "{\"a\":1}");
    sandbox.write("bad/file", "");
    for (arguments, message) in [
        ("nonsense", "unrecognized subcommand"),
        ("sbom", "required arguments"),
        ("sbom alpine", "no registry host"),
        (
            "sbom registry.example.test/app",
            "`latest` is never guessed",
        ),
        ("sbom oci:absent", "there is no folder absent"),
        ("tree oci:bad", "an OCI image layout is not in bad"),
        ("sbom oci:image:2.0", "tag 2.0 is not in oci:image"),
        ("sbom dir:absent", "failed to read"),
        (
            "sbom image --platform linux/s390x -o no/such/folder/s.json",
            "failed to write no/such/folder/s.json",
        ),
        ("sign --no-ambient image", "no key to sign with"),
        ("sign --key absent.key image", "failed to read absent.key"),
        ("sign --key bulla.pub image", "PEM block is `PUBLIC KEY`"),
        ("sign --key awskms:alias/x image", "unknown key scheme"),
        (
            "sign --key bulla.key image",
            "needs a password, and there is no terminal",
        ),
        ("attest --key bulla.key image", "required arguments"),
        (
            "attest --sbom bad.json --key bulla.key image",
            "no JSON document",
        ),
        (
            "attest --sbom not-sbom.json --key bulla.key image",
            "neither CycloneDX nor SPDX",
        ),
        (
            "attest --predicate bad.json --type nonsense --key bulla.key image",
            "unknown predicate type",
        ),
        (
            "attest --provenance --key bulla.key image",
            "no CI system was recognised",
        ),
        (
            "attest --sbom not-sbom.json --by-reference --key bulla.key bad.json",
            "neither CycloneDX nor SPDX",
        ),
        ("inspect bad.json", "neither JSON nor PEM"),
        ("inspect image#9", "there is no #9"),
        (
            "run -o p.json -- no-such-command-here",
            "failed to run no-such-command-here",
        ),
        (
            "run -o p.json --products none* -- true",
            "made none of the products",
        ),
        ("key generate", "keys are never overwritten"),
        ("settings --timeout soon", "timeout"),
        ("copy image docker-archive:x.tar", "is no image"),
    ] {
        refused(&sandbox, arguments, 2, message);
    }
}

#[test]
fn a_wrong_password_is_refused_and_never_shown() {
    let sandbox = Sandbox::new().with_image().with_key();
    let wrong = "hunter2-hunter2";
    let output = sandbox
        .command("-vv sign --key bulla.key image --output json")
        .env("BULLA_PASSWORD", wrong)
        .output()
        .unwrap();
    let answer = Answer::of(&output);
    assert_eq!(answer.code, 2);
    assert_eq!(answer.json()["error"]["kind"], "password");
    for secret in [wrong, PASSWORD] {
        assert!(!answer.data.contains(secret) && !answer.talk.contains(secret));
    }
    assert_eq!(
        sandbox.done("tree image --output json").json()["nodes"][0]["attached"],
        serde_json::json!([])
    );
}

#[test]
fn an_unreachable_registry_is_no_answer() {
    let sandbox = Sandbox::new();
    let answer = refused(&sandbox, "tree 127.0.0.1:1/app:1", 3, "could not find out");
    assert!(answer.talk.contains("try again"), "{}", answer.talk);
    let json = sandbox.run("tree 127.0.0.1:1/app:1 --output json");
    assert_eq!(json.json()["error"]["exit"], 3);
    assert_eq!(json.json()["error"]["kind"], "unavailable");
}

#[test]
fn refused_credentials_are_no_answer_and_never_shown() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let host = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut request = [0; 4096];
            let _read = stream.read(&mut request).unwrap_or(0);
            let answer = "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"r\"\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
            drop(stream.write_all(answer.as_bytes()));
        }
    });
    let sandbox = Sandbox::new();
    // alice:s3cr3t-s3cr3t
    let encoded = "YWxpY2U6czNjcjN0LXMzY3IzdA==";
    sandbox.write(
        "auth.json",
        &format!(r#"{{"auths":{{"{host}":{{"auth":"{encoded}"}}}}}}"#),
    );
    let output = sandbox
        .command(&format!("-vv tree {host}/app:1 --plain-http {host}"))
        .env("REGISTRY_AUTH_FILE", sandbox.path("auth.json"))
        .output()
        .unwrap();
    let answer = Answer::of(&output);
    assert_eq!(answer.code, 3, "{}", answer.talk);
    assert!(answer.talk.contains("not authorised"), "{}", answer.talk);
    for secret in ["s3cr3t", encoded] {
        assert!(!answer.talk.contains(secret), "{}", answer.talk);
    }
}

#[cfg(unix)]
#[test]
fn programs_that_are_started_see_no_secret_of_signing() {
    use std::os::unix::fs::PermissionsExt as _;
    let sandbox = Sandbox::new();
    let folder = sandbox.path("bin");
    for (name, says) in [
        ("docker-credential-own", r#"{"Username":"a","Secret":"b"}"#),
        ("git", ""),
    ] {
        let script = format!(
            "#!/bin/sh\nenv > '{}/{name}.env'\necho '{says}'\n",
            folder.display()
        );
        sandbox.write(&format!("bin/{name}"), &script);
        let executable = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(folder.join(name), executable).unwrap();
    }
    sandbox.write("auth.json", r#"{"credsStore":"own"}"#);
    let run = |arguments: &str| {
        let mut command = sandbox.command(arguments);
        command
            .env("PATH", format!("{}:/usr/bin:/bin", folder.display()))
            .env("REGISTRY_AUTH_FILE", sandbox.path("auth.json"))
            .env("KEPT", "kept");
        for name in bulla_attest::service::SECRET_VARIABLES {
            command.env(name, "s3cret");
        }
        Answer::of(&command.output().unwrap())
    };
    run("tree 127.0.0.1:1/app:1");
    run("run -o p.json -- true");
    for name in ["docker-credential-own", "git"] {
        let seen = sandbox.read(&format!("bin/{name}.env"));
        assert!(seen.contains("KEPT=kept"), "{name}: {seen}");
        assert!(!seen.contains("s3cret"), "{name}: {seen}");
    }
}

#[test]
fn a_changed_blob_is_noticed() {
    let sandbox = Sandbox::new().with_image();
    let blobs = sandbox.path("image/blobs/sha256");
    for entry in std::fs::read_dir(blobs).unwrap() {
        let path = entry.unwrap().path();
        let bytes = std::fs::read(&path).unwrap();
        if bytes.starts_with(b"etc/os-release") {
            let mut changed = bytes.clone();
            changed[600] ^= 1;
            std::fs::write(&path, changed).unwrap();
        }
    }
    refused(&sandbox, "sbom image -o s.json", 12, "digest");
}

#[test]
fn a_closed_standard_output_is_no_failure() {
    use std::process::{Command, Stdio};
    let sandbox = Sandbox::new();
    let mut child = Command::new(env!("CARGO_BIN_EXE_bulla"))
        .args(["completions", "bash"])
        .current_dir(sandbox.path("."))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "");
}
