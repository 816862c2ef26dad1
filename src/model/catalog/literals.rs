//! Extracts the literals that a text must contain to match a pattern.
//!
//! In: a regular expression. Out: lists of literals; every match contains at least one literal of each list, ignoring
//! case. If none is known or the syntax is not supported, the result is empty, which is always correct: such a pattern
//! is tried on every text.

use std::iter::Peekable;
use std::str::Chars;

/// Shorter literals are too common to be useful.
const SHORTEST: usize = 3;

/// Maximum number of alternatives; searching for more costs more than it saves.
const MOST: usize = 32;

/// Lists of lower-case literals; every match of `pattern` contains one of each.
pub(super) fn required(pattern: &str) -> Demands {
    let mut parser = Parser { rest: pattern.chars().peekable(), ignores_case: false };
    let found = parser.alternatives().unwrap_or_default();
    if parser.rest.next().is_some() { Demands::new() } else { found }
}

/// The syntax is not supported.
struct Foreign;

/// Lists of literals; one of each list must be present.
pub(super) type Demands = Vec<Vec<String>>;

/// The list whose shortest literal is the longest, since it occurs in the fewest texts.
fn best(demands: Demands) -> Option<Vec<String>> {
    let shortest = |literals: &Vec<String>| literals.iter().map(String::len).min();
    demands.into_iter().rev().max_by_key(shortest)
}

struct Parser<'p> {
    rest: Peekable<Chars<'p>>,
    ignores_case: bool,
}

/// The known requirements of a concatenation.
#[derive(Default)]
struct Row {
    demands: Demands,
    run: String,
}

impl Parser<'_> {
    /// Branches up to the end of the group or pattern. A branch without requirements makes the others useless.
    fn alternatives(&mut self) -> Result<Demands, Foreign> {
        let first = self.branch()?;
        if self.rest.peek() != Some(&'|') {
            return Ok(first);
        }
        let mut all = best(first);
        while self.rest.next_if_eq(&'|').is_some() {
            let branch = best(self.branch()?);
            all = all.zip(branch).map(|(mut all, more)| {
                all.extend(more);
                all
            });
        }
        Ok(all.filter(|all| all.len() <= MOST).into_iter().collect())
    }

    fn branch(&mut self) -> Result<Demands, Foreign> {
        let mut row = Row::default();
        while let Some(letter) = self.rest.next_if(|letter| !matches!(letter, '|' | ')')) {
            match letter {
                '(' => {
                    row.end_run();
                    let inner = self.group()?;
                    if self.is_there() {
                        row.demands.extend(inner);
                    }
                }
                '[' => {
                    row.end_run();
                    self.skip_class()?;
                    self.is_there();
                }
                '.' | '^' | '$' => {
                    row.end_run();
                    self.is_there();
                }
                '\\' => match self.rest.next().ok_or(Foreign)? {
                    escaped if escaped.is_ascii_punctuation() => self.letter(escaped, &mut row),
                    'd' | 'D' | 's' | 'S' | 'w' | 'W' | 'b' | 'B' => {
                        row.end_run();
                        self.is_there();
                    }
                    _ => return Err(Foreign),
                },
                letter => self.letter(letter, &mut row),
            }
        }
        row.end_run();
        Ok(row.demands)
    }

    /// A literal character and its quantifier.
    fn letter(&mut self, letter: char, row: &mut Row) {
        // If case is ignored, two non-ASCII characters match these letters: the Kelvin sign and the long s.
        let is_plain = !self.ignores_case || (letter.is_ascii() && !matches!(letter, 'k' | 'K' | 's' | 'S'));
        let repeats = self.rest.peek() == Some(&'+');
        if !self.is_there() || !is_plain {
            row.end_run();
            return;
        }
        row.run.push(letter.to_ascii_lowercase());
        if repeats {
            row.end_run();
        }
    }

    /// Reads the quantifier of the preceding part; returns whether a match must contain that part.
    fn is_there(&mut self) -> bool {
        let quantifier = self.rest.next_if(|letter| matches!(letter, '?' | '*' | '+' | '{'));
        if quantifier == Some('{') {
            self.rest.by_ref().find(|letter| *letter == '}');
        }
        if quantifier.is_some() {
            self.rest.next_if_eq(&'?');
        }
        matches!(quantifier, None | Some('+'))
    }

    /// The content of a group, between its parentheses.
    fn group(&mut self) -> Result<Demands, Foreign> {
        if self.rest.next_if_eq(&'?').is_some() {
            match self.rest.next().ok_or(Foreign)? {
                ':' => {}
                'P' | '<' => drop(self.rest.by_ref().find(|letter| *letter == '>').ok_or(Foreign)?),
                // Flags for this group or for the rest of the pattern.
                flag => {
                    let mut flag = flag;
                    while !matches!(flag, ')' | ':') {
                        self.ignores_case |= flag == 'i';
                        if !matches!(flag, 'i' | 's' | 'm') {
                            return Err(Foreign);
                        }
                        flag = self.rest.next().ok_or(Foreign)?;
                    }
                    if flag == ')' {
                        return Ok(Demands::new());
                    }
                }
            }
        }
        let inner = self.alternatives()?;
        self.rest.next_if_eq(&')').map(|_| inner).ok_or(Foreign)
    }

    /// Skips a character class. Nested classes are not supported.
    fn skip_class(&mut self) -> Result<(), Foreign> {
        // A bracket at the start, or after `^`, is a literal member of the class.
        self.rest.next_if_eq(&'^');
        self.rest.next_if_eq(&']');
        loop {
            match self.rest.next().ok_or(Foreign)? {
                '\\' => drop(self.rest.next()),
                '[' => return Err(Foreign),
                ']' => return Ok(()),
                _ => {}
            }
        }
    }
}

