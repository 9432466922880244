//! Installed applications of Erlang and Elixir, by the resource file that each has.
//!
//! `ebin/NAME.app`, <https://www.erlang.org/docs/27/apps/kernel/app.html>, in folders `NAME-VERSION` as OTP,
//! releases and plugins have them, <https://www.erlang.org/docs/27/apps/kernel/code.html#module-code-path>, and
//! those of Elixir itself, whose folders have no version. What only was compiled, in `_build` and
//! `deps`, is not installed. Deviation: a release does not say what is from Hex, so that all have
//! package URLs of the type `otp`, also where `hex` would be preferred.

use std::collections::{BTreeMap, BTreeSet};

use bulla_model::{Purl, PurlError};

use super::erlang_term::{Language, Term};
use super::{Capability, Cataloger, Context, Edges, Found, Technique, lock};
use crate::{License, Package, Presence};

#[derive(Debug)]
pub(super) struct ErlangApp;

impl Cataloger for ErlangApp {
    fn name(&self) -> &'static str {
        "erlang-app"
    }

    fn capability(&self) -> Capability {
        Capability {
            ecosystem: "Erlang",
            reads: "`NAME-VERSION/ebin/NAME.app` of OTP and of releases, Elixir's own",
            presence: Presence::Installed,
            technique: Technique::Manifest,
            edges: Edges::All,
            licenses: true,
            hashes: false,
            files: false,
        }
    }

    fn wants(&self, path: &str) -> bool {
        Place::of(path).is_some()
    }

    fn catalog(&self, context: &Context<'_>) -> Found {
        let mut found = Found::default();
        let mut installed = Installed::default();
        let mut needing = Vec::new();
        for list in context.files(|path| self.wants(path)) {
            let Some(place) = Place::of(list.path) else {
                continue;
            };
            let terms = match Term::read(&list.text(), Language::Erlang) {
                Ok(terms) => terms,
                Err(reason) => {
                    found.unknown(list.path, &format!("not an application: {reason}"));
                    continue;
                }
            };
            let Some(application) = Application::of(&terms) else {
                found.unknown(list.path, "not an application");
                continue;
            };
            if let Some(index) = found.add(list, application.package(&place)) {
                installed.insert(&place, application.name, index);
                needing.push((index, place, application.needs()));
            }
        }
        for (from, place, needs) in needing {
            let met = needs
                .iter()
                .flat_map(|name| installed.meeting(&place, name));
            found.edges.extend(met.map(|to| (from, *to)));
        }
        found
    }
}

/// Where an application is: `lib`, `kernel-9.2`.
#[derive(Clone, Copy)]
struct Place<'a> {
    /// The folder with all applications of a release.
    library: &'a str,
    /// Empty if the folder's name has none.
    version: &'a str,
}

impl<'a> Place<'a> {
    fn of(path: &'a str) -> Option<Self> {
        let (folder, file) = path.rsplit_once("/ebin/")?;
        let name = file.strip_suffix(".app")?;
        let (library, folder) = folder.rsplit_once('/').unwrap_or(("", folder));
        let version = match folder.strip_prefix(name)? {
            "" if ELIXIR.contains(&name) && !is_compiled(library) => "",
            rest => rest.strip_prefix('-').filter(|rest| !rest.is_empty())?,
        };
        (!name.is_empty()).then_some(Self { library, version })
    }
}

/// Applications of Elixir itself.
const ELIXIR: [&str; 6] = ["eex", "elixir", "ex_unit", "iex", "logger", "mix"];

/// Whether Mix or Rebar compiled what is here, and it is not part of a release that they made.
fn is_compiled(library: &str) -> bool {
    library == "deps"
        || library.ends_with("/deps")
        || library.split('/').any(|part| part == "_build")
}

/// `{application, name, properties}`.
struct Application<'a> {
    name: &'a str,
    properties: &'a Term,
}

impl<'a> Application<'a> {
    fn of(terms: &'a [Term]) -> Option<Self> {
        let [Term::Tuple(fields)] = terms else {
            return None;
        };
        match fields.as_slice() {
            [
                Term::Atom(kind),
                Term::Atom(name),
                properties @ Term::List(_),
            ] if kind == "application" => Some(Self { name, properties }),
            _ => None,
        }
    }

    fn text(&self, name: &str) -> Option<&'a str> {
        let text = self.properties.property(name)?.as_text()?;
        Some(text).filter(|text| !text.is_empty())
    }

    fn package(&self, place: &Place<'_>) -> Result<Package, PurlError> {
        let version = self.text("vsn").unwrap_or(place.version);
        let purl = Purl::builder("otp", self.name)
            .with_version(version)
            .build()?;
        let mut package = Package::new(self.name, version, purl);
        package.description = self.text("description").map(str::to_owned);
        // Rebar copies what the package says of itself.
        let licenses = self.properties.property("licenses").and_then(Term::as_list);
        let licenses = licenses.into_iter().flatten().filter_map(Term::as_text);
        package.licenses.extend(licenses.filter_map(License::parse));
        Ok(package)
    }

    /// What has to be started before it, what is part of it, and what it uses if it is there.
    fn needs(&self) -> BTreeSet<String> {
        let lists = [
            "applications",
            "included_applications",
            "optional_applications",
        ];
        let lists = lists
            .iter()
            .filter_map(|name| self.properties.property(name)?.as_list());
        let names = lists.flatten().filter_map(Term::as_atom);
        names.map(str::to_owned).collect()
    }
}

/// Positions of applications by name, and by library and name.
#[derive(Default)]
struct Installed {
    everywhere: BTreeMap<String, Vec<usize>>,
    here: BTreeMap<(String, String), Vec<usize>>,
}

impl Installed {
    fn insert(&mut self, place: &Place<'_>, name: &str, index: usize) {
        let library = place.library.to_owned();
        let here = self.here.entry((library, name.to_owned())).or_default();
        here.push(index);
        let everywhere = self.everywhere.entry(name.to_owned()).or_default();
        everywhere.push(index);
    }

    /// Those of the same library; a release without a runtime uses that of the machine.
    fn meeting(&self, place: &Place<'_>, name: &str) -> &[usize] {
        let key = (place.library.to_owned(), name.to_owned());
        let met = self.here.get(&key).or_else(|| self.everywhere.get(name));
        let met = met.map(Vec::as_slice).unwrap_or_default();
        met.get(..lock::VERSIONS).unwrap_or(met)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_installed_is_wanted() {
        let version = |path| Place::of(path).map(|place| place.version);
        for (path, expected) in [
            ("usr/lib/erlang/lib/kernel-9.2/ebin/kernel.app", Some("9.2")),
            ("lib/my_app-0.1.0-rc.1/ebin/my_app.app", Some("0.1.0-rc.1")),
            ("kernel-9.2/ebin/kernel.app", Some("9.2")),
            ("_build/prod/rel/a/lib/a-1.0/ebin/a.app", Some("1.0")),
            ("usr/local/lib/elixir/lib/mix/ebin/mix.app", Some("")),
            ("_build/dev/lib/logger/ebin/logger.app", None),
            ("_build/dev/lib/a/ebin/a.app", None),
            ("deps/a/ebin/a.app", None),
            ("deps/mix/ebin/mix.app", None),
            ("lib/a-1.0/ebin/b.app", None),
            ("lib/a-/ebin/a.app", None),
            ("lib/-1/ebin/.app", None),
            ("lib/a-1.0/ebin/a.appup", None),
            ("lib/a-1.0/src/a.app", None),
            ("ebin/a.app", None),
        ] {
            assert_eq!(version(path), expected, "{path}");
        }
    }
}
