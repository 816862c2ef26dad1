//! Clauses of other languages: `group by`, `order by`, `head 5`, `in the last 7 days`.

use super::super::keyword::{self, find_unit};
use super::super::suggest;
use super::super::time::{is_date, weekday};
use super::order;
use super::pieces::Piece;

/// Phrases with their replacements; a phrase comes before those that begin it.
const PHRASES: &[(&[&str], &[&str])] = &[
    (&["broken", "down", "by"], &["by"]),
    (&["grouped", "by"], &["by"]),
    (&["grouping", "by"], &["by"]),
    (&["group", "by"], &["by"]),
    (&["groupby"], &["by"]),
    (&["split", "by"], &["by"]),
    (&["group_by"], &["by"]),
    (&["by:"], &["by"]),
    (&["order", "by"], &["sort"]),
    (&["order_by"], &["sort"]),
    (&["ordered", "by"], &["sort"]),
    (&["orderby"], &["sort"]),
    (&["sorted", "by"], &["sort"]),
    (&["descending"], &["desc"]),
    (&["ascending"], &["asc"]),
    (&["order"], &["sort"]),
    (&["group"], &["by"]),
    (&["hour", "of", "day"], &["hour(time)"]),
    (&["hour", "of", "the", "day"], &["hour(time)"]),
    (&["day", "of", "week"], &["weekday(time)"]),
    (&["day", "of", "the", "week"], &["weekday(time)"]),
    (&["each"], &["every"]),
    (&["count", "(", "distinct"], &["distinct", "("]),
    (&["show", "distinct"], &["by"]),
    (&["show", "unique"], &["by"]),
    (&["distinct"], &["by"]),
    (&["unique"], &["by"]),
    (&["containing"], &["where", "message", "contains"]),
    (&["mentioning"], &["where", "message", "contains"]),
    (&["about"], &["where", "message", "contains"]),
    (&["matching"], &["where", "message", "contains"]),
    (&["|", "grep"], &["where", "message", "contains"]),
    (&["having"], &["|", "where"]),
    (&["|", "filter"], &["|", "where"]),
    (&["filter"], &["where"]),
    (&["whose"], &["where"]),
    (&["|", "stats", "count", "(", "*", ")", "by"], &["by"]),
    (&["|", "stats", "count", "(", ")", "by"], &["by"]),
    (&["|", "stats", "count", "by"], &["by"]),
    (&["|", "summarize", "count", "(", ")", "by"], &["by"]),
    (&["|", "summarize", "count", "by"], &["by"]),
    (&["|", "count", "(", ")", "by"], &["by"]),
    (&["|", "count", "by"], &["by"]),
    (&["|", "wc", "-l"], &["show", "count"]),
    (&["count", "(", "*", ")"], &["count"]),
    (&["count", "(", ")"], &["count"]),
    (&["stats"], &["show"]),
    (&["summarize"], &["show"]),
    (&["project"], &["show"]),
    (&["fields"], &["show"]),
    (&["select"], &["show"]),
    (&["no", "limit"], &["limit", "all"]),
    (&["limit", "none"], &["limit", "all"]),
    (&["limit", "unlimited"], &["limit", "all"]),
    (&["limit", "0"], &["limit", "all"]),
    (&["limit", "-1"], &["limit", "all"]),
    (&["limit", "*"], &["limit", "all"]),
    (&["limit", "="], &["limit"]),
    (&["limit", ":"], &["limit"]),
    (&["limit:"], &["limit"]),
    (&["head"], &["limit"]),
    (&["take"], &["limit"]),
    (&["last", "night"], &["yesterday"]),
    (&["half", "an", "hour"], &["30m"]),
    (&["an", "hour"], &["1h"]),
    (&["one", "hour"], &["1h"]),
    (&["a", "day"], &["1d"]),
    (&["one", "day"], &["1d"]),
    (&["a", "week"], &["1w"]),
    (&["one", "week"], &["1w"]),
    (&["over", "time"], &["every", "1d"]),
    (&["at"], &["around"]),
    (&["compare", "to", "last"], &["compare", "previous"]),
    (&["compare", "last"], &["compare", "previous"]),
    (&["compare", "to"], &["compare"]),
    (&["compared", "to", "last"], &["compare", "previous"]),
    (&["compared", "to"], &["compare"]),
    (&["vs", "last"], &["compare", "previous"]),
    (&["vs"], &["compare"]),
    (&["versus", "last"], &["compare", "previous"]),
    (&["versus"], &["compare"]),
    (&["this", "morning"], &["today"]),
    (&["tonight"], &["today"]),
    (&["in", "the", "last"], &["since", "last"]),
    (&["over", "the", "last"], &["since", "last"]),
    (&["for", "the", "last"], &["since", "last"]),
    (&["from", "the", "last"], &["since", "last"]),
    (&["during", "the", "last"], &["since", "last"]),
    (&["within", "the", "last"], &["since", "last"]),
    (&["since", "the", "last"], &["since", "last"]),
    (&["in", "last"], &["since", "last"]),
    (&["within", "last"], &["since", "last"]),
    (&["earlier", "than"], &["until"]),
    (&["later", "than"], &["since"]),
    (&["newer", "than"], &["since"]),
    (&["older", "than"], &["until"]),
    (&["before"], &["until"]),
    (&["after"], &["since"]),
    (&["from"], &["since"]),
    (&["to"], &["until"]),
    (&["hourly"], &["every", "1h"]),
    (&["daily"], &["every", "1d"]),
    (&["weekly"], &["every", "1w"]),
    (&["monthly"], &["every", "1mo"]),
    (&["per", "hour"], &["every", "1h"]),
    (&["per", "day"], &["every", "1d"]),
    (&["per", "week"], &["every", "1w"]),
    (&["per", "month"], &["every", "1mo"]),
    (&[";"], &[]),
];

