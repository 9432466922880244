//! Tells archives of images from other files.

use std::io::{self, Read, Seek};
use std::path::Path;

use bulla_model::Limits;
use tar::Archive;

/// Whether this is a tar with an OCI layout, or what `docker save` writes. What is no archive, or a
/// broken one, holds no image.
///
/// Contents are skipped; `Limits::files` bounds the entries.
pub fn holds_image<R: Read + Seek>(reader: R, limits: &Limits) -> bool {
    look(reader, limits).unwrap_or(false)
}

fn look<R: Read + Seek>(reader: R, limits: &Limits) -> io::Result<bool> {
    let mut archive = Archive::new(reader);
    for entry in archive.entries_with_seek()?.take(limits.files) {
        let path = entry?.path()?.into_owned();
        let path = path.strip_prefix("./").unwrap_or(&path);
        if MARKS.iter().any(|mark| path == Path::new(mark)) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Files that say which image is in an archive.
const MARKS: [&str; 2] = ["oci-layout", "manifest.json"];

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use tar::{Builder, Header};

    use super::*;

    fn archive(names: &[&str]) -> Vec<u8> {
        let mut archive = Builder::new(Vec::new());
        for name in names {
            let mut header = Header::new_gnu();
            header.set_size(3);
            archive.append_data(&mut header, name, &b"abc"[..]).unwrap();
        }
        archive.into_inner().unwrap()
    }

    fn holds(bytes: &[u8]) -> bool {
        holds_image(Cursor::new(bytes), &Limits::default())
    }

    #[test]
    fn images_are_known_wherever_their_mark_is() {
        assert!(holds(&archive(&["a/layer.tar", "manifest.json"])));
        assert!(holds(&archive(&["./oci-layout", "index.json"])));
        assert!(!holds(&archive(&["src/manifest.json"])));
        assert!(!holds(b"#!/bin/sh\n"));
        assert!(!holds(b""));
        let whole = archive(&["a", "manifest.json"]);
        assert!(!holds(&whole[..700]));
    }
}
