//! Images: from a target to a store and the descriptor of what was meant.

use std::path::{Path, PathBuf};

use bulla_model::{Descriptor, Digest, Limits, Repository, Tag};
use bulla_registry::legacy::{LegacyKind, TagPrefix};
use bulla_registry::{AnyStore, Layout, LayoutImage, Store as _, Target as Selector, archive};
use tempfile::TempDir;

use super::{blocking, file, remote};
use crate::Failure;
use crate::commands::Context;
use crate::failure::FailureKind;
use crate::output::{READABLE, partial};
use crate::settings::row;
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
    /// What stands before the digest in the names of cosign's older tags.
    pub tag_prefix: TagPrefix,
    /// Holds an unpacked archive until the image is no longer needed.
    scratch: Option<TempDir>,
}

impl OpenImage {
    /// Another manifest of the same repository, for example a platform of an index.
    pub fn part(&self, descriptor: Descriptor) -> Self {
        Self {
            pinned: format!("{}@{}", self.place(), descriptor.digest),
            store: self.store.clone(),
            evidence: self.evidence.clone(),
            tag_prefix: self.tag_prefix.clone(),
            descriptor,
            name: self.name.clone(),
            scratch: None,
        }
    }

    /// The repository or layout, as it is typed.
    pub fn place(&self) -> &str {
        self.pinned.rsplit_once('@').map_or("", |(place, _)| place)
    }

    /// Refuses an image that nothing can be attached to: an archive is not written in place.
    pub fn writable(self) -> Result<Self, Failure> {
        if self.scratch.is_none() {
            return Ok(self);
        }
        Err(
            Failure::usage(format_args!("nothing can be attached to {}", self.pinned)).with_hint(
                format_args!(
                    "copy it into a layout first: bulla copy {} oci:DIR",
                    self.pinned
                ),
            ),
        )
    }
}

/// Where attestations about the images of a repository are. Connects nowhere.
pub async fn evidence_place(
    context: &Context,
    repository: &Repository,
) -> Result<AnyStore, Failure> {
    match remote::evidence_store(context).await? {
        Some(store) => Ok(store),
        None => remote::store(context, repository).await,
    }
}

/// Opens the image a target names. Folders and files are no images.
pub async fn open(context: &Context, target: &Target) -> Result<OpenImage, Failure> {
    let tag_prefix = tag_prefix(context)?;
    match target {
        Target::Layout {
            directory,
            selector,
        } => {
            if !directory.is_dir() {
                return Err(Failure::new(
                    FailureKind::NotFound,
                    format_args!("there is no folder {}", directory.display()),
                ));
            }
            let layout = Layout::open(directory, &context.limits)?;
            let (store, descriptor) = in_layout(layout, selector.as_ref(), target).await?;
            let pinned = format!("oci:{}@{}", directory.display(), descriptor.digest);
            let evidence = store.clone();
            let name = local_name(directory);
            Ok(OpenImage {
                store,
                evidence,
                descriptor,
                name,
                pinned,
                tag_prefix,
                scratch: None,
            })
        }
        Target::OciArchive(path) | Target::DockerArchive(path) => {
            let docker = matches!(target, Target::DockerArchive(_));
            let (scratch, layout) = unpack(path, docker, &context.limits).await?;
            let (store, descriptor) = in_layout(layout, None, target).await?;
            let evidence = store.clone();
            let (name, pinned) = (local_name(path), target.to_string());
            Ok(OpenImage {
                store,
                evidence,
                descriptor,
                name,
                pinned,
                tag_prefix,
                scratch: Some(scratch),
            })
        }
        Target::Registry(reference) => {
            let repository = reference.repository();
            let store = remote::store(context, repository).await?;
            let selector = match (reference.digest(), reference.tag()) {
                // The digest decides; a tag beside it is a note to the reader.
                (Some(digest), _) => Selector::Digest(digest.clone()),
                (None, Some(tag)) => Selector::Tag(tag.clone()),
                (None, None) => return Err(no_tag(target)),
            };
            in_repository(context, repository, store, &selector).await
        }
        Target::Directory(_) | Target::File(_) => Err(no_image(target)),
    }
}

fn tag_prefix(context: &Context) -> Result<TagPrefix, Failure> {
    let flag = context.global.attachment_tag_prefix.as_deref();
    let row = &row::ATTACHMENT_TAG_PREFIX;
    let named = context.settings.parsed::<TagPrefix>(row, flag)?;
    Ok(named.map_or_else(TagPrefix::default, |setting| setting.value))
}

