//! Conditions of other languages: `==`, `is null`, `between 1 and 5`, `starts with`, `in a, b`.

use super::super::keyword::{self, find_unit};
use super::pieces::Piece;

/// Operators with their replacements; a phrase comes before those that begin it.
const OPERATORS: &[(&[&str], &[&str])] = &[
    (&["==="], &["="]),
    (&["=="], &["="]),
    (&["<>"], &["!="]),
    (&["&&"], &["and"]),
    (&["&"], &["and"]),
    (&["||"], &["or"]),
    (&["=~"], &["matches"]),
    (&["!~"], &["not", "matches"]),
    (&["~"], &["contains"]),
    (&["!"], &["not"]),
    (&["is", "not", "null"], &["is", "not", "missing"]),
    (&["is", "not", "none"], &["is", "not", "missing"]),
    (&["is", "not", "empty"], &["is", "not", "missing"]),
    (&["is", "null"], &["is", "missing"]),
    (&["is", "none"], &["is", "missing"]),
    (&["is", "empty"], &["is", "missing"]),
    (&["isnull"], &["is", "missing"]),
    (&["notnull"], &["is", "not", "missing"]),
    (&["exists"], &["is", "not", "missing"]),
    (&["is", "equal", "to"], &["="]),
    (&["equal", "to"], &["="]),
    (&["equals"], &["="]),
    (&["eq"], &["="]),
    (&["ne"], &["!="]),
    (&["not", "="], &["!="]),
    (&["ilike"], &["like"]),
    (&["rlike"], &["matches"]),
    (&["regexp"], &["matches"]),
    (&["includes"], &["contains"]),
    (&["has"], &["contains"]),
    (&["greater", "than"], &[">"]),
    (&["less", "than"], &["<"]),
    (&["more", "than"], &[">"]),
];

/// Rewords the conditions.
pub(super) fn reword(pieces: &mut Vec<Piece>) {
    let mut index = 1;
    let mut clause = String::new();
    let mut depth = 0_usize;
    while let Some(piece) = pieces.get(index) {
        let word = piece.lower();
        if keyword::is_clause(&word) && !(word == "between" && is_field(pieces, index - 1)) {
            clause.clone_from(&word);
        }
        match word.as_str() {
            "(" => depth += 1,
            ")" => depth = depth.saturating_sub(1),
            _ => {}
        }
        if clause == "where" {
            operator(pieces, index);
            colon(pieces, index);
            match pieces.get(index).map(Piece::lower).as_deref() {
                Some("is") => is_value(pieces, index),
                Some("between") => between(pieces, index),
                Some("in") => list(pieces, index),
                Some("starts" | "begins" | "startswith" | "ends" | "endswith") => edge(pieces, index),
                Some(",") if depth == 0 => {
                    pieces.splice(index..=index, [Piece::word("and")]);
                }
                Some("and" | "or") => repeat_subject(pieces, index),
                Some("not") => not_value(pieces, index),
                Some("=" | "!=" | "<" | ">" | "<=" | ">=") => {
                    spoken_duration(pieces, index + 1);
                    value_list(pieces, index);
                }
                _ => bare_value(pieces, index),
            }
        }
        index += 1;
    }
}

/// Replaces an operator.
fn operator(pieces: &mut Vec<Piece>, index: usize) {
    let found = OPERATORS.iter().find(|(phrase, _)| {
        phrase.iter().enumerate().all(|(ahead, word)| pieces.get(index + ahead).is_some_and(|piece| piece.is(word)))
    });
    if let Some((phrase, words)) = found {
        pieces.splice(index..index + phrase.len(), words.iter().map(|word| Piece::word(*word)));
    }
}

fn is_field(pieces: &[Piece], index: usize) -> bool {
    let opens = |piece: &Piece| piece.is_any(&["where", "and", "or", "not", "("]);
    let named = matches!(pieces.get(index), Some(Piece::Word(word)) if !keyword::is_reserved(word));
    named && index.checked_sub(1).and_then(|before| pieces.get(before)).is_some_and(opens)
}

