//! Credentials as docker and podman keep them.
//!
//! `config.json` of docker and `auth.json` of containers-auth.json(5), with credential helpers,
//! <https://github.com/containers/image/blob/v5.36.2/docs/containers-auth.json.5.md>.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use bulla_model::{Limits, Repository};
use docker_credential::{CredentialRetrievalError, DockerCredential, get_credential_from_reader};
use serde::Deserialize;
use serde_json::value::RawValue;
use zeroize::Zeroizing;

use crate::Credential;

/// Runs `docker-credential-NAME get` with the server's name on its standard input, given these two,
/// and returns what it writes; `None` if it fails, which is how helpers say that they know nothing.
/// One that does not answer in time is an error of the kind `TimedOut`.
/// Which variables it sees is the caller's to decide.
pub type RunHelper<'a> = &'a dyn Fn(&str, &str) -> std::io::Result<Option<Zeroizing<Vec<u8>>>>;

/// Reads what a file has for a repository; `None` if it has nothing, or is not there.
///
/// Looks for the repository itself, then for each shorter path, then for the host. May run a
/// credential helper the file names, and wait for it: call it on a thread that may block.
pub fn credential_from_file(
    path: &Path,
    repository: &Repository,
    limits: &Limits,
    run: RunHelper<'_>,
) -> Result<Option<Credential>, CredentialsError> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(source) => {
            return Err(CredentialsError::Io {
                path: path.to_owned(),
                source,
            });
        }
    };
    let mut bytes = Vec::new();
    file.take(limits.configuration_bytes)
        .read_to_end(&mut bytes)
        .map_err(|source| CredentialsError::Io {
            path: path.to_owned(),
            source,
        })?;
    let malformed = |_| CredentialsError::Malformed {
        path: path.to_owned(),
    };
    let helpers: Helpers = serde_json::from_slice(&bytes).map_err(malformed)?;
    let entries: Entries<'_> = serde_json::from_slice(&bytes).map_err(malformed)?;
    let entries = entries.auths.map_or("{}", RawValue::get);
    // Without the names of helpers, which the crate would run with every variable there is.
    let entries = Zeroizing::new(format!("{{\"auths\":{entries}}}"));
    let refused = |error| refusal(path, &error);
    let ask = |helper: &str, key: &str| match run(helper, key) {
        Ok(Some(said)) => answered(&said).map(Some).map_err(refused),
        Ok(None) => Ok(None),
        Err(error) if error.kind() == std::io::ErrorKind::TimedOut => Err(CredentialsError::Late {
            path: path.to_owned(),
            helper: helper.to_owned(),
        }),
        Err(_) => Err(refused(CredentialRetrievalError::HelperCommunicationError)),
    };
    // docker writes an empty name where there is no helper.
    let named = |name: &&String| !name.is_empty();
    let store = helpers.creds_store.as_ref().filter(named);
    for key in keys(repository) {
        let own_helper = helpers.cred_helpers.as_ref().and_then(|all| all.get(&key));
        let found = if let Some(helper) = own_helper.filter(named) {
            ask(helper, &key)
        } else {
            match (get_credential_from_reader(entries.as_bytes(), &key), store) {
                (Err(CredentialRetrievalError::NoCredentialConfigured), Some(helper)) => {
                    ask(helper, &key)
                }
                (Err(CredentialRetrievalError::NoCredentialConfigured), None) => Ok(None),
                (found, _) => found.map(Some).map_err(refused),
            }
        };
        if let Some(credential) = found? {
            return Ok(Some(own(credential)));
        }
    }
    Ok(None)
}

/// Which helpers a file names: for one server each, and for all others.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Helpers {
    creds_store: Option<String>,
    cred_helpers: Option<BTreeMap<String, String>>,
}

#[derive(Deserialize)]
struct Entries<'a> {
    #[serde(borrow)]
    auths: Option<&'a RawValue>,
}

/// What a helper says, as docker's helpers do.
fn answered(said: &[u8]) -> Result<DockerCredential, CredentialRetrievalError> {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Said {
        username: String,
        secret: String,
    }
    // The error would repeat what it found, which may be the secret.
    let said: Said = serde_json::from_slice(said)
        .map_err(|_| CredentialRetrievalError::MalformedHelperResponse)?;
    Ok(if said.username == "<token>" {
        DockerCredential::IdentityToken(said.secret)
    } else {
        DockerCredential::UsernamePassword(said.username, said.secret)
    })
}

/// Why a file with credentials could not be used. What the file or a helper says is not shown.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CredentialsError {
    /// The file could not be read.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The operating system's reason.
        source: std::io::Error,
    },
    /// The file is not what docker or podman write.
    #[error("{}: no docker or podman configuration with credentials", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
    },
    /// An entry of the file is damaged.
    #[error("{}: an `auth` entry is no base64 of `user:password`, or contradicts its neighbours", path.display())]
    Entry {
        /// The file.
        path: PathBuf,
    },
    /// A credential helper could not be run, or answered nonsense.
    #[error("{}: its credential helper could not be run", path.display())]
    Helper {
        /// The file that names it.
        path: PathBuf,
    },
    /// A credential helper did not answer in time.
    #[error("{}: its credential helper docker-credential-{} did not answer in time", path.display(), helper.escape_debug())]
    Late {
        /// The file that names it.
        path: PathBuf,
        /// The helper's name.
        helper: String,
    },
}

