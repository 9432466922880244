//! `bulla demo`: the whole journey on the embedded default. No network, no server, no root.
//!
//! Every step is a real command of this program, run as a process of its own and printed first, so
//! that the reader learns the tool. What no command does, because only an attacker would, is done
//! through the libraries and said so.

mod attacks;
mod pack;
mod policy;
mod stage;

use std::path::Path;

use bulla_model::{Limits, Tag};
use bulla_registry::Layout;

use self::stage::Stage;
use crate::args::demo::Arguments;
use crate::commands::Context;
use crate::target::Target;
use crate::{Exit, Failure};

/// Who acts in the demo, and what each key is for.
const KEYS: &[(&str, &str)] = &[
    ("bob", "builds and tests"),
    ("release-bot", "promotes"),
    ("alice", "approves"),
    ("carol", "approves"),
];

/// Plays the demo.
pub async fn run(arguments: Arguments, context: &Context) -> Result<Exit, Failure> {
    let image = arguments.image.as_deref().map(absolute).transpose()?;
    let stage = Stage::set(&arguments.dir, context)?;
    let version = prepare(&stage, image.as_deref(), context).await?;
    let image = format!("oci:image:{version}");
    seal(&stage, &image).await?;
    promote(&stage, &image).await?;
    attacks::play(&stage, &image, &version, context).await?;
    stage.title("Look around");
    stage.text(&format!("cd {}", stage.name().display()));
    stage.text(&format!("bulla tree {image}"));
    stage.text(&format!("bulla verify --env prod {image} --verbose"));
    stage.text("bulla policy explain");
    stage.text("bulla sbom --help");
    stage.end();
    Ok(Exit::Success)
}

/// The demo works in its own folder, so paths are made absolute before it goes there.
fn absolute(text: &str) -> Result<String, Failure> {
    let make = |path: &Path| {
        std::path::absolute(path).map_err(|error| Failure::file("find", path, &error))
    };
    Ok(match Target::parse(text)? {
        Target::Layout {
            directory,
            selector,
        } => Target::Layout {
            directory: make(&directory)?,
            selector,
        }
        .to_string(),
        Target::OciArchive(path) => Target::OciArchive(make(&path)?).to_string(),
        Target::DockerArchive(path) => Target::DockerArchive(make(&path)?).to_string(),
        other => other.to_string(),
    })
}

/// The image, the keys, the policy.
async fn prepare(
    stage: &Stage<'_>,
    image: Option<&str>,
    context: &Context,
) -> Result<Tag, Failure> {
    stage.title("An image");
    let version: Tag = match image {
        Some(_) => "demo".parse(),
        None => env!("CARGO_PKG_VERSION").parse(),
    }
    .map_err(|error| Failure::usage(format_args!("no tag: {error}")))?;
    if let Some(reference) = image {
        let target = format!("oci:image:{version}");
        stage
            .allowed(&["copy", "--without-referrers", reference, &target])
            .await?;
    } else {
        let layout = Layout::create(&stage.path("image"), &context.limits)?;
        let packed = pack::this_program(&layout, &version).await?;
        stage.text(&format!(
            "packed this program with its Cargo.lock and licence: {packed}"
        ));
    }
    pack::project_files(stage)?;
    stage.title("Keys and a policy");
    for (name, purpose) in KEYS {
        stage
            .quiet(
                &[
                    "key",
                    "generate",
                    "--no-password",
                    "--out",
                    &format!("keys/{name}"),
                ],
                purpose,
            )
            .await?;
    }
    policy::write(stage)?;
    stage
        .allowed(&[
            "policy",
            "check",
            "--policy",
            "policy",
            "--anchor",
            "anchor.yaml",
        ])
        .await?;
    Ok(version)
}

/// What the build pipeline does.
async fn seal(stage: &Stage<'_>, image: &str) -> Result<(), Failure> {
    stage.title("List what is inside, sign it, say how it was built and tested");
    stage
        .allowed(&["sbom", image, "-o", "sbom.cdx.json"])
        .await?;
    stage
        .allowed(&["sign", image, "--key", "keys/bob.key"])
        .await?;
    stage
        .allowed(&[
            "attest",
            image,
            "--sbom",
            "sbom.cdx.json",
            "--provenance=provenance.json",
            "--test-results",
            "junit.xml",
            "--key",
            "keys/bob.key",
        ])
        .await
}

/// What the release engineers do.
async fn promote(stage: &Stage<'_>, image: &str) -> Result<(), Failure> {
    stage.title("Promote: dev and staging need evidence, prod needs two people");
    for to in ["dev", "staging"] {
        stage.allowed(&stage::promote(image, to)).await?;
    }
    stage
        .refused(&stage::promote(image, "prod"), Exit::NotYet)
        .await?;
    for person in ["alice", "carol"] {
        let key = format!("keys/{person}.key");
        stage.allowed(&stage::approve(image, "prod", &key)).await?;
    }
    stage.allowed(&stage::promote(image, "prod")).await?;
    stage.title("Before it is deployed");
    stage.allowed(&stage::verify(image)).await
}

/// Bounds for what the demo itself writes and reads.
fn limits(context: &Context) -> Limits {
    context.limits.clone()
}
