//! What documents of every format tell, reduced to what checks ask.

use std::collections::{BTreeMap, BTreeSet};

use super::check::Check;
use super::license::Licenses;

/// What a document tells.
#[derive(Debug, Default)]
pub(super) struct Facts {
    /// What is asked of the document. A check that is absent is not asked.
    pub(super) document: BTreeMap<Check, Share>,
    /// What its format has no place for; it counts, and nobody can mend it.
    pub(super) beyond: BTreeSet<Check>,
    pub(super) parts: Vec<Part>,
}

impl Facts {
    pub(super) fn put(&mut self, check: Check, is_met: bool) {
        let have = u64::from(is_met);
        self.document.insert(check, Share { have, of: 1 });
    }

    pub(super) fn put_halves(&mut self, check: Check, have: u8) {
        let have = u64::from(have);
        self.document.insert(check, Share { have, of: 2 });
    }

    /// Of none it is not met.
    pub(super) fn put_share(&mut self, check: Check, have: usize, of: usize) {
        let (have, of) = (have as u64, of.max(1) as u64);
        self.document.insert(check, Share { have, of });
    }

    pub(super) fn put_beyond(&mut self, check: Check) {
        self.put(check, false);
        self.beyond.insert(check);
    }
}

/// How many of how many; of at least one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Share {
    pub(super) have: u64,
    pub(super) of: u64,
}

/// What is told of one component.
#[derive(Debug)]
pub(super) struct Part {
    /// What people know it by.
    pub(super) label: String,
    traits: u32,
}

impl Part {
    pub(super) fn new(label: String) -> Self {
        Self { label, traits: 0 }
    }

    pub(super) fn set(&mut self, one: Trait, is_so: bool) {
        if is_so {
            self.traits |= 1 << one as u32;
        }
    }

    pub(super) fn has(&self, one: Trait) -> bool {
        self.traits & (1 << one as u32) != 0
    }

    pub(super) fn set_hashes<'a>(&mut self, hashes: impl Iterator<Item = (&'a str, &'a str)>) {
        let told = hashes.filter(|(_, content)| !content.trim().is_empty());
        for (algorithm, _) in told {
            let name = algorithm.replace(['-', '_'], "").to_ascii_uppercase();
            self.set(Trait::StrongHash, STRONG.contains(&name.as_str()));
            self.set(Trait::WeakHash, WEAK.contains(&name.as_str()));
        }
    }

    pub(super) fn set_licenses(&mut self, concluded: &Licenses, declared: &Licenses) {
        self.set(Trait::Concluded, concluded.is_told);
        self.set(Trait::Valid, concluded.is_told && concluded.is_valid);
        self.set(Trait::Listed, concluded.is_told && concluded.is_listed);
        self.set(Trait::Deprecated, concluded.is_deprecated);
        self.set(Trait::Restrictive, concluded.is_restrictive);
        self.set(Trait::Declared, declared.is_told);
    }
}

/// What may be so of a component.
#[derive(Clone, Copy, Debug)]
pub(super) enum Trait {
    Name,
    Version,
    Id,
    StrongHash,
    WeakHash,
    SourceCode,
    Supplier,
    Purpose,
    Concluded,
    Valid,
    Listed,
    Deprecated,
    Restrictive,
    Declared,
    Identifier,
}

/// SHA-2, SHA-3, BLAKE and Streebog, as formats spell them, without dashes.
const STRONG: &[&str] = &[
    "SHA224",
    "SHA256",
    "SHA384",
    "SHA512",
    "SHA3224",
    "SHA3256",
    "SHA3384",
    "SHA3512",
    "BLAKE2B256",
    "BLAKE2B384",
    "BLAKE2B512",
    "BLAKE3",
    "STREEBOG256",
    "STREEBOG512",
];

const WEAK: &[&str] = &["MD2", "MD4", "MD5", "MD6", "SHA1", "ADLER32"];

/// Whether something is told at all.
pub(super) fn is_told(text: Option<&String>) -> bool {
    text.is_some_and(|text| !text.trim().is_empty())
}

/// An instant as RFC 3339 writes it, and not as more lenient readers would take it.
pub(super) fn is_instant(text: &str) -> bool {
    let text = text.trim();
    let offset = text.as_bytes().iter().rev().nth(5);
    let ends = text.ends_with('Z') || offset.is_some_and(|sign| b"+-".contains(sign));
    let has_t = text.as_bytes().get(10) == Some(&b'T');
    has_t && ends && text.parse::<jiff::Timestamp>().is_ok()
}

/// A CPE 2.3 formatted string with its eleven attributes, or a CPE 2.2 URI.
pub(super) fn is_cpe(text: &str) -> bool {
    let text = text.trim().to_ascii_lowercase();
    if let Some(name) = text.strip_prefix("cpe:/") {
        let mut parts = name.split(':');
        return parts.next().is_some_and(is_cpe_part) && parts.next().is_some();
    }
    let Some(name) = text.strip_prefix("cpe:2.3:") else {
        return false;
    };
    let mut colons = 0_usize;
    let mut is_escaped = false;
    for letter in name.bytes() {
        if letter == b':' && !is_escaped {
            colons = colons.saturating_add(1);
        }
        is_escaped = letter == b'\\' && !is_escaped;
    }
    colons == 10 && name.split(':').next().is_some_and(is_cpe_part)
}

fn is_cpe_part(part: &str) -> bool {
    matches!(part, "a" | "o" | "h" | "*" | "-")
}
