//! A container image as a source: its layers, read in parallel and merged.
//!
//! OCI image specification v1.1.1, <https://github.com/opencontainers/image-spec/blob/v1.1.1/layer.md>
//! and `config.md` there. Docker's layers are the same archives.

mod history;
mod inflate;
mod layer;
mod merge;
mod path_log;
mod tar;

use std::collections::BTreeSet;
use std::fmt;
use std::io::{self, Read};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use bulla_model::{Digest, Limits, json};
use serde::Deserialize;

use self::layer::{Scan, Shared};
use self::merge::Merge;
pub(super) use self::merge::remove_below;
use super::view::View;
use super::{Source, SourceError, SourceKind, Wanted};
use crate::{Options, Progress};

/// Bytes of one layer's blob, as stored.
pub type LayerReader = Box<dyn Read + Send>;

/// An image, as the caller has it: nothing here is fetched.
#[derive(Debug)]
pub struct ImageInput {
    /// Digest of the platform's manifest.
    pub manifest_digest: Digest,
    /// Bytes of the image configuration; the caller has checked their digest.
    pub config: Vec<u8>,
    /// The manifest's layers, base first.
    pub layers: Vec<LayerInput>,
}

/// One layer of an image.
pub struct LayerInput {
    /// Digest of the blob; checked while reading, here or by the reader.
    pub digest: Digest,
    /// Media type in the manifest. How the blob is compressed is seen from its first bytes.
    pub media_type: String,
    /// Length of the blob in bytes; checked while reading.
    pub size: u64,
    /// Whether reading the blob to its end fails if its digest is wrong: then it is not computed twice.
    pub is_checked: bool,
    /// Opens the blob. Called once, or twice if a symbolic link turns out to hide a package list.
    pub open: Box<dyn Fn() -> io::Result<LayerReader> + Send + Sync>,
}

impl fmt::Debug for LayerInput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LayerInput")
            .field("digest", &self.digest)
            .field("media_type", &self.media_type)
            .field("size", &self.size)
            .field("is_checked", &self.is_checked)
            .finish_non_exhaustive()
    }
}

/// An image whose configuration was read and fits its layers.
#[derive(Debug)]
pub struct Image {
    input: ImageInput,
    config: Config,
}

impl Image {
    /// Reads the configuration.
    pub fn new(input: ImageInput) -> Result<Self, SourceError> {
        let limits = Limits::default();
        let config: Config = json::read(&input.config, limits.manifest_bytes, limits.json_depth)
            .map_err(|source| SourceError::Config { source })?;
        if config.rootfs.diff_ids.len() != input.layers.len() {
            return Err(SourceError::LayerCount {
                layers: input.layers.len(),
                diff_ids: config.rootfs.diff_ids.len(),
            });
        }
        Ok(Self { input, config })
    }

    /// Digest of the manifest.
    pub fn manifest_digest(&self) -> &Digest {
        &self.input.manifest_digest
    }

    /// When the image says it was made, for a reproducible timestamp; absent if not a valid time.
    pub fn created(&self) -> Option<jiff::Timestamp> {
        self.config.created.as_deref()?.parse().ok()
    }

    /// Operating system and architecture, `linux/amd64`, with the variant where there is one.
    pub fn platform(&self) -> Option<String> {
        let mut platform = format!("{}/{}", self.config.os.as_ref()?, self.architecture()?);
        if let Some(variant) = self
            .config
            .variant
            .as_ref()
            .filter(|variant| !variant.is_empty())
        {
            platform.push('/');
            platform.push_str(variant);
        }
        Some(platform)
    }

    /// The architecture, as Go names it: `amd64`.
    pub fn architecture(&self) -> Option<&str> {
        self.config.architecture.as_deref()
    }

    /// Digests of the layers' archives, base first.
    pub fn diff_ids(&self) -> &[Digest] {
        &self.config.rootfs.diff_ids
    }

    /// Whether the image was built on one with these layers: they are its first ones, and it has more.
    pub fn is_built_on(&self, diff_ids: &[Digest]) -> bool {
        let own = self.diff_ids();
        !diff_ids.is_empty() && own.len() > diff_ids.len() && own.starts_with(diff_ids)
    }

