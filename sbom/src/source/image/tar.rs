//! Members of a tar archive, one after the other, in a single pass.
//!
//! POSIX.1-2017 pax archives and GNU's extensions, <https://www.gnu.org/software/tar/manual/html_node/Standard.html>;
//! header fields are read by the `tar` crate. Its own iterator reads long names of any length into
//! memory, so members are walked here, with a limit.

use std::io::{self, BufRead, Read};

use ::tar::{EntryType, Header, PaxExtensions};

use crate::source::TarFault;

/// A tar archive that is being read.
pub(super) struct Archive<R> {
    reader: R,
    /// Bytes of the current member, with padding, that were not read yet.
    rest: u64,
    /// How many of them are padding.
    padding: u64,
}

/// What the headers say about one member.
#[derive(Debug)]
pub(super) struct Member {
    pub(super) path: Vec<u8>,
    pub(super) link: Vec<u8>,
    pub(super) kind: EntryType,
    pub(super) size: u64,
    pub(super) is_executable: bool,
}

/// Either what is wrong with the archive, or why its bytes could not be had.
#[derive(Debug)]
pub(super) enum Fault {
    Tar(TarFault),
    Io(io::Error),
}

impl<R: BufRead> Archive<R> {
    pub(super) fn new(reader: R) -> Self {
        Self {
            reader,
            rest: 0,
            padding: 0,
        }
    }

    /// The next member; whatever was not read of the last one is skipped.
    pub(super) fn next(&mut self) -> Result<Option<Member>, Fault> {
        let mut extended = Extended::default();
        loop {
            self.skip_rest()?;
            let Some(header) = self.header()? else {
                return Ok(None);
            };
            let kind = header.entry_type();
            let size = header
                .entry_size()
                .map_err(|_| Fault::Tar(TarFault::Header))?;
            match kind {
                EntryType::GNULongName => extended.path = Some(self.name(size)?),
                EntryType::GNULongLink => extended.link = Some(self.name(size)?),
                EntryType::XHeader => {
                    let bytes = self.extension(size)?;
                    extended.read_pax(&bytes);
                }
                EntryType::XGlobalHeader => self.begin(size),
                _ => return self.member(&header, extended, size).map(Some),
            }
        }
    }

    /// The contents of the current member.
    pub(super) fn content(&mut self, size: u64) -> Content<'_, R> {
        Content {
            archive: self,
            rest: size,
        }
    }

    /// The reader, to check what follows the last member.
    pub(super) fn into_inner(self) -> R {
        self.reader
    }

    fn member(&mut self, header: &Header, extended: Extended, size: u64) -> Result<Member, Fault> {
        let kind = header.entry_type();
        if kind == EntryType::GNUSparse {
            self.skip_sparse_headers(header)?;
        }
        let size = extended.size.unwrap_or(size);
        // Links and devices have no contents even if their size field says so.
        let has_content = !matches!(
            kind,
            EntryType::Link
                | EntryType::Symlink
                | EntryType::Char
                | EntryType::Block
                | EntryType::Directory
                | EntryType::Fifo
        );
        let size = if has_content { size } else { 0 };
        self.begin(size);
        let path = extended
            .path
            .unwrap_or_else(|| header.path_bytes().into_owned());
        let link = extended
            .link
            .or_else(|| header.link_name_bytes().map(std::borrow::Cow::into_owned))
            .unwrap_or_default();
        let longest = path.len().max(link.len()) as u64;
        if longest > PATH_BYTES {
            return Err(Fault::Tar(TarFault::ExtendedHeader { size: longest }));
        }
        Ok(Member {
            path,
            link,
            kind,
            size,
            is_executable: header.mode().is_ok_and(|mode| mode & 0o111 != 0),
        })
    }

    /// Reads one header; `None` at the end of the archive.
    fn header(&mut self) -> Result<Option<Header>, Fault> {
        let mut header = Header::new_old();
        let block = header.as_mut_bytes();
        let mut filled = 0;
        while let Some(room) = block.get_mut(filled..).filter(|room| !room.is_empty()) {
            match self.reader.read(room).map_err(Fault::Io)? {
                0 if filled == 0 => return Ok(None),
                0 => return Err(Fault::Tar(TarFault::Truncated)),
                read => filled = filled.saturating_add(read),
            }
        }
        if block.iter().all(|byte| *byte == 0) {
            return Ok(None);
        }
        let sum: u32 = block
            .iter()
            .enumerate()
            .map(|(index, byte)| {
                if CHECKSUM.contains(&index) {
                    32
                } else {
                    u32::from(*byte)
                }
            })
            .sum();
        match header.cksum() {
            Ok(expected) if expected == sum => Ok(Some(header)),
            _ => Err(Fault::Tar(TarFault::Header)),
        }
    }

    /// Reads the contents of an extension header.
    fn extension(&mut self, size: u64) -> Result<Vec<u8>, Fault> {
        if size > EXTENSION_BYTES {
            return Err(Fault::Tar(TarFault::ExtendedHeader { size }));
        }
        self.begin(size);
        let mut bytes = Vec::new();
        self.content(size)
            .read_to_end(&mut bytes)
            .map_err(Fault::Io)?;
        if bytes.len() as u64 == size {
            Ok(bytes)
        } else {
            Err(Fault::Tar(TarFault::Truncated))
        }
    }

    /// Reads a long name, which ends at NUL.
    fn name(&mut self, size: u64) -> Result<Vec<u8>, Fault> {
        let mut name = self.extension(size)?;
        if let Some(end) = name.iter().position(|byte| *byte == 0) {
            name.truncate(end);
        }
        Ok(name)
    }

    fn skip_sparse_headers(&mut self, header: &Header) -> Result<(), Fault> {
        let mut more = header.as_gnu().is_some_and(::tar::GnuHeader::is_extended);
        while more {
            let mut block = ::tar::GnuExtSparseHeader::new();
            self.reader
                .read_exact(block.as_mut_bytes())
                .map_err(truncated)?;
            more = block.is_extended();
        }
        Ok(())
    }

    /// Contents of this size come next.
    fn begin(&mut self, size: u64) {
        self.rest = padded(size);
        self.padding = self.rest.saturating_sub(size);
    }

    fn skip_rest(&mut self) -> Result<(), Fault> {
        while self.rest > 0 {
            let available = self.reader.fill_buf().map_err(Fault::Io)?.len();
            // Some tools (umoci insert) leave out the padding of the last member, and everything
            // that runs images reads that: all contents are there.
            if available == 0 && self.rest <= self.padding {
                self.rest = 0;
                return Ok(());
            }
            if available == 0 {
                return Err(Fault::Tar(TarFault::Truncated));
            }
            let skipped = usize::try_from(self.rest)
                .unwrap_or(usize::MAX)
                .min(available);
            self.reader.consume(skipped);
            self.rest = self.rest.saturating_sub(skipped as u64);
        }
        Ok(())
    }
}

