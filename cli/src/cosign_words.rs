//! The words of cosign: commands that mean the same here are taken as they are typed, for the others
//! one line says what does their work. The table of docs/guide.md is the same one.
//!
//! Written against cosign 3.1.3, <https://github.com/sigstore/cosign/blob/v3.1.3/doc/cosign.md>.

use std::ffi::{OsStr, OsString};

use clap::error::{ContextKind, ContextValue};

/// A command of cosign's that means the same as one of ours.
struct Same {
    cosign: &'static [&'static str],
    own: &'static [&'static str],
    /// What cosign takes for granted: a flag with its value, unless one of the words begins so.
    default: Option<Default>,
    /// Whether cosign demands a log even of keys.
    logged: bool,
}

struct Default {
    unless: &'static [&'static str],
    words: [&'static str; 2],
}

const OUT: &[&str] = &["--output-key-prefix", "--out", "-o"];
const TYPE: &[&str] = &["--type"];
/// Without one of these, and with `--key`, cosign verifies only what a log has seen.
const UNLOGGED: &[&str] = &["--insecure-ignore-tlog", "--log-threshold"];

const SAME: &[Same] = &[
    same(&["sign-blob"], &["sign", "--message"]),
    logged(same(&["verify-blob"], &["verify"])),
    logged(with(&["verify-attestation"], &["verify"], TYPE, "custom")),
    logged(with(
        &["verify-blob-attestation"],
        &["verify"],
        TYPE,
        "custom",
    )),
    with(&["generate-key-pair"], &["key", "generate"], OUT, "cosign"),
    with(
        &["import-key-pair"],
        &["key", "import"],
        OUT,
        "import-cosign",
    ),
    same(&["public-key"], &["key", "public"]),
    same(&["trusted-root", "create"], &["trust", "create"]),
    same(&["version"], &["--version"]),
    same(&["completion"], &["completions"]),
];

const fn same(cosign: &'static [&'static str], own: &'static [&'static str]) -> Same {
    Same {
        cosign,
        own,
        default: None,
        logged: false,
    }
}

const fn logged(same: Same) -> Same {
    Same {
        logged: true,
        ..same
    }
}

const fn with(
    cosign: &'static [&'static str],
    own: &'static [&'static str],
    unless: &'static [&'static str],
    value: &'static str,
) -> Same {
    let default = Some(Default {
        unless,
        words: [unless[0], value],
    });
    Same {
        cosign,
        own,
        default,
        logged: false,
    }
}

/// What does the work of cosign's other commands.
const COMMANDS: &[(&str, &str)] = &[
    (
        "initialize",
        "cosign's `initialize` is `bulla trust update`; for an instance of your own `bulla trust init --mirror URL --root FILE`",
    ),
    (
        "signing-config",
        "cosign's `signing-config create` is `bulla trust create … --signing-config-out FILE`",
    ),
    (
        "trusted-root",
        "cosign's `trusted-root create` is `bulla trust create`",
    ),
    (
        "download",
        "cosign's `download` is `bulla inspect IMAGE#N`, where `bulla tree IMAGE` numbers what there is, or `bulla copy IMAGE oci:DIR`",
    ),
    (
        "triangulate",
        "cosign's `triangulate` is `bulla tree IMAGE`, which shows what is at every place",
    ),
    ("env", "cosign's `env` is `bulla settings`"),
    (
        "login",
        "cosign's `login` is `docker login` or `podman login`: their credentials are read",
    ),
    (
        "clean",
        "cosign's `clean` has no counterpart: signatures are deleted with the registry's own tools",
    ),
    ("save", "cosign's `save` is `bulla copy IMAGE oci:DIR`"),
    ("load", "cosign's `load` is `bulla copy oci:DIR IMAGE`"),
    (
        "attach",
        "cosign's `attach` has no counterpart: `bulla sign` and `bulla attest` attach what they sign, `bulla copy` takes along what is attached",
    ),
    (
        "upload",
        "cosign's `upload` has no counterpart: push with the registry's own tools",
    ),
    (
        "bundle",
        "cosign's `bundle create` has no counterpart: `bulla verify` reads the older forms as they are",
    ),
    (
        "manifest",
        "cosign's `manifest verify` has no counterpart: name the images, `bulla verify --key FILE IMAGE IMAGE`",
    ),
    (
        "dockerfile",
        "cosign's `dockerfile verify` has no counterpart: name the images, `bulla verify --key FILE IMAGE IMAGE`",
    ),
    (
        "piv-tool",
        "cosign's `piv-tool` is the token's own tool: its key is named `--key 'pkcs11:token=T;object=O'`",
    ),
    (
        "pkcs11-tool",
        "cosign's `pkcs11-tool` is the token's own tool: its key is named `--key 'pkcs11:token=T;object=O'`",
    ),
];

