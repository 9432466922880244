//! What `docker save`, `podman save` and skopeo's `docker-archive:` write, read as a layout.
//!
//! Implements the combined format of the Docker image specification v1.2,
//! <https://github.com/moby/docker-image-spec/blob/v1.2.0/v1.2.md#combined-image-json--filesystem-changeset-format>,
//! and archives that are also an OCI layout, as Docker writes them since version 25.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Component, Path, PathBuf};

use bulla_model::{
    Algorithm, Annotations, Descriptor, Hasher, ImageManifest, Limits, json, media_type,
};
use serde::Deserialize;
use tar::EntryType;

use super::unpack::{neither, refused, relative, unpack_with};
use crate::{Excerpt, Layout, StoreError};

/// Unpacks a Docker archive below an empty directory and makes a layout of it there.
///
/// An archive that is an OCI layout is taken as one. Of any other, `manifest.json` has to list
/// one image; its manifest is made here, the same for the same archive, and is not the one a
/// registry has. Links are followed inside the archive and never made. Bounded as
/// [`super::unpack`] is, and by `Limits::layers` and `Limits::manifest_bytes`.
pub fn convert<R: Read>(
    reader: R,
    directory: &Path,
    limits: &Limits,
) -> Result<Layout, StoreError> {
    let root = directory.join("archive");
    fs::create_dir(&root).map_err(StoreError::io(&root))?;
    let mut links = BTreeMap::new();
    unpack_with(reader, &root, limits, |name, kind, target| {
        links.insert(name.to_owned(), pointed_at(name, kind, target)?);
        Ok(())
    })?;
    if root.join("oci-layout").is_file() && root.join("index.json").is_file() {
        return Layout::open(&root, limits);
    }
    let saved = Saved {
        root,
        links,
        limits,
    };
    let image = saved.only_image()?;
    let layout = Layout::create(&directory.join("layout"), limits)?;
    let config = saved.small(&image.config)?;
    layout.write_content(&config)?;
    let manifest = ImageManifest {
        schema_version: 2,
        media_type: Some(media_type::IMAGE_MANIFEST.to_owned()),
        artifact_type: None,
        config: Descriptor::of(media_type::IMAGE_CONFIG, &config),
        layers: saved.move_layers(&image.layers.unwrap_or_default(), &layout)?,
        subject: None,
        annotations: Annotations::new(),
    };
    let bytes = serde_json::to_vec(&manifest)
        .map_err(|error| StoreError::malformed(ARCHIVE, &error.to_string()))?;
    layout.add_manifest(bytes, media_type::IMAGE_MANIFEST, None)?;
    Ok(layout)
}

/// An entry of `manifest.json`.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Image {
    config: String,
    #[serde(default)]
    repo_tags: Option<Vec<String>>,
    #[serde(default)]
    layers: Option<Vec<String>>,
}

/// An unpacked archive.
struct Saved<'a> {
    root: PathBuf,
    /// What each link points to; both are names in the archive.
    links: BTreeMap<PathBuf, PathBuf>,
    limits: &'a Limits,
}

