//! Rules: policy, anchor, trusted roots and state, from files to what `verify` takes.
//!
//! A policy is a folder: its base file (the only `*.yaml` beside `people.yaml`), `services/*.yaml`,
//! `people.yaml`, and earlier versions whole under `history/*/`. Paths inside it are what the
//! policy's digest is over, so they are relative to the folder.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use bulla_model::{Digest, Limits, Scope};
use bulla_verify::{
    Anchor, LedgerRule, Policy, PolicyFile, PolicyFiles, SeenCheckpoint, State, Trust, Verdict,
    owned,
};
use jiff::Timestamp;
use serde::Serialize;

use super::file;
use crate::Failure;
use crate::args::decide::DecideArguments;
use crate::commands::Context;
use crate::failure::FailureKind;
use crate::lock::Lock;
use crate::output::write_atomic;
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
    state_path: Option<PathBuf>,
    /// Whether the policy is one that its owners published, as far as the anchor asks for that.
    published: Standing,
    /// Where checkpoints are remembered, also by whoever reads the rules again by itself.
    memory_path: Option<PathBuf>,
    /// Checkpoints that this process saw.
    noticed: Mutex<BTreeMap<Scope, SeenCheckpoint>>,
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
        rules.ledger = match context
            .settings
            .text(&row::LEDGER, arguments.ledger.as_deref())?
        {
            Some(setting) => Some(setting.value),
            None => rules
                .keeper()
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
        let keeper = anchor.as_ref().and_then(Anchor::ledger);
        let keys = keeper.into_iter().flat_map(LedgerRule::keys).cloned();
        let keys = policy.keys().into_iter().chain(keys);
        let trust =
            Trust::new(keys, &trusted_roots, now, limits).map_err(|error| configuration(&error))?;
        let published = standing(&policy, anchor.as_ref(), now, limits);
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

    /// Who keeps the ledger, if the anchor says.
    pub fn keeper(&self) -> Option<&LedgerRule> {
        self.anchor.as_ref().and_then(Anchor::ledger)
    }

    /// Whether there is a ledger to ask: somebody may revoke, or keeps checkpoints.
    pub fn has_ledger(&self) -> bool {
        self.policy.knows_revocations() || self.keeper().is_some()
    }

    /// What was seen before, as the state file says at this moment, with this policy remembered in
    /// it if it compares fine.
    ///
    /// Another process may have seen a newer policy since the rules were read: what the file holds
    /// is compared again and only ever added to, so that a verdict asked for now finds the newer
    /// version, and neither process takes away what the other wrote.
    pub fn seen(&self, limits: &Limits) -> Result<Option<State>, Failure> {
        let Some(path) = &self.state_path else {
            return Ok(self.with_noticed());
        };
        let mut state = read_state(path, limits)?;
        // What its owners did not sign must not make what they did sign a rollback.
        if !self.is_published() || !self.remember_in(&mut state) {
            return Ok(Some(state));
        }
        let _lock = Lock::of(path)?;
        let mut state = read_state(path, limits)?;
        if self.remember_in(&mut state) {
            write_atomic(path, &state.to_json())?;
        }
        Ok(Some(state))
    }

    /// Remembers the policy, and when its owners signed it; answers whether anything changed.
    pub fn remember_in(&self, state: &mut State) -> bool {
        let newer = state.remember(&self.policy);
        let signed = match self.published {
            Standing::Published(issued_at) => state.remember_published(&self.policy, issued_at),
            Standing::NotAsked | Standing::Unsigned => false,
        };
        newer || signed
    }

    /// Whether the policy is one that its owners published, as far as the anchor asks for that.
    pub fn is_published(&self) -> bool {
        self.published != Standing::Unsigned
    }

    /// Whether the owners signed other files of this version later, as far as was seen.
    pub fn is_older_than(&self, seen: &State) -> bool {
        match (self.published, seen.published(&self.policy)) {
            (Standing::Published(own), Some(seen)) => own < seen,
            _ => false,
        }
    }

    /// Refuses to sign anything on the word of a policy that its owners did not sign: what is signed
    /// cannot be taken back.
    pub fn must_be_published(&self) -> Result<(), Failure> {
        if self.is_published() {
            return Ok(());
        }
        let wrong = "the policy's owners did not sign these files, and the anchor demands it";
        Err(Failure::new(FailureKind::Configuration, wrong)
            .with_hint("bulla policy check says who signed what is there"))
    }

    fn with_noticed(&self) -> Option<State> {
        let noticed = self.noticed.lock();
        let noticed = noticed.unwrap_or_else(PoisonError::into_inner);
        if noticed.is_empty() {
            return self.state.clone();
        }
        let mut state = self.state.clone().unwrap_or_default();
        for seen in noticed.values() {
            state.remember_checkpoint(seen);
        }
        Some(state)
    }

    /// Remembers the checkpoint that a verdict rests on, for the process and in the state file.
    pub fn saw(&self, verdict: &Verdict, limits: &Limits) -> Result<(), Failure> {
        match &verdict.checkpoint {
            Some(seen) => self.remember(seen, limits),
            None => Ok(()),
        }
    }

    /// Remembers a checkpoint, in the state file first: what cannot be kept there is tried again.
    pub fn remember(&self, seen: &SeenCheckpoint, limits: &Limits) -> Result<(), Failure> {
        let noticed = || self.noticed.lock().unwrap_or_else(PoisonError::into_inner);
        let held = noticed().get(&seen.scope).map(|held| held.serial);
        if held.is_some_and(|held| held >= seen.serial) {
            return Ok(());
        }
        if let Some(path) = &self.memory_path
            && read_state(path, limits)?.remember_checkpoint(seen)
        {
            let _lock = Lock::of(path)?;
            let mut state = read_state(path, limits)?;
            if state.remember_checkpoint(seen) {
                write_atomic(path, &state.to_json())?;
            }
        }
        let mut noticed = noticed();
        let held = noticed.get(&seen.scope).map(|held| held.serial);
        if held.is_none_or(|held| held < seen.serial) {
            noticed.insert(seen.scope.clone(), seen.clone());
        }
        Ok(())
    }

    /// Takes over what other rules of this process noticed: reading the rules again forgets nothing.
    pub fn inherit(&self, before: &Self) {
        let held = |rules: &Self| {
            let noticed = rules.noticed.lock();
            noticed.unwrap_or_else(PoisonError::into_inner).clone()
        };
        let earlier = held(before);
        let noticed = self.noticed.lock();
        let mut noticed = noticed.unwrap_or_else(PoisonError::into_inner);
        for (scope, seen) in earlier {
            let own = noticed.get(&scope).map(|own| own.serial);
            if own.is_none_or(|own| own < seen.serial) {
                noticed.insert(scope, seen);
            }
        }
    }

    /// Remembers the policy and keeps to what was seen until now, for whoever reads the rules again
    /// by itself.
    pub fn settle(&mut self, limits: &Limits) -> Result<(), Failure> {
        self.state = self.seen(limits)?;
        self.state_path = None;
        Ok(())
    }
}

