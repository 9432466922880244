//! Java archives: of each, and of those inside it, the members that say what it is.
//!
//! JAR file specification of Java 21, <https://docs.oracle.com/en/java/javase/21/docs/specs/jar/jar.html>,
//! read by the `zip` crate. The list of members is at the end of a zip archive, so one that comes
//! out of a layer is put aside first.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::io::{self, Read, Seek, SeekFrom, Write};

use bulla_model::{Algorithm, Digest, Hasher};
use tempfile::SpooledTempFile;
use zip::ZipArchive;

use super::path;

/// What was kept of an archive.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Jar {
    /// SHA-256 and SHA-512 of the archive.
    pub digests: Vec<Digest>,
    /// Manifest, `pom.properties` and `pom.xml`, by their paths in the archive.
    pub members: BTreeMap<String, Vec<u8>>,
    /// Archives inside, by their paths.
    pub inner: BTreeMap<String, Jar>,
    /// The folder that all of its classes have in common: `org/example/pay`.
    pub classes: Option<String>,
    /// What could not be read, with the path in the archive.
    pub faults: Vec<(String, String)>,
}

impl Jar {
    /// Whether it could not be opened.
    pub fn is_unread(&self) -> bool {
        let says_nothing = self.members.is_empty() && self.inner.is_empty();
        says_nothing && self.classes.is_none() && !self.faults.is_empty()
    }

    /// Bytes that are kept of it.
    pub(super) fn length(&self) -> u64 {
        let own = self.members.iter();
        let own = own.map(|(path, bytes)| path.len().saturating_add(bytes.len()) as u64);
        let inner = self.inner.iter();
        let inner = inner.map(|(path, jar)| jar.length().saturating_add(path.len() as u64));
        own.chain(inner).fold(0, u64::saturating_add)
    }
}

/// Whether a file of this name is a Java archive.
pub(super) fn is_it(name: &str) -> bool {
    let ending = name.rsplit_once('.').map(|(_, ending)| ending);
    ending.is_some_and(|ending| ENDINGS.iter().any(|one| ending.eq_ignore_ascii_case(one)))
}

/// Reads an archive to its end, from wherever it comes; `None` of what only has the name of one.
pub(super) fn read(name: &str, source: &mut impl Read) -> io::Result<Option<Jar>> {
    let mut bounded = source.take(LARGEST.saturating_add(1));
    let (mut file, digests) = aside(&mut bounded)?;
    if bounded.limit() == 0 {
        let fault = (String::new(), TOO_MUCH.to_owned());
        return Ok(Some(Jar {
            faults: vec![fault],
            ..Jar::default()
        }));
    }
    if !is_surely(name) && !begins_as_zip(&mut file)? {
        return Ok(None);
    }
    let mut jar = open(&mut file, &mut Budget::default(), 0);
    jar.digests = digests;
    Ok(Some(jar))
}

/// Whether a file of this name is a Java archive or broken: other endings have other meanings too.
fn is_surely(name: &str) -> bool {
    let ending = name.rsplit_once('.').map_or("", |(_, ending)| ending);
    ["jar", "war", "ear"]
        .iter()
        .any(|one| ending.eq_ignore_ascii_case(one))
}

fn begins_as_zip(file: &mut SpooledTempFile) -> io::Result<bool> {
    let mut begin = Vec::new();
    (&mut *file).take(4).read_to_end(&mut begin)?;
    file.seek(SeekFrom::Start(0))?;
    Ok(begin == b"PK\x03\x04")
}

/// What archives in archives may take together, of one file.
struct Budget {
    entries: usize,
    inflated: u64,
    kept: usize,
}

impl Default for Budget {
    fn default() -> Self {
        Self {
            entries: ENTRIES,
            inflated: INFLATED,
            kept: KEPT,
        }
    }
}

/// Puts an archive where it can be read from its end, and hashes it.
fn aside(source: &mut impl Read) -> io::Result<(SpooledTempFile, Vec<Digest>)> {
    let mut file = SpooledTempFile::new(IN_MEMORY);
    let mut hashers = [Algorithm::Sha256, Algorithm::Sha512].map(Hasher::new);
    let mut buffer = vec![0; BUFFER];
    loop {
        let read = source.read(&mut buffer)?;
        let piece = buffer.get(..read).unwrap_or_default();
        if piece.is_empty() {
            break;
        }
        for hasher in &mut hashers {
            hasher.update(piece);
        }
        file.write_all(piece)?;
    }
    file.seek(SeekFrom::Start(0))?;
    Ok((file, hashers.map(Hasher::finish).into()))
}

