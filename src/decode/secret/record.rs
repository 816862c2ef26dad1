//! Masks the secrets of a parsed record: below keys, beside names, in texts and in lists of arguments.

use super::names::{NameClass, classify, normalized};
use super::rules::RULES;
use super::value::{is_placeholder, is_random};
use super::{MASK, command, is_like_json, search, text};
use crate::decode::json::{Marked, Tape, Value};
use std::borrow::Cow;
use std::ops::Range;

/// Replacements of strings and numbers, by their position on the tape.
type Edits = Vec<(usize, String)>;

/// Nesting of JSON within JSON.
const DEEPEST: usize = 4;

/// Masks the secrets of a record on its tape and returns the resulting text; `None` if there are none.
pub fn mask_record(tape: &mut Tape<'_>, text: &str, has_credential_text: bool) -> Option<String> {
    mask_tape(tape, text, has_credential_text, 0)
}

fn mask_tape(tape: &mut Tape<'_>, text: &str, everywhere: bool, depth: usize) -> Option<String> {
    let mut walk = Walk { edits: Vec::new(), depth };
    if everywhere {
        walk.plain(tape.root());
    } else {
        tape.marked(&mut |marked| walk.marked(marked));
    }
    walk.edits.retain(|(_, fresh)| !fresh.is_empty());
    (!walk.edits.is_empty()).then(|| tape.replace(text, walk.edits))
}

struct Walk {
    edits: Edits,
    depth: usize,
}

impl Walk {
    fn marked(&mut self, marked: Marked<'_>) {
        match marked {
            Marked::Text(value) => self.text(value),
            Marked::Key { class, value, object } => self.entry(class, value, object),
        }
    }

    /// The value of a key; `object` is what holds them.
    fn entry(&mut self, class: NameClass, value: Value<'_>, object: Option<Value<'_>>) {
        match class {
            NameClass::Secret => self.secret(value, true),
            NameClass::Weak => match value.text() {
                Some(text) if !is_placeholder(text) && is_random(text) => self.mask(value),
                _ => self.plain(value),
            },
            NameClass::Variables => self.variables(value),
            NameClass::Arguments if value.is_array() => self.list(value, true),
            NameClass::Arguments => self.command(value),
            NameClass::Labeled if object.is_some_and(is_labeled_secret) => self.secret(value, false),
            NameClass::Labeled if object.is_some_and(is_parameter) => match value.text() {
                Some(text) if !is_placeholder(text) && is_random(text) && !is_resource_id(text) => self.mask(value),
                _ => self.plain(value),
            },
            NameClass::Labeled | NameClass::Plain => self.plain(value),
        }
    }

    /// A value whose key says nothing.
    fn plain(&mut self, value: Value<'_>) {
        if value.text().is_some() {
            self.text(value);
        } else if value.is_array() {
            self.list(value, false);
        } else {
            for (key, child) in value.entries() {
                self.entry(classify(key), child, Some(value));
            }
        }
    }

    /// A string, which may be JSON.
    fn text(&mut self, value: Value<'_>) {
        let Some(text) = value.text() else { return };
        match self.inner(text, NameClass::Plain) {
            Some(Some(masked)) => self.edits.push((value.position(), masked)),
            Some(None) => {}
            None => {
                if let Cow::Owned(masked) = text::mask_text(text) {
                    self.edits.push((value.position(), masked));
                }
            }
        }
    }

    /// JSON within JSON, masked; `None` if the text is not JSON.
    fn inner(&self, text: &str, class: NameClass) -> Option<Option<String>> {
        if self.depth >= DEEPEST || !is_like_json(text) {
            return None;
        }
        let mut tape = Tape::parse(text).ok()?;
        if class == NameClass::Plain {
            let everywhere = search::has_credential_text(text);
            return Some(mask_tape(&mut tape, text, everywhere, self.depth + 1));
        }
        let mut walk = Walk { edits: Vec::new(), depth: self.depth + 1 };
        walk.entry(class, tape.root(), None);
        Some((!walk.edits.is_empty()).then(|| tape.replace(text, walk.edits)))
    }

    /// A command line in one string.
    fn command(&mut self, value: Value<'_>) {
        let Some(text) = value.text() else { return self.plain(value) };
        if let Some(inner) = self.inner(text, NameClass::Arguments) {
            self.edits.extend(inner.map(|masked| (value.position(), masked)));
        } else if let Cow::Owned(masked) = text::masked(text) {
            self.edits.push((value.position(), masked));
        }
    }

    /// A list, which may be a command line or the lines of a private key.
    fn list(&mut self, list: Value<'_>, is_command: bool) {
        if !list.items().any(|item| item.text().is_some()) {
            return list.items().for_each(|item| self.plain(item));
        }
        let items: Vec<Value<'_>> = list.items().collect();
        let texts: Vec<&str> = items.iter().map(|item| item.text().unwrap_or_default()).collect();
        let mut ranges: Vec<(usize, Range<usize>)> = Vec::new();
        // An option with a secret is in a command line, or has a name of its own.
        if is_command || texts.iter().any(|text| text.starts_with('-')) {
            command::find_in_list(&texts, &mut |at, range| ranges.push((at, range)));
        }
        let mut in_key = false;
        for (at, item) in items.iter().enumerate() {
            let Some(text) = item.text() else {
                self.plain(*item);
                continue;
            };
            let ends = text::ends_private_key(text);
            if in_key && !ends {
                self.mask(*item);
                continue;
            }
            in_key = !ends && (in_key || text::begins_private_key(text));
            let own: Vec<Range<usize>> =
                ranges.iter().filter(|(index, _)| *index == at).map(|(_, range)| range.clone()).collect();
            if own.is_empty() && is_command {
                // An argument with spaces may be a command line for a shell.
                self.command(*item);
            } else if own.is_empty() {
                self.text(*item);
            } else {
                let replaced = text::replace(text, own);
                let masked = text::masked(&replaced).into_owned();
                self.edits.push((item.position(), masked));
            }
        }
    }

