//! Keys: from what stands after `--key` to something that signs, or to a public key.

mod kubeconfig;
mod surroundings;

use std::path::Path;

use bulla_attest::key::{KEY_FILE_BYTES, KubernetesSecret, encrypted};
use bulla_attest::service::{AMBIENT_VARIABLES, SECRET_VARIABLES, SecretPair};
use bulla_attest::{
    AnySigner, KeyLocation, MemorySigner, PrivateKey, PublicKey, SignatureScheme, Signer as _,
};
use zeroize::Zeroizing;

use super::{blocking, file};
use crate::Failure;
use crate::args::key::KeyArguments;
use crate::commands::Context;
use crate::failure::FailureKind;
use crate::render::Page;
use crate::settings::password::{Purpose, password};
use crate::settings::row;

use surroundings::ProcessSurroundings;

/// Opens the key that `--key`, `BULLA_KEY` or a settings file names.
pub async fn signer(context: &Context, arguments: &KeyArguments) -> Result<AnySigner, Failure> {
    let location = named(context, arguments)?;
    let stdin = arguments.password.password_stdin;
    open(context, &location, stdin, arguments.key_scheme).await
}

/// The public half of the key that `--key`, `BULLA_KEY` or a settings file names.
pub async fn public_key(context: &Context, arguments: &KeyArguments) -> Result<PublicKey, Failure> {
    let text = named(context, arguments)?;
    if let KeyLocation::Kubernetes(secret) = parse(&text)? {
        let pem = read_secret(context, &secret).await?.public;
        return Ok(PublicKey::from_pem(
            &pem.ok_or_else(|| no_entry("cosign.pub"))?,
        )?);
    }
    let stdin = arguments.password.password_stdin;
    let signer = open(context, &text, stdin, arguments.key_scheme).await?;
    Ok(signer.public_key().clone())
}

/// The PEM text of the public key that verifies: of a file or variable as it is, else what the
/// key's place says.
pub async fn verifying_pem(
    context: &Context,
    location: &str,
) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let pem = match parse(location)? {
        KeyLocation::File(_) | KeyLocation::Environment { .. } => {
            return read_pem(context, location);
        }
        KeyLocation::Kubernetes(secret) => {
            let pair = read_secret(context, &secret).await?;
            pair.public.ok_or_else(|| no_entry("cosign.pub"))?
        }
        _ => {
            let signer = open(context, location, false, None).await?;
            signer.public_key().to_pem().into_bytes()
        }
    };
    Ok(Zeroizing::new(pem))
}

fn named(context: &Context, arguments: &KeyArguments) -> Result<String, Failure> {
    let setting = context.settings.text(&row::KEY, arguments.key.as_deref())?;
    let setting = setting.ok_or_else(|| {
        Failure::usage("no key to sign with")
            .with_hint("pass --key FILE, or set BULLA_KEY; bulla key generate makes one")
    })?;
    if context.settings.is_discovered(&setting.origin) {
        let mut page = Page::default();
        page.line(format!("  key {} ({})", setting.value, setting.origin));
        context.printer.announce(page);
    }
    Ok(setting.value)
}

/// Variables a build must not see when this process signs for it: passwords, PINs, identity tokens
/// and what gives them out, and the key itself if a variable holds it.
pub fn secret_variables(
    context: &Context,
    arguments: &KeyArguments,
) -> Result<Vec<String>, Failure> {
    let mut names: Vec<String> = SECRET_VARIABLES.map(str::to_owned).into();
    names.extend(AMBIENT_VARIABLES.map(str::to_owned));
    let setting = context.settings.text(&row::KEY, arguments.key.as_deref())?;
    if let Some(setting) = setting
        && let KeyLocation::Environment { name } = parse(&setting.value)?
    {
        names.push(name);
    }
    let own = row::KEY.variable();
    let text = context.environment().text(&own)?.unwrap_or_default();
    if KeyLocation::without_pin(text) != text {
        names.push(own);
    }
    Ok(names)
}

async fn open(
    context: &Context,
    text: &str,
    password_stdin: bool,
    scheme: Option<SignatureScheme>,
) -> Result<AnySigner, Failure> {
    let location = parse(text)?;
    let surroundings = ProcessSurroundings::of(context)?;
    if let Some(signer) = AnySigner::open(&location, scheme, &surroundings).await? {
        return Ok(signer);
    }
    let key = if let KeyLocation::Kubernetes(secret) = &location {
        private_of(read_secret(context, secret).await?, text).await?
    } else {
        private_key(context, text, password_stdin).await?
    };
    Ok(match scheme {
        Some(scheme) => MemorySigner::with_scheme(key, scheme)?,
        None => MemorySigner::new(key),
    }
    .into())
}

async fn read_secret(context: &Context, secret: &KubernetesSecret) -> Result<SecretPair, Failure> {
    let surroundings = ProcessSurroundings::of(context)?;
    let access = kubeconfig::access(&surroundings).await?;
    Ok(access.secret(secret, &surroundings).await?)
}

fn no_entry(name: &str) -> Failure {
    Failure::new(
        FailureKind::Input,
        format_args!("the Secret has no entry {name}"),
    )
    .with_hint("cosign generate-key-pair k8s://NAMESPACE/NAME makes one that has")
}

async fn private_of(pair: SecretPair, text: &str) -> Result<PrivateKey, Failure> {
    let pem = pair.private.ok_or_else(|| no_entry("cosign.key"))?;
    decoded(pem, pair.password, text).await
}

/// Reads a private key, asking for its password if it is encrypted.
async fn private_key(
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
    decoded(pem, password, location).await
}

async fn decoded(
    pem: Zeroizing<Vec<u8>>,
    password: Option<Zeroizing<Vec<u8>>>,
    location: &str,
) -> Result<PrivateKey, Failure> {
    let location = location.to_owned();
    blocking(move || {
        let password = password.as_ref().map(|bytes| bytes.as_slice());
        PrivateKey::from_pem(&pem, password)
            .map_err(|error| Failure::from(error).with_detail(format_args!("key {location}")))
    })
    .await
}

fn parse(location: &str) -> Result<KeyLocation, Failure> {
    location
        .parse()
        .map_err(|error| Failure::usage(format_args!("--key: {error}")))
}

/// Reads the PEM text of a key in a file or variable, private or public.
fn read_pem(context: &Context, location: &str) -> Result<Zeroizing<Vec<u8>>, Failure> {
    match parse(location)? {
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
