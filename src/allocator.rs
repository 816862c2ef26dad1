//! The allocator's settings, for programs that use it.

/// How long freed memory is kept before the system gets it back, in milliseconds. Loading frees and takes tens
/// of megabytes many times a second; at the default of 10 ms a fifth of its time went into fetching them again. Kept for
/// half a minute, what lies idle adds up: a load of 1 GiB took a fourth more memory, and no less time.
const KEPT: std::ffi::c_long = 1_000;
/// `mi_option_purge_delay`, which the bindings do not name (mimalloc.h, `mi_option_e`).
const PURGE_DELAY: libmimalloc_sys::mi_option_t = 15;

/// Keeps freed memory for a while. To be called before there are other threads.
pub fn keep_freed_memory() {
    // SAFETY: sets a number in a table of the allocator.
    unsafe { libmimalloc_sys::mi_option_set(PURGE_DELAY, KEPT) };
}
