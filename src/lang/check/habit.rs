//! Habits that parse but name no field: `by day`, `where oom`, `where reason = AGENT or CAPACITY`, `cluster:batch`.
//!
//! In: a query that does not check. Out: a query that does, for the help of the error. Invariant: every suggestion is
//! checked before it is returned.

use crate::lang::ast::{
    CompareOp, Condition, Duration, Every, Expr, Field, Key, Operand, Pred, Query, Source, Spanned, Test, TextOp, Value,
};
use crate::lang::catalog::{Catalog, FieldType, find_field};
use crate::lang::keyword::Unit;

/// Time steps that people name as if they were columns.
const STEPS: &[(&[&str], Unit)] = &[
    (&["minute", "minutes"], Unit::Minute),
    (&["hour", "hours", "hourly"], Unit::Hour),
    (&["day", "days", "daily", "date"], Unit::Day),
    (&["week", "weeks", "weekly"], Unit::Week),
    (&["month", "months", "monthly"], Unit::Month),
    (&["year", "years", "yearly"], Unit::Year),
];

/// Text columns in the order in which a value is looked for; the others follow.
const LIKELY: &[&str] = &["reason", "cause", "category", "class", "kind", "phase", "error_code", "service", "cluster", "family"];

/// The query that was probably meant, if it checks. With `any_word`, a word that is not a value is looked for in messages.
pub(super) fn reworded(query: &Query, catalog: &dyn Catalog, any_word: bool, checks: &dyn Fn(&Query) -> bool) -> Option<Query> {
    let Source::Noun(noun) = &query.source.value else { return None };
    let known = Known { catalog, noun, any_word };
    let mut reworded = query.clone();
    let stage = reworded.stages.first_mut()?;
    if stage.window.is_some() {
        // `where time between A and B`: the window is a clause of its own.
        stage.filter = match stage.filter.take() {
            Some(Pred::And(mut members)) => {
                members.retain(|member| !is_bare_time(member));
                if members.len() > 1 { Some(Pred::And(members)) } else { members.pop() }
            }
            other => other.filter(|only| !is_bare_time(only)),
        };
    }
    stage.filter = stage.filter.take().map(|filter| known.pred(filter));
    // `by time every 1h`, and a step that was meant by a key.
    let step = stage.by.iter().enumerate().find_map(|(index, key)| Some((index, known.step(key)?)));
    if let Some((index, unit)) = step.filter(|_| stage.every.is_none()) {
        stage.by.remove(index);
        let step = Spanned::new(Duration { parts: vec![(1, unit)] }, 0..0);
        stage.every = Some(Every { step, fill: true });
    }
    for key in &mut stage.by {
        if known.unknown(&key.expr.value).is_some_and(|name| name == "weekday") {
            let time = Expr::Field(Field::Name("time".to_owned()));
            key.expr.value = Expr::Call(Spanned::new("weekday".to_owned(), 0..0), vec![Spanned::new(time, 0..0)]);
        }
    }
    (reworded != *query && checks(&reworded)).then_some(reworded)
}

fn is_bare_time(pred: &Pred) -> bool {
    let is_time = |expr: &Expr| matches!(expr, Expr::Field(Field::Name(name)) if name.eq_ignore_ascii_case("time"));
    matches!(pred, Pred::Test(Test { subject, condition: Condition::True }) if is_time(&subject.value))
}

/// The names of a noun.
struct Known<'a> {
    catalog: &'a dyn Catalog,
    noun: &'a str,
    any_word: bool,
}

