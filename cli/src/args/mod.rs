//! What was typed: clap's derive and nothing else. Parsing does nothing.

pub mod anchor;
pub mod annotation;
pub mod approve;
pub mod attest;
pub mod chain;
pub mod checkpoint;
pub mod completions;
pub mod copy;
pub mod cosign;
pub mod decide;
pub mod demo;
pub mod deploy;
pub mod evidence;
pub mod freeze;
pub mod help;
pub mod in_toto;
pub mod init;
pub mod inspect;
pub mod key;
pub mod kind;
pub mod man;
pub mod memory;
pub mod notation;
pub mod policy;
pub mod promote;
pub mod reject;
pub mod review;
pub mod revoke;
pub mod rollback;
pub mod run;
pub mod sbom;
pub mod sbom_format;
pub mod serve;
pub mod set;
pub mod settings;
pub mod sign;
pub mod signing;
pub mod simulate;
pub mod slsa;
pub mod status;
pub mod tree;
pub mod trust;
pub mod verify;
pub mod waive;
pub mod why;

use std::path::PathBuf;

use clap::{ArgAction, Args, Parser};

use crate::printer::{Color, Format};
use crate::verbs::Verb;

/// Lists what software contains, seals who vouched for it, and checks the seals before it is deployed
#[derive(Debug, Parser)]
#[command(
    name = "bulla",
    version,
    disable_help_subcommand = true,
    subcommand_value_name = "COMMAND",
    subcommand_help_heading = "Commands"
)]
pub struct Arguments {
    /// Flags every command knows.
    #[command(flatten)]
    pub global: GlobalArguments,
    /// What to do.
    #[command(subcommand)]
    pub verb: Option<Verb>,
}

/// Flags every command knows.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Everywhere")]
pub struct GlobalArguments {
    /// How results are written: human, json, github or gitlab; sarif, junit or markdown by verify
    #[arg(
        long,
        global = true,
        value_name = "FORMAT",
        hide_possible_values = true
    )]
    pub output: Option<Format>,
    /// When colour is used: auto, always or never
    #[arg(long, global = true, value_name = "WHEN", hide_possible_values = true)]
    pub color: Option<Color>,
    /// Only data and errors
    #[arg(long, short, global = true)]
    pub quiet: bool,
    /// Explain more; twice shows requests
    #[arg(long, short, global = true, action = ArgAction::Count)]
    pub verbose: u8,
    /// Time for one operation against a registry, for example 90s
    #[arg(long, global = true, value_name = "TIME")]
    pub timeout: Option<String>,
    /// Settings file to read instead of the discovered ones
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Registry spoken to without TLS
    #[arg(long, global = true, value_name = "HOST")]
    pub plain_http: Vec<String>,
    /// Repository that keeps the attestations, instead of the image's own
    #[arg(long, global = true, value_name = "HOST/REPO")]
    pub repository: Option<String>,
    /// What begins the names of cosign's older tags: PREFIXsha256-HEX.sig
    #[arg(long, global = true, value_name = "PREFIX", hide = true)]
    pub attachment_tag_prefix: Option<String>,
}
