//! Decide: evidence, trust, policy and a time in, a verdict out.

pub mod anchor;
mod candidate;
mod cause;
mod chain;
mod code;
mod decide;
mod eligible;
mod evidence;
mod gate;
mod pattern;
pub mod policy;
mod question;
mod require;
mod signature;
mod signed;
mod sigstore;
mod state;
mod trust;
mod verdict;
mod verified;

pub use anchor::Anchor;
pub use candidate::{Candidate, Refusal};
pub use cause::Cause;
pub use code::Code;
pub use decide::verify_environment;
pub use evidence::{Attestation, Evidence};
pub use gate::{StepDraft, StepRequest, judge_step};
pub use pattern::{AnchoredRegex, Pattern, PatternError};
pub use policy::{Policy, PolicyError, PolicyFile, PolicyFiles};
pub use question::{Question, QuestionError};
pub use signature::{Cancelled, examine};
pub use signed::{ExpectedClaim, ExpectedSigner, SignedQuestion, verify_signed};
pub use state::{Memory, State};
pub use trust::{PublicKey, Trust, TrustError};
pub use verdict::{Check, Decision, Finding, Outcome, Severity, Step, Verdict};
pub use verified::{SignedTime, Verified};
