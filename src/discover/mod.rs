//! ① Finds the input files, on disk or in S3, and detects their types.
//!
//! Types are detected from content, never from file names. Symbolic links are followed, and cycles are skipped.

mod kind;
mod objects;
mod printed;
mod unread;
mod walk;

pub use kind::{Kind, is_refused, kind_of, kind_of_name};
pub use objects::{Feed, Listed, Location, Object, ObjectFolder, S3Settings};
pub use walk::{Cut, Found, Input, Problem, Remote, Source, find, find_inputs, masked_name, plain_io};
