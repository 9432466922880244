//! What provenance says of source and parameters, in more depth than who built it.

use bulla_model::predicate::Provenance;
use bulla_model::{Identity, ResourceDescriptor};
use serde_json::Value;

use super::{CHECK, ProvenanceRule, repository_of};
use crate::code::Code;
use crate::verdict::Finding;
use crate::verified::Verified;

/// Whether source refs and parameters are those the rule asks for.
pub(super) fn fits(statement: &Verified<Provenance>, rule: &ProvenanceRule) -> Result<(), Finding> {
    if !rule.refs.is_empty() {
        refs(statement, rule)?;
    }
    for (pointer, pattern) in &rule.parameters {
        let parameters = &statement.value().build_definition.external_parameters;
        let found = parameters.pointer(pointer).and_then(scalar);
        if !found.as_deref().is_some_and(|text| pattern.matches(text)) {
            let what = format!("another parameter `{pointer}`");
            let found = found.unwrap_or_else(|| "none".to_owned());
            return Err(mismatch(rule, what, pattern.to_string(), &found));
        }
    }
    Ok(())
}

/// The ref of the source, as provenance and certificate say it. Another dependency on the same
/// repository could have been the source too.
fn refs(statement: &Verified<Provenance>, rule: &ProvenanceRule) -> Result<(), Finding> {
    let expected = || {
        let texts: Vec<_> = rule.refs.iter().map(ToString::to_string).collect();
        texts.join(", ")
    };
    let fits = |found: &str| rule.refs.iter().any(|pattern| pattern.matches(found));
    let check = |found: &str| {
        if fits(found) {
            return Ok(());
        }
        let what = "another source ref".to_owned();
        Err(mismatch(rule, what, expected(), found))
    };
    let source = statement.value().source();
    let claimed = match statement.signer() {
        Identity::Certificate(certificate) => certificate.source_ref.as_deref(),
        Identity::Key { .. } => None,
    };
    let said = source
        .and_then(|source| source.uri.as_deref())
        .and_then(ref_of);
    match (said, claimed) {
        (Some(said), Some(claimed)) if said != claimed => {
            let what = "provenance and its signer's certificate name different refs".to_owned();
            return Err(mismatch(rule, what, claimed.to_owned(), said));
        }
        (None, None) => {
            let what = "no source ref".to_owned();
            return Err(mismatch(rule, what, expected(), "none"));
        }
        (said, claimed) => said.or(claimed).map_or(Ok(()), check)?,
    }
    for other in source
        .iter()
        .flat_map(|source| on_place_of(statement.value(), source))
    {
        other
            .uri
            .as_deref()
            .and_then(ref_of)
            .map_or(Ok(()), check)?;
    }
    // One that tells no ref may be of any.
    if source.is_some_and(|source| !is_only_commit(statement.value(), source)) {
        let what = "several commits of the source's repository".to_owned();
        return Err(mismatch(rule, what, expected(), "another commit"));
    }
    Ok(())
}

/// Every commit that a dependency tells.
pub(super) fn commits(dependency: &ResourceDescriptor) -> impl Iterator<Item = &str> {
    let digest = &dependency.digest;
    let both = [digest.value("gitCommit"), digest.value("sha1")];
    both.into_iter().flatten()
}

/// Whether every dependency on the source's repository tells the commit that the source tells.
pub(super) fn is_only_commit(provenance: &Provenance, source: &ResourceDescriptor) -> bool {
    let commit = commits(source).next();
    on_place_of(provenance, source).iter().all(|other| {
        if std::ptr::eq(*other, source) && commit.is_none() {
            return true;
        }
        let mut all = commits(other).peekable();
        commit.is_some() && all.peek().is_some() && all.all(|one| Some(one) == commit)
    })
}

/// The dependencies on the source's repository, whether or not they say that they are of Git, and
/// those that tell a commit and no repository.
fn on_place_of<'a>(
    provenance: &'a Provenance,
    source: &ResourceDescriptor,
) -> Vec<&'a ResourceDescriptor> {
    let here = source.uri.as_deref().map(place_of);
    let all = provenance.build_definition.resolved_dependencies.iter();
    let is_here = |other: &&ResourceDescriptor| match other.uri.as_deref() {
        Some(uri) => Some(place_of(uri)) == here,
        None => commits(other).next().is_some(),
    };
    all.filter(is_here).collect()
}

/// A repository, however it is reached and spelled: by whichever scheme and user, in whatever letter
/// case. For what forbids only, since hosts may tell such spellings apart.
pub(super) fn place_of(uri: &str) -> String {
    let repository = decoded(&repository_of(&uri.to_lowercase())).to_lowercase();
    let (scheme, rest) = repository.split_once("://").unwrap_or(("", &repository));
    let (host, path) = match rest.split_once('/') {
        Some((host, path)) => (host, path),
        None => (rest, ""),
    };
    let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
    // `git@HOST:PATH` has no scheme.
    let (host, first) = match host.split_once(':') {
        Some((host, first)) if scheme.is_empty() => (host, first),
        Some((host, _)) => (host, ""),
        None => (host, ""),
    };
    let mut place = vec![host.trim_end_matches('.')];
    for segment in first.split('/').chain(path.split('/')) {
        match segment {
            "" | "." => {}
            ".." if place.len() > 1 => drop(place.pop()),
            _ => place.push(segment),
        }
    }
    let place = place.join("/");
    place.strip_suffix(".git").unwrap_or(&place).to_owned()
}

