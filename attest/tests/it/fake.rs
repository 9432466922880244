//! A service that answers what a test wants.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bulla_attest::{Http, HttpOptions};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// A request as it came in.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    /// For example `POST /api/v1/log/entries`.
    pub(crate) line: String,
    /// Header lines, in lower case.
    pub(crate) headers: String,
    pub(crate) body: Vec<u8>,
}

/// What it answers.
pub(crate) enum Reply {
    /// Status, header lines, body.
    Whole(u16, &'static str, Vec<u8>),
    /// A body that never ends.
    Endless,
}

impl Reply {
    pub(crate) fn json(status: u16, value: &serde_json::Value) -> Self {
        Self::Whole(status, "", value.to_string().into_bytes())
    }
}

type Answer = Arc<dyn Fn(&Asked) -> Reply + Send + Sync>;

/// A running service.
pub(crate) struct Fake {
    /// Its URL.
    pub(crate) url: String,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Fake {
    pub(crate) async fn start(answer: impl Fn(&Asked) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (seen, answer): (_, Answer) = (Arc::clone(&asked), Arc::new(answer));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&seen), Arc::clone(&answer)));
            }
        });
        Self { url, asked }
    }

    /// The requests so far.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }
}

async fn serve(mut stream: TcpStream, seen: Arc<Mutex<Vec<Asked>>>, answer: Answer) {
    let Some(asked) = read(&mut stream).await else {
        return;
    };
    seen.lock().unwrap().push(asked.clone());
    match answer(&asked) {
        Reply::Whole(status, headers, body) => {
            let length = body.len();
            let head = format!(
                "HTTP/1.1 {status} X\r\n{headers}content-length: {length}\r\nconnection: close\r\n\r\n"
            );
            drop(stream.write_all(head.as_bytes()).await);
            drop(stream.write_all(&body).await);
            drop(stream.shutdown().await);
        }
        Reply::Endless => {
            let head = "HTTP/1.1 200 X\r\nconnection: close\r\n\r\n";
            drop(stream.write_all(head.as_bytes()).await);
            let part = vec![b'['; 1 << 16];
            while stream.write_all(&part).await.is_ok() {}
        }
    }
}

async fn read(stream: &mut TcpStream) -> Option<Asked> {
    let mut bytes = Vec::new();
    loop {
        let mut part = [0; 4096];
        let count = stream
            .read(&mut part)
            .await
            .ok()
            .filter(|count| *count > 0)?;
        bytes.extend_from_slice(&part[..count]);
        let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else {
            continue;
        };
        let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
        let (line, headers) = head.split_once("\r\n").unwrap_or((&head, ""));
        let headers = headers.to_ascii_lowercase();
        let length = headers
            .lines()
            .find_map(|line| line.strip_prefix("content-length: ")?.parse().ok())
            .unwrap_or(0_usize);
        if bytes.len() >= end + 4 + length {
            return Some(Asked {
                line: line.trim_end_matches(" HTTP/1.1").to_owned(),
                headers,
                body: bytes[end + 4..].to_vec(),
            });
        }
    }
}

/// Connections that give up after five seconds.
pub(crate) fn http() -> Http {
    Http::new(&HttpOptions {
        certificates: Vec::new(),
        https_proxy: None,
        no_proxy: None,
        timeout: Duration::from_secs(5),
    })
    .unwrap()
}

/// Runs a future that waits for sockets.
pub(crate) fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
        .block_on(future)
}
