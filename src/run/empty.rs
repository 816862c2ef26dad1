//! Explains why a result has no rows: what the window contains, which condition removed all rows, and which values
//! are similar.
//!
//! Each question is one small query over the rows of the window; nothing is guessed. Original records are not read: they
//! are by far the largest column, and a query with a condition on them has just searched them.

use std::borrow::Cow;
use std::collections::BTreeSet;

use arrow::array::{Array, AsArray};
use arrow::datatypes::Int64Type;
use datafusion::common::Column;
use datafusion::functions_aggregate::expr_fn::count;
use datafusion::logical_expr::{Expr, ident, lit, when};
use datafusion::prelude::{DataFrame, SessionContext};
use jiff::Timestamp;

use super::RunError;
use crate::lang::checked::{self, Checked, CompareOp, Literal, Pred, Stage};
use crate::lang::suggest::nearest_values;
use crate::lang::{self, FieldType, ast};
use crate::nouns;
use crate::plan::{self, Evidence, Options};
use crate::render::thousands;

/// The maximum number of values that are compared with one that was not found.
const MOST_VALUES: usize = 10_000;

/// Sentences that explain an empty result, for records loaded between two times.
///
/// Computed nouns are slow, so known facts are not queried, and the rows are computed only once.
pub async fn explain_empty(
    session: &SessionContext,
    checked: &Checked,
    options: Options,
    loaded: Option<(Timestamp, Timestamp)>,
) -> Result<Vec<String>, RunError> {
    if shows_every_row(checked) {
        return Ok(vec![nothing_in_window(session, checked, options, loaded).await?]);
    }
    let options = Options { evidence: Evidence::Without, ..options };
    let (of_originals, plain): (Vec<_>, Vec<_>) =
        first_conditions(checked).into_iter().partition(|(pred, _)| reads_originals(pred));
    let (conditions, texts) = plain.into_iter().unzip::<_, _, Vec<_>, Vec<_>>();
    let read = without_originals(checked, &conditions, !of_originals.is_empty());
    let rows = rows_once(session, &read, &conditions, options).await?;
    let counts = numbers(counted(rows.clone(), checked, &conditions)?).await?;
    let (all, each) = counts.split_first().map_or((0, &[][..]), |(all, each)| (*all, each));
    if all == 0 {
        return Ok(vec![nothing_in_window(session, &read, options, loaded).await?]);
    }
    let mut sentences = vec![format!("{} {} in the window", thousands(all), checked.source)];
    let mut guilty = false;
    for ((pred, text), rows_left) in conditions.iter().zip(&texts).zip(each) {
        if *rows_left == 0 {
            guilty = true;
            sentences.push(removed(&rows, pred, text, &checked.source).await?);
        }
    }
    if !guilty && !of_originals.is_empty() {
        let left = match conditions.as_slice() {
            [] => all,
            conditions => together(&rows, checked, conditions).await?,
        };
        let text = of_originals.iter().map(|(_, text)| text.as_str()).collect::<Vec<_>>().join(" and ");
        if left > 0 {
            sentences.push(of_the_rest(checked, &text, left, conditions.is_empty()));
            return Ok(sentences);
        }
    }
    if !guilty && conditions.len() > 1 {
        let parts = texts.iter().zip(each).map(|(text, rows)| format!("`{text}` {}", thousands(*rows)));
        let parts: Vec<String> = parts.collect();
        sentences.push(format!("no row matches all conditions; rows that match each one alone: {}", parts.join(", ")));
    } else if !guilty && checked.stages.first().is_some_and(|stage| !stage.relations.is_empty()) {
        sentences.extend(relations(checked).into_iter().map(|text| format!("`{text}` matched no rows")));
    } else if !guilty {
        sentences.push("a later stage removed all rows".to_owned());
    }
    Ok(sentences)
}

/// What conditions on the original records did to the rows that meet all others.
fn of_the_rest(checked: &Checked, text: &str, left: u64, are_all: bool) -> String {
    let is_last = matches!(checked.stages.as_slice(), [stage] if stage.relations.is_empty() && stage.compare.is_none());
    match (is_last, are_all) {
        (true, true) => format!("`{text}` removed all rows"),
        (true, false) => format!("`{text}` removed the {} that match the other conditions", counted_rows(left)),
        (false, true) => format!("it is unknown how many match `{text}`, because this note reads no original records"),
        (false, false) => format!(
            "{} match the other conditions; it is unknown how many match `{text}`, because this note reads no original \
             records",
            counted_rows(left)
        ),
    }
}

