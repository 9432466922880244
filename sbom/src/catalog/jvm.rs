//! Java runtimes that no package manager put there, by the file `release` in their folder.
//!
//! JEP 223 and the `release` file of OpenJDK 21, <https://openjdk.org/jeps/223>.

use std::collections::BTreeMap;

use bulla_model::Purl;

use super::{Capability, Cataloger, Context, Edges, Found, Technique, file_name};
use crate::{Package, Presence};

#[derive(Debug)]
pub(super) struct Jvm;

impl Cataloger for Jvm {
    fn name(&self) -> &'static str {
        "jvm"
    }

    fn capability(&self) -> Capability {
        Capability {
            ecosystem: "Java",
            reads: "`release` of Java runtimes",
            presence: Presence::Installed,
            technique: Technique::Manifest,
            edges: Edges::None,
            licenses: false,
            hashes: false,
            files: false,
        }
    }

    fn wants(&self, path: &str) -> bool {
        file_name(path) == "release"
    }

    /// What a package put there is that package.
    fn yields(&self) -> bool {
        true
    }

    fn catalog(&self, context: &Context<'_>) -> Found {
        let mut found = Found::default();
        for list in context.files(|path| self.wants(path)) {
            let text = list.text();
            let said: BTreeMap<&str, &str> = text.lines().filter_map(field).collect();
            // Other things have a file of this name.
            let Some(version) = said.get("JAVA_VERSION") else {
                continue;
            };
            let whole = said.get("JAVA_RUNTIME_VERSION").unwrap_or(version);
            let native = said.contains_key("GRAALVM_VERSION");
            let name = if native { "graalvm" } else { "openjdk" };
            let purl = Purl::builder("generic", name).with_version(whole).build();
            let package = purl.map(|purl| {
                let mut package = Package::new(name, whole, purl);
                package.supplier = said.get("IMPLEMENTOR").map(|name| (*name).to_owned());
                package
            });
            found.add(list, package);
        }
        found
    }
}

/// `NAME="VALUE"`.
fn field(line: &str) -> Option<(&str, &str)> {
    let (name, value) = line.split_once('=')?;
    let value = value.trim().trim_matches('"').trim();
    (!value.is_empty()).then_some((name.trim(), value))
}
