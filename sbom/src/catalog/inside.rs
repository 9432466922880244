//! Whether something lies in what a package manager installed or fetched.
//!
//! Lock files, manifests and fixtures there describe how that thing was developed, not what is
//! installed here: of every ecosystem, since packages of one ship files of others.

/// Whether a path lies inside an installed or fetched package.
pub(super) fn is_inside_package(path: &str) -> bool {
    let (mut above, mut is_of_go) = ("", false);
    path.split('/').any(|part| {
        is_of_go |= (above, part) == GO;
        let is_inside = FOLDERS.contains(&part)
            || PAIRS.contains(&(above, part))
            || is_gem(above, part)
            || (is_of_go && part.contains("@v"));
        above = part;
        is_inside
    })
}

/// Whether a path lies inside a gem.
pub(super) fn is_inside_gem(path: &str) -> bool {
    let mut above = "";
    path.split('/').any(|part| {
        let is_inside = is_gem(above, part);
        above = part;
        is_inside
    })
}

/// RubyGems and Bundler keep gems as `NAME-VERSION`; a project may have folders called `gems` too.
fn is_gem(above: &str, part: &str) -> bool {
    let version = part.rsplit_once('-').map_or("", |(_, version)| version);
    ["gems", "bundler"].contains(&above) && version.starts_with(|one: char| one.is_ascii_digit())
}

const FOLDERS: [&str; 8] = [
    // npm, Python, and Go, PHP, Ruby.
    "node_modules",
    "site-packages",
    "dist-packages",
    "vendor",
    // Rust's own, CocoaPods, Dart, and what Mix and Rebar build.
    "rustlib",
    "Pods",
    ".pub-cache",
    "_build",
];

/// Go's cache of modules, in which each has its version: `pkg/mod/example.test/a@v1.0.0`.
const GO: (&str, &str) = ("pkg", "mod");

/// Caches of Cargo and Maven.
const PAIRS: [(&str, &str); 5] = [
    ("cargo", "registry"),
    ("cargo", "git"),
    (".cargo", "registry"),
    (".cargo", "git"),
    (".m2", "repository"),
];

#[cfg(test)]
mod tests {
    use super::is_inside_package;

    #[test]
    fn what_packages_ship_is_not_of_the_project() {
        for path in [
            "app/node_modules/a/Cargo.lock",
            "usr/lib/python3/dist-packages/a/yarn.lock",
            "root/.cargo/registry/src/index/a-1.0.0/Cargo.lock",
            "usr/local/cargo/git/checkouts/a/Cargo.lock",
            "go/pkg/mod/example.test/a@v1.0.0/package-lock.json",
            "root/.m2/repository/org/example/a/1.0/pom.xml",
            "ios/Pods/A/package-lock.json",
            "root/.pub-cache/hosted/a-1.0.0/pubspec.lock",
            "app/_build/prod/lib/a/package-lock.json",
            "usr/local/bundle/gems/a-1.0.0/yarn.lock",
        ] {
            assert!(is_inside_package(path), "{path}");
        }
        for path in [
            "Cargo.lock",
            "cargo/Cargo.lock",
            "gems/billing/Gemfile.lock",
            "pkg/mod/package-lock.json",
            "a@v1/package-lock.json",
            "mod/pkg/go.mod",
            "vendors/yarn.lock",
            "repository/.m2/pom.xml",
        ] {
            assert!(!is_inside_package(path), "{path}");
        }
    }
}
