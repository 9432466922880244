//! What was typed, as single things to verify: patterns and folders become their files.

use std::path::{Path, PathBuf};

use crate::Failure;
use crate::failure::FailureKind;
use crate::join::running::{Running, running};
use crate::target::Target;
use crate::workload::Manifests;

/// One thing to verify.
#[derive(Clone, Debug)]
pub(super) struct Item {
    /// What it is called: as typed, or the path that a pattern or a folder led to.
    pub(super) name: String,
    /// What it is, or why there is nothing to verify.
    pub(super) target: Result<Target, Failure>,
    /// Where manifests name it.
    pub(super) places: Vec<String>,
    /// Whether manifests name it by a tag alone.
    pub(super) is_tag: bool,
}

impl Item {
    fn new(name: String, target: Result<Target, Failure>) -> Self {
        Self {
            name,
            target,
            places: Vec::new(),
            is_tag: false,
        }
    }
}

/// What manifests run, as items, and the objects of which nobody knows it.
pub(super) fn in_manifests(
    files: &[PathBuf],
    left_out: &[String],
    layout: Option<&String>,
) -> Result<Vec<Item>, Failure> {
    if files.is_empty() {
        return Ok(Vec::new());
    }
    let layout = layout.map(|text| Target::layout(text)).transpose()?;
    let manifests = Manifests::read(files, left_out)?;
    let item = |image: Running| Item {
        name: image.name,
        target: image.target,
        places: image.places,
        is_tag: !image.pinned,
    };
    let images = running(manifests, layout.as_ref())?;
    Ok(images.into_iter().map(item).collect())
}

/// What a folder stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Folders {
    /// The files in it, each for itself.
    Files,
    /// Itself, if a signature of it lies beside it; else its files.
    Signed,
    /// Itself: an attestation that was named signs a list of files.
    Whole,
}

impl Folders {
    fn are_whole(self, folder: &Path) -> bool {
        match self {
            Self::Files => false,
            Self::Signed => !beside(folder).is_empty(),
            Self::Whole => true,
        }
    }
}

/// Takes the words of the command line apart, in their order. A pattern or a folder without a file
/// is an item that fails: nothing was verified is never "everything is well".
///
/// `aside` are files that were named for another purpose, as attestations.
pub(super) fn expand(
    typed: &[String],
    aside: &[&Path],
    folders: Folders,
) -> Result<Vec<Item>, Failure> {
    let mut items = Vec::new();
    for text in typed {
        let one = |target| vec![Item::new(text.clone(), target)];
        items.extend(match pattern(text) {
            Some(pattern) => matching(text, pattern, aside).unwrap_or_else(|error| one(Err(error))),
            None => match Target::parse(text) {
                Ok(Target::Directory(folder)) if folders.are_whole(&folder) => {
                    one(Ok(Target::Directory(folder)))
                }
                // Signed as a folder, it does not become an image by what is put into it.
                Ok(Target::Layout { directory, .. })
                    if Path::new(text).is_dir()
                        && folders != Folders::Files
                        && !beside(&directory).is_empty() =>
                {
                    one(Ok(Target::Directory(directory)))
                }
                Ok(Target::Directory(folder)) => match inside(&folder, aside) {
                    Ok(paths) => paths.into_iter().map(item).collect(),
                    Err(failure) => one(Err(failure)),
                },
                target => one(target),
            },
        });
        few(items.len())?;
    }
    Ok(items)
}

/// Refuses more items than one call may have.
pub(super) fn few(items: usize) -> Result<(), Failure> {
    if items <= MOST {
        return Ok(());
    }
    let text = format_args!("more than {MOST} files and images in one call");
    Err(Failure::new(FailureKind::Unavailable, text))
}

/// The files that signatures of this file or folder are looked for in.
pub(super) fn beside(file: &Path) -> Vec<PathBuf> {
    // Without the slash that a folder may end with.
    let file: PathBuf = file.components().collect();
    let named = ENDINGS.iter().map(|ending| {
        let mut name = file.as_os_str().to_owned();
        name.push(ending);
        PathBuf::from(name)
    });
    named.filter(|path| path.is_file()).collect()
}

/// The names that [`beside`] looks for, for people.
pub(super) fn names_beside(file: &Path) -> String {
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let names: Vec<String> = ENDINGS
        .iter()
        .map(|ending| format!("{name}{ending}"))
        .collect();
    names.join(", ")
}

