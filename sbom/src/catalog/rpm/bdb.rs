//! A hash table of Berkeley DB, `Packages`: what rpm kept before version 4.16.
//!
//! As in `src/dbinc/db_page.h` of Berkeley DB 5.3.28. Numbers are in the byte order of the machine
//! that wrote it, which the magic shows.

use std::borrow::Cow;

use super::database::{Budget, Fault};

/// Whether the file begins as one.
pub(super) fn is_it(bytes: &[u8]) -> bool {
    Pages::open(bytes).is_some()
}

/// Calls `each` with every header of the table.
pub(super) fn headers(bytes: &[u8], each: &mut dyn FnMut(&[u8])) -> Result<(), Fault> {
    let pages = Pages::open(bytes).ok_or(Fault::Format)?;
    if pages.is_encrypted {
        return Err(Fault::Encrypted);
    }
    let mut budget = Budget::new(bytes.len());
    for place in 0..=pages.last {
        let page = pages.page(place)?;
        if !matches!(page.kind, HASH | HASH_UNSORTED) {
            continue;
        }
        for pair in 0..page.entries / 2 {
            let key = page.item(pair * 2)?;
            // Under the key 0 is the last number that was given.
            if matches!(key, [KEY_DATA, 0, 0, 0, 0]) {
                continue;
            }
            each(&pages.value(page.item(pair * 2 + 1)?, &mut budget)?);
        }
    }
    Ok(())
}

/// The pages of a file.
struct Pages<'a> {
    bytes: &'a [u8],
    size: usize,
    last: usize,
    order: Order,
    is_encrypted: bool,
}

struct Page<'a> {
    bytes: &'a [u8],
    order: Order,
    kind: u8,
    /// Items on it, or of an overflow page nothing.
    entries: usize,
    next: usize,
    /// Bytes on an overflow page.
    length: usize,
}

#[derive(Clone, Copy)]
enum Order {
    Little,
    Big,
}

impl Order {
    fn word(self, bytes: &[u8], start: usize) -> Option<usize> {
        let word = bytes.get(start..start.checked_add(4)?)?.try_into().ok()?;
        let word = match self {
            Self::Little => u32::from_le_bytes(word),
            Self::Big => u32::from_be_bytes(word),
        };
        usize::try_from(word).ok()
    }

    fn half(self, bytes: &[u8], start: usize) -> Option<usize> {
        let half = bytes.get(start..start.checked_add(2)?)?.try_into().ok()?;
        Some(usize::from(match self {
            Self::Little => u16::from_le_bytes(half),
            Self::Big => u16::from_be_bytes(half),
        }))
    }
}

impl<'a> Pages<'a> {
    fn open(bytes: &'a [u8]) -> Option<Self> {
        let orders = [Order::Little, Order::Big];
        let is_it = |order: &Order| order.word(bytes, 12) == Some(MAGIC);
        let order = orders.into_iter().find(is_it)?;
        let size = order.word(bytes, 20)?;
        if !(512..=65_536).contains(&size) || !size.is_power_of_two() {
            return None;
        }
        Some(Self {
            bytes,
            size,
            last: order.word(bytes, 32)?,
            order,
            is_encrypted: *bytes.get(24)? != 0,
        })
    }

    fn page(&self, place: usize) -> Result<Page<'a>, Fault> {
        let start = place.checked_mul(self.size);
        let end = start.and_then(|start| start.checked_add(self.size));
        let bytes = start
            .zip(end)
            .and_then(|(start, end)| self.bytes.get(start..end));
        let bytes = bytes.ok_or(Fault::Outside("a page"))?;
        let order = self.order;
        let page = || {
            Some(Page {
                bytes,
                order,
                kind: *bytes.get(25)?,
                entries: order.half(bytes, 20)?,
                next: order.word(bytes, 16)?,
                length: order.half(bytes, 22)?,
            })
        };
        page().ok_or(Fault::Damaged("a page"))
    }

    /// A value that lies beside its key, or on pages of its own.
    fn value(&self, item: &'a [u8], budget: &mut Budget) -> Result<Cow<'a, [u8]>, Fault> {
        match item {
            [KEY_DATA, value @ ..] => {
                budget.take(value.len())?;
                Ok(Cow::Borrowed(value))
            }
            [OFF_PAGE, ..] => {
                let words = self.order.word(item, 4).zip(self.order.word(item, 8));
                let (first, length) = words.ok_or(Fault::Damaged("an item"))?;
                self.overflow(first, length, budget).map(Cow::Owned)
            }
            _ => Err(Fault::Damaged("an item")),
        }
    }

    fn overflow(&self, first: usize, length: usize, budget: &mut Budget) -> Result<Vec<u8>, Fault> {
        budget.take(length)?;
        let mut value = Vec::new();
        let mut place = first;
        while value.len() < length {
            let page = self.page(place)?;
            let end = PAGE_HEADER.saturating_add(page.length);
            let part = page.bytes.get(PAGE_HEADER..end).unwrap_or_default();
            // Each page brings the end nearer, so that no circle of them is without one.
            if page.kind != OVERFLOW || part.is_empty() {
                return Err(Fault::Damaged("a page of a long value"));
            }
            value.extend_from_slice(part);
            place = page.next;
        }
        value.truncate(length);
        Ok(value)
    }
}

impl<'a> Page<'a> {
    /// An item, from its type on. Items are put from the end of the page towards its begin.
    fn item(&self, index: usize) -> Result<&'a [u8], Fault> {
        let offset = |index: usize| {
            let at = index.checked_mul(2)?.checked_add(PAGE_HEADER)?;
            self.order.half(self.bytes, at)
        };
        let start = offset(index);
        let end = match index.checked_sub(1) {
            Some(before) => offset(before),
            None => Some(self.bytes.len()),
        };
        let range = start.zip(end).filter(|(start, end)| start < end);
        let item = range.and_then(|(start, end)| self.bytes.get(start..end));
        item.ok_or(Fault::Outside("an item"))
    }
}

/// Of the metadata page of a hash table.
const MAGIC: usize = 0x0006_1561;
const PAGE_HEADER: usize = 26;

const HASH_UNSORTED: u8 = 2;
const OVERFLOW: u8 = 7;
const HASH: u8 = 13;

const KEY_DATA: u8 = 1;
const OFF_PAGE: u8 = 3;
