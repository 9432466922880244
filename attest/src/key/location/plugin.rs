//! `NAME://ID` of a key service that is a program: `sigstore-kms-NAME`.

/// A key that a program has, by cosign's protocol for key services.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PluginKey {
    /// The name before `://`.
    pub service: String,
    /// What stands behind it; the program knows what it means.
    pub id: String,
}

impl PluginKey {
    /// The program's name.
    pub fn program(&self) -> String {
        format!("sigstore-kms-{}", self.service)
    }

    pub(super) fn read(service: &str, id: &str) -> Option<Self> {
        let letters = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        let sound = service.starts_with(|first: char| first.is_ascii_lowercase())
            && service.bytes().all(letters)
            // No key lies behind these, and somebody will try.
            && !["http", "https", "oci"].contains(&service)
            && !id.is_empty();
        sound.then(|| Self {
            service: service.to_owned(),
            id: id.to_owned(),
        })
    }
}
