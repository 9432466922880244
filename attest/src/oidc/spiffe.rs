//! SPIFFE: a JWT-SVID from the Workload API, whose socket `SPIFFE_ENDPOINT_SOCKET` names.
//!
//! The Workload API is gRPC over a local socket; SPIRE's own agent program speaks it, so that no
//! gRPC stack is needed here. SVIDs that another helper writes to a file are given as any token.

use super::OidcError;
use super::ambient::{Surroundings, TokenForm, TokenSource};

pub(super) fn find(
    surroundings: &dyn Surroundings,
    audience: &str,
) -> Result<Option<TokenSource>, OidcError> {
    let Some(socket) = surroundings.variable("SPIFFE_ENDPOINT_SOCKET") else {
        return Ok(None);
    };
    let path = socket.strip_prefix("unix://").unwrap_or(&socket);
    let arguments = [
        "api",
        "fetch",
        "jwt",
        "-output",
        "json",
        "-audience",
        audience,
        "-socketPath",
        path,
    ];
    Ok(Some(TokenSource::Command {
        program: "spire-agent",
        arguments: arguments.map(str::to_owned).to_vec(),
        form: TokenForm::Field("svid"),
    }))
}
