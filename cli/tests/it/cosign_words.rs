//! What somebody types who comes from cosign.

use serde_json::Value;

use crate::sandbox::{Answer, Sandbox};

fn code(answer: &Answer, expected: i32, what: &str) {
    assert_eq!(
        answer.code, expected,
        "{what}\n{}{}",
        answer.data, answer.talk
    );
}

#[test]
fn commands_that_mean_the_same_are_taken_with_cosign_s_flags() {
    let sandbox = Sandbox::new();
    sandbox.done("generate-key-pair");
    assert!(sandbox.path("cosign.key").exists(), "cosign's own name");
    sandbox.done("public-key --key cosign.key --outfile again.pub");
    assert_eq!(sandbox.read("again.pub"), sandbox.read("cosign.pub"));
    sandbox.write("a.txt", "a");
    sandbox.write("b.txt", "b");
    sandbox.done(
        "sign-blob --yes --key cosign.key --new-bundle-format --output-signature a.sig --bundle a.json a.txt",
    );
    let bundle: Value = serde_json::from_str(&sandbox.read("a.json")).unwrap();
    assert!(
        bundle["messageSignature"]["signature"].is_string(),
        "{bundle}"
    );
    sandbox.write("p.json", "{}");
    sandbox
        .done("attest-blob --key cosign.key --type custom --predicate p.json --bundle a.att a.txt");
    for (line, expected) in [
        ("verify-blob --key cosign.pub --bundle a.json a.txt", 11),
        (
            "verify-blob --key cosign.pub --insecure-ignore-tlog --bundle a.json a.txt",
            0,
        ),
        (
            "verify-blob --key cosign.pub --insecure-ignore-tlog --bundle a.json b.txt",
            13,
        ),
        (
            "verify-blob --key cosign.pub --insecure-ignore-tlog --signature a.sig a.txt",
            0,
        ),
        (
            "verify-blob --key cosign.pub --insecure-ignore-tlog=true --offline --max-workers 3 --signature a.sig a.txt",
            0,
        ),
        (
            "verify-blob --key cosign.pub --insecure-ignore-tlog --use-signed-timestamps --bundle a.json a.txt",
            11,
        ),
        (
            "verify-blob --key cosign.pub --insecure-ignore-tlog --use-signed-timestamps=false --bundle a.json a.txt",
            0,
        ),
        (
            "verify-blob-attestation --key cosign.pub --insecure-ignore-tlog --bundle a.att a.txt",
            0,
        ),
        (
            "verify-blob-attestation --key cosign.pub --insecure-ignore-tlog --type vuln --bundle a.att a.txt",
            10,
        ),
        (
            "verify-attestation --key cosign.pub --insecure-ignore-tlog --check-claims --bundle a.att a.txt",
            0,
        ),
        ("version", 0),
    ] {
        code(&sandbox.run(line), expected, line);
    }
}

