//! Orchestration: one file for each command.

#![expect(
    clippy::unused_async,
    reason = "every command has the same shape, also those that never wait"
)]

pub mod anchor;
pub mod approve;
pub mod attest;
pub mod chain;
pub mod checkpoint;
pub mod completions;
pub mod copy;
pub mod demo;
pub mod deploy;
pub mod evidence;
mod exhibit;
pub mod freeze;
pub mod help;
pub mod in_toto;
pub mod init;
pub mod inspect;
pub mod key;
pub mod man;
pub mod notation;
pub mod policy;
pub mod promote;
mod published;
pub mod reject;
pub mod review;
pub mod revoke;
pub mod rollback;
pub mod run;
pub mod sbom;
pub mod serve;
pub mod settings;
pub mod sign;
pub mod simulate;
pub mod slsa;
pub mod status;
pub mod tree;
pub mod trust;
pub mod verify;
pub mod waive;
pub mod why;

use std::sync::OnceLock;
use std::time::Duration;

use bulla_model::Limits;
use bulla_registry::RemoteClient;

use crate::args::GlobalArguments;
use crate::join::ledger::Answers;
use crate::printer::{Color, Format, Printer};
use crate::settings::{Environment, Settings, row};
use crate::{Failure, log};

/// What every command works with.
#[derive(Debug)]
pub struct Context {
    /// The command line's flags for every command.
    pub global: GlobalArguments,
    /// Everything that was set.
    pub settings: Settings,
    /// Bounds on everything read.
    pub limits: Limits,
    /// The two streams.
    pub printer: Printer,
    /// What ledgers answered a moment ago.
    pub ledgers: Answers,
    remote: OnceLock<RemoteClient>,
}

impl Context {
    /// Settles what holds for every command.
    pub fn new(global: GlobalArguments, environment: Environment) -> Result<Self, Failure> {
        let limits = Limits::default();
        let settings = Settings::load(global.config.as_deref(), environment, &limits)?;
        Self::with_settings(global, settings)
    }

    /// The same from settings that were already read.
    pub fn with_settings(global: GlobalArguments, settings: Settings) -> Result<Self, Failure> {
        let mut limits = Limits::default();
        let printer = Printer::new(
            &settings,
            global.output.map(Format::name),
            global.color.map(Color::name),
            global.quiet.then_some("true"),
        )?;
        if let Some(timeout) =
            settings.parsed::<jiff::SignedDuration>(&row::TIMEOUT, global.timeout.as_deref())?
        {
            limits.deadline = Duration::try_from(timeout.value)
                .ok()
                .filter(|deadline| !deadline.is_zero())
                .ok_or_else(|| Failure::usage("the timeout must be longer than nothing"))?;
        }
        log::start(global.verbose, printer.colors_talk());
        Ok(Self {
            global,
            settings,
            limits,
            printer,
            ledgers: Answers::default(),
            remote: OnceLock::new(),
        })
    }

    /// The client for registries, set up when the first one is needed.
    pub fn remote(
        &self,
        set_up: fn(&Self) -> Result<RemoteClient, Failure>,
    ) -> Result<&RemoteClient, Failure> {
        if let Some(client) = self.remote.get() {
            return Ok(client);
        }
        let client = set_up(self)?;
        Ok(self.remote.get_or_init(|| client))
    }

    /// What the process was started with.
    pub fn environment(&self) -> &Environment {
        self.settings.environment()
    }
}
