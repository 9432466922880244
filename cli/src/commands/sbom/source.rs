//! What is listed: from what was typed to a source, what it is called and when it was made.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use bulla_registry::archive;
use bulla_sbom::format::{Base, Subject};
use bulla_sbom::source::{Directory, Image, SingleFile, Source};
use jiff::Timestamp;

use super::base;

use crate::Failure;
use crate::commands::Context;
use crate::failure::FailureKind;
use crate::join::image::{self, OpenImage};
use crate::join::{file, layers};
use crate::target::Target;

/// What is read, what it is called, and when it says it was made.
pub(super) struct Described {
    pub(super) source: Box<dyn Source + Send>,
    pub(super) subject: Subject,
    pub(super) created: Option<Timestamp>,
    /// Whether it is what was built, and not what is built from.
    pub(super) is_built: bool,
}

/// What was named, open: an image, which may live in a folder that goes away with it, or a path.
pub(super) enum Opened {
    Image(Box<OpenImage>),
    Directory(PathBuf),
    File(PathBuf),
}

pub(super) async fn open(context: &Context, target: &Target) -> Result<Opened, Failure> {
    let target = match target {
        Target::Directory(path) => return Ok(Opened::Directory(path.clone())),
        Target::File(path) => {
            // It is read more than once, which a pipe is not.
            let is_there =
                std::fs::metadata(path).map_err(|error| Failure::file("read", path, &error))?;
            if !is_there.is_file() {
                let failure = Failure::usage(format_args!("{} is no plain file", path.display()));
                return Err(failure.with_hint("save what it gives to a file, and list that"));
            }
            let holds_image = file::open(path)
                .map_err(|error| Failure::file("read", path, &error))
                .map(|opened| archive::holds_image(opened, &context.limits))?;
            if !holds_image {
                return Ok(Opened::File(path.clone()));
            }
            &Target::DockerArchive(path.clone())
        }
        other => other,
    };
    let open = image::open(context, target).await?;
    Ok(Opened::Image(Box::new(open)))
}

impl Opened {
    /// What is to be listed: one thing, or of an image each of its platforms.
    pub(super) async fn described(
        &self,
        platform: Which<'_>,
        base: Option<&str>,
        context: &Context,
    ) -> Result<Vec<Described>, Failure> {
        let open = match self {
            Self::Image(open) => open,
            Self::Directory(_) | Self::File(_) if base.is_some() => {
                return Err(Failure::usage("--base is for images"));
            }
            Self::Directory(path) => return Ok(vec![directory(path)]),
            Self::File(path) => return Ok(vec![single(path)?]),
        };
        let images = match platform {
            Which::All => layers::images(open).await?,
            Which::One(platform) => vec![layers::image(open, platform).await?],
        };
        let mut described = Vec::new();
        for listed in images {
            let base = base::find(context, open, &listed, base).await?;
            described.push(image_of(open, listed.image, base)?);
        }
        Ok(described)
    }
}

/// Of an image for several platforms, which.
#[derive(Clone, Copy)]
pub(super) enum Which<'a> {
    One(Option<&'a str>),
    All,
}

impl<'a> Which<'a> {
    pub(super) fn of(platform: Option<&'a str>) -> Self {
        match platform {
            Some("all") => Self::All,
            one => Self::One(one),
        }
    }
}

fn directory(path: &Path) -> Described {
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    Described {
        source: Box::new(Directory::new(path)),
        subject: Subject::directory(name_of(&absolute)),
        created: None,
        is_built: false,
    }
}

fn single(path: &Path) -> Result<Described, Failure> {
    let digest = file::digest(path)?;
    Ok(Described {
        source: Box::new(SingleFile::new(path)),
        subject: Subject::file(name_of(path), &digest),
        created: None,
        is_built: true,
    })
}

fn name_of(path: &Path) -> &str {
    path.file_name().and_then(OsStr::to_str).unwrap_or("/")
}

fn image_of(open: &OpenImage, image: Image, base: Option<Base>) -> Result<Described, Failure> {
    let mut subject = Subject::image(&open.name, image.manifest_digest())
        .map_err(|error| Failure::new(FailureKind::Input, error))?
        .with_image(&image);
    subject.base = base;
    Ok(Described {
        created: image.created(),
        source: Box::new(image),
        subject,
        is_built: true,
    })
}
