//! Secrets in command lines: `--password X`, `mysql -pX`, `curl -u user:X`, `echo X | docker login --password-stdin`.

use super::names::{NameClass, classify, normalized};
use super::rules::{Program, RULES};
use super::value::{is_message, is_mixed, is_placeholder, is_random};
use super::words::{self, Word};
use std::ops::Range;

/// Command lines within the quotes of command lines.
const DEEPEST: usize = 4;

/// The words behind a program among which its subcommand is. Without a limit, the time for a text would grow with its square.
const SUBCOMMAND: usize = 64;

/// The ranges of secrets in a command line, and in those within its quotes.
pub(super) fn find(text: &str, on: &mut dyn FnMut(Range<usize>)) {
    find_within(text, 0, 0, on);
}

/// The same for a part of a text that starts at `start` and is within `depth` pairs of quotes.
fn find_within(text: &str, start: usize, depth: usize, on: &mut dyn FnMut(Range<usize>)) {
    let mut quoted = Vec::new();
    let words = words::split(text, &mut quoted);
    let plain: Vec<&str> = words.iter().map(|word| word.text).collect();
    search(&plain, Some(text), &mut |index, range| {
        if let Some(word) = words.get(index) {
            on(start + word.start + range.start..start + word.start + range.end);
        }
    });
    let start_of = |sink: &String| {
        if sink.starts_with('-') {
            words.iter().find(|word| without_end(word.text) == sink).map(|word| word.start)
        } else {
            text.find(sink.as_str())
        }
    };
    for end in RULES.commands.sinks.iter().filter_map(start_of) {
        echoed(&words, end, &mut |range| on(start + range.start..start + range.end));
    }
    for range in quoted.into_iter().filter(|_| depth < DEEPEST) {
        if let Some(inner) = text.get(range.clone()) {
            find_within(inner, start + range.start, depth + 1, on);
        }
    }
}

/// The same for a list of arguments: reports the index of the argument and the range in it.
pub(super) fn find_in_list(arguments: &[&str], on: &mut dyn FnMut(usize, Range<usize>)) {
    search(arguments, None, on);
}

/// Whether an option with two dashes may take a secret.
pub(super) fn takes_secret(option: &str) -> bool {
    let option = without_end(option);
    let is = |options: &[String]| options.iter().any(|known| known == option);
    matches!(classify(option), NameClass::Secret | NameClass::Weak)
        || RULES.commands.literals.contains(option)
        || is(&RULES.commands.sinks)
        || RULES.programs.iter().any(|program| is(&program.pair) || is(&program.separate))
}

/// An option without what may end the list or the sentence that it is in.
fn without_end(option: &str) -> &str {
    option.trim_end_matches([',', ';', ')', ']', '}', '`', '.', ':'])
}

fn is_separator(word: &str) -> bool {
    matches!(word, ";" | "|" | "||" | "&&" | "&")
}

fn is_option(word: &str) -> bool {
    matches!(word.as_bytes(), [b'-', b'-' | b'a'..=b'z' | b'A'..=b'Z', ..])
}

/// The name of an option, unless it has what no option has: then it is a text, or ends the sentence that it is quoted in.
fn is_option_name(word: &str) -> bool {
    word.len() > 2
        && is_option(word)
        && !word.bytes().any(|byte| byte.is_ascii_whitespace() || matches!(byte, b'`' | b')' | b']' | b'}'))
}

/// Whether a command reads a secret from its input, as in `docker login --password-stdin <<< x`.
fn is_fed(before: &[&str]) -> bool {
    const WORDS: usize = 16;
    before.iter().rev().take(WORDS).take_while(|word| !is_separator(word)).any(|word| {
        let (option, program) = (without_end(word), base_name(word));
        RULES.commands.sinks.iter().any(|sink| sink == option || sink == program)
    })
}

