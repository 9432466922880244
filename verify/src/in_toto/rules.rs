//! Artifact rules, applied in order like those of a firewall.
//!
//! Implements specification v1.0, section 4.3.3.1: the artifacts of one side of a step stand in a
//! queue, rules take some of them out, and `DISALLOW` fails on what is left.

use std::collections::{BTreeMap, BTreeSet};

use bulla_model::in_toto::{
    ArtifactRule, ArtifactSide, Artifacts, MatchRule, artifact_path, is_path_pattern,
};

use super::glob::{Glob, MAX_PATTERN};
use crate::cause::Cause;

/// What went into a step and what came out of it.
#[derive(Clone, Debug, Default)]
pub(super) struct Flow {
    pub(super) materials: Artifacts,
    pub(super) products: Artifacts,
}

impl Flow {
    pub(super) fn side(&self, side: ArtifactSide) -> &Artifacts {
        match side {
            ArtifactSide::Materials => &self.materials,
            ArtifactSide::Products => &self.products,
        }
    }
}

/// A rule that does not hold.
#[derive(Debug)]
pub(super) struct Broken {
    pub(super) cause: Cause,
    pub(super) expected: String,
    pub(super) found: String,
}

/// Applies the rules to one side of a step. `flows` are those of every step that a `MATCH` may
/// name; one that names another matches nothing.
pub(super) fn apply(
    rules: &[ArtifactRule],
    side: ArtifactSide,
    own: &Flow,
    flows: &BTreeMap<String, Flow>,
    cancelled: &dyn Fn() -> bool,
) -> Result<(), Broken> {
    let artifacts = own.side(side);
    let mut queue: BTreeSet<&str> = artifacts.iter().map(|(path, _)| path).collect();
    for rule in rules {
        if cancelled() {
            return Err(Broken {
                cause: Cause::Undetermined,
                expected: "an end in time".to_owned(),
                found: "the time limit was reached".to_owned(),
            });
        }
        let material = |path: &str| own.materials.at(path);
        let product = |path: &str| own.products.at(path);
        match rule {
            ArtifactRule::Create(pattern) => take(&mut queue, rule, pattern, |path| {
                product(path).is_some() && material(path).is_none()
            })?,
            ArtifactRule::Delete(pattern) => take(&mut queue, rule, pattern, |path| {
                material(path).is_some() && product(path).is_none()
            })?,
            ArtifactRule::Modify(pattern) => take(
                &mut queue,
                rule,
                pattern,
                |path| matches!((material(path), product(path)), (Some(was), Some(is)) if was != is),
            )?,
            ArtifactRule::Allow(pattern) => take(&mut queue, rule, pattern, |_| true)?,
            ArtifactRule::Disallow(pattern) => disallow(&queue, rule, pattern)?,
            ArtifactRule::Require(path) => require(&queue, rule, path)?,
            ArtifactRule::Match(matched) => {
                let other = flows.get(&matched.step).map(|flow| flow.side(matched.side));
                consume_matches(&mut queue, rule, matched, artifacts, other)?;
            }
        }
    }
    Ok(())
}

fn take(
    queue: &mut BTreeSet<&str>,
    rule: &ArtifactRule,
    pattern: &str,
    consumes: impl Fn(&str) -> bool,
) -> Result<(), Broken> {
    let glob = compiled(rule, pattern)?;
    queue.retain(|path| !(glob.matches(path) && consumes(path)));
    Ok(())
}

fn disallow(queue: &BTreeSet<&str>, rule: &ArtifactRule, pattern: &str) -> Result<(), Broken> {
    let glob = compiled(rule, pattern)?;
    let left: Vec<&str> = queue
        .iter()
        .copied()
        .filter(|path| glob.matches(path))
        .collect();
    if left.is_empty() {
        return Ok(());
    }
    Err(denied(rule, named(&left)))
}

