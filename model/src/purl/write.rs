//! The canonical text of checked components.

use super::percent::{Slash, encode};
use super::{PurlParts, kind};

pub(super) fn canonical(parts: &PurlParts) -> String {
    let mut out = format!("pkg:{}/", parts.kind);
    if let Some(namespace) = &parts.namespace {
        encode(namespace, Slash::Separates, &mut out);
        out.push('/');
    }
    encode(&parts.name, kind::slash_in_name(&parts.kind), &mut out);
    if let Some(version) = &parts.version {
        out.push('@');
        encode(version, Slash::IsEncoded, &mut out);
    }
    for (at, (key, value)) in parts.qualifiers.iter().enumerate() {
        out.push(if at == 0 { '?' } else { '&' });
        out.push_str(key);
        out.push('=');
        encode(value, Slash::IsEncoded, &mut out);
    }
    if let Some(subpath) = &parts.subpath {
        out.push('#');
        encode(subpath, Slash::Separates, &mut out);
    }
    out
}