/// A text without percent-encoding; what is none stays as it is.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('%') {
        bytes.extend(before.bytes());
        let hex = after
            .get(..2)
            .filter(|hex| hex.bytes().all(|b| b.is_ascii_hexdigit()));
        let byte = hex.and_then(|hex| u8::from_str_radix(hex, 16).ok());
        bytes.push(byte.unwrap_or(b'%'));
        rest = match byte {
            Some(_) => after.get(2..).unwrap_or_default(),
            None => after,
        };
    }
    bytes.extend(rest.bytes());
    String::from_utf8_lossy(&bytes).into_owned()
}

/// What a source's URI says after its repository: `…@REF`, or `….git#REF` with a folder after `:`.
/// A ref may hold `@` and `#`, so that nothing is cut off at them: `main#x` is another branch than
/// `main`. It never holds `:`.
fn ref_of(uri: &str) -> Option<&str> {
    let path_at = uri.find("://").map_or(0, |at| at + 3);
    let path = uri.get(path_at..)?;
    let path = path.get(path.find('/')?..)?;
    let at = path.find(['@', '#', '?'])?;
    let rest = path.get(at + 1..)?;
    let found = match path.as_bytes().get(at)? {
        b'@' => rest,
        b'#' => rest.split(':').next()?,
        _ => return None,
    };
    (!found.is_empty()).then_some(found)
}

/// A text, number or truth value, as it is written.
fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(truth) => Some(truth.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

pub(super) fn mismatch(
    rule: &ProvenanceRule,
    message: String,
    expected: String,
    found: &str,
) -> Finding {
    Finding::new(Code::ProvenanceMismatch, CHECK, message)
        .expected(expected)
        .found(found.chars().take(200).collect::<String>())
        .place(&rule.place)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_the_same_however_it_is_spelled() {
        for uri in [
            "git+https://github.com/acme/pay@refs/heads/main",
            "https://github.com/acme/pay.git/",
            "https://github.com/acme/pay.GIT",
            "https://github.com//Acme//pay",
            "https://github.com/acme/./x/../pay",
            "https://github.com/acme/pay%2Egit",
            "https://%67ithub.com./acme/p%61y",
            "GIT+SSH://git@github.com:22/acme/pay",
            "git@github.com:acme/pay.git",
        ] {
            assert_eq!(place_of(uri), "github.com/acme/pay", "{uri}");
        }
        for uri in [
            "https://github.com/acme/pay-lib",
            "https://github.com/acme/pay%zz",
            "%",
        ] {
            assert_ne!(place_of(uri), "github.com/acme/pay", "{uri}");
        }
    }

    #[test]
    fn a_ref_is_all_that_follows() {
        for (uri, found) in [
            (
                "git+https://github.com/acme/pay@refs/heads/main",
                Some("refs/heads/main"),
            ),
            (
                "git+https://github.com/acme/pay@refs/heads/main#x",
                Some("refs/heads/main#x"),
            ),
            (
                "git+https://github.com/acme/pay@refs/heads/main@x",
                Some("refs/heads/main@x"),
            ),
            (
                "git+https://github.com/acme/pay@refs/heads/main?x",
                Some("refs/heads/main?x"),
            ),
            (
                "https://github.com/acme/pay.git#refs/heads/main",
                Some("refs/heads/main"),
            ),
            (
                "https://github.com/acme/pay.git#refs/heads/main:folder",
                Some("refs/heads/main"),
            ),
            ("https://user@github.com/acme/pay", None),
            ("https://github.com/acme/pay?ref=main", None),
            ("https://github.com/acme/pay@", None),
            ("git+ssh://git@github.com/acme/pay@v1", Some("v1")),
            ("", None),
        ] {
            assert_eq!(ref_of(uri), found, "{uri}");
        }
    }

    /// Provenance at this ref, signed by a workflow that its certificate says ran at that one.
    fn built(said: &str, claimed: Option<&str>) -> Verified<Provenance> {
        let uri = format!("git+https://github.com/acme/pay{said}");
        let text = serde_json::json!({
            "_type": "https://in-toto.io/Statement/v1",
            "subject": [{"name": "x", "digest": {"sha256": "ab".repeat(32)}}],
            "predicateType": bulla_model::predicate::slsa_provenance::TYPE,
            "predicate": {
                "buildDefinition": {
                    "buildType": "t",
                    "resolvedDependencies": [{"uri": uri, "digest": {"gitCommit": "ab".repeat(20)}}],
                },
                "runDetails": {"builder": {"id": "b"}},
            },
        });
        let limits = bulla_model::Limits::default();
        let statement = bulla_model::Statement::parse(text.to_string().as_bytes(), &limits);
        let statement = statement.unwrap();
        let certificate = bulla_model::CertificateIdentity {
            source_ref: claimed.map(str::to_owned),
            ..Default::default()
        };
        let proof = crate::sigstore::Proof {
            signer: Identity::Certificate(Box::new(certificate)),
            records: crate::records::Records::default(),
            scheme: None,
            certificate: None,
        };
        let provenance = Provenance::of(&statement).unwrap();
        let time = crate::verified::SignedTime::Unknown;
        let digest = bulla_model::Digest::sha256(b"x");
        Verified::new(statement, proof, time, digest, None).with(provenance)
    }

    #[test]
    fn provenance_and_certificate_must_name_the_same_ref() {
        let rule = ProvenanceRule {
            refs: vec![crate::policy::pattern("refs/heads/*")],
            ..ProvenanceRule::any(Vec::new())
        };
        let main = Some("refs/heads/main");
        for (said, claimed, expected) in [
            ("@refs/heads/main", main, true),
            ("@refs/heads/main", None, true),
            ("", main, true),
            ("", None, false),
            ("@refs/heads/main", Some("refs/heads/evil"), false),
            ("@refs/heads/evil", main, false),
            ("", Some("refs/tags/v1"), false),
        ] {
            let fits = fits(&built(said, claimed), &rule).is_ok();
            assert_eq!(fits, expected, "{said} {claimed:?}");
        }
    }
}
