//! Images among what a build used.

use bulla_model::{Digest, Purl, Reference, Repository, ResourceDescriptor};

/// An image that a build used.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Image {
    /// Which it is.
    Known {
        /// `docker.io/library/alpine`.
        repository: String,
        /// Of its manifest or index.
        digest: Digest,
    },
    /// It is one, but nothing says of which repository, or with which digest; or two things do.
    Unclear,
}

/// How addresses of images begin.
const SCHEMES: &[&str] = &[
    "oci://",
    "docker://",
    "docker-image://",
    "oci-layout://",
    "oci:",
    "docker:",
    "docker-image:",
    "oci-layout:",
];

/// How their media types do.
const MEDIA_TYPES: &[&str] = &[
    "application/vnd.oci.image.",
    "application/vnd.docker.distribution.manifest.",
];

/// The image that a dependency is; none if it is something else.
pub(super) fn image(dependency: &ResourceDescriptor) -> Option<Image> {
    let uri = dependency.uri.as_deref().unwrap_or_default();
    let lower = uri.to_ascii_lowercase();
    // Slashes before the type mean nothing.
    let package = lower.strip_prefix("pkg:");
    let package = package.map(|package| package.trim_start_matches('/'));
    let is_package = package
        .is_some_and(|package| package.starts_with("docker/") || package.starts_with("oci/"));
    let is_pinned = package.is_none() && !lower.contains("://") && {
        let digest = lower.rsplit_once('@').map(|(_, digest)| digest);
        digest.is_some_and(|digest| digest.parse::<Digest>().is_ok())
    };
    let scheme = SCHEMES.iter().find(|scheme| lower.starts_with(**scheme));
    let media_type = dependency.media_type.as_deref().unwrap_or_default();
    let named = match scheme {
        _ if is_package => of_package(uri),
        Some(scheme) => of_address(uri.get(scheme.len()..).unwrap_or_default()),
        None if is_pinned => of_address(uri),
        None if MEDIA_TYPES.iter().any(|kind| media_type.starts_with(kind)) => None,
        None => return None,
    };
    let Some((repository, within)) = named else {
        return Some(Image::Unclear);
    };
    // What the name holds and what stands beside it are one and the same.
    let beside = dependency.digest.sha256();
    Some(match (beside, within) {
        (Some(beside), Some(within)) if beside != within => Image::Unclear,
        (Some(digest), _) | (None, Some(digest)) => Image::Known { repository, digest },
        (None, None) => Image::Unclear,
    })
}

/// A repository and the digest that was in the name.
type Named = (String, Option<Digest>);

/// As package URLs name images: by host and path in the name, or in `repository_url`.
fn of_package(uri: &str) -> Option<Named> {
    let purl: Purl = uri.parse().ok()?;
    let parts = purl.parts();
    let name = match &parts.namespace {
        Some(namespace) => format!("{namespace}/{}", parts.name),
        None => parts.name.clone(),
    };
    let at = parts.qualifiers.get("repository_url");
    let at = at.map(|at| at.trim_start_matches("https://").trim_matches('/'));
    let repository = match (parts.kind.as_str(), at) {
        // `pkg:oci` has the last part of the path alone, and the whole in the qualifier.
        ("oci", Some(at)) if at.rsplit('/').next() == Some(name.as_str()) => at.to_owned(),
        ("docker", Some(at)) => format!("{at}/{name}"),
        ("docker", None) => familiar(&name),
        _ => return None,
    };
    let repository: Repository = repository.parse().ok()?;
    let version = parts.version.unwrap_or_default();
    let digest = version.starts_with("sha256:").then(|| version.parse());
    let digest: Option<Digest> = digest.transpose().ok()?;
    let told = parts.qualifiers.get("digest").map(|digest| digest.parse());
    let told: Option<Digest> = told.transpose().ok()?;
    if digest.is_some() && told.is_some() && digest != told {
        return None;
    }
    Some((repository.to_string(), digest.or(told)))
}

/// Docker's short names: without a host it is Docker's own registry, without a path `library`.
fn familiar(name: &str) -> String {
    let is_host = |first: &str| first.contains(['.', ':']) || first == "localhost";
    match name.split_once('/') {
        None => format!("docker.io/library/{name}"),
        Some((first, _)) if !is_host(first) => format!("docker.io/{name}"),
        Some(_) => name.to_owned(),
    }
}

