//! Converts typed predicates to filters, with the two-valued logic of the language.
//!
//! A test on a missing field is false, and `not` makes it true: below `not`, tests are negated with `IS NOT TRUE`,
//! and `!=`, `not in` and negated ranges keep missing rows.

use datafusion::functions::expr_fn;
use datafusion::logical_expr::expr::InList;
use datafusion::logical_expr::{Between, Expr, Like, Operator, binary_expr, lit};
use jiff::tz::TimeZone;

use super::PlanError;
use super::expression::{constant, lower_row};
use crate::diagnostic::Diagnostic;
use crate::lang::checked::{self, CompareOp, Literal, Pred, Span};

/// A filter; null counts as false, as in filters of the engine.
pub fn filter(pred: &Pred, tz: &TimeZone) -> Result<Expr, PlanError> {
    Ok(match pred {
        Pred::And(members) => join(members, Operator::And, true, tz)?,
        Pred::Or(members) => join(members, Operator::Or, false, tz)?,
        Pred::Not(inner) => Expr::IsNotTrue(Box::new(filter(inner, tz)?)),
        Pred::Compare { left, op, right } => binary_expr(lower_row(left, tz)?, operator(*op), lower_row(right, tz)?),
        Pred::In { left, values, negated } => {
            let left = lower_row(left, tz)?;
            let list = values.iter().map(constant).collect();
            let found = Expr::InList(InList::new(Box::new(left.clone()), list, *negated));
            keep_missing(left, found, *negated)
        }
        Pred::Range { left, low, high, negated } => range(lower_row(left, tz)?, low, high, *negated),
        Pred::Like { left, pattern } => ilike(lower_row(left, tz)?, glob(pattern)),
        Pred::Contains { left, text } => ilike(lower_row(left, tz)?, format!("%{}%", literal_part(text))),
        Pred::Matches { left, regex, span } => matches(left, regex, span, tz)?,
        Pred::Missing { left, negated: false } => lower_row(left, tz)?.is_null(),
        Pred::Missing { left, negated: true } => lower_row(left, tz)?.is_not_null(),
        Pred::True(expr) => lower_row(expr, tz)?,
    })
}

fn join(members: &[Pred], op: Operator, empty: bool, tz: &TimeZone) -> Result<Expr, PlanError> {
    let mut joined: Option<Expr> = None;
    for member in members {
        let next = filter(member, tz)?;
        joined = Some(match joined {
            Some(before) => binary_expr(before, op, next),
            None => next,
        });
    }
    Ok(joined.unwrap_or_else(|| lit(empty)))
}

fn operator(op: CompareOp) -> Operator {
    match op {
        CompareOp::Eq => Operator::Eq,
        CompareOp::Ne => Operator::IsDistinctFrom,
        CompareOp::Lt => Operator::Lt,
        CompareOp::Le => Operator::LtEq,
        CompareOp::Gt => Operator::Gt,
        CompareOp::Ge => Operator::GtEq,
    }
}

fn keep_missing(left: Expr, test: Expr, negated: bool) -> Expr {
    if negated { left.is_null().or(test) } else { test }
}

fn range(left: Expr, low: &Literal, high: &Literal, negated: bool) -> Expr {
    let between = Expr::Between(Between::new(Box::new(left.clone()), negated, Box::new(constant(low)), Box::new(constant(high))));
    keep_missing(left, between, negated)
}

fn ilike(text: Expr, pattern: String) -> Expr {
    Expr::Like(Like::new(false, Box::new(text), Box::new(lit(pattern)), None, true))
}

/// A string, escaped for a LIKE pattern.
fn literal_part(text: &str) -> String {
    let mut part = String::with_capacity(text.len());
    for c in text.chars() {
        push_literal(&mut part, c);
    }
    part
}

fn push_literal(pattern: &mut String, c: char) {
    if matches!(c, '%' | '_' | '\\') {
        pattern.push('\\');
    }
    pattern.push(c);
}

/// A glob as a LIKE pattern.
fn glob(glob: &str) -> String {
    let mut pattern = String::with_capacity(glob.len());
    let mut signs = glob.chars();
    while let Some(c) = signs.next() {
        match c {
            '*' => pattern.push('%'),
            '?' => pattern.push('_'),
            '\\' => push_literal(&mut pattern, signs.next().unwrap_or('\\')),
            c => push_literal(&mut pattern, c),
        }
    }
    pattern
}

fn matches(left: &checked::Expr, regex: &str, span: &Span, tz: &TimeZone) -> Result<Expr, PlanError> {
    if let Err(error) = regex::Regex::new(regex) {
        let diagnostic = Diagnostic::error("invalid regular expression", span.clone())
            .with_label(reason(&error))
            .with_help("`contains` searches for literal text, without special characters");
        return Err(PlanError::Typed(Box::new(diagnostic)));
    }
    Ok(expr_fn::regexp_like(lower_row(left, tz)?, lit(regex), None))
}

/// The last line of a regex error has the reason; the lines before it draw the expression.
fn reason(error: &regex::Error) -> String {
    match error {
        regex::Error::CompiledTooBig(_) => "it is too large".to_owned(),
        other => {
            let text = other.to_string();
            let last = text.lines().last().unwrap_or_default();
            last.trim_start_matches("error: ").to_owned()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn globs_become_patterns_with_their_signs_escaped() {
        for (written, pattern) in [
            ("batch-*", "batch-%"),
            ("a?c", "a_c"),
            ("50%_x", r"50\%\_x"),
            (r"a\*b", "a*b"),
            (r"a\\b", r"a\\b"),
            (r"end\", r"end\\"),
        ] {
            assert_eq!(glob(written), pattern, "{written}");
        }
        assert_eq!(literal_part("a*%"), r"a*\%");
    }

    #[test]
    fn an_invalid_expression_says_what_is_wrong() {
        let field = checked::FieldRef { name: "message".into(), kind: crate::lang::FieldType::Text };
        let pred = Pred::Matches { left: checked::Expr::Field(field), regex: "a(b".into(), span: 3..6 };
        let Err(PlanError::Typed(diagnostic)) = filter(&pred, &TimeZone::UTC) else { panic!("no diagnostic") };
        assert_eq!(diagnostic.span, Some(3..6));
        assert_eq!(diagnostic.label.as_deref(), Some("unclosed group"));
    }
}
