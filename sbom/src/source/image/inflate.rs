//! The bytes of a layer: counted, hashed, inflated, hashed again, never held.

use std::io::{self, BufRead, BufReader, Read};

use bulla_model::{Digest, Hasher};

use super::LayerInput;
use super::layer::Shared;
use crate::Progress;
use crate::source::SourceError;

/// The inflated archive of one layer.
pub(super) struct Inflated<'a> {
    layer: &'a LayerInput,
    shared: &'a Shared<'a>,
    decoder: Decoder<'a>,
    hasher: Hasher,
    bytes: u64,
}

impl<'a> Inflated<'a> {
    /// Opens a layer. Gzip, Zstandard and plain archives are told apart by their first bytes.
    pub(super) fn open(layer: &'a LayerInput, shared: &'a Shared<'a>) -> Result<Self, SourceError> {
        let fault = |source| SourceError::Layer {
            layer: layer.digest.clone(),
            source,
        };
        let blob = Blob {
            reader: (layer.open)().map_err(fault)?,
            hasher: (!layer.is_checked).then(|| Hasher::new(layer.digest.algorithm())),
            bytes: 0,
            layer,
            shared,
        };
        let mut blob = BufReader::with_capacity(BUFFER, blob);
        let start = blob.fill_buf().map_err(|error| from_io(layer, error))?;
        let decoder = if start.starts_with(&[0x1f, 0x8b]) {
            Decoder::Gzip(Box::new(flate2::bufread::MultiGzDecoder::new(blob)))
        } else if start.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]) {
            let mut decoder = zstd::stream::read::Decoder::with_buffer(blob).map_err(fault)?;
            decoder.window_log_max(WINDOW_LOG).map_err(fault)?;
            Decoder::Zstandard(Box::new(decoder))
        } else {
            Decoder::Plain(Box::new(blob))
        };
        Ok(Self {
            layer,
            shared,
            decoder,
            hasher: Hasher::new(bulla_model::Algorithm::Sha256),
            bytes: 0,
        })
    }

    /// Reads what is left and checks length and both digests.
    pub(super) fn finish(mut self, diff_id: &Digest) -> Result<(), SourceError> {
        let mut buffer = vec![0; BUFFER];
        while self
            .read(&mut buffer)
            .map_err(|error| from_io(self.layer, error))?
            > 0
        {}
        let mut blob = match self.decoder {
            Decoder::Gzip(decoder) => decoder.into_inner(),
            Decoder::Zstandard(decoder) => decoder.finish(),
            Decoder::Plain(blob) => *blob,
        };
        io::copy(&mut blob, &mut io::sink()).map_err(|error| from_io(self.layer, error))?;
        let blob = blob.into_inner();
        let layer = self.layer.digest.clone();
        if blob.bytes != self.layer.size {
            return Err(SourceError::Size {
                layer,
                size: self.layer.size,
            });
        }
        // What is checked by its reader has been read to its end by now.
        let found = blob.hasher.map(Hasher::finish);
        if let Some(found) = found.filter(|found| *found != layer) {
            return Err(SourceError::BlobDigest { layer, found });
        }
        let found = self.hasher.finish();
        if found != *diff_id {
            return Err(SourceError::DiffId {
                layer,
                expected: diff_id.clone(),
                found,
            });
        }
        Ok(())
    }

    fn check(&self) -> Result<(), SourceError> {
        let limits = &self.shared.options.limits;
        let layer = || self.layer.digest.clone();
        if self.bytes > limits.inflated_layer_bytes {
            let limit = limits.inflated_layer_bytes;
            return Err(SourceError::InflatedBytes {
                layer: layer(),
                limit,
            });
        }
        let read = self.decoder.blob().bytes.max(RATIO_FROM);
        if self.bytes > read.saturating_mul(limits.inflation_ratio) {
            let limit = limits.inflation_ratio;
            return Err(SourceError::InflationRatio {
                layer: layer(),
                limit,
            });
        }
        if self.shared.is_stopped() {
            Err(SourceError::Stopped)
        } else {
            Ok(())
        }
    }
}

impl Read for Inflated<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = match &mut self.decoder {
            Decoder::Gzip(decoder) => decoder.read(buffer),
            Decoder::Zstandard(decoder) => decoder.read(buffer),
            Decoder::Plain(blob) => blob.read(buffer),
        }?;
        self.hasher.update(buffer.get(..read).unwrap_or_default());
        self.bytes = self.bytes.saturating_add(read as u64);
        self.check().map_err(io::Error::other)?;
        Ok(read)
    }
}

/// Brings back the typed error that travelled through [`Read`].
pub(super) fn from_io(layer: &LayerInput, error: io::Error) -> SourceError {
    match error.downcast::<SourceError>() {
        Ok(error) => error,
        Err(source) => SourceError::Layer {
            layer: layer.digest.clone(),
            source,
        },
    }
}

enum Decoder<'a> {
    Gzip(Box<flate2::bufread::MultiGzDecoder<BufReader<Blob<'a>>>>),
    Zstandard(Box<zstd::stream::read::Decoder<'static, BufReader<Blob<'a>>>>),
    Plain(Box<BufReader<Blob<'a>>>),
}

impl<'a> Decoder<'a> {
    fn blob(&self) -> &Blob<'a> {
        match self {
            Self::Gzip(decoder) => decoder.get_ref().get_ref(),
            Self::Zstandard(decoder) => decoder.get_ref().get_ref(),
            Self::Plain(blob) => blob.get_ref(),
        }
    }
}

/// The stored bytes.
struct Blob<'a> {
    reader: super::LayerReader,
    hasher: Option<Hasher>,
    bytes: u64,
    layer: &'a LayerInput,
    shared: &'a Shared<'a>,
}

impl Read for Blob<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.reader.read(buffer)?;
        if let Some(hasher) = &mut self.hasher {
            hasher.update(buffer.get(..read).unwrap_or_default());
        }
        self.bytes = self.bytes.saturating_add(read as u64);
        if self.bytes > self.layer.size {
            let layer = self.layer.digest.clone();
            return Err(io::Error::other(SourceError::Size {
                layer,
                size: self.layer.size,
            }));
        }
        self.shared.options.report(Progress::Bytes(read as u64));
        Ok(read)
    }
}

/// Bytes read at a time.
pub(super) const BUFFER: usize = 256 << 10;

/// Largest Zstandard window, 128 MiB: what the `zstd` tool itself accepts by default.
const WINDOW_LOG: u32 = 27;

/// The ratio of fewer bytes says nothing: an empty layer is all zeros.
const RATIO_FROM: u64 = 64 << 10;
