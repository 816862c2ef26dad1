//! A format or a file that was written into a query: `failures as csv`, `failures > out.csv`.
//!
//! In: a text that is not a query. Out: the query without these words, and what they ask for. Invariant: the query parses.

use crate::lang;
use crate::render::Format;
use std::path::Path;

/// Words before a format or a file.
const JOINTS: [&str; 6] = ["as", "to", "into", "format", "output", ">"];
/// Words that can stand before these.
const VERBS: [&str; 6] = ["save", "saved", "write", "export", "output", "print"];

/// What the words ask for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wanted {
    /// A query in a format.
    Format(String, Format),
    /// A query whose answer goes to a file.
    File(String, String),
}

impl Wanted {
    /// The command that does it.
    pub fn command_line(&self) -> String {
        match self {
            Wanted::Format(query, format) => format!("ecs-audit query {} --format {format}", lang::shell_quoted(query)),
            Wanted::File(query, file) => format!("ecs-audit query {} --out {file}", lang::shell_quoted(query)),
        }
    }

    /// The command of the prompt that makes the next query do it.
    pub fn at_the_prompt(&self) -> String {
        match self {
            Wanted::Format(_, format) => format!("\\format {format}"),
            Wanted::File(_, file) => format!("\\o {file}"),
        }
    }
}

/// Reads the last words of a text.
pub fn read(text: &str) -> Option<Wanted> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let (last, before) = words.split_last()?;
    let (joint, mut query) = before.split_last()?;
    if !is_any(joint, &JOINTS) || lang::parse(text).is_ok() {
        return None;
    }
    while let Some((_, rest)) = query.split_last().filter(|(word, _)| is_any(word, &VERBS) || is_any(word, &JOINTS)) {
        query = rest;
    }
    let query = lang::format(&lang::parse(&query.join(" ")).ok()?);
    match last.parse::<Format>() {
        Ok(format) => Some(Wanted::Format(query, format)),
        Err(_) => Format::for_file(Path::new(last)).map(|_| Wanted::File(query, (*last).to_owned())),
    }
}

fn is_any(word: &str, words: &[&str]) -> bool {
    words.contains(&word.to_lowercase().as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_and_files_in_a_query_are_options() {
        let failures = || "failures by reason".to_owned();
        let csv = || Some(Wanted::Format(failures(), Format::Csv));
        let file = || Some(Wanted::File(failures(), "out.csv".to_owned()));
        for (text, expected) in [
            ("failures as csv", Some(Wanted::Format("failures".to_owned(), Format::Csv))),
            // This names the column.
            ("failures by reason as csv", None),
            ("failures by reason format CSV", csv()),
            ("failures by reason output to csv", csv()),
            ("failures by reason > out.csv", file()),
            ("failures by reason save as out.csv", file()),
            ("failures by reason into out.csv", file()),
            ("failures by reason as table_name", None),
            ("failures where reason", None),
            ("failures where service > csv", None),
            ("as csv", None),
            ("csv", None),
            ("", None),
        ] {
            assert_eq!(read(text), expected, "{text}");
        }
        let wanted = read("failures by reason format csv").unwrap();
        assert_eq!(wanted.command_line(), "ecs-audit query \"failures by reason\" --format csv");
        assert_eq!(wanted.at_the_prompt(), "\\format csv");
        assert_eq!(read("failures > x.csv").unwrap().command_line(), "ecs-audit query \"failures\" --out x.csv");
    }
}
