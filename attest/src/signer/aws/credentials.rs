//! Where AWS's own tools find credentials, in their order: variables, a web identity, the shared
//! files, the container, the machine.
//! <https://docs.aws.amazon.com/sdkref/latest/guide/standardized-credentials.html>
//!
//! Not built: profiles that assume a role, ask a program, or use single sign-on.

use std::collections::BTreeMap;
use std::path::PathBuf;

use aws_credential_types::Credentials;
use quick_xml::Reader;
use quick_xml::events::Event;
use reqwest::{Method, Url};
use serde::Deserialize;
use zeroize::Zeroizing;

use super::SERVICE;
use crate::key::is_region;
use crate::service::{
    Endpoint, KeyServiceError, Surroundings, TlsMaterial, first, is_here, read, secret_file,
};

const MACHINE: &str = "http://169.254.169.254";
const CONTAINER: &str = "http://169.254.170.2";
/// Hosts a container's credentials may come from without TLS, besides this machine itself.
const CONTAINER_HOSTS: [&str; 3] = ["169.254.170.2", "169.254.170.23", "[fd00:ec2::23]"];

/// The region to speak to.
pub(super) fn region(surroundings: &dyn Surroundings) -> Result<String, KeyServiceError> {
    let region = match first(surroundings, &["AWS_REGION", "AWS_DEFAULT_REGION"]) {
        Some(region) => region,
        None => Profile::read(surroundings)?
            .value("region")
            .ok_or_else(|| wrong("no region: set AWS_REGION, or name the key by its ARN"))?,
    };
    if is_region(&region) {
        return Ok(region);
    }
    Err(wrong(format!(
        "`{}` is no region, expected one such as eu-north-1",
        crate::service::shown(&region)
    )))
}

/// Finds credentials for a region.
pub(super) async fn find(
    surroundings: &dyn Surroundings,
    region: &str,
) -> Result<Credentials, KeyServiceError> {
    let key = first(surroundings, &["AWS_ACCESS_KEY_ID"]);
    let secret = first(surroundings, &["AWS_SECRET_ACCESS_KEY"]);
    if let (Some(key), Some(secret)) = (key, secret) {
        return Ok(made(
            key,
            secret,
            first(surroundings, &["AWS_SESSION_TOKEN"]),
        ));
    }
    if let Some(found) = web_identity(surroundings, region).await? {
        return Ok(found);
    }
    if let Some(found) = Profile::read(surroundings)?.credentials()? {
        return Ok(found);
    }
    if let Some(found) = container(surroundings).await? {
        return Ok(found);
    }
    machine(surroundings).await
}

fn made(key: String, secret: String, token: Option<String>) -> Credentials {
    Credentials::new(key, secret, token, None, "bulla")
}

fn wrong(reason: impl Into<String>) -> KeyServiceError {
    KeyServiceError::Configuration {
        service: SERVICE,
        reason: reason.into(),
    }
}

/// A token of another identity provider is exchanged at the token service.
async fn web_identity(
    surroundings: &dyn Surroundings,
    region: &str,
) -> Result<Option<Credentials>, KeyServiceError> {
    let (Some(file), Some(role)) = (
        first(surroundings, &["AWS_WEB_IDENTITY_TOKEN_FILE"]),
        first(surroundings, &["AWS_ROLE_ARN"]),
    ) else {
        return Ok(None);
    };
    let token = secret_file(surroundings, SERVICE, file.as_ref())?
        .ok_or_else(|| wrong("the file AWS_WEB_IDENTITY_TOKEN_FILE names is not there"))?;
    let session = first(surroundings, &["AWS_ROLE_SESSION_NAME"]);
    let address = first(surroundings, &["AWS_ENDPOINT_URL_STS", "AWS_ENDPOINT_URL"])
        .unwrap_or_else(|| match region {
            region if region.starts_with("cn-") => format!("https://sts.{region}.amazonaws.com.cn"),
            region => format!("https://sts.{region}.amazonaws.com"),
        });
    let endpoint = Endpoint::new(SERVICE, &address, surroundings, &TlsMaterial::default())?;
    let ask = endpoint
        .ask(Method::POST, "credentials", [])
        .form(&[
            ("Action", "AssumeRoleWithWebIdentity"),
            ("Version", "2011-06-15"),
            ("RoleArn", &role),
            ("RoleSessionName", session.as_deref().unwrap_or("bulla")),
            ("WebIdentityToken", &token),
        ])
        .hide(&token);
    let answer = endpoint.send(&ask).await?;
    let malformed = || KeyServiceError::Malformed {
        service: SERVICE,
        what: "credentials",
        reason: "no access key, secret and token".to_owned(),
    };
    let mut texts = elements(&answer.body).ok_or_else(malformed)?;
    let mut take = |name: &str| texts.remove(name).filter(|text| !text.is_empty());
    match (
        take("AccessKeyId"),
        take("SecretAccessKey"),
        take("SessionToken"),
    ) {
        (Some(key), Some(secret), Some(token)) => Ok(Some(made(key, secret, Some(token)))),
        _ => Err(malformed()),
    }
}

