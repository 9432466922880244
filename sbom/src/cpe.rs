//! Names by which lists of vulnerabilities may know a package: guesses, the likeliest first.
//!
//! CPE 2.3 as formatted strings, NIST IR 7695 section 6.2, <https://doi.org/10.6028/NIST.IR.7695>. Nobody
//! says which vendor the dictionary has filed a package under, so that each is a candidate: a vendor
//! that is known for it, the owner of its repository, its own name.

use crate::Package;

/// At most this many are told of a package.
const CANDIDATES: usize = 4;

/// The candidates of a package: `cpe:2.3:a:haxx:curl:8.5.0:*:*:*:*:*:*:*`.
pub(crate) fn candidates(package: &Package) -> Vec<String> {
    let parts = package.purl.parts();
    let kind = parts.kind.as_str();
    if ["github", "githubactions", "docker", "oci"].contains(&kind) {
        return Vec::new();
    }
    let name = parts.name.to_lowercase();
    let namespace = parts.namespace.unwrap_or_default().to_lowercase();
    let mut pairs: Vec<(String, String)> = Vec::new();
    let mut add = |vendor: &str, product: &str| {
        let pair = (vendor.to_owned(), product.to_owned());
        if !vendor.is_empty() && !product.is_empty() && !pairs.contains(&pair) {
            pairs.push(pair);
        }
    };
    let is_program = [
        "deb", "rpm", "apk", "alpm", "generic", "brew", "conda", "bitnami", "nix",
    ];
    if is_program.contains(&kind) {
        let upstream = parts.qualifiers.get("upstream").map(String::as_str);
        let upstream = upstream.and_then(|text| text.split(['@', ' ']).next());
        for name in [Some(name.as_str()), upstream].into_iter().flatten() {
            if let Some((_, vendor, product)) = KNOWN.iter().find(|(known, ..)| *known == name) {
                add(vendor, product);
            }
        }
        add(&name, &name);
        if let Some(upstream) = upstream {
            add(upstream, upstream);
        }
    } else {
        for vendor in vendors(kind, &namespace) {
            add(&vendor, &name);
        }
        add(&name, &name);
        add(&format!("{name}_project"), &name);
    }
    let version = version(kind, &package.version);
    let target = target(kind);
    let written = pairs.iter().take(CANDIDATES).map(|(vendor, product)| {
        let (vendor, product) = (quoted(vendor), quoted(product));
        format!("cpe:2.3:a:{vendor}:{product}:{version}:*:*:*:*:{target}:*:*")
    });
    written.collect()
}

/// Who may be behind a namespace.
fn vendors(kind: &str, namespace: &str) -> Vec<String> {
    match kind {
        "npm" => vec![namespace.trim_start_matches('@').to_owned()],
        "maven" => {
            // `org.apache.commons`: the organisation is the second part.
            let mut parts = namespace.split('.');
            let first = parts.next().unwrap_or_default();
            let owner = match parts.next() {
                Some(second) if DOMAINS.contains(&first) => second,
                _ => first,
            };
            vec![owner.to_owned()]
        }
        "golang" | "swift" => {
            // `github.com/owner`, and `golang.org/x` of the organisation that has the domain.
            let mut parts = namespace.split('/');
            let host = parts.next().unwrap_or_default();
            let owner = parts.next().filter(|owner| owner.len() > 1);
            let domain = host.split('.').rev().nth(1).unwrap_or(host);
            vec![owner.unwrap_or(domain).to_owned()]
        }
        _ => vec![namespace.rsplit('/').next().unwrap_or_default().to_owned()],
    }
}

/// The version of what is packaged, without what the packagers add.
fn version(kind: &str, version: &str) -> String {
    let version = match kind {
        "deb" | "rpm" | "alpm" => {
            let version = version.split_once(':').map_or(version, |(_, rest)| rest);
            version
                .rsplit_once('-')
                .map_or(version, |(version, _)| version)
        }
        "apk" => version
            .rsplit_once("-r")
            .map_or(version, |(version, _)| version),
        "golang" => version.strip_prefix('v').unwrap_or(version),
        _ => version,
    };
    if version.is_empty() {
        return "*".to_owned();
    }
    quoted(&version.to_lowercase())
}

/// The software that it runs in, as the dictionary names it.
fn target(kind: &str) -> &'static str {
    match kind {
        "cargo" => "rust",
        "gem" => "ruby",
        "golang" => "go",
        "npm" => "node.js",
        "nuget" => ".net",
        "pypi" => "python",
        _ => "*",
    }
}

/// A value with its special characters quoted, section 6.2.
fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            'a'..='z' | 'A'..='Z' | '0'..='9' | '.' | '_' | '-' => out.push(character),
            '!'..='~' => {
                out.push('\\');
                out.push(character);
            }
            // Neither spaces nor what is not ASCII have a place.
            _ => out.push('_'),
        }
    }
    // A dash alone means that there is none.
    if out == "-" { "\\-".to_owned() } else { out }
}

/// Beginnings of groups that are domains and no owners.
const DOMAINS: [&str; 12] = [
    "com", "org", "net", "io", "dev", "de", "fr", "eu", "jakarta", "javax", "app", "me",
];