async fn in_repository(
    context: &Context,
    repository: &Repository,
    store: AnyStore,
    selector: &Selector,
) -> Result<OpenImage, Failure> {
    let descriptor = store.resolve(selector).await?;
    // One login for both, unless attestations are elsewhere.
    let evidence = remote::evidence_store(context).await?;
    Ok(OpenImage {
        evidence: evidence.unwrap_or_else(|| store.clone()),
        store,
        pinned: repository.pinned(descriptor.digest.clone()).to_string(),
        descriptor,
        name: repository.to_string(),
        tag_prefix: tag_prefix(context)?,
        scratch: None,
    })
}

/// Opens an image of a repository, whichever it is, to find the others beside it; with it come the
/// repository's other tags, if they were listed.
pub async fn open_any(
    context: &Context,
    target: &Target,
) -> Result<(OpenImage, Option<Vec<Tag>>), Failure> {
    match target {
        Target::Registry(reference)
            if reference.tag().is_none() && reference.digest().is_none() =>
        {
            let repository = reference.repository();
            let store = remote::store(context, repository).await?;
            let mut tags = store.tags().await?;
            let tag = take_any(&mut tags).ok_or_else(|| no_tag(target))?;
            let image = in_repository(context, repository, store, &Selector::Tag(tag)).await?;
            Ok((image, Some(tags)))
        }
        Target::Layout {
            directory,
            selector: None,
        } => {
            let layout = Layout::open(directory, &context.limits)?;
            let mut tags = layout.tags().await?;
            let found = Target::Layout {
                directory: directory.clone(),
                selector: take_any(&mut tags).map(Selector::Tag),
            };
            Ok((open(context, &found).await?, Some(tags)))
        }
        _ => Ok((open(context, target).await?, None)),
    }
}

/// Takes a tag out, one that names an image if there is one.
fn take_any(tags: &mut Vec<Tag>) -> Option<Tag> {
    let place = tags.iter().position(names_an_image).unwrap_or(0);
    (place < tags.len()).then(|| tags.remove(place))
}

/// Whether a tag names an image, and not what is attached to one.
pub(super) fn names_an_image(tag: &Tag) -> bool {
    let fallback = tag
        .as_str()
        .strip_prefix("sha256-")
        .and_then(|hex| format!("sha256:{hex}").parse::<Digest>().ok());
    LegacyKind::of_tag(tag).is_none() && fallback.is_none()
}

/// A place to copy an image to.
#[derive(Debug)]
pub struct Destination {
    /// Where to write.
    pub store: AnyStore,
    /// The tag that names the copy when all of it is there.
    pub tag: Option<Tag>,
    archive: Option<(TempDir, PathBuf)>,
}

/// Refuses what nothing can be copied to, without making anything.
pub fn check_destination(target: &Target) -> Result<(), Failure> {
    let is_free = |path: &Path| {
        let mut entries = path.read_dir();
        entries.as_mut().is_ok_and(|it| it.next().is_none())
    };
    match target {
        Target::Layout {
            selector: Some(Selector::Digest(_)),
            ..
        } => Err(named_by_digest()),
        Target::Registry(reference) if reference.digest().is_some() => Err(named_by_digest()),
        Target::Layout { .. } | Target::OciArchive(_) | Target::Registry(_) => Ok(()),
        Target::Directory(path) if is_free(path) => Ok(()),
        _ => Err(no_image(target)),
    }
}

fn named_by_digest() -> Failure {
    Failure::usage("a copy is named by a tag, not by a digest")
        .with_hint("its digest is that of the original")
}

/// Opens the place an image is copied to, making a layout if there is none.
pub async fn destination(context: &Context, target: &Target) -> Result<Destination, Failure> {
    check_destination(target)?;
    match target {
        Target::Layout {
            directory,
            selector,
        } => {
            let tag = match selector {
                Some(Selector::Tag(tag)) => Some(tag.clone()),
                _ => None,
            };
            let store = AnyStore::Layout(Layout::create(directory, &context.limits)?);
            Ok(Destination {
                store,
                tag,
                archive: None,
            })
        }
        Target::OciArchive(path) => {
            let scratch = scratch_beside(path)?;
            let store = AnyStore::Layout(Layout::create(scratch.path(), &context.limits)?);
            Ok(Destination {
                store,
                tag: None,
                archive: Some((scratch, path.clone())),
            })
        }
        Target::Registry(reference) => {
            let store = remote::store(context, reference.repository()).await?;
            Ok(Destination {
                store,
                tag: reference.tag().cloned(),
                archive: None,
            })
        }
        Target::Directory(path) => {
            let store = AnyStore::Layout(Layout::create(path, &context.limits)?);
            Ok(Destination {
                store,
                tag: None,
                archive: None,
            })
        }
        _ => Err(no_image(target)),
    }
}

