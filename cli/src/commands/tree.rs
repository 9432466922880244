//! `bulla tree`: an image, its platforms, and what is attached to each.

use bulla_model::{Bundle, Digest, Limits, Statement};
use bulla_registry::Store as _;
use serde::Serialize;

use crate::args::tree::Arguments;
use crate::commands::Context;
use crate::join::attached::{self, AttachedContent, AttachedEntry, AttachedList};
use crate::join::decode::signer_hint;
use crate::join::image::{self, OpenImage};
use crate::render::{Cell, Page, Report, bytes, shorten};
use crate::target::Target;
use crate::{Exit, Failure};

/// Shows the image, then the manifests of an index, each with its attestations.
pub async fn run(arguments: Arguments, context: &Context) -> Result<Exit, Failure> {
    let image = image::open(context, &Target::parse(&arguments.target)?).await?;
    let manifest = image.store.manifest(&image.descriptor.digest).await?;
    let mut tree = Tree {
        target: image.pinned.clone(),
        verified: false,
        nodes: vec![
            node(
                &image,
                &image.descriptor.digest,
                "image".to_owned(),
                context,
            )
            .await?,
        ],
    };
    if let Some(index) = manifest.index() {
        tree.nodes[0].name = format!("index of {}", index.manifests.len());
        for entry in &index.manifests {
            let name = if entry.is_buildkit_attestation() {
                "BuildKit attestations, unsigned".to_owned()
            } else {
                entry
                    .platform
                    .as_ref()
                    .map_or_else(|| "manifest".to_owned(), ToString::to_string)
            };
            tree.nodes
                .push(node(&image, &entry.digest, name, context).await?);
        }
    }
    context.printer.report(&tree)?;
    Ok(Exit::Success)
}

async fn node(
    image: &OpenImage,
    digest: &Digest,
    name: String,
    context: &Context,
) -> Result<Node, Failure> {
    let AttachedList { entries, truncated } = attached::list(&image.evidence, digest).await?;
    let attached = entries
        .iter()
        .map(|entry| Attached::of(entry, &context.limits))
        .collect();
    Ok(Node {
        name,
        digest: digest.clone(),
        attached,
        truncated,
    })
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Tree {
    target: String,
    /// Always false: this only shows what is there.
    verified: bool,
    nodes: Vec<Node>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Node {
    name: String,
    digest: Digest,
    attached: Vec<Attached>,
    truncated: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Attached {
    number: usize,
    manifest: Digest,
    what: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    signer: Option<String>,
    size: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<String>,
}

impl Attached {
    fn of(entry: &AttachedEntry, limits: &Limits) -> Self {
        let descriptor = &entry.referrer.descriptor;
        let mut attached = Self {
            number: entry.number,
            manifest: descriptor.digest.clone(),
            what: descriptor
                .artifact_type
                .clone()
                .unwrap_or_else(|| descriptor.media_type.clone()),
            signer: None,
            size: descriptor.size,
            problem: None,
        };
        match &entry.content {
            AttachedContent::Bundle { bytes, .. } => {
                attached.size = bytes.len() as u64;
                match Bundle::parse(bytes.clone(), limits) {
                    Ok(bundle) => {
                        attached.signer = Some(signer_hint(&bundle));
                        let payload = bundle.envelope().map(bulla_model::Envelope::payload);
                        let statement = payload.map(|bytes| Statement::parse(bytes, limits));
                        match statement {
                            Some(Ok(statement)) => {
                                statement
                                    .predicate_type()
                                    .as_str()
                                    .clone_into(&mut attached.what);
                            }
                            Some(Err(error)) => attached.problem = Some(error.to_string()),
                            None => "signature over a blob".clone_into(&mut attached.what),
                        }
                    }
                    Err(error) => attached.problem = Some(error.to_string()),
                }
            }
            AttachedContent::Other => {}
            AttachedContent::Unreadable(error) => attached.problem = Some(error.to_string()),
        }
        attached
    }
}

impl Report for Tree {
    fn human(&self, page: &mut Page) {
        page.line(Cell::strong(&self.target));
        for (index, node) in self.nodes.iter().enumerate() {
            let level = if index == 0 { 1 } else { 2 };
            page.indented(level, format!("{}  {}", node.name, node.digest));
            for attached in &node.attached {
                let note = match &attached.problem {
                    Some(problem) => Cell::bad(problem),
                    None => Cell::attention("unverified"),
                };
                page.row(
                    level + 1,
                    [
                        Cell::from(format!("#{}", attached.number)),
                        Cell::from(&attached.what),
                        Cell::from(attached.signer.as_deref().unwrap_or("unsigned")),
                        Cell::faint(bytes(attached.size)),
                        Cell::faint(shorten(&attached.manifest)),
                        note,
                    ],
                );
            }
            if node.truncated {
                page.indented(
                    level + 1,
                    Cell::attention("more was left out: the list is too long"),
                );
            }
        }
    }
}
