//! Parses clauses into a [`Query`].
//!
//! Errors are collected, one per clause, because parsing continues at the next clause keyword. Invariant: a query is
//! returned only if there are no errors.

use super::ast::{
    Compare, Duration, Every, Instant, Item, Key, Limit, Period, Query, SortKey, Source, Span, Spanned, Stage, Window,
};
use super::cursor::{Cursor, Parsed};
use super::relation::relation;
use super::token::{TokenKind, excerpt, tokenize};
use super::{advice, expr, keyword};
use super::{suggest, time};
use crate::diagnostic::Diagnostic;

/// The maximum number of errors listed.
const MOST_ERRORS: usize = 10;

/// Parses a query. The help of the last error is a query that parses, if the text is one in other words.
pub fn parse(text: &str) -> Result<Query, Vec<Diagnostic>> {
    parse_if(text, &|_| true)
}

/// As [`parse()`]; only an accepted query is suggested.
pub fn parse_if(text: &str, accepts: &dyn Fn(&Query) -> bool) -> Result<Query, Vec<Diagnostic>> {
    parse_at(text, 0).map_err(|errors| advice::explained(text, errors, accepts))
}

/// Parses a query with an offset added to its spans, to distinguish them from those of another text.
pub(super) fn parse_at(text: &str, offset: usize) -> Result<Query, Vec<Diagnostic>> {
    let (mut tokens, mut errors) = tokenize(text);
    for token in &mut tokens {
        token.span = token.span.start + offset..token.span.end + offset;
    }
    if !errors.is_empty() {
        errors.truncate(MOST_ERRORS);
        return Err(errors);
    }
    let mut parser = Parser { cursor: Cursor::new(tokens, text.len() + offset), errors };
    let query = parser.query();
    match query {
        Some(query) if parser.errors.is_empty() => Ok(query),
        _ => {
            parser.errors.truncate(MOST_ERRORS);
            Err(parser.errors)
        }
    }
}

struct Parser {
    cursor: Cursor,
    errors: Vec<Diagnostic>,
}

impl Parser {
    fn query(&mut self) -> Option<Query> {
        let source = match self.source() {
            Ok(source) => Some(source),
            Err(error) => {
                self.errors.push(*error);
                self.cursor.recover();
                None
            }
        };
        let mut stages = vec![self.stage()];
        while self.cursor.take(&TokenKind::Pipe) {
            if self.cursor.at_end() || self.cursor.peek() == Some(&TokenKind::Pipe) {
                let error = self.cursor.expected("a clause after `|`");
                self.errors.push(*error);
            }
            stages.push(self.stage());
        }
        source.map(|source| Query { source, stages })
    }

    fn source(&mut self) -> Parsed<Spanned<Source>> {
        let span = self.cursor.span();
        let Some(word) = self.cursor.word().map(str::to_owned) else {
            return Err(self.cursor.expected("a noun such as `failures`"));
        };
        let source = if let Some(name) = word.strip_prefix('@') {
            if name.is_empty() {
                return Err(Diagnostic::error("missing name of a saved query after `@`", span).into());
            }
            Source::Saved(name.to_owned())
        } else if keyword::is_clause(&word) {
            let error = self.cursor.expected("a noun such as `failures`");
            return Err(error.with_help("a query starts with a noun: `failures by reason`").into());
        } else {
            Source::Noun(word.to_lowercase())
        };
        self.cursor.advance();
        Ok(Spanned::new(source, span))
    }

