//! The words of the language, each in one table: what the lexer, the parser, completion, `fields`,
//! documentation and suggestions know comes from here.
//!
//! Invariant: `grammar/ecs-audit.ebnf` quotes exactly these words; a test compares both ways.

pub use super::function::{Args, FUNCTIONS, Function, FunctionKind, ResultType, find_function};

/// A word with a meaning in a query.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Keyword {
    /// The word, in lower case.
    pub word: &'static str,
    /// Where it means something.
    pub role: KeywordRole,
    /// One line of explanation.
    pub doc: &'static str,
}

/// Where a keyword means something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeywordRole {
    /// It starts a clause. Reserved: as a name it needs back-ticks, as a value quotes.
    Clause,
    /// It joins or continues. Reserved as well.
    Operator,
    /// It means something in one place only, and is a name or a value everywhere else.
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
    clause("where", "keep rows for which a condition holds"),
    clause("since", "from a point in time on; without `until` there is no upper bound"),
    clause("until", "before a point in time"),
    clause("between", "from one point in time to another"),
    clause("on", "one calendar day"),
    clause("around", "either side of a point in time"),
    clause("by", "one row for each value of these keys"),
    clause("every", "one row for each step in time"),
    clause("show", "the columns to show"),
    clause("sort", "the order of rows; `-` in front for greatest first"),
    clause("top", "the groups with the greatest first measure"),
    clause("bottom", "the groups with the least first measure"),
    clause("limit", "at most so many rows"),
    clause("compare", "the same question for another window, side by side"),
    clause("bursts", "fold rows at most so far apart into one"),
    clause("near", "rows with another noun's row close in time"),
    clause("following", "rows that come after another noun's row"),
    clause("preceding", "rows that come before another noun's row"),
    operator("and", "both"),
    operator("or", "one of them"),
    operator("not", "the opposite"),
    operator("in", "one of a list, or in a range such as `1..5`"),
    operator("like", "a pattern with `*` and `?`, in any case"),
    operator("contains", "a part of the text, in any case"),
    operator("matches", "a regular expression"),
    operator("is", "`is missing`, `is not missing`"),
    operator("as", "gives a column a name"),
    operator("within", "the greatest distance in time"),
    operator("matching", "fields that must be equal on both sides"),
    operator("per", "`top 3 per cluster`: inside each value"),
    operator("nofill", "`every 1h nofill`: leave empty buckets out"),
    contextual("missing", "the field has no value"),
    contextual("previous", "`compare previous`: the window before"),
    contextual("day", "`compare previous day`"),
    contextual("week", "`compare previous week`"),
    contextual("month", "`compare previous month`"),
    contextual("now", "the clock"),
    contextual("latest", "the newest event, or the time of `--as-of`"),
    contextual("today", "the calendar day of the newest event"),
    contextual("yesterday", "the calendar day before it"),
    contextual("raw", "`raw.a.b[0]`: any field of the original record"),
];

/// Whether a word, in any case, is reserved: see [`KeywordRole`].
pub fn is_reserved(word: &str) -> bool {
    KEYWORDS.iter().any(|keyword| keyword.role != KeywordRole::Contextual && keyword.word.eq_ignore_ascii_case(word))
}

/// Whether a word, in any case, starts a clause.
pub fn is_clause(word: &str) -> bool {
    KEYWORDS.iter().any(|keyword| keyword.role == KeywordRole::Clause && keyword.word.eq_ignore_ascii_case(word))
}

/// The words that start a clause.
pub fn clause_words() -> impl Iterator<Item = &'static str> {
    KEYWORDS.iter().filter(|keyword| keyword.role == KeywordRole::Clause).map(|keyword| keyword.word)
}

/// Something that can be asked about.
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

/// All nouns: what was recorded, what is worked out from it, what the store knows of itself.
pub const NOUNS: &[Noun] = &[
    noun("failures", "one row for each thing that went wrong"),
    noun("calls", "one row for each API call in CloudTrail"),
    noun("events", "task, instance, service and deployment events"),
    noun("tasks", "one row for each ECS task, in its last known state"),
    noun("containers", "one row for each container of a task"),
    noun("attempts", "one row for each RunTask or StartTask call"),
    noun("instances", "container instances and their agents over time"),
    noun("agent_updates", "updates of the ECS agent"),
    noun("agent_disconnects", "times at which an agent was not connected"),
    noun("deployments", "service deployments and their states"),
    noun("runs", "dstack runs, one row for each job submission"),
    noun("flows", "VPC flow log records"),
    noun("launches", "attempts folded into what was meant to run"),
    noun("collisions", "launches that failed while the agent was busy"),
    noun("quota", "use against limit, replayed"),
    noun("schedules", "one row for each expected start of a scheduled job"),
    noun("stalls", "tasks that waited for resources of stopping tasks"),
    noun("patterns", "messages grouped by template"),
    noun("gaps", "hours for which there is no file"),
    noun("quarantine", "what could not be loaded, and why"),
    noun("loads", "files loaded, with their counts"),
];

/// A sign with a meaning.
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
    sign("=", "equal, exactly"),
    sign("!=", "not equal; keeps rows where the field is missing"),
    sign("<", "less"),
    sign("<=", "less or equal"),
    sign(">", "greater"),
    sign(">=", "greater or equal"),
    sign("..", "a range, both ends included"),
    sign("+", "sum"),
    sign("-", "difference; in `sort`, greatest first; in a number, negative"),
    sign("*", "product"),
    sign("/", "quotient"),
    sign("(", "opens a group, a list or arguments"),
    sign(")", "closes them"),
    sign(",", "separates"),
    sign("|", "starts a stage over the rows of the one before"),
    sign(".", "one step into the original record; decimal point"),
    sign("[", "opens an index"),
    sign("]", "closes it"),
    sign("`", "around a name"),
    sign("'", "around a text"),
    sign("\"", "around a text"),
    sign("@", "before the name of a saved query"),
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
    /// Days: 24 hours, or of the calendar where the language says so.
    Day,
    /// Weeks of seven days.
    Week,
    /// Calendar months.
    Month,
    /// Calendar years.
    Year,
}

impl Unit {
    /// The canonical word.
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

    /// Its length in seconds; months and years have none of their own.
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

/// The spellings of units, lower case only: `M` is an error that names both.
pub const UNITS: &[(&str, Unit)] = &[
    ("s", Unit::Second),
    ("m", Unit::Minute),
    ("min", Unit::Minute),
    ("h", Unit::Hour),
    ("d", Unit::Day),
    ("w", Unit::Week),
    ("mo", Unit::Month),
    ("y", Unit::Year),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_word_stands_once_in_its_table() {
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
