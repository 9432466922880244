//! What a step takes: one file for each kind of requirement, and its row in the table below. The
//! file says how the requirement is written in a policy, how it is told, and how it is judged.

use std::fmt;

use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_saphyr::Spanned;

use bulla_model::predicate::approval::PolicyBinding;
use bulla_model::{Digest, Edge, Identity, SubjectSet};

use crate::cause::Cause;
use crate::chain::Promotions;
use crate::policy::{Parts, Place, PolicyError, Scope};
use crate::question::Context;
use crate::verdict::{Outcome, Report};
use crate::verified::SignedTime;

pub(crate) mod approvals;
mod base_images;
mod conditions;
mod coverage;
mod promotion_age;
mod promotion_record;
pub(crate) mod provenance;
pub(crate) mod sbom;
mod soak;
mod tests;
mod tickets;
pub(crate) mod vulnerabilities;

pub use approvals::{ApprovalsRule, Exclusion};
pub use base_images::BaseImagesRule;
pub use conditions::{ConditionMatch, ConditionRule, ConditionsRule};
pub use coverage::Coverage;
pub use promotion_age::PromotionAgeRule;
pub use promotion_record::PromotionRecordRule;
pub use provenance::{BuildVsaRule, ProvenanceRule, SourceVsaRule};
pub use sbom::{ContentsRule, LicensePattern, LicenseRule, PackagePattern, SbomFormat, SbomRule};
pub use soak::{SoakRule, SoakStart};
pub use tests::TestsRule;
pub use tickets::TicketsRule;
pub use vulnerabilities::{
    FoundVulnerability, Rating, VulnerabilitiesRule, VulnerabilityOutcome, WaiversRule,
};

