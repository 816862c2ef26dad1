//! Compares the rows of a result with the threshold of a check.

use super::finding::sentence;
use super::{Check, Finding, Place};
use crate::answer::{Answer, ColumnKind};
use crate::render::{Cell, Look, ROLE, ROLE_KEY, RenderError, rows};

/// The number of records listed per finding.
const NAMED: usize = 5;

/// The rows that reach the threshold. An unknown measure is an error, as one sentence.
pub fn find(check: &Check, answer: &Answer, look: &Look) -> Result<Vec<Finding>, String> {
    let message = |error: RenderError| error.to_string();
    let evidence = answer.columns.iter().position(|column| column.kind == ColumnKind::List);
    let measure = measure(check, answer)?;
    let mut findings = Vec::new();
    for cells in rows(answer).map_err(message)? {
        let (name, value) = match measure {
            // Rows without a measure count as one each.
            None => ("rows".to_owned(), Some(1.0)),
            Some(index) => (name_of(answer, index), cells.get(index).and_then(Cell::as_number)),
        };
        let number = measure.and_then(|index| cells.get(index)).map_or("1".to_owned(), |cell| cell.human(look));
        let Some(value) = value.filter(|value| *value >= check.threshold) else { continue };
        let ids = match evidence.and_then(|index| cells.get(index)) {
            Some(Cell::List(ids)) => ids.iter().map(|id| id.exact(look)).collect(),
            _ => Vec::new(),
        };
        let mut finding = Finding {
            description: None,
            keys: Vec::new(),
            values: Vec::new(),
            measure: (name, value),
            rests_on: ids.len(),
            identity: Vec::new(),
            expired: None,
            records: ids.into_iter().take(NAMED).map(|id| Place { id, file: None, record: None }).collect(),
        };
        let mut shown = Vec::new();
        for (index, cell) in cells.iter().enumerate().filter(|(index, _)| Some(*index) != evidence && Some(*index) != measure) {
            let pair = (name_of(answer, index), cell.exact(look));
            // Without groups, all columns identify the row.
            if is_key(answer, index) || measure.is_none() {
                shown.push((name_of(answer, index), cell.human(look)));
                if !changes(answer, index) {
                    finding.identity.push(pair.clone());
                }
                finding.keys.push(pair);
            } else {
                finding.values.push(pair);
            }
        }
        finding.description = Some(sentence(&shown, &finding.measure.0, &number));
        findings.push(finding);
    }
    Ok(findings)
}

fn name_of(answer: &Answer, index: usize) -> String {
    answer.columns.get(index).map(|column| column.name.clone()).unwrap_or_default()
}

/// Whether a column has another value in the next load although the row is about the same thing.
fn changes(answer: &Answer, index: usize) -> bool {
    let kind = answer.columns.get(index).map(|column| column.kind);
    kind.is_none_or(|kind| matches!(kind, ColumnKind::Time | ColumnKind::Duration | ColumnKind::Float | ColumnKind::Share))
}

fn is_key(answer: &Answer, index: usize) -> bool {
    answer.schema.fields().get(index).is_some_and(|field| field.metadata().get(ROLE).is_some_and(|role| role == ROLE_KEY))
}

/// The compared column: the named one, else the first numeric column of a grouped result.
fn measure(check: &Check, answer: &Answer) -> Result<Option<usize>, String> {
    let is_number =
        |kind: ColumnKind| matches!(kind, ColumnKind::Int | ColumnKind::Float | ColumnKind::Share | ColumnKind::Duration);
    if let Some(name) = &check.measure {
        let found = answer.columns.iter().position(|column| column.name == *name && is_number(column.kind));
        let columns: Vec<&str> =
            answer.columns.iter().filter(|column| is_number(column.kind)).map(|column| column.name.as_str()).collect();
        return found
            .map(Some)
            .ok_or_else(|| format!("`{name}` is not a numeric column of the result; numeric columns: {}", columns.join(", ")));
    }
    let grouped = (0..answer.columns.len()).any(|index| is_key(answer, index));
    let first = answer.columns.iter().enumerate().position(|(index, column)| is_number(column.kind) && !is_key(answer, index));
    Ok(first.filter(|_| grouped || answer.columns.iter().filter(|column| column.kind != ColumnKind::List).count() == 1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::answer::{AnswerWindow, Column};
    use crate::check::Severity;
    use arrow::array::{ArrayRef, Int64Array, StringArray};
    use arrow::datatypes::{Field, Schema};
    use arrow::record_batch::RecordBatch;
    use std::sync::Arc;

    fn check(threshold: f64, measure: Option<&str>) -> Check {
        Check {
            name: "c".into(),
            question: "q".into(),
            query: "failures".into(),
            measure: measure.map(str::to_owned),
            threshold,
            severity: Severity::Error,
            remedy: "r".into(),
            needs: Vec::new(),
        }
    }

    /// Groups by cluster with their count.
    fn answer(rows: &[(&str, i64)]) -> Answer {
        let key = [(ROLE.to_owned(), ROLE_KEY.to_owned())];
        let columns: Vec<ArrayRef> = vec![
            Arc::new(StringArray::from_iter_values(rows.iter().map(|row| row.0))),
            Arc::new(Int64Array::from_iter_values(rows.iter().map(|row| row.1))),
        ];
        let schema = Arc::new(Schema::new(vec![
            Field::new("cluster", columns[0].data_type().clone(), true).with_metadata(key.into()),
            Field::new("count", columns[1].data_type().clone(), true),
        ]));
        Answer {
            query: String::new(),
            columns: vec![
                Column { name: "cluster".into(), kind: ColumnKind::Text },
                Column { name: "count".into(), kind: ColumnKind::Int },
            ],
            schema: schema.clone(),
            batches: vec![RecordBatch::try_new(schema, columns).unwrap()],
            window: AnswerWindow::default(),
            spark: false,
        }
    }

    #[test]
    fn a_row_is_a_finding_from_the_threshold_on() {
        let found = find(&check(3.0, None), &answer(&[("a", 2), ("b", 3), ("c", 4)]), &Look::default()).unwrap();
        let sentences: Vec<String> = found.iter().map(Finding::sentence).collect();
        assert_eq!(sentences, ["cluster b: count 3", "cluster c: count 4"]);
    }

    #[test]
    fn a_finding_is_the_same_with_another_count() {
        let find = |rows: &[(&str, i64)]| find(&check(1.0, None), &answer(rows), &Look::default()).unwrap();
        let (one, two) = (find(&[("a", 2)]), find(&[("a", 9), ("b", 2)]));
        let print = |finding: &Finding| finding.fingerprint("p/c");
        assert_eq!(print(&one[0]), print(&two[0]));
        assert_ne!(print(&one[0]), print(&two[1]));
        assert_ne!(print(&one[0]), one[0].fingerprint("p/d"));
    }

    #[test]
    fn an_unknown_measure_is_reported() {
        let error = find(&check(1.0, Some("lost")), &answer(&[("a", 2)]), &Look::default()).unwrap_err();
        assert_eq!(error, "`lost` is not a numeric column of the result; numeric columns: count");
    }
}
