//! Settings: flag, then variable, then `bulla.yaml`, then the user's own file.
//!
//! Each setting knows where it came from. A `bulla.yaml` found on the way up from the working
//! directory comes with the checkout: see `discovered` for what it may not decide.

mod discovered;
mod environment;
mod file;
pub mod password;
pub mod row;
mod text;

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use bulla_model::Limits;

pub use environment::{Environment, Terminals};
pub use file::{FILE_NAME, SettingsFile};
pub use row::{Nature, ROWS, Row};

use crate::Failure;
use crate::failure::FailureKind;

/// Everything that was set outside the command line, to be asked setting by setting.
#[derive(Clone, Debug)]
pub struct Settings {
    environment: Environment,
    files: Vec<SettingsFile>,
}

/// A setting's value and where it came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting<T> {
    /// The value.
    pub value: T,
    /// Where it came from.
    pub origin: Origin,
}

/// Where a setting came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The command line.
    Flag,
    /// A variable, by its name.
    Variable(String),
    /// A settings file.
    File(Place),
}

/// A place in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The file.
    pub path: PathBuf,
    /// The line, from 1.
    pub line: u64,
    /// The column, from 1.
    pub column: u64,
}

impl Settings {
    /// Reads the settings files that apply.
    pub fn load(
        explicit: Option<&Path>,
        environment: Environment,
        limits: &Limits,
    ) -> Result<Self, Failure> {
        let named = explicit
            .map(Path::to_owned)
            .or_else(|| environment.path("BULLA_CONFIG"));
        let files = SettingsFile::find(named.as_deref(), &environment, limits)?;
        Ok(Self { environment, files })
    }

    /// The same as if there were no settings files: only flags and variables count.
    pub fn without_files(&self) -> Self {
        Self {
            environment: self.environment.clone(),
            files: Vec::new(),
        }
    }

    /// Whether a setting came from a file that was found on the way up from the working directory.
    pub fn is_discovered(&self, origin: &Origin) -> bool {
        let Origin::File(place) = origin else {
            return false;
        };
        let mut files = self.files.iter().filter(|file| file.is_discovered());
        files.any(|file| file.path() == place.path)
    }

    /// The process's surroundings.
    pub fn environment(&self) -> &Environment {
        &self.environment
    }

    /// The settings files that were read, the nearest first.
    pub fn files(&self) -> &[SettingsFile] {
        &self.files
    }

    /// The text of a setting, if anything sets it. An empty variable sets nothing.
    pub fn text(&self, row: &Row, flag: Option<&str>) -> Result<Option<Setting<String>>, Failure> {
        if let Some(value) = flag {
            return Ok(Some(Setting {
                value: value.to_owned(),
                origin: Origin::Flag,
            }));
        }
        let own = row.variable();
        for variable in [Some(own.as_str()), row.alias].into_iter().flatten() {
            if let Some(value) = self
                .environment
                .text(variable)?
                .filter(|value| !value.is_empty())
            {
                return Ok(Some(Setting {
                    value: value.to_owned(),
                    origin: Origin::Variable(variable.to_owned()),
                }));
            }
        }
        let found = self
            .files
            .iter()
            .find_map(|file| Some((file, file.value(row.name)?)));
        let Some((file, (value, place))) = found else {
            return Ok(None);
        };
        if file.is_discovered() {
            discovered::permit(row, value, place, self.environment.is_ci())?;
        }
        Ok(Some(Setting {
            value: value.to_owned(),
            origin: Origin::File(place.clone()),
        }))
    }

