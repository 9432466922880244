//! Joins: between what was typed and the libraries, which know nothing of each other.

pub mod artifact;
pub mod attached;
pub mod bills;
pub mod build;
pub mod changes;
pub mod checkpoint;
pub mod consent;
pub mod cosign_file;
mod credential_helper;
pub mod decode;
pub mod directory;
pub mod documents;
pub mod estate;
pub mod evidence;
pub mod file;
pub mod follow;
pub mod http;
pub mod identity_token;
pub mod image;
pub mod instance;
pub mod kept;
pub mod key;
pub mod labels;
pub mod layers;
pub mod ledger;
pub mod legacy;
pub mod lists;
pub mod memory;
pub mod message;
pub mod notation;
pub mod platforms;
pub mod promotion;
pub mod provenance;
pub mod publish;
mod published;
pub mod referenced;
pub mod remedy;
pub mod remote;
pub mod review;
pub mod rules;
pub mod running;
pub mod scanned;
pub mod seal;
pub mod sealer;
pub mod set;
pub mod slot;
pub mod step;
pub mod summary;
pub mod unsigned;
pub mod verdict;

use crate::Failure;
use crate::failure::FailureKind;

/// Does work that blocks or computes on a thread of its own. A panic there is a panic here.
pub async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Failure> + Send + 'static,
) -> Result<T, Failure> {
    match tokio::task::spawn_blocking(work).await {
        Ok(outcome) => outcome,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(error) => Err(Failure::new(FailureKind::Internal, error)),
        },
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::time::Duration;

    use super::*;

    #[tokio::test(flavor = "current_thread")]
    async fn f47_work_that_blocks_holds_up_nothing_else() {
        // The work ends only when something asynchronous, on the one thread there is, lets it.
        let (let_go, wait) = mpsc::channel();
        let work = blocking(move || {
            let patience = Duration::from_mins(1);
            wait.recv_timeout(patience)
                .map_err(|error| Failure::new(FailureKind::Internal, error))
        });
        let other = async {
            tokio::task::yield_now().await;
            let_go.send(7).unwrap();
        };
        let (outcome, ()) = tokio::join!(work, other);
        assert_eq!(outcome.unwrap(), 7);
    }
}
