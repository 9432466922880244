//! `bulla freeze`.

use std::path::PathBuf;

use bulla_model::calendar::{LocalTime, Recurrence, ZoneName};
use bulla_model::{Digest, Scope, Service};
use clap::{Args, Subcommand};
use jiff::Timestamp;

use super::decide::DecideArguments;
use super::kind::Kind;
use super::memory::MemoryArguments;
use super::signing::SigningArguments;

/// Keep the calendar of when steps into environments are held up
#[derive(Debug, Args)]
#[command(
    before_help = "Example: bulla freeze add --env prod --from 2026-12-18T18:00 --until 2027-01-04T08:00 --zone Europe/Berlin --reason \"nobody is there\" --key release.key"
)]
pub struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub action: Action,
}

/// What to do with the calendar.
#[derive(Debug, Subcommand)]
#[expect(
    missing_docs,
    reason = "a text here would replace the help on the arguments"
)]
pub enum Action {
    Add(Box<Add>),
    Import(Box<Import>),
    Remove(Box<Remove>),
    Set(Box<Set>),
    Renew(Box<Renew>),
    List(List),
    Check(Check),
}

/// Add a window to the calendar
#[derive(Debug, Args)]
#[command(
    before_help = "Example: bulla freeze add --env prod --from 2026-12-18T18:00 --for 17d --zone Europe/Berlin --rrule FREQ=YEARLY --exempt hotfix --reason \"nobody is there\" --key release.key"
)]
pub struct Add {
    /// Which steps.
    #[command(flatten)]
    pub steps: StepArguments,
    /// When it first begins, in its time zone: 2026-12-18T18:00
    #[arg(long, value_name = "TIME", value_parser = local)]
    pub from: LocalTime,
    /// When it first ends, in its time zone
    #[arg(long, value_name = "TIME", value_parser = local, required_unless_present = "length")]
    pub until: Option<LocalTime>,
    /// How long it stays instead: 17d, 62h, 90m, or as P1DT12H
    #[arg(long = "for", value_name = "LENGTH", conflicts_with = "until")]
    pub length: Option<String>,
    /// Time zone of its times: Europe/Berlin, UTC
    #[arg(long, value_name = "ZONE")]
    pub zone: ZoneName,
    /// How it recurs, as RFC 5545 says it: FREQ=WEEKLY;BYDAY=FR
    #[arg(long, value_name = "RULE")]
    pub rrule: Option<Recurrence>,
    /// Beginning that is left out; may be given several times
    #[arg(long, value_name = "TIME", value_parser = local, requires = "rrule")]
    pub except: Vec<LocalTime>,
    /// Why
    #[arg(long, short, value_name = "TEXT")]
    pub reason: String,
    /// How the calendar is written.
    #[command(flatten)]
    pub write: WriteArguments,
}

/// Add the events of an iCalendar file to the calendar
#[derive(Debug, Args)]
#[command(
    before_help = "Example: bulla freeze import holidays.ics --env prod --zone Europe/Berlin --exempt hotfix --key release.key",
    after_help = "Events that are over are left out. If there is one that no window can say, nothing is signed, unless --skip-unusable is given."
)]
pub struct Import {
    /// The file, as other calendars export it
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Which steps.
    #[command(flatten)]
    pub steps: StepArguments,
    /// Time zone of whole days and of times without one, instead of the file's: Europe/Berlin
    #[arg(long, value_name = "ZONE")]
    pub zone: Option<ZoneName>,
    /// What a time zone of the file is: 'W. Europe Standard Time=Europe/Berlin'; may be given several
    /// times
    #[arg(long, value_name = "NAME=ZONE", value_parser = zone_for)]
    pub zone_for: Vec<(String, ZoneName)>,
    /// Add the others where there are events that cannot be added
    #[arg(long)]
    pub skip_unusable: bool,
    /// How the calendar is written.
    #[command(flatten)]
    pub write: WriteArguments,
}

/// Which steps a window is about.
#[derive(Debug, Args)]
pub struct StepArguments {
    /// Environment whose steps are held up; may be given several times
    #[arg(long = "env", value_name = "NAME", required = true)]
    pub environments: Vec<String>,
    /// Service whose steps are; without it all. May be given several times
    #[arg(long = "service", value_name = "NAME")]
    pub services: Vec<Service>,
    /// Let steps through in it and hold them up outside of it and of all others like it
    #[arg(long)]
    pub open: bool,
    /// Kind of step that goes ahead all the same; may be given several times
    #[arg(long, value_name = "KIND", hide_possible_values = true)]
    pub exempt: Vec<Kind>,
    /// With how many approvals more than it asks for a step goes ahead
    #[arg(long, value_name = "COUNT")]
    pub extra_approvals: Option<u32>,
}

