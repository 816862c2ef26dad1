//! Planted chains of roles, and hostile ones.

use serde_json::{Value, json};

use super::*;
use crate::decode::json::Tape;
use crate::knowledge::SESSION_ACTIONS;
use crate::model::cloudtrail::model_call;
use crate::model::{Modeled, Origin};
use crate::table::Row;

const ACCOUNT: &str = "111122223333";
const SECOND: i64 = 1_000_000;
/// 2026-05-04T09:00:00Z.
const NINE: i64 = 1_777_885_200 * SECOND;

/// The session of a role.
fn session(role: &str, name: &str, key: &str, more: Value) -> Value {
    let mut identity = json!({"type": "AssumedRole", "accountId": ACCOUNT, "principalId": format!("AROA0000EXAMPLE:{name}"),
        "arn": format!("arn:aws:sts::{ACCOUNT}:assumed-role/{role}/{name}"),
        "sessionContext": {"sessionIssuer": {"type": "Role", "userName": role}}});
    if !key.is_empty() {
        identity["accessKeyId"] = json!(key);
    }
    if let Some(more) = more.as_object() {
        identity["sessionContext"].as_object_mut().unwrap().extend(more.clone());
    }
    identity
}

fn user(name: &str) -> Value {
    json!({"type": "IAMUser", "userName": name, "accountId": ACCOUNT, "arn": format!("arn:aws:iam::{ACCOUNT}:user/{name}")})
}

/// A call that issued a session, so many seconds after nine; without a key, its answer is not recorded.
fn issue(id: &str, after: i64, by: &Value, (role, name, key): (&str, &str, &str), more: Value) -> Assumption {
    let mut record = json!({"userIdentity": by, "sourceIPAddress": "203.0.113.7", "responseElements": null,
        "requestParameters": {"roleArn": format!("arn:aws:iam::{ACCOUNT}:role/team/{role}"), "roleSessionName": name}});
    record["requestParameters"].as_object_mut().unwrap().extend(more.as_object().cloned().unwrap_or_default());
    if !key.is_empty() {
        let arn = format!("arn:aws:sts::{ACCOUNT}:assumed-role/{role}/{name}");
        record["responseElements"] = json!({"credentials": {"accessKeyId": key}, "assumedRoleUser": {"arn": arn}});
    }
    Assumption::read(id, NINE + after * SECOND, &record.to_string()).unwrap()
}

/// The trace of a call so many seconds after nine.
fn traced(calls: Vec<Assumption>, by: &Value, after: i64) -> Trace {
    trace(&Assumptions::new(calls), &Identity::of_json(&by.to_string()).unwrap(), NINE + after * SECOND)
}

fn names(trace: &Trace) -> Vec<&str> {
    trace.chain.iter().map(|link| link.principal.as_str()).collect()
}

/// The search for the call that issued a session selects calls by their columns, and reads their originals.
#[test]
fn the_columns_of_a_call_have_the_key_and_the_session_of_its_original() {
    let names = SESSION_ACTIONS.join("', '");
    assert_eq!(ISSUES_SESSIONS, format!("event_name in ('{names}') and error_code is null"));
    let request = |role: &str, name: &str| json!({"roleArn": role, "roleSessionName": name});
    let deploy = format!("arn:aws:iam::{ACCOUNT}:role/team/deploy");
    let answer = |resource: &str| {
        let arn = format!("arn:aws:sts::{ACCOUNT}:{resource}");
        json!({"credentials": {"accessKeyId": "ASIA1"}, "assumedRoleUser": {"arn": arn}})
    };
    let mut sessions = 0;
    for (request, response) in [
        (request(&deploy, "ci"), answer("assumed-role/deploy/mei")),
        (request(&deploy, "ci"), answer("assumed-role/deploy/a/b")),
        (request(&deploy, "ci"), answer("assumed-role/deploy/")),
        (request(&deploy, "ci"), answer("assumed-role//mei")),
        (request(&deploy, "ci"), answer("user/mei")),
        (request(&deploy, "mei@example.com"), Value::Null),
        (request(&deploy, ""), Value::Null),
        (request("deploy", "ci"), json!({"credentials": {"accessKeyId": ""}})),
        (request("arn:aws:iam:::role/deploy", "ci"), json!("omitted")),
        (Value::Null, json!({"credentials": {"accessKeyId": 7}, "assumedRoleUser": []})),
    ] {
        let record = json!({"eventTime": "2026-05-04T09:00:00Z", "eventName": "AssumeRole", "eventID": "e",
            "userIdentity": user("mei"), "requestParameters": request, "responseElements": response})
        .to_string();
        let tape = Tape::parse(&record).unwrap();
        let origin = Origin { file: "f", record: 1, raw: None, text: &record };
        let Modeled::Record(modeled) = model_call(tape.root(), "cloudtrail", origin) else { panic!("{record}") };
        let Row::Calls(call) = &modeled.rows[0] else { panic!("{record}") };
        let read = Assumption::read("e", NINE, &record).unwrap();
        assert_eq!(call.issued_key.as_deref(), read.access_key.as_deref(), "{record}");
        assert_eq!(call.issued_session.as_deref(), read.session.as_ref().map(Session::label).as_deref(), "{record}");
        sessions += usize::from(read.session.is_some());
    }
    assert_eq!(sessions, 7);
}

