//! Where the sources of an npm package are kept, as its manifest says.
//!
//! The member `repository` of package.json, npm 11,
//! <https://docs.npmjs.com/cli/v11/configuring-npm/package-json#repository>: an address, alone or in
//! an object, or the short form of a host.

use serde_json::Value;

use super::git_location::GitLocation;

/// The address of the repository, without a secret.
pub(super) fn of(manifest: &Value) -> Option<String> {
    let told = manifest.get("repository")?;
    let told = told.as_str().or_else(|| told.get("url")?.as_str())?.trim();
    let told = told.strip_prefix("git+").unwrap_or(told);
    let long = short(told);
    // Other hosts have no short form; what SSH calls a place names a user.
    if long.is_none() && !told.contains("://") && !told.contains('@') {
        return None;
    }
    let location = GitLocation {
        repository: long.as_deref().unwrap_or(told),
        commit: "",
        folder: "",
    };
    location.address()
}

/// What `github:owner/name` and `owner/name` stand for.
fn short(told: &str) -> Option<String> {
    let (host, path) = told.split_once(':').unwrap_or(("github", told));
    let (_, host) = HOSTS.iter().find(|(name, _)| *name == host)?;
    let is_part = |part: &str| {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        !part.is_empty() && !part.starts_with('.') && part.bytes().all(is_plain)
    };
    let (owner, name) = path.split_once('/')?;
    (is_part(owner) && is_part(name)).then(|| format!("https://{host}/{owner}/{name}"))
}

const HOSTS: [(&str, &str); 3] = [
    ("github", "github.com"),
    ("gitlab", "gitlab.com"),
    ("bitbucket", "bitbucket.org"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_becomes_an_address_without_a_secret() {
        let long = |text: &str| Some(text.to_owned());
        for (told, address) in [
            (
                r#"{"type": "git", "url": "git+https://git.example.test/a/b.git"}"#,
                long("https://git.example.test/a/b.git"),
            ),
            (
                r#""git+ssh://git@git.example.test/a/b.git""#,
                long("ssh://git@git.example.test/a/b.git"),
            ),
            (
                r#""git@git.example.test:a/b.git""#,
                long("ssh://git@git.example.test/a/b.git"),
            ),
            (r#""a/b""#, long("https://github.com/a/b")),
            (r#""gitlab:a/b""#, long("https://gitlab.com/a/b")),
            (
                r#"{"url": "https://me:secret@git.example.test/a"}"#,
                long("https://git.example.test/a"),
            ),
            (r#""../b""#, None),
            (r#""gist:0123""#, None),
            (r#""github:a""#, None),
            (r#""""#, None),
            (r#"{"url": 1}"#, None),
        ] {
            let manifest = format!(r#"{{"repository": {told}}}"#);
            let manifest = serde_json::from_str(&manifest).unwrap();
            assert_eq!(of(&manifest), address, "{told}");
        }
    }
}
