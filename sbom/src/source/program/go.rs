//! What the Go linker writes into programs: its version, and the modules it linked.
//!
//! As `debug/buildinfo` of Go 1.25 reads it, <https://pkg.go.dev/debug/buildinfo>: a magic at a
//! multiple of 16, flags, and at 32 the two texts with their lengths before them. Programs linked
//! before Go 1.18 have addresses there, which a single pass cannot follow: of them the modules are
//! taken from between the marks that the linker puts around them, and the version is not known.

use memchr::memmem;

/// What the linker wrote.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GoBuild {
    /// The version of Go: `go1.23.4`; empty if it is not known.
    pub version: String,
    /// Modules and settings, a line each.
    pub modules: String,
}

impl GoBuild {
    pub(super) fn length(&self) -> usize {
        self.version.len().saturating_add(self.modules.len())
    }
}

/// What is remembered while the bytes go by.
#[derive(Default)]
pub(super) struct Scan {
    /// Where in the file `held` begins.
    start: usize,
    /// From a mark on; without one the end of what went by, in which a mark may begin.
    held: Vec<u8>,
    is_candidate: bool,
    found: Option<GoBuild>,
    old: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// The magic of the build information.
    Information,
    /// The mark before the modules.
    Modules,
}

enum Parsed {
    Done(GoBuild),
    More,
    Wrong,
}

impl Scan {
    /// Takes the next bytes.
    pub(super) fn push(&mut self, piece: &[u8]) {
        if self.found.is_some() {
            return;
        }
        if self.is_candidate {
            self.held.extend_from_slice(piece);
            return self.examine();
        }
        // A mark may lie across the seam: few bytes are copied to look there.
        let seam = self.held.len();
        let more = piece.len().min(MARK - 1);
        self.held
            .extend_from_slice(piece.get(..more).unwrap_or_default());
        let across = next_mark(&self.held, self.start, self.old.is_none());
        if across.is_some_and(|(_, at)| at < seam) {
            self.held.truncate(seam);
            self.held.extend_from_slice(piece);
            return self.examine();
        }
        let start = self.start.saturating_add(seam);
        let at = match next_mark(piece, start, self.old.is_none()) {
            Some((_, at)) => at,
            None => piece.len().saturating_sub(MARK - 1),
        };
        if piece.len() < MARK {
            let excess = self.held.len().saturating_sub(MARK - 1);
            return self.forget(excess);
        }
        self.held.clear();
        self.held
            .extend_from_slice(piece.get(at..).unwrap_or_default());
        self.start = start.saturating_add(at);
        self.examine();
    }

    /// What was found, the build information before mere modules.
    pub(super) fn finish(self) -> Option<GoBuild> {
        let old = || {
            let modules = self.old?;
            Some(GoBuild {
                version: String::new(),
                modules,
            })
        };
        self.found.or_else(old)
    }

    /// Reads what is held from mark to mark, as far as it goes.
    fn examine(&mut self) {
        let mut from = 0;
        self.is_candidate = false;
        loop {
            let rest = self.held.get(from..).unwrap_or_default();
            let start = self.start.saturating_add(from);
            let Some((kind, at)) = next_mark(rest, start, self.old.is_none()) else {
                let excess = self.held.len().saturating_sub(MARK - 1);
                return self.forget(excess);
            };
            let bytes = rest.get(at..).unwrap_or_default();
            let parsed = match kind {
                Kind::Information => information(bytes),
                Kind::Modules => modules(bytes),
            };
            match (parsed, kind) {
                (Parsed::Done(found), Kind::Information) => {
                    self.found = Some(found);
                    self.held = Vec::new();
                    return;
                }
                (Parsed::Done(found), Kind::Modules) => self.old = Some(found.modules),
                (Parsed::More, _) if bytes.len() < LENGTH => {
                    self.is_candidate = true;
                    return self.forget(from.saturating_add(at));
                }
                (Parsed::More | Parsed::Wrong, _) => {}
            }
            from = from.saturating_add(at).saturating_add(1);
        }
    }

    /// Drops the first bytes of what is held.
    fn forget(&mut self, count: usize) {
        self.held.drain(..count);
        self.start = self.start.saturating_add(count);
    }
}

/// The next mark: the magic only where the linker can have put it.
fn next_mark(bytes: &[u8], start: usize, modules: bool) -> Option<(Kind, usize)> {
    let aligned = |at: &usize| start.saturating_add(*at).is_multiple_of(16);
    let magic = memmem::find_iter(bytes, MAGIC).find(aligned);
    let begin = modules.then(|| memmem::find(bytes, &BEGIN)).flatten();
    match (magic, begin) {
        (Some(magic), Some(begin)) if begin < magic => Some((Kind::Modules, begin)),
        (Some(magic), _) => Some((Kind::Information, magic)),
        (None, Some(begin)) => Some((Kind::Modules, begin)),
        (None, None) => None,
    }
}

