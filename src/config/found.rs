//! The configuration that the command line found.

use super::{Layer, Settings};
use std::path::PathBuf;

/// A searched path.
#[derive(Debug, Clone)]
pub struct Searched {
    /// The path.
    pub path: PathBuf,
    /// Whose file it is.
    pub layer: Layer,
    /// Whether the file exists and was read.
    pub read: bool,
}

/// The configuration that was found.
#[derive(Debug, Clone, Default)]
pub struct Configured {
    /// The combined settings.
    pub settings: Settings,
    /// The searched paths, in order.
    pub searched: Vec<Searched>,
    /// The origin of the store.
    pub store_origin: String,
    /// The origin of the time zone.
    pub tz_origin: String,
    /// What set the memory.
    pub memory_origin: String,
}

/// The origin of a setting that nobody made.
pub const DEFAULT: &str = "default";

impl Configured {
    /// Whether the store is the default one, which nobody named.
    pub fn store_is_default(&self) -> bool {
        self.store_origin == DEFAULT
    }
}