#[test]
fn two_roles_by_their_access_keys() {
    let calls = vec![
        issue("a1", 0, &user("mei"), ("admin", "mei", "ASIA1"), json!({})),
        issue("a2", 60, &session("admin", "mei", "ASIA1", json!({})), ("deploy", "ci", "ASIA2"), json!({})),
        // Somebody else uses the same names at the same time.
        issue("a3", 61, &user("sam"), ("deploy", "ci", "ASIA3"), json!({})),
    ];
    let found = traced(calls, &session("deploy", "ci", "ASIA2", json!({})), 120);
    assert_eq!(names(&found), ["deploy/ci", "admin/mei", "mei"]);
    assert_eq!((found.person.as_deref(), found.confidence), (Some("mei"), Confidence::Certain));
    assert_eq!(found.issued().map(|issued| issued.record.as_str()).collect::<Vec<_>>(), ["a2", "a1"]);
    assert_eq!(found.roles().collect::<Vec<_>>(), ["deploy", "admin"]);
    assert_eq!(found.unknown, None);
}

#[test]
fn sessions_with_the_same_access_key_differ_in_their_names() {
    let calls = || {
        vec![
            issue("a1", 0, &user("mei"), ("deploy", "ci", "ASIA1"), json!({})),
            issue("a2", 1, &user("sam"), ("deploy", "cd", "ASIA1"), json!({})),
        ]
    };
    for (name, person) in [("ci", Some("mei")), ("cd", Some("sam")), ("other", None)] {
        let found = traced(calls(), &session("deploy", name, "ASIA1", json!({})), 60);
        assert_eq!(found.person.as_deref(), person, "{name}");
    }
}

#[test]
fn names_alone_are_likely_while_the_session_lasts() {
    let calls = || vec![issue("a1", 0, &user("mei"), ("deploy", "ci", ""), json!({"durationSeconds": 900}))];
    let by = session("deploy", "ci", "ASIA1", json!({}));
    let found = traced(calls(), &by, 900);
    assert_eq!((found.person.as_deref(), found.confidence), (Some("mei"), Confidence::Likely));
    for after in [-60, 1000] {
        let found = traced(calls(), &by, after);
        assert_eq!((found.person.as_deref(), found.confidence), (None, Confidence::Unknown), "{after}");
        assert_eq!(found.unknown, Some(Unknown::NotRecorded));
        assert_eq!(found.open.as_ref().unwrap().session.label(), "deploy/ci");
    }
    // A call that issued another key belongs to another session.
    let other = issue("a1", 0, &user("mei"), ("deploy", "ci", "ASIA9"), json!({}));
    assert_eq!(traced(vec![other], &by, 60).confidence, Confidence::Unknown);
    // The same caller twice is one candidate, the newest.
    let twice = vec![
        issue("a1", 0, &user("mei"), ("deploy", "ci", ""), json!({})),
        issue("a2", 30, &user("mei"), ("deploy", "ci", ""), json!({})),
    ];
    let found = traced(twice, &by, 60);
    assert_eq!(found.issued().next().map(|issued| issued.record.as_str()), Some("a2"));
    assert_eq!(found.confidence, Confidence::Likely);
}