/// What packages of distributions are filed under, by the name of the package or its source.
const KNOWN: [(&str, &str, &str); 62] = [
    ("apache2", "apache", "http_server"),
    ("apt", "debian", "advanced_package_tool"),
    ("bash", "gnu", "bash"),
    ("binutils", "gnu", "binutils"),
    ("bind9", "isc", "bind"),
    ("busybox", "busybox", "busybox"),
    ("bzip2", "bzip", "bzip2"),
    ("coreutils", "gnu", "coreutils"),
    ("cpio", "gnu", "cpio"),
    ("curl", "haxx", "curl"),
    ("cyrus-sasl2", "cyrusimap", "cyrus-sasl"),
    ("db5.3", "oracle", "berkeley_db"),
    ("dpkg", "debian", "dpkg"),
    ("e2fsprogs", "e2fsprogs_project", "e2fsprogs"),
    ("expat", "libexpat_project", "libexpat"),
    ("freetype", "freetype", "freetype"),
    ("gcc", "gnu", "gcc"),
    ("gcc-12", "gnu", "gcc"),
    ("git", "git-scm", "git"),
    ("glib2.0", "gnome", "glib"),
    ("glibc", "gnu", "glibc"),
    ("gmp", "gmplib", "gmp"),
    ("gnupg2", "gnupg", "gnupg"),
    ("gnutls28", "gnu", "gnutls"),
    ("grep", "gnu", "grep"),
    ("gzip", "gnu", "gzip"),
    ("httpd", "apache", "http_server"),
    ("krb5", "mit", "kerberos_5"),
    ("libgcrypt20", "gnupg", "libgcrypt"),
    ("libidn2", "gnu", "libidn2"),
    ("libpng", "libpng", "libpng"),
    ("libssh2", "libssh2", "libssh2"),
    ("libtasn1-6", "gnu", "libtasn1"),
    ("libtiff", "libtiff", "libtiff"),
    ("libxml2", "xmlsoft", "libxml2"),
    ("lz4", "lz4_project", "lz4"),
    ("memcached", "memcached", "memcached"),
    ("musl", "musl-libc", "musl"),
    ("mysql", "oracle", "mysql"),
    ("ncurses", "gnu", "ncurses"),
    ("nettle", "nettle_project", "nettle"),
    ("nghttp2", "nghttp2", "nghttp2"),
    ("nginx", "f5", "nginx"),
    ("node", "nodejs", "node.js"),
    ("nodejs", "nodejs", "node.js"),
    ("openjdk", "oracle", "openjdk"),
    ("openldap", "openldap", "openldap"),
    ("openssh", "openbsd", "openssh"),
    ("openssl", "openssl", "openssl"),
    ("pam", "linux-pam", "linux-pam"),
    ("pcre2", "pcre", "pcre2"),
    ("perl", "perl", "perl"),
    ("php", "php", "php"),
    ("postgresql", "postgresql", "postgresql"),
    ("python", "python", "python"),
    ("redis", "redis", "redis"),
    ("ruby", "ruby-lang", "ruby"),
    ("sqlite3", "sqlite", "sqlite"),
    ("systemd", "systemd_project", "systemd"),
    ("tar", "gnu", "tar"),
    ("xz-utils", "tukaani", "xz"),
    ("zlib", "zlib", "zlib"),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn of(purl: &str, version: &str) -> Vec<String> {
        let purl = purl.parse().unwrap();
        candidates(&Package::new("x", version, purl))
    }

    #[test]
    fn a_known_vendor_comes_first() {
        let curl = of(
            "pkg:deb/debian/libcurl4@7.88.1-10%2Bdeb12u5?upstream=curl",
            "7.88.1-10+deb12u5",
        );
        assert_eq!(curl[0], "cpe:2.3:a:haxx:curl:7.88.1:*:*:*:*:*:*:*");
        assert!(curl.contains(&"cpe:2.3:a:libcurl4:libcurl4:7.88.1:*:*:*:*:*:*:*".to_owned()));
        let zlib = of(
            "pkg:deb/debian/zlib1g@1:1.2.13.dfsg-1?upstream=zlib",
            "1:1.2.13.dfsg-1",
        );
        assert_eq!(zlib[0], "cpe:2.3:a:zlib:zlib:1.2.13.dfsg:*:*:*:*:*:*:*");
        let busybox = of("pkg:apk/alpine/busybox@1.36.1-r15", "1.36.1-r15");
        assert_eq!(busybox[0], "cpe:2.3:a:busybox:busybox:1.36.1:*:*:*:*:*:*:*");
    }

    #[test]
    fn owners_are_vendors() {
        let first = |purl: &str, version: &str| of(purl, version).swap_remove(0);
        assert_eq!(
            first("pkg:npm/%40babel/core@7.24.0", "7.24.0"),
            "cpe:2.3:a:babel:core:7.24.0:*:*:*:*:node.js:*:*"
        );
        assert_eq!(
            first("pkg:maven/org.apache.commons/commons-text@1.9", "1.9"),
            "cpe:2.3:a:apache:commons-text:1.9:*:*:*:*:*:*:*"
        );
        assert_eq!(
            first("pkg:golang/github.com/gin-gonic/gin@v1.9.0", "v1.9.0"),
            "cpe:2.3:a:gin-gonic:gin:1.9.0:*:*:*:*:go:*:*"
        );
        assert_eq!(
            first("pkg:golang/golang.org/x/net@v0.7.0", "v0.7.0"),
            "cpe:2.3:a:golang:net:0.7.0:*:*:*:*:go:*:*"
        );
        assert_eq!(of("pkg:pypi/flask@3.0.2", "3.0.2").len(), 2);
    }

    #[test]
    fn special_characters_are_quoted_and_others_left_out() {
        let odd = of("pkg:npm/a%2Bb%C3%A9@1.0.0-rc.1%2Bx", "1.0.0-rc.1+x*");
        assert_eq!(
            odd[0],
            "cpe:2.3:a:a\\+b_:a\\+b_:1.0.0-rc.1\\+x\\*:*:*:*:*:node.js:*:*"
        );
        assert_eq!(
            of("pkg:npm/a", "")[0],
            "cpe:2.3:a:a:a:*:*:*:*:*:node.js:*:*"
        );
        assert!(of("pkg:githubactions/actions/checkout@v4", "v4").is_empty());
    }
}
