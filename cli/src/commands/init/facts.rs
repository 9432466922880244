//! What is written down: names, and keys that somebody holds.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use bulla_attest::PublicKey;
use bulla_attest::key::KEY_FILE_BYTES;
use bulla_model::{Environment, Limits, Person, Service};

use super::observe::{Guess, Observation};
use crate::Failure;
use crate::args::init::Arguments;
use crate::failure::FailureKind;
use crate::join::file;

/// Everything the files are filled with.
#[derive(Debug)]
pub(super) struct Facts {
    pub(super) service: Service,
    pub(super) source: String,
    /// Where the source was read, if nobody named it.
    pub(super) source_guess: Option<Guess>,
    /// Whether the environments' URIs were made from such a source.
    pub(super) org_guessed: bool,
    /// Short names and URIs, in order; at least one.
    pub(super) environments: Vec<(String, Environment)>,
    /// Persons with their keys, PEM; at least one.
    pub(super) owners: Vec<(Person, String)>,
    /// The pipeline's key, PEM, if it has one of its own.
    pub(super) pipeline: Option<String>,
}

impl Facts {
    /// Takes what was typed, and where nothing was, what can be found without believing anybody.
    pub(super) fn gather(
        arguments: &Arguments,
        observation: &Observation,
        limits: &Limits,
    ) -> Result<Self, Failure> {
        let owners = owners(arguments)?;
        let (source, source_guess) = source(arguments, observation, limits)?;
        let path: Vec<&str> = source
            .split_once("://")
            .map_or("", |(_, rest)| rest)
            .split('/')
            .collect();
        let word = |text: &str| {
            let text = text.to_lowercase();
            let kept = text
                .chars()
                .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' });
            kept.collect::<String>().trim_matches('-').to_owned()
        };
        let named = arguments.about.service.clone();
        let service = named.unwrap_or_else(|| word(path.last().copied().unwrap_or_default()));
        let service: Service = service.parse().map_err(|error| {
            Failure::usage(format_args!("{error}")).with_hint("name it with --service")
        })?;
        let org = match &arguments.about.org {
            Some(org) => org.clone(),
            None => word(path.get(1).copied().unwrap_or_default()),
        };
        let mut environments = Vec::new();
        for name in &arguments.about.env {
            let uri = format!("env://{org}/{}/{name}", word(service.as_str()));
            let uri: Environment = uri.parse().map_err(|error| {
                Failure::usage(format_args!("{error}"))
                    .with_hint("name them with --org and --env, in small letters")
            })?;
            if environments.iter().any(|(_, other)| *other == uri) {
                return Err(Failure::usage(format_args!("`{name}` is named twice")));
            }
            environments.push((name.clone(), uri));
        }
        let pipeline = arguments
            .about
            .ci_key
            .as_deref()
            .map(read_key)
            .transpose()?;
        if owners.iter().any(|(_, pem)| Some(pem) == pipeline.as_ref()) {
            return Err(
                Failure::usage("the pipeline's key is a person's too").with_hint(
                    "leave --ci-key out, or make it a key of its own: bulla key generate --out ci",
                ),
            );
        }
        Ok(Self {
            service,
            source,
            org_guessed: source_guess.is_some() && arguments.about.org.is_none(),
            source_guess,
            environments,
            owners,
            pipeline,
        })
    }

    /// The key that builds and promotes, PEM.
    pub(super) fn builder(&self) -> &str {
        let first = self.owners.first().map_or("", |(_, pem)| pem.as_str());
        self.pipeline.as_deref().unwrap_or(first)
    }

    /// Whether the only person there is would have to approve what they built themselves.
    pub(super) fn is_alone(&self) -> bool {
        self.pipeline.is_none() && self.owners.len() < 2
    }
}

fn source(
    arguments: &Arguments,
    observation: &Observation,
    limits: &Limits,
) -> Result<(String, Option<Guess>), Failure> {
    if let Some(source) = &arguments.about.source {
        return match repository(source) {
            Some(source) => Ok((source, None)),
            None => Err(Failure::usage(format_args!("`{source}` is no repository"))
                .with_hint("write it as https://HOST/OWNER/NAME")),
        };
    }
    let seen = observation.source.clone();
    let found = seen.or_else(|| git_remote(&arguments.directory, limits));
    let known = found.and_then(|guess| Some((repository(&guess.value)?, guess)));
    match known {
        Some((source, guess)) => Ok((source, Some(guess))),
        None => Err(Failure::usage("no source repository is known")
            .with_hint("name it: --source https://github.com/OWNER/NAME")),
    }
}

