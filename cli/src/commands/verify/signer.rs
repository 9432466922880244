//! Who must have signed: keys, or an identity in a certificate with what else it claims.

use std::collections::{BTreeMap, BTreeSet};

use bulla_verify::{ExpectedSigner, Pattern, PublicKey};

use crate::Failure;
use crate::args::verify::{Arguments, WorkflowArguments};
use crate::commands::Context;
use crate::failure::FailureKind;
use crate::join::key;

/// Reads keys, or identity and issuer; saying nothing is an error.
pub(super) async fn expected(
    arguments: &Arguments,
    context: &Context,
) -> Result<(Vec<PublicKey>, ExpectedSigner), Failure> {
    if !arguments.key.is_empty() {
        return keys(arguments, context).await;
    }
    let subject = pattern(
        arguments.certificate_identity.as_deref(),
        arguments.certificate_identity_regexp.as_deref(),
        "--certificate-identity-regexp",
    )?;
    let issuer = pattern(
        arguments.certificate_oidc_issuer.as_deref(),
        arguments.certificate_oidc_issuer_regexp.as_deref(),
        "--certificate-oidc-issuer-regexp",
    )?;
    let (issuer, subject) = match (issuer, subject) {
        (Some(issuer), Some(subject)) => (issuer, subject),
        (None, None) => return Err(Failure::usage("say what makes an image good").with_hint(
            "pass --env NAME with a policy, --key FILE, or --certificate-identity with --certificate-oidc-issuer",
        )),
        (Some(_), None) => {
            return Err(Failure::usage("an issuer says nothing without an identity")
                .with_hint("pass --certificate-identity too"));
        }
        (None, Some(_)) => {
            return Err(Failure::usage("an identity says nothing without its issuer")
                .with_hint("pass --certificate-oidc-issuer too"));
        }
    };
    let regexp = &arguments.certificate_identity_regexp;
    if regexp.is_some() || arguments.certificate_oidc_issuer_regexp.is_some() {
        context
            .printer
            .say("note: regular expressions must match the whole text here");
        let both = [regexp, &arguments.certificate_oidc_issuer_regexp];
        for open in both.into_iter().flatten() {
            // What cosign takes for "begins so".
            if open.starts_with('^') && !open.ends_with('$') && !open.ends_with('*') {
                let text = format!("note: `{open}` matches nothing longer: append .*");
                context.printer.say(&text);
            }
        }
    }
    let claims = claims(&arguments.workflow);
    let signer = if claims.is_empty() {
        ExpectedSigner::Certificate { issuer, subject }
    } else {
        ExpectedSigner::Workload {
            issuer,
            subject,
            claims,
        }
    };
    Ok((Vec::new(), signer))
}

async fn keys(
    arguments: &Arguments,
    context: &Context,
) -> Result<(Vec<PublicKey>, ExpectedSigner), Failure> {
    let mut keys = Vec::new();
    for location in &arguments.key {
        let pem = key::verifying_pem(context, location).await?;
        let wrong = |reason: &dyn std::fmt::Display| {
            Failure::new(FailureKind::Input, format_args!("{location}: {reason}"))
        };
        let text = std::str::from_utf8(&pem).map_err(|_| wrong(&"it is no PEM file"))?;
        let key = PublicKey::from_pem(text).map_err(|error| {
            wrong(&error).with_hint(if text.contains("-----BEGIN CERTIFICATE-----") {
                "of a certificate: openssl x509 -pubkey -noout -in FILE, or --ca-roots with --certificate-identity"
            } else {
                "--key takes the public key here: bulla key public --key bulla.key"
            })
        })?;
        keys.push(key);
    }
    // One key named twice is one key (F28).
    let ids: BTreeSet<_> = keys.iter().map(|key| key.id().clone()).collect();
    let threshold = arguments.threshold.map_or(1, std::num::NonZero::get);
    if threshold > ids.len() {
        return Err(Failure::usage(format_args!(
            "--threshold {threshold} can never be met: different keys named are {}",
            ids.len()
        )));
    }
    let signer = match keys.as_slice() {
        [only] => ExpectedSigner::Key(only.id().clone()),
        _ => ExpectedSigner::Keys {
            keys: ids.into_iter().collect(),
            threshold,
        },
    };
    Ok((keys, signer))
}

fn pattern(
    exact: Option<&str>,
    regexp: Option<&str>,
    flag: &str,
) -> Result<Option<Pattern>, Failure> {
    match (exact, regexp) {
        (Some(exact), _) => Ok(Some(Pattern::Exact(exact.to_owned()))),
        (None, Some(regexp)) => Pattern::regex(regexp)
            .map(Some)
            .map_err(|error| Failure::usage(format_args!("{flag}: {error}"))),
        (None, None) => Ok(None),
    }
}

/// cosign's flags as claims by the names reports have for them.
fn claims(workflow: &WorkflowArguments) -> BTreeMap<String, Pattern> {
    let repository = workflow
        .certificate_github_workflow_repository
        .as_ref()
        .map(|name| {
            if name.contains("://") {
                name.clone()
            } else {
                // The claim is a URI; cosign compares the older one, which was none.
                format!("https://github.com/{name}")
            }
        });
    let wanted = [
        (
            "buildTrigger",
            workflow.certificate_github_workflow_trigger.clone(),
        ),
        (
            "sourceDigest",
            workflow.certificate_github_workflow_sha.clone(),
        ),
        (
            "workflowName",
            workflow.certificate_github_workflow_name.clone(),
        ),
        ("sourceRepository", repository),
        (
            "sourceRef",
            workflow.certificate_github_workflow_ref.clone(),
        ),
    ];
    let claims = wanted.into_iter();
    claims
        .filter_map(|(name, value)| Some((name.to_owned(), Pattern::Exact(value?))))
        .collect()
}