/// Whether a value is a placeholder: `[--token TOKEN]` in the usage of a program.
fn is_metavariable(option: &str, value: &str) -> bool {
    value.bytes().all(|byte| byte.is_ascii_uppercase() || matches!(byte, b'_' | b'-'))
        && normalized(option).ends_with(&normalized(value))
}

/// The program that a word calls: `mysql` in `/usr/bin/mysql`, `$(mysql`, `run(['mysql`.
fn base_name(word: &str) -> &str {
    word.rsplit(['/', '(', '[', '{', '`', '\'', '"', '&', '|', ';']).next().unwrap_or(word)
}

/// Searches words for options; `text` is their text if they are not a list.
fn search(words: &[&str], text: Option<&str>, on: &mut dyn FnMut(usize, Range<usize>)) {
    let mut programs: Vec<&Program> = Vec::new();
    let mut since = 0;
    // In a text, what follows an option may be a message about the option.
    let is_value = |at: usize| {
        let rest = words.get(at..).unwrap_or_default();
        rest.first().is_some_and(|word| {
            !is_placeholder(word)
                && !is_separator(word)
                && !is_option(word)
                && !word.starts_with("id=")
                && (text.is_none() || !is_message(&rest.get(..4).unwrap_or(rest).join(" ")))
        })
    };
    for (at, word) in words.iter().enumerate() {
        if is_separator(word) {
            programs.clear();
            continue;
        }
        let base = base_name(word);
        let named: Vec<&Program> =
            RULES.programs.iter().filter(|program| program.names.iter().any(|name| name == base)).collect();
        if !named.is_empty() {
            (programs, since) = (named, at);
        }
        if at > 0
            && words.get(at - 1) == Some(&"set")
            && classify(word) == NameClass::Secret
            && !word.contains('=')
            && is_value(at + 1)
        {
            whole(words, at + 1, on);
        }
        if let Some(fed) = word.strip_prefix("<<<")
            && is_fed(words.get(..at).unwrap_or_default())
        {
            match fed {
                "" if is_value(at + 1) => whole(words, at + 1, on),
                _ if !is_placeholder(fed) => on(at, word.len() - fed.len()..word.len()),
                _ => {}
            }
        }
        let (name, inline) = word.split_once('=').map_or((*word, None), |(name, value)| (name, Some(value)));
        if is_option_name(name) {
            let class = if name.len() > 3 { classify(name) } else { NameClass::Plain };
            match inline {
                None if class == NameClass::Secret
                    && is_value(at + 1)
                    && (text.is_none() || !words.get(at + 1).is_some_and(|value| is_metavariable(name, value))) =>
                {
                    whole(words, at + 1, on);
                }
                None if class == NameClass::Weak
                    && words.get(at + 1).is_some_and(|value| is_random(value))
                    && is_value(at + 1) =>
                {
                    whole(words, at + 1, on);
                }
                Some(value) if class == NameClass::Weak && text.is_none() && is_random(value) && !is_placeholder(value) => {
                    on(at, name.len() + 1..word.len());
                }
                Some(value) if class == NameClass::Secret && text.is_none() && !is_placeholder(value) => {
                    on(at, name.len() + 1..word.len());
                }
                Some(value) if RULES.commands.literals.contains(name) => literal(word, value, at, on),
                None if RULES.commands.literals.contains(name) => {
                    if let Some(value) = words.get(at + 1) {
                        literal(value, value, at + 1, on);
                    }
                }
                _ => {}
            }
        }
        for program in &programs {
            let called = words.get(since..at.min(since + SUBCOMMAND)).unwrap_or_default();
            if program.after.as_deref().is_some_and(|after| !called.contains(&after)) {
                continue;
            }
            option(program, words, at, &is_value, on);
            // In a text, `vault login failed` is a message.
            let is_first = at.checked_sub(1).and_then(|at| words.get(at)).copied() == program.after.as_deref();
            if text.is_none() || is_value(at) && (is_mixed(word) || !is_first) {
                position(program, called, at, word, on);
            }
        }
    }
}

