//! CSV according to RFC 4180 with `\n` line endings, safe for spreadsheets.
//!
//! A text that a spreadsheet would run as a formula gets a leading apostrophe; numbers are unchanged. Control
//! characters other than tab and line endings are escaped as `\u{1b}`.

use std::borrow::Cow;
use std::io;

use ::csv::{ErrorKind, Terminator, Writer, WriterBuilder};

use super::rows::visit_rows;
use super::visible::visible_except;
use super::{Look, Render, RenderError};
use crate::answer::Answer;

/// The format `csv`.
pub(super) struct Csv;

impl Render for Csv {
    fn render(&self, answer: &Answer, look: &Look, out: &mut dyn io::Write) -> Result<(), RenderError> {
        let mut writer = WriterBuilder::new().terminator(Terminator::Any(b'\n')).from_writer(out);
        if !answer.columns.is_empty() {
            let names = answer.columns.iter().map(|column| guard(&column.name));
            write_record(&mut writer, names)?;
        }
        visit_rows(answer, |cells| {
            let texts = cells.iter().map(|cell| {
                let text = cell.exact(look);
                let guarded = cell.is_wordy().then(|| guard(&text).into_owned());
                Cow::Owned(guarded.unwrap_or(text))
            });
            write_record(&mut writer, texts)
        })?;
        writer.flush()?;
        Ok(())
    }
}

fn write_record<'a, W: io::Write>(writer: &mut Writer<W>, fields: impl Iterator<Item = Cow<'a, str>>) -> Result<(), RenderError> {
    for field in fields {
        writer.write_field(field.as_bytes()).map_err(io_error)?;
    }
    writer.write_record(None::<&[u8]>).map_err(io_error)
}

/// Returns the I/O error unchanged, so that a closed pipe can be recognized.
fn io_error(error: ::csv::Error) -> RenderError {
    if !error.is_io_error() {
        return io::Error::other(error).into();
    }
    match error.into_kind() {
        ErrorKind::Io(error) => error.into(),
        other => io::Error::other(format!("{other:?}")).into(),
    }
}

/// The text, safe for a spreadsheet.
fn guard(text: &str) -> Cow<'_, str> {
    let shown = visible_except(text, &['\t', '\n', '\r']);
    if starts_formula(&shown) && !is_plain_number(&shown) { Cow::Owned(format!("'{shown}")) } else { shown }
}

/// Full-width forms are included, because spreadsheets with an East Asian locale run them too.
fn starts_formula(text: &str) -> bool {
    text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠'])
}

fn is_plain_number(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
    let all_digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    all_digits(whole) && all_digits(fraction)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formulas_are_disarmed() {
        for text in ["=cmd()", "+1+2", "-1+cmd|x", "@sum(a)", "\t=1", "\r=1", "\n=1", "＝1", "-", "-.5"] {
            assert_eq!(guard(text), format!("'{text}"));
        }
    }

    #[test]
    fn plain_values_stay() {
        for text in ["-1", "-12.5", "a=b", "", "'=1", "batch-1", "失敗", "a\nb"] {
            assert_eq!(guard(text), text);
        }
    }

    #[test]
    fn terminal_escapes_do_not_get_through() {
        assert_eq!(guard("a\u{1b}[2J"), "a\\u{1b}[2J");
    }
}