fn item(path: PathBuf) -> Item {
    let name = path.display().to_string();
    let target = if path.join("oci-layout").is_file() {
        Target::Layout {
            directory: path,
            selector: None,
        }
    } else {
        Target::File(path)
    };
    Item::new(name, Ok(target))
}

/// The pattern in what was typed, if it is one and no file is called so.
fn pattern(text: &str) -> Option<&str> {
    let pattern = text.strip_prefix("file:").unwrap_or(text);
    let wild = pattern.contains(['*', '?', '[']);
    (wild && !Path::new(pattern).exists()).then_some(pattern)
}

fn matching(text: &str, pattern: &str, aside: &[&Path]) -> Result<Vec<Item>, Failure> {
    let paths = glob::glob(pattern)
        .map_err(|error| Failure::usage(format_args!("`{text}` is no pattern: {error}")))?;
    let mut items = Vec::new();
    for path in paths {
        let path = path.map_err(|error| Failure::file("read", error.path(), error.error()))?;
        if path.is_dir() {
            items.extend(inside(&path, aside)?.into_iter().map(item));
        } else if !is_aside(&path, aside) {
            items.push(item(path));
        }
        if items.len() > MOST {
            break;
        }
    }
    if items.is_empty() {
        return Err(nothing(format_args!("no file matches `{text}`")));
    }
    Ok(items)
}

/// The files in a folder and its folders, sorted; layouts as a whole, and what else lies in them.
fn inside(folder: &Path, aside: &[&Path]) -> Result<Vec<PathBuf>, Failure> {
    let mut files = Vec::new();
    let mut waiting = vec![folder.to_owned()];
    if folder.join("oci-layout").is_file() {
        files.push(folder.to_owned());
    }
    while let Some(folder) = waiting.pop() {
        let failed = |error: std::io::Error| Failure::file("read", &folder, &error);
        let of_layout = folder.join("oci-layout").is_file();
        for entry in std::fs::read_dir(&folder).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let path = entry.path();
            let link = entry.file_type().map_err(failed)?.is_symlink();
            if of_layout && LAYOUT.contains(&entry.file_name().to_string_lossy().as_ref()) {
                // The image, which is judged as one.
            } else if path.is_dir() {
                if link {
                    // Followed, it could lead anywhere and round in a circle; left out, it would be
                    // taken for verified.
                    return Err(Failure::new(
                        FailureKind::Input,
                        format_args!("{} is a link to a folder", path.display()),
                    )
                    .with_hint("name the folder itself"));
                }
                if path.join("oci-layout").is_file() {
                    files.push(path.clone());
                }
                waiting.push(path);
            } else if !path.is_file() {
                return Err(Failure::new(
                    FailureKind::Input,
                    format_args!("{} is neither a file nor a folder", path.display()),
                ));
            } else if !is_aside(&path, aside) {
                files.push(path);
            }
            if files.len().max(waiting.len()) > MOST {
                return Err(Failure::new(
                    FailureKind::Unavailable,
                    format_args!("more than {MOST} files and folders in {}", folder.display()),
                ));
            }
        }
    }
    if files.is_empty() {
        return Err(nothing(format_args!(
            "there is no file in {}",
            folder.display()
        )));
    }
    files.sort();
    Ok(files)
}

/// Whether a file that a pattern or a folder led to is an attestation: named for that, or beside
/// the file it belongs to.
fn is_aside(path: &Path, aside: &[&Path]) -> bool {
    let same = |other: &Path| match (path.canonicalize(), other.canonicalize()) {
        (Ok(path), Ok(other)) => path == other,
        _ => path == other,
    };
    if !aside.is_empty() {
        // Then nothing beside a file is read, and nothing there is known to be an attestation.
        return aside.iter().any(|other| same(other));
    }
    let Some(text) = path.to_str() else {
        return false;
    };
    let mut endings = ENDINGS.iter();
    endings.any(|ending| {
        text.strip_suffix(ending)
            .is_some_and(|stem| Path::new(stem).is_file())
    })
}

fn nothing(message: std::fmt::Arguments<'_>) -> Failure {
    Failure::new(FailureKind::NotFound, message)
        .with_hint("nothing was verified: name at least one file or image")
}

