//! `bulla chain`.

use bulla_model::Digest;
use clap::{Args, ValueEnum};
use jiff::Timestamp;

use super::decide::DecideArguments;

/// Show how an image came where it is: each promotion that holds, and where it may not be
#[derive(Debug, Args)]
#[command(before_help = "Example: bulla chain registry.example.com/pay/api@sha256:3f1c…")]
pub struct Arguments {
    /// Image: HOST/REPO@DIGEST, HOST/REPO:TAG or oci:DIR:TAG
    #[arg(value_name = "IMAGE")]
    pub target: String,
    /// How it is drawn for people
    #[arg(long, value_enum, value_name = "FORM", default_value_t = Form::Tree)]
    pub form: Form,
    /// Digest of an index in the same place that lists the image
    #[arg(long, value_name = "DIGEST")]
    pub index: Option<Digest>,
    /// Judge as of this time, RFC 3339, instead of now
    #[arg(long, value_name = "TIME")]
    pub at: Option<Timestamp>,
    /// What the decision rests on.
    #[command(flatten)]
    pub decide: DecideArguments,
}

/// How a chain is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Form {
    /// A tree, the build at its root
    Tree,
    /// One line for each promotion
    Table,
    /// A flowchart for Markdown
    Mermaid,
}
