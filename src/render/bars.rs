//! Draws a series of numbers as a line of bars: `▁▂▅█`.

const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// Bars for a series, at most `width` of them; a missing or infinite value is a space.
///
/// Only zero is drawn as the lowest bar, unless there are negative values. If there are more values than columns,
/// neighboring values share a bar with the height of the largest one.
pub fn sparkline(values: &[Option<f64>], width: usize) -> String {
    if values.is_empty() || width == 0 {
        return String::new();
    }
    let finite = |value: &Option<f64>| value.filter(|value| value.is_finite());
    let values: Vec<Option<f64>> = values.iter().map(finite).collect();
    let columns = values.len().min(width);
    let merged: Vec<Option<f64>> = (0..columns)
        .map(|column| {
            let start = column * values.len() / columns;
            let end = (column + 1) * values.len() / columns;
            peak(values.get(start..end).unwrap_or_default())
        })
        .collect();
    let low = merged.iter().flatten().fold(0.0, |low: f64, &v| low.min(v));
    let high = peak(&merged).unwrap_or(0.0).max(0.0);
    merged.into_iter().map(|value| value.map_or(' ', |value| bar(value, low, high))).collect()
}

/// The largest value.
pub(super) fn peak(values: &[Option<f64>]) -> Option<f64> {
    values.iter().flatten().copied().reduce(f64::max)
}

fn bar(value: f64, low: f64, high: f64) -> char {
    let top = BARS.len() - 1;
    // Halved first, because the distance between the two largest floats is not a float.
    let part = (value / 2.0 - low / 2.0) / (high / 2.0 - low / 2.0);
    let height = if part > 0.0 { (part * top as f64).ceil() as usize } else { 0 };
    BARS.get(height.min(top)).copied().unwrap_or(' ')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bars(values: &[f64], width: usize) -> String {
        let values: Vec<_> = values.iter().copied().map(Some).collect();
        sparkline(&values, width)
    }

    #[test]
    fn zero_is_low_and_only_zero() {
        assert_eq!(bars(&[0.0, 1.0, 50.0, 100.0], 10), "▁▂▅█");
        assert_eq!(bars(&[0.0, 0.0], 10), "▁▁");
        assert_eq!(bars(&[5.0, 5.0], 10), "██");
        assert_eq!(bars(&[-10.0, 0.0, 10.0], 10), "▁▅█");
    }

    #[test]
    fn missing_is_a_space() {
        assert_eq!(sparkline(&[Some(1.0), None, Some(2.0)], 10), "▅ █");
        assert_eq!(sparkline(&[None, None], 10), "  ");
        assert_eq!(sparkline(&[], 10), "");
        assert_eq!(sparkline(&[Some(f64::NAN), Some(1.0)], 10), " █");
        assert_eq!(sparkline(&[Some(f64::INFINITY), Some(1.0)], 10), " █");
    }

    #[test]
    fn a_spike_survives_a_narrow_line() {
        let mut values = vec![0.0; 1000];
        values[637] = 3.0;
        assert_eq!(bars(&values, 10), "▁▁▁▁▁▁█▁▁▁");
        assert_eq!(bars(&values, 0), "");
        assert_eq!(bars(&values, 999).chars().count(), 999);
    }

    #[test]
    fn extremes_do_not_overflow() {
        assert_eq!(bars(&[f64::MIN, 0.0, f64::MAX], 10), "▁▅█");
        assert_eq!(bars(&[f64::MIN_POSITIVE], 10).chars().count(), 1);
    }
}
