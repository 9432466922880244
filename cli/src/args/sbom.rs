//! `bulla sbom`.

use std::path::PathBuf;

use bulla_verify::score::Score;
use clap::{Args, Subcommand, ValueEnum};

use super::sbom_format::SbomFormat;

/// List what an image, a folder or a file contains
#[derive(Debug, Args)]
#[command(
    before_help = "Example: bulla sbom registry.example.com/pay/api@sha256:3f1c… -o sbom.cdx.json",
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true,
    disable_help_subcommand = true
)]
pub struct Arguments {
    /// What else to do with bills of materials.
    #[command(subcommand)]
    pub action: Option<Action>,
    /// What to list: HOST/REPO:TAG, oci:DIR:TAG, docker-archive:FILE, dir:PATH, file:PATH
    #[arg(required = true)]
    pub target: Option<String>,
    /// File to write instead of standard output; of all platforms a folder
    #[arg(long, short, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Format of the document; without it a terminal shows a table, all else gets CycloneDX
    #[arg(long, value_name = "FORMAT", value_parser = SbomFormat::parser())]
    pub format: Option<SbomFormat>,
    /// Who makes the document; may be given several times
    #[arg(long, value_name = "NAME")]
    pub author: Vec<String>,
    /// Who supplies what the document is about
    #[arg(long, value_name = "NAME")]
    pub supplier: Option<String>,
    /// End with exit code 1 if files could not be read, after the document is written
    #[arg(long)]
    pub strict: bool,
    /// Image that it was built on, to tell its packages from those of the application
    #[arg(long, value_name = "IMAGE")]
    pub base: Option<String>,
    /// Platform to list of an image for several, for example linux/arm64, or all
    #[arg(long, value_name = "OS/ARCH")]
    pub platform: Option<String>,
}

/// What to do with bills of materials that are there.
#[derive(Debug, Subcommand)]
#[expect(
    missing_docs,
    reason = "a text here would replace the help on the arguments"
)]
pub enum Action {
    Convert(ConvertArguments),
    Diff(DiffArguments),
    Explain(ExplainArguments),
    List(ListArguments),
    Score(ScoreArguments),
    Validate(ValidateArguments),
}

/// Say how much a bill of materials tells, from 0 to 10, and what would raise that
#[derive(Debug, Args)]
#[command(before_help = "Example: bulla sbom score sbom.cdx.json --fail-below 7.5")]
pub struct ScoreArguments {
    /// CycloneDX or SPDX 2 in JSON; - is standard input
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// End with exit code 1 if the score is below this
    #[arg(long, value_name = "SCORE")]
    pub fail_below: Option<Score>,
}

/// Show the packages of a bill of materials, an image or a folder
#[derive(Debug, Args)]
#[command(before_help = "Example: bulla sbom list sbom.cdx.json --kind npm")]
pub struct ListArguments {
    /// CycloneDX or SPDX, or an image, folder or file to list; - is standard input
    #[arg(value_name = "FILE|TARGET")]
    pub what: String,
    /// Only packages of this kind, the type of their package URL; may be given several times
    #[arg(long, value_name = "KIND")]
    pub kind: Vec<String>,
    /// Platform to list of an image for several
    #[arg(long, value_name = "OS/ARCH")]
    pub platform: Option<String>,
}

/// Show what changed between two bills of materials, images or folders
#[derive(Debug, Args)]
#[command(
    before_help = "Example: bulla sbom diff registry.example.com/pay/api:1.8.1 registry.example.com/pay/api:1.8.2",
    after_help = "Packages are the same if their ecosystem and name are; several installed versions of one are told together."
)]
pub struct DiffArguments {
    /// The earlier one: CycloneDX or SPDX, or an image, folder or file to list
    #[arg(value_name = "FILE|TARGET")]
    pub from: String,
    /// The later one
    #[arg(value_name = "FILE|TARGET")]
    pub to: String,
    /// How it is written where no --output says otherwise
    #[arg(long, value_enum, value_name = "FORM", default_value_t = BillForm::Table)]
    pub form: BillForm,
    /// End with exit code 1 if there is such a change; may be given several times
    #[arg(long, value_enum, value_name = "CHANGE")]
    pub fail_on: Vec<ChangeKind>,
    /// Platform to list of images for several
    #[arg(long, value_name = "OS/ARCH")]
    pub platform: Option<String>,
}

/// Check documents by the official schemas of CycloneDX and SPDX, which are built in
#[derive(Debug, Args)]
#[command(
    before_help = "Example: bulla sbom validate sbom.cdx.json",
    after_help = "CycloneDX 1.2 to 1.7 in JSON and XML, SPDX 2.2 and 2.3 in JSON. XML is judged by the schema of JSON: both spellings say the same."
)]
pub struct ValidateArguments {
    /// Documents; - is standard input
    #[arg(value_name = "FILE", required = true)]
    pub files: Vec<PathBuf>,
}

/// Write a CycloneDX document in another spelling or version
#[derive(Debug, Args)]
#[command(
    before_help = "Example: bulla sbom convert sbom.cdx.xml --spec-version 1.6 -o sbom.cdx.json",
    after_help = "What an older version, or XML, has no place for is left out and told; with --strict the exit code is 1 then. Signatures inside documents do not hold any more."
)]
pub struct ConvertArguments {
    /// CycloneDX 1.2 to 1.7 in JSON or XML; - is standard input
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Spelling to write
    #[arg(long, value_enum, value_name = "SPELLING", default_value_t = Spelling::Json)]
    pub to: Spelling,
    /// Version to write, 1.2 to 1.7; that of the document if absent
    #[arg(long, value_name = "VERSION", value_parser = ["1.2", "1.3", "1.4", "1.5", "1.6", "1.7"])]
    pub spec_version: Option<String>,
    /// File to write instead of standard output
    #[arg(long, short, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// End with exit code 1 if something was left out, after the document is written
    #[arg(long)]
    pub strict: bool,
}

/// How a document of CycloneDX is spelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Spelling {
    /// JSON
    Json,
    /// XML
    Xml,
}

/// How a comparison is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum BillForm {
    /// A table
    Table,
    /// Markdown, for release notes
    Markdown,
}

/// A kind of change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ChangeKind {
    /// A package that was not there
    Added,
    /// A package that is gone
    Removed,
    /// Another version
    Version,
    /// Another licence
    License,
}

/// Say all that is known of a package: where it was found, and what needs it
#[derive(Debug, Args)]
#[command(before_help = "Example: bulla sbom explain sbom.cdx.json openssl")]
pub struct ExplainArguments {
    /// CycloneDX or SPDX, or an image, folder or file to list; - is standard input
    #[arg(value_name = "FILE|TARGET")]
    pub what: String,
    /// Its name, or its package URL with or without version
    #[arg(value_name = "PACKAGE")]
    pub package: String,
    /// Platform to list of an image for several
    #[arg(long, value_name = "OS/ARCH")]
    pub platform: Option<String>,
}
