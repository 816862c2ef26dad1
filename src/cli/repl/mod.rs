//! `ecs-audit repl`, and `ecs-audit` without a command on a terminal: an interactive prompt.

mod command;
mod editor;
mod ids;
mod page;

use super::args::{Global, Limits, Repl};
use super::notes::after;
use super::open::open;
use super::output::{Shown, chart, default_rows, look, written};
use super::progress::Working;
use super::settings::{as_of, limits, saved_texts};
use super::stderr::{say, say_error, say_raw, warn};
use super::{destination, output_words, stdout};
use crate::answer::Answer;
use crate::app::{AppError, Dataset, QueryRunner, is_valid, sql_answer};
use crate::context::Context;
use crate::diagnostic::Diagnostic;
use crate::exit::ExitCode;
use crate::lang;
use crate::plan::{Evidence, Options};
use crate::render::{Format, Layout, Look, TextFormat, describe_duration, render};
use crate::run::RunError;
use crate::table::TableSet;
use command::Command;
use editor::{Prompt, Words};
use ids::Ids;
use page::Pager;
use std::cell::RefCell;
use std::io::{self, BufRead, IsTerminal};
use std::path::{Path, PathBuf};
use std::time::Instant;

/// The settings that commands change.
struct Session<'s> {
    global: &'s Global,
    context: Context,
    tables: Dataset,
    limits: Limits,
    /// The requested format; none = a table, or what the extension of a file says.
    format: Option<Format>,
    as_of: Option<String>,
    set: Vec<(String, String)>,
    evidence: Evidence,
    chart: bool,
    expanded: bool,
    timing: bool,
    /// The file for the next result.
    out: Option<PathBuf>,
    pager: Option<Pager>,
    /// The window that was printed last.
    window: RefCell<String>,
}

/// Runs the command.
pub fn run(arguments: &Repl, global: &Global, context: &Context) -> Result<ExitCode, AppError> {
    let tables = open(&arguments.from, true, TableSet::ALL, global, context)?;
    limits(&arguments.limits, global).install(&tables)?;
    let mut session = Session {
        global,
        context: context.clone(),
        tables,
        limits: arguments.limits.clone(),
        format: arguments.format,
        as_of: arguments.as_of.clone(),
        set: arguments.set.clone(),
        evidence: Evidence::Without,
        chart: false,
        expanded: false,
        timing: false,
        out: None,
        pager: context.width.is_some().then(Pager::find),
        window: RefCell::default(),
    };
    session.runner()?;
    if io::stdin().is_terminal() && context.width.is_some() { interactive(&mut session) } else { lines(&mut session) }
}

/// Interactive input from a terminal.
fn interactive(session: &mut Session<'_>) -> Result<ExitCode, AppError> {
    let mut prompt = Prompt::new(session.words()?)?;
    session.tables.cancel_on_interrupt();
    say("Type a query, such as: failures by reason since 7d. Tab completes, \\help lists commands, \\quit quits.");
    while let Some(input) = prompt.read()? {
        session.follow_terminal();
        for line in entries(&input) {
            match session.handle(line) {
                Ok(Next::Go) => {}
                Ok(Next::Renew) => prompt.renew(session.words()?),
                Ok(Next::Clear) => prompt.clear()?,
                Ok(Next::End) => return Ok(ExitCode::Ok),
                // Quitting the pager early is not an error.
                Err(failure) if failure.is_broken_pipe() => {}
                Err(AppError::Run(RunError::Interrupted)) => {
                    say("interrupted");
                    // Whoever interrupts a query does not wait for those pasted with it.
                    break;
                }
                Err(failure) => say_error(&failure),
            }
        }
    }
    Ok(ExitCode::Ok)
}

/// The queries and commands of an input. A paste has several lines: each is one query, unless all lines together are one
/// query or statement.
fn entries(input: &str) -> Vec<&str> {
    let text = input.trim();
    let is_statement = || {
        !text.starts_with('\\')
            && !text.trim_end_matches(';').contains(';')
            && matches!(Command::of_line(text), Some(Ok(Command::Sql(_))))
    };
    if text.contains('\n') && !is_statement() && lang::parse(text).is_err() { text.lines().collect() } else { vec![text] }
}

/// A script: one query per line, without a prompt.
fn lines(session: &mut Session<'_>) -> Result<ExitCode, AppError> {
    let mut code = ExitCode::Ok;
    for line in io::stdin().lock().lines() {
        match session.handle(&line?) {
            Ok(Next::End) => break,
            Ok(_) => {}
            Err(failure) if failure.is_broken_pipe() => return Ok(ExitCode::Ok),
            Err(failure) => {
                say_error(&failure);
                code = ExitCode::Error;
            }
        }
    }
    Ok(code)
}

/// What to do after a line.
enum Next {
    Go,
    /// The names for completion have changed.
    Renew,
    /// Clear the screen.
    Clear,
    End,
}