#[test]
fn two_people_with_one_session_name_are_unknown_unless_the_time_of_issue_differs() {
    let calls = || {
        vec![
            issue("a1", 0, &user("mei"), ("deploy", "ci", ""), json!({})),
            issue("a2", 30, &user("sam"), ("deploy", "ci", ""), json!({})),
        ]
    };
    let found = traced(calls(), &session("deploy", "ci", "ASIA1", json!({})), 60);
    assert_eq!((found.person.as_deref(), found.confidence), (None, Confidence::Unknown));
    assert_eq!(names(&found), ["deploy/ci"]);
    assert_eq!(found.unknown, Some(Unknown::Ambiguous(2)));
    let issued = json!({"attributes": {"creationDate": "2026-05-04T09:00:30Z"}});
    let found = traced(calls(), &session("deploy", "ci", "ASIA1", issued), 60);
    assert_eq!((found.person.as_deref(), found.confidence), (Some("sam"), Confidence::Likely));
    let missing = json!({"attributes": {"creationDate": "2026-05-04T08:30:00Z"}});
    let found = traced(calls(), &session("deploy", "ci", "ASIA1", missing), 60);
    assert_eq!(found.unknown, Some(Unknown::NotRecorded), "neither call issued this session");
}

#[test]
fn a_source_identity_persists() {
    let calls = vec![
        issue("a1", 0, &user("jump"), ("admin", "x", ""), json!({"sourceIdentity": "mei"})),
        issue("a2", 0, &user("jump"), ("admin", "x", ""), json!({"sourceIdentity": "sam"})),
    ];
    let found = traced(calls, &session("admin", "x", "ASIA1", json!({"sourceIdentity": "mei"})), 60);
    assert_eq!((found.person.as_deref(), found.confidence), (Some("mei"), Confidence::Certain));
    assert_eq!(found.named_by.as_deref(), Some("jump"));
    assert_eq!(found.issued().map(|issued| issued.basis).collect::<Vec<_>>(), [Basis::SourceIdentity]);
    // It is certain even if nothing else is recorded.
    let alone = traced(Vec::new(), &session("admin", "x", "ASIA1", json!({"sourceIdentity": "mei"})), 60);
    assert_eq!((alone.person.as_deref(), alone.confidence), (Some("mei"), Confidence::Certain));
    assert_eq!((alone.unknown, alone.named_by), (Some(Unknown::NotRecorded), None));
    // A step that is only likely makes it no more than that.
    let calls = vec![issue("a1", 0, &user("jump"), ("admin", "x", ""), json!({"sourceIdentity": "mei"}))];
    let found = traced(calls, &session("admin", "x", "ASIA1", json!({})), 60);
    assert_eq!((found.person.as_deref(), found.confidence), (Some("mei"), Confidence::Likely));
}

#[test]
fn federated_callers_are_the_first_principal() {
    let saml = json!({"type": "SAMLUser", "principalId": "HASH=:mei@example.com", "userName": "mei@example.com"});
    let job = json!({"type": "WebIdentityUser", "userName": "repo:example/shop:ref:refs/heads/main",
        "principalId": "arn:aws:iam::111122223333:oidc-provider/ci.example.com:sts.amazonaws.com:repo:example/shop:ref:refs/heads/main"});
    let service = json!({"type": "AWSService", "invokedBy": "ecs-tasks.amazonaws.com"});
    for (by, name, kind) in [
        (saml, "mei@example.com", PrincipalKind::Saml),
        (job, "repo:example/shop:ref:refs/heads/main", PrincipalKind::WebIdentity),
        (service, "task 0af1", PrincipalKind::Task),
        (json!({"type": "Root", "accountId": ACCOUNT}), "root", PrincipalKind::Root),
    ] {
        let calls = vec![issue("a1", 0, &by, ("deploy", "0af1", "ASIA1"), json!({}))];
        let found = traced(calls, &session("deploy", "0af1", "ASIA1", json!({})), 60);
        assert_eq!((found.person.as_deref(), found.confidence), (Some(name), Confidence::Certain));
        assert_eq!(found.chain.last().map(|link| link.kind), Some(kind));
    }
}

