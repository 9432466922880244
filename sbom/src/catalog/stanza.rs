//! Blocks of `Key: value` lines: dpkg's and apk's databases, DEP-5 copyright files, Python metadata.
//!
//! deb822(5), <https://manpages.debian.org/bookworm/dpkg-dev/deb822.5.en.html>; the others are cousins.

/// One block.
#[derive(Debug, Default)]
pub(super) struct Stanza<'a> {
    fields: Vec<(&'a str, String)>,
    /// Lines that are neither a field nor the continuation of one.
    pub(super) malformed: usize,
}

impl Stanza<'_> {
    /// The value of the first field of this name; continuation lines are joined by line feeds.
    pub(super) fn field(&self, key: &str) -> Option<&str> {
        self.all(key).next()
    }

    /// The values of all fields of this name.
    pub(super) fn all(&self, key: &str) -> impl Iterator<Item = &str> {
        self.fields
            .iter()
            .filter(move |(name, _)| *name == key)
            .map(|(_, value)| value.as_str())
            .filter(|value| !value.is_empty())
    }

    /// All fields in their order.
    pub(super) fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.fields
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
    }

    fn is_empty(&self) -> bool {
        self.fields.is_empty() && self.malformed == 0
    }
}

/// Splits text into blocks, which are separated by empty lines.
pub(super) fn parse(text: &str) -> Vec<Stanza<'_>> {
    let mut stanzas = Vec::new();
    let mut current = Stanza::default();
    for line in text.lines() {
        if line.trim().is_empty() {
            if !current.is_empty() {
                stanzas.push(std::mem::take(&mut current));
            }
        } else if line.starts_with([' ', '\t']) {
            match current.fields.last_mut() {
                Some((_, value)) => {
                    value.push('\n');
                    value.push_str(line.trim());
                }
                None => current.malformed = current.malformed.saturating_add(1),
            }
        } else if line.starts_with('#') {
            // A comment, which deb822 allows.
        } else if let Some((key, value)) = line.split_once(':') {
            current.fields.push((key, value.trim().to_owned()));
        } else {
            current.malformed = current.malformed.saturating_add(1);
        }
    }
    if !current.is_empty() {
        stanzas.push(current);
    }
    stanzas
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_fields_and_continuations_are_told_apart() {
        let stanzas = parse("A: 1\nB: x\n y\n\n\nA:2\nA: 3\nbroken\n");
        assert_eq!(stanzas.len(), 2);
        assert_eq!(stanzas[0].field("B"), Some("x\ny"));
        assert_eq!(stanzas[1].all("A").collect::<Vec<_>>(), ["2", "3"]);
        assert_eq!(stanzas[1].malformed, 1);
    }
}
