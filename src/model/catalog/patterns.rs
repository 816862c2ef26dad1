//! Matches many patterns against one text efficiently.
//!
//! One pass over the text finds the literals that patterns require; a pattern is tried only if the text contains
//! them. (A single automaton for all patterns is much slower: with this many, it outgrows every cache.) Patterns are
//! compiled on first use, so a run without failures compiles none. Most patterns are tried on few, short texts; for
//! those, a backtracker is used, because building the fast automata costs more than they save.

use super::literals::required;
use aho_corasick::AhoCorasick;
use regex::bytes::{Regex, RegexBuilder};
use regex_automata::nfa::thompson;
use regex_automata::nfa::thompson::backtrack::{BoundedBacktracker, Cache};
use regex_automata::util::syntax;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

/// Number of texts after which a pattern is compiled for speed.
const QUICK_TRIES: u32 = 100;
/// Size limit of a compiled pattern, the default of the regex crate.
const SIZE_LIMIT: usize = 10 << 20;

thread_local! {
    /// Scratch space for searches, shared by all patterns.
    static CACHE: RefCell<Option<Cache>> = const { RefCell::new(None) };
}

/// Patterns in order, each with the index of its entry; indexes ascend.
#[derive(Debug, Default)]
pub(super) struct Patterns {
    patterns: Vec<Pattern>,
    guard: OnceLock<Guard>,
}

#[derive(Debug)]
struct Pattern {
    owner: usize,
    text: String,
    /// Number of texts it was tried on.
    tries: AtomicU32,
    quick: OnceLock<Option<BoundedBacktracker>>,
    fast: OnceLock<Option<Regex>>,
}

/// Preselects the patterns to try on a text.
#[derive(Debug)]
struct Guard {
    /// Finds the literals; `None` if there are too many for an automaton, in which case every pattern is tried.
    literals: Option<AhoCorasick>,
    /// For each literal, the patterns that require it and which of their requirements it meets, as a bit.
    required_by: Vec<Vec<(usize, u8)>>,
    /// For each pattern, its requirements as a bit mask.
    requirements: Vec<u8>,
}

impl Pattern {
    fn new(owner: usize, text: &str) -> Self {
        Pattern { owner, text: text.to_owned(), tries: AtomicU32::new(0), quick: OnceLock::new(), fast: OnceLock::new() }
    }

    fn is_match(&self, text: &str) -> bool {
        let quick = self.quick().and_then(|regex| with_cache(regex, |cache| regex.try_is_match(cache, text).ok()));
        quick.or_else(|| Some(self.fast()?.is_match(text.as_bytes()))).unwrap_or(false)
    }

    /// The named captures in a text, in pattern order; `None` without a match.
    fn captures<'t>(&self, text: &'t str) -> Option<Vec<(String, &'t str)>> {
        if let Some(regex) = self.quick() {
            let mut found = regex.create_captures();
            if with_cache(regex, |cache| regex.try_captures(cache, text, &mut found).is_ok()) {
                let names = found.group_info().pattern_names(found.pattern()?).flatten();
                let caught = names.filter_map(|name| Some((name.to_owned(), text.get(found.get_group_by_name(name)?.range())?)));
                return Some(caught.collect());
            }
        }
        let regex = self.fast()?;
        let found = regex.captures(text.as_bytes())?;
        let names = regex.capture_names().flatten();
        let caught = names.filter_map(|name| Some((name.to_owned(), text.get(found.name(name)?.range())?)));
        Some(caught.collect())
    }

    /// For the first texts; it rejects some very long ones.
    fn quick(&self) -> Option<&BoundedBacktracker> {
        if self.tries.fetch_add(1, Ordering::Relaxed) >= QUICK_TRIES {
            return None;
        }
        let compiled = |unicode: bool| {
            let syntax = syntax::Config::new().unicode(unicode).utf8(false);
            let bytes = thompson::Config::new().utf8(false).nfa_size_limit(Some(SIZE_LIMIT));
            BoundedBacktracker::builder().syntax(syntax).thompson(bytes).build(&self.text).ok()
        };
        self.quick.get_or_init(|| self.compiled(compiled)).as_ref()
    }

    /// For all other texts.
    fn fast(&self) -> Option<&Regex> {
        let compiled = |unicode: bool| RegexBuilder::new(&self.text).unicode(unicode).build().ok();
        self.fast.get_or_init(|| self.compiled(compiled)).as_ref()
    }

    /// ASCII patterns use ASCII classes, which saves most of the compilation time; AWS names and numbers contain no
    /// other characters.
    fn compiled<R>(&self, compile: impl Fn(bool) -> Option<R>) -> Option<R> {
        let plain = || self.text.is_ascii().then(|| compile(false)).flatten();
        plain().or_else(|| compile(true))
    }
}

fn with_cache<R>(regex: &BoundedBacktracker, run: impl FnOnce(&mut Cache) -> R) -> R {
    CACHE.with_borrow_mut(|cache| {
        let cache = cache.get_or_insert_with(|| regex.create_cache());
        regex.reset_cache(cache);
        run(cache)
    })
}

