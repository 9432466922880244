//! Rules: policy, anchor, trusted roots and state, from files to what `verify` takes.
//!
//! A policy is a folder: its base file (the only `*.yaml` beside `people.yaml`), `services/*.yaml`,
//! `people.yaml`, and earlier versions whole under `history/*/`. Paths inside it are what the
//! policy's digest is over, so they are relative to the folder.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use bulla_model::{Digest, Limits, Scope};
use bulla_verify::{
    Anchor, LedgerRule, Policy, PolicyFile, PolicyFiles, SeenCheckpoint, State, Trust,
};
use jiff::Timestamp;
use serde::Serialize;

use super::file;
use super::memory::read_state;
use super::published::Standing;
use crate::Failure;
use crate::args::decide::DecideArguments;
use crate::commands::Context;
use crate::failure::FailureKind;
use crate::settings::row;
use crate::trust::document;

/// The folder of a policy that holds its owners' signatures.
pub const SIGNATURES: &str = "signatures";

/// Everything a decision rests on besides the evidence.
#[derive(Debug)]
pub struct Rules {
    /// The policy.
    pub policy: Policy,
    /// The files it was read from.
    pub files: PolicyFiles,
    /// What this verifier was told out of band.
    pub anchor: Option<Anchor>,
    /// The anchor's bytes.
    pub anchor_file: Option<PolicyFile>,
    /// Trusted roots, as read.
    pub trusted_roots: Vec<Vec<u8>>,
    /// Keys and trusted roots.
    pub trust: Trust,
    /// What was seen before.
    pub state: Option<State>,
    /// Where each came from.
    pub sources: Vec<Source>,
    /// Where the ledger is; `None` is where the target's attestations are.
    pub ledger: Option<String>,
    /// Where what was seen is kept.
    pub(super) state_path: Option<PathBuf>,
    /// Whether the policy is one that its owners published.
    pub(super) published: Standing,
    /// Where checkpoints are remembered, also by whoever reads the rules again by itself.
    pub(super) memory_path: Option<PathBuf>,
    /// Checkpoints that this process saw.
    pub(super) noticed: Mutex<BTreeMap<Scope, SeenCheckpoint>>,
}

/// A file that a verdict rests on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Source {
    /// What it is: policy, anchor, trusted root, state.
    pub what: &'static str,
    /// Its path as given.
    pub path: String,
    /// Where the path came from: command line, variable or settings file.
    pub origin: String,
    /// Digest of its bytes; for a policy the digest over all its files.
    pub digest: Digest,
}

impl Rules {
    /// Reads everything the arguments and settings name. A policy is needed.
    pub fn load(
        context: &Context,
        arguments: &DecideArguments,
        now: Timestamp,
    ) -> Result<Self, Failure> {
        let limits = &context.limits;
        let policy_setting = context
            .settings
            .text(&row::POLICY, arguments.policy.as_deref())?;
        let policy_setting = policy_setting.ok_or_else(|| {
            Failure::usage("no policy given").with_hint(
                "pass --policy DIR, or set BULLA_POLICY; bulla init writes one to start from",
            )
        })?;
        let files = read_policy(Path::new(&policy_setting.value), limits)?;
        let mut sources = Vec::new();
        let mut anchor_file = None;
        if let Some(setting) = context
            .settings
            .text(&row::ANCHOR, arguments.anchor.as_deref())?
        {
            let bytes = file::read(Path::new(&setting.value), limits.configuration_bytes)?;
            sources.push(Source {
                what: "anchor",
                path: setting.value.clone(),
                origin: setting.origin.to_string(),
                digest: Digest::sha256(&bytes),
            });
            anchor_file = Some(PolicyFile {
                path: setting.value,
                bytes,
            });
        }
        let trusted_roots = trusted_roots(context, &arguments.trusted_root, &mut sources)?;
        let state = arguments
            .state
            .as_deref()
            .map(|path| read_state(path, limits))
            .transpose()?;
        let mut rules = Self::assemble(files, anchor_file, trusted_roots, now, limits)?;
        sources.insert(
            0,
            Source {
                what: "policy",
                path: policy_setting.value,
                origin: policy_setting.origin.to_string(),
                digest: rules.policy.digest(),
            },
        );
        rules.sources = sources;
        rules.state = state;
        rules.state_path.clone_from(&arguments.state);
        rules.memory_path.clone_from(&arguments.state);
        let forgotten =
            rules.anchor.is_none() && rules.state.as_ref().is_some_and(State::knows_anchors);
        if forgotten {
            // Whoever leaves it away by mistake would be asked nothing by the owners who rotated it.
            context.printer.warn(
                "the state knows anchors that were rotated, and no anchor is given: --anchor",
            );
        }
        rules.ledger = match context
            .settings
            .text(&row::LEDGER, arguments.ledger.as_deref())?
        {
            Some(setting) => Some(setting.value),
            None => rules
                .owner()
                .and_then(LedgerRule::location)
                .map(str::to_owned),
        };
        Ok(rules)
    }

