//! Allocator settings for binaries that use mimalloc.
//!
//! By default, the allocator returns freed memory to the system after a delay. A load reuses its buffers, so memory
//! that is kept longer only sits idle: it was a quarter of the memory of a load. A query frees and allocates the same
//! memory repeatedly, so returning it early costs a tenth of its time.

/// How long freed memory is kept by default, in milliseconds.
const SHORT: std::ffi::c_long = 100;
/// How long freed memory is kept while it is reused often, in milliseconds.
const LONG: std::ffi::c_long = 1_000;
/// `mi_option_purge_delay`, which the bindings do not expose (mimalloc.h, `mi_option_e`).
const PURGE_DELAY: libmimalloc_sys::mi_option_t = 15;

/// Returns freed memory to the system soon. Call this at startup: memory that was freed before keeps its delay.
pub fn give_back_freed_memory() {
    keep_for(SHORT);
}

/// Keeps freed memory for a while. Call this before starting threads that allocate a lot.
pub fn keep_freed_memory() {
    keep_for(LONG);
}

fn keep_for(milliseconds: std::ffi::c_long) {
    // SAFETY: only sets a number in a table of the allocator.
    unsafe { libmimalloc_sys::mi_option_set(PURGE_DELAY, milliseconds) };
}
