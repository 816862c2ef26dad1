//! Default column names, for columns without `as`.
//!
//! A field keeps its name, a raw path is named after its last key in `snake_case`, a call after its function and
//! arguments (`p95_start_latency`, `weekday_time`), and arithmetic uses `plus`, `minus`, `times` and `per`
//! (`sum_a_per_count`).

use super::ast::{Arith, Expr, Field, PathPart};

/// The default name of a column.
pub fn default_name(expr: &Expr) -> String {
    match expr {
        Expr::Field(Field::Name(name)) => name.clone(),
        Expr::Field(Field::Raw(parts)) => raw_name(parts),
        Expr::Number(number) => number.replace(['.', '-'], "_"),
        Expr::Text(text) => slug(text),
        Expr::Call(name, args) if name.value == "field" => {
            args.first().map_or_else(|| "field".to_owned(), |arg| default_name(&arg.value))
        }
        Expr::Call(name, args) => {
            args.iter().fold(name.value.clone(), |whole, arg| format!("{whole}_{}", default_name(&arg.value)))
        }
        Expr::Binary(op, left, right) => {
            let word = match op {
                Arith::Add => "plus",
                Arith::Sub => "minus",
                Arith::Mul => "times",
                Arith::Div => "per",
            };
            format!("{}_{word}_{}", default_name(&left.value), default_name(&right.value))
        }
    }
}

fn raw_name(parts: &[PathPart]) -> String {
    let last_key = parts.iter().rev().find_map(|part| match part {
        PathPart::Key(key) => Some(key.as_str()),
        PathPart::Index(_) => None,
    });
    snake_case(last_key.unwrap_or("raw"))
}

/// `startedBy` as `started_by`, `requestID` as `request_id`.
fn snake_case(key: &str) -> String {
    let mut name = String::new();
    let mut after_lower = false;
    for c in key.chars() {
        if c.is_uppercase() && after_lower {
            name.push('_');
        }
        after_lower = c.is_lowercase() || c.is_numeric();
        name.extend(c.to_lowercase());
    }
    slug(&name)
}

fn slug(text: &str) -> String {
    text.to_lowercase().chars().map(|c| if c.is_alphanumeric() { c } else { '_' }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lang::parse;

    #[test]
    fn columns_are_named_after_what_they_show() {
        for (expr, name) in [
            ("p95(start_latency)", "p95_start_latency"),
            ("weekday(time)", "weekday_time"),
            ("distinct(lower(task))", "distinct_lower_task"),
            ("raw.requestParameters.startedBy", "started_by"),
            ("raw.items[3].requestID[0]", "request_id"),
            ("max(used) - max(allowed)", "max_used_minus_max_allowed"),
            ("sum(a) / count", "sum_a_per_count"),
            ("field(cluster)", "cluster"),
        ] {
            let query = parse(&format!("failures show {expr}")).unwrap();
            let item = query.stages.first().unwrap().show.first().unwrap();
            assert_eq!(default_name(&item.expr.value), name, "{expr}");
        }
    }
}
