//! The beginning of a query: `how many failures`, `show me all failures`, `errors`, `failures in cluster batch`.

use super::super::keyword::{self, NOUNS};
use super::pieces::Piece;

/// Words before a noun that change nothing.
const FILLERS: &[&str] = &[
    "show", "list", "get", "display", "find", "give", "me", "print", "all", "the", "any", "fetch", "search", "see", "view",
    "how", "many", "what", "which", "count", "number", "total", "of", "top", "first", "last", "latest", "newest", "recent",
    "most", "failed", "failing", "refused", "every", "each", "are", "were", "there", "our", "my", "query", "select", "from", "*",
    "(", ")", "please", "?", "tail", "head", "watch", "follow", "went", "has", "have", "did", "common", "frequent",
];

/// The most words before a noun.
const MOST_FILLERS: usize = 6;

/// What other tools call the rows of a noun.
const SYNONYMS: &[(&str, &str)] = &[
    ("error", "failures"),
    ("errors", "failures"),
    ("fails", "failures"),
    ("crashes", "failures"),
    ("faults", "failures"),
    ("problems", "failures"),
    ("api_calls", "calls"),
    ("apicalls", "calls"),
    ("requests", "calls"),
    ("cloudtrail", "calls"),
    ("jobs", "runs"),
    ("nodes", "instances"),
    ("hosts", "instances"),
    ("agents", "instances"),
    ("rollouts", "deployments"),
    ("deploys", "deployments"),
    ("quotas", "quota"),
    ("limits", "quota"),
];

/// What is not a noun, because its rows are groups of another.
const GROUPS: &[(&str, &str)] = &[
    ("services", "tasks by service"),
    ("clusters", "tasks by cluster"),
    ("families", "tasks by family"),
    ("regions", "failures by region"),
    ("accounts", "failures by account"),
    ("reasons", "failures by reason"),
    ("causes", "failures by cause"),
    ("users", "calls by user"),
    ("images", "containers by image"),
];

/// The noun that other tools call by this word.
pub(in crate::lang) fn synonym(word: &str) -> Option<&'static str> {
    SYNONYMS.iter().find(|(other, _)| *other == word).map(|(_, noun)| *noun)
}

/// The query whose rows are called by this word.
pub fn rows_called(word: &str) -> Option<&'static str> {
    GROUPS.iter().find(|(rows, _)| *rows == word).map(|(_, query)| *query)
}

/// Words that name a field after `in`, `for`, `of` or `on`.
const PLACES: &[&str] =
    &["cluster", "service", "task", "family", "account", "region", "run", "job", "image", "user", "reason", "container"];

/// Rewords the beginning; none if no noun is there.
pub(super) fn reword(pieces: &mut Vec<Piece>) -> Option<()> {
    let is_saved = pieces.first().is_some_and(|piece| piece.lower().starts_with('@'));
    if !is_saved {
        noun_first(pieces);
        let first = |names: fn(&Piece) -> Option<&'static str>| {
            pieces.iter().enumerate().take(MOST_FILLERS + 1).find_map(|(index, piece)| Some((index, names(piece)?)))
        };
        let Some((at, noun)) = first(noun).or_else(|| first(event)) else { return rows_of_group(pieces) };
        let before: Vec<Piece> = pieces.drain(..=at).take(at).collect();
        let number = |piece: &Piece| piece.lower().parse::<u32>().ok().filter(|number| *number > 0);
        if !before.iter().all(|piece| piece.is_any(FILLERS) || number(piece).is_some()) {
            return None;
        }
        let mut added = Vec::new();
        if before.iter().any(|piece| piece.is_any(&["count", "many", "number", "total"])) && !is_grouped(pieces) {
            added.extend(["show", "count"].map(Piece::word));
        }
        if let Some(rows) = before.iter().find_map(number) {
            let ranked = is_grouped(pieces) && before.iter().any(|piece| piece.is("top"));
            added.extend([Piece::word(if ranked { "top" } else { "limit" }), Piece::word(rows.to_string())]);
        }
        // `failed calls`; a task fails with a failure.
        let failed = before.iter().any(|piece| piece.is_any(&["failed", "failing", "refused"]));
        let noun = if failed && matches!(noun, "tasks" | "runs" | "deployments") { "failures" } else { noun };
        if failed && noun == "calls" {
            added.extend(["where", "failed"].map(Piece::word));
        }
        let end = pieces.iter().position(|piece| piece.is("|")).unwrap_or(pieces.len());
        pieces.splice(end..end, added);
        pieces.insert(0, Piece::word(noun));
    }
    start_conditions(pieces);
    Some(())
}

/// Moves the noun to the front, after clauses that begin the text.
fn noun_first(pieces: &mut Vec<Piece>) {
    let clause = |piece: &Piece| keyword::is_clause(&piece.lower()) && !piece.is_any(&["show", "top", "limit"]);
    if pieces.first().is_some_and(clause)
        && let Some(at) = pieces.iter().position(|piece| NOUNS.iter().any(|noun| piece.is(noun.word)))
    {
        let noun = pieces.remove(at);
        pieces.insert(0, noun);
    }
}