impl Saved<'_> {
    fn only_image(&self) -> Result<Image, StoreError> {
        let bytes = self.small("manifest.json")?;
        let limits = self.limits;
        let mut images: Vec<Image> = json::read(&bytes, limits.manifest_bytes, limits.json_depth)
            .map_err(|error| {
            StoreError::malformed("manifest.json of the Docker archive", &error.to_string())
        })?;
        let found = images.len();
        match (images.pop(), found) {
            (Some(image), 1) => Ok(image),
            (None, _) => Err(StoreError::NotFound {
                what: "an image".to_owned(),
                store: ARCHIVE.to_owned(),
            }),
            (Some(last), _) => {
                images.push(last);
                let names = images.iter().flat_map(|image| match &image.repo_tags {
                    Some(tags) if !tags.is_empty() => tags.as_slice(),
                    _ => std::slice::from_ref(&image.config),
                });
                Err(StoreError::Several {
                    what: ARCHIVE,
                    found,
                    names: names.take(SHOWN).map(|name| Excerpt::of(name)).collect(),
                })
            }
        }
    }

    /// Moves the layers into the layout; the same file may be several layers.
    fn move_layers(
        &self,
        names: &[String],
        layout: &Layout,
    ) -> Result<Vec<Descriptor>, StoreError> {
        if names.len() > self.limits.layers {
            return Err(StoreError::TooMany {
                what: "layers in an image",
                limit: self.limits.layers,
            });
        }
        let mut moved: BTreeMap<PathBuf, Descriptor> = BTreeMap::new();
        let mut layers = Vec::new();
        for name in names {
            let path = self.resolve(name)?;
            if let Some(known) = moved.get(&path) {
                layers.push(known.clone());
                continue;
            }
            let described = describe(self.open(name)?).map_err(StoreError::io(&path))?;
            layout.adopt(&self.root.join(&path), &described.digest)?;
            moved.insert(path, described.clone());
            layers.push(described);
        }
        Ok(layers)
    }

    /// Reads a file that is a manifest or configuration.
    fn small(&self, name: &str) -> Result<Vec<u8>, StoreError> {
        let limit = self.limits.manifest_bytes;
        let mut bytes = Vec::new();
        self.open(name)?
            .take(limit.saturating_add(1))
            .read_to_end(&mut bytes)
            .map_err(StoreError::io(name))?;
        if bytes.len() as u64 > limit {
            return Err(StoreError::TooLarge {
                what: format!("`{}` of {ARCHIVE}", Excerpt::of(name)),
                limit,
            });
        }
        Ok(bytes)
    }

    fn open(&self, name: &str) -> Result<File, StoreError> {
        let path = self.root.join(self.resolve(name)?);
        if !path.is_file() {
            return Err(StoreError::malformed(
                ARCHIVE,
                &format!("it has no file `{name}`"),
            ));
        }
        File::open(&path).map_err(StoreError::io(path))
    }

    /// The file a name means: a link leads to another name, not to the machine's files.
    fn resolve(&self, name: &str) -> Result<PathBuf, StoreError> {
        let mut path = relative(Path::new(name))?;
        for _ in 0..LINKS {
            match self.links.get(&path) {
                Some(target) => path.clone_from(target),
                None => return Ok(path),
            }
        }
        Err(refused(Path::new(name), "it leads through too many links"))
    }
}

/// The name in the archive that a link means.
fn pointed_at(name: &Path, kind: EntryType, target: Option<&Path>) -> Result<PathBuf, StoreError> {
    let outside = || refused(name, "its link leads out of the archive");
    let target = target.ok_or_else(|| neither(name))?;
    let mut path = match kind {
        EntryType::Symlink => name.parent().unwrap_or(Path::new("")).to_owned(),
        // A hard link names another entry.
        EntryType::Link => PathBuf::new(),
        _ => return Err(neither(name)),
    };
    for component in target.components() {
        match component {
            Component::CurDir => {}
            Component::Normal(part) => path.push(part),
            Component::ParentDir if path.pop() => {}
            _ => return Err(outside()),
        }
    }
    Ok(path)
}

/// Digest, length and media type of a layer, by its first bytes.
fn describe(mut file: File) -> io::Result<Descriptor> {
    let mut hasher = Hasher::new(Algorithm::Sha256);
    let mut size: u64 = 0;
    let mut start: Vec<u8> = Vec::new();
    let mut buffer = vec![0; BUFFER];
    loop {
        let length = match file.read(&mut buffer) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            read => read?,
        };
        let bytes = buffer.get(..length).unwrap_or_default();
        if bytes.is_empty() {
            break;
        }
        hasher.update(bytes);
        size = size.saturating_add(bytes.len() as u64);
        let missing = GZIP.len().saturating_sub(start.len());
        start.extend(bytes.iter().take(missing));
    }
    let media_type = if start == GZIP {
        media_type::LAYER_GZIP
    } else {
        media_type::LAYER_TAR
    };
    Ok(Descriptor::new(media_type, hasher.finish(), size))
}

/// What it is called in errors.
const ARCHIVE: &str = "the Docker archive";
/// RFC 1952, section 2.3.1.
const GZIP: [u8; 2] = [0x1f, 0x8b];
/// Links in a row; archives have one, and a circle has no end.
const LINKS: usize = 8;
/// Names shown when there are several images.
const SHOWN: usize = 10;
const BUFFER: usize = 1 << 16;
