//! What is left of a world in which the two disagree, when all that does not matter is taken away.

use std::fmt::Write as _;

use super::evidence::Ruled;
use super::world::{Copy, World};
use super::{differ, text};

/// Takes away, one at a time, whatever leaves them in disagreement.
pub(super) fn shrink(ruled: &Ruled, mut world: World) -> World {
    let try_one = |world: &mut World, change: &dyn Fn(&mut World)| {
        let mut smaller = world.clone();
        change(&mut smaller);
        if differ(ruled, &smaller).is_some() {
            *world = smaller;
        }
    };
    for place in (0..world.copies.len()).rev() {
        try_one(&mut world, &|world| world.copies.truncate(place));
        try_one(&mut world, &|world| {
            // It may be gone with all that came after it.
            if place < world.copies.len() {
                world.copies.remove(place);
            }
        });
    }
    for place in 0..world.copies.len() {
        let plain: [fn(&mut Copy); 2] = [|copy| copy.broken = false, |copy| copy.proof = None];
        for change in plain {
            try_one(&mut world, &|world| change(&mut world.copies[place]));
        }
    }
    let plain: [fn(&mut World); 7] = [
        |world| world.truncated = false,
        |world| world.unavailable = false,
        |world| world.ledger_unavailable = false,
        |world| world.index_received = false,
        |world| world.state = None,
        |world| world.anchor = None,
        |world| world.now += 10_000,
    ];
    for change in plain {
        try_one(&mut world, &change);
    }
    world
}

/// For people: who signed what, and what the policy says.
pub(super) fn describe(ruled: &Ruled, world: &World) -> String {
    let mut out = String::new();
    let mut line = |text: std::fmt::Arguments<'_>| writeln!(out, "{text}").unwrap();
    line(format_args!(
        "asked about e{} at minute {}, before {:?}",
        world.asked, world.now, world.before
    ));
    line(format_args!(
        "truncated {}, unavailable {}, ledger unavailable {}, index received {}",
        world.truncated, world.unavailable, world.ledger_unavailable, world.index_received
    ));
    line(format_args!("anchor {:?}", world.anchor));
    line(format_args!("state {:?}", world.state));
    for copy in &world.copies {
        let said = &world.statements[copy.of];
        line(format_args!(
            "#{} by key {} proof {:?}{}{}: {said:?}",
            copy.of,
            copy.key,
            copy.proof,
            if copy.broken { ", broken" } else { "" },
            if copy.in_ledger {
                ", in the ledger"
            } else {
                ""
            },
        ));
    }
    for files in text::each(&ruled.policies) {
        let all = [&files.base]
            .into_iter()
            .chain(&files.services)
            .chain(&files.people);
        for file in all {
            line(format_args!(
                "{}: {}",
                file.path,
                String::from_utf8_lossy(&file.bytes)
            ));
        }
    }
    out
}
