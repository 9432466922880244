//! Evaluation, in steps that are counted.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::rc::Rc;

use super::arithmetic::{NoResult, arithmetic};
use super::ast::{At, Each, EachKind, Expr, Function, Literal, Node, Operator};
use super::functions::convert;
use super::value::{List, Map, Text, Value};

/// Why an expression says neither yes nor no.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum EvaluationError {
    /// It would take too long.
    Steps(u64),
    /// Something is not there, or of another kind.
    Cannot(String),
    /// Whoever asked did not wait for it.
    #[cfg_attr(
        not(feature = "rego"),
        expect(dead_code, reason = "only Rego is ended")
    )]
    Cut,
    /// It says no, and why.
    #[cfg_attr(
        not(feature = "rego"),
        expect(dead_code, reason = "only Rego says why")
    )]
    Denied(String),
}

impl std::fmt::Display for EvaluationError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Steps(limit) => write!(f, "it takes more than {limit} steps"),
            Self::Cut => f.write_str("the time for all of it is over"),
            Self::Cannot(reason) | Self::Denied(reason) => f.write_str(reason),
        }
    }
}

pub(super) fn evaluate(
    root: &Expr,
    names: &[(&'static str, Value<'_>)],
    steps: u64,
) -> Result<bool, EvaluationError> {
    let mut run = Run {
        names: names.to_vec(),
        left: steps,
        limit: steps,
    };
    run.truth(root)
}

/// `'e` is the expression, `'v` what it looks at.
struct Run<'e, 'v> {
    names: Vec<(&'e str, Value<'v>)>,
    left: u64,
    limit: u64,
}

type Said<T> = Result<T, EvaluationError>;

fn cannot<T>(at: At, reason: impl std::fmt::Display) -> Said<T> {
    let At { line, column } = at;
    let text = format!("line {line}, column {column}: {reason}");
    Err(EvaluationError::Cannot(text))
}

impl<'e, 'v> Run<'e, 'v> {
    fn spend(&mut self, steps: u64) -> Said<()> {
        self.left = self
            .left
            .checked_sub(steps)
            .ok_or(EvaluationError::Steps(self.limit))?;
        Ok(())
    }

    /// What is made takes memory, of which each element may want a hundred bytes.
    fn spend_on_making(&mut self, elements: usize) -> Said<()> {
        self.spend((elements as u64).saturating_mul(8))
    }

    fn truth(&mut self, expr: &'e Expr) -> Said<bool> {
        match self.value(expr)? {
            Value::Bool(value) => Ok(value),
            other => cannot(expr.at, format!("this is {}, no bool", other.kind())),
        }
    }

