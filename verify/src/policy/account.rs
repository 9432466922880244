//! Accounts on platforms where reviews are given, such as `github.com`.

use std::fmt;
use std::num::NonZeroU64;

use jiff::Timestamp;
use serde::Deserialize;

/// A platform, by the host its pages have, with the folder if it is not at the top.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
pub struct Platform(String);

impl Platform {
    /// As statements say it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What its pages begin with.
    pub fn url(&self) -> String {
        format!("https://{}/", self.0)
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for Platform {
    type Error = PlatformError;

    fn try_from(text: String) -> Result<Self, PlatformError> {
        let fits = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-._:/".contains(&b);
        let parts = || text.split('/');
        let is_host = parts().next().is_some_and(|host| {
            let (name, port) = host.split_once(':').unwrap_or((host, "1"));
            !name.is_empty() && !name.starts_with(['.', '-']) && port.parse::<u16>().is_ok()
        });
        let is_plain = parts().all(|part| !matches!(part, "" | "." | ".."));
        let has_one_port = text.matches(':').count() <= 1;
        if is_host && is_plain && has_one_port && text.len() <= 255 && text.bytes().all(fits) {
            Ok(Self(text))
        } else {
            Err(PlatformError { found: text })
        }
    }
}

/// Why a text is no platform.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlatformError {
    found: String,
}

impl fmt::Display for PlatformError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "`{}` is no platform: expected its host in lower case, for example `github.com`",
            self.found.escape_debug()
        )
    }
}

/// An account, by the number that stays when it gets another name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Account {
    /// Where.
    pub platform: Platform,
    /// The platform's number of it.
    pub id: NonZeroU64,
    /// Until when it is its person's; not at that instant any more.
    #[serde(default)]
    pub not_after: Option<Timestamp>,
}

impl Account {
    /// Whether a statement that names this platform and this id means the account.
    pub fn is(&self, platform: &str, id: &str) -> bool {
        self.platform.as_str() == platform && self.id.to_string() == id
    }

    /// Whether it was its person's at this time.
    pub fn held_at(&self, at: Timestamp) -> bool {
        self.not_after.is_none_or(|end| at < end)
    }
}

impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "account {} on {}", self.id, self.platform)?;
        match self.not_after {
            Some(end) => write!(f, " until {end}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_platform_is_a_host_and_nothing_else() {
        for good in ["github.com", "git.example.test:8443", "example.test/gitlab"] {
            assert!(Platform::try_from(good.to_owned()).is_ok(), "{good}");
        }
        for bad in [
            "",
            "https://github.com",
            "github.com/",
            "GitHub.com",
            "/github.com",
            "a@github.com",
            "github.com/..",
            "github.com:x",
            "github.com:1/a:2",
            "git hub.com",
            ".com",
        ] {
            assert!(Platform::try_from(bad.to_owned()).is_err(), "{bad}");
        }
    }

    #[test]
    fn an_account_has_one_spelling() {
        let platform = Platform::try_from("github.com".to_owned()).unwrap();
        let id = NonZeroU64::new(17).unwrap();
        let account = Account {
            platform,
            id,
            not_after: None,
        };
        assert!(account.is("github.com", "17"));
        for (platform, id) in [
            ("github.com", "017"),
            ("github.com", "+17"),
            ("github.com", "-17"),
            ("github.com", "17 "),
            ("github.com", "17.0"),
            ("GitHub.com", "17"),
            ("gitlab.com", "17"),
        ] {
            assert!(!account.is(platform, id), "{platform} {id}");
        }
    }
}
