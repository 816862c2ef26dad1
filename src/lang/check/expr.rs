//! Checks expressions: resolves functions, types arguments and operands, and allows aggregates only in groups.

use super::literal::kind_phrase;
use super::{Checker, Outcome};
use crate::diagnostic::Diagnostic;
use crate::lang::ast::{self, Arith, Field, Span, Spanned};
use crate::lang::catalog::FieldType;
use crate::lang::checked::{Aggregate, Expr, Key, Literal, Scalar};
use crate::lang::keyword::{self, Args, FUNCTIONS, Function, FunctionKind, ResultType};
use crate::lang::suggest;
use crate::lang::token::excerpt;

/// The context of an expression, which determines the meaning of bare names and aggregates.
#[derive(Clone, Copy)]
pub(super) enum Site<'k> {
    /// In `where`, `by`, or `show` without groups: one row.
    Row(&'static str),
    /// Inside an aggregate: one row of the group.
    Argument,
    /// In `show` with groups.
    Group(&'k [Key]),
}

impl Checker<'_> {
    pub(super) fn expr(&self, written: &Spanned<ast::Expr>, site: Site<'_>) -> Outcome<Expr> {
        match &written.value {
            ast::Expr::Field(field) => self.bare(&Spanned::new(field.clone(), written.span.clone()), site),
            ast::Expr::Number(number) => read_number(number, &written.span),
            ast::Expr::Text(text) => Ok(Expr::Literal(Literal::Text(text.clone()))),
            ast::Expr::Call(name, args) => self.call(name, args, &written.span, site),
            ast::Expr::Binary(op, left, right) => {
                let (left_span, right_span) = (&left.span, &right.span);
                let left = self.expr(left, site)?;
                let right = self.expr(right, site)?;
                let Some(kind) = arithmetic_kind(*op, left.kind(), right.kind()) else {
                    let span = left_span.start..right_span.end;
                    return Err(bad_arithmetic(*op, &left, &right, span));
                };
                Ok(Expr::Binary { op: *op, left: Box::new(left), right: Box::new(right), kind })
            }
        }
    }

    /// A name without parentheses: a key, an aggregate of the group, or a column of the row.
    fn bare(&self, field: &Spanned<Field>, site: Site<'_>) -> Outcome<Expr> {
        let Site::Group(keys) = site else {
            return self.field_expr(field);
        };
        if let Field::Name(name) = &field.value {
            if let Some(key) = keys.iter().find(|key| key.name.eq_ignore_ascii_case(name)) {
                return Ok(key.expr.clone());
            }
            if let Some(aggregate) = self.bare_aggregate(name) {
                return Ok(aggregate);
            }
        }
        let found = self.field_expr(field)?;
        if keys.iter().any(|key| key.expr == found) {
            return Ok(found);
        }
        let name = ast::Expr::Field(field.value.clone()).to_string();
        Err(Diagnostic::error(format!("`{}` is neither a key nor an aggregate", excerpt(&name)), field.span.clone())
            .with_label(format!("add it to `by`, or use `any({name})`, `first({name})` or `last({name})`"))
            .into())
    }

    /// `count`, `share` or a measure of the noun.
    pub(super) fn bare_aggregate(&self, name: &str) -> Option<Expr> {
        let function = match name.to_lowercase().as_str() {
            "count" => Some((Aggregate::Count, FieldType::Int)),
            "share" => Some((Aggregate::Share, FieldType::Float)),
            _ => None,
        };
        if let Some((function, kind)) = function {
            return Some(Expr::Aggregate { function, arg: None, kind });
        }
        let measure = self.measure(name)?;
        Some(Expr::Measure { name: measure.name.to_owned(), kind: measure.kind })
    }

    fn call(&self, name: &Spanned<String>, args: &[Spanned<ast::Expr>], span: &Span, site: Site<'_>) -> Outcome<Expr> {
        let Some((function, percent)) = keyword::find_function(&name.value) else {
            return Err(unknown_function(name));
        };
        match function.kind {
            FunctionKind::Field => self.field_call(args, span, site),
            FunctionKind::Scalar(scalar) => self.scalar(function, scalar, args, span, site),
            FunctionKind::Aggregate(aggregate) => self.aggregate(name, function, aggregate, args, span, site),
            FunctionKind::Percentile => {
                let aggregate = Aggregate::Percentile(percent.unwrap_or(50));
                self.aggregate(name, function, aggregate, args, span, site)
            }
        }
    }

    fn field_call(&self, args: &[Spanned<ast::Expr>], span: &Span, site: Site<'_>) -> Outcome<Expr> {
        match args {
            [Spanned { value: ast::Expr::Field(field), span }] => self.bare(&Spanned::new(field.clone(), span.clone()), site),
            _ => Err(Diagnostic::error("`field` takes the name of one column", span.clone()).into()),
        }
    }

    fn scalar(
        &self,
        function: &Function,
        scalar: Scalar,
        args: &[Spanned<ast::Expr>],
        span: &Span,
        site: Site<'_>,
    ) -> Outcome<Expr> {
        check_count(function, function.name, args.len(), span)?;
        let checked = |site| -> Outcome<Expr> {
            let mut typed = Vec::with_capacity(args.len());
            for arg in args {
                typed.push(self.argument(function, function.name, arg, site)?);
            }
            let kind = scalar_kind(function, scalar, &typed, span)?;
            Ok(Expr::Call { function: scalar, args: typed, kind })
        };
        // `by hour(time) show hour(time)`: the whole call is the key.
        if let Site::Group(keys) = site
            && let Ok(call) = checked(Site::Argument)
            && keys.iter().any(|key| key.expr == call)
        {
            return Ok(call);
        }
        checked(site)
    }

    fn argument(&self, function: &Function, name: &str, arg: &Spanned<ast::Expr>, site: Site<'_>) -> Outcome<Expr> {
        let typed = self.expr(arg, site)?;
        let kind = typed.kind();
        let (fits, wanted) = match function.args {
            Args::Time => (kind == FieldType::Time, "a time"),
            Args::Text => (kind == FieldType::Text, "text"),
            Args::Number | Args::NumberAndDigits => (is_measurable(kind), "a number or a duration"),
            Args::None | Args::MaybeOne | Args::Any | Args::Many => (true, ""),
        };
        if fits {
            return Ok(typed);
        }
        let error = Diagnostic::error(format!("`{name}` takes {wanted}, but this is a {}", kind_phrase(kind)), arg.span.clone());
        Err(match kind {
            FieldType::Text if wanted != "a time" => error.with_label(format!("`number({})` converts it", arg.value)).into(),
            _ => error.into(),
        })
    }

    fn aggregate(
        &self,
        name: &Spanned<String>,
        function: &Function,
        aggregate: Aggregate,
        args: &[Spanned<ast::Expr>],
        span: &Span,
        site: Site<'_>,
    ) -> Outcome<Expr> {
        match site {
            Site::Group(_) => {}
            Site::Argument => {
                let message = format!("`{}` is nested in another aggregate", name.value);
                return Err(Diagnostic::error(message, span.clone())
                    .with_help("a second stage after `|` can aggregate the columns of the first")
                    .into());
            }
            Site::Row(clause) => {
                let message = format!("`{}` is computed over groups and cannot be used in `{clause}`", name.value);
                let error = Diagnostic::error(message, span.clone());
                return Err(match clause {
                    "where" => error.with_help("`by … show … | where …` filters groups").into(),
                    _ => error.with_label("it can only be used in `show`").into(),
                });
            }
        }
        check_count(function, &name.value, args.len(), span)?;
        if matches!(aggregate, Aggregate::First | Aggregate::Last) && self.time_field().is_none() {
            let message = format!("`{}` requires a time column", name.value);
            return Err(Diagnostic::error(message, span.clone()).with_label("use `any`").into());
        }
        let arg = match args.first() {
            Some(arg) => Some(Box::new(self.argument(function, &name.value, arg, Site::Argument)?)),
            None => None,
        };
        let kind = match (function.result, arg.as_ref().map(|arg| arg.kind())) {
            (ResultType::Fixed(kind), _) => kind,
            (ResultType::Same, Some(kind)) => kind,
            (ResultType::Mean, Some(FieldType::Duration)) => FieldType::Duration,
            _ => FieldType::Float,
        };
        Ok(Expr::Aggregate { function: aggregate, arg, kind })
    }
}

