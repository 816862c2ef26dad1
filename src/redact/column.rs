//! Defines which columns of the store contain names, and which parts of their values are names.

use crate::percent;
use crate::table::Table;
use std::ops::Range;

/// The kinds of names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// An AWS account.
    Account,
    /// A person, role, session or access key.
    User,
    /// A machine.
    Host,
    /// An address.
    Ip,
    /// The resource of an ARN.
    Arn,
}

impl Kind {
    /// The word that its pseudonyms start with.
    pub const fn word(self) -> &'static str {
        match self {
            Kind::Account => "account",
            Kind::User => "user",
            Kind::Host => "host",
            Kind::Ip => "ip",
            Kind::Arn => "arn",
        }
    }
}

/// Columns with names. ARNs and addresses are recognized by their format in every column.
const COLUMNS: &[(&str, Kind)] = &[
    ("account", Kind::Account),
    ("user", Kind::User),
    ("actor", Kind::User),
    ("access_key", Kind::User),
    ("user_arn", Kind::User),
    // Only dstack jobs have host names in this column.
    ("instance", Kind::Host),
    ("source_ip", Kind::Ip),
    ("private_ip", Kind::Ip),
];

/// SQL that lists the names in the base tables, each statement with their kind.
pub fn statements() -> Vec<(Kind, String)> {
    let columns = Table::ALL.iter().flat_map(|table| {
        let known = |name: &str| COLUMNS.iter().find(|(column, _)| *column == name).map(|(_, kind)| *kind);
        let fields = table.fields().iter().filter(|field| field.name != "instance" || *table == Table::JobSubmissions);
        fields.filter_map(move |field| Some((known(field.name)?, table.name(), field.name)))
    });
    let statement = |(kind, table, column)| {
        (kind, format!("select distinct \"{column}\" as name from {table} where \"{column}\" is not null order by 1"))
    };
    // Calls about a user contain the name in their parameters, role sessions the person who assumed the role, and jobs the
    // user that they run as.
    let inside = [
        ("calls", "json_path(raw, '/requestParameters/userName')"),
        ("calls", "json_path(raw, '/requestParameters/sourceIdentity')"),
        ("calls", "json_path(raw, '/userIdentity/sessionContext/sourceIdentity')"),
        ("run_records", "json_path(raw, '/jobs/0/job_spec/user/username')"),
        ("run_records", "json_path(raw, '/run_spec/configuration/user')"),
    ];
    let inside = inside.map(|(table, name)| {
        (Kind::User, format!("select distinct {name} as name from {table} where {name} is not null order by 1"))
    });
    // AWS services name sessions after tasks and instances, whose ids are not names, and issue as many as there are launches: of
    // these, only the role is a name. The format of a key is recognized without the column.
    let by_others = "user_type is distinct from 'AWSService'";
    let issued = [
        ("issued_key", format!("case when {by_others} then issued_key end")),
        ("issued_session", format!("case when {by_others} then issued_session else split_part(issued_session, '/', 1) end")),
    ];
    let issued = issued.map(|(column, name)| {
        let rows = format!("calls where {column} is not null");
        (Kind::User, format!("select distinct {name} as name from {rows} order by 1"))
    });
    columns.map(statement).chain(inside).chain(issued).collect()
}

/// The names in a column value: `role/session` has two names, and the role and session of an ARN are names.
pub(super) fn parts(kind: Kind, value: &str) -> Vec<(Kind, String)> {
    let value = value.trim();
    // AWS services such as `events.amazonaws.com` are not redacted as callers.
    if value.ends_with(".amazonaws.com") || value == "AWS Internal" {
        return Vec::new();
    }
    let mut names = vec![value];
    if kind == Kind::User {
        let path = if value.starts_with("arn:") { value.splitn(6, ':').nth(5).unwrap_or_default() } else { value };
        let path =
            path.strip_prefix("assumed-role/").or(path.strip_prefix("user/")).or(path.strip_prefix("role/")).unwrap_or(path);
        names.push(path);
        names.extend(path.split('/'));
    }
    // A name of one or two letters would match in every text; in its own column it is replaced together with its
    // pair.
    names.retain(|name| name.chars().count() >= 2 && *name != "root");
    names.into_iter().map(|name| (kind, name.to_owned())).collect()
}

/// A name as it is, and as it is written in an address.
pub(super) fn spellings(name: &str) -> Vec<String> {
    let encoded = percent::encoded(name);
    let mut spellings = vec![name.to_owned()];
    if encoded != name {
        spellings.push(encoded.replace("%20", "+"));
        spellings.push(encoded);
    }
    spellings.dedup();
    spellings
}

/// Whether a range of a text is a separate word.
pub(super) fn is_whole_word(text: &str, range: Range<usize>) -> bool {
    let is_word = |letter: char| letter.is_alphanumeric() || letter == '_';
    let before = text.get(..range.start).and_then(|before| before.chars().next_back());
    let after = text.get(range.end..).and_then(|after| after.chars().next());
    // `%20ann`: the digits belong to the code.
    let is_encoded = text.get(..range.start).is_some_and(|before| {
        let mut last = before.bytes().rev();
        matches!((last.next(), last.next(), last.next()), (Some(low), Some(high), Some(b'%')) if low.is_ascii_hexdigit() && high.is_ascii_hexdigit())
    });
    (is_encoded || !before.is_some_and(is_word)) && !after.is_some_and(is_word)
}
