//! Taking a package URL apart, from the right as the specification does, and checking components.

use std::collections::BTreeMap;

use super::percent::decode;
use super::{MAX_BYTES, PurlError, PurlParts, kind};

/// Splits and decodes; what types ask for is not looked at.
pub(super) fn parts(text: &str) -> Result<PurlParts, PurlError> {
    if text.len() > MAX_BYTES {
        return Err(PurlError::too_long(text.len()));
    }
    let (rest, subpath) = cut_last(text, '#');
    let (rest, qualifiers) = cut_last(rest, '?');
    let (scheme, rest) = rest
        .split_once(':')
        .ok_or_else(|| PurlError::syntax("the scheme `pkg:` is missing"))?;
    if !scheme.eq_ignore_ascii_case("pkg") {
        return Err(PurlError::syntax("the scheme is not `pkg`"));
    }
    let rest = rest.trim_start_matches('/').trim_end_matches('/');
    let (kind, rest) = rest
        .split_once('/')
        .ok_or_else(|| PurlError::syntax("a type and a name are needed"))?;
    let kind = kind.to_ascii_lowercase();
    let (path, version) = cut_version(rest);
    let (namespace, name) = if kind::first_segment_is_namespace(&kind) {
        path.trim_start_matches('/')
            .split_once('/')
            .unwrap_or(("", path))
    } else {
        path.rsplit_once('/').unwrap_or(("", path))
    };
    Ok(PurlParts {
        namespace: segments(namespace, false)?,
        name: decode(name)?,
        version: version
            .filter(|version| !version.is_empty())
            .map(decode)
            .transpose()?,
        qualifiers: pairs(qualifiers.unwrap_or_default())?,
        subpath: segments(subpath.unwrap_or_default(), true)?,
        kind,
    })
}

impl PurlParts {
    /// Checks what holds for every type, and drops what is empty.
    pub(super) fn tidy(&mut self) -> Result<(), PurlError> {
        self.kind.make_ascii_lowercase();
        let mut letters = self.kind.bytes();
        let starts = letters.next().is_some_and(|byte| byte.is_ascii_lowercase());
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b".-".contains(&byte);
        if !starts || !letters.all(allowed) {
            let reason = "the type begins with a letter and has letters, digits, `.` and `-`";
            return Err(PurlError::syntax(reason));
        }
        if self.name.trim_matches('/').is_empty() {
            return Err(PurlError::syntax("the name is missing"));
        }
        self.namespace = path(self.namespace.take(), false);
        self.subpath = path(self.subpath.take(), true);
        self.version = self.version.take().filter(|version| !version.is_empty());
        let mut qualifiers = BTreeMap::new();
        for (key, value) in std::mem::take(&mut self.qualifiers) {
            add(&mut qualifiers, &key, value)?;
        }
        self.qualifiers = qualifiers;
        Ok(())
    }
}

/// The version begins at the last `@`, unless a `/` comes later: then it is an npm scope.
fn cut_version(rest: &str) -> (&str, Option<&str>) {
    match rest.rsplit_once('@') {
        Some((path, version)) if !version.contains('/') => (path, Some(version)),
        _ => (rest, None),
    }
}

fn cut_last(text: &str, at: char) -> (&str, Option<&str>) {
    match text.rsplit_once(at) {
        Some((before, after)) => (before, Some(after)),
        None => (text, None),
    }
}

/// Decodes a path segment by segment. A `/` that was encoded would change where segments end, so
/// it is refused; `.` and `..` of a subpath lead nowhere and are dropped.
fn segments(text: &str, dots: bool) -> Result<Option<String>, PurlError> {
    let mut out = Vec::new();
    for segment in text.split('/') {
        let segment = decode(segment)?;
        if segment.contains('/') {
            return Err(PurlError::syntax("a segment contains an encoded `/`"));
        }
        out.push(segment);
    }
    Ok(path(Some(out.join("/")), dots))
}

fn path(text: Option<String>, dots: bool) -> Option<String> {
    let text = text?;
    let kept: Vec<&str> = text
        .split('/')
        .filter(|segment| !segment.is_empty())
        .filter(|segment| !dots || ![".", ".."].contains(segment))
        .collect();
    (!kept.is_empty()).then(|| kept.join("/"))
}

fn pairs(text: &str) -> Result<BTreeMap<String, String>, PurlError> {
    let mut out = BTreeMap::new();
    for pair in text.split('&').filter(|pair| !pair.is_empty()) {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        add(&mut out, key, decode(value)?)?;
    }
    Ok(out)
}

fn add(out: &mut BTreeMap<String, String>, key: &str, value: String) -> Result<(), PurlError> {
    let key = key.to_ascii_lowercase();
    let mut letters = key.bytes();
    let starts = letters.next().is_some_and(|byte| byte.is_ascii_lowercase());
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b".-_".contains(&byte);
    if !starts || !letters.all(allowed) {
        let reason = "a qualifier's key begins with a letter and has letters, digits, `.-_`";
        return Err(PurlError::syntax(reason));
    }
    if !value.is_empty() && out.insert(key.clone(), value).is_some() {
        return Err(PurlError::syntax(format!("`{key}` occurs twice")));
    }
    Ok(())
}
