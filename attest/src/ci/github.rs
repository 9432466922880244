//! GitHub Actions.
//!
//! The build type is GitHub's own, so that readers of GitHub's attestations understand ours:
//! <https://actions.github.io/buildtypes/workflow/v1>. Variables:
//! <https://docs.github.com/en/actions/reference/workflows-and-actions/variables>.
//!
//! Deviation: the environment does not name the reusable workflow a job is defined in (only the
//! OIDC token does), so `builder.id` is the workflow that was started.

use serde_json::json;

use super::value::{NUMBER, REPOSITORY, SERVER, Values, WORD, malformed};
use super::{BuildFacts, CiError, Variables};

const BUILD_TYPE: &str = "https://actions.github.io/buildtypes/workflow/v1";

/// Reads what a workflow run knows about itself.
pub(super) fn build_facts(variables: &Variables) -> Result<BuildFacts, CiError> {
    let values = Values(variables);
    let text = |name| values.wanted(name, WORD);
    let number = |name| values.wanted(name, NUMBER);
    let server = values.wanted("GITHUB_SERVER_URL", SERVER)?;
    let repository = values.wanted("GITHUB_REPOSITORY", REPOSITORY)?;
    let workflow = text("GITHUB_WORKFLOW_REF")?;
    let (path, workflow_ref) = workflow
        .strip_prefix(repository)
        .and_then(|rest| rest.strip_prefix('/'))
        .and_then(|rest| rest.split_once('@'))
        .ok_or_else(|| {
            let expected = "OWNER/NAME/PATH@REF of the repository itself";
            malformed("GITHUB_WORKFLOW_REF", expected, workflow)
        })?;
    let (run, attempt) = (number("GITHUB_RUN_ID")?, number("GITHUB_RUN_ATTEMPT")?);
    let repository_url = format!("{server}/{repository}");
    let source = values.source(&repository_url, Some(text("GITHUB_REF")?), "GITHUB_SHA")?;
    Ok(BuildFacts {
        build_type: BUILD_TYPE.to_owned(),
        external_parameters: json!({
            "workflow": {
                "path": path,
                "ref": workflow_ref,
                "repository": repository_url,
            },
        }),
        internal_parameters: json!({
            "github": {
                "event_name": text("GITHUB_EVENT_NAME")?,
                "repository_id": number("GITHUB_REPOSITORY_ID")?,
                "repository_owner_id": number("GITHUB_REPOSITORY_OWNER_ID")?,
                "runner_environment": text("RUNNER_ENVIRONMENT")?,
            },
        }),
        resolved_dependencies: vec![source],
        builder_id: format!("{server}/{workflow}"),
        invocation_id: Some(format!(
            "{repository_url}/actions/runs/{run}/attempts/{attempt}"
        )),
        started_on: None,
        finished_on: None,
    })
}