    /// Parses the clauses up to the next pipe or the end.
    fn stage(&mut self) -> Stage {
        let mut stage = Stage::default();
        let mut seen: Vec<(&'static str, Span)> = Vec::new();
        while !self.cursor.at_end() && self.cursor.peek() != Some(&TokenKind::Pipe) {
            if let Err(error) = self.clause(&mut stage, &mut seen) {
                self.errors.push(*error);
                self.cursor.recover();
            }
        }
        stage
    }

    fn clause(&mut self, stage: &mut Stage, seen: &mut Vec<(&'static str, Span)>) -> Parsed<()> {
        let cursor = &mut self.cursor;
        if cursor.at_negated_relation() {
            cursor.advance();
            stage.relations.push(relation(cursor, true)?);
            return Ok(());
        }
        let word = cursor.word().map(str::to_lowercase);
        let Some(word) = keyword::clause_words().find(|known| Some(*known) == word.as_deref()) else {
            let error = not_a_clause(cursor);
            if cursor.at_foreign_by() {
                cursor.advance();
                cursor.advance();
            }
            return Err(error);
        };
        if matches!(word, "near" | "following" | "preceding") {
            stage.relations.push(relation(cursor, false)?);
            return Ok(());
        }
        let span = cursor.span();
        if let Some(error) = conflict(word, &span, seen) {
            cursor.advance();
            return Err(error);
        }
        seen.push((word, span.clone()));
        cursor.advance();
        match word {
            "where" => add_filter(cursor, stage)?,
            "since" | "until" | "between" | "on" | "around" => window(cursor, word, &span, stage)?,
            "by" => stage.by = list(cursor, key)?,
            "every" => stage.every = Some(every(cursor)?),
            "show" => show(cursor, stage)?,
            "sort" => {
                cursor.take_word("by");
                stage.sort = list(cursor, sort_key)?;
            }
            "top" | "bottom" | "limit" => stage.limit = Some(limit(cursor, word, &span)?),
            "compare" => stage.compare = Some(compare(cursor, &span)?),
            _ => {
                let pause = duration(cursor, "a duration after `bursts`")?;
                stage.bursts = Some(Spanned::new(pause.value, cursor.span_since(&span)));
            }
        }
        Ok(())
    }
}

/// The error if this clause conflicts with earlier ones.
fn conflict(word: &str, span: &Span, seen: &[(&'static str, Span)]) -> Option<Box<Diagnostic>> {
    const WINDOWS: [&str; 5] = ["since", "until", "between", "on", "around"];
    const LIMITS: [&str; 3] = ["top", "bottom", "limit"];
    if word == "where" {
        return None;
    }
    if seen.iter().any(|(other, _)| *other == word) {
        let error = Diagnostic::error(format!("`{word}` is given twice"), span.clone());
        let label = match word {
            "by" | "show" | "sort" => "join them with a comma",
            _ => "keep one of them",
        };
        return Some(error.with_label(label).into());
    }
    let excludes = |other: &str| {
        let both_open = matches!(word, "since" | "until") && matches!(other, "since" | "until");
        WINDOWS.contains(&word) && WINDOWS.contains(&other) && !both_open || LIMITS.contains(&word) && LIMITS.contains(&other)
    };
    let (other, _) = seen.iter().find(|(other, _)| excludes(other))?;
    let message = format!("`{word}` and `{other}` cannot be combined");
    Some(Diagnostic::error(message, span.clone()).with_label("keep one of them").into())
}

fn not_a_clause(cursor: &Cursor) -> Box<Diagnostic> {
    let error = cursor.expected("a clause");
    let Some(word) = cursor.word() else {
        return error;
    };
    let is_clock = word.as_bytes().iter().position(|b| *b == b':').is_some_and(|at| matches!(at, 1 | 2));
    let foreign = match word.to_lowercase().as_str() {
        word if is_clock && word.starts_with(|c: char| c.is_ascii_digit()) => {
            Some("a time of day follows a date: `2026-03-04 05:00`")
        }
        "group" | "groupby" | "grouped" | "partition" | "split" => Some("write `by`"),
        "order" | "orderby" | "ordered" | "sorted" => Some("write `sort`"),
        "having" => Some("write `| where …`"),
        "from" | "after" => Some("write `since`"),
        "to" | "before" => Some("write `until`"),
        "last" => Some("write `since`, such as `since 7d`"),
        "select" | "fields" | "stats" => Some("write `show`"),
        "filter" | "and" | "or" | "in" | "for" | "of" | "with" => Some("conditions go after `where`"),
        "today" | "yesterday" => Some("write `on` before it"),
        "head" | "take" => Some("write `limit`"),
        _ => None,
    };
    match foreign.map(str::to_owned).or_else(|| suggest::question(word, keyword::clause_words())) {
        Some(label) => error.with_label(label).into(),
        None => error.with_note(clause_list()).into(),
    }
}

fn clause_list() -> String {
    let words: Vec<&str> = keyword::clause_words().collect();
    format!("clauses: {}", words.join(", "))
}

pub(super) fn list<T>(cursor: &mut Cursor, one: fn(&mut Cursor) -> Parsed<T>) -> Parsed<Vec<T>> {
    let mut all = vec![one(cursor)?];
    while cursor.take(&TokenKind::Comma) {
        all.push(one(cursor)?);
    }
    Ok(all)
}

fn add_filter(cursor: &mut Cursor, stage: &mut Stage) -> Parsed<()> {
    let added = expr::predicate(cursor)?;
    stage.filter = Some(match stage.filter.take() {
        Some(earlier) => expr::join(vec![earlier, added], super::ast::Pred::And),
        None => added,
    });
    Ok(())
}

/// Reads a quoted string, or the longest run of bare words that is a time, such as `7 days` or `2026-03-04 05:00`.
fn timed<T>(cursor: &mut Cursor, what: &str, read: fn(&str, Span) -> Parsed<T>) -> Parsed<Spanned<T>> {
    let span = cursor.span();
    if let Some(TokenKind::Quoted(text)) = cursor.peek() {
        let value = read(text, span.clone())?;
        cursor.advance();
        return Ok(Spanned::new(value, span));
    }
    let free = |ahead| cursor.word_at(ahead).filter(|word| !keyword::is_reserved(word));
    let words: Vec<String> = (0..time::MOST_WORDS).map_while(free).map(str::to_owned).collect();
    if words.is_empty() {
        return Err(cursor.expected(what));
    }
    let prefix = |count: usize| words.get(..count).unwrap_or_default().join(" ");
    let found = (1..=words.len()).rev().find_map(|count| {
        let span = cursor.span_of(count);
        read(&prefix(count), span.clone()).ok().map(|value| (Spanned::new(value, span), count))
    });
    if let Some((value, count)) = found {
        (0..count).for_each(|_| cursor.advance());
        return Ok(value);
    }
    // A number, `last` and `this` mean nothing without the next word.
    let opens = |word: &String| word.bytes().all(|b| b.is_ascii_digit()) && word.len() < 8;
    let opened = words.first().is_some_and(|word| opens(word) || ["last", "this"].contains(&&*word.to_lowercase()));
    let count = match time::other_date_words(&words) {
        0 if opened => words.len().min(2),
        0 => 1,
        dated => dated,
    };
    let span = cursor.span_of(count);
    match read(&prefix(count), span) {
        Err(error) => Err(error),
        Ok(_) => Err(cursor.expected(what)),
    }
}

fn instant(cursor: &mut Cursor) -> Parsed<Spanned<Instant>> {
    timed(cursor, "a point in time", time::read_instant)
}

pub(super) fn duration(cursor: &mut Cursor, what: &str) -> Parsed<Spanned<Duration>> {
    timed(cursor, what, time::read_duration)
}

fn window(cursor: &mut Cursor, word: &str, start: &Span, stage: &mut Stage) -> Parsed<()> {
    let first = instant(cursor)?;
    let window = match word {
        "since" | "until" => {
            let (mut since, mut until) = match stage.window.take().map(|window| window.value) {
                Some(Window::Open { since, until }) => (since, until),
                _ => (None, None),
            };
            match word {
                "since" => since = Some(first),
                _ => until = Some(first),
            }
            Window::Open { since, until }
        }
        "between" => {
            if !cursor.take_word("and") {
                return Err(cursor.expected("`and` with a second point in time"));
            }
            Window::Between(first, instant(cursor)?)
        }
        "on" => Window::On(first),
        _ => {
            let within = if cursor.take_word("within") { Some(duration(cursor, "a duration after `within`")?) } else { None };
            Window::Around(first, within)
        }
    };
    stage.window = Some(Spanned::new(window, cursor.span_since(start)));
    Ok(())
}

fn key(cursor: &mut Cursor) -> Parsed<Key> {
    let expr = expr::subject(cursor, "a field to group by")?;
    let alias = expr::alias(cursor)?;
    Ok(Key { expr, alias })
}

/// `*` for all columns, columns, or both.
fn show(cursor: &mut Cursor, stage: &mut Stage) -> Parsed<()> {
    let alone = matches!(cursor.peek_at(1), None | Some(TokenKind::Comma | TokenKind::Pipe))
        || cursor.word_at(1).is_some_and(keyword::is_clause);
    if cursor.at_word("*") || alone && cursor.at_word("all") {
        stage.all_columns = Some(Spanned::new((), cursor.span()));
        cursor.advance();
        if !cursor.take(&TokenKind::Comma) {
            return Ok(());
        }
    }
    stage.show = list(cursor, item)?;
    Ok(())
}

fn item(cursor: &mut Cursor) -> Parsed<Item> {
    let expr = expr::expression(cursor)?;
    let alias = expr::alias(cursor)?;
    Ok(Item { expr, alias })
}

fn every(cursor: &mut Cursor) -> Parsed<Every> {
    let step = match cursor.word().filter(|word| word.len() > 1).and_then(keyword::find_unit) {
        // `every hour` is `every 1h`.
        Some(unit) => {
            let span = cursor.span();
            cursor.advance();
            Spanned::new(Duration { parts: vec![(1, unit)] }, span)
        }
        None => duration(cursor, "a duration after `every`")?,
    };
    let fill = !cursor.take_word("nofill");
    Ok(Every { step, fill })
}

fn sort_key(cursor: &mut Cursor) -> Parsed<SortKey> {
    let descending = cursor.take_minus();
    let field = expr::field(cursor, "a column to sort by")?;
    if cursor.peek() == Some(&TokenKind::Open) {
        return Err(Diagnostic::error("`sort` takes a column, not a call", field.span)
            .with_label("use the column name, such as `-p95_start_latency`")
            .into());
    }
    let written_out = cursor.take_word("desc");
    if written_out && descending {
        let message = "descending is given twice, as `-` and as `desc`";
        return Err(Diagnostic::error(message, cursor.span_since(&field.span)).with_label("keep one of them").into());
    }
    if !written_out && !descending {
        cursor.take_word("asc");
    }
    Ok(SortKey { field, descending: descending || written_out })
}

fn limit(cursor: &mut Cursor, word: &str, start: &Span) -> Parsed<Spanned<Limit>> {
    if word == "limit" && cursor.take_word("all") {
        return Ok(Spanned::new(Limit::All, cursor.span_since(start)));
    }
    let rows = cursor.integer(&format!("a number after `{word}`"))?.value;
    let limit = if word == "limit" {
        Limit::Rows(rows)
    } else {
        let per = if cursor.take_word("per") { Some(expr::field(cursor, "a field after `per`")?) } else { None };
        refuse_by_after(cursor, word, rows)?;
        match word {
            "top" => Limit::Top(rows, per),
            _ => Limit::Bottom(rows, per),
        }
    };
    Ok(Spanned::new(limit, cursor.span_since(start)))
}

/// The error for `top 10 by duration`: elsewhere this sorts, here `by` groups, so neither reading is safe.
fn refuse_by_after(cursor: &Cursor, word: &str, rows: u32) -> Parsed<()> {
    if !cursor.at_word("by") {
        return Ok(());
    }
    let name = cursor.word_at(1).map_or_else(|| "field".to_owned(), excerpt);
    let sign = if word == "top" { "-" } else { "" };
    Err(Diagnostic::error(format!("`by` cannot follow `{word} {rows}`"), cursor.span())
        .with_label(format!("to sort rows: `sort {sign}{name} limit {rows}`"))
        .with_help(format!("to group rows: `by {name} {word} {rows}`"))
        .into())
}

fn compare(cursor: &mut Cursor, start: &Span) -> Parsed<Spanned<Compare>> {
    let compare = if cursor.take_word("previous") {
        let period = [Period::Day, Period::Week, Period::Month].into_iter().find(|period| cursor.take_word(period.word()));
        Compare::Previous(period)
    } else if cursor.take_word("between") {
        let first = instant(cursor)?;
        if !cursor.take_word("and") {
            return Err(cursor.expected("`and` with a second point in time"));
        }
        Compare::Between(first, instant(cursor)?)
    } else {
        return Err(cursor.expected("`previous` or `between` after `compare`"));
    };
    Ok(Spanned::new(compare, cursor.span_since(start)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn messages(text: &str) -> Vec<String> {
        match parse(text) {
            Ok(query) => panic!("{text} parsed: {query:?}"),
            Err(errors) => errors.into_iter().map(|e| e.message).collect(),
        }
    }

    #[test]
    fn clauses_come_in_any_order() {
        let expected = parse("failures where a = 1 by reason since 7d top 3").unwrap();
        for text in ["failures since 7d by reason where a = 1 top 3", "FAILURES Top 3 WHERE a = 1 Since 7d BY reason"] {
            assert_eq!(parse(text).unwrap(), expected, "{text}");
        }
    }

    #[test]
    fn every_clause_can_have_its_own_error() {
        assert_eq!(
            messages("failures where a = by reason since 7x limit none"),
            [
                "unexpected keyword `by`: expected a value after `=`",
                "`x` is not a time unit",
                "unexpected `none`: expected a number after `limit`",
            ]
        );
    }

    #[test]
    fn not_before_a_correlation_belongs_to_the_clause() {
        let query = parse("failures where failed not following calls within 5m").unwrap();
        let stage = query.stages.first().unwrap();
        assert!(stage.relations.first().unwrap().negated);
        let query = parse("failures where failed not in (a)").unwrap();
        assert!(query.stages.first().unwrap().relations.is_empty());
    }

    #[test]
    fn deep_and_long_queries_are_errors_not_overflows() {
        let deep = format!("failures where {}a{}", "(".repeat(10_000), ")".repeat(10_000));
        assert!(messages(&deep).first().unwrap().contains("levels deep"));
        let calls = format!("failures show {}a{}", "abs(".repeat(9_000), ")".repeat(9_000));
        assert!(messages(&calls).first().unwrap().contains("levels deep"));
        let long = format!("failures show a{}", "+1".repeat(20_000));
        assert!(messages(&long).first().unwrap().contains("arithmetic operators"));
    }

    #[test]
    fn by_after_top_offers_sort() {
        let errors = parse("failures top 10 by duration").unwrap_err();
        let error = errors.first().unwrap();
        assert_eq!(error.label.as_deref(), Some("to sort rows: `sort -duration limit 10`"));
    }
}