fn open(file: &mut (impl Read + Seek), budget: &mut Budget, depth: usize) -> Jar {
    let mut jar = Jar::default();
    let left = Cell::new(Some(LIST));
    let measured = Measured { file, left: &left };
    let mut archive = match ZipArchive::new(measured) {
        Ok(archive) => archive,
        Err(error) => {
            jar.faults
                .push((String::new(), format!("no zip archive: {error}")));
            return jar;
        }
    };
    // From here on each member has a bound of its own.
    left.set(None);
    let mut classes = Classes::default();
    let mut wanted = Vec::new();
    for (index, name) in archive.file_names_raw().enumerate() {
        let Some(left) = budget.entries.checked_sub(1) else {
            jar.faults.push((String::new(), TOO_MUCH.to_owned()));
            break;
        };
        budget.entries = left;
        classes.add(name);
        if let Some(name) = path::normalise(name).filter(|name| says_something(name) || is_it(name))
        {
            wanted.push((index, name));
        }
    }
    jar.classes = classes.common;
    for (index, name) in wanted {
        if let Err(error) = take(&mut archive, index, &name, &mut jar, budget, depth) {
            jar.faults.push((name, error.to_string()));
        }
    }
    jar
}

/// An archive of which only so much is read: the list of members is taken into memory whole, and
/// whoever wrote it says how long it is.
struct Measured<'a, F> {
    file: F,
    left: &'a Cell<Option<u64>>,
}

impl<F: Read> Read for Measured<'_, F> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(buffer)?;
        if let Some(left) = self.left.get() {
            let left = left.checked_sub(read as u64);
            let left = left.ok_or_else(|| io::Error::other(TOO_MUCH))?;
            self.left.set(Some(left));
        }
        Ok(read)
    }
}

impl<F: Seek> Seek for Measured<'_, F> {
    fn seek(&mut self, place: SeekFrom) -> io::Result<u64> {
        self.file.seek(place)
    }
}

/// Keeps one member, or what is inside it.
fn take<R: Read + Seek>(
    archive: &mut ZipArchive<R>,
    index: usize,
    name: &str,
    jar: &mut Jar,
    budget: &mut Budget,
    depth: usize,
) -> io::Result<()> {
    let member = archive.by_index(index)?;
    if !member.is_file() {
        return Ok(());
    }
    if says_something(name) {
        let mut bytes = Vec::new();
        let most = budget.kept.min(MEMBER) as u64;
        member
            .take(most.saturating_add(1))
            .read_to_end(&mut bytes)?;
        if bytes.len() as u64 > most {
            return Err(io::Error::other(TOO_MUCH));
        }
        budget.kept = budget.kept.saturating_sub(bytes.len());
        jar.members.insert(name.to_owned(), bytes);
        return Ok(());
    }
    if depth >= DEPTH {
        return Err(io::Error::other("archives lie too deep in each other"));
    }
    let most = budget.inflated;
    let mut inner = member.take(most.saturating_add(1));
    let (mut file, digests) = aside(&mut inner)?;
    let length = most.saturating_add(1).saturating_sub(inner.limit());
    budget.inflated = most
        .checked_sub(length)
        .ok_or_else(|| io::Error::other(TOO_MUCH))?;
    let mut found = open(&mut file, budget, depth.saturating_add(1));
    found.digests = digests;
    jar.inner.insert(name.to_owned(), found);
    Ok(())
}

fn says_something(name: &str) -> bool {
    name == "META-INF/MANIFEST.MF"
        || name
            .strip_prefix("META-INF/maven/")
            .is_some_and(|rest| rest.ends_with("/pom.properties") || rest.ends_with("/pom.xml"))
}

/// The folder that classes have in common.
#[derive(Default)]
struct Classes {
    common: Option<String>,
}

impl Classes {
    fn add(&mut self, name: &[u8]) {
        let Some(name) = name.strip_suffix(b".class") else {
            return;
        };
        let name = String::from_utf8_lossy(name);
        let outside = ["META-INF/", "BOOT-INF/", "WEB-INF/"];
        let Some((folder, _)) = name.rsplit_once('/') else {
            return;
        };
        if outside.iter().any(|prefix| name.starts_with(prefix)) || folder.len() > FOLDER {
            return;
        }
        let common = match self.common.take() {
            None => folder.to_owned(),
            Some(known) => {
                let pairs = known.split('/').zip(folder.split('/'));
                let same: Vec<_> = pairs
                    .take_while(|(one, other)| one == other)
                    .map(|(one, _)| one)
                    .collect();
                same.join("/")
            }
        };
        self.common = Some(common);
    }
}

/// Endings of Java archives, applications and plug-ins.
const ENDINGS: [&str; 11] = [
    "jar", "war", "ear", "par", "sar", "nar", "jpi", "hpi", "kar", "lpkg", "rar",
];

