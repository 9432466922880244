//! Types of statements, and which requirement of Bulla's asks for them.

use super::gaps::{Effect, Gaps};
use super::node::At;
use super::rules::ClaimKind;

/// The requirement for a type: by its URI, or the short name that cosign has for it.
pub(super) fn kind(text: &str, at: At, path: &str, gaps: &mut Gaps) -> Option<ClaimKind> {
    let kind = match text {
        "https://slsa.dev/provenance/v0.2"
        | "https://slsa.dev/provenance/v1"
        | "https://slsa.dev/provenance/v1.0"
        | "slsaprovenance"
        | "slsaprovenance02"
        | "slsaprovenance1" => ClaimKind::Provenance {
            builders: Vec::new(),
            build_types: Vec::new(),
        },
        "spdx" | "spdxjson" => ClaimKind::Sbom { format: "spdx" },
        "cyclonedx" => ClaimKind::Sbom {
            format: "cyclonedx",
        },
        "vuln" | "vulns" => vulnerabilities(at, path, gaps),
        "https://in-toto.io/attestation/test-result/v0.1" => ClaimKind::Tests,
        _ => match bill(text, at, path, gaps) {
            Some(kind) => kind,
            None if is_scan(text) => vulnerabilities(at, path, gaps),
            None => {
                let why = "no requirement asks for this type";
                gaps.add(at, path, Effect::Denied, why);
                return None;
            }
        },
    };
    if matches!(kind, ClaimKind::Provenance { .. }) {
        let why = "provenance of version 0.2 and of version 1 both count";
        gaps.add(at, path, Effect::Wider, why);
    }
    if kind == ClaimKind::Tests {
        let why = "the newest run must not have failed";
        gaps.add(at, path, Effect::Stricter, why);
    }
    Some(kind)
}

/// Types of bills of materials, with the version of the format or without.
fn bill(text: &str, at: At, path: &str, gaps: &mut Gaps) -> Option<ClaimKind> {
    let (format, rest) = match text.strip_prefix("https://cyclonedx.org/") {
        Some(rest) => (
            "cyclonedx",
            rest.strip_prefix("bom").or(rest.strip_prefix("schema"))?,
        ),
        None => ("spdx", text.strip_prefix("https://spdx.dev/Document")?),
    };
    if rest.starts_with("/v") {
        let why = "any version of the format counts";
        gaps.add(at, path, Effect::Wider, why);
    } else if !rest.is_empty() {
        return None;
    }
    Some(ClaimKind::Sbom { format })
}

fn is_scan(text: &str) -> bool {
    let text = text.strip_prefix("https://").unwrap_or(text);
    matches!(
        text,
        "cosign.sigstore.dev/attestation/vuln/v1"
            | "in-toto.io/attestation/vulns/v0.1"
            | "in-toto.io/attestation/vulns/v0.2"
    )
}

fn vulnerabilities(at: At, path: &str, gaps: &mut Gaps) -> ClaimKind {
    let why = "scans count in the form in-toto vulns v0.2 (bulla attest --vulns), and critical and high \
               findings are denied";
    gaps.add(at, path, Effect::Stricter, why);
    ClaimKind::Vulnerabilities { max_age: None }
}