impl Destination {
    /// Writes the archive, if it is one. Until then nothing is at its path.
    pub async fn finish(self) -> Result<(), Failure> {
        let Some((scratch, path)) = self.archive else {
            return Ok(());
        };
        blocking(move || {
            let failed = |error: std::io::Error| Failure::file("write", &path, &error);
            let file = partial(&path, READABLE)?;
            let file = archive::pack(scratch.path(), file)?;
            file.as_file().sync_all().map_err(failed)?;
            file.persist(&path).map_err(|error| failed(error.error))?;
            Ok(())
        })
        .await
    }
}

async fn in_layout(
    layout: Layout,
    selector: Option<&Selector>,
    target: &Target,
) -> Result<(AnyStore, Descriptor), Failure> {
    let selector = match selector {
        Some(selector) => selector.clone(),
        None => Selector::Digest(only_image(&layout.images().await?, target)?),
    };
    let store = AnyStore::Layout(layout);
    let descriptor = store.resolve(&selector).await?;
    Ok((store, descriptor))
}

async fn unpack(path: &Path, docker: bool, limits: &Limits) -> Result<(TempDir, Layout), Failure> {
    let (path, limits) = (path.to_owned(), limits.clone());
    blocking(move || {
        let failed = |error: std::io::Error| Failure::file("read", &path, &error);
        let archive = file::open(&path).map_err(failed)?;
        let scratch = tempfile::tempdir().map_err(failed)?;
        let reader = std::io::BufReader::new(archive);
        let layout = if docker {
            archive::docker::convert(reader, scratch.path(), &limits)?
        } else {
            archive::unpack(reader, scratch.path(), &limits)?;
            Layout::open(scratch.path(), &limits)?
        };
        Ok((scratch, layout))
    })
    .await
}

/// A folder beside a file that is to be written, so that it has the space and one rename is enough.
fn scratch_beside(path: &Path) -> Result<TempDir, Failure> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    tempfile::Builder::new()
        .prefix(".bulla-")
        .suffix(".partial")
        .tempdir_in(folder)
        .map_err(|error| Failure::file("write", path, &error))
}

fn only_image(images: &[LayoutImage], target: &Target) -> Result<Digest, Failure> {
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
                let tags: Vec<&str> = image.tags.iter().map(Tag::as_str).collect();
                failure = failure.with_detail(format_args!(
                    "{}  {}",
                    image.descriptor.digest,
                    tags.join(" ")
                ));
            }
            Err(match target {
                Target::Layout { .. } => {
                    failure.with_hint(format_args!("write {target}:TAG or {target}@DIGEST"))
                }
                _ => failure.with_hint("unpack it with tar and write oci:DIR:TAG"),
            })
        }
    }
}

fn no_tag(target: &Target) -> Failure {
    Failure::usage(format_args!(
        "{target} names a repository: say which image of it"
    ))
    .with_hint(format_args!(
        "write {target}:TAG or {target}@DIGEST; `latest` is never guessed"
    ))
}

fn no_image(target: &Target) -> Failure {
    let failure = Failure::usage(format_args!("{target} is no image"));
    match target {
        Target::File(_) => failure.with_hint(
            "push it as an OCI artifact and name that: bulla copy file:PATH HOST/REPO:TAG. A file has \
             no place where statements about it are kept",
        ),
        _ => failure.with_hint("name an image: HOST/REPO:TAG, or oci:DIR:TAG"),
    }
}

/// The last part of a path; statements do not carry local paths.
fn local_name(path: &Path) -> String {
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let name = absolute.file_stem().and_then(|name| name.to_str());
    name.unwrap_or("image").to_lowercase()
}

const SHOWN: usize = 10;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_referrers_is_no_image_to_begin_with() {
        let list = format!("sha256-{}", "a".repeat(64));
        let tags = |names: &[&str]| -> Vec<Tag> {
            let names = names.iter();
            names.map(|name| name.parse().unwrap()).collect()
        };
        let mut listed = tags(&[&list, &format!("{list}.sig"), "v1", "v2"]);
        assert_eq!(take_any(&mut listed).unwrap().as_str(), "v1");
        assert_eq!(listed, tags(&[&list, &format!("{list}.sig"), "v2"]));
        // It is what there is, and what cannot be used is told of it.
        assert!(take_any(&mut tags(&[&list])).is_some());
        assert!(take_any(&mut Vec::new()).is_none());
    }
}
