//! An order without `sort`, and rows that are skipped: `by reason desc`, `show time, reason desc`, `limit 5 offset 5`.

use super::super::keyword;
use super::pieces::Piece;

/// Adds `sort` before an order, and reads as many rows as were meant to be skipped and shown.
pub(super) fn reword(pieces: &mut Vec<Piece>) {
    skipped_rows(pieces);
    let ranked = pieces.iter().any(|piece| piece.is_any(&["top", "bottom"]));
    let mut clause = String::new();
    let mut grouped = false;
    let mut index = 1;
    while let Some(word) = pieces.get(index).map(Piece::lower) {
        let before = pieces.get(index - 1).map(Piece::lower).unwrap_or_default();
        let next = pieces.get(index + 1).map(Piece::lower).unwrap_or_default();
        match word.as_str() {
            "|" => {
                clause.clear();
                grouped = false;
            }
            // `sort by count`.
            "by" if before == "sort" => {}
            // `top 5 by memory desc` is an order already.
            "asc" | "desc" if ranked && clause != "sort" => {
                pieces.remove(index);
                continue;
            }
            "asc" | "desc" if clause != "sort" => {
                let key = match clause.as_str() {
                    "show" => before,
                    _ if grouped => "count".to_owned(),
                    _ => "time".to_owned(),
                };
                pieces.splice(index..index, ["sort".to_owned(), key].map(Piece::word));
                clause = "sort".to_owned();
                index += 2;
            }
            "count" if clause == "by" && !["by", ","].contains(&before.as_str()) && next != "(" => {
                clause = if ["asc", "desc"].contains(&next.as_str()) { "sort" } else { "show" }.to_owned();
                pieces.insert(index, Piece::word(clause.as_str()));
                index += 1;
            }
            _ if keyword::is_clause(&word) || word == "per" => {
                grouped |= ["by", "per"].contains(&word.as_str());
                clause = if word == "per" { "by".to_owned() } else { word };
            }
            _ => {}
        }
        index += 1;
    }
}

/// `limit 5 offset 5`, `limit 5, 5`: there is no offset, so all rows up to the last one are shown.
fn skipped_rows(pieces: &mut Vec<Piece>) {
    let number = |at: usize| pieces.get(at).and_then(|piece| piece.lower().parse::<u32>().ok());
    let Some(limit) = pieces.iter().position(|piece| piece.is("limit")) else { return };
    let comma = pieces.get(limit + 2).is_some_and(|piece| piece.is(",")).then_some(limit + 2);
    let Some(at) = comma.or_else(|| pieces.iter().position(|piece| piece.is_any(&["offset", "skip"]))) else { return };
    let (Some(rows), Some(skipped)) = (number(limit + 1), number(at + 1)) else { return };
    if let Some(piece) = pieces.get_mut(limit + 1) {
        *piece = Piece::word(rows.saturating_add(skipped).to_string());
    }
    pieces.drain(at..at + 2);
}
