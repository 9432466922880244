//! Which modules are taken, by their syntax tree.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::safe;
use crate::cel::{Schema, Shape};

/// Functions of Rego that say the same of the same, and how many times larger than what they get what
/// they make can be. The arguments that are listed have to be written out in the module: of these two
/// long texts in a statement would make a very long one, or a pattern that nobody meant.
const FUNCTIONS: &[(&str, &[usize])] = &[
    ("abs", &[]),
    ("array.reverse", &[]),
    ("array.slice", &[]),
    ("ceil", &[]),
    ("concat", &[0]),
    ("contains", &[]),
    ("count", &[]),
    ("endswith", &[]),
    ("floor", &[]),
    ("format_int", &[]),
    ("indexof", &[]),
    ("intersection", &[]),
    ("is_array", &[]),
    ("is_boolean", &[]),
    ("is_null", &[]),
    ("is_number", &[]),
    ("is_object", &[]),
    ("is_set", &[]),
    ("is_string", &[]),
    ("lower", &[]),
    ("max", &[]),
    ("min", &[]),
    ("object.filter", &[]),
    ("object.get", &[]),
    ("object.keys", &[]),
    ("object.remove", &[]),
    ("regex.match", &[0]),
    ("replace", &[1, 2]),
    ("round", &[]),
    ("semver.compare", &[]),
    ("semver.is_valid", &[]),
    ("sort", &[]),
    ("split", &[]),
    ("sprintf", &[0]),
    ("startswith", &[]),
    ("substring", &[]),
    ("sum", &[]),
    ("to_number", &[]),
    ("trim", &[]),
    ("trim_left", &[]),
    ("trim_prefix", &[]),
    ("trim_right", &[]),
    ("trim_space", &[]),
    ("trim_suffix", &[]),
    ("type_name", &[]),
    ("upper", &[]),
];

/// What a module is.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) package: String,
    /// Whether there is a rule `allow`.
    pub(super) allows: bool,
    /// Whether there is a set `deny`.
    pub(super) denies: bool,
}

/// Checks a module's tree, as JSON.
pub(super) fn module(ast: &str, source: &str, schema: Schema) -> Result<Found, String> {
    // Anything deeper than this reader goes is refused, with whatever it may hold.
    let all: Vec<Value> = serde_json::from_str(ast)
        .map_err(|_| "its expressions have too many parts within each other".to_owned())?;
    let module = match all.as_slice() {
        [one] => one.get("ast"),
        _ => None,
    };
    let module = module.ok_or("it is no module")?;
    let package = module.get("package").and_then(|it| it.get("refr"));
    let package = package.and_then(path);
    let is_word = |char: char| char.is_ascii_alphanumeric() || "._".contains(char);
    let package = package.filter(|name| name.chars().all(is_word));
    let package = package.ok_or("its package has no plain name")?;
    let imports = module.get("imports").and_then(Value::as_array);
    for import in imports.into_iter().flatten() {
        let name = import.get("refr").and_then(path).unwrap_or_default();
        if !matches!(name.as_str(), "rego.v1") && !name.starts_with("future.keywords") {
            return Err(format!("`import {name}`: nothing but `rego.v1` is there"));
        }
    }
    let rules = module.get("rules").and_then(Value::as_array);
    let rules: Vec<&Value> = rules.into_iter().flatten().collect();
    let heads: Vec<Head> = rules.iter().copied().filter_map(head).collect();
    let mut look = Look {
        package: &package,
        schema,
        functions: heads
            .iter()
            .filter(|head| head.kind == "Func")
            .map(|head| head.name.clone())
            .collect(),
        calls: BTreeMap::new(),
        within: String::new(),
    };
    for rule in &rules {
        look.within = head(rule).map_or_else(String::new, |head| head.name);
        look.at(rule)?;
    }
    look.ends()?;
    used(&rules, &heads)?;
    plain(&heads)?;
    let names = heads.iter().map(|head| head.name.clone());
    let known = FUNCTIONS.iter().flat_map(|(name, _)| name.split('.'));
    let known = known.chain(["input"]).map(ToOwned::to_owned);
    safe::rules(&rules, &known.chain(names).collect(), source)?;
    let has = |name: &str, kind: &str| heads.iter().any(|it| it.name == name && it.kind == kind);
    let found = Found {
        allows: has("allow", "Compr"),
        denies: has("deny", "Set"),
        package,
    };
    for (name, kind) in [("allow", "Compr"), ("deny", "Set")] {
        // `deny[message] if …` looks like a set, and is none: it would hold nothing.
        let is_odd = |rule: &&Value| {
            let is_plain = head(rule).is_some_and(|head| {
                head.name == name && (head.kind == kind || head.kind == "Default")
            });
            root(rule) == Some(name) && !is_plain
        };
        if rules.iter().any(is_odd) {
            return Err(format!(
                "`{name}` is of another kind: expected `allow if …`, `deny contains message if …`"
            ));
        }
    }
    if found.allows || found.denies {
        Ok(found)
    } else {
        Err("it has neither `allow if …` nor `deny contains message if …`".to_owned())
    }
}

