//! Converts Python literals of plain data to JSON: what `str(…)` makes of a dictionary, and pandas writes into a cell.
//!
//! In: a text such as `{'a': None, 'b': [1, 2.5]}`. Out: the same as JSON, or `None` if a part is not plain data, such as
//! `datetime.datetime(…)`: dictionaries, lists, tuples, strings, numbers, `None`, `True` and `False` are plain. Nesting is limited as
//! in JSON.

use super::quoted;
use memchr::memmem;

/// What to do with a literal that cannot be converted.
pub const ADVICE: &str = "write it with `json.dumps(…, default=str)`";

/// The most levels of nesting, as for JSON.
const DEEPEST: usize = 127;

/// Whether a text begins like a dictionary, or a list of them, with a key in single quotes. JavaScript prints a blank before a key.
pub fn begins_dictionary(text: &[u8]) -> bool {
    text.strip_prefix(b"[").map_or(text, <[u8]>::trim_ascii_start).starts_with(b"{'")
}

/// Whether a text has a record that was printed, maybe in other text.
pub fn prints_record(text: &[u8]) -> bool {
    let has = |part: &str| memmem::find(text, part.as_bytes()).is_some();
    // The answer of RunTask to a launch that failed has no task.
    let is_refusal = || has(":ecs:") && has("'failures'") && has("'reason'");
    has("{'") && (quoted::quotes_record(text, "'") || is_refusal())
}

/// The literal as JSON.
pub fn to_json(text: &str) -> Option<String> {
    let mut reader = Reader { rest: text, out: String::with_capacity(text.len()), depth: 0 };
    reader.value()?;
    reader.blanks();
    reader.rest.is_empty().then_some(reader.out)
}

struct Reader<'t> {
    rest: &'t str,
    out: String,
    depth: usize,
}

impl<'t> Reader<'t> {
    fn blanks(&mut self) {
        self.rest = self.rest.trim_ascii_start();
    }

    fn first(&self) -> Option<u8> {
        self.rest.bytes().next()
    }

    /// Takes a token of ASCII, if it comes next after blanks.
    fn takes(&mut self, token: char) -> bool {
        self.blanks();
        let rest = self.rest.strip_prefix(token);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn value(&mut self) -> Option<()> {
        self.blanks();
        match self.first()? {
            b'{' => self.nested(Self::dictionary),
            b'[' => self.nested(Self::list),
            b'(' => self.nested(Self::tuple),
            b'-' | b'0'..=b'9' => self.number(),
            _ if self.begins_string() => {
                let text = self.strings()?;
                self.write_text(&text);
                Some(())
            }
            _ => {
                let word = self.word()?;
                self.out.push_str(word);
                Some(())
            }
        }
    }

    fn nested(&mut self, read: fn(&mut Self) -> Option<()>) -> Option<()> {
        self.depth += 1;
        let read = if self.depth > DEEPEST { None } else { read(self) };
        self.depth -= 1;
        read
    }

    fn dictionary(&mut self) -> Option<()> {
        self.takes('{');
        self.out.push('{');
        let mut is_first = true;
        while !self.takes('}') {
            if !std::mem::take(&mut is_first) {
                self.out.push(',');
            }
            self.key()?;
            self.takes(':').then_some(())?;
            self.out.push(':');
            self.value()?;
            self.separator('}')?;
        }
        self.out.push('}');
        Some(())
    }

    /// A key: as in `json.dumps`, numbers and constants become strings.
    fn key(&mut self) -> Option<()> {
        self.blanks();
        if self.begins_string() {
            let text = self.strings()?;
            self.write_text(&text);
            return Some(());
        }
        self.out.push('"');
        match self.first()? {
            b'-' | b'0'..=b'9' => self.number()?,
            _ => {
                let word = self.word()?;
                self.out.push_str(word);
            }
        }
        self.out.push('"');
        Some(())
    }

    fn list(&mut self) -> Option<()> {
        self.takes('[');
        self.items(']')
    }

    fn items(&mut self, end: char) -> Option<()> {
        self.out.push('[');
        let mut is_first = true;
        while !self.takes(end) {
            if !std::mem::take(&mut is_first) {
                self.out.push(',');
            }
            self.value()?;
            self.separator(end)?;
        }
        self.out.push(']');
        Some(())
    }

    /// A tuple, or a value in parentheses: `('a',)` is a tuple, `('a')` is a string.
    fn tuple(&mut self) -> Option<()> {
        self.takes('(');
        let start = self.out.len();
        if self.takes(')') {
            self.out.push_str("[]");
            return Some(());
        }
        self.value()?;
        if self.takes(')') {
            return Some(());
        }
        self.takes(',').then_some(())?;
        let first = self.out.split_off(start);
        self.items(')')?;
        // The list that was written holds the elements after the first one.
        let rest = self.out.split_off(start);
        let others = rest.strip_prefix('[').unwrap_or(&rest);
        let comma = if others == "]" { "" } else { "," };
        self.out.push_str(&format!("[{first}{comma}{others}"));
        Some(())
    }

    /// A comma, or the end, which is not taken.
    fn separator(&mut self, end: char) -> Option<()> {
        (self.takes(',') || self.rest.starts_with(end)).then_some(())
    }

    /// The JSON of a constant: those of Python, and those of JSON, because quotes are also replaced by hand. `nan` is a missing
    /// value of pandas.
    fn word(&mut self) -> Option<&'static str> {
        let length = self.rest.bytes().take_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.')).count();
        let (word, rest) = self.rest.split_at_checked(length)?;
        self.rest = rest;
        match word {
            "None" | "null" | "nan" | "NaN" => Some("null"),
            "True" | "true" => Some("true"),
            "False" | "false" => Some("false"),
            _ => None,
        }
    }