/// Words that a time follows.
const BEFORE_TIME: &[&str] = &["since", "until", "on", "around", "between", "and", "as"];

/// Replaces phrases, and completes times without `since` or `on`.
pub(super) fn reword(pieces: &mut Vec<Piece>) {
    for piece in pieces.iter_mut().filter(|piece| piece.is("past")) {
        *piece = Piece::word("last");
    }
    complete_between(pieces);
    numbered_rows(pieces);
    without_condition(pieces);
    with_condition(pieces);
    let mut index = 1;
    while index < pieces.len() {
        let found = PHRASES.iter().find(|(phrase, _)| {
            phrase.iter().enumerate().all(|(ahead, word)| pieces.get(index + ahead).is_some_and(|piece| piece.is(word)))
        });
        // `distinct(task)` is a call.
        let called = |(phrase, _): &&(&[&str], &[&str])| {
            phrase.last() == Some(&"distinct")
                && phrase.len() < 3
                && pieces.get(index + phrase.len()).is_some_and(|next| next.is("("))
        };
        if let Some((phrase, words)) = found.filter(|_| !is_value(pieces, index)).filter(|found| !called(found)) {
            pieces.splice(index..index + phrase.len(), words.iter().map(|word| Piece::word(*word)));
            index += words.len();
        } else {
            index += 1;
        }
    }
    add_time_clauses(pieces);
    order::reword(pieces);
    name_groups(pieces);
    if pieces.len() > 2 && pieces.get(pieces.len() - 2..).is_some_and(|end| end.iter().map(Piece::lower).eq(["|", "count"])) {
        let at = pieces.len() - 2;
        pieces.splice(at.., ["show", "count"].map(Piece::word));
    }
}

/// `failures latest 3`; `last 3 days` is a time.
fn numbered_rows(pieces: &mut [Piece]) {
    for index in 1..pieces.len() {
        let is_first = pieces.get(index).is_some_and(|piece| piece.is_any(&["last", "latest", "newest", "recent", "first"]));
        let is_number = |piece: &Piece| piece.lower().parse::<u32>().is_ok();
        let is_time = pieces.get(index + 2).is_some_and(|piece| find_unit(&piece.lower()).is_some());
        if is_first
            && !is_time
            && pieces.get(index + 1).is_some_and(is_number)
            && let Some(piece) = pieces.get_mut(index)
        {
            *piece = Piece::word("limit");
        }
    }
}

/// `between A to B`, `between A - B`.
fn complete_between(pieces: &mut [Piece]) {
    let Some(at) = pieces.iter().position(|piece| piece.is("between")) else { return };
    if let Some(joint) = pieces.get_mut(at + 2).filter(|piece| piece.is_any(&["to", "-", "until", "till", "&", ","])) {
        *joint = Piece::word("and");
    }
}

/// `failures without service`, `failures with no service`.
fn without_condition(pieces: &mut Vec<Piece>) {
    let is = |index: usize, word: &str| pieces.get(index).is_some_and(|piece| piece.is(word));
    let found = (1..pieces.len()).find_map(|at| {
        let length = if is(at, "without") { 1 } else { 2 };
        (length == 1 || (is(at, "with") && is(at + 1, "no"))).then_some((at, length))
    });
    let Some((at, length)) = found else { return };
    let Some(Piece::Word(field)) = pieces.get(at + length) else { return };
    let joint = if pieces.iter().take(at).any(|piece| piece.is("where")) { "and" } else { "where" };
    let words = [joint, field.as_str(), "is", "missing"].map(Piece::word);
    pieces.splice(at..=at + length, words);
}

