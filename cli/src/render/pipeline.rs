//! Results for the next step of a pipeline.
//!
//! GitHub Actions reads `NAME=VALUE` lines from the file in `GITHUB_OUTPUT` and Markdown from the one
//! in `GITHUB_STEP_SUMMARY`,
//! <https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands>. GitLab
//! reads a dotenv report, <https://docs.gitlab.com/ci/yaml/artifacts_reports/#artifactsreportsdotenv>.
//!
//! A line feed in a value would begin another variable, so such values are refused.

use std::fmt::Write as _;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use crate::Failure;
use crate::escape::is_unsafe;
use crate::failure::FailureKind;

/// Where a pipeline wants its results.
#[derive(Clone, Debug, Default)]
pub struct Pipeline {
    /// The file in `GITHUB_OUTPUT`.
    pub outputs: Option<PathBuf>,
    /// The file in `GITHUB_STEP_SUMMARY`.
    pub summary: Option<PathBuf>,
}

impl Pipeline {
    /// Appends outputs and a summary to the files GitHub named.
    pub fn github(&self, outputs: &[(&str, String)], text: &str) -> Result<(), Failure> {
        let file = self.outputs.as_deref().ok_or_else(|| {
            Failure::usage("--output github is for GitHub jobs: GITHUB_OUTPUT is not set")
                .with_hint("leave it away elsewhere")
        })?;
        let mut lines = String::new();
        for (name, value) in outputs {
            line(&mut lines, name, value)?;
        }
        append(file, &lines)?;
        match &self.summary {
            Some(file) => append(file, &fenced(text)),
            None => Ok(()),
        }
    }

    /// The lines of a dotenv report: `BULLA_NAME=VALUE`.
    pub fn gitlab(outputs: &[(&str, String)]) -> Result<String, Failure> {
        let mut lines = String::new();
        for (name, value) in outputs {
            line(&mut lines, &format!("BULLA_{}", name.to_uppercase()), value)?;
        }
        Ok(lines)
    }
}

fn line(lines: &mut String, name: &str, value: &str) -> Result<(), Failure> {
    if value.chars().any(is_unsafe) {
        return Err(Failure::new(
            FailureKind::Input,
            format_args!("the output {name} would be `{value}`, which is not one line of text"),
        ));
    }
    writeln!(lines, "{name}={value}").expect("because writing to a string cannot fail");
    Ok(())
}

/// Text as it is, whatever is in it: the fence is longer than any within.
fn fenced(text: &str) -> String {
    let mut longest = 2;
    let mut run = 0;
    for character in text.chars() {
        run = if character == '`' { run + 1 } else { 0 };
        longest = longest.max(run);
    }
    let fence = "`".repeat(longest + 1);
    format!("{fence}text\n{}\n{fence}\n", text.trim_end_matches('\n'))
}

fn append(path: &Path, text: &str) -> Result<(), Failure> {
    OpenOptions::new()
        .append(true)
        .create(true)
        .open(path)
        .and_then(|mut file| file.write_all(text.as_bytes()))
        .map_err(|error| Failure::file("write", path, &error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_begins_no_other_variable() {
        let outputs = [("digest", "sha256:00\nadmin=true".to_owned())];
        let failure = Pipeline::gitlab(&outputs).unwrap_err();
        assert!(failure.message().contains("not one line"), "{failure:?}");
        let outputs = [("digest", "sha256:00".to_owned())];
        assert_eq!(
            Pipeline::gitlab(&outputs).unwrap(),
            "BULLA_DIGEST=sha256:00\n"
        );
    }

    #[test]
    fn github_s_files_are_appended_to() {
        let folder = tempfile::tempdir().unwrap();
        let pipeline = Pipeline {
            outputs: Some(folder.path().join("output")),
            summary: Some(folder.path().join("summary")),
        };
        let outputs = [("digest", "sha256:00".to_owned())];
        pipeline.github(&outputs, "a ```` b\n").unwrap();
        pipeline.github(&outputs, "c\n").unwrap();
        let read = |name| std::fs::read_to_string(folder.path().join(name)).unwrap();
        assert_eq!(read("output"), "digest=sha256:00\ndigest=sha256:00\n");
        assert_eq!(
            read("summary"),
            "`````text\na ```` b\n`````\n```text\nc\n```\n"
        );
        let failure = Pipeline::default().github(&outputs, "").unwrap_err();
        assert_eq!(failure.kind().exit().code(), 2);
    }
}
