//! Claims of a certificate, by the names builders files use.

use bulla_model::CertificateIdentity;
use serde::Deserialize;

/// A claim that provenance may repeat.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Claim {
    /// Path of the workflow that was started, in its repository.
    BuildConfigPath,
    /// The run, URI.
    Run,
    /// The attempt of the run.
    RunAttempt,
    /// Number of the run.
    RunId,
    /// `RUN-ATTEMPT`.
    RunIdAttempt,
    /// Kind of runner.
    RunnerEnvironment,
    /// Commit of the workflow that signed.
    SignerDigest,
    /// The workflow that signed: `OWNER/REPO/PATH@REF`.
    SignerPath,
    /// Commit of the source.
    SourceDigest,
    /// Number of the source's owner.
    SourceOwnerId,
    /// `OWNER/REPO` of the source.
    SourcePath,
    /// Ref of the source.
    SourceRef,
    /// The source, URI.
    SourceRepository,
    /// Number of the source repository.
    SourceRepositoryId,
    /// Event that started the build.
    Trigger,
}

impl Claim {
    /// What the certificate says, if it says anything.
    pub(super) fn of(self, certificate: &CertificateIdentity) -> Option<String> {
        let build = &certificate.build;
        let run = || build.run_invocation.as_deref().and_then(run_and_attempt);
        match self {
            Self::BuildConfigPath => build_config_path(certificate),
            Self::Run => build.run_invocation.clone(),
            Self::RunAttempt => run().map(|(_, attempt)| attempt.to_owned()),
            Self::RunId => run().map(|(id, _)| id.to_owned()),
            Self::RunIdAttempt => run().map(|(id, attempt)| format!("{id}-{attempt}")),
            Self::RunnerEnvironment => certificate.runner_environment.clone(),
            Self::SignerDigest => build.build_signer_digest.clone(),
            Self::SignerPath => path(&certificate.subject).map(str::to_owned),
            Self::SourceDigest => certificate.source_digest.clone(),
            Self::SourceOwnerId => build.source_owner_id.clone(),
            Self::SourcePath => certificate
                .source_repository
                .as_deref()
                .and_then(path)
                .map(str::to_owned),
            Self::SourceRef => certificate.source_ref.clone(),
            Self::SourceRepository => certificate.source_repository.clone(),
            Self::SourceRepositoryId => build.source_repository_id.clone(),
            Self::Trigger => build.build_trigger.clone(),
        }
    }
}

/// What follows the host.
fn path(uri: &str) -> Option<&str> {
    uri.split_once("://")?
        .1
        .split_once('/')
        .map(|(_, path)| path)
}

/// `…/runs/ID/attempts/N`.
fn run_and_attempt(uri: &str) -> Option<(&str, &str)> {
    let (start, attempt) = uri.rsplit_once("/attempts/")?;
    let (_, id) = start.rsplit_once("/runs/")?;
    Some((id, attempt))
}

fn build_config_path(certificate: &CertificateIdentity) -> Option<String> {
    let uri = certificate.build.build_config.as_deref()?;
    let repository = certificate.source_repository.as_deref()?;
    let path = uri.strip_prefix(repository)?.strip_prefix('/')?;
    let (path, _) = path.rsplit_once('@')?;
    Some(path.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_claims_are_found() {
        let mut certificate = CertificateIdentity {
            subject: "https://github.com/o/r/.github/workflows/a.yml@refs/heads/main".into(),
            source_repository: Some("https://github.com/o/r".into()),
            ..CertificateIdentity::default()
        };
        certificate.build.run_invocation =
            Some("https://github.com/o/r/actions/runs/12/attempts/3".into());
        certificate.build.build_config =
            Some("https://github.com/o/r/.github/workflows/a.yml@refs/heads/main".into());
        for (claim, expected) in [
            (Claim::RunIdAttempt, Some("12-3")),
            (Claim::RunId, Some("12")),
            (Claim::RunAttempt, Some("3")),
            (Claim::SourcePath, Some("o/r")),
            (Claim::BuildConfigPath, Some(".github/workflows/a.yml")),
            (
                Claim::SignerPath,
                Some("o/r/.github/workflows/a.yml@refs/heads/main"),
            ),
            (Claim::SourceDigest, None),
        ] {
            assert_eq!(claim.of(&certificate).as_deref(), expected, "{claim:?}");
        }
        certificate.source_repository = Some("https://github.com/o/rr".into());
        assert_eq!(Claim::BuildConfigPath.of(&certificate), None);
    }
}
