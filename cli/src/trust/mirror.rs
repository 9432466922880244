//! Where a TUF repository is: a web server, or a folder.

use std::fmt;
use std::path::PathBuf;

use bulla_model::Digest;
use url::Url;

use crate::Failure;

/// The base of a TUF repository: `https`, `http` where the user writes it, or `file`.
///
/// TUF proves what it delivers, so a mirror is not trusted. It is never sent credentials: a URL
/// that carries some is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mirror(Url);

impl Mirror {
    /// Reads a URL.
    pub fn parse(text: &str) -> Result<Self, Failure> {
        let wrong = |reason: &str| {
            Failure::usage(format_args!("`{text}` is no TUF mirror: {reason}"))
                .with_hint("expected a URL such as https://tuf.example.com or file:///srv/tuf")
        };
        let mut url = Url::parse(text).map_err(|error| wrong(&error.to_string()))?;
        if !matches!(url.scheme(), "https" | "http" | "file") {
            return Err(wrong("only https, http and file are understood"));
        }
        if !url.username().is_empty() || url.password().is_some() {
            // The text is not repeated: it holds a secret.
            return Err(Failure::usage("a TUF mirror is never sent credentials")
                .with_hint("leave user and password out of the URL"));
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(wrong("it has a query or a fragment"));
        }
        if url.scheme() == "file" && url.to_file_path().is_err() {
            return Err(wrong("it names no folder of this machine"));
        }
        if !url.path().ends_with('/') {
            let path = format!("{}/", url.path());
            url.set_path(&path);
        }
        Ok(Self(url))
    }

    /// The URL, ending in a slash.
    pub fn url(&self) -> &Url {
        &self.0
    }

    /// The folder, where it is one of this machine.
    pub fn folder(&self) -> Option<PathBuf> {
        (self.0.scheme() == "file")
            .then(|| self.0.to_file_path().ok())
            .flatten()
    }

    /// A name for a folder of this machine: readable, and different for every mirror.
    pub fn folder_name(&self) -> String {
        let host = self.0.host_str().unwrap_or("file");
        let host: String = host
            .chars()
            .map(|c| {
                if c.is_ascii_alphanumeric() || c == '.' || c == '-' {
                    c
                } else {
                    '_'
                }
            })
            .take(80)
            .collect();
        let digest = Digest::sha256(self.0.as_str().as_bytes());
        format!("{host}-{}", digest.hex().get(..16).unwrap_or_default())
    }
}

impl fmt::Display for Mirror {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_str().trim_end_matches('/'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn f50_a_mirror_never_gets_credentials() {
        let failure = Mirror::parse("https://user:hunter2@tuf.example.test/").unwrap_err();
        assert!(!format!("{failure:?}").contains("hunter2"), "{failure:?}");
        assert!(failure.message().contains("never sent credentials"));
    }

    #[test]
    fn what_is_no_mirror_is_refused() {
        for text in [
            "tuf.example.test",
            "ftp://tuf.example.test",
            "https://tuf.example.test/?a=b",
            "https://tuf.example.test/#a",
        ] {
            let failure = Mirror::parse(text).unwrap_err();
            assert_eq!(failure.kind().exit().code(), 2, "{text}");
        }
    }

    #[test]
    fn every_mirror_has_a_folder_of_its_own() {
        let name = |text| Mirror::parse(text).unwrap().folder_name();
        assert_eq!(name("https://a.test/x"), name("https://a.test/x/"));
        assert_ne!(name("https://a.test/x"), name("https://a.test/y"));
        assert_ne!(name("https://a.test/"), name("http://a.test/"));
        assert!(name("http://[::1]:80/..").starts_with("___1_-"));
    }
}
