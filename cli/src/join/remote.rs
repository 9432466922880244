//! Registries: the client, and credentials from where docker and podman keep them.

use std::path::PathBuf;

use bulla_model::Repository;
use bulla_registry::{
    AnyStore, Credential, CredentialsError, Remote, RemoteClient, RemoteOptions,
    credential_from_file,
};

use super::{blocking, credential_helper, file};
use crate::Failure;
use crate::commands::Context;
use crate::failure::FailureKind;
use crate::settings::{Environment, row};

/// Opens a repository of a registry. Connects nowhere.
pub async fn store(context: &Context, repository: &Repository) -> Result<AnyStore, Failure> {
    let client = context.remote(client)?;
    let credential = credential(context, repository).await?;
    Ok(AnyStore::Remote(Remote::new(
        client,
        repository.clone(),
        credential,
    )))
}

/// The repository that keeps attestations, where a setting names one.
pub async fn evidence_store(context: &Context) -> Result<Option<AnyStore>, Failure> {
    let flag = context.global.repository.as_deref();
    match context
        .settings
        .parsed::<Repository>(&row::REPOSITORY, flag)?
    {
        Some(repository) => Ok(Some(store(context, &repository.value).await?)),
        None => Ok(None),
    }
}

fn client(context: &Context) -> Result<RemoteClient, Failure> {
    let environment = context.environment();
    let mut options = RemoteOptions::new(context.limits.clone());
    let flag = context.global.plain_http.join(",");
    let flag = (!flag.is_empty()).then_some(flag.as_str());
    if let Some(hosts) = context.settings.text(&row::PLAIN_HTTP, flag)? {
        let hosts = hosts
            .value
            .split(',')
            .map(str::trim)
            .filter(|host| !host.is_empty());
        options.plain_http = hosts.map(str::to_owned).collect();
    }
    let proxies = proxies(environment)?;
    options.https_proxy = proxies.https;
    options.http_proxy = proxies.http;
    options.no_proxy = Some(proxies.none);
    options.certificates = certificates(environment)?;
    Ok(RemoteClient::new(options)?)
}

/// Proxies, as the environment names them.
#[derive(Debug)]
pub struct Proxies {
    /// For https.
    pub https: Option<String>,
    /// For http.
    pub http: Option<String>,
    /// Hosts without one, this machine among them.
    pub none: String,
}

/// Reads the proxies from their usual variables. This machine is reached without one: what it is
/// sent may be in the clear.
pub fn proxies(environment: &Environment) -> Result<Proxies, Failure> {
    let mut none = LOOPBACK.to_owned();
    if let Some(others) = first_text(environment, &["NO_PROXY", "no_proxy"])? {
        none.push(',');
        none.push_str(&others);
    }
    Ok(Proxies {
        https: first_text(environment, &["HTTPS_PROXY", "https_proxy"])?,
        // Upper case could come from a request header in a CGI program, so nobody reads it.
        http: first_text(environment, &["http_proxy"])?,
        none,
    })
}

/// Reads the certificates of further authorities that the environment names, PEM.
pub fn certificates(environment: &Environment) -> Result<Vec<Vec<u8>>, Failure> {
    let path = environment.path("SSL_CERT_FILE");
    let files = path.map(|path| file::read(&path, CERTIFICATES_BYTES));
    files.into_iter().collect()
}

/// Hosts that are this machine, as in `NO_PROXY`.
const LOOPBACK: &str = "localhost,127.0.0.0/8,::1";

fn first_text(environment: &Environment, names: &[&str]) -> Result<Option<String>, Failure> {
    for name in names {
        if let Some(text) = environment.text(name)?.filter(|text| !text.is_empty()) {
            return Ok(Some(text.to_owned()));
        }
    }
    Ok(None)
}

async fn credential(context: &Context, repository: &Repository) -> Result<Credential, Failure> {
    let files = credential_files(context.environment());
    let (repository, limits) = (repository.clone(), context.limits.clone());
    let environment = context.environment().clone();
    // A credential helper may take its time.
    blocking(move || {
        let run = |name: &str, server: &str| credential_helper::run(&environment, name, server);
        for path in files {
            let found = credential_from_file(&path, &repository, &limits, &run);
            let found = found.map_err(|error| match error {
                CredentialsError::Late { .. } => Failure::new(FailureKind::Unavailable, error)
                    .with_hint(
                        "unlock what it asks for the password, or log in without it: podman login",
                    ),
                error => Failure::new(FailureKind::Configuration, error),
            })?;
            if let Some(credential) = found {
                return Ok(credential);
            }
        }
        Ok(Credential::Anonymous)
    })
    .await
}

/// The files credentials are looked for in, in this order. `REGISTRY_AUTH_FILE` stands alone.
fn credential_files(environment: &Environment) -> Vec<PathBuf> {
    if let Some(path) = environment.path("REGISTRY_AUTH_FILE") {
        return vec![path];
    }
    let home = environment
        .path("HOME")
        .or_else(|| environment.path("USERPROFILE"));
    let docker = environment
        .path("DOCKER_CONFIG")
        .or_else(|| home.as_ref().map(|home| home.join(".docker")));
    let containers = environment
        .path("XDG_RUNTIME_DIR")
        .map(|folder| folder.join("containers"))
        .into_iter()
        .chain(home.map(|home| home.join(".config/containers")));
    containers
        .map(|folder| folder.join("auth.json"))
        .chain(docker.map(|folder| folder.join("config.json")))
        .collect()
}

const CERTIFICATES_BYTES: u64 = 4 << 20;

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn this_machine_is_never_reached_through_a_proxy() {
        let none = |environment: &Environment| proxies(environment).unwrap().none;
        let environment = Environment::with_variables(Path::new("/w"), []);
        assert_eq!(none(&environment), LOOPBACK);
        let variables = [("NO_PROXY", "a.test,10.0.0.0/8")];
        let environment = Environment::with_variables(Path::new("/w"), variables);
        assert_eq!(none(&environment), format!("{LOOPBACK},a.test,10.0.0.0/8"));
    }

    #[test]
    fn an_explicit_credentials_file_stands_alone() {
        let environment = Environment::with_variables(
            Path::new("/w"),
            [("HOME", "/h"), ("REGISTRY_AUTH_FILE", "/a.json")],
        );
        assert_eq!(credential_files(&environment), [PathBuf::from("/a.json")]);
        let environment = Environment::with_variables(Path::new("/w"), [("HOME", "/h")]);
        assert_eq!(
            credential_files(&environment),
            [
                PathBuf::from("/h/.config/containers/auth.json"),
                PathBuf::from("/h/.docker/config.json")
            ]
        );
    }
}
