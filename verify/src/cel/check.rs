//! What is known of a part of an expression before it is evaluated.

use super::ast::{At, EachKind, Expr, Function, Literal, Node};
use super::schema::{Schema, Shape, find};
use super::{DEPTH, ExpressionError};

/// A part, if what it holds is not too deep already.
pub(super) fn made(node: Node, at: At) -> Result<Expr, ExpressionError> {
    let inner = match &node {
        Node::Literal(_) | Node::Name(_) => 0,
        Node::Field(of, _)
        | Node::Has(of, _)
        | Node::Not(of)
        | Node::Negate(of)
        | Node::Matches(of, _) => of.depth,
        Node::Index(of, index) => of.depth.max(index.depth),
        Node::List(all) | Node::All(all) | Node::Any(all) | Node::Call(_, all) => deepest(all),
        Node::Map(all) => {
            let depths = all.iter().map(|(key, value)| key.depth.max(value.depth));
            depths.max().unwrap_or_default()
        }
        Node::Choice(choice) => {
            let (asked, yes, no) = choice.as_ref();
            asked.depth.max(yes.depth).max(no.depth)
        }
        Node::Binary(_, sides) => sides.0.depth.max(sides.1.depth),
        Node::Each(each) => {
            let only = each.only.as_ref().map_or(0, |only| only.depth);
            each.range.depth.max(each.body.depth).max(only)
        }
    };
    let depth = inner.saturating_add(1);
    if depth > DEPTH {
        return Err(too_deep(at));
    }
    Ok(Expr { node, at, depth })
}

fn deepest(all: &[Expr]) -> usize {
    all.iter().map(|one| one.depth).max().unwrap_or_default()
}

pub(super) fn too_deep(at: At) -> ExpressionError {
    let reason = format!("more than {DEPTH} parts are within each other here");
    ExpressionError::new(at, reason)
}

/// What is known of a part before it is evaluated.
pub(super) fn shape(expr: &Expr, schema: Schema, bound: &[String]) -> Shape {
    match &expr.node {
        Node::Name(name) if !bound.contains(name) => find(schema, name).unwrap_or(Shape::Any),
        Node::Field(of, name) => {
            let member = shape(of, schema, bound).member(name);
            member.unwrap_or(Shape::Any)
        }
        _ => Shape::Any,
    }
}

/// Refuses what could never answer yes or no, so that a slip is no condition that never holds.
pub(super) fn must_be_bool(
    expr: &Expr,
    schema: Schema,
    bound: &[String],
    what: &str,
) -> Result<(), ExpressionError> {
    let can = match &expr.node {
        Node::Literal(literal) => matches!(literal, Literal::Bool(_)),
        Node::List(_) | Node::Map(_) | Node::Negate(_) => false,
        Node::Binary(operator, _) => operator.is_relation(),
        Node::Call(function, _) => matches!(
            function,
            Function::Contains | Function::StartsWith | Function::EndsWith | Function::Bool
        ),
        Node::Each(each) => !matches!(each.kind, EachKind::Map | EachKind::Filter),
        Node::Choice(choice) => {
            must_be_bool(&choice.1, schema, bound, what)?;
            return must_be_bool(&choice.2, schema, bound, what);
        }
        Node::Name(_) | Node::Field(..) => shape(expr, schema, bound).may_be_bool(),
        Node::Has(..)
        | Node::Index(..)
        | Node::Not(_)
        | Node::All(_)
        | Node::Any(_)
        | Node::Matches(..) => true,
    };
    if can {
        return Ok(());
    }
    Err(ExpressionError::new(
        expr.at,
        format!("{what} is never true or false"),
    ))
}
