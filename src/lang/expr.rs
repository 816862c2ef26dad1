//! Parses fields, expressions and predicates.
//!
//! Arithmetic uses precedence climbing; predicates have one function per level of the grammar. Invariant: the nesting
//! limit of the cursor bounds the recursion.

use super::ast::{Condition, Expr, Field, Operand, PathPart, Pred, Spanned, Test, TextOp, Value};
use super::cursor::{Cursor, Parsed};
use super::keyword;
use super::token::{TokenKind, excerpt};
use crate::diagnostic::Diagnostic;

/// A column name or a raw path.
pub(super) fn field(cursor: &mut Cursor, what: &str) -> Parsed<Spanned<Field>> {
    let span = cursor.span();
    let field = match cursor.peek() {
        Some(TokenKind::Name(name)) => Field::Name(name.clone()),
        Some(TokenKind::Word(word)) if is_name_like(word) && !keyword::is_reserved(word) => {
            read_field(word).ok_or_else(|| bad_path(word, span.clone()))?
        }
        _ => return Err(cursor.expected_name(what)),
    };
    cursor.advance();
    Ok(Spanned::new(field, span))
}

fn is_name_like(word: &str) -> bool {
    word.starts_with(|c: char| c.is_alphabetic() || c == '_')
}

/// A bare word as a field; none if it is a raw path with an empty step.
fn read_field(word: &str) -> Option<Field> {
    let Some(path) = raw_path(word) else {
        return Some(Field::Name(word.to_lowercase()));
    };
    let mut parts = Vec::new();
    for step in path.split('.') {
        let (key, indexes) = step.split_once('[').unwrap_or((step, ""));
        if key.is_empty() {
            return None;
        }
        parts.push(PathPart::Key(key.to_owned()));
        for index in indexes.split('[').filter(|index| !index.is_empty()) {
            parts.push(PathPart::Index(index.strip_suffix(']')?.parse().ok()?));
        }
    }
    Some(Field::Raw(parts))
}

fn raw_path(word: &str) -> Option<&str> {
    let prefix = word.get(..4)?;
    prefix.eq_ignore_ascii_case("raw.").then(|| word.get(4..)).flatten()
}

fn bad_path(word: &str, span: super::ast::Span) -> Box<Diagnostic> {
    Diagnostic::error(format!("`{}` is not a valid path into the original record", excerpt(word)), span)
        .with_help("`raw.requestParameters.startedBy`, `raw.containers[0].exitCode`")
        .into()
}

/// A name after `as`.
pub(super) fn alias(cursor: &mut Cursor) -> Parsed<Option<Spanned<String>>> {
    if !cursor.take_word("as") {
        return Ok(None);
    }
    let span = cursor.span();
    let name = match cursor.peek() {
        Some(TokenKind::Name(name)) => name.clone(),
        Some(TokenKind::Word(word)) if is_plain_name(&word.to_lowercase()) => word.to_lowercase(),
        _ => {
            let error = cursor.expected_name("a name after `as`");
            cursor.advance();
            return Err(error);
        }
    };
    cursor.advance();
    Ok(Some(Spanned::new(name, span)))
}

/// Whether a name can be written without backticks.
pub(super) fn is_plain_name(name: &str) -> bool {
    let mut chars = name.chars();
    chars.next().is_some_and(|c| c.is_ascii_lowercase() || c == '_')
        && chars.all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
        && !keyword::is_reserved(name)
}

/// A field or a call, as `by` and the left side of a condition accept.
pub(super) fn subject(cursor: &mut Cursor, what: &str) -> Parsed<Spanned<Expr>> {
    let is_call = cursor.peek_at(1) == Some(&TokenKind::Open)
        && cursor.word().is_some_and(|word| is_name_like(word) && !keyword::is_reserved(word));
    if is_call {
        return call(cursor);
    }
    let field = field(cursor, what)?;
    Ok(Spanned::new(Expr::Field(field.value), field.span))
}

fn call(cursor: &mut Cursor) -> Parsed<Spanned<Expr>> {
    let start = cursor.span();
    let name = cursor.word().unwrap_or_default().to_lowercase();
    cursor.advance();
    cursor.advance();
    let args = cursor.nested(|cursor| {
        let mut args = Vec::new();
        if cursor.peek() != Some(&TokenKind::Close) {
            args.push(expression(cursor)?);
            while cursor.take(&TokenKind::Comma) {
                args.push(expression(cursor)?);
            }
        }
        Ok(args)
    })?;
    cursor.expect(&TokenKind::Close, "`,` or `)`")?;
    let span = cursor.span_since(&start);
    Ok(Spanned::new(Expr::Call(Spanned::new(name, start), args), span))
}

