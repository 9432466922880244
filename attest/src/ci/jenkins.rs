//! Jenkins.
//!
//! Jenkins writes no provenance itself, so the build type is Bulla's own,
//! `docs/buildtypes/jenkins.md`. Variables: `env-vars.html` of every Jenkins server, and those of
//! the Git plugin, <https://plugins.jenkins.io/git/#plugin-content-environment-variables>.

use serde_json::json;

use super::value::{ID, LINE, NUMBER, URL, Values, WORD, full_reference};
use super::{BuildFacts, CiError, Variables};

const BUILD_TYPE: &str = "https://bulla.dev/buildtypes/jenkins/v1";

/// Reads what a build knows about itself.
pub(super) fn build_facts(variables: &Variables) -> Result<BuildFacts, CiError> {
    let values = Values(variables);
    let repository = values.repository("GIT_URL")?;
    // The plugin names the branch as its local copy of the remote has it.
    let branch = values.optional("GIT_BRANCH", WORD)?;
    let branch = branch.map(|name| name.strip_prefix("origin/").unwrap_or(name));
    let tag = values.optional("TAG_NAME", WORD)?;
    let reference = full_reference(tag, branch.filter(|name| *name != "detached"));
    let source = values.source(&repository, reference.as_deref(), "GIT_COMMIT")?;
    let server = values.wanted("JENKINS_URL", URL)?;
    let mut external = json!({
        "repository": repository,
        "ref": reference,
        "job": values.wanted("JOB_NAME", LINE)?,
    });
    if let Some(stage) = values.optional("STAGE_NAME", LINE)? {
        external["stage"] = stage.into();
    }
    if let Some(change) = values.optional("CHANGE_ID", ID)? {
        external["change"] = change.into();
    }
    let mut internal = json!({ "buildNumber": values.wanted("BUILD_NUMBER", NUMBER)? });
    if let Some(node) = values.optional("NODE_NAME", LINE)? {
        internal["node"] = node.into();
    }
    Ok(BuildFacts {
        build_type: BUILD_TYPE.to_owned(),
        external_parameters: external,
        internal_parameters: internal,
        resolved_dependencies: vec![source],
        builder_id: server.to_owned(),
        invocation_id: Some(values.wanted("BUILD_URL", URL)?.to_owned()),
        started_on: None,
        finished_on: None,
    })
}
