//! A world in plain values: what a policy says, who signed what, and who asks when. Statements are
//! named by their place in a list, keys and environments by numbers, and time is in minutes.

pub(super) type Minute = i64;
pub(super) type Key = usize;
pub(super) type Place = usize;
/// A statement: a link names one, whether a copy of it is at hand or not.
pub(super) type Link = usize;
/// An image, or an index that lists the first image.
pub(super) type Thing = usize;

/// The image asked about, another one, and an index of which the image is a platform.
pub(super) const IMAGE: Thing = 0;
pub(super) const OTHER: Thing = 1;
pub(super) const INDEX: Thing = 2;

/// Everything a verdict depends on.
#[derive(Clone, Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each says by itself what could not be had"
)]
pub(super) struct World {
    /// The current version, then those before it.
    pub(super) policies: Vec<Policy>,
    pub(super) statements: Vec<Statement>,
    pub(super) copies: Vec<Copy>,
    pub(super) truncated: bool,
    pub(super) unavailable: bool,
    pub(super) ledger_unavailable: bool,
    pub(super) index_received: bool,
    pub(super) anchor: Option<Anchor>,
    pub(super) state: Option<State>,
    pub(super) asked: Place,
    /// The step into there that is about to be taken; none where it is asked what may be there.
    pub(super) before: Option<Before>,
    pub(super) now: Minute,
}

#[derive(Clone, Debug)]
pub(super) struct Before {
    pub(super) kind: Kind,
    /// Where from, if that is named.
    pub(super) from: Option<Place>,
    pub(super) promoter: Key,
}

#[derive(Clone, Debug)]
pub(super) struct Anchor {
    /// Who owns the ledger.
    pub(super) owners: Vec<Known>,
    pub(super) audience: Vec<usize>,
    pub(super) minimum: Option<u64>,
}

/// What was seen before: a version of the policy with its digest or another, a checkpoint.
#[derive(Clone, Debug)]
pub(super) struct State {
    pub(super) policy: Option<(u64, bool)>,
    pub(super) checkpoint: Option<(u64, Option<Link>)>,
}

#[derive(Clone, Debug)]
pub(super) struct Policy {
    pub(super) version: u64,
    /// When the current version says that this one ended.
    pub(super) until: Option<Minute>,
    pub(super) loaded: bool,
    pub(super) tiers: Vec<Tier>,
    pub(super) services: Vec<Service>,
    pub(super) places: Vec<Environment>,
    pub(super) identities: Vec<Vec<Known>>,
    pub(super) people: Vec<Person>,
    pub(super) machines: Vec<Vec<Known>>,
    pub(super) edges: Vec<Edge>,
    pub(super) tighten: Vec<Tighten>,
    pub(super) revocations: Option<Revokers>,
    /// Who writes calendars of freezes.
    pub(super) freezes: Option<Vec<usize>>,
}

#[derive(Clone, Debug)]
pub(super) struct Tier {
    pub(super) claims: bool,
    pub(super) drafts: bool,
}

/// A service; repository N is the source of service N, others of none.
#[derive(Clone, Debug)]
pub(super) struct Service {
    pub(super) tier: usize,
    pub(super) tighten: Vec<Tighten>,
}

impl Policy {
    /// What base and service require besides.
    pub(super) fn added(&self, service: usize) -> impl Iterator<Item = &Tighten> {
        self.tighten.iter().chain(&self.services[service].tighten)
    }
}

/// What is required besides.
#[derive(Clone, Debug)]
pub(super) struct Tighten {
    pub(super) to: Place,
    /// None means all.
    pub(super) tier: Option<usize>,
    /// None means all.
    pub(super) kind: Option<Kind>,
    pub(super) since: Option<Minute>,
    pub(super) standing: bool,
    pub(super) require: Require,
}

impl Tighten {
    pub(super) fn is_about(&self, step: Step, tier: usize) -> bool {
        self.to == step.to
            && self.tier.is_none_or(|own| own == tier)
            && self.kind.is_none_or(|own| own == step.kind)
    }
}