const TOO_MUCH: &str = "it holds more than is read of an archive";

/// Bytes of an archive.
const LARGEST: u64 = 4 << 30;

/// Bytes of the list of members: some three hundred thousand of them.
const LIST: u64 = 32 << 20;

/// How deep archives may lie in each other: a library in an application in an enterprise archive.
const DEPTH: usize = 4;

/// Members of an archive and all inside it.
const ENTRIES: usize = 500_000;

/// Bytes of all archives inside one.
const INFLATED: u64 = 2 << 30;

/// Bytes of all members kept of one, and of one member.
const KEPT: usize = 64 << 20;
const MEMBER: usize = 4 << 20;

/// Larger archives are put aside on disk.
const IN_MEMORY: usize = 8 << 20;

const BUFFER: usize = 64 << 10;

/// Longer folders are none of classes.
const FOLDER: usize = 1024;

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use zip::ZipWriter;
    use zip::write::SimpleFileOptions;

    use super::*;

    fn archive(members: &[(&str, &[u8])]) -> Vec<u8> {
        let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
        for (name, bytes) in members {
            writer
                .start_file(*name, SimpleFileOptions::default())
                .unwrap();
            writer.write_all(bytes).unwrap();
        }
        writer.finish().unwrap().into_inner()
    }

    fn within(bytes: &[u8], budget: Budget) -> Jar {
        let mut budget = budget;
        open(&mut Cursor::new(bytes), &mut budget, 0)
    }

    #[test]
    fn archives_in_archives_end() {
        let mut bytes = archive(&[("META-INF/MANIFEST.MF", b"A: b\n")]);
        for _ in 0..10 {
            bytes = archive(&[("inner.jar", &bytes)]);
        }
        let outer = read("a.jar", &mut bytes.as_slice()).unwrap().unwrap();
        let mut jar = &outer;
        let mut depth = 0;
        while let Some(inner) = jar.inner.get("inner.jar") {
            depth += 1;
            jar = inner;
        }
        assert_eq!(depth, DEPTH);
        assert!(jar.faults[0].1.contains("too deep"), "{:?}", jar.faults);
    }

    #[test]
    fn what_is_larger_than_it_seems_is_left() {
        let zeros = vec![0; 1 << 20];
        let bomb = archive(&[("zeros", &zeros)]);
        let stored = archive(&[
            ("META-INF/MANIFEST.MF", &zeros),
            ("a.jar", &bomb),
            ("b.jar", &zeros),
        ]);
        let small = |entries, inflated, kept| Budget {
            entries,
            inflated,
            kept,
        };
        let plenty = within(&stored, Budget::default());
        assert_eq!((plenty.members.len(), plenty.inner.len()), (1, 2));
        let kept = within(&stored, small(100, 4 << 20, 1000));
        assert_eq!((kept.members.len(), kept.faults.len()), (0, 1));
        let inflated = within(&stored, small(100, 4000, 4 << 20));
        assert_eq!(inflated.inner.len(), 1, "{:?}", inflated.faults);
        let entries = within(&stored, small(2, 4 << 20, 4 << 20));
        assert_eq!(entries.faults[0].1, TOO_MUCH);
    }

    #[test]
    fn a_list_of_members_without_end_is_left() {
        let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
        let long = "n".repeat(60_000);
        for at in 0..600 {
            let name = format!("{long}{at}");
            let options = SimpleFileOptions::default();
            writer.add_directory(name, options).unwrap();
        }
        let bytes = writer.finish().unwrap().into_inner();
        assert!(bytes.len() as u64 > LIST);
        let jar = within(&bytes, Budget::default());
        assert!(jar.faults[0].1.contains(TOO_MUCH), "{:?}", jar.faults);
    }

    #[test]
    fn what_only_has_the_name_is_no_archive() {
        let of = |name: &str, bytes: &[u8]| read(name, &mut &*bytes).unwrap();
        assert_eq!(of("holidays.rar", b"Rar!\x1a\x07"), None);
        assert!(of("adapter.rar", &archive(&[("A", b"")])).is_some());
        assert!(of("broken.jar", b"Rar!").unwrap().is_unread());
    }

    #[test]
    fn names_that_lead_out_are_no_members() {
        let manifest: &[u8] = b"A: b\n";
        let jar = within(
            &archive(&[
                ("../META-INF/MANIFEST.MF", manifest),
                ("/x/../../y.jar", manifest),
            ]),
            Budget::default(),
        );
        assert!(jar.members.is_empty() && jar.inner.is_empty(), "{jar:?}");
    }
}
