//! Well-known programs that say their own version in a text of a known form.
//!
//! To add one: a row in [`PROGRAMS`], and one in the test of `sbom/tests/it/executables.rs`.

use memchr::memmem;

/// A program and how it says its version.
#[derive(Clone, Copy, Debug)]
struct Row {
    name: &'static str,
    /// Names of its file: whole, or with `*` at the end its begin.
    files: &'static [&'static str],
    /// The text right before the version.
    mark: &'static str,
    /// Dots that the version has at least: a shorter text is one about it.
    dots: usize,
}

/// A version that a program says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownProgram {
    /// What it is called: `nginx`.
    pub name: &'static str,
    /// Its version, as it says it.
    pub version: String,
}

const PROGRAMS: &[Row] = &[
    row("bash", &["bash"], "@(#)Bash version ", 2),
    row("busybox", &["busybox"], "BusyBox v", 2),
    row("httpd", &["httpd", "apache2"], "Apache/", 2),
    row("memcached", &["memcached"], "memcached ", 2),
    row("nginx", &["nginx"], "nginx version: nginx/", 2),
    row("node", &["node", "nodejs", "libnode.so*"], "node.js/v", 2),
    row("openssl", &["openssl", "libcrypto.so*"], "OpenSSL ", 2),
    row("php", &["php*", "libphp*"], "X-Powered-By: PHP/", 2),
    row("postgresql", &["postgres"], "postgres (PostgreSQL) ", 1),
    row("ruby", &["ruby*", "libruby*"], "ruby ", 2),
];

const fn row(
    name: &'static str,
    files: &'static [&'static str],
    mark: &'static str,
    dots: usize,
) -> Row {
    Row {
        name,
        files,
        mark,
        dots,
    }
}

/// What is remembered while the bytes go by.
pub(super) struct Scan {
    name: &'static str,
    mark: Vec<u8>,
    /// What the version begins with, of that which the mark ends with.
    begin: String,
    dots: usize,
    /// The end of what went by.
    tail: Vec<u8>,
    found: Option<String>,
}

impl Scan {
    /// Begins with a file of this name; `None` if it is no program that is known.
    pub(super) fn of(file: &str) -> Option<Self> {
        let fits = |pattern: &&str| match pattern.strip_suffix('*') {
            Some(begin) => file.starts_with(begin),
            None => file == *pattern,
        };
        let known = PROGRAMS.iter().find(|row| row.files.iter().any(&fits));
        let known = known.map(|row| Self::new(row.name, row.mark.into(), "", row.dots));
        known.or_else(|| Self::python(file))
    }

    fn new(name: &'static str, mark: Vec<u8>, begin: &str, dots: usize) -> Self {
        Self {
            name,
            mark,
            begin: begin.to_owned(),
            dots,
            tail: Vec::new(),
            found: None,
        }
    }

    /// Python says its whole version and nothing before it; its file's name says how that begins.
    fn python(file: &str) -> Option<Self> {
        let rest = file.strip_prefix("lib").unwrap_or(file);
        let version = rest.strip_prefix("python")?.split(".so").next()?;
        let (major, minor) = version.split_once('.')?;
        let is_number =
            |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        if !is_number(major) || !is_number(minor) {
            return None;
        }
        let begin = format!("{version}.");
        Some(Self::new(
            "python",
            format!("\0{begin}").into_bytes(),
            &begin,
            2,
        ))
    }

    /// Takes the next bytes.
    pub(super) fn push(&mut self, piece: &[u8]) {
        if self.found.is_some() {
            return;
        }
        // What lies across the seam lies in what went by last and what comes first.
        let mut seam = std::mem::take(&mut self.tail);
        seam.extend_from_slice(piece.get(..piece.len().min(WINDOW)).unwrap_or_default());
        self.found = self.search(&seam).or_else(|| self.search(piece));
        let rest = if piece.len() < WINDOW { &seam } else { piece };
        let from = rest.len().saturating_sub(WINDOW);
        self.tail = rest.get(from..).unwrap_or_default().to_vec();
    }

    pub(super) fn finish(self) -> Option<KnownProgram> {
        let version = self.found?;
        let name = self.name;
        Some(KnownProgram { name, version })
    }

    fn search(&self, bytes: &[u8]) -> Option<String> {
        let places = memmem::find_iter(bytes, &self.mark);
        let mut rests =
            places.filter_map(|place| bytes.get(place.saturating_add(self.mark.len())..));
        rests.find_map(|rest| self.version(rest))
    }

    /// The version at the begin of this text, if it ends there.
    fn version(&self, text: &[u8]) -> Option<String> {
        let belongs = |byte: &u8| byte.is_ascii_alphanumeric() || b".+-_~".contains(byte);
        let end = text.iter().take(LONGEST).position(|byte| !belongs(byte))?;
        let version = std::str::from_utf8(text.get(..end)?).ok()?;
        let version = format!(
            "{}{}",
            self.begin,
            version.trim_end_matches(['.', '-', '_'])
        );
        let begins = version.starts_with(|first: char| first.is_ascii_digit());
        (begins && version.matches('.').count() >= self.dots).then_some(version)
    }
}

/// Longer texts are no versions.
const LONGEST: usize = 48;

/// Bytes that are kept of what went by: a mark and a version.
const WINDOW: usize = 96;

#[cfg(test)]
mod tests {
    use super::*;

    fn read(file: &str, bytes: &[u8], piece: usize) -> Option<String> {
        let mut scan = Scan::of(file)?;
        bytes.chunks(piece).for_each(|piece| scan.push(piece));
        scan.finish().map(|found| found.version)
    }

    #[test]
    fn versions_are_found_however_the_bytes_are_cut() {
        let text = b"\0nginx version: nginx/%s\0Apache/2.4 docs\0nginx version: nginx/1.22.1\0more";
        let padded = [&[0; 200][..], text, &[0; 200]].concat();
        for piece in (1..130).chain([4096]) {
            assert_eq!(
                read("nginx", &padded, piece).as_deref(),
                Some("1.22.1"),
                "{piece}"
            );
            assert_eq!(read("httpd", &padded, piece), None, "{piece}");
        }
        assert_eq!(read("other", &padded, 64), None);
    }

    #[test]
    fn python_says_what_its_file_begins() {
        let text = b"x3.11.9\0\x003.11.2\0\x003.12.1\0";
        assert_eq!(read("python3.11", text, 7).as_deref(), Some("3.11.2"));
        assert_eq!(
            read("libpython3.12.so.1.0", text, 7).as_deref(),
            Some("3.12.1")
        );
        assert_eq!(read("python3", text, 7), None);
        assert_eq!(read("python3.x", text, 7), None);
    }
}
