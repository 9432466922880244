//! What is asked of a statement: an expression in CEL, or a module in Rego.

use serde_saphyr::Spanned;

use super::seen::{self, Seen};
use crate::cel::{EvaluationError, Expression};
use crate::policy::{Place, PolicyError, Scope};
use crate::question::Context;
use crate::require::StepAtHand;

/// Characters that are shown of it.
const SHOWN: usize = 200;

/// One of the languages.
#[derive(Clone, Debug)]
pub(crate) enum Words {
    Cel(Expression),
    #[cfg(feature = "rego")]
    Rego(crate::rego::Module),
}

impl Words {
    pub(super) fn read(
        cel: Option<Spanned<String>>,
        rego: Option<Spanned<String>>,
        place: &Place,
        scope: &Scope<'_>,
    ) -> Result<Self, PolicyError> {
        let wrong = |place: &Place, reason: String| PolicyError::Rule {
            place: place.clone(),
            reason,
        };
        match (cel, rego) {
            (Some(cel), None) => {
                let at = scope.place(cel.referenced);
                let expression = Expression::read(&cel.value, seen::SCHEMA, scope.patterns);
                let expression =
                    expression.map_err(|error| wrong(&at, format!("in `cel`, {error}")));
                Ok(Self::Cel(expression?))
            }
            #[cfg(feature = "rego")]
            (None, Some(rego)) => {
                let at = scope.place(rego.referenced);
                let module = crate::rego::Module::read(&rego.value, seen::SCHEMA);
                let module = module.map_err(|error| wrong(&at, format!("in `rego`, {error}")));
                Ok(Self::Rego(module?))
            }
            #[cfg(not(feature = "rego"))]
            (None, Some(rego)) => {
                let at = scope.place(rego.referenced);
                Err(wrong(&at, "this program was built without Rego".to_owned()))
            }
            _ => Err(wrong(
                place,
                "expected `cel` or `rego`, one of them".to_owned(),
            )),
        }
    }

    /// As it is written.
    pub(super) fn source(&self) -> &str {
        match self {
            Self::Cel(expression) => expression.source(),
            #[cfg(feature = "rego")]
            Self::Rego(module) => module.source(),
        }
    }

    /// What is asked for, cut short.
    pub(super) fn shown(&self) -> String {
        match self {
            Self::Cel(expression) => expression.source().chars().take(SHOWN).collect(),
            #[cfg(feature = "rego")]
            Self::Rego(module) => module.asks().chars().take(SHOWN).collect(),
        }
    }

    pub(super) fn evaluate(
        &self,
        seen: &Seen<'_>,
        context: &Context<'_>,
        step: &StepAtHand<'_>,
    ) -> Result<bool, EvaluationError> {
        match self {
            Self::Cel(expression) => expression.evaluate(&seen.names(context, step)),
            #[cfg(feature = "rego")]
            Self::Rego(module) => {
                module.evaluate(seen.json(context, step), context.question.cancelled)
            }
        }
    }

    /// Patterns that look for a part of a text.
    pub(crate) fn unanchored(&self) -> &[String] {
        match self {
            Self::Cel(expression) => expression.unanchored(),
            #[cfg(feature = "rego")]
            Self::Rego(_) => &[],
        }
    }

    /// Whether what nobody thought of is a yes.
    pub(crate) fn only_denies(&self) -> bool {
        match self {
            Self::Cel(_) => false,
            #[cfg(feature = "rego")]
            Self::Rego(module) => module.only_denies(),
        }
    }
}
