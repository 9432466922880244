//! GitLab CI/CD.
//!
//! The build type is the one GitLab's runner writes,
//! <https://docs.gitlab.com/ci/runners/configure_runners/#provenance-metadata-format>, with
//! `variables` as in <https://docs.gitlab.com/ci/pipeline_security/slsa/provenance_v1/>. Variables:
//! <https://docs.gitlab.com/ci/variables/predefined_variables/>.
//!
//! Deviations: only the variables in `SHOWN` are listed, where GitLab lists every name or every
//! value that is not masked; the commit is a `gitCommit` of a `git+` URI, not a `sha256` of the
//! project's URL; `executor` is left out, because the job cannot see it.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::json;

use super::value::{LINE, NUMBER, Shape, URL, Values, WORD, full_reference, malformed};
use super::{BuildFacts, CiError, Variables};

/// What whoever starts a pipeline chooses, and what says how the reference is protected.
const SHOWN: &[(&str, Shape)] = &[
    ("CI_COMMIT_BRANCH", WORD),
    ("CI_COMMIT_REF_PROTECTED", WORD),
    ("CI_COMMIT_TAG", WORD),
    ("CI_ENVIRONMENT_NAME", LINE),
    ("CI_PIPELINE_SOURCE", WORD),
];

/// Reads what a job knows about itself.
pub(super) fn build_facts(variables: &Variables) -> Result<BuildFacts, CiError> {
    let values = Values(variables);
    let project = values.wanted("CI_PROJECT_URL", URL)?;
    let version = values.wanted("CI_RUNNER_VERSION", VERSION)?;
    let runner = values.wanted("CI_RUNNER_ID", NUMBER)?;
    let job = values.wanted("CI_JOB_ID", NUMBER)?;
    let tag = values.optional("CI_COMMIT_TAG", WORD)?;
    // Pipelines of merge requests have no branch.
    let branch = values.optional("CI_COMMIT_BRANCH", WORD)?;
    let request = values.optional("CI_MERGE_REQUEST_REF_PATH", WORD)?;
    let reference = full_reference(tag, branch).or_else(|| request.map(str::to_owned));
    let mut shown = BTreeMap::new();
    for (name, shape) in SHOWN {
        if let Some(value) = values.optional(name, *shape)? {
            shown.insert(*name, value);
        }
    }
    let platform = values.optional("CI_RUNNER_EXECUTABLE_ARCH", WORD)?;
    let architecture = platform.map(|text| text.rsplit_once('/').map_or(text, |(_, arch)| arch));
    let mut internal = json!({ "job": job });
    if let Some(name) = values.optional("CI_RUNNER_DESCRIPTION", LINE)? {
        internal["name"] = name.into();
    }
    if let Some(architecture) = architecture {
        internal["architecture"] = architecture.into();
    }
    Ok(BuildFacts {
        build_type: format!(
            "https://gitlab.com/gitlab-org/gitlab-runner/-/blob/v{version}/PROVENANCE.md"
        ),
        external_parameters: json!({
            "source": project,
            "entryPoint": values.wanted("CI_JOB_NAME", LINE)?,
            "variables": shown,
        }),
        internal_parameters: internal,
        resolved_dependencies: vec![values.source(
            project,
            reference.as_deref(),
            "CI_COMMIT_SHA",
        )?],
        builder_id: format!("{project}/-/runners/{runner}"),
        invocation_id: Some(job.to_owned()),
        started_on: started(values)?,
        finished_on: None,
    })
}

fn started(values: Values<'_>) -> Result<Option<Timestamp>, CiError> {
    let name = "CI_JOB_STARTED_AT";
    let Some(text) = values.optional(name, WORD)? else {
        return Ok(None);
    };
    let time = text
        .parse()
        .map_err(|_| malformed(name, "a time as in RFC 3339", text))?;
    Ok(Some(time))
}

/// A version such as `17.5.0` or `17.5.0~pre.88.g1a2b3c4d`.
const VERSION: Shape = Shape::new("a version number", |text| {
    (1..=64).contains(&text.len())
        && text.starts_with(|c: char| c.is_ascii_digit())
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'~' | b'+'))
});
