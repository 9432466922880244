//! Keys: from what stands after `--key` to something that signs.

use std::path::Path;

use bulla_attest::key::{KEY_FILE_BYTES, encrypted};
use bulla_attest::{AnySigner, KeyLocation, MemorySigner, PrivateKey};
use zeroize::Zeroizing;

use super::{blocking, file};
use crate::Failure;
use crate::commands::Context;
use crate::failure::FailureKind;
use crate::settings::password::{Purpose, password};
use crate::settings::row;

/// Opens the key that `--key`, `BULLA_KEY` or a settings file names.
pub async fn signer(
    context: &Context,
    flag: Option<&str>,
    password_stdin: bool,
) -> Result<AnySigner, Failure> {
    let setting = context.settings.text(&row::KEY, flag)?.ok_or_else(|| {
        Failure::usage("no key to sign with")
            .with_hint("pass --key FILE, or set BULLA_KEY; bulla key generate makes one")
    })?;
    let key = private_key(context, &setting.value, password_stdin).await?;
    Ok(MemorySigner::new(key).into())
}

/// Reads a private key, asking for its password if it is encrypted.
pub async fn private_key(
    context: &Context,
    location: &str,
    password_stdin: bool,
) -> Result<PrivateKey, Failure> {
    let pem = read_pem(context, location)?;
    let password = if encrypted::is_encrypted(&pem) {
        let what = format!("the key {location}");
        Some(password(context.environment(), password_stdin, Purpose::Open, &what).await?)
    } else {
        None
    };
    let location = location.to_owned();
    blocking(move || {
        let password = password.as_ref().map(|bytes| bytes.as_slice());
        PrivateKey::from_pem(&pem, password)
            .map_err(|error| Failure::from(error).with_detail(format_args!("key {location}")))
    })
    .await
}

/// Reads the PEM text of a key, private or public.
pub fn read_pem(context: &Context, location: &str) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let location = location
        .parse::<KeyLocation>()
        .map_err(|error| Failure::usage(format_args!("--key: {error}")))?;
    match location {
        KeyLocation::File(path) => read_file(&path),
        KeyLocation::Environment { name } => {
            let text = context.environment().text(&name)?.ok_or_else(|| {
                Failure::usage(format_args!(
                    "the variable {name} that should hold the key is not set"
                ))
            })?;
            Ok(Zeroizing::new(text.as_bytes().to_vec()))
        }
        _ => Err(Failure::usage(
            "this kind of key location is not supported here",
        )),
    }
}

fn read_file(path: &Path) -> Result<Zeroizing<Vec<u8>>, Failure> {
    // One byte more than the largest key: the reader of keys says what is wrong with it.
    let bytes = file::read(path, KEY_FILE_BYTES as u64 + 1).map_err(|failure| {
        if failure.kind() == FailureKind::File {
            failure.with_hint("bulla key generate makes a key pair")
        } else {
            failure
        }
    })?;
    Ok(Zeroizing::new(bytes))
}
