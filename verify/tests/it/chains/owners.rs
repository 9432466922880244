//! Policies that their owners have to sign.

use bulla_verify::State;
use serde_json::json;

use super::story::{stories, verify, with};
use crate::kit::{World, hour, policy, tampered};
use crate::owners::{add, bundle, demanded, published, sign, signed};

stories! {
    "policy-signed", "Step 1: the policy's age",
        "As many owners as the anchor wants signed the files at hand.",
        0 => verify("prod", signed());
    "policy-signed-beside-junk", "Step 1: the policy's age",
        "What counts is not changed by what does not, signed by others, broken or about another version.",
        0 => verify("prod", with(signed(), |world| {
            add(world, b"{".to_vec());
            sign(world, "mallory");
            let mut old = published(world);
            old["version"] = json!(1);
            add(world, bundle("otto", &old));
            let broken = tampered(&world.files.signatures[0].bytes, "release.yaml", "release.yamk");
            add(world, broken);
        }));
    "policy-unsigned-and-nobody-asks", "Step 1: the policy's age",
        "Without `mustSign` nobody has to sign.",
        0 => verify("prod", with(demanded(), |world| {
            world.anchor = world.anchor.take().map(|text| text.replace(", mustSign: true", ""));
        }));
    "policy-unsigned", "Step 1: the policy's age",
        "An anchor that says `mustSign` wants signatures.",
        10 PolicyUnsigned => verify("prod", demanded());
    "policy-signed-by-too-few", "Step 1: the policy's age",
        "Fewer owners than the anchor wants are not enough.",
        1 PolicyUnsigned => verify("prod", with(demanded(), |world| sign(world, "olivia")));
    "policy-signed-by-one-owner-twice", "Step 1: the policy's age",
        "Distinct owners are counted, of each statement for itself.",
        1 PolicyUnsigned => verify("prod", with(demanded(), |world| {
            sign(world, "olivia");
            sign(world, "olivia");
            let mut other = published(world);
            other["notAfter"] = json!(hour(90));
            add(world, bundle("oscar", &other));
        }));
    "policy-signed-by-strangers", "Step 1: the policy's age",
        "Whoever is no owner signs no policy.",
        11 PolicyUnsigned => verify("prod", with(demanded(), |world| {
            sign(world, "mallory");
            sign(world, "promoter");
        }));
    "policy-signed-ahead", "Step 1: the policy's age",
        "What was signed later than now, and more than a minute, does not count.",
        14 PolicyUnsigned TooLate => verify("prod", with(demanded(), |world| {
            world.now = hour(25);
            sign(world, "olivia");
            sign(world, "oscar");
            world.now = hour(24);
        }));
    "policy-with-other-persons-than-signed", "Step 1: the policy's age",
        "The persons are signed too.",
        1 PolicyChanged => verify("prod", with(signed(), without_bob));
    "policy-with-another-service-than-signed", "Step 1: the policy's age",
        "A service file that was not signed is another policy.",
        1 PolicyChanged => verify("prod", with(signed(), |world| {
            let text = "service: other\ntier: low\nsources: [\"https://github.com/acme/other\"]\n";
            world.files.services.push(policy::file("services/other.yaml", text.to_owned()));
        }));
    "policy-signed-until-now", "Step 1: the policy's age",
        "`now` is before the `notAfter` of the owners.",
        14 PolicyExpired => verify("prod", with(signed(), |world| world.now = hour(48)));
    "policy-signed-with-its-history", "Step 1: the policy's age",
        "Of an earlier version the owners' word may have ended.",
        0 => verify("prod", with(succeeded(), |world| world.now = hour(40)));
    "policy-signed-without-its-history", "Step 1: the policy's age",
        "Each version that `history` lists is at hand.",
        3 PolicyNotLoaded => verify("prod", with(succeeded(), |world| world.files.predecessors.clear()));
    "policy-signed-with-other-persons-before", "Step 1: the policy's age",
        "The persons of an earlier version are signed too.",
        1 PolicyUnsigned => verify("prod", with(succeeded(), |world| {
            let people = world.files.predecessors[0].people.as_mut();
            people.unwrap().bytes.extend(b"# somebody else\n");
        }));
    "policy-signed-again-with-other-persons", "Step 1: the policy's age",
        "Persons change with a later word of the owners, in the same version.",
        0 => verify("prod", with(signed(), resigned));
    "persons-put-back", "Step 1: the policy's age",
        "What enough owners signed later takes the place of what they signed before.",
        14 PolicyRollback => verify("prod", with(signed(), |world| {
            let before = world.files.people.clone();
            resigned(world);
            world.files.people = before;
        }));
    "persons-put-back-that-one-owner-replaced", "Step 1: the policy's age",
        "What too few owners signed later takes nothing's place.",
        0 => verify("prod", with(signed(), |world| {
            let before = world.files.people.clone();
            resigned(world);
            world.files.people = before;
            world.files.signatures.pop();
        }));
    "persons-put-back-before-a-state", "Step 1: the policy's age",
        "The state has seen no later word of the owners on this version.",
        14 PolicyRollback => verify("prod", with(signed(), |world| {
            let before = world.files.clone();
            resigned(world);
            let mut state = State::default();
            state.remember(&world.parsed());
            state.remember_published(&world.parsed(), world.now);
            world.state = Some(state);
            world.files = before;
        }));
}

fn without_bob(world: &mut World) {
    let roles = "    roles: [release-manager]\n    emails: [bob";
    world.edit("people.yaml", roles, "    emails: [bob");
}

/// An hour later two owners sign other persons; of those who signed before one does.
fn resigned(world: &mut World) {
    without_bob(world);
    world.now = hour(25);
    sign(world, "oscar");
    sign(world, "otto");
}

/// Version 3, signed until hour 30, and version 4, signed until hour 48.
fn succeeded() -> World {
    let mut world = demanded();
    let mut short = published(&world);
    short["notAfter"] = json!(hour(30));
    for who in ["olivia", "oscar"] {
        add(&mut world, bundle(who, &short));
    }
    world.next_policy();
    sign(&mut world, "olivia");
    sign(&mut world, "otto");
    world
}
