//! Decides which values are secrets, given the name or text that announces them.

use super::MASK;
use super::rules::RULES;

/// Whether a value hides nothing: empty, a variable, a reference, or a secret that was removed before.
pub(super) fn is_placeholder(value: &str) -> bool {
    let value = value.trim();
    let inner = value.trim_matches(|letter: char| matches!(letter, '"' | '\'' | '`' | '.' | ',' | ';' | '(' | ')'));
    if !inner.bytes().any(|byte| byte.is_ascii_alphanumeric() || !byte.is_ascii()) {
        return true;
    }
    if value.contains(MASK) && value.len() < MASK.len() + 24 || inner.starts_with("***") || is_repeated(inner) {
        return true;
    }
    let between =
        |open: &str, close: &str| inner.strip_prefix(open).is_some_and(|rest| rest.find(close) == Some(rest.len() - close.len()));
    if between("${", "}") || between("{{", "}}") || between("%", "%") || is_substitution(value, inner) {
        return true;
    }
    // `<your token>`, `[REDACTED]`, but not a list of values.
    let is_list = inner.bytes().any(|byte| matches!(byte, b'"' | b'\'' | b',' | b'='));
    if (between("<", ">") || between("[", "]")) && !is_list && !is_random(inner) {
        return true;
    }
    let is_variable = |name: &str| {
        !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_' || byte.is_ascii_digit())
    };
    if inner.strip_prefix('$').is_some_and(is_variable) || matches!(inner, "%s" | "%v" | "%d" | "{}" | "?") {
        return true;
    }
    let values = &RULES.values;
    inner.len() < 40 && values.placeholders.contains(&inner.to_ascii_lowercase())
        || values.references.iter().any(|reference| inner.starts_with(reference.as_str()))
}

/// Whether a value is the output of a command, `$(cat file)`, that does not contain it, as `$(echo x)` does. `inner` is
/// without the closing bracket.
fn is_substitution(value: &str, inner: &str) -> bool {
    let prints = |rest: &str| !rest.trim_start_matches(['"', '\'', ' ']).starts_with('$');
    value.contains(')')
        && inner.strip_prefix("$(").is_some_and(|command| {
            !["echo ", "printf "].iter().any(|program| command.trim_start().strip_prefix(*program).is_some_and(prints))
        })
}

fn is_repeated(text: &str) -> bool {
    let mut letters = text.bytes();
    let first = letters.next();
    text.len() > 2 && matches!(first, Some(b'x' | b'X' | b'*' | b'.')) && letters.all(|letter| Some(letter) == first)
}

/// Whether a value looks generated: a piece of at least 12 letters and digits in irregular order.
pub(super) fn is_random(value: &str) -> bool {
    value.split(|letter: char| !(letter.is_ascii_alphanumeric() || letter == '+')).any(is_random_piece) || is_uuid(value)
}

fn is_random_piece(piece: &str) -> bool {
    let class = |byte: u8| match byte {
        b'0'..=b'9' => 0u8,
        b'a'..=b'z' => 1,
        _ => 2,
    };
    let bytes = piece.as_bytes();
    let changes = bytes.windows(2).filter(|pair| matches!(pair, [left, right] if class(*left) != class(*right))).count();
    let digits = bytes.iter().filter(|byte| byte.is_ascii_digit()).count();
    let letters = bytes.len() - digits;
    bytes.len() >= 12 && letters > 0 && (digits > 0 && changes >= 3 || digits == 0 && changes * 3 >= bytes.len())
}

fn is_uuid(value: &str) -> bool {
    let parts: Vec<&str> = value.split('-').collect();
    parts.iter().map(|part| part.len()).eq([8, 4, 4, 4, 12])
        && parts.iter().all(|part| part.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

/// Whether a value is not simply a word: it has a digit, or capitals after its start.
pub(super) fn is_mixed(value: &str) -> bool {
    value.bytes().any(|byte| byte.is_ascii_digit()) || value.bytes().skip(1).any(|byte| byte.is_ascii_uppercase())
}

/// Whether the text after `password:` is the rest of a message rather than a password.
pub(super) fn is_message(rest: &str) -> bool {
    let rest = rest.trim_start_matches(|letter: char| letter.is_whitespace() || matches!(letter, '(' | '"' | '\''));
    let end = rest.find(|letter: char| letter.is_whitespace()).unwrap_or(rest.len());
    let (word, after) = rest.split_at_checked(end).unwrap_or((rest, ""));
    let bare = word.trim_end_matches(['.', ',', ';', ':', ')', '!', '"', '\'']);
    if is_diagnostic(bare) {
        return true;
    }
    let values = &RULES.values;
    let is_word = bare.len() > 3 && bare.bytes().all(|byte| byte.is_ascii_alphabetic() || byte == b'-') && !is_camel(bare);
    let lower = bare.to_ascii_lowercase();
    let has_end = |ends: &[String]| ends.iter().any(|end| lower.ends_with(end.as_str()));
    if is_word && has_end(&values.diagnostic_ends) && (word.len() > bare.len() || !after.trim().is_empty()) {
        return true;
    }
    // `AccessDeniedException: …`, `ResourceNotFound`.
    let is_error = bare.bytes().all(|byte| byte.is_ascii_alphabetic())
        && ["exception", "error", "failure", "fault", "notfound", "denied"].iter().any(|end| lower.ends_with(end));
    // `401 Unauthorized`.
    let is_status = bare.len() == 3
        && bare.bytes().all(|byte| byte.is_ascii_digit())
        && after.trim_start().starts_with(|letter: char| letter.is_alphabetic());
    is_error || is_status || is_path(bare)
}

/// A word of messages.
pub(super) fn is_diagnostic(word: &str) -> bool {
    word.len() < 24 && RULES.values.diagnostic.contains(&word.to_ascii_lowercase())
}

fn is_camel(word: &str) -> bool {
    let inner = word.get(1..).unwrap_or_default();
    inner.bytes().any(|byte| byte.is_ascii_uppercase()) && inner.bytes().any(|byte| byte.is_ascii_lowercase())
}

/// Whether a value is the path of a file.
pub(super) fn is_path(value: &str) -> bool {
    let Some(inner) = value.strip_prefix("./").or_else(|| value.strip_prefix('/')) else { return false };
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'_' | b'-' | b'.');
    inner.bytes().all(is_plain) && !inner.split('/').any(is_random_piece)
}