/// What does the work of cosign's flags that have another name, or another meaning, here.
const FLAGS: &[(&str, &str)] = &[
    (
        "--allow-http-registry",
        "name the registry that has no TLS: --plain-http HOST",
    ),
    (
        "--allow-insecure-registry",
        "a registry's certificate is always verified: SSL_CERT_FILE adds authorities, --plain-http HOST is for a registry without TLS",
    ),
    (
        "--registry-cacert",
        "the variable SSL_CERT_FILE adds authorities",
    ),
    ("--registry-username", LOGIN),
    ("--registry-password", LOGIN),
    ("--registry-token", LOGIN),
    ("--k8s-keychain", LOGIN),
    ("--local-image", "name the folder as an OCI layout: oci:DIR"),
    ("--sk", TOKEN),
    ("--slot", TOKEN),
    (
        "--kms",
        "keys in a service are made with its own tools; `bulla key public --key awskms:///ID` writes the public half",
    ),
    (
        "--statement",
        "`bulla attest` writes the statement itself: --predicate FILE --type TYPE",
    ),
    (
        "--output-attestation",
        "--bundle FILE writes the attestation, as a Sigstore bundle",
    ),
    (
        "--private-infrastructure",
        "say that no log is needed: --insecure-ignore-tlog; `verify` demands one only with --log-threshold N",
    ),
    ("--rfc3161-timestamp-path", "--rfc3161-timestamp FILE"),
    (
        "--rekor-url",
        "verification asks no log, proofs come with the signature: --log-threshold N demands them, --trusted-root or --log-key says of which log",
    ),
    (
        "--record-creation-timestamp",
        "leave it away: statements say when they were issued",
    ),
];

const LOGIN: &str = "log in with docker or podman: their credential files and helpers are read";
const TOKEN: &str = "a key on a token is named by its URI: --key 'pkcs11:token=T;object=O'";

/// The command line with cosign's command replaced by ours. Everything else stays as it was typed.
pub(crate) fn replaced(arguments: &[OsString], command: &clap::Command) -> Vec<OsString> {
    let mut words = arguments.to_vec();
    let Some(at) = verb(arguments, command) else {
        return words;
    };
    let typed = arguments.get(at..).unwrap_or_default();
    let starts = |same: &&Same| {
        typed.len() >= same.cosign.len() && same.cosign.iter().zip(typed).all(|(a, b)| b == a)
    };
    let Some(same) = SAME.iter().find(starts) else {
        return words;
    };
    let mut own: Vec<OsString> = same.own.iter().map(OsString::from).collect();
    let has = |names: &[&str]| {
        let mut before_files = typed.iter().take_while(|word| *word != "--");
        before_files.any(|word| {
            let text = word.to_string_lossy();
            names.contains(&text.split('=').next().unwrap_or_default())
        })
    };
    if let Some(default) = &same.default
        && !has(default.unless)
    {
        own.extend(default.words.map(OsString::from));
    }
    if same.logged && has(&["--key"]) && !has(UNLOGGED) {
        own.extend(["--log-threshold", "1"].map(OsString::from));
    }
    words.splice(at..at.saturating_add(same.cosign.len()), own);
    words
}

