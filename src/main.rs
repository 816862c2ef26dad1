//! The program: parses arguments, runs the command line, turns the result into an exit code.

use std::process::ExitCode;

/// Loading allocates many small buffers on all cores; the system's allocator is slower at that.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// How long freed memory is kept before the system gets it back, in milliseconds. Loading frees and takes tens
/// of megabytes many times a second; at the default of 10 ms a fifth of its time went into fetching them again.
const KEEP_MEMORY: std::ffi::c_long = 5_000;
/// `mi_option_purge_delay`, which the bindings do not name (mimalloc.h, `mi_option_e`).
const PURGE_DELAY: libmimalloc_sys::mi_option_t = 15;

/// Query plans are trees that the engine walks recursively; the main thread's stack may be small.
const STACK: usize = 64 << 20;

fn main() -> ExitCode {
    // SAFETY: sets a number in a table of the allocator; called before any other thread exists.
    unsafe { libmimalloc_sys::mi_option_set(PURGE_DELAY, KEEP_MEMORY) };
    let run = std::thread::Builder::new().stack_size(STACK).spawn(|| ecs_audit::cli::run(std::env::args_os()));
    match run.map(std::thread::JoinHandle::join) {
        Ok(Ok(code)) => code.into(),
        Ok(Err(_)) => ExitCode::from(2),
        Err(error) => {
            eprintln!("error: no thread could be started: {error}");
            ExitCode::from(2)
        }
    }
}