/// Arithmetic on fields, calls, numbers and strings.
pub(super) fn expression(cursor: &mut Cursor) -> Parsed<Spanned<Expr>> {
    climb(cursor, 0)
}

/// Precedence climbing: reads operators that bind at least as tightly as `lowest`.
fn climb(cursor: &mut Cursor, lowest: u8) -> Parsed<Spanned<Expr>> {
    let mut left = operand(cursor)?;
    while let Some(op) = cursor.take_arithmetic(lowest)? {
        let right = climb(cursor, op.precedence() + 1)?;
        let span = left.span.start..right.span.end;
        left = Spanned::new(Expr::Binary(op, Box::new(left), Box::new(right)), span);
    }
    Ok(left)
}

fn operand(cursor: &mut Cursor) -> Parsed<Spanned<Expr>> {
    let span = cursor.span();
    if cursor.take(&TokenKind::Open) {
        let inner = cursor.nested(expression)?;
        cursor.expect(&TokenKind::Close, "`)`")?;
        return Ok(Spanned::new(inner.value, cursor.span_since(&span)));
    }
    if let Some(TokenKind::Quoted(text)) = cursor.peek() {
        let text = Expr::Text(text.clone());
        cursor.advance();
        return Ok(Spanned::new(text, span));
    }
    if cursor.word().is_some_and(|word| raw_path(word).is_none()) {
        cursor.split_operand();
    }
    if let Some(word) = cursor.word().filter(|word| is_number(word)) {
        let number = Expr::Number(word.to_owned());
        let span = cursor.span();
        cursor.advance();
        return Ok(Spanned::new(number, span));
    }
    subject(cursor, "a field, a function or a number")
}

/// Digits, or digits `.` digits, with or without a leading `-`.
pub(super) fn is_number(word: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let plain = word.strip_prefix('-').unwrap_or(word);
    match plain.split_once('.') {
        Some((whole, fraction)) => digits(whole) && digits(fraction),
        None => digits(plain),
    }
}

/// A complete predicate.
pub(super) fn predicate(cursor: &mut Cursor) -> Parsed<Pred> {
    let mut members = vec![conjunction(cursor)?];
    while cursor.take_word("or") {
        members.push(conjunction(cursor)?);
    }
    Ok(join(members, Pred::Or))
}

fn conjunction(cursor: &mut Cursor) -> Parsed<Pred> {
    let mut members = vec![negation(cursor)?];
    while cursor.take_word("and") {
        members.push(negation(cursor)?);
    }
    Ok(join(members, Pred::And))
}

/// Joins predicates, and merges members of the same kind so that trees stay flat.
pub(super) fn join(members: Vec<Pred>, kind: fn(Vec<Pred>) -> Pred) -> Pred {
    let wants_and = matches!(kind(Vec::new()), Pred::And(_));
    let mut flat = Vec::with_capacity(members.len());
    for member in members {
        match member {
            Pred::And(inner) if wants_and => flat.extend(inner),
            Pred::Or(inner) if !wants_and => flat.extend(inner),
            other => flat.push(other),
        }
    }
    if flat.len() == 1 { flat.swap_remove(0) } else { kind(flat) }
}

fn negation(cursor: &mut Cursor) -> Parsed<Pred> {
    if !cursor.at_negated_relation() && cursor.take_word("not") {
        return Ok(match test(cursor)? {
            Pred::Not(inner) => *inner,
            other => Pred::Not(Box::new(other)),
        });
    }
    test(cursor)
}

fn test(cursor: &mut Cursor) -> Parsed<Pred> {
    if cursor.take(&TokenKind::Open) {
        let inner = cursor.nested(predicate)?;
        cursor.expect(&TokenKind::Close, "`and`, `or` or `)`")?;
        return Ok(inner);
    }
    let subject = subject(cursor, "a condition")?;
    let condition = condition(cursor)?;
    Ok(Pred::Test(Test { subject, condition }))
}

