//! Random policies.

use super::chance::Chance;
use super::world::{
    Approvals, Edge, Environment, Evidence, Exclusion, Key, Kind, Known, Person, Policy,
    Provenance, Require, Review, Revokers, Service, Soak, Step, Tier, Tighten,
};

/// Names of identities, and the keys of everybody.
pub(super) const BUILDER: usize = 0;
pub(super) const HARDENED: usize = 1;
pub(super) const TESTER: usize = 2;
pub(super) const DEPLOYER: usize = 3;
pub(super) const PROMOTER: usize = 4;
pub(super) const SECURITY: usize = 5;
pub(super) const LEADS: usize = 6;
pub(super) const STRAY: usize = 7;
pub(super) const RELEASE: usize = 8;
/// Keys up to STRAY are those of the identities; then come the promoter's second one and persons.
const SECOND_PROMOTER: Key = 8;
pub(super) const PERSONS: [&[Key]; 5] = [&[9, 10], &[11], &[12, 13], &[14], &[15]];
/// The ledger's owner, and somebody whom nothing knows.
pub(super) const KEEPER: Key = 16;
pub(super) const MALLORY: Key = 17;
/// Those of the release owner.
pub(super) const RELEASE_KEYS: [Key; 2] = [18, 19];
pub(super) const KEYS: usize = 20;

/// The current version, and perhaps one before it.
pub(super) fn policies(chance: &mut Chance) -> Vec<Policy> {
    let current = policy(chance);
    if chance.percent(45) {
        let before = predecessor(&current, chance);
        return vec![current, before];
    }
    vec![current]
}

pub(super) fn known(key: Key, chance: &mut Chance) -> Known {
    let mut known = Known {
        key,
        from: None,
        until: None,
    };
    if chance.percent(2) {
        known.from = Some(chance.minutes(0, 500));
    }
    if chance.percent(3) {
        known.until = Some(chance.minutes(100, 9000).max(known.from.unwrap_or(0) + 1));
    }
    known
}

fn policy(chance: &mut Chance) -> Policy {
    let tiers = 1 + chance.below(3);
    let places = 2 + chance.below(4);
    let mut identities = Vec::new();
    for name in BUILDER..=STRAY {
        identities.push(vec![known(name, chance)]);
    }
    if chance.percent(40) {
        identities[PROMOTER].push(known(SECOND_PROMOTER, chance));
    }
    identities.push(release_owner(chance));
    for keys in &PERSONS[..2] {
        identities[LEADS].push(known(keys[0], chance));
    }
    let mut people = Vec::new();
    for keys in PERSONS {
        let roles = (0..2)
            .filter(|role| chance.percent(90 - 50 * role))
            .collect();
        let keys = keys.iter().map(|key| known(*key, chance)).collect();
        people.push(Person { roles, keys });
    }
    let mut machines = vec![vec![known(BUILDER, chance), known(HARDENED, chance)]];
    if chance.percent(95) {
        machines.push(vec![known(PROMOTER, chance)]);
    }
    if chance.percent(50) {
        machines.push(vec![known(SECOND_PROMOTER, chance)]);
    } else {
        people[4].keys.push(known(SECOND_PROMOTER, chance));
    }
    let fresh = |chance: &mut Chance| {
        let age = chance.minutes(30, 600);
        (age, age * chance.minutes(1, 12))
    };
    let mut policy = Policy {
        version: 2 + chance.below(3) as u64,
        until: None,
        loaded: true,
        tiers: Vec::new(),
        services: Vec::new(),
        places: Vec::new(),
        identities,
        people,
        machines,
        edges: Vec::new(),
        tighten: Vec::new(),
        revocations: None,
        freezes: None,
    };
    for _ in 0..tiers {
        policy.tiers.push(Tier {
            claims: chance.percent(70),
            drafts: chance.percent(70),
        });
    }
    for place in 0..places {
        let some = chance.percent(30);
        let audience = (0..3).filter(|_| some && chance.percent(50)).collect();
        let last = place + 1 == places;
        let demanded = chance.percent(if last { 35 } else { 10 });
        policy.places.push(Environment {
            audience,
            freshness: demanded.then(|| fresh(chance)),
        });
    }
    edges(&mut policy, chance);
    if chance.percent(20) {
        let mut rule = tighten(&policy, chance);
        rule.tier = chance.percent(50).then(|| chance.below(tiers));
        policy.tighten.push(rule);
    }
    for _ in 0..2 {
        let own = chance.percent(20).then(|| tighten(&policy, chance));
        let tighten = own.into_iter().collect();
        policy.services.push(Service {
            tier: chance.below(tiers),
            tighten,
        });
    }
    if chance.percent(60) {
        policy.revocations = Some(Revokers {
            by: vec![SECURITY],
            lift: vec![chance.one(&[SECURITY, LEADS])],
            threshold: chance.one(&[1, 1, 2]),
        });
    }
    if chance.percent(30) {
        policy.freezes = Some(chance.one(&[vec![RELEASE], vec![RELEASE, STRAY]]));
    }
    policy
}

fn tighten(policy: &Policy, chance: &mut Chance) -> Tighten {
    let places = policy.places.len();
    let kinds = [Kind::Promote, Kind::Promote, Kind::Rollback, Kind::Retire];
    let standing = chance.percent(40);
    let mut require = require(places - 1, policy, chance);
    if standing && chance.percent(40) {
        require.age = Some(chance.minutes(50, 3000));
    }
    Tighten {
        to: chance.below(places),
        tier: None,
        kind: chance.percent(30).then(|| chance.one(&kinds)),
        since: chance.percent(40).then(|| chance.minutes(10, 3000)),
        standing,
        require,
    }
}