impl Session<'_> {
    fn runner(&self) -> Result<QueryRunner<'_>, AppError> {
        QueryRunner::new(
            &self.tables,
            &as_of(self.as_of.as_deref(), self.global),
            saved_texts(&self.set, self.global)?,
            &self.context,
        )
    }

    /// The words that the line editor completes.
    fn words(&self) -> Result<Words, AppError> {
        let catalog = self.tables.catalog().with_saved(saved_texts(&self.set, self.global)?);
        let ids = Ids::new(self.tables.session.clone(), self.tables.runtime.handle().clone());
        Ok(Words { catalog, ids, color: self.context.color })
    }

    /// Takes over the current width of the terminal.
    fn follow_terminal(&mut self) {
        if self.context.width.is_some() {
            let size = terminal_size::terminal_size();
            self.context.width = size.map(|(width, _)| usize::from(width.0)).or(self.context.width);
        }
    }

    fn handle(&mut self, line: &str) -> Result<Next, AppError> {
        let line = command::typed(line);
        if line.is_empty() || line.starts_with('#') {
            return Ok(Next::Go);
        }
        if let Some(command) = Command::of_line(line) {
            return self.command(command?);
        }
        let started = Instant::now();
        let asked = self.ask(line);
        self.time(started);
        asked.map(|()| Next::Go)
    }

    fn ask(&mut self, text: &str) -> Result<(), AppError> {
        let out = self.out.take();
        let wrong = |mut diagnostics: Vec<Diagnostic>| {
            if let (Some(wanted), Some(last)) = (output_words::read(text), diagnostics.last_mut()) {
                last.help = Some(format!("did you mean `{}`?", wanted.at_the_prompt()));
            }
            AppError::Query { text: text.to_owned(), diagnostics }
        };
        let mut runner = self.runner()?;
        let query = lang::parse_if(text, &is_valid(self.context.now)).map_err(|errors| {
            let is_open = errors.iter().all(|error| error.help.is_none());
            wrong(if is_open { lang::suggested(text, errors, runner.meant(text)) } else { errors })
        })?;
        let format = self.format_for(out.as_deref());
        runner.default_rows = default_rows(format, !self.chart && out.is_none(), &self.context);
        let checked = runner.check(&query, text)?;
        let quiet = self.global.quiet;
        if !quiet {
            checked.warnings.iter().for_each(|warning| warn(warning, text));
        }
        let working = Working::on("querying", &self.context);
        let answer = runner.answer(&checked, text, self.evidence)?;
        drop(working);
        if !quiet {
            self.echo(&runner.window_line(&answer, &checked, "\\as-of now"));
        }
        self.deliver(&answer, out.as_deref(), Shown::of(&query))?;
        if !quiet {
            after(&answer, &checked, &self.tables, Options { anchor: runner.anchor.time, evidence: self.evidence });
        }
        Ok(())
    }

    /// Prints the window if it is not the one that was printed last.
    fn echo(&self, line: &str) {
        if self.window.replace(line.to_owned()) != line {
            say(line);
        }
    }

    fn time(&self, started: Instant) {
        if self.timing {
            say(&format!("time {}", describe_duration(started.elapsed().as_secs_f64())));
        }
    }

    fn format_for(&self, out: Option<&Path>) -> Format {
        self.format.or_else(|| out.and_then(Format::for_file)).unwrap_or_default()
    }

    /// Writes a result to a file, or shows it.
    fn deliver(&self, answer: &Answer, out: Option<&Path>, shown: Shown) -> Result<(), AppError> {
        let format = self.format_for(out);
        let Some(path) = out else {
            return self.display(answer, format, shown);
        };
        let look = Look { width: None, color: false, ..self.look(shown) };
        let bytes = self.drawn(answer, format, &look)?;
        destination::write(path, bytes)?;
        if !self.global.quiet {
            say(&written(answer, path));
        }
        Ok(())
    }

    fn display(&self, answer: &Answer, format: Format, shown: Shown) -> Result<(), AppError> {
        if format.is_binary() && !self.chart {
            return Err(AppError::Sentence(format!(
                "cannot print {format} on a terminal; `\\o FILE` writes the next result to a file"
            )));
        }
        let look = self.look(shown);
        // A pager that scrolls sideways gets whole rows.
        if let Some(pager) = self.pager.as_ref().filter(|pager| pager.is_wide() && !self.chart && look.layout != Layout::Expanded)
        {
            let whole = self.drawn(answer, format, &Look { width: None, ..look.clone() })?;
            if page::is_long(&whole) {
                return Ok(page::show(&whole, Some(pager))?);
            }
        }
        self.show(&self.drawn(answer, format, &look)?)
    }

    fn drawn(&self, answer: &Answer, format: Format, look: &Look) -> Result<Vec<u8>, AppError> {
        if self.chart {
            return Ok(chart(answer, look)?.into_bytes());
        }
        let mut bytes = Vec::new();
        render(format, answer, look, &mut bytes)?;
        Ok(bytes)
    }

    fn look(&self, shown: Shown) -> Look {
        // How to see the columns that a table has no place for.
        let hint = match shown {
            Shown::Chosen => "\\x shows them, `show *` all fields",
            Shown::All => "\\x shows them",
        };
        let layout = if self.expanded { Layout::Expanded } else { Layout::Lines { hint } };
        look(layout, &self.context)
    }

    fn show(&self, bytes: &[u8]) -> Result<(), AppError> {
        Ok(page::show(bytes, self.pager.as_ref())?)
    }

    /// Shows a page of text, broken at words.
    fn show_page(&self, text: String) -> Result<(), AppError> {
        self.show(stdout::page(text, &self.context).as_bytes())
    }

    fn command(&mut self, command: Command) -> Result<Next, AppError> {
        let started = Instant::now();
        match command {
            Command::Quit => return Ok(Next::End),
            Command::Clear => return Ok(Next::Clear),
            Command::Help => say_raw(&stdout::page(command::help(), &self.context)),
            Command::Format(format) => self.format = Some(format),
            Command::AsOf(time) => {
                let before = self.as_of.replace(time);
                if let Err(failure) = self.runner() {
                    self.as_of = before;
                    return Err(failure);
                }
            }
            Command::Set(name, value) => {
                let before = self.set.clone();
                self.set.retain(|(known, _)| *known != name);
                self.set.push((name, value));
                if let Err(failure) = self.runner() {
                    self.set = before;
                    return Err(failure);
                }
                return Ok(Next::Renew);
            }
            Command::Evidence(on) => self.evidence = if on { Evidence::First } else { Evidence::Without },
            Command::Chart(on) => self.chart = on,
            Command::Paging(on) => self.pager = on.then(Pager::find),
            Command::Timing(on) => {
                self.timing = on.unwrap_or(!self.timing);
                self.confirm("timing", self.timing);
            }
            Command::Expanded(on) => {
                self.expanded = on.unwrap_or(!self.expanded);
                self.confirm("expanded rows", self.expanded);
            }
            Command::Out(path) => self.out = path,
            Command::Fields(noun) => {
                super::fields::run(&super::args::Fields { noun, format: Format::Table }, &self.context)?;
            }
            Command::Queries(name) => {
                super::queries::run(&super::args::Queries { name, format: Format::Table }, self.global, &self.context)?;
            }
            Command::Sql(statement) => {
                let out = self.out.take();
                let working = Working::on("querying", &self.context);
                let answer = sql_answer(&self.tables, &statement, &self.context);
                drop(working);
                self.deliver(&answer?, out.as_deref(), Shown::All)?;
                self.time(started);
            }
            Command::Explain(name) => {
                self.show_page(super::explain::text_of(&self.tables, &name, &self.context)?)?;
                self.time(started);
            }
            Command::Timeline(name) => {
                let timeline = super::args::Timeline {
                    what: name,
                    since: None,
                    from: Vec::new(),
                    scope: super::args::Scope::default(),
                    links: false,
                    format: crate::explain::Layout::Text,
                };
                self.show_page(super::timeline::timeline_text(&self.tables, &timeline, &self.context)?)?;
                self.time(started);
            }
            Command::Show(id) => {
                super::show::print_record(&id, TextFormat::Text, &self.tables)?;
            }
            Command::Changes(changes) => {
                self.show(super::changes::changes_text(&self.tables, &changes, &self.context)?.as_bytes())?;
                self.time(started);
            }
            Command::Check(mut check) => {
                check.set.splice(0..0, self.set.iter().cloned());
                check.as_of = check.as_of.or_else(|| self.as_of.clone());
                check.limits = self.limits_or(check.limits);
                super::check::run_here(&self.tables, &check, self.global, &self.context)?;
                self.time(started);
            }
            Command::Doctor(doctor) => {
                super::doctor::run_on(&self.tables, &doctor, self.global, &self.context)?;
                self.time(started);
            }
            Command::Report(mut report) => {
                report.set.splice(0..0, self.set.iter().cloned());
                report.as_of = report.as_of.or_else(|| self.as_of.clone());
                report.limits = self.limits_or(report.limits);
                super::report::run_here(&self.tables, &report, self.global, &self.context)?;
                self.time(started);
            }
        }
        Ok(Next::Go)
    }

    /// The limits of the prompt, unless a command has its own.
    fn limits_or(&self, own: Limits) -> Limits {
        if own.quotas.is_empty() && own.what_if.is_empty() { self.limits.clone() } else { own }
    }

    fn confirm(&self, what: &str, on: bool) {
        if !self.global.quiet {
            say(&format!("{what}: {}", if on { "on" } else { "off" }));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pasted_lines_are_queries_of_their_own_unless_they_are_one_together() {
        let cases: [(&str, &[&str]); 8] = [
            ("failures by reason", &["failures by reason"]),
            (
                "failures limit 1\nfailures by reason limit 1\ntasks limit 1\n",
                &["failures limit 1", "failures by reason limit 1", "tasks limit 1"],
            ),
            ("\\x\nfailures\n", &["\\x", "failures"]),
            ("# what failed\nfailures", &["# what failed", "failures"]),
            ("failures\n  by reason\n", &["failures\n  by reason"]),
            ("select count(*)\nfrom calls;\n", &["select count(*)\nfrom calls;"]),
            ("select 1;\nselect 2;", &["select 1;", "select 2;"]),
            ("", &[""]),
        ];
        for (input, expected) in cases {
            assert_eq!(entries(input), expected, "{input:?}");
        }
    }
}
