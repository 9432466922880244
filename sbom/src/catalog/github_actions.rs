//! Actions that GitHub workflows and other actions use.
//!
//! Workflows, <https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-syntax>, and
//! `action.yml`, <https://docs.github.com/en/actions/reference/workflows-and-actions/metadata-syntax>,
//! as of 2025; the syntax has no version.

use std::collections::BTreeMap;

use bulla_model::{PurlError, PurlParts};
use serde::Deserialize;

use super::{
    Capability, Cataloger, Context, Edges, Found, ListFile, Technique, file_name, is_inside_package,
};
use crate::{Package, Presence, Scope};

#[derive(Debug)]
pub(super) struct GithubActions;

impl Cataloger for GithubActions {
    fn name(&self) -> &'static str {
        "github-actions"
    }

    fn capability(&self) -> Capability {
        Capability {
            ecosystem: "GitHub Actions",
            reads: "`.github/workflows/*.yml`, `action.yml`",
            presence: Presence::Declared,
            technique: Technique::Manifest,
            edges: Edges::None,
            licenses: false,
            hashes: false,
            files: false,
        }
    }

    fn wants(&self, path: &str) -> bool {
        (is_workflow(path) || ["action.yml", "action.yaml"].contains(&file_name(path)))
            && !is_inside_package(path)
    }

    fn catalog(&self, context: &Context<'_>) -> Found {
        let mut found = Found::default();
        for list in context.files(|path| self.wants(path)) {
            let uses = if is_workflow(list.path) {
                parse::<Workflow>(list).map(Workflow::uses)
            } else {
                parse::<Action>(list).map(|action| action.runs.uses())
            };
            match uses {
                Ok(uses) => read(list, &uses, &mut found),
                Err(reason) => found.unknown(list.path, &reason),
            }
        }
        found
    }
}

/// Workflows in folders below this one are not run.
fn is_workflow(path: &str) -> bool {
    path.rsplit_once('/').is_some_and(|(folder, name)| {
        (folder == ".github/workflows" || folder.ends_with("/.github/workflows"))
            && name
                .rsplit_once('.')
                .is_some_and(|(_, kind)| kind == "yml" || kind == "yaml")
    })
}

#[derive(Deserialize)]
struct Workflow {
    jobs: BTreeMap<String, Part>,
}

#[derive(Deserialize)]
struct Action {
    runs: Part,
}

/// A job, or what an action runs: a reusable workflow, or steps.
#[derive(Deserialize)]
struct Part {
    uses: Option<String>,
    steps: Option<Vec<Step>>,
}

#[derive(Deserialize)]
struct Step {
    uses: Option<String>,
}

impl Workflow {
    fn uses(self) -> Vec<String> {
        self.jobs.into_values().flat_map(Part::uses).collect()
    }
}

impl Part {
    fn uses(self) -> Vec<String> {
        let steps = self.steps.into_iter().flatten();
        self.uses
            .into_iter()
            .chain(steps.filter_map(|step| step.uses))
            .collect()
    }
}

fn parse<T: for<'de> Deserialize<'de>>(list: ListFile<'_>) -> Result<T, String> {
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_depth: DEPTH,
            max_documents: 1,
            max_inclusion_depth: 0,
            max_nodes: NODES,
        },
    };
    serde_saphyr::from_str_with_options(&list.text(), options).map_err(|error| {
        let error = error.without_snippet().to_string();
        let reason = error.lines().next().unwrap_or_default();
        format!("neither workflow nor action: {reason}")
    })
}

/// How places in the same repository, and images, begin.
const NOT_NAMED: [&str; 4] = ["./", "../", "$/", "docker://"];
/// Levels. Stops files that exhaust the stack.
const DEPTH: usize = 64;
/// Maps, lists and scalars of one file. Stops many small things from filling the memory.
const NODES: usize = 200_000;

fn read(list: ListFile<'_>, uses: &[String], found: &mut Found) {
    for text in uses.iter().map(|text| text.trim()) {
        // What lies in the same repository has no name, and an image is none of GitHub's packages.
        if NOT_NAMED.iter().any(|start| text.starts_with(start)) {
            continue;
        }
        match Reference::parse(text) {
            Some(reference) => {
                found.add(list, reference.package());
            }
            None => found.unknown(list.path, &format!("{text} names no action")),
        }
    }
}

/// `owner/repository/path@ref`; the path is that of an action or of a workflow.
struct Reference<'a> {
    owner: &'a str,
    repository: &'a str,
    path: Option<&'a str>,
    version: &'a str,
}

impl<'a> Reference<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        let (place, version) = text.split_once('@')?;
        let mut parts = place.splitn(3, '/');
        let reference = Self {
            owner: parts.next()?,
            repository: parts.next()?,
            path: parts.next(),
            version,
        };
        let needed = [reference.owner, reference.repository, version];
        let is_expression = text.contains("${{");
        (!is_expression && needed.iter().all(|part| !part.is_empty())).then_some(reference)
    }

    /// What runs in a build is not in what is built.
    fn package(&self) -> Result<Package, PurlError> {
        let purl = PurlParts {
            kind: "github".to_owned(),
            namespace: Some(self.owner.to_owned()),
            name: self.repository.to_owned(),
            version: Some(self.version.to_owned()),
            subpath: self.path.map(str::to_owned),
            ..PurlParts::default()
        }
        .build()?;
        let path = self.path.map(|path| format!("/{path}")).unwrap_or_default();
        let name = format!("{}/{}{path}", self.owner, self.repository);
        let mut package = Package::new(&name, self.version, purl).declared();
        package.scope = Scope::Excluded;
        Ok(package)
    }
}
