//! Codes of findings: stable names that people search for and auditors cite.

use serde::{Serialize, Serializer};

macro_rules! codes {
    ($($(#[doc = $about:literal])* $name:ident = $text:literal;)*) => {
        /// The code of a finding. Each has a heading in `docs/findings.md`.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Code {
            $($(#[doc = $about])* $name,)*
        }

        impl Code {
            /// Every code, sorted.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The stable text.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)*
                }
            }

            /// What it means, in a sentence.
            pub fn about(self) -> &'static str {
                match self {
                    $(Self::$name => concat!($($about),*).trim_ascii(),)*
                }
            }
        }
    };
}

codes! {
    /// An approval says other than the step at hand: other edge, policy or predecessors.
    ApprovalMismatch = "approval-mismatch";
    /// An approver said no; advice, since a registry could hide it.
    ApprovalRejected = "approval-rejected";
    /// An approval passed on by a relay where relays do not count.
    ApprovalRelayed = "approval-relayed";
    /// Fewer distinct persons approved than required.
    ApprovalsMissing = "approvals-missing";
    /// The approver wrote the change.
    ApproverIsAuthor = "approver-is-author";
    /// The approver built the artifact.
    ApproverIsBuilder = "approver-is-builder";
    /// The approver signs the promotion.
    ApproverIsPromoter = "approver-is-promoter";
    /// The approver is nobody the policy knows, or holds none of the roles asked for.
    ApproverUnknown = "approver-unknown";
    /// No signature, or no attestation of the type asked for.
    AttestationMissing = "attestation-missing";
    /// The promotion is for other clusters.
    AudienceMismatch = "audience-mismatch";
    /// A build used an image that the step does not allow.
    BaseImageDenied = "base-image-denied";
    /// No provenance tells which images the build began with.
    BaseImageUnknown = "base-image-unknown";
    /// The promotion does not continue the one before it.
    ChainBroken = "chain-broken";
    /// Two promotions claim the same place.
    ChainForked = "chain-forked";
    /// Two checkpoints have one serial.
    CheckpointEquivocation = "checkpoint-equivocation";
    /// A later checkpoint was seen before.
    CheckpointRollback = "checkpoint-rollback";
    /// The newest checkpoint is older than the policy allows, or its time is over.
    CheckpointStale = "checkpoint-stale";
    /// The ledger's owner signed a checkpoint that this version cannot read.
    CheckpointUnknown = "checkpoint-unknown";
    /// Whether the artifact contains a component that was revoked or is denied cannot be told.
    ComponentUnknown = "component-unknown";
    /// A condition cannot be evaluated on a statement.
    ConditionError = "condition-error";
    /// A condition does not hold of a statement.
    ConditionFailed = "condition-failed";
    /// No statement that a condition could be asked of.
    ConditionMissing = "condition-missing";
    /// The document that a statement refers to is another one than was signed.
    DocumentMismatch = "document-mismatch";
    /// A version 0 predicate where the tier refuses drafts.
    DraftPredicate = "draft-predicate";
    /// The policy has no such step.
    EdgeUnknown = "edge-unknown";
    /// Not everything the registry lists could be looked at.
    EvidenceIncomplete = "evidence-incomplete";
    /// Two calendars of freezes have one serial.
    FreezeEquivocation = "freeze-equivocation";
    /// The time of the calendar of freezes was over.
    FreezeExpired = "freeze-expired";
    /// Which calendar of freezes was in force cannot be told, or it cannot be read.
    FreezeUnknown = "freeze-unknown";
    /// No checkpoint as fresh as the policy demands.
    FreshnessUnproven = "freshness-unproven";
    /// The step leads into an environment while it is frozen.
    Frozen = "frozen";
    /// Something was promoted in an emergency, and no incident is named.
    IncidentMissing = "incident-missing";
    /// The key or certificate was valid at another time.
    KeyExpired = "key-expired";
    /// A component has a licence that the step does not allow.
    LicenseDenied = "license-denied";
    /// A step back to a release that never was in the environment.
    NeverThere = "never-there";
    /// A bill of materials lists a package that the step denies.
    PackageDenied = "package-denied";
    /// The policy's files are not those that its owners signed.
    PolicyChanged = "policy-changed";
    /// The same version of the policy was seen with other content.
    PolicyEquivocation = "policy-equivocation";
    /// The owners' word on this version of the policy is over.
    PolicyExpired = "policy-expired";
    /// A listed predecessor of the policy was not given.
    PolicyNotLoaded = "policy-not-loaded";
    /// The version of the policy is lower than one seen before or than the anchor's minimum.
    PolicyRollback = "policy-rollback";
    /// A statement names a policy that is neither the current one nor a predecessor.
    PolicyUnknown = "policy-unknown";
    /// Too few of the policy's owners signed its files.
    PolicyUnsigned = "policy-unsigned";
    /// A promotion's time is over.
    PromotionExpired = "promotion-expired";
    /// No promotion into the environment.
    PromotionMissing = "promotion-missing";
    /// A promoter's record is of a copy between other repositories.
    PromotionRecordMismatch = "promotion-record-mismatch";
    /// No promoter's record that the image was copied into one of the repositories.
    PromotionRecordMissing = "promotion-record-missing";
    /// The release was taken out of service.
    PromotionRetired = "promotion-retired";
    /// Provenance of another build type or builder.
    ProvenanceMismatch = "provenance-mismatch";
    /// No provenance.
    ProvenanceMissing = "provenance-missing";
    /// Fewer logs or timestamp authorities than asked for have seen the signature.
    RecordsMissing = "records-missing";
    /// A review was passed on by somebody whom the anchor does not name for it.
    RelayUnknown = "relay-unknown";
    /// A promotion outside the normal gates was not reviewed in time.
    ReviewOverdue = "review-overdue";
    /// A review says that it was wrong to go around the gates.
    ReviewRejected = "review-rejected";
    /// The reviewer promoted or approved what is reviewed.
    ReviewerInvolved = "reviewer-involved";
    /// The reviewer is nobody the policy knows, or holds none of the roles asked for.
    ReviewerUnknown = "reviewer-unknown";
    /// A revocation that is in force is not there, or says what this version does not understand.
    RevocationUnknown = "revocation-unknown";
    /// Nothing proves that nothing was revoked: the environment demands no freshness.
    RevocationsUnproven = "revocations-unproven";
    /// A revocation of it, of who signed for it or of what is in it.
    Revoked = "revoked";
    /// A bill of materials that lists nothing.
    SbomEmpty = "sbom-empty";
    /// No bill of materials.
    SbomMissing = "sbom-missing";
    /// A bill of materials that tells less than the policy asks for.
    SbomScoreLow = "sbom-score-low";
    /// No vulnerability scan.
    ScanMissing = "scan-missing";
    /// The newest vulnerability scan is older than the policy allows, or does not say how old it is.
    ScanStale = "scan-stale";
    /// An exclusion cannot be judged, because an identity maps to no person.
    SeparationUnknown = "separation-unknown";
    /// The source repository belongs to no service, to several, or to another than claimed.
    ServiceMismatch = "service-mismatch";
    /// It was promoted together with others, or without those it should go on with.
    SetMismatch = "set-mismatch";
    /// A signature, certificate, log proof or timestamp is wrong.
    SignatureInvalid = "signature-invalid";
    /// Signed by somebody the policy does not name for this.
    SignerUntrusted = "signer-untrusted";
    /// It failed or was rolled back where it should prove itself.
    SoakBroken = "soak-broken";
    /// Nothing says that it ever ran where it should prove itself.
    SoakMissing = "soak-missing";
    /// It has not run long enough where it should prove itself.
    SoakShort = "soak-short";
    /// The statement is older than the policy allows, or does not say how old it is.
    StatementStale = "statement-stale";
    /// The statement says something that this version cannot read.
    StatementUnusable = "statement-unusable";
    /// The statement is about another artifact.
    SubjectMismatch = "subject-mismatch";
    /// The newest test run failed.
    TestsFailed = "tests-failed";
    /// No test run.
    TestsMissing = "tests-missing";
    /// The promotion names fewer change tickets than required.
    TicketMissing = "ticket-missing";
    /// The promotion's tier is not the service's.
    TierMismatch = "tier-mismatch";
    /// A statement's word about its time and the proof of it contradict each other.
    TimeMismatch = "time-mismatch";
    /// Only the signer says when, and the tier does not take its word.
    TimeUnproven = "time-unproven";
    /// Made after the decision it should have supported, or after the time that is judged at.
    TooLate = "too-late";
    /// A vulnerability that the policy denies, and nobody who may cleared or waived it.
    VulnerabilitiesFound = "vulnerabilities-found";
    /// The time of a waiver was over.
    WaiverExpired = "waiver-expired";
    /// A waiver does not count: by somebody else, for something else, or for too long.
    WaiverUnusable = "waiver-unusable";
}

impl Serialize for Code {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl std::fmt::Display for Code {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}
