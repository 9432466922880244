//! `bulla key`.

use std::path::PathBuf;

use bulla_attest::{KeyAlgorithm, SignatureScheme};
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
    /// PEM file of a private key, PKCS#8, SEC 1 or PKCS#1; `-` is standard input
    #[arg(long, short, value_name = "FILE")]
    pub key: PathBuf,
    /// Path and name without an ending
    #[arg(
        long,
        short,
        value_name = "NAME",
        default_value = "bulla",
        visible_alias = "output-key-prefix"
    )]
    pub out: PathBuf,
}

/// Write the public half of a key, wherever it is
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
    /// Private key to sign with: a PEM file, or a reference such as env://NAME, awskms:///ID,
    /// hashivault://NAME, pkcs11:URI
    #[arg(long, short, value_name = "KEY")]
    pub key: Option<String>,
    /// Signature scheme, where the key knows several: rsa-pss-sha256, ed25519
    #[arg(long, value_name = "SCHEME", value_parser = scheme)]
    pub key_scheme: Option<SignatureScheme>,
    /// Where its password comes from.
    #[command(flatten)]
    pub password: PasswordArguments,
}

fn scheme(text: &str) -> Result<SignatureScheme, String> {
    let known = SignatureScheme::ALL;
    let found = known.into_iter().find(|scheme| scheme.name() == text);
    found.ok_or_else(|| {
        let names: Vec<_> = known.into_iter().map(SignatureScheme::name).collect();
        format!("expected one of {}", names.join(", "))
    })
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
    /// ECDSA on P-384
    EcdsaP384,
    /// ECDSA on P-521
    EcdsaP521,
    /// Ed25519
    Ed25519,
    /// ML-DSA-44, for readers that know FIPS 204
    #[value(name = "ml-dsa-44")]
    MlDsa44,
    /// ML-DSA-65, for readers that know FIPS 204
    #[value(name = "ml-dsa-65")]
    MlDsa65,
    /// ML-DSA-87, for readers that know FIPS 204
    #[value(name = "ml-dsa-87")]
    MlDsa87,
    /// RSA with 2048 bits
    #[value(name = "rsa-2048")]
    Rsa2048,
    /// RSA with 3072 bits
    #[value(name = "rsa-3072")]
    Rsa3072,
    /// RSA with 4096 bits
    #[value(name = "rsa-4096")]
    Rsa4096,
}

impl KeyType {
    /// The kind as the library names it.
    pub fn algorithm(self) -> KeyAlgorithm {
        match self {
            Self::EcdsaP256 => KeyAlgorithm::EcdsaP256,
            Self::EcdsaP384 => KeyAlgorithm::EcdsaP384,
            Self::EcdsaP521 => KeyAlgorithm::EcdsaP521,
            Self::Ed25519 => KeyAlgorithm::Ed25519,
            Self::MlDsa44 => KeyAlgorithm::MlDsa44,
            Self::MlDsa65 => KeyAlgorithm::MlDsa65,
            Self::MlDsa87 => KeyAlgorithm::MlDsa87,
            Self::Rsa2048 => KeyAlgorithm::Rsa2048,
            Self::Rsa3072 => KeyAlgorithm::Rsa3072,
            Self::Rsa4096 => KeyAlgorithm::Rsa4096,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_can_be_asked_for_by_its_name() {
        let names: Vec<_> = KeyType::value_variants()
            .iter()
            .map(|kind| {
                let value = kind.to_possible_value().unwrap();
                assert_eq!(value.get_name(), kind.algorithm().name());
                kind.algorithm()
            })
            .collect();
        assert_eq!(names, KeyAlgorithm::ALL);
    }
}
