//! What key services see of the process: variables, small files, the search path, the time.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use bulla_attest::{KeyServiceError, Surroundings};
use jiff::Timestamp;
use zeroize::Zeroizing;

use crate::Failure;
use crate::commands::Context;
use crate::join::file;
use crate::settings::{Environment, row};

/// Bytes of the largest file of credentials or certificates that is read.
const FILE_BYTES: u64 = 1 << 20;

/// The process's own surroundings.
#[derive(Clone, Debug)]
pub(super) struct ProcessSurroundings {
    environment: Environment,
    plain: BTreeSet<String>,
}

impl ProcessSurroundings {
    /// As the context has them.
    pub(super) fn of(context: &Context) -> Result<Self, Failure> {
        let flag = context.global.plain_http.join(",");
        let flag = (!flag.is_empty()).then_some(flag.as_str());
        let hosts = context.settings.text(&row::PLAIN_HTTP, flag)?;
        let hosts = hosts.map(|setting| setting.value).unwrap_or_default();
        Ok(Self {
            environment: context.environment().clone(),
            plain: hosts
                .split(',')
                .map(|host| host.trim().to_owned())
                .collect(),
        })
    }
}

impl Surroundings for ProcessSurroundings {
    fn variable(&self, name: &str) -> Option<String> {
        let text = self.environment.text(name).ok()??;
        (!text.is_empty()).then(|| text.to_owned())
    }

    fn file(&self, path: &Path) -> Result<Option<Zeroizing<Vec<u8>>>, KeyServiceError> {
        let path = self.environment.directory().join(path);
        if !path.exists() {
            return Ok(None);
        }
        match file::read(&path, FILE_BYTES) {
            Ok(bytes) => Ok(Some(Zeroizing::new(bytes))),
            Err(failure) => Err(KeyServiceError::Configuration {
                service: "credentials",
                reason: failure.message().to_owned(),
            }),
        }
    }

    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    fn program(&self, name: &str) -> Option<PathBuf> {
        self.environment.program(name)
    }

    fn permits_plain(&self, host: &str) -> bool {
        self.plain.contains(host)
    }
}
