//! Confines a panic to the file that caused it: the last line of defense against bugs in this program and its
//! libraries.
//!
//! A panic while reading a file quarantines that file; all others are still loaded.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::panic::{self, AssertUnwindSafe};
use std::sync::Once;

thread_local! {
    /// Nesting depth of [`contained`] on this thread. Calls nest because a thread that waits for the parts of a file
    /// works on other files meanwhile.
    static DEPTH: Cell<usize> = const { Cell::new(0) };
    /// Message and location of the latest contained panic.
    static LAST_PANIC: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Installs a hook that does not print contained panics, since they are reported with their file; other panics print
/// as usual.
pub fn silence_contained_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let print = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if DEPTH.get() == 0 {
                return print(info);
            }
            let place = info.location().map(|place| format!(" ({}:{})", file_name(place.file()), place.line()));
            LAST_PANIC.set(Some(format!("{}{}", message(info.payload()), place.unwrap_or_default())));
        }));
    });
}

/// Runs `run` and turns a panic into an error with its message. The caller must discard any state that a panic may
/// have left inconsistent.
pub fn contained<R>(run: impl FnOnce() -> R) -> Result<R, String> {
    DEPTH.set(DEPTH.get() + 1);
    let result = panic::catch_unwind(AssertUnwindSafe(run));
    DEPTH.set(DEPTH.get() - 1);
    result.map_err(|payload| LAST_PANIC.take().unwrap_or_else(|| message(payload.as_ref())))
}

fn message(payload: &dyn Any) -> String {
    let text = payload.downcast_ref::<&str>().copied().or_else(|| payload.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("no message").to_owned()
}

/// The last two components of a source path; the rest depends on the build machine.
fn file_name(path: &str) -> String {
    let mut parts: Vec<&str> = path.rsplit(['/', '\\']).take(2).collect();
    parts.reverse();
    parts.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_an_error_with_its_message() {
        silence_contained_panics();
        assert_eq!(contained(|| 7), Ok(7));
        let error = contained(|| panic!("a bit width of {}", 77)).unwrap_err();
        assert!(error.starts_with("a bit width of 77 (load/contain.rs:"), "{error}");
        let nested = contained(|| contained(|| panic!("inside")).is_err()).unwrap();
        assert!(nested);
        assert_eq!(DEPTH.get(), 0);
    }
}
