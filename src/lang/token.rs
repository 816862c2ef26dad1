//! Splits text into tokens with spans.
//!
//! A word is one token regardless of its content: `834a5628`, `7d`, `RESOURCE:MEMORY`, `batch-*` and `1..5` are one
//! token each, and later stages decide what it means. Invariant: every byte of the query is white space, inside the
//! span of exactly one token, or inside the span of a diagnostic.

use nom::branch::alt;
use nom::bytes::complete::{tag, take_while, take_while1};
use nom::character::complete::{char, digit1};
use nom::combinator::{recognize, value};
use nom::multi::many0;
use nom::sequence::{delimited, pair};
use nom::{IResult, Parser as _};

use super::ast::{CompareOp, Span};
use crate::diagnostic::Diagnostic;

/// The maximum length of a query, in bytes.
pub const MAX_LENGTH: usize = 64 * 1024;

/// A token with its span.
#[derive(Debug, Clone, PartialEq)]
pub struct Token {
    /// The token.
    pub kind: TokenKind,
    /// Its span in the query.
    pub span: Span,
}

/// The kinds of tokens.
#[derive(Debug, Clone, PartialEq)]
pub enum TokenKind {
    /// A bare word.
    Word(String),
    /// A string in single or double quotes; the value excludes the quotes.
    Quoted(String),
    /// A name in backticks; the value excludes the backticks.
    Name(String),
    /// `(`
    Open,
    /// `)`
    Close,
    /// `,`
    Comma,
    /// `|`
    Pipe,
    /// `= != < <= > >=`
    Compare(CompareOp),
}

impl TokenKind {
    /// Describes the token in a message.
    pub fn describe(&self) -> String {
        match self {
            TokenKind::Word(word) => format!("`{}`", excerpt(word)),
            TokenKind::Quoted(text) => format!("the string '{}'", excerpt(text)),
            TokenKind::Name(name) => format!("the name `{}`", excerpt(name)),
            TokenKind::Open => "`(`".into(),
            TokenKind::Close => "`)`".into(),
            TokenKind::Comma => "`,`".into(),
            TokenKind::Pipe => "`|`".into(),
            TokenKind::Compare(op) => format!("`{}`", op.sign()),
        }
    }
}

/// The start of a text that may be too long for a message.
pub fn excerpt(text: &str) -> String {
    const LONGEST: usize = 60;
    if text.chars().count() <= LONGEST {
        return text.to_owned();
    }
    let kept: String = text.chars().take(LONGEST).collect();
    format!("{kept}…")
}

/// Whether a character is allowed in a bare word.
pub fn is_word_char(c: char) -> bool {
    c.is_alphanumeric() || "_./:*@+-".contains(c)
}

/// Reads all tokens; anything else becomes a diagnostic and is skipped.
pub fn tokenize(source: &str) -> (Vec<Token>, Vec<Diagnostic>) {
    let mut tokens = Vec::new();
    let mut diagnostics = Vec::new();
    if source.len() > MAX_LENGTH {
        let message = format!("the query is too long: {} bytes, the maximum is {MAX_LENGTH}", source.len());
        diagnostics.push(Diagnostic::general(message));
        return (tokens, diagnostics);
    }
    let mut rest = source.trim_start();
    while let Some(first) = rest.chars().next() {
        let start = source.len() - rest.len();
        let after = match token(rest) {
            Ok((after, kind)) => {
                let span = start..source.len() - after.len();
                tokens.push(Token { kind, span });
                after
            }
            Err(_) => {
                let (diagnostic, after) = explain(rest, first, start);
                diagnostics.push(diagnostic);
                after
            }
        };
        rest = after.trim_start();
    }
    (tokens, diagnostics)
}

fn token(input: &str) -> IResult<&str, TokenKind> {
    alt((
        word.map(|word| TokenKind::Word(word.to_owned())),
        quoted('\'').map(TokenKind::Quoted),
        quoted('"').map(TokenKind::Quoted),
        name.map(|name| TokenKind::Name(name.to_owned())),
        punctuation,
        compare.map(TokenKind::Compare),
    ))
    .parse(input)
}

/// Word characters, and `[3]` directly after them: the index of a raw path.
fn word(input: &str) -> IResult<&str, &str> {
    recognize(pair(take_while1(is_word_char), many0(pair((char('['), digit1, char(']')), take_while(is_word_char))))).parse(input)
}

/// A quoted string; a doubled quote is a literal quote, and there are no other escapes.
fn quoted<'a>(quote: char) -> impl nom::Parser<&'a str, Output = String, Error = nom::error::Error<&'a str>> {
    let piece = move |input: &'a str| delimited(char(quote), take_while(move |c| c != quote), char(quote)).parse(input);
    move |input: &'a str| {
        let (mut rest, first): (&str, &str) = piece(input)?;
        let mut text = first.to_owned();
        while let Ok((after, more)) = piece(rest) {
            text.push(quote);
            text.push_str(more);
            rest = after;
        }
        Ok((rest, text))
    }
}

fn name(input: &str) -> IResult<&str, &str> {
    delimited(char('`'), take_while1(|c| c != '`'), char('`')).parse(input)
}

fn punctuation(input: &str) -> IResult<&str, TokenKind> {
    // `||` is not an operator here, and reading it as an empty stage would give a confusing error.
    if input.starts_with("||") {
        return Err(nom::Err::Error(nom::error::make_error(input, nom::error::ErrorKind::Tag)));
    }
    alt((
        value(TokenKind::Open, char('(')),
        value(TokenKind::Close, char(')')),
        value(TokenKind::Comma, char(',')),
        value(TokenKind::Pipe, char('|')),
    ))
    .parse(input)
}

