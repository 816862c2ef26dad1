//! The quick search that decides whether a record or a text has to be searched in detail.
//!
//! In: text. Out: whether it may hold a credential under a key that does not announce one. The search runs over every byte
//! of every record, so it looks for a few rare characters and literals in one pass, and checks what is around them.
//! Invariant: it finds everything in a record that [`super::text::masked`] masks in one of its strings (property test).

use super::rules::RULES;
use super::{WORTH_A_LOOK, assign, command, url};
use aho_corasick::{AhoCorasick, packed};
use std::sync::LazyLock;
use wide::u8x16;

/// Bytes compared at a time.
const LANES: usize = 16;

/// The bytes of an option that are read. Names that are longer do not announce a secret.
const LONGEST_OPTION: usize = 128;

/// The bit that distinguishes lower case from upper case.
const LETTER_CASE: u8 = 0x20;

/// Whether a string without escapes may hold a credential regardless of its key. `record` is the JSON of the record.
pub fn has_credential_text(record: &str) -> bool {
    let literals = &*LITERALS;
    has_candidate(record, literals) || literals.anywhere.is_in(record)
}

/// The same for one string, which may have keys in quotes.
pub(super) fn has_credential(text: &str) -> bool {
    has_credential_text(text) || {
        memchr::memmem::find_iter(text.as_bytes(), b"\":").any(|quote| assign::announces(text, quote + 1))
            || memchr::memmem::find_iter(text.as_bytes(), b"\" =").any(|quote| assign::announces(text, quote + 2))
    }
}

/// What formats start with.
struct Literals {
    /// Those without a dash and an underscore.
    anywhere: Anywhere,
    /// The others, up to the first of these characters, by the two bytes before it.
    fronts: Vec<Vec<Vec<u8>>>,
    /// For each pair of bytes, the number of its list in `fronts`, from 1.
    pairs: Vec<u8>,
}

/// Searches for literals. The fast search needs vector instructions that not every processor has.
enum Anywhere {
    Fast(packed::Searcher),
    Plain(AhoCorasick),
}

impl Anywhere {
    fn of(literals: &[&str]) -> Anywhere {
        let fast = packed::Config::new().match_kind(packed::MatchKind::LeftmostFirst).builder().extend(literals).build();
        fast.map_or_else(|| Anywhere::Plain(AhoCorasick::new(literals).expect("the literals are short")), Anywhere::Fast)
    }

    fn is_in(&self, text: &str) -> bool {
        match self {
            Anywhere::Fast(search) => search.find(text).is_some(),
            Anywhere::Plain(search) => search.is_match(text),
        }
    }
}

static LITERALS: LazyLock<Literals> = LazyLock::new(|| {
    let (mut fronts, mut pairs): (Vec<Vec<Vec<u8>>>, Vec<u8>) = (Vec::new(), vec![0; 1 << 16]);
    let mut anywhere = Vec::new();
    for literal in RULES.searched.iter().chain(&RULES.commands.words) {
        match literal.find(['-', '_']).filter(|cut| *cut >= 2) {
            Some(cut) => {
                let front = literal.as_bytes().get(..=cut).unwrap_or_default().to_vec();
                if let [.., first, second, _] = front.as_slice()
                    && let Some(number) = pairs.get_mut(usize::from(*first) << 8 | usize::from(*second))
                {
                    if *number == 0 {
                        fronts.push(Vec::new());
                        *number = u8::try_from(fronts.len()).unwrap_or_default();
                    }
                    if let Some(alike) = fronts.get_mut(usize::from(*number).wrapping_sub(1)) {
                        alike.push(front);
                    }
                }
            }
            None if literal.len() >= 4 => anywhere.push(literal.as_str()),
            // `SG.` and `SK` are searched as pairs.
            None => {}
        }
    }
    Literals { anywhere: Anywhere::of(&anywhere), fronts, pairs }
});

impl Literals {
    /// Whether a dash or underscore is in a word that no literal starts with: most of what is found, as in ids and dates.
    #[inline(always)]
    fn is_dash_in_word(&self, bytes: &[u8], at: usize) -> bool {
        let Some([first, second, b'-' | b'_']) = at.checked_sub(2).and_then(|from| bytes.get(from..=at)) else { return false };
        let pair = usize::from(*first) << 8 | usize::from(*second);
        second.is_ascii_alphanumeric() && self.pairs.get(pair) == Some(&0) && *second != b'n'
    }

