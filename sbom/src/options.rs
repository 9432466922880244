//! How a listing is made: bounds, parallelism, progress.

use std::fmt;
use std::num::NonZeroUsize;

use bulla_model::Limits;

/// What [`catalog`](crate::catalog()) may be told; everything has a default.
#[derive(Clone, Default)]
pub struct Options<'a> {
    /// Bounds on everything read.
    pub limits: Limits,
    /// Layers read at the same time; the machine's parallelism if absent.
    pub threads: Option<NonZeroUsize>,
    /// Called from several threads while reading.
    pub progress: Option<&'a (dyn Fn(Progress) + Sync)>,
}

impl Options<'_> {
    pub(crate) fn report(&self, progress: Progress) {
        if let Some(callback) = self.progress {
            callback(progress);
        }
    }

    pub(crate) fn parallelism(&self) -> usize {
        self.threads
            .or_else(|| std::thread::available_parallelism().ok())
            .map_or(1, NonZeroUsize::get)
    }
}

impl fmt::Debug for Options<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("limits", &self.limits)
            .field("threads", &self.threads)
            .field("progress", &self.progress.is_some())
            .finish()
    }
}

/// One step of reading, for a progress bar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Progress {
    /// So many more compressed bytes of layers were read.
    Bytes(u64),
    /// A layer was read to its end and its digests were right.
    Layer {
        /// Position in the manifest, from 0.
        index: usize,
    },
    /// Reading is over and packages are being listed.
    Cataloging,
}