fn compare(input: &str) -> IResult<&str, CompareOp> {
    if !input.starts_with("!=") && FOREIGN.iter().any(|(sign, _)| input.starts_with(sign)) {
        return Err(nom::Err::Error(nom::error::make_error(input, nom::error::ErrorKind::Tag)));
    }
    alt((
        value(CompareOp::Ne, tag("!=")),
        value(CompareOp::Le, tag("<=")),
        value(CompareOp::Ge, tag(">=")),
        value(CompareOp::Eq, tag("=")),
        value(CompareOp::Lt, tag("<")),
        value(CompareOp::Gt, tag(">")),
    ))
    .parse(input)
}

/// Operators of other languages, with their replacements; longer ones first.
const FOREIGN: &[(&str, &str)] = &[
    ("==", "write `=`"),
    ("=~", "write `matches`"),
    ("!~", "write `not` before the condition, and `matches` instead"),
    ("<>", "write `!=`"),
    ("&&", "write `and`"),
    ("||", "write `or`"),
    ("!", "write `not`, or `!=`"),
];

/// The error for text that is not a token, and the remaining text after it.
fn explain(rest: &str, first: char, start: usize) -> (Diagnostic, &str) {
    if matches!(first, '\'' | '"' | '`') {
        return explain_quote(rest, first, start);
    }
    for (sign, instead) in FOREIGN {
        if let Some(after) = rest.strip_prefix(sign) {
            let span = start..start + sign.len();
            let diagnostic = Diagnostic::error(format!("`{sign}` is not an operator"), span);
            return (diagnostic.with_label(*instead), after);
        }
    }
    if let Some((index, after)) = rest.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        let span = start..start + index.len() + 2;
        let diagnostic = Diagnostic::error(format!("invalid index `[{}]`", excerpt(index)), span);
        return (diagnostic.with_label("an index is a number, such as `[0]`"), after);
    }
    if first == '$' {
        let end = rest.find(|c: char| c != '$' && !(c.is_alphanumeric() || c == '_')).unwrap_or(rest.len());
        let (name, after) = rest.split_at(end);
        let message = format!("the parameter `{}` has no value", excerpt(name));
        let label = format!("set it with --set {}=VALUE", excerpt(name.trim_start_matches('$')));
        return (Diagnostic::error(message, start..start + end).with_label(label), after);
    }
    let length = first.len_utf8();
    let diagnostic = Diagnostic::error(format!("unexpected character `{first}`"), start..start + length)
        .with_label("quote a string that contains it");
    (diagnostic, rest.get(length..).unwrap_or_default())
}

fn explain_quote(rest: &str, quote: char, start: usize) -> (Diagnostic, &str) {
    if let Some(after) = rest.strip_prefix("``") {
        let diagnostic = Diagnostic::error("empty name between backticks", start..start + 2);
        return (diagnostic, after);
    }
    let what = if quote == '`' { "backtick" } else { "quote" };
    let diagnostic = Diagnostic::error(format!("unclosed {what}"), start..start + rest.len()).with_label(match quote {
        '`' => "add a closing backtick".to_owned(),
        quote => format!("add a closing `{quote}`"),
    });
    (diagnostic, "")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(source: &str) -> Vec<TokenKind> {
        let (tokens, diagnostics) = tokenize(source);
        assert_eq!(diagnostics, []);
        tokens.into_iter().map(|token| token.kind).collect()
    }

    #[test]
    fn words_are_whole() {
        for word in [
            "834a5628bef14f2dbb81c7bc0b272160",
            "1e10",
            "7d",
            "1..5",
            "RESOURCE:MEMORY",
            "batch-*",
            "arn:aws:ecs:us-east-1:111122223333:task/batch/834a",
            "2026-03-04T02:10:00.5+09:00",
            "-p95_start_latency",
            "@nightly",
            "raw.containers[0].exitCode",
            "raw.a[0][1]",
            "失敗",
            "..",
        ] {
            assert_eq!(kinds(word), [TokenKind::Word(word.into())], "{word}");
        }
    }

    #[test]
    fn quotes_keep_everything_between_them() {
        for (source, text) in
            [("'a b'", "a b"), ("\"it's\"", "it's"), ("'it''s'", "it's"), ("''", ""), (r"'\d+'", r"\d+"), ("'a\nb'", "a\nb")]
        {
            assert_eq!(kinds(source), [TokenKind::Quoted(text.into())], "{source}");
        }
    }

    #[test]
    fn signs_need_no_spaces() {
        let found = kinds("a<=b|c!=(d,`e f`)");
        assert_eq!(found.len(), 11);
        assert_eq!(found.get(1), Some(&TokenKind::Compare(CompareOp::Le)));
        assert_eq!(found.get(9), Some(&TokenKind::Name("e f".into())));
    }

    #[test]
    fn invalid_characters_are_explained() {
        for (source, message, span) in [
            ("a == b", "`==` is not an operator", 2..4),
            ("a || b", "`||` is not an operator", 2..4),
            ("a ? b", "unexpected character `?`", 2..3),
            ("a 'b", "unclosed quote", 2..4),
            ("a `b", "unclosed backtick", 2..4),
            ("a `` b", "empty name between backticks", 2..4),
            ("a[x]", "invalid index `[x]`", 1..4),
            ("a[x", "unexpected character `[`", 1..2),
        ] {
            let (_, diagnostics) = tokenize(source);
            let first = diagnostics.first().unwrap();
            assert_eq!(first.message, message, "{source}");
            assert_eq!(first.span, Some(span), "{source}");
        }
    }

    #[test]
    fn a_query_that_is_too_long_is_not_read() {
        let (tokens, diagnostics) = tokenize(&"a ".repeat(MAX_LENGTH));
        assert!(tokens.is_empty());
        assert_eq!(diagnostics.len(), 1);
    }
}