fn counted_rows(rows: u64) -> String {
    format!("{} {}", thousands(rows), if rows == 1 { "row" } else { "rows" })
}

/// Whether a condition reads the original records.
fn reads_originals(pred: &Pred) -> bool {
    pred.any(&|expr| match expr {
        checked::Expr::Raw(_) => true,
        checked::Expr::Field(field) => field.name == "raw",
        _ => false,
    })
}

/// The query as far as its rows are read here: if it has other conditions than these, which need the original records, without
/// those, and without what later clauses need.
fn without_originals<'c>(checked: &'c Checked, conditions: &[&Pred], has_others: bool) -> Cow<'c, Checked> {
    if !has_others {
        return Cow::Borrowed(checked);
    }
    let filter = (!conditions.is_empty()).then(|| Pred::And(conditions.iter().copied().cloned().collect()));
    let stage = Stage {
        filter,
        relations: Vec::new(),
        grouped: false,
        by: Vec::new(),
        every: None,
        bursts: None,
        show: Vec::new(),
        compare: None,
        comparable: true,
        sort: Vec::new(),
        limit: None,
        columns: Vec::new(),
    };
    Cow::Owned(Checked { stages: vec![stage], ..checked.clone() })
}

/// Values of a text column of a noun with their number of rows, most frequent first.
pub async fn values(session: &SessionContext, noun: &str, field: &str, most: usize) -> Result<Vec<(String, u64)>, RunError> {
    let options = Options { anchor: jiff::Timestamp::UNIX_EPOCH, evidence: Evidence::Without };
    let everything = Checked {
        source: noun.to_owned(),
        canonical: noun.to_owned(),
        window: checked::Window::default(),
        stages: Vec::new(),
        tz: jiff::tz::TimeZone::UTC,
        default_limit: None,
        warnings: Vec::new(),
    };
    let rows = plan::window_frame(session, &everything, options).await?;
    most_frequent(&rows, field, most).await
}

/// The conditions of the first stage that are joined by `and`, each as in the canonical query.
fn first_conditions(checked: &Checked) -> Vec<(&Pred, String)> {
    let Some(filter) = checked.stages.first().and_then(|stage| stage.filter.as_ref()) else {
        return Vec::new();
    };
    let members = match filter {
        Pred::And(members) => members.as_slice(),
        single => std::slice::from_ref(single),
    };
    let query = lang::parse(&checked.canonical).ok();
    match query.and_then(|query| query.stages.into_iter().next()?.filter) {
        Some(ast::Pred::And(written)) if written.len() == members.len() => {
            members.iter().zip(written.iter().map(ToString::to_string)).collect()
        }
        // One written condition that the checker expanded, such as one on an ARN.
        Some(written) if !matches!(written, ast::Pred::And(_)) => vec![(filter, written.to_string())],
        // The conditions of a saved query are not in the text, so they are numbered.
        _ => members.iter().zip((1..).map(|number| format!("condition {number}"))).collect(),
    }
}

/// The correlations of the first stage, each as in the canonical query.
fn relations(checked: &Checked) -> Vec<String> {
    let query = lang::parse(&checked.canonical).ok();
    let written = query.and_then(|query| query.stages.into_iter().next()).map(|stage| stage.relations).unwrap_or_default();
    written.iter().map(ToString::to_string).collect()
}

/// Whether each row of the window is in the result or in one of its groups, so that an empty result means an empty
/// window. Limits keep at least one row.
pub fn shows_every_row(checked: &Checked) -> bool {
    let [stage] = checked.stages.as_slice() else { return checked.stages.is_empty() };
    stage.filter.is_none() && stage.relations.is_empty() && stage.compare.is_none()
}

fn is_computed(word: &str) -> bool {
    nouns::noun(word).is_some_and(|noun| noun.is_computed)
}

/// The rows of the window. Computed rows are cached, with the columns of the conditions.
async fn rows_once(
    session: &SessionContext,
    checked: &Checked,
    conditions: &[&Pred],
    options: Options,
) -> Result<DataFrame, RunError> {
    let rows = rows_to_test(session, checked, conditions, options).await?;
    Ok(if is_computed(&checked.source) { rows.cache().await? } else { rows })
}

