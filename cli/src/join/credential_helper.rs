//! Credential helpers: programs that keep the credentials of registries.
//!
//! docker's protocol, `docker-credential-NAME get`,
//! <https://github.com/docker/docker-credential-helpers/blob/v0.9.3/README.md>.

use std::io;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::Command;
use tokio::runtime::Handle;
use zeroize::Zeroizing;

use crate::settings::Environment;

/// Asks a helper for the credentials of a server; `None` if it ends without success. It is a program
/// on the search path, never one of the working directory, and sees no secret of signing: what
/// gives out passwords of registries has no use for those of keys. One that has not answered after
/// [`PATIENCE`] is ended, and is an error of the kind `TimedOut`.
///
/// Called on a thread of the runtime that may wait.
pub(super) fn run(
    environment: &Environment,
    name: &str,
    server: &str,
) -> io::Result<Option<Zeroizing<Vec<u8>>>> {
    Handle::current().block_on(within(PATIENCE, environment, name, server))
}

async fn within(
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
    tokio::time::timeout(patience, ask(command, server))
        .await
        .map_err(|_| io::ErrorKind::TimedOut)?
}

/// Whoever stops waiting ends the helper and closes its output, which something that the helper
/// started may hold open for longer than the helper lives.
async fn ask(mut command: Command, server: &str) -> io::Result<Option<Zeroizing<Vec<u8>>>> {
    let mut child = command
        .arg("get")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()?;
    if let Some(mut pipe) = child.stdin.take() {
        // One that knows its only server may close it unread.
        drop(pipe.write_all(server.as_bytes()).await);
    }
    let pipe = child.stdout.take().ok_or(io::ErrorKind::BrokenPipe)?;
    let mut said = Zeroizing::new(Vec::new());
    let mut pipe = pipe.take(ANSWER_BYTES + 1);
    pipe.read_to_end(&mut said).await?;
    if said.len() as u64 > ANSWER_BYTES {
        return Err(io::ErrorKind::InvalidData.into());
    }
    Ok(child.wait().await?.success().then_some(said))
}

/// Bytes of an answer. Stops one without an end; tokens have a few thousand.
const ANSWER_BYTES: u64 = 64 << 10;
/// How long a helper may take. Stops one that never answers; some ask a person to unlock a keychain.
const PATIENCE: Duration = Duration::from_mins(1);

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;
    use std::time::Instant;

    use super::*;

    fn asked(script: &str) -> io::Result<Option<Zeroizing<Vec<u8>>>> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("docker-credential-own");
        std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        let search = folder.path().display().to_string();
        let environment = Environment::with_variables(folder.path(), [("PATH", &*search)]);
        let patience = Duration::from_millis(500);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        runtime.block_on(within(patience, &environment, "own", "r.test"))
    }

    #[test]
    fn a_helper_that_never_answers_is_ended() {
        let started = Instant::now();
        for script in [
            "exec /bin/sleep 600",
            // What it started holds its output.
            "/bin/sleep 600; echo {}",
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
