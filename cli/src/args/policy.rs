//! `bulla policy`.

use std::path::PathBuf;

use bulla_model::{Person, Service, Tier};
use clap::{Args, Subcommand, ValueEnum};
use jiff::Timestamp;

use super::decide::{DecideArguments, TrialArguments};
use super::signing::SigningArguments;

/// Begin a policy, check, explain and test it, compare it with another, lay it out, add a service, sign it, or import one
#[derive(Debug, Args)]
#[command(before_help = "Example: bulla policy check --policy policy/")]
pub struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub action: Action,
}

/// What to do with a policy.
#[derive(Debug, Subcommand)]
#[expect(
    missing_docs,
    reason = "a text here would replace the help on the arguments"
)]
pub enum Action {
    Init(Init),
    Check(Check),
    Explain(Explain),
    Test(Test),
    Diff(Diff),
    Fmt(Fmt),
    AddService(AddService),
    Sign(Box<Sign>),
    Import(Import),
}

/// Write a policy to start from, without anchor and pipeline; nothing is ever overwritten
#[derive(Debug, Args)]
#[command(
    before_help = "Example: bulla policy init --org acme --source https://github.com/acme/pay --owner-key alice.pub",
    after_help = "`bulla init` writes an anchor and a pipeline with it."
)]
pub struct Init {
    /// Folder to write into; the policy's own is `policy` in it
    #[arg(value_name = "DIR", default_value = ".")]
    pub directory: PathBuf,
    /// What the files are about.
    #[command(flatten)]
    pub about: super::init::About,
}

/// Read the files of a policy and say what is wrong, with line and column
#[derive(Debug, Args)]
#[command(before_help = "Example: bulla policy check --policy policy/")]
pub struct Check {
    /// The policy and what goes with it.
    #[command(flatten)]
    pub decide: DecideArguments,
}

/// Say every rule in plain words, defaults included
#[derive(Debug, Args)]
#[command(before_help = "Example: bulla policy explain --policy policy/")]
pub struct Explain {
    /// The policy and what goes with it.
    #[command(flatten)]
    pub decide: DecideArguments,
}

/// Judge stored evidence by a policy and compare the answers with those expected
#[derive(Debug, Args)]
#[command(
    before_help = "Example: bulla policy test policy/tests --policy policy/",
    after_help = "A file of cases:\n\n  \
                  apiVersion: bulla.dev/policy-test/v0.1\n  \
                  cases:\n    \
                  - name: prod lets in what two approved\n      \
                  pack: evidence/pay-api.tar\n      \
                  env: prod\n      \
                  expect: {decision: allow, codes: [], warnings: [revocations-unproven]}\n\n\
                  Ends with 0 if every answer is the one expected, with 1 if one is another."
)]
pub struct Test {
    /// Files of cases, or folders of them; tests/ in the policy's folder if none is named
    #[arg(value_name = "FILE|FOLDER")]
    pub paths: Vec<PathBuf>,
    /// How results are written where no --output says otherwise
    #[arg(long, value_enum, value_name = "FORM", default_value_t = TestForm::Table)]
    pub form: TestForm,
    /// The policy and what goes with it.
    #[command(flatten)]
    pub trial: TrialArguments,
}

/// How the results of tests are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum TestForm {
    /// A table
    Table,
    /// JUnit XML, for CI systems
    Junit,
}

/// Say what one policy in the place of another changes: its rules, and answers about stored evidence
#[derive(Debug, Args)]
#[command(
    before_help = "Example: bulla policy diff policy/history/v16 policy/ --evidence evidence/pay-api.tar",
    after_help = "A change that can only refuse more is `tightened`, one that can only allow more `loosened`; what \
                  goes both ways, or cannot be told from the rules alone, is `changed`. Ends with 0 whatever \
                  the change is, with 3 if an answer could not be found out."
)]
pub struct Diff {
    /// The policy as it is
    #[arg(value_name = "OLD")]
    pub old: String,
    /// The policy as it is to be
    #[arg(value_name = "NEW")]
    pub new: String,
    /// Evidence pack, or image with --env, that both are asked about; may be given several times
    #[arg(long, value_name = "PACK|IMAGE")]
    pub evidence: Vec<String>,
    /// Environment to ask about, instead of the one that a pack was made for
    #[arg(long, value_name = "NAME", requires = "evidence")]
    pub env: Option<String>,
    /// Judge as of this time, RFC 3339, instead of a pack's own or now
    #[arg(long, value_name = "TIME", requires = "evidence")]
    pub at: Option<Timestamp>,
    /// How it is written where no --output says otherwise
    #[arg(long, value_enum, value_name = "FORM", default_value_t = DiffForm::Table)]
    pub form: DiffForm,
    /// Trust anchor: a local file; without it a pack's own
    #[arg(long, value_name = "FILE", help_heading = "Trust")]
    pub anchor: Option<String>,
    /// Sigstore trusted root; without it a pack's own; may be given several times
    #[arg(long, value_name = "FILE", help_heading = "Trust")]
    pub trusted_root: Vec<String>,
    /// Where revocations and checkpoints are kept: a repository, or oci:DIR
    #[arg(long, value_name = "PLACE", help_heading = "Trust")]
    pub ledger: Option<String>,
}

