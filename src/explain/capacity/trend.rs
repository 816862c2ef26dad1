//! Fits a linear trend to daily peaks, with an optional weekly pattern and confidence intervals.
//!
//! Least squares; the distributions are those of `statrs`. Autocorrelated days count for less: with the correlation r of
//! neighboring residuals, n days count as n (1 − r) / (1 + r) (Santer et al. 2000, J. Geophys. Res. 105), so that a random
//! walk is not mistaken for growth.

use statrs::distribution::{ContinuousCDF, FisherSnedecor, StudentsT};

/// The minimum number of days to detect a weekly pattern.
const WEEKS: usize = 28;
/// The significance level for a weekly pattern or growth.
pub const CHANCE: f64 = 0.01;
/// The confidence level of the interval.
const SHARE: f64 = 0.95;

/// A line, fitted.
#[derive(Debug, Clone, PartialEq)]
pub struct Trend {
    /// The mean day and the mean peak.
    center: (f64, f64),
    /// Growth per day.
    pub slope: f64,
    /// The effect of each day of the week.
    week: Option<[f64; 7]>,
    /// Standard deviation of the residuals.
    rest: f64,
    /// The effective number of days.
    pub counting: f64,
    /// Sum of squared distances of the days from their mean, scaled to the effective number of days.
    spread: f64,
    /// The number of estimated parameters besides the mean.
    estimated: f64,
}

/// Low end, middle and high end.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Range {
    /// Low end.
    pub low: f64,
    /// Middle.
    pub middle: f64,
    /// High end.
    pub high: f64,
}

fn weekday(day: i64) -> usize {
    usize::try_from(day.rem_euclid(7)).unwrap_or(0)
}

/// Mean day, mean value and slope of a line.
fn line(points: &[(i64, f64)]) -> Option<(f64, f64, f64, f64)> {
    let n = points.len() as f64;
    let day = points.iter().map(|(day, _)| *day as f64).sum::<f64>() / n;
    let mean = points.iter().map(|(_, value)| value).sum::<f64>() / n;
    let spread: f64 = points.iter().map(|(at, _)| (*at as f64 - day).powi(2)).sum();
    let both: f64 = points.iter().map(|(at, value)| (*at as f64 - day) * (value - mean)).sum();
    (spread > 0.0).then(|| (day, mean, both / spread, spread))
}

/// The mean residual of each day of the week, if the weekly pattern is significant.
fn week(residuals: &[(i64, f64)]) -> Option<[f64; 7]> {
    let mut sums = [(0.0, 0.0); 7];
    for (day, value) in residuals {
        if let Some((sum, count)) = sums.get_mut(weekday(*day)) {
            *sum += value;
            *count += 1.0;
        }
    }
    if residuals.len() < WEEKS || sums.iter().any(|(_, count)| *count < 3.0) {
        return None;
    }
    let means = sums.map(|(sum, count)| sum / count);
    let between: f64 = sums.iter().zip(means).map(|((_, count), mean)| count * mean * mean).sum();
    let all: f64 = residuals.iter().map(|(_, value)| value * value).sum();
    let (free, within) = (residuals.len() as f64 - 8.0, all - between);
    let significant = if within <= all * 1e-12 {
        all > 0.0
    } else {
        let chance = 1.0 - FisherSnedecor::new(6.0, free).ok()?.cdf(between / 6.0 / (within / free));
        chance < CHANCE
    };
    significant.then_some(means)
}

impl Trend {
    /// The line through some days since 1970 and their values; none for fewer than three.
    pub fn of(points: &[(i64, f64)]) -> Option<Trend> {
        if points.len() < 3 {
            return None;
        }
        let left = |points: &[(i64, f64)], (day, mean, slope, _): (f64, f64, f64, f64)| -> Vec<(i64, f64)> {
            points.iter().map(|(at, value)| (*at, value - mean - slope * (*at as f64 - day))).collect()
        };
        let mut fitted = line(points)?;
        let mut residuals = left(points, fitted);
        let mut weekly = None;
        // Fit line and weekly pattern alternately, each to the residuals of the other.
        for _ in 0..20 {
            let without_line: Vec<(i64, f64)> =
                points.iter().map(|(at, value)| (*at, value - fitted.1 - fitted.2 * (*at as f64 - fitted.0))).collect();
            let Some(means) = week(&without_line) else { break };
            let of = |day: i64| means.get(weekday(day)).copied().unwrap_or(0.0);
            let without_week: Vec<(i64, f64)> = points.iter().map(|(day, value)| (*day, value - of(*day))).collect();
            fitted = line(&without_week)?;
            residuals = left(&without_week, fitted);
            weekly = Some(means);
        }
        let (day, mean, slope, spread) = fitted;
        let n = points.len() as f64;
        let estimated = if weekly.is_some() { 7.0 } else { 1.0 };
        let squares: f64 = residuals.iter().map(|(_, value)| value * value).sum();
        let pairs = residuals.iter().zip(residuals.iter().skip(1));
        let neighbors: f64 = pairs.filter(|((day, _), (next, _))| day + 1 == *next).map(|((_, one), (_, two))| one * two).sum();
        let correlation = if squares > 0.0 { (neighbors / squares).clamp(0.0, 0.99) } else { 0.0 };
        let counting = n * (1.0 - correlation) / (1.0 + correlation);
        let rest = (squares / (n - estimated - 1.0).max(1.0)).sqrt();
        Some(Trend { center: (day, mean), slope, week: weekly, rest, counting, spread: spread * counting / n, estimated })
    }

