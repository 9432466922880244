//! `bulla verify`: the seals of images, for an environment or by one signer.

use std::sync::Arc;

use bulla_model::Digest;
use bulla_verify::{
    Attestation, Evidence, ExpectedClaim, ExpectedSigner, Pattern, PublicKey, SignedQuestion,
    Trust, Verdict, verify_signed,
};
use jiff::Timestamp;
use serde::Serialize;

use crate::args::verify::Arguments;
use crate::commands::Context;
use crate::failure::FailureKind;
use crate::join::image;
use crate::join::rules::{self, Rules, Source};
use crate::join::{blocking, evidence, key, verdict};
use crate::render::{Page, Report, sources, verdict as render};
use crate::target::Target;
use crate::{Exit, Failure};

/// Verifies every image named and ends with the code of the answer.
pub async fn run(arguments: Arguments, context: &Context) -> Result<Exit, Failure> {
    let now = arguments.at.unwrap_or_else(Timestamp::now);
    let how = How::of(&arguments, context, now)?;
    let mut report = VerifyReport {
        verbose: context.global.verbose > 0,
        sources: how.sources(),
        verdicts: Vec::new(),
    };
    for target in &arguments.targets {
        let (name, evidence) = collect(&arguments, target, context).await?;
        let verdict = how.judge(context, &name, evidence, now).await?;
        report.verdicts.push(Judged {
            target: target.clone(),
            image: name,
            verdict,
        });
    }
    context.printer.report(&report)?;
    if let How::Environment { rules, .. } = how
        && let Some(mut rules) = Arc::into_inner(rules)
    {
        rules.remember()?;
    }
    Ok(if arguments.audit {
        Exit::Success
    } else {
        report.exit()
    })
}

/// What there is about a target: beside the image, or in the files given.
async fn collect(
    arguments: &Arguments,
    target: &str,
    context: &Context,
) -> Result<(String, Arc<Evidence>), Failure> {
    let target = Target::parse(target)?;
    let given = evidence::from_files(&arguments.bundle, &context.limits)?;
    let _progress = context.printer.progress("collecting attestations");
    let (name, evidence) = if let Target::File(path) = &target {
        if given.is_empty() {
            return Err(
                Failure::usage(format_args!("nothing is attached to {target}"))
                    .with_hint("name the file that holds its attestation: --bundle FILE"),
            );
        }
        let digest = evidence::digest_of_file(path)?;
        (target.to_string(), given_about(digest, given))
    } else {
        let image = image::open(context, &target).await?;
        let evidence = if given.is_empty() {
            evidence::collect(&image, arguments.index.as_ref()).await?
        } else {
            given_about(image.descriptor.digest.clone(), given)
        };
        (image.pinned, evidence)
    };
    Ok((name, Arc::new(evidence)))
}

fn given_about(artifact: Digest, attestations: Vec<Attestation>) -> Evidence {
    Evidence {
        artifact: Some(artifact),
        attestations,
        ..Evidence::default()
    }
}

/// What is asked of each image.
enum How {
    Environment {
        rules: Arc<Rules>,
        name: String,
    },
    Signer {
        trust: Arc<Trust>,
        signer: ExpectedSigner,
        claim: ExpectedClaim,
        sources: Vec<Source>,
    },
}

impl How {
    fn of(arguments: &Arguments, context: &Context, now: Timestamp) -> Result<Self, Failure> {
        if let Some(name) = &arguments.env {
            let rules = Arc::new(Rules::load(context, &arguments.decide, now)?);
            return Ok(Self::Environment {
                rules,
                name: name.clone(),
            });
        }
        let claim = match &arguments.kind {
            None => ExpectedClaim::Signature,
            Some(kind) => {
                let kind = bulla_attest::claim::predicate_type(kind)
                    .map_err(|error| Failure::usage(format_args!("--type: {error}")))?;
                ExpectedClaim::Attestation(kind.as_str().to_owned())
            }
        };
        let mut sources = Vec::new();
        let roots = rules::trusted_roots(context, &arguments.decide.trusted_root, &mut sources)?;
        let (keys, signer) = signer(arguments, context)?;
        let trust = Trust::new(keys, &roots, now, &context.limits)
            .map_err(|error| Failure::new(FailureKind::Configuration, error))?;
        Ok(Self::Signer {
            trust: Arc::new(trust),
            signer,
            claim,
            sources,
        })
    }

    fn sources(&self) -> Vec<Source> {
        match self {
            Self::Environment { rules, .. } => rules.sources.clone(),
            Self::Signer { sources, .. } => sources.clone(),
        }
    }