    /// Whether a literal ends with the dash or underscore after `before`.
    #[inline]
    fn end_with(&self, before: &[u8], mark: u8) -> bool {
        let [.., first, second] = before else { return false };
        let pair = usize::from(*first) << 8 | usize::from(*second);
        let number = self.pairs.get(pair).copied().unwrap_or_default();
        number != 0 && self.ends_with_any(usize::from(number), before, mark)
    }

    #[inline(never)]
    fn ends_with_any(&self, number: usize, before: &[u8], mark: u8) -> bool {
        let fronts = self.fronts.get(number - 1).map(Vec::as_slice).unwrap_or_default();
        fronts.iter().any(|front| {
            let Some((last, front)) = front.split_last() else { return false };
            let word = before.len().checked_sub(front.len() + 1).and_then(|at| before.get(at));
            *last == mark && before.ends_with(front) && !word.is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_')
        })
    }
}

/// Whether one of the characters that mark a credential is present, with what makes it one.
fn has_candidate(record: &str, literals: &Literals) -> bool {
    let bytes = record.as_bytes();
    let small = u8x16::splat(LETTER_CASE);
    let [assigns, at_sign, underscore, percent, colon, tilde, quote] = b"=@_%:~\"".map(u8x16::splat);
    let dash_to_assigns = u8x16::splat(b'-' ^ b'=');
    let [k, e, w, o, d, r, space, upper_s, upper_k, upper_g] = b"kewodr SKG".map(u8x16::splat);
    // Letters are above 0x3f, and a backslash and a closing bracket differ in one bit.
    let [t, zero, above, backtick, bar, even] = [b't', 0, 0xc0, b'`', b'|', 0xfe].map(u8x16::splat);
    let mut at = 0;
    while let Some(part) = bytes.get(at..=at + LANES) {
        if let (Some(these), Some(next)) = (part.first_chunk(), part.last_chunk()) {
            let (these, next) = (u8x16::new(*these), u8x16::new(*next));
            let (letters, followers) = (these | small, next | small);
            // A dash and an equals sign differ in one bit.
            let marks = (these | dash_to_assigns).simd_eq(assigns)
                | these.simd_eq(at_sign)
                | these.simd_eq(underscore)
                | these.simd_eq(percent)
                | these.simd_eq(colon)
                | these.simd_eq(tilde);
            // "key" and "token"; "password", "passwd" and "pwd"; "bearer "; "SG." and "SK".
            let ke = letters.simd_eq(k) & followers.simd_eq(e);
            let wo = letters.simd_eq(w) & (followers.simd_eq(o) | followers.simd_eq(d));
            let blanks = letters.simd_eq(r) & next.simd_eq(space);
            let pairs = these.simd_eq(upper_s) & (next.simd_eq(upper_k) | next.simd_eq(upper_g));
            // The end of "set".
            let word_ends = (next & above).simd_eq(zero) | (followers & even).simd_eq(bar) | next.simd_eq(backtick);
            let sets = these.simd_eq(t) & word_ends;
            // A colon after a key is the most frequent mark and never one of a credential. That in the first lane is
            // checked below.
            let after_keys = (these.simd_eq(quote) & next.simd_eq(colon)).to_bitmask() << 1;
            let mut found = (marks | ke | wo | blanks | pairs | sets).to_bitmask() & !after_keys;
            while found != 0 {
                let place = at + found.trailing_zeros() as usize;
                found &= found - 1;
                if !literals.is_dash_in_word(bytes, place) && marks_credential(record, place, literals) {
                    return true;
                }
            }
        }
        at += LANES;
    }
    (at..bytes.len()).any(|at| marks_credential(record, at, literals))
}

/// Whether the byte at a position marks a credential.
#[inline]
fn marks_credential(record: &str, at: usize, literals: &Literals) -> bool {
    let (before, from) = record.as_bytes().split_at_checked(at).unwrap_or_default();
    let Some(mark) = from.first().copied() else { return false };
    match mark {
        b'-' => is_dash_of_option(before, from) || literals.end_with(before, mark),
        b'_' => literals.end_with(before, mark),
        b':' => !is_plain_colon(before) && marks_rarely(record, at, before, from),
        b't' => before.strip_suffix(b"se").is_some_and(|front| sets_secret(front, from)),
        _ => marks_rarely(record, at, before, from),
    }
}

