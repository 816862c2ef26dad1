//! Quoting of untrusted names in SQL.

use super::records;

#[test]
fn names_cannot_leave_their_quotes() {
    assert_eq!(records::text("x' or '1'='1"), "'x'' or ''1''=''1'");
    assert_eq!(records::equals("task", None), "false");
    assert_eq!(records::like_it("cluster", None), "true");
    assert_eq!(records::at_home(None, Some("x'y")), "coalesce(\"region\", 'x''y') = 'x''y'");
    assert_eq!(records::at_home(None, None), "true");
}