/// A numeric constant: a whole number unless it has a decimal point.
fn read_number(number: &str, span: &Span) -> Outcome<Expr> {
    let literal = if number.contains('.') {
        number.parse().ok().filter(|float: &f64| float.is_finite()).map(Literal::Float)
    } else {
        number.parse().ok().map(Literal::Int)
    };
    literal.map(Expr::Literal).ok_or_else(|| {
        let message = format!("the number {} is too large", excerpt(number));
        Diagnostic::error(message, span.clone()).into()
    })
}

/// What other languages call a function.
const SYNONYMS: &[(&str, &str)] = &[
    ("average", "avg"),
    ("mean", "avg"),
    ("maximum", "max"),
    ("minimum", "min"),
    ("total", "sum"),
    ("count_distinct", "distinct"),
    ("countdistinct", "distinct"),
    ("dcount", "distinct"),
    ("dc", "distinct"),
    ("uniq", "distinct"),
    ("unique", "distinct"),
    ("percentile", "p95"),
    ("len", "length"),
    ("strlen", "length"),
    ("tolower", "lower"),
    ("toupper", "upper"),
    ("ifnull", "coalesce"),
    ("dayofweek", "weekday"),
    ("earliest", "first"),
    ("latest", "last"),
];

fn unknown_function(name: &Spanned<String>) -> Box<Diagnostic> {
    let error = Diagnostic::error(format!("unknown function `{}`", excerpt(&name.value)), name.span.clone());
    let synonym = SYNONYMS.iter().find(|(other, _)| *other == name.value).map(|(_, known)| *known);
    if let Some(known) = synonym {
        return error.with_label(format!("did you mean `{known}`?")).into();
    }
    let known = FUNCTIONS.iter().map(|function| function.name).filter(|name| name.len() > 1).chain(["p50", "p95", "p99"]);
    match suggest::question(&name.value, known.clone()) {
        Some(label) => error.with_label(label).into(),
        None => {
            let all: Vec<&str> = known.collect();
            error.with_note(format!("functions: {}", all.join(", "))).into()
        }
    }
}

