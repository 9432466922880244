//! Installed Ruby gems, from the specifications that RubyGems writes.
//!
//! `specifications/NAME-VERSION.gemspec`, <https://guides.rubygems.org/specification-reference/>. They are
//! programs in Ruby, and nobody runs them here: RubyGems always writes them in one form, of which
//! assignments of texts are read. The line `# stub:` says name, version and platform.

use std::collections::BTreeMap;

use bulla_model::{Purl, PurlBuilder, PurlError};

use super::inside::is_inside_gem;
use super::{Capability, Cataloger, Context, Edges, Found, Technique, file_name, lock};
use crate::{License, Package, Presence};

#[derive(Debug)]
pub(super) struct Gem;

impl Cataloger for Gem {
    fn name(&self) -> &'static str {
        "gem"
    }

    fn capability(&self) -> Capability {
        Capability {
            ecosystem: "Ruby",
            reads: "`specifications/*.gemspec`, default gems",
            presence: Presence::Installed,
            technique: Technique::Manifest,
            edges: Edges::All,
            licenses: true,
            hashes: false,
            files: false,
        }
    }

    fn wants(&self, path: &str) -> bool {
        let Some((folder, name)) = path.rsplit_once('/') else {
            return false;
        };
        let folder = folder.strip_suffix("/default").unwrap_or(folder);
        let is_specification = folder == "specifications" || folder.ends_with("/specifications");
        is_specification && name.strip_suffix(".gemspec").is_some() && !is_inside_gem(path)
    }

    fn catalog(&self, context: &Context<'_>) -> Found {
        let mut found = Found::default();
        let mut named = BTreeMap::<String, Vec<usize>>::new();
        let mut needs = Vec::new();
        for list in context.files(|path| self.wants(path)) {
            let text = list.text();
            let Some(specification) = Specification::read(&text, file_name(list.path)) else {
                found.unknown(list.path, "no name and version");
                continue;
            };
            let Some(index) = found.add(list, specification.package()) else {
                continue;
            };
            named.entry(specification.name).or_default().push(index);
            needs.push((index, specification.needs));
        }
        for (from, names) in needs {
            let met = names.iter().filter_map(|name| named.get(name));
            let met = met.flat_map(|all| all.iter().take(lock::VERSIONS));
            found.edges.extend(met.map(|to| (from, *to)));
        }
        found
    }
}

/// The package URL of a gem, whose platform is a qualifier unless it is Ruby itself.
pub(super) fn purl(name: &str, version: &str, platform: &str) -> PurlBuilder {
    let platform = if platform == "ruby" { "" } else { platform };
    let purl = Purl::builder("gem", name).with_version(version);
    purl.with_qualifier("platform", platform)
}

/// Whether this is the source that needs no qualifier.
pub(super) fn is_default_source(remote: &str) -> bool {
    let place = remote.split_once("://").map_or("", |(_, place)| place);
    place.trim_end_matches('/') == "rubygems.org"
}

#[derive(Default)]
struct Specification {
    name: String,
    version: String,
    platform: String,
    licenses: Vec<String>,
    author: Option<String>,
    homepage: Option<String>,
    summary: Option<String>,
    repository: Option<String>,
    needs: Vec<String>,
}

impl Specification {
    fn read(text: &str, file: &str) -> Option<Self> {
        let mut read = Self::default();
        for line in text.lines().map(str::trim) {
            if let Some(stub) = line.strip_prefix("# stub: ") {
                // A second one lists what is compiled.
                if read.name.is_empty() {
                    let mut words = stub.split(' ');
                    let mut word = || words.next().unwrap_or_default().to_owned();
                    (read.name, read.version, read.platform) = (word(), word(), word());
                }
            } else if let Some(assigned) = line.strip_prefix("s.") {
                read.assigned(assigned);
            }
        }
        if read.name.is_empty() || read.version.is_empty() {
            let (name, version) = file.strip_suffix(".gemspec")?.rsplit_once('-')?;
            (read.name, read.version) = (name.to_owned(), version.to_owned());
        }
        let is_version = read
            .version
            .starts_with(|first: char| first.is_ascii_digit());
        is_version.then_some(read)
    }

