use super::*;

#[test]
fn a_query_in_other_words_is_recognized() {
    for (text, expected) in [
        ("count failures", "failures show count"),
        ("since 7d failures by reason", "failures since 7d by reason"),
        ("by reason failures", "failures by reason"),
        ("how many failures since 7d?", "failures since 7d show count"),
        ("number of failures by reason", "failures by reason"),
        ("show me all failures", "failures"),
        ("list errors by reason", "failures by reason"),
        ("top 10 failures", "failures limit 10"),
        ("top 5 failures by reason", "failures by reason top 5"),
        ("latest 20 calls", "calls limit 20"),
        ("failure by reason", "failures by reason"),
        ("failures group by reason", "failures by reason"),
        ("failures grouped by reason and cluster", "failures by reason, cluster"),
        ("failures per reason", "failures by reason"),
        ("failures by reason order by count desc", "failures by reason sort -count"),
        ("failures by reason sort by count descending;", "failures by reason sort -count"),
        ("failures group by reason having count > 5 order by count desc", "failures by reason | where count > 5 sort -count"),
        ("failures by reason head 5", "failures by reason limit 5"),
        ("failures limit none", "failures limit all"),
        ("failures, last 7 days", "failures since 7d"),
        ("failures by reason in the last 24 hours", "failures since 24h by reason"),
        ("failures last week", "failures since last week"),
        ("failures yesterday", "failures on yesterday"),
        ("failures by reason today", "failures on today by reason"),
        ("failures daily", "failures every 1d"),
        ("failures by reason per day", "failures by reason every 1d"),
        ("failures in cluster batch", "failures where cluster = batch"),
        ("failures for service checkout since 7d", "failures where service = checkout since 7d"),
        ("failures cluster = batch", "failures where cluster = batch"),
        ("failures and reason = AGENT", "failures where reason = AGENT"),
        ("failures where reason == 'AGENT' && ran", "failures where reason = AGENT and ran"),
        ("failures where reason = AGENT, cluster = batch", "failures where reason = AGENT and cluster = batch"),
        ("failures where reason <> AGENT || not ran", "failures where reason != AGENT or not ran"),
        ("failures where service is null", "failures where service is missing"),
        ("failures where service is not null by service", "failures where service is not missing by service"),
        ("failures where reason is AGENT", "failures where reason = AGENT"),
        ("failures where reason in AGENT, CAPACITY since 7d", "failures where reason in (AGENT, CAPACITY) since 7d"),
        ("failures where exit_code between 1 and 5", "failures where exit_code in 1..5"),
        ("failures where service starts with batch", "failures where service like batch*"),
        ("tasks where start_latency > 2 minutes", "tasks where start_latency > 2m"),
        ("failures | count", "failures show count"),
        ("failures | stats count() by reason", "failures by reason"),
        ("calls where message =~ 'x+'", "calls where message matches x+"),
        ("failures from yesterday", "failures since yesterday"),
        ("select failures", "failures"),
        ("failed calls by user", "calls where failed by user"),
        ("calls failed", "calls where failed"),
        ("failed tasks", "failures"),
        ("failures count", "failures show count"),
        ("failures count by reason", "failures by reason"),
        ("failures count(*)", "failures show count"),
        ("failures with oom", "failures where message contains oom"),
        ("failures with exit_code = 1", "failures where exit_code = 1"),
        ("failures | grep oom", "failures where message contains oom"),
        ("failures by reason by cluster", "failures by reason, cluster"),
        ("failures by reason, by cluster", "failures by reason, cluster"),
        ("failures by reason & cluster", "failures by reason, cluster"),
        ("failures show time reason", "failures show time, reason"),
        ("failures distinct reason", "failures by reason"),
        ("failures show count(distinct task)", "failures show distinct(task)"),
        ("failures by hour of day", "failures by hour(time)"),
        ("failures each hour", "failures every 1h"),
        ("failures group_by reason", "failures by reason"),
        ("failures by: reason", "failures by reason"),
        ("failures by reason order count", "failures by reason sort count"),
        ("failures by reason limit=5", "failures by reason limit 5"),
        ("failures over the past 2 weeks by cluster", "failures since 2w by cluster"),
        ("failures between 2026-03-01 to 2026-03-05", "failures between 2026-03-01 and 2026-03-05"),
        ("failures 2026-03-04", "failures on 2026-03-04"),
        ("failures where cluster = batch, since 7d", "failures where cluster = batch since 7d"),
        ("failures where reason = 'AGENT' or 'CAPACITY'", "failures where reason in (AGENT, CAPACITY)"),
        ("failures where reason = AGENT or = CAPACITY", "failures where reason in (AGENT, CAPACITY)"),
        ("failures where exit_code = 1 or 2 or 3 by reason", "failures where exit_code in (1, 2, 3) by reason"),
        ("failures where exit_code in (1 2 3)", "failures where exit_code in (1, 2, 3)"),
        ("failures where exit_code in [1,2,3]", "failures where exit_code in (1, 2, 3)"),
        ("failures where exit_code = (1, 2)", "failures where exit_code in (1, 2)"),
        ("failures where exit_code > 1 and < 5", "failures where exit_code > 1 and exit_code < 5"),
        ("failures where exit_code not 0", "failures where exit_code != 0"),
        ("failures where reason: AGENT", "failures where reason = AGENT"),
        ("failures{reason=\"AGENT\", cluster=\"batch\"}", "failures where reason = AGENT and cluster = batch"),
        ("failures where reason = “AGENT”", "failures where reason = AGENT"),
        ("failures by reason desc", "failures by reason sort -count"),
        ("failures by reason descending limit 5", "failures by reason sort -count limit 5"),
        ("failures by reason asc", "failures by reason sort count"),
        ("failures by reason count", "failures by reason show count"),
        ("failures by reason count desc", "failures by reason sort -count"),
        ("failures show time, reason desc", "failures show time, reason sort -reason"),
        ("failures limit 5 desc", "failures sort -time limit 5"),
        ("failures by reason top 5 desc", "failures by reason top 5"),
        ("failures limit 5 offset 5", "failures limit 10"),
        ("failures offset 5 limit 5", "failures limit 10"),
        ("failures limit 5, 10", "failures limit 15"),
        ("failures where reason AGENT", "failures where reason = AGENT"),
        ("failures where message 'out of memory' by reason", "failures where message contains 'out of memory' by reason"),
        ("failures where cluster batch and reason AGENT", "failures where cluster = batch and reason = AGENT"),
        ("failures where ran reason = AGENT", "failures where ran and reason = AGENT"),
        ("failures where service missing", "failures where service is missing"),
        ("failures without service", "failures where service is missing"),
        ("failures without service by reason", "failures where service is missing by reason"),
        ("failures with no service", "failures where service is missing"),
        ("failures where ran without service", "failures where ran and service is missing"),
        ("reason=AGENT since 7d", "failures where reason = AGENT since 7d"),
        ("by reason since 7d", "failures since 7d by reason"),
        ("where ran", "failures where ran"),
        ("what failed yesterday", "failures on yesterday"),
        ("what went wrong last night?", "failures on yesterday"),
        ("what happened on 2026-03-04", "incidents on 2026-03-04"),
        ("tail failures", "failures"),
        ("failures latest 3", "failures limit 3"),
        ("failures last 3", "failures limit 3"),
        ("failures last 3 days", "failures since 3d"),
        ("top 5 reasons", "failures by reason top 5"),
        ("most common causes since 7d", "failures since 7d by cause"),
        ("failures since an hour ago", "failures since 1h"),
        ("failures over time", "failures every 1d"),
        ("failures at 2026-03-04", "failures around 2026-03-04"),
        ("failures by reason since 7d vs last week", "failures since 7d by reason compare previous week"),
    ] {
        let found = reworded(text, &|_| true);
        assert_eq!(found.as_deref(), Some(expected), "{text}");
    }
}

#[test]
fn a_query_that_is_not_accepted_is_no_suggestion() {
    assert_eq!(reworded("failures group by reason", &|_| false), None);
}

#[test]
fn unrelated_texts_have_no_suggestion() {
    for text in ["", "hello world", "the quick brown fox", "failures where", "why", "| | |", "failures where reason =", "'"] {
        assert_eq!(reworded(text, &|_| true), None, "{text}");
    }
}

#[test]
fn sql_is_recognized() {
    for text in ["select 1", "SELECT reason, count(*) FROM failures GROUP BY reason", "with x as (select 1) select * from x"] {
        assert!(is_sql(text), "{text}");
    }
    for text in ["failures by reason", "select failures please now", "with failures", ""] {
        assert!(!is_sql(text), "{text}");
    }
}
