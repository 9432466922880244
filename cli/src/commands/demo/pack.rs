//! Packing: files into a real OCI image, deterministically.

use std::io::Write as _;

use bulla_model::predicate::Provenance;
use bulla_model::predicate::slsa_provenance::{AUTHORS, BuildDefinition, Builder, RunDetails};
use bulla_model::{
    Algorithm, Descriptor, Digest, DigestSet, Hasher, ImageManifest, ResourceDescriptor, Tag,
    media_type,
};
use bulla_registry::{Layout, Store as _};

use super::policy::SOURCE;
use super::stage::Stage;
use crate::Failure;
use crate::failure::FailureKind;
use crate::render::{bytes, shorten};

/// What this program was built from.
const CARGO_LOCK: &[u8] = include_bytes!("../../../../Cargo.lock");
const LICENSE: &[u8] = include_bytes!("../../../../LICENSE");

/// A file of a layer.
struct Entry<'a> {
    path: &'a str,
    mode: u32,
    bytes: &'a [u8],
}

/// Packs the running program with its Cargo.lock and licence; answers a line about it.
pub(super) async fn this_program(layout: &Layout, tag: &Tag) -> Result<String, Failure> {
    let path = std::env::current_exe().map_err(|error| {
        Failure::new(
            FailureKind::File,
            format_args!("failed to find this program: {error}"),
        )
    })?;
    let program = std::fs::read(&path).map_err(|error| Failure::file("read", &path, &error))?;
    let descriptor = image(
        layout,
        tag,
        &[
            Entry {
                path: "usr/bin/bulla",
                mode: 0o755,
                bytes: &program,
            },
            Entry {
                path: "usr/share/doc/bulla/Cargo.lock",
                mode: 0o644,
                bytes: CARGO_LOCK,
            },
            Entry {
                path: "usr/share/doc/bulla/LICENSE",
                mode: 0o644,
                bytes: LICENSE,
            },
        ],
    )
    .await?;
    Ok(format!(
        "oci:image:{tag} -> {}   {}",
        shorten(&descriptor.digest),
        bytes(program.len() as u64)
    ))
}

/// Packs another image of the same service, for the attacks.
pub(super) async fn other_build(layout: &Layout, tag: &Tag) -> Result<Descriptor, Failure> {
    image(
        layout,
        tag,
        &[
            Entry {
                path: "usr/share/doc/bulla/Cargo.lock",
                mode: 0o644,
                bytes: CARGO_LOCK,
            },
            Entry {
                path: "usr/share/doc/bulla/README",
                mode: 0o644,
                bytes: b"another build of the same service\n",
            },
        ],
    )
    .await
}

async fn image(layout: &Layout, tag: &Tag, entries: &[Entry<'_>]) -> Result<Descriptor, Failure> {
    let layer = tar(entries)?;
    let layer_descriptor = Descriptor::of(media_type::LAYER_TAR, &layer);
    layout.put_blob(layer).await?;
    let config = serde_json::json!({
        "architecture": match std::env::consts::ARCH { "x86_64" => "amd64", "aarch64" => "arm64", other => other },
        "os": std::env::consts::OS,
        "config": {
            "Entrypoint": ["/usr/bin/bulla"],
            "Labels": {"org.opencontainers.image.source": SOURCE, "org.opencontainers.image.version": env!("CARGO_PKG_VERSION")},
        },
        "rootfs": {"type": "layers", "diff_ids": [layer_descriptor.digest.to_string()]},
    });
    let config = config.to_string().into_bytes();
    let manifest = ImageManifest {
        schema_version: 2,
        media_type: Some(media_type::IMAGE_MANIFEST.to_owned()),
        artifact_type: None,
        config: Descriptor::of(media_type::IMAGE_CONFIG, &config),
        layers: vec![layer_descriptor],
        subject: None,
        annotations: std::collections::BTreeMap::new(),
    };
    layout.put_blob(config).await?;
    let bytes = serde_json::to_vec(&manifest)
        .map_err(|error| Failure::new(FailureKind::Internal, error))?;
    Ok(layout
        .put_manifest(&bytes, media_type::IMAGE_MANIFEST, Some(tag))
        .await?)
}

fn tar(entries: &[Entry<'_>]) -> Result<Vec<u8>, Failure> {
    let write = || -> std::io::Result<Vec<u8>> {
        let mut builder = ::tar::Builder::new(Vec::new());
        for entry in entries {
            let mut header = ::tar::Header::new_gnu();
            header.set_size(entry.bytes.len() as u64);
            header.set_mode(entry.mode);
            header.set_mtime(0);
            builder.append_data(&mut header, entry.path, entry.bytes)?;
        }
        let mut bytes = builder.into_inner()?;
        bytes.flush()?;
        Ok(bytes)
    };
    write().map_err(|error| Failure::new(FailureKind::Internal, error))
}

/// What a pipeline would have at hand: how the image was built, and its test report.
pub(super) fn project_files(stage: &Stage<'_>) -> Result<(), Failure> {
    let source = ResourceDescriptor {
        uri: Some(format!("git+{SOURCE}")),
        // The demo has no commit at hand; the lock file stands for the source it was built from.
        digest: DigestSet::from(Digest::sha256(CARGO_LOCK)),
        annotations: [(AUTHORS.to_owned(), serde_json::json!(["dave@acme.example"]))].into(),
        ..ResourceDescriptor::default()
    };
    let mut hasher = Hasher::new(Algorithm::Sha256);
    hasher.update(LICENSE);
    let licence = ResourceDescriptor::named("LICENSE", hasher.finish());
    let provenance = Provenance {
        build_definition: BuildDefinition {
            build_type: "https://bulla.dev/buildtypes/run/v1".to_owned(),
            external_parameters: serde_json::json!({"command": ["cargo", "build", "--release"]}),
            internal_parameters: serde_json::Value::Null,
            resolved_dependencies: vec![source, licence],
        },
        run_details: RunDetails {
            builder: Builder {
                id: "https://bulla.dev/builders/local".to_owned(),
                ..Builder::default()
            },
            metadata: None,
            byproducts: Vec::new(),
        },
    };
    let json = serde_json::to_vec_pretty(&provenance)
        .map_err(|error| Failure::new(FailureKind::Internal, error))?;
    stage.write("provenance.json", &json)?;
    stage.write("junit.xml", JUNIT.as_bytes())
}

const JUNIT: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<testsuites tests="3">
  <testsuite name="smoke" tests="3">
    <testcase classname="smoke" name="starts"/>
    <testcase classname="smoke" name="answers"/>
    <testcase classname="smoke" name="stops"/>
  </testsuite>
</testsuites>
"#;
