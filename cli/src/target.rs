//! What a command is about: an image in a registry, a layout or an archive, a folder, a file.
//!
//! | text | meaning |
//! |---|---|
//! | `[docker://]HOST/REPO[:TAG][@DIGEST]` | an image in a registry |
//! | `oci:DIR[:TAG]`, `oci:DIR@DIGEST` | an image in an OCI layout directory |
//! | `oci-archive:FILE` | an OCI layout in a tar file |
//! | `docker-archive:FILE` | what `docker save` writes |
//! | `dir:PATH`, `file:PATH` | a folder, a file |
//!
//! Without a scheme an existing path is a path, anything else a registry reference.

use std::fmt;
use std::path::{Path, PathBuf};

use bulla_model::{Digest, Reference, Tag};
use bulla_registry::Target as Selector;

use crate::Failure;

/// What a command is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// A folder.
    Directory(PathBuf),
    /// What `docker save` writes.
    DockerArchive(PathBuf),
    /// A file.
    File(PathBuf),
    /// An OCI layout directory, and which image in it.
    Layout {
        /// The directory.
        directory: PathBuf,
        /// The image; without it the only one.
        selector: Option<Selector>,
    },
    /// An OCI layout in a tar file.
    OciArchive(PathBuf),
    /// An image in a registry.
    Registry(Reference),
}

/// What is at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    /// Nothing.
    Nothing,
    /// A folder.
    Directory,
    /// A file.
    File,
    /// An OCI layout directory.
    Layout,
}

impl Found {
    /// Looks at the file system.
    pub fn at(path: &Path) -> Self {
        if path.is_dir() {
            if path.join("oci-layout").is_file() {
                Self::Layout
            } else {
                Self::Directory
            }
        } else if path.exists() {
            Self::File
        } else {
            Self::Nothing
        }
    }
}

impl Target {
    /// Reads what was typed.
    pub fn parse(text: &str) -> Result<Self, Failure> {
        Self::parse_with(text, &Found::at)
    }

    /// Reads a name that Bulla wrote, which says by itself what it is: nobody looks for paths.
    pub fn named(text: &str) -> Result<Self, Failure> {
        Self::parse_with(text, &|_| Found::Nothing)
    }

    /// The folder that `--layout` names: a layout as a whole, whose images are asked for by digest.
    pub fn layout(text: &str) -> Result<PathBuf, Failure> {
        match Self::parse(text)? {
            Self::Layout {
                directory,
                selector: None,
            } => Ok(directory),
            _ => Err(Failure::usage(format_args!(
                "--layout `{text}`: expected oci:DIR, a layout without a tag"
            ))),
        }
    }

    fn parse_with(text: &str, look: &dyn Fn(&Path) -> Found) -> Result<Self, Failure> {
        if let Some((scheme, rest)) = text.split_once(':') {
            let path = || {
                if rest.is_empty() {
                    Err(Failure::usage(format_args!("nothing after `{scheme}:`")))
                } else {
                    Ok(PathBuf::from(rest))
                }
            };
            match scheme {
                "oci" => {
                    let (directory, selector) = split_selector(path()?.to_str().unwrap_or(rest));
                    return Ok(Self::Layout {
                        directory,
                        selector,
                    });
                }
                "oci-archive" => return Ok(Self::OciArchive(path()?)),
                "docker-archive" => return Ok(Self::DockerArchive(path()?)),
                "dir" => return Ok(Self::Directory(path()?)),
                "file" => return Ok(Self::File(path()?)),
                "docker" if rest.starts_with("//") => {
                    return registry(rest.trim_start_matches('/'), text);
                }
                _ => {}
            }
        }
        match look(Path::new(text)) {
            Found::Layout => {
                return Ok(Self::Layout {
                    directory: text.into(),
                    selector: None,
                });
            }
            Found::Directory => return Ok(Self::Directory(text.into())),
            Found::File => return Ok(Self::File(text.into())),
            Found::Nothing => {}
        }
        let (directory, selector) = split_selector(text);
        if selector.is_some() && look(&directory) == Found::Layout {
            return Ok(Self::Layout {
                directory,
                selector,
            });
        }
        registry(text, text)
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Directory(path) => write!(f, "dir:{}", path.display()),
            Self::DockerArchive(path) => write!(f, "docker-archive:{}", path.display()),
            Self::File(path) => write!(f, "file:{}", path.display()),
            Self::Layout {
                directory,
                selector: None,
            } => write!(f, "oci:{}", directory.display()),
            Self::Layout {
                directory,
                selector: Some(Selector::Tag(tag)),
            } => {
                write!(f, "oci:{}:{tag}", directory.display())
            }
            Self::Layout {
                directory,
                selector: Some(Selector::Digest(digest)),
            } => {
                write!(f, "oci:{}@{digest}", directory.display())
            }
            Self::OciArchive(path) => write!(f, "oci-archive:{}", path.display()),
            Self::Registry(reference) => reference.fmt(f),
        }
    }
}

