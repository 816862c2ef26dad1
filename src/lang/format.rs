//! Formats a query in canonical form, and names columns by default.
//!
//! Single spaces, a fixed clause order, lower-case keywords, and quotes only where they are needed. Invariant:
//! `parse(format(q)) == q`, so the canonical text is a fixed point.

use std::fmt::{self, Display, Formatter, Write as _};

use jiff::civil::DateTime;
use jiff::tz::Offset;

use super::ast::{
    Compare, Condition, Duration, Expr, Field, Instant, Item, Key, Limit, Operand, PathPart, Pred, Query, Relation, Source,
    Spanned, Stage, Test, Value, Window,
};
use super::expr::is_plain_name;
use super::time::weekday_name;
use super::{keyword, token};

/// The canonical text.
pub fn format(query: &Query) -> String {
    let mut text = query.source.value.to_string();
    for (index, stage) in query.stages.iter().enumerate() {
        if index > 0 {
            text.push_str(" |");
        }
        // Writing to a string cannot fail.
        let _ = write!(text, "{stage}");
    }
    text
}

impl Display for Source {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Source::Noun(noun) => f.write_str(noun),
            Source::Saved(name) => write!(f, "@{name}"),
        }
    }
}

impl Display for Stage {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if let Some(filter) = &self.filter {
            write!(f, " where {filter}")?;
        }
        for relation in &self.relations {
            write!(f, " {relation}")?;
        }
        if let Some(window) = &self.window {
            write!(f, " {}", window.value)?;
        }
        write_list(f, " by ", &self.by)?;
        if let Some(every) = &self.every {
            write!(f, " every {}", every.step.value)?;
            f.write_str(if every.fill { "" } else { " nofill" })?;
        }
        if let Some(bursts) = &self.bursts {
            write!(f, " bursts {}", bursts.value)?;
        }
        if self.all_columns.is_some() {
            f.write_str(" show *")?;
        }
        write_list(f, if self.all_columns.is_some() { ", " } else { " show " }, &self.show)?;
        if let Some(compare) = &self.compare {
            write!(f, " {}", compare.value)?;
        }
        let sort: Vec<String> =
            self.sort.iter().map(|key| format!("{}{}", if key.descending { "-" } else { "" }, key.field.value)).collect();
        write_list(f, " sort ", &sort)?;
        match &self.limit {
            Some(limit) => write!(f, " {}", limit.value),
            None => Ok(()),
        }
    }
}

fn write_list<T: Display>(f: &mut Formatter<'_>, word: &str, list: &[T]) -> fmt::Result {
    for (index, member) in list.iter().enumerate() {
        write!(f, "{}{member}", if index == 0 { word } else { ", " })?;
    }
    Ok(())
}

impl Display for Window {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Window::Open { since, until } => {
                if let Some(since) = since {
                    write!(f, "since {}", since.value)?;
                    f.write_str(if until.is_some() { " " } else { "" })?;
                }
                match until {
                    Some(until) => write!(f, "until {}", until.value),
                    None => Ok(()),
                }
            }
            Window::Between(from, to) => write!(f, "between {} and {}", from.value, to.value),
            Window::On(day) => write!(f, "on {}", day.value),
            Window::Around(middle, None) => write!(f, "around {}", middle.value),
            Window::Around(middle, Some(within)) => {
                write!(f, "around {} within {}", middle.value, within.value)
            }
        }
    }
}

impl Display for Instant {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Instant::Now => f.write_str("now"),
            Instant::Latest => f.write_str("latest"),
            Instant::Today => f.write_str("today"),
            Instant::Yesterday => f.write_str("yesterday"),
            Instant::Weekday(day) => f.write_str(weekday_name(*day)),
            Instant::Calendar { last, unit } => {
                write!(f, "{} {}", if *last { "last" } else { "this" }, unit.word())
            }
            Instant::Ago(duration) => write!(f, "{duration}"),
            Instant::Date(date) => write!(f, "{date}"),
            Instant::DateTime(datetime, offset) => write_datetime(f, datetime, *offset),
        }
    }
}

/// Seconds and fractions, only if they are not zero.
fn write_datetime(f: &mut Formatter<'_>, datetime: &DateTime, offset: Option<Offset>) -> fmt::Result {
    let time = datetime.time();
    write!(f, "{}T{:02}:{:02}", datetime.date(), time.hour(), time.minute())?;
    let fraction = time.subsec_nanosecond();
    if time.second() != 0 || fraction != 0 {
        write!(f, ":{:02}", time.second())?;
    }
    if fraction != 0 {
        let digits = format!("{fraction:09}");
        write!(f, ".{}", digits.trim_end_matches('0'))?;
    }
    match offset {
        None => Ok(()),
        Some(offset) if offset.is_zero() => f.write_str("Z"),
        Some(offset) => {
            let seconds = offset.seconds().unsigned_abs();
            let sign = if offset.is_negative() { '-' } else { '+' };
            write!(f, "{sign}{:02}:{:02}", seconds / 3600, seconds / 60 % 60)?;
            match seconds % 60 {
                0 => Ok(()),
                rest => write!(f, ":{rest:02}"),
            }
        }
    }
}

