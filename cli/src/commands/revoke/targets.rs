//! What a command line takes back.

use std::collections::BTreeMap;
use std::path::Path;

use bulla_model::predicate::revocation::{Range, RevokedSigner, Target};
use bulla_model::{Digest, Edge, Environment, Limits, Place};
use bulla_verify::PublicKey;

use super::OpenImage;
use crate::Failure;
use crate::args::revoke::{Arguments, TargetArguments};
use crate::join::rules::Rules;
use crate::join::{file, lists};

/// The targets, in the order of the flags.
pub(super) async fn of(
    arguments: &Arguments,
    rules: &Rules,
    image: Option<&OpenImage>,
    limits: &Limits,
) -> Result<Vec<Target>, Failure> {
    let what = &arguments.targets;
    let range = Range {
        not_before: what.from,
        not_after: what.until,
    };
    if range != Range::default() && what.signer.is_none() && what.builder.is_none() {
        return Err(Failure::usage(
            "--from and --until are about --signer or --builder",
        ));
    }
    let mut targets = Vec::new();
    let lifts = arguments.lift.iter().cloned();
    targets.extend(lifts.map(|payload| Target::Lift { payload }));
    match (image, &what.edge) {
        (image, Some(edge)) => {
            let mut held = match image {
                Some(image) => lists::covered(image).await?,
                None => Vec::new(),
            };
            held.sort();
            held.dedup();
            targets.push(step(what, edge, rules, held)?);
        }
        (Some(image), None) => {
            let digests = lists::covered(image).await?;
            targets.extend(digests.into_iter().map(|digest| Target::Subject { digest }));
        }
        (None, None) => {}
    }
    let payloads = what.attestation.iter().cloned();
    targets.extend(payloads.map(|payload| Target::Attestation { payload }));
    if let Some(id) = &what.signer {
        let signer = signer(id, what.signer_issuer.as_deref(), limits)?;
        targets.push(Target::Signer { signer, range });
    }
    if let Some(id) = &what.builder {
        targets.push(Target::Builder {
            id: id.clone(),
            version: versions(&what.builder_version)?,
            range,
        });
    }
    let components = what.component.iter().cloned();
    targets.extend(components.map(|purl| Target::Component { purl }));
    if targets.is_empty() {
        return Err(Failure::usage("nothing was named to take back").with_hint(
            "name an image, or pass --attestation, --signer, --builder, --component, --edge or --lift",
        ));
    }
    Ok(targets)
}

fn signer(id: &str, issuer: Option<&str>, limits: &Limits) -> Result<RevokedSigner, Failure> {
    if let Some(issuer) = issuer {
        return Ok(RevokedSigner::Certificate {
            issuer: issuer.to_owned(),
            subject: id.to_owned(),
        });
    }
    if id.starts_with("sha256:") {
        let key_id = id.parse();
        let key_id = key_id.map_err(|error| Failure::usage(format_args!("--signer: {error}")))?;
        return Ok(RevokedSigner::Key { key_id });
    }
    let bytes = file::read(Path::new(id), limits.configuration_bytes)?;
    let pem = String::from_utf8_lossy(&bytes);
    let key = PublicKey::from_pem(&pem).map_err(|error| {
        Failure::usage(format_args!("--signer {}: {error}", id.escape_debug())).with_hint(
            "name a key by its digest or its public key's file; the subject of certificates needs \
             --signer-issuer too",
        )
    })?;
    let key_id = key.id().clone();
    Ok(RevokedSigner::Key { key_id })
}

fn versions(parts: &[String]) -> Result<BTreeMap<String, String>, Failure> {
    let split = |part: &String| {
        let (name, version) = part.split_once('=').ok_or_else(|| {
            Failure::usage(format_args!(
                "`{}` is no part of a builder: expected NAME=VERSION",
                part.escape_debug()
            ))
        })?;
        Ok((name.to_owned(), version.to_owned()))
    };
    parts.iter().map(split).collect()
}

fn step(
    what: &TargetArguments,
    edge: &str,
    rules: &Rules,
    subjects: Vec<Digest>,
) -> Result<Target, Failure> {
    let (from, to) = edge.split_once("..").ok_or_else(|| {
        Failure::usage(format_args!(
            "`{}` is no step: expected FROM..TO",
            edge.escape_debug()
        ))
    })?;
    let from = match from {
        "" | "build" => None,
        name => Some(environment(rules, name)?),
    };
    Ok(Target::Edge {
        edge: Edge {
            kind: what.kind,
            from,
            to: Place {
                uri: environment(rules, to)?,
                audience: Vec::new(),
            },
        },
        service: what.service.clone(),
        subjects,
    })
}

fn environment(rules: &Rules, name: &str) -> Result<Environment, Failure> {
    let found = rules.policy.environment(name);
    let found = found.map(|(_, rule)| rule.uri.clone());
    found.ok_or_else(|| {
        let known: Vec<_> = rules.policy.environments().map(|(name, _)| name).collect();
        Failure::usage(format_args!(
            "the policy has no environment `{}`: expected one of {}",
            name.escape_debug(),
            known.join(", ")
        ))
    })
}
