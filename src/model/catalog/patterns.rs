//! Many patterns against one text, cheaply.
//!
//! A pattern with a literal that no match can do without is tried only on texts that hold it: looking
//! for the literal takes nanoseconds. (One set of all patterns is slower by far: with this many, its
//! automaton outgrows every cache.) Patterns are compiled when they are first tried, so that a run that
//! meets no failures pays for none.

use memchr::memmem::Finder;
use regex::{Captures, Regex};
use std::sync::OnceLock;

/// Patterns in order, each with the index of the entry it belongs to.
#[derive(Debug, Default)]
pub(super) struct Patterns(Vec<Pattern>);

#[derive(Debug)]
struct Pattern {
    owner: usize,
    text: String,
    literal: Option<Finder<'static>>,
    regex: OnceLock<Option<Regex>>,
}

impl Pattern {
    fn new(owner: usize, text: &str) -> Self {
        let literal = required_literal(text).map(|literal| Finder::new(&literal).into_owned());
        Pattern { owner, text: text.to_owned(), literal, regex: OnceLock::new() }
    }

    fn is_match(&self, text: &str) -> bool {
        if self.literal.as_ref().is_some_and(|literal| literal.find(text.as_bytes()).is_none()) {
            return false;
        }
        self.regex().is_some_and(|regex| regex.is_match(text))
    }

    fn regex(&self) -> Option<&Regex> {
        self.regex.get_or_init(|| Regex::new(&self.text).ok()).as_ref()
    }
}

impl Patterns {
    pub(super) fn new<'p>(patterns: impl Iterator<Item = (usize, &'p str)>) -> Self {
        Patterns(patterns.map(|(owner, text)| Pattern::new(owner, text)).collect())
    }

    /// The entries with a pattern that is found in the text, in ascending order, found one by one.
    pub(super) fn matches<'p>(&'p self, text: &'p str) -> impl Iterator<Item = usize> + 'p {
        self.0.iter().filter(|pattern| pattern.is_match(text)).map(|pattern| pattern.owner)
    }

    /// What the first pattern of an entry that is found in the text catches.
    pub(super) fn captures<'t>(&self, owner: usize, text: &'t str) -> Option<(&Regex, Captures<'t>)> {
        let mut found = self.0.iter().filter(|pattern| pattern.owner == owner && pattern.is_match(text));
        let regex = found.next()?.regex()?;
        Some((regex, regex.captures(text)?))
    }

    /// The first pattern that is no regular expression, with the entry it belongs to.
    pub(super) fn first_broken(&self) -> Option<(usize, regex::Error)> {
        self.0.iter().find_map(|pattern| Some((pattern.owner, Regex::new(&pattern.text).err()?)))
    }
}

/// The longest literal at the top level of a pattern: whatever matches the pattern holds it. None where
/// there is no such literal, or where the syntax is not understood.
fn required_literal(pattern: &str) -> Option<String> {
    let body = pattern.strip_prefix("(?s)").unwrap_or(pattern);
    Literals::collect(body).filter(|literal| literal.len() >= 3)
}

/// Collects runs of literal characters outside groups and classes.
#[derive(Default)]
struct Literals {
    best: String,
    run: String,
}

impl Literals {
    fn collect(body: &str) -> Option<String> {
        let mut literals = Literals::default();
        let mut rest = body.chars().peekable();
        while let Some(letter) = rest.next() {
            match letter {
                '|' => return None,
                '(' | ')' | '[' => {
                    literals.end_run();
                    if letter == ')' || !skip_bracket(letter, &mut rest) {
                        return None;
                    }
                }
                // What is quantified may be missing or repeated: it ends the run it stands at the end of.
                '?' | '*' | '+' | '{' => {
                    literals.run.pop();
                    literals.end_run();
                    if letter == '{' {
                        rest.by_ref().find(|letter| *letter == '}')?;
                    }
                }
                '.' | '^' | '$' => literals.end_run(),
                '\\' => match rest.next()? {
                    escaped if escaped.is_ascii_punctuation() => literals.run.push(escaped),
                    'd' | 'D' | 's' | 'S' | 'w' | 'W' | 'b' | 'B' => literals.end_run(),
                    _ => return None,
                },
                letter => literals.run.push(letter),
            }
        }
        literals.end_run();
        Some(literals.best)
    }

    fn end_run(&mut self) {
        let run = std::mem::take(&mut self.run);
        if run.len() > self.best.len() {
            self.best = run;
        }
    }
}

/// Skips a group or class up to its end; flags within groups hold only there.
fn skip_bracket(open: char, rest: &mut std::iter::Peekable<std::str::Chars<'_>>) -> bool {
    // Flags without a group of their own change what follows.
    let mut flags = rest.clone();
    if open == '('
        && flags.next() == Some('?')
        && flags.find(|letter| !letter.is_ascii_alphabetic() && *letter != '-') == Some(')')
    {
        return false;
    }
    let (mut depth, mut in_class) = (usize::from(open == '('), open == '[');
    if in_class {
        // A bracket that comes first, or after `^`, is a letter of the class.
        rest.next_if_eq(&'^');
        rest.next_if_eq(&']');
    }
    while let Some(letter) = rest.next() {
        match letter {
            '\\' => drop(rest.next()),
            // Classes within classes are not understood.
            '[' if in_class => return false,
            ']' if in_class => in_class = false,
            '[' => {
                in_class = true;
                rest.next_if_eq(&'^');
                rest.next_if_eq(&']');
            }
            '(' if !in_class => depth += 1,
            ')' if !in_class => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth == 0 && !in_class {
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_that_no_match_can_do_without() {
        for (pattern, want) in [
            ("^AGENT$", Some("AGENT")),
            (r"has reached a steady state\.?$", Some("has reached a steady state")),
            (r"(?s)^No offers (?:in fleet '(?P<fleet>[^']+)')?", Some("No offers ")),
            (r"(?si)pullImage error:.*(?:a|b)", None),
            (r"CannotPull(?:ECR)?ContainerError: (?P<rest>.+)", Some("ContainerError: ")),
            ("a|bcdef", None),
            ("(?:abc|def)", None),
            ("(?x) a b c d", None),
            (r"\x41BCD", None),
            ("[[:alpha:]]abcd", None),
            (r"colou?r\[x\] [^]a](abcdefg)", Some("r[x] ")),
            (r"x{3}abc", Some("abc")),
        ] {
            assert_eq!(required_literal(pattern).as_deref(), want, "{pattern}");
        }
    }

    #[test]
    fn a_quantified_letter_is_not_required() {
        let patterns = Patterns::new([(7, "retried [0-9]+ times?: ab*c")].into_iter());
        for text in ["retried 1 time: ac", "retried 22 times: abbc"] {
            assert_eq!(patterns.matches(text).collect::<Vec<_>>(), [7], "{text}");
        }
        assert_eq!(patterns.matches("retried often").count(), 0);
    }
}
