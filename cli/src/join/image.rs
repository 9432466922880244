//! Images: from a target to a store and the descriptor of what was meant.

use std::path::Path;

use bulla_model::{Descriptor, Limits};
use bulla_registry::{AnyStore, Layout, LayoutImage, Store as _, Target as Selector};

use crate::Failure;
use crate::commands::Context;
use crate::failure::FailureKind;
use crate::target::Target;

/// An image that was found.
#[derive(Debug)]
pub struct OpenImage {
    /// Where it is.
    pub store: AnyStore,
    /// Where attestations about it are.
    pub evidence: AnyStore,
    /// Media type, digest and size of its manifest or index.
    pub descriptor: Descriptor,
    /// What it is called in statements and documents: the repository, or the layout's name.
    pub name: String,
    /// What to type to mean exactly this: target and digest.
    pub pinned: String,
}

/// Opens the image a target names. Folders and files are no images.
pub async fn open(context: &Context, target: &Target) -> Result<OpenImage, Failure> {
    let limits = &context.limits;
    match target {
        Target::Layout {
            directory,
            selector,
        } => {
            let layout = Layout::open(directory, limits)?;
            let selector = match selector {
                Some(selector) => selector.clone(),
                None => Selector::Digest(only_image(&layout.images().await?, target)?),
            };
            let store = AnyStore::Layout(layout);
            let descriptor = store.resolve(&selector).await?;
            let pinned = format!("oci:{}@{}", directory.display(), descriptor.digest);
            Ok(OpenImage {
                evidence: store.clone(),
                store,
                descriptor,
                name: layout_name(directory),
                pinned,
            })
        }
        Target::Directory(_) | Target::File(_) => Err(no_image(target)),
        Target::DockerArchive(_) | Target::OciArchive(_) | Target::Registry(_) => {
            Err(no_image(target))
        }
    }
}

/// Opens the place something is to be written to, making a layout if there is none.
pub fn open_destination(target: &Target, limits: &Limits) -> Result<AnyStore, Failure> {
    match target {
        Target::Layout { directory, .. } => {
            Ok(AnyStore::Layout(Layout::create(directory, limits)?))
        }
        _ => Err(no_image(target)),
    }
}

fn only_image(images: &[LayoutImage], target: &Target) -> Result<bulla_model::Digest, Failure> {
    match images {
        [one] => Ok(one.descriptor.digest.clone()),
        [] => Err(Failure::new(
            FailureKind::NotFound,
            format_args!("{target} holds no image"),
        )),
        several => {
            let mut failure = Failure::usage(format_args!(
                "{target} holds {} images: say which one",
                several.len()
            ));
            for image in several.iter().take(SHOWN) {
                let tags: Vec<&str> = image.tags.iter().map(bulla_model::Tag::as_str).collect();
                failure = failure.with_detail(format_args!(
                    "{}  {}",
                    image.descriptor.digest,
                    tags.join(" ")
                ));
            }
            Err(failure.with_hint(format_args!("write {target}:TAG or {target}@DIGEST")))
        }
    }
}

fn no_image(target: &Target) -> Failure {
    Failure::usage(format_args!("{target} is no image"))
        .with_hint("name an image: HOST/REPO:TAG, or oci:DIR:TAG")
}

/// The last part of a layout's path; statements do not carry local paths.
fn layout_name(directory: &Path) -> String {
    let absolute = std::path::absolute(directory).unwrap_or_else(|_| directory.to_owned());
    let name = absolute.file_name().and_then(|name| name.to_str());
    name.unwrap_or("image").to_lowercase()
}

const SHOWN: usize = 10;
