//! A trusted root from plain files: certificates and keys, as those have them who run a certificate
//! authority of their own.
//!
//! Files say nothing about when a key counts, so a log's key counts always and certificates as long
//! as they say. `bulla trust create` makes a document in which that is written down.

use std::path::{Path, PathBuf};

use bulla_model::{Digest, Limits};
use jiff::Timestamp;
use serde_json::{Map, Value};
use url::Url;

use super::create::{TRUSTED_ROOT_TYPE, authority, extend, log};
use super::spec::Service;
use crate::Failure;
use crate::failure::FailureKind;
use crate::join::file;
use crate::join::rules::Source;

/// What was named on the command line.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct PlainFiles<'a> {
    /// Certificates that end chains, PEM.
    pub(crate) roots: &'a [PathBuf],
    /// Certificates between those and signers, PEM.
    pub(crate) intermediates: &'a [PathBuf],
    /// Chains of timestamp authorities, PEM, each the signing certificate first.
    pub(crate) timestamp_chains: &'a [PathBuf],
    /// Public keys of transparency logs, PEM.
    pub(crate) log_keys: &'a [PathBuf],
    /// Public keys of certificate logs, PEM.
    pub(crate) certificate_log_keys: &'a [PathBuf],
}

/// What the files are together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PlainRoot {
    /// `trusted_root.json`.
    pub(crate) bytes: Vec<u8>,
    /// Where each part came from.
    pub(crate) sources: Vec<Source>,
}

impl PlainFiles<'_> {
    /// The trusted root these files are; `None` if none is named.
    pub(crate) fn trusted_root(&self, limits: &Limits) -> Result<Option<PlainRoot>, Failure> {
        let mut sources = Vec::new();
        let mut read = |what: &'static str, path: &Path| -> Result<Vec<u8>, Failure> {
            let bytes = file::read(path, limits.configuration_bytes)?;
            sources.push(Source {
                what,
                path: path.display().to_string(),
                origin: "command line".to_owned(),
                digest: Digest::sha256(&bytes),
            });
            Ok(bytes)
        };
        let mut between = Vec::new();
        for path in self.intermediates {
            between.append(&mut certificates(path, &read("intermediate", path)?)?);
        }
        let mut document = Map::new();
        document.insert("mediaType".to_owned(), TRUSTED_ROOT_TYPE.into());
        for path in self.roots {
            let pem = read("certificate authority", path)?;
            // Each root ends a chain of its own; a signer's goes through whichever fits.
            for root in certificates(path, &pem)? {
                let mut chain = between.clone();
                chain.push(root);
                let pem = pem::encode_many(&chain);
                let entry = authority(&service("--ca-roots", path), pem.as_bytes())?;
                extend(&mut document, "certificateAuthorities", vec![entry]);
            }
        }
        for path in self.timestamp_chains {
            let pem = read("timestamp authority", path)?;
            let service = service("--timestamp-certificate-chain", path);
            let entry = authority(&service, &pem)?;
            extend(&mut document, "timestampAuthorities", vec![entry]);
        }
        for (flag, list, paths) in [
            ("--log-key", "tlogs", self.log_keys),
            ("--certificate-log-key", "ctlogs", self.certificate_log_keys),
        ] {
            for path in paths {
                let pem = read("log", path)?;
                let entry = log(&service(flag, path), &pem)?;
                extend(&mut document, list, vec![entry]);
            }
        }
        if sources.is_empty() {
            return Ok(None);
        }
        if self.roots.is_empty() && !self.intermediates.is_empty() {
            return Err(Failure::usage(
                "--ca-intermediates says nothing without --ca-roots",
            ));
        }
        let bytes = Value::Object(document).to_string().into_bytes();
        Ok(Some(PlainRoot { bytes, sources }))
    }
}

/// A service about which nothing but a file is known. Its address is never asked.
fn service(flag: &'static str, path: &Path) -> Service {
    let text = format!(
        "https://plain.invalid/{}",
        Digest::sha256(path.as_os_str().as_encoded_bytes()).hex()
    );
    Service {
        flag,
        url: Url::parse(&text).expect("because a digest is part of a URL"),
        text,
        certificate_chain: None,
        public_key: None,
        start: flag.ends_with("log-key").then_some(Timestamp::UNIX_EPOCH),
        end: None,
        operator: None,
        api_version: 1,
        origin: None,
    }
}

fn certificates(path: &Path, text: &[u8]) -> Result<Vec<pem::Pem>, Failure> {
    let wrong = || {
        Failure::new(
            FailureKind::Input,
            format_args!("{}: expected certificates as PEM", path.display()),
        )
    };
    let blocks = pem::parse_many(text).map_err(|_| wrong())?;
    let all = blocks.iter().all(|block| block.tag() == "CERTIFICATE");
    if blocks.is_empty() || !all {
        return Err(wrong());
    }
    Ok(blocks)
}