    fn value(&mut self, expr: &'e Expr) -> Said<Value<'v>> {
        self.spend(1)?;
        match &expr.node {
            Node::Literal(literal) => Ok(given(literal)),
            Node::Name(name) => {
                let mut names = self.names.iter().rev();
                match names.find(|(own, _)| own == name) {
                    Some((_, value)) => Ok(value.clone()),
                    None => cannot(expr.at, format!("there is no `{name}`")),
                }
            }
            Node::Field(of, name) => match self.value(of)? {
                Value::Map(map) => match map.get(name) {
                    Some(value) => Ok(value),
                    None => cannot(expr.at, format!("there is no `{name}`")),
                },
                other => cannot(expr.at, format!("a {} has no `{name}`", other.kind())),
            },
            Node::Has(of, name) => match self.value(of)? {
                Value::Map(map) => Ok(Value::Bool(map.has(name))),
                other => cannot(expr.at, format!("a {} has no members", other.kind())),
            },
            Node::Index(of, index) => self.index(of, index, expr.at),
            Node::List(all) => {
                self.spend_on_making(all.len())?;
                let all: Said<Vec<_>> = all.iter().map(|one| self.value(one)).collect();
                Ok(Value::List(List::Made(Rc::new(all?))))
            }
            Node::Map(all) => self.map(all),
            Node::Not(of) => Ok(Value::Bool(!self.truth(of)?)),
            Node::Negate(of) => match self.value(of)? {
                Value::Int(int) => match int.checked_neg() {
                    Some(int) => Ok(Value::Int(int)),
                    None => cannot(expr.at, "the number does not fit"),
                },
                Value::Double(double) => Ok(Value::Double(-double)),
                other => cannot(expr.at, format!("a {} cannot be negated", other.kind())),
            },
            Node::All(all) => self.decided(all, false),
            Node::Any(all) => self.decided(all, true),
            Node::Choice(choice) => {
                let (asked, yes, no) = choice.as_ref();
                if self.truth(asked)? {
                    self.value(yes)
                } else {
                    self.value(no)
                }
            }
            Node::Binary(operator, sides) => {
                let (left, right) = (self.value(&sides.0)?, self.value(&sides.1)?);
                self.binary(*operator, &left, &right, expr.at)
            }
            Node::Call(function, arguments) => self.call(*function, arguments, expr.at),
            Node::Matches(of, regex) => match self.value(of)? {
                Value::Text(text) => {
                    self.spend(regex.cost(text.as_str()))?;
                    Ok(Value::Bool(regex.is_match(text.as_str())))
                }
                other => cannot(
                    expr.at,
                    format!("`matches` asks for a string, not {}", other.kind()),
                ),
            },
            Node::Each(each) => self.each(each, expr.at),
        }
    }

    /// The first that is `decisive` decides, wherever it stands, and whatever cannot be told of others.
    fn decided(&mut self, all: &'e [Expr], decisive: bool) -> Said<Value<'v>> {
        let mut failed = None;
        for one in all {
            match self.truth(one) {
                Ok(value) if value == decisive => return Ok(Value::Bool(decisive)),
                Ok(_) => {}
                Err(error @ EvaluationError::Steps(_)) => return Err(error),
                Err(error) => failed = failed.or(Some(error)),
            }
        }
        failed.map_or(Ok(Value::Bool(!decisive)), Err)
    }

    fn index(&mut self, of: &'e Expr, index: &'e Expr, at: At) -> Said<Value<'v>> {
        let (of, index) = (self.value(of)?, self.value(index)?);
        match (&of, &index) {
            (Value::Map(map), Value::Text(name)) => match map.get(name.as_str()) {
                Some(value) => Ok(value),
                None => cannot(at, "there is no member of this name"),
            },
            (Value::List(list), Value::Int(_) | Value::Uint(_) | Value::Double(_)) => {
                let place = place(&index).and_then(|place| list.get(place));
                match place {
                    Some(value) => Ok(value),
                    None => cannot(at, format!("the list has {} elements", list.len())),
                }
            }
            _ => cannot(
                at,
                format!("a {} has no place for a {}", of.kind(), index.kind()),
            ),
        }
    }

    fn map(&mut self, all: &'e [(Expr, Expr)]) -> Said<Value<'v>> {
        self.spend_on_making(all.len())?;
        let mut map = BTreeMap::new();
        for (key, value) in all {
            let name = match self.value(key)? {
                Value::Text(name) => name,
                other => return cannot(key.at, format!("a {} names no member here", other.kind())),
            };
            // A name is kept, as long as it is.
            self.spend(name.as_str().len() as u64)?;
            let value = self.value(value)?;
            if map.insert(name.as_kept(), value).is_some() {
                return cannot(key.at, "two members have this name");
            }
        }
        Ok(Value::Map(Map::Made(Rc::new(map))))
    }

    fn each(&mut self, each: &'e Each, at: At) -> Said<Value<'v>> {
        let range = self.value(&each.range)?;
        let names;
        let (list, length) = match &range {
            Value::List(list) => (list, list.len()),
            Value::Map(map) => {
                self.spend_on_making(map.len())?;
                names = List::Made(Rc::new(map.names()));
                (&names, map.len())
            }
            other => return cannot(at, format!("a {} has no elements", other.kind())),
        };
        let mut kept = Vec::new();
        let mut found = 0_usize;
        let mut failed = None;
        let decisive = each.kind == EachKind::Exists;
        for place in 0..length {
            self.spend(1)?;
            let Some(element) = list.get(place) else {
                return cannot(at, "an element is a number that cannot be held");
            };
            self.names.push((&each.name, element.clone()));
            let said = self.of_element(each);
            self.names.pop();
            match (each.kind, said) {
                (EachKind::All | EachKind::Exists, Ok(Some(Value::Bool(value)))) => {
                    if value == decisive {
                        return Ok(Value::Bool(decisive));
                    }
                }
                (EachKind::ExistsOne, Ok(Some(Value::Bool(value)))) => {
                    found = found.saturating_add(usize::from(value));
                }
                (EachKind::Filter, Ok(Some(Value::Bool(true)))) => {
                    self.spend_on_making(1)?;
                    kept.push(element);
                }
                (EachKind::Map, Ok(Some(value))) => {
                    self.spend_on_making(1)?;
                    kept.push(value);
                }
                (_, Ok(_)) => {}
                (EachKind::All | EachKind::Exists, Err(error @ EvaluationError::Cannot(_))) => {
                    failed = failed.or(Some(error));
                }
                (_, Err(error)) => return Err(error),
            }
        }
        match each.kind {
            EachKind::All | EachKind::Exists => failed.map_or(Ok(Value::Bool(!decisive)), Err),
            EachKind::ExistsOne => Ok(Value::Bool(found == 1)),
            EachKind::Map | EachKind::Filter => Ok(Value::List(List::Made(Rc::new(kept)))),
        }
    }

    /// What a macro's expression says of the element whose name was just given; nothing, where it
    /// is left out.
    fn of_element(&mut self, each: &'e Each) -> Said<Option<Value<'v>>> {
        if let Some(only) = &each.only
            && !self.truth(only)?
        {
            return Ok(None);
        }
        match each.kind {
            EachKind::Map => self.value(&each.body).map(Some),
            _ => self.truth(&each.body).map(|truth| Some(Value::Bool(truth))),
        }
    }

    fn call(&mut self, function: Function, arguments: &'e [Expr], at: At) -> Said<Value<'v>> {
        let values: Said<Vec<_>> = arguments.iter().map(|one| self.value(one)).collect();
        let values = values?;
        let cost: u64 = values.iter().map(Value::cost).sum();
        self.spend(cost)?;
        let length = |length: usize| {
            let length = i64::try_from(length).unwrap_or(i64::MAX);
            Ok(Value::Int(length))
        };
        match (function, values.as_slice()) {
            (Function::Size, [Value::Text(text)]) => length(text.as_str().chars().count()),
            (Function::Size, [Value::List(list)]) => length(list.len()),
            (Function::Size, [Value::Map(map)]) => length(map.len()),
            (Function::Contains, [Value::Text(text), Value::Text(part)]) => {
                Ok(Value::Bool(text.as_str().contains(part.as_str())))
            }
            (Function::StartsWith, [Value::Text(text), Value::Text(part)]) => {
                Ok(Value::Bool(text.as_str().starts_with(part.as_str())))
            }
            (Function::EndsWith, [Value::Text(text), Value::Text(part)]) => {
                Ok(Value::Bool(text.as_str().ends_with(part.as_str())))
            }
            (
                Function::Size | Function::Contains | Function::StartsWith | Function::EndsWith,
                values,
            ) => {
                let kinds: Vec<_> = values.iter().map(Value::kind).collect();
                let name = function.as_str();
                cannot(
                    at,
                    format!("`{name}` does not take {}", kinds.join(" and ")),
                )
            }
            (_, [value]) => match convert(function, value) {
                Ok(value) => Ok(value),
                Err(reason) => cannot(at, reason),
            },
            (_, _) => cannot(at, "a conversion takes one value"),
        }
    }

    fn binary(
        &mut self,
        operator: Operator,
        left: &Value<'v>,
        right: &Value<'v>,
        at: At,
    ) -> Said<Value<'v>> {
        let refused = || {
            let (left, right) = (left.kind(), right.kind());
            cannot(
                at,
                format!("{left} {} {right} means nothing", operator.as_str()),
            )
        };
        match operator {
            Operator::Equal => Ok(Value::Bool(self.equal(left, right)?)),
            Operator::NotEqual => Ok(Value::Bool(!self.equal(left, right)?)),
            Operator::Less
            | Operator::LessOrEqual
            | Operator::Greater
            | Operator::GreaterOrEqual => {
                self.spend(left.cost().min(right.cost()))?;
                if !left.has_order_with(right) {
                    return refused();
                }
                let order = left.order(right);
                Ok(Value::Bool(match operator {
                    Operator::Less => order == Some(Ordering::Less),
                    Operator::LessOrEqual => {
                        matches!(order, Some(Ordering::Less | Ordering::Equal))
                    }
                    Operator::Greater => order == Some(Ordering::Greater),
                    _ => matches!(order, Some(Ordering::Greater | Ordering::Equal)),
                }))
            }
            Operator::In => match right {
                Value::Map(map) => match left {
                    Value::Text(name) => Ok(Value::Bool(map.has(name.as_str()))),
                    // What could name a member elsewhere names none here.
                    Value::Int(_) | Value::Uint(_) | Value::Double(_) | Value::Bool(_) => {
                        Ok(Value::Bool(false))
                    }
                    _ => refused(),
                },
                Value::List(list) => {
                    for place in 0..list.len() {
                        if let Some(element) = list.get(place)
                            && self.equal(left, &element)?
                        {
                            return Ok(Value::Bool(true));
                        }
                    }
                    Ok(Value::Bool(false))
                }
                _ => refused(),
            },
            _ => {
                if operator == Operator::Add
                    && let Some(joined) = self.joined(left, right)?
                {
                    return Ok(joined);
                }
                match arithmetic(operator, left, right) {
                    Ok(value) => Ok(value),
                    Err(NoResult::Unfit) => {
                        cannot(at, "the result does not fit, or it divides by zero")
                    }
                    Err(NoResult::Meaningless) => refused(),
                }
            }
        }
    }

    /// Two texts or lists as one; `None` if they are something else.
    fn joined(&mut self, left: &Value<'v>, right: &Value<'v>) -> Said<Option<Value<'v>>> {
        match (left, right) {
            (Value::Text(left), Value::Text(right)) => {
                let (left, right) = (left.as_str(), right.as_str());
                self.spend(left.len().saturating_add(right.len()) as u64)?;
                let text = Text::made(format!("{left}{right}"));
                Ok(Some(Value::Text(text)))
            }
            (Value::List(left), Value::List(right)) => {
                self.spend_on_making(left.len().saturating_add(right.len()))?;
                let elements = |list: &List<'v>| {
                    let list = list.clone();
                    (0..list.len()).filter_map(move |place| list.get(place))
                };
                let all = elements(left).chain(elements(right)).collect();
                Ok(Some(Value::List(List::Made(Rc::new(all)))))
            }
            _ => Ok(None),
        }
    }

    fn equal(&mut self, left: &Value<'v>, right: &Value<'v>) -> Said<bool> {
        self.spend(left.cost().min(right.cost()))?;
        match (left, right) {
            (Value::Null, Value::Null) => Ok(true),
            (Value::List(left), Value::List(right)) => {
                if left.len() != right.len() {
                    return Ok(false);
                }
                for place in 0..left.len() {
                    let (Some(left), Some(right)) = (left.get(place), right.get(place)) else {
                        return Ok(false);
                    };
                    if !self.equal(&left, &right)? {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
            (Value::Map(left), Value::Map(right)) => {
                if left.len() != right.len() {
                    return Ok(false);
                }
                self.spend(left.len() as u64)?;
                for name in left.names() {
                    let Value::Text(name) = name else {
                        return Ok(false);
                    };
                    let (Some(left), Some(right)) =
                        (left.get(name.as_str()), right.get(name.as_str()))
                    else {
                        return Ok(false);
                    };
                    if !self.equal(&left, &right)? {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
            _ => Ok(left.order(right) == Some(Ordering::Equal)),
        }
    }
}

fn given<'v>(literal: &Literal) -> Value<'v> {
    match literal {
        Literal::Null => Value::Null,
        Literal::Bool(value) => Value::Bool(*value),
        Literal::Int(int) => Value::Int(*int),
        Literal::Uint(uint) => Value::Uint(*uint),
        Literal::Double(double) => Value::Double(*double),
        Literal::Text(text) => Value::Text(text.clone()),
        Literal::Timestamp(time) => Value::Timestamp(*time),
        Literal::Duration(time) => Value::Duration(*time),
    }
}

/// The place in a list that a whole number means.
fn place(index: &Value<'_>) -> Option<usize> {
    match index {
        Value::Int(int) => usize::try_from(*int).ok(),
        Value::Uint(uint) => usize::try_from(*uint).ok(),
        Value::Double(double) if double.fract() == 0.0 => {
            let whole = convert(Function::Int, &Value::Double(*double)).ok()?;
            place(&whole)
        }
        _ => None,
    }
}
