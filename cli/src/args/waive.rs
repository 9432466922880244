//! `bulla waive`.

use clap::{ArgGroup, Args};

use super::decide::DecideArguments;
use super::kind::Kind;
use super::signing::SigningArguments;

/// Answer for vulnerabilities of an image being overlooked for a while, with your own key
#[derive(Debug, Args)]
#[command(
    before_help = "Example: bulla waive registry.example.com/pay/api@sha256:3f1c… --env prod --finding CVE-2026-1234 --for 30d --reason \"never given outside input\" --key alice.key",
    group = ArgGroup::new("end").required(true)
)]
pub struct Arguments {
    /// The image
    #[arg(value_name = "IMAGE")]
    pub target: String,
    /// Id of what is to be overlooked, as the gate reports it; may be given several times
    #[arg(long = "finding", value_name = "ID", required = true)]
    pub findings: Vec<String>,
    /// Environment whose gate is to overlook it; may be given several times
    #[arg(long = "env", value_name = "NAME", required = true)]
    pub environments: Vec<String>,
    /// How long the waiver may be used, for example 30d
    #[arg(long = "for", value_name = "TIME", group = "end")]
    pub length: Option<String>,
    /// When it can no longer be used, for example 2026-12-24T00:00:00Z
    #[arg(long, value_name = "INSTANT", group = "end")]
    pub until: Option<jiff::Timestamp>,
    /// Why it may be overlooked
    #[arg(long, value_name = "TEXT")]
    pub reason: String,
    /// Ticket under which it is worked on; may be given several times
    #[arg(long = "ticket", value_name = "ID")]
    pub tickets: Vec<String>,
    /// Environment the image comes from, where several steps lead into `--env`
    #[arg(long, value_name = "NAME")]
    pub from: Option<String>,
    /// Kind of step whose gate is shown: promote, hotfix, break-glass, import, retire or rollback
    #[arg(
        long,
        value_name = "KIND",
        default_value = "promote",
        hide_possible_values = true
    )]
    pub kind: Kind,
    /// Who signs.
    #[command(flatten)]
    pub signing: SigningArguments,
    /// What the decision rests on.
    #[command(flatten)]
    pub decide: DecideArguments,
}
