//! A position in the token list, with the lookahead that the parser needs.
//!
//! Invariant: moving never goes past the end, and an error always has the span of a token or the end of the query.

use super::ast::{Arith, Span, Spanned};
use super::keyword;
use super::token::{Token, TokenKind};
use crate::diagnostic::Diagnostic;

/// A parsed node, or the error.
pub(super) type Parsed<T> = Result<T, Box<Diagnostic>>;

/// The maximum nesting of parentheses and calls.
pub(super) const MAX_DEPTH: usize = 64;

/// The maximum number of arithmetic operators in a query; each one makes the tree one level deeper.
const MAX_ARITHMETIC: usize = 500;

/// Tokens and a position.
pub(super) struct Cursor {
    tokens: Vec<Token>,
    position: usize,
    end: usize,
    depth: usize,
    arithmetic: usize,
}

impl Cursor {
    pub(super) fn new(tokens: Vec<Token>, source_length: usize) -> Self {
        Self { tokens, position: 0, end: source_length, depth: 0, arithmetic: 0 }
    }

    pub(super) fn peek(&self) -> Option<&TokenKind> {
        self.peek_at(0)
    }

    pub(super) fn peek_at(&self, ahead: usize) -> Option<&TokenKind> {
        self.tokens.get(self.position + ahead).map(|t| &t.kind)
    }

    /// The span of the next token; at the end, an empty span.
    pub(super) fn span(&self) -> Span {
        self.tokens.get(self.position).map_or(self.end..self.end, |token| token.span.clone())
    }

    /// The span of the next tokens.
    pub(super) fn span_of(&self, count: usize) -> Span {
        let first = self.span();
        let last = self.tokens.get(self.position + count.max(1) - 1).map_or(first.end, |token| token.span.end);
        first.start..last
    }

    /// The span from a start to the end of the last token taken.
    pub(super) fn span_since(&self, start: &Span) -> Span {
        let last = self.position.checked_sub(1).and_then(|at| self.tokens.get(at));
        let end = last.map_or(start.end, |token| token.span.end);
        start.start..end.max(start.end)
    }

    pub(super) fn at_end(&self) -> bool {
        self.position >= self.tokens.len()
    }

    pub(super) fn advance(&mut self) {
        self.position = (self.position + 1).min(self.tokens.len());
    }

    /// The next token, if it is a bare word.
    pub(super) fn word(&self) -> Option<&str> {
        self.word_at(0)
    }

    pub(super) fn word_at(&self, ahead: usize) -> Option<&str> {
        match self.peek_at(ahead) {
            Some(TokenKind::Word(word)) => Some(word),
            _ => None,
        }
    }

    /// Whether the next token is this keyword, ignoring case.
    pub(super) fn at_word(&self, keyword: &str) -> bool {
        self.word().is_some_and(|word| word.eq_ignore_ascii_case(keyword))
    }

    /// Takes the next token if it is this keyword.
    pub(super) fn take_word(&mut self, keyword: &str) -> bool {
        let found = self.at_word(keyword);
        if found {
            self.advance();
        }
        found
    }

    /// Takes the next token if it is this sign.
    pub(super) fn take(&mut self, kind: &TokenKind) -> bool {
        let found = self.peek() == Some(kind);
        if found {
            self.advance();
        }
        found
    }

    /// Whether a clause starts here: a clause keyword, or `not` before a correlation keyword.
    pub(super) fn at_clause(&self) -> bool {
        self.word().is_some_and(keyword::is_clause) || self.at_negated_relation()
    }

    /// `not near`, `not following`, `not preceding`: these belong to the clause, not to a predicate.
    pub(super) fn at_negated_relation(&self) -> bool {
        self.at_word("not")
            && self
                .word_at(1)
                .is_some_and(|word| ["near", "following", "preceding"].iter().any(|relation| word.eq_ignore_ascii_case(relation)))
    }

    /// Skips to the next clause or pipe, so that further errors can be found. A clause keyword before a parenthesis
    /// or a comma was meant as a name.
    pub(super) fn recover(&mut self) {
        let is_name = |cursor: &Self| matches!(cursor.peek_at(1), Some(TokenKind::Close | TokenKind::Comma));
        while !self.at_end()
            && (!self.at_clause() || is_name(self))
            && !self.at_foreign_by()
            && self.peek() != Some(&TokenKind::Pipe)
        {
            self.advance();
        }
    }

    /// `order by`, `group by`: their `by` does not start a clause.
    pub(super) fn at_foreign_by(&self) -> bool {
        let first = ["order", "group", "ordered", "grouped", "sorted", "partition", "split"];
        first.iter().any(|word| self.at_word(word)) && self.word_at(1).is_some_and(|word| word.eq_ignore_ascii_case("by"))
    }

