//! `hashivault://KEY` and `openbao://KEY`.

/// A key of a transit engine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VaultKey {
    /// The key's name in the engine.
    pub name: String,
}

impl VaultKey {
    pub(super) fn read(rest: &str) -> Option<Self> {
        let word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        let bytes = rest.as_bytes();
        let sound = word(*bytes.first()?)
            && word(*bytes.last()?)
            && bytes.iter().all(|b| word(*b) || matches!(b, b'-' | b'.'));
        sound.then(|| Self {
            name: rest.to_owned(),
        })
    }
}