    fn number(&mut self) -> Option<()> {
        let is_of_number = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.' | b'_');
        let (number, rest) = self.rest.split_at_checked(self.rest.bytes().take_while(is_of_number).count())?;
        is_number(number).then_some(())?;
        self.out.push_str(number);
        self.rest = rest;
        Some(())
    }

    fn begins_string(&self) -> bool {
        let quoted = self.rest.strip_prefix(['u', 'U']).unwrap_or(self.rest);
        quoted.starts_with(['\'', '"'])
    }

    /// One string, or several that follow each other, which are one.
    fn strings(&mut self) -> Option<String> {
        let mut text = String::new();
        while self.begins_string() {
            self.rest = self.rest.strip_prefix(['u', 'U']).unwrap_or(self.rest);
            self.string(&mut text)?;
            self.blanks();
        }
        Some(text)
    }

    fn string(&mut self, text: &mut String) -> Option<()> {
        let quote = self.rest.chars().next()?;
        let mut letters = self.rest.char_indices();
        letters.next();
        // A surrogate in front of its second half.
        let mut high = None;
        while let Some((at, letter)) = letters.next() {
            let code = match letter {
                letter if letter == quote => {
                    self.rest = self.rest.get(at + 1..)?;
                    return Some(());
                }
                '\n' => return None,
                '\\' => match escaped(&mut letters)? {
                    Some(code) => code,
                    None => continue,
                },
                letter => u32::from(letter),
            };
            match (high.take(), code) {
                (_, 0xd800..=0xdbff) => high = Some(code),
                (Some(high), 0xdc00..=0xdfff) => {
                    text.extend(char::from_u32(0x1_0000 + ((high - 0xd800) << 10) + (code - 0xdc00)))
                }
                (_, code) => text.push(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER)),
            }
        }
        None
    }

    fn write_text(&mut self, text: &str) {
        self.out.push('"');
        for letter in text.chars() {
            match letter {
                '"' | '\\' => self.out.extend(['\\', letter]),
                '\0'..='\x1f' => self.out.push_str(&format!("\\u{:04x}", u32::from(letter))),
                _ => self.out.push(letter),
            }
        }
        self.out.push('"');
    }
}

/// The character of an escape whose backslash is taken; none for an escaped line break, which is not in the string.
fn escaped(letters: &mut std::str::CharIndices<'_>) -> Option<Option<u32>> {
    let (_, letter) = letters.next()?;
    let mut hex = |digits: usize| -> Option<u32> {
        (0..digits).try_fold(0, |number, _| Some(number * 16 + letters.next()?.1.to_digit(16)?))
    };
    let code = match letter {
        '\n' => return Some(None),
        '\\' | '\'' | '"' => u32::from(letter),
        'n' => 0x0a,
        'r' => 0x0d,
        't' => 0x09,
        'a' => 0x07,
        'b' => 0x08,
        'f' => 0x0c,
        'v' => 0x0b,
        'x' => hex(2)?,
        'u' => hex(4)?,
        'U' => hex(8)?,
        // `repr` writes no octal numbers but `\0`, and no names.
        '0' => 0,
        _ => return None,
    };
    Some(Some(code))
}

