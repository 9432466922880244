//! GitHub: pull requests, reviews, events and comparisons,
//! <https://docs.github.com/en/rest/pulls/reviews?apiVersion=2022-11-28>.

use std::num::NonZeroU64;

use jiff::Timestamp;
use serde::Deserialize;

use super::{Changed, Client, Request, Review, Word};
use crate::http::ServiceError;

/// Files a comparison shows at most.
const FILES: usize = 300;

#[derive(Deserialize, PartialEq)]
struct Pull {
    number: u64,
    state: String,
    merged: bool,
    user: Account,
    head: Head,
    base: Base,
}

#[derive(Deserialize, PartialEq)]
struct Head {
    sha: String,
}

#[derive(Deserialize, PartialEq)]
struct Base {
    sha: String,
    r#ref: String,
    repo: Repository,
}

#[derive(Deserialize, PartialEq)]
struct Repository {
    full_name: String,
    default_branch: String,
}

#[derive(Deserialize, PartialEq)]
struct Account {
    id: NonZeroU64,
    login: String,
    r#type: String,
}

#[derive(Deserialize)]
struct Given {
    id: NonZeroU64,
    user: Option<Account>,
    state: String,
    commit_id: Option<String>,
    #[serde(default)]
    submitted_at: Option<Timestamp>,
}

#[derive(Deserialize)]
struct Event {
    event: String,
    created_at: Timestamp,
}

#[derive(Deserialize)]
struct Comparison {
    #[serde(default)]
    files: Vec<File>,
}

#[derive(Deserialize)]
struct File {
    filename: String,
    #[serde(default)]
    patch: Option<String>,
    #[serde(default)]
    changes: u64,
}

pub(super) async fn read(client: &Client<'_>) -> Result<Request, ServiceError> {
    let place = client.place;
    let repository = format!("/repos/{}", place.project);
    let path = format!("{repository}/pulls/{}", place.number);
    let pull: Pull = client.get(&path, None).await?;
    let is_same = pull
        .base
        .repo
        .full_name
        .eq_ignore_ascii_case(&place.project);
    if !is_same || pull.number != place.number {
        return Err(client.odd(&path, "it is about another pull request"));
    }
    let given: Vec<Given> = client.list(&format!("{path}/reviews")).await?;
    let events = format!("{repository}/issues/{}/events", place.number);
    let events: Vec<Event> = client.list(&events).await?;
    let (from, to) = (&pull.base.sha, &pull.head.sha);
    if ![from, to].into_iter().all(|sha| super::is_commit(sha)) {
        return Err(client.odd(&path, "it names no whole commits"));
    }
    let comparison = format!("{repository}/compare/{from}...{to}");
    let comparison: Comparison = client.get(&comparison, None).await?;
    // Whatever was pushed or turned around meanwhile was not reviewed.
    if client.get::<Pull>(&path, None).await? != pull {
        return Err(client.odd(&path, "it changed while it was read: try again"));
    }
    let turned = events.iter().filter(|event| {
        matches!(
            event.event.as_str(),
            "base_ref_changed" | "automatic_base_change_succeeded"
        )
    });
    let is_cut = comparison.files.len() >= FILES;
    let is_short = |file: &File| file.patch.is_none() && file.changes > 0;
    Ok(Request {
        objection: objection(&pull),
        author: pull.user.id.get(),
        since: turned.map(|event| event.created_at).max(),
        is_cut: is_cut || comparison.files.iter().any(is_short),
        files: comparison.files.into_iter().map(changed).collect(),
        reviews: given
            .into_iter()
            .filter_map(|one| review(one, &place.page))
            .collect(),
        commit: pull.head.sha,
    })
}

fn objection(pull: &Pull) -> Option<String> {
    let default = &pull.base.repo.default_branch;
    if pull.state != "open" && !pull.merged {
        Some("the pull request was closed without being merged".to_owned())
    } else if pull.base.r#ref != *default {
        let into = &pull.base.r#ref;
        Some(format!(
            "the pull request goes into {into}, not into {default}"
        ))
    } else {
        None
    }
}

fn changed(file: File) -> Changed {
    Changed {
        path: file.filename,
        patch: file.patch.unwrap_or_default(),
    }
}

/// A review that decides something; the platform lists them in their order. A comment takes
/// nothing back.
fn review(given: Given, page: &str) -> Option<Review> {
    let word = match given.state.as_str() {
        "APPROVED" => Word::Approved,
        "COMMENTED" | "PENDING" => return None,
        "DISMISSED" => Word::Dismissed,
        _ => Word::ChangesRequested,
    };
    let user = given.user?;
    Some(Review {
        account: user.id.get(),
        name: user.login,
        page: format!("{page}#pullrequestreview-{}", given.id),
        at: given.submitted_at,
        word,
        is_user: user.r#type == "User",
        commit: given.commit_id,
    })
}
