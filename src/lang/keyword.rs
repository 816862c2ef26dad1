//! The keywords of the language, in tables that the lexer, the parser, completion, `fields`, documentation and
//! suggestions share.
//!
//! Invariant: `grammar/ecs-audit.ebnf` uses exactly these words; a test compares both.

pub use super::function::{Args, FUNCTIONS, Function, FunctionKind, ResultType, find_function};

/// A word with a meaning in a query.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Keyword {
    /// The word, in lower case.
    pub word: &'static str,
    /// Where it is a keyword.
    pub role: KeywordRole,
    /// One line of explanation.
    pub doc: &'static str,
}

/// Where a keyword is a keyword.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeywordRole {
    /// It starts a clause. Reserved: as a name it needs backticks, as a value it needs quotes.
    Clause,
    /// It joins or continues a clause. Also reserved.
    Operator,
    /// It is a keyword only in one place, and a name or a value everywhere else.
    Contextual,
}

const fn clause(word: &'static str, doc: &'static str) -> Keyword {
    Keyword { word, role: KeywordRole::Clause, doc }
}

const fn operator(word: &'static str, doc: &'static str) -> Keyword {
    Keyword { word, role: KeywordRole::Operator, doc }
}

const fn contextual(word: &'static str, doc: &'static str) -> Keyword {
    Keyword { word, role: KeywordRole::Contextual, doc }
}

/// All keywords.
pub const KEYWORDS: &[Keyword] = &[
    clause("where", "keep only rows that match a condition"),
    clause("since", "start of the window; without `until`, there is no upper bound"),
    clause("until", "end of the window"),
    clause("between", "from one time to another"),
    clause("on", "one calendar day"),
    clause("around", "on both sides of a point in time"),
    clause("by", "one row per value of these keys"),
    clause("every", "one row per time step"),
    clause("show", "the columns of the result"),
    clause("sort", "the order of the rows; `-` before a column or `desc` after it for descending"),
    clause("top", "the groups with the largest first measure"),
    clause("bottom", "the groups with the smallest first measure"),
    clause("limit", "the maximum number of rows, or `all`"),
    clause("compare", "compare with another window, side by side"),
    clause("bursts", "merge rows that are at most this far apart"),
    clause("near", "rows that are close in time to a row of another noun"),
    clause("following", "rows that come after a row of another noun"),
    clause("preceding", "rows that come before a row of another noun"),
    operator("and", "both"),
    operator("or", "at least one of the conditions"),
    operator("not", "negates a condition"),
    operator("in", "in a list, or in a range such as `1..5`"),
    operator("like", "matches a pattern with `*` and `?`, ignoring case"),
    operator("contains", "contains a substring, ignoring case"),
    operator("matches", "matches a regular expression"),
    operator("is", "`is missing`, `is not missing`"),
    operator("as", "names a column"),
    operator("within", "the maximum distance in time"),
    operator("matching", "fields that must be equal on both sides"),
    operator("per", "`top 3 per cluster`: within each value"),
    operator("nofill", "`every 1h nofill`: omit empty steps"),
    contextual("missing", "the field has no value"),
    contextual("previous", "`compare previous`: the preceding window"),
    contextual("day", "`compare previous day`"),
    contextual("week", "`compare previous week`"),
    contextual("month", "`compare previous month`"),
    contextual("now", "the current time"),
    contextual("latest", "the newest event, or the time of `--as-of`"),
    contextual("today", "the calendar day of the newest event"),
    contextual("yesterday", "the calendar day before that"),
    contextual("monday", "the newest Monday, up to the day of the newest event"),
    contextual("tuesday", "the newest Tuesday"),
    contextual("wednesday", "the newest Wednesday"),
    contextual("thursday", "the newest Thursday"),
    contextual("friday", "the newest Friday"),
    contextual("saturday", "the newest Saturday"),
    contextual("sunday", "the newest Sunday"),
    contextual("this", "`this week`: the calendar week of the newest event; also `month`, `year`"),
    contextual("last", "`last week`: the calendar week before that; `last 7 days`: before the newest event"),
    contextual("ago", "`7 days ago` is `7d`"),
    contextual("asc", "`sort time asc`: ascending, which is the default"),
    contextual("desc", "`sort count desc`: descending, like `sort -count`"),
    contextual("all", "`show all`, `limit all`: every column, every row"),
    contextual("raw", "`raw.a.b[0]`: any field of the original record"),
];

/// Whether a word is reserved, ignoring case: see [`KeywordRole`].
pub fn is_reserved(word: &str) -> bool {
    KEYWORDS.iter().any(|keyword| keyword.role != KeywordRole::Contextual && keyword.word.eq_ignore_ascii_case(word))
}

/// Whether a word starts a clause, ignoring case.
pub fn is_clause(word: &str) -> bool {
    KEYWORDS.iter().any(|keyword| keyword.role == KeywordRole::Clause && keyword.word.eq_ignore_ascii_case(word))
}

/// The keywords that start a clause.
pub fn clause_words() -> impl Iterator<Item = &'static str> {
    KEYWORDS.iter().filter(|keyword| keyword.role == KeywordRole::Clause).map(|keyword| keyword.word)
}

/// A noun: what a query returns rows of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Noun {
    /// The word.
    pub word: &'static str,
    /// One line of explanation.
    pub doc: &'static str,
}

const fn noun(word: &'static str, doc: &'static str) -> Noun {
    Noun { word, doc }
}

