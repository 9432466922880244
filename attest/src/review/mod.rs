//! Reviews on code platforms: what a relay reads before it passes one on.
//!
//! A review is of a commit, and a request counts for an artifact only if what it changes adds the
//! artifact's digest to a file. The text around a request proves nothing: its author may change it
//! after the review. Everything is read by commit, and the request once more at the end, so that
//! nobody is taken to have reviewed what came later.

mod github;
mod gitlab;

use jiff::Timestamp;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use serde::de::DeserializeOwned;
use url::Url;

use bulla_model::Digest;

use crate::http::{self, Answer, Call, Http, Service, ServiceError};
use crate::oidc::Secret;

/// Pages of a list that are read, each with up to [`PAGE`] entries. Stops a list without end.
const PAGES: usize = 10;
/// Entries of a page.
const PAGE: usize = 100;

/// The software a platform runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PlatformKind {
    /// GitHub, and what speaks its REST API.
    GitHub,
    /// GitLab.
    GitLab,
}

/// A pull or merge request.
#[derive(Clone, Debug)]
pub struct Place {
    /// What the platform runs.
    pub kind: PlatformKind,
    /// Where its interface for programs is.
    pub api: Url,
    /// The repository's path, for example `acme/deploy`.
    pub project: String,
    /// The request's number.
    pub number: u64,
    /// The request's page.
    pub page: String,
}

/// Who asks.
#[derive(Debug)]
pub enum Token {
    /// A token of a user, application or job, as GitHub and GitLab take it from one.
    Own(Secret),
    /// The token of a GitLab job.
    Job(Secret),
}

/// What a platform says of a request.
#[derive(Clone, Debug)]
pub struct Request {
    /// The commit it would merge, or has merged.
    pub commit: String,
    /// Why no review of it counts.
    pub objection: Option<String>,
    author: u64,
    /// Reviews from before then are of something else.
    since: Option<Timestamp>,
    files: Vec<Changed>,
    /// Whether the platform left out files, or lines of them.
    is_cut: bool,
    reviews: Vec<Review>,
}

/// A file that it changes.
#[derive(Clone, Debug)]
struct Changed {
    path: String,
    /// The change, in lines that begin with ` `, `+` or `-`.
    patch: String,
}

/// A review.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Review {
    /// The number of the account that gave it.
    pub account: u64,
    /// What the account calls itself now; for people only.
    pub name: String,
    /// Its page.
    pub page: String,
    /// When it was given.
    pub at: Option<Timestamp>,
    word: Word,
    is_user: bool,
    commit: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Word {
    Approved,
    ChangesRequested,
    Dismissed,
}

/// The platform shows less than the request changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the request changes more than the platform shows, and the digest is in nothing it shows")]
pub struct Cut;

/// Reviews that can be passed on, and the others with the reason.
#[derive(Clone, Debug, Default)]
pub struct Judged<'a> {
    /// The newest of each account, if it is a yes to the commit.
    pub good: Vec<(&'a Review, Timestamp)>,
    /// What does not count.
    pub left_out: Vec<(&'a Review, &'static str)>,
}

impl Place {
    /// Asks the platform.
    pub async fn read(&self, http: &Http, token: Option<&Token>) -> Result<Request, ServiceError> {
        let client = Client {
            http,
            place: self,
            headers: headers(self.kind, token),
        };
        match self.kind {
            PlatformKind::GitHub => github::read(&client).await,
            PlatformKind::GitLab => gitlab::read(&client).await,
        }
    }
}

impl Request {
    /// The file to which it adds this digest, among those that are looked into. An error if that
    /// cannot be known.
    pub fn file_with(
        &self,
        digest: &Digest,
        looks_into: impl Fn(&str) -> bool,
    ) -> Result<Option<&str>, Cut> {
        let mut files = self.files.iter().filter(|file| looks_into(&file.path));
        let adds = |file: &&Changed| {
            let mut added = file.patch.lines().filter_map(|line| line.strip_prefix('+'));
            added.any(|line| names(line, digest))
        };
        match files.find(adds) {
            Some(file) => Ok(Some(&file.path)),
            None if self.is_cut => Err(Cut),
            None => Ok(None),
        }
    }

