//! The order of members: that of the guide. Names that people choose, and everything in lists, stay in
//! the order in which they were written.

use super::tree::{Aside, Content, Node};

/// What is below a member.
#[derive(Debug)]
pub(super) enum Shape {
    /// Nothing that has an order.
    Any,
    /// Members with the names that policies know.
    Members(&'static [(&'static str, Shape)]),
    /// By names that people choose, each the same.
    Named(&'static Shape),
    /// A list, each the same.
    List(&'static Shape),
}

use Shape::{Any, List, Members, Named};

/// Puts the members of a mapping, and of all in it, in order. What no policy knows goes last.
pub(super) fn arrange(node: &mut Node, shape: &Shape) {
    let Content::Collection(found) = &mut node.content else {
        return;
    };
    found
        .items
        .first_mut()
        .into_iter()
        .for_each(|first| without_first_gap(&mut first.above));
    if let (Members(known), true) = (shape, found.is_mapping) {
        found.items.sort_by_key(|item| {
            let name = item.key.as_ref().map(|key| key.name.as_str());
            known
                .iter()
                .position(|(known, _)| Some(*known) == name)
                .unwrap_or(known.len())
        });
        found
            .items
            .first_mut()
            .into_iter()
            .for_each(|first| without_first_gap(&mut first.above));
    }
    for item in &mut found.items {
        let name = item.key.as_ref().map_or("", |key| key.name.as_str());
        let below = match (shape, found.is_mapping) {
            (Members(known), true) => known
                .iter()
                .find(|(known, _)| *known == name)
                .map(|(_, below)| below),
            (Named(each), true) | (List(each), false) => Some(*each),
            _ => None,
        };
        arrange(&mut item.value, below.unwrap_or(&Any));
    }
}

/// An empty line above the first of several says nothing.
pub(super) fn without_first_gap(above: &mut Vec<Aside>) {
    let gaps = above
        .iter()
        .take_while(|aside| **aside == Aside::Gap)
        .count();
    above.drain(..gaps);
}

/// The kind of file that a text is, by what stands at its top.
pub(super) fn shape_of(node: &Node) -> &'static Shape {
    let has = |name: &str| {
        let items = node
            .collection()
            .map(|it| it.items.as_slice())
            .unwrap_or_default();
        let mut names = items.iter().filter_map(|item| item.key.as_ref());
        names.any(|key| key.name == name)
    };
    if has("apiVersion") {
        &BASE
    } else if has("people") {
        &PEOPLE
    } else if has("service") {
        &SERVICE
    } else {
        &Any
    }
}

pub(super) static BASE: Shape = Members(&[
    ("apiVersion", Any),
    ("name", Any),
    ("version", Any),
    (
        "environments",
        Named(&Members(&[
            ("uri", Any),
            ("audience", Any),
            ("freshness", Members(&[("promote", Any), ("admit", Any)])),
        ])),
    ),
    (
        "tiers",
        Named(&Members(&[
            ("claimedTime", Any),
            ("relayedApprovals", Any),
            ("draftPredicates", Any),
        ])),
    ),
    ("identities", Named(&List(&IDENTITY))),
    (
        "edges",
        List(&Members(&[
            ("from", Any),
            ("to", Any),
            ("kind", Any),
            ("tiers", Any),
            ("by", Any),
            ("require", REQUIRE),
            ("reviewWithin", Any),
            ("reviewRoles", Any),
            ("overdueReview", Any),
        ])),
    ),
    ("tighten", TIGHTEN),
    (
        "builders",
        List(&Members(&[("id", Any), ("by", Any), ("level", Any)])),
    ),
    (
        "history",
        List(&Members(&[
            ("version", Any),
            ("digest", Any),
            ("until", Any),
        ])),
    ),
    (
        "revocations",
        Members(&[
            ("by", Any),
            ("lift", Members(&[("by", Any), ("threshold", Any)])),
        ]),
    ),
    ("freezes", Members(&[("by", Any)])),
]);

