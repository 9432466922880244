//! The next page of a list.
//!
//! RFC 8288 as far as the OCI distribution specification v1.1.1 uses it,
//! <https://www.rfc-editor.org/rfc/rfc8288>. Deviation: a link to another origin or another path
//! is refused, because it would send this repository's token there.

use http::{HeaderMap, header};
use url::Url;

/// Where the next page is: `None` if this was the last.
pub(crate) fn next(headers: &HeaderMap, page: &Url) -> Result<Option<Url>, LinkError> {
    for value in headers.get_all(header::LINK) {
        let text = value.to_str().map_err(|_| LinkError::Syntax)?;
        let Some(target) = target(text)? else {
            continue;
        };
        let url = page.join(target).map_err(|_| LinkError::Syntax)?;
        if url.origin() != page.origin() || url.path() != page.path() {
            return Err(LinkError::Elsewhere);
        }
        return Ok(Some(url));
    }
    Ok(None)
}

/// Why a `Link` header cannot be followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum LinkError {
    /// It is not what RFC 8288 says.
    #[error("its Link header is not understood")]
    Syntax,
    /// It leads to something else than this list.
    #[error("its Link header leads to another host or path")]
    Elsewhere,
}

/// The target of the first link whose relation is `next`.
fn target(text: &str) -> Result<Option<&str>, LinkError> {
    let mut rest = text.trim();
    while !rest.is_empty() {
        let inside = rest.strip_prefix('<').ok_or(LinkError::Syntax)?;
        let (target, after) = inside.split_once('>').ok_or(LinkError::Syntax)?;
        let end = end_of_link(after);
        let parameters = after.get(..end).ok_or(LinkError::Syntax)?;
        if parameters.split(';').any(is_next) {
            return Ok(Some(target));
        }
        rest = after
            .get(end..)
            .unwrap_or_default()
            .trim_start_matches([',', ' ', '\t']);
    }
    Ok(None)
}

/// A comma ends a link unless it is quoted.
fn end_of_link(text: &str) -> usize {
    let mut quoted = false;
    for (at, character) in text.char_indices() {
        match character {
            '"' => quoted = !quoted,
            ',' if !quoted => return at,
            _ => {}
        }
    }
    text.len()
}

fn is_next(parameter: &str) -> bool {
    let Some((name, value)) = parameter.split_once('=') else {
        return false;
    };
    name.trim().eq_ignore_ascii_case("rel")
        && value
            .trim()
            .trim_matches('"')
            .split_ascii_whitespace()
            .any(|relation| relation.eq_ignore_ascii_case("next"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;
    use proptest::prelude::*;

    const PAGE: &str = "https://r.example.test/v2/a/tags/list";

    fn next_of(text: &str) -> Result<Option<String>, LinkError> {
        let mut headers = HeaderMap::new();
        headers.insert(header::LINK, HeaderValue::from_str(text).unwrap());
        next(&headers, &PAGE.parse().unwrap()).map(|url| url.map(String::from))
    }

    #[test]
    fn the_next_page_is_found() {
        let expected = Ok(Some(format!("{PAGE}?n=2&last=b")));
        for text in [
            r#"</v2/a/tags/list?n=2&last=b>; rel="next""#,
            "</v2/a/tags/list?n=2&last=b>;rel=next",
            r#"<?n=2&last=b>; title="a, <b>"; REL="prefetch next""#,
            r#"</first>; rel="first", </v2/a/tags/list?n=2&last=b>; rel="next""#,
            r#"<https://r.example.test/v2/a/tags/list?n=2&last=b>; rel="next""#,
        ] {
            assert_eq!(next_of(text), expected, "{text}");
        }
        assert_eq!(next_of(r#"</first>; rel="first""#), Ok(None));
    }

    #[test]
    fn other_hosts_and_paths_are_refused() {
        for text in [
            r#"<https://evil.example.test/v2/a/tags/list>; rel="next""#,
            r#"<http://r.example.test/v2/a/tags/list>; rel="next""#,
            r#"<//evil.example.test/v2/a/tags/list>; rel="next""#,
            r#"</v2/b/tags/list>; rel="next""#,
            r#"<../../b/tags/list>; rel="next""#,
        ] {
            assert_eq!(next_of(text), Err(LinkError::Elsewhere), "{text}");
        }
        assert_eq!(next_of("no link"), Err(LinkError::Syntax));
        assert_eq!(next_of("</open"), Err(LinkError::Syntax));
    }

    proptest! {
        #[test]
        fn no_link_leaves_the_list(text in "[ -~]{0,80}", target in "[ -=?-~]{0,60}") {
            for text in [text, format!("<{target}>; rel=\"next\"")] {
                if let Ok(Some(url)) = next_of(&text) {
                    prop_assert!(url.starts_with(PAGE), "{url}");
                }
            }
        }
    }
}