    /// How many layers its base seems to have, by its history.
    pub fn base_by_history(&self) -> Option<usize> {
        let history = self.config.history.as_deref().unwrap_or_default();
        history::base(history, self.diff_ids().len())
    }

    /// Digests of the layers' blobs, base first.
    pub fn layers(&self) -> impl ExactSizeIterator<Item = &Digest> {
        self.input.layers.iter().map(|layer| &layer.digest)
    }

    /// Reads all layers, the largest first, on as many threads as there are processors.
    fn scan(&self, wanted: &Wanted<'_>, options: &Options<'_>) -> Result<Vec<Scan>, SourceError> {
        let layers = &self.input.layers;
        let shared = Shared::new(wanted, options);
        let mut order: Vec<usize> = (0..layers.len()).collect();
        order.sort_by_key(|&index| std::cmp::Reverse(layers[index].size));
        let next = AtomicUsize::new(0);
        let results = Mutex::new(Vec::with_capacity(layers.len()));
        let work = || {
            while let Some(&index) = order.get(next.fetch_add(1, Ordering::Relaxed)) {
                let result =
                    layer::scan(&layers[index], &self.config.rootfs.diff_ids[index], &shared);
                match &result {
                    Ok(_) => options.report(Progress::Layer { index }),
                    Err(_) => shared.stop(),
                }
                if let Ok(mut results) = results.lock() {
                    results.push((index, result));
                }
            }
        };
        std::thread::scope(|scope| {
            for _ in 1..options.parallelism().min(layers.len()) {
                scope.spawn(work);
            }
            work();
        });
        let mut results = results.into_inner().unwrap_or_default();
        results.sort_by_key(|(index, _)| *index);
        in_order(results.into_iter().map(|(_, result)| result))
    }
}

/// All scans, or the first error that is not only the echo of another.
fn in_order(
    results: impl Iterator<Item = Result<Scan, SourceError>>,
) -> Result<Vec<Scan>, SourceError> {
    let mut scans = Vec::new();
    let mut stopped = None;
    for result in results {
        match result {
            Ok(scan) => scans.push(scan),
            Err(SourceError::Stopped) => stopped = Some(SourceError::Stopped),
            Err(error) => return Err(error),
        }
    }
    stopped.map_or(Ok(scans), Err)
}

impl Source for Image {
    fn kind(&self) -> SourceKind {
        SourceKind::Image
    }

    fn read(&self, wanted: &Wanted<'_>, options: &Options<'_>) -> Result<View, SourceError> {
        let limit = options.limits.layers;
        if self.input.layers.len() > limit {
            return Err(SourceError::TooManyLayers {
                found: self.input.layers.len(),
                limit,
            });
        }
        let merge = |wanted: &Wanted<'_>| -> Result<Merge, SourceError> {
            let mut merge = Merge::default();
            let layers = self.input.layers.iter().enumerate();
            for ((place, layer), scan) in layers.zip(self.scan(wanted, options)?) {
                merge.apply((place, &layer.digest), scan, wanted);
            }
            Ok(merge)
        };
        let first = merge(wanted)?;
        let missing = first.missing(wanted);
        if missing.is_empty() {
            return Ok(first.into_view(&missing));
        }
        // Links made package lists of files that nobody had asked for: ask again, once.
        let places: BTreeSet<&str> = missing.values().map(String::as_str).collect();
        let by_path = |path: &str| (wanted.by_path)(path) || places.contains(path);
        let second = merge(&Wanted {
            by_path: &by_path,
            accumulates: wanted.accumulates,
            well_known: wanted.well_known,
        })?;
        Ok(second.into_view(&missing))
    }
}

/// The part of an image configuration that a list of contents needs.
#[derive(Debug, Deserialize)]
struct Config {
    architecture: Option<String>,
    os: Option<String>,
    variant: Option<String>,
    created: Option<String>,
    history: Option<Vec<history::Step>>,
    rootfs: RootFs,
}

#[derive(Debug, Deserialize)]
struct RootFs {
    diff_ids: Vec<Digest>,
}