/// The colons of most records: after a key, in a time, and in the name of a resource.
#[inline]
fn is_plain_colon(before: &[u8]) -> bool {
    matches!(
        before,
        [.., b'"']
            | [.., b'0'..=b'9', b'T', b'0'..=b'9', b'0'..=b'9']
            | [.., b':', b'0'..=b'9', b'0'..=b'9']
            | [.., b'"' | b':', b'a', b'r', b'n']
            | [.., b':', b'a', b'w', b's']
    )
}

/// `--password`, ` -p`, `-----BEGIN`.
#[inline]
fn is_dash_of_option(before: &[u8], from: &[u8]) -> bool {
    match from {
        [_, b'B', b'E', b'G', b'I', b'N', b' ', ..] => before.ends_with(b"----"),
        [_, b'-', ..] if !matches!(before.last(), Some(b'-')) => is_secret_option(from),
        [_, next, ..] if starts_word(before) => next.is_ascii_alphabetic(),
        _ => false,
    }
}

/// Whether a word of a command line starts after `before`, as [`super::words`] splits it.
#[inline]
fn starts_word(before: &[u8]) -> bool {
    matches!(
        before,
        [] | [.., b' ' | b'"' | b'\'' | b'\t' | b'\n' | b'\r' | 0x0c | b'`' | b',' | b'(' | b'[' | b'{'] | [.., b'\\', b'n']
    )
}

/// Whether an option with two dashes takes a secret.
#[inline(never)]
fn is_secret_option(from: &[u8]) -> bool {
    // The same end of a word as in the search of command lines, so that no option is overlooked.
    let in_option = |byte: &&u8| !byte.is_ascii_whitespace() && !matches!(byte, b'=' | b'"' | b'\'' | b'\\');
    let length = from.iter().take(LONGEST_OPTION).take_while(in_option).count();
    let option = from.get(..length).unwrap_or_default().utf8_chunks().next().map_or("", |chunk| chunk.valid());
    command::takes_secret(option)
}

#[inline(never)]
fn marks_rarely(record: &str, at: usize, before: &[u8], from: &[u8]) -> bool {
    let after =
        |word: &[u8]| from.split_at_checked(word.len()).filter(|(is, _)| is.eq_ignore_ascii_case(word)).map(|(_, after)| after);
    match from.first().copied().unwrap_or_default() {
        b':' if is_of_format(before, from) => true,
        b'=' | b':' => assign::announces(record, at),
        // `sha256~…` of OpenShift and the `8Q~` within those of Azure.
        b'~' => before.ends_with(b"sha256") || matches!(before, [.., b'0'..=b'9', b'Q']),
        b'@' => url::announces(record, at),
        b'%' => from.get(1) == Some(&b'3'),
        b'S' => match from {
            [_, b'G', b'.', ..] => true,
            [_, b'K', digit, ..] => digit.is_ascii_hexdigit(),
            _ => false,
        },
        letter => match letter | LETTER_CASE {
            b'k' => after(b"key").or_else(|| after(b"ken")).is_some_and(is_assigned),
            // `echo user:secret | chpasswd`.
            b'w' if from.starts_with(b"wd") && before.ends_with(b"chpass") => true,
            b'w' => after(b"word")
                .or_else(|| after(b"wd"))
                .is_some_and(|after| is_assigned(after) || after.starts_with(b" ") && is_login(before)),
            b'r' => before.last_chunk().is_some_and(|last: &[u8; 5]| last.eq_ignore_ascii_case(b"beare")),
            _ => false,
        },
    }
}

/// Whether a colon is that of a bot of Telegram (`123456789:AA…`) or of a line of `.pgpass` (`host:5432:db:user:password`).
fn is_of_format(before: &[u8], from: &[u8]) -> bool {
    from.starts_with(b":AA") && before.last().is_some_and(u8::is_ascii_digit) || from.starts_with(b":5432:")
}

