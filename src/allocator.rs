//! The allocator's settings, for programs that use it.
//!
//! It gives freed memory back to the system after a while. A load uses its buffers again: what is kept longer lies
//! idle, a quarter of all that a load takes. An answer frees and takes the same memory over and over: given back
//! soon, a tenth of its time goes into fetching it.

/// How long freed memory is kept, in milliseconds.
const SHORT: std::ffi::c_long = 100;
/// How long where much of it is taken again.
const LONG: std::ffi::c_long = 1_000;
/// `mi_option_purge_delay`, which the bindings do not name (mimalloc.h, `mi_option_e`).
const PURGE_DELAY: libmimalloc_sys::mi_option_t = 15;

/// Gives freed memory back soon. To be called at the beginning: what is freed before waits for its time.
pub fn give_back_freed_memory() {
    keep_for(SHORT);
}

/// Keeps freed memory for a while. To be called before there are threads that use much.
pub fn keep_freed_memory() {
    keep_for(LONG);
}

fn keep_for(milliseconds: std::ffi::c_long) {
    // SAFETY: sets a number in a table of the allocator.
    unsafe { libmimalloc_sys::mi_option_set(PURGE_DELAY, milliseconds) };
}
