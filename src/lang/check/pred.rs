//! Checks predicates: types both sides, expands dates to days, and matches ARNs with short names.

use super::expr::{Site, comparable, is_measurable};
use super::literal::{TimeValue, kind_phrase};
use super::{Checker, Outcome};
use crate::diagnostic::Diagnostic;
use crate::lang::ast::{self, CompareOp, Condition, Operand, Span, Spanned, TextOp, Value};
use crate::lang::catalog::FieldType;
use crate::lang::checked::{Expr, FieldRef, Literal, Pred, Scalar};
use crate::lang::format::literal;
use crate::lang::token::excerpt;

impl Checker<'_> {
    pub(super) fn pred(&mut self, written: &ast::Pred) -> Outcome<Pred> {
        match written {
            ast::Pred::And(members) => Ok(Pred::And(self.preds(members)?)),
            ast::Pred::Or(members) => Ok(Pred::Or(self.preds(members)?)),
            ast::Pred::Not(inner) => Ok(Pred::Not(Box::new(self.pred(inner)?))),
            ast::Pred::Test(test) => self.test(test),
        }
    }

    fn preds(&mut self, members: &[ast::Pred]) -> Outcome<Vec<Pred>> {
        members.iter().map(|member| self.pred(member)).collect()
    }

    fn test(&mut self, test: &ast::Test) -> Outcome<Pred> {
        let left = self.expr(&test.subject, Site::Row("where"))?;
        let name = excerpt(&test.subject.value.to_string());
        match &test.condition {
            Condition::Compare(op, Operand::Literal(value)) => self.compare(left, *op, value, &name),
            Condition::Compare(op, Operand::Field(field)) => {
                let right = self.field_expr(field)?;
                if !comparable(left.kind(), right.kind()) {
                    return Err(incomparable(&left, &right, &name, &field.span));
                }
                Ok(Pred::Compare { left, op: *op, right })
            }
            Condition::In { negated, values } => self.membership(left, *negated, values, &name),
            Condition::Range { negated, low, high } => self.range(left, *negated, low, high, &name),
            Condition::Text { negated, op, pattern } => {
                self.warn_about_percent(*op, pattern, &name);
                let pred = text_test(left, *op, pattern, &name)?;
                Ok(if *negated { Pred::Not(Box::new(pred)) } else { pred })
            }
            Condition::Missing { negated } => Ok(Pred::Missing { left, negated: *negated }),
            Condition::True if left.kind() == FieldType::Bool => Ok(Pred::True(left)),
            Condition::True => Err(not_boolean(&left, &name, &test.subject.span)),
        }
    }

    fn compare(&mut self, left: Expr, op: CompareOp, value: &Spanned<Value>, name: &str) -> Outcome<Pred> {
        let ordered = !matches!(op, CompareOp::Eq | CompareOp::Ne);
        if ordered && left.kind() == FieldType::Bool {
            let message = format!("`{}` cannot be used with `{name}`, which is a true-or-false field", op.sign());
            return Err(Diagnostic::error(message, value.span.clone()).into());
        }
        if left.kind() == FieldType::Time {
            let time = self.time_value(value)?;
            self.warn_about_days(op, value, &time, name);
            return Ok(compare_time(left, op, &time));
        }
        if let (false, Some(pred)) = (ordered, self.arn_test(&left, op, &value.value)) {
            return Ok(pred);
        }
        let left = if ordered { as_number(left, &value.value) } else { left };
        self.warn_about_column(&left, value);
        self.warn_about_exact(&left, op, value, name);
        let right = Expr::Literal(self.literal(value, &left, name)?);
        Ok(Pred::Compare { left, op, right })
    }

    fn membership(&mut self, left: Expr, negated: bool, values: &[Spanned<Value>], name: &str) -> Outcome<Pred> {
        let is_arn = |value: &Spanned<Value>| value.value.text.starts_with("arn:");
        if left.kind() == FieldType::Time || values.iter().any(is_arn) {
            let op = if negated { CompareOp::Ne } else { CompareOp::Eq };
            let mut tests = Vec::with_capacity(values.len());
            for value in values {
                tests.push(self.compare(left.clone(), op, value, name)?);
            }
            return Ok(if negated { Pred::And(tests) } else { Pred::Or(tests) });
        }
        let mut literals = Vec::with_capacity(values.len());
        for value in values {
            self.warn_about_column(&left, value);
            literals.push(self.literal(value, &left, name)?);
        }
        Ok(Pred::In { left, values: literals, negated })
    }

    fn range(&mut self, left: Expr, negated: bool, low: &Spanned<Value>, high: &Spanned<Value>, name: &str) -> Outcome<Pred> {
        let span = low.span.start..high.span.end;
        if left.kind() == FieldType::Time {
            let (low, high) = (self.time_value(low)?, self.time_value(high)?);
            return time_range(left, negated, &low, &high, &span);
        }
        if left.kind() == FieldType::Bool {
            let message = format!("`{name}` is a true-or-false field and cannot be compared with a range");
            return Err(Diagnostic::error(message, span).into());
        }
        let left = match as_number(left.clone(), &low.value) {
            number if number != left && is_number(&high.value) => number,
            _ => left,
        };
        let low_value = self.literal(low, &left, name)?;
        let high_value = self.literal(high, &left, name)?;
        if is_less(&high_value, &low_value) {
            return Err(empty_range(span));
        }
        Ok(Pred::Range { left, low: low_value, high: high_value, negated })
    }

    /// Warns if a bare word is also the name of a column, because the column may have been meant. There is no warning
    /// if the text occurs in the tested column: `kind = task` is unambiguous.
    fn warn_about_column(&mut self, left: &Expr, value: &Spanned<Value>) {
        let word = &value.value.text;
        if value.value.quoted || left.kind() != FieldType::Text || self.column(word).is_none() {
            return;
        }
        if let Expr::Field(field) = left
            && self.first
            && self.catalog.values(&self.noun, &field.name).iter().any(|(known, _)| known == word)
        {
            return;
        }
        let warning = Diagnostic::warning(
            format!("`{word}` is also a column, but it is read as a string on the right of an operator"),
            value.span.clone(),
        )
        .with_label(format!("write `field({word})` for the column, or '{word}' for the string"));
        self.warnings.push(warning);
    }

    /// Warns about `time > yesterday`, which begins when that day is over, although `since yesterday` includes it.
    fn warn_about_days(&mut self, op: CompareOp, value: &Spanned<Value>, time: &TimeValue, name: &str) {
        let (CompareOp::Gt, Some(end)) = (op, time.day_end) else { return };
        let day = literal(&value.value.text);
        let message = format!("`{name} > {day}` is everything from {end} on: {day} itself is not included");
        let label = format!("`{name} >= {day}` includes it");
        self.warnings.push(Diagnostic::warning(message, value.span.clone()).with_label(label));
    }

    /// Warns if a bare word after `=` or `!=` means a pattern or a missing value in other languages, and does not occur
    /// in the column.
    fn warn_about_exact(&mut self, left: &Expr, op: CompareOp, value: &Spanned<Value>, name: &str) {
        let word = &value.value.text;
        if value.value.quoted || left.kind() != FieldType::Text || !matches!(op, CompareOp::Eq | CompareOp::Ne) {
            return;
        }
        let negated = op == CompareOp::Ne;
        let (message, instead) = if NO_VALUES.iter().any(|none| word.eq_ignore_ascii_case(none)) {
            let instead = format!("{name} is {}missing", if negated { "not " } else { "" });
            (format!("`{word}` is read as a string"), instead)
        } else if word.contains('*') {
            let instead = format!("{}{name} like {word}", if negated { "not " } else { "" });
            (format!("`{}` compares exactly: `*` matches only itself", op.sign()), instead)
        } else {
            return;
        };
        if let Expr::Field(field) = left
            && self.first
            && self.catalog.values(&self.noun, &field.name).iter().any(|(known, _)| known == word)
        {
            return;
        }
        self.warnings.push(Diagnostic::warning(message, value.span.clone()).with_label(format!("did you mean `{instead}`?")));
    }

    /// Warns about `%` as the wildcard of SQL.
    fn warn_about_percent(&mut self, op: TextOp, pattern: &Spanned<Value>, name: &str) {
        let text = &pattern.value.text;
        let at_edge = text.starts_with('%') || text.ends_with('%');
        if op != TextOp::Like || !at_edge || text.contains(['*', '?']) {
            return;
        }
        let instead = crate::lang::format::literal(&text.replace('%', "*"));
        let warning = Diagnostic::warning("`%` matches only itself; `*` matches any text", pattern.span.clone())
            .with_label(format!("did you mean `{name} like {instead}`?"));
        self.warnings.push(warning);
    }

    /// `cluster = arn:aws:ecs:…:cluster/batch`: compares the ARN column if there is one, otherwise the short name
    /// together with the account and Region of the ARN.
    fn arn_test(&self, left: &Expr, op: CompareOp, value: &Value) -> Option<Pred> {
        let Expr::Field(field) = left else {
            return None;
        };
        let mut parts = value.text.splitn(6, ':');
        if parts.next() != Some("arn") || field.name.ends_with("_arn") {
            return None;
        }
        if let Some(column) = self.column(&format!("{}_arn", field.name)) {
            return Some(text_compare(&super::scope::reference(column), op, &value.text));
        }
        if !SHORT_NAMES.contains(&field.name.as_str()) {
            return None;
        }
        let (region, account) = (parts.nth(2)?, parts.next()?);
        let short = parts.next()?.rsplit('/').next()?;
        let mut tests = vec![text_compare(field, op, short)];
        for (name, part) in [("region", region), ("account", account)] {
            match self.column(name) {
                Some(column) if !part.is_empty() => {
                    tests.push(text_compare(&super::scope::reference(column), op, part));
                }
                _ => {}
            }
        }
        Some(match op {
            CompareOp::Ne => Pred::Or(tests),
            _ => Pred::And(tests),
        })
    }
}

