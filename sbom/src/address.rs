//! Addresses of packages, which can hold what nobody else may know.

/// Whether an address names a user with a password, or with what is as good as one: a token in an
/// address of the web. Who is at an address of SSH, as `git`, is no secret.
pub(crate) fn holds_secret(address: &str) -> bool {
    let Some((scheme, rest)) = address.split_once("://") else {
        return false;
    };
    if query(address).is_some_and(is_secret) {
        return true;
    }
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let Some((user, _)) = authority.rsplit_once('@') else {
        return false;
    };
    let scheme = scheme.rsplit('+').next().unwrap_or_default();
    user.contains(':') || !scheme.eq_ignore_ascii_case("ssh")
}

/// The address without user and password, if it has a secret.
pub(crate) fn without_secret(address: &str) -> String {
    if !holds_secret(address) {
        return address.to_owned();
    }
    // A query that has one is left out whole.
    let address = match query(address).filter(|query| is_secret(query)) {
        Some(query) => &address.replacen(&format!("?{query}"), "", 1),
        None => address,
    };
    let stripped = address.split_once("://").and_then(|(scheme, rest)| {
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at_checked(end)?;
        let (_, host) = authority.rsplit_once('@')?;
        Some(format!("{scheme}://{host}{path}"))
    });
    stripped.unwrap_or_else(|| address.to_owned())
}

/// What stands between the question mark and the fragment.
fn query(address: &str) -> Option<&str> {
    let (_, query) = address.split('#').next()?.split_once('?')?;
    Some(query)
}

/// Whether a query lets somebody in: tokens, and addresses that were signed for a while.
fn is_secret(query: &str) -> bool {
    query.split(['&', ';']).any(|part| {
        let name = part
            .split('=')
            .next()
            .unwrap_or_default()
            .to_ascii_lowercase();
        SECRETS.iter().any(|secret| name.contains(secret))
    })
}

/// Parts of the names of what lets somebody in.
const SECRETS: [&str; 7] = [
    "auth",
    "credential",
    "passw",
    "secret",
    "signature",
    "sig",
    "token",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_of_the_web_are_secrets_and_those_of_ssh_are_not() {
        for (address, bare) in [
            (
                "https://t0ken@git.example.test/a",
                "https://git.example.test/a",
            ),
            (
                "git+https://me:pw@git.example.test/a@1?x=y@z",
                "git+https://git.example.test/a@1?x=y@z",
            ),
            (
                "ssh://git:pw@git.example.test/a",
                "ssh://git.example.test/a",
            ),
            ("https://a@b@git.example.test", "https://git.example.test"),
            (
                "https://example.test/a.tgz?private_token=x&a=b#c",
                "https://example.test/a.tgz#c",
            ),
            (
                "https://me:pw@example.test/a?X-Amz-Signature=0",
                "https://example.test/a",
            ),
        ] {
            assert!(holds_secret(address), "{address}");
            assert_eq!(without_secret(address), bare);
        }
        for address in [
            "git+ssh://git@git.example.test/a",
            "https://git.example.test/@scope/a",
            "https://git.example.test?to=me@example.test",
            "git+https://git.example.test/a?rev=main&subdirectory=b#0123",
            "git@git.example.test:a/b",
            "",
        ] {
            assert!(!holds_secret(address), "{address}");
            assert_eq!(without_secret(address), address);
        }
    }
}
