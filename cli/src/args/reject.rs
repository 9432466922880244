//! `bulla reject`.

use clap::Args;

use super::approve;
use super::decide::DecideArguments;
use super::kind::Kind;
use super::set::SetArguments;
use super::signing::SigningArguments;

/// Advise against an image's next step, with your own key
#[derive(Debug, Args)]
#[command(
    before_help = "Example: bulla reject registry.example.com/pay/api@sha256:3f1c… --to prod --reason \"the canary burns its error budget\" --key alice.key",
    after_help = "A rejection is advice: everybody who judges the step is warned, and nobody is stopped, because \
                  a registry could hide it. A veto is a revocation of the step, which the security owner signs:\n\n  \
                  bulla revoke IMAGE --edge FROM..TO --reason TEXT --key security.key"
)]
pub struct Arguments {
    /// What should not take the step.
    #[command(flatten)]
    pub targets: SetArguments,
    /// Environment it should not enter
    #[arg(long, value_name = "NAME")]
    pub to: String,
    /// Environment it comes from, where several steps lead into `--to`
    #[arg(long, value_name = "NAME")]
    pub from: Option<String>,
    /// Kind of step: promote, hotfix, break-glass, import, retire or rollback
    #[arg(
        long,
        value_name = "KIND",
        default_value = "promote",
        hide_possible_values = true
    )]
    pub kind: Kind,
    /// Why
    #[arg(long, short, visible_alias = "message", value_name = "TEXT")]
    pub reason: String,
    /// How long the rejection is heard, for example 12h
    #[arg(long, value_name = "TIME", default_value = "72h")]
    pub valid_for: String,
    /// Who signs.
    #[command(flatten)]
    pub signing: SigningArguments,
    /// What the decision rests on.
    #[command(flatten)]
    pub decide: DecideArguments,
}

impl From<Arguments> for approve::Arguments {
    fn from(arguments: Arguments) -> Self {
        Self {
            targets: arguments.targets,
            to: arguments.to,
            from: arguments.from,
            kind: arguments.kind,
            reject: true,
            review: None,
            message: Some(arguments.reason),
            valid_for: arguments.valid_for,
            signing: arguments.signing,
            decide: arguments.decide,
        }
    }
}
