//! Finds the person behind a role session by following `AssumeRole` calls back to the first caller.

use crate::explain::finding::some_instant;
use crate::explain::records::{Records, Row, equals, text, within};
use crate::run::RunError;
use crate::table::Table;
use jiff::Timestamp;
use serde::Serialize;

/// The maximum length of a session in seconds.
const SESSION: i64 = 12 * 3600;
/// The maximum length of a role chain.
const LONGEST: usize = 5;

/// The person or principal behind a role session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Person {
    /// The first caller: a user, a federated principal, or the identity that the session carries.
    pub name: String,
    /// The assumed roles, last one first.
    pub roles: Vec<String>,
    /// The source address of the first `AssumeRole` call.
    pub from: Option<String>,
    /// The time of that call.
    #[serde(serialize_with = "some_instant")]
    pub at: Option<Timestamp>,
    /// The id of that call.
    pub record: Option<String>,
}

impl Person {
    /// As text: `alice through role deploy from 203.0.113.7`.
    pub fn describe(&self) -> String {
        let from = self.from.as_deref().map(|from| format!(" from {from}")).unwrap_or_default();
        let roles: Vec<&str> = self.roles.iter().map(String::as_str).collect();
        let through = if roles.is_empty() { String::new() } else { format!(" through role {}", roles.join(" and role ")) };
        format!("{}{through}{from}", self.name)
    }
}

/// The person behind a call of a role session; none if the records add nothing to the call itself. Requires rows with
/// original records.
pub(super) fn person(records: &Records<'_>, call: &Row) -> Result<Option<Person>, RunError> {
    let mut session = call.clone();
    let mut roles = Vec::new();
    let mut person: Option<Person> = None;
    while roles.len() < LONGEST && session.text("user_type") == Some("AssumedRole") {
        let Some(role) = role_of(&session) else { break };
        roles.push(role);
        let identity = session.text("raw").and_then(source_identity);
        let assumed = assumption(records, &session)?;
        if let Some(assumed) = &assumed {
            let name = caller(assumed).or_else(|| identity.clone());
            person = Some(Person {
                name: name.unwrap_or_else(|| "an unrecorded caller".to_owned()),
                roles: roles.clone(),
                from: assumed.text("source_ip").map(str::to_owned),
                at: assumed.time("time"),
                record: assumed.text("id").map(str::to_owned),
            });
        }
        if let Some(identity) = identity {
            // The source identity persists through the whole role chain, so it identifies the person.
            let known = person.take();
            person = Some(Person {
                name: identity,
                roles: known.as_ref().map_or_else(|| roles.clone(), |known| known.roles.clone()),
                from: known.as_ref().and_then(|known| known.from.clone()),
                at: known.as_ref().and_then(|known| known.at),
                record: known.and_then(|known| known.record),
            });
        }
        let Some(next) = assumed else { break };
        session = next;
    }
    Ok(person)
}

/// The call that issued the credentials of a session: its response contains the access key or the session.
fn assumption(records: &Records<'_>, session: &Row) -> Result<Option<Row>, RunError> {
    let Some(at) = session.time("time") else { return Ok(None) };
    let (key, arn) = (session.text("access_key"), session.text("user_arn"));
    let named: Vec<String> = [key, arn].into_iter().flatten().map(|name| format!("strpos(raw, {}) > 0", text(name))).collect();
    if named.is_empty() {
        return Ok(None);
    }
    let condition = format!(
        "event_name in ('AssumeRole', 'AssumeRoleWithSAML', 'AssumeRoleWithWebIdentity', 'AssumeRoot') and error_code is null \
         and {} and ({}) and not {}",
        within(at, SESSION, at, 0),
        named.join(" or "),
        equals("id", session.text("id"))
    );
    let rows = records.some_with_raw(Table::Calls, &condition, "\"time\" desc", 20)?;
    let answer = |row: &Row| row.text("raw").and_then(answered);
    let by_key = rows.iter().find(|row| answer(row).is_some_and(|(given, _)| given.is_some() && given.as_deref() == key));
    let by_name = || rows.iter().find(|row| answer(row).is_some_and(|(_, named)| named.is_some() && named.as_deref() == arn));
    Ok(by_key.or_else(by_name).cloned())
}

/// The access key and session in the response of an `AssumeRole` call.
fn answered(raw: &str) -> Option<(Option<String>, Option<String>)> {
    let record: serde_json::Value = serde_json::from_str(raw).ok()?;
    let answer = record.get("responseElements")?;
    let text = |path: &str| answer.pointer(path).and_then(serde_json::Value::as_str).map(str::to_owned);
    Some((text("/credentials/accessKeyId"), text("/assumedRoleUser/arn")))
}

/// The source identity of a session.
fn source_identity(raw: &str) -> Option<String> {
    let record: serde_json::Value = serde_json::from_str(raw).ok()?;
    let identity =
        record.pointer("/userIdentity/sessionContext/sourceIdentity").or_else(|| record.pointer("/userIdentity/sourceIdentity"));
    identity.and_then(serde_json::Value::as_str).filter(|identity| !identity.is_empty()).map(str::to_owned)
}

/// The role of a session.
fn role_of(row: &Row) -> Option<String> {
    let of_arn = row.text("user_arn").and_then(|arn| arn.split_once(":assumed-role/")).map(|(_, rest)| rest);
    let session = of_arn.or(row.text("user"))?;
    session.split('/').next().map(str::to_owned).filter(|role| !role.is_empty())
}

/// The shortest available name of the caller.
fn caller(row: &Row) -> Option<String> {
    row.text("user").or(row.text("invoked_by")).or(row.text("user_arn")).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identities_and_answers_are_read_from_the_original() {
        let raw = r#"{"userIdentity":{"sessionContext":{"sourceIdentity":"mei"}},"responseElements":{"credentials":
            {"accessKeyId":"ASIAEXAMPLE00000001"},"assumedRoleUser":{"arn":"arn:aws:sts::111122223333:assumed-role/ops/mei"}}}"#;
        assert_eq!(source_identity(raw).as_deref(), Some("mei"));
        let (key, session) = answered(raw).unwrap();
        assert_eq!(key.as_deref(), Some("ASIAEXAMPLE00000001"));
        assert_eq!(session.as_deref(), Some("arn:aws:sts::111122223333:assumed-role/ops/mei"));
        assert!(source_identity("{}").is_none() && answered("[]").is_none() && answered("no JSON").is_none());
    }

    #[test]
    fn a_chain_in_words() {
        let roles = vec!["deploy".to_owned(), "sso-admin".to_owned()];
        let person = Person { name: "mei".to_owned(), roles, from: Some("203.0.113.7".to_owned()), at: None, record: None };
        assert_eq!(person.describe(), "mei through role deploy and role sso-admin from 203.0.113.7");
    }
}
