//! The threads of a load.

use super::error::AppError;

/// Runs a function on a pool of `threads` threads.
pub fn on_threads<R: Send>(threads: usize, run: impl FnOnce() -> R + Send) -> Result<R, AppError> {
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .stack_size(16 << 20)
        .build()
        .map_err(|error| AppError::Sentence(format!("could not start threads: {error}")))?;
    Ok(pool.install(run))
}
