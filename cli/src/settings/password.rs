//! Passwords: from standard input, a variable, or a prompt; never an argument, never shown.

use std::io::Read as _;

use zeroize::Zeroizing;

use super::Environment;
use crate::Failure;
use crate::escape::escape;
use crate::failure::FailureKind;

/// The bytes of a password; wiped when dropped.
pub type Password = Zeroizing<Vec<u8>>;

/// What a password is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Opening a key that is there.
    Open,
    /// Protecting a new key: asked for twice.
    Protect,
}

/// Finds a password: standard input if asked for, `BULLA_PASSWORD`, `COSIGN_PASSWORD`, a prompt.
///
/// A variable that is set and empty is an empty password, as with cosign.
pub async fn password(
    environment: &Environment,
    from_stdin: bool,
    purpose: Purpose,
    what: &str,
) -> Result<Password, Failure> {
    if from_stdin {
        return on_thread(read_stdin).await;
    }
    for variable in VARIABLES {
        if let Some(value) = environment.text(variable)? {
            return Ok(Zeroizing::new(value.as_bytes().to_vec()));
        }
    }
    let terminals = environment.terminals();
    if !(terminals.input && terminals.error) {
        return Err(Failure::new(
            FailureKind::Password,
            format_args!("{what} needs a password, and there is no terminal to ask on"),
        )
        .with_hint("set BULLA_PASSWORD (empty for none), or pass --password-stdin"));
    }
    let question = question(what);
    on_thread(move || {
        let first = prompt(&question)?;
        if purpose == Purpose::Protect && prompt("The same again: ")? != first {
            return Err(Failure::new(
                FailureKind::Password,
                "the two passwords differ",
            ));
        }
        Ok(first)
    })
    .await
}

/// What is written to the terminal: a settings file may have named the key.
fn question(what: &str) -> String {
    format!("Password for {}: ", escape(what))
}

fn prompt(text: &str) -> Result<Password, Failure> {
    match rpassword::prompt_password(text) {
        Ok(password) => Ok(Zeroizing::new(Zeroizing::new(password).as_bytes().to_vec())),
        Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {
            Err(Failure::new(FailureKind::Interrupted, "interrupted"))
        }
        Err(error) => Err(Failure::new(
            FailureKind::Password,
            format_args!("failed to ask for the password: {error}"),
        )),
    }
}

fn read_stdin() -> Result<Password, Failure> {
    let mut bytes = Zeroizing::new(Vec::new());
    std::io::stdin()
        .lock()
        .take(LONGEST + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| {
            Failure::new(
                FailureKind::Password,
                format_args!("failed to read the password: {error}"),
            )
        })?;
    if bytes.len() as u64 > LONGEST {
        return Err(Failure::new(
            FailureKind::Password,
            format_args!("the password on standard input is longer than {LONGEST} bytes"),
        ));
    }
    for end in [b'\n', b'\r'] {
        if bytes.last() == Some(&end) {
            bytes.pop();
        }
    }
    Ok(bytes)
}

async fn on_thread<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Failure> + Send + 'static,
) -> Result<T, Failure> {
    crate::join::blocking(work).await
}

const VARIABLES: [&str; 2] = ["BULLA_PASSWORD", "COSIGN_PASSWORD"];
const LONGEST: u64 = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn f56_the_name_of_a_key_writes_nothing_of_its_own() {
        let text = question("the key a\u{1b}[2J\u{7}b\u{202e}.key");
        assert!(
            text.contains("the key a") && text.contains(".key"),
            "{text:?}"
        );
        assert!(!text.contains(['\u{1b}', '\u{7}', '\u{202e}']), "{text:?}");
    }
}
