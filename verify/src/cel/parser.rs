//! From words to an expression whose names, functions and patterns are known to be good.

use super::ast::{At, Each, EachKind, Expr, Function, Literal, Node, Operator};
use super::check::{made, must_be_bool, shape, too_deep};
use super::lexer::{Token, words};
use super::number::{no_number, unsigned, whole};
use super::schema::{Schema, find, listed};
use super::value::Text;
use super::{DEPTH, ExpressionError, functions};
use crate::regular::Patterns;

/// Words that name nothing: the language keeps them. After a `.` all but the first four may stand.
const RESERVED: &[&str] = &[
    "true",
    "false",
    "null",
    "in",
    "as",
    "break",
    "const",
    "continue",
    "else",
    "for",
    "function",
    "if",
    "import",
    "let",
    "loop",
    "package",
    "namespace",
    "return",
    "var",
    "void",
    "while",
];

/// Signs between two operands, by how tightly they bind; `&&`, `||` and `?` are apart.
const LEVELS: &[&[(&str, Operator)]] = &[
    &[
        ("==", Operator::Equal),
        ("!=", Operator::NotEqual),
        ("<", Operator::Less),
        ("<=", Operator::LessOrEqual),
        (">", Operator::Greater),
        (">=", Operator::GreaterOrEqual),
        ("in", Operator::In),
    ],
    &[("+", Operator::Add), ("-", Operator::Subtract)],
    &[
        ("*", Operator::Multiply),
        ("/", Operator::Divide),
        ("%", Operator::Modulo),
    ],
];

type Parsed<T = Expr> = Result<T, ExpressionError>;

/// Reads an expression, and lists its patterns that are not tied to both ends of a text.
pub(super) fn parse(
    source: &str,
    schema: Schema,
    patterns: &Patterns,
) -> Parsed<(Expr, Vec<String>)> {
    let mut parser = Parser {
        words: words(source)?,
        next: 0,
        open: 0,
        bound: Vec::new(),
        unanchored: Vec::new(),
        schema,
        patterns,
    };
    let root = parser.expression()?;
    let (token, at) = parser.peek();
    if token != Token::End {
        return Err(unexpected(&token, at, "an operator or the end"));
    }
    must_be_bool(&root, schema, &[], "the expression")?;
    Ok((root, parser.unanchored))
}

struct Parser<'p> {
    words: Vec<(Token, At)>,
    next: usize,
    /// How many expressions the one being read is within.
    open: usize,
    /// The names that macros around it give to elements.
    bound: Vec<String>,
    unanchored: Vec<String>,
    schema: Schema,
    patterns: &'p Patterns,
}

