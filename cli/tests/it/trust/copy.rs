//! The copy of a TUF repository on this machine: whole, never older, and never a reason to believe less.

use super::repository::{Repository, contents};
use super::{copied, init, introduced, shown, trusted_root, update, world};
use crate::sandbox::{Answer, PASSWORD, Sandbox};

const FIRST: &str = "https://fulcio.example.test";

/// A new version whose snapshot is not there.
fn publish_half(sandbox: &Sandbox, repository: &mut Repository) {
    repository.version += 1;
    repository.trusted_root = trusted_root("https://new.example.test");
    repository.publish();
    let snapshot = format!("mirror/{}.snapshot.json", repository.version);
    std::fs::remove_file(sandbox.path(&snapshot)).unwrap();
}

fn signing(sandbox: &Sandbox, repository: &Repository, cache: Option<&str>) -> Answer {
    sandbox.write("file.txt", "x");
    if !sandbox.path("bulla.key").exists() {
        sandbox.done("key generate");
    }
    let url = repository.url();
    let mut command = sandbox.command(&format!("sign file.txt --key bulla.key --instance {url}"));
    command.env("BULLA_PASSWORD", PASSWORD);
    if let Some(cache) = cache {
        command.env("XDG_CACHE_HOME", cache);
    }
    Answer::of(&command.output().unwrap())
}

#[test]
fn a_refresh_that_was_interrupted_changes_nothing() {
    let (sandbox, mut repository) = introduced();
    let before = std::fs::read(copied(&sandbox)).unwrap();
    publish_half(&sandbox, &mut repository);
    assert_eq!(update(&sandbox, &repository).code, 3);
    assert_eq!(std::fs::read(copied(&sandbox)).unwrap(), before);
    let (uri, from) = shown(&sandbox, &repository).ok().unwrap();
    assert_eq!(uri, FIRST);
    assert!(from.ends_with("(refreshed by TUF)"), "{from}");
    repository.publish();
    assert_eq!(update(&sandbox, &repository).code, 0);
    let (uri, _) = shown(&sandbox, &repository).ok().unwrap();
    assert_eq!(uri, "https://new.example.test");
}

#[cfg(unix)]
#[test]
fn a_slow_refresh_never_replaces_a_newer_one() {
    use std::io::Write as _;
    let (sandbox, mut repository) = introduced();
    repository.version = 2;
    repository.trusted_root = trusted_root("https://second.example.test");
    repository.publish();
    // The slow one has read timestamp 2, and waits for the snapshot that it names.
    let pipe = sandbox.path("mirror/2.snapshot.json");
    let second = std::fs::read(&pipe).unwrap();
    std::fs::remove_file(&pipe).unwrap();
    let made = std::process::Command::new("mkfifo").arg(&pipe).status();
    assert!(made.unwrap().success());
    let url = repository.url();
    let mut slow = sandbox.command(&format!("trust update --instance {url}"));
    let slow = std::thread::spawn(move || Answer::of(&slow.output().unwrap()));
    let mut writer = std::fs::OpenOptions::new().write(true).open(&pipe).unwrap();
    let (uri, _) = shown(&sandbox, &repository).ok().unwrap();
    assert_eq!(uri, FIRST, "half of a refresh is not seen");
    repository.version = 3;
    repository.trusted_root = trusted_root("https://third.example.test");
    repository.publish();
    assert_eq!(update(&sandbox, &repository).code, 0);
    writer.write_all(&second).unwrap();
    drop(writer);
    let answer = slow.join().unwrap();
    assert_eq!(answer.code, 0, "{}", answer.talk);
    let (uri, _) = shown(&sandbox, &repository).ok().unwrap();
    assert_eq!(uri, "https://third.example.test");
}

#[test]
fn f59_a_known_instance_falls_back_to_nothing_that_may_be_older() {
    let sandbox = Sandbox::new();
    assert!(sandbox.done("trust show").data.contains("(embedded)"));
    let instance = bulla_cli::trust::Known::PublicGood;
    let mirror = bulla_cli::trust::Mirror::parse(instance.mirror()).unwrap();
    let name = mirror.folder_name();
    sandbox.write(&format!(".cache/bulla/tuf/{name}/metadata.json"), "{}");
    let answer = sandbox.run("trust show");
    assert_eq!(answer.code, 12, "{}", answer.talk);
    assert!(
        answer.talk.contains("bulla trust update"),
        "{}",
        answer.talk
    );
}

#[test]
fn f59_signing_says_that_the_copy_does_not_verify() {
    let (sandbox, repository) = introduced();
    std::fs::write(copied(&sandbox), "{}").unwrap();
    let answer = signing(&sandbox, &repository, None);
    assert_eq!(answer.code, 12, "{}", answer.talk);
    let answer = update(&sandbox, &repository);
    assert_eq!(answer.code, 0, "{}", answer.talk);
    assert!(answer.talk.contains("does not verify"), "{}", answer.talk);
    // Then it is only that this repository names no services.
    let answer = signing(&sandbox, &repository, None);
    assert_eq!(answer.code, 2, "{}", answer.talk);
    assert!(answer.talk.contains("names no services"), "{}", answer.talk);
}

#[cfg(unix)]
#[test]
fn f43_what_cannot_be_kept_is_used_all_the_same() {
    let (sandbox, repository) = introduced();
    let answer = signing(&sandbox, &repository, Some("/dev/null"));
    assert!(answer.talk.contains("could not be kept"), "{}", answer.talk);
    assert!(answer.talk.contains("names no services"), "{}", answer.talk);
    let url = repository.url();
    let mut command = sandbox.command(&format!("trust update --instance {url}"));
    let output = command.env("XDG_CACHE_HOME", "/dev/null").output();
    let answer = Answer::of(&output.unwrap());
    assert_eq!(
        answer.code, 2,
        "keeping it is what was asked: {}",
        answer.talk
    );
}

#[test]
fn an_introduction_that_cannot_be_completed_keeps_the_root_and_says_what_is_left() {
    let (sandbox, repository) = world();
    sandbox.write(".cache/bulla/tuf", "no folder");
    let answer = super::try_init(&sandbox, &repository, "");
    assert_eq!(answer.code, 2, "{}", answer.talk);
    assert!(
        answer.talk.contains("bulla trust update"),
        "{}",
        answer.talk
    );
    std::fs::remove_file(sandbox.path(".cache/bulla/tuf")).unwrap();
    assert_eq!(update(&sandbox, &repository).code, 0);
    let (uri, _) = shown(&sandbox, &repository).ok().unwrap();
    assert_eq!(uri, FIRST);
}

#[test]
fn looking_at_the_copy_writes_nothing() {
    let (sandbox, repository) = world();
    init(&sandbox, &repository, "");
    let before = contents(&sandbox.path(".cache"));
    let times = |sandbox: &Sandbox| copied(sandbox).metadata().unwrap().modified().unwrap();
    let written = times(&sandbox);
    shown(&sandbox, &repository).ok().unwrap();
    assert_eq!(contents(&sandbox.path(".cache")), before);
    assert_eq!(times(&sandbox), written);
}
