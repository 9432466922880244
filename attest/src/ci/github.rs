//! GitHub Actions.
//!
//! The build type is GitHub's own, so that readers of GitHub's attestations understand ours:
//! <https://actions.github.io/buildtypes/workflow/v1>. Variables:
//! <https://docs.github.com/en/actions/reference/workflows-and-actions/variables>.
//!
//! Deviation: the environment does not name the reusable workflow a job is defined in (only the
//! OIDC token does), so `builder.id` is the workflow that was started.

use bulla_model::{DigestSet, ResourceDescriptor};
use serde_json::json;

use super::{BuildFacts, CiError, Variables};

const BUILD_TYPE: &str = "https://actions.github.io/buildtypes/workflow/v1";

/// Reads what a workflow run knows about itself.
pub(super) fn build_facts(variables: &Variables) -> Result<BuildFacts, CiError> {
    let text = |name| wanted(variables, name, "printable text without spaces", is_word);
    let number = |name| wanted(variables, name, "a number", is_number);
    let server = wanted(
        variables,
        "GITHUB_SERVER_URL",
        "an https URL without a path",
        is_server,
    )?;
    let repository = wanted(variables, "GITHUB_REPOSITORY", "OWNER/NAME", is_repository)?;
    let commit = wanted(variables, "GITHUB_SHA", "a commit id", is_commit)?;
    let git_ref = text("GITHUB_REF")?;
    let workflow = text("GITHUB_WORKFLOW_REF")?;
    let (path, workflow_ref) = workflow
        .strip_prefix(repository)
        .and_then(|rest| rest.strip_prefix('/'))
        .and_then(|rest| rest.split_once('@'))
        .ok_or_else(|| CiError::Malformed {
            name: "GITHUB_WORKFLOW_REF",
            expected: "OWNER/NAME/PATH@REF of the repository itself",
            found: workflow.chars().take(100).collect(),
        })?;
    let (run, attempt) = (number("GITHUB_RUN_ID")?, number("GITHUB_RUN_ATTEMPT")?);
    Ok(BuildFacts {
        build_type: BUILD_TYPE.to_owned(),
        external_parameters: json!({
            "workflow": {
                "path": path,
                "ref": workflow_ref,
                "repository": format!("{server}/{repository}"),
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
        resolved_dependencies: vec![ResourceDescriptor {
            uri: Some(format!("git+{server}/{repository}@{git_ref}")),
            digest: DigestSet::default().with_value("gitCommit", commit),
            ..ResourceDescriptor::default()
        }],
        builder_id: format!("{server}/{workflow}"),
        invocation_id: Some(format!(
            "{server}/{repository}/actions/runs/{run}/attempts/{attempt}"
        )),
        started_on: None,
        finished_on: None,
    })
}

fn wanted<'a>(
    variables: &'a Variables,
    name: &'static str,
    expected: &'static str,
    is_sound: fn(&str) -> bool,
) -> Result<&'a str, CiError> {
    let value = variables.get(name).ok_or(CiError::Missing { name })?;
    if is_sound(value) {
        Ok(value)
    } else {
        Err(CiError::Malformed {
            name,
            expected,
            found: value.chars().take(100).collect(),
        })
    }
}

fn is_word(text: &str) -> bool {
    (1..=1024).contains(&text.len()) && !text.chars().any(|c| c.is_whitespace() || c.is_control())
}

fn is_number(text: &str) -> bool {
    (1..=20).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit())
}

fn is_commit(text: &str) -> bool {
    [40, 64].contains(&text.len()) && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

fn is_server(text: &str) -> bool {
    text.strip_prefix("https://").is_some_and(|host| {
        (1..=255).contains(&host.len())
            && host
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b':'))
    })
}

fn is_repository(text: &str) -> bool {
    let part = |part: &str| {
        (1..=100).contains(&part.len())
            && part
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_'))
    };
    text.split_once('/')
        .is_some_and(|(owner, name)| part(owner) && part(name))
}
