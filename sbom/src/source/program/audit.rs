//! Finds the dependency list of `cargo auditable` in an executable, in one pass over its bytes.
//!
//! The list is zlib data in the ELF section `.dep-v0`, <https://github.com/rust-secure-code/cargo-auditable/blob/v0.7.0/PARSING.md>.
//! Which part of the file that section is, its end says (section headers come last), while the data
//! lies in the middle, and an executable in a compressed layer cannot be read backwards nor kept
//! whole. So every place that inflates to the beginning of a list is inflated as it goes by, and
//! the headers at the end tell whether one of them was the section.

use std::io;

use flate2::{Decompress, FlushDecompress, Status};

/// The parts of an ELF header that lead to the section headers.
#[derive(Clone, Copy, Debug)]
struct Header {
    wide: bool,
    little: bool,
    sections: u64,
    entry_size: u16,
    count: u16,
    names: u16,
}

impl Header {
    fn parse(head: &[u8]) -> Option<Self> {
        if head.get(..4)? != b"\x7fELF" {
            return None;
        }
        let wide = *head.get(4)? == 2;
        let little = *head.get(5)? == 1;
        let kind = number(head, 16, 2, little)?;
        let (sections, entry_size) = if wide { (40, 58) } else { (32, 46) };
        let header = Self {
            wide,
            little,
            sections: number(head, sections, if wide { 8 } else { 4 }, little)?,
            entry_size: u16::try_from(number(head, entry_size, 2, little)?).ok()?,
            count: u16::try_from(number(head, entry_size + 2, 2, little)?).ok()?,
            names: u16::try_from(number(head, entry_size + 4, 2, little)?).ok()?,
        };
        // Executables and shared objects; objects and core files are not run.
        let runs = kind == 2 || kind == 3;
        let has_sections = header.sections > 0 && header.count > 0 && header.entry_size >= 40;
        (runs && has_sections).then_some(header)
    }

    /// Offset of the section called `.dep-v0`, looked up in the tail of the file.
    fn audit_section(&self, tail: &[u8], tail_start: u64) -> Option<u64> {
        let at = |offset: u64| usize::try_from(offset.checked_sub(tail_start)?).ok();
        let table = tail.get(at(self.sections)?..)?;
        let section = |index: u16| {
            let start = usize::from(index).checked_mul(usize::from(self.entry_size))?;
            table.get(start..start.checked_add(usize::from(self.entry_size))?)
        };
        let names = tail.get(at(self.offset(section(self.names)?)?)?..)?;
        (0..self.count).filter_map(section).find_map(|entry| {
            let name = usize::try_from(number(entry, 0, 4, self.little)?).ok()?;
            names
                .get(name..)?
                .starts_with(SECTION_NAME)
                .then(|| self.offset(entry))?
        })
    }

    /// File offset of a section.
    fn offset(&self, entry: &[u8]) -> Option<u64> {
        let (start, width) = if self.wide { (24, 8) } else { (16, 4) };
        number(entry, start, width, self.little)
    }
}

/// Reads an unsigned number of `width` bytes.
fn number(bytes: &[u8], start: usize, width: usize, little: bool) -> Option<u64> {
    let field = bytes.get(start..start.checked_add(width)?)?;
    let fold = |value: u64, byte: &u8| (value << 8) | u64::from(*byte);
    Some(if little {
        field.iter().rev().fold(0, fold)
    } else {
        field.iter().fold(0, fold)
    })
}

/// What is remembered while the bytes of one executable go by.
pub(super) struct Scan {
    header: Header,
    position: u64,
    /// The last byte of the previous piece was the first of a zlib header.
    pending: bool,
    inflating: Option<Candidate>,
    found: Vec<(u64, Vec<u8>)>,
    /// Bytes of all lists found, also of those not kept because they are too many.
    found_bytes: usize,
    /// The end of the file: section headers and, just before them, their names.
    tail: Vec<u8>,
    tail_start: u64,
}

impl Scan {
    /// Begins with the first bytes of an ELF executable or shared object of `size` bytes that has
    /// sections; the caller pushes them too.
    pub(super) fn of(head: &[u8], size: u64) -> Option<Self> {
        let header = Header::parse(head).filter(|header| header.sections < size)?;
        Some(Self {
            header,
            position: 0,
            pending: false,
            inflating: None,
            found: Vec::new(),
            found_bytes: 0,
            tail: Vec::new(),
            tail_start: header.sections.saturating_sub(NAMES_LENGTH),
        })
    }

