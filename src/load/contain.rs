//! Keeps a panic inside the file whose bytes caused it: the last resort against bugs, ours and those of libraries.
//!
//! A panic while a file is read becomes the reason why that file is quarantined; all others are loaded.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::panic::{self, AssertUnwindSafe};
use std::sync::Once;

thread_local! {
    /// How many calls of [`contained`] this thread is in. They nest: a thread that waits for the parts of a file takes up
    /// other files meanwhile.
    static DEPTH: Cell<usize> = const { Cell::new(0) };
    /// What the newest contained panic said, and where.
    static SAID: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Makes contained panics silent: they are reported with their file. All others are printed as before.
pub fn silence_contained_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let print = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if DEPTH.get() == 0 {
                return print(info);
            }
            let place = info.location().map(|place| format!(" ({}:{})", file_name(place.file()), place.line()));
            SAID.set(Some(format!("{}{}", message(info.payload()), place.unwrap_or_default())));
        }));
    });
}

/// Runs; a panic is an error that says what it said. What `run` changes must be as good as new, or given up, after one.
pub fn contained<R>(run: impl FnOnce() -> R) -> Result<R, String> {
    DEPTH.set(DEPTH.get() + 1);
    let result = panic::catch_unwind(AssertUnwindSafe(run));
    DEPTH.set(DEPTH.get() - 1);
    result.map_err(|payload| SAID.take().unwrap_or_else(|| message(payload.as_ref())))
}

fn message(payload: &dyn Any) -> String {
    let text = payload.downcast_ref::<&str>().copied().or_else(|| payload.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("no message").to_owned()
}

/// The last two parts of a source path: the rest says where somebody compiled it.
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
