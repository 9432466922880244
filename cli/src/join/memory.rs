//! Memory: what was seen of policies, anchors and checkpoints, kept in the state file and in the process.

use std::path::{Path, PathBuf};
use std::sync::PoisonError;

use bulla_model::Limits;
use bulla_verify::{Anchor, SeenCheckpoint, State, Verdict};

use super::file;
use super::rules::Rules;
use crate::Failure;
use crate::failure::FailureKind;
use crate::lock::Lock;
use crate::output::write_atomic;

impl Rules {
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

/// A state that nobody else writes meanwhile.
#[derive(Debug)]
pub struct Held {
    path: PathBuf,
    state: State,
    _lock: Lock,
}

impl Held {
    /// Reads it, and keeps others from it.
    pub fn open(path: &Path, limits: &Limits) -> Result<Self, Failure> {
        let lock = Lock::of(path)?;
        Ok(Self {
            path: path.to_owned(),
            state: read_state(path, limits)?,
            _lock: lock,
        })
    }

    /// What was seen until now.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// Remembers an anchor that came by rotation.
    pub fn remember(mut self, anchor: &Anchor) -> Result<(), Failure> {
        if self.state.remember_anchor(anchor) {
            write_atomic(&self.path, &self.state.to_json())?;
        }
        Ok(())
    }
}

/// Reads a state file; what is not there is an empty state.
pub fn read_state(path: &Path, limits: &Limits) -> Result<State, Failure> {
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
    use bulla_model::Digest;
    use bulla_verify::{Memory, PolicyFile, PolicyFiles};
    use jiff::Timestamp;

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