impl Row {
    fn end_run(&mut self) {
        let run = std::mem::take(&mut self.run);
        if run.len() >= SHORTEST {
            self.demands.push(vec![run]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::catalog::FailureCatalog;
    use regex::Regex;

    #[test]
    fn literals_that_no_match_can_do_without() {
        for (pattern, want) in [
            ("^AGENT$", &["agent"][..]),
            (r"has reached a steady state\.?$", &["has reached a steady state"]),
            (r"(?s)^No offers (?:in fleet '(?P<fleet>[^']+)')?", &["no offers "]),
            (r"(?si)pullImage error:.*(?:a|b)", &["pullimage error:"]),
            (r"CannotPull(?:ECR)?ContainerError: (?P<rest>.+)", &["containererror: "]),
            ("a|bcdef", &[]),
            ("abc|def", &["abc", "def"]),
            ("(?:abc|def) or", &["abc", "def"]),
            ("(?:abc|def)? or", &[" or"]),
            ("(?:abc|def)+ or", &["abc", "def"]),
            ("(?:abc|(?P<name>def|ghi))", &["abc", "def", "ghi"]),
            ("(?:abc|.*)", &[]),
            ("(?i)tasks", &["ta"; 0]),
            ("(?i)secret does not", &["ecret doe"]),
            ("(?x) a b c d", &[]),
            ("(?i:abcd)", &["abcd"]),
            ("x(?s:.+)abc(?i:sk)", &["abc"]),
            ("(?-i)abcd", &[]),
            (r"\x41BCD", &[]),
            ("[[:alpha:]]abcd", &[]),
            (r"colou?r\[x\] [^]a](abcdefg)", &["abcdefg"]),
            (r"x{3}abc", &["abc"]),
            ("abc+def?", &["abc"]),
            ("abc*?def+?g", &["def"]),
            ("(abc", &[]),
            ("abc)", &[]),
            ("abc\\", &[]),
            ("can’t see", &["can’t see"]),
        ] {
            assert_eq!(best(required(pattern)).unwrap_or_default(), want, "{pattern}");
        }
    }

    #[test]
    fn all_parts_of_a_pattern_are_demanded() {
        assert_eq!(required("^abc.*(?:def|ghij) (?P<x>klm)$"), [vec!["abc"], vec!["def", "ghij"], vec!["klm"]]);
        assert_eq!(required("abc(?:def.*ghij|klm)"), [vec!["abc"], vec!["ghij", "klm"]]);
        assert_eq!(required("abc(?:def)?(?:ghi|)"), [vec!["abc"]]);
    }

    #[test]
    fn what_a_pattern_matches_holds_what_it_demands() {
        let catalog = FailureCatalog::builtin();
        let patterns = catalog.entries().iter().flat_map(|entry| &entry.patterns);
        let patterns: Vec<&String> = patterns.chain(catalog.benign().iter().flat_map(|entry| &entry.patterns)).collect();
        let texts = catalog.entries().iter().flat_map(|entry| &entry.examples);
        let texts: Vec<&String> = texts.chain(catalog.benign().iter().flat_map(|entry| &entry.examples)).collect();
        let mut free = Vec::new();
        for pattern in &patterns {
            let demands = required(pattern);
            if demands.is_empty() {
                free.push(pattern);
            }
            let regex = Regex::new(pattern).unwrap();
            for text in texts.iter().filter(|text| regex.is_match(text)) {
                let lower = text.to_ascii_lowercase();
                for literals in &demands {
                    assert!(literals.iter().any(|literal| lower.contains(literal)), "{pattern}: {literals:?} in {text}");
                }
            }
        }
        assert!(free.len() * 20 < patterns.len(), "tried on every text: {free:#?}");
    }
}
