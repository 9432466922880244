//! A header: what rpm's database holds of each package.
//!
//! "RPM V4 Package format", header structure, <https://rpm-software-management.github.io/rpm/manual/format_header.html>,
//! and the tags of <https://rpm-software-management.github.io/rpm/manual/tags.html> (rpm 4.20). In a
//! database it begins with its two lengths, without the magic that it has in a file.

use std::collections::BTreeMap;

/// The tags that are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub(super) enum Tag {
    Name = 1000,
    Version = 1001,
    Release = 1002,
    Epoch = 1003,
    Summary = 1004,
    Vendor = 1011,
    License = 1014,
    Packager = 1015,
    Url = 1020,
    Architecture = 1022,
    SourceRpm = 1044,
    ProvideName = 1047,
    RequireName = 1049,
    DirectoryIndexes = 1116,
    BaseNames = 1117,
    DirectoryNames = 1118,
    ModularityLabel = 5096,
}

/// One package's header, every value of which lies within its bytes.
#[derive(Debug)]
pub(super) struct Header<'a> {
    entries: BTreeMap<u32, Entry>,
    store: &'a [u8],
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    kind: u32,
    offset: usize,
    count: usize,
}

impl<'a> Header<'a> {
    /// Reads the index; `None` if it is no header.
    pub(super) fn parse(bytes: &'a [u8]) -> Option<Self> {
        let count = number(bytes, 0)?;
        let length = number(bytes, 4)?;
        if count == 0 || count > INDEX_LENGTH {
            return None;
        }
        let start = count.checked_mul(ENTRY)?.checked_add(PREAMBLE)?;
        let index = bytes.get(PREAMBLE..start)?;
        let store = bytes.get(start..start.checked_add(length)?)?;
        let mut entries = BTreeMap::new();
        for entry in index.chunks_exact(ENTRY) {
            let tag = u32::try_from(number(entry, 0)?).ok()?;
            let kind = u32::try_from(number(entry, 4)?).ok()?;
            let (offset, count) = (number(entry, 8)?, number(entry, 12)?);
            let entry = Entry {
                kind,
                offset,
                count,
            };
            entries.entry(tag).or_insert(entry);
        }
        Some(Self { entries, store })
    }

    /// The text of a tag; of several languages the first, which is the one without translation.
    pub(super) fn text(&self, tag: Tag) -> Option<String> {
        let texts = self.texts(tag).into_iter().next();
        texts.filter(|text| !text.is_empty() && text != "(none)")
    }

    /// All texts of a tag, as many as lie in the store; none if it has another type.
    pub(super) fn texts(&self, tag: Tag) -> Vec<String> {
        let Some(entry) = self.entries.get(&(tag as u32)) else {
            return Vec::new();
        };
        let count = match entry.kind {
            STRING => 1,
            STRINGS | TRANSLATED => entry.count,
            _ => 0,
        };
        let rest = self.store.get(entry.offset..).unwrap_or_default();
        // What follows the last NUL is no text.
        let end = memchr::memrchr(0, rest).unwrap_or(0);
        let texts = rest.get(..end).unwrap_or_default();
        let texts = texts.split(|byte| *byte == 0).take(count);
        texts
            .map(|text| String::from_utf8_lossy(text).into_owned())
            .collect()
    }

    /// All numbers of a tag of 32 bits each, as many as lie in the store.
    pub(super) fn numbers(&self, tag: Tag) -> Vec<usize> {
        let entry = self.entries.get(&(tag as u32));
        let Some(entry) = entry.filter(|entry| entry.kind == INT32) else {
            return Vec::new();
        };
        let rest = self.store.get(entry.offset..).unwrap_or_default();
        let numbers = rest.chunks_exact(4).take(entry.count);
        numbers.filter_map(|word| number(word, 0)).collect()
    }

    /// The files it put there, without a leading slash.
    pub(super) fn files(&self) -> Vec<String> {
        let folders = self.texts(Tag::DirectoryNames);
        let indexes = self.numbers(Tag::DirectoryIndexes);
        let names = self.texts(Tag::BaseNames).into_iter();
        let mut room = FILES_LENGTH;
        let files = names.zip(indexes).map_while(|(name, index)| {
            let folder = folders.get(index).map_or("", String::as_str);
            // A long folder that is named for each of many files is no file system.
            room = room.checked_sub(folder.len().saturating_add(name.len()))?;
            Some(format!("{}{name}", folder.trim_start_matches('/')))
        });
        files.collect()
    }
}

fn number(bytes: &[u8], start: usize) -> Option<usize> {
    let word = bytes.get(start..start.checked_add(4)?)?;
    usize::try_from(u32::from_be_bytes(word.try_into().ok()?)).ok()
}

const PREAMBLE: usize = 8;
const ENTRY: usize = 16;

/// The most entries that rpm itself reads.
const INDEX_LENGTH: usize = 0xffff;

/// Bytes of all paths of one package together.
const FILES_LENGTH: usize = 64 << 20;

const INT32: u32 = 4;
const STRING: u32 = 6;
const STRINGS: u32 = 8;
const TRANSLATED: u32 = 9;
