//! Lists the files under the given paths and S3 locations, in a fixed order.

use super::objects::{self, Location, Object, S3Settings};
use crate::decode::secret::mask_text;
use crate::knowledge::instead_of;
use rayon::prelude::*;
use std::borrow::Cow;
use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::UNIX_EPOCH;
use walkdir::WalkDir;

/// The origin of an input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// A file.
    File(PathBuf),
    /// An object in S3.
    Object(Object),
    /// Standard input.
    Stdin,
    /// A store, whether the current one or another: its files are not exports.
    Store,
}

/// One input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Input {
    /// The origin of its bytes.
    pub source: Source,
    /// The name in the store: the path as given, with `/` as separator and `\xNN` for bytes that are not valid UTF-8, or
    /// `s3://bucket/key`.
    pub name: Arc<str>,
    /// The folder that a relative name is resolved against; `None` for absolute names and standard input.
    pub folder: Option<Arc<str>>,
    /// Bytes on disk or in S3 (0 for standard input).
    pub size: u64,
    /// Modification time in microseconds since 1970 UTC, if the file system reports one; for an object, when its version
    /// was created.
    pub modified: Option<i64>,
}

/// A path that could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The path.
    pub name: String,
    /// See [`Input::folder`].
    pub folder: Option<Arc<str>>,
    /// The system error, or what the path is.
    pub detail: String,
    /// A command that works, if the path is a location elsewhere.
    pub instead: Option<String>,
    /// Whether the detail already says what to do.
    pub is_explained: bool,
}

/// How locations in S3 are searched.
pub struct Remote<'r> {
    /// Credentials and addresses.
    pub settings: S3Settings,
    /// The reason to leave out what has a path, if any: such prefixes are not listed.
    pub left_out: &'r dyn Fn(&str) -> Option<&'static str>,
}

/// A prefix in S3 that was not listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cut {
    /// Its name.
    pub name: String,
    /// The reason.
    pub why: &'static str,
}

/// What is under some paths.
#[derive(Debug, Default)]
pub struct Found {
    /// The inputs, sorted by name.
    pub inputs: Vec<Input>,
    /// Paths that could not be read.
    pub problems: Vec<Problem>,
    /// Prefixes that were not listed, so that nobody knows how many objects they have.
    pub cut: Vec<Cut>,
}

/// Finds the files under local paths, as [`find`] does.
pub fn find_inputs(paths: &[PathBuf], folder: &Path, skip: Option<&Path>) -> (Vec<Input>, Vec<Problem>) {
    let found = find(paths, folder, skip, None);
    (found.inputs, found.problems)
}

/// Finds the files under the paths; relative paths are resolved against `folder`, `-` is standard input, and `remote`
/// says how to search `s3://bucket/prefix`. `skip` is a folder to exclude (the store itself). Inputs are sorted by name,
/// so the order does not depend on the file system.
pub fn find(paths: &[PathBuf], folder: &Path, skip: Option<&Path>, remote: Option<&Remote<'_>>) -> Found {
    let folder: Arc<str> = display(folder).into();
    let mut locations = Vec::new();
    let (mut inputs, mut files, stores) = (Vec::new(), Vec::new(), RefCell::new(Vec::new()));
    let mut problems = Vec::new();
    let skip = skip.and_then(|path| path.canonicalize().ok());
    for path in paths {
        if path.as_os_str() == "-" {
            inputs.push(Input { source: Source::Stdin, name: "-".into(), folder: None, size: 0, modified: None });
            continue;
        }
        if let Some(location) = path.to_str().and_then(Location::of).filter(|_| remote.is_some() && !path.exists()) {
            locations.push(location);
            continue;
        }
        if let Some(problem) = of_location(path) {
            problems.push(problem);
            continue;
        }
        let folder = path.is_relative().then_some(&folder);
        let walk = WalkDir::new(path).follow_links(true).into_iter().filter_entry(|entry| {
            let is_skipped = skip.is_some()
                && entry.file_type().is_dir()
                && (entry.file_name() == ".ecs-audit" || entry.depth() < 3)
                && entry.path().canonicalize().ok() == skip;
            let is_store = !is_skipped && entry.file_type().is_dir() && holds_tables(entry.path());
            if is_store {
                stores.borrow_mut().push(unsized_input(entry.path(), folder.cloned(), Source::Store));
            }
            !is_skipped && !is_store
        });
        for entry in walk {
            match entry {
                Ok(entry) if entry.file_type().is_file() => files.push((entry, folder)),
                // A pipe, such as `/dev/stdin` or `<(…)`, is read only if named explicitly.
                Ok(entry) if entry.depth() == 0 && !entry.file_type().is_dir() => {
                    let source = Source::File(entry.path().to_path_buf());
                    inputs.push(unsized_input(entry.path(), folder.cloned(), source));
                }
                Ok(_) => {}
                // A link to a parent folder contributes no further files.
                Err(error) if error.loop_ancestor().is_some() => {}
                Err(error) => problems.push(Problem {
                    name: error.path().map_or_else(|| display(path), display),
                    folder: folder.cloned(),
                    detail: error.io_error().map_or_else(|| error.to_string(), plain_io),
                    instead: None,
                    is_explained: false,
                }),
            }
        }
    }
    inputs.extend(stores.into_inner());
    inputs.par_extend(files.par_iter().map(|(entry, folder)| input(entry, folder.cloned())));
    let mut found = Found { inputs, problems, cut: Vec::new() };
    if let Some(remote) = remote.filter(|_| !locations.is_empty()) {
        objects::search(&locations, remote, &mut found);
    }
    found.inputs.sort_by(|left, right| left.name.cmp(&right.name));
    found.inputs.dedup();
    found
}

