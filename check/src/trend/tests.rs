//! Few values against the histogram, which is the oracle.

use super::*;
use proptest::prelude::*;

/// The same values in a histogram from the first one on.
fn as_histogram(trend: &Trend) -> Trend {
    let mut many = trend.clone();
    many.values.many();
    many
}

fn numbers(trend: &Trend) -> Vec<Option<f64>> {
    let percents = [0.0, 0.1, 10.0, 33.3, 50.0, 90.0, 99.0, 99.9, 100.0, 120.0];
    let percentiles = percents.map(|per_cent| trend.percentile_ms(per_cent));
    let ends = [trend.min_ms(), trend.mean_ms(), trend.max_ms()];
    percentiles.into_iter().chain(ends).collect()
}

fn times() -> impl Strategy<Value = Vec<u64>> {
    let ns = prop_oneof![
        0..5_000_000_u64,
        0..10_000_000_000_u64,
        (0..64_u32).prop_map(|shift| 1 << shift),
        (0..64_u32).prop_map(|shift| (1 << shift) - 1),
        Just(MICROSECONDS_MAX * 1_000),
        any::<u64>(),
    ];
    prop::collection::vec(ns, 0..FEW_MAX * 2)
}

fn trend(times: &[u64]) -> Trend {
    let mut trend = Trend::new();
    times.iter().for_each(|ns| trend.record_ns(*ns));
    trend
}

proptest! {
    #[test]
    fn few_values_read_as_a_histogram(times in times()) {
        let few = trend(&times);
        prop_assert_eq!(matches!(few.values, Values::Few(_)), times.len() <= FEW_MAX);
        prop_assert_eq!(numbers(&few), numbers(&as_histogram(&few)));
        let mut closed = few.clone();
        closed.close();
        prop_assert_eq!(numbers(&closed), numbers(&few));
        prop_assert_eq!(few.count(), times.len() as u64);
    }

    #[test]
    fn merged_trends_read_as_one(one in times(), other in times()) {
        let mut merged = trend(&one);
        merged.merge(&trend(&other));
        let all: Vec<u64> = one.into_iter().chain(other).collect();
        prop_assert_eq!(numbers(&merged), numbers(&as_histogram(&trend(&all))));
    }
}