/// Build information from its magic on, if its texts lie within it.
fn information(bytes: &[u8]) -> Parsed {
    match bytes.get(15) {
        Some(flags) if flags & INLINE == 0 => return Parsed::Wrong,
        Some(_) => {}
        None => return Parsed::More,
    }
    let Some(rest) = bytes.get(32..) else {
        return Parsed::More;
    };
    let (version, rest) = match text(rest) {
        Text::Whole(version, rest) => (version, rest),
        Text::More => return Parsed::More,
        Text::Wrong => return Parsed::Wrong,
    };
    let is_version = version.starts_with(b"go") || version.starts_with(b"devel");
    if !is_version {
        return Parsed::Wrong;
    }
    let framed = match text(rest) {
        Text::Whole(framed, _) => framed,
        Text::More => return Parsed::More,
        Text::Wrong => return Parsed::Wrong,
    };
    let modules = framed.strip_prefix(&BEGIN).unwrap_or(framed);
    let modules = modules.strip_suffix(&END).unwrap_or(modules);
    Parsed::Done(GoBuild {
        version: String::from_utf8_lossy(version).into_owned(),
        modules: String::from_utf8_lossy(modules).into_owned(),
    })
}

/// Modules from the mark before them on.
fn modules(bytes: &[u8]) -> Parsed {
    let text = bytes.get(MARK..).unwrap_or_default();
    // The marks stand beside each other in the linker itself and in what reads such programs.
    if !text.is_empty() && !b"path".starts_with(text.get(..4.min(text.len())).unwrap_or_default()) {
        return Parsed::Wrong;
    }
    match memmem::find(text, &END) {
        Some(end) => Parsed::Done(GoBuild {
            version: String::new(),
            modules: String::from_utf8_lossy(text.get(..end).unwrap_or_default()).into_owned(),
        }),
        None => Parsed::More,
    }
}

enum Text<'a> {
    /// A text, and what follows it.
    Whole(&'a [u8], &'a [u8]),
    More,
    Wrong,
}

/// A text with its length before it, a varint.
fn text(bytes: &[u8]) -> Text<'_> {
    let mut length = 0usize;
    for (index, byte) in bytes.iter().enumerate().take(4) {
        let bits = usize::from(byte & 0x7f) << (7 * index);
        length |= bits;
        if byte & 0x80 == 0 {
            if length > LENGTH {
                return Text::Wrong;
            }
            let rest = bytes.get(index + 1..).unwrap_or_default();
            return match rest.split_at_checked(length) {
                Some((text, rest)) => Text::Whole(text, rest),
                None => Text::More,
            };
        }
    }
    if bytes.len() < 4 {
        Text::More
    } else {
        Text::Wrong
    }
}

const MAGIC: &[u8] = b"\xff Go buildinf:";

/// Length of every mark: the magic with two bytes after it, and the marks around modules.
const MARK: usize = 16;

/// The flag of texts that lie within the build information.
const INLINE: u8 = 2;

/// Around the modules.
const BEGIN: [u8; MARK] = *b"\x30\x77\xaf\x0c\x92\x74\x08\x02\x41\xe1\xc1\x07\xe6\xd6\x18\xe6";
const END: [u8; MARK] = *b"\xf9\x32\x43\x31\x86\x18\x20\x72\x00\x82\x42\x10\x41\x16\xd8\xf2";

/// The most that is read from one mark on: a thousand modules take some hundred thousand bytes.
const LENGTH: usize = 1 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    const MODULES: &str = "path\tacme.test/pay\nmod\tacme.test/pay\t(devel)\t\n";

    fn framed() -> Vec<u8> {
        [&BEGIN[..], MODULES.as_bytes(), &END[..]].concat()
    }

    /// Build information as Go 1.18 and later write it.
    fn information(version: &str) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        bytes.extend([8, INLINE]);
        bytes.resize(32, 0);
        bytes.push(u8::try_from(version.len()).unwrap());
        bytes.extend(version.as_bytes());
        let framed = framed();
        bytes.push(u8::try_from(framed.len()).unwrap());
        bytes.extend(framed);
        bytes
    }

    fn read(file: &[u8], piece: usize) -> Option<GoBuild> {
        let mut scan = Scan::default();
        file.chunks(piece).for_each(|piece| scan.push(piece));
        scan.finish()
    }

    #[test]
    fn build_information_is_found_however_the_bytes_are_cut() {
        let decoy = [MAGIC, b" is what it looks for"].concat();
        // Reads of it, its own copy of the modules, and the magic where the linker puts none.
        let mut file = [&decoy[..], &framed(), b"text", MAGIC].concat();
        file.resize(file.len().next_multiple_of(16), b'x');
        file.extend(information("go1.23.4"));
        file.extend(b"what follows");
        for piece in (1..70).chain([4096]) {
            let found = read(&file, piece).unwrap();
            assert_eq!(found.version, "go1.23.4", "pieces of {piece}");
            assert_eq!(found.modules, MODULES, "pieces of {piece}");
        }
    }

    #[test]
    fn of_older_programs_the_modules_are_known() {
        let file = [b"text", &BEGIN[..], b"in the linker", &framed()].concat();
        for piece in (1..70).chain([4096]) {
            let found = read(&file, piece).unwrap();
            assert_eq!(found.version, "");
            assert_eq!(found.modules, MODULES, "pieces of {piece}");
        }
    }

    #[test]
    fn what_says_nothing_holds_little() {
        let mut scan = Scan::default();
        for _ in 0..64 {
            scan.push(&vec![0; 64 << 10]);
            assert!(scan.held.len() < MARK);
        }
        // A mark that nothing ends is given up.
        scan.push(&[&BEGIN[..], b"path\t"].concat());
        for _ in 0..64 {
            scan.push(&vec![b'x'; 64 << 10]);
            assert!(scan.held.len() <= LENGTH + (64 << 10));
        }
        assert!(scan.held.len() < MARK);
        assert_eq!(scan.finish(), None);
    }
}
