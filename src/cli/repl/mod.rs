//! `ecs-audit repl`, and `ecs-audit` without a command on a terminal: an interactive prompt.

mod command;
mod editor;
mod page;

use super::args::{Global, Repl};
use super::ask::Tables;
use super::limits;
use super::query::{Asker, after, default_rows, saved_texts};
use super::say::{Failure, say, say_raw, warn};
use crate::context::Context;
use crate::exit::ExitCode;
use crate::lang;
use crate::plan::{Evidence, Options};
use crate::render::{Format, Look, render};
use crate::table::TableSet;
use command::Command;
use editor::Prompt;
use std::io::{self, BufRead, IsTerminal};

/// The settings that commands change.
struct Session<'s> {
    global: &'s Global,
    context: &'s Context,
    tables: Tables,
    format: Format,
    as_of: Option<String>,
    set: Vec<(String, String)>,
    evidence: Evidence,
    chart: bool,
    paging: bool,
}

/// Runs the command.
pub fn run(arguments: &Repl, global: &Global, context: &Context) -> Result<ExitCode, Failure> {
    let tables = Tables::open(&arguments.from, true, TableSet::ALL, global, context)?;
    limits::install(&arguments.limits, &tables, global)?;
    let mut session = Session {
        global,
        context,
        tables,
        format: arguments.format.unwrap_or(Format::Table),
        as_of: arguments.as_of.clone(),
        set: arguments.set.clone(),
        evidence: Evidence::Without,
        chart: false,
        paging: context.width.is_some(),
    };
    session.asker()?;
    if io::stdin().is_terminal() && context.width.is_some() { interactive(&mut session) } else { lines(&mut session) }
}

/// Interactive input from a terminal.
fn interactive(session: &mut Session<'_>) -> Result<ExitCode, Failure> {
    let mut prompt = Prompt::new(session)?;
    say("Type a query, such as: failures by reason since 7d. Tab completes, \\help lists commands, \\quit quits.");
    while let Some(line) = prompt.read()? {
        match session.handle(&line) {
            Ok(Next::Go) => {}
            Ok(Next::Renew) => prompt.renew(session)?,
            Ok(Next::End) => break,
            // Quitting the pager early is not an error.
            Err(failure) if failure.is_broken_pipe() => {}
            Err(failure) => failure.say(),
        }
    }
    prompt.end();
    Ok(ExitCode::Ok)
}

/// A script: one query per line, without a prompt.
fn lines(session: &mut Session<'_>) -> Result<ExitCode, Failure> {
    let mut code = ExitCode::Ok;
    for line in io::stdin().lock().lines() {
        match session.handle(&line?) {
            Ok(Next::End) => break,
            Ok(_) => {}
            Err(failure) if failure.is_broken_pipe() => return Ok(ExitCode::Ok),
            Err(failure) => {
                failure.say();
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
    End,
}

impl Session<'_> {
    fn asker(&self) -> Result<Asker<'_>, Failure> {
        Asker::new(&self.tables, self.as_of.as_deref(), saved_texts(&self.set, self.global)?, self.global, self.context)
    }

    fn handle(&mut self, line: &str) -> Result<Next, Failure> {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            return Ok(Next::Go);
        }
        if let Some(command) = line.strip_prefix('\\') {
            return self.command(Command::parse(command)?);
        }
        self.ask(line)?;
        Ok(Next::Go)
    }

    fn ask(&self, text: &str) -> Result<(), Failure> {
        let wrong = |diagnostics| Failure::Query { text: text.to_owned(), diagnostics };
        let query = lang::parse(text).map_err(wrong)?;
        let mut asker = self.asker()?;
        asker.default_rows = default_rows(self.format, !self.chart, self.context);
        let checked = asker.check(&query, text)?;
        let quiet = self.global.quiet;
        if !quiet {
            checked.warnings.iter().for_each(|warning| warn(warning, text));
        }
        let answer = asker.answer(&checked, text, self.evidence)?;
        if !quiet {
            asker.echo(&answer, &checked);
        }
        let look = Look { width: self.context.width, color: self.context.color, tz: self.context.tz.clone() };
        let mut bytes = Vec::new();
        if self.chart {
            bytes = super::query::chart(&answer, &look)?.into_bytes();
        } else if self.format.is_binary() {
            return Err(Failure::Sentence(format!(
                "cannot print {} on a terminal; write it to a file with `ecs-audit query --out FILE`",
                self.format
            )));
        } else {
            render(self.format, &answer, &look, &mut bytes)?;
        }
        self.show(&bytes)?;
        if !quiet {
            after(&answer, &checked, &self.tables, Options { anchor: asker.anchor.time, evidence: self.evidence });
        }
        Ok(())
    }

    fn show(&self, bytes: &[u8]) -> Result<(), Failure> {
        Ok(page::show(bytes, self.paging)?)
    }

    fn command(&mut self, command: Command) -> Result<Next, Failure> {
        match command {
            Command::Quit => return Ok(Next::End),
            Command::Help => say_raw(&command::help()),
            Command::Format(format) => self.format = format,
            Command::AsOf(time) => {
                let before = self.as_of.replace(time);
                if let Err(failure) = self.asker() {
                    self.as_of = before;
                    return Err(failure);
                }
            }
            Command::Set(name, value) => {
                self.set.retain(|(known, _)| *known != name);
                self.set.push((name, value));
                if let Err(failure) = self.asker() {
                    self.set.pop();
                    return Err(failure);
                }
                return Ok(Next::Renew);
            }
            Command::Evidence(on) => self.evidence = if on { Evidence::First } else { Evidence::Without },
            Command::Chart(on) => self.chart = on,
            Command::Paging(on) => self.paging = on,
            Command::Fields(noun) => {
                super::fields::run(&super::args::Fields { noun, format: Format::Table }, self.context)?;
            }
            Command::Queries(name) => {
                super::queries::run(&super::args::Queries { name, format: Format::Table }, self.global, self.context)?;
            }
            Command::Sql(statement) => {
                let answer = self.tables.sql(&statement)?;
                let look = Look { width: self.context.width, color: self.context.color, tz: self.context.tz.clone() };
                let mut bytes = Vec::new();
                render(self.format, &answer, &look, &mut bytes)?;
                self.show(&bytes)?;
            }
            Command::Explain(name) => {
                let text = super::explain::text_of(&self.tables, &name, self.context)?;
                self.show(text.as_bytes())?;
            }
            Command::Timeline(name) => {
                let timeline =
                    super::args::Timeline { what: name, since: None, from: Vec::new(), format: crate::explain::Layout::Text };
                let text = super::timeline::timeline_text(&self.tables, &timeline, self.context)?;
                self.show(text.as_bytes())?;
            }
            Command::Show(id) => {
                super::show::print_record(&id, &self.tables)?;
            }
        }
        Ok(Next::Go)
    }
}