/// Whether a text is a number in Python and in JSON.
fn is_number(text: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let text = text.strip_prefix('-').unwrap_or(text);
    let (mantissa, exponent) =
        text.split_once(['e', 'E']).map_or((text, None), |(mantissa, exponent)| (mantissa, Some(exponent)));
    let (whole, fraction) = mantissa.split_once('.').map_or((mantissa, None), |(whole, fraction)| (whole, Some(fraction)));
    digits(whole)
        && (whole == "0" || !whole.starts_with('0'))
        && fraction.is_none_or(digits)
        && exponent.is_none_or(|exponent| digits(exponent.strip_prefix(['+', '-']).unwrap_or(exponent)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_data_becomes_json() {
        for (text, want) in [
            ("{'a': None, 'b': True, 'c': [1, -2.5, 1e-05], 'd': False}", r#"{"a":null,"b":true,"c":[1,-2.5,1e-05],"d":false}"#),
            (r#"{"it's": 'say "hi"', u'v': "x"}"#, r#"{"it's":"say \"hi\"","v":"x"}"#),
            (
                r"{'a': 'tab\tline\nquote\'back\\slash\x41\u00e9\U0001f600\0'}",
                "{\"a\":\"tab\\u0009line\\u000aquote'back\\\\slashAé😀\\u0000\"}",
            ),
            (r"['\ud83d\ude00', '\ud83d']", "[\"😀\",\"\"]"),
            ("{1: 'a', None: 'b', True: 'c', -1.5: 'd'}", r#"{"1":"a","null":"b","true":"c","-1.5":"d"}"#),
            ("((), (1,), (1), ('a', 'b'), ('a', ('b',),))", r#"[[],[1],1,["a","b"],["a",["b"]]]"#),
            ("{'a': ('one '\n       'two')}", r#"{"a":"one two"}"#),
            (" [ ] ", "[]"),
            ("{'a': {}, 'b': [],}", r#"{"a":{},"b":[]}"#),
            ("{'a': true, 'b': null, 'c': nan}", r#"{"a":true,"b":null,"c":null}"#),
        ] {
            assert_eq!(to_json(text).as_deref(), Some(want), "{text}");
        }
    }

    #[test]
    fn everything_else_is_left() {
        for text in [
            "",
            "{'a': datetime.datetime(2026, 3, 4, 2, 10)}",
            "{'a': Decimal('1')}",
            "{'a': <Cluster object at 0x7f>}",
            "{'a': b'bytes'}",
            "{'a', 'b'}",
            "{'a': 1, ...}",
            "{'a': 1",
            "{'a': 'x",
            "{'a': 1}}",
            "{'a': 007}",
            "{'a': 1j}",
            "{'a': 1_000}",
            "{'a' 1}",
            "{['a']: 1}",
            "{type=AssumedRole}",
            "['a' , , 'b']",
            "('a' 1)",
            r"{'a': '\q'}",
            r"{'a': '\xzz'}",
        ] {
            assert_eq!(to_json(text), None, "{text}");
        }
    }

    #[test]
    fn nesting_is_limited() {
        let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert!(to_json(&nested(DEEPEST)).is_some());
        assert_eq!(to_json(&nested(DEEPEST + 1)), None);
        assert_eq!(to_json(&"{'a':(".repeat(1_000_000)), None);
    }

    #[test]
    fn dictionaries_by_their_beginning() {
        for text in ["{'a': 1}", "[{'a': 1}]", "[ {'a'"] {
            assert!(begins_dictionary(text.as_bytes()), "{text}");
        }
        for text in ["{\"a\": 1}", "{a: 1}", "{ 'a': 1 }", "['a']", ""] {
            assert!(!begins_dictionary(text.as_bytes()), "{text}");
        }
    }
}