/// What the owners of a policy have to do with its files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    /// No anchor asks.
    NotAsked,
    /// Enough of them signed these files, this long ago.
    Published(Timestamp),
    /// They did not.
    Unsigned,
}

/// Whether enough owners signed the policy, in the name of an environment that the anchor lists.
fn standing(policy: &Policy, anchor: Option<&Anchor>, now: Timestamp, limits: &Limits) -> Standing {
    let Some(anchor) = anchor.filter(|anchor| anchor.must_sign()) else {
        return Standing::NotAsked;
    };
    let environments = policy.environments().map(|(_, rule)| &rule.uri);
    let ours = environments.filter(|uri| anchor.environments().contains(uri));
    for uri in ours {
        let owned = owned(policy, anchor, uri, now, limits);
        if let Some(best) = owned.best().filter(|_| owned.is_enough(anchor.threshold())) {
            return Standing::Published(best.said.issued_at);
        }
    }
    Standing::Unsigned
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
        let kept = ["services", SIGNATURES];
        let kept = kept
            .iter()
            .find(|kept| path.parent() == Some(&folder.join(kept)));
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
fn entries(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
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

fn is_yaml(path: &Path) -> bool {
    path.is_file()
        && path
            .extension()
            .is_some_and(|ending| ending == "yaml" || ending == "yml")
}

fn read_state(path: &Path, limits: &Limits) -> Result<State, Failure> {
    // Only where there is certainly nothing, nothing was seen before.
    if let Err(error) = path.symlink_metadata() {
        return match error.kind() {
            std::io::ErrorKind::NotFound => Ok(State::default()),
            _ => Err(Failure::file("read", path, &error)),
        };
    }
    let bytes = file::read(path, limits.configuration_bytes)?;
    State::parse(&bytes, limits).map_err(|error| {
        Failure::new(
            FailureKind::Configuration,
            format_args!("{}: no state: {error}", path.display()),
        )
    })
}

#[cfg(test)]
mod tests {
    use bulla_verify::Memory;

    use super::*;

    /// A policy of this version, with a state file.
    fn rules(version: u32, state: &Path) -> Rules {
        let text = format!(
            "apiVersion: bulla.dev/policy/v0.1\nname: release\nversion: {version}\n\
             environments:\n  dev: {{uri: \"env://acme/pay/dev\", freshness: none}}\n\
             tiers:\n  high: {{claimedTime: allow}}\n\
             identities:\n  builder:\n    - key: |\n        -----BEGIN PUBLIC KEY-----\n        \
             MCowBQYDK2VwAyEAPUAXw+hDiVqStwqnTRt+vJyYLM8uxJaMwM1V8Sr0Zgw=\n        \
             -----END PUBLIC KEY-----\n\
             edges:\n  - to: dev\n    by: [builder]\n    require:\n      \
             provenance: {{by: [builder]}}\nhistory: []\n"
        );
        let base = PolicyFile {
            path: "release.yaml".to_owned(),
            bytes: text.into_bytes(),
        };
        let files = PolicyFiles {
            base,
            ..PolicyFiles::default()
        };
        let limits = Limits::default();
        let now = Timestamp::UNIX_EPOCH;
        let mut rules = Rules::assemble(files, None, Vec::new(), now, &limits).unwrap();
        rules.state_path = Some(state.to_owned());
        rules
    }

    #[test]
    fn a_slow_verifier_neither_forgets_nor_misses_what_another_one_saw() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state.json");
        let limits = Limits::default();
        // Both read that nothing was seen; then the one with the newer policy is asked first.
        let (old, new) = (rules(1, &path), rules(2, &path));
        new.seen(&limits).unwrap();
        let written = std::fs::read(&path).unwrap();
        let seen = old.seen(&limits).unwrap().unwrap();
        assert_eq!(seen.compare(&old.policy), Memory::Older { seen: 2 });
        assert_eq!(std::fs::read(&path).unwrap(), written);
        // What another one is just writing is waited for.
        let held = Lock::of(&path).unwrap();
        let waiting = rules(4, &path);
        let newest = std::thread::spawn(move || waiting.seen(&Limits::default()).unwrap());
        std::thread::sleep(std::time::Duration::from_millis(50));
        let mut state = State::default();
        state.remember(&rules(3, &path).policy);
        write_atomic(&path, &state.to_json()).unwrap();
        drop(held);
        newest.join().unwrap();
        let written = std::fs::read_to_string(&path).unwrap();
        assert!(written.contains("\"version\": 4"), "{written}");
    }

    fn seen(serial: u64) -> SeenCheckpoint {
        SeenCheckpoint {
            scope: "ledger://acme/pay".parse().unwrap(),
            serial,
            payload: Digest::sha256(&serial.to_be_bytes()),
        }
    }

    #[test]
    fn what_could_not_be_written_is_tried_again() {
        let folder = tempfile::tempdir().unwrap();
        let limits = Limits::default();
        let mut rules = rules(1, &folder.path().join("state.json"));
        let path = folder.path().join("later").join("state.json");
        rules.memory_path = Some(path.clone());
        rules.remember(&seen(1), &limits).unwrap_err();
        rules.remember(&seen(1), &limits).unwrap_err();
        std::fs::create_dir(folder.path().join("later")).unwrap();
        rules.remember(&seen(1), &limits).unwrap();
        let state = read_state(&path, &limits).unwrap();
        assert_eq!(state.last_checkpoint(&seen(1).scope), Some(seen(1)));
    }

    #[test]
    fn rules_that_are_read_again_know_the_checkpoints_of_before() {
        let folder = tempfile::tempdir().unwrap();
        let limits = Limits::default();
        let read = || {
            let mut rules = rules(1, &folder.path().join("state.json"));
            rules.state_path = None;
            rules
        };
        let (before, next) = (read(), read());
        before.remember(&seen(7), &limits).unwrap();
        let known = |rules: &Rules| {
            let state = rules.seen(&limits).unwrap();
            state.and_then(|state| state.last_checkpoint(&seen(7).scope))
        };
        assert_eq!(known(&next), None);
        next.inherit(&before);
        assert_eq!(known(&next), Some(seen(7)));
        // What was noticed meanwhile stays.
        let later = read();
        later.remember(&seen(8), &limits).unwrap();
        later.inherit(&next);
        assert_eq!(known(&later), Some(seen(8)));
    }

    #[test]
    fn a_state_that_cannot_be_reached_is_not_an_empty_one() {
        let folder = tempfile::tempdir().unwrap();
        let limits = Limits::default();
        let absent = folder.path().join("state.json");
        assert_eq!(read_state(&absent, &limits).unwrap(), State::default());
        std::fs::write(&absent, "").unwrap();
        // Below a file there is nothing either, but the answer is another.
        read_state(&absent.join("state.json"), &limits).unwrap_err();
        #[cfg(unix)]
        {
            let link = folder.path().join("link");
            std::os::unix::fs::symlink(folder.path().join("gone"), &link).unwrap();
            read_state(&link, &limits).unwrap_err();
        }
    }
}
