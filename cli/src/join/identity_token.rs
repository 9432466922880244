//! Identity tokens: given, from where the process runs, or from a person who logs in.

use std::path::Path;
use std::time::Duration;

use bulla_attest::Http;
use bulla_attest::oidc::{
    self, DeviceLogin, IdentityToken, Issuer, OidcClient, Secret, Surroundings, TOKEN_BYTES,
    TokenForm, TokenSource,
};
use bulla_attest::service::SECRET_VARIABLES;
use bulla_attest::sigstore::{BrowserLogin, browser_login};
use jiff::Timestamp;
use tokio::io::AsyncReadExt as _;

use super::file;
use super::instance::Instance;
use crate::Failure;
use crate::args::signing::{IdentityArguments, Login};
use crate::commands::Context;
use crate::failure::FailureKind;
use crate::printer::Printer;
use crate::settings::Environment;

const OWN_VARIABLE: &str = "BULLA_IDENTITY_TOKEN";
/// Time a platform's program has to write a token.
const PROGRAM_TIME: Duration = Duration::from_secs(30);

/// Finds a token: the flag, `BULLA_IDENTITY_TOKEN`, the CI system or machine, a person.
pub async fn identity_token(
    context: &Context,
    arguments: &IdentityArguments,
    instance: &Instance,
    http: &Http,
) -> Result<IdentityToken, Failure> {
    let token = match given(context, arguments)? {
        Some(token) => IdentityToken::parse(token.expose())?,
        None => match ambient(context, arguments, instance, http).await? {
            Some(token) => IdentityToken::parse(token.expose())?,
            None => log_in(context, arguments, instance, http).await?,
        },
    };
    token.check(&instance.client_id, Timestamp::now())?;
    Ok(token)
}

/// Whether a token is given, so that it is meant to be used.
pub fn is_given(context: &Context, arguments: &IdentityArguments) -> Result<bool, Failure> {
    Ok(arguments.identity_token.is_some()
        || context
            .environment()
            .text(OWN_VARIABLE)?
            .is_some_and(|text| !text.is_empty()))
}

/// Makes sure that there is somebody to sign as, before anything is fetched for it.
pub fn require(context: &Context, arguments: &IdentityArguments) -> Result<(), Failure> {
    let surroundings = Process(context.environment());
    let found = is_given(context, arguments)?
        || (!arguments.no_ambient && oidc::ambient(&surroundings, oidc::AUDIENCE)?.is_some());
    if found { Ok(()) } else { somebody(context) }
}

/// Whose token it will be, for a question that is asked before anybody logs in and before anything
/// is sent. A token that is given says so itself; it is verified by whoever issues the certificate.
pub fn announced(context: &Context, arguments: &IdentityArguments) -> Result<String, Failure> {
    if let Some(token) = given(context, arguments)? {
        let token = IdentityToken::parse(token.expose())?;
        return Ok(format!("{} ({})", token.identity(), token.issuer()));
    }
    let surroundings = Process(context.environment());
    if !arguments.no_ambient
        && let Some((provider, _)) = oidc::ambient(&surroundings, oidc::AUDIENCE)?
    {
        return Ok(format!("the identity that {} gives", provider.name));
    }
    Ok(match arguments.login.unwrap_or_default() {
        Login::Browser => "whoever then logs in with the browser".to_owned(),
        Login::Device => "whoever then logs in with a code".to_owned(),
    })
}

/// `TOKEN`, `@FILE`, or the path of a file.
fn given(context: &Context, arguments: &IdentityArguments) -> Result<Option<Secret>, Failure> {
    let variable = context.environment().text(OWN_VARIABLE)?;
    let text = arguments.identity_token.as_deref().or(variable);
    let Some(text) = text.filter(|text| !text.is_empty()) else {
        return Ok(None);
    };
    let path = text.strip_prefix('@').map(Path::new);
    let named = Path::new(text);
    // A token has two dots and no path is called so by accident.
    let path = path.or_else(|| (text.matches('.').count() != 2 && named.exists()).then_some(named));
    match path {
        None => Ok(Some(Secret::new(text))),
        Some(path) => {
            let bytes = file::read(path, TOKEN_BYTES as u64)?;
            Ok(Some(TokenForm::Text.read(&bytes)?))
        }
    }
}

struct Process<'a>(&'a Environment);

