//! Markers, as far as extras and dependency groups decide them.
//!
//! Dependency specifiers, <https://packaging.python.org/en/latest/specifications/dependency-specifiers/#environment-markers>,
//! with `extras` and `dependency_groups`. What the machine decides, which nobody knows here, is taken
//! to be met: markers have no negation, so that this says what may be installed.

use std::collections::BTreeSet;

use crate::catalog::python;

/// What somebody asks to be installed, names normalised.
#[derive(Clone, Debug, Default)]
pub(super) struct Asked {
    pub(super) extras: BTreeSet<String>,
    pub(super) groups: BTreeSet<String>,
}

/// Whether a package with this marker may be installed for who asks for this; `None` if the marker
/// cannot be read.
pub(super) fn may_be_met(marker: &str, asked: &Asked) -> Option<bool> {
    let mut parser = Parser {
        rest: marker,
        asked,
    };
    let met = parser.alternatives(0)?;
    parser.rest.trim_start().is_empty().then_some(met)
}

/// Levels of parentheses. Stops markers that exhaust the stack.
const DEPTH: usize = 64;

struct Parser<'a> {
    rest: &'a str,
    asked: &'a Asked,
}

/// One side of a comparison.
enum Value<'a> {
    Text(&'a str),
    Variable(&'a str),
}

impl<'a> Parser<'a> {
    fn alternatives(&mut self, depth: usize) -> Option<bool> {
        let mut met = self.conditions(depth)?;
        while self.word("or") {
            met |= self.conditions(depth)?;
        }
        Some(met)
    }

    fn conditions(&mut self, depth: usize) -> Option<bool> {
        let mut met = self.condition(depth)?;
        while self.word("and") {
            met &= self.condition(depth)?;
        }
        Some(met)
    }

    fn condition(&mut self, depth: usize) -> Option<bool> {
        if !self.sign("(") {
            return self.comparison();
        }
        let inner = depth.checked_add(1).filter(|depth| *depth < DEPTH)?;
        let met = self.alternatives(inner)?;
        self.sign(")").then_some(met)
    }

    fn comparison(&mut self) -> Option<bool> {
        let left = self.value()?;
        let negated = self.word("not");
        let contains = self.word("in");
        if !contains && (negated || !SIGNS.iter().any(|sign| self.sign(sign))) {
            return None;
        }
        let right = self.value()?;
        let (Value::Text(name), Value::Variable(variable)) = (left, right) else {
            return Some(true);
        };
        let asked = match variable {
            "extras" => &self.asked.extras,
            "dependency_groups" => &self.asked.groups,
            _ => return Some(true),
        };
        contains.then(|| asked.contains(&python::normalise(name)) != negated)
    }

    fn value(&mut self) -> Option<Value<'a>> {
        let rest = self.rest.trim_start();
        let quote = rest.chars().next().filter(|first| "'\"".contains(*first));
        if let Some(quote) = quote {
            let (text, rest) = rest.strip_prefix(quote)?.split_once(quote)?;
            self.rest = rest;
            return Some(Value::Text(text));
        }
        let (name, rest) = rest.split_at_checked(end_of_word(rest))?;
        self.rest = rest;
        (!name.is_empty()).then_some(Value::Variable(name))
    }

    fn word(&mut self, word: &str) -> bool {
        let rest = self.rest.trim_start();
        let after = rest.strip_prefix(word);
        let after = after.filter(|_| end_of_word(rest) == word.len());
        self.rest = after.unwrap_or(self.rest);
        after.is_some()
    }

    fn sign(&mut self, sign: &str) -> bool {
        let after = self.rest.trim_start().strip_prefix(sign);
        self.rest = after.unwrap_or(self.rest);
        after.is_some()
    }
}

fn end_of_word(text: &str) -> usize {
    let end = text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_' && c != '.');
    end.unwrap_or(text.len())
}

/// Longer ones before those that they begin with.
const SIGNS: [&str; 8] = ["===", "==", "~=", "!=", "<=", ">=", "<", ">"];

#[cfg(test)]
mod tests {
    use super::*;

    fn met(marker: &str) -> Option<bool> {
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let asked = Asked {
            extras: names(&["socks"]),
            groups: names(&["default", "type-check"]),
        };
        may_be_met(marker, &asked)
    }

    #[test]
    fn extras_and_groups_decide_and_machines_do_not() {
        for marker in [
            "sys_platform == 'win32'",
            "'socks' in extras",
            "\"Type_Check\" in dependency_groups and python_version < '3'",
            "'x' in extras or 'default' in dependency_groups",
            "('x' in extras or (os_name != 'nt')) and 'socks' in extras",
            "'x' not in extras",
            "'linux' in sys_platform",
            "python_full_version ~= '3.8' and platform_machine === 'x86_64'",
        ] {
            assert_eq!(met(marker), Some(true), "{marker}");
        }
        for marker in [
            "'x' in extras",
            "'socks' in dependency_groups",
            "'socks' not in extras",
            "os_name == 'nt' and ('x' in extras or 'y' in dependency_groups)",
            // `and` binds more tightly.
            "'x' in extras or os_name == 'nt' and 'y' in extras",
        ] {
            assert_eq!(met(marker), Some(false), "{marker}");
        }
    }

    #[test]
    fn what_is_no_marker_is_not_understood() {
        for marker in [
            "",
            "'x'",
            "'x' in",
            "'x in extras",
            "'x' == extras",
            "'x' not extras",
            "('x' in extras",
            "'x' in extras)",
            "'x' inextras",
            "os_name = 'nt'",
            "'x' in extras and",
            "ö == 'x'",
        ] {
            assert_eq!(met(marker), None, "{marker}");
        }
        let deep = format!(
            "{}'x' in extras{}",
            "(".repeat(1_000_000),
            ")".repeat(1_000_000)
        );
        assert_eq!(met(&deep), None);
    }
}
