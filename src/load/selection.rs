//! Selects the records to load by time, account and region, and excludes removed ones.

use crate::micros::DAY;
use crate::model::Record;
use crate::table::{Row, Table};

/// Filter reason: outside the time window.
pub const OTHER_TIME: &str = "outside --since/--until";
/// Filter reason: another account.
pub const OTHER_ACCOUNT: &str = "not of --account";
/// Filter reason: another region.
pub const OTHER_REGION: &str = "not of --region";
/// Filter reason: removed from the store earlier.
pub const REMOVED: &str = "removed from the store";

/// Mark of an archive with members that have quarantined records; it filters nothing by itself.
pub const QUARANTINED_MEMBERS: &str = "quarantined_members";

/// Whether a reason leaves a file incomplete, so that a later load must read it again: records were filtered by a
/// command-line option, or members of an archive have quarantined ones.
pub fn is_incomplete(why: &str) -> bool {
    [OTHER_TIME, OTHER_ACCOUNT, OTHER_REGION, QUARANTINED_MEMBERS].contains(&why)
}

/// A rule that removed records from the store; such records are not loaded again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemovalRule {
    /// The table; `None` for all tables.
    pub table: Option<Table>,
    /// The account; `None` for all accounts.
    pub account: Option<String>,
    /// Applies to records before this time, in microseconds since 1970 UTC.
    pub before: i64,
}

impl RemovalRule {
    /// Whether the rule applies to a record with this table, account and time.
    pub fn covers(&self, table: Table, account: Option<&str>, time: i64) -> bool {
        time < self.before
            && self.table.is_none_or(|rule| rule == table)
            && self.account.as_deref().is_none_or(|rule| account == Some(rule))
    }
}

/// The records that a load accepts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selection {
    /// Earliest time, in microseconds since 1970 UTC.
    pub since: Option<i64>,
    /// End of the time window (exclusive).
    pub until: Option<i64>,
    /// Accepted accounts; empty for all.
    pub accounts: Vec<String>,
    /// Accepted regions; empty for all.
    pub regions: Vec<String>,
    /// Rules for removed records.
    pub removed: Vec<RemovalRule>,
}

impl Selection {
    /// The reason to filter a record, if any. A record without an account or region is accepted, because nothing
    /// contradicts the selection.
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

    /// The reason to skip a file, based on the day, account or region in its S3 key. A file is read if its path says
    /// nothing. CloudTrail delivers within about 15 minutes, so a record may be filed under the next day: one extra
    /// day is read on each side of the window.
    pub fn leaves_out_file(&self, path: &str) -> Option<&'static str> {
        let parts: Vec<&str> = path.split('/').collect();
        if let Some(day) = parts.windows(3).find_map(day_of_path) {
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

    /// Whether everything is accepted.
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
