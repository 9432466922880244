//! Expressions as they are evaluated: read, resolved and bounded.

use jiff::Timestamp;

use super::value::{Duration, Text};
use crate::regular::Regular;

/// A part of an expression, and where it was written.
#[derive(Clone, Debug)]
pub(super) struct Expr {
    pub(super) node: Node,
    pub(super) at: At,
    /// How many parts are within each other.
    pub(super) depth: usize,
}

/// A place in an expression, both from 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct At {
    pub(super) line: usize,
    pub(super) column: usize,
}

#[derive(Clone, Debug)]
pub(super) enum Node {
    Literal(Literal),
    Name(String),
    Field(Box<Expr>, String),
    /// `has(of.name)`.
    Has(Box<Expr>, String),
    Index(Box<Expr>, Box<Expr>),
    List(Vec<Expr>),
    Map(Vec<(Expr, Expr)>),
    Not(Box<Expr>),
    Negate(Box<Expr>),
    /// All of them, or any of them.
    All(Vec<Expr>),
    Any(Vec<Expr>),
    Choice(Box<(Expr, Expr, Expr)>),
    Binary(Operator, Box<(Expr, Expr)>),
    Call(Function, Vec<Expr>),
    Matches(Box<Expr>, Regular),
    Each(Box<Each>),
}

#[derive(Clone, Debug)]
pub(super) enum Literal {
    Null,
    Bool(bool),
    Int(i64),
    Uint(u64),
    Double(f64),
    Text(Text<'static>),
    Timestamp(Timestamp),
    Duration(Duration),
}

/// A macro: something is asked of each element.
#[derive(Clone, Debug)]
pub(super) struct Each {
    pub(super) kind: EachKind,
    pub(super) range: Expr,
    pub(super) name: String,
    /// Of `map` with three arguments: only elements of which this is true.
    pub(super) only: Option<Expr>,
    pub(super) body: Expr,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum EachKind {
    All,
    Exists,
    ExistsOne,
    Map,
    Filter,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operator {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    In,
    Add,
    Subtract,
    Multiply,
    Divide,
    Modulo,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Function {
    Size,
    Contains,
    StartsWith,
    EndsWith,
    Int,
    Uint,
    Double,
    String,
    Bool,
    Timestamp,
    Duration,
}

impl Operator {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Equal => "==",
            Self::NotEqual => "!=",
            Self::Less => "<",
            Self::LessOrEqual => "<=",
            Self::Greater => ">",
            Self::GreaterOrEqual => ">=",
            Self::In => "in",
            Self::Add => "+",
            Self::Subtract => "-",
            Self::Multiply => "*",
            Self::Divide => "/",
            Self::Modulo => "%",
        }
    }

    /// Whether it answers yes or no.
    pub(super) fn is_relation(self) -> bool {
        !matches!(
            self,
            Self::Add | Self::Subtract | Self::Multiply | Self::Divide | Self::Modulo
        )
    }
}

/// Every function, with how many arguments it takes beside what it is called on, and whether it may
/// be called on something, and without.
const FUNCTIONS: &[(&str, Function, usize, bool, bool)] = &[
    ("size", Function::Size, 0, true, true),
    ("contains", Function::Contains, 1, true, false),
    ("startsWith", Function::StartsWith, 1, true, false),
    ("endsWith", Function::EndsWith, 1, true, false),
    ("int", Function::Int, 0, false, true),
    ("uint", Function::Uint, 0, false, true),
    ("double", Function::Double, 0, false, true),
    ("string", Function::String, 0, false, true),
    ("bool", Function::Bool, 0, false, true),
    ("timestamp", Function::Timestamp, 0, false, true),
    ("duration", Function::Duration, 0, false, true),
];

impl Function {
    /// The function of this name, called on something or not; what is called on counts as an
    /// argument.
    pub(super) fn find(name: &str, arguments: usize, is_member: bool) -> Option<Self> {
        let mut rows = FUNCTIONS.iter();
        rows.find(|(own, _, more, member, global)| {
            *own == name && arguments == more + 1 && (if is_member { *member } else { *global })
        })
        .map(|(_, function, ..)| *function)
    }

    pub(super) fn as_str(self) -> &'static str {
        let mut rows = FUNCTIONS.iter();
        let own = rows.find(|(_, function, ..)| *function == self);
        own.map_or("", |(name, ..)| name)
    }
}
