//! Writes all files or none, over nothing that is there.

use std::fs;
use std::path::{Path, PathBuf};

use super::files::NewFile;
use crate::Failure;
use crate::failure::FailureKind;
use crate::output::write_new;

/// Writes the files below a folder.
pub(in crate::commands) fn new_files(directory: &Path, files: &[NewFile]) -> Result<(), Failure> {
    let existing: Vec<&NewFile> = files
        .iter()
        .filter(|file| directory.join(&file.path).symlink_metadata().is_ok())
        .collect();
    if !existing.is_empty() {
        let mut failure = Failure::new(
            FailureKind::File,
            "files are there already, and nothing is overwritten",
        );
        for file in existing {
            failure = failure.with_detail(directory.join(&file.path).display());
        }
        return Err(failure.with_hint("move them away, or choose another folder"));
    }
    let mut written = Written::default();
    for file in files {
        written.write(directory, file)?;
    }
    written.keep();
    Ok(())
}

/// What was made so far; taken back unless it is kept.
#[derive(Default)]
struct Written {
    files: Vec<PathBuf>,
    folders: Vec<PathBuf>,
}

impl Written {
    fn write(&mut self, directory: &Path, file: &NewFile) -> Result<(), Failure> {
        let path = directory.join(&file.path);
        let folders: Vec<PathBuf> = path
            .ancestors()
            .skip(1)
            .take_while(|folder| !folder.as_os_str().is_empty() && !folder.exists())
            .map(Path::to_owned)
            .collect();
        for folder in folders.into_iter().rev() {
            fs::create_dir(&folder).map_err(|error| Failure::file("make", &folder, &error))?;
            self.folders.push(folder);
        }
        write_new(&path, file.text.as_bytes(), false)?;
        self.files.push(path);
        Ok(())
    }

    fn keep(mut self) {
        self.files.clear();
        self.folders.clear();
    }
}

impl Drop for Written {
    fn drop(&mut self) {
        // Nobody is left to be told; the failure that led here is told instead.
        for file in &self.files {
            drop(fs::remove_file(file));
        }
        for folder in self.folders.iter().rev() {
            drop(fs::remove_dir(folder));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str) -> NewFile {
        NewFile {
            path: path.to_owned(),
            text: "x".to_owned(),
        }
    }

    #[test]
    fn what_was_written_is_taken_back_when_the_rest_cannot_be() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("in-the-way"), "").unwrap();
        let files = [file("a/b/c"), file("d"), file("in-the-way/e")];
        new_files(&folder.path().join("new"), &files[..2]).unwrap();
        new_files(folder.path(), &files).unwrap_err();
        let mut left: Vec<_> = fs::read_dir(folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        left.sort();
        assert_eq!(left, ["in-the-way", "new"]);
    }
}
