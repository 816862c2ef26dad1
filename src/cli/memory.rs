//! The memory limit: the requested size, or half of the machine's memory.

use crate::app::AppError;

/// The assumed memory, in bytes, of a machine that does not report its own.
const UNKNOWN_MACHINE: u64 = 4 << 30;
/// With less memory no query of any size can run.
const LEAST: u64 = 32 << 20;

/// The limit in bytes.
///
/// # Errors
/// When the text is not a size, or too small.
pub fn limit(text: Option<&str>) -> Result<usize, AppError> {
    let bytes = match text {
        None => machine() / 2,
        Some(text) => {
            let wrong =
                || AppError::Sentence(format!("--memory `{text}`: expected a size of at least 32MiB, such as 512MiB or 4GiB"));
            size(text).filter(|bytes| *bytes >= LEAST).ok_or_else(wrong)?
        }
    };
    Ok(usize::try_from(bytes.max(LEAST)).unwrap_or(usize::MAX))
}

/// The memory of the machine, or of the container that this runs in.
fn machine() -> u64 {
    let mut system = sysinfo::System::new();
    system.refresh_memory();
    let container = system.cgroup_limits().map(|limits| limits.total_memory).filter(|bytes| *bytes > 0);
    let machine = Some(system.total_memory()).filter(|bytes| *bytes > 0);
    match (container, machine) {
        (Some(container), Some(machine)) => container.min(machine),
        (container, machine) => container.or(machine).unwrap_or(UNKNOWN_MACHINE),
    }
}

/// The bytes of `512MiB`, `4 GB`, `4g` or `1048576`. Powers of 1,024 are meant: that is how memory is counted.
fn size(text: &str) -> Option<u64> {
    let text = text.trim().to_ascii_lowercase();
    let end = text.find(|letter: char| !letter.is_ascii_digit() && letter != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let factor: u64 = match unit.trim() {
        "" | "b" => 1,
        "k" | "kb" | "kib" => 1 << 10,
        "m" | "mb" | "mib" => 1 << 20,
        "g" | "gb" | "gib" => 1 << 30,
        "t" | "tb" | "tib" => 1 << 40,
        _ => return None,
    };
    let number: f64 = number.parse().ok()?;
    let bytes = number * factor as f64;
    (bytes.is_finite() && bytes < u64::MAX as f64).then_some(bytes as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_as_people_write_them() {
        for (text, bytes) in [("512MiB", 512 << 20), ("4g", 4 << 30), ("1.5 GB", 3 << 29), ("33554432", 32 << 20)] {
            assert_eq!(limit(Some(text)).unwrap(), bytes, "{text}");
        }
        for wrong in ["", "much", "4X", "1MiB", "-4g", "1e400", "."] {
            assert!(limit(Some(wrong)).is_err(), "{wrong}");
        }
        assert!(limit(None).unwrap() >= 32 << 20);
    }
}
