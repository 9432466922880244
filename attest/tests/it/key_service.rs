//! A key service that answers what a test tells it to, and remembers what it was asked.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use bulla_attest::{KeyServiceError, Surroundings};
use jiff::Timestamp;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use zeroize::Zeroizing;

/// One request as it arrived.
#[derive(Clone, Debug)]
pub(crate) struct Received {
    pub(crate) line: String,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: String,
}

impl Received {
    /// The body as JSON.
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap()
    }
}

/// Status, body.
pub(crate) type Reply = (u16, String);

/// A server on this machine.
pub(crate) struct Fake {
    pub(crate) address: String,
    received: Arc<Mutex<Vec<Received>>>,
}

impl Fake {
    /// Answers each request by this function.
    pub(crate) async fn start(answer: impl Fn(&Received) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let received = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&received);
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let Some(request) = read(&mut stream).await else {
                    continue;
                };
                let (status, body) = answer(&request);
                kept.lock().unwrap().push(request);
                let location = "location: http://127.0.0.1:1/elsewhere\r\n";
                let head = format!(
                    "HTTP/1.1 {status} X\r\n{location}content-length: {}\r\nconnection: close\r\n\r\n",
                    body.len()
                );
                drop(
                    stream
                        .write_all(&[head.as_bytes(), body.as_bytes()].concat())
                        .await,
                );
            }
        });
        Self { address, received }
    }

    /// What arrived so far.
    pub(crate) fn received(&self) -> Vec<Received> {
        self.received.lock().unwrap().clone()
    }

    /// Its address.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

async fn read(stream: &mut TcpStream) -> Option<Received> {
    let mut bytes = Vec::new();
    loop {
        let mut part = [0; 4096];
        let count = stream.read(&mut part).await.ok()?;
        if count == 0 {
            return None;
        }
        bytes.extend_from_slice(&part[..count]);
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            continue;
        };
        let mut lines = head.lines();
        let line = lines.next()?.to_owned();
        let headers: BTreeMap<String, String> = lines
            .filter_map(|line| line.split_once(": "))
            .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
            .collect();
        let length: usize = headers
            .get("content-length")
            .and_then(|text| text.parse().ok())
            .unwrap_or(0);
        if body.len() >= length {
            return Some(Received {
                line,
                headers,
                body: body.to_owned(),
            });
        }
    }
}

/// Surroundings of a test's own making.
#[derive(Clone, Debug, Default)]
pub(crate) struct World {
    pub(crate) variables: BTreeMap<&'static str, String>,
    pub(crate) files: BTreeMap<PathBuf, Vec<u8>>,
    pub(crate) programs: BTreeMap<String, PathBuf>,
    pub(crate) plain: Vec<String>,
}

impl World {
    pub(crate) fn with<const N: usize>(variables: [(&'static str, &str); N]) -> Self {
        Self {
            variables: variables
                .map(|(name, value)| (name, value.to_owned()))
                .into(),
            ..Self::default()
        }
    }
}

impl Surroundings for World {
    fn variable(&self, name: &str) -> Option<String> {
        self.variables.get(name).cloned()
    }

    fn file(&self, path: &Path) -> Result<Option<Zeroizing<Vec<u8>>>, KeyServiceError> {
        Ok(self.files.get(path).cloned().map(Zeroizing::new))
    }

    fn now(&self) -> Timestamp {
        "2026-11-22T04:00:00Z".parse().unwrap()
    }

    fn program(&self, name: &str) -> Option<PathBuf> {
        self.programs.get(name).cloned()
    }

    fn permits_plain(&self, host: &str) -> bool {
        self.plain.iter().any(|plain| plain == host)
    }
}