/// Where `git` pulls from, if the folder is a checkout.
fn git_remote(directory: &Path, limits: &Limits) -> Option<Guess> {
    let path = directory.join(".git").join("config");
    let text = file::read(&path, limits.configuration_bytes).ok()?;
    let text = String::from_utf8(text).ok()?;
    let mut lines = text.lines().map(str::trim);
    lines.find(|line| *line == r#"[remote "origin"]"#)?;
    let url = lines
        .take_while(|line| !line.starts_with('['))
        .find_map(|line| line.strip_prefix("url")?.trim_start().strip_prefix('='))?;
    Guess::new(
        "source repository",
        url.trim(),
        "the remote `origin` of git",
    )
}

/// A repository as provenance names it: `https://HOST/OWNER/NAME`.
fn repository(text: &str) -> Option<String> {
    let text = text.strip_prefix("git+").unwrap_or(text);
    let (host, path) = if let Some((_, rest)) = text.split_once("://") {
        rest.split_once('/')?
    } else {
        text.split_once(':')?
    };
    // Names and passwords in the address are nobody's business.
    let host = host.rsplit('@').next()?.split(':').next()?;
    let path = path.split(['@', '#', '?']).next()?.trim_matches('/');
    let path = path.strip_suffix(".git").unwrap_or(path);
    let plain = |part: &str| {
        !part.is_empty()
            && part
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_'))
    };
    let whole = plain(host) && path.split('/').count() >= 2 && path.split('/').all(plain);
    whole.then(|| format!("https://{host}/{path}"))
}

fn owners(arguments: &Arguments) -> Result<Vec<(Person, String)>, Failure> {
    let mut paths = arguments.about.owner_key.clone();
    if paths.is_empty() {
        let usual = [
            arguments.directory.join("bulla.pub"),
            PathBuf::from("bulla.pub"),
        ];
        let found = usual.into_iter().find(|path| path.is_file());
        paths.push(found.ok_or_else(|| {
            Failure::usage("a policy needs an owner, and there is no bulla.pub here")
                .with_hint("make a key pair first: bulla key generate")
                .with_hint("or name public keys there are: --owner-key alice.pub")
        })?);
    }
    let mut names = BTreeSet::new();
    let mut owners: Vec<(Person, String)> = Vec::new();
    for path in paths {
        let pem = read_key(&path)?;
        if owners.iter().any(|(_, other)| *other == pem) {
            return Err(Failure::usage(format_args!(
                "{} holds a key that was named already",
                path.display()
            )));
        }
        let stem = path.file_stem().and_then(|stem| stem.to_str());
        let person = stem
            .filter(|stem| !matches!(*stem, "bulla" | "cosign"))
            .and_then(|stem| stem.parse::<Person>().ok());
        let person = match person {
            Some(person) if names.insert(person.to_string()) => person,
            _ => unnamed(&mut names)?,
        };
        owners.push((person, pem));
    }
    Ok(owners)
}

/// `owner`, `owner-2`, …
fn unnamed(names: &mut BTreeSet<String>) -> Result<Person, Failure> {
    let mut number = 1_usize;
    loop {
        let name = if number == 1 {
            "owner".to_owned()
        } else {
            format!("owner-{number}")
        };
        if names.insert(name.clone()) {
            return name
                .parse()
                .map_err(|error| Failure::new(FailureKind::Internal, error));
        }
        number = number.saturating_add(1);
    }
}

/// Reads a public key and writes it the one way it is written.
fn read_key(path: &Path) -> Result<String, Failure> {
    let bytes = file::read(path, KEY_FILE_BYTES as u64 + 1)?;
    let key = PublicKey::from_pem(&bytes).map_err(|error| {
        Failure::new(
            FailureKind::Input,
            format_args!("{}: {error}", path.display()),
        )
        .with_hint("a policy takes public keys: bulla key public --key bulla.key")
    })?;
    Ok(key.to_pem())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repositories_are_written_as_provenance_names_them() {
        for text in [
            "https://github.com/acme/pay",
            "git+https://github.com/acme/pay.git@refs/heads/main",
            "git@github.com:acme/pay.git",
            "ssh://git@github.com:22/acme/pay.git",
            "https://alice:secret@github.com/acme/pay/",
        ] {
            let found = repository(text);
            assert_eq!(
                found.as_deref(),
                Some("https://github.com/acme/pay"),
                "{text}"
            );
        }
        for text in [
            "",
            "pay",
            "/srv/git/pay",
            "https://github.com",
            "https://github.com/acme",
            "https://h/a\"/b",
        ] {
            assert_eq!(repository(text), None, "{text}");
        }
    }
}
