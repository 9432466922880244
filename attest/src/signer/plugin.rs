//! Keys that a program has, by cosign's protocol for key services, version v1
//! (`pkg/signature/kms/cliplugin` of sigstore v1.10).
//!
//! The program `sigstore-kms-NAME` is started with the protocol's version and a JSON document as
//! arguments, reads a message from standard input and answers with a JSON document. It is given a
//! digest wherever the scheme allows it. What it says on standard error is shown if it fails.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::Command;

use super::{Message, SignError, Signer};
use crate::key::{Hash, PluginKey, PublicKey, Schemes, SignatureScheme};
use crate::service::{
    FromBase64, KeyServiceError, SECRET_VARIABLES, Surroundings, base64, read, shown,
};

const SERVICE: &str = "key program";
const VERSION: &str = "v1";
/// Bytes of the longest answer that is read: against a program that never stops talking.
const ANSWER_BYTES: u64 = 1 << 20;
/// Time a program has; somebody may have to touch a key.
const PATIENCE: Duration = Duration::from_mins(2);

/// Signs by running a program.
pub struct PluginSigner {
    program: Program,
    public: PublicKey,
    schemes: Schemes,
}

super::shown_as_its_key!(PluginSigner);

struct Program {
    path: PathBuf,
    name: String,
    id: String,
}

impl PluginSigner {
    /// Asks the program for the public key.
    pub async fn open(
        key: &PluginKey,
        scheme: Option<SignatureScheme>,
        surroundings: &dyn Surroundings,
    ) -> Result<Self, KeyServiceError> {
        let name = key.program();
        let path = surroundings
            .program(&name)
            .ok_or_else(|| KeyServiceError::Configuration {
                service: SERVICE,
                reason: format!(
                    "no scheme `{}://` is built in, and no program `{name}` is on the search path",
                    key.service
                ),
            })?;
        let program = Program {
            path,
            name,
            id: key.id.clone(),
        };
        // The hash is not known before the key is.
        let answer = program
            .run(
                "publicKey",
                json!({ "publicKeyOptions": { "rpcOptions": {} } }),
                Hash::Sha256,
                &[],
            )
            .await?;
        let pem = answer
            .public_key
            .ok_or_else(|| program.silent("publicKey"))?;
        let public =
            PublicKey::from_pem(&pem.public_key_pem.0).map_err(|error| KeyServiceError::Key {
                service: SERVICE,
                error,
            })?;
        let schemes = super::service_schemes(SERVICE, &public, scheme, |_| None)?;
        Ok(Self {
            program,
            public,
            schemes,
        })
    }
}

impl Signer for PluginSigner {
    fn public_key(&self) -> &PublicKey {
        &self.public
    }

    fn schemes(&self) -> Schemes {
        self.schemes
    }

    async fn sign_message(&self, message: Message<'_>) -> Result<Vec<u8>, SignError> {
        let scheme = message.scheme(self.schemes);
        let (options, bytes, hash) = match scheme.hash() {
            Some(hash) => {
                let digest = base64(&message.digest(hash)?);
                let options = json!({ "digest": digest, "hashFunc": number(hash) });
                (options, [].as_slice(), hash)
            }
            // Hash 0 is "none".
            None => (json!({ "hashFunc": 0 }), message.bytes()?, Hash::Sha512),
        };
        let arguments = json!({ "signOptions": { "rpcOptions": {}, "messageOptions": options } });
        let answer = self
            .program
            .run("signMessage", arguments, hash, bytes)
            .await?;
        let signed = answer
            .sign_message
            .ok_or_else(|| self.program.silent("signMessage"))?;
        Ok(signed.signature.0)
    }
}

impl Program {
    async fn run(
        &self,
        method: &'static str,
        arguments: Value,
        hash: Hash,
        input: &[u8],
    ) -> Result<Response, KeyServiceError> {
        let mut document = json!({
            "initOptions": {
                "protocolVersion": VERSION,
                "keyResourceID": self.id,
                "hashFunc": number(hash),
                "rpcOptions": {},
            },
            "methodName": method,
        });
        document[method] = arguments;
        let document = document.to_string();
        let work = self.talk(&document, input);
        let (said, errors) = tokio::time::timeout(PATIENCE, work)
            .await
            .map_err(|_| self.failed(&format!("no answer in {} seconds", PATIENCE.as_secs())))?
            .map_err(|error| self.failed(&error.to_string()))?;
        if said.is_empty() {
            let last = errors.trim_end().lines().last().unwrap_or("no answer");
            return Err(self.failed(last));
        }
        // The exit code says no more than the answer does.
        let response: Response = read(SERVICE, method, &said)?;
        match response.error_message.as_deref() {
            None | Some("") => Ok(response),
            Some(message) => Err(self.failed(message)),
        }
    }

    /// Ends with the answer and what was said on standard error; a program that is given up is
    /// ended with it.
    async fn talk(&self, document: &str, input: &[u8]) -> std::io::Result<(Vec<u8>, String)> {
        let mut command = Command::new(&self.path);
        // Secrets of other keys and identities are none of its business.
        for name in SECRET_VARIABLES {
            command.env_remove(name);
        }
        let mut child = command
            .args([VERSION, document])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let stdin = child.stdin.take();
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        let write = async {
            if let Some(mut pipe) = stdin {
                // A program that needs no input may close it.
                drop(pipe.write_all(input).await);
            }
        };
        let ((), said, errors) = tokio::join!(write, bounded(stdout), bounded(stderr));
        child.wait().await?;
        Ok((said?, String::from_utf8_lossy(&errors?).into_owned()))
    }

    fn failed(&self, reason: &str) -> KeyServiceError {
        KeyServiceError::Unusable {
            service: SERVICE,
            reason: format!("{}: {}", self.name, shown(reason)),
        }
    }

    fn silent(&self, method: &str) -> KeyServiceError {
        self.failed(&format!("the answer says nothing about {method}"))
    }
}

async fn bounded(pipe: Option<impl AsyncRead + Unpin>) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    if let Some(pipe) = pipe {
        pipe.take(ANSWER_BYTES + 1).read_to_end(&mut bytes).await?;
    }
    if bytes.len() as u64 > ANSWER_BYTES {
        return Err(std::io::Error::other(format!(
            "more than {ANSWER_BYTES} bytes"
        )));
    }
    Ok(bytes)
}

/// The numbers of Go's `crypto.Hash`, which the protocol uses.
fn number(hash: Hash) -> u8 {
    match hash {
        Hash::Sha256 => 5,
        Hash::Sha384 => 6,
        Hash::Sha512 => 7,
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Response {
    error_message: Option<String>,
    public_key: Option<PublicKeyAnswer>,
    sign_message: Option<SignAnswer>,
}

#[derive(Deserialize)]
struct PublicKeyAnswer {
    #[serde(rename = "publicKeyPEM")]
    public_key_pem: FromBase64,
}

#[derive(Deserialize)]
struct SignAnswer {
    signature: FromBase64,
}