/// `is AGENT`, `is not AGENT`.
fn is_value(pieces: &mut Vec<Piece>, index: usize) {
    let negated = pieces.get(index + 1).is_some_and(|piece| piece.is("not"));
    let value = index + 1 + usize::from(negated);
    if pieces.get(value).is_none_or(|piece| piece.is("missing")) {
        return;
    }
    pieces.splice(index..value, [Piece::word(if negated { "!=" } else { "=" })]);
}

/// `between 1 and 5` after a field.
fn between(pieces: &mut Vec<Piece>, index: usize) {
    let (Some(low), Some(high)) = (pieces.get(index + 1), pieces.get(index + 3)) else { return };
    if pieces.get(index + 2).is_some_and(|piece| piece.is("and")) {
        let words = [Piece::word("in"), Piece::word(low.written()), Piece::word(".."), Piece::word(high.written())];
        pieces.splice(index..index + 4, words);
    }
}

/// `in a, b` without parentheses.
fn list(pieces: &mut Vec<Piece>, index: usize) {
    if pieces.get(index + 1).is_some_and(|piece| piece.is_any(&["(", "["])) {
        return in_parentheses(pieces, index + 1);
    }
    let bare = pieces.get(index + 1).is_some_and(|piece| !piece.lower().contains(".."));
    if !bare || pieces.get(index + 2).is_some_and(|piece| piece.lower().starts_with("..")) {
        return;
    }
    let mut end = index + 2;
    while pieces.get(end).is_some_and(|piece| piece.is(",")) && end + 1 < pieces.len() {
        end += 2;
    }
    pieces.insert(end, Piece::Sign(")".to_owned()));
    pieces.insert(index + 1, Piece::Sign("(".to_owned()));
}

/// `in [1, 2]`, `in (1 2)`: parentheses, and commas between the values.
fn in_parentheses(pieces: &mut Vec<Piece>, open: usize) {
    let Some(length) = pieces.iter().skip(open).position(|piece| piece.is_any(&[")", "]"])) else { return };
    let values: Vec<Piece> =
        pieces.get(open + 1..open + length).unwrap_or_default().iter().filter(|piece| !piece.is(",")).cloned().collect();
    pieces.splice(open..=open + length, listed(values));
}

/// Values in parentheses, with commas.
fn listed(values: Vec<Piece>) -> Vec<Piece> {
    let sign = |sign: &str| Piece::Sign(sign.to_owned());
    let mut list = vec![sign("(")];
    for (index, value) in values.into_iter().enumerate() {
        if index > 0 {
            list.push(sign(","));
        }
        list.push(value);
    }
    list.push(sign(")"));
    list
}

/// `= (1, 2)`, `= "a" or "b"`, `= a or = b`: a list.
fn value_list(pieces: &mut Vec<Piece>, index: usize) {
    let equal = pieces.get(index).is_some_and(|piece| piece.is("="));
    if !equal && !pieces.get(index).is_some_and(|piece| piece.is("!=")) {
        return;
    }
    let words: &[&str] = if equal { &["in"] } else { &["not", "in"] };
    let word = || words.iter().map(|word| Piece::word(*word));
    if pieces.get(index + 1).is_some_and(|piece| piece.is_any(&["(", "["])) {
        in_parentheses(pieces, index + 1);
        pieces.splice(index..=index, word());
        return;
    }
    let Some(first) = pieces.get(index + 1).cloned() else { return };
    let mut values = vec![first];
    let mut end = index + 2;
    while equal && pieces.get(end).is_some_and(|piece| piece.is_any(&["or", "and"])) {
        let again = usize::from(pieces.get(end + 1).is_some_and(|piece| piece.is("=")));
        // A bare word could be a field; a string or a number is a value.
        let value = match pieces.get(end + 1 + again) {
            Some(piece @ Piece::Quoted(_)) => piece,
            Some(piece @ Piece::Word(word)) if again == 1 || word.starts_with(|c: char| c.is_ascii_digit()) => piece,
            _ => break,
        };
        values.push(value.clone());
        end += 2 + again;
    }
    if values.len() > 1 {
        pieces.splice(index..end, word().chain(listed(values)));
    }
}

