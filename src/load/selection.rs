//! Which records a load takes: those in the time, the accounts and the regions that were asked for, and none that have been
//! removed from the store.

use crate::model::Record;
use crate::table::{Row, Table};

/// Why a record was left out: it is not in the window of the load.
pub const OTHER_TIME: &str = "outside --since/--until";
/// Why a record was left out: it is of another account.
pub const OTHER_ACCOUNT: &str = "not of --account";
/// Why a record was left out: it is of another region.
pub const OTHER_REGION: &str = "not of --region";
/// Why a record was left out: it was removed from the store, and is not loaded again.
pub const REMOVED: &str = "removed from the store";

/// Whether a file is incomplete in the store because of what was asked for, so that another load has to read it again.
pub fn is_by_request(why: &str) -> bool {
    [OTHER_TIME, OTHER_ACCOUNT, OTHER_REGION].contains(&why)
}

/// Records that were removed from the store by rule: they are not loaded again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemovalRule {
    /// The table; none = all tables.
    pub table: Option<Table>,
    /// The account; none = all accounts.
    pub account: Option<String>,
    /// Records from before this time, in microseconds since 1970 UTC.
    pub before: i64,
}

impl RemovalRule {
    /// Whether the rule is about a record of this table, account and time.
    pub fn covers(&self, table: Table, account: Option<&str>, time: i64) -> bool {
        time < self.before
            && self.table.is_none_or(|rule| rule == table)
            && self.account.as_deref().is_none_or(|rule| account == Some(rule))
    }
}

/// Which records a load takes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selection {
    /// Records from this time on, in microseconds since 1970 UTC.
    pub since: Option<i64>,
    /// Records before this time.
    pub until: Option<i64>,
    /// Records of these accounts; empty = all accounts.
    pub accounts: Vec<String>,
    /// Records of these regions; empty = all regions.
    pub regions: Vec<String>,
    /// What was removed from the store.
    pub removed: Vec<RemovalRule>,
}

impl Selection {
    /// Why a record is left out, if it is. A record without an account or region is taken: nothing says that it is of
    /// another one.
    pub fn leaves_out(&self, record: &Record<'_>) -> Option<&'static str> {
        let Selection { since, until, accounts, regions, removed } = self;
        if since.is_some_and(|since| record.time < since) || until.is_some_and(|until| record.time >= until) {
            return Some(OTHER_TIME);
        }
        let row = record.rows.first();
        let account = record.account.as_deref().or_else(|| row.and_then(Row::account));
        if is_other(account, accounts) {
            return Some(OTHER_ACCOUNT);
        }
        if is_other(row.and_then(Row::region), regions) {
            return Some(OTHER_REGION);
        }
        removed.iter().any(|rule| rule.covers(record.table, account, record.time)).then_some(REMOVED)
    }

    /// Why a file whose path names the day, account or region of an S3 delivery is not read, if it is not. A file is kept
    /// where its path says nothing. Records are delivered within a quarter of an hour, under the day of their delivery or
    /// their own: a day on both sides of the window is read.
    pub fn leaves_out_file(&self, path: &str) -> Option<&'static str> {
        const DAY: i64 = 86_400_000_000;
        let parts: Vec<&str> = path.split('/').collect();
        if let Some(day) = parts.windows(3).find_map(|parts| day_of_path(parts)) {
            let early = self.since.is_some_and(|since| day.saturating_add(2 * DAY) <= since);
            if early || self.until.is_some_and(|until| day.saturating_sub(DAY) >= until) {
                return Some(OTHER_TIME);
            }
        }
        let delivery =
            parts.iter().position(|part| *part == "AWSLogs").map_or(&[][..], |place| parts.get(place + 1..).unwrap_or(&[]));
        let account = delivery.iter().take(2).find(|part| part.len() == 12 && part.bytes().all(|byte| byte.is_ascii_digit()));
        if is_other(account.copied(), &self.accounts) {
            return Some(OTHER_ACCOUNT);
        }
        let service = delivery.iter().position(|part| ["CloudTrail", "vpcflowlogs"].contains(part));
        let region = service.and_then(|place| delivery.get(place + 1)).filter(|part| part.matches('-').count() >= 2);
        if is_other(region.copied(), &self.regions) { Some(OTHER_REGION) } else { None }
    }

    /// Whether it leaves anything out.
    pub fn is_everything(&self) -> bool {
        *self == Selection::default()
    }
}

fn is_other(found: Option<&str>, wanted: &[String]) -> bool {
    !wanted.is_empty() && found.is_some_and(|found| wanted.iter().all(|wanted| wanted != found))
}

/// The midnight of `YYYY/MM/DD`, in microseconds since 1970 UTC.
fn day_of_path(parts: &[&str]) -> Option<i64> {
    let [year, month, day] = parts else { return None };
    if (year.len(), month.len(), day.len()) != (4, 2, 2) {
        return None;
    }
    let date = jiff::civil::Date::new(year.parse().ok()?, month.parse().ok()?, day.parse().ok()?).ok()?;
    let zoned = date.to_zoned(jiff::tz::TimeZone::UTC).ok()?;
    Some(zoned.timestamp().as_microsecond())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn selection(since: &str, until: &str) -> Selection {
        let micros = |text: &str| text.parse::<jiff::Timestamp>().ok().map(jiff::Timestamp::as_microsecond);
        Selection { since: micros(since), until: micros(until), ..Selection::default() }
    }

    #[test]
    fn files_are_left_out_by_the_path_of_a_delivery() {
        let trail = |day: &str| format!("AWSLogs/111122223333/CloudTrail/eu-west-1/{day}/a_CloudTrail_b.json.gz");
        let some = selection("2026-03-04T12:00:00Z", "2026-03-06T00:00:00Z");
        for (day, left_out) in
            [("2026/03/02", true), ("2026/03/03", false), ("2026/03/04", false), ("2026/03/06", false), ("2026/03/07", true)]
        {
            assert_eq!(some.leaves_out_file(&trail(day)).is_some(), left_out, "{day}");
        }
        let organization = "o-a1b2c3/AWSLogs/o-a1b2c3/444455556666/CloudTrail/us-east-1/2026/03/04/x.json.gz";
        let account = Selection { accounts: vec!["111122223333".to_owned()], ..Selection::default() };
        assert_eq!(account.leaves_out_file(&trail("2026/03/04")), None);
        assert_eq!(account.leaves_out_file(organization), Some(OTHER_ACCOUNT));
        let region = Selection { regions: vec!["us-east-1".to_owned()], ..Selection::default() };
        assert_eq!(region.leaves_out_file(&trail("2026/03/04")), Some(OTHER_REGION));
        assert_eq!(region.leaves_out_file(organization), None);
        for unknown in ["events.json", "2026/13/45/events.json", "AWSLogs/x.json"] {
            assert_eq!(some.leaves_out_file(unknown), None);
            assert_eq!(account.leaves_out_file(unknown), None);
        }
    }

    #[test]
    fn a_rule_covers_its_table_account_and_time() {
        let all = RemovalRule { table: None, account: None, before: 10 };
        assert!(all.covers(Table::Calls, None, 9) && !all.covers(Table::Calls, None, 10));
        let one = RemovalRule { table: Some(Table::Calls), account: Some("1".to_owned()), before: 10 };
        assert!(one.covers(Table::Calls, Some("1"), 0));
        assert!(!one.covers(Table::Calls, None, 0) && !one.covers(Table::TaskEvents, Some("1"), 0));
    }
}