/// No rule has two defaults, no name that a function of Rego has, and `deny` no default, which is no
/// message.
fn plain(heads: &[Head]) -> Result<(), String> {
    let mut defaults = BTreeSet::new();
    for Head { name, kind } in heads {
        let shown = name.escape_debug();
        if FUNCTIONS.iter().any(|(known, _)| known == name) {
            return Err(format!("`{shown}` is a function of Rego"));
        }
        if kind == "Default" && (name == "deny" || !defaults.insert(name)) {
            return Err(format!("`default {shown}` is one too many"));
        }
    }
    Ok(())
}

/// A rule that nothing asks for is misspelt: what it should keep out would come in.
fn used(rules: &[&Value], heads: &[Head]) -> Result<(), String> {
    let mut often: BTreeMap<&str, usize> = BTreeMap::new();
    for rule in rules {
        count(rule, &mut often);
    }
    for head in heads {
        let name = head.name.split('.').next().unwrap_or_default();
        let own = heads.iter().map(|it| it.name.split('.').next());
        let own = own.filter(|it| *it == Some(name)).count();
        let is_asked = matches!(name, "allow" | "deny") || often.get(name) > Some(&own);
        if !is_asked {
            return Err(format!(
                "the rule `{}` is used by nothing",
                name.escape_debug()
            ));
        }
    }
    Ok(())
}

/// How often each name stands anywhere.
fn count<'v>(value: &'v Value, often: &mut BTreeMap<&'v str, usize>) {
    let mut put = |name: Option<&'v str>| {
        if let Some(name) = name {
            let count = often.entry(name).or_default();
            *count = count.saturating_add(1);
        }
    };
    match value {
        Value::Array(items) => items.iter().for_each(|item| count(item, often)),
        Value::Object(members) => {
            for (name, value) in members {
                match name.as_str() {
                    "Var" | "String" | "RawString" => {
                        put(value.get("value").and_then(Value::as_str));
                    }
                    "RefDot" => {
                        let field = value.get("field").and_then(Value::as_array);
                        let mut texts = field.into_iter().flatten().filter_map(Value::as_str);
                        put(texts.next());
                    }
                    _ => {}
                }
            }
            members.values().for_each(|value| count(value, often));
        }
        _ => {}
    }
}

/// The name and the kind of what a rule defines.
struct Head {
    name: String,
    kind: String,
}

fn head(rule: &Value) -> Option<Head> {
    if let Some(default) = rule.get("Default") {
        let name = path(default.get("refr")?)?;
        let kind = "Default".to_owned();
        return Some(Head { name, kind });
    }
    let (kind, head) = rule.get("Spec")?.get("head")?.as_object()?.iter().next()?;
    let name = path(head.get("refr")?)?;
    let kind = kind.clone();
    Some(Head { name, kind })
}

/// The first name of what a rule defines.
fn root(rule: &Value) -> Option<&str> {
    let mut at = if let Some(default) = rule.get("Default") {
        default.get("refr")?
    } else {
        let head = rule.get("Spec")?.get("head")?.as_object()?;
        head.values().next()?.get("refr")?
    };
    loop {
        if let Some(var) = at.get("Var") {
            return var.get("value")?.as_str();
        }
        at = at.get("RefDot").or(at.get("RefBrack"))?.get("refr")?;
    }
}

/// `a.b.c`, if it is written like that.
fn path(value: &Value) -> Option<String> {
    if let Some(var) = value.get("Var") {
        return var.get("value")?.as_str().map(ToOwned::to_owned);
    }
    let (inner, name) = if let Some(dot) = value.get("RefDot") {
        let field = dot.get("field")?.as_array()?;
        (dot.get("refr")?, field.iter().find_map(Value::as_str)?)
    } else {
        let brack = value.get("RefBrack")?;
        let index = brack.get("index")?;
        let text = index.get("String").or(index.get("RawString"))?;
        (brack.get("refr")?, text.get("value")?.as_str()?)
    };
    Some(format!("{}.{name}", path(inner)?))
}

struct Look<'a> {
    package: &'a str,
    schema: Schema,
    /// Names of the module's own functions.
    functions: BTreeSet<String>,
    /// By rule, the module's own functions that it calls.
    calls: BTreeMap<String, BTreeSet<String>>,
    /// The rule that is looked at.
    within: String,
}