    fn assigned(&mut self, text: &str) {
        if let Some(needed) = ["add_runtime_dependency(", "add_dependency("]
            .iter()
            .find_map(|call| text.strip_prefix(call))
        {
            self.needs.extend(texts(needed).next());
            return;
        }
        let Some((key, value)) = text.split_once(" = ") else {
            return;
        };
        let mut values = texts(value);
        match key {
            "name" if self.name.is_empty() => self.name = values.next().unwrap_or_default(),
            "version" if self.version.is_empty() => {
                self.version = values.next().unwrap_or_default();
            }
            "licenses" => self.licenses = values.collect(),
            "authors" => {
                let all: Vec<String> = values.collect();
                self.author = Some(all.join(", ")).filter(|all| !all.is_empty());
            }
            "homepage" => self.homepage = values.next().filter(|text| !text.is_empty()),
            "summary" => self.summary = values.next().filter(|text| !text.is_empty()),
            "metadata" => {
                let pairs: Vec<String> = values.collect();
                let mut pairs = pairs.chunks_exact(2);
                let source = pairs.find(|pair| pair.first().is_some_and(|key| key == SOURCE));
                self.repository = source.and_then(|pair| pair.get(1).cloned());
            }
            _ => {}
        }
    }

    fn package(&self) -> Result<Package, PurlError> {
        let purl = purl(&self.name, &self.version, &self.platform).build()?;
        let mut package = Package::new(&self.name, &self.version, purl);
        let licenses = self.licenses.iter();
        package
            .licenses
            .extend(licenses.filter_map(|text| License::parse(text)));
        package.supplier.clone_from(&self.author);
        package.homepage.clone_from(&self.homepage);
        package.description.clone_from(&self.summary);
        package.repository.clone_from(&self.repository);
        Ok(package)
    }
}

/// Where the sources are, among the metadata of a gem.
const SOURCE: &str = "source_code_uri";

/// The texts of a line, `"a\nb".freeze` and `%q<a>`, in order.
fn texts(line: &str) -> impl Iterator<Item = String> {
    let mut rest = line;
    std::iter::from_fn(move || {
        loop {
            rest = rest.get(rest.find(['"', '%'])?..)?;
            if let Some(inside) = rest.strip_prefix('"') {
                let (text, length) = quoted_text(inside)?;
                rest = inside.get(length..)?;
                return Some(text);
            }
            if let Some(inside) = rest.strip_prefix("%q<") {
                let (text, after) = inside.split_once('>')?;
                rest = after;
                return Some(text.to_owned());
            }
            rest = rest.get(1..)?;
        }
    })
}

/// A text up to its closing quotation mark, and how long it is with it.
fn quoted_text(inside: &str) -> Option<(String, usize)> {
    let mut text = String::new();
    let mut characters = inside.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return Some((text, at.saturating_add(1))),
            '\\' => match characters.next()?.1 {
                'n' | 't' | 'r' | 'e' => text.push(' '),
                other => text.push(other),
            },
            other => text.push(other),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_of_a_line_are_taken_in_order() {
        let all = |line: &str| texts(line).collect::<Vec<_>>();
        assert_eq!(all(r#"["A \"B\"".freeze, "C".freeze]"#), ["A \"B\"", "C"]);
        assert_eq!(all(r#"%q<rack>.freeze, [">= 1"]"#), ["rack", ">= 1"]);
        assert_eq!(all(r#""open"#), Vec::<String>::new());
        assert_eq!(all(r#""x\"#), Vec::<String>::new());
        assert_eq!(all("Gem::Version.new(1)"), Vec::<String>::new());
        assert_eq!(all(r#"100% %q <a> "b" %q<c>"#), ["b", "c"]);
        // Each character is looked at once: this would take hours otherwise.
        let many = "\"a\",".repeat(1 << 20);
        assert_eq!(texts(&many).count(), 1 << 20);
    }

    #[test]
    fn what_a_gem_compiles_is_not_its_name() {
        let text = "# -*- encoding: utf-8 -*-\n# stub: date 3.2.2 ruby lib\n\
                    # stub: ext/date/extconf.rb\0ext/more/extconf.rb\n\n\
                    Gem::Specification.new do |s|\n  s.name = \"date\".freeze\nend\n";
        let read = Specification::read(text, "date-3.2.2.gemspec").unwrap();
        let told = [&read.name, &read.version, &read.platform].map(String::as_str);
        assert_eq!(told, ["date", "3.2.2", "ruby"]);
    }

    #[test]
    fn what_is_inside_gems_is_not_installed() {
        let wants = |path: &str| Gem.wants(path);
        assert!(wants(
            "usr/lib/ruby/gems/3.1.0/specifications/rack-2.2.gemspec"
        ));
        assert!(wants(
            "var/lib/gems/3.1.0/specifications/default/json-2.6.gemspec"
        ));
        assert!(!wants("var/lib/gems/3.1.0/gems/rack-2.2/rack.gemspec"));
        assert!(!wants(
            "usr/lib/gems/rack-2.2/test/specifications/x-1.gemspec"
        ));
        assert!(!wants("specifications.gemspec"));
    }
}
