//! What a load does not read because of its path.

use crate::discover::{Cut, Input};
use crate::load::Selection;
use std::collections::BTreeMap;

/// What is excluded by its path.
pub struct LeftOut {
    /// The number of files by reason.
    pub files: BTreeMap<&'static str, u64>,
    /// Prefixes in S3 that were not listed, so that their files are not counted.
    pub cut: Vec<Cut>,
}

/// Excludes files by their paths and counts them by reason.
pub fn leave_out(inputs: &mut Vec<Input>, selection: &Selection) -> BTreeMap<&'static str, u64> {
    let mut left_out = BTreeMap::new();
    if !selection.is_everything() {
        inputs.retain(|input| {
            let why = selection.leaves_out_file(&input.name);
            why.map(|why| *left_out.entry(why).or_default() += 1).is_none()
        });
    }
    left_out
}