impl Look<'_> {
    fn at(&mut self, value: &Value) -> Result<(), String> {
        match value {
            Value::Array(items) => items.iter().try_for_each(|item| self.at(item)),
            Value::Object(members) => self.members(members),
            _ => Ok(()),
        }
    }

    fn members(&mut self, members: &Map<String, Value>) -> Result<(), String> {
        for (name, value) in members {
            match name.as_str() {
                "Call" => self.call(value)?,
                "with_mods" if value.as_array().is_none_or(|all| !all.is_empty()) => {
                    return Err("`with` is not taken".to_owned());
                }
                "RefDot" | "RefBrack" => {
                    let whole = serde_json::json!({name.as_str(): value});
                    match path(&whole) {
                        Some(path) => self.refers(&path)?,
                        None => self.at(value)?,
                    }
                }
                "Var" => {
                    let name = value.get("value").and_then(Value::as_str);
                    if name == Some("data") {
                        return Err("`data` alone is not taken".to_owned());
                    }
                }
                _ => self.at(value)?,
            }
        }
        Ok(())
    }

    fn refers(&self, path: &str) -> Result<(), String> {
        let mut parts = path.split('.');
        match parts.next() {
            Some("data") => {
                let own = format!("data.{}.", self.package);
                if path.starts_with(&own) || own.starts_with(&format!("{path}.")) {
                    return Ok(());
                }
                Err(format!("`{path}`: there is no data but the module's own"))
            }
            Some("input") => {
                let mut schema = self.schema;
                let mut at = "input".to_owned();
                for part in parts {
                    let known = schema.iter().find(|(name, _)| *name == part);
                    let Some((_, shape)) = known else {
                        let known: Vec<_> = schema.iter().map(|(name, _)| *name).collect();
                        return Err(format!(
                            "`{at}` has no `{}`: expected {}",
                            part.escape_debug(),
                            known.join(", ")
                        ));
                    };
                    let Shape::Object(inner) = shape else { break };
                    schema = *inner;
                    at = format!("{at}.{part}");
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn call(&mut self, call: &Value) -> Result<(), String> {
        let name = call.get("fcn").and_then(path).unwrap_or_default();
        let own = format!("data.{}.", self.package);
        let name = name.strip_prefix(&own).unwrap_or(&name).to_owned();
        let parameters = call.get("params").and_then(Value::as_array);
        let parameters: Vec<&Value> = parameters.into_iter().flatten().collect();
        if self.functions.contains(&name) {
            let calls = self.calls.entry(self.within.clone()).or_default();
            calls.insert(name);
        } else {
            let known = FUNCTIONS.iter().find(|(known, _)| *known == name);
            let Some((_, written)) = known else {
                return Err(format!(
                    "the function `{}` is not taken",
                    name.escape_debug()
                ));
            };
            for position in *written {
                let text = parameters.get(*position).copied().and_then(text);
                let Some(text) = text else {
                    let position = position.saturating_add(1);
                    return Err(format!(
                        "argument {position} of `{name}` has to be a text that is written there"
                    ));
                };
                if name == "sprintf" && !is_plain_format(text) {
                    return Err(format!("`{}`: widths are not taken", text.escape_debug()));
                }
            }
        }
        parameters.into_iter().try_for_each(|one| self.at(one))
    }

    /// Functions call only what is called by nothing that they call.
    fn ends(&self) -> Result<(), String> {
        let mut done: BTreeSet<&str> = BTreeSet::new();
        loop {
            let ends = |name: &&String| {
                let calls = self.calls.get(*name).into_iter().flatten();
                calls.into_iter().all(|call| done.contains(call.as_str()))
            };
            let open = self
                .functions
                .iter()
                .filter(|it| !done.contains(it.as_str()));
            let next: Vec<_> = open.clone().filter(ends).collect();
            if next.is_empty() {
                return match open.into_iter().next() {
                    Some(name) => Err(format!("the function `{name}` calls itself")),
                    None => Ok(()),
                };
            }
            done.extend(next.into_iter().map(String::as_str));
        }
    }
}

fn text(value: &Value) -> Option<&str> {
    let text = value.get("String").or(value.get("RawString"))?;
    text.get("value")?.as_str()
}

/// Whether each verb is a letter alone: a width may ask for a billion of spaces.
fn is_plain_format(text: &str) -> bool {
    let mut chars = text.chars();
    while let Some(char) = chars.next() {
        if char == '%' && !chars.next().is_some_and(|verb| "sdvqftx%".contains(verb)) {
            return false;
        }
    }
    true
}
