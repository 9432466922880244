//! ID tokens, OpenID Connect Core 1.0 section 2, read without checking their signature.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use serde::Deserialize;
use zeroize::Zeroizing;

use super::OidcError;
use crate::http;

/// Bytes of the largest token that is read.
pub const TOKEN_BYTES: usize = 64 << 10;

/// An identity token. It is a secret: whoever has it signs in its name.
pub struct IdentityToken {
    raw: Zeroizing<String>,
    claims: Claims,
}

impl std::fmt::Debug for IdentityToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("IdentityToken")
            .field("issuer", &self.claims.iss)
            .finish_non_exhaustive()
    }
}

#[derive(Deserialize)]
struct Claims {
    iss: String,
    sub: String,
    #[serde(default)]
    aud: Audience,
    exp: serde_json::Number,
    #[serde(default)]
    email: Option<String>,
    #[serde(default)]
    email_verified: Option<Verified>,
}

#[derive(Default, Deserialize)]
#[serde(untagged)]
enum Audience {
    #[default]
    None,
    One(String),
    Several(Vec<String>),
}

/// Some providers write the flag as a word.
#[derive(Deserialize)]
#[serde(untagged)]
enum Verified {
    Flag(bool),
    Word(String),
}

impl IdentityToken {
    /// Reads a token in compact form; white space around it is dropped.
    pub fn parse(text: &str) -> Result<Self, OidcError> {
        let malformed = |reason| OidcError::Malformed { reason };
        let text = text.trim();
        if text.len() > TOKEN_BYTES {
            return Err(malformed("it is too long"));
        }
        let mut parts = text.split('.');
        let (Some(_), Some(payload), Some(_), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(malformed("expected three parts separated by dots"));
        };
        let payload = Zeroizing::new(
            URL_SAFE_NO_PAD
                .decode(payload.trim_end_matches('='))
                .map_err(|_| malformed("its second part is not base64url"))?,
        );
        let claims =
            http::json(&payload).map_err(|_| malformed("it lacks `iss`, `sub` or `exp`"))?;
        Ok(Self {
            raw: Zeroizing::new(text.to_owned()),
            claims,
        })
    }

    /// Refuses what the certificate authority would refuse, where that can be seen from here.
    pub fn check(&self, audience: &str, now: Timestamp) -> Result<(), OidcError> {
        let found = match &self.claims.aud {
            Audience::None => Vec::new(),
            Audience::One(one) => vec![one.as_str()],
            Audience::Several(several) => several.iter().map(String::as_str).collect(),
        };
        if !found.contains(&audience) {
            return Err(OidcError::Audience {
                expected: audience.to_owned(),
                found: cut(&found.join(" ")),
            });
        }
        let at = self.expires_at()?;
        if at <= now {
            return Err(OidcError::Expired { at });
        }
        if let Some(email) = &self.claims.email {
            let refused = match &self.claims.email_verified {
                Some(Verified::Flag(flag)) => !flag,
                Some(Verified::Word(word)) => word != "true",
                // Left to the authority, which knows which providers verify all addresses.
                None => false,
            };
            if refused {
                return Err(OidcError::Unverified { email: cut(email) });
            }
        }
        Ok(())
    }

    /// When it ends.
    pub fn expires_at(&self) -> Result<Timestamp, OidcError> {
        // Providers may write fractions of a second.
        let seconds = self.claims.exp.as_i64().or_else(|| {
            #[expect(clippy::cast_possible_truncation, reason = "whole seconds are enough")]
            self.claims.exp.as_f64().map(|seconds| seconds as i64)
        });
        seconds
            .and_then(|seconds| Timestamp::from_second(seconds).ok())
            .ok_or(OidcError::Malformed {
                reason: "`exp` is no time",
            })
    }

    /// Who issued it; not verified.
    pub fn issuer(&self) -> &str {
        &self.claims.iss
    }

    /// Whom it is about: the e-mail address, or the subject; not verified. Fulcio has the holder
    /// sign it as proof that the key is theirs.
    pub fn identity(&self) -> &str {
        self.claims.email.as_deref().unwrap_or(&self.claims.sub)
    }

    /// Whether a certificate for this subject can be meant for whom the token is about. Where a
    /// token names an e-mail address, authorities write that or the subject; for jobs and machines
    /// they make up names of their own, so that any will do.
    pub fn may_become(&self, subject: &str) -> bool {
        match &self.claims.email {
            Some(email) => subject == email || subject == self.claims.sub,
            None => true,
        }
    }

    /// The token itself.
    pub(crate) fn secret(&self) -> &str {
        &self.raw
    }
}

fn cut(text: &str) -> String {
    text.chars().take(200).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(claims: &str) -> String {
        format!("e30.{}.c2ln", URL_SAFE_NO_PAD.encode(claims))
    }

    fn check(claims: &str) -> Result<(), OidcError> {
        let now = Timestamp::from_second(1_800_000_000).unwrap();
        IdentityToken::parse(&token(claims))?.check("sigstore", now)
    }

    #[test]
    fn what_the_authority_would_refuse_is_said_before() {
        let with = |rest: &str| check(&format!(r#"{{"iss":"https://i","sub":"s"{rest}}}"#));
        with(r#","aud":"sigstore","exp":1800000001"#).unwrap();
        with(r#","aud":["a","sigstore"],"exp":1800000001.5"#).unwrap();
        with(r#","aud":"sigstore","exp":1800000001,"email":"a@b","email_verified":"true""#)
            .unwrap();
        assert!(matches!(
            with(r#","aud":"other","exp":1800000001"#),
            Err(OidcError::Audience { found, .. }) if found == "other"
        ));
        assert!(matches!(
            with(r#","exp":1800000001"#),
            Err(OidcError::Audience { .. })
        ));
        assert!(matches!(
            with(r#","aud":"sigstore","exp":1800000000"#),
            Err(OidcError::Expired { .. })
        ));
        assert!(matches!(
            with(r#","aud":"sigstore","exp":1800000001,"email":"a@b","email_verified":false"#),
            Err(OidcError::Unverified { .. })
        ));
        assert!(matches!(with(""), Err(OidcError::Malformed { .. })));
    }

    #[test]
    fn a_person_does_not_become_somebody_else() {
        let parse = |claims: &str| IdentityToken::parse(&token(claims)).unwrap();
        let person = parse(r#"{"iss":"https://i","sub":"CgI","exp":1,"email":"a@b.test"}"#);
        assert!(person.may_become("a@b.test") && person.may_become("CgI"));
        assert!(!person.may_become("c@b.test") && !person.may_become(""));
        let job = parse(r#"{"iss":"https://i","sub":"repo:o/r","exp":1}"#);
        assert!(job.may_become("https://github.com/o/r/.github/workflows/x.yml@refs/heads/main"));
    }

    #[test]
    fn tokens_are_not_shown() {
        let text = token(r#"{"iss":"https://i","sub":"s","exp":1}"#);
        let token = IdentityToken::parse(&text).unwrap();
        assert!(!format!("{token:?}").contains("c2ln"));
        assert!(IdentityToken::parse("a.b").is_err());
        assert!(IdentityToken::parse(&"a".repeat(TOKEN_BYTES + 1)).is_err());
    }
}