fn condition(cursor: &mut Cursor) -> Parsed<Condition> {
    if let Some(TokenKind::Compare(op)) = cursor.peek() {
        let op = *op;
        cursor.advance();
        return Ok(Condition::Compare(op, right_side(cursor, op.sign())?));
    }
    if cursor.take_word("is") {
        let negated = cursor.take_word("not");
        if !cursor.take_word("missing") {
            let error = cursor.expected("`missing`");
            return Err(error.with_help("`is` takes `missing` or `not missing`; use `=` to compare values").into());
        }
        return Ok(Condition::Missing { negated });
    }
    let negated = cursor.at_word("not") && !cursor.at_negated_relation();
    let ahead = usize::from(negated);
    let Some(word) = cursor.word_at(ahead).map(str::to_lowercase) else {
        return bare(cursor, negated);
    };
    let skip = |cursor: &mut Cursor| (0..=ahead).for_each(|_| cursor.advance());
    match word.as_str() {
        "in" => {
            skip(cursor);
            membership(cursor, negated)
        }
        "like" | "contains" | "matches" => {
            skip(cursor);
            let op = match word.as_str() {
                "like" => TextOp::Like,
                "contains" => TextOp::Contains,
                _ => TextOp::Matches,
            };
            let pattern = value(cursor, op.word())?;
            Ok(Condition::Text { negated, op, pattern })
        }
        _ => bare(cursor, negated),
    }
}

/// Nothing follows the subject, so the condition must end here.
fn bare(cursor: &mut Cursor, negated: bool) -> Parsed<Condition> {
    let at_edge = cursor.at_end()
        || cursor.at_clause()
        || matches!(cursor.peek(), Some(TokenKind::Close | TokenKind::Pipe))
        || ["and", "or"].iter().any(|word| cursor.at_word(word));
    if at_edge {
        return Ok(Condition::True);
    }
    if negated {
        cursor.advance();
        return Err(cursor.expected("`in`, `like`, `contains` or `matches` after `not`"));
    }
    let error = cursor.expected("an operator, `and`, `or` or a clause");
    let operators = ["in", "like", "contains", "matches", "is", "and", "or"];
    let known = operators.into_iter().chain(keyword::clause_words());
    let label = cursor.word().and_then(|word| super::suggest::question(word, known));
    Err(match label {
        Some(label) => error.with_label(label).into(),
        None if cursor.word().is_some_and(|word| word.starts_with(['+', '-', '*', '/'])) => {
            error.with_help("arithmetic is only allowed in `show`: `show a - b as c | where c > 0`").into()
        }
        None => error,
    })
}

fn membership(cursor: &mut Cursor, negated: bool) -> Parsed<Condition> {
    if cursor.take(&TokenKind::Open) {
        let mut values = vec![value(cursor, "in")?];
        while cursor.take(&TokenKind::Comma) {
            values.push(value(cursor, "in")?);
        }
        cursor.expect(&TokenKind::Close, "`,` or `)`")?;
        return Ok(Condition::In { negated, values });
    }
    cursor.split_range();
    let low = value(cursor, "in")?;
    cursor.split_range();
    if !cursor.take_word("..") {
        return Err(Diagnostic::error("`in` takes a list in parentheses or a range", low.span)
            .with_label("such as `in (a, b)` or `in 1..5`")
            .into());
    }
    let high = value(cursor, "..")?;
    Ok(Condition::Range { negated, low, high })
}

/// A literal, or `field(name)`.
fn right_side(cursor: &mut Cursor, after: &str) -> Parsed<Operand> {
    if cursor.at_word("field") && cursor.peek_at(1) == Some(&TokenKind::Open) {
        cursor.advance();
        cursor.advance();
        let inner = field(cursor, "a field")?;
        cursor.expect(&TokenKind::Close, "`)`")?;
        return Ok(Operand::Field(inner));
    }
    let literal = value(cursor, after)?;
    if cursor.peek() == Some(&TokenKind::Open) {
        return Err(Diagnostic::error("unexpected function call: expected a value", literal.span)
            .with_label("the right side of an operator is a value or `field(name)`")
            .into());
    }
    Ok(Operand::Literal(literal))
}

/// A single lexeme as a literal.
fn value(cursor: &mut Cursor, after: &str) -> Parsed<Spanned<Value>> {
    let span = cursor.span();
    let value = match cursor.peek() {
        Some(TokenKind::Quoted(text)) => Value { text: text.clone(), quoted: true },
        Some(TokenKind::Word(word)) if keyword::is_reserved(word) => {
            let message = format!("unexpected keyword `{word}`: expected a value after `{after}`");
            let error = Diagnostic::error(message, span).with_label(format!("to use it as a value, write '{word}'"));
            // The keyword was meant as a value, so it must not start a clause when parsing continues.
            cursor.advance();
            return Err(error.into());
        }
        Some(TokenKind::Word(word)) => Value { text: word.clone(), quoted: false },
        Some(TokenKind::Name(name)) => {
            let label = format!("backticks enclose a name; write '{}' for a string", excerpt(name));
            return Err(cursor.expected(&format!("a value after `{after}`")).with_label(label).into());
        }
        _ => return Err(cursor.expected(&format!("a value after `{after}`"))),
    };
    cursor.advance();
    Ok(Spanned::new(value, span))
}