/// The texts of an XML document by the names of the elements they stand in.
fn elements(xml: &[u8]) -> Option<BTreeMap<String, String>> {
    let mut reader = Reader::from_reader(xml);
    let mut texts = BTreeMap::new();
    let mut inside = String::new();
    loop {
        match reader.read_event().ok()? {
            Event::Start(element) => {
                element.local_name().as_ref().clone_into(&mut inside);
            }
            Event::Text(text) => {
                texts.insert(std::mem::take(&mut inside), text.to_string());
            }
            Event::Eof => return Some(texts),
            _ => {}
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Issued {
    access_key_id: String,
    secret_access_key: String,
    token: String,
}

impl Issued {
    fn read(body: &[u8]) -> Result<Credentials, KeyServiceError> {
        let issued: Self = read(SERVICE, "credentials", body)?;
        Ok(made(
            issued.access_key_id,
            issued.secret_access_key,
            Some(issued.token),
        ))
    }
}

async fn container(
    surroundings: &dyn Surroundings,
) -> Result<Option<Credentials>, KeyServiceError> {
    let relative = first(surroundings, &["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"]);
    let full = first(surroundings, &["AWS_CONTAINER_CREDENTIALS_FULL_URI"]);
    let address = match (relative, full) {
        (Some(path), _) => format!("{CONTAINER}{path}"),
        (None, Some(address)) => address,
        (None, None) => return Ok(None),
    };
    let url = Url::parse(&address).map_err(|error| wrong(error.to_string()))?;
    let host = url.host_str().unwrap_or_default();
    if url.scheme() != "https" && !is_here(host) && !CONTAINER_HOSTS.contains(&host) {
        return Err(wrong(
            "AWS_CONTAINER_CREDENTIALS_FULL_URI is without TLS and not on this machine",
        ));
    }
    let token = match first(surroundings, &["AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"]) {
        Some(file) => secret_file(surroundings, SERVICE, file.as_ref())?,
        None => first(surroundings, &["AWS_CONTAINER_AUTHORIZATION_TOKEN"]).map(Zeroizing::new),
    };
    let endpoint = Endpoint::platform(SERVICE, &address)?;
    let mut ask = endpoint.ask(Method::GET, "credentials", []);
    if let Some(token) = &token {
        ask = ask.secret("authorization", "", token);
    }
    Issued::read(&endpoint.send(&ask).await?.body).map(Some)
}

/// The metadata service of a virtual machine, in its second version only: the first answers
/// whoever can make a program fetch an address.
async fn machine(surroundings: &dyn Surroundings) -> Result<Credentials, KeyServiceError> {
    let none = || {
        wrong(
            "no credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, AWS_PROFILE, or run where the platform gives some",
        )
    };
    if first(surroundings, &["AWS_EC2_METADATA_DISABLED"]).is_some_and(|text| text == "true") {
        return Err(none());
    }
    let address = first(surroundings, &["AWS_EC2_METADATA_SERVICE_ENDPOINT"]);
    let endpoint = Endpoint::platform(SERVICE, address.as_deref().unwrap_or(MACHINE))?;
    let ask = endpoint
        .ask(Method::PUT, "a session", ["latest", "api", "token"])
        .header("x-aws-ec2-metadata-token-ttl-seconds", "300");
    let answer = endpoint.send(&ask).await.map_err(|_| none())?;
    let session = Zeroizing::new(String::from_utf8_lossy(&answer.body).into_owned());
    let path = ["latest", "meta-data", "iam", "security-credentials"];
    let get = |role: &[&str]| {
        let segments = path.iter().chain(role).copied();
        endpoint.ask(Method::GET, "credentials", segments).secret(
            "x-aws-ec2-metadata-token",
            "",
            &session,
        )
    };
    let answer = endpoint.send(&get(&[])).await.map_err(|_| none())?;
    let roles = String::from_utf8_lossy(&answer.body).into_owned();
    let role = roles.lines().next().ok_or_else(none)?;
    Issued::read(&endpoint.send(&get(&[role])).await?.body)
}

/// One profile of the shared files, the credentials' over the configuration's.
struct Profile(BTreeMap<String, Zeroizing<String>>);

impl Profile {
    fn read(surroundings: &dyn Surroundings) -> Result<Self, KeyServiceError> {
        let name = first(surroundings, &["AWS_PROFILE"]);
        let wanted = name.as_deref().unwrap_or("default");
        let mut values = BTreeMap::new();
        for (variable, file) in [
            ("AWS_CONFIG_FILE", "config"),
            ("AWS_SHARED_CREDENTIALS_FILE", "credentials"),
        ] {
            let home = first(surroundings, &["HOME", "USERPROFILE"]);
            let path = match (first(surroundings, &[variable]), home) {
                (Some(path), _) => PathBuf::from(path),
                (None, Some(home)) => PathBuf::from(home).join(".aws").join(file),
                (None, None) => continue,
            };
            if let Some(text) = secret_file(surroundings, SERVICE, &path)? {
                values.extend(section(&text, wanted));
            }
        }
        if values.is_empty()
            && let Some(name) = name
        {
            return Err(wrong(format!(
                "there is no profile `{}`",
                crate::service::shown(&name)
            )));
        }
        Ok(Self(values))
    }

    fn value(&self, name: &str) -> Option<String> {
        self.0.get(name).map(|text| text.as_str().to_owned())
    }

    fn credentials(&self) -> Result<Option<Credentials>, KeyServiceError> {
        match (
            self.value("aws_access_key_id"),
            self.value("aws_secret_access_key"),
        ) {
            (Some(key), Some(secret)) => {
                Ok(Some(made(key, secret, self.value("aws_session_token"))))
            }
            _ => match [
                "role_arn",
                "credential_process",
                "sso_session",
                "sso_start_url",
            ]
            .into_iter()
            .find(|name| self.0.contains_key(*name))
            {
                Some(name) => Err(wrong(format!(
                    "profiles with {name} are not supported: `aws configure export-credentials --format env` turns them into variables"
                ))),
                None => Ok(None),
            },
        }
    }
}

/// The values of `[name]` or `[profile name]`.
fn section(text: &str, wanted: &str) -> BTreeMap<String, Zeroizing<String>> {
    let mut values = BTreeMap::new();
    let mut inside = false;
    for line in text.lines().map(str::trim) {
        if line.starts_with(['#', ';']) {
            continue;
        }
        if let Some(title) = line
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'))
        {
            let title = title.trim();
            let name = title.strip_prefix("profile ").map_or(title, str::trim);
            inside = name == wanted;
        } else if inside && let Some((name, value)) = line.split_once('=') {
            let value = Zeroizing::new(value.trim().to_owned());
            values.insert(name.trim().to_lowercase(), value);
        }
    }
    values
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_profile_ends_where_the_next_begins() {
        let text = "[default]\naws_access_key_id = A\n# aws_secret_access_key = no\n[profile ci]\nregion=eu-north-1\n\naws_access_key_id=B\n[other]\nregion=x\n";
        let values = section(text, "ci");
        let shown: Vec<_> = values
            .iter()
            .map(|(k, v)| (k.as_str(), v.as_str()))
            .collect();
        assert_eq!(
            shown,
            [("aws_access_key_id", "B"), ("region", "eu-north-1")]
        );
        assert_eq!(section(text, "default").len(), 1);
        assert!(section(text, "none").is_empty());
    }

    #[test]
    fn the_token_services_answer_is_read() {
        let xml = br#"<R xmlns="https://sts.example.test/"><Result><Credentials><AccessKeyId>A</AccessKeyId>
            <SecretAccessKey>S</SecretAccessKey><SessionToken>T</SessionToken></Credentials></Result></R>"#;
        let texts = elements(xml).unwrap();
        assert_eq!(texts["AccessKeyId"], "A");
        assert_eq!(texts["SecretAccessKey"], "S");
        assert_eq!(texts["SessionToken"], "T");
    }
}
