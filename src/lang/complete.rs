//! Completion: what can follow at a position in an unfinished query.
//!
//! In: a text, a position, and the [`Catalog`]. Out: candidates, each with a line of explanation. Candidates come
//! from the same tables that the lexer and the parser use, so they cannot diverge. Invariant: no text and no position
//! causes a panic.

use super::ast::CalendarUnit;
use super::catalog::{Catalog, FieldInfo, FieldType, NounStatus};
use super::format::literal;
use super::function::{FUNCTIONS, FunctionKind};
use super::keyword::{KEYWORDS, KeywordRole, NOUNS, OPERATORS, UNITS};
use super::token::{TokenKind, is_word_char, tokenize};

/// The maximum number of column values to offer.
const VALUES: usize = 50;

/// A candidate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// The text to insert.
    pub text: String,
    /// One line of explanation; may be empty.
    pub doc: String,
}

/// The candidates, and the start of the word that they replace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Completion {
    /// The first byte of the word.
    pub start: usize,
    /// The candidates in table order; values by frequency.
    pub candidates: Vec<Candidate>,
}

/// The candidates at byte `at` of a text.
pub fn complete(text: &str, at: usize, catalog: &dyn Catalog) -> Completion {
    let before = text.get(..at).unwrap_or(text);
    let start = word_start(before);
    let (head, word) = before.split_at(start);
    let (tokens, _) = tokenize(head);
    let mut kinds: Vec<TokenKind> = tokens.into_iter().map(|token| token.kind).collect();
    if kinds.last() == Some(&TokenKind::Word("-".to_owned())) {
        kinds.pop();
    }
    let prefix = word.trim_start_matches(['\'', '"', '`']).to_lowercase();
    let quoted = word.len() > prefix.len();
    let mut candidates = Offer { catalog, candidates: Vec::new() };
    candidates.at(&kinds);
    let mut candidates = candidates.candidates;
    // A value that needs quotes can be completed without typing them.
    candidates.retain(|candidate| {
        let bare = candidate.text.trim_start_matches(['\'', '"', '`']).to_lowercase();
        bare.starts_with(&prefix)
            && (!quoted || candidate.text.len() > bare.len() || candidate.doc.ends_with(" rows") || candidate.doc == "1 row")
    });
    Completion { start, candidates }
}

/// The start of the word before the position: an open quote, or the first of its characters.
fn word_start(before: &str) -> usize {
    let mut quote = None;
    for (index, c) in before.char_indices() {
        match quote {
            None if matches!(c, '\'' | '"' | '`') => quote = Some((c, index)),
            Some((open, _)) if open == c => quote = None,
            _ => {}
        }
    }
    if let Some((_, index)) = quote {
        return index;
    }
    let word: usize = before.chars().rev().take_while(|c| is_word_char(*c)).map(char::len_utf8).sum();
    let start = before.len() - word;
    // The sign of a descending sort key is not part of the name.
    let sign = before.get(start..).is_some_and(|word| word.starts_with('-'));
    start + usize::from(sign)
}

struct Offer<'c> {
    catalog: &'c dyn Catalog,
    candidates: Vec<Candidate>,
}

/// The clause at a position, and its tokens before the position.
struct Clause<'t> {
    word: String,
    rest: &'t [TokenKind],
}

fn word(kind: &TokenKind) -> Option<String> {
    match kind {
        TokenKind::Word(word) => Some(word.to_lowercase()),
        _ => None,
    }
}

fn is(kind: Option<&TokenKind>, words: &[&str]) -> bool {
    kind.and_then(word).is_some_and(|word| words.contains(&word.as_str()))
}

