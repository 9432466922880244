//! Images that manifests would run, as targets: each distinct one once, with where it is named.

use std::collections::BTreeMap;
use std::path::PathBuf;

use bulla_model::{PinnedReference, Reference};
use bulla_registry::Target as Selector;
use serde::Serialize;

use crate::Failure;
use crate::failure::FailureKind;
use crate::target::Target;
use crate::workload::{Manifests, WorkloadError};

/// An image of manifests, or an object of which nobody can say what it runs.
#[derive(Clone, Debug)]
pub struct Running {
    /// The image as written, or the object.
    pub name: String,
    /// Where to look, or why that is not known.
    pub target: Result<Target, Failure>,
    /// Where it is named: object, field, file.
    pub places: Vec<String>,
    /// Whether it is named by digest. A tag is resolved again by whoever pulls it.
    pub pinned: bool,
    /// What a node says it runs under that tag.
    pub on_node: Option<PinnedReference>,
}

/// How a tag was turned into a digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Resolved {
    /// As the status of the pod says; nobody signed that.
    ByNode,
    /// By the registry, now.
    Now,
}

impl Resolved {
    /// For people.
    pub fn words(self) -> &'static str {
        match self {
            Self::ByNode => "is a tag: this is what the pod's status says its node runs",
            Self::Now => "is a tag: this is what it means now, and not what is running",
        }
    }
}

impl Running {
    /// How its tag becomes a digest; `None` if it is no tag.
    pub fn resolved(&self) -> Option<Resolved> {
        let by = if self.on_node.is_some() {
            Resolved::ByNode
        } else {
            Resolved::Now
        };
        (!self.pinned).then_some(by)
    }

    /// An image that no manifest names.
    pub fn alone(name: &str, target: Target) -> Self {
        Self {
            name: name.to_owned(),
            target: Ok(target),
            places: Vec::new(),
            pinned: true,
            on_node: None,
        }
    }

    /// Where to look for what runs: where a node says so and the manifest does not, that.
    pub fn on_node_or_written(self, layout: Option<&PathBuf>) -> Result<Target, Failure> {
        match self.on_node {
            Some(seen) if !self.pinned => target(read(&seen.to_string())?, layout),
            _ => self.target,
        }
    }
}

/// What these manifests run, in the order in which it is named; looked up in the layout if there is
/// one. That nothing is named at all is an error: nothing was verified is never "everything is well".
pub fn running(manifests: Manifests, layout: Option<&PathBuf>) -> Result<Vec<Running>, Failure> {
    let mut found: Vec<Running> = Vec::new();
    let mut known: BTreeMap<(String, Option<String>), usize> = BTreeMap::new();
    for object in manifests.objects {
        let images = match object.images {
            Ok(images) => images,
            Err(error) => {
                let failure = if error == WorkloadError::Silent {
                    // The kind says nothing, and is no mistake.
                    Failure::new(FailureKind::Unavailable, error)
                        .with_hint("leave out what runs nothing: --skip-kind KIND")
                } else {
                    Failure::new(FailureKind::Input, error)
                        .with_hint("what runs there is not known, so nothing was verified of it")
                };
                found.push(Running {
                    name: object.name,
                    target: Err(failure),
                    places: vec![object.place],
                    pinned: true,
                    on_node: None,
                });
                continue;
            }
        };
        for image in images {
            let place = format!("{} {} ({})", object.name, image.pointer, object.place);
            // The same tag may mean one thing on one node and another on the next.
            let on_node = object.nodes.get(&image.pointer).cloned();
            let key = (
                image.text.clone(),
                on_node.as_ref().map(ToString::to_string),
            );
            if let Some(held) = known.get(&key).and_then(|at| found.get_mut(*at)) {
                held.places.push(place);
                continue;
            }
            known.insert(key, found.len());
            let reference = read(&image.text);
            let is_pinned = |it: &Reference| it.digest().is_some();
            found.push(Running {
                pinned: reference.as_ref().map_or(true, is_pinned),
                on_node,
                target: reference.and_then(|reference| target(reference, layout)),
                name: image.text,
                places: vec![place],
            });
        }
    }
    if found.is_empty() {
        let none = Failure::new(FailureKind::NotFound, "the manifests name no image");
        return Err(
            none.with_hint("nothing was verified: render them first, as with helm template")
        );
    }
    Ok(found)
}

fn read(text: &str) -> Result<Reference, Failure> {
    if text.len() > LONGEST {
        let failure = format_args!("an image's name is longer than {LONGEST} bytes");
        return Err(Failure::new(FailureKind::Input, failure));
    }
    text.parse().map_err(|error| {
        Failure::new(FailureKind::Input, error)
            .with_hint("write registry and digest: docker.io/library/nginx:1.29@sha256:…")
    })
}

fn target(reference: Reference, layout: Option<&PathBuf>) -> Result<Target, Failure> {
    let Some(directory) = layout else {
        return Ok(Target::Registry(reference));
    };
    let Some(digest) = reference.digest() else {
        let text = "a layout is asked by digest, and the image is named by a tag";
        return Err(Failure::new(FailureKind::Input, text));
    };
    Ok(Target::Layout {
        directory: directory.clone(),
        selector: Some(Selector::Digest(digest.clone())),
    })
}

/// Bytes of a reference that a cluster takes.
const LONGEST: usize = 512;