/// An option of a program.
fn option(
    program: &Program,
    words: &[&str],
    at: usize,
    is_value: &dyn Fn(usize) -> bool,
    on: &mut dyn FnMut(usize, Range<usize>),
) {
    let Some(word) = words.get(at) else { return };
    let is = |options: &[String]| options.iter().any(|option| option == word);
    if is(&program.separate) && is_value(at + 1) {
        whole(words, at + 1, on);
    }
    for option in &program.attached {
        if word.len() > option.len()
            && word.starts_with(option.as_str())
            && word.get(option.len()..).is_some_and(|rest| !is_placeholder(rest))
        {
            on(at, option.len()..word.len());
        }
    }
    for option in &program.pair {
        // `-u user:x`, `-sSu user:x`.
        if word == option || is_last_flag(word, option) {
            if let Some(next) = words.get(at + 1) {
                pair(next, 0, at + 1, on);
            }
        } else if let Some(rest) = word.strip_prefix(option.as_str())
            && (option.len() == 2 || rest.starts_with('='))
        {
            pair(word, option.len(), at, on);
        }
    }
}

/// Whether several flags in one word end with an option of one letter.
fn is_last_flag(word: &str, option: &str) -> bool {
    let flags = word.strip_prefix('-').unwrap_or_default();
    option.len() == 2
        && flags.len() > 1
        && flags.bytes().all(|byte| byte.is_ascii_alphabetic())
        && option.strip_prefix('-').is_some_and(|letter| flags.ends_with(letter))
}

/// `user:password` behind an offset of a word.
fn pair(word: &str, from: usize, at: usize, on: &mut dyn FnMut(usize, Range<usize>)) {
    let colon = word.get(from..).and_then(|rest| rest.find(':')).map(|colon| from + colon + 1);
    if let Some(start) = colon.filter(|start| {
        word.get(*start..).is_some_and(|rest| !rest.is_empty() && !rest.starts_with("//") && !is_placeholder(rest))
    }) {
        on(at, start..word.len());
    }
}

/// `name=secret`.
fn literal(word: &str, value: &str, at: usize, on: &mut dyn FnMut(usize, Range<usize>)) {
    if let Some((_, secret)) = value.split_once('=')
        && !is_placeholder(secret)
    {
        on(at, word.len() - secret.len()..word.len());
    }
}

/// An argument by its position behind a subcommand.
fn position(program: &Program, called: &[&str], at: usize, word: &str, on: &mut dyn FnMut(usize, Range<usize>)) {
    let Some(after) = program.after.as_deref().filter(|_| !program.positions.is_empty() && !word.starts_with('-')) else {
        return;
    };
    let begin = called.iter().rposition(|word| *word == after).map_or(0, |at| at + 1);
    let before = called.get(begin..).unwrap_or_default().iter().filter(|word| !word.starts_with('-')).count();
    if program.positions.contains(&(before + 1)) && !is_placeholder(word) && !word.contains('=') {
        on(at, 0..word.len());
    }
}

fn whole(words: &[&str], at: usize, on: &mut dyn FnMut(usize, Range<usize>)) {
    if let Some(word) = words.get(at) {
        on(at, 0..word.len());
    }
}

/// The arguments of the last `echo` before a position.
fn echoed(words: &[Word<'_>], end: usize, on: &mut dyn FnMut(Range<usize>)) {
    let before = words.iter().take_while(|word| word.start < end).count();
    let words = words.get(..before).unwrap_or_default();
    let Some(echo) = words.iter().rposition(|word| matches!(base_name(word.text), "echo" | "printf")) else {
        return;
    };
    for word in words.get(echo + 1..).unwrap_or_default().iter().take_while(|word| !is_separator(word.text)) {
        if !word.text.starts_with('-') && !word.text.starts_with("%s") && !is_placeholder(word.text) {
            on(word.start..word.start + word.text.len());
        }
    }
}