impl Guard {
    fn new(patterns: &[Pattern]) -> Self {
        let mut demanded: BTreeMap<String, Vec<(usize, u8)>> = BTreeMap::new();
        let mut requirements = vec![0u8; patterns.len()];
        for ((index, pattern), requirements) in patterns.iter().enumerate().zip(&mut requirements) {
            for (bit, literals) in required(&pattern.text).into_iter().take(u8::BITS as usize).enumerate() {
                *requirements |= 1 << bit;
                literals.into_iter().for_each(|literal| demanded.entry(literal).or_default().push((index, 1 << bit)));
            }
        }
        let literals = AhoCorasick::builder().ascii_case_insensitive(true).build(demanded.keys()).ok();
        if literals.is_none() {
            requirements.fill(0);
        }
        Guard { literals, required_by: demanded.into_values().collect(), requirements }
    }

    /// For each pattern, whether the text meets its requirements.
    fn worth_trying(&self, text: &str) -> impl Iterator<Item = bool> + use<> {
        let mut unmet = self.requirements.clone();
        for found in self.literals.iter().flat_map(|literals| literals.find_overlapping_iter(text)) {
            for (index, bit) in self.required_by.get(found.pattern().as_usize()).into_iter().flatten() {
                if let Some(unmet) = unmet.get_mut(*index) {
                    *unmet &= !bit;
                }
            }
        }
        unmet.into_iter().map(|unmet| unmet == 0)
    }
}

impl Patterns {
    pub(super) fn new<'p>(patterns: impl Iterator<Item = (usize, &'p str)>) -> Self {
        Patterns { patterns: patterns.map(|(owner, text)| Pattern::new(owner, text)).collect(), guard: OnceLock::new() }
    }

    /// The entries with a pattern that matches the text, in ascending order, evaluated lazily.
    pub(super) fn matches<'p>(&'p self, text: &'p str) -> impl Iterator<Item = usize> + 'p {
        let worth = self.guard.get_or_init(|| Guard::new(&self.patterns)).worth_trying(text);
        let tried = self.patterns.iter().zip(worth).filter_map(|(pattern, worth)| worth.then_some(pattern));
        tried.filter(|pattern| pattern.is_match(text)).map(|pattern| pattern.owner)
    }

    /// The captures of the first matching pattern of an entry.
    pub(super) fn captures<'t>(&self, owner: usize, text: &'t str) -> Option<Vec<(String, &'t str)>> {
        let first = self.patterns.partition_point(|pattern| pattern.owner < owner);
        let own = self.patterns.iter().skip(first).take_while(|pattern| pattern.owner == owner);
        own.filter_map(|pattern| pattern.captures(text)).next()
    }

    /// The first invalid pattern, with the index of its entry.
    pub(super) fn first_broken(&self) -> Option<(usize, regex::Error)> {
        self.patterns.iter().find_map(|pattern| Some((pattern.owner, regex::Regex::new(&pattern.text).err()?)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quantified_letter_is_not_required() {
        let patterns = Patterns::new([(7, "retried [0-9]+ times?: ab*c")].into_iter());
        for text in ["retried 1 time: ac", "retried 22 times: abbc"] {
            assert_eq!(patterns.matches(text).collect::<Vec<_>>(), [7], "{text}");
        }
        assert_eq!(patterns.matches("retried often").count(), 0);
    }

    #[test]
    fn a_literal_may_stand_within_another() {
        let patterns =
            Patterns::new([(1, "^timeout$"), (2, "out of (?:memory|disk)"), (2, "timeout of"), (4, "(?i)TIMEOUT")].into_iter());
        assert_eq!(patterns.matches("timeout of memory").collect::<Vec<_>>(), [2, 2, 4]);
        assert_eq!(patterns.matches("timeout").collect::<Vec<_>>(), [1, 4]);
        assert_eq!(patterns.matches("TimeOut of").collect::<Vec<_>>(), [4]);
        assert!(patterns.captures(2, "timeout of").is_some() && patterns.captures(3, "timeout of").is_none());
    }

    #[test]
    fn texts_may_be_long() {
        let patterns = Patterns::new([(3, r"began .* and (?P<how>\w+) after [0-9]{1,9} tries")].into_iter());
        // Also beyond the number of texts after which it is recompiled.
        for letters in [10, 100_000].into_iter().chain(std::iter::repeat_n(10, 200)) {
            let text = format!("began {} and ended after 7 tries, é", "x ".repeat(letters));
            assert_eq!(patterns.matches(&text).collect::<Vec<_>>(), [3], "{letters}");
            assert_eq!(patterns.captures(3, &text), Some(vec![("how".to_owned(), "ended")]));
            assert_eq!(patterns.matches(text.trim_end_matches("tries, é")).count(), 0);
        }
    }

    #[test]
    fn captures_never_cut_a_letter() {
        let patterns = Patterns::new([(0, "for (?P<name>.)"), (1, r"in (?P<place>\S+)"), (2, r"l’(?P<what>\w)")].into_iter());
        assert_eq!(patterns.captures(0, "for é"), Some(Vec::new()));
        assert_eq!(patterns.captures(1, "in Zürich, or"), Some(vec![("place".to_owned(), "Zürich,")]));
        assert_eq!(patterns.captures(2, "l’é"), Some(vec![("what".to_owned(), "é")]));
    }
}