/// The rows of the window; computed rows only with the columns of the conditions.
async fn rows_to_test(
    session: &SessionContext,
    checked: &Checked,
    conditions: &[&Pred],
    options: Options,
) -> Result<DataFrame, RunError> {
    let rows = plan::window_frame(session, checked, options).await?;
    if !is_computed(&checked.source) {
        return Ok(rows);
    }
    let mut columns = BTreeSet::new();
    for pred in conditions {
        columns.extend(plan::condition(pred, &checked.tz)?.column_refs().into_iter().cloned());
    }
    // A frame without columns would lose its number of rows.
    columns.insert(Column::from_name("time"));
    Ok(rows.select(columns.into_iter().map(Expr::Column))?)
}

/// The number of rows, and of those that match each condition.
fn counted(rows: DataFrame, checked: &Checked, conditions: &[&Pred]) -> Result<DataFrame, RunError> {
    let mut counted = vec![count(lit(1_i64)).alias("rows")];
    for (index, pred) in conditions.iter().enumerate() {
        let holds = when(plan::condition(pred, &checked.tz)?, lit(1_i64)).end()?;
        counted.push(count(holds).alias(format!("c{index}")));
    }
    Ok(rows.aggregate(Vec::new(), counted)?)
}

/// The number of rows that match all of these conditions.
async fn together(rows: &DataFrame, checked: &Checked, conditions: &[&Pred]) -> Result<u64, RunError> {
    let all = Pred::And(conditions.iter().copied().cloned().collect());
    let counts = numbers(counted(rows.clone(), checked, &[&all])?).await?;
    Ok(counts.get(1).copied().unwrap_or(0))
}

/// The number of rows in any window.
async fn counted_in_any_window(session: &SessionContext, checked: &Checked, options: Options) -> Result<DataFrame, RunError> {
    let mut whole = checked.clone();
    whole.window = checked::Window::default();
    counted(plan::window_frame(session, &whole, options).await?, checked, &[])
}

/// Everything that [`explain_empty`] may read.
pub(super) async fn frames(session: &SessionContext, checked: &Checked, options: Options) -> Result<Vec<DataFrame>, RunError> {
    let is_whole = shows_every_row(checked);
    let options = if is_whole { options } else { Options { evidence: Evidence::Without, ..options } };
    let mut frames = Vec::new();
    let mut read = Cow::Borrowed(checked);
    if !is_whole {
        let all = first_conditions(checked);
        let conditions: Vec<&Pred> = all.iter().map(|(pred, _)| *pred).filter(|pred| !reads_originals(pred)).collect();
        read = without_originals(checked, &conditions, conditions.len() < all.len());
        let rows = rows_to_test(session, &read, &conditions, options).await?;
        for (field, _) in conditions.iter().filter_map(|pred| sought_text(pred)) {
            frames.push(frequent(&rows, field, MOST_VALUES)?);
        }
        frames.push(if is_computed(&checked.source) { rows } else { counted(rows, checked, &conditions)? });
    }
    if checked.window.from.is_some() || checked.window.to.is_some() {
        frames.push(counted_in_any_window(session, &read, options).await?);
    }
    Ok(frames)
}

async fn nothing_in_window(
    session: &SessionContext,
    checked: &Checked,
    options: Options,
    loaded: Option<(Timestamp, Timestamp)>,
) -> Result<String, RunError> {
    let noun = &checked.source;
    let (from, to) = (checked.window.from, checked.window.to);
    if from.is_none() && to.is_none() {
        return Ok(none_at_all(noun));
    }
    let holds = |(first, last)| from.is_none_or(|from| from <= first) && to.is_none_or(|to| last < to);
    if is_computed(noun) && loaded.is_some_and(holds) {
        return Ok(format!("no {noun} found; the window covers all loaded records"));
    }
    let counts = numbers(counted_in_any_window(session, checked, options).await?).await?;
    let outside = counts.first().copied().unwrap_or(0);
    Ok(if outside == 0 { none_at_all(noun) } else { format!("no {noun} in the window, {} outside it", thousands(outside)) })
}

/// The message if there are no rows in any window.
fn none_at_all(noun: &str) -> String {
    match noun {
        "quarantine" => "nothing is quarantined".to_owned(),
        _ if is_computed(noun) => format!("no {noun} found in any loaded record"),
        _ => format!("no {noun} are loaded"),
    }
}