#[test]
fn f21_what_means_something_else_is_refused_with_our_own_word() {
    let sandbox = Sandbox::new().with_key();
    sandbox.write("a.txt", "a");
    for (line, hint) in [
        ("initialize", "bulla trust update"),
        ("--output json initialize", "bulla trust update"),
        ("download attestation x", "bulla inspect IMAGE#N"),
        ("signing-config create --out x", "--signing-config-out"),
        ("triangulate x", "bulla tree IMAGE"),
        ("env", "bulla settings"),
        ("login r", "docker login"),
        ("clean x", "registry's own tools"),
        ("save --dir d x", "bulla copy IMAGE oci:DIR"),
        ("load --dir d x", "bulla copy oci:DIR IMAGE"),
        (
            "verify --allow-http-registry --key bulla.pub a.txt",
            "--plain-http HOST",
        ),
        (
            "verify --allow-insecure-registry=true --key bulla.pub a.txt",
            "SSL_CERT_FILE",
        ),
        (
            "verify --rekor-url https://r.example --key bulla.pub a.txt",
            "--log-threshold",
        ),
        ("verify --sk a.txt", "pkcs11:token"),
        ("attest --statement s.json a.txt", "--predicate FILE"),
        ("attest --output-attestation o.json a.txt", "--bundle FILE"),
        (
            "verify --key bulla.pub --insecure-ignore-tlog=false a.txt",
            "--log-threshold 1",
        ),
        (
            "verify --key bulla.pub --insecure-ignore-tlog --log-threshold 1 a.txt",
            "cannot be used with",
        ),
        (
            "verify --key bulla.pub --offline=false a.txt",
            "always offline",
        ),
        (
            "verify --key bulla.pub --new-bundle-format=false a.txt",
            "older forms are found",
        ),
        (
            "verify --key bulla.pub --check-claims=false a.txt",
            "always compared",
        ),
        (
            "sign --key bulla.key --new-bundle-format=false a.txt",
            "--legacy",
        ),
        (
            "sign --key bulla.key --use-signing-config a.txt",
            "--instance public-good",
        ),
        ("sign --use-signing-config=false a.txt", "--fulcio-url URL"),
        (
            "sign --key bulla.key --use-signing-config=false --instance staging a.txt",
            "leave one of both away",
        ),
        ("sign --key pkcs11:token=T a.txt", "token=T;object=O"),
        ("sign --key gcpkms://x a.txt", "gcpkms://projects/P/"),
        ("sign --key gitlab://group/project a.txt", "not built in"),
        (
            "sign --key bulla.key -a novalue a.txt",
            "expected KEY=VALUE",
        ),
        ("sign --key bulla.key -a k=1 -a k=2 a.txt", "named twice"),
        (
            "sign --key bulla.key -a https://bulla.dev/issuedAt=x a.txt",
            "written by bulla",
        ),
        (
            "sign --key bulla.key --message -a k=1 a.txt",
            "cannot be used with",
        ),
    ] {
        let before = sandbox.names();
        let answer = sandbox.run(line);
        code(&answer, 2, line);
        assert!(answer.talk.contains(hint), "{line}\n{}", answer.talk);
        assert_eq!(sandbox.names(), before, "{line}");
    }
    sandbox.done("sign --key bulla.key --use-signing-config=false --tlog-upload=false a.txt");
}

#[test]
fn what_settings_say_about_services_is_compared_with_cosigns_word() {
    let sandbox = Sandbox::new().with_key();
    sandbox.write("a.txt", "a");
    for (line, name, value, hint) in [
        (
            "sign --use-signing-config a.txt",
            "BULLA_REKOR_URL",
            "https://rekor.example.test",
            "or the services",
        ),
        (
            "sign --use-signing-config a.txt",
            "BULLA_TIMESTAMP_SERVER_URL",
            "https://tsa.example.test/",
            "or the services",
        ),
        // Whose identity was typed signs without the key that is set.
        (
            "sign --use-signing-config=false --identity-token x a.txt",
            "BULLA_KEY",
            "bulla.key",
            "--fulcio-url URL",
        ),
    ] {
        let mut command = sandbox.command(line);
        let answer = Answer::of(&command.env(name, value).output().unwrap());
        code(&answer, 2, line);
        assert!(answer.talk.contains(hint), "{line}\n{}", answer.talk);
    }
}

#[test]
fn annotations_are_signed_and_demanded() {
    let sandbox = Sandbox::new().with_image().with_key();
    sandbox.write("a.txt", "a");
    sandbox.done("sign --key bulla.key -a env=prod -a n=1 a.txt");
    sandbox.done("sign --key bulla.key -a env=prod image:1.0");
    for (line, expected) in [
        ("-a env=prod a.txt", 0),
        ("-a env=prod -a n=1 a.txt", 0),
        ("-a env=dev a.txt", 13),
        ("-a env=prod -a env=dev a.txt", 13),
        ("-a absent= a.txt", 13),
        ("-a env=prod image:1.0", 0),
        ("-a env=prod -a n=1 image:1.0", 13),
        ("image:1.0", 0),
        ("-a env=prod --type custom image:1.0", 2),
    ] {
        let answer = sandbox.run(&format!("verify --key bulla.pub {line}"));
        code(&answer, expected, line);
    }
    let other = Sandbox::new().with_image().with_key();
    other.done("sign --key bulla.key --legacy -a env=prod image:1.0");
    let signed = |line: &str| other.run(&format!("verify --key bulla.pub {line} --output json"));
    let answer = signed("-a env=prod image:1.0");
    let reports = &answer.json()["verdicts"][0]["verdict"]["signatures"];
    let counting = reports.as_array().unwrap().iter();
    let counting = counting.filter(|report| report["counts"] == true);
    assert_eq!(
        counting.count(),
        2,
        "in the new form and in the older one: {reports}"
    );
    code(&signed("-a env=dev image:1.0"), 13, "another value");
}

