//! `k8s://NAMESPACE/NAME`: a Secret with `cosign.key`, `cosign.pub` and `cosign.password`.

/// A Secret of Kubernetes that holds a key pair, as `cosign generate-key-pair k8s://…` makes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KubernetesSecret {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

impl KubernetesSecret {
    pub(super) fn read(rest: &str) -> Option<Self> {
        let (namespace, name) = rest.split_once('/')?;
        let is_name = |text: &str| {
            let letters =
                |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'.');
            !text.is_empty()
                && text.len() <= 253
                && text.bytes().all(letters)
                && !text.starts_with(['-', '.'])
        };
        (is_name(namespace) && is_name(name)).then(|| Self {
            namespace: namespace.to_owned(),
            name: name.to_owned(),
        })
    }
}