fn require(queue: &BTreeSet<&str>, rule: &ArtifactRule, path: &str) -> Result<(), Broken> {
    let wanted = artifact_path(path).ok_or_else(|| meaningless(rule))?;
    if queue.contains(wanted.as_str()) {
        return Ok(());
    }
    Err(denied(rule, "no such artifact is left".to_owned()))
}

fn consume_matches(
    queue: &mut BTreeSet<&str>,
    rule: &ArtifactRule,
    matched: &MatchRule,
    artifacts: &Artifacts,
    other: Option<&Artifacts>,
) -> Result<(), Broken> {
    let glob = compiled(rule, &matched.pattern)?;
    let folder = |prefix: &Option<String>| {
        let prefix = prefix.as_deref().and_then(artifact_path);
        prefix.map_or_else(String::new, |prefix| format!("{prefix}/"))
    };
    let source = folder(&matched.source_prefix);
    let destination = folder(&matched.destination_prefix);
    let Some(other) = other else {
        return Ok(());
    };
    queue.retain(|path| {
        let Some(below) = path.strip_prefix(source.as_str()) else {
            return true;
        };
        let same = || {
            let there = other.at(&format!("{destination}{below}"));
            there.is_some() && there == artifacts.at(path)
        };
        !(glob.matches(below) && same())
    });
    Ok(())
}

fn compiled(rule: &ArtifactRule, pattern: &str) -> Result<Glob, Broken> {
    if !is_path_pattern(pattern) {
        return Err(meaningless(rule));
    }
    Glob::new(pattern).ok_or_else(|| Broken {
        cause: Cause::Invalid,
        expected: format!("patterns of at most {MAX_PATTERN} characters"),
        found: rule.to_string(),
    })
}

fn meaningless(rule: &ArtifactRule) -> Broken {
    Broken {
        cause: Cause::Invalid,
        expected: "a pattern without empty, `.` and `..` segments, which no artifact has"
            .to_owned(),
        found: rule.to_string(),
    }
}

fn denied(rule: &ArtifactRule, found: String) -> Broken {
    Broken {
        cause: Cause::Denied,
        expected: rule.to_string(),
        found,
    }
}

