//! Azure Pipelines.
//!
//! Azure Pipelines writes no provenance itself, so the build type is Bulla's own,
//! `docs/buildtypes/azure-pipelines.md`. Variables:
//! <https://learn.microsoft.com/azure/devops/pipelines/build/variables>.

use serde_json::json;

use super::value::{ID, LINE, NUMBER, URL, Values, WORD};
use super::{BuildFacts, CiError, Variables};

const BUILD_TYPE: &str = "https://bulla.dev/buildtypes/azure-pipelines/v1";

/// Reads what a job knows about itself.
pub(super) fn build_facts(variables: &Variables) -> Result<BuildFacts, CiError> {
    let values = Values(variables);
    let line = |name| values.wanted(name, LINE);
    let collection = values.wanted("SYSTEM_COLLECTIONURI", URL)?;
    let collection = collection.trim_end_matches('/');
    // Names of projects have spaces; their ids stand in the same URLs.
    let project = values.wanted("SYSTEM_TEAMPROJECTID", ID)?;
    let definition = values.wanted("SYSTEM_DEFINITIONID", NUMBER)?;
    let build = values.wanted("BUILD_BUILDID", NUMBER)?;
    let job = values.wanted("SYSTEM_JOBID", ID)?;
    let repository = values.repository("BUILD_REPOSITORY_URI")?;
    let branch = values.wanted("BUILD_SOURCEBRANCH", WORD)?;
    let mut external = json!({
        "repository": repository,
        "ref": branch,
        "pipeline": line("BUILD_DEFINITIONNAME")?,
        "job": line("SYSTEM_JOBNAME")?,
    });
    if let Some(stage) = values.optional("SYSTEM_STAGENAME", LINE)? {
        external["stage"] = stage.into();
    }
    Ok(BuildFacts {
        build_type: BUILD_TYPE.to_owned(),
        external_parameters: external,
        internal_parameters: json!({
            "project": line("SYSTEM_TEAMPROJECT")?,
            "projectId": project,
            "definitionId": definition,
            "buildNumber": line("BUILD_BUILDNUMBER")?,
            "reason": values.wanted("BUILD_REASON", WORD)?,
        }),
        resolved_dependencies: vec![values.source(
            &repository,
            Some(branch),
            "BUILD_SOURCEVERSION",
        )?],
        builder_id: format!("{collection}/{project}/_build?definitionId={definition}"),
        invocation_id: Some(format!(
            "{collection}/{project}/_build/results?buildId={build}&j={job}"
        )),
        started_on: None,
        finished_on: None,
    })
}
