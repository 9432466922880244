//! Which form a provenance file has.

use std::path::Path;

use bulla_model::{attestation_list, json};
use bulla_verify::Attestation;
use bulla_verify::slsa::{NpmExpectation, Provenance, RegistryKey};
use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::Failure;
use crate::args::slsa::Verify;
use crate::commands::Context;
use crate::failure::FailureKind;
use crate::join::{documents, file};

/// Members by which the forms are told apart.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Members {
    #[serde(default)]
    attestations: Option<Vec<TypedAttestation>>,
    #[serde(default, rename = "provenance_summary")]
    provenance_summary: Option<IgnoredAny>,
    #[serde(default)]
    payload: Option<IgnoredAny>,
    #[serde(default)]
    signatures: Vec<Signature>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct TypedAttestation {
    #[serde(default)]
    predicate_type: Option<String>,
}

#[derive(Deserialize)]
struct Signature {
    #[serde(default)]
    cert: Option<IgnoredAny>,
}

/// Reads a provenance file in the form it has. A package of npm's registry has one form only: in
/// any other the registry's own word, the publish attestation, would be missing.
pub(super) fn read(
    path: &Path,
    arguments: &Verify,
    is_package: bool,
    context: &Context,
) -> Result<Provenance, Failure> {
    let limits = &context.limits;
    let bytes = file::read(path, limits.bundle_bytes)?;
    let members = json::read::<Members>(&bytes, limits.bundle_bytes, limits.json_depth).ok();
    if is_package {
        let listed = members.is_some_and(|members| members.attestations.is_some());
        return if listed {
            npm(bytes, arguments, context)
        } else {
            Err(Failure::usage(format_args!(
                "{} is not what npm's registry says of a package",
                path.display()
            ))
            .with_hint(
                "pass the package's attestations, or leave out --registry-keys, --package-name and --package-version",
            ))
        };
    }
    if let Some(members) = &members {
        if members.provenance_summary.is_some() {
            return Ok(Provenance::CloudBuild(bytes));
        }
        let typed = |one: &TypedAttestation| one.predicate_type.is_some();
        if members
            .attestations
            .as_ref()
            .is_some_and(|list| list.iter().any(typed))
        {
            return npm(bytes, arguments, context);
        }
        if members.payload.is_some() && members.signatures.iter().any(|one| one.cert.is_some()) {
            // The log's entry proves when the certificate was used, and only the log has it.
            return Err(Failure::new(
                FailureKind::Unavailable,
                format_args!("{} has a certificate but no log entry", path.display()),
            )
            .with_detail("it was made before provenance came as Sigstore bundles; whether it was signed while the certificate was valid can only be found out at the log")
            .with_hint("use the provenance of a newer release, or a bundle made of it and its log entry"));
        }
    }
    let mut attestations = Vec::new();
    for document in documents::read(&[path.to_owned()], limits)? {
        let listed = attestation_list::bundles(&document.bytes, limits).map_err(|error| {
            let text = format_args!("{}: {error}", path.display());
            Failure::new(FailureKind::Input, text)
        })?;
        attestations.extend(listed.unwrap_or_else(|| vec![document.bytes]));
    }
    if attestations.len() > limits.referrers_per_digest {
        let limit = limits.referrers_per_digest;
        let text = format_args!("more than {limit} attestations in {}", path.display());
        return Err(Failure::new(FailureKind::Unavailable, text));
    }
    let bundles = attestations
        .into_iter()
        .map(|bytes| Attestation::bundle(bytes, None));
    Ok(Provenance::Attestations(bundles.collect()))
}

fn npm(document: Vec<u8>, arguments: &Verify, context: &Context) -> Result<Provenance, Failure> {
    let path = arguments.registry_keys.as_deref().ok_or_else(|| {
        Failure::usage("npm's attestations are checked with the keys of its registry").with_hint(
            "pass --registry-keys FILE: keys.json among the targets of Sigstore's TUF repository",
        )
    })?;
    let bytes = file::read(path, context.limits.configuration_bytes)?;
    let keys = RegistryKey::read(&bytes, &context.limits).map_err(|error| {
        Failure::new(
            FailureKind::Configuration,
            format_args!("{}: {error}", path.display()),
        )
    })?;
    Ok(Provenance::Npm {
        document,
        expected: NpmExpectation {
            name: arguments.package_name.clone(),
            version: arguments.package_version.clone(),
            keys,
        },
    })
}
