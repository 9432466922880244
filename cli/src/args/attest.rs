//! `bulla attest`.

use std::path::PathBuf;

use bulla_attest::claim;
use clap::{ArgGroup, Args, ValueEnum};

use super::sign::PublishArguments;
use super::signing::{RootArguments, SigningArguments};

/// Sign claims about images or files: their SBOM, how they were built, how they were tested
#[derive(Debug, Args)]
#[command(
    alias = "attest-blob",
    before_help = "Example: bulla attest --sbom sbom.cdx.json --provenance --test-results junit.xml --key bulla.key registry.example.com/pay/api@sha256:3f1c…",
    group = ArgGroup::new("claims").required(true).multiple(true)
)]
pub struct Arguments {
    /// What the claims are about: HOST/REPO@DIGEST, oci:DIR:TAG, files, patterns of files in quotes
    #[arg(required_unless_present = "from_buildx", value_name = "TARGET")]
    pub targets: Vec<String>,
    /// CycloneDX or SPDX document
    #[arg(long, value_name = "FILE", group = "claims")]
    pub sbom: Vec<PathBuf>,
    /// Store the SBOM in the registry and sign its digest, for documents too large to sign whole
    #[arg(long, requires = "sbom")]
    pub by_reference: bool,
    /// SLSA provenance: from the CI system, or from a file `bulla run` wrote
    #[arg(long, value_name = "FILE", num_args = 0..=1, require_equals = true, group = "claims")]
    pub provenance: Option<Option<PathBuf>>,
    /// JUnit XML reports; several are one result
    #[arg(long, value_name = "FILE", group = "claims")]
    pub test_results: Vec<PathBuf>,
    /// JSON report of a vulnerability scanner: Trivy, Grype or OSV-Scanner
    #[arg(long, value_name = "FILE", group = "claims")]
    pub vulns: Vec<PathBuf>,
    /// Scanner whose report it is, where that is not recognised: trivy, grype or osv
    #[arg(
        long,
        value_name = "SCANNER",
        requires = "vulns",
        hide_possible_values = true
    )]
    pub scan_format: Option<ScanFormat>,
    /// When the scan ended, where the report does not say, for example 2026-11-21T22:31:07Z
    #[arg(long, value_name = "INSTANT", requires = "vulns")]
    pub scanned_at: Option<jiff::Timestamp>,
    /// OpenVEX document: which vulnerabilities concern the targets, and which do not
    #[arg(long, value_name = "FILE", group = "claims")]
    pub vex: Vec<PathBuf>,
    /// Predicate as JSON, of the type in --type
    #[arg(long, value_name = "FILE", group = "claims", requires = "kind")]
    pub predicate: Option<PathBuf>,
    /// Type of the predicate: a URI, or a short name such as slsaprovenance1, vuln, openvex
    #[arg(long = "type", value_name = "TYPE", requires = "predicate")]
    pub kind: Option<String>,
    /// The key.
    #[command(flatten)]
    pub signing: SigningArguments,
    /// What the new signature is checked with.
    #[command(flatten)]
    pub roots: RootArguments,
    /// Where and how.
    #[command(flatten)]
    pub publish: PublishArguments,
}

/// Scanners whose reports are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ScanFormat {
    /// Trivy.
    Trivy,
    /// Grype.
    Grype,
    /// OSV-Scanner.
    Osv,
}

impl From<ScanFormat> for claim::ScanFormat {
    fn from(format: ScanFormat) -> Self {
        match format {
            ScanFormat::Trivy => Self::Trivy,
            ScanFormat::Grype => Self::Grype,
            ScanFormat::Osv => Self::Osv,
        }
    }
}
