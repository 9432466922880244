//! What a document of any format is about, and says of itself.

use bulla_model::{Digest, Purl, PurlError};

/// What the document is about.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Subject {
    /// `registry.example.com/pay/api`, or the name of a directory.
    pub name: String,
    /// A version or tag, where there is one.
    pub version: Option<String>,
    /// Its package URL.
    pub purl: Option<Purl>,
    /// Its digest; for an image that of the platform's manifest.
    pub digest: Option<Digest>,
    /// What it is.
    pub kind: SubjectKind,
    /// `linux/amd64`, for an image.
    pub platform: Option<String>,
    /// Digests of an image's layers, base first.
    pub layers: Vec<Digest>,
    /// The image that it was built on, if that is known.
    pub base: Option<Base>,
}

impl Subject {
    /// A directory, or anything that is not an image.
    pub fn directory(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            version: None,
            purl: None,
            digest: None,
            kind: SubjectKind::Application,
            platform: None,
            layers: Vec::new(),
            base: None,
        }
    }

    /// A single file by its name and digest. The package URL is `pkg:generic/...`.
    pub fn file(name: &str, digest: &Digest) -> Self {
        let purl = Purl::builder("generic", name).with_qualifier("checksum", &digest.to_string());
        Self {
            version: None,
            purl: purl.build().ok(),
            digest: Some(digest.clone()),
            kind: SubjectKind::File,
            ..Self::directory(name)
        }
    }

    /// An image by its repository (`registry.example.com/pay/api`, or a local name without a slash)
    /// and the digest of its manifest. The package URL is `pkg:oci/...`.
    pub fn image(repository: &str, digest: &Digest) -> Result<Self, PurlError> {
        let name = repository.rsplit('/').next().unwrap_or(repository);
        let url = if repository.contains('/') {
            repository
        } else {
            ""
        };
        let purl = Purl::builder("oci", &name.to_lowercase())
            .with_version(&digest.to_string())
            .with_qualifier("repository_url", url)
            .build()?;
        Ok(Self {
            name: repository.to_owned(),
            version: Some(digest.to_string()),
            purl: Some(purl),
            digest: Some(digest.clone()),
            kind: SubjectKind::Container,
            platform: None,
            layers: Vec::new(),
            base: None,
        })
    }

    /// Adds what an [`Image`](crate::source::Image) knows about itself.
    pub fn with_image(mut self, image: &crate::source::Image) -> Self {
        self.platform = image.platform();
        self.layers = image.layers().cloned().collect();
        self
    }
}

/// The image that another one was built on.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Base {
    /// What it is called, where somebody says so: `registry.example.com/base/debian:12`.
    pub name: Option<String>,
    /// Digest of its manifest or index, where somebody says so.
    pub digest: Option<Digest>,
    /// How many of the first layers are its own.
    pub layers: usize,
    /// How that is known.
    pub known_by: BaseKnown,
}

impl Base {
    /// A base of so many layers.
    pub fn new(layers: usize, known_by: BaseKnown) -> Self {
        Self {
            name: None,
            digest: None,
            layers,
            known_by,
        }
    }
}

/// How a base image is known, surest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BaseKnown {
    /// Whoever asked named it, and its layers are the first ones of the image.
    Given,
    /// The image's annotations name it, and its layers are the first ones of the image.
    Annotation,
    /// The history of the image sets a command and goes on: most bases end so.
    History,
}

impl BaseKnown {
    /// One word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Given => "given",
            Self::Annotation => "annotation",
            Self::History => "history",
        }
    }
}

/// What a subject is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SubjectKind {
    /// A program or project.
    Application,
    /// A container image.
    Container,
    /// A single file.
    File,
}

/// What the document says about itself. Two documents of one subject are equal if this is.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Metadata {
    /// Version of Bulla.
    pub tool_version: String,
    /// When the list was made, from `SOURCE_DATE_EPOCH` or the image; absent rather than the clock.
    pub timestamp: Option<jiff::Timestamp>,
    /// In which phase of its life the subject was listed.
    pub lifecycle: Lifecycle,
    /// Who made the list; nobody if empty.
    pub authors: Vec<String>,
    /// Who supplies the subject.
    pub supplier: Option<String>,
    /// In which version a CycloneDX document is written.
    pub cyclonedx: super::cyclonedx::Version,
}

impl Metadata {
    /// Only what is required.
    pub fn new(tool_version: &str, lifecycle: Lifecycle) -> Self {
        Self {
            tool_version: tool_version.to_owned(),
            timestamp: None,
            lifecycle,
            authors: Vec::new(),
            supplier: None,
            cyclonedx: super::cyclonedx::Version::default(),
        }
    }
}

/// The phase in which a subject was listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lifecycle {
    /// Sources and lock files, before a build.
    PreBuild,
    /// While building.
    Build,
    /// A finished image or root file system.
    PostBuild,
}