/// The contents of one member, without padding.
pub(super) struct Content<'a, R> {
    archive: &'a mut Archive<R>,
    rest: u64,
}

impl<R: BufRead> BufRead for Content<'_, R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.rest == 0 {
            return Ok(&[]);
        }
        let available = self.archive.reader.fill_buf()?;
        if available.is_empty() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let end = usize::try_from(self.rest)
            .unwrap_or(usize::MAX)
            .min(available.len());
        Ok(available.get(..end).unwrap_or_default())
    }

    fn consume(&mut self, amount: usize) {
        self.archive.reader.consume(amount);
        self.rest = self.rest.saturating_sub(amount as u64);
        self.archive.rest = self.archive.rest.saturating_sub(amount as u64);
    }
}

impl<R: BufRead> Read for Content<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let available = self.fill_buf()?;
        let length = available.len().min(buffer.len());
        if let (Some(to), Some(from)) = (buffer.get_mut(..length), available.get(..length)) {
            to.copy_from_slice(from);
        }
        self.consume(length);
        Ok(length)
    }
}

/// What extension headers say about the member that follows.
#[derive(Default)]
struct Extended {
    path: Option<Vec<u8>>,
    link: Option<Vec<u8>>,
    size: Option<u64>,
}

impl Extended {
    fn read_pax(&mut self, bytes: &[u8]) {
        for extension in PaxExtensions::new(bytes).flatten() {
            let value = extension.value_bytes();
            match extension.key_bytes() {
                b"path" => self.path = Some(value.to_vec()),
                b"linkpath" => self.link = Some(value.to_vec()),
                b"size" => {
                    self.size = std::str::from_utf8(value)
                        .ok()
                        .and_then(|text| text.parse().ok());
                }
                _ => {}
            }
        }
    }
}

pub(super) fn truncated(error: io::Error) -> Fault {
    if error.kind() == io::ErrorKind::UnexpectedEof {
        Fault::Tar(TarFault::Truncated)
    } else {
        Fault::Io(error)
    }
}

/// Contents are padded to whole blocks.
fn padded(size: u64) -> u64 {
    size.checked_next_multiple_of(BLOCK).unwrap_or(u64::MAX)
}

const BLOCK: u64 = 512;

/// The checksum field counts as spaces in its own sum.
const CHECKSUM: std::ops::Range<usize> = 148..156;

/// Longest path or link target, as Linux has it: every one of them is kept.
const PATH_BYTES: u64 = 4096;

/// Longest extension header: real ones hold a path, at most 4 KiB, and extended attributes.
const EXTENSION_BYTES: u64 = 1 << 20;