/// All nouns: recorded, computed, and about the store.
pub const NOUNS: &[Noun] = &[
    noun("failures", "one row per failure"),
    noun("calls", "one row per API call in CloudTrail"),
    noun("events", "task, instance, service and deployment events"),
    noun("tasks", "one row per ECS task, in its last known state"),
    noun("containers", "one row per container of a task"),
    noun("attempts", "one row per RunTask or StartTask call"),
    noun("instances", "container instances and their agents over time"),
    noun("agent_updates", "updates of the ECS agent"),
    noun("agent_disconnects", "times when an agent was disconnected"),
    noun("deployments", "service deployments and their states"),
    noun("runs", "dstack runs, one row per job submission"),
    noun("flows", "VPC flow log records"),
    noun("launches", "intended launches: an attempt with its retries"),
    noun("collisions", "launches that failed because the agent was disconnected"),
    noun("quota", "usage against limits over time"),
    noun("schedules", "one row per expected start of a scheduled job"),
    noun("stalls", "tasks that waited for resources held by stopping tasks"),
    noun("incidents", "failures, lost launches, missed starts, stalls and collisions that belong together, counted once"),
    noun("patterns", "messages grouped by template"),
    noun("gaps", "hours without any record"),
    noun("quarantine", "input that could not be loaded, and why"),
    noun("loads", "loaded files, with their record counts"),
];

/// An operator or punctuation sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Operator {
    /// The sign.
    pub sign: &'static str,
    /// One line of explanation.
    pub doc: &'static str,
}

const fn sign(sign: &'static str, doc: &'static str) -> Operator {
    Operator { sign, doc }
}

/// All signs.
pub const OPERATORS: &[Operator] = &[
    sign("=", "equal (exact match)"),
    sign("!=", "not equal; keeps rows where the field is missing"),
    sign("<", "less"),
    sign("<=", "less than or equal"),
    sign(">", "greater"),
    sign(">=", "greater than or equal"),
    sign("..", "a range, both ends included"),
    sign("+", "sum"),
    sign("-", "difference; in `sort`, descending; before a number, negative"),
    sign("*", "product; after `show`, all columns"),
    sign("/", "quotient"),
    sign("(", "opens a group, a list or arguments"),
    sign(")", "closes a group, a list or arguments"),
    sign(",", "separates"),
    sign("|", "starts a stage that works on the rows of the previous one"),
    sign(".", "a step into the original record; the decimal point"),
    sign("[", "opens an index"),
    sign("]", "closes an index"),
    sign("`", "encloses a name"),
    sign("'", "encloses a string"),
    sign("\"", "encloses a string"),
    sign("@", "precedes the name of a saved query"),
    sign("_", "a letter in names"),
];

/// A unit of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Unit {
    /// Seconds.
    Second,
    /// Minutes.
    Minute,
    /// Hours.
    Hour,
    /// Days: 24 hours, or calendar days where the language defines it.
    Day,
    /// Weeks of seven days.
    Week,
    /// Calendar months.
    Month,
    /// Calendar years.
    Year,
}

impl Unit {
    /// The canonical spelling.
    pub fn word(self) -> &'static str {
        match self {
            Unit::Second => "s",
            Unit::Minute => "m",
            Unit::Hour => "h",
            Unit::Day => "d",
            Unit::Week => "w",
            Unit::Month => "mo",
            Unit::Year => "y",
        }
    }

    /// Its length in seconds; months and years do not have a fixed length.
    pub fn seconds(self) -> Option<i64> {
        match self {
            Unit::Second => Some(1),
            Unit::Minute => Some(60),
            Unit::Hour => Some(3_600),
            Unit::Day => Some(86_400),
            Unit::Week => Some(604_800),
            Unit::Month | Unit::Year => None,
        }
    }
}

/// The spellings of units. A single letter is in lower case: `M` is an error that names both alternatives.
pub const UNITS: &[(&str, Unit)] = &[
    ("s", Unit::Second),
    ("sec", Unit::Second),
    ("secs", Unit::Second),
    ("second", Unit::Second),
    ("seconds", Unit::Second),
    ("m", Unit::Minute),
    ("min", Unit::Minute),
    ("mins", Unit::Minute),
    ("minute", Unit::Minute),
    ("minutes", Unit::Minute),
    ("h", Unit::Hour),
    ("hr", Unit::Hour),
    ("hrs", Unit::Hour),
    ("hour", Unit::Hour),
    ("hours", Unit::Hour),
    ("d", Unit::Day),
    ("day", Unit::Day),
    ("days", Unit::Day),
    ("w", Unit::Week),
    ("week", Unit::Week),
    ("weeks", Unit::Week),
    ("mo", Unit::Month),
    ("month", Unit::Month),
    ("months", Unit::Month),
    ("y", Unit::Year),
    ("yr", Unit::Year),
    ("yrs", Unit::Year),
    ("year", Unit::Year),
    ("years", Unit::Year),
];

/// The unit with this spelling; only a single letter is case-sensitive.
pub fn find_unit(text: &str) -> Option<Unit> {
    let word = if text.len() > 1 { text.to_ascii_lowercase() } else { text.to_owned() };
    UNITS.iter().find(|(known, _)| *known == word).map(|(_, unit)| *unit)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_word_is_once_in_its_table() {
        let words: BTreeSet<_> = KEYWORDS.iter().map(|k| k.word).collect();
        assert_eq!(words.len(), KEYWORDS.len());
        let nouns: BTreeSet<_> = NOUNS.iter().map(|n| n.word).collect();
        assert_eq!(nouns.len(), NOUNS.len());
    }

    #[test]
    fn keywords_are_whole_words_in_any_case() {
        assert!(is_clause("By") && is_clause("SINCE") && is_reserved("Or"));
        for word in ["sorted", "topped", "bye", "in_x", "missing", "and2", ""] {
            assert!(!is_reserved(word), "{word}");
        }
    }
}
