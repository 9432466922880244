//! Where a key is: what stands after `--key`, spelled as cosign spells it.
//!
//! A text without a scheme is a file. Reading files, variables and Secrets is the caller's work;
//! [`crate::AnySigner::open`] opens what signs by itself.

mod aws;
mod azure;
mod gcp;
mod kubernetes;
mod pkcs11;
mod plugin;
mod vault;

use std::path::PathBuf;
use std::str::FromStr;

pub use aws::AwsKey;
pub(crate) use aws::is_region;
pub use azure::AzureKey;
pub use gcp::GcpKey;
pub use kubernetes::KubernetesSecret;
pub use pkcs11::Pkcs11Key;
pub use plugin::PluginKey;
pub use vault::VaultKey;

/// Where a key is.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeyLocation {
    /// In AWS KMS.
    Aws(AwsKey),
    /// In Azure Key Vault.
    Azure(AzureKey),
    /// The PEM text itself is the value of this environment variable.
    Environment {
        /// Name of the variable.
        name: String,
    },
    /// A PEM file.
    File(PathBuf),
    /// In Google Cloud KMS.
    Gcp(GcpKey),
    /// In a Secret of Kubernetes.
    Kubernetes(KubernetesSecret),
    /// On a PKCS#11 token.
    Pkcs11(Pkcs11Key),
    /// Where a program knows.
    Plugin(PluginKey),
    /// In the transit engine of Vault or OpenBao.
    Vault(VaultKey),
}

/// A scheme of key locations.
#[derive(Clone, Copy, Debug)]
pub struct Scheme {
    /// What the text begins with.
    pub prefix: &'static str,
    /// What it names, for help texts.
    pub about: &'static str,
    /// What follows the prefix, for people.
    pub form: &'static str,
    read: fn(&str) -> Option<KeyLocation>,
}

/// Every scheme, one row each, sorted by prefix. Any other `NAME://…` is a program's.
pub const SCHEMES: &[Scheme] = &[
    Scheme {
        prefix: "awskms://",
        about: "a key of AWS KMS",
        form: "[HOST]/ID, where ID is a key's id, alias/NAME or an ARN",
        read: |rest| AwsKey::read(rest).map(KeyLocation::Aws),
    },
    Scheme {
        prefix: "azurekms://",
        about: "a key of Azure Key Vault or Managed HSM",
        form: "HOST/KEY[/VERSION]",
        read: |rest| AzureKey::read(rest).map(KeyLocation::Azure),
    },
    Scheme {
        prefix: "env://",
        about: "an environment variable that holds the PEM text",
        form: "NAME",
        read: environment,
    },
    Scheme {
        prefix: "file://",
        about: "a PEM file",
        form: "FILE",
        read: file,
    },
    Scheme {
        prefix: "gcpkms://",
        about: "a key of Google Cloud KMS",
        form: "projects/P/locations/L/keyRings/R/cryptoKeys/K[/cryptoKeyVersions/N]",
        read: |rest| GcpKey::read(rest).map(KeyLocation::Gcp),
    },
    Scheme {
        prefix: "hashivault://",
        about: "a key of HashiCorp Vault's transit engine",
        form: "KEY",
        read: |rest| VaultKey::read(rest).map(KeyLocation::Vault),
    },
    Scheme {
        prefix: "k8s://",
        about: "a Secret of Kubernetes with cosign.key, cosign.pub and cosign.password",
        form: "NAMESPACE/NAME",
        read: |rest| KubernetesSecret::read(rest).map(KeyLocation::Kubernetes),
    },
    Scheme {
        prefix: "openbao://",
        about: "a key of OpenBao's transit engine",
        form: "KEY",
        read: |rest| VaultKey::read(rest).map(KeyLocation::Vault),
    },
    Scheme {
        prefix: "pkcs11:",
        about: "a key on a PKCS#11 token, RFC 7512",
        form: "token=T;object=O (or slot-id=N, id=%01), then ?module-path=FILE if need be",
        read: |rest| Pkcs11Key::read(rest).map(KeyLocation::Pkcs11),
    },
];

impl KeyLocation {
    /// A location's text as it may be shown: with the value of `pin-value` cut out, whether the
    /// text names a key or not.
    pub fn without_pin(text: &str) -> String {
        const PIN: &str = "pin-value=";
        let mut shown = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once(PIN) {
            shown.push_str(before);
            shown.push_str(PIN);
            shown.push('…');
            rest = after.find(['&', ';']).map_or("", |end| &after[end..]);
        }
        shown + rest
    }
}

impl FromStr for KeyLocation {
    type Err = KeyLocationError;

