//! What an archive of conda is called, and where it is from, without what nobody else may know.
//!
//! Channels, <https://docs.conda.io/projects/conda/en/25.9.x/user-guide/concepts/channels.html>. An
//! address of one can hold a token, `https://conda.example.test/t/TOKEN/team/linux-64`, or a user and
//! password: a token is never written, and an address with a user is none that can be told. The
//! type definition of package URLs calls a channel by its last name (`main`), its default server is
//! Anaconda's; what is on other servers has a `repository_url`.

use bulla_model::{Purl, PurlError};

use crate::Package;

/// What is known of an archive, as records and lock files say it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Archive<'a> {
    pub(super) name: &'a str,
    pub(super) version: &'a str,
    pub(super) build: Option<&'a str>,
    /// The platform that it is for, or `noarch`.
    pub(super) subdir: Option<&'a str>,
    /// Its file name.
    pub(super) file: Option<&'a str>,
    pub(super) url: Option<&'a str>,
    /// The address or name of its channel.
    pub(super) channel: Option<&'a str>,
}

impl Archive<'_> {
    pub(super) fn package(&self) -> Result<Package, PurlError> {
        let by_url = self.url.and_then(Place::of_file);
        let by_channel = || {
            self.channel
                .map(|name| Place::of_channel(name, self.subdir))
        };
        let place = by_url.or_else(by_channel).unwrap_or_default();
        let file = self.file.unwrap_or(place.file);
        let (stem, kind) = split_file(file).unwrap_or_default();
        let by_file = || {
            let rest = stem.strip_prefix(self.name)?.strip_prefix('-')?;
            rest.strip_prefix(self.version)?.strip_prefix('-')
        };
        let purl = Purl::builder("conda", self.name)
            .with_version(self.version)
            .with_qualifier("build", self.build.or_else(by_file).unwrap_or_default())
            .with_qualifier("channel", &place.channel)
            .with_qualifier("subdir", self.subdir.unwrap_or(place.subdir))
            .with_qualifier("type", kind)
            .with_qualifier("repository_url", &place.server)
            .build()?;
        let mut package = Package::new(self.name, self.version, purl);
        package.distribution = place.address;
        Ok(package)
    }
}

/// `certifi-1.0-0` and `conda` of `certifi-1.0-0.conda`.
fn split_file(file: &str) -> Option<(&str, &'static str)> {
    ["conda", "tar.bz2"].into_iter().find_map(|kind| {
        let stem = file.strip_suffix(kind)?.strip_suffix('.')?;
        Some((stem, kind))
    })
}

/// Where an archive is.
#[derive(Debug, Default, PartialEq, Eq)]
struct Place<'a> {
    /// Empty for the servers that everybody means.
    server: String,
    channel: String,
    subdir: &'a str,
    file: &'a str,
    /// The archive's own, without a token.
    address: Option<String>,
}

impl<'a> Place<'a> {
    fn of_file(url: &'a str) -> Option<Self> {
        let (root, mut parts) = split(url)?;
        let address = format!("{root}/{}", parts.join("/"));
        let (file, subdir) = (parts.pop()?, parts.pop()?);
        let (server, channel) = server_and_channel(root, &parts);
        let is_local = root.starts_with("file:");
        Some(Self {
            server,
            channel,
            subdir,
            file,
            address: (!is_local).then_some(address),
        })
    }

    /// Of an address, which may end in a platform, or of a name as `conda-forge`.
    fn of_channel(channel: &str, subdir: Option<&str>) -> Self {
        let (root, mut parts) = split(channel).unwrap_or_else(|| ("", without_tokens(channel)));
        if parts.last().copied() == subdir {
            parts.pop();
        }
        let (server, channel) = match root {
            // A name has nothing that an address has; `<unknown>` and `@` are none.
            "" if channel.contains(['@', ':', '<']) => Default::default(),
            "" => (String::new(), parts.join("/")),
            root => server_and_channel(root, &parts),
        };
        Self {
            server,
            channel,
            ..Self::default()
        }
    }
}

/// An address without token and without what follows its path.
pub(super) fn without_token(address: &str) -> Option<String> {
    let (root, parts) = split(address)?;
    Some(format!("{root}/{}", parts.join("/")))
}

/// Scheme and host, and the parts of the path that are no token.
fn split(address: &str) -> Option<(&str, Vec<&str>)> {
    let address = address.split(['?', '#']).next()?;
    let start = address.find("://")?.checked_add(3)?;
    let end = address.get(start..)?.find('/');
    let end = end.map_or(address.len(), |end| start.saturating_add(end));
    let (root, path) = address.split_at_checked(end)?;
    Some((root, without_tokens(path)))
}

/// What follows a part `t` is a token, wherever it is.
fn without_tokens(path: &str) -> Vec<&str> {
    let mut kept = Vec::new();
    let mut parts = path.split('/');
    while let Some(part) = parts.next() {
        match part {
            "" => {}
            "t" => {
                parts.next();
            }
            part => kept.push(part),
        }
    }
    kept
}