/// Words for a missing value in other languages.
pub(super) const NO_VALUES: &[&str] = &["null", "none", "nil", "nan", "undefined"];

/// Columns that contain the last part of an ARN.
const SHORT_NAMES: &[&str] =
    &["cluster", "service", "task", "container_instance", "task_definition", "capacity_provider", "deployment"];

fn text_compare(field: &FieldRef, op: CompareOp, text: &str) -> Pred {
    Pred::Compare { left: Expr::Field(field.clone()), op, right: Expr::Literal(Literal::Text(text.to_owned())) }
}

/// A raw path is text; if it is compared with a number, it is converted.
fn as_number(left: Expr, value: &Value) -> Expr {
    match left {
        Expr::Raw(_) if is_number(value) => Expr::Call { function: Scalar::Number, args: vec![left], kind: FieldType::Float },
        other => other,
    }
}

fn is_number(value: &Value) -> bool {
    !value.quoted && value.text.parse::<f64>().is_ok_and(f64::is_finite)
}

/// A comparison with a time; a date without a time means the whole day.
fn compare_time(left: Expr, op: CompareOp, time: &TimeValue) -> Pred {
    let test = |op, at| Pred::Compare { left: left.clone(), op, right: Expr::Literal(Literal::Time(at)) };
    match (op, time.day_end) {
        (CompareOp::Eq, Some(end)) => Pred::And(vec![test(CompareOp::Ge, time.from), test(CompareOp::Lt, end)]),
        (CompareOp::Ne, Some(end)) => Pred::Or(vec![
            test(CompareOp::Lt, time.from),
            test(CompareOp::Ge, end),
            Pred::Missing { left: left.clone(), negated: false },
        ]),
        (CompareOp::Le, Some(end)) => test(CompareOp::Lt, end),
        (CompareOp::Gt, Some(end)) => test(CompareOp::Ge, end),
        (op, _) => test(op, time.from),
    }
}

