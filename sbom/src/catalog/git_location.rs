//! Where git repositories are, as lock files write it.
//!
//! Addresses and the short form of SSH, <https://git-scm.com/docs/git-clone/2.50.0#_git_urls>;
//! written as download locations of SPDX 2.3,
//! <https://spdx.github.io/spdx-spec/v2.3/package-information/#77-package-download-location-field>.

use std::borrow::Cow;

use crate::{Package, address};

/// A commit of a repository, and the folder that is the package.
#[derive(Clone, Copy, Debug)]
pub(super) struct GitLocation<'a> {
    pub(super) repository: &'a str,
    /// Empty if nothing says which.
    pub(super) commit: &'a str,
    /// Empty for the whole repository.
    pub(super) folder: &'a str,
}

impl GitLocation<'_> {
    /// `git+https://host/path@commit#folder`, without a secret; empty for what is on this machine.
    pub(super) fn url(&self) -> String {
        let Some(address) = self.address() else {
            return String::new();
        };
        let mut url = format!("git+{address}");
        let folder = self.folder.trim_matches('/').trim_start_matches("./");
        for (mark, part) in [("@", self.commit), ("#", folder)] {
            if !part.is_empty() && part != "." {
                url.push_str(mark);
                url.push_str(part);
            }
        }
        url
    }

    /// Says of a package that it is fetched from here.
    pub(super) fn describe(&self, package: &mut Package) {
        package.distribution = Some(self.url()).filter(|url| !url.is_empty());
        package.repository = self.address();
    }

    /// Where it is, without a secret; `None` for what is on this machine.
    pub(super) fn address(&self) -> Option<String> {
        address(self.repository).map(|address| address::without_secret(&address))
    }

    /// Host and path, without what every address of that kind has: `git.example.test`, `owner/name`.
    pub(super) fn host_and_path(&self) -> Option<(String, String)> {
        let address = self.address()?;
        let (scheme, rest) = address.split_once("://")?;
        let rest = rest.split(['?', '#']).next()?;
        let (authority, path) = rest.split_once('/')?;
        let host = authority
            .rsplit_once('@')
            .map_or(authority, |(_, host)| host);
        let port = match scheme {
            "https" => ":443",
            "http" => ":80",
            "ssh" => ":22",
            _ => ":9418",
        };
        let host = host.strip_suffix(port).unwrap_or(host);
        let path = path.trim_matches('/');
        let path = path.strip_suffix(".git").unwrap_or(path);
        let named = !host.is_empty() && !path.is_empty();
        named.then(|| (host.to_ascii_lowercase(), path.to_owned()))
    }
}

/// The address with its scheme; `None` for a path on this machine.
fn address(location: &str) -> Option<Cow<'_, str>> {
    if let Some((scheme, _)) = location.split_once("://") {
        return (scheme != "file").then_some(Cow::Borrowed(location));
    }
    let (host, path) = location.split_once(':')?;
    let path = path.trim_start_matches('/');
    // `C:\folder` is one letter, and not a host.
    let is_host = host.len() > 1 && !host.contains(['/', '\\']);
    // What comes before an at sign there would be a password, which this form does not have.
    let is_path = !path.split('/').next()?.contains('@');
    (is_host && is_path).then(|| Cow::Owned(format!("ssh://{host}/{path}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(repository: &str) -> GitLocation<'_> {
        GitLocation {
            repository,
            commit: "c0ffee",
            folder: "",
        }
    }

    #[test]
    fn short_forms_become_addresses_and_secrets_are_left_out() {
        for (repository, url) in [
            (
                "https://git.example.test/a/b.git",
                "git+https://git.example.test/a/b.git@c0ffee",
            ),
            (
                "git@git.example.test:a/b.git",
                "git+ssh://git@git.example.test/a/b.git@c0ffee",
            ),
            (
                "https://me:t0ken@git.example.test/a/b",
                "git+https://git.example.test/a/b@c0ffee",
            ),
            ("../a", ""),
            ("/srv/a:b", ""),
            ("C:\\a", ""),
            ("me:t0ken@git.example.test:a/b", ""),
            ("file:///srv/a", ""),
            ("", ""),
        ] {
            assert_eq!(at(repository).url(), url, "{repository}");
        }
    }

    #[test]
    fn a_folder_is_said_and_the_whole_is_not() {
        for (folder, end) in [
            ("packages/a", "@c0ffee#packages/a"),
            (".", "@c0ffee"),
            ("./a/", "@c0ffee#a"),
        ] {
            let location = GitLocation {
                folder,
                ..at("https://git.example.test/a")
            };
            assert_eq!(
                location.url(),
                format!("git+https://git.example.test/a{end}")
            );
        }
    }

    #[test]
    fn hosts_have_neither_user_nor_capitals_and_paths_no_suffix() {
        let both = |repository| at(repository).host_and_path();
        let some = |host: &str, path: &str| Some((host.to_owned(), path.to_owned()));
        let https = "https://Git.Example.test:8443/Owner/Name.git";
        assert_eq!(both(https), some("git.example.test:8443", "Owner/Name"));
        assert_eq!(
            both("git@git.example.test:o/n.git/"),
            some("git.example.test", "o/n")
        );
        let ssh = "ssh://git@git.example.test:22/o/n";
        assert_eq!(both(ssh), some("git.example.test", "o/n"));
        assert_eq!(both("https://git.example.test"), None);
        assert_eq!(both("https://git.example.test/.git"), None);
        assert_eq!(both("../a"), None);
    }
}
