//! Finds the files of exports, and the options for reading them.

use super::error::AppError;
use crate::context::Context;
use crate::decode::budget::Limits;
use crate::discover::{Found, Input, Problem, Remote, S3Settings, find};
use crate::exit::ExitCode;
use crate::load::{FileReport, LoadOptions, Progress, Rejected, Selection, Totals};
use crate::micros::DAY;
use crate::table::TableSet;
use std::path::{Path, PathBuf};

/// One day: the maximum time by which records may be ahead of the clock.
const AHEAD: i64 = DAY;
/// What the environment contributes to a search for inputs.
pub struct SearchContext {
    /// The folder that relative paths start from.
    pub folder: PathBuf,
    /// How to reach S3.
    pub s3: S3Settings,
}

/// Creates what shows the progress of loading some inputs.
pub type ProgressOf<'p> = dyn Fn(&[Input]) -> Box<dyn Progress> + 'p;

/// `Partial` if something could not be loaded.
pub fn exit_code(totals: &Totals) -> ExitCode {
    if totals.quarantined > 0 { ExitCode::Partial } else { ExitCode::Ok }
}

/// The limits of a load.
pub fn load_options(context: &Context, keep_raw: bool, tables: TableSet) -> LoadOptions {
    LoadOptions {
        latest: context.now.as_microsecond().saturating_add(AHEAD),
        keep_raw,
        tables,
        limits: Limits::STANDARD,
        selection: Selection::default(),
        integrity: None,
    }
}

/// The files below some paths; each path that cannot be read becomes a report of its own.
pub fn inputs(
    paths: &[PathBuf],
    store: Option<&Path>,
    context: &SearchContext,
) -> Result<(Vec<Input>, Vec<FileReport>), AppError> {
    let Found { inputs, problems, .. } = search(paths, store, &Selection::default(), context)?;
    Ok((inputs, problems.iter().map(unreadable).collect()))
}

/// Searches paths and locations in S3. A prefix that the selection leaves out is not listed.
pub fn search(
    paths: &[PathBuf],
    store: Option<&Path>,
    selection: &Selection,
    context: &SearchContext,
) -> Result<Found, AppError> {
    let remote = Remote { settings: context.s3.clone(), left_out: &|path| selection.leaves_out_file(path) };
    let found = find(paths, &context.folder, store, Some(&remote));
    if found.inputs.is_empty()
        && let Some(problem) = found.problems.first()
    {
        let next = match &problem.instead {
            Some(command) => format!("; bring it here first: `{command}`"),
            None if problem.is_explained => String::new(),
            None => match meant_location(&problem.name) {
                Some(location) => format!("; did you mean `{location}`?"),
                None => "; expected a file or folder of exports".to_owned(),
            },
        };
        return Err(AppError::Sentence(format!("`{}`: {}{next}", problem.name, problem.detail)));
    }
    Ok(found)
}

/// The location in S3 that a name with other signs after `s3` means, such as `s3:/bucket/prefix`.
fn meant_location(name: &str) -> Option<String> {
    let (scheme, rest) = name.split_at_checked(2)?;
    let place = rest.trim_start_matches([':', '/']);
    let signs = rest.strip_suffix(place)?;
    let meant = scheme.eq_ignore_ascii_case("s3") && (signs.contains(':') || signs.len() > 1) && !place.is_empty();
    meant.then(|| format!("s3://{place}"))
}

/// The report of a path that cannot be read.
pub fn unreadable(problem: &Problem) -> FileReport {
    let mut report = FileReport {
        name: problem.name.as_str().into(),
        folder: problem.folder.clone(),
        format: "unreadable".to_owned(),
        ..FileReport::default()
    };
    let detail = match &problem.instead {
        Some(command) => format!("{}; bring it here first: `{command}`", problem.detail),
        None => problem.detail.clone(),
    };
    report.quarantine(Rejected { record: None, offset: None, why: "unreadable".to_owned(), detail, sample: String::new() });
    report
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_location_with_other_signs_is_recognized() {
        for name in ["s3:/bucket/x", "s3:bucket/x", "S3//bucket/x", "s3:///bucket/x"] {
            assert_eq!(meant_location(name).as_deref(), Some("s3://bucket/x"), "{name}");
        }
        for name in ["s3/bucket", "s3-export", "s3:", "s3", "exports", "", "é"] {
            assert_eq!(meant_location(name), None, "{name}");
        }
    }
}