#[test]
fn a_signature_that_names_no_key_and_does_not_fit_the_one_there_is_is_invalid() {
    let sandbox = Sandbox::new().with_key();
    sandbox.done("key generate --out second");
    sandbox.write("a.txt", "a");
    sandbox.done("sign-blob --key bulla.key --output-signature a.sig --bundle a.json a.txt");
    code(
        &sandbox.run("verify --key bulla.pub --signature a.sig a.txt"),
        0,
        "as signed",
    );
    sandbox.write("a.txt", "changed");
    let changed = sandbox.run("verify --key bulla.pub --signature a.sig -v a.txt");
    code(&changed, 12, "changed");
    assert!(
        changed.data.contains("the file was changed"),
        "{}",
        changed.data
    );
    let two = sandbox.run("verify --key bulla.pub --key second.pub --signature a.sig a.txt");
    code(&two, 11, "nobody knows which of two keys is meant");
}

#[test]
fn hints_name_files_that_are_there() {
    let sandbox = Sandbox::new().with_key();
    sandbox.done("key generate --out second");
    sandbox.write("a.txt", "a");
    sandbox.write("d/a.txt", "a");
    sandbox.done("sign --key bulla.key --bundle other.json a.txt");
    let named = sandbox.run("verify --key second.pub --bundle other.json a.txt");
    code(&named, 11, "another key");
    assert!(
        named.data.contains("bulla inspect other.json"),
        "{}",
        named.data
    );
    assert!(
        !named.data.contains("a.txt.sigstore.json"),
        "{}",
        named.data
    );
    sandbox.done("sign --key bulla.key d");
    let folder = sandbox.run("verify --key second.pub d");
    code(&folder, 11, "another key");
    assert!(
        folder.data.contains("bulla inspect d.sigstore.json"),
        "{}",
        folder.data
    );
    assert!(!folder.data.contains("bulla tree"), "{}", folder.data);
    sandbox.write(
        "cert.pem",
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
    );
    let certificate = sandbox.run("verify --key cert.pem a.txt");
    code(&certificate, 2, "a certificate");
    assert!(
        certificate.talk.contains("openssl x509 -pubkey"),
        "{}",
        certificate.talk
    );
    let open = "verify --certificate-identity-regexp ^https://github.com/org/ --certificate-oidc-issuer x --bundle other.json a.txt";
    assert!(sandbox.run(open).talk.contains("append .*"));
    assert!(
        !sandbox
            .run(&open.replace("org/", "org/.*"))
            .talk
            .contains("append .*")
    );
}

#[test]
fn what_signed_files_were_is_told_to_the_next_step() {
    let sandbox = Sandbox::new().with_key();
    sandbox.write("a.txt", "a");
    let digest = bulla_model::Digest::sha256(b"a").to_string();
    for how in ["", "--message"] {
        let line = format!("sign --key bulla.key {how} a.txt");
        let lines = sandbox.done(&format!("{line} --output gitlab")).data;
        assert!(
            lines.contains(&format!("BULLA_DIGEST={digest}\n")),
            "{lines}"
        );
        let json = sandbox.done(&format!("{line} --output json")).json();
        assert_eq!(json["signed"][0]["target"], "a.txt", "{json}");
        let shown = sandbox.done(&line).data;
        let first = shown.lines().next().unwrap_or_default();
        assert!(
            first.contains("signed") && first.contains("a.txt"),
            "{shown}"
        );
    }
    // No row is as wide as the longest line of the whole.
    sandbox.done("sign --key bulla.key -a k=v a.txt");
    let shown = sandbox.done("inspect a.txt.sigstore.json").data;
    assert!(!shown.contains(&" ".repeat(40)), "{shown}");
}