    /// Which reviews are a yes to the commit, by the newest word of each account.
    pub fn judge(&self) -> Judged<'_> {
        let mut judged = Judged::default();
        for (index, review) in self.reviews.iter().enumerate() {
            let later = self.reviews.iter().skip(index.saturating_add(1));
            if later.clone().any(|other| other.account == review.account) {
                continue;
            }
            match self.objection_to(review) {
                Ok(at) => judged.good.push((review, at)),
                Err(reason) => judged.left_out.push((review, reason)),
            }
        }
        judged
    }

    fn objection_to(&self, review: &Review) -> Result<Timestamp, &'static str> {
        match review.word {
            Word::Approved => {}
            Word::ChangesRequested => return Err("asked for changes"),
            Word::Dismissed => return Err("the review was dismissed"),
        }
        if review.account == self.author {
            return Err("opened the request");
        }
        if !review.is_user {
            return Err("is no user");
        }
        if review.commit.as_ref() != Some(&self.commit) {
            return Err("reviewed another commit");
        }
        let Some(at) = review.at else {
            return Err("the platform does not say when it was reviewed");
        };
        match self.since {
            Some(since) if at < since => Err("reviewed it before it was changed"),
            _ => Ok(at),
        }
    }
}

fn is_commit(text: &str) -> bool {
    let is_hex = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
    matches!(text.len(), 40 | 64) && text.bytes().all(is_hex)
}

/// Whether a line names the digest, and not a longer one or the end of another word.
fn names(line: &str, digest: &Digest) -> bool {
    let text = digest.to_string();
    line.match_indices(&text).any(|(at, _)| {
        let before = line.get(..at).and_then(|head| head.chars().last());
        let after = line.get(at.saturating_add(text.len())..);
        let after = after.and_then(|tail| tail.chars().next());
        let is_part = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
        !is_part(before) && !is_part(after)
    })
}

fn headers(kind: PlatformKind, token: Option<&Token>) -> HeaderMap {
    let mut headers = HeaderMap::new();
    let own = HeaderName::from_static("private-token");
    let (name, value) = match (kind, token) {
        (_, None) => return headers,
        (PlatformKind::GitHub, Some(Token::Own(token) | Token::Job(token))) => (
            reqwest::header::AUTHORIZATION,
            format!("Bearer {}", token.expose()),
        ),
        (PlatformKind::GitLab, Some(Token::Own(token))) => (own, token.expose().to_owned()),
        (PlatformKind::GitLab, Some(Token::Job(token))) => (
            HeaderName::from_static("job-token"),
            token.expose().to_owned(),
        ),
    };
    // What is no header is no token either; the platform says then that one is missing.
    if let Ok(mut value) = HeaderValue::from_str(&value) {
        value.set_sensitive(true);
        headers.insert(name, value);
    }
    headers
}

/// Asks about one request.
struct Client<'a> {
    http: &'a Http,
    place: &'a Place,
    headers: HeaderMap,
}

impl Client<'_> {
    fn call(&self, path: &str, query: Option<&str>) -> Call {
        let mut url = http::below(&self.place.api, path);
        url.set_query(query);
        Call::get(Service::CodePlatform, url).with_headers(&self.headers)
    }

    async fn get<T: DeserializeOwned>(
        &self,
        path: &str,
        query: Option<&str>,
    ) -> Result<T, ServiceError> {
        let call = self.call(path, query);
        let answer: Answer = self.http.send(&call).await?;
        if answer.status != 200 {
            return Err(call.refused(&answer));
        }
        call.json(&answer)
    }

    /// A whole list; one that does not end is an error.
    async fn list<T: DeserializeOwned>(&self, path: &str) -> Result<Vec<T>, ServiceError> {
        let mut all = Vec::new();
        for page in 1..=PAGES {
            let query = format!("per_page={PAGE}&page={page}");
            let part: Vec<T> = self.get(path, Some(&query)).await?;
            let is_last = part.len() < PAGE;
            all.extend(part);
            if is_last {
                return Ok(all);
            }
        }
        let most = PAGES.saturating_mul(PAGE);
        Err(self.odd(path, format_args!("a list of {most} entries or more")))
    }

    /// An answer that cannot be gone on with.
    fn odd(&self, path: &str, reason: impl std::fmt::Display) -> ServiceError {
        self.call(path, None).malformed(reason)
    }
}

#[cfg(test)]
mod tests;