    /// A value below a key that announces a secret; `deep` if also what is below its objects.
    fn secret(&mut self, value: Value<'_>, deep: bool) {
        if let Some(text) = value.text() {
            if !is_placeholder(text) {
                self.mask(value);
            }
        } else if value.is_array() {
            value.items().for_each(|item| self.secret(item, deep));
        } else if value.is_object() {
            for (key, child) in value.entries() {
                if !deep {
                    self.entry(classify(key), child, Some(value));
                } else if !is_kept(key) || child.text().is_none() {
                    self.secret(child, deep);
                }
            }
        } else if value.is_number() {
            self.mask(value);
        }
    }

    /// Environment variables: a map, a list of `NAME=value`, or a list of objects with a name and a value.
    fn variables(&mut self, value: Value<'_>) {
        if value.is_array() {
            for item in value.items() {
                match item.text() {
                    Some(text) => self.variable(item, text),
                    // `["NAME", "value"]`.
                    None if item.is_array() => item.items().skip(1).for_each(|value| self.secret(value, true)),
                    None => self.variable_object(item),
                }
            }
        } else if let Some(text) = value.text() {
            match self.inner(text, NameClass::Variables) {
                Some(inner) => self.edits.extend(inner.map(|masked| (value.position(), masked))),
                // Several variables in one string; otherwise the name of an environment, such as `production`.
                None if text.contains('=') => self.mask_values(value, text),
                None => self.text(value),
            }
        } else if value.entries().any(|(key, _)| RULES.names.structures.contains(key)) {
            self.plain(value);
        } else if is_variable(value) {
            self.variable_object(value);
        } else {
            value.entries().for_each(|(_, child)| self.secret(child, true));
        }
    }

    /// `NAME=value`, or `NAME` if the value comes from the caller's shell.
    fn variable(&mut self, item: Value<'_>, text: &str) {
        let is_name =
            text.len() < 60 && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-'));
        match text.split_once('=') {
            Some((_, value)) if is_placeholder(value) => {}
            Some((name, _)) => self.edits.push((item.position(), format!("{name}={MASK}"))),
            None if is_name && !is_random(text) => {}
            None => self.mask(item),
        }
    }

    /// The values of `A=x B=y` or `A=x,B=y`.
    fn mask_values(&mut self, value: Value<'_>, text: &str) {
        let mut masked = String::new();
        for piece in text.split_inclusive([' ', '\n', ';', ',']) {
            let end = piece.trim_end_matches([' ', '\n', ';', ',']);
            match end.split_once('=') {
                Some((name, _)) => masked.push_str(&format!("{name}={MASK}")),
                None if masked.is_empty() => masked.push_str(end),
                // The rest of a value with a space.
                None => {}
            }
            masked.push_str(piece.get(end.len()..).unwrap_or_default());
        }
        self.edits.push((value.position(), masked));
    }

    /// `{"name": …, "value": …}`, also in other spellings.
    fn variable_object(&mut self, value: Value<'_>) {
        let is_reference =
            value.entries().any(|(_, child)| child.text().is_some_and(|text| RULES.names.references.contains(text)));
        if !is_reference {
            for (_, child) in value.entries().filter(|(key, _)| !is_kept(key)) {
                self.secret(child, true);
            }
        }
    }

    fn mask(&mut self, value: Value<'_>) {
        self.edits.push((value.position(), MASK.to_owned()));
    }
}

fn is_kept(key: &str) -> bool {
    RULES.names.kept.contains(&normalized(key))
}

/// Whether an object has a name and a value.
fn is_variable(value: Value<'_>) -> bool {
    let has = |names: &std::collections::HashSet<String>| value.entries().any(|(key, _)| names.contains(&normalized(key)));
    value.entries().count() < 5 && has(&RULES.names.labels) && has(&RULES.names.values)
}

/// Whether the type beside a value is that of a parameter which anybody may read, and which may still be a secret.
fn is_parameter(object: Value<'_>) -> bool {
    let names = &RULES.names;
    object
        .entries()
        .any(|(key, child)| normalized(key) == "type" && child.text().is_some_and(|text| names.parameter_types.contains(text)))
}

/// Whether a text is the id of a resource: `ami-0a1b2c3d4e5f67890`.
fn is_resource_id(text: &str) -> bool {
    text.split_once('-').is_some_and(|(kind, id)| {
        kind.bytes().all(|byte| byte.is_ascii_lowercase()) && id.bytes().all(|byte| byte.is_ascii_hexdigit())
    })
}

/// Whether the name or the type beside a value says that it is a secret.
fn is_labeled_secret(object: Value<'_>) -> bool {
    let names = &RULES.names;
    object.entries().any(|(key, child)| {
        child.text().is_some_and(|text| {
            names.secret_types.contains(text)
                || names.labels.contains(&normalized(key))
                    && classify(text.rsplit('/').next().unwrap_or(text)) == NameClass::Secret
        })
    })
}