    fn from_str(text: &str) -> Result<Self, KeyLocationError> {
        if let Some((row, rest)) = SCHEMES
            .iter()
            .find_map(|row| text.strip_prefix(row.prefix).map(|rest| (row, rest)))
        {
            return (row.read)(rest).ok_or(KeyLocationError::Rest {
                scheme: row.prefix,
                form: row.form,
            });
        }
        if let Some((scheme, _)) = text.split_once("://")
            && NOT_BUILT.contains(&scheme)
        {
            return Err(KeyLocationError::NotBuilt {
                scheme: scheme.to_owned(),
            });
        }
        if let Some((service, id)) = text.split_once("://")
            && let Some(key) = PluginKey::read(service, id)
        {
            return Ok(Self::Plugin(key));
        }
        match text.split_once(':') {
            // One letter before the colon is a Windows drive.
            Some((scheme, _)) if is_scheme(scheme) => Err(KeyLocationError::Scheme {
                found: scheme.chars().take(32).collect(),
            }),
            _ => file(text).ok_or(KeyLocationError::Rest {
                scheme: "file://",
                form: "FILE",
            }),
        }
    }
}

/// Schemes of cosign's that are no program's either.
const NOT_BUILT: [&str; 2] = ["github", "gitlab"];

fn is_scheme(text: &str) -> bool {
    text.len() > 1
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-'))
}

fn environment(rest: &str) -> Option<KeyLocation> {
    let mut bytes = rest.bytes();
    let first = bytes.next()?;
    let name = (first.is_ascii_alphabetic() || first == b'_')
        && bytes.all(|b| b.is_ascii_alphanumeric() || b == b'_');
    name.then(|| KeyLocation::Environment {
        name: rest.to_owned(),
    })
}

fn file(rest: &str) -> Option<KeyLocation> {
    (!rest.is_empty()).then(|| KeyLocation::File(PathBuf::from(rest)))
}

