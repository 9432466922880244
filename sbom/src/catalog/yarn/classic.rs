//! The syntax of version 1: lines with spaces before them, keys that end with a colon, and texts in
//! quotation marks where they need them.

use super::{Entry, Origin, Read, split};

/// Reads a whole file.
pub(super) fn read(text: &str) -> Result<Read, String> {
    let mut read = Read::default();
    let mut inside = Inside::Nothing;
    let mut malformed = 0usize;
    for line in text.lines().map(str::trim_end) {
        let content = line.trim_start();
        if content.is_empty() || content.starts_with('#') {
            continue;
        }
        let indent = line.len().saturating_sub(content.len());
        let is_read = match (indent, read.entries.last_mut()) {
            (0, _) => {
                inside = Inside::Entry;
                head(content).map(|entry| read.entries.push(entry))
            }
            (2, Some(entry)) => {
                inside = match content {
                    "dependencies:" | "optionalDependencies:" => Inside::Needs,
                    _ => Inside::Entry,
                };
                field(entry, content)
            }
            (4, Some(entry)) if inside == Inside::Needs => need(content).map(|need| {
                entry.needs.push(need);
            }),
            // What later versions may add below a field.
            (4, Some(_)) => Some(()),
            _ => None,
        };
        if is_read.is_none() {
            malformed = malformed.saturating_add(1);
        }
    }
    let before = read.entries.len();
    read.entries.retain(|entry| !entry.version.is_empty());
    let unversioned = before.saturating_sub(read.entries.len());
    if malformed > 0 || unversioned > 0 {
        read.doubt = Some(format!(
            "{malformed} lines are not of a lock file, {unversioned} entries have no version"
        ));
    }
    let is_lock = text.contains("yarn lockfile v1") || !read.entries.is_empty();
    if is_lock {
        Ok(read)
    } else {
        Err("not a lock file of Yarn".to_owned())
    }
}

#[derive(PartialEq, Eq)]
enum Inside {
    Nothing,
    Entry,
    Needs,
}

/// `"@scope/a@^1", a@^2:`
fn head(line: &str) -> Option<Entry> {
    let mut rest = line.strip_suffix(':')?;
    let mut entry = Entry::default();
    loop {
        let (descriptor, after) = text(rest, ',')?;
        entry.descriptors.push(descriptor);
        match after.trim_start().strip_prefix(',') {
            Some(more) => rest = more.trim_start(),
            None if after.trim().is_empty() => break,
            None => return None,
        }
    }
    let (name, range) = split(entry.descriptors.first()?)?;
    // `alias@npm:name@range` is another package under that name.
    let aliased = range.strip_prefix("npm:").and_then(split);
    entry.name = aliased.map_or(name, |(name, _)| name).to_owned();
    Some(entry)
}

fn field(entry: &mut Entry, line: &str) -> Option<()> {
    if line.ends_with(':') {
        return Some(());
    }
    let (key, value) = pair(line)?;
    match key.as_str() {
        "version" => entry.version = value,
        "integrity" => entry.integrity = Some(value),
        "resolved" => {
            entry.origin = resolved(&entry.name, &value);
            let archive = value.split('#').next().unwrap_or_default();
            let is_archive = entry.origin == Origin::Usual && archive.contains("://");
            entry.resolved = is_archive.then(|| archive.to_owned());
        }
        _ => {}
    }
    Some(())
}

/// Registries keep archives at `/NAME/-/NAME-VERSION.tgz`; other places are told.
fn resolved(name: &str, address: &str) -> Origin {
    let path = format!("/{name}/-/");
    let escaped = format!("/{}/-/", name.replacen('/', "%2f", 1));
    if address.contains(&path) || address.contains(&escaped) {
        return Origin::Usual;
    }
    Origin::of(address).unwrap_or_default()
}

fn need(line: &str) -> Option<(String, String)> {
    pair(line)
}

/// A name and a value with a space between them.
fn pair(line: &str) -> Option<(String, String)> {
    let (key, rest) = text(line, ' ')?;
    let (value, rest) = text(rest.trim_start(), ' ')?;
    rest.trim().is_empty().then_some((key, value))
}

/// A text at the begin of a line, in quotation marks as in JSON or up to a character; what follows.
fn text(line: &str, end: char) -> Option<(String, &str)> {
    if !line.starts_with('"') {
        let at = line.find(end).unwrap_or(line.len());
        let (plain, rest) = line.split_at_checked(at)?;
        return (!plain.is_empty()).then(|| (plain.to_owned(), rest));
    }
    let mut is_quoted = false;
    let close = line.char_indices().skip(1).find(|(_, character)| {
        let is_close = *character == '"' && !is_quoted;
        is_quoted = *character == '\\' && !is_quoted;
        is_close
    });
    let (quoted, rest) = line.split_at_checked(close?.0.saturating_add(1))?;
    Some((serde_json::from_str(quoted).ok()?, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_end_where_they_end() {
        assert_eq!(text("a b", ' '), Some(("a".to_owned(), " b")));
        assert_eq!(
            text(r#""a \" b" c"#, ' '),
            Some((r#"a " b"#.to_owned(), " c"))
        );
        assert_eq!(text(r#""a"#, ' '), None);
        assert_eq!(text("", ' '), None);
        assert_eq!(pair("a b c"), None);
    }

    #[test]
    fn keys_may_be_many() {
        let entry = head(r#""@s/a@^1", "@s/a@>=1 <2":"#).unwrap();
        assert_eq!(entry.descriptors, ["@s/a@^1", "@s/a@>=1 <2"]);
        assert_eq!(entry.name, "@s/a");
        assert_eq!(head("x@npm:@s/y@^1:").unwrap().name, "@s/y");
        assert!(head("a@1").is_none());
        assert!(head(r#""a@1" b:"#).is_none());
    }
}
