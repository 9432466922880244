//! What programs say of what they were made of, in one pass over their bytes.

mod audit;
mod go;
mod known;

use std::io::{self, BufRead};

use super::path;

pub use go::GoBuild;
pub use known::KnownProgram;

/// What one program says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Program {
    /// The inflated dependency list of `cargo auditable`.
    pub audit_data: Option<Vec<u8>>,
    /// What the Go linker wrote.
    pub go: Option<GoBuild>,
    /// The version that a well-known program says.
    pub known: Option<KnownProgram>,
}

impl Program {
    /// Bytes that are kept of it.
    pub(super) fn length(&self) -> u64 {
        let audit = self.audit_data.as_ref().map_or(0, Vec::len);
        let go = self.go.as_ref().map_or(0, GoBuild::length);
        let known = self.known.as_ref().map_or(0, |known| known.version.len());
        audit.saturating_add(go).saturating_add(known) as u64
    }
}

/// Whether these first bytes are those of a program: ELF, Windows, macOS.
pub(super) fn is_program(head: &[u8]) -> bool {
    MAGICS.iter().any(|magic| head.starts_with(magic))
}

/// Reads a program of `size` bytes to its end; `None` if it says nothing.
///
/// The first bytes, at most [`HEAD`], are given apart because the caller had to look at them.
pub(super) fn read(
    path: &str,
    head: &[u8],
    size: u64,
    reader: &mut impl BufRead,
) -> io::Result<Option<Program>> {
    let mut audit = audit::Scan::of(head, size);
    let mut go = go::Scan::default();
    let mut known = known::Scan::of(path::split(path).1);
    let mut push = |piece: &[u8]| {
        go.push(piece);
        if let Some(known) = &mut known {
            known.push(piece);
        }
        audit.as_mut().map_or(Ok(()), |audit| audit.push(piece))
    };
    push(head)?;
    loop {
        let piece = reader.fill_buf()?;
        if piece.is_empty() {
            break;
        }
        push(piece)?;
        let length = piece.len();
        reader.consume(length);
    }
    let program = Program {
        audit_data: audit.and_then(audit::Scan::finish),
        go: go.finish(),
        known: known.and_then(known::Scan::finish),
    };
    Ok((program != Program::default()).then_some(program))
}

/// Bytes of a file that are looked at first.
pub(super) const HEAD: usize = 64;

/// ELF, PE by its DOS stub, Mach-O of 64 bits in both byte orders, and of several architectures.
const MAGICS: [&[u8]; 5] = [
    b"\x7fELF",
    b"MZ",
    b"\xcf\xfa\xed\xfe",
    b"\xfe\xed\xfa\xcf",
    b"\xca\xfe\xba\xbe\0\0\0",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_files_are_not_programs() {
        assert!(!is_program(b"#!/bin/sh"));
        assert!(!is_program(&[0; HEAD]));
        // A class of Java begins as a Mach-O of several architectures does, and then its version.
        assert!(!is_program(b"\xca\xfe\xba\xbe\0\x03\0\x2d"));
    }
}