impl Surroundings for Process<'_> {
    fn variable(&self, name: &str) -> Option<String> {
        let text = self.0.text(name).ok().flatten()?;
        (!text.is_empty()).then(|| text.to_owned())
    }

    fn file(&self, path: &str) -> Option<Vec<u8>> {
        file::read(Path::new(path), TOKEN_BYTES as u64).ok()
    }
}

async fn ambient(
    context: &Context,
    arguments: &IdentityArguments,
    instance: &Instance,
    http: &Http,
) -> Result<Option<Secret>, Failure> {
    if arguments.no_ambient {
        return Ok(None);
    }
    let surroundings = Process(context.environment());
    let Some((provider, source)) = oidc::ambient(&surroundings, &instance.client_id)? else {
        return Ok(None);
    };
    tracing::info!(provider = provider.name, "identity token");
    let token = match source {
        TokenSource::Token(token) => token,
        TokenSource::Request(request) => request.send(http).await?,
        TokenSource::Command {
            program,
            arguments,
            form,
        } => form.read(&run(context.environment(), program, &arguments).await?)?,
    };
    Ok(Some(token))
}

/// Runs a platform's program and takes what it writes.
async fn run(
    environment: &Environment,
    program: &str,
    arguments: &[String],
) -> Result<Vec<u8>, Failure> {
    let failed = |what: &dyn std::fmt::Display| {
        Failure::new(
            FailureKind::Unavailable,
            format_args!("{program} gave no identity token: {what}"),
        )
    };
    let path = environment
        .program(program)
        .ok_or_else(|| failed(&"it is not on the search path"))?;
    let mut command = tokio::process::Command::new(path);
    for name in SECRET_VARIABLES {
        command.env_remove(name);
    }
    let mut child = command
        .args(arguments)
        .stdin(std::process::Stdio::null())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::inherit())
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| failed(&error))?;
    let mut output = child
        .stdout
        .take()
        .expect("because it is piped")
        .take(TOKEN_BYTES as u64);
    let work = async {
        let mut bytes = Vec::new();
        output.read_to_end(&mut bytes).await?;
        // A program that still writes would wait for ever.
        drop(output);
        Ok::<_, std::io::Error>((bytes, child.wait().await?))
    };
    let (bytes, status) = tokio::time::timeout(PROGRAM_TIME, work)
        .await
        .map_err(|_| failed(&"it did not end in time"))?
        .map_err(|error| failed(&error))?;
    if status.success() {
        Ok(bytes)
    } else {
        Err(failed(&status))
    }
}

/// Makes sure that a person can be asked: never in CI, never without a terminal.
fn somebody(context: &Context) -> Result<(), Failure> {
    let terminals = context.environment().terminals();
    if !context.environment().is_ci() && terminals.input && terminals.error {
        return Ok(());
    }
    Err(Failure::usage(
        "no key to sign with, and no identity: this is no CI system known to give tokens, and nobody can log in here",
    )
    .with_hint("pass --key FILE, or set BULLA_KEY; bulla key generate makes one")
    .with_hint("or give an identity: --identity-token @FILE"))
}

/// Lets a person log in.
async fn log_in(
    context: &Context,
    arguments: &IdentityArguments,
    instance: &Instance,
    http: &Http,
) -> Result<IdentityToken, Failure> {
    somebody(context)?;
    let issuer = instance.issuer.as_deref().ok_or_else(|| {
        Failure::usage("no identity provider to log in with").with_hint("pass --oidc-issuer URL")
    })?;
    let endpoints = Issuer::discover(http, issuer).await?;
    let client = OidcClient {
        id: instance.client_id.clone(),
    };
    if arguments.login.unwrap_or_default() == Login::Browser {
        let talk = Talk(&context.printer);
        if let Some(token) = browser_login(http, &endpoints, &client, &talk).await? {
            return Ok(token);
        }
        context.printer.say("  no browser could be opened here");
    }
    let login = DeviceLogin::begin(http, &endpoints, &client).await?;
    let code = login.code();
    context.printer.say(format!(
        "  open {} on any device and enter {}",
        code.address, code.code
    ));
    Ok(login.wait().await?)
}

struct Talk<'a>(&'a Printer);

impl BrowserLogin for Talk<'_> {
    fn opened(&self, address: &str) {
        self.0
            .say("  log in with the browser that has been opened; if none has, open");
        self.0.say(format!("  {address}"));
    }
}
