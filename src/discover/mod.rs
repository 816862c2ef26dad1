//! ① Bytes on disk: which files there are, and what each holds.
//!
//! Kinds are recognised by content, never by name. Symbolic links are followed once, loops are left.

mod kind;
mod walk;

pub use kind::{Kind, kind_of};
pub use walk::{Input, Problem, Source, find_inputs};