    /// The error for an unexpected token.
    pub(super) fn expected(&self, what: &str) -> Box<Diagnostic> {
        let Some(found) = self.peek() else {
            return Diagnostic::error(format!("unexpected end of query: expected {what}"), self.span()).with_label("here").into();
        };
        let message = format!("unexpected {}: expected {what}", found.describe());
        Diagnostic::error(message, self.span()).into()
    }

    /// Like [`Cursor::expected`], but explains how to use a reserved word as a name.
    pub(super) fn expected_name(&self, what: &str) -> Box<Diagnostic> {
        let error = self.expected(what);
        match self.word() {
            Some(word) if keyword::is_reserved(word) => {
                error.with_label(format!("this is a keyword; to use it as a name, write `` `{word}` ``")).into()
            }
            _ => error,
        }
    }

    pub(super) fn expect(&mut self, kind: &TokenKind, what: &str) -> Parsed<()> {
        if self.take(kind) { Ok(()) } else { Err(self.expected(what)) }
    }

    /// Parses a nested part with a depth limit.
    pub(super) fn nested<T>(&mut self, part: impl FnOnce(&mut Self) -> Parsed<T>) -> Parsed<T> {
        if self.depth >= MAX_DEPTH {
            let message = format!("the query is nested more than {MAX_DEPTH} levels deep");
            return Err(Diagnostic::error(message, self.span()).into());
        }
        self.depth += 1;
        let result = part(self);
        self.depth -= 1;
        result
    }

    /// Takes an arithmetic operator. The lexer reads `a-b` as one word, so it is split only here, where an expression
    /// is parsed.
    pub(super) fn take_arithmetic(&mut self, lowest: u8) -> Parsed<Option<Arith>> {
        let Some(op) = self.word().and_then(leading_sign) else {
            return Ok(None);
        };
        if op.precedence() < lowest {
            return Ok(None);
        }
        self.arithmetic += 1;
        if self.arithmetic > MAX_ARITHMETIC {
            let message = format!("the query has more than {MAX_ARITHMETIC} arithmetic operators");
            return Err(Diagnostic::error(message, self.span()).into());
        }
        self.split(1);
        self.advance();
        Ok(Some(op))
    }

    /// Takes a `-` before a name, even if both are one word.
    pub(super) fn take_minus(&mut self) -> bool {
        let found = self.word().is_some_and(|word| word.starts_with('-'));
        if found {
            self.split(1);
            self.advance();
        }
        found
    }

    /// Splits the next word before its first arithmetic sign, so that `a-b` starts with `a`.
    pub(super) fn split_operand(&mut self) {
        let cut = self.word().and_then(|word| {
            let signed = usize::from(word.starts_with('-'));
            let at = word.get(signed..)?.find(['+', '-', '*', '/'])?;
            Some(at + signed)
        });
        if let Some(at) = cut {
            self.split(at);
        }
    }

    /// Splits the next word at a byte offset; does nothing at its edges.
    fn split(&mut self, at: usize) {
        let Some(token) = self.tokens.get_mut(self.position) else {
            return;
        };
        let TokenKind::Word(word) = &mut token.kind else {
            return;
        };
        if at == 0 || at >= word.len() || !word.is_char_boundary(at) {
            return;
        }
        let tail = word.split_off(at);
        let middle = token.span.start + at;
        let span = middle..token.span.end;
        token.span.end = middle;
        self.tokens.insert(self.position + 1, Token { kind: TokenKind::Word(tail), span });
    }

    /// Splits the next word `1..5` into `1`, `..` and `5`.
    pub(super) fn split_range(&mut self) {
        let Some(at) = self.word().and_then(|word| word.find("..")) else {
            return;
        };
        if at == 0 {
            self.split(2);
        } else {
            self.split(at);
        }
    }

    /// A non-negative whole number.
    pub(super) fn integer(&mut self, what: &str) -> Parsed<Spanned<u32>> {
        let span = self.span();
        let digits = self.word().filter(|word| word.bytes().all(|b| b.is_ascii_digit()));
        let Some(digits) = digits else {
            return Err(self.expected(what));
        };
        match digits.parse() {
            Ok(0) => Err(Diagnostic::error("the number must be at least 1", span).into()),
            Ok(number) => {
                self.advance();
                Ok(Spanned::new(number, span))
            }
            Err(_) => Err(Diagnostic::error("the number is too large", span).with_label(format!("at most {}", u32::MAX)).into()),
        }
    }
}

fn leading_sign(word: &str) -> Option<Arith> {
    match word.chars().next()? {
        '+' => Some(Arith::Add),
        '-' => Some(Arith::Sub),
        '*' => Some(Arith::Mul),
        '/' => Some(Arith::Div),
        _ => None,
    }
}
