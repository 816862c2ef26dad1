//! Task sizes: converts texts such as `1 vCPU` and `2 GB` to CPU units and MiB, and lists the Fargate sizes.

use crate::toml_document::{ConfigError, Document};
use std::path::Path;

const SIZES: &str = include_str!("../knowledge/fargate-sizes.toml");

/// The memory sizes that Fargate supports for a CPU size.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Size {
    /// CPU units.
    pub cpu: u64,
    /// MiB, ascending.
    pub memory: Vec<u64>,
}

/// All Fargate sizes, ascending.
pub fn fargate_sizes() -> Result<Vec<Size>, ConfigError> {
    let document = Document::parse(SIZES, Path::new("fargate-sizes.toml"))?;
    let top = document.top();
    top.sections("size")?
        .iter()
        .map(|section| {
            let number = |key: &str| -> Result<u64, ConfigError> {
                section
                    .number(key)?
                    .map(|number| number as u64)
                    .ok_or_else(|| section.config_error(format!("`{key}` is missing")))
            };
            let listed = section.numbers("memory")?;
            let memory = if listed.is_empty() {
                let (from, to, step) = (number("from")?, number("to")?, number("step")?.max(1));
                (from..=to).step_by(usize::try_from(step).unwrap_or(1)).collect()
            } else {
                listed.into_iter().map(|number| number as u64).collect()
            };
            Ok(Size { cpu: number("cpu")?, memory })
        })
        .collect()
}

/// The CPU units of a text: plain digits are units, 1 `vCPU` is 1,024 units.
pub fn cpu_units(text: &str) -> Option<u64> {
    let lower = text.trim().to_ascii_lowercase();
    match lower.strip_suffix("vcpu") {
        Some(number) => scaled(number, 1024.0),
        None => lower.parse().ok(),
    }
}

/// The MiB of a text: plain digits are MiB, 1 `GB` is 1,024 MiB.
pub fn mib(text: &str) -> Option<u64> {
    let lower = text.trim().to_ascii_lowercase();
    match lower.strip_suffix("gb") {
        Some(number) => scaled(number, 1024.0),
        None => lower.strip_suffix("mb").unwrap_or(&lower).trim().parse().ok(),
    }
}

fn scaled(number: &str, by: f64) -> Option<u64> {
    let number: f64 = number.trim().parse().ok()?;
    let whole = number * by;
    (whole.is_finite() && (0.0..1e12).contains(&whole) && whole.fract() == 0.0).then_some(whole as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_become_units() {
        for (text, units) in
            [("256", Some(256)), ("1 vCPU", Some(1024)), (".5 vCPU", Some(512)), ("2vcpu", Some(2048)), ("one", None)]
        {
            assert_eq!(cpu_units(text), units, "{text}");
        }
        for (text, expected) in
            [("512", Some(512)), ("2 GB", Some(2048)), ("2GB", Some(2048)), ("0.5GB", Some(512)), ("-1", None)]
        {
            assert_eq!(mib(text), expected, "{text}");
        }
    }

    #[test]
    fn the_sizes_are_those_of_fargate() {
        let sizes = fargate_sizes().unwrap();
        assert_eq!(sizes.len(), 8);
        let of = |cpu: u64| sizes.iter().find(|size| size.cpu == cpu).unwrap();
        assert_eq!(of(256).memory, [512, 1024, 2048]);
        assert_eq!(of(4096).memory.last(), Some(&(30 * 1024)));
        assert_eq!(of(8192).memory.len(), 12);
        assert_eq!(of(16384).memory, [32768, 40960, 49152, 57344, 65536, 73728, 81920, 90112, 98304, 106_496, 114_688, 122_880]);
    }
}