async fn removed(rows: &DataFrame, pred: &Pred, text: &str, noun: &str) -> Result<String, RunError> {
    let sentence = format!("`{text}` removed all rows");
    let Some((field, sought)) = sought_text(pred) else {
        return Ok(sentence);
    };
    let known = most_frequent(rows, field, MOST_VALUES).await?;
    if known.is_empty() {
        return Ok(format!("{sentence}: `{field}` has no value in any of these {noun}"));
    }
    let mut near = nearest_values(sought, &known);
    let word = if near.is_empty() { "most frequent" } else { "nearest" };
    if near.is_empty() {
        near = known.into_iter().take(3).collect();
    }
    let near: Vec<String> = near.iter().map(|(value, rows)| format!("{value} ({})", thousands(*rows))).collect();
    Ok(format!("{sentence}; {word} values: {}", near.join(", ")))
}

/// The column and the text of an equality condition on text.
fn sought_text(pred: &Pred) -> Option<(&str, &str)> {
    let checked::Expr::Field(field) = (match pred {
        Pred::Compare { left, op: CompareOp::Eq, .. } | Pred::In { left, negated: false, .. } => left,
        _ => return None,
    }) else {
        return None;
    };
    let text = match pred {
        Pred::Compare { right: checked::Expr::Literal(Literal::Text(text)), .. } => text,
        Pred::In { values, .. } => match values.first()? {
            Literal::Text(text) => text,
            _ => return None,
        },
        _ => return None,
    };
    (field.kind == FieldType::Text).then_some((field.name.as_str(), text.as_str()))
}

async fn most_frequent(rows: &DataFrame, field: &str, most: usize) -> Result<Vec<(String, u64)>, RunError> {
    let mut found = Vec::new();
    for batch in frequent(rows, field, most)?.collect().await? {
        let (Some(values), Some(rows)) = (batch.column(0).as_string_view_opt(), batch.column(1).as_primitive_opt::<Int64Type>())
        else {
            continue;
        };
        let pairs = values.iter().zip(rows.iter());
        found.extend(pairs.filter_map(|(value, rows)| Some((value?.to_owned(), u64::try_from(rows?).ok()?))));
    }
    Ok(found)
}

/// The most frequent values of a column, with their number of rows.
fn frequent(rows: &DataFrame, field: &str, most: usize) -> Result<DataFrame, RunError> {
    let name: Expr = ident(field);
    let value = datafusion::logical_expr::cast(name.clone(), arrow::datatypes::DataType::Utf8View).alias("value");
    Ok(rows
        .clone()
        .filter(name.is_not_null())?
        .aggregate(vec![value], vec![count(lit(1_i64)).alias("rows")])?
        .sort(vec![ident("rows").sort(false, false), ident("value").sort(true, false)])?
        .limit(0, Some(most))?)
}

/// The only row of a frame of counts.
async fn numbers(frame: DataFrame) -> Result<Vec<u64>, RunError> {
    let batches = frame.collect().await?;
    let Some(batch) = batches.iter().find(|batch| batch.num_rows() > 0) else {
        return Ok(Vec::new());
    };
    let number = |column: &dyn Array| {
        let counts = column.as_primitive_opt::<Int64Type>()?;
        counts.iter().next().flatten().and_then(|count| u64::try_from(count).ok())
    };
    Ok(batch.columns().iter().map(|column| number(column.as_ref()).unwrap_or(0)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{RecordingTable, ScannedColumns, session};
    use crate::plan::tests::fixture::{checked, options, wait};
    use crate::table::Table;
    use std::sync::Arc;

    /// The columns of calls that the explanation of an empty answer reads.
    fn read(text: &str) -> Vec<&'static str> {
        let (session, scanned) = (session(2, usize::MAX), Arc::<ScannedColumns>::default());
        for table in Table::ALL {
            let recording = RecordingTable::new(*table, Arc::clone(&scanned));
            session.register_table(table.name(), Arc::new(recording)).unwrap();
        }
        wait(async {
            for frame in frames(&session, &checked(text), options(false)).await.unwrap() {
                frame.create_physical_plan().await.unwrap();
            }
        });
        let calls = scanned.projection().of(Table::Calls);
        let name = |column: usize| Table::Calls.fields()[column].name;
        calls.map(|calls| calls.columns(Table::Calls).map(name).collect()).unwrap_or_default()
    }

    #[test]
    fn originals_are_not_read_again() {
        for text in [
            "calls where raw.a.b = x",
            "calls where raw.a.b = x and event_name = RunTask since 1d show raw.c",
            "calls where raw.a.b = x or event_name = RunTask",
            "failures where raw.a = x and reason = AGENT",
        ] {
            assert!(!read(text).contains(&"raw"), "{text}: {:?}", read(text));
        }
        assert!(read("calls where raw.a.b = x and event_name = RunTask").contains(&"event_name"));
    }
}
