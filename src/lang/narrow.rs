//! Narrows queries to a scope: adds a condition to the first `where` of each.

use super::ast::{Pred, Query};
use super::parse;
use crate::diagnostic::Diagnostic;

/// The conditions `name = value`, and a condition of the query language, as one condition; empty if there are none.
/// Several values of one name are alternatives.
pub fn scope(equal: &[(&str, &[String])], condition: Option<&str>) -> String {
    let quoted = |value: &String| format!("'{}'", value.replace('\'', "''"));
    let mut parts: Vec<String> = Vec::new();
    for (name, values) in equal {
        match values {
            [] => {}
            [one] => parts.push(format!("{name} = {}", quoted(one))),
            several => parts.push(format!("{name} in ({})", several.iter().map(quoted).collect::<Vec<_>>().join(", "))),
        }
    }
    parts.extend(condition.map(|condition| if parts.is_empty() { condition.to_owned() } else { format!("({condition})") }));
    parts.join(" and ")
}

/// Adds a condition to the first stage of a query.
///
/// # Errors
/// If the text is not a condition; the positions refer to `NOUN where TEXT`.
pub fn narrow(query: &mut Query, condition: &str) -> Result<(), Vec<Diagnostic>> {
    if condition.is_empty() {
        return Ok(());
    }
    let parsed = parse(&format!("failures where {condition}"))?;
    let more = parsed.stages.into_iter().next().and_then(|stage| stage.filter);
    if let (Some(stage), Some(more)) = (query.stages.first_mut(), more) {
        let members = |pred: Pred| match pred {
            Pred::And(members) => members,
            other => vec![other],
        };
        let mut all = stage.filter.take().map(members).unwrap_or_default();
        all.extend(members(more));
        stage.filter = if all.len() == 1 { all.pop() } else { Some(Pred::And(all)) };
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lang::format;

    #[test]
    fn conditions_are_added_to_the_first_stage() {
        let narrowed = |text: &str, condition: &str| {
            let mut query = parse(text).unwrap();
            narrow(&mut query, condition).unwrap();
            format(&query)
        };
        let names = ["web".to_owned(), "it's".to_owned()];
        let condition =
            scope(&[("cluster", &["shop".to_owned()]), ("service", &names), ("region", &[])], Some("exit_code = 1 or ran"));
        assert_eq!(condition, "cluster = 'shop' and service in ('web', 'it''s') and (exit_code = 1 or ran)");
        assert_eq!(
            narrowed("failures by cause | where count > 1", "cluster = 'a'"),
            "failures where cluster = a by cause | where count > 1"
        );
        assert_eq!(
            narrowed("failures where secondary = true or ran", "cluster = 'a'"),
            "failures where (secondary = true or ran) and cluster = a"
        );
        assert_eq!(narrowed("failures", ""), "failures");
        assert!(narrow(&mut parse("failures").unwrap(), "cluster =").is_err());
        assert_eq!(scope(&[], Some("a = 1 or b = 2")), "a = 1 or b = 2");
    }
}
