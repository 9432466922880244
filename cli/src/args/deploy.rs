//! `bulla deploy`.

use bulla_model::predicate::deployment::DeploymentEvent;
use clap::{Args, Subcommand, ValueEnum};

use super::decide::DecideArguments;
use super::signing::SigningArguments;

/// Seal what happened to an image in an environment
#[derive(Debug, Args)]
#[command(
    before_help = "Example: bulla deploy record registry.example.com/pay/api@sha256:3f1c… --env staging --event succeeded --key deployer.key"
)]
pub struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub action: Action,
}

/// What to do with a deployment.
#[derive(Debug, Subcommand)]
#[expect(
    missing_docs,
    reason = "a text here would replace the help on the arguments"
)]
pub enum Action {
    Record(Box<Record>),
}

/// Sign what happened, and attach it to the image
#[derive(Debug, Args)]
#[command(
    before_help = "Example: bulla deploy record registry.example.com/pay/api@sha256:3f1c… --env staging --event succeeded --key deployer.key"
)]
pub struct Record {
    /// The image
    #[arg(value_name = "IMAGE")]
    pub target: String,
    /// Environment it was deployed to
    #[arg(long, value_name = "NAME")]
    pub env: String,
    /// What happened: started, succeeded, failed or rolled-back
    #[arg(long, value_name = "EVENT", hide_possible_values = true)]
    pub event: Event,
    /// Cluster it happened on, by the id of the environment's audience; may be given several times
    #[arg(long = "cluster", value_name = "ID")]
    pub clusters: Vec<String>,
    /// The workload as its platform names it, for example apps/v1/Deployment/pay/api
    #[arg(long, value_name = "NAME")]
    pub workload: Option<String>,
    /// What the events of one deployment have in common: id or URL of its run
    #[arg(long, value_name = "ID")]
    pub run: Option<String>,
    /// What ran there before: an image or a digest; may be given several times
    #[arg(long, value_name = "IMAGE")]
    pub replaces: Vec<String>,
    /// Why it failed or was rolled back
    #[arg(long, short, visible_alias = "reason", value_name = "TEXT")]
    pub message: Option<String>,
    /// Who signs.
    #[command(flatten)]
    pub signing: SigningArguments,
    /// What environments and services are.
    #[command(flatten)]
    pub decide: DecideArguments,
}

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Event {
    /// It began.
    Started,
    /// It runs.
    Succeeded,
    /// It did not come up.
    Failed,
    /// It was taken back.
    RolledBack,
}

impl From<Event> for DeploymentEvent {
    fn from(event: Event) -> Self {
        match event {
            Event::Started => Self::Started,
            Event::Succeeded => Self::Succeeded,
            Event::Failed => Self::Failed,
            Event::RolledBack => Self::RolledBack,
        }
    }
}