#[derive(Clone, Debug)]
pub(super) struct Environment {
    pub(super) audience: Vec<usize>,
    /// How old a checkpoint may be: to promote, to admit.
    pub(super) freshness: Option<(Minute, Minute)>,
}

/// A key in its window.
#[derive(Clone, Debug)]
pub(super) struct Known {
    pub(super) key: Key,
    pub(super) from: Option<Minute>,
    pub(super) until: Option<Minute>,
}

#[derive(Clone, Debug)]
pub(super) struct Person {
    pub(super) roles: Vec<usize>,
    pub(super) keys: Vec<Known>,
}

#[derive(Clone, Debug)]
pub(super) struct Revokers {
    pub(super) by: Vec<usize>,
    pub(super) lift: Vec<usize>,
    pub(super) threshold: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Promote,
    Hotfix,
    BreakGlass,
    Rollback,
    Retire,
    Import,
}

#[derive(Clone, Debug)]
pub(super) struct Edge {
    pub(super) step: Step,
    /// None means all.
    pub(super) tier: Option<usize>,
    pub(super) by: Vec<usize>,
    pub(super) require: Require,
    pub(super) review: Option<Review>,
}

/// Kind and ends of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Step {
    pub(super) kind: Kind,
    pub(super) from: Option<Place>,
    pub(super) to: Place,
}

