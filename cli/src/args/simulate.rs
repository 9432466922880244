//! `bulla simulate`.

use clap::Args;
use jiff::Timestamp;

use super::decide::TrialArguments;
use super::kind::Kind;

/// Say what the answer would be at another time, if nothing more is signed until then
#[derive(Debug, Args)]
#[command(
    before_help = "Example: bulla simulate registry.example.com/pay/api@sha256:3f1c… --to prod --until 2026-12-01T00:00:00Z",
    after_help = "Soak ends, evidence ages, approvals and keys run out: the rules are those of now, and so is what \
                  was signed. A checkpoint grows old too, where nobody renews it.\n\n\
                  Ends with the code of the answer; of several times, with that of all of them together as \
                  `verify` does for several images; with --until, with that of the first."
)]
pub struct Arguments {
    /// Image, or the evidence pack of one
    #[arg(value_name = "IMAGE|PACK")]
    pub target: String,
    /// Environment it is to be in
    #[arg(
        long,
        value_name = "NAME",
        required_unless_present = "to",
        conflicts_with = "to"
    )]
    pub env: Option<String>,
    /// Environment it is to enter
    #[arg(long, value_name = "NAME")]
    pub to: Option<String>,
    /// Environment it comes from, where several steps lead into `--to`
    #[arg(long, value_name = "NAME", requires = "to", conflicts_with = "env")]
    pub from: Option<String>,
    /// Kind of step: promote, hotfix, break-glass, import, retire or rollback
    #[arg(
        long,
        value_name = "KIND",
        default_value = "promote",
        hide_possible_values = true,
        requires = "to",
        conflicts_with = "env"
    )]
    pub kind: Kind,
    /// Time, RFC 3339; now if none is given; may be given several times
    #[arg(long, value_name = "TIME")]
    pub at: Vec<Timestamp>,
    /// Say when the answer changes, from --at or now until this time
    #[arg(long, value_name = "TIME")]
    pub until: Option<Timestamp>,
    /// What the decision rests on.
    #[command(flatten)]
    pub trial: TrialArguments,
}
