//! Whether what is denied with `not` is known without it.
//!
//! Rego asks for that, and the evaluator does not: it looks for something that fails instead, so that
//! "none of them is bad" would mean "one of them is not".

use std::collections::BTreeSet;

use serde_json::Value;

/// Names by which something is known.
type Names = BTreeSet<String>;

/// Checks every `not` of a module's rules; `known` are names of rules and functions.
pub(super) fn rules(rules: &[&Value], known: &Names, source: &str) -> Result<(), String> {
    let look = Look { known, source };
    for rule in rules {
        let head = rule.get("Spec").and_then(|spec| spec.get("head"));
        let head = head
            .and_then(Value::as_object)
            .and_then(|it| it.values().next());
        let mut bound = Names::new();
        if let Some(arguments) = head.and_then(|head| head.get("args")) {
            names(arguments, &mut bound);
        }
        look.within(rule, &bound)?;
    }
    Ok(())
}

struct Look<'a> {
    known: &'a Names,
    source: &'a str,
}

impl Look<'_> {
    /// Every query within a value, whose names stand for what is bound around it.
    fn within(&self, value: &Value, bound: &Names) -> Result<(), String> {
        match value {
            Value::Array(items) => items.iter().try_for_each(|item| self.within(item, bound)),
            Value::Object(members) => {
                if let Some(every) = members.get("Every") {
                    return self.every(every, bound);
                }
                members.iter().try_for_each(|(name, value)| {
                    if name == "query" {
                        self.query(value, bound)
                    } else {
                        self.within(value, bound)
                    }
                })
            }
            _ => Ok(()),
        }
    }

    fn query(&self, query: &Value, around: &Names) -> Result<(), String> {
        let statements = query.get("stmts").and_then(Value::as_array);
        let literals = statements.into_iter().flatten();
        let literals = literals.filter_map(|statement| statement.get("literal"));
        let literals: Vec<&Value> = literals.collect();
        let mut bound = around.clone();
        for literal in &literals {
            match literal.get("Every") {
                Some(every) => names(every.get("domain").unwrap_or(&Value::Null), &mut bound),
                None if literal.get("NotExpr").is_some() => {}
                None => names(literal, &mut bound),
            }
            if literal.get("SomeVars").is_some() {
                return Err("`some x` without `in` is not taken: write `some x in …`".to_owned());
            }
        }
        for literal in literals {
            if let Some(denied) = literal.get("NotExpr") {
                let mut own = Names::new();
                names(denied, &mut own);
                let open = |name: &&String| !bound.contains(*name) && !self.known.contains(*name);
                if own.contains("_") {
                    return Err(
                        "`_` below `not`: write `some x in …` outside it, or `every`".to_owned(),
                    );
                }
                if let Some(name) = own.iter().find(open) {
                    let name = name.escape_debug();
                    return Err(format!("`{name}` stands below `not` alone: say what it is"));
                }
            }
            self.within(literal, &bound)?;
        }
        Ok(())
    }

    fn every(&self, every: &Value, bound: &Names) -> Result<(), String> {
        let mut inner = bound.clone();
        for part in ["key", "value"] {
            inner.extend(every.get(part).and_then(|span| self.text(span)));
        }
        self.within(every.get("domain").unwrap_or(&Value::Null), bound)?;
        self.query(every.get("query").unwrap_or(&Value::Null), &inner)
    }

    /// What stands at a place of the source.
    fn text(&self, span: &Value) -> Option<String> {
        let at = |name| usize::try_from(span.get(name)?.as_u64()?).ok();
        let text = self.source.get(at("start")?..at("end")?)?;
        Some(text.to_owned())
    }
}

/// The names in an expression, but for those of queries within it.
fn names(value: &Value, found: &mut Names) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| names(item, found)),
        Value::Object(members) => {
            if members.contains_key("query") {
                return;
            }
            if let Some(name) = members.get("Var").and_then(|var| var.get("value")) {
                found.extend(name.as_str().map(ToOwned::to_owned));
            }
            members.values().for_each(|value| names(value, found));
        }
        _ => {}
    }
}