fn registry(text: &str, typed: &str) -> Result<Target, Failure> {
    text.parse().map(Target::Registry).map_err(|error| {
        Failure::usage(format_args!("`{typed}` is no target: {error}"))
            .with_detail("no file or folder has that name either")
            .with_hint("write HOST/REPO:TAG, oci:DIR, oci-archive:FILE, dir:PATH or file:PATH")
    })
}

/// Splits `DIR:TAG` and `DIR@DIGEST`; what follows the last separator decides.
fn split_selector(text: &str) -> (PathBuf, Option<Selector>) {
    if let Some((directory, digest)) = text.rsplit_once('@')
        && let Ok(digest) = digest.parse::<Digest>()
        && !directory.is_empty()
    {
        // A tag beside a digest is a note to the reader.
        let (directory, _) = split_selector(directory);
        return (directory, Some(Selector::Digest(digest)));
    }
    if let Some((directory, tag)) = text.rsplit_once(':')
        && let Ok(tag) = tag.parse::<Tag>()
        && !directory.is_empty()
    {
        return (directory.into(), Some(Selector::Tag(tag)));
    }
    (text.into(), None)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Target, Failure> {
        Target::parse_with(text, &|path| match path.to_str() {
            Some("layout") => Found::Layout,
            Some("folder" | "a.test/folder") => Found::Directory,
            Some("image.tar") => Found::File,
            _ => Found::Nothing,
        })
    }

    #[test]
    fn every_form_is_read_and_written_the_same() {
        let digest = format!("sha256:{}", "0".repeat(64));
        for text in [
            "a.test/pay/api".to_owned(),
            format!("a.test:5000/pay/api:1@{digest}"),
            "oci:some/layout".to_owned(),
            "oci:some/layout:1.0".to_owned(),
            format!("oci:some/layout@{digest}"),
            "oci-archive:a.tar".to_owned(),
            "docker-archive:a.tar".to_owned(),
            "dir:.".to_owned(),
            "file:a:b".to_owned(),
        ] {
            assert_eq!(parse(&text).unwrap().to_string(), text);
        }
        assert_eq!(
            parse("docker://a.test/x:1").unwrap().to_string(),
            "a.test/x:1"
        );
    }

    #[test]
    fn without_a_scheme_an_existing_path_is_a_path() {
        assert_eq!(parse("folder").unwrap(), Target::Directory("folder".into()));
        assert_eq!(
            parse("a.test/folder").unwrap(),
            Target::Directory("a.test/folder".into())
        );
        assert_eq!(
            parse("image.tar").unwrap(),
            Target::File("image.tar".into())
        );
        assert_eq!(parse("layout").unwrap().to_string(), "oci:layout");
        assert_eq!(parse("layout:1.0").unwrap().to_string(), "oci:layout:1.0");
        assert!(matches!(
            parse("a.test/other").unwrap(),
            Target::Registry(_)
        ));
    }

    #[test]
    fn what_is_nothing_is_a_usage_error_with_a_hint() {
        for text in ["", "alpine", "oci:", "library/alpine", "a.test/x@sha256:00"] {
            let failure = parse(text).unwrap_err();
            assert_eq!(failure.kind().exit().code(), 2, "{text}");
        }
        assert!(!parse("alpine").unwrap_err().hints().is_empty());
    }
}
