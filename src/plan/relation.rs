//! `near`, `following`, `preceding`: rows with or without a row of another noun within a distance in time.
//!
//! Both sides are combined with a union and sorted by time, per combination of the `matching` columns; each row
//! counts the rows of the other side within its distance. This is a single sort, while a join on a time range would
//! compare every row with every other. Invariants: a row is not its own partner; a row with a missing `matching`
//! column has no partner; the distance is inclusive at both ends, and equal times count as both before and after.

use datafusion::functions::expr_fn::coalesce;
use datafusion::functions_aggregate::sum::sum_udaf;
use datafusion::logical_expr::expr::WindowFunction;
use datafusion::logical_expr::{
    Expr, ExprFunctionExt, WindowFrame, WindowFrameBound, WindowFrameUnits, WindowFunctionDefinition, lit, when,
};
use datafusion::prelude::DataFrame;
use datafusion::scalar::ScalarValue;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::expression::{arrow_type, cast, column};
use super::rows::Rows;
use super::{PlanError, predicate};
use crate::lang::catalog::FieldType;
use crate::lang::checked::{Relation, RelationKind, Window};

/// Microseconds since 1970.
const AT: &str = "#at";
/// 1 for a row of the other noun.
const PARTNER: &str = "#partner";
/// The number of partners of a row.
const PARTNERS: &str = "#partners";

/// The window in which rows of the other noun can be partners.
pub fn partner_window(window: &Window, relation: &Relation) -> Window {
    let distance = SignedDuration::try_from_secs_f64(relation.within).unwrap_or(SignedDuration::MAX);
    let earlier = |time: Timestamp| time.checked_sub(distance).unwrap_or(Timestamp::MIN);
    // The end of a window is exclusive, but a distance is inclusive.
    let later = |time: Timestamp| {
        time.checked_add(distance).and_then(|time| time.checked_add(SignedDuration::from_micros(1))).unwrap_or(Timestamp::MAX)
    };
    Window { from: window.from.map(earlier), to: window.to.map(later), ..Window::default() }
}

/// The rows with a partner among `others`, or the rows without one.
pub fn relate(rows: Rows, others: Rows, relation: &Relation, same_noun: bool, tz: &TimeZone) -> Result<Rows, PlanError> {
    let (Some(time), Some(other_time)) = (rows.time(), others.time()) else {
        return Err(PlanError::Unchecked("a correlation requires time columns".into()));
    };
    let keys: Vec<String> = (0..relation.matching.len()).map(|index| format!("#m{index}")).collect();
    let of_keys = || {
        let value = |field: &crate::lang::checked::FieldRef| cast(column(&field.name), arrow_type(field.kind));
        relation.matching.iter().zip(&keys).map(|(field, key)| value(field).alias(key)).collect::<Vec<_>>()
    };
    let at = |time: &str| cast(column(time), arrow_type(FieldType::Int)).alias(AT);
    let filter = relation.filter.as_ref().map(|pred| predicate::filter(pred, tz)).transpose()?;

    let fields: Vec<_> = rows.frame.schema().fields().iter().cloned().collect();
    let mut items: Vec<Expr> = fields.iter().map(|field| column(field.name())).collect();
    items.extend(of_keys());
    items.push(at(time));
    items.push(lit(0i64).alias(PARTNER));
    // A row that is on both sides also counts itself.
    let itself = match (&filter, same_noun) {
        (_, false) => lit(0i64),
        (None, true) => lit(1i64),
        (Some(filter), true) => when(filter.clone(), lit(1i64)).otherwise(lit(0i64))?,
    };
    items.push(itself.alias("#itself"));
    let own = rows.frame.clone().select(items)?;

    let mut items = Vec::with_capacity(fields.len() + keys.len() + 3);
    for field in &fields {
        items.push(lit(ScalarValue::try_new_null(field.data_type())?).alias(field.name()));
    }
    items.extend(of_keys());
    items.push(at(other_time));
    items.push(lit(1i64).alias(PARTNER));
    items.push(lit(0i64).alias("#itself"));
    let mut partners = others.frame.clone();
    if let Some(filter) = filter {
        partners = partners.filter(filter)?;
    }
    let both = own.union(partners.select(items)?)?;

    let frame = with_partners(both, &keys, relation)?.filter(column(PARTNER).eq(lit(0i64)))?;
    let matched = coalesce(vec![column(PARTNERS), lit(0i64)]).gt(column("#itself"));
    let known = keys.iter().map(|key| column(key).is_not_null()).chain([column(AT).is_not_null()]);
    let has_partner = known.fold(matched, Expr::and);
    let frame = frame.filter(if relation.negated { !has_partner } else { has_partner })?;
    let frame = frame.select(fields.iter().map(|field| column(field.name())).collect::<Vec<_>>())?;
    Ok(Rows { frame, ..rows })
}

/// Counts the partners within the distance of each row.
fn with_partners(both: DataFrame, keys: &[String], relation: &Relation) -> Result<DataFrame, PlanError> {
    let distance = ScalarValue::Int64(Some((relation.within * 1e6) as i64));
    let before = WindowFrameBound::Preceding(distance.clone());
    let after = WindowFrameBound::Following(distance);
    let (start, end) = match relation.kind {
        RelationKind::Near => (before, after),
        RelationKind::Following => (before, WindowFrameBound::CurrentRow),
        RelationKind::Preceding => (WindowFrameBound::CurrentRow, after),
    };
    let range = WindowFrame::new_bounds(WindowFrameUnits::Range, start, end);
    let count = WindowFunctionDefinition::AggregateUDF(sum_udaf());
    let partners = Expr::from(WindowFunction::new(count, vec![column(PARTNER)]))
        .partition_by(keys.iter().map(|key| column(key)).collect())
        .order_by(vec![column(AT).sort(true, false)])
        .window_frame(range)
        .build()?;
    Ok(both.window(vec![partners.alias(PARTNERS)])?)
}