/// How a comparison is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum DiffForm {
    /// A table
    Table,
    /// Markdown, for a pull request
    Markdown,
}

/// Write the files of a policy in one layout: order of fields, indentation, quotes; comments stay
#[derive(Debug, Args)]
#[command(
    before_help = "Example: bulla policy fmt policy/",
    after_help = "What the policy says stays the same, or nothing is written. Earlier versions under history/ are left as \
                  they are. With - one file is read from standard input and written to standard output.\n\n\
                  Another layout is another digest: where the version is in use, raise `version`. With --check it ends \
                  with 1 if a file is not in the layout, and shows what would change."
)]
pub struct Fmt {
    /// Policy: its folder, or the base file in it; - for one file from standard input
    #[arg(value_name = "POLICY|-")]
    pub input: Option<String>,
    /// The same, in place of the argument
    #[arg(long, value_name = "PATH", conflicts_with = "input")]
    pub policy: Option<String>,
    /// Change nothing, and say what would be
    #[arg(long)]
    pub check: bool,
    /// Change files that are signed, too
    #[arg(long, conflicts_with = "check")]
    pub yes: bool,
}

/// Write the file of a new service, if the policy holds with it
#[derive(Debug, Args)]
#[command(
    before_help = "Example: bulla policy add-service pay-api --source https://github.com/acme/pay --image registry.example.com/pay/api --tier high --owner alice",
    after_help = "Nothing is overwritten, and nothing stays if the policy does not hold with the new file."
)]
pub struct AddService {
    /// The service's name
    #[arg(value_name = "NAME")]
    pub name: Service,
    /// Source repository it is built from, exact or a pattern; may be given several times
    #[arg(long = "source", value_name = "URL", required = true)]
    pub sources: Vec<String>,
    /// Image repository it is published in; may be given several times
    #[arg(long = "image", value_name = "HOST/REPO")]
    pub images: Vec<String>,
    /// Its tier; not needed where the policy has one
    #[arg(long, value_name = "NAME")]
    pub tier: Option<Tier>,
    /// Person who answers for it; may be given several times
    #[arg(long = "owner", value_name = "PERSON")]
    pub owners: Vec<Person>,
    /// Policy: its folder, or the base file in it
    #[arg(long, value_name = "PATH")]
    pub policy: Option<String>,
}

/// Sign the policy's files as one of its owners, beside those who signed already
#[derive(Debug, Args)]
#[command(
    before_help = "Example: bulla policy sign --policy policy/ --anchor anchor.yaml --key owner.key"
)]
pub struct Sign {
    /// The policy's URI, policy://ORG/APP-SCOPE/NAME, where its environments are of several: once for each
    #[arg(long, value_name = "URI")]
    pub scope: Option<bulla_model::Scope>,
    /// How long the version may be used, where nobody signed it before
    #[arg(long, value_name = "TIME", default_value = "365d")]
    pub valid_for: String,
    /// Begin with a new end, which the other owners sign after this one
    #[arg(long)]
    pub renew: bool,
    /// Who signs.
    #[command(flatten)]
    pub signing: SigningArguments,
    /// The policy and what goes with it.
    #[command(flatten)]
    pub decide: DecideArguments,
}

/// Write a policy from those of Kyverno and policy-controller and cosign's keys, and list what it cannot say
#[derive(Debug, Args)]
#[command(
    before_help = "Example: bulla policy import kyverno.yaml --org acme --env prod --source https://github.com/acme/pay",
    after_help = "It reads ClusterPolicy and Policy of Kyverno (verifyImages), ImageValidatingPolicy, ClusterImagePolicy of \
                  policy-controller, and PEM files of public keys. Nothing is weakened in silence: each field that could \
                  not be translated is listed with its place, and where leaving it out would let in more, a requirement \
                  that nobody can meet stands in the service's file until you decide.\n\n\
                  Those tools look at signatures of one digest. Here an image also needs provenance that names its source, \
                  and a promotion into the environment. Nothing is overwritten."
)]
pub struct Import {
    /// Policies or public keys; - for standard input
    #[arg(value_name = "FILE", required = true)]
    pub files: Vec<PathBuf>,
    /// Organisation in the environments' URIs
    #[arg(long, value_name = "NAME")]
    pub org: String,
    /// Environments in which the same is asked, in the order in which an image walks through them
    #[arg(
        long,
        value_name = "NAMES",
        value_delimiter = ',',
        default_value = "prod"
    )]
    pub env: Vec<String>,
    /// What the environments are of, in their URIs
    #[arg(long, value_name = "NAME", default_value = "apps")]
    pub scope: String,
    /// Name of the policy
    #[arg(long, value_name = "NAME", default_value = "release")]
    pub name: String,
    /// Repository that a service is built from; with several services SERVICE=URL; may be given several times
    #[arg(long = "source", value_name = "[SERVICE=]URL")]
    pub sources: Vec<String>,
    /// Folder to write the policy into
    #[arg(long, value_name = "DIR", default_value = "policy")]
    pub out: PathBuf,
}
