//! A service as people write it: `url=https://…,public-key=FILE,start-time=TIME`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use url::Url;

use crate::Failure;

/// One service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Service {
    /// The flag it was given with, for messages.
    pub(crate) flag: &'static str,
    /// Where it is.
    pub(crate) url: Url,
    /// The URL as typed: parsing adds a slash that clients compare.
    pub(crate) text: String,
    /// PEM file of certificates, the issuing one first.
    pub(crate) certificate_chain: Option<PathBuf>,
    /// PEM file of a public key.
    pub(crate) public_key: Option<PathBuf>,
    /// From when its key counts and it may be used.
    pub(crate) start: Option<Timestamp>,
    /// Until when.
    pub(crate) end: Option<Timestamp>,
    /// Who runs it.
    pub(crate) operator: Option<String>,
    /// Major version of its interface.
    pub(crate) api_version: u32,
    /// The name a log signs its checkpoints with.
    pub(crate) origin: Option<String>,
}

/// What material a flag's services have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Certificates.
    Authority,
    /// A public key.
    Log,
    /// Neither.
    Provider,
}

impl Kind {
    fn knows(self, key: &str) -> bool {
        match key {
            "url" | "start-time" | "end-time" | "operator" | "api-version" => true,
            "certificate-chain" => self == Self::Authority,
            "public-key" | "origin" => self == Self::Log,
            _ => false,
        }
    }
}

impl Service {
    /// Reads what was typed after `flag`.
    pub(crate) fn parse(flag: &'static str, kind: Kind, text: &str) -> Result<Self, Failure> {
        let wrong = |reason: String| Failure::usage(format_args!("{flag} {text}: {reason}"));
        let mut values = BTreeMap::new();
        for part in text.split(',') {
            let (key, value) = part
                .split_once('=')
                .ok_or_else(|| wrong(format!("`{part}` is not KEY=VALUE")))?;
            if !kind.knows(key) {
                return Err(wrong(format!("`{key}` means nothing here")));
            }
            if values.insert(key, value).is_some() {
                return Err(wrong(format!("`{key}` is given twice")));
            }
        }
        let time = |key: &str| {
            values
                .get(key)
                .map(|value| value.parse::<Timestamp>())
                .transpose()
                .map_err(|error| wrong(format!("{key}: {error}")))
        };
        let address = *values
            .get("url")
            .ok_or_else(|| wrong("url is missing".to_owned()))?;
        let url = Url::parse(address).map_err(|error| wrong(format!("url: {error}")))?;
        if !matches!(url.scheme(), "https" | "http") || url.host_str().is_none() {
            return Err(wrong("url: expected https://HOST".to_owned()));
        }
        let (start, end) = (time("start-time")?, time("end-time")?);
        if let (Some(start), Some(end)) = (start, end)
            && end <= start
        {
            return Err(wrong("it ends before it starts".to_owned()));
        }
        let api_version = values
            .get("api-version")
            .map_or(Ok(1), |value| value.parse::<u32>())
            .map_err(|error| wrong(format!("api-version: {error}")))?;
        Ok(Self {
            flag,
            text: address.to_owned(),
            url,
            certificate_chain: values.get("certificate-chain").map(PathBuf::from),
            public_key: values.get("public-key").map(PathBuf::from),
            start,
            end,
            operator: values.get("operator").map(|&value| value.to_owned()),
            api_version,
            origin: values.get("origin").map(|&value| value.to_owned()),
        })
    }

    /// A file it must name.
    pub(crate) fn needed<'a>(
        &self,
        key: &str,
        file: Option<&'a PathBuf>,
    ) -> Result<&'a Path, Failure> {
        file.map(PathBuf::as_path).ok_or_else(|| {
            Failure::usage(format_args!(
                "{} {}: {key} is missing",
                self.flag, self.text
            ))
            .with_hint(format_args!("{} url={},{key}=FILE", self.flag, self.text))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(kind: Kind, text: &str) -> Result<Service, Failure> {
        Service::parse("--rekor", kind, text)
    }

    #[test]
    fn a_service_is_read_as_it_is_typed() {
        let text = "url=https://rekor.test,public-key=a.pub,start-time=2026-01-01T00:00:00Z,api-version=2,origin=log.test";
        let service = parse(Kind::Log, text).unwrap();
        assert_eq!(service.text, "https://rekor.test");
        assert_eq!(service.public_key.as_deref(), Some(Path::new("a.pub")));
        assert_eq!(service.api_version, 2);
        assert_eq!(service.origin.as_deref(), Some("log.test"));
        assert_eq!(service.end, None);
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        for (kind, text, reason) in [
            (Kind::Log, "https://rekor.test", "is not KEY=VALUE"),
            (Kind::Log, "public-key=a.pub", "url is missing"),
            (
                Kind::Log,
                "url=https://a.test,url=https://b.test",
                "given twice",
            ),
            (
                Kind::Log,
                "url=https://a.test,certificate-chain=a",
                "means nothing",
            ),
            (
                Kind::Authority,
                "url=https://a.test,public-key=a",
                "means nothing",
            ),
            (
                Kind::Provider,
                "url=https://a.test,origin=a",
                "means nothing",
            ),
            (Kind::Log, "url=file:///etc/passwd", "expected https"),
            (
                Kind::Log,
                "url=https://a.test,start-time=yesterday",
                "start-time",
            ),
            (
                Kind::Log,
                "url=https://a.test,start-time=2026-01-02T00:00:00Z,end-time=2026-01-01T00:00:00Z",
                "ends before it starts",
            ),
        ] {
            let failure = parse(kind, text).unwrap_err();
            assert!(failure.message().contains(reason), "{text}: {failure:?}");
        }
    }
}
