//! From what is told to the score: whole numbers only, each division rounded down.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use super::check::{Category, Check};
use super::facts::{Facts, Part, Share, Trait};
use super::{CategoryScore, CheckScore, Fix, Quality, Score};

/// What a check is worth that all meet: ten, in millionths.
const FULL: u64 = 10_000_000;

/// What it is worth at most as long as one does not.
const NEARLY: u64 = 9_900_000;

const TENTH: u64 = 100_000;
const HUNDREDTH: u64 = 10_000;

/// How many components are told of each check.
const SHOWN: usize = 3;

pub(super) fn weigh(facts: &Facts) -> Quality {
    let mut categories = Vec::new();
    let mut lost: BTreeMap<Check, u64> = BTreeMap::new();
    let (mut sum, mut weights) = (0_u64, 0_u64);
    for category in Category::ALL {
        let checks: Vec<(Check, Share)> = category
            .checks()
            .filter_map(|check| Some((check, share(facts, check)?)))
            .collect();
        let of: u64 = checks.iter().map(|(check, _)| check.weight()).sum();
        let points = checks
            .iter()
            .map(|(check, share)| check.weight() * share.points());
        let points = points.sum::<u64>().checked_div(of).unwrap_or_default();
        sum += category.weight() * points;
        weights += category.weight();
        for (check, share) in &checks {
            let less = category.weight() * check.weight() * (FULL - share.points());
            let less = less.checked_div(of).unwrap_or_default();
            *lost.entry(first_of(facts, *check)).or_default() += less;
        }
        let checks = checks
            .into_iter()
            .map(|(check, Share { have, of })| CheckScore { check, have, of });
        categories.push(CategoryScore {
            category,
            score: Score::of_tenths(points / TENTH),
            checks: checks.collect(),
        });
    }
    let fixes = lost
        .into_iter()
        .filter(|(check, lost)| *lost > 0 && !facts.beyond.contains(check));
    let fixes = fixes.map(|(check, lost)| fix(facts, check, lost / weights / HUNDREDTH));
    let mut fixes: Vec<Fix> = fixes.collect();
    fixes.sort_by_key(|fix| (Reverse(fix.lost), fix.check));
    Quality {
        score: Score::of_tenths(sum / weights / TENTH),
        components: facts.parts.len(),
        categories,
        fixes,
    }
}

impl Share {
    fn points(self) -> u64 {
        match FULL.saturating_mul(self.have).checked_div(self.of) {
            _ if self.have >= self.of => FULL,
            points => points.unwrap_or_default().min(NEARLY),
        }
    }
}

/// What a check comes to; nothing where it is not asked.
fn share(facts: &Facts, check: Check) -> Option<Share> {
    let Some(meets) = of_component(check) else {
        return facts.document.get(&check).copied();
    };
    if facts.parts.is_empty() {
        return None;
    }
    if is_bare(facts, check) {
        return Some(Share {
            have: 0,
            of: facts.parts.len() as u64,
        });
    }
    let (mut have, mut of) = (0, 0);
    for meets in facts.parts.iter().filter_map(meets) {
        have += u64::from(meets);
        of += 1;
    }
    Some(Share { have, of })
}

/// Where no component has a digest or licence at all, none is weak or deprecated, and none is good.
fn is_bare(facts: &Facts, check: Check) -> bool {
    let tells = |wanted| facts.parts.iter().any(|part| part.has(wanted));
    match check {
        Check::NoWeakHash => !tells(Trait::StrongHash) && !tells(Trait::WeakHash),
        Check::CurrentLicense | Check::PermissiveLicense => !tells(Trait::Concluded),
        _ => false,
    }
}

/// The check that has to be met first: what nothing is told of cannot be written well either.
fn first_of(facts: &Facts, check: Check) -> Check {
    let is_badly = |good| {
        let mut parts = facts.parts.iter();
        parts.any(|part| part.has(Trait::Concluded) && !part.has(good))
    };
    match check {
        Check::NoWeakHash if is_bare(facts, check) => Check::StrongHash,
        Check::CurrentLicense | Check::PermissiveLicense if is_bare(facts, check) => {
            Check::ConcludedLicense
        }
        Check::ValidLicense if !is_badly(Trait::Valid) => Check::ConcludedLicense,
        Check::ListedLicense if !is_badly(Trait::Listed) => Check::ConcludedLicense,
        check => check,
    }
}

type Meets = fn(&Part) -> Option<bool>;

/// Whether a component meets a check; `None` of what is asked of the document.
fn of_component(check: Check) -> Option<Meets> {
    Some(match check {
        Check::ComponentName => |part| Some(part.has(Trait::Name)),
        Check::ComponentVersion => |part| Some(part.has(Trait::Version)),
        Check::ComponentId => |part| Some(part.has(Trait::Id)),
        Check::StrongHash => |part| Some(part.has(Trait::StrongHash)),
        Check::NoWeakHash => |part| {
            let is_strong = part.has(Trait::StrongHash);
            (is_strong || part.has(Trait::WeakHash)).then_some(is_strong)
        },
        Check::SourceCode => |part| Some(part.has(Trait::SourceCode)),
        Check::ComponentSupplier => |part| Some(part.has(Trait::Supplier)),
        Check::Purpose => |part| Some(part.has(Trait::Purpose)),
        Check::ConcludedLicense => |part| Some(part.has(Trait::Concluded)),
        Check::ValidLicense => |part| Some(part.has(Trait::Valid)),
        Check::ListedLicense => |part| Some(part.has(Trait::Listed)),
        Check::CurrentLicense => |part| Some(!part.has(Trait::Deprecated)),
        Check::PermissiveLicense => |part| Some(!part.has(Trait::Restrictive)),
        Check::DeclaredLicense => |part| Some(part.has(Trait::Declared)),
        Check::PackageIdentifier => |part| Some(part.has(Trait::Identifier)),
        _ => return None,
    })
}

fn fix(facts: &Facts, check: Check, lost: u64) -> Fix {
    let meets = of_component(check);
    let lacking = |part: &&Part| meets.is_some_and(|meets| meets(part) == Some(false));
    let mut first: Vec<String> = Vec::new();
    for part in facts.parts.iter().filter(lacking) {
        let label = shown(&part.label);
        if first.len() < SHOWN && !first.contains(&label) {
            first.push(label);
        }
    }
    Fix {
        check,
        missing: meets.map(|_| facts.parts.iter().filter(lacking).count() as u64),
        first,
        lost,
    }
}

fn shown(text: &str) -> String {
    text.chars().take(120).collect()
}
