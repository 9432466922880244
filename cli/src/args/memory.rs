//! What the writer of a checkpoint knows of the one before.

use std::str::FromStr;

use bulla_model::Digest;
use clap::Args;

/// What is known of the ledger's last checkpoint.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "The checkpoint before")]
pub struct MemoryArguments {
    /// Last checkpoint that is known, if no --state FILE remembers it
    #[arg(long, value_name = "SERIAL@DIGEST", conflicts_with = "first")]
    pub after: Option<After>,
    /// The ledger has no checkpoint yet
    #[arg(long)]
    pub first: bool,
}

/// A checkpoint by its serial and the digest of its payload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct After {
    /// Its serial.
    pub serial: u64,
    /// Its payload digest.
    pub payload: Digest,
}

impl FromStr for After {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let expected =
            || "expected SERIAL@sha256:HEX, as `bulla checkpoint` prints them".to_owned();
        let (serial, payload) = text.split_once('@').ok_or_else(expected)?;
        Ok(Self {
            serial: serial.parse().map_err(|_| expected())?,
            payload: payload.parse().map_err(|_| expected())?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_checkpoint_is_named_by_serial_and_digest() {
        let payload = Digest::sha256(b"x");
        let read: After = format!("7@{payload}").parse().unwrap();
        assert_eq!(read, After { serial: 7, payload });
        for wrong in ["7", "7@", "@sha256:00", "x@sha256:00", "7@sha256:00"] {
            wrong.parse::<After>().unwrap_err();
        }
    }
}
