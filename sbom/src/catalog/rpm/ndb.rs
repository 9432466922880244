//! rpm's own format, `Packages.db`: slots that point at blobs.
//!
//! As rpm 4.20 writes it in `lib/backend/ndb/rpmpkg.c`, format version 0. Numbers are little-endian.

use super::database::{Budget, Fault};

/// Whether the file begins as one.
pub(super) fn is_it(bytes: &[u8]) -> bool {
    bytes.starts_with(b"RpmP")
}

/// Calls `each` with every header that a slot points at.
pub(super) fn headers(bytes: &[u8], each: &mut dyn FnMut(&[u8])) -> Result<(), Fault> {
    let (version, pages) = (number(bytes, 4), number(bytes, 12));
    if version != Some(0) {
        return Err(Fault::Damaged("its version, which is not 0,"));
    }
    let pages = pages.filter(|pages| (1..=PAGES).contains(pages));
    let pages = pages.ok_or(Fault::Damaged("the number of its slots"))?;
    let end = pages.saturating_mul(PAGE);
    let slots = bytes.get(HEADER..end).ok_or(Fault::Outside("a slot"))?;
    let mut budget = Budget::new(bytes.len());
    for slot in slots.chunks_exact(SLOT) {
        if !slot.starts_with(b"Slot") {
            return Err(Fault::Damaged("a slot"));
        }
        let (package, block) = (number(slot, 4), number(slot, 8));
        if package == Some(0) {
            continue;
        }
        let at = block.and_then(|block| block.checked_mul(BLOCK));
        let blob = at.and_then(|at| bytes.get(at..));
        let blob = blob.ok_or(Fault::Outside("a blob"))?;
        if !blob.starts_with(b"BlbS") || number(blob, 4) != package {
            return Err(Fault::Damaged("a blob"));
        }
        let length = number(blob, 12).ok_or(Fault::Outside("a blob"))?;
        budget.take(length)?;
        let end = BLOB_HEADER.checked_add(length);
        let header = end.and_then(|end| blob.get(BLOB_HEADER..end));
        each(header.ok_or(Fault::Outside("a blob"))?);
    }
    Ok(())
}

fn number(bytes: &[u8], start: usize) -> Option<usize> {
    let word = bytes.get(start..start.checked_add(4)?)?;
    usize::try_from(u32::from_le_bytes(word.try_into().ok()?)).ok()
}

/// The file's header has the room of two slots.
const HEADER: usize = 32;
const SLOT: usize = 16;
const PAGE: usize = 4096;
const BLOCK: usize = 16;
const BLOB_HEADER: usize = 16;

/// Pages of slots: half a million packages.
const PAGES: usize = 2048;
