//! Options of other programs: `--last 2d`, `--cluster batch`, `-n 20`, `--output json`, `--watch`.
//!
//! In: the arguments, and the option that the parser does not know. Out: what to write instead. Invariant: a suggested
//! query parses.

use crate::app::AppError;
use crate::diagnostic::Diagnostic;
use crate::lang::{self, keyword, suggest};
use crate::nouns::{self, Noun};
use crate::render::Format;
use clap::Command;

/// Clauses, and the options that other programs have for them.
const CLAUSES: &[(&str, &[&str])] = &[
    ("since", &["last", "past", "start", "start-time", "start-date", "begin", "from-time", "after", "newer-than", "period"]),
    ("until", &["end", "end-time", "end-date", "to", "before", "older-than"]),
    ("on", &["date", "day"]),
    ("limit", &["n", "head", "tail", "rows", "lines", "max", "max-results", "max-items", "num", "count", "page-size"]),
    ("sort", &["sort-by", "order-by", "orderby", "order"]),
    ("by", &["group-by", "groupby", "group"]),
    ("where", &["filter", "selector", "l", "condition"]),
    ("show", &["columns", "select"]),
];

/// Options that mean all rows.
const ALL_ROWS: &[&str] = &["all", "A", "all-namespaces", "no-limit", "no-paginate"];

/// Options for the format or the file of the result.
const OUTPUTS: &[&str] = &["output", "output-format", "output-file", "outfile", "out-file", "save", "export"];

/// Options that have no counterpart, and why.
const NOT_NEEDED: &[(&[&str], &str)] = &[
    (
        &["watch", "w", "follow"],
        "a store changes only when something is loaded, so there is nothing to follow: `ecs-audit load` again, then repeat the command",
    ),
    (&["verbose", "v", "vv", "debug"], "notes and progress are printed on stderr unless --quiet is given; -V is --version"),
    (&["no-headers", "no-header", "H", "skip-header", "noheader"], "`--format ndjson` has no header line"),
    (&["profile"], "AWS_PROFILE names the profile for s3://: `AWS_PROFILE=NAME ecs-audit load s3://BUCKET/PREFIX`"),
    (&["recursive", "r", "R"], "a folder is always read with everything in it"),
    (&["dry-run"], "`ecs-audit doctor --from PATH` shows what an export contains without loading it"),
    (&["pdf"], "a browser prints the HTML page: `ecs-audit report --since 7d --out postmortem`"),
    (&["no-color", "nocolor", "color"], "colors are off in files and pipes, and with NO_COLOR=1"),
];

/// What to write instead of an unknown option of a command, whose name is a path such as `store compact`.
pub fn explained(option: &str, arguments: &[&str], path: &str, inner: &Command, root: &Command) -> AppError {
    let known = |name: &str| {
        let found = inner.get_arguments().chain(root.get_arguments()).find(|argument| match name.strip_prefix("--") {
            Some(long) => argument.get_long() == Some(long),
            None => argument.get_short().is_some_and(|short| name.strip_prefix('-') == Some(&*short.to_string())),
        });
        found.map(|argument| argument.get_action().takes_values())
    };
    // The parser cuts `-2d` after the digit.
    let written = arguments.iter().find(|argument| argument.starts_with(option)).copied().unwrap_or(option);
    let (name, value) = split(written);
    let value = value.or_else(|| arguments.iter().skip_while(|argument| **argument != written).nth(1).copied());
    let name = name.trim_start_matches('-');
    let command = format!("ecs-audit {path}");
    let command = command.trim_end();
    let asks = path == "query" || path.is_empty() && arguments.iter().any(|word| nouns::noun(&word.to_lowercase()).is_some());
    let is_duration = name.starts_with(|c: char| c.is_ascii_digit());
    let queried = if asks { clause_of(name).or_else(|| part_of_query(name, arguments)) } else { None };
    let message = match queried {
        _ if is_duration => format!("`-{name}` is not an option: durations count back without a sign"),
        Some(clause) => format!("`{}` is not an option of `query`: `{clause}` is part of the query", split(written).0),
        None => format!("`{command}` has no option `{}`", split(written).0),
    };
    let error = Diagnostic::general(message);
    if asks && (queried.is_some() || is_duration) {
        let clause = queried.unwrap_or("since");
        let help = match as_query(arguments, &known) {
            Some(query) => format!("`ecs-audit query {}`", lang::shell_quoted(&query)),
            None => format!("`ecs-audit query \"failures {clause} …\"`"),
        };
        return failure(error.with_help(help));
    }
    let longs = || {
        let arguments = inner.get_arguments().chain(root.get_arguments());
        arguments.filter_map(|argument| argument.get_long()).chain(["help", "version"])
    };
    let help = if is_duration {
        let before = arguments.iter().take_while(|argument| **argument != written).last();
        before.map(|before| format!("did you mean `{before} {name}`?"))
    } else if let Some((_, why)) = NOT_NEEDED.iter().find(|(names, _)| names.contains(&name)) {
        Some((*why).to_owned())
    } else if let Some(long) = clause_of(name).filter(|clause| longs().any(|long| long == *clause)) {
        Some(format!("did you mean `--{long}`?"))
    } else if longs().any(|long| long == "format") {
        output(name, value).or_else(|| suggested(name, longs()))
    } else {
        suggested(name, longs())
    };
    let list = format!("`{command} --help` lists the options");
    failure(error.with_help(match help {
        Some(question) if question.ends_with('?') => format!("{question} {list}"),
        Some(help) => format!("{help}; {list}"),
        None => list,
    }))
}