    /// A setting read as type `T`.
    pub fn parsed<T>(&self, row: &Row, flag: Option<&str>) -> Result<Option<Setting<T>>, Failure>
    where
        T: FromStr<Err: fmt::Display>,
    {
        let Some(setting) = self.text(row, flag)? else {
            return Ok(None);
        };
        match setting.value.parse() {
            Ok(value) => Ok(Some(Setting {
                value,
                origin: setting.origin,
            })),
            Err(error) => Err(Failure::new(
                FailureKind::Configuration,
                format_args!("{} ({}): {error}", row.name, setting.origin),
            )),
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag => f.write_str("command line"),
            Self::Variable(name) => write!(f, "variable {name}"),
            Self::File(place) => place.fmt(f),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path.display();
        write!(f, "{path}:{}:{}", self.line, self.column)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings<const N: usize>(yaml: &str, variables: [(&str, &str); N]) -> Settings {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(FILE_NAME), yaml).unwrap();
        let environment = Environment::with_variables(folder.path(), variables);
        Settings::load(None, environment, &Limits::default()).unwrap()
    }

    #[test]
    fn the_nearest_source_wins() {
        let settings = settings("output: human\n", [("BULLA_OUTPUT", "json")]);
        let pick = |flag| settings.text(&row::OUTPUT, flag).unwrap().unwrap();
        assert_eq!(pick(Some("x")).origin, Origin::Flag);
        assert_eq!(pick(None).value, "json");
        assert_eq!(pick(None).origin, Origin::Variable("BULLA_OUTPUT".into()));
    }

    #[test]
    fn another_tools_variable_counts_after_our_own() {
        let settings = settings("", [("COSIGN_REPOSITORY", "a.test/x")]);
        let setting = settings.text(&row::REPOSITORY, None).unwrap().unwrap();
        assert_eq!(setting.origin, Origin::Variable("COSIGN_REPOSITORY".into()));
    }

    #[test]
    fn a_discovered_file_names_no_key_but_a_file_and_none_in_ci() {
        let key = |yaml: &str, ci: &[(&str, &str)]| {
            let settings = match ci {
                [] => settings(yaml, []),
                [one, ..] => settings(yaml, [*one]),
            };
            settings.text(&row::KEY, None)
        };
        let found = key("key: keys/a.key\n", &[]).unwrap().unwrap();
        assert!(found.value.ends_with("keys/a.key"));
        for reference in [
            "pkcs11:token=t;object=o?module-path=/proc/self/cwd/evil.so",
            "evil-program://x",
            "awskms:///alias/x",
            "k8s://a/b",
            "env://HOME",
        ] {
            let failure = key(&format!("key: \"{reference}\"\n"), &[]).unwrap_err();
            assert!(
                failure.message().contains("no `key` but a file"),
                "{reference}"
            );
        }
        for marker in [("CI", "true"), ("TF_BUILD", "True"), ("JENKINS_URL", "x")] {
            let failure = key("key: evil.key\n", &[marker]).unwrap_err();
            assert!(failure.message().starts_with("in CI `key`"), "{failure:?}");
        }
    }

    #[test]
    fn a_discovered_file_chooses_nobody_to_log_in_with() {
        for row in [
            &row::OIDC_ISSUER,
            &row::OIDC_CLIENT_ID,
            &row::FULCIO_URL,
            &row::TRUST_CONFIG,
            &row::SIGNING_CONFIG,
        ] {
            let yaml = format!("{}: evil.example.test\n", row.name);
            let failure = settings(&yaml, []).text(row, None).unwrap_err();
            assert!(
                failure.details()[0].contains("bulla.yaml:1:"),
                "{failure:?}"
            );
            let named = Environment::with_variables(Path::new("/x"), []);
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("own.yaml");
            std::fs::write(&path, &yaml).unwrap();
            let named = Settings::load(Some(&path), named, &Limits::default()).unwrap();
            assert!(named.text(row, None).unwrap().is_some(), "{}", row.name);
        }
    }

    #[test]
    fn in_ci_a_discovered_file_sets_no_trust() {
        let yaml =
            "policy: ./policy\nplain-http: a.test\nquiet: true\nattachment-tag-prefix: old-\n";
        let in_ci = settings(yaml, [("CI", "true")]);
        let failure = in_ci.text(&row::POLICY, None).unwrap_err();
        assert_eq!(failure.kind().exit().code(), 2);
        assert!(
            failure.details()[0].contains("bulla.yaml:1:9"),
            "{failure:?}"
        );
        assert!(
            in_ci.text(&row::PLAIN_HTTP, None).is_err(),
            "credentials would be sent in the clear"
        );
        assert!(
            in_ci.text(&row::ATTACHMENT_TAG_PREFIX, None).is_err(),
            "signatures, or a revocation, would be looked for where there are none"
        );
        assert!(in_ci.text(&row::POLICY, Some("p")).unwrap().is_some());
        assert!(in_ci.text(&row::QUIET, None).unwrap().is_some());
        assert!(
            settings(yaml, [])
                .text(&row::POLICY, None)
                .unwrap()
                .is_some()
        );
    }
}