    /// Takes the next bytes.
    pub(super) fn push(&mut self, piece: &[u8]) -> io::Result<()> {
        self.keep_tail(piece);
        let mut rest = piece;
        while !rest.is_empty() {
            rest = match self.inflating.take() {
                Some(candidate) => self.inflate(candidate, rest),
                None => self.search(rest),
            };
        }
        if self.found_bytes > LISTS_LENGTH {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "an executable holds too many dependency lists",
            ));
        }
        Ok(())
    }

    fn keep_tail(&mut self, piece: &[u8]) {
        let skipped = self.tail_start.saturating_sub(self.position);
        let wanted = usize::try_from(skipped)
            .ok()
            .and_then(|skipped| piece.get(skipped..));
        let room = TAIL_LENGTH.saturating_sub(self.tail.len());
        if let Some(wanted) = wanted {
            self.tail
                .extend_from_slice(wanted.get(..room).unwrap_or(wanted));
        }
    }

    /// Looks for the next zlib header; returns what follows the place where inflating starts.
    fn search<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        if std::mem::take(&mut self.pending) && bytes.first().is_some_and(|b| FLAGS.contains(b)) {
            let mut candidate = Candidate::new(self.position.saturating_sub(1));
            candidate.step(&[ZLIB]);
            self.inflating = Some(candidate);
            return bytes;
        }
        for index in memchr::memchr_iter(ZLIB, bytes) {
            let rest = bytes.get(index..).unwrap_or_default();
            match rest.get(1) {
                None => self.pending = true,
                Some(flags) if FLAGS.contains(flags) => {
                    let start = self.position.saturating_add(index as u64);
                    let mut candidate = Candidate::new(start);
                    // Almost no candidate survives its first bytes, so none is worth a jump out.
                    let (used, state) = candidate.step(rest);
                    match state {
                        State::More if used == rest.len() => {
                            self.inflating = Some(candidate);
                            break;
                        }
                        State::Done => self.keep(candidate),
                        State::More | State::Wrong => {}
                    }
                }
                Some(_) => {}
            }
        }
        self.position = self.position.saturating_add(bytes.len() as u64);
        &[]
    }

    /// Feeds a candidate that began in an earlier piece.
    fn inflate<'a>(&mut self, mut candidate: Candidate, bytes: &'a [u8]) -> &'a [u8] {
        let (used, state) = candidate.step(bytes);
        match state {
            State::More if used == bytes.len() => {
                self.inflating = Some(candidate);
                self.position = self.position.saturating_add(used as u64);
                &[]
            }
            State::Done => {
                self.keep(candidate);
                self.position = self.position.saturating_add(used as u64);
                bytes.get(used..).unwrap_or_default()
            }
            // No list after all: its bytes of this piece are searched.
            State::More | State::Wrong => self.search(bytes),
        }
    }

    /// Keeps a whole list. Many small pieces can inflate to many large lists.
    fn keep(&mut self, candidate: Candidate) {
        self.found_bytes = self.found_bytes.saturating_add(candidate.output.len());
        if self.found_bytes <= LISTS_LENGTH {
            self.found.push((candidate.start, candidate.output));
        }
    }

    /// The inflated list, if the executable has one.
    pub(super) fn finish(self) -> Option<Vec<u8>> {
        let section = self.header.audit_section(&self.tail, self.tail_start)?;
        self.found
            .into_iter()
            .find(|(start, _)| *start == section)
            .map(|(_, output)| output)
    }
}

/// A place that may be a list.
struct Candidate {
    start: u64,
    inflater: Decompress,
    output: Vec<u8>,
}

enum State {
    More,
    Done,
    Wrong,
}

impl Candidate {
    fn new(start: u64) -> Self {
        Self {
            start,
            inflater: Decompress::new(true),
            output: Vec::with_capacity(FIRST_OUTPUT),
        }
    }