/// Checks the number of arguments of a function.
fn check_count(function: &Function, name: &str, count: usize, span: &Span) -> Outcome<()> {
    let (fits, wanted) = match function.args {
        Args::None => (count == 0, "no argument"),
        Args::MaybeOne => (count <= 1, "at most one argument"),
        Args::Any | Args::Time | Args::Text | Args::Number => (count == 1, "one argument"),
        Args::NumberAndDigits => ((1..=2).contains(&count), "one argument, or two"),
        Args::Many => (count >= 2, "at least two arguments"),
    };
    if fits {
        return Ok(());
    }
    Err(Diagnostic::error(format!("`{name}` takes {wanted}, not {count}"), span.clone()).into())
}

/// Types that can be summed and averaged.
pub(super) fn is_measurable(kind: FieldType) -> bool {
    matches!(kind, FieldType::Int | FieldType::Float | FieldType::Duration)
}

fn scalar_kind(function: &Function, scalar: Scalar, args: &[Expr], span: &Span) -> Outcome<FieldType> {
    if let ResultType::Fixed(kind) = function.result {
        return Ok(kind);
    }
    let first = args.first().map_or(FieldType::Text, Expr::kind);
    match scalar {
        Scalar::Round => match args.get(1) {
            None | Some(Expr::Literal(Literal::Int(0..=9))) => Ok(first),
            Some(_) => Err(Diagnostic::error("the decimals of `round` must be from 0 to 9", span.clone()).into()),
        },
        Scalar::Coalesce => args.iter().skip(1).try_fold(first, |whole, arg| {
            common_kind(whole, arg.kind()).ok_or_else(|| {
                let message =
                    format!("`coalesce` takes values of one type, not {} and {}", kind_phrase(whole), kind_phrase(arg.kind()));
                Diagnostic::error(message, span.clone()).into()
            })
        }),
        _ => Ok(first),
    }
}

/// The type that can hold values of both types.
fn common_kind(a: FieldType, b: FieldType) -> Option<FieldType> {
    use FieldType::{Duration, Float, Int};
    match (a, b) {
        _ if a == b => Some(a),
        (Int, Float) | (Float, Int) => Some(Float),
        (Duration, Int | Float) | (Int | Float, Duration) => Some(Duration),
        _ => None,
    }
}

/// Whether two types can be compared.
pub(super) fn comparable(a: FieldType, b: FieldType) -> bool {
    common_kind(a, b).is_some()
}

fn arithmetic_kind(op: Arith, left: FieldType, right: FieldType) -> Option<FieldType> {
    use FieldType::{Duration, Float, Int, Time};
    match (op, left, right) {
        (Arith::Div, Int | Float, Int | Float) => Some(Float),
        (_, Int, Int) => Some(Int),
        (_, Int | Float, Int | Float) => Some(Float),
        (Arith::Add | Arith::Sub, Duration, Duration) => Some(Duration),
        (Arith::Div, Duration, Duration) => Some(Float),
        (Arith::Mul | Arith::Div, Duration, Int | Float) => Some(Duration),
        (Arith::Mul, Int | Float, Duration) => Some(Duration),
        (Arith::Sub, Time, Time) => Some(Duration),
        (Arith::Add | Arith::Sub, Time, Duration) => Some(Time),
        _ => None,
    }
}

fn bad_arithmetic(op: Arith, left: &Expr, right: &Expr, span: Span) -> Box<Diagnostic> {
    let message = format!("`{}` cannot combine a {} and a {}", op.sign(), kind_phrase(left.kind()), kind_phrase(right.kind()));
    let error = Diagnostic::error(message, span);
    match (left.kind(), right.kind()) {
        (FieldType::Text, _) | (_, FieldType::Text) => error.with_help("`number(x)` converts a string to a number").into(),
        _ => error.into(),
    }
}
