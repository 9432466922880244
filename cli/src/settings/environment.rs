//! The process's surroundings, read once.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};

use bulla_attest::ci::CI_SYSTEMS;
use bulla_attest::service::{AMBIENT_VARIABLES, SECRET_VARIABLES};

use crate::Failure;
use crate::failure::FailureKind;

/// Variables that show a job runs in CI, beside those of [`CI_SYSTEMS`]: the usual one, and those
/// of systems that do not set it.
const CI_MARKERS: [&str; 7] = [
    "CI",
    "BITBUCKET_BUILD_NUMBER",
    "CODEBUILD_BUILD_ID",
    "GO_PIPELINE_NAME",
    "TEAMCITY_VERSION",
    "TRAVIS",
    "bamboo_buildKey",
];

/// Variables, working directory and terminals as they were when the command started.
///
/// Nothing else in the product reads them. Values may be secrets, so they are not shown in
/// [`Debug`](fmt::Debug).
#[derive(Clone, Default)]
pub struct Environment {
    variables: BTreeMap<OsString, OsString>,
    directory: PathBuf,
    terminals: Terminals,
}

/// Which standard streams are terminals.
#[derive(Clone, Copy, Debug, Default)]
pub struct Terminals {
    /// Standard input.
    pub input: bool,
    /// Standard output.
    pub output: bool,
    /// Standard error.
    pub error: bool,
}

impl Environment {
    /// Reads the process's own.
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the one place that reads it"
    )]
    pub fn of_process() -> Result<Self, Failure> {
        let directory = std::env::current_dir()
            .map_err(|error| Failure::file("find", Path::new("the working directory"), &error))?;
        Ok(Self {
            variables: std::env::vars_os().collect(),
            directory,
            terminals: Terminals {
                input: std::io::stdin().is_terminal(),
                output: std::io::stdout().is_terminal(),
                error: std::io::stderr().is_terminal(),
            },
        })
    }

    /// An environment with just these variables, for tests.
    pub fn with_variables<const N: usize>(directory: &Path, variables: [(&str, &str); N]) -> Self {
        Self {
            variables: variables
                .iter()
                .map(|(k, v)| ((*k).into(), (*v).into()))
                .collect(),
            directory: directory.to_owned(),
            terminals: Terminals::default(),
        }
    }

    /// A variable's text; absent and not UTF-8 differ.
    pub fn text(&self, name: &str) -> Result<Option<&str>, Failure> {
        match self.variables.get(OsStr::new(name)) {
            None => Ok(None),
            Some(value) => match value.to_str() {
                Some(text) => Ok(Some(text)),
                None => Err(Failure::new(
                    FailureKind::Configuration,
                    format_args!("the environment variable {name} is not UTF-8"),
                )),
            },
        }
    }

    /// A variable that names a path, where it is set and not empty.
    pub fn path(&self, name: &str) -> Option<PathBuf> {
        self.variables
            .get(OsStr::new(name))
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    }

    /// All variables that are UTF-8, for describing the CI system.
    pub fn texts(&self) -> BTreeMap<String, String> {
        self.variables
            .iter()
            .filter_map(|(name, value)| Some((name.to_str()?.into(), value.to_str()?.into())))
            .collect()
    }

    /// Whether this runs in continuous integration: `CI` or another of its usual variables, or one
    /// by which a CI system that builds are described for is known.
    pub fn is_ci(&self) -> bool {
        let mut markers = CI_MARKERS
            .iter()
            .copied()
            .chain(CI_SYSTEMS.iter().map(|system| system.marker));
        markers.any(|marker| {
            self.variables
                .get(OsStr::new(marker))
                .is_some_and(|value| !matches!(value.to_str(), Some("" | "0" | "false")))
        })
    }

    /// Where a program of this name is on the search path. Relative folders of it are passed
    /// over: they would be the checkout's, and so would the program.
    pub fn program(&self, name: &str) -> Option<PathBuf> {
        let path = self.path("PATH")?;
        let name = format!("{name}{}", std::env::consts::EXE_SUFFIX);
        std::env::split_paths(&path)
            .filter(|folder| folder.is_absolute())
            .map(|folder| folder.join(&name))
            .find(|program| program.is_file())
    }

    /// Variables that no program needs which signs nothing: those with secrets of signing, and any
    /// that holds a private key.
    pub fn secrets(&self) -> Vec<&OsStr> {
        let known = SECRET_VARIABLES.iter().chain(&AMBIENT_VARIABLES);
        let mut names: Vec<&OsStr> = known.map(OsStr::new).collect();
        names.push(OsStr::new("BULLA_KEY"));
        let holds_key = |value: &OsStr| value.to_string_lossy().contains("PRIVATE KEY-----");
        let keys = self.variables.iter().filter(|(_, value)| holds_key(value));
        names.extend(keys.map(|(name, _)| name.as_os_str()));
        names
    }

    /// The working directory, absolute.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Which standard streams are terminals.
    pub fn terminals(&self) -> Terminals {
        self.terminals
    }

    /// The folder for the user's own settings of Bulla, where the platform has one.
    pub fn user_configuration(&self) -> Option<PathBuf> {
        let base = if cfg!(windows) {
            self.path("APPDATA")?
        } else if let Some(folder) = self.path("XDG_CONFIG_HOME") {
            folder
        } else if cfg!(target_os = "macos") {
            self.path("HOME")?.join("Library/Application Support")
        } else {
            self.path("HOME")?.join(".config")
        };
        Some(base.join("bulla"))
    }

    /// The folder for what can be fetched again, where the platform has one.
    pub fn user_cache(&self) -> Option<PathBuf> {
        let base = if cfg!(windows) {
            self.path("LOCALAPPDATA")?
        } else if let Some(folder) = self.path("XDG_CACHE_HOME") {
            folder
        } else if cfg!(target_os = "macos") {
            self.path("HOME")?.join("Library/Caches")
        } else {
            self.path("HOME")?.join(".cache")
        };
        Some(base.join("bulla"))
    }
}

impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Environment")
            .field("variables", &self.variables.len())
            .field("directory", &self.directory)
            .field("terminals", &self.terminals)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_not_shown() {
        let environment =
            Environment::with_variables(Path::new("/x"), [("BULLA_PASSWORD", "hunter2")]);
        assert!(!format!("{environment:?}").contains("hunter2"));
    }

    #[test]
    fn ci_is_recognised() {
        for (value, expected) in [("true", true), ("1", true), ("false", false), ("", false)] {
            let environment = Environment::with_variables(Path::new("/x"), [("CI", value)]);
            assert_eq!(environment.is_ci(), expected, "{value:?}");
        }
        for marker in ["TF_BUILD", "JENKINS_URL", "TEAMCITY_VERSION"] {
            let environment = Environment::with_variables(Path::new("/x"), [(marker, "True")]);
            assert!(environment.is_ci(), "{marker} without CI");
        }
    }
}