fn server_and_channel(root: &str, parts: &[&str]) -> (String, String) {
    let (scheme, authority) = root.split_once("://").unwrap_or_default();
    let host = authority.rsplit('@').next().unwrap_or_default();
    if scheme == "file" {
        return Default::default();
    }
    let host = host.to_ascii_lowercase();
    if DEFAULT_SERVERS.contains(&host.as_str()) {
        let parts = parts.strip_prefix(&["pkgs"]).unwrap_or(parts);
        return (String::new(), parts.join("/"));
    }
    // A label is a part of a channel.
    let length = match parts {
        [.., _, "label", _] => 3,
        _ => 1,
    };
    let (above, channel) = parts
        .split_at_checked(parts.len().saturating_sub(length))
        .unwrap_or_default();
    let server = format!("{scheme}://{host}/{}", above.join("/"));
    (server.trim_end_matches('/').to_owned(), channel.join("/"))
}

/// Anaconda's own, by its name and its old one, and the one that everybody publishes on.
const DEFAULT_SERVERS: [&str; 3] = [
    "repo.anaconda.com",
    "repo.continuum.io",
    "conda.anaconda.org",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn purl(url: Option<&str>, channel: Option<&str>) -> String {
        let archive = Archive {
            name: "a",
            version: "1",
            url,
            channel,
            subdir: channel.and(Some("noarch")),
            ..Archive::default()
        };
        let package = archive.package().unwrap();
        let told = format!("{package:?}");
        assert!(!told.contains("s3cret"), "{told}");
        let (_, qualifiers) = package.purl.as_str().split_once('?').unwrap();
        qualifiers.to_owned()
    }

    #[test]
    fn channels_are_called_as_their_servers_call_them() {
        let hosts = DEFAULT_SERVERS;
        for (path, channel) in [
            (format!("{}/pkgs/main", hosts[0]), "main"),
            (format!("{}/pkgs/r", hosts[1]), "r"),
            (format!("{}/conda-forge", hosts[2]), "conda-forge"),
            (
                format!("{}/t/s3cret/team/label/dev", hosts[2]),
                "team%2Flabel%2Fdev",
            ),
        ] {
            let url = format!("https://{path}/linux-64/a-1-h_0.tar.bz2");
            assert_eq!(
                purl(Some(&url), None),
                format!("build=h_0&channel={channel}&subdir=linux-64&type=tar.bz2")
            );
            let url = format!("https://{path}/noarch");
            assert_eq!(
                purl(None, Some(&url)),
                format!("channel={channel}&subdir=noarch")
            );
        }
    }

    #[test]
    fn other_servers_are_named_and_tokens_are_not() {
        let server = |address: &str| {
            let address = address.replace('/', "%2F");
            format!(
                "build=h_0&channel=team&repository_url=https:{address}&subdir=noarch&type=conda"
            )
        };
        for (base, named) in [
            ("conda.example.test/team", "//conda.example.test"),
            ("conda.example.test/t/s3cret/team", "//conda.example.test"),
            ("conda.example.test/t/s3_cret/team", "//conda.example.test"),
            (
                "conda.example.test/api/t/s3cret.x/team",
                "//conda.example.test/api",
            ),
            (
                "conda.example.test/t/s3cret/t/s3cret/team",
                "//conda.example.test",
            ),
            ("conda.example.test/t//team", "//conda.example.test"),
            ("me:s3cret@Conda.example.test/team", "//conda.example.test"),
            (
                "conda.example.test/t/${s3cret}/team",
                "//conda.example.test",
            ),
        ] {
            let url = format!("https://{base}/noarch/a-1-h_0.conda");
            let archive = Archive {
                name: "a",
                version: "1",
                url: Some(&url),
                ..Archive::default()
            };
            let text = archive.package().unwrap().purl.to_string();
            assert!(text.ends_with(&server(named)), "{text}");
        }
        let url = "https://conda.example.test/team/noarch/a-1-0.conda?token=s3cret#s3cret";
        assert!(purl(Some(url), None).contains("channel=team&"));
    }

    #[test]
    fn names_of_channels_are_no_addresses() {
        assert_eq!(
            purl(None, Some("conda-forge")),
            "channel=conda-forge&subdir=noarch"
        );
        assert_eq!(
            purl(None, Some("conda-forge/noarch")),
            "channel=conda-forge&subdir=noarch"
        );
        assert_eq!(
            purl(None, Some("t/s3cret/team")),
            "channel=team&subdir=noarch"
        );
        for none in [
            "<unknown>",
            "@",
            "me:s3cret@conda.example.test/team",
            "file:///build/noarch",
        ] {
            assert_eq!(purl(None, Some(none)), "subdir=noarch");
        }
        assert_eq!(
            purl(Some("file:///s3cret/noarch/a-1-0.conda"), None),
            "build=0&subdir=noarch&type=conda"
        );
    }
}