fn failure(error: Diagnostic) -> AppError {
    AppError::Query { text: String::new(), diagnostics: vec![error] }
}

/// The name of an option, and the value that is written with it.
fn split(argument: &str) -> (&str, Option<&str>) {
    argument.split_once('=').map_or((argument, None), |(name, value)| (name, Some(value)))
}

/// A clause of this name, or the clause that other programs have this option for.
fn clause_of(name: &str) -> Option<&'static str> {
    let clause = keyword::clause_words().find(|clause| *clause == name);
    clause.or_else(|| CLAUSES.iter().find(|(_, names)| names.contains(&name)).map(|(clause, _)| *clause))
}

/// The clause of an option for all rows, or with the name of a field.
fn part_of_query(name: &str, arguments: &[&str]) -> Option<&'static str> {
    if ALL_ROWS.contains(&name) {
        return Some("limit");
    }
    field(noun_of(arguments)?, name).map(|_| "where")
}

fn noun_of(arguments: &[&str]) -> Option<&'static Noun> {
    arguments.iter().flat_map(|argument| argument.split_whitespace()).find_map(|word| nouns::noun(&word.to_lowercase()))
}

/// The field of a noun that an option names: `--cluster`, `--task-arn`.
fn field(noun: &'static Noun, name: &str) -> Option<&'static str> {
    let name = name.replace('-', "_");
    let names = || noun.fields.iter().map(|field| field.name);
    names().find(|field| *field == name).or_else(|| match suggest::related(&name, names()).as_slice() {
        [only] => Some(only),
        _ => None,
    })
}

/// The option for the format or the file that an option of another program means.
fn output(name: &str, value: Option<&str>) -> Option<String> {
    if let Ok(format) = name.parse::<Format>() {
        return Some(format!("did you mean `--format {format}`?"));
    }
    let value = value.filter(|_| OUTPUTS.contains(&name))?;
    match value.parse::<Format>() {
        Ok(format) => Some(format!("did you mean `--format {format}`?")),
        Err(_) => Some(format!("did you mean `--out {value}`?")),
    }
}

fn suggested<'n>(name: &str, longs: impl Iterator<Item = &'n str>) -> Option<String> {
    // A single letter is near every short name.
    let near = if name.len() > 2 { suggest::nearest(name, longs) } else { Vec::new() };
    let near: Vec<String> = near.iter().map(|long| format!("`--{long}`")).collect();
    (!near.is_empty()).then(|| format!("did you mean {}?", near.join(" or ")))
}

