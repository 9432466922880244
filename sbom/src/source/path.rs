//! Paths in archives, made safe.

/// Turns the path of an archive member into `a/b/c`: no leading slash, no `.`, no empty part.
///
/// The root itself is the empty string. `None` if the path leaves the root by `..`, or holds NUL.
pub(super) fn normalise(raw: &[u8]) -> Option<String> {
    if raw.contains(&0) {
        return None;
    }
    let text = String::from_utf8_lossy(raw);
    let mut path = String::with_capacity(text.len());
    for part in text.split('/') {
        match part {
            "" | "." => {}
            ".." => return None,
            part => {
                if !path.is_empty() {
                    path.push('/');
                }
                path.push_str(part);
            }
        }
    }
    Some(path)
}

/// Splits `a/b/c` into `a/b` and `c`; the directory of `c` is empty.
pub(super) fn split(path: &str) -> (&str, &str) {
    path.rsplit_once('/').unwrap_or(("", path))
}

/// Joins a directory and a name; the root is empty.
pub(super) fn join(directory: &str, name: &str) -> String {
    if directory.is_empty() {
        name.to_owned()
    } else {
        format!("{directory}/{name}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dots_and_slashes_disappear() {
        assert_eq!(
            normalise(b"./etc//./os-release").as_deref(),
            Some("etc/os-release")
        );
        assert_eq!(normalise(b"/etc/").as_deref(), Some("etc"));
        assert_eq!(normalise(b"./").as_deref(), Some(""));
    }

    #[test]
    fn leaving_the_root_is_refused() {
        assert_eq!(normalise(b"../etc/passwd"), None);
        assert_eq!(normalise(b"a/../../b"), None);
        assert_eq!(normalise(b"a\0b"), None);
    }
}