/// One key or two, of which one may have ended.
fn release_owner(chance: &mut Chance) -> Vec<Known> {
    let mut owner: Vec<_> = RELEASE_KEYS.map(|key| known(key, chance)).into();
    if chance.percent(40) {
        owner.pop();
    }
    if chance.percent(30) {
        let ended = chance.below(owner.len());
        owner[ended].from = None;
        owner[ended].until = Some(chance.minutes(100, 4000));
    }
    owner
}

fn edges(policy: &mut Policy, chance: &mut Chance) {
    let places = policy.places.len();
    for to in 0..places {
        let from = to.checked_sub(1);
        let tiers: Vec<_> = if chance.percent(25) {
            (0..policy.tiers.len()).map(Some).collect()
        } else {
            vec![None]
        };
        for tier in tiers {
            edge(policy, (Kind::Promote, from, to), tier, chance);
        }
    }
    let last = places - 1;
    for (kind, from, to, percent) in [
        (Kind::Hotfix, Some(0), last, 30),
        (Kind::BreakGlass, Some(0), last, 30),
        (Kind::Rollback, Some(last), last, 40),
        (Kind::Retire, Some(last), last, 40),
        (Kind::Import, None, 0, 25),
    ] {
        if from != Some(to) && last == 0 {
            continue;
        }
        if chance.percent(percent) {
            edge(policy, (kind, from, to), None, chance);
        }
    }
}

fn edge(
    policy: &mut Policy,
    (kind, from, to): (Kind, Option<usize>, usize),
    tier: Option<usize>,
    chance: &mut Chance,
) {
    let outside = matches!(kind, Kind::Hotfix | Kind::BreakGlass);
    let reviewed = kind == Kind::BreakGlass || (outside && chance.percent(50));
    let review = reviewed.then(|| Review {
        within: chance.minutes(30, 1500),
        role: chance.one(&[None, Some(0), Some(1)]),
        denies: chance.percent(60),
    });
    let require = require(to, policy, chance);
    policy.edges.push(Edge {
        step: Step { kind, from, to },
        tier,
        by: vec![PROMOTER],
        require,
        review,
    });
}

fn require(to: usize, policy: &Policy, chance: &mut Chance) -> Require {
    let mut require = Require::default();
    let age = |chance: &mut Chance| chance.percent(50).then(|| chance.minutes(200, 3000));
    // Without provenance anywhere nobody would be believed about the service.
    if policy.edges.is_empty() || chance.percent(50) {
        let builders = [vec![BUILDER], vec![BUILDER], vec![BUILDER, HARDENED]];
        require.provenance = Some(Provenance {
            by: chance.one(&builders),
            builder: chance.one(&[None, None, Some(0)]),
        });
    }
    if chance.percent(25) {
        require.sbom = Some(Evidence {
            by: vec![BUILDER],
            max_age: age(chance),
        });
    }
    if chance.percent(35) {
        require.tests = Some(Evidence {
            by: vec![TESTER],
            max_age: age(chance),
        });
    }
    if to > 0 && chance.percent(30) {
        let from_promotion = chance.percent(30);
        let by = if from_promotion && chance.percent(50) {
            Vec::new()
        } else {
            vec![DEPLOYER]
        };
        require.soak = Some(Soak {
            place: if chance.percent(90) {
                to - 1
            } else {
                chance.below(to)
            },
            min: chance.minutes(10, 800),
            from_promotion,
            healthy: !by.is_empty() && chance.percent(75),
            by,
        });
    }
    if chance.percent(35) {
        let all = [
            Exclusion::Author,
            Exclusion::Builder,
            Exclusion::Promoter,
            Exclusion::Requester,
        ];
        let some = chance.percent(40);
        let exclude = all.into_iter().filter(|_| !some || chance.percent(50));
        let exclude = exclude.collect();
        require.approvals = Some(Approvals {
            threshold: chance.one(&[1, 1, 1, 2, 2, 3]),
            role: chance.one(&[None, None, Some(0), Some(1)]),
            exclude,
            max_age: age(chance),
        });
    }
    require
}

/// A version before: other windows, other people, perhaps other rules.
fn predecessor(current: &Policy, chance: &mut Chance) -> Policy {
    let mut before = current.clone();
    before.version -= 1;
    before.until = chance.percent(50).then(|| chance.minutes(200, 4000));
    before.loaded = chance.percent(85);
    for (name, rules) in before.identities.iter_mut().enumerate() {
        if chance.percent(85) {
            rules[0].from = None;
            rules[0].until = None;
        }
        // Somebody who was replaced since.
        if chance.percent(6) && name != LEADS {
            rules[0].key = chance.one(&[STRAY, SECOND_PROMOTER, MALLORY]);
        }
    }
    for edge in &mut before.edges {
        if chance.percent(20) {
            edge.require = require(edge.step.to, current, chance);
        }
    }
    // What is asked besides is new, gone, or was another rule.
    for at in (0..before.tighten.len()).rev() {
        if chance.percent(40) {
            before.tighten.remove(at);
        }
    }
    if chance.percent(10) {
        before.tighten.push(tighten(current, chance));
    }
    for service in &mut before.services {
        if chance.percent(40) {
            service.tighten.clear();
        }
    }
    if chance.percent(20) {
        before.edges.remove(chance.below(before.edges.len()));
    }
    if chance.percent(15) {
        before.revocations = chance.one(&[
            None,
            Some(Revokers {
                by: vec![SECURITY],
                lift: vec![LEADS],
                threshold: 1,
            }),
        ]);
    }
    if chance.percent(20) {
        before.freezes = chance.one(&[None, Some(vec![RELEASE]), Some(vec![STRAY])]);
    }
    for tier in &mut before.tiers {
        tier.claims ^= chance.percent(10);
    }
    before
}
