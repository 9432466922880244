//! Paths of artifacts, in one spelling.
//!
//! Two spellings of one path would be two artifacts to a rule: `DISALLOW secret` does not see
//! `./secret` (F26). Paths in links are therefore brought into one form, and what a layout says
//! about paths has to be in that form already.

/// The path in its one spelling: `/` between segments, none of them empty, `.`, or a `..` that
/// could be resolved. What precedes `://` is kept. `None` if nothing is left of it.
pub fn artifact_path(path: &str) -> Option<String> {
    let path = path.replace('\\', "/");
    let (scheme, rest) = split_scheme(&path);
    let absolute = scheme.is_empty() && rest.starts_with('/');
    let mut kept: Vec<&str> = Vec::new();
    for segment in rest.split('/') {
        match segment {
            "" | "." => {}
            ".." if kept.last().is_some_and(|last| *last != "..") => {
                kept.pop();
            }
            ".." if absolute || !scheme.is_empty() => {}
            segment => kept.push(segment),
        }
    }
    if kept.is_empty() {
        return None;
    }
    let root = if absolute { "/" } else { scheme };
    Some(format!("{root}{}", kept.join("/")))
}

/// Whether a pattern over paths could match one in its one spelling. One that could not would
/// silently be about nothing.
pub fn is_path_pattern(pattern: &str) -> bool {
    if pattern.contains('\\') {
        return false;
    }
    let (scheme, rest) = split_scheme(pattern);
    let rooted = !scheme.is_empty() || rest.starts_with('/');
    let rest = if scheme.is_empty() {
        rest.strip_prefix('/').unwrap_or(rest)
    } else {
        rest
    };
    // Nothing is above the root.
    let mut leading = !rooted;
    rest.split('/').all(|segment| {
        leading &= segment == "..";
        !matches!(segment, "" | "." | "..") || leading
    })
}

/// `SCHEME://` and the rest, or nothing and everything.
fn split_scheme(path: &str) -> (&str, &str) {
    let scheme = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'.' | b'-');
    match path.find("://") {
        Some(end) if end > 0 && path.bytes().take(end).all(scheme) => {
            path.split_at(end.saturating_add(3))
        }
        _ => ("", path),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn f26_a_path_has_one_spelling() {
        for (path, one) in [
            ("foo.py", "foo.py"),
            ("./foo.py", "foo.py"),
            ("a/../foo.py", "foo.py"),
            ("a//b/./c/", "a/b/c"),
            ("a\\b", "a/b"),
            ("../x/../y", "../y"),
            ("../../y", "../../y"),
            ("/../etc", "/etc"),
            ("https://example.test/a/../b", "https://example.test/b"),
            ("https://../b", "https://b"),
            ("...", "..."),
        ] {
            assert_eq!(artifact_path(path).as_deref(), Some(one), "{path}");
            assert_eq!(artifact_path(one).as_deref(), Some(one), "twice is once");
        }
        for path in ["", ".", "a/..", "/", "./.", "https://"] {
            assert_eq!(artifact_path(path), None, "{path}");
        }
    }

    #[test]
    fn f26_a_pattern_that_no_path_can_match_is_told() {
        for pattern in [
            "*",
            "foo/*",
            "[!x]*",
            "../x",
            "../../*",
            "/abs/*",
            "https://a/*",
        ] {
            assert!(is_path_pattern(pattern), "{pattern}");
        }
        for pattern in [
            "", "./foo", "a//b", "a/", "a/../b", "a/./b", ".", "/", "a/..",
        ] {
            assert!(!is_path_pattern(pattern), "{pattern}");
        }
    }

    #[test]
    fn f26_patterns_that_no_path_can_match_are_none() {
        for pattern in ["bin\\evil.exe", "/../x", "file://../x", "a\\*"] {
            assert!(!is_path_pattern(pattern), "{pattern}");
        }
        assert!(is_path_pattern("../x") && is_path_pattern("/x/*"));
    }
}
