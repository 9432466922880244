//! Keeping secrets on a command line out of what is signed and published.
//!
//! The rule, as documented in `docs/buildtypes/run.md`:
//!
//! 1. A *secret name* contains `password`, `passwd`, `passphrase`, `secret`, `token`, `credential`,
//!    `authorization`, `apikey` or `privatekey`, or has `auth`, `key`, `pass`, `pat`, `pin` or `pwd`
//!    as one of its words. Case does not matter, and `-`, `_`, `.` and capitals divide words.
//! 2. `--NAME=value` and `NAME=value` (also inside an argument, as in `-e NAME=value`) keep the
//!    name; `NAME: value` does too, as in a header.
//! 3. After a bare flag with a secret name the whole next argument is replaced.
//! 4. `scheme://user:password@host` loses what stands before the `@`.
//!    If its query or fragment has `NAME=value` with a secret name, all of it is replaced.
//! 5. An argument that contains something shaped like a well-known token or a private key is
//!    replaced.
//! 6. An argument of several words (a script) is replaced whole if any of this hits one of them.
//!
//! What no rule can see, such as `-pSECRET`, stays: secrets do not belong on command lines.

/// What stands in place of a secret.
pub const REDACTED: &str = "[redacted]";

const PARTS: &[&str] = &[
    "apikey",
    "authorization",
    "credential",
    "passphrase",
    "passwd",
    "password",
    "privatekey",
    "secret",
    "token",
];

const WORDS: &[&str] = &["auth", "key", "pass", "pat", "pin", "pwd"];

/// Beginnings of tokens that say themselves what they are.
const TOKENS: &[&str] = &[
    "AKIA",
    "ASIA",
    "eyJ",
    "ghp_",
    "gho_",
    "ghr_",
    "ghs_",
    "ghu_",
    "github_pat_",
    "glpat-",
    "hvs.",
    "npm_",
    "pypi-",
    "xoxb-",
    "xoxp-",
];

/// The shortest text after such a beginning that is taken for a token.
const TOKEN_LENGTH: usize = 16;

/// The command with everything that looks like a secret replaced.
pub fn redact_command(command: &[String]) -> Vec<String> {
    let mut after_flag = false;
    command
        .iter()
        .map(|argument| {
            let follows = std::mem::replace(&mut after_flag, is_secret_flag(argument));
            if follows {
                REDACTED.to_owned()
            } else {
                redact(argument)
            }
        })
        .collect()
}

/// A script of several lines; a line with something that looks like a secret is replaced whole.
pub(super) fn redact_script(script: &str) -> String {
    let lines: Vec<_> = script.lines().map(redact).collect();
    lines.join("\n")
}

/// Whether there is something in the text that looks like a secret.
pub(super) fn holds_secret(text: &str) -> bool {
    redact(text) != text
}

/// A URL without the user and password it may carry.
pub fn strip_credentials(url: &str) -> String {
    match userinfo(url) {
        Some((before, after)) => format!("{before}{after}"),
        None => url.to_owned(),
    }
}

/// Whether a variable or flag with this name may hold a secret.
pub(super) fn is_secret_name(name: &str) -> bool {
    let plain: String = name
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .map(|c| c.to_ascii_lowercase())
        .collect();
    PARTS.iter().any(|part| plain.contains(part))
        || words(name).any(|word| WORDS.contains(&word.as_str()))
}

fn words(name: &str) -> impl Iterator<Item = String> {
    let mut spaced = String::new();
    let mut lower_before = false;
    for c in name.chars() {
        if c.is_ascii_uppercase() && lower_before {
            spaced.push(' ');
        }
        lower_before = c.is_ascii_lowercase() || c.is_ascii_digit();
        spaced.push(if c.is_ascii_alphanumeric() {
            c.to_ascii_lowercase()
        } else {
            ' '
        });
    }
    spaced
        .split_ascii_whitespace()
        .map(str::to_owned)
        .collect::<Vec<_>>()
        .into_iter()
}

/// Whether this is a flag whose value is the next argument, and a secret.
fn is_secret_flag(argument: &str) -> bool {
    argument.strip_prefix('-').is_some_and(|name| {
        !name.contains(['=', ':']) && !name.contains(char::is_whitespace) && is_secret_name(name)
    })
}

fn redact(argument: &str) -> String {
    if let Some(redacted) = redact_assignment(argument) {
        return redacted;
    }
    if argument.split_whitespace().count() < 2 {
        return redact_word(argument).unwrap_or_else(|| argument.to_owned());
    }
    let quotes = ['"', '\'', '`', ';', '|', '&', '(', ')', '<', '>'];
    let mut words = argument
        .split(|c: char| c.is_whitespace() || quotes.contains(&c))
        .filter(|word| !word.is_empty());
    if words.any(|word| {
        is_secret_flag(word) || secret_name(word).is_some() || redact_word(word).is_some()
    }) {
        REDACTED.to_owned()
    } else {
        argument.to_owned()
    }
}

/// The secret name before `=` or `:`, and what follows it.
fn secret_name(text: &str) -> Option<(&str, &str)> {
    let (name, value) = text.split_at(text.find(['=', ':'])?);
    let sound = !name.contains(char::is_whitespace) && !value.starts_with("://");
    (sound && is_secret_name(name)).then_some((name, value))
}

fn redact_assignment(text: &str) -> Option<String> {
    let (name, value) = secret_name(text)?;
    Some(format!("{name}{}{REDACTED}", value.get(..1)?))
}

