//! `META-INF/MANIFEST.MF` and `pom.properties`.
//!
//! JAR file specification of Java 21, "JAR Manifest",
//! <https://docs.oracle.com/en/java/javase/21/docs/specs/jar/jar.html#jar-manifest>.

use std::collections::BTreeMap;

/// The main section of a manifest.
#[derive(Debug, Default)]
pub(super) struct Manifest(BTreeMap<String, String>);

impl Manifest {
    pub(super) fn parse(bytes: &[u8]) -> Self {
        let text = String::from_utf8_lossy(bytes);
        let mut fields = BTreeMap::new();
        let mut last = None;
        for line in text.lines() {
            if line.trim().is_empty() {
                break;
            }
            // A line that begins with a space goes on with the one before.
            if let Some(more) = line.strip_prefix(' ') {
                let value = last.as_ref().and_then(|name| fields.get_mut(name));
                if let Some(value) = value {
                    String::push_str(value, more);
                }
            } else if let Some((name, value)) = line.split_once(':') {
                let name = name.trim().to_ascii_lowercase();
                fields.insert(name.clone(), value.trim().to_owned());
                last = Some(name);
            }
        }
        Self(fields)
    }

    /// The first of these fields that says something.
    pub(super) fn first(&self, names: &[&str]) -> Option<&str> {
        let values = names.iter().filter_map(|name| self.0.get(*name));
        let mut values = values.map(|value| value.trim());
        values.find(|value| says(value))
    }
}

/// A value, and no placeholder that nobody filled.
pub(super) fn says(value: &str) -> bool {
    !value.is_empty() && !value.contains("${") && value.len() <= LONGEST
}

/// `NAME=VALUE` lines of properties, as Maven writes them: without escapes.
pub(super) fn properties(bytes: &[u8]) -> BTreeMap<String, String> {
    let text = String::from_utf8_lossy(bytes);
    let lines = text.lines().map(str::trim);
    let pairs = lines
        .filter(|line| !line.starts_with(['#', '!']))
        .filter_map(|line| line.split_once(['=', ':']));
    let pairs = pairs.map(|(name, value)| (name.trim().to_owned(), value.trim().to_owned()));
    pairs.filter(|(_, value)| says(value)).collect()
}

/// Longer values are texts, and no names.
const LONGEST: usize = 512;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_go_on_and_placeholders_say_nothing() {
        let manifest = Manifest::parse(
            b"Manifest-Version: 1.0\r\nImplementation-Title: a long\r\n  name\r\n\
              Implementation-Version: ${project.version}\r\nBundle-Version: 1.2\r\n\r\n\
              Name: org/example/\r\nBundle-Version: 9\r\n",
        );
        assert_eq!(
            manifest.first(&["implementation-title"]),
            Some("a long name")
        );
        let version = ["implementation-version", "bundle-version"];
        assert_eq!(manifest.first(&version), Some("1.2"));
        assert_eq!(manifest.first(&["name"]), None);
    }
}
