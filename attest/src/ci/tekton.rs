//! Tekton Pipelines.
//!
//! A step knows nothing of its run unless the task says it, so the task sets the variables that
//! `docs/buildtypes/tekton.md` lists, from Tekton's own substitutions,
//! <https://tekton.dev/docs/pipelines/variables/>. The source is named as for Tekton Chains,
//! <https://tekton.dev/docs/chains/slsa-provenance/>.
//!
//! The build type is Bulla's own: that of Chains holds the whole `runSpec`, which a step cannot see.

use serde_json::json;

use super::value::{ID, Shape, URL, Values, WORD};
use super::{BuildFacts, CiError, Variables};

const BUILD_TYPE: &str = "https://bulla.dev/buildtypes/tekton/v1";

/// Reads what the task told its step.
pub(super) fn build_facts(variables: &Variables) -> Result<BuildFacts, CiError> {
    let values = Values(variables);
    let name = |name| values.wanted(name, OBJECT);
    let repository = values.repository("CHAINS_GIT_URL")?;
    let revision = values.optional("CHAINS_GIT_REVISION", WORD)?;
    let source = values.source(&repository, revision, "CHAINS_GIT_COMMIT")?;
    let builder = values.wanted("TEKTON_BUILDER_ID", URL)?;
    let namespace = name("TEKTON_NAMESPACE")?;
    let run = values.wanted("TEKTON_TASK_RUN_UID", ID)?;
    let mut external = json!({
        "repository": repository,
        "task": name("TEKTON_TASK")?,
    });
    if let Some(pipeline) = values.optional("TEKTON_PIPELINE", OBJECT)? {
        external["pipeline"] = pipeline.into();
    }
    let mut internal = json!({
        "namespace": namespace,
        "taskRun": name("TEKTON_TASK_RUN")?,
    });
    if let Some(pipeline_run) = values.optional("TEKTON_PIPELINE_RUN", OBJECT)? {
        internal["pipelineRun"] = pipeline_run.into();
    }
    Ok(BuildFacts {
        build_type: BUILD_TYPE.to_owned(),
        external_parameters: external,
        internal_parameters: internal,
        resolved_dependencies: vec![source],
        builder_id: builder.to_owned(),
        invocation_id: Some(run.to_owned()),
        started_on: None,
        finished_on: None,
    })
}

/// The name of a Kubernetes object. A substitution Tekton did not make has a `$` and is refused.
const OBJECT: Shape = Shape::new("the name of a Kubernetes object", |text| {
    (1..=253).contains(&text.len())
        && text
            .bytes()
            .all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.'))
});
