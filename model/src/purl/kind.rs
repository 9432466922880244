//! What single types ask of their components, one row for each type with a rule.

use super::percent::Slash;
use super::{PurlError, PurlParts};

/// Applies the row of the type, if there is one.
pub(super) fn apply(parts: &mut PurlParts) -> Result<(), PurlError> {
    let Some(kind) = KINDS.iter().find(|kind| kind.name == parts.kind) else {
        return Ok(());
    };
    let wrong = |what: &str| Err(PurlError::syntax(format!("`{}` {what}", kind.name)));
    match kind.namespace {
        Namespace::Needed if parts.namespace.is_none() => return wrong("needs a namespace"),
        Namespace::None if parts.namespace.is_some() => return wrong("has no namespace"),
        _ => {}
    }
    if let Some(namespace) = parts.namespace.as_mut().filter(|_| kind.lower.namespace) {
        *namespace = namespace.to_lowercase();
    }
    if kind.lower.name {
        parts.name = parts.name.to_lowercase();
    }
    if let Some(version) = parts.version.as_mut().filter(|_| kind.lower.version) {
        *version = version.to_lowercase();
    }
    if let Some(key) = kind
        .qualifier
        .filter(|key| !parts.qualifiers.contains_key(*key))
    {
        return wrong(&format!("needs the qualifier `{key}`"));
    }
    (kind.shape)(parts);
    (kind.check)(parts)
}

/// In the path of a git repository the host is the namespace and everything else the name.
pub(super) fn first_segment_is_namespace(kind: &str) -> bool {
    kind == "git"
}

/// Whether a `/` in the name stands for itself.
pub(super) fn slash_in_name(kind: &str) -> Slash {
    if first_segment_is_namespace(kind) {
        Slash::Separates
    } else {
        Slash::IsEncoded
    }
}

struct Kind {
    name: &'static str,
    namespace: Namespace,
    lower: Lower,
    /// A qualifier without which the package is not identified.
    qualifier: Option<&'static str>,
    /// What is written otherwise than it was given, beyond letters' case.
    shape: fn(&mut PurlParts),
    check: fn(&PurlParts) -> Result<(), PurlError>,
}

enum Namespace {
    Needed,
    Free,
    None,
}

/// Which components ignore case and are written in lower case.
struct Lower {
    namespace: bool,
    name: bool,
    version: bool,
}

const AS_IS: Lower = lower(false, false, false);
const NAME: Lower = lower(false, true, false);
const NAMESPACE: Lower = lower(true, false, false);
const BOTH: Lower = lower(true, true, false);

const fn lower(namespace: bool, name: bool, version: bool) -> Lower {
    Lower {
        namespace,
        name,
        version,
    }
}

const fn row(name: &'static str, namespace: Namespace, lower: Lower) -> Kind {
    Kind {
        name,
        namespace,
        lower,
        qualifier: None,
        shape: |_| (),
        check: |_| Ok(()),
    }
}

const KINDS: &[Kind] = &[
    row("alpm", Namespace::Free, BOTH),
    row("apk", Namespace::Free, BOTH),
    row("bazel", Namespace::None, AS_IS),
    row("bitbucket", Namespace::Needed, BOTH),
    row("bitnami", Namespace::None, NAME),
    row("brew", Namespace::Free, BOTH),
    row("cargo", Namespace::None, AS_IS),
    Kind {
        check: chrome_extension,
        ..row("chrome-extension", Namespace::None, NAME)
    },
    row("cocoapods", Namespace::None, AS_IS),
    row("composer", Namespace::Needed, BOTH),
    row("conda", Namespace::None, AS_IS),
    Kind {
        shape: cpan_author,
        check: cpan_name,
        ..row("cpan", Namespace::Free, AS_IS)
    },
    row("cran", Namespace::None, AS_IS),
    row("deb", Namespace::Free, BOTH),
    row("gem", Namespace::None, AS_IS),
    Kind {
        shape: git,
        ..row("git", Namespace::Needed, AS_IS)
    },
    row("github", Namespace::Needed, BOTH),
    row("golang", Namespace::Free, BOTH),
    row("hackage", Namespace::None, AS_IS),
    row("hex", Namespace::Free, BOTH),
    row("huggingface", Namespace::Needed, lower(false, false, true)),
    Kind {
        qualifier: Some("uuid"),
        ..row("julia", Namespace::None, AS_IS)
    },
    row("luarocks", Namespace::Free, BOTH),
    row("maven", Namespace::Needed, AS_IS),
    Kind {
        shape: mlflow,
        ..row("mlflow", Namespace::None, AS_IS)
    },
    row("npm", Namespace::Free, NAME),
    row("nuget", Namespace::None, AS_IS),
    row("oci", Namespace::None, lower(false, true, true)),
    row("opam", Namespace::None, AS_IS),
    row("otp", Namespace::None, NAME),
    Kind {
        shape: dart,
        ..row("pub", Namespace::None, NAME)
    },
    Kind {
        shape: pypi,
        ..row("pypi", Namespace::None, NAME)
    },
    row("qpkg", Namespace::Free, NAMESPACE),
    row("rpm", Namespace::Free, NAMESPACE),
    Kind {
        qualifier: Some("tag_id"),
        ..row("swid", Namespace::Free, AS_IS)
    },
    row("swift", Namespace::Needed, AS_IS),
    row("vcpkg", Namespace::None, AS_IS),
    row(
        "vscode-extension",
        Namespace::Needed,
        lower(true, true, true),
    ),
    row("yocto", Namespace::Free, NAMESPACE),
];

fn chrome_extension(parts: &PurlParts) -> Result<(), PurlError> {
    let letters = |byte: u8| (b'a'..=b'p').contains(&byte);
    if parts.name.len() != 32 || !parts.name.bytes().all(letters) {
        let reason = "the name of a `chrome-extension` has 32 letters from a to p";
        return Err(PurlError::syntax(reason));
    }
    let version = parts.version.as_deref().unwrap_or("0");
    let number = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if version.split('.').count() > 4 || !version.split('.').all(number) {
        let reason = "the version of a `chrome-extension` has one to four numbers";
        return Err(PurlError::syntax(reason));
    }
    Ok(())
}

/// The name is a distribution's, never a module's.
fn cpan_name(parts: &PurlParts) -> Result<(), PurlError> {
    if parts.name.contains("::") {
        let reason = "the name of a `cpan` package is a distribution, without `::`";
        return Err(PurlError::syntax(reason));
    }
    Ok(())
}

fn cpan_author(parts: &mut PurlParts) {
    if let Some(author) = &mut parts.namespace {
        author.make_ascii_uppercase();
    }
}

/// Paths are the host's business, but the hosts with a type of their own ignore case.
fn git(parts: &mut PurlParts) {
    parts.name = parts.name.trim_matches('/').to_owned();
    let host = parts.namespace.as_deref().unwrap_or_default();
    if ["github", "github.com", "bitbucket", "bitbucket.org"].contains(&host) {
        parts.name = parts.name.to_lowercase();
    }
}

/// The server decides; Databricks ignores case, others do not.
fn mlflow(parts: &mut PurlParts) {
    let server = parts.qualifiers.get("repository_url");
    if server.is_some_and(|url| url.to_lowercase().contains("databricks")) {
        parts.name = parts.name.to_lowercase();
    }
}

fn dart(parts: &mut PurlParts) {
    let kept = |letter: char| letter.is_ascii_alphanumeric();
    parts.name = parts.name.replace(|letter| !kept(letter), "_");
}

fn pypi(parts: &mut PurlParts) {
    parts.name = parts.name.replace('_', "-");
}
