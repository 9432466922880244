//! Identity tokens: where they come from, and what they claim.
//!
//! Tokens are OpenID Connect ID tokens (JWT, RFC 7519). Whether a token is genuine is for the
//! certificate authority to decide; here it is only read far enough to say early, and in words,
//! what will not work.

#![expect(
    clippy::unnecessary_wraps,
    reason = "every provider has the same shape, also those that cannot fail"
)]

mod ambient;
mod buildkite;
mod circleci;
mod device;
mod discovery;
mod filesystem;
mod github;
mod gitlab;
mod google;
mod spiffe;
mod token;
mod variable;

pub use ambient::{
    AMBIENT_PROVIDERS, AmbientProvider, Secret, Surroundings, TokenForm, TokenRequest, TokenSource,
    ambient,
};
pub use device::{DeviceCode, DeviceLogin};
pub use discovery::{Issuer, OidcClient};
pub use token::{IdentityToken, TOKEN_BYTES};

use crate::http::ServiceError;

/// The audience Fulcio expects in tokens, unless an instance says otherwise.
pub const AUDIENCE: &str = "sigstore";

/// Why there is no identity token that can be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OidcError {
    /// It is no JWT.
    #[error("no identity token: {reason}")]
    Malformed {
        /// What is wrong.
        reason: &'static str,
    },
    /// It is for somebody else.
    #[error("the identity token is for `{}`, expected `{}`", found.escape_debug(), expected.escape_debug())]
    Audience {
        /// The audience the certificate authority expects.
        expected: String,
        /// The audience in the token, cut short.
        found: String,
    },
    /// It is too old.
    #[error("the identity token expired at {at}")]
    Expired {
        /// When.
        at: jiff::Timestamp,
    },
    /// It names an e-mail address nobody has confirmed.
    #[error("the identity provider has not verified the e-mail address `{}`", email.escape_debug())]
    Unverified {
        /// The address, cut short.
        email: String,
    },
    /// A CI system is there, and gives no token.
    #[error("{provider} gives this job no identity token: {what}")]
    Withheld {
        /// Which system.
        provider: &'static str,
        /// What is missing.
        what: &'static str,
        /// What to change.
        hint: &'static str,
    },
    /// The person said no, or did not answer.
    #[error("the log-in was not completed: {reason}")]
    Login {
        /// Why.
        reason: String,
    },
    /// A service did not answer as it should.
    #[error(transparent)]
    Service(#[from] ServiceError),
}