/// `failures with exit_code = 1`, `failures with oom`.
fn with_condition(pieces: &mut Vec<Piece>) {
    let Some(at) = pieces.iter().position(|piece| piece.is_any(&["with", "because"])) else { return };
    if at > 1 && pieces.get(at - 1).is_some_and(|piece| piece.is_any(&["starts", "begins", "ends"])) {
        return;
    }
    let operator = pieces.get(at + 2).is_some_and(|piece| {
        piece.is_any(&["=", "==", "!=", "<>", "<", ">", "<=", ">=", "like", "contains", "is", "in", "not", "matches"])
    });
    let words: &[&str] = if operator { &["where"] } else { &["where", "message", "contains"] };
    pieces.splice(at..=at, words.iter().map(|word| Piece::word(*word)));
}

/// Whether a piece is the right side of an operator.
fn is_value(pieces: &[Piece], index: usize) -> bool {
    index.checked_sub(1).and_then(|before| pieces.get(before)).is_some_and(|piece| {
        piece.is_any(&["=", "==", "!=", "<>", "<", ">", "<=", ">=", "like", "contains", "matches", "=~", "!~"])
    })
}

/// `last 7 days` and `yesterday` without the clause that they belong to.
fn add_time_clauses(pieces: &mut Vec<Piece>) {
    let mut index = 1;
    while let Some(piece) = pieces.get(index) {
        let word = piece.lower();
        let after_time = pieces.get(index - 1).is_some_and(|before| before.is_any(BEFORE_TIME));
        let called = pieces.get(index + 1).is_some_and(|next| next.is("("));
        let clause = match word.as_str() {
            _ if after_time || called || is_value(pieces, index) || matches!(piece, Piece::Quoted(_)) => None,
            "last" => Some("since"),
            "this" => Some("since"),
            "today" | "yesterday" => Some("on"),
            date if is_date(date) => Some("on"),
            day if day.len() > 3 && weekday(day).is_some() => Some("on"),
            _ => None,
        };
        if let Some(clause) = clause {
            pieces.insert(index, Piece::word(clause));
            index += 1;
        }
        index += 1;
    }
}

/// Whether two names follow each other; a misspelled clause is not a name.
fn lacks_comma(pieces: &[Piece], index: usize) -> bool {
    let name = |piece: &Piece| match piece {
        Piece::Word(word) => {
            let plain = word.starts_with(char::is_alphabetic) && word.chars().all(|c| c.is_alphanumeric() || c == '_');
            let known = keyword::is_reserved(word) || suggest::question(word, keyword::clause_words()).is_some();
            plain && !known
        }
        _ => false,
    };
    index > 0 && [index - 1, index].iter().all(|index| pieces.get(*index).is_some_and(name))
}

/// `per reason`, `by reason and cluster`, `show time reason`.
fn name_groups(pieces: &mut Vec<Piece>) {
    let mut clause = String::new();
    let mut index = 1;
    while index < pieces.len() {
        let word = pieces.get(index).map(Piece::lower).unwrap_or_default();
        let ranked = index >= 2 && pieces.get(index - 2).is_some_and(|piece| piece.is_any(&["top", "bottom"]));
        if word == "per" && !ranked && clause != "by" {
            pieces.splice(index..=index, [Piece::word("by")]);
            clause = "by".to_owned();
        } else if ["and", "&"].contains(&&*word) && matches!(clause.as_str(), "by" | "show" | "sort") {
            pieces.splice(index..=index, [Piece::Sign(",".to_owned())]);
        } else if word == "by" && pieces.get(index - 1).is_some_and(|piece| piece.is("sort")) {
            pieces.remove(index);
            continue;
        } else if word == "by" && clause == "by" {
            // `by a by b`, `by a, by b`.
            match pieces.get(index - 1).is_some_and(|piece| piece.is(",")) {
                true => drop(pieces.remove(index)),
                false => drop(pieces.splice(index..=index, [Piece::Sign(",".to_owned())])),
            }
        } else if word == "," && pieces.get(index + 1).is_some_and(|next| keyword::is_clause(&next.lower()) && !next.is("by")) {
            pieces.remove(index);
        } else if matches!(clause.as_str(), "by" | "show") && lacks_comma(pieces, index) {
            pieces.insert(index, Piece::Sign(",".to_owned()));
            index += 1;
        } else if word == "|" {
            clause.clear();
        } else if keyword::is_clause(&word) {
            clause = word;
        }
        index += 1;
    }
}
