//! DSSE, version 1.0.2: <https://github.com/secure-systems-lab/dsse/blob/v1.0.2/protocol.md>.

use bulla_model::envelope::Pae;

use super::{Answer, Request};

/// `dsse-pae`: the bytes that are signed, in hex.
pub(super) fn pae(request: &Request<'_>) -> Answer {
    let (Some(kind), Some(payload)) = (request.text("payload_type"), request.base64("payload_b64"))
    else {
        return Answer::No;
    };
    Answer::output(hex::encode(Pae::new(kind, &payload).as_bytes()))
}
