//! The words of a text, without the rules of this language: any sign is a piece.

use super::super::format::literal;
use super::super::token::is_word_char;

/// A piece of the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Piece {
    /// A bare word.
    Word(String),
    /// A string in quotes.
    Quoted(String),
    /// Anything else that is not white space.
    Sign(String),
}

impl Piece {
    pub(super) fn word(text: impl Into<String>) -> Piece {
        Piece::Word(text.into())
    }

    /// The piece in a query.
    pub(super) fn written(&self) -> String {
        match self {
            Piece::Word(text) | Piece::Sign(text) => text.clone(),
            Piece::Quoted(text) => literal(text),
        }
    }

    /// The lower-case text of a word or sign; a string is never part of a phrase.
    pub(super) fn lower(&self) -> String {
        match self {
            Piece::Word(text) | Piece::Sign(text) => text.to_lowercase(),
            Piece::Quoted(_) => String::new(),
        }
    }

    pub(super) fn is(&self, text: &str) -> bool {
        self.lower() == text
    }

    pub(super) fn is_any(&self, texts: &[&str]) -> bool {
        texts.contains(&self.lower().as_str())
    }
}

/// Signs of several characters, longer ones first.
const SIGNS: &[&str] = &["===", "==", "=~", "!~", "!=", "<>", "<=", ">=", "&&", "||"];

/// Cuts a text into pieces.
pub(super) fn cut(text: &str) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let (piece, length) = match closing(first).and_then(|close| quoted(rest, first, close)) {
            Some(found) => found,
            None if is_word_char(first) => {
                let end = rest.find(|c: char| !is_word_char(c)).unwrap_or(rest.len());
                (Piece::word(rest.get(..end).unwrap_or_default()), end)
            }
            None => {
                let sign = SIGNS.iter().find(|sign| rest.starts_with(**sign));
                let length = sign.map_or(first.len_utf8(), |sign| sign.len());
                (Piece::Sign(rest.get(..length).unwrap_or_default().to_owned()), length)
            }
        };
        pieces.push(piece);
        rest = rest.get(length..).unwrap_or_default().trim_start();
    }
    pieces
}

/// The quote that ends a string, also for the quotes that editors make of straight ones.
fn closing(open: char) -> Option<char> {
    match open {
        '\'' | '"' => Some(open),
        '“' | '„' => Some('”'),
        '‘' => Some('’'),
        _ => None,
    }
}

fn quoted(rest: &str, open: char, close: char) -> Option<(Piece, usize)> {
    let inside = rest.get(open.len_utf8()..)?;
    let end = inside.find(close)?;
    let piece = Piece::Quoted(inside.get(..end)?.to_owned());
    Some((piece, open.len_utf8() + end + close.len_utf8()))
}