    /// Turns files that were read, from disk or from an evidence pack, into rules.
    pub fn assemble(
        files: PolicyFiles,
        anchor_file: Option<PolicyFile>,
        trusted_roots: Vec<Vec<u8>>,
        now: Timestamp,
        limits: &Limits,
    ) -> Result<Self, Failure> {
        let configuration =
            |error: &dyn std::fmt::Display| Failure::new(FailureKind::Configuration, error);
        let policy = Policy::parse(&files, limits).map_err(|error| configuration(&error))?;
        let anchor = anchor_file
            .as_ref()
            .map(|file| Anchor::parse(&file.path, &file.bytes, limits))
            .transpose()
            .map_err(|error| configuration(&error))?;
        let keys = anchor.iter().flat_map(Anchor::keys).cloned();
        let keys = policy.keys().into_iter().chain(keys);
        let trust =
            Trust::new(keys, &trusted_roots, now, limits).map_err(|error| configuration(&error))?;
        let published = Standing::of(&policy, anchor.as_ref(), now, limits);
        Ok(Self {
            policy,
            files,
            anchor,
            anchor_file,
            trusted_roots,
            trust,
            state: None,
            sources: Vec::new(),
            ledger: None,
            state_path: None,
            published,
            memory_path: None,
            noticed: Mutex::default(),
        })
    }

    /// Who owns the ledger, if the anchor says.
    pub fn owner(&self) -> Option<&LedgerRule> {
        self.anchor.as_ref().and_then(Anchor::ledger)
    }

    /// Whether there is a ledger to ask: somebody may revoke or freeze, or keeps checkpoints.
    pub fn has_ledger(&self) -> bool {
        let policy = &self.policy;
        policy.knows_revocations() || policy.knows_freezes() || self.owner().is_some()
    }
}

/// The trusted roots that flags or settings name.
pub fn trusted_roots(
    context: &Context,
    flags: &[String],
    sources: &mut Vec<Source>,
) -> Result<Vec<Vec<u8>>, Failure> {
    let limits = &context.limits;
    let mut paths: Vec<(String, String)> = flags
        .iter()
        .map(|path| (path.clone(), "command line".to_owned()))
        .collect();
    if paths.is_empty() {
        // A client trust configuration holds a trusted root too; what is only that is meant first.
        for row in [&row::TRUSTED_ROOT, &row::TRUST_CONFIG] {
            if paths.is_empty() {
                let setting = context.settings.text(row, None)?;
                paths.extend(setting.map(|setting| (setting.value, setting.origin.to_string())));
            }
        }
    }
    let mut roots = Vec::new();
    for (path, origin) in paths {
        for bytes in document::read(Path::new(&path), limits)? {
            sources.push(Source {
                what: "trusted root",
                path: path.clone(),
                origin: origin.clone(),
                digest: Digest::sha256(&bytes),
            });
            roots.push(bytes);
        }
    }
    Ok(roots)
}