/// The word with its secret replaced, if it has one.
fn redact_word(word: &str) -> Option<String> {
    if holds_token(word) {
        return Some(REDACTED.to_owned());
    }
    // `--build-arg=TOKEN=x` has the secret's name further in.
    let nested = || {
        let (name, rest) = word.split_once('=')?;
        Some(format!("{name}={}", redact_word(rest)?))
    };
    let url = || match userinfo(word) {
        Some((before, after)) => Some(format!("{before}{REDACTED}@{after}")),
        // Several URLs in one word are not worth telling apart.
        None => {
            (word.matches("://").count() > 1 && word.contains('@')).then(|| REDACTED.to_owned())
        }
    };
    // `https://h.test/?token=x` has it in the query.
    let query = || {
        let (_, query) = word.split_once("://")?.1.split_once(['?', '#'])?;
        query
            .split(['?', '&', ';', '#'])
            .any(|pair| secret_name(pair).is_some())
            .then(|| REDACTED.to_owned())
    };
    redact_assignment(word)
        .or_else(query)
        .or_else(nested)
        .or_else(url)
}

fn holds_token(word: &str) -> bool {
    let in_token = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    word.contains("-----BEGIN")
        || word.split(|c| !in_token(c)).any(|piece| {
            TOKENS.iter().any(|start| {
                piece
                    .strip_prefix(start)
                    .is_some_and(|rest| rest.len() >= TOKEN_LENGTH)
            })
        })
}

/// What stands before and after the user and password of a URL.
fn userinfo(url: &str) -> Option<(&str, &str)> {
    let (scheme, rest) = url.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next()?;
    let at = authority.rfind('@')?;
    let start = scheme.len().checked_add(3)?;
    let before = url.get(..start)?;
    let after = rest.get(at.checked_add(1)?..)?;
    Some((before, after))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn redacted(command: &[&str]) -> String {
        let command: Vec<_> = command.iter().map(|&text| text.to_owned()).collect();
        redact_command(&command).join("|")
    }

    #[test]
    fn values_of_secret_names_are_replaced() {
        for (command, expected) in [
            (&["curl", "--token=abc"][..], "curl|--token=[redacted]"),
            (
                &["x", "--password", "hunter2", "y"],
                "x|--password|[redacted]|y",
            ),
            (
                &["x", "--db-pass", "--token", "a", "b"],
                "x|--db-pass|[redacted]|[redacted]|b",
            ),
            (&["x", "-e", "API_KEY=abc"], "x|-e|API_KEY=[redacted]"),
            (
                &["x", "--build-arg=NPM_TOKEN=abc"],
                "x|--build-arg=NPM_TOKEN=[redacted]",
            ),
            (&["x", "-DapiToken=abc"], "x|-DapiToken=[redacted]"),
            (
                &["x", "-H", "Authorization: Bearer abc"],
                "x|-H|Authorization:[redacted]",
            ),
            (&["x", "-H", "X-Api-Key:abc"], "x|-H|X-Api-Key:[redacted]"),
            (
                &["git", "clone", "https://me:pw@h.test/r"],
                "git|clone|https://[redacted]@h.test/r",
            ),
            (
                &["x", "--from=https://me@h.test"],
                "x|--from=https://[redacted]@h.test",
            ),
            (&["echo", "ghp_0123456789abcdefABCDEF"], "echo|[redacted]"),
            (&["echo", "-----BEGIN PRIVATE KEY-----"], "echo|[redacted]"),
            (
                &["sh", "-c", "login --password 'a b' && make"],
                "sh|-c|[redacted]",
            ),
            (&["sh", "-c", "curl -H 'X-Token: abc'"], "sh|-c|[redacted]"),
            (&["sh", "-c", "TOKEN='a b' make"], "sh|-c|TOKEN=[redacted]"),
            (&["x", "--token= a b"], "x|--token=[redacted]"),
            (
                &["curl", "https://h.test/a?v=1&access_token=abc"],
                "curl|[redacted]",
            ),
            (&["x", "--from=https://h.test/?token=abc"], "x|[redacted]"),
            (
                &["x", "https://h.test,https://me:pw@h.test"],
                "x|[redacted]",
            ),
        ] {
            assert_eq!(redacted(command), expected);
        }
    }

    #[test]
    fn ordinary_arguments_stay() {
        for command in [
            &["make", "-j2", "all"][..],
            &["cargo", "build", "--features=tokenless", "--author", "me"][..1],
            &["docker", "build", "--tag=h.test:5000/a:1", "."],
            &["sh", "-c", "make && make install"],
            &[
                "gcc",
                "-DNDEBUG=1",
                "keyboard.c",
                "monkey.c",
                "https://h.test/a@b",
                "https://token.test/key?v=1",
            ],
        ] {
            assert_eq!(redacted(command), command.join("|"));
        }
    }

    #[test]
    fn urls_lose_their_credentials() {
        assert_eq!(
            strip_credentials("https://me:pw@h.test/a@b"),
            "https://h.test/a@b"
        );
        assert_eq!(strip_credentials("git@h.test:a/b"), "git@h.test:a/b");
    }

    proptest! {
        #[test]
        fn no_secret_survives_behind_a_secret_flag(
            before in "[ -~]{0,12}",
            secret in "[A-Z]{3}[ -~]{8}[0-9]{4}",
        ) {
            let command = [before, "--token".to_owned(), secret.clone(), format!("--key={secret}")];
            let shown = redact_command(&command);
            prop_assert!(shown[1..].iter().all(|argument| !argument.contains(&secret)));
        }

        #[test]
        fn no_argument_makes_the_rules_panic(command in proptest::collection::vec(any::<String>(), 0..6)) {
            prop_assert_eq!(redact_command(&command).len(), command.len());
        }
    }
}
