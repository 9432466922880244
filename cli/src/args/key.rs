//! `bulla key`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

/// Make a key pair, or show the public half of a key
#[derive(Debug, Args)]
#[command(before_help = "Example: bulla key generate")]
pub struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub action: Action,
}

/// What to do with keys.
#[derive(Debug, Subcommand)]
#[expect(
    missing_docs,
    reason = "a text here would replace the help on the arguments"
)]
pub enum Action {
    Generate(Generate),
    Import(Import),
    Public(Public),
}

/// Make a new key pair: NAME.key, encrypted and readable by you only, and NAME.pub
#[derive(Debug, Args)]
#[command(before_help = "Example: bulla key generate --out keys/release")]
pub struct Generate {
    /// Path and name without an ending
    #[arg(
        long,
        short,
        value_name = "NAME",
        default_value = "bulla",
        visible_alias = "output-key-prefix"
    )]
    pub out: PathBuf,
    /// Kind of key
    #[arg(long = "type", value_name = "TYPE", value_enum, default_value_t)]
    pub kind: KeyType,
    /// Write the key unencrypted, for a secret store that encrypts it, or for trying things out
    #[arg(long, conflicts_with = "password_stdin")]
    pub no_password: bool,
    /// Where the new key's password comes from.
    #[command(flatten)]
    pub password: PasswordArguments,
}

/// Encrypt a private key made by another tool: NAME.key and NAME.pub
#[derive(Debug, Args)]
#[command(
    before_help = "Example: openssl genpkey -algorithm ed25519 | bulla key import --key - --out release"
)]
pub struct Import {
    /// PEM file of a private key, PKCS#8 or SEC 1; `-` is standard input
    #[arg(long, short, value_name = "FILE")]
    pub key: PathBuf,
    /// Path and name without an ending
    #[arg(long, short, value_name = "NAME", default_value = "bulla")]
    pub out: PathBuf,
}

/// Write the public half of a private key
#[derive(Debug, Args)]
#[command(before_help = "Example: bulla key public --key bulla.key > bulla.pub")]
pub struct Public {
    /// Which key.
    #[command(flatten)]
    pub key: KeyArguments,
    /// File to write instead of standard output
    #[arg(long, short, value_name = "FILE", visible_alias = "outfile")]
    pub out: Option<PathBuf>,
}

/// The key to sign with.
#[derive(Debug, Args)]
pub struct KeyArguments {
    /// Private key to sign with: a PEM file, or env://NAME
    #[arg(long, short, value_name = "KEY")]
    pub key: Option<String>,
    /// Where its password comes from.
    #[command(flatten)]
    pub password: PasswordArguments,
}

/// Where a password comes from.
#[derive(Debug, Args)]
pub struct PasswordArguments {
    /// Read the key's password from standard input
    #[arg(long)]
    pub password_stdin: bool,
}

/// Kind of key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum KeyType {
    /// ECDSA on P-256, which every tool reads
    #[default]
    EcdsaP256,
    /// Ed25519
    Ed25519,
}
