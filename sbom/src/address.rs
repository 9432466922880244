//! Addresses of packages, which can hold what nobody else may know.

/// Whether an address names a user with a password, or with what is as good as one: a token in an
/// address of the web. Who is at an address of SSH, as `git`, is no secret.
pub(crate) fn holds_secret(address: &str) -> bool {
    let Some((scheme, rest)) = address.split_once("://") else {
        return false;
    };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let Some((user, _)) = authority.rsplit_once('@') else {
        return false;
    };
    let scheme = scheme.rsplit('+').next().unwrap_or_default();
    user.contains(':') || !scheme.eq_ignore_ascii_case("ssh")
}

/// The address without user and password, if it has a secret.
pub(crate) fn without_secret(address: &str) -> String {
    let stripped = address.split_once("://").and_then(|(scheme, rest)| {
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at_checked(end)?;
        let (_, host) = authority.rsplit_once('@')?;
        Some(format!("{scheme}://{host}{path}"))
    });
    let stripped = stripped.filter(|_| holds_secret(address));
    stripped.unwrap_or_else(|| address.to_owned())
}

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
        ] {
            assert!(holds_secret(address), "{address}");
            assert_eq!(without_secret(address), bare);
        }
        for address in [
            "git+ssh://git@git.example.test/a",
            "https://git.example.test/@scope/a",
            "https://git.example.test?to=me@example.test",
            "git@git.example.test:a/b",
            "",
        ] {
            assert!(!holds_secret(address), "{address}");
            assert_eq!(without_secret(address), address);
        }
    }
}