impl Offer<'_> {
    fn add(&mut self, text: impl Into<String>, doc: impl Into<String>) {
        self.candidates.push(Candidate { text: text.into(), doc: doc.into() });
    }

    /// The candidates after these tokens.
    fn at(&mut self, tokens: &[TokenKind]) {
        let Some(source) = tokens.first().and_then(word) else {
            self.nouns();
            for name in self.catalog.saved_names() {
                self.add(format!("@{name}"), "saved query");
            }
            return;
        };
        let mut noun = self.noun_of(&source);
        let stage = tokens.iter().rposition(|token| *token == TokenKind::Pipe).map_or(1, |pipe| pipe + 1);
        let mut stage = tokens.get(stage..).unwrap_or_default();
        // Inside `(noun where …)`, the fields are those of that noun.
        if let Some((inner, after)) = open_target(stage) {
            noun = inner;
            stage = after;
        }
        match clause(stage) {
            None => self.clauses(stage),
            Some(clause) => self.inside(&clause, stage, &noun),
        }
    }

    /// The noun of a source, including the source of a saved query.
    fn noun_of(&self, source: &str) -> String {
        let mut source = source.to_owned();
        for _ in 0..8 {
            let Some(text) = source.strip_prefix('@').and_then(|name| self.catalog.saved(name)) else { break };
            source = text.split_whitespace().next().unwrap_or_default().to_lowercase();
        }
        source
    }

    fn nouns(&mut self) {
        for noun in NOUNS {
            if self.catalog.status(noun.word) == NounStatus::Ready {
                self.add(noun.word, noun.doc);
            }
        }
    }

    /// The clauses that the stage does not have yet.
    fn clauses(&mut self, stage: &[TokenKind]) {
        const REPEATED: &[&str] = &["where", "near", "following", "preceding"];
        for keyword in KEYWORDS.iter().filter(|keyword| keyword.role == KeywordRole::Clause) {
            let there = stage.iter().any(|token| word(token).is_some_and(|word| word == keyword.word));
            if !there || REPEATED.contains(&keyword.word) {
                self.add(keyword.word, keyword.doc);
            }
        }
        if !stage.is_empty() {
            self.sign("|");
        }
    }

    fn keyword(&mut self, word: &str) {
        if let Some(keyword) = KEYWORDS.iter().find(|keyword| keyword.word == word) {
            self.add(keyword.word, keyword.doc);
        }
    }

    fn keywords(&mut self, words: &[&str]) {
        words.iter().for_each(|word| self.keyword(word));
    }

    fn sign(&mut self, sign: &str) {
        if let Some(operator) = OPERATORS.iter().find(|operator| operator.sign == sign) {
            self.add(operator.sign, operator.doc);
        }
    }

    fn fields(&mut self, noun: &str) {
        let fields: Vec<FieldInfo> = self.catalog.fields(noun).to_vec();
        for field in fields {
            self.add(name(field.name), format!("{}: {}", field.kind.word(), field.doc));
        }
        self.add("raw.", "any field of the original record");
    }

    fn measures(&mut self, noun: &str) {
        let measures: Vec<_> = self.catalog.measures(noun).to_vec();
        for measure in measures {
            self.add(measure.name, measure.doc);
        }
        for function in
            FUNCTIONS.iter().filter(|function| !matches!(function.kind, FunctionKind::Scalar(_) | FunctionKind::Field))
        {
            let text = match (function.name, function.kind) {
                (name @ ("count" | "share"), _) => name.to_owned(),
                (_, FunctionKind::Percentile) => "p95(".to_owned(),
                (name, _) => format!("{name}("),
            };
            self.add(text, function.doc);
        }
    }

    fn scalars(&mut self) {
        for function in FUNCTIONS.iter().filter(|function| matches!(function.kind, FunctionKind::Scalar(_))) {
            self.add(format!("{}(", function.name), function.doc);
        }
    }

    fn instants(&mut self) {
        self.keywords(&["now", "latest", "today", "yesterday"]);
        for unit in CalendarUnit::ALL {
            self.add(format!("this {}", unit.word()), format!("the calendar {} of the newest event", unit.word()));
            self.add(format!("last {}", unit.word()), format!("the calendar {} before that", unit.word()));
        }
        self.keywords(&["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]);
        for (text, doc) in
            [("1h", "the last hour"), ("1d", "the last 24 hours"), ("7d", "the last seven days"), ("30d", "the last thirty days")]
        {
            self.add(text, doc);
        }
    }

    fn durations(&mut self) {
        for (unit, _) in UNITS.iter().filter(|(word, _)| matches!(*word, "m" | "h" | "d")) {
            for number in [1, 5, 10] {
                self.add(format!("{number}{unit}"), "");
            }
        }
    }

    fn values(&mut self, noun: &str, field: &str) {
        let Some(kind) = self.catalog.fields(noun).iter().find(|known| known.name == field).map(|known| known.kind) else {
            return;
        };
        match kind {
            FieldType::Text => {
                for (value, rows) in self.catalog.values(noun, field).into_iter().take(VALUES) {
                    self.add(literal(&value), if rows == 1 { "1 row".to_owned() } else { format!("{rows} rows") });
                }
            }
            FieldType::Bool => {
                self.add("true", "");
                self.add("false", "");
            }
            FieldType::Time => self.instants(),
            FieldType::Duration => self.durations(),
            FieldType::Int | FieldType::Float => {}
        }
    }

    fn inside(&mut self, clause: &Clause<'_>, stage: &[TokenKind], noun: &str) {
        let last = clause.rest.last();
        let begins = last.is_none() || last == Some(&TokenKind::Comma);
        match clause.word.as_str() {
            "where" => self.condition(clause.rest, stage, noun),
            "by" | "matching" | "per" if begins => {
                self.fields(noun);
                if clause.word == "by" {
                    self.scalars();
                }
            }
            "show" if begins => {
                if last.is_none() {
                    self.add("*", "all columns");
                }
                self.measures(noun);
                self.fields(noun);
                self.scalars();
            }
            "sort" if begins => {
                self.measures(noun);
                self.fields(noun);
            }
            "sort" if !is(last, &["asc", "desc"]) => {
                self.keywords(&["desc", "asc"]);
                self.clauses(stage);
            }
            _ if last == Some(&TokenKind::Open) => self.fields(noun),
            "by" | "show" => {
                self.keyword("as");
                self.clauses(stage);
            }
            "since" | "until" | "on" if begins => self.instants(),
            "around" if begins => self.instants(),
            "around" if clause.rest.len() == 1 => {
                self.keyword("within");
                self.clauses(stage);
            }
            "between" if begins || is(last, &["and"]) => self.instants(),
            "between" if clause.rest.len() == 1 => self.keyword("and"),
            "every" | "bursts" | "within" if begins => self.durations(),
            "every" if clause.rest.len() == 1 => {
                self.keyword("nofill");
                self.clauses(stage);
            }
            "compare" if begins => self.keywords(&["previous", "between"]),
            "compare" if is(last, &["previous"]) => {
                self.keywords(&["day", "week", "month"]);
                self.clauses(stage);
            }
            "near" | "following" | "preceding" if begins => {
                self.nouns();
                self.sign("(");
            }
            "near" | "following" | "preceding" => self.keyword("within"),
            "within" if stage.iter().any(|token| is(Some(token), &["near", "following", "preceding"])) => {
                self.keyword("matching");
                self.clauses(stage);
            }
            "limit" if begins => {
                self.add("10", "");
                self.add("all", "every row");
            }
            "top" | "bottom" if begins => self.add("10", ""),
            "top" | "bottom" if clause.rest.len() == 1 => {
                self.keyword("per");
                self.clauses(stage);
            }
            _ => self.clauses(stage),
        }
    }

    /// Inside `where`.
    fn condition(&mut self, rest: &[TokenKind], stage: &[TokenKind], noun: &str) {
        let last = rest.last();
        let before = rest.len().checked_sub(2).and_then(|index| rest.get(index));
        match last {
            Some(TokenKind::Compare(_)) => return self.values(noun, &field_before(rest)),
            Some(TokenKind::Open | TokenKind::Comma) if in_list(rest) => return self.values(noun, &field_before(rest)),
            _ => {}
        }
        if is(last, &["like", "contains"]) {
            return self.values(noun, &field_before(rest));
        }
        if is(last, &["in"]) {
            return self.sign("(");
        }
        if is(last, &["is"]) {
            return self.keywords(&["missing", "not"]);
        }
        if is(last, &["not"]) && is(before, &["is"]) {
            return self.keyword("missing");
        }
        let begins = last.is_none() || is(last, &["and", "or", "not"]) || last == Some(&TokenKind::Open);
        if begins {
            self.fields(noun);
            self.scalars();
            self.keyword("not");
            return;
        }
        let field = matches!(last, Some(TokenKind::Word(_) | TokenKind::Name(_)))
            && (before.is_none() || is(before, &["and", "or", "not"]) || before == Some(&TokenKind::Open) && !in_list(rest));
        if field {
            for sign in ["=", "!=", "<", "<=", ">", ">="] {
                self.sign(sign);
            }
            self.keywords(&["in", "not", "like", "contains", "matches", "is"]);
        }
        self.keywords(&["and", "or"]);
        if !in_list(rest) {
            self.clauses(stage);
        }
    }
}

/// A name as written in a query.
fn name(field: &str) -> String {
    if super::keyword::is_reserved(field) { format!("`{field}`") } else { field.to_owned() }
}

/// The clause at the end of a stage.
fn clause(stage: &[TokenKind]) -> Option<Clause<'_>> {
    const INNER: &[&str] = &["within", "matching", "per"];
    let begins = |index: usize| {
        let word = word(stage.get(index)?)?;
        let joined = index > 0 && is(stage.get(index - 1), &["compare"]);
        let starts = super::keyword::is_clause(&word) || INNER.contains(&word.as_str());
        (starts && !joined).then_some(word)
    };
    (0..stage.len()).rev().find_map(|index| {
        let word = begins(index)?;
        Some(Clause { word, rest: stage.get(index + 1..).unwrap_or_default() })
    })
}