macro_rules! requirements {
    ($($(#[$doc:meta])* $name:ident: $rule:ty,)+) => {
        /// What a step takes. All of it must be met.
        #[derive(Clone, Debug, Default)]
        pub struct Requirements {
            $($(#[$doc])* pub $name: Option<$rule>,)+
        }

        /// Requirements as a policy writes them.
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase", deny_unknown_fields)]
        pub(crate) struct RequireWire {
            $(#[serde(default)] $name: Option<Spanned<<$rule as Requirement>::Wire>>,)+
        }

        impl RequireWire {
            /// Checks every requirement.
            pub(crate) fn read(self, scope: &Scope<'_>) -> Result<Requirements, PolicyError> {
                Ok(Requirements {
                    $($name: match self.$name {
                        Some(wire) => {
                            let place = scope.place(wire.referenced);
                            Some(<$rule>::read(wire.value, place, scope)?)
                        }
                        None => None,
                    },)+
                })
            }
        }

        impl Requirements {
            /// What each says, with the place it is written at.
            pub fn describe(&self) -> Vec<String> {
                let lines = [$(self.$name.as_ref().map(Requirement::lines),)+];
                lines.into_iter().flatten().flatten().collect()
            }

            /// The name of each, its line, and what it says part by part.
            pub(crate) fn parts(&self) -> Vec<(String, String, Option<Parts<'_>>)> {
                let mut all = Vec::new();
                $(if let Some(rule) = &self.$name {
                    all.push((camel_case(stringify!($name)), rule.to_string(), rule.parts()));
                })+
                all
            }

            /// Whether any asks about each platform of an image.
            pub(crate) fn ask_about_platforms(&self) -> bool {
                let all = [$(self.$name.as_ref().map(Requirement::coverage),)+];
                all.into_iter().flatten().any(|it| it != Coverage::Index)
            }

            /// Judges a step by each; every one leaves a check.
            pub(crate) fn judge(
                &self,
                context: &Context<'_>,
                step: &StepAtHand<'_>,
                report: &mut Report,
            ) {
                $(if let Some(rule) = &self.$name {
                    coverage::judge(rule, context, step, report);
                })+
            }
        }
    };
}

requirements! {
    /// Provenance.
    provenance: ProvenanceRule,
    /// A bill of materials.
    sbom: SbomRule,
    /// The images that the build began with.
    base_images: BaseImagesRule,
    /// A passed test run.
    tests: TestsRule,
    /// What scanners may find.
    vulnerabilities: VulnerabilitiesRule,
    /// Time spent in an environment before.
    soak: SoakRule,
    /// Approvals by persons.
    approvals: ApprovalsRule,
    /// Change tickets in the promotion.
    tickets: TicketsRule,
    /// A promoter's word that the image was copied into a repository.
    promotion_record: PromotionRecordRule,
    /// Expressions that statements have to fulfil.
    conditions: ConditionsRule,
    /// How old the promotion may grow; only in what is standing.
    promotion_age: PromotionAgeRule,
}

/// One kind of requirement. Shown, it is a line of `bulla policy explain`.
pub(crate) trait Requirement: fmt::Display + Sized {
    /// As it is written in a policy.
    type Wire: DeserializeOwned;

    /// Checks what is written against itself and the names it refers to.
    fn read(wire: Self::Wire, place: Place, scope: &Scope<'_>) -> Result<Self, PolicyError>;

    /// What it says part by part, so that two policies can be compared. Without parts it is compared as
    /// the line that it is shown as.
    fn parts(&self) -> Option<Parts<'_>> {
        None
    }

    /// What it says, in the lines of `bulla policy explain`: one, unless it is a list.
    fn lines(&self) -> Vec<String> {
        vec![self.to_string()]
    }

    /// What of an image the evidence has to be about.
    fn coverage(&self) -> Coverage {
        Coverage::Index
    }

    /// Judges a step; it leaves one check at least.
    fn judge(&self, context: &Context<'_>, step: &StepAtHand<'_>, report: &mut Report);
}

/// The step whose requirements are judged.
pub(crate) struct StepAtHand<'a> {
    pub(crate) edge: &'a Edge,
    /// All that takes the step together.
    pub(crate) subjects: &'a SubjectSet,
    /// How people write all of it, where that is known.
    pub(crate) names: Option<&'a str>,
    pub(crate) binding: &'a PolicyBinding,
    /// Payload digests of the promotions it extends, sorted.
    pub(crate) previous: &'a [Digest],
    /// Every verified promotion of the artifact.
    pub(crate) promotions: &'a Promotions,
    /// Who signs the promotion, and when; nobody yet while approvals are being given.
    pub(crate) promoter: Option<(&'a Identity, SignedTime)>,
    /// The tickets it names; unknown while approvals are being given.
    pub(crate) tickets: Option<&'a [String]>,
    /// When the step is judged.
    pub(crate) at: Timestamp,
}

impl StepAtHand<'_> {
    /// What to type to mean all that takes the step.
    pub(crate) fn release(&self, context: &Context<'_>) -> String {
        context.release(self.names, Some(self.subjects))
    }

    /// A command about all that takes the step.
    pub(crate) fn command(&self, context: &Context<'_>, command: (&str, String)) -> String {
        context.command((self.names, Some(self.subjects)), command)
    }
}

/// A failure while something may be missing is no definite one.
pub(crate) fn failed(context: &Context<'_>, cause: Cause) -> Outcome {
    Outcome::Failed(if context.question.evidence.is_incomplete() {
        Cause::Undetermined
    } else {
        cause
    })
}

/// The name of a member as a policy writes it.
fn camel_case(name: &str) -> String {
    let mut words = name.split('_');
    let mut out = words.next().unwrap_or_default().to_owned();
    for word in words {
        let mut rest = word.chars();
        out.extend(rest.next().map(|first| first.to_ascii_uppercase()));
        out.push_str(rest.as_str());
    }
    out
}

/// "a or b", or what it means that none is named.
pub(crate) fn any_of<T: fmt::Display>(list: &[T], none: &str) -> String {
    let texts: Vec<_> = list.iter().map(ToString::to_string).collect();
    if texts.is_empty() {
        none.to_owned()
    } else {
        texts.join(" or ")
    }
}

/// How old something may be, in words.
pub(crate) fn at_most(age: Option<SignedDuration>) -> String {
    age.map_or_else(
        || "of any age".to_owned(),
        |age| format!("at most {age:#} old"),
    )
}
