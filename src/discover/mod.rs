//! ① Finds the input files and detects their types.
//!
//! Types are detected from content, never from file names. Symbolic links are followed, and cycles are skipped.

mod kind;
mod walk;

pub use kind::{Kind, is_refused, kind_of, kind_of_name};
pub use walk::{Input, Problem, Source, find_inputs, plain_io};