impl Parser<'_> {
    fn peek(&self) -> (Token, At) {
        let word = self.words.get(self.next).or_else(|| self.words.last());
        word.cloned().unwrap_or((Token::End, At::default()))
    }

    fn take(&mut self) -> (Token, At) {
        let word = self.peek();
        self.next = self.next.saturating_add(1);
        word
    }

    fn at(&self) -> At {
        self.peek().1
    }

    fn is(&self, sign: &str) -> bool {
        match self.words.get(self.next) {
            Some((Token::Sign(own), _)) => *own == sign,
            Some((Token::Name(name), _)) => sign == "in" && name == "in",
            _ => false,
        }
    }

    fn take_if(&mut self, sign: &str) -> bool {
        let found = self.is(sign);
        if found {
            self.next = self.next.saturating_add(1);
        }
        found
    }

    fn expect(&mut self, sign: &'static str) -> Parsed<()> {
        let (token, at) = self.peek();
        if self.take_if(sign) {
            return Ok(());
        }
        Err(unexpected(&token, at, &format!("`{sign}`")))
    }

    /// `a ? b : c`, or what binds tighter.
    fn expression(&mut self) -> Parsed {
        let at = self.at();
        self.open = self.open.saturating_add(1);
        if self.open > DEPTH {
            return Err(too_deep(at));
        }
        let first = self.any()?;
        let asked = self.at();
        let whole = if self.take_if("?") {
            must_be_bool(&first, self.schema, &self.bound, "what is before `?`")?;
            let yes = self.any()?;
            self.expect(":")?;
            let no = self.expression()?;
            made(Node::Choice(Box::new((first, yes, no))), asked)?
        } else {
            first
        };
        self.open = self.open.saturating_sub(1);
        Ok(whole)
    }

    fn any(&mut self) -> Parsed {
        self.several("||", Self::all, Node::Any)
    }

    fn all(&mut self) -> Parsed {
        self.several("&&", |parser| parser.operands(0), Node::All)
    }

    fn several(
        &mut self,
        sign: &'static str,
        one: impl Fn(&mut Self) -> Parsed,
        node: impl Fn(Vec<Expr>) -> Node,
    ) -> Parsed {
        let first = one(self)?;
        let at = self.at();
        if !self.is(sign) {
            return Ok(first);
        }
        let mut terms = vec![first];
        while self.take_if(sign) {
            terms.push(one(self)?);
        }
        for term in &terms {
            must_be_bool(
                term,
                self.schema,
                &self.bound,
                &format!("a side of `{sign}`"),
            )?;
        }
        made(node(terms), at)
    }

    fn operands(&mut self, level: usize) -> Parsed {
        let Some(signs) = LEVELS.get(level) else {
            return self.unary();
        };
        let mut left = self.operands(level.saturating_add(1))?;
        loop {
            let at = self.at();
            let Some((_, operator)) = signs.iter().find(|(sign, _)| self.take_if(sign)) else {
                return Ok(left);
            };
            let right = self.operands(level.saturating_add(1))?;
            left = made(Node::Binary(*operator, Box::new((left, right))), at)?;
        }
    }

    fn unary(&mut self) -> Parsed {
        let at = self.at();
        let sign = if self.is("!") { "!" } else { "-" };
        let mut count = 0_usize;
        while self.take_if(sign) {
            count = count.saturating_add(1);
        }
        if count == 0 {
            return self.member();
        }
        // The least whole number has no positive counterpart to be negated.
        if sign == "-"
            && let (Token::Int(digits), _) = self.peek()
        {
            self.take();
            let number = whole(&format!("-{digits}")).ok_or_else(|| no_number(&digits, at))?;
            let number = if count % 2 == 1 {
                Some(number)
            } else {
                number.checked_neg()
            };
            let number = number.ok_or_else(|| no_number(&digits, at))?;
            let literal = made(Node::Literal(Literal::Int(number)), at)?;
            return self.members(literal);
        }
        let operand = self.member()?;
        if sign == "!" {
            must_be_bool(&operand, self.schema, &self.bound, "what is after `!`")?;
        }
        match (sign, count % 2) {
            ("!", 1) => made(Node::Not(Box::new(operand)), at),
            ("!", _) => made(
                Node::Not(Box::new(made(Node::Not(Box::new(operand)), at)?)),
                at,
            ),
            (_, 1) => made(Node::Negate(Box::new(operand)), at),
            (_, _) => made(
                Node::Negate(Box::new(made(Node::Negate(Box::new(operand)), at)?)),
                at,
            ),
        }
    }

    fn member(&mut self) -> Parsed {
        let first = self.primary()?;
        self.members(first)
    }

    fn members(&mut self, mut of: Expr) -> Parsed {
        loop {
            let at = self.at();
            if self.take_if("[") {
                let index = self.expression()?;
                self.expect("]")?;
                of = made(Node::Index(Box::new(of), Box::new(index)), at)?;
            } else if self.take_if(".") {
                let (token, at) = self.take();
                let Token::Name(name) = token else {
                    return Err(unexpected(&token, at, "a name"));
                };
                if RESERVED.iter().take(4).any(|word| *word == name) {
                    return Err(unexpected(&Token::Name(name), at, "a name"));
                }
                of = if self.take_if("(") {
                    self.call(&name, Some(of), at)?
                } else {
                    self.field(of, name, at)?
                };
            } else {
                return Ok(of);
            }
        }
    }

    fn field(&self, of: Expr, name: String, at: At) -> Parsed {
        if let Err(known) = shape(&of, self.schema, &self.bound).member(&name) {
            let reason = format!("no `{name}` here: expected one of {known}");
            return Err(ExpressionError::new(at, reason));
        }
        made(Node::Field(Box::new(of), name), at)
    }

    fn primary(&mut self) -> Parsed {
        let (token, at) = self.take();
        let literal = |literal| made(Node::Literal(literal), at);
        match token {
            Token::Int(digits) => match whole(&digits) {
                Some(number) => literal(Literal::Int(number)),
                None => Err(no_number(&digits, at)),
            },
            Token::Uint(digits) => match unsigned(&digits) {
                Some(number) => literal(Literal::Uint(number)),
                None => Err(no_number(&digits, at)),
            },
            Token::Double(number) => literal(Literal::Double(number)),
            Token::Text(text) => literal(Literal::Text(Text::made(text))),
            Token::Name(name) => self.name(name, at),
            Token::Sign("(") => {
                let inner = self.expression()?;
                self.expect(")")?;
                Ok(inner)
            }
            Token::Sign("[") => made(Node::List(self.list("]")?), at),
            Token::Sign("{") => self.map(at),
            token => Err(unexpected(&token, at, "a value")),
        }
    }

    fn name(&mut self, name: String, at: At) -> Parsed {
        let literal = match name.as_str() {
            "true" => Some(Literal::Bool(true)),
            "false" => Some(Literal::Bool(false)),
            "null" => Some(Literal::Null),
            _ => None,
        };
        if let Some(literal) = literal {
            return made(Node::Literal(literal), at);
        }
        if RESERVED.contains(&name.as_str()) {
            return Err(unexpected(&Token::Name(name), at, "a value"));
        }
        if self.take_if("(") {
            return self.call(&name, None, at);
        }
        if self.bound.contains(&name) || find(self.schema, &name).is_some() {
            return made(Node::Name(name), at);
        }
        let reason = format!("no `{name}`: expected one of {}", listed(self.schema));
        Err(ExpressionError::new(at, reason))
    }

    /// Expressions up to a bracket; one comma may be left over.
    fn list(&mut self, end: &'static str) -> Parsed<Vec<Expr>> {
        let mut all = Vec::new();
        while !self.take_if(end) {
            all.push(self.expression()?);
            if !self.take_if(",") {
                self.expect(end)?;
                break;
            }
        }
        Ok(all)
    }

    fn map(&mut self, at: At) -> Parsed {
        let mut all: Vec<(Expr, Expr)> = Vec::new();
        while !self.take_if("}") {
            let key = self.expression()?;
            if matches!(&key.node, Node::Literal(literal) if !matches!(literal, Literal::Text(_))) {
                return Err(ExpressionError::new(key.at, "only texts name members here"));
            }
            self.expect(":")?;
            all.push((key, self.expression()?));
            if !self.take_if(",") {
                self.expect("}")?;
                break;
            }
        }
        made(Node::Map(all), at)
    }

    /// What is called, once its bracket was opened.
    fn call(&mut self, name: &str, of: Option<Expr>, at: At) -> Parsed {
        let each = match name {
            "all" => Some(EachKind::All),
            "exists" => Some(EachKind::Exists),
            "exists_one" => Some(EachKind::ExistsOne),
            "map" => Some(EachKind::Map),
            "filter" => Some(EachKind::Filter),
            _ => None,
        };
        let of = match (each, of) {
            (Some(kind), Some(range)) => return self.each(kind, range, at),
            (_, of) => of,
        };
        let is_member = of.is_some();
        let arguments: Vec<Expr> = of.into_iter().chain(self.list(")")?).collect();
        match (name, <[Expr; 1]>::try_from(arguments)) {
            ("has", Ok([one])) if !is_member => match one.node {
                Node::Field(of, field) => made(Node::Has(of, field), at),
                _ => Err(ExpressionError::new(
                    at,
                    "`has` asks for a member: `has(a.b)`",
                )),
            },
            (_, Ok(one)) => function(name, one.into(), is_member, at),
            ("matches", Err(arguments)) => self.matches(arguments, at),
            (_, Err(arguments)) => function(name, arguments, is_member, at),
        }
    }

    fn matches(&mut self, arguments: Vec<Expr>, at: At) -> Parsed {
        let mut arguments = arguments.into_iter();
        let (Some(text), Some(pattern), None) =
            (arguments.next(), arguments.next(), arguments.next())
        else {
            return Err(ExpressionError::new(at, "`matches` takes one pattern"));
        };
        let Node::Literal(Literal::Text(source)) = &pattern.node else {
            let reason = "a pattern has to stand in the expression: nobody's statement writes one";
            return Err(ExpressionError::new(pattern.at, reason));
        };
        let source = source.as_str();
        let regex = self.patterns.build(source).map_err(|reason| {
            ExpressionError::new(pattern.at, format!("no regular expression: {reason}"))
        })?;
        if !regex.is_anchored() {
            self.unanchored.push(source.to_owned());
        }
        made(Node::Matches(Box::new(text), regex), at)
    }

    fn each(&mut self, kind: EachKind, range: Expr, at: At) -> Parsed {
        let (token, place) = self.take();
        let Token::Name(name) = token else {
            return Err(unexpected(&token, place, "a name for the elements"));
        };
        let is_taken = RESERVED.contains(&name.as_str()) || self.bound.contains(&name);
        if is_taken || find(self.schema, &name).is_some() {
            let reason = format!("`{name}` is already a name: give the elements another one");
            return Err(ExpressionError::new(place, reason));
        }
        self.expect(",")?;
        self.bound.push(name.clone());
        let mut body = self.expression()?;
        let mut only = None;
        if kind == EachKind::Map && self.take_if(",") {
            only = Some(std::mem::replace(&mut body, self.expression()?));
        }
        let asked = match kind {
            EachKind::Map => only.as_ref(),
            _ => Some(&body),
        };
        if let Some(asked) = asked {
            must_be_bool(
                asked,
                self.schema,
                &self.bound,
                "what is asked of each element",
            )?;
        }
        self.bound.pop();
        self.take_if(",");
        self.expect(")")?;
        let each = Each {
            kind,
            range,
            name,
            only,
            body,
        };
        made(Node::Each(Box::new(each)), at)
    }
}

fn function(name: &str, arguments: Vec<Expr>, is_member: bool, at: At) -> Parsed {
    let Some(function) = Function::find(name, arguments.len(), is_member) else {
        let reason = format!("no function `{name}` that is called like this");
        return Err(ExpressionError::new(at, reason));
    };
    // What is wrong with a text that stands here is known now.
    if let [
        Expr {
            node: Node::Literal(literal),
            ..
        },
    ] = arguments.as_slice()
        && let Some(folded) = functions::fold(function, literal)
    {
        let literal = folded.map_err(|reason| ExpressionError::new(at, reason))?;
        return made(Node::Literal(literal), at);
    }
    made(Node::Call(function, arguments), at)
}

fn unexpected(token: &Token, at: At, expected: &str) -> ExpressionError {
    let found = match token {
        Token::Name(text) | Token::Int(text) | Token::Uint(text) => format!("`{text}`"),
        Token::Double(number) => format!("`{number}`"),
        Token::Text(_) => "a text".to_owned(),
        Token::Sign(sign) => format!("`{sign}`"),
        Token::End => "the end".to_owned(),
    };
    ExpressionError::new(at, format!("expected {expected}, found {found}"))
}
