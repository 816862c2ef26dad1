//! What failed attempts cost in USD: one rule for the total of a report, for each incident and for a series.

use super::manifest::Prices;
use super::queries::QueryResult;

/// What the failed attempts of one incident used up.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Usage {
    /// vCPU hours.
    pub vcpu_hours: f64,
    /// GiB hours of memory.
    pub gib_hours: f64,
    /// USD, if the records have prices.
    pub recorded_usd: Option<f64>,
}

impl Usage {
    /// That of a row of `incidents`.
    pub fn of(result: &QueryResult, row: usize) -> Usage {
        let number = |name: &str| result.number(row, name);
        Usage {
            vcpu_hours: number("vcpu_hours").unwrap_or_default(),
            gib_hours: number("gib_hours").unwrap_or_default(),
            recorded_usd: number("cost_usd"),
        }
    }
}

/// A cost.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Cost {
    /// USD; none if nothing has a price.
    pub usd: Option<f64>,
    /// Whether the USD are from given prices, at least in part.
    pub from_given_prices: bool,
    /// Whether something that was used has no price.
    pub has_unpriced: bool,
}

impl Cost {
    /// The sum: each incident costs what its records say; one without recorded prices costs its time at the given ones.
    pub fn of(usages: impl Iterator<Item = Usage>, prices: Option<&Prices>) -> Cost {
        usages.fold(Cost::default(), |sum, usage| {
            let used = usage.vcpu_hours > 0.0 || usage.gib_hours > 0.0;
            let given = prices.filter(|_| usage.recorded_usd.is_none() && used);
            let given = given.map(|prices| prices.of(usage.vcpu_hours, usage.gib_hours));
            Cost {
                usd: usage.recorded_usd.or(given).map(|usd| sum.usd.unwrap_or_default() + usd).or(sum.usd),
                from_given_prices: sum.from_given_prices || given.is_some(),
                has_unpriced: sum.has_unpriced || (used && usage.recorded_usd.is_none() && given.is_none()),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_costs_of_incidents_add_up_to_the_total() {
        let prices = Prices { vcpu_hour: 0.04, gib_hour: 0.01 };
        let recorded = Usage { vcpu_hours: 2.0, gib_hours: 4.0, recorded_usd: Some(1.5) };
        let unpriced = Usage { vcpu_hours: 10.0, gib_hours: 20.0, recorded_usd: None };
        let nothing = Usage::default();
        let cost = |usages: &[Usage], prices: Option<&Prices>| Cost::of(usages.iter().copied(), prices);
        let all = cost(&[recorded, unpriced, nothing], Some(&prices));
        let each = [recorded, unpriced, nothing].map(|usage| cost(&[usage], Some(&prices)).usd.unwrap_or_default());
        assert!((all.usd.unwrap() - each.iter().sum::<f64>()).abs() < 1e-9, "{all:?} {each:?}");
        assert!((all.usd.unwrap() - 2.1).abs() < 1e-9 && all.from_given_prices, "{all:?}");
        assert_eq!(cost(&[recorded, unpriced], None), Cost { usd: Some(1.5), from_given_prices: false, has_unpriced: true });
        assert!(!cost(&[recorded, nothing], None).has_unpriced);
        assert_eq!(cost(&[nothing], Some(&prices)), Cost::default());
    }
}
