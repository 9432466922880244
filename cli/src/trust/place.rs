//! Where an instance's files are kept on this machine.

use std::path::{Path, PathBuf};

use super::Mirror;
use crate::Failure;
use crate::failure::FailureKind;
use crate::settings::Environment;

/// The folders of one mirror.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// What the user said when they introduced the mirror: the root that all trust starts from.
    pub introduction: Option<PathBuf>,
    /// What was fetched. Whoever can write here is not believed: everything is verified again.
    pub cache: Option<PathBuf>,
}

impl Place {
    /// The folders for a mirror, where the platform has them.
    pub fn of(environment: &Environment, mirror: &Mirror) -> Self {
        let name = mirror.folder_name();
        Self {
            introduction: environment
                .user_configuration()
                .map(|folder| folder.join("trust").join(&name)),
            cache: environment
                .user_cache()
                .map(|folder| folder.join("tuf").join(&name)),
        }
    }

    /// The cache, which has to be there for what is done now.
    pub fn needed_cache(&self) -> Result<&Path, Failure> {
        self.cache.as_deref().ok_or_else(no_home)
    }

    /// The file of the root that trust starts from.
    pub fn root_file(&self) -> Result<PathBuf, Failure> {
        let folder = self.introduction.as_deref().ok_or_else(no_home)?;
        Ok(folder.join("root.json"))
    }
}

fn no_home() -> Failure {
    Failure::new(
        FailureKind::Configuration,
        "this machine has no folder to keep trusted roots in",
    )
    .with_hint("set HOME, or give a file: --trusted-root FILE")
}
