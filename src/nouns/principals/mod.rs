//! The person or workload behind the caller of a call.
//!
//! CloudTrail names a role session as the caller. Who is behind it follows from the `AssumeRole` calls that issued the
//! session ([`trace()`]), from its source identity, or from its name, where IAM Identity Center chose it.

pub mod function;
mod identity;
#[cfg(test)]
mod tests;
mod trace;

pub use identity::{Assumption, Identity, LONGEST_DURATION, PrincipalKind, Session};
pub use trace::{Assumptions, Basis, Confidence, Issued, LONGEST, Link, Open, Trace, Unknown, trace};

/// The condition for calls that issue role sessions.
pub const ISSUES_SESSIONS: &str =
    "event_name in ('AssumeRole', 'AssumeRoleWithSAML', 'AssumeRoleWithWebIdentity', 'AssumeRoot') and error_code is null";

/// SQL for the session of a call `c`: its access key, or the call itself if it has none, with the role and the session name;
/// missing unless the caller is a role session. The key alone is not enough: exports with replaced keys have one for all.
pub(super) const SESSION: &str = "case when c.user_type = 'AssumedRole' or c.user_arn like 'arn:%:assumed-role/_%' \
     then arrow_cast(concat(coalesce(c.access_key, c.id), ' ', coalesce(c.user_arn, concat(c.account, ' ', c.\"user\"))), \
       'Utf8View') end";

/// SQL for the person behind each session: `session`, `person` and `confidence`.
pub(super) fn sessions() -> String {
    let missing = "arrow_cast(null, 'Utf8View')";
    let first = "arrow_cast('', 'Utf8View') as part";
    let id = "arrow_cast(c.id, 'Utf8View') as id, cast(c.\"time\" as bigint) as \"time\"";
    let issuing = format!(
        "select {first}, {id}, arrow_cast(c.raw, 'Utf8View') as raw, {missing} as identity, {missing} as session \
         from calls c where {ISSUES_SESSIONS} and c.\"time\" is not null"
    );
    // All calls of a session have the same identity.
    let traced = format!(
        "select {first}, min(s.id) as id, min(s.\"time\") as \"time\", {missing} as raw, \
         min(json_path(s.raw, '/userIdentity')) as identity, s.session from (\
           select {id}, c.raw, {SESSION} as session from calls c where c.\"time\" is not null) s \
         where s.session is not null group by s.session"
    );
    let arguments: Vec<String> = function::ARGUMENTS.iter().map(|name| format!("u.\"{name}\"")).collect();
    format!(
        "select t.session, get_field(t.found, 'person') as person, get_field(t.found, 'confidence') as confidence from (\
           select u.session, trace_principals({}) over (partition by u.part order by u.\"time\", u.id) as found \
           from ({issuing} union all {traced}) u) t where t.session is not null",
        arguments.join(", ")
    )
}
