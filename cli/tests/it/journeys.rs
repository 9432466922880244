//! What people do with a layout on disk, from listing to copying.

use bulla_registry::{Layout, Store as _};

use crate::sandbox::{PASSWORD, Sandbox};

#[test]
fn an_image_is_listed_signed_attested_shown_and_copied() {
    let sandbox = Sandbox::new().with_image().with_key();
    let listed = sandbox.done("sbom image:1.0 -o sbom.json");
    assert_eq!(listed.data, "");
    assert!(
        listed.talk.contains("1 package  (1 deb)"),
        "{}",
        listed.talk
    );
    sandbox.done("sign --key bulla.key image:1.0");
    sandbox.write("junit.xml", "<testsuite><testcase name=\"a\"/></testsuite>");
    let attested =
        sandbox.done("attest --sbom sbom.json --test-results junit.xml --key bulla.key image:1.0");
    assert!(
        attested.data.contains("PASSED (1 tests)"),
        "{}",
        attested.data
    );
    let tree = sandbox.done("tree image:1.0 --output json").json();
    assert_eq!(tree["verified"], false);
    let attached = tree["nodes"][0]["attached"].as_array().unwrap();
    let mut types: Vec<&str> = attached
        .iter()
        .map(|one| one["what"].as_str().unwrap())
        .collect();
    types.sort_unstable();
    assert_eq!(
        types,
        [
            "https://cyclonedx.org/bom",
            "https://in-toto.io/attestation/test-result/v0.1",
            "https://sigstore.dev/cosign/sign/v1"
        ]
    );
    sandbox.done("copy image:1.0 oci-archive:image.tar");
    let archived = sandbox.done("sbom oci-archive:image.tar").data;
    assert_eq!(
        archived.matches("\"pkg:deb/").count(),
        sandbox.read("sbom.json").matches("\"pkg:deb/").count()
    );
    sandbox.done("copy oci-archive:image.tar oci:second:1.0");
    let copy = sandbox.done("tree second:1.0 --output json").json();
    assert_eq!(copy["nodes"][0], tree["nodes"][0]);
    assert!(
        !sandbox.names().iter().any(|name| name.contains("partial")),
        "{:?}",
        sandbox.names()
    );
}

#[test]
fn what_docker_saves_is_listed_and_copied_but_not_written() {
    let sandbox = Sandbox::new().with_image().with_key();
    let layout = Layout::open(&sandbox.path("image"), &bulla_model::Limits::default()).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let image = runtime.block_on(async {
        let images = layout.images().await.unwrap();
        layout.manifest(&images[0].descriptor.digest).await.unwrap()
    });
    let image = image.image().unwrap();
    let blob = |digest: &bulla_model::Digest| sandbox.path("image/blobs/sha256").join(digest.hex());
    let save = |name: &str, manifest: &str| {
        let mut archive = tar::Builder::new(std::fs::File::create(sandbox.path(name)).unwrap());
        for (path, name) in [
            (blob(&image.config.digest), "config.json"),
            (blob(&image.layers[0].digest), "one/layer.tar"),
        ] {
            archive.append_path_with_name(path, name).unwrap();
        }
        sandbox.write("manifest.json", manifest);
        archive
            .append_path_with_name(sandbox.path("manifest.json"), "manifest.json")
            .unwrap();
        archive.finish().unwrap();
    };
    let one = r#"{"Config":"config.json","RepoTags":["app:1"],"Layers":["one/layer.tar"]}"#;
    save("x.tar", &format!("[{one}]"));
    save(
        "two.tar",
        &format!("[{one},{}]", one.replace("app:1", "app:2")),
    );

    let listed = sandbox.done("sbom docker-archive:x.tar").data;
    let packages = listed.matches("\"pkg:deb/").count();
    assert!(packages > 0, "{listed}");
    assert_eq!(
        packages,
        sandbox
            .done("sbom image:1.0")
            .data
            .matches("\"pkg:deb/")
            .count()
    );
    sandbox.done("copy docker-archive:x.tar oci:copied:1");
    assert!(sandbox.done("sbom copied:1").data.contains("bash"));

    let several = sandbox.run("sbom docker-archive:two.tar");
    assert_eq!(several.code, 2, "{}", several.talk);
    assert!(
        several.talk.contains("holds 2 images: app:1, app:2"),
        "{}",
        several.talk
    );
    let written = sandbox.run("sign --key bulla.key docker-archive:x.tar");
    assert_eq!(written.code, 2, "{}", written.talk);
    assert!(
        written
            .talk
            .contains("bulla copy docker-archive:x.tar oci:DIR"),
        "{}",
        written.talk
    );
    assert_eq!(sandbox.run("sbom docker-archive:none.tar").code, 2);
}

