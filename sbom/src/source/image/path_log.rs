//! The paths of a layer in archive order, in little memory.
//!
//! Merging needs every path of every layer, because any of them may hide a file below. Neighbours
//! in an archive share most of their path, so each is kept as the length it shares with the one
//! before and what differs: about 20 bytes instead of 100.

/// A list of paths, each with a mark.
#[derive(Debug, Default)]
pub(super) struct PathLog {
    bytes: Vec<u8>,
    last: String,
    length: usize,
}

/// What a layer does at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mark {
    /// A directory: keeps what is below.
    Directory,
    /// A file, a link, a device: hides what was there and below.
    Other,
}

impl PathLog {
    /// Adds a path; returns its place, counted from 0.
    pub(super) fn push(&mut self, path: &str, mark: Mark) -> usize {
        let mut shared = self
            .last
            .bytes()
            .zip(path.bytes())
            .take(usize::from(u16::MAX))
            .take_while(|(a, b)| a == b)
            .count();
        while !path.is_char_boundary(shared) {
            shared = shared.saturating_sub(1);
        }
        let rest = path.get(shared..).unwrap_or_default();
        self.bytes.push(u8::from(mark == Mark::Other));
        self.bytes
            .extend_from_slice(&u16::try_from(shared).unwrap_or_default().to_le_bytes());
        self.bytes
            .extend_from_slice(&u32::try_from(rest.len()).unwrap_or_default().to_le_bytes());
        self.bytes.extend_from_slice(rest.as_bytes());
        path.clone_into(&mut self.last);
        let place = self.length;
        self.length = place.saturating_add(1);
        place
    }

    /// Calls back with every path and its place, in the order they were added.
    pub(super) fn for_each(&self, mut each: impl FnMut(usize, &str, Mark)) {
        let mut rest = self.bytes.as_slice();
        let mut path = String::new();
        let mut place = 0_usize;
        while let Some((mark, after)) = rest.split_first() {
            let Some((shared, after)) = after.split_first_chunk() else {
                return;
            };
            let Some((length, after)) = after.split_first_chunk() else {
                return;
            };
            let length = usize::try_from(u32::from_le_bytes(*length)).unwrap_or(usize::MAX);
            let Some((tail, after)) = after.split_at_checked(length) else {
                return;
            };
            path.truncate(usize::from(u16::from_le_bytes(*shared)));
            path.push_str(std::str::from_utf8(tail).unwrap_or_default());
            each(
                place,
                &path,
                if *mark == 0 {
                    Mark::Directory
                } else {
                    Mark::Other
                },
            );
            place = place.saturating_add(1);
            rest = after;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_come_back_as_they_went_in() {
        let paths = [
            "usr",
            "usr/bin/ä",
            "usr/bin/å",
            "usr/bin",
            "etc/x",
            "",
            "etc/x",
        ];
        let mut log = PathLog::default();
        for path in paths {
            log.push(
                path,
                if path.ends_with('x') {
                    Mark::Other
                } else {
                    Mark::Directory
                },
            );
        }
        let mut seen = Vec::new();
        log.for_each(|place, path, mark| {
            assert_eq!(place, seen.len());
            seen.push((path.to_owned(), mark));
        });
        let expected: Vec<_> = paths
            .iter()
            .map(|path| {
                let mark = if path.ends_with('x') {
                    Mark::Other
                } else {
                    Mark::Directory
                };
                ((*path).to_owned(), mark)
            })
            .collect();
        assert_eq!(seen, expected);
    }
}
