//! `agent_lift(…)` and `fisher_p(…)`: how much more often failures happen within windows than by chance.
//!
//! Both take four whole numbers: attempts inside, failures inside, attempts outside, failures outside.

use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array};
use arrow::datatypes::DataType;
use datafusion::common::Result;
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility};
use statrs::distribution::{Discrete, Hypergeometric};

use crate::engine::functions::record::{number, numbers};

/// The failure rate inside divided by the failure rate outside; none without attempts on both sides.
///
/// If nothing failed outside, half a failure is added to both sides: the true ratio is unknown and unbounded, and
/// this estimate grows with the number of attempts.
pub fn lift(inside: i64, inside_failed: i64, outside: i64, outside_failed: i64) -> Option<f64> {
    if inside <= 0 || outside <= 0 {
        return None;
    }
    let share = |failed: i64, of: i64, more: f64| (failed as f64 + more) / (of as f64 + 2.0 * more);
    let more = if outside_failed == 0 { 0.5 } else { 0.0 };
    Some(share(inside_failed, inside, more) / share(outside_failed, outside, more))
}

/// The probability of at least this many failures inside if windows have no effect: Fisher's exact test, one-sided.
pub fn fisher_p(inside: i64, inside_failed: i64, outside: i64, outside_failed: i64) -> Option<f64> {
    let count = |number: i64| u64::try_from(number).ok();
    let (inside, inside_failed) = (count(inside)?, count(inside_failed)?);
    let (outside, outside_failed) = (count(outside)?, count(outside_failed)?);
    let failed = inside_failed.checked_add(outside_failed)?;
    if inside == 0 || outside == 0 || inside_failed > inside || outside_failed > outside {
        return None;
    }
    let hypergeometric = Hypergeometric::new(inside.checked_add(outside)?, failed, inside).ok()?;
    // Sums the shorter tail, small terms first.
    let most = failed.min(inside);
    let least = failed.saturating_sub(outside);
    if most - inside_failed <= inside_failed - least {
        let p: f64 = (inside_failed..=most).rev().map(|failures| hypergeometric.ln_pmf(failures).exp()).sum();
        return Some(p.min(1.0));
    }
    let below: f64 = (least..inside_failed).map(|failures| hypergeometric.ln_pmf(failures).exp()).sum();
    Some((1.0 - below).clamp(0.0, 1.0))
}

type OfCounts = fn(i64, i64, i64, i64) -> Option<f64>;

#[derive(Debug)]
struct Chance {
    name: &'static str,
    signature: Signature,
    compute: OfCounts,
}

impl PartialEq for Chance {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Chance {}

impl std::hash::Hash for Chance {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.name.hash(state);
    }
}

/// The functions, for registration under their names.
pub fn chance_functions() -> [ScalarUDF; 2] {
    let function =
        |name, compute| ScalarUDF::new_from_impl(Chance { name, signature: Signature::any(4, Volatility::Immutable), compute });
    [function("agent_lift", lift), function("fisher_p", fisher_p)]
}

impl ScalarUDFImpl for Chance {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _types: &[DataType]) -> Result<DataType> {
        Ok(DataType::Float64)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let arrays: Vec<ArrayRef> = args.args.iter().map(|value| value.to_array(args.number_rows)).collect::<Result<_>>()?;
        let counts = [numbers(&arrays, 0)?, numbers(&arrays, 1)?, numbers(&arrays, 2)?, numbers(&arrays, 3)?];
        let [inside, inside_failed, outside, outside_failed] = &counts;
        let value = |row: usize| {
            (self.compute)(number(inside, row)?, number(inside_failed, row)?, number(outside, row)?, number(outside_failed, row)?)
        };
        Ok(ColumnarValue::Array(Arc::new((0..args.number_rows).map(value).collect::<Float64Array>())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(left: Option<f64>, right: f64) -> bool {
        left.is_some_and(|left| (left - right).abs() < 1e-9)
    }

    #[test]
    fn the_lady_tasting_tea() {
        // Fisher's own example: 3 of 4 right, and 1 of 4: 17/70.
        assert!(close(fisher_p(4, 3, 4, 1), 17.0 / 70.0));
        assert!(close(fisher_p(4, 4, 4, 0), 1.0 / 70.0));
        assert!(close(fisher_p(4, 0, 4, 4), 1.0));
        assert_eq!(fisher_p(0, 0, 4, 1), None);
        assert_eq!(fisher_p(2, 3, 4, 1), None);
    }

    #[test]
    fn lift_is_a_ratio_of_shares() {
        assert!(close(lift(10, 5, 100, 10), 5.0));
        assert!(close(lift(10, 0, 100, 10), 0.0));
        assert!(close(lift(9, 9, 99, 0), (9.5 / 10.0) / (0.5 / 100.0)));
        assert_eq!(lift(0, 0, 100, 0), None);
    }

    #[test]
    fn large_counts_are_counted() {
        let p = fisher_p(1_000_000, 40, 9_000_000, 360).unwrap();
        assert!(p > 0.4 && p < 0.6, "{p}");
        assert!(fisher_p(1_000, 400, 9_000_000, 100).unwrap() < 1e-100);
    }
}
