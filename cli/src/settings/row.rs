//! The settings there are: one row each.

use serde::Deserialize;
use serde_saphyr::Spanned;

use super::text::Text;

/// A setting: its name in files, as a flag (`--name`) and as a variable (`BULLA_NAME`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    /// The name, kebab-case.
    pub name: &'static str,
    /// What it decides, for people.
    pub purpose: &'static str,
    /// How its text is understood.
    pub nature: Nature,
    /// Another tool's variable that means the same.
    pub alias: Option<&'static str>,
    /// What holds when nothing sets it, for people.
    pub default: &'static str,
}

/// How a setting's text is understood, and who may set it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nature {
    /// As it is.
    Word,
    /// A path or reference to the key that signs, relative as a path is: in CI a discovered file
    /// may not set it, elsewhere such a file may name nothing but a file.
    Key,
    /// A word that decides with whom somebody logs in, and who is shown the identity token: a
    /// discovered file may never set it.
    Login,
    /// A word that decides who is spoken to: in CI a discovered file may not set it.
    Reach,
    /// A path that decides what is believed: in CI a discovered file may not set it.
    Trust,
    /// A path to what names the services of a log-in: a discovered file may never set it.
    Services,
}

impl Nature {
    /// Whether the text is a path, relative to the file it stands in; `scheme:` references are
    /// left alone.
    pub(super) fn is_path(self) -> bool {
        matches!(self, Self::Key | Self::Trust | Self::Services)
    }
}

impl Row {
    /// The variable that sets it.
    pub fn variable(&self) -> String {
        format!("BULLA_{}", self.name.to_uppercase().replace('-', "_"))
    }
}

macro_rules! rows {
    ($($constant:ident $field:ident $name:literal $nature:ident $alias:expr, $default:literal, $purpose:literal;)*) => {
        $(
            #[doc = $purpose]
            pub const $constant: Row = Row {
                name: $name,
                purpose: $purpose,
                nature: Nature::$nature,
                alias: $alias,
                default: $default,
            };
        )*

        /// All rows, in the order they are shown.
        pub const ROWS: &[Row] = &[$($constant),*];

        /// A `bulla.yaml` as written.
        #[derive(Debug, Default, Deserialize)]
        #[serde(deny_unknown_fields)]
        pub(super) struct Wire {
            $(#[serde(rename = $name, default)] $field: Option<Spanned<Text>>,)*
        }

        impl Wire {
            /// The settings that are there, with their names.
            pub(super) fn into_values(self) -> Vec<(&'static str, Spanned<Text>)> {
                [$(($name, self.$field)),*]
                    .into_iter()
                    .filter_map(|(name, value)| Some((name, value?)))
                    .collect()
            }
        }
    };
}

rows! {
    OUTPUT output "output" Word None, "human", "how results are written: human, json, github or gitlab, and by `verify` sarif, junit or markdown";
    COLOR color "color" Word None, "auto", "when colour is used: auto, always or never";
    QUIET quiet "quiet" Word None, "false", "whether only data and errors are written";
    TIMEOUT timeout "timeout" Word None, "60s", "time for one operation against a registry";
    PLAIN_HTTP plain_http "plain-http" Reach None, "none", "registries spoken to without TLS, separated by commas";
    REPOSITORY repository "repository" Reach Some("COSIGN_REPOSITORY"), "the target's own", "where attestations are kept";
    ATTACHMENT_TAG_PREFIX attachment_tag_prefix "attachment-tag-prefix" Reach None, "none", "what begins the names of cosign's older tags";
    TRUST_CONFIG trust_config "trust-config" Services None, "none", "the client trust configuration of the Sigstore instance to sign and verify with";
    SIGNING_CONFIG signing_config "signing-config" Services Some("COSIGN_SIGNING_CONFIG"), "none", "the signing configuration of the Sigstore instance to sign with";
    FULCIO_URL fulcio_url "fulcio-url" Login Some("COSIGN_FULCIO_URL"), "the instance's", "the certificate authority";
    REKOR_URL rekor_url "rekor-url" Reach Some("COSIGN_REKOR_URL"), "the instance's", "the transparency log";
    TIMESTAMP_SERVER_URL timestamp_server_url "timestamp-server-url" Reach Some("COSIGN_TIMESTAMP_SERVER_URL"), "the instance's", "the timestamp authority";
    OIDC_ISSUER oidc_issuer "oidc-issuer" Login Some("COSIGN_OIDC_ISSUER"), "the instance's", "the identity provider to log in with";
    OIDC_CLIENT_ID oidc_client_id "oidc-client-id" Login Some("COSIGN_OIDC_CLIENT_ID"), "sigstore", "the client id there";
    KEY key "key" Key None, "none", "the private key to sign with";
    ANCHOR anchor "anchor" Trust None, "none", "the trust anchor";
    LEDGER ledger "ledger" Reach None, "the anchor's, else where the target's attestations are", "where revocations and checkpoints are kept: a repository, or oci: and a folder";
    POLICY policy "policy" Trust None, "none", "the policy folder or file";
    BUILDERS builders "builders" Trust None, "those Bulla brings", "a file of further builders for SLSA provenance";
    TRUSTED_ROOT trusted_root "trusted-root" Trust None, "none", "the Sigstore trusted root";
    INSTANCE instance "instance" Reach None, "public-good", "the Sigstore instance: public-good, staging, github, or a URL given to bulla trust init";
}
