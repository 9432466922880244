//! How kubectl reaches a cluster: the files of `KUBECONFIG`, else `~/.kube/config`,
//! <https://kubernetes.io/docs/reference/config-api/kubeconfig.v1/>; in a pod without them, the
//! pod's service account.
//!
//! Users may have a token, a client certificate, or a program that gives either
//! (`client.authentication.k8s.io/v1`). Not read: passwords and the old cloud providers.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bulla_attest::Surroundings as _;
use bulla_attest::service::{KubernetesAccess, SECRET_VARIABLES, SecretText};
use serde::Deserialize;
use tokio::io::AsyncReadExt as _;
use zeroize::Zeroizing;

use super::surroundings::ProcessSurroundings;
use crate::Failure;
use crate::failure::FailureKind;

/// Bytes of the longest answer of a credential program.
const ANSWER_BYTES: u64 = 1 << 20;
/// Nesting of that answer. Stops stack exhaustion.
const ANSWER_DEPTH: usize = 16;
/// Time a credential program has: some open a browser.
const PATIENCE: Duration = Duration::from_mins(2);

/// How the current cluster is reached.
pub(super) async fn access(
    surroundings: &ProcessSurroundings,
) -> Result<KubernetesAccess, Failure> {
    let files = files(surroundings)?;
    let Some(name) = files
        .iter()
        .find_map(|file| file.content.current_context.clone())
    else {
        return KubernetesAccess::in_cluster(surroundings)?.ok_or_else(|| {
            Failure::new(FailureKind::Configuration, "no cluster is configured")
                .with_hint("set KUBECONFIG, or run: kubectl config use-context NAME")
        });
    };
    let missing = |what: &str, name: &str| {
        Failure::new(
            FailureKind::Configuration,
            format_args!("the kubeconfig has no {what} `{name}`"),
        )
    };
    let context = find(&files, |content| &content.contexts, &name)
        .ok_or_else(|| missing("context", &name))?
        .1;
    let (context, cluster) = match context {
        Named {
            context: Some(context),
            ..
        } => (context, &context.cluster),
        _ => return Err(missing("context", &name)),
    };
    let (at, cluster) = find(&files, |content| &content.clusters, cluster)
        .and_then(|(at, named)| Some((at, named.cluster.as_ref()?)))
        .ok_or_else(|| missing("cluster", cluster))?;
    if cluster.insecure_skip_tls_verify {
        return Err(Failure::new(
            FailureKind::Configuration,
            "the kubeconfig's cluster skips TLS verification, and a private key would be read over it",
        )
        .with_hint("give the cluster's certificate-authority-data instead"));
    }
    let authorities = at.material(
        surroundings,
        cluster.certificate_authority.as_deref(),
        cluster.certificate_authority_data.as_deref(),
    )?;
    let mut access = KubernetesAccess {
        server: cluster.server.clone(),
        authorities: authorities.map(|bytes| bytes.to_vec()),
        ..KubernetesAccess::default()
    };
    let user = context.user.as_deref().unwrap_or_default();
    if let Some((at, user)) = find(&files, |content| &content.users, user)
        && let Some(user) = &user.user
    {
        user.fill(&mut access, at, surroundings).await?;
    }
    Ok(access)
}

struct File {
    folder: PathBuf,
    content: Content,
}

fn files(surroundings: &ProcessSurroundings) -> Result<Vec<File>, Failure> {
    let paths: Vec<PathBuf> = match (
        surroundings.variable("KUBECONFIG"),
        surroundings.variable("HOME"),
    ) {
        (Some(list), _) => std::env::split_paths(&list).collect(),
        (None, Some(home)) => vec![Path::new(&home).join(".kube/config")],
        (None, None) => Vec::new(),
    };
    let mut files = Vec::new();
    for path in paths {
        let Some(bytes) = surroundings.file(&path)? else {
            continue;
        };
        let wrong = |reason: &dyn std::fmt::Display| {
            Failure::new(
                FailureKind::Configuration,
                format_args!("{} is no kubeconfig: {reason}", path.display()),
            )
        };
        let text = std::str::from_utf8(&bytes).map_err(|error| wrong(&error))?;
        // The excerpt the error would show may hold a token.
        let content = serde_saphyr::from_str(text).map_err(|error| {
            let reason = error.without_snippet().to_string();
            wrong(&reason.lines().next().unwrap_or_default().escape_debug())
        })?;
        let folder = path.parent().unwrap_or(Path::new("")).to_owned();
        files.push(File { folder, content });
    }
    Ok(files)
}

/// The first entry of this name in any of the files.
fn find<'f>(
    files: &'f [File],
    list: impl Fn(&'f Content) -> &'f Vec<Named>,
    name: &str,
) -> Option<(&'f File, &'f Named)> {
    files.iter().find_map(|file| {
        let entry = list(&file.content)
            .iter()
            .find(|entry| entry.name == name)?;
        Some((file, entry))
    })
}

impl File {
    /// Data that stands in the file or in another one, relative to it.
    fn material(
        &self,
        surroundings: &ProcessSurroundings,
        path: Option<&str>,
        data: Option<&str>,
    ) -> Result<Option<Zeroizing<Vec<u8>>>, Failure> {
        let wrong = |reason: String| Failure::new(FailureKind::Configuration, reason);
        match (data, path) {
            (Some(data), _) => STANDARD
                .decode(data.trim())
                .map(|bytes| Some(Zeroizing::new(bytes)))
                .map_err(|_| wrong("data in the kubeconfig is no base64".to_owned())),
            (None, Some(path)) => {
                let path = self.folder.join(path);
                let bytes = surroundings.file(&path)?;
                bytes.map(Some).ok_or_else(|| {
                    wrong(format!(
                        "{}, named by the kubeconfig, is not there",
                        path.display()
                    ))
                })
            }
            (None, None) => Ok(None),
        }
    }
}