impl Display for Duration {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.parts.iter().try_for_each(|(amount, unit)| write!(f, "{amount}{}", unit.word()))
    }
}

impl Display for Field {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Field::Name(name) => f.write_str(&name_text(name)),
            Field::Raw(parts) => {
                f.write_str("raw")?;
                parts.iter().try_for_each(|part| match part {
                    PathPart::Key(key) => write!(f, ".{key}"),
                    PathPart::Index(index) => write!(f, "[{index}]"),
                })
            }
        }
    }
}

/// A name, in backticks if it needs them.
fn name_text(name: &str) -> String {
    if is_plain_name(name) { name.to_owned() } else { format!("`{name}`") }
}

impl Display for Key {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write_named(f, &self.expr.value, self.alias.as_ref())
    }
}

impl Display for Item {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        // After `show`, the bare word means all columns.
        if matches!(&self.expr.value, Expr::Field(Field::Name(name)) if name == "all") {
            f.write_str("`all`")?;
            return self.alias.as_ref().map_or(Ok(()), |alias| write!(f, " as {}", name_text(&alias.value)));
        }
        write_named(f, &self.expr.value, self.alias.as_ref())
    }
}

fn write_named(f: &mut Formatter<'_>, expr: &Expr, alias: Option<&Spanned<String>>) -> fmt::Result {
    write!(f, "{expr}")?;
    match alias {
        Some(alias) => write!(f, " as {}", name_text(&alias.value)),
        None => Ok(()),
    }
}

impl Display for Expr {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Expr::Field(field) => write!(f, "{field}"),
            Expr::Number(number) => f.write_str(number),
            Expr::Text(text) => f.write_str(&quote(text)),
            Expr::Call(name, args) => {
                write!(f, "{}(", name.value)?;
                let args: Vec<&Expr> = args.iter().map(|arg| &arg.value).collect();
                write_list(f, "", &args)?;
                f.write_str(")")
            }
            Expr::Binary(op, left, right) => {
                write_operand(f, &left.value, op.precedence())?;
                write!(f, " {} ", op.sign())?;
                write_operand(f, &right.value, op.precedence() + 1)
            }
        }
    }
}

/// An operand, in parentheses if it binds less tightly than its context requires.
fn write_operand(f: &mut Formatter<'_>, expr: &Expr, lowest: u8) -> fmt::Result {
    match expr {
        Expr::Binary(op, ..) if op.precedence() < lowest => write!(f, "({expr})"),
        _ => write!(f, "{expr}"),
    }
}

impl Display for Pred {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Pred::And(members) => write_members(f, members, " and "),
            Pred::Or(members) => write_members(f, members, " or "),
            Pred::Not(inner) => {
                f.write_str("not ")?;
                write_member(f, inner, false)
            }
            Pred::Test(test) => write!(f, "{test}"),
        }
    }
}

fn write_members(f: &mut Formatter<'_>, members: &[Pred], word: &str) -> fmt::Result {
    for (index, member) in members.iter().enumerate() {
        if index > 0 {
            f.write_str(word)?;
        }
        write_member(f, member, word == " or ")?;
    }
    Ok(())
}

/// A member of a larger predicate; `and` needs no parentheses inside `or`.
fn write_member(f: &mut Formatter<'_>, pred: &Pred, inside_or: bool) -> fmt::Result {
    match pred {
        Pred::Or(_) => write!(f, "({pred})"),
        Pred::And(_) if !inside_or => write!(f, "({pred})"),
        _ => write!(f, "{pred}"),
    }
}

impl Display for Test {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.subject.value)?;
        let not = |negated: &bool| if *negated { "not " } else { "" };
        match &self.condition {
            Condition::Compare(op, right) => write!(f, " {} {right}", op.sign()),
            Condition::In { negated, values } => {
                let texts: Vec<String> = values.iter().map(|value| value_text(&value.value)).collect();
                write!(f, " {}in ({})", not(negated), texts.join(", "))
            }
            Condition::Range { negated, low, high } => {
                let (low, high) = (range_end(&low.value), range_end(&high.value));
                write!(f, " {}in {low}..{high}", not(negated))
            }
            Condition::Text { negated, op, pattern } => {
                write!(f, " {}{} {}", not(negated), op.word(), value_text(&pattern.value))
            }
            Condition::Missing { negated } => write!(f, " is {}missing", not(negated)),
            Condition::True => Ok(()),
        }
    }
}

