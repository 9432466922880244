//! A code platform on this machine, which answers as GitHub's and GitLab's documents say.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

pub(super) const HEAD: &str = "9c1e44d09c1e44d09c1e44d09c1e44d09c1e44d0";
pub(super) const BASE: &str = "3a9c1c2b3a9c1c2b3a9c1c2b3a9c1c2b3a9c1c2b";
pub(super) const TOKEN: &str = "ghs_only-for-the-platform";
pub(super) const PULL: &str = "https://code.example.test/acme/deploy/pull/7";
pub(super) const MERGE: &str = "https://code.example.test/acme/deploy/-/merge_requests/7";

/// What a platform answers, by path and query.
type Answers = BTreeMap<String, (u16, String)>;

/// A platform on this machine.
pub(super) struct Platform {
    pub(super) url: String,
    answers: Arc<Mutex<Answers>>,
    /// Heads of the requests.
    pub(super) asked: Arc<Mutex<Vec<String>>>,
}

impl Platform {
    fn start(answers: Answers) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let platform = Self {
            url,
            answers: Arc::new(Mutex::new(answers)),
            asked: Arc::default(),
        };
        let (answers, asked) = (Arc::clone(&platform.answers), Arc::clone(&platform.asked));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                answer(stream.unwrap(), &answers, &asked);
            }
        });
        platform
    }

    pub(super) fn set(&self, path: &str, status: u16, body: &impl ToString) {
        let answer = (status, body.to_string());
        self.answers.lock().unwrap().insert(path.to_owned(), answer);
    }

    pub(super) fn change(&self, path: &str, change: impl FnOnce(&mut Value)) {
        let mut answers = self.answers.lock().unwrap();
        let (_, body) = answers.get_mut(path).unwrap();
        let mut value = serde_json::from_str(body).unwrap();
        change(&mut value);
        *body = value.to_string();
    }
}

fn answer(mut stream: TcpStream, answers: &Mutex<Answers>, asked: &Mutex<Vec<String>>) {
    let mut bytes = Vec::new();
    let mut part = [0; 4096];
    while !bytes.windows(4).any(|end| end == b"\r\n\r\n") {
        match stream.read(&mut part) {
            Ok(count) if count > 0 => bytes.extend_from_slice(&part[..count]),
            _ => return,
        }
    }
    let head = String::from_utf8_lossy(&bytes).into_owned();
    let path = head.split_whitespace().nth(1).unwrap().to_owned();
    asked.lock().unwrap().push(head);
    let missing = (404, json!({"message": "Not Found"}).to_string());
    let (status, body) = answers
        .lock()
        .unwrap()
        .get(&path)
        .cloned()
        .unwrap_or(missing);
    let head = format!(
        "HTTP/1.1 {status} X\r\nlocation: /elsewhere\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    );
    // The other side may have heard enough.
    drop(stream.write_all(head.as_bytes()));
    drop(stream.write_all(body.as_bytes()));
}

pub(super) fn account(id: u64, kind: &str) -> Value {
    json!({"id": id, "login": format!("user{id}"), "type": kind})
}

pub(super) fn review(id: u64, account: &Value, state: &str) -> Value {
    json!({
        "id": id, "user": account, "state": state, "commit_id": HEAD,
        "submitted_at": reviewed(), "body": "looks good",
    })
}

/// An hour ago.
fn reviewed() -> String {
    (jiff::Timestamp::now() - jiff::SignedDuration::from_hours(1)).to_string()
}

pub(super) fn patch(digest: &str) -> String {
    format!("@@ -1,2 +1,2 @@\n image: pay\n-digest: old\n+digest: {digest}")
}

pub(super) const PULLS: &str = "/repos/acme/deploy/pulls/7";
pub(super) const REVIEWS: &str = "/repos/acme/deploy/pulls/7/reviews?per_page=100&page=1";
pub(super) const EVENTS: &str = "/repos/acme/deploy/issues/7/events?per_page=100&page=1";

pub(super) fn compare() -> String {
    format!("/repos/acme/deploy/compare/{BASE}...{HEAD}")
}

/// Accounts 17 and 19 approved.
pub(super) fn github(digest: &str) -> Platform {
    let answers = [
        (
            PULLS.to_owned(),
            json!({
                "number": 7, "state": "open", "merged": false, "user": account(5, "Bot"),
                "head": {"sha": HEAD},
                "base": {"sha": BASE, "ref": "main",
                    "repo": {"full_name": "acme/deploy", "default_branch": "main"}},
            }),
        ),
        (
            REVIEWS.to_owned(),
            json!([
                review(1, &account(17, "User"), "CHANGES_REQUESTED"),
                review(2, &account(17, "User"), "APPROVED"),
                review(3, &account(17, "User"), "COMMENTED"),
                review(4, &account(19, "User"), "APPROVED"),
            ]),
        ),
        (EVENTS.to_owned(), json!([])),
        (
            compare(),
            json!({"files": [
                {"filename": "README.md", "patch": "+hello", "changes": 1},
                {"filename": "prod/pay.yaml", "patch": patch(digest), "changes": 2},
            ]}),
        ),
    ];
    let answers = answers.map(|(path, body)| (path, (200, body.to_string())));
    Platform::start(answers.into_iter().collect())
}

pub(super) const PROJECT: &str = "/projects/acme%2Fdeploy";

pub(super) fn gitlab_path(rest: &str) -> String {
    format!("{PROJECT}{rest}")
}

pub(super) fn gitlab(digest: &str) -> Platform {
    let user = |id: u64| json!({"id": id, "username": format!("user{id}"), "state": "active"});
    let made = jiff::Timestamp::now() - jiff::SignedDuration::from_hours(2);
    let compare = format!("/repository/compare?from={BASE}&to={HEAD}&straight=true");
    let answers = [
        (
            "",
            json!({"id": 3, "path_with_namespace": "acme/deploy", "default_branch": "main"}),
        ),
        (
            "/merge_requests/7",
            json!({
                "iid": 7, "project_id": 3, "state": "merged", "sha": HEAD,
                "target_branch": "main", "author": user(5),
            }),
        ),
        (
            "/merge_requests/7/approvals",
            json!({"approved_by": [
                {"user": user(17), "approved_at": reviewed()},
                {"user": user(19), "approved_at": reviewed()},
            ]}),
        ),
        (
            "/merge_requests/7/versions?per_page=100&page=1",
            json!([
                {"id": 2, "head_commit_sha": HEAD, "base_commit_sha": BASE, "created_at": made.to_string()},
                {"id": 1, "head_commit_sha": BASE, "base_commit_sha": BASE, "created_at": "2026-01-01T00:00:00.000Z"},
            ]),
        ),
        (
            &compare,
            json!({"diffs": [{"new_path": "prod/pay.yaml", "old_path": "prod/pay.yaml",
                "diff": patch(digest), "deleted_file": false}]}),
        ),
    ];
    let answers = answers.map(|(path, body)| (gitlab_path(path), (200, body.to_string())));
    Platform::start(answers.into_iter().collect())
}
