//! `azurekms://VAULT-HOST/KEY[/VERSION]`.

/// A key of Azure Key Vault or Managed HSM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AzureKey {
    /// The vault's host, for example `acme.vault.azure.net`.
    pub host: String,
    /// The key's name.
    pub name: String,
    /// The version; without one the current is used.
    pub version: Option<String>,
}

impl AzureKey {
    pub(super) fn read(rest: &str) -> Option<Self> {
        let mut parts = rest.split('/');
        let (host, name, version) = (parts.next()?, parts.next()?, parts.next());
        let letters = |extra: &'static [u8]| {
            move |b: u8| b.is_ascii_alphanumeric() || b == b'-' || extra.contains(&b)
        };
        let sound = !host.is_empty()
            && host.bytes().all(letters(b".:"))
            && !name.is_empty()
            && name.bytes().all(letters(b""))
            && version.is_none_or(|text| text.bytes().all(|b| b.is_ascii_alphanumeric()))
            && parts.next().is_none();
        sound.then(|| Self {
            host: host.to_owned(),
            name: name.to_owned(),
            version: version.filter(|text| !text.is_empty()).map(str::to_owned),
        })
    }
}