    /// Whether the days of the week differ.
    pub fn is_weekly(&self) -> bool {
        self.week.is_some()
    }

    /// Whether the line fits exactly.
    fn is_exact(&self) -> bool {
        self.rest <= self.center.1.abs().max(1.0) * 1e-9
    }

    fn students(&self) -> Option<StudentsT> {
        StudentsT::new(0.0, 1.0, (self.counting - self.estimated - 1.0).max(1.0)).ok()
    }

    /// The probability of as much growth by chance.
    pub fn chance(&self) -> f64 {
        if self.is_exact() {
            return if self.slope > 1e-9 { 0.0 } else { 1.0 };
        }
        let error = self.rest / self.spread.sqrt();
        self.students().map_or(1.0, |students| 1.0 - students.cdf(self.slope / error))
    }

    /// The 95 % prediction interval for a day.
    pub fn at(&self, day: i64) -> Range {
        let (center, mean) = self.center;
        let distance = day as f64 - center;
        let weekly = self.week.and_then(|week| week.get(weekday(day)).copied()).unwrap_or(0.0);
        let middle = mean + self.slope * distance + weekly;
        let width = self.students().map_or(f64::INFINITY, |students| students.inverse_cdf(0.5 + SHARE / 2.0));
        let half = if self.is_exact() {
            0.0
        } else {
            width * self.rest * (1.0 + 1.0 / self.counting + distance * distance / self.spread).sqrt()
        };
        Range { low: middle - half, middle, high: middle + half }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A xorshift generator of numbers between -1 and 1, about bell-shaped.
    struct Noise(u64);

    impl Noise {
        fn next(&mut self) -> f64 {
            let mut one = || {
                self.0 ^= self.0 << 13;
                self.0 ^= self.0 >> 7;
                self.0 ^= self.0 << 17;
                (self.0 % 20_001) as f64 / 10_000.0 - 1.0
            };
            (one() + one() + one()) / 3.0
        }
    }

    #[test]
    fn a_line_is_found_as_it_was_drawn() {
        let points: Vec<(i64, f64)> = (20_000..20_030).map(|day| (day, 4.0 + 0.25 * (day - 20_000) as f64)).collect();
        let trend = Trend::of(&points).unwrap();
        assert!((trend.slope - 0.25).abs() < 1e-9 && trend.chance() < 1e-9 && !trend.is_weekly());
        let range = trend.at(20_040);
        assert!((range.middle - 14.0).abs() < 1e-6 && range.high - range.low < 1e-6, "{range:?}");
        assert!(Trend::of(&points[..2]).is_none());
    }

    #[test]
    fn the_week_is_taken_out_and_put_back() {
        let value = |day: i64| 10.0 + 0.1 * (day - 20_000) as f64 + if day % 7 < 2 { -6.0 } else { 0.0 };
        let points: Vec<(i64, f64)> = (20_000..20_042).map(|day| (day, value(day))).collect();
        let trend = Trend::of(&points).unwrap();
        assert!(trend.is_weekly() && (trend.slope - 0.1).abs() < 1e-3, "{trend:?}");
        for day in 20_042..20_056 {
            assert!((trend.at(day).middle - value(day)).abs() < 0.1, "{day}: {:?}", trend.at(day));
        }
    }

    #[test]
    fn intervals_hold_about_as_many_values_as_they_say() {
        let mut noise = Noise(11);
        let (mut inside, mut all) = (0, 0);
        for _ in 0..400 {
            let mut value = |day: i64| (day, 0.3 * day as f64 + 5.0 * noise.next());
            let points: Vec<(i64, f64)> = (0..30).map(&mut value).collect();
            let trend = Trend::of(&points).unwrap();
            for day in 30..40 {
                let (_, value) = value(day);
                let range = trend.at(day);
                inside += i32::from((range.low..=range.high).contains(&value));
                all += 1;
            }
        }
        let share = f64::from(inside) / f64::from(all);
        assert!((0.93..0.99).contains(&share), "{share}");
    }

    #[test]
    fn noise_and_random_walks_are_rarely_mistaken_for_growth() {
        let mut noise = Noise(5);
        let (mut noise_trends, mut walk_trends) = (0, 0);
        for _ in 0..500 {
            let points: Vec<(i64, f64)> = (0..60).map(|day| (day, noise.next())).collect();
            noise_trends += i32::from(Trend::of(&points).unwrap().chance() < CHANCE);
            let mut at = 0.0;
            let walk: Vec<(i64, f64)> = (0..60)
                .map(|day| {
                    at += noise.next();
                    (day, at)
                })
                .collect();
            let trend = Trend::of(&walk).unwrap();
            walk_trends += i32::from(trend.chance() < CHANCE && trend.counting >= 10.0);
        }
        assert!(noise_trends <= 15, "{noise_trends} of 500");
        assert!(walk_trends <= 25, "{walk_trends} of 500");
    }
}