impl Known<'_> {
    /// The name, if an expression is a bare name that the noun does not have.
    fn unknown<'e>(&self, expr: &'e Expr) -> Option<&'e str> {
        match expr {
            Expr::Field(Field::Name(name)) if find_field(self.catalog, self.noun, &name.to_lowercase()).is_none() => Some(name),
            _ => None,
        }
    }

    fn step(&self, key: &Key) -> Option<Unit> {
        let name = self.unknown(&key.expr.value)?;
        STEPS.iter().find(|(names, _)| names.contains(&name)).map(|(_, unit)| *unit)
    }

    fn pred(&self, pred: Pred) -> Pred {
        match pred {
            Pred::And(members) => Pred::And(self.members(members)),
            Pred::Or(members) => {
                let members = self.members(members);
                match <[Pred; 1]>::try_from(members) {
                    Ok([only]) => only,
                    Err(members) => Pred::Or(members),
                }
            }
            Pred::Not(inner) => Pred::Not(Box::new(self.pred(*inner))),
            Pred::Test(test) => self.test(test),
        }
    }

    /// Rewords the members of `and` and `or`; `reason = AGENT or CAPACITY` is a list of values.
    fn members(&self, members: Vec<Pred>) -> Vec<Pred> {
        let mut reworded: Vec<Pred> = Vec::with_capacity(members.len());
        for member in members {
            let value = match &member {
                Pred::Test(Test { subject, condition: Condition::True }) => self.unknown(&subject.value),
                _ => None,
            };
            match value.and_then(|value| Some((value, reworded.last_mut().and_then(listed)?))) {
                Some((value, (field, values))) => {
                    let text = self.as_value(value, &field, values);
                    values.push(Spanned::new(Value { text, quoted: false }, 0..0));
                }
                None => reworded.push(self.pred(member)),
            }
        }
        reworded
    }

    /// A name as a value: the parser keeps names in lower case, so it is spelled as in the store, or like its neighbor.
    fn as_value(&self, name: &str, field: &str, neighbors: &[Spanned<Value>]) -> String {
        let known = self.catalog.values(self.noun, field).into_iter().map(|(value, _)| value);
        known.into_iter().find(|value| value.eq_ignore_ascii_case(name)).unwrap_or_else(|| {
            let lower = neighbors.iter().any(|value| value.value.text.chars().any(char::is_lowercase));
            if lower { name.to_owned() } else { name.to_uppercase() }
        })
    }

    fn test(&self, test: Test) -> Pred {
        let Some(word) = self.unknown(&test.subject.value).map(str::to_owned) else { return Pred::Test(test) };
        if test.condition != Condition::True {
            return Pred::Test(test);
        }
        // `cluster:batch`, as in Lucene.
        if let Some((field, value)) = word.split_once(':')
            && find_field(self.catalog, self.noun, field).is_some()
        {
            return equals(field, value);
        }
        if let Some((field, value)) = self.field_with(&word).or_else(|| self.resource(&word)) {
            return equals(&field, &value);
        }
        if let Some(prefix) = word_of_task(&word).filter(|_| find_field(self.catalog, self.noun, "task").is_some()) {
            return matched("task", TextOp::Like, format!("{prefix}*"));
        }
        match self.any_word {
            true => matched(self.message(), TextOp::Contains, word),
            false => Pred::Test(test),
        }
    }

    /// The column of the last part of an ARN, and that part.
    fn resource(&self, word: &str) -> Option<(String, String)> {
        let resource = word.strip_prefix("arn:")?.splitn(5, ':').nth(4)?;
        let (kind, name) = resource.split_once('/')?;
        let field = match kind {
            "task-definition" => "task_definition",
            "container-instance" => "container_instance",
            other => other,
        };
        find_field(self.catalog, self.noun, field)?;
        Some((field.to_owned(), name.rsplit('/').next().unwrap_or(name).to_owned()))
    }

    /// The column that explains a row in words.
    fn message(&self) -> &'static str {
        let texts = ["message", "stopped_reason", "error_message", "why"];
        texts.into_iter().find(|name| find_field(self.catalog, self.noun, name).is_some()).unwrap_or("message")
    }

    /// A column in which a word occurs as a value, in any case.
    fn field_with(&self, word: &str) -> Option<(String, String)> {
        let texts = self.catalog.fields(self.noun).iter().filter(|field| field.kind == FieldType::Text);
        let mut names: Vec<&str> = texts.map(|field| field.name).collect();
        names.sort_by_key(|name| LIKELY.iter().position(|likely| likely == name).unwrap_or(LIKELY.len()));
        names.into_iter().find_map(|name| {
            let values = self.catalog.values(self.noun, name);
            let (value, _) = values.into_iter().find(|(value, _)| value.eq_ignore_ascii_case(word))?;
            Some((name.to_owned(), value))
        })
    }
}

/// The field of a condition and the values to which it is compared, as a list that can grow.
fn listed(pred: &mut Pred) -> Option<(String, &mut Vec<Spanned<Value>>)> {
    let Pred::Test(Test { subject, condition }) = pred else { return None };
    let field = subject.value.to_string();
    if let Condition::Compare(CompareOp::Eq, Operand::Literal(value)) = condition {
        *condition = Condition::In { negated: false, values: vec![value.clone()] };
    }
    match condition {
        Condition::In { negated: false, values } => Some((field, values)),
        _ => None,
    }
}

/// The beginning of the id of a task, as people copy it from the console.
fn word_of_task(word: &str) -> Option<&str> {
    let digits = |word: &str| word.bytes().filter(u8::is_ascii_digit).count();
    ((8..=32).contains(&word.len()) && digits(word) > 1 && word.bytes().all(|b| b.is_ascii_hexdigit())).then_some(word)
}

fn matched(field: &str, op: TextOp, pattern: String) -> Pred {
    Pred::Test(Test {
        subject: Spanned::new(Expr::Field(Field::Name(field.to_owned())), 0..0),
        condition: Condition::Text { negated: false, op, pattern: Spanned::new(Value { text: pattern, quoted: false }, 0..0) },
    })
}

fn equals(field: &str, value: &str) -> Pred {
    let literal = Value { text: value.to_owned(), quoted: false };
    Pred::Test(Test {
        subject: Spanned::new(Expr::Field(Field::Name(field.to_owned())), 0..0),
        condition: Condition::Compare(CompareOp::Eq, Operand::Literal(Spanned::new(literal, 0..0))),
    })
}
