//! The line editor: history, highlighting, and completion from the language tables and the values in the store.

use super::command::COMMANDS;
use super::ids::Ids;
use crate::app::AppError;
use crate::cli::environment::terminal_width;
use crate::lang::complete::complete;
use crate::lang::keyword::{KEYWORDS, KeywordRole, NOUNS};
use crate::lang::token::{TokenKind, tokenize};
use crate::plan::PlanCatalog;
use rustyline::completion::{Completer, Pair};
use rustyline::error::ReadlineError;
use rustyline::highlight::{CmdKind, Highlighter};
use rustyline::hint::Hinter;
use rustyline::history::FileHistory;
use rustyline::validate::Validator;
use rustyline::{CompletionType, Config, Editor, Helper};
use std::borrow::Cow;
use std::path::PathBuf;

const PROMPT: &str = "ecs-audit> ";

/// Reads lines from a user.
pub struct Prompt {
    editor: Editor<Words, FileHistory>,
    history: Option<PathBuf>,
}

impl Prompt {
    /// An editor that completes with these words.
    pub fn new(words: Words) -> Result<Prompt, AppError> {
        let config = Config::builder()
            .completion_type(CompletionType::List)
            .history_ignore_space(true)
            .max_history_size(10_000)
            .map_err(failure)?
            .build();
        let mut editor = Editor::with_config(config).map_err(failure)?;
        let history = history_file();
        if let Some(path) = &history {
            // There is no history the first time.
            let _ = editor.load_history(path);
        }
        editor.set_helper(Some(words));
        Ok(Prompt { editor, history })
    }

    /// Completes with other words.
    pub fn renew(&mut self, words: Words) {
        self.editor.set_helper(Some(words));
    }

    /// The next line; none at the end of the input.
    pub fn read(&mut self) -> Result<Option<String>, AppError> {
        loop {
            match self.editor.readline(PROMPT) {
                Ok(line) => {
                    if self.editor.add_history_entry(line.as_str()).unwrap_or(false) {
                        self.save();
                    }
                    return Ok(Some(line));
                }
                // Ctrl-C discards the line, Ctrl-D quits.
                Err(ReadlineError::Interrupted) => {}
                Err(ReadlineError::Eof) => return Ok(None),
                Err(error) => return Err(failure(error)),
            }
        }
    }

    /// Clears the screen.
    pub fn clear(&mut self) -> Result<(), AppError> {
        self.editor.clear_screen().map_err(failure)
    }

    /// Adds the line to the history file before the query runs, so that it survives whatever happens then.
    fn save(&mut self) {
        if let Some(path) = &self.history
            && let Some(folder) = path.parent()
            && std::fs::create_dir_all(folder).is_ok()
        {
            // Failing to save the history is not an error.
            let _ = self.editor.append_history(path);
        }
    }
}

fn failure(error: ReadlineError) -> AppError {
    match error {
        ReadlineError::Io(error) => AppError::Io(error),
        other => AppError::Sentence(other.to_string()),
    }
}

/// In `XDG_STATE_HOME`, `~/.local/state`, or `LOCALAPPDATA` on Windows.
fn history_file() -> Option<PathBuf> {
    let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let base = match variable("XDG_STATE_HOME").filter(|path| path.is_absolute()) {
        Some(base) => base,
        None if cfg!(windows) => variable("LOCALAPPDATA")?,
        None => variable("HOME")?.join(".local/state"),
    };
    Some(base.join("ecs-audit").join("history"))
}

/// The keywords of the language and the values in the store.
pub struct Words {
    /// The language, with the values of columns.
    pub catalog: PlanCatalog,
    /// The ids of records and the names of things.
    pub ids: Ids,
    /// Whether the terminal shows colors.
    pub color: bool,
}

impl Helper for Words {}
impl Validator for Words {}

impl Hinter for Words {
    type Hint = String;
}

impl Completer for Words {
    type Candidate = Pair;

    fn complete(&self, line: &str, pos: usize, _: &rustyline::Context<'_>) -> rustyline::Result<(usize, Vec<Pair>)> {
        let before = line.get(..pos).unwrap_or(line);
        if before.starts_with('\\') {
            return Ok(self.complete_command(before));
        }
        let completion = complete(line, pos, &self.catalog);
        let widest = completion.candidates.iter().map(|candidate| candidate.text.chars().count()).max().unwrap_or(0).min(40);
        let alone = completion.candidates.len() == 1;
        let width = terminal_width().saturating_sub(2);
        let pair = |candidate: crate::lang::complete::Candidate| {
            let shown = crate::render::visible(&candidate.text).into_owned();
            let doc = crate::render::visible(&candidate.doc);
            let display = if doc.is_empty() { shown } else { fitted(format!("{shown:<widest$}  {doc}"), width) };
            let open = candidate.text.ends_with(['(', '.']);
            let replacement = if alone && !open { format!("{} ", candidate.text) } else { candidate.text };
            Pair { display, replacement }
        };
        Ok((completion.start, completion.candidates.into_iter().map(pair).collect()))
    }
}

/// A line of a list that a terminal does not break within a word.
fn fitted(line: String, width: usize) -> String {
    if crate::render::width_of(&line) <= width {
        return line;
    }
    let mut short = String::new();
    for word in line.split_inclusive(' ') {
        if crate::render::width_of(&short) + crate::render::width_of(word.trim_end()) >= width {
            break;
        }
        short.push_str(word);
    }
    format!("{}…", short.trim_end())
}

