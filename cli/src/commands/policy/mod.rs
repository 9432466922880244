//! `bulla policy`: is it a policy, what does it mean, who says so, what would another one change, how is
//! it laid out, and what would those of other tools be?

mod cases;
mod check;
mod diff;
mod explain;
mod fmt;
mod import;
mod junit;
mod markdown;
mod service;
mod sign;
mod trial;

pub(super) use diff::put_change;

use jiff::Timestamp;

use crate::args;
use crate::args::init::CiSystem;
use crate::args::policy::{Action, Arguments};
use crate::commands::{Context, init};
use crate::join::rules::Rules;
use crate::{Exit, Failure};

/// Does what was asked with a policy.
pub async fn run(arguments: Arguments, context: &Context) -> Result<Exit, Failure> {
    let now = Timestamp::now();
    match arguments.action {
        Action::Init(arguments) => {
            let arguments = args::init::Arguments {
                directory: arguments.directory,
                about: arguments.about,
                ci: CiSystem::None,
            };
            init::policy(arguments, context).await
        }
        Action::Check(arguments) => {
            let rules = Rules::load(context, &arguments.decide, now)?;
            let report = check::CheckReport::of(&rules, now, &context.limits);
            context.printer.report(&report)?;
            Ok(Exit::Success)
        }
        Action::Explain(arguments) => {
            let rules = Rules::load(context, &arguments.decide, now)?;
            let report = explain::Explanation::of(&rules.policy);
            context.printer.report(&report)?;
            Ok(Exit::Success)
        }
        Action::Test(arguments) => Box::pin(trial::run(arguments, context)).await,
        Action::Diff(arguments) => Box::pin(diff::run(arguments, context)).await,
        Action::Sign(arguments) => sign::run(*arguments, context).await,
        Action::Fmt(arguments) => fmt::run(&arguments, context),
        Action::AddService(arguments) => service::run(arguments, context),
        Action::Import(arguments) => import::run(&arguments, context),
    }
}
