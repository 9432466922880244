//! `bulla key`: key pairs in files, public keys of any.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use bulla_attest::key::{KEY_FILE_BYTES, encrypted};
use bulla_attest::{PrivateKey, PublicKey};
use serde::Serialize;

use crate::args::key::{Action, Arguments, Generate, Import, Public};
use crate::commands::Context;
use crate::failure::FailureKind;
use crate::join::{blocking, file, key};
use crate::output::{write_atomic, write_new};
use crate::render::{Cell, Page, Report};
use crate::settings::password::{Purpose, password};
use crate::{Exit, Failure};

/// Makes a key pair, or shows the public half of one.
pub async fn run(arguments: Arguments, context: &Context) -> Result<Exit, Failure> {
    match arguments.action {
        Action::Generate(arguments) => generate(arguments, context).await,
        Action::Import(arguments) => import(arguments, context).await,
        Action::Public(arguments) => public(arguments, context).await,
    }
}

async fn generate(arguments: Generate, context: &Context) -> Result<Exit, Failure> {
    let algorithm = arguments.kind.algorithm();
    let pair = Pair::named(&arguments.out);
    pair.refuse_existing()?;
    let key = blocking(move || Ok(PrivateKey::generate(algorithm)?)).await?;
    if arguments.no_password {
        return pair.write_open(&key, context);
    }
    pair.write(key, arguments.password.password_stdin, context)
        .await
}

async fn import(arguments: Import, context: &Context) -> Result<Exit, Failure> {
    let pair = Pair::named(&arguments.out);
    pair.refuse_existing()?;
    let pem = zeroize::Zeroizing::new(file::read(&arguments.key, KEY_FILE_BYTES as u64 + 1)?);
    if encrypted::is_encrypted(&pem) {
        return Err(Failure::usage("the key is encrypted already")
            .with_hint("it can be used as it is: --key FILE"));
    }
    let key = PrivateKey::from_pem(&pem, None)?;
    pair.write(key, false, context).await
}

async fn public(arguments: Public, context: &Context) -> Result<Exit, Failure> {
    let key = key::public_key(context, &arguments.key).await?;
    match &arguments.out {
        Some(path) => write_atomic(path, key.to_pem().as_bytes())?,
        None => context.printer.data(key.to_pem().as_bytes())?,
    }
    Ok(Exit::Success)
}

/// The two files of a key pair.
struct Pair {
    private: PathBuf,
    public: PathBuf,
}

impl Pair {
    fn named(name: &Path) -> Self {
        let with = |ending: &str| {
            let mut text = OsString::from(name);
            text.push(ending);
            PathBuf::from(text)
        };
        Self {
            private: with(".key"),
            public: with(".pub"),
        }
    }

    /// Refuses early, before anybody types a password. Writing refuses again.
    fn refuse_existing(&self) -> Result<(), Failure> {
        match [&self.private, &self.public]
            .into_iter()
            .find(|path| path.exists())
        {
            None => Ok(()),
            Some(path) => Err(Failure::new(
                FailureKind::File,
                format_args!(
                    "{} is there already, and keys are never overwritten",
                    path.display()
                ),
            )
            .with_hint("move it away, or choose another name with --out")),
        }
    }

    /// Writes both files, or none. The private key comes last, so that it never lies about alone.
    fn write_both(&self, private: &[u8], public: &PublicKey) -> Result<(), Failure> {
        write_new(&self.public, public.to_pem().as_bytes(), false)?;
        write_new(&self.private, private, true).inspect_err(|_| {
            // It was made a moment ago, and says nothing without the other.
            drop(std::fs::remove_file(&self.public));
        })
    }

    /// Writes the private key as it is, readable by its owner only.
    fn write_open(&self, key: &PrivateKey, context: &Context) -> Result<Exit, Failure> {
        let public = key.public_key();
        self.write_both(key.to_pem().as_bytes(), &public)?;
        context.printer.report(&Written::of(self, &public))?;
        Ok(Exit::Success)
    }

    async fn write(
        &self,
        key: PrivateKey,
        password_stdin: bool,
        context: &Context,
    ) -> Result<Exit, Failure> {
        let what = format!("the new key {}", self.private.display());
        let environment = context.environment();
        let password = password(environment, password_stdin, Purpose::Protect, &what).await?;
        let is_open = password.is_empty();
        let public = key.public_key();
        let pem = blocking(move || Ok(key.to_encrypted_pem(&password)?)).await?;
        self.write_both(pem.as_bytes(), &public)?;
        if is_open {
            context
                .printer
                .warn("the password is empty: whoever reads the key can sign with it");
        }
        context.printer.report(&Written::of(self, &public))?;
        Ok(Exit::Success)
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Written {
    algorithm: &'static str,
    key_id: String,
    private: String,
    public: String,
}

impl Written {
    fn of(pair: &Pair, key: &PublicKey) -> Self {
        Self {
            algorithm: key.algorithm().name(),
            key_id: key.key_id().to_string(),
            private: pair.private.display().to_string(),
            public: pair.public.display().to_string(),
        }
    }
}

impl Report for Written {
    fn human(&self, page: &mut Page) {
        page.row(
            1,
            [
                "wrote".into(),
                Cell::from(&self.private),
                "keep it secret".into(),
            ],
        );
        page.row(
            1,
            [
                "wrote".into(),
                Cell::from(&self.public),
                Cell::faint("give it to verifiers"),
            ],
        );
        page.row(1, [self.algorithm.into(), Cell::from(&self.key_id)]);
    }
}