/// The problem with a path that is a location elsewhere, unless a file has that name.
fn of_location(path: &Path) -> Option<Problem> {
    let instead = instead_of(path.to_str()?).filter(|_| !path.exists())?;
    let detail = "a location on another machine; only local files and `s3://BUCKET/PREFIX` are read".to_owned();
    Some(Problem { name: path.to_str()?.to_owned(), folder: None, detail, instead: Some(instead), is_explained: false })
}

/// Whether a folder is a Delta table or a store with several.
fn holds_tables(folder: &Path) -> bool {
    const LOG: &str = "_delta_log";
    if folder.join(LOG).is_dir() {
        return true;
    }
    let tables = std::fs::read_dir(folder.join("tables")).into_iter().flatten().flatten();
    tables.into_iter().any(|table| table.path().join(LOG).is_dir())
}

/// An input whose size and time are unknown until it is read.
fn unsized_input(path: &Path, folder: Option<Arc<str>>, source: Source) -> Input {
    Input { source, name: display(path).into(), folder, size: 0, modified: None }
}

fn input(entry: &walkdir::DirEntry, folder: Option<Arc<str>>) -> Input {
    let metadata = entry.metadata().ok();
    let modified = metadata
        .as_ref()
        .and_then(|metadata| metadata.modified().ok())
        .and_then(|time| time.duration_since(UNIX_EPOCH).ok())
        .and_then(|elapsed| i64::try_from(elapsed.as_micros()).ok());
    Input {
        source: Source::File(entry.path().to_path_buf()),
        name: display(entry.path()).into(),
        folder,
        size: metadata.map_or(0, |metadata| metadata.len()),
        modified,
    }
}

/// An I/O error message without the OS error number.
pub fn plain_io(error: &std::io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or(&text).to_lowercase()
}

fn display(path: &Path) -> String {
    let mut name = String::new();
    for chunk in path.as_os_str().as_encoded_bytes().utf8_chunks() {
        name.push_str(chunk.valid());
        for byte in chunk.invalid() {
            name.push_str(&format!("\\x{byte:02x}"));
        }
    }
    masked_name(name.strip_prefix("./").map(str::to_owned).unwrap_or(name))
}

/// A name without secrets: a file that was downloaded may be called like its signed URL. Different names stay different.
pub fn masked_name(name: String) -> String {
    match mask_text(&name) {
        Cow::Borrowed(_) => name,
        Cow::Owned(masked) => format!("{masked}#{}", blake3::hash(name.as_bytes()).to_hex().get(..8).unwrap_or_default()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn loops_and_odd_names_are_harmless() {
        use std::os::unix::ffi::OsStrExt;
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("a")).unwrap();
        std::fs::write(dir.path().join("a/x.json"), "{}").unwrap();
        std::fs::write(dir.path().join(std::ffi::OsStr::from_bytes(b"b\xff.json")), "{}").unwrap();
        std::os::unix::fs::symlink(dir.path(), dir.path().join("a/loop")).unwrap();
        let (inputs, problems) = find_inputs(&[dir.path().to_path_buf()], Path::new("/"), None);
        assert_eq!(inputs.len(), 2, "{inputs:?}");
        assert!(problems.is_empty(), "{problems:?}");
        assert!(inputs[1].name.ends_with("b\\xff.json"));
    }

    #[test]
    fn a_store_in_the_folder_is_one_input() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(dir.path().join("old/tables/calls/_delta_log")).unwrap();
        std::fs::write(dir.path().join("old/tables/calls/_delta_log/0.json"), "{}").unwrap();
        std::fs::write(dir.path().join("x.json"), "{}").unwrap();
        let (inputs, problems) = find_inputs(&[dir.path().to_path_buf()], Path::new("/"), None);
        let summary: Vec<_> = inputs.iter().map(|input| (input.name.ends_with("old"), input.source == Source::Store)).collect();
        assert_eq!((summary, problems.len()), (vec![(true, true), (false, false)], 0));
    }

    #[test]
    fn names_like_signed_urls_are_masked() {
        let dir = tempfile::tempdir().unwrap();
        for signature in ["0f1e2d3c4b5a69788796", "1f1e2d3c4b5a69788796"] {
            std::fs::write(dir.path().join(format!("a.json?X-Amz-Signature={signature}")), "{}").unwrap();
        }
        let (inputs, _) = find_inputs(&[dir.path().to_path_buf()], Path::new("/"), None);
        assert!(
            inputs.iter().all(|input| !input.name.contains("69788796") && input.name.contains("X-Amz-Signature=***masked***"))
        );
        assert_ne!(inputs[0].name, inputs[1].name);
        let (_, problems) = find_inputs(&[PathBuf::from("/none/x?token=f00dfeedc0ffee")], Path::new("/"), None);
        assert!(!problems[0].name.contains("f00dfeed"), "{}", problems[0].name);
    }

    #[test]
    fn a_location_elsewhere_is_a_problem_with_a_command() {
        let (inputs, problems) = find_inputs(&[PathBuf::from("gs://logs/AWSLogs/")], Path::new("/"), None);
        assert!(inputs.is_empty());
        assert_eq!(
            problems[0].instead.as_deref(),
            Some("gcloud storage cp -r gs://logs/AWSLogs/ export && ecs-audit load export")
        );
        assert_eq!(problems[0].name, "gs://logs/AWSLogs/");
    }

    #[test]
    fn a_missing_path_is_a_problem_not_a_panic() {
        let (inputs, problems) = find_inputs(&[PathBuf::from("/no/such/folder")], Path::new("/"), None);
        assert!(inputs.is_empty());
        assert_eq!(problems.len(), 1);
    }
}
