//! Credential helpers: programs that keep the credentials of registries.
//!
//! docker's protocol, `docker-credential-NAME get`,
//! <https://github.com/docker/docker-credential-helpers/blob/v0.9.3/README.md>.

use std::io::{self, Read as _, Write as _};
use std::process::{Command, Stdio};

use zeroize::Zeroizing;

use crate::settings::Environment;

/// Asks a helper for the credentials of a server; `None` if it ends without success. It is a program
/// on the search path, never one of the working directory, and sees no secret of signing: what
/// gives out passwords of registries has no use for those of keys.
pub(super) fn run(
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
    let mut said = Zeroizing::new(Vec::new());
    let read = match child.stdout.take() {
        Some(pipe) => pipe.take(ANSWER_BYTES + 1).read_to_end(&mut said),
        None => Ok(0),
    };
    if read.is_err() || said.len() as u64 > ANSWER_BYTES {
        // One that still writes would never end.
        drop(child.kill());
        child.wait()?;
        return Err(io::ErrorKind::InvalidData.into());
    }
    Ok(child.wait()?.success().then_some(said))
}

/// Bytes of an answer. Stops one without an end; tokens have a few thousand.
const ANSWER_BYTES: u64 = 64 << 10;
