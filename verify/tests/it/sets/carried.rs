//! What was attached to some members only, and what of it is attached to the others.

use bulla_model::predicate::Promotion;
use bulla_model::{EdgeKind, SubjectSet};
use bulla_verify::{SetPromotions, SetRequest, Verified, promotions_of};
use serde_json::json;

use super::{Train, sorted};
use crate::kit::{Entry, Signer, World, log};

const ALL: [&str; 3] = ["api", "web", "chart"];

/// What is asked, by whom.
#[derive(Clone, Copy)]
struct Asked<'a> {
    to: &'a str,
    kind: EdgeKind,
    names: &'a [&'a str],
    who: &'a str,
}

impl Asked<'_> {
    fn into(to: &str) -> Asked<'_> {
        Asked {
            to,
            kind: EdgeKind::Promote,
            names: &ALL,
            who: "promoter",
        }
    }

    fn told(&self, world: &World) -> SetPromotions {
        let set: SubjectSet = sorted(self.names).into_iter().collect();
        let promoter = Signer::named(self.who).identity();
        let request = SetRequest {
            environment: self.to,
            kind: self.kind,
            set: &set,
            promoter: &promoter,
        };
        world
            .ask(|question| promotions_of(question, &request))
            .unwrap()
    }

    fn carried(&self, train: &Train) -> Vec<Verified<Promotion>> {
        SetPromotions::join(train.0.iter().map(|world| self.told(world)))
    }

    fn count(&self, train: &Train) -> usize {
        self.carried(train).len()
    }
}

/// The promotion into prod is beside the first image only.
fn interrupted() -> Train {
    let mut train = Train::in_prod();
    for world in &mut train.0[1..] {
        world.take("promoter promotion prod");
    }
    train
}

#[test]
fn only_the_promoter_s_statements_of_exactly_this_set_are_carried_further() {
    let mut train = interrupted();
    let prod = Asked::into("prod");
    assert_eq!(prod.count(&train), 1);
    for names in [&ALL[..2], &ALL[..1]] {
        let fewer = Asked { names, ..prod };
        assert!(fewer.told(&train.0[0]).is_empty(), "{names:?}");
    }
    let world = &mut train.0[0];
    let entry = world.take("promoter promotion prod").remove(0);
    let said = crate::kit::promotion_in(&entry.bundle);
    world.seal_promotion("mallory", "prod", &said, &sorted(&ALL));
    world.seal_promotion("tester", "prod", &said, &sorted(&ALL));
    assert_eq!(
        prod.count(&train),
        0,
        "a stranger's and a tester's are none"
    );
}

#[test]
fn a_promotion_into_another_environment_is_not_carried() {
    // Left over from a promotion that somebody gave up.
    let train = interrupted();
    let into_dev = Asked::into("dev").carried(&train);
    let named: Vec<_> = into_dev
        .iter()
        .map(|one| one.value().edge.to.uri.name())
        .collect();
    assert_eq!(named, ["dev"]);
    let hotfix = Asked {
        kind: EdgeKind::Hotfix,
        ..Asked::into("prod")
    };
    assert_eq!(hotfix.count(&train), 0, "nor a step of another kind");
}

#[test]
fn nothing_is_carried_in_the_name_of_who_may_not_promote() {
    let train = interrupted();
    for who in ["mallory", "tester", "alice"] {
        let asked = Asked {
            who,
            ..Asked::into("prod")
        };
        assert_eq!(asked.count(&train), 0, "{who}");
    }
}

#[test]
fn what_one_of_them_knows_to_be_taken_back_is_not_carried() {
    let base = || {
        let mut world = World::empty();
        let guarded = World::guarded(1);
        (world.files, world.anchor) = (guarded.files, guarded.anchor);
        world.more_keys = guarded.more_keys;
        world
    };
    let promoted = || {
        let mut train = Train::of(&ALL, base).promoted_into_prod();
        train.0[2].take("promoter promotion prod");
        train
    };
    let prod = Asked::into("prod");
    let mut train = promoted();
    assert_eq!(prod.count(&train), 1);
    let head = prod.carried(&train)[0].payload().clone();
    // Seen by the ledger of the first image only.
    let target = json!({"kind": "attestation", "payload": head});
    train.0[0].revoke("security", std::slice::from_ref(&target));
    assert_eq!(prod.count(&train), 0);
    // What a stranger says of it changes nothing.
    let mut train = promoted();
    train.0[0].revoke("mallory", &[target]);
    assert_eq!(prod.count(&train), 1);
}

#[test]
fn the_copy_that_is_known_best_is_carried_wherever_it_is() {
    // A stranger left a copy without its record beside the others; it is believed by nobody who wants
    // a time proven.
    for place in 0..ALL.len() {
        let mut train = Train::in_prod();
        for world in &mut train.0 {
            world.roots = vec![log::root()];
        }
        let bare = train.0[0].take("promoter promotion prod").remove(0);
        for world in &mut train.0[1..] {
            world.take("promoter promotion prod");
        }
        let entry = |bundle: Vec<u8>| Entry {
            name: bare.name.clone(),
            bundle,
        };
        let seen = log::again("promoter", &bare.bundle, crate::kit::hour(4));
        for (at, world) in train.0.iter_mut().enumerate() {
            let bundle = if at == place { &seen } else { &bare.bundle };
            world.evidence.push(entry(bundle.clone()));
        }
        let carried = Asked::into("prod").carried(&train);
        assert_eq!(carried.len(), 1);
        let manifest = bulla_model::Digest::sha256(&seen);
        assert_eq!(carried[0].manifest(), Some(&manifest), "{place}");
        assert!(carried[0].time().is_proven());
    }
}