impl Words {
    fn complete_command(&self, before: &str) -> (usize, Vec<Pair>) {
        let word = before.rfind(char::is_whitespace).map_or(0, |space| space + 1);
        let typed = before.get(word..).unwrap_or_default();
        let pairs = |words: Vec<(String, String)>| {
            let pairs = words.into_iter().filter(|(text, _)| text.starts_with(typed));
            pairs.map(|(text, display)| Pair { display, replacement: format!("{text} ") }).collect()
        };
        if word == 0 {
            let commands = COMMANDS.iter().map(|(name, _, doc)| (format!("\\{name}"), format!("\\{name:<12} {doc}")));
            return (0, pairs(commands.collect()));
        }
        let plain = |word: &str| (word.to_owned(), crate::render::visible(word).into_owned());
        let words = match before.split_whitespace().next() {
            Some("\\format") => crate::render::Format::ALL.iter().map(|format| plain(format.name())).collect(),
            Some("\\fields") => NOUNS.iter().map(|noun| plain(noun.word)).collect(),
            Some("\\evidence" | "\\chart" | "\\paging" | "\\timing" | "\\x") => vec![plain("on"), plain("off")],
            Some("\\explain" | "\\timeline" | "\\changes") => self.ids.things(typed).iter().map(|name| plain(name)).collect(),
            Some("\\show") => self.ids.records(typed).iter().map(|name| plain(name)).collect(),
            Some("\\check") => crate::check::BUILTIN_PACKS.iter().map(|(name, _)| plain(name)).collect(),
            Some("\\as-of") => vec![plain("latest"), plain("now")],
            Some("\\queries") => {
                use crate::lang::catalog::Catalog as _;
                self.catalog.saved_names().iter().map(|name| plain(name)).collect()
            }
            _ => Vec::new(),
        };
        (word, pairs(words))
    }
}

impl Highlighter for Words {
    fn highlight<'l>(&self, line: &'l str, _pos: usize) -> Cow<'l, str> {
        if !self.color || line.starts_with('\\') {
            return Cow::Borrowed(line);
        }
        Cow::Owned(highlight(line))
    }

    fn highlight_prompt<'b, 's: 'b, 'p: 'b>(&'s self, prompt: &'p str, _default: bool) -> Cow<'b, str> {
        if self.color { Cow::Owned(format!("\x1b[1m{prompt}\x1b[0m")) } else { Cow::Borrowed(prompt) }
    }

    fn highlight_char(&self, _line: &str, _pos: usize, _kind: CmdKind) -> bool {
        self.color
    }
}

/// The line with colored keywords, nouns, strings and errors.
fn highlight(line: &str) -> String {
    let (tokens, mistakes) = tokenize(line);
    let mut marks: Vec<(std::ops::Range<usize>, &str)> = mistakes
        .iter()
        .filter_map(|mistake| mistake.span.clone())
        // A string that is still being typed has no closing quote yet.
        .filter(|span| span.end < line.len())
        .map(|span| (span, "31;4"))
        .collect();
    // A syntax error is marked only once more text follows it.
    if let Err(errors) = crate::lang::parse(line) {
        let spans = errors.iter().filter_map(|error| error.span.clone());
        marks.extend(spans.filter(|span| span.end < line.len() && !span.is_empty()).map(|span| (span, "31;4")));
    }
    for (index, token) in tokens.iter().enumerate() {
        let style = match &token.kind {
            TokenKind::Word(word)
                if index == 0 && (NOUNS.iter().any(|noun| noun.word.eq_ignore_ascii_case(word)) || word.starts_with('@')) =>
            {
                "1;36"
            }
            TokenKind::Word(word) => match KEYWORDS.iter().find(|keyword| keyword.word.eq_ignore_ascii_case(word)) {
                Some(keyword) if keyword.role == KeywordRole::Clause => "1;34",
                Some(keyword) if keyword.role == KeywordRole::Operator => "34",
                _ => continue,
            },
            TokenKind::Quoted(_) => "32",
            TokenKind::Pipe => "1;34",
            _ => continue,
        };
        if !marks.iter().any(|(span, _)| span.start < token.span.end && token.span.start < span.end) {
            marks.push((token.span.clone(), style));
        }
    }
    marks.sort_by_key(|(span, _)| span.start);
    let mut text = String::with_capacity(line.len() + marks.len() * 12);
    let mut at = 0;
    for (span, style) in marks {
        let (Some(between), Some(marked)) = (line.get(at..span.start), line.get(span.clone())) else { continue };
        text.push_str(&format!("{between}\x1b[{style}m{marked}\x1b[0m"));
        at = span.end;
    }
    text.push_str(line.get(at..).unwrap_or_default());
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The text without colors.
    fn plain(text: &str) -> String {
        let mut parts = text.split('\x1b');
        let first = parts.next().unwrap_or_default().to_owned();
        parts.fold(first, |plain, part| plain + part.split_once('m').unwrap().1)
    }

    #[test]
    fn lists_are_cut_between_words() {
        assert_eq!(fitted("exit_code  whole number: exit code of the job".to_owned(), 30), "exit_code  whole number: exit…");
        assert_eq!(fitted("exit_code  whole".to_owned(), 30), "exit_code  whole");
        assert_eq!(fitted("word".to_owned(), 2), "…");
    }

    #[test]
    fn colors_change_no_character() {
        for line in [
            "failures by reason",
            "failures where a = 'x",
            "fail\u{5931} by ! x since",
            "",
            "@x | by by",
            "failures by by reason",
        ] {
            assert_eq!(plain(&highlight(line)), line);
        }
        assert!(highlight("failures by reason").starts_with("\x1b[1;36mfailures\x1b[0m \x1b[1;34mby\x1b[0m"));
        assert!(highlight("failures where reason == x").contains("\x1b[31;4m==\x1b[0m"));
    }
}