#[test]
fn the_same_image_gives_the_same_document() {
    let sandbox = Sandbox::new().with_image();
    let first = sandbox.done("sbom oci:image");
    assert_eq!(first.data, sandbox.done("sbom oci:image").data);
    assert!(
        first.data.contains("2026-01-02T03:04:05Z"),
        "the image's own date"
    );
    let dated = sandbox
        .command("sbom oci:image")
        .env("SOURCE_DATE_EPOCH", "0")
        .output()
        .unwrap();
    assert!(
        String::from_utf8(dated.stdout)
            .unwrap()
            .contains("1970-01-01T00:00:00Z")
    );
}

#[test]
fn signing_twice_attaches_twice_but_the_same_bundle_once() {
    let sandbox = Sandbox::new().with_image().with_key();
    let first = sandbox
        .done("sign --key bulla.key image --bundle one.json --output json")
        .json();
    assert_eq!(first["attached"][0]["existed"], false);
    let inspected = sandbox.done("inspect one.json --output json").json();
    assert_eq!(inspected["content"]["kind"], "bundle");
    assert_eq!(
        inspected["content"]["envelope"]["statement"]["predicateType"],
        "https://sigstore.dev/cosign/sign/v1"
    );
    assert_eq!(
        inspected["content"]["envelope"]["payload"],
        first["signed"][0]["payload"]
    );
}

#[test]
fn a_build_is_recorded_without_secrets() {
    let sandbox = Sandbox::new();
    sandbox.write("in.txt", "in");
    let mut command = sandbox.command(
        "run --materials in.txt --products out* -o p.json --env SHOWN --env API_TOKEN -- sh -c",
    );
    command.arg("cat in.txt > out.txt").envs([
        ("SHOWN", "yes"),
        ("HIDDEN", "no!"),
        ("API_TOKEN", "t0ps3cret"),
    ]);
    let output = command.output().unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let written = sandbox.read("p.json");
    let statement: serde_json::Value = serde_json::from_str(&written).unwrap();
    assert_eq!(statement["subject"][0]["name"], "out.txt");
    let definition = &statement["predicate"]["buildDefinition"];
    assert_eq!(
        definition["externalParameters"]["environment"]["SHOWN"],
        "yes"
    );
    assert_eq!(definition["resolvedDependencies"][0]["name"], "in.txt");
    assert!(
        !written.contains("t0ps3cret") && !written.contains("no!"),
        "{written}"
    );
}

#[test]
fn a_failed_build_claims_nothing_and_keeps_its_exit_code() {
    let sandbox = Sandbox::new();
    let mut command = sandbox.command("run -o p.json -- sh -c");
    let output = command.arg("exit 7").output().unwrap();
    assert_eq!(output.status.code(), Some(7));
    assert_eq!(sandbox.names(), [""; 0]);
}

#[test]
fn provenance_of_a_build_is_attested() {
    let sandbox = Sandbox::new().with_image().with_key();
    let mut command = sandbox.command("run --products out* -o p.json -- sh -c");
    assert!(
        command
            .arg("echo hi > out.txt")
            .output()
            .unwrap()
            .status
            .success()
    );
    let attested = sandbox
        .done("attest --provenance=p.json --key bulla.key image --output json")
        .json();
    assert_eq!(
        attested["signed"][0]["predicateType"],
        "https://slsa.dev/provenance/v1"
    );
    let about_file =
        sandbox.done("attest --provenance=p.json --key bulla.key --bundle b.json out.txt");
    assert!(about_file.data.contains("signed"));
    let bundle = sandbox.done("inspect b.json --output json").json();
    assert_eq!(
        bundle["content"]["envelope"]["statement"]["subjects"][0]["name"],
        "out.txt"
    );
}

#[test]
fn keys_of_other_tools_are_imported_and_public_halves_shown() {
    let sandbox = Sandbox::new().with_key();
    let shown = sandbox.done("key public --key bulla.key");
    assert_eq!(shown.data, sandbox.read("bulla.pub"));
    let with_stdin = sandbox
        .command("key public --key bulla.key --password-stdin")
        .write_stdin(format!("{PASSWORD}\n"))
        .output()
        .unwrap();
    assert!(with_stdin.status.success());
    sandbox.done("key generate --type ed25519 --out second");
    let id = sandbox.done("inspect second.pub --output json").json();
    assert_eq!(id["content"]["algorithm"], "ed25519");
}