/// Reads the files of a policy from its folder, or around its base file.
pub fn read_policy(path: &Path, limits: &Limits) -> Result<PolicyFiles, Failure> {
    if path.is_dir() {
        let mut files = read_folder(path, limits)?;
        let history = path.join("history");
        if history.is_dir() {
            for folder in entries(&history)?
                .into_iter()
                .filter(|entry| entry.is_dir())
            {
                let mut earlier = read_folder(&folder, limits)?;
                // A folder that was moved there whole brings its signatures.
                for file in std::mem::take(&mut earlier.signatures) {
                    if !files.signatures.iter().any(|own| own.path == file.path) {
                        files.signatures.push(file);
                    }
                }
                files.predecessors.push(earlier);
            }
        }
        return Ok(files);
    }
    let folder = path.parent().unwrap_or(Path::new(""));
    let folder = if folder.as_os_str().is_empty() {
        Path::new(".")
    } else {
        folder
    };
    read_around(folder, path, limits)
}

fn read_folder(folder: &Path, limits: &Limits) -> Result<PolicyFiles, Failure> {
    let is_base = |entry: &PathBuf| {
        is_yaml(entry) && entry.file_name().is_some_and(|name| name != "people.yaml")
    };
    let bases: Vec<_> = entries(folder)?.into_iter().filter(is_base).collect();
    match bases.as_slice() {
        [base] => read_around(folder, base, limits),
        [] => Err(Failure::new(
            FailureKind::Configuration,
            format_args!(
                "{} holds no policy: expected one *.yaml beside people.yaml",
                folder.display()
            ),
        )
        .with_hint("bulla init writes a policy to start from")),
        several => Err(Failure::new(
            FailureKind::Configuration,
            format_args!(
                "{} holds {} possible base files",
                folder.display(),
                several.len()
            ),
        )
        .with_hint(format_args!(
            "name the base file itself: --policy {}",
            several[0].display()
        ))),
    }
}

fn read_around(folder: &Path, base: &Path, limits: &Limits) -> Result<PolicyFiles, Failure> {
    let read = |path: &Path| -> Result<PolicyFile, Failure> {
        let name = path
            .file_name()
            .and_then(|name| name.to_str())
            .ok_or_else(|| {
                Failure::new(
                    FailureKind::Configuration,
                    format_args!("{}: the name is not UTF-8", path.display()),
                )
            })?;
        let mut kept = ["services", SIGNATURES].into_iter();
        let kept = kept.find(|kept| path.parent() == Some(&folder.join(kept)));
        let inside = kept.map_or_else(|| name.to_owned(), |kept| format!("{kept}/{name}"));
        Ok(PolicyFile {
            path: inside,
            bytes: file::read(path, limits.configuration_bytes)?,
        })
    };
    let people = folder.join("people.yaml");
    let services = folder.join("services");
    let mut files = PolicyFiles {
        base: read(base)?,
        ..PolicyFiles::default()
    };
    if people.exists() {
        files.people = Some(read(&people)?);
    }
    if services.is_dir() {
        for path in entries(&services)?.iter().filter(|path| is_yaml(path)) {
            files.services.push(read(path)?);
        }
    }
    let signatures = folder.join(SIGNATURES);
    if signatures.is_dir() {
        for path in entries(&signatures)?.iter().filter(|path| is_json(path)) {
            files.signatures.push(read(path)?);
        }
    }
    Ok(files)
}

/// The entries of a folder, sorted, so that the same folder is always read the same way.
pub fn entries(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let list = || -> std::io::Result<Vec<PathBuf>> {
        std::fs::read_dir(folder)?
            .map(|entry| entry.map(|entry| entry.path()))
            .collect()
    };
    let mut paths = list().map_err(|error| Failure::file("read", folder, &error))?;
    paths.sort();
    Ok(paths)
}

fn is_json(path: &Path) -> bool {
    path.is_file() && path.extension().is_some_and(|ending| ending == "json")
}

/// Whether a file is YAML, by its name.
pub fn is_yaml(path: &Path) -> bool {
    path.is_file()
        && path
            .extension()
            .is_some_and(|ending| ending == "yaml" || ending == "yml")
}