/// Take windows out of the calendar
#[derive(Debug, Args)]
#[command(before_help = "Example: bulla freeze remove 2 --key release.key")]
pub struct Remove {
    /// Window, by its number in `bulla freeze list`
    #[arg(value_name = "NUMBER", required = true)]
    pub windows: Vec<usize>,
    /// How the calendar is written.
    #[command(flatten)]
    pub write: WriteArguments,
}

/// Replace the whole calendar with the windows of a file
#[derive(Debug, Args)]
#[command(
    before_help = "Example: bulla freeze set calendar.yaml --key release.key",
    after_help = "The file is `windows: […]` with the fields of the statement, in YAML or JSON, as `bulla freeze list --output json` writes them."
)]
pub struct Set {
    /// The file
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// How the calendar is written.
    #[command(flatten)]
    pub write: WriteArguments,
}

/// Say the same calendar anew, before its time is over
#[derive(Debug, Args)]
#[command(before_help = "Example: bulla freeze renew --key release.key")]
pub struct Renew {
    /// How the calendar is written.
    #[command(flatten)]
    pub write: WriteArguments,
}

/// Show the windows, and which of them hold something up now
#[derive(Debug, Args)]
#[command(
    visible_alias = "show",
    before_help = "Example: bulla freeze list --ledger registry.example.com/pay/ledger"
)]
pub struct List {
    /// Say it as of this time, RFC 3339, instead of now
    #[arg(long, value_name = "TIME")]
    pub at: Option<Timestamp>,
    /// The ledger it belongs to, where the policy has environments of several
    #[arg(long, value_name = "SCOPE")]
    pub scope: Option<Scope>,
    /// What the decision rests on.
    #[command(flatten)]
    pub decide: DecideArguments,
}

/// Ask whether a step would be held up at a time
#[derive(Debug, Args)]
#[command(
    before_help = "Example: bulla freeze check --env prod --at 2026-12-24T12:00:00+01:00",
    after_help = "Ends with 0 if not, with 4 if it would, with 14 if the time of the calendar is over, and with 3 if it does not reach that far, or if it is open which one is in force. Asks the calendar as it is now."
)]
pub struct Check {
    /// Environment the step leads into
    #[arg(long = "env", value_name = "NAME")]
    pub environment: String,
    /// When, RFC 3339, instead of now
    #[arg(long, value_name = "TIME")]
    pub at: Option<Timestamp>,
    /// Whose step; without it windows of any service count
    #[arg(long, value_name = "NAME")]
    pub service: Option<Service>,
    /// Kind of step
    #[arg(
        long,
        value_name = "KIND",
        default_value = "promote",
        hide_possible_values = true
    )]
    pub kind: Kind,
    /// What the decision rests on.
    #[command(flatten)]
    pub decide: DecideArguments,
}

/// How a calendar is written.
#[derive(Debug, Args)]
#[command(next_help_heading = "The calendar")]
pub struct WriteArguments {
    /// How long the calendar may be used, for example 366d
    #[arg(long, value_name = "TIME", default_value = "366d")]
    pub valid_for: String,
    /// Payload digest of the calendar to go on from, where it is open which of them is genuine
    #[arg(long, value_name = "DIGEST")]
    pub over: Option<Digest>,
    /// The ledger it belongs to, where the policy has environments of several
    #[arg(long, value_name = "SCOPE")]
    pub scope: Option<Scope>,
    /// How long the checkpoint may be used that is written with it, for example 48h
    #[arg(long, value_name = "TIME", default_value = "48h")]
    pub checkpoint_valid_for: String,
    /// Write no checkpoint, also if the signer is the ledger's owner
    #[arg(long, conflicts_with_all = ["after", "first"])]
    pub no_checkpoint: bool,
    /// What its checkpoint follows.
    #[command(flatten)]
    pub memory: MemoryArguments,
    /// Who signs.
    #[command(flatten)]
    pub signing: SigningArguments,
    /// What the decision rests on.
    #[command(flatten)]
    pub decide: DecideArguments,
}

fn zone_for(text: &str) -> Result<(String, ZoneName), String> {
    let (name, zone) = text.rsplit_once('=').ok_or("expected NAME=ZONE")?;
    let zone = zone.parse().map_err(|error| format!("{error}"))?;
    Ok((name.to_owned(), zone))
}

/// A local time; seconds, and the time of day, may be left out.
fn local(text: &str) -> Result<LocalTime, String> {
    let whole = match text.len() {
        10 => format!("{text}T00:00:00"),
        16 => format!("{text}:00"),
        _ => text.to_owned(),
    };
    whole.parse().map_err(|_| {
        format!("expected a time without an offset, as 2026-12-18T18:00, not `{text}`")
    })
}
