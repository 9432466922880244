//! Random worlds, each decided twice: by Bulla over signed evidence, and by a small reference over
//! plain values that was written from `docs/spec/promotion-chain.md` alone. They have to agree on
//! decision, exit code, and the code, severity and check of every finding.
//!
//! Where they do not, one of three is wrong: Bulla, the page, or the reference.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::atomic::{AtomicUsize, Ordering};

use chance::Chance;
use decide::Answer;
use evidence::Ruled;
use world::World;

mod chance;
mod decide;
mod ending;
mod evidence;
mod policies;
mod said;
mod shrink;
mod story;
mod text;
mod world;

/// Each run sees the same worlds.
const SEED: u64 = 0x6275_6c6c_6120_0004;
/// How many cases there are, and how many share a policy, because reading one takes long.
const CASES: usize = 100_000;
const PER_POLICY: usize = 250;
/// What every test run makes: the first cases of the first policies.
const SOME_POLICIES: usize = 40;
const SOME_CASES: usize = 15;

/// What became of some cases.
#[derive(Default)]
struct Outcome {
    cases: usize,
    exits: BTreeMap<u8, usize>,
    codes: BTreeMap<&'static str, usize>,
    wrong: Vec<String>,
}

fn ruled(case: usize) -> Ruled {
    let number = u64::try_from(case / PER_POLICY).unwrap();
    Ruled::new(policies::policies(&mut Chance::of(!SEED, number)))
}

fn world(ruled: &Ruled, case: usize) -> World {
    let number = u64::try_from(case).unwrap();
    story::world(&ruled.policies, &mut Chance::of(SEED, number))
}

fn differ(ruled: &Ruled, world: &World) -> Option<String> {
    compare(ruled, world).1
}

/// Bulla's answer, and what the two say that the other does not.
fn compare(ruled: &Ruled, world: &World) -> (Answer, Option<String>) {
    let (found, order) = evidence::ask(ruled, world);
    let expected = decide::decide(world, &order);
    let only = |one: &Answer, other: &Answer| {
        let more: Vec<_> = one.findings.difference(&other.findings).collect();
        format!("{}, exit {}, {more:?}", one.decision, one.exit)
    };
    let difference = (found != expected).then(|| {
        let (ours, theirs) = (only(&found, &expected), only(&expected, &found));
        format!("Bulla says {ours}; the reference {theirs}")
    });
    (found, difference)
}

impl Outcome {
    fn add(&mut self, ruled: &Ruled, case: usize) {
        let world = world(ruled, case);
        let (found, difference) = compare(ruled, &world);
        self.cases += 1;
        *self.exits.entry(found.exit).or_default() += 1;
        for (code, _, _) in &found.findings {
            *self.codes.entry(code).or_default() += 1;
        }
        self.wrong
            .extend(difference.map(|what| format!("case {case}: {what}")));
    }

    fn join(&mut self, other: Self) {
        self.cases += other.cases;
        self.wrong.extend(other.wrong);
        for (exit, count) in other.exits {
            *self.exits.entry(exit).or_default() += count;
        }
        for (code, count) in other.codes {
            *self.codes.entry(code).or_default() += count;
        }
    }

    fn assert_alike(&self) {
        let mut some = String::new();
        for wrong in self.wrong.iter().take(8) {
            writeln!(some, "{wrong}").unwrap();
        }
        assert!(
            self.wrong.is_empty(),
            "{} of {} cases differ; BULLA_MODEL_CASE=n .ci/model shows one\n{some}",
            self.wrong.len(),
            self.cases
        );
    }
}

/// The first cases of each of the first policies, on as many threads as there are processors.
fn run(policies: usize, cases: usize) -> Outcome {
    let next = AtomicUsize::new(0);
    let work = || {
        let mut outcome = Outcome::default();
        loop {
            let policy = next.fetch_add(1, Ordering::Relaxed);
            if policy >= policies {
                return outcome;
            }
            let first = policy * PER_POLICY;
            let ruled = ruled(first);
            for case in first..first + cases {
                outcome.add(&ruled, case);
            }
        }
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let mut all = Outcome::default();
    std::thread::scope(|scope| {
        let running: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        for thread in running {
            all.join(thread.join().unwrap());
        }
    });
    all
}

#[test]
fn bulla_and_the_reference_decide_alike() {
    let outcome = run(SOME_POLICIES, SOME_CASES);
    assert_eq!(outcome.cases, SOME_POLICIES * SOME_CASES);
    outcome.assert_alike();
}

#[test]
#[ignore = "takes minutes; `.ci/model` runs it"]
#[expect(clippy::print_stdout, reason = "the count is what the run is for")]
#[expect(
    clippy::disallowed_methods,
    reason = "one case is asked for by its number"
)]
fn bulla_and_the_reference_decide_alike_in_every_case() {
    if let Ok(case) = std::env::var("BULLA_MODEL_CASE") {
        return alone(case.parse().unwrap());
    }
    let outcome = run(CASES / PER_POLICY, PER_POLICY);
    println!("{} cases, {} differ", outcome.cases, outcome.wrong.len());
    for (exit, count) in &outcome.exits {
        println!("exit {exit:>2}: {count}");
    }
    for (code, count) in &outcome.codes {
        println!("{code}: {count}");
    }
    assert_eq!(outcome.cases, CASES);
    outcome.assert_alike();
    assert!(outcome.exits[&0] * 100 >= CASES * 15, "too few are allowed");
    for exit in [0, 1, 3, 4, 10, 11, 12, 13, 14] {
        let count = outcome.exits.get(&exit).copied().unwrap_or_default();
        assert!(count >= 100, "exit {exit} came out {count} times only");
    }
}

/// One case, and what is left of it if it differs.
#[expect(
    clippy::print_stdout,
    reason = "it is for whoever looks for the reason"
)]
fn alone(case: usize) {
    let ruled = ruled(case);
    let world = world(&ruled, case);
    let Some(difference) = differ(&ruled, &world) else {
        println!("case {case}: alike");
        return;
    };
    let small = shrink::shrink(&ruled, world);
    println!("{}", shrink::describe(&ruled, &small));
    let rest = differ(&ruled, &small).unwrap_or_default();
    panic!("case {case}: {difference}\nwhat is left: {rest}");
}
