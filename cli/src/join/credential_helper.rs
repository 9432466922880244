//! Credential helpers: programs that keep the credentials of registries.
//!
//! docker's protocol, `docker-credential-NAME get`,
//! <https://github.com/docker/docker-credential-helpers/blob/v0.9.3/README.md>.

use std::io::{self, Read as _, Write as _};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use zeroize::Zeroizing;

use crate::settings::Environment;

/// Asks a helper for the credentials of a server; `None` if it ends without success. It is a program
/// on the search path, never one of the working directory, and sees no secret of signing: what
/// gives out passwords of registries has no use for those of keys. One that has not answered after
/// [`PATIENCE`] is ended, and is an error of the kind `TimedOut`.
pub(super) fn run(
    environment: &Environment,
    name: &str,
    server: &str,
) -> io::Result<Option<Zeroizing<Vec<u8>>>> {
    within(PATIENCE, environment, name, server)
}

fn within(
    patience: Duration,
    environment: &Environment,
    name: &str,
    server: &str,
) -> io::Result<Option<Zeroizing<Vec<u8>>>> {
    if name.contains(['/', '\\']) {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    let program = environment
        .program(&format!("docker-credential-{name}"))
        .ok_or(io::ErrorKind::NotFound)?;
    let mut command = Command::new(program);
    for name in environment.secrets() {
        command.env_remove(name);
    }
    let ends = Instant::now() + patience;
    let mut child = command
        .arg("get")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()?;
    if let Some(mut pipe) = child.stdin.take() {
        // One that knows its only server may close it unread.
        drop(pipe.write_all(server.as_bytes()));
    }
    let said = said(&mut child, ends);
    let ended = said.and_then(|said| Ok((said, ended(&mut child, ends)?)));
    match ended {
        Ok((said, status)) => Ok(status.success().then_some(said)),
        Err(error) => {
            // One that still writes, or waits, would never end.
            drop(child.kill());
            child.wait()?;
            Err(error)
        }
    }
}

/// All that a helper writes. It is read on a thread of its own: reading has no limit in time, and
/// what a helper started may hold its output open for longer than the helper lives.
fn said(child: &mut Child, ends: Instant) -> io::Result<Zeroizing<Vec<u8>>> {
    let (sender, receiver) = mpsc::channel();
    let pipe = child.stdout.take().ok_or(io::ErrorKind::BrokenPipe)?;
    thread::spawn(move || {
        let mut said = Zeroizing::new(Vec::new());
        let read = pipe.take(ANSWER_BYTES + 1).read_to_end(&mut said);
        // Whoever waited may have given up.
        drop(sender.send(read.map(|_| said)));
    });
    let left = ends.saturating_duration_since(Instant::now());
    let said = receiver.recv_timeout(left);
    let said = said.map_err(|_| io::ErrorKind::TimedOut)??;
    if said.len() as u64 > ANSWER_BYTES {
        return Err(io::ErrorKind::InvalidData.into());
    }
    Ok(said)
}

/// How a helper ended.
fn ended(child: &mut Child, ends: Instant) -> io::Result<ExitStatus> {
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(status);
        }
        if Instant::now() >= ends {
            return Err(io::ErrorKind::TimedOut.into());
        }
        thread::sleep(PAUSE);
    }
}

/// Bytes of an answer. Stops one without an end; tokens have a few thousand.
const ANSWER_BYTES: u64 = 64 << 10;
/// How long a helper may take. Stops one that never answers; some ask a person to unlock a keychain.
const PATIENCE: Duration = Duration::from_mins(1);
const PAUSE: Duration = Duration::from_millis(5);

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn asked(script: &str) -> io::Result<Option<Zeroizing<Vec<u8>>>> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("docker-credential-own");
        std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        let search = folder.path().display().to_string();
        let environment = Environment::with_variables(folder.path(), [("PATH", &*search)]);
        within(Duration::from_millis(500), &environment, "own", "r.test")
    }

    #[test]
    fn a_helper_that_never_answers_is_ended() {
        let started = Instant::now();
        for script in [
            "exec /bin/sleep 600",
            // It has said all, and does not end.
            "echo {}; exec >&-; exec /bin/sleep 600",
        ] {
            let error = asked(script).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::TimedOut, "{script}");
        }
        assert!(started.elapsed() < Duration::from_mins(1));
        let error = asked("while :; do echo yes; done").unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
        let said = asked("read -r server; echo \"for $server\"").unwrap();
        assert_eq!(said.unwrap().as_slice(), b"for r.test\n");
        assert!(asked("exit 1").unwrap().is_none());
    }
}
