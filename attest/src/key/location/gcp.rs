//! `gcpkms://projects/P/locations/L/keyRings/R/cryptoKeys/K[/cryptoKeyVersions/N]`.

/// A key of Google Cloud KMS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GcpKey {
    /// The key's resource name, without a version.
    pub name: String,
    /// The version; without one the newest that is enabled is used.
    pub version: Option<u64>,
}

impl GcpKey {
    pub(super) fn read(rest: &str) -> Option<Self> {
        const NAMES: [&str; 4] = ["projects", "locations", "keyRings", "cryptoKeys"];
        let parts: Vec<&str> = rest.split('/').collect();
        let (name, version) = parts.split_at_checked(8)?;
        let named = name
            .chunks_exact(2)
            .zip(NAMES)
            .all(|(pair, expected)| pair[0] == expected && is_segment(pair[1]));
        let version = match version {
            [] => None,
            ["cryptoKeyVersions" | "versions", number] => Some(number.parse().ok()?),
            _ => return None,
        };
        named.then(|| Self {
            name: name.join("/"),
            version,
        })
    }
}

/// Project ids may hold a domain: `example.com:project`.
fn is_segment(text: &str) -> bool {
    let letters = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b':');
    !text.is_empty() && !text.starts_with('.') && text.bytes().all(letters)
}