/// Why a text names no key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyLocationError {
    /// The scheme is unknown.
    #[error(
        "unknown key scheme `{}:`, expected a file name or a scheme such as `env://NAME` or `awskms:///alias/NAME` (write `./` before a file name with a colon)",
        found.escape_debug()
    )]
    Scheme {
        /// The scheme found, cut short.
        found: String,
    },
    /// What follows the scheme is nothing it can name.
    #[error("nothing usable after `{scheme}`, expected {scheme}{form}")]
    Rest {
        /// The scheme.
        scheme: &'static str,
        /// What has to follow it.
        form: &'static str,
    },
    /// A place where cosign stores keys, and from which nobody can read them back.
    #[error(
        "keys at `{scheme}://` are not built in: cosign only writes them there, as variables of jobs; take `env://COSIGN_PRIVATE_KEY` in the job"
    )]
    NotBuilt {
        /// The scheme.
        scheme: String,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_and_variables_are_told_apart() {
        let read = |text: &str| text.parse::<KeyLocation>().unwrap();
        assert_eq!(read("bulla.key"), KeyLocation::File("bulla.key".into()));
        assert_eq!(read("./a:b.key"), KeyLocation::File("./a:b.key".into()));
        assert_eq!(read("file:///k"), KeyLocation::File("/k".into()));
        assert_eq!(read(r"C:\k.key"), KeyLocation::File(r"C:\k.key".into()));
        assert_eq!(
            read("env://BULLA_KEY"),
            KeyLocation::Environment {
                name: "BULLA_KEY".into()
            }
        );
    }

    #[test]
    fn unknown_schemes_and_empty_names_are_refused() {
        let refused = |text: &str| text.parse::<KeyLocation>().unwrap_err().to_string();
        assert!(refused("awskms:alias/build").starts_with("unknown key scheme `awskms:`"));
        assert!(refused("https://example.test/k").starts_with("unknown key scheme `https:`"));
        for text in ["", "env://", "env://A=B", "env://1A", "file://"] {
            assert!(refused(text).starts_with("nothing usable"), "{text}");
        }
    }

    #[test]
    fn the_references_of_cosign_are_read() {
        let read = |text: &str| text.parse::<KeyLocation>().unwrap();
        let id = "1234abcd-12ab-34cd-56ef-1234567890ab";
        let arn = format!("arn:aws:kms:us-east-2:111122223333:key/{id}");
        let alias = "arn:aws-cn:kms:cn-north-1:111122223333:alias/a/b";
        for (endpoint, key) in [
            (None, id),
            (None, "mrk-1234abcd12ab34cd56ef1234567890ab"),
            (Some("localhost:4566"), arn.as_str()),
            (None, "alias/ExampleAlias"),
            (Some("kms.example.test"), alias),
        ] {
            let text = format!("awskms://{}/{key}", endpoint.unwrap_or_default());
            let expected = AwsKey {
                endpoint: endpoint.map(str::to_owned),
                id: key.to_owned(),
            };
            assert_eq!(read(&text), KeyLocation::Aws(expected), "{text}");
        }
        let KeyLocation::Aws(key) = read(&format!("awskms:///{arn}")) else {
            panic!("a key of AWS");
        };
        assert_eq!(key.region(), Some("us-east-2"));

        let name = "projects/acme/locations/global/keyRings/r/cryptoKeys/k";
        for (ending, version) in [
            ("", None),
            ("/cryptoKeyVersions/3", Some(3)),
            ("/versions/12", Some(12)),
        ] {
            let expected = GcpKey {
                name: name.to_owned(),
                version,
            };
            let text = format!("gcpkms://{name}{ending}");
            assert_eq!(read(&text), KeyLocation::Gcp(expected));
        }
        let azure = |version: Option<&str>| {
            KeyLocation::Azure(AzureKey {
                host: "acme.vault.azure.net".into(),
                name: "build".into(),
                version: version.map(str::to_owned),
            })
        };
        assert_eq!(read("azurekms://acme.vault.azure.net/build"), azure(None));
        assert_eq!(
            read("azurekms://acme.vault.azure.net/build/0123abc"),
            azure(Some("0123abc"))
        );
        for scheme in ["hashivault", "openbao"] {
            let expected = VaultKey {
                name: "build-key.v2".into(),
            };
            assert_eq!(
                read(&format!("{scheme}://build-key.v2")),
                KeyLocation::Vault(expected)
            );
        }
        assert_eq!(
            read("k8s://release/signing"),
            KeyLocation::Kubernetes(KubernetesSecret {
                namespace: "release".into(),
                name: "signing".into()
            })
        );
        let KeyLocation::Plugin(plugin) = read("my-hsm://slot/7") else {
            panic!("a program's key");
        };
        assert_eq!(
            (plugin.program().as_str(), plugin.id.as_str()),
            ("sigstore-kms-my-hsm", "slot/7")
        );
    }

    #[test]
    fn a_key_on_a_token_is_named_by_rfc_7512() {
        let text = "pkcs11:token=build%20token;slot-id=7;id=%01%ff;object=release?module-path=/usr/lib/m.so&pin-value=12%3b34";
        let KeyLocation::Pkcs11(key) = text.parse().unwrap() else {
            panic!("a key on a token");
        };
        assert_eq!(key.token.as_deref(), Some("build token"));
        assert_eq!(key.slot, Some(7));
        assert_eq!(key.id.as_deref(), Some([1, 0xff].as_slice()));
        assert_eq!(key.object.as_deref(), Some("release"));
        assert_eq!(key.module, Some("/usr/lib/m.so".into()));
        assert_eq!(key.pin.as_ref().map(|pin| pin.as_str()), Some("12;34"));
        assert!(
            !format!("{key:?}").contains("12;34"),
            "the PIN is not shown"
        );
        assert_eq!(
            KeyLocation::without_pin(&format!("{text}&x=1&pin-value=9")),
            text.replace("12%3b34", "…") + "&x=1&pin-value=…"
        );
        let from_file = "pkcs11:token=t;object=o?pin-source=file:/run/pin";
        let KeyLocation::Pkcs11(key) = from_file.parse().unwrap() else {
            panic!("a key on a token");
        };
        assert_eq!(key.pin_source, Some("/run/pin".into()));
    }

    #[test]
    fn references_that_name_no_key_are_refused() {
        for text in [
            "awskms://alias/no-slash-before",
            "awskms:///alias/",
            "awskms:///not-an-id",
            "awskms:///arn:aws:kms:us-east-2:1:key/x",
            "awskms:///arn:aws:kms:evil.example.test/:111122223333:alias/x",
            "awskms:///arn:aws:kms:x@evil:111122223333:alias/x",
            "awskms:///arn:aws:kms:us-east-2:1111:alias/x",
            "awskms:///arn:evil:kms:us-east-2:111122223333:alias/x",
            "awskms:///arn:aws:s3:us-east-2:111122223333:alias/x",
            "awskms:///arn:aws:kms::111122223333:alias/x",
            "awskms://user@host/alias/x",
            "gcpkms://projects/p/locations/l/keyRings/r",
            "gcpkms://projects/p/locations/l/keyRings/r/cryptoKeys/../x",
            "gcpkms://projects/p/locations/l/keyRings/r/cryptoKeys/k/versions/latest",
            "azurekms://acme.vault.azure.net",
            "azurekms://acme.vault.azure.net/k/v/more",
            "azurekms://acme@evil/k",
            "hashivault://a/b",
            "hashivault://-a",
            "openbao://",
            "k8s://only-a-namespace",
            "k8s://NS/name",
            "k8s://ns/../other",
            "pkcs11:object=o",
            "pkcs11:token=t",
            "pkcs11:token=t;object=o;serial=1",
            "pkcs11:token=t;token=u;object=o",
            "pkcs11:token=t;object=o?module-name=x",
            "pkcs11:token=t;id=%0",
        ] {
            let error = text.parse::<KeyLocation>().unwrap_err();
            assert!(
                matches!(error, KeyLocationError::Rest { .. }),
                "{text}: {error}"
            );
        }
    }

    #[test]
    fn the_schemes_are_sorted() {
        assert!(SCHEMES.is_sorted_by_key(|row| row.prefix));
    }
}