fn time_range(left: Expr, negated: bool, low: &TimeValue, high: &TimeValue, span: &Span) -> Outcome<Pred> {
    if high.from < low.from {
        return Err(empty_range(span.clone()));
    }
    let Some(end) = high.day_end else {
        let (low, high) = (Literal::Time(low.from), Literal::Time(high.from));
        return Ok(Pred::Range { left, low, high, negated });
    };
    let day = TimeValue { from: low.from, day_end: Some(end) };
    let op = if negated { CompareOp::Ne } else { CompareOp::Eq };
    Ok(compare_time(left, op, &day))
}

fn empty_range(span: Span) -> Box<Diagnostic> {
    Diagnostic::error("the range ends before it starts", span).with_label("put the lower bound first").into()
}

fn is_less(a: &Literal, b: &Literal) -> bool {
    match (a, b) {
        (Literal::Text(a), Literal::Text(b)) => a < b,
        (Literal::Int(a), Literal::Int(b)) => a < b,
        (Literal::Float(a), Literal::Float(b)) | (Literal::Duration(a), Literal::Duration(b)) => a < b,
        _ => false,
    }
}

fn text_test(left: Expr, op: TextOp, pattern: &Spanned<Value>, name: &str) -> Outcome<Pred> {
    if left.kind() != FieldType::Text {
        let message = format!("`{}` works on text, but `{name}` is a {}", op.word(), kind_phrase(left.kind()));
        return Err(Diagnostic::error(message, pattern.span.clone()).with_label("compare with `=`, `<` or `in`").into());
    }
    let text = pattern.value.text.clone();
    Ok(match op {
        TextOp::Like => Pred::Like { left, pattern: text },
        TextOp::Contains => Pred::Contains { left, text },
        TextOp::Matches => Pred::Matches { left, regex: text, span: pattern.span.clone() },
    })
}

fn incomparable(left: &Expr, right: &Expr, name: &str, span: &Span) -> Box<Diagnostic> {
    let message = format!("`{name}` is a {}, but this is a {}", kind_phrase(left.kind()), kind_phrase(right.kind()));
    Diagnostic::error(message, span.clone()).into()
}

fn not_boolean(left: &Expr, name: &str, span: &Span) -> Box<Diagnostic> {
    let example = if is_measurable(left.kind()) {
        format!("`{name} > 0` or `{name} is not missing`")
    } else {
        format!("`{name} = …` or `{name} is not missing`")
    };
    Diagnostic::error(format!("`{name}` is a {}, not true or false", kind_phrase(left.kind())), span.clone())
        .with_label(format!("write a condition: {example}"))
        .into()
}
