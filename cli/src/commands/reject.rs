//! `bulla reject`: a person's no to one step of one image, an approval with the other outcome.

use super::approve;
use crate::args::reject::Arguments;
use crate::commands::Context;
use crate::{Exit, Failure};

/// Signs a rejection and attaches it to the image.
pub async fn run(arguments: Arguments, context: &Context) -> Result<Exit, Failure> {
    Box::pin(approve::run(arguments.into(), context)).await
}