/// The noun of an unclosed target `(noun where …`, and the tokens after it.
fn open_target(stage: &[TokenKind]) -> Option<(String, &[TokenKind])> {
    let mut open = Vec::new();
    for (index, token) in stage.iter().enumerate() {
        match token {
            TokenKind::Open => open.push(index),
            TokenKind::Close => {
                open.pop();
            }
            _ => {}
        }
    }
    let first = *open.first()?;
    let relation = first > 0 && is(stage.get(first - 1), &["near", "following", "preceding"]);
    let noun = relation.then(|| stage.get(first + 1).and_then(word)).flatten()?;
    Some((noun, stage.get(first + 2..).unwrap_or_default()))
}

/// Whether the end is inside the parentheses of `in (…`.
fn in_list(rest: &[TokenKind]) -> bool {
    let open = rest.iter().rposition(|token| matches!(token, TokenKind::Open | TokenKind::Close));
    open.is_some_and(|open| {
        rest.get(open) == Some(&TokenKind::Open) && open.checked_sub(1).is_some_and(|index| is(rest.get(index), &["in"]))
    })
}

/// The field to which the last operator applies.
fn field_before(rest: &[TokenKind]) -> String {
    let operator =
        |token: &TokenKind| matches!(token, TokenKind::Compare(_)) || is(Some(token), &["in", "like", "contains", "matches"]);
    let Some(mut index) = rest.iter().rposition(operator) else { return String::new() };
    if index > 0 && is(rest.get(index - 1), &["not"]) {
        index -= 1;
    }
    match index.checked_sub(1).and_then(|index| rest.get(index)) {
        Some(TokenKind::Word(word)) => word.to_lowercase(),
        Some(TokenKind::Name(name)) => name.to_lowercase(),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lang::catalog::MeasureInfo;

    struct Fixture;

    impl Catalog for Fixture {
        fn status(&self, noun: &str) -> NounStatus {
            if noun == "flows" { NounStatus::Later("later") } else { NounStatus::Ready }
        }
        fn fields(&self, noun: &str) -> &[FieldInfo] {
            const FAILURES: &[FieldInfo] = &[
                FieldInfo { name: "reason", kind: FieldType::Text, doc: "why" },
                FieldInfo { name: "region", kind: FieldType::Text, doc: "" },
                FieldInfo { name: "ran", kind: FieldType::Bool, doc: "" },
                FieldInfo { name: "time", kind: FieldType::Time, doc: "" },
            ];
            const CALLS: &[FieldInfo] = &[FieldInfo { name: "user", kind: FieldType::Text, doc: "" }];
            if noun == "calls" { CALLS } else { FAILURES }
        }
        fn measures(&self, _noun: &str) -> &[MeasureInfo] {
            const MEASURES: &[MeasureInfo] = &[MeasureInfo { name: "missing", kind: FieldType::Int, doc: "" }];
            MEASURES
        }
        fn values(&self, _noun: &str, field: &str) -> Vec<(String, u64)> {
            let values: &[(&str, u64)] = if field == "reason" { &[("AGENT", 20), ("no room", 3)] } else { &[] };
            values.iter().map(|(value, rows)| ((*value).to_owned(), *rows)).collect()
        }
        fn saved(&self, name: &str) -> Option<String> {
            (name == "who").then(|| "calls by user".to_owned())
        }
        fn saved_names(&self) -> Vec<String> {
            vec!["who".to_owned()]
        }
    }

    fn texts(query: &str) -> Vec<String> {
        let completion = complete(query, query.len(), &Fixture);
        completion.candidates.into_iter().map(|candidate| candidate.text).collect()
    }

    #[test]
    fn sources_clauses_fields_and_values() {
        for (query, expected) in [
            ("fa", &["failures"][..]),
            ("fl", &[]),
            ("@", &["@who"]),
            ("failures wh", &["where"]),
            ("failures where rea", &["reason"]),
            ("failures WHERE Re", &["reason", "region"]),
            ("failures where reason = A", &["AGENT"]),
            ("failures where reason = 'no", &["'no room'"]),
            ("failures where reason = no", &["'no room'"]),
            ("failures where reason in (AGENT, n", &["'no room'"]),
            ("failures where ran = ", &["true", "false"]),
            ("failures where reason is ", &["missing", "not"]),
            ("failures where reason is not ", &["missing"]),
            ("failures where reason = AGENT b", &["between", "by", "bottom", "bursts"]),
            ("failures where reason l", &["like", "limit"]),
            ("failures by reason, reg", &["region"]),
            ("failures by we", &["weekday(", "week("]),
            ("failures by reason show mis", &["missing"]),
            ("failures sort -rea", &["reason"]),
            ("failures since to", &["today"]),
            ("failures since la", &["latest", "last week", "last month", "last year"]),
            ("failures on mo", &["monday"]),
            ("failures limit ", &["10", "all"]),
            ("failures sort time d", &["desc"]),
            ("failures show *", &["*"]),
            ("failures compare ", &["previous", "between"]),
            ("failures compare previous w", &["week", "where"]),
            ("failures near ca", &["calls"]),
            ("failures near calls w", &["within"]),
            ("failures near (calls where ", &["user", "raw."]),
            ("failures near calls within 5m mat", &["matching"]),
            ("@who where u", &["user", "upper("]),
            ("failures by reason | whe", &["where"]),
        ] {
            let mut found = texts(query);
            if query.ends_with("where ") {
                found.truncate(2);
            }
            let mut expected: Vec<&str> = expected.to_vec();
            let mut found: Vec<&str> = found.iter().map(String::as_str).collect();
            expected.sort_unstable();
            found.sort_unstable();
            assert_eq!(found, expected, "{query}");
        }
    }

    #[test]
    fn a_clause_is_offered_once() {
        assert!(!texts("failures since 7d ").contains(&"since".to_owned()));
        assert!(texts("failures since 7d where ran ").contains(&"where".to_owned()));
        assert!(texts("failures since 7d | ").contains(&"since".to_owned()));
    }

    #[test]
    fn what_is_offered_replaces_the_word_alone() {
        assert_eq!(complete("failures where rea", 18, &Fixture).start, 15);
        assert_eq!(complete("failures sort -rea", 18, &Fixture).start, 15);
        assert_eq!(complete("failures where reason = 'no r", 29, &Fixture).start, 24);
    }

    #[test]
    fn no_text_does_harm() {
        for text in ["", "'", "é", "failures where (", "| | (", "by by by", "@", "failures near (", "`", "失敗 where 失"] {
            for at in 0..text.len() + 2 {
                complete(text, at, &Fixture);
            }
        }
    }
}
