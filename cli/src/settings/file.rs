//! `bulla.yaml`: found from the working directory upwards, then in the user's own folder.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use bulla_model::Limits;

use super::row::{ROWS, Wire};
use super::{Environment, Place};
use crate::Failure;
use crate::failure::FailureKind;
use crate::join::file;

/// The name of a settings file.
pub const FILE_NAME: &str = "bulla.yaml";

/// A settings file that was read.
#[derive(Clone, Debug)]
pub struct SettingsFile {
    path: PathBuf,
    discovered: bool,
    values: Vec<(&'static str, String, Place)>,
}

impl SettingsFile {
    /// Finds and reads the files that apply, the nearest first. A file named explicitly stands alone.
    pub fn find(
        explicit: Option<&Path>,
        environment: &Environment,
        limits: &Limits,
    ) -> Result<Vec<Self>, Failure> {
        if let Some(path) = explicit {
            return Ok(vec![Self::read(path, false, limits)?]);
        }
        let mut files = Vec::new();
        let found = environment
            .directory()
            .ancestors()
            .map(|folder| folder.join(FILE_NAME))
            .find(|path| path.is_file());
        if let Some(path) = found {
            files.push(Self::read(&path, true, limits)?);
        }
        let own = environment
            .user_configuration()
            .map(|folder| folder.join(FILE_NAME));
        if let Some(path) = own.filter(|path| path.is_file()) {
            files.push(Self::read(&path, false, limits)?);
        }
        Ok(files)
    }

    /// Whether it was found on the way up from the working directory.
    pub fn is_discovered(&self) -> bool {
        self.discovered
    }

    /// A setting's text and place, if this file sets it.
    pub(super) fn value(&self, name: &str) -> Option<(&str, &Place)> {
        self.values
            .iter()
            .find(|(own, _, _)| *own == name)
            .map(|(_, text, place)| (text.as_str(), place))
    }

    fn read(path: &Path, discovered: bool, limits: &Limits) -> Result<Self, Failure> {
        let limit = limits.configuration_bytes;
        let mut text = String::new();
        file::open(path)
            .and_then(|file| file.take(limit + 1).read_to_string(&mut text))
            .map_err(|error| Failure::file("read", path, &error))?;
        if text.len() as u64 > limit {
            return Err(Failure::new(
                FailureKind::Configuration,
                format_args!("{} is longer than {limit} bytes", path.display()),
            ));
        }
        Self::parse(path, discovered, &text)
    }

    fn parse(path: &Path, discovered: bool, text: &str) -> Result<Self, Failure> {
        // A file of comments only sets nothing.
        let wire: Option<Wire> =
            bulla_verify::policy::from_yaml(text).map_err(|error| refused(path, &error))?;
        let folder = path.parent().unwrap_or(Path::new("."));
        let values = wire
            .unwrap_or_default()
            .into_values()
            .into_iter()
            .map(|(name, value)| {
                let place = Place {
                    path: path.to_owned(),
                    line: value.referenced.line(),
                    column: value.referenced.column(),
                };
                let row = ROWS.iter().find(|row| row.name == name);
                let is_path = row.is_some_and(|row| row.nature.is_path());
                let text = value.value.0;
                let text = if is_path && !has_scheme(&text) {
                    folder.join(&text).to_string_lossy().into_owned()
                } else {
                    text
                };
                (name, text, place)
            })
            .collect();
        Ok(Self {
            path: path.to_owned(),
            discovered,
            values,
        })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// Whether a text begins with `scheme:`; one letter is a drive.
fn has_scheme(text: &str) -> bool {
    text.split_once(':').is_some_and(|(scheme, _)| {
        scheme.len() > 1
            && scheme
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-')
    })
}

fn refused(path: &Path, error: &serde_saphyr::Error) -> Failure {
    let at = error.location().map_or_else(String::new, |location| {
        format!(":{}:{}", location.line(), location.column())
    });
    let reason = error.without_snippet().to_string();
    let reason = reason.lines().next().unwrap_or_default().to_owned();
    let names: Vec<&str> = ROWS.iter().map(|row| row.name).collect();
    Failure::new(
        FailureKind::Configuration,
        format_args!(
            "{}{at}: {}",
            path.display(),
            reason.chars().take(300).collect::<String>()
        ),
    )
    .with_hint(format_args!("settings are {}", names.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<SettingsFile, Failure> {
        SettingsFile::parse(Path::new("/w/bulla.yaml"), true, text)
    }

    #[test]
    fn paths_are_relative_to_the_file() {
        let file = parse("key: keys/bulla.key\npolicy: /etc/policy\n").unwrap();
        assert_eq!(file.value("key").unwrap().0, "/w/keys/bulla.key");
        assert_eq!(file.value("policy").unwrap().0, "/etc/policy");
        let file = parse("key: awskms:alias/build\n").unwrap();
        assert_eq!(file.value("key").unwrap().0, "awskms:alias/build");
    }

    #[test]
    fn words_numbers_and_lists_are_text() {
        let file = parse("quiet: true\nplain-http: [localhost:5000, a.test]\n").unwrap();
        assert_eq!(file.value("quiet").unwrap().0, "true");
        assert_eq!(file.value("plain-http").unwrap().0, "localhost:5000,a.test");
    }

    #[test]
    fn unknown_settings_are_refused_with_their_place() {
        let failure = parse("quiet: true\ncolour: never\n").unwrap_err();
        assert!(
            failure.message().contains("/w/bulla.yaml:2:1"),
            "{}",
            failure.message()
        );
        assert!(
            failure.message().contains("colour"),
            "{}",
            failure.message()
        );
    }

    #[test]
    fn an_empty_file_sets_nothing() {
        assert!(parse("").unwrap().values.is_empty());
        assert!(parse("# nothing yet\n").unwrap().values.is_empty());
    }
}