/// `a > 1 and < 5`: the field again.
fn repeat_subject(pieces: &mut Vec<Piece>, index: usize) {
    let comparison = |piece: &Piece| piece.is_any(&["=", "!=", "<", ">", "<=", ">=", "like", "contains"]);
    if !pieces.get(index + 1).is_some_and(comparison) {
        return;
    }
    let operator = pieces.get(..index).and_then(|before| before.iter().rposition(comparison));
    if let Some(subject) = operator.and_then(|at| at.checked_sub(1)).and_then(|at| pieces.get(at)).cloned() {
        pieces.insert(index + 1, subject);
    }
}

/// `a not 0`.
fn not_value(pieces: &mut Vec<Piece>, index: usize) {
    let value = match pieces.get(index + 1) {
        Some(Piece::Quoted(_)) => true,
        Some(Piece::Word(word)) => !keyword::is_reserved(word),
        _ => false,
    };
    if value && is_field(pieces, index.saturating_sub(1)) {
        pieces.splice(index..=index, [Piece::word("!=")]);
    }
}

/// `reason AGENT`, `service missing`, and `ran reason = AGENT` without `and`.
fn bare_value(pieces: &mut Vec<Piece>, index: usize) {
    let compared =
        |piece: &Piece| piece.is_any(&["=", "!=", "<", ">", "<=", ">=", "like", "contains", "matches", "is", "in", "not"]);
    if !index.checked_sub(1).is_some_and(|before| is_field(pieces, before)) {
        return;
    }
    let joint = match pieces.get(index) {
        Some(piece) if piece.is("missing") => "is",
        Some(Piece::Word(word)) if keyword::is_reserved(word) => return,
        Some(Piece::Word(_)) if pieces.get(index + 1).is_some_and(compared) => "and",
        Some(Piece::Quoted(text)) if text.contains(char::is_whitespace) => "contains",
        Some(Piece::Word(_) | Piece::Quoted(_)) => "=",
        _ => return,
    };
    pieces.insert(index, Piece::word(joint));
}

/// `reason: AGENT`.
fn colon(pieces: &mut Vec<Piece>, index: usize) {
    let field = match pieces.get(index) {
        Some(Piece::Word(word)) => word.strip_suffix(':').map(str::to_owned),
        _ => None,
    };
    if let Some(field) = field.filter(|field| !field.is_empty())
        && is_field(pieces, index)
    {
        pieces.splice(index..=index, [Piece::word(field), Piece::word("=")]);
    }
}

/// `starts with x`, `ends with x`.
fn edge(pieces: &mut Vec<Piece>, index: usize) {
    let first = pieces.get(index).is_some_and(|piece| piece.lower().starts_with(['s', 'b']));
    // `with` became `where` when it began a clause.
    let skip = usize::from(pieces.get(index + 1).is_some_and(|piece| piece.is_any(&["with", "where"])));
    let text = match pieces.get(index + 1 + skip) {
        Some(Piece::Quoted(text) | Piece::Word(text)) => text.clone(),
        _ => return,
    };
    let pattern = if first { format!("{text}*") } else { format!("*{text}") };
    pieces.splice(index..index + 2 + skip, [Piece::word("like"), Piece::Quoted(pattern)]);
}

/// `10 minutes` as a value.
fn spoken_duration(pieces: &mut Vec<Piece>, index: usize) {
    let (Some(Piece::Word(amount)), Some(Piece::Word(unit))) = (pieces.get(index), pieces.get(index + 1)) else { return };
    if let (true, Some(unit)) = (amount.bytes().all(|b| b.is_ascii_digit()), find_unit(unit)) {
        let text = format!("{amount}{}", unit.word());
        pieces.splice(index..index + 2, [Piece::word(text)]);
    }
}
