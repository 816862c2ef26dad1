//! No secret of a record is anywhere in the store: not in a column, not in an original, not in a
//! quarantine sample.

use crate::support::{Desk, project};

/// Every planted secret holds this.
const MARK: &str = "FAKE-SECRET-";

#[test]
fn planted_secrets_do_not_enter_the_store() {
    let desk = Desk::new();
    desk.load(&[&project().join("samples/oddities"), &project().join("samples/exports")]);
    // Of the records with secrets, something must have been loaded, or the test proves nothing.
    let masked = desk.sql("select count(*) from (select raw from calls union all select raw from task_events union all select raw from run_records) where raw like '%***masked***%'");
    assert!(masked[0][0].parse::<u64>().unwrap() >= 5, "{masked:?}");
    for table in [
        "calls",
        "task_events",
        "container_events",
        "instance_events",
        "service_events",
        "run_records",
        "job_submissions",
        "run_events",
        "failures",
        "quarantine",
        "files",
    ] {
        let ran = desk.run(&["sql", &format!("select * from {table}"), "--format", "ndjson", "-q"]).ok();
        let leak = ran.out.lines().find(|line| line.contains(MARK));
        assert!(leak.is_none(), "{table}: {leak:?}");
    }
}
