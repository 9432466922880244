//! What errors may repeat: texts without the secrets of the request, addresses by their host.

use url::{Position, Url};
use zeroize::Zeroizing;

/// Characters of the shortest secret that is looked for: shorter ones would cut ordinary words.
const SHORTEST: usize = 6;

/// The secrets of one request, in every spelling a service may repeat them in.
#[derive(Clone, Default)]
pub(crate) struct Secrets(Vec<Zeroizing<String>>);

impl Secrets {
    /// Remembers a secret.
    pub(crate) fn add(&mut self, secret: &str) {
        self.spell(secret);
        // Services like to repeat a part of a token they could not read.
        let parts: Vec<&str> = secret.split('.').collect();
        if let [header, claims, signature] = parts[..] {
            for part in [header, claims, signature] {
                self.spell(part);
            }
        }
    }

    /// A text with every secret replaced.
    pub(crate) fn redact(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, secret| {
            text.replace(secret.as_str(), "…")
        })
    }

    fn spell(&mut self, secret: &str) {
        let form: String = url::form_urlencoded::byte_serialize(secret.as_bytes()).collect();
        let json = serde_json::Value::from(secret).to_string();
        let spellings = [
            secret.to_owned(),
            // In a form, as forms are written and as they are often shown.
            form.replace('+', "%20"),
            lower_escapes(&form),
            form,
            // Within JSON, and within the escapes of a log.
            json.trim_matches('"').to_owned(),
            secret.escape_debug().to_string(),
        ];
        for spelling in spellings {
            let known = self.0.iter().any(|other| **other == spelling);
            if spelling.len() >= SHORTEST && !known {
                self.0.push(Zeroizing::new(spelling));
            }
        }
        // A secret may be a part of another's spelling.
        self.0
            .sort_by_key(|spelling| std::cmp::Reverse(spelling.len()));
    }
}

/// A form's escapes with small letters.
fn lower_escapes(form: &str) -> String {
    let mut parts = form.split('%');
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (digits, rest) = part.split_at_checked(2).unwrap_or((part, ""));
        text.push('%');
        text.push_str(&digits.to_ascii_lowercase());
        text.push_str(rest);
    }
    text
}

/// How an address may be shown that was refused: its scheme and host, never a user, a password, a
/// path or a query. What is no address is shown only if it can hold no password.
pub(crate) fn address(text: &str) -> String {
    let cut = |text: &str| text.chars().take(200).collect();
    match Url::parse(text) {
        Ok(url) if url.has_host() => {
            let scheme = &url[..Position::AfterScheme];
            let host = &url[Position::BeforeHost..Position::BeforePath];
            format!("{scheme}://{host}")
        }
        _ if text.contains('@') => "…".to_owned(),
        _ => cut(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_found_in_every_spelling() {
        let mut secrets = Secrets::default();
        secrets.add("p~a s\"s/w+ord");
        for text in [
            "p~a s\"s/w+ord",
            "p%7Ea+s%22s%2Fw%2Bord",
            "p%7Ea%20s%22s%2Fw%2Bord",
            "p%7ea+s%22s%2fw%2bord",
            "p~a s\\\"s/w+ord",
        ] {
            assert_eq!(secrets.redact(&format!("<{text}>")), "<…>", "{text}");
        }
        let mut secrets = Secrets::default();
        secrets.add("eyJhbGciOiJub25lIn0.eyJpc3MiOiJpIn0.c2lnbmF0dXJl");
        let text =
            "cannot read eyJpc3MiOiJpIn0 of eyJhbGciOiJub25lIn0.eyJpc3MiOiJpIn0.c2lnbmF0dXJl";
        assert_eq!(secrets.redact(text), "cannot read … of …");
        secrets.add("short");
        assert_eq!(secrets.redact("a short text"), "a short text");
    }

    #[test]
    fn an_address_is_shown_by_its_host() {
        for (text, shown) in [
            (
                "https://user:hunter2@a.test:8/secret?t=1",
                "https://a.test:8",
            ),
            ("ftp://user:hunter2@a.test/", "ftp://a.test"),
            ("user:hunter2@a.test", "…"),
            ("rekor.example.test", "rekor.example.test"),
        ] {
            assert_eq!(address(text), shown);
        }
    }
}