    /// Inflates some bytes; how many were used and whether there is more to come.
    fn step(&mut self, bytes: &[u8]) -> (usize, State) {
        let mut used = 0;
        loop {
            if self.output.len() == self.output.capacity() {
                if self.output.capacity() >= LIST_LENGTH {
                    return (used, State::Wrong);
                }
                self.output.reserve(self.output.capacity());
            }
            let before = (self.inflater.total_in(), self.output.len());
            let rest = bytes.get(used..).unwrap_or_default();
            let status =
                self.inflater
                    .decompress_vec(rest, &mut self.output, FlushDecompress::None);
            let taken = self.inflater.total_in().saturating_sub(before.0);
            used = used
                .saturating_add(usize::try_from(taken).unwrap_or(usize::MAX))
                .min(bytes.len());
            let begun = self.output.len().min(LIST_START.len());
            if !LIST_START.starts_with(self.output.get(..begun).unwrap_or_default()) {
                return (used, State::Wrong);
            }
            match status {
                Err(_) => return (used, State::Wrong),
                Ok(Status::StreamEnd) => return (used, State::Done),
                Ok(_) if self.output.len() == before.1 && taken == 0 => {
                    return (used, State::More);
                }
                Ok(_) => {}
            }
        }
    }
}

/// First byte of zlib data: deflate with a 32 KiB window.
const ZLIB: u8 = 0x78;

/// Second bytes that make a valid header without a preset dictionary.
const FLAGS: [u8; 4] = [0x01, 0x5e, 0x9c, 0xda];

const SECTION_NAME: &[u8] = b".dep-v0\0";

/// How every list begins.
const LIST_START: &[u8] = b"{\"packages\":";

/// First guess of a list's length.
const FIRST_OUTPUT: usize = 64;

/// Longest list accepted, the default of the `auditable-info` crate.
const LIST_LENGTH: usize = 8 << 20;

/// Longest of all lists in one file together: one is real, others may lie in embedded programs.
const LISTS_LENGTH: usize = 2 * LIST_LENGTH;

/// Section names lie just before the section headers; real ones have about 300 bytes.
const NAMES_LENGTH: u64 = 64 << 10;

/// Names and headers kept at most: 65,535 sections have 4 MiB of headers.
const TAIL_LENGTH: usize = 5 << 20;

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    /// A 64-bit ELF file with filler, the list, section names and section headers.
    fn executable(list: &[u8], filler: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
        encoder.write_all(list).unwrap();
        let data = encoder.finish().unwrap();
        let mut file = vec![0; 64];
        file[..6].copy_from_slice(b"\x7fELF\x02\x01");
        file[16] = 3;
        file.extend_from_slice(filler);
        let data_start = file.len() as u64;
        file.extend_from_slice(&data);
        file.extend_from_slice(filler);
        let names_start = file.len() as u64;
        file.extend_from_slice(b"\0.shstrtab\0.dep-v0\0");
        let headers = file.len() as u64;
        for (name, offset) in [(0u32, 0u64), (1, names_start), (11, data_start)] {
            let mut entry = [0; 64];
            entry[..4].copy_from_slice(&name.to_le_bytes());
            entry[24..32].copy_from_slice(&offset.to_le_bytes());
            file.extend_from_slice(&entry);
        }
        file[40..48].copy_from_slice(&headers.to_le_bytes());
        file[58] = 64;
        file[60] = 3;
        file[62] = 1;
        file
    }

    fn read(file: &[u8], piece: usize) -> io::Result<Option<Vec<u8>>> {
        let mut scan = Scan::of(file, file.len() as u64).unwrap();
        for piece in file.chunks(piece) {
            scan.push(piece)?;
        }
        Ok(scan.finish())
    }

    const LIST: &[u8] =
        br#"{"packages":[{"name":"a","version":"1.0.0","source":"local","root":true}]}"#;

    #[test]
    fn the_list_is_found_however_the_bytes_are_cut() {
        let file = executable(LIST, b"x\x9cnot a list \x78\x9c\x78\xda filler");
        for piece in [1, 2, 3, 7, 64, 4096] {
            assert_eq!(
                read(&file, piece).unwrap().as_deref(),
                Some(LIST),
                "pieces of {piece}"
            );
        }
    }

    #[test]
    fn a_list_outside_the_section_is_not_one() {
        let mut file = executable(LIST, b"filler");
        let end = file.len();
        file[end - 64 + 24] ^= 1;
        assert_eq!(read(&file, 4096).unwrap(), None);
    }

    #[test]
    fn lists_that_belong_to_no_section_do_not_fill_the_memory() {
        let mut large = LIST_START.to_vec();
        large.resize(LIST_LENGTH - 1, b' ');
        let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
        encoder.write_all(&large).unwrap();
        let bomb = encoder.finish().unwrap().repeat(3);
        let file = executable(LIST, &bomb);
        let error = read(&file, 4096).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
    }
}