impl User {
    async fn fill(
        &self,
        access: &mut KubernetesAccess,
        at: &File,
        surroundings: &ProcessSurroundings,
    ) -> Result<(), Failure> {
        if let Some(token) = &self.token {
            access.token = Some(token.clone().into_inner());
        } else if let Some(bytes) = at.material(surroundings, self.token_file.as_deref(), None)? {
            let text = String::from_utf8_lossy(&bytes).trim().to_owned();
            access.token = Some(Zeroizing::new(text));
        }
        let (certificate, key) = (&self.client_certificate, &self.client_key);
        let (certificate_data, key_data) = (&self.client_certificate_data, &self.client_key_data);
        let certificate = at.material(
            surroundings,
            certificate.as_deref(),
            certificate_data.as_deref(),
        )?;
        let key_data = key_data.as_deref();
        let key = at.material(surroundings, key.as_deref(), key_data)?;
        if let (Some(certificate), Some(key)) = (certificate, key) {
            access.identity = Some(joined(&certificate, &key));
        }
        if let Some(program) = &self.exec {
            program.fill(access, at, surroundings).await?;
        }
        Ok(())
    }
}

fn joined(certificate: &[u8], key: &[u8]) -> Zeroizing<Vec<u8>> {
    Zeroizing::new([certificate, b"\n".as_slice(), key].concat())
}

impl Exec {
    async fn fill(
        &self,
        access: &mut KubernetesAccess,
        at: &File,
        surroundings: &ProcessSurroundings,
    ) -> Result<(), Failure> {
        let wrong = |reason: &dyn std::fmt::Display| {
            Failure::new(
                FailureKind::Configuration,
                format_args!("the kubeconfig's program `{}`: {reason}", self.command),
            )
        };
        let path = if self.command.contains('/') {
            at.folder.join(&self.command)
        } else {
            surroundings
                .program(&self.command)
                .ok_or_else(|| wrong(&"it is not on the search path"))?
        };
        let request = serde_json::json!({
            "kind": "ExecCredential", "apiVersion": self.api_version, "spec": { "interactive": false },
        });
        let variables = self.env.iter().flatten();
        let mut command = tokio::process::Command::new(path);
        for name in SECRET_VARIABLES {
            command.env_remove(name);
        }
        let mut child = command
            .args(self.args.iter().flatten())
            .envs(variables.map(|pair| (pair.name.as_str(), &*pair.value)))
            .env("KUBERNETES_EXEC_INFO", request.to_string())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| wrong(&error))?;
        let mut said = Zeroizing::new(Vec::new());
        let pipe = child.stdout.take();
        let talk = async {
            if let Some(pipe) = pipe {
                pipe.take(ANSWER_BYTES).read_to_end(&mut said).await?;
            }
            child.wait().await
        };
        let status = tokio::time::timeout(PATIENCE, talk)
            .await
            .map_err(|_| wrong(&"no answer in time"))?
            .map_err(|error| wrong(&error))?;
        if !status.success() {
            return Err(wrong(&status));
        }
        // The error would repeat what it found, which may be the token.
        let credential: Credential = bulla_model::json::read(&said, ANSWER_BYTES, ANSWER_DEPTH)
            .map_err(|_| wrong(&"its answer is no ExecCredential"))?;
        let status = credential.status;
        access.token = status
            .token
            .map(SecretText::into_inner)
            .or(access.token.take());
        if let (Some(certificate), Some(key)) =
            (status.client_certificate_data, status.client_key_data)
        {
            access.identity = Some(joined(certificate.as_bytes(), key.as_bytes()));
        }
        Ok(())
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Content {
    current_context: Option<String>,
    #[serde(default)]
    contexts: Vec<Named>,
    #[serde(default)]
    clusters: Vec<Named>,
    #[serde(default)]
    users: Vec<Named>,
}

#[derive(Deserialize)]
struct Named {
    name: String,
    context: Option<ClusterContext>,
    cluster: Option<Cluster>,
    user: Option<User>,
}

#[derive(Deserialize)]
struct ClusterContext {
    cluster: String,
    user: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Cluster {
    server: String,
    certificate_authority: Option<String>,
    certificate_authority_data: Option<String>,
    #[serde(default)]
    insecure_skip_tls_verify: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct User {
    token: Option<SecretText>,
    #[serde(rename = "tokenFile")]
    token_file: Option<String>,
    client_certificate: Option<String>,
    client_certificate_data: Option<String>,
    client_key: Option<String>,
    client_key_data: Option<SecretText>,
    exec: Option<Exec>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Exec {
    api_version: String,
    command: String,
    args: Option<Vec<String>>,
    env: Option<Vec<Variable>>,
}

#[derive(Deserialize)]
struct Variable {
    name: String,
    value: SecretText,
}

#[derive(Deserialize)]
struct Credential {
    status: CredentialStatus,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct CredentialStatus {
    token: Option<SecretText>,
    client_certificate_data: Option<String>,
    client_key_data: Option<SecretText>,
}
