//! Splits command lines into words, as shells read them and as programs print lists of arguments.

use std::ops::Range;

/// A word of a command line: its range in the text, without what encloses it.
pub(super) struct Word<'t> {
    pub(super) text: &'t str,
    pub(super) start: usize,
}

/// Pairs of brackets.
const BRACKETS: [(u8, u8); 3] = [(b'(', b')'), (b'[', b']'), (b'{', b'}')];

/// Splits a text at white space, after the semicolon of a command, and at the commas and brackets of a printed list. Quotes
/// hold a word together; what is between them may be a command line of its own, and is added to `quoted`.
pub(super) fn split<'t>(text: &'t str, quoted: &mut Vec<Range<usize>>) -> Vec<Word<'t>> {
    let bytes = text.as_bytes();
    let mut words = Vec::new();
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        if byte.is_ascii_whitespace() {
            at += 1;
            continue;
        }
        let end = word_end(text, at, quoted);
        add(text, at..end, &mut words);
        at = end;
    }
    words
}

/// Where the word that starts at a position ends.
fn word_end(text: &str, at: usize, quoted: &mut Vec<Range<usize>>) -> usize {
    let bytes = text.as_bytes();
    let before = quoted.len();
    let (mut end, mut opened) = (at, at);
    let mut quote: Option<u8> = None;
    while let Some(byte) = bytes.get(end).copied() {
        match (quote, byte) {
            (Some(open), _) if open == byte => {
                quote = None;
                note(text, opened + 1..end, quoted);
                // `['app','--password']`.
                if bytes.get(end + 1) == Some(&b',') {
                    end += 2;
                    break;
                }
            }
            (None, b'"' | b'\'') if !is_apostrophe(bytes, end) => {
                quote = Some(byte);
                opened = end;
            }
            (None, _) if byte.is_ascii_whitespace() || end > at && starts_list(bytes, end) => break,
            (_, b'\\') => end += 1,
            _ => {}
        }
        end += 1;
    }
    // A quote that is not closed is an apostrophe.
    if quote.is_some() {
        quoted.truncate(before);
        let rest = bytes.get(at..).unwrap_or_default();
        end = at + rest.iter().position(u8::is_ascii_whitespace).unwrap_or(rest.len());
    }
    let end = end.clamp(at + 1, bytes.len().max(at + 1));
    // The quotes around a printed list are also those of its elements: `'['app', '--password']'`.
    if let Some([open @ (b'"' | b'\''), .., close]) = bytes.get(at..end)
        && open == close
    {
        quoted.truncate(before);
        note(text, at + 1..end - 1, quoted);
    }
    end
}

/// Notes what is between quotes if it has several words.
fn note(text: &str, range: Range<usize>, quoted: &mut Vec<Range<usize>>) {
    let inner = text.get(range.clone()).unwrap_or_default();
    if inner.bytes().any(|byte| byte.is_ascii_whitespace() || matches!(byte, b'"' | b'\'')) {
        quoted.push(range);
    }
}

/// Whether a quote is the apostrophe of `it's` or `can't`.
fn is_apostrophe(bytes: &[u8], at: usize) -> bool {
    let around = at.checked_sub(1).and_then(|from| bytes.get(from..));
    matches!(around, Some([before, b'\'', b's' | b't', rest @ ..])
        if before.is_ascii_alphabetic() && !rest.first().is_some_and(u8::is_ascii_alphanumeric))
}

/// Whether the elements of a list start: `args=['--password'`, `run(["app"`, `args=[--password`.
fn starts_list(bytes: &[u8], at: usize) -> bool {
    let around = at.checked_sub(1).and_then(|from| bytes.get(from..));
    matches!(around, Some([b'=' | b':' | b'(' | b'[' | b'{' | b'$' | b',', b'(' | b'[' | b'{', b'-' | b'"' | b'\'', ..]))
}

/// Adds the word in a range, and the semicolon behind it.
fn add<'t>(text: &'t str, range: Range<usize>, words: &mut Vec<Word<'t>>) {
    let whole = text.get(range.clone()).unwrap_or_default();
    match whole.strip_suffix(';').filter(|front| !front.is_empty()) {
        Some(front) => {
            words.push(bare(front, range.start));
            words.push(Word { text: ";", start: range.end - 1 });
        }
        None => words.push(bare(whole, range.start)),
    }
}

/// A word without the quotes, commas and brackets around it. Brackets that are closed within it belong to it, as in `${A}`.
fn bare(whole: &str, start: usize) -> Word<'_> {
    /// Characters around a word, on each side.
    const MOST: usize = 8;
    let has = |byte: u8, rest: &str| memchr::memchr(byte, rest.as_bytes()).is_some();
    let mut text = whole;
    for _ in 0..MOST {
        let Some(first) = text.bytes().next() else { break };
        let is_escaped_quote = first == b'\\' && matches!(text.as_bytes().get(1), Some(b'"' | b'\''));
        let is_open = BRACKETS.iter().any(|(open, close)| first == *open && !has(*close, text));
        if !(matches!(first, b'"' | b'\'' | b'`' | b',') || is_escaped_quote || is_open) {
            break;
        }
        text = text.get(1..).unwrap_or_default();
    }
    let start = start + whole.len() - text.len();
    let is_option = text.starts_with('-');
    for _ in 0..MOST {
        let Some(last) = text.bytes().last() else { break };
        // What encloses an option is kept: `` use `--password` instead ``.
        let is_close = !is_option && (last == b'`' || BRACKETS.iter().any(|(open, close)| last == *close && !has(*open, text)));
        if !(matches!(last, b'"' | b'\'' | b',' | b'\\') || is_close) {
            break;
        }
        text = text.get(..text.len() - 1).unwrap_or_default();
    }
    Word { text, start }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(text: &str) -> Vec<&str> {
        split(text, &mut Vec::new()).iter().map(|word| word.text).collect()
    }

    #[test]
    fn words_of_shells_and_of_printed_lists() {
        assert_eq!(texts("app --token x; b"), ["app", "--token", "x", ";", "b"]);
        assert_eq!(texts("['app','--token', 'x y']"), ["app", "--token", "x y"]);
        assert_eq!(texts(r#"exec: ["app" "--token" "x"]: exit 1"#), ["exec:", "app", "--token", "x\"]:", "exit", "1"]);
        assert_eq!(texts("args=[--token x] it's (run ${A})"), ["args=", "--token", "x", "it's", "run", "${A}"]);
        assert_eq!(texts("use `--token` instead"), ["use", "--token`", "instead"]);
    }

    #[test]
    fn words_are_where_their_starts_say() {
        let text = r#"a=["-x", 'it is'] (\"b c\") {d; e;} 'f"#;
        for word in split(text, &mut Vec::new()) {
            assert_eq!(&text[word.start..word.start + word.text.len()], word.text);
        }
    }

    #[test]
    fn command_lines_within_quotes_are_found() {
        for text in ["sh -c 'app --token x'", "'['app', '--token', 'x']'", r#"cmd="app --token x""#, r#""app --token x": bad"#] {
            let mut quoted = Vec::new();
            split(text, &mut quoted);
            assert_eq!(quoted.len(), 1, "{text}");
            assert!(text[quoted[0].clone()].contains("--token"), "{text}");
        }
    }
}