/// `HOST/REPO[:TAG][@DIGEST]`.
fn of_address(text: &str) -> Option<Named> {
    let reference: Reference = text.parse().ok()?;
    let repository = reference.repository().to_string();
    Some((repository, reference.digest().cloned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dependency(uri: &str, digest: Option<&Digest>) -> ResourceDescriptor {
        let mut out = match digest {
            Some(digest) => ResourceDescriptor::of(digest.clone()),
            None => ResourceDescriptor::default(),
        };
        out.uri = Some(uri.to_owned());
        out
    }

    #[test]
    fn images_are_known_by_repository_and_digest() {
        let digest = Digest::sha256(b"base");
        let hex = digest.hex();
        for (uri, repository) in [
            (
                "pkg:docker/alpine@3.20?platform=linux%2Famd64",
                "docker.io/library/alpine",
            ),
            (
                "pkg:docker/docker/dockerfile@1",
                "docker.io/docker/dockerfile",
            ),
            (
                "pkg:docker/registry.example.test/base/go@1.23",
                "registry.example.test/base/go",
            ),
            (
                "pkg:docker/registry.example.test:5000/base/go@1",
                "registry.example.test:5000/base/go",
            ),
            (
                "pkg:docker/base/go@1?repository_url=registry.example.test",
                "registry.example.test/base/go",
            ),
            (
                "pkg:oci/go@1?repository_url=registry.example.test/base/go",
                "registry.example.test/base/go",
            ),
            (
                "oci://registry.example.test/base/go",
                "registry.example.test/base/go",
            ),
            (
                "OCI://registry.example.test/base/go:1",
                "registry.example.test/base/go",
            ),
            (
                "docker-image://registry.example.test/base/go:1",
                "registry.example.test/base/go",
            ),
            (
                &format!("oci://registry.example.test/base/go@sha256:{hex}"),
                "registry.example.test/base/go",
            ),
            ("pkg:///docker/alpine@3.20", "docker.io/library/alpine"),
            ("PKG:/docker/alpine@3.20", "docker.io/library/alpine"),
            (
                "oci:registry.example.test/base/go",
                "registry.example.test/base/go",
            ),
            (
                &format!("registry.example.test/base/go@sha256:{hex}"),
                "registry.example.test/base/go",
            ),
            (
                &format!("pkg:docker/alpine@3.20?digest=sha256:{hex}"),
                "docker.io/library/alpine",
            ),
            (
                &format!("pkg:docker/alpine@sha256%3A{hex}"),
                "docker.io/library/alpine",
            ),
        ] {
            let known = Image::Known {
                repository: repository.to_owned(),
                digest: digest.clone(),
            };
            assert_eq!(image(&dependency(uri, Some(&digest))), Some(known), "{uri}");
        }
    }

    #[test]
    fn what_does_not_tell_which_image_it_is_is_unclear() {
        let digest = Digest::sha256(b"base");
        let other = Digest::sha256(b"other");
        for uri in [
            "pkg:oci/go@1",
            "pkg:oci/go@1?repository_url=registry.example.test/base/rust",
            "pkg:docker/",
            "oci://go",
            "docker://",
            "oci-layout://base",
            &format!("oci://registry.example.test/go@{other}"),
            "pkg:docker/a/../b@1",
            &format!("pkg:docker/alpine@3.20?digest={other}"),
            "pkg:docker/alpine@3.20?digest=x",
            &format!("alpine@{digest}"),
            &format!("registry.example.test/base/go@{other}"),
        ] {
            assert_eq!(
                image(&dependency(uri, Some(&digest))),
                Some(Image::Unclear),
                "{uri}"
            );
        }
        let by_name = dependency("pkg:docker/alpine@3.20", None);
        assert_eq!(image(&by_name), Some(Image::Unclear));
        let mut by_type = dependency("https://registry.example.test/x", Some(&digest));
        assert_eq!(image(&by_type), None);
        by_type.media_type = Some("application/vnd.oci.image.index.v1+json".into());
        assert_eq!(image(&by_type), Some(Image::Unclear));
        for uri in [
            "git+https://github.com/acme/pay",
            "pkg:npm/docker@1",
            "https://x.example.test/oci",
            "",
        ] {
            assert_eq!(image(&dependency(uri, Some(&digest))), None, "{uri}");
        }
    }
}
