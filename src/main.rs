//! The program: parses arguments, runs the command line, turns the result into an exit code.

use std::process::ExitCode;

/// Loading allocates many small buffers on all cores; the system's allocator is slower at that.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Query plans are trees that the engine walks recursively; the main thread's stack may be small.
const STACK: usize = 64 << 20;

fn main() -> ExitCode {
    ecs_audit::allocator::give_back_freed_memory();
    let run = std::thread::Builder::new().stack_size(STACK).spawn(|| ecs_audit::cli::run(std::env::args_os()));
    match run.map(std::thread::JoinHandle::join) {
        Ok(Ok(code)) => code.into(),
        Ok(Err(_)) => ExitCode::from(2),
        Err(error) => {
            eprintln!("error: cannot start a thread: {error}");
            ExitCode::from(2)
        }
    }
}