impl Display for Operand {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Operand::Literal(value) => f.write_str(&value_text(&value.value)),
            Operand::Field(field) => write!(f, "field({})", field.value),
        }
    }
}

/// A value, in quotes if a bare word would be read as a different value.
fn value_text(value: &Value) -> String {
    literal(&value.text)
}

/// A string as one lexeme: bare if that is read back as the same value, else in quotes.
pub fn literal(text: &str) -> String {
    let bare = !text.is_empty() && text.chars().all(token::is_word_char) && !keyword::is_reserved(text);
    if bare { text.to_owned() } else { quote(text) }
}

/// A bound of a range: dots at its edge or inside would change where the range is split.
fn range_end(value: &Value) -> String {
    let dotted = value.text.starts_with('.') || value.text.ends_with('.') || value.text.contains("..");
    if dotted { quote(&value.text) } else { value_text(value) }
}

/// A quoted string; a quote inside is doubled if it cannot be avoided.
fn quote(text: &str) -> String {
    if text.contains('\'') && !text.contains('"') { format!("\"{text}\"") } else { format!("'{}'", text.replace('\'', "''")) }
}

impl Display for Compare {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Compare::Previous(None) => f.write_str("compare previous"),
            Compare::Previous(Some(period)) => write!(f, "compare previous {}", period.word()),
            Compare::Between(from, to) => {
                write!(f, "compare between {} and {}", from.value, to.value)
            }
        }
    }
}

impl Display for Relation {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let not = if self.negated { "not " } else { "" };
        write!(f, "{not}{} ", self.kind.value.word())?;
        match &self.filter {
            Some(filter) => write!(f, "({} where {filter})", self.noun.value)?,
            None => f.write_str(&self.noun.value)?,
        }
        write!(f, " within {}", self.within.value)?;
        let matching: Vec<&Field> = self.matching.iter().map(|field| &field.value).collect();
        write_list(f, " matching ", &matching)
    }
}

impl Display for Limit {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let (word, rows, per) = match self {
            Limit::Top(rows, per) => ("top", rows, per.as_ref()),
            Limit::Bottom(rows, per) => ("bottom", rows, per.as_ref()),
            Limit::Rows(rows) => ("limit", rows, None),
            Limit::All => return f.write_str("limit all"),
        };
        write!(f, "{word} {rows}")?;
        match per {
            Some(per) => write!(f, " per {}", per.value),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lang::parse;

    fn canonical(text: &str) -> String {
        format(&parse(text).unwrap_or_else(|e| panic!("{text}: {e:?}")))
    }

    #[test]
    fn one_form_for_every_way_to_write_it() {
        for (text, expected) in [
            ("Failures SINCE 90min BY Reason", "failures since 90m by reason"),
            ("failures where a='b'", "failures where a = b"),
            ("failures where a = 'by'", "failures where a = 'by'"),
            ("failures where a = \"it's\"", "failures where a = \"it's\""),
            ("failures where a where b or c", "failures where a and (b or c)"),
            ("failures where (a and b) or not (c and d)", "failures where a and b or not (c and d)"),
            ("failures where a in 1 .. 5", "failures where a in 1..5"),
            ("failures show a-b*(c+1)", "failures show a - b * (c + 1)"),
            ("failures show (a-b)-c, a-(b-c)", "failures show a - b - c, a - (b - c)"),
            ("failures since '2026-03-04 02:10:00.500Z'", "failures since 2026-03-04T02:10:00.5Z"),
            ("failures by `by`, `plain`", "failures by `by`, plain"),
            ("failures by RAW.a.B[0].c", "failures by raw.a.B[0].c"),
            ("failures since 7 days", "failures since 7d"),
            ("failures since 7 days ago until 1 hour 30 minutes ago", "failures since 7d until 1h30m"),
            ("failures since last 2 weeks by reason", "failures since 2w by reason"),
            ("failures since Last Week", "failures since last week"),
            ("failures on Mon", "failures on monday"),
            ("failures since 2026-03-04 5:00 by reason", "failures since 2026-03-04T05:00 by reason"),
            ("failures between last month and this month", "failures between last month and this month"),
            ("failures every hour", "failures every 1h"),
            ("failures every 5 minutes nofill", "failures every 5m nofill"),
            ("failures near calls within 10 minutes", "failures near calls within 10m"),
            ("failures by reason sort count desc, reason asc", "failures by reason sort -count, reason"),
            ("failures show all", "failures show *"),
            ("failures by reason sort by count desc", "failures by reason sort -count"),
            ("failures show *, raw.a as b limit all", "failures show *, raw.a as b limit all"),
            ("failures show `all`", "failures show `all`"),
        ] {
            assert_eq!(canonical(text), expected);
            assert_eq!(canonical(expected), expected);
        }
    }
}