/// The arguments of `query` as one query, with options as clauses; none if an option is not a clause.
fn as_query(arguments: &[&str], known: &dyn Fn(&str) -> Option<bool>) -> Option<String> {
    let noun = noun_of(arguments)?;
    let mut words: Vec<String> = Vec::new();
    let mut rest = arguments.iter().copied().peekable();
    while let Some(argument) = rest.next() {
        if !argument.starts_with('-') {
            words.push(argument.to_owned());
            continue;
        }
        let (option, given) = split(argument);
        if let Some(takes_value) = known(option) {
            if takes_value && given.is_none() {
                rest.next();
            }
            continue;
        }
        let name = option.trim_start_matches('-');
        if ALL_ROWS.contains(&name) {
            words.push("limit all".to_owned());
            continue;
        }
        if name.starts_with(|c: char| c.is_ascii_digit()) {
            let after_clause =
                words.last().is_some_and(|word| ["since", "until", "between", "and"].iter().any(|end| word.ends_with(end)));
            words.push(if after_clause { name.to_owned() } else { format!("since {name}") });
            continue;
        }
        let value = match given {
            Some(value) => value,
            None => rest.next_if(|next| !next.starts_with('-'))?,
        };
        let condition = |field: &str| format!("where {field} = {}", lang::format::literal(value));
        words.push(match (clause_of(name), field(noun, name)) {
            // `-n NAMESPACE`.
            (Some("limit"), _) if value.parse::<u32>().is_err() => condition(field(noun, "cluster")?),
            (Some(clause), _) => format!("{clause} {value}"),
            (None, Some(field)) => condition(field),
            (None, None) => return None,
        });
    }
    let text = words.join(" ");
    // An option may come before the noun.
    lang::parse(&text).ok().map(|query| lang::format(&query)).or_else(|| lang::habit::reworded(&text, &|_| true))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::short_formats::command;

    fn message(option: &str, path: &str, arguments: &[&str]) -> String {
        let root = command();
        let inner = if path.is_empty() { &root } else { root.find_subcommand(path).unwrap() };
        match explained(option, arguments, path, inner, &root) {
            AppError::Query { text, diagnostics } => crate::diagnostic::render_all(&diagnostics, &text),
            other => panic!("{other}"),
        }
    }

    #[test]
    fn options_of_other_programs_become_clauses() {
        for (option, arguments, expected) in [
            ("--since", &["failures", "--since", "7d"][..], "failures since 7d"),
            ("--last", &["failures", "--last", "2d", "by", "reason"], "failures since 2d by reason"),
            ("--last", &["--last", "2d", "failures"], "failures since 2d"),
            ("-n", &["failures", "-n", "5", "--csv"], "failures limit 5"),
            ("-n", &["failures", "-n", "batch"], "failures where cluster = batch"),
            ("-A", &["failures", "-A"], "failures limit all"),
            (
                "--cluster",
                &["failures", "--cluster=batch", "--reason", "AGENT"],
                "failures where cluster = batch and reason = AGENT",
            ),
            (
                "--start-time",
                &["calls", "--start-time", "2026-03-04", "--end-time", "2026-03-05"],
                "calls since 2026-03-04 until 2026-03-05",
            ),
            ("--sort-by", &["tasks", "--sort-by", "exit_code"], "tasks sort exit_code"),
            ("-2", &["failures", "since", "-2d"], "failures since 2d"),
            ("-2", &["failures", "-2d"], "failures since 2d"),
            ("--limit", &["failures by reason", "--limit", "5", "--json"], "failures by reason limit 5"),
        ] {
            let found = message(option, "query", arguments);
            assert!(found.contains(&format!("`ecs-audit query \"{expected}\"`")), "{arguments:?}: {found}");
        }
    }

    #[test]
    fn other_options_say_what_there_is_instead() {
        for (option, path, arguments, expected) in [
            ("--output", "query", &["failures", "--output", "json"][..], "did you mean `--format json`?"),
            ("--output", "query", &["failures", "--output=x.csv"], "did you mean `--out x.csv`?"),
            ("--ndjson", "query", &["failures", "--ndjson"], "did you mean `--format ndjson`?"),
            ("--watch", "query", &["failures", "--watch"], "nothing to follow"),
            ("--last", "report", &["--last", "7d"], "did you mean `--since`?"),
            ("-7", "report", &["--since", "-7d"], "did you mean `--since 7d`?"),
            ("--recursive", "load", &["--recursive", "x"], "everything in it"),
            ("--quite", "query", &["failures", "--quite"], "did you mean `--quiet`?"),
            ("--frobnicate", "query", &["failures", "--frobnicate"], "= help: `ecs-audit query --help` lists the options"),
            ("--versoin", "", &["--versoin"], "`ecs-audit` has no option `--versoin`"),
        ] {
            let found = message(option, path, arguments);
            assert!(found.contains(expected), "{arguments:?}: {found}");
        }
    }
}
