//! CircleCI.
//!
//! CircleCI writes no provenance itself, so the build type is Bulla's own,
//! `docs/buildtypes/circleci.md`. Variables: <https://circleci.com/docs/reference/variables/>.

use serde_json::json;

use super::value::{ID, LINE, NUMBER, URL, Values, WORD, full_reference};
use super::{BuildFacts, CiError, Variables};

const BUILD_TYPE: &str = "https://bulla.dev/buildtypes/circleci/v1";

/// Reads what a job knows about itself.
pub(super) fn build_facts(variables: &Variables) -> Result<BuildFacts, CiError> {
    let values = Values(variables);
    let id = |name| values.wanted(name, ID);
    let repository = values.repository("CIRCLE_REPOSITORY_URL")?;
    let tag = values.optional("CIRCLE_TAG", WORD)?;
    let branch = values.optional("CIRCLE_BRANCH", WORD)?;
    let reference = full_reference(tag, branch);
    let source = values.source(&repository, reference.as_deref(), "CIRCLE_SHA1")?;
    let organization = id("CIRCLE_ORGANIZATION_ID")?;
    let project = id("CIRCLE_PROJECT_ID")?;
    let mut internal = json!({
        "organization": organization,
        "project": project,
        "pipeline": id("CIRCLE_PIPELINE_ID")?,
        "workflow": id("CIRCLE_WORKFLOW_ID")?,
        "workflowJob": id("CIRCLE_WORKFLOW_JOB_ID")?,
    });
    if let Some(index) = values.optional("CIRCLE_NODE_INDEX", NUMBER)? {
        internal["nodeIndex"] = index.into();
    }
    Ok(BuildFacts {
        build_type: BUILD_TYPE.to_owned(),
        external_parameters: json!({
            "repository": repository,
            "ref": reference,
            "job": values.wanted("CIRCLE_JOB", LINE)?,
        }),
        internal_parameters: internal,
        resolved_dependencies: vec![source],
        builder_id: format!("https://oidc.circleci.com/org/{organization}/project/{project}"),
        invocation_id: Some(values.wanted("CIRCLE_BUILD_URL", URL)?.to_owned()),
        started_on: None,
        finished_on: None,
    })
}
