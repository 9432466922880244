//! What a registry asks for when it answers 401.
//!
//! `WWW-Authenticate` of RFC 9110, section 11.6.1, <https://www.rfc-editor.org/rfc/rfc9110>, with
//! the parameters of token authentication.

use http::{HeaderMap, header};

/// How to prove who one is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Challenge {
    /// User name and password with every request.
    Basic,
    /// A token from `realm` for `service`.
    Bearer {
        realm: String,
        service: Option<String>,
    },
}

/// The strongest challenge understood: a token before a password.
pub(crate) fn challenge(headers: &HeaderMap) -> Option<Challenge> {
    let mut basic = None;
    for value in headers.get_all(header::WWW_AUTHENTICATE) {
        let Ok(text) = value.to_str() else { continue };
        for (scheme, parameters) in challenges(text) {
            if scheme.eq_ignore_ascii_case("basic") {
                basic = Some(Challenge::Basic);
            }
            let parameter = |name: &str| {
                let found = parameters
                    .iter()
                    .find(|(n, _)| n.eq_ignore_ascii_case(name));
                found.map(|(_, value)| value.clone())
            };
            if scheme.eq_ignore_ascii_case("bearer")
                && let Some(realm) = parameter("realm")
            {
                let service = parameter("service");
                return Some(Challenge::Bearer { realm, service });
            }
        }
    }
    basic
}

type Parameters = Vec<(String, String)>;

/// Splits a header into schemes with their parameters. What is not understood is left out.
fn challenges(text: &str) -> Vec<(&str, Parameters)> {
    let mut found: Vec<(&str, Parameters)> = Vec::new();
    let mut rest = text;
    loop {
        rest = rest.trim_start_matches([' ', '\t', ',']);
        let (word, after) = token(rest);
        if word.is_empty() {
            return found;
        }
        let spaced = after.trim_start_matches([' ', '\t']);
        let Some(value) = spaced.strip_prefix('=') else {
            found.push((word, Vec::new()));
            rest = after;
            continue;
        };
        let Some((value, after)) = parameter_value(value.trim_start_matches([' ', '\t'])) else {
            return found;
        };
        if let Some((_, parameters)) = found.last_mut() {
            parameters.push((word.to_owned(), value));
        }
        rest = after;
    }
}

fn token(text: &str) -> (&str, &str) {
    let end = text
        .find(|c: char| !(c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c)))
        .unwrap_or(text.len());
    text.split_at(end)
}

fn parameter_value(text: &str) -> Option<(String, &str)> {
    let Some(quoted) = text.strip_prefix('"') else {
        let (word, rest) = token(text);
        return (!word.is_empty()).then(|| (word.to_owned(), rest));
    };
    let mut value = String::new();
    let mut characters = quoted.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return Some((value, quoted.get(at.saturating_add(1)..)?)),
            '\\' => value.push(characters.next()?.1),
            other => value.push(other),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;
    use proptest::prelude::*;

    fn of(text: &str) -> Option<Challenge> {
        let mut headers = HeaderMap::new();
        headers.insert(
            header::WWW_AUTHENTICATE,
            HeaderValue::from_str(text).unwrap(),
        );
        challenge(&headers)
    }

    #[test]
    fn realm_and_service_are_read() {
        let expected = Some(Challenge::Bearer {
            realm: "https://auth.example.test/token".to_owned(),
            service: Some("r, \"x\"".to_owned()),
        });
        for text in [
            r#"Bearer realm="https://auth.example.test/token",service="r, \"x\"",scope="a:b:pull""#,
            r#"Basic realm="r", bearer Realm = "https://auth.example.test/token" , service="r, \"x\"""#,
        ] {
            assert_eq!(of(text), expected, "{text}");
        }
        assert_eq!(
            of(r#"Basic realm="Bearer realm=x""#),
            Some(Challenge::Basic)
        );
        for text in ["", "Negotiate", "Bearer", r#"Bearer realm="open"#] {
            assert_eq!(of(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_header_is_survived(text in "[ -~]{0,200}") {
            drop(of(&text));
        }

        #[test]
        fn a_quoted_realm_comes_back(realm in "[ -~]{1,60}") {
            let quoted = realm.replace('\\', "\\\\").replace('"', "\\\"");
            let read = of(&format!("Bearer realm=\"{quoted}\""));
            prop_assert_eq!(read, Some(Challenge::Bearer { realm, service: None }));
        }
    }
}