fn refusal(path: &Path, error: &CredentialRetrievalError) -> CredentialsError {
    let path = path.to_owned();
    match error {
        CredentialRetrievalError::HelperCommunicationError
        | CredentialRetrievalError::MalformedHelperResponse => CredentialsError::Helper { path },
        CredentialRetrievalError::CredentialDecodingError
        | CredentialRetrievalError::CredentialMismatchError => CredentialsError::Entry { path },
        _ => CredentialsError::Malformed { path },
    }
}

/// The names a repository's credentials can be kept under, the closest first.
fn keys(repository: &Repository) -> Vec<String> {
    let host = repository.host();
    let mut keys = Vec::new();
    let mut path = repository.path();
    loop {
        keys.push(format!("{host}/{path}"));
        match path.rsplit_once('/') {
            Some((shorter, _)) => path = shorter,
            None => break,
        }
    }
    keys.push(host.to_owned());
    keys.push(format!("https://{host}"));
    keys.push(format!("https://{host}/v1/"));
    keys.push(format!("https://{host}/v2/"));
    keys
}

fn own(credential: DockerCredential) -> Credential {
    match credential {
        DockerCredential::IdentityToken(token) => Credential::IdentityToken(token.into()),
        DockerCredential::UsernamePassword(username, password) => Credential::Basic {
            username,
            password: password.into(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Option<Credential>, CredentialsError> {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("config.json");
        std::fs::write(&path, text).unwrap();
        let repository = "r.example.test:5000/pay/api".parse().unwrap();
        credential_from_file(&path, &repository, &Limits::default(), &|helper, key| {
            Ok(match (helper, key) {
                ("late", _) => return Err(std::io::ErrorKind::TimedOut.into()),
                ("broken" | "", _) => return Err(std::io::ErrorKind::NotFound.into()),
                ("odd", _) => Some(Zeroizing::new(b"s3cret".to_vec())),
                ("own", _) | ("store", "r.example.test:5000") => {
                    let said = format!(r#"{{"Username":"<token>","Secret":"{helper}"}}"#);
                    Some(Zeroizing::new(said.into_bytes()))
                }
                _ => None,
            })
        })
    }

    fn basic(username: &str, password: &str) -> Credential {
        Credential::Basic {
            username: username.to_owned(),
            password: password.to_owned().into(),
        }
    }

    #[test]
    fn the_closest_entry_wins() {
        let host = r#""r.example.test:5000": {"auth": "YWxpY2U6b25l"}"#;
        let path = r#""r.example.test:5000/pay": {"auth": "Ym9iOnR3bw=="}"#;
        let found = read(&format!("{{\"auths\":{{{host}}}}}")).unwrap();
        assert_eq!(found, Some(basic("alice", "one")));
        let found = read(&format!("{{\"auths\":{{{host},{path}}}}}")).unwrap();
        assert_eq!(found, Some(basic("bob", "two")));
        let other = r#"{"auths":{"r.example.test": {"auth": "YWxpY2U6b25l"}}}"#;
        assert_eq!(read(other).unwrap(), None, "the port belongs to the host");
        let old = r#"{"auths":{"https://r.example.test:5000/v2/": {"identitytoken": "t"}}}"#;
        let token = Credential::IdentityToken("t".to_owned().into());
        assert_eq!(read(old).unwrap(), Some(token));
    }

    #[test]
    fn helpers_are_asked_where_the_file_names_them() {
        let token = |text: &str| Some(Credential::IdentityToken(text.to_owned().into()));
        let entry = r#""auths":{"r.example.test:5000":{"auth":"YWxpY2U6b25l"}}"#;
        for (text, expected) in [
            (r#"{"credsStore":"store"}"#.to_owned(), token("store")),
            (r#"{"credsStore":"none"}"#.to_owned(), None),
            (
                format!(r#"{{"credsStore":"",{entry}}}"#),
                Some(basic("alice", "one")),
            ),
            (r#"{"credsStore":""}"#.to_owned(), None),
            // An entry comes before the store, a helper for the server before the entry.
            (
                format!(r#"{{"credsStore":"store",{entry}}}"#),
                Some(basic("alice", "one")),
            ),
            (
                format!(r#"{{"credHelpers":{{"r.example.test:5000":"own"}},{entry}}}"#),
                token("own"),
            ),
            (
                r#"{"credHelpers":{"other.example.test":"own"}}"#.to_owned(),
                None,
            ),
        ] {
            assert_eq!(read(&text).unwrap(), expected, "{text}");
        }
        let late = read(r#"{"credsStore":"late"}"#).unwrap_err();
        assert!(matches!(late, CredentialsError::Late { .. }), "{late}");
        for name in ["broken", "odd"] {
            let error = read(&format!(r#"{{"credsStore":"{name}"}}"#)).unwrap_err();
            assert!(matches!(error, CredentialsError::Helper { .. }), "{error}");
            assert!(!format!("{error:?}").contains("s3cret"), "{error:?}");
        }
    }

    #[test]
    fn a_damaged_file_is_not_quoted() {
        for text in [
            "s3cret",
            r#"{"auths":{"r.example.test:5000":{"auth":"czNjcmV0"}}}"#,
            r#"{"auths":{"r.example.test:5000":{"auth":"s3cret!"}}}"#,
        ] {
            let error = read(text).unwrap_err();
            let shown = format!("{error} {error:?}");
            assert!(
                !shown.contains("s3cret") && !shown.contains("czNj"),
                "{shown}"
            );
        }
    }

    #[test]
    fn no_file_is_no_credential() {
        let repository = "r.example.test/a".parse().unwrap();
        let limits = Limits::default();
        let none =
            credential_from_file(Path::new("/nonexistent"), &repository, &limits, &|_, _| {
                Ok(None)
            });
        assert_eq!(none.unwrap(), None);
    }
}
