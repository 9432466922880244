//! Kyverno's conditions over a statement: those that a requirement of Bulla's can say.

use super::gaps::{Effect, Fields, Gaps};
use super::node::{Node, Value};
use super::patterns::{Matching, regular_expression, wildcard};
use super::rules::ClaimKind;

const NOT_SAID: &str = "no requirement can say this condition";

/// An element of `conditions`: all of `all` and one of `any` have to hold.
pub(super) fn read(node: &Node, path: &str, kind: &mut ClaimKind, gaps: &mut Gaps) {
    let mut fields = Fields::of(node, path, gaps);
    let mut conditions = fields.list("all", gaps);
    let any = fields.list("any", gaps);
    match any.len() {
        0 | 1 => conditions.extend(any),
        _ => {
            let why = "conditions of which one has to hold cannot be said";
            gaps.add(node.at, &fields.path("any"), Effect::Denied, why);
        }
    }
    fields.rest(gaps);
    for (node, path) in conditions {
        condition(node, &path, kind, gaps);
    }
}

fn condition(node: &Node, path: &str, kind: &mut ClaimKind, gaps: &mut Gaps) {
    let mut fields = Fields::of(node, path, gaps);
    fields.take("message");
    let key = fields.text("key", gaps).map_or("", |(text, _)| text);
    let operator = fields.text("operator", gaps).map_or("", |(text, _)| text);
    let value = fields.take("value");
    fields.rest(gaps);
    let Some(value) = value else {
        gaps.add(node.at, path, Effect::Denied, NOT_SAID);
        return;
    };
    if let Err(why) = said(key, operator, value, kind, path, gaps) {
        gaps.add(node.at, path, Effect::Denied, why);
    }
}

fn said(
    key: &str,
    operator: &str,
    value: &Node,
    kind: &mut ClaimKind,
    path: &str,
    gaps: &mut Gaps,
) -> Result<(), &'static str> {
    // Space around names says nothing; in a quoted expression it does.
    let quoted = key.split('\'').skip(1).step_by(2);
    let spaced =
        |part: &str| !part.trim_start().starts_with("{{") && part.contains(char::is_whitespace);
    if quoted.into_iter().any(spaced) {
        return Err(NOT_SAID);
    }
    let key: String = key.chars().filter(|c| !c.is_whitespace()).collect();
    let inside = key
        .strip_prefix("{{")
        .and_then(|rest| rest.strip_suffix("}}"))
        .ok_or(NOT_SAID)?;
    match (kind, operator) {
        (ClaimKind::Vulnerabilities { max_age }, "LessThanOrEquals")
            if inside == "time_since('','{{metadata.scanFinishedOn}}','')" =>
        {
            let Value::Text(text) = &value.value else {
                return Err(NOT_SAID);
            };
            let age = age(text).ok_or("a length of time that a policy cannot say")?;
            once(max_age.is_none())?;
            *max_age = Some(age);
            Ok(())
        }
        (
            ClaimKind::Sbom {
                format: "cyclonedx",
            },
            "Equals" | "Equal",
        ) if matches!(inside, "bomFormat" | "Data.bomFormat") => match &value.value {
            Value::Text(text) if text == "CycloneDX" => Ok(()),
            _ => Err(NOT_SAID),
        },
        (
            ClaimKind::Provenance {
                builders,
                build_types,
            },
            "Equals" | "Equal",
        ) => {
            let (member, found) = match in_expression(inside) {
                Some((expression, member)) if is_true(value) => {
                    let read = regular_expression(expression)?;
                    for how in read.narrower {
                        gaps.add(value.at, path, Effect::Stricter, how);
                    }
                    (member, read.matching)
                }
                Some(_) => return Err(NOT_SAID),
                None => (inside, plain(value)?),
            };
            let list = match member {
                "builder.id" | "runDetails.builder.id" => builders,
                "buildType" | "buildDefinition.buildType" => build_types,
                _ => return Err(NOT_SAID),
            };
            once(list.is_empty())?;
            list.push(found.in_a_list()?);
            Ok(())
        }
        _ => Err(NOT_SAID),
    }
}

/// Several values of one member would be read as one of them.
fn once(first: bool) -> Result<(), &'static str> {
    if first {
        Ok(())
    } else {
        Err("a second condition on the same member")
    }
}

/// `regex_match('EXPRESSION','{{MEMBER}}')`.
fn in_expression(inside: &str) -> Option<(&str, &str)> {
    let rest = inside.strip_prefix("regex_match('")?;
    let (expression, rest) = rest.split_once("','{{")?;
    let member = rest.strip_suffix("}}')")?;
    (!expression.contains('\'') && !member.contains(['\'', '{', '}']))
        .then_some((expression, member))
}

fn is_true(value: &Node) -> bool {
    match &value.value {
        Value::Truth(truth) => *truth,
        Value::Text(text) => text == "true",
        _ => false,
    }
}

fn plain(value: &Node) -> Result<Matching, &'static str> {
    match &value.value {
        Value::Text(text) => wildcard(text),
        _ => Err(NOT_SAID),
    }
}

/// Go's `168h` as a policy writes it.
fn age(text: &str) -> Option<String> {
    let digits = text.strip_suffix(['h', 'm', 's'])?;
    let count: u32 = digits.parse().ok().filter(|count| *count > 0)?;
    let unit = text.chars().last()?;
    Some(format!("{count}{unit}"))
}