/// Some of the paths, and how many there are besides.
fn named(paths: &[&str]) -> String {
    let shown: Vec<String> = paths
        .iter()
        .take(5)
        .map(|path| format!("`{path}`"))
        .collect();
    let more = paths.len().saturating_sub(shown.len());
    let shown = shown.join(", ");
    if more == 0 {
        shown
    } else {
        format!("{shown} and {more} more")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bulla_model::{Digest, DigestSet};

    fn artifacts(pairs: &[(&str, &str)]) -> Artifacts {
        let map: BTreeMap<String, DigestSet> = pairs
            .iter()
            .map(|(path, content)| {
                let digest = Digest::sha256(content.as_bytes());
                ((*path).to_owned(), DigestSet::from(digest))
            })
            .collect();
        map.try_into().unwrap()
    }

    fn flow(materials: &[(&str, &str)], products: &[(&str, &str)]) -> Flow {
        Flow {
            materials: artifacts(materials),
            products: artifacts(products),
        }
    }

    /// Applies rules to the products of a step; what is expected and found where they do not hold.
    fn judged(rules: &[&str]) -> Result<(), (Cause, String)> {
        let own = flow(
            &[("same", "1"), ("changed", "old"), ("gone", "1")],
            &[
                ("same", "1"),
                ("changed", "new"),
                ("new", "1"),
                ("out/bin/app", "app"),
                ("out/bin/lib", "lib"),
            ],
        );
        let build = flow(
            &[("changed", "new")],
            &[("app", "app"), ("dist/app", "app"), ("lib", "other")],
        );
        let flows = BTreeMap::from([("build".to_owned(), build)]);
        let rules: Vec<ArtifactRule> = rules
            .iter()
            .map(|rule| {
                let words: Vec<String> = rule.split(' ').map(str::to_owned).collect();
                ArtifactRule::read(&words).unwrap()
            })
            .collect();
        let verdict = apply(&rules, ArtifactSide::Products, &own, &flows, &|| false);
        verdict.map_err(|broken| (broken.cause, broken.found))
    }

    fn left(rules: &[&str]) -> String {
        let mut rules = rules.to_vec();
        rules.push("DISALLOW *");
        judged(&rules).unwrap_err().1
    }

    #[test]
    fn every_rule_consumes_what_it_says_and_nothing_else() {
        let out = "`out/bin/app`, `out/bin/lib`";
        assert_eq!(
            left(&[]),
            format!("`changed`, `new`, {out}, `same`"),
            "the queue begins with one side alone"
        );
        assert_eq!(left(&["CREATE *"]), "`changed`, `same`");
        assert_eq!(left(&["DELETE *"]), left(&[]), "no product is deleted");
        assert_eq!(left(&["MODIFY *"]), format!("`new`, {out}, `same`"));
        assert_eq!(left(&["ALLOW *a*"]), "`new`, `out/bin/lib`");
        assert_eq!(
            left(&["REQUIRE same"]),
            left(&[]),
            "requiring consumes nothing"
        );
        assert_eq!(judged(&["ALLOW *", "DISALLOW *"]), Ok(()));
        assert_eq!(judged(&["DISALLOW other*"]), Ok(()));
    }

    #[test]
    fn materials_are_consumed_by_deletion() {
        let own = flow(&[("gone", "1"), ("kept", "1")], &[("kept", "1")]);
        let delete = ArtifactRule::Delete("*".to_owned());
        let disallow = ArtifactRule::Disallow("*".to_owned());
        let rules = [delete, disallow];
        let verdict = apply(
            &rules,
            ArtifactSide::Materials,
            &own,
            &BTreeMap::new(),
            &|| false,
        );
        assert_eq!(verdict.unwrap_err().found, "`kept`");
    }

    #[test]
    fn matches_compare_digests_below_their_prefixes() {
        let left_of = |rule: &str| left(&["ALLOW same", "ALLOW new", rule]);
        let all = "`changed`, `out/bin/app`, `out/bin/lib`";
        assert_eq!(left_of("MATCH * WITH PRODUCTS FROM build"), all);
        assert_eq!(
            left_of("MATCH * IN out/bin WITH PRODUCTS FROM build"),
            "`changed`, `out/bin/lib`",
            "`lib` has another digest there"
        );
        assert_eq!(
            left_of("MATCH app IN out/bin/ WITH PRODUCTS IN ./dist FROM build"),
            "`changed`, `out/bin/lib`"
        );
        assert_eq!(left_of("MATCH * IN out/b WITH PRODUCTS FROM build"), all);
        assert_eq!(
            left_of("MATCH changed WITH MATERIALS FROM build"),
            "`out/bin/app`, `out/bin/lib`"
        );
        assert_eq!(left_of("MATCH * WITH MATERIALS FROM nobody"), all);
    }

    #[test]
    fn order_matters_and_required_artifacts_must_be_left() {
        assert_eq!(judged(&["REQUIRE new", "ALLOW *"]), Ok(()));
        assert_eq!(judged(&["REQUIRE ./new"]), Ok(()));
        let missing = Err((Cause::Denied, "no such artifact is left".to_owned()));
        assert_eq!(judged(&["ALLOW *", "REQUIRE new"]), missing);
        assert_eq!(judged(&["REQUIRE *"]), missing, "a path and no pattern");
    }

    #[test]
    fn f26_a_rule_that_can_be_about_nothing_is_refused() {
        for rule in [
            "DISALLOW ./new",
            "ALLOW a//b",
            "MATCH a/ WITH PRODUCTS FROM b",
        ] {
            assert_eq!(judged(&[rule]).unwrap_err().0, Cause::Invalid, "{rule}");
        }
    }
}