/// Whether an assignment, the end of an element or a quoted value follows.
fn is_assigned(text: &[u8]) -> bool {
    let digits = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let text = text.get(digits..).unwrap_or_default();
    match text.first() {
        // `'password': 'x'`, `<password>`. A double quote ends the string: the word is a key or a value.
        Some(b'\'' | b'`' | b']' | b'>' | b'=' | b':') => true,
        // `setPassword("x")`, `password&quot;:`, `password\u003dx`.
        Some(b'(') => matches!(text.get(1), Some(b'"' | b'\'' | b'\\')),
        Some(b'&') => text.starts_with(b"&quot;"),
        Some(b'\\') => {
            let slashes = text.iter().take_while(|byte| **byte == b'\\').count();
            text.get(slashes..).is_some_and(|rest| rest.starts_with(b"u003"))
        }
        // `password = x`, `password 'x'`, `password is 'x'`, `password for a is: x`, `login x password y`.
        Some(b' ' | b'\t') => {
            !matches!(text.trim_ascii_start().first(), Some(b'a'..=b'e' | b'g' | b'h' | b'j'..=b'v' | b'x'..=b'z'))
        }
        _ => false,
    }
}

/// Whether the word "set" may set a secret: `aws configure set aws_secret_access_key x`. `from` starts with its last letter.
#[inline(never)]
fn sets_secret(front: &[u8], from: &[u8]) -> bool {
    let is_in_word = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    if is_in_word(front.last()) || is_in_word(from.get(1)) {
        return false;
    }
    // Any name of a secret contains one of these words, without the characters between its own.
    let name = from.iter().skip(1).skip_while(|byte| !byte.is_ascii_alphanumeric()).take(LONGEST_OPTION);
    let name: Vec<u8> = name.copied().filter(u8::is_ascii_alphanumeric).collect();
    WORTH_A_LOOK.is_match(&name)
}

/// Whether a line of a `.netrc` precedes.
fn is_login(before: &[u8]) -> bool {
    let near = before.get(before.len().saturating_sub(200)..).unwrap_or_default();
    memchr::memmem::find(near, b"login ").is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// With more, the search looks at half as many bytes at a time.
    #[test]
    fn the_fast_search_has_few_literals() {
        let is_elsewhere = |literal: &&String| literal.find(['-', '_']).is_some_and(|cut| cut >= 2) || literal.len() < 4;
        let others: Vec<&String> =
            RULES.searched.iter().chain(&RULES.commands.words).filter(|literal| !is_elsewhere(literal)).collect();
        assert!(others.len() <= 32, "{}: {others:?}", others.len());
    }

    #[test]
    fn both_searches_find_the_same_literals() {
        let (literals, texts) =
            (["hooks.slack.com", "AIza", ".eyJ"], ["https://hooks.slack.com/x", "key AIzaSy", "a.eyJ", "nothing", ""]);
        let plain = Anywhere::Plain(AhoCorasick::new(literals).unwrap());
        let other = Anywhere::of(&literals);
        for text in texts {
            assert_eq!(plain.is_in(text), other.is_in(text), "{text}");
        }
        assert!(plain.is_in(texts[0]) && !plain.is_in(texts[3]));
    }

    #[test]
    fn whatever_a_secret_is_called_setting_it_is_found() {
        for text in [
            "app config set client_secret x",
            "app config set\tcookie x",
            "['app', 'set', 'db-dsn', 'x']",
            "use `set` (pass.phrase) x",
            "a \\\"set\\\" \\\"jwt\\\" x",
            "set [private_key_pem] x",
        ] {
            // The fast search and the rest at the end.
            for text in [text.to_owned(), format!("{text}{}", " and more".repeat(8))] {
                assert!(has_credential_text(&text), "{text}");
            }
        }
        for text in ["offset secret x", "settle secret x", "the image is set", "set the number of jobs to 4, and their size"] {
            assert!(!has_credential_text(text), "{text}");
        }
    }

    #[test]
    fn an_option_is_read_as_far_as_its_word_goes() {
        for option in ["--db/password", "--seſſion-token", "--spring.datasource:password"] {
            assert!(command::takes_secret(option) && is_secret_option(format!("{option} x").as_bytes()), "{option}");
        }
        assert!(!is_secret_option(b"--name password"));
    }
}
