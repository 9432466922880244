//! Stories: a world, what is asked of it, and what has to come out. One story is one vector.

use bulla_model::predicate::{Approval, Promotion};
use bulla_model::{Digest, EdgeKind};
use bulla_verify::Code;
use jiff::Timestamp;

use crate::kit::{self, Signer, World, hour, log};

/// What a vector is made from.
pub(super) struct Story {
    pub(super) name: &'static str,
    pub(super) section: &'static str,
    pub(super) about: &'static str,
    /// The exit code and, beside whatever else is found, these codes.
    pub(super) exit: u8,
    pub(super) finds: &'static [Code],
    pub(super) tell: fn() -> Told,
}

/// A world with the question put to it.
pub(super) struct Told {
    pub(super) world: World,
    pub(super) asked: Asked,
}

#[derive(Clone, Copy)]
pub(super) enum Asked {
    Verify(&'static str),
    Step {
        to: &'static str,
        from: Option<&'static str>,
        kind: EdgeKind,
        promoter: Option<&'static str>,
    },
}

/// A table of stories: name, section and sentence, then exit code and findings, then the story.
macro_rules! stories {
    ($($name:literal, $section:literal, $about:literal, $exit:literal $($code:ident)* => $told:expr;)*) => {
        pub(super) const STORIES: &[$crate::chains::story::Story] = &[$(
            $crate::chains::story::Story {
                name: $name,
                section: $section,
                about: $about,
                exit: $exit,
                finds: &[$(bulla_verify::Code::$code),*],
                tell: || $told,
            }
        ),*];
    };
}

pub(super) use stories;

/// May it be there?
pub(super) fn verify(environment: &'static str, world: World) -> Told {
    let asked = Asked::Verify(environment);
    Told { world, asked }
}

/// May the promoter promote it into there?
pub(super) fn step(to: &'static str, world: World) -> Told {
    take(EdgeKind::Promote, to, world)
}

/// May the promoter take a step of this kind?
pub(super) fn take(kind: EdgeKind, to: &'static str, world: World) -> Told {
    let asked = Asked::Step {
        to,
        from: None,
        kind,
        promoter: Some("promoter"),
    };
    Told { world, asked }
}

/// A world after a change.
pub(super) fn with(mut world: World, change: impl FnOnce(&mut World)) -> World {
    change(&mut world);
    world
}

/// The journey under a policy with this line instead of that.
pub(super) fn ruled(path: &str, from: &str, to: &str) -> World {
    let mut world = World::empty();
    world.edit(path, from, to);
    evidence(&mut world);
    world.into_staging()
}

pub(super) fn evidence(world: &mut World) {
    world.provenance();
    world.sbom();
    world.tests();
}

/// From staging into prod at hour 4, approved by these; it is hour 24.
pub(super) fn into_prod(mut world: World, approvers: &[&str]) -> World {
    world.now = hour(3);
    for who in approvers {
        world.approve(who, "prod");
    }
    world.now = hour(4);
    world.promote("prod");
    world.now = hour(24);
    world
}

/// The same where alice's approval says something else than it should.
pub(super) fn alice_says(change: impl Fn(&mut Approval)) -> World {
    let mut world = World::staged();
    world.approve_with("alice", "prod", change);
    into_prod(world, &["carol"])
}

/// The journey, of which the last promotion says something else than it should.
pub(super) fn prod_says(change: impl Fn(&mut Promotion)) -> World {
    let mut world = World::approved();
    world.promote_with("prod", change);
    world.now = hour(24);
    world
}

/// An anchor with these lines.
pub(super) fn anchored(mut world: World, lines: &str) -> World {
    let owner = kit::policy::key("owner");
    world.anchor = Some(format!(
        "apiVersion: bulla.dev/anchor/v0.1\nowners: {{threshold: 1, keys: [{owner}]}}\n{lines}\n"
    ));
    world
}

impl World {
    /// Has the log of the tests say when these were signed, instead of their signer.
    pub(crate) fn prove(&mut self, name: &str, at: Timestamp) {
        for entry in self.take(name) {
            let bundle = log::again(signer(&entry.name), &entry.bundle, at);
            self.add(&entry.name, bundle);
        }
        self.roots = vec![log::root()];
    }

    /// Adds copies of these, which the log has seen at this time.
    pub(crate) fn copy_proven(&mut self, name: &str, at: Timestamp) {
        let originals = self.take(name);
        for entry in &originals {
            let bundle = log::again(signer(&entry.name), &entry.bundle, at);
            self.add(&format!("{} recorded later", entry.name), bundle);
        }
        self.evidence.extend(originals);
        self.roots = vec![log::root()];
    }

    /// Signs what is there a second time, by somebody else.
    pub(super) fn sign_over(&mut self, name: &str, who: &str) {
        for entry in self.take(name) {
            let bundle = Signer::named(who).seal(&kit::payload(&entry.bundle));
            self.add(&format!("{who} {}", entry.name), bundle);
        }
    }

    /// The payload digest of the first with this name.
    pub(crate) fn digest_of(&self, name: &str) -> Digest {
        let mut entries = self.evidence.iter();
        let entry = entries.find(|entry| entry.name.starts_with(name)).unwrap();
        Digest::sha256(&kit::payload(&entry.bundle))
    }
}

/// Entries are named after their signer.
fn signer(name: &str) -> &str {
    name.split_whitespace().next().unwrap()
}
