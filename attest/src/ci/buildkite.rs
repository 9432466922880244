//! Buildkite.
//!
//! The build type is the one of Buildkite's plugin for provenance,
//! <https://github.com/buildkite-plugins/generate-provenance-attestation-buildkite-plugin>.
//! Variables: <https://buildkite.com/docs/pipelines/configure/environment-variables>.
//!
//! Deviations: `builder.id` is the pipeline, because the plugin names itself there and we are not
//! it; secrets in the step's command are replaced as in `docs/buildtypes/run.md`.

use serde_json::json;

use super::redact::redact_script;
use super::value::{ID, LINE, NUMBER, Shape, URL, Values, WORD, full_reference};
use super::{BuildFacts, CiError, Variables};

const BUILD_TYPE: &str = "https://buildkite.github.io/slsa-buildtypes/job/v1";

/// Reads what a job knows about itself.
pub(super) fn build_facts(variables: &Variables) -> Result<BuildFacts, CiError> {
    let values = Values(variables);
    let id = |name| values.wanted(name, ID);
    let organization = values.wanted("BUILDKITE_ORGANIZATION_SLUG", ID)?;
    let pipeline = format!(
        "https://buildkite.com/{organization}/{}",
        id("BUILDKITE_PIPELINE_SLUG")?
    );
    let build_url = values.wanted("BUILDKITE_BUILD_URL", URL)?;
    let job = id("BUILDKITE_JOB_ID")?;
    let repository = values.repository("BUILDKITE_REPO")?;
    let branch = values.wanted("BUILDKITE_BRANCH", WORD)?;
    let tag = values.optional("BUILDKITE_TAG", WORD)?;
    let reference = full_reference(tag, Some(branch));
    let source = values.source(&repository, reference.as_deref(), "BUILDKITE_COMMIT")?;
    let mut build = json!({
        "branch": branch,
        "commit": source.digest.value("gitCommit"),
    });
    if let Some(tag) = tag {
        build["tag"] = tag.into();
    }
    let mut step = json!({ "id": id("BUILDKITE_STEP_ID")? });
    if let Some(key) = values.optional("BUILDKITE_STEP_KEY", LINE)? {
        step["key"] = key.into();
    }
    if let Some(command) = values.optional("BUILDKITE_COMMAND", SCRIPT)? {
        step["command"] = redact_script(command).into();
    }
    Ok(BuildFacts {
        build_type: BUILD_TYPE.to_owned(),
        external_parameters: json!({
            "pipeline": pipeline,
            "repository": repository,
            "build": build,
            "step": step,
            "job": { "id": job },
        }),
        internal_parameters: json!({
            "buildkite": {
                "organization_id": id("BUILDKITE_ORGANIZATION_ID")?,
                "pipeline_id": id("BUILDKITE_PIPELINE_ID")?,
                "build_id": id("BUILDKITE_BUILD_ID")?,
                "build_number": values.wanted("BUILDKITE_BUILD_NUMBER", NUMBER)?,
            },
        }),
        resolved_dependencies: vec![source],
        builder_id: pipeline.clone(),
        invocation_id: Some(format!("{build_url}#{job}")),
        started_on: None,
        finished_on: None,
    })
}

/// The commands of a step, one to a line.
const SCRIPT: Shape = Shape::new("commands of at most 64 KiB", |text| text.len() <= 64 << 10);