pub(super) static SERVICE: Shape = Members(&[
    ("service", Any),
    ("tier", Any),
    ("sources", Any),
    ("images", Any),
    ("owners", Any),
    ("tighten", TIGHTEN),
]);

pub(super) static PEOPLE: Shape = Members(&[
    (
        "people",
        Named(&Members(&[
            ("roles", Any),
            ("emails", Any),
            (
                "accounts",
                List(&Members(&[
                    ("platform", Any),
                    ("id", Any),
                    ("notAfter", Any),
                ])),
            ),
            ("identities", List(&IDENTITY)),
        ])),
    ),
    ("machines", Named(&List(&IDENTITY))),
]);

const IDENTITY: Shape = Members(&[
    ("key", Any),
    ("notBefore", Any),
    ("notAfter", Any),
    ("issuer", Any),
    ("subject", Any),
    ("subjectPattern", Any),
    ("sourceRepository", Any),
    ("buildSignerPattern", Any),
    ("runnerEnvironment", Any),
    ("deploymentEnvironment", Any),
]);

const TIGHTEN: Shape = List(&Members(&[
    ("to", Any),
    ("tiers", Any),
    ("kinds", Any),
    ("effectiveFrom", Any),
    ("standing", Any),
    ("require", REQUIRE),
]));

const REQUIRE: Shape = Members(&[
    (
        "provenance",
        Members(&[
            ("by", Any),
            ("buildTypes", Any),
            ("builders", Any),
            ("refs", Any),
            ("parameters", Any),
            ("level", Any),
            (
                "buildVsa",
                Members(&[("by", Any), ("verifier", Any), ("resources", Any)]),
            ),
            ("sourceVsa", Members(&[("by", Any), ("levels", Any)])),
            ("coverage", Any),
        ]),
    ),
    (
        "sbom",
        Members(&[
            ("by", Any),
            ("formats", Any),
            ("maxAge", Any),
            ("score", Any),
            ("deny", Members(&[("packages", Any), ("licenses", Any)])),
            ("licenses", Members(&[("allow", Any)])),
            ("coverage", Any),
        ]),
    ),
    (
        "baseImages",
        Members(&[
            ("by", Any),
            ("allow", Any),
            ("digests", Any),
            ("scratch", Any),
            ("coverage", Any),
        ]),
    ),
    (
        "tests",
        Members(&[
            ("by", Any),
            ("maxAge", Any),
            ("names", Any),
            ("coverage", Any),
        ]),
    ),
    (
        "vulnerabilities",
        Members(&[
            ("by", Any),
            ("scanners", Any),
            ("maxAge", Any),
            ("deny", Any),
            ("maxSeverity", Any),
            ("fixedOnly", Any),
            ("vex", Members(&[("by", Any)])),
            (
                "waivers",
                Members(&[
                    ("by", Any),
                    ("roles", Any),
                    ("threshold", Any),
                    ("maxTerm", Any),
                ]),
            ),
            ("coverage", Any),
        ]),
    ),
    (
        "soak",
        Members(&[
            ("in", Any),
            ("min", Any),
            ("by", Any),
            ("from", Any),
            ("healthy", Any),
        ]),
    ),
    (
        "approvals",
        Members(&[
            ("threshold", Any),
            ("roles", Any),
            ("exclude", Any),
            ("maxAge", Any),
        ]),
    ),
    (
        "conditions",
        List(&Members(&[
            ("name", Any),
            ("type", Any),
            ("by", Any),
            ("match", Any),
            ("maxAge", Any),
            ("cel", Any),
            ("rego", Any),
        ])),
    ),
    (
        "tickets",
        Members(&[("patterns", Any), ("regex", Any), ("min", Any)]),
    ),
    ("promotionAge", Members(&[("max", Any)])),
    (
        "promotionRecord",
        Members(&[
            ("by", Any),
            ("destinations", Any),
            ("sources", Any),
            ("maxAge", Any),
        ]),
    ),
]);