#[test]
fn some_sessions_name_their_person_themselves() {
    for (by, name, kind) in [
        (session("AWSReservedSSO_Admin_0f1e2d3c4b5a6978", "mei", "ASIA1", json!({})), "mei", PrincipalKind::IdentityCenter),
        (session("app", "i-0abc", "ASIA1", json!({"ec2RoleDelivery": "2.0"})), "i-0abc", PrincipalKind::Instance),
        (
            session("app", "x", "ASIA1", json!({"webIdFederationData": {"attributes": {"ci.example.com:sub": "repo:x"}}})),
            "repo:x",
            PrincipalKind::WebIdentity,
        ),
    ] {
        let found = traced(Vec::new(), &by, 60);
        assert_eq!((found.person.as_deref(), found.confidence), (Some(name), Confidence::Certain));
        assert_eq!(found.chain.last().map(|link| link.kind), Some(kind));
    }
    // Names that only resemble these.
    for role in ["AWSReservedSSO_Admin", "AWSReservedSSO_Admin_0f1e2d3c4b5a697z", "awsreservedsso_Admin_0f1e2d3c4b5a6978"] {
        assert_eq!(traced(Vec::new(), &session(role, "mei", "ASIA1", json!({})), 60).person, None, "{role}");
    }
    assert_eq!(
        traced(Vec::new(), &session("app", "i-0abc", "ASIA1", json!({})), 60).person,
        None,
        "anybody can choose this name"
    );
}

#[test]
fn the_copy_of_another_account_does_not_hide_the_caller() {
    let copy = json!({"type": "AWSAccount", "accountId": "444455556666", "principalId": "AIDA0000EXAMPLE"});
    let calls = vec![
        issue("a1", 0, &user("mei"), ("deploy", "ci", "ASIA1"), json!({})),
        issue("a2", 0, &copy, ("deploy", "ci", "ASIA1"), json!({})),
    ];
    let by = session("deploy", "ci", "ASIA1", json!({}));
    assert_eq!(traced(calls.clone(), &by, 60).person.as_deref(), Some("mei"));
    let found = traced(calls.into_iter().skip(1).collect(), &by, 60);
    assert_eq!(found.person.as_deref(), Some("account 444455556666"));
}

#[test]
fn cycles_and_endless_chains_end() {
    // Each role is assumed by the other one at the same time, with keys that were never issued to anybody.
    let (one, two) = (session("one", "x", "ASIA1", json!({})), session("two", "x", "ASIA2", json!({})));
    let calls =
        vec![issue("a1", 0, &two, ("one", "x", "ASIA1"), json!({})), issue("a2", 0, &one, ("two", "x", "ASIA2"), json!({}))];
    let found = traced(calls, &one, 60);
    assert_eq!((found.person.as_deref(), found.unknown), (None, Some(Unknown::Cycle)));
    assert_eq!(found.confidence, Confidence::Unknown);
    let link = |nth: i64| {
        let (key, earlier) = (format!("ASIA{nth}"), format!("ASIA{}", nth - 1));
        issue(&format!("a{nth}"), nth, &session("role", "x", &earlier, json!({})), ("role", "x", key.as_str()), json!({}))
    };
    let found = traced((1..=20).map(link).collect(), &session("role", "x", "ASIA20", json!({})), 60);
    assert_eq!((found.chain.len(), found.unknown), (LONGEST + 1, Some(Unknown::TooLong)));
}

#[test]
fn hostile_records_are_read_as_missing() {
    for text in ["", "null", "[]", "{}", r#"{"userIdentity":7}"#, r#"{"userIdentity":{"arn":["x"],"sessionContext":"y"}}"#] {
        if let Some(call) = Assumption::read("a", i64::MAX, text) {
            let calls = Assumptions::new(vec![call]);
            let found = trace(&calls, &Identity::of_record(text).unwrap_or_default(), i64::MIN);
            assert_eq!((found.person, found.confidence), (None, Confidence::Unknown), "{text}");
        }
    }
    let by = |arn: &str| json!({"type": "AssumedRole", "arn": arn});
    for arn in ["arn", "arn:aws:sts::1:assumed-role/", "arn:aws:sts::1:assumed-role/x", "arn:aws:sts::1:assumed-role//", "::::::"]
    {
        let found = traced(Vec::new(), &by(arn), 0);
        assert_eq!((found.person, found.unknown), (None, Some(Unknown::Unnamed)), "{arn}");
    }
    let odd = issue("a", 0, &user("mei"), ("deploy", "ci", ""), json!({"durationSeconds": i64::MAX, "sourceIdentity": 5}));
    assert_eq!((odd.lasts, odd.source_identity), (LONGEST_DURATION, None));
}