#[derive(Clone, Debug)]
pub(super) struct Review {
    pub(super) within: Minute,
    pub(super) role: Option<usize>,
    pub(super) denies: bool,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Require {
    pub(super) provenance: Option<Provenance>,
    pub(super) sbom: Option<Evidence>,
    pub(super) tests: Option<Evidence>,
    pub(super) soak: Option<Soak>,
    pub(super) approvals: Option<Approvals>,
    /// How old the promotion may grow; only in what is standing.
    pub(super) age: Option<Minute>,
}

#[derive(Clone, Debug)]
pub(super) struct Provenance {
    pub(super) by: Vec<usize>,
    /// The only builder that will do.
    pub(super) builder: Option<usize>,
}

#[derive(Clone, Debug)]
pub(super) struct Evidence {
    pub(super) by: Vec<usize>,
    pub(super) max_age: Option<Minute>,
}

#[derive(Clone, Debug)]
pub(super) struct Soak {
    pub(super) place: Place,
    pub(super) min: Minute,
    pub(super) from_promotion: bool,
    pub(super) by: Vec<usize>,
    pub(super) healthy: bool,
}

#[derive(Clone, Debug)]
pub(super) struct Approvals {
    pub(super) threshold: usize,
    pub(super) role: Option<usize>,
    pub(super) exclude: Vec<Exclusion>,
    pub(super) max_age: Option<Minute>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Exclusion {
    Author,
    Builder,
    Promoter,
    Requester,
}

/// What was signed, once or several times.
#[derive(Clone, Debug)]
pub(super) struct Statement {
    pub(super) subjects: Vec<Thing>,
    /// When its signer says that it was made; what is of our own kinds always says.
    pub(super) word: Option<Minute>,
    pub(super) body: Body,
}

/// A statement as it was received.
#[derive(Clone, Debug)]
pub(super) struct Copy {
    pub(super) of: Link,
    pub(super) key: Key,
    /// When a log saw it.
    pub(super) proof: Option<Minute>,
    /// Whether the signature is wrong.
    pub(super) broken: bool,
    pub(super) in_ledger: bool,
}

#[derive(Clone, Debug)]
pub(super) enum Body {
    Provenance {
        /// Repositories of its dependencies, the source first.
        repositories: Vec<usize>,
        builder: usize,
        /// Persons by number; one more than there are is nobody.
        authors: Option<Vec<usize>>,
    },
    Sbom {
        empty: bool,
    },
    Tests {
        failed: bool,
    },
    Deployment {
        place: Place,
        audience: Vec<usize>,
        service: usize,
        event: Event,
    },
    Approval(Approval),
    Promotion(Promotion),
    Review {
        promotion: Link,
        accepted: bool,
    },
    Revocation {
        targets: Vec<Target>,
    },
    Checkpoint(Checkpoint),
    Freeze(Calendar),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Event {
    Started,
    Succeeded,
    Failed,
    RolledBack,
}

/// The version and service's file that a statement binds itself to; `None` has a digest of nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Binding {
    pub(super) version: u64,
    pub(super) of: Option<(usize, usize)>,
}

#[derive(Clone, Debug)]
pub(super) struct Approval {
    pub(super) approves: bool,
    pub(super) service: usize,
    pub(super) step: Step,
    pub(super) audience: Vec<usize>,
    pub(super) policy: Binding,
    pub(super) previous: Vec<Link>,
    pub(super) not_after: Minute,
    pub(super) relayed: bool,
    pub(super) draft: bool,
}

#[derive(Clone, Debug)]
pub(super) struct Promotion {
    pub(super) service: usize,
    pub(super) tier: usize,
    pub(super) step: Step,
    pub(super) audience: Vec<usize>,
    pub(super) first: Option<Link>,
    pub(super) previous: Vec<Link>,
    pub(super) sequence: u64,
    pub(super) slot: u64,
    pub(super) slot_previous: Option<Link>,
    pub(super) policy: Binding,
    pub(super) ticket: bool,
    pub(super) inputs: Vec<Link>,
    pub(super) not_after: Option<Minute>,
    pub(super) draft: bool,
}

#[derive(Clone, Debug)]
pub(super) enum Target {
    Subject(Thing),
    Attestation(Link),
    Edge {
        step: Step,
        audience: Vec<usize>,
        service: Option<usize>,
        subjects: Vec<Thing>,
    },
    Signer {
        key: Key,
        from: Option<Minute>,
        until: Option<Minute>,
    },
    Builder {
        builder: usize,
        from: Option<Minute>,
        until: Option<Minute>,
    },
    Lift(Link),
    Unknown,
}

#[derive(Clone, Debug)]
pub(super) struct Checkpoint {
    pub(super) other_ledger: bool,
    pub(super) serial: u64,
    pub(super) previous: Option<Link>,
    pub(super) not_after: Minute,
    /// A version of the policy, with its digest or another.
    pub(super) policy: (u64, bool),
    pub(super) revocations: Vec<Link>,
    /// The calendar that is in force, with its serial.
    pub(super) freeze: Option<(u64, Link)>,
    /// Service, environment, slot sequence, promotion.
    pub(super) slots: Vec<(usize, Place, u64, Link)>,
    /// What went out of service: environment, subjects, retirement.
    pub(super) retired: Vec<(Place, Vec<Thing>, Link)>,
    /// Whether it says something critical that nobody knows.
    pub(super) critical: bool,
}

#[derive(Clone, Debug)]
pub(super) struct Calendar {
    pub(super) other_ledger: bool,
    /// None where it cannot be read.
    pub(super) serial: Option<u64>,
    pub(super) previous: Option<Link>,
    pub(super) windows: Vec<Window>,
    pub(super) not_after: Minute,
    /// Whether its windows are in a time zone that nobody knows.
    pub(super) lost_zone: bool,
    /// Whether it says something critical that nobody knows.
    pub(super) critical: bool,
}

#[derive(Clone, Debug)]
pub(super) struct Window {
    pub(super) closed: bool,
    pub(super) places: Vec<Place>,
    /// None means all.
    pub(super) services: Vec<usize>,
    pub(super) from: Minute,
    pub(super) until: Minute,
    pub(super) exempt: Vec<Kind>,
    pub(super) extra: Option<usize>,
}

impl World {
    pub(super) fn incomplete(&self) -> bool {
        self.truncated || self.unavailable
    }
}
