//! The account and Region in which the tasks of a definition will run.

use super::Row;
use crate::render::Cell;

/// An account and a Region; missing ones are unknown.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Home {
    /// The account.
    pub account: Option<String>,
    /// The Region.
    pub region: Option<String>,
}

impl Home {
    /// Those that an ARN names; a plain name names none.
    pub fn of_arn(text: &str) -> Home {
        let parts: Vec<&str> = text.splitn(6, ':').collect();
        let known = |part: &str| (!part.is_empty()).then(|| part.to_owned());
        match parts.as_slice() {
            ["arn", _, _, region, account, _] => Home { account: known(account), region: known(region) },
            _ => Home::default(),
        }
    }

    /// The same, with unknown parts from another one.
    pub fn or(self, other: &Home) -> Home {
        Home { account: self.account.or_else(|| other.account.clone()), region: self.region.or_else(|| other.region.clone()) }
    }

    /// Whether a row with this account and Region may be of this home; missing ones, as in pasted output, fit any.
    pub fn fits(&self, account: &Cell, region: &Cell) -> bool {
        let fits = |known: &Option<String>, cell: &Cell| match (known, cell) {
            (Some(known), Cell::Text(text)) => known == text,
            _ => true,
        };
        fits(&self.account, account) && fits(&self.region, region)
    }

    /// The condition in the query language for rows of this home; empty if nothing is known.
    pub fn condition(&self) -> String {
        let known = self.known().map(|(name, value)| format!("({name} = {value} or {name} is missing)"));
        known.collect::<Vec<_>>().join(" and ")
    }

    /// The condition in SQL for rows of this home, to follow another condition.
    pub fn and_in_sql(&self) -> String {
        self.known().map(|(name, value)| format!(" and coalesce({name}, {value}) = {value}")).collect()
    }

    /// The known columns with their quoted values; both languages quote in the same way.
    fn known(&self) -> impl Iterator<Item = (&'static str, String)> {
        let quoted = |value: &String| format!("'{}'", value.replace('\'', "''"));
        let known = [("account", &self.account), ("region", &self.region)];
        known.into_iter().filter_map(move |(name, value)| Some((name, quoted(value.as_ref()?))))
    }
}

/// The first cell of the first row, if it is a time.
pub fn only_time(rows: &[Row]) -> Option<jiff::Timestamp> {
    match rows.first()?.first()? {
        Cell::Time(time) => Some(*time),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_home_is_known_from_an_arn_as_far_as_it_goes() {
        let known = |account: Option<&str>, region: Option<&str>| Home {
            account: account.map(str::to_owned),
            region: region.map(str::to_owned),
        };
        let definition = Home::of_arn("arn:aws:ecs:eu-west-1:111122223333:task-definition/web:7");
        assert_eq!(definition, known(Some("111122223333"), Some("eu-west-1")));
        assert_eq!(Home::of_arn("arn:aws:iam::111122223333:role/x"), known(Some("111122223333"), None));
        assert_eq!(Home::of_arn("web"), Home::default());
        assert_eq!(known(None, Some("us-east-1")).or(&definition), known(Some("111122223333"), Some("us-east-1")));
    }

    #[test]
    fn hostile_values_stay_values() {
        let home = Home { account: Some("1' or ran = true or account = '".to_owned()), region: None };
        let query = format!("failures where {}", home.condition());
        let parsed = crate::lang::parse(&query).unwrap();
        assert!(crate::lang::format(&parsed).contains("account is missing"), "{parsed:?}");
        assert_eq!(home.and_in_sql().matches("''").count(), 4, "{}", home.and_in_sql());
        assert_eq!(Home::default().condition() + &Home::default().and_in_sql(), "");
    }
}
