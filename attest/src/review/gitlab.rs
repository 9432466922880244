//! GitLab: merge requests, their versions and approvals, and comparisons,
//! <https://docs.gitlab.com/api/merge_request_approvals/>.
//!
//! An approval names no commit. It is of the newest version of the request if it was given later,
//! and not taken off since.

use std::num::NonZeroU64;

use jiff::Timestamp;
use serde::Deserialize;

use super::{Changed, Client, Request, Review, Word};
use crate::http::ServiceError;

#[derive(Deserialize)]
struct Project {
    id: NonZeroU64,
    path_with_namespace: String,
    default_branch: Option<String>,
}

#[derive(Deserialize, PartialEq)]
struct MergeRequest {
    iid: u64,
    project_id: NonZeroU64,
    state: String,
    sha: String,
    target_branch: String,
    author: Account,
}

#[derive(Deserialize, PartialEq)]
struct Account {
    id: NonZeroU64,
    username: String,
    #[serde(default)]
    bot: bool,
}

#[derive(Deserialize)]
struct Approvals {
    approved_by: Vec<Approval>,
}

#[derive(Deserialize)]
struct Approval {
    user: Account,
    #[serde(default)]
    approved_at: Option<Timestamp>,
}

#[derive(Deserialize)]
struct Version {
    id: u64,
    head_commit_sha: String,
    base_commit_sha: String,
    created_at: Timestamp,
}

#[derive(Deserialize)]
struct Comparison {
    diffs: Vec<Diff>,
    #[serde(default)]
    compare_timeout: bool,
}

#[derive(Deserialize)]
struct Diff {
    new_path: String,
    #[serde(rename = "diff")]
    patch: String,
    #[serde(default)]
    collapsed: bool,
    #[serde(default)]
    too_large: bool,
}

pub(super) async fn read(client: &Client<'_>) -> Result<Request, ServiceError> {
    let place = client.place;
    let project = format!("/projects/{}", place.project.replace('/', "%2F"));
    let about: Project = client.get(&project, None).await?;
    let path = format!("{project}/merge_requests/{}", place.number);
    let request: MergeRequest = client.get(&path, None).await?;
    let is_same = about
        .path_with_namespace
        .eq_ignore_ascii_case(&place.project);
    if !is_same || request.project_id != about.id || request.iid != place.number {
        return Err(client.odd(&path, "it is about another merge request"));
    }
    let approvals: Approvals = client.get(&format!("{path}/approvals"), None).await?;
    let versions: Vec<Version> = client.list(&format!("{path}/versions")).await?;
    let newest = versions.iter().max_by_key(|version| version.id);
    let Some(newest) = newest.filter(|version| version.head_commit_sha == request.sha) else {
        return Err(client.odd(
            &path,
            "its newest version is not that of its commit: try again",
        ));
    };
    let (from, to) = (&newest.base_commit_sha, &newest.head_commit_sha);
    if ![from, to].into_iter().all(|sha| super::is_commit(sha)) {
        return Err(client.odd(&path, "it names no whole commits"));
    }
    let query = format!("from={from}&to={to}&straight=true");
    let comparison = format!("{project}/repository/compare");
    let comparison: Comparison = client.get(&comparison, Some(&query)).await?;
    if client.get::<MergeRequest>(&path, None).await? != request {
        return Err(client.odd(&path, "it changed while it was read: try again"));
    }
    let is_short = |file: &Diff| file.collapsed || file.too_large;
    let author = request.author.id.get();
    Ok(Request {
        objection: objection(&request, about.default_branch.as_deref()),
        author,
        since: Some(newest.created_at),
        is_cut: comparison.compare_timeout || comparison.diffs.iter().any(is_short),
        files: comparison.diffs.into_iter().map(changed).collect(),
        reviews: approvals
            .approved_by
            .into_iter()
            .map(|one| review(one, &place.page, &request.sha))
            .collect(),
        commit: request.sha,
    })
}

fn objection(request: &MergeRequest, default: Option<&str>) -> Option<String> {
    let into = &request.target_branch;
    match request.state.as_str() {
        "opened" | "merged" if default == Some(into) => None,
        "opened" | "merged" => Some(format!(
            "the merge request goes into {into}, not into the project's default branch"
        )),
        _ => Some("the merge request is neither open nor merged".to_owned()),
    }
}

fn changed(file: Diff) -> Changed {
    Changed {
        path: file.new_path,
        patch: file.patch,
    }
}

fn review(given: Approval, page: &str, commit: &str) -> Review {
    Review {
        account: given.user.id.get(),
        name: given.user.username,
        page: page.to_owned(),
        at: given.approved_at,
        word: Word::Approved,
        is_user: !given.user.bot,
        commit: Some(commit.to_owned()),
    }
}
