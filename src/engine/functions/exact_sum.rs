//! `exact_sum(x)`: the sum of 64-bit floats, rounded once at the end.
//!
//! Plain addition rounds at each step, so the sum depends on the order of rows, and therefore on the number of
//! threads. Here, the exact sum is kept as non-overlapping floats (Shewchuk 1997), and any order produces the same
//! bits. Infinities and NaN are added separately.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, FieldRef, Float64Type};
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::{Accumulator, AggregateUDF, AggregateUDFImpl, Expr, Signature, Volatility};

#[derive(Debug, PartialEq, Eq, Hash)]
struct ExactSum {
    signature: Signature,
}

/// The function, for registration under its name.
pub fn exact_sum_function() -> AggregateUDF {
    AggregateUDF::new_from_impl(ExactSum { signature: Signature::exact(vec![DataType::Float64], Volatility::Immutable) })
}

/// The exact sum of a column of floats; missing without values.
pub fn exact_sum(values: Expr) -> Expr {
    exact_sum_function().call(vec![values])
}

/// The number of values.
#[derive(Debug, Default)]
struct Sum {
    /// Non-overlapping floats in increasing order; their exact sum is the sum of the values.
    parts: Vec<f64>,
    /// The sum of infinities and NaN.
    special: f64,
}

impl Sum {
    fn add(&mut self, value: f64) {
        if !value.is_finite() {
            self.special += value;
            return;
        }
        let mut rest = value;
        let mut kept = Vec::with_capacity(self.parts.len() + 1);
        for &part in &self.parts {
            let (large, small) = if rest.abs() < part.abs() { (part, rest) } else { (rest, part) };
            let high = large + small;
            let low = small - (high - large);
            if low != 0.0 {
                kept.push(low);
            }
            rest = high;
        }
        kept.push(rest);
        self.parts = kept;
    }

    /// The sum, rounded to even; none without values.
    fn total(&self) -> Option<f64> {
        if self.special != 0.0 {
            return Some(self.special);
        }
        let mut parts = self.parts.iter().rev().copied();
        let mut high = parts.next()?;
        let mut low = 0.0;
        for part in parts.by_ref() {
            let before = high;
            high = before + part;
            low = part - (high - before);
            if low != 0.0 {
                break;
            }
        }
        // In a tie, the remaining terms decide on which side of the half the sum is.
        if let Some(next) = parts.next()
            && ((low < 0.0 && next < 0.0) || (low > 0.0 && next > 0.0))
        {
            let doubled = low * 2.0;
            let moved = high + doubled;
            if doubled == moved - high {
                high = moved;
            }
        }
        Some(high)
    }

    fn add_all(&mut self, values: &ArrayRef) -> Result<()> {
        let values = cast(values, &DataType::Float64)?;
        for value in values.as_primitive::<Float64Type>().iter().flatten() {
            self.add(value);
        }
        Ok(())
    }
}

fn part() -> FieldRef {
    Arc::new(Field::new_list_field(DataType::Float64, true))
}

impl Accumulator for Sum {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        values.first().map_or(Ok(()), |values| self.add_all(values))
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        Ok(ScalarValue::Float64(self.total()))
    }

    fn size(&self) -> usize {
        size_of_val(self) + self.parts.capacity() * size_of::<f64>()
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        let special = (self.special != 0.0).then_some(self.special);
        let parts: Vec<ScalarValue> = self.parts.iter().copied().chain(special).map(ScalarValue::from).collect();
        Ok(vec![ScalarValue::List(ScalarValue::new_list_nullable(&parts, &DataType::Float64))])
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        let Some(lists) = states.first().and_then(|lists| lists.as_list_opt::<i32>()) else {
            return Ok(());
        };
        lists.iter().flatten().try_for_each(|list| self.add_all(&list))
    }
}

impl AggregateUDFImpl for ExactSum {
    fn name(&self) -> &str {
        "exact_sum"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _types: &[DataType]) -> Result<DataType> {
        Ok(DataType::Float64)
    }

    fn accumulator(&self, _args: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        Ok(Box::new(Sum::default()))
    }

    fn state_fields(&self, args: StateFieldsArgs<'_>) -> Result<Vec<FieldRef>> {
        let name = format!("{}[parts]", args.name);
        Ok(vec![Arc::new(Field::new(name, DataType::List(part()), true))])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sum(values: &[f64]) -> Option<f64> {
        let mut sum = Sum::default();
        values.iter().for_each(|value| sum.add(*value));
        sum.total()
    }

    #[test]
    fn nothing_is_lost_between_large_and_small() {
        assert_eq!(sum(&[]), None);
        assert_eq!(sum(&[0.0]), Some(0.0));
        assert_eq!(sum(&[1e16, 1.0, -1e16]), Some(1.0));
        assert_eq!(sum(&[0.1; 10]), Some(1.0));
        assert_eq!(sum(&[1e-16, 1.0, 1e16]), Some(1e16 + 2.0));
        assert_eq!(sum(&[f64::INFINITY, 1.0]), Some(f64::INFINITY));
        assert!(sum(&[f64::INFINITY, f64::NEG_INFINITY]).unwrap().is_nan());
    }

    #[test]
    fn any_order_and_any_split_give_the_same_bits() {
        let mut values: Vec<f64> = (0..500_i32).map(|n| f64::from(n % 37) * 0.1 * 10f64.powi(n % 19 - 9)).collect();
        let forward = sum(&values).unwrap();
        values.reverse();
        assert_eq!(sum(&values).unwrap().to_bits(), forward.to_bits());
        let (left, right) = values.split_at(123);
        let mut whole = Sum::default();
        for half in [left, right] {
            let mut part = Sum::default();
            half.iter().for_each(|value| part.add(*value));
            let state = part.state().unwrap().remove(0).to_array().unwrap();
            whole.merge_batch(&[state]).unwrap();
        }
        assert_eq!(whole.total().unwrap().to_bits(), forward.to_bits());
    }
}