/// Whether a word before a noun changes nothing.
pub(super) fn is_filler(piece: &Piece) -> bool {
    piece.is_any(FILLERS) || piece.lower().parse::<u32>().is_ok()
}

/// The noun that a word names.
pub(super) fn noun(piece: &Piece) -> Option<&'static str> {
    let Piece::Word(_) = piece else { return None };
    let word = piece.lower();
    let known = NOUNS.iter().map(|noun| noun.word).find(|noun| *noun == word || noun.strip_suffix('s') == Some(&word));
    known.or_else(|| synonym(&word))
}

/// `top 5 reasons`, `most common causes since 7d`: the groups of a noun.
fn rows_of_group(pieces: &mut Vec<Piece>) -> Option<()> {
    let mut found = pieces.iter().enumerate().take(MOST_FILLERS + 1);
    let (at, query) = found.find_map(|(index, piece)| Some((index, rows_called(&piece.lower())?)))?;
    // The word alone is explained as a noun.
    if pieces.len() == 1 || !pieces.iter().take(at).all(is_filler) {
        return None;
    }
    let rows = pieces.iter().take(at).find_map(|piece| piece.lower().parse::<u32>().ok().filter(|rows| *rows > 0));
    let mut words: Vec<Piece> = query.split(' ').map(Piece::word).collect();
    words.extend(rows.into_iter().flat_map(|rows| [Piece::word("top"), Piece::word(rows.to_string())]));
    pieces.splice(..=at, words);
    Some(())
}

/// What a question without a noun asks about: `what failed yesterday`, `what happened on monday`.
fn event(piece: &Piece) -> Option<&'static str> {
    match piece.lower().as_str() {
        "failed" | "failing" | "fail" | "broke" | "wrong" => Some("failures"),
        "happened" | "incident" => Some("incidents"),
        _ => None,
    }
}

/// Whether a query decides by itself what it shows.
fn is_grouped(pieces: &[Piece]) -> bool {
    pieces.iter().any(|piece| piece.is_any(&["by", "per", "every", "show", "bursts", "groupby"]))
}

/// `failures in cluster batch`, `failures cluster = batch`, `failures and ran`, `failures, …` after the noun.
fn start_conditions(pieces: &mut Vec<Piece>) {
    if pieces.get(1).is_some_and(|piece| piece.is_any(&[",", ":"])) {
        pieces.remove(1);
    }
    // `failures count by reason`, `calls failed`, `failures{reason="AGENT"}`.
    if pieces.get(1).is_some_and(|piece| piece.is("count")) && pieces.get(2).is_some_and(|piece| piece.is("(")) {
        let close = pieces.iter().position(|piece| piece.is(")")).filter(|close| *close <= 4);
        drop(close.map(|close| pieces.drain(2..=close)));
    }
    if pieces.get(1).is_some_and(|piece| piece.is("count")) && pieces.get(2).is_none_or(|piece| !piece.is("(")) {
        let grouped = is_grouped(pieces.get(2..).unwrap_or_default());
        pieces.splice(1..2, if grouped { &[][..] } else { &["show", "count"] }.iter().map(|word| Piece::word(*word)));
    } else if pieces.get(1).is_some_and(|piece| piece.is("failed")) {
        pieces.insert(1, Piece::word("where"));
    } else if pieces.get(1).is_some_and(|piece| piece.is("{")) && pieces.last().is_some_and(|piece| piece.is("}")) {
        pieces.pop();
        pieces.splice(1..2, [Piece::word("where")]);
    }
    let at = |index: usize| pieces.get(index).map(Piece::lower).unwrap_or_default();
    let is_value = |index: usize| match pieces.get(index) {
        Some(Piece::Quoted(_)) => true,
        Some(Piece::Word(word)) => !keyword::is_reserved(word),
        _ => false,
    };
    if ["in", "for", "of", "on", "from", "with", "at"].contains(&&*at(1)) && PLACES.contains(&&*at(2)) && is_value(3) {
        pieces.splice(1..3, [Piece::word("where"), Piece::word(at(2)), Piece::word("=")]);
    } else if ["and", "or"].contains(&&*at(1)) && is_value(2) {
        pieces.splice(1..2, [Piece::word("where")]);
    } else if is_value(1)
        && ["=", "==", "!=", "<>", "<", ">", "<=", ">=", "like", "contains", "is", "in", "not"].contains(&&*at(2))
    {
        pieces.insert(1, Piece::word("where"));
    } else if PLACES.contains(&&*at(1)) && is_value(2) {
        pieces.splice(1..2, [Piece::word("where"), Piece::word(at(1)), Piece::word("=")]);
    }
}