    async fn judge(
        &self,
        context: &Context,
        name: &str,
        evidence: Arc<Evidence>,
        now: Timestamp,
    ) -> Result<Verdict, Failure> {
        match self {
            Self::Environment {
                rules,
                name: environment,
            } => {
                verdict::environment(rules, evidence, name, environment, now, &context.limits).await
            }
            Self::Signer {
                trust,
                signer,
                claim,
                ..
            } => {
                let (trust, signer, claim) = (Arc::clone(trust), signer.clone(), claim.clone());
                let (name, limits) = (name.to_owned(), context.limits.clone());
                blocking(move || {
                    Ok(verify_signed(&SignedQuestion {
                        name: &name,
                        evidence: &evidence,
                        trust: &trust,
                        signer: &signer,
                        claim: &claim,
                        now,
                        limits: &limits,
                        cancelled: &verdict::deadline(limits.deadline),
                    }))
                })
                .await
            }
        }
    }
}

/// Who must have signed; saying nothing is an error.
fn signer(
    arguments: &Arguments,
    context: &Context,
) -> Result<(Vec<PublicKey>, ExpectedSigner), Failure> {
    if let Some(location) = &arguments.key {
        let pem = key::read_pem(context, location)?;
        let pem = std::str::from_utf8(&pem).map_err(|_| {
            Failure::new(
                FailureKind::Input,
                format_args!("{location} is no PEM file"),
            )
        })?;
        let key = PublicKey::from_pem(pem).map_err(|error| {
            Failure::new(FailureKind::Input, format_args!("{location}: {error}"))
                .with_hint("--key takes the public key here: bulla key public --key bulla.key")
        })?;
        let signer = ExpectedSigner::Key(key.id().clone());
        return Ok((vec![key], signer));
    }
    let pattern =
        |exact: &Option<String>, regexp: &Option<String>, flag: &str| match (exact, regexp) {
            (Some(exact), _) => Ok(Some(Pattern::Exact(exact.clone()))),
            (None, Some(regexp)) => Pattern::regex(regexp)
                .map(Some)
                .map_err(|error| Failure::usage(format_args!("{flag}: {error}"))),
            (None, None) => Ok(None),
        };
    let subject = pattern(
        &arguments.certificate_identity,
        &arguments.certificate_identity_regexp,
        "--certificate-identity-regexp",
    )?;
    let issuer = pattern(
        &arguments.certificate_oidc_issuer,
        &arguments.certificate_oidc_issuer_regexp,
        "--certificate-oidc-issuer-regexp",
    )?;
    match (subject, issuer) {
        (Some(subject), Some(issuer)) => {
            if arguments.certificate_identity_regexp.is_some() || arguments.certificate_oidc_issuer_regexp.is_some() {
                context.printer.say("note: regular expressions must match the whole text here");
            }
            Ok((Vec::new(), ExpectedSigner::Certificate { issuer, subject }))
        }
        (None, None) => Err(Failure::usage("say what makes an image good").with_hint(
            "pass --env NAME with a policy, --key FILE, or --certificate-identity with --certificate-oidc-issuer",
        )),
        (None, Some(_)) => Err(Failure::usage("an issuer says nothing without an identity")
            .with_hint("pass --certificate-identity too")),
        (Some(_), None) => Err(Failure::usage("an identity says nothing without its issuer")
            .with_hint("pass --certificate-oidc-issuer too")),
    }
}

#[derive(Serialize)]
struct VerifyReport {
    #[serde(skip)]
    verbose: bool,
    sources: Vec<Source>,
    verdicts: Vec<Judged>,
}

#[derive(Serialize)]
struct Judged {
    target: String,
    image: String,
    verdict: Verdict,
}

impl VerifyReport {
    /// One image's own code; for several, the shared one, else "denied".
    fn exit(&self) -> Exit {
        let mut bad = self
            .verdicts
            .iter()
            .map(|judged| Exit::of_verdict(&judged.verdict))
            .filter(|exit| *exit != Exit::Success);
        match bad.next() {
            None if self.verdicts.is_empty() => Exit::Internal,
            None => Exit::Success,
            Some(first) if bad.all(|exit| exit == first) => first,
            Some(_) => Exit::Denied,
        }
    }
}

impl Report for VerifyReport {
    fn human(&self, page: &mut Page) {
        sources(page, &self.sources);
        for (at, judged) in self.verdicts.iter().enumerate() {
            if at > 0 {
                page.gap();
            }
            render(page, &judged.target, &judged.verdict, self.verbose);
        }
    }
}
