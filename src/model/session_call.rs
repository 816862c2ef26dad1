//! Calls that issue the credentials of role sessions: the access key, and the role with the session name.
//!
//! The search for the person behind a session reads the original records of these calls; the columns say which ones.

use super::arn;
use super::field::name;
use crate::decode::json::Value;
use crate::knowledge::SESSION_ACTIONS;
use crate::table::Call;
use std::borrow::Cow;

/// Sets what such a call issued. A refused call issued nothing.
pub(super) fn read_session_call<'a>(call: &mut Call<'a>, request: Option<Value<'a>>, response: Option<Value<'a>>) {
    let issues = call.event_name.as_deref().is_some_and(|action| SESSION_ACTIONS.contains(&action));
    if !issues || call.error_code.is_some() {
        return;
    }
    let answered = |path: &[&str]| response.and_then(|response| response.path(path)).and_then(Value::text);
    call.issued_key = answered(&["credentials", "accessKeyId"]).and_then(name);
    let issued = answered(&["assumedRoleUser", "arn"]).and_then(arn::assumed_role).filter(|session| has_both_names(session));
    call.issued_session = issued.map(Cow::Borrowed).or_else(|| requested(request?).map(Cow::Owned));
}

fn has_both_names(session: &str) -> bool {
    session.split_once('/').is_some_and(|(role, name)| !role.is_empty() && !name.is_empty())
}

/// `ROLE/SESSION` that a request asks for: CloudTrail leaves out long answers, and some exports have none. The ARN of a role has
/// the path of the role, a session does not.
fn requested(request: Value<'_>) -> Option<String> {
    let role = arn::short(arn::resource(request.text_at("roleArn")?)?.strip_prefix("role/")?);
    let session = format!("{role}/{}", request.text_at("roleSessionName")?);
    has_both_names(&session).then_some(session)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::json::Tape;

    const REQUEST: &str = r#"{"roleArn":"arn:aws:iam::111122223333:role/team/deploy","roleSessionName":"ci-7"}"#;
    const RESPONSE: &str = r#"{"credentials":{"accessKeyId":"ASIAEXAMPLE000000001","sessionToken":"***masked***"},
        "assumedRoleUser":{"arn":"arn:aws:sts::111122223333:assumed-role/deploy/ci-8"}}"#;

    /// The key and the session that a call issued.
    fn issued(action: &'static str, error: &'static str, request: &str, response: &str) -> (String, String) {
        let (request, response) = (Tape::parse(request).unwrap(), Tape::parse(response).unwrap());
        let mut call = Call { event_name: name(action), error_code: name(error), ..Call::default() };
        read_session_call(&mut call, Some(request.root()), Some(response.root()));
        let own = |text: Option<Cow<'_, str>>| text.unwrap_or_default().into_owned();
        (own(call.issued_key), own(call.issued_session))
    }

    fn pair(key: &str, session: &str) -> (String, String) {
        (key.to_owned(), session.to_owned())
    }

    #[test]
    fn the_answer_names_the_key_and_the_session() {
        for action in SESSION_ACTIONS {
            assert_eq!(issued(action, "", REQUEST, RESPONSE), pair("ASIAEXAMPLE000000001", "deploy/ci-8"), "{action}");
        }
    }

    #[test]
    fn without_an_answer_the_request_names_the_session() {
        for response in
            ["null", "{}", r#"{"assumedRoleUser":{"arn":"arn:aws:sts::111122223333:assumed-role/deploy"}}"#, "\"too long\""]
        {
            assert_eq!(issued("AssumeRole", "", REQUEST, response), pair("", "deploy/ci-7"), "{response}");
        }
        for request in [
            "null",
            r#"{"roleArn":"arn:aws:iam::111122223333:role/deploy","roleSessionName":""}"#,
            r#"{"roleArn":"arn:aws:iam::111122223333:role/","roleSessionName":"ci"}"#,
            r#"{"roleArn":"deploy","roleSessionName":"ci"}"#,
            r#"{"roleArn":["arn:aws:iam::111122223333:role/deploy"],"roleSessionName":"ci"}"#,
        ] {
            assert_eq!(issued("AssumeRole", "", request, "null"), pair("", ""), "{request}");
        }
    }

    #[test]
    fn refused_calls_and_other_calls_issue_no_session() {
        assert_eq!(issued("AssumeRole", "AccessDenied", REQUEST, RESPONSE), pair("", ""));
        assert_eq!(issued("GetCallerIdentity", "", REQUEST, RESPONSE), pair("", ""));
    }
}