/// Where the command is: the first word that is neither a flag nor a flag's value.
fn verb(arguments: &[OsString], command: &clap::Command) -> Option<usize> {
    let takes_value = |word: &OsStr| {
        let flag = word.to_str().and_then(|text| text.strip_prefix("--"));
        flag.is_some_and(|flag| {
            command
                .get_arguments()
                .any(|one| one.get_long() == Some(flag) && one.get_action().takes_values())
        })
    };
    let mut words = arguments.iter().enumerate().skip(1);
    while let Some((at, word)) = words.next() {
        if takes_value(word) {
            words.next();
        } else if !word.to_string_lossy().starts_with('-') {
            return Some(at);
        }
    }
    None
}

/// What to type instead, if what clap does not know is a word of cosign's.
pub(crate) fn hint(error: &clap::Error) -> Option<&'static str> {
    let (kind, table) = match error.kind() {
        clap::error::ErrorKind::InvalidSubcommand => (ContextKind::InvalidSubcommand, COMMANDS),
        clap::error::ErrorKind::UnknownArgument => (ContextKind::InvalidArg, FLAGS),
        _ => return None,
    };
    let Some(ContextValue::String(found)) = error.get(kind) else {
        return None;
    };
    let name = found.split('=').next().unwrap_or_default();
    let mut rows = table.iter();
    rows.find(|(word, _)| *word == name).map(|(_, hint)| *hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(line: &str) -> String {
        let words: Vec<OsString> = line.split(' ').map(OsString::from).collect();
        let replaced = replaced(&words, &crate::verbs::command());
        let words: Vec<_> = replaced.iter().map(|word| word.to_string_lossy()).collect();
        words.join(" ")
    }

    #[test]
    fn cosign_s_commands_become_ours_with_its_defaults() {
        for (line, own) in [
            ("c sign-blob --key k f", "c sign --message --key k f"),
            (
                "c --output json sign-blob f",
                "c --output json sign --message f",
            ),
            ("c -q verify-blob f", "c -q verify f"),
            ("c verify-attestation i", "c verify --type custom i"),
            (
                "c verify-blob --key=k f",
                "c verify --log-threshold 1 --key=k f",
            ),
            (
                "c verify-blob --key k --insecure-ignore-tlog f",
                "c verify --key k --insecure-ignore-tlog f",
            ),
            ("c verify-blob -- --key", "c verify -- --key"),
            (
                "c verify-attestation --type=vuln i",
                "c verify --type=vuln i",
            ),
            (
                "c verify-blob-attestation -- --type",
                "c verify --type custom -- --type",
            ),
            (
                "c generate-key-pair",
                "c key generate --output-key-prefix cosign",
            ),
            (
                "c generate-key-pair --output json",
                "c key generate --output-key-prefix cosign --output json",
            ),
            ("c generate-key-pair --out a", "c key generate --out a"),
            ("c trusted-root create --out r", "c trust create --out r"),
            ("c version", "c --version"),
            // A file of that name is a file, and what is ours stays.
            ("c sign sign-blob", "c sign sign-blob"),
            ("c --config version sign f", "c --config version sign f"),
            ("c trusted-root show", "c trusted-root show"),
        ] {
            assert_eq!(typed(line), own, "{line}");
        }
    }

    #[test]
    fn every_word_of_the_table_is_one_we_do_not_have() {
        let command = crate::verbs::command();
        for (word, _) in COMMANDS {
            assert!(command.find_subcommand(word).is_none(), "{word}");
        }
        let guide = include_str!("../../docs/guide.md");
        let own = SAME.iter().map(|same| same.cosign.join(" "));
        let others = COMMANDS.iter().map(|(word, _)| (*word).to_owned());
        for word in own.chain(others) {
            assert!(
                guide.contains(&format!("`{word}")),
                "{word} is not in the guide"
            );
        }
    }
}
