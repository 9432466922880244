//! The product's face: arguments, settings, commands, rendering.
//!
//! Three stages: [`args`] is what was typed, [`settings`] merges it with variables and files,
//! [`commands`] does the work. Only this crate prints, reads the environment and ends the process.
//! Exit codes are in [`Exit`], failures in [`Failure`], commands in [`verbs`].

pub mod args;
pub mod commands;
pub mod conformance;
mod cosign_words;
pub mod escape;
mod exit;
pub mod failure;
pub mod join;
pub mod lock;
mod log;
pub mod output;
pub mod printer;
pub mod progress;
pub mod render;
mod run;
pub mod serve;
pub mod settings;
pub mod target;
pub mod trust;
pub mod verbs;
pub mod workload;

pub use exit::Exit;
pub use failure::Failure;
pub use run::run;
