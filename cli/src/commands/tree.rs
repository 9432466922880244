//! `bulla tree`: an image, its platforms, and what is attached to each.

mod documents;

use bulla_model::{Bundle, CosignLayer, Digest, Envelope, Limits, Statement};
use bulla_registry::Store as _;
use serde::Serialize;

use crate::args::tree::Arguments;
use crate::commands::Context;
use crate::join::attached::{self, AttachedContent, AttachedEntry, AttachedList};
use crate::join::decode::{DecodedCosign, DecodedNotation, signer_hint};
use crate::join::image::{self, OpenImage};
use crate::join::unsigned::{self, BUILDKIT};
use crate::render::{Cell, Page, Report, bytes, shorten};
use crate::target::Target;
use crate::{Exit, Failure};
use documents::ReferredDocument;

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
            let buildkit = entry.is_buildkit_attestation();
            let name = if buildkit {
                format!("{BUILDKIT}, unsigned")
            } else {
                entry
                    .platform
                    .as_ref()
                    .map_or_else(|| "manifest".to_owned(), ToString::to_string)
            };
            let mut node = node(&image, &entry.digest, name, context).await?;
            if buildkit {
                let manifest = image.store.manifest(&entry.digest).await?;
                node.unsigned = unsigned::predicate_types(&manifest);
            }
            tree.nodes.push(node);
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
    let AttachedList {
        entries,
        truncated,
        unavailable,
    } = attached::list(&image.evidence, digest, &image.tag_prefix).await?;
    let mut attached: Vec<Attached> = entries
        .iter()
        .map(|entry| Attached::of(entry, &context.limits))
        .collect();
    let referred = attached.iter_mut().flat_map(|one| &mut one.documents);
    documents::look(&image.evidence, referred).await;
    Ok(Node {
        name,
        digest: digest.clone(),
        attached,
        unsigned: Vec::new(),
        truncated,
        unavailable,
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
    /// Predicate types of claims nobody signed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    unsigned: Vec<String>,
    truncated: bool,
    /// What could not be read; it may have been attached too.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    unavailable: Vec<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Attached {
    number: usize,
    manifest: Digest,
    #[serde(skip_serializing_if = "Option::is_none")]
    tag: Option<String>,
    what: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    signer: Option<String>,
    size: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<String>,
    /// The documents it refers to instead of holding them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    documents: Vec<ReferredDocument>,
}

impl Attached {
    fn of(entry: &AttachedEntry, limits: &Limits) -> Self {
        let descriptor = &entry.descriptor;
        let mut attached = Self {
            number: entry.number,
            manifest: entry.manifest.clone(),
            tag: entry.tag.clone(),
            what: descriptor
                .artifact_type
                .clone()
                .unwrap_or_else(|| descriptor.media_type.clone()),
            signer: None,
            size: descriptor.size,
            problem: None,
            documents: Vec::new(),
        };
        match &entry.content {
            AttachedContent::Bundle { bytes, .. } => {
                attached.size = bytes.len() as u64;
                match Bundle::parse(bytes.clone(), limits) {
                    Ok(bundle) => {
                        attached.signer = Some(signer_hint(&bundle));
                        let payload = bundle.envelope().map(Envelope::payload);
                        let statement = payload.map(|bytes| Statement::parse(bytes, limits));
                        match statement {
                            Some(Ok(statement)) => {
                                statement
                                    .predicate_type()
                                    .as_str()
                                    .clone_into(&mut attached.what);
                                attached.documents = documents::of(&statement, limits);
                            }
                            Some(Err(error)) => attached.problem = Some(error.to_string()),
                            None => "signature over a blob".clone_into(&mut attached.what),
                        }
                    }
                    Err(error) => attached.problem = Some(error.to_string()),
                }
            }
            AttachedContent::Cosign(layer) => attached.add_cosign(layer, limits),
            AttachedContent::Notation(Ok(envelope)) => {
                let decoded = DecodedNotation::of(envelope, limits);
                attached.what = format!("Notary Project signature ({})", decoded.form);
                attached.signer = Some(decoded.signer());
            }
            AttachedContent::Notation(Err(error)) => attached.problem = Some(error.to_string()),
            AttachedContent::Sbom => {
                attached.what = format!("SBOM, unsigned ({})", descriptor.media_type);
            }
            AttachedContent::Other => {}
            AttachedContent::Unreadable(error) => attached.problem = Some(error.to_string()),
        }
        attached
    }

    fn add_cosign(&mut self, layer: &CosignLayer, limits: &Limits) {
        let decoded = DecodedCosign::of_layer(layer, limits);
        self.signer = Some(decoded.signer);
        self.problem = decoded.problem;
        if layer.is_signature() {
            "signature (simple signing)".clone_into(&mut self.what);
            return;
        }
        let statement = Envelope::parse(layer.bytes(), limits)
            .ok()
            .and_then(|envelope| Statement::parse(envelope.payload(), limits).ok());
        if let Some(statement) = statement {
            let kind = statement.predicate_type().as_str();
            self.what = format!("{kind} (older format)");
            self.documents = documents::of(&statement, limits);
        }
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
                        Cell::faint(match &attached.tag {
                            // The digest in the tag is the line above.
                            Some(tag) => format!("tag …{}", tag.rsplit('.').next().unwrap_or(tag)),
                            None => shorten(&attached.manifest),
                        }),
                        note,
                    ],
                );
                for document in &attached.documents {
                    document.human(page, level + 2);
                }
            }
            for kind in &node.unsigned {
                page.indented(level + 1, kind);
            }
            for place in &node.unavailable {
                page.indented(
                    level + 1,
                    Cell::attention(format!("could not be read: {place}")),
                );
            }
            if node.truncated {
                page.indented(
                    level + 1,
                    Cell::attention(
                        "more was left out: the list is too long, or not all of it can be read",
                    ),
                );
            }
        }
    }
}