/// What the names of attestations beside a file end with, in this order.
const ENDINGS: [&str; 4] = [".sigstore.json", ".sigstore", ".bundle", ".intoto.jsonl"];
/// What an OCI layout consists of, with the lock of its index.
const LAYOUT: [&str; 4] = ["blobs", "index.json", "index.json.lock", "oci-layout"];
/// Files and images of one call. Stops patterns that lead everywhere.
const MOST: usize = 10_000;

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path, typed: &str, aside: &[&Path]) -> Vec<String> {
        let typed = folder.join(typed).display().to_string();
        let items = expand(&[typed], aside, Folders::Signed).unwrap();
        let shown = |item: Item| match item.target {
            Ok(_) => {
                let path = Path::new(&item.name).strip_prefix(folder).unwrap();
                path.display().to_string()
            }
            Err(failure) => failure.message().to_owned(),
        };
        items.into_iter().map(shown).collect()
    }

    #[test]
    fn patterns_and_folders_are_their_files_without_attestations() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().canonicalize().unwrap();
        std::fs::create_dir_all(folder.join("d/e")).unwrap();
        for name in [
            "b.tgz",
            "a.tgz",
            "a.tgz.sigstore.json",
            "alone.sigstore.json",
            "all.intoto.jsonl",
            "d/e/c.tgz",
        ] {
            std::fs::write(folder.join(name), "").unwrap();
        }
        let all = folder.join("all.intoto.jsonl");
        assert_eq!(names(&folder, "*.tgz", &[]), ["a.tgz", "b.tgz"]);
        assert_eq!(
            names(&folder, "", &[&all]),
            [
                "a.tgz",
                "a.tgz.sigstore.json",
                "alone.sigstore.json",
                "b.tgz",
                "d/e/c.tgz"
            ],
            "where one is named, no other is read"
        );
        std::fs::remove_file(&all).unwrap();
        assert_eq!(
            names(&folder, "", &[]),
            ["a.tgz", "alone.sigstore.json", "b.tgz", "d/e/c.tgz"],
            "an attestation of no file here is a file"
        );
        assert_eq!(names(&folder, "d*", &[]), ["d/e/c.tgz"]);
        assert!(names(&folder, "*.zip", &[])[0].starts_with("no file matches"));
        std::fs::create_dir(folder.join("empty")).unwrap();
        assert!(names(&folder, "empty", &[])[0].starts_with("there is no file in"));
    }

    #[test]
    fn what_lies_in_a_layout_beside_the_image_is_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().canonicalize().unwrap();
        std::fs::create_dir_all(folder.join("d/lay/blobs/sha256")).unwrap();
        for name in ["oci-layout", "index.json", "evil.sh", "blobs/sha256/a"] {
            std::fs::write(folder.join("d/lay").join(name), "").unwrap();
        }
        assert_eq!(names(&folder, "d", &[]), ["d/lay", "d/lay/evil.sh"]);
        assert_eq!(names(&folder, "d/l*", &[]), ["d/lay", "d/lay/evil.sh"]);
        // Signed as a folder it is one, whatever is in it.
        std::fs::write(folder.join("d/lay.sigstore.json"), "").unwrap();
        let typed = folder.join("d/lay").display().to_string();
        let items = expand(&[typed], &[], Folders::Signed).unwrap();
        let targets: Vec<_> = items.into_iter().map(|item| item.target.unwrap()).collect();
        assert_eq!(targets, [Target::Directory(folder.join("d/lay"))]);
    }

    #[test]
    fn nothing_is_left_out_of_a_folder_with_very_many() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("good"), "").unwrap();
        for number in 0..=MOST {
            std::fs::create_dir(folder.path().join(number.to_string())).unwrap();
        }
        let typed = folder.path().display().to_string();
        let items = expand(&[typed], &[], Folders::Signed).unwrap();
        let failure = items[0].target.as_ref().unwrap_err();
        assert!(failure.message().contains("more than"), "{failure:?}");
    }

    #[cfg(unix)]
    #[test]
    fn a_pipe_in_a_folder_is_not_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = std::os::unix::net::UnixListener::bind(folder.path().join("pipe")).unwrap();
        let typed = folder.path().display().to_string();
        let items = expand(&[typed], &[], Folders::Signed).unwrap();
        let failure = items[0].target.as_ref().unwrap_err();
        assert!(failure.message().contains("neither a file nor a folder"));
        drop(pipe);
    }

    #[cfg(unix)]
    #[test]
    fn a_linked_folder_is_neither_followed_nor_left_out() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("a"), "").unwrap();
        std::os::unix::fs::symlink(folder.path(), folder.path().join("round")).unwrap();
        let typed = folder.path().display().to_string();
        let items = expand(&[typed], &[], Folders::Signed).unwrap();
        let failure = items[0].target.as_ref().unwrap_err();
        assert!(failure.message().contains("link to a folder"));
    }
}
